"""Pairs of an object and a moment: a point-in-time join asks for the state of the object at the moment.

They come from a query of an ordinary table, as JSON arrays, and are sorted by object. So those of a shard are a slice,
and are looked up in one pass over the shard.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays import kernels
from ..model import timestamps
from ..model.dtypes import Int64
from ..store.dictionary import Dictionary
from ..store.shard import Shard


@dataclass(frozen=True, slots=True)
class ObjectMoments:
    """objects, moments: int64[m], sorted by object. numbers: int64[m], which row each is of, or None."""

    objects: Int64
    moments: Int64
    numbers: Int64 | None

    @classmethod
    def sort(cls, objects: Int64, moments: Int64, numbers: Int64 | None) -> ObjectMoments:
        """Put them into order."""
        order = kernels.object_order(objects)
        return cls(objects[order], moments[order], None if numbers is None else numbers[order])

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return 64 + (2 + (self.numbers is not None)) * self.objects.nbytes

    def by_shard(self, shards: Sequence[Shard]) -> Iterator[tuple[Shard, ObjectMoments]]:
        """The pairs of each shard; the shards are all that there are."""
        inner = np.searchsorted(self.objects, [shard.first_object for shard in shards[1:]]).tolist()
        for shard, (low, high) in zip(shards, pairwise([0, *inner, len(self.objects)]), strict=False):
            if low < high:
                numbers = None if self.numbers is None else self.numbers[low:high]
                yield shard, ObjectMoments(self.objects[low:high], self.moments[low:high], numbers)


def is_query(text: str) -> bool:
    """Whether a parameter says how to get the pairs, rather than what they are."""
    return text.startswith("SELECT")


def read_pairs(arrays: Sequence[Any], dictionary: Dictionary | None = None) -> ObjectMoments:
    """The pairs of three JSON arrays, without those that have a NULL: row numbers (or nothing), objects, moments.

    Integers alone are parsed by numpy; texts (times, keys by the dictionary) and others by Python.
    """
    columns = [column for text in arrays if text and (column := _integers(text)) is not None]
    if dictionary is None and len(columns) == sum(map(bool, arrays)):
        moments = timestamps.parse_array(columns[-1])
        return ObjectMoments.sort(columns[-2], moments, columns[0] if len(columns) == 3 else None)
    lists = [json.loads(text) for text in arrays if text]
    whole = [row for row in zip(*lists, strict=True) if row[-2] is not None and row[-1] is not None]
    *rows, asked, times = zip(*whole, strict=True) if whole else [()] * len(lists)
    moments = timestamps.parse_array(list(times)) if whole else np.zeros(0, np.int64)
    if dictionary is not None:
        objects = dictionary.known_objects([str(key) for key in asked])
    else:
        objects = np.array([_same_integer(value) for value in asked], np.int64)
    return ObjectMoments.sort(objects, moments, np.array(rows[0], np.int64) if rows else None)


def _integers(text: str) -> Int64 | None:
    """A JSON array of integers alone, at 15 million a second; None for any other."""
    inside = text[1:-1]
    return None if any(sign in inside for sign in _OTHER) else np.fromstring(inside, np.int64, sep=",")


_OTHER = '".en[{'
"""JSON with one of these holds more than integers: a text, a real number, null, or a truth value."""


def _same_integer(value: Any) -> int:
    """The integer that equals a value under INTEGER affinity, or 0, which is no object's."""
    try:
        number = int(value) if isinstance(value, int | str) else int(value) if float(value).is_integer() else 0
    except ValueError:
        try:
            number = int(float(value)) if float(value).is_integer() else 0
        except (ValueError, OverflowError):
            return 0
    return number if 0 < number < 1 << 63 else 0
