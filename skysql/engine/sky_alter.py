"""sky_alter(): another definition of a table, in SQLite's schema too, and nothing that reads it broken by it."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

import apsw

from ..errors import ProgrammingError
from ..model import alteration
from ..model.quoting import quote
from ..model.table import Table
from ..relations.tables import EventsRelation
from ..store import alter as stored
from . import dependents
from .connected_tables import ConnectedTables
from .published import Published
from .registries import Registries

_DIRECT = {apsw.SQLITE_DBCONFIG_DEFENSIVE: 0, apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA: 1}
"""Modes of a connection that lets its schema be written."""


class Altering(Protocol):
    """What an alteration needs of an engine; implemented by `Engine`."""

    sqlite: apsw.Connection
    pushdown: bool
    registries: Registries
    published: Published
    tables: ConnectedTables

    def named(self, table: str | None) -> list[EventsRelation]:
        """The tables of that name, or all."""

    def transaction(self) -> AbstractContextManager[None]:
        """A savepoint inside the current transaction, else a transaction."""


def alter(engine: Altering, table: Any, change: Any) -> str:
    """sky_alter('users', 'ADD age INTEGER STATE'): change a table's properties, and say what was done.

    Part of the current transaction if there is one, else a transaction of its own. SQLite and other connections
    find the new schema by its number, as after any CREATE.
    """
    if not isinstance(table, str) or not isinstance(change, str):
        raise ProgrammingError("sky_alter() takes a table and a change, both texts", "see 'Changing a table'")
    asked = alteration.parse(change, engine.registries.kinds)
    with engine.transaction():
        (relation,) = engine.named(table)
        relation.writer.flush()
        before = dependents.failing(engine.sqlite)
        definition, done = stored.alter(relation.store, asked)
        write_definition(engine.sqlite, relation.store.database, definition)
        engine.published.refresh(engine.pushdown)  # before SQLite compiles views: it caches their columns
        for what, why in dependents.failing(engine.sqlite).items():
            if what not in before:
                raise ProgrammingError(f"{what} would not work any more: {why}", "drop it, and make it anew after")
    engine.tables.altered(relation)  # not before: if anything fails, it is still the table
    return done


def write_definition(sqlite: apsw.Connection, database: str, table: Table) -> None:
    """Put the arguments of USING sky(...) into SQLite's schema, which has no statement for that."""
    schema = f"{quote(database)}.sqlite_schema"
    modes = {mode: sqlite.config(mode, -1) for mode in _DIRECT}
    text = f"CREATE VIRTUAL TABLE {quote(table.name)} USING sky({', '.join(table.arguments())})"
    version: Any = sqlite.execute(f"PRAGMA {quote(database)}.schema_version").fetchall()[0][0]
    try:
        for mode, value in _DIRECT.items():
            sqlite.config(mode, value)
        sqlite.execute(f"UPDATE {schema} SET sql = ? WHERE type = 'table' AND name = ?", (text, table.name))
        sqlite.execute(f"PRAGMA {quote(database)}.schema_version = {(version + 1) & 0x7FFFFFFF}")
    finally:
        for mode, value in modes.items():
            sqlite.config(mode, value)
    reread(sqlite)


def reread(sqlite: apsw.Connection) -> None:
    """Let SQLite find that a schema is as it was before a statement that failed to change it.

    It finds that when it next reads the schema, and cannot do so while it connects to a virtual table.
    """
    if sqlite.in_transaction:
        with suppress(apsw.Error):
            for row in sqlite.execute("PRAGMA database_list").fetchall():
                sqlite.execute(f"SELECT 1 FROM {quote(str(row[1]))}.sqlite_schema LIMIT 0").fetchall()
