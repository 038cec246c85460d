"""A function over a path: of each group its value, as no two partials have a group in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays.vectors import Coded, Vector, joined
from ...interruption import patiently
from ...model.dtypes import Int64
from .aggregate import AggregateFunction, Given, Merging


@dataclass(frozen=True, slots=True)
class PathValues:
    """values[g]: the function's."""

    count: Int64
    values: Vector

    def take(self, used: Int64, size: int) -> PathValues:
        """Of `size` groups only those that are used."""
        return self if len(used) == size else PathValues(self.count[used], self.values.take(used))


class OverPath(AggregateFunction[PathValues]):
    """Any function over a path, of which the values are known (scan/paths.py)."""

    state = PathValues
    name = "over path"
    called = ()

    def begin(self, given: Given) -> PathValues:
        """The values, one a group."""
        return PathValues(given.count(), given.values)

    def nothing(self, size: int) -> PathValues:
        """NULL each."""
        return PathValues(np.zeros(size, np.int64), Coded(np.zeros(size, np.uint8), [None]))

    def merge(self, parts: Sequence[PathValues], merging: Merging) -> PathValues:
        """All of them, where they belong."""
        values = joined([part.values for part in parts])
        return PathValues(merging.counts(parts)[1], values.take(patiently(np.argsort, merging.places)))

    def finish(self, state: PathValues) -> Vector:
        """The values."""
        return state.values
