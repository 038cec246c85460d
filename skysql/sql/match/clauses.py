"""Where MATCH_RECOGNIZE stands in a statement, what its input is called, and which CTEs that can see.

    FROM <item> MATCH_RECOGNIZE (<clause>) [[AS] alias [(column, ...)]]

An item stands between a FROM, JOIN or comma and the word: a table, a call, a subquery, with an alias and names for its
columns if it has them. Found by tokens; recognise.py reads the clause itself.

The word is reserved nowhere else: a table, a CTE, a function and a type may be called so. An item has one clause, as in
the standard; the rows of a match are matched again in a subquery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...match.lexer import OPEN_PATTERN, TokenReader, count_of, is_open
from ...model.quoting import quote
from ...model.tokens import Token, TokenKind, closing, replace_tokens, tokenize

WORD = "match_recognize"


@dataclass(frozen=True, slots=True)
class Place:
    """The item is tokens first ... keyword-1; the clause's parenthesis closes at `close`.

    last: the token after what is to be replaced. names: the columns' new names in the output, if it has a list.
    joined: whether it is one of several items.
    """

    first: int
    keyword: int
    close: int
    last: int
    alias: str | None
    names: tuple[str, ...]
    joined: bool


def number_parameters(text: str) -> str:
    """The statement with each bare `?` as the ?N that SQLite takes it for, so that text can be moved about."""
    largest = 0
    named: set[str] = set()
    patterns = _pattern_ranges(tokenize(text))

    def numbered(token: Token) -> str | None:
        nonlocal largest
        if token.kind is not TokenKind.PARAMETER or any(start < token.start < end for start, end in patterns):
            return None
        if token.text == "?":
            largest += 1
            return f"?{largest}"
        if token.text[0] == "?":
            largest = max(largest, count_of(token, 1))
        elif token.text not in named:
            named.add(token.text)
            largest += 1
        return None

    return replace_tokens(text, numbered)


def _pattern_ranges(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Where PATTERN (...) stands in a MATCH_RECOGNIZE (...): there, ? is no parameter."""
    found = []
    for at in _keywords(tokens):
        close = closing(tokens, at + 1)
        for place in range(at + 2, close - 1):
            if tokens[place].word == "PATTERN" and tokens[place + 1].text == "(":
                end = min(closing(tokens, place + 1), len(tokens) - 1)
                found.append((tokens[place].start, tokens[end].end))
    return found


_NAMES_FOLLOW = frozenset(
    """SELECT DISTINCT ALL WHERE AND OR NOT ON BY HAVING WHEN THEN ELSE CASE IN IS LIKE GLOB MATCH REGEXP BETWEEN ESCAPE
    AS WITH RECURSIVE INTO TABLE VIEW EXISTS REFERENCES RETURNING SET VALUES LIMIT OFFSET USING PRAGMA TO UPDATE FROM
    JOIN FILTER DEFAULT""".split()
)
"""Words after which a name is that of a table, a column or a function."""

_BEGINS = frozenset("PARTITION ORDER MEASURES ONE ALL AFTER PATTERN INITIAL SEEK SUBSET DEFINE".split())


def _keywords(tokens: Sequence[Token]) -> Iterator[int]:
    """Where the word begins a clause: behind an item, or where FROM should have one before it."""
    for at in range(len(tokens) - 1):
        if tokens[at].word != WORD.upper() or tokens[at + 1].text != "(":
            continue
        inside = tokens[at + 2] if at + 2 < len(tokens) else tokens[at + 1]
        before = tokens[at - 1] if at else None
        if before is None or before.word in ("FROM", "JOIN"):
            is_clause = inside.word in _BEGINS
        elif before.is_name and before.word not in _NAMES_FOLLOW:
            is_clause = inside.kind is not TokenKind.NUMBER and inside.text not in "+-"  # a column's type: x t(3)
        else:
            is_clause = before.text == ")"
        if is_clause:
            yield at


