"""The keys and aggregates of a select, as nodes of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from ..functions import VARIES, PathFunction
from ..model.companions import CHANGES
from ..plan.labels import KeyOf, ValueOf
from ..plan.path_scan import (
    Aggregate,
    AnyAggregate,
    Column,
    Expr,
    Literal,
    Parameter,
    PathAggregate,
    PathScan,
    SqlAggregate,
)
from ..plan.sources import expression_type
from ..scan.aggregates import AggregateFunction
from .calls import call_arguments, call_name, has_aggregate, is_aggregate
from .constants import literal
from .conversion import converted
from .dialect import span
from .edits import EditedStatement, NotPushable
from .names import KnownCount, Names, Referent, object_names, runs_of, source_of
from .opaque import relabelled


@dataclass(slots=True)
class Needed:
    """The keys and aggregates that a select turns out to need."""

    keys: list[Expr] = field(default_factory=list)
    aggregates: list[AnyAggregate] = field(default_factory=list)

    def key(self, expr: Expr, scope: Names) -> str:
        """The result's column of a key; the plus takes its affinity, if the key has none."""
        plus = "+" if expression_type(source_of(scope.relation), scope.relation.table, expr) is None else ""
        return f'{plus}"{self.key_column(expr).name}"'

    def key_column(self, expr: Expr) -> Column:
        """A key, as a scan of these groups sees it."""
        if expr not in self.keys:
            self.keys.append(expr)
        return Column(KeyOf(self.keys.index(expr) + 1).name)

    def value(self, aggregate: AnyAggregate) -> str:
        """The result's column of an aggregate; the plus takes its affinity, as an aggregate has none."""
        return f'+"{self.value_column(aggregate).name}"'

    def value_column(self, aggregate: AnyAggregate) -> Column:
        """An aggregate, as a scan of these groups sees it."""
        if aggregate not in self.aggregates:
            self.aggregates.append(aggregate)
        return Column(ValueOf(self.aggregates.index(aggregate) + 1).name)


def result_columns(plan: PathScan, scope: Names) -> tuple[tuple[str, str], ...]:
    """The names and types of the columns of a scan's result."""
    table = scope.relation.table
    keys = [(KeyOf(at).name, expression_type(plan.source, table, key) or "") for at, key in enumerate(plan.keys, 1)]
    return (*keys, *((ValueOf(at).name, "") for at in range(1, len(plan.aggregates) + 1)))


def wanted_keys(scope: Names, select: exp.Select, aggregated: bool) -> list[Expr]:
    """The keys of GROUP BY, or of DISTINCT; raises NotPushable."""
    group, distinct = select.args.get("group"), select.args.get("distinct")
    if group is not None and any(group.args.get(name) for name in ("rollup", "cube", "grouping_sets", "totals", "all")):
        raise NotPushable("grouping sets")
    if distinct is not None and distinct.args.get("on"):
        raise NotPushable("DISTINCT ON")
    if group is not None:
        return [_key(scope, select, node) for node in group.expressions]
    return [] if aggregated else [_checked_key(scope, unaliased(item)) for item in select.expressions]


def _key(scope: Names, select: exp.Select, node: exp.Expression) -> Expr:
    """A term of GROUP BY: a position, a name of the relation, an alias, or an expression."""
    position = literal(node)
    if position is not None and isinstance(position.value, int) and not isinstance(node, exp.Paren | exp.Neg):
        if not 1 <= position.value <= len(select.expressions):
            raise NotPushable("a position that is out of range")
        return _checked_key(scope, unaliased(select.expressions[position.value - 1]))
    if isinstance(node, exp.Column) and not node.table and scope.find(node) is None:
        for item in select.expressions:
            if isinstance(item, exp.Alias) and item.alias.lower() == node.name.lower():
                return _checked_key(scope, item.this)
    return _checked_key(scope, node)


def unaliased(item: exp.Expression) -> exp.Expression:
    """An item without its alias."""
    return item.this if isinstance(item, exp.Alias) else item


