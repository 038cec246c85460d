"""median(x), percentile(x, p), percentile_cont(x, p) and percentile_disc(x, p), as SQLite's own (percentile.c).

Values are taken as REALs and sorted. p says how far along the line from the first to the last: from 0 to 1, for
percentile() from 0 to 100; median() is the middle. Between two values percentile_disc() gives the lower one, and the
others what lies between them. NULL of none. A value that is no finite number is an error, and so is a p that is out of
range or not the same in all rows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ...arrays.vectors import Numbers, Vector
from ...errors import DataError
from ...interruption import patiently
from ...model.dtypes import Array
from ...model.values import Value
from .aggregate import Given, Inexact
from .multiset import Multiset, OfMultiset
from .sum import as_numbers, shown


class _Percentile(OfMultiset):
    """most: the p of the last value. discrete: whether the result is one of the values."""

    most: ClassVar[float] = 1.0
    discrete: ClassVar[bool] = False
    arguments = 2
    constants = 1

    def begin(self, given: Given) -> Multiset:
        """The values as reals. Raises Inexact for what SQLite refuses, so that SQLite says why."""
        p = given.constants[0] if given.constants else 0.5
        values = as_numbers(given.values)
        if not isinstance(p, int | float) or not 0 <= p / self.most <= 1 or values.render is not None:
            raise Inexact
        data = values.data.astype(np.float64)
        if not np.isfinite(data).all():
            raise Inexact
        numbers = replace(given, values=Numbers(data))
        return replace(super().begin(numbers), constant=p / self.most)

    def finish(self, state: Multiset) -> Vector:
        """Of each group what stands at that place."""
        size, known = len(state.count), state.count > 0
        if not len(state.values):
            return shown(np.zeros(size), known)
        values = as_numbers(state.values).data
        order = patiently(np.lexsort, (values, state.groups))
        ends = np.cumsum(state.times[order])  # values[order[i]] stands at places ends[i - 1] ... ends[i] - 1
        starts = np.concatenate(([0], np.cumsum(state.count)))[:-1]
        assert isinstance(state.constant, int | float)
        at = state.constant * np.maximum(state.count - 1, 0)
        low = at.astype(np.int64)
        lower = _standing(values, order, ends, starts + low)
        if self.discrete:
            return shown(lower, known)
        upper = _standing(values, order, ends, starts + np.where(low == at, low, np.minimum(low + 1, state.count - 1)))
        with np.errstate(all="ignore"):
            return shown(lower + (upper - lower) * (at - low), known)

    def plain(self) -> PercentileCall:
        """The aggregate as SQLite's, where SQLite does not have it."""
        return PercentileCall(self.name, self.most, self.discrete)


def _standing(values: Array, order: Array, ends: Array, places: Array) -> Array:
    """The values at these places of all, which are sorted within groups that lie one after another."""
    at = np.minimum(np.searchsorted(ends, places, side="right"), len(order) - 1)
    return values[order[at]]


class Percentile(_Percentile):
    """percentile(x, p), p from 0 to 100."""

    name = by_sqlite = "percentile"
    called = ("percentile",)
    most = 100.0


class ContinuousPercentile(_Percentile):
    """percentile_cont(x, p)."""

    name = by_sqlite = "percentile_cont"
    called = ("percentile_cont",)


class DiscretePercentile(_Percentile):
    """percentile_disc(x, p)."""

    name = by_sqlite = "percentile_disc"
    called = ("percentile_disc",)
    discrete = True


class Median(_Percentile):
    """median(x)."""

    name = by_sqlite = "median"
    called = ("median",)
    arguments = 1
    constants = 0


class PercentileCall:
    """One group, row by row, for a SQLite that has no percentile.c."""

    def __init__(self, name: str, most: float, discrete: bool) -> None:
        self._name = name
        self._most = most
        self._discrete = discrete
        self._fraction: float | None = None
        self._values: list[float] = []
        self._sorted = True

    def step(self, value: Value, p: Value = None) -> None:
        """One more row."""
        number = self._read(value, p)
        if number is not None:
            self._values.append(number)
            self._sorted = False

    def inverse(self, value: Value, p: Value = None) -> None:
        """One row less."""
        number = self._read(value, p)
        if number is not None:
            self._sort()
            del self._values[bisect_left(self._values, number)]

    def _read(self, value: Value, p: Value) -> float | None:
        fraction = 0.5 if self._name == "median" else self._read_fraction(p)
        if self._fraction is not None and abs(self._fraction - fraction) > 0.001:
            raise DataError(f"the fraction argument to {self._name}() is not the same for all input rows")
        self._fraction = fraction if self._fraction is None else self._fraction
        if value is None:
            return None
        if not isinstance(value, int | float):
            raise DataError(f"input to {self._name}() is not numeric")
        if not math.isfinite(value):
            raise DataError(f"Inf input to {self._name}()")
        return float(value)

    def _read_fraction(self, p: Value) -> float:
        try:
            fraction = float(p) / self._most if isinstance(p, int | float | str) else -1.0
        except ValueError:
            fraction = -1.0
        if not 0 <= fraction <= 1:
            raise DataError(f"the fraction argument to {self._name}() is not between 0.0 and {self._most:.1f}")
        return fraction

    def _sort(self) -> None:
        if not self._sorted:
            self._values.sort()
            self._sorted = True

    def value(self) -> Value:
        """The percentile so far."""
        self._sort()
        if not self._values or self._fraction is None:
            return None
        at = self._fraction * (len(self._values) - 1)
        low = int(at)
        lower = self._values[low]
        if self._discrete:
            return lower
        upper = self._values[low if at == low else min(low + 1, len(self._values) - 1)]
        return lower + (upper - lower) * (at - low)

    finalize = value

