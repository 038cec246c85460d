"""From the text of a MATCH_RECOGNIZE to a Recognition: what its names mean, and how its rows are read.

The input is described first (SQLite prepares a select of it, without running it), so that the clause can be parsed with
its columns known. If it is a sky table's events, or a selection of them, partitioned by the object and ordered by time,
rows come from a path scan, and expressions become a plan's. Else they come from a query of the input, which computes
the expressions over single rows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apsw
from sqlglot import exp

from ...errors import NotSupportedError, ProgrammingError
from ...match.clause import Clause, ClauseParser, Key, RowsPerMatch, Target
from ...match.expressions import Expression, Fold, Leaf, MatchNumber, Navigation, RowExpression
from ...match.lexer import Token, TokenKind, TokenReader, replace_tokens, tokenize
from ...match.program import compile_pattern
from ...match.recognition import Definition, EventSource, Output, QuerySource, Recognition, Test, leaf_name, row_name
from ...match.regex import expressible
from ...model.companions import EVENTS, SESSION_OF_EVENT, TIMES, TIMESTAMP, TS
from ...model.table import literal, quote
from ...plan.path_scan import And, Column, Events, Expr, PathScan, Sql
from ...plan.sources import NO_TABLE
from ..catalog import Catalog
from ..dialect import parse, span
from ..edits import Arguments, EditedStatement, NotPushable
from ..names import Referent, source_of, times_of
from ..resolver import Resolver
from ..scope import Scope, conjuncts_of
from ..times import normalize_times
from .clauses import Item, Place, item_of, visible_ctes

_MARK = ":sky_constant_"


@dataclass(frozen=True, slots=True)
class Described:
    """A column of the input: its name, declared type with collation, and whether it holds a sky table's timestamps."""

    name: str
    type: str
    time: bool
    binary: bool  # whether it surely has the collation BINARY


@dataclass(slots=True)
class Context:
    """What there is to know of the connection and the statement."""

    sqlite: apsw.Connection
    catalog: Catalog
    prepare: Callable[[str], str]
    aggregates: frozenset[str]
    text: str
    tokens: Sequence[Token]
    pushdown: bool


@dataclass(slots=True)
class Made:
    """A Recognition, the texts of its parameters in the statement around it, and which columns hold timestamps."""

    plan: Recognition
    arguments: list[str]
    times: frozenset[str]


def recognise(context: Context, place: Place) -> Made:
    """The clause at that place; raises ProgrammingError or NotSupportedError."""
    item = item_of(context.text, context.tokens, place.first, place.keyword)
    ctes = visible_ctes(context.text, context.tokens, place.first, context.tokens[place.first : place.close])
    try:
        described = _describe(context, ctes, item, "*")
    except apsw.SQLError as error:
        if "no such column" not in str(error):
            raise
        hint = "it cannot read columns of the statement around it"
        raise ProgrammingError(f"the input of MATCH_RECOGNIZE: {error}", hint) from None
    hidden: dict[str, Described] = {}
    visible = {column.name.lower(): column for column in reversed(described)}

    def column(name: str) -> str | None:
        found = visible.get(name.lower()) or hidden.get(name.lower())
        if found is None:
            try:
                (found,) = _describe(context, ctes, item, f"`{name.replace('`', '``')}`")
            except apsw.SQLError:
                return None
            hidden[name.lower()] = found
        return found.name

    reader = TokenReader(context.text, context.tokens, place.keyword + 2, place.close, "MATCH_RECOGNIZE")
    names = tuple(column.name for column in described)
    clause = ClauseParser(reader, column, names, context.aggregates, item.alias).parse()
    builder = _Builder(context, item, ctes, described, {**hidden, **visible}, clause, place.names)
    return builder.build()


