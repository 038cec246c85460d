"""Compaction: log and runs become fewer and larger runs.

The log is folded into a run of its own; then, while the run before is less than twice as large as what is being
merged, it joins. So sizes at least double from run to run, an event is rewritten about log2(n) times over a table's
life, and a reader merges about as many runs at the most. A full compaction leaves one run.

Blocks of merged runs that overlap no other block are kept as they are, and only change the run that they belong to.
Everything happens inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from .columns import Batch, Lists
from .segment import Block, Part, Segment
from .store import SEGMENT_EVENTS, BlockRow, MemoryBlock, Store, StoredBlock, cut, split_paths

FOLD_BATCHES = 1024
FOLD_EVENTS = 1 << 17
"""The log is folded into a run when it passes one of these."""


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
        _write_run(store, MemoryBlock.sort("log", store.read_log(snapshot.log)))
        store.clear_log(snapshot.log)
        store.touch()
    if batch is not None:
        _write_run(store, MemoryBlock.sort("batch", batch))
        store.touch()
    _merge_alike(store)


def compact(store: Store) -> None:
    """Leave one run and no log."""
    if store.snapshot().log:
        fold(store)
    runs = _runs(store)
    if len(runs) > 1 or _ragged(runs):
        _merge(store, [block for _, blocks in runs for block in blocks])


def _ragged(runs: list[tuple[int, list[BlockRow]]]) -> bool:
    """Whether a single run has neighbours that would fit into one block."""
    blocks = [block for _, run in runs for block in run]
    return any(a.events + b.events <= SEGMENT_EVENTS for a, b in zip(blocks, blocks[1:], strict=False))


def _runs(store: Store) -> list[tuple[int, list[BlockRow]]]:
    return [(run, list(blocks)) for run, blocks in groupby(store.snapshot().blocks, key=lambda row: row.run)]


def _write_run(store: Store, block: MemoryBlock) -> None:
    run = max((row.run for row in store.snapshot().blocks), default=0) + 1
    _, starts = block.paths()
    cuts = split_paths(starts, SEGMENT_EVENTS)
    for first, last in zip(cuts, cuts[1:], strict=False):
        store.write_block(run, block, first, last)
    store.touch()


def _merge_alike(store: Store) -> None:
    runs = _runs(store)
    if not runs:
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
        [(StoredBlock(store, row), row.first_object, row.last_object) for row in rows]
        for _, rows in groupby(sorted(cluster, key=lambda b: (b.run, b.first_object)), key=lambda row: row.run)
    ]
    for first_object, parts in _together(layers):
        segment = Segment(first_object, parts, store.cache)
        _, starts = segment.paths()
        cuts = split_paths(starts, SEGMENT_EVENTS)
        for first, last in zip(cuts, cuts[1:], strict=False):
            store.write_block(run, segment, first, last)
    store.remove_blocks([row.id for row in cluster])


def _together(layers: list[list[tuple[Block, int, int]]]) -> Iterator[tuple[int, tuple[Part, ...]]]:
    """The segments to write: small neighbours of one run are written together."""
    if len(layers) == 1:
        yield 0, tuple(part for _, parts in cut(layers) for part in parts)
    else:
        yield from cut(layers)
