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
wait as compact arrays (states.py); then reduced, then written.

Not here: what files look like (formats.py), and what a value may be (write/event_values.py).
"""

from __future__ import annotations

import gc
import math
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, Error, IntegrityError, ProgrammingError
from ..model import time_units, timestamps
from ..model.companions import RESERVED
from ..model.dtypes import Array, Bool, Int64
from ..model.kinds import BOOLEAN, INTEGER, KINDS, REAL, TEXT, Kind
from ..model.quoting import quote
from ..model.table import Property, Table, parse_arguments
from ..model.values import shown
from ..write.columns import columns_to_batch
from ..write.row_buffer import RowBuffer
from .formats import CellChunk, CellFault, Cells, FileReader, Input, is_beyond, take
from .states import WaitingRows

if TYPE_CHECKING:
    from ..dbapi.connection import Connection

FAULTS_KEPT = 5
"""Faults whose reasons are reported; the others are only counted."""

_TIME_UNIT = "--time-unit us, ms or s"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column of the file that becomes a property; without a kind, its cells tell."""

    column: str
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What to import as what.

    time_unit: what a number in the time column counts, 'us', 'ms' or 's'. None: see model/time_units.py.
    nulls: texts that are read as if there was nothing.
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
    nulls: frozenset[str] = frozenset()


@dataclass(slots=True)
class LoadReport:
    """The outcome: events stored, rows dropped because they said nothing new, and lines at fault.

    unused: columns of the file that were not asked for; absent: those that were, and are in no line of it. guesses: of
    columns without a given type, the type and the line that decided it.
    """

    rows: int = 0
    events: int = 0
    dropped: int = 0
    faulty: int = 0
    faults: list[CellFault] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)


def load(db: Connection, request: Request, source: Input, progress: Progress = lambda rows: None) -> LoadReport:
    """Import the file in one transaction; progress is told the number of rows read so far.

    Raises DataError with the line's number when a line cannot be imported and `skip_faults` is not set, and
    ProgrammingError when the request does not fit the file or the table. What is raised before the commit has a note
    that nothing is stored.
    """
    db.execute("BEGIN IMMEDIATE")
    collecting = gc.isenabled()
    gc.disable()  # the garbage collector would walk millions of small lists again and again, and find no cycle
    try:
        report = _Import(db, request, source.reader(), source.path).run(progress)
    except BaseException as error:
        db.rollback()
        error.add_note("nothing of it was stored")
        raise
    finally:
        if collecting:
            gc.enable()
    try:
        db.commit()
    finally:
        db.rollback()  # of a transaction that was not committed
    return report


def check_request(request: Request, source: Input) -> None:
    """Raise ProgrammingError if no table can be made of this file by this request."""
    _check_name(request.table, request.table)
    _used_columns(request, source.reader(), None)


