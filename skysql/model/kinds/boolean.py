"""BOOLEAN: true and false, which read as 1 and 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Array, Bool
from ..values import integer
from .decimal import DecimalKind
from .integer import INTEGER
from .kind import Kind, without_nulls
from .real import REAL
from .text import TEXT


class Boolean(Kind):
    """uint8, 0 or 1."""

    code = 4
    dtype = np.dtype(np.uint8)
    letter = "B"
    arrow = "bool_"
    expected = "a BOOLEAN is 0, 1, true or false"
    integral = True

    @property
    def export(self) -> Callable[[Any], Any]:
        """True and false."""
        return bool

    def parse(self, value: object) -> int | None:
        """0 or 1."""
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return int(value.strip().lower() == "true")
        number = integer(value)
        return number if number in (0, 1) else None

    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """See Kind."""
        values, valid = without_nulls(values, valid)
        bad = None if values.dtype.kind == "b" else (values != 0) & (values != 1)
        return (values != 0).view(np.uint8), valid, bad

    def fault(self, values: Array) -> str | None:
        """Truth values are 0 and 1."""
        return "a truth value is neither 0 nor 1" if len(values) and values.max() > 1 else None

    def widens_to(self, kind: Kind) -> bool:
        """To any number, and to TEXT."""
        return kind in (INTEGER, REAL, TEXT) or isinstance(kind, DecimalKind)

    def widened(self, values: Array, kind: Kind) -> tuple[Array, Bool | None]:
        """1 is no DECIMAL(1,1)."""
        found, _, bad = kind.numbers(values, None)
        return found, bad


BOOLEAN = Boolean("BOOLEAN")
