"""What an event may be given: its object, time, values and changes, one of each at a time.

NULL is "no value" for an attribute and "no change" for a state property.

Not here: what a value of a kind is (model/kinds.py, model/values.py), rows (row_buffer.py) and columns (columns.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import DataError, Error, IntegrityError, ProgrammingError, near
from ..model import time_units, timestamps
from ..model import values as affinity
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT, Kind
from ..model.table import Property, Table
from ..model.timestamps import is_null
from ..model.values import shown


def stored_value(table: Table, name: str, kind: Kind, value: object) -> Any:
    """The value as the kind stores it (TEXT: the text), None for NULL. DataError names table and column."""
    result = kind.parse(value)
    if result is None:
        if not is_null(value):
            what, hint = kind.refusal(value)
            raise DataError(f"{table.name}.{name}: {what}", hint)
    elif result != result:
        return None
    return result


class Coder(Protocol):
    """Texts of one table as numbers; texts that are new get new ones."""

    def codes(self, property_id: int, texts: Sequence[str] | Array) -> npt.NDArray[np.uint32]:
        """One code a text, from 1."""
        ...

    def objects(self, keys: Sequence[str]) -> Int64:
        """The object id of each TEXT key."""
        ...


def object_of(table: Table, value: object) -> int | str:
    """The object's id, or its TEXT key."""
    name = table.key_name or table.object_name
    if is_null(value):
        raise IntegrityError(f"{table.name}.{name}: an event needs an object", f"give {name} a value")
    if table.key_name is not None:
        key: str = stored_value(table, table.key_name, TEXT, value)
        return key
    id = affinity.integer(value)
    if id is None or id <= 0 or isinstance(value, (bool, np.bool_)):
        raise DataError(
            f"{table.name}.{name}: {shown(value)} is not an object id",
            "object ids are whole numbers from 1 to 9223372036854775807",
        )
    return id


def time_of(table: Table, name: str, value: object, unit: str | None = None) -> int:
    """Microseconds of a time that a column of that name was given; unit: what numbers count."""
    try:
        return timestamps.parse(value) if unit is None else time_units.time(value, unit)
    except DataError as error:
        raise DataError(f"{table.name}.{name}: {error.args[0]}", error.hint) from None


def no_content(table: Table) -> IntegrityError:
    """The error of an event that has neither an action nor a change."""
    states = ", ".join(p.name for p in table.states[:5])
    return IntegrityError(
        f"{table.name}: an event needs an action or a change of state, and this one has neither",
        f"give action a value{', or one of ' + states if states else ''}",
    )


def at_row(row: int, error: Error) -> Error:
    """The error with the row in its message, after the column."""
    where, _, what = error.args[0].partition(": ")
    return type(error)(f"{where}: row {row}: {what}", error.hint)


# the JSON of `changes`


def parse_changes(table: Table, text: object) -> ParsedChanges:
    """The changes of a JSON object, or of a mapping, of state properties."""
    where = f"{table.name}.changes"
    hint = 'write it as {"property": value, ...}, with null for a change to NULL'
    try:
        pairs = text
        if isinstance(text, str):
            pairs = json.loads(
                text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant, parse_float=_number
            )
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {shown(text)} is not JSON: {error}", hint) from None
    if isinstance(pairs, Mapping):
        pairs = _Pairs(pairs.items())
    if not isinstance(pairs, _Pairs):
        raise DataError(f"{where}: {shown(text)} is not a JSON object", hint)
    changes = ParsedChanges()
    for name, value in pairs:
        property = table.find(name) if isinstance(name, str) else None
        if property is None or not property.state:
            raise _no_state(table, where, name)
        if type(value) is Decimal and not property.kind.longer:
            value = float(value)
        converted = None if value is None else stored_value(table, property.name, property.kind, value)
        check_same(table, property, changes, converted)
        changes[property.id] = converted
    return changes


def _number(text: str) -> Decimal | float:
    """A number of JSON that is no integer, with all of its digits."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits
        return float(text)


def _no_state(table: Table, where: str, name: object) -> ProgrammingError:
    """The error of a name in `changes` that is no state property's."""
    if isinstance(name, str) and table.find(name) is not None:
        message = f"{where}: {name!r} is an attribute, not a state property, of {table.name!r}"
        return ProgrammingError(message, "an attribute is given as a column of its own")
    message = f"{where}: {name!r} is no property of {table.name!r}"
    return ProgrammingError(message, near(str(name), (p.name for p in table.states)))


class ParsedChanges(dict[int, Any]):
    """Property id -> value as it is stored, None for a change to NULL."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, with names that stand twice."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def check_same(table: Table, property: Property, changes: Mapping[int, Any], value: object) -> None:
    """Refuse another value of a property than an event's changes have."""
    if property.id in changes and changes[property.id] != value:
        raise DataError(
            f"{table.name}.{property.name}: the event changes it to {shown(value)} and to"
            f" {shown(changes[property.id])}",
            "give each state property one value an event",
        )
