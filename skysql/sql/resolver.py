"""From FROM items to relations that a path scan can produce: sky tables, their objects as of a moment, and the plain
selections of those in subqueries, CTEs and views, seen through to the table below.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from ..model.companions import AS_OF, EVENTS, IDLE, OBJECTS, SESSIONS
from ..model.quoting import name_key
from ..plan.path_scan import And, Column, Compare, Duration, Expr, Literal, Moment, Parameter, PathScan, columns
from ..plan.sources import columns_of
from .calls import has_aggregates
from .catalog import CatalogEntry
from .constants import literal
from .conversion import argument, conjuncts_of, converted, moment
from .dialect import SqlText, database_of, is_star, parse, span
from .edits import Arguments, EditedStatement, NotPushable, other_clauses
from .grouping import GroupNames, Needed, wanted_keys
from .idioms import join_state
from .names import KnownCount, Names, Referent, alias_of, object_names, source_of

_SELECTION = ("expressions", "from_", "where", "order")
"""The clauses that a selection may have and still be seen through. ORDER BY means nothing to what is around it."""

_GROUPED = (*_SELECTION, "group", "having", "distinct")


def sky_relation(
    entry: CatalogEntry, kind: str, *, as_of: Moment | None = None, idle: Duration | None = None
) -> Referent:
    """The events, objects, sessions or changes of a table."""
    table = entry.table
    assert table is not None
    every = columns_of(kind, table)
    columns = {column.name.lower(): Column(column.name) for column in every}
    names = [column.name for column in every if not column.hidden]
    return Referent(entry.database, table, kind, dict(columns), names, as_of=as_of, idle=idle)


def event_relation(entry: CatalogEntry) -> Referent:
    """The events of a table."""
    return sky_relation(entry, EVENTS)


class Resolver:
    """Finds the relation behind a FROM item of one select."""

    def __init__(self, statement: EditedStatement, parsed: SqlText, arguments: Arguments) -> None:
        self.statement = statement
        self.parsed = parsed
        self.arguments = arguments

    def resolve(self, item: exp.Expression) -> Referent | None:
        """The relation, or None if the item is not one; raises NotPushable if it is one that cannot be scanned."""
        if isinstance(item, exp.Subquery):
            if item.args.get("joins") or item.args.get("sample") or not isinstance(item.this, exp.Select):
                return None
            return self._selection(item.this, self.parsed)
        if not isinstance(item, exp.Table):
            return None
        if isinstance(item.this, exp.Anonymous):
            return self._call(item, item.this)
        cte = self._cte(item)
        if cte is not None:
            return self._common(cte)
        entry = self.statement.catalog.find(database_of(item), item.name)
        if entry is None or entry.kind == "table":
            return None
        if entry.kind == "view":
            return self._view(entry)
        if entry.kind == OBJECTS:
            return sky_relation(entry, OBJECTS, as_of=self._system_time(item))
        return None if item.args.get("version") else sky_relation(entry, entry.kind)

    def _system_time(self, item: exp.Table) -> Moment | None:
        version = item.args.get("version")
        if version is None:
            return None
        return self._moment(version.expression)

    def _moment(self, node: exp.Expression) -> Moment:
        scope = Names(self.statement, self.parsed, {}, self.arguments)
        if not scope.constant(node):
            raise NotPushable("as of a moment that depends on other rows")
        return moment(node, scope)

    def _duration(self, node: exp.Expression) -> Duration:
        scope = Names(self.statement, self.parsed, {}, self.arguments)
        if not scope.constant(node):
            raise NotPushable("a gap that depends on other rows")
        return Duration(literal(node) or argument(node, scope))

    def _call(self, item: exp.Table, call: exp.Anonymous) -> Referent | None:
        entry = self.statement.catalog.find(database_of(item), call.name)
        if entry is None or len(call.expressions) != 1:
            return None
        (argument,) = call.expressions
        if entry.kind == OBJECTS:
            return sky_relation(entry, OBJECTS, as_of=self._moment(argument))
        if entry.kind in (EVENTS, SESSIONS):
            return sky_relation(entry, entry.kind, idle=self._duration(argument))
        return None

    def _cte(self, item: exp.Table) -> exp.CTE | None:
        if item.db:
            return None
        scope: exp.Expr | None = item
        while scope is not None:
            with_ = scope.args.get("with_")
            if with_ is not None:
                for cte in with_.expressions:
                    if name_key(cte.alias) == name_key(item.name):
                        if with_.args.get("recursive"):
                            raise NotPushable("a recursive CTE")
                        return cte  # type: ignore[no-any-return]
            scope = scope.parent
        return None

    def _common(self, cte: exp.CTE) -> Referent | None:
        if not isinstance(cte.this, exp.Select):
            return None
        relation = self._selection(cte.this, self.parsed)
        alias = cte.args.get("alias")
        renamed = [column.name for column in alias.args.get("columns") or []] if alias is not None else []
        if relation is None or not renamed:
            return relation
        if len(renamed) != len(relation.names):
            raise NotPushable("a CTE with another number of names than columns")
        relation.columns = {
            new.lower(): relation.columns[old.lower()] for new, old in zip(renamed, relation.names, strict=True)
        }
        relation.names = renamed
        return relation

    def _view(self, entry: CatalogEntry) -> Referent | None:
        parsed = parse(entry.sql or "", entry.database)
        if parsed is None or not isinstance(parsed.tree, exp.Create):
            return None
        select = parsed.tree.expression
        if not isinstance(select, exp.Select) or isinstance(parsed.tree.this, exp.Schema):
            return None
        return Resolver(self.statement, parsed, self.arguments)._selection(select, parsed)

    def _selection(self, select: exp.Select, parsed: SqlText) -> Referent | None:
        """A subquery that only chooses rows and columns of a relation, or groups them by object."""
        if select.args.get("group") or select.args.get("distinct") or has_aggregates(self.statement, select, parsed):
            return self._grouped(select, parsed)
        if other_clauses(select, _SELECTION):
            return None
        scope = self.scope(select)
        if scope is None:
            return None
        base = scope.relation
        where = list(base.where)
        if select.args.get("where") is not None:
            where += [converted(part, scope) for part in conjuncts_of(select.args["where"].this)]
        scope.whole = not where and base.kind == EVENTS and not select.args.get("joins")
        names: list[str] = []
        columns: dict[str, Expr | KnownCount | None] = {}
        for item in select.expressions:
            if is_star(item):
                for relation in scope.relations.values():
                    names += relation.names
                    columns |= {name.lower(): relation.columns[name.lower()] for name in relation.names}
                continue
            name, node = self._named(item, parsed)
            name = scope.declared_name(item) if isinstance(item, exp.Column) else name
            found = _handed_on(node, _or_none(scope, node))
            if name.lower() in columns:
                raise NotPushable(f"two columns called {name}")
            names.append(name)
            columns[name.lower()] = found
        ordered = base.ordered or select.args.get("order") is not None
        return replace(base, columns=columns, names=names, where=where, ordered=ordered)

    def _grouped(self, select: exp.Select, parsed: SqlText) -> Referent | None:
        """A subquery that groups parts of paths: its rows are the groups of a scan of its own."""
        aggregated = has_aggregates(self.statement, select, parsed)
        if other_clauses(select, _GROUPED):
            return None
        scope = self.scope(select)
        if scope is None:
            return None
        base = scope.relation
        if select.args.get("where") is not None:
            base.where += [converted(part, scope) for part in conjuncts_of(select.args["where"].this)]
        take_arguments(base)
        groups = Needed(wanted_keys(scope, select, aggregated))
        grouped = GroupNames(scope, select, groups)
        if not any(isinstance(key, Column) and key.name.lower() in object_names(base) for key in groups.keys):
            raise NotPushable("groups that several objects may share")
        columns: dict[str, Expr | KnownCount | None] = {}
        for item in select.expressions:
            name, node = self._named(item, parsed)
            if name.lower() in columns:
                raise NotPushable(f"two columns called {name}")
            found = converted(node, grouped)
            columns[name.lower()] = found if isinstance(found, Column) else _handed_on(node, found)
        names = [self._named(item, parsed)[0] for item in select.expressions]
        shown = list(columns.values())
        if select.args.get("distinct") is not None and not all(groups.key_column(key) in shown for key in groups.keys):
            raise NotPushable("DISTINCT makes one row of several groups")
        having = select.args.get("having")
        where = [] if having is None else [converted(part, grouped) for part in conjuncts_of(having.this)]
        scan = PathScan(
            *(base.database, base.table.name, source_of(base), And(tuple(base.where)) if base.where else None),
            *(tuple(groups.keys), tuple(groups.aggregates)),
        )
        ordered = select.args.get("order") is not None
        return Referent(base.database, base.table, "groups", columns, names, where, groups=scan, ordered=ordered)

    @staticmethod
    def _named(item: exp.Expression, parsed: SqlText) -> tuple[str, exp.Expression]:
        if isinstance(item, exp.Alias):
            return item.alias, item.this
        where = span(item)
        if where is None:
            raise NotPushable("a column of unknown place")
        column = item.unnest()
        if isinstance(column, exp.Column):
            return column.name, item
        return parsed.slice(*where), item

    def scope(self, select: exp.Select) -> Names | None:
        """The names of a select whose FROM is one relation, or one that its joins only add columns to."""
        from_ = select.args.get("from_")
        if from_ is None or select.args.get("laterals"):
            return None
        base = self.resolve(from_.this)
        if base is None:
            return None
        relations = {alias_of(from_.this).lower(): base}
        scope = Names(self.statement, self.parsed, relations, self.arguments, self.statement.catalog.idioms)
        if select.args.get("joins"):
            for join in select.args["joins"]:
                if not join_state(scope, join):
                    return None
        return scope


def _handed_on(node: exp.Expression, found: Expr | None) -> Expr | None:
    """What an item of a subquery means outside: None if a collation goes with it, which SQLite would compare under."""
    return None if node.find(exp.Collate) is not None else found


def _or_none(scope: Names, node: exp.Expression) -> Expr | None:
    """The node as an expression; None if no scan can compute it, which only matters if the column is read."""
    try:
        return converted(node, scope)
    except NotPushable:
        return None


def take_arguments(relation: Referent) -> None:
    """`as_of = moment` among the conditions on objects, or `idle = gap`, is an argument and no condition."""
    if relation.kind in (EVENTS, SESSIONS):
        _take_idle(relation)
    if relation.kind != OBJECTS:
        return
    for part in list(relation.where):
        if Column(AS_OF.name) not in columns(part):
            continue
        match part:
            case Compare("=", Column(), Moment() as moment) if relation.as_of is None:
                relation.as_of = moment
                relation.where.remove(part)
            case _:
                raise NotPushable(f"{AS_OF.name} takes one moment")


def _take_idle(relation: Referent) -> None:
    for part in list(relation.where):
        if Column(IDLE.name) not in columns(part):
            continue
        match part:
            case Compare("=", Column(), Literal() | Parameter() as gap) if relation.idle is None:
                relation.idle = Duration(gap)
                relation.where.remove(part)
            case _:
                raise NotPushable(f"{IDLE.name} takes one duration")


__all__ = ["Resolver", "event_relation", "literal", "sky_relation", "take_arguments"]
