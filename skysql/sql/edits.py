"""One statement while it is being rewritten: its text, the edits made to it so far, and the scans that they read.

Edits replace ranges of the user's own text. An edit of a larger range replaces those inside it. `render` gives the text
with their effect, for the larger edit to use.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from os.path import commonprefix

from sqlglot import exp

from ..model.quoting import quote
from ..plan.path_scan import Parameter, PathScan
from .catalog import Catalog
from .comparisons import Conversions, conversions
from .dialect import SqlText, TokenType, is_star, span
from .hidden_arguments import call_of
from .lists import LIST, elements, numbered
from .reads import Reads, ScanCall, reference
from .types import Types

_PARAMETER = re.compile(r"[?:@$]\w+")


class NotPushable(Exception):
    """This part of a statement is left to SQLite, row by row; the text says why."""


def other_clauses(select: exp.Select, understood: Collection[str]) -> list[str]:
    """The clauses that a select has (arguments of exp.Select) and that are not among these."""
    return [name for name, value in select.args.items() if value and name not in understood]


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to rewrite a select, which it edits; and the clauses that it looks at: one with any other is left alone.

    keeps_rows: whether the select afterwards has the rows that a scan chose, in the order of their paths.
    """

    run: Callable[[EditedStatement, exp.Select], None]
    clauses: frozenset[str]
    keeps_rows: bool = False

    def __call__(self, statement: EditedStatement, select: exp.Select) -> None:
        """Rewrite the select; raises NotPushable."""
        others = other_clauses(select, self.clauses)
        if others:
            raise NotPushable(f"clauses that are not looked at: {', '.join(others)}")
        self.run(statement, select)


def rule(*clauses: str, keeps_rows: bool = False) -> Callable[[Callable[[EditedStatement, exp.Select], None]], Rule]:
    """The decorator of a rule that looks at these clauses."""
    return lambda run: Rule(run, frozenset(clauses), keeps_rows)


def all_of(conditions: Sequence[str]) -> str:
    """Conditions as one, which holds where all of them do; each stays what it is, whatever operators are in it."""
    return " AND ".join(f"({condition})" for condition in conditions) or "1"


@dataclass(slots=True)
class Arguments:
    """What a scan needs from the statement around it: texts of expressions, each of which becomes a parameter."""

    texts: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, text: str) -> Parameter:
        """The parameter that stands for this expression."""
        place = self._places.setdefault(text, len(self.texts))
        if place == len(self.texts):
            self.texts.append(text)
        return Parameter(place + 1)


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters start ... end-1 of a text become `text`."""

    start: int
    end: int
    text: str

    def moved(self, by: int) -> Edit:
        """The same edit in a text with `by` more characters before it."""
        return Edit(self.start + by, self.end + by, self.text)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits, which come in order and do not overlap."""
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def difference(before: str, after: str) -> tuple[Edit, ...]:
    """The one edit that makes one text of another: of all from the first character that differs to the last."""
    if before == after:
        return ()
    start = len(commonprefix([before, after]))
    end = min(len(commonprefix([before[::-1], after[::-1]])), min(len(before), len(after)) - start)
    return (Edit(start, len(before) - end, after[start : len(after) - end]),)


@dataclass(frozen=True, slots=True)
class _Edit:
    """The characters start ... end-1 become `text`; it belongs to a node that stands at owner_start ... owner_end-1."""

    start: int
    end: int
    text: str
    owner_start: int
    owner_end: int

    def inside(self, start: int, end: int) -> bool:
        """Whether replacing these characters makes it moot. What is around exactly them stays around them."""
        if self.start == self.end and (self.owner_start, self.owner_end) == (start, end):
            return False
        return start <= self.owner_start and self.owner_end <= end


