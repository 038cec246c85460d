"""What SQLite reads as virtual tables: implementations of vtab.Relation over the rooms below.

    tables    a sky table with its companions: events, objects, sessions, changes
    results   the rows of a path scan that a statement had pushed down
    matches   the rows of a MATCH_RECOGNIZE

Not here: the relations of reports (reports/report), and how SQLite calls a relation (vtab/).

Others take: matches, results, tables.
"""
