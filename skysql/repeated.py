"""sky_repeated_sum(x, times): what SQLite's sum(x) gives of rows that are there as many times.

A scan counts the events that are joined with one row of another table. As of sum(), the sum of integers is one, and an
error where it leaves 64 bits; with anything else among them it is a REAL; of nothing but NULL it is NULL.
"""

from __future__ import annotations

import math
import re

import apsw

from . import aggregates
from .affinity import MAX_INTEGER, MIN_INTEGER
from .errors import OperationalError
from .plan import Value

_INTEGER = re.compile(r"[ \t\n\r\f\v]*[+-]?0*\d{1,19}[ \t\n\r\f\v]*", re.ASCII)
_PREFIX = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)


def register(sqlite: apsw.Connection) -> None:
    """Make it callable on the connection."""
    aggregates.create(sqlite, "sky_repeated_sum", RepeatedSum, 2, apsw.SQLITE_INNOCUOUS)


class RepeatedSum:
    """One group's sum."""

    def __init__(self) -> None:
        self._whole = 0
        self._reals: list[float] = []
        self._known = False

    def step(self, value: Value, times: int) -> None:
        """So many rows of a value."""
        if value is None:
            return
        self._known = True
        number = _number(value)
        if isinstance(number, int):
            self._whole += number * times
        else:
            self._reals.append(number * times)

    def finalize(self) -> Value:
        """The sum."""
        if not self._known:
            return None
        if self._reals:
            try:
                return math.fsum([*self._reals, float(self._whole)])
            except (OverflowError, ValueError):  # infinities
                return sum(self._reals)
        if not MIN_INTEGER <= self._whole <= MAX_INTEGER:
            raise OperationalError("integer overflow")
        return self._whole


def _number(value: int | float | str | bytes) -> int | float:
    """As sum() takes a value: text that is an integer as one, other text and blobs as what they begin with."""
    if isinstance(value, int | float):
        return value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(value, str) and _INTEGER.fullmatch(text) and MIN_INTEGER <= int(text) <= MAX_INTEGER:
        return int(text)
    found = _PREFIX.match(text)
    return float(found[1]) if found is not None else 0.0
