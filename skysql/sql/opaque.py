"""What arrays do not evaluate: the user's own text, with its columns called by their labels.

    upper(u.plan) || '!'   ->   Sql('upper(plan) || \'!\'', (Column("plan"),))
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from ..plan.path_scan import Column, Expr, Sql, columns, sql
from .constants import form_text
from .dialect import TokenType, span
from .edits import NotPushable
from .granularity import granularity_of
from .lists import LIST
from .names import Names

_NO_CALL = frozenset(
    """AND OR NOT IN LIKE GLOB REGEXP MATCH BETWEEN IS CASE WHEN THEN ELSE ESCAPE VALUES ISNULL NOTNULL END AS ON FROM
    DISTINCT COLLATE""".split()
)
"""Words that may stand before a parenthesis without being a function's name."""


def opaque(node: exp.Expression, names: Names) -> Expr:
    """The user's own text, over labels; raises NotPushable if SQLite could not evaluate it value by value."""
    where = span(node)
    if where is None or isinstance(node, exp.Star):
        raise NotPushable(f"a {type(node).__name__} of unknown place, or no value")
    if node.find(exp.Select, exp.Window) is not None or names.refuses(node):
        raise NotPushable("a subquery, aggregate or window function inside an expression")
    _check_calls(names, where, [at for at, _ in names.leaves(node)])
    text, read = relabelled(node, where, names)
    granularity = granularity_of(names, node) if len(read) == 1 and names.is_fine_time(read[0]) else 0
    return Sql(text, read, granularity, _cast_type(names, node, where))


def _cast_type(names: Names, node: exp.Expression, where: tuple[int, int]) -> str:
    """The type that a CAST is to, as it is written; "" for anything else."""
    tokens = names.parsed.tokens
    if not isinstance(node, exp.Cast) or tokens[where[0]].text.upper() != "CAST":
        return ""
    last = max(at for at in range(*where) if tokens[at].text.upper() == "AS")
    return names.parsed.slice(last + 1, where[1] - 1)


def relabelled(node: exp.Expression, where: tuple[int, int], names: Names) -> tuple[str, tuple[Column, ...]]:
    """The text of the node with each column called by its label, and the columns."""
    pieces: list[tuple[int, int, str]] = []
    read: dict[Column, None] = {}
    for at, found in names.leaves(node):
        read.update(dict.fromkeys(columns(found)))
        pieces.append((*at, sql(found) if isinstance(found, Column) else f"({sql(found)})"))
    pieces += _written_times(names, node)
    pieces += _parameters(names, where, {token for first, last, _ in pieces for token in range(first, last)})
    parsed = names.parsed
    text, at_char, end = "", parsed.start(where[0]), parsed.end(where[1] - 1)
    for first, last, replacement in sorted(pieces):
        text += parsed.text[at_char : parsed.start(first)] + replacement
        at_char = parsed.end(last - 1)
    return text + parsed.text[at_char:end], tuple(read)


def _parameters(names: Names, where: tuple[int, int], covered: set[int]) -> Iterator[tuple[int, int, str]]:
    """The parameters among these tokens, each as an argument of the scan; raises NotPushable."""
    statement, parsed = names.statement, names.parsed
    for token in range(*where):
        kind = parsed.tokens[token].token_type
        if token in covered or kind not in (LIST, TokenType.PLACEHOLDER):
            continue
        if kind is LIST:
            if "?" in parsed.tokens[token].text:
                raise NotPushable("a long list with parameters")
        elif parsed is not statement.parsed:
            raise NotPushable("a parameter in a view")
        else:
            yield token, token + 1, sql(names.arguments.add(statement.render(token, token + 1)))


def _written_times(names: Names, node: exp.Expression) -> Iterator[tuple[int, int, str]]:
    """The constants below a node that are compared with times, in form; raises NotPushable for other sides."""
    known = names.conversions().nodes
    for below in node.walk() if known else ():
        if id(below) not in known:
            continue
        side, form = known[id(below)]
        where, written = span(side), form_text(side, form)
        if written is None or where is None or names.parsed is not names.statement.parsed:
            raise NotPushable("a comparison with a time inside an expression")
        yield *where, written


def _check_calls(names: Names, where: tuple[int, int], leaves: list[tuple[int, int]]) -> None:
    tokens, covered = names.parsed.tokens, {at for first, last in leaves for at in range(first, last)}
    for at in range(*where):
        if at in covered:
            continue
        text = tokens[at].text.lower()
        if text == "'now'" or (tokens[at].token_type is TokenType.STRING and text in ("now", "subsec")):
            raise NotPushable("the time of day")
        if text in ("current_timestamp", "current_date", "current_time", "raise", "match", "regexp"):
            raise NotPushable(text)
        called = at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.L_PAREN
        if not called or not re.fullmatch(r"[^\W\d]\w*", tokens[at].text) or text.upper() in _NO_CALL:
            continue
        if tokens[at].token_type is TokenType.STRING:
            continue
        if text not in names.statement.catalog.pure:
            raise NotPushable(f"{text}() is not a pure function")
        if tokens[at + 2].token_type is TokenType.R_PAREN:
            raise NotPushable(f"{text}() has no argument")


__all__ = ["opaque", "relabelled"]
