"""Calendar periods of moments, UTC: hours, days, weeks (from Monday), months, quarters, years, or any fixed duration.

Periods are numbered; those of a fixed duration are counted from Monday, 1970-01-05. Arrays are int64 microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError, OperationalError, ProgrammingError, instead
from ..model import timestamps
from ..model.dtypes import Array, Bool, Int64

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
MONDAY = 4 * _DAY
MOST_PERIODS = 1 << 18
"""The most rows of a report by period: 29 years of hours."""

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_FIXED = {"hour": 3600 * _SECOND, "day": _DAY, "week": 7 * _DAY}


@dataclass(frozen=True, slots=True)
class Unit:
    """Either `us` microseconds long, or `months` calendar months; the other is 0."""

    us: int
    months: int = 0

    def __str__(self) -> str:
        """As `parse_unit` reads it."""
        name = next((name for name, months in _MONTHS.items() if months == self.months), "")
        name = name or next((name for name, us in _FIXED.items() if us == self.us), "")
        return name or timestamps.format_duration(self.us)

    def numbers(self, ts: Int64) -> Int64:
        """The number of the period in which each moment lies."""
        if not self.months:
            return (ts - MONDAY) // self.us
        days = ts // _DAY
        first = int(days.min(initial=0))
        every = np.arange(first, int(days.max(initial=0)) + 1)  # numpy takes long to find the month of a moment
        months: Int64 = every.astype("M8[D]").astype("M8[M]").astype(np.int64) // self.months
        return months.take(days - first)

    def number(self, moment: int) -> int:
        """The number of the period in which one moment lies."""
        return int(self.numbers(np.array([moment], np.int64))[0]) if self.months else (moment - MONDAY) // self.us

    def begin(self, number: int) -> int:
        """When a period begins."""
        if self.months:
            return int(np.datetime64(number * self.months, "M").astype("M8[us]").astype(np.int64))
        return max(number * self.us + MONDAY, timestamps.MIN_US)

    def label(self, number: int) -> str:
        """When a period begins, as text: the date, and the time if periods are no whole days."""
        text = timestamps.format(self.begin(number))
        if self.months or self.us % _DAY == 0:
            return text[:10]
        return text[:19] if self.us % _SECOND == 0 else text


def parse_unit(value: object, what: str) -> Unit:
    """A unit by its name, or a duration. Raises ProgrammingError."""
    name = value.strip().lower() if isinstance(value, str) else ""
    if name in _MONTHS:
        return Unit(0, _MONTHS[name])
    if name in _FIXED:
        return Unit(_FIXED[name])
    try:
        return Unit(timestamps.duration(value))
    except DataError:
        raise ProgrammingError(
            f"{what} is a unit of time, {instead(value)}",
            "hour, day, week, month, quarter or year, or a duration like '3 days'",
        ) from None


def check_number(report: str, unit: Unit, first: int, last: int) -> int:
    """How many periods there are from one to another; raises OperationalError if they are too many for a report."""
    number = last - first + 1
    if number > MOST_PERIODS:
        raise OperationalError(
            f"{report}: there are {number:,} periods from {unit.label(first)} to {unit.label(last)},"
            f" and {MOST_PERIODS:,} are the most",
            "take longer periods, or leave out events that are far from the others: "
            """'{"when": "timestamp >= ''2000-01-01''"}'""",
        )
    return number


def last_of_each(paths: Array, numbers: Int64) -> Bool:
    """Which events are the last of their path in their period, and so one for each period of a path: bool[m]."""
    last = np.ones(len(numbers), bool)
    np.not_equal(numbers[1:], numbers[:-1], out=last[:-1])
    last[:-1] |= paths[1:] != paths[:-1]
    return last
