"""Point-in-time joins: each row of an ordinary table with an object's state as of a moment of the row's.

    SELECT o.id, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at

One query collects all pairs of (object, moment), one scan answers them all. Two rules:

    pair_groups   a grouped select over columns of s alone is aggregated in the scan
    pair_rows     any other select reads the scan joined back to the table by rowid:
                  FROM sky_scan_1(...) AS s CROSS JOIN orders AS o ON o.rowid = s.row
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from ..evaluate import declared_type
from ..plan import Column, Pairs, PathScan
from ..schema import literal, quote
from .catalog import Entry
from .convert import Relation, Scope, conjuncts_of, source_of
from .dialect import cte_of, is_star, span
from .statement import Arguments, NotPushable, Statement


@dataclass(frozen=True, slots=True)
class Join:
    """The parts of such a join: the ordinary table's item, the objects' item, what is compared, other conditions."""

    table: exp.Table
    objects: exp.Table
    entry: Entry
    object: exp.Expression
    moment: exp.Expression
    rest: tuple[exp.Expression, ...]
    by_key: bool = False
    database: str = "main"  # of the ordinary table

    def alone(self, *nodes: exp.Expression) -> bool:
        """Whether the table in `main` is all that these expressions depend on."""
        alias = self.table.alias_or_name.lower()
        every = [below for node in nodes for below in node.walk()]
        columns = [node for node in every if isinstance(node, exp.Column)]
        return (
            self.database == "main"
            and all(isinstance(node, _ALONE) for node in every)
            and all(column.table.lower() == alias for column in columns)
        )

    def of_table(self, node: exp.Expression) -> bool:
        """Whether a condition is on the ordinary table alone, so that it can choose the pairs."""
        alias = self.table.alias_or_name.lower()
        columns = list(node.find_all(exp.Column))
        return bool(columns) and all(c.table.lower() == alias for c in columns) and node.find(exp.Select) is None


def find_join(statement: Statement, select: exp.Select) -> Join:
    """The join of the select's two items; raises NotPushable if it is another kind of select."""
    from_, joins = select.args.get("from_"), select.args.get("joins") or []
    if from_ is None or len(joins) != 1 or joins[0].args.get("side") or joins[0].args.get("method"):
        raise NotPushable("not a join of two tables")
    if str(joins[0].args.get("kind") or "").upper() not in ("", "INNER", "CROSS") or joins[0].args.get("using"):
        raise NotPushable("not an inner join")
    items = [from_.this, joins[0].this]
    found = [_entry(statement, item) for item in items]
    kinds = [entry.kind if entry is not None else "" for entry in found]
    if sorted(kinds) != ["objects", "table"]:
        raise NotPushable("not an ordinary table and objects")
    at = kinds.index("objects")
    objects, table, entry, ordinary = items[at], items[1 - at], found[at], found[1 - at]
    assert entry is not None and ordinary is not None
    if "WITHOUT ROWID" in " ".join((ordinary.sql or "").upper().split()[-3:]):
        raise NotPushable("a table without rowids")
    join = Join(table, objects, entry, exp.Null(), exp.Null(), (), database=ordinary.database)
    return _conditions(statement, select, join)


def _entry(statement: Statement, item: exp.Expression) -> Entry | None:
    if not isinstance(item, exp.Table) or isinstance(item.this, exp.Anonymous) or item.args.get("version"):
        return None
    if cte_of(item) is not None:
        return None
    entry = statement.catalog.find(item.db or None, item.name)
    if entry is not None and entry.kind == "table" and (entry.sql or "")[:14].upper() == "CREATE VIRTUAL":
        return None
    return entry


def _conditions(statement: Statement, select: exp.Select, join: Join) -> Join:
    on = select.args["joins"][0].args.get("on")
    where = select.args.get("where")
    parts = [*(conjuncts_of(on) if on is not None else []), *(conjuncts_of(where.this) if where is not None else [])]
    alias = join.objects.alias_or_name.lower()
    assert join.entry.table is not None
    keys = (join.entry.table.object_name.lower(), (join.entry.table.key_name or "").lower())
    by_key = False
    object, moment, rest = None, None, []
    for part in parts:
        name, other = _equality(part, alias)
        if name and name in keys and object is None and other is not None:
            object, by_key = other, name == keys[1]
        elif name == "as_of" and moment is None and other is not None:
            moment = other
        else:
            rest.append(part)
    if object is None or moment is None:
        raise NotPushable("no moment for each row")
    return replace(join, object=object, moment=moment, rest=tuple(rest), by_key=by_key)


