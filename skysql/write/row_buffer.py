"""Rows of INSERT, one at a time, until they become a batch; a row that is refused leaves no trace."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from ..arrays.batch import Lists
from ..model.kinds import TEXT
from ..model.table import ACTION, Property, Table
from ..model.timestamps import is_null
from ..model.values import MAX_INTEGER
from .event_values import (
    Coder,
    ParsedChanges,
    check_same,
    no_content,
    object_of,
    parse_changes,
    stored_value,
    time_of,
)


class _Values:
    """The values of one property, as rows bring them. A None among them is a change to NULL."""

    __slots__ = ("convert", "positions", "property", "state", "values")

    def __init__(self, property: Property, convert: Callable[[object], Any] | None = None) -> None:
        self.property = property
        self.state = property.state
        self.convert = convert or property.kind.parse
        self.positions: list[int] = []
        self.values: list[Any] = []

    def take(self, dictionary: Coder) -> tuple[list[int], list[Any]]:
        """(positions, values), with codes for texts."""
        if self.property.kind is not TEXT:
            return self.positions, self.values
        texts = [value for value in self.values if value is not None]
        codes: list[int] = dictionary.codes(self.property.id, texts).tolist() if texts else []
        if len(texts) < len(self.values):
            present = iter(codes)
            codes = [0 if value is None else next(present) for value in self.values]
        return self.positions, codes

    def clear(self) -> None:
        """Forget all values."""
        self.positions, self.values = [], []


class RowBuffer:
    """Events of INSERT in order of arrival, until they become a batch. Not to be shared between threads."""

    def __init__(self, table: Table, time_unit: str | None = None) -> None:
        self._table = table
        self._time_unit = time_unit
        self._keyed = table.key_name is not None
        self._objects: list[Any] = []
        self._ts: list[int] = []
        self._action = _Values(ACTION)
        self._columns = [_Values(p, _in_unit(table, p, time_unit)) for p in table.properties]
        self._by_id = {column.property.id: column for column in self._columns}

    def __len__(self) -> int:
        return len(self._ts)

    def clear(self) -> None:
        """Forget all rows."""
        if not self._ts:
            return
        self._objects, self._ts = [], []
        for column in (self._action, *self._columns):
            if column.positions:
                column.clear()

    def add(
        self, object_value: object, ts_value: object, action: object, values: Sequence[object], changes: object = None
    ) -> int | str:
        """Take one event; returns its object's id, or its key where the table has one.

        values: one for each property, in order of declaration. Raises DataError, IntegrityError or (for a name in
        `changes`) ProgrammingError, and then has taken nothing.
        """
        table = self._table
        if type(object_value) is not int or object_value <= 0 or object_value > MAX_INTEGER or self._keyed:
            object_value = object_of(table, object_value)
        us = time_of(table, "timestamp", ts_value, self._time_unit)
        found = []
        changed = False
        for column, value in zip(self._columns, values, strict=True):
            if value is not None:
                converted = column.convert(value)
                if converted is None or converted != converted:
                    # raises if it is no NULL
                    stored_value(table, column.property.name, column.property.kind, value)
                else:
                    found.append((column, converted))
                    changed = changed or column.state
        if changes is not None:
            read = changes if type(changes) is ParsedChanges else parse_changes(table, changes)
            changed = self._merge(found, read) or changed
        if action is not None and (type(action) is not str or not action.isascii()):
            action = stored_value(table, "action", TEXT, action)
        if action is not None:
            found.append((self._action, action))
        elif not changed:
            raise no_content(table)
        position = len(self._ts)
        self._objects.append(object_value)
        self._ts.append(us)
        for column, value in found:
            column.positions.append(position)
            column.values.append(value)
        return object_value

    def _merge(self, found: list[tuple[_Values, Any]], changes: dict[int, Any]) -> bool:
        """Add to what the columns brought; whether there are changes."""
        given = {column.property.id: value for column, value in found}
        for id, value in changes.items():
            check_same(self._table, self._by_id[id].property, given, value)
            if id not in given:
                found.append((self._by_id[id], value))
        return bool(changes)

    def truncate(self, rows: int) -> None:
        """Forget all rows after the first `rows`."""
        del self._objects[rows:], self._ts[rows:]
        for column in (self._action, *self._columns):
            kept = bisect_left(column.positions, rows)
            del column.positions[kept:], column.values[kept:]

    def place(self, row: int) -> tuple[Any, int]:
        """Object (or key) and time of a row."""
        return self._objects[row], self._ts[row]

    def values(self, row: int) -> dict[int, Any]:
        """What a row holds: property id -> value, None for a change to NULL."""
        found = {}
        for column in (self._action, *self._columns):
            at = bisect_left(column.positions, row)
            if at < len(column.positions) and column.positions[at] == row:
                found[column.property.id] = column.values[at]
        return found

    def take(self, dictionary: Coder) -> Lists:
        """The rows as a batch; the buffer is empty then. If the dictionary raises, it is as it was."""
        objects = dictionary.objects(self._objects).tolist() if self._keyed else self._objects
        properties = {
            column.property.id: column.take(dictionary)
            for column in (self._action, *self._columns)
            if column.positions
        }
        batch = Lists(objects, self._ts, properties)
        self.clear()
        return batch


def _in_unit(table: Table, property: Property, unit: str | None) -> Callable[[object], Any] | None:
    """What reads the values of a property of times, of which numbers count units; None where its kind does."""
    if unit is None or not property.kind.temporal:
        return None
    return lambda value: None if is_null(value) else time_of(table, property.name, value, unit)
