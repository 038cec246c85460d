"""A file of rows into a sky table, in one transaction: all of it or nothing.

A row becomes an event: its object, its time, its action, its attributes, and the *changes* that its state columns
bring. State columns are observations, not changes: an empty cell says nothing, and a value that the object had already
adds nothing. What "already" means goes by time, not by place in the file: the value before is that of the latest
observation in the file, or stored change, that is not after the row (of two at the same time, the one that came
later). So a file need not be sorted. Of earlier imports only the changes are known, not what they saw again. A row
that has neither action nor change is dropped, and counted.

A column called `changes` (which export writes) is different: its JSON is taken as it stands, and so is the rest of its
row, so that changes to NULL and repeated values survive export and import.

Tables without state columns are written chunk by chunk. With state columns every row must be known first, so the rows
are held as compact arrays, some 16 bytes and 4-8 more for each column of each row; then reduced, then written.

Not here: what files look like (files.py), and what a value may be (ingest.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from . import timestamps
from .columns import Array, Batch, Bool, Int64, Sparse
from .errors import DataError, Error, IntegrityError, ProgrammingError
from .files import Cells, Chunk, Fault, Reader, Source, take
from .ingest import RowBuffer, columns_to_batch
from .schema import ACTION, RESERVED, Kind, Property, Table, parse_arguments, quote

if TYPE_CHECKING:
    from .dbapi import Connection

SLICE = 1_000_000
"""Rows that are written at once."""

FAULTS_KEPT = 5
"""Faults whose reasons are kept; the others are counted."""

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000}

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column of the file that becomes a property; without a kind, its cells tell."""

    column: str
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What to import as what.

    time_unit: what a number in the time column counts, 'us', 'ms' or 's'. None: `timestamps` says what it is.
    """

    table: str
    object: Wanted
    time: str
    time_unit: str | None = None
    action: str | None = None
    action_name: str | None = None
    states: tuple[Wanted, ...] = ()
    attributes: tuple[Wanted, ...] = ()
    skip_faults: bool = False


@dataclass(slots=True)
class Report:
    """What became of the rows: events stored, rows dropped because they said nothing new, and lines at fault."""

    rows: int = 0
    events: int = 0
    dropped: int = 0
    faulty: int = 0
    faults: list[Fault] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def load(db: Connection, request: Request, source: Source, progress: Progress = lambda rows: None) -> Report:
    """Import the file in one transaction; progress is told the number of rows read so far.

    Raises DataError with the line's number when a line cannot be imported and `skip_faults` is not set, and
    ProgrammingError when the request does not fit the file or the table. Whatever is raised, nothing is stored.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        report = _Import(db, request, source.reader(), source.path).run(progress)
        db.commit()
    except BaseException:
        db.rollback()
        raise
    return report


