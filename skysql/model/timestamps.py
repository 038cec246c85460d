"""Timestamps and durations: texts, numbers and dates of any common form to and from integer microseconds.

A timestamp is microseconds since 1970-01-01 00:00:00 UTC, of the years 1 to 9999. What is read as one:

    text       '2026-01-01', '2026-01-01T10:11', '2026-01-01 10:11:12.123456', compact '20260101T101112'; each with
               a time may end in Z, UTC or an offset ('+02', '+02:00', '-0330'); spaces around it are ignored;
               24:00 is the midnight that ends the day
    int        microseconds; and so is an integral float or Decimal, and text of an integer, except where it may be
               meant as a year or as a date without dashes: fewer than 5, exactly 8 or exactly 14 digits are refused
    datetime   naive ones are UTC; date; numpy.datetime64 of any unit; pandas.Timestamp

Nothing is rounded: what has a fraction of a microsecond is refused. Not here: time zones by name, leap seconds,
months as durations. Arrays are read column-wise over a matrix of their characters, a block of rows at a time so that
it stays in the cache; rows of an unusual form go one by one through `parse`, so that both always agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import repeat
from typing import Any, NoReturn, cast

import numpy as np

from ..errors import DataError
from ..interruption import looking, pieces, types_of
from .dtypes import Array, Bool, Int64

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()

MIN_US = (date.min.toordinal() - _EPOCH_ORDINAL) * _DAY
"""0001-01-01 00:00:00.000000"""

MAX_US = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * _DAY - 1
"""9999-12-31 23:59:59.999999"""

HINT = "write it as '2026-01-31 10:11:12.123456', with Z or an offset if you like, or as integer microseconds"
YEARS = "timestamps are of the years 1 to 9999; integers are microseconds since 1970"
WHOLE = "numbers count whole microseconds since 1970"
FINER = "timestamps are kept to the microsecond; round it first"

_TEXT = re.compile(
    r"""(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d)(?=[Tt]))
        (?:(?:\s+|[Tt])(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?
        \s*(?:(?:[Zz]|UTC)|([+-])(\d\d)(?::?(\d\d))?)?)?""",
    re.VERBOSE | re.ASCII,
)
_INTEGER = re.compile(r"[+-]?(\d{5,18})", re.ASCII)
_FRACTION = re.compile(r"\s*[+-]?(\d+\.\d*|\.\d+)\s*", re.ASCII)


def parse(value: object) -> int:
    """One value as microseconds. DataError for what is none: NULL, NaN, a truth value, text that does not parse."""
    if type(value) is int and MIN_US <= value <= MAX_US:  # most that come one by one
        return value
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, (int, np.integer)) and type(value) is not bool:
        us = int(value)
        return us if MIN_US <= us <= MAX_US else _refuse(value, YEARS)
    if isinstance(value, date):
        return _parse_date(value)
    if isinstance(value, np.datetime64):
        return _parse_datetime64(value) if not is_null(value) else _refuse(value)
    if isinstance(value, (float, np.floating)):
        return parse(int(value)) if float(value).is_integer() else _refuse(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MAX_US and value == int(value):
        return parse(int(value))
    _refuse(value)


def is_null(value: object) -> bool:
    """Whether a value is one of the ways of writing NULL: None, NaN, NaT, pandas.NA."""
    if isinstance(value, (float, np.floating, np.datetime64)):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NaTType", "NAType")


def _refuse(value: object, hint: str | None = None) -> NoReturn:
    if is_null(value):
        raise DataError("a timestamp cannot be NULL", "every event needs the time at which it happened")
    hint = hint or (WHOLE if _FRACTION.fullmatch(str(value)) else HINT)
    raise DataError(f"{_shown(value)} is not a timestamp", hint)


def _shown(value: object) -> str:
    """The value for a message, not too long."""
    text = repr(str(value)) if isinstance(value, np.datetime64) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _parse_date(value: date) -> int:
    """A date, or a datetime, which is one too."""
    if not isinstance(value, datetime):
        return (value.toordinal() - _EPOCH_ORDINAL) * _DAY
    if is_null(value):  # pandas.NaT is a datetime
        _refuse(value)
    if getattr(value, "nanosecond", 0):
        _refuse(str(value), FINER)
    if hasattr(value, "to_pydatetime"):  # pandas' differences have limits of their own
        value = cast(datetime, value.to_pydatetime())
    delta = value - (_EPOCH if value.tzinfo is None else _EPOCH_UTC)
    us = delta.days * _DAY + delta.seconds * _SECOND + delta.microseconds
    return us if MIN_US <= us <= MAX_US else _refuse(value, YEARS)


def _parse_datetime64(value: np.datetime64) -> int:
    try:
        return int(parse_array(np.array([value]))[0])
    except DataError as error:
        raise DataError(error.args[0].removeprefix("row 0: "), error.hint) from None


def _parse_text(value: str) -> int:
    text = value[:-1] if value[-1:] == "Z" else value
    # fromisoformat takes more than we do, drops digits, and differs between Pythons: only the regular forms go to it
    if (len(text) == 19 or (len(text) in (21, 23, 26) and text[19] == ".")) and text[16] == text[13] == ":":
        if text[4] == "-" and text[7] == "-" and text[10] in " T":
            try:
                delta = datetime.fromisoformat(text) - _EPOCH
                return delta.days * _DAY + delta.seconds * _SECOND + delta.microseconds
            except (ValueError, TypeError):
                pass
    return _parse_any_text(value)


def _parse_any_text(value: str) -> int:
    text = value.strip()
    match = _TEXT.fullmatch(text)
    if match is None:
        integer = _INTEGER.fullmatch(text)
        if integer is None or len(integer[1]) in (8, 14):
            _refuse(value)
        us = int(text)
        return us if MIN_US <= us <= MAX_US else _refuse(value, YEARS)
    year, month, day, month2, day2, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    try:
        days = date(int(year), int(month or month2), int(day or day2)).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        _refuse(value, YEARS if year == "0000" else "there is no such day")
    fraction = fraction or ""
    if fraction[6:].strip("0"):
        _refuse(value, FINER)
    time = int(hour or 0) * _HOUR + int(minute or 0) * _MINUTE + int(second or 0) * _SECOND
    time += int(fraction[:6].ljust(6, "0"))
    if int(minute or 0) > 59 or int(second or 0) > 59 or time > _DAY:
        _refuse(value, "there is no such time of day")
    if int(offset_hour or 0) > 23 or int(offset_minute or 0) > 59:
        _refuse(value, "there is no such offset from UTC")
    offset = int(offset_hour or 0) * _HOUR + int(offset_minute or 0) * _MINUTE
    us = days * _DAY + time - (-offset if sign == "-" else offset)
    return us if MIN_US <= us <= MAX_US else _refuse(value, YEARS)


# columns of timestamps to integers

_ROWS = 1 << 14


def parse_array(values: Sequence[Any] | Array) -> Int64:
    """A column as int64[n] microseconds; an int64 array is checked and returned as it is.

    values: an array of integers, datetime64, floats, texts or objects, or a list of anything that `parse` takes.
    Raises DataError that names the row, counted from 0.
    """
    if isinstance(values, (list, tuple)):
        return _from_sequence(values)
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"timestamps are a column, and this has {array.ndim} dimensions")
    match array.dtype.kind:
        case "i" | "u":
            return _from_numbers(array)
        case "f":
            return _from_numbers(array, ~(np.floor(array) == array) if len(array) else None)
        case "M":
            return _from_datetimes(array)
        case "U" | "T":
            return _from_texts(array)
        case "O":
            return _from_sequence(array.tolist())
    raise DataError(f"an array of {array.dtype} has no timestamps", HINT)


def _first(bad: Bool) -> int:
    return int(np.argmax(bad)) if len(bad) and bad.any() else -1


def _refuse_row(row: int, value: object) -> NoReturn:
    """Raise what `parse` raises for this value, with the row in front."""
    _parse_row(row, value)
    raise DataError(f"row {row}: {_shown(value)} is not a timestamp", HINT)


def _parse_row(row: int, value: object) -> int:
    try:
        return parse(value)
    except DataError as error:
        raise DataError(f"row {row}: {error.args[0]}", error.hint) from None


def _from_numbers(array: Array, bad: Bool | None = None) -> Int64:
    if len(array) and (bad is not None or int(array.min()) < MIN_US or int(array.max()) > MAX_US):
        outside = (array < MIN_US) | (array > MAX_US)
        row = _first(outside if bad is None else outside | bad)
        if row >= 0:
            _refuse_row(row, array[row].item())
    return array.astype(np.int64, copy=False)


def _from_datetimes(array: Array) -> Int64:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    unit, step = np.datetime_data(array.dtype)
    row = _first(np.isnat(array))
    if row >= 0:
        _refuse_row(row, None)
    if unit in ("ns", "ps", "fs", "as"):  # their 64 bits reach no further than the years 1677 to 2262
        us = array.astype("M8[us]")
        row = _first(us != array)
        hint = FINER
    else:
        low, high = (np.datetime64(text).astype(array.dtype) for text in ("0001-01-01", "9999-12-31T23:59:59.999999"))
        row = _first((array < low) | (array > high))
        us = array.astype("M8[us]") if row < 0 else array  # what is beyond is an error of NumPy's from 2.5 on
        hint = YEARS
    if row >= 0:
        raise DataError(f"row {row}: {str(array[row])!r} is not a timestamp", hint)
    return _from_numbers(us.view(np.int64))


def _from_sequence(values: Sequence[Any]) -> Int64:
    kinds = types_of(values)
    if kinds == {str}:
        return _from_texts(values)
    us = np.empty(len(values), np.int64)
    if kinds == {int}:
        try:
            for piece in pieces(len(values)):
                us[piece] = values[piece]
            return _from_numbers(us)
        except OverflowError:
            pass
    for piece in pieces(len(values), _ROWS):
        us[piece] = [_parse_row(row, value) for row, value in enumerate(values[piece], piece.start)]
    return us


def _from_texts(values: Sequence[str] | Array) -> Int64:
    us = np.empty(len(values), np.int64)
    for piece in pieces(len(values), _ROWS):
        block, out = values[piece], us[piece]
        if isinstance(block, np.ndarray):
            block = block.tolist()
        lengths = np.fromiter(map(len, block), np.int64, len(block))
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            texts = block if len(rows) == len(block) else [block[row] for row in rows.tolist()]
            out[rows], good = _from_equal_length(texts, length)
            for row in rows[~good].tolist():
                out[row] = _parse_row(piece.start + row, block[row])
    return us


def _from_equal_length(texts: Sequence[str], length: int) -> tuple[Int64, Bool]:
    """Microseconds of texts of one length, and which of them are of a regular form and so are right."""
    none = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    if not 10 <= length <= 32 or len(texts) < 8:
        return none
    try:
        characters = np.frombuffer("".join(texts).encode("ascii"), np.uint8)
    except UnicodeEncodeError:
        return none
    columns = np.ascontiguousarray(characters.reshape(len(texts), length).T)
    offset: Int64 | int = 0
    good = np.ones(len(texts), bool)
    if length > 16 and (columns[-1] == ord("Z")).all():
        columns = columns[:-1]
    elif length > 19 and (columns[-3] == ord(":")).all() and columns[-6, 0] in b"+-":
        offset = _offsets(columns[-6:], good)
        columns = columns[:-6]
    if len(columns) not in (10, 16, 19, 21, 22, 23, 24, 25, 26):
        return none
    us = _days(columns, good) * _DAY + _times(columns, good) - offset
    good &= (us >= MIN_US) & (us <= MAX_US)
    return us, good


def _number(columns: Array, good: Bool) -> Int64:
    """The number that these columns of digits are; rows with anything else are marked."""
    digits = columns - np.uint8(48)  # what is no digit becomes > 9
    good &= (digits <= 9).all(axis=0)
    number: Array = digits[0].astype(np.int32)
    for column in digits[1:]:
        number *= 10
        number += column
    result: Int64 = number.astype(np.int64)
    return result


def _days(columns: Array, good: Bool) -> Int64:
    """Days since 1970."""
    good &= (columns[4] == ord("-")) & (columns[7] == ord("-"))
    year, month, day = _number(columns[:4], good), _number(columns[5:7], good), _number(columns[8:10], good)
    months = (year - 1970) * 12 + month - 1
    first, after = ((months + i).astype("M8[M]").astype("M8[D]").astype(np.int64) for i in (0, 1))
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= after - first)
    days: Int64 = first + day - 1
    return days


def _times(columns: Array, good: Bool) -> Int64 | int:
    """Microseconds of the day."""
    if len(columns) == 10:
        return 0
    good &= ((columns[10] == ord(" ")) | (columns[10] == ord("T"))) & (columns[13] == ord(":"))
    hour, minute = _number(columns[11:13], good), _number(columns[14:16], good)
    good &= (hour <= 23) & (minute <= 59)
    us = hour * _HOUR + minute * _MINUTE
    if len(columns) >= 19:
        second = _number(columns[17:19], good)
        good &= (columns[16] == ord(":")) & (second <= 59)
        us += second * _SECOND
    if len(columns) > 20:
        good &= columns[19] == ord(".")
        us += _number(columns[20:], good) * 10 ** (26 - len(columns))
    return us


def _offsets(columns: Array, good: Bool) -> Int64:
    """Microseconds east of UTC of '+HH:MM'."""
    sign: Int64 = columns[0].astype(np.int64)
    hour, minute = _number(columns[1:3], good), _number(columns[4:6], good)
    good &= ((sign == ord("+")) | (sign == ord("-"))) & (hour <= 23) & (minute <= 59)
    east: Int64 = (hour * _HOUR + minute * _MINUTE) * (ord(",") - sign)  # ',' lies between '+' and '-'
    return east


# integers to texts


def format(us: int) -> str:
    """'YYYY-MM-DD HH:MM:SS.ffffff', always 26 characters. DataError outside the years 1 to 9999."""
    try:
        return (_EPOCH + timedelta(0, 0, us)).isoformat(" ", "microseconds")
    except OverflowError:
        _refuse(us, YEARS)


def normal(value: Any, form: str = "") -> Any:
    """A value in the form of times, NULL as it is.

    form: '' for what has to be a time; 'spelled' leaves texts that are none as they are, and those of numbers; 'mixed'
    leaves all that is no text, too.
    """
    if value is None or (form and not isinstance(value, str) and (form == "mixed" or not isinstance(value, int))):
        return value
    if form and isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return value
    try:
        return format(parse(value))
    except DataError:
        if not form:
            raise
        return value


_PAIRS = np.frombuffer("".join(f"{i:02d}" for i in range(100)).encode(), np.uint16)
_FIXED = np.frombuffer(b"0000-00-00 00:00:00.000000\n\0", np.uint8)  # 28 bytes: 14 aligned pairs


def seconds(us: Int64) -> Array:
    """Microseconds as seconds, each the nearest float64."""
    found = us / _SECOND
    for at in np.flatnonzero((us >> 53) - (us >> 63)).tolist():  # which no float64 holds
        found[at] = int(us[at]) / _SECOND
    return found


def format_array(us: Int64) -> list[str]:
    """`format` of each: int64[n] to n texts."""
    if len(us) < 4:
        return list(map(format, us.tolist()))
    if int(us.min()) < MIN_US or int(us.max()) > MAX_US:
        list(map(format, us.tolist()))  # raises
    texts: list[str] = []
    for start in looking(range(0, len(us), _ROWS)):
        texts += _format_block(us[start : start + _ROWS])
    return texts


def _format_block(us: Int64) -> list[str]:
    days = us // _DAY
    in_day = us - days * _DAY
    seconds = in_day // _SECOND
    micros = (in_day - seconds * _SECOND).astype(np.int32)
    seconds = seconds.astype(np.int32)
    day_numbers, day_of = _unique_days(days)
    dates = _dates(day_numbers)
    text = np.empty((len(us), 27), np.uint8)
    text[:, :11] = dates[day_of]
    text[:, 11:] = _FIXED[11:27]
    for column, number in (
        (11, seconds // 3600),
        (14, seconds // 60 % 60),
        (17, seconds % 60),
        (20, micros // 10_000),
        (22, micros // 100 % 100),
        (24, micros % 100),
    ):
        text[:, column : column + 2] = _PAIRS[number].view(np.uint8).reshape(-1, 2)
    return text.tobytes().decode("ascii").split("\n")[:-1]


def _unique_days(days: Int64) -> tuple[Int64, Int64]:
    """The days to print, and for each row which of them is its own: without sorting if they lie close together."""
    low, high = int(days.min()), int(days.max())
    if high - low < 4 * _ROWS:
        return np.arange(low, high + 1), days - low
    return np.unique(days, return_inverse=True)


def _dates(days: Int64) -> Array:
    """uint8[n, 11]: 'YYYY-MM-DD ' of each day."""
    months = days.astype("M8[D]").astype("M8[M]")
    day = days - months.astype("M8[D]").astype(np.int64)
    month = months.astype(np.int64) + 1970 * 12
    text = np.tile(_FIXED[:11], (len(days), 1))
    for column, number in ((0, month // 1200), (2, month // 12 % 100), (5, month % 12 + 1), (8, day + 1)):
        text[:, column : column + 2] = _PAIRS[number].view(np.uint8).reshape(-1, 2)
    return text


# durations

_UNITS = {
    **dict(zip(("us", "µs", "usec", "microsecond", "microseconds"), repeat(1), strict=False)),
    **dict(zip(("ms", "msec", "millisecond", "milliseconds"), repeat(1000), strict=False)),
    **dict(zip(("s", "sec", "secs", "second", "seconds"), repeat(_SECOND), strict=False)),
    **dict(zip(("m", "min", "mins", "minute", "minutes"), repeat(_MINUTE), strict=False)),
    **dict(zip(("h", "hr", "hrs", "hour", "hours"), repeat(_HOUR), strict=False)),
    **dict(zip(("d", "day", "days"), repeat(_DAY), strict=False)),
    **dict(zip(("w", "week", "weeks"), repeat(7 * _DAY), strict=False)),
}
_PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zµ]+)\s*,?", re.IGNORECASE)
_BARE = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
_DURATION_HINT = "write a number of seconds, or a text like '30 minutes', '1 hour 30 minutes' or '7 days'"


_LONGEST = 200
"""Characters of a duration at the most; Python does not convert numbers of thousands of digits."""


def duration(value: object, least: int = 1) -> int:
    """Microseconds of a text like '30 minutes', a number of seconds (or its text), or a timedelta; `least` or more.

    A fraction of a microsecond is rounded. DataError for anything else, months and years among it.
    """
    us = -1
    if isinstance(value, str):
        us = _text_duration(value)
    elif isinstance(value, timedelta):
        us = value // timedelta(microseconds=1)
    elif isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        seconds = float(value)
        if abs(seconds) < 1e12:  # NaN and infinity are not
            us = round(Fraction(seconds) * _SECOND)
    if us == 0 < least:
        raise DataError(f"{_shown(value)} is no time at all", "give a duration of a microsecond or more")
    if not least <= us <= MAX_US - MIN_US:
        raise DataError(f"{_shown(value)} is not a duration", _DURATION_HINT)
    return us


def format_duration(us: int) -> str:
    """The text that `duration` reads as this, in the largest unit up to days of which it is a whole number."""
    units = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (_SECOND, "second"), (1000, "millisecond"))
    size, name = next((unit for unit in units if us % unit[0] == 0), (1, "microsecond"))
    return f"{us // size} {name}{'' if us == size else 's'}" if us else "0 seconds"


@lru_cache(256)
def _text_duration(value: str) -> int:
    """Microseconds, or -1 if it is no duration."""
    text = value.strip()
    if not text or len(text) > _LONGEST:
        return -1
    if _BARE.fullmatch(text):
        return round(Fraction(text) * _SECOND)
    total, end = Fraction(0), 0
    while end < len(text):
        part = _PART.match(text, end)
        unit = _UNITS.get(part[2].lower()) if part else None
        if part is None or unit is None:
            return -1
        total += Fraction(part[1]) * unit
        end = part.end()
    return round(total)
