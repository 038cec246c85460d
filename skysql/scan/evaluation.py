"""Expressions over the rows of a shard: with arrays where that is exactly what SQLite would do, else by SQLite.

SQLite evaluates an expression once for each distinct combination of the values it reads, and the results are spread
over the rows by number. For a predicate on a TEXT property that is once per dictionary value; for `date(timestamp)`
once per day. So every expression has SQLite's own semantics (affinity, collation, LIKE, division, functions of the
user's), and the usual ones cost next to nothing. With arrays run: comparisons and arithmetic of numbers with numbers
where no rounding, overflow or conversion can make a difference, and three-valued logic.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Numbers, Vector, compact_codes
from ..functions import PathFunction
from ..interruption import looking
from ..model import timestamps
from ..model.dtypes import Array, Bool
from ..model.table import Table
from ..model.values import Value
from ..plan.path_scan import (
    And,
    Arithmetic,
    Column,
    Compare,
    Duration,
    Events,
    Expr,
    InSet,
    Literal,
    Moment,
    Not,
    Or,
    Parameter,
    Source,
    Sql,
    columns,
    sql,
)
from ..plan.sources import column_type
from ..store.texts import StoredCodes
from .memos import REMEMBERED, Memo, in_pieces, told_apart
from .rows import Readable, Rows

_EXACT = 1 << 53
"""Integers up to here are exact as float64."""

_ROUNDED = 999_500
"""SQLite's date functions round to milliseconds, and so may carry from this microsecond of a second on."""

