"""Views of a shard: what is derived of its columns and cached, the same however many parts it has.

    paths      path_numbers, path_lengths, path_ends, event_objects, ObjectPlaces, TieEnds
    sessions   session_starts, session_lengths, SessionNumbers, session_durations, event_sessions, ...
    states     codes_at, numbers_at, code_counts, value_slots, magnitudes: the values that events read

`shard.view(session_starts, idle)` finds the view in the cache, or makes it as `session_starts(shard, idle)`. A view is
an array, or an object of arrays with `nbytes`; it holds nothing of the connection that read them, and may outlive it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import kernels, replay, sums
from ..arrays.batch import Sparse
from ..arrays.sums import Magnitudes
from ..model import timestamps
from ..model.dtypes import Array, Bool, Int64
from ..model.table import Property
from .cache import size
from .shard import Shard

# paths


def path_numbers(shard: Shard) -> Array:
    """The place of each event's path in `paths()`: int32[n]."""
    starts = shard.paths()[1]
    return np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))


def path_lengths(shard: Shard) -> Int64:
    """How many events each path has: int64[k]."""
    return np.diff(shard.paths()[1])


def path_ends(shard: Shard) -> Bool:
    """Which events are the last of their path: bool[n]."""
    _, starts = shard.paths()
    ends = np.zeros(int(starts[-1]), bool)
    ends[starts[1:] - 1] = True
    return ends


def event_objects(shard: Shard) -> Int64:
    """The object of each event: int64[n]."""
    objects, starts = shard.paths()
    return np.repeat(objects, np.diff(starts))


class ObjectPlaces:
    """Where the path of an object is found."""

    __slots__ = ("_table",)

    def __init__(self, shard: Shard) -> None:
        self._table = kernels.places_table(shard.paths()[0])

    def find(self, shard: Shard, objects: Int64) -> Int64:
        """The place in `paths()` of each object's path, or -1: int64[m]."""
        return kernels.find(shard.paths()[0], self._table, objects)

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size(self._table)


class TieEnds:
    """`ends`: for each event the last of its object with the same timestamp, int64[n]; None if each is alone."""

    __slots__ = ("ends",)

    def __init__(self, shard: Shard) -> None:
        self.ends = kernels.tie_ends(shard.ts(), shard.paths()[1])

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size(self.ends)


# sessions; idle is the gap that ends one, in microseconds


def session_starts(shard: Shard, idle: int) -> Int64:
    """Where the sessions of all paths begin, and n: int64[s+1]."""
    return kernels.session_starts(shard.ts(), shard.paths()[1], idle)


def session_lengths(shard: Shard, idle: int) -> Int64:
    """How many events each session has: int64[s]."""
    return np.diff(shard.view(session_starts, idle))


class SessionNumbers:
    """Of each session its number within its path, from 1, and the place of its path in `paths()`: int32[s] each."""

    __slots__ = ("numbers", "paths")

    def __init__(self, shard: Shard, idle: int) -> None:
        begins, starts = shard.view(session_starts, idle), shard.paths()[1]
        firsts = np.searchsorted(begins, starts).astype(np.int32)
        counts = np.diff(firsts)
        self.numbers: Array = np.arange(1, len(begins), dtype=np.int32) - np.repeat(firsts[:-1], counts)
        self.paths: Array = np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.numbers, self.paths))


def session_durations(shard: Shard, idle: int) -> Array:
    """Of each session the seconds from its first event to its last: float64[s]."""
    begins, ts = shard.view(session_starts, idle), shard.ts()
    return timestamps.seconds(ts[begins[1:] - 1] - ts[begins[:-1]])


def duration_magnitudes(shard: Shard, idle: int) -> Magnitudes:
    """Between which magnitudes these durations lie."""
    return sums.magnitudes(shard.view(session_durations, idle))


def session_codes(shard: Shard, idle: int, property: Property, largest: int) -> Array:
    """`codes_at` the first event of each session: unsigned [s]."""
    return codes_at(shard, property, largest)[shard.view(session_starts, idle)[:-1]]


def event_sessions(shard: Shard, idle: int) -> Array:
    """Of each event the place of its session in `session_starts`: int32[n]."""
    begins = shard.view(session_starts, idle)
    return np.repeat(np.arange(len(begins) - 1, dtype=np.int32), np.diff(begins))


# states


def codes_at(shard: Shard, property: Property, largest: int, *, ignore_nulls: bool = False) -> Array:
    """A TEXT property at each event: the state there, or the attribute's own value; unsigned [n], 0 for NULL.

    largest: the largest code of the dictionary, from which the dtype follows.
    """
    return shard.view(_codes, property, np.min_scalar_type(largest), ignore_nulls)


def _codes(shard: Shard, property: Property, dtype: np.dtype[Any], ignore_nulls: bool) -> Array:
    sparse = shard.sparse(property)
    if property.state or ignore_nulls:
        narrow = Sparse(sparse.positions, sparse.values.astype(dtype))
        return replay.fill_codes(narrow, shard.paths()[1], ignore_nulls=ignore_nulls)
    if len(sparse.positions) == len(shard):
        return sparse.values.astype(dtype)
    codes = np.zeros(len(shard), dtype)
    codes[sparse.positions] = sparse.values
    return codes


def code_counts(shard: Shard, property: Property, largest: int) -> Int64:
    """How many events read each code of a TEXT property: int64[largest+1]."""
    return kernels.group_count(codes_at(shard, property, largest), largest + 1)


def value_slots(shard: Shard, property: Property, ignore_nulls: bool = False) -> Array:
    """For each event 1 + the place in `sparse(property)` of the value that it reads, or 0: unsigned [n]."""
    sparse = shard.sparse(property)
    if property.state or ignore_nulls:
        return replay.fill_index(sparse, shard.paths()[1], ignore_nulls=ignore_nulls)
    found = np.zeros(len(shard), np.min_scalar_type(len(sparse.positions)))
    found[sparse.positions] = np.arange(1, len(sparse.positions) + 1)
    return found


def numbers_at(
    shard: Shard, property: Property, positions: Array | None, *, ignore_nulls: bool = False
) -> tuple[Array, Bool | None]:
    """A property that is not TEXT at these events (None for all): (values [m], where they are known, None for all)."""
    sparse = shard.sparse(property)
    if not property.state and not ignore_nulls:
        if positions is None:
            same = len(sparse.positions) == len(shard)
        else:
            same = len(positions) == len(sparse.positions) and bool((positions == sparse.positions).all())
        if same:
            return sparse.values, sparse.valid
    places = shard.view(value_slots, property, ignore_nulls)
    if positions is not None:
        places = places[positions]
    if len(sparse.values) == 0:
        return np.zeros(len(places), property.kind.dtype), np.zeros(len(places), bool)
    known = places != 0
    places = places.astype(np.int64) - 1
    if sparse.valid is not None:
        known &= sparse.valid[places]
    return sparse.values[places], known


def magnitudes(shard: Shard, property: Property) -> Magnitudes:
    """Between which magnitudes the values of a REAL property lie."""
    return sums.magnitudes(shard.sparse(property).values)
