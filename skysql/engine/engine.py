"""One connection: a SQLite connection with sky tables and the rewriter on it.

Wires store, rewrite, scan and vtab, and owns nothing else. Not thread-safe by itself: dbapi takes care that one thread
uses it at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw

import vtab

from ..arrays import compiled
from ..errors import CorruptError, OperationalError, ProgrammingError, near
from ..model.quoting import name_key, quote
from ..relations.tables import EventsRelation
from ..reports import Reports, Written
from ..sql.rewriter import Rewritten
from ..store.cache import SHARED, Cache, parse_size
from ..store.check import check
from ..store.cleanup import clean_up
from ..store.shadow_tables import SHADOWS
from ..store.snapshot import Snapshot
from ..write.columns import columns_to_batch
from ..write.counts import Counts
from ..write.statement import UnderWay
from . import plain_aggregates, sql_functions
from .connected_tables import ConnectedTables
from .digits import digits
from .evaluator import SQLiteEvaluator
from .hints import hint_for
from .info import TableInfo, info_of
from .opening import open_file, prefer_wal
from .prepared import Plan, Prepared
from .published import Published, Results
from .registries import Registries
from .sky_alter import reread
from .watch import Watch


class Engine:
    """One SQLite connection with sky tables and the rewriter on it."""

    def __init__(
        self,
        path: str,
        *,
        timeout: float = 5.0,
        pushdown: bool = True,
        cache_size: int | str | None = None,
        read_only: bool = False,
        registries: Registries | None = None,
    ) -> None:
        compiled.warn_if_missing()
        self.registries = registries = registries or Registries()
        self.pushdown = pushdown
        self.sqlite = sqlite = open_file(path, read_only, timeout)
        self.under_way, self.counts = UnderWay(), Counts(sqlite)
        cache = SHARED if cache_size is None else Cache(parse_size(cache_size))
        results = Results(sqlite)
        self.evaluator = SQLiteEvaluator(sqlite, results, cache, registries.functions)
        self.tables = tables = ConnectedTables(
            sqlite, cache, self.evaluator, self.under_way, self.counts, registries.kinds
        )
        sqlite.set_rollback_hook(tables.rolls_back)
        vtab.register(sqlite, tables)
        sql_functions.register(self, self.counts, registries.functions)
        self.published = Published(sqlite, results, tables, self.evaluator, registries, self._plan)
        self._catalog = self.published.catalog
        self._catalog.given |= plain_aggregates.register(sqlite, registries.aggregates)
        read = self._catalog, self._catalog.refresh
        self._reports = Reports(sqlite, *read, self.evaluator, tables.snapshot, registries.reports)
        self._results = results
        try:
            if not read_only and path not in ("", ":memory:"):
                prefer_wal(sqlite)
        except apsw.Error:
            sqlite.close()
            raise

    # tables

    def relation(self, database: str, name: str) -> EventsRelation:
        """The table of that name."""
        return self.tables.relation(database, name)

    def snapshot(self, database: str, name: str) -> Snapshot:
        """The table's events as the statement under way sees them."""
        return self.tables.snapshot(database, name)

    def digits(self, database: str, name: str) -> dict[str, Iterator[str | None]]:
        """What the table's events hold of numbers that SQL shows with fewer digits; valid within a read transaction."""
        return digits(self.snapshot(database, name))

    def shadows(self) -> set[str]:
        """The names of the shadow tables in main."""
        tables = [name for database, name in self._catalog.tables() if database == "main"]
        return {f"{name}_{suffix}" for name in tables for suffix in SHADOWS}

    def tables_in(self, sql: str, parameters: Any) -> list[tuple[str, str]]:
        """(database, name) of each sky table whose name stands in a statement, or in a text that is bound to it."""
        bound = parameters.values() if isinstance(parameters, Mapping) else parameters or ()
        folded = "\0".join([sql, *(value for value in bound if isinstance(value, str))]).lower()
        return [key for key in self._catalog.tables() if key[1].lower() in folded]

    def watch(self) -> Watch:
        """What shows statements to an authorizer and a trace."""
        return Watch(self.sqlite, self._results.named_in)

    def named(self, table: str | None) -> list[EventsRelation]:
        """The table called `name` or `database.name`, or all of them."""
        return [self.relation(*key) for key in self._keys(table)]

    def _keys(self, table: str | None) -> list[tuple[str, str]]:
        """(database, name) of the same."""
        tables = self._catalog.tables()
        if table is None:
            return tables
        for key in tables:
            if name_key(table) in (name_key(key[1]), name_key(f"{key[0]}.{key[1]}")):
                return [key]
        raise ProgrammingError(f"there is no sky table {table!r}", near(table, (key[1] for key in tables)))

    # statements

    def prepare(self, sql: str) -> Prepared:
        """The statement as SQLite is to get it. Statements that touch no sky table stay as they are."""
        self._reports.forget()
        prepared = self.published.prepare(sql, self.pushdown)
        self._reports.written = () if prepared.plan is None else prepared.plan.reports
        return prepared

    def _plan(self, rewritten: Rewritten) -> Plan | None:
        """What a statement asks of us: its path scans, recognitions and reports."""
        calls = [[Written(text) if text else value for value, text in call.arguments] for call in rewritten.calls]
        asked = [self._reports.plan(call.name, given) for call, given in zip(rewritten.calls, calls, strict=True)]
        plans = [*rewritten.scans, *(report for report in asked if report is not None)]
        return Plan(plans) if plans else None

    def shown(self, text: str) -> str:
        """What SQLite says, without the names of results."""
        return self._results.shown(text)

    def hint(self, message: str, sql: str) -> str | None:
        """What to do about an error of SQLite's."""
        return hint_for(message, sql, self._catalog, self.sqlite, self.registries.reports)

    def undo(self, *, told: bool) -> None:
        """Drop what the current statement has asked of sky tables, as it failed.

        SQLite undoes what it was given, but apsw does not tell of that while an exception of Python's is on its way.
        told: whether SQLite has told the tables, as of a broken constraint; if that FAILs, nothing is undone.
        """
        self.counts.undo()
        if not told:
            self.under_way.take_back()
        self.tables.undo()

    def reread(self) -> None:
        """A statement has failed to change a schema."""
        reread(self.sqlite)

    def rolled_back(self) -> None:
        """A statement, a savepoint or a transaction was; after a savepoint the schema's number may be another one's."""
        self.under_way.roll_back()
        self.tables.rolled_back()
        if self.sqlite.in_transaction:
            self._catalog.forget(None)

    def functions_changed(self, name: str | None = None) -> None:
        """A function, an aggregate or a collation (None) was registered: statements seen before are looked at anew."""
        self._catalog.forget(name)
        self.evaluator.functions_changed()

    # bulk

    def append(self, table: str, columns: Any, time_unit: str | None = None) -> int:
        """Store many events at once: `columns` maps names to arrays, or is a frame. Returns how many.

        time_unit: see `columns_to_batch`. Part of the current transaction if there is one, else one of its own.
        """
        (relation,) = self.named(table)
        with self.transaction():
            relation.writer.flush()
            batch = columns_to_batch(relation.store.table, columns, relation.store.begin_batch(), time_unit)
            if len(batch):
                relation.store.append(batch)
        return len(batch)

    def flush(self) -> None:
        """Store what the open transaction has asked of sky tables, where SQLite sees it."""
        for relation in list(self.tables.relations.values()):
            relation.writer.flush()

    def compact(self, table: str | None = None, *, vacuum: bool = False) -> None:
        """Merge log and runs into one run. With vacuum, nothing of what was deleted is left in the file after that."""
        if vacuum and self.sqlite.in_transaction:
            raise OperationalError("the file cannot be vacuumed within a transaction", "commit it first")
        relations = self.named(table)
        for relation in relations:
            with self.transaction():
                relation.writer.flush()
                clean_up(relation.store, forget=vacuum)
        if vacuum:
            for database in {relation.store.database for relation in relations}:
                self._vacuum(database)

    def _vacuum(self, database: str) -> None:
        self.sqlite.execute(f"VACUUM {quote(database)}")
        (checkpoint,) = self.sqlite.execute(f"PRAGMA {quote(database)}.wal_checkpoint(TRUNCATE)").fetchall()
        if checkpoint[0]:
            raise OperationalError(
                "the file is vacuumed, but another connection still reads from its -wal file, which holds what it held",
                "vacuum again when others have ended their transactions",
            )

    def check(self, table: str | None = None) -> list[str]:
        """Every fault in what is stored, [] if there is none."""
        faults = []
        for database, name in self._keys(table):
            try:
                found = check(self.relation(database, name).store)
            except (CorruptError, apsw.Error) as error:
                found = [str(error)]
            faults += [f"{database}.{name}: {fault}" for fault in found]
        return faults

    def info(self) -> list[TableInfo]:
        """What each table holds."""
        return [info_of(relation) for relation in self.named(None)]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A savepoint inside the current transaction, else a transaction."""
        nested = self.sqlite.in_transaction
        if not nested and self.sqlite.txn_state() == apsw.SQLITE_TXN_WRITE:  # it would end with this one, if at all
            raise OperationalError("a statement that writes is under way", "let it end first, or close its cursor")
        begin, end, undo = (
            ("SAVEPOINT sky_bulk", "RELEASE sky_bulk", "ROLLBACK TO sky_bulk; RELEASE sky_bulk")
            if nested
            else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        )
        self.sqlite.execute(begin)
        try:
            with self.counts.own(), self._undefended():
                yield
            self.sqlite.execute(end)
        except BaseException:
            if self.sqlite.in_transaction:
                self.sqlite.execute(undo)
            self.rolled_back()
            raise

    @contextmanager
    def _undefended(self) -> Iterator[None]:
        """Around writes to shadow tables outside of a statement, which defensive mode takes for somebody else's."""
        defended = self.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1)
        if defended:
            self.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        try:
            yield
        finally:
            if defended:
                self.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)

    def close(self) -> None:
        """Close the connection."""
        self.sqlite.close()
        self.tables.close()

