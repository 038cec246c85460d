"""Groups of rows and what is accumulated of them: the half of a scan that aggregates.

A partial is some groups with their keys and accumulators; partials of different objects merge into one, in any order
but that of the shards, which decides among equal keys whose value is shown. `finished` gives the values.
Where arrays would not give SQLite's answer, Inexact says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import kernels, sums
from ..arrays.sums import Magnitudes
from ..arrays.vectors import Coded, Numbers, Vector, compact_codes, equal_values, sort_ranks
from ..interruption import look, looking, patiently
from ..model.dtypes import Array, Int64
from ..model.values import Value
from ..plan.path_scan import Aggregate, AnyAggregate, PathAggregate, PathScan, SqlAggregate


class Inexact(Exception):
    """An aggregate, by its place in the plan, left the range in which arrays give SQLite's answer."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


@dataclass(slots=True)
class Accumulator:
    """One aggregate over g groups.

    count: int64[g], the values that are not NULL. state: [g] or None: the sum, or the extreme value.
    rest: of a sum of reals, what rounding it to one float64 left over. float64[g], or None for nothing.
    pairs: for DISTINCT, (group, value): the distinct values of each group. rows: for SQL, the rows themselves.
    """

    count: Int64
    state: Vector | None = None
    pairs: tuple[Array, Vector] | None = None
    rows: tuple[Array, list[list[Value]]] | None = None
    rest: Array | None = None

    def take(self, used: Int64, size: int) -> Accumulator:
        """Of so many groups only those that are used, numbered anew."""
        if len(used) == size:
            return self
        places = np.zeros(size, np.int64)
        places[used] = np.arange(len(used))
        return Accumulator(
            self.count[used],
            None if self.state is None else self.state.take(used),
            None if self.pairs is None else (places[self.pairs[0]], self.pairs[1]),
            None if self.rows is None else (places[self.rows[0]], self.rows[1]),
            None if self.rest is None else self.rest[used],
        )


@dataclass(slots=True)
class Partial:
    """Groups of some rows: a vector a key, and an accumulator an aggregate; `groups` is how many."""

    groups: int
    keys: list[Vector]
    accumulators: list[Accumulator]


FEW = 1 << 12
"""So many groups are accumulated whether they occur or not, which saves numbering those that do."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows dealt into groups: a number below `size` for each row, the rows of each, and which groups have any.

    runs: where the groups begin, int64[size+1], if it is known that the rows of each lie side by side, in order of the
    groups' numbers.
    """

    numbers: Array
    size: int
    counts: Int64
    used: Int64
    runs: Int64 | None = None

    def starts(self) -> Int64:
        """Where the groups begin once their rows lie side by side, and the number of rows: int64[size+1]."""
        if self.runs is not None:
            return self.runs
        starts = np.zeros(self.size + 1, np.int64)
        np.cumsum(self.counts, out=starts[1:])
        return starts

    def order(self) -> Array | None:
        """The places of the rows, group by group, each in the rows' order; None if that is how they are."""
        if self.runs is not None or bool(np.all(self.numbers[1:] >= self.numbers[:-1])):
            return None
        return patiently(np.argsort, self.numbers, kind="stable")

    def keys(self, keys: list[Vector]) -> list[Vector]:
        """The keys' values in each used group."""
        if not keys:
            return []
        if any(equal_values(key) is not None for key in keys):  # the first row of a group is the one shown
            first = kernels.first_of_each(self.numbers, self.size)
            return [key.take(first[self.used]) for key in keys]
        coded = [key for key in keys if isinstance(key, Coded)]
        sizes = [len(key.values) for key in coded]
        if len(coded) == len(keys) and self.size == math.prod(sizes):  # numbered by their codes, the last fastest
            codes = np.unravel_index(self.used, sizes)
            return [Coded(code, key.values, key.index) for code, key in zip(codes, coded, strict=True)]
        one_of_each = np.zeros(self.size, np.int64)
        if self.size > FEW or len(self.numbers) < 4 * self.size:
            one_of_each[self.numbers] = np.arange(len(self.numbers))
        else:
            one_of_each[self.used] = kernels.one_of_each(self.numbers, self.used)
        return [key.take(one_of_each[self.used]) for key in keys]


