"""arrays/replay.py against a loop over the events of each path."""

from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from skysql.arrays import replay
from skysql.arrays.batch import Sparse

Change = tuple[bool, int]
"""(whether there is a change at an event, its value; 0 is NULL)."""

PATHS = st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=8), max_size=6)


def laid_out(paths: list[list[Change]]) -> tuple[list[tuple[int, int]], Any]:
    """((event, value) of each change, starts)."""
    events = [change for path in paths for change in path]
    changes = [(i, value) for i, (there, value) in enumerate(events) if there]
    return changes, np.cumsum([0, *map(len, paths)]).astype(np.int64)


def states(paths: list[list[Change]], ignore_nulls: bool) -> list[tuple[int, int]]:
    """At each event: the number of the change that holds there, from 1, and its value; or 0, 0."""
    result, number = [], 0
    for path in paths:
        holds = (0, 0)
        for there, value in path:
            if there:
                number += 1
                if value or not ignore_nulls:
                    holds = number, value
            result.append(holds)
    return result


@given(PATHS, st.booleans())
@example([], False)
@example([[(False, 0)]], True)
@example([[(True, 0)], [(True, 1), (False, 0)], [(False, 0)]], True)
def test_fill_codes(paths: list[list[Change]], ignore_nulls: bool) -> None:
    changes, starts = laid_out(paths)
    for dtype in (np.uint8, np.uint16, np.uint32):
        values = np.array([value for _, value in changes], dtype)
        sparse = Sparse(np.array([i for i, _ in changes], np.int32), values)
        codes = replay.fill_codes(sparse, starts, ignore_nulls=ignore_nulls)
        assert codes.dtype == dtype
        assert codes.tolist() == [value for _, value in states(paths, ignore_nulls)]


@given(PATHS, st.booleans(), st.booleans())
@example([], False, False)
@example([[(True, 0)], [(True, 1), (False, 0)], [(False, 0)]], True, False)
def test_fill_index(paths: list[list[Change]], ignore_nulls: bool, all_valid: bool) -> None:
    """Of a property that is not TEXT: `valid` tells which changes are to NULL."""
    if all_valid:
        paths = [[(there, value or 1) for there, value in path] for path in paths]
    changes, starts = laid_out(paths)
    values = np.array([value for _, value in changes], np.int64)
    sparse = Sparse(np.array([i for i, _ in changes], np.int32), values, None if all_valid else values != 0)
    assert replay.known(sparse).tolist() == [value != 0 for _, value in changes]
    index = replay.fill_index(sparse, starts, ignore_nulls=ignore_nulls)
    assert index.dtype.kind == "u"
    assert index.tolist() == [number for number, _ in states(paths, ignore_nulls)]


def test_more_changes_than_a_narrow_number_holds() -> None:
    for n in (255, 256, 65_535, 65_536, 70_000):
        sparse = Sparse(np.arange(n, dtype=np.int32), np.ones(n, np.int64))
        index = replay.fill_index(sparse, np.array([0, n], np.int64))
        np.testing.assert_array_equal(index, np.arange(1, n + 1))
