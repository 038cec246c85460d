"""Compaction: log and runs become fewer and larger runs.

The log is folded into a run of its own; and whenever there are four neighbouring runs of about one size (within a
factor of four), they become one. So an event is rewritten about log4(n) times over a table's life, and a reader merges
three runs of each size at the most. A full compaction leaves one run.

No commit merges more than STEP events, about: a larger merge goes on for some commits. Until then what is done of it,
which is all up to some object, belongs to the youngest of its runs, and the rest to the runs as they were; 'merging'
in the table's meta says which. Smaller merges of younger runs go on beside it.

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

from ..arrays import kernels
from ..arrays.batch import Batch, Lists
from ..arrays.replay import known
from ..model.dtypes import Int64
from ..model.kinds import TEXT
from ..model.table import ACTION
from . import leftovers
from .blocks import BlockRow, MemoryBlock, StoredBlock
from .shard import Block, Part, Shard
from .snapshot import END, SHARD_EVENTS, cut, split_paths
from .store import Store

FOLD_BATCHES = 1024
FOLD_EVENTS = 1 << 17
"""The log is folded into a run when it passes one of these."""


ALIKE = 4
"""So many runs of one size become one; a size is a power of this."""

STEP = 1 << 21
"""Events that one commit merges, about: some tenths of a second."""

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
    store.set_merging(None)
    for row in store.snapshot().blocks:
        if row.gone is not None:
            _rewrite(store, [row], row.run)
            store.touch()
    if leftovers.may_be_left(store):
        leftovers.drop(store)
    if store.dictionary.may_hold_unused or not store.statistics.complete:
        _count(store)
    if store.dictionary.may_hold_unused:
        _drop_unused(store)
    if store.begin_batch().fold():
        store.touch()
    else:
        store.drop_batch()


def _count(store: Store) -> None:
    """Make the statistics those of the values that are left."""
    store.statistics.restart()
    for row in store.snapshot().blocks:
        for property in store.table.properties:
            if property.kind is not TEXT:
                sparse = store.block(row).sparse(property)
                store.statistics.add(property.id, sparse.values[known(sparse)])


def _drop_unused(store: Store) -> None:
    """Drop the texts and keys that no event has any more."""
    blocks = [store.block(row) for row in store.snapshot().blocks]
    codes = {}
    for property in (ACTION, *store.table.properties):
        if property.kind is TEXT:
            used = np.zeros(len(store.dictionary.values(property.id)), bool)
            for block in blocks:
                used[block.sparse(property).values] = True
            codes[property.id] = np.flatnonzero(~used[1:]) + 1
    objects = kernels.distinct(np.concatenate([np.zeros(0, np.int64), *(block.paths()[0] for block in blocks)]))
    store.dictionary.drop(codes, objects if store.table.key_name is not None else None)
    store.touch()


def _ragged(runs: list[tuple[int, list[BlockRow]]]) -> bool:
    """Whether a single run has neighbours that would fit into one block."""
    blocks = [block for _, run in runs for block in run]
    return any(a.events + b.events <= SHARD_EVENTS for a, b in zip(blocks, blocks[1:], strict=False))


def _runs(store: Store) -> list[tuple[int, list[BlockRow]]]:
    return [(run, list(blocks)) for run, blocks in groupby(store.snapshot().blocks, key=lambda row: row.run)]


def _write_run(store: Store, block: Block) -> None:
    run = max((row.run for row in store.snapshot().blocks), default=0) + 1
    _, starts = block.paths()
    cuts = split_paths(starts, SHARD_EVENTS)
    for first, last in zip(cuts, cuts[1:], strict=False):
        store.write_block(run, block, first, last)
    store.touch()


def _merge_alike(store: Store) -> None:
    """Merge runs that are alike; what is too much for one commit only begins, or goes on."""
    if store.busy:
        return
    under_way = store.merging()
    young = [(run, blocks) for run, blocks in _runs(store) if under_way is None or run > under_way[1]]
    chosen = alike([_events(blocks) for _, blocks in young], None if under_way is None else STEP)
    if chosen is not None:
        merging = young[chosen[0] : chosen[1]]
        blocks = [block for _, run in merging for block in run]
        if _events(blocks) <= STEP:
            _merge(store, blocks)
        else:
            under_way = merging[0][0], merging[-1][0]
            store.set_merging(under_way)
    if under_way is not None:
        _go_on(store, *under_way)


def alike(sizes: Sequence[int], most: int | None = None) -> tuple[int, int] | None:
    """Which neighbours to merge, as a range, of runs of so many events, the oldest first; at most so many events."""
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


def _go_on(store: Store, first: int, last: int) -> None:
    """A step of the merge of the runs first ... last: of their next objects."""
    blocks = sorted((b for b in store.snapshot().blocks if first <= b.run <= last), key=lambda b: b.first_object)
    while blocks and not _overlapping(*blocks[:2]):  # what is done already, or needs nothing
        done = blocks.pop(0)
        if done.run != last:
            store.move_block(done.id, last)
    below = _next_objects(blocks)
    for cluster in _clusters([block for block in blocks if block.first_object < below]):
        if len(cluster) > 1 or cluster[0].last_object >= below:
            _rewrite(store, cluster, last, below)
        elif cluster[0].run != last:
            store.move_block(cluster[0].id, last)
    if below == END:
        store.set_merging(None)
    store.touch()


def _next_objects(blocks: Sequence[BlockRow]) -> int:
    """Up to which object a step goes: so far that there are STEP events, if blocks have as many of each of theirs."""
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
        if cluster and block.first_object > last and events + block.events > SHARD_EVENTS:
            yield cluster
            cluster, events = [], 0
        cluster.append(block)
        last = max(last, block.last_object)
        events += block.events
    if cluster:
        yield cluster


def _rewrite(store: Store, cluster: list[BlockRow], run: int, below: int = END) -> None:
    """Merge the blocks into a run; what they have of objects from `below` on stays where it is."""
    layers: list[list[tuple[Block, int, int]]] = [
        [(store.block(row), row.first_object, row.last_object) for row in rows]
        for _, rows in groupby(sorted(filter(_holds_events, cluster), key=_place), key=lambda row: row.run)
    ]
    for first_object, parts in _together(layers, below) if layers else ():
        shard = Shard(first_object, parts, store.cache)
        _, starts = shard.paths()
        cuts = split_paths(starts, SHARD_EVENTS)
        for first, last in zip(cuts, cuts[1:], strict=False):
            store.write_block(run, shard, first, last)
    for row in cluster:
        if row.last_object >= below:
            _leave(store, row, below)
    store.remove_blocks([row.id for row in cluster if row.last_object < below])


def _leave(store: Store, row: BlockRow, below: int) -> None:
    """Take the objects before `below` out of a block: their events are listed as deleted, which writes little."""
    block = StoredBlock(store, row)
    objects, starts = block.paths()
    taken = np.ones(int(starts[np.searchsorted(objects, below)]), bool)
    if row.gone is not None:
        gone = block.gone()
        taken[gone[gone < len(taken)]] = False
    store.delete_from_block(block, np.flatnonzero(taken))


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
