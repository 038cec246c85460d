"""check(): walks everything that a table has stored, and says what is not as it should be.

What must hold: every batch and column decodes; a block's counts and ranges are those of its columns; objects ascend, no
path is empty, time does not go back within a path; the blocks of a run do not overlap; every code is in the dictionary
and has a text, no text is there twice, and every object has a key if objects have keys; state changes and values lie at
events that exist, and every event has an action or a change; what is listed as deleted was there; no column is without
a block or a property.

Everything is read from the file, whatever is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np

from .blocks import BlockRow, StoredBlock, Without
from .cache import Cache
from .columns import Int64, Sparse
from .errors import DatabaseError
from .schema import ACTION, Kind, Property
from .snapshot import LogRow, Snapshot
from .store import Store

_CACHE = 64 << 20  # of its own, and new


def check(store: Store) -> list[str]:
    """Every fault found, [] if there is none. Reads the whole table."""
    store = Store(store.sqlite, store.database, store.table, Cache(_CACHE))
    try:
        snapshot = store.snapshot()
    except DatabaseError as error:  # a row that there cannot be
        return [error.args[0]]
    faults: list[str] = []
    for row in snapshot.blocks:
        block = store.block(row)
        faults += _attempt(_paths, row, block)
        faults += _attempt(_times, row, block)
        for property in (ACTION, *store.table.properties):
            faults += _attempt(_column, store, row, block, property)
        faults += _attempt(_contents, store, row, block)
    for log in snapshot.log:
        faults += _attempt(_batch, store, log)
    faults += _attempt(_deleted, store, snapshot)
    faults += _attempt(_texts, store)
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
    if property.kind is not Kind.TEXT:
        return
    values = store.dictionary.values(property.id)
    largest = int(sparse.values.max(initial=0))
    if largest >= len(values):
        yield f"{where}, column {property.name!r}: code {largest} is not in the dictionary"
        return
    dropped = np.array([value is None for value in values])
    dropped[0] = False
    if dropped[sparse.values].any():
        code = int(sparse.values[dropped[sparse.values]][0])
        yield f"{where}, column {property.name!r}: the text of code {code} was dropped from the dictionary"


def _contents(store: Store, row: BlockRow, block: StoredBlock | Without) -> Iterator[str]:
    """Whether every event has an action or a change, and every object a key."""
    try:
        (objects, _), sparse = block.paths(), [block.sparse(p) for p in (ACTION, *store.table.states)]
    except DatabaseError:  # a fault of a column
        return
    yield from _empty(f"block {row.id}", row.events, sparse)
    yield from _keys(f"block {row.id}", store, objects)


def _empty(where: str, events: int, sparse: Iterable[Sparse]) -> Iterator[str]:
    something = np.zeros(events, bool)
    for each in sparse:
        something[each.positions] = True
    if not something.all():
        yield f"{where}: event {int(np.argmin(something))} has neither an action nor a change"


def _keys(where: str, store: Store, objects: Int64) -> Iterator[str]:
    if store.table.key_name is None:
        return
    for object in objects.tolist():
        if not store.dictionary.has_key(object):
            yield f"{where}: object {object} has no key"
            return


def _texts(store: Store) -> Iterator[str]:
    """Whether codes are without gaps, and texts distinct."""
    for property in (ACTION, *store.table.properties):
        if property.kind is Kind.TEXT:
            texts = [text for text in store.dictionary.values(property.id)[1:] if text is not None]
            if len(set(texts)) < len(texts):
                yield f"dictionary of {property.name!r}: a text is there twice"
            if not store.dictionary.is_gapless(property.id):
                yield f"dictionary of {property.name!r}: codes are missing"


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
    ids = [p.id for p in (ACTION, *store.table.states)]
    yield from _empty(where, len(batch), [batch.properties[id] for id in ids if id in batch.properties])
    yield from _keys(where, store, batch.objects)


def _deleted(store: Store, snapshot: Snapshot) -> Iterator[str]:
    if snapshot.log_events < 0:
        yield "more events are deleted from the log than there are"
    listed = {row.id for row in snapshot.blocks if row.gone is not None} | ({0} if snapshot.gone is not None else set())
    for id in store.lists_of_deleted():
        if id not in listed:
            yield f"{f'block {id}' if id else 'log'}: events are listed as deleted that its row does not know of"


def _overlaps(snapshot: Snapshot) -> Iterator[str]:
    for a, b in pairwise(snapshot.blocks):
        if a.run == b.run and b.first_object <= a.last_object:
            yield f"blocks {a.id} and {b.id} of run {a.run} overlap"


def _strays(store: Store, snapshot: Snapshot) -> Iterator[str]:
    blocks = {row.id for row in snapshot.blocks}
    for id in store.column_blocks():
        if id not in blocks:
            yield f"there are columns of block {id}, which does not exist"
    known = {p.id for p in (ACTION, *store.table.properties)}
    for id in store.column_properties():
        if id not in known:
            yield f"there are columns of property {id}, which does not exist"
