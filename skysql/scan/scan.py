"""Path scans: plan x snapshot -> partials -> result.

    bound        a plan and its table: what is the same each time that it runs
    selection    the rows of a shard that meet the predicate
    accumulate   their groups and the states of the aggregates: a partial, a pure function of (plan, shard, parameters)
    partials     into one; shards never share an object, but do share groups
    result       states into values, groups in SQLite's order of their keys

What numpy cannot compute exactly as SQLite would, SQLite computes, from the rows and columns that are left. A
`SqlAggregate` is so from the start. An aggregate whose sum leaves int64 raises `Inexact`: the scan then starts again,
with that one left to SQLite.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from vtab.protocols import read

from ..arrays import compiled
from ..arrays.pending import Pending
from ..arrays.vectors import Vector
from ..model.values import Value
from ..plan.labels import KeyOf, ValueOf, label_of
from ..plan.path_scan import Column, PathScan, SqlAggregate, columns
from ..store.shard import Shard
from ..store.snapshot import Snapshot
from . import result
from .accumulate import Accumulation
from .actions import ActionIndex
from .aggregates import Inexact
from .bound import BoundScan
from .by_sqlite import Evaluator
from .evaluation import Evaluation
from .partials import Partial, merge
from .rows import GroupRows, Rows
from .selection import Selection


class Scan:
    """One run of a bound plan over a snapshot. by_sqlite: whether SQLite computes any of its aggregates."""

    def __init__(
        self, bound: BoundScan, snapshot: Snapshot, evaluator: Evaluator, parameters: Sequence[Value]
    ) -> None:
        self.snapshot = snapshot
        self.evaluation = Evaluation(evaluator, parameters, bound.type_of)
        self._actions = ActionIndex(snapshot.store.dictionary, self.evaluation)
        self._selection = Selection(bound, snapshot, self.evaluation, self._actions)
        self._bind(bound)

    def _bind(self, bound: BoundScan) -> None:
        self._bound = bound
        self.plan: PathScan = bound.plan  # what is computed, with the aggregates that turned out to be SQLite's
        self.by_sqlite = any(isinstance(aggregate, SqlAggregate) for aggregate in bound.plan.aggregates)
        self.aggregates = bound.aggregates(self.evaluation.evaluator, self.evaluation.parameters)
        dictionary = self.snapshot.store.dictionary
        self._accumulation = Accumulation(bound, self.aggregates, self.evaluation, self._actions, dictionary)

    def leave(self, inexact: Inexact) -> None:
        """Leave that aggregate to SQLite from now on; partials from before cannot be merged with later ones."""
        self._bind(self._bound.by_sqlite(inexact.place))

    # rows

    def rows(self, only: Shard | None = None) -> Generator[Rows]:
        """The rows that meet the predicate, shard by shard, or of one shard alone.

        Until it ends or is closed, the scan is under way: see StoreReader.reading.
        """
        inner = self._bound.inner
        with self.snapshot.store.reader.reading(self.snapshot.manifest):
            yield from self._selection.rows(only) if inner is None else self._group_rows(inner, only)

    def _group_rows(self, inner: BoundScan, only: Shard | None) -> Iterator[Rows]:
        """The groups of another scan; as none of them has events of two shards, they are final."""
        scan = Scan(inner, self.snapshot, self.evaluation.evaluator, self.evaluation.parameters)
        parts = self._bound.on_rows
        by_value = [part for part in parts if any(isinstance(label_of(c.name), ValueOf) for c in columns(part))]
        by_key = [part for part in parts if part not in by_value]
        with closing(scan._final_partials(only)) as partials:
            for partial in partials:
                faulty = [place for place, a in enumerate(scan.plan.aggregates, 1) if isinstance(a, SqlAggregate)]
                vectors = {KeyOf(at).name: key for at, key in enumerate(partial.keys, 1)}
                vectors |= {ValueOf(at).name: value for at, value in enumerate(scan.values(partial), 1)}
                found = self.evaluation.filtered(GroupRows(vectors, partial.groups), by_key)
                for place in faulty:  # SQLite, too, computes no group that a condition on its keys leaves out
                    for value in found.vector(Column(ValueOf(place).name)).tolist():
                        read(value)
                found = self.evaluation.filtered(found, by_value)
                if len(found):
                    yield found

    def numbers(self, rows: Rows) -> list[int] | None:
        """The rowids that rows have in the tables themselves; None of rows that are in none."""
        return result.rowids(self.snapshot, rows)

    def batches(self, wanted: Sequence[int]) -> Iterator[tuple[Rows, list[list[Value]]]]:
        """Rows as they are, for a plan that is not grouped: (the rows, a list for each of the wanted keys)."""
        keys = [self.plan.keys[at] for at in wanted]
        return result.in_pieces(self.rows(), lambda rows: [self.evaluation.vector(k, rows).tolist() for k in keys])

    # groups

    def run(self) -> Iterator[list[list[Value]]]:
        """The result, some groups at a time if they are very many: a list a column of the output."""
        while True:
            try:
                with closing(self.rows()) as rows:
                    partials = [begun.result() for begun in compiled.ahead(map(self._accumulation.begin, rows))]
                return self.finish(self.merge(partials, self._bound.by_object))
            except Inexact as inexact:
                self.leave(inexact)

    def partial(self, rows: Rows) -> Partial:
        """The groups of these rows; raises Inexact."""
        return self._accumulation.begin(rows).result()

    def merge(self, partials: Sequence[Partial], disjoint: bool) -> Partial:
        """Partials of different objects as one. disjoint: whether no two have a group in common. Raises Inexact."""
        return merge(partials, len(self.plan.keys), self.aggregates, disjoint)

    def values(self, partial: Partial) -> list[Vector]:
        """The aggregates of a partial, a vector each; in that of one which SQLite computes there may be a Fault."""
        return [one.finish(state) for one, state in zip(self.aggregates, partial.states, strict=True)]

    def finish(self, partial: Partial) -> Iterator[list[list[Value]]]:
        """Keys and aggregates as lists of values, in SQLite's order of the keys, some groups at a time."""
        reading = self.snapshot.store.reader.reading(self.snapshot.manifest)
        return result.of_groups(reading, partial.keys, self.values(partial))

    def _final_partials(self, only: Shard | None) -> Generator[Partial]:
        """`partial` of all rows, where no groups have any of two shards; what arrays cannot compute is SQL then."""
        with closing(self.rows(only)) as every:
            for rows, bound, begun in compiled.ahead((rows, self._bound, self._begun(rows)) for rows in every):
                yield self._final(rows, begun if bound is self._bound else None)

    def _begun(self, rows: Rows) -> Pending[Partial] | None:
        try:
            return self._accumulation.begin(rows)
        except Inexact as inexact:
            self.leave(inexact)
            return None

    def _final(self, rows: Rows, begun: Pending[Partial] | None) -> Partial:
        """The partial that was begun; None if it was begun for another plan."""
        while begun is None:
            begun = self._begun(rows)
        return begun.result()
