"""Rows and columns of users become batches of events.

    event_values   what an event may be given: object, time, values, changes
    row_buffer     rows of INSERT, checked;  columns: what append() is given, checked
    frames         columns of any library: numpy, pandas, polars, pyarrow, lists
    writer         what the statements of a transaction have written and the store does not have yet
    statement      which statements are under way, and what each has asked of writers
    counts         how many rows they changed

Not here: files (transfer/), and what becomes of a batch in a table (store/).

Others take: columns, counts, event_values, row_buffer, statement, writer.
"""
