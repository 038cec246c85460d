"""Sums of values, of squares and of products, without any error: integers of any length as digits in arrays.

A value is a sum of digits of 20 bits, each with the sign of the value, times a power of 2^20. Digits of many values add
up in int64 without overflow, and so do their products. Of a group they are one Python integer in the end. So a sum is
the same in any order and grouping; what rounds is only what is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..model.dtypes import Array, Int64
from . import kernels

BITS = 20
_MASK = (1 << BITS) - 1

MOST_DIGITS = 8
"""Digits of a value. Values with more, as their magnitudes lie far apart, are left to SQLite."""

_MOST_ROWS = 1 << 19
"""Rows that are added up at once: each adds at most 8 products, all below 2^40, to a digit, which stays below 2^63."""


class TooWide(ArithmeticError):
    """The magnitudes of some values are too far apart, or one of them is infinite."""


@dataclass(frozen=True, slots=True)
class Digits:
    """n numbers: digits int64[k, n], the lowest first, times 2^(20 * base)."""

    digits: Int64
    base: int


@dataclass(frozen=True, slots=True)
class ExactSums:
    """A sum for each of g groups, as Digits of which the uppermost may be negative, and no other."""

    digits: Int64
    base: int

    def take(self, used: Array) -> ExactSums:
        """Those of some groups."""
        return ExactSums(self.digits[:, used], self.base)

    def integers(self, base: int) -> list[int]:
        """The sums in units of 2^(20 * base), which is their own base or below."""
        totals = self.digits[-1].astype(object)
        for row in self.digits[-2::-1]:
            totals = (totals << BITS) + row.astype(object)
        return [int(total) << BITS * (self.base - base) for total in totals]


def digits_of(values: Array) -> Digits:
    """Of integers, truth values or finite reals; raises TooWide."""
    if values.dtype.kind == "f":
        return _digits_of_reals(np.ascontiguousarray(values, np.float64))
    values = values.astype(np.int64)
    sizes = np.where(values < 0, -values, values).view(np.uint64)  # of -2^63, too
    count = max(1, -(-int(sizes.max(initial=0)).bit_length() // BITS))
    found = np.empty((count, len(values)), np.int64)
    for at in range(count):
        found[at] = (sizes >> np.uint64(BITS * at)) & np.uint64(_MASK)
    return Digits(found * np.where(values < 0, -1, 1), 0)


def _digits_of_reals(values: Array) -> Digits:
    if not np.isfinite(values).all():
        raise TooWide
    parts, exponents = np.frexp(values)
    whole = np.ldexp(parts, 53).astype(np.int64)
    some = exponents[values != 0]
    if not len(some):
        return Digits(np.zeros((1, len(values)), np.int64), 0)
    base = (int(some.min()) - 53) // BITS
    shift = np.where(values == 0, 0, exponents - 53 - BITS * base).astype(np.int64)
    count = -(-(int(shift.max()) + 53) // BITS)
    if count > MOST_DIGITS:
        raise TooWide
    sizes, found = np.abs(whole), np.empty((count, len(values)), np.int64)
    for at in range(count):
        up = shift - BITS * at  # a digit is whole << up, or whole >> -up, as far as it is within 20 bits
        found[at] = np.where(up >= 0, sizes << np.clip(up, 0, BITS), sizes >> np.clip(-up, 0, 63)) & _MASK
    return Digits(found * np.where(whole < 0, -1, 1), base)


def sums(groups: Array, values: Digits, size: int) -> ExactSums:
    """The sum of each group."""
    return _carried(_summed(groups, values.digits, size), values.base)


def products(groups: Array, a: Digits, b: Digits, size: int) -> ExactSums:
    """The sum of a * b of each group."""
    total: ExactSums | None = None
    for low in range(0, max(len(groups), 1), _MOST_ROWS):
        piece = slice(low, low + _MOST_ROWS)
        x = a.digits[:, piece]
        multiplied = _multiplied(x, x if a is b else b.digits[:, piece])
        found = _carried(_summed(groups[piece], multiplied, size), a.base + b.base)
        total = found if total is None else merged([total, found], np.tile(np.arange(size), 2), size)
    assert total is not None
    return total


def _multiplied(a: Int64, b: Int64) -> Int64:
    found = np.zeros((len(a) + len(b) - 1, a.shape[1]), np.int64)
    if a is b:
        for i, digit in enumerate(a):
            found[2 * i] += digit * digit
            for j in range(i + 1, len(a)):
                found[i + j] += 2 * (digit * a[j])
        return found
    for i, digit in enumerate(a):
        for j, other in enumerate(b):
            found[i + j] += digit * other
    return found


def _summed(groups: Array, digits: Int64, size: int) -> Int64:
    if size == 1:
        total: Int64 = digits.sum(axis=1, keepdims=True)
        return total
    return np.array([kernels.group_sum(groups, digit, size) for digit in digits])


def _carried(sums: Int64, base: int) -> ExactSums:
    """Sums with each digit within 20 bits, and as few digits as hold all of them."""
    found, carry = [], np.zeros(sums.shape[1], np.int64)
    for digit in sums:
        carry = carry + digit
        found.append(carry & _MASK)
        carry = carry >> BITS
    while ((carry != 0) & (carry != -1)).any():
        found.append(carry & _MASK)
        carry = carry >> BITS
    found[-1] += carry << BITS  # 0 or -1: the sign
    return ExactSums(np.array(found), base)


def merged(parts: Sequence[ExactSums], places: Array, size: int) -> ExactSums:
    """The sums of groups, one part's after another's, as those of the groups that they become: places int64[of all]."""
    base = min(part.base for part in parts)
    length = max(len(part.digits) + part.base - base for part in parts)
    aligned = np.zeros((length, len(places)), np.int64)
    at = 0
    for part in parts:
        count, groups = part.digits.shape
        low = part.base - base
        aligned[low : low + count, at : at + groups] = part.digits
        at += groups
    return _carried(_summed(places, aligned, size), base)


def nothing(size: int) -> ExactSums:
    """0 each."""
    return ExactSums(np.zeros((1, size), np.int64), 0)
