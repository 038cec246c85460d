"""REAL: numbers of 64 bits of floating point."""

from __future__ import annotations

import numpy as np

from ..dtypes import Array, Bool
from ..values import real
from .kind import Kind, without_nulls
from .text import TEXT


class Real(Kind):
    """float64, never NaN."""

    code = 3
    dtype = np.dtype(np.float64)
    letter = "d"
    arrow = "float64"
    expected = "a REAL is a number that 64 bits of floating point hold, or text of one"

    def parse(self, value: object) -> float | None:
        """The number, or NaN for NULL."""
        return real(value)

    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """See Kind."""
        values, valid = without_nulls(values, valid)
        bad: Bool | None = None
        of, result = values.dtype.kind, values.astype(np.float64, copy=False)
        if of in "iu" and len(values) and (int(values.max()) > 2**53 or int(values.min()) < -(2**53)):
            top = 2.0**63 if of == "i" else 2.0**64
            bad = (result >= top) | (np.where(result >= top, 0, result).astype(values.dtype) != values)
        return result, valid, bad

    def widens_to(self, kind: Kind) -> bool:
        """To TEXT."""
        return kind is TEXT


REAL = Real("REAL")
