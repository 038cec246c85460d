"""What a statement compares with times: it must be put into the form of times first.

Compared are the sides of =, <> and <, of IS, BETWEEN, IN and a simple CASE, each place of row values by itself; the
arguments of nullif() and of max() and min() of several; the columns of both sides of EXCEPT and INTERSECT; and the
columns by which USING and NATURAL join. Each of these is a list of sides, of which one may be a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from sqlglot import exp

from ..errors import DataError, NotSupportedError
from ..model import timestamps
from ..model.quoting import literal as quoted
from ..model.values import Value
from .dialect import is_star
from .lists import Listed, elements, value
from .types import COMPARING, GREATEST, Timeliness, Types, ValueKind, alias, items, merged_names

SIDES = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is)


class Form(StrEnum):
    """How a value is put into the form of times: the second argument of sky_timestamp."""

    TIME = ""  # it has to be one
    SPELLED = "spelled"  # or it is a text that is none
    MIXED = "mixed"  # or it is anything else than a text of a time


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A side that is a column of a query."""

    query: exp.Expression
    at: int


Side: TypeAlias = "exp.Expression | QueryColumn"


@dataclass(frozen=True, slots=True)
class Conversions:
    """What has to be put into the form of times, by id of the node.

    tables: names of tables after IN, and which of their columns. stars: selects whose `*` shows such columns, and which
    of them. joined: FROM items with columns that USING compares.
    selects: those that are not as they were written, ids.
    """

    nodes: dict[int, tuple[exp.Expression, Form]] = field(default_factory=dict)
    tables: dict[int, tuple[exp.Column, dict[int, Form]]] = field(default_factory=dict)
    stars: dict[int, tuple[exp.Select, dict[int, Form]]] = field(default_factory=dict)
    joined: dict[int, tuple[exp.Expression, list[str]]] = field(default_factory=dict)
    selects: set[int] = field(default_factory=set)


def conversions(tree: exp.Expression, types: Types) -> Conversions:
    """What has to be put into the form of times in a statement."""
    found = Conversions()
    for node in tree.walk():
        for sides in compared(node, types):
            for side, form in forms(sides, types):
                _add(found, side, form, types)
        if isinstance(node, exp.Select):
            for join in node.args.get("joins") or []:
                _add_joined(found, node, join, types)
    return found


def forms(sides: list[Side], types: Types) -> Iterator[tuple[Side, Form]]:
    """Those of the sides that have to be put into form."""
    kinds = [_kind(side, types) for side in sides]
    if Timeliness.TIME in kinds:
        form = Form.TIME
    elif Timeliness.MIXED in kinds:
        form = Form.MIXED
    elif Timeliness.SPELLED in kinds:
        form = Form.SPELLED
    else:
        return
    for side, kind in zip(sides, kinds, strict=True):
        if kind not in (Timeliness.TIME, Timeliness.NOTHING):
            yield side, form


def _kind(side: Side, types: Types) -> ValueKind:
    if not isinstance(side, QueryColumn):
        return types.kind(side)
    outputs = types.outputs(side.query)
    return outputs[side.at][1] if outputs is not None and side.at < len(outputs) else Timeliness.OTHER


def canonical(literal: exp.Literal, form: Form = Form.TIME) -> str | None:
    """A written moment in the form that times have, or None if it is none."""
    try:
        value = str(literal.this) if literal.is_string else int(str(literal.this))
    except ValueError:
        return None
    return None if form else _canonical(value)


def _canonical(value: Value) -> str | None:
    try:
        return quoted(timestamps.format(timestamps.parse(value)))
    except DataError:
        return None


def canonical_list(node: Listed, form: Form) -> list[str | None]:
    """The same of each element of a list: None for those that are no moments; NULL stays as it is. Kept by the node."""
    known: dict[Form, list[str | None]] = node.meta.setdefault("canonical", {})
    if form not in known:
        known[form] = _canonical_list(node, form)
    return known[form]


_WRITTEN = re.compile(r"'|[+-]?\d{1,18}\Z|0[xX]")
"""The beginning of a text, and of an integer: what may be a moment."""


def _canonical_list(node: Listed, form: Form) -> list[str | None]:
    texts = elements(node.this)
    whole = [at for at, text in enumerate(texts) if _WRITTEN.match(text)]
    found: list[str | None] = ["NULL" if text[0] in "nN" else None for text in texts]
    if form:
        return found
    known = [value(texts[at]) for at in whole]
    written: Sequence[str | None]
    try:
        moments = timestamps.parse_array(known)
        written = list(map(quoted, timestamps.format_array(moments)))
    except DataError:
        written = list(map(_canonical, known))
    for at, text in zip(whole, written, strict=True):
        found[at] = text
    return found


# which sides are compared


