"""What is asked, as frozen trees.

    path_scan   the expressions, the aggregates, and PathScan: one question to the paths of a table
    sources     the columns of the rows that a scan reads;  labels: columns that no table has
    tree        how plans print;  json: how they are written and read

sql/ makes plans of statements, scan/ runs them, and EXPLAIN prints them. Not here: SQL, and
storage. Imports model/ alone.

Others take: json, labels, path_scan, sources, tree.
"""
