"""Comparisons, arithmetic and three-valued logic of arrays, where they are to the bit what SQLite computes.

Pure: numbers in, numbers out. Where a rounding, an overflow or a conversion might be needed, the result is None, and
SQLite computes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..arrays.vectors import Coded, Numbers, Vector
from ..model.dtypes import Array, Bool
from ..model.values import Value

Truth3: TypeAlias = tuple[Bool, Bool | None]
"""(where it is true [n], where it is not NULL [n] or None for everywhere). True implies not NULL."""

_EXACT = 1 << 53
"""Integers up to here are exact as float64."""

_UFUNCS: dict[str, Any] = {
    "=": np.equal, "IS": np.equal, "<>": np.not_equal, "IS NOT": np.not_equal,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


# comparisons


def compare(op: str, side: Numbers, number: Value) -> Numbers | None:
    """A comparison of numbers with one number; op as of plan.Compare."""
    data, mask = side.data, side.mask
    if number is None:
        if op in ("IS", "IS NOT"):
            return is_null(side, len(data), op == "IS")
        return Numbers(np.zeros(len(data), bool), np.zeros(len(data), bool))
    if isinstance(number, str | bytes):
        return None
    if data.dtype == bool:
        data = data.view(np.uint8)
    if data.dtype.kind == "f":
        if abs(number) > _EXACT and isinstance(number, int):
            return None
        result = _UFUNCS[op](data, float(number))
    else:
        result = _compare_integers(op, data, number)
    if mask is None:
        return Numbers(result)
    if op == "IS":
        return Numbers(result & mask)
    if op == "IS NOT":
        return Numbers(result | ~mask)
    return Numbers(result, mask)


def _compare_integers(op: str, data: Array, number: int | float) -> Bool:
    if isinstance(number, float) and not number.is_integer():
        if op in ("=", "IS", "<>", "IS NOT"):
            return np.full(len(data), op in ("<>", "IS NOT"))
        if math.isinf(number):
            return np.full(len(data), (number > 0) == (op[0] == "<"))
        number = math.floor(number) if op in ("<=", ">") else math.ceil(number)
    number = int(number)
    limits = np.iinfo(data.dtype)
    if not limits.min <= number <= limits.max:
        above = number > limits.max
        everywhere = op in ("<>", "IS NOT") or (op in ("<", "<=") if above else op in (">", ">="))
        return np.full(len(data), everywhere)
    return _UFUNCS[op](data, data.dtype.type(number))  # type: ignore[no-any-return]


def is_null(vector: Vector, n: int, null: bool) -> Numbers:
    """Where n values are NULL, or are not."""
    known = vector.known()
    known = np.ones(n, bool) if known is None else known
    return Numbers(~known if null else known)


def compare_text(op: str, vector: Vector, text: str) -> Numbers | None:
    """Whether a property has just this text: whether it has its code."""
    if op not in ("=", "<>", "IS", "IS NOT") or not isinstance(vector, Coded) or vector.index is None:
        return None
    same = vector.codes == vector.index.get(text, -1)
    return Numbers(same if op in ("=", "IS") else ~same, vector.known() if op in ("=", "<>") else None)


# arithmetic


def arithmetic(op: str, a: Numbers, b: Numbers, n: int) -> Numbers | None:
    """a op b as SQLite computes it, for n rows (an operand may be one for all).

    None where int64 could overflow: SQLite then goes on in floating point.
    """
    masks = [side.mask for side in (a, b) if side.mask is not None]
    mask = None if not masks else masks[0] if len(masks) == 1 else masks[0] & masks[1]
    x, y = (side.data.astype(np.int64) if side.data.dtype.kind in "ub" else side.data for side in (a, b))
    if op in ("/", "%"):
        nonzero = y != 0
        if not nonzero.all():
            y = np.where(nonzero, y, 1)
            mask = _both(mask, nonzero)
    if x.dtype.kind == "i" and y.dtype.kind == "i":
        result = _integers(op, x, y)
    elif op == "%":
        return None  # SQLite casts both to integers
    else:
        with np.errstate(all="ignore"):
            result = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[op](
                x.astype(np.float64), y.astype(np.float64)
            )
        nan = np.isnan(result)
        if nan.any():
            mask = _both(mask, ~nan)
            result = np.where(nan, 0.0, result)
    if result is None:
        return None
    result = np.broadcast_to(result, (n,))
    return Numbers(result, None if mask is None else np.broadcast_to(mask, (n,)))


def rounded(side: Numbers) -> Numbers | None:
    """CAST(round(side) AS INTEGER) of REALs; None where SQLite would cut one to 64 bits, and of integers."""
    if side.data.dtype.kind != "f":
        return None
    values = side.data if side.mask is None else np.where(side.mask, side.data, 0.0)
    if not (np.abs(values) < 2.0**63).all():
        return None
    whole = np.abs(values) > 2.0**52  # so large that there is nothing after the point
    return Numbers(np.where(whole, values, np.trunc(values + np.copysign(0.5, values))).astype(np.int64), side.mask)


def _both(mask: Bool | None, other: Bool) -> Bool:
    return other if mask is None else mask & other


def _integers(op: str, x: Array, y: Array) -> Array | None:
    big_x, big_y = (max(abs(int(s.max(initial=0))), abs(int(s.min(initial=0)))) for s in (x, y))
    if op in ("/", "%"):
        if big_x >= 1 << 63 or big_y >= 1 << 63:
            return None
        with np.errstate(all="ignore"):
            quotient = np.where((x < 0) != (y < 0), -(np.abs(x) // np.abs(y)), np.abs(x) // np.abs(y))
        return quotient if op == "/" else x - quotient * y
    if (big_x * big_y if op == "*" else big_x + big_y) >= 1 << 63:
        return None
    return {"+": np.add, "-": np.subtract, "*": np.multiply}[op](x, y)


# logic


def truth(numbers: Numbers) -> Truth3:
    """Numbers as a condition takes them: all but 0 are true."""
    true = numbers.data if numbers.data.dtype == bool else numbers.data != 0
    return (true, None) if numbers.mask is None else (true & numbers.mask, numbers.mask)


def negate(side: Truth3) -> Truth3:
    """NOT."""
    true, known = side
    return (~true, None) if known is None else (~true & known, known)


def connect(sides: Sequence[Truth3], conjunction: bool) -> Truth3:
    """AND or OR: the decided value (False, True) wins over NULL."""
    true, known = sides[0]
    for other, other_known in sides[1:]:
        if known is None and other_known is None:
            true = true & other if conjunction else true | other
            continue
        k = np.ones(len(true), bool) if known is None else known
        o = np.ones(len(true), bool) if other_known is None else other_known
        if conjunction:
            known = (k & o) | (k & ~true) | (o & ~other)
            true = true & other
        else:
            known = (k & o) | true | other
            true = true | other
    return true, known
