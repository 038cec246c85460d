"""Functions over a path that no scan answers: SQLite hands them the rows of a path in its order.

    SELECT c.segment, path_string(e.action) FROM users e JOIN customers c ON ... GROUP BY c.id, e.object_id
        ->  ... path_string(e.action ORDER BY "e".object_id, "e".ts, "e".rowid) ...

SQLite reads rows in any order: with an OR, perhaps those of one side before those of the other. So each row brings its
*place* in its path: for an event the object, the time, and the number, which grows with arrival. Subqueries and CTEs
hand places on in added columns; views with such calls are read as the subqueries that they stand for.

Groups have places if they are whole objects, sessions or moments, and show which. Other rows made of several rows of a
sky table have none: other groups, DISTINCT, UNION. They come in the order of the subquery's own ORDER BY. If it has
none, or places cannot be handed on, the order would be an accident of SQLite's plan: then the strict form of the
function is called, which refuses rows unless their times tell the order.

Rows of ordinary tables have no places, and are taken in the order in which they come. At one time, rows of the first
select of a UNION ALL come before those of the next.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from sqlglot import exp

from ..errors import NotSupportedError
from ..functions import STRICT
from ..model.companions import CHANGES, EVENTS, OBJECTS, SESSION, SESSIONS, TS
from ..model.quoting import quote
from ..model.tokens import Token, TokenKind, closing, names_in, replace_tokens, tokenize
from . import types
from .calls import call_arguments, call_name, has_aggregates, own
from .catalog import CatalogEntry
from .decimals import sums_decimals
from .dialect import SqlText, TokenType, cte_of, is_star, parse, span
from .edits import EditedStatement
from .names import alias_of, runs_of
from .types import seen_from

_ONLY_ROWS = frozenset({"expressions", "from_", "joins", "where", "order", "limit", "offset", "with_", "kind"})
"""The clauses of a select that hands rows on, each of which is one of the rows that it reads."""


class Places:
    """The places of rows in one statement. pushed: the selects whose rows a scan has chosen."""

    def __init__(self, statement: EditedStatement, pushed: set[int]) -> None:
        self.statement = statement
        self.pushed = pushed
        self._handing: list[exp.Select] = []  # the selects that hand places on
        self._handed: dict[int, list[str] | None] = {}
        self._labels = 0

    def order(self, select: exp.Select) -> None:
        """Give each of the select's calls that stands its order."""
        for call in _calls(self.statement, select):
            if not self.statement.replaced(*_span(call)):
                taken = self._taken_from(call, select)
                if not self._in_order(taken):
                    self._order_call(taken, call)

    def missing(self) -> set[tuple[int, int]]:
        """By `clause_of`, the selects that should hand places on, which scans' rows do not have."""
        return {where for select in self._handing if id(select) in self.pushed and (where := clause_of(select))}

    def _taken_from(self, call: exp.Expression, select: exp.Select) -> exp.Select:
        """The select whose rows the call takes, as SQLite has it: the innermost that has any column of the call."""
        columns = list(call.find_all(exp.Column))
        for place in seen_from(call) if columns else ():
            if isinstance(place, exp.Select) and any(self._has(place, column) for column in columns):
                if place is not select and clause_of(place):
                    self._handing.append(place)  # no rule may have taken it, when its turn comes
                return place
        return select

    def _has(self, select: exp.Select, column: exp.Column) -> bool:
        for item in types.items(select):
            if column.table.lower() in ("", types.alias(item)):
                known = self.statement.types.columns(item)
                if column.table or (known is not None and known.find(column.name.lower()) is not None):
                    return True
        return False

    def _in_order(self, select: exp.Select) -> bool:
        """Whether the select reads nothing but one scan's rows, in its order."""
        if id(select) in self.pushed or self._read_once(select):
            return True
        inner = _read_alone(select)
        if not isinstance(inner, exp.Subquery) or not isinstance(inner.this, exp.Select):
            return False
        if any(item.find(exp.Window) for item in inner.this.expressions):
            return False
        return not inner.this.args.get("order") and _hands_on(self.statement, inner.this) and self._in_order(inner.this)

    def _read_once(self, select: exp.Select) -> bool:
        """Whether SQLite has no other way than to read one table from its beginning to its end."""
        table = _read_alone(select)
        return isinstance(table, exp.Table) and cte_of(table) is None and bool(self._of(table))

    def _order_call(self, select: exp.Select, call: exp.Expression) -> None:
        items = _items(select)
        places = [(self._reads(call, item), self._of(item)) for item in items or []]
        known = sorted(places, key=lambda place: not place[0])
        terms = [term for _, found in known for term in found or ()]
        if items is None or any(read and found is None for read, found in places):
            self._be_strict(call)
        elif terms:
            closing = self.statement.parsed.closing(_span(call)[0] + 1)
            self.statement.wrap(closing, closing + 1, f" ORDER BY {', '.join(terms)}", "")

    def _reads(self, call: exp.Expression, item: exp.Expression) -> bool:
        """Whether the call may read a column of a FROM item."""
        known = self.statement.types.columns(item)
        return any(
            column.table.lower() in ("", types.alias(item))
            and (column.table or known is None or known.find(column.name.lower()) is not None)
            for column in call.find_all(exp.Column)
        )

    def _be_strict(self, call: exp.Expression) -> None:
        first = _span(call)[0]
        self.statement.edit(first, first + 1, STRICT + self.statement.parsed.tokens[first].text.lower())

    # places

    def _of(self, item: exp.Expression) -> list[str] | None:
        """The columns that order an item's rows by path: none of what has no paths, None if they cannot be had."""
        before = f"{quote(alias_of(item))}." if alias_of(item) else ""
        labels = self._labels_of(item)
        if labels and not before and not all(map(_is_made, labels)) and not _is_alone(item):
            return None  # another item may have a column of that name
        if labels and any(map(_is_made, labels)):
            for where, text in self._stars(item) or ():
                self.statement.edit(*where, text)
        return labels and [before + label for label in labels]

    def _labels_of(self, item: exp.Expression) -> list[str] | None:
        cte = cte_of(item) if isinstance(item, exp.Table) and not isinstance(item.this, exp.Anonymous) else None
        if cte is None and not isinstance(item, exp.Subquery):
            return [] if isinstance(item, exp.Values) else self._stored(item)
        if self._stars(item) is None:
            return None if self._is_of_paths(item, frozenset()) else []
        return self._query(item.this) if cte is None else self._common(cte)

    def _stars(self, item: exp.Expression) -> list[tuple[tuple[int, int], str]] | None:
        """The stars that show an item, and what they show without the columns that are added; None if it is unknown."""
        select = item.parent_select
        stars = [each for each in select.expressions if is_star(each)] if select is not None else []
        found = []
        for star in stars:
            assert select is not None
            where, text = span(star), self._shown(select, star)
            if where is None or text is None:
                return None
            found.append((where, text))
        return found

    def _shown(self, select: exp.Select, star: exp.Expression) -> str | None:
        joins = select.args.get("joins") or []
        outer = any(str(join.args.get("side")).upper() in ("RIGHT", "FULL") for join in joins)
        merged = any(join.args.get("using") or join.args.get("method") for join in joins)
        columns = types.star_columns(select, star, self.statement.types)
        names = [(types.alias(item), name) for item, name, _ in columns or ()]
        unknown = not names or len({(who, name.lower()) for who, name in names}) < len(names)
        if unknown or (outer and merged) or not all(who or self._is_one(select, name) for who, name in names):
            return None
        return ", ".join(f"{quote(who)}.{quote(name)}" if who else _sure(name) for who, name in names)

    def _is_one(self, select: exp.Select, name: str) -> bool:
        """Whether only one of the items that a select reads has such a column."""
        known = [self.statement.types.columns(item) for item in types.items(select)]
        return sum(columns is None or columns.find(name.lower()) is not None for columns in known) == 1

    def _stored(self, item: exp.Expression) -> list[str] | None:
        name = item.this.name if isinstance(item.this, exp.Anonymous) else item.name
        if self.statement.catalog.mark in name.lower():
            return ["rowid"]  # matches, in their order
        entry = self.statement.catalog.find(item.text("db") or None, name)
        if entry is None or entry.table is None:
            return None if entry is not None and entry.kind == "view" and _sees_sky(self.statement, entry) else []
        who = quote(entry.table.object_name)
        places = {EVENTS: [TS.name, "rowid"], CHANGES: [TS.name, "rowid"], SESSIONS: [SESSION.name], OBJECTS: []}
        return [who, *places[entry.kind]] if entry.kind in places else []

    def _common(self, cte: exp.CTE) -> list[str] | None:
        """Of a CTE. Nobody else may see the columns that are added to it."""
        tree, name, known = self.statement.parsed.tree, cte.alias.lower(), id(cte.this) in self._handed
        read = [t for t in tree.find_all(exp.Table) if t.name.lower() == name and not t.db]
        selects = [table.find_ancestor(exp.Select) for table in read]
        seen = any(select is None or any(map(is_star, select.expressions)) for select in selects)
        natural = any(join.args.get("method") for join in tree.find_all(exp.Join))
        recursive = cte.parent is not None and cte.parent.args.get("recursive")
        if recursive or (len(read) > 1 and (seen or natural)):
            return None if self._of_paths(cte.this) else []
        labels = self._query(cte.this)
        columns, where = cte.args["alias"].args.get("columns"), span(cte)
        if labels and columns and not all(map(_is_made, labels)):
            named = dict(zip(map(_shown_as, cte.this.expressions), columns, strict=False))
            return [quote(named[label].name) for label in labels]
        if labels and columns and not known:
            assert where is not None
            closing = self.statement.parsed.closing(where[0] + 1)
            self.statement.wrap(closing, closing + 1, f", {', '.join(labels)}", "")
        return labels

    def _query(self, query: exp.Expression | None) -> list[str] | None:
        """The labels of the columns that a query hands places on in."""
        if query is None:
            return []
        if id(query) not in self._handed:
            self._labels += 1
            self._handed[id(query)] = self._hand_on(query, self._labels)
        return self._handed[id(query)]

    def _hand_on(self, query: exp.Expression, number: int) -> list[str] | None:
        selects = _branches(query)
        if selects is None or not all(_hands_on(self.statement, select) for select in selects):
            return self._of_groups(query)
        found = [self._terms(select) for select in selects]
        if all(terms == [] for terms in found):
            return []
        counts = {len(terms) if terms else 0 for terms in found}
        if None in found or len(counts) > 1 or not all(map(clause_of, selects)):
            return [] if query.args.get("order") else None
        several = len({_tables(select) for select in selects}) > 1
        labels = [quote(f"{number}.{at} in path") for at in range(1, counts.pop() + several + 1)]
        for branch, (select, terms) in enumerate(zip(selects, found, strict=True), 1):
            from_ = clause_of(select)
            assert terms is not None and from_ is not None
            self._handing.append(select)
            terms = [*terms[:2], str(branch), *terms[2:]] if several else terms
            shown = "".join(f", {term} AS {label}" for term, label in zip(terms, labels, strict=True))
            self.statement.wrap(*from_, f"{shown} ", "")
        return labels

    def _of_groups(self, query: exp.Expression) -> list[str] | None:
        """Of what makes one row of several."""
        if query.args.get("order") or not self._of_paths(query):
            return []
        if not isinstance(query, exp.Select):
            return None
        if not query.args.get("group") and not query.args.get("distinct"):
            return []  # one row
        return self._of_runs(query)

    def _of_runs(self, select: exp.Select) -> list[str] | None:
        """Of groups that are objects, or sessions or moments of one: the columns that tell which; None of others."""
        (item, *others), group = types.items(select), select.args.get("group")
        entry = self._entry(item) if isinstance(item, exp.Table) and not others else None
        if entry is None or entry.table is None:
            return None
        keys = group.expressions if group is not None else select.expressions
        shown = {_column_of(each): _shown_as(each) for each in reversed(select.expressions) if _column_of(each)}
        names = [_column_of(self._key(select, item, key)) for key in keys]
        runs = runs_of(names, entry.table)
        return [shown[name] for name in runs] if runs and all(name in shown for name in runs) else None

    def _terms(self, select: exp.Select) -> list[str] | None:
        items = _items(select)
        found = None if items is None else [self._of(item) for item in items]
        if found is None or None in found:
            return None
        return [term for terms in found for term in terms or ()]

    def _key(self, select: exp.Select, item: exp.Expression, key: exp.Expression) -> exp.Expression:
        """What a term of GROUP BY stands for, which may be an item's position or alias."""
        items, known = select.expressions, self.statement.types.columns(item)
        if isinstance(key, exp.Literal) and key.name.isdigit() and 1 <= int(key.name) <= len(items):
            return items[int(key.name) - 1]  # type: ignore[no-any-return]
        if known is not None and known.find(_column_of(key)) is not None:
            return key
        return next((each for each in items if each.alias.lower() == _column_of(key) != ""), key)

    def _of_paths(self, query: exp.Expression, above: frozenset[int] = frozenset()) -> bool:
        """Whether rows of a sky table are among those that a query reads, as far as is known."""
        if isinstance(query, exp.SetOperation):
            return self._of_paths(query.this, above) or self._of_paths(query.expression, above)
        if not isinstance(query, exp.Select):
            return False
        items = _items(query) if query.args.get("from_") else []
        return items is None or any(self._is_of_paths(item, above) for item in items)

    def _is_of_paths(self, item: exp.Expression, above: frozenset[int]) -> bool:
        if isinstance(item, exp.Subquery):
            return self._of_paths(item.this, above)
        cte = cte_of(item) if isinstance(item, exp.Table) and not isinstance(item.this, exp.Anonymous) else None
        if cte is not None:
            return id(cte) not in above and self._of_paths(cte.this, above | {id(cte)})
        return isinstance(item, exp.Table) and self._stored(item) != []

    def _entry(self, table: exp.Table) -> CatalogEntry | None:
        name = table.this.name if isinstance(table.this, exp.Anonymous) else table.name
        return None if cte_of(table, name) else self.statement.catalog.find(table.text("db") or None, name)


