"""What a scan gives: values of groups in SQLite's order of their keys, or rows as they are, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from typing import TypeAlias, TypeVar

import numpy as np

from ..arrays.vectors import Vector, sort_ranks
from ..interruption import look, looking, patiently
from ..model.dtypes import Int64
from ..model.values import Value
from ..store.snapshot import Snapshot
from .changes import ChangeRows
from .rows import EventRows, ObjectRows, Rows, SessionRows

T = TypeVar("T")

Reading: TypeAlias = AbstractContextManager[object]

_FIRST_ROWS = 256
_MOST_ROWS = 1 << 16
"""Rows that are handed out at once: few at first, so that a caller who wants few waits for few."""

_MOST_GROUPS = 1 << 19
"""Groups that are handed out at once. Each batch of groups may read every dictionary chunk."""


def of_groups(reading: Reading, keys: list[Vector], values: list[Vector]) -> Iterator[list[list[Value]]]:
    """Keys and aggregates as lists of values, in SQLite's order of the keys, some groups at a time.

    reading: what holds while they are read, of a dictionary.
    """
    if not keys:
        yield [value.tolist() for value in values]
        return
    with reading:
        order = patiently(np.lexsort, [sort_ranks(key) for key in reversed(keys)])
        for low in looking(range(0, max(len(order), 1), _MOST_GROUPS)):
            yield [vector.tolist(order[low : low + _MOST_GROUPS]) for vector in (*keys, *values)]


def in_pieces(every: Generator[Rows], values: Callable[[Rows], T]) -> Iterator[tuple[Rows, T]]:
    """Some rows at a time, with what is told of them."""
    most = _FIRST_ROWS
    with closing(every):
        for rows in every:
            low = 0
            while low < len(rows):
                look()
                piece = rows.take(np.arange(low, min(low + most, len(rows))))
                yield piece, values(piece)
                low, most = low + most, min(most * 4, _MOST_ROWS)


def rowids(snapshot: Snapshot, rows: Rows) -> list[int] | None:
    """The rowids that rows have in the tables themselves; None of rows that are in none."""
    numbers: Int64 | None = None
    match rows:
        case EventRows():
            positions = np.arange(len(rows)) if rows.positions is None else rows.positions
            numbers = snapshot.numbers(rows.shard, positions)
        case SessionRows():
            numbers = snapshot.numbers(rows.shard, rows.firsts())
        case ChangeRows():
            numbers = snapshot.numbers(rows.shard, rows.positions) * len(snapshot.table.states) + rows.states
        case ObjectRows(numbers=None):
            numbers = rows.shard.paths()[0][rows.paths]
    return None if numbers is None else numbers.tolist()