class _Import:
    """One run of `load`."""

    def __init__(self, db: Connection, request: Request, reader: FileReader, path: str) -> None:
        self._db, self._request, self._reader, self._path = db, request, reader, path
        self._report = LoadReport()
        self._counted = False  # whether numbers were among the times, and it is clear what they count

    def run(self, progress: Progress) -> LoadReport:
        request, reader, report = self._request, self._reader, self._report
        place = _place(self._db, request.table)
        used = _used_columns(request, reader, place.table)
        chunks = (_without(request.nulls, chunk) for chunk in reader.chunks(used))
        first = next(chunks, CellChunk({name: [] for name in used}, []))
        table = place.table or self._make_table(place, first)
        self._name = f"{place.database}.{place.name}"
        self._table, self._properties = table, _properties(request, table, used)
        self._has_changes = "changes" in used and "changes" not in _named(request)
        stateful = self._has_changes or any(p.state for p in self._properties.values())
        with closing(WaitingRows(table)) as self._waiting:
            for chunk in chain([first], chunks):
                report.rows += len(chunk.lines) + len(chunk.faults)
                self._faults(chunk.faults)
                self._take(chunk, stateful)
                progress(report.rows)
            report.absent = [name for name in used if name not in reader.names]
            if request.action in report.absent and not stateful:
                message = f"no line of {self._path!r} has a {request.action!r}"
                raise ProgrammingError(message, "nothing else says what happened")
            for columns in self._waiting.slices(self._db, place.database):
                self._write(columns)
                gc.collect()  # what was merged to make room refers to itself
        if stateful:
            report.dropped = report.rows - report.faulty - report.events
        report.unused = [name for name in reader.names if name not in used]
        return report

    def _make_table(self, place: _Place, first: CellChunk) -> Table:
        """Create the table that the request and the first chunk describe."""
        table = parse_arguments(place.name, list(self._arguments(first)), self._db.engine.registries.kinds)
        name = f"{quote(place.database)}.{quote(place.name)}"
        self._db.execute(f"CREATE VIRTUAL TABLE {name} USING sky({', '.join(table.arguments())})")
        return table

    def _arguments(self, first: CellChunk) -> Iterator[str]:
        request = self._request
        name, kind = request.object.column, self._kind(request.object, first)
        if kind in (INTEGER, REAL):  # numbers that are no ids are faults of their lines
            yield from [] if name.lower() in RESERVED else [f"{quote(name)} INTEGER OBJECT"]
        else:
            yield f"{quote('key' if name.lower() in RESERVED else name)} TEXT OBJECT"
        for wanted, suffix in [(w, " STATE") for w in request.states] + [(w, "") for w in request.attributes]:
            yield f"{quote(wanted.column)} {self._kind(wanted, first)}{suffix}"

    def _kind(self, wanted: Wanted, first: CellChunk) -> Kind:
        """The kind that is asked for, or else the one that the first chunk's cells tell, with a note of it."""
        if wanted.kind is not None:
            return wanted.kind
        cells, typed = first.columns[wanted.column], self._reader.typed
        kind, at = infer(cells, typed)
        if at is None:
            why = "no line has one" if isinstance(cells, list) else "times"
        else:
            why = f"line {first.lines[at]}: {shown(cells[at])}"
            if kind is TEXT and _stands_for_nothing(cells[at], cells, typed):
                why += f"; with --null {shlex.quote(cells[at])} it is NULL"
        self._report.guesses.append(f"{wanted.column} {kind} ({why})")
        return kind

    def _faults(self, faults: Sequence[CellFault]) -> None:
        """Count the faults, or stop at the first."""
        if faults and not self._request.skip_faults:
            first = min(faults, key=lambda fault: fault.line)
            where = f"{self._path}, line {first.line}"
            hint = "--on-error skip passes over such lines, --null TEXT over such values"
            raise DataError(f"{where}: {first.reason}", hint)
        self._report.faulty += len(faults)
        self._report.faults += faults[: FAULTS_KEPT - len(self._report.faults)]

    def _take(self, chunk: CellChunk, stateful: bool) -> None:
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
        hold = self._hold if stateful else self._write

        def put(columns: dict[str, Cells]) -> None:
            temporal = [p.name for p in self._properties.values() if p.kind.temporal]
            times = {name: self._property_times(columns[name]) for name in temporal}
            hold(columns | times | {"timestamp": self._times(columns["timestamp"])})

        try:
            put(columns)
        except (DataError, IntegrityError, ProgrammingError):
            sound, faults = self._examine(columns, lines)
            if not faults:
                raise
            self._faults(faults)
            if sound:
                put({name: take(cells, sound) for name, cells in columns.items()})

    def _columns(self, chunk: CellChunk) -> dict[str, Cells]:
        """The chunk's columns under the table's names."""
        request, table = self._request, self._table

        def cells(name: str, kind: Kind) -> Cells:
            column = chunk.columns[name]
            return _cells(column, kind) if isinstance(column, list) else _texts_of_times(name, column, chunk.lines)

        columns = {
            table.key_name or table.object_name: cells(
                request.object.column, INTEGER if table.key_name is None else TEXT
            ),
            "timestamp": chunk.columns[request.time],
        }
        if request.action is not None:
            columns["action"] = cells(request.action, TEXT)
        elif request.action_name is not None:
            columns["action"] = [request.action_name] * len(chunk.lines)
        for name, property in self._properties.items():
            temporal = property.kind.temporal
            columns[property.name] = chunk.columns[name] if temporal else cells(name, property.kind)
        if self._has_changes:
            columns["changes"] = chunk.columns["changes"]
        return columns

    def _times(self, cells: Cells) -> Int64:
        """The column as microseconds. Numbers of a unit that is not given are judged where the first of them stand."""
        unit = self._request.time_unit
        us = time_units.times(cells, unit)
        if unit is None and not self._counted:
            time_units.check_times(cells, us, _TIME_UNIT)
            self._counted = time_units.is_number(cells[0])
        return us

    def _property_times(self, cells: Cells) -> Cells:
        """The times of a property as datetime64, NaT where there is none; numbers count what those of the column do."""
        if not isinstance(cells, list):
            return cells
        known = [cell for cell in cells if cell is not None]
        us, unit = time_units.times(known, self._request.time_unit), self._request.time_unit
        if unit is None:
            time_units.check_times(known, us, _TIME_UNIT)
        found = np.full(len(cells), np.datetime64("NaT", "us"))
        found[[cell is not None for cell in cells]] = us.view("M8[us]")
        return found

    def _examine(self, columns: dict[str, Cells], lines: Sequence[int]) -> tuple[list[int], list[CellFault]]:
        """Row by row, which can be stored, and why the others cannot."""
        table, buffer = self._table, RowBuffer(self._table, self._request.time_unit)
        absent: list[Any] = [None] * len(lines)
        names = [table.key_name or table.object_name, "timestamp", "action", *(p.name for p in table.properties)]
        cells = [_plain(columns.get(name, absent)) for name in (*names, "changes")]
        sound: list[int] = []
        faults: list[CellFault] = []
        for row, (key, time, action, *values, changes) in enumerate(zip(*cells, strict=True)):
            try:
                buffer.add(key, time, action, values, changes)
                sound.append(row)
            except Error as error:
                time_units.ask_for_unit(error, self._request.time_unit, _TIME_UNIT)
                faults.append(CellFault(lines[row], str(error)))
        return sound, faults

    def _write(self, columns: dict[str, Cells]) -> None:
        self._report.events += self._db.append(self._name, columns, time_unit="us")

    def _hold(self, columns: dict[str, Cells]) -> None:
        batch = columns_to_batch(self._table, columns, self._waiting.dictionary, "us")
        literal = np.zeros(len(batch), bool)
        if "changes" in columns:
            literal[:] = [text is not None for text in columns["changes"]]
        self._waiting.add(batch, literal)


