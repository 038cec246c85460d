"""Point-in-time joins: each row of an ordinary table with the state of an object at a moment that the row gives.

    SELECT o.id, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at

One query collects all pairs of (object, moment), one scan answers them all. Of such a join of two tables, a grouped
select over columns of the objects alone is aggregated in the scan (`pair_relation`). In any other select, whatever else
it joins, the scan takes the place of the objects, and the table's rowid that of the pair (`pair_rows`):

    SELECT o.id, s.plan FROM orders o JOIN <result>(...) s ON "o".rowid = "s"."row of the pair" AND 1
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from ...model.companions import AS_OF, OBJECTS, hidden
from ...model.quoting import literal, quote
from ...plan.path_scan import Column, Pairs, PathScan
from ...plan.sources import ROW, column_type
from ..calls import repeatable
from ..catalog import ROWIDS, CatalogEntry
from ..conversion import conjuncts_of
from ..dialect import cte_of, is_star, join_form, span
from ..edits import Arguments, EditedStatement, NotPushable, all_of, rule
from ..lists import Listed, has_parameters
from ..names import Names, Referent, source_of

_ROW = "row of the pair"


@dataclass(frozen=True, slots=True)
class Join:
    """The parts of such a join.

    objects: their item of FROM. table: the item whose rows the pairs are of, and its rowid. object, moment: what the
    objects' columns are equal to, each with the condition that says so. chosen: the conditions on the table alone.
    rest: the others on all rows.
    """

    objects: exp.Table
    entry: CatalogEntry
    outer: bool
    table: exp.Table
    ordinary: CatalogEntry
    rowid: str
    object: tuple[exp.Expression, exp.Expression]
    moment: tuple[exp.Expression, exp.Expression]
    chosen: tuple[exp.Expression, ...]
    rest: tuple[exp.Expression, ...]
    by_key: bool


class _Finder:
    """The items of a select's FROM, and which of them a column belongs to."""

    def __init__(self, statement: EditedStatement, select: exp.Select) -> None:
        self.statement = statement
        from_, self.joins = select.args.get("from_"), select.args.get("joins") or []
        if from_ is None or not self.joins:
            raise NotPushable("no join")
        for join in self.joins:
            if join_form(join) not in ("INNER", "LEFT"):
                raise NotPushable("a RIGHT, FULL, NATURAL or ASOF join")
        self.where = select.args.get("where")
        self.items = [from_.this, *(join.this for join in self.joins)]
        self.entries = [_entry(statement, item) for item in self.items]
        places = [at for at, entry in enumerate(self.entries) if entry is not None and entry.kind == "objects"]
        if len(places) != 1:
            raise NotPushable("not exactly one table of objects")
        (self.at,) = places
        self.alias = self.items[self.at].alias_or_name.lower()
        self._names: dict[int, set[str]] = {}

    def join(self) -> Join:
        """The parts; raises NotPushable if there is no moment for each row of a table."""
        objects, entry = self.items[self.at], self.entries[self.at]
        assert entry is not None and entry.table is not None
        own = self.joins[self.at - 1] if self.at else None
        if own is not None and own.args.get("using"):
            raise NotPushable("USING")
        outer = own is not None and bool(own.args.get("side"))
        keys = [entry.table.object_name.lower(), (entry.table.key_name or entry.table.object_name).lower()]
        parts = self._parts(own)
        found: dict[str, tuple[exp.Expression, exp.Expression]] = {}
        by_key = False
        for part in self._parts_of(own) if outer else parts:
            name, other = self._equality(part)
            if other is not None and name in keys and "object" not in found:
                found["object"], by_key = (other, part), name == keys[1] != keys[0]
            elif other is not None and name == AS_OF.name and "moment" not in found:
                found["moment"] = other, part
        if len(found) != 2:
            raise NotPushable("no moment for each row")
        owners = {owner for other, _ in found.values() for owner in self.owners(other)}
        if len(owners) != 1:
            raise NotPushable("an object and a moment of two tables")
        table, ordinary = self._table(*owners)
        used = [part for _, part in found.values()]
        rest = [part for part in parts if all(part is not each for each in used)]
        chosen = [part for part in rest if self.owners(part) == owners and repeatable(self.statement, part)]
        return Join(
            *(objects, entry, outer, table, ordinary, self._rowid(table, ordinary), found["object"], found["moment"]),
            *(tuple(chosen), tuple(part for part in rest if part not in chosen), by_key),
        )

    def _parts_of(self, join: exp.Join | None) -> list[exp.Expression]:
        on = None if join is None else join.args.get("on")
        return [] if on is None else conjuncts_of(on)

    def _parts(self, own: exp.Join | None) -> list[exp.Expression]:
        """The conditions that hold for every row that has an object: WHERE, and ON of inner joins and of this one."""
        inner = [join for join in self.joins if join is own or not join.args.get("side")]
        parts = [part for join in inner for part in self._parts_of(join)]
        return parts + (conjuncts_of(self.where.this) if self.where is not None else [])

    def _equality(self, node: exp.Expression) -> tuple[str, exp.Expression | None]:
        """(column, other side) of `objects.column = expression of another table`, or of nothing if it is as_of."""
        if isinstance(node, exp.EQ):
            for side, other in ((node.this, node.expression), (node.expression, node.this)):
                if isinstance(side, exp.Column) and self.owner(side) == self.alias and other.find(exp.Select) is None:
                    owners, name = self.owners(other), side.name.lower()
                    if self.alias not in owners and None not in owners and (owners or name == AS_OF.name):
                        return name, other
        return "", None

    def owners(self, node: exp.Expression) -> set[str | None]:
        """The aliases of the items that a node reads; None for what is not certain."""
        return {self.owner(column) for column in node.find_all(exp.Column)}

    def owner(self, column: exp.Column) -> str | None:
        """The alias of the item that a column is of; None if that is not certain."""
        aliases = [item.alias_or_name.lower() for item in self.items]
        if column.table:
            return column.table.lower() if aliases.count(column.table.lower()) == 1 else None
        if any(entry is None for entry in self.entries):
            return None
        having = [at for at in range(len(self.items)) if column.name.lower() in self._columns(at)]
        return aliases[having[0]] if len(having) == 1 else None

    def _columns(self, at: int) -> set[str]:
        if at not in self._names:
            entry = self.entries[at]
            assert entry is not None
            names = {name.lower() for name in self.statement.catalog.columns(entry)}
            self._names[at] = names | {*hidden(entry.kind), *ROWIDS}
        return self._names[at]

    def _table(self, alias: str | None) -> tuple[exp.Table, CatalogEntry]:
        """The ordinary table of that alias."""
        for item, entry in zip(self.items, self.entries, strict=True):
            if item.alias_or_name.lower() == alias and entry is not None and entry.kind == "table":
                return item, entry
        raise NotPushable("no ordinary table")

    def _rowid(self, table: exp.Table, entry: CatalogEntry) -> str:
        rowid = self.statement.catalog.rowid(entry)
        if not rowid:
            raise NotPushable("a table without rowids")
        return f"{quote(table.alias_or_name)}.{rowid}"


