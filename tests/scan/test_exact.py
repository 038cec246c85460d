"""Comparisons, arithmetic and logic of arrays are SQLite's, to the bit, or are left to it."""

import json
import math
import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysql.arrays.vectors import Coded, Numbers
from skysql.scan import exact
from skysql.scan.sets import json_numbers

SQLITE = sqlite3.connect(":memory:")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT")
EDGES = [0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**31, 255]
INTEGERS = st.sampled_from(EDGES) | st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)
REALS = st.sampled_from([0.0, -0.0, 0.5, 2.0**53, 2.0**63, -(2.0**63), 1e300, math.inf, -math.inf]) | st.floats(
    allow_nan=False
)
COLUMNS = st.one_of(
    st.lists(INTEGERS | st.none(), min_size=1, max_size=6).map(lambda values: (np.int64, values)),
    st.lists(REALS | st.none(), min_size=1, max_size=6).map(lambda values: (np.float64, values)),
    st.lists(st.booleans() | st.none(), min_size=1, max_size=6).map(lambda values: (np.bool_, values)),
)


def numbers(column) -> Numbers:
    """A column, with None where a value is NULL."""
    dtype, values = column
    known = np.array([value is not None for value in values])
    return Numbers(np.array([value or 0 for value in values], dtype), None if known.all() else known)


def listed(found: Numbers) -> list:
    known = np.ones(len(found.data), bool) if found.mask is None else found.mask
    return [value if there else None for value, there in zip(found.data.tolist(), known.tolist(), strict=True)]


def by_sqlite(expression: str, *columns: list) -> list:
    """The expression over a, b, ... as SQLite computes it, row by row."""
    names = ", ".join("? AS " + name for name in "abc"[: len(columns)])
    query = f"SELECT {expression} FROM (SELECT {names})"
    return [SQLITE.execute(query, row).fetchone()[0] for row in zip(*columns, strict=True)]


@given(st.sampled_from(COMPARISONS), COLUMNS, INTEGERS | REALS | st.none())
def test_comparisons_with_a_number(op, column, number):
    found = exact.compare(op, numbers(column), number)
    if found is not None:
        assert listed(found) == by_sqlite(f"a {op} b", column[1], [number] * len(column[1]))
    else:
        assert column[0] is np.float64 and isinstance(number, int)


@pytest.mark.parametrize("text", ["1", b"1"])
def test_what_takes_a_conversion_is_left_to_sqlite(text):
    assert exact.compare("=", numbers((np.int64, [1])), text) is None


@given(st.sampled_from("+-*/%"), COLUMNS, COLUMNS)
def test_arithmetic(op, left, right):
    n = min(len(left[1]), len(right[1]))
    left, right = (left[0], left[1][:n]), (right[0], right[1][:n])
    found = exact.arithmetic(op, numbers(left), numbers(right), n)
    if found is not None:
        expected = by_sqlite(f"a {op} b", left[1], right[1])
        assert [(type(a), a) for a in listed(found)] == [(type(a), a) for a in expected]


HALVES = st.integers(-(2**53), 2**53).map(lambda n: n / 2) | st.integers(-(10**15), 10**15).map(lambda n: n / 100 * 100)


@given(st.lists(REALS | HALVES | st.none(), min_size=1, max_size=6))
def test_rounding(values):
    found = exact.rounded(numbers((np.float64, values)))
    if found is not None:
        expected = by_sqlite("CAST(round(a) AS INTEGER)", values)
        assert [(type(a), a) for a in listed(found)] == [(type(a), a) for a in expected]
    else:
        assert any(value is not None and abs(value) >= 2.0**63 for value in values)


@given(st.sampled_from("+-*/%"), COLUMNS, INTEGERS | REALS)
def test_arithmetic_with_one_number_for_all(op, column, number):
    one = Numbers(np.full(1, number, np.int64 if isinstance(number, int) else np.float64))
    found = exact.arithmetic(op, numbers(column), one, len(column[1]))
    if found is not None:
        assert listed(found) == by_sqlite(f"a {op} b", column[1], [number] * len(column[1]))


TRUTHS = st.lists(st.tuples(*[st.sampled_from([0, 1, None])] * 3), min_size=1, max_size=9)


@given(TRUTHS, st.sampled_from(["AND", "OR"]))
def test_three_valued_logic(rows, op):
    columns = [list(column) for column in zip(*rows, strict=True)]
    sides = [exact.truth(numbers((np.int64, column))) for column in columns]
    for found, expression in (
        (exact.connect(sides, op == "AND"), f"a {op} b {op} c"),
        (exact.negate(exact.connect(sides, op == "AND")), f"NOT (a {op} b {op} c)"),
    ):
        true, known = found
        assert true.tolist() == [value == 1 for value in by_sqlite(expression, *columns)]
        if known is not None:
            assert known.tolist() == [value is not None for value in by_sqlite(expression, *columns)]


@pytest.mark.parametrize("op", COMPARISONS)
def test_a_text_is_compared_by_its_code(op):
    values = [None, "x", "y"]
    vector = Coded(np.array([0, 1, 2, 1]), values, {"x": 1, "y": 2})
    for text in ("x", "z"):
        found = exact.compare_text(op, vector, text)
        if op[0] in "<>" and op != "<>":
            assert found is None
        else:
            assert listed(found) == by_sqlite(f"a {op} b", vector.tolist(), [text] * 4)
    assert exact.compare_text(op, Coded(np.array([1]), values), "x") is None


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none() | st.just([])))
def test_the_integers_of_a_list(items):
    found, null = json_numbers(json.dumps(items))
    assert found.dtype == np.int64
    assert (found.tolist(), null) == ([item for item in items if isinstance(item, int)], None in items)