def group(keys: list[Vector], rows: int) -> Grouping:
    """The groups of rows by their keys."""
    if not keys:
        return Grouping(np.zeros(rows, np.uint8), 1, np.array([rows], np.int64), np.zeros(1, np.int64))
    numbers, bound = kernels.factorize([compact_codes(key) for key in keys])
    if bound <= FEW:
        counts = kernels.group_count(numbers, bound)
        return Grouping(numbers, bound, counts, np.flatnonzero(counts))
    used, numbers = kernels.group_numbers(numbers, bound)
    size = len(used)
    return Grouping(numbers, size, kernels.group_count(numbers, size), np.arange(size))


def accumulate(
    place: int,
    aggregate: Aggregate,
    values: Vector,
    groups: Array,
    size: int,
    count: Int64 | None = None,
    magnitudes: Magnitudes | None = None,
) -> Accumulator:
    """An accumulator of values that are not NULL, one for each element of groups.

    count[size], and between which magnitudes the values lie: if they are known.
    """
    if count is None:
        count = kernels.group_count(groups, size)
    if aggregate.distinct:
        if isinstance(values, Coded) and values.index is None:
            if not all(v is None or type(v) is str for v in values.values):
                values = joined([values])
        numbers, bound = kernels.factorize([(groups, size), compact_codes(values)])
        used, places = kernels.group_numbers(numbers, bound)
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(groups))
        return Accumulator(count, pairs=(groups[one_of_each], values.take(one_of_each)))
    if aggregate.function == "count":
        return Accumulator(count)
    if aggregate.function in ("min", "max"):
        return Accumulator(count, _extreme(place, values, groups, size, aggregate.function == "max"))
    if isinstance(values, Coded):
        values = _as_numbers(place, values)
    if values.render is not None:
        raise Inexact(place)
    return _sum(place, values.data, groups, count, magnitudes)


def accumulate_runs(
    place: int, aggregate: Aggregate, values: Array, starts: Int64, magnitudes: Magnitudes | None
) -> Accumulator:
    """`accumulate` of numbers that lie group by group: starts int64[g+1]."""
    count = starts[1:] - starts[:-1]  # np.diff takes longer than what it is for
    if aggregate.function == "count":
        return Accumulator(count)
    if aggregate.function in ("min", "max"):
        return Accumulator(count, Numbers(kernels.run_extremes(values, starts, aggregate.function == "max")))
    if values.dtype.kind == "f":
        return _real(place, count, lambda: sums.by_range(values, starts[:-1], starts[1:], magnitudes))
    _check_range(place, values)
    return Accumulator(count, Numbers(kernels.run_sums(values, starts)))


def _as_numbers(place: int, values: Coded) -> Numbers:
    """Computed values of one numeric type; `values` may hold some that no element has."""
    used = np.flatnonzero(np.bincount(values.codes, minlength=len(values.values)))
    types = {type(values.values[code]) for code in used.tolist()}
    if len(used) and types not in ({int}, {float}):
        raise Inexact(place)
    dtype = np.float64 if types == {float} else np.int64
    lookup = np.zeros(len(values.values), dtype)
    lookup[used] = [values.values[code] for code in used.tolist()]  # type: ignore[assignment]
    return Numbers(lookup[values.codes])


def _sum(place: int, data: Array, groups: Array, count: Int64, magnitudes: Magnitudes | None) -> Accumulator:
    size = len(count)
    if data.dtype.kind == "f":
        return _real(place, count, lambda: sums.by_group(groups, data, size, magnitudes, count))
    if data.dtype == bool:
        data = data.view(np.uint8)
    _check_range(place, data)
    return Accumulator(
        count,
        Numbers(np.array([data.sum(dtype=np.int64)]) if size == 1 else kernels.group_sum(groups, data, size)),
    )


def _real(place: int, count: Int64, add: Callable[[], sums.DoubleDouble]) -> Accumulator:
    try:
        high, low = add()
    except sums.Overflow:  # what SQLite shows depends on the order of the rows
        raise Inexact(place) from None
    return Accumulator(count, Numbers(high), rest=low)


def _check_range(place: int, data: Array) -> None:
    """Raise Inexact if a sum of integers could leave int64."""
    largest = max(int(data.max(initial=0)), -int(data.min(initial=0)))
    if largest * len(data) >= 1 << 62:
        raise Inexact(place)


