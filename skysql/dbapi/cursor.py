"""Cursors and rows: PEP 249 over a session, which runs the statements.

Sources: CPython 3.11 Modules/_sqlite/cursor.c, whose behaviour the tests compare with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, overload

from ..engine.session import Result, Session
from ..engine.statements import READS, analyse
from ..errors import ProgrammingError
from .parameters import PARSE_COLNAMES, PARSE_DECLTYPES, Parameters, Values, bindings, converters

if TYPE_CHECKING:
    from ..engine.guard import Guard
    from ..engine.prepared import Plan


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


class Connected(Protocol):
    """What a cursor needs of its connection; implemented by `Connection`."""

    guard: Guard
    session: Session
    detect_types: int


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

    def __init__(self, connection: Connected, /) -> None:
        self.connection = connection
        self.row_factory: RowFactory | None = None
        self.arraysize = 1
        self._guard: Guard | _Closed = connection.guard
        self._description: tuple[Values, ...] | None = None  # made when first asked for, as is the header
        self._names: Header | None = None
        self._convert: list[Callable[[bytes], Any] | None] | None = None
        if connection.guard.closed:
            raise ProgrammingError("Cannot operate on a closed database.")
        self._result = Result(connection.session)

    # statements

    def execute(self, sql: str, parameters: Parameters = (), /) -> Self:
        """Run one statement, which may be empty, with a sequence of values for ? or a mapping for :name."""
        with self._guard:
            self._prepare("execute", sql)
            self.connection.session.run(sql, bindings(parameters), self._result)
            if self.connection.detect_types:
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
            self.connection.session.run_many(sql, rows, self._result)
        return self

    def executescript(self, sql_script: str, /) -> Self:
        """Commit, then run the statements one after the other, dropping their rows."""
        if not isinstance(sql_script, str):
            raise TypeError(f"executescript() argument must be str, not {type(sql_script).__name__}")
        if "\0" in sql_script:
            raise ProgrammingError("the script contains a null character")
        with self._guard:
            self.connection.session.run_script(sql_script)
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
        size = self.arraysize if size is None else size
        with self._guard:
            return self._make(self._result.take_some(size) if size > 0 else self._result.take_all())

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        with self._guard:
            rows = self._result.take_all()
            return rows if self.row_factory is None and self._convert is None else self._make(rows)

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
        return self.row_factory is None and self._convert is None

    def _make(self, rows: list[Any]) -> list[Any]:
        if self._convert is not None:
            rows = [_converted(self._convert, row) for row in rows]
        factory = self.row_factory
        return rows if factory is None else [factory(self, row) for row in rows]

    def _find_converters(self) -> list[Callable[[bytes], Any] | None] | None:
        """A converter or None for each column; None if no column has one."""
        found: list[Callable[[bytes], Any] | None] = []
        for name, declared in self._result.columns:
            bracketed = re.search(r"\[([^\]]*)\]", name) if self.connection.detect_types & PARSE_COLNAMES else None
            key = bracketed[1] if bracketed else ""
            if not key and self.connection.detect_types & PARSE_DECLTYPES:
                key = re.split(r"[\s(]", declared or "")[0]
            found.append(converters.get(key.upper()))
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
            cut = self.connection.detect_types & PARSE_COLNAMES
            self._description = tuple(
                (name.split(" [")[0] if cut else name, declared or None, None, None, None, None, None)
                for name, declared in columns
            )
        return self._description

    def header(self) -> Header:
        """The columns' names, as Row needs them."""
        if self._names is None:
            self._names = _header(tuple(column[0] for column in self.description or ()))
        return self._names

    def close(self) -> None:
        """Let go of the statement; the cursor is of no use afterwards."""
        with self.connection.guard:
            self._result.close()
            self._guard = _Closed(self.connection.guard)

    def setinputsizes(self, sizes: object, /) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: object, column: object = None, /) -> None:
        """Does nothing, as PEP 249 allows."""


def _converted(converters: list[Callable[[bytes], Any] | None], row: Values) -> Values:
    return tuple(
        value
        if convert is None or value is None
        else convert(value if isinstance(value, bytes) else str(value).encode())
        for convert, value in zip(converters, row, strict=True)
    )
