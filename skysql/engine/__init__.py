"""One connection: its tables, statements, functions, and all that was published for it.

    session          runs the statements of a front: planning, transactions, errors, results;  statements: their verbs
    guard            one thread at a time;  sqlite_errors: SQLite's errors as ours
    engine           wires everything; appends, compacts, checks
    opening          SQLite's connection to a file;  source: the tables of a connection;  versions: of its schemas
    sql_functions    the functions that every connection has;  alter: sky_alter();  info: what a table holds
    path_functions   functions over a path as aggregates of SQLite's;  repeated, aggregates: how SQLite calls Python's
    schema           the catalogue that the rewriter asks;  published: what rewritten statements read, under its names;
                     prepared: what a session gets for a text
    evaluator        expressions that SQLite computes for a scan
    registries       the functions over a path, reports, idioms and rules that it has
    dependents       views and triggers that name a table;  hints: what an error should say besides

Fronts stand on its sessions: dbapi/ today.

Others take: engine, guard, info, prepared, session, sqlite_errors, statements, waiting_errors.
"""