class _Import:
    """One run of `load`."""

    def __init__(self, db: Connection, request: Request, reader: Reader, path: str) -> None:
        self._db, self._request, self._reader, self._path = db, request, reader, path
        self._report = Report()
        self._held = _Held()

    def run(self, progress: Progress) -> Report:
        request, reader, report = self._request, self._reader, self._report
        existing = _existing(self._db, request.table)
        used = _used_columns(request, reader, existing)
        chunks = reader.chunks(used)
        first = next(chunks, Chunk({name: [] for name in used}, []))
        table = existing or _make_table(self._db, request, first, reader.typed)
        self._table, self._properties = table, _properties(request, table, used)
        self._has_changes = "changes" in used and "changes" not in _named(request)
        stateful = self._has_changes or any(p.state for p in self._properties.values())
        for chunk in chain([first], chunks):
            report.rows += len(chunk.lines) + len(chunk.faults)
            self._faults(chunk.faults)
            self._take(chunk, stateful)
            progress(report.rows)
        if missing := [name for name in used if name not in reader.names]:
            raise ProgrammingError(f"no line of {self._path!r} has a {missing[0]!r}")
        if stateful:
            report.events = self._write_held(existing is not None)
            report.dropped = report.rows - report.faulty - report.events
        report.unused = [name for name in reader.names if name not in used]
        return report

    def _faults(self, faults: Sequence[Fault]) -> None:
        """Count the faults, or stop at the first."""
        if faults and not self._request.skip_faults:
            first = min(faults, key=lambda fault: fault.line)
            where = f"{self._path}, line {first.line}"
            raise DataError(f"{where}: {first.reason}", "--on-error skip passes over such lines")
        self._report.faulty += len(faults)
        self._report.faults += faults[: FAULTS_KEPT - len(self._report.faults)]

    def _take(self, chunk: Chunk, stateful: bool) -> None:
        """Write or hold the rows of a chunk that can be events."""
        columns = self._columns(chunk)
        rows = _rows_with_content(columns, self._table, len(chunk.lines))
        lines: Sequence[int] = chunk.lines
        if rows is not None:
            self._report.dropped += len(chunk.lines) - len(rows)
            columns = {name: take(cells, rows) for name, cells in columns.items()}
            lines = [lines[i] for i in rows]
        if not len(lines):
            return
        put = self._hold if stateful else self._write
        try:
            put(columns)
        except (DataError, IntegrityError, ProgrammingError):
            sound, faults = self._examine(columns, lines)
            if not faults:
                raise
            self._faults(faults)
            if sound:
                put({name: take(cells, sound) for name, cells in columns.items()})

    def _columns(self, chunk: Chunk) -> dict[str, Cells]:
        """The chunk's columns under the table's names."""
        request, table = self._request, self._table
        columns = {
            table.key_name or table.object_name: chunk.columns[request.object.column],
            "timestamp": _times(chunk.columns[request.time], request.time_unit),
        }
        if request.action is not None:
            columns["action"] = _texts(chunk.columns[request.action])
        elif request.action_name is not None:
            columns["action"] = [request.action_name] * len(chunk.lines)
        for name, property in self._properties.items():
            cells = chunk.columns[name]
            columns[property.name] = _CELLS.get(property.kind, _same)(cells)
        if self._has_changes:
            columns["changes"] = chunk.columns["changes"]
        return columns

    def _examine(self, columns: dict[str, Cells], lines: Sequence[int]) -> tuple[list[int], list[Fault]]:
        """Row by row, which can be stored, and why the others cannot."""
        table, buffer = self._table, RowBuffer(self._table)
        absent: list[Any] = [None] * len(lines)
        names = [table.key_name or table.object_name, "timestamp", "action", *(p.name for p in table.properties)]
        cells = [_plain(columns.get(name, absent)) for name in (*names, "changes")]
        sound: list[int] = []
        faults: list[Fault] = []
        for row, (key, time, action, *values, changes) in enumerate(zip(*cells, strict=True)):
            try:
                buffer.add(key, time, action, values, changes)
                sound.append(row)
            except Error as error:
                faults.append(Fault(lines[row], str(error)))
        return sound, faults

    def _write(self, columns: dict[str, Cells]) -> None:
        self._report.events += self._db.append(self._request.table, columns)

    def _hold(self, columns: dict[str, Cells]) -> None:
        batch = columns_to_batch(self._table, columns, self._held.dictionary)
        changes = columns.get("changes")
        self._held.batches.append(batch)
        literal = np.zeros(len(batch), bool)
        if changes is not None:
            literal[:] = [text is not None for text in changes]
        self._held.literal.append(literal)

    def _write_held(self, existing: bool) -> int:
        """Reduce what is held to changes, and write it; returns the number of events."""
        if not self._held.batches:
            return 0
        batch, literal = self._held.joined()
        states = [p for p in self._table.states if p.id in batch.properties]
        stored = _stored_states(self._db, self._request.table, self._table, batch, self._held.dictionary, states)
        sparse = dict(batch.properties)
        for state in states:
            kept = _is_change(batch, sparse[state.id], literal, stored.get(state.id) if existing else None)
            sparse[state.id] = _subset(sparse[state.id], kept)
        events = Batch(batch.objects, batch.ts, sparse)
        told = np.zeros(len(batch), bool)
        for id in (ACTION.id, *(s.id for s in states)):
            if id in sparse:
                told[sparse[id].positions] = True
        written = 0
        for low in range(0, len(batch), SLICE):
            part = _columns_of(self._table, events, told, low, self._held.dictionary)
            written += self._db.append(self._request.table, part) if len(part["timestamp"]) else 0
        return written


