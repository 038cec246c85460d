"""The rows of a MATCH_RECOGNIZE as its expressions see them: events of a path scan, or rows of a query.

    row          the number of a row column: an expression over one row of the input
    over_row     what each row decides by itself, as an expression that this input evaluates
    over_labels  an expression over row columns and leaves, by their labels
    finish       where the rows come from, once all row columns are known

An input is made for one attempt: one that fails is discarded with everything that it has gathered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from ...errors import NotSupportedError
from ...match.clause import Clause, Key
from ...match.expressions import RowExpression
from ...match.recognition import EventSource, QuerySource
from ...model.companions import EVENTS, SESSION_OF_EVENT, TIMESTAMP, TS
from ...model.quoting import quote
from ...model.tokens import Token, TokenKind, replace_tokens, tokenize
from ...plan.labels import RowOf
from ...plan.path_scan import And, Column, Events, Expr, PathScan, Sql
from ...plan.sources import NO_TABLE
from ..catalog import Catalog
from ..conversion import converted
from ..dialect import parse
from ..edits import Arguments, EditedStatement, NotPushable
from ..names import Names, Referent, source_of, times_of
from ..resolver import Resolver
from ..times import normalize_times

_MARK = ":sky_constant_"


class NotScanned(Exception):
    """The rows cannot come from a path scan."""


@dataclass(frozen=True, slots=True)
class Described:
    """A column of the input: its name, declared type with collation, and whether it holds a sky table's timestamps.

    binary: whether it surely has the collation BINARY. scale: the digits after the point of a sky table's DECIMAL.
    """

    name: str
    type: str
    time: bool
    binary: bool
    scale: int | None


@dataclass(slots=True)
class Constants:
    """Subqueries of a clause, each of which becomes a parameter, which is later given its text."""

    texts: list[str] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """What stands for a subquery."""
        if text not in self.texts:
            self.texts.append(text)
        return f"{_MARK}{self.texts.index(text)}"

    def unmarked(self, text: str) -> str:
        """A text with the subqueries themselves."""

        def original(token: Token) -> str | None:
            if token.kind is TokenKind.PARAMETER and token.text.startswith(_MARK):
                return self.texts[int(token.text.removeprefix(_MARK))]
            return None

        return replace_tokens(text, original)


class RowColumns:
    """The row columns so far: their numbers, their declared types, and those that are times. known: by name."""

    def __init__(self, catalog: Catalog, known: Mapping[str, Described]) -> None:
        self._catalog = catalog
        self._known = known
        self.numbers: dict[RowExpression, int] = {}
        self.types: list[str] = []
        self.times: set[int] = set()

    def number(self, row: RowExpression) -> int:
        """The number of a row column, which is a new one if it was never asked for."""
        number = self.numbers.get(row)
        if number is None:
            number = self.numbers[row] = len(self.types)
            column = None if row.column is None else self._known[row.column.lower()]
            self.types.append("" if column is None else column.type)
            times = {name for name, known in self._known.items() if known.time}
            if column.time if column is not None else gives_times(self._catalog, row.text, times):
                self.times.add(number)
        return number

    def scale(self, column: str) -> int | None:
        """The digits after the point of a column that has a sky table's decimals, else None."""
        return self._known[column.lower()].scale

    def is_binary(self, key: Key) -> bool:
        """Whether a key is a column that surely has the collation BINARY."""
        return key.column is not None and self._known[key.column.lower()].binary


