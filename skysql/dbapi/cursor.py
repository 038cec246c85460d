"""Cursors, rows, and the guard around every use of a connection.

Invariants
- Whatever apsw raises leaves as an error of skysql.errors with SQLite's own message, `sqlite_errorcode` and
  `sqlite_errorname`; what virtual tables and user functions raise leaves as it is.
- BEGIN runs between the preparation of a statement and its first step, so that one that cannot be prepared opens no
  transaction.
- A statement that fails leaves nothing of itself in sky tables, whose events wait in memory, out of SQLite's sight.
- A cursor is one row ahead of its caller, as sqlite3's are: after its last row no statement is left running, which
  would hold a read snapshot open and stop DROP TABLE and COMMIT.

Sources: CPython 3.11 Modules/_sqlite/cursor.c, whose behaviour the tests compare with; docs of apsw's Cursor.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar, overload

import apsw

from .. import errors
from ..errors import DataError, ProgrammingError
from ..interruption import Interruption, looking
from .parameters import PARSE_COLNAMES, PARSE_DECLTYPES, Parameters, Values, bindings, converters
from .statements import READS, SplitText, analyse, statements

if TYPE_CHECKING:
    from ..engine.engine import Engine, Plan
    from .connection import Connection


V = TypeVar("V")


# Errors


_CLASSES: dict[type[apsw.Error], type[errors.DatabaseError]] = (
    {
        getattr(apsw, name): errors.OperationalError
        for name in """SQLError AbortError BusyError LockedError PermissionsError ReadOnlyError InterruptError IOError
        FullError CantOpenError ProtocolError EmptyError SchemaChangeError NoMemError ExtensionLoadingError""".split()
    }
    | {
        getattr(apsw, name): errors.ProgrammingError
        for name in """MisuseError BindingsError ThreadingViolationError ForkingViolationError InvalidContextError
        ConnectionClosedError CursorClosedError ConnectionNotClosedError IncompleteExecutionError
        ExecutionCompleteError""".split()
    }
    | {
        apsw.ConstraintError: errors.IntegrityError,
        apsw.MismatchError: errors.DataError,
        apsw.TooBigError: errors.DataError,
        apsw.RangeError: errors.DataError,
        apsw.CorruptError: errors.CorruptError,
        apsw.InternalError: errors.InternalError,
        apsw.NotFoundError: errors.InternalError,
        apsw.NoFTS5Error: errors.NotSupportedError,
        apsw.VFSNotImplementedError: errors.NotSupportedError,
    }
)


_HINTS: dict[int | None, str] = {
    apsw.SQLITE_BUSY: "another connection has it; `timeout` says how long to wait",
    apsw.SQLITE_BUSY_SNAPSHOT: "others have written since this transaction first read: roll back, and BEGIN IMMEDIATE",
}
_MOVED = "the file of the database was moved, removed or replaced since it was opened", "open it anew, where it is now"
_PLANS = 10
"""So often a statement is planned, while others alter what it reads."""

_SAID = [
    (
        re.compile("^(virtual tables may not be altered|cannot (drop|rename) columns? (from|of) virtual table)"),
        "a sky table is: SELECT sky_alter('users', 'ADD age INTEGER STATE')",
    ),
    (re.compile("SQL statements in progress"), "let the statement that writes end first, or close its cursor"),
]
"""Hints by what SQLite says."""


def translate(error: apsw.Error, message: str | None = None, hint: str | None = None) -> errors.DatabaseError:
    """The same error in the tree of PEP 249; DatabaseError itself for what fits nowhere else (not a database)."""
    message = re.sub(r"  Current offset is \d+$", "", message or str(error)).replace(".  ", ". ")
    code = getattr(error, "extendedresult", None)
    if code == apsw.SQLITE_READONLY_DBMOVED:
        message, hint = _MOVED
    hint = next((other for pattern, other in _SAID if pattern.search(message)), hint or _HINTS.get(code))
    translated = _CLASSES.get(type(error), errors.DatabaseError)(message, hint)
    if code is not None:
        names = apsw.mapping_extended_result_codes if code > 0xFF else apsw.mapping_result_codes
        vars(translated).update(sqlite_errorcode=code, sqlite_errorname=names.get(code))
    return translated


class Guard:
    """What every use of a connection is wrapped in: one thread at a time, only while it is open, PEP 249's errors."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held while SQLite, the engine, or the state of a cursor is touched
        self.closed = False
        self.abandoned = False  # whether the process was forked while another thread held the lock
        _guards.add(self)
        self.interruption = Interruption()

    def __enter__(self) -> None:
        self.lock.acquire()
        if self.closed:
            self.lock.release()
            raise ProgrammingError("Cannot operate on a closed database.")
        if self.abandoned:
            self.lock.release()
            raise ProgrammingError(
                "another thread used this connection when the process was forked", "open one in the child process"
            )
        self.interruption.enter()

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.interruption.leave()
        self.lock.release()
        if isinstance(error, apsw.Error):
            cause = error.__cause__  # of a broken constraint: what the table raised
            raise cause if isinstance(cause, errors.Error) else translate(error) from None
        if isinstance(error, SystemError) and error.__cause__ is not None:  # SQLite went on while it was on its way
            raise error.__cause__.with_traceback(None)
        if isinstance(error, UnicodeDecodeError):  # of a text of SQLite's, which takes any bytes for one
            found = error.object[max(error.start - 20, 0) : error.end + 20]
            hint = "CAST(... AS BLOB) reads it as it is"
            raise errors.OperationalError(f"Could not decode to UTF-8 a text with {found!r}", hint) from error
        if isinstance(error, UnicodeEncodeError):
            raise errors.DataError(f"{error.object[error.start]!r} stands in no text", "it is half of a pair") from None
        if error is not None and errors.is_exhaustion(error):
            raise errors.exhausted(error) from error


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _abandon() -> None:
    """A child process has none of its parent's threads, and a statement that one of them was at never ends."""
    for guard in list(_guards):
        if guard.lock.acquire(blocking=False):
            guard.lock.release()
        else:
            guard.lock, guard.abandoned = threading.RLock(), True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon)


