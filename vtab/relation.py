"""A relation as a virtual table.

    CREATE VIRTUAL TABLE x USING module(...)        a companion, by `RelationModule`
    SELECT ... FROM name(argument, ...)             an eponymous table, by `publish(connection, name, relation)`

Declared schema: the relation's columns. What xBestIndex promises:

    idxNum   the number of a `Choice` in the table's list: the columns read and the constraints taken.
             Producer: `RelationTable.BestIndexObject`; consumer: `RelationCursor.Filter`.
    idxStr   for people only: what EXPLAIN QUERY PLAN shows.
    argv     the right-hand sides of the constraints, in the order of the Choice.
    lookup   an equality on a column by which cursors may look up cached rows: see `RelationCursor.Filter`.
    omit     set exactly where the relation says that it applies the constraint exactly.
    order    consumed when the ORDER BY is a prefix of the relation's order, ascending, after leaving out columns that
             are fixed by an equality; or all of it descending, if the relation turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import apsw

from .cached_rows import CachedRows, NotedBatches
from .protocols import Constraint, Declared, Relation, RowBatch, TurningRelation, Value, read

_OPS = {
    apsw.SQLITE_INDEX_CONSTRAINT_EQ: "=",
    apsw.SQLITE_INDEX_CONSTRAINT_LT: "<",
    apsw.SQLITE_INDEX_CONSTRAINT_LE: "<=",
    apsw.SQLITE_INDEX_CONSTRAINT_GT: ">",
    apsw.SQLITE_INDEX_CONSTRAINT_GE: ">=",
    apsw.SQLITE_INDEX_CONSTRAINT_IS: "is",
    apsw.SQLITE_INDEX_CONSTRAINT_NE: "<>",
    apsw.SQLITE_INDEX_CONSTRAINT_ISNOT: "is not",
}

_LAST_BIT = 63
"""SQLite tells of the columns used by 64 bits, of which the last stands for all further columns."""


_PATIENCE = 32
"""Scans under an equality (as with one object) that are made before all rows are cached, to look them up."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a plan of SQLite's asks of a scan: idxNum's meaning.

    lookups: the places of constraints by which cached rows are looked up; patience: after how many scans.
    backwards: whether the rows are wanted in the opposite of the relation's order.
    """

    columns: frozenset[int]
    constraints: tuple[tuple[int, str], ...]
    lookups: tuple[int, ...] = ()
    patience: int = 1
    backwards: bool = False


def declaration(columns: Sequence[Declared]) -> str:
    """The CREATE TABLE that declares these columns to SQLite."""

    def declare(column: Declared) -> str:
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
        values: list[Value] = []
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
            many = op == "=" and info.get_aConstraintUsage_in(which)
            if exact is None and op == "=" and column in self.relation.indexed and not many:
                op, exact = "lookup", False
            if exact is None or (not required and info.get_aConstraint_collation(which).upper() != "BINARY"):
                continue
            if many and not (required or self.relation.cheap(column)):
                continue  # SQLite would scan once for each of the values
            if op in ("=", "is") and exact and not many:
                exact_equal.add(column)
            taken.append((column, op))
            info.set_aConstraintUsage_argvIndex(which, len(taken))
            info.set_aConstraintUsage_omit(which, exact)
            values.append(info.get_aConstraint_rhs(which))
        self._finish(info, tuple(taken), values, exact_equal)
        return True

    def _finish(
        self, info: apsw.IndexInfo, taken: tuple[tuple[int, str], ...], values: list[Value], equal: set[int]
    ) -> None:
        used = set(info.colUsed)
        if _LAST_BIT in used:
            used.update(range(_LAST_BIT, len(self.relation.columns)))
        direction = self._direction(info, equal)
        choice = self._choice(used, taken, direction < 0)
        number = self._numbers.setdefault(choice, len(self.choices))
        if number == len(self.choices):
            self.choices.append(choice)
        info.idxNum = number
        info.idxStr = self.relation.explain(taken, values)
        rows = self.relation.estimate(taken)
        info.estimatedRows = max(rows, 1)
        info.estimatedCost = 10.0 + rows
        info.orderByConsumed = direction != 0

    def _choice(self, used: set[int], taken: tuple[tuple[int, str], ...], backwards: bool) -> Choice:
        relation = self.relation
        indexed, exact = relation.indexed, relation.exact
        hints = [op == "=" and column in indexed and exact(column, op) is False for column, op in taken]
        lookups = tuple(at for at, (_, op) in enumerate(taken) if op == "lookup" or hints[at])
        columns = frozenset(used.union(taken[at][0] for at in lookups))
        return Choice(columns, taken, lookups, _PATIENCE if any(hints) else 1, backwards)

    def _direction(self, info: apsw.IndexInfo, equal: set[int]) -> int:
        """How a scan gives rows in the order that is wanted: 1 forwards, -1 backwards, 0 not at all."""
        order = [place for place in self.relation.order if not place & equal]
        wanted = [(info.get_aOrderBy_iColumn(which), info.get_aOrderBy_desc(which)) for which in range(info.nOrderBy)]
        wanted = [(column, descending) for column, descending in wanted if column not in equal]
        if len(wanted) > len(order) or not all(
            column in place for (column, _), place in zip(wanted, order, strict=False)
        ):
            return 0
        directions = {bool(descending) for _, descending in wanted}
        if True not in directions:
            return 1
        whole = len(wanted) == len(order)  # with a shorter ORDER BY, ties would be reversed, too
        return -1 if isinstance(self.relation, TurningRelation) and whole and directions == {True} else 0

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
        self._choice: Choice | None = None  # what the last Filter asked for,
        self._rest: list[Value] = []  # with these values, but for those to look up,
        self._times = 0  # how often that was, one time after the other,
        self._cached: CachedRows | None = None  # and the rows, once they are cached,
        self._noted: NotedBatches | None = None  # perhaps as the first scan gave them

    def Filter(self, number: int, _text: str | None, arguments: Sequence[Any] | None) -> None:  # noqa: N802
        """Start the scan that Choice `number` describes; or look its rows up, if they are asked for repeatedly."""
        choice, values = self.table.choices[number], tuple(arguments or ())
        looks_up = self.table.relation.indexed
        self.rows = iter(
            self._lookup(choice, values) if looks_up else self._rows(choice, self._batches(choice, values))
        )
        self.row = next(self.rows, None)

    def _batches(self, choice: Choice, values: Sequence[Any], without: Sequence[int] = ()) -> Iterator[RowBatch]:
        """The rows that meet the constraints, but those at the places `without`."""
        relation = self.table.relation
        constraints = [
            Constraint(column, op, value)
            for at, ((column, op), value) in enumerate(zip(choice.constraints, values, strict=True))
            if op != "lookup" and at not in without
        ]
        scan = relation.scan
        if choice.backwards and isinstance(relation, TurningRelation):
            scan = relation.scan_backwards
        return scan(choice.columns, constraints)

    def _rows(self, choice: Choice, batches: Iterable[RowBatch]) -> Iterator[Sequence[Any]]:
        width = len(self.table.relation.columns)
        made = _tuples if max(choice.columns, default=0) < width else _tuples_when_read
        return chain.from_iterable((_faulty_tuples if batch.faulty else made)(batch, width) for batch in batches)

    def _lookup(self, choice: Choice, values: Sequence[Any]) -> Iterable[Sequence[Any]]:
        """The rows, looked up if they are cached by now; perhaps with others, which have not the values to look up."""
        by = choice.lookups
        rest = [value for at, value in enumerate(values) if at not in by]
        if self._choice is not choice or self._rest != rest:
            self._choice, self._rest, self._times, self._cached, self._noted = choice, rest, 0, None, None
        self._times += 1
        if self._cached is None:
            if self._times <= choice.patience:
                if not by or choice.patience > 1:
                    return self._rows(choice, self._batches(choice, values))
                self._noted = NotedBatches(self._batches(choice, values))  # of all rows, whatever is looked up
                return self._rows(choice, self._noted)
            noted = self._noted.whole if self._noted is not None else None
            rows = self._rows(choice, self._batches(choice, values, by) if noted is None else noted)
            self._cached, self._noted = CachedRows(list(rows), [choice.constraints[at][0] for at in by]), None
        return self._cached.find([values[at] for at in by])

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
        """Let go of the scan, and of cached rows."""
        self.rows, self.row, self._choice, self._cached, self._noted = iter(()), None, None, None, None


def _tuples(batch: RowBatch, width: int) -> Iterator[tuple[Value, ...]]:
    nothing = repeat(None)
    columns = [batch.columns.get(n, nothing) for n in range(width)]
    return zip(*columns, batch.rowids)  # noqa: B905 (repeat is endless)


class _RowWhenRead(Sequence[Any]):
    """A row as the tuple that it would be, for an UPDATE, which asks for every column and reads few."""

    __slots__ = ("_at", "_batch")

    def __init__(self, batch: RowBatch, at: int) -> None:
        self._batch = batch
        self._at = at

    def __getitem__(self, number: Any) -> Any:
        return (self._batch.rowids if number == -1 else self._batch.columns[number])[self._at]

    def __len__(self) -> int:
        return len(self._batch.columns) + 1


def _tuples_when_read(batch: RowBatch, _width: int) -> Iterator[_RowWhenRead]:
    return (_RowWhenRead(batch, at) for at in range(len(batch.rowids)))


class _FaultyRow(tuple[Any, ...]):
    """A row in which a Fault may stand for a value."""

    __slots__ = ()

    def __getitem__(self, number: Any) -> Any:
        return read(super().__getitem__(number))


def _faulty_tuples(batch: RowBatch, width: int) -> Iterator[_FaultyRow]:
    return map(_FaultyRow, _tuples(batch, width))


class _EponymousModule:
    def __init__(self, relation: Relation) -> None:
        self.relation = relation

    def Connect(self, connection: apsw.Connection, *_: object) -> tuple[str, RelationTable]:  # noqa: N802
        connection.vtab_config(apsw.SQLITE_VTAB_INNOCUOUS)  # views and triggers may read it
        return declaration(self.relation.columns), RelationTable(self.relation)

    Create = Connect


def publish(connection: apsw.Connection, name: str, relation: Relation) -> None:
    """Make `relation` readable as the table `name` of this connection; nothing is written to any schema."""
    module: Any = _EponymousModule(relation)  # apsw's stub has a ShadowName in every module
    connection.create_module(name, module, use_bestindex_object=True, eponymous_only=True, read_only=True)


def retract(connection: apsw.Connection, name: str) -> None:
    """Undo `publish`."""
    connection.create_module(name, None)
