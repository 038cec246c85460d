"""Values of a type that a property had before, as it has them now.

What is stored tells its own type. Numbers widen as their kind says: BOOLEAN to INTEGER, either to REAL. A number
becomes TEXT by a table of casts, made when the property was altered: there and then SQLite wrote each number that
occurred as text, and that text has a code. So a number reads as the same text everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.batch import Sparse
from ..model.dtypes import Array
from ..model.kinds import TEXT, Kind
from ..model.table import Property
from .blob import FormatError
from .format import decode_sparse, decode_typed


@dataclass(frozen=True, slots=True)
class Casts:
    """values: [m] of the type before TEXT, ascending and distinct. codes: uint32[m], of the texts they became."""

    values: Array
    codes: Array

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.values.nbytes + self.codes.nbytes + 96

    def of(self, values: Array) -> Array:
        """The codes of these values; raises FormatError if one of them is unknown."""
        if not len(values):
            return np.zeros(0, np.uint32)
        at = np.minimum(np.searchsorted(self.values, values), max(len(self.values) - 1, 0))
        if not len(self.values) or not np.array_equal(self.values[at], values):
            raise FormatError("a value has no text")
        return self.codes[at]


def decode(data: Any, property: Property, events: int, casts: Callable[[], Casts]) -> Sparse:
    """A property of a block with `events` events; raises FormatError."""
    if not property.was:
        return decode_sparse(data, property.kind, events)
    return widen(*decode_typed(data, (property.kind, *property.was), events), property, casts)


def widen(found: Kind, sparse: Sparse, property: Property, casts: Callable[[], Casts]) -> Sparse:
    """Values of a kind as the property's kind has them; raises FormatError if it never was of that one."""
    if found.code == property.kind.code:
        return sparse
    if all(found.code != kind.code for kind in property.was):
        raise FormatError(f"property {property.id} is of another type than {property.kind}")
    if property.kind is not TEXT:
        return Sparse(sparse.positions, found.widened(sparse.values, property.kind)[0], sparse.valid)
    last, values = property.was[-1], sparse.values
    if found.code != last.code:
        values, _ = found.widened(values, last)
    if sparse.valid is None:
        return Sparse(sparse.positions, casts().of(values))
    codes = np.zeros(len(values), np.uint32)
    codes[sparse.valid] = casts().of(values[sparse.valid])
    return Sparse(sparse.positions, codes)