def places(text: str, tokens: Sequence[Token]) -> list[Place]:
    """Where the clauses stand, from the left; those inside others are left out."""
    found = [_place(text, tokens, at) for at in _keywords(tokens)]
    return [p for p in found if not any(o.first < p.first and p.last <= o.last and o != p for o in found)]


def _place(text: str, tokens: Sequence[Token], keyword: int) -> Place:
    reader = TokenReader(text, tokens, keyword, len(tokens), "MATCH_RECOGNIZE")
    close = closing(tokens, keyword + 1)
    if close == len(tokens):
        patterns = (at + 1 for at in range(keyword, close - 1) if tokens[at].word == "PATTERN")
        pattern = next((at for at in patterns if is_open(tokens, at)), None)
        if pattern is not None:
            raise reader.error(OPEN_PATTERN, pattern)
        raise reader.error("expected ) at the end of the clause", keyword + 1)
    first, depth = keyword, 0
    clauses = set(_keywords(tokens))
    while first:
        before = tokens[first - 1]
        if depth == 0 and first < keyword and first in clauses:
            hint = "match again around it: FROM (SELECT * FROM ... MATCH_RECOGNIZE (...)) MATCH_RECOGNIZE"
            raise reader.error("expected one MATCH_RECOGNIZE for each item of FROM", keyword, hint)
        depth += (before.text == ")") - (before.text == "(")
        if depth < 0 or (depth == 0 and (before.text == "," or before.word in ("FROM", "JOIN"))):
            break
        first -= 1
    if first in (0, keyword):
        raise reader.error("expected a table before MATCH_RECOGNIZE", keyword, "it stands behind an item of FROM")
    alias, names, last = _alias(tokens, close + 1)
    following = tokens[last].word if last < len(tokens) else ""
    joined = tokens[first - 1].text != "(" and tokens[first - 1].word != "FROM"
    joined |= following in ("JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL")
    joined |= last < len(tokens) and tokens[last].text == ","
    return Place(first, keyword, close, last if names else close + 1, alias, names, joined)


_AFTER = frozenset(
    """JOIN LEFT RIGHT FULL INNER CROSS NATURAL ON USING WHERE GROUP HAVING WINDOW ORDER LIMIT UNION EXCEPT INTERSECT
    RETURNING ASOF""".split()
)
"""Words after a FROM item that are no alias."""


def _alias(tokens: Sequence[Token], at: int) -> tuple[str | None, tuple[str, ...], int]:
    """(alias, names of columns, the token after them) of an item that ends before `at`."""
    start = at
    if at < len(tokens) and tokens[at].word == "AS":
        at += 1
    if at >= len(tokens) or not tokens[at].is_name or (at == start and _goes_on(tokens, at)):
        return None, (), start
    alias = tokens[at].name
    names = _name_list(tokens, at + 1)
    return alias, names, closing(tokens, at + 1) + 1 if names else at + 1


