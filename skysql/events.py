"""Events of a snapshot by their numbers: found, read as a batch, and put in order when they are written anew.

An event's number is its segment's, shifted by `ROW_BITS`, and its position there; it holds for one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import kernels
from .columns import Batch, Int64, Sparse, concatenate, take
from .plan import Column
from .rows import EventRows
from .schema import ACTION, Kind, Table
from .segment import Segment
from .store import ROW_BITS, Snapshot


def by_segment(snapshot: Snapshot, rows: Int64) -> Iterator[tuple[int, Segment, Int64]]:
    """(number of its first event, segment, positions there) of the events with these numbers, ascending."""
    homes = rows >> ROW_BITS
    used, begins = np.unique(homes, return_index=True)
    segments = snapshot.segments()
    for home, low, high in zip(used.tolist(), begins, np.append(begins[1:], len(rows)), strict=True):
        base = home << ROW_BITS
        yield base, segments[home], rows[low:high] - base


def events_at(snapshot: Snapshot, objects: Int64, ts: Int64) -> Int64:
    """The numbers of all events that these objects have at these moments, pair by pair: ascending, distinct."""
    segments = snapshot.segments()
    if not segments or not len(objects):
        return np.zeros(0, np.int64)
    firsts = np.array([segment.first_object for segment in segments], np.int64)
    homes = np.maximum(np.searchsorted(firsts, objects, side="right") - 1, 0)
    found = []
    for home in np.unique(homes).tolist():
        here = homes == home
        found.append(_at(segments[home], objects[here], ts[here]) + (home << ROW_BITS))
    return np.concatenate(found)


def _at(segment: Segment, objects: Int64, moments: Int64) -> Int64:
    _, starts = segment.paths()
    paths = segment.find(objects)
    paths, moments = paths[paths >= 0], moments[paths >= 0]
    ts = segment.ts()
    last = kernels.last_until(ts, starts, paths, moments)
    at = last >= 0
    at[at] = ts[last[at]] == moments[at]
    paths, moments, last = paths[at], moments[at], last[at]
    before = kernels.last_until(ts, starts, paths, moments - 1)
    first = np.where(before < 0, starts[paths], before + 1)
    bounds = np.stack((first, last + 1), axis=1)
    ranges = [np.arange(low, high) for low, high in bounds.tolist()]
    return np.unique(np.concatenate([*ranges, np.zeros(0, np.int64)])).astype(np.int64)


def read(segment: Segment, positions: Int64, table: Table) -> Batch:
    """These events of a segment, ascending, with what they themselves hold."""
    properties = {}
    for property in (ACTION, *table.properties):
        sparse = segment.sparse(property)
        if not len(sparse.positions):
            continue
        at = np.minimum(np.searchsorted(sparse.positions, positions), len(sparse.positions) - 1)
        has = sparse.positions[at] == positions
        if has.any():
            at = at[has]
            valid = None if sparse.valid is None else sparse.valid[at]
            properties[property.id] = Sparse(np.flatnonzero(has).astype(np.int32), sparse.values[at], valid)
    return Batch(segment.object_ids()[positions], segment.ts()[positions], properties)


def values_of(snapshot: Snapshot, row: int) -> dict[int, Any]:
    """What one event itself holds: property id -> value, None for a change to NULL."""
    segment, positions = snapshot.segments()[row >> ROW_BITS], np.array([row & ((1 << ROW_BITS) - 1)])
    found: dict[int, Any] = {}
    kinds = snapshot.store.kinds
    for id, sparse in read(segment, positions, snapshot.table).properties.items():
        value = sparse.values[0].item()
        if kinds[id] is Kind.TEXT:
            value = snapshot.store.dictionary.values(id)[value]
        found[id] = None if sparse.valid is not None and not sparse.valid[0] else value
    return found


def columns_of(snapshot: Snapshot, row: int) -> dict[str, Any]:
    """What one event reads as: column name in lower case -> value, of the states, the time, and the session."""
    segment, positions = snapshot.segments()[row >> ROW_BITS], np.array([row & ((1 << ROW_BITS) - 1)])
    rows = EventRows(segment, snapshot.table, snapshot.store.dictionary, positions)
    names = ["timestamp", "idle", "session", "session_event", snapshot.table.object_name.lower()]
    names += [p.name.lower() for p in snapshot.table.states]
    return {name: rows.vector(Column(name)).tolist()[0] for name in names}


def rewritten(snapshot: Snapshot, rows: Int64, batch: Batch, deleted: Int64) -> tuple[Int64, Batch]:
    """What replaces events that change: (the numbers of all events that go, the events that come, as they arrive).

    rows: int64[m], their numbers; batch: what they become, in the same order; deleted: numbers of events that only go.
    An event that keeps object and time keeps its place among those of that moment, so the ones after it go as well,
    and arrive again behind it. The others arrive last, in the order that they had.
    """
    sort = np.argsort(rows)
    rows, batch = rows[sort], take(batch, sort)
    pool, order, going, base = [batch], [], [rows, deleted], len(batch)
    moved = np.zeros(len(batch), bool)
    at = 0
    for first, segment, positions in by_segment(snapshot, rows):
        mine = np.arange(at, at + len(positions))
        at += len(positions)
        same = batch.objects[mine] == segment.object_ids()[positions]
        same &= batch.ts[mine] == segment.ts()[positions]
        moved[mine[~same]] = True
        behind = _behind(segment, positions[same])
        behind = behind[~np.isin(behind + first, deleted) & ~np.isin(behind, positions)]
        pool.append(read(segment, behind, snapshot.table))
        places = np.concatenate((positions[same], behind))
        numbers = np.concatenate((mine[same], np.arange(base, base + len(behind))))
        order.append(numbers[np.argsort(places)])
        going.append(behind + first)
        base += len(behind)
    order.append(np.flatnonzero(moved))
    return np.unique(np.concatenate(going)), take(concatenate(pool), np.concatenate(order))


def _behind(segment: Segment, positions: Int64) -> Int64:
    """The events that follow any of these (ascending) at the same moment in the same path: ascending."""
    ends = segment.tie_ends()
    if ends is None:
        return positions[:0]
    followed = ends[positions] > positions
    ranges = [np.arange(a + 1, ends[a] + 1) for a in positions[followed].tolist()]
    return np.unique(np.concatenate([*ranges, positions[:0]]))
