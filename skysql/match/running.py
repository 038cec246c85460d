"""Conditions that look back: what they have to know of the match so far, as small immutable values.

Each thing that conditions look up has a *tracker*, which follows a match row by row:

    Last, First   the last or first rows of a variable, as many as the offset asks for
    Running       an aggregate of SQLite's usual ones: its accumulator
    Number        MATCH_NUMBER()
    Trail         everything: the way through the match, for whatever else is asked

The values of all trackers are the state of a match. Two situations with equal states go on alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vtab.protocols import read

from ..model.values import Value
from ..scan.by_sqlite import Evaluator
from . import aggregates
from .expressions import Fold, Leaf, MatchNumber, Navigation, RowExpression
from .matcher import State
from .measures import numeric

Test = Callable[[tuple[Value, ...]], bool]
Reader = Callable[[State, int], Value]


@dataclass(slots=True)
class Bounds:
    """The rows of the current partition: low ... high-1."""

    low: int = 0
    high: int = 0


class Tracker(Protocol):
    """One thing that conditions look up."""

    def begin(self, number: int) -> Any:
        """Before the first row of a match."""
        ...

    def step(self, known: Any, label: str, row: int) -> Any:
        """After one more row, if it is one of the variable's."""
        ...

    def value(self, known: Any) -> Value:
        """What the conditions see."""
        ...


@dataclass(slots=True)
class _Place:
    """Last and First: the rows, the wanted one first or last; of CLASSIFIER() the variables that they are mapped to."""

    leaf: Navigation
    column: Sequence[Value]
    bounds: Bounds

    def begin(self, number: int) -> tuple[Any, ...]:
        return ()

    def step(self, known: tuple[Any, ...], label: str, row: int) -> tuple[Any, ...]:
        item = label if self.leaf.row.classifier else row
        if self.leaf.first:
            return known if len(known) > self.leaf.offset else (*known, item)
        return (*known, item)[-self.leaf.offset - 1 :]

    def value(self, known: tuple[Any, ...]) -> Value:
        if len(known) <= self.leaf.offset:
            return None
        item = known[-1] if self.leaf.first else known[0]
        if self.leaf.row.classifier:
            return item  # type: ignore[no-any-return]
        there = item + self.leaf.shift
        return self.column[there] if self.bounds.low <= there < self.bounds.high else None


@dataclass(slots=True)
class _Running:
    function: str
    column: Sequence[Value] | None  # None for count(*)

    def begin(self, number: int) -> aggregates.Accumulator:
        return aggregates.begin(self.function)

    def step(self, known: aggregates.Accumulator, label: str, row: int) -> aggregates.Accumulator:
        value = 1 if self.column is None else self.column[row]
        if value is None:
            return known
        return aggregates.step(self.function, known, numeric(value) if self.function in aggregates.SUMS else value)

    def value(self, known: aggregates.Accumulator) -> Value:
        return aggregates.finish(self.function, known)


@dataclass(slots=True)
class _Number:
    def begin(self, number: int) -> int:
        return number

    def step(self, known: int, label: str, row: int) -> int:
        return known

    def value(self, known: int) -> Value:
        return known


class _Trail:
    """Ways are numbered: way -> (the way before, label, row). Equal ways have equal numbers.

    The first of each is ("", the number of the match).
    """

    def __init__(self, answer: Callable[[list[tuple[str, int]], int], Value]) -> None:
        self._answer = answer
        self._ways: list[tuple[int, str, int]] = [(-1, "", -1)]
        self._numbers: dict[tuple[int, str, int], int] = {}

    def begin(self, number: int) -> int:
        return self.step(0, "", number)

    def step(self, known: int, label: str, row: int) -> int:
        way = known, label, row
        number = self._numbers.get(way)
        if number is None:
            number = self._numbers[way] = len(self._ways)
            self._ways.append(way)
        return number

    def value(self, known: int) -> Value:
        way = []
        while known:
            known, label, row = self._ways[known]
            way.append((label, row))
        (_, number), *rows = reversed(way)
        return self._answer(rows, number)


@dataclass(frozen=True, slots=True)
class Judged:
    """The part of a variable's condition that looks back: a test of the values of its leaves."""

    leaves: tuple[Leaf, ...]
    test: Test