class RowInput(ABC):
    """What the builder of a Recognition knows of the rows. arguments: the parameters of all expressions."""

    def __init__(self, catalog: Catalog, known: Mapping[str, Described]) -> None:
        self.rows = RowColumns(catalog, known)
        self.arguments = Arguments()
        self._catalog = catalog

    def row(self, row: RowExpression) -> int:
        """The number of a row column."""
        return self.rows.number(row)

    @abstractmethod
    def over_row(self, text: str, labels: Sequence[str]) -> Expr:
        """An expression over the input's columns, and over these labels; raises NotPushable if it cannot be one."""

    def over_labels(self, text: str, labels: Sequence[str]) -> Expr:
        """An expression over labels alone, which is evaluated apart from the input; what arrays cannot do is SQL."""
        relation = Referent("", NO_TABLE, EVENTS, {label: Column(label) for label in labels}, list(labels))
        try:
            return self._converted(text, relation)
        except NotPushable:
            self.check_apart(text)
            return Sql(bound(text, self.arguments), tuple(map(Column, labels)))

    def check_apart(self, text: str) -> None:
        """Raise NotScanned or NotSupportedError if a text that is evaluated apart has a subquery in it."""
        if any(token.word == "SELECT" for token in tokenize(text)):
            raise self._no_query()

    @abstractmethod
    def _no_query(self) -> Exception: ...

    @abstractmethod
    def finish(self) -> EventSource | QuerySource:
        """Where the rows come from."""

    def _converted(self, text: str, relation: Referent) -> Expr:
        """A text over the columns of a relation; raises NotPushable, and has added no arguments then."""
        parsed = parse(f"SELECT {text}")
        if parsed is None or not isinstance(parsed.tree, exp.Select) or len(parsed.tree.expressions) != 1:
            raise NotPushable("a text that cannot be parsed")
        statement = EditedStatement(parsed, self._catalog, times_of(relation))
        before = list(self.arguments.texts)
        try:
            return converted(parsed.tree.expressions[0], Names(statement, parsed, {"": relation}, self.arguments))
        except NotPushable:
            self.arguments.texts[:] = before
            raise


class EventInput(RowInput):
    """Events of a sky table, or a selection of them, partitioned by the object and ordered by time."""

    def __init__(self, catalog: Catalog, select: str, clause: Clause, known: Mapping[str, Described]) -> None:
        """select: a select of the whole input. Raises NotScanned or NotPushable if no path scan has these rows."""
        super().__init__(catalog, known)
        self._relation = self._resolved(select)
        self._by_id = self._check_partition(clause.partition)
        for key in clause.order:
            if key.descending or self._table_column(key) not in (TIMESTAMP.name, TS.name) or len(clause.order) > 1:
                raise NotScanned
        self._keys = tuple(self.row(row_of(key)) for key in clause.partition)

    def _resolved(self, select: str) -> Referent:
        parsed = parse(select)
        if parsed is None or not isinstance(parsed.tree, exp.Select):
            raise NotScanned
        resolver = Resolver(EditedStatement(parsed, self._catalog), parsed, self.arguments)
        relation = resolver.resolve(parsed.tree.args["from_"].this)
        if relation is None or relation.kind != EVENTS or relation.groups is not None or relation.pairs is not None:
            raise NotScanned
        return relation

    def _check_partition(self, partition: Sequence[Key]) -> bool:
        """Refuse partitions that are no paths or sessions; whether the object's id is what tells them apart."""
        table = self._relation.table
        first, *others = [self._table_column(key) for key in partition] or [None]
        if first is None or first.lower() not in (table.object_name.lower(), (table.key_name or "").lower()):
            raise NotScanned
        if [name and name.lower() for name in others] not in ([], [SESSION_OF_EVENT.name]):
            raise NotScanned
        return first.lower() == table.object_name.lower()

    def _table_column(self, key: Key) -> str | None:
        """The column of the sky table that a key is."""
        found = self._relation.columns.get(key.column.lower()) if key.column is not None else None
        return found.name if isinstance(found, Column) and found == Column(found.name) else None

    def over_row(self, text: str, labels: Sequence[str] = ()) -> Expr:
        """The scan evaluates it over the table's columns."""
        columns = {**self._relation.columns, **{label: Column(label) for label in labels}}
        return self._converted(text, replace(self._relation, columns=columns, labels=frozenset(labels)))

    def _no_query(self) -> Exception:
        return NotScanned()  # a query of the input may compute it

    def finish(self) -> EventSource:
        """A path scan of the selection."""
        relation = self._relation
        where = And(tuple(relation.where)) if relation.where else None
        scan = PathScan(relation.database, relation.table.name, source_of(relation), where, (), (), False)
        assert isinstance(scan.source, Events)
        expressions = tuple(self.over_row(row.text) for row in self.rows.numbers)
        by_id = self._keys[0] if self._by_id else None
        return EventSource(scan, expressions, self._keys[1:], by_id, relation.table.object_name)


