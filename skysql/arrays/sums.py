"""Sums of REAL values, of which rounding loses nothing that shows: pairs of float64, high + low, compiled or by numpy.

SQLite's sum() has compensated for rounding since 3.43 (Kahan, Babuska, Neumaier), in the order of the rows. A scan adds
in the order of objects and merges what it has added, so its sums must be as good in any order: of n values a pair is
within n * 2^-104 * sum|x| of their sum. Rounded to one float64 that is the nearest to the sum, and SQLite's, unless the
sum is a tiny part of what was added.

The loops are in sums.c. Their twins split values into heads and rests, as described there; plain sums of heads are
exact, in any order, and what is left over is split again until nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from ..model.dtypes import Array, Int64
from . import compiled

Magnitudes: TypeAlias = tuple[float, float]
"""The least and the most |x| of some values other than 0."""

_UNKNOWN: Magnitudes = (0.0, 0.0)

_MOST_EXPONENT = 1022


class Overflow(ArithmeticError):
    """A sum of finite values left the range of float64 on the way: then it depends on the order of the values."""


class DoubleDouble(NamedTuple):
    """Sums, float64[n] each: high is the nearest float64 to high + low."""

    high: Array
    low: Array

    def plus(self, values: Array) -> DoubleDouble:
        """After one more value each, with a relative error below 2^-105."""
        s = self.high + values
        b = s - self.high
        low = ((self.high - (s - b)) + (values - b)) + self.low
        high = s + low
        return DoubleDouble(high, low - (high - s))


def magnitudes(values: Array) -> Magnitudes:
    """Those of values: float64[n]."""
    sizes = np.abs(values)
    most = float(sizes.max(initial=0.0))
    least = float(sizes.min(initial=most))
    if least == 0.0 < most:
        bits = sizes.view(np.uint64)
        bits -= 1  # 0 is the largest then
        least = float((bits.min(keepdims=True) + np.uint64(1)).view(np.float64)[0])
    return (least, most) if most else (1.0, 1.0)


def by_group(
    groups: Array, values: Array, size: int, known: Magnitudes | None = None, count: Int64 | None = None
) -> DoubleDouble:
    """The sum of each of `size` groups' values: groups int[n], values float64[n].

    known: magnitudes of the values, or of more. count: int64[size], how many values each group has. Raises Overflow.
    """
    values = np.ascontiguousarray(values, np.float64)
    if size == 1:
        ends = np.array([0, len(values)])
        return by_range(values, ends[:1], ends[1:], known)
    if not compiled.available():
        groups = groups.astype(np.intp, copy=False)
        found = _leveled(values, size, known, lambda heads: np.bincount(groups, heads, size))
    elif groups.dtype == np.uint8 and size <= compiled.GROUPS:
        found = DoubleDouble(*compiled.few_sums(np.ascontiguousarray(groups), values, size, *(known or _UNKNOWN)))
    else:
        fullest = len(values) if count is None else int(count.max(initial=0))
        groups = np.ascontiguousarray(groups)
        found = DoubleDouble(*compiled.many_sums(groups, values, size, fullest, *(known or _UNKNOWN)))
    return _checked(found, values, lambda some: np.bincount(groups[some], minlength=size) > 0,
                    lambda some: np.bincount(groups[some], values[some], size))  # fmt: skip


def by_range(values: Array, lows: Int64, highs: Int64, known: Magnitudes | None = None) -> DoubleDouble:
    """The sums of values[lows[i]:highs[i]], float64; 0 of an empty range. Raises Overflow."""
    values = np.ascontiguousarray(values, np.float64)
    if compiled.available():
        lows, highs = np.ascontiguousarray(lows), np.ascontiguousarray(highs)
        found = DoubleDouble(*compiled.range_sums(values, lows, highs, *(known or _UNKNOWN)))
    else:
        found = _leveled(values, len(lows), known, lambda heads: _of_ranges(heads, lows, highs))
    return _checked(found, values, lambda some: _of_ranges(some.astype(np.float64), lows, highs) > 0,
                    lambda some: _of_ranges(np.where(some, values, 0.0), lows, highs))  # fmt: skip


def _leveled(values: Array, size: int, known: Magnitudes | None, summed: Callable[[Array], Array]) -> DoubleDouble:
    """The sums, by parts of the values that add up exactly: multiples of one power of 2, within 53 bits."""
    sums: DoubleDouble | None = None

    def plus(more: Array) -> DoubleDouble:
        return DoubleDouble(more, np.zeros(size)) if sums is None else sums.plus(more)

    bits = len(values).bit_length()
    with np.errstate(all="ignore"):
        while len(values):
            least, most = known or magnitudes(values)
            if not np.isfinite(most):
                finite = np.isfinite(values)
                sums = plus(summed(np.where(finite, 0.0, values)))
                values, known = np.where(finite, values, 0.0), None
                continue
            exponent = math.frexp(most)[1] + bits
            if exponent > _MOST_EXPONENT:
                return plus(np.full(size, np.nan))
            split = math.ldexp(1.5, exponent)
            heads = values + split
            heads -= split
            sums = plus(summed(heads))
            values, known = np.subtract(values, heads, out=heads), None
            if exponent + bits - 53 <= math.frexp(least)[1]:  # small enough for the tails to add up exactly, too
                return plus(summed(values))
            if not values.any():
                break
    return DoubleDouble(np.zeros(size), np.zeros(size)) if sums is None else sums


def _of_ranges(values: Array, lows: Int64, highs: Int64) -> Array:
    if len(lows) and (highs > lows).all() and (highs[:-1] == lows[1:]).all():  # as groups that lie one after another do
        return np.add.reduceat(values[: highs[-1]], lows)
    sums, some = np.zeros(len(lows)), np.flatnonzero(highs > lows)
    if len(some):
        edges = np.stack((lows[some], highs[some]), 1).ravel()
        sums[some] = np.add.reduceat(np.append(values, 0.0), edges)[::2]
    return sums


def _checked(
    found: DoubleDouble, values: Array, holding: Callable[[Array], Array], summed: Callable[[Array], Array]
) -> DoubleDouble:
    """The sums, those of infinite values as IEEE 754 adds them; raises Overflow."""
    finite = np.isfinite(found.high)
    if np.count_nonzero(finite) == len(finite):
        return found
    unknown = ~finite
    infinite = ~np.isfinite(values)
    holds = holding(infinite)
    if (unknown & ~holds).any():
        raise Overflow
    with np.errstate(all="ignore"):
        return DoubleDouble(np.where(holds, summed(infinite), found.high), np.where(holds, 0.0, found.low))
