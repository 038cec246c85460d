"""The rule at the heart: a grouped select over a relation becomes a read of a path scan's groups.

    SELECT plan, count(*) FROM users WHERE action = 'purchase' GROUP BY plan HAVING count(*) > 5 ORDER BY 2

becomes, in the user's own text,

    SELECT "key 1" AS "plan", "value 1" AS "count(*)" FROM <result> AS "users" WHERE "value 1" > 5
    ORDER BY 2

FROM ... WHERE ... GROUP BY is the scan. Each aggregate and each group expression is a column of its result. HAVING is a
WHERE on that. The rest stays SQLite's: expressions around aggregates, window functions, ORDER BY, LIMIT.
"""

from __future__ import annotations

from sqlglot import exp

from ...plan.path_scan import And, PathScan
from ..calls import has_aggregate, has_aggregates, is_aggregate
from ..conversion import conjuncts_of, converted
from ..dialect import span
from ..edits import Arguments, EditedStatement, NotPushable, rule
from ..grouping import Needed, convert_aggregate, result_columns, unaliased, wanted_keys
from ..names import Names, alias_of, source_of
from ..reads import aliased
from ..resolver import Resolver, take_arguments
from .moments import pair_relation


@rule("with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit", "offset")
def push_aggregate(statement: EditedStatement, select: exp.Select) -> None:
    """Rewrite the select if a path scan can compute its groups; raises NotPushable if not."""
    aggregated, group = has_aggregates(statement, select), select.args.get("group")
    if not aggregated and group is None and select.args.get("distinct") is None:
        raise NotPushable("nothing to aggregate")
    scope = _scope(statement, select)
    groups = Needed(wanted_keys(scope, select, aggregated))
    _Rewrite(statement, scope, groups, select).run()


def _scope(statement: EditedStatement, select: exp.Select) -> Names:
    """The names of the select, with the conditions on its rows."""
    arguments = Arguments()
    scope = Resolver(statement, statement.parsed, arguments).scope(select)
    if scope is None:
        scope, relation, join = pair_relation(statement, select, arguments)
        relation.where += [converted(part, scope) for part in join.rest]
        return scope
    relation = scope.relation
    if select.args.get("where") is not None:
        relation.where += [converted(part, scope) for part in conjuncts_of(select.args["where"].this)]
    take_arguments(relation)
    return scope


class _Rewrite:
    """The edits of one select."""

    def __init__(self, statement: EditedStatement, scope: Names, groups: Needed, select: exp.Select) -> None:
        self.statement = statement
        self.scope = scope
        self.groups = groups
        self.select = select
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
        self.statement.edit_from(first, last, aliased(call, alias_of(self.select.args["from_"].this)))
        if having is not None:
            at = span(having)
            assert at is not None
            self.statement.edit(at[0], at[0] + 1, "WHERE")

    def _item(self, item: exp.Expression) -> None:
        node = unaliased(item)
        where = span(node)
        if isinstance(node, exp.Star) or where is None:
            raise NotPushable("an item of unknown place")
        self._replace(node)
        column = item.unnest()
        if isinstance(column, exp.Column):
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
        if not is_aggregate(self.statement, node.this if isinstance(node, exp.Filter) else node):
            return False
        if where is None:
            raise NotPushable("an aggregate of unknown place")
        self.edits.append((*where, self.groups.value(convert_aggregate(self.scope, node, self.groups.keys))))
        return True

    def _matches_key(self, node: exp.Expression, where: tuple[int, int] | None) -> bool:
        if where is None or not self.groups.keys or not isinstance(node, exp.Expression):
            return False
        if isinstance(node, exp.Literal | exp.Null | exp.Boolean | exp.Placeholder | exp.Ordered):
            return False
        if has_aggregate(self.statement, node):
            return False
        saved = list(self.scope.arguments.texts)
        try:
            key = converted(node, self.scope)
        except NotPushable:
            self.scope.arguments.texts[:] = saved
            return False
        if key not in self.groups.keys:
            self.scope.arguments.texts[:] = saved
            return False
        self.edits.append((*where, self.groups.key(key, self.scope)))
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
        return self.statement.call(plan, result_columns(plan, self.scope), self.scope.arguments)

    def _clauses(self) -> tuple[int, int]:
        """The tokens of FROM ... [JOIN ...] [WHERE ...] [GROUP BY ...]."""
        spans = [span(self.select.args["from_"])]
        spans += [span(join) for join in self.select.args.get("joins") or []]
        spans += [span(self.select.args[name]) for name in ("where", "group") if self.select.args.get(name) is not None]
        known = [at for at in spans if at is not None]
        if len(known) != len(spans):
            raise NotPushable("a clause of unknown place")
        return known[0][0], max(last for _, last in known)
