"""Plans: what a path scan is asked, as small frozen trees.

A plan says nothing of how it is answered. It prints as a tree (what EXPLAIN QUERY PLAN shows), round-trips through
JSON (json.py), and can be scanned object by object. Its expressions are SQL: each node prints as the SQL that it means,
and a scan that cannot evaluate a node exactly with arrays hands that text to SQLite. `Sql` is an expression that only
SQLite understands.

Parameters are numbered from 1, print as :p1, :p2, ..., and get their values with the scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..model.quoting import identifier, value_literal
from ..model.values import Value
from .labels import KeyOf, ValueOf
from .tree import Tree, leaves


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the source, by its declared name.

    through_ties: the state after all events of the object with the same timestamp, rather than at the event itself.
    ignore_nulls: the last value that is not NULL, of the path up to the event; of an attribute too.
    ever: instead of the value, whether there has been one (a change, be it to NULL), as 0 or 1.
    """

    name: str
    through_ties: bool = False
    ignore_nulls: bool = False
    ever: bool = False

    @property
    def label(self) -> str:
        """The name by which SQL text refers to it."""
        asked = " through ties" * self.through_ties + " ignoring nulls" * self.ignore_nulls + " ever set" * self.ever
        return self.name + asked


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: Value


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that comes with the scan."""

    number: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A timestamp in any form that people write, as microseconds: what a timestamp is compared with."""

    operand: Literal | Parameter


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in any form that people write, as microseconds: the gap that ends a session."""

    operand: Literal | Parameter


@dataclass(frozen=True, slots=True)
class Compare:
    """left op right; op is = <> < <= > >=, 'IS' or 'IS NOT'."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class InSet:
    """Whether the column is among the elements of a JSON array that comes as a parameter.

    Elements are compared with a column of integers as numbers, as which texts count that are some; with a column of
    texts as texts, but for numbers, with which texts are compared as numbers.
    """

    column: Column
    set: Parameter


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """left op right; op is + - * / or %."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Rounded:
    """CAST(round(operand) AS INTEGER): the nearest integer, a half away from 0. Sums of decimals find units by it."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    item: Expr


@dataclass(frozen=True, slots=True)
class Sql:
    """An expression in SQLite's own terms; its text names columns by label and parameters by number.

    granularity: if the only column is `timestamp` and the value is constant within each interval of
    this many microseconds; else 0.
    type: that of a CAST, which gives the expression the affinity of a column of that type; else "".
    """

    text: str
    columns: tuple[Column, ...]
    granularity: int = 0
    type: str = ""


Expr: TypeAlias = (
    "Column | Literal | Parameter | Moment | Compare | InSet | Arithmetic | Rounded | And | Or | Not | Sql"
)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """function([DISTINCT] argument, more) [FILTER (WHERE filter)]; no argument is *. See scan/aggregates/.

    `rest` is what rounding sum or total to one REAL left over, where a join adds several; 0 of what SQLite computes.
    """

    function: str
    argument: Expr | None
    distinct: bool = False
    filter: Expr | None = None
    more: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class PathAggregate:
    """function(arguments) [FILTER (WHERE filter)], with a function over a path: the order of the rows matters."""

    function: str
    arguments: tuple[Expr, ...]
    filter: Expr | None = None


@dataclass(frozen=True, slots=True)
class SqlAggregate:
    """An aggregate that SQLite itself computes, from the rows that are left, in path order."""

    text: str
    columns: tuple[Column, ...]


AnyAggregate: TypeAlias = Aggregate | PathAggregate | SqlAggregate


@dataclass(frozen=True, slots=True)
class Events:
    """The rows are events; `idle` cuts their paths into sessions. Without it a path is one session."""

    idle: Duration | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The rows are sessions."""

    idle: Duration | None = None


@dataclass(frozen=True, slots=True)
class Objects:
    """The rows are objects, now or as of a moment."""

    as_of: Moment | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows are changes of state properties."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The rows are those of a query that yields (row number, object, moment), each with the object as of then.

    They come as a parameter: three JSON arrays on a line each, of row numbers (nothing if nobody asks for them),
    objects and moments; or the text of a query, from SELECT on, that gives these three. With `by_key` objects are given
    by their TEXT keys.
    """

    rows: Parameter
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class Groups:
    """The rows are the groups of another scan, of which each lies within one object: the object is among its keys.

    Their columns are KeyOf(1), ... and ValueOf(1), ...: the scan's keys and aggregates.
    """

    scan: PathScan


Source: TypeAlias = Events | Objects | Sessions | Changes | Pairs | Groups


@dataclass(frozen=True, slots=True)
class PathScan:
    """Rows of a source that meet a predicate: grouped by keys and aggregated, or, without aggregates and with
    `grouped` False, as they are (then `keys` are the columns wanted).

    partial: whether the groups are parts of others, of which a join may leave out some: an
    overflow is raised when the value is read, not when its group is reached.
    """

    database: str
    table: str
    source: Source
    where: Expr | None
    keys: tuple[Expr, ...]
    aggregates: tuple[AnyAggregate, ...] = ()
    grouped: bool = True
    partial: bool = False

    def __str__(self) -> str:
        """The plan as a tree."""
        return str(tree(self))


