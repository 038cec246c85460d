"""Compaction: log and runs become fewer and larger runs.

The log is folded into a run of its own; then, while the run before is less than twice as large as what is being
merged, it joins. So sizes at least double from run to run, an event is rewritten about log2(n) times over a table's
life, and a reader merges about as many runs at the most. A full compaction leaves one run.

Blocks of merged runs that overlap no other block are kept as they are, and only change the run that they belong to.
Everything happens inside the caller's transaction.

Deleted events are listed beside their block, or the log, at the cost of their number; a block that has lost a quarter
of its events is rewritten, and one that has lost all of them goes. While a scan of the same connection is under way,
which reads its blocks one after the other, no block is removed: whatever would have removed it is left to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from .blocks import BlockRow, MemoryBlock
from .columns import Batch, Int64, Lists
from .replay import known
from .schema import ACTION, Kind
from .segment import Block, Part, Segment
from .snapshot import SEGMENT_EVENTS, cut, split_paths
from .store import Store

FOLD_BATCHES = 1024
FOLD_EVENTS = 1 << 17
"""The log is folded into a run when it passes one of these."""


SPARSE = 4
"""A block that has lost one event in so many is rewritten."""


def add(store: Store, batch: Batch | Lists) -> None:
    """Store one commit's events: in the log, or, if they are many, as a run at once; then tidy up if it is time."""
    events = len(batch)
    if events >= FOLD_EVENTS:
        fold(store, batch.batch(store.kinds) if isinstance(batch, Lists) else batch)
        return
    batches = store.append_log(batch)
    look = batches % 64 == 0 or events > FOLD_EVENTS // 64
    if batches >= FOLD_BATCHES or (look and store.log_events() >= FOLD_EVENTS):
        fold(store)


def fold(store: Store, batch: Batch | None = None) -> None:
    """Make a run of the log, and one of the batch if it is given, and merge runs that have come to be alike."""
    snapshot = store.snapshot()
    if snapshot.log:
        _write_run(store, snapshot.log_block())
        store.clear_log(snapshot)
        store.touch()
    if batch is not None:
        _write_run(store, MemoryBlock.sort("batch", batch))
        store.touch()
    _merge_alike(store)


def delete(store: Store, rows: Int64) -> None:
    """Delete events, given by their numbers in the current snapshot, ascending."""
    snapshot = store.snapshot()
    sparse = []
    for block, positions in snapshot.located(rows):
        if isinstance(block, MemoryBlock):
            if len(positions) == snapshot.log_events:
                store.clear_log(snapshot)
            else:
                store.delete_from_log(snapshot, np.sort(block.arrivals(positions)))
        elif len(positions) == block.row.events and not store.busy:
            store.remove_blocks([block.row.id])
        else:
            row = store.delete_from_block(block, positions)
            if (block.events - row.events) * SPARSE >= block.events and not store.busy:
                sparse.append(row)
    for row in sparse:
        _rewrite(store, [row], row.run)
    store.touch()


def compact(store: Store) -> None:
    """Leave one run and no log, and nothing of what was deleted or dropped, or is of a former type."""
    if store.snapshot().log:
        fold(store)
    if store.busy:
        return
    runs = _runs(store)
    if len(runs) > 1 or _ragged(runs):
        _merge(store, [block for _, blocks in runs for block in blocks])
    for row in store.snapshot().blocks:
        if row.gone is not None:
            _rewrite(store, [row], row.run)
            store.touch()
    if store.may_hold_former:
        store.drop_former()
    if store.dictionary.may_hold_unused or not store.statistics.complete:
        _count(store)
    if store.dictionary.may_hold_unused:
        _drop_unused(store)


def _count(store: Store) -> None:
    """Make the statistics those of the values that are left."""
    store.statistics.restart()
    for row in store.snapshot().blocks:
        for property in store.table.properties:
            if property.kind is not Kind.TEXT:
                sparse = store.block(row).sparse(property)
                store.statistics.add(property.id, sparse.values[known(sparse)])


