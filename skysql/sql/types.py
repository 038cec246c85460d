"""Which expressions of a statement are times, and which are decimals.

A time is the timestamp of a sky table, a companion or a report, in the one form that those have. It stays a time where
a value of any type is handed on unchanged: by names, subqueries, CTEs, views, compound selects, CASE, and functions
that return one of their arguments. A new value made of it is no time: date(), substr(), `||`, CAST. The same holds for
a DECIMAL of a sky table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from typing import TypeAlias

from sqlglot import exp

from ..model.kinds import DecimalKind
from .catalog import Catalog, CatalogEntry
from .dialect import Plus, SqlText, cte_of, is_star, parse, span
from .reads import MatchCall, Reads


class Timeliness(Enum):
    """What the values of an expression may be, NULL aside."""

    NOTHING = 0  # NULL alone
    TIME = 1  # times
    SPELLED = 2  # times, and texts that may be times in other forms: coalesce(timestamp, created_at)
    MIXED = 3  # times, and values of any type
    TEXT = 4
    OTHER = 5

    @property
    def timely(self) -> bool:
        """Whether there may be times among them."""
        return self in (Timeliness.TIME, Timeliness.SPELLED, Timeliness.MIXED)


@dataclass(frozen=True, slots=True)
class Exact:
    """In place of OTHER: decimals of `scale` digits after the point, and nothing else but NULL."""

    scale: int

    @property
    def timely(self) -> bool:
        """There are no times among them."""
        return False


ValueKind: TypeAlias = Timeliness | Exact


def either(one: ValueKind, other: ValueKind) -> ValueKind:
    """The kind of what is the one or the other."""
    if one == other or other is Timeliness.NOTHING:
        return one
    if one is Timeliness.NOTHING:
        return other
    one, other = (Timeliness.OTHER if isinstance(kind, Exact) else kind for kind in (one, other))
    if not (one.timely or other.timely):
        return Timeliness.OTHER
    return Timeliness.MIXED if {one, other} & {Timeliness.MIXED, Timeliness.OTHER} else Timeliness.SPELLED


Outputs: TypeAlias = "list[tuple[str, ValueKind]]"


@dataclass(frozen=True, slots=True)
class ItemColumns:
    """The columns of a FROM item: those that `*` shows, in their order, and the hidden ones."""

    shown: Outputs
    hidden: Outputs = field(default_factory=list)

    def find(self, name: str) -> ValueKind | None:
        """The kind of a column; None if there is none of the name."""
        named = (kind for each, kind in (*self.shown, *self.hidden) if each.lower() == name)
        return next(named, None)


_SAME = frozenset({exp.Paren, Plus, exp.Collate, exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Window, exp.Alias,
                   exp.FirstValue, exp.LastValue, exp.Mode, exp.NthValue, exp.Order, exp.Ordered})  # fmt: skip
"""Nodes that have the value of their `this`."""

GREATEST = (exp.Max, exp.Min, exp.Greatest, exp.Least)
"""max and min: of several arguments, they compare them."""

_RETURNED = {"likely": 0, "unlikely": 0, "likelihood": 0, "fts5_insttoken": 0, "sky_last_value": 0,
             "sequence_next_node": 3}  # fmt: skip
"""Functions that sqlglot does not know: which argument they return."""


class Types:
    """What is known of the expressions of one statement, and of the views that it reads.

    named: columns of no table that are times, in lower case.
    """

    def __init__(self, catalog: Catalog, parsed: SqlText, named: frozenset[str], reads: Reads) -> None:
        self._catalog = catalog
        self._reads = reads
        self._named = named
        self._texts_by_root = {id(parsed.tree): parsed}
        self._views: dict[tuple[str, str], SqlText | None] = {}
        self._kinds: dict[int, ValueKind] = {}
        self._columns: dict[int, ItemColumns | None] = {}
        self._open: list[exp.Expression] = []  # CTEs and views that are being looked at, from the outside
        self._met = _NEVER  # the place of the first of them that was met again, and so is not known yet
        self._busy: set[int] = set()  # expressions that are being looked at

    def is_time(self, node: exp.Expression) -> bool:
        """Whether an expression gives times, and nothing else but NULL."""
        return self.kind(node) is Timeliness.TIME

    def kind(self, node: exp.Expression) -> ValueKind:
        """The kind of an expression, where it stands."""
        found = self._kinds.get(id(node))
        if found is not None:
            return found
        if id(node) in self._busy:  # SELECT a AS b, b AS a
            return Timeliness.OTHER
        self._busy.add(id(node))
        found = self._kind(node)
        self._busy.discard(id(node))
        if self._met == _NEVER:
            self._kinds[id(node)] = found
        return found

    def _kind(self, node: exp.Expression) -> ValueKind:
        if type(node) in _SAME:
            return self.kind(node.this)
        match node:
            case exp.Column():
                return self._column(node)
            case exp.Null():
                return Timeliness.NOTHING
            case exp.Literal(is_string=True) | exp.DPipe():
                return Timeliness.TEXT
            case exp.Cast():
                return Timeliness.TEXT if node.to.this is exp.DType.TEXT else Timeliness.OTHER
            case exp.Subquery():
                outputs = self.outputs(node)
                return outputs[0][1] if outputs else Timeliness.OTHER
            case exp.Func() | exp.Case() | exp.Distinct():
                return self._call(node)
        return Timeliness.OTHER

    def _call(self, node: exp.Expression) -> ValueKind:
        """The kind of what hands on one of several."""
        match node:
            case exp.Distinct():
                return self._either(node.expressions[:1])
            case exp.Case():
                return self._either([*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")])
            case exp.If():
                return self._either([node.args["true"], node.args.get("false")])
            case exp.Coalesce():
                return self._either([node.this, *node.expressions])
            case exp.Lag() | exp.Lead():
                return self._either([node.this, node.args.get("default")])
            case exp.Sum() if "sum" not in self._catalog.own:  # which is exact: decimals.py
                summed = self.kind(node.this)
                return summed if isinstance(summed, Exact) else Timeliness.OTHER
            case exp.Nullif():
                return self._compared([node.this, node.expression], self.kind(node.this))
            case exp.Anonymous():
                return self._named_call(node)
        if type(node) in GREATEST:
            arguments = [node.this, *node.expressions]
            return self._compared(arguments, self._either(arguments))
        return Timeliness.OTHER

    def _named_call(self, node: exp.Anonymous) -> ValueKind:
        name, arguments = node.name.lower(), node.expressions
        if name == "sky_timestamp" and len(arguments) == 1:
            return Timeliness.TIME
        if name == "iif":
            return self._either([*arguments[1::2], *(arguments[-1:] if len(arguments) % 2 else ())])
        at = _RETURNED.get(name, len(arguments))
        return self.kind(arguments[at]) if at < len(arguments) else Timeliness.OTHER

    def _either(self, nodes: Iterable[exp.Expression | None]) -> ValueKind:
        kinds: list[ValueKind] = [self.kind(node) for node in nodes if node is not None]
        nothing: ValueKind = Timeliness.NOTHING
        return reduce(either, kinds, nothing)

    def _compared(self, nodes: list[exp.Expression], without: ValueKind) -> ValueKind:
        """The kind of one of several that are compared: beside a time, all have been made times."""
        return Timeliness.TIME if any(self.kind(node) is Timeliness.TIME for node in nodes) else without

    # names

    def _column(self, node: exp.Column) -> ValueKind:
        """The kind of a column of the nearest select that has it, or of the expression that its alias stands for."""
        name, qualifier = node.name.lower(), node.table.lower()
        for select in seen_from(node):
            for item in items(select):
                if qualifier in ("", alias(item)):
                    columns = self.columns(item)
                    found = columns.find(name) if columns is not None else None
                    if found is not None:
                        return found
            named = None if qualifier else self._alias(select, node)
            if named is not None:
                return named
        return Timeliness.TIME if name in self._named else Timeliness.OTHER

    def _alias(self, select: exp.Expression, node: exp.Column) -> ValueKind | None:
        """The kind of the item of that alias, unless the name stands in that very item."""
        for item in select.expressions if isinstance(select, exp.Select) else ():
            if isinstance(item, exp.Alias) and item.alias.lower() == node.name.lower():
                if not any(above is item for above in _ancestors(node)):
                    return self.kind(item.this)
        return None

    # FROM

    def columns(self, item: exp.Expression) -> ItemColumns | None:
        """The columns of a FROM item; None if they are not known."""
        if id(item) not in self._columns:
            found = self._found_columns(item)
            if self._met != _NEVER:
                return found
            self._columns[id(item)] = found
        return self._columns[id(item)]

    def _found_columns(self, item: exp.Expression) -> ItemColumns | None:
        if isinstance(item, exp.Subquery | exp.Values):
            return _shown(self.outputs(item))
        if not isinstance(item, exp.Table):
            return None
        return self._named_columns(item, item.db, item.this.name if isinstance(item.this, exp.Anonymous) else item.name)

    def _named_columns(self, place: exp.Expression, database: str, name: str) -> ItemColumns | None:
        """The columns of a table, view, CTE or table-valued function that is named at some place."""
        cte = None if database else cte_of(place, name)
        if cte is not None:
            alias = cte.args.get("alias")
            return _shown(self._within(cte, cte.this, alias.args.get("columns") if alias is not None else None))
        entry = self._catalog.find(database or place.root().meta.get("home"), name)
        matches = self._reads.find(name) or self._catalog.published.get(name.lower())
        if matches is not None:
            return _matched(matches)
        if entry is not None:
            view = self._view(entry)
            if view is not None:
                target = view.tree.this
                renamed = target.expressions if isinstance(target, exp.Schema) else None
                return _shown(self._within(view.tree, view.tree.expression, renamed))
        ours = entry.kind not in ("table", "view") if entry is not None else name.lower().startswith("sky_")
        shown: Outputs = []
        hidden: Outputs = []
        for column, type, out in self._catalog.fields(entry.database if entry is not None else None, name):
            time = ours and type.upper() == "TIMESTAMP"
            exact = self._catalog.kinds.find(type) if ours and "(" in type else None
            kind = Exact(exact.scale) if isinstance(exact, DecimalKind) else _kind_of(type)
            (hidden if out else shown).append((column, Timeliness.TIME if time else kind))
        return ItemColumns(shown, hidden) if shown or hidden else None

    def _view(self, entry: CatalogEntry) -> SqlText | None:
        """The parsed definition of a view."""
        key = entry.database, entry.name
        if key not in self._views:
            text = entry.sql or ""
            parsed = parse(text, entry.database) if _VIEW.match(text) else None
            parsed = parsed if parsed is not None and isinstance(parsed.tree, exp.Create) else None
            self._views[key] = parsed
            if parsed is not None:
                self._texts_by_root[id(parsed.tree)] = parsed
        return self._views[key]

    def _within(
        self, node: exp.Expression, query: exp.Expression, renamed: list[exp.Expression] | None
    ) -> Outputs | None:
        """What a CTE or a view gives; of what it gives itself by recursion, nothing is known yet."""
        depth = next((at for at, open in enumerate(self._open) if open is node), _NEVER)
        if depth != _NEVER:
            self._met = min(self._met, depth)
            found: Outputs | None = self._first_names(query)
        else:
            self._open.append(node)
            found = self.outputs(query)
            self._open.pop()
            if self._met >= len(self._open):
                self._met = _NEVER
        if found is None or not renamed:
            return found
        return [(new.name, kind) for new, (_, kind) in zip(renamed, found, strict=False)]

    def _first_names(self, query: exp.Expression) -> Outputs:
        while isinstance(query, exp.SetOperation | exp.Subquery):
            query = query.this
        return [(self._name(item), Timeliness.NOTHING) for item in query.expressions]

    # queries

    def outputs(self, query: exp.Expression) -> Outputs | None:
        """The names and kinds of the columns of a query; None if they are not known."""
        match query:
            case exp.Subquery():
                return self.outputs(query.this)
            case exp.SetOperation():
                return self._compound(query)
            case exp.Values():
                rows = [row.expressions for row in query.expressions]
                return [(f"column{at}", self._either(nodes)) for at, nodes in enumerate(zip(*rows, strict=False), 1)]
            case exp.Column():  # x IN name
                columns = self._named_columns(query, query.table, query.name)
                return columns.shown if columns is not None else None
            case exp.Select():
                parts = [self._selected(query, item) for item in query.expressions]
                known = [part for part in parts if part is not None]
                return [column for part in known for column in part] if len(known) == len(parts) else None
        return None

    def _compound(self, query: exp.SetOperation) -> Outputs | None:
        one, other = self.outputs(query.this), self.outputs(query.expression)
        if one is None or other is None:
            return one or other
        kinds = [{a, b} for (_, a), (_, b) in zip(one, other, strict=False)]
        comparing = type(query) in COMPARING
        return [
            (name, Timeliness.TIME if comparing and Timeliness.TIME in both else reduce(either, both))
            for (name, _), both in zip(one, kinds, strict=False)
        ]

    def _selected(self, select: exp.Select, item: exp.Expression) -> Outputs | None:
        """What an item of a select gives: one column, or those that a star shows."""
        if not is_star(item):
            return [(self._name(item), self.kind(item))]
        shown = star_columns(select, item, self)
        return None if shown is None else [(name, kind) for _, name, kind in shown]

    def _name(self, item: exp.Expression) -> str:
        column = item.unnest()
        if isinstance(item, exp.Alias) or isinstance(column, exp.Column):
            return str(item.alias or column.name)
        where, parsed = span(item), self._texts_by_root.get(id(item.root()))
        return parsed.slice(*where) if where is not None and parsed is not None else ""


_NEVER = 1 << 30

COMPARING = (exp.Except, exp.Intersect)
"""Compound selects that compare the rows of their sides. (UNION lists what each of them gives.)"""

_VIEW = re.compile(r"\s*CREATE\s+(TEMP\w*\s+)?VIEW\b", re.IGNORECASE)
_TEXTS = re.compile("CHAR|CLOB|TEXT", re.IGNORECASE)


def _kind_of(type: str) -> Timeliness:
    """The kind of a column of an ordinary table: of one of texts, numbers become texts."""
    return Timeliness.TEXT if _TEXTS.search(type) and "INT" not in type.upper() else Timeliness.OTHER


def _matched(call: MatchCall) -> ItemColumns:
    """The columns of a recognition."""

    def kind(name: str, type: str) -> Timeliness:
        return Timeliness.TIME if name.lower() in call.times else _kind_of(type.partition(" COLLATE ")[0])

    return ItemColumns([(output.name, kind(output.name, output.type)) for output in call.plan.outputs])


def _shown(outputs: Outputs | None) -> ItemColumns | None:
    return None if outputs is None else ItemColumns(outputs)


def _ancestors(node: exp.Expression) -> Iterator[exp.Expr]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def seen_from(node: exp.Expression) -> Iterator[exp.Expression]:
    """The selects that an expression can read columns of, innermost first: not those that have it in FROM or WITH."""
    below: exp.Expr = node
    inside = False
    for above in _ancestors(node):
        if isinstance(above, exp.From | exp.CTE) or (isinstance(above, exp.Join) and below.arg_key == "this"):
            inside = True
        elif isinstance(above, exp.Select | exp.Update | exp.Delete):
            if not inside:
                yield above
            inside = False
        below = above


def starred(select: exp.Expression, types: Types) -> list[tuple[exp.Expression, set[str]]]:
    """The FROM items of a select, and of each the names that USING or NATURAL has made one with those before it."""
    joined = {id(join.this): join for join in select.args.get("joins") or []}
    found: list[tuple[exp.Expression, set[str]]] = []
    for item in items(select):
        join = joined.get(id(item))
        names = merged_names(join, [each for each, _ in found], types) if join is not None else []
        found.append((item, {name.lower() for name in names}))
    return found


def star_columns(
    select: exp.Select, star: exp.Expression, types: Types
) -> list[tuple[exp.Expression, str, ValueKind]] | None:
    """Of each column that a star shows: the FROM item, the name, the kind; None if they are not known."""
    qualifier = "" if isinstance(star, exp.Star) else star.text("table").lower()
    found = []
    for item, merged in starred(select, types):
        columns = types.columns(item) if qualifier in ("", alias(item)) else ItemColumns([])
        if columns is None:
            return None
        found += [(item, name, kind) for name, kind in columns.shown if qualifier or name.lower() not in merged]
    return found


def merged_names(join: exp.Join, before: list[exp.Expression], types: Types) -> list[str]:
    """The names of the columns by which USING or NATURAL joins."""
    if str(join.args.get("method") or "").upper() != "NATURAL":
        return [identifier.name for identifier in join.args.get("using") or []]
    own, others = types.columns(join.this), [types.columns(item) for item in before]
    names = [name for name, _ in own.shown] if own is not None else []
    return [name for name in names if any(each is not None and each.find(name.lower()) for each in others)]


def items(query: exp.Expression) -> list[exp.Expression]:
    """What a query reads from: its tables and subqueries, those of parenthesised joins among them."""
    from_, target = query.args.get("from_"), query.this
    found = [target] if isinstance(target, exp.Table) else []
    found += [from_.this] if from_ is not None else []
    found += [join.this for join in query.args.get("joins") or []]
    return [inner for item in found for inner in _unfolded(item)]


def _unfolded(item: exp.Expression) -> list[exp.Expression]:
    """The item, or what is joined inside of its parentheses, and what is joined to it."""
    joined = isinstance(item, exp.Subquery) and not item.alias and isinstance(item.this, exp.Table | exp.Subquery)
    found = _unfolded(item.this) if joined else [item]
    return [*found, *(inner for join in item.args.get("joins") or [] for inner in _unfolded(join.this))]


def alias(item: exp.Expression) -> str:
    """What qualifies the columns of a FROM item, in lower case."""
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Anonymous) and not item.alias:
        return item.this.name.lower()
    return item.alias_or_name.lower()


__all__ = ["COMPARING", "GREATEST", "Exact", "ItemColumns", "Outputs", "Timeliness", "Types", "ValueKind", "alias",
           "items", "merged_names", "seen_from", "star_columns"]
