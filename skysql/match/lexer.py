"""SQLite's lexical grammar, and a reader of tokens that says where a text goes wrong.

Row patterns have symbols of their own (`A+? {- B -} ^ $`), which no SQL tokenizer leaves alone; so here they are single
characters, and `?` and `$` are what the reader of a pattern makes of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ..errors import ProgrammingError

_TOKEN = re.compile(
    r"""(?P<BLANK> (?: [ \t\n\f\r] | --[^\n]* | /\*.*?(?:\*/|\Z) )+ )
      | (?P<STRING> [xX]?'(?:[^']|'')*' )
      | (?P<QUOTED> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
      | (?P<NUMBER> 0[xX][0-9a-fA-F_]+ | (?: [0-9][0-9_]*(?:\.[0-9_]*)? | \.[0-9][0-9_]* )(?:[eE][+-]?[0-9]+)? )
      | (?P<PARAMETER> \?[0-9]* | [:@][\w$\x80-\U0010ffff]+ | \$\w[\w$]*(?:::\w+)* )
      | (?P<WORD> [A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]* )
      | (?P<SYMBOL> ->>? | \|\| | << | >> | <= | >= | <> | == | != | . )""",
    re.VERBOSE | re.DOTALL,
)


_LETTER = re.compile(r"""[\w$?'"`\[\]\x80-\U0010ffff]""")
"""What can be part of a token of several characters."""


MOST_ROWS = 10**18
"""More rows than any partition has; twice that fits 64 bits."""


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
        if self.kind is not TokenKind.QUOTED:
            return self.text
        quote = self.text[-1]
        return self.text[1:-1] if quote == "]" else self.text[1:-1].replace(quote * 2, quote)


def count_of(token: Token, after: int = 0) -> int:
    """The whole number that a token is from character `after` on; a number beyond all counts of rows is MOST_ROWS."""
    digits = token.text[after:].lstrip("0")
    return int(digits or "0") if len(digits) < len(str(MOST_ROWS)) else MOST_ROWS


def tokenize(text: str) -> list[Token]:
    """The tokens of a statement, without blanks and comments."""
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "BLANK":
            tokens.append(Token(TokenKind[kind], match[0], match.start(), match.end()))
    return tokens


def names_in(text: str) -> set[str]:
    """All that may be a name in a statement, in lower case and without quotes; also texts, and the words in them."""
    names = set()
    for token in tokenize(text):
        names.add(token.name.lower())
        if token.kind is TokenKind.STRING and token.text[0] == "'":
            inside = token.text[1:-1].replace("''", "'")
            names |= {inside.lower()} | names_in(inside)
    return names


def replace_tokens(text: str, replacement: Callable[[Token], str | None]) -> str:
    """The text with some of its tokens replaced; None leaves one as it is."""
    pieces, at = [], 0
    for token in tokenize(text):
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


OPEN_PATTERN = "expected ) at the end of PATTERN"


def is_open(tokens: Sequence[Token], pattern: int) -> bool:
    """Whether the parenthesis of a PATTERN that cannot be read lacks its end: a DEFINE stands in it."""
    inside = tokens[pattern : closing(tokens, pattern)]
    words = [token.word for token in inside]
    return any(words[at] == "DEFINE" and words[at + 2] == "AS" for at in range(len(words) - 2))


class TokenReader:
    """Reads the tokens first ... last-1 of a statement from the left."""

    def __init__(self, text: str, tokens: Sequence[Token], first: int, last: int, what: str) -> None:
        self.text = text
        self.tokens = tokens
        self.at = first
        self.last = last
        self.what = what  # the part of the clause that is read, for errors

    def part(self, first: int, last: int) -> TokenReader:
        """A reader of some of the tokens."""
        return TokenReader(self.text, self.tokens, first, last, self.what)

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= self.last

    def peek(self, ahead: int = 0) -> Token | None:
        """The token that comes next, or after that."""
        at = self.at + ahead
        return self.tokens[at] if at < self.last else None

    def words(self, count: int) -> tuple[str, ...]:
        """The next tokens as words in capitals, or as symbols."""
        found = [self.peek(ahead) for ahead in range(count)]
        return tuple("" if t is None else t.word or (t.text if t.kind is TokenKind.SYMBOL else "") for t in found)

    def take(self, expected: str) -> Token:
        """The next token, whatever it is."""
        token = self.peek()
        if token is None:
            raise self.error(f"expected {expected}")
        self.at += 1
        return token

    def accept(self, *words: str) -> bool:
        """Read these words or symbols, if they are what comes next."""
        if self.words(len(words)) != words:
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words or symbols."""
        for word in words:
            if not self.accept(word):
                raise self.error(f"expected {word}")

    def name(self, expected: str) -> Token:
        """Read an identifier."""
        token = self.peek()
        if token is None or not token.is_name:
            raise self.error(f"expected {expected}")
        self.at += 1
        return token

    def error(self, message: str, at: int | None = None, hint: str | None = None) -> ProgrammingError:
        """The error: what is wrong, and the text around the token, which stands between >>> and <<<."""
        place = min(self.at if at is None else at, self.last)
        token = self.tokens[place] if place < len(self.tokens) else None
        start, end = (token.start, token.end) if token is not None else (len(self.text), len(self.text))
        found = "" if at is not None else f", found {token.text if token is not None else 'the end'}"
        line = self.text.count("\n", 0, start) + 1
        column = start - (self.text.rfind("\n", 0, start) + 1) + 1
        before = _one_line(self.text[max(0, start - 40) : start])
        after = _one_line(self.text[end : end + 20])
        shown = f"{before}>>>{self.text[start:end]}<<<{after}".strip()
        return ProgrammingError(f"{message}{found} in {self.what} (line {line}, column {column}): {shown}", hint)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)
