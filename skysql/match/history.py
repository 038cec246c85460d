"""Conditions that look back: what they have to know of the match so far, as small immutable values.

Each thing that conditions look up has a *tracker*, which follows a match row by row:

    Last, First   the last or first rows of a variable, as many as the offset asks for
    Running       an aggregate of SQLite's usual ones: its accumulator
    Number        MATCH_NUMBER()
    Trail         everything: the way through the match, for whatever else is asked

The values of all trackers are the state of a match, by which the matcher knows a situation again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..evaluate import Evaluator
from ..plan import Value
from . import folds
from .expressions import Fold, Leaf, MatchNumber, Navigation, Row
from .matcher import State
from .measures import numeric

Values = Sequence[Value]


class Tracker(Protocol):
    """One thing that conditions look up."""

    def begin(self, number: int) -> Any:
        """Before the first row of a match."""
        ...

    def step(self, known: Any, label: str, row: int) -> Any:
        """After one more row."""
        ...

    def value(self, known: Any) -> Value:
        """What the conditions see."""
        ...


class Rows(Protocol):
    """The rows that conditions look at."""

    def values(self, row: Row) -> Values:
        """A row column."""
        ...

    def inside(self, row: int) -> bool:
        """Whether the row is one of the partition."""
        ...


@dataclass(slots=True)
class _Place:
    """Last and First: the rows, the wanted one first or last; of CLASSIFIER() the variables that they are mapped to."""

    leaf: Navigation
    members: frozenset[str]
    rows: Rows

    def begin(self, number: int) -> tuple[Any, ...]:
        return ()

    def step(self, known: tuple[Any, ...], label: str, row: int) -> tuple[Any, ...]:
        if label not in self.members:
            return known
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
        return self.rows.values(self.leaf.row)[there] if self.rows.inside(there) else None


@dataclass(slots=True)
class _Running:
    leaf: Fold
    members: frozenset[str]
    rows: Rows

    def begin(self, number: int) -> folds.Accumulator:
        return folds.begin(self.leaf.function)

    def step(self, known: folds.Accumulator, label: str, row: int) -> folds.Accumulator:
        if label not in self.members:
            return known
        function, argument = self.leaf.function, self.leaf.argument
        value = 1 if argument is None else self.rows.values(argument)[row]
        if value is None:
            return known
        return folds.step(function, known, numeric(value) if function in ("sum", "total", "avg") else value)

    def value(self, known: folds.Accumulator) -> Value:
        return folds.finish(self.leaf.function, known)


@dataclass(slots=True)
class _Number:
    def begin(self, number: int) -> int:
        return number

    def step(self, known: int, label: str, row: int) -> int:
        return known

    def value(self, known: int) -> Value:
        return known


class _Trail:
    """Ways are numbered: way -> (the way before, label, row). Equal ways have equal numbers."""

    def __init__(self, answer: Callable[[list[tuple[str, int]]], Value]) -> None:
        self._answer = answer
        self._ways: list[tuple[int, str, int]] = [(-1, "", -1)]
        self._numbers: dict[tuple[int, str, int], int] = {}

    def begin(self, number: int) -> int:
        return 0

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
        way.reverse()
        return self._answer(way)


@dataclass(frozen=True, slots=True)
class Judged:
    """The part of a variable's condition that looks back: a test of the values of its leaves."""

    leaves: tuple[Leaf, ...]
    test: Callable[[tuple[Value, ...]], bool]


class Conditions:
    """Implements `matcher.History` for one partition."""

    def __init__(
        self,
        labels: Sequence[str],
        judged: Mapping[str, Judged],
        rows: Rows,
        members: Callable[[str | None], frozenset[str]],
        evaluator: Evaluator,
        types: Callable[[Row], str],
        parameters: Sequence[Value],
    ) -> None:
        self.labels = labels  # of each position
        self.judged = judged
        self.rows = rows
        self.members = members
        self.evaluator = evaluator
        self.types = types
        self.parameters = parameters
        leaves = dict.fromkeys(leaf for one in judged.values() for leaf in one.leaves)
        self._places = {leaf: at for at, leaf in enumerate(leaves)}
        self._trackers = [self._tracker(leaf) for leaf in leaves]

    def begin(self, row: int, number: int) -> State:
        """Before the first row of a match."""
        return tuple(tracker.begin(number) for tracker in self._trackers)

    def advance(self, state: State, position: int, row: int) -> State | None:
        """After mapping the row to a position; None if its condition is not met."""
        label = self.labels[position]
        trackers = self._trackers
        after = tuple(tracker.step(known, label, row) for tracker, known in zip(trackers, state, strict=True))
        judged = self.judged.get(label)
        if judged is not None:
            places = [self._places[leaf] for leaf in judged.leaves]
            if not judged.test(tuple(trackers[at].value(after[at]) for at in places)):
                return None
        return after

    def _tracker(self, leaf: Leaf) -> Tracker:
        if isinstance(leaf, MatchNumber):
            return _Number()
        members = self.members(leaf.variable)
        if isinstance(leaf, Fold):
            if leaf.simple:
                return _Running(leaf, members, self.rows)
            return _Trail(lambda way: self._folded(leaf, [item for item in way if item[0] in members]))
        if leaf.row.classifier and leaf.shift:
            return _Trail(lambda way: _label(leaf, members, way))
        return _Place(leaf, members, self.rows)

    def _folded(self, leaf: Fold, way: list[tuple[str, int]]) -> Value:
        """An aggregate that only SQLite knows."""
        names: dict[str, tuple[str, list[Value]]] = {}
        text = ""
        for piece in leaf.call:
            if isinstance(piece, str):
                text += piece
                continue
            values: list[Value] = [label for label, _ in way]
            if not piece.classifier:
                column = self.rows.values(piece)
                values = [column[row] for _, row in way]
            name = f"value {len(names)}"
            names[name] = self.types(piece), values
            text += f'"{name}"'
        typed = [(name, type) for name, (type, _) in names.items()]
        found = self.evaluator.aggregates(
            [text], typed, [values for _, values in names.values()], [0] * len(way), self.parameters
        )
        return found[0][1]


def _label(leaf: Navigation, members: frozenset[str], way: list[tuple[str, int]]) -> Value:
    """The variable of a row some rows away from one of the match."""
    places = [at for at, (label, _) in enumerate(way) if label in members]
    if len(places) <= leaf.offset:
        return None
    there = (places[leaf.offset] if leaf.first else places[-1 - leaf.offset]) + leaf.shift
    return way[there][0] if 0 <= there < len(way) else None