def _drop_unused(store: Store) -> None:
    """Drop the texts and keys that no event has any more."""
    blocks = [store.block(row) for row in store.snapshot().blocks]
    codes = {}
    for property in (ACTION, *store.table.properties):
        if property.kind is Kind.TEXT:
            used = np.zeros(len(store.dictionary.values(property.id)), bool)
            for block in blocks:
                used[block.sparse(property).values] = True
            codes[property.id] = np.flatnonzero(~used[1:]) + 1
    objects = np.unique(np.concatenate([np.zeros(0, np.int64), *(block.paths()[0] for block in blocks)]))
    store.dictionary.drop(codes, objects if store.table.key_name is not None else None)
    store.touch()


def _ragged(runs: list[tuple[int, list[BlockRow]]]) -> bool:
    """Whether a single run has neighbours that would fit into one block."""
    blocks = [block for _, run in runs for block in run]
    return any(a.events + b.events <= SEGMENT_EVENTS for a, b in zip(blocks, blocks[1:], strict=False))


def _runs(store: Store) -> list[tuple[int, list[BlockRow]]]:
    return [(run, list(blocks)) for run, blocks in groupby(store.snapshot().blocks, key=lambda row: row.run)]


def _write_run(store: Store, block: Block) -> None:
    run = max((row.run for row in store.snapshot().blocks), default=0) + 1
    _, starts = block.paths()
    cuts = split_paths(starts, SEGMENT_EVENTS)
    for first, last in zip(cuts, cuts[1:], strict=False):
        store.write_block(run, block, first, last)
    store.touch()


def _merge_alike(store: Store) -> None:
    runs = _runs(store)
    if not runs or store.busy:
        return
    _, chosen = runs.pop()
    merging = list(chosen)
    count = 1
    while runs and sum(b.events for b in runs[-1][1]) < 2 * sum(b.events for b in merging):
        _, older = runs.pop()
        merging = older + merging
        count += 1
    if count > 1:
        _merge(store, merging)


def _merge(store: Store, blocks: Sequence[BlockRow]) -> None:
    """Merge the blocks of neighbouring runs, given oldest run first, into one run."""
    run = max(block.run for block in blocks)
    for cluster in _clusters(blocks):
        if len(cluster) == 1:
            if cluster[0].run != run:
                store.move_block(cluster[0].id, run)
            continue
        _rewrite(store, cluster, run)
    store.touch()


def _clusters(blocks: Sequence[BlockRow]) -> Iterator[list[BlockRow]]:
    """Blocks that overlap, or that are small neighbours, together; in order of objects."""
    cluster: list[BlockRow] = []
    last, events = -1, 0
    for block in sorted(blocks, key=lambda b: (b.first_object, b.run)):
        if cluster and block.first_object > last and events + block.events > SEGMENT_EVENTS:
            yield cluster
            cluster, events = [], 0
        cluster.append(block)
        last = max(last, block.last_object)
        events += block.events
    if cluster:
        yield cluster


def _rewrite(store: Store, cluster: list[BlockRow], run: int) -> None:
    layers: list[list[tuple[Block, int, int]]] = [
        [(store.block(row), row.first_object, row.last_object) for row in rows]
        for _, rows in groupby(sorted(filter(_holds_events, cluster), key=_place), key=lambda row: row.run)
    ]
    for first_object, parts in _together(layers) if layers else ():
        segment = Segment(first_object, parts, store.cache)
        _, starts = segment.paths()
        cuts = split_paths(starts, SEGMENT_EVENTS)
        for first, last in zip(cuts, cuts[1:], strict=False):
            store.write_block(run, segment, first, last)
    store.remove_blocks([row.id for row in cluster])


def _holds_events(row: BlockRow) -> bool:
    return row.events > 0


def _place(row: BlockRow) -> tuple[int, int]:
    return row.run, row.first_object


def _together(layers: list[list[tuple[Block, int, int]]]) -> Iterator[tuple[int, tuple[Part, ...]]]:
    """The segments to write: small neighbours of one run are written together."""
    if len(layers) == 1:
        yield 0, tuple(part for _, parts in cut(layers) for part in parts)
    else:
        yield from cut(layers)
