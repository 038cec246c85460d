"""PEP 249 on a session, shaped like the standard library's sqlite3: a program moves over by changing its import.

What it is not: it knows nothing of sky tables. The engine has the tables, and its session runs the statements in
transactions; here is what Python's programs see of them. cursor.py hands out rows, parameters.py binds values.

    isolation_level "" / DEFERRED / IMMEDIATE / EXCLUSIVE: the first INSERT, UPDATE, DELETE or REPLACE begins a
    transaction, which lasts until commit() or rollback(). None: every statement commits by itself.

Sources: PEP 249; CPython 3.11 Modules/_sqlite, whose behaviour the tests compare with.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import apsw

from .. import errors
from ..engine import waiting_errors
from ..engine.session import Session
from ..engine.statements import analyse
from ..engine.watch import Authorizer, Watch
from . import functions, hooks
from .cursor import Cursor, RowFactory
from .dump import dump
from .open_blob import Blob, open_blob
from .parameters import Parameters, contiguous
from .sqlite import LEGACY_TRANSACTION_CONTROL

if TYPE_CHECKING:
    import sqlite3

    from ..engine.engine import Engine
    from ..engine.info import TableInfo

apilevel = "2.0"
threadsafety = 3  # threads may share connections and cursors: each call is one turn at the session's guard
paramstyle = "qmark"  # and named


class Connection:
    """sqlite3.Connection on a file with sky tables. `engine` and `sqlite` (apsw's connection) are what lies below.

    text_factory: what makes a text's value of its bytes; str, bytes, or any other function.
    """

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

    __slots__ = ("__weakref__", "detect_types", "engine", "guard", "row_factory", "session", "sqlite", "text_factory")

    def __init__(
        self,
        database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        timeout: float = 5.0,
        detect_types: int = 0,
        isolation_level: str | None = "",
        check_same_thread: bool = True,
        factory: Callable[..., Connection] | None = None,
        cached_statements: int = 128,
        uri: bool = False,
        *,
        autocommit: bool | int = LEGACY_TRANSACTION_CONTROL,
        pushdown: bool = True,
        cache_size: int | str | None = None,
        read_only: bool = False,
    ) -> None:
        """See connect()."""
        self.text_factory: Callable[[bytes], Any] = str
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
        self.autocommit = autocommit

    def __call__(self, *given: str) -> Any:
        """What is known of a statement before it runs; ProgrammingError if there are several."""
        with self.guard:
            (sql,) = given if len(given) == 1 else (None,)
            if not isinstance(sql, str):
                raise TypeError(f"one str was expected, and not {given!r}")
            if len(sql.encode()) > self.sqlite.limit(apsw.SQLITE_LIMIT_SQL_LENGTH):
                raise errors.DataError("query string is too large")
            return analyse(sql)

    def __getattr__(self, name: str) -> Any:
        if name in ("guard", "session", "engine", "sqlite", "detect_types"):
            raise errors.ProgrammingError("Base Connection.__init__ not called.")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __reduce__(self) -> str:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def cursor(self, factory: Callable[[Connection], Cursor] = Cursor) -> Cursor:
        """A new cursor."""
        with self.guard:
            cursor = factory(self)
        if not issubclass(type(cursor), Cursor):
            raise TypeError(f"factory must return a cursor, not {type(cursor).__name__}")
        if self.row_factory is not None:
            cursor.row_factory = self.row_factory
        return cursor

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor:
        """Cursor.execute on a new cursor."""
        return Connection.cursor(self).execute(sql, parameters)

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters], /) -> Cursor:
        """Cursor.executemany on a new cursor."""
        return Connection.cursor(self).executemany(sql, seq_of_parameters)

    def executescript(self, sql_script: str, /) -> Cursor:
        """Cursor.executescript on a new cursor."""
        return Connection.cursor(self).executescript(sql_script)

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
    def autocommit(self) -> bool | int:
        """LEGACY_TRANSACTION_CONTROL: as isolation_level says. True: none begins. False: one is always open."""
        autocommit = self.session.autocommit
        return LEGACY_TRANSACTION_CONTROL if autocommit is None else autocommit

    @autocommit.setter
    def autocommit(self, autocommit: bool | int) -> None:
        if not isinstance(autocommit, bool) and autocommit != LEGACY_TRANSACTION_CONTROL:
            raise ValueError("autocommit must be True, False, or sqlite3.LEGACY_TRANSACTION_CONTROL")
        with self.guard:
            self.session.control(autocommit if isinstance(autocommit, bool) else None)

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

    def __del__(self) -> None:
        """Close what nobody has any more, at once: what SQLite calls refers to the engine, and the engine to SQLite."""
        session: Session | None = None
        with suppress(errors.ProgrammingError):  # it was never opened
            session = self.session
        if session is None or session.guard.closed or sys.is_finalizing():
            return
        if session.guard.process != os.getpid():  # a child's end is none of its parent's transaction
            return
        if sys.version_info >= (3, 13):
            warnings.warn(f"unclosed database in {self!r}", ResourceWarning, stacklevel=2, source=self)
        with suppress(errors.Error):
            session.close()

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
        self, name: str, narg: int, func: Callable[..., Any] | None, *, deterministic: bool = False
    ) -> None:
        """Make func callable from SQL, with narg arguments (-1: any number); None removes it."""
        with self.guard:
            made = None if func is None else functions.function(func)
            _given(self.sqlite.create_scalar_function, name, made, narg, deterministic=deterministic)
            self.engine.functions_changed(name)

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Callable[[], Any] | None) -> None:
        """Make an aggregate of a class with step(*values) and finalize(); None removes it."""
        with self.guard:
            made = None if aggregate_class is None else functions.groups(aggregate_class)
            _given(waiting_errors.create, self.sqlite, name, made, n_arg)
            self.engine.functions_changed(name)

    def create_window_function(self, name: str, num_params: int, aggregate_class: Callable[[], Any] | None, /) -> None:
        """Make a window function of a class with step and inverse(*values), value() and finalize(); None removes it."""
        with self.guard:
            made = None if aggregate_class is None else functions.windows(aggregate_class)
            _given(waiting_errors.create_window, self.sqlite, name, made, num_params, error=errors.ProgrammingError)
            self.engine.functions_changed(name)

    def create_collation(self, name: str, callback: Callable[[str, str], int] | None, /) -> None:
        """Make a collation of a function that compares two texts; None removes it."""
        if callback is not None and not callable(callback):
            raise TypeError("parameter must be callable")
        with self.guard:
            self.sqlite.create_collation(name, None if callback is None else functions.collation(callback))
            self.engine.functions_changed()

    # who watches

    def set_authorizer(self, authorizer_callback: Authorizer | None) -> None:
        """Ask authorizer_callback(action, name, name, database, trigger or view) what statements may do; None: nobody.

        It answers SQLITE_OK, SQLITE_DENY or SQLITE_IGNORE, and is asked about the statement as it is written.
        """
        with self.guard:
            self._watch().authorizer = None if authorizer_callback is None else hooks.authorizer(authorizer_callback)
            self._unwatch()

    def set_trace_callback(self, trace_callback: Callable[[str], Any] | None) -> None:
        """Call trace_callback(text) for each statement, as it is written, with its parameters; None: nobody."""
        with self.guard:
            self._watch().trace = None if trace_callback is None else hooks.trace(trace_callback)
            self._unwatch()

    def set_progress_handler(self, progress_handler: Callable[[], Any] | None, n: int) -> None:
        """Call progress_handler() after every n steps of SQLite's machine: it stops the statement by what is true.

        While sky tables are scanned, it is called at least every 2^16 rows or millisecond, whatever n is.
        """
        with self.guard:
            handler = None if progress_handler is None or n <= 0 else hooks.progress(progress_handler)
            self.sqlite.set_progress_handler(handler, n if handler is not None else 20)
            self.guard.interruption.ask(handler)

    def _watch(self) -> Watch:
        if self.session.watch is None:
            self.session.watch = self.engine.watch()
        return self.session.watch

    def _unwatch(self) -> None:
        watch = self.session.watch
        if watch is not None and watch.authorizer is None and watch.trace is None:
            self.session.watch = None

    # SQLite's settings

    def getlimit(self, category: int, /) -> int:
        """One of the limits SQLITE_LIMIT_...; ProgrammingError if there is none of that number."""
        return self.setlimit(category, -1)

    def setlimit(self, category: int, limit: int, /) -> int:
        """Set a limit SQLITE_LIMIT_... and return what it was; a negative one changes nothing."""
        with self.guard:
            before = self.sqlite.limit(category, limit)
            if before < 0:
                raise errors.ProgrammingError("'category' is out of bounds")
            return before

    def getconfig(self, op: int, /) -> bool:
        """Whether SQLITE_DBCONFIG_... is on; ValueError if there is none of that number."""
        with self.guard:
            return self._config(op, -1)

    def setconfig(self, op: int, enable: bool = True, /) -> None:
        """Turn SQLITE_DBCONFIG_... on or off."""
        with self.guard:
            if self._config(op, int(bool(enable))) != bool(enable):
                raise errors.OperationalError("Unable to set config")

    def _config(self, op: int, value: int) -> bool:
        if op not in apsw.mapping_db_config or op == apsw.SQLITE_DBCONFIG_LOOKASIDE:
            raise ValueError(f"unknown config 'op': {op}")
        return bool(self.sqlite.config(op, value))

    def enable_load_extension(self, enable: bool, /) -> None:
        """Whether load_extension() and the SQL function of that name may be used."""
        with self.guard:
            self.sqlite.enable_load_extension(bool(enable))

    def load_extension(self, name: str, /, *, entrypoint: str | None = None) -> None:
        """Load an extension from a shared library; OperationalError if that is not enabled, or fails."""
        with self.guard:
            self.sqlite.load_extension(name, entrypoint)

    # BLOBs and bytes

    def blobopen(
        self, table: str, column: str, row: int, /, *, readonly: bool = False, name: str = "main"
    ) -> Blob:
        """Open a BLOB of an ordinary table, to read and write parts of it."""
        with self.guard:
            return open_blob(self, name, table, column, row, readonly)

    def serialize(self, *, name: str = "main") -> bytes:
        """A database as the bytes of its file; OperationalError if there is none of that name."""
        with self.guard:
            self.engine.flush()
            data = self.sqlite.serialize(name) if name in self.sqlite.db_names() else None
            if data is None:  # temp has no bytes before its first table
                raise errors.OperationalError(f"unable to serialize {name!r}")
            return _without_wal(data)

    def deserialize(self, data: bytes, /, *, name: str = "main") -> None:
        """Put a database in memory in the place of one: its content is that of these bytes of a file."""
        with self.guard:
            if name == "temp" or name not in self.sqlite.db_names():
                raise errors.OperationalError(f"unable to deserialize {name!r}")
            self.sqlite.deserialize(name, _without_wal(bytes(contiguous(data))))
            self.engine.tables.replaced(name)

    # copies

    def backup(
        self,
        target: Connection | sqlite3.Connection,
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
        if progress is not None and not callable(progress):
            raise TypeError("progress argument must be a callable")
        if not isinstance(target, Connection):
            _copy_to_other(self, target, name, pages=pages, progress=progress, sleep=sleep)
            return
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

    def iterdump(self, *, filter: str | None = None) -> Iterator[str]:
        """The database as SQL that makes it anew: sky tables as INSERTs of their events, in path order.

        filter: a LIKE pattern for the names of the tables, indexes, triggers and views.
        """
        return dump(self, filter)


setattr(Connection.__call__, "__signature__", inspect.signature(lambda self, sql, /: None))  # noqa: B010


def _copy_to_other(connection: Connection, target: Any, name: str, **options: Any) -> None:
    """Copy a database over that of a connection of the standard library's, which has a SQLite of its own."""
    import sqlite3

    if not isinstance(target, sqlite3.Connection):
        raise TypeError(f"backup() argument 1 must be a Connection, not {type(target).__name__}")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "copy.db")
        with closing(Connection(path)) as between:
            connection.backup(between, name=name)
        with closing(sqlite3.connect(path)) as copy:
            copy.backup(target, **options)


def _without_wal(data: bytes) -> bytes:
    """The bytes of a file, which says that it has no write-ahead log: a database in memory can have none."""
    return data[:18] + b"\1\1" + data[20:] if data[18:20] == b"\2\2" else data


def _given(
    create: Callable[..., object], *given: Any, error: type[errors.Error] = errors.OperationalError, **options: Any
) -> None:
    """Give SQLite a function; raises `error` for a name or a number of arguments that it does not take."""
    try:
        create(*given, **options)
    except (apsw.MisuseError, apsw.RangeError, ValueError):
        raise error("Error creating function") from None


def _checked_level(level: str | None) -> str | None:
    if level is not None and not isinstance(level, str):
        raise TypeError("isolation_level must be str or None")
    capitals = None if level is None else str.upper(level)
    if capitals not in (None, "", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"):
        raise ValueError("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'")
    return capitals


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
    autocommit: bool | int = LEGACY_TRANSACTION_CONTROL,
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
    given = {name: value for name, value in locals().items() if value is not _DEFAULTS.get(name, _DEFAULTS)}
    del given["database"]
    return factory(database, **given)


_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(connect).parameters.items()}
