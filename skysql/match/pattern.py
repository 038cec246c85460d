"""Row patterns: the tree, its parser, and how it prints.

    pattern      := term ('|' term)*
    term         := factor+
    factor       := primary [quantifier]
    primary      := variable | '(' [pattern] ')' | '^' | '$' | '{-' pattern '-}' | PERMUTE '(' pattern, ... ')'
    quantifier   := ('*' | '+' | '?' | '{n}' | '{n,}' | '{n,m}' | '{,m}' | '{,}') ['?']    the last ? makes it reluctant

`{,}` is `*`. As the standard's grammar has it, an anchor may be repeated and an exclusion may be inside another, which
changes nothing. A `$` at either end of a word is an anchor: `$A` and `A$` are two factors each.

A pattern stands for a list of sequences of variables, the preferred one first: of an alternation what its left side
stands for, then the right; of a greedy quantifier more repetitions before fewer, of a reluctant one fewer before more.
Once there are as many repetitions as the minimum, an empty one is the last, so that nothing repeats for ever: of
`(A?){2,3}` that are AAA, AA-, A-, -AA, -A-, -- (with - for an empty one), but neither A-A nor --A. The match at a row
is the first of the list that the rows satisfy; not the longest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import NotSupportedError
from ..model.tokens import WORD, TokenKind
from .lexer import TokenReader, count_of

MOST_PERMUTED = 8
"""PERMUTE of n stands for n! orders, which share 2^n states if each item is rigid."""

_ANCHORED = re.compile(rf"\${WORD}")
"""An anchor and a variable, which may have another behind it."""

_PRIMARY = 'a variable, "(", "{-", PERMUTE, ^ or $'


@dataclass(frozen=True, slots=True)
class Variable:
    """A row that may be mapped to the variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Concatenation:
    """One after the other; none of them for the empty pattern."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """One of them, the left one preferred."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Permutation:
    """All of them in some order; orders are preferred as they come when their places are sorted like words."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quantified:
    """The item `low` to `high` times; high None is without end."""

    item: Node
    low: int
    high: int | None
    reluctant: bool = False


@dataclass(frozen=True, slots=True)
class Excluded:
    """Matched, but not among the rows that ALL ROWS PER MATCH shows."""

    item: Node


@dataclass(frozen=True, slots=True)
class Anchor:
    """Before the first row of the partition, or after its last."""

    start: bool


Node: TypeAlias = "Variable | Concatenation | Alternation | Permutation | Quantified | Excluded | Anchor"

EMPTY = Concatenation(())


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case Concatenation(items) | Alternation(items) | Permutation(items):
            return items
        case Quantified(item) | Excluded(item):
            return (item,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from the left."""
    yield node
    for child in children(node):
        yield from walk(child)


def variables(node: Node) -> list[str]:
    """The names of the variables, in order of appearance."""
    return list(dict.fromkeys(found.name for found in walk(node) if isinstance(found, Variable)))


def nullable(node: Node) -> bool:
    """Whether it can match without consuming a row."""
    match node:
        case Variable():
            return False
        case Concatenation(items) | Permutation(items):
            return all(map(nullable, items))
        case Alternation(items):
            return any(map(nullable, items))
        case Quantified(item, low):
            return low == 0 or nullable(item)
        case Excluded(item):
            return nullable(item)
        case Anchor():
            return True


def rigid(node: Node) -> bool:
    """Whether it stands for one sequence of variables only."""
    match node:
        case Variable() | Anchor():
            return True
        case Concatenation(items):
            return all(map(rigid, items))
        case Quantified(item, low, high):
            return low == high and rigid(item)
        case Excluded(item):
            return rigid(item)
    return False


def show(node: Node, inner: bool = False) -> str:
    """The pattern as SQL; `inner` if something stands beside it."""
    match node:
        case Variable(name):
            return name if re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
        case Concatenation(()):
            return "()"
        case Concatenation(items):
            text = " ".join(show(item, True) for item in items)
        case Alternation(items):
            text = " | ".join(map(show, items))
        case Permutation(items):
            return f"PERMUTE({', '.join(map(show, items))})"
        case Quantified(item, low, high, reluctant):
            simple = isinstance(item, Variable | Permutation | Excluded) or item == EMPTY
            return (show(item) if simple else f"({show(item)})") + _quantifier(low, high) + "?" * reluctant
        case Excluded(item):
            return f"{{- {show(item)} -}}"
        case Anchor(start):
            return "^" if start else "$"
    return f"({text})" if inner else text


