"""Compaction: log and runs become fewer and larger runs.

The log is folded into a run of its own; and whenever there are four neighbouring runs of about one size (within a
factor of four), they become one. So an event is rewritten about log4(n) times over a table's life, and a reader merges
three runs of each size at the most. A full compaction leaves one run.

No commit merges more than about STEP events, so a larger merge takes several commits. Until it is done, the objects up
to some id are merged already, in the youngest of its runs; the others still lie in the runs as they were. 'merging' in
the table's meta says which runs. Smaller merges of younger runs go on beside it.

Blocks of merged runs that overlap no other block are kept as they are, and only change the run that they belong to.

Deleted events are listed beside their block, or the log: that costs little if they are few. A block that has lost a
quarter of its events is rewritten; one that has lost all of them is removed. A scan reads its blocks one after the
other, so while one of the same connection is under way no block is removed: that is left to a later commit.

Each function here takes a manifest and what its rows stand for, and gives the edit that leads to the next manifest.
It has written the columns of the blocks that the edit adds; nothing refers to them until the edit is applied. It knows
nothing of where they are written, of transactions, or of SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any, Protocol

import numpy as np

from ..arrays import kernels
from ..arrays.batch import Batch
from ..model.dtypes import Int64
from .blocks import MemoryBlock, StoredBlock, Surviving
from .cache import Cache
from .manifest import BlockRow, DeletedList, Deletion, Manifest, ManifestEdit, joined, new_stamp
from .shard import Block, Part, Shard
from .snapshot import END, SHARD_EVENTS, by_home, cut, split_paths

FOLD_BATCHES = 1024
FOLD_EVENTS = 1 << 17
"""The log is folded into a run when it passes one of these."""


ALIKE = 4
"""How many runs of one size become one; sizes are powers of this."""

STEP = 1 << 21
"""Events that one commit merges, about: some tenths of a second."""

SPARSE = 4
"""A block is rewritten when it has lost one in this many events."""


class Blocks(Protocol):
    """What the rows of a manifest stand for, and where new ones come from. `Store` implements it."""

    @property
    def cache(self) -> Cache:
        """Where what is derived of blocks is cached."""

    def block(self, row: BlockRow) -> StoredBlock | Surviving:
        """The block of that row, as it reads."""

    def log_block(self, manifest: Manifest) -> MemoryBlock | Surviving:
        """The log in path order."""

    def log_list(self, manifest: Manifest) -> Int64:
        """Which events of the log were deleted, by order of arrival: int64[m], ascending."""

    def write(self, run: int, block: Any, first: int, last: int) -> BlockRow:
        """Store the columns of a block of the paths first ... last-1 of a Block or Shard; returns the row for it."""


def fold(manifest: Manifest, blocks: Blocks, batch: Batch | None = None) -> ManifestEdit:
    """Make a run of the log, and one of the batch if it is given."""
    edits: list[ManifestEdit] = []
    new = [] if batch is None else [MemoryBlock.sort("batch", batch)]
    for block in [*([blocks.log_block(manifest)] if manifest.log else []), *new]:
        run = max([manifest.last_run, *(row.run for edit in edits for row in edit.added)]) + 1
        edits.append(ManifestEdit(added=_written(blocks, run, block)))
    changed = [ManifestEdit(changed=block.paths()[0]) for block in new]
    return joined([*edits, *changed, ManifestEdit(log_cleared=bool(manifest.log))])


def _written(blocks: Blocks, run: int, block: Block | Shard) -> tuple[BlockRow, ...]:
    """The rows of new blocks of all that a block in memory holds."""
    _, starts = block.paths()
    cuts = split_paths(starts, SHARD_EVENTS)
    return tuple(blocks.write(run, block, first, last) for first, last in zip(cuts, cuts[1:], strict=False))


# deleting


def delete(manifest: Manifest, blocks: Blocks, numbers: Int64, *, keep: bool) -> ManifestEdit:
    """Delete events, given by their numbers in the manifest, ascending. keep: every block has to stay."""
    edits = []
    for home, places in by_home(numbers):
        if home < len(manifest.blocks):
            edits.append(_delete(blocks, manifest.blocks[home], places, keep))
        else:
            edits.append(_delete_logged(manifest, blocks, places))
    return joined(edits)


def _delete_logged(manifest: Manifest, blocks: Blocks, places: Int64) -> ManifestEdit:
    block = blocks.log_block(manifest)
    listed = places[:0]
    if isinstance(block, Surviving):
        assert isinstance(block.block, MemoryBlock)
        block, listed = block.block, blocks.log_list(manifest)
    changed = _objects_at(block, places)
    if len(listed) + len(places) == manifest.logged:
        return ManifestEdit(log_cleared=True, changed=changed)
    arrivals = np.sort(np.concatenate((listed, block.arrivals(places))))
    return ManifestEdit(log_deleted=DeletedList(new_stamp(), arrivals), changed=changed)


def _delete(blocks: Blocks, row: BlockRow, places: Int64, keep: bool) -> ManifestEdit:
    if len(places) == row.events and not keep:
        return ManifestEdit(removed=(row.id,), changed=blocks.block(row).paths()[0])
    deletion, left = _shrunk(blocks, row, places)
    before, changed = int(left.block.paths()[1][-1]), _objects_at(left.block, places)
    if keep or (before - deletion.row.events) * SPARSE < before:
        return ManifestEdit(deleted=(deletion,), changed=changed)
    return ManifestEdit(added=_written(blocks, row.run, left), removed=(row.id,), changed=changed)


def _objects_at(block: Block, places: Int64) -> Int64:
    """The objects of events at these places of a block, ascending and once."""
    objects, starts = block.paths()
    found: Int64 = objects[kernels.distinct(np.searchsorted(starts, np.sort(places), side="right") - 1)]
    return found


def _shrunk(blocks: Blocks, row: BlockRow, places: Int64) -> tuple[Deletion, Surviving]:
    """The deletion of events at these places of a block as it was written, and the block as it then reads."""
    block, deleted = blocks.block(row), places
    if isinstance(block, Surviving):
        deleted = np.sort(np.concatenate((block.deleted(), places)))
        block = block.block  # type: ignore[assignment]
    assert not isinstance(block, Surviving)
    listed = DeletedList(new_stamp(), deleted)
    left = Surviving(block, lambda: deleted, listed.stamp, blocks.cache)
    objects, starts = left.paths()
    if len(objects):
        row = replace(row, first_object=int(objects[0]), last_object=int(objects[-1]))
        lost = block.ts()[places]
        if int(lost.min()) == row.first_ts or int(lost.max()) == row.last_ts:
            row = replace(row, first_ts=int(left.ts().min()), last_ts=int(left.ts().max()))
    return Deletion(replace(row, objects=len(objects), events=int(starts[-1]), deleted=listed.stamp), listed), left


# merging


def merge_all(manifest: Manifest, blocks: Blocks) -> ManifestEdit | None:
    """Make one run of all runs, and neighbours that would fit into one block one; no merge is under way then."""
    edit = ManifestEdit(merged=True)
    if len({row.run for row in manifest.blocks}) > 1 or _ragged(manifest.blocks):
        return joined([_merge(blocks, manifest.blocks), edit])
    return None if manifest.merging is None else edit


def rewrite_listed(manifest: Manifest, blocks: Blocks) -> Iterator[ManifestEdit]:
    """Leave no block with a list of deleted events, one after the other."""
    for row in manifest.blocks:
        if row.deleted is not None:
            yield _rewrite(blocks, [row], row.run)


def _ragged(rows: Sequence[BlockRow]) -> bool:
    """Whether a single run has neighbours that would fit into one block."""
    return any(a.events + b.events <= SHARD_EVENTS for a, b in pairwise(rows))


def merge_alike(manifest: Manifest, blocks: Blocks) -> ManifestEdit | None:
    """Merge runs that are alike; what is too much for one commit only begins."""
    under_way = manifest.merging
    young = [(run, rows) for run, rows in manifest.runs() if under_way is None or run > under_way[1]]
    chosen = alike([_events(rows) for _, rows in young], None if under_way is None else STEP)
    if chosen is None:
        return None
    merging = young[chosen[0] : chosen[1]]
    rows = [row for _, run in merging for row in run]
    if _events(rows) <= STEP:
        return _merge(blocks, rows)
    return ManifestEdit(merging=(merging[0][0], merging[-1][0]))


def alike(sizes: Sequence[int], most: int | None = None) -> tuple[int, int] | None:
    """The neighbours to merge, as a range, given the events of each run, the oldest first; `most` events at most."""
    levels = [_level(size) for size in sizes]
    for level in sorted(set(levels)):
        for low, high in _stretches([each <= level for each in levels]):
            while most is not None and sum(sizes[low:high]) > most:
                low += 1
            if levels[low:high].count(level) >= ALIKE:
                total = sum(sizes[low:high])
                wider = alike([*sizes[:low], total, *sizes[high:]], most)  # it may be one of four again
                if wider is not None and wider[0] <= low < wider[1]:
                    return wider[0], wider[1] + high - low - 1
                return low, high
    return None


def _stretches(marks: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The ranges of neighbours that are marked."""
    low = 0
    for marked, stretch in groupby(marks):
        high = low + len(list(stretch))
        if marked:
            yield low, high
        low = high


