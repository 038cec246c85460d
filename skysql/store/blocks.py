"""Blocks: sorted events with decoded columns, of which shards are made.

    StoredBlock   a block of the store, read and decoded column by column when first asked for
    MemoryBlock   events sorted in memory: the log, and what is on its way into blocks
    Surviving     either of them as it reads after events of it were deleted
    OnePath       one path of any of these

All are read-only, and cache what they decode under their stamps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from ..arrays import kernels
from ..arrays.batch import Batch, Sparse, no_values, reorder, same
from ..errors import CorruptError, InternalError
from ..interruption import patiently
from ..lazily import cached_property
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT
from ..model.table import Property, Table
from ..model.timestamps import MAX_US, MIN_US
from . import format as fmt
from .blob import FormatError
from .cache import Cache, size
from .manifest import DELETED, FIRST_PROPERTY, PATHS, TIMESTAMPS, BlockRow
from .retyped import Casts, decode
from .shard import Block

V = TypeVar("V")


class Reader(Protocol):
    """What a block is read through, by the rows of a manifest."""

    @property
    def table(self) -> Table:
        """The table as it is defined now."""

    @property
    def cache(self) -> Cache:
        """Where what was decoded is cached, by stamps."""

    def read_column(self, row: BlockRow, column: int) -> Array | None:
        """The bytes of a column, uint8[size], or None if there is none; OperationalError if the block is not there."""

    def read_back(self, block: int, column: int) -> Array | None:
        """The bytes of a column of a block that is being written."""

    def replaced(self, stamp: int | None) -> Int64 | None:
        """A list of deleted events that is not stored any more, if a scan under way may need it."""

    def casts(self, property: Property) -> Casts:
        """The codes of the texts that a property's values became when it was made TEXT."""

    def largest_code(self, property: Property) -> int:
        """The largest code that the dictionary has for a property."""


class StoredBlock:
    """A block of the store, as it was written."""

    def __init__(self, reader: Reader, row: BlockRow) -> None:
        self.reader = reader
        self.row = row
        self.stamp: object = (row.stamp, reader.table.stamp) if reader.table.stamp else row.stamp
        self.time_range = row.first_ts, row.last_ts

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[k], starts int64[k+1])."""
        return self.reader.cache.get((self.stamp, "paths"), self._read_paths)

    def _read_paths(self) -> tuple[Int64, Int64]:
        objects, starts = self._decode(PATHS, "paths", fmt.decode_paths)
        if self.row.deleted is None:
            self.compare(objects, starts)
        return objects, starts

    def compare(self, objects: Int64, starts: Int64) -> None:
        """Raise CorruptError if the paths that are left are not what the row tells of them."""
        row = self.row
        if (len(objects), int(starts[-1])) != (row.objects, row.events):
            raise self.corrupt("paths", "its counts are not those of the block")
        if len(objects) and (int(objects[0]), int(objects[-1])) != (row.first_object, row.last_object):
            raise self.corrupt("paths", "its objects are not those of the block")

    @property
    def events(self) -> int:
        """How many events were written."""
        return self.row.events if self.row.deleted is None else int(self.paths()[1][-1])

    def ts(self) -> Int64:
        """int64[n]."""

        def read() -> Int64:
            _, starts = self.paths()
            ts = self._decode(TIMESTAMPS, "timestamp", lambda data: fmt.decode_timestamps(data, starts))
            self._compare_times(ts)
            return ts

        return self.reader.cache.get((self.stamp, "ts"), read)

    def _compare_times(self, ts: Int64) -> None:
        if self.row.deleted is None:
            self.compare_times(ts)
        if len(ts) and not MIN_US <= int(ts.min()) <= int(ts.max()) <= MAX_US:
            raise self.corrupt("timestamp", "its times are not between the years 1 and 9999")

    def compare_times(self, ts: Int64) -> None:
        """Raise CorruptError if the times that are left are not what the row tells of them."""
        if len(ts) and (int(ts.min()), int(ts.max())) != (self.row.first_ts, self.row.last_ts):
            raise self.corrupt("timestamp", "its times are not those of the block")

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes."""

        def read() -> Sparse:
            sparse = self._decode(
                FIRST_PROPERTY + property.id,
                property.name,
                lambda data: decode(data, property, self.events, lambda: self.reader.casts(property)),
                absent=no_values(property.kind),
            )
            if property.kind is TEXT:
                largest = int(sparse.values.max(initial=0))
                if largest > self.reader.largest_code(property):
                    raise self.corrupt(property.name, f"code {largest} is not in the dictionary")
            return sparse

        return self.reader.cache.get((self.stamp, property.id, property.kind), read)

    def deleted(self) -> Int64:
        """The events that were deleted: int64[m], ascending."""

        def read() -> Int64:
            replaced = self.reader.replaced(self.row.deleted)
            if replaced is not None:
                return replaced
            return self._decode(DELETED, "gone", lambda data: fmt.decode_positions(data, self.events))

        return self.reader.cache.get((self.row.deleted, "deleted"), read)

    def _decode(self, column: int, name: str, decode: Callable[[Array], V], absent: V | None = None) -> V:
        data = self.reader.read_column(self.row, column)
        if data is None:
            if absent is not None:
                return absent
            raise self.corrupt(name, "it is missing")
        try:
            return decode(data)
        except FormatError as error:
            raise self.corrupt(name, str(error)) from None

    def corrupt(self, column: str, reason: str) -> CorruptError:
        """The error that names the place."""
        return CorruptError(
            f"table {self.reader.table.name!r}, block {self.row.id}, column {column!r}: {reason}",
            "restore the file from a backup; `skysql check` lists every fault",
        )


