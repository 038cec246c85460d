"""From sqlglot's nodes to plan expressions.

What a scan knows how to evaluate with arrays becomes nodes; everything else stays the user's own text, an `Sql` node,
with its columns renamed to their labels. An operand without columns becomes an argument of the scan, so that SQLite
evaluates it where it stands, once, with whatever it refers to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from sqlglot import exp

from ..model.companions import EVENT_COUNT, TIMESTAMP, TS
from ..model.quoting import literal as quoted
from ..plan.path_scan import (
    And,
    Arithmetic,
    Column,
    Compare,
    Expr,
    InSet,
    Literal,
    Moment,
    Not,
    Or,
    Parameter,
    Sql,
    columns,
    sql,
)
from .calls import has_aggregate
from .catalog import Idiom
from .comparisons import Conversions, Form, canonical, canonical_list
from .dialect import SqlText as Text
from .dialect import TokenType, span
from .edits import Arguments, EditedStatement, NotPushable
from .granularity import granularity_of
from .lists import LIST, Listed, elements, number, values
from .names import KnownCount, Names, Referent
from .types import alias, items, seen_from

_Operators: TypeAlias = dict[type[exp.Expression], str]
_COMPARISONS: _Operators = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ARITHMETIC: _Operators = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}

_NO_CALL = frozenset(
    """AND OR NOT IN LIKE GLOB REGEXP MATCH BETWEEN IS CASE WHEN THEN ELSE ESCAPE VALUES ISNULL NOTNULL END AS ON FROM
    DISTINCT COLLATE""".split()
)
"""Words that may stand before a parenthesis without being a function's name."""


