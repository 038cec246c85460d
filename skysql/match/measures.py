"""What a measure looks up: the leaves of its expression at each row of the output, for a whole chunk at once.

The rows of all matches of a chunk form a *sequence*. Where a row's variable follows from the row alone, the sequence
is the chunk itself, whichever matches a row belongs to; else it is the rows of the first match, then of the second, and
so on. A point is where a measure is asked for: a match, and a place in its part of the sequence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from vtab.protocols import read

from ..arrays import sums
from ..arrays.vectors import Coded, Numbers, Vector, sort_ranks
from ..errors import OperationalError
from ..interruption import look, looking, patiently, pieces
from ..lazily import cached_property
from ..model.dtypes import Array, Bool, Int64
from ..model.values import Value
from ..scan.by_sqlite import Evaluator
from . import aggregates, ranges
from .expressions import Fold, Leaf, MatchNumber, Navigation, RowExpression
from .inputs import look_up, moved, vector_of

_BLANKS = " \t\n\v\f\r"
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:\d+(\.\d*)?|(\.\d+))([eE][+-]?\d+)?)", re.ASCII)

_FEW, _OVERLAP = 16, 4

MOST_STEPS = 1 << 26
"""Values that are added one by one for a measure, of the matches of a chunk that overlap."""

_MOST_ROWS = 1 << 20
"""The most rows that SQLite aggregates at a time."""


@dataclass(frozen=True)
class Matches:
    """m matches of a chunk, by their first rows.

    starts, lengths, numbers: int64[m]; a length is 0 for an empty match; numbers count from 1 in each partition.
    labels: of each row of the sequence, unsigned or int32; None if nobody asks how rows are mapped. kinds: the variable
    that a label stands for, and whether it is inside {- -}. by_row: whether the sequence is the chunk itself.
    """

    starts: Int64
    lengths: Int64
    numbers: Int64
    labels: Array | None = None
    kinds: Sequence[tuple[str | None, bool]] = ()
    by_row: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def firsts(self) -> Int64:
        """Where each match's rows begin in the sequence: int64[m]."""
        if self.by_row or self.labels is None:
            return self.starts
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def variables(self) -> list[str | None]:
        """What labels stand for."""
        return [name for name, _ in self.kinds]

    def excluded(self, places: Int64) -> Bool:
        """Which of these places of the sequence, where there are any, are inside {- -}."""
        outside = np.array([out for _, out in self.kinds] or [False])
        if self.labels is None or len(self.labels) == 0 or not outside.any():
            return np.zeros(len(places), bool)
        return outside[self.labels[np.clip(places, 0, len(self.labels) - 1)]]

    @cached_property
    def size(self) -> int:
        """The length of the sequence, where that matters."""
        return int((self.firsts + self.lengths).max(initial=0))


@dataclass(frozen=True)
class Points:
    """o rows of the output: the match of each, and the place of its row in the sequence, which is one before the first
    of the match where no row has been matched. rows: the row of the chunk that is shown. int64[o] each.
    """

    matches: Int64
    places: Int64
    rows: Int64

    def __len__(self) -> int:
        return len(self.matches)


