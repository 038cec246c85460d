"""Sums of values and of products are exact, in whatever pieces and order they are put together."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysql.arrays import exact_sums
from skysql.arrays.exact_sums import ExactSums

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)])
REALS = st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6) | st.sampled_from([0.0, -0.0, 0.1, 2.0**52, 1e15])
COLUMN = st.lists(st.tuples(INTEGERS, REALS, REALS), max_size=40)


def total(sums: ExactSums, base: int) -> list[Fraction]:
    return [Fraction(2) ** (exact_sums.BITS * base) * whole for whole in sums.integers(base)]


@given(COLUMN, st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_parts_in_any_order(rows: list[Any], size: int, random: Any) -> None:
    groups = [random.randrange(size) for _ in rows]
    columns = [np.array([row[at] for row in rows], dtype) for at, dtype in enumerate((np.int64, float, float))]
    parts: list[tuple[ExactSums, ...]] = []
    at = np.array([random.randrange(5) for _ in rows], int)
    for part in random.sample(range(5), 5):
        here = np.flatnonzero(at == part)
        values = [exact_sums.digits_of(column[here]) for column in columns]
        numbers = np.array(groups, int)[here]
        parts.append((
            *(exact_sums.sums(numbers, each, size) for each in values),
            exact_sums.products(numbers, values[0], values[0], size),
            exact_sums.products(numbers, values[1], values[1], size),
            exact_sums.products(numbers, values[1], values[2], size),
        ))  # fmt: skip
    while len(parts) > 1:
        few = [parts.pop(random.randrange(len(parts))) for _ in range(min(len(parts), random.randint(2, 3)))]
        places = np.tile(np.arange(size), len(few))
        parts.append(tuple(exact_sums.merged(each, places, size) for each in zip(*few, strict=True)))
    fractions = [[Fraction(value) for value in row] for row in rows]
    asked = [lambda r: r[0], lambda r: r[1], lambda r: r[2], lambda r: r[0] ** 2, lambda r: r[1] ** 2,
             lambda r: r[1] * r[2]]  # fmt: skip
    for found, of in zip(parts[0], asked, strict=True):
        expected = [Fraction()] * size
        for row, group in zip(fractions, groups, strict=True):
            expected[group] += of(row)
        assert total(found, found.base) == expected
        assert total(found, found.base - 3) == expected


def test_more_products_than_fit_at_once() -> None:
    """Values of 60 bits, in a number at which their digits' products would overflow if they were added up at once."""
    n = exact_sums._MOST_ROWS * 2 + 5
    values = exact_sums.digits_of(np.full(n, 2**60 - 1))
    found = exact_sums.products(np.zeros(n, np.uint8), values, values, 1)
    assert found.integers(0) == [n * (2**60 - 1) ** 2]


@pytest.mark.parametrize("values", [[1e300, 1e-300], [float("inf")], [float("nan"), 1.0]])
def test_what_is_not_for_arrays(values: list[float]) -> None:
    with pytest.raises(exact_sums.TooWide):
        exact_sums.digits_of(np.array(values))
