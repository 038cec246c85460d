"""Events as arrays: the shapes that store/, write/, scan/ and replay hand each other.

The dtypes of values are told in model/kinds/. All arrays are read-only but to the code that
made them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..interruption import patiently
from ..model.dtypes import Array, Bool, Int32, Int64
from ..model.kinds import TEXT, Kind


@dataclass(frozen=True, slots=True)
class Sparse:
    """A property as (event index, value) pairs: an attribute's values, or a state property's changes.

    positions: int32[m], strictly increasing indexes of events.
    values:    dtype of the kind, [m].
    valid:     bool[m], False where the value is NULL (a change to NULL), or None if all are valid.
               None for TEXT, whose NULL is code 0.
    """

    positions: Int32
    values: Array
    valid: Bool | None = None

    @property
    def nbytes(self) -> int:
        """How much memory the arrays take."""
        return self.positions.nbytes + self.values.nbytes + (0 if self.valid is None else self.valid.nbytes)


def no_values(kind: Kind) -> Sparse:
    """A property that no event has a value of."""
    return Sparse(np.zeros(0, np.int32), np.zeros(0, kind.dtype))


def same(a: Array | Sparse, b: Array | Sparse) -> bool:
    """Whether two columns are the same, to the bit, but for what is under a NULL."""
    if isinstance(a, Sparse) and isinstance(b, Sparse):
        if a.valid is None and b.valid is None:
            return same(a.positions, b.positions) and same(a.values, b.values)
        valid = [np.ones(len(each.values), bool) if each.valid is None else each.valid for each in (a, b)]
        values = same(a.values[valid[0]], b.values[valid[1]])
        return values and same(a.positions, b.positions) and same(*valid)
    if isinstance(a, Sparse) or isinstance(b, Sparse) or a.dtype != b.dtype or len(a) != len(b):
        return False
    bits = f"u{a.itemsize}"
    return np.array_equal(np.ascontiguousarray(a).view(bits), np.ascontiguousarray(b).view(bits))


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in order of arrival: what one commit appends to the log.

    objects:    int64[n], 1 ... 2^63-1.
    ts:         int64[n], microseconds since 1970-01-01 UTC.
    properties: property id -> Sparse over these n events; a property without values is absent. Id 0 is the action.
    """

    objects: Int64
    ts: Int64
    properties: dict[int, Sparse]

    def __len__(self) -> int:
        return len(self.objects)


EMPTY = Batch(np.zeros(0, np.int64), np.zeros(0, np.int64), {})


def reorder(sparse: Sparse, inverse: Int64) -> Sparse:
    """The same values at the events' new places: event i is now event inverse[i]."""
    return patiently(_reordered, sparse, inverse)


def _reordered(sparse: Sparse, inverse: Int64) -> Sparse:
    n = len(inverse)
    if len(sparse.positions) * 4 >= n:  # dense: a scatter is faster than a sort
        slots = np.zeros(n, np.int32)
        slots[inverse[sparse.positions]] = np.arange(1, len(sparse.positions) + 1, dtype=np.int32)
        positions = np.flatnonzero(slots)
        sort: Array = slots[positions] - 1
    else:
        positions = inverse[sparse.positions]
        sort = np.argsort(positions)
        positions = positions[sort]
    valid = None if sparse.valid is None else sparse.valid[sort]
    return Sparse(positions.astype(np.int32), sparse.values[sort], valid)


def take(batch: Batch, index: Int64) -> Batch:
    """Some events of a batch, in another order: index int64[k], distinct."""
    inverse = np.full(len(batch), -1, np.int64)
    inverse[index] = np.arange(len(index))
    properties = {}
    for id, sparse in batch.properties.items():
        places = inverse[sparse.positions]
        sort = patiently(np.argsort, places, kind="stable")
        sort = sort[np.searchsorted(places[sort], 0) :]
        if len(sort):
            valid = None if sparse.valid is None else sparse.valid[sort]
            properties[id] = Sparse(places[sort].astype(np.int32), sparse.values[sort], valid)
    return Batch(batch.objects[index], batch.ts[index], properties)


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Batches after one another, as one."""
    batches = [batch for batch in batches if len(batch)]
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return EMPTY
    bases = np.concatenate(([0], np.cumsum([len(batch) for batch in batches]))).tolist()
    properties = {}
    for id in sorted({id for batch in batches for id in batch.properties}):
        each = [(b.properties[id], base) for b, base in zip(batches, bases, strict=False) if id in b.properties]
        valid = None
        if any(sparse.valid is not None for sparse, _ in each):
            valid = np.concatenate(
                [np.ones(len(s.positions), bool) if s.valid is None else s.valid for s, _ in each]
            )
        properties[id] = Sparse(
            np.concatenate([sparse.positions + np.int32(base) for sparse, base in each]).astype(np.int32),
            np.concatenate([sparse.values for sparse, _ in each]),
            valid,
        )
    return Batch(
        np.concatenate([batch.objects for batch in batches]),
        np.concatenate([batch.ts for batch in batches]),
        properties,
    )


@dataclass(frozen=True, slots=True)
class Lists:
    """A batch as lists: for a handful of events, arrays cost ten times as much.

    properties: property id -> (positions, values), a value being a code (0 for NULL) of a TEXT property, else None for
    NULL; a property without values is absent.
    """

    objects: list[int]
    ts: list[int]
    properties: dict[int, tuple[list[int], list[Any]]]

    def __len__(self) -> int:
        return len(self.objects)

    def batch(self, kinds: Mapping[int, Kind]) -> Batch:
        """The same as arrays; kinds: property id -> kind."""
        properties = {id: _sparse(kinds[id], *lists) for id, lists in self.properties.items()}
        return Batch(np.array(self.objects, np.int64), np.array(self.ts, np.int64), properties)


def _sparse(kind: Kind, positions: list[int], values: list[Any]) -> Sparse:
    valid = None
    if kind is not TEXT and None in values:
        valid = np.array([value is not None for value in values])
        values = [0 if value is None else value for value in values]
    return Sparse(np.array(positions, np.int32), np.array(values, kind.dtype), valid)


def joined(batches: Sequence[Lists]) -> Lists:
    """Batches after one another, as one."""
    whole = Lists([], [], {})
    for batch in batches:
        base = len(whole)
        whole.objects.extend(batch.objects)
        whole.ts.extend(batch.ts)
        for id, (positions, values) in batch.properties.items():
            every = whole.properties.setdefault(id, ([], []))
            every[0].extend([base + at for at in positions])
            every[1].extend(values)
    return whole
