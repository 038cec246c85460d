"""From the text of a MATCH_RECOGNIZE to a Recognition: what its names mean, and how its rows are read.

The input is described first (SQLite prepares a select of it, without running it), so that the clause can be parsed with
its columns known. If it is a sky table's events, or a selection of them, partitioned by the object and ordered by time,
rows come from a path scan, and expressions become a plan's. Else they come from a query of the input, which computes
the expressions over single rows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from ...errors import ProgrammingError
from ...match.clause import Clause, ClauseParser, Key, RowsPerMatch, Target
from ...match.expressions import Expression, Fold, Leaf, MatchNumber, Navigation, RowExpression
from ...match.lexer import TokenReader
from ...match.recognition import Definition, Output, Recognition, Test
from ...match.regex import expressible
from ...model.kinds import DecimalKind
from ...model.quoting import literal, quote
from ...model.tokens import Token, TokenKind, replace_tokens
from ...plan.labels import LeafOf, RowOf
from ...plan.path_scan import Column, Expr
from ..catalog import Catalog, OutputColumn, Refused
from ..conversion import conjuncts_of
from ..decimals import SAID_WITH
from ..dialect import parse, span
from ..edits import Arguments, NotPushable
from ..reads import Reads
from .clauses import Item, Place, item_of, visible_ctes
from .exact_folds import with_exact_folds
from .row_input import (
    Constants,
    Described,
    EventInput,
    NotScanned,
    QueryInput,
    RowInput,
    bound,
    gives_times,
    normalized,
    row_of,
)


@dataclass(slots=True)
class Context:
    """What there is to know of the catalogue and the statement. rewrite: gives a text inside it SQLite's form."""

    catalog: Catalog
    reads: Reads
    rewrite: Callable[[str], str]
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
    except Refused as error:
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
            except Refused:
                return None
            hidden[name.lower()] = found
        return found.name

    reader = TokenReader(context.text, context.tokens, place.keyword + 2, place.close, "MATCH_RECOGNIZE")
    names = tuple(column.name for column in described)
    clause = ClauseParser(reader, column, names, context.catalog.every_aggregate(), item.alias).parse()
    known = {**hidden, **visible}
    if context.pushdown:
        with suppress(NotScanned, NotPushable):
            events = EventInput(context.catalog, f"{ctes}SELECT * FROM {item.text}", clause, known)
            return _Builder(context, item, described, clause, place.names, events, Constants()).build()
    constants = Constants()
    rows = QueryInput(context.catalog, ctes, item.text, clause, known, constants)
    return _Builder(context, item, described, clause, place.names, rows, constants).build()


def _describe(context: Context, ctes: str, item: Item, columns: str) -> list[Described]:
    """The columns of a select of the input."""
    arguments = Arguments()
    text = bound(f"{ctes}SELECT {columns} FROM {item.text}", arguments)

    def describe() -> list[OutputColumn]:
        read = context.rewrite(text)
        return context.catalog.describe(read, context.reads.inside(read), len(arguments.texts))

    return [_described(context, column) for column in context.catalog.query_columns(text, describe)]


def _described(context: Context, column: OutputColumn) -> Described:
    name, type, table = column.name, column.type, column.table
    if table is None or column.database is None or column.origin is None:
        return Described(name, type, False, False, None)
    entry = context.catalog.find(column.database, table)
    ours = table.startswith(("sky_", "sky ")) if entry is None else entry.kind not in ("table", "view")
    time = ours and type.upper() == "TIMESTAMP"
    kind = context.catalog.kinds.find(type) if ours else None
    scale = kind.scale if isinstance(kind, DecimalKind) else None
    if column.collation is None:
        return Described(name, type, time, ours, scale)
    binary = column.collation.upper() == "BINARY"
    return Described(name, type + ("" if binary else f" COLLATE {column.collation}"), time, binary, scale)


