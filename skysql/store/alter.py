"""Altering a table: what its events allow, and what has to be written for it. No event is rewritten.

What is stored names properties by id and tells its own type, so it is read as the new definition has it (retyped.py),
and is written anew when it is next compacted. An alteration writes the definition, and besides

    ALTER ... TYPE TEXT    the texts of all values that occur, into the dictionary, and which value became which text
    DROP of a state        a list of the events that recorded nothing else: they are deleted with it

It is refused where something would be lost: where an event would be left with neither an action nor a change, or an
INTEGER is not exactly a REAL. Inside the caller's transaction; Engine tells SQLite of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays.replay import known
from ..errors import DataError, IntegrityError, OperationalError
from ..interruption import looking
from ..model.alteration import Add, Alteration, Drop, Rename, Turn, Widen, altered, find
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT, Kind
from ..model.quoting import quote
from ..model.table import ACTION, Property, Table
from .blocks import MemoryBlock, StoredBlock
from .manifest import new_stamp
from .numbered import distinct
from .retyped import Casts
from .shard import Shard
from .store import Store


def alter(store: Store, alteration: Alteration) -> tuple[Table, str]:
    """Make the change; returns the table that it is now, and what was done, for people."""
    table = altered(store.table, alteration, new_stamp())
    if store.busy:
        raise OperationalError(
            f"a statement that reads {table.name!r} is under way", "fetch all of its rows, or close its cursor, first"
        )
    done = _prepare(store, alteration)
    store.define(table, alike=isinstance(alteration, Add | Rename))
    return table, done


def _prepare(store: Store, alteration: Alteration) -> str:
    name = store.table.name
    match alteration:
        case Add(added, kind, state):
            return f"{added} {kind}{' STATE' if state else ''} added to {name}"
        case Rename(old, new):
            return f"{old} of {name} renamed to {new}"
        case Drop(dropped):
            property = find(store.table, dropped)
            events = _drop_events(store, property) if property.state else 0
            besides = f", and {_counted(events)} that recorded nothing else" if events else ""
            return f"{dropped} dropped from {name}{besides}"
        case Turn(turned, state):
            if not state:
                _refuse_empty(store, find(store.table, turned))
            return f"{turned} of {name} is {'a state property' if state else 'an attribute'} now"
        case Widen(widened, kind):
            property = find(store.table, widened)
            if kind is TEXT:
                _cast(store, property)
            else:
                _refuse_inexact(store, property, kind)
            return f"{widened} of {name} is {kind} now"


# events that record one change only


def _drop_events(store: Store, property: Property) -> int:
    """Delete the events that record nothing but changes of this property; returns how many."""
    snapshot = store.snapshot()
    attributes = tuple(p for p in store.table.properties if not p.state)
    going = [np.zeros(0, np.int64)]
    for shard in looking(snapshot.shards()):
        empty = _left_empty(store, shard, property)
        if _valued(shard, empty, attributes).any():
            raise IntegrityError(
                f"events of {store.table.name!r} have attributes, but neither action nor state besides {property.name}",
                f"give them an action first: {_repair(store.table)}",
            )
        going.append(snapshot.numbers(shard, empty))
    numbers = distinct(np.concatenate(going))
    if len(numbers):
        store.delete(numbers)
        store.dictionary.note_unused()
    return len(numbers)


def _refuse_empty(store: Store, property: Property) -> None:
    count = sum(len(_left_empty(store, shard, property)) for shard in looking(store.snapshot().shards()))
    if count:
        raise IntegrityError(
            f"{_counted(count)} of {store.table.name!r} would have neither an action nor a change of state",
            f"give them an action first: {_repair(store.table)}",
        )


def _counted(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"


def _repair(table: Table) -> str:
    return f"UPDATE {quote(table.name)} SET action = 'changed' WHERE action IS NULL"


def _left_empty(store: Store, shard: Shard, property: Property) -> Int64:
    """The events that have no action and change nothing but this property: int64[m], ascending."""
    mine = shard.sparse(property).positions
    content = np.zeros(len(shard), bool)
    for other in (ACTION, *(state for state in store.table.states if state is not property)):
        content[shard.sparse(other).positions] = True
    left: Int64 = mine[~content[mine]].astype(np.int64)
    return left


def _valued(shard: Shard, positions: Int64, attributes: tuple[Property, ...]) -> Array:
    """Which of these events have a value of any attribute."""
    has = np.zeros(len(shard), bool)
    for attribute in attributes if len(positions) else ():
        sparse = shard.sparse(attribute)
        present = sparse.values != 0 if attribute.kind is TEXT else known(sparse)
        has[sparse.positions[present]] = True
    return has[positions]


# types


def _numbers(store: Store, property: Property) -> Iterator[Array]:
    """The distinct values that are stored of a property that is not TEXT, block by block; deleted events' as well."""
    snapshot = store.snapshot()
    blocks: list[StoredBlock | MemoryBlock] = [StoredBlock(store.reader, row) for row in snapshot.blocks]
    if snapshot.log:
        log = snapshot.log_block()
        blocks.append(log if isinstance(log, MemoryBlock) else log.block)  # type: ignore[attr-defined]
    for block in looking(blocks):
        sparse = block.sparse(property)
        yield np.unique(sparse.values[known(sparse)])


def _refuse_inexact(store: Store, property: Property, kind: Kind) -> None:
    for values in _numbers(store, property):
        _, bad = property.kind.widened(values, kind)
        if bad is not None and bad.any():
            (value,) = property.kind.texts(values[bad][:1])
            raise DataError(
                f"{store.table.name}.{property.name}: {value} is not exactly a {kind}",
                f"{kind.expected}; ALTER its TYPE to TEXT, or change these values",
            )


def _cast(store: Store, property: Property) -> None:
    """Give each value that occurs the code of its text."""
    values = np.unique(np.concatenate(list(_numbers(store, property)) or [np.zeros(0)]))
    texts = store.tables.as_texts(property.kind.texts(values))
    dictionary = store.begin_batch()
    codes = dictionary.codes(property.id, texts) if texts else np.zeros(0, np.uint32)
    store.write_casts(property, Casts(values, codes))
    dictionary.note_unused()