def _level(size: int) -> int:
    level = 0
    while size >= ALIKE:
        size //= ALIKE
        level += 1
    return level


def _events(blocks: Sequence[BlockRow]) -> int:
    return sum(block.events for block in blocks)


def go_on(manifest: Manifest, blocks: Blocks) -> ManifestEdit | None:
    """A step of the merge that is under way: of the next objects of its runs."""
    if manifest.merging is None:
        return None
    first, last = manifest.merging
    edits = []
    rows = sorted((row for row in manifest.blocks if first <= row.run <= last), key=lambda row: row.first_object)
    while rows and not _overlapping(*rows[:2]):  # what is done already, or needs nothing
        edits.append(_moved(rows.pop(0), last))
    below = _next_objects(rows)
    for cluster in _clusters([row for row in rows if row.first_object < below]):
        if len(cluster) > 1 or cluster[0].last_object >= below:
            edits.append(_rewrite(blocks, cluster, last, below))
        else:
            edits.append(_moved(cluster[0], last))
    return joined([*edits, ManifestEdit(merged=below == END)])


def _moved(row: BlockRow, run: int) -> ManifestEdit:
    return ManifestEdit(moved=() if row.run == run else ((row.id, run),))


def _next_objects(blocks: Sequence[BlockRow]) -> int:
    """Up to which object a step goes: about STEP events, if a block has as many events of each of its objects."""
    if _events(blocks) <= STEP:
        return END
    base = blocks[0].first_object  # from which float64 counts exactly enough, however large ids are
    first = np.array([block.first_object - base for block in blocks], np.float64)
    width = np.array([block.last_object + 1 - block.first_object for block in blocks], np.float64)
    events = np.array([block.events for block in blocks], np.float64)
    low, high = 1, max(block.last_object for block in blocks) - base
    while low < high:
        middle = (low + high + 1) // 2
        if float((np.clip((middle - first) / width, 0, 1) * events).sum()) <= STEP:
            low = middle
        else:
            high = middle - 1
    return base + low