_UFUNCS: dict[str, Any] = {
    "=": np.equal, "IS": np.equal, "<>": np.not_equal, "IS NOT": np.not_equal,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


class Sized(Protocol):
    """Something that knows how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes."""
        ...


K = TypeVar("K", bound=Sized)
R = TypeVar("R", bound=Rows)

Typed: TypeAlias = tuple[str, str | None]
"""A column's label and declared type; None of what has no affinity: a column without a type has that of a BLOB."""


class Evaluator(Protocol):
    """SQLite, as a scan asks it; and the functions over a path that its connection has."""

    @property
    def functions(self) -> Mapping[str, PathFunction]:
        """By name."""
        ...

    def values(
        self, text: str, names: Sequence[Typed], data: Sequence[Sequence[Value]], parameters: Sequence[Value]
    ) -> list[Value]:
        """The expression for each row of columns called `names`."""
        ...

    def value(self, text: str, bindings: Mapping[str, Value], parameters: Sequence[Value]) -> Value:
        """An expression without columns, with parameters of its own beside those of the scan."""
        ...

    def aggregates(
        self,
        text: str,
        names: Sequence[Typed],
        data: Sequence[Sequence[Value]],
        groups: Sequence[int],
        parameters: Sequence[Value],
    ) -> dict[int, Any]:
        """The aggregate by group; of a sum of integers that leaves 64 bits, a Fault. Of no rows, that of group 0."""
        ...

    def row(self, query: str) -> tuple[Value, ...]:
        """The first row of a query without parameters."""
        ...

    def kept(self, query: str, make: Callable[[tuple[Value, ...]], K]) -> K:
        """make(row(query)), for a query whose answer nothing but a write to the main database changes."""
        ...


@dataclass(frozen=True, slots=True)
class NumberSet:
    """What integers are looked up in: int64[n], ascending; null and empty as of TextSet."""

    numbers: Array
    null: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class TextSet:
    """What texts are looked up in: texts; numbers, as which texts may count, as a JSON array or "".

    null: whether NULL is among the elements. empty: whether there are no elements of any kind.
    """

    texts: frozenset[str]
    numbers: str
    null: bool
    empty: bool


class Evaluation:
    """The expressions of one scan with its parameters, and what has been found out about them."""

    def __init__(
        self, table: Table, evaluator: Evaluator, parameters: Sequence[Value], source: Source | None = None
    ) -> None:
        self.table = table
        self.source = Events() if source is None else source
        self.evaluator = evaluator
        self.parameters = parameters
        self._memos: dict[str, Memo] = {}
        self._sets: dict[int, NumberSet] = {}
        self._texts: dict[int, TextSet] = {}
        self._members: dict[int, tuple[Sequence[Value], Bool]] = {}

    # scalars

    def scalar(self, expr: Literal | Parameter | Moment | Duration) -> Value:
        """The value of an expression without columns."""
        match expr:
            case Literal(value):
                return value
            case Parameter(number):
                return self.parameters[number - 1]
            case Moment(operand):
                value = self.scalar(operand)
                return None if value is None else timestamps.parse(value)
            case Duration(operand):
                value = self.scalar(operand)
                return None if value is None else timestamps.duration(value)

    def constant(self, expr: Expr) -> Value:
        """The value of any expression that reads no column."""
        if isinstance(expr, Literal | Parameter | Moment | Duration):
            return self.scalar(expr)
        return self.evaluator.values(sql(expr), (), ((),), self.parameters)[0]

    def declared_type(self, name: str) -> str | None:
        """The type of a column of the source; None if it has no affinity."""
        return column_type(self.source, self.table, name)

    def number_set(self, set: Parameter) -> NumberSet:
        """The elements of a JSON array that an integer may be equal to."""
        if set.number not in self._sets:
            text = self.parameters[set.number - 1]
            numbers, null = json_numbers(text)
            self._sets[set.number] = NumberSet(kernels.distinct(numbers), null, text == "[]")
        return self._sets[set.number]

    def text_set(self, set: Parameter) -> TextSet:
        """The elements of a JSON array that a text may be equal to."""
        if set.number not in self._texts:
            text = self.parameters[set.number - 1]
            assert isinstance(text, str)
            items = json.loads(text)
            numbers = [item for item in items if isinstance(item, int | float)]
            texts = frozenset(item for item in items if isinstance(item, str))
            self._texts[set.number] = TextSet(texts, json.dumps(numbers) if numbers else "", None in items, not items)
        return self._texts[set.number]

    # values

    def vector(self, expr: Expr, rows: Readable) -> Vector:
        """The expression at each of the rows."""
        if isinstance(expr, Column):
            return rows.vector(expr)
        native = self._native(expr, rows)
        if native is not None:
            return native
        return self._by_sqlite(sql(expr), columns(expr), expr.granularity if isinstance(expr, Sql) else 0, rows)

    def _native(self, expr: Expr, rows: Readable) -> Numbers | None:
        match expr:
            case Column():
                vector = rows.vector(expr)
                return vector if isinstance(vector, Numbers) and vector.render is None else None
            case Compare(op, left, right):
                return self._compare(op, left, right, rows)
            case InSet(column, set):
                return self._among(rows.vector(column), set)
            case Arithmetic(op, left, right):
                return self._arithmetic(op, left, right, rows)
            case And() | Or() | Not():
                true, known = self.truth(expr, rows)
                return Numbers(true, known)
            case _:
                return None

    def _among(self, vector: Vector, set: Parameter) -> Numbers:
        """Which of the values are elements of a JSON array; NULL where that is not known."""
        known = vector.known()
        if isinstance(vector, Numbers) and vector.render is None:
            numbers = self.number_set(set)
            found, null, empty = np.isin(vector.data, numbers.numbers), numbers.null, numbers.empty
        else:
            texts = self.text_set(set)
            found, null, empty = self._among_texts(vector, texts, set.number), texts.null, texts.empty
        if known is not None:
            found = found & known
        if null:
            return Numbers(found, found)
        return Numbers(found, None if empty else known)

    def _among_texts(self, vector: Vector, set: TextSet, number: int) -> Bool:
        """Which of the texts are in the set, which is the parameter of that number; each is looked up once."""
        if isinstance(vector, Coded):
            if vector.index is None:
                return self.members(vector.values, set)[vector.codes]
            known = self._members.get(number)
            if known is None or known[0] is not vector.values or len(known[1]) != len(vector.values):
                known = self._members[number] = vector.values, self._codes_of(vector, set)
            return known[1][vector.codes]
        used, places = kernels.group_numbers(*compact_codes(vector))
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(vector))
        return self.members(vector.take(one_of_each).tolist(), set)[places]

    def _codes_of(self, vector: Coded, set: TextSet) -> Bool:
        """Which codes stand for a text of the set: bool[values]."""
        found, index = np.zeros(len(vector.values), bool), vector.index
        if set.numbers:
            for codes, texts in in_pieces(vector, np.arange(len(found))):
                found[codes] = self.members(texts, set)
        elif isinstance(index, StoredCodes):
            found[index.find(list(set.texts))] = True
        elif index is not None:
            found[[index[text] for text in set.texts if text in index]] = True
        found[0] = False
        return found

    def members(self, values: Sequence[Value], set: TextSet) -> Bool:
        """Which of the values are in the set."""
        found = np.fromiter((value in set.texts for value in values), bool, len(values))
        if set.numbers:
            text = "x IN (SELECT CAST(value AS NUMERIC) FROM temp.json_each(:p1))"
            same = self.evaluator.values(text, (("x", "TEXT"),), (values,), (set.numbers,))
            found |= np.fromiter((value == 1 for value in same), bool, len(values))
        return found

    def _compare(self, op: str, left: Expr, right: Expr, rows: Readable) -> Numbers | None:
        if isinstance(right, Moment):
            assert isinstance(left, Column)
            moments = rows.vector(left)
            assert isinstance(moments, Numbers)
            number, side = self.scalar(right), Numbers(moments.data, moments.mask)
        elif isinstance(right, Literal | Parameter):
            number, native = self.scalar(right), self._native(left, rows)
            if number is None and op in ("IS", "IS NOT") and not isinstance(left, Literal | Parameter):
                known = self.vector(left, rows).known()
                known = np.ones(len(rows), bool) if known is None else known
                return Numbers(known if op == "IS NOT" else ~known)
            if native is None:
                return self._compare_text(op, left, number, rows)
            side = native
        else:
            return None
        return compare_number(op, side, number)

    def _compare_text(self, op: str, left: Expr, text: Value, rows: Readable) -> Numbers | None:
        """Whether a property has just this text: whether it has its code."""
        if op not in ("=", "<>", "IS", "IS NOT") or not isinstance(left, Column) or not isinstance(text, str):
            return None
        vector = rows.vector(left)
        if not isinstance(vector, Coded) or vector.index is None:
            return None
        same = vector.codes == vector.index.get(text, -1)
        return Numbers(same if op in ("=", "IS") else ~same, vector.known() if op in ("=", "<>") else None)

    def _arithmetic(self, op: str, left: Expr, right: Expr, rows: Readable) -> Numbers | None:
        a, b = self._operand(left, rows), self._operand(right, rows)
        return None if a is None or b is None else arithmetic(op, a, b, len(rows))

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

    def truth(self, expr: Expr, rows: Readable) -> tuple[Bool, Bool | None]:
        """(where it is true [n], where it is not NULL [n] or None for everywhere). True implies not NULL."""
        match expr:
            case And(items) | Or(items):
                return self._connect([self.truth(item, rows) for item in items], isinstance(expr, And))
            case Not(item):
                true, known = self.truth(item, rows)
                return (~true, None) if known is None else (~true & known, known)
        native = self._native(expr, rows)
        if native is None:
            text = f"CASE WHEN {sql(expr)} THEN 1 WHEN NOT ({sql(expr)}) THEN 0 END"
            granularity = expr.granularity if isinstance(expr, Sql) else 0
            coded = self._by_sqlite(text, columns(expr), granularity, rows)
            true = np.fromiter((value == 1 for value in coded.values), bool, len(coded.values))
            return true[coded.codes], coded.known()
        true = native.data if native.data.dtype == bool else native.data != 0
        return (true, None) if native.mask is None else (true & native.mask, native.mask)

    @staticmethod
    def _connect(sides: list[tuple[Bool, Bool | None]], conjunction: bool) -> tuple[Bool, Bool | None]:
        """AND or OR of three-valued truths: the decided value (False, True) wins over NULL."""
        true, known = sides[0]
        for other, other_known in sides[1:]:
            if known is None and other_known is None:
                true = true & other if conjunction else true | other
                continue
            k = np.ones(len(true), bool) if known is None else known
            o = np.ones(len(true), bool) if other_known is None else other_known
            if conjunction:
                known = (k & o) | (k & ~true) | (o & ~other)
                true = true & other
            else:
                known = (k & o) | true | other
                true = true | other
        return true, known

    # by SQLite

    def _by_sqlite(self, text: str, reads: tuple[Column, ...], granularity: int, rows: Readable) -> Coded:
        memo = self._memos.setdefault(text, Memo())
        if len(memo.results) > REMEMBERED:
            memo = self._memos[text] = Memo()
        if not reads:
            if not memo.results:
                memo.number(self.evaluator.values(text, (), ((),), self.parameters)[0])
            return Coded(np.zeros(len(rows), np.uint8), memo.results)
        vectors = [rows.vector(column) for column in reads]
        if len(vectors) == 1 and isinstance(vectors[0], Coded) and memo.by_code_of(vectors[0]):
            return self._by_code(memo, text, reads, vectors[0])
        if granularity and isinstance(vectors[0], Numbers):
            vectors = [_rounded(vectors[0], granularity)]
        numbers, bound = kernels.factorize([compact_codes(vector) for vector in vectors])
        used, places = kernels.group_numbers(numbers, bound)
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(rows))
        data = [vector.take(one_of_each).tolist() for vector in vectors]
        return Coded(self._results(memo, text, reads, data)[places], memo.results)

    def _by_code(self, memo: Memo, text: str, reads: tuple[Column, ...], vector: Coded) -> Coded:
        """One coded column: the results are remembered by code, over all shards whose codes mean the same."""
        if memo.values is not vector.values or len(memo.by_code) != len(vector.values):
            memo.by_code = np.full(len(vector.values), -1, np.int32)
            memo.values = vector.values
        found = memo.by_code[vector.codes]
        missing = kernels.distinct(vector.codes[found < 0])
        if len(missing):
            names = [(column.label, self.declared_type(column.name)) for column in reads]
            for codes, texts in in_pieces(vector, missing):
                memo.by_code[codes] = memo.enumerated(self.evaluator.values(text, names, [texts], self.parameters))
            found = memo.by_code[vector.codes]
        return Coded(found.astype(np.min_scalar_type(len(memo.results))), memo.results)

    def _results(self, memo: Memo, text: str, reads: tuple[Column, ...], data: list[list[Value]]) -> Array:
        if len(memo.by_values) > REMEMBERED:
            memo.by_values.clear()
        keys = list(zip(*map(told_apart, data), strict=True))
        missing = [at for at, key in enumerate(keys) if key not in memo.by_values]
        if missing:
            names = [(column.label, self.declared_type(column.name)) for column in reads]
            chosen = [[values[at] for at in missing] for values in data]
            results = self.evaluator.values(text, names, chosen, self.parameters)
            for at, result in zip(missing, results, strict=True):
                memo.by_values[keys[at]] = memo.number(result)
        return np.fromiter((memo.by_values[key] for key in keys), np.int64, len(keys))


