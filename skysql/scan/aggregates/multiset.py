"""What percentiles and the mode have in common: of each group its values, and how often each occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arrays import kernels
from ...arrays.vectors import Numbers, Vector, compact_codes, equal_values, joined, with_equal_codes
from ...model.dtypes import Array, Int64
from ...model.values import Value
from .aggregate import AggregateFunction, Given, Inexact, Merging


@dataclass(frozen=True, slots=True)
class Multiset:
    """groups[m], values[m], times int64[m]: how often each value occurs in each group. constant: an argument."""

    count: Int64
    groups: Array
    values: Vector
    times: Int64
    constant: Value = None

    def take(self, used: Int64, size: int) -> Multiset:
        """Of `size` groups only those that are used."""
        if len(used) == size:
            return self
        places = np.zeros(size, np.int64)
        places[used] = np.arange(len(used))
        return replace(self, count=self.count[used], groups=places[self.groups])


class OfMultiset(AggregateFunction[Multiset]):
    """An aggregate that needs all values, in no order."""

    state = Multiset

    def begin(self, given: Given) -> Multiset:
        """The values of each group."""
        return gathered(given.values, given.groups, given.size, None)

    def nothing(self, size: int) -> Multiset:
        """No values."""
        none: Any = np.zeros(0, np.int64)
        return Multiset(np.zeros(size, np.int64), none, Numbers(none), none)

    def merge(self, parts: Sequence[Multiset], merging: Merging) -> Multiset:
        """All of them."""
        groups = merging.groups([part.groups for part in parts])
        values = joined([part.values for part in parts if len(part.values)] or [parts[0].values])
        times = np.concatenate([part.times for part in parts])
        constants = [part.constant for part in parts if part.constant is not None]
        found = gathered(values, groups, merging.size, times)
        return replace(found, constant=constants[0]) if constants else found


def gathered(values: Vector, groups: Array, size: int, times: Int64 | None) -> Multiset:
    """Values by group, and how often each occurs. Raises Inexact if one is there as an integer and as a real."""
    values = with_equal_codes(values)
    if equal_values(values) is not None:
        raise Inexact  # which of the two is shown depends on the order of the rows
    numbers, bound = kernels.factorize([(groups, size), compact_codes(values)])
    used, places = kernels.group_numbers(numbers, bound)
    one_of_each = np.zeros(len(used), np.int64)
    one_of_each[places] = np.arange(len(groups))
    each = kernels.group_count(places, len(used))
    if times is not None:
        each = kernels.group_sum(places, times, len(used))
    of_groups = groups[one_of_each]
    return Multiset(kernels.group_sum(of_groups, each, size), of_groups, values.take(one_of_each), each)
