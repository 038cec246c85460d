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

from .blocks import BlockRow, StoredBlock, Without
from .cache import Cache
from .columns import Sparse
from .errors import DatabaseError
from .schema import ACTION, Kind, Property
from .store import LogRow, Snapshot, Store


def check(store: Store) -> list[str]:
    """Every fault found, [] if there is none. Reads the whole table."""
    store = Store(store.sqlite, store.database, store.table, Cache(0))
    snapshot = store.snapshot()
    faults: list[str] = []
    for row in snapshot.blocks:
        block = store.block(row)
        faults += _attempt(_paths, row, block)
        faults += _attempt(_times, row, block)
        for property in (ACTION, *store.table.properties):
            faults += _attempt(_column, store, row, block, property)
    for log in snapshot.log:
        faults += _attempt(_batch, store, log)
    faults += _attempt(_deleted, snapshot)
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


def _paths(row: BlockRow, block: StoredBlock | Without) -> Iterator[str]:
    objects, starts = block.paths()
    if (len(objects), int(starts[-1])) != (row.objects, row.events):
        yield f"block {row.id}: its counts are not those that its row says"
    elif len(objects) and (int(objects[0]), int(objects[-1])) != (row.first_object, row.last_object):
        yield f"block {row.id}: its objects are not those that its row says"


def _times(row: BlockRow, block: StoredBlock | Without) -> Iterator[str]:
    try:
        _, starts = block.paths()
    except DatabaseError:  # a fault of the paths
        return
    ts = block.ts()
    if len(ts) and (int(ts.min()), int(ts.max())) != (row.first_ts, row.last_ts):
        yield f"block {row.id}: its times are not those that its row says"
    back = np.flatnonzero(ts[1:] < ts[:-1]) + 1
    if len(np.setdiff1d(back, starts)):
        yield f"block {row.id}: time goes back within a path"


def _column(store: Store, row: BlockRow, block: StoredBlock | Without, property: Property) -> Iterator[str]:
    yield from _codes(f"block {row.id}", store, property, block.sparse(property))


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


def _deleted(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.log_events < 0:
        yield "more events are deleted from the log than there are"


def _overlaps(snapshot: Snapshot) -> Iterator[str]:
    for a, b in pairwise(snapshot.blocks):
        if a.run == b.run and b.first_object <= a.last_object:
            yield f"blocks {a.id} and {b.id} of run {a.run} overlap"


def _strays(store: Store, snapshot: Snapshot) -> Iterator[str]:
    blocks = {row.id for row in snapshot.blocks}
    for id in store.column_blocks():
        if id not in blocks:
            yield f"there are columns of block {id}, which does not exist"
