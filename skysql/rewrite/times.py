"""Two rules that hold for every statement, pushed down or not.

A timestamp reads as text, but is never compared as text: whatever stands opposite a timestamp column of a sky table is
put into the one form that such columns have ('2026-01-01T09:00' becomes '2026-01-01 09:00:00.000000'; what is not
written out goes through sky_timestamp). And FOR SYSTEM_TIME AS OF becomes the argument that it stands for.
"""

from __future__ import annotations

from sqlglot import exp

from .. import timestamps
from ..errors import DataError
from ..schema import literal as quoted
from .convert import TIMES
from .dialect import span
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
        text = statement.render(*at)
        statement.edit(name_end, at[1], f"({text})")
        assert tokens[name_end].text.upper().startswith("FOR")


def _alias_tokens(statement: Statement, alias: exp.Expression | None, end: int) -> int:
    if alias is None:
        return 0
    return 2 if statement.source.tokens[end - 2].text.upper() == "AS" else 1


def normalize_times(statement: Statement) -> None:
    """Put what timestamps are compared with into their form."""
    sources = _Sources(statement)
    for node in statement.source.tree.find_all(*_COMPARISONS, exp.Between, exp.In):
        if isinstance(node, exp.Between):
            sides = [node.this, node.args["low"], node.args["high"]]
        elif isinstance(node, exp.In):
            if node.args.get("query") is not None:
                continue
            sides = [node.this, *node.expressions]
        else:
            sides = [node.this, node.expression]
        if not any(sources.is_time(side) for side in sides):
            continue
        for side in sides:
            if not sources.is_time(side):
                _normalize(statement, side)


def _normalize(statement: Statement, side: exp.Expression) -> None:
    where = span(side)
    if where is None or isinstance(side, exp.Null):
        return
    if isinstance(side, exp.Literal):
        try:
            value = str(side.this)
            moment = timestamps.parse(value if side.is_string else int(value))
        except (DataError, ValueError):
            statement.edit(*where, f"sky_timestamp({statement.render(*where)})")
            return
        statement.edit(*where, quoted(timestamps.format(moment)))
        return
    statement.edit(*where, f"sky_timestamp({statement.render(*where)})")


class _Sources:
    """Which columns of a statement are timestamps of sky tables."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._known: dict[int, dict[str, bool]] = {}

    def is_time(self, node: exp.Expression) -> bool:
        """Whether the node is such a column, by the nearest select that has a table it can belong to."""
        while isinstance(node, exp.Paren):
            node = node.this
        if not isinstance(node, exp.Column) or node.name.lower() not in TIMES:
            return False
        select = node.find_ancestor(exp.Select, exp.Update, exp.Delete)
        while select is not None:
            tables = self._tables(select)
            qualifier = node.table.lower()
            if qualifier in tables:
                return tables[qualifier]
            if not qualifier and any(tables.values()):
                return True
            select = select.find_ancestor(exp.Select, exp.Update, exp.Delete)
        return False

    def _tables(self, select: exp.Expression) -> dict[str, bool]:
        """alias -> whether it is a sky table (or a plain selection of one)."""
        if id(select) not in self._known:
            items = []
            from_ = select.args.get("from_")
            if from_ is not None:
                items.append(from_.this)
            elif isinstance(select.this, exp.Table):
                items.append(select.this)
            items += [join.this for join in select.args.get("joins") or []]
            self._known[id(select)] = {_alias(item): self._is_sky(item) for item in items}
        return self._known[id(select)]

    def _is_sky(self, item: exp.Expression, depth: int = 0) -> bool:
        if depth > 16:
            return False
        if isinstance(item, exp.Subquery):
            inner = item.this
            if not isinstance(inner, exp.Select) or inner.args.get("from_") is None:
                return False
            return self._is_sky(inner.args["from_"].this, depth + 1)
        if not isinstance(item, exp.Table):
            return False
        name = str(item.this.this) if isinstance(item.this, exp.Anonymous) else item.name
        cte = self._cte(item, name)
        if cte is not None:
            return self._is_sky(exp.Subquery(this=cte.this.copy()), depth + 1) if isinstance(cte.this, exp.Select) else False
        entry = self._statement.catalog.find(item.db or None, name)
        return entry is not None and entry.kind in ("events", "objects", "changes")

    @staticmethod
    def _cte(item: exp.Expression, name: str) -> exp.CTE | None:
        scope: exp.Expression | None = item
        while scope is not None:
            with_ = scope.args.get("with_")
            for cte in with_.expressions if with_ is not None else []:
                if cte.alias.lower() == name.lower() and item.find_ancestor(exp.CTE) is not cte:
                    return cte  # type: ignore[no-any-return]
            scope = scope.parent
        return None


def _alias(item: exp.Expression) -> str:
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Anonymous) and not item.alias:
        return str(item.this.this).lower()
    return item.alias_or_name.lower()
