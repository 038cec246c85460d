"""What an import has seen of its objects, and which of it are changes: rows held until the last one is known.

`Held` takes batches in which a value of a state property is an *observation*, under codes and ids of its own;
`slices()` keeps those that differ from the value before them, and gives the events that remain as columns to append.
The value before is that of the latest observation or stored change not after the row; of two at the same time, the one
that came later. Rows that are *literal* stay as they are.

Memory: 16 bytes a row, and 8-12 for each value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import timestamps
from .columns import DTYPES, Array, Batch, Bool, Int64, Sparse
from .schema import ACTION, Kind, Property, Table, quote

if TYPE_CHECKING:
    from .dbapi import Connection

SLICE = 1_000_000
"""Rows that are written at once."""


class Texts:
    """The dictionary of an import that holds its rows: texts and keys <-> codes of its own."""

    def __init__(self) -> None:
        self._codes: dict[int, dict[str, int]] = {}
        self._keys: dict[str, int] = {}

    def codes(self, property_id: int, texts: Sequence[str] | Array) -> Array:
        """One code a text, from 1."""
        known = self._codes.setdefault(property_id, {})
        return np.array([known.setdefault(str(text), len(known) + 1) for text in texts], np.uint32)

    def objects(self, keys: Sequence[str]) -> Int64:
        """One id a key, from 1."""
        known = self._keys
        return np.array([known.setdefault(str(key), len(known) + 1) for key in keys], np.int64)

    def find(self, key: str) -> int | None:
        """The key's id if it is known."""
        return self._keys.get(key)

    def texts(self, property_id: int) -> Array:
        """object[codes]: the text of each code, None for 0."""
        return np.array([None, *self._codes.get(property_id, ())], object)

    def keys(self) -> Array:
        """object[ids]: the key of each id."""
        return np.array([None, *self._keys], object)