class Lookup:
    """Leaves at points."""

    def __init__(
        self,
        matches: Matches,
        points: Points,
        partitions: Int64,
        at: Callable[[RowExpression, Int64], Vector],
        members: Callable[[str | None], frozenset[str]],
        evaluator: Evaluator,
        types: Callable[[RowExpression], str],
        parameters: Sequence[Value],
    ) -> None:
        self.matches = matches
        self.points = points
        self.partitions = partitions
        self.at = at
        self.members = members
        self.evaluator = evaluator
        self.types = types
        self.parameters = parameters
        self._members: dict[frozenset[str], tuple[Int64, Array | None]] = {}

    def leaf(self, leaf: Leaf) -> Vector:
        """The leaf at each point."""
        match leaf:
            case MatchNumber():
                return Numbers(self.matches.numbers[self.points.matches])
            case Navigation():
                return self._navigation(leaf)
            case Fold():
                return self._fold(leaf)

    # where

    def _range(self, final: bool) -> tuple[Int64, Int64]:
        """The part of the sequence that counts for each point."""
        low = self.matches.firsts[self.points.matches]
        high = low + self.matches.lengths[self.points.matches] if final else self.points.places + 1
        return low, high

    def _member_places(self, variable: str | None) -> tuple[Int64, Array | None] | None:
        """(the places of the variable's rows, how many of them come before each place); None for all rows.

        For few points, the second is None: they are found among the places.
        """
        members = self.members(variable)
        if members >= self.members(None):
            return None
        if members not in self._members:
            matches, before = self.matches, None
            assert matches.labels is not None
            table = np.array([name in members for name in matches.variables] or [False])
            mask = table[matches.labels[: matches.size]]
            if len(self.points) * _FEW > len(mask):
                before = np.zeros(len(mask) + 1, np.int64)
                np.cumsum(mask, out=before[1:])
            self._members[members] = np.flatnonzero(mask), before
        return self._members[members]

    def _member_ranges(self, variable: str | None, final: bool) -> tuple[Int64, Int64, Int64 | None]:
        """The places that count, as a range of those of the variable's rows (None: of all)."""
        low, high = self._range(final)
        found = self._member_places(variable)
        if found is None:
            return low, high, None
        places, before = found
        if before is None:
            return np.searchsorted(places, low), np.searchsorted(places, high), places
        return before[low], before[high], places

    def _navigation(self, leaf: Navigation) -> Vector:
        low, high, places = self._member_ranges(leaf.variable, leaf.final)
        at = low + leaf.offset if leaf.first else high - 1 - leaf.offset
        found = (at >= low) & (at < high)
        at = np.where(found, at, 0)
        if places is not None:
            at = places[at] if len(places) else at
        if leaf.row.classifier:
            return self._classifier(at, found, leaf.shift)
        own = self.points.matches
        rows = np.where(found, self.matches.starts[own] + at - self.matches.firsts[own], -1)
        return look_up(partial(self.at, leaf.row), moved(rows, self.partitions, leaf.shift))

    def _classifier(self, at: Int64, found: Bool, shift: int) -> Vector:
        low, high = self._range(True)
        at = at + shift
        found = found & (at >= low) & (at < high)
        labels = self.matches.labels
        if labels is None or len(labels) == 0:
            return Coded(np.zeros(len(at), np.uint8), [None])
        return look_up(Coded(labels, self.matches.variables).take, np.where(found, at, -1))

    # aggregates

    def _fold(self, leaf: Fold) -> Vector:
        low, high, places = self._member_ranges(leaf.variable, leaf.final)
        if leaf.simple and leaf.argument is None:
            return Numbers(high - low)
        if not leaf.simple:
            return self._by_sqlite(leaf, low, high, places)
        assert leaf.argument is not None
        values, low, high = self._known(leaf.argument, places, low, high)
        if leaf.function == "count":
            return Numbers(high - low)
        return self._summed(leaf.function, values, low, high)

    def _rows_of(self, places: Int64) -> Int64:
        """The rows of the chunk at these places of the sequence."""
        matches = self.matches
        if matches.by_row or matches.labels is None:
            return places
        own = np.searchsorted(matches.firsts, places, side="right") - 1
        return matches.starts[own] + places - matches.firsts[own]

    def _known(self, row: RowExpression, places: Int64 | None, low: Int64, high: Int64) -> tuple[Vector, Int64, Int64]:
        """The values at the variable's rows that are not NULL, and the ranges among them."""
        values = self.at(row, self._rows_of(np.arange(self.matches.size) if places is None else places))
        known = values.known()
        if known is None or known.all():
            return values, low, high
        before = np.concatenate(([0], np.cumsum(known)))
        values = values.take(np.flatnonzero(known))
        if isinstance(values, Numbers):
            values = replace(values, mask=None)
        return values, before[low], before[high]

    def _summed(self, function: str, values: Vector, low: Int64, high: Int64) -> Vector:
        some = high > low
        if function in ("min", "max") and not _mixes(values):
            _, places, ranks = patiently(np.unique, sort_ranks(values), return_index=True, return_inverse=True)
            best = ranges.least(ranks if function == "min" else -ranks, low, high)
            best = np.abs(np.where(some, best, 0))
            return look_up(values.take, np.where(some, places[best] if len(places) else best, -1))
        added = None if function in ("min", "max") else _sums(values, low, high)
        if added is None:
            return self._accumulated(function, values, low, high)
        if function == "sum":
            return Numbers(added, None if some.all() else some)
        if function == "total":
            return Numbers(added.astype(np.float64))
        return Numbers(added / np.maximum(high - low, 1), None if some.all() else some)

    def _accumulated(self, function: str, values: Vector, low: Int64, high: Int64) -> Vector:
        """One value after the other, as SQLite does, wherever ranges begin alike."""
        listed = values.tolist()
        if function not in ("min", "max"):
            listed = [numeric(value) for value in looking(listed)]
        results: list[Value] = [None] * len(low)
        order = patiently(np.lexsort, (high, low))
        _bound(function, low[order], high[order])
        lows, highs = low.tolist(), high.tolist()
        state, begun, at = aggregates.begin(function), -1, 0
        for point in looking(order.tolist()):
            if lows[point] != begun:
                state, begun, at = aggregates.begin(function), lows[point], lows[point]
            for piece in pieces(highs[point] - at):
                for value in listed[at + piece.start : at + piece.stop]:
                    state = aggregates.step(function, state, value)
            at = max(at, highs[point])
            results[point] = aggregates.finish(function, state)
        return vector_of(results)

    def _by_sqlite(self, leaf: Fold, low: Int64, high: Int64, places: Int64 | None) -> Vector:
        """Any other aggregate: SQLite computes it over the rows of each point, a number of points at a time."""
        results: list[Value] = []
        ends = np.cumsum(high - low)
        first = 0
        while first < len(low):
            look()
            done = int(ends[first - 1]) if first else 0
            last = max(int(np.searchsorted(ends, done + _MOST_ROWS, side="right")), first + 1)
            own = self.points.matches[first:last]
            results += self._aggregates(leaf, low[first:last], high[first:last], places, self.matches.numbers[own])
            first = last
        return vector_of(results)

    def _aggregates(
        self, leaf: Fold, low: Int64, high: Int64, places: Int64 | None, numbers: Int64
    ) -> list[Value]:
        lengths = high - low
        groups = np.repeat(np.arange(len(low)), lengths)
        offsets = np.cumsum(lengths) - lengths
        at = np.arange(len(groups)) - offsets[groups] + low[groups]
        at = at if places is None else places[at]
        names: dict[str, tuple[str, list[Value]]] = {}
        text = ""
        for piece in leaf.call:
            if isinstance(piece, str):
                text += piece
                continue
            name = f"value {len(names)}"
            names[name] = self.types(piece), numbers[groups].tolist() if piece.number else self._values(piece, at)
            text += f'"{name}"'
        by_group = self.evaluator.aggregates(
            text,
            [(name, type) for name, (type, _) in names.items()],
            [values for _, values in names.values()],
            groups.tolist(),
            self.parameters,
        )
        none: Value = None
        if len(by_group) < len(low):
            empty: list[list[Value]] = [[] for _ in names]
            typed = [(name, type) for name, (type, _) in names.items()]
            none = self.evaluator.aggregates(text, typed, empty, (), self.parameters)[0]
        return [read(by_group.get(group, none)) for group in range(len(low))]

    def _values(self, row: RowExpression, at: Int64) -> list[Value]:
        if row.classifier:
            assert self.matches.labels is not None
            return Coded(self.matches.labels[at], self.matches.variables).tolist()
        return self.at(row, self._rows_of(at)).tolist()