def _goes_on(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word behind an item is no alias."""
    if tokens[at].word == WORD.upper():
        return tokens[at + 1 : at + 2] != [] and tokens[at + 1].text == "("
    return tokens[at].word in _AFTER


def _name_list(tokens: Sequence[Token], at: int) -> tuple[str, ...]:
    """The names in parentheses that begin at `at`; () if something else stands there."""
    if at >= len(tokens) or tokens[at].text != "(":
        return ()
    inside = tokens[at + 1 : closing(tokens, at)]
    wanted = [token.is_name if place % 2 == 0 else token.text == "," for place, token in enumerate(inside)]
    return tuple(token.name for token in inside[::2]) if wanted and all(wanted) and len(inside) % 2 else ()


@dataclass(frozen=True, slots=True)
class Item:
    """The input: text for FROM, and its alias or name, if it has one."""

    text: str
    alias: str | None


def item_of(text: str, tokens: Sequence[Token], first: int, last: int) -> Item:
    """The item that tokens first ... last-1 are."""
    own = tokens[first:last]
    base = _primary(own)
    alias, names, end = _alias(own, base)
    written = text[own[0].start : own[-1].end]
    if names and end == len(own):
        listed = ", ".join(map(quote, names))
        inner = text[own[0].start : own[base - 1].end]
        assert alias is not None
        renamed = f"(WITH {quote(alias)}({listed}) AS (SELECT * FROM {inner}) SELECT * FROM {quote(alias)})"
        return Item(f"{renamed} AS {quote(alias)}", alias)
    if alias is None and all(token.is_name or token.text == "." for token in own):
        alias = own[-1].name
    return Item(written, alias)


def _primary(own: Sequence[Token]) -> int:
    """The token after `name`, `database.name`, either called with arguments, or `(...)`."""
    at = 1
    if own[0].text == "(":
        return closing(own, 0) + 1
    if len(own) > 2 and own[1].text == ".":
        at = 3
    if at < len(own) and own[at].text == "(":
        at = closing(own, at) + 1
    return min(at, len(own))


# common table expressions


@dataclass(frozen=True, slots=True)
class _Common:
    name: str
    text: str
    words: frozenset[str]
    recursive: bool


def visible_ctes(text: str, tokens: Sequence[Token], at: int, used: Sequence[Token]) -> str:
    """WITH, and those of the CTEs which token `at` can see that these tokens, or other such CTEs, name; else ''."""
    visible: dict[str, _Common] = {}
    for opening in _enclosing(tokens, at):
        for common in _ctes(text, tokens, opening, at):
            visible[common.name] = common
    needed: dict[str, _Common] = {}
    waiting = _words(used)
    while waiting:
        name = waiting.pop()
        if name in visible and name not in needed:
            needed[name] = visible[name]
            waiting |= visible[name].words
    if not needed:
        return ""
    recursive = "RECURSIVE " * any(common.recursive for common in needed.values())
    return f"WITH {recursive}{', '.join(common.text for name, common in visible.items() if name in needed)} "


def _words(tokens: Sequence[Token]) -> set[str]:
    return {token.name.lower() for token in tokens if token.is_name}


def _enclosing(tokens: Sequence[Token], at: int) -> list[int]:
    """The parentheses that are open at a token, from the outside; -1 is the statement."""
    stack = [-1]
    for place in range(at):
        if tokens[place].text == "(":
            stack.append(place)
        elif tokens[place].text == ")" and len(stack) > 1:
            stack.pop()
    return stack


def _ctes(text: str, tokens: Sequence[Token], opening: int, at: int) -> Iterator[_Common]:
    """The CTEs of the WITH that begins the statement or the parenthesis, but for the one that holds the token `at`."""
    place = opening + 1
    if opening < 0:
        depth = 0
        while place < at and not (depth == 0 and tokens[place].word == "WITH"):
            depth += (tokens[place].text == "(") - (tokens[place].text == ")")
            place += 1
    if place >= at or tokens[place].word != "WITH":
        return
    place += 1
    recursive = tokens[place].word == "RECURSIVE"
    place += recursive
    while place < len(tokens) and tokens[place].is_name:
        first, name = place, tokens[place].name.lower()
        while place < len(tokens) and tokens[place].word != "AS":
            place += 1
        while place < len(tokens) and tokens[place].text != "(":
            place += 1
        last = closing(tokens, place)
        if last >= len(tokens):
            return
        if not first <= at <= last:
            body = text[tokens[first].start : tokens[last].end]
            yield _Common(name, body, frozenset(_words(tokens[place:last])), recursive)
        if last + 1 >= len(tokens) or tokens[last + 1].text != ",":
            return
        place = last + 2


def stored_kind(tokens: Sequence[Token]) -> str:
    """VIEW or TRIGGER for a statement that stores its text; '' for any other."""
    words = [token.word for token in tokens[:4]]
    if not words or words[0] != "CREATE":
        return ""
    rest = [word for word in words[1:] if word not in ("TEMP", "TEMPORARY")]
    return rest[0] if rest and rest[0] in ("VIEW", "TRIGGER") else ""
