"""A plan and a snapshot -> the answer.

    bound        a plan bound to its table: what is the same each time;  scan: one run of it, shard by shard, on threads
    selection    the rows that meet the predicate;  actions: events of a condition, by the index of events by action
    accumulate   rows -> a partial;  result: values of groups, or rows, some at a time
    rows         the events, objects or sessions of a shard as rows;  changes, pairs: other kinds of rows
    evaluation   an expression over such rows, as vectors: exact: by arrays;  by_sqlite: by SQLite;  sets: lists
    aggregates/  what a scan computes of groups, an aggregate a file;  groups: rows dealt into groups
    partials     groups with the states of their aggregates: what is known of some rows, and merges into one
    travel       partials as bytes, for other processes
    paths        functions over a path in a scan;  layouts: events laid out by state for sums

Not here: the functions over a path (functions/), and how SQLite reads the answer (relations/).

Others take: actions, aggregates, bound, by_sqlite, evaluation, result, rows, scan.
"""