def _bound(function: str, low: Int64, high: Int64) -> None:
    """Raise OperationalError if that is too much to add one by one. Ranges come sorted."""
    last = np.append(low[1:] != low[:-1], True)[: len(low)]
    steps = int((high - low)[last].sum())
    if steps > MOST_STEPS:
        raise OperationalError(
            f"{function}() of texts, of infinities or of more than one type goes over {steps:,} rows of matches that"
            f" overlap, and {MOST_STEPS:,} are the most",
            "with AFTER MATCH SKIP PAST LAST ROW they do not overlap, WITHIN makes them shorter; CAST gives one type",
        )


def _sums(values: Vector, low: Int64, high: Int64) -> Array | None:
    """The sum of each range; None if it takes more than adding: texts, infinities, integers that may leave 64 bits."""
    if not isinstance(values, Numbers) or values.render is not None:
        return None
    data = values.data
    if data.dtype.kind == "f":
        try:
            overlapping = int((high - low).sum()) > _OVERLAP * len(data)
            found = ranges.sums(data, low, high) if overlapping else sums.by_range(data, low, high).high
        except sums.Overflow:
            return None
        return found if np.isfinite(found).all() else None
    largest = max(abs(int(data.max(initial=0))), abs(int(data.min(initial=0))))
    if largest * len(data) >= 1 << 62:
        return None
    before = np.concatenate(([0], np.cumsum(data, dtype=np.int64)))
    return before[high] - before[low]


def _mixes(values: Vector) -> bool:
    """Whether integers and reals occur, of which equal ones differ."""
    return isinstance(values, Coded) and values.index is None and {int, float} <= set(map(type, values.values))


def numeric(value: Value) -> int | float:
    """The number that SQLite adds for a value: that of the text, or of as much at its beginning as is one."""
    if isinstance(value, int | float):
        return value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
    found = _NUMBER.match(text)
    if found is None:
        return 0.0
    whole = isinstance(value, str) and not (found[2] or found[3] or found[4]) and not text[found.end() :].strip(_BLANKS)
    digits = found[1].lstrip("+-").lstrip("0")
    if whole and len(digits) < len(str(1 << 64)):
        number = -int(digits or "0") if found[1][0] == "-" else int(digits or "0")
        return number if -(1 << 63) <= number < 1 << 63 else float(number)
    return float(found[1])