class QueryInput(RowInput):
    """Rows of any input: a query of it computes all that is over one row. Its texts may hold subqueries."""

    def __init__(
        self,
        catalog: Catalog,
        ctes: str,
        item: str,
        clause: Clause,
        known: Mapping[str, Described],
        constants: Constants,
    ) -> None:
        """item: what stands in FROM, after these ctes."""
        super().__init__(catalog, known)
        self._ctes, self._item = ctes, item
        self._constants = constants
        keys = [self.row(row_of(key)) for key in clause.partition]
        self._order = [(self.row(row_of(key)), key.tail) for key in clause.order]
        if not all(map(self.rows.is_binary, clause.partition)):  # what a collation takes for equal is one partition
            listed = ", ".join(key.text for key in clause.partition)
            keys = [self.row(RowExpression(f"dense_rank() OVER (ORDER BY {listed})"))]
        self._keys = tuple(keys)

    def over_row(self, text: str, labels: Sequence[str]) -> Expr:
        """The query computes it, if no other row is in it."""
        if labels:
            raise NotPushable("rows beside the one that the query computes")
        return Column(RowOf(self.row(RowExpression(f"({text})"))).name)

    def _no_query(self) -> Exception:
        return NotSupportedError(
            "IN (SELECT ...) cannot be combined with other rows of the match", "compute it in the input"
        )

    def finish(self) -> QuerySource:
        """A select of all row columns, in the order of partitions and of the clause."""
        columns = ", ".join(
            f"{self._constants.unmarked(row.text)} AS {quote(RowOf(number).name)}"
            for row, number in self.rows.numbers.items()
        )
        text = bound(f"{self._ctes}SELECT {columns or 'NULL'} FROM {self._item}", self.arguments)
        terms = [quote(RowOf(key).name) for key in self._keys]
        terms += [f"{quote(RowOf(at).name)} {tail}" for at, tail in self._order]
        return QuerySource(text, f" ORDER BY {', '.join(terms)}" if terms else "", self._keys)


def row_of(key: Key) -> RowExpression:
    """The row column that a key is."""
    return RowExpression(key.text, key.column)


def bound(text: str, arguments: Arguments) -> str:
    """The text with each parameter as an argument."""

    def argument(token: Token) -> str | None:
        return f":p{arguments.add(token.text).number}" if token.kind is TokenKind.PARAMETER else None

    return replace_tokens(text, argument)


def gives_times(catalog: Catalog, text: str, times: Collection[str]) -> bool:
    """Whether an expression over columns, of which those are times, gives times."""
    parsed = parse(f"SELECT {text}") if times else None
    if parsed is None or not isinstance(parsed.tree, exp.Select):
        return False
    types = EditedStatement(parsed, catalog, frozenset(map(str.lower, times))).types
    return types.is_time(parsed.tree.expressions[0])


def normalized(catalog: Catalog, text: str, times: Collection[str]) -> str:
    """The text with what these columns are compared with in the form that times have."""
    parsed = parse(f"SELECT {text}") if times else None
    if parsed is None:
        return text
    statement = EditedStatement(parsed, catalog, frozenset(map(str.lower, times)))
    normalize_times(statement)
    return statement.text().removeprefix("SELECT ")