def _without(nulls: frozenset[str], chunk: CellChunk) -> CellChunk:
    """The chunk with nothing in the cells that hold one of these texts."""
    if not nulls:
        return chunk
    columns: dict[str, Cells] = {
        name: [None if isinstance(cell, str) and cell in nulls else cell for cell in cells]
        for name, cells in chunk.columns.items()
        if isinstance(cells, list)
    }
    return CellChunk(chunk.columns | columns, chunk.lines, chunk.faults)


# the request, for this file and this table


def _named(request: Request) -> list[str]:
    named = [request.object.column, request.time]
    named += [request.action] if request.action is not None else []
    return named + [wanted.column for wanted in (*request.states, *request.attributes)]


@dataclass(frozen=True, slots=True)
class _Place:
    """The table that a request is for; table: its definition, None if it is to be made."""

    database: str
    name: str
    table: Table | None


def _place(db: Connection, name: str) -> _Place:
    """A table that is there is called by its name, alone or after its database's. Of an ordinary one, ProgrammingError.

    In a name for a new one, what is before the first dot is a database if there is one that is called so.
    """
    for info in db.info():
        if info.is_called(name):
            return _Place(info.database, info.name, info.table)
    before, dot, after = name.partition(".")
    databases = {"main", "temp", *(row[1].lower() for row in db.execute("PRAGMA database_list"))}
    database, plain = (before, after) if dot and before.lower() in databases else ("main", name)
    sql = f"SELECT type FROM {quote(database)}.sqlite_schema WHERE name = ? COLLATE NOCASE"
    rows = db.execute(sql, (plain,)).fetchall()
    if rows:
        raise ProgrammingError(f"{name!r} is an ordinary {rows[0][0]}", "give the sky table another name")
    _check_name(name, plain)
    return _Place(database, plain, None)


