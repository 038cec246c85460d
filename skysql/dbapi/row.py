"""Rows that are read by the names of their columns.

Sources: CPython 3.11 Modules/_sqlite/row.c, whose behaviour the tests compare with.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, Protocol, Self, SupportsIndex, TypeAlias, overload

Values: TypeAlias = tuple[Any, ...]


class Header:
    """The names of a result's columns, shared by its rows."""

    __slots__ = ("names", "positions")

    def __init__(self, names: tuple[str, ...]) -> None:
        folded = {_folded(name): at for at, name in reversed(list(enumerate(names)))}
        self.names = names
        self.positions = folded | {name: folded[_folded(name)] for name in names}  # the first that differ by case only


def _folded(name: str) -> str:
    """The name as SQLite compares it: case is one of ASCII's letters."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


_LOWER = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


class WithHeader(Protocol):
    """What a row needs of its cursor."""

    def header(self) -> Header:
        """The columns of its rows."""
        ...


class Row:
    """A row that is read by index, slice or column name (without regard to case); for Connection.row_factory."""

    __slots__ = ("_header", "_values")
    _header: Header
    _values: Values

    def __new__(cls, cursor: WithHeader, values: Values, /) -> Self:
        """TypeError if it is not a cursor's, or no tuple."""
        if not isinstance(values, tuple):
            raise TypeError(f"Row() argument 2 must be tuple, not {type(values).__name__}")
        header = getattr(cursor, "header", None)
        if header is None:
            raise TypeError(f"Row() argument 1 must be a Cursor, not {type(cursor).__name__}")
        row = super().__new__(cls)
        row._header, row._values = header(), values
        return row

    @overload
    def __getitem__(self, key: int | str) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Values: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if not isinstance(key, str):
            return self._item(key)
        positions = self._header.positions
        position = positions.get(key)
        if position is None and (position := positions.get(_folded(key))) is None:
            raise IndexError("No item with that key")
        return self._values[position]

    def _item(self, key: int | slice) -> Any:
        try:
            return self._values[key]
        except TypeError:
            raise IndexError("Index must be int or string") from None

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __reversed__(self) -> Iterator[Any]:
        return reversed(self._values)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def keys(self) -> list[str]:
        """The names of the columns."""
        return list(self._header.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self._header.names == other._header.names and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._header.names) ^ hash(self._values)

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{n}={v!r}' for n, v in zip(self._header.names, self._values, strict=False))})"


Sequence.register(Row)
