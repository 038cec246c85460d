"""Kind: one record of everything about a kind of value.

A value has three forms: what a user gives (`parse`), what is stored, as numbers of one dtype, and what a scan reads and
SQLite shows (`read` and `render`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Array, Bool


class Kind(ABC):
    """A kind of value. There is one object of each name, so kinds are compared by `is`."""

    __slots__ = ("name",)

    code: int
    """The number of the kind in stored bytes. Those of skysql are constants of the format, which every engine reads."""

    since = 1
    """The first version of the format that has it."""

    dtype: np.dtype[Any]
    """Of the numbers that are stored."""

    letter: str
    """Of such a number, for struct."""

    arrow: str
    """The type in Arrow and Parquet, by the name of pyarrow's function."""

    expected: str
    """What a value of this kind is, for the hint of an error."""

    integral = False
    """Whether its values read as integers, of which SQLite makes sums without rounding."""

    temporal = False
    """Whether its values are times."""

    longer = False
    """Whether what is stored may have more digits than what is read."""

    render: Callable[[Array], list[Any]] | None = None
    """What makes the values that are shown of those that are read; None where they are the same."""

    def __init__(self, name: str) -> None:
        """name: as a definition has it, and what SQLite is told; the affinity of the column follows from it."""
        self.name = name

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self.name  # a name of the module of its class

    @property
    def export(self) -> Callable[[Any], Any] | None:
        """What makes values that Parquet takes of those that are shown; None where they are the same."""
        return None

    @abstractmethod
    def parse(self, value: object) -> Any:
        """The value as it is stored; None for NULL, and for what cannot be stored without loss. NaN is NULL."""

    @abstractmethod
    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """Numbers as they are stored, where they are not NULL (None: everywhere), and where that loses something.

        values: numbers or truth values [n]; NaN is NULL. valid: bool[n], False for NULL, or None if none is.
        Returns values of the dtype [n], valid with NaN in it, and bool[n] of losses, or None if there are none.
        """

    def read(self, values: Array) -> Array:
        """Stored numbers as a scan computes with them."""
        return values

    def shown(self, values: Array) -> list[Any]:
        """Stored numbers as SQLite shows them."""
        read = self.read(values)
        return read.tolist() if self.render is None else self.render(read)

    def texts(self, values: Array) -> list[Any]:
        """Stored numbers as what SQLite makes texts of."""
        return self.shown(values)

    def restored(self, values: Array) -> Array:
        """Stored numbers as an array of what `numbers` or `parse` makes the same of."""
        return values

    def fault(self, _values: Array) -> str | None:
        """What is wrong with numbers that were read from a file; None if nothing is."""
        return None

    def refusal(self, value: object) -> tuple[str, str]:
        """Why a value that `parse` gave None for cannot be stored, and a hint."""
        from ..values import shown

        return f"{shown(value)} cannot be stored as {self}", self.expected

    def widens_to(self, kind: Kind) -> bool:
        """Whether ALTER ... TYPE can turn this kind into the other; single values may still forbid it."""
        raise NotImplementedError

    def widened(self, values: Array, kind: Kind) -> tuple[Array, Bool | None]:
        """Stored numbers as the other kind stores them, and where that loses something. (TEXT has casts: store/.)"""
        return values.astype(kind.dtype), None


def without_nulls(values: Array, valid: Bool | None) -> tuple[Array, Bool | None]:
    """(values with 0 in place of NULL and NaN, bool[n] where they are neither or None for everywhere)."""
    if values.dtype.kind == "f" and (null := np.isnan(values)).any():
        valid = ~null if valid is None else valid & ~null
    if valid is not None:
        values = np.where(valid, values, values.dtype.type(0))
    return values, valid
