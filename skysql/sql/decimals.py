"""Sums of decimals, which are exact: a rule that holds for every statement, pushed down or not.

A DECIMAL reads as the nearest REAL (model/kinds/decimal.py), and REALs do not add up. So its units are added, which are
whole numbers, and their sum is divided once:

    sum(price)    ->    (sum(CAST(round((price) * 1e2) AS INTEGER)) / 1e2)
    avg(price)    ->    (sum(CAST(round((price) * 1e2) AS INTEGER)) / (1e2 * count(price)))

of total() as of sum(), where types.py says that the argument hands a DECIMAL on as it is. An expression that makes
a new value, price * 1.2, is a REAL, and so is its sum. A view is stored as it was written, as its text would have to
be another when the column is altered: a statement that reads a view with such a sum has the view's query in its place
(path_order.py). In a trigger, sums are those of REALs, as nothing stands for its text. So they are in all statements of
a connection where one of these functions is of the user's own.
"""

from __future__ import annotations

import re

from sqlglot import exp

from ..model.tokens import names_in
from .catalog import Catalog, CatalogEntry
from .dialect import parse, span
from .edits import EditedStatement
from .types import Exact

_SUMS = re.compile(r"\b(sum|total|avg)\b", re.IGNORECASE)
_DEEPEST = 16
"""Views that read one another; SQLite has more, and sums of REALs there."""

SAID_WITH = frozenset({"sum", "total", "avg", "count", "round"})
"""The functions that exact sums are, and are said with."""


def with_exact_sums(statement: EditedStatement) -> str | None:
    """The statement's text with its sums of decimals as that; None if it has none."""
    if not statement.catalog.own.isdisjoint(SAID_WITH):  # functions of the user's
        return None
    for node in reversed(list(statement.parsed.tree.find_all(exp.Sum, exp.Avg, exp.Anonymous, bfs=True))):
        assert isinstance(node, exp.Expression)
        argument = _summed(node) if statement.catalog.own.isdisjoint(_calls(node)) else None
        kind = statement.types.kind(argument) if argument is not None else None
        if argument is not None and isinstance(kind, Exact):
            _exactly(statement, node, argument, kind.scale)
    if not statement.changed:
        return None
    statement.keep_names()
    return statement.text()


def sums_decimals(catalog: Catalog, view: CatalogEntry, depth: int = 0) -> bool:
    """Whether a view adds decimals, or another view does that it reads."""
    text = view.sql or ""
    parsed = parse(text, view.database) if catalog.has_decimals and _SUMS.search(text) else None
    if parsed is not None and with_exact_sums(EditedStatement(parsed, catalog)) is not None:
        return True
    names = names_in(text) - {view.name.lower()} if catalog.has_decimals and depth < _DEEPEST else set()
    return any(sums_decimals(catalog, inner, depth + 1) for inner in catalog.views() if inner.name.lower() in names)


def _exactly(statement: EditedStatement, node: exp.Expression, argument: exp.Expression, scale: int) -> None:
    """Say an aggregate so that it adds units."""
    inner, outer = span(argument), span(_whole(node))
    if inner is None or outer is None:
        return
    name, by = (outer[0], outer[0] + 1), f"1e{scale}"
    if isinstance(node, exp.Avg):
        by = f"({by} * {statement.render(*outer, {name: 'count'})})"
    statement.wrap(*inner, "CAST(round((", f") * 1e{scale}) AS INTEGER)")
    text = statement.render(*outer, {name: "sum"} if isinstance(node, exp.Avg) else {})
    statement.edit(*outer, f"({text} / {by})")


def _calls(node: exp.Expression) -> tuple[str, ...]:
    """The functions that an aggregate is, and is said with: where one of them is not SQLite's, it stays as it is."""
    if isinstance(node, exp.Avg):
        return "avg", "sum", "count", "round"
    return node.name.lower() if isinstance(node, exp.Anonymous) else "sum", "round"


def _summed(node: exp.Expr) -> exp.Expression | None:
    """What an aggregate adds up, if it does."""
    if isinstance(node, exp.Anonymous):
        arguments = node.expressions if node.name.lower() == "total" else []
        argument = arguments[0] if len(arguments) == 1 else None
    else:
        argument = node.this
    if isinstance(argument, exp.Order):  # sum(x ORDER BY y)
        argument = argument.this
    if isinstance(argument, exp.Distinct):
        argument = argument.expressions[0] if len(argument.expressions) == 1 else None
    return argument


def _whole(node: exp.Expression) -> exp.Expression:
    """An aggregate with its FILTER and OVER."""
    while isinstance(node.parent, exp.Filter | exp.Window) and node.arg_key == "this":
        node = node.parent
    return node
