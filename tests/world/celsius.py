"""CELSIUS: a kind of value that skysql does not have. Hundredths of a degree, of which nothing is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from skysql.model.kinds import TEXT, Kind

LOWEST = -27315


class Celsius(Kind):
    """int32, hundredths; read as float64."""

    code = 64
    since = 4
    dtype = np.dtype(np.int32)
    letter = "i"
    arrow = "float64"
    expected = "a CELSIUS is a number of degrees, of two digits after the point, and no less than -273.15"

    def parse(self, value: object) -> int | None:
        try:
            degrees = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None
        (stored,), _, bad = self.numbers(np.array([degrees]), None)
        return None if bad is not None and bad[0] else int(stored)

    def numbers(self, values: Any, valid: Any) -> tuple[Any, Any, Any]:
        values = values.astype(np.float64)
        nothing = np.isnan(values)
        if nothing.any():
            valid = ~nothing if valid is None else valid & ~nothing
        near = np.rint(np.where(nothing, 0, values) * 100)
        stored = np.where(np.abs(near) < 1 << 31, near, 0).astype(np.int32)
        bad = ~nothing & ((self.read(stored) != values) | (stored < LOWEST))
        return stored, valid, bad if bad.any() else None

    def read(self, values: Any) -> Any:
        return values / 100.0

    def fault(self, values: Any) -> str | None:
        return "a temperature is below -273.15" if len(values) and values.min() < LOWEST else None

    def widens_to(self, kind: Kind) -> bool:
        return kind is TEXT


CELSIUS = Celsius("CELSIUS")