def _check_name(name: str, plain: str) -> None:
    """Raise ProgrammingError if nothing is left of a name for a new table without its database."""
    if not plain:
        raise ProgrammingError(f"{name!r} names no table", "give the sky table a name")


def _used_columns(request: Request, reader: FileReader, table: Table | None) -> list[str]:
    """The columns of the file to read. Those that an existing table has by name, if none were asked for."""
    used = list(dict.fromkeys(_named(request)))
    for position, name in enumerate(used):
        essential = position < 2 or not reader.open_ended
        if essential and name not in reader.names:
            raise _no_column(name, reader.names)
    if table is not None and not request.states and not request.attributes:
        used += [name for name in reader.names if table.find(name) and name not in used]
    states = request.states or (table is not None and table.states)
    if "changes" in reader.names and "changes" not in used and states:
        used.append("changes")
    if request.action is None and request.action_name is None and not states:
        raise ProgrammingError("nothing says what happened", "give --action, --action-name or --state")
    return used


def _no_column(name: str, names: Sequence[str]) -> ProgrammingError:
    column, _, kind = name.rpartition(":")
    if column in names:
        hint = f"the types are {', '.join(KINDS.names)}, and {kind!r} is none"
    else:
        hint = f"it has {', '.join(names)}" if names else "it has none; of JSON, each line has to be an object"
    return ProgrammingError(f"the file has no column {name!r}", hint)


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
            raise ProgrammingError(f"{table.name!r} has no property {wanted.column!r}", f"it has {names or 'none'}")
        if property.state is not state or wanted.kind not in (None, property.kind):
            raise ProgrammingError(
                f"{property.name!r} of {table.name!r} is "
                f"{'a state property' if property.state else 'an attribute'} of type {property.kind}"
            )
        found[wanted.column] = property
    return found


# cells

_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_REAL = re.compile(r"-?(0|[1-9]\d*)?(\.\d+|(?<=\d)\.)?(?<=[\d.])([eE][-+]?\d+)?", re.ASCII)


_NUMBERS = (INTEGER, REAL)


def infer(cells: Cells, typed: bool) -> tuple[Kind, int | None]:
    """The narrowest kind that keeps every cell as it is written, and which cell decided it: 007 is a text.

    BOOLEAN is for true and false, not for 0 and 1. Without any cell, TEXT, and None.
    """
    found: Kind = TEXT
    decided = None
    if not isinstance(cells, list):
        return found, decided
    distinct = enumerate(cells) if typed else ((cells.index(cell), cell) for cell in dict.fromkeys(cells))
    for at, cell in distinct:
        if cell is None:
            continue
        kind = _kind_of_value(cell) if typed else _kind_of_text(cell)
        if decided is not None and kind is not found:
            kind = REAL if {kind, found} == {*_NUMBERS} else TEXT
        if decided is None or kind is not found:
            found, decided = kind, at
        if found is TEXT:
            break
    return found, decided


