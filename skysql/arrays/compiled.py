"""loops.c and sums.c by ctypes: the same arrays in and out as their twins of numpy, used where they were not compiled.

    funnel     functions/funnel_levels.py, levels; reports/funnel_depths.py, counts
    matches    functions/links.py, count_apart
    retention  reports/retention.py, _Reading
    last_marks store/marks.py, Marks.last
    counts     kernels.py, group_count
    few_sums   sums.py, by_group
    many_sums  sums.py, by_group
    range_sums sums.py, by_range

ctypes, and not an extension module, because the files then need nothing of Python's: one binary does for every version
of it, and a call releases the interpreter's lock. The price is half a microsecond an argument, and that nothing checks
what is passed: so everything goes through here, where dtypes are checked. Lengths, offsets and numbers of groups are
checked in C, and one that does not fit is an InternalError: what is stored was checked when it was read
(store/blocks.py).

A long loop runs in a thread of a pool while the caller goes on to the next shards, with a Pending of what it will give.
Only the loops run there, and never anything that touches SQLite.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np

from ..errors import InternalError, Warning
from ..interruption import looking, outcome
from ..model.dtypes import Array, Int64
from .masks import Masks
from .pending import Pending

R = TypeVar("R")

_OFF = "SKYSQL_PURE"
"""The environment variable that turns the loops off, if it is not empty."""

LIMIT = 1 << 62
"""Times are within this, and windows below it; a longer window is left to the numpy twin."""

STEPS = 32
"""The most steps of a funnel, or events of a pattern."""

CROWDED = 255
"""Stands for the level of a group in which an event counts once and several at one time meet several steps."""


_DIRECT = {"counts": "array int array",
           "few_sums": "array array int int real real array array",
           "many_sums": "array int array int int int real real array array",
           "range_sums": "array int array array int real real array array"}  # fmt: skip
"""The arguments of each loop of sums.c."""


def _load() -> ctypes.CDLL | None:
    found = importlib.util.find_spec("skysql._loops")
    if os.environ.get(_OFF) or found is None or found.origin is None:
        return None
    try:
        loops = ctypes.CDLL(found.origin)
    except OSError:  # made for another machine
        return None
    types = {"array": ctypes.c_void_p, "int": ctypes.c_int64, "real": ctypes.c_double}
    for name, arguments in _DIRECT.items():
        getattr(loops, "skysql_" + name).argtypes = [types[kind] for kind in arguments.split()]
    return loops


_loops = _load()
_MISSING = _loops is None and not os.environ.get(_OFF)


def _refuse() -> NoReturn:
    raise InternalError("a compiled loop was given arrays that do not fit one another", "please report it")


def _check(holds: bool) -> None:
    """Raise InternalError if arrays do not fit one another. Not an assert, which `python -O` leaves out."""
    if not holds:
        _refuse()


def available() -> bool:
    """Whether there are compiled loops."""
    return _loops is not None


def warn_if_missing() -> None:
    """Say once what it takes to have the loops, unless they were turned off."""
    global _warned
    if not _warned and _MISSING:
        _warned = True
        warnings.warn(
            "the compiled loops are missing, and funnels, retention and sums take two to four times as long: install a"
            f" wheel, or with a C compiler; {_OFF}=1 says that they are not wanted",
            Warning,
            stacklevel=2,
        )


_warned = False


def _call(name: str, fit: bool, *arguments: Array | int | float) -> None:
    """A loop of sums.c: arrays by their addresses. fit: whether they fit one another."""
    given: list[Any] = list(arguments)
    for at, array in enumerate(arguments):
        if isinstance(array, np.ndarray):
            fits = array.flags.c_contiguous and array.flags.writeable  # what is not, _address finds a way to or refuses
            given[at] = _ANYTHING.from_buffer(array) if fits else _address(array)  # type: ignore[arg-type]
    _check(fit and not getattr(_loops, "skysql_" + name)(*given))


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


THREADS = min(_processors(), 16)
"""Loops that run at a time."""

TOGETHER = 8
"""Jobs that are handed to a thread at a time."""

AHEAD = TOGETHER * (THREADS + 2)
"""Jobs that a caller may have begun before it waits for the first of them, to keep all threads busy."""


def ahead(begun: Iterator[R]) -> Iterator[R]:
    """The same values, some of them taken beforehand, so that other threads work on them meanwhile."""
    waiting: deque[R] = deque()
    for one in looking(begun):
        waiting.append(one)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from looking(waiting)


class Job:
    """A call of one of the loops of loops.c, by its number there; the arrays live as long as it does."""

    __slots__ = ("_arguments", "made", "words")

    def __init__(self, loop: int, *arguments: Array | int | None) -> None:
        self.words = _job(loop, arguments)
        self.made: Future[None] | None = None  # once it was handed to a thread
        self._arguments = arguments
        _jobs.add(self)

    def wait(self) -> None:
        """Return when the call has been made; or raise Interrupted, and the arrays live as long as it goes on."""
        outcome(_jobs.of(self))


class _Jobs:
    """Jobs on their way to the threads, several at a time.

    A thread that comes back from a loop waits for the interpreter's lock, which the caller holds while it prepares the
    next job. With several jobs at a time, that wait is rare.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # protects:
        self._waiting: list[Job] = []
        self._pool = ThreadPoolExecutor(THREADS, "skysql-loop")

    def add(self, job: Job) -> None:
        """Have it done together with others, or when it is waited for."""
        with self._lock:
            self._waiting.append(job)
            if len(self._waiting) < TOGETHER:
                return
            self._hand_over(TOGETHER)
        time.sleep(0)  # lets go of the interpreter's lock, without which no thread can begin

    def of(self, job: Job) -> Future[None]:
        """The Future that tells when the job is done."""
        with self._lock:
            if job.made is None:
                self._hand_over(-(-len(self._waiting) // THREADS))
        assert job.made is not None
        return job.made

    def _hand_over(self, share: int) -> None:
        for first in range(0, len(self._waiting), share):
            jobs = self._waiting[first : first + share]
            made = self._pool.submit(_run, jobs, *_words([job.words for job in jobs]))
            for job in jobs:
                job.made = made
        self._waiting.clear()


def _run(_alive: object, words: Any, width: int) -> None:
    """Run jobs, and keep their arrays alive. Little is done here, as each line waits for the interpreter's lock."""
    assert _loops is not None
    _check(not _loops.skysql_run(words, ctypes.c_int64(len(words)), ctypes.c_int64(width)))


def _words(jobs: Sequence[Sequence[int]]) -> tuple[Any, int]:
    width = max(map(len, jobs))
    words = [word for job in jobs for word in (*job, *[0] * (width - len(job)))]
    return (ctypes.c_int64 * len(words))(*words), width


def _job(loop: int, arguments: Sequence[Array | int | None]) -> list[int]:
    """The words of a job: its loop, numbers, and arrays by their addresses and lengths; None is no array."""
    words = [loop]
    for value in arguments:
        if isinstance(value, int):
            words.append(value)
        else:
            words += (0, 0) if value is None else (_address(value), value.size)
    return words


def _now(loop: int, *arguments: Array | int | None) -> None:
    """Run a loop that is too short to be worth a thread."""
    _run(arguments, *_words([_job(loop, arguments)]))


_jobs = _Jobs()


def _forget_threads() -> None:
    """A child process has none of its parent's."""
    global _jobs
    _jobs = _Jobs()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def _address(array: Array) -> int:
    if not array.flags.c_contiguous:
        _refuse()
    if array.flags.writeable:
        return ctypes.addressof(_ANYTHING.from_buffer(array))  # type: ignore[arg-type]  # an array is a buffer
    address: int = array.__array_interface__["data"][0]  # four times as slow
    return address


_ANYTHING = ctypes.c_char * 0


def _after(job: Job, result: R) -> Pending[R]:
    """The arrays that a job writes into, once it has."""

    def waited() -> R:
        job.wait()
        return result

    return Pending(waited)


_FUNNEL, _MATCHES, _RETENTION, _LAST_MARKS = range(4)


def _masked(masks: Masks, ts: Int64, starts: Int64) -> tuple[Array | None, ...]:
    """The arguments with which loops over masks begin."""
    typed = ((masks.codes, np.uint8), (masks.table, np.uint32), (masks.wide, np.uint32))
    fit = all(array is None or array.dtype == dtype for array, dtype in typed)
    _check(fit and ts.dtype == starts.dtype == np.int64)
    return masks.codes, masks.table, masks.wide, ts, starts


def funnel(masks: Masks, ts: Int64, starts: Int64, steps: int, window: int, modes: int) -> Pending[Array]:
    """The most steps that each group takes, or CROWDED: uint8[g].

    ts: int64[n], non-decreasing within a group. starts: int64[g+1]. window: below LIMIT. modes: MODES, added.
    """
    levels = np.empty(len(starts) - 1, np.uint8)
    return _after(Job(_FUNNEL, *_masked(masks, ts, starts), steps, window, modes, levels), levels)


MODES = {"deduplication": 1, "order": 2, "increase": 4, "once": 8, "reentry": 16, "path": 32}
"""Of a funnel; see functions/funnel_moments.py, Rules. path: an event is of one step of a chain, and those at one time
come in the order of the path; without it, in that of their steps."""


def matches(masks: Masks, ts: Int64, starts: Int64, wanted: Array, adjacent: Array, most: Int64) -> Pending[Int64]:
    """How many matches of a pattern each group has, one after the other: int64[g].

    wanted: uint32[p], the conditions of which each event of the pattern has to meet one. For each event
    but the first: adjacent, bool[p], whether it is the very next one; most, int64[p], below LIMIT, the longest time
    since the event before.
    """
    counts = np.empty(len(starts) - 1, np.int64)
    _check(wanted.dtype == np.uint32 and adjacent.dtype == bool and most.dtype == np.int64)
    return _after(Job(_MATCHES, *_masked(masks, ts, starts), wanted, adjacent, most, counts), counts)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long they are, and where they begin: at the birth if origin is None; int64 microseconds, 1 or more.

    row_of: int64[p], the row of each period since the birth, or -1; later ones have none. rows: how many there are.
    """

    unit: int
    origin: int | None
    row_of: Int64
    rows: int

    def __post_init__(self) -> None:
        _check(self.row_of.dtype == np.int64)


@dataclass(frozen=True, slots=True)
class CohortRule:
    """How many there are, and of which one a path is: of the one of its birth's period of `unit` microseconds from
    `origin` on, or of[its number], int32[paths], -1 for none. Born at begin <= ts < end; others do not count.
    """

    number: int
    begin: int
    end: int
    unit: int = 1
    origin: int = 0
    of: Array | None = None

    def __post_init__(self) -> None:
        _check(self.of is None or self.of.dtype == np.int32)


@dataclass(frozen=True, slots=True)
class ByPath:
    """Some events of a shard, in path order: positions int32[m], ts int64[m].

    starts: int32[paths+1], where those of each path begin.
    """

    positions: Array
    starts: Array
    ts: Int64


def retention(
    first: ByPath, again: ByPath, cohorts: CohortRule, periods: Periods, on_or_after: bool
) -> Pending[tuple[Int64, Int64, Int64]]:
    """(The paths of each cohort [c], its first birth's ts [c], how many returned [c, rows]), int64 each.

    A path is born at the first of its events in `first`, and returns with those in `again` that come after that one;
    with on_or_after, its last return counts in all rows up to its own, which are then in order.
    """
    sizes, returned = np.zeros(cohorts.number, np.int64), np.zeros((cohorts.number, periods.rows), np.int64)
    earliest = np.full(cohorts.number, np.iinfo(np.int64).max)
    for events in (first, again):
        _check(events.positions.dtype == events.starts.dtype == np.int32 and events.ts.dtype == np.int64)
    job = Job(
        _RETENTION,
        *(first.positions, first.starts, first.ts, again.positions, again.starts, again.ts),
        *(cohorts.begin, cohorts.end, cohorts.of, cohorts.unit, cohorts.origin),
        *(periods.unit, periods.origin or 0, int(periods.origin is None), periods.row_of),
        *(periods.rows, int(on_or_after), sizes, earliest, returned),
    )
    return _after(job, (sizes, earliest, returned))


def last_marks(
    keys: Int64, starts: Int64, bits: int, times: tuple[int, int], paths: Int64, until: Int64
) -> Int64:
    """For each (path, moment) the place of the path's last mark that is not after the moment, or -1: int64[m].

    keys: int64[n], ascending, path << bits | time since times[0]; none is after times[1]. starts: int64[k+1], where the
    marks of each path begin. paths: int64[m], each below k; -1 is none. until: int64[m].
    """
    _check(keys.dtype == starts.dtype == paths.dtype == until.dtype == np.int64)
    found = np.empty(len(paths), np.int64)
    _now(_LAST_MARKS, keys, starts, bits, *times, paths, until, found)
    return found


GROUPS = 256
"""The most groups that `counts` and `few_sums` take."""


def counts(groups: Array) -> Int64:
    """How many elements each group has: int64[GROUPS]. groups: uint8[n]."""
    found = np.empty(GROUPS, np.int64)
    fit = groups.dtype == np.uint8
    _call("counts", fit, groups, len(groups), found)
    return found


def few_sums(groups: Array, values: Array, size: int, least: float, most: float) -> tuple[Array, Array]:
    """The sum of each group's values as high + low: float64[size] each. groups: uint8[n]. values: float64[n].

    least, most: between which the magnitudes of all values but 0 are, or 0.0 and 0.0 if that is not known.
    """
    fit = groups.dtype == np.uint8 and values.dtype == np.float64 and len(groups) == len(values)
    high, low = np.empty((2, size))
    _call("few_sums", fit, groups, values, len(values), size, least, most, high, low)
    return high, low


def many_sums(
    groups: Array, values: Array, size: int, fullest: int, least: float, most: float
) -> tuple[Array, Array]:
    """`few_sums` of any number of groups: groups int[n]. fullest: no group has more values."""
    fit = groups.dtype.kind in "ui" and values.dtype == np.float64 and len(groups) == len(values)
    high, low = np.empty((2, size))
    width = groups.dtype.itemsize
    _call("many_sums", fit, groups, width, values, len(values), size, fullest, least, most, high, low)
    return high, low


def range_sums(values: Array, lows: Int64, highs: Int64, least: float, most: float) -> tuple[Array, Array]:
    """The sums of values[lows[i]:highs[i]] as high + low: float64[r] each; the rest as of few_sums."""
    fit = values.dtype == np.float64 and lows.dtype == highs.dtype == np.int64 and len(lows) == len(highs)
    high, low = np.empty((2, len(lows)))
    _call("range_sums", fit, values, len(values), lows, highs, len(lows), least, most, high, low)
    return high, low
