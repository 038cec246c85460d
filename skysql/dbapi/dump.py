"""A database as SQL that makes it anew, as sqlite3 writes it; sky tables as INSERTs of their events.

Sources: CPython 3.13 Lib/sqlite3/dump.py, whose output the tests compare with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import apsw

from ..errors import OperationalError
from ..model.companions import ACTION_NAME, OWN_CHANGES, TIMESTAMP
from ..model.quoting import literal, quote
from ..model.table import Table
from ..model.tokens import module_of

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.guard import Guard
    from ..engine.info import TableInfo


class Dumped(Protocol):
    """What is dumped: a connection."""

    guard: Guard
    engine: Engine
    sqlite: apsw.Connection

    def info(self) -> list[TableInfo]:
        """Its sky tables."""
        ...


def dump(connection: Dumped, filter: str | None = None) -> Iterator[str]:
    """The statements. filter: a LIKE pattern for the names of what is dumped."""
    with suppress(OperationalError):  # of a key that fits no table, for one, which a dump does not mend
        if _rows(connection, "PRAGMA foreign_key_check"):
            yield "PRAGMA foreign_keys=OFF;"
    yield "BEGIN TRANSACTION;"
    later: list[str] = []
    written = False
    for name, sql in _made(connection, "type = 'table'", filter, "ORDER BY name"):
        for statement in _table(connection, name, sql, later):
            if statement.startswith("INSERT INTO sqlite_master(") and not written:
                written = True
                yield "PRAGMA writable_schema=ON;"
            yield statement
    for _, sql in _made(connection, "type IN ('index', 'trigger', 'view')", filter):
        yield f"{sql};"
    yield from later
    if written:
        yield "PRAGMA writable_schema=OFF;"
    yield "COMMIT;"


def _made(connection: Dumped, kinds: str, filter: str | None, order: str = "") -> list[tuple[str, str]]:
    """(name, text) of what the schema has of these kinds, but for what belongs to sky tables."""
    like = "" if filter is None else f" AND name LIKE {literal(filter)}"
    found = _rows(connection, f"SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL AND {kinds}{like} {order}")
    with connection.guard:
        owned = connection.engine.shadows()
    return [(name, sql) for name, sql in found if name not in owned and not module_of(sql).startswith("sky_")]


def _table(connection: Dumped, name: str, sql: str, later: list[str]) -> Iterator[str]:
    """The statements for one table. later: gets what comes after all others."""
    if name == "sqlite_sequence":
        later.append('DELETE FROM "sqlite_sequence";')
        later += _inserts(connection, name, _columns(connection, name))
        return
    skies = {info.name: info.table for info in connection.info() if info.database == "main"}
    if name in skies:
        yield f"{sql};"
        yield from _inserts(connection, name, _event_columns(skies[name]), named=True, sky=True)
        return
    if name == "sqlite_stat1":
        yield 'ANALYZE "sqlite_master";'
    elif name.startswith("sqlite_"):
        return
    elif sql[:20].upper() == "CREATE VIRTUAL TABLE":  # what it holds is in its tables, which are dumped as any
        shown = literal(name), literal(name), literal(sql)
        yield "INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table',{},{},0,{});".format(*shown)
        return
    else:
        yield f"{sql};"
    columns = _columns(connection, name)
    computed = _rows(connection, f"SELECT 1 FROM temp.pragma_table_xinfo({literal(name)}) WHERE hidden")
    yield from _inserts(connection, name, columns, named=bool(computed))


def _inserts(
    connection: Dumped, table: str, columns: list[str], *, named: bool = False, sky: bool = False
) -> Iterator[str]:
    """The rows of a table. named: with the columns' names. sky: with all digits of attributes that SQL shows cut."""
    names = f" ({', '.join(map(quote, columns))})" if named else ""
    values = ", ".join(f"quote({quote(column)})" for column in columns)
    with connection.guard:
        held = connection.engine.digits("main", table) if sky else {}
        rows = connection.sqlite.execute(f"SELECT {values} FROM {quote(table)}")
    longer = [(at, held[column]) for at, column in enumerate(columns) if column in held]
    while (row := _next(connection, rows)) is not None:
        texts: list[Any] = list(row)
        for at, digits in longer:
            text = next(digits)
            texts[at] = "NULL" if text is None else literal(text)
        yield f"INSERT INTO {quote(table)}{names} VALUES({','.join(texts)});"


def _columns(connection: Dumped, table: str) -> list[str]:
    """The columns of a table that can be written."""
    return [row[0] for row in _rows(connection, f"SELECT name FROM temp.pragma_table_info({literal(table)})")]


def _event_columns(table: Table) -> list[str]:
    """The columns of a sky table that say all of an event: changes instead of the state that they lead to."""
    attributes = [p.name for p in table.properties if not p.state]
    return [table.key_name or table.object_name, TIMESTAMP.name, ACTION_NAME.name, *attributes, OWN_CHANGES.name]


def _next(connection: Dumped, rows: apsw.Cursor) -> Any:
    with connection.guard:
        return next(rows, None)


def _rows(connection: Dumped, sql: str) -> list[Any]:
    with connection.guard:
        return connection.sqlite.execute(sql).fetchall()
