"""SQL given as text, outside any statement: predicates and values over the events of one sky table.

    plan = 'pro' AND amount > 10      ->  And((Compare(...), Compare(...)))

A report takes its steps, exclusions and segments as such texts. A text means what it would mean in a WHERE on the
table: columns have the same meaning, with the state at each event, and SQLite evaluates what arrays cannot.
"""

from __future__ import annotations

from sqlglot import exp

from ..errors import ProgrammingError, near
from ..model.quoting import quote
from ..plan.path_scan import Expr
from .catalog import Catalog, CatalogEntry, Refused
from .conversion import converted
from .dialect import SqlText, TokenType, parse, span
from .edits import Arguments, EditedStatement, NotPushable
from .names import Names
from .resolver import event_relation

_BEFORE, _AFTER = "SELECT (\n", "\n) FROM "
_TOKENS_AFTER = 4  # FROM, the database, a dot, the table


class Conditions:
    """Expressions over the events of one table; all of them share their arguments, the texts of `parameters`."""

    def __init__(self, catalog: Catalog, entry: CatalogEntry) -> None:
        self._catalog = catalog
        self._entry = entry
        self._arguments = Arguments()

    def expression(self, text: str, what: str) -> Expr:
        """The text as an expression; `what` says in errors which one it is.

        Raises ProgrammingError for what is no SQL expression over the table's columns, or takes more than its event.
        """
        if not text.strip():
            raise ProgrammingError(f"{what} is empty", f"write SQL over the columns of {self._entry.name!r}")
        parsed = parse(self._statement(text))
        if parsed is None or not _alone(parsed):
            raise self._unreadable(text, what)
        self._check(parsed, text, what)
        scope = Names(
            EditedStatement(parsed, self._catalog),
            parsed,
            {self._entry.name.lower(): event_relation(self._entry)},
            self._arguments,
        )
        try:
            return converted(parsed.tree.expressions[0].this, scope)
        except NotPushable as reason:
            raise ProgrammingError(f"{what} cannot be decided event by event: {reason}", f"it reads {text!r}") from None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The arguments of all expressions so far: SQL without columns, whose values an evaluation takes."""
        return tuple(self._arguments.texts)

    def _check(self, parsed: SqlText, text: str, what: str) -> None:
        """Let SQLite prepare it, which knows the columns, the functions, and what is wrong with a text."""
        if any(token.token_type is TokenType.PLACEHOLDER for token in parsed.tokens):
            raise ProgrammingError(f"{what} has a parameter: {text!r}", "write the value itself")
        fault = self._fault(parsed.text)
        if fault is not None:
            raise self._refused(fault, text, what)

    def _unreadable(self, text: str, what: str) -> ProgrammingError:
        """What SQLite says of a text that cannot be parsed here."""
        fault = self._fault(self._statement(text))
        if fault is not None:
            return self._refused(fault, text, what)
        return ProgrammingError(f"{what} is not one SQL expression: {text!r}", "connect conditions by AND or OR")

    def _statement(self, text: str) -> str:
        return f"{_BEFORE}{text}{_AFTER}{quote(self._entry.database)}.{quote(self._entry.name)}"

    def _fault(self, statement: str) -> Refused | None:
        """Why SQLite cannot prepare it; nothing of it is run, whatever it is."""
        try:
            self._catalog.check(statement)
        except Refused as refused:
            return refused
        return None

    def _refused(self, error: Refused, text: str, what: str) -> ProgrammingError:
        message, open, _ = str(error).partition(_AFTER)
        message += '"' if open else ""  # a token that is never closed goes on after the text
        at = error.offset - len(_BEFORE)
        if at >= 0:
            read = text.encode()[:at].decode("utf-8", "ignore")
            if len(read) < len(text):
                return self._marked(message, text, len(read), what)
            message = "it ends too early"
        return ProgrammingError(f"{what} cannot be read: {message}", f"it reads {text!r}")

    def _marked(self, message: str, text: str, at: int, what: str) -> ProgrammingError:
        hint = None
        if "no such column" in message:
            hint = near(message.rpartition(": ")[2], event_relation(self._entry).names)
        return ProgrammingError(
            f"{what} cannot be read: {message}, at character {at + 1}: {text[:at]!r} before {text[at:]!r}", hint
        )


def _alone(parsed: SqlText) -> bool:
    """Whether the text stayed within the parentheses put around it, as one expression."""
    if not isinstance(parsed.tree, exp.Select) or len(parsed.tree.expressions) != 1:
        return False
    item = parsed.tree.expressions[0]
    return isinstance(item, exp.Paren) and span(item) == (1, len(parsed.tokens) - _TOKENS_AFTER)


__all__ = ["Conditions"]
