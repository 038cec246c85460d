"""Long lists of literals, `IN (1, 2, 3, ...)`, each of which is one token for the parser.

A node for each of a hundred thousand elements would take seconds to make, and every walk of the tree would meet them.
So the text that is split into tokens has `IN (0)`; then the tokens are put back to where they stand in the user's text,
with one of them over all of the list. A list with anything else in it than literals and bare parameters is parsed as it
is, and so is a short one. An INSERT of nothing else is not parsed at all.
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar, TypeAlias

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from ..model.values import Value

SHORTEST = 100
"""Elements of a list from which on it is one token."""

_ASKED = 1_000
"""The same for a list with parameters, as each may be an argument of a scan, of which there may be fewer."""

LIST = TokenType.HEREDOC_STRING
"""The type of a list's token: one that SQLite does not have."""

_COMMENT = r"--[^\n]*+|/\*.*?\*/"
_W = r"[ \t\n\f\r]*+"
_S = rf"(?:[ \t\n\f\r]++|{_COMMENT})*+"
_TEXT = r"'(?:[^']++|'')*+'"
_BLOB = r"[xX]'(?:[0-9a-fA-F]{2})*+'"
_HEX = r"0[xX][0-9a-fA-F]{1,16}+"
_NUMBER = rf"(?:[+-]{_W})?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_LITERAL = rf"(?>{_TEXT}|{_BLOB}|{_HEX}|{_NUMBER}|NULL|\?)"
_ELEMENT = re.compile(rf"{_COMMENT}|({_LITERAL})", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(rf"{_COMMENT}|({_LITERAL}[0-9]*+)", re.IGNORECASE | re.DOTALL)
_INTEGERS = re.compile(r"[0-9, \t\n\f\r]++")
_NAME = r"""(?>\w++|"[^"]*+"|`[^`]*+`|\[[^\]]*+\])"""
_APART = rf"""{_TEXT}|"[^"]*+"|`[^`]*+`|\[[^\]]*+\]|{_COMMENT}"""
_LONG = re.compile(
    rf"{_APART}|\bIN{_S}\({_S}(?P<list>{_LITERAL}(?:{_S},{_S}{_LITERAL}){{{SHORTEST - 1},}}+){_S}\)",
    re.IGNORECASE | re.DOTALL,
)

_CELL = rf"(?>{_LITERAL[3:-1]}[0-9]*+|[:@$]\w++)"
_ROW = rf"\({_S}{_CELL}(?:{_S},{_S}{_CELL})*+{_S}\)"

Fold: TypeAlias = tuple[int, int]
"""A list's characters: first, last + 1."""


class Listed(exp.Expression):
    """A list of literals and bare parameters after IN; `this` is its text."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True}


def folds(text: str) -> list[Fold]:
    """The long lists of a statement, in their order."""
    if len(text) < 2 * SHORTEST or "\0" in text:
        return []
    lists = (found for found in _LONG.finditer(text) if found["list"] is not None)
    return [
        found.span("list") for found in lists if "?" not in found["list"] or found["list"].count(",") >= _ASKED
    ]


@cache
def _rows() -> re.Pattern[str]:
    """An INSERT of rows of values alone; it takes 20 ms to compile."""
    return re.compile(
        rf"{_S}(?:INSERT(?:{_S}OR{_S}\w++)?|REPLACE){_S}INTO{_S}{_NAME}(?:{_S}\.{_S}{_NAME})?{_S}"
        rf"(?:\({_S}{_NAME}(?:{_S},{_S}{_NAME})*+{_S}\){_S})?VALUES{_S}{_ROW}(?:{_S},{_S}{_ROW})*+[\s;]*+",
        re.IGNORECASE | re.DOTALL,
    )


def inserts_literals(text: str) -> bool:
    """Whether a statement is an INSERT of literals and parameters alone, in which there is nothing to rewrite."""
    return "values" in text.lower() and _rows().fullmatch(text) is not None


def numbered(text: str, largest: int) -> tuple[str, int]:
    """The text of a list with its parameters numbered, from the number after `largest` on; and the last of these."""

    def number(found: re.Match[str]) -> str:
        nonlocal largest
        if found[1] != "?":
            return found[0]
        largest += 1
        return f"?{largest}"

    return _ELEMENT.sub(number, text), largest


def has_parameters(node: exp.Expr) -> bool:
    """Whether a list has any."""
    return isinstance(node, Listed) and "?" in node.this and "?" in elements(node.this)


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


def elements(text: str) -> list[str]:
    """The elements of a list as they are written; its parameters may have been numbered."""
    found = _NUMBERED.findall(text) if "?" in text else _ELEMENT.findall(text)
    return list(filter(None, found)) if "-" in text or "/" in text else found


def values(node: Listed) -> list[Value] | None:
    """The elements' values; None if there are parameters among them."""
    if has_parameters(node):
        return None
    digits = node.this.split(",") if _INTEGERS.fullmatch(node.this) is not None else []
    if digits and max(map(len, digits)) < 20:
        whole: list[Value] = list(map(int, digits))  # which may have spaces around them
        if max(whole) < 1 << 63:  # type: ignore[operator, type-var]
            return whole
    return list(map(value, elements(node.this)))


def value(text: str) -> Value:
    """The value of a literal."""
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] in "nN":
        return None
    if text[0] in "xX":
        return bytes.fromhex(text[2:-1])
    if text[1:2] in ("x", "X"):
        whole = int(text, 16)
        return whole - (1 << 64) if whole >> 63 else whole
    return number(text.lstrip("+-"), text[0] == "-")


def number(text: str, negative: bool = False) -> int | float:
    """The value of a number, without a sign or behind a minus: beyond 64 bits, SQLite reads a REAL."""
    text = text.strip()
    digits = text.lstrip("0") or "0"
    if text.isdigit() and len(digits) < 20 and (whole := int(digits)) < (1 << 63) + negative:
        return -whole if negative else whole
    return -float(text) if negative else float(text)