def _extreme(place: int, values: Vector, groups: Array, size: int, largest: bool) -> Vector:
    if isinstance(values, Coded):
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
    if values.render is not None and not values.ordered:
        raise Inexact(place)
    data = values.data.view(np.uint8) if values.data.dtype == bool else values.data
    return replace(values, data=kernels.group_extreme(groups, data, size, largest), numbering=None)


def _first_of_rank(values: Coded, ranks: Array, best: Array, groups: Array) -> Coded:
    """Of each group, its first value of the best rank."""
    at = np.flatnonzero(ranks == best[groups])[::-1]
    codes = np.zeros(len(best), np.int64)
    codes[groups[at]] = values.codes[at]
    return Coded(codes, values.values)


def merge(partials: list[Partial], plan: PathScan, disjoint: bool) -> Partial:
    """Partials of different objects as one. disjoint: whether no two have a group in common."""
    if not partials:
        size = 0 if plan.keys else 1
        nothing = [Accumulator(np.zeros(size, np.int64)) for _ in plan.aggregates]
        return Partial(size, [Coded(np.zeros(0, np.int64), [None]) for _ in plan.keys], nothing)
    if len(partials) == 1 and not any(isinstance(key, Coded) for key in partials[0].keys):
        return partials[0]
    keys = [joined([partial.keys[i] for partial in partials]) for i in range(len(plan.keys))]
    total = sum(partial.groups for partial in partials)
    if disjoint:
        size, places = total, np.arange(total)
    elif keys:
        numbers, bound = kernels.factorize([compact_codes(key) for key in keys])
        used, places = kernels.group_numbers(numbers, bound)
        size = len(used)
        first = kernels.first_of_each(places, size)
        keys = [key.take(first) for key in looking(keys)]
    else:
        size, places = 1, np.zeros(total, np.int64)
    bases = np.concatenate(([0], np.cumsum([partial.groups for partial in partials]))).tolist()
    merged = [
        _merge_one(place, aggregate, [p.accumulators[place] for p in partials], bases, places, size)
        for place, aggregate in looking(enumerate(plan.aggregates))
    ]
    return Partial(size, keys, merged)


def _merge_one(
    place: int,
    aggregate: AnyAggregate,
    parts: list[Accumulator],
    bases: list[int],
    places: Array,
    size: int,
) -> Accumulator:
    counts = np.concatenate([part.count for part in parts])
    look()
    count = kernels.group_sum(places, counts, size)
    if isinstance(aggregate, SqlAggregate):
        present = [(part.rows, base) for part, base in zip(parts, bases, strict=False) if part.rows is not None]
        groups = np.concatenate([places[rows[0].astype(np.int64) + base] for rows, base in present])
        data = [[v for rows, _ in present for v in rows[1][i]] for i in range(len(aggregate.columns))]
        return Accumulator(count, rows=(groups, data))
    if isinstance(aggregate, PathAggregate):
        states = joined([part.state for part in parts if part.state is not None])
        # no two partials have a group in common
        return Accumulator(count, states.take(patiently(np.argsort, places)))
    if aggregate.distinct:
        pairs = [(part.pairs, base) for part, base in zip(parts, bases, strict=False) if part.pairs is not None]
        groups = np.concatenate([places[pair[0].astype(np.int64) + base] for pair, base in looking(pairs)])
        return accumulate(place, aggregate, joined([pair[1] for pair, _ in pairs]), groups, size)
    if aggregate.function == "count" or aggregate.argument is None:
        return Accumulator(count)
    if aggregate.function in ("min", "max"):
        some = np.flatnonzero(counts)
        states = joined([part.state for part in parts if part.state is not None])
        return Accumulator(count, _extreme(place, states.take(some), places[some], size, aggregate.function == "max"))
    kinds = {_data(part).dtype.kind == "f" for part in parts if part.count.any()}
    if aggregate.function == "sum" and len(kinds) > 1:
        raise Inexact(place)  # the sums of integers alone have to stay integers, and nobody knows which they are
    return _merged_sums(place, parts, counts, count, places)


def _merged_sums(place: int, parts: list[Accumulator], counts: Int64, count: Int64, places: Array) -> Accumulator:
    """Of integers and reals the sum is a real; where nothing was summed it has no type of its own."""
    data = [_data(part) if part.count.any() else np.zeros(len(part.count), np.int64) for part in parts]
    some = np.flatnonzero(counts)
    if all(part.dtype.kind != "f" for part in data):
        return _sum(place, np.concatenate(data)[some], places[some], count, None)
    highs = np.concatenate(data, dtype=np.float64)
    rests = [_rest(high) if part.rest is None else part.rest for part, high in zip(parts, data, strict=True)]
    values = np.concatenate((highs[some], np.concatenate(rests)[some]))
    return _sum(place, values, np.concatenate((places[some], places[some])), count, None)


