"""What is kept: the shadow tables of a sky table, and how a reader sees them.

    store        one table: its log, its blocks, what is written to them;  shadows: every shadow table's rows, checked
    format       the bytes of a blob;  blocks, shard, snapshot: whole paths as they are read, a range of objects each
    dictionary   texts and keys by number;  chunks, texts: where they are many
    compact      log into blocks, blocks into fewer;  alter, retyped, leftovers, definition: what changes a table
    numbered     events by their numbers;  statistics, check: what is known of values, and whether all is sound
    cache        what was decoded, shared by connections;  lineage: which file it is of

Not here: what a question is (plan/) or its answer (scan/), and what saves a file that is damaged (repair/).
"""