class MemoryBlock:
    """Events sorted in memory: the log, as a reader sees it, and what is on its way into blocks."""

    def __init__(self, stamp: object, batch: Batch, order: Int64 | None) -> None:
        self.stamp = stamp
        self.order = order  # where its events lie in the batch, if not in order
        self._batch = batch
        self._sparse: dict[int, Sparse] = {}

    @classmethod
    def sort(cls, stamp: object, batch: Batch, before: Int64 | None = None) -> MemoryBlock:
        """The batch, put into path order. before: the order of its first events; then only the others are merged in."""
        if before is None:
            return cls(stamp, batch, kernels.path_order(batch.objects, batch.ts))
        start = np.concatenate((before, np.arange(len(before), len(batch))))
        order = kernels.path_order(batch.objects[start], batch.ts[start])
        return cls(stamp, batch, start if order is None else start[order])

    @cached_property
    def _objects(self) -> Int64:
        objects = self._batch.objects
        return objects if self.order is None else patiently(np.take, objects, self.order)

    @cached_property
    def _paths(self) -> tuple[Int64, Int64]:
        return kernels.path_starts(self._objects)

    @cached_property
    def _ts(self) -> Int64:
        return self._batch.ts if self.order is None else patiently(np.take, self._batch.ts, self.order)

    @cached_property
    def time_range(self) -> tuple[int, int]:
        """Bounds of the timestamps."""
        return int(self._batch.ts.min()), int(self._batch.ts.max())

    @cached_property
    def _inverse(self) -> Int64:
        assert self.order is not None
        inverse = np.empty(len(self.order), np.int64)
        inverse[self.order] = np.arange(len(self.order))
        return inverse

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[k], starts int64[k+1])."""
        return self._paths

    def ts(self) -> Int64:
        """int64[n]."""
        return self._ts

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes."""
        sparse = self._batch.properties.get(property.id)
        if sparse is None:
            return no_values(property.kind)
        if self.order is None:
            return sparse
        if property.id not in self._sparse:
            self._sparse[property.id] = reorder(sparse, self._inverse)
        return self._sparse[property.id]

    def arrivals(self, positions: Int64) -> Int64:
        """When these events arrived: their places in the batch, int64[m]."""
        return positions if self.order is None else self.order[positions]

    def places(self, arrivals: Int64) -> Int64:
        """Where the events that arrived then lie: int64[m], ascending."""
        return arrivals if self.order is None else patiently(np.sort, self._inverse[arrivals])

    @property
    def nbytes(self) -> int:
        """About how much memory this takes."""
        return 48 * len(self._batch) + sum(size(sparse) for sparse in self._batch.properties.values())


class Surviving:
    """A block without some of its events, and so perhaps without some of its paths, or empty.

    deleted: gives their positions in the block, ascending. stamp: identifies them, for ever.
    """

    def __init__(
        self, block: StoredBlock | MemoryBlock, deleted: Callable[[], Int64], stamp: object, cache: Cache
    ) -> None:
        self.block = block
        self.stamp = block.stamp, stamp
        self.deleted = deleted
        self._cache = cache

    def _cached(self, name: object, make: Callable[[], V]) -> V:
        return self._cache.get((self.stamp, name), make)

    def positions(self) -> Int64:
        """Where the events that are left lie in the block: int64[n], ascending."""

        def make() -> Int64:
            positions = np.ones(int(self.block.paths()[1][-1]), bool)
            positions[self.deleted()] = False
            return np.flatnonzero(positions)

        return self._cached("positions", make)

    @property
    def time_range(self) -> tuple[int, int]:
        """Bounds of the timestamps."""
        if isinstance(self.block, StoredBlock):
            return self.block.time_range
        return self._cached("times", lambda: (int(self.ts().min()), int(self.ts().max())))

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[k], starts int64[k+1])."""

        def make() -> tuple[Int64, Int64]:
            objects, starts = self.block.paths()
            starts = starts - np.searchsorted(self.deleted(), starts)
            left = starts[1:] > starts[:-1]
            objects, starts = objects[left], np.append(starts[:-1][left], starts[-1])
            if isinstance(self.block, StoredBlock) and self.block.row.deleted == self.stamp[1]:
                self.block.compare(objects, starts)
            return objects, starts

        return self._cached("paths", make)

    def ts(self) -> Int64:
        """int64[n]."""

        def make() -> Int64:
            ts = np.delete(self.block.ts(), self.deleted())
            if isinstance(self.block, StoredBlock) and self.block.row.deleted == self.stamp[1]:
                self.block.compare_times(ts)
            return ts

        return self._cached("ts", make)

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes."""

        def make() -> Sparse:
            sparse, deleted = self.block.sparse(property), self.deleted()
            before = np.searchsorted(deleted, sparse.positions)
            left = deleted[np.minimum(before, len(deleted) - 1)] != sparse.positions
            valid = None if sparse.valid is None else sparse.valid[left]
            positions = (sparse.positions[left] - before[left]).astype(np.int32)
            return Sparse(positions, sparse.values[left], None if valid is None or valid.all() else valid)

        return self._cached((property.id, property.kind), make)


