"""The clause between the parentheses of MATCH_RECOGNIZE, parsed and checked.

    [PARTITION BY column, ...] [ORDER BY expression [ASC | DESC] [NULLS FIRST | LAST], ...] [MEASURES expression AS name, ...]
    [ONE ROW PER MATCH | ALL ROWS PER MATCH [SHOW EMPTY MATCHES | OMIT EMPTY MATCHES | WITH UNMATCHED ROWS]]
    [AFTER MATCH SKIP PAST LAST ROW | TO NEXT ROW | TO [FIRST | LAST] variable]
    PATTERN (...) [WITHIN INTERVAL 'duration' [unit]] [SUBSET union = (variable, ...), ...]
    [DEFINE variable AS condition, ...]

in this order. WITHIN, expressions in PARTITION BY, and leaving DEFINE out are extensions of the standard.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from ..errors import DataError, ProgrammingError
from ..lazily import cached_property
from ..model import timestamps
from ..model.quoting import identifier
from ..model.tokens import Token, TokenKind, closing
from .expressions import ClauseNames, Expression, ExpressionParser
from .lexer import OPEN_PATTERN, TokenReader, is_open
from .pattern import Excluded, Node, PatternParser, variables, walk


class RowsPerMatch(Enum):
    """What a match becomes; the text is SQL."""

    ONE = "ONE ROW PER MATCH"
    SHOW_EMPTY = "ALL ROWS PER MATCH"
    OMIT_EMPTY = "ALL ROWS PER MATCH OMIT EMPTY MATCHES"
    UNMATCHED = "ALL ROWS PER MATCH WITH UNMATCHED ROWS"


class Target(Enum):
    """Where the search goes on after a match; the text is SQL."""

    PAST_LAST = "PAST LAST ROW"
    NEXT = "TO NEXT ROW"
    FIRST = "TO FIRST"
    LAST = "TO LAST"


@dataclass(frozen=True, slots=True)
class Skip:
    """AFTER MATCH SKIP; variable for FIRST and LAST."""

    target: Target = Target.PAST_LAST
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A term of PARTITION BY or ORDER BY. column: its name, if that is all it is. tail: ASC, DESC, NULLS ..."""

    text: str
    column: str | None
    tail: str = ""

    @property
    def descending(self) -> bool:
        """Whether it sorts downwards."""
        return self.tail.upper().startswith("DESC")


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the output."""

    name: str
    expression: Expression


@dataclass(frozen=True)
class Clause:
    """The whole clause. unions: SUBSET, by name in lower case. within: microseconds."""

    partition: tuple[Key, ...]
    order: tuple[Key, ...]
    measures: tuple[Measure, ...]
    rows: RowsPerMatch
    skip: Skip
    pattern: Node
    within: int | None
    unions: tuple[tuple[str, tuple[str, ...]], ...]
    conditions: tuple[tuple[str, Expression], ...]

    @cached_property
    def variables(self) -> list[str]:
        """The variables of the pattern, in order of appearance."""
        return variables(self.pattern)

    @cached_property
    def _every(self) -> frozenset[str]:
        return frozenset(self.variables)

    def members(self, variable: str | None) -> frozenset[str]:
        """The variables that a variable, a union, or None for all rows, stands for."""
        if variable is None:
            return self._every
        return frozenset(dict(self.unions).get(variable, (variable,)))


Columns = Callable[[str], "str | None"]


class ClauseParser:
    """Reads the tokens between the parentheses."""

    def __init__(
        self,
        reader: TokenReader,
        column: Columns,
        columns: tuple[str, ...],
        aggregates: frozenset[str],
        alias: str | None,
    ) -> None:
        self.reader = reader
        self.alias = alias  # the input's name, which may qualify the columns of PARTITION BY and ORDER BY
        self._names = ClauseNames({}, {}, column, columns, aggregates)

    def parse(self) -> Clause:
        """The clause; raises ProgrammingError."""
        reader = self.reader
        partition = self._keys("PARTITION") if reader.accept("PARTITION", "BY") else ()
        order = self._keys("ORDER") if reader.accept("ORDER", "BY") else ()
        measures = self._section("MEASURES") if reader.accept("MEASURES") else None
        rows = self._rows_per_match()
        skip, skip_at = self._skip()
        pattern, names = self._pattern()
        within = self._within(order)
        unions = self._unions(names) if reader.accept("SUBSET") else {}
        self._names = ClauseNames(names, unions, self._names.column, self._names.columns, self._names.aggregates)
        conditions = self._conditions() if reader.accept("DEFINE") else ()
        reader.what = "MATCH_RECOGNIZE"
        if not reader.ended:
            raise reader.error("expected ) or one of the clauses that may follow", hint=_ORDER)
        if skip.variable is not None:
            skip = Skip(skip.target, self._names.variable(reader.tokens[skip_at], reader, skip_at))
        if rows is RowsPerMatch.UNMATCHED and any(isinstance(node, Excluded) for node in walk(pattern)):
            raise reader.error("{- -} cannot be combined with WITH UNMATCHED ROWS", reader.at)
        found = tuple(self._measures(measures)) if measures is not None else ()
        return Clause(partition, order, found, rows, skip, pattern, within, tuple(unions.items()), conditions)

    # sections

    def _begins_section(self, at: int) -> bool:
        """Whether the tokens from `at` on begin the next part of the clause."""
        words = self.reader.part(at, self.reader.last).words(4)
        return (
            words[0] == "MEASURES"
            or (words[0], words[2]) in (("SUBSET", "="), ("DEFINE", "AS"))
            or words[:2] in (("ORDER", "BY"), ("PATTERN", "("), ("AFTER", "MATCH"), ("PARTITION", "BY"))
            or words[:3] in (("ONE", "ROW", "PER"), ("ALL", "ROWS", "PER"))
            or words[:2] == ("WITHIN", "INTERVAL")
            or (words[0] in _WINDOWS and words[1:3] == ("PATTERN", "("))
        )

    def _section(self, what: str) -> TokenReader:
        """The tokens up to the next part of the clause."""
        reader = self.reader
        first, depth = reader.at, 0
        while not reader.ended and not (depth == 0 and reader.at > first and self._begins_section(reader.at)):
            text = reader.tokens[reader.at].text
            depth += (text == "(") - (text == ")")
            reader.at += 1
        return TokenReader(reader.text, reader.tokens, first, reader.at, what)

    @staticmethod
    def _items(section: TokenReader) -> Iterator[TokenReader]:
        """The parts between the commas."""
        first, depth = section.at, 0
        for at in range(section.at, section.last):
            text = section.tokens[at].text
            depth += (text == "(") - (text == ")")
            if text == "," and depth == 0:
                yield section.part(first, at)
                first = at + 1
        yield section.part(first, section.last)

    def _keys(self, what: str) -> tuple[Key, ...]:
        section = self._section(f"{what} BY")
        return tuple(self._key(item, what == "ORDER") for item in self._items(section))

    def _key(self, item: TokenReader, ordered: bool) -> Key:
        first, last = item.at, item.last
        if first == last:
            raise item.error("expected a column")
        end = last
        if ordered:
            if item.part(max(first, end - 2), end).words(2) in (("NULLS", "FIRST"), ("NULLS", "LAST")):
                end -= 2
            if end > first and item.tokens[end - 1].word in ("ASC", "DESC"):
                end -= 1
        if end == first:
            raise item.error("expected a column")
        tokens = item.tokens[first:end]
        qualified = len(tokens) == 3 and tokens[1].text == "." and self._is_input(tokens[0])
        named = tokens[-1] if len(tokens) == 1 or qualified else None
        column = None
        if named is not None and named.is_name:
            column = self._names.column(named.name)
            if column is None:
                near = get_close_matches(named.name, self._names.columns, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._names.columns)}"
                raise item.error(f"the input has no column {named.text}", end - 1, hint)
        text = identifier(column) if column is not None else _text(item, first, end)
        return Key(text, column, _text(item, end, last))

    def _is_input(self, token: Token) -> bool:
        return self.alias is not None and token.is_name and token.name.lower() == self.alias.lower()

    def _rows_per_match(self) -> RowsPerMatch:
        reader = self.reader
        if reader.accept("ONE", "ROW"):
            reader.expect("PER", "MATCH")
            return RowsPerMatch.ONE
        if not reader.accept("ALL", "ROWS"):
            return RowsPerMatch.ONE
        reader.expect("PER", "MATCH")
        if reader.accept("OMIT"):
            reader.expect("EMPTY", "MATCHES")
            return RowsPerMatch.OMIT_EMPTY
        if reader.accept("WITH"):
            reader.expect("UNMATCHED", "ROWS")
            return RowsPerMatch.UNMATCHED
        if reader.accept("SHOW"):
            reader.expect("EMPTY", "MATCHES")
        return RowsPerMatch.SHOW_EMPTY

    def _skip(self) -> tuple[Skip, int]:
        """What AFTER MATCH says, and where its variable stands, whose name is not known yet."""
        reader = self.reader
        if not reader.accept("AFTER", "MATCH"):
            return Skip(), 0
        reader.expect("SKIP")
        if reader.accept("PAST"):
            reader.expect("LAST", "ROW")
            return Skip(), 0
        reader.expect("TO")
        if reader.accept("NEXT", "ROW"):
            return Skip(Target.NEXT), 0
        named = reader.peek(1) is not None and reader.tokens[reader.at + 1].is_name and not self._begins_section(
            reader.at + 1
        )
        target = Target.LAST
        if named and reader.accept("FIRST"):
            target = Target.FIRST
        elif named:
            reader.expect("LAST")
        reader.name("NEXT ROW, FIRST, LAST or a variable")
        return Skip(target, "?"), reader.at - 1

    def _pattern(self) -> tuple[Node, dict[str, str]]:
        reader = self.reader
        word = reader.words(1)[0]
        if word in _WINDOWS:
            hint = f"leave {word} out: matches are looked for from every row on"
            raise reader.error(f"{word} is for the row patterns of windows,", reader.at, hint)
        if not reader.accept("PATTERN"):
            raise reader.error("expected PATTERN", hint=_ORDER)
        opening = reader.at
        reader.expect("(")
        end = closing(reader.tokens, opening)
        if end >= reader.last:
            raise reader.error(OPEN_PATTERN, opening)
        parser = PatternParser(TokenReader(reader.text, reader.tokens, reader.at, end, "PATTERN"))
        try:
            pattern = parser.parse()
        except ProgrammingError:
            if is_open(reader.tokens, opening):
                raise reader.error(OPEN_PATTERN, opening) from None
            raise
        reader.at = end + 1
        return pattern, parser.names

    def _within(self, order: tuple[Key, ...]) -> int | None:
        reader, at = self.reader, self.reader.at
        if not reader.accept("WITHIN"):
            return None
        reader.accept("INTERVAL")
        token = reader.take("a duration")
        text = token.text
        if token.kind is TokenKind.STRING:
            text = token.text[1:-1].replace("''", "'")
            unit = reader.peek()
            if unit is not None and unit.kind is TokenKind.WORD and not self._begins_section(reader.at):
                text = f"{text} {reader.take('a unit').text}"
        try:
            within = timestamps.duration(text, 0)
        except DataError as error:
            raise reader.error(f"{error.args[0]},", reader.at - 1, error.hint) from None
        if not order or order[0].descending:
            raise reader.error("WITHIN needs an ORDER BY that begins with an ascending time", at)
        return within

    def _unions(self, names: dict[str, str]) -> dict[str, tuple[str, ...]]:
        unions: dict[str, tuple[str, ...]] = {}
        section = self._section("SUBSET")
        for item in self._items(section):
            token = item.name("the name of a union")
            name = token.name.lower()
            if name in names or name in unions:
                raise item.error(f"there is a variable {token.text} already", item.at - 1)
            item.expect("=", "(")
            members = []
            while True:
                member = item.name("a variable of the pattern")
                if member.name.lower() not in names:
                    hint = f"there are {', '.join(names.values())}"
                    raise item.error(f"{member.text} is no variable of the pattern", item.at - 1, hint)
                members.append(names[member.name.lower()])
                if not item.accept(","):
                    break
            item.expect(")")
            if not item.ended:
                raise item.error("expected , or the next clause")
            unions[name] = tuple(dict.fromkeys(members))
        return unions

    def _conditions(self) -> tuple[tuple[str, Expression], ...]:
        found: dict[str, Expression] = {}
        names = self._names
        for item in self._items(self._section("DEFINE")):
            token = item.name("a variable of the pattern")
            if token.name.lower() in names.unions:
                raise item.error(f"{token.text} is a union, which cannot have a condition", item.at - 1)
            variable = names.variable(token, item, item.at - 1)
            if variable in found:
                raise item.error(f"{token.text} is defined already", item.at - 1)
            item.expect("AS")
            found[variable] = ExpressionParser(names, item, variable).parse()
        return tuple(found.items())

    def _measures(self, section: TokenReader) -> Iterator[Measure]:
        seen: set[str] = set()
        for item in self._items(section):
            end = item.last
            token = item.tokens[end - 1] if end > item.at else None
            if token is None or not token.is_name or end - 2 <= item.at or item.tokens[end - 2].word != "AS":
                item.at = end
                raise item.error("expected AS and the name of the measure")
            if token.name.lower() in seen:
                raise item.error(f"there are two measures called {token.text}", end - 1)
            seen.add(token.name.lower())
            yield Measure(token.name, ExpressionParser(self._names, item.part(item.at, end - 2), None).parse())


_WINDOWS = ("INITIAL", "SEEK")

_ORDER = "the order is PARTITION BY, ORDER BY, MEASURES, ROWS PER MATCH, AFTER MATCH, PATTERN, WITHIN, SUBSET, DEFINE"


def _text(reader: TokenReader, first: int, last: int) -> str:
    return reader.text[reader.tokens[first].start : reader.tokens[last - 1].end] if last > first else ""
