"""Columns, or a whole frame, become validated batches of events: numpy, lists, pandas, polars, pyarrow.

None of these is imported here: frames.py reads columns as arrays with masks, codes or lists. Values are converted by
model/values.py, each distinct one once. Texts get their codes last, when nothing can be refused any more.

Not here: whether a change changes anything (a value equal to the current one is a change all the same), order
(a batch is in order of arrival), and bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from ..arrays.batch import Batch, Sparse
from ..errors import DataError, Error, ProgrammingError, near
from ..interruption import look, looking, patiently
from ..model import time_units, timestamps
from ..model.companions import OBJECT_ID, OWN_CHANGES, TIMESTAMP, TS
from ..model.dtypes import Array, Bool, Int64
from ..model.kinds import INTEGER, TEXT
from ..model.table import ACTION, Property, Table
from ..model.timestamps import is_null
from . import frames
from .event_values import Coder, at_row, check_same, no_content, object_of, parse_changes, stored_value, time_of
from .frames import CodedColumn, Column, Plain


def _each(column: CodedColumn, convert: Callable[[Any], Any]) -> list[Any]:
    """Each value that occurs, converted; None for the others. An error names the first row that has the value."""
    n = len(column.values)
    converted: list[Any] = [None] * n
    bad = np.zeros(n, bool)
    for code in looking(frames.used(column.codes, n).tolist()):
        try:
            converted[code] = convert(column.values[code])
        except Error:
            bad[code] = True
    if bad.any():
        row = int(np.argmax(bad[column.codes]))
        try:
            convert(column.values[column.codes[row]])
        except Error as error:
            raise at_row(row, error) from None
    return converted


def _each_row(column: Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
    converted = []
    for row, value in looking(enumerate(column)):
        try:
            converted.append(convert(value))
        except Error as error:
            raise at_row(row, error) from None
    return converted


@dataclass(frozen=True, slots=True)
class _Found:
    """A Sparse, but texts have no codes yet: if `texts` is not None, values are indexes of it."""

    property: Property
    positions: Array
    values: Array
    valid: Bool | None = None
    texts: list[str | None] | None = None

    def value(self, i: int) -> Any:
        """The i-th value, None for NULL."""
        if self.texts is not None:
            return self.texts[self.values[i]]
        return self.values[i].item() if self.valid is None or self.valid[i] else None

    def sparse(self, dictionary: Coder) -> Sparse:
        """With codes for texts."""
        positions = self.positions.astype(np.int32, copy=False)
        if self.texts is None:
            valid = None if self.valid is None or self.valid.all() else self.valid
            return Sparse(positions, self.values, valid)
        codes = np.zeros(len(self.texts), np.uint32)
        used = [i for i in frames.used(self.values, len(self.texts)).tolist() if self.texts[i] is not None]
        if used:
            codes[used] = dictionary.codes(self.property.id, [str(self.texts[i]) for i in used])
        return Sparse(positions, patiently(np.take, codes, self.values))


_OBJECT = "\0object"  # the object's role among columns; no property can be called so
_COLUMNS_HINT = "give an array, a list, or a column of pandas, polars or pyarrow"


class _Builder:
    """Makes one batch of one table's columns."""

    def __init__(self, table: Table, columns: Any, time_unit: str | None) -> None:
        time_units.check_unit(time_unit)
        self.table = table
        self.time_unit = time_unit
        given = self._roles(frames.named(columns))
        time_name, times = given.pop(TIMESTAMP.name)
        self.moments, distinct = self._timestamps(time_name, times)
        self.n = len(self.moments)
        name, column = given.pop(_OBJECT)
        self.objects, self.keys = self._objects(self._column(name, column))
        changes = given.pop(OWN_CHANGES.name, None)
        self.found: dict[int, _Found] = {}
        for property in looking((ACTION, *table.properties)):
            if property.name in given:
                name, column = given[property.name]
                found = self._property(property, self._column(name, column))
                if len(found.positions):
                    self.found[property.id] = found
        if changes is not None:
            self._changes(self._column(*changes))
        self._check_content()
        if time_unit is None:
            self._check_times(time_name, *distinct)

    def batch(self, dictionary: Coder) -> Batch:
        """The events, with codes and ids for texts."""
        objects = self.objects
        if self.keys is not None:
            ids = np.zeros(len(self.keys), np.int64)
            used = frames.used(objects, len(self.keys)).tolist()
            if used:
                ids[used] = dictionary.objects([self.keys[i] for i in used])
            objects = ids[objects]
        properties = {id: found.sparse(dictionary) for id, found in self.found.items()}
        return Batch(objects, self.moments, properties)

    def _roles(self, named: Sequence[tuple[Any, Any]]) -> dict[str, tuple[str, Any]]:
        """Roles (_OBJECT, 'timestamp', 'changes', properties by name) -> the column's own name, and the column."""
        table = self.table
        names = {p.name.lower(): p.name for p in (ACTION, *table.properties)}
        names |= {TIMESTAMP.name: TIMESTAMP.name, TS.name: TIMESTAMP.name, OWN_CHANGES.name: OWN_CHANGES.name}
        if table.key_name is None:
            names |= {OBJECT_ID: _OBJECT, table.object_name.lower(): _OBJECT}
        else:
            names[table.key_name.lower()] = _OBJECT
        roles: dict[str, tuple[str, Any]] = {}
        for name, column in named:
            role = names.get(str(name).lower())
            if role is None:
                known = [table.key_name or table.object_name, TIMESTAMP.name, *(p.name for p in table.properties)]
                hint = near(str(name), [*known, ACTION.name, OWN_CHANGES.name])
                if str(name).lower() == OBJECT_ID:
                    hint = f"ids are assigned; give {table.key_name}"
                raise ProgrammingError(f"{table.name!r} has no column {name!r}", hint)
            if role in roles:
                raise ProgrammingError(f"{table.name!r} is given {roles[role][0]!r} and {name!r}", "give one of them")
            roles[role] = str(name), column
        for role, name in ((_OBJECT, table.key_name or table.object_name), (TIMESTAMP.name, TIMESTAMP.name)):
            if role not in roles:
                given = ", ".join(str(name) for name, _ in named) or "none"
                raise ProgrammingError(f"{table.name!r} needs a column {name!r} in every append", f"given: {given}")
        return roles

    def _column(self, name: str, column: Any) -> Column:
        try:
            result = frames.read(column)
        except TypeError as error:
            raise DataError(f"{self.table.name}.{name}: {error}", _COLUMNS_HINT) from None
        if len(result) != self.n:
            raise DataError(
                f"{self.table.name}.{name} has {len(result)} values, and timestamp has {self.n}",
                "all columns must have one length",
            )
        return result

    def _timestamps(self, name: str, column: Any) -> tuple[Int64, tuple[Any, Int64]]:
        """The microseconds of each row; and values that stand for all of them, with their microseconds."""
        try:
            if not isinstance(column, np.ndarray) or isinstance(column, np.ma.MaskedArray):
                column = frames.read(column)
            if isinstance(column, CodedColumn):
                return self._timestamps_of_codes(name, column)
            if isinstance(column, Plain):
                if column.valid is not None and not column.valid.all():
                    timestamps.parse_array([0] * int(np.argmin(column.valid)) + [None])  # raises
                column = column.values
            us = time_units.times(column, self.time_unit)
            return us, (column, us)
        except (DataError, TypeError) as error:
            where = f"{self.table.name}.{name}: "
            if isinstance(error, DataError):
                time_units.ask_for_unit(error, self.time_unit)
            hint = getattr(error, "hint", _COLUMNS_HINT)
            raise DataError(where + error.args[0].removeprefix(where), hint) from None

    def _timestamps_of_codes(self, name: str, column: CodedColumn) -> tuple[Int64, tuple[Any, Int64]]:
        used = frames.used(column.codes, len(column.values))
        values = [column.values[code] for code in used.tolist()]
        us = np.zeros(len(column.values), np.int64)
        try:
            us[used] = time_units.times(values, self.time_unit)
        except DataError:
            _each(column, lambda value: time_of(self.table, name, value, self.time_unit))  # raises, and knows the row
        return us[column.codes], (values, us[used])

    def _check_times(self, name: str, values: Any, us: Int64) -> None:
        """Refuse numbers that may be meant as something else than microseconds."""
        try:
            time_units.check_times(values, us)
        except DataError as error:
            raise DataError(f"{self.table.name}.{name}: {error.args[0]}", error.hint) from None

    def _objects(self, column: Column) -> tuple[Array, list[str] | None]:
        """Ids and None, or indexes of keys and the keys."""

        def convert(value: object) -> int | str:
            return object_of(self.table, value)

        column = frames.typed(column)
        keyed = self.table.key_name is not None
        if isinstance(column, Plain):
            if not keyed and column.values.dtype.kind in "iuf":
                ids, valid, bad = INTEGER.numbers(column.values, column.valid)
                wrong = (ids <= 0) | (False if bad is None else bad) | (False if valid is None else ~valid)
                if wrong.any():
                    row = int(np.argmax(wrong))
                    null = valid is not None and not valid[row]
                    _each_row([1] * row + [None if null else column.values[row].item()], convert)  # raises
                return ids, None
            column = frames.coded(column)
        if isinstance(column, list):
            column = frames.encode(_each_row(column, convert))
        objects = _each(column, convert)
        if keyed:
            return column.codes, objects
        return np.array([id or 0 for id in objects], np.int64)[column.codes], None

    def _property(self, property: Property, column: Column) -> _Found:
        """What one column says of a property: its values where they are not NULL."""

        def convert(value: object) -> Any:
            return stored_value(self.table, property.name, property.kind, value)

        if property.kind.temporal:
            column = self._in_times(property, column)
        column = frames.typed(column)
        if isinstance(column, list):
            return self._converted(property, _each_row(column, convert))
        if isinstance(column, Plain) and (property.kind is TEXT or column.values.dtype.kind == "M"):
            column = frames.coded(column)
        if isinstance(column, CodedColumn):
            values = _each(column, convert)
            look()
            present = np.fromiter((value is not None for value in values), bool, len(values))[column.codes]
            if present.all():
                return _found_of(property, np.arange(self.n, dtype=np.int32), column.codes, values)
            look()
            positions = np.flatnonzero(present)
            return _found_of(property, positions, column.codes[positions], values)
        numbers, valid, bad = property.kind.numbers(column.values, column.valid)
        if bad is not None and bad.any():
            row = int(np.argmax(bad))
            _each_row([None] * row + [column.values[row].item()], convert)  # raises
        if valid is None:
            return _Found(property, np.arange(self.n, dtype=np.int32), numbers)
        positions = np.flatnonzero(valid)
        return _Found(property, positions, numbers[positions])

    def _converted(self, property: Property, values: list[Any]) -> _Found:
        """What a property holds, of values as it stores them, None for NULL."""
        if property.kind is TEXT:
            column = frames.encode(values)
            present = np.fromiter((value is not None for value in values), bool, len(values))
            positions = np.flatnonzero(present)
            return _found_of(property, positions, column.codes[positions], column.values)
        positions = np.fromiter((at for at, value in enumerate(values) if value is not None), np.int64)
        stored = np.array([value for value in values if value is not None], property.kind.dtype)
        return _Found(property, positions, stored)

    def _in_times(self, property: Property, column: Column) -> Column:
        """A column of times as microseconds, numbers in the unit that they count. Refuses what has none, and should."""
        if isinstance(column, CodedColumn):
            used = frames.used(column.codes, len(column.values)).tolist()
            known: Any = [column.values[code] for code in used if not is_null(column.values[code])]
        else:
            known, present = frames.present(column)
        try:
            us = time_units.times(known, self.time_unit)
            if self.time_unit is None:
                time_units.check_times(known, us)
        except DataError as error:
            return self._refused_time(property, column, error)
        if isinstance(column, CodedColumn):
            stored: list[Any] = [None] * len(column.values)
            for code, moment in zip((c for c in used if not is_null(column.values[c])), us.tolist(), strict=True):
                stored[code] = moment
            return CodedColumn(column.codes, stored)
        found = np.zeros(len(column), np.int64)
        found[present] = us
        return Plain(found, present)

    def _refused_time(self, property: Property, column: Column, error: DataError) -> NoReturn:
        """Raise the error with the row that is at fault, if it is one's."""
        if isinstance(column, Plain):
            column = frames.coded(column)

        def convert(value: object) -> object:
            return None if is_null(value) else time_of(self.table, property.name, value, self.time_unit)

        where = f"{self.table.name}.{property.name}: "
        try:
            if isinstance(column, CodedColumn):
                _each(column, convert)
            else:
                _each_row(column, convert)
        except DataError as found:
            time_units.ask_for_unit(found, self.time_unit)
            raise found from None
        raise DataError(where + error.args[0], error.hint) from None

    def _changes(self, column: Column) -> None:
        """Add the changes that come as JSON."""

        def convert(value: object) -> dict[int, Any]:
            return {} if is_null(value) else parse_changes(self.table, value)

        column = frames.typed(column)
        if isinstance(column, Plain):
            column = frames.coded(column)
        if isinstance(column, list):  # of mappings
            column = CodedColumn(np.arange(len(column)), column)
        parsed = [changes or {} for changes in _each(column, convert)]
        n = len(parsed)
        for property in self.table.states:
            has = np.fromiter((property.id in changes for changes in parsed), bool, n)
            positions = np.flatnonzero(has[column.codes])
            if len(positions):
                values = [changes.get(property.id) for changes in parsed]
                found = _found_of(property, positions, column.codes[positions], values)
                before = self.found.get(property.id)
                self.found[property.id] = found if before is None else self._join(before, found)

    def _join(self, column: _Found, changes: _Found) -> _Found:
        """Both as one; where both change a property, they must agree."""
        _, at, of = np.intersect1d(column.positions, changes.positions, assume_unique=True, return_indices=True)
        for i, j in zip(at.tolist(), of.tolist(), strict=True):
            try:
                check_same(self.table, column.property, {column.property.id: column.value(i)}, changes.value(j))
            except DataError as error:
                raise at_row(int(column.positions[i]), error) from None
        rest = np.delete(np.arange(len(changes.positions)), of)
        positions = np.concatenate([column.positions, changes.positions[rest]])
        order = patiently(np.argsort, positions, kind="stable")
        more = changes.values[rest]
        if column.texts is not None and changes.texts is not None:
            base = len(column.texts)  # codes may be written from the end
            values = np.concatenate([column.values % base, more % len(changes.texts) + base])
            return replace(column, positions=positions[order], values=values[order], texts=column.texts + changes.texts)
        valid = np.concatenate([
            np.ones(len(found.positions), bool)[rows] if found.valid is None else found.valid[rows]
            for found, rows in ((column, np.arange(len(column.positions))), (changes, rest))
        ])  # fmt: skip
        values = np.concatenate([column.values, more])
        return replace(column, positions=positions[order], values=values[order], valid=valid[order])

    def _check_content(self) -> None:
        parts = [found.positions for found in self.found.values() if found.property.state or found.property is ACTION]
        if any(len(positions) == self.n for positions in parts) or not self.n:
            return
        content = np.zeros(self.n, bool)
        for positions in parts:
            content[positions] = True
        if not content.all():
            raise at_row(int(np.argmin(content)), no_content(self.table))


def _found_of(property: Property, positions: Array, codes: Array, values: list[Any]) -> _Found:
    """Values by code; None among them is a change to NULL."""
    if property.kind is TEXT:
        return _Found(property, positions, codes, None, values)
    valid = np.fromiter((value is not None for value in values), bool, len(values))[codes]
    known = np.array([0 if value is None else value for value in values], property.kind.dtype)
    return _Found(property, positions, known[codes], None if valid.all() else valid)


def columns_to_batch(table: Table, columns: Any, dictionary: Coder, time_unit: str | None = None) -> Batch:
    """Events of columns, in their order: what Connection.append stores.

    time_unit: what numbers in columns of times count, 'us', 'ms' or 's'. None: microseconds, and columns whose
    numbers may be something else are refused (model/time_units.py).

    columns: names to columns of one length, or a frame. Names: the object's (object_id, or as the table calls it),
    timestamp or ts, action, properties, changes; the first two are required. int64 and float64 arrays are taken as they
    are, not copied. Raises ProgrammingError for names, DataError and IntegrityError for values, with the row counted
    from 0; the dictionary has then not been touched.
    """
    return _Builder(table, columns, time_unit).batch(dictionary)
