"""PEP 249 on an Engine, shaped like the standard library's sqlite3: a program moves over by changing its import.

What it is not: it knows nothing of sky tables. Engine rewrites a statement and owns the tables; here are transactions,
cursors, parameters, rows and errors.

    isolation_level "" / DEFERRED / IMMEDIATE / EXCLUSIVE: the first INSERT, UPDATE, DELETE or REPLACE begins a
    transaction, which lasts until commit() or rollback(). None: every statement commits by itself.

Invariants
- Whatever apsw raises leaves as an error of skysql.errors with SQLite's own message, `sqlite_errorcode` and
  `sqlite_errorname`; what virtual tables and user functions raise leaves as it is.
- BEGIN runs between the preparation of a statement and its first step, so that one that cannot be prepared opens no
  transaction.
- A cursor is one row ahead of its caller, as sqlite3's are: after its last row no statement is left running, which
  would hold a read snapshot open and stop DROP TABLE and COMMIT.

Sources: PEP 249; CPython 3.11 Modules/_sqlite, whose behaviour the tests compare with; docs of apsw's Cursor.
"""

from __future__ import annotations

import datetime
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

import apsw
import numpy as np

from . import errors
from .errors import ProgrammingError
from .schema import Table, literal, quote

if TYPE_CHECKING:
    from .connection import Engine, Plan, TableInfo

apilevel = "2.0"
threadsafety = 2  # threads may share connections: each call is one turn at Guard.lock
paramstyle = "qmark"  # and named

PARSE_DECLTYPES = 1
PARSE_COLNAMES = 2

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = memoryview

Values = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802
    """The local date at that many seconds since the Unix epoch."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """The local time of day at that many seconds since the Unix epoch."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """The local date and time at that many seconds since the Unix epoch."""
    return Timestamp(*time.localtime(ticks)[:6])


class _TypeObject:
    """Equal to every declared type (the type_code of a description) that holds one of these words."""

    def __init__(self, *words: str) -> None:
        self._match = re.compile("|".join(words), re.IGNORECASE).search

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, str) and self._match(other) is not None)

    __hash__ = object.__hash__


STRING = _TypeObject("CHAR", "TEXT", "CLOB")
BINARY = _TypeObject("BLOB", "BINARY")
NUMBER = _TypeObject("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "BOOL")
DATETIME = _TypeObject("DATE", "TIME")
ROWID = _TypeObject("^ROWID$")


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


def translate(error: apsw.Error) -> errors.DatabaseError:
    """The same error in the tree of PEP 249; DatabaseError itself for what fits nowhere else (not a database)."""
    message = re.sub(r"  Current offset is \d+$", "", str(error)).replace(".  ", ". ")
    translated = _CLASSES.get(type(error), errors.DatabaseError)(message)
    code = getattr(error, "extendedresult", None)
    if code is not None:
        names = apsw.mapping_extended_result_codes if code > 0xFF else apsw.mapping_result_codes
        vars(translated).update(sqlite_errorcode=code, sqlite_errorname=names.get(code))
    return translated


class Guard:
    """What every use of a connection is wrapped in: one thread at a time, only while it is open, PEP 249's errors."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held while SQLite, the engine, or the state of a cursor is touched
        self.closed = False

    def __enter__(self) -> None:
        self.lock.acquire()
        if self.closed:
            self.lock.release()
            raise ProgrammingError("Cannot operate on a closed database.")

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.lock.release()
        if isinstance(error, apsw.Error):
            raise translate(error) from None


# Statements


