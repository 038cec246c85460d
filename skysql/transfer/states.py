"""What an import has seen of its objects, and which of it are changes: rows that wait until the last one is known.

`WaitingRows` takes batches in which a value of a state property is an *observation*, under codes and ids of its own;
`slices()` keeps those that differ from the value before them, and gives the events that remain as columns to append.
The value before is that of the latest observation or stored change not after the row; of two at the same time, the one
that came later. Rows that are *literal* stay as they are.

Memory: 16 bytes a row, and 8-12 for each value, of `MOST` rows. Beyond these, rows wait in a sky table in a temporary
file of SQLite's (spill.py), and come back path by path, as what is a change shows within a path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.batch import Batch, Sparse, concatenate
from ..interruption import patiently
from ..model import timestamps
from ..model.dtypes import Array, Bool, Int64
from ..model.kinds import TEXT
from ..model.quoting import quote
from ..model.table import ACTION, Property, Table
from ..write.event_values import parse_changes
from .spill import Spill

if TYPE_CHECKING:
    from ..dbapi.connection import Connection

SLICE = 1_000_000
"""Rows that are written at once."""

MOST = 8_000_000
"""Rows that wait in memory."""


class ImportTexts:
    """The dictionary of an import that holds its rows: texts and keys <-> codes of its own."""

    def __init__(self) -> None:
        self._codes: dict[int, dict[str, int]] = {}
        self._keys: dict[str, int] = {}
        self._arrays: dict[int, Array] = {}

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
        return self._array(property_id, self._codes.get(property_id, {}))

    def keys(self) -> Array:
        """object[ids]: the key of each id."""
        return self._array(-1, self._keys)

    def _array(self, which: int, known: dict[str, int]) -> Array:
        made = self._arrays.get(which)
        if made is None or len(made) <= len(known):
            made = self._arrays[which] = np.array([None, *known], object)
        return made


@dataclass(slots=True)
class WaitingRows:
    """The rows of an import whose changes are not known yet. To be closed."""

    table: Table
    dictionary: ImportTexts = field(default_factory=ImportTexts)
    _batches: list[tuple[Batch, Bool]] = field(default_factory=list)
    _rows: int = 0  # of these batches
    _first: int = timestamps.MAX_US  # the time of the first row of all
    _spill: Spill | None = None

    def add(self, batch: Batch, literal: Bool) -> None:
        """Hold rows; literal: bool[n], those to be taken as they stand."""
        self._batches.append((batch, literal))
        self._rows += len(batch)
        self._first = min(self._first, int(batch.ts.min(initial=self._first)))
        if self._rows > (MOST if self._spill is None else SLICE):
            self._spill = self._spill or Spill(self.table)
            self._spill.add(*self._joined())

    def close(self) -> None:
        """Let go of the rows."""
        self._batches.clear()
        if self._spill is not None:
            self._spill.close()

    def _joined(self) -> tuple[Batch, Bool]:
        """All rows in memory as one batch, and which of them are to be taken as they stand; they wait no longer."""
        batch = concatenate([batch for batch, _ in self._batches])
        literal = np.concatenate([literal for _, literal in self._batches])
        self._batches.clear()
        self._rows = 0
        return batch, literal

    def slices(self, db: Connection, database: str) -> Iterator[dict[str, Any]]:
        """The events, as columns to append to the table, which is in that database; the rows wait no longer."""
        stored: dict[int, Known] | None = None
        for batch, literal in self._paths():
            if stored is None:
                stored = stored_states(db, database, self.table, self._first, self.dictionary)
            yield from self._changes(batch, literal, stored)

    def _paths(self) -> Iterator[tuple[Batch, Bool]]:
        """All rows, those of one object together, and which of them are to be taken as they stand."""
        if self._spill is None:
            if self._batches:
                yield self._joined()
            return
        if self._batches:
            self._spill.add(*self._joined())
        yield from self._spill.paths(SLICE)

    def _changes(self, batch: Batch, literal: Bool, stored: dict[int, Known]) -> Iterator[dict[str, Any]]:
        sparse = dict(batch.properties)
        told = np.zeros(len(batch), bool)
        low, high = int(batch.objects.min()), int(batch.objects.max())
        for state in self.table.states:
            if state.id in sparse:
                kept = is_change(batch, sparse[state.id], literal, stored[state.id].of(low, high))
                sparse[state.id] = _subset(sparse[state.id], kept)
        for id in (ACTION.id, *(state.id for state in self.table.states)):
            if id in sparse:
                told[sparse[id].positions] = True
        events = Batch(batch.objects, batch.ts, sparse)
        for first in range(0, len(batch), SLICE):
            if told[first : first + SLICE].any():
                yield _columns_of(self.table, events, told, first, self.dictionary)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a state property: from when on an object had which value. Arrays of one length, by object."""

    objects: Int64
    ts: Int64
    values: Array
    valid: Bool

    def of(self, first: int, last: int) -> Known:
        """The part for the objects first ... last."""
        here = slice(*np.searchsorted(self.objects, (first, last + 1)).tolist())
        return Known(self.objects[here], self.ts[here], self.values[here], self.valid[here])


