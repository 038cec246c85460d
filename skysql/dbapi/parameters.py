"""Values on their way into SQLite and out of it: PEP 249's types, parameters, adapters and converters."""

from __future__ import annotations

import datetime
import decimal
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apsw

from ..errors import DataError, ProgrammingError

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
_plain = _NATIVE
"""The types whose values are bound as they are: those of _NATIVE that have no adapter."""


class PrepareProtocol:
    """What values are adapted to: the key of an adapter, and what __conform__ of a parameter is asked for."""


adapters: dict[tuple[type, type], Callable[[Any], Any]] = {}
"""By type and protocol. Items are only replaced, so it needs no lock; the same is true of `converters`."""

converters: dict[str, Callable[[bytes], Any]] = {}
"""By name in capitals."""


def register_adapter(type_: type, adapter: Callable[[Any], Any], /) -> None:
    """Bind parameters of exactly that type as what adapter(value) gives: None, int, float, str or bytes."""
    global _plain
    adapters[type_, PrepareProtocol] = adapter
    _plain = _NATIVE - {adapted for adapted, _ in adapters}


def register_converter(name: str, converter: Callable[[bytes], Any], /) -> None:
    """With detect_types, read columns of that declared type (its first word) as converter(bytes of the value)."""
    converters[name.upper()] = converter


register_adapter(datetime.date, datetime.date.isoformat)
register_adapter(datetime.datetime, lambda value: value.isoformat(" "))
register_converter("date", lambda value: datetime.date.fromisoformat(value.decode()))
register_converter("timestamp", lambda value: datetime.datetime.fromisoformat(value.decode()))

_NOTHING = object()


def adapt(value: Any, protocol: type = PrepareProtocol, otherwise: Any = _NOTHING, /) -> Any:
    """The value by its adapter, or by a __conform__ of its own; else `otherwise`, or ProgrammingError without it."""
    adapter = adapters.get((type(value), protocol))
    if adapter is not None:
        return adapter(value)
    for ask, asked in ((getattr(protocol, "__adapt__", None), value), (getattr(value, "__conform__", None), protocol)):
        if ask is not None:
            try:
                found = ask(asked)
            except TypeError:
                continue
            if found is not None:
                return found
    if otherwise is _NOTHING:
        raise ProgrammingError("can't adapt")
    return otherwise


def bindings(parameters: Any) -> Any:
    """Parameters as apsw takes them. Raises ProgrammingError for what cannot be bound."""
    kind = type(parameters)
    if kind is not tuple and kind is not list:  # isinstance(..., Mapping) takes longer than all the rest
        if kind is dict or isinstance(parameters, Mapping):
            return _named(parameters)
        if not (hasattr(parameters, "__getitem__") and hasattr(parameters, "__len__")):
            raise ProgrammingError("parameters are of unsupported type")
        parameters = [parameters[at] for at in range(len(parameters))]
    if _plain.issuperset(map(type, parameters)):
        return parameters
    return [bound(str(at + 1), parameters[at]) for at in range(len(parameters))]  # which an adapter may shorten


def _named(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of a mapping; of one that makes values as they are asked for, when SQLite asks."""
    if hasattr(type(parameters), "__missing__"):
        return _Made(parameters)
    return {
        name: value if type(value) in _plain else bound(f":{name}", value) for name, value in parameters.items()
    }


class _Made(Mapping[str, Any]):
    """The values of a mapping with __missing__, bound as they are asked for."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters

    def __getitem__(self, name: str) -> Any:
        return bound(f":{name}", self._parameters[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)


def bound(position: str, value: Any) -> Any:
    """One parameter as something that apsw binds; numpy's scalars would be taken for buffers, and become BLOBs."""
    value = adapt(value, PrepareProtocol, value)
    kind = type(value)
    if kind.__module__ == "numpy" and callable(getattr(value, "item", None)) and getattr(value, "ndim", 1) == 0:
        value = _moment(position, value) if kind.__name__ == "datetime64" else value.item()
    if value is None or isinstance(value, int | float | str | apsw.zeroblob):
        return value
    if isinstance(value, datetime.datetime):
        return None if value != value else value.isoformat(" ")  # pandas' NaT is not equal to itself
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return _number(value)
    try:
        return contiguous(value)
    except TypeError:
        message = f"Error binding parameter {position}: type {kind.__name__!r} is not supported"
        raise ProgrammingError(message, "register_adapter()") from None


def contiguous(value: Any) -> memoryview:
    """The bytes of a buffer. TypeError for what is none, BufferError for one with gaps."""
    view = memoryview(value)
    if not view.c_contiguous:
        raise BufferError("underlying buffer is not C-contiguous")
    return view.cast("B")


def _number(value: decimal.Decimal) -> int | float | str | None:
    """The number as an integer or a REAL where that is exactly what it is written as, else its text; NaN is NULL."""
    if value.is_nan():
        return None
    if value.is_finite() and value.adjusted() < 18 and value == value.to_integral_value():
        return int(value)
    real = float(value)
    return real if not value.is_finite() or decimal.Decimal(repr(real)) == value else str(value)


def _moment(position: str, value: Any) -> str | None:
    """The text of a moment of numpy's. DataError if it is finer than a microsecond, or beyond the years 1 to 9999."""
    from ..model import timestamps  # which loads numpy, as who has such a value has done

    if value != value:
        return None
    try:
        us = timestamps.parse(value)
    except DataError as error:
        raise DataError(f"parameter {position}: {error.args[0]}", error.hint) from None
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)).isoformat(" ")
