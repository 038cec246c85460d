"""A relation as a virtual table.

    CREATE VIRTUAL TABLE x USING module(...)        a companion, by `RelationModule`
    SELECT ... FROM name(argument, ...)             an eponymous table, by `publish(connection, name, relation)`

Declared schema: the relation's columns. What xBestIndex promises:

    idxNum   the number of a `Choice` that the table keeps: the columns read and the constraints taken.
             Producer: `RelationTable.BestIndexObject`; consumer: `RelationCursor.Filter`.
    idxStr   for people only: what EXPLAIN QUERY PLAN shows.
    argv     the right-hand sides of the constraints, in the order of the Choice.
    omit     set exactly where the relation says that it applies the constraint exactly.
    order    consumed when the ORDER BY is a prefix of the relation's order, ascending, after leaving out
             columns that are fixed by an equality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import apsw

from .source import Batch, Column, Constraint, Relation, Value

_OPS = {
    apsw.SQLITE_INDEX_CONSTRAINT_EQ: "=",
    apsw.SQLITE_INDEX_CONSTRAINT_LT: "<",
    apsw.SQLITE_INDEX_CONSTRAINT_LE: "<=",
    apsw.SQLITE_INDEX_CONSTRAINT_GT: ">",
    apsw.SQLITE_INDEX_CONSTRAINT_GE: ">=",
    apsw.SQLITE_INDEX_CONSTRAINT_IS: "is",
}

_LAST_BIT = 63
"""SQLite tells of the columns used by 64 bits, of which the last stands for all further columns."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a plan of SQLite's asks of a scan: idxNum's meaning."""

    columns: frozenset[int]
    constraints: tuple[tuple[int, str], ...]


def declaration(columns: Sequence[Column]) -> str:
    """The CREATE TABLE that declares these columns to SQLite."""

    def declare(column: Column) -> str:
        name = column.name.replace('"', '""')
        return f'"{name}" {column.type}{" HIDDEN" if column.hidden else ""}'

    return f"CREATE TABLE x({', '.join(map(declare, columns))})"