class _Builder:
    """Builds one Recognition over rows of which it knows no more than RowInput says."""

    def __init__(
        self,
        context: Context,
        item: Item,
        described: Sequence[Described],
        clause: Clause,
        names: tuple[str, ...],
        rows: RowInput,
        constants: Constants,
    ) -> None:
        self.context = context
        self.item = item
        self.described = described
        self.clause = clause
        self.names = names
        self.input = rows
        self.constants = constants
        self.timely: set[Expr] = set()  # measures that give times

    def build(self) -> Made:
        """The Recognition and its arguments."""
        clause, rows = self.clause, self.input.rows
        conditions = {name: self._condition(name, self._exact(expression)) for name, expression in clause.conditions}
        outputs = self._outputs()
        time = None
        if clause.within is not None:
            time = self.input.row(row_of(clause.order[0]))
        back = any(condition.test is not None for condition in conditions.values())
        skips = clause.skip.target in (Target.PAST_LAST, Target.NEXT)
        plan = Recognition(
            self.item.text,
            clause,
            self.input.finish(),
            tuple(rows.numbers),
            tuple(rows.types),
            tuple(conditions.items()),
            outputs,
            time,
            self.context.pushdown and expressible(clause.pattern) and skips and not back,
            len(self.input.arguments.texts),
        ).compiled()
        times = frozenset(output.name.lower() for output in outputs if self._gives_time(output))
        return Made(plan, [self.constants.unmarked(text) for text in self.input.arguments.texts], times)

    def _exact(self, expression: Expression) -> Expression:
        """With its sums of decimals as exact ones."""
        exact = self.context.catalog.own.isdisjoint(SAID_WITH)
        return with_exact_folds(expression, self.input.rows.scale) if exact else expression

    def _gives_time(self, output: Output) -> bool:
        if output.row is not None:
            return output.row in self.input.rows.times
        if output.measure == Column(LeafOf(0).name):
            return self._is_time(output.leaves[0])
        return output.measure is not None and output.measure in self.timely

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
                    self.input.row(row)

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
        names = {leaf: LeafOf(at).name for at, leaf in enumerate(dict.fromkeys(leaves))}
        text = expression.render(lambda leaf: quote(names[settled[leaf]]), self.constants.mark)
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
        parsed = parse(f"SELECT {text}")
        if parsed is None or not isinstance(parsed.tree, exp.Select) or len(parsed.tree.expressions) != 1:
            return [text]
        spans = [span(part) for part in conjuncts_of(parsed.tree.expressions[0])]
        return [parsed.slice(*at) for at in spans if at is not None] if None not in spans else [text]

    def _own_part(self, text: str, by_name: dict[str, Leaf], variable: str) -> Expr:
        """What can be told of each row by itself."""
        leaves = {name: by_name[name] for name in _labels(text, by_name)}
        moved = {name for name, leaf in leaves.items() if isinstance(leaf, Navigation) and leaf.shift}
        own = {name: _inline(leaf, variable) for name, leaf in leaves.items() if name not in moved}
        inline = _relabelled(text, own)
        labels = {name: self._label(leaf) for name, leaf in leaves.items() if name in moved}
        mixed = _relabelled(inline, {name: quote(label) for name, label in labels.items()})
        with suppress(NotPushable):
            return self.input.over_row(self._normal(mixed, labels.values()), list(labels.values()))
        constant = {name: literal(variable) for name, leaf in leaves.items() if _classifies(leaf)}
        labels = {name: self._label(leaf) for name, leaf in leaves.items() if name not in constant}
        whole = _relabelled(text, constant | {name: quote(label) for name, label in labels.items()})
        return self.input.over_labels(self._normal(whole, labels.values()), list(labels.values()))

    def _label(self, leaf: Leaf) -> str:
        assert isinstance(leaf, Navigation)
        return RowOf(self.input.row(leaf.row), leaf.shift).name

    def _normal(self, text: str, labels: Any) -> str:
        """The text with what times are compared with in the form that times have."""
        times = {label for label in labels if int(label.split(" ")[1]) in self.input.rows.times}
        return normalized(self.context.catalog, text, times)

    def _test(self, text: str, by_name: dict[str, Leaf]) -> Test:
        """What looks back, over leaves numbered anew."""
        used = _labels(text, by_name)
        leaves = tuple(by_name[name] for name in used)
        self._add_leaves(leaves)
        self.input.check_apart(text)
        anew = {name: quote(LeafOf(at).name) for at, name in enumerate(used)}
        text = self._normal_leaves(_relabelled(text, anew), leaves)
        expr = self.input.over_labels(text, [LeafOf(at).name for at in range(len(leaves))])
        return Test(bound(text, self.input.arguments), leaves, expr)

    def _normal_leaves(self, text: str, leaves: Sequence[Leaf]) -> str:
        return normalized(self.context.catalog, text, self._leaf_times(leaves))

    def _leaf_times(self, leaves: Sequence[Leaf]) -> set[str]:
        return {LeafOf(at).name for at, leaf in enumerate(leaves) if self._is_time(leaf)}

    def _is_time(self, leaf: Leaf) -> bool:
        if isinstance(leaf, Fold):
            row = leaf.argument if leaf.function in ("max", "min") else None
        else:
            row = leaf.row if isinstance(leaf, Navigation) and not leaf.row.classifier else None
        return row is not None and self.input.row(row) in self.input.rows.times

    # outputs

    def _outputs(self) -> tuple[Output, ...]:
        clause = self.clause
        keys = [self._plain(key) for key in clause.partition]
        measures = [self._measure(measure.name, self._exact(measure.expression)) for measure in clause.measures]
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
        number = self.input.row(row_of(key))
        return Output(key.column or key.text, self.input.rows.types[number], number)

    def _column(self, column: Described) -> Output:
        return Output(column.name, column.type, self.input.row(RowExpression(quote(column.name), column.name)))

    def _measure(self, name: str, expression: Expression) -> Output:
        leaves = expression.leaves
        self._add_leaves(leaves)
        names = {leaf: LeafOf(at).name for at, leaf in enumerate(leaves)}
        if len(expression.pieces) == 1 and leaves:
            (leaf,) = leaves
            type = self.input.rows.types[self.input.row(leaf.row)] if _looks_up(leaf) else ""  # type: ignore[union-attr]
            return Output(name, type, None, Column(LeafOf(0).name), leaves)
        text = expression.render(lambda leaf: quote(names[leaf]), self.constants.mark)
        text = self._normal_leaves(text, leaves)
        measure = self.input.over_labels(text, list(names.values()))
        if gives_times(self.context.catalog, text, self._leaf_times(leaves)):
            self.timely.add(measure)
        return Output(name, "", None, measure, leaves)


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
