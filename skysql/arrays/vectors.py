"""Columns of values during a scan: n values of SQLite's as arrays.

    Coded     a code an element, and what each code stands for; any values of SQLite's, NULL among them
    Numbers   int64, float64 or uint8 (a truth value, a BOOLEAN), and which elements are not NULL

`render` of Numbers turns numbers into the values that they stand for, in bulk: timestamps and text keys are numbers
until they leave a scan. It must keep equality; `ordered` says that it keeps order too.
"""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np

from ..interruption import look, looking, patiently
from ..model.dtypes import Array, Bool
from ..model.values import Value

_EVERY = slice(None)


class Texts(Sequence["str | None"]):
    """The texts of a property by code, read when they are asked for; None for 0 and for those that were dropped."""

    @abstractmethod
    def take(self, codes: Array) -> list[str | None]:
        """The texts of these codes."""

    @abstractmethod
    def ranks(self, codes: Array) -> Array:
        """Numbers that sort as the texts of these codes do, as int64[m]; codes ascend."""


@dataclass(frozen=True, slots=True)
class Coded:
    """codes: unsigned or int64 [n], each an index into values.

    index: where the values are the distinct texts of a property, the code of each, with 0 for NULL.
    """

    codes: Array
    values: Sequence[Value]
    index: Mapping[str, int] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Array) -> Coded:
        """These elements."""
        return Coded(self.codes[rows], self.values, self.index)

    def known(self) -> Bool | None:
        """Which elements are not NULL; None for all."""
        if self.index is not None or isinstance(self.values, Texts):
            known: Bool = self.codes != 0
            return None if known.all() else known
        null = np.fromiter((value is None for value in self.values), bool, len(self.values))
        return ~null[self.codes] if null.any() else None

    def tolist(self, rows: Array | slice = _EVERY) -> list[Value]:
        """The values, or those of these elements."""
        codes = self.codes[rows]
        if isinstance(self.values, Texts):
            return list(self.values.take(codes))
        if len(codes) * 4 < len(self.values):
            return [self.values[code] for code in codes.tolist()]
        lookup = np.empty(len(self.values), object)
        lookup[:] = self.values
        return lookup[codes].tolist()  # type: ignore[no-any-return]

    def narrowed(self) -> Coded:
        """The same; of many stored texts, only those that occur, as a list."""
        if not isinstance(self.values, Texts):
            return self
        used, places = patiently(np.unique, self.codes, return_inverse=True)
        return Coded(places, self.values.take(used))

    def or_null(self, kept: Bool) -> Coded:
        """The same, with NULL where `kept` is false."""
        if self.index is not None:
            return Coded(np.where(kept, self.codes, self.codes.dtype.type(0)), self.values, self.index)
        null = len(self.values)
        codes = self.codes.astype(np.promote_types(self.codes.dtype, np.min_scalar_type(null)))
        return Coded(np.where(kept, codes, codes.dtype.type(null)), [*self.values, None])


@dataclass(frozen=True, slots=True)
class Numbers:
    """data: int64, float64, uint8 or bool [n]; mask: bool[n], False for NULL, or None if nothing is NULL.

    numbering: small numbers that are equal where the values are, if they happen to be known: (codes [n], bound).
    """

    data: Array
    mask: Bool | None = None
    render: Callable[[Array], list[Any]] | None = None
    ordered: bool = True
    numbering: tuple[Array, int] | None = None

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: Array) -> Numbers:
        """These elements."""
        mask = None if self.mask is None else self.mask[rows]
        numbering = None if self.numbering is None else (self.numbering[0][rows], self.numbering[1])
        return Numbers(self.data[rows], mask, self.render, self.ordered, numbering)

    def known(self) -> Bool | None:
        """Which elements are not NULL; None for all."""
        return self.mask

    def tolist(self, rows: Array | slice = _EVERY) -> list[Value]:
        """The values, or those of these elements; truth values as 0 and 1."""
        data = self.data[rows]
        if data.dtype == bool:
            data = data.view(np.uint8)
        if self.mask is None:
            return self.render(data) if self.render else data.tolist()
        mask = self.mask[rows]
        values, known = np.full(len(data), None, object), data[mask]
        values[mask] = self.render(known) if self.render else known.tolist()
        return values.tolist()


Vector: TypeAlias = Coded | Numbers


def joined(vectors: Sequence[Vector]) -> Vector:
    """Vectors after one another, with equal values under equal codes."""
    look()
    first = vectors[0]
    if isinstance(first, Numbers) and all(isinstance(vector, Numbers) for vector in vectors):
        numbers: list[Any] = list(vectors)
        dtypes = {vector.data.dtype.kind == "f" for vector in numbers}
        if len(dtypes) == 1:
            masks = None
            if any(vector.mask is not None for vector in numbers):
                masks = np.concatenate(
                    [np.ones(len(v), bool) if v.mask is None else v.mask for v in numbers]
                )
            return replace(first, data=np.concatenate([v.data for v in numbers]), mask=masks, numbering=None)
    if isinstance(first, Coded) and first.index is not None:
        coded = [vector for vector in vectors if isinstance(vector, Coded) and vector.index is first.index]
        if len(coded) == len(vectors):
            return Coded(np.concatenate([vector.codes for vector in coded]), first.values, first.index)
    return _numbered_anew(vectors)


