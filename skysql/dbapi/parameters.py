"""Values on their way into SQLite and out of it: PEP 249's types, parameters, adapters and converters."""

from __future__ import annotations

import datetime
import decimal
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import apsw
import numpy as np

from ..errors import DataError, ProgrammingError
from ..model import timestamps

PARSE_DECLTYPES = 1
PARSE_COLNAMES = 2

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = memoryview

Values = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802
    """The local date at that many seconds since the Unix epoch."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """The local time of day at that many seconds since the Unix epoch."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """The local date and time at that many seconds since the Unix epoch."""
    return Timestamp(*time.localtime(ticks)[:6])


class _TypeObject:
    """Equal to every declared type (the type_code of a description) that holds one of these words."""

    def __init__(self, *words: str) -> None:
        self._match = re.compile("|".join(words), re.IGNORECASE).search

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, str) and self._match(other) is not None)

    __hash__ = object.__hash__


STRING = _TypeObject("CHAR", "TEXT", "CLOB")
BINARY = _TypeObject("BLOB", "BINARY")
NUMBER = _TypeObject("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "BOOL")
DATETIME = _TypeObject("DATE", "TIME")
ROWID = _TypeObject("^ROWID$")


_NATIVE = frozenset({int, float, str, bytes, bytearray, memoryview, bool, type(None)})
_adapters: dict[type, Callable[[Any], Any]] = {}  # register_adapter(); replaced items only, so it needs no lock
converters: dict[str, Callable[[bytes], Any]] = {}  # register_converter(), by name in capitals; the same


def register_adapter(type_: type, adapter: Callable[[Any], Any], /) -> None:
    """Bind parameters of exactly that type as what adapter(value) gives: None, int, float, str or bytes."""
    _adapters[type_] = adapter


def register_converter(name: str, converter: Callable[[bytes], Any], /) -> None:
    """With detect_types, read columns of that declared type (its first word) as converter(bytes of the value)."""
    converters[name.upper()] = converter


register_converter("date", lambda value: datetime.date.fromisoformat(value.decode()))
register_converter("timestamp", lambda value: datetime.datetime.fromisoformat(value.decode()))


class PrepareProtocol:
    """What __conform__ of a parameter is asked for."""


def bindings(parameters: Any) -> Any:
    """Parameters as apsw takes them. Raises ProgrammingError for what cannot be bound."""
    kind = type(parameters)
    if kind is not tuple and kind is not list:  # isinstance(..., Mapping) takes longer than all the rest
        if kind is dict or isinstance(parameters, Mapping):
            return {
                name: value if type(value) in _NATIVE else adapt(f":{name}", value)
                for name, value in parameters.items()
            }
        if not (hasattr(parameters, "__getitem__") and hasattr(parameters, "__len__")):
            raise ProgrammingError("parameters are of unsupported type")
        parameters = tuple(parameters)
    if _NATIVE.issuperset(map(type, parameters)):
        return parameters
    return [adapt(str(i), value) for i, value in enumerate(parameters, 1)]


def adapt(position: str, value: Any) -> Any:
    """One parameter as something that apsw binds; numpy's scalars would be taken for buffers, and become BLOBs."""
    if (adapter := _adapters.get(type(value))) is not None:
        return adapter(value)
    if isinstance(value, np.datetime64 | datetime.datetime):
        return None if value != value else _moment(position, value)  # numpy's and pandas' NaT
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if value is None or isinstance(value, int | float | str | bytes | bytearray | memoryview | apsw.zeroblob):
        return value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if (conform := getattr(value, "__conform__", None)) is not None:
        return conform(PrepareProtocol)
    kind = type(value).__name__
    raise ProgrammingError(f"Error binding parameter {position}: type {kind!r} is not supported", "register_adapter()")


def _number(value: decimal.Decimal) -> int | float | str | None:
    """The number as an integer or a REAL where that is exactly what it is written as, else its text; NaN is NULL."""
    if value.is_nan():
        return None
    if value.is_finite() and value.adjusted() < 18 and value == value.to_integral_value():
        return int(value)
    real = float(value)
    return real if not value.is_finite() or decimal.Decimal(repr(real)) == value else str(value)


def _moment(position: str, value: object) -> str:
    """The text of a moment. DataError for what is finer than a microsecond, or beyond the years 1 to 9999."""
    try:
        return timestamps.format(timestamps.parse(value))
    except DataError as error:
        raise DataError(f"parameter {position}: {error.args[0]}", error.hint) from None
