"""Simple tests in Python, where that is exactly what SQLite would say; Unsure where it might not be.

Numbers are compared with numbers, and texts with texts if no affinity or collation could make a difference; integers
that would leave 64 bits, and whatever else takes a conversion, are SQLite's. Three-valued: True, False, None.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..model.values import Value
from ..plan.labels import LeafOf, label_of
from ..plan.path_scan import And, Arithmetic, Column, Compare, Expr, Literal, Not, Or, Parameter

Function: TypeAlias = "Callable[[Sequence[Value]], Any]"


class Unsure(Exception):
    """What only SQLite can tell."""


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

_LIMIT = 1 << 63


def function_of(expr: Expr, texts: Sequence[bool], parameters: Sequence[Value]) -> Function | None:
    """The value of an expression by those of its leaves; None if it is not a simple one.

    texts: for each leaf whether a text of it is compared as it is.
    """
    match expr:
        case Column(name):
            return _leaf(_place(name), texts)
        case Literal(value):
            return lambda values: value
        case Parameter(number):
            return lambda values: parameters[number - 1]
        case Compare(op, left, right):
            return _binary(_comparison(op), left, right, texts, parameters)
        case Arithmetic(op, left, right):
            return _binary(_arithmetic(op), left, right, texts, parameters)
        case And(items) | Or(items):
            parts = [part for item in items if (part := function_of(item, texts, parameters)) is not None]
            return _connected(parts, isinstance(expr, And)) if len(parts) == len(items) else None
        case Not(item):
            inner = function_of(item, texts, parameters)
            return None if inner is None else lambda values: _negated(truth(inner(values)))
    return None


def truth(value: Any) -> bool | None:
    """Whether a value counts as true."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    raise Unsure


def _leaf(at: int, texts: Sequence[bool]) -> Function:
    if texts[at]:
        return lambda values: values[at]

    def number(values: Sequence[Value]) -> Value:
        value = values[at]
        if isinstance(value, str):
            raise Unsure
        return value

    return number


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _binary(
    function: Callable[[Any, Any], Any], left: Expr, right: Expr, texts: Sequence[bool], parameters: Sequence[Value]
) -> Function | None:
    a, b = function_of(left, texts, parameters), function_of(right, texts, parameters)
    if a is None or b is None:
        return None
    return lambda values: function(a(values), b(values))


def _comparison(op: str) -> Callable[[Any, Any], bool | None]:
    identity = op in ("IS", "IS NOT")
    compare = _COMPARE[{"IS": "=", "IS NOT": "<>"}.get(op, op)]

    def compared(a: Any, b: Any) -> bool | None:
        if a is None or b is None:
            return compare(a is None, b is None) if identity else None
        if isinstance(a, str) != isinstance(b, str) or isinstance(a, bytes) or isinstance(b, bytes):
            raise Unsure
        return compare(a, b)

    return compared


def _arithmetic(op: str) -> Callable[[Any, Any], Any]:
    def computed(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        if isinstance(a, str | bytes) or isinstance(b, str | bytes):
            raise Unsure
        whole = isinstance(a, int) and isinstance(b, int)
        if op in "/%":
            if b == 0:
                return None
            if op == "%" and not whole:
                raise Unsure
            result = _divided(op, a, b) if whole else a / b
        else:
            result = a + b if op == "+" else a - b if op == "-" else a * b
        if result != result or (whole and not -_LIMIT <= result < _LIMIT):
            raise Unsure
        return result

    return computed


def _divided(op: str, a: int, b: int) -> int:
    """Towards zero; the remainder has the sign of a."""
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient if op == "/" else a - quotient * b


def _connected(parts: list[Function], conjunction: bool) -> Function:
    def connected(values: Sequence[Value]) -> bool | None:
        result: bool | None = conjunction
        for part in parts:
            value = truth(part(values))
            if value is (not conjunction):
                return value
            if value is None:
                result = None
        return result

    return connected


def _place(name: str) -> int:
    """The place of the leaf that a column is."""
    leaf = label_of(name)
    assert isinstance(leaf, LeafOf)
    return leaf.place
