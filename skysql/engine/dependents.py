"""Views and triggers that can no longer be compiled after a schema was changed.

SQLite compiles them when they are used. So a change of what they may read has them compiled before and after it.
What a double-quoted name means must not depend on whether there is such a column: it is no text here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw

from ..model.quoting import quote


def failing(sqlite: apsw.Connection) -> dict[str, str]:
    """What cannot be compiled: 'view name' or 'trigger name' -> why."""
    quoted = sqlite.config(apsw.SQLITE_DBCONFIG_DQS_DML, -1)
    sqlite.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    try:
        found = {}
        for what, statements in _compiled_with(sqlite):
            for statement in statements:
                try:
                    sqlite.execute(f"EXPLAIN {statement}").close(True)
                except apsw.Error as error:
                    found[what] = str(error)
        return found
    finally:
        sqlite.config(apsw.SQLITE_DBCONFIG_DQS_DML, quoted)


def _compiled_with(sqlite: apsw.Connection) -> Iterator[tuple[str, list[str]]]:
    """Each view and trigger, and statements that have it compiled."""
    databases = [str(row[1]) for row in sqlite.execute("PRAGMA database_list").fetchall()]
    for database in databases:
        found: list[Any] = sqlite.execute(
            f"SELECT type, name, tbl_name FROM {quote(database)}.sqlite_schema WHERE type IN ('view', 'trigger')"
        ).fetchall()
        for type, name, table in found:
            place = f"{quote(database)}.{quote(name if type == 'view' else table)}"
            if type == "view":
                yield f"view {name}", [f"SELECT 1 FROM {place}"]
            else:
                yield f"trigger {name}", _changes(sqlite, database, table, place)


def _changes(sqlite: apsw.Connection, database: str, table: str, place: str) -> list[str]:
    """Statements that any trigger on the table fires at."""
    query = "SELECT name FROM temp.pragma_table_xinfo(?, ?) WHERE hidden = 0"
    columns = sqlite.execute(query, (table, database)).fetchall()
    assignments = ", ".join(f"{quote(str(name))} = {quote(str(name))}" for (name,) in columns)
    update = [f"UPDATE {place} SET {assignments}"] if assignments else []
    return [f"INSERT INTO {place} DEFAULT VALUES", f"DELETE FROM {place}", *update]