class Scope(Names):
    """Converts expressions over the columns that it knows."""

    def __init__(
        self,
        statement: EditedStatement,
        source: Text,
        relations: dict[str, Referent],
        arguments: Arguments,
        idioms: Sequence[Idiom] = (),
    ) -> None:
        super().__init__(statement, source, relations, arguments)
        self.idioms = idioms

    # expressions

    def convert(self, node: exp.Expression) -> Expr:
        """The node as a plan expression; raises NotPushable."""
        form = self._form(node)
        if form is not None:
            return self._moment_text(node, form)
        for idiom in self.idioms:
            found: Expr | None = idiom(self, node)
            if found is not None:
                return found
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Paren):
            return self.convert(node.this)
        for boolean in node.find_all(exp.Boolean):
            if any(str(boolean.this).lower() in relation.columns for relation in self.relations.values()):
                raise NotPushable("TRUE or FALSE, which is the name of a column")
        if isinstance(node, exp.Literal | exp.Null | exp.Boolean | exp.Neg):
            return literal(node) or self.opaque(node)
        if isinstance(node, exp.Placeholder):
            return self.argument(node)
        return self._logical(node) or self._numeric(node) or self.opaque(node)

    def _form(self, node: exp.Expression) -> Form | None:
        """The form that the node has to be put into, beside a time."""
        found = self._conversions().nodes.get(id(node))
        return found[1] if found is not None else None

    def _conversions(self) -> Conversions:
        return self.statement.conversions(self.source.tree)

    def _moment_text(self, node: exp.Expression, form: Form) -> Expr:
        """A constant that is compared with a text of a time; raises NotPushable for anything else."""
        if self.source is not self.statement.source:
            raise NotPushable("a comparison with a time in a view, whose text SQLite reads as it is")
        if not self.constant(node):
            raise NotPushable("what has to be put into the form of times, row by row")
        written = _written(node, form)
        return self.argument(node) if written is None else Literal(written)

    def _logical(self, node: exp.Expression) -> Expr | None:
        """Connectives, and the predicates that have a form of their own; None for anything else."""
        kind = type(node)
        if kind in (exp.And, exp.Or):
            sides = tuple(self.convert(side) for side in node.flatten())  # type: ignore[arg-type]
            return And(sides) if kind is exp.And else Or(sides)
        if isinstance(node, exp.Not):
            return self._not(node)
        if kind in (exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ):
            return self._is(node, "IS NOT" if kind is exp.NullSafeNEQ else "IS")
        if kind is exp.Between and not node.args.get("symmetric"):
            low, high = node.args["low"], node.args["high"]
            return And((self._pair(node, ">=", node.this, low), self._pair(node, "<=", node.this, high)))
        return self._in(node) if isinstance(node, exp.In) else None

    def _numeric(self, node: exp.Expression) -> Expr | None:
        """Comparisons and arithmetic; None for anything else."""
        kind = type(node)
        if kind in _COMPARISONS:
            return self._compare(node, _COMPARISONS[kind])
        if kind not in _ARITHMETIC:
            return None
        sides = [self.convert(node.this), self.convert(node.expression)]
        if any(isinstance(side, Literal) and not isinstance(side.value, int | float) for side in sides):
            return None
        return self._plain(node, Arithmetic(_ARITHMETIC[kind], *sides))

    def _column(self, node: exp.Column) -> Expr:
        where = span(node)
        found = self.find(node)
        if found is None or where is None or isinstance(found, KnownCount):
            raise NotPushable(f"{node.name} is not a column of the scan")
        return found

    def _not(self, node: exp.Not) -> Expr:
        """NOT x, or x NOT IN, NOT BETWEEN, NOT GLOB ...: of those, no text is that of the inner node alone."""
        where = span(node)
        if where is not None and self.source.tokens[where[0]].text.upper() == "NOT":
            return Not(self.convert(node.this))
        inner = node.this
        if isinstance(inner, exp.Between):
            return Not(self.convert(inner))
        if isinstance(inner, exp.In):
            found = self._in(inner)
            return self.opaque(node) if found is None else Not(found)
        if isinstance(inner, exp.Is):
            found = self._is(inner, "IS")
            return self.opaque(node) if found is None else Not(found)
        return self.opaque(node)

    def _is(self, node: exp.Expression, op: str) -> Expr | None:
        """x IS y, if x is a column and y is NULL, or x is a time; else None."""
        left, right = node.this, node.expression
        if isinstance(right, exp.Null):
            known = self.convert(left)
            return None if isinstance(known, Sql) else Compare(op, known, Literal(None))
        if isinstance(right.unnest(), exp.Null | exp.Boolean):
            return None
        if self.constant(left):
            left, right = right, left
        side = self.convert(left) if isinstance(left, exp.Column) else None
        if isinstance(side, Column) and self.is_time(side) and self.constant(right):
            return Compare(op, side, self.moment(right))
        return None

    def _plain(self, node: exp.Expression, made: Compare | Arithmetic) -> Expr:
        """The node that was made, unless a side is a text that only SQLite understands: then all of it is."""
        if isinstance(made.left, Sql) or isinstance(made.right, Sql):
            return self.opaque(node)
        return made

    def _compare(self, node: exp.Expression, op: str) -> Expr:
        return self._pair(node, op, node.this, node.expression)

    def _pair(self, node: exp.Expression, op: str, left: exp.Expression, right: exp.Expression) -> Expr:
        if self.constant(left) and not self.constant(right):
            left, right, op = right, left, _MIRRORED[op]
        a = self.convert(left)
        if self.constant(right) and isinstance(a, Column):
            if self.is_time(a):
                return Compare(op, a, self.moment(right))
            if (self.is_object(a) or a.name.lower() in (TS.name, EVENT_COUNT.name)) and not _is_text(right):
                return Compare(op, a, literal(right) or self.argument(right))
        b = self.convert(right)
        if isinstance(a, Sql) or isinstance(b, Sql):
            return self.opaque(node) if not isinstance(node, exp.Between) else self._opaque_pair(op, left, right)
        return Compare(op, a, b)

    def _opaque_pair(self, op: str, left: exp.Expression, right: exp.Expression) -> Expr:
        a, b = self.opaque(left), self.opaque(right)
        return Sql(f"({sql(a)}) {op} ({sql(b)})", tuple(dict.fromkeys((*columns(a), *columns(b)))))

    def moment(self, node: exp.Expression) -> Moment:
        """A constant that a timestamp is compared with."""
        value = literal(node)
        if value is not None:
            return Moment(value)
        return Moment(self.argument(node))

    def _in(self, node: exp.In) -> Expr | None:
        """x IN (...), if x is the object or a time, or there is a subquery; else None."""
        query = node.args.get("query")
        a = self.convert(node.this)
        if query is not None:
            return self._in_query(a, query)
        if not node.expressions or isinstance(node.expressions[0], exp.Values) or node.args.get("field"):
            return None
        if not isinstance(a, Column):
            return None
        if self.is_time(a):
            if isinstance(node.expressions[0], Listed):
                return None  # a text for SQLite: as many comparisons would each look at all the rows
            constant = all(map(self.constant, node.expressions))
            return Or(tuple(Compare("=", a, self.moment(item)) for item in node.expressions)) if constant else None
        if self.is_key(a) or self.is_integer(a) or (self.is_text(a) and not a.ever):
            return self._in_list(a, node.expressions)
        return None

    def _in_list(self, a: Column, nodes: list[exp.Expression]) -> Expr | None:
        """A column among written values and parameters, which have no affinity; None of others."""
        listed = nodes[0] if isinstance(nodes[0], Listed) else None
        known = [item.value for item in map(literal, nodes) if item] if listed is None else values(listed)
        items = known or []
        texts = self.is_key(a) or self.is_text(a)
        alike = str if texts else int
        whole = known is not None and (listed is not None or len(items) == len(nodes))
        if whole and all(type(item) is alike for item in items):
            return InSet(a, self.arguments.add(quoted(json.dumps(items, ensure_ascii=False, separators=(",", ":")))))
        array = _texts if texts else _array
        if listed is not None and (known is not None or self.source is self.statement.source):
            where = span(listed)
            text = listed.this if known is not None or where is None else self.statement.written(*where)
            return InSet(a, self.arguments.add(array(f"VALUES ({'), ('.join(elements(text))})")))
        if not all(isinstance(node, exp.Placeholder | exp.Literal | exp.Null) for node in nodes):
            return None
        items_sql = []
        for node in nodes:
            where = span(node)
            if where is None or self.source is not self.statement.source:
                return None
            items_sql.append(self.statement.render(*where))
        return InSet(a, self.arguments.add(array(f"VALUES ({'), ('.join(items_sql)})")))

    def _in_query(self, a: Expr, query: exp.Expression) -> Expr:
        """A column among the rows of a subquery."""
        if not isinstance(a, Column) or not (self.is_text(a) or self.is_integer(a)):
            raise NotPushable("IN (SELECT ...) on something else than a column of texts or integers")
        if self.mentions_inside(query):
            raise NotPushable("a subquery that reads columns of the scan")
        if self.is_text(a) and not isinstance(query.unnest(), exp.Select):
            raise NotPushable("a compound, of which the last select says whether texts are compared as numbers")
        where = span(query if span(query) is not None else query.this)
        if where is None:
            raise NotPushable("a subquery of unknown place")
        inner = self.statement.render(*where) if self.source is self.statement.source else self.source.slice(*where)
        if inner[:1] == "(":
            inner = inner[1:-1]
        return self.among(a, inner)

    def among(self, a: Column, query: str) -> InSet:
        """A column of texts or integers among the rows of a query of one column."""
        return InSet(a, self.arguments.add((_texts if self.is_text(a) else _array)(query)))

    def mentions_inside(self, query: exp.Expression) -> bool:
        """Whether a subquery may read columns of these relations: of their names, and of no FROM item within it."""
        selects = {id(select) for select in query.find_all(exp.Select)}
        return any(
            self._is_named(column) and not self._is_within(selects, column) for column in query.find_all(exp.Column)
        )

    def _is_named(self, column: exp.Column) -> bool:
        if column.table:
            return column.table.lower() in self.relations
        return any(column.name.lower() in relation.columns for relation in self.relations.values())

    def _is_within(self, selects: set[int], column: exp.Column) -> bool:
        """Whether one of these selects, where SQLite looks first, is known to have the column."""
        types, name, qualifier = self.statement.types, column.name.lower(), column.table.lower()
        for select in seen_from(column):
            if id(select) not in selects:
                return False
            for item in items(select):
                columns = types.columns(item) if qualifier in ("", alias(item)) else None
                if columns is not None and columns.find(name) is not None:
                    return True
        return False

    def argument(self, node: exp.Expression) -> Parameter:
        """A constant as an argument of the scan."""
        where = span(node)
        if where is None or self.source is not self.statement.source:
            raise NotPushable("a constant of unknown place")
        if node.find(exp.Select) is not None and self.mentions_inside(node):
            raise NotPushable("a correlated subquery")
        if node.find(exp.Window) is not None or has_aggregate(self.statement, node):
            raise NotPushable("an aggregate or window function where a constant was expected")
        return self.arguments.add(self.statement.render(*where))

    # texts

    def opaque(self, node: exp.Expression) -> Expr:
        """The user's own text, over labels; raises NotPushable if SQLite could not evaluate it value by value."""
        where = span(node)
        if where is None or isinstance(node, exp.Star):
            raise NotPushable(f"a {type(node).__name__} of unknown place, or no value")
        if node.find(exp.Select, exp.Window) is not None or self._refuses(node):
            raise NotPushable("a subquery, aggregate or window function inside an expression")
        self._check_calls(where, [at for at, _ in self.leaves(node)])
        text, read = self.relabel(node, where)
        granularity = granularity_of(self, node) if [c.name.lower() for c in read] == [TIMESTAMP.name] else 0
        return Sql(text, read, granularity, self._cast_type(node, where))

    def _cast_type(self, node: exp.Expression, where: tuple[int, int]) -> str:
        """The type that a CAST is to, as it is written; "" for anything else."""
        tokens = self.source.tokens
        if not isinstance(node, exp.Cast) or tokens[where[0]].text.upper() != "CAST":
            return ""
        last = max(at for at in range(*where) if tokens[at].text.upper() == "AS")
        return self.source.slice(last + 1, where[1] - 1)

    def _refuses(self, node: exp.Expression) -> bool:
        """Whether a node has something in it that is no expression over the rows."""
        return has_aggregate(self.statement, node, self.source)

    def leaves(self, node: exp.Expression) -> Iterator[tuple[tuple[int, int], Expr]]:
        """The columns at or below a node: the tokens of each, and what it means; raises NotPushable."""
        for column in node.find_all(exp.Column):
            found, at = self.find(column), span(column)
            if found is None or at is None or isinstance(found, KnownCount):
                raise NotPushable(f"{column.name} is not a column of the scan")
            yield (at[1] - (3 if column.table else 1), at[1]), found

    def relabel(self, node: exp.Expression, where: tuple[int, int]) -> tuple[str, tuple[Column, ...]]:
        """The text of the node with each column called by its label, and the columns."""
        pieces: list[tuple[int, int, str]] = []
        read: dict[Column, None] = {}
        for at, found in self.leaves(node):
            read.update(dict.fromkeys(columns(found)))
            pieces.append((*at, sql(found) if isinstance(found, Column) else f"({sql(found)})"))
        pieces += self._written_times(node)
        covered = {token for first, last, _ in pieces for token in range(first, last)}
        for token in range(*where):
            kind = self.source.tokens[token].token_type
            if kind is LIST and "?" in self.source.tokens[token].text and token not in covered:
                raise NotPushable("a long list with parameters")
            if kind is TokenType.PLACEHOLDER and token not in covered:
                if self.source is not self.statement.source:
                    raise NotPushable("a parameter in a view")
                name = self.statement.render(token, token + 1)
                pieces.append((token, token + 1, sql(self.arguments.add(name))))
        text, at_char, end = "", self.source.start(where[0]), self.source.end(where[1] - 1)
        for first, last, replacement in sorted(pieces):
            text += self.source.text[at_char : self.source.start(first)] + replacement
            at_char = self.source.end(last - 1)
        return text + self.source.text[at_char:end], tuple(read)

    def _written_times(self, node: exp.Expression) -> Iterator[tuple[int, int, str]]:
        """The constants below a node that are compared with times, in form; raises NotPushable for other sides."""
        known = self._conversions()
        for below in node.walk():
            if id(below) not in known.nodes:
                continue
            side, form = known.nodes[id(below)]
            where, written = span(side), _form_text(side, form)
            if written is None or where is None or self.source is not self.statement.source:
                raise NotPushable("a comparison with a time inside an expression")
            yield *where, written

    def _check_calls(self, where: tuple[int, int], leaves: list[tuple[int, int]]) -> None:
        tokens, covered = self.source.tokens, {at for first, last in leaves for at in range(first, last)}
        for at in range(*where):
            if at in covered:
                continue
            text = tokens[at].text.lower()
            if text == "'now'" or (tokens[at].token_type is TokenType.STRING and text in ("now", "subsec")):
                raise NotPushable("the time of day")
            if text in ("current_timestamp", "current_date", "current_time", "raise", "match", "regexp"):
                raise NotPushable(text)
            called = at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.L_PAREN
            if not called or not re.fullmatch(r"[^\W\d]\w*", tokens[at].text) or text.upper() in _NO_CALL:
                continue
            if tokens[at].token_type is TokenType.STRING:
                continue
            if text not in self.statement.catalog.pure:
                raise NotPushable(f"{text}() is not a pure function")
            if tokens[at + 2].token_type is TokenType.R_PAREN:
                raise NotPushable(f"{text}() has no argument")


