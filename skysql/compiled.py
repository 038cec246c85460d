"""loops.c by ctypes: the same arrays in and out as its twins of numpy, which are used where it was not compiled.

    funnel     functions/chains.py, levels; reports/walk.py, Walk
    matches    functions/links.py, count_apart
    returns    reports/retention.py, returned
    last_marks segment.py, Marks.last
    counts     kernels.py, group_count
    sums       kernels.py, group_sum

ctypes, and not an extension module, because the file then needs nothing of Python's: one binary does for every version
of it, and a call releases the interpreter's lock. The price is half a microsecond an argument, and that nothing checks
what is passed: so everything goes through here, where dtypes and lengths are asserted.

A long loop runs in a thread of a pool while the caller goes on to the next segment: what is returned is to be called
for the result. Only the loops run there, and never anything that touches SQLite.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .masks import CODES, Masks

Array = npt.NDArray[Any]
Int64 = npt.NDArray[np.int64]

_OFF = "SKYSQL_PURE"
"""Of the environment: not empty, to do without."""

LIMIT = 1 << 62
"""Times are within this, and a window below it; a longer one is for the twins."""

STEPS = 32
"""Of a funnel or a pattern, at the most."""

CROWDED = 255
"""Stands for the level of a group in which an event counts once and several at one time meet several steps."""


def _load() -> ctypes.CDLL | None:
    found = importlib.util.find_spec("skysql._loops")
    if os.environ.get(_OFF) or found is None or found.origin is None:
        return None
    try:
        return ctypes.CDLL(found.origin)
    except OSError:  # made for another machine
        return None


_loops = _load()


def available() -> bool:
    """Whether there are compiled loops."""
    return _loops is not None


def _call(name: str, *arguments: Array | int | None) -> None:
    """Arrays by their addresses, numbers as int64."""
    assert _loops is not None
    getattr(_loops, name)(*map(_argument, arguments))


def _later(name: str, *arguments: Array | int | None) -> Callable[[], None]:
    """The call in another thread, begun; what waits for its end."""
    if THREADS == 1:
        _call(name, *arguments)
        return lambda: None
    return _pool().submit(_call, name, *arguments).result


def _then(wait: Callable[[], None], result: Array) -> Callable[[], Array]:
    def get() -> Array:
        wait()
        return result

    return get


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


THREADS = min(_processors(), 16)
"""Loops that run at a time."""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "skysql-loop")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _argument(value: Array | int | None) -> Any:
    if isinstance(value, np.ndarray):
        assert value.flags.c_contiguous
        return ctypes.c_void_p(value.ctypes.data)
    return None if value is None else ctypes.c_int64(value)


def _masked(masks: Masks, ts: Int64, starts: Int64) -> tuple[Array | int | None, ...]:
    """The arguments with which loops over masks begin."""
    assert ts.dtype == starts.dtype == np.int64 and 0 <= int(starts[-1]) <= len(ts)
    if masks.codes is None:
        assert masks.wide is not None and masks.wide.dtype == np.uint32 and len(masks.wide) == len(ts)
    else:
        assert masks.codes.dtype == np.uint8 and len(masks.codes) == len(ts)
        assert masks.table is not None and masks.table.dtype == np.uint32 and len(masks.table) == CODES
    return masks.codes, masks.table, masks.wide, ts, starts, len(starts) - 1


def funnel(masks: Masks, ts: Int64, starts: Int64, steps: int, window: int, modes: int) -> Callable[[], Array]:
    """What waits for the most steps that each group takes, or CROWDED: uint8[g].

    ts: int64[n], non-decreasing within a group. starts: int64[g+1]. window: below LIMIT. modes: MODES, added.
    """
    levels = np.empty(len(starts) - 1, np.uint8)
    assert 1 <= steps <= STEPS and 0 <= window < LIMIT
    wait = _later("skysql_funnel", *_masked(masks, ts, starts), steps, window, modes, levels)
    return _then(wait, levels)


MODES = {"deduplication": 1, "order": 2, "increase": 4, "once": 8, "reentry": 16, "path": 32}
"""Of a funnel; see functions/moments.py, Rules. path: an event is of one step of a chain, and those at one time come in
the order of the path; without it, in that of their steps."""


def matches(masks: Masks, ts: Int64, starts: Int64, wanted: Array, adjacent: Array, most: Int64) -> Callable[[], Int64]:
    """What waits for how many matches of a pattern each group has, one after the other: int64[g].

    wanted: uint32[p], the conditions of which each event of the pattern has to meet one. Before the j-th, from the
    second on, lies nothing if adjacent: bool[p], and else at the most so much time, below LIMIT: int64[p].
    """
    counts = np.empty(len(starts) - 1, np.int64)
    assert 1 <= len(wanted) == len(adjacent) == len(most) <= STEPS
    assert wanted.dtype == np.uint32 and adjacent.dtype == bool and most.dtype == np.int64
    wait = _later("skysql_matches", *_masked(masks, ts, starts), len(wanted), wanted, adjacent, most, counts)
    return _then(wait, counts)


@dataclass(frozen=True, slots=True)
class Births:
    """Paths that are born, ascending: their numbers int32[b], the event, the number of the cohort, and the period (or
    the time, if periods are counted from there): int64[b] each.
    """

    paths: Array
    events: Int64
    cohorts: Int64
    begun: Int64


@dataclass(frozen=True, slots=True)
class Periods:
    """How long they are, and where they begin: at the birth if origin is None; int64 microseconds, 1 or more.

    rows: int64[p], the row of each period since the birth, or -1; later ones have none.
    """

    unit: int
    origin: int | None
    rows: Int64


def returns(
    births: Births, found: tuple[Array, Int64, Int64], periods: Periods, shape: tuple[int, int], on_or_after: bool
) -> Callable[[], Int64]:
    """What waits for how many paths of each cohort returned in each row: int64[cohorts, rows], which is the shape.

    found: the events at which a path returns if it was born before, in path order: (path int32[n], event int64[n],
    ts int64[n]). on_or_after: whether the last return counts in all rows up to its own, which is then in order.
    """
    returned = np.zeros(shape, np.int64)
    paths, events, ts = found
    assert paths.dtype == births.paths.dtype == np.int32 and len(paths) == len(events) == len(ts)
    assert len(births.paths) == len(births.events) == len(births.cohorts) == len(births.begun)
    assert periods.unit > 0 and int(births.cohorts.max(initial=-1)) < shape[0] and int(periods.rows.max()) < shape[1]
    wait = _later(
        "skysql_returns",
        *(births.paths, births.events, births.cohorts, births.begun, len(births.paths)),
        *(paths, events, ts, len(paths)),
        *(periods.unit, periods.origin or 0, int(periods.origin is None), periods.rows, len(periods.rows)),
        *(shape[1], int(on_or_after), returned),
    )
    return _then(wait, returned)


def last_marks(
    keys: Int64, starts: Int64, bits: int, times: tuple[int, int], paths: Int64, until: Int64
) -> Int64:
    """For each (path, moment) the place of the path's last mark that is not after the moment, or -1: int64[m].

    keys: int64[n], ascending, path << bits | time since times[0]; none is after times[1]. starts: int64[k+1], where the
    marks of each path begin. paths: int64[m], each below k; -1 is none. until: int64[m].
    """
    assert keys.dtype == starts.dtype == paths.dtype == until.dtype == np.int64 and len(paths) == len(until)
    assert int(paths.max(initial=-1)) < len(starts) - 1 and int(starts[-1]) == len(keys)
    found = np.empty(len(paths), np.int64)
    _call("skysql_last_marks", keys, starts, bits, *times, paths, until, len(paths), found)
    return found


GROUPS = 256
"""Of `counts` and `sums`."""


def counts(groups: Array) -> Int64:
    """How many elements each group has: int64[GROUPS]. groups: uint8[n]."""
    found = np.zeros(GROUPS, np.int64)
    assert groups.dtype == np.uint8
    _call("skysql_counts", groups, len(groups), found)
    return found


def sums(groups: Array, values: Array) -> Array:
    """The sum of each group's values: float64[GROUPS]. groups: uint8[n]. values: float64[n]."""
    found = np.zeros(GROUPS, np.float64)
    assert groups.dtype == np.uint8 and values.dtype == np.float64 and len(groups) == len(values)
    _call("skysql_sums", groups, values, len(groups), found)
    return found
