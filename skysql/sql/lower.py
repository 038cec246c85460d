"""What SQLite's grammar lacks, written as what it has: so runs what no scan takes up.

    last_value(x IGNORE NULLS) OVER w     ->  sky_last_value(x) OVER w
    a ASOF JOIN b ON a.k = b.k AND a.t >= b.t
        ->  a JOIN b ON (a.k = b.k) AND (a.t >= b.t) AND b.rowid =
            (SELECT z.rowid FROM b AS z WHERE (a.k = z.k) AND (a.t >= z.t) ORDER BY z.t DESC, z.rowid DESC LIMIT 1)
    a ASOF JOIN b USING (k, t)
        ->  the same, and what is called k or t in the select is a's: SQLite has no USING beside ON

All conditions of ON choose among the rows of b, and the last of these is joined; WHERE asks about that one. b is a
table, or a subquery, CTE or view that selects from one. That hands on the row's number, too, so its `*` is written out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from sqlglot import exp

from ..errors import NotSupportedError, ProgrammingError
from ..model.companions import EVENTS, SESSIONS, TS
from ..model.quoting import quote
from .calls import has_aggregate, own
from .catalog import ROWIDS
from .conversion import conjuncts_of
from .dialect import SqlText, cte_of, database_of, is_star, join_form, join_words, parse, span, tokens_of
from .edits import EditedStatement, all_of, other_clauses
from .times import time_names

_INNER = "asof row"
"""The alias of the joined table in the subquery that finds the latest row."""

_KEY = "asof key"
"""What a subquery calls the columns that tell its table's rows apart, with a number."""

_BETWEEN = frozenset("NATURAL LEFT RIGHT FULL INNER CROSS OUTER SEMI ANTI".split())
"""The words that may stand between ASOF and JOIN."""

_PLAIN = ("expressions", "from_", "where", "order")
"""The clauses of a select whose rows are rows of a table."""


def lower_ignore_nulls(statement: EditedStatement) -> None:
    """`last_value(x IGNORE NULLS) OVER` and `last_value(x) IGNORE NULLS OVER`."""
    tokens = statement.parsed.tokens
    for window in statement.parsed.tree.find_all(exp.Window):
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


def check_calls(statement: EditedStatement) -> None:
    """A gap and nothing else in the parentheses of a table: SQLite would take more for hidden columns."""
    for call in statement.parsed.tree.find_all(exp.Anonymous):
        entry = statement.catalog.find(None, call.name) if isinstance(call.parent, exp.Table) else None
        if entry is not None and entry.kind in (EVENTS, SESSIONS) and len(call.expressions) > 1:
            raise ProgrammingError(
                f"{entry.name}() takes one argument, and this call has {len(call.expressions)}",
                f"write {entry.name}('30 minutes')",
            )


def asof_joins(statement: EditedStatement) -> list[exp.Join]:
    """Every ASOF JOIN of the statement; where columns are qualified by `asof`, that is an alias, and nothing else."""
    tree = statement.parsed.tree
    if any(column.table.lower() == "asof" for column in tree.find_all(exp.Column)):
        return []
    return [join for join in tree.find_all(exp.Join) if join_words(join).startswith("ASOF")]


def check_unread(text: str) -> None:
    """Of a statement that cannot be parsed, SQLite would take ASOF for an alias, and join all rows."""
    words = [token.text.upper() for token in tokens_of(text)] if "ASOF" in text.upper() else []
    if "ASOF" in words and not any(pair == ("ASOF", ".") for pair in pairwise(words)):
        at = words.index("ASOF")
        after = words[at + 1 :][:3]
        if "JOIN" in after and _BETWEEN.issuperset(after[: after.index("JOIN")]):
            why = "the statement around it cannot be read"
            if at and words[at - 1] in _BETWEEN:
                why = f"ASOF comes first, before {words[at - 1]}"
            elif "MATCH_CONDITION" in words[at:]:
                why = "it has no MATCH_CONDITION, for what compares the times stands in ON"
            raise _Asof.unsupported(why)


def lower_asof(statement: EditedStatement, joins: Iterable[exp.Join], select: exp.Select | None) -> None:
    """Those of the joins that are the select's (None: that are in no select) and that no scan has taken up."""
    found = [_Asof(statement, join) for join in joins if join.find_ancestor(exp.Select) is select]
    found = [join for join in found if statement.stands(*join.where)]
    if select is not None and found:
        _Names(statement, select, found).run()
    for join in found:
        join.run()


