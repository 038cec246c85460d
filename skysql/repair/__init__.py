"""What can be saved of a damaged file, into a new one.

    repair    table by table and batch by batch, what is sound
    salvage   the rows of SQLite tables whose b-trees are broken;  pages: such a file page by page

A damaged table cannot be opened as one, so that this room reads the shadow tables and their bytes itself. Not here:
finding damage in a file that opens (store/check).

Others take: repair.
"""
