"""check(): walks everything that a table has stored, and says what is not as it should be.

What must hold
- Every batch and column decodes; a block's counts and ranges are those of its columns; blocks of a run do not overlap.
- Objects ascend, no path is empty, and time does not go back within a path.
- Changes and values lie at events that exist; every event has an action or a change; events listed as deleted exist.
- Every code is in the dictionary and has a text, no text is there twice, and a hash that is stored is the text's. Every
  object has a key if objects have keys. Every value that became TEXT has its text.
- Nothing is stored without a block or a property that it is of; and the table's CREATE VIRTUAL TABLE and its companions
  say what its definition does.

Everything is read from the file, whatever is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import apsw
import numpy as np

from ..arrays.batch import Sparse
from ..arrays.replay import known
from ..errors import DatabaseError, ProgrammingError
from ..model.companions import COMPANIONS
from ..model.dtypes import Int64
from ..model.kinds import TEXT
from ..model.table import ACTION, Property, arguments_of, parse_arguments
from . import chunks, leftovers, statistics
from .blocks import StoredBlock, Surviving
from .cache import Cache
from .manifest import FIRST_PROPERTY, BlockRow, LogRow
from .snapshot import Snapshot
from .store import Store

_CACHE = 64 << 20  # of its own, and new


def check(store: Store) -> list[str]:
    """Every fault found, [] if there is none. Reads the whole table."""
    store = Store(store.tables, store.table, Cache(_CACHE))
    try:
        return _faults(store)
    except (DatabaseError, apsw.Error) as error:  # a row that cannot be, or a shadow table that is not there
        return [str(error.args[0])]


def _faults(store: Store) -> list[str]:
    snapshot = store.snapshot()
    faults = list(_definition(store))
    for row in snapshot.blocks:
        block = store.block(row)
        faults += _attempt(_paths, row, block)
        faults += _attempt(_times, row, block)
        for property in (ACTION, *store.table.properties):
            faults += _attempt(_column, store, row, block, property)
        faults += _attempt(_contents, store, row, block)
    deleted = _log_deleted(store, snapshot)
    first = 0
    for log in snapshot.log:
        faults += _attempt(_batch, store, log, deleted[(deleted >= first) & (deleted < first + log.events)] - first)
        first += log.events
    faults += _attempt(_deleted, store, snapshot)
    faults += _attempt(_texts, store)
    faults += _attempt(_casts, store)
    faults += _attempt(store.history.faults, snapshot.manifest)
    if not faults:
        faults += _attempt(_statistics, store, snapshot)
    faults += _overlaps(snapshot)
    faults += _strays(store, snapshot)
    return faults


def _attempt(walk: Callable[..., Iterable[str]], *arguments: object) -> list[str]:
    """The faults that a walk finds; the last may be an error that ended the walk."""
    faults: list[str] = []
    try:
        for fault in walk(*arguments):
            faults.append(fault)
    except DatabaseError as error:
        faults.append(error.args[0])
    return faults


def _definition(store: Store) -> Iterator[str]:
    """Whether SQLite's schema says what ours does."""
    table, found = store.table, store.tables.schema()
    try:
        declared = parse_arguments(table.name, arguments_of(found.get(table.name, "")), table.kinds)
    except ProgrammingError as error:
        yield f"its CREATE VIRTUAL TABLE cannot be read: {error.args[0]}"
        return
    if declared.arguments() != table.arguments():
        yield f"its CREATE VIRTUAL TABLE says ({', '.join(declared.arguments())}), not ({', '.join(table.arguments())})"
    for companion in COMPANIONS:
        if f"{table.name}_{companion}" not in found:
            yield f"there is no {table.name}_{companion}"


def _paths(row: BlockRow, block: StoredBlock | Surviving) -> Iterator[str]:
    objects, starts = block.paths()
    if (len(objects), int(starts[-1])) != (row.objects, row.events):
        yield f"block {row.id}: its counts are not those that its row says"
    elif len(objects) and (int(objects[0]), int(objects[-1])) != (row.first_object, row.last_object):
        yield f"block {row.id}: its objects are not those that its row says"


def _times(row: BlockRow, block: StoredBlock | Surviving) -> Iterator[str]:
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


def _column(store: Store, row: BlockRow, block: StoredBlock | Surviving, property: Property) -> Iterator[str]:
    yield from _codes(f"block {row.id}", store, property, block.sparse(property))


def _codes(where: str, store: Store, property: Property, sparse: Sparse) -> Iterator[str]:
    if property.kind is not TEXT:
        return
    largest = int(sparse.values.max(initial=0))
    if largest > store.dictionary.largest(property.id):
        yield f"{where}, column {property.name!r}: code {largest} is not in the dictionary"
        return
    cleared = store.dictionary.cleared(property.id)
    if cleared[sparse.values].any():
        code = int(sparse.values[cleared[sparse.values]][0])
        yield f"{where}, column {property.name!r}: the text of code {code} was cleared from the dictionary"