class _Asof:
    """One such join."""

    def __init__(self, statement: EditedStatement, join: exp.Join) -> None:
        self.statement = statement
        self.join = join
        self.item = join.this
        self.alias = self.item.alias_or_name
        self.using = [identifier.name for identifier in join.args.get("using") or []]
        where = span(join)
        if where is None:
            raise self.unsupported("it cannot be found in the text")
        self.where = where

    def run(self) -> None:
        """Write it as a JOIN with the row that a subquery finds."""
        form, words = join_form(self.join), join_words(self.join).removeprefix("ASOF ")
        if words.startswith(("RIGHT", "FULL")):
            raise self.unsupported(f"{words} JOIN keeps rows that have no time to go by")
        if not form.startswith("ASOF"):
            raise self.unsupported(f"there is no ASOF {words} JOIN, but ASOF JOIN and ASOF LEFT JOIN")
        joined, keys = self._joined()
        moment, order = self._moment()
        key, last = ([f"{quote(alias)}.{key}" for key in keys] for alias in (self.alias, _INNER))
        found = (
            f"SELECT {', '.join(last)} FROM {joined} AS {quote(_INNER)} WHERE {all_of(self._conditions(_INNER))}"
            f" ORDER BY {', '.join(f'{term} {order}' for term in (moment, *last))} LIMIT 1"
        )
        same = f"{key[0]} = ({found})" if len(key) == 1 else f"({', '.join(key)}) = ({found})"
        on = f"{all_of(self._conditions(self.alias))} AND {same}"
        side = "LEFT JOIN" if form.endswith("LEFT") else "JOIN"
        self.statement.edit(*self.where, f"{side} {joined} AS {quote(self.alias)} ON {on}")

    @staticmethod
    def unsupported(why: str) -> NotSupportedError:
        """The error that says why."""
        return NotSupportedError(
            f"this ASOF JOIN is not supported: {why}", "write a ASOF JOIN b ON a.key = b.key AND a.time >= b.time"
        )

    # what is joined

    def _selected(self) -> tuple[exp.Select, SqlText] | None:
        """The select that the joined item is a name for, or that it is; None of a table."""
        alias = self.item.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            raise self.unsupported("what it joins has an alias with names of columns")
        if isinstance(self.item, exp.Subquery):
            found, parsed = self.item.this, self.statement.parsed
        elif not isinstance(self.item.this, exp.Identifier) or self.item.args.get("version"):
            found, parsed = None, self.statement.parsed
        elif (cte := cte_of(self.item)) is not None:
            renamed = cte.args["alias"].args.get("columns")
            found, parsed = None if renamed else cte.this, self.statement.parsed
        else:
            entry = self.statement.catalog.find(self.item.db or None, self.item.name)
            view = parse(entry.sql or "", entry.database) if entry is not None and entry.kind == "view" else None
            if view is None:
                return None
            found, parsed = view.tree.args.get("expression"), view
        table = found.args["from_"].this if isinstance(found, exp.Select) and found.args.get("from_") else None
        plain = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier) and cte_of(table) is None
        calls = plain and any(has_aggregate(self.statement, item, parsed) for item in found.expressions)
        if not plain or calls or other_clauses(found, _PLAIN):
            raise self.unsupported("it joins something else than a table, or some rows of one")
        return found, parsed

    def _joined(self) -> tuple[str, list[str]]:
        """What is joined, as text, and the columns that tell its rows apart."""
        selected = self._selected()
        if selected is None:
            text = (f"{quote(self.item.db)}." if self.item.db else "") + quote(self.item.name)
            return text, self._row_key(self.item)
        select, parsed = selected
        where, table = span(select), select.args["from_"].this
        if where is None:
            raise self.unsupported("what it joins cannot be found in the text")
        ours = parsed is self.statement.parsed
        rest = self.statement.render(where[0] + 1, where[1]) if ours else self._of_view(parsed, where, table)
        key = [f"{quote(table.alias_or_name)}.{name}" for name in self._row_key(table)]
        names = [quote(f"{_KEY} {at}") for at in range(1, len(key) + 1)]
        shown = ", ".join(f"{column} AS {name}" for column, name in zip(key, names, strict=True))
        return f"(SELECT {shown}, {rest})", names

    @staticmethod
    def _of_view(parsed: SqlText, where: tuple[int, int], table: exp.Expression) -> str:
        """What follows SELECT in a view, with the table's database."""
        database, at = database_of(table), span(table)
        if database is None or table.text("db") or at is None:
            return parsed.slice(where[0] + 1, where[1])
        return f"{parsed.slice(where[0] + 1, at[0])} {quote(database)}.{parsed.slice(at[0], where[1])}"

    def _row_key(self, table: exp.Expression) -> list[str]:
        """The columns that tell a table's rows apart; of rows of one time, the last by these is the last."""
        entry = self.statement.catalog.find(database_of(table), table.name)
        key = ["rowid"] if entry is None else self.statement.catalog.row_key(entry)
        if not key:
            raise self.unsupported(f"nothing tells the rows of {table.name} apart: its columns have the rowid's names")
        return [name if name in ROWIDS else quote(name) for name in key]

    def shown(self, alone: bool) -> list[str] | None:
        """The columns of it that its own star (`alone`) or that of the select shows; None for all of the table's."""
        selected = self._selected()
        if selected is None and (alone or not self.using):
            return None
        names = []
        for item in selected[0].expressions if selected is not None else [exp.Star()]:
            if is_star(item):
                names += columns_of(self.statement, self.item if selected is None else selected[0].args["from_"].this)
            elif isinstance(item, exp.Column | exp.Alias):
                names.append(item.alias_or_name)
            else:
                raise self.unsupported("a column of what it joins has no name")
        merged = set() if alone else {name.lower() for name in self.using}
        return [name for name in names if name.lower() not in merged]

    @property
    def left(self) -> exp.Expression:
        """The first item to the left: columns of USING are its columns."""
        parent = self.join.parent
        found = parent.args["from_"].this if isinstance(parent, exp.Select) else parent
        if not isinstance(found, exp.Expression) or not found.alias_or_name:
            raise self.unsupported("USING needs a name for what stands to the left")
        return found

    # conditions

    def _conditions(self, alias: str) -> list[str]:
        """What the joined row must meet, if the joined table is called by that alias."""
        on = self.join.args.get("on")
        texts = [self._text(part, alias) for part in (conjuncts_of(on) if on is not None else [])]
        return [*self._of_using(alias), *texts]

    def _of_using(self, alias: str) -> list[str]:
        """The conditions that USING stands for: the last column is the time."""
        if not self.using:
            return []
        left, *names = quote(self.left.alias_or_name), *map(quote, self.using)
        texts = [f"{left}.{name} = {quote(alias)}.{name}" for name in names[:-1]]
        sides = [f"{left}.{names[-1]}", f"{quote(alias)}.{names[-1]}"]
        times = [self.using[-1].lower() in time_names(self.statement, item) for item in (self.left, self.item)]
        if any(times):
            sides = [side if time else f"sky_timestamp({side})" for side, time in zip(sides, times, strict=True)]
        return [*texts, " >= ".join(sides)]

    def _text(self, node: exp.Expression, alias: str) -> str:
        """The node, if the joined table is called by that alias."""
        where = span(node)
        if where is None:
            raise self.unsupported("a condition cannot be found in the text")
        instead = {}
        for column in node.find_all(exp.Column):
            place = span(column)
            if place is not None and column.table.lower() == self.alias.lower() and not self._hidden(column):
                first = place[1] - 2 * len(column.parts) + 1
                instead[first, place[1]] = f"{quote(alias)}.{quote(column.name)}"
        return self.statement.render(*where, instead)

    def _hidden(self, column: exp.Column) -> bool:
        """Whether a select within the condition has a table of the joined one's alias, which the column then is of."""
        around = column.find_ancestor(exp.Select, exp.Join)
        while around is not None and around is not self.join:
            if isinstance(around, exp.Select) and around.args.get("from_") is not None:
                items = [around.args["from_"].this, *(join.this for join in around.args.get("joins") or [])]
                if any(item.alias_or_name.lower() == self.alias.lower() for item in items):
                    return True
            around = around.find_ancestor(exp.Select, exp.Join)
        return False

    def _is_joined(self, column: exp.Column) -> bool:
        """Whether a column is the joined table's."""
        if column.table:
            return bool(column.table.lower() == self.alias.lower())
        shown = self.shown(True)
        names = columns_of(self.statement, self.item) if shown is None else shown
        return any(column.name.lower() == name.lower() for name in names)

    def _moment(self) -> tuple[str, str]:
        """The time of the inner row, and the order in which the wanted one comes first."""
        if self.using:
            return self._of_using(_INNER)[-1].partition(" >= ")[2], "DESC"
        found: list[tuple[exp.Expression, bool]] = []
        for part in conjuncts_of(self.join.args["on"]) if self.join.args.get("on") is not None else []:
            if not isinstance(part, exp.GT | exp.GTE | exp.LT | exp.LTE):
                continue
            upward = isinstance(part, exp.GT | exp.GTE)
            for side, other, latest in ((part.expression, part.this, upward), (part.this, part.expression, not upward)):
                others = list(other.find_all(exp.Column))
                theirs = bool(others) and not any(map(self._is_joined, others))
                if isinstance(side, exp.Column) and theirs and self._is_joined(side):
                    found.append((side, latest))
        times = {*time_names(self.statement, self.item), TS.name}
        if len(found) > 1:
            found = [(side, latest) for side, latest in found if side.name.lower() in times]
        if len(found) != 1:
            none = f"no column of {self.alias} is compared by >=, >, <= or <, as the times are to be"
            raise self.unsupported("more than one comparison may be that of the times" if found else none)
        (side, latest), *_ = found
        return self._text(side, _INNER), "DESC" if latest else "ASC"


