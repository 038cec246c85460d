"""What SQLite said of an expression so far, in a scan.

Results have numbers. They are remembered by the values that were read; or, where these are a property's texts, by code,
in an array as long as the dictionary. Texts are many, perhaps: so they are read, and given to SQLite, some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..arrays.vectors import Coded
from ..model.dtypes import Array
from ..model.values import Value

REMEMBERED = 1 << 20
"""So many results of an expression are remembered, and no more than a shard's more."""

_PIECE = 1 << 16
"""So many texts are given to SQLite together: they are in memory."""

_FEW_OF = 64
"""Rows whose texts are fewer than one of so many are not remembered by the code of every text."""


@dataclass(slots=True)
class Memo:
    """What SQLite said of an expression so far: results by number, and the number for each combination of values."""

    results: list[Value] = field(default_factory=list)
    numbers: dict[tuple[type, Value], int] = field(default_factory=dict)
    by_values: dict[tuple[Value, ...], int] = field(default_factory=dict)
    by_code: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    values: Sequence[Value] = ()  # what the codes of by_code stand for

    def by_code_of(self, vector: Coded) -> bool:
        """Whether to remember results by code: of a property's texts, unless few of many occur."""
        if vector.index is None:
            return len(vector.values) <= 1 << 16
        return len(self.by_code) > 0 or len(vector.codes) * _FEW_OF > len(vector.values)

    def number(self, result: Value) -> int:
        """The number of a result; one that is new gets the next."""
        key = type(result), result
        at = self.numbers.get(key)
        if at is None:
            at = self.numbers[key] = len(self.results)
            self.results.append(result)
        return at

    def enumerated(self, results: Sequence[Value]) -> Array:
        """The number of each."""
        pairs = list(zip(map(type, results), results, strict=True))
        numbers = {pair: self.number(pair[1]) for pair in set(pairs)}
        return np.fromiter(map(numbers.__getitem__, pairs), np.int32, len(pairs))


def in_pieces(vector: Coded, codes: Array) -> Iterator[tuple[Array, list[Value]]]:
    """Codes, distinct and ascending, with the values for which they stand, some at a time."""
    for low in range(0, len(codes), _PIECE):
        piece = codes[low : low + _PIECE]
        yield piece, Coded(piece, vector.values).tolist()


def told_apart(values: list[Value]) -> Sequence[object]:
    """The values so that Python finds 1 and 1.0 different."""
    if any(type(value) is float for value in values):
        return [(value,) if type(value) is float else value for value in values]
    return values