def compare_number(op: str, side: Numbers, number: Value) -> Numbers | None:
    """A comparison of numbers with one number, or None if it takes a conversion."""
    data, mask = side.data, side.mask
    if number is None:
        if op in ("IS", "IS NOT"):
            known = np.ones(len(data), bool) if mask is None else mask
            return Numbers(known if op == "IS NOT" else ~known)
        return Numbers(np.zeros(len(data), bool), np.zeros(len(data), bool))
    if isinstance(number, str | bytes):
        return None
    if data.dtype == bool:
        data = data.view(np.uint8)
    if data.dtype.kind == "f":
        if abs(number) > _EXACT and isinstance(number, int):
            return None
        result = _UFUNCS[op](data, float(number))
    else:
        result = _compare_integers(op, data, number)
    if mask is None:
        return Numbers(result)
    if op == "IS":
        return Numbers(result & mask)
    if op == "IS NOT":
        return Numbers(result | ~mask)
    return Numbers(result, mask)


def _compare_integers(op: str, data: Array, number: int | float) -> Bool:
    if isinstance(number, float) and not number.is_integer():
        if op in ("=", "IS", "<>", "IS NOT"):
            return np.full(len(data), op in ("<>", "IS NOT"))
        if math.isinf(number):
            return np.full(len(data), (number > 0) == (op[0] == "<"))
        number = math.floor(number) if op in ("<=", ">") else math.ceil(number)
    number = int(number)
    limits = np.iinfo(data.dtype)
    if not limits.min <= number <= limits.max:
        above = number > limits.max
        everywhere = op in ("<>", "IS NOT") or (op in ("<", "<=") if above else op in (">", ">="))
        return np.full(len(data), everywhere)
    return _UFUNCS[op](data, data.dtype.type(number))  # type: ignore[no-any-return]


