"""A Recognition is run: chunks of rows in, batches of output columns out.

    masks      for each variable where its own condition is met, by the same evaluation as path scans have
    search     the matches
    points     the rows of the output: a row a match, or the rows of all matches, empty ones and unmatched rows
    outputs    columns of the rows that are shown, and measures: their leaves looked up, the rest evaluated

Decisions where the standard leaves a choice, or SQLite's ways differ from its own
- Names of variables are compared without regard to case; CLASSIFIER() gives an unquoted one in capitals.
- An empty repetition is the last one, once there are as many as a quantifier's minimum (19075-5, 7.2.8; as in
  Perl): `(A??)*` prefers the empty match.
- Rows with equal ORDER BY keys come in path order from a sky table, else as SQLite's stable sort leaves them.
- After an empty match the search goes on at the next row, whatever AFTER MATCH SKIP says.
- A row that is in no match (WITH UNMATCHED ROWS) has NULL for every measure.
- A plain column that is looked up keeps its affinity and collation; any other expression has none, as in a function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from ..arrays.vectors import Coded, Numbers, Vector
from ..errors import DataError
from ..model import timestamps
from ..model.dtypes import Bool, Int64
from ..model.table import Table
from ..model.values import Value
from ..plan.labels import LeafOf, RowOf, label_of
from ..plan.path_scan import Column, Events, Expr, columns
from ..plan.sources import column_type
from ..scan.by_sqlite import Evaluator
from ..scan.evaluation import Evaluation
from .clause import RowsPerMatch
from .expressions import Fold, Leaf, Navigation, RowExpression
from .inputs import RowChunk, look_up, move
from .measures import Lookup, Matches, Points
from .recognition import Definition, Output, Recognition
from .running import Judged, RunningConditions
from .search import ABSENT, Needs, Partitions, Search, Truth
from .tests import Judge

_MOST_VALUES = 1 << 16


@dataclass
class _Rows:
    """The rows of a chunk, for conditions: row columns, those of neighbours, and the sky table's own."""

    chunk: RowChunk

    def __len__(self) -> int:
        return len(self.chunk)

    def vector(self, column: Column) -> Vector:
        """A column's values."""
        row = label_of(column.name)
        if not isinstance(row, RowOf):
            return self.chunk.table_column(column)
        return move(self.chunk.row_column(row.number), self.chunk.starts, row.moved)


@dataclass
class _Values:
    """Rows of their own: one for each value that a column can have."""

    values: Sequence[Value]

    def __len__(self) -> int:
        return len(self.values)

    def vector(self, column: Column) -> Vector:
        """The values."""
        return Coded(np.arange(len(self.values)), self.values)


@dataclass
class _Leaves:
    """The points of the output, for measures: the leaves of one measure."""

    lookup: Lookup
    output: Output

    def __len__(self) -> int:
        return len(self.lookup.points)

    def vector(self, column: Column) -> Vector:
        """A leaf."""
        return self.lookup.leaf(_leaf_of(self.output, column.name))


def _leaf_of(output: Output, label: str) -> Leaf:
    """The leaf of an output that a column is."""
    leaf = label_of(label)
    assert isinstance(leaf, LeafOf)
    return output.leaves[leaf.place]


