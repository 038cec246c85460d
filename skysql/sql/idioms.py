"""State at the time of the action, in the forms that SQL has for it; each becomes a column of the events.

    (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
       AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1)            -> plan
    (SELECT s.plan FROM users s WHERE s.object_id = u.object_id
       AND s.timestamp <= u.timestamp ORDER BY s.timestamp DESC LIMIT 1)            -> plan
    last_value(plan IGNORE NULLS) OVER (PARTITION BY object_id ORDER BY timestamp)  -> plan ignoring nulls
    max(plan) OVER (PARTITION BY object_id, n), where n is
       count(plan) OVER (PARTITION BY object_id ORDER BY timestamp ROWS ...)        -> plan ignoring nulls
    users u ASOF JOIN users_changes c ON ... AND c.property = 'plan': c.new_value   -> plan
    users u ASOF JOIN users s ON ...: s.plan                                        -> plan
    users u JOIN users_objects s ON ... AND s.as_of = u.timestamp: s.plan           -> plan

What compares by timestamp sees the events of the same timestamp that arrived later, too: `through_ties`. Where no two
events of a path share a timestamp, that is the plain column, and costs the same.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from ..model.companions import (
    ACTION_NAME,
    AS_OF,
    CHANGED_PROPERTY,
    CHANGES,
    EVENTS,
    NEW_VALUE,
    OBJECTS,
    TIMESTAMP,
    TS,
    ColumnRole,
    SourceColumn,
)
from ..plan.path_scan import Column, Expr, Literal
from ..plan.sources import columns_of
from .catalog import CatalogEntry, Idiom
from .constants import literal
from .conversion import conjuncts_of, converted
from .dialect import cte_of, database_of, join_form
from .edits import NotPushable, other_clauses
from .names import KnownCount, Names, Referent

_MOMENTS = (TIMESTAMP.name, TS.name)
_UNTIL = (exp.LTE, exp.GTE)
_CHOICE = ("expressions", "from_", "where")


# a correlated subquery


def latest(scope: Names, node: exp.Expression) -> Expr | None:
    """The latest change, or event, not after this one."""
    select = node.this if isinstance(node, exp.Subquery) else None
    if not isinstance(select, exp.Select) or not _is_plain(select):
        return None
    table = select.args["from_"].this
    entry = _companion(scope, table)
    if entry is None:
        return None
    inner = _Inner(scope, table.alias_or_name, entry)
    facts = [_fact(inner, part) for part in conjuncts_of(select.args["where"].this)]
    item = select.expressions[0]
    value = inner.name(item.this if isinstance(item, exp.Alias) else item)
    if None in facts or value is None:
        return None
    known = {fact[0]: fact[1] for fact in facts if fact is not None}
    if len(known) != len(facts) or "object" not in known:
        return None
    if entry.kind == OBJECTS:
        one = set(known) == {"object", "as of"} and select.args.get("limit") is None
        return _state(scope, value) if one else None
    return _meant(scope, entry, value, known) if "until" in known and _latest_first(inner, select) else None


def _is_plain(select: exp.Select) -> bool:
    """Whether a select is one column of one table's rows under conditions, in an order or not, all or the first."""
    needed = select.args.get("from_") is not None and select.args.get("where") is not None
    return needed and len(select.expressions) == 1 and not other_clauses(select, (*_CHOICE, "order", "limit"))


def _meant(scope: Names, entry: CatalogEntry, value: str, known: dict[str, str]) -> Column | None:
    """The column that the latest value of a subquery's is, by what its conditions say."""
    if entry.kind == CHANGES:
        allowed = {"object", "until", CHANGED_PROPERTY.name, NEW_VALUE.name}
        if value != NEW_VALUE.name or CHANGED_PROPERTY.name not in known or set(known) - allowed:
            return None
        column = _changed(scope, known[CHANGED_PROPERTY.name])
        return column and replace(column, ignore_nulls=NEW_VALUE.name in known)
    if set(known) - {"object", "until", value} or scope.relation.table.find(value) is None:
        return None
    return Column(value, through_ties=True, ignore_nulls=value in known)