class EditedStatement:
    """A parsed statement and its edits. reads: the results that its text reads already, and those that are added."""

    def __init__(
        self, parsed: SqlText, catalog: Catalog, times: frozenset[str] = frozenset(), reads: Reads | None = None
    ) -> None:
        self.parsed = parsed
        self.catalog = catalog
        self.reads = Reads(catalog.mark) if reads is None else reads
        self.types = Types(catalog, parsed, times, self.reads)
        self._conversions: dict[int, tuple[exp.Expression, Conversions]] = {}
        self.calls: list[ScanCall] = []
        self._edits: list[_Edit] = []
        self.names: dict[int, str] = {}  # id of a plain column among a select's items -> the name it had
        self._numbers = self._number_parameters()
        self._numbered = [(parsed.start(at), parsed.end(at), text) for at, text in self._numbers.items()]

    def _number_parameters(self) -> dict[int, str]:
        """Token -> ?N for each bare `?`, numbered as SQLite numbers them."""
        largest, numbers, named = 0, {}, set()
        for at, token in enumerate(self.parsed.tokens):
            if token.token_type is LIST and "?" in token.text:
                numbers[at], largest = numbered(token.text, largest)
            if token.token_type is not TokenType.PLACEHOLDER:
                continue
            if token.text == "?":
                largest += 1
                numbers[at] = f"?{largest}"
            elif token.text[0] == "?":
                largest = max(largest, int(token.text[1:7]))  # SQLite refuses larger ones
            elif token.text not in named:
                named.add(token.text)
                largest += 1
        return numbers

    def conversions(self, tree: exp.Expression) -> Conversions:
        """What has to be put into the form of times in this statement, or in a view that it reads."""
        if id(tree) not in self._conversions:
            self._conversions[id(tree)] = tree, conversions(tree, self.types)
        return self._conversions[id(tree)][1]

    @property
    def changed(self) -> bool:
        """Whether anything was edited."""
        return bool(self._edits)

    def edit(self, first: int, last: int, text: str) -> None:
        """Replace the tokens first ... last-1."""
        start, end = self.parsed.start(first), self.parsed.end(last - 1)
        self._edits = [e for e in self._edits if not e.inside(start, end)]
        self._edits.append(_Edit(start, end, text, start, end))

    def edit_from(self, first: int, last: int, item: str, where: str = "") -> None:
        """Replace the tokens of FROM and the clauses after it. Without any, an ON of ON CONFLICT would be a join's."""
        if not where and [token.token_type for token in self.parsed.tokens[last : last + 1]] == [TokenType.ON]:
            where = "1"
        self.edit(first, last, f"FROM {item} WHERE {where}" if where else f"FROM {item}")

    def wrap(self, first: int, last: int, before: str, after: str) -> None:
        """Put text before and after the tokens first ... last-1, whatever they become."""
        start, end = self.parsed.start(first), self.parsed.end(last - 1)
        self._edits += [_Edit(start, start, before, start, end), _Edit(end, end, after, start, end)]

    def calls_read(self) -> list[ScanCall]:
        """The scans that the edited text reads: no other edit replaced them, and they are in no CTE that nothing reads.

        SQLite looks up no names in such CTEs, which are left when scans see through them.
        """
        unread: list[tuple[int, int]] = []
        for cte in reversed(list(self.parsed.tree.find_all(exp.CTE, bfs=True))):
            where = span(cte)
            if where is None or not cte.alias:
                continue
            own = self.parsed.start(where[0]), self.parsed.end(where[1] - 1)
            if not re.fullmatch(r"\w+", cte.alias) or _mentioned(cte.alias, self._without([*unread, own])):
                continue  # a name that may be written in several ways counts as read
            unread.append(own)
        text = self._without(unread)
        return [call for call in self.calls if _mentioned(call.name, text)]

    def _without(self, ranges: list[tuple[int, int]]) -> str:
        """The statement's edited text without these ranges of the user's."""
        pieces, at = [], 0
        for start, end in sorted(ranges):
            pieces.append(self._apply(at, max(at, start)))
            at = max(at, end)
        return " ".join([*pieces, self._apply(at, len(self.parsed.text))])

    def loses_parameters(self) -> bool:
        """Whether a parameter is missing from the edited text, as a scan left out its column: it could not be bound."""
        names: set[str] = set()
        for at, token in enumerate(self.parsed.tokens):
            if token.token_type is TokenType.PLACEHOLDER:
                names.add(self._numbers.get(at, token.text))
            elif token.token_type is LIST and at in self._numbers:
                names.update(text for text in elements(self._numbers[at]) if text[0] == "?")
        return not names.issubset(_PARAMETER.findall(self.text()))

    def keep_names(self) -> None:
        """Give each edited item the name that SQLite would have given it: its text, or that of its column."""
        for select in reversed(list(self.parsed.tree.find_all(exp.Select, bfs=True))):
            for item in select.expressions:
                where = span(item)
                if where is None or isinstance(item, exp.Alias) or is_star(item):
                    continue
                text = self.parsed.slice(*where)
                if self.render(*where) != text and self.stands(*where):
                    self.wrap(*where, "", f" AS {quote(self.names.get(id(item), text))}")

    def stands(self, first: int, last: int) -> bool:
        """Whether these tokens are still in the statement: no edit reaches beyond them."""
        start, end = self.parsed.start(first), self.parsed.end(last - 1)
        return not any(e.start <= start and end <= e.end and (e.start, e.end) != (start, end) for e in self._edits)

    def replaced(self, first: int, last: int) -> bool:
        """Whether an edit has taken the place of these tokens."""
        start, end = self.parsed.start(first), self.parsed.end(last - 1)
        return any(e.start <= start < end <= e.end for e in self._edits)

    def render(self, first: int, last: int, instead: Mapping[tuple[int, int], str] | None = None) -> str:
        """The tokens first ... last-1 with the edits inside them, and numbered parameters.

        instead: further edits that are made in this text only, by (first token, last + 1).
        """
        further = []
        for (a, b), text in (instead or {}).items():
            start, end = self.parsed.start(a), self.parsed.end(b - 1)
            if not any(e.start <= start < end <= e.end for e in self._edits):
                further.append(_Edit(start, end, text, start, end))
        return self._apply(self.parsed.start(first), self.parsed.end(last - 1), further)

    def written(self, first: int, last: int) -> str:
        """The tokens first ... last-1 as the user wrote them, but for numbered parameters."""
        pieces, at = [], self.parsed.start(first)
        for token in range(first, last):
            if token in self._numbers:
                pieces += [self.parsed.text[at : self.parsed.start(token)], self._numbers[token]]
                at = self.parsed.end(token)
        return "".join([*pieces, self.parsed.text[at : self.parsed.end(last - 1)]])

    def text(self) -> str:
        """The whole statement, edited."""
        return self._apply(0, len(self.parsed.text))

    def edits(self) -> list[Edit]:
        """The edits of the whole statement, numbers of parameters among them, in order."""
        return [Edit(e.start, e.end, e.text) for e in self._edits_within(0, len(self.parsed.text))]

    def _apply(self, start: int, end: int, further: Sequence[_Edit] = ()) -> str:
        pieces, at = [], start
        for e in self._edits_within(start, end, further):
            pieces += [self.parsed.text[at : e.start], e.text]
            at = e.end
        return "".join([*pieces, self.parsed.text[at:end]])

    def _edits_within(self, start: int, end: int, further: Sequence[_Edit] = ()) -> list[_Edit]:
        edits = [*(e for e in self._edits if start <= e.owner_start and e.owner_end <= end), *further]
        places = sorted((e.start, e.end) for e in edits)
        reach = list(accumulate((last for _, last in places), max))  # how far edits reach that begin so far
        numbers = self._numbered[bisect_left(self._numbered, (start,)) : bisect_left(self._numbered, (end,))]
        for a, b, number in numbers:
            begun = bisect_right(places, (a, len(self.parsed.text)))
            if b <= end and not (begun and reach[begun - 1] >= b):
                edits.append(_Edit(a, b, number, a, b))
        return sorted(edits, key=lambda e: (e.start, e.end))

    def call(
        self,
        plan: PathScan,
        columns: tuple[tuple[str, str], ...],
        arguments: Arguments,
        hidden: int = 0,
        order: tuple[tuple[int, ...], ...] = (),
    ) -> str:
        """The text that reads the result of a scan."""
        call = ScanCall(self.reads.fresh(), plan, columns, len(arguments.texts), hidden, order)
        self.reads.add(call)
        self.calls.append(call)
        return call_of(reference(call.name), arguments.texts)


def _mentioned(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
