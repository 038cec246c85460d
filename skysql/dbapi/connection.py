"""PEP 249 on a session, shaped like the standard library's sqlite3: a program moves over by changing its import.

What it is not: it knows nothing of sky tables. The engine has the tables, and its session runs the statements in
transactions; here is what Python's programs see of them. cursor.py hands out rows, parameters.py binds values.

    isolation_level "" / DEFERRED / IMMEDIATE / EXCLUSIVE: the first INSERT, UPDATE, DELETE or REPLACE begins a
    transaction, which lasts until commit() or rollback(). None: every statement commits by itself.

Sources: PEP 249; CPython 3.11 Modules/_sqlite, whose behaviour the tests compare with.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import apsw

from .. import errors
from ..engine import waiting_errors
from ..engine.session import Session
from ..model.companions import ACTION_NAME, OWN_CHANGES, TIMESTAMP
from ..model.quoting import literal, quote
from ..model.table import Table
from ..model.tokens import module_of
from .cursor import Cursor, RowFactory
from .parameters import Parameters

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.info import TableInfo

apilevel = "2.0"
threadsafety = 2  # threads may share connections: each call is one turn at the session's guard
paramstyle = "qmark"  # and named


class Connection:
    """sqlite3.Connection on a file with sky tables. `engine` and `sqlite` (apsw's connection) are what lies below."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError
    CorruptError = errors.CorruptError

    def __init__(
        self,
        database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        timeout: float = 5.0,
        detect_types: int = 0,
        isolation_level: str | None = "",
        *,
        pushdown: bool = True,
        cache_size: int | str | None = None,
        read_only: bool = False,
    ) -> None:
        self.detect_types = detect_types
        self.row_factory: RowFactory | None = None
        level = _checked_level(isolation_level)
        self.session = Session.open(
            os.fsdecode(database), timeout=timeout, pushdown=pushdown, cache_size=cache_size, read_only=read_only
        )
        self.session.isolation_level = level
        self.guard = self.session.guard
        self.engine: Engine = self.session.engine
        self.sqlite: apsw.Connection = self.engine.sqlite

    def cursor(self, factory: Callable[[Connection], Cursor] = Cursor) -> Cursor:
        """A new cursor."""
        cursor = factory(self)
        if self.row_factory is not None:
            cursor.row_factory = self.row_factory
        return cursor

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """Cursor.execute on a new cursor."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters], /) -> Cursor:
        """Cursor.executemany on a new cursor."""
        return self.cursor().executemany(sql, seq_of_parameters)

    def executescript(self, sql_script: str, /) -> Cursor:
        """Cursor.executescript on a new cursor."""
        return self.cursor().executescript(sql_script)

    # transactions

    @property
    def isolation_level(self) -> str | None:
        """How the implicit transaction begins: "", DEFERRED, IMMEDIATE or EXCLUSIVE; None: there is none."""
        return self.session.isolation_level

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        self.session.isolation_level = _checked_level(level)
        if level is None:
            self.commit()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        with self.guard:
            return self.session.in_transaction

    @property
    def total_changes(self) -> int:
        """Rows changed since the connection was opened, those of a sky table's own storage among them."""
        with self.guard:
            return self.session.total_changes

    def commit(self) -> None:
        """Make the open transaction durable, if there is one."""
        with self.guard:
            self.session.commit()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        with self.guard:
            self.session.rollback()

    def __enter__(self) -> Self:
        with self.guard:
            return self

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Commit, or roll back if there is an error; the connection stays open."""
        if error is not None:
            self.rollback()
            return
        try:
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def close(self) -> None:
        """Close the connection, undoing an open transaction; may be called again."""
        self.session.close()

    def interrupt(self) -> None:
        """Stop what another thread is running on this connection: it raises OperationalError there."""
        self.session.interrupt()

    # sky tables

    def append(self, table: str, columns: Any, *, time_unit: str | None = None) -> int:
        """Store many events at once and return how many: `columns` maps names to arrays or lists, or is a frame.

        time_unit: what numbers in the column of times count since 1970, 'us', 'ms' or 's'. Without it they are
        microseconds, but a batch whose numbers all lie before March 1973 is refused: they may be seconds of today.

        Part of the current transaction if there is one, else a transaction of its own.
        """
        with self.guard:
            return self.engine.append(table, columns, time_unit)

    def compact(self, table: str | None = None, *, vacuum: bool = False) -> None:
        """Merge what was written into few large blocks; of one table ('users', 'main.users') or of all.

        With vacuum, the file is then rewritten, and holds no byte of what was deleted.
        """
        with self.guard:
            self.engine.compact(table, vacuum=vacuum)

    def check(self, table: str | None = None) -> list[str]:
        """Every fault in what is stored; [] if there is none."""
        with self.guard:
            return self.engine.check(table)

    def info(self) -> list[TableInfo]:
        """What each sky table holds."""
        with self.guard:
            return self.engine.info()

    # functions

    def create_function(
        self, name: str, narg: int, func: Callable[..., Any] | None, /, *, deterministic: bool = False
    ) -> None:
        """Make func callable from SQL, with narg arguments (-1: any number); None removes it."""
        with self.guard:
            self.sqlite.create_scalar_function(name, func, narg, deterministic=deterministic)
            self.engine.functions_changed(name)

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Callable[[], Any] | None, /) -> None:
        """Make an aggregate of a class with step(*values) and finalize(); None removes it."""
        with self.guard:
            waiting_errors.create(self.sqlite, name, aggregate_class, n_arg)
            self.engine.functions_changed(name)

    def create_window_function(self, name: str, num_params: int, aggregate_class: Callable[[], Any] | None, /) -> None:
        """Make a window function of a class with step and inverse(*values), value() and finalize(); None removes it."""
        with self.guard:
            waiting_errors.create_window(self.sqlite, name, aggregate_class, num_params)
            self.engine.functions_changed(name)

    def create_collation(self, name: str, callback: Callable[[str, str], int] | None, /) -> None:
        """Make a collation of a function that compares two texts; None removes it."""
        with self.guard:
            self.sqlite.create_collation(name, callback)
            self.engine.functions_changed()

    # copies

    def backup(
        self,
        target: Connection,
        *,
        pages: int = -1,
        progress: Callable[[int, int, int], object] | None = None,
        name: str = "main",
        sleep: float = 0.25,
    ) -> None:
        """Copy the database over that of another connection, `pages` at a time, while both stay in use.

        progress(status, pages left, pages in all) is called after each step.
        """
        if target is self:
            raise ValueError("target cannot be the same connection instance")
        with self.guard, target.guard, target.sqlite.backup("main", self.sqlite, name) as copy:
            while not copy.done:
                status = apsw.SQLITE_OK
                try:
                    if copy.step(pages or -1):
                        status = apsw.SQLITE_DONE
                except (apsw.BusyError, apsw.LockedError) as error:
                    status = getattr(error, "result", apsw.SQLITE_BUSY)
                    time.sleep(sleep)
                if copy.done:
                    target.engine.tables.replaced()
                if progress is not None:
                    progress(status, copy.remaining, copy.page_count)

    def iterdump(self) -> Iterator[str]:
        """The database as SQL that makes it anew: sky tables as INSERTs of their events, in path order."""
        yield "BEGIN TRANSACTION;"
        owned = {name for name, kind in self._rows("SELECT name, type FROM temp.pragma_table_list") if kind == "shadow"}
        owned |= self.engine.shadows()  # of which SQLite does not know on a connection after many
        skies = {info.name: info.table for info in self.info() if info.database == "main"}
        later = []
        made = self._rows("SELECT type, name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY rowid")
        for kind, name, sql in made:
            if kind != "table":
                later.append(f"{sql};")
            elif name == "sqlite_sequence":
                later += ['DELETE FROM "sqlite_sequence";', *self._inserts(name, _columns(self, name))]
            elif name not in owned and not name.startswith("sqlite_") and not module_of(sql).startswith("sky_"):
                yield f"{sql};"
                sky = skies.get(name)
                yield from self._inserts(name, _event_columns(sky) if sky else _columns(self, name), sky is not None)
        yield from later
        yield "COMMIT;"

    def _rows(self, sql: str) -> list[Any]:
        with self.guard:
            return self.sqlite.execute(sql).fetchall()

    def _inserts(self, name: str, columns: list[str], sky: bool = False) -> Iterator[str]:
        """The rows of a table. sky: with all digits of attributes that SQL shows with fewer."""
        names = ", ".join(map(quote, columns))
        rows = self.sqlite.execute(f"SELECT {', '.join(f'quote({quote(c)})' for c in columns)} FROM {quote(name)}")
        held = self.engine.digits("main", name) if sky else {}
        longer = [(at, held[column]) for at, column in enumerate(columns) if column in held]
        for row in rows:
            values = list(row)
            for at, texts in longer:
                text = next(texts)
                values[at] = "NULL" if text is None else literal(text)
            yield f"INSERT INTO {quote(name)} ({names}) VALUES ({', '.join(values)});"


def _columns(connection: Connection, table: str) -> list[str]:
    """The columns of a table that can be written."""
    return [row[0] for row in connection._rows(f"SELECT name FROM temp.pragma_table_info({literal(table)})")]


def _event_columns(table: Table) -> list[str]:
    """The columns of a sky table that say all of an event: changes instead of the state that they lead to."""
    attributes = [p.name for p in table.properties if not p.state]
    return [table.key_name or table.object_name, TIMESTAMP.name, ACTION_NAME.name, *attributes, OWN_CHANGES.name]


def _checked_level(level: str | None) -> str | None:
    if level is not None and not isinstance(level, str):
        raise TypeError("isolation_level must be str or None")
    if level is not None and level.upper() not in ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"):
        raise ValueError("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'")
    return level


def connect(
    database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    timeout: float = 5.0,
    detect_types: int = 0,
    isolation_level: str | None = "",
    check_same_thread: bool = True,
    factory: type[Connection] = Connection,
    cached_statements: int = 128,
    uri: bool = False,
    *,
    pushdown: bool = True,
    cache_size: int | str | None = None,
    read_only: bool = False,
) -> Connection:
    """Open a database file, making it if it is not there; ':memory:' is one that lives as long as the connection.

    The first eight arguments are those of sqlite3.connect. Three of them change nothing: threads may always take turns
    with a connection, statements are always cached, and 'file:...' is always a URI.

    timeout:     seconds to wait for another connection's lock before OperationalError.
    pushdown:    False leaves every row to SQLite, which is slow: the reference for what answers should be.
    cache_size:  of decoded columns, in bytes or as '2 GB'; None shares one cache with the process' other connections.
    read_only:   refuse to write, and to make the file.
    """
    return factory(
        database,
        timeout,
        detect_types,
        isolation_level,
        pushdown=pushdown,
        cache_size=cache_size,
        read_only=read_only,
    )
