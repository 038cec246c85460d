"""Constants that are written out: their values, and the form that times have of them."""

from __future__ import annotations

import re

from sqlglot import exp

from ..model.quoting import literal as quoted
from ..plan.path_scan import Literal
from .comparisons import Form, canonical, canonical_list
from .lists import Listed, number


def literal(node: exp.Expression) -> Literal | None:
    """A constant that is written out, or None."""
    if isinstance(node, exp.Paren):
        return literal(node.this)
    if isinstance(node, exp.Null):
        return Literal(None)
    if isinstance(node, exp.Boolean):
        return Literal(int(node.this))
    if isinstance(node, exp.Neg):
        inner = node.this.unnest()
        if isinstance(inner, exp.Literal):
            return _number(inner, True)
        known = literal(inner)  # of another sign
        if known is None or not isinstance(known.value, int | float):
            return None
        return Literal(-known.value if known.value != -1 << 63 else float(1 << 63))
    if not isinstance(node, exp.Literal):
        return None
    return Literal(str(node.this)) if node.is_string else _number(node, False)


def _number(node: exp.Literal, negative: bool) -> Literal | None:
    """A written number, or the negative of it."""
    text = "" if node.is_string else str(node.this).replace("_", "")
    written = re.fullmatch(r"\d*\.?\d*(?:[eE][+-]?\d+)?", text) and text not in ("", ".")
    return Literal(number(text, negative)) if written else None


def may_be_text(node: exp.Expression) -> bool:
    """Whether a constant may be something else than a number: a string, or a cast."""
    written = isinstance(node, exp.Literal) and node.is_string
    return written or isinstance(node, exp.Cast | exp.HexString | exp.Collate)


def form_text(node: exp.Expression, form: Form) -> str | None:
    """The text of a written constant, or of a list of them, in the form of times; None as of `time_of`."""
    if not isinstance(node, Listed):
        return None if (written := time_of(node, form)) is None else quoted(written)
    texts = canonical_list(node, form)
    return None if None in texts else ", ".join(map(str, texts))


def time_of(node: exp.Expression, form: Form) -> str | None:
    """A written constant in the form of times; None if it is none, or only SQLite knows."""
    text = canonical(node, form) if isinstance(node, exp.Literal) else None
    return None if text is None else text[1:-1]


__all__ = ["form_text", "literal", "may_be_text", "time_of"]
