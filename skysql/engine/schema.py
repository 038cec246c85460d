"""The catalogue of a connection, read from its schemas: the names and functions that the rewriter knows.

Read again whenever a schema version changes, so that a statement is rewritten for the schema that it runs on. What was
read inside a transaction is read again after it, as a rollback gives the same version numbers out anew. Questions about
a text are answered by SQLite, which compiles it and runs nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import apsw

from ..errors import Error
from ..model.companions import COMPANIONS, EVENTS
from ..model.quoting import name_key, quote
from ..model.tokens import module_of
from ..scan.aggregates import AggregateFunctions
from ..sql.catalog import Catalog, CatalogEntry, FunctionEntry, OutputColumn, Refused
from ..sql.reads import Call
from .registries import Registries

if TYPE_CHECKING:
    from .connected_tables import ConnectedTables

Lend = Callable[[str, Sequence[Call]], Any]
"""(text, the results that it reads) -> a context with the text as SQLite can compile it."""


class Schema(Catalog):
    """The names of one connection. lend: publishes results while SQLite compiles a text that reads them."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        mark: str,
        tables: ConnectedTables,
        lend: Lend,
        registries: Registries,
    ) -> None:
        reports, by_scan = (report.name for report in registries.reports), AggregateFunctions(registries.aggregates)
        super().__init__(mark, registries.functions, reports, registries.idioms, by_scan, registries.kinds)
        self._sqlite = sqlite
        self._connected = tables
        self._lend = lend
        self._signature: object = None
        self._tentative = False
        self._fields: dict[tuple[str | None, str], list[tuple[str, str, bool]]] = {}
        self.generation = 0  # counts readings of the schemas: a statement was rewritten for one of them

    def refresh(self) -> int:
        """Read the schemas if they have changed; the number changes when they have."""
        trusted = self._sqlite.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1)
        numbers = self._connected.versions.numbers()
        signature = trusted, list(numbers.items())  # in SQLite's order, in which it looks for names
        settled = not self._sqlite.in_transaction
        if signature != self._signature or (self._tentative and settled):
            self._fields = {}
            self.know(list(numbers), {name: list(self._read(name)) for name in numbers})
            self._signature = signature
            self._tentative = not settled
            self.generation += 1
        return self.generation

    def forget(self, name: str | None) -> None:
        """Read everything again before the next statement: functions have changed, of which no schema tells."""
        self._signature = None
        if name is not None:
            self.path_functions.pop(name.lower(), None)
            self.given.discard(name.lower())

    def tables(self) -> list[tuple[str, str]]:
        """(database, name) of every sky table."""
        self.refresh()
        return [(entry.database, entry.name) for entry in self._all() if module_of(entry.sql) == "sky"]

    def _read(self, database: str) -> Iterator[CatalogEntry]:
        schema = "sqlite_temp_schema" if database == "temp" else "sqlite_schema"
        found: list[Any] = self._sqlite.execute(
            f"SELECT type, name, sql FROM {quote(database)}.{schema} WHERE type IN ('table', 'view')"
        ).fetchall()
        for type, name, sql in found:
            module = module_of(sql)
            kind = module.removeprefix("sky_")
            if module == "sky":
                yield self._entry(EVENTS, database, name, name, sql)
            elif kind != module and kind in COMPANIONS:
                yield self._entry(kind, database, name, name[: -len(kind) - 1], sql)
            else:
                yield CatalogEntry(type, database, name, None, sql)

    def _entry(self, kind: str, database: str, name: str, table: str, sql: str) -> CatalogEntry:
        """A sky table or a companion. One that cannot be read is SQLite's to refuse, if a statement asks for it."""
        try:
            return CatalogEntry(kind, database, name, self._connected.table(database, table), sql)
        except (Error, apsw.SQLError):
            return CatalogEntry("table", database, name, None, sql)

    # questions

    def every_function(self) -> Iterator[FunctionEntry]:
        """Every function, once for each of its forms."""
        trusted = self._sqlite.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1)
        query = "SELECT name, type, flags, builtin FROM temp.pragma_function_list"
        for name, type, flags, builtin in self._sqlite.execute(query):
            unsafe = flags & apsw.SQLITE_DIRECTONLY or not (trusted or flags & apsw.SQLITE_INNOCUOUS)
            pure = bool(flags & apsw.SQLITE_DETERMINISTIC)
            yield FunctionEntry(name.lower(), type, pure, not builtin, not unsafe)

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

    def columns(self, entry: CatalogEntry) -> list[str]:
        """The names of the columns that `*` shows of a table."""
        rows = self._sqlite.execute("SELECT name FROM temp.pragma_table_info(?, ?)", (entry.name, entry.database))
        return [row[0] for row in rows]

    def keys(self, entry: CatalogEntry) -> list[tuple[str, int]]:
        """All columns of a table, and the place of each in the primary key; 0 of others."""
        columns = "SELECT name, pk FROM temp.pragma_table_xinfo(?, ?)"
        return [(name, place) for name, place in self._sqlite.execute(columns, (entry.name, entry.database))]

    def has_rowids(self, entry: CatalogEntry) -> bool:
        """Whether the rows of a table have rowids."""
        listed = "SELECT wr FROM temp.pragma_table_list WHERE schema = ? AND name = ? COLLATE NOCASE"
        without = self._sqlite.execute(listed, (entry.database, entry.name)).fetchall()
        return not any(wr for (wr,) in without)

    def check(self, text: str, reads: Sequence[Call] = ()) -> None:
        """Raise Refused if SQLite does not compile a text, in which these results are read."""
        self._compile(text, reads, 0, lambda _cursor: None)

    def describe(self, text: str, reads: Sequence[Call], parameters: int) -> list[OutputColumn]:
        """The columns of a query with the parameters :p1, :p2, ...; raises Refused."""
        found: list[Any] = []
        self._compile(text, reads, parameters, lambda cursor: found.extend(cursor.description_full))
        return [
            OutputColumn(name, declared or "", database, table, origin, self._collation(database, table, origin))
            for name, declared, database, table, origin in found
        ]

    def _collation(self, database: str | None, table: str | None, column: str | None) -> str | None:
        if database is None or table is None or column is None:
            return None
        try:
            return self._sqlite.column_metadata(database, table, column)[1]
        except apsw.Error:
            return None

    def _compile(
        self, text: str, reads: Sequence[Call], parameters: int, look: Callable[[apsw.Cursor], None]
    ) -> None:
        """Let SQLite compile a text, look at the statement, and run nothing; raises Refused."""

        def trace(cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
            look(cursor)
            return False

        cursor = self._sqlite.cursor()
        cursor.exec_trace = trace
        bindings = {f"p{at}": None for at in range(1, parameters + 1)} or None
        try:
            with self._lend(text, reads) as sql:
                cursor.execute(sql, bindings, can_cache=False)  # a cached one has the columns of its time
        except (apsw.ExecTraceAbort, apsw.BindingsError):
            return
        except apsw.InterruptError:
            raise
        except apsw.Error as error:
            raise Refused(error, getattr(error, "error_offset", -1)) from None  # apsw's stub does not tell of it


__all__ = ["Schema"]