def _overlapping(block: BlockRow, later: BlockRow | None = None) -> bool:
    """Whether the block shares objects with the next that begins later, if there is one."""
    return later is not None and later.first_object <= block.last_object


def _merge(blocks: Blocks, rows: Sequence[BlockRow]) -> ManifestEdit:
    """Merge the blocks of neighbouring runs, given oldest run first, into one run."""
    run = max(row.run for row in rows)
    return joined(
        _moved(cluster[0], run) if len(cluster) == 1 else _rewrite(blocks, cluster, run) for cluster in _clusters(rows)
    )


def _clusters(blocks: Sequence[BlockRow]) -> Iterator[list[BlockRow]]:
    """Blocks that overlap, or that are small neighbours, together; in order of objects."""
    cluster: list[BlockRow] = []
    last, events = -1, 0
    for block in sorted(blocks, key=lambda b: (b.first_object, b.run)):
        if cluster and block.first_object > last and events + block.events > SHARD_EVENTS:
            yield cluster
            cluster, events = [], 0
        cluster.append(block)
        last = max(last, block.last_object)
        events += block.events
    if cluster:
        yield cluster


def _rewrite(blocks: Blocks, cluster: Sequence[BlockRow], run: int, below: int = END) -> ManifestEdit:
    """Merge the blocks into a run; events of objects from `below` on stay where they are."""
    layers: list[list[tuple[Block, int, int]]] = [
        [(blocks.block(row), row.first_object, row.last_object) for row in rows]
        for _, rows in groupby(sorted(filter(_holds_events, cluster), key=_place), key=lambda row: row.run)
    ]
    added: list[BlockRow] = []
    for first_object, parts in _together(layers, below) if layers else ():
        added += _written(blocks, run, Shard(first_object, parts, blocks.cache))
    return ManifestEdit(
        added=tuple(added),
        deleted=tuple(_leave(blocks, row, below) for row in cluster if row.last_object >= below),
        removed=tuple(row.id for row in cluster if row.last_object < below),
    )


def _leave(blocks: Blocks, row: BlockRow, below: int) -> Deletion:
    """Take the objects before `below` out of a block: their events are listed as deleted, which writes little."""
    block, deleted = blocks.block(row), None
    if isinstance(block, Surviving):
        block, deleted = block.block, block.deleted()  # type: ignore[assignment]
    objects, starts = block.paths()
    taken = np.ones(int(starts[np.searchsorted(objects, below)]), bool)
    if deleted is not None:
        taken[deleted[deleted < len(taken)]] = False
    return _shrunk(blocks, row, np.flatnonzero(taken))[0]


def _holds_events(row: BlockRow) -> bool:
    return row.events > 0


def _place(row: BlockRow) -> tuple[int, int]:
    return row.run, row.first_object


def _together(layers: list[list[tuple[Block, int, int]]], below: int) -> Iterator[tuple[int, tuple[Part, ...]]]:
    """The shards to write: small neighbours of one run are written together."""
    if len(layers) == 1:
        yield 0, tuple(part for _, parts in cut(layers, below) for part in parts)
    else:
        yield from cut(layers, below)
