"""From sqlglot's nodes to plan expressions: a function for each class of nodes, over the names that it may read.

What a scan can evaluate with arrays becomes nodes. Everything else stays the user's own text: an `Sql` node, with its
columns renamed to their labels (opaque.py). An operand without columns becomes an argument of the scan. SQLite then
evaluates it once, where it stands, with everything that it refers to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlglot import exp

from ..model.companions import EVENT_COUNT, TS
from ..model.quoting import literal as quoted
from ..plan.path_scan import (
    And,
    Arithmetic,
    Column,
    Compare,
    Expr,
    InSet,
    Literal,
    Moment,
    Not,
    Or,
    Parameter,
    Rounded,
    Sql,
    columns,
    sql,
)
from .calls import has_aggregate
from .constants import literal, may_be_text, time_of
from .dialect import span
from .edits import NotPushable
from .lists import Listed, elements, values
from .names import KnownCount, Names
from .opaque import opaque

Conversion: TypeAlias = "Callable[[Any, Names], Expr | None]"
"""Of a node of one class: the expression, or None for a text that only SQLite understands; raises NotPushable."""

_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def converted(node: exp.Expression, names: Names) -> Expr:
    """The node as a plan expression; raises NotPushable."""
    leaf = names.leaf(node)
    if leaf is not None:
        return leaf
    form = names.conversions().nodes.get(id(node))
    if form is not None:
        return _in_form(node, names, form[1])
    for idiom in names.idioms:
        found: Expr | None = idiom(names, node)
        if found is not None:
            return found
    conversion = _CONVERSIONS.get(type(node))
    if conversion not in (_column, _inner):
        names.check_booleans(node)
    return (conversion(node, names) if conversion is not None else None) or opaque(node, names)


def _in_form(node: exp.Expression, names: Names, form: Any) -> Expr:
    """A constant that is compared with a text of a time; raises NotPushable for anything else."""
    if names.parsed is not names.statement.parsed:
        raise NotPushable("a comparison with a time in a view, whose text SQLite reads as it is")
    if not names.constant(node):
        raise NotPushable("what has to be put into the form of times, row by row")
    written = time_of(node, form)
    return argument(node, names) if written is None else Literal(written)


def _column(node: exp.Column, names: Names) -> Expr:
    where = span(node)
    found = names.find(node)
    if found is None or where is None or isinstance(found, KnownCount):
        raise NotPushable(f"{node.name} is not a column of the scan")
    return found


def _inner(node: exp.Paren, names: Names) -> Expr:
    return converted(node.this, names)


def _constant(node: exp.Expression, _names: Names) -> Expr | None:
    return literal(node)


# connectives


def _all(node: exp.And, names: Names) -> Expr:
    return And(_sides(node, names))


def _any(node: exp.Or, names: Names) -> Expr:
    return Or(_sides(node, names))


def _sides(node: exp.Connector, names: Names) -> tuple[Expr, ...]:
    return tuple(converted(side, names) for side in node.flatten())  # type: ignore[arg-type]


def _not(node: exp.Not, names: Names) -> Expr | None:
    """NOT x, or x NOT IN, NOT BETWEEN, NOT GLOB ...: of those, no text is that of the inner node alone."""
    where = span(node)
    if where is not None and names.parsed.tokens[where[0]].text.upper() == "NOT":
        return Not(converted(node.this, names))
    inner = node.this
    if isinstance(inner, exp.Between):
        return Not(converted(inner, names))
    found = _CONVERSIONS[type(inner)](inner, names) if isinstance(inner, exp.In | exp.Is) else None
    return None if found is None else Not(found)


# comparisons and arithmetic


def _is(op: str) -> Conversion:
    """x IS y, if x is a column and y is NULL, or x is a time; else None."""

    def convert(node: exp.Binary, names: Names) -> Expr | None:
        left, right = node.this, node.expression
        if isinstance(right, exp.Null):
            known = converted(left, names)
            return None if isinstance(known, Sql) else Compare(op, known, Literal(None))
        if isinstance(right.unnest(), exp.Null | exp.Boolean):
            return None
        if names.constant(left):
            left, right = right, left
        side = converted(left, names) if isinstance(left, exp.Column) else None
        if isinstance(side, Column) and names.is_time(side) and names.constant(right):
            return Compare(op, side, moment(right, names))
        return None

    return convert


def _comparison(op: str) -> Conversion:
    return lambda node, names: _pair(op, node.this, node.expression, names)


def _between(node: exp.Between, names: Names) -> Expr | None:
    if node.args.get("symmetric"):
        return None
    sides = ((">=", node.args["low"]), ("<=", node.args["high"]))
    pairs = [_pair(op, node.this, side, names) or _opaque_pair(op, node.this, side, names) for op, side in sides]
    return And(tuple(pairs))


def _pair(op: str, left: exp.Expression, right: exp.Expression, names: Names) -> Expr | None:
    """left op right; None if only SQLite understands one of them."""
    if names.constant(left) and not names.constant(right):
        left, right, op = right, left, _MIRRORED[op]
    a = converted(left, names)
    if names.constant(right) and isinstance(a, Column):
        if names.is_time(a):
            return Compare(op, a, moment(right, names))
        if (names.is_object(a) or a.name.lower() in (TS.name, EVENT_COUNT.name)) and not may_be_text(right):
            return Compare(op, a, literal(right) or argument(right, names))
    b = converted(right, names)
    return None if isinstance(a, Sql) or isinstance(b, Sql) else Compare(op, a, b)


def _opaque_pair(op: str, left: exp.Expression, right: exp.Expression, names: Names) -> Expr:
    if names.constant(left) and not names.constant(right):
        left, right, op = right, left, _MIRRORED[op]
    a, b = opaque(left, names), opaque(right, names)
    return Sql(f"({sql(a)}) {op} ({sql(b)})", tuple(dict.fromkeys((*columns(a), *columns(b)))))


def _arithmetic(op: str) -> Conversion:
    def convert(node: exp.Binary, names: Names) -> Expr | None:
        left, right = converted(node.this, names), converted(node.expression, names)
        if isinstance(left, Sql) or isinstance(right, Sql):
            return None
        sides = [side for side in (left, right) if isinstance(side, Literal)]
        numbers = all(isinstance(side.value, int | float) for side in sides)
        return Arithmetic(op, left, right) if numbers else None

    return convert


def _rounded(node: exp.Cast, names: Names) -> Expr | None:
    """CAST(round(x) AS INTEGER) of what arrays compute; else None."""
    call = node.this
    whole = node.to.this is exp.DType.INT and type(call) is exp.Round and len([*call.iter_expressions()]) == 1
    if not whole or "round" in names.statement.catalog.own:
        return None
    operand = converted(call.this, names)
    return None if isinstance(operand, Sql) else Rounded(operand)


# sets


def _in(node: exp.In, names: Names) -> Expr | None:
    """x IN (...), if x is the object or a time, or there is a subquery; else None."""
    query = node.args.get("query")
    a = converted(node.this, names)
    if query is not None:
        return _in_query(a, query, names)
    if not node.expressions or isinstance(node.expressions[0], exp.Values) or node.args.get("field"):
        return None
    if not isinstance(a, Column):
        return None
    if names.is_time(a):
        if isinstance(node.expressions[0], Listed):
            return None  # a text for SQLite: each of many comparisons would look at all the rows
        constant = all(map(names.constant, node.expressions))
        return Or(tuple(Compare("=", a, moment(item, names)) for item in node.expressions)) if constant else None
    if names.is_key(a) or names.is_integer(a) or (names.is_text(a) and not a.ever):
        return _in_list(a, node.expressions, names)
    return None


def _in_list(a: Column, nodes: list[exp.Expression], names: Names) -> Expr | None:
    """A column among written values and parameters, which have no affinity; None of others."""
    listed = nodes[0] if isinstance(nodes[0], Listed) else None
    known = [item.value for item in map(literal, nodes) if item] if listed is None else values(listed)
    items = known or []
    texts = names.is_key(a) or names.is_text(a)
    alike = str if texts else int
    whole = known is not None and (listed is not None or len(items) == len(nodes))
    if whole and all(type(item) is alike for item in items):
        return InSet(a, names.arguments.add(quoted(json.dumps(items, ensure_ascii=False, separators=(",", ":")))))
    array = _texts if texts else _array
    if listed is not None and (known is not None or names.parsed is names.statement.parsed):
        where = span(listed)
        text = listed.this if known is not None or where is None else names.statement.written(*where)
        return InSet(a, names.arguments.add(array(f"VALUES ({'), ('.join(elements(text))})")))
    if not all(isinstance(node, exp.Placeholder | exp.Literal | exp.Null) for node in nodes):
        return None
    places = [span(node) for node in nodes]
    known_places = [where for where in places if where is not None]
    if len(known_places) < len(places) or names.parsed is not names.statement.parsed:
        return None
    rendered = "), (".join(names.statement.render(*where) for where in known_places)
    return InSet(a, names.arguments.add(array(f"VALUES ({rendered})")))


def _in_query(a: Expr, query: exp.Expression, names: Names) -> Expr:
    """A column among the rows of a subquery."""
    if not isinstance(a, Column) or not (names.is_text(a) or names.is_integer(a)):
        raise NotPushable("IN (SELECT ...) on something else than a column of texts or integers")
    if names.mentions_inside(query):
        raise NotPushable("a subquery that reads columns of the scan")
    if names.is_text(a) and not isinstance(query.unnest(), exp.Select):
        raise NotPushable("a compound, of which the last select says whether texts are compared as numbers")
    where = span(query if span(query) is not None else query.this)
    if where is None:
        raise NotPushable("a subquery of unknown place")
    own = names.parsed is names.statement.parsed
    inner = names.statement.render(*where) if own else names.parsed.slice(*where)
    return among(a, inner[1:-1] if inner[:1] == "(" else inner, names)


def among(a: Column, query: str, names: Names) -> InSet:
    """A column of texts or integers among the rows of a query of one column."""
    return InSet(a, names.arguments.add((_texts if names.is_text(a) else _array)(query)))


_NOTHING = "json('[]')"


def _array(query: str) -> str:
    """The integers that the values of a query equal, as a JSON array; a list stands for what equals none.

    SQLite says which they are: beside a CAST to a number, a text that is one is compared as a number. (The text of a
    large integer is a real if it has a NUL in it.)
    """
    casts = [f"CAST(CAST(x AS {type}) AS INTEGER)" for type in ("NUMERIC", "REAL")]
    whole = " ".join(f"WHEN x = {cast} THEN {cast}" for cast in casts)
    value = f"CASE WHEN typeof(x) IN ('integer', 'null') THEN x {whole} ELSE {_NOTHING} END"
    return f"(WITH q(x) AS ({query}) SELECT json_group_array({value}) FROM q)"


def _texts(query: str) -> str:
    """The same, of values that texts are compared with: numbers are left as such where that compares numbers.

    Of two operands, SQLite makes numbers if one has a numeric affinity: a number then equals its text with a space. It
    makes texts if one is a text and the other has none; a number of a column of blobs equals no text.
    """
    number, text = "WHEN ' ' || quote(x) = x THEN x", "WHEN CAST(x AS TEXT) = x THEN CAST(x AS TEXT)"
    value = f"CASE WHEN x IS NULL OR typeof(x) = 'text' THEN x || '' {number} {text} ELSE {_NOTHING} END"
    return f"(WITH q(x) AS ({query}) SELECT json_group_array({value}) FROM q)"


# arguments


def moment(node: exp.Expression, names: Names) -> Moment:
    """A constant that a timestamp is compared with."""
    return Moment(literal(node) or argument(node, names))


def argument(node: exp.Expression, names: Names) -> Parameter:
    """A constant as an argument of the scan."""
    where = span(node)
    if where is None or names.parsed is not names.statement.parsed:
        raise NotPushable("a constant of unknown place")
    if node.find(exp.Select) is not None and names.mentions_inside(node):
        raise NotPushable("a correlated subquery")
    if node.find(exp.Window) is not None or has_aggregate(names.statement, node):
        raise NotPushable("an aggregate or window function where a constant was expected")
    return names.arguments.add(names.statement.render(*where))


def conjuncts_of(node: exp.Expression) -> list[exp.Expression]:
    """The parts of a condition that must all be true."""
    if isinstance(node, exp.Paren):
        return conjuncts_of(node.this)
    if not isinstance(node, exp.And):
        return [node]
    return [part for side in node.flatten() for part in conjuncts_of(side)]  # type: ignore[arg-type]


_Operators: TypeAlias = dict[type[exp.Expression], str]
_COMPARISONS: _Operators = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC: _Operators = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_CONVERSIONS: dict[type[exp.Expression], Conversion] = {
    exp.Column: _column,
    exp.Paren: _inner,
    **dict.fromkeys((exp.Literal, exp.Null, exp.Boolean, exp.Neg), _constant),
    exp.Placeholder: argument,
    exp.Cast: _rounded,
    exp.And: _all,
    exp.Or: _any,
    exp.Not: _not,
    exp.Is: _is("IS"),
    exp.NullSafeEQ: _is("IS"),
    exp.NullSafeNEQ: _is("IS NOT"),
    exp.Between: _between,
    exp.In: _in,
    **{kind: _comparison(op) for kind, op in _COMPARISONS.items()},
    **{kind: _arithmetic(op) for kind, op in _ARITHMETIC.items()},
}
"""By the exact class of a node; of any other, the text is left to SQLite."""

__all__ = ["among", "argument", "conjuncts_of", "converted", "moment"]
