"""Which names are sky tables, their companions, or views: what the rewriter has to know of a schema.

Read again whenever a schema version changes, so that a statement is rewritten for the schema that it runs on. What was
read inside a transaction is read again after it, as a rollback gives the same version numbers out anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import apsw
from sqlglot import exp

from ..errors import AlteredError, Error
from ..functions import PathFunction
from ..model.companions import COMPANIONS, EVENTS
from ..model.table import Table, name_key, quote
from ..plan.path_scan import PathScan
from ..scan.aggregates import AggregateFunctions
from ..store.snapshot import Snapshot
from .published import Results

Snapshots = Callable[[str, str], Snapshot]

Idiom: TypeAlias = Callable[[Any, exp.Expression], Any]
"""A form that SQL has for state: given a Scope and a node, the Expr or KnownCount that the node means, or None."""

_USING = re.compile(r"\bUSING\s+(sky(?:_\w+)?)\s*(?:\((?P<arguments>.*)\))?\s*$", re.IGNORECASE | re.DOTALL)

ROWIDS = ("rowid", "_rowid_", "oid")

_WINDOW_ONLY = frozenset(
    """row_number rank dense_rank percent_rank cume_dist ntile lead lag first_value last_value nth_value
    sky_last_value""".split()
)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A name in a database: kind is 'events', 'objects', 'sessions', 'changes', 'view' or 'table'."""

    kind: str
    database: str
    name: str
    table: Table | None = None
    sql: str | None = None


def _using(sql: str | None) -> re.Match[str] | None:
    """USING sky(...) or sky_objects(...) of a table's definition."""
    return _USING.search(sql) if sql is not None and sql[:14].upper() == "CREATE VIRTUAL" else None


