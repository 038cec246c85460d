"""Compaction on manifests and blocks alone: a manifest in, an edit out; no SQLite, no store."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from skysql.arrays.batch import Batch, Sparse
from skysql.model.dtypes import Array, Int64
from skysql.model.kinds import INTEGER
from skysql.model.table import Property, parse_arguments
from skysql.store import compact, snapshot
from skysql.store import format as fmt
from skysql.store.blocks import MemoryBlock, StoredBlock, Surviving
from skysql.store.cache import Cache
from skysql.store.manifest import (
    DELETED,
    FIRST_PROPERTY,
    PATHS,
    TIMESTAMPS,
    BlockRow,
    LogRow,
    Manifest,
    ManifestEdit,
    new_stamp,
)
from skysql.store.retyped import Casts
from skysql.store.shard import Block, Part, Shard
from skysql.store.snapshot import ROW_BITS

TABLE = parse_arguments("users", ["number INTEGER"])
NUMBER = TABLE.properties[0]

Event = tuple[int, int, int]
"""Object, time, and the number by which it arrived."""


class Bare:
    """Blocks, log batches and lists of deleted events in dicts: what `compact.Blocks` and `blocks.Reader` ask for."""

    def __init__(self) -> None:
        self.table, self.cache = TABLE, Cache(1 << 24)
        self.columns: dict[tuple[int, int], bytes] = {}
        self.batches: dict[int, Batch] = {}
        self.lists: dict[int | None, Int64] = {}

    # blocks.Reader

    def read_column(self, row: BlockRow, column: int) -> Array | None:
        return self.read_back(row.id, column)

    def read_back(self, block: int, column: int) -> Array | None:
        found = self.columns.get((block, column))
        return None if found is None else np.frombuffer(found, np.uint8)

    def replaced(self, stamp: int | None) -> Int64 | None:
        return self.lists.get(stamp)

    def casts(self, property: Property) -> Casts:
        raise AssertionError(property)

    def largest_code(self, property: Property) -> int:
        raise AssertionError(property)

    # compact.Blocks

    def block(self, row: BlockRow) -> StoredBlock | Surviving:
        stored = StoredBlock(self, row)
        return stored if row.deleted is None else Surviving(stored, stored.deleted, row.deleted, self.cache)

    def log_block(self, manifest: Manifest) -> MemoryBlock | Surviving:
        batches = [self.batches[row.id] for row in manifest.log]
        objects, ts = (np.concatenate([getattr(b, name) for b in batches]) for name in ("objects", "ts"))
        numbers = np.concatenate([b.properties[NUMBER.id].values for b in batches])
        block = MemoryBlock.sort(new_stamp(), batch_of(objects, ts, numbers))
        if manifest.deleted is None:
            return block
        places = block.places(self.lists[manifest.deleted])
        return Surviving(block, lambda: places, new_stamp(), self.cache)

    def log_list(self, manifest: Manifest) -> Int64:
        return self.lists[manifest.deleted]

    def write(self, run: int, block: Block | Shard, first: int, last: int) -> BlockRow:
        objects, starts = block.paths()
        low, high = int(starts[first]), int(starts[last])
        ids, ts = objects[first:last], block.ts()[low:high]
        numbers = Part(block, first, last, first == 0 and last == len(objects)).sparse(NUMBER)  # type: ignore[arg-type]
        id = max((id for id, _ in self.columns), default=0) + 1
        self.columns[id, PATHS] = fmt.encode_paths(ids, starts[first : last + 1] - low)
        self.columns[id, TIMESTAMPS] = fmt.encode_timestamps(ts, starts[first : last + 1] - low)
        self.columns[id, FIRST_PROPERTY + NUMBER.id] = fmt.encode_sparse(numbers, INTEGER, high - low)
        times = int(ts.min()), int(ts.max())
        return BlockRow(id, new_stamp(), run, int(ids[0]), int(ids[-1]), *times, len(ids), len(ts))


def batch_of(objects: Int64, ts: Int64, numbers: Int64) -> Batch:
    return Batch(objects, ts, {NUMBER.id: Sparse(np.arange(len(objects), dtype=np.int32), numbers)})


def events_of(block: Block) -> list[Event]:
    objects, starts = block.paths()
    each = np.repeat(objects, np.diff(starts)).tolist()
    return list(zip(each, block.ts().tolist(), block.sparse(NUMBER).values.tolist(), strict=True))


class History:
    """A table by its manifest, and the events that it has to hold, in order of arrival."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.blocks, self.manifest = Bare(), Manifest((new_stamp(), None, None), lineage=1)
        self.events: list[Event] = []
        self.arrived = 0
        self.objects = self.rng.choice([3, 40, 400])

    def batch(self) -> list[Event]:
        most = self.rng.choice([1, 5, 30, 80])
        some = [
            (self.rng.randint(1, self.objects), self.rng.randint(0, 20), self.arrived + at)
            for at in range(self.rng.randint(1, most))
        ]
        self.arrived += len(some)
        return some

    def apply(self, edit: ManifestEdit) -> None:
        if edit.log_deleted is not None:
            self.blocks.lists[edit.log_deleted.stamp] = edit.log_deleted.places
        for deletion in edit.deleted:
            self.blocks.lists[deletion.listed.stamp] = deletion.listed.places
        self.manifest = self.manifest.edited(edit, new_stamp())
        kept = {row.id for row in self.manifest.blocks}
        self.blocks.columns = {key: data for key, data in self.blocks.columns.items() if key[0] in kept}

    # what changes events

    def append(self) -> None:
        events = self.batch()
        row = LogRow(len(self.blocks.batches) + 1, new_stamp(), len(events))
        self.blocks.batches[row.id] = batch_of(*(np.array(each, np.int64) for each in zip(*events, strict=True)))
        log = (*self.manifest.log, row)
        self.manifest = Manifest((self.manifest.stamp[0], row.id, row.stamp), self.manifest.blocks, log,
                                 self.manifest.deleted, None, self.manifest.merging, 1)  # fmt: skip
        self.events += events

    def append_many(self) -> None:
        events = self.batch()
        batch = batch_of(*(np.array(each, np.int64) for each in zip(*events, strict=True)))
        edit = compact.fold(self.manifest, self.blocks, batch)
        assert edit.changed.tolist() == sorted({event[0] for event in events})
        self.events += events
        self.apply(edit)

    def delete(self) -> None:
        """Some events, found by their numbers; every block has to stay at times, as while a scan reads them."""
        places = list(self.numbered())
        some = sorted(self.rng.sample(places, self.rng.randint(0, min(len(places), self.rng.choice([1, 10, 200])))))
        if not some:
            return
        numbers = np.array([number for number, _ in some], np.int64)
        edit = compact.delete(self.manifest, self.blocks, numbers, keep=self.rng.random() < 0.3)
        gone = {event for _, event in some}
        assert edit.changed.tolist() == sorted({object for object, _, _ in gone})
        self.events = [event for event in self.events if event not in gone]
        self.apply(edit)

    def numbered(self) -> Iterator[tuple[int, Event]]:
        homes: list[Block] = [self.blocks.block(row) for row in self.manifest.blocks]
        if self.manifest.log:
            homes.append(self.blocks.log_block(self.manifest))
        for home, block in enumerate(homes):
            kept = block.positions().tolist() if isinstance(block, Surviving) else range(int(block.paths()[1][-1]))
            for place, event in zip(kept, events_of(block), strict=True):
                yield (home << ROW_BITS) + place, event

    # what does not

    def compact(self) -> None:
        way = self.rng.choice([self.fold, self.merge_alike, self.go_on, self.merge_all, self.rewrite])
        for edit in way():
            assert not len(edit.changed)  # so what `changed_since` says of anything before stays as it was
            self.apply(edit)

    def fold(self) -> Iterator[ManifestEdit]:
        if self.manifest.log:
            yield compact.fold(self.manifest, self.blocks)

    def merge_alike(self) -> Iterator[ManifestEdit]:
        edit = compact.merge_alike(self.manifest, self.blocks)
        if edit is not None:
            yield edit

    def go_on(self) -> Iterator[ManifestEdit]:
        edit = compact.go_on(self.manifest, self.blocks)
        if edit is not None:
            yield edit

    def merge_all(self) -> Iterator[ManifestEdit]:
        edit = compact.merge_all(self.manifest, self.blocks)
        if edit is not None:
            yield edit

    def rewrite(self) -> Iterator[ManifestEdit]:
        yield from compact.rewrite_listed(self.manifest, self.blocks)

    # what has to be

    def check(self) -> None:
        """No event is lost or there twice, and those of an object and a time are in order of arrival."""
        found: list[Event] = []
        for _, rows in self.manifest.runs():
            for row in rows:
                block = events_of(self.blocks.block(row))
                assert len(block) == row.events and len({event[0] for event in block}) == row.objects
                assert row.objects <= 1 or row.events <= compact.SHARD_EVENTS
                assert block == sorted(block)
                found += block
        if self.manifest.log:
            found += events_of(self.blocks.log_block(self.manifest))
        assert sorted(found, key=lambda event: event[:2]) == sorted(self.events)  # the first is stable: runs by age
        for _, rows in self.manifest.runs() if self.manifest.merging is None else ():
            assert all(a.last_object < b.first_object for a, b in zip(rows, rows[1:], strict=False) if b.events)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (compact, snapshot):
        monkeypatch.setattr(module, "SHARD_EVENTS", 32)
    monkeypatch.setattr(compact, "STEP", 64)


