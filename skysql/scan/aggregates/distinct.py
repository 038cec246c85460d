"""An aggregate over DISTINCT values: the values of each group, each once, until the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...arrays import kernels
from ...arrays.vectors import Numbers, Vector, compact_codes, joined, with_equal_codes
from ...model.dtypes import Array, Int64
from .aggregate import AggregateFunction, Given, Merging


@dataclass(frozen=True, slots=True)
class DistinctValues:
    """groups[m], values[m]: each value of each group once."""

    count: Int64
    groups: Array
    values: Vector

    def take(self, used: Int64, size: int) -> DistinctValues:
        """Of `size` groups only those that are used."""
        if len(used) == size:
            return self
        places = np.zeros(size, np.int64)
        places[used] = np.arange(len(used))
        return DistinctValues(self.count[used], places[self.groups], self.values)


class Distinct(AggregateFunction[DistinctValues]):
    """`of`(DISTINCT x)."""

    state = DistinctValues
    name: ClassVar[str] = "distinct"
    called = ()

    def __init__(self, of: AggregateFunction[Any]) -> None:
        self._of = of

    def begin(self, given: Given) -> DistinctValues:
        """Each value of each group once."""
        values, groups = with_equal_codes(given.values), given.groups
        numbers, bound = kernels.factorize([(groups, given.size), compact_codes(values)])
        used, places = kernels.group_numbers(numbers, bound)
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(groups))
        return DistinctValues(given.count(), groups[one_of_each], values.take(one_of_each))

    def nothing(self, size: int) -> DistinctValues:
        """No values."""
        return DistinctValues(np.zeros(size, np.int64), np.zeros(0, np.int64), Numbers(np.zeros(0, np.int64)))

    def merge(self, parts: Sequence[DistinctValues], merging: Merging) -> DistinctValues:
        """Each value of all of them once."""
        groups = merging.groups([part.groups for part in parts])
        return self.begin(Given(joined([part.values for part in parts]), groups, merging.size))

    def finish(self, state: DistinctValues) -> Vector:
        """The aggregate of these values."""
        return self._of.finish(self._of.begin(Given(state.values, state.groups, len(state.count))))