def _span(call: exp.Expression) -> tuple[int, int]:
    """The tokens of a call, which are known if its name is."""
    where = span(call.parent) if isinstance(call.parent, exp.Filter) else span(call)
    assert where is not None
    return where


def _calls(statement: EditedStatement, select: exp.Select) -> list[exp.Expression]:
    """The calls of functions over a path in the select's own clauses, but those that say their order themselves."""
    clauses = [*select.expressions, select.args.get("having"), select.args.get("order")]
    nodes = [node for clause in clauses if clause is not None for node in own(clause)]
    return [
        node
        for node in nodes
        if call_name(statement, node) in statement.catalog.path_functions
        and not any(isinstance(argument, exp.Order) for argument in call_arguments(node))
    ]


def _items(select: exp.Select) -> list[exp.Expression] | None:
    """The items that a select reads from; None if one of them is something else than a table, a subquery or VALUES."""
    from_ = select.args.get("from_")
    items = [] if from_ is None else [from_.this, *(join.this for join in select.args.get("joins") or [])]
    items = [inner for item in items for inner in _unfolded(item)]
    return items if all(isinstance(item, exp.Table | exp.Subquery | exp.Values) for item in items) else None


def _read_alone(select: exp.Select) -> exp.Expression | None:
    """What a select reads, if it is one thing and SQLite has one way to it: not by several values, nor from its end."""
    from_, where, order = (select.args.get(name) for name in ("from_", "where", "order"))
    if from_ is None or select.args.get("joins"):
        return None
    turned = order is not None and any(term.args.get("desc") for term in order.find_all(exp.Ordered))
    several = where is not None and where.find(exp.Or, exp.In) is not None
    return None if turned or several else from_.this