@pytest.mark.parametrize("seed", range(100))
def test_any_history(seed: int) -> None:
    history = History(seed)
    for _ in range(25):
        history.rng.choice([history.append, history.append, history.append_many, history.delete,
                            history.compact, history.compact, history.compact])()  # fmt: skip
        history.check()
    for edit in [*history.fold()]:
        history.apply(edit)
    while history.manifest.merging is not None:
        for edit in history.go_on():
            history.apply(edit)
    for edit in history.rewrite():
        history.apply(edit)
    for _ in "12":  # the first leaves the last block of what overlapped as small as it is
        for edit in history.merge_all():
            history.apply(edit)
    history.check()
    at_rest(history.manifest, history.blocks, history.events)


def at_rest(manifest: Manifest, blocks: Bare, events: Sequence[Event]) -> None:
    """One run of full blocks, in which nothing is left of what was deleted."""
    rows = manifest.blocks
    assert not manifest.log and manifest.merging is None and len(manifest.runs()) <= 1
    assert all(row.deleted is None for row in rows) and DELETED not in {column for _, column in blocks.columns}
    stored = [event for row in rows for event in events_of(StoredBlock(blocks, row))]
    assert stored == sorted(events)
    assert all(a.events + b.events > compact.SHARD_EVENTS for a, b in zip(rows, rows[1:], strict=False))


def test_runs_stay_few() -> None:
    """Of neighbours of one size, or smaller, at the most three of that size are left; and a step rewrites little."""
    history = History(1)
    history.objects = 5000
    most = 0
    for _ in range(200):
        history.append_many()
        for _ in range(8):  # as after each commit, until there is nothing to do
            edits = [*history.go_on(), *([] if history.manifest.merging else history.merge_alike())]
            for edit in edits:
                assert sum(row.events for row in edit.added) <= 2 * compact.STEP
                history.apply(edit)
        sizes = [sum(row.events for row in rows) for _, rows in history.manifest.runs()]
        assert history.manifest.merging is not None or compact.alike(sizes) is None
        most = max(most, len(sizes))
    history.check()
    assert len(history.events) > 2500 and most <= 40
