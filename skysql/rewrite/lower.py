"""What SQLite's grammar lacks, in terms of what it has; whatever no scan takes up runs in this form.

    last_value(x IGNORE NULLS) OVER w     ->  sky_last_value(x) OVER w
    a ASOF JOIN b ON a.k = b.k AND a.t >= b.t
        ->  a JOIN b ON (a.k = b.k AND a.t >= b.t) AND b.rowid =
            (SELECT z.rowid FROM b AS z WHERE a.k = z.k AND a.t >= z.t ORDER BY z.t DESC, z.rowid DESC LIMIT 1)

The joined item of an ASOF JOIN is a table, or `(SELECT * FROM table WHERE ...)`, which is read as the table under that
further condition.
"""

from __future__ import annotations

from sqlglot import exp

from ..errors import NotSupportedError
from ..schema import quote
from .convert import conjuncts_of
from .dialect import span
from .statement import Statement

_INNER = "asof row"
"""The alias of the joined table in the subquery that finds the latest row."""


def lower_ignore_nulls(statement: Statement) -> None:
    """`last_value(x IGNORE NULLS) OVER` and `last_value(x) IGNORE NULLS OVER`."""
    tokens = statement.source.tokens
    for window in statement.source.tree.find_all(exp.Window):
        where = span(window)
        if where is None or window.find(exp.IgnoreNulls) is None:
            continue
        if tokens[where[0]].text.lower() != "last_value":
            name = tokens[where[0]].text
            raise NotSupportedError(f"{name}(... IGNORE NULLS)", "last_value is what takes IGNORE NULLS")
        statement.edit(where[0], where[0] + 1, "sky_last_value")
        for at in range(*where):
            if tokens[at].text.upper() == "IGNORE NULLS":
                statement.edit(at, at + 1, "")
            elif tokens[at].text.upper() == "IGNORE" and tokens[at + 1].text.upper() == "NULLS":
                statement.edit(at, at + 2, "")


def lower_asof(statement: Statement) -> None:
    """ASOF JOIN and ASOF LEFT JOIN."""
    for join in statement.source.tree.find_all(exp.Join):
        if str(join.args.get("method") or "").upper() == "ASOF":
            _Asof(statement, join).run()


class _Asof:
    def __init__(self, statement: Statement, join: exp.Join) -> None:
        self.statement = statement
        self.source = statement.source
        self.join = join
        self.item = join.this
        self.alias = self.item.alias_or_name

    def run(self) -> None:
        table, further = self._table()
        where = span(self.join)
        if where is None:
            raise self._unsupported("it cannot be found in the text")
        conditions, moment, descending = self._conditions()
        side = "LEFT " if str(self.join.args.get("side") or "").upper() == "LEFT" else ""
        outer = [condition.format(quote(self.alias)) for condition in (*conditions, *further)]
        inner = [condition.format(quote(_INNER)) for condition in (*conditions, *further)]
        order = "DESC" if descending else "ASC"
        self.statement.edit(
            *where,
            f"{side}JOIN {table} AS {quote(self.alias)} ON {' AND '.join(outer)} AND {quote(self.alias)}.rowid ="
            f" (SELECT {quote(_INNER)}.rowid FROM {table} AS {quote(_INNER)} WHERE {' AND '.join(inner)}"
            f" ORDER BY {quote(_INNER)}.{moment} {order}, {quote(_INNER)}.rowid {order} LIMIT 1)",
        )

    def _unsupported(self, why: str) -> NotSupportedError:
        return NotSupportedError(
            f"this ASOF JOIN is not supported: {why}", "write a ASOF JOIN b ON a.key = b.key AND a.time >= b.time"
        )

    def _table(self) -> tuple[str, list[str]]:
        """(the joined table's name, further conditions on it) in text with {} for its alias."""
        if isinstance(self.item, exp.Table) and not isinstance(self.item.this, exp.Anonymous):
            return self._name(self.item), []
        select = self.item.this if isinstance(self.item, exp.Subquery) else None
        allowed = {"expressions", "from_", "where"}
        if isinstance(select, exp.Select) and all(name in allowed for name, value in select.args.items() if value):
            table = select.args["from_"].this if select.args.get("from_") else None
            if isinstance(table, exp.Table) and all(isinstance(e, exp.Star | exp.Column) for e in select.expressions):
                where = select.args.get("where")
                parts = conjuncts_of(where.this) if where is not None else []
                return self._name(table), [self._text(part, {table.alias_or_name.lower()}, True) for part in parts]
        raise self._unsupported("it joins something else than a table, or some rows of one")

    @staticmethod
    def _name(table: exp.Table) -> str:
        return f"{quote(table.db)}.{quote(table.name)}" if table.db else quote(table.name)

    def _text(self, node: exp.Expression, aliases: set[str], unqualified: bool) -> str:
        """The node's text with {} where it names the joined table."""
        where = span(node)
        if where is None:
            raise self._unsupported("a condition cannot be found in the text")
        start, text, at = self.source.start(where[0]), "", self.source.start(where[0])
        for column in sorted(node.find_all(exp.Column), key=lambda c: (span(c) or (0, 0))):
            place = span(column)
            if place is None or not (column.table.lower() in aliases or (unqualified and not column.table)):
                continue
            first = place[1] - (3 if column.table else 1)
            text += _escaped(self.source.text[at : self.source.start(first)]) + "{}." + quote(column.name)
            at = self.source.end(place[1] - 1)
        assert start <= at
        return text + _escaped(self.source.text[at : self.source.end(where[1] - 1)])

    def _conditions(self) -> tuple[list[str], str, bool]:
        """(conditions, the joined table's moment, whether the latest is wanted)."""
        if self.join.args.get("using"):
            return self._using()
        alias = self.alias.lower()
        texts, moment, descending = [], None, True
        for part in conjuncts_of(self.join.args["on"]) if self.join.args.get("on") is not None else []:
            texts.append(self._text(part, {alias}, False))
            if isinstance(part, exp.GT | exp.GTE | exp.LT | exp.LTE) and moment is None:
                upward = isinstance(part, exp.GT | exp.GTE)
                for side, latest in ((part.expression, upward), (part.this, not upward)):
                    if isinstance(side, exp.Column) and side.table.lower() == alias:
                        moment, descending = quote(side.name), latest
        if moment is None:
            raise self._unsupported("it has no comparison of times")
        return texts, moment, descending

    def _using(self) -> tuple[list[str], str, bool]:
        names = [quote(identifier.name) for identifier in self.join.args["using"]]
        select = self.join.parent
        from_ = select.args.get("from_") if isinstance(select, exp.Select) else None
        if from_ is None:
            raise self._unsupported("there is nothing to its left")
        left = quote(from_.this.alias_or_name)
        texts = [f"{_escaped(left)}.{_escaped(name)} = {{}}.{_escaped(name)}" for name in names[:-1]]
        return [*texts, f"{_escaped(left)}.{_escaped(names[-1])} >= {{}}.{_escaped(names[-1])}"], names[-1], True


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
