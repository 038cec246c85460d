"""Views of a shard by the code of a TEXT property: the index of events by action, and what is laid out in its order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import kernels
from ..interruption import patiently
from ..model.dtypes import Array, Int64
from ..model.kinds import REAL
from ..model.table import Property
from .cache import size
from .shard import Shard
from .views import codes_at, magnitudes, numbers_at, path_numbers


class ByCode:
    """The events of a shard by the code of a property; the largest code of the dictionary is given with it.

    order: int32[n], event indexes ordered by code, then position. edges: int64[largest+2], where each code's begin.
    """

    __slots__ = ("edges", "order")

    def __init__(self, shard: Shard, by: Property, largest: int) -> None:
        codes = codes_at(shard, by, largest)
        self.order: Array = patiently(np.argsort, codes, kind="stable").astype(np.int32)
        self.edges: Int64 = np.concatenate(([0], np.cumsum(np.bincount(codes, minlength=largest + 1))))

    def piece(self, code: int) -> slice:
        """Where the events of one code lie in `order`."""
        return slice(int(self.edges[code]), int(self.edges[code + 1]))

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.order, self.edges))


class PathsByCode:
    """Path numbers, int32[n], and timestamps, int64[n], in the order of ByCode."""

    __slots__ = ("paths", "ts")

    def __init__(self, shard: Shard, by: Property, largest: int) -> None:
        order = shard.view(ByCode, by, largest).order
        self.paths: Array = shard.view(path_numbers)[order]
        self.ts: Int64 = shard.ts()[order]

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.paths, self.ts))


def starts_of_code(shard: Shard, by: Property, largest: int, code: int) -> Array:
    """Where in a code's piece of ByCode the events of each path begin, and its length: int32[k+1]."""
    index = shard.view(ByCode, by, largest)
    return np.searchsorted(index.order[index.piece(code)], shard.paths()[1]).astype(np.int32)


def codes_by_code(shard: Shard, by: Property, largest_by: int, property: Property, largest: int) -> Array:
    """`codes_at` in the order of ByCode: what the events of one action read lies side by side. Unsigned [n]."""
    return codes_at(shard, property, largest)[shard.view(ByCode, by, largest_by).order]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of ByCode, from `first` to `last`, to be laid out by TEXT states, given with their largest codes."""

    by: Property
    largest: int
    first: int
    last: int
    states: tuple[tuple[Property, int], ...]


class Layout:
    """The events of a piece, group by group of the states that they read, each in path order.

    positions: int32[m], the events in path order, and sort: int64[m], those places in order of groups.
    codes: for each state its code in each of the groups, which ascend: int64[g].
    starts: where groups begin in `sort`, and m: int64[g+1].
    """

    __slots__ = ("codes", "positions", "sort", "starts")

    def __init__(self, shard: Shard, piece: Piece) -> None:
        self.positions: Array = shard.view(ByCode, piece.by, piece.largest).order[piece.first : piece.last]
        codes = [(codes_at(shard, state, most)[self.positions], most + 1) for state, most in piece.states]
        numbers, bound = kernels.factorize(codes)
        counts = kernels.group_count(numbers, bound)
        used = np.flatnonzero(counts)
        self.starts: Int64 = np.concatenate(([0], np.cumsum(counts[used])))
        self.sort: Int64 = patiently(np.argsort, numbers, kind="stable")
        self.codes: tuple[Array, ...] = np.unravel_index(used, [size for _, size in codes])

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.positions, self.sort, self.codes, self.starts))


class LaidOut:
    """A property that is not TEXT in a layout's order, without NULLs.

    values: [m]. starts: where groups begin, int64[g+1]. magnitudes: between which the values lie, if they are REAL.
    """

    __slots__ = ("magnitudes", "starts", "values")

    def __init__(self, shard: Shard, piece: Piece, property: Property) -> None:
        layout = shard.view(Layout, piece)
        values, known = numbers_at(shard, property, layout.positions)
        self.values, self.starts = property.kind.read(values[layout.sort]), layout.starts
        if known is not None and not known.all():
            known = known[layout.sort]
            self.values = self.values[known]
            self.starts = np.concatenate(([0], np.cumsum(known)))[self.starts]
        self.magnitudes = shard.view(magnitudes, property) if property.kind is REAL else None

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.values, self.starts))
