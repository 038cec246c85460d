"""A table at one moment, cut into shards.

Events have numbers in a snapshot: the place of their block among its blocks, oldest run first and the log last, shifted
by `ROW_BITS`, and their position there. So an event has the same number whichever shard it is found in, and whatever
is deleted beside it; and of events of one path with the same timestamp, a later arrival has the larger number.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..arrays import kernels
from ..arrays.replay import known
from ..lazily import cached_property
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT, Kind
from ..model.table import ACTION, Table
from . import statistics
from .blocks import MemoryBlock, OnePath, StoredBlock, Surviving, origin
from .cache import Cache
from .dictionary import Dictionary
from .manifest import BlockRow, Manifest
from .reader import StoreReader
from .shard import Block, Part, Shard

ROW_BITS = 32

SHARD_EVENTS = 1 << 18
"""Events a block, and so a shard, has at the most unless one path has more."""


class Stored(Protocol):
    """What a snapshot reads from; implemented by `Store`."""

    table: Table
    cache: Cache
    dictionary: Dictionary
    statistics: statistics.StoredStatistics
    reader: StoreReader

    @property
    def kinds(self) -> dict[int, Kind]:
        """Property id -> kind."""

    def block(self, row: BlockRow) -> StoredBlock | Surviving:
        """The block of that row."""

    def log_block(self, manifest: Manifest) -> MemoryBlock | Surviving:
        """The events of the log as a block."""

    def log_list(self, manifest: Manifest) -> Int64:
        """Which events of the log are deleted."""


class Snapshot:
    """A table at one moment: its runs and its log, cut into shards. Valid while SQLite's read transaction is open."""

    def __init__(self, store: Stored, manifest: Manifest) -> None:
        self.store = store
        self.manifest = manifest
        self.table = store.table
        self.stamp = manifest.stamp
        self.blocks = manifest.blocks
        self.log = manifest.log

    @property
    def log_events(self) -> int:
        """How many events of the log are not deleted."""
        deleted = 0 if self.manifest.deleted is None else len(self.store.log_list(self.manifest))
        return self.manifest.logged - deleted

    @property
    def events(self) -> int:
        """How many events there are."""
        return sum(block.events for block in self.blocks) + self.log_events

    def objects(self) -> int:
        """How many objects there are. Reads paths only where those of one object may lie in several blocks."""
        if not self.log_events and len({row.run for row in self.blocks}) < 2:
            return sum(row.objects for row in self.blocks)
        blocks = [self.store.block(row) for row in self.blocks] + ([self.log_block()] if self.log else [])
        return len(kernels.distinct(np.concatenate([block.paths()[0] for block in blocks])))

    def log_block(self) -> Block:
        """The log in path order."""
        return self._log_block

    @cached_property
    def _log_block(self) -> Block:
        """Cached here, as it cannot be read again where this connection has folded the log since."""
        return self.store.log_block(self.manifest)

    def shards(self) -> tuple[Shard, ...]:
        """All events, by object."""
        return self._shards

    @cached_property
    def _shards(self) -> tuple[Shard, ...]:
        runs: dict[int, list[Any]] = {}
        for row in self.blocks:
            if row.events:
                runs.setdefault(row.run, []).append((self.store.block(row), row.first_object, row.last_object))
        layers = [blocks for _, blocks in sorted(runs.items())]
        if self.log:
            block = self.log_block()
            objects, _ = block.paths()
            if len(objects):
                layers.append([(block, int(objects[0]), int(objects[-1]))])
        if not layers:
            return ()
        return tuple(Shard(low, parts, self.store.cache) for low, parts in cut(layers))

    def shards_of(self, objects: Int64) -> Iterator[tuple[Shard, Int64]]:
        """(shard, those of the objects that may be in it), for objects int64[m] ascending, without duplicates.

        Of one object alone the path is taken out of its shard, where that would have to be merged first.
        """
        if len(self._shards) == 0 or len(objects) == 0:
            return
        firsts = self._firsts
        homes = np.maximum(np.searchsorted(firsts, objects, side="right") - 1, 0)
        used, begins = np.unique(homes, return_index=True)
        for home, low, high in zip(used, begins, np.append(begins[1:], len(objects)), strict=True):
            shard, here = self._shards[home], objects[low:high]
            if len(here) > 1 or _is_plain(shard):
                yield shard, here
                continue
            path = self._path(shard, int(here[0]))
            if path is not None:
                yield path, here

    def _path(self, shard: Shard, object: int) -> Shard | None:
        """A shard of one path alone, or None if it is empty."""
        found = (OnePath.find(part.block, object) for part in shard.parts)
        parts = tuple(Part(path, 0, 1, True) for path in found if path is not None)
        return Shard(object, parts, self.store.cache) if parts else None

    # numbers of events

    def numbers(self, shard: Shard, positions: Array) -> Int64:
        """The numbers of these events of a shard: int64[m]."""
        numbers = np.empty(len(positions), np.int64)
        for part, chosen, inside in shard.origins(positions):
            block, places = origin(part.block, inside)
            home = len(self.blocks) if isinstance(block, MemoryBlock) else self._homes[block.row.id]
            numbers[chosen] = places + np.int64(home << ROW_BITS)
        return numbers

    @cached_property
    def _homes(self) -> dict[int, int]:
        return {row.id: home for home, row in enumerate(self.blocks)}

    def located(self, numbers: Int64) -> Iterator[tuple[StoredBlock | MemoryBlock, Int64]]:
        """Blocks as they were written, and the positions in them of events with these numbers, ascending."""
        for home, places in by_home(numbers):
            if home < len(self.blocks):
                yield StoredBlock(self.store.reader, self.blocks[home]), places
            else:
                yield origin(self.log_block(), places[:0])[0], places

    @cached_property
    def _firsts(self) -> Int64:
        return np.array([shard.first_object for shard in self._shards], np.int64)