def arithmetic(op: str, a: Numbers, b: Numbers, n: int) -> Numbers | None:
    """a op b as SQLite computes it, for n rows (an operand may be one for all).

    None where int64 could overflow: SQLite then goes on in floating point.
    """
    masks = [side.mask for side in (a, b) if side.mask is not None]
    mask = None if not masks else masks[0] if len(masks) == 1 else masks[0] & masks[1]
    x, y = (side.data.astype(np.int64) if side.data.dtype.kind in "ub" else side.data for side in (a, b))
    if op in ("/", "%"):
        nonzero = y != 0
        if not nonzero.all():
            y = np.where(nonzero, y, 1)
            mask = _both(mask, nonzero)
    if x.dtype.kind == "i" and y.dtype.kind == "i":
        result = _integers(op, x, y)
    elif op == "%":
        return None  # SQLite casts both to integers
    else:
        with np.errstate(all="ignore"):
            result = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[op](
                x.astype(np.float64), y.astype(np.float64)
            )
        nan = np.isnan(result)
        if nan.any():
            mask = _both(mask, ~nan)
            result = np.where(nan, 0.0, result)
    if result is None:
        return None
    result = np.broadcast_to(result, (n,))
    return Numbers(result, None if mask is None else np.broadcast_to(mask, (n,)))