def _is_made(label: str) -> bool:
    """Whether the column was added to hand a place on."""
    return label.endswith('in path"')


def _sure(name: str) -> str:
    """A name that SQLite never takes for a text, as it does with one in double quotes that no column has."""
    return "`" + name.replace("`", "``") + "`"


def _is_alone(item: exp.Expression) -> bool:
    select = item.parent_select
    return select is not None and len(types.items(select)) == 1


def _shown_as(item: exp.Expression) -> str:
    return quote(item.alias_or_name)


def _column_of(item: exp.Expression) -> str:
    """The name of the column that an item of a select is, in lower case; "" if it is none."""
    node = item.unalias().unnest()
    return node.name.lower() if isinstance(node, exp.Column) and not is_star(node) else ""


def _tables(select: exp.Select) -> frozenset[str]:
    """What a select reads, by name."""
    return frozenset(f"{table.db}.{table.this.name}".lower() for table in select.args["from_"].find_all(exp.Table))


def _unfolded(item: exp.Expression) -> list[exp.Expression]:
    """The item, or what is joined inside of its parentheses, and what is joined to it."""
    joined = isinstance(item, exp.Subquery) and not item.alias and isinstance(item.this, exp.Table | exp.Subquery)
    found = _unfolded(item.this) if joined else [item]
    return [*found, *(inner for join in item.args.get("joins") or [] for inner in _unfolded(join.this))]


