"""The rule at the heart: a grouped select over a relation becomes a read of a path scan's groups.

    SELECT plan, count(*) FROM users WHERE action = 'purchase' GROUP BY plan HAVING count(*) > 5 ORDER BY 2

becomes, in the user's own text,

    SELECT "key 1" AS "plan", "value 1" AS "count(*)" FROM sky_scan_1 WHERE "value 1" > 5 ORDER BY 2

FROM ... WHERE ... GROUP BY is the scan; each aggregate and each group expression is a column of its result; HAVING is a
WHERE on it; all the rest (expressions around aggregates, window functions, ORDER BY, LIMIT) stays and is SQLite's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from ..evaluate import declared_type
from ..plan import (
    Aggregate,
    And,
    Column,
    Expr,
    Literal,
    PathScan,
    SqlAggregate,
)
from .convert import Scope, conjuncts_of, literal, source_of
from .dialect import TokenType, span
from .pairs import pair_relation
from .relation import Resolver, take_as_of
from .state import IDIOMS
from .statement import Arguments, NotPushable, Statement

_NATIVE = frozenset({"count", "sum", "total", "avg", "min", "max"})


@dataclass(slots=True)
class Groups:
    """The keys and aggregates that a select turns out to need."""

    keys: list[Expr] = field(default_factory=list)
    aggregates: list[Aggregate | SqlAggregate] = field(default_factory=list)

    def key(self, expr: Expr) -> str:
        """The result's column of a key."""
        if expr not in self.keys:
            self.keys.append(expr)
        plus = "" if isinstance(expr, Column) else "+"
        return f'{plus}"key {self.keys.index(expr) + 1}"'

    def value(self, aggregate: Aggregate | SqlAggregate) -> str:
        """The result's column of an aggregate; the plus takes its affinity, as an aggregate has none."""
        if aggregate not in self.aggregates:
            self.aggregates.append(aggregate)
        return f'+"value {self.aggregates.index(aggregate) + 1}"'


def push_aggregate(statement: Statement, select: exp.Select) -> None:
    """Rewrite the select if a path scan can compute its groups; raises NotPushable if not."""
    if select.args.get("windows") or select.args.get("qualify") or select.args.get("into"):
        raise NotPushable("a clause that scans do not know")
    aggregated = _has_aggregates(statement, select)
    group = select.args.get("group")
    distinct = select.args.get("distinct")
    if not aggregated and group is None and distinct is None:
        raise NotPushable("nothing to aggregate")
    if group is not None and any(group.args.get(name) for name in ("rollup", "cube", "grouping_sets", "totals", "all")):
        raise NotPushable("grouping sets")
    if distinct is not None and distinct.args.get("on"):
        raise NotPushable("DISTINCT ON")
    scope = _scope(statement, select)
    groups = Groups()
    if group is not None:
        for node in group.expressions:
            groups.key(_key(scope, select, node))
    elif not aggregated:
        for item in select.expressions:
            groups.key(_checked_key(scope, item.this if isinstance(item, exp.Alias) else item))
    _Rewrite(statement, scope, groups, select, group is not None or not aggregated).run()


def _scope(statement: Statement, select: exp.Select) -> Scope:
    """The names of the select, with the conditions on its rows."""
    arguments = Arguments()
    scope = Resolver(statement, statement.source, arguments, IDIOMS).scope(select)
    if scope is None:
        scope, relation, join = pair_relation(statement, select, arguments)
        relation.where += [scope.convert(part) for part in join.rest if not join.of_table(part)]
        return scope
    relation = scope.relation
    if select.args.get("where") is not None:
        relation.where += [scope.convert(part) for part in conjuncts_of(select.args["where"].this)]
    take_as_of(relation)
    return scope


def _has_aggregates(statement: Statement, select: exp.Select) -> bool:
    clauses = [*select.expressions, select.args.get("having"), select.args.get("order")]
    return any(
        clause is not None and any(is_aggregate(statement, node) for node in own(clause)) for clause in clauses
    )


def own(node: exp.Expression) -> list[exp.Expression]:
    """The node and those below it that belong to the same select."""
    found = [node]
    for child in node.iter_expressions():
        if not isinstance(child, exp.Subquery | exp.Select):
            found += own(child)
    return found


