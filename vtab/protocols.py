"""What stands behind a virtual table: relations that hand out batches of columns, and take constraints as data.

A *relation* has columns and a scan. A scan is asked for some columns under some constraints and yields batches:
one sequence of SQLite values a column, all of one length, and the rows' ids. The cursor makes rows of them.

Contract of a scan: a constraint for which `exact()` said True is applied exactly. One for which it said False is a
hint: rows that fail it may come, but no row that meets it may be missing. Rows come in the relation's `order`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import apsw

Value: TypeAlias = None | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class Declared:
    """A column as declared to SQLite: `type` gives its affinity, `hidden` keeps it out of `*`.

    A `required` column is an argument of the relation: a constraint on it must be usable, or the plan is refused.
    """

    name: str
    type: str = ""
    hidden: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Constraint:
    """`column op value`. Ops: = < <= > >= is. A scan sees no 'lookup', which is a cursor's own `=`."""

    column: int
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands in the place of a value: to read it is an error of SQLite's that says this."""

    message: str


def read(value: Any) -> Any:
    """The value; of a Fault, its error."""
    if isinstance(value, Fault):
        raise apsw.SQLError(value.message)
    return value


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows as columns: column number -> values, and a rowid for each row; all of one length.

    faulty: whether there may be a Fault among the values.
    """

    columns: Mapping[int, Sequence[Any]]
    rowids: Sequence[int]
    faulty: bool = False


class Relation(Protocol):
    """Something that can be read."""

    @property
    def columns(self) -> Sequence[Declared]:
        """The columns, as numbered everywhere else."""
        ...

    @property
    def order(self) -> Sequence[frozenset[int]]:
        """The sort order of the rows, ascending: at each place, the columns that sort alike."""
        ...

    def exact(self, column: int, op: str) -> bool | None:
        """Whether a constraint is applied exactly (True), as a hint (False), or not at all (None)."""
        ...

    def cheap(self, column: int) -> bool:
        """Whether a scan under an equality on the column is cheap enough to make one for each value of an IN."""
        ...

    @property
    def indexed(self) -> frozenset[int]:
        """A cursor that is asked for rows repeatedly may cache them, and look them up by the values of these columns.

        Empty: it may cache none. A constraint `column = value` that `exact` says None to is then taken as 'lookup'.
        """
        ...

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """About how many rows meet these constraints."""
        ...

    def explain(self, constraints: Sequence[tuple[int, str]], values: Sequence[Value]) -> str:
        """What EXPLAIN QUERY PLAN shows of a scan under these constraints; None for a value that is not known yet."""
        ...

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The rows; columns that are not asked for may be missing from the batches.

        For an UPDATE, SQLite asks for more columns than there are: then all must be there, and few will be read.
        """
        ...


@runtime_checkable
class TurningRelation(Relation, Protocol):
    """A relation that can also be read from its end."""

    def scan_backwards(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The rows of `scan` in the opposite of its order; those that sort alike as `scan` gives them."""
        ...


class RowWriter(Protocol):
    """Where the rows go that are inserted, updated and deleted, inside SQLite's transaction.

    It may buffer; `flush` writes what is buffered into ordinary tables of the same database, where SQLite's
    own transaction holds it; `forget` discards what is buffered. A flush happens before every savepoint and commit.
    Rowids are those of the last scan, which has ended before the first of its rows is changed.
    """

    @property
    def spared(self) -> frozenset[int]:
        """The columns of which `update` wants no value where they do not change."""
        ...

    @property
    def constraint_errors(self) -> tuple[type[Exception], ...]:
        """What insert and update raise for a row that breaks a constraint, for OR FAIL and OR ROLLBACK to see."""
        ...

    def insert(self, values: Sequence[Value], conflict: int) -> int:
        """Take one row, with a value for each column; returns its rowid. `conflict` is apsw's SQLITE_* action."""
        ...

    def update(self, row: int, values: Sequence[Any], conflict: int) -> None:
        """Take the new values of a row: apsw.no_change for columns that are spared and do not change."""
        ...

    def delete(self, row: int) -> None:
        """Take the rowid of a row that goes."""
        ...

    def flush(self) -> None:
        """Write what is buffered."""
        ...

    def flush_all(self) -> None:
        """Write what is buffered for any table of the connection."""
        ...

    def forget(self) -> None:
        """Discard what is buffered, and what was cached of a transaction that was rolled back."""
        ...


class WritableRelation(Relation, Protocol):
    """A relation with rows to insert, update and delete, and tables of its own."""

    @property
    def writer(self) -> RowWriter:
        """Where they go."""
        ...

    def rename(self, name: str) -> None:
        """Rename the shadow tables."""
        ...

    def destroy(self) -> None:
        """Drop the shadow tables."""
        ...

    def check(self) -> list[str]:
        """Every fault found in what is stored."""
        ...


class Tables(Protocol):
    """Where the tables of one connection come from."""

    @property
    def companions(self) -> Sequence[str]:
        """The suffixes of the companion tables."""
        ...

    def create(self, database: str, name: str, arguments: Sequence[str]) -> WritableRelation:
        """Make a new table's shadow tables."""
        ...

    def connect(self, database: str, name: str) -> WritableRelation:
        """Open an existing table."""
        ...

    def companion(self, database: str, name: str, suffix: str) -> Relation:
        """A companion of the table `name`."""
        ...

    def shadow(self, suffix: str) -> bool:
        """Whether `<table>_<suffix>` is a shadow table."""
        ...