def distinct(snapshot: Snapshot) -> dict[str, int | None]:
    """About how many distinct values the action and each property have; None where it is not known."""
    store, table = snapshot.store, snapshot.table
    texts, complete = store.dictionary.counts(), store.statistics.complete or not snapshot.blocks
    found: dict[str, int | None] = {}
    for property in (ACTION, *table.properties):
        if property.kind is TEXT:
            found[property.name] = texts.get(property.id, 0)
            continue
        stored = store.statistics.of(property.id) if complete else None
        if stored is not None and snapshot.log:
            sparse = snapshot.log_block().sparse(property)
            stored = statistics.merge(stored, statistics.registers(property.kind.read(sparse.values[known(sparse)])))
        found[property.name] = None if stored is None else statistics.estimate(stored)
    return found


def by_home(numbers: Int64) -> Iterator[tuple[int, Int64]]:
    """(place of a block, positions in it) of events with these numbers, ascending."""
    homes = numbers >> ROW_BITS
    edges = np.flatnonzero(np.diff(homes, prepend=-1)).tolist()
    for low, high in zip(edges, [*edges[1:], len(numbers)], strict=True):
        home = int(homes[low])
        yield home, numbers[low:high] - (home << ROW_BITS)


def _is_plain(shard: Shard) -> bool:
    return len(shard.parts) == 1 and isinstance(shard.parts[0].block, StoredBlock)


END = 1 << 63
"""After the last object that there can be."""

CROWDED = 4
"""A shard with this many full blocks is cut further, if it can be."""


Entry: TypeAlias = tuple[Any, int, int]
"""A block, and its first and last object."""


def cut(layers: list[list[Entry]], below: int = END) -> Iterator[tuple[int, tuple[Part, ...]]]:
    """Cut layers of blocks into shards: (lower bound of its objects, its parts).

    below: only objects before this one.

    The layer with the most blocks gives the cuts: a shard begins where one of its blocks does. A layer that is one
    large block in memory is cut by its own path counts. Where that leaves too much together, as beyond the objects that
    the largest layer knows of, those that begin there cut it further.
    """
    widest = max(layers, key=len)
    edges = [first for _, first, _ in sorted(widest, key=lambda entry: entry[1])][1:]
    if len(widest) == 1:
        edges = sorted({edge for layer in layers for block, _, _ in layer for edge in _own_edges(block)})
    edges = [edge for edge in edges if edge < below]
    for low, high in pairwise([0, *edges, below]):
        yield from _between(layers, low, high)


def _between(layers: list[list[Entry]], low: int, high: int) -> Iterator[tuple[int, tuple[Part, ...]]]:
    """The shards of the objects low ... high-1: one, unless that would be many blocks large."""
    here = [[entry for entry in layer if entry[1] < high and entry[2] >= low] for layer in layers]
    here = [layer for layer in here if layer]
    if sum(_share(entry, low, high) for layer in here for entry in layer) > CROWDED * SHARD_EVENTS:
        beginning = [[first for _, first, _ in layer if low < first < high] for layer in here]
        edges = max(beginning, key=len)
        if len(edges) == 1:
            edges = [first for firsts in beginning for first in firsts]
        if edges:
            for lower, higher in pairwise([low, *sorted(set(edges)), high]):
                yield from _between(here, lower, higher)
            return
    parts = []
    for block, first, last in chain.from_iterable(here):
        if low <= first and last < high:
            parts.append(_whole(block))
            continue
        objects, _ = block.paths()
        a = int(np.searchsorted(objects, low))
        b = len(objects) if high == END else int(np.searchsorted(objects, high))
        if a < b:
            parts.append(Part(block, a, b, False))
    if parts:
        yield low, tuple(parts)


def _share(entry: Entry, low: int, high: int) -> float:
    """About how many events of a block are of the objects low ... high-1."""
    block, first, last = entry
    row = _row(block)
    events = len(block.ts()) if row is None else row.events
    return events * (min(last + 1, high) - max(first, low)) / (last + 1 - first)


def _whole(block: Any) -> Part:
    row = _row(block)
    return Part(block, 0, len(block.paths()[0]) if row is None else row.objects, True)


def _row(block: Any) -> BlockRow | None:
    """The row of a block that is stored, if it is."""
    written = block.block if isinstance(block, Surviving) else block
    return written.row if isinstance(written, StoredBlock) else None


def _own_edges(block: Any) -> list[int]:
    if _row(block) is not None:
        return []
    objects, starts = block.paths()
    return [int(objects[at]) for at in split_paths(starts, SHARD_EVENTS)[1:-1]]


def split_paths(starts: Int64, events: int) -> list[int]:
    """Cut paths into groups of at most about `events` events: path indexes, from 0 to the number of paths."""
    cuts, last, paths = [0], 0, len(starts) - 1
    while last < paths:
        following = int(np.searchsorted(starts, starts[last] + events, side="right")) - 1
        last = min(max(following, last + 1), paths)
        cuts.append(last)
    return cuts
