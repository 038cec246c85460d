"""What SQLite reads as virtual tables: vtab.Relation over the rest.

    tables    a sky table with its companions: events, objects, sessions, changes
    results   the rows of a plan that a statement had pushed down;  matches: of MATCH_RECOGNIZE

Table-valued reports are relations, too: reports/report.

Others take: matches, results, tables.
"""
