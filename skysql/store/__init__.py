"""What is stored: the shadow tables of a sky table, and how a reader sees them.

    store         one table, and what is written to it. Begin here, and with manifest: what a table consists of
    format, blob  the bytes of what is stored;  shadow_tables: all SQL;  reader: what the rows of a manifest stand for
    log           where a commit of few events goes;  compact: log into blocks, and blocks into fewer
    shard         whole paths as they are read, a range of objects each;  snapshot: all of them
    dictionary    texts and keys by number;  cache: what was decoded, shared by connections
    alter         another definition, in place;  history: which objects the last commits changed

Not here: what a question is (plan/) or its answer (scan/), and what saves a file that is damaged (repair/).

Others take: alter, by_code, cache, check, cleanup, dictionary, lineage, manifest, marks, numbered, shadow_tables,
shard, snapshot, store, texts, views.
"""
