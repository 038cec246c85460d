"""The expressions of MEASURES and DEFINE: SQL around values that are looked up among the rows of a match.

    Row          SQL over one row of the input, or CLASSIFIER(): what a row has been mapped to
    Navigation   a Row at one row of the match: LAST(A.price, 2), PREV(FIRST(x)), or a bare column, which is its LAST
    Fold         an aggregate over the rows of the match that are mapped to a variable
    MatchNumber  which match of its partition this is
    Constant     a subquery, which does not depend on rows
    Expression   the text, cut where these stand

Which rows count: those of a variable, or of all for a plain column; with RUNNING, the default, up to the current row,
with FINAL all of the match. PREV and NEXT then go on from there within the partition, be it out of the match. In the
condition of a variable the current row is already mapped to it.

An aggregate may hold CLASSIFIER() and MATCH_NUMBER(), as in Trino, and be followed by FILTER, as everywhere in SQLite:
the columns of its WHERE belong to the same variable. A navigation may hold CLASSIFIER() beside other things:
LAST(lower(CLASSIFIER())) is computed around what is looked up, where there is such a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import NoReturn, TypeAlias

import apsw

from ..model.quoting import identifier
from ..model.tokens import Token, TokenKind, closing
from .lexer import TokenReader, count_of

LOGICAL = ("FIRST", "LAST")
PHYSICAL = ("PREV", "NEXT")
SIMPLE = frozenset({"count", "sum", "total", "avg", "min", "max"})
"""Aggregates that are computed here; others are SQLite's."""

_BARE_WORDS = frozenset({*apsw.keywords, "TRUE", "FALSE"})


@dataclass(frozen=True, slots=True)
class RowExpression:
    """An expression over one row. column: the name, if that is all it is.

    Instead it can be CLASSIFIER() or MATCH_NUMBER(). parts: of a text that holds CLASSIFIER() beside something else.
    """

    text: str
    column: str | None = None
    classifier: bool = False
    number: bool = False
    parts: tuple[str | RowExpression, ...] = ()

    @property
    def of_match(self) -> bool:
        """Whether the match says what it is, and not the row."""
        return self.classifier or self.number


@dataclass(frozen=True, slots=True)
class Navigation:
    """row at the (1 + offset)th row from the first or last of those mapped to the variable, moved by `shift` rows."""

    row: RowExpression
    variable: str | None = None  # None: all rows of the match
    first: bool = False
    offset: int = 0
    final: bool = False
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Fold:
    """An aggregate. call: its text, with the columns as Rows. argument: of a simple one, None for count(*)."""

    function: str
    call: tuple[str | RowExpression, ...]
    simple: bool
    argument: RowExpression | None = None
    variable: str | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class MatchNumber:
    """MATCH_NUMBER()."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A subquery, as it was written."""

    text: str


Leaf: TypeAlias = "Navigation | Fold | MatchNumber"
Piece: TypeAlias = "str | Navigation | Fold | MatchNumber | Constant"


@dataclass(frozen=True, slots=True)
class Expression:
    """text: as it was written. pieces: the same, cut."""

    text: str
    pieces: tuple[Piece, ...]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """What is looked up, each once."""
        found = [piece for piece in self.pieces if not isinstance(piece, str | Constant)]
        return tuple(dict.fromkeys(found))

    def render(self, leaf: Callable[[Leaf], str], constant: Callable[[str], str]) -> str:
        """The text with each leaf and each subquery written in some other way."""

        def shown(piece: Piece) -> str:
            if isinstance(piece, str):
                return piece
            return constant(piece.text) if isinstance(piece, Constant) else leaf(piece)

        return "".join(map(shown, self.pieces))


