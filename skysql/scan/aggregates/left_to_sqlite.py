"""An aggregate that SQLite computes: the rows themselves, until the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays.vectors import Coded, Vector, joined
from ...interruption import look
from ...model.dtypes import Array, Int64
from ...model.values import Value
from .aggregate import AggregateFunction, Given, Merging


@dataclass(frozen=True, slots=True)
class HandedRows:
    """Rows as they come: groups[n], and a list of n values for each column that the aggregate reads."""

    count: Int64
    groups: Array
    columns: list[list[Value]]

    def take(self, used: Int64, size: int) -> HandedRows:
        """Of `size` groups only those that are used."""
        if len(used) == size:
            return self
        places = np.zeros(size, np.int64)
        places[used] = np.arange(len(used))
        return HandedRows(self.count[used], places[self.groups], self.columns)


Computed = Callable[[list[list[Value]], list[int]], dict[int, Value]]
"""SQLite's values by group, given columns and the group of each row. With no rows, {0: its value for none}."""


class BySqlite(AggregateFunction[HandedRows]):
    """Any aggregate, over `columns` columns."""

    state = HandedRows
    name = "by SQLite"
    called = ()

    def __init__(self, columns: int, computed: Computed) -> None:
        self._columns = columns
        self._computed = computed

    def begin(self, given: Given) -> HandedRows:
        """The rows."""
        return HandedRows(given.count(), given.groups, [column.tolist() for column in given.others])

    def nothing(self, size: int) -> HandedRows:
        """No rows."""
        return HandedRows(np.zeros(size, np.int64), np.zeros(0, np.int64), [[] for _ in range(self._columns)])

    def merge(self, parts: Sequence[HandedRows], merging: Merging) -> HandedRows:
        """All rows, those of one partial after those of another."""
        columns = [[v for part in parts for v in part.columns[at]] for at in range(self._columns)]
        look()
        return HandedRows(merging.counts(parts)[1], merging.groups([part.groups for part in parts]), columns)

    def finish(self, state: HandedRows) -> Vector:
        """The values, among which there may be a Fault."""
        by_group = self._computed(state.columns, state.groups.tolist())
        size, missing = len(state.count), None
        if len(by_group) < size:
            missing = self._computed([[] for _ in state.columns], []).get(0)
        return joined([Coded(np.arange(size), [by_group.get(group, missing) for group in range(size)])])
