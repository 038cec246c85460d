"""A plan and a snapshot -> the answer.

    scan         runs a PathScan shard by shard, on threads, and merges what comes of each
    rows         the events, objects or sessions of a shard as rows;  changes, pairs: other kinds of rows
    evaluation   an expression over such rows, as vectors;  memos: results of SQLite's that are kept
    aggregates/  what a scan computes of groups, an aggregate a file;  groups: rows dealt into groups
    partials     groups with the states of their aggregates: what is known of some rows, and merges into one
    paths        functions over a path in a scan;  layouts: events laid out by state for sums

Not here: the functions over a path (functions/), and how SQLite reads the answer (relations/).
"""
