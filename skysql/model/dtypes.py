"""The arrays of numpy's that values are kept in.

Values of one property are an array whose dtype follows from its kind:

    TEXT     uint32, codes of the table's dictionary of that property; code 0 is NULL, codes count from 1
    INTEGER  int64
    REAL     float64, never NaN
    BOOLEAN  uint8, 0 or 1
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .table import Kind

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