def _stands_for_nothing(text: Any, cells: Cells, typed: bool) -> bool:
    """Whether a text is perhaps a word for NULL among numbers. One with digits may be a number, which would be lost."""
    if not isinstance(text, str) or any(map(str.isdigit, text)):
        return False
    other = next((cell for cell in cells if cell not in (None, text)), None)
    return infer([other], typed)[0] in _NUMBERS


def _kind_of_value(cell: Any) -> Kind:
    if type(cell) is int:
        return INTEGER if -(2**63) <= cell < 2**63 else TEXT
    return {float: REAL, Decimal: REAL, bool: BOOLEAN}.get(type(cell), TEXT)


def _kind_of_text(cell: str) -> Kind:
    if _INTEGER.fullmatch(cell):
        return INTEGER if len(cell) < 19 or (len(cell) < 21 and -(2**63) <= int(cell) < 2**63) else TEXT
    if _REAL.fullmatch(cell):
        return TEXT if is_beyond(cell) else REAL
    return BOOLEAN if cell.lower() in ("true", "false") else TEXT


def _rows_with_content(columns: dict[str, Cells], table: Table, rows: int) -> list[int] | None:
    """The rows that have an action or an observation; None if all have."""
    present = np.zeros(rows, bool)
    for name in ("action", "changes", *(p.name for p in table.states)):
        present |= _present(columns[name]) if name in columns and not present.all() else False
    return None if present.all() else np.flatnonzero(present).tolist()


def _present(cells: Cells) -> Bool:
    """bool[n]: where the column has something."""
    if not isinstance(cells, list):
        return np.asarray(cells == cells)  # neither NaN nor NaT
    if None not in cells:
        return np.ones(len(cells), bool)
    return np.array([cell is not None for cell in cells], bool)


def _cells(cells: list[Any], kind: Kind) -> Cells:
    """The cells in the form that write/columns reads fastest, where that form has the same values."""
    if kind is REAL:
        return _reals(cells)
    if kind is INTEGER:
        return _integers(cells)
    if kind is TEXT and set(map(type, cells)) - {str, int, float, bool, bytes, type(None)}:
        return [cell if isinstance(cell, str | int | float | bytes | None) else str(cell) for cell in cells]
    return cells


def _integers(cells: list[Any]) -> Cells:
    try:
        if "".join(cells).encode().translate(None, b"-0123456789"):
            return cells
        return np.array(list(map(int, cells)), np.int64)
    except (TypeError, ValueError, OverflowError):
        return cells


def _reals(cells: list[Any]) -> Cells:
    """NaN where there is nothing."""
    try:
        if "".join(filter(None, cells)).encode().translate(None, b"-+0123456789.eE"):
            return cells
        numbers = np.array([float(cell) if cell is not None else math.nan for cell in cells])
    except (TypeError, ValueError):
        return cells
    return cells if any(is_beyond(cells[i]) for i in np.flatnonzero(np.isinf(numbers))) else numbers


def _texts_of_times(name: str, cells: Array, lines: Sequence[int]) -> Cells:
    """The times as texts, for a property. DataError where one is finer than that."""
    absent = np.isnat(cells)
    us = cells.astype("M8[us]")
    finer = np.flatnonzero((us != cells) & ~absent)
    if len(finer):
        line, cell = lines[int(finer[0])], cells[finer[0]]
        raise DataError(f"line {line}: {name}: {str(cell)!r} has a fraction of a microsecond", timestamps.FINER)
    texts = timestamps.format_array(np.where(absent, 0, us.view(np.int64)))
    return [None if is_absent else text for is_absent, text in zip(absent.tolist(), texts, strict=True)]


def _plain(cells: Cells) -> list[Any]:
    """The column as a list, None where there is nothing."""
    if isinstance(cells, list):
        return cells
    if cells.dtype.kind != "M":
        return [None if cell != cell else cell for cell in cells.tolist()]
    absent = np.isnat(cells)
    return [None if is_absent else cell for is_absent, cell in zip(absent.tolist(), cells, strict=True)]
