"""Statistics of numbers, made of sums of values and of products. The sums are exact.

So a statistic is the same to the last bit in any order and grouping of the rows, and in SQLite and a scan: only the
final value is rounded, once. As in PostgreSQL, where an infinite value would make it NaN, it is NULL.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import exact_sums
from ...arrays.exact_sums import ExactSums
from ...arrays.vectors import Numbers
from ...errors import DataError
from ...interruption import pieces
from ...model import values as affinity
from ...model.dtypes import Int64
from ...model.values import Value
from .aggregate import AggregateFunction, Given, Inexact, Merging
from .sum import as_numbers, shown

_AT_ONCE = 1 << 12
"""Groups of which the integers are made together: each takes microseconds."""


@dataclass(frozen=True, slots=True)
class SumsOfPowers:
    """sums: of each argument x, y, ...; products: of each two of them, xx, xy, yy."""

    count: Int64
    sums: list[ExactSums]
    products: list[ExactSums]

    def take(self, used: Int64, size: int) -> SumsOfPowers:
        """Of `size` groups only those that are used."""
        if len(used) == size:
            return self
        return SumsOfPowers(self.count[used], [s.take(used) for s in self.sums], [p.take(used) for p in self.products])


class ExactStatistic(AggregateFunction[SumsOfPowers]):
    """A statistic of one argument or two: `of` makes it of their sums, as integers."""

    state = SumsOfPowers

    @abstractmethod
    def of(self, n: int, sums: Sequence[int], products: Sequence[int], units: Sequence[int]) -> float | None:
        """The value for n rows, at least one. An argument's unit is 2^unit: its sum counts these, a product both."""

    def begin(self, given: Given) -> SumsOfPowers:
        """The sums of these values."""
        groups, size = given.groups, given.size
        numbers = [as_numbers(values) for values in (given.values, *given.others)]
        if any(each.render is not None for each in numbers):
            raise Inexact
        try:
            values = [exact_sums.digits_of(each.data) for each in numbers]
        except exact_sums.TooWide:
            raise Inexact from None
        sums = [exact_sums.sums(groups, each, size) for each in values]
        products = [exact_sums.products(groups, values[i], values[j], size) for i, j in _pairs(len(values))]
        return SumsOfPowers(given.count(), sums, products)

    def nothing(self, size: int) -> SumsOfPowers:
        """0 each."""
        nothing = exact_sums.nothing(size)
        pairs = [nothing for _ in _pairs(self.arguments)]
        return SumsOfPowers(np.zeros(size, np.int64), [nothing] * self.arguments, pairs)

    def merge(self, parts: Sequence[SumsOfPowers], merging: Merging) -> SumsOfPowers:
        """Their sums."""

        def merged(each: Sequence[Sequence[ExactSums]]) -> list[ExactSums]:
            return [exact_sums.merged(sums, merging.places, merging.size) for sums in zip(*each, strict=True)]

        count = merging.counts(parts)[1]
        return SumsOfPowers(count, merged([part.sums for part in parts]), merged([part.products for part in parts]))

    def finish(self, state: SumsOfPowers) -> Numbers:
        """The values, group by group."""
        size, some = len(state.count), np.flatnonzero(state.count)
        found = np.full(size, np.nan)
        for piece in pieces(len(some), _AT_ONCE):
            values = self._values(state.take(some[piece], size))
            found[some[piece]] = [math.nan if value is None else value for value in values]
        return shown(found, np.ones(size, bool))

    def _values(self, state: SumsOfPowers) -> list[float | None]:
        bases = [each.base for each in state.sums]
        pairs = zip(state.products, _pairs(len(bases)), strict=True)
        columns = [each.integers(each.base) for each in state.sums]
        columns += [product.integers(bases[i] + bases[j]) for product, (i, j) in pairs]
        units, k = [exact_sums.BITS * base for base in bases], len(bases)
        rows = zip(state.count.tolist(), *columns, strict=True)
        return [self.of(n, row[:k], row[k:], units) for n, *row in rows]

    def plain(self) -> ExactCall:
        """The aggregate as SQLite's."""
        return ExactCall(self.called[0], self.arguments, self.of)


class ExactCall:
    """One group, row by row: its sums as Python's integers, in units of 2^-bits."""

    def __init__(self, name: str, arguments: int, of: Callable[..., float | None]) -> None:
        self._name = name
        self._of = of
        self._pairs = _pairs(arguments)
        self._bits = 0
        self._rows = self._infinite = 0
        self._sums = [0] * arguments
        self._products = [0] * len(self._pairs)

    def step(self, *values: Value) -> None:
        """One more row; one with a NULL does not count."""
        self._add(values, 1)

    def inverse(self, *values: Value) -> None:
        """One row less."""
        self._add(values, -1)

    def _add(self, values: Sequence[Value], sign: int) -> None:
        if any(value is None for value in values):
            return
        numbers = [self._number(value) for value in values]
        self._rows += sign
        if not all(map(math.isfinite, numbers)):
            self._infinite += sign
            return
        ratios = [number.as_integer_ratio() for number in numbers]
        self._refine(max(below.bit_length() - 1 for _, below in ratios))
        whole = [above << self._bits - below.bit_length() + 1 for above, below in ratios]
        self._sums = [total + sign * each for total, each in zip(self._sums, whole, strict=True)]
        for at, (i, j) in enumerate(self._pairs):
            self._products[at] += sign * whole[i] * whole[j]

    def _number(self, value: Value) -> int | float:
        if isinstance(value, int | float):
            return value
        raise DataError(f"{self._name}() is of numbers, and one of its values is {affinity.shown(value)}")

    def _refine(self, bits: int) -> None:
        more = bits - self._bits
        if more > 0:
            self._bits = bits
            self._sums = [each << more for each in self._sums]
            self._products = [each << 2 * more for each in self._products]

    def value(self) -> Value:
        """The value so far."""
        if not self._rows or self._infinite:
            return None
        return self._of(self._rows, self._sums, self._products, [-self._bits] * len(self._sums))

    finalize = value


def _pairs(arguments: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(arguments) for j in range(i, arguments)]


def quotient(above: int, below: int, unit: int = 0) -> float:
    """above / below * 2^unit, rounded once."""
    above, below = (above << unit, below) if unit >= 0 else (above, below << -unit)
    try:
        return above / below
    except OverflowError:
        return math.inf if above > 0 else -math.inf


def root(above: int, below: int, unit: int = 0) -> float:
    """The square root of above / below * 2^unit, rounded once; unit is even, above is not negative."""
    shift = max(0, 128 - above.bit_length() + below.bit_length() + 1) // 2
    scaled = above << 2 * shift
    found = math.isqrt(scaled // below)
    found = found << 1 | (found * found * below != scaled)  # of what is left over it counts that it is there
    return quotient(found, 1 << 1 + shift, unit // 2)
