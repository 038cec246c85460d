"""One connection: its tables, statements, functions, and all that was published for it.

    session          runs the statements of a front: planning, transactions, errors, results;  statements: their verbs
    guard            one thread at a time;  sqlite_errors: SQLite's errors as ours
    engine           wires everything: SQLite's connection, the modules, the rewriter
    path_functions   functions over a path as aggregates of SQLite's;  repeated, aggregates: how SQLite calls Python's
    schema           the catalogue that the rewriter asks;  published: what rewritten statements read, under its names
    evaluator        expressions that SQLite computes for a scan
    registries       the functions over a path, reports, idioms and rules that it has
    dependents       views and triggers that name a table;  hints: what an error should say besides

Fronts stand on its sessions: dbapi/ today.
"""