class _Texts:
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
class _Held:
    """The rows of an import whose changes are not known yet."""

    dictionary: _Texts = field(default_factory=_Texts)
    batches: list[Batch] = field(default_factory=list)
    literal: list[Bool] = field(default_factory=list)

    def joined(self) -> tuple[Batch, Bool]:
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of a state property: from when on an object had which value. Arrays of one length."""

    objects: Int64
    ts: Int64
    values: Array
    valid: Bool


def _is_change(batch: Batch, sparse: Sparse, literal: Bool, stored: _Known | None) -> Bool:
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


def _columns_of(table: Table, batch: Batch, told: Bool, low: int, dictionary: _Texts) -> dict[str, Any]:
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


def _dense(sparse: Sparse, property: Property, events: int, dictionary: _Texts) -> Array:
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


def _stored_states(
    db: Connection, name: str, table: Table, batch: Batch, dictionary: _Texts, states: Sequence[Property]
) -> dict[int, _Known]:
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
        for state, value in zip(states, row[1:], strict=True) if id is not None else ():
            if value is not None:
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


def _known(rows: list[tuple[int, int, Any]], state: Property, dictionary: _Texts) -> _Known:
    objects, ts, values = zip(*rows, strict=True) if rows else ((), (), ())
    valid = np.array([value is not None for value in values], bool)
    plain = [value if value is not None else ("" if state.kind is Kind.TEXT else 0) for value in values]
    if state.kind is Kind.TEXT:
        coded = dictionary.codes(state.id, plain) * valid.astype(np.uint32)
    else:
        coded = np.array(plain, {Kind.INTEGER: np.int64, Kind.REAL: np.float64}.get(state.kind, np.uint8))
    return _Known(np.array(objects, np.int64), np.array(ts, np.int64), coded, valid)


# what the request means for this file and this table


def _named(request: Request) -> list[str]:
    named = [request.object.column, request.time]
    named += [request.action] if request.action is not None else []
    return named + [wanted.column for wanted in (*request.states, *request.attributes)]


def _existing(db: Connection, name: str) -> Table | None:
    """The table's definition, None if there is no such table; of an ordinary table, ProgrammingError."""
    database, _, plain = name.rpartition(".")
    for info in db.info():
        if info.name.lower() == plain.lower() and (not database or info.database.lower() == database.lower()):
            return info.table
    schema = f"{quote(database)}." if database else ""
    rows = db.execute(f"SELECT type FROM {schema}sqlite_schema WHERE name = ? COLLATE NOCASE", (plain,)).fetchall()
    if rows:
        raise ProgrammingError(f"{name!r} is an ordinary {rows[0][0]}", "give the sky table another name")
    return None


def _used_columns(request: Request, reader: Reader, table: Table | None) -> list[str]:
    """The columns of the file to read. Those that an existing table has by name, if none were asked for."""
    used = list(dict.fromkeys(_named(request)))
    for position, name in enumerate(used):
        essential = position < 2 or not reader.open_ended
        if essential and name not in reader.names:
            raise ProgrammingError(f"the file has no column {name!r}", f"it has {', '.join(reader.names)}")
    if table is not None and not request.states and not request.attributes:
        used += [name for name in reader.names if table.find(name) and name not in used]
    states = request.states or (table is not None and table.states)
    if "changes" in reader.names and "changes" not in used and states:
        used.append("changes")
    if request.action is None and request.action_name is None and not states:
        raise ProgrammingError("nothing says what happened", "give --action, --action-name or --state")
    return used


def _properties(request: Request, table: Table, used: Collection[str]) -> dict[str, Property]:
    """The property that each column of the file becomes."""
    asked = [(wanted, True) for wanted in request.states] + [(wanted, False) for wanted in request.attributes]
    special = {request.object.column, request.time, request.action, "changes"}
    if not asked:
        return {name: p for name in used if name not in special and (p := table.find(name)) is not None}
    found: dict[str, Property] = {}
    for wanted, state in asked:
        property = table.find(wanted.column)
        if property is None:
            names = ", ".join(p.name for p in table.properties)
            raise ProgrammingError(f"{table.name!r} has no property {wanted.column!r}", f"it has {names}")
        if property.state is not state or wanted.kind not in (None, property.kind):
            raise ProgrammingError(
                f"{property.name!r} of {table.name!r} is "
                f"{'a state property' if property.state else 'an attribute'} of type {property.kind}"
            )
        found[wanted.column] = property
    return found


def _make_table(db: Connection, request: Request, first: Chunk, typed: bool) -> Table:
    """Create the table that the request and the first chunk describe."""
    database, _, plain = request.table.rpartition(".")
    table = parse_arguments(plain, list(_arguments(request, first, typed)))
    schema = f"{quote(database)}." if database else ""
    db.execute(f"CREATE VIRTUAL TABLE {schema}{quote(plain)} USING sky({', '.join(table.arguments())})")
    return table


