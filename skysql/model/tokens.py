"""SQLite's lexical grammar, for code that reads SQL text without parsing it.

Row patterns have symbols of their own (`A+? {- B -} ^ $`), which SQL tokenizers would join or refuse. So here each is a
single character, and the reader of a pattern says what `?` and `$` mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from .quoting import unquote

_BEGINS = r"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f]"  # a letter, _, or what is not ASCII
_GOES_ON = r"[^\x00-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"  # also a digit or $
WORD = rf"{_BEGINS}{_GOES_ON}*"
"""A keyword or a name without quotes. Said by what it has not, as re takes 10 ms to compile what is not ASCII."""

_COMMENT = r"--[^\n]* | /\*.*?(?:\*/|\Z)"

_TOKEN = re.compile(
    rf"""(?P<BLANK> (?: [ \t\n\f\r] | {_COMMENT} )+ )
      | (?P<STRING> [xX]?'(?:[^']|'')*' )
      | (?P<QUOTED> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
      | (?P<NUMBER> 0[xX][0-9a-fA-F_]+ | (?: [0-9][0-9_]*(?:\.[0-9_]*)? | \.[0-9][0-9_]* )(?:[eE][+-]?[0-9]+)? )
      | (?P<PARAMETER> \?[0-9]* | [:@]{_GOES_ON}+ | \$\w[\w$]*(?:::\w+)* )
      | (?P<WORD> {WORD} )
      | (?P<SYMBOL> ->>? | \|\| | << | >> | <= | >= | <> | == | != | . )""",
    re.VERBOSE | re.DOTALL,
)

_TO_SEMICOLON = re.compile(
    rf"""(?: [^;'"`\[/-] | '[^']*'? | "[^"]*"? | `[^`]*`? | \[[^\]]*\]? | {_COMMENT} | [/-] )*+ ;""",
    re.VERBOSE | re.DOTALL,
)
"""The same grammar at the speed of one match: a script may have megabytes. What is open at its end ends there."""

_BLANK = re.compile(rf"(?: \s | ; | {_COMMENT} )*+", re.VERBOSE | re.DOTALL)

_LETTER = re.compile(rf"""{_GOES_ON}|[?'"`\[\]]""")
"""What can be part of a token of several characters."""


class TokenKind(Enum):
    """What a token is."""

    STRING = auto()
    QUOTED = auto()
    NUMBER = auto()
    PARAMETER = auto()
    WORD = auto()
    SYMBOL = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """The characters start ... end-1 of a statement."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A word in capitals; '' for anything else."""
        return self.text.upper() if self.kind is TokenKind.WORD else ""

    @property
    def is_name(self) -> bool:
        """Whether it can be an identifier."""
        return self.kind in (TokenKind.WORD, TokenKind.QUOTED)

    @property
    def name(self) -> str:
        """The identifier without its quotes."""
        return unquote(self.text) if self.kind is TokenKind.QUOTED else self.text


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens of a statement, without blanks and comments, as they are asked for."""
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or ""
        if kind != "BLANK":
            yield Token(TokenKind[kind], match[0], match.start(), match.end())


def tokenize(text: str) -> list[Token]:
    """All tokens of a statement."""
    return list(tokens(text))


def names_in(text: str) -> set[str]:
    """All that may be a name in a statement, in lower case and without quotes; also texts, and the words in them."""
    names = set()
    for token in tokens(text):
        names.add(token.name.lower())
        if token.kind is TokenKind.STRING and token.text[0] == "'":
            inside = token.text[1:-1].replace("''", "'")
            names |= {inside.lower()} | names_in(inside)
    return names


def joined_types(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with a word and the numbers in parentheses behind it as one word: DECIMAL(10,2)."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        end = _end_of_numbers(tokens, at + 1) if tokens[at].kind is TokenKind.WORD else at
        if end > at + 1:
            text = "".join(token.text for token in tokens[at:end])
            found.append(Token(TokenKind.WORD, text, tokens[at].start, tokens[end - 1].end))
        else:
            found.append(tokens[at])
        at = max(end, at + 1)
    return found


def _end_of_numbers(tokens: Sequence[Token], at: int) -> int:
    """Behind `(10, 2)`, if that stands there; else where it was asked for."""
    texts = [token.text for token in tokens[at : at + 5]]
    for form in (["(", "n", ",", "n", ")"], ["(", "n", ")"]):
        if ["n" if text.isdecimal() else text for text in texts[: len(form)]] == form:
            return at + len(form)
    return at


def replace_tokens(text: str, replacement: Callable[[Token], str | None]) -> str:
    """The text with some of its tokens replaced; None leaves one as it is."""
    pieces, at = [], 0
    for token in tokens(text):
        new = replacement(token)
        if new is not None:
            pieces += [text[at : token.start], new]
            at = token.end
    return join([*pieces, text[at:]])


def join(pieces: Iterable[str]) -> str:
    """The pieces as one text, with a space wherever two would become one token: `m(1)` and `where`, `?` and `and`."""
    joined: list[str] = []
    last = ""
    for piece in pieces:
        if last and piece and _LETTER.fullmatch(last) and _LETTER.fullmatch(piece[0]):
            joined.append(" ")
        joined.append(piece)
        last = piece[-1:] or last
    return "".join(joined)


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The place of the parenthesis that closes the one at `opening`; len(tokens) if there is none."""
    depth = 0
    for at in range(opening, len(tokens)):
        if tokens[at].kind is TokenKind.SYMBOL:
            depth += (tokens[at].text == "(") - (tokens[at].text == ")")
            if depth == 0:
                return at
    return len(tokens)


def module_of(sql: str | None) -> str:
    """The module of a CREATE VIRTUAL TABLE, in lower case: `sky`, `sky_objects`; '' of any other text."""
    if sql is None or sql[:6].upper() != "CREATE":
        return ""
    words: list[str] = []
    for token in tokens(sql):
        words.append(token.word)
        if len(words) <= 3:
            if not ["CREATE", "VIRTUAL", "TABLE"][: len(words)] == words:
                return ""
        elif words[-2] == "USING" and len(words) > 5:
            return token.name.lower()
        elif token.text == "(":
            return ""
    return ""


def to_semicolon(script: str, start: int) -> int:
    """The end of the next semicolon that is one; -1 if there is none."""
    match = _TO_SEMICOLON.match(script, start)
    return match.end() if match else -1


def after_blank(script: str, start: int = 0) -> int:
    """Where something else than blanks, comments and semicolons comes next."""
    match = _BLANK.match(script, start)
    return match.end() if match else start
