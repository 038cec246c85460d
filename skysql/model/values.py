"""Values as a kind has them: SQLite's affinities where nothing is lost, a refusal where something would be.

'12' is the INTEGER 12, '12.5' is none. None, NaN, NaT and pandas.NA are NULL. Bytes are refused everywhere; truth
values are 1 and 0, except as TEXT.

    convert    one value, or a DataError that names table and column
    numbers    an array of numbers, and where it loses something

Source: https://www.sqlite.org/datatype3.html, of which this keeps what is lossless.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np

from ..errors import DataError
from .dtypes import Array, Bool
from .table import Kind, Table
from .timestamps import is_null

Value: TypeAlias = None | int | float | str | bytes
"""A value of SQLite's."""

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

_NUMBER = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[ \t\n\r\f\v]*", re.ASCII)


def integer(value: object) -> int | None:
    """The value as a 64-bit integer, or None if it is not one without loss."""
    if isinstance(value, (float, np.floating)):
        value = int(value) if float(value).is_integer() else None
    elif isinstance(value, (str, Decimal)):
        value = _integer_of_text(str(value))
    if isinstance(value, (int, np.integer, np.bool_)) and MIN_INTEGER <= int(value) <= MAX_INTEGER:
        return int(value)
    return None


def _integer_of_text(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    if not Decimal(match[1].lower().partition("e")[0]):
        return 0
    try:
        number = Decimal(match[1])
    except InvalidOperation:  # an exponent of more than 18 digits, so no integer of 64 bits
        return None
    if number.adjusted() > 20 or number != number.to_integral_value():  # 1e999999999 is not to be written out
        return None
    return int(number)


def _real(value: object) -> float | None:
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, (int, np.integer, np.bool_)):
        real = float(value) if abs(int(value)) < 2**1023 else 0.0
        return real if real == int(value) else None
    if isinstance(value, (str, Decimal)):
        match = _NUMBER.fullmatch(str(value))
        if match is not None and abs(real := float(match[1])) != float("inf"):
            return real
    return None


def _boolean(value: object) -> int | None:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return int(value.strip().lower() == "true")
    number = integer(value)
    return number if number in (0, 1) else None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:  # half of a surrogate pair
                return None
        return value if type(value) is str else str(value)
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer, Decimal)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return _text_of_real(float(value)) if value == value else None
    return None


def _text_of_real(value: float) -> str:
    """As SQLite writes it: with a point; 15 digits if they suffice (its 17th digit may be another)."""
    if abs(value) == float("inf"):
        return "Inf" if value > 0 else "-Inf"
    text = f"{value + 0.0:.15g}"
    if float(text) != value or 1e15 <= abs(value) < 1e17:  # exponents begin with 1e17
        text = f"{value:.17g}"
    digits, e, exponent = text.partition("e")
    return digits + ("" if "." in digits else ".0") + e + exponent


CONVERT: dict[Kind, Callable[[object], Any]] = {
    Kind.INTEGER: integer,
    Kind.REAL: _real,
    Kind.BOOLEAN: _boolean,
    Kind.TEXT: _text,
}

_EXPECTED = {
    Kind.INTEGER: "an INTEGER is a whole number of 64 bits, or text of one",
    Kind.REAL: "a REAL is a number that 64 bits of floating point hold, or text of one",
    Kind.BOOLEAN: "a BOOLEAN is 0, 1, true or false",
    Kind.TEXT: "TEXT takes text and numbers; convert it first",
}


def shown(value: object) -> str:
    """The value for a message, not too long."""
    plain = value.item() if isinstance(value, np.generic) else value
    text = str(plain) if isinstance(plain, Decimal) else repr(plain)
    return text if len(text) <= 60 else text[:57] + "..."


def convert(table: Table, name: str, kind: Kind, value: object) -> Any:
    """The value as the kind has it, None for NULL. DataError names table and column."""
    result = CONVERT[kind](value)
    if result is None:
        if not is_null(value):
            raise DataError(f"{table.name}.{name}: {shown(value)} cannot be stored as {kind}", _EXPECTED[kind])
    elif result != result:
        return None
    return result


def numbers(kind: Kind, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
    """Numbers as the kind has them, where they are not NULL (None: everywhere), and where that loses something.

    values: numbers or truth values [n]; NaN is NULL. valid: bool[n], False for NULL, or None if none is.
    Returns values of the kind's dtype [n], valid with NaN in it, and bool[n] of losses, or None if there are none.
    """
    bad: Bool | None = None
    of = values.dtype.kind
    if of == "f" and (null := np.isnan(values)).any():
        valid = ~null if valid is None else valid & ~null
    if valid is not None:
        values = np.where(valid, values, values.dtype.type(0))
    match kind:
        case Kind.REAL:
            result = values.astype(np.float64, copy=False)
            if of in "iu" and len(values) and (int(values.max()) > 2**53 or int(values.min()) < -(2**53)):
                top = 2.0**63 if of == "i" else 2.0**64
                bad = (result >= top) | (np.where(result >= top, 0, result).astype(values.dtype) != values)
        case Kind.BOOLEAN:
            bad = None if of == "b" else (values != 0) & (values != 1)
            result = (values != 0).view(np.uint8)
        case _:
            if of == "f":
                bad = (np.floor(values) != values) | (values >= 2.0**63) | (values < -(2.0**63))
                values = np.where(bad, 0, values)
            elif values.dtype == np.uint64:
                bad = values > MAX_INTEGER
            result = values.astype(np.int64, copy=False)
    return result, valid, bad
