"""Files in and out.

    formats   CSV, TSV, JSON lines, Parquet: read as chunks of columns, written as rows
    load      a file into a table, with types and times found out;  states: rows of states as changes;  spill: on disk
    save      a table into a file that loads as the same events
    terminal  texts for a person to read, with nothing in them that a terminal obeys

Not here: arguments and printing (cli/), and the checks of a row's values (write/).

Others take: formats, load, save, terminal.
"""
