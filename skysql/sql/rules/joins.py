"""Joins of events with ordinary tables: aggregated by object (and whatever else of the events is grouped by) before the
join, so that SQLite joins a row an object instead of a row an event.

    SELECT c.segment, count(*), avg(u.amount) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY c.segment

becomes

    SELECT c.segment, sum("u"."value 1") AS "count(*)", sum("u"."value 2") * 1.0 / sum("u"."value 3") AS "avg(u.amount)"
    FROM <result> AS "u" JOIN customers c ON c.id = "u"."key 1" GROUP BY c.segment

Every mention of the events outside of aggregates becomes a key; conditions on the events alone go into the scan.
"""

from __future__ import annotations

from sqlglot import exp

from ...model.companions import AS_OF, CHANGES, IDLE
from ...model.quoting import quote
from ...plan.path_scan import Aggregate, And, Column, Expr, Literal, PathScan
from ...scan.aggregates import OverJoin
from ..calls import call_arguments, call_name, has_aggregate, is_aggregate, repeatable
from ..conversion import among, conjuncts_of, converted
from ..dialect import join_form, span
from ..edits import Arguments, EditedStatement, NotPushable, all_of, rule
from ..grouping import Needed, known_aggregate, result_columns
from ..names import Names, alias_of, source_of
from ..resolver import Resolver, take_arguments
from .moments import ordinary_table


@rule("with_", "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset")
def push_below_join(statement: EditedStatement, select: exp.Select) -> None:
    """Aggregate the events before they are joined; raises NotPushable."""
    joins = select.args.get("joins") or []
    if not joins or select.args.get("from_") is None:
        raise NotPushable("no join")
    if any(isinstance(item, exp.Star) or item.find(exp.Star, bfs=True) is item for item in select.expressions):
        raise NotPushable("all columns of a join")
    for join in joins:
        if join_form(join) not in ("INNER", "LEFT") or join.args.get("using"):
            raise NotPushable("an outer or ASOF join, or USING")
    arguments = Arguments()
    resolver = Resolver(statement, statement.parsed, arguments)
    items = [select.args["from_"].this, *(join.this for join in joins)]
    found = [(at, relation) for at, item in enumerate(items) if (relation := resolver.resolve(item)) is not None]
    if len(found) > 1:  # changes may be left to SQLite
        found = [(at, relation) for at, relation in found if relation.kind != CHANGES]
    if len(found) != 1:
        raise NotPushable("not exactly one sky table")
    at, relation = found[0]
    if at > 0 and str(joins[at - 1].args.get("side") or ""):
        raise NotPushable("events on the right of LEFT JOIN")
    alias = alias_of(items[at]).lower()
    scope = Names(statement, statement.parsed, {alias: relation}, arguments)
    _Below(statement, select, scope, items, at).run()


