"""A shard: whole paths in memory, whatever blocks, runs and log batches their events lie in.

The objects of a table are cut into shards. A shard has *parts*, oldest first: ranges of events of blocks or of
the log, each sorted by (object, timestamp, arrival). With one part, its columns are the block's own; with several they
are merged once into path order. What is derived (merged columns here; sessions, states at events, the index of events
by action in views.py, by_code.py, marks.py) is a *view*: cached under (the stamps of the parts, what makes
it, its arguments), so it lives as long as anyone asks for it, and is never stale.

Invariants: events are sorted by (object, timestamp, arrival); no path is empty; a path lies in one shard only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar, TypeVarTuple

import numpy as np

from ..arrays import kernels, replay
from ..arrays.batch import Sparse, reorder
from ..model.dtypes import Array, Int64
from ..model.table import Property
from .cache import Cache, size

V = TypeVar("V")
Ts = TypeVarTuple("Ts")


class Block(Protocol):
    """Sorted events with decoded columns: a stored block, or the log in memory."""

    @property
    def stamp(self) -> object:
        """Identifies the content, for ever."""
        ...

    @property
    def time_range(self) -> tuple[int, int]:
        """Bounds of the timestamps."""
        ...

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[k], starts int64[k+1])."""
        ...

    def ts(self) -> Int64:
        """int64[n]."""
        ...

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """The events of the paths first ... last-1 of a block."""

    block: Block
    first: int
    last: int
    whole: bool

    def events(self) -> tuple[int, int]:
        """The range of event indexes."""
        _, starts = self.block.paths()
        return int(starts[self.first]), int(starts[self.last])

    def sparse(self, property: Property) -> Sparse:
        """The property over this part's events, counted from its first."""
        sparse = self.block.sparse(property)
        if self.whole:
            return sparse
        low, high = self.events()
        a, b = np.searchsorted(sparse.positions, np.array([low, high], sparse.positions.dtype))
        valid = None if sparse.valid is None else sparse.valid[a:b]
        return Sparse((sparse.positions[a:b] - low).astype(np.int32), sparse.values[a:b], valid)


class Shard:
    """Whole paths of a range of objects."""

    def __init__(self, first_object: int, parts: tuple[Part, ...], cache: Cache) -> None:
        self.first_object = first_object  # no object here is below it, and none of the shard before is above
        self.parts = parts
        self._cache = cache
        self._events: int | None = None
        self.stamp: object = tuple((part.block.stamp, part.first, part.last) for part in parts)
        """Identifies the content, for ever."""

    def view(self, of: Callable[[Shard, *Ts], V], *arguments: *Ts) -> V:
        """The view `of(shard, *arguments)`, from the cache if it is there: see views.py."""
        key = self.stamp, of, arguments
        found: V | None = self._cache.find(key)
        if found is None:
            found = of(self, *arguments)
            self._cache.keep(key, found)
        return found

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[k], starts int64[k+1])."""
        merged = self.view(Paths)
        return merged.objects, merged.starts

    def __len__(self) -> int:
        if self._events is None:
            self._events = int(self.paths()[1][-1])
        return self._events

    def ts(self) -> Int64:
        """int64[n], non-decreasing within each path."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return part.block.ts() if part.whole else part.block.ts()[slice(*part.events())]
        return self.view(_merged_ts)

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes over this shard's events."""
        return self.parts[0].sparse(property) if len(self.parts) == 1 else self.view(_merged_sparse, property)

    def time_range(self) -> tuple[int, int]:
        """Bounds of the timestamps."""
        ranges = [part.block.time_range for part in self.parts]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def origins(self, positions: Array) -> Iterator[tuple[Part, Array | slice, Array]]:
        """Where these events lie: (part, which of the events, their positions in its block)."""
        order, base = self.view(Paths).order, 0
        places = positions if order is None else order[positions]
        for part in self.parts:
            low, high = part.events()
            if len(self.parts) == 1:
                yield part, slice(None), places + low
                return
            here = np.flatnonzero((places >= base) & (places < base + high - low))
            yield part, here, places[here] - base + low
            base += high - low


class Paths:
    """Which objects, and where their events lie: objects int64[k], starts int64[k+1]; order is how parts merge."""

    __slots__ = ("objects", "order", "starts")

    def __init__(self, shard: Shard) -> None:
        self.order: Int64 | None = None
        if len(shard.parts) == 1:
            part = shard.parts[0]
            objects, starts = part.block.paths()
            cut = starts[part.first : part.last + 1]
            self.objects, self.starts = objects[part.first : part.last], cut - cut[0] if len(cut) else cut
            return
        every = np.concatenate([_objects(part) for part in shard.parts])
        self.order = kernels.path_order(every, _concatenated_ts(shard))
        self.objects, self.starts = kernels.path_starts(every if self.order is None else every[self.order])

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.objects, self.starts, self.order))


def _objects(part: Part) -> Int64:
    """The object of each event of a part: int64[n]."""
    objects, starts = part.block.paths()
    return np.repeat(objects[part.first : part.last], np.diff(starts[part.first : part.last + 1]))


def _concatenated_ts(shard: Shard) -> Int64:
    return np.concatenate([part.block.ts()[slice(*part.events())] for part in shard.parts])


def _merged_ts(shard: Shard) -> Int64:
    every, order = _concatenated_ts(shard), shard.view(Paths).order
    return every if order is None else every[order]


def _merged_sparse(shard: Shard, property: Property) -> Sparse:
    positions, values, valid, base = [], [], [], 0
    for part in shard.parts:
        sparse, (low, high) = part.sparse(property), part.events()
        positions.append(sparse.positions.astype(np.int64) + base)
        values.append(sparse.values)
        valid.append(replay.known(sparse))
        base += high - low
    known = np.concatenate(valid)
    every = Sparse(np.concatenate(positions).astype(np.int32), np.concatenate(values), None if known.all() else known)
    return every if shard.view(Paths).order is None else reorder(every, shard.view(_inverse))


def _inverse(shard: Shard) -> Int64:
    """Where each event of the parts, one after the other, lies in path order: int64[n]."""
    order = shard.view(Paths).order
    assert order is not None
    inverse = np.empty(len(order), np.int64)
    inverse[order] = np.arange(len(order))
    return inverse
