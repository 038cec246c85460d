"""The log: a row a commit, its events in order of arrival. Where a small commit goes, and how it is read back.

Blocks are made of it when it has grown (compact.py). What was read or written of it last is cached, as the next reader
needs all of that, and the batches added since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..arrays.batch import EMPTY, Batch, Lists, concatenate, joined
from ..model.dtypes import Int64
from . import format as fmt
from .blocks import MemoryBlock, Surviving
from .manifest import LogRow, Manifest
from .reader import StoreReader
from .shadow_tables import ShadowTables

MOST_LOGGED = 4 * fmt.BATCH_EVENTS
"""Events that a log has, at the most: it is folded before (compact.py)."""

_WRITTEN, _SMALL = 2048, 64
"""Small batches that are cached as written, at the most: a log of single events takes longer to read than to cache."""


class Log:
    """The log of one table."""

    def __init__(self, tables: ShadowTables, reader: StoreReader) -> None:
        self._tables = tables
        self._reader = reader
        self._read: tuple[tuple[LogRow, ...], Batch] = (), EMPTY  # what was read last
        self._sorted: tuple[tuple[LogRow, ...], Int64 | None] = (), None  # and how what was sorted of it is in order
        self._written: dict[int, Lists] = {}  # batches by stamp, as they were when they were written

    # writing; inside a transaction of the caller's

    def append(self, batch: Batch | Lists, stamp: int) -> LogRow:
        """Add one batch, under a new stamp; returns its row."""
        events = len(batch)
        id = self._tables.append(stamp, events, fmt.encode_batch(batch, self._reader.kinds))
        (row,) = self._reader.sound("log batch", [LogRow(id, stamp, events)])
        if len(self._written) >= _WRITTEN:
            self._written.clear()
        if events <= _SMALL and isinstance(batch, Lists):
            self._written[stamp] = batch
        return row

    def clear(self) -> None:
        """Drop what is in it."""
        self._tables.delete_log()
        self._read = (), EMPTY

    # reading

    def rows(self, cached: tuple[LogRow, ...]) -> tuple[LogRow, ...]:
        """Its rows: the cached ones, if batches were only added since, and the rows after them."""
        if cached:
            rows = self._tables.log_rows(cached[-1].id)
            if rows and rows[0] == cached[-1]:
                return cached + tuple(self._reader.sound("log batch", rows[1:]))
        rows = self._reader.sound("log batch", self._tables.log_rows())
        if sum(row.events for row in rows) > MOST_LOGGED:
            raise self._reader.corrupt(f"log: its rows tell of more than the {MOST_LOGGED} events that a log has")
        return tuple(rows)

    def events(self) -> int:
        """How many events it holds."""
        return self._tables.log_events()

    def read(self, rows: Sequence[LogRow]) -> Batch:
        """These rows as one batch. What was read of them last time is not read again."""
        cached, batch = self._read
        if not cached or tuple(rows[: len(cached)]) != cached:
            cached, batch = (), EMPTY
        new = rows[len(cached) :]
        if new:
            batch = concatenate([batch, *self._batches(new)])
            self._read = tuple(rows), batch
        return batch

    def _batches(self, rows: Sequence[LogRow]) -> Iterator[Batch]:
        """What is in these rows, which follow each other; what this connection wrote lately needs no decoding."""
        written = [self._written[row.stamp] for row in rows if row.stamp in self._written]
        if len(written) == len(rows):
            yield joined(written).batch(self._reader.kinds)
        else:
            yield from self._reader.batches(rows)

    def block(self, manifest: Manifest) -> MemoryBlock | Surviving:
        """The log of a manifest in path order."""
        rows, deleted, cache = manifest.log, manifest.deleted, self._reader.cache
        stamps = tuple(row.stamp for row in rows) if len(rows) < 8 else (rows[0].stamp, rows[-1].stamp, len(rows))
        key = "log", self._reader.table.stamp, stamps
        block = cache.get(key, lambda: self._sort(key, rows))
        if deleted is None:
            return block

        def places() -> Int64:
            return cache.get((block.stamp, deleted, "deleted"), lambda: block.places(self._reader.log_list(manifest)))

        return Surviving(block, places, deleted, cache)

    def _sort(self, stamp: object, rows: tuple[LogRow, ...]) -> MemoryBlock:
        cached, order = self._sorted
        block = MemoryBlock.sort(stamp, self.read(rows), order if rows[: len(cached)] == cached else None)
        self._sorted = rows, block.order
        return block