_NOTHING = "json('[]')"


def _array(query: str) -> str:
    """The integers that the values of a query equal, as a JSON array; a list stands for what equals none.

    SQLite says which they are: beside a CAST to a number, a text that is one is compared as a number. (The text of a
    large integer is a real if it has a NUL in it.)
    """
    casts = [f"CAST(CAST(x AS {type}) AS INTEGER)" for type in ("NUMERIC", "REAL")]
    whole = " ".join(f"WHEN x = {cast} THEN {cast}" for cast in casts)
    value = f"CASE WHEN typeof(x) IN ('integer', 'null') THEN x {whole} ELSE {_NOTHING} END"
    return f"(WITH q(x) AS ({query}) SELECT json_group_array({value}) FROM q)"


def _texts(query: str) -> str:
    """The same, of values that texts are compared with: numbers are left as such where that compares numbers.

    Of two operands, SQLite makes numbers if one has a numeric affinity: a number then equals its text with a space. It
    makes texts if one is a text and the other has none; a number of a column of blobs equals no text.
    """
    number, text = "WHEN ' ' || quote(x) = x THEN x", "WHEN CAST(x AS TEXT) = x THEN CAST(x AS TEXT)"
    value = f"CASE WHEN x IS NULL OR typeof(x) = 'text' THEN x || '' {number} {text} ELSE {_NOTHING} END"
    return f"(WITH q(x) AS ({query}) SELECT json_group_array({value}) FROM q)"


