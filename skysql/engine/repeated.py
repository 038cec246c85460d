"""sum() and total() over parts of what they add, to the last bit.

    sky_repeated_sum(x, times), sky_repeated_total(x, times)   of rows that are there as many times
    sky_partial_sum(sum, rest), sky_partial_total(sum, rest)   of sums that a scan rounded, and what that left over
    sky_rest_of_sum(x)                                         what rounding leaves over of the sum of x

A scan counts or adds up the events that are joined with one row of another table. As of sum(), the sum of integers is
one, and an error where it leaves 64 bits; with anything else among them it is a REAL; of nothing but NULL it is NULL.
total() is always a REAL. All are exact until they are rounded at the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial

import apsw

from ..errors import OperationalError
from ..model.values import MAX_INTEGER, MIN_INTEGER, Value
from . import waiting_errors

_INTEGER = re.compile(r"[ \t\n\r\f\v]*[+-]?0*\d{1,19}[ \t\n\r\f\v]*", re.ASCII)
_PREFIX = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)

_KEPT = 1 << 14
"""Reals that are collected before they are added up."""


def register(sqlite: apsw.Connection) -> None:
    """Make them callable on the connection."""
    forms: dict[str, Callable[[], _Sum]] = {
        "sky_repeated_sum": RepeatedSum,
        "sky_repeated_total": partial(RepeatedSum, total=True),
        "sky_partial_sum": PartialSum,
        "sky_partial_total": partial(PartialSum, total=True),
    }
    for name, made in forms.items():
        waiting_errors.create(sqlite, name, made, 2, apsw.SQLITE_INNOCUOUS)
    waiting_errors.create(sqlite, "sky_rest_of_sum", RestOfSum, 1, apsw.SQLITE_INNOCUOUS)


class _Sum:
    """One group's sum: of integers, and of reals."""

    def __init__(self, total: bool = False) -> None:
        self._total = total
        self._whole = 0
        self._reals: list[float] = []
        self._known = False
        self._real = False

    def _add(self, *reals: float) -> None:
        self._real = True
        self._reals += reals
        if len(self._reals) > _KEPT:
            high = _sum(self._reals)
            self._reals = [high, _sum([*self._reals, -high])] if math.isfinite(high) else [high]

    def finalize(self) -> Value:
        """The sum."""
        if not self._known:
            return 0.0 if self._total else None
        if self._real or self._total:
            return _rounded([*self._reals, *_parts(self._whole)])
        if not MIN_INTEGER <= self._whole <= MAX_INTEGER:
            raise OperationalError("integer overflow")
        return self._whole


class RepeatedSum(_Sum):
    """Of rows that are there several times."""

    def step(self, value: Value, times: int = 1) -> None:
        """A row that is there `times` times."""
        if value is None:
            return
        self._known = True
        number = _number(value)
        if isinstance(number, int):
            self._whole += number * times
        elif math.isfinite(number):
            whole, power = number.as_integer_ratio()
            self._add(*(math.ldexp(part, 1 - power.bit_length()) for part in _parts(whole * times)))
        elif times:
            self._add(number)


class RestOfSum(RepeatedSum):
    """What the sum leaves over once it is rounded."""

    def finalize(self) -> float:
        """The rest: 0 beside an infinite sum, and infinite beside one that is no number, which SQLite has as NULL."""
        added = [*self._reals, *_parts(self._whole)]
        rounded = _rounded(added)
        if math.isnan(rounded):
            return math.inf
        return _sum([*added, -rounded]) if math.isfinite(rounded) else 0.0


class PartialSum(_Sum):
    """Of sums of parts."""

    def step(self, value: int | float | None, rest: float | None) -> None:
        """One more part; rest is of reals, and infinite if the sum is no number."""
        if value is None and rest != math.inf:
            return
        self._known = True
        if value is None:
            self._add(math.nan)
        elif isinstance(value, int):
            self._whole += value
        else:
            self._add(value, rest or 0.0)


def _rounded(reals: list[float]) -> float:
    """Their sum as SQLite and scans round it: of two doubles, where what is too small for the second is lost."""
    high = _sum(reals)
    return high + _sum([*reals, -high]) if math.isfinite(high) else high


def _sum(reals: list[float]) -> float:
    try:
        return math.fsum(reals)
    except (OverflowError, ValueError):  # infinities
        return sum(reals)


def _parts(whole: int) -> tuple[float, float]:
    """Two doubles that add up to an integer of 106 bits."""
    try:
        high = float(whole)
        return high, float(whole - int(high))
    except OverflowError:
        return math.inf if whole > 0 else -math.inf, 0.0


def _number(value: int | float | str | bytes) -> int | float:
    """As sum() takes a value: text that is an integer as one, other text and blobs as what they begin with."""
    if isinstance(value, int | float):
        return value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(value, str) and _INTEGER.fullmatch(text) and MIN_INTEGER <= int(text) <= MAX_INTEGER:
        return int(text)
    found = _PREFIX.match(text)
    return float(found[1]) if found is not None else 0.0