# Rows


class Header(NamedTuple):
    """The columns of a result, shared by its rows."""

    names: tuple[str, ...]
    positions: dict[str, int]  # by name and by name in lower case; the first of those that differ by case only


def _header(names: tuple[str, ...]) -> Header:
    folded = {name.lower(): i for i, name in reversed(list(enumerate(names)))}
    return Header(names, folded | {name: folded[name.lower()] for name in names})


class Row(Sequence[Any]):
    """A row that is read by index, slice or column name (without regard to case); for Connection.row_factory."""

    __slots__ = ("_header", "_values")

    def __init__(self, cursor: Cursor, values: Values, /) -> None:
        self._header = cursor.header()
        self._values = values

    @overload
    def __getitem__(self, key: int | str) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Values: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if not isinstance(key, str):
            return self._values[key]
        positions = self._header.positions
        position = positions.get(key)
        if position is None and (position := positions.get(key.lower())) is None:
            raise IndexError("No item with that key")
        return self._values[position]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def keys(self) -> list[str]:
        """The names of the columns."""
        return list(self._header.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self._header.names == other._header.names and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._header.names) ^ hash(self._values)

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{n}={v!r}' for n, v in zip(self._header.names, self._values, strict=False))})"


RowFactory = Callable[["Cursor", Values], Any]


