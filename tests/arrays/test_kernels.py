"""arrays/kernels.py against loops."""

from collections import defaultdict
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysql.arrays import compiled, kernels

IDS = st.integers(1, 5) | st.integers(1, 2**63 - 1) | st.sampled_from([1, 2**63 - 1])
TIMES = st.integers(0, 3) | st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)


def int64(values: Any) -> Any:
    return np.array(list(values), np.int64)


@st.composite
def paths(draw: st.DrawFn) -> list[list[int]]:
    """The times of the events of each path, ascending; no path is empty."""
    return [sorted(times) for times in draw(st.lists(st.lists(TIMES, min_size=1, max_size=8), min_size=1, max_size=6))]


def laid_out(paths: list[list[int]]) -> tuple[Any, Any]:
    """(ts, starts)."""
    return int64(ts for path in paths for ts in path), int64(np.cumsum([0, *map(len, paths)]))


# order


@given(st.lists(st.tuples(IDS, TIMES), max_size=60))
def test_path_order(events: list[tuple[int, int]]) -> None:
    expected = sorted(range(len(events)), key=lambda i: events[i])  # stable
    order = kernels.path_order(int64(o for o, _ in events), int64(t for _, t in events))
    assert (expected if order is None else order.tolist()) == expected
    assert (order is None) == (expected == list(range(len(events))))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", ["few", "many", "spread", "one giant", "nearly sorted", "equal times"])
def test_path_order_of_many_events(shape: str, seed: int) -> None:
    """More than are sorted at a time; numpy's own stable sort is the reference."""
    rng = np.random.default_rng(seed)
    n = 2 * kernels._BUCKET + int(rng.integers(1, 1000)) if seed else 4000
    objects = rng.integers(1, {"few": 10, "spread": 2**63 - 1}.get(shape, n), n)
    ts = rng.integers(0, 3 if shape == "equal times" else 10**15, n)
    if shape == "one giant":
        objects[rng.random(n) < 0.9] = 77
    if shape == "nearly sorted":
        order = np.lexsort((ts, objects))
        objects, ts = objects[order], ts[order]
        late = rng.integers(0, n, 20)
        objects[late] = rng.integers(1, n, 20)
    order = kernels.path_order(objects, ts)
    assert order is not None
    np.testing.assert_array_equal(order, np.lexsort((ts, objects)))


@given(st.lists(IDS | st.integers(-(2**63), 2**63 - 1), max_size=60))
def test_object_order(objects: list[int]) -> None:
    assert kernels.object_order(int64(objects)).tolist() == sorted(range(len(objects)), key=lambda i: objects[i])


@given(st.lists(IDS, max_size=40).map(sorted))
def test_path_starts(objects: list[int]) -> None:
    ids, starts = kernels.path_starts(int64(objects))
    assert ids.tolist() == sorted(set(objects))
    assert [objects[a:b] for a, b in pairwise(starts.tolist())] == [[o] * objects.count(o) for o in ids.tolist()]
    assert starts[-1] == len(objects)


@given(
    st.lists(IDS, min_size=1, max_size=40, unique=True).map(sorted),
    st.lists(IDS | st.integers(-(2**63), 2**63 - 1), max_size=40),
)
def test_find(ids: list[int], wanted: list[int]) -> None:
    expected = [ids.index(o) if o in ids else -1 for o in wanted]
    table = kernels.places_table(int64(ids))
    assert (table is not None) == (ids[-1] - ids[0] < 8 * len(ids))
    for one in (table, None):
        assert kernels.find(int64(ids), one, int64(wanted)).tolist() == expected


# places within paths


@given(paths(), st.data())
def test_positions_of(paths: list[list[int]], data: st.DataObject) -> None:
    _, starts = laid_out(paths)
    chosen = sorted(data.draw(st.sets(st.integers(0, len(paths) - 1))))
    expected = [i for path in chosen for i in range(starts[path], starts[path + 1])]
    assert kernels.positions_of(starts, np.array(chosen, np.int64)).tolist() == expected