def _numbered_anew(vectors: Sequence[Vector]) -> Coded:
    """Vectors after one another, whatever the codes of their values are; 1 and 1.0 are two values."""
    registry: dict[tuple[type, Value], int] = {}
    values: list[Value] = []
    codes = []
    seen: dict[int, tuple[Sequence[Value], Array]] = {}  # by identity: the object has to live as long as its id is used
    for vector in looking(vectors):
        if not isinstance(vector, Coded):
            vector = Coded(np.arange(len(vector)), vector.tolist())
        vector = vector.narrowed()
        _, lookup = seen.get(id(vector.values), (None, None))
        if lookup is None or len(lookup) != len(vector.values):
            lookup = np.zeros(len(vector.values), np.int64)
            for code, value in enumerate(vector.values):
                key = type(value), value
                at = registry.get(key)
                if at is None:
                    at = registry[key] = len(values)
                    values.append(value)
                lookup[code] = at
            seen[id(vector.values)] = vector.values, lookup
        codes.append(lookup[vector.codes])
    return Coded(np.concatenate(codes), values)


def with_equal_codes(vector: Vector) -> Vector:
    """The vector, with equal values under equal codes: what is computed may have a code for each of its rows."""
    if not isinstance(vector, Coded) or vector.index is not None or isinstance(vector.values, Texts):
        return vector
    values = vector.values
    return vector if len(set(zip(map(type, values), values, strict=True))) == len(values) else joined([vector])


def compact_codes(vector: Vector) -> tuple[Array, int]:
    """A small number an element, equal where the values are (NULL counts as a value): (codes [n], bound).

    Of a computed vector, see `with_equal_codes` first.
    """
    if isinstance(vector, Coded):
        first = equal_values(vector) if vector.index is None else None
        return (vector.codes if first is None else first[vector.codes]), len(vector.values)
    if vector.numbering is not None:
        return vector.numbering
    data, mask = vector.data, vector.mask
    if data.dtype.kind == "f":
        _, codes = patiently(np.unique, data if mask is None else np.where(mask, data, 0.0), return_inverse=True)
        bound = int(codes.max(initial=-1)) + 1
    else:
        if data.dtype == bool:
            data = data.view(np.uint8)
        if data.dtype == np.uint8 and mask is None:
            return data, int(data.max(initial=0)) + 1
        inside = data if mask is None else data[mask]
        low, high = (int(inside.min()), int(inside.max())) if len(inside) else (0, 0)
        if high - low < max(1 << 16, 4 * len(data)):
            codes, bound = data.astype(np.int64) - low, high - low + 1
            if mask is not None:
                codes = np.where(mask, codes, 0)
        else:
            used, codes = patiently(np.unique, data if mask is None else np.where(mask, data, low), return_inverse=True)
            bound = len(used)
    if mask is None:
        return codes, bound
    return np.where(mask, codes + 1, 0), bound + 1


def equal_values(vector: Vector) -> Array | None:
    """For each of a vector's values, the place of the first that is equal to it; None if no two values are.

    1 and 1.0 are two values here, so that a group shows the one that SQLite shows.
    """
    if not isinstance(vector, Coded) or vector.index is not None or isinstance(vector.values, Texts):
        return None
    if not {int, float} <= set(map(type, vector.values)):
        return None
    first: dict[tuple[bool, Value], int] = {}
    places = [first.setdefault((type(value) is bytes, value), at) for at, value in enumerate(vector.values)]
    return None if len(first) == len(places) else np.array(places)


def sort_ranks(vector: Vector) -> Array:
    """Numbers that sort as SQLite sorts the values: NULL, then numbers, then text, then blobs."""
    if isinstance(vector, Numbers) and (vector.render is None or vector.ordered):
        if vector.mask is None:
            return vector.data
        _, ranks = patiently(np.unique, vector.data, return_inverse=True)
        return np.where(vector.mask, ranks + 1, 0)
    if isinstance(vector, Numbers):
        return value_ranks(vector.tolist())
    if isinstance(vector.values, Texts):
        used, places = patiently(np.unique, vector.codes, return_inverse=True)
        return vector.values.ranks(used)[places]
    if len(vector.codes) < len(vector.values):
        return value_ranks(vector.tolist())
    return value_ranks(vector.values)[vector.codes]


def value_ranks(values: Sequence[Value]) -> Array:
    """The rank of each value in SQLite's order (BINARY collation); equal values have equal ranks."""
    if set(map(type, values)) == {str}:
        text_at = cast(Callable[[int], str], values.__getitem__)
        order = sorted(range(len(values)), key=text_at)  # by code points, as UTF-8 sorts
        texts = [values[at] for at in order]
        new = np.fromiter(map(operator.ne, texts[1:], texts), bool, len(texts) - 1)
        ranks = np.zeros(len(values), np.int64)
        ranks[order[1:]] = np.cumsum(new)
        return ranks
    keys = [(_PLACES.get(type(value), 3), 0 if value is None else value) for value in values]
    ranks = np.zeros(len(values), np.int64)
    rank, last = -1, None
    for at in sorted(range(len(values)), key=keys.__getitem__):
        if keys[at] != last:
            rank, last = rank + 1, keys[at]
        ranks[at] = rank
    return ranks


_PLACES = {type(None): 0, int: 1, float: 1, str: 2}
"""Where values of a type are in SQLite's order; after them are blobs."""


def sort_key(value: Value) -> tuple[int, object]:
    """A key by which Python sorts values as SQLite does."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, str):
        return 2, value  # by code points, as UTF-8 sorts
    return 3, value
