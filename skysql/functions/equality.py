"""Values of events, as path functions compare them: equal if SQLite's IS says so, without conversions."""

from __future__ import annotations

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Vector, compact_codes
from ..interruption import pieces
from ..model.dtypes import Array, Bool
from ..model.values import Value


def distinct(vector: Vector) -> Coded:
    """The same values; equal ones have the same code, NULLs too."""
    if isinstance(vector, Coded):
        vector = vector.narrowed()
        first: dict[Value, int] = {}
        codes = np.fromiter((first.setdefault(value, len(first)) for value in vector.values), np.int64)
        return Coded(in_pieces(codes, vector.codes), list(first))
    used, places = kernels.group_numbers(*compact_codes(vector))
    one_of_each = np.zeros(len(used), np.int64)
    one_of_each[places] = np.arange(len(vector))
    return Coded(places, vector.take(one_of_each).tolist())


def is_value(vector: Vector, value: Value) -> Bool:
    """Where the vector has the value; NULL is a value, 1 is 1.0 and not '1'."""
    values = distinct(vector)
    same = np.fromiter((other == value for other in values.values), bool, len(values.values))
    return in_pieces(same, values.codes)


def in_pieces(table: Array, codes: Array) -> Array:
    """table[codes]"""
    found = np.empty(len(codes), table.dtype)
    for piece in pieces(len(codes)):
        np.take(table, codes[piece], out=found[piece])
    return found