def _checked_key(scope: Names, node: exp.Expression) -> Expr:
    if node.find(exp.Collate) is not None:
        raise NotPushable("grouping under a collation")
    if isinstance(node, exp.Star):
        raise NotPushable("all columns as keys")
    key = converted(node, scope)
    if isinstance(key, Literal):
        raise NotPushable("a constant as a key")
    return key


def convert_aggregate(scope: Names, node: exp.Expression, keys: list[Expr]) -> AnyAggregate:
    """An aggregate's call, with its FILTER if it has one; raises NotPushable."""
    call, condition = (node.this, node.expression.this) if isinstance(node, exp.Filter) else (node, None)
    name = call_name(scope.statement, call, scope.parsed)
    arguments = call_arguments(call)
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = arguments[0].expressions
    known = known_aggregate(scope.statement, name)
    if call.find(exp.Collate) is not None and (known is None or known.collates):
        raise NotPushable("an aggregate that hands on a collation of its arguments, as SQLite's functions do")
    function = scope.statement.catalog.path_functions.get(name)
    if function is not None:
        if distinct or any(isinstance(argument, exp.Order) for argument in arguments):
            raise NotPushable("DISTINCT or ORDER BY in a function over a path")
        return _over_path(scope, function, arguments, condition, keys)
    plain = (
        known is not None
        and len(arguments) == known.arguments
        and all(_is_constant(argument) for argument in arguments[known.arguments - known.constants :])
        and (not distinct or known.distinct or known.ignores_distinct)
        and not isinstance(arguments[0], exp.Order)
        and node.find(exp.Collate) is None
    )
    if known is None or not plain:
        return _by_sqlite(scope, node)
    filter = None if condition is None else converted(condition, scope)
    if isinstance(arguments[0], exp.Star):
        return Aggregate(known.name, None, filter=filter) if known.counts_rows else _by_sqlite(scope, node)
    argument, *more = (converted(node, scope) for node in arguments)
    return Aggregate(known.name, argument, distinct and known.distinct, filter, tuple(more))


def _is_constant(node: exp.Expression) -> bool:
    """Whether it is a number or a parameter."""
    return isinstance(node, exp.Placeholder) or (isinstance(node, exp.Literal) and not node.is_string)


def _over_path(
    scope: Names,
    function: PathFunction,
    arguments: list[exp.Expression],
    condition: exp.Expression | None,
    keys: list[Expr],
) -> PathAggregate:
    if scope.relation.kind == CHANGES:
        raise NotPushable("a function over a path of something else than events")
    if not any(isinstance(key, Column) and key.name.lower() in object_names(scope.relation) for key in keys):
        raise NotPushable("a function over the paths of several objects at once")
    filter = None if condition is None else converted(condition, scope)
    given = tuple(converted(argument, scope) for argument in arguments)
    if not _in_path_order(scope.relation) and _needs_order(function, given):
        raise NotPushable("groups have no order, or the one that their subquery gives them")
    return PathAggregate(function.name, given, filter)


def known_aggregate(statement: EditedStatement, name: str) -> AggregateFunction[Any] | None:
    """The aggregate of that name, if scans compute it and nobody has put another in its place."""
    catalog = statement.catalog
    return None if name in catalog.own and name not in catalog.given else catalog.by_scan.called(name)


def _in_path_order(relation: Referent) -> bool:
    """Whether a scan has the rows of the relation as they lie in a path; what is no group has its place."""
    return relation.groups is None or (not relation.ordered and bool(runs_of(_names(relation.groups), relation.table)))


def _as_sqlite_sorts(relation: Referent) -> bool:
    """Whether a scan has the rows of the relation in the order that SQLite gives them: groups sorted by their keys.

    Those of a join with moments lie in the order of the table that has the moments.
    """
    if relation.ordered or relation.pairs is not None:
        return False
    if relation.groups is None:
        return True
    keys = _names(relation.groups)
    return keys[0] == relation.table.object_name.lower() and keys == runs_of(keys, relation.table)


