"""mode(x): the most frequent value; of several the smallest, as SQLite sorts them. NULL of none, and never of NULL.

Values are the same if SQLite takes them for equal. Of 1 and 1.0 the integer is shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from ...arrays.vectors import Coded, Vector, sort_key, sort_ranks
from ...interruption import patiently
from ...model.values import Value
from .multiset import Multiset, OfMultiset


class Mode(OfMultiset):
    """mode(x)."""

    name = by_sqlite = "mode"
    called = ("mode",)
    collates = True

    def finish(self, state: Multiset) -> Vector:
        """Of each group the smallest of the most frequent values."""
        size = len(state.count)
        if not len(state.values):
            return Coded(np.zeros(size, np.uint8), [None])
        order = patiently(np.lexsort, (sort_ranks(state.values), -state.times, state.groups))
        first = np.zeros(size, np.int64)
        groups = state.groups[order][::-1]
        first[groups] = order[::-1]
        values, known = state.values.take(first), state.count > 0
        if isinstance(values, Coded):
            return values.or_null(known)
        data = values.data + 0.0 if values.data.dtype.kind == "f" else values.data  # -0.0 is 0.0
        return replace(values, data=data, mask=None if known.all() else known, numbering=None)

    def plain(self) -> ModeCall:
        """The aggregate as SQLite's."""
        return ModeCall()


class ModeCall:
    """One group, row by row."""

    def __init__(self) -> None:
        self._times: Counter[tuple[bool, Value]] = Counter()  # 1 == 1.0, but no text is a blob
        self._integers: Counter[Value] = Counter()

    def step(self, value: Value) -> None:
        """One more row."""
        self._add(value, 1)

    def inverse(self, value: Value) -> None:
        """One row less."""
        self._add(value, -1)

    def _add(self, value: Value, times: int) -> None:
        if value is not None:
            self._times[isinstance(value, bytes), value] += times
            if isinstance(value, int):
                self._integers[value] += times

    def value(self) -> Value:
        """The mode so far."""
        most = max(self._times.values(), default=0)
        if not most:
            return None
        value = min((value for (_, value), times in self._times.items() if times == most), key=sort_key)
        if isinstance(value, int | float):
            return int(value) if self._integers[value] else float(value) + 0.0
        return value

    finalize = value