def ordinary_table(statement: EditedStatement, item: exp.Expression) -> CatalogEntry | None:
    """The ordinary table that an item of FROM is, or None."""
    entry = _entry(statement, item)
    return entry if entry is not None and entry.kind == "table" else None


def _entry(statement: EditedStatement, item: exp.Expression) -> CatalogEntry | None:
    if not isinstance(item, exp.Table) or isinstance(item.this, exp.Anonymous) or item.args.get("version"):
        return None
    if cte_of(item) is not None or item.args.get("joins"):
        return None
    entry = statement.catalog.find(item.db or None, item.name)
    if entry is not None and entry.kind == "table" and (entry.sql or "")[:14].upper() == "CREATE VIRTUAL":
        return None
    return entry


_ALONE = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not, exp.Is, exp.In),
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Neg, exp.Add, exp.Sub, exp.Mul, Listed),
)
"""What says the same again as long as the table is the same: no function, no parameter, no other table."""


def collect(statement: EditedStatement, join: Join, arguments: Arguments, numbered: bool) -> Pairs:
    """The pairs, as an argument: how to collect them if that takes nothing but the table, else what is collected."""
    nodes = [join.object[0], join.moment[0], *join.chosen]
    places = [span(node) for node in (join.table, *nodes)]
    known = [place for place in places if place is not None]
    if len(known) < len(places):
        raise NotPushable("a join of unknown place")
    table, *texts = [statement.written(*place) for place in known]
    columns = [f"json_group_array({text})" for text in texts[:2]]
    columns.insert(0, f"json_group_array({join.rowid})" if numbered else "''")
    rest = f" FROM {table} WHERE {all_of(texts[2:])}"
    below = [below for node in nodes for below in node.walk()]
    if join.ordinary.database == "main" and all(isinstance(n, _ALONE) and not has_parameters(n) for n in below):
        return Pairs(arguments.add(literal(f"SELECT {', '.join(columns)}{rest}")), join.by_key)
    return Pairs(arguments.add(f"(SELECT {' || char(10) || '.join(columns)}{rest})"), join.by_key)