@given(paths(), TIMES)
def test_last_of_all(paths: list[list[int]], until: int) -> None:
    ts, starts = laid_out(paths)
    ends = np.zeros(len(ts), bool)
    ends[starts[1:] - 1] = True
    counts = [sum(t <= until for t in path) for path in paths]
    expected = [int(start) + count - 1 for start, count in zip(starts, counts, strict=False) if count]
    assert kernels.last_of_all(ts <= until, ends).tolist() == expected


@given(paths(), st.lists(st.tuples(st.integers(0, 5), TIMES), max_size=20))
def test_last_until(paths: list[list[int]], pairs: list[tuple[int, int]]) -> None:
    ts, starts = laid_out(paths)
    pairs = [(path % len(paths), until) for path, until in pairs]
    expected = []
    for path, until in pairs:
        count = sum(t <= until for t in paths[path])
        expected.append(int(starts[path]) + count - 1 if count else -1)
    found = kernels.last_until(ts, starts, int64(p for p, _ in pairs), int64(u for _, u in pairs))
    assert found.tolist() == expected


@given(paths(), st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 9)), max_size=20))
def test_last_keys(paths: list[list[int]], wanted: list[tuple[int, int]]) -> None:
    keys = [(path, time % 8) for path, times in enumerate(paths) for time in times]
    keys.sort()
    wanted = [(path, min(time, 7)) for path, time in wanted]
    expected = [max((i for i, k in enumerate(keys) if k[0] == w[0] and k <= w), default=-1) for w in wanted]
    packed = int64(path << 3 | time for path, time in keys)
    found = kernels.last_keys(packed, 3, int64(p for p, _ in wanted), int64(t for _, t in wanted))
    assert found.tolist() == expected


