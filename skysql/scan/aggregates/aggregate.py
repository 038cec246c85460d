"""What an aggregate is to a scan: four steps, and what a join of its parts needs.

    begin     the values of some rows, each with the number of its group -> a state: something of each group
    runs      the same of numbers that lie group by group
    merge     the states of different objects -> one, in any order and grouping
    finish    a state -> the aggregate's value in each group

A state is a frozen dataclass of arrays, vectors and lists, with `count`: the values of each group that are not NULL.
Where arrays would not give SQLite's answer, a step raises Inexact, and SQLite computes the aggregate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from ...arrays import kernels
from ...arrays.sums import Magnitudes
from ...arrays.vectors import Numbers, Vector
from ...interruption import look
from ...model.dtypes import Array, Int64
from ...model.values import Value


class Inexact(Exception):
    """An aggregate left the range in which arrays give SQLite's answer; `place`, in the plan, is the scan's to tell."""

    place = -1

    def at(self, place: int) -> Inexact:
        """The same, of the aggregate at this place."""
        self.place = place
        return self


class State(Protocol):
    """What is known of each group of some rows."""

    @property
    def count(self) -> Int64:
        """int64[g], the values of each group that are not NULL."""
        ...

    def take(self, used: Int64, size: int) -> State:
        """Of `size` groups only those that are used, numbered anew."""
        ...


S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True)
class Given:
    """Values that are not NULL, and their groups: int[n], below `size`.

    others: the other arguments at the same rows. counts: int64[size], if known. magnitudes: between which the values
    lie, if known. A list of columns has its rows in `others` alone. constants: the arguments that are constants.
    """

    values: Vector
    groups: Array
    size: int
    counts: Int64 | None = None
    magnitudes: Magnitudes | None = None
    others: tuple[Vector, ...] = ()
    constants: tuple[Value, ...] = ()

    def count(self) -> Int64:
        """The values of each group: int64[size]."""
        return kernels.group_count(self.groups, self.size) if self.counts is None else self.counts


@dataclass(frozen=True, slots=True)
class Merging:
    """Where the groups of partials go: those of one partial after those of another.

    places: int64[groups of all], which group each becomes. bases: where each partial's begin. size: groups there are.
    """

    places: Array
    bases: Sequence[int]
    size: int

    def counts(self, parts: Sequence[State]) -> tuple[Int64, Int64]:
        """(the counts of the partials' groups, one after another; those of the groups that they become)."""
        counts = np.concatenate([part.count for part in parts])
        look()
        return counts, kernels.group_sum(self.places, counts, self.size)

    def groups(self, numbers: Sequence[Array]) -> Array:
        """The groups that those of each partial become, one after another."""
        moved = [part.astype(np.int64) + base for part, base in zip(numbers, self.bases, strict=False)]
        return self.places[np.concatenate(moved)] if moved else np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class OverJoin:
    """How SQL puts an aggregate over a join together.

    of_parts(part, integers) has the columns of the groups' own aggregates, by name; `integers`: whether the argument
    holds nothing else. repeated(value, times, only) is of what all rows of a group have in common, `times` many;
    `only` is the FILTER, or "".
    """

    of_parts: Callable[[Callable[[str], str], bool], str]
    repeated: Callable[[str, str, str], str]


class SqliteAggregate(Protocol):
    """A group to which rows are added, and taken away where a window moves on; raises DataError."""

    def step(self, *values: Any) -> None:
        """One more row."""

    def inverse(self, *values: Any) -> None:
        """One row less."""

    def value(self) -> Value:
        """The value so far."""

    def finalize(self) -> Value:
        """The value."""


class AggregateFunction(ABC, Generic[S]):
    """An aggregate that a scan computes itself.

    name: what plans call it. called: its names in SQL. state: the class of its states, a dataclass.
    arguments: how many it takes, of which the last `constants` are constants. counts_rows: whether it may be of `*`, of
    rows as such.
    by_sqlite: what SQLite calls it, where a scan leaves it to SQLite. collates: whether a collation of its argument
    matters. distinct: whether a scan computes it over DISTINCT values; `ignores_distinct`: that it needs not.
    over_join: None if it cannot be put together from parts. repeats: whether rows that are there several times count
    as often: if not, it stays as it is over a join.
    """

    name: ClassVar[str]
    state: ClassVar[type[Any]]
    called: ClassVar[tuple[str, ...]]
    by_sqlite: ClassVar[str]
    arguments: ClassVar[int] = 1
    constants: ClassVar[int] = 0
    counts_rows: ClassVar[bool] = False
    collates: ClassVar[bool] = False
    distinct: ClassVar[bool] = False
    ignores_distinct: ClassVar[bool] = False
    repeats: ClassVar[bool] = True
    over_join: ClassVar[OverJoin | None] = None

    def plain(self) -> SqliteAggregate | None:
        """One group of it as SQLite's own aggregates are: row by row; None of what every SQLite has."""
        return None

    @abstractmethod
    def begin(self, given: Given) -> S:
        """The state of these values; raises Inexact."""

    def runs(self, values: Array, starts: Int64, magnitudes: Magnitudes | None) -> S:
        """The state of numbers that lie group by group: starts int64[g+1]; raises Inexact."""
        counts = starts[1:] - starts[:-1]
        groups = np.repeat(np.arange(len(counts)), counts)
        return self.begin(Given(Numbers(values), groups, len(counts), counts, magnitudes))

    @abstractmethod
    def nothing(self, size: int) -> S:
        """The state of groups without values."""

    @abstractmethod
    def merge(self, parts: Sequence[S], merging: Merging) -> S:
        """The states of different objects as one; raises Inexact."""

    @abstractmethod
    def finish(self, state: S) -> Vector:
        """The aggregate's values, one a group."""
