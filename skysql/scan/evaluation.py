"""Expressions over the rows of a shard: with arrays where that is exactly what SQLite would do, else by SQLite.

SQLite evaluates an expression once for each distinct combination of the values it reads, and the results are spread
over the rows by number. For a predicate on a TEXT property that is once per dictionary value; for `date(timestamp)`
once per day (by_sqlite.py). So every expression has SQLite's own semantics (affinity, collation, LIKE, division,
functions of the user's), and the usual ones cost next to nothing. With arrays run: comparisons and arithmetic of
numbers with numbers where no rounding, overflow or conversion can make a difference, three-valued logic (exact.py), and
membership in lists (sets.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..arrays.vectors import Numbers, Vector
from ..interruption import looking
from ..lazily import cached_property
from ..model import timestamps
from ..model.values import Value
from ..plan.path_scan import (
    And,
    Arithmetic,
    Column,
    Compare,
    Duration,
    Expr,
    InSet,
    Literal,
    Moment,
    Not,
    Or,
    Parameter,
    Rounded,
    Sql,
    columns,
    sql,
)
from . import exact
from .by_sqlite import Evaluator, SqliteExpressions, Types
from .exact import Truth3
from .rows import Readable, Rows
from .sets import Sets

R = TypeVar("R", bound=Rows)


class Evaluation:
    """The expressions of one scan with its parameters, and the results cached for them.

    types: of the columns of its rows, from which SQLite has their affinities.
    """

    def __init__(self, evaluator: Evaluator, parameters: Sequence[Value], types: Types) -> None:
        self.evaluator = evaluator
        self.parameters = parameters
        self._types = types
        self._times: dict[int, tuple[Moment | Duration, int | None]] = {}  # by their identity, as 1 equals 1.0

    @cached_property
    def sets(self) -> Sets:
        """The JSON arrays among the parameters."""
        return Sets(self.evaluator, self.parameters)

    @cached_property
    def _sqlite(self) -> SqliteExpressions:
        return SqliteExpressions(self.evaluator, self.parameters, self._types)

    # scalars

    def scalar(self, expr: Literal | Parameter | Moment | Duration) -> Value:
        """The value of an expression without columns."""
        match expr:
            case Literal(value):
                return value
            case Parameter(number):
                return self.parameters[number - 1]
            case Moment() | Duration():
                if id(expr) not in self._times:
                    self._times[id(expr)] = expr, self._time(expr)
                return self._times[id(expr)][1]

    def _time(self, expr: Moment | Duration) -> int | None:
        value = self.scalar(expr.operand)
        if value is None:
            return None
        return timestamps.parse(value) if isinstance(expr, Moment) else timestamps.duration(value)

    def constant(self, expr: Expr) -> Value:
        """The value of any expression that reads no column."""
        if isinstance(expr, Literal | Parameter | Moment | Duration):
            return self.scalar(expr)
        return self._sqlite.constant(sql(expr))

    # values

    def vector(self, expr: Expr, rows: Readable) -> Vector:
        """The expression at each of the rows."""
        if isinstance(expr, Column):
            return rows.vector(expr)
        if isinstance(expr, Sql):
            return self._sqlite.vector(expr.text, columns(expr), expr.granularity, rows)
        native = self._native(expr, rows)
        return self._sqlite.vector(sql(expr), columns(expr), 0, rows) if native is None else native

    def _native(self, expr: Expr, rows: Readable) -> Numbers | None:
        match expr:
            case Column():
                vector = rows.vector(expr)
                return vector if isinstance(vector, Numbers) and vector.render is None else None
            case Compare(op, left, right):
                return self._compare(op, left, right, rows)
            case InSet(column, set):
                return self.sets.among(rows.vector(column), set)
            case Arithmetic(op, left, right):
                return self._arithmetic(op, left, right, rows)
            case Rounded(operand):
                side = self._native(operand, rows)
                return None if side is None else exact.rounded(side)
            case And() | Or() | Not():
                true, known = self.truth(expr, rows)
                return Numbers(true, known)
            case _:
                return None

    def _compare(self, op: str, left: Expr, right: Expr, rows: Readable) -> Numbers | None:
        if isinstance(right, Moment):
            assert isinstance(left, Column)
            moments = rows.vector(left)
            assert isinstance(moments, Numbers)
            number, side = self.scalar(right), Numbers(moments.data, moments.mask)
        elif isinstance(right, Literal | Parameter):
            number, native = self.scalar(right), self._native(left, rows)
            if number is None and op in ("IS", "IS NOT") and not isinstance(left, Literal | Parameter):
                return exact.is_null(self.vector(left, rows), len(rows), op == "IS")
            if native is None:
                if not isinstance(left, Column) or not isinstance(number, str):
                    return None
                return exact.compare_text(op, rows.vector(left), number)
            side = native
        else:
            return None
        return exact.compare(op, side, number)

    def _arithmetic(self, op: str, left: Expr, right: Expr, rows: Readable) -> Numbers | None:
        a, b = self._operand(left, rows), self._operand(right, rows)
        return None if a is None or b is None else exact.arithmetic(op, a, b, len(rows))

    def _operand(self, expr: Expr, rows: Readable) -> Numbers | None:
        if isinstance(expr, Literal | Parameter):
            value = self.scalar(expr)
            if type(value) not in (int, float) or value != value:
                return None
            return Numbers(np.full(1, value, np.int64 if isinstance(value, int) else np.float64))
        return self._native(expr, rows)

    # truth

    def filtered(self, rows: R, parts: Sequence[Expr]) -> R:
        """The rows at which all of these are true."""
        for part in looking(parts):
            if len(rows) == 0:
                break
            true, _ = self.truth(part, rows)
            if not true.all():
                rows = rows.keep(true)
        return rows

    def truth(self, expr: Expr, rows: Readable) -> Truth3:
        """(where it is true [n], where it is not NULL [n] or None for everywhere). True implies not NULL."""
        match expr:
            case And(items) | Or(items):
                return exact.connect([self.truth(item, rows) for item in items], isinstance(expr, And))
            case Not(item):
                return exact.negate(self.truth(item, rows))
        native = self._native(expr, rows)
        if native is None:
            text = f"CASE WHEN {sql(expr)} THEN 1 WHEN NOT ({sql(expr)}) THEN 0 END"
            coded = self._sqlite.vector(text, columns(expr), expr.granularity if isinstance(expr, Sql) else 0, rows)
            true = np.fromiter((value == 1 for value in coded.values), bool, len(coded.values))
            return true[coded.codes], coded.known()
        return exact.truth(native)
