"""A plan and a snapshot become the answer.

    bound        a plan bound to its table: what is the same each time
    scan         one run of it: shards to rows, rows to partials, partials to a result, on threads. Begin here
    rows         the events, objects or sessions of a shard as rows;  selection: those that meet the predicate
    evaluation   an expression over rows, as vectors: by arrays (exact), or by SQLite (by_sqlite)
    aggregates/  what is computed of groups, an aggregate a file;  partials: their states, which merge
    travel       partials as bytes, for other processes

Not here: the functions over a path (functions/), and how SQLite reads the answer (relations/).

Others take: actions, aggregates, bound, by_sqlite, evaluation, result, rows, scan.
"""
