"""Expressions that SQLite evaluates for a scan, once for each distinct combination of the values that they read.

Results have numbers. They are cached by the values that were read; if these are a property's texts, by their codes, in
an array as long as the dictionary. Texts may be many, so they are read, and given to SQLite, some at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Numbers, compact_codes
from ..functions import PathFunction
from ..model.dtypes import Array
from ..model.values import Value
from ..plan.path_scan import Column
from ..store.cache import Kept
from .rows import Readable

_CACHED = 1 << 20
"""Results cached per expression; may be exceeded by those of one shard."""

_PIECE = 1 << 16
"""Texts that are given to SQLite together: they are in memory."""

_FEW_OF = 64
"""If less than one in this many texts occurs among the rows, results are not cached by the code of every text."""

_ROUNDED = 999_500
"""SQLite's date functions round to milliseconds, and so may carry from this microsecond of a second on."""

K = TypeVar("K", bound=Kept)

Typed: TypeAlias = tuple[str, str | None]
"""A column's label and declared type; None of what has no affinity: a column without a type has that of a BLOB."""


class Evaluator(Protocol):
    """What a scan asks SQLite; and the functions over a path that its connection has."""

    @property
    def functions(self) -> Mapping[str, PathFunction]:
        """By name."""
        ...

    def values(
        self, text: str, names: Sequence[Typed], data: Sequence[Sequence[Value]], parameters: Sequence[Value]
    ) -> list[Value]:
        """The expression for each row of columns called `names`."""
        ...

    def value(self, text: str, bindings: Mapping[str, Value], parameters: Sequence[Value]) -> Value:
        """An expression without columns, with parameters of its own beside those of the scan."""
        ...

    def aggregates(
        self,
        text: str,
        names: Sequence[Typed],
        data: Sequence[Sequence[Value]],
        groups: Sequence[int],
        parameters: Sequence[Value],
    ) -> dict[int, Any]:
        """The aggregate by group; a Fault for an integer sum beyond 64 bits. With no rows, {0: its value for none}."""
        ...

    def row(self, query: str) -> tuple[Value, ...]:
        """The first row of a query without parameters."""
        ...

    def cached(self, query: str, make: Callable[[tuple[Value, ...]], K]) -> K:
        """make(row(query)), for a query whose answer only a write to the main database changes."""
        ...

Types: TypeAlias = Callable[[str], str | None]
"""The declared type of a column by its name; None of what has no affinity."""


@dataclass(slots=True)
class _CachedResults:
    """The cached results of an expression: results by number, and the number for each combination of values."""

    results: list[Value] = field(default_factory=list)
    numbers: dict[tuple[type, Value], int] = field(default_factory=dict)
    by_values: dict[tuple[Value, ...], int] = field(default_factory=dict)
    by_code: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    values: Sequence[Value] = ()  # what the codes of by_code stand for

    def by_code_of(self, vector: Coded) -> bool:
        """Whether to cache results by code: of a property's texts, unless few of many occur."""
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


class SqliteExpressions:
    """What SQLite is asked in one scan, and what it said."""

    def __init__(self, evaluator: Evaluator, parameters: Sequence[Value], types: Types) -> None:
        self._evaluator = evaluator
        self._parameters = parameters
        self._types = types
        self._cached: dict[str, _CachedResults] = {}

    def constant(self, text: str) -> Value:
        """The value of an expression without columns."""
        return self._evaluator.values(text, (), ((),), self._parameters)[0]

    def vector(self, text: str, reads: Sequence[Column], granularity: int, rows: Readable) -> Coded:
        """The expression at each of the rows. reads: its columns. granularity: see plan.Sql."""
        cached = self._cached.setdefault(text, _CachedResults())
        if len(cached.results) > _CACHED:
            cached = self._cached[text] = _CachedResults()
        if not reads:
            if not cached.results:
                cached.number(self.constant(text))
            return Coded(np.zeros(len(rows), np.uint8), cached.results)
        vectors = [rows.vector(column) for column in reads]
        if len(vectors) == 1 and isinstance(vectors[0], Coded) and cached.by_code_of(vectors[0]):
            return self._by_code(cached, text, reads, vectors[0])
        if granularity and isinstance(vectors[0], Numbers):
            vectors = [_rounded(vectors[0], granularity)]
        numbers, bound = kernels.factorize([compact_codes(vector) for vector in vectors])
        used, places = kernels.group_numbers(numbers, bound)
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(places))
        data = [vector.take(one_of_each).tolist() for vector in vectors]
        return Coded(self._results(cached, text, reads, data)[places], cached.results)

    def _by_code(self, cached: _CachedResults, text: str, reads: Sequence[Column], vector: Coded) -> Coded:
        """One coded column: results are cached by code, for all shards whose codes mean the same."""
        if cached.values is not vector.values or len(cached.by_code) != len(vector.values):
            cached.by_code = np.full(len(vector.values), -1, np.int32)
            cached.values = vector.values
        found = cached.by_code[vector.codes]
        missing = kernels.distinct(vector.codes[found < 0])
        if len(missing):
            names = [(column.label, self._types(column.name)) for column in reads]
            for codes, texts in in_pieces(vector, missing):
                results = self._evaluator.values(text, names, [texts], self._parameters)
                cached.by_code[codes] = cached.enumerated(results)
            found = cached.by_code[vector.codes]
        return Coded(found.astype(np.min_scalar_type(len(cached.results))), cached.results)

    def _results(self, cached: _CachedResults, text: str, reads: Sequence[Column], data: list[list[Value]]) -> Array:
        if len(cached.by_values) > _CACHED:
            cached.by_values.clear()
        keys = list(zip(*map(_told_apart, data), strict=True))
        missing = [at for at, key in enumerate(keys) if key not in cached.by_values]
        if missing:
            names = [(column.label, self._types(column.name)) for column in reads]
            chosen = [[values[at] for at in missing] for values in data]
            results = self._evaluator.values(text, names, chosen, self._parameters)
            for at, result in zip(missing, results, strict=True):
                cached.by_values[keys[at]] = cached.number(result)
        return np.fromiter((cached.by_values[key] for key in keys), np.int64, len(keys))


def in_pieces(vector: Coded, codes: Array) -> Iterator[tuple[Array, list[Value]]]:
    """Codes, distinct and ascending, with the values for which they stand, some at a time."""
    for low in range(0, len(codes), _PIECE):
        piece = codes[low : low + _PIECE]
        yield piece, Coded(piece, vector.values).tolist()


def _told_apart(values: list[Value]) -> Sequence[object]:
    """The values so that Python finds 1 and 1.0 different."""
    if any(type(value) is float for value in values):
        return [(value,) if type(value) is float else value for value in values]
    return values


def _rounded(moments: Numbers, granularity: int) -> Numbers:
    """Timestamps rounded down to the interval within which an expression is constant, except where SQLite may carry."""
    ts = moments.data
    rounded = ts - ts % granularity
    return Numbers(np.where(ts % 1_000_000 >= _ROUNDED, ts, rounded), moments.mask, moments.render)