class RelationTable:
    """One reference of SQLite's to a relation."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.choices: list[Choice] = []
        self._numbers: dict[Choice, int] = {}

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802
        """Take every constraint that the relation can use; refuse a plan that leaves an argument unbound."""
        taken: list[tuple[int, str]] = []
        exact_equal: set[int] = set()
        for which in range(info.nConstraint):
            column = info.get_aConstraint_iColumn(which)
            op = _OPS.get(info.get_aConstraint_op(which))
            if op is None or column < 0:
                continue
            required = self.relation.columns[column].required
            exact = self.relation.exact(column, op)
            if not info.get_aConstraint_usable(which):
                if required:
                    return False
                continue
            if exact is None or (not required and info.get_aConstraint_collation(which).upper() != "BINARY"):
                continue
            many = op == "=" and info.get_aConstraintUsage_in(which)
            if many and not (required or self.relation.cheap(column)):
                continue  # SQLite would scan once for each of the values
            if op in ("=", "is") and exact and not many:
                exact_equal.add(column)
            taken.append((column, op))
            info.set_aConstraintUsage_argvIndex(which, len(taken))
            info.set_aConstraintUsage_omit(which, exact)
        self._finish(info, tuple(taken), exact_equal)
        return True

    def _finish(self, info: apsw.IndexInfo, taken: tuple[tuple[int, str], ...], equal: set[int]) -> None:
        used = set(info.colUsed)
        if _LAST_BIT in used:
            used.update(range(_LAST_BIT, len(self.relation.columns)))
        choice = Choice(frozenset(used), taken)
        number = self._numbers.setdefault(choice, len(self.choices))
        if number == len(self.choices):
            self.choices.append(choice)
        info.idxNum = number
        info.idxStr = self.relation.explain(taken)
        rows = self.relation.estimate(taken)
        info.estimatedRows = max(rows, 1)
        info.estimatedCost = 10.0 + rows
        info.orderByConsumed = self._ordered(info, equal)

    def _ordered(self, info: apsw.IndexInfo, equal: set[int]) -> bool:
        order = [place for place in self.relation.order if not place & equal]
        wanted = [
            (info.get_aOrderBy_iColumn(which), info.get_aOrderBy_desc(which)) for which in range(info.nOrderBy)
        ]
        wanted = [(column, descending) for column, descending in wanted if column not in equal]
        if len(wanted) > len(order):
            return False
        return all(
            not descending and column in place for (column, descending), place in zip(wanted, order, strict=False)
        )

    def Open(self) -> RelationCursor:  # noqa: N802
        """A cursor."""
        return RelationCursor(self)

    def Disconnect(self) -> None:  # noqa: N802
        """Nothing is held."""

    def Destroy(self) -> None:  # noqa: N802
        """Nothing is held."""


class RelationCursor:
    """Rows of a scan, one at a time: the columns of each batch are zipped by C code, and `row` is the current tuple.

    The tuple has a place for every column (None where it was not asked for) and the rowid last, which is why
    column -1, SQLite's number for the rowid, needs no case of its own.
    """

    def __init__(self, table: RelationTable) -> None:
        self.table = table
        self.rows: Iterator[Sequence[Any]] = iter(())
        self.row: Sequence[Any] | None = None

    def Filter(self, number: int, _text: str | None, arguments: Sequence[Any] | None) -> None:  # noqa: N802
        """Start the scan that Choice `number` describes."""
        choice = self.table.choices[number]
        constraints = tuple(
            Constraint(column, op, value)
            for (column, op), value in zip(choice.constraints, arguments or (), strict=True)
        )
        width = len(self.table.relation.columns)
        batches = self.table.relation.scan(choice.columns, constraints)
        made = _rows if max(choice.columns, default=0) < width else _rows_when_read
        self.rows = chain.from_iterable(made(batch, width) for batch in batches)
        self.row = next(self.rows, None)

    def Next(self) -> None:  # noqa: N802
        """Step to the next row."""
        self.row = next(self.rows, None)

    def Eof(self) -> bool:  # noqa: N802
        """Whether the rows are at their end."""
        return self.row is None

    def Column(self, number: int) -> Any:  # noqa: N802
        """A value of the current row; SQLite may ask more than once."""
        return self.row[number]  # type: ignore[index]

    def Rowid(self) -> int:  # noqa: N802
        """The current row's id."""
        return self.row[-1]  # type: ignore[index, no-any-return]

    def Close(self) -> None:  # noqa: N802
        """Let go of the scan."""
        self.rows, self.row = iter(()), None


def _rows(batch: Batch, width: int) -> Iterator[tuple[Value, ...]]:
    nothing = repeat(None)
    return zip(*(batch.columns.get(n, nothing) for n in range(width)), batch.rowids)  # noqa: B905 (repeat is endless)


class _RowWhenRead(Sequence[Any]):
    """A row as the tuple that it would be, for an UPDATE, which asks for every column and reads few."""

    __slots__ = ("_at", "_batch")

    def __init__(self, batch: Batch, at: int) -> None:
        self._batch = batch
        self._at = at

    def __getitem__(self, number: Any) -> Any:
        return (self._batch.rowids if number == -1 else self._batch.columns[number])[self._at]

    def __len__(self) -> int:
        return len(self._batch.columns) + 1


def _rows_when_read(batch: Batch, _width: int) -> Iterator[_RowWhenRead]:
    return (_RowWhenRead(batch, at) for at in range(len(batch.rowids)))


class _EponymousModule:
    def __init__(self, relation: Relation) -> None:
        self.relation = relation

    def Connect(self, *_: object) -> tuple[str, RelationTable]:  # noqa: N802
        return declaration(self.relation.columns), RelationTable(self.relation)

    Create = Connect


def publish(connection: apsw.Connection, name: str, relation: Relation) -> None:
    """Make `relation` readable as the table `name` of this connection; nothing is written to any schema."""
    module: Any = _EponymousModule(relation)  # apsw's stub has a ShadowName in every module
    connection.create_module(name, module, use_bestindex_object=True, eponymous_only=True, read_only=True)


def retract(connection: apsw.Connection, name: str) -> None:
    """Undo `publish`."""
    connection.create_module(name, None)
