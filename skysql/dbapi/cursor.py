"""Cursors: PEP 249 over a session, which runs the statements.

Sources: CPython 3.11 Modules/_sqlite/cursor.c, whose behaviour the tests compare with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, Self

from ..engine.session import Result, Session
from ..engine.statements import READS, analyse
from ..errors import NullCharacterError, ProgrammingError
from ..model.values import text
from .parameters import PARSE_COLNAMES, PARSE_DECLTYPES, Parameters, Values, bindings, converters
from .row import Header

if TYPE_CHECKING:
    from ..engine.guard import Guard
    from ..engine.prepared import Plan


RowFactory = Callable[["Cursor", Values], Any]


class Connected(Protocol):
    """What a cursor needs of its connection; implemented by `Connection`."""

    guard: Guard
    session: Session
    detect_types: int
    text_factory: Callable[[bytes], Any]


class _Closed:
    """In place of the guard of a cursor that is closed."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __enter__(self) -> None:
        with self._guard:
            raise ProgrammingError("Cannot operate on a closed cursor.")

    def __exit__(self, *error: object) -> None:
        """It was never entered."""


class Cursor:
    """Runs statements and hands out their rows: sqlite3.Cursor, plus `plan` and declared types in `description`."""

    __slots__ = (
        *("__weakref__", "_arraysize", "_connection", "row_factory"),
        *("_convert", "_description", "_guard", "_names", "_result"),
    )

    def __init__(self, connection: Connected, /) -> None:
        if not hasattr(type(connection), "text_factory"):
            raise TypeError(f"Cursor() argument 1 must be a Connection, not {type(connection).__name__}")
        self._connection = connection
        self.row_factory: RowFactory | None = None
        self._arraysize = 1
        self._guard: Guard | _Closed = connection.guard
        self._description: tuple[Values, ...] | None = None  # made when first asked for, as is the header
        self._names: Header | None = None
        self._convert: list[Callable[[bytes], Any] | None] | None = None
        if connection.guard.closed:
            raise ProgrammingError("Cannot operate on a closed database.")
        self._result = Result(connection.session)

    def __getattr__(self, name: str) -> Any:
        if name in ("_connection", "_guard", "_result", "_arraysize"):
            raise ProgrammingError("Base Cursor.__init__ not called.")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def connection(self) -> Connected:
        """The connection that it is of."""
        return self._connection

    @property
    def arraysize(self) -> int:
        """How many rows fetchmany() gives, unless it is told."""
        return self._arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        if not isinstance(size, int):
            raise TypeError(f"'{type(size).__name__}' object cannot be interpreted as an integer")
        self._arraysize = size

    def __reduce__(self) -> str:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    # statements

    def execute(self, sql: str, parameters: Parameters = (), /) -> Self:
        """Run one statement, which may be empty, with a sequence of values for ? or a mapping for :name."""
        with self._guard:
            self._prepare("execute", sql)
            self._connection.session.run(sql, bindings(parameters), self._result)
            if self._connection.detect_types:
                self._convert = self._find_converters()
        return self

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters], /) -> Self:
        """Run a writing statement once for each set of parameters; rows that it returns are dropped."""
        rows = map(bindings, seq_of_parameters)
        with self._guard:
            self._prepare("executemany", sql)
            self._result.forget()
            if analyse(sql).verb in READS:
                raise ProgrammingError("executemany() can only execute DML statements.")
            self._connection.session.run_many(sql, rows, self._result)
        return self

    def executescript(self, sql_script: str, /) -> Self:
        """Commit, then run the statements one after the other, dropping their rows."""
        if not isinstance(sql_script, str):
            raise TypeError(f"executescript() argument must be str, not {type(sql_script).__name__}")
        if "\0" in sql_script:
            raise NullCharacterError("the script has an embedded null character")
        with self._guard:
            self._connection.session.run_script(sql_script)
            self._result.plan = None
        return self

    def _prepare(self, method: str, sql: str) -> None:
        """Forget the statement before."""
        if not isinstance(sql, str):
            raise TypeError(f"{method}() argument 1 must be str, not {type(sql).__name__}")
        self._description = self._names = self._convert = None

    # rows

    def fetchone(self) -> Any:
        """The next row, or None."""
        with self._guard:
            row = self._result.take()
            return row if row is None or self._plain() else self._make([row])[0]

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, `size` or `arraysize` of them; all that are left if that is not positive."""
        size = self._arraysize if size is None else size
        with self._guard:
            return self._make(self._result.take_some(size) if size > 0 else self._result.take_all())

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        with self._guard:
            rows = self._result.take_all()
            return rows if self._plain() else self._make(rows)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        with self._guard:
            row = self._result.take()
            if row is None:
                raise StopIteration
            return row if self._plain() else self._make([row])[0]

    def _plain(self) -> bool:
        """Whether rows are handed out as they come."""
        return self.row_factory is None and self._convert is None and self._connection.text_factory is str

    def _make(self, rows: list[Any]) -> list[Any]:
        made = self._connection.text_factory
        if self._convert is not None or made is not str:
            converters = self._convert or [None] * len(rows[0]) if rows else []
            rows = [_converted(converters, row, made) for row in rows]
        factory = self.row_factory
        return rows if factory is None else [factory(self, row) for row in rows]

    def _find_converters(self) -> list[Callable[[bytes], Any] | None] | None:
        """A converter or None for each column; None if no column has one."""
        detected = self._connection.detect_types
        found: list[Callable[[bytes], Any] | None] = []
        for name, declared in self._result.columns:
            bracketed = re.search(r"\[([^\[\]]*)\]", name) if detected & PARSE_COLNAMES else None
            convert = converters.get(bracketed[1].upper()) if bracketed else None
            if convert is None and detected & PARSE_DECLTYPES:
                convert = converters.get(re.split(r"[\s(]", declared or "")[0].upper())
            found.append(convert)
        return found if any(found) else None

    # what is told of the statement

    @property
    def rowcount(self) -> int:
        """How many rows it changed; -1 of a statement that changes none."""
        return self._result.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The rowid of the row that was inserted last."""
        return self._result.lastrowid

    @property
    def plan(self) -> Plan | None:
        """What of it was pushed down."""
        return self._result.plan

    @property
    def description(self) -> tuple[Values, ...] | None:
        """(name, declared type or None, None, None, None, None, None) for each column; None if it has no columns."""
        if self._description is None and (columns := self._result.columns):
            cut = self._connection.detect_types & PARSE_COLNAMES
            self._description = tuple(
                (re.split(r" ?\[", name)[0] if cut else name, declared or None, None, None, None, None, None)
                for name, declared in columns
            )
        return self._description

    def header(self) -> Header:
        """The columns' names, as Row needs them."""
        if self._names is None:
            self._names = Header(tuple(column[0] for column in self.description or ()))
        return self._names

    def close(self) -> None:
        """Let go of the statement; the cursor is of no use afterwards."""
        with self._connection.guard:
            self._result.close()
            self._guard = _Closed(self._connection.guard)

    def setinputsizes(self, sizes: object, /) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: object, column: object = None, /) -> None:
        """Does nothing, as PEP 249 allows."""


def _converted(
    converters: list[Callable[[bytes], Any] | None], row: Values, factory: Callable[[bytes], Any]
) -> Values:
    """The row, each value by its converter; a text without one by the text factory."""
    return tuple(
        _made_of(value, factory) if convert is None or value is None else _by(convert, value)
        for convert, value in zip(converters, row, strict=True)
    )


def _by(convert: Callable[[bytes], Any], value: Any) -> Any:
    """A value by its converter, which is given its bytes, of a number those of its text; nothing is NULL."""
    data = value if isinstance(value, bytes) else str(text(value)).encode()
    return convert(data) if data else None


def _made_of(value: Any, factory: Callable[[bytes], Any]) -> Any:
    return factory(value.encode()) if isinstance(value, str) and factory is not str else value