class _Start:
    """apsw calls it between the preparation of a statement and its first step.

    It refers to no Cursor: a cycle would keep a statement that was not read to its end, and with it a read
    transaction, alive until the garbage collector comes by.
    """

    __slots__ = ("begin", "columns", "once", "sqlite")

    def __init__(self, sqlite: apsw.Connection) -> None:
        self.sqlite = sqlite
        self.begin = ""  # the BEGIN to run first, if any
        self.once = False  # whether to be called for the first of many only
        self.columns: tuple[tuple[str, str | None], ...] = ()

    def __call__(self, cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        self.columns = tuple((column[0], column[1]) for column in cursor.description or ())
        if self.once:
            cursor.exec_trace = None
        if self.begin:
            self.sqlite.execute(self.begin)
        return True


def _explained(engine: Engine) -> Callable[[apsw.Cursor, Values], Values]:
    """What apsw calls for each row of EXPLAIN; it refers to no Cursor either."""
    return lambda _, row: tuple(engine.shown(value) if isinstance(value, str) else value for value in row)


class _Undoing:
    """Around a statement: if it fails, what it has inserted into sky tables goes, too; and its error gets a hint."""

    __slots__ = ("before", "engine", "sql", "statement")

    def __init__(self, engine: Engine, statement: SplitText, sql: str) -> None:
        self.engine = engine
        self.statement = statement
        self.sql = sql

    def __enter__(self) -> None:
        self.before = self.engine.clock.begin()
        if self.statement.writes:
            self.engine.counts.begin()

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        try:
            if error is not None:
                self._undo(error)
            elif self.statement.writes:
                self.engine.clock.check()
        finally:
            self.engine.clock.end(self.before)

    def _undo(self, error: BaseException) -> None:
        if self.statement.writes:
            self.engine.undo()
        elif self.statement.verb not in READS:
            self.engine.reread()
        if isinstance(error, apsw.SQLError) and error.__cause__ is None:
            message = self.engine.shown(str(error))
            raise translate(error, message, self.engine.hint(message, self.sql)) from None


class Cursor:
    """Runs statements and hands out their rows: sqlite3.Cursor, plus `plan` and declared types in `description`."""

    def __init__(self, connection: Connection, /) -> None:
        self.connection = connection
        self.row_factory: RowFactory | None = None
        self.arraysize = 1
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.plan: Plan | None = None  # what the last statement had pushed down
        self._guard = connection.guard
        self._clock = connection.engine.clock
        self._closed = False
        self._ahead: Values | None = None  # the next row to hand out; None at the end
        self._writes = False  # whether rowcount is to be set when the statement ends
        self._columns: tuple[tuple[str, str | None], ...] = ()
        self._given: Any = ()  # the parameters of the current one of executemany's statements
        self._rerun: tuple[str, Any] | None = None  # of a result without rows: see _describe_anew
        self._description: tuple[Values, ...] | None = None  # made when first asked for, as is the header
        self._names: Header | None = None
        self._convert: list[Callable[[bytes], Any] | None] | None = None
        with self._guard:
            self._raw = connection.sqlite.cursor()
            self._start = _Start(connection.sqlite)
            self._raw.exec_trace = self._start

    def execute(self, sql: str, parameters: Parameters = (), /) -> Self:
        """Run one statement, which may be empty, with a sequence of values for ? or a mapping for :name."""
        with self._guard:
            statement = self._prepare("execute", sql)
            parameters = bindings(parameters)
            sqlite = self.connection.sqlite
            text = self._run(statement, sql, lambda text: self._first(text, parameters))
            self._columns = self._start.columns
            if self._columns:
                if self._ahead is not None:
                    self._columns = self._raw.get_description()  # the schema may have changed since it was prepared
                else:
                    self._rerun = text, parameters
                if self.connection.detect_types:
                    self._convert = self._find_converters()
            self.lastrowid = sqlite.last_insert_rowid()
        return self

    def _first(self, text: str, parameters: Any) -> None:
        """Run SQLite's text up to the first row."""
        try:
            self._raw.execute(text, parameters)
        except (KeyError, OverflowError) as error:
            raise _unbound(error, parameters) from None
        self._take(next(self._raw, None))

    def _run(self, statement: SplitText, sql: str, run: Callable[[str], None]) -> str:
        """Plan a statement and run SQLite's text, which is returned; both anew if a table was altered in between."""
        for left in reversed(range(_PLANS)):
            text = sql
            try:
                text = self._rewrite(statement, sql)
                self._begin(statement)
                with _Undoing(self.connection.engine, statement, sql):
                    run(text)
                if statement.verb == "DETACH":
                    self.connection.engine.detached()
                if statement.verb == "ROLLBACK":
                    self.connection.engine.rolled_back()
                break
            except (errors.OperationalError, apsw.SchemaChangeError) as error:
                if not left or not self._is_outdated(error, statement, sql, text):
                    raise
        return text

    def _is_outdated(self, error: Exception, statement: SplitText, sql: str, text: str) -> bool:
        """Whether a statement has failed for a plan that would be another by now."""
        if isinstance(error, errors.AlteredError | apsw.SchemaChangeError):
            return True
        named = statement.reads and text != sql and str(error).startswith("no such ")
        return named and self.connection.engine.prepare(sql).sql != text

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters], /) -> Self:
        """Run a writing statement once for each set of parameters; rows that it returns are dropped."""
        rows = iter(seq_of_parameters)

        def run(text: str) -> None:
            nonlocal rows
            self._start.once, self._raw.exec_trace = True, self._start
            try:
                self._raw.executemany(text, self._counted(rows, statement)).fetchall()
            except errors.AlteredError:
                rows = chain([self._given], rows)
                raise

        with self._guard:
            statement = self._prepare("executemany", sql)
            if statement.verb in READS:
                raise ProgrammingError("executemany() can only execute DML statements.")
            try:
                self._run(statement, sql, run)
            except OverflowError as error:
                raise _unbound(error, self._given) from None
            finally:
                self._start.once = False
                self._raw.exec_trace = self._start
                self._writes = False
        return self

    def executescript(self, sql_script: str, /) -> Self:
        """Commit, then run the statements one after the other, dropping their rows."""
        if not isinstance(sql_script, str):
            raise TypeError(f"executescript() argument must be str, not {type(sql_script).__name__}")
        if "\0" in sql_script:
            raise ProgrammingError("the script contains a null character")
        with self._guard:
            self._check()
            self.connection.commit()
            for sql in looking(statements(sql_script)):
                self._run(analyse(sql), sql, self._drain)
            self.plan = None
        return self

    def _drain(self, text: str) -> None:
        for _ in self.connection.sqlite.execute(text):
            pass

    def _check(self) -> None:
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed cursor.")

    def _prepare(self, method: str, sql: str) -> SplitText:
        """Forget the statement before, and look at the new one."""
        self._check()
        if not isinstance(sql, str):
            raise TypeError(f"{method}() argument 1 must be str, not {type(sql).__name__}")
        self._ahead = self.plan = self._description = self._names = self._rerun = self._convert = None
        self._columns = self._start.columns = ()
        self._start.begin = ""
        statement = analyse(sql)
        self._raw.row_trace = _explained(self.connection.engine) if statement.verb == "EXPLAIN" else None
        self._writes = statement.writes
        self.rowcount = 0 if statement.writes else -1
        return statement

    def _rewrite(self, statement: SplitText, sql: str) -> str:
        if not statement.reads:
            return sql
        prepared = self.connection.engine.prepare(sql)
        self.plan = prepared.plan
        return prepared.sql

    def _begin(self, statement: SplitText) -> None:
        level, within = self.connection.isolation_level, self.connection.sqlite.in_transaction
        self._start.begin = f"BEGIN {level}" if statement.writes and level is not None and not within else ""

    def _counted(self, rows: Iterable[Parameters], statement: SplitText) -> Iterator[Parameters]:
        """The rows, adding up what each changed; total_changes would count what triggers did too."""
        changes, clock = self.connection.engine.counts.changes, self._clock
        interruption = self._guard.interruption
        for row in rows:
            interruption.check()
            self._given = bindings(row)
            yield self._given
            if statement.writes:
                self.rowcount += changes()
                clock.next()

    def _advance(self) -> None:
        self._ahead = None
        self._take(self._stepped(next, self._raw, None))

    def _take(self, row: Values | None) -> None:
        self._ahead = row
        if row is None and self._writes:
            self.rowcount = self.connection.engine.counts.changes()
            self._writes = False

    def _stepped(self, step: Callable[..., V], *arguments: Any) -> V:
        """Take rows. If a function asks for them, they are not part of the statement that it is called in."""
        clock = self._clock
        if not clock.now:
            return step(*arguments)
        before = clock.begin()
        try:
            return step(*arguments)
        finally:
            clock.end(before)

    def fetchone(self) -> Any:
        """The next row, or None."""
        with self._guard:
            self._check()
            row = self._ahead
            if row is None:
                return None
            self._advance()
            return row if self.row_factory is None and self._convert is None else self._make([row])[0]

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, `size` or `arraysize` of them; all that are left if that is not positive."""
        size = self.arraysize if size is None else size
        if size <= 0:
            return self.fetchall()
        with self._guard:
            self._check()
            if self._ahead is None:
                return []
            rows = [self._ahead, *self._stepped(list, islice(self._raw, size - 1))]
            self._advance()
            return self._make(rows)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        with self._guard:
            self._check()
            if self._ahead is None:
                return []
            first, self._ahead = self._ahead, None
            rows = self._stepped(self._raw.fetchall)
            rows.insert(0, first)
            self._advance()
            return self._make(rows)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        with self._guard:
            self._check()
            row = self._ahead
            if row is None:
                raise StopIteration
            self._advance()
            return row if self.row_factory is None and self._convert is None else self._make([row])[0]

    def _make(self, rows: list[Any]) -> list[Any]:
        if self._convert is not None:
            rows = [_converted(self._convert, row) for row in rows]
        factory = self.row_factory
        return rows if factory is None else [factory(self, row) for row in rows]

    def _find_converters(self) -> list[Callable[[bytes], Any] | None] | None:
        """A converter or None for each column; None if no column has one."""
        found: list[Callable[[bytes], Any] | None] = []
        for name, declared in self._columns:
            bracketed = re.search(r"\[([^\]]*)\]", name) if self.connection.detect_types & PARSE_COLNAMES else None
            key = bracketed[1] if bracketed else ""
            if not key and self.connection.detect_types & PARSE_DECLTYPES:
                key = re.split(r"[\s(]", declared or "")[0]
            found.append(converters.get(key.upper()))
        return found if any(found) else None

    @property
    def description(self) -> tuple[Values, ...] | None:
        """(name, declared type or None, None, None, None, None, None) for each column; None if it has no columns."""
        if self._description is None and self._columns:
            if self._rerun is not None:
                self._describe_anew(*self._rerun)
            cut, shown = self.connection.detect_types & PARSE_COLNAMES, self.connection.engine.shown
            self._description = tuple(
                (shown(name.split(" [")[0] if cut else name), declared or None, None, None, None, None, None)
                for name, declared in self._columns
            )
        return self._description

    def _describe_anew(self, sql: str, parameters: Any) -> None:
        """Prepare a statement that gave no rows again, without running it.

        SQLite has by now forgotten its columns, and those that _Start saw are from before SQLite noticed a change of
        the schema, if apsw found the statement in its cache.
        """
        self._rerun = None
        start = _Start(self.connection.sqlite)
        try:
            with self._guard:
                cursor = self.connection.sqlite.cursor()
                cursor.exec_trace = lambda *call: not start(*call)  # False: do not run it
                cursor.execute(sql, parameters, can_cache=False)
        except errors.Error:
            self._columns = start.columns or self._columns

    def header(self) -> Header:
        """The columns' names, as Row needs them."""
        if self._names is None:
            self._names = _header(tuple(column[0] for column in self.description or ()))
        return self._names

    def close(self) -> None:
        """Let go of the statement; the cursor is of no use afterwards."""
        with self._guard:
            self._raw.close(True)
            self._ahead = None
            self._closed = True

    def setinputsizes(self, sizes: object, /) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: object, column: object = None, /) -> None:
        """Does nothing, as PEP 249 allows."""


def _unbound(error: KeyError | OverflowError, parameters: Any) -> Exception:
    """The parameter that is missing or too large, or the error of somebody else's function as it is."""
    named = isinstance(parameters, Mapping)
    if isinstance(error, KeyError):
        name = error.args[0] if error.args else None
        if named and isinstance(name, str) and name not in parameters:
            return ProgrammingError(f"You did not supply a value for binding parameter :{name}.")
        return error
    for name, value in parameters.items() if named else enumerate(parameters, 1):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            what = f":{name}" if named else name
            return DataError(
                f"parameter {what} is {value}, which 64 bits do not hold", "an object id, for one, is at most 2**63 - 1"
            )
    return error


def _converted(converters: list[Callable[[bytes], Any] | None], row: Values) -> Values:
    return tuple(
        value
        if convert is None or value is None
        else convert(value if isinstance(value, bytes) else str(value).encode())
        for convert, value in zip(converters, row, strict=True)
    )
