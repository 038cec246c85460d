"""Long lists of literals, `IN (1, 2, 3, ...)`, each of which is one token for the parser.

A node for each of a hundred thousand elements would take seconds to make, and every walk of the tree would meet them.
So the text that is split into tokens has `IN (0)`; then the tokens are put back to where they stand in the user's text,
with one of them over all of the list. A list with anything else in it, as a parameter, is parsed as it is, and so is a
short one.
"""

from __future__ import annotations

import re
from typing import ClassVar, TypeAlias

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from ..plan import Value

SHORTEST = 100
"""Elements of a list from which on it is one token."""

LIST = TokenType.HEREDOC_STRING
"""The type of a list's token: one that SQLite does not have."""

_S = r"[ \t\n\f\r]*+"
_TEXT = r"'(?:[^']++|'')*+'"
_NUMBER = rf"[+-]?{_S}(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_LITERAL = rf"(?>{_TEXT}|{_NUMBER}|NULL)"
_ELEMENT = re.compile(_LITERAL, re.IGNORECASE)
_INTEGERS = re.compile(r"[0-9, \t\n\f\r]++")
_APART = rf"""{_TEXT}|"[^"]*+"|`[^`]*+`|\[[^\]]*+\]|--[^\n]*+|/\*.*?\*/"""
_LONG = re.compile(
    rf"{_APART}|\bIN{_S}\({_S}(?P<list>{_LITERAL}(?:{_S},{_S}{_LITERAL}){{{SHORTEST - 1},}}+){_S}\)",
    re.IGNORECASE | re.DOTALL,
)

Fold: TypeAlias = tuple[int, int]
"""A list's characters: first, last + 1."""


class Listed(exp.Expression):
    """A list of literals after IN; `this` is its text."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True}


def folds(text: str) -> list[Fold]:
    """The long lists of a statement, in their order."""
    if len(text) < 2 * SHORTEST or "\0" in text:
        return []
    return [found.span("list") for found in _LONG.finditer(text) if found["list"] is not None]


def folded(text: str, folds: list[Fold]) -> str:
    """The text that the parser gets: 0 stands for each list."""
    pieces, at = [], 0
    for start, end in folds:
        pieces.append(text[at:start])
        at = end
    return "0".join([*pieces, text[at:]])


def unfolded(tokens: list[Token], text: str, folds: list[Fold]) -> list[Token]:
    """The tokens of the folded text, where they stand in the text itself."""
    if not folds:
        return tokens
    placed, before, waiting = [], 0, folds[::-1]
    for token in tokens:
        while waiting and waiting[-1][0] < token.start + before:
            start, end = waiting.pop()
            before += end - start - 1
        start = token.start + before
        if waiting and waiting[-1][0] == start:
            end = waiting[-1][1]
            placed.append(_moved(token, LIST, text[start:end], start, end - 1))
        else:
            placed.append(_moved(token, token.token_type, token.text, start, token.end + before))
    return placed


def _moved(token: Token, type: TokenType, text: str, start: int, end: int) -> Token:
    return Token(type, text, token.line, token.col, start, end, token.comments)


def elements(node: Listed) -> list[str]:
    """The elements as they are written."""
    return _ELEMENT.findall(node.this)


def values(node: Listed) -> list[Value]:
    """The elements' values."""
    digits = node.this.split(",") if _INTEGERS.fullmatch(node.this) is not None else []
    if digits and max(map(len, digits)) < 20:
        whole: list[Value] = list(map(int, digits))  # which may have spaces around them
        if max(whole) < 1 << 63:  # type: ignore[operator, type-var]
            return whole
    return list(map(_value, elements(node)))


def _value(text: str) -> Value:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] in "nN":
        return None
    return number(text) if text[0] not in "+-" else (-1 if text[0] == "-" else 1) * number(text[1:])


def number(text: str) -> int | float:
    """The value of a number without a sign: beyond 64 bits, SQLite reads a REAL."""
    text = text.strip()
    digits = text.lstrip("0") or "0"
    if text.isdigit() and len(digits) < 20 and (whole := int(digits)) < 1 << 63:
        return whole
    return float(text)