def _quantifier(low: int, high: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
    if short is not None:
        return short
    return f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"


class PatternParser:
    """Reads a pattern. Names are compared without regard to case; unquoted ones are kept in capitals."""

    def __init__(self, reader: TokenReader) -> None:
        self.reader = reader
        self.names: dict[str, str] = {}  # in lower case -> as the first place has it

    def parse(self) -> Node:
        """All that the reader has."""
        if self.reader.ended:
            raise self.reader.error(f"expected {_PRIMARY}", hint="the empty pattern is ()")
        try:
            node = self._pattern()
        except RecursionError:
            raise NotSupportedError("the pattern's parentheses are nested too deeply") from None
        if not self.reader.ended:
            raise self.reader.error(f"expected {_PRIMARY}, | or the end")
        return node

    def _pattern(self) -> Node:
        terms = [self._term()]
        while self.reader.accept("|"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Alternation(tuple(terms))

    def _term(self) -> Node:
        factors: list[Node] = []
        while not self.reader.ended and self.reader.words(1)[0] not in ("|", ")", ",", "-"):
            factors += self._factor()
        if not factors:
            raise self.reader.error(f"expected {_PRIMARY}", hint="the empty pattern is ()")
        return factors[0] if len(factors) == 1 else Concatenation(tuple(factors))

    def _factor(self) -> list[Node]:
        """The node that comes next; an anchor and a variable where both are one word."""
        at = self.reader.at
        *before, node = self._primaries()
        quantifier = self._quantifier()
        if quantifier is None:
            return [*before, node]
        low, high, reluctant = quantifier
        if reluctant and node == EMPTY and self.reader.tokens[at + 1].text == ")":
            raise self.reader.error("the empty pattern cannot be reluctant", at, "there is nothing to repeat")
        if self._quantifier() is not None:
            raise self.reader.error("a quantifier cannot be repeated", self.reader.at - 1, "put parentheses in between")
        return [*before, Quantified(node, low, high, reluctant)]

    def _primaries(self) -> list[Node]:
        reader = self.reader
        if reader.accept("("):
            if reader.accept(")"):
                return [EMPTY]
            node = self._pattern()
            reader.expect(")")
            return [node]
        if reader.accept("{", "-"):
            node = self._pattern()
            reader.expect("-", "}")
            return [Excluded(node)]
        if reader.accept("^"):
            return [Anchor(True)]
        if reader.accept("$"):
            return [Anchor(False)]
        if reader.words(2) == ("PERMUTE", "("):
            return [self._permutation()]
        return self._word()

    def _word(self) -> list[Node]:
        """A variable; to SQLite `$A` is a parameter and `A$` is one word."""
        reader, end = self.reader, Anchor(False)
        token = reader.peek()
        if token is not None and _ANCHORED.fullmatch(token.text):
            reader.at += 1
        else:
            token = reader.name(_PRIMARY)
        if token.kind is TokenKind.QUOTED:
            return [Variable(self._variable(token.name, token.name))]
        name = token.text.strip("$")
        before, after = token.text.startswith("$"), token.text.endswith("$")
        return [*[end] * before, Variable(self._variable(name, name.upper())), *[end] * after]

    def _permutation(self) -> Node:
        reader, at = self.reader, self.reader.at
        reader.expect("PERMUTE", "(")
        items = [self._pattern()]
        while reader.accept(","):
            items.append(self._pattern())
        reader.expect(")")
        if len(items) > MOST_PERMUTED:
            raise reader.error(f"PERMUTE takes at most {MOST_PERMUTED} patterns, not {len(items)},", at)
        return items[0] if len(items) == 1 else Permutation(tuple(items))

    def _variable(self, name: str, shown: str) -> str:
        return self.names.setdefault(name.lower(), shown)

    def _quantifier(self) -> tuple[int, int | None, bool] | None:
        """(low, high, reluctant) of the quantifier that comes next, if one does."""
        reader = self.reader
        mark = _mark(reader)
        if mark in ("*", "+", "?"):
            reader.at += 1
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[mark]
        elif mark == "{" and reader.words(2) != ("{", "-"):
            low, high = self._range()
        else:
            return None
        reluctant = _mark(reader) == "?"
        reader.at += reluctant
        return low, high, reluctant

    def _range(self) -> tuple[int, int | None]:
        reader, at = self.reader, self.reader.at
        reader.expect("{")
        low = self._count()
        high: int | None = low
        if reader.accept(","):
            high = self._count()
        elif low is None:
            raise reader.error("expected a number of repetitions")
        reader.expect("}")
        if high is not None and high < max(low or 0, 1):
            what = "at least 1" if high == 0 else f"no less than {low}"
            raise reader.error(f"the most repetitions have to be {what}, not {high}", at)
        return low or 0, high

    def _count(self) -> int | None:
        token = self.reader.peek()
        if token is None or token.kind is not TokenKind.NUMBER:
            return None
        if not token.text.isdigit():
            raise self.reader.error("expected a whole number of repetitions")
        self.reader.at += 1
        return count_of(token)


def _mark(reader: TokenReader) -> str:
    """The next token, if it is a symbol or a question mark."""
    token = reader.peek()
    return token.text if token is not None and token.kind in (TokenKind.SYMBOL, TokenKind.PARAMETER) else ""
