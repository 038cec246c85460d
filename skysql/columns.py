"""Events as arrays: the shapes that format, ingest, store, replay and scan hand each other.

Values of one property are an array whose dtype follows from its kind:

    TEXT     uint32, codes of the table's dictionary of that property; code 0 is NULL, codes count from 1
    INTEGER  int64
    REAL     float64, never NaN
    BOOLEAN  uint8, 0 or 1

Imports numpy only; all arrays are to be treated as read-only by whoever did not make them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .schema import Kind

Array = npt.NDArray[Any]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]

DTYPES: dict[Kind, np.dtype[Any]] = {
    Kind.TEXT: np.dtype(np.uint32),
    Kind.INTEGER: np.dtype(np.int64),
    Kind.REAL: np.dtype(np.float64),
    Kind.BOOLEAN: np.dtype(np.uint8),
}


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