class Catalog:
    """The names of one connection, and what it was given to know: functions over a path, reports, idioms."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        results: Results,
        table_of: Callable[[str, str], Table],
        functions: Iterable[PathFunction],
        reports: Iterable[str],
        idioms: Sequence[Idiom],
        by_scan: AggregateFunctions,
    ) -> None:
        self._sqlite = sqlite
        self._table_of = table_of
        self._signature: object = None
        self._tentative = False
        self._entries: dict[str, dict[str, CatalogEntry]] = {}
        self._databases: list[str] = []
        self.generation = 0
        self.words: frozenset[str] = frozenset()
        self.named_as_booleans = False  # whether a sky table has a column called true or false
        self.results = results
        self.by_scan = by_scan  # the aggregates that scans compute
        self.result_times: dict[str, frozenset[str]] = {}  # of published relations, in lower case: their timestamps
        self.aggregates: frozenset[str] = frozenset()
        self.pure: frozenset[str] = frozenset()
        self.path_functions = {function.name: function for function in functions}  # but names given to other functions
        self.reports = frozenset(reports)
        self.idioms = tuple(idioms)
        self._unsafe: frozenset[str] = frozenset()  # functions that views must not call
        self._fields: dict[tuple[str | None, str], list[tuple[str, str, bool]]] = {}
        self.own: frozenset[str] = frozenset()  # functions that are not SQLite's, though they may have its names

    def refresh(self) -> int:
        """Read the schemas if they have changed; the number changes when they have."""
        execute = self._sqlite.execute
        databases = [name for _, name, _ in execute("PRAGMA database_list")]
        signature = [(name, execute(f"PRAGMA {quote(name)}.schema_version").fetchall()[0][0]) for name in databases]
        trusted = self._sqlite.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1)
        signature.append(("", trusted))
        settled = not self._sqlite.in_transaction
        if signature != self._signature or (self._tentative and settled):
            self._read(databases)
            self._signature = signature
            self._tentative = not settled
            self.generation += 1
        return self.generation

    def _read(self, databases: list[str]) -> None:
        self._fields = {}
        self._databases = sorted(databases, key=lambda name: name != "temp")
        self._entries = {name: self._read_database(name) for name in databases}
        every = [entry for entries in self._entries.values() for entry in entries.values()]
        names = {p.name.lower() for entry in every if entry.table is not None for p in entry.table.properties}
        self.named_as_booleans = not names.isdisjoint({"true", "false"})
        self.words = frozenset(entry.name.lower() for entry in every if entry.kind not in ("view", "table"))
        if self.words:
            self._read_functions()
            for name in databases:
                self._close_views(name)
            self.words |= {view.name.lower() for view in self.views()}
            self.words |= {word.replace(mark, 2 * mark) for word in self.words for mark in "\"'`" if mark in word}

    def _read_database(self, database: str) -> dict[str, CatalogEntry]:
        entries = {}
        schema = "sqlite_temp_schema" if database == "temp" else "sqlite_schema"
        found: list[Any] = self._sqlite.execute(
            f"SELECT type, name, sql FROM {quote(database)}.{schema} WHERE type IN ('table', 'view')"
        ).fetchall()
        for type, name, sql in found:
            using = _using(sql)
            kind = using[1].lower() if using else None
            if kind == "sky":
                entry = self._entry(EVENTS, database, name, name, sql)
            elif kind is not None and kind[4:] in COMPANIONS:
                entry = self._entry(kind[4:], database, name, name[: -len(kind[4:]) - 1], sql)
            else:
                entry = CatalogEntry(type, database, name, None, sql)
            entries[name_key(name)] = entry
        return entries

    def _entry(self, kind: str, database: str, name: str, table: str, sql: str) -> CatalogEntry:
        """A sky table or a companion. One that cannot be read is SQLite's to refuse, if a statement asks for it."""
        try:
            return CatalogEntry(kind, database, name, self._table_of(database, table), sql)
        except (Error, apsw.SQLError):
            return CatalogEntry("table", database, name, None, sql)

    def _close_views(self, database: str) -> None:
        """Take views for tables, of which nothing is known, if SQLite will not let them call what they may call.

        Out of a view, the call would be one of the statement's own, which SQLite allows.
        """
        unsafe, odd = self._unsafe, [name for name in self._unsafe if not name.isidentifier()]
        entries = self._entries[database]
        for name, entry in entries.items():
            if entry.kind == "view" and database != "temp":
                text = (entry.sql or "").lower()
                if not unsafe.isdisjoint(re.findall(r"\w+", text)) or any(each in text for each in odd):
                    entries[name] = CatalogEntry("table", database, entry.name, None, entry.sql)

    def views(self) -> list[CatalogEntry]:
        """Every view."""
        return [e for entries in self._entries.values() for e in entries.values() if e.kind == "view"]

    def _read_functions(self) -> None:
        aggregates, pure, impure, own, unsafe = set(), set(), set(), set(), set()
        trusted = self._sqlite.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1)
        for name, type, flags, builtin in self._sqlite.execute(
            "SELECT name, type, flags, builtin FROM temp.pragma_function_list"
        ):
            if not builtin:
                own.add(name.lower())
            if flags & apsw.SQLITE_DIRECTONLY or not (trusted or flags & apsw.SQLITE_INNOCUOUS):
                unsafe.add(name.lower())
            if type != "s":
                aggregates.add(name.lower())
            elif flags & apsw.SQLITE_DETERMINISTIC:
                pure.add(name.lower())
            else:
                impure.add(name.lower())
        self.aggregates = frozenset(aggregates) - _WINDOW_ONLY
        self.pure = frozenset(pure - impure) | {"cast"}
        self.own = frozenset(own)
        self._unsafe = frozenset(unsafe)

    def forget(self, name: str | None) -> None:
        """Read everything again before the next statement: functions have changed, of which no schema tells."""
        self._signature = None
        if name is not None:
            self.path_functions.pop(name.lower(), None)

    def find(self, database: str | None, name: str) -> CatalogEntry | None:
        """What a name means in FROM; SQLite looks into temp, then main, then the attached ones."""
        for candidate in self._databases:
            if database is None or name_key(candidate) == name_key(database):
                entry = self._entries[candidate].get(name_key(name))
                if entry is not None:
                    return entry
        return None

    def as_now(self, plan: PathScan, snapshot: Snapshots) -> Snapshots:
        """Snapshots of the table of a scan, as long as it is what it is now; then AlteredError."""
        entry = self.find(plan.database, plan.table)
        stamp = 0 if entry is None or entry.table is None else entry.table.stamp

        def taken(database: str, name: str) -> Snapshot:
            found = snapshot(database, name)
            if found.table.stamp != stamp:
                raise AlteredError(f"table {name!r} was altered while the statement was prepared", "run it again")
            return found

        return taken

    def columns(self, entry: CatalogEntry) -> list[str]:
        """The names of the columns that `*` shows of a table."""
        rows = self._sqlite.execute("SELECT name FROM temp.pragma_table_info(?, ?)", (entry.name, entry.database))
        return [row[0] for row in rows]

    def fields(self, database: str | None, name: str) -> list[tuple[str, str, bool]]:
        """(name, declared type, whether `*` leaves it out) of each column of a table, view or function of tables."""
        key = database, name_key(name)
        if key not in self._fields:
            try:
                told = "SELECT name, type, hidden = 1 FROM temp.pragma_table_xinfo(?, ?)"
                rows: list[Any] = self._sqlite.execute(told, (name, database)).fetchall()
            except (Error, apsw.Error):  # what it reads is not there: SQLite's to say
                rows = []
            if not rows:
                return []
            self._fields[key] = [(column, type, bool(hidden)) for column, type, hidden in rows]
        return self._fields[key]

    def rowid(self, entry: CatalogEntry) -> str:
        """A name of a table's rowid that no column has; "" if it has no rowid, or no name is left for it."""
        taken = {name.lower() for name, _ in self._columns(entry)}
        names = [name for name in ROWIDS if name not in taken]
        listed = "SELECT wr FROM temp.pragma_table_list WHERE schema = ? AND name = ? COLLATE NOCASE"
        without = self._sqlite.execute(listed, (entry.database, entry.name)).fetchall()
        return names[0] if names and not any(wr for (wr,) in without) else ""

    def row_key(self, entry: CatalogEntry) -> list[str]:
        """The columns that tell a table's rows apart: a name of its rowid, or its primary key; [] without either."""
        rowid = self.rowid(entry)
        key = sorted((place, name) for name, place in self._columns(entry) if place)
        return [rowid] if rowid else [name for _, name in key]

    def _columns(self, entry: CatalogEntry) -> list[tuple[Any, Any]]:
        """All columns of a table, and the place of each in the primary key; 0 of others."""
        columns = "SELECT name, pk FROM pragma_table_xinfo(?, ?)"
        return [(name, place) for name, place in self._sqlite.execute(columns, (entry.name, entry.database))]

    def every(self) -> list[CatalogEntry]:
        """Every table and view, but the tables that sky tables keep their data in."""
        entries = [entry for entries in self._entries.values() for entry in entries.values()]
        ours = tuple(name_key(f"{entry.name}_") for entry in entries if entry.kind == EVENTS)
        return [e for e in entries if e.kind != "table" or not name_key(e.name).startswith(ours or "\0")]

    def tables(self) -> list[tuple[str, str]]:
        """(database, name) of every sky table."""
        self.refresh()
        every = [entry for entries in self._entries.values() for entry in entries.values()]
        return [(e.database, e.name) for e in every if (used := _using(e.sql)) is not None and used[1].lower() == "sky"]

    def companion(self, entry: CatalogEntry, suffix: str) -> CatalogEntry:
        """Another of the tables that belong together; suffix '' is the events."""
        assert entry.table is not None
        name = entry.table.name + (f"_{suffix}" if suffix else "")
        return CatalogEntry(suffix or EVENTS, entry.database, name, entry.table)