def clause_of(select: exp.Select) -> tuple[int, int] | None:
    """The tokens of FROM, by which a select is known again when its text is parsed anew."""
    from_ = select.args.get("from_")
    return None if from_ is None else span(from_)


def _branches(query: exp.Expression) -> list[exp.Select] | None:
    """The selects whose rows a query hands on: itself, or those of UNION ALL; None of another compound."""
    if isinstance(query, exp.Select):
        return [query]
    if not isinstance(query, exp.Union) or query.args.get("distinct"):
        return None
    sides = [_branches(query.this), _branches(query.expression)]
    return None if None in sides else [select for side in sides for select in side or ()]


def _hands_on(statement: EditedStatement, select: exp.Select) -> bool:
    """Whether each row of the select is one that it reads."""
    clauses = {name for name, value in select.args.items() if value}
    return clauses <= _ONLY_ROWS and "from_" in clauses and not has_aggregates(statement, select)


def _sees_sky(statement: EditedStatement, entry: CatalogEntry) -> bool:
    """Whether a view may read a sky table, as far as its text tells."""
    return not names_in(entry.sql or "").isdisjoint(statement.catalog.words - {entry.name.lower()})


def strictly(text: str, functions: Collection[str]) -> str:
    """A statement that cannot be parsed, in which these functions over a path take no rows out of order."""
    tokens = tokenize(text) if calls_paths(text, functions) else []
    calls = {token.start for at, token in enumerate(tokens) if _is_call(tokens, at, functions)}
    return replace_tokens(text, lambda token: STRICT + token.text.lower() if token.start in calls else None)


