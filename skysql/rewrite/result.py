"""What a scan gives, as a relation for SQLite to read: its groups, or its rows as they are.

Columns: those that are shown, then a required one for each argument, then those that are hidden: SQLite gives what
stands in parentheses to the hidden columns in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from vtab import Batch
from vtab.source import Column as Declared
from vtab.source import Constraint, Relation

from ..arguments import argument_columns, values_of
from ..evaluate import Evaluator
from ..plan import And, Column, Compare, Events, Literal, Pairs, PathScan, conjuncts
from ..scan import Scan
from ..snapshot import Snapshot
from .statement import ScanCall

Snapshots = Callable[[str, str], Snapshot]


def result_of(call: ScanCall, evaluator: Evaluator, snapshot: Snapshots) -> Relation:
    """The relation for a scan."""
    return (GroupsResult if call.plan.grouped else RowsResult)(call, evaluator, snapshot)


class _Result:
    """What both have in common."""

    def __init__(self, call: ScanCall, evaluator: Evaluator, snapshot: Snapshots) -> None:
        self.call = call
        self._evaluator = evaluator
        self._snapshot = snapshot
        named = [Declared(name, type) for name, type in call.columns] or [Declared("nothing")]
        shown = len(named) - call.hidden
        arguments = argument_columns(call.arguments, [column.name for column in named])
        self.columns = [*named[:shown], *arguments, *(replace(column, hidden=True) for column in named[shown:])]
        self._arguments = range(shown, shown + len(arguments))
        self._places = [at for at in range(len(self.columns)) if at not in self._arguments]
        self.keeps = frozenset(self._places)
        self.order = [frozenset(self._places[key] for key in keys) for keys in call.order]

    def exact(self, column: int, op: str) -> bool | None:
        """Arguments are given by `=`."""
        return True if column in self._arguments and op == "=" else None

    def cheap(self, column: int) -> bool:
        """A scan for each of several values does not pay."""
        return False

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """A result has few rows, of which a look-up finds one or two."""
        return 4 if any(op == "lookup" for _, op in constraints) else 100

    def explain(self, constraints: Sequence[tuple[int, str]]) -> str:
        """The plan."""
        return str(self.call.plan)

    def _scan(self, constraints: Sequence[Constraint]) -> Scan:
        """The scan with the arguments that the constraints give."""
        given = {constraint.column: constraint.value for constraint in constraints}
        parameters = values_of([given[at] for at in self._arguments], self.call.arguments)
        plan = self._plan(constraints)
        return Scan(plan, self._snapshot(plan.database, plan.table), self._evaluator, parameters)

    def _plan(self, constraints: Sequence[Constraint]) -> PathScan:
        return self.call.plan


class GroupsResult(_Result):
    """The groups of a scan."""

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[Batch]:
        """All groups."""
        result = self._scan(constraints).run()
        yield Batch(dict(zip(self._places, result, strict=False)), range(len(result[0]) if result else 1))


class RowsResult(_Result):
    """The rows of a scan, in its order. Those of one object are found as the table itself finds them."""

    def __init__(self, call: ScanCall, evaluator: Evaluator, snapshot: Snapshots) -> None:
        super().__init__(call, evaluator, snapshot)
        plan = call.plan
        name = snapshot(plan.database, plan.table).table.object_name
        stored = [place for key, place in zip(plan.keys, self._places, strict=False) if key == Column(name)]
        self._object = None if isinstance(plan.source, Pairs) or not stored else stored[0]
        if isinstance(plan.source, Events):
            self.keeps = frozenset()  # of these there may be too many
        elif not isinstance(plan.source, Pairs):
            self.keeps = frozenset(stored)
        self._share = max(100, 1_000_000 >> min(2 * len(conjuncts(plan.where)), 12))

    def exact(self, column: int, op: str) -> bool | None:
        """An object is a hint."""
        return False if column == self._object and op == "=" else super().exact(column, op)

    def cheap(self, column: int) -> bool:
        """Paths are found by their object."""
        return column == self._object

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """A point is a path; else a share of all rows; of pairs, few."""
        if isinstance(self.call.plan.source, Pairs):
            return super().estimate(constraints)
        return 40 if any(column == self._object for column, _ in constraints) else self._share

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[Batch]:
        """The rows."""
        scan = self._scan(constraints)
        keys = range(len(scan.plan.keys))
        base, wanted = 0, [key for key, place in zip(keys, self._places, strict=False) if place in columns]
        for length, values in scan.batches(wanted):
            found = zip((self._places[key] for key in wanted), values, strict=True)
            yield Batch(dict(found), range(base, base + length))
            base += length

    def _plan(self, constraints: Sequence[Constraint]) -> PathScan:
        plan = self.call.plan
        points = [c.value for c in constraints if c.column == self._object and isinstance(c.value, int)]
        if not points:
            return plan
        key = plan.keys[self._places.index(self._object or 0)]
        return replace(plan, where=And((*conjuncts(plan.where), *(Compare("=", key, Literal(at)) for at in points))))
