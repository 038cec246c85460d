"""check(): walks everything that a table has stored, and says what is not as it should be.

What must hold: every batch and column decodes; a block's counts and ranges are those of its columns; objects ascend, no
path is empty, time does not go back within a path; the blocks of a run do not overlap; every code is in the dictionary;
state changes and values lie at events that exist; no column is without a block.

Everything is read from the file, whatever is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np

from .cache import Cache
from .columns import Sparse
from .errors import DatabaseError
from .schema import ACTION, Kind, Property
from .store import LogRow, Snapshot, Store, StoredBlock


def check(store: Store) -> list[str]:
    """Every fault found, [] if there is none. Reads the whole table."""
    store = Store(store.sqlite, store.database, store.table, Cache(0))
    snapshot = store.snapshot()
    faults: list[str] = []
    for row in snapshot.blocks:
        block = StoredBlock(store, row)
        faults += _attempt(_paths, block)
        faults += _attempt(_times, block)
        for property in (ACTION, *store.table.properties):
            faults += _attempt(_column, block, property)
    for log in snapshot.log:
        faults += _attempt(_batch, store, log)
    faults += _overlaps(snapshot)
    faults += _strays(store, snapshot)
    return faults


def _attempt(walk: Callable[..., Iterable[str]], *arguments: object) -> list[str]:
    """The faults that a walk finds, the last of which may end it."""
    faults: list[str] = []
    try:
        for fault in walk(*arguments):
            faults.append(fault)
    except DatabaseError as error:
        faults.append(error.args[0])
    return faults


def _paths(block: StoredBlock) -> Iterator[str]:
    objects, _ = block.paths()
    if (int(objects[0]), int(objects[-1])) != (block.row.first_object, block.row.last_object):
        yield f"block {block.row.id}: its objects are not those that its row says"


def _times(block: StoredBlock) -> Iterator[str]:
    try:
        _, starts = block.paths()
    except DatabaseError:  # a fault of the paths
        return
    ts = block.ts()
    if (int(ts.min()), int(ts.max())) != (block.row.first_ts, block.row.last_ts):
        yield f"block {block.row.id}: its times are not those that its row says"
    back = np.flatnonzero(ts[1:] < ts[:-1]) + 1
    if len(np.setdiff1d(back, starts)):
        yield f"block {block.row.id}: time goes back within a path"


def _column(block: StoredBlock, property: Property) -> Iterator[str]:
    yield from _codes(f"block {block.row.id}", block.store, property, block.sparse(property))


def _codes(where: str, store: Store, property: Property, sparse: Sparse) -> Iterator[str]:
    if property.kind is Kind.TEXT:
        largest = int(sparse.values.max(initial=0))
        if largest >= len(store.dictionary.values(property.id)):
            yield f"{where}, column {property.name!r}: code {largest} is not in the dictionary"


def _batch(store: Store, row: LogRow) -> Iterator[str]:
    where = f"log batch {row.id}"
    batch = store.read_log([row])
    if len(batch) != row.events:
        yield f"{where}: {len(batch)} events, not {row.events}"
    if len(batch) and int(batch.objects.min()) < 1:
        yield f"{where}: an object id is not positive"
    for property in (ACTION, *store.table.properties):
        if property.id in batch.properties:
            yield from _codes(where, store, property, batch.properties[property.id])


def _overlaps(snapshot: Snapshot) -> Iterator[str]:
    for a, b in pairwise(snapshot.blocks):
        if a.run == b.run and b.first_object <= a.last_object:
            yield f"blocks {a.id} and {b.id} of run {a.run} overlap"


def _strays(store: Store, snapshot: Snapshot) -> Iterator[str]:
    blocks = {row.id for row in snapshot.blocks}
    for id in store.column_blocks():
        if id not in blocks:
            yield f"there are columns of block {id}, which does not exist"
