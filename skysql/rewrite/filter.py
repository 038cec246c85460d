"""Selects of rows whose conditions or states take more than a virtual table is told by SQLite.

    SELECT object_id, amount FROM users WHERE url LIKE '/shop/%' OR amount > 100
        ->  SELECT object_id, amount FROM sky_scan_1 AS users
    SELECT u.object_id, s.plan FROM users u ASOF JOIN users s ON ... WHERE u.action = 'purchase'
        ->  SELECT u.object_id, "u"."s.plan" FROM sky_scan_1 AS u

The scan has the columns of what it stands for under their names, and what idioms of state add as hidden ones. A select
that a virtual table answers as well, by comparisons of columns with constants, is left as it is: its rows come in the
same order, as they are fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from ..evaluate import column_type
from ..plan import And, Column, Compare, Expr, InSet, Literal, Moment, Or, Parameter, PathScan, Sql
from ..schema import quote
from .convert import KnownCount, Relation, Scope, alias_of, conjuncts_of, source_of
from .dialect import is_star, span
from .grouping import own
from .relation import Resolver, take_arguments
from .state import IDIOMS, latest
from .statement import Arguments, NotPushable, Statement

_ROWIDS = ("rowid", "_rowid_", "oid")
_TOLD = ("=", "<", "<=", ">", ">=", "IS")
"""The comparisons that a virtual table hears of."""


def push_rows(statement: Statement, select: exp.Select) -> None:
    """Let a scan choose the rows of the select; raises NotPushable."""
    if isinstance(statement.source.tree, exp.Update | exp.Delete):
        raise NotPushable("rows to be changed are found as they are numbered")
    arguments = Arguments()
    scope = Resolver(statement, statement.source, arguments, IDIOMS).scope(select)
    if scope is None or scope.relation.kind not in ("events", "objects", "sessions"):
        raise NotPushable("no relation whose rows are stored")
    relation = scope.relation
    if select.args.get("where") is not None:
        relation.where += [scope.convert(part) for part in conjuncts_of(select.args["where"].this)]
    take_arguments(relation)
    _Rows(statement, select, scope).run()


def told(part: Expr) -> bool:
    """Whether a virtual table hears of a condition, and can use it."""
    match part:
        case Compare(op, Column() as column, Literal() | Parameter() | Moment()):
            return op in _TOLD and column == Column(column.name)
        case InSet():
            return True
        case And(items) | Or(items):
            return all(map(told, items))
        case _:
            return False


@dataclass(slots=True)
class _Columns:
    """The columns of the result, by name; of those that are hidden, which."""

    exprs: dict[str, Expr] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def add(self, name: str, expr: Expr | KnownCount | None, hidden: bool) -> None:
        """A column that the select reads; raises NotPushable if a scan cannot compute it."""
        if expr is None or isinstance(expr, KnownCount) or expr == Column("idle"):
            raise NotPushable(f"{name} cannot be computed by a scan")
        if isinstance(expr, Sql) and ("COLLATE" in expr.text.upper() or expr.text.upper().startswith("CAST")):
            raise NotPushable("an expression with a collation or an affinity of its own")
        self.exprs[name] = expr
        if hidden:
            self.hidden.add(name)

    def ordered(self) -> list[str]:
        """The names, those of hidden columns last."""
        return sorted(self.exprs, key=lambda name: name in self.hidden)


class _Rows:
    """The edits of one select."""

    def __init__(self, statement: Statement, select: exp.Select, scope: Scope) -> None:
        self.statement = statement
        self.select = select
        self.scope = scope
        self.item = select.args["from_"].this
        self.alias = alias_of(self.item)
        self.columns = _Columns()
        self.edits: list[tuple[int, int, str]] = []
        self.mentioned = [node for node in select.find_all(exp.Column) if not is_star(node)]
        self.dropped = {id(node) for node in self._dropped()}

    def _dropped(self) -> list[exp.Expr]:
        """The nodes of FROM and WHERE, which the scan takes the place of."""
        clauses = [self.select.args["from_"], self.select.args.get("where"), *(self.select.args.get("joins") or [])]
        return [node for clause in clauses if clause is not None for node in clause.walk()]

    def run(self) -> None:
        """Find what has to change, and only then change it."""
        first, *others = self.scope.relations.items()
        stars = [item for item in self.select.expressions if is_star(item)]
        if any(node.args.get("db") or node.name.lower() in _ROWIDS for node in self.mentioned):
            raise NotPushable("a rowid, or a column of a qualified table")
        self._states()
        self._first(first[1], bool(stars))
        for alias, relation in others:
            self._other(alias, relation)
        for item in stars:
            self._star(item, dict(others))
        if not others and not self.edits and all(map(told, first[1].where)):
            raise NotPushable("rows that a virtual table finds as well")
        self._apply(first[1])

    def _states(self) -> None:
        """Correlated subqueries for the state at the time become columns."""
        for item in self.select.expressions:
            for node in item.find_all(exp.Subquery):
                where = span(node)
                found = latest(self.scope, node) if node.find_ancestor(exp.Select) is self.select else None
                if found is not None and where is not None:
                    name = f"state {len(self.columns.exprs) + 1}"
                    self.columns.add(name, found, True)
                    self.edits.append((*where, self._reference(name)))
                    self.dropped |= {id(below) for below in node.walk()}

    def _reference(self, name: str) -> str:
        return (f"{quote(self.alias)}." if self.alias else "") + quote(name)

    def _first(self, relation: Relation, every: bool) -> None:
        """The columns of the first relation keep their names."""
        read = {node.name.lower() for node in self.mentioned if id(node) not in self.dropped}
        for name in relation.names:
            if every or name.lower() in read:
                self.columns.add(name, relation.columns[name.lower()], False)
        for name in relation.columns.keys() - {name.lower() for name in relation.names}:
            if name in read:
                self.columns.add(name, relation.columns[name], True)

    def _other(self, alias: str, relation: Relation) -> None:
        """The columns of a relation that a join added get names of their own."""
        first, inside = self.scope.relation, {id(node) for node in own(self.select)}
        for node in self.mentioned:
            where, name = span(node), node.name.lower()
            plain = not node.table and name in relation.columns and name not in first.columns
            if id(node) in self.dropped or not (node.table.lower() == alias or plain):
                continue
            if where is None or (plain and id(node) not in inside):
                raise NotPushable("a column of unknown place, or of a select that is not certain")
            label = f"{alias}.{name}"
            self.columns.add(label, self.scope.find(node), True)
            self.edits.append((where[1] - (3 if node.table else 1), where[1], self._reference(label)))
            for item in self.select.expressions:
                if item.unnest() is node and self.statement.source.tokens[where[0]].text != "+":
                    self.statement.names[id(item)] = self.scope.declared_name(node)

    def _star(self, item: exp.Expression, others: dict[str, Relation]) -> None:
        """`*` shows the columns of each relation; of those that USING made one, the first."""
        where = span(item)
        if where is None:
            raise NotPushable("a star of unknown place")
        shown = others if isinstance(item, exp.Star) else {item.text("table").lower(): None}
        texts = [f"{quote(self.alias)}.*"] if others and (isinstance(item, exp.Star)) else []
        for alias in shown:
            relation = others.get(alias)
            for name in relation.names if relation is not None else ():
                if name.lower() in self.scope.merged and isinstance(item, exp.Star):
                    continue
                label = f"{alias}.{name.lower()}"
                self.columns.add(label, relation.columns[name.lower()], True)  # type: ignore[union-attr]
                texts.append(f"{self._reference(label)} AS {quote(name)}")
        if texts:
            self.edits.append((*where, ", ".join(texts)))

    def _apply(self, relation: Relation) -> None:
        spans = [span(self.select.args["from_"]), *(span(join) for join in self.select.args.get("joins") or [])]
        spans += [span(self.select.args["where"])] if self.select.args.get("where") is not None else []
        known = [place for place in spans if place is not None]
        if len(known) < len(spans):
            raise NotPushable("a clause of unknown place")
        names = self.columns.ordered()
        plan = PathScan(
            *(relation.database, relation.table.name, source_of(relation)),
            And(tuple(relation.where)) if relation.where else None,
            tuple(self.columns.exprs[name] for name in names),
            grouped=False,
        )
        types = [
            column_type(plan.source, relation.table, key.name) if isinstance(key, Column) and not key.ever else ""
            for key in plan.keys
        ]
        named, hidden = tuple(zip(names, types, strict=True)), len(self.columns.hidden)
        call = self.statement.call(plan, named, self.scope.arguments, hidden, _order(relation, plan))
        for edit in self.edits:
            self.statement.edit(*edit)
        alias = f" AS {quote(self.alias)}" if self.alias else ""
        self.statement.edit(known[0][0], max(last for _, last in known), f"FROM {call}{alias}")


def _order(relation: Relation, plan: PathScan) -> tuple[frozenset[int], ...]:
    """The columns of the result by which its rows are in order."""
    places = {"events": ("timestamp", "ts"), "sessions": ("session", "first_timestamp")}.get(relation.kind, ())
    order = []
    for wanted in ((relation.table.object_name.lower(),), places):
        order.append(frozenset(at for at, key in enumerate(plan.keys) if _is_one_of(key, wanted)))
        if not order[-1]:
            return tuple(order[:-1])
    return tuple(order)


def _is_one_of(key: Expr, names: tuple[str, ...]) -> bool:
    return isinstance(key, Column) and key == Column(key.name) and key.name.lower() in names
