"""What there is: tables and properties, kinds of value, times, and the grammar by which a table is altered.

    table        Table, Property: the definition of a sky table, as written in CREATE VIRTUAL TABLE
    companions   the columns of a sky table and of the tables that come with it: objects, sessions, changes
    kinds/       kinds of value, a file each: how one is parsed, stored, read and shown
    tokens       SQL text read without a parser;  quoting: names and values as SQL text
    alteration   what `sky_alter` is told, and what becomes of a definition by it
    values       affinity: a value of SQLite's as a number or a text, without loss
    timestamps   microseconds since 1970, from and to text;  time_units: numbers that count something coarser
    dtypes       the arrays that values are kept in

Not here: where any of it is stored (store/), or asked for (plan/). Imports numpy, errors and interruption.

Others take: alteration, companions, dtypes, kinds, quoting, table, time_units, timestamps, tokens, values.
"""
