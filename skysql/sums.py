"""Sums of REAL values, of which rounding loses nothing that shows: pairs of float64, high + low, compiled or by numpy.

SQLite's sum() has compensated for rounding since 3.43 (Kahan, Babuska, Neumaier), in the order of the rows. A scan adds
in the order of objects and merges what it has added, so its sums must be as good in any order: of n values a pair is
within n * 2^-104 * sum|x| of their sum. Rounded to one float64 that is the nearest to the sum, and SQLite's, unless the
sum is a tiny part of what was added.

The loops are in sums.c. Their twins split values into heads and rests, as described there; plain sums of heads are
exact, in any order, and what is left over is split again until nothing is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from . import compiled

Array = npt.NDArray[Any]
Int64 = npt.NDArray[np.int64]

Magnitudes: TypeAlias = tuple[float, float]
"""The least and the most |x| of some values other than 0."""

_FEW = 64
"""Of so few values magnitudes are not looked for."""

_MOST_EXPONENT = 1022


class Overflow(ArithmeticError):
    """A sum of finite values left the range of float64 on the way, where its value depends on the order."""


class Pairs(NamedTuple):
    """Sums, float64[n] each: high is the nearest float64 to high + low."""

    high: Array
    low: Array

    def plus(self, values: Array) -> Pairs:
        """After one more value each, with a relative error below 2^-105."""
        s = self.high + values
        b = s - self.high
        low = ((self.high - (s - b)) + (values - b)) + self.low
        high = s + low
        return Pairs(high, low - (high - s))


def magnitudes(values: Array) -> Magnitudes:
    """Those of values: float64[n]."""
    sizes = np.abs(values)
    most = float(sizes.max(initial=0.0))
    least = float(sizes.min(initial=most))
    if least == 0.0:
        least = float(sizes.min(initial=most, where=sizes > 0))
    return (least, most) if most else (1.0, 1.0)


def by_group(groups: Array, values: Array, size: int, known: Magnitudes | None = None) -> Pairs:
    """The sum of each of `size` groups' values: groups int[n], values float64[n]. known: magnitudes of more than these.

    Raises Overflow.
    """
    values = np.ascontiguousarray(values, np.float64)
    if size == 1:
        ends = np.array([0, len(values)])
        return by_range(values, ends[:1], ends[1:], known)
    if not compiled.available():
        groups = groups.astype(np.intp, copy=False)
        found = _leveled(values, size, lambda heads: np.bincount(groups, heads, size))
    elif groups.dtype == np.uint8 and size <= compiled.GROUPS:
        found = Pairs(*compiled.few_sums(np.ascontiguousarray(groups), values, size, *_known(values, known)))
    else:
        found = Pairs(*compiled.many_sums(np.ascontiguousarray(groups), values, size))
    return _checked(found, values, lambda some: np.bincount(groups[some], minlength=size) > 0,
                    lambda some: np.bincount(groups[some], values[some], size))  # fmt: skip


def by_range(values: Array, lows: Int64, highs: Int64, known: Magnitudes | None = None) -> Pairs:
    """The sums of values[lows[i]:highs[i]], float64; 0 of an empty range. Raises Overflow."""
    values = np.ascontiguousarray(values, np.float64)
    if compiled.available():
        least, most = _known(values, known)
        lows, highs = np.ascontiguousarray(lows), np.ascontiguousarray(highs)
        found = Pairs(*compiled.range_sums(values, lows, highs, least, most))
    else:
        found = _leveled(values, len(lows), lambda heads: _of_ranges(heads, lows, highs))
    return _checked(found, values, lambda some: _of_ranges(some.astype(np.float64), lows, highs) > 0,
                    lambda some: _of_ranges(np.where(some, values, 0.0), lows, highs))  # fmt: skip


def _known(values: Array, known: Magnitudes | None) -> Magnitudes:
    if known is not None:
        return known
    return magnitudes(values) if len(values) > _FEW else (0.0, 0.0)


def _leveled(values: Array, size: int, summed: Callable[[Array], Array]) -> Pairs:
    """The sums by what sums heads exactly: they are multiples of one power of 2, and too small to leave 53 bits."""
    sums = Pairs(np.zeros(size), np.zeros(size))
    bits = len(values).bit_length()
    with np.errstate(all="ignore"):
        while len(values):
            most = np.abs(values).max()
            if not most:
                break
            if not np.isfinite(most):
                finite = np.isfinite(values)
                sums = sums.plus(summed(np.where(finite, 0.0, values)))
                values = np.where(finite, values, 0.0)
                continue
            exponent = int(np.frexp(most)[1]) + bits
            if exponent > _MOST_EXPONENT:
                return sums.plus(np.full(size, np.nan))
            split = np.ldexp(1.5, exponent)
            heads = (values + split) - split
            sums = sums.plus(summed(heads))
            values = values - heads
    return sums


def _of_ranges(values: Array, lows: Int64, highs: Int64) -> Array:
    sums, some = np.zeros(len(lows)), np.flatnonzero(highs > lows)
    if len(some):
        edges = np.stack((lows[some], highs[some]), 1).ravel()
        sums[some] = np.add.reduceat(np.append(values, 0.0), edges)[::2]
    return sums


def _checked(
    found: Pairs, values: Array, holding: Callable[[Array], Array], summed: Callable[[Array], Array]
) -> Pairs:
    """The sums, those of infinite values as IEEE 754 adds them; raises Overflow."""
    unknown = ~np.isfinite(found.high)
    if not unknown.any():
        return found
    infinite = ~np.isfinite(values)
    holds = holding(infinite)
    if (unknown & ~holds).any():
        raise Overflow
    with np.errstate(all="ignore"):
        return Pairs(np.where(holds, summed(infinite), found.high), np.where(holds, 0.0, found.low))
