"""sum(x), and what it has in common with total() and avg(): a sum, exact of integers, and rounded once of reals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import kernels, sums
from ...arrays.sums import Magnitudes
from ...arrays.vectors import Coded, Numbers, Vector
from ...model.dtypes import Array, Int64
from .aggregate import AggregateFunction, Given, Inexact, Merging, OverJoin


@dataclass(frozen=True, slots=True)
class Sums:
    """data: int64[g] or float64[g]. rest: what rounding the sums of reals left over, float64[g], or None for nothing.

    A group without values has 0, of the type that the others have.
    """

    count: Int64
    data: Array
    rest: Array | None = None

    def take(self, used: Int64, size: int) -> Sums:
        """Of `size` groups only those that are used."""
        if len(used) == size:
            return self
        return Sums(self.count[used], self.data[used], None if self.rest is None else self.rest[used])

    def rests(self) -> Array:
        """What the nearest float64s of the sums leave over: float64[g]; integers are within 2^62."""
        if self.rest is not None:
            return self.rest
        return (self.data - self.data.astype(np.float64).astype(np.int64)).astype(np.float64)


class Adding(AggregateFunction[Sums]):
    """An aggregate whose state is a sum."""

    state = Sums
    mixes = True  # whether integers and reals may be added

    def begin(self, given: Given) -> Sums:
        """The sums of these values."""
        values = as_numbers(given.values) if isinstance(given.values, Coded) else given.values
        if values.render is not None:
            raise Inexact
        return _sums(values.data, given.groups, given.count(), given.magnitudes)

    def runs(self, values: Array, starts: Int64, magnitudes: Magnitudes | None) -> Sums:
        """The sums of these runs."""
        count = starts[1:] - starts[:-1]
        if values.dtype.kind == "f":
            try:
                return Sums(count, *sums.by_range(values, starts[:-1], starts[1:], magnitudes))
            except sums.Overflow:
                raise Inexact from None
        _check_range(values)
        return Sums(count, kernels.run_sums(values, starts))

    def nothing(self, size: int) -> Sums:
        """0 each."""
        return Sums(np.zeros(size, np.int64), np.zeros(size, np.int64))

    def merge(self, parts: Sequence[Sums], merging: Merging) -> Sums:
        """Of integers and reals the sum is a real; where nothing was summed it has no type of its own."""
        counts, count = merging.counts(parts)
        if not self.mixes and len({part.data.dtype.kind == "f" for part in parts if part.count.any()}) > 1:
            raise Inexact  # the sums of integers alone have to stay integers, and nobody knows which they are
        data = [part.data if part.count.any() else np.zeros(len(part.count), np.int64) for part in parts]
        some = np.flatnonzero(counts)
        places = merging.places[some]
        if all(each.dtype.kind != "f" for each in data):
            return _sums(np.concatenate(data)[some], places, count, None)
        highs = np.concatenate(data, dtype=np.float64)
        rests = np.concatenate([Sums(p.count, each, p.rest).rests() for p, each in zip(parts, data, strict=True)])
        values = np.concatenate((highs[some], rests[some]))
        return _sums(values, np.concatenate((places, places)), count, None)


def _of_parts(part: Callable[[str], str], integers: bool) -> str:
    return f"sum({part('sum')})" if integers else f"sky_partial_sum({part('sum')}, {part('rest')})"


class Sum(Adding):
    """sum(x): an integer if all values are, NULL of none."""

    name = by_sqlite = "sum"
    called = ("sum",)
    mixes = False
    over_join = OverJoin(_of_parts, lambda value, times, only: f"sky_repeated_sum({value}, {times}){only}")

    def finish(self, state: Sums) -> Numbers:
        """The sums."""
        return shown(state.data, state.count > 0)


class Rest(Adding):
    """What rounding the sum to one REAL leaves over, for joins that add up several sums. It has no name in SQL.

    Of a sum that is no number, as of inf and -inf, it is infinite: such a sum is NULL, as is that of no rows.
    """

    name = "rest"
    called = ()
    by_sqlite = "sky_rest_of_sum"

    def finish(self, state: Sums) -> Numbers:
        """The rests."""
        rests = state.rests()
        return Numbers(np.where(np.isnan(state.data), np.inf, rests))


def shown(data: Array, known: Array) -> Numbers:
    """Numbers as SQLite has them: NaN is NULL there."""
    if data.dtype.kind == "f":
        known = known & ~np.isnan(data)
    return Numbers(data, None if known.all() else known)


def as_numbers(values: Vector) -> Numbers:
    """Computed values of one numeric type; `values` may hold some that no element has. Raises Inexact."""
    if not isinstance(values, Coded):
        return values
    used = np.flatnonzero(np.bincount(values.codes, minlength=len(values.values)))
    types = {type(values.values[code]) for code in used.tolist()}
    if len(used) and types not in ({int}, {float}):
        raise Inexact
    dtype = np.float64 if types == {float} else np.int64
    lookup = np.zeros(len(values.values), dtype)
    lookup[used] = [values.values[code] for code in used.tolist()]  # type: ignore[assignment]
    return Numbers(lookup[values.codes])


def _sums(data: Array, groups: Array, count: Int64, magnitudes: Magnitudes | None) -> Sums:
    size = len(count)
    if data.dtype.kind == "f":
        try:
            return Sums(count, *sums.by_group(groups, data, size, magnitudes, count))
        except sums.Overflow:  # what SQLite shows depends on the order of the rows
            raise Inexact from None
    if data.dtype == bool:
        data = data.view(np.uint8)
    _check_range(data)
    return Sums(count, np.array([data.sum(dtype=np.int64)]) if size == 1 else kernels.group_sum(groups, data, size))


def _check_range(data: Array) -> None:
    """Raise Inexact if a sum of integers could leave int64."""
    largest = max(int(data.max(initial=0)), -int(data.min(initial=0)))
    if largest * len(data) >= 1 << 62:
        raise Inexact