class RunningConditions:
    """Implements `matcher.History` for the partitions of a chunk.

    labels: the variable of each position. column: the values of a row column, by row of the chunk.
    """

    def __init__(
        self,
        labels: Sequence[str],
        judged: Mapping[str, Judged],
        column: Callable[[RowExpression], Sequence[Value]],
        members: Callable[[str | None], frozenset[str]],
        evaluator: Evaluator,
        types: Callable[[RowExpression], str],
        parameters: Sequence[Value],
    ) -> None:
        self._labels = labels
        self._judged = judged
        self._column = column
        self._members = members
        self._evaluator = evaluator
        self._types = types
        self._parameters = parameters
        self._bounds = Bounds()
        self._trackers: list[Tracker] = []
        self.enter(0, 0)

    def enter(self, low: int, high: int) -> None:
        """Go on with another partition."""
        self._bounds.low, self._bounds.high = low, high
        leaves = dict.fromkeys(leaf for one in self._judged.values() for leaf in one.leaves)
        tracked = [leaf for leaf in leaves if not _is_here(leaf)]
        if low == high or any(isinstance(tracker, _Trail) for tracker in self._trackers):
            self._trackers = [self._tracker(leaf) for leaf in tracked]
            self._moves = [self._moves_of(label, tracked) for label in self._labels]
            self._checks = [self._check(label, tracked) for label in self._labels]

    def _moves_of(self, label: str, tracked: Sequence[Leaf]) -> list[tuple[int, Callable[[Any, str, int], Any]]]:
        """The trackers that take notice of a row with this label."""
        found: list[tuple[int, Callable[[Any, str, int], Any]]] = []
        for at, (leaf, tracker) in enumerate(zip(tracked, self._trackers, strict=True)):
            if isinstance(tracker, _Trail) or (
                not isinstance(leaf, MatchNumber) and label in self._members(leaf.variable)
            ):
                found.append((at, tracker.step))
        return found

    def _check(self, label: str, tracked: Sequence[Leaf]) -> tuple[Test, list[Reader]] | None:
        judged = self._judged.get(label)
        if judged is None:
            return None
        return judged.test, [self._reader(leaf, tracked) for leaf in judged.leaves]

    def _reader(self, leaf: Leaf, tracked: Sequence[Leaf]) -> Reader:
        """A function of the state after a row, and of the row, that gives the value of a leaf."""
        if _is_here(leaf):
            assert isinstance(leaf, Navigation)
            column, shift, bounds = self._column(leaf.row), leaf.shift, self._bounds
            if shift == 0:
                return lambda state, row: column[row]
            return lambda state, row: column[row + shift] if bounds.low <= row + shift < bounds.high else None
        at = tracked.index(leaf)
        value = self._trackers[at].value
        return lambda state, row: value(state[at])

    def begin(self, row: int, number: int) -> State:
        """Before the first row of a match."""
        return tuple([tracker.begin(number) for tracker in self._trackers])

    def advance(self, state: State, position: int, row: int) -> State | None:
        """After mapping the row to a position; None if its condition is not met."""
        moves = self._moves[position]
        if moves:
            label, known = self._labels[position], list(state)
            for at, step in moves:
                known[at] = step(known[at], label, row)
            state = tuple(known)
        check = self._checks[position]
        if check is not None:
            test, readers = check
            if not test(tuple([read(state, row) for read in readers])):
                return None
        return state

    def _tracker(self, leaf: Leaf) -> Tracker:
        if isinstance(leaf, MatchNumber):
            return _Number()
        members = self._members(leaf.variable)
        if isinstance(leaf, Fold):
            if leaf.simple:
                return _Running(leaf.function, None if leaf.argument is None else self._column(leaf.argument))
            return _Trail(lambda way, number: self._folded(leaf, [item for item in way if item[0] in members], number))
        if leaf.row.classifier and leaf.shift:
            return _Trail(lambda way, number: _label(leaf, members, way))
        return _Place(leaf, () if leaf.row.classifier else self._column(leaf.row), self._bounds)

    def _folded(self, leaf: Fold, way: list[tuple[str, int]], number: int) -> Value:
        """An aggregate that only SQLite can compute."""
        names: dict[str, tuple[str, list[Value]]] = {}
        text = ""
        for piece in leaf.call:
            if isinstance(piece, str):
                text += piece
                continue
            values: list[Value] = [number if piece.number else label for label, _ in way]
            if not piece.of_match:
                column = self._column(piece)
                values = [column[row] for _, row in way]
            name = f"value {len(names)}"
            names[name] = self._types(piece), values
            text += f'"{name}"'
        typed = [(name, type) for name, (type, _) in names.items()]
        found = self._evaluator.aggregates(
            text, typed, [values for _, values in names.values()], [0] * len(way), self._parameters
        )
        value: Value = read(found[0])
        return value


def _is_here(leaf: Leaf) -> bool:
    """Whether it looks at the current row or one beside it, whatever was matched before."""
    if not isinstance(leaf, Navigation) or leaf.row.classifier:
        return False
    return leaf.variable is None and not leaf.first and leaf.offset == 0


def _label(leaf: Navigation, members: frozenset[str], way: list[tuple[str, int]]) -> Value:
    """The variable of a row some rows away from one of the match."""
    places = [at for at, (label, _) in enumerate(way) if label in members]
    if len(places) <= leaf.offset:
        return None
    there = (places[leaf.offset] if leaf.first else places[-1 - leaf.offset]) + leaf.shift
    return way[there][0] if 0 <= there < len(way) else None
