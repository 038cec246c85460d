"""An aggregate that SQLite computes: the rows themselves, until the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays.vectors import Coded, Numbers, Vector, joined
from ...interruption import look
from ...model.dtypes import Array, Int64
from ...model.values import Value
from .aggregate import AggregateFunction, Given, Merging


@dataclass(frozen=True, slots=True)
class HandedRows:
    """Rows in the order of the table: groups[n], and a list of n values for each column that the aggregate reads.

    objects: int64[n], the object of each row. They ascend, and so tell the order of rows that come from anywhere.
    """

    count: Int64
    groups: Array
    objects: Int64
    columns: list[list[Value]]

    def take(self, used: Int64, size: int) -> HandedRows:
        """Of `size` groups only those that are used."""
        if len(used) == size:
            return self
        places = np.zeros(size, np.int64)
        places[used] = np.arange(len(used))
        return HandedRows(self.count[used], places[self.groups], self.objects, self.columns)


Computed = Callable[[list[list[Value]], list[int]], dict[int, Value]]
"""SQLite's values by group, given columns and the group of each row. With no rows, {0: its value for none}."""


class BySqlite(AggregateFunction[HandedRows]):
    """Any aggregate, over `columns` columns, beside which the object of each row is given."""

    state = HandedRows
    name = "by SQLite"
    called = ()

    def __init__(self, columns: int, computed: Computed) -> None:
        self._columns = columns
        self._computed = computed

    def begin(self, given: Given) -> HandedRows:
        """The rows; the last of the columns is their object."""
        *columns, objects = given.others
        assert isinstance(objects, Numbers)
        return HandedRows(given.count(), given.groups, objects.data, [column.tolist() for column in columns])

    def nothing(self, size: int) -> HandedRows:
        """No rows."""
        none = np.zeros(0, np.int64)
        return HandedRows(np.zeros(size, np.int64), none, none, [[] for _ in range(self._columns)])

    def merge(self, parts: Sequence[HandedRows], merging: Merging) -> HandedRows:
        """All rows, by object: those of one are all in one partial, in their order."""
        columns = [[v for part in parts for v in part.columns[at]] for at in range(self._columns)]
        groups, objects = merging.groups([part.groups for part in parts]), np.concatenate([p.objects for p in parts])
        look()
        if (objects[1:] < objects[:-1]).any():
            order = np.argsort(objects, kind="stable")
            groups, objects, places = groups[order], objects[order], order.tolist()
            columns = [[column[place] for place in places] for column in columns]
        return HandedRows(merging.counts(parts)[1], groups, objects, columns)

    def finish(self, state: HandedRows) -> Vector:
        """The values, among which there may be a Fault."""
        by_group = self._computed(state.columns, state.groups.tolist())
        size, missing = len(state.count), None
        if len(by_group) < size:
            missing = self._computed([[] for _ in state.columns], []).get(0)
        return joined([Coded(np.arange(size), [by_group.get(group, missing) for group in range(size)])])