def _contents(store: Store, row: BlockRow, block: StoredBlock | Surviving) -> Iterator[str]:
    """Whether every event has an action or a change, and every object a key."""
    try:
        (objects, _), sparse = block.paths(), [block.sparse(p) for p in (ACTION, *store.table.states)]
    except DatabaseError:  # a fault of a column
        return
    yield from _empty(f"block {row.id}", row.events, sparse)
    yield from _keys(f"block {row.id}", store, objects)


def _empty(where: str, events: int, sparse: Iterable[Sparse], deleted: Int64 | None = None) -> Iterator[str]:
    something = np.zeros(events, bool)
    if deleted is not None:
        something[deleted[deleted < events]] = True
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
        if property.kind is TEXT:
            for fault in store.dictionary.faults(property.id):
                yield f"dictionary of {property.name!r}: {fault}"
    known = {p.id for p in (ACTION, *store.table.properties) if p.kind is TEXT}
    if leftovers.may_be_left(store):
        known.update(range(store.table.next_id))
    for id in store.dictionary.properties():
        if id not in known:
            yield f"the dictionary holds texts of property {id}, which is no TEXT property"
    if store.table.key_name is None and store.dictionary.any_keys():
        yield "there are keys, and objects have none"


def _statistics(store: Store, snapshot: Snapshot) -> Iterator[str]:
    """Whether every value in blocks was counted."""
    if not store.statistics.complete:
        return
    for property in store.table.properties:
        if property.kind is TEXT:
            continue
        stored = store.statistics.of(property.id)
        if stored is None:
            yield f"statistics of {property.name!r}: they are unreadable"
            continue
        for row in snapshot.blocks:
            sparse = store.block(row).sparse(property)
            if np.any(statistics.registers(property.kind.read(sparse.values[known(sparse)])) > stored):
                yield f"statistics of {property.name!r}: values of block {row.id} were not counted"


def _casts(store: Store) -> Iterator[str]:
    """Whether values that became TEXT have their texts, where they are still needed."""
    for property in store.table.properties:
        if property.kind is TEXT and store.reader.read_back(0, FIRST_PROPERTY + property.id) is not None:
            codes = store.reader.casts(property).codes
            yield from _codes("casts", store, property, Sparse(np.zeros(len(codes), np.int32), codes))


def _log_deleted(store: Store, snapshot: Snapshot) -> Int64:
    """The events of the log that were deleted; none if their list cannot be read, which `_deleted` tells."""
    try:
        return np.zeros(0, np.int64) if snapshot.manifest.deleted is None else store.log_list(snapshot.manifest)
    except DatabaseError:
        return np.zeros(0, np.int64)


def _batch(store: Store, row: LogRow, deleted: Int64) -> Iterator[str]:
    where = f"log batch {row.id}"
    batch = store.log.read([row])
    if len(batch) != row.events:
        yield f"{where}: {len(batch)} events, not {row.events}"
    if len(batch) and int(batch.objects.min()) < 1:
        yield f"{where}: an object id is not positive"
    known = {p.id for p in (ACTION, *store.table.properties)}
    for id in sorted(batch.properties.keys() - known):
        yield f"{where}: it has values of property {id}, which does not exist"
    for property in (ACTION, *store.table.properties):
        if property.id in batch.properties:
            yield from _codes(where, store, property, batch.properties[property.id])
    ids = [p.id for p in (ACTION, *store.table.states)]
    yield from _empty(where, len(batch), [batch.properties[id] for id in ids if id in batch.properties], deleted)
    yield from _keys(where, store, batch.objects)


def _deleted(store: Store, snapshot: Snapshot) -> Iterator[str]:
    if snapshot.log_events < 0:
        yield "more events are deleted from the log than there are"
    listed = {row.id for row in snapshot.blocks if row.deleted is not None}
    listed |= {0} if snapshot.manifest.deleted is not None else set()
    for id in store.tables.lists_of_deleted():
        if id not in listed:
            yield f"{f'block {id}' if id else 'log'}: events are listed as deleted that its row does not know of"


def _overlaps(snapshot: Snapshot) -> Iterator[str]:
    for a, b in pairwise(snapshot.blocks):
        if a.run == b.run and b.first_object <= a.last_object:
            yield f"blocks {a.id} and {b.id} of run {a.run} overlap"


def _strays(store: Store, snapshot: Snapshot) -> Iterator[str]:
    blocks = {row.id for row in snapshot.blocks}
    for id in store.tables.column_blocks():
        if id not in blocks:
            yield f"there are columns of block {id}, which does not exist"
    known = {p.id for p in (ACTION, *store.table.properties)}
    if leftovers.may_be_left(store):
        known.update(range(store.table.next_id))
    for id in store.tables.column_properties():
        if id not in known:
            yield f"there are columns of property {id}, which does not exist"
    told = store.dictionary.chunks()
    for property_id, last, _ in map(chunks.place, store.tables.chunk_rows()):
        if (property_id, last) not in told:
            yield f"property {property_id}, texts up to {last}: there is a chunk of texts that no row tells of"