def _describe(context: Context, ctes: str, item: Item, columns: str) -> list[Described]:
    """The columns of a select of the input."""
    arguments = Arguments()
    text = _bound(f"{ctes}SELECT {columns} FROM {item.text}", arguments)
    found: list[Any] = []

    def trace(cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        found.extend(cursor.description_full)
        return False

    cursor = context.sqlite.cursor()
    cursor.exec_trace = trace
    try:
        bindings = {f"p{at + 1}": None for at in range(len(arguments.texts))} or None
        cursor.execute(context.prepare(text), bindings, can_cache=False)  # a cached one has the columns of its time
    except apsw.ExecTraceAbort:
        pass
    return [_described(context, *column) for column in found]


def _described(
    context: Context, name: str, declared: str | None, database: str | None, table: str | None, origin: str | None
) -> Described:
    if table is None or database is None or origin is None:
        return Described(name, declared or "", False, False)
    entry = context.catalog.find(database, table)
    ours = table.startswith(("sky_", "sky ")) if entry is None else entry.kind not in ("table", "view")
    time = ours and (declared or "").upper() == "TIMESTAMP" and (entry is None or origin.lower() in TIMES)
    try:
        collation = context.sqlite.column_metadata(database, table, origin)[1]
    except apsw.Error:
        return Described(name, declared or "", time, ours)
    binary = collation.upper() == "BINARY"
    return Described(name, (declared or "") + ("" if binary else f" COLLATE {collation}"), time, binary)


def _bound(text: str, arguments: Arguments) -> str:
    """The text with each parameter as an argument."""

    def bound(token: Token) -> str | None:
        return f":p{arguments.add(token.text).number}" if token.kind is TokenKind.PARAMETER else None

    return replace_tokens(text, bound)


class _Scanned(Exception):
    """The rows cannot come from a path scan."""


@dataclass(slots=True)
class _Rows:
    """The row columns so far."""

    numbers: dict[RowExpression, int] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    times: set[int] = field(default_factory=set)
    timely: set[Expr] = field(default_factory=set)  # measures that give times


class _Builder:
    """Builds one Recognition: with a path scan if that can be, else with a query."""

    def __init__(
        self,
        context: Context,
        item: Item,
        ctes: str,
        described: Sequence[Described],
        known: dict[str, Described],
        clause: Clause,
        names: tuple[str, ...],
    ) -> None:
        self.context = context
        self.item = item
        self.ctes = ctes
        self.described = described
        self.known = known
        self.clause = clause
        self.names = names
        self.program = compile_pattern(clause.pattern)
        self._reset(None)

    def _reset(self, relation: Referent | None) -> None:
        self.relation = relation
        self.rows = _Rows()
        self.arguments = Arguments()
        self.constants: list[str] = []

    def build(self) -> Made:
        """The Recognition and its arguments."""
        if self.context.pushdown:
            try:
                return self._with(self._scanned)
            except (_Scanned, NotPushable):
                pass
        self._reset(None)
        return self._with(self._queried)

    def _with(self, source: Callable[[], Callable[[], EventSource | QuerySource]]) -> Made:
        finish = source()
        clause = self.clause
        conditions = {name: self._condition(name, expression) for name, expression in clause.conditions}
        outputs = self._outputs()
        time = None
        if clause.within is not None:
            time = self._row(RowExpression(clause.order[0].text, clause.order[0].column))
        back = any(condition.test is not None for condition in conditions.values())
        skips = clause.skip.target in (Target.PAST_LAST, Target.NEXT)
        plan = Recognition(
            self.item.text,
            clause,
            self.program,
            finish(),
            self.rows.numbers,
            tuple(self.rows.types),
            conditions,
            outputs,
            time,
            self.context.pushdown and expressible(clause.pattern) and skips and not back,
            len(self.arguments.texts),
        )
        times = frozenset(output.name.lower() for output in outputs if self._gives_time(output))
        return Made(plan, [self._unmarked(text) for text in self.arguments.texts], times)

    def _gives_time(self, output: Output) -> bool:
        if output.row is not None:
            return output.row in self.rows.times
        if output.measure == Column(leaf_name(0)):
            return self._is_time(output.leaves[0])
        return output.measure is not None and output.measure in self.rows.timely

    # rows

    def _row(self, row: RowExpression) -> int:
        """The number of a row column."""
        number = self.rows.numbers.get(row)
        if number is None:
            number = self.rows.numbers[row] = len(self.rows.types)
            column = self.known[row.column.lower()] if row.column is not None else None
            self.rows.types.append("" if column is None else column.type)
            times = {name for name, known in self.known.items() if known.time}
            if column.time if column is not None else self._gives_times(row.text, times):
                self.rows.times.add(number)
        return number

    def _add_leaves(self, leaves: Sequence[Leaf]) -> None:
        for leaf in leaves:
            if isinstance(leaf, Navigation):
                found: list[RowExpression | str | None] = [leaf.row]
            elif isinstance(leaf, MatchNumber):
                found = []
            else:
                found = [leaf.argument, *leaf.call] if not leaf.simple else [leaf.argument]
            for row in found:
                if isinstance(row, RowExpression) and not row.of_match:
                    self._row(row)

    def _scanned(self) -> Callable[[], EventSource]:
        """Rows from a path scan; raises _Scanned or NotPushable if that cannot be."""
        source = parse(f"{self.ctes}SELECT * FROM {self.item.text}")
        if source is None or not isinstance(source.tree, exp.Select):
            raise _Scanned
        statement = EditedStatement(source, self.context.catalog)
        relation = Resolver(statement, source, self.arguments).resolve(source.tree.args["from_"].this)
        if relation is None or relation.kind != EVENTS or relation.groups is not None or relation.pairs is not None:
            raise _Scanned
        self.relation = relation
        object_name = relation.table.object_name
        first, *others = [self._table_column(key) for key in self.clause.partition] or [None]
        if first is None or first.lower() not in (object_name.lower(), (relation.table.key_name or "").lower()):
            raise _Scanned
        if [name and name.lower() for name in others] not in ([], [SESSION_OF_EVENT.name]):
            raise _Scanned
        for key in self.clause.order:
            if key.descending or self._table_column(key) not in (TIMESTAMP.name, TS.name) or len(self.clause.order) > 1:
                raise _Scanned
        keys = tuple(self._row(_row_of(key)) for key in self.clause.partition)

        def finish() -> EventSource:
            where = And(tuple(relation.where)) if relation.where else None
            scan = PathScan(relation.database, relation.table.name, source_of(relation), where, (), (), False)
            assert isinstance(scan.source, Events)
            expressions = tuple(self._over_row(row.text) for row in self.rows.numbers)
            by_id = keys[0] if first.lower() == object_name.lower() else None
            return EventSource(scan, expressions, keys[1:], by_id, object_name)

        return finish

    def _table_column(self, key: Key) -> str | None:
        """The column of the sky table that a key is."""
        assert self.relation is not None
        found = self.relation.columns.get(key.column.lower()) if key.column is not None else None
        return found.name if isinstance(found, Column) and found == Column(found.name) else None

    def _over_row(self, text: str, labels: Sequence[str] = ()) -> Expr:
        """An expression over the sky table's columns, and over labels."""
        assert self.relation is not None
        columns = {**self.relation.columns, **{label: Column(label) for label in labels}}
        return self._converted(text, replace(self.relation, columns=columns))

    def _converted(self, text: str, relation: Referent) -> Expr:
        source = parse(f"SELECT {text}")
        if source is None or not isinstance(source.tree, exp.Select) or len(source.tree.expressions) != 1:
            raise NotPushable("a text that cannot be parsed")
        statement = EditedStatement(source, self.context.catalog, times_of(relation))
        kept = list(self.arguments.texts)
        try:
            return Scope(statement, source, {"": relation}, self.arguments).convert(source.tree.expressions[0])
        except NotPushable:
            self.arguments.texts[:] = kept
            raise

    def _over_labels(self, text: str, labels: Sequence[str]) -> Expr:
        """An expression over labels alone; what arrays cannot do becomes SQL."""
        relation = Referent("", NO_TABLE, EVENTS, {label: Column(label) for label in labels}, list(labels))
        try:
            return self._converted(text, relation)
        except NotPushable:
            self._check_queries(text)
            return Sql(_bound(text, self.arguments), tuple(map(Column, labels)))

    def _check_queries(self, text: str) -> None:
        """A query's rows cannot be had inside a text that is evaluated apart from its statement."""
        if any(token.word == "SELECT" for token in tokenize(text)):
            if self.relation is not None:
                raise _Scanned
            raise NotSupportedError(
                "IN (SELECT ...) cannot be combined with other rows of the match", "compute it in the input"
            )

    def _queried(self) -> Callable[[], QuerySource]:
        """Rows from a query of the input."""
        partition, order = self.clause.partition, self.clause.order
        keys = [self._row(_row_of(key)) for key in partition]
        sorted_by = [self._row(_row_of(key)) for key in order]
        exact = all(key.column is not None and self.known[key.column.lower()].binary for key in partition)
        if not exact:
            listed = ", ".join(key.text for key in partition)
            keys = [self._row(RowExpression(f"dense_rank() OVER (ORDER BY {listed})"))]

        def finish() -> QuerySource:
            columns = ", ".join(
                f"{self._raw(row.text)} AS {quote(row_name(number))}" for row, number in self.rows.numbers.items()
            )
            text = _bound(f"{self.ctes}SELECT {columns or 'NULL'} FROM {self.item.text}", self.arguments)
            terms = [quote(row_name(key)) for key in keys]
            terms += [f"{quote(row_name(at))} {key.tail}" for at, key in zip(sorted_by, order, strict=True)]
            return QuerySource(text, f" ORDER BY {', '.join(terms)}" if terms else "", tuple(keys))

        return finish

    def _raw(self, text: str) -> str:
        """A text for the input's query, where subqueries may stay what they are."""
        return self._unmarked(text)

    # constants

    def _constant(self, text: str) -> str:
        """A subquery as a parameter, which is later given its text."""
        if text not in self.constants:
            self.constants.append(text)
        return f"{_MARK}{self.constants.index(text)}"

    def _unmarked(self, text: str) -> str:
        def original(token: Token) -> str | None:
            if token.kind is TokenKind.PARAMETER and token.text.startswith(_MARK):
                return self.constants[int(token.text.removeprefix(_MARK))]
            return None

        return replace_tokens(text, original)

    # conditions

    def _own(self, leaf: Leaf, variable: str) -> bool:
        """Whether a leaf of the condition of a variable looks at its own row, or at one that stands still beside it."""
        return (
            isinstance(leaf, Navigation)
            and not leaf.first
            and leaf.offset == 0
            and variable in self.clause.members(leaf.variable)
            and not (leaf.row.classifier and leaf.shift)
        )

    def _condition(self, variable: str, expression: Expression) -> Definition:
        leaves = [self._settled(leaf, variable) for leaf in expression.leaves]
        settled = dict(zip(expression.leaves, leaves, strict=True))
        names = {leaf: leaf_name(at) for at, leaf in enumerate(dict.fromkeys(leaves))}
        text = expression.render(lambda leaf: quote(names[settled[leaf]]), self._constant)
        by_name = {name: leaf for leaf, name in names.items()}
        parts = self._conjuncts(text) if len(names) > 1 else [text]
        own = [part for part in parts if all(self._own(by_name[n], variable) for n in _labels(part, by_name))]
        back = [part for part in parts if part not in own]
        return Definition(
            self._own_part(" AND ".join(f"({part})" for part in own) if len(own) > 1 else own[0], by_name, variable)
            if own
            else None,
            self._test(" AND ".join(f"({part})" for part in back), by_name) if back else None,
        )

    def _settled(self, leaf: Leaf, variable: str) -> Leaf:
        """The leaf in the form that knows least of earlier rows."""
        if isinstance(leaf, Navigation) and self._own(leaf, variable):
            return replace(leaf, variable=None)
        if isinstance(leaf, Navigation) and leaf.row.classifier and leaf.shift and leaf.variable is None:
            offset = leaf.offset + (leaf.shift if leaf.first else -leaf.shift)
            return replace(leaf, offset=offset, shift=0) if offset >= 0 else leaf
        return leaf

    @staticmethod
    def _conjuncts(text: str) -> list[str]:
        """The parts of a condition that must all be true, if it can be parsed."""
        source = parse(f"SELECT {text}")
        if source is None or not isinstance(source.tree, exp.Select) or len(source.tree.expressions) != 1:
            return [text]
        spans = [span(part) for part in conjuncts_of(source.tree.expressions[0])]
        return [source.slice(*at) for at in spans if at is not None] if None not in spans else [text]

    def _own_part(self, text: str, by_name: dict[str, Leaf], variable: str) -> Expr:
        """What can be told of each row by itself."""
        leaves = {name: by_name[name] for name in _labels(text, by_name)}
        moved = {name for name, leaf in leaves.items() if isinstance(leaf, Navigation) and leaf.shift}
        own = {name: _inline(leaf, variable) for name, leaf in leaves.items() if name not in moved}
        inline = _relabelled(text, own)
        if self.relation is None and not moved:
            return Column(row_name(self._row(RowExpression(f"({inline})"))))
        labels = {name: self._label(leaf) for name, leaf in leaves.items() if name in moved}
        if self.relation is not None:
            mixed = _relabelled(inline, {name: quote(label) for name, label in labels.items()})
            try:
                return self._over_row(self._normal(mixed, labels.values()), list(labels.values()))
            except NotPushable:
                pass
        constant = {name: literal(variable) for name, leaf in leaves.items() if _classifies(leaf)}
        labels = {name: self._label(leaf) for name, leaf in leaves.items() if name not in constant}
        whole = _relabelled(text, constant | {name: quote(label) for name, label in labels.items()})
        return self._over_labels(self._normal(whole, labels.values()), list(labels.values()))

    def _label(self, leaf: Leaf) -> str:
        assert isinstance(leaf, Navigation)
        return row_name(self._row(leaf.row), leaf.shift)

    def _gives_times(self, text: str, times: set[str]) -> bool:
        """Whether an expression over columns, of which those are times, gives times."""
        source = parse(f"SELECT {text}") if times else None
        if source is None or not isinstance(source.tree, exp.Select):
            return False
        types = EditedStatement(source, self.context.catalog, frozenset(map(str.lower, times))).types
        return types.is_time(source.tree.expressions[0])

    def _normal(self, text: str, labels: Any) -> str:
        """The text with what times are compared with in the form that times have."""
        times = {label for label in labels if int(label.split(" ")[1]) in self.rows.times}
        return self._normalized(text, times)

    def _normalized(self, text: str, times: set[str]) -> str:
        source = parse(f"SELECT {text}") if times else None
        if source is None:
            return text
        statement = EditedStatement(source, self.context.catalog, frozenset(map(str.lower, times)))
        normalize_times(statement)
        return statement.text().removeprefix("SELECT ")

    def _test(self, text: str, by_name: dict[str, Leaf]) -> Test:
        """What looks back, over leaves numbered anew."""
        used = _labels(text, by_name)
        leaves = tuple(by_name[name] for name in used)
        self._add_leaves(leaves)
        self._check_queries(text)
        anew = {name: quote(leaf_name(at)) for at, name in enumerate(used)}
        text = self._normal_leaves(_relabelled(text, anew), leaves)
        expr = self._over_labels(text, [leaf_name(at) for at in range(len(leaves))])
        return Test(_bound(text, self.arguments), leaves, expr)

    def _normal_leaves(self, text: str, leaves: Sequence[Leaf]) -> str:
        return self._normalized(text, self._leaf_times(leaves))

    def _leaf_times(self, leaves: Sequence[Leaf]) -> set[str]:
        return {leaf_name(at) for at, leaf in enumerate(leaves) if self._is_time(leaf)}

    def _is_time(self, leaf: Leaf) -> bool:
        if isinstance(leaf, Fold):
            row = leaf.argument if leaf.function in ("max", "min") else None
        else:
            row = leaf.row if isinstance(leaf, Navigation) and not leaf.row.classifier else None
        return row is not None and self._row(row) in self.rows.times

    # outputs

    def _outputs(self) -> tuple[Output, ...]:
        clause = self.clause
        keys = [self._plain(key) for key in clause.partition]
        measures = [self._measure(measure.name, measure.expression) for measure in clause.measures]
        if clause.rows is RowsPerMatch.ONE:
            return self._renamed([*keys, *measures])
        keys += [self._plain(key) for key in clause.order if key.column is not None]
        named: dict[str, Output] = {}
        for output in keys:
            named.setdefault(output.name.lower(), output)
        rest = [self._column(column) for column in self.described if column.name.lower() not in named]
        return self._renamed([*named.values(), *measures, *rest])

    def _renamed(self, outputs: list[Output]) -> tuple[Output, ...]:
        if self.names:
            if len(self.names) != len(outputs):
                raise ProgrammingError(
                    f"MATCH_RECOGNIZE gives {len(outputs)} columns, and there are {len(self.names)} names for them",
                    f"they are {', '.join(output.name for output in outputs)}",
                )
            outputs = [replace(output, name=name) for output, name in zip(outputs, self.names, strict=True)]
        seen: set[str] = set()
        for output in outputs:
            if output.name.lower() in seen:
                raise ProgrammingError(
                    f"MATCH_RECOGNIZE would give two columns called {output.name}", "give the measure another name"
                )
            seen.add(output.name.lower())
        return tuple(outputs)

    def _plain(self, key: Key) -> Output:
        number = self._row(_row_of(key))
        return Output(key.column or key.text, self.rows.types[number], number)

    def _column(self, column: Described) -> Output:
        return Output(column.name, column.type, self._row(RowExpression(quote(column.name), column.name)))

    def _measure(self, name: str, expression: Expression) -> Output:
        leaves = expression.leaves
        self._add_leaves(leaves)
        names = {leaf: leaf_name(at) for at, leaf in enumerate(leaves)}
        if len(expression.pieces) == 1 and leaves:
            (leaf,) = leaves
            type = self.rows.types[self._row(leaf.row)] if _looks_up(leaf) else ""  # type: ignore[union-attr]
            return Output(name, type, None, Column(leaf_name(0)), leaves)
        text = expression.render(lambda leaf: quote(names[leaf]), self._constant)
        text = self._normal_leaves(text, leaves)
        measure = self._over_labels(text, list(names.values()))
        if self._gives_times(text, self._leaf_times(leaves)):
            self.rows.timely.add(measure)
        return Output(name, "", None, measure, leaves)


def _row_of(key: Key) -> RowExpression:
    return RowExpression(key.text, key.column)



def _looks_up(leaf: Leaf) -> bool:
    return isinstance(leaf, Navigation) and not leaf.row.classifier


def _classifies(leaf: Leaf) -> bool:
    return isinstance(leaf, Navigation) and leaf.row.classifier


def _inline(leaf: Leaf, variable: str) -> str:
    """A leaf that is of the own row, as SQL over the input's columns."""
    assert isinstance(leaf, Navigation)
    if leaf.row.classifier:
        return literal(variable)
    return leaf.row.text if leaf.row.column is not None else f"({leaf.row.text})"


def _labels(text: str, by_name: dict[str, Leaf]) -> list[str]:
    """The labels of leaves in a text, each once."""
    found: dict[str, None] = {}

    def see(token: Token) -> None:
        if token.kind is TokenKind.QUOTED and token.name in by_name:
            found[token.name] = None

    replace_tokens(text, see)
    return list(found)


def _relabelled(text: str, new: dict[str, str]) -> str:
    return replace_tokens(text, lambda token: new.get(token.name) if token.kind is TokenKind.QUOTED else None)