@dataclass(frozen=True, slots=True)
class ClauseNames:
    """What names mean in a clause. In lower case: the variables, and unions of them, as they are to be shown."""

    variables: Mapping[str, str]
    unions: Mapping[str, tuple[str, ...]]
    column: Callable[[str], str | None]  # the column of the input that a name means
    columns: tuple[str, ...]  # those to offer when there is none
    aggregates: frozenset[str]

    def variable(self, token: Token, reader: TokenReader, at: int) -> str:
        """The variable or union of that name."""
        found = self.variables.get(token.name.lower())
        if found is not None:
            return found
        if token.name.lower() in self.unions:
            return token.name.lower()
        names = [*self.variables.values(), *self.unions]
        raise reader.error(f"{token.text} is no variable of the pattern", at, f"there are {', '.join(names)}")


class ExpressionParser:
    """Reads one expression. `defined` is the variable whose condition it is; None for a measure."""

    def __init__(self, names: ClauseNames, reader: TokenReader, defined: str | None) -> None:
        self.names = names
        self.reader = reader
        self.tokens = reader.tokens
        self.defined = defined

    def parse(self) -> Expression:
        """All that the reader has."""
        first, last = self.reader.at, self.reader.last
        if first == last:
            raise self.reader.error("expected an expression")
        text = self.reader.text[self.tokens[first].start : self.tokens[last - 1].end]
        return Expression(text, tuple(self._pieces(first, last)))

    def _text(self, first: int, last: int) -> str:
        return self.reader.text[self.tokens[first].start : self.tokens[last - 1].end] if last > first else ""

    def _fail(self, message: str, at: int, hint: str | None = None) -> NoReturn:
        raise self.reader.error(message, at, hint)

    def _opens(self, at: int) -> bool:
        return at < self.reader.last and self.tokens[at].text == "("

    # the text around the leaves

    def _pieces(self, first: int, last: int) -> list[Piece]:
        pieces: list[Piece] = []
        at, copied = first, self.tokens[first].start
        while at < last:
            found = self._special(at)
            if found is not None:
                special, after = found
                pieces += [self.reader.text[copied : self.tokens[at].start], *special]
                copied = self.tokens[after - 1].end
                at = after
            else:
                at = self._skip(at, last)
        pieces.append(self.reader.text[copied : self.tokens[last - 1].end])
        return [piece for piece in pieces if piece != ""]

    def _special(self, at: int) -> tuple[Sequence[Piece], int] | None:
        """The leaf (or leaves, and the text between them) or subquery that begins here, and where it ends."""
        token = self.tokens[at]
        word = token.word
        if word in ("RUNNING", "FINAL") and at + 2 < self.reader.last and self._opens(at + 2):
            return self._semantics(at)
        if self._opens(at + 1) and token.is_name:
            if word in (*LOGICAL, *PHYSICAL, "CLASSIFIER", "MATCH_NUMBER") or self._is_aggregate(at):
                return self._call(at, final=False)
            if word != "EXISTS":
                return None
        if word == "EXISTS" or (token.text == "(" and self._is_query(at) and not self._in_list(at)):
            end = closing(self.tokens, at + (word == "EXISTS")) + 1
            return [Constant(self._text(at, end))], end
        found = self._column(at)
        if found is None:
            return None
        row, variable, end = found
        return [Navigation(row, variable)], end

    def _is_query(self, at: int) -> bool:
        return at + 1 < self.reader.last and self.tokens[at + 1].word in ("SELECT", "WITH", "VALUES")

    def _in_list(self, at: int) -> bool:
        return at > 0 and self.tokens[at - 1].word == "IN"

    def _skip(self, at: int, last: int) -> int:
        """Where to go on after a token that is only copied."""
        word = self.tokens[at].word
        if word == "OVER" and (self._opens(at + 1) or self.tokens[min(at + 1, last - 1)].is_name):
            self._fail("a window function cannot be inside MATCH_RECOGNIZE", at, "the variables say which rows count")
        if word == "COLLATE":
            return at + 2
        if word == "AS":  # CAST(x AS type)
            while at < last and self.tokens[at].text != ")":
                at += 1
            return at
        if self.tokens[at].text == "(" and self._is_query(at):
            return closing(self.tokens, at) + 1
        return at + 1

    def _column(self, at: int) -> tuple[RowExpression, str | None, int] | None:
        """(row, variable, end) of the column that is named here; None for a keyword, a function or no name at all."""
        token = self.tokens[at]
        if not token.is_name or self._opens(at + 1):
            return None
        following = self.reader.tokens[at + 1] if at + 1 < self.reader.last else None
        if following is not None and following.text == ".":
            variable = self.names.variable(token, self.reader, at)
            if at + 2 >= self.reader.last or not self.tokens[at + 2].is_name:
                self._fail("expected a column", at + 1, f"{token.text}.* is for count() only")
            return self._named(at + 2), variable, at + 3
        reserved = token.kind is TokenKind.WORD and identifier(token.text) != token.text
        if not reserved and self.names.column(token.name) is not None:
            return self._named(at), None, at + 1
        if token.word in _BARE_WORDS:
            return None
        self._named(at)
        return None

    def _named(self, at: int) -> RowExpression:
        token = self.tokens[at]
        column = self.names.column(token.name)
        if column is None:
            near = get_close_matches(token.name, self.names.columns, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.names.columns)}"
            self._fail(f"the input has no column {token.text}", at, hint)
        return RowExpression(identifier(column), column)

    # calls

    def _semantics(self, at: int) -> tuple[Sequence[Piece], int] | None:
        word, name = self.tokens[at].word, self.tokens[at + 1].word
        if name in LOGICAL or self._is_aggregate(at + 1):
            if word == "FINAL" and self.defined is not None:
                self._fail("FINAL cannot be in a condition: there is no match yet", at)
            return self._call(at + 1, final=word == "FINAL")
        if name in (*PHYSICAL, "CLASSIFIER", "MATCH_NUMBER"):
            hint = f"write {name}({word} LAST(...))" if name in PHYSICAL else None
            self._fail(f"{word} is for FIRST, LAST and aggregates, not for {name}", at, hint)
        return None

    def _is_aggregate(self, at: int) -> bool:
        name = self.tokens[at].name.lower()
        if name not in self.names.aggregates or not self.tokens[at].is_name:
            return False
        return name not in ("min", "max") or len(self._arguments(at)) == 1

    def _arguments(self, at: int) -> list[tuple[int, int]]:
        """The tokens of each argument of the call at `at`."""
        end = closing(self.tokens, at + 1)
        if end >= self.reader.last:
            self._fail("expected )", at + 1)
        found, depth, first = [], 0, at + 2
        for place in range(at + 2, end):
            text = self.tokens[place].text
            depth += (text == "(") - (text == ")")
            if text == "," and depth == 0:
                found.append((first, place))
                first = place + 1
        if found or first < end:
            found.append((first, end))
        for low, high in found:
            if low == high:
                self._fail("expected an argument", low)
        return found

    def _call(self, at: int, final: bool) -> tuple[Sequence[Piece], int]:
        end = closing(self.tokens, at + 1) + 1
        match self.tokens[at].word:
            case "CLASSIFIER":
                return [Navigation(*self._classifier(at))], end
            case "MATCH_NUMBER":
                self._match_number(at)
                return [MatchNumber()], end
            case "FIRST" | "LAST":
                return self._around(self._logical(at, final)), end
            case "PREV" | "NEXT":
                return self._around(self._physical(at)), end
        fold, end = self._fold(at, final)
        return [fold], end

    @staticmethod
    def _around(navigation: Navigation) -> Sequence[Piece]:
        """A navigation; if its row holds CLASSIFIER() beside other things, as several. NULL without a row."""
        if not navigation.row.parts:
            return [navigation]
        there = replace(navigation, row=RowExpression("1"))
        parts = [part if isinstance(part, str) else replace(navigation, row=part) for part in navigation.row.parts]
        return ["(CASE WHEN ", there, " THEN ", *parts, " END)"]

    def _match_number(self, at: int) -> RowExpression:
        if self._arguments(at):
            self._fail("MATCH_NUMBER takes no argument", at)
        return RowExpression("MATCH_NUMBER()", number=True)

    def _classifier(self, at: int) -> tuple[RowExpression, str | None]:
        arguments = self._arguments(at)
        if not arguments:
            return RowExpression("CLASSIFIER()", classifier=True), None
        ((first, last), *more) = arguments
        if more or last - first != 1 or not self.tokens[first].is_name:
            self._fail("CLASSIFIER takes one variable or nothing", at)
        variable = self.names.variable(self.tokens[first], self.reader, first)
        return RowExpression("CLASSIFIER()", classifier=True), variable

    def _logical(self, at: int, final: bool) -> Navigation:
        name = self.tokens[at].word
        arguments = self._arguments(at)
        row, variable = self._row(name, at, arguments)
        return Navigation(row, variable, name == "FIRST", self._offset(name, arguments, 0), final)

    def _physical(self, at: int) -> Navigation:
        name = self.tokens[at].word
        arguments = self._arguments(at)
        offset = self._offset(name, arguments, 1)
        if not arguments:
            self._fail(f"{name} needs an argument", at)
        first, last = arguments[0]
        semantics = self.tokens[first].word if self.tokens[first].word in ("RUNNING", "FINAL") else ""
        inner = first + bool(semantics)
        if self.tokens[inner].word in LOGICAL and self._opens(inner + 1):
            if closing(self.tokens, inner + 1) != last - 1:
                self._fail(f"{self.tokens[inner].word} has to be all of the argument of {name}", inner)
            if semantics == "FINAL" and self.defined is not None:
                self._fail("FINAL cannot be in a condition: there is no match yet", first)
            base = self._logical(inner, semantics == "FINAL")
        else:
            base = Navigation(*self._row(name, at, arguments))
        return replace(base, shift=-offset if name == "PREV" else offset)

    def _offset(self, name: str, arguments: list[tuple[int, int]], default: int) -> int:
        if len(arguments) < 2:
            return default
        first, last = arguments[1]
        if len(arguments) > 2:
            self._fail(f"{name} takes an expression and a number of rows", arguments[2][0])
        token = self.tokens[first]
        if last - first != 1 or token.kind is not TokenKind.NUMBER or not token.text.isdigit():
            self._fail(f"the number of rows of {name} has to be a whole number that is written out", first)
        return count_of(token)

    # expressions over one row

    def _row(self, name: str, at: int, arguments: list[tuple[int, int]]) -> tuple[RowExpression, str | None]:
        """The first argument of a navigation, and the variable that its columns have in common."""
        if not arguments:
            self._fail(f"{name} needs an argument", at)
        first, last = arguments[0]
        if self.tokens[first].word == "CLASSIFIER" and self._opens(first + 1):
            if closing(self.tokens, first + 1) == last - 1:
                return self._classifier(first)
        pieces, found = self._over_row(first, last, name)
        if not found:
            self._fail(f"{name} needs a column", at, "it looks up a value of another row")
        if len(found) > 1:
            self._fail(f"the columns inside {name} belong to different variables", first)
        classified = any(isinstance(piece, RowExpression) and piece.classifier for piece in pieces)
        return _whole(pieces, tuple(pieces) if classified else ()), next(iter(found))

    def _over_row(self, first: int, last: int, name: str) -> tuple[list[str | RowExpression], set[str | None]]:
        """(the text cut at its columns, the variables that these have) of what is inside a call."""
        pieces: list[str | RowExpression] = []
        found: set[str | None] = set()
        at, copied = first, self.tokens[first].start if first < last else 0
        while at < last:
            self._check_nesting(at, name)
            column = self._of_match(at) or self._column(at)
            if column is None:
                at = self._skip(at, last)
                continue
            row, variable, after = column
            pieces += [self.reader.text[copied : self.tokens[at].start], row]
            copied = self.tokens[after - 1].end
            found |= set() if row.number else {variable}
            at = after
        if first < last:
            pieces.append(self.reader.text[copied : self.tokens[last - 1].end])
        return [piece for piece in pieces if piece != ""], found

    def _of_match(self, at: int) -> tuple[RowExpression, str | None, int] | None:
        word = self.tokens[at].word
        if word not in ("CLASSIFIER", "MATCH_NUMBER") or not self._opens(at + 1):
            return None
        row, variable = self._classifier(at) if word == "CLASSIFIER" else (self._match_number(at), None)
        return row, variable, closing(self.tokens, at + 1) + 1

    def _check_nesting(self, at: int, name: str) -> None:
        word = self.tokens[at].word
        if not self._opens(at + 1):
            return
        if word in PHYSICAL:
            hint = f"write {word}({name}(...))" if name in LOGICAL else None
            self._fail(f"{word} cannot be inside {name}", at, hint)
        if word in LOGICAL:
            hint = f"it has to be all of the argument of {name}" if name in PHYSICAL else None
            self._fail(f"{word} cannot be inside {name}", at, hint)
        if (word == "MATCH_NUMBER" and name.upper() in (*LOGICAL, *PHYSICAL)) or self._is_aggregate(at):
            self._fail(f"{self.tokens[at].text} cannot be inside {name}", at)

    # aggregates

    def _fold(self, at: int, final: bool) -> tuple[Fold, int]:
        """(the aggregate, where it ends)."""
        name, end = self.tokens[at].text, closing(self.tokens, at + 1)
        function, starred = self.tokens[at].name.lower(), self._is_star(at, end)
        pieces, found = self._star(at, end) if starred else self._over_row(at + 2, end, name)
        kept, also, after = self._filter(end, name)
        if len(found | also) > 1:
            self._fail(f"the columns inside {name} belong to different variables", at)
        variable = next(iter(found | also), None)
        call = (f"{name}(", *pieces, ")", *kept)
        inner = [token.word for token in self.tokens[at + 2 : end]]
        of_match = any(isinstance(piece, RowExpression) and piece.of_match for piece in pieces)
        if function not in SIMPLE or kept or of_match or inner[:1] == ["DISTINCT"] or "ORDER" in inner:
            return Fold(function, call, False, None, variable, final), after
        return Fold(function, call, True, None if starred else _whole(pieces), variable, final), after

    def _star(self, at: int, end: int) -> tuple[list[str | RowExpression], set[str | None]]:
        """Of count(), count(*) or count(A.*)."""
        if self.tokens[at].name.lower() != "count":
            self._fail(f"{self.tokens[at].text} needs an argument", at)
        qualified = end - at > 3
        return ["*"], {self.names.variable(self.tokens[at + 2], self.reader, at + 2)} if qualified else set()

    def _is_star(self, at: int, end: int) -> bool:
        """Whether the arguments of a call are (), (*) or (A.*)."""
        texts = [token.text for token in self.tokens[at + 2 : end]]
        return texts[-1:] in ([], ["*"]) and texts[:-1] in ([], [*texts[:1], "."])

    def _filter(self, end: int, name: str) -> tuple[list[str | RowExpression], set[str | None], int]:
        """(the text cut at its columns, their variables, where it ends) of FILTER behind a call closed at `end`."""
        if end + 2 >= self.reader.last or self.tokens[end + 1].word != "FILTER" or not self._opens(end + 2):
            return [], set(), end + 1
        close = closing(self.tokens, end + 2)
        if close >= self.reader.last or self.tokens[end + 3].word != "WHERE" or close == end + 4:
            self._fail("expected (WHERE ...) after FILTER", end + 1)
        pieces, found = self._over_row(end + 4, close, name)
        return [" FILTER (WHERE ", *pieces, ")"], found, close + 1


def _whole(pieces: Sequence[str | RowExpression], parts: tuple[str | RowExpression, ...] = ()) -> RowExpression:
    """The pieces as one expression."""
    if len(pieces) == 1 and isinstance(pieces[0], RowExpression):
        return pieces[0]
    return RowExpression("".join(piece if isinstance(piece, str) else piece.text for piece in pieces), parts=parts)
