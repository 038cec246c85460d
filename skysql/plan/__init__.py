"""What is asked, as frozen trees that know neither SQL nor storage.

    scan   the expressions, the aggregates, and PathScan: one question to the paths of a table

sql/ makes plans of statements, scan/ runs them, and EXPLAIN prints them. Imports model/ alone.
"""
