"""A reader of tokens that says where the text of a clause goes wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import ProgrammingError
from ..model.tokens import Token, TokenKind, closing

MOST_ROWS = 10**18
"""More rows than any partition has; twice that fits 64 bits."""


def count_of(token: Token, after: int = 0) -> int:
    """The whole number that a token is from character `after` on; a number beyond all counts of rows is MOST_ROWS."""
    digits = token.text[after:].lstrip("0")
    return int(digits or "0") if len(digits) < len(str(MOST_ROWS)) else MOST_ROWS


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
