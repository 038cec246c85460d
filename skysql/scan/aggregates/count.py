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
class GroupCounts:
    """count: int64[g]."""

    count: Int64

    def take(self, used: Int64, size: int) -> GroupCounts:
        """Of `size` groups only those that are used."""
        return self if len(used) == size else GroupCounts(self.count[used])


def repeated_count(value: str, times: str, only: str) -> str:
    """SQL for the number of rows where a value is not NULL, if each row counts `times` times; NULL of no rows."""
    return f"sum(CASE WHEN {value} IS NOT NULL THEN {times} END){only}"


class Count(AggregateFunction[GroupCounts]):
    """The number of values, or of rows: an integer."""

    state = GroupCounts
    name = by_sqlite = "count"
    called = ("count",)
    counts_rows = True
    distinct = True
    over_join = OverJoin(
        lambda part, _: f"coalesce(sum({part('count')}), 0)",
        lambda *call: f"coalesce({repeated_count(*call)}, 0)",
    )

    def begin(self, given: Given) -> GroupCounts:
        """How many there are."""
        return GroupCounts(given.count())

    def runs(self, _values: Array, starts: Int64, _magnitudes: Magnitudes | None) -> GroupCounts:
        """How many there are."""
        return GroupCounts(starts[1:] - starts[:-1])  # faster than np.diff

    def nothing(self, size: int) -> GroupCounts:
        """0 each."""
        return GroupCounts(np.zeros(size, np.int64))

    def merge(self, parts: Sequence[GroupCounts], merging: Merging) -> GroupCounts:
        """Their sums."""
        return GroupCounts(merging.counts(parts)[1])

    def finish(self, state: GroupCounts) -> Numbers:
        """The counts."""
        return Numbers(state.count)