def call_name(statement: Statement, node: exp.Expression) -> str:
    """The name that a function is called by in the text, in lower case; '' if the node is no call."""
    where = span(node.parent) if isinstance(node.parent, exp.Filter) and node.arg_key == "this" else span(node)
    if not isinstance(node, exp.Func) or where is None or where[1] - where[0] < 3:
        return ""
    tokens = statement.source.tokens
    return tokens[where[0]].text.lower() if tokens[where[0] + 1].token_type is TokenType.L_PAREN else ""


def call_arguments(call: exp.Expression) -> list[exp.Expression]:
    """The arguments of a call, whether sqlglot knows the function or not."""
    own = [] if isinstance(call, exp.Anonymous) or call.this is None else [call.this]
    return own + (call.args.get("expressions") or [])


def is_aggregate(statement: Statement, node: exp.Expression) -> bool:
    """Whether the node calls an aggregate, and not as a window function."""
    name = call_name(statement, node)
    if name not in statement.catalog.aggregates:
        return False
    if name in ("min", "max") and len(call_arguments(node)) != 1:
        return False
    parent = node.parent.parent if isinstance(node.parent, exp.Filter | exp.IgnoreNulls) else node.parent
    return not (isinstance(parent, exp.Window) and node in (parent.this, getattr(parent.this, "this", None)))


def _key(scope: Scope, select: exp.Select, node: exp.Expression) -> Expr:
    """A term of GROUP BY: a position, a name of the relation, an alias, or an expression."""
    position = literal(node)
    if position is not None and isinstance(position.value, int) and not isinstance(node, exp.Paren | exp.Neg):
        if not 1 <= position.value <= len(select.expressions):
            raise NotPushable("a position that is out of range")
        return _checked_key(scope, _unaliased(select.expressions[position.value - 1]))
    if isinstance(node, exp.Column) and not node.table and scope.find(node) is None:
        for item in select.expressions:
            if isinstance(item, exp.Alias) and item.alias.lower() == node.name.lower():
                return _checked_key(scope, item.this)
    return _checked_key(scope, node)


def _unaliased(item: exp.Expression) -> exp.Expression:
    return item.this if isinstance(item, exp.Alias) else item


def _checked_key(scope: Scope, node: exp.Expression) -> Expr:
    if node.find(exp.Collate) is not None:
        raise NotPushable("grouping under a collation")
    if isinstance(node, exp.Star):
        raise NotPushable("all columns as keys")
    key = scope.convert(node)
    if isinstance(key, Literal):
        raise NotPushable("a constant as a key")
    return key