def test_last_until_of_long_paths() -> None:
    """Every length around the powers of two, every place in it."""
    for n in [*range(1, 40), 63, 64, 65, 127, 128, 129]:
        ts, starts = np.arange(n) * 2, int64([0, n])
        until = np.arange(-1, 2 * n + 1)
        expected = np.minimum(until // 2, n - 1)
        np.testing.assert_array_equal(kernels.last_until(ts, starts, np.zeros(len(until), np.int64), until), expected)


@given(paths())
def test_tie_ends(paths: list[list[int]]) -> None:
    ts, starts = laid_out(paths)
    expected = [int(start) + max(j for j, t in enumerate(path) if t == ts_)
                for start, path in zip(starts, paths, strict=False) for ts_ in path]  # fmt: skip
    ends = kernels.tie_ends(ts, starts)
    assert (list(range(len(ts))) if ends is None else ends.tolist()) == expected
    assert (ends is None) == all(len(set(path)) == len(path) for path in paths)


@given(st.lists(st.lists(TIMES, max_size=6).map(sorted), max_size=6))
def test_tie_runs_of_paths_that_may_be_empty(paths: list[list[int]]) -> None:
    ts, starts = laid_out(paths)
    firsts, lasts = kernels.tie_runs(ts, starts)
    moments = [(path, t) for path, times in enumerate(paths) for t in times]
    expected = [(moments.index(m), moments.index(m) + moments.count(m) - 1) for m in sorted(set(moments))]
    assert list(zip(firsts.tolist(), lasts.tolist(), strict=True)) == [run for run in expected if run[0] < run[1]]
    assert kernels.first_of_runs(firsts, lasts, len(ts)).tolist() == [moments.index(m) for m in moments]
    ends = [moments.index(m) + moments.count(m) - 1 for m in moments]
    assert kernels.last_of_runs(firsts, lasts, len(ts)).tolist() == ends


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_ranges(pairs: list[tuple[int, int]]) -> None:
    which, integers = kernels.ranges(int64(low for low, _ in pairs), int64(high for _, high in pairs))
    expected = [(i, at) for i, (low, high) in enumerate(pairs) for at in range(low, high)]
    assert list(zip(which.tolist(), integers.tolist(), strict=True)) == expected


ROWS = st.sets(st.integers(0, 199)).map(sorted)


@given(ROWS, st.lists(st.integers(0, 200), max_size=300))
def test_ranks(rows: list[int], at: list[int]) -> None:
    """Few are sought in the rows, many by counts."""
    for n in (200, 200 * 64):
        expected = [sum(row < limit for row in rows) for limit in at]
        assert kernels.Ranks(int64(rows), n).below(int64(at)).tolist() == expected


@given(ROWS, ROWS, st.sampled_from([0, 1]))
def test_nearest(earlier: list[int], later: list[int], after: int) -> None:
    """Whichever side is the shorter; the same row counts as later, or not."""
    a, b = int64(earlier), int64(later)
    ranks = kernels.Ranks(a, 200), kernels.Ranks(b, 200)
    i, j = kernels.nearest(*ranks, lambda: a + after, lambda: b + 1 - after)
    expected = [
        (x, y)
        for x in earlier
        for y in later
        if x + after <= y
        and not any(x < other and other + after <= y for other in earlier)
        and not any(x + after <= other < y for other in later)
    ]
    assert list(zip(a[i].tolist(), b[j].tolist(), strict=True)) == expected


@given(ROWS, st.lists(st.integers(0, 200), max_size=30))
def test_groups_of_rows(rows: list[int], cuts: list[int]) -> None:
    starts = [0, *sorted(cuts), 200]
    groups = [max(g for g, start in enumerate(starts[:-1]) if start <= row) for row in rows]
    assert kernels.groups_of(int64(rows), int64(starts)).tolist() == groups
    assert kernels.GroupStarts(int64(starts)).of(int64(rows)).tolist() == groups
    assert kernels.bounds_of(int64(rows), int64(starts)).tolist() == [sum(row < s for row in rows) for s in starts]


# groups


SIZES = st.sampled_from([1, 2, 3, 255, 256, 257, 65535, 65537, 2**20, 2**31, 2**40])


@given(st.data())
def test_factorize(data: st.DataObject) -> None:
    """Equal numbers exactly where all codes are equal, in the order of the codes, below the bound."""
    n = data.draw(st.integers(1, 20))
    parts = []
    for size in data.draw(st.lists(SIZES, min_size=1, max_size=4)):
        codes = data.draw(st.lists(st.integers(0, 2) | st.integers(0, size - 1), min_size=n, max_size=n))
        parts.append((np.array([c % size for c in codes], np.min_scalar_type(size - 1)), size))
    numbers, bound = kernels.factorize(parts)
    keys = list(zip(*(codes.tolist() for codes, _ in parts), strict=True))
    for i in range(n):
        assert 0 <= numbers[i] < bound
        for j in range(n):
            assert (numbers[i] < numbers[j]) == (keys[i] < keys[j])
            assert (numbers[i] == numbers[j]) == (keys[i] == keys[j])


@pytest.mark.parametrize("bounds", [(1, 65_536), (65_536, 1), (2, 65_536), (1, 1 << 40), (256, 256)])
def test_factorize_at_the_end_of_uint16(bounds: tuple[int, int]) -> None:
    codes = [np.array([0, bound // 2, bound - 1]) for bound in bounds]
    numbers, bound = kernels.factorize(
        [(code.astype(np.min_scalar_type(size - 1)), size) for code, size in zip(codes, bounds, strict=True)]
    )
    assert (numbers.tolist(), bound) == ((codes[0] * bounds[1] + codes[1]).tolist(), bounds[0] * bounds[1])


def test_factorize_of_no_rows() -> None:
    numbers, bound = kernels.factorize([(np.zeros(0, np.int64), 0), (np.zeros(0, np.int64), 1 << 20)])
    assert (numbers.tolist(), bound) == ([], 0)


@given(st.lists(st.integers(0, 6) | st.integers(0, 10**6), max_size=30), st.sampled_from([0, 1, 10**9]))
def test_group_numbers(numbers: list[int], room: int) -> None:
    bound = max(numbers, default=-1) + 1 + room
    used, places = kernels.group_numbers(np.array(numbers, np.int64), bound)
    assert used.tolist() == sorted(set(numbers))
    assert [used[place] for place in places.tolist()] == numbers


@pytest.mark.parametrize("n", [0, 1, 7, 1 << 16, (1 << 16) + 1, 200_000])
def test_first_of_each(n: int) -> None:
    groups = np.random.default_rng(n).integers(0, max(1, n // 3), n)
    expected: dict[int, int] = {}
    for at, group in enumerate(groups.tolist()):
        expected.setdefault(group, at)
    found = kernels.first_of_each(groups, max(1, n // 3))
    assert {group: int(found[group]) for group in expected} == expected


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.booleans())
def test_one_of_each(numbers: list[int], late: bool) -> None:
    """An element that has the number, also where it comes first after many others."""
    array = np.array([numbers[0]] * (10_000 if late else 0) + numbers, np.int64)
    used = np.unique(array)
    assert array[kernels.one_of_each(array, used)].tolist() == used.tolist()


VALUES = {
    "int64": st.integers(-5, 5) | st.integers(-(2**55), 2**55),
    "float64": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "uint8": st.integers(0, 1),
}


@pytest.mark.parametrize("loops", [compiled._loops, None], ids=["loops", "arrays"])
@pytest.mark.parametrize("dtype", VALUES)
@given(data=st.data())
def test_reductions(dtype: str, loops: Any, data: st.DataObject) -> None:
    with mock.patch.object(compiled, "_loops", loops):
        reductions(dtype, data)


def reductions(dtype: str, data: st.DataObject) -> None:
    elements = data.draw(st.lists(st.tuples(st.integers(0, 4), VALUES[dtype]), max_size=40))
    groups, values = np.array([g for g, _ in elements], np.uint8), np.array([v for _, v in elements], dtype)
    by_group: dict[int, list[Any]] = defaultdict(list)
    for group, value in zip(groups.tolist(), values.tolist(), strict=True):
        by_group[group].append(value)
    counts = kernels.group_count(groups, 6)
    assert counts.dtype == np.int64 and counts.tolist() == [len(by_group[g]) for g in range(6)]
    if dtype != "float64":
        assert kernels.group_sum(groups, values, 6).tolist() == [sum(by_group[g]) for g in range(6)]
    for largest, pick in ((True, max), (False, min)):
        extremes = kernels.group_extreme(groups, values, 6, largest)
        for group in set(groups.tolist()):
            assert extremes[group] == pick(by_group[group])


@given(st.lists(st.lists(st.integers(-(2**40), 2**40), max_size=4), max_size=6), st.sampled_from(["i8", "u1"]))
def test_runs(groups: list[list[int]], dtype: str) -> None:
    groups = [[value % 256 if dtype == "u1" else value for value in values] for values in groups]
    values = np.array([value for values in groups for value in values], dtype)
    starts = int64(np.cumsum([0, *map(len, groups)]))
    assert kernels.run_sums(values, starts).tolist() == [sum(values) for values in groups]
    for largest, pick in ((False, min), (True, max)):
        found = kernels.run_extremes(values, starts, largest).tolist()
        assert all(not values or pick(values) == one for values, one in zip(groups, found, strict=True))


def test_sums_beyond_the_exact_range_of_float64() -> None:
    groups = np.zeros(3, np.uint8)
    assert kernels.group_sum(groups, int64([2**53, 1, 1]), 1).tolist() == [2**53 + 2]
    assert kernels.group_sum(groups, int64([-(2**63), 2**63 - 1, 5]), 1).tolist() == [4]


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=20))
def test_narrow(codes: list[int]) -> None:
    narrow = kernels.narrow(np.array(codes, np.uint32), max(codes))
    assert narrow.tolist() == codes
    assert narrow.itemsize == (1 if max(codes) < 256 else 2 if max(codes) < 65536 else 4)


@given(paths(), st.integers(1, 6))
def test_session_starts(paths: list[list[int]], idle: int) -> None:
    ts, starts = laid_out(paths)
    expected = []
    for first, last in pairwise(starts.tolist()):
        expected += [i for i in range(first, last) if i == first or ts[i] - ts[i - 1] >= idle]
    assert kernels.session_starts(ts, starts, idle).tolist() == [*expected, len(ts)]