def _rest(numbers: Int64) -> Array:
    """What their nearest float64s leave over: of integers within 2^62."""
    return (numbers - numbers.astype(np.float64).astype(np.int64)).astype(np.float64)


def _data(part: Accumulator) -> Array:
    assert isinstance(part.state, Numbers)
    return part.state.data


def joined(vectors: Sequence[Vector]) -> Vector:
    """Vectors after one another, with equal values under equal codes."""
    look()
    first = vectors[0]
    if isinstance(first, Numbers) and all(isinstance(vector, Numbers) for vector in vectors):
        numbers: list[Any] = list(vectors)
        dtypes = {vector.data.dtype.kind == "f" for vector in numbers}
        if len(dtypes) == 1:
            masks = None
            if any(vector.mask is not None for vector in numbers):
                masks = np.concatenate(
                    [np.ones(len(v), bool) if v.mask is None else v.mask for v in numbers]
                )
            return replace(first, data=np.concatenate([v.data for v in numbers]), mask=masks, numbering=None)
    if isinstance(first, Coded) and first.index is not None:
        coded = [vector for vector in vectors if isinstance(vector, Coded) and vector.index is first.index]
        if len(coded) == len(vectors):
            return Coded(np.concatenate([vector.codes for vector in coded]), first.values, first.index)
    return _numbered_anew(vectors)


def _numbered_anew(vectors: Sequence[Vector]) -> Coded:
    """Vectors after one another, whatever the codes of their values are; 1 and 1.0 are two values."""
    registry: dict[tuple[type, Value], int] = {}
    values: list[Value] = []
    codes = []
    seen: dict[int, tuple[Sequence[Value], Array]] = {}  # by identity; what has one must live on to keep it
    for vector in looking(vectors):
        if not isinstance(vector, Coded):
            vector = Coded(np.arange(len(vector)), vector.tolist())
        vector = vector.narrowed()
        _, lookup = seen.get(id(vector.values), (None, None))
        if lookup is None or len(lookup) != len(vector.values):
            lookup = np.zeros(len(vector.values), np.int64)
            for code, value in enumerate(vector.values):
                key = type(value), value
                at = registry.get(key)
                if at is None:
                    at = registry[key] = len(values)
                    values.append(value)
                lookup[code] = at
            seen[id(vector.values)] = vector.values, lookup
        codes.append(lookup[vector.codes])
    return Coded(np.concatenate(codes), values)


def finished(aggregate: Aggregate | PathAggregate, accumulator: Accumulator) -> Vector:
    """The values of an aggregate, one a group."""
    count, state = accumulator.count, accumulator.state
    if isinstance(aggregate, PathAggregate):
        return Coded(np.zeros(len(count), np.uint8), [None]) if state is None else state
    if aggregate.function == "count":
        if not aggregate.distinct:
            return Numbers(count)
        groups = np.zeros(0, np.int64) if accumulator.pairs is None else accumulator.pairs[0]
        return Numbers(np.bincount(groups, minlength=len(count)))
    if state is None:
        return Coded(np.zeros(len(count), np.uint8), [0.0 if aggregate.function == "total" else None])
    some = count > 0
    if isinstance(state, Coded):  # the smallest or largest text
        return state.or_null(some)
    if aggregate.function in ("min", "max"):
        return replace(state, mask=None if some.all() else some)
    return _finished_sum(aggregate.function, accumulator, state.data)


def _finished_sum(function: str, accumulator: Accumulator, data: Array) -> Numbers:
    count, known = accumulator.count, accumulator.count > 0
    some = known
    if function == "rest":
        return Numbers(_rest(data) if accumulator.rest is None else accumulator.rest)
    if function == "avg":
        data = data / np.maximum(count, 1)
    elif function == "total":
        data, known = np.where(some, data, 0.0), np.ones(len(count), bool)
    if data.dtype.kind == "f":
        known = known & ~np.isnan(data)  # NaN is NULL in SQLite
    return Numbers(data, None if known.all() else known)