class _Inner:
    """The names of a subquery's only table, or of the table that is joined: of each, the column that it means."""

    def __init__(self, scope: Names, alias: str, entry: CatalogEntry, names: dict[str, str] | None = None) -> None:
        self.scope = scope
        self.alias = alias.lower()
        base = entry.table
        assert base is not None
        every = [column.name.lower() for column in columns_of(entry.kind, base)]
        self.names = {name: name for name in every} if names is None else names
        self.keys = {base.object_name.lower(), (base.key_name or base.object_name).lower()}

    def name(self, node: exp.Expression) -> str | None:
        """The inner column that the node is, or None."""
        if not isinstance(node, exp.Column) or node.table.lower() not in ("", self.alias):
            return None
        return self.names.get(node.name.lower())

    def mentioned(self, node: exp.Expression) -> bool:
        """Whether the node may read an inner column: it then chooses among the rows that the latest is of."""
        return any(self.name(column) is not None for column in node.find_all(exp.Column))

    def outer(self, node: exp.Expression) -> Column | None:
        """The column of the scan that the node is, or None."""
        if not isinstance(node, exp.Column) or self.name(node) is not None:
            return None
        found = self.scope.find(node)
        return found if isinstance(found, Column) else None


def _fact(inner: _Inner, node: exp.Expression) -> tuple[str, str] | None:
    """What a condition says: the same object, until the moment, the property's name, or that a value is known."""
    if isinstance(node, exp.Not) and isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Null):
        name = inner.name(node.this.this)
        return (name, "known") if name else None
    if not isinstance(node, (exp.EQ, *_UNTIL)):
        return None
    left, right = node.this, node.expression
    turned = inner.name(left) is None
    if turned:
        left, right = right, left
    name, outer = inner.name(left), inner.outer(right)
    if name is None:
        return None
    if isinstance(node, exp.EQ):
        if outer is not None and name in inner.keys and outer.name.lower() == name:
            return "object", name
        if outer == Column(TIMESTAMP.name) and name == AS_OF.name:
            return "as of", name
        if name == CHANGED_PROPERTY.name and isinstance(right, exp.Literal) and right.is_string:
            return name, str(right.this)
        return None
    upwards = isinstance(node, exp.GTE) == turned
    if upwards and outer is not None and name in _MOMENTS and outer == Column(name):
        return "until", name
    return None


def _latest_first(inner: _Inner, select: exp.Select) -> bool:
    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None or limit is None or literal(limit.expression) != Literal(1):
        return False
    terms = order.expressions
    return bool(terms[0].args.get("desc")) and inner.name(terms[0].this) in _MOMENTS and len(terms) == 1


def _companion(scope: Names, table: exp.Expression) -> CatalogEntry | None:
    """The table, if it is the scanned one or belongs to it."""
    if not isinstance(table, exp.Table) or isinstance(table.this, exp.Anonymous) or table.args.get("version"):
        return None
    entry = None if cte_of(table) is not None else scope.statement.catalog.find(database_of(table), table.name)
    if entry is None or not scope.relations or scope.relation.kind != EVENTS or scope.relation.pairs is not None:
        return None
    same = entry.database == scope.relation.database and entry.table == scope.relation.table
    return entry if same and entry.kind in (EVENTS, OBJECTS, CHANGES) else None


def _state(scope: Names, name: str) -> Column | None:
    property = scope.relation.table.find(name)
    return Column(property.name, through_ties=True) if property is not None and property.state else None


def _changed(scope: Names, property: str) -> Column | None:
    """The state of the property that changes call so: a text, and texts differ by case."""
    column = _state(scope, property)
    return column if column is not None and column.name == property else None


# window functions


