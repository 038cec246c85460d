"""Selects of rows by conditions, or with states, that SQLite cannot pass to a virtual table.

    SELECT object_id, amount FROM users WHERE url LIKE '/shop/%' OR amount > 100
        ->  SELECT object_id, amount FROM <result> AS "users"
    SELECT u.object_id, s.plan FROM users u ASOF JOIN users s ON ... WHERE u.action = 'purchase'
        ->  SELECT u.object_id, "u"."s.plan" FROM <result> AS "u"

The scan has the columns of the table that it replaces, under their names, and hidden ones for idioms of state. It gives
the rows that meet the conditions, in the same order; a condition that it cannot decide stays in WHERE. A select with
only comparisons of columns with constants is left alone: the virtual table answers it as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from ...model.companions import AS_OF, CHANGES, IDLE, ORDER, TIMESTAMP, TS
from ...model.quoting import quote
from ...plan.path_scan import And, Column, Compare, Expr, Literal, Moment, Or, Parameter, PathScan, Sql, columns
from ...plan.sources import expression_type
from ..calls import own
from ..catalog import ROWIDS
from ..conversion import conjuncts_of, converted
from ..dialect import is_star, span
from ..edits import Arguments, EditedStatement, NotPushable, all_of, rule
from ..idioms import latest
from ..names import KnownCount, Names, Referent, alias_of, object_names, source_of
from ..reads import aliased
from ..resolver import Resolver, take_arguments

_TOLD = ("=", "<", "<=", ">", ">=")
"""The comparisons that a virtual table hears of."""


@rule(
    *("with_", "expressions", "distinct", "from_", "joins", "where", "group", "having"),
    *("windows", "order", "limit", "offset"),
    keeps_rows=True,
)
def push_rows(statement: EditedStatement, select: exp.Select) -> None:
    """Let a scan choose the rows of the select; raises NotPushable."""
    if _changes(statement):
        raise NotPushable("rows that are read while their table is changed")
    arguments = Arguments()
    scope = Resolver(statement, statement.parsed, arguments).scope(select)
    if scope is None or scope.relation.kind == "groups" or scope.relation.pairs is not None or scope.relation.ordered:
        raise NotPushable("no relation whose rows are stored")
    relation = scope.relation
    rest = []
    if select.args.get("where") is not None:
        for part in conjuncts_of(select.args["where"].this):
            if not _take(scope, part):
                rest.append(part)
    take_arguments(relation)
    _Rows(statement, select, scope, rest).run()


def _changes(statement: EditedStatement) -> bool:
    """Whether the statement writes to a sky table, or by conditions on rows as they are numbered."""
    tree = statement.parsed.tree
    if not isinstance(tree, exp.Insert):
        return isinstance(tree, exp.Update | exp.Delete)
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    entry = statement.catalog.find(target.db or None, target.name) if isinstance(target, exp.Table) else None
    return entry is None or entry.kind != "table"


def _take(scope: Names, part: exp.Expression) -> bool:
    """Whether a condition is now one of the scan's; if not, it stays in the statement."""
    saved = list(scope.arguments.texts)
    try:
        scope.relation.where.append(converted(part, scope))
    except NotPushable:
        scope.arguments.texts[:] = saved
        for column in part.find_all(exp.Column):
            if scope.find(column) in (Column(AS_OF.name), Column(IDLE.name)):
                raise
        return False
    return True


def told(part: Expr) -> bool:
    """Whether a virtual table hears of a condition, and can use it; or whether it asks nothing of a row."""
    match part:
        case Compare(op, Column() as column, Literal() | Parameter() | Moment()):
            return op in _TOLD and column == Column(column.name)
        case And(items) | Or(items):
            return all(map(told, items))
        case _:
            return not columns(part)  # an IN is many conditions: the table would be asked for each


@dataclass(slots=True)
class _Columns:
    """The columns of the result, by name, with their types; of those that are hidden, which."""

    scope: Names
    exprs: dict[str, Expr] = field(default_factory=dict)
    types: dict[str, str | None] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def add(self, name: str, expr: Expr | KnownCount | None, hidden: bool) -> None:
        """A column that the select reads; raises NotPushable if a scan cannot compute it."""
        if expr is None or isinstance(expr, KnownCount) or expr == Column(IDLE.name):
            raise NotPushable(f"{name} cannot be computed by a scan")
        if isinstance(expr, Sql) and "COLLATE" in expr.text.upper():
            raise NotPushable("an expression with a collation of its own")
        relation = self.scope.relation
        self.exprs[name] = expr
        self.types[name] = expression_type(source_of(relation), relation.table, expr)
        if hidden:
            self.hidden.add(name)

    def ordered(self) -> list[str]:
        """The names, those of hidden columns last."""
        return sorted(self.exprs, key=lambda name: name in self.hidden)

    def unused(self, label: str) -> str:
        """The label, or one like it that no column has."""
        taken = {name.lower() for name in (*self.exprs, *self.scope.relation.columns)}
        while label.lower() in taken:
            label += "'"
        return label


