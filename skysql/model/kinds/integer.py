"""INTEGER: whole numbers of 64 bits."""

from __future__ import annotations

import numpy as np

from ..dtypes import Array, Bool
from ..values import MAX_INTEGER, integer
from .decimal import DecimalKind
from .kind import Kind, without_nulls
from .real import REAL
from .text import TEXT


class Integer(Kind):
    """int64."""

    code = 2
    dtype = np.dtype(np.int64)
    letter = "q"
    arrow = "int64"
    expected = "an INTEGER is a whole number of 64 bits, or text of one"
    integral = True

    def parse(self, value: object) -> int | None:
        """The whole number."""
        return integer(value)

    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """See Kind."""
        values, valid = without_nulls(values, valid)
        bad: Bool | None = None
        if values.dtype.kind == "f":
            bad = (np.floor(values) != values) | (values >= 2.0**63) | (values < -(2.0**63))
            values = np.where(bad, 0, values)
        elif values.dtype == np.uint64:
            bad = values > MAX_INTEGER
        return values.astype(np.int64, copy=False), valid, bad

    def widens_to(self, kind: Kind) -> bool:
        """To REAL and DECIMAL, unless a value has too many digits; and to TEXT."""
        return kind in (REAL, TEXT) or isinstance(kind, DecimalKind)

    def widened(self, values: Array, kind: Kind) -> tuple[Array, Bool | None]:
        """A REAL is exact up to 2**53, a DECIMAL up to its digits."""
        found, _, bad = kind.numbers(values, None)
        return found, bad


INTEGER = Integer("INTEGER")
