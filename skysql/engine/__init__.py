"""One connection: its tables, its statements, its functions, and what was published for it.

    session    runs the statements of a front: planning, transactions, errors, results. Begin here
    engine     wires everything: connected_tables, registries, the functions of SQL, the rewriter
    published  puts what a rewritten statement reads under a name for SQLite;  schema: the catalogue for the rewriter
    sky_alter  another definition of a table;  dependents: the views and triggers that read it
    watch      authorizers and traces, which see what the user wrote
    evaluator  expressions that SQLite computes for a scan;  digits: numbers that SQL does not show in full

Not here: PEP 249. A front, such as dbapi/, stands on a session.

Others take: engine, guard, info, prepared, session, sqlite_errors, statements, waiting_errors, watch.
"""
