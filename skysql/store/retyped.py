"""Values of a type that a property had before, as it has them now.

Numbers widen as numpy does it: BOOLEAN to INTEGER, either to REAL. A number becomes TEXT by a table of casts, made when
the property was altered: there and then SQLite wrote each number that occurred as text, and that text has a code. So
what a number reads as does not depend on who reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays.batch import Sparse
from ..model.dtypes import DTYPES, Array
from ..model.table import Kind, Property
from .format import FormatError


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


def widen(sparse: Sparse, property: Property, casts: Callable[[], Casts]) -> Sparse:
    """The same values as the property's type has them; raises FormatError for a type that it never had."""
    found = next((kind for kind in (property.kind, *property.was) if DTYPES[kind] == sparse.values.dtype), None)
    if found is None:
        raise FormatError(f"values of {sparse.values.dtype} where {property.kind} was expected")
    if found is property.kind:
        return sparse
    if property.kind is not Kind.TEXT:
        return Sparse(sparse.positions, sparse.values.astype(DTYPES[property.kind]), sparse.valid)
    values = sparse.values.astype(DTYPES[property.was[-1]])
    if sparse.valid is None:
        return Sparse(sparse.positions, casts().of(values))
    codes = np.zeros(len(values), np.uint32)
    codes[sparse.valid] = casts().of(values[sparse.valid])
    return Sparse(sparse.positions, codes)
