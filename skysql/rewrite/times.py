"""Two rules that hold for every statement, pushed down or not.

A timestamp reads as text, but is never compared as text: whatever stands opposite a timestamp column of a sky table is
put into the one form that such columns have ('2026-01-01T09:00' becomes '2026-01-01 09:00:00.000000'; what is not
written out goes through sky_timestamp). And FOR SYSTEM_TIME AS OF becomes the argument that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from .. import timestamps
from ..errors import DataError
from ..schema import literal as quoted
from .convert import TIMES
from .dialect import cte_of, parse, span
from .statement import Statement

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is)


def lower_system_time(statement: Statement) -> None:
    """`users_objects FOR SYSTEM_TIME AS OF x AS o` -> `users_objects(x) AS o`."""
    for table in statement.source.tree.find_all(exp.Table):
        version = table.args.get("version")
        where = span(table)
        if version is None or where is None:
            continue
        entry = statement.catalog.find(table.db or None, table.name)
        if entry is None or entry.kind != "objects":
            continue
        moment, end = version.expression, where[1]
        at = span(moment)
        alias = table.args.get("alias")
        tokens = statement.source.tokens
        name_end = where[0] + (3 if table.db else 1)
        if at is None:
            at = name_end + 4, end - _alias_tokens(statement, alias, end)
        literal = _canonical(moment) if isinstance(moment, exp.Literal) else None
        statement.edit(name_end, at[1], f"({literal or f'sky_timestamp({statement.render(*at)})'})")
        assert tokens[name_end].text.upper().startswith("FOR")


def _alias_tokens(statement: Statement, alias: exp.Expression | None, end: int) -> int:
    if alias is None:
        return 0
    return 2 if statement.source.tokens[end - 2].text.upper() == "AS" else 1


def normalize_times(statement: Statement) -> None:
    """Put what timestamps are compared with into their form."""
    sources = _Sources(statement)
    for call in statement.source.tree.find_all(exp.Anonymous):
        entry = statement.catalog.find(None, call.name) if isinstance(call.parent, exp.Table) else None
        if entry is not None and entry.kind == "objects" and len(call.expressions) == 1:
            _normalize(statement, call.expressions[0])
    normalize_sides(statement, sources.is_time)


def normalize_sides(statement: Statement, is_time: Callable[[exp.Expression], bool]) -> None:
    """Put what stands opposite a timestamp into its form."""
    for node in statement.source.tree.find_all(*_COMPARISONS, exp.Between, exp.In):
        if isinstance(node, exp.Between):
            sides = [node.this, node.args["low"], node.args["high"]]
        elif isinstance(node, exp.In):
            if node.args.get("query") is not None:
                continue
            sides = [node.this, *node.expressions]
        else:
            sides = [node.this, node.expression]
        if not any(is_time(side) for side in sides):
            continue
        for side in sides:
            if not is_time(side):
                _normalize(statement, side)


def time_names(statement: Statement, item: exp.Expression) -> set[str]:
    """The names of the timestamps that a FROM item has, in lower case."""
    return _Sources(statement).times(item, 0)


def _normalize(statement: Statement, side: exp.Expression) -> None:
    where = span(side)
    if where is None or isinstance(side, exp.Null):
        return
    literal = _canonical(side) if isinstance(side, exp.Literal) else None
    if literal is not None:
        statement.edit(*where, literal)
    else:
        statement.wrap(*where, "sky_timestamp(", ")")


def _canonical(literal: exp.Literal) -> str | None:
    """A written moment in the form that timestamps have, or None if it is none."""
    try:
        value = str(literal.this)
        return quoted(timestamps.format(timestamps.parse(value if literal.is_string else int(value))))
    except (DataError, ValueError):
        return None


class _Sources:
    """Which columns of a statement are timestamps of sky tables, seen through subqueries, CTEs and views."""

    def __init__(self, statement: Statement) -> None:
        self._catalog = statement.catalog
        self._known: dict[int, dict[str, set[str]]] = {}

    def is_time(self, node: exp.Expression) -> bool:
        """Whether the node is such a column, of the nearest select that has it."""
        while isinstance(node, exp.Paren):
            node = node.this
        if not isinstance(node, exp.Column):
            return False
        select = node.find_ancestor(exp.Select, exp.Update, exp.Delete)
        while select is not None:
            tables, qualifier = self._tables(select), node.table.lower()
            if qualifier in tables:
                return node.name.lower() in tables[qualifier]
            if not qualifier and any(node.name.lower() in names for names in tables.values()):
                return True
            select = select.find_ancestor(exp.Select, exp.Update, exp.Delete)
        return False

    def _tables(self, select: exp.Expression) -> dict[str, set[str]]:
        """alias -> the names of its timestamps."""
        if id(select) not in self._known:
            self._known[id(select)] = {_alias(item): self.times(item, 0) for item in _items(select)}
        return self._known[id(select)]

    def times(self, item: exp.Expression, depth: int) -> set[str]:
        """The names of the timestamps of a FROM item."""
        if depth > 16:
            return set()
        if isinstance(item, exp.Subquery):
            return self._selected(item.this, depth)
        if not isinstance(item, exp.Table):
            return set()
        name = item.this.name if isinstance(item.this, exp.Anonymous) else item.name
        cte = cte_of(item)
        if cte is not None:
            return self._common(cte, depth)
        if name.lower() in self._catalog.result_times:
            return set(self._catalog.result_times[name.lower()])
        entry = self._catalog.find(item.db or None, name)
        if entry is None or entry.kind == "table":
            return set()
        if entry.kind == "view":
            source = parse(entry.sql or "")
            create = source.tree if source is not None else None
            return self._selected(create.expression, depth) if isinstance(create, exp.Create) else set()
        return {"events": {"timestamp"}, "changes": {"timestamp"}}.get(entry.kind, set(TIMES) - {"timestamp"})

    def _common(self, cte: exp.CTE, depth: int) -> set[str]:
        alias = cte.args.get("alias")
        renamed = [column.name.lower() for column in alias.args.get("columns") or []] if alias is not None else []
        found = self._selected(cte.this, depth)
        if not renamed or not isinstance(cte.this, exp.Select):
            return found
        names = [item.alias_or_name.lower() for item in cte.this.expressions]
        return {new for new, old in zip(renamed, names, strict=False) if old in found}

    def _selected(self, select: exp.Expression | None, depth: int) -> set[str]:
        """The names under which a query hands timestamps on; of a compound query its first select names them."""
        while isinstance(select, exp.SetOperation):
            select = select.this
        if not isinstance(select, exp.Select) or select.args.get("from_") is None:
            return set()
        tables = {_alias(item): self.times(item, depth + 1) for item in _items(select)}
        found: set[str] = set()
        for item in select.expressions:
            node = item.this if isinstance(item, exp.Alias) else item
            if isinstance(node, exp.Star):
                found.update(*tables.values())
            elif isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
                found |= tables.get(node.table.lower(), set())
            elif isinstance(node, exp.Column):
                of = [tables.get(node.table.lower(), set())] if node.table else tables.values()
                if any(node.name.lower() in names for names in of):
                    found.add(item.alias_or_name.lower())
        return found


def _items(query: exp.Expression) -> list[exp.Expression]:
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


def _alias(item: exp.Expression) -> str:
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Anonymous) and not item.alias:
        return item.this.name.lower()
    return item.alias_or_name.lower()
