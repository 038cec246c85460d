"""Values as numbers and texts: SQLite's affinities where nothing is lost, a refusal where something would be.

'12' is the integer 12, '12.5' is none. None, NaN, NaT and pandas.NA are NULL. Bytes are refused everywhere; truth
values are 1 and 0, except as text.

    integer, real, number, text    one value, or None; the kinds of value use these (kinds/)
    convert                        one value as a column's kind has it, or a DataError that names table and column

Source: https://www.sqlite.org/datatype3.html; conversions that lose something are left out.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

import numpy as np

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


def real(value: object) -> float | None:
    """The value as 64 bits of floating point, NaN among them; None if it is not one without loss."""
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, (int, np.integer, np.bool_)):
        found = float(value) if abs(int(value)) < 2**1023 else 0.0
        return found if found == int(value) else None
    if isinstance(value, (str, Decimal)):
        match = _NUMBER.fullmatch(str(value))
        if match is not None and abs(found := float(match[1])) != float("inf"):
            return found
    return None


def number(value: object) -> Decimal | None:
    """The value as a decimal number: of a float, its shortest form; None if it is none, or not finite."""
    if isinstance(value, (float, np.floating)):
        value = repr(float(value))
    elif isinstance(value, (int, np.integer, np.bool_)):
        return Decimal(int(value))
    match = _NUMBER.fullmatch(str(value)) if isinstance(value, (str, Decimal)) else None
    try:
        return None if match is None else Decimal(match[1])
    except InvalidOperation:  # an exponent of more than 18 digits
        return None


def text(value: object) -> str | None:
    """The value as a text, numbers as SQLite writes them; None if it is neither."""
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
    written = f"{value + 0.0:.15g}"
    if float(written) != value or 1e15 <= abs(value) < 1e17:  # exponents begin with 1e17
        written = f"{value:.17g}"
    digits, e, exponent = written.partition("e")
    return digits + ("" if "." in digits else ".0") + e + exponent


def shown(value: object) -> str:
    """The value for a message, not too long."""
    plain = value.item() if isinstance(value, np.generic) else value
    found = str(plain) if isinstance(plain, Decimal) else repr(plain)
    return found if len(found) <= 60 else found[:57] + "..."
