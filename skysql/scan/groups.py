"""Rows dealt into groups by their keys."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Vector, compact_codes, equal_values
from ..interruption import patiently
from ..model.dtypes import Array, Int64

FEW = 1 << 12
"""With at most this many possible groups, all are accumulated: that saves numbering those that occur."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows dealt into groups: a number below `size` for each row, the rows of each, and which groups have any.

    runs: where the groups begin, int64[size+1], if it is known that the rows of each lie side by side, in order of the
    groups' numbers.
    """

    numbers: Array
    size: int
    counts: Int64
    used: Int64
    runs: Int64 | None = None

    def starts(self) -> Int64:
        """Where the groups begin once their rows lie side by side, and the number of rows: int64[size+1]."""
        if self.runs is not None:
            return self.runs
        starts = np.zeros(self.size + 1, np.int64)
        np.cumsum(self.counts, out=starts[1:])
        return starts

    def order(self) -> Array | None:
        """The places of the rows, group by group, each in the rows' order; None if that is how they are."""
        if self.runs is not None or bool(np.all(self.numbers[1:] >= self.numbers[:-1])):
            return None
        return patiently(np.argsort, self.numbers, kind="stable")

    def keys(self, keys: list[Vector]) -> list[Vector]:
        """The keys' values in each used group."""
        if not keys:
            return []
        computed = [key for key in keys if isinstance(key, Coded) and key.index is None]
        if any(equal_values(key) is not None for key in computed):  # the first row of a group is the one shown
            first = kernels.first_of_each(self.numbers, self.size)
            return [key.take(first[self.used]) for key in keys]
        coded = [key for key in keys if isinstance(key, Coded)]
        sizes = [len(key.values) for key in coded]
        if len(coded) == len(keys) and self.size == math.prod(sizes):  # numbered by their codes, the last fastest
            codes = np.unravel_index(self.used, sizes)
            return [Coded(code, key.values, key.index) for code, key in zip(codes, coded, strict=True)]
        one_of_each = np.zeros(self.size, np.int64)
        if self.size > FEW or len(self.numbers) < 4 * self.size:
            one_of_each[self.numbers] = np.arange(len(self.numbers))
        else:
            one_of_each[self.used] = kernels.one_of_each(self.numbers, self.used)
        return [key.take(one_of_each[self.used]) for key in keys]


def group(keys: list[Vector], rows: int) -> Grouping:
    """The groups of rows by their keys."""
    if not keys:
        return Grouping(np.zeros(rows, np.uint8), 1, np.array([rows], np.int64), np.zeros(1, np.int64))
    numbers, bound = kernels.factorize([compact_codes(key) for key in keys])
    if bound <= FEW:
        counts = kernels.group_count(numbers, bound)
        return Grouping(numbers, bound, counts, np.flatnonzero(counts))
    used, numbers = kernels.group_numbers(numbers, bound)
    size = len(used)
    return Grouping(numbers, size, kernels.group_count(numbers, size), np.arange(size))
