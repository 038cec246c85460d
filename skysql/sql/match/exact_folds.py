"""Sums of decimals in the expressions of MEASURES and DEFINE, which are exact: those of their units (sql/decimals.py).

    sum(P.price)    ->    (sum(CAST(round(P.price * 1e2) AS INTEGER)) / 1e2)
    avg(P.price)    ->    (sum(CAST(round(P.price * 1e2) AS INTEGER)) / (1e2 * count(P.price)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ...match.expressions import Expression, Fold, Piece, RowExpression

ADDING = frozenset({"sum", "total", "avg"})


def with_exact_folds(expression: Expression, scale: Callable[[str], int | None]) -> Expression:
    """The expression with its sums of decimals as that. scale: the digits after the point of a column, if it is one."""
    pieces = [part for piece in expression.pieces for part in _exactly(piece, scale)]
    return replace(expression, pieces=tuple(pieces))


def _exactly(piece: Piece, scale: Callable[[str], int | None]) -> Iterator[Piece]:
    at = _summed(piece) if isinstance(piece, Fold) and piece.function in ADDING else None
    if at is None:
        yield piece
        return
    assert isinstance(piece, Fold)
    summed = piece.call[at]
    digits = scale(summed.column) if isinstance(summed, RowExpression) and summed.column is not None else None
    if digits is None:
        yield piece
        return
    assert isinstance(summed, RowExpression)
    units = RowExpression(f"CAST(round({summed.text} * 1e{digits}) AS INTEGER)")
    average = piece.function == "avg"
    yield "("
    yield _called(piece, "sum" if average else piece.function, at, units)
    if average:
        yield f" / (1e{digits} * "
        yield _called(piece, "count", at, summed)
        yield "))"
    else:
        yield f" / 1e{digits})"


def _summed(fold: Fold) -> int | None:
    """Where in a call its argument stands: sum(x), sum(DISTINCT x), sum(x ORDER BY y)."""
    _, *inner = fold.call
    at = 1 if isinstance(inner[0], str) and inner[0].strip().upper() == "DISTINCT" else 0
    after = inner[at + 1] if at + 1 < len(inner) else ""
    ends = isinstance(after, str) and (after == ")" or after.split()[:1] in (["ORDER"], ["order"]))
    return at + 1 if isinstance(inner[at], RowExpression) and ends else None


def _called(fold: Fold, function: str, at: int, argument: RowExpression) -> Fold:
    """The same aggregate by another name, of something else."""
    call = (f"{function}(", *fold.call[1:at], argument, *fold.call[at + 1 :])
    return replace(fold, function=function, call=call, argument=argument if fold.simple else None)