class Run:
    """One run of a recognition. `wanted`: the outputs that are asked for, by number."""

    def __init__(
        self,
        plan: Recognition,
        table: Table,
        evaluator: Evaluator,
        parameters: Sequence[Value],
        wanted: Sequence[int],
    ) -> None:
        self.plan = plan
        self.evaluator = evaluator
        self.parameters = parameters
        self.wanted = wanted
        needs = Needs(self._needs_labels(), plan.clause.rows is not RowsPerMatch.ONE and any(plan.program.excluded))
        self._search = Search(plan.clause, plan.program, needs, plan.by_regex)
        self._table = table
        self._rows = Evaluation(evaluator, parameters, self._row_type)
        self._measures = {at: Evaluation(evaluator, parameters, partial(self._leaf_type, at)) for at in wanted}
        self._judge = Judge(evaluator, parameters)
        self._tables: dict[Expr, tuple[Sequence[Value], Bool]] = {}  # a column's values, and which meet a condition

    def _needs_labels(self) -> bool:
        """Whether an output depends on which row is mapped to which variable."""
        every = frozenset(self.plan.clause.variables)
        for leaf in (leaf for at in self.wanted for leaf in self.plan.outputs[at].leaves):
            if isinstance(leaf, Navigation | Fold) and self.plan.clause.members(leaf.variable) < every:
                return True
            if isinstance(leaf, Navigation) and leaf.row.classifier:
                return True
            if isinstance(leaf, Fold):
                if any(isinstance(piece, RowExpression) and piece.classifier for piece in leaf.call):
                    return True
        return False

    # types

    def _row_type(self, label: str) -> str | None:
        """The type of a row column, or of one of the sky table's own."""
        row = label_of(label)
        return self.plan.types[row.number] if isinstance(row, RowOf) else column_type(Events(), self._table, label)

    def type_of(self, row: RowExpression) -> str:
        """The declared type of a row column."""
        return "" if row.of_match else self.plan.types[self.plan.numbers[row]]

    def _leaf_type(self, output: int, label: str) -> str:
        leaf = _leaf_of(self.plan.outputs[output], label)
        return self.type_of(leaf.row) if isinstance(leaf, Navigation) else ""

    # one chunk

    def batches(self, chunks: Iterator[RowChunk]) -> Iterator[tuple[int, dict[int, list[Value]]]]:
        """(number of rows, the values of each wanted output), chunk by chunk."""
        for chunk in chunks:
            matches = self._search.find(self._partitions(chunk))
            points, unmatched = self._points(matches, chunk)
            total = len(points) if unmatched is None else len(unmatched.order)
            if total:
                yield total, {at: self._output(at, chunk, matches, points, unmatched) for at in self.wanted}

    def _partitions(self, chunk: RowChunk) -> Partitions:
        conditions = self.plan.conditions
        rows = _Rows(chunk)
        truths: dict[str, Truth | None] = {}
        for name in self.plan.clause.variables:
            own = conditions[name].own if name in conditions else None
            truths[name] = None if own is None else self._truth(own, rows)
        history = None
        if any(condition.test is not None for condition in conditions.values()):
            history = self._history(chunk)
        return Partitions(truths, chunk.starts, self._times(chunk), history)

    def _truth(self, condition: Expr, rows: _Rows) -> Truth:
        """Where a condition is met; if it reads one column of few values, by value."""
        reads = columns(condition)
        vector = rows.vector(reads[0]) if len(reads) == 1 else None
        if not isinstance(vector, Coded) or len(vector.values) > min(_MOST_VALUES, len(rows)):
            return Truth(np.ascontiguousarray(self._rows.truth(condition, rows)[0]))
        known = self._tables.get(condition)
        if known is None or known[0] is not vector.values:
            table, _ = self._rows.truth(condition, _Values(vector.values))
            known = self._tables[condition] = vector.values, table
        return Truth(known[1], vector.codes)

    def _history(self, chunk: RowChunk) -> RunningConditions:
        """The evaluation of conditions that look at earlier rows; None if none does."""
        judged = {
            name: Judged(condition.test.leaves, self._judge.test(condition.test, self._test_type(condition)))
            for name, condition in self.plan.conditions.items()
            if condition.test is not None
        }
        lists: dict[RowExpression, Sequence[Value]] = {}

        def values(row: RowExpression) -> Sequence[Value]:
            if row not in lists:
                lists[row] = chunk.row_column(self.plan.numbers[row]).tolist()
            return lists[row]

        return RunningConditions(
            self.plan.program.variables,
            judged,
            values,
            self.plan.clause.members,
            self.evaluator,
            self.type_of,
            self.parameters,
        )

    def _test_type(self, condition: Definition) -> list[str]:
        assert condition.test is not None
        return [self.type_of(leaf.row) if isinstance(leaf, Navigation) else "" for leaf in condition.test.leaves]

    def _times(self, chunk: RowChunk) -> list[int] | None:
        """The microseconds of each row, for WITHIN."""
        if self.plan.time is None:
            return None
        vector = chunk.row_column(self.plan.time)
        if isinstance(vector, Numbers) and vector.data.dtype == np.int64 and vector.mask is None:
            listed: list[int] = vector.data.tolist()
            return listed
        return _microseconds(vector.tolist(), chunk.starts.tolist())

    # the rows of the output

    def _points(self, matches: Matches, chunk: RowChunk) -> tuple[Points, _Unmatched | None]:
        """The rows that matches give, and the order in which unmatched ones stand among them."""
        every, rows = np.arange(len(matches)), self.plan.clause.rows
        if rows is RowsPerMatch.ONE:
            places = matches.firsts + matches.lengths - 1
            return Points(every, places, np.minimum(matches.starts, len(chunk) - 1)), None
        shown = matches.lengths if rows is RowsPerMatch.OMIT_EMPTY else np.maximum(matches.lengths, 1)
        own = np.repeat(every, shown)
        offsets = np.arange(len(own)) - np.repeat(np.cumsum(shown) - shown, shown)
        places = matches.firsts[own] + offsets - (matches.lengths[own] == 0)
        points = Points(own, places, matches.starts[own] + offsets)
        if self._search.needs.excluded:
            kept = ~matches.excluded(places) | (matches.lengths[own] == 0)
            points = Points(own[kept], places[kept], points.rows[kept])
        return points, _Unmatched.of(matches, points, len(chunk)) if rows is RowsPerMatch.UNMATCHED else None

    def _output(
        self,
        at: int,
        chunk: RowChunk,
        matches: Matches,
        points: Points,
        unmatched: _Unmatched | None,
    ) -> list[Value]:
        output = self.plan.outputs[at]
        if output.row is not None:
            rows = points.rows if unmatched is None else unmatched.rows
            return chunk.at(output.row, rows).tolist()
        assert output.measure is not None
        lookup = Lookup(
            matches,
            points,
            chunk.starts,
            lambda row, rows: chunk.at(self.plan.numbers[row], rows),
            self.plan.clause.members,
            self.evaluator,
            self.type_of,
            self.parameters,
        )
        vector = self._measures[at].vector(output.measure, _Leaves(lookup, output))
        return (vector if unmatched is None else look_up(vector.take, unmatched.order)).tolist()


