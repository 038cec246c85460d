"""What the numbers in a column of times count since 1970: microseconds, milliseconds or seconds.

    times          a column of any make, in a unit or in none -> int64[n] microseconds
    time           one value -> microseconds
    check_times    refuses a column without a unit that may be meant in another one

Only numbers have a unit: integers, floats, and texts of numbers. Dates, datetime64 and texts of dates need none.

Without a unit, numbers are microseconds. Milliseconds and seconds of our time, read as these, would all lie in January
1970. So a column whose numbers all lie within NEAR of 1970 is refused, however many dates stand between them. A unit
that is given, even 'us', is believed. Nothing is rounded in any unit.

Not here: what dates look like (timestamps.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

import numpy as np

from ..errors import DataError, Error, ProgrammingError
from ..interruption import looking, types_of
from . import timestamps
from .dtypes import Array, Int64
from .timestamps import FINER, MAX_US, MIN_US, WHOLE, YEARS

UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000}

_WORDS = {"us": "microseconds", "ms": "milliseconds", "s": "seconds"}

NEAR = 10**14
"""Microseconds to 1973-03-03: nearer to 1970 than this, numbers may be meant as something coarser."""

ARGUMENT = "time_unit='us', 'ms' or 's'"

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_DIGITS = 20  # before the point, of what may be a time: 1e999999999 is not to be written out


def check_unit(unit: str | None) -> None:
    """Raise ProgrammingError for what is no unit."""
    if unit is not None and unit not in UNITS:
        raise ProgrammingError(f"there is no time unit {unit!r}", "give 'us', 'ms' or 's'")


def times(values: Sequence[Any] | Array, unit: str | None) -> Int64:
    """The column as microseconds. DataError as of `timestamps.parse_array`."""
    return timestamps.parse_array(values if unit is None else _counted(values, unit))


def time(value: Any, unit: str | None) -> int:
    """One value as microseconds."""
    return timestamps.parse(value if unit is None else _scaled(value, UNITS[unit]))


# in a unit


def _counted(values: Sequence[Any] | Array, unit: str) -> Sequence[Any] | Array:
    """The column with its numbers as microseconds; what is none stays as it is."""
    factor = UNITS[unit]
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "M":
            return values
        if values.dtype.kind in "iu":
            fits = not len(values) or (MIN_US // factor < values.min() and values.max() <= MAX_US // factor)
            if fits:
                return values.astype(np.int64, copy=False) * factor if factor > 1 else values
        if values.dtype.kind == "f":
            us = _of_floats(values, factor)
            if us is not None:
                return us
        values = values.tolist()
    elif types_of(values) == {str}:
        us = _of_digits(values, factor)
        if us is not None:
            return us
    return [_scaled_row(row, value, factor) for row, value in looking(enumerate(values))]


def _of_floats(values: Array, factor: int) -> Int64 | None:
    """The floats as microseconds if each is the nearest one to its microsecond, as division by the factor finds it."""
    with np.errstate(invalid="ignore", over="ignore"):
        values = values.astype(np.float64, copy=False)
        us = np.rint(values * factor)
        exact = (us / factor == values) & (np.abs(us) < 2**53)
    return us.astype(np.int64) if exact.all() else None


def _of_digits(texts: Sequence[str], factor: int) -> Array | None:
    """Texts that are nothing but digits."""
    joined = "".join(texts)
    if not joined.isascii() or joined.encode().translate(None, b"-0123456789"):
        return None
    try:
        numbers = np.array(list(map(int, texts)), np.int64)
    except (ValueError, OverflowError):
        return None
    return numbers * factor if (np.abs(numbers) < MAX_US // factor).all() else None


def _scaled(value: Any, factor: int) -> Any:
    """A number as microseconds; what is none as it is. DataError if it is finer or further than times are."""
    if isinstance(value, str):
        if _NUMBER.fullmatch(value.strip()) is None:
            return value
    elif isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, Decimal, np.integer, np.floating)):
        return value
    number = Decimal(str(value).strip())
    if not number.is_finite():
        return value
    if number.adjusted() > _DIGITS:
        raise DataError(f"{value!r} is not a timestamp", YEARS)
    us = _EXACT.multiply(number, factor)
    if us != us.to_integral_value():
        raise DataError(f"{value!r} is not a timestamp", FINER)
    if not MIN_US <= us <= MAX_US:
        raise DataError(f"{value!r} is not a timestamp", _beyond(number, factor))
    return int(us)


def _beyond(number: Decimal, factor: int) -> str:
    """What a number is that is no time in its unit, and the coarsest unit in which it is one."""
    unit = next(name for name, each in UNITS.items() if each == factor)
    hint = f"numbers count {_WORDS[unit]} ({unit}) here, up to year 9999"
    finer = [(name, number * each) for name, each in UNITS.items() if each < factor and number == int(number)]
    fitting = [(name, int(us)) for name, us in finer if MIN_US <= us <= MAX_US]
    return f"{hint}; as {fitting[-1][0]} it is {timestamps.format(fitting[-1][1])}" if fitting else hint


def _scaled_row(row: int, value: Any, factor: int) -> Any:
    try:
        return _scaled(value, factor)
    except DataError as error:
        raise DataError(f"row {row}: {error.args[0]}", error.hint) from None


# in no unit


def ask_for_unit(error: Error, unit: str | None, how: str = ARGUMENT) -> None:
    """Make the error of a number with a fraction, without a unit, ask for one; how: what to write to give it."""
    if unit is None and error.hint == WHOLE:
        error.hint = f"{WHOLE}; if they count something else, say what: {how}"


def is_number(value: Any) -> bool:
    """Whether the unit matters for that value."""
    if isinstance(value, str):
        return _INTEGER.fullmatch(value.strip()) is not None
    return isinstance(value, (int, float, Decimal, np.integer, np.floating))


def check_times(values: Sequence[Any] | Array, us: Int64, how: str = ARGUMENT) -> None:
    """Raise DataError if there are numbers in a column without a unit, and all of them lie near 1970.

    us: what `times` made of the values; how: what to write to give a unit.
    """
    if not len(us) or int(us.min()) >= NEAR:
        return
    near = np.abs(us) < NEAR
    numbers = list(_numbers(values, np.flatnonzero(near)))
    if numbers and next(_numbers(values, np.flatnonzero(~near)), None) is None:
        row = max(numbers, key=lambda row: abs(int(us[row])))
        raise DataError(f"{_readings(int(us[row]))}: all numbers are as small", f"say what they count: {how}")


def _numbers(values: Sequence[Any] | Array, rows: Int64) -> Iterator[int]:
    """Those of the rows that are numbers."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufM":
        yield from () if values.dtype.kind == "M" else rows.tolist()
        return
    yield from (row for row in looking(rows.tolist()) if is_number(values[row]))


def _readings(number: int) -> str:
    """What the number is in each unit."""
    moments = [number * factor for factor in UNITS.values()]
    texts = [timestamps.format(us) if MIN_US <= us <= MAX_US else "no time" for us in moments]
    return f"{number} may be " + ", ".join(f"{text} ({unit})" for unit, text in zip(UNITS, texts, strict=True))