def _equality(node: exp.Expression, alias: str) -> tuple[str, exp.Expression | None]:
    """(column, other side) of `alias.column = expression without alias`."""
    if not isinstance(node, exp.EQ):
        return "", None
    for side, other in ((node.this, node.expression), (node.expression, node.this)):
        if isinstance(side, exp.Column) and side.table.lower() == alias:
            columns = list(other.find_all(exp.Column))
            if columns and all(c.table and c.table.lower() != alias for c in columns):
                return side.name.lower(), other
    return "", None


_ALONE = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not, exp.Is, exp.In),
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Neg, exp.Add, exp.Sub, exp.Mul),
)
"""What says the same again as long as the table is the same: no function, no parameter, no other table."""


def collect(statement: Statement, join: Join, arguments: Arguments, numbered: bool) -> Pairs:
    """The pairs, as an argument: how to collect them if that takes nothing but the table, else what is collected."""
    at, object, moment = span(join.table), span(join.object), span(join.moment)
    if at is None or object is None or moment is None:
        raise NotPushable("a join of unknown place")
    alias = join.table.alias_or_name
    for node in (join.object, join.moment):
        if all(column.table.lower() != alias.lower() for column in node.find_all(exp.Column)):
            raise NotPushable("an aggregate of an outer select's columns would be the outer select's")
    source = statement.source
    conditions = [(part, place) for part in join.rest if (place := span(part)) and join.of_table(part)]
    texts = [source.slice(*place) for place in (object, moment, *(place for _, place in conditions))]
    if any("?" in text for text in texts):
        raise NotPushable("parameters in a point-in-time join")
    columns = [f"json_group_array({text})" for text in texts[:2]]
    columns.insert(0, f"json_group_array({quote(alias)}.rowid)" if numbered else "''")
    where = " WHERE " + " AND ".join(f"({text})" for text in texts[2:]) if conditions else ""
    rest = f" FROM {source.slice(*at)}{where}"
    if join.alone(join.object, join.moment, *(part for part, _ in conditions)):
        return Pairs(arguments.add(literal(f"SELECT {', '.join(columns)}{rest}")), join.by_key)
    return Pairs(arguments.add(f"(SELECT {' || char(10) || '.join(columns)}{rest})"), join.by_key)


def pair_relation(
    statement: Statement, select: exp.Select, arguments: Arguments, numbered: bool = False
) -> tuple[Scope, Relation, Join]:
    """The objects of the join, as a relation with a row a pair."""
    from .relation import object_relation

    join = find_join(statement, select)
    relation = object_relation(join.entry, None)
    relation.pairs = collect(statement, join, arguments, numbered)
    scope = Scope(statement, statement.source, {join.objects.alias_or_name.lower(): relation}, arguments)
    return scope, relation, join


def pair_rows(statement: Statement, select: exp.Select) -> None:
    """Read the scan in the place of the objects, and the table's rows by rowid."""
    arguments = Arguments()
    _, relation, join = pair_relation(statement, select, arguments, numbered=True)
    first, last = span(select.args["from_"]), span(select.args["joins"][0])
    where = select.args.get("where")
    table_at = span(join.table)
    if first is None or last is None or table_at is None:
        raise NotPushable("a join of unknown place")
    alias, table_alias = quote(join.objects.alias_or_name), quote(join.table.alias_or_name)
    columns = ["row", *(name for name in relation.names), "as_of"]
    plan = PathScan(
        *(relation.database, relation.table.name, source_of(relation), None),
        keys=tuple(Column(name) for name in columns),
        grouped=False,
    )
    named = tuple((name, declared_type(relation.table, name)) for name in columns)
    rest = []
    for part in join.rest:
        at = span(part)
        if at is None:
            raise NotPushable("a condition of unknown place")
        rest.append(statement.render(*at))
    _write_stars(statement, select, join, relation.names)
    call = statement.call(plan, named, arguments)
    table = statement.source.slice(*table_at)
    text = f'FROM {call} AS {alias} CROSS JOIN {table} ON {table_alias}.rowid = {alias}."row"'
    end = last[1] if where is None else (span(where) or last)[1]
    if rest:
        text += " WHERE " + " AND ".join(f"({part})" for part in rest)
    statement.edit(first[0], end, text)



def _write_stars(statement: Statement, select: exp.Select, join: Join, names: list[str]) -> None:
    """`*` and `s.*` with the objects' own columns, in the order of FROM."""
    objects = join.objects.alias_or_name
    written = ", ".join(f"{quote(objects)}.{quote(name)}" for name in names)
    both = [f"{quote(join.table.alias_or_name)}.*", written]
    if select.args["from_"].this is join.objects:
        both.reverse()
    for item in select.expressions:
        where = span(item)
        if where is not None and isinstance(item, exp.Star):
            statement.edit(*where, ", ".join(both))
        elif where is not None and is_star(item) and item.text("table").lower() == objects.lower():
            statement.edit(*where, written)