def _both(mask: Bool | None, other: Bool) -> Bool:
    return other if mask is None else mask & other


def _integers(op: str, x: Array, y: Array) -> Array | None:
    big_x, big_y = (max(abs(int(s.max(initial=0))), abs(int(s.min(initial=0)))) for s in (x, y))
    if op in ("/", "%"):
        if big_x >= 1 << 63 or big_y >= 1 << 63:
            return None
        with np.errstate(all="ignore"):
            quotient = np.where((x < 0) != (y < 0), -(np.abs(x) // np.abs(y)), np.abs(x) // np.abs(y))
        return quotient if op == "/" else x - quotient * y
    if (big_x * big_y if op == "*" else big_x + big_y) >= 1 << 63:
        return None
    return {"+": np.add, "-": np.subtract, "*": np.multiply}[op](x, y)


def _rounded(moments: Numbers, granularity: int) -> Numbers:
    """Timestamps rounded down to the interval within which an expression is constant, except where SQLite may carry."""
    ts = moments.data
    rounded = ts - ts % granularity
    return Numbers(np.where(ts % 1_000_000 >= _ROUNDED, ts, rounded), moments.mask, moments.render)


def json_numbers(text: Value) -> tuple[Array, bool]:
    """The integers in a JSON array, and whether NULL is in it; a list in it stands for what equals no integer.

    Numbers alone, which is what an array of ids holds, are parsed by numpy: 20 million a second.
    """
    assert isinstance(text, str)
    inside = text[1:-1]
    if not inside:
        return np.zeros(0, np.int64), False
    if "n" not in inside and "[" not in inside:
        return np.fromstring(inside, np.int64, sep=","), False
    items = json.loads(text)
    return np.array([item for item in items if isinstance(item, int)], np.int64), None in items