class _Rows:
    """The edits of one select. `rest`: the conditions that stay in it."""

    def __init__(
        self, statement: EditedStatement, select: exp.Select, scope: Names, rest: list[exp.Expression]
    ) -> None:
        self.statement = statement
        self.select = select
        self.scope = scope
        self.rest = rest
        self.item = select.args["from_"].this
        self.alias = alias_of(self.item)
        self.columns = _Columns(scope)
        self.edits: list[tuple[int, int, str]] = []
        self.mentioned = [node for node in select.find_all(exp.Column) if not is_star(node)]
        self.dropped = {id(node) for node in self._dropped()}

    def _dropped(self) -> Iterator[exp.Expr]:
        """The nodes of FROM and WHERE that the scan takes the place of, and the aliases that ORDER BY names."""
        for clause in (self.select.args["from_"], *(self.select.args.get("joins") or [])):
            yield from clause.walk()
        where, order = self.select.args.get("where"), self.select.args.get("order")
        for part in conjuncts_of(where.this) if where is not None else ():
            if all(part is not kept for kept in self.rest):
                yield from part.walk()
        aliases = {item.alias.lower() for item in self.select.expressions if isinstance(item, exp.Alias)}
        for term in order.expressions if order is not None else ():
            node = term.this if isinstance(term, exp.Ordered) else term
            if isinstance(node, exp.Column) and not node.table and node.name.lower() in aliases:
                yield node

    def run(self) -> None:
        """Find what has to change, and only then change it."""
        (_, first), *others = self.scope.relations.items()
        if any(node.args.get("db") or node.name.lower() in ROWIDS for node in self.mentioned):
            raise NotPushable("a rowid, or a column of a qualified table")
        self._check_certain()
        if len({name.lower() for name in first.names}) < len(first.names):
            raise NotPushable("columns of one name")
        stars = [item for item in self.select.expressions if is_star(item)]
        self._states()
        self._first(first, bool(stars))
        for alias, relation in others:
            self._other(alias, relation)
        for item in stars:
            self._star(item, dict(others))
        found = all(told(part) and self._heard(part) for part in first.where) or self._point(first)
        if found and not others and not self.edits:
            raise NotPushable("rows that a virtual table finds as well")
        self._apply(first)

    def _check_certain(self) -> None:
        """A name that two of the relations have is for SQLite to refuse."""
        for node in self.mentioned:
            if id(node) not in self.dropped and not node.table and node.name.lower() not in self.scope.merged:
                if sum(node.name.lower() in relation.columns for relation in self.scope.relations.values()) > 1:
                    raise NotPushable(f"{node.name} may be of two tables")

    def _heard(self, part: Expr) -> bool:
        """Whether a table uses what it is told: of changes, the object and the time."""
        names, relation = {column.name.lower() for column in columns(part)}, self.scope.relation
        return relation.kind != CHANGES or names <= {TIMESTAMP.name, TS.name, *object_names(relation)}

    @staticmethod
    def _point(relation: Referent) -> bool:
        """Whether the rows are of one object, which a virtual table finds at once."""
        names = object_names(relation)
        return any(
            isinstance(part, Compare) and part.op == "=" and isinstance(part.left, Column)
            and part.left.name.lower() in names and told(part)
            for part in relation.where
        )  # fmt: skip

    def _states(self) -> None:
        """Correlated subqueries for the state at the time become columns."""
        for item in self.select.expressions:
            for node in item.find_all(exp.Subquery):
                where = span(node)
                found = latest(self.scope, node) if node.find_ancestor(exp.Select) is self.select else None
                if found is not None and where is not None:
                    name = self.columns.unused(f"state {len(self.columns.exprs) + 1}")
                    self.columns.add(name, found, True)
                    self.edits.append((*where, self._reference(name)))
                    self.dropped |= {id(below) for below in node.walk()}

    def _reference(self, name: str) -> str:
        return (f"{quote(self.alias)}." if self.alias else "") + quote(name)

    def _first(self, relation: Referent, every: bool) -> None:
        """The columns of the first relation keep their names."""
        read = {node.name.lower() for node in self.mentioned if id(node) not in self.dropped}
        for name in relation.names:
            if every or name.lower() in read:
                self.columns.add(name, relation.columns[name.lower()], False)
        shown = {name.lower() for name in relation.names}
        for name in relation.columns:
            if name in read and name not in shown:
                self.columns.add(name, relation.columns[name], True)

    def _other(self, alias: str, relation: Referent) -> None:
        """The columns of a relation that a join added get names of their own."""
        first, inside = self.scope.relation, {id(node) for node in own(self.select)}
        for node in self.mentioned:
            where, name = span(node), node.name.lower()
            plain = not node.table and name in relation.columns and name not in first.columns
            if id(node) in self.dropped or not (node.table.lower() == alias or plain):
                continue
            if where is None or (plain and id(node) not in inside):
                raise NotPushable("a column of unknown place, or of a select that is not certain")
            self.edits.append((where[1] - (3 if node.table else 1), where[1], self._joined(alias, name, relation)))
            for item in self.select.expressions:
                if item.unnest() is node:
                    self.statement.names[id(item)] = self.scope.declared_name(node)

    def _joined(self, alias: str, name: str, relation: Referent) -> str:
        """The reference to a column of a relation that a join added."""
        label = f"{alias}.{name}"
        expr = relation.columns.get(name)
        if label not in self.columns.exprs or self.columns.exprs[label] != expr:
            label = self.columns.unused(label)
            self.columns.add(label, expr, True)
        return self._reference(label)

    def _star(self, item: exp.Expression, others: dict[str, Referent]) -> None:
        """`*` shows the columns of each relation; of those that USING made one, the first."""
        where, every = span(item), isinstance(item, exp.Star)
        if where is None:
            raise NotPushable("a star of unknown place")
        texts = [f"{quote(self.alias)}.*"] if others and every else []
        for alias in others if every else [item.text("table").lower()]:
            relation = others.get(alias)
            if relation is None:
                continue
            for name in relation.names:
                if not (every and name.lower() in self.scope.merged):
                    texts.append(f"{self._joined(alias, name.lower(), relation)} AS {quote(name)}")
        if texts:
            self.edits.append((*where, ", ".join(texts)))

    def _apply(self, relation: Referent) -> None:
        spans = [span(self.select.args["from_"]), *(span(join) for join in self.select.args.get("joins") or [])]
        spans += [span(self.select.args["where"])] if self.select.args.get("where") is not None else []
        kept = [span(part) for part in self.rest]
        known = [place for place in spans if place is not None]
        if len(known) < len(spans) or None in kept:
            raise NotPushable("a clause of unknown place")
        names = self.columns.ordered()
        plan = PathScan(
            *(relation.database, relation.table.name, source_of(relation)),
            And(tuple(relation.where)) if relation.where else None,
            tuple(self.columns.exprs[name] for name in names),
            grouped=False,
        )
        named = tuple((name, self.columns.types[name] or "") for name in names)
        call = self.statement.call(plan, named, self.scope.arguments, len(self.columns.hidden), _order(relation, plan))
        for edit in self.edits:
            self.statement.edit(*edit)
        texts = [self.statement.render(*place) for place in kept if place is not None]
        where = all_of(texts) if texts else ""
        whole = known[0][0], max(last for _, last in known)
        self.statement.edit_from(*whole, aliased(self._typed(call, names), self.alias), where)

    def _typed(self, call: str, names: list[str]) -> str:
        """The read of the scan, in which what has no affinity is an expression."""
        if all(self.columns.types[name] is not None for name in names):
            return call
        if self.columns.hidden:
            raise NotPushable("an expression without an affinity beside hidden columns")
        plus = {name: "" if self.columns.types[name] is not None else "+" for name in names}
        items = ", ".join(f"{plus[name]}{quote(name)} AS {quote(name)}" for name in names)
        return f"(SELECT {items} FROM {aliased(call)})"


def _order(relation: Referent, plan: PathScan) -> tuple[tuple[int, ...], ...]:
    """The keys of the plan by which its rows are in order."""
    places = tuple(column.name for column in ORDER.get(relation.kind, ()))
    order = []
    for wanted in ((relation.table.object_name.lower(),), places):
        order.append(tuple(at for at, key in enumerate(plan.keys) if _is_one_of(key, wanted)))
        if not order[-1]:
            return tuple(order[:-1])
    return tuple(order)


def _is_one_of(key: Expr, names: tuple[str, ...]) -> bool:
    return isinstance(key, Column) and key == Column(key.name) and key.name.lower() in names
