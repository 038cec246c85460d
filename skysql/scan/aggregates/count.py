"""count(*) and count(x)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays.sums import Magnitudes
from ...arrays.vectors import Numbers
from ...model.dtypes import Array, Int64
from .aggregate import AggregateFunction, Given, Merging, OverJoin


@dataclass(frozen=True, slots=True)
class Counts:
    """count: int64[g]."""

    count: Int64

    def take(self, used: Int64, size: int) -> Counts:
        """Of `size` groups only those that are used."""
        return self if len(used) == size else Counts(self.count[used])


def repeated_count(value: str, times: str, only: str) -> str:
    """SQL for the number of rows where a value is not NULL, if each is there as many times; NULL of no rows."""
    return f"sum(CASE WHEN {value} IS NOT NULL THEN {times} END){only}"


class Count(AggregateFunction[Counts]):
    """The number of values, or of rows: an integer."""

    state = Counts
    name = by_sqlite = "count"
    called = ("count",)
    counts_rows = True
    distinct = True
    over_join = OverJoin(
        lambda part, _: f"coalesce(sum({part('count')}), 0)",
        lambda *call: f"coalesce({repeated_count(*call)}, 0)",
    )

    def begin(self, given: Given) -> Counts:
        """How many there are."""
        return Counts(given.count())

    def runs(self, _values: Array, starts: Int64, _magnitudes: Magnitudes | None) -> Counts:
        """How many there are."""
        return Counts(starts[1:] - starts[:-1])  # np.diff takes longer than what it is for

    def nothing(self, size: int) -> Counts:
        """0 each."""
        return Counts(np.zeros(size, np.int64))

    def merge(self, parts: Sequence[Counts], merging: Merging) -> Counts:
        """Their sums."""
        return Counts(merging.counts(parts)[1])

    def finish(self, state: Counts) -> Numbers:
        """The counts."""
        return Numbers(state.count)
