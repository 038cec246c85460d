"""One value for each of many ranges of an array that overlap: n ranges of n values take n log n steps.

Values are combined in pairs, these in pairs again, and so on; a range is made of at most two results of each level.
Sums of doubles are pairs (what has been added, what rounding has lost of that), as those of arrays/sums.py, which does
the same for ranges that do not overlap. Sources: shard trees, bottom up; D. Knuth, TAOCP 2, 4.2.2 (TwoSum).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..interruption import look, pieces
from ..model.dtypes import Array, Int64

Parts: TypeAlias = tuple[Array, ...]
"""Values, each of one element of every array."""

Combine: TypeAlias = Callable[[Parts, Parts], Parts]
"""Associative and commutative."""


def least(values: Int64, low: Int64, high: Int64) -> Int64:
    """The least value of each range; the largest int64 for an empty one."""
    return _combined(lambda a, b: (np.minimum(a[0], b[0]),), (values,), (np.iinfo(np.int64).max,), low, high)[0]


def sums(values: Array, low: Int64, high: Int64) -> Array:
    """The sum of each range of finite doubles; not finite if a sum on the way to it is too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        total, lost = _combined(_added, (values, np.zeros_like(values)), (0.0, 0.0), low, high)
        added: Array = total + lost
        return added


def _added(a: Parts, b: Parts) -> Parts:
    total = a[0] + b[0]
    back = total - a[0]
    return total, a[1] + b[1] + ((a[0] - (total - back)) + (b[0] - back))


def _combined(combine: Combine, values: Parts, nothing: tuple[float, ...], low: Int64, high: Int64) -> Parts:
    """The values of each range combined; `nothing`, which is neutral, for an empty one."""
    results = tuple(np.full(len(low), none, part.dtype) for none, part in zip(nothing, values, strict=True))
    levels = [values]

    def add(ranges: Int64, places: Int64) -> None:
        own = tuple(part[ranges] for part in results)
        combined = combine(own, tuple(part[places] for part in levels[level]))
        for part, new in zip(results, combined, strict=True):
            part[ranges] = new

    for piece in pieces(len(low)):
        at = np.flatnonzero(low[piece] < high[piece]) + piece.start
        first, last, level = low[at], high[at], 0
        while len(at):
            if level == len(levels):
                levels.append(_paired(combine, levels[-1], nothing))
            odd = first & 1 == 1
            add(at[odd], first[odd])
            first = first + odd
            odd = last & 1 == 1
            last = last - odd
            add(at[odd], last[odd])
            left = first < last
            at, first, last, level = at[left], first[left] >> 1, last[left] >> 1, level + 1
    return results


def _paired(combine: Combine, values: Parts, nothing: tuple[float, ...]) -> Parts:
    """Each value combined with its neighbour."""
    look()
    even = tuple(part[::2] for part in values)
    odd = tuple(np.full(len(part), none, part.dtype) for none, part in zip(nothing, even, strict=True))
    for part, filled in zip(values, odd, strict=True):
        filled[: len(part) // 2] = part[1::2]
    return combine(even, odd)
