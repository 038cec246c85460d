"""min(x) and max(x)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...arrays import kernels
from ...arrays.sums import Magnitudes
from ...arrays.vectors import Coded, Numbers, Vector, equal_values, joined, sort_ranks
from ...model.dtypes import Array, Int64
from .aggregate import AggregateFunction, Given, Inexact, Merging


@dataclass(frozen=True, slots=True)
class Extremes:
    """values[g]: the extreme value of each group that has any."""

    count: Int64
    values: Vector

    def take(self, used: Int64, size: int) -> Extremes:
        """Of `size` groups only those that are used."""
        return self if len(used) == size else Extremes(self.count[used], self.values.take(used))


class _Extreme(AggregateFunction[Extremes]):
    """The smallest or the largest value, as SQLite sorts; NULL of none."""

    state = Extremes
    largest: ClassVar[bool]
    collates = True
    ignores_distinct = True
    repeats = False

    def begin(self, given: Given) -> Extremes:
        """The extremes of these values."""
        return Extremes(given.count(), _extremes(given.values, given.groups, given.size, self.largest))

    def runs(self, values: Array, starts: Int64, _magnitudes: Magnitudes | None) -> Extremes:
        """The extremes of these runs."""
        return Extremes(starts[1:] - starts[:-1], Numbers(kernels.run_extremes(values, starts, self.largest)))

    def nothing(self, size: int) -> Extremes:
        """NULL each."""
        return Extremes(np.zeros(size, np.int64), Coded(np.zeros(size, np.uint8), [None]))

    def merge(self, parts: Sequence[Extremes], merging: Merging) -> Extremes:
        """The extremes of extremes."""
        counts, count = merging.counts(parts)
        some = np.flatnonzero(counts)
        values = joined([part.values for part in parts]).take(some)
        return Extremes(count, _extremes(values, merging.places[some], merging.size, self.largest))

    def finish(self, state: Extremes) -> Vector:
        """The values."""
        some = state.count > 0
        if isinstance(state.values, Coded):
            return state.values.or_null(some)
        return replace(state.values, mask=None if some.all() else some)


class Min(_Extreme):
    """min(x)."""

    name = by_sqlite = "min"
    called = ("min",)
    largest = False


class Max(_Extreme):
    """max(x)."""

    name = by_sqlite = "max"
    called = ("max",)
    largest = True


def _extremes(values: Vector, groups: Array, size: int, largest: bool) -> Vector:
    if isinstance(values, Coded):
        return _extreme_codes(values, groups, size, largest)
    if values.render is not None and not values.ordered:
        raise Inexact
    data = values.data.view(np.uint8) if values.data.dtype == bool else values.data
    return replace(values, data=kernels.group_extreme(groups, data, size, largest), numbering=None)


def _extreme_codes(values: Coded, groups: Array, size: int, largest: bool) -> Coded:
    if len(values) == 0:
        return Coded(np.zeros(size, np.int64), [None])
    used, places = kernels.group_numbers(values.codes, len(values.values))
    if size == 1 and values.index is not None:
        texts = [str(text or "") for text in Coded(used, values.values).tolist()]
        best = used[texts.index((max if largest else min)(texts))]
        return Coded(np.array([best]), values.values, values.index)
    ranks = sort_ranks(Coded(used, values.values))
    by_rank = np.zeros(int(ranks.max(initial=0)) + 1, np.int64)
    by_rank[ranks] = used
    best = kernels.group_extreme(groups, ranks[places], size, largest)
    if equal_values(values) is not None:
        return _first_of_rank(values, ranks[places], best, groups)
    return Coded(by_rank[np.clip(best, 0, len(by_rank) - 1)], values.values, values.index)


def _first_of_rank(values: Coded, ranks: Array, best: Array, groups: Array) -> Coded:
    """Of each group, its first value of the best rank."""
    at = np.flatnonzero(ranks == best[groups])[::-1]
    codes = np.zeros(len(best), np.int64)
    codes[groups[at]] = values.codes[at]
    return Coded(codes, values.values)
