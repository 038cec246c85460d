"""What can be saved of a damaged file, into a new one.

    repair   table by table, batch by batch, what is sound
    rows     rows of SQLite tables whose b-trees are broken;  pages: such a file page by page

Reads the shadow tables itself, as a damaged table cannot be opened as one.

Others take: repair.
"""
