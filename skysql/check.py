"""check(): walks everything that a table has stored, and says what is not as it should be.

What must hold: every batch and column decodes; a block's counts and ranges are those of its columns; objects ascend, no
path is empty, time does not go back within a path; the blocks of a run do not overlap; every code is in the dictionary;
state changes and values lie at events that exist; no column is without a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np

from .errors import DatabaseError
from .schema import ACTION, Kind
from .store import LogRow, Snapshot, Store, StoredBlock

T = TypeVar("T")


def check(store: Store) -> list[str]:
    """Every fault found, [] if there is none. Reads the whole table."""
    faults: list[str] = []
    snapshot = store.snapshot()
    for row in snapshot.blocks:
        faults += _attempt(lambda block: list(_block(store, block)), StoredBlock(store, row))
    for log in snapshot.log:
        faults += _attempt(lambda row: list(_batch(store, row)), log)
    faults += _overlaps(snapshot)
    faults += _strays(store, snapshot)
    return faults


def _attempt(walk: Callable[[T], list[str]], subject: T) -> list[str]:
    try:
        return walk(subject)
    except DatabaseError as error:
        return [error.args[0]]


def _block(store: Store, block: StoredBlock) -> Iterator[str]:
    row = block.row
    where = f"block {row.id}"
    objects, starts = block.paths()
    ts = block.ts()
    if (int(objects[0]), int(objects[-1])) != (row.first_object, row.last_object):
        yield f"{where}: its objects are not those that its row says"
    if (int(ts.min()), int(ts.max())) != (row.first_ts, row.last_ts):
        yield f"{where}: its times are not those that its row says"
    back = np.flatnonzero(ts[1:] < ts[:-1]) + 1
    if len(np.setdiff1d(back, starts)):
        yield f"{where}: time goes back within a path"
    for property in (ACTION, *store.table.properties):
        sparse = block.sparse(property)
        if property.kind is Kind.TEXT:
            largest = int(sparse.values.max(initial=0))
            if largest >= len(store.dictionary.values(property.id)):
                yield f"{where}, column {property.name!r}: code {largest} is not in the dictionary"


def _batch(store: Store, row: LogRow) -> Iterator[str]:
    batch = store.read_log([row])
    if len(batch) != row.events:
        yield f"log batch {row.id}: {len(batch)} events, not {row.events}"
    if len(batch) and int(batch.objects.min()) < 1:
        yield f"log batch {row.id}: an object id is not positive"
    for property in (ACTION, *store.table.properties):
        sparse = batch.properties.get(property.id)
        if sparse is None or property.kind is not Kind.TEXT:
            continue
        largest = int(sparse.values.max(initial=0))
        if largest >= len(store.dictionary.values(property.id)):
            yield f"log batch {row.id}, column {property.name!r}: code {largest} is not in the dictionary"


def _overlaps(snapshot: Snapshot) -> Iterator[str]:
    for a, b in pairwise(snapshot.blocks):
        if a.run == b.run and b.first_object <= a.last_object:
            yield f"blocks {a.id} and {b.id} of run {a.run} overlap"


def _strays(store: Store, snapshot: Snapshot) -> Iterator[str]:
    blocks = {row.id for row in snapshot.blocks}
    for id in store.column_blocks():
        if id not in blocks:
            yield f"there are columns of block {id}, which does not exist"