def sql(expr: Expr) -> str:
    """The expression as SQL that SQLite evaluates over columns called by their labels."""
    match expr:
        case Column():
            return identifier(expr.label)
        case Literal(value):
            return value_literal(value)
        case Parameter(number):
            return f":p{number}"
        case Moment(operand) | Rounded(operand):
            inner = sql(operand)
            return f"sky_timestamp({inner})" if isinstance(expr, Moment) else f"CAST(round({inner}) AS INTEGER)"
        case Compare(op, left, right) | Arithmetic(op, left, right):
            return f"{_operand(left)} {op} {_operand(right)}"
        case InSet(column, set):
            return f"{sql(column)} IN (SELECT value FROM json_each({sql(set)}))"
        case And(items) | Or(items):
            return (" AND " if isinstance(expr, And) else " OR ").join(map(_operand, items))
        case Not(item):
            return f"NOT {_operand(item)}"
        case Sql(text):
            return text


def _operand(expr: Expr) -> str:
    atomic = isinstance(expr, Column | Literal | Parameter | Moment)
    return sql(expr) if atomic else f"({sql(expr)})"


def aggregate_sql(aggregate: AnyAggregate) -> str:
    """The aggregate as SQL."""
    if isinstance(aggregate, SqlAggregate):
        return aggregate.text
    tail = "" if aggregate.filter is None else f" FILTER (WHERE {sql(aggregate.filter)})"
    if isinstance(aggregate, PathAggregate):
        return f"{aggregate.function}({', '.join(map(sql, aggregate.arguments))}){tail}"
    argument = "*" if aggregate.argument is None else ", ".join(map(sql, (aggregate.argument, *aggregate.more)))
    return f"{aggregate.function}({'DISTINCT ' * aggregate.distinct}{argument}){tail}"


def columns(expr: Expr | AnyAggregate | None) -> tuple[Column, ...]:
    """The columns that an expression reads, each once, in order of appearance."""
    if isinstance(expr, Sql):
        return tuple(dict.fromkeys(expr.columns))
    found: dict[Column, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, Column):
            found[node] = None
        for part in _parts(node):
            walk(part)

    walk(expr)
    return tuple(found)


def _parts(node: Any) -> tuple[Any, ...]:
    """What a node is made of, as far as it reads columns."""
    match node:
        case Compare(_, left, right) | Arithmetic(_, left, right):
            return left, right
        case And(items) | Or(items):
            return items
        case Not(item) | InSet(item, _) | Rounded(item):
            return (item,)
        case Sql(_, read) | SqlAggregate(_, read):
            return read
        case Aggregate(_, argument, _, condition, more):
            return argument, *more, condition
        case PathAggregate(_, arguments, condition):
            return *arguments, condition
    return ()


def conjuncts(expr: Expr | None) -> tuple[Expr, ...]:
    """The parts of a predicate that must all be true."""
    if expr is None:
        return ()
    return expr.items if isinstance(expr, And) else (expr,)


def tree(plan: PathScan, labelled: bool = False) -> Tree:
    """The plan as a tree. labelled: with the names that the scan of these groups has for them."""

    def named(texts: list[str], label: type[KeyOf] | type[ValueOf]) -> str:
        return ", ".join(f'{text} AS "{label(at).name}"' if labelled else text for at, text in enumerate(texts, 1))

    branches = list(leaves(f"where {shown(part)}" for part in conjuncts(plan.where)))
    if plan.keys:
        keys = named([shown(key) for key in plan.keys], KeyOf)
        branches.append(Tree(f"{'group by' if plan.grouped else 'read'} {keys}"))
    if plan.aggregates:
        branches.append(Tree(f"compute {named([aggregate_sql(a) for a in plan.aggregates], ValueOf)}"))
    if isinstance(plan.source, Groups):
        branches.append(tree(plan.source.scan, True))
    return Tree(_head(plan), tuple(branches))


def table_name(database: str, table: str) -> str:
    """How plans call a table."""
    return f"{identifier(database)}." * (database != "main") + identifier(table)


def _head(plan: PathScan) -> str:
    name = table_name(plan.database, plan.table)
    match plan.source:
        case Groups():
            return f"GROUPS OF {name}"
        case Objects(moment):
            return f"PATH SCAN {name} OBJECTS" + ("" if moment is None else f" AS OF {sql(moment.operand)}")
        case Changes():
            return f"PATH SCAN {name} CHANGES"
        case Pairs():
            return f"PATH SCAN {name} OBJECTS AS OF EACH ROW"
        case Sessions(idle) | Events(idle):
            kind = " SESSIONS" * isinstance(plan.source, Sessions)
            return f"PATH SCAN {name}{kind}" + ("" if idle is None else f" IDLE {sql(idle.operand)}")


def shown(expr: Expr) -> str:
    """Like sql(), but a moment is shown as it was written."""
    if isinstance(expr, Compare) and isinstance(expr.right, Moment):
        return f"{_operand(expr.left)} {expr.op} {sql(expr.right.operand)}"
    return sql(expr)
