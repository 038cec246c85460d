"""A shard: whole paths in memory, whatever blocks, runs and log batches their events lie in.

The objects of a table are cut into shards. A shard has *parts*, oldest first: ranges of events of blocks or of
the log, each sorted by (object, timestamp, arrival). With one part, its columns are the block's own; with several they
are merged once into path order. What is derived here (merged columns, states at events, positions by action) is kept
in the cache under the stamps of the parts, so it lives as long as anyone asks for it, and is never stale.

Invariants: events are sorted by (object, timestamp, arrival); no path is empty; a path lies in one shard only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from ..arrays import compiled, kernels, replay, sums
from ..arrays.batch import Sparse, reorder
from ..arrays.sums import Magnitudes
from ..interruption import patiently
from ..model import timestamps
from ..model.dtypes import Array, Int64
from ..model.kinds import REAL
from ..model.table import Property
from .cache import Cache

V = TypeVar("V")


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


@dataclass(frozen=True, slots=True)
class Paths:
    """Which objects, and where their events lie: objects int64[k], starts int64[k+1]; order is how parts merge."""

    objects: Int64
    starts: Int64
    order: Int64 | None


@dataclass(frozen=True, slots=True)
class Marks:
    """Some events of a shard, to be found by path and time: events int64[m] ascending, or None for all.

    keys: int64[m], ascending: path number << bits | microseconds since `low`, which is before the first event.
    starts: int64[k+1], where the marks of each path begin.
    """

    events: Int64 | None
    keys: Int64
    starts: Int64
    bits: int
    low: int
    high: int

    def last(self, paths: Int64, until: Int64) -> Int64:
        """For each (path, moment) the last of the events in the path up to the moment, or -1."""
        if compiled.available():
            times = self.low, self.high
            at = compiled.last_marks(self.keys, self.starts, self.bits, times, paths, np.ascontiguousarray(until))
        else:
            moments = np.maximum(until, self.low)
            np.minimum(moments, self.high, out=moments)
            moments -= self.low
            at = kernels.last_keys(self.keys, self.bits, paths, moments)
        return at if self.events is None else np.where(at < 0, -1, self.events[at])

    def last_of_all(self, until: int) -> tuple[Int64, Int64]:
        """Of each path that has one, the last of the events up to the moment: (path numbers, events)."""
        paths = self.keys >> self.bits
        early = self.keys - (paths << self.bits) <= max(until, self.low) - self.low
        at = kernels.last_of_all(early, np.append(paths[1:] != paths[:-1], True))
        return paths[at], at if self.events is None else self.events[at]


@dataclass(frozen=True, slots=True)
class Layout:
    """The events of one action, group by group of the states that they read, each in path order.

    key: which layout it is. positions: int32[m], the events in path order, and sort: int64[m], those places in order of
    groups. codes: for each state its code in each of the groups, which ascend: int64[g]. starts: where groups begin in
    `sort`, and m: int64[g+1].
    """

    key: object
    positions: Array
    sort: Array
    codes: tuple[Array, ...]
    starts: Int64


class Shard:
    """Whole paths of a range of objects."""

    def __init__(self, first_object: int, parts: tuple[Part, ...], cache: Cache) -> None:
        self.first_object = first_object  # a lower bound of its objects, and an upper one of the shard's before
        self.parts = parts
        self._cache = cache
        self._key = tuple((part.block.stamp, part.first, part.last) for part in parts)

    def _keep(self, name: object, make: Callable[[], V]) -> V:
        return self._cache.get((self._key, name), make, _size)

    @property
    def stamp(self) -> object:
        """Identifies the content, for ever."""
        return self._key

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[k], starts int64[k+1])."""
        merged = self._paths()
        return merged.objects, merged.starts

    def _paths(self) -> Paths:
        return self._keep("paths", self._make_paths)

    def _make_paths(self) -> Paths:
        if len(self.parts) == 1:
            part = self.parts[0]
            objects, starts = part.block.paths()
            cut = starts[part.first : part.last + 1]
            return Paths(objects[part.first : part.last], cut - cut[0] if len(cut) else cut, None)
        each = []
        for part in self.parts:
            objects, starts = part.block.paths()
            each.append(
                np.repeat(objects[part.first : part.last], np.diff(starts[part.first : part.last + 1]))
            )
        every = np.concatenate(each)
        order = kernels.path_order(every, self._concatenated_ts())
        objects, starts = kernels.path_starts(every if order is None else every[order])
        return Paths(objects, starts, order)

    def _concatenated_ts(self) -> Int64:
        return np.concatenate([part.block.ts()[slice(*part.events())] for part in self.parts])

    def __len__(self) -> int:
        return int(self.paths()[1][-1])

    def ts(self) -> Int64:
        """int64[n], non-decreasing within each path."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return part.block.ts() if part.whole else part.block.ts()[slice(*part.events())]
        return self._keep("ts", self._merge_ts)

    def _merge_ts(self) -> Int64:
        every, order = self._concatenated_ts(), self._paths().order
        return every if order is None else every[order]

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes over this shard's events."""
        if len(self.parts) == 1:
            return self.parts[0].sparse(property)
        return self._keep(("sparse", property.id), lambda: self._merge_sparse(property))

    def _merge_sparse(self, property: Property) -> Sparse:
        positions, values, valid, base = [], [], [], 0
        for part in self.parts:
            sparse, (low, high) = part.sparse(property), part.events()
            positions.append(sparse.positions.astype(np.int64) + base)
            values.append(sparse.values)
            valid.append(replay.known(sparse))
            base += high - low
        known = np.concatenate(valid)
        every = Sparse(
            np.concatenate(positions).astype(np.int32), np.concatenate(values), None if known.all() else known
        )
        return every if self._paths().order is None else reorder(every, self._inverse())

    def _inverse(self) -> Int64:
        def make() -> Int64:
            order = self._paths().order
            assert order is not None
            inverse = np.empty(len(order), np.int64)
            inverse[order] = np.arange(len(order))
            return inverse

        return self._keep("inverse", make)

    def origins(self, positions: Array) -> Iterator[tuple[Part, Array | slice, Array]]:
        """Where these events lie: (part, which of the events, their positions in its block)."""
        order, base = self._paths().order, 0
        places = positions if order is None else order[positions]
        for part in self.parts:
            low, high = part.events()
            if len(self.parts) == 1:
                yield part, slice(None), places + low
                return
            here = np.flatnonzero((places >= base) & (places < base + high - low))
            yield part, here, places[here] - base + low
            base += high - low

    # What follows is derived, and the same however many parts there are.

    def object_ids(self) -> Int64:
        """The object of each event: int64[n]."""
        objects, starts = self.paths()
        return self._keep("objects", lambda: np.repeat(objects, np.diff(starts)))

    def find(self, objects: Int64) -> Int64:
        """The place in `paths()` of each object's path, or -1: int64[m]."""
        ids, _ = self.paths()
        return kernels.find(ids, self._keep("places", lambda: kernels.places_table(ids)), objects)

    def path_numbers(self) -> Array:
        """The place of each event's path in `paths()`: int32[n]."""
        starts = self.paths()[1]
        return self._keep(
            "numbers", lambda: np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
        )

    def path_ends(self) -> Array:
        """Which events are the last of their path: bool[n]."""

        def make() -> Array:
            _, starts = self.paths()
            ends = np.zeros(int(starts[-1]), bool)
            ends[starts[1:] - 1] = True
            return ends

        return self._keep("ends", make)

    def session_starts(self, idle: int) -> Int64:
        """Where the sessions of all paths begin, and n: int64[s+1]; idle in microseconds."""
        return self._keep(("sessions", idle), lambda: kernels.session_starts(self.ts(), self.paths()[1], idle))

    def lengths(self, idle: int | None) -> Int64:
        """How many events each path has, or each session if `idle` is given: int64[k]."""
        return self._keep(
            ("lengths", idle), lambda: np.diff(self.paths()[1] if idle is None else self.session_starts(idle))
        )

    def session_numbers(self, idle: int) -> tuple[Array, Array]:
        """(of each session its number within its path, from 1; the place of its path in `paths()`): int32[s] each."""

        def make() -> tuple[Array, Array]:
            begins, starts = self.session_starts(idle), self.paths()[1]
            firsts = np.searchsorted(begins, starts).astype(np.int32)
            counts = np.diff(firsts)
            numbers = np.arange(1, len(begins), dtype=np.int32) - np.repeat(firsts[:-1], counts)
            return numbers, np.repeat(np.arange(len(counts), dtype=np.int32), counts)

        return self._keep(("session numbers", idle), make)

    def session_durations(self, idle: int) -> Array:
        """Of each session the seconds from its first event to its last: float64[s]."""

        def make() -> Array:
            begins, ts = self.session_starts(idle), self.ts()
            return timestamps.seconds(ts[begins[1:] - 1] - ts[begins[:-1]])

        return self._keep(("session durations", idle), make)

    def duration_magnitudes(self, idle: int) -> Magnitudes:
        """Between which magnitudes these durations lie."""
        return self._keep(("duration magnitudes", idle), lambda: sums.magnitudes(self.session_durations(idle)))

    def session_codes(self, idle: int, property: Property, largest: int) -> Array:
        """`codes` at the first event of each session: unsigned [s]."""
        return self._keep(
            ("session codes", idle, property.id, property.state, largest),
            lambda: self.codes(property, largest)[self.session_starts(idle)[:-1]],
        )

    def sessions(self, idle: int) -> Array:
        """Of each event the place of its session in `session_starts(idle)`: int32[n]."""
        begins = self.session_starts(idle)
        return self._keep(
            ("event sessions", idle), lambda: np.repeat(np.arange(len(begins) - 1, dtype=np.int32), np.diff(begins))
        )

    def codes(self, property: Property, largest: int, *, ignore_nulls: bool = False) -> Array:
        """A TEXT property at each event: the state there, or the attribute's own value; unsigned [n], 0 for NULL.

        largest: the largest code of the dictionary, from which the dtype follows.
        """
        dtype = np.min_scalar_type(largest)

        def make() -> Array:
            sparse = self.sparse(property)
            if property.state or ignore_nulls:
                narrow = Sparse(sparse.positions, sparse.values.astype(dtype))
                return replay.fill_codes(narrow, self.paths()[1], ignore_nulls=ignore_nulls)
            if len(sparse.positions) == len(self):
                return sparse.values.astype(dtype)
            codes = np.zeros(len(self), dtype)
            codes[sparse.positions] = sparse.values
            return codes

        return self._keep(("codes", property.id, property.state, ignore_nulls, dtype), make)

    def slots(self, property: Property, *, ignore_nulls: bool = False) -> Array:
        """For each event 1 + the place in `sparse(property)` of the value that it reads, or 0: unsigned [n]."""

        def make() -> Array:
            sparse = self.sparse(property)
            if property.state or ignore_nulls:
                return replay.fill_index(sparse, self.paths()[1], ignore_nulls=ignore_nulls)
            slots = np.zeros(len(self), np.min_scalar_type(len(sparse.positions)))
            slots[sparse.positions] = np.arange(1, len(sparse.positions) + 1)
            return slots

        return self._keep(("slots", property.id, property.state, ignore_nulls), make)

    def numbers(
        self, property: Property, positions: Array | None, *, ignore_nulls: bool = False
    ) -> tuple[Array, Array | None]:
        """A property that is not TEXT at these events: (values [m], where they are known: bool[m] or None for all)."""
        sparse = self.sparse(property)
        if not property.state and not ignore_nulls:
            if positions is None:
                same = len(sparse.positions) == len(self)
            else:
                same = len(positions) == len(sparse.positions) and bool((positions == sparse.positions).all())
            if same:
                return sparse.values, sparse.valid
        slots = self.slots(property, ignore_nulls=ignore_nulls)
        if positions is not None:
            slots = slots[positions]
        if len(sparse.values) == 0:
            return np.zeros(len(slots), property.kind.dtype), np.zeros(len(slots), bool)
        known = slots != 0
        places = slots.astype(np.int64) - 1
        if sparse.valid is not None:
            known &= sparse.valid[places]
        return sparse.values[places], known

    def magnitudes(self, property: Property) -> Magnitudes | None:
        """Between which magnitudes the values of a REAL property lie; None of others."""
        if property.kind is not REAL:
            return None
        return self._keep(
            ("magnitudes", property.id, property.state), lambda: sums.magnitudes(self.sparse(property).values)
        )

    def time_range(self) -> tuple[int, int]:
        """Bounds of the timestamps."""
        ranges = [part.block.time_range for part in self.parts]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    def by_code(self, property: Property, largest: int) -> tuple[Array, Int64]:
        """(event indexes ordered by code then position: int32[n], where each code's begin: int64[largest+2])."""

        def make() -> tuple[Array, Int64]:
            codes = self.codes(property, largest)
            order = patiently(np.argsort, codes, kind="stable").astype(np.int32)
            counts = np.bincount(codes, minlength=largest + 1)
            return order, np.concatenate(([0], np.cumsum(counts)))

        return self._keep(("by code", property.id, largest), make)

    def piece(self, property: Property, largest: int, code: int) -> slice:
        """Where the events of one code lie in `by_code`."""
        edges = self.by_code(property, largest)[1]
        return slice(int(edges[code]), int(edges[code + 1]))

    def starts_of_code(self, property: Property, largest: int, code: int) -> Array:
        """Where in that piece the events of each path begin, and its length: int32[paths+1]."""

        def make() -> Array:
            events = self.by_code(property, largest)[0][self.piece(property, largest, code)]
            return np.searchsorted(events, self.paths()[1]).astype(np.int32)

        return self._keep(("starts of code", property.id, largest, code), make)

    def code_counts(self, property: Property, largest: int) -> Int64:
        """How many events read each code of a TEXT property: int64[largest+1]."""
        return self._keep(
            ("counts", property.id, property.state, largest),
            lambda: kernels.group_count(self.codes(property, largest), largest + 1),
        )

    def codes_by_code(self, by: Property, largest_by: int, property: Property, largest: int) -> Array:
        """`codes(property)` in the order of `by_code(by)`: what the events of one action read lies side by side."""

        def make() -> Array:
            order, _ = self.by_code(by, largest_by)
            return self.codes(property, largest)[order]

        return self._keep(("codes by code", by.id, largest_by, property.id, largest), make)

    def layout(self, by: Property, largest_by: int, part: slice, states: Sequence[tuple[Property, int]]) -> Layout:
        """A part of `by_code(by)`, by these TEXT states, given with their largest codes."""
        key = part.start, part.stop, *((state.id, largest) for state, largest in states)

        def make() -> Layout:
            positions = self.by_code(by, largest_by)[0][part]
            codes = [(self.codes(state, largest)[positions], largest + 1) for state, largest in states]
            numbers, bound = kernels.factorize(codes)
            counts = kernels.group_count(numbers, bound)
            used = np.flatnonzero(counts)
            starts = np.concatenate(([0], np.cumsum(counts[used])))
            sort = patiently(np.argsort, numbers, kind="stable")
            return Layout(key, positions, sort, np.unravel_index(used, [size for _, size in codes]), starts)

        return self._keep(("layout", by.id, largest_by, key), make)

    def laid_out(self, layout: Layout, property: Property) -> tuple[Array, Int64, Magnitudes | None]:
        """(a property that is not TEXT in a layout's order, without NULLs; where the groups begin; magnitudes)."""

        def make() -> tuple[Array, Int64, Magnitudes | None]:
            values, known = self.numbers(property, layout.positions)
            values, starts = values[layout.sort], layout.starts
            if known is not None and not known.all():
                known = known[layout.sort]
                values, starts = values[known], np.concatenate(([0], np.cumsum(known)))[starts]
            return values, starts, self.magnitudes(property)

        return self._keep(("laid out", layout.key, property.id), make)

    def last_until(self, paths: Int64, until: Int64, states: tuple[Property, ...] | None = None) -> Int64:
        """For each (path, moment) the path's last event up to the moment, or -1: int64[m]. Path -1 is none.

        If only these states at that event matter, it may be an earlier one at which they are the same.
        """
        marks = self._marks(states)
        if marks is None:
            found = kernels.last_until(self.ts(), self.paths()[1], np.maximum(paths, 0), until)
            return np.where(paths < 0, -1, found)
        return marks.last(paths, until)

    def last_of_all(self, until: int, states: tuple[Property, ...] | None = None) -> tuple[Int64, Int64]:
        """Of each path that has one, the last event up to the moment: (path numbers, events), int64[m] each.

        states: as of last_until.
        """
        marks = None if states is None else self._marks(states)
        if marks is not None:
            return marks.last_of_all(until)
        ts, starts = self.ts(), self.paths()[1]
        return np.flatnonzero(ts[starts[:-1]] <= until), kernels.last_of_all(ts <= until, self.path_ends())

    def _marks(self, states: tuple[Property, ...] | None) -> Marks | None:
        key = None if states is None else tuple(state.id for state in states)
        return self._keep(("marks", key), lambda: (self._make_marks(states),))[0]

    def _make_marks(self, states: tuple[Property, ...] | None) -> Marks | None:
        """Of all events, or those where a path begins or a state changes; None if 63 bits do not hold a key."""
        ts, (_, starts), (low, high) = self.ts(), self.paths(), self.time_range()
        bits = (high - low + 1).bit_length()
        if bits + (len(starts) - 2).bit_length() > 63:
            return None
        numbers = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        events = None
        if states is not None:
            chosen = np.zeros(len(ts), bool)
            chosen[starts[:-1]] = True
            for state in states:
                chosen[self.sparse(state).positions] = True
            events = np.flatnonzero(chosen)
            ts, numbers = ts[events], numbers[events]
            starts = np.searchsorted(events, starts)
        return Marks(events, numbers << bits | (ts - (low - 1)), starts, bits, low - 1, high)

    def paths_by_code(self, by: Property, largest: int) -> tuple[Array, Int64]:
        """(path numbers int32[n], timestamps int64[n]) in the order of `by_code(by)`."""

        def make() -> tuple[Array, Int64]:
            order, _ = self.by_code(by, largest)
            return self.path_numbers()[order], self.ts()[order]

        return self._keep(("paths by code", by.id, largest), make)

    def tie_ends(self) -> Int64 | None:
        """kernels.tie_ends of this shard."""
        return self._keep("ties", lambda: (kernels.tie_ends(self.ts(), self.paths()[1]),))[0]


def _size(value: object) -> int:
    """Bytes of a cached value: arrays, and tuples or dataclasses of them."""
    if value is None or isinstance(value, int | float):
        return 32
    if isinstance(value, np.ndarray):
        return value.nbytes + 96
    if isinstance(value, tuple):
        return 64 + sum(map(_size, value))
    if isinstance(value, Paths):
        return 64 + _size((value.objects, value.starts, value.order))
    if isinstance(value, Layout):
        return 128 + _size((value.positions, value.sort, *value.codes, value.starts))
    if isinstance(value, Marks):
        return 64 + _size((value.events, value.keys, value.starts))
    assert isinstance(value, Sparse)
    return 64 + _size((value.positions, value.values, value.valid))


size = _size