def filled(scope: Names, node: exp.Expression) -> Expr | KnownCount | None:
    """A window function over the path so far that fills a column forward."""
    if not isinstance(node, exp.Window) or not scope.whole or node.args.get("alias"):
        return None
    ignoring = isinstance(node.this, exp.IgnoreNulls)
    call = node.this.this if ignoring else node.this
    if not isinstance(call, exp.LastValue | exp.Count | exp.Max | exp.Min | exp.FirstValue):
        return None
    inner = call.this
    if isinstance(inner, exp.IgnoreNulls):
        ignoring, inner = True, inner.this
    column = scope.find(inner) if isinstance(inner, exp.Column) else None
    if not isinstance(column, Column) or column != Column(column.name) or call.args.get("expressions"):
        return None
    if scope.relation.table.find(column.name) is None and column.name != ACTION_NAME.name:
        return None
    by, keys = _partition(scope, node), {"object"}
    if isinstance(call, exp.LastValue) and by == keys and _ordered(scope, node):
        rows = _frame(node)
        if rows is not None:
            return replace(column, through_ties=not rows, ignore_nulls=ignoring)
    if isinstance(call, exp.Count) and by == keys and _ordered(scope, node) and _frame(node) is True and not ignoring:
        return KnownCount(column)
    fills = isinstance(call, exp.Max | exp.Min) and node.args.get("order") is None and not ignoring
    if fills and node.args.get("spec") is None and by == {"object", KnownCount(column)}:
        return replace(column, ignore_nulls=True)
    return None


def _partition(scope: Names, node: exp.Window) -> set[object]:
    table = scope.relation.table
    keys = {table.object_name.lower(), (table.key_name or table.object_name).lower()}
    found: set[object] = set()
    for part in node.args.get("partition_by") or []:
        meant = scope.find(part) if isinstance(part, exp.Column) else None
        found.add("object" if isinstance(meant, Column) and meant.name.lower() in keys else meant)
    return found


def _ordered(scope: Names, node: exp.Window) -> bool:
    order = node.args.get("order")
    if order is None or len(order.expressions) != 1 or order.expressions[0].args.get("desc"):
        return False
    by = order.expressions[0].this
    return isinstance(by, exp.Column) and scope.find(by) in (Column(TIMESTAMP.name), Column(TS.name))


def _frame(node: exp.Window) -> bool | None:
    """True for ROWS from the path's start to here, False for RANGE, None for any other frame."""
    spec = node.args.get("spec")
    if spec is None:
        return False
    ends = spec.args.get("start"), spec.args.get("end")
    if ends != ("UNBOUNDED", "CURRENT ROW") or spec.args.get("exclude"):
        return None
    return str(spec.args.get("kind")).upper() == "ROWS"


IDIOMS: tuple[Idiom, ...] = (latest, filled)


# joins


def join_state(scope: Names, join: exp.Join) -> bool:
    """Whether a join only adds state to the rows; if so, its columns and conditions are now in the scope."""
    item = join.this
    form = join_form(join)
    asof, left = form.startswith("ASOF"), form.endswith("LEFT")
    if not form or scope.relation.kind != EVENTS:
        return False
    table, property, names = (_only_property(scope, item) if asof else None) or (item, None, None)
    entry = _companion(scope, table)
    if entry is None or (entry.kind == OBJECTS) == asof:
        return False
    inner = _Inner(scope, item.alias_or_name, entry, names)
    rest: list[exp.Expression] = []
    known = _using(inner, join, asof)
    for part in conjuncts_of(join.args["on"]) if join.args.get("on") is not None else []:
        fact = _fact(inner, part)
        if fact is None:
            rest.append(part)
        else:
            known[fact[0]] = fact[1]
    property = known.pop(CHANGED_PROPERTY.name, property)
    wanted = {"object", "until"} if asof else {"object", "as of"}
    if set(known) != wanted or (rest and left) or (asof and any(map(inner.mentioned, rest))):
        return False
    added = _joined(scope, entry, property, bool(left))
    if added is None or inner.alias in scope.relations:
        return False
    base = scope.relation
    scope.relations[inner.alias] = added if names is None else _renamed(added, names)
    scope.merged |= {identifier.name.lower() for identifier in join.args.get("using") or []}
    if entry.kind == CHANGES and not left and property is not None:
        state = _changed(scope, property)
        assert state is not None
        base.where.append(replace(state, ever=True))
    base.where += [converted(part, scope) for part in rest]
    return True


