"""One connection: a SQLite connection with sky tables and the rewriter on it.

Wires store, rewrite, scan and vtab, and owns nothing else. Not thread-safe by itself: dbapi takes care that one thread
uses it at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import apsw

import vtab

from ..errors import CorruptError, OperationalError, ProgrammingError, near
from ..match.recognition import Recognition
from ..model import alteration, timestamps
from ..model.companions import COMPANIONS
from ..model.quoting import name_key, quote
from ..model.table import Table, parse_arguments
from ..plan.path_scan import PathScan
from ..relations.tables import ChangesRelation, EventsRelation, ObjectsRelation, SessionsRelation
from ..reports import ReportPlan, Reports, Written
from ..sql.hidden_arguments import sky_arguments
from ..store.alter import alter
from ..store.cache import SHARED, Cache, TableCache, parse_size
from ..store.check import check
from ..store.cleanup import clean_up
from ..store.lineage import OpenFile
from ..store.snapshot import distinct
from ..store.store import Store
from ..store.tables import SHADOWS, ShadowTables
from ..write.columns import columns_to_batch
from ..write.counts import Counts
from ..write.statement import UnderWay
from . import dependents, path_functions, plain_aggregates, repeated, waiting_errors
from .evaluator import SQLiteEvaluator
from .hints import hint_for
from .published import Published, Results
from .registries import Registries


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What `Engine.info` tells of a table. Times are microseconds, sizes bytes."""

    database: str
    name: str
    table: Table
    events: int
    objects: int
    first_ts: int | None
    last_ts: int | None
    log_events: int
    log_bytes: int
    bytes: int
    blocks: int
    distinct: Mapping[str, int | None]
    """About how many distinct values the action and each property have; None: not known before the next compact().

    Exact for TEXT. As statistics: values that were deleted may be counted until they are compacted away.
    """

    def is_called(self, name: str) -> bool:
        """Whether that is its name, alone or after its database's."""
        return name_key(name) in (name_key(self.name), name_key(f"{self.database}.{self.name}"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as SQLite gets it, and the plan of the path scans in it, if there are any."""

    sql: str
    plan: Plan | None


class Plan:
    """The path scans and reports of one statement; prints as their trees."""

    def __init__(self, scans: Sequence[PathScan | Recognition | ReportPlan]) -> None:
        self.scans = tuple(scans)

    def __str__(self) -> str:
        return "\n".join(map(str, self.scans))


_COMPANIONS: dict[str, type[ObjectsRelation] | type[SessionsRelation] | type[ChangesRelation]] = {
    made.kind: made for made in (ObjectsRelation, SessionsRelation, ChangesRelation)
}


class _Source:
    """Implements `vtab.Source`: where the tables of a connection come from."""

    companions = COMPANIONS

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, database: str, name: str, arguments: Sequence[str]) -> EventsRelation:
        """Make a new table."""
        table = parse_arguments(name, arguments)
        for suffix in (*SHADOWS, *self.companions):
            taken = self._engine.sqlite.execute(
                f"SELECT count(*) FROM {quote(database)}.sqlite_schema WHERE name = ? COLLATE NOCASE",
                (f"{name}_{suffix}",),
            ).fetchall()[0][0]
            if taken:
                raise ProgrammingError(f"there is a table {name}_{suffix} already", f"{name} needs that name")
        with self._engine.counts.own():
            store = Store.create(self._engine.sqlite, database, table, self._engine.part(database, name))
        return self._engine.adopt(store)

    def connect(self, database: str, name: str) -> EventsRelation:
        """Open an existing table."""
        return self._engine.relation(database, name, inspect=True)

    def companion(self, database: str, name: str, suffix: str) -> ObjectsRelation | SessionsRelation | ChangesRelation:
        """A companion of the table."""
        events = self._engine.relation(database, name)
        made = _COMPANIONS[suffix]
        return made(events.store, self._engine.evaluator, events)

    def shadow(self, suffix: str) -> bool:
        """Whether that is a shadow table's suffix."""
        return suffix in SHADOWS


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
        self.registries = known = registries or Registries()
        self.pushdown = pushdown
        self.cache = SHARED if cache_size is None else Cache(parse_size(cache_size))
        self.sqlite = _open(path, read_only)
        self.sqlite.set_busy_timeout(int(timeout * 1000))
        self._results = Results(self.sqlite)
        self.evaluator = SQLiteEvaluator(self.sqlite, self._results, self.cache, known.functions)
        self.under_way, self.counts = UnderWay(), Counts(self.sqlite)
        self.sqlite.set_rollback_hook(self.under_way.roll_back_around)
        self._relations: dict[tuple[str, str], EventsRelation] = {}
        self._files: dict[str, OpenFile] = {}  # by the names of databases
        vtab.register(self.sqlite, _Source(self))
        self._register_functions()
        self._published = Published(self.sqlite, self._results, self._table_of, self.evaluator, self.snapshot, known)
        self._catalog = self._published.catalog
        self._catalog.given |= plain_aggregates.register(self.sqlite, known.aggregates)
        read = self._catalog, self._catalog.refresh
        self._reports = Reports(self.sqlite, *read, self.evaluator, self.snapshot, known.reports)
        try:
            if not read_only and path not in ("", ":memory:"):
                _prefer_wal(self.sqlite)
        except apsw.Error:
            self.sqlite.close()
            raise

    def _register_functions(self) -> None:
        """Functions that do no harm: views and triggers may call them where no schema is trusted."""
        scalar, flags = self.sqlite.create_scalar_function, apsw.SQLITE_INNOCUOUS
        scalar("sky_timestamp", timestamps.normal, 1, deterministic=True, flags=flags)  # type: ignore[arg-type]
        scalar("sky_timestamp", timestamps.normal, 2, deterministic=True, flags=flags)  # type: ignore[arg-type]
        scalar("sky_arguments", sky_arguments, -1, deterministic=True, flags=flags)
        scalar("changes", self.counts.changes, 0, flags=flags)  # type: ignore[arg-type]
        scalar("total_changes", self.counts.total, 0, flags=flags)  # type: ignore[arg-type]
        scalar("sky_alter", self.alter, 2, flags=apsw.SQLITE_DIRECTONLY)  # type: ignore[arg-type]
        waiting_errors.create_window(self.sqlite, "sky_last_value", _LastKnown, 1, flags)
        repeated.register(self.sqlite)
        path_functions.register(self.sqlite, self.registries.functions)

    # tables

    def adopt(self, store: Store) -> EventsRelation:
        """Know a table by its name from now on."""
        relation = EventsRelation(store, self.evaluator, self.under_way, self.counts, self.forget)
        self._relations[store.database, name_key(store.table.name)] = relation
        return relation

    def part(self, database: str, name: str) -> TableCache:
        """The part of the cache that is of one table."""
        file, key = self._file(database), name_key(name)
        return TableCache(self.cache, lambda: (file.token, key))

    def _file(self, database: str) -> OpenFile:
        file = self._files.get(database)
        if file is None:
            file = self._files[database] = OpenFile(self.sqlite, database)
        return file

    def replaced(self) -> None:
        """Another database was copied over main."""
        self._file("main").replace()

    def forget(self, relation: EventsRelation) -> None:
        """The table was dropped, or has another name."""
        relation.store.cache.clear()
        for key, known in list(self._relations.items()):
            if known is relation:
                del self._relations[key]

    def detached(self) -> None:
        """A database was: another file may get its name."""
        names = {str(row[1]) for row in self.sqlite.execute("PRAGMA database_list").fetchall()}
        for database in [each for each in self._files if each not in names]:
            self._leave(self._files.pop(database))
            for key in [key for key in self._relations if key[0] == database]:
                del self._relations[key]

    def relation(self, database: str, name: str, *, inspect: bool = False) -> EventsRelation:
        """The table of that name. SQLite connects anew whenever a schema changes, so the definition is read anew."""
        key = database, name_key(name)
        known = self._relations.get(key)
        if known is None or inspect:
            ShadowTables(self.sqlite, database, name).inspect()
        store = Store.open(self.sqlite, database, name, self.part(database, name))
        if known is not None and known.store.table == store.table:
            return known
        return self.adopt(store)

    def _table_of(self, database: str, name: str) -> Table:
        return self.relation(database, name, inspect=True).store.table

    def snapshot(self, database: str, name: str) -> Any:
        """The table's events as the current transaction sees them."""
        relation = self.relation(database, name)
        relation.writer.flush()
        return relation.store.snapshot()

    def shadows(self) -> set[str]:
        """The names of the shadow tables in main."""
        tables = [name for database, name in self._catalog.tables() if database == "main"]
        return {f"{name}_{suffix}" for name in tables for suffix in SHADOWS}

    def _named(self, table: str | None) -> list[EventsRelation]:
        """The table called `name` or `database.name`, or all of them."""
        return [self.relation(*key) for key in self._keys(table)]

    def _keys(self, table: str | None) -> list[tuple[str, str]]:
        """(database, name) of the same."""
        known = self._catalog.tables()
        if table is None:
            return known
        for key in known:
            if name_key(table) in (name_key(key[1]), name_key(f"{key[0]}.{key[1]}")):
                return [key]
        raise ProgrammingError(f"there is no sky table {table!r}", near(table, (key[1] for key in known)))

    # statements

    def prepare(self, sql: str) -> Prepared:
        """The statement as SQLite is to get it. Statements that touch no sky table stay as they are."""
        self._results.check(sql)
        self._reports.forget()
        sql, rewritten = self._published.rewrite(sql, self.pushdown)
        calls = [[Written(text) if text else value for value, text in call.arguments] for call in rewritten.calls]
        asked = [self._reports.plan(call.name, given) for call, given in zip(rewritten.calls, calls, strict=True)]
        plans = [*rewritten.scans, *(report for report in asked if report is not None)]
        return Prepared(sql, Plan(plans) if plans else None)

    def shown(self, text: str) -> str:
        """What SQLite says, without the names of results."""
        return self._results.shown(text)

    def hint(self, message: str, sql: str) -> str | None:
        """What to do about an error of SQLite's."""
        return hint_for(message, sql, self._catalog, self.sqlite, self.registries.reports)

    def undo(self) -> None:
        """Drop what the current statement has asked of sky tables, as it failed.

        SQLite undoes what it was given, but apsw does not tell of that while an exception of Python's is on its way.
        """
        self.counts.undo()
        self.under_way.innermost.take_back()
        for relation in self._relations.values():
            relation.store.rolled_back()
            if not self.sqlite.in_transaction:
                relation.writer.forget()

    def reread(self) -> None:
        """Let SQLite find that a schema is as it was before a statement that failed to change it.

        It finds that when it next reads the schema, and cannot do so while it connects to a virtual table.
        """
        if self.sqlite.in_transaction:
            with suppress(apsw.Error):
                for row in self.sqlite.execute("PRAGMA database_list").fetchall():
                    self.sqlite.execute(f"SELECT 1 FROM {quote(str(row[1]))}.sqlite_schema LIMIT 0").fetchall()

    def rolled_back(self) -> None:
        """A statement, a savepoint or a transaction was; after a savepoint the schema's number may be another one's."""
        self.under_way.roll_back()
        for relation in self._relations.values():
            relation.store.rolled_back()
        if self.sqlite.in_transaction:
            self._catalog.forget(None)

    def functions_changed(self, name: str | None = None) -> None:
        """A function, an aggregate or a collation (None) was registered: statements seen before are looked at anew."""
        self._catalog.forget(name)
        self.evaluator.functions_changed()

    # another schema

    def alter(self, table: Any, change: Any) -> str:
        """sky_alter('users', 'ADD age INTEGER STATE'): change a table's properties, and say what was done.

        Part of the current transaction if there is one, else a transaction of its own. SQLite and other connections
        find the new schema by its number, as after any CREATE.
        """
        if not isinstance(table, str) or not isinstance(change, str):
            raise ProgrammingError("sky_alter() takes a table and a change, both texts", "see 'Changing a table'")
        asked = alteration.parse(change)
        with self.transaction():
            ((database, name),) = self._keys(table)
            relation = self.relation(database, name)
            relation.writer.flush()
            before = dependents.failing(self.sqlite)
            definition, done = alter(relation.store, asked)
            self._write_definition(database, definition)
            self._published.refresh(self.pushdown)  # before SQLite compiles views, whose columns it then remembers
            for what, why in dependents.failing(self.sqlite).items():
                if what not in before:
                    raise ProgrammingError(f"{what} would not work any more: {why}", "drop it, and make it anew after")
        relation.writer.retired = True  # not before: if anything fails, it is still the table
        if self._relations.get((database, name_key(name))) is relation:
            del self._relations[database, name_key(name)]
        return done

    def _write_definition(self, database: str, table: Table) -> None:
        """Put the arguments of USING sky(...) into SQLite's schema, which has no statement for that."""
        sqlite, schema = self.sqlite, f"{quote(database)}.sqlite_schema"
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
        self.reread()

    # bulk

    def append(self, table: str, columns: Any, time_unit: str | None = None) -> int:
        """Store many events at once: `columns` maps names to arrays, or is a frame. Returns how many.

        time_unit: see `columns_to_batch`. Part of the current transaction if there is one, else one of its own.
        """
        (relation,) = self._named(table)
        with self.transaction():
            relation.writer.flush()
            batch = columns_to_batch(relation.store.table, columns, relation.store.begin_batch(), time_unit)
            if len(batch):
                relation.store.append(batch)
        return len(batch)

    def compact(self, table: str | None = None, *, vacuum: bool = False) -> None:
        """Merge log and runs into one run. With vacuum, nothing of what was deleted is left in the file after that."""
        if vacuum and self.sqlite.in_transaction:
            raise OperationalError("the file cannot be vacuumed within a transaction", "commit it first")
        relations = self._named(table)
        for relation in relations:
            with self.transaction():
                relation.writer.flush()
                clean_up(relation.store)
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
        return [self._info(relation) for relation in self._named(None)]

    def _info(self, relation: EventsRelation) -> TableInfo:
        relation.writer.flush()
        store = relation.store
        snapshot = store.snapshot()
        ranges = [(row.first_ts, row.last_ts) for row in snapshot.blocks if row.events]
        if snapshot.log_events:
            ranges.append(snapshot.log_block().time_range)
        size, log = store.tables.stored_bytes()
        return TableInfo(
            store.database,
            store.table.name,
            store.table,
            events=snapshot.events,
            objects=snapshot.objects(),
            first_ts=min((low for low, _ in ranges), default=None),
            last_ts=max((high for _, high in ranges), default=None),
            log_events=sum(row.events for row in snapshot.log),
            log_bytes=log,
            bytes=size,
            blocks=len(snapshot.blocks),
            distinct=distinct(snapshot),
        )

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
        for file in self._files.values():
            self._leave(file)

    def _leave(self, file: OpenFile) -> None:
        """Let go of a database; nobody will ask again for what is kept of one in memory."""
        file.close()
        if file.alone:
            self.cache.forget_file(file.token)


_DIRECT = {apsw.SQLITE_DBCONFIG_DEFENSIVE: 0, apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA: 1}
"""Modes of a connection that lets its schema be written."""


def _open(path: str, read_only: bool) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    if path.startswith("file:"):
        flags |= apsw.SQLITE_OPEN_URI
    try:
        return apsw.Connection(os.fspath(path), flags=flags)
    except UnicodeEncodeError:  # SQLite takes no other names
        raise OperationalError(f"cannot open {path!r}", "give it a name that is UTF-8") from None
    except apsw.CantOpenError:
        raise OperationalError(f"cannot open {path!r}", "does its directory exist, and may you read it?") from None


def _prefer_wal(sqlite: apsw.Connection) -> None:
    """A new file lets readers and a writer work side by side."""
    if sqlite.execute("PRAGMA page_count").fetchall() == [(0,)]:
        sqlite.execute("PRAGMA journal_mode = WAL").fetchall()


class _LastKnown:
    """sky_last_value(x) OVER (...): the last value in the frame that is not NULL, which IGNORE NULLS stands for."""

    def __init__(self) -> None:
        self.frame: list[Any] = []

    def step(self, value: Any) -> None:
        """A row enters the frame."""
        self.frame.append(value)

    def inverse(self, *_: Any) -> None:
        """The first row leaves the frame."""
        self.frame.pop(0)

    def value(self) -> Any:
        """The answer for the current frame."""
        return next((value for value in reversed(self.frame) if value is not None), None)

    finalize = value


__all__ = ["Engine", "Plan", "Prepared", "TableInfo"]