class _Names:
    """The columns of a select that USING made one: they are the left item's, and `*` shows them once."""

    def __init__(self, statement: EditedStatement, select: exp.Select, joins: list[_Asof]) -> None:
        self.statement = statement
        self.select = select
        self.joins = {id(join.item): join for join in joins}
        self.merged = {name.lower(): join.left for join in reversed(joins) for name in join.using}

    def run(self) -> None:
        """Qualify them, and write `*` out."""
        aliases = {item.alias.lower() for item in self.select.expressions if isinstance(item, exp.Alias)}
        order = self.select.args.get("order")
        terms = [term.this for term in order.expressions] if order is not None else []
        by_alias = {id(term) for term in terms if term.name.lower() in aliases}
        for node in own(self.select) if self.merged else ():
            if isinstance(node, exp.Column) and not node.table and id(node) not in by_alias:
                self._qualify(node)
        if any(join.shown(False) is not None for join in self.joins.values()):
            for item in self.select.expressions:
                self._star(item)

    def _qualify(self, node: exp.Column) -> None:
        left, where = self.merged.get(node.name.lower()), span(node)
        if left is None or where is None:
            return
        self.statement.edit(where[1] - 1, where[1], f"{quote(left.alias_or_name)}.{quote(node.name)}")
        for item in self.select.expressions:
            if item.unnest() is node:
                names = columns_of(self.statement, left)
                self.statement.names[id(item)] = next((n for n in names if n.lower() == node.name.lower()), node.name)

    def _star(self, item: exp.Expression) -> None:
        where = span(item)
        if where is None or not is_star(item):
            return
        every = [self.select.args["from_"].this, *(join.this for join in self.select.args.get("joins") or [])]
        if isinstance(item, exp.Star):
            using = any(join.args.get("using") for join in self.select.args["joins"] if id(join.this) not in self.joins)
            if using or not all(each.alias_or_name for each in every):
                raise _Asof.unsupported("its columns cannot be told apart in *")
        else:
            every = [each for each in every if each.alias_or_name.lower() == item.text("table").lower()]
        texts = []
        for each in every:
            alias, join = quote(each.alias_or_name), self.joins.get(id(each))
            shown = join.shown(not isinstance(item, exp.Star)) if join is not None else None
            texts += [f"{alias}.*"] if shown is None else [f"{alias}.{quote(name)}" for name in shown]
        if texts:
            self.statement.edit(*where, ", ".join(texts))


def columns_of(statement: EditedStatement, item: exp.Expression) -> list[str]:
    """The columns that `*` shows of a table; [] of anything else."""
    if not isinstance(item, exp.Table) or cte_of(item) is not None:
        return []
    entry = statement.catalog.find(database_of(item), item.name)
    return statement.catalog.columns(entry) if entry is not None else []