def _using(inner: _Inner, join: exp.Join, asof: bool) -> dict[str, str]:
    known = {}
    for name in [identifier.name.lower() for identifier in join.args.get("using") or []]:
        if name in inner.keys:
            known["object"] = name
        elif name in _MOMENTS and asof:
            known["until"] = name
        else:
            raise NotPushable(f"USING({name})")
    return known


def _only_property(scope: Names, item: exp.Expression) -> tuple[exp.Expression, str, dict[str, str]] | None:
    """(table, property, name -> column) of `(SELECT ... FROM users_changes WHERE property = 'plan')`, or such a CTE."""
    cte = cte_of(item) if isinstance(item, exp.Table) else None
    renamed = cte is not None and cte.args["alias"].args.get("columns")
    select = item.this if isinstance(item, exp.Subquery) else cte.this if cte is not None and not renamed else None
    if not isinstance(select, exp.Select) or select.args.get("from_") is None or select.args.get("where") is None:
        return None
    if other_clauses(select, _CHOICE):
        return None
    table = select.args["from_"].this
    entry = _companion(scope, table)
    if entry is None or entry.kind != CHANGES:
        return None
    inner = _Inner(scope, table.alias_or_name, entry)
    facts = [_fact(inner, part) for part in conjuncts_of(select.args["where"].this)]
    if len(facts) != 1 or facts[0] is None or facts[0][0] != CHANGED_PROPERTY.name:
        return None
    names: dict[str, str] = {}
    for node in select.expressions:
        column = inner.name(node.this if isinstance(node, exp.Alias) else node)
        if isinstance(node, exp.Star):
            names |= inner.names
        elif column is not None:
            names[node.alias_or_name.lower()] = column
        else:
            return None
    return table, facts[0][1], names


def _renamed(relation: Referent, names: dict[str, str]) -> Referent:
    """The relation with other names for some of its columns; they are called as they were written."""
    columns = {name: relation.columns.get(column) for name, column in names.items()}
    return replace(relation, columns=columns, names=[*names])


def _joined(scope: Names, entry: CatalogEntry, property: str | None, left: bool) -> Referent | None:
    """The columns that the join adds, as columns of the events; left: where there is no row, they are NULL."""
    base = scope.relation
    state = _changed(scope, property) if property is not None else None
    if entry.kind == CHANGES and state is None:
        return None
    every = columns_of(entry.kind, base.table)
    meant: dict[str, Expr | KnownCount | None] = {
        column.name.lower(): _as_of_event(entry.kind, column, state, left) for column in every
    }
    names = [column.name for column in every if not column.hidden]
    return Referent(base.database, base.table, base.kind, meant, names)


def _as_of_event(kind: str, column: SourceColumn, state: Column | None, left: bool) -> Column | None:
    """What a column of the row that is joined is at the event that it is joined to; None of what no scan tells.

    state: of changes, the state that they are of.
    """
    if column.role in (ColumnRole.OBJECT, ColumnRole.KEY):
        return None if kind == CHANGES and left else Column(column.name)
    if kind == CHANGES:
        return state if column == NEW_VALUE else None
    if column.role is ColumnRole.PROPERTY:
        return Column(column.name, through_ties=True)
    if column.role is ColumnRole.TIME:
        return Column(column.name)
    return Column(TIMESTAMP.name) if column == AS_OF else None
