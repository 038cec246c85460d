"""PEP 249 over a session of the engine, as sqlite3 has it.

    connection   connect(), Connection, and what skysql adds: append, compact, check, backup
    cursor       Cursor and Row: what a session answers, as Python's programs read it
    parameters   what is bound

Not here: how a statement runs, and what becomes of a transaction (engine/session).

Others take: connection, cursor, parameters.
"""

from . import connection, cursor, parameters

__all__ = ["connection", "cursor", "parameters"]
