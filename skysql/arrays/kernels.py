"""Array in, array out: what numpy has no operation for, made of those that it has. A few have compiled twins.

Every function is pure. n is the number of events, k of paths, g of groups. An index array is int64 unless said.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..interruption import look, looking, patiently, pieces
from ..model.dtypes import Array, Bool, Int64
from . import compiled

_BUCKET = 1 << 17
"""Events that are sorted at a time: their keys and indexes stay in the L2 cache."""


def path_order(objects: Int64, ts: Int64) -> Int64 | None:
    """The stable order of events by (object, timestamp), or None if they are in that order already.

    objects, ts: int64[n], in order of arrival, which equal pairs keep.
    Many events are first dealt into buckets of neighbouring objects by a stable radix sort of 16-bit bucket
    numbers, and each bucket is then sorted within the cache.
    """
    n = len(objects)
    if n < 2 or patiently(_in_order, objects, ts):
        return None
    if n <= 2 * _BUCKET:
        return _small_order(objects, ts)
    sample = np.sort(objects[:: max(1, n // (1 << 16))])
    bounds = np.unique(sample[:: max(1, len(sample) * _BUCKET // n)])[: (1 << 16) - 1]
    buckets = patiently(_bucket_numbers, objects, bounds)
    dealt = patiently(np.argsort, buckets, kind="stable")
    edges = np.concatenate(([0], np.cumsum(np.bincount(buckets, minlength=len(bounds) + 1))))
    for low, high in looking(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        if high - low > 1:
            part = dealt[low:high]
            dealt[low:high] = part[_small_order(objects[part], ts[part])]
    return dealt


def _in_order(objects: Int64, ts: Int64) -> bool:
    return bool(np.all((objects[1:] > objects[:-1]) | ((objects[1:] == objects[:-1]) & (ts[1:] >= ts[:-1]))))


def _bucket_numbers(objects: Int64, bounds: Int64) -> Array:
    low, high = int(objects.min()), int(objects.max())
    if high - low < 1 << 24:  # a table look-up is ten times as fast as a binary search
        table = np.searchsorted(bounds, np.arange(low, high + 1), side="right").astype(np.uint16)
        return table[objects - low]
    return np.searchsorted(bounds, objects, side="right").astype(np.uint16)


def _small_order(objects: Int64, ts: Int64) -> Int64:
    """Pack (object, timestamp) into one int64 where the ranges allow it, which sorts several times as fast."""
    if len(objects) < 2:
        return np.arange(len(objects), dtype=np.int64)
    first, t0 = int(objects.min()), int(ts.min())
    ts_bits = (int(ts.max()) - t0).bit_length()
    if (int(objects.max()) - first).bit_length() + ts_bits <= 63:
        return _packed_order(((objects - first) << ts_bits) | (ts - t0))
    _, ranks = patiently(np.unique, objects, return_inverse=True)
    if int(ranks.max()).bit_length() + ts_bits <= 63:
        return _packed_order((ranks.astype(np.int64) << ts_bits) | (ts - t0))
    return patiently(np.lexsort, (ts, objects))


def _packed_order(key: Int64) -> Int64:
    """Stable argsort: numpy's fast sort is not stable, so runs of equal keys are put back into order after it.

    Few ascending runs (two sorted parts that are merged) are what numpy's stable sort, a timsort, is best at.
    """
    if int(np.count_nonzero(key[1:] < key[:-1])) * 64 < len(key):
        return patiently(np.argsort, key, kind="stable")
    order = patiently(np.argsort, key)
    ordered = key[order]
    tie = ordered[1:] == ordered[:-1]
    if tie.any():
        member = np.zeros(len(key), bool)
        member[1:] |= tie
        member[:-1] |= tie
        places = np.flatnonzero(member)
        tied = order[places]
        order[places] = tied[patiently(np.lexsort, (tied, key[tied]))]
    return order


def object_order(objects: Int64) -> Int64:
    """The stable order of int64[n]. It is fastest to sort each value with its place in the low bits, if both fit."""
    n = len(objects)
    if n < 2:
        return np.arange(n)
    low, bits = int(objects.min()), (n - 1).bit_length()
    if (int(objects.max()) - low).bit_length() + bits > 63:
        return patiently(np.argsort, objects, kind="stable")
    keys = objects - low
    keys <<= bits
    keys |= np.arange(n)
    patiently(np.ndarray.sort, keys)
    keys &= (1 << bits) - 1
    return keys


def path_starts(objects: Int64) -> tuple[Int64, Int64]:
    """(ids int64[k], starts int64[k+1]) of runs of equal values in objects: int64[n], sorted."""
    n = len(objects)
    if n == 0:
        return objects[:0], np.zeros(1, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], objects[1:] != objects[:-1])))
    return objects[starts], np.append(starts, n).astype(np.int64)


def places_table(ids: Int64) -> Int64 | None:
    """A table for `find`: the place of each id, by its distance from the first, and -1 at both ends and elsewhere.

    ids: int64[k], ascending, distinct; None if they do not lie close together.
    """
    first, last = int(ids[0]), int(ids[-1])
    if last - first >= 8 * len(ids):
        return None
    table = np.full(last - first + 3, -1, np.int64)
    table[ids - first + 1] = np.arange(len(ids))
    return table


def find(ids: Int64, table: Int64 | None, wanted: Int64) -> Int64:
    """The place of each wanted id in ids, or -1: int64[m]. table: places_table(ids), faster than a binary search."""
    if table is not None:
        distance = wanted - ids[0]  # may wrap around: the number is then still too large
        np.maximum(distance, -1, out=distance)
        np.minimum(distance, len(table) - 2, out=distance)
        distance += 1
        places: Int64 = table[distance]
        return places
    places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[places] == wanted, places, -1)


def positions_of(starts: Int64, chosen: Array) -> Int64:
    """The event indexes of the chosen paths: of starts int64[k+1], chosen int[m] ascending."""
    return _spread(starts[chosen], starts[chosen + 1] - starts[chosen])


def ranges(lows: Int64, highs: Int64) -> tuple[Int64, Int64]:
    """The integers of lows[i] ... highs[i]-1 for each i, one range after the other: (i of each, the integers)."""
    lengths = np.maximum(highs - lows, 0)
    return np.repeat(np.arange(len(lows)), lengths), _spread(lows, lengths)


def _spread(lows: Int64, lengths: Int64) -> Int64:
    total = int(lengths.sum())
    if total == 0:
        return np.zeros(0, np.int64)
    offsets: Int64 = np.repeat(lows - (np.cumsum(lengths) - lengths), lengths)
    return np.arange(total, dtype=np.int64) + offsets


class Ranks:
    """How many of some rows come before a row, for many of them: counts of 64-bit words, and bits within a word.

    Where few are asked for, a binary search does it; it takes four times as long for each, and needs no preparation.
    """

    def __init__(self, rows: Int64, n: int) -> None:
        self.rows = rows  # ascending, distinct, 0 ... n-1
        self.n = n
        self._counts: tuple[Array, Int64] | None = None

    def below(self, at: Int64) -> Int64:
        """For each of `at` (0 ... n) how many of the rows are less than it: int64[m]."""
        if self._counts is None and len(at) * 64 < self.n:
            return np.searchsorted(self.rows, at)
        words, before = self._counted()
        counts = np.empty(len(at), np.int64)
        for piece in pieces(len(at)):
            word = at[piece] >> 6
            earlier = at[piece].view(np.uint64) & _LAST_BIT
            np.left_shift(_ONE, earlier, out=earlier)
            earlier -= _ONE
            earlier &= words[word]
            np.add(before[word], np.bitwise_count(earlier).view(np.int8), out=counts[piece])
        return counts

    def _counted(self) -> tuple[Array, Int64]:
        """The rows as bits of words, and for each word how many rows are before it."""
        if self._counts is None:
            marks = np.zeros(((self.n >> 6) + 1) << 6, bool)
            for piece in pieces(len(self.rows)):
                marks[self.rows[piece]] = True
            words = np.packbits(marks, bitorder="little").view(np.uint64)
            before = np.zeros(len(words), np.int64)
            np.cumsum(np.bitwise_count(words[:-1]), out=before[1:])
            self._counts = words, before
        return self._counts


_ONE, _LAST_BIT = np.uint64(1), np.uint64(63)


_UPTO = np.arange(1 << 14)
_UPTO.flags.writeable = False


def upto(n: int) -> Int64:
    """0, 1, ... n-1: a read-only view of a shared array, unless there are more."""
    return _UPTO[:n] if n <= len(_UPTO) else np.arange(n)


def changes(values: Array) -> Bool:
    """Where a value differs from the one before it; the first does."""
    look()
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def distinct(numbers: Array) -> Array:
    """The numbers that occur, ascending: [m], integers. np.unique hashes them: slower, and no other thread goes on."""
    ordered = patiently(np.sort, numbers)
    return ordered[changes(ordered)]


def nearest(
    earlier: Ranks, later: Ranks, after: Callable[[], Int64], until: Callable[[], Int64]
) -> tuple[Int64, Int64]:
    """The pairs of an earlier and a later row with no other of either kind between them, as indexes: int64[m] each.

    after: for each of the earlier rows, the row from which on later ones come after it. until: for each of the later
    rows, the row before which earlier ones come before it. Both say the same and ascend; the cheaper one is asked.
    """
    if len(earlier.rows) == 0:
        return earlier.rows, earlier.rows
    if len(later.rows) < 2 * len(earlier.rows):
        limits = until()
        skipped = int(np.searchsorted(limits, earlier.rows[0], side="right"))  # those that nothing is before
        at = earlier.below(limits[skipped:]) - 1
        first = np.flatnonzero(changes(at))
        return at[first], first + skipped
    to = later.below(after())
    last = np.flatnonzero(np.append(changes(to)[1:], True))
    last = last[: np.searchsorted(to[last], len(later.rows))]
    return last, to[last]


def bounds_of(rows: Int64, starts: Int64) -> Int64:
    """Where each group begins among the rows, and their number: int64[g+1].

    rows: int64[m], ascending, distinct. starts: int64[g+1], ending with the number of events; a group may be empty.
    """
    return Ranks(rows, int(starts[-1])).below(starts)


class GroupStarts:
    """The groups that rows are in. starts: int64[g+1], ending with the number of events; a group may be empty."""

    def __init__(self, starts: Int64) -> None:
        self._filled = np.flatnonzero(starts[1:] > starts[:-1])
        self._ranks = Ranks(starts[self._filled], int(starts[-1]))

    def of(self, rows: Int64) -> Int64:
        """The group of each of the rows: int64[m]."""
        places = self._ranks.below(rows + 1)
        look()
        groups: Int64 = self._filled[places - 1]
        return groups


def groups_of(rows: Int64, starts: Int64) -> Int64:
    """The group of each of the rows: int64[m]. rows, starts: see `bounds_of`."""
    if len(rows) <= len(starts):
        return GroupStarts(starts).of(rows)
    look()
    return np.repeat(np.arange(len(starts) - 1), np.diff(bounds_of(rows, starts)))


def last_of_all(early: Bool, ends: Bool) -> Int64:
    """The index of each path's last event that is early, ascending; paths without one have none.

    early: bool[n], true at events up to a moment, which come first in each path: the last of them is where the next is
    not, or the path ends. ends: bool[n], true at the last event of each path.
    """
    last = early.copy()
    last[:-1] &= ~early[1:] | ends[:-1]
    return np.flatnonzero(last)


def last_until(ts: Int64, starts: Int64, paths: Int64, until: Int64) -> Int64:
    """For each pair (path, until): the index of that path's last event with ts <= until, or -1.

    A binary search of all pairs in step, by halving strides: log2(longest path) rounds.
    """
    first = starts[paths]
    last = starts[paths + 1] - 1
    at = first - 1
    longest = int((last - at).max(initial=0))
    stride = 1 << max(longest.bit_length() - 1, 0) if longest else 0
    while stride:
        probe = np.minimum(at + stride, last)
        np.copyto(at, probe, where=ts[probe] <= until)
        stride >>= 1
    return np.where(at >= first, at, -1)


def last_keys(keys: Int64, bits: int, high: Int64, low: Int64) -> Int64:
    """For each wanted high << bits | low the place of the last of `keys` up to it with the same high part, or -1.

    keys: int64[m], ascending. It takes half the time if the wanted ones ascend too.
    """
    wanted = high << bits
    wanted |= low
    at = np.searchsorted(keys, wanted, side="right")
    at -= 1
    np.right_shift(keys[at], bits, out=wanted)
    other = wanted != high
    other |= at < 0
    at[other] = -1
    return at


def tie_runs(ts: Int64, starts: Int64) -> tuple[Int64, Int64]:
    """The runs of two or more events of one path with one timestamp: the indexes of their (first, last) events.

    ts: int64[n], non-decreasing within a path. starts: int64[k+1]; a path may be empty.
    """
    same = ts[1:] == ts[:-1]
    inner = starts[(starts > 0) & (starts < len(ts))]
    same[inner - 1] = False
    tied = np.flatnonzero(same)  # those with a next event at the same time: usually few
    ends = np.flatnonzero(tied[1:] != tied[:-1] + 1)
    return tied[np.append(0, ends + 1)[: len(tied)]], tied[np.append(ends, len(tied) - 1)[: len(tied)]] + 1


def tie_ends(ts: Int64, starts: Int64) -> Int64 | None:
    """For each event the index of the last event of its path with the same timestamp; None if no two share one."""
    firsts, lasts = tie_runs(ts, starts)
    return last_of_runs(firsts, lasts, len(ts)) if len(firsts) else None


def first_of_runs(firsts: Int64, lasts: Int64, n: int) -> Int64:
    """For each of n events the first of its run, which is the event itself if it is in none."""
    which, rows = ranges(firsts, lasts + 1)
    result = np.arange(n)
    result[rows] = firsts[which]
    return result


def last_of_runs(firsts: Int64, lasts: Int64, n: int) -> Int64:
    """For each of n events the last of its run, which is the event itself if it is in none."""
    which, rows = ranges(firsts, lasts + 1)
    result = np.arange(n)
    result[rows] = lasts[which]
    return result


def session_starts(ts: Int64, starts: Int64, idle: int) -> Int64:
    """Where sessions begin, and n: int64[s+1]. A session starts at a path's first event, and at every event whose gap
    to the one before it is at least `idle`.

    ts: int64[n], non-decreasing within a path. starts: int64[k+1], no path empty.
    """
    n = len(ts)
    if n == 0:
        return np.zeros(1, np.int64)
    begins = np.empty(n + 1, bool)
    np.greater_equal(ts[1:] - ts[:-1], idle, out=begins[1:n])
    begins[starts] = True
    return np.flatnonzero(begins)


def narrow(codes: Array, largest: int) -> Array:
    """The codes in the smallest unsigned dtype that holds `largest`."""
    return codes.astype(np.min_scalar_type(largest), copy=False)


def factorize(parts: list[tuple[Array, int]]) -> tuple[Array, int]:
    """One group number an element from several numberings: (codes [n], how many codes) each.

    Returns (numbers [n], bound): equal numbers exactly where all the codes are equal, and numbers < bound. The
    last part varies fastest. Where the product of the bounds leaves int64, codes in use are numbered anew.
    """
    numbers, bound = parts[0]
    for codes, size in parts[1:]:
        if bound * size >= 1 << 62:
            used, numbers = patiently(np.unique, numbers, return_inverse=True)
            bound = len(used)
        if bound == 1:
            numbers = codes
        elif bound * size <= 1 << 16 and size < 1 << 16:
            numbers = numbers.astype(np.uint16) * np.uint16(size) + codes.astype(np.uint16)
        else:
            numbers = numbers.astype(np.int64) * size + codes.astype(np.int64)
        bound *= size
    return numbers, bound


def group_numbers(numbers: Array, bound: int) -> tuple[Int64, Array]:
    """(the numbers in use, ascending [g]; for each element its place among them [n])."""
    if bound <= max(1 << 16, len(numbers)):
        used = np.flatnonzero(np.bincount(numbers, minlength=1))
        if len(used) == bound:
            return used, numbers
        places = np.zeros(bound, np.min_scalar_type(max(len(used), 1)))
        places[used] = np.arange(len(used))
        return used, places[numbers]
    used, places = patiently(np.unique, numbers, return_inverse=True)
    return used, places


def first_of_each(groups: Array, size: int) -> Int64:
    """The first element of each of `size` groups, 0 of one that has none: groups int[n]."""
    found = np.zeros(size, np.int64)
    for low in looking(reversed(range(0, len(groups), 1 << 16))):  # what is written last is the first
        piece = groups[low : low + (1 << 16)]
        found[piece[::-1]] = np.arange(low + len(piece) - 1, low - 1, -1)
    return found


def one_of_each(numbers: Array, used: Int64) -> Int64:
    """For each number that is used, the index of an element that has it: int64[len(used)].

    Looks at the beginning first, where nearly all numbers occur if there are few.
    """
    found = np.full(int(used[-1]) + 1, -1, np.int64)
    at, n = 0, len(numbers)
    while at < n:
        to = min(n, max(4 * at, 4096))
        found[numbers[at:to]] = np.arange(at, to)
        if (found[used] >= 0).all():
            break
        at = to
    return found[used]


def _narrow(groups: Array, size: int) -> bool:
    """Whether a compiled loop takes them."""
    return groups.dtype == np.uint8 and size <= compiled.GROUPS and groups.flags.c_contiguous and compiled.available()


def group_count(groups: Array, size: int) -> Int64:
    """Elements a group: int64[size]."""
    if _narrow(groups, size):
        return compiled.counts(groups)[:size]
    return np.bincount(groups, minlength=size).astype(np.int64, copy=False)


def group_sum(groups: Array, values: Array, size: int) -> Int64:
    """Sums of integers a group, without a check for overflow; for those of reals see sums.py."""
    largest = int(np.abs(values).max(initial=0)) if values.dtype.kind == "i" else int(values.max(initial=0))
    if 0 <= largest * len(values) < 1 << 53:  # exact in float64, where bincount adds
        return np.bincount(groups, weights=values, minlength=size).astype(np.int64)
    sums = np.zeros(size, np.int64)
    np.add.at(sums, groups, values.astype(np.int64))
    return sums


def run_sums(values: Array, starts: Int64) -> Int64:
    """`group_sum` of values that lie group by group, starts int64[g+1]; without a check for overflow."""
    some = starts[1:] > starts[:-1]
    sums = np.zeros(len(starts) - 1, np.int64)
    if len(values):
        sums[some] = np.add.reduceat(values, starts[:-1][some], dtype=np.int64)
    return sums


def run_extremes(values: Array, starts: Int64, largest: bool) -> Array:
    """`group_extreme` of values that lie group by group, starts int64[g+1]."""
    some = starts[1:] > starts[:-1]
    extremes = np.zeros(len(starts) - 1, values.dtype)
    if len(values):
        extremes[some] = (np.maximum if largest else np.minimum).reduceat(values, starts[:-1][some])
    return extremes


def group_extreme(groups: Array, values: Array, size: int, largest: bool) -> Array:
    """The smallest or largest value a group; the value of a group without elements is undefined."""
    pick = np.maximum if largest else np.minimum
    if len(values) == 0:
        return np.zeros(size, values.dtype)
    if values.dtype.kind == "f":
        result = np.full(size, -np.inf if largest else np.inf)
    else:
        limits = np.iinfo(values.dtype)
        result = np.full(size, limits.min if largest else limits.max, values.dtype)
    pick.at(result, groups, values)
    return result
