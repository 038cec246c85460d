"""The rows of a scan of changes: `users_changes`, a row a changed property of an event.

They come in path order; those of one event in order of declaration. Values may be of any kind, so columns of values are
coded, with codes of their own in each shard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arrays.vectors import Coded, Numbers, Vector
from ..interruption import patiently
from ..model.companions import CHANGED_PROPERTY, NEW_VALUE, OLD_VALUE
from ..model.dtypes import Array, Bool, Int64
from ..model.table import Table
from ..model.values import Value
from ..plan.path_scan import Column
from ..store.dictionary import Dictionary
from ..store.shard import Shard
from ..store.views import path_numbers
from .rows import EventRows, property_vector


@dataclass(frozen=True, slots=True)
class ChangeRows:
    """Changes of a shard: the positions of their events and which of the table's states each is of, int64[m]."""

    shard: Shard
    table: Table
    dictionary: Dictionary
    positions: Int64
    states: Int64

    @classmethod
    def of(cls, every: EventRows, paths: Array | None) -> ChangeRows:
        """All changes, or those of the chosen paths."""
        shard = every.shard
        each = [shard.sparse(state).positions for state in every.table.states]
        if paths is not None:
            member = np.zeros(len(shard.paths()[0]), bool)
            member[paths] = True
            each = [positions[member[shard.view(path_numbers)[positions]]] for positions in each]
        states = np.concatenate([np.full(len(p), at) for at, p in enumerate(each)] or [np.zeros(0, np.int64)])
        positions = np.concatenate([*each, np.zeros(0, np.int64)]).astype(np.int64)
        order = patiently(np.lexsort, (states, positions))
        return cls(shard, every.table, every.dictionary, positions[order], states[order])

    def __len__(self) -> int:
        return len(self.positions)

    def keep(self, mask: Bool) -> ChangeRows:
        """The rows where the mask is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: Array) -> ChangeRows:
        """The rows at these places, in this order."""
        return replace(self, positions=self.positions[index], states=self.states[index])

    def vector(self, column: Column) -> Vector:
        """A column's values."""
        match column.name.lower():
            case CHANGED_PROPERTY.name:
                return Coded(self.states, [state.name for state in self.table.states])
            case NEW_VALUE.name:
                return self._values(self.positions, np.ones(len(self), bool))
            case OLD_VALUE.name:
                first = self.shard.paths()[1][self.shard.view(path_numbers)[self.positions]]
                return self._values(np.maximum(self.positions - 1, 0), self.positions > first)
        return EventRows(self.shard, self.table, self.dictionary, self.positions).vector(column)

    def _values(self, positions: Int64, known: Bool) -> Coded:
        """The states at these events; NULL where none is known."""
        codes: Int64 = np.zeros(len(self), np.int64)
        numbers: dict[tuple[type, Value], int] = {(type(None), None): 0}
        for at, state in enumerate(self.table.states):
            here = np.flatnonzero((self.states == at) & known)
            vector = property_vector(self.shard, self.dictionary, state, Column(state.name), positions[here])
            codes[here] = _numbered(vector, numbers)
        return Coded(codes, [value for _, value in numbers])


def _numbered(vector: Vector, numbers: dict[tuple[type, Value], int]) -> Int64:
    """The number of each value, by its type and itself; new ones are given numbers."""
    data = vector.codes if isinstance(vector, Coded) else vector.data
    _, first, places = patiently(np.unique, data, return_index=True, return_inverse=True)
    values = (replace(vector, mask=None) if isinstance(vector, Numbers) else vector).take(first).tolist()
    found = np.array([numbers.setdefault((type(value), value), len(numbers)) for value in values], np.int64)[places]
    known = vector.known()
    return found if known is None else np.where(known, found, 0)