@dataclass(slots=True)
class Held:
    """The rows of an import whose changes are not known yet."""

    dictionary: Texts = field(default_factory=Texts)
    batches: list[Batch] = field(default_factory=list)
    literal: list[Bool] = field(default_factory=list)

    def add(self, batch: Batch, literal: Bool) -> None:
        """Hold rows; literal: bool[n], those to be taken as they stand."""
        self.batches.append(batch)
        self.literal.append(literal)

    def _joined(self) -> tuple[Batch, Bool]:
        """All rows as one batch, and which of them are to be taken as they stand."""
        offsets = np.cumsum([0] + [len(batch) for batch in self.batches])
        ids = sorted({id for batch in self.batches for id in batch.properties})
        batch = Batch(
            np.concatenate([b.objects for b in self.batches]),
            np.concatenate([b.ts for b in self.batches]),
            {id: self._join(id, offsets) for id in ids},
        )
        literal = np.concatenate(self.literal)
        self.batches.clear()
        return batch, literal

    def _join(self, id: int, offsets: Int64) -> Sparse:
        parts = [(b.properties[id], int(o)) for b, o in zip(self.batches, offsets, strict=False) if id in b.properties]
        valid = None
        if any(part.valid is not None for part, _ in parts):
            valid = np.concatenate([_valid(part) for part, _ in parts])
        return Sparse(
            np.concatenate([part.positions + offset for part, offset in parts]).astype(np.int32),
            np.concatenate([part.values for part, _ in parts]),
            valid,
        )

    def slices(self, db: Connection, name: str, table: Table) -> Iterator[dict[str, Any]]:
        """The events, as columns to append to the table of that name; the rows are held no longer."""
        if not self.batches:
            return
        batch, literal = self._joined()
        states = [p for p in table.states if p.id in batch.properties]
        stored = stored_states(db, name, table, batch, self.dictionary, states)
        sparse = dict(batch.properties)
        for state in states:
            kept = is_change(batch, sparse[state.id], literal, stored.get(state.id))
            sparse[state.id] = _subset(sparse[state.id], kept)
        told = np.zeros(len(batch), bool)
        for id in (ACTION.id, *(state.id for state in states)):
            if id in sparse:
                told[sparse[id].positions] = True
        events = Batch(batch.objects, batch.ts, sparse)
        for low in range(0, len(batch), SLICE):
            if told[low : low + SLICE].any():
                yield _columns_of(table, events, told, low, self.dictionary)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a state property: from when on an object had which value. Arrays of one length."""

    objects: Int64
    ts: Int64
    values: Array
    valid: Bool


def is_change(batch: Batch, sparse: Sparse, literal: Bool, stored: Known | None) -> Bool:
    """bool[m]: which observations differ from the value before them; literal ones always count."""
    objects, ts = batch.objects[sparse.positions], batch.ts[sparse.positions]
    values, valid = sparse.values, _valid(sparse)
    fixed, before = literal[sparse.positions], 0
    if stored is not None:
        before = len(stored.objects)
        objects, ts = np.concatenate([stored.objects, objects]), np.concatenate([stored.ts, ts])
        values, valid = np.concatenate([stored.values, values]), np.concatenate([stored.valid, valid])
        fixed = np.concatenate([np.ones(before, bool), fixed])
    order = np.lexsort((ts, objects))  # stable: what is stored, then the order of the file
    objects, values, valid = objects[order], values[order], valid[order]
    repeats = np.zeros(len(order), bool)
    alike = (valid[1:] & valid[:-1] & (values[1:] == values[:-1])) | ~(valid[1:] | valid[:-1])
    repeats[1:] = (objects[1:] == objects[:-1]) & alike
    changes = np.empty(len(order), bool)
    changes[order] = ~repeats
    return (changes | fixed)[before:]


def _subset(sparse: Sparse, kept: Bool) -> Sparse:
    return Sparse(sparse.positions[kept], sparse.values[kept], None if sparse.valid is None else sparse.valid[kept])


def _valid(sparse: Sparse) -> Bool:
    """bool[m]: where the value is not NULL; of TEXT, code 0 is."""
    if sparse.valid is not None:
        return sparse.valid
    return sparse.values != 0 if sparse.values.dtype == np.uint32 else np.ones(len(sparse.values), bool)


def _columns_of(table: Table, batch: Batch, told: Bool, low: int, dictionary: Texts) -> dict[str, Any]:
    """The events of a slice of the rows, as columns to append; changes to NULL go into `changes`."""
    high = min(low + SLICE, len(batch))
    rows = np.flatnonzero(told[low:high])
    ids = batch.objects[low:high][rows]
    columns: dict[str, Any] = {
        table.key_name or table.object_name: ids if table.key_name is None else dictionary.keys()[ids],
        "timestamp": batch.ts[low:high][rows],
    }
    nulls: dict[int, dict[str, None]] = {}
    for property in (ACTION, *table.properties):
        sparse = batch.properties.get(property.id)
        if sparse is None:
            continue
        first, last = np.searchsorted(sparse.positions, (low, high))
        part = Sparse(
            sparse.positions[first:last] - low,
            sparse.values[first:last],
            None if sparse.valid is None else sparse.valid[first:last],
        )
        columns[property.name] = _dense(part, property, high - low, dictionary)[rows]
        if property.state:
            for row in part.positions[~_valid(part)].tolist():
                nulls.setdefault(row, {})[property.name] = None
    if nulls:
        texts = np.full(high - low, None, object)
        for row, changes in nulls.items():
            texts[row] = json.dumps(changes)
        columns["changes"] = texts[rows]
    return columns


def _dense(sparse: Sparse, property: Property, events: int, dictionary: Texts) -> Array:
    """A value or None for each event."""
    if property.kind is Kind.TEXT:
        codes = np.zeros(events, np.uint32)
        codes[sparse.positions] = sparse.values
        return np.asarray(dictionary.texts(property.id)[codes])
    valid = _valid(sparse)
    if len(sparse.positions) == events and valid.all():
        return sparse.values
    cells = np.full(events, None, object)
    cells[sparse.positions[valid]] = sparse.values[valid].tolist()
    return cells


def stored_states(
    db: Connection, name: str, table: Table, batch: Batch, dictionary: Texts, states: Sequence[Property]
) -> dict[int, Known]:
    """What the table holds of these state properties: their values before the batch, and the changes since."""
    first = int(batch.ts.min()) if len(batch) else 0
    rows: dict[int, list[tuple[int, int, Any]]] = {state.id: [] for state in states}
    database, _, plain = name.rpartition(".")
    prefix = f"{quote(database)}." if database else ""
    objects, changes = prefix + quote(f"{plain}_objects"), prefix + quote(f"{plain}_changes")
    key = quote(table.key_name or table.object_name)
    before = db.execute(
        f"SELECT {', '.join([key, *(quote(s.name) for s in states)])} FROM {objects} WHERE as_of = ?",
        (timestamps.format(max(first - 1, timestamps.MIN_US)),),
    )
    for row in before if states else ():
        id = row[0] if table.key_name is None else dictionary.find(row[0])
        for state, value in zip(states, row[1:], strict=True):
            if id is not None and value is not None:
                rows[state.id].append((id, first - 1, value))
    by_name = {state.name: state.id for state in states}
    since = db.execute(
        f"SELECT {key}, timestamp, property, new_value FROM {changes} WHERE timestamp >= ?",
        (timestamps.format(first),),
    )
    for object_key, moment, property, value in since:
        id = object_key if table.key_name is None else dictionary.find(object_key)
        if property in by_name and id is not None:
            rows[by_name[property]].append((id, timestamps.parse(moment), value))
    return {state.id: _known(rows[state.id], state, dictionary) for state in states}


def _known(rows: list[tuple[int, int, Any]], state: Property, dictionary: Texts) -> Known:
    objects, ts, values = zip(*rows, strict=True) if rows else ((), (), ())
    valid = np.array([value is not None for value in values], bool)
    if state.kind is Kind.TEXT:
        coded = dictionary.codes(state.id, [value or "" for value in values]) * valid.astype(np.uint32)
    else:
        coded = np.array([value or 0 for value in values], DTYPES[state.kind])
    return Known(np.array(objects, np.int64), np.array(ts, np.int64), coded, valid)
