"""Which objects each commit changed: what `Manifest.changed_since` is told from, by the last commits of a table.

The batches of the log and the lists of deleted events tell already what a commit changes. So a batch needs no record
while it is in the log. A *record* is written where the set of runs gets a new stamp: with a deletion, a commit of many
events, and a step of compaction, which changes no object but may clear the log. It holds

    before, after    the stamps of the set of runs
    batches          the stamps of the batches that were cleared with it, in order
    objects, last    which objects changed: each with the place of the last of these batches that changed it, or their
                     number, if what wrote the record did

So records are a chain, from one stamp to the next. A manifest is a place on it: the record that begins with the stamp
of its runs, and the last batch of its log. Later batches and records tell what changed since. A place that is not on
the chain is of another history of the file, such as a copy that went on by itself or a transaction that was rolled
back; or it is older than the records are.

Records are numbered by the version that they lead to, which counts commits, and the last KEPT commits have theirs. The
changes of one commit share a record. A batch whose stamp is odd begins a commit; an even one goes on with that of the
batch or record before, so that a commit counts once however much it writes. (In a table that was written by an older
release stamps are random, and commits are counted as fewer, so more of them are kept.)

`forget` begins another lineage: it deletes all records, and with them the ids of objects that were deleted. That is
part of `compact --vacuum`, and of an alteration that makes events read otherwise.

Records are rows of <table>_column (shadow_tables.py). They came with version 4 of the format. A table of an older
version has none: of its changes, only those still in the log are known. An alteration makes it one of version 4, with
records. Older releases refuse to open it: no release that knows nothing of records writes to a table with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import kernels
from ..model.dtypes import Array, Int64
from . import format as fmt
from .blob import FormatError
from .blocks import MemoryBlock, Surviving
from .format import ChangedObjects
from .log import Log
from .manifest import Manifest, ManifestEdit, new_stamp
from .reader import StoreReader
from .shadow_tables import ShadowTables

KEPT = 1024
"""Commits of which the changed objects are known, at the least."""

_BATCH_BITS = 32


class CommitHistory:
    """The records of one table; implements `manifest.Changed`. What writes does so in a transaction of the caller's."""

    def __init__(self, tables: ShadowTables, reader: StoreReader, log: Log) -> None:
        self._tables = tables
        self._reader = reader
        self._log = log
        self._commit = -1  # of the connection, in which the table was written last
        self._after: int | None = None  # of the record that was written last since then

    def place(self, lineage: Any, counted: Any) -> tuple[int | None, tuple[int, int]]:
        """`Manifest.lineage` and `Manifest.counted` by what the table's meta holds; no lineage if that is damaged."""
        if type(lineage) is not int or type(counted) is not int or not 0 <= counted < 1 << 62:
            return None, (0, 0)
        return lineage, divmod(counted, 1 << _BATCH_BITS)

    def _begins(self) -> bool:
        """Whether this is the transaction's first write to the table."""
        if self._commit == self._tables.commits:
            return False
        self._commit, self._after = self._tables.commits, None
        return True

    # writing

    def stamp(self) -> int:
        """A new stamp for a batch, odd if it begins a commit."""
        return new_stamp() | 1 if self._begins() else new_stamp() & ~1

    def forget(self) -> None:
        """From now on nothing tells what was changed before."""
        self._tables.delete_records()
        self._tables.put_meta("lineage", new_stamp())
        self._tables.put_meta("version", 0)

    def record(self, before: Manifest, changes: ChangedObjects | None, batches: int) -> tuple[int, int]:
        """Note what an edit changed. The log has `batches` batches after it. Returns `Manifest.counted` for then."""
        if changes is None:
            return before.counted
        version = before.version + 1
        if not self._begins():
            earlier = self._read(version - 1)
            if earlier is None:
                version -= 1
            elif earlier.after == changes.before == self._after:  # else what was written since then was rolled back
                changes, version = _joined(earlier, changes), version - 1
        self._after = changes.after
        self._tables.put_record(version, fmt.encode_changes(changes))
        self._tables.delete_records(version - KEPT)
        self._tables.put_meta("version", version << _BATCH_BITS | batches)
        return version, batches

    def changes(self, before: Manifest, edit: ManifestEdit, stamp: int) -> ChangedObjects | None:
        """What an edit changes that leads to that stamp, and is not made yet; None for a table without records."""
        if before.lineage is None:
            return None
        batches = np.array([row.stamp for row in before.log if edit.log_cleared], np.int64)
        objects, last = edit.changed, np.full(len(edit.changed), len(batches), np.uint32)
        if len(batches):
            objects, last = _latest([self._logged(before), (objects, last)])
        return ChangedObjects(before.stamp[0], stamp, batches, objects, last)

    def _logged(self, manifest: Manifest) -> tuple[Int64, Array]:
        """The objects that the batches of the log are of, and the place of the last batch of each."""
        block = self._log.block(manifest)
        whole = block.block if isinstance(block, Surviving) else block
        assert isinstance(whole, MemoryBlock)
        objects, starts = whole.paths()
        latest = np.maximum.reduceat(whole.arrivals(np.arange(int(starts[-1]))), starts[:-1])
        ends = np.cumsum([row.events for row in manifest.log])
        return objects, np.searchsorted(ends, latest, side="right").astype(np.uint32)

    # reading

    def changed(self, since: Manifest, until: Manifest) -> Int64 | None:
        """As `Manifest.changed_since`."""
        if since.lineage != until.lineage or self._tables.stamp() != until.stamp:
            return None
        records = self._between(since.stamp[0], until.stamp[0])
        if records is None:
            return None
        found, seen = [np.zeros(0, np.int64)], since.stamp[2]  # the last batch that `since` has of the log, if any
        for record in records:
            first = 0
            if seen is not None and len(record.batches):
                places = np.flatnonzero(record.batches == seen)
                if not len(places):
                    return None
                first, seen = int(places[0]) + 1, None
            found.append(record.objects[record.last >= first])
        logged = self._logged_since(seen, until)
        return None if logged is None else kernels.distinct(np.concatenate([*found, logged]))

    def _between(self, since: int, until: int) -> list[ChangedObjects] | None:
        """The records from one stamp of the set of runs to another, in order; None if they are not all there."""
        records: list[ChangedObjects] = []
        versions = reversed(self._tables.record_versions()) if since != until else iter(())
        while until != since:
            version = next(versions, None)
            record = None if version is None else self._read(version)
            if record is None or record.after != until:
                return None
            records.append(record)
            until = record.before
        return records[::-1]

    def _logged_since(self, seen: int | None, until: Manifest) -> Int64 | None:
        """The objects of the batches that are in the log, after the one of that stamp; None if that is not there."""
        stamps = [row.stamp for row in until.log]
        if seen is not None and seen not in stamps:
            return None
        first = 0 if seen is None else stamps.index(seen) + 1
        if first == len(stamps):
            return np.zeros(0, np.int64)
        return self._log.read(until.log).objects[sum(row.events for row in until.log[:first]) :]

    def _read(self, version: int) -> ChangedObjects | None:
        data = self._tables.read_record(version)
        try:
            return None if data is None else fmt.decode_changes(data)
        except FormatError as error:
            raise self._reader.corrupt(f"record of changes {version}: {error}") from None

    def faults(self, manifest: Manifest) -> Iterator[str]:
        """What is wrong with the records; raises CorruptError for one that cannot be read."""
        versions = self._tables.record_versions()
        if manifest.lineage is None:
            if versions:
                yield "there are records of changes, and no lineage that they are of"
            return
        if versions and versions[-1] != manifest.counted[0]:
            yield f"the last record of changes is of version {versions[-1]}, not {manifest.counted[0]}"
        after = None
        for version in versions:
            record = self._read(version)
            if record is not None and after not in (None, record.before):
                yield f"record of changes {version}: it does not follow the one before it"
            after = None if record is None else record.after
        if after not in (None, manifest.stamp[0]):
            yield "the last record of changes does not lead to the blocks that there are"


def _joined(earlier: ChangedObjects, later: ChangedObjects) -> ChangedObjects:
    """Two records, the second of which follows the first, as one."""
    own, count = len(earlier.batches), len(earlier.batches) + len(later.batches)
    before = earlier.objects, np.where(earlier.last == own, count, earlier.last).astype(np.uint32)
    after = later.objects, (later.last + own).astype(np.uint32)
    batches = np.concatenate((earlier.batches, later.batches))
    return ChangedObjects(earlier.before, later.after, batches, *_latest([before, after]))


def _latest(parts: list[tuple[Int64, Array]]) -> tuple[Int64, Array]:
    """Objects once, ascending, with the largest number that they have in any part."""
    some = [part for part in parts if len(part[0])] or parts[:1]
    if len(some) == 1:
        return some[0]
    objects, last = (np.concatenate(each) for each in zip(*some, strict=True))
    order = np.argsort(objects, kind="stable")
    objects = objects[order]
    first = np.flatnonzero(np.diff(objects, prepend=0))
    return objects[first], np.maximum.reduceat(last[order], first)