def _arguments(request: Request, first: Chunk, typed: bool) -> Iterator[str]:
    name, kind = request.object.column, request.object.kind
    kind = kind or infer(first.columns[name], typed)
    if kind in (Kind.INTEGER, Kind.REAL):  # numbers that are no ids are faults of their lines
        yield from [] if name.lower() in RESERVED else [f"{quote(name)} INTEGER OBJECT"]
    else:
        yield f"{quote('key' if name.lower() in RESERVED else name)} TEXT OBJECT"
    for wanted, suffix in [(w, " STATE") for w in request.states] + [(w, "") for w in request.attributes]:
        yield f"{quote(wanted.column)} {wanted.kind or infer(first.columns[wanted.column], typed)}{suffix}"


# cells

_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_REAL = re.compile(r"-?(0|[1-9]\d*)?(\.\d+|(?<=\d)\.)?(?<=[\d.])([eE][-+]?\d+)?", re.ASCII)


def infer(cells: Cells, typed: bool) -> Kind:
    """The narrowest kind that keeps every cell as it is written: 007 is a text, 1e3 is not an integer.

    BOOLEAN is for true and false, not for 0 and 1. Without any cell, TEXT.
    """
    if not isinstance(cells, list):
        return Kind.TEXT
    values = {cell for cell in cells if cell is not None}
    if not values:
        return Kind.TEXT
    if typed:
        types = set(map(type, values))
        if types == {bool}:
            return Kind.BOOLEAN
        if types == {int}:
            return Kind.INTEGER if all(-(2**63) <= v < 2**63 for v in values) else Kind.TEXT
        return Kind.REAL if types <= {int, float} else Kind.TEXT
    if all(map(_INTEGER.fullmatch, values)):
        return Kind.INTEGER if all(-(2**63) <= int(v) < 2**63 for v in values) else Kind.TEXT
    if all(map(_REAL.fullmatch, values)):
        return Kind.REAL
    return Kind.BOOLEAN if {v.lower() for v in values} <= {"true", "false"} else Kind.TEXT


def _rows_with_content(columns: dict[str, Cells], table: Table, rows: int) -> list[int] | None:
    """The rows that have an action or an observation; None if all have."""
    telling = ["action", "changes", *(p.name for p in table.states)]
    known = [columns[name] for name in telling if name in columns]
    if any(isinstance(cells, list) and None not in cells for cells in known):
        return None
    present = np.zeros(rows, bool)
    for cells in known:
        present |= np.array([cell is not None for cell in cells], bool)
    return None if present.all() else np.flatnonzero(present).tolist()


def _times(cells: Cells, unit: str | None) -> Cells:
    """The time column with its numbers as microseconds; what is no number stays as it is."""
    if unit is None or not isinstance(cells, list):
        return cells
    factor = _UNITS[unit]
    try:
        if set(map(type, cells)) <= {str, int}:
            return [int(cell) * factor for cell in cells]
    except ValueError:
        pass
    return [_time(cell, factor) for cell in cells]


def _time(cell: Any, factor: int) -> Any:
    try:
        return int((Decimal(str(cell)) * factor).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        return cell


def _texts(cells: Cells) -> Cells:
    """The cells of a TEXT column: times, and numbers of other types, as they are written."""
    if not isinstance(cells, list):
        microseconds = cells.astype("datetime64[us]")
        absent = np.isnat(microseconds)
        texts = timestamps.format_array(np.where(absent, 0, microseconds.view(np.int64)))
        return [None if gone else text for gone, text in zip(absent.tolist(), texts, strict=True)]
    if set(map(type, cells)) <= {str, int, float, bool, bytes, type(None)}:
        return cells
    return [cell if isinstance(cell, str | int | float | bytes | None) else str(cell) for cell in cells]


def _reals(cells: Cells) -> Cells:
    """The cells of a REAL column: what export writes for infinities, as infinities."""
    if not isinstance(cells, list) or not ("9e999" in cells or "-9e999" in cells):
        return cells
    return [float(cell) if cell in ("9e999", "-9e999") else cell for cell in cells]


def _same(cells: Cells) -> Cells:
    return cells


_CELLS = {Kind.TEXT: _texts, Kind.REAL: _reals}


def _plain(cells: Cells) -> list[Any]:
    if isinstance(cells, list):
        return cells
    absent = np.isnat(cells)
    return [None if gone else cell for gone, cell in zip(absent.tolist(), cells, strict=True)]
