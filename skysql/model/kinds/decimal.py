"""DECIMAL(p, s): numbers of at most p digits, s of them after the point, stored without rounding.

SQLite has no such type, so a DECIMAL reads as the REAL that is nearest to it, and as such is a number wherever a client
puts it: `amount > 9.99`, `ORDER BY amount`, `amount * 1.2`, JSON. As a text, '10.00' would sort before '9.00', and be
greater than every number; as an integer of cents it would be a hundred times what the client wrote. REALs tell all
decimals of 15 digits apart, and equal the literals that are written so. Of more digits (p from 16 to 18), what is read
may differ behind the fifteenth; what is stored does not.

REALs do not add up: 0.1 + 0.2 is not 0.3. So the rewriter has sum(), total() and avg() of a DECIMAL add its units,
which are whole numbers, and divide once (sql/decimals.py). A sum beyond 64 bits of units is an error, as of integers.

What is taken: a text, an integer or a decimal.Decimal that has no more than s digits after the point, zeros aside; a
float if its shortest form is such a number. Nothing is rounded: 1.005 is no DECIMAL(9, 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import ProgrammingError
from ..dtypes import Array, Bool
from ..values import number
from .kind import Kind, without_nulls
from .real import REAL
from .text import TEXT

MOST_DIGITS = 18

_CODE = 16
_EXACT = 1 << 53


class DecimalKind(Kind):
    """int64, units of 10 ** -scale, fewer than 10 ** precision of them. Two of one scale are stored alike."""

    __slots__ = ("arrow", "code", "expected", "longer", "precision", "scale")

    since = 4
    dtype = np.dtype(np.int64)
    letter = "q"

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(f"DECIMAL({precision},{scale})")
        self.precision, self.scale = precision, scale
        self.code = _CODE + scale
        self.longer = precision > 15
        self.arrow = f"decimal128({precision}, {scale})"
        self.expected = f"it is a number of at most {precision} digits, {scale} of them after the point"

    def __reduce__(self) -> tuple[Any, ...]:
        return decimal, (self.precision, self.scale)

    @property
    def export(self) -> Callable[[Any], Any]:
        """As decimal.Decimal."""
        return lambda value: Decimal(self.parse(value) or 0).scaleb(-self.scale)

    def parse(self, value: object) -> int | None:
        """Its units."""
        found = number(value)
        if found is None or found.adjusted() + self.scale > MOST_DIGITS:  # 1e999999 is not to be written out
            return None
        _, digits, exponent = found.as_tuple()
        assert isinstance(exponent, int)
        while digits and digits[-1] == 0 and exponent < -self.scale:
            digits, exponent = digits[:-1], exponent + 1
        if not any(digits):
            return 0
        if exponent < -self.scale:
            return None
        units = int("".join(map(str, digits))) * 10 ** (exponent + self.scale)
        return None if units >= 10**self.precision else -units if found.is_signed() else units

    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """As of Kind."""
        values, valid = without_nulls(values, valid)
        top, factor = 10**self.precision, 10**self.scale
        if values.dtype.kind in "iub":
            most = (top - 1) // factor
            bad = np.zeros(len(values), bool) if values.dtype.kind == "b" else values > most
            if values.dtype.kind == "i":
                bad |= values < -most
            units = np.where(bad, 0, values).astype(np.int64) * factor
        else:
            values = values.astype(np.float64)
            with np.errstate(all="ignore"):
                near = np.rint(values * factor)
                units = np.where(np.abs(near) < min(top, 10**15), near, 0).astype(np.int64)
            bad = self.read(units) != values
            for at in np.flatnonzero(bad).tolist():  # of more digits than 64 bits of floating point compute with
                found = self.parse(float(values[at]))
                units[at], bad[at] = found or 0, found is None
        return units, valid, bad if bad.any() else None

    def read(self, values: Array) -> Array:
        """Each as the nearest float64."""
        factor = 10**self.scale
        found: Array = values / float(factor)
        for at in np.flatnonzero(np.abs(values) >= _EXACT).tolist():  # which no float64 holds
            found[at] = int(values[at]) / factor
        return found

    def restored(self, values: Array) -> Array:
        """As decimal.Decimal, where a float64 would not do."""
        if not self.longer:
            return self.read(values)
        found = np.empty(len(values), object)
        found[:] = [Decimal(units).scaleb(-self.scale) for units in values.tolist()]
        return found

    def texts(self, values: Array) -> list[Any]:
        """With all of their digits."""
        return [f"{Decimal(units).scaleb(-self.scale):f}" for units in values.tolist()]

    def fault(self, values: Array) -> str | None:
        """Units are not too many."""
        if len(values) and max(int(values.max()), -int(values.min())) >= 10**self.precision:
            return f"a number has more than {self.precision} digits"
        return None

    def widens_to(self, kind: Kind) -> bool:
        """To a DECIMAL with no fewer digits before and after the point; to REAL, if short enough; and to TEXT."""
        if isinstance(kind, DecimalKind):
            more = kind.scale - self.scale
            return more >= 0 and kind.precision - self.precision >= more
        return kind in (REAL, TEXT)

    def widened(self, values: Array, kind: Kind) -> tuple[Array, Bool | None]:
        """A REAL is exact if it is read as the same number."""
        if isinstance(kind, DecimalKind):
            return values * 10 ** (kind.scale - self.scale), None
        found = self.read(values)
        bad = np.zeros(len(values), bool)
        for at in np.flatnonzero(np.abs(values) >= 10**15).tolist():
            bad[at] = self.parse(float(found[at])) != int(values[at])
        return found, bad if bad.any() else None


@lru_cache(None)
def decimal(precision: int, scale: int) -> DecimalKind:
    """The kind, of which there is one object. Raises ProgrammingError for digits that cannot be."""
    if not 1 <= precision <= MOST_DIGITS or not 0 <= scale <= precision:
        raise ProgrammingError(
            f"there is no type DECIMAL({precision},{scale})",
            f"write DECIMAL(p, s) of p digits, at most {MOST_DIGITS}, s of them after the point",
        )
    return DecimalKind(precision, scale)


_WRITTEN = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?\)", re.IGNORECASE | re.ASCII)


class Decimals:
    """All of them, for a registry."""

    word = "DECIMAL(p,s)"

    def find(self, type: str) -> DecimalKind | None:
        """DECIMAL(p, s), or DECIMAL(p) of none after the point; NUMERIC is the same."""
        match = _WRITTEN.fullmatch(type.strip())
        return None if match is None else decimal(int(match[1]), int(match[2] or 0))

    def of_code(self, code: int) -> DecimalKind | None:
        """The longest of that scale."""
        return decimal(MOST_DIGITS, code - _CODE) if _CODE <= code <= _CODE + MOST_DIGITS else None


DECIMALS = Decimals()
