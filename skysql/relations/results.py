"""What a scan gives, as a relation for SQLite to read: its groups, or its rows as they are.

Columns: those that are shown, then a required one for each argument, then those that are hidden: SQLite gives what
stands in parentheses to the hidden columns in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from vtab import RowBatch
from vtab.protocols import Constraint, Fault, Relation, read
from vtab.protocols import Declared as Declared

from ..model.values import Value
from ..plan.path_scan import And, Column, Compare, Events, Expr, Literal, Pairs, PathScan, SqlAggregate, conjuncts
from ..scan.aggregates import AggregateFunctions
from ..scan.bound import BoundScan
from ..scan.by_sqlite import Evaluator
from ..scan.scan import Scan
from ..sql.hidden_arguments import argument_columns, values_of
from ..sql.reads import ScanCall
from ..store.snapshot import Snapshot

Snapshots = Callable[[str, str], Snapshot]


def result_of(call: ScanCall, evaluator: Evaluator, snapshot: Snapshots, aggregates: AggregateFunctions) -> Relation:
    """The relation for a scan."""
    return (GroupsResult if call.plan.grouped else RowsResult)(call, evaluator, snapshot, aggregates)


class _Result:
    """What both have in common."""

    def __init__(
        self, call: ScanCall, evaluator: Evaluator, snapshot: Snapshots, aggregates: AggregateFunctions
    ) -> None:
        self.call = call
        self._evaluator = evaluator
        self._snapshot = snapshot
        self._aggregates = aggregates
        self._bound: BoundScan | None = None
        named = [Declared(name, type) for name, type in call.columns] or [Declared("nothing")]
        shown = len(named) - call.hidden
        arguments = argument_columns(call.arguments, [column.name for column in named])
        self.columns = [*named[:shown], *arguments, *(replace(column, hidden=True) for column in named[shown:])]
        self._arguments = range(shown, shown + len(arguments))
        self._places = [at for at in range(len(self.columns)) if at not in self._arguments]
        self.indexed = frozenset(self._places)
        self.order = [frozenset(self._places[key] for key in keys) for keys in call.order]

    def exact(self, column: int, op: str) -> bool | None:
        """Arguments are given by `=`."""
        return True if column in self._arguments and op == "=" else None

    def cheap(self, column: int) -> bool:
        """A scan for each of several values does not pay."""
        return False

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """A result has few rows; a look-up finds one or two."""
        return 4 if any(op == "lookup" for _, op in constraints) else 100

    def explain(self, constraints: Sequence[tuple[int, str]], values: Sequence[Value]) -> str:
        """The plan."""
        return str(self.call.plan)

    def _given(self, columns: frozenset[int], constraints: Sequence[Constraint], rows: int) -> dict[int, list[Value]]:
        """The arguments that are asked for, as columns of `rows` rows."""
        if not self._arguments:
            return {}
        values = {constraint.column: constraint.value for constraint in constraints}
        return {at: [values[at]] * rows for at in self._arguments if at in columns}

    def _scan(self, plan: PathScan, constraints: Sequence[Constraint]) -> Scan:
        """The scan of a plan with the arguments that the constraints give."""
        parameters: Sequence[Value] = ()
        if self._arguments:
            given = {constraint.column: constraint.value for constraint in constraints}
            parameters = values_of([given[at] for at in self._arguments], self.call.arguments)
        snapshot = self._snapshot(plan.database, plan.table)
        if self._bound is None or self._bound.plan is not plan or self._bound.table != snapshot.table:
            self._bound = BoundScan(plan, snapshot.table, self._aggregates)
        return Scan(self._bound, snapshot, self._evaluator, parameters)


class GroupsResult(_Result):
    """The groups of a scan."""

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """All groups."""
        scan, base = self._scan(self.call.plan, constraints), 0
        for result in scan.run():
            rows = len(result[0]) if result else 1
            found = dict(zip(self._places, result, strict=False))
            faults = _faults(scan.plan, result) if scan.by_sqlite else []
            if faults and not self.call.plan.partial:
                first, fault = min(faults, key=lambda found: found[0])
                found = {place: values[:first] for place, values in found.items()}  # SQLite gives the groups before it
                yield RowBatch(found | self._given(columns, constraints, first), range(base, base + first))
                read(fault)
            if self._arguments:
                found |= self._given(columns, constraints, rows)
            yield RowBatch(found, range(base, base + rows), bool(faults))
            base += rows


class RowsResult(_Result):
    """The rows of a scan, in its order. Those of one object are found as the table itself finds them."""

    def __init__(
        self, call: ScanCall, evaluator: Evaluator, snapshot: Snapshots, aggregates: AggregateFunctions
    ) -> None:
        super().__init__(call, evaluator, snapshot, aggregates)
        plan = call.plan
        table = snapshot(plan.database, plan.table).table
        self._table, names = table, (table.object_name, table.key_name)
        self._objects: dict[int, Expr] = {}  # columns that tell the object
        if not isinstance(plan.source, Pairs):
            self._objects = {p: key for p, key in zip(self._places, plan.keys, strict=False) if _is_one(key, names)}
            self.indexed = frozenset(() if isinstance(plan.source, Events) else self._objects)  # of events, too many
        self._share = max(100, 1_000_000 >> min(2 * len(conjuncts(plan.where)), 12))

    def exact(self, column: int, op: str) -> bool | None:
        """An equality with the object is a hint."""
        return False if column in self._objects and op == "=" else super().exact(column, op)

    def cheap(self, column: int) -> bool:
        """Paths are found by their object; of several keys, a scan gives them in the order of paths."""
        key = self._objects.get(column)
        return isinstance(key, Column) and key.name == self._table.object_name

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """A point is a path; else a share of all rows; of pairs, few."""
        if isinstance(self.call.plan.source, Pairs):
            return super().estimate(constraints)
        return 40 if any(column in self._objects for column, _ in constraints) else self._share

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The rows."""
        scan = self._scan(self._plan(constraints), constraints)
        keys = range(len(scan.plan.keys))
        base, wanted = 0, [key for key, place in zip(keys, self._places, strict=False) if place in columns]
        for rows, values in scan.batches(wanted):
            found = dict(zip((self._places[key] for key in wanted), values, strict=True))
            found |= self._given(columns, constraints, len(rows))
            yield RowBatch(found, scan.numbers(rows) or range(base, base + len(rows)))
            base += len(rows)

    def _plan(self, constraints: Sequence[Constraint]) -> PathScan:
        plan = self.call.plan
        points = [
            Compare("=", self._objects[constraint.column], Literal(constraint.value))
            for constraint in constraints
            if constraint.column in self._objects
            and isinstance(constraint.value, int if self.cheap(constraint.column) else str)  # others take a conversion
        ]
        return replace(plan, where=And((*conjuncts(plan.where), *points))) if points else plan


def _faults(plan: PathScan, result: Sequence[Sequence[Any]]) -> list[tuple[int, Fault]]:
    """The first Fault of each aggregate that SQLite computed, and the row that it stands in."""
    by_sqlite = [
        values
        for a, values in zip(plan.aggregates, result[len(plan.keys) :], strict=True)
        if isinstance(a, SqlAggregate)
    ]
    firsts = (next(((at, v) for at, v in enumerate(values) if isinstance(v, Fault)), None) for values in by_sqlite)
    return [first for first in firsts if first is not None]


def _is_one(key: Expr, names: tuple[str | None, ...]) -> bool:
    return isinstance(key, Column) and key == Column(key.name) and key.name in names