class OnePath:
    """One path of a block. positions: int64[n], where its events lie in the block as it was written, ascending."""

    def __init__(self, block: StoredBlock | MemoryBlock, object: int, positions: Int64, stamp: object) -> None:
        self.block = block
        self.positions = positions
        self.stamp = stamp, "path", object
        self._object = object

    @classmethod
    def find(cls, block: Block, object: int) -> OnePath | None:
        """The path of that object in a block, or None if it has none there."""
        whole, stamp = block, block.stamp
        if isinstance(block, Surviving):
            whole = block.block
        assert isinstance(whole, StoredBlock | MemoryBlock)
        objects, starts = whole.paths()
        at = int(np.searchsorted(objects, object))
        if at == len(objects) or objects[at] != object:
            return None
        low, high = int(starts[at]), int(starts[at + 1])
        positions = np.arange(low, high)
        if isinstance(block, Surviving):
            deleted = block.deleted()
            a, b = np.searchsorted(deleted, np.array([low, high]))
            positions = np.delete(positions, deleted[a:b] - low)
        return cls(whole, object, positions, stamp) if len(positions) else None

    @property
    def time_range(self) -> tuple[int, int]:
        """Bounds of the timestamps."""
        ts = self.ts()
        return int(ts[0]), int(ts[-1])

    def paths(self) -> tuple[Int64, Int64]:
        """(objects int64[1], starts int64[2])."""
        return np.array([self._object], np.int64), np.array([0, len(self.positions)], np.int64)

    def ts(self) -> Int64:
        """int64[n]."""
        return self.block.ts()[self.positions]

    def sparse(self, property: Property) -> Sparse:
        """The property's values or changes."""
        sparse = self.block.sparse(property)
        ends = np.array([self.positions[0], self.positions[-1] + 1], sparse.positions.dtype)
        a, b = np.searchsorted(sparse.positions, ends)
        here = sparse.positions[a:b]
        places = np.searchsorted(self.positions, here)
        left = self.positions[places] == here
        valid = None if sparse.valid is None else sparse.valid[a:b][left]
        values = sparse.values[a:b][left]
        return Sparse(places[left].astype(np.int32), values, None if valid is None or valid.all() else valid)


def origin(block: Block, positions: Array) -> tuple[StoredBlock | MemoryBlock, Array]:
    """Where these events of a block were before any of its events were deleted: (the block, their positions)."""
    if isinstance(block, Surviving):
        return block.block, block.positions()[positions]
    if isinstance(block, OnePath):
        return block.block, block.positions[positions]
    assert isinstance(block, StoredBlock | MemoryBlock)
    return block, positions


def read_back(
    reader: Reader, id: int, paths: tuple[Int64, Int64], ts: Int64, values: Mapping[Property, Sparse]
) -> None:
    """Raise InternalError unless a block reads as what was written: its input is about to be deleted."""
    read_column_back(reader, id, PATHS, "paths", fmt.decode_paths, *paths)
    read_column_back(reader, id, TIMESTAMPS, "timestamp", lambda data: (fmt.decode_timestamps(data, paths[1]),), ts)
    for property, sparse in values.items():
        read_property_back(reader, id, property, sparse, len(ts))


def read_property_back(reader: Reader, id: int, property: Property, written: Sparse, events: int) -> None:
    """The same of one property."""
    read_column_back(
        reader,
        id,
        FIRST_PROPERTY + property.id,
        property.name,
        lambda data: (fmt.decode_sparse(data, property.kind, events),),
        written,
    )


def read_column_back(
    reader: Reader, id: int, column: int, name: str, decode: Callable[[Any], tuple[Any, ...]], *written: Array | Sparse
) -> None:
    """The same of one column."""
    try:
        fault = None if all(map(same, decode(reader.read_back(id, column)), written)) else "it is another"
    except FormatError as error:
        fault = str(error)
    if fault is not None:
        raise InternalError(
            f"table {reader.table.name!r}, block {id}, column {name!r} does not read as it was written: {fault}",
            "nothing was changed; please report this with the versions of pcodec and numpy",
        )