_NEXT_SEMICOLON = re.compile(
    r"""(?: [^;'"`\[/-] | '[^']*'? | "[^"]*"? | `[^`]*`? | \[[^\]]*\]? | --[^\n]* | /\*.*?(?:\*/|\Z) | [/-] )*+ ;""",
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(
    r"""(?: \s | --[^\n]* | /\*.*?(?:\*/|\Z) )*+
        (?: (?P<word>[^\W\d][\w$]*) | '[^']*'? | "[^"]*"? | `[^`]*`? | \[[^\]]*\]? | [\w.]+ | . )""",
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"(?: \s | ; | --[^\n]* | /\*.*?(?:\*/|\Z) )*+", re.VERBOSE | re.DOTALL)

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
_READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "PRAGMA", ""})
_AFTER_WITH = _WRITES | {"SELECT", "VALUES"}


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon; pieces with nothing but comments are left out."""
    start = end = 0
    while match := _NEXT_SEMICOLON.match(script, end):
        end = match.end()
        piece = script[start:end]
        if apsw.complete(piece):  # not within the body of a trigger
            start = end
            if not _BLANK.fullmatch(piece):
                yield piece
    if not _BLANK.fullmatch(script, start):
        yield script[start:]


class Statement(NamedTuple):
    """What is to be known of a statement before it runs. verb: its first word, or that after its CTEs, in capitals."""

    verb: str
    writes: bool  # whether it begins a transaction


@lru_cache(1024)
def analyse(sql: str) -> Statement:
    """Raises ProgrammingError if there are several statements."""
    if "\0" in sql:
        raise ProgrammingError("the query contains a null character")
    if ";" in sql and len(list(islice(statements(sql), 2))) > 1:
        raise ProgrammingError("You can only execute one statement at a time.", "executescript() takes several")
    blank = _BLANK.match(sql)
    verb = _verb(sql, blank.end() if blank else 0)
    return Statement(verb, verb in _WRITES)


def _verb(sql: str, start: int) -> str:
    first = _TOKEN.match(sql, start)
    verb = (first["word"] or "?").upper() if first else ""
    if first is None or verb != "WITH":
        return verb
    depth, before = 0, ""
    for token in _TOKEN.finditer(sql, first.end()):
        text = token[0].strip()
        word = (token["word"] or "").upper()
        if depth == 0 and before == ")" and word in _AFTER_WITH:
            return word
        depth += (text == "(") - (text == ")")
        before = text[-1:]
    return verb


# Parameters


_NATIVE = frozenset({int, float, str, bytes, bytearray, memoryview, bool, type(None)})
_adapters: dict[type, Callable[[Any], Any]] = {}  # register_adapter(); replaced items only, so it needs no lock
_converters: dict[str, Callable[[bytes], Any]] = {}  # register_converter(), by name in capitals; the same


def register_adapter(type_: type, adapter: Callable[[Any], Any], /) -> None:
    """Bind parameters of exactly that type as what adapter(value) gives: None, int, float, str or bytes."""
    _adapters[type_] = adapter


def register_converter(name: str, converter: Callable[[bytes], Any], /) -> None:
    """With detect_types, read columns of that declared type (its first word) as converter(bytes of the value)."""
    _converters[name.upper()] = converter


register_converter("date", lambda value: datetime.date.fromisoformat(value.decode()))
register_converter("timestamp", lambda value: datetime.datetime.fromisoformat(value.decode()))


class PrepareProtocol:
    """What __conform__ of a parameter is asked for."""


def bindings(parameters: Any) -> Any:
    """Parameters as apsw takes them. Raises ProgrammingError for what cannot be bound."""
    kind = type(parameters)
    if kind is not tuple and kind is not list:  # isinstance(..., Mapping) takes longer than all the rest
        if kind is dict or isinstance(parameters, Mapping):
            return {
                name: value if type(value) in _NATIVE else adapt(f":{name}", value)
                for name, value in parameters.items()
            }
        if not (hasattr(parameters, "__getitem__") and hasattr(parameters, "__len__")):
            raise ProgrammingError("parameters are of unsupported type")
        parameters = tuple(parameters)
    if _NATIVE.issuperset(map(type, parameters)):
        return parameters
    return [adapt(str(i), value) for i, value in enumerate(parameters, 1)]


def adapt(position: str, value: Any) -> Any:
    """One parameter as something that apsw binds; numpy's scalars would be taken for buffers, and become BLOBs."""
    if (adapter := _adapters.get(type(value))) is not None:
        return adapter(value)
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    elif isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if value is None or isinstance(value, int | float | str | bytes | bytearray | memoryview | apsw.zeroblob):
        return value
    if isinstance(value, datetime.datetime):
        if value != value:  # pandas' NaT
            return None
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return value.isoformat(" ", "microseconds")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if (conform := getattr(value, "__conform__", None)) is not None:
        return conform(PrepareProtocol)
    kind = type(value).__name__
    raise ProgrammingError(f"Error binding parameter {position}: type {kind!r} is not supported", "register_adapter()")


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
        self._closed = False
        self._ahead: Values | None = None  # the next row to hand out; None at the end
        self._writes = False  # whether rowcount is to be set when the statement ends
        self._columns: tuple[tuple[str, str | None], ...] = ()
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
            text = self._rewrite(statement, sql)
            sqlite = self.connection.sqlite
            if statement.writes:
                self._begin(sqlite)
            try:
                self._raw.execute(text, parameters)
            except KeyError as error:
                raise _missing(error, parameters) from None
            self._advance()
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

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters], /) -> Self:
        """Run a writing statement once for each set of parameters; rows that it returns are dropped."""
        rows = iter(seq_of_parameters)
        with self._guard:
            statement = self._prepare("executemany", sql)
            if statement.verb in _READS:
                raise ProgrammingError("executemany() can only execute DML statements.")
            text = self._rewrite(statement, sql)
            if statement.writes:
                self._begin(self.connection.sqlite)
            self._start.once = True
            try:
                self._raw.executemany(text, self._counted(rows) if statement.writes else map(bindings, rows)).fetchall()
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
            for sql in statements(sql_script):
                prepared = self.connection.engine.prepare(sql)
                for _ in self.connection.sqlite.execute(prepared.sql):
                    pass
        return self

    def _check(self) -> None:
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed cursor.")

    def _prepare(self, method: str, sql: str) -> Statement:
        """Forget the statement before, and look at the new one."""
        self._check()
        if not isinstance(sql, str):
            raise TypeError(f"{method}() argument 1 must be str, not {type(sql).__name__}")
        self._ahead = self.plan = self._description = self._names = self._rerun = self._convert = None
        self._columns = self._start.columns = ()
        self._start.begin = ""
        statement = analyse(sql)
        self._writes = statement.writes
        self.rowcount = 0 if statement.writes else -1
        return statement

    def _rewrite(self, statement: Statement, sql: str) -> str:
        if not statement.verb:
            return sql
        prepared = self.connection.engine.prepare(sql)
        self.plan = prepared.plan
        return prepared.sql

    def _begin(self, sqlite: apsw.Connection) -> None:
        if self.connection.isolation_level is not None and not sqlite.in_transaction:
            self._start.begin = f"BEGIN {self.connection.isolation_level}"

    def _counted(self, rows: Iterable[Parameters]) -> Iterator[Parameters]:
        """The rows, adding up what each changed; total_changes would count what triggers did too."""
        changes = self.connection.sqlite.changes
        for row in rows:
            yield bindings(row)
            self.rowcount += changes()

    def _advance(self) -> None:
        self._ahead = None
        self._ahead = next(self._raw, None)
        if self._ahead is None and self._writes:
            self.rowcount = self.connection.sqlite.changes()
            self._writes = False

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
            rows = [self._ahead, *islice(self._raw, size - 1)]
            self._advance()
            return self._make(rows)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        with self._guard:
            self._check()
            if self._ahead is None:
                return []
            first, self._ahead = self._ahead, None
            rows = self._raw.fetchall()
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
            found.append(_converters.get(key.upper()))
        return found if any(found) else None

    @property
    def description(self) -> tuple[Values, ...] | None:
        """(name, declared type or None, None, None, None, None, None) for each column; None if it has no columns."""
        if self._description is None and self._columns:
            if self._rerun is not None:
                self._describe_anew(*self._rerun)
            cut = self.connection.detect_types & PARSE_COLNAMES
            self._description = tuple(
                (name.split(" [")[0] if cut else name, declared or None, None, None, None, None, None)
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


def _missing(error: KeyError, parameters: Any) -> Exception:
    """The name that a mapping of parameters lacks, or the error of somebody else's function as it is."""
    name = error.args[0] if error.args else None
    if isinstance(parameters, Mapping) and isinstance(name, str) and name not in parameters:
        return ProgrammingError(f"You did not supply a value for binding parameter :{name}.")
    return error


def _converted(converters: list[Callable[[bytes], Any] | None], row: Values) -> Values:
    return tuple(
        value
        if convert is None or value is None
        else convert(value if isinstance(value, bytes) else str(value).encode())
        for convert, value in zip(converters, row, strict=True)
    )


# Connections


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
        from .connection import Engine  # late: it loads all the rest, which `import skysql` alone can do without

        self.guard = Guard()
        self.detect_types = detect_types
        self.row_factory: RowFactory | None = None
        self._isolation_level = _checked_level(isolation_level)
        with self.guard:
            self.engine: Engine = Engine(
                os.fsdecode(database), timeout=timeout, pushdown=pushdown, cache_size=cache_size, read_only=read_only
            )
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
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        self._isolation_level = _checked_level(level)
        if level is None:
            self.commit()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        with self.guard:
            return self.sqlite.in_transaction

    @property
    def total_changes(self) -> int:
        """Rows changed since the connection was opened, those of a sky table's own storage among them."""
        with self.guard:
            return self.sqlite.total_changes()

    def commit(self) -> None:
        """Make the open transaction durable, if there is one."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        self._end("ROLLBACK")

    def _end(self, sql: str) -> None:
        with self.guard:
            if self.sqlite.in_transaction:
                self.sqlite.execute(sql)

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
        with self.guard.lock:
            if not self.guard.closed:
                with self.guard:
                    self.engine.close()
                self.guard.closed = True

    def interrupt(self) -> None:
        """Stop what another thread is running on this connection: it raises OperationalError there."""
        if self.guard.closed:  # not `with`: the other thread has the lock
            raise ProgrammingError("Cannot operate on a closed database.")
        self.sqlite.interrupt()

    # sky tables

    def append(self, table: str, columns: Any) -> int:
        """Store many events at once and return how many: `columns` maps names to arrays or lists, or is a frame.

        Part of the current transaction if there is one, else a transaction of its own.
        """
        with self.guard:
            return self.engine.append(table, columns)

    def compact(self, table: str | None = None) -> None:
        """Merge what was written into few large blocks; of one table ('users', 'main.users') or of all."""
        with self.guard:
            self.engine.compact(table)

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

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Callable[[], Any] | None, /) -> None:
        """Make an aggregate of a class with step(*values) and finalize(); None removes it."""

        def start() -> tuple[Any, Callable[..., None], Callable[[Any], Any]]:
            assert aggregate_class is not None
            return aggregate_class(), lambda self, *values: self.step(*values), lambda self: self.finalize()

        with self.guard:
            self.sqlite.create_aggregate_function(name, start if aggregate_class else None, n_arg)

    def create_window_function(self, name: str, num_params: int, aggregate_class: Callable[[], Any] | None, /) -> None:
        """Make a window function of a class with step and inverse(*values), value() and finalize(); None removes it."""

        def start() -> tuple[Any, ...]:
            assert aggregate_class is not None
            return (
                aggregate_class(),
                lambda self, *values: self.step(*values),
                lambda self: self.finalize(),
                lambda self: self.value(),
                lambda self, *values: self.inverse(*values),
            )

        with self.guard:
            self.sqlite.create_window_function(name, start if aggregate_class else None, num_params)

    def create_collation(self, name: str, callback: Callable[[str, str], int] | None, /) -> None:
        """Make a collation of a function that compares two texts; None removes it."""
        with self.guard:
            self.sqlite.create_collation(name, callback)

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
                if progress is not None:
                    progress(status, copy.remaining, copy.page_count)

    def iterdump(self) -> Iterator[str]:
        """The database as SQL that makes it anew: sky tables as INSERTs of their events, in path order."""
        yield "BEGIN TRANSACTION;"
        owned = {name for name, kind in self._rows("SELECT name, type FROM pragma_table_list") if kind == "shadow"}
        skies = {info.name: info.table for info in self.info() if info.database == "main"}
        later = []
        made = self._rows("SELECT type, name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY rowid")
        for kind, name, sql in made:
            if kind != "table":
                later.append(f"{sql};")
            elif name == "sqlite_sequence":
                later += ['DELETE FROM "sqlite_sequence";', *self._inserts(name, _columns(self, name))]
            elif name not in owned and not name.startswith("sqlite_") and not _COMPANION.match(sql):
                yield f"{sql};"
                sky = skies.get(name)
                yield from self._inserts(name, _event_columns(sky) if sky else _columns(self, name))
        yield from later
        yield "COMMIT;"

    def _rows(self, sql: str) -> list[Any]:
        with self.guard:
            return self.sqlite.execute(sql).fetchall()

    def _inserts(self, name: str, columns: list[str]) -> Iterator[str]:
        names = ", ".join(map(quote, columns))
        values = " || ', ' || ".join(f"quote({quote(column)})" for column in columns)
        cursor = Cursor(self)
        cursor._raw.execute(f"SELECT {values} FROM {quote(name)}")
        for (row,) in cursor._raw:
            yield f"INSERT INTO {quote(name)} ({names}) VALUES ({row});"


_COMPANION = re.compile(r"CREATE VIRTUAL TABLE .*\bUSING\s+sky_\w+\s*\(", re.IGNORECASE | re.DOTALL)


def _columns(connection: Connection, table: str) -> list[str]:
    """The columns of a table that can be written."""
    return [row[0] for row in connection._rows(f"SELECT name FROM pragma_table_info({literal(table)})")]


def _event_columns(table: Table) -> list[str]:
    """The columns of a sky table that say all of an event: changes instead of the state that they lead to."""
    attributes = [p.name for p in table.properties if not p.state]
    return [table.key_name or table.object_name, "timestamp", "action", *attributes, "changes"]


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
