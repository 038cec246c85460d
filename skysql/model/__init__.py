"""What there is: tables and properties, kinds of value, times, and the grammar by which a table is altered.

    table        the definition of a sky table, as in CREATE VIRTUAL TABLE;  companions: the columns of its tables
    kinds/       kinds of value, a file each: how one is parsed, stored, read and shown
    values       a value of SQLite's as a number or a text, without loss;  timestamps, time_units: as a time
    alteration   what sky_alter() is told, and what becomes of a definition by it
    tokens       SQL text read without a parser;  quoting: names and values as SQL text

Not here: where any of it is stored (store/), or asked for (plan/). Imports numpy, errors and interruption.

Others take: alteration, companions, dtypes, kinds, quoting, table, time_units, timestamps, tokens, values.
"""
