"""The rows of the input, some whole partitions at a time, as columns.

A chunk has *row columns*: the expressions over one row that the clause asks for, numbered. They come from a path scan,
where a chunk is a shard, or from a query of SQLite's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np

from ..arrays.vectors import Coded, Numbers, Vector
from ..errors import InternalError
from ..model.dtypes import Array, Bool, Int64
from ..model.values import Value
from ..plan.path_scan import Column, Expr
from ..scan.evaluation import Evaluation
from ..scan.rows import EventRows
from ..store.views import path_numbers

_CHUNK = 1 << 16

_FEW = 4
"""With at most a quarter of the rows, they are looked up one by one."""


class RowChunk(Protocol):
    """Rows of whole partitions, in order."""

    @property
    def starts(self) -> Int64:
        """Where the partitions begin, and n: int64[k+1]."""
        ...

    def __len__(self) -> int: ...

    def row_column(self, number: int) -> Vector:
        """One of the row columns."""
        ...

    def at(self, number: int, rows: Int64) -> Vector:
        """One of the row columns, of these rows."""
        ...

    def table_column(self, column: Column) -> Vector:
        """A column of the sky table."""
        ...


@dataclass(slots=True)
class EventChunk:
    """Events of a shard; a partition is a path, or a part of one where a further key changes."""

    events: EventRows
    evaluation: Evaluation
    expressions: Sequence[Expr]
    starts: Int64
    _whole: dict[int, Vector] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.events)

    def row_column(self, number: int) -> Vector:
        """One of the row columns."""
        if number not in self._whole:
            self._whole[number] = self.evaluation.vector(self.expressions[number], self.events)
        return self._whole[number]

    def at(self, number: int, rows: Int64) -> Vector:
        """One of the row columns, of these rows."""
        if number in self._whole or len(rows) * _FEW > len(self.events):
            return self.row_column(number).take(rows)
        return self.evaluation.vector(self.expressions[number], self.events.take(rows))

    def table_column(self, column: Column) -> Vector:
        """A column of the sky table."""
        return self.events.vector(column)


def path_starts(events: EventRows, others: Sequence[Vector]) -> Int64:
    """Where paths begin among these events, or the value of another key changes; and their number."""
    n = len(events)
    if events.positions is None and not others:
        return events.shard.paths()[1]
    numbers = events.shard.view(path_numbers)
    numbers = numbers if events.positions is None else numbers[events.positions]
    begins = np.ones(n + 1, bool)
    np.not_equal(numbers[1:], numbers[:-1], out=begins[1:n])
    for other in others:
        begins[1:n] |= _changes(other)
    return np.flatnonzero(begins)


def _changes(vector: Vector) -> Bool:
    data = vector.codes if isinstance(vector, Coded) else vector.data
    changed: Bool = data[1:] != data[:-1]
    if isinstance(vector, Numbers) and vector.mask is not None:
        known = vector.mask
        changed = (changed & known[1:] & known[:-1]) | (known[1:] != known[:-1])
    return changed


@dataclass(slots=True)
class QueryChunk:
    """Rows of a query: a list of values a row column."""

    columns: Sequence[Sequence[Value]]
    starts: Int64
    _vectors: dict[int, Vector] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def row_column(self, number: int) -> Vector:
        """One of the row columns."""
        if number not in self._vectors:
            self._vectors[number] = vector_of(self.columns[number])
        return self._vectors[number]

    def at(self, number: int, rows: Int64) -> Vector:
        """One of the row columns, of these rows."""
        if number in self._vectors or len(rows) * _FEW > len(self):
            return self.row_column(number).take(rows)
        column = self.columns[number]
        return vector_of([column[row] for row in rows.tolist()])

    def table_column(self, column: Column) -> Vector:
        """There is no sky table."""
        raise InternalError(f"the input has no column {column.name!r}")


def query_chunks(rows: Iterable[tuple[Value, ...]], keys: Sequence[int]) -> Generator[QueryChunk]:
    """Cut rows, sorted by the columns `keys`, into chunks of whole partitions."""
    iterator = iter(rows)
    pending: list[tuple[Value, ...]] = []
    while block := list(islice(iterator, _CHUNK)):
        pending += block
        cut = _last_start(pending, keys) if keys else 0
        if cut:
            yield _chunk(pending[:cut], keys)
            pending = pending[cut:]
    if pending:
        yield _chunk(pending, keys)


def _last_start(rows: Sequence[tuple[Value, ...]], keys: Sequence[int]) -> int:
    """Where the last partition begins."""
    last = [rows[-1][key] for key in keys]
    if [rows[0][key] for key in keys] == last:
        return 0  # without going through a long one again for each block of its rows
    at = len(rows) - 1
    while at and [rows[at - 1][key] for key in keys] == last:
        at -= 1
    return at


def _chunk(rows: list[tuple[Value, ...]], keys: Sequence[int]) -> QueryChunk:
    columns = list(zip(*rows, strict=True))
    begins = np.zeros(len(rows) + 1, bool)
    begins[[0, -1]] = True
    for key in keys:
        values = columns[key]
        changed = (a != b for a, b in zip(values[1:], values, strict=False))
        begins[1:-1] |= np.fromiter(changed, bool, len(rows) - 1)
    return QueryChunk(columns, np.flatnonzero(begins))


# vectors


def vector_of(values: Sequence[Value]) -> Vector:
    """Values as a vector; integers that stand beside reals stay integers."""
    kinds = set(map(type, values))
    known = None
    if type(None) in kinds and kinds & {int, float}:
        known = np.fromiter((value is not None for value in values), bool, len(values))
        kinds.discard(type(None))
    for kind, dtype in ((int, np.int64), (float, np.float64)):
        if kinds == {kind}:
            if known is None:
                return Numbers(np.array(values, dtype))
            return Numbers(np.array([0 if value is None else value for value in values], dtype), known)
    if kinds <= {str, type(None)}:
        numbers: dict[object, int] = {value: code for code, value in enumerate(dict.fromkeys(values))}
        codes = np.fromiter(map(numbers.__getitem__, values), np.int64, len(values))
        return Coded(codes, list(numbers))  # type: ignore[arg-type]
    typed = [(type(value), value) for value in values]
    pairs = {pair: code for code, pair in enumerate(dict.fromkeys(typed))}
    return Coded(np.fromiter(map(pairs.__getitem__, typed), np.int64, len(values)), [value for _, value in pairs])


def look_up(at: Callable[[Int64], Vector], rows: Int64) -> Vector:
    """The values of `at` at the rows; NULL where a row is -1."""
    missing = rows < 0
    if not missing.any():
        return at(rows)
    if missing.all():
        return Coded(np.zeros(len(rows), np.uint8), [None])
    return where(at(np.maximum(rows, 0)), ~missing)


def where(vector: Vector, kept: Bool) -> Vector:
    """The vector with NULL where `kept` is false."""
    if isinstance(vector, Numbers):
        mask = kept if vector.mask is None else kept & vector.mask
        return Numbers(vector.data, mask, vector.render, vector.ordered)
    if vector.index is not None:
        return vector.or_null(kept)
    values = vector.values
    null = next((code for code, value in enumerate(values) if value is None), len(values))
    codes = vector.codes.astype(np.min_scalar_type(null), copy=False) if null == len(values) else vector.codes
    return Coded(np.where(kept, codes, codes.dtype.type(null)), values if null < len(values) else [*values, None])


def move(vector: Vector, starts: Int64, by: int) -> Vector:
    """For each row the element `by` rows later, NULL beyond its partition."""
    n = len(vector)
    if by == 0 or n == 0:
        return vector
    edges = starts[:-1] if by < 0 else starts[1:] - 1
    away = np.arange(n) - np.repeat(edges, np.diff(starts))  # from the first row of its partition, or from the last
    kept = away >= -by if by < 0 else away <= -by
    if isinstance(vector, Coded):
        return where(Coded(_slid(vector.codes, by), vector.values, vector.index), kept)
    mask = None if vector.mask is None else _slid(vector.mask, by)
    return where(Numbers(_slid(vector.data, by), mask, vector.render, vector.ordered), kept)


def _slid(array: Array, by: int) -> Array:
    """The array, moved by `by` elements; the elements that come in at the end mean nothing."""
    by = max(min(by, len(array)), -len(array))
    return np.concatenate((array[by:], array[:by]))


def moved(rows: Int64, starts: Int64, by: int) -> Int64:
    """The rows `by` rows later, -1 for none and beyond the partition; rows may be -1 themselves."""
    if by == 0 or len(starts) < 2:
        return rows
    own = np.minimum(np.searchsorted(starts, np.maximum(rows, 0), side="right") - 1, len(starts) - 2)
    there = rows + by
    return np.where((there >= starts[own]) & (there < starts[own + 1]) & (rows >= 0), there, -1)
