"""What is kept: the shadow tables of a sky table, and how a reader sees them.

    store        one table, and what is written to it;  manifest: what it consists of, and edits of that
    shadow_tables   all SQL;  format: the bytes of each type of blob;  blob: what all of them are made of
    reader       what the rows of a manifest stand for
    log          where a commit of few events goes;  compact: log into blocks, blocks into fewer;  cleanup: all of it
    blocks       sorted events;  shard, snapshot: whole paths as they are read, a range of objects each
    dictionary   texts and keys by number;  chunks, texts: where they are many
    history      which objects the last commits changed
    alter        another definition, in place;  retyped, leftovers, definition: what that needs
    numbered     events by their numbers;  statistics, check: what is known of values, and whether all is sound
    cache        what was decoded, shared by connections;  lineage: which file it is of

Not here: what a question is (plan/) or its answer (scan/), and what saves a file that is damaged (repair/).

Others take: alter, by_code, cache, check, cleanup, dictionary, lineage, manifest, marks, numbered, shadow_tables,
shard, snapshot, store, texts, views.
"""
