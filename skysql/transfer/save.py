"""A sky table into a file that imports again as the same events.

A row an event, in path order: the object, the time, the action, the state properties, the attributes, and `changes`.
The cell of a state property holds the value that the event changed it to, and nothing otherwise. Where cells cannot
tell what the event did (a change to NULL, to the value that it had already, or to an empty text), all its changes are
in `changes`, as JSON, and its cells are empty.

A number with more digits than SQL shows is written with all of them: in JSON as a text, where a number would not do.

The one loss: CSV and TSV cannot tell an empty text from nothing; attributes and actions that are empty texts are
counted, so that the caller can say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.info import TableInfo
from ..errors import ProgrammingError
from ..model.quoting import quote
from ..model.table import Property, Table
from .formats import FileWriter, Format

if TYPE_CHECKING:
    from ..dbapi.connection import Connection

ROWS = 2_000
"""Rows that are read and written at once: few enough to stay in the processor's cache."""

ROW_GROUP = 100_000
"""The same for Parquet, whose row groups they become."""


@dataclass(slots=True)
class Exported:
    """What was written: the table, the number of events, and of empty texts that the format could not keep."""

    table: Table
    events: int = 0
    empty_texts: int = 0


def find(db: Connection, name: str) -> TableInfo:
    """What is known of the sky table of that name. Raises ProgrammingError when there is none."""
    tables = db.info()
    for info in tables:
        if info.is_called(name):
            return info
    names = ", ".join(info.name for info in tables) or "none"
    raise ProgrammingError(f"there is no sky table {name!r}", f"the tables are: {names}")


def save(db: Connection, name: str, path: str, format: Format, progress: Callable[[int], None]) -> Exported:
    """Write the table's events to the file; progress is told the number of rows written so far."""
    info = find(db, name)
    table, done = info.table, Exported(info.table)
    key = table.key_name or table.object_name
    attributes = [p for p in table.properties if not p.state]
    parquet = format is Format.PARQUET
    properties = [*table.states, *attributes]
    names = [key, "timestamp", "action", *(p.name for p in properties)]
    types = ["string" if table.key_name else "int64", "timestamp", "string", *(p.kind.arrow for p in properties)]
    columns = [quote(key), "ts" if parquet else "timestamp", "action", *(quote(p.name) for p in properties)]
    if table.states:
        names, types, columns = [*names, "changes"], [*types, "string"], [*columns, "changes"]
    cut = _Cut(table, blank_is_nothing=format in (Format.CSV, Format.TSV))
    made = [(i, p.kind.export) for i, p in enumerate(properties, 3) if parquet and p.kind.export is not None]
    with FileWriter(path, format, names, types) as writer, _one_snapshot(db):
        rows = db.execute(f"SELECT {', '.join(columns)} FROM {quote(info.database)}.{quote(info.name)}")
        digits = db.engine.digits(info.database, info.name)
        longer = [(i, p.kind, digits[p.name]) for i, p in enumerate(properties, 3) if p.name in digits]
        while batch := rows.fetchmany(ROW_GROUP if parquet else ROWS):
            written = [cut.row(row) for row in batch] if table.states else [list(row) for row in batch]
            for i, kind, texts in longer:
                for row, text in zip(written, texts, strict=False):
                    if row[i] is not None and kind.parse(row[i]) != kind.parse(text):
                        row[i] = text
            for row in written if made else ():
                for i, make in made:
                    row[i] = None if row[i] is None else make(row[i])
            writer.write(written)
            done.events += len(written)
            done.empty_texts += sum("" in row for row in written) if cut.blank_is_nothing else 0
            progress(done.events)
    return done


@contextmanager
def _one_snapshot(db: Connection) -> Iterator[None]:
    """A transaction, if there is none, so that all that is read is of one moment."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.rollback()


class _Cut:
    """Reduces rows of states to rows of changes; sees them in path order."""

    def __init__(self, table: Table, blank_is_nothing: bool) -> None:
        self._states = [(i, p.name) for i, p in enumerate(table.states, 3)]
        self._first, self._last = 3, 3 + len(table.states)
        self._nothing = [None] * len(table.states)
        self.blank_is_nothing = blank_is_nothing
        self._object: object = None
        self._before: Sequence[Any] = ()

    def row(self, row: Sequence[Any]) -> list[Any]:
        """The row with only what the event changed: in its cells, or in `changes`, its last."""
        cells, changes = list(row), row[-1]
        if row[0] != self._object:
            self._object, self._before = row[0], [None] * len(row)
        before, self._before = self._before, row
        if changes is None:
            cells[self._first : self._last] = self._nothing
            return cells
        changed = json.loads(changes)
        plain = all(self._says(row[i], before[i]) for i, name in self._states if name in changed)
        for i, name in self._states:
            if not plain or name not in changed:
                cells[i] = None
        if plain:
            cells[-1] = None
        return cells

    def _says(self, value: Any, before: Any) -> bool:
        """Whether a cell with this value is read back as this change."""
        return value is not None and value != before and not (value == "" and self.blank_is_nothing)


def command(table: Table, db: str, name: str, path: str) -> list[str]:
    """The arguments of `skysql` that import the file as the same table."""

    def column(property: Property) -> str:
        return f"{property.name}:{property.kind}"

    key = f"{table.key_name}:TEXT" if table.key_name else f"{table.object_name}:INTEGER"
    words = ["import", db, name, path, "--object", key, "--time", "timestamp", "--action", "action"]
    for property in table.properties:
        words += ["--state" if property.state else "--attribute", column(property)]
    return words
