"""Events of a snapshot by their numbers: found, read as a batch, and put in order when they are written anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.batch import Batch, Sparse, concatenate, take
from ..model.dtypes import Bool, Int64
from ..model.kinds import TEXT
from ..model.table import ACTION, Table
from .shard import Block, Shard
from .snapshot import Snapshot
from .views import ObjectPlaces, TieEnds, event_objects


def by_shard(snapshot: Snapshot, numbers: Int64) -> Iterator[tuple[Shard, Int64, Int64]]:
    """(shard, which of the events, their positions in it) of events with these numbers, ascending."""
    objects = np.concatenate([_objects(block, places) for block, places in snapshot.located(numbers)])
    for shard, here in snapshot.shards_of(distinct(objects)):
        ids, starts = shard.paths()
        positions = kernels.positions_of(starts, np.searchsorted(ids, here))
        found = snapshot.numbers(shard, positions)
        sort = np.argsort(found)
        at = np.minimum(np.searchsorted(found[sort], numbers), len(found) - 1)
        which = np.flatnonzero(found[sort][at] == numbers)
        yield shard, which, positions[sort[at[which]]]


def _objects(block: Block, places: Int64) -> Int64:
    objects, starts = block.paths()
    path_of = np.searchsorted(starts, places, side="right") - 1
    return objects[path_of]


def distinct(values: Int64) -> Int64:
    """The distinct values, ascending. (numpy's own function hashes, which takes ten times as long.)"""
    values = np.sort(values)
    first: Bool = np.concatenate((np.ones(min(len(values), 1), bool), values[1:] != values[:-1]))
    return values[first]


def events_at(snapshot: Snapshot, objects: Int64, ts: Int64) -> Int64:
    """The numbers of all events that these objects have at these moments, pair by pair: ascending, distinct."""
    found = [np.zeros(0, np.int64)]
    for shard, here in snapshot.shards_of(distinct(objects)):
        mine = np.isin(objects, here)
        found.append(snapshot.numbers(shard, _at(shard, objects[mine], ts[mine])))
    return distinct(np.concatenate(found))


def _at(shard: Shard, objects: Int64, moments: Int64) -> Int64:
    _, starts = shard.paths()
    paths = shard.view(ObjectPlaces).find(shard, objects)
    paths, moments = paths[paths >= 0], moments[paths >= 0]
    ts = shard.ts()
    last = kernels.last_until(ts, starts, paths, moments)
    at = last >= 0
    at[at] = ts[last[at]] == moments[at]
    paths, moments, last = paths[at], moments[at], last[at]
    before = kernels.last_until(ts, starts, paths, moments - 1)
    first = np.where(before < 0, starts[paths], before + 1)
    return kernels.positions_of(np.stack((first, last + 1), axis=1).ravel(), np.arange(len(first)) * 2)


def same_place(snapshot: Snapshot, object: int, moment: int) -> Iterator[dict[int, Any]]:
    """What each of the object's events at that moment holds: property id -> value, None for a change to NULL."""
    for shard, _ in snapshot.shards_of(np.array([object], np.int64)):
        ids, starts = shard.paths()
        at = int(np.searchsorted(ids, object))
        if at == len(ids) or ids[at] != object:
            return
        low, high = starts[at : at + 2].tolist()
        path = shard.ts()[low:high]
        first, last = int(np.searchsorted(path, moment)), int(np.searchsorted(path, moment, side="right"))
        for position in range(low + first, low + last):
            yield _values(snapshot, shard, position)


def read(shard: Shard, positions: Int64, table: Table) -> Batch:
    """These events of a shard, ascending, with their own values and changes."""
    properties = {}
    for property in (ACTION, *table.properties):
        sparse = shard.sparse(property)
        if not len(sparse.positions):
            continue
        wanted = positions.astype(sparse.positions.dtype)
        at = np.minimum(np.searchsorted(sparse.positions, wanted), len(sparse.positions) - 1)
        has = sparse.positions[at] == positions
        if has.any():
            at = at[has]
            valid = None if sparse.valid is None else sparse.valid[at]
            properties[property.id] = Sparse(np.flatnonzero(has).astype(np.int32), sparse.values[at], valid)
    return Batch(shard.view(event_objects)[positions], shard.ts()[positions], properties)


def _values(snapshot: Snapshot, shard: Shard, position: int) -> dict[int, Any]:
    found: dict[int, Any] = {}
    kinds = snapshot.store.kinds
    states = {property.id for property in snapshot.table.states}
    for id, sparse in read(shard, np.array([position]), snapshot.table).properties.items():
        value = sparse.values[0].item()
        if kinds[id] is TEXT:
            value = snapshot.store.dictionary.values(id)[value]
        known = value is not None and (sparse.valid is None or bool(sparse.valid[0]))
        if known or id in states:  # an attribute that was a state property may have been changed to NULL
            found[id] = value if known else None
    return found


def rewritten(snapshot: Snapshot, numbers: Int64, batch: Batch, deleted: Int64) -> tuple[Int64, Batch]:
    """What replaces events that change: (the numbers of the events to delete, the events to add, in order of arrival).

    numbers: int64[m]; batch: what these events become, in the same order; deleted: numbers of events to delete only.
    An event that keeps object and time keeps its place among those of that moment. So the ones after it are
    deleted, too, and arrive again behind it. The others arrive last, in the order that they had.
    """
    sort = np.argsort(numbers)
    numbers, batch = numbers[sort], take(batch, sort)
    pool, order, moved, going, base = [batch], [], [], [numbers, deleted], len(batch)
    for shard, which, positions in by_shard(snapshot, numbers):
        path_order = np.argsort(positions)
        which, positions = which[path_order], positions[path_order]
        same = batch.objects[which] == shard.view(event_objects)[positions]
        same &= batch.ts[which] == shard.ts()[positions]
        moved.append(which[~same])
        behind = _behind(shard, positions[same])
        behind = behind[~np.isin(behind, positions)]
        again = snapshot.numbers(shard, behind)
        left = ~np.isin(again, deleted)
        behind, again = behind[left], again[left]
        pool.append(read(shard, behind, snapshot.table))
        places = np.concatenate((positions[same], behind))
        order.append(np.concatenate((which[same], np.arange(base, base + len(behind))))[np.argsort(places)])
        going.append(again)
        base += len(behind)
    return distinct(np.concatenate(going)), take(concatenate(pool), np.concatenate([*order, *moved]))


def _behind(shard: Shard, positions: Int64) -> Int64:
    """The events that follow any of these (ascending) at the same moment in the same path: ascending."""
    ends = shard.view(TieEnds).ends
    if ends is None:
        return positions[:0]
    followed = positions[ends[positions] > positions]
    bounds = np.stack((followed + 1, ends[followed] + 1), axis=1).ravel()
    return distinct(kernels.positions_of(bounds, np.arange(len(followed)) * 2))