def compared(node: exp.Expr, types: Types) -> Iterable[list[Side]]:
    """The lists of sides that a node compares."""
    sides: list[exp.Expression] = []
    if type(node) in SIDES:
        sides = [] if _is_truth(node) or _is_assignment(node) else [node.this, node.expression]
    elif type(node) in COMPARING:
        return _rows([node.this, node.expression], types)
    elif isinstance(node, exp.Between):
        sides = [node.this, node.args["low"], node.args["high"]]
    elif isinstance(node, exp.In):
        sides = [node.this, *_listed(node)]
    elif isinstance(node, exp.Case) and node.this is not None:
        sides = [node.this, *(branch.this for branch in node.args["ifs"])]
    elif isinstance(node, exp.Nullif):
        sides = [node.this, node.expression]
    elif type(node) in GREATEST:
        sides = [node.this, *node.expressions]
    if any(isinstance(side, exp.Tuple) or (isinstance(node, exp.In) and _is_query(side)) for side in sides):
        return _rows(sides, types)
    return [list(sides)] if sides else []


def _is_truth(node: exp.Expr) -> bool:
    """Whether it is IS NULL or IS TRUE."""
    return type(node) is exp.Is and isinstance(node.expression.unnest(), exp.Null | exp.Boolean)


def _is_assignment(node: exp.Expr) -> bool:
    """Whether it is what SET sets, and no comparison."""
    return isinstance(node.parent, exp.Update | exp.OnConflict) and node.arg_key == "expressions"


def _listed(node: exp.In) -> list[exp.Expression]:
    """What stands right of IN: expressions, or a query, or a table."""
    one = node.args.get("query") or node.args.get("field")
    return list(node.expressions) if one is None else [one]


def _is_query(side: exp.Expression) -> bool:
    return isinstance(side, exp.Subquery | exp.Query | exp.Values) or (
        isinstance(side.parent, exp.In) and side.arg_key == "field"
    )


def _rows(sides: list[exp.Expression], types: Types) -> list[list[Side]]:
    """Rows, which are compared place by place."""
    rows = [_places(side, types) for side in sides]
    return [list(places) for places in zip(*rows, strict=False)]


def _places(side: exp.Expression, types: Types) -> list[Side]:
    if isinstance(side, exp.Tuple):
        return list(side.expressions)
    if isinstance(side, exp.Paren):
        return _places(side.this, types)
    if _is_query(side):
        outputs = types.outputs(side)
        return [QueryColumn(side, at) for at in range(len(outputs or [None]))]
    return [side]


# which of them are converted


def _add(found: Conversions, side: Side, form: Form, types: Types) -> None:
    if isinstance(side, QueryColumn):
        _add_column(found, side.query, side.at, form, types)
    elif id(side) not in found.nodes or form is Form.TIME:
        found.nodes[id(side)] = side, form


def _add_column(found: Conversions, query: exp.Expression, at: int, form: Form, types: Types) -> None:
    """A column of a query, in each of the selects that it is made of."""
    match query:
        case exp.Subquery():
            _add_column(found, query.this, at, form, types)
        case exp.SetOperation():
            _add_column(found, query.this, at, form, types)
            _add_column(found, query.expression, at, form, types)
        case exp.Column():
            found.tables.setdefault(id(query), (query, {}))[1][at] = form
        case exp.Values():
            for row in query.expressions:
                _add_value(found, row.expressions[at], form, types)
        case exp.Select() if (values := _values(query)) is not None:
            _add_column(found, values, at, form, types)
        case exp.Select():
            found.selects.add(id(query))
            if any(map(is_star, query.expressions)):
                found.stars.setdefault(id(query), (query, {}))[1][at] = form
            else:
                _add_value(found, query.expressions[at], form, types)


def _values(select: exp.Select) -> exp.Values | None:
    """The VALUES that stand where sqlglot makes up a select from them."""
    from_ = select.args.get("from_")
    if "span" in select.meta or from_ is None or not isinstance(from_.this, exp.Values):
        return None
    return from_.this


def _add_value(found: Conversions, item: exp.Expression, form: Form, types: Types) -> None:
    node = item.this if isinstance(item, exp.Alias) else item
    if types.kind(node) not in (Timeliness.TIME, Timeliness.NOTHING):
        _add(found, node, form, types)


def _add_joined(found: Conversions, select: exp.Select, join: exp.Join, types: Types) -> None:
    """The columns by which USING or NATURAL joins, on the side where they are no times."""
    if str(join.args.get("method") or "").upper() == "ASOF":
        return
    every = items(select)
    before = every[: next((at for at, item in enumerate(every) if item is join.this), 0)]
    for name in merged_names(join, before, types):
        having = []
        for item in (*before, join.this):
            columns = types.columns(item)
            kind = columns.find(name.lower()) if columns is not None else None
            if kind is not None:
                having.append((item, kind))
        if any(kind.timely for _, kind in having):
            for item, kind in having:
                if kind is not Timeliness.TIME:
                    _check_alone(item, types, name)
                    found.joined.setdefault(id(item), (item, []))[1].append(name.lower())
                    found.selects.add(id(select))


def _check_alone(item: exp.Expression, types: Types, name: str) -> None:
    if item.args.get("joins") or not alias(item) or types.columns(item) is None:
        raise NotSupportedError(
            f"USING compares {name!r} with a timestamp, and it is a column of a join or of no name",
            "write the join with ON",
        )


__all__ = ["Conversions", "Form", "canonical", "canonical_list", "compared", "conversions", "forms"]
