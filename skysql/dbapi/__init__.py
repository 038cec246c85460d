"""PEP 249 over an engine, as sqlite3 has it.

    connection   connect(), Connection, and what skysql adds: append, compact, check, backup
    cursor       Cursor and Row; errors of SQLite's as those of PEP 249
    parameters   what is bound;  statements: where one ends, and its verb
"""

from . import connection, cursor, parameters

__all__ = ["connection", "cursor", "parameters"]
