"""PEP 249 over a session of the engine, as sqlite3 has it.

    connection   connect(), Connection, and what skysql adds: append, compact, check, backup
    cursor       Cursor: what a session answers, as Python's programs read it;  row: its rows by name
    parameters   what is bound;  sqlite: SQLite's version and constants
    functions    the user's functions and what becomes of their exceptions;  hooks: those of authorizers and traces
    open_blob    BLOBs in place;  dump: a database as SQL

Not here: how a statement runs, and what becomes of a transaction (engine/session).

Others take: connection, cursor, functions, open_blob, parameters, row, sqlite.
"""

from . import connection, cursor, functions, open_blob, parameters, row, sqlite

__all__ = ["connection", "cursor", "functions", "open_blob", "parameters", "row", "sqlite"]
