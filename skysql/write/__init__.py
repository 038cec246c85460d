"""Rows and columns of users -> batches of events.

    columns   validates what INSERT and append() are given: object, time, action, values
    frames    columns of any library: numpy, pandas, polars, pyarrow, lists
    writer    what the statements of a transaction have asked for and the store does not hold yet
    statement which statements are under way, and what each has asked of writers;  counts: how many rows they changed

Not here: files (transfer/), and what becomes of a batch in a table (store/).

Others take: columns, counts, statement, writer.
"""