def pair_relation(statement: EditedStatement, select: exp.Select, arguments: Arguments) -> tuple[Names, Referent, Join]:
    """The objects of a join of two tables, as a relation with a row a pair."""
    finder = _Finder(statement, select)
    join = finder.join()
    if len(finder.items) != 2 or join.outer:
        raise NotPushable("more than a table and its objects")
    relation = _relation(statement, join, arguments, False)
    scope = Names(statement, statement.parsed, {finder.alias: relation}, arguments)
    return scope, relation, join


def _relation(statement: EditedStatement, join: Join, arguments: Arguments, numbered: bool) -> Referent:
    from ..resolver import sky_relation

    relation = sky_relation(join.entry, OBJECTS)
    relation.pairs = collect(statement, join, arguments, numbered)
    return relation


@rule(
    *("with_", "expressions", "distinct", "from_", "joins", "where", "group", "having"),
    *("windows", "order", "limit", "offset"),
)
def pair_rows(statement: EditedStatement, select: exp.Select) -> None:
    """Put the scan in the place of the objects."""
    finder = _Finder(statement, select)
    join, arguments = finder.join(), Arguments()
    relation = _relation(statement, join, arguments, True)
    read = list(select.find_all(exp.Column))
    if any(column.name.lower() in ROWIDS and column.table.lower() in ("", finder.alias) for column in read):
        raise NotPushable("the objects' rowid")
    edits = _stars(select, finder, relation.names)
    names = {column.name.lower() for column in read}
    names |= {identifier.name.lower() for clause in finder.joins for identifier in clause.args.get("using") or []}
    columns = [ROW.name, *(name for name in (*relation.names, AS_OF.name) if edits or name.lower() in names)]
    plan = PathScan(
        *(relation.database, relation.table.name, source_of(relation), None),
        keys=tuple(Column(name) for name in columns),
        grouped=False,
    )
    types = [column_type(plan.source, relation.table, name) or "" for name in columns]
    named = tuple((_ROW if name == ROW.name else name, type) for name, type in zip(columns, types, strict=True))
    places = [span(node) for node in (join.objects, join.object[1], join.moment[1])]
    alias = quote(join.objects.alias_or_name)
    texts = [f"{statement.call(plan, named, arguments)} AS {alias}", f"{join.rowid} = {alias}.{quote(_ROW)}", "1"]
    edits += [(*place, text) for place, text in zip(places, texts, strict=True) if place is not None]
    if None in places:
        raise NotPushable("a join of unknown place")
    for edit in edits:
        statement.edit(*edit)


def _stars(select: exp.Select, finder: _Finder, names: list[str]) -> list[tuple[int, int, str]]:
    """`*` and `s.*` written out, with the objects' own columns; no edits if there is neither."""
    objects = quote(finder.items[finder.at].alias_or_name)
    texts = [f"{quote(item.alias_or_name)}.*" for item in finder.items]
    texts[finder.at] = ", ".join(f"{objects}.{quote(name)}" for name in names)
    edits = []
    for item in select.expressions:
        where = span(item)
        if where is None or not is_star(item):
            continue
        if isinstance(item, exp.Star):
            if any(join.args.get("using") for join in finder.joins) or not all(i.alias_or_name for i in finder.items):
                raise NotPushable("columns that cannot be told apart in *")
            edits.append((*where, ", ".join(texts)))
        elif item.text("table").lower() == finder.alias:
            edits.append((*where, texts[finder.at]))
    return edits