def _is_call(tokens: Sequence[Token], at: int, functions: Collection[str]) -> bool:
    """Whether one of the functions is called there, without an order of its own."""
    known = tokens[at].kind is TokenKind.WORD and tokens[at].text.lower() in functions
    if not known or at + 1 == len(tokens) or tokens[at + 1].text != "(":
        return False
    return all(token.word != "ORDER" for token in tokens[at + 2 : closing(tokens, at + 1)])


# views


def calls_paths(text: str, functions: Collection[str]) -> bool:
    """Whether a text may call one of these functions over a path."""
    folded = text.lower()
    return any(name in folded and re.search(rf"\b{re.escape(name)}\b", folded) for name in functions)


def without_views(statement: EditedStatement) -> str | None:
    """The statement's text with each view as a subquery that has such calls, is read by them, or adds decimals.

    None without any.
    """
    named = calls_paths(statement.parsed.text, statement.catalog.path_functions)
    for item, entry in _views(statement):
        unfolds = named or _reaches_call(statement, entry, 0) or _sums(statement, entry)
        body = _body(statement, entry) if unfolds else None
        where = span(item)
        if body is None or where is None:
            continue
        if isinstance(item, exp.Column):
            statement.edit(*where, f"({body})")
        else:
            aliased = "" if item.args.get("alias") else f" AS {quote(item.name)}"
            statement.edit(where[0], where[0] + (3 if item.text("db") else 1), f"({body}){aliased}")
    if not statement.changed:
        return None
    statement.keep_names()
    return statement.text()


