"""Replay: from a sparse list of changes to the state at events.

A state property is a list of (event index, new value). Its value at an event is that of the last change at or before
it within the same path, and NULL before the first. So the state of a whole block is its changes, each repeated until
the next change or the next path's start: one `np.repeat`, which runs at memory speed.
"""

from __future__ import annotations

import numpy as np

from ..model.dtypes import Array, Int64
from .batch import Sparse


def fill_index(sparse: Sparse, starts: Int64, *, ignore_nulls: bool = False) -> Array:
    """For each event, 1 + the place in `sparse` of the change that holds there, or 0 before a path's first change.

    starts: int64[k+1]. Returns unsigned ints [n]. With ignore_nulls, changes to NULL are passed over, as
    `last_value(... IGNORE NULLS)` does.
    """
    n = int(starts[-1])
    places = np.arange(1, len(sparse.positions) + 1, dtype=np.min_scalar_type(len(sparse.positions)))
    positions = sparse.positions
    if ignore_nulls:
        keep = known(sparse)
        positions, places = positions[keep], places[keep]
    return _repeat(positions, places, starts, n)


def fill_codes(sparse: Sparse, starts: Int64, *, ignore_nulls: bool = False) -> Array:
    """The code at each event of a TEXT state property: values' dtype [n], 0 for NULL."""
    positions, values = sparse.positions, sparse.values
    if ignore_nulls:
        keep = values != 0
        positions, values = positions[keep], values[keep]
    return _repeat(positions, values, starts, int(starts[-1]))


def _repeat(positions: Array, values: Array, starts: Int64, n: int) -> Array:
    """Values repeated from their positions to the next position or path start; 0 from a start without a value."""
    if len(positions) == 0:
        return np.zeros(n, values.dtype)
    begins = np.zeros(n + 1, bool)
    begins[starts[:-1]] = True
    begins[positions] = True
    begins[n] = True
    bounds = np.flatnonzero(begins)
    fills = np.zeros(len(bounds) - 1, values.dtype)
    fills[np.searchsorted(bounds, positions)] = values
    return np.repeat(fills, np.diff(bounds))


def known(sparse: Sparse) -> Array:
    """bool[m]: which changes of a property that is not TEXT are not to NULL."""
    return np.ones(len(sparse.positions), bool) if sparse.valid is None else sparse.valid