def is_change(batch: Batch, sparse: Sparse, literal: Bool, stored: Known) -> Bool:
    """bool[m]: which observations differ from the value before them; literal ones always count."""
    objects, ts = batch.objects[sparse.positions], batch.ts[sparse.positions]
    values, valid = sparse.values, _valid(sparse)
    fixed, before = literal[sparse.positions], len(stored.objects)
    if before:
        objects, ts = np.concatenate([stored.objects, objects]), np.concatenate([stored.ts, ts])
        values, valid = np.concatenate([stored.values, values]), np.concatenate([stored.valid, valid])
        fixed = np.concatenate([np.ones(before, bool), fixed])
    order = patiently(np.lexsort, (ts, objects))  # stable: what is stored, then the order of the file
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


def _columns_of(table: Table, batch: Batch, told: Bool, low: int, dictionary: ImportTexts) -> dict[str, Any]:
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


def _dense(sparse: Sparse, property: Property, events: int, dictionary: ImportTexts) -> Array:
    """A value or None for each event."""
    if property.kind is TEXT:
        codes = np.zeros(events, np.uint32)
        codes[sparse.positions] = sparse.values
        return np.asarray(dictionary.texts(property.id)[codes])
    valid = _valid(sparse)
    if len(sparse.positions) == events and valid.all():
        return property.kind.restored(sparse.values)
    cells = np.full(events, None, object)
    cells[sparse.positions[valid]] = list(property.kind.restored(sparse.values[valid]))
    return cells


def stored_states(
    db: Connection, database: str, table: Table, first: int, dictionary: ImportTexts
) -> dict[int, Known]:
    """The state properties as the table has them: their values before `since`, and the changes from then on."""
    states = table.states
    rows: dict[int, list[tuple[int, int, Any]]] = {state.id: [] for state in states}
    objects, changes = (f"{quote(database)}.{quote(f'{table.name}_{of}')}" for of in ("objects", "changes"))
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
    for state in states:
        if state.kind.longer:
            rows[state.id] = list(_every_change(db, database, table, state, dictionary))
    return {state.id: _known(rows[state.id], state, dictionary) for state in states}


def _every_change(
    db: Connection, database: str, table: Table, state: Property, dictionary: ImportTexts
) -> Iterator[tuple[int, int, Any]]:
    """All changes of a property of which other columns do not show all digits: (object, time, value)."""
    key, name = quote(table.key_name or table.object_name), f"{quote(database)}.{quote(table.name)}"
    for object_key, ts, text in db.execute(f"SELECT {key}, ts, changes FROM {name} WHERE changes IS NOT NULL"):
        changes = parse_changes(table, text)
        id = object_key if table.key_name is None else dictionary.find(object_key)
        if state.id in changes and id is not None:
            units = changes[state.id]
            yield id, ts, None if units is None else state.kind.texts(np.array([units]))[0]


def _known(rows: list[tuple[int, int, Any]], state: Property, dictionary: ImportTexts) -> Known:
    objects, ts, values = zip(*rows, strict=True) if rows else ((), (), ())
    valid = np.array([value is not None for value in values], bool)
    if state.kind is TEXT:
        coded = dictionary.codes(state.id, [value or "" for value in values]) * valid.astype(np.uint32)
    else:
        coded = np.array([0 if value is None else state.kind.parse(value) for value in values], state.kind.dtype)
    order = patiently(np.argsort, np.array(objects, np.int64), kind="stable")
    return Known(np.array(objects, np.int64)[order], np.array(ts, np.int64)[order], coded[order], valid[order])