def _sums(statement: EditedStatement, entry: CatalogEntry) -> bool:
    """Whether a view adds decimals, and no column is named with the schema of a view, which a subquery has not."""
    if not statement.catalog.has_decimals or any(c.text("db") for c in statement.parsed.tree.find_all(exp.Column)):
        return False
    return sums_decimals(statement.catalog, entry)


def check_views(statement: EditedStatement) -> None:
    """Refuse a statement of a trigger that reads such a view: nobody gives its calls their order then."""
    for _, entry in _views(statement):
        if _reaches_call(statement, entry, 0) and _sees_sky(statement, entry):
            raise NotSupportedError(
                f"a trigger cannot read view {entry.name!r}, which calls a function over a path in no order of its own",
                "say which in the view, at the end of the call: path_string(... ORDER BY ts)",
            )


def _views(statement: EditedStatement) -> Iterator[tuple[exp.Expression, CatalogEntry]]:
    """The views that a statement reads, where it reads them: in FROM, and after IN."""
    for item in statement.parsed.tree.find_all(exp.Table, exp.Column):
        if isinstance(item, exp.Column):
            read, database = isinstance(item.parent, exp.In) and item.arg_key == "field", item.table
        else:
            read, database = isinstance(item.parent, exp.From | exp.Join | exp.Subquery), item.text("db")
        entry = statement.catalog.find(database or None, item.name) if read else None
        if entry is not None and entry.kind == "view" and (database or cte_of(item, item.name) is None):
            yield item, entry


def _reaches_call(statement: EditedStatement, entry: CatalogEntry, depth: int) -> bool:
    """Whether a view calls a function over a path that has no order yet, or another view does that it reads."""
    text = entry.sql or ""
    if strictly(text, statement.catalog.path_functions) != text:
        return True
    names = names_in(text) - {entry.name.lower()}
    inner = [view for view in statement.catalog.views() if view.name.lower() in names]
    return depth < 16 and any(_reaches_call(statement, view, depth + 1) for view in inner)


def _body(statement: EditedStatement, entry: CatalogEntry) -> str | None:
    """The query of a view; None if it has no such calls, and its names may mean something else where it is read."""
    parsed, words = parse(entry.sql or ""), names_in(entry.sql or "")
    names = {cte.alias.lower() for cte in statement.parsed.tree.find_all(exp.CTE)}
    if entry.database != "temp":  # whose names mean what they do in any statement
        names |= {other.name.lower() for other in statement.catalog.every() if other.database != entry.database}
    taken = sorted(words & names - {entry.name.lower()})
    if parsed is None or not isinstance(parsed.tree, exp.Create):
        return None
    if not taken:
        return _query_of(parsed)
    if _reaches_call(statement, entry, 0) and _sees_sky(statement, entry):
        raise NotSupportedError(
            f"view {entry.name!r} calls a function over a path, and cannot be read where {taken[0]!r} has two meanings",
            "give the table of another schema, or the WITH table, another name",
        )
    return None


def _query_of(parsed: SqlText) -> str | None:
    """What stands after AS, under the names of the view's columns if it has any."""
    depth = 0
    for at, token in enumerate(parsed.tokens):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and token.token_type is TokenType.ALIAS:
            query = parsed.slice(at + 1, len(parsed.tokens))
            if parsed.tokens[at - 1].token_type is not TokenType.R_PAREN:
                return query
            opened = next(place for place in range(at) if parsed.closing(place) == at - 1)
            return f'WITH "of a view"{parsed.slice(opened, at)} AS ({query}) SELECT * FROM "of a view"'
    return None


__all__ = ["Places", "calls_paths", "check_views", "clause_of", "strictly", "without_views"]
