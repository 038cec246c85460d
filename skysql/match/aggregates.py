"""The usual aggregates, one value at a time, exactly as SQLite computes them.

sum, total and avg of integers add integers, and of anything else doubles with a compensation for what rounding loses
(Kahan-Babuska-Neumaier); the accumulator is an immutable tuple, so that it can be part of a matcher's state. Source:
SQLite's func.c (sumStep, kahanBabuskaStep).
"""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeAlias

import apsw

from ..arrays.vectors import sort_key
from ..model.values import Value

SUMS = frozenset({"sum", "total", "avg"})
"""Those that add numbers."""

Accumulator: TypeAlias = tuple[Any, ...]
"""Of a sum: (values, their sum as integers, as a double, what rounding has lost of that, which of them holds)."""

_LOW, _HIGH = -(1 << 63), (1 << 63) - 1
_EXACT = 4_503_599_627_370_496

_INTEGERS, _DOUBLES, _OVERFLOWN = 0, 1, 2
"""The values of a sum so far: only integers; a double among them; integers that left 64 bits, and no double after."""


def begin(function: str) -> Accumulator:
    """Before the first value."""
    if function == "count":
        return (0,)
    return (None,) if function in ("min", "max") else (0, 0, 0.0, 0.0, 0)


def step(function: str, state: Accumulator, value: Any) -> Accumulator:
    """After one more value that is not NULL; for a sum, a number."""
    if function == "count":
        return (state[0] + 1,)
    if function in ("min", "max"):
        return (_extreme(function, state[0], value),)
    count, whole, total, lost, mode = state
    integer = isinstance(value, int)
    if mode == _INTEGERS:
        if integer and _LOW <= whole + value <= _HIGH:
            return count + 1, whole + value, total, lost, _INTEGERS
        total, lost = _parts(whole)
        mode = _OVERFLOWN if integer else _DOUBLES
    elif not integer:
        mode = _DOUBLES
    total, lost = (_add_integer if integer else _add)(total, lost, value)
    return count + 1, whole, total, lost, mode


def _extreme(function: str, best: Value, value: Value) -> Value:
    if best is None:
        return value
    later = sort_key(value) > sort_key(best) if function == "max" else sort_key(value) < sort_key(best)
    return value if later else best


def _add(total: float, lost: float, value: float) -> tuple[float, float]:
    new = total + value
    if abs(total) > abs(value):
        return new, lost + ((total - new) + value)
    return new, lost + ((value - new) + total)


def _add_integer(total: float, lost: float, value: int) -> tuple[float, float]:
    high, low = _parts(value)
    total, lost = _add(total, lost, high)
    return _add(total, lost, low) if low else (total, lost)


def _parts(value: int) -> tuple[float, float]:
    """Two doubles that add up to the integer."""
    if -_EXACT < value < _EXACT:
        return float(value), 0.0
    low = value % 16384 if value >= 0 else -(-value % 16384)
    return float(value - low), float(low)


def finish(function: str, state: Accumulator) -> Value:
    """The aggregate; raises what SQLite raises if integers overflow."""
    if function in ("count", "min", "max"):
        return state[0]  # type: ignore[no-any-return]
    count, whole, total, lost, mode = state
    if function != "total" and not count:
        return None
    if function == "sum" and mode == _INTEGERS:
        return whole  # type: ignore[no-any-return]
    if function == "sum" and mode == _OVERFLOWN:
        raise apsw.SQLError("integer overflow")
    number = float(whole) if mode == _INTEGERS else total + lost if isfinite(lost) else total
    result = number / count if function == "avg" else number
    return None if result != result else result