class _Below:
    """The edits of one select."""

    def __init__(
        self, statement: EditedStatement, select: exp.Select, scope: Names, items: list[exp.Expression], at: int
    ) -> None:
        self.statement = statement
        self.select = select
        self.scope = scope
        self.item = items[at]
        self.alias = quote(alias_of(items[at]))
        self.groups = Needed()
        self.edits: list[tuple[int, int, str]] = []
        self.others = [item for place, item in enumerate(items) if place != at]

    def run(self) -> None:
        """Find what has to change, and only then change it."""
        select = self.select
        aggregated = [c for c in (*select.expressions, select.args.get("having"), select.args.get("order")) if c]
        if not any(has_aggregate(self.statement, clause) for clause in aggregated):
            raise NotPushable("nothing to aggregate")
        if select.args.get("where") is not None:
            self._conditions(select.args["where"].this, take=True)
        for join in select.args["joins"]:
            if join.args.get("on") is not None:
                self._conditions(join.args["on"], take=not join.args.get("side"))
        self._restrict()
        for item in select.expressions:
            self._item(item)
        for name in ("group", "having", "order"):
            clause = select.args.get(name)
            for child in clause.iter_expressions() if clause is not None else ():
                self._replace(child)
        self._check_bare()
        take_arguments(self.scope.relation)
        if not self.groups.keys:
            raise NotPushable("a join that mentions no key")
        self._apply()

    def _restrict(self) -> None:
        """Of a table with conditions of its own, only the objects of the rows that meet them matter."""
        where = self.select.args.get("where")
        parts = conjuncts_of(where.this) if where is not None else []
        for join in self.select.args["joins"]:
            if join.args.get("on") is not None and not join.args.get("side"):
                parts += conjuncts_of(join.args["on"])
        for part in parts:
            for mine, other in ((part.this, part.expression), (part.expression, part.this)):
                if isinstance(part, exp.EQ) and isinstance(mine, exp.Column) and isinstance(other, exp.Column):
                    self._restrict_to(mine, other, parts)

    def _restrict_to(self, mine: exp.Column, other: exp.Column, parts: list[exp.Expression]) -> None:
        column, at = self.scope.find(mine) if self._mine(mine) else None, span(other)
        items = [item for item in self.others if item.alias_or_name.lower() == other.table.lower()]
        entry = ordinary_table(self.statement, items[0]) if other.table and len(items) == 1 else None
        if not isinstance(column, Column) or not (self.scope.is_object(column) or self.scope.is_key(column)):
            return
        places = [span(part) for part in parts if self._only(part, other.table)]
        known = [place for place in (at, span(items[0]) if items else None, *places) if place is not None]
        if entry is None or not places or len(known) < len(places) + 2:
            return
        key, table, *conditions = [self.statement.render(*place) for place in known]
        query = f"SELECT {key} FROM {table} WHERE {all_of(conditions)}"
        self.scope.relation.where.append(among(column, query, self.scope))

    def _only(self, part: exp.Expression, alias: str) -> bool:
        """Whether a condition reads nothing but the table of that alias, and says the same each time."""
        read = list(part.find_all(exp.Column))
        return bool(read) and all(c.table.lower() == alias.lower() for c in read) and repeatable(self.statement, part)

    def _check_bare(self) -> None:
        """Without GROUP BY, SQLite shows columns beside aggregates from some event's row, which no group is."""
        keys = self.select.args["group"].expressions if self.select.args.get("group") else ()
        for item in self.select.expressions:
            node = item.this if isinstance(item, exp.Alias) else item
            bare = not has_aggregate(self.statement, node) and node.find(exp.Column) is not None
            if bare and node not in keys and not self._named(item):
                raise NotPushable("a column that is not grouped by")

    def _named(self, item: exp.Expression) -> bool:
        """Whether GROUP BY has the item by its alias or position."""
        group = self.select.args.get("group")
        place = self.select.expressions.index(item) + 1
        for node in group.expressions if group is not None else ():
            if isinstance(node, exp.Literal) and str(node.this) == str(place):
                return True
            if isinstance(item, exp.Alias) and isinstance(node, exp.Column) and node.name == item.alias:
                return True
        return False

    def _conditions(self, node: exp.Expression, take: bool) -> None:
        for part in conjuncts_of(node):
            where = span(part)
            if where is None:
                raise NotPushable("a condition of unknown place")
            if take and self._ours(part):
                self.scope.relation.where.append(converted(part, self.scope))
                self.edits.append((*where, "1"))
            else:
                self._replace(part)

    def _ours(self, node: exp.Expression) -> bool:
        """Whether the node reads the events, and nothing else."""
        found = [self._mine(column) for column in node.find_all(exp.Column)]
        return bool(found) and all(found)

    def _mine(self, column: exp.Column) -> bool:
        """Whether a column is the events'. An unqualified one may be another table's: then it is not certain."""
        found = self.scope.find(column)
        if found is None:
            return False
        if found in (Column(AS_OF.name), Column(IDLE.name)):
            raise NotPushable("as of a moment, or after a gap, of each row")
        if not column.table:
            for item in self.others:
                known = isinstance(item, exp.Table) and not isinstance(item.this, exp.Anonymous)
                entry = self.statement.catalog.find(item.text("db") or None, item.name) if known else None
                if entry is None or column.name.lower() in (entry.sql or "").lower():
                    raise NotPushable(f"{column.name} may be of two tables")
        return True

    def _item(self, item: exp.Expression) -> None:
        node = item.this if isinstance(item, exp.Alias) else item
        where = span(node)
        if where is None:
            raise NotPushable("an item of unknown place")
        self._replace(node)
        column = item.unnest()
        if isinstance(column, exp.Column) and self._mine(column):
            self.statement.names[id(item)] = self.scope.declared_name(column)

    def _replace(self, node: exp.Expression) -> None:
        where = span(node)
        call, condition = (node.this, node.expression.this) if isinstance(node, exp.Filter) else (node, None)
        if is_aggregate(self.statement, call):
            if where is None:
                raise NotPushable("an aggregate of unknown place")
            text = self._combined(call, condition)
            if text is not None:
                self.edits.append((*where, text))
                return
        if isinstance(node, exp.Subquery | exp.Select | exp.Exists):
            if self.scope.mentions_inside(node):
                raise NotPushable("a correlated subquery")
            return
        if isinstance(node, exp.Column):
            if self._mine(node):
                if where is None:
                    raise NotPushable("a column of unknown place")
                self.edits.append((*where, f"{self._key(converted(node, self.scope))}"))
            return
        for child in node.iter_expressions():
            self._replace(child)

    def _key(self, expr: Expr) -> str:
        text = self.groups.key(expr, self.scope)
        return f"+{self.alias}.{text[1:]}" if text[0] == "+" else f"{self.alias}.{text}"

    def _combined(self, call: exp.Expression, condition: exp.Expression | None) -> str | None:
        """An aggregate over the join as one over the partial ones; None if it may stay as it is."""
        name, arguments = call_name(self.statement, call), call_arguments(call)
        inner = arguments[0] if arguments else None
        extreme = (function := self.statement.catalog.by_scan.called(name)) is not None and not function.repeats
        if isinstance(inner, exp.Distinct) or extreme:
            theirs = condition is None or self._theirs(condition)
            if theirs and not (extreme and self._ours(call)):
                return None
            raise NotPushable("a filter beside DISTINCT") if condition is not None else NotPushable("an extreme")
        function = known_aggregate(self.statement, name)
        over_join = None if function is None or len(arguments) > function.arguments else function.over_join
        if over_join is None or call.find(exp.Collate) is not None:
            raise NotPushable(f"{name}() over a join")
        inner = None if isinstance(inner, exp.Star) else inner
        if inner is not None and self._theirs(inner) and (condition is None or self._theirs(condition)):
            return self._repeated(over_join, inner, condition)
        if any(part is not None and not self._ours(part) for part in (inner, condition)):
            raise NotPushable("an aggregate of the other table")
        filter = None if condition is None else converted(condition, self.scope)
        argument = None if inner is None else converted(inner, self.scope)
        if isinstance(argument, Literal):
            raise NotPushable("an aggregate of a constant")

        def part(function: str) -> str:
            return f"{self.alias}.{self.groups.value(Aggregate(function, argument, False, filter)).lstrip('+')}"

        return over_join.of_parts(part, self._of_integers(argument))

    def _of_integers(self, argument: Expr | None) -> bool:
        """Whether it is a property that holds nothing else."""
        property = self.scope.relation.table.find(argument.name) if isinstance(argument, Column) else None
        return property is not None and property.kind.integral

    def _theirs(self, node: exp.Expression) -> bool:
        """Whether a node reads columns, and none of the events."""
        read = list(node.find_all(exp.Column))
        return bool(read) and node.find(exp.Select) is None and not any(self._mine(column) for column in read)

    def _repeated(self, over_join: OverJoin, inner: exp.Expression, condition: exp.Expression | None) -> str:
        """An aggregate of a joined row's value, repeated once for each event of the group."""
        places = span(inner), None if condition is None else span(condition)
        if places[0] is None or (condition is not None and places[1] is None):
            raise NotPushable("an aggregate of unknown place")
        value = f"({self.statement.render(*places[0])})"
        times = f"{self.alias}.{self.groups.value(Aggregate('count', None)).lstrip('+')}"
        only = f" FILTER (WHERE {self.statement.render(*places[1])})" if places[1] is not None else ""
        return over_join.repeated(value, times, only)

    def _apply(self) -> None:
        relation, at = self.scope.relation, span(self.item)
        if at is None:
            raise NotPushable("a table of unknown place")
        plan = PathScan(
            *(relation.database, relation.table.name, source_of(relation)),
            And(tuple(relation.where)) if relation.where else None,
            tuple(self.groups.keys),
            tuple(self.groups.aggregates),
            partial=True,
        )
        call = self.statement.call(plan, result_columns(plan, self.scope), self.scope.arguments)
        for edit in self.edits:
            self.statement.edit(*edit)
        self.statement.edit(*at, f"{call} AS {self.alias}")
