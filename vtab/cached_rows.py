"""Rows that a cursor caches and looks up by value: what SQLite's automatic indexes are for ordinary tables.

A join may ask a relation for rows once for each row of another table. Where each scan costs about the same, a few of
them cost more than one scan of all rows and a dictionary of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from .protocols import RowBatch, Value


class CachedRows:
    """Rows, and which of them have certain values in some columns."""

    def __init__(self, rows: Sequence[Sequence[Any]], columns: Sequence[int]) -> None:
        self.rows = rows
        self._kinds = [{_kind(row[column]) for row in rows} - {type(None)} for column in columns]
        self._by_value: dict[Any, list[Sequence[Any]]] = {}
        if columns:
            value_of = itemgetter(*columns)
            for row in rows:
                self._by_value.setdefault(value_of(row), []).append(row)

    def find(self, values: Sequence[Value]) -> Sequence[Sequence[Any]]:
        """The rows whose columns equal these values, in order, and perhaps others: SQLite compares once more.

        SQLite and Python agree which values of one kind are equal. But '1' and 1 may be equal under an affinity, which
        is not known here: where a column and its value are of two kinds, SQLite gets all rows.
        """
        if None in values:
            return ()
        if any(kinds - {_kind(value)} for kinds, value in zip(self._kinds, values, strict=True)):
            return self.rows
        if not values:
            return self.rows
        return self._by_value.get(values[0] if len(values) == 1 else tuple(values), ())


class NotedBatches:
    """A scan's batches, noted as they are taken. whole: all of them, once the scan has ended; None if rows are many."""

    def __init__(self, batches: Iterable[RowBatch]) -> None:
        self.whole: list[RowBatch] | None = None
        self._batches = batches

    def __iter__(self) -> Iterator[RowBatch]:
        noted, rows = [], 0
        for batch in self._batches:
            rows += len(batch.rowids)
            noted.append(batch)
            if rows > _NOTED:
                noted.clear()
            yield batch
        self.whole = noted if rows <= _NOTED else None


_NOTED = 1 << 16
"""Rows that are noted: it is not known yet whether they will be asked for again."""


def _kind(value: Value) -> type:
    return float if isinstance(value, int) else type(value)