class _Rewrite:
    """The edits of one select."""

    def __init__(self, statement: Statement, scope: Scope, groups: Groups, select: exp.Select, grouped: bool) -> None:
        self.statement = statement
        self.scope = scope
        self.groups = groups
        self.select = select
        self.grouped = grouped
        self.edits: list[tuple[int, int, str]] = []

    def run(self) -> None:
        """Find what has to change, and only then change it."""
        for item in self.select.expressions:
            self._item(item)
        having, order = self.select.args.get("having"), self.select.args.get("order")
        if having is not None:
            self._replace(having.this)
        if order is not None:
            for term in order.expressions:
                self._order_term(term)
        call = self._call()
        first, last = self._clauses()
        for edit in self.edits:
            self.statement.edit(*edit)
        self.statement.edit(first, last, f"FROM {call}")
        if having is not None:
            at = span(having)
            assert at is not None
            self.statement.edit(at[0], at[0] + 1, "WHERE")

    def _item(self, item: exp.Expression) -> None:
        node = _unaliased(item)
        where = span(node)
        if isinstance(node, exp.Star) or where is None:
            raise NotPushable("an item of unknown place")
        self._replace(node)
        column = item.unnest()
        if isinstance(column, exp.Column) and self.statement.source.tokens[where[0]].text != "+":
            self.statement.names[id(item)] = self.scope.declared_name(column)

    def _order_term(self, term: exp.Expression) -> None:
        node = term.this if isinstance(term, exp.Ordered) else term
        if isinstance(node, exp.Column) and not node.table:
            aliases = {item.alias.lower() for item in self.select.expressions if isinstance(item, exp.Alias)}
            if node.name.lower() in aliases:
                return
        if isinstance(node, exp.Literal):
            return
        self._replace(node)

    def _replace(self, node: exp.Expression) -> None:
        """Put result columns in the place of aggregates and keys, at the node or below it."""
        where = span(node)
        if self._aggregate(node, where):
            return
        if self._matches_key(node, where):
            return
        if isinstance(node, exp.Subquery | exp.Select | exp.Exists):
            if self.scope.mentions_inside(node):
                raise NotPushable("a correlated subquery beside aggregates")
            return
        if isinstance(node, exp.Column):
            if self.scope.find(node) is not None:
                raise NotPushable(f"{node.name} is neither a key nor aggregated")
            if node.table or not self._is_alias(node.name):
                raise NotPushable(f"{node.name} is not a column of the scan")
            return
        for child in node.iter_expressions():
            self._replace(child)

    def _is_alias(self, name: str) -> bool:
        return any(isinstance(i, exp.Alias) and i.alias.lower() == name.lower() for i in self.select.expressions)

    def _aggregate(self, node: exp.Expression, where: tuple[int, int] | None) -> bool:
        condition = None
        call = node
        if isinstance(node, exp.Filter):
            call, condition = node.this, node.expression.this
        if not is_aggregate(self.statement, call):
            return False
        if where is None:
            raise NotPushable("an aggregate of unknown place")
        self.edits.append((*where, self.groups.value(self._converted(node, call, condition))))
        return True

    def _converted(
        self, node: exp.Expression, call: exp.Expression, condition: exp.Expression | None
    ) -> Aggregate | SqlAggregate:
        name = call_name(self.statement, call)
        arguments = call_arguments(call)
        inner = arguments[0] if arguments else None
        distinct = isinstance(inner, exp.Distinct)
        if isinstance(inner, exp.Distinct):
            arguments = inner.expressions
        plain = (
            name in _NATIVE
            and name not in self.statement.catalog.own
            and len(arguments) == 1
            and (not distinct or name in ("count", "min", "max"))
            and not isinstance(inner, exp.Order)
            and node.find(exp.Collate) is None
        )
        if not plain:
            return self._by_sqlite(node)
        filter = None if condition is None else self.scope.convert(condition)
        argument = arguments[0]
        if isinstance(argument, exp.Star):
            return Aggregate("count", None, False, filter)
        return Aggregate(name, self.scope.convert(argument), distinct and name == "count", filter)

    def _by_sqlite(self, node: exp.Expression) -> SqlAggregate:
        where = span(node)
        assert where is not None
        if node.find(exp.Select, exp.Window, exp.Boolean) is not None:
            raise NotPushable("a subquery, or a word that may be a column, inside an aggregate")
        text, read = self.scope.relabel(node, where)
        return SqlAggregate(text, read)

    def _matches_key(self, node: exp.Expression, where: tuple[int, int] | None) -> bool:
        if where is None or not self.groups.keys or not isinstance(node, exp.Expression):
            return False
        if isinstance(node, exp.Literal | exp.Null | exp.Boolean | exp.Placeholder | exp.Ordered):
            return False
        if any(is_aggregate(self.statement, below) for below in own(node)):
            return False
        kept = list(self.scope.arguments.texts)
        try:
            key = self.scope.convert(node)
        except NotPushable:
            self.scope.arguments.texts[:] = kept
            return False
        if key not in self.groups.keys:
            self.scope.arguments.texts[:] = kept
            return False
        self.edits.append((*where, self.groups.key(key)))
        return True

    def _call(self) -> str:
        relation = self.scope.relation
        plan = PathScan(
            relation.database,
            relation.table.name,
            source_of(relation),
            And(tuple(relation.where)) if relation.where else None,
            tuple(self.groups.keys),
            tuple(self.groups.aggregates),
        )
        names = [
            (f"key {at}", declared_type(relation.table, key.name) if isinstance(key, Column) else "")
            for at, key in enumerate(plan.keys, 1)
        ]
        names += [(f"value {at}", "") for at in range(1, len(plan.aggregates) + 1)]
        return self.statement.call(plan, tuple(names), self.scope.arguments)

    def _clauses(self) -> tuple[int, int]:
        """The tokens of FROM ... [JOIN ...] [WHERE ...] [GROUP BY ...]."""
        spans = [span(self.select.args["from_"])]
        spans += [span(join) for join in self.select.args.get("joins") or []]
        spans += [span(self.select.args[name]) for name in ("where", "group") if self.select.args.get(name) is not None]
        known = [at for at in spans if at is not None]
        if len(known) != len(spans):
            raise NotPushable("a clause of unknown place")
        return known[0][0], max(last for _, last in known)