def _is_text(node: exp.Expression) -> bool:
    """Whether a constant may be something else than a number: a string, or a cast."""
    written = isinstance(node, exp.Literal) and node.is_string
    return written or isinstance(node, exp.Cast | exp.HexString | exp.Collate)


def literal(node: exp.Expression) -> Literal | None:
    """A constant that is written out, or None."""
    if isinstance(node, exp.Paren):
        return literal(node.this)
    if isinstance(node, exp.Null):
        return Literal(None)
    if isinstance(node, exp.Boolean):
        return Literal(int(node.this))
    if isinstance(node, exp.Neg):
        inner = node.this.unnest()
        if isinstance(inner, exp.Literal):
            return _number(inner, True)
        known = literal(inner)  # of another sign
        if known is None or not isinstance(known.value, int | float):
            return None
        return Literal(-known.value if known.value != -1 << 63 else float(1 << 63))
    if not isinstance(node, exp.Literal):
        return None
    return Literal(str(node.this)) if node.is_string else _number(node, False)


def _number(node: exp.Literal, negative: bool) -> Literal | None:
    """A written number, or the negative of it."""
    text = "" if node.is_string else str(node.this).replace("_", "")
    written = re.fullmatch(r"\d*\.?\d*(?:[eE][+-]?\d+)?", text) and text not in ("", ".")
    return Literal(number(text, negative)) if written else None


def _form_text(node: exp.Expression, form: Form) -> str | None:
    """The text of a written constant, or of a list of them, in the form of times; None as of `_written`."""
    if not isinstance(node, Listed):
        return None if (written := _written(node, form)) is None else quoted(written)
    texts = canonical_list(node, form)
    return None if None in texts else ", ".join(map(str, texts))


def _written(node: exp.Expression, form: Form) -> str | None:
    """A written constant in the form of times; None if it is none, or only SQLite knows."""
    text = canonical(node, form) if isinstance(node, exp.Literal) else None
    return None if text is None else text[1:-1]


def conjuncts_of(node: exp.Expression) -> list[exp.Expression]:
    """The parts of a condition that must all be true."""
    if isinstance(node, exp.Paren):
        return conjuncts_of(node.this)
    if not isinstance(node, exp.And):
        return [node]
    return [part for side in node.flatten() for part in conjuncts_of(side)]  # type: ignore[arg-type]
