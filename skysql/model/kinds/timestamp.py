"""TIMESTAMP: a time, which is written, compared and shown as the time of an event is (model/timestamps.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import DataError
from .. import timestamps
from ..dtypes import Array, Bool
from ..timestamps import MAX_US, MIN_US
from .kind import Kind, without_nulls
from .text import TEXT


class Timestamp(Kind):
    """int64, microseconds since 1970, of the years 1 to 9999."""

    code = 5
    since = 4
    dtype = np.dtype(np.int64)
    letter = "q"
    arrow = "timestamp"
    expected = timestamps.HINT
    temporal = True

    render = staticmethod(timestamps.format_array)

    @property
    def export(self) -> Callable[[Any], Any]:
        """Microseconds."""
        return timestamps.parse

    def parse(self, value: object) -> int | None:
        """Microseconds."""
        if timestamps.is_null(value):
            return None
        try:
            return timestamps.parse(value)
        except DataError:
            return None

    def refusal(self, value: object) -> tuple[str, str]:
        """What is said of the time of an event."""
        try:
            timestamps.parse(value)
        except DataError as error:
            return error.args[0], error.hint or self.expected
        return super().refusal(value)

    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """As of Kind: whole microseconds."""
        values, valid = without_nulls(values, valid)
        bad = (values < MIN_US) | (values > MAX_US) if values.dtype.kind in "iuf" else np.ones(len(values), bool)
        if values.dtype.kind == "f":
            bad |= np.floor(values) != values
        return np.where(bad, 0, values).astype(np.int64), valid, bad if bad.any() else None

    def restored(self, values: Array) -> Array:
        """As datetime64."""
        return values.view("M8[us]")

    def fault(self, values: Array) -> str | None:
        """Times are of the years 1 to 9999."""
        if len(values) and not MIN_US <= int(values.min()) <= int(values.max()) <= MAX_US:
            return "a time is not between the years 1 and 9999"
        return None

    def widens_to(self, kind: Kind) -> bool:
        """To TEXT."""
        return kind is TEXT


TIMESTAMP = Timestamp("TIMESTAMP")