@dataclass(frozen=True)
class _Unmatched:
    """WITH UNMATCHED ROWS. rows: of the chunk, in the order of the output; order: the point of each, or -1."""

    rows: Int64
    order: Int64

    @classmethod
    def of(cls, matches: Matches, points: Points, n: int) -> _Unmatched:
        """The rows of no match stand where they come in the chunk, those of a match where it begins."""
        edges = np.zeros(n + 1, np.int64)
        np.add.at(edges, matches.starts, 1)
        np.add.at(edges, matches.starts + np.maximum(matches.lengths, 1), -1)
        alone = np.flatnonzero(np.cumsum(edges)[:n] == 0)
        begins = np.concatenate((matches.starts[points.matches], alone))
        sort = np.argsort(begins, kind="stable")
        rows = np.concatenate((points.rows, alone))[sort]
        order = np.concatenate((np.arange(len(points)), np.full(len(alone), -1)))[sort]
        return cls(rows, order)


def _microseconds(values: Sequence[Value], starts: Sequence[int]) -> list[int]:
    """Times of partitions in ascending order; those that are NULL stand at either end."""
    known: dict[Value, int] = {}
    result = []
    for low, high in pairwise(starts):
        absent = -ABSENT
        for value in values[low:high]:
            if value is None:
                result.append(absent)
                continue
            absent = ABSENT
            if value not in known:
                try:
                    known[value] = timestamps.parse(value)
                except DataError as error:
                    raise DataError(f"ORDER BY of WITHIN: {error.args[0]}", error.hint) from None
            result.append(known[value])
    return result