def _names(scan: PathScan) -> list[str]:
    """The keys of a scan that are columns, in lower case; "" for others."""
    return [key.name.lower() if isinstance(key, Column) else "" for key in scan.keys]


def _needs_order(function: PathFunction, arguments: Sequence[Expr]) -> bool:
    """Whether a function over a path may tell the order of rows of one time."""
    constants = [argument.value if isinstance(argument, Literal) else VARIES for argument in arguments]
    return function.ordered(constants) or any(isinstance(argument, Parameter) for argument in arguments)


def _by_sqlite(scope: Names, node: exp.Expression) -> SqlAggregate:
    where = span(node)
    assert where is not None
    if not _as_sqlite_sorts(scope.relation):
        raise NotPushable("an aggregate that may tell in which order a subquery gives its rows")
    if node.find(exp.Select, exp.Window, exp.Boolean) is not None:
        raise NotPushable("a subquery, or a word that may be a column, inside an aggregate")
    text, read = relabelled(node, where, scope)
    return SqlAggregate(text, read)


class GroupNames(Names):
    """The names of a select after it has been grouped: keys and aggregates are the columns of its groups."""

    def __init__(self, rows: Names, select: exp.Select, groups: Needed) -> None:
        super().__init__(rows.statement, rows.parsed, rows.relations, rows.arguments)
        self._rows = rows
        self._groups = groups
        self._aliases = {item.alias.lower(): item.this for item in select.expressions if isinstance(item, exp.Alias)}

    def refuses(self, _node: exp.Expression) -> bool:
        """Nothing: aggregates are columns of the groups."""
        return False

    # the columns of the groups may have names of columns that the rows have, as those may be groups, too

    def is_time(self, column: Expr | KnownCount | None) -> bool:
        """Whether a key holds timestamps."""
        keys = [key for key in self._groups.keys if self._groups.key_column(key) == column]
        return any(map(self._rows.is_time, keys))

    def is_object(self, _column: Expr | KnownCount | None) -> bool:
        """Nothing is known of a column but whether it is a time."""
        return False

    def is_key(self, _column: Expr | KnownCount | None) -> bool:
        """Nothing is known of a column but whether it is a time."""
        return False

    def _stored_type(self, _column: Column) -> str | None:
        return None

    def leaf(self, node: exp.Expression) -> Column | None:
        """The column that an aggregate or a key is, or None."""
        if is_aggregate(self.statement, node.this if isinstance(node, exp.Filter) else node, self.parsed):
            return self._groups.value_column(convert_aggregate(self._rows, node, self._groups.keys))
        return self._key(node)

    def leaves(self, node: exp.Expression) -> Iterator[tuple[tuple[int, int], Expr]]:
        """The aggregates and keys at or below a node."""
        leaf, at = self.leaf(node), span(node)
        if leaf is not None and at is not None:
            yield at, leaf
        elif isinstance(node, exp.Column):
            yield from super().leaves(node)
        else:
            for child in node.iter_expressions():
                yield from self.leaves(child)

    def _key(self, node: exp.Expression) -> Column | None:
        if isinstance(node, exp.Literal | exp.Null | exp.Boolean | exp.Placeholder):
            return None
        if has_aggregate(self.statement, node, self.parsed):
            return None
        saved = list(self.arguments.texts)
        try:
            key = converted(node, self._rows)
        except NotPushable:
            key = None
        if key is not None and key in self._groups.keys:
            return self._groups.key_column(key)
        self.arguments.texts[:] = saved
        return None

    def find(self, node: exp.Column) -> Expr | None:
        """A key by its name or alias; any other column of the rows is of no certain row of the group."""
        found = self._rows.find(node)
        if found is None:
            meant = self._aliases.get(node.name.lower()) if not node.table else None
            return None if meant is None else converted(meant, self)
        if not isinstance(found, KnownCount) and found in self._groups.keys:
            return self._groups.key_column(found)
        raise NotPushable(f"{node.name} is neither a key nor aggregated")
