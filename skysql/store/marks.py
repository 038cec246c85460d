"""The state of objects at a moment: the last event of a path up to then, looked up by path and time.

    last_until     for each of many (path, moment)
    last_of_all    of every path, for one moment
"""

from __future__ import annotations

import numpy as np

from ..arrays import compiled, kernels
from ..model.dtypes import Int64
from ..model.table import Property
from .cache import size
from .shard import Shard
from .views import path_ends


class Marks:
    """A view of a shard: some of its events, to be found by path and time. False if 63 bits do not hold a key.

    Of all events, or (given states) of those where a path begins or one of the states changes.

    events: int64[m] ascending, or None for all.
    keys: int64[m], ascending: path number << bits | microseconds since `low`, which is before the first event.
    starts: int64[k+1], where the marks of each path begin.
    """

    __slots__ = ("bits", "events", "high", "keys", "low", "starts")

    def __init__(self, shard: Shard, states: tuple[Property, ...] | None) -> None:
        ts, (_, starts), (low, high) = shard.ts(), shard.paths(), shard.time_range()
        self.low, self.high, self.bits = low - 1, high, (high - low + 1).bit_length()
        self.events: Int64 | None = None
        self.keys: Int64 | None = None
        self.starts: Int64 = starts
        if self.bits + (len(starts) - 2).bit_length() > 63:
            return
        numbers = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        if states is not None:
            events = self.events = _changed(shard, states)
            ts, numbers = ts[events], numbers[events]
            self.starts = np.searchsorted(events, starts)
        self.keys = numbers << self.bits | (ts - self.low)

    def __bool__(self) -> bool:
        return self.keys is not None

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return size((self.events, self.keys, self.starts))

    def last(self, paths: Int64, until: Int64) -> Int64:
        """For each (path, moment) the last of the events in the path up to the moment, or -1."""
        assert self.keys is not None
        if compiled.available():
            times = self.low, self.high
            at = compiled.last_marks(self.keys, self.starts, self.bits, times, paths, np.ascontiguousarray(until))
        else:
            moments = np.maximum(until, self.low)
            np.minimum(moments, self.high, out=moments)
            moments -= self.low
            at = kernels.last_keys(self.keys, self.bits, paths, moments)
        return at if self.events is None else np.where(at < 0, -1, self.events[at])

    def last_of_all(self, until: int) -> tuple[Int64, Int64]:
        """Of each path that has one, the last of the events up to the moment: (path numbers, events)."""
        assert self.keys is not None
        paths = self.keys >> self.bits
        early = self.keys - (paths << self.bits) <= max(until, self.low) - self.low
        at = kernels.last_of_all(early, np.append(paths[1:] != paths[:-1], True))
        return paths[at], at if self.events is None else self.events[at]


def _changed(shard: Shard, states: tuple[Property, ...]) -> Int64:
    """The events where a path begins or one of the states changes, ascending."""
    chosen = np.zeros(len(shard), bool)
    chosen[shard.paths()[1][:-1]] = True
    for state in states:
        chosen[shard.sparse(state).positions] = True
    return np.flatnonzero(chosen)


def last_until(shard: Shard, paths: Int64, until: Int64, states: tuple[Property, ...] | None = None) -> Int64:
    """For each (path, moment) the path's last event up to the moment, or -1: int64[m]. Path -1 is none.

    If only these states at that event matter, it may be an earlier one at which they are the same.
    """
    marks = shard.view(Marks, states)
    if marks:
        return marks.last(paths, until)
    found = kernels.last_until(shard.ts(), shard.paths()[1], np.maximum(paths, 0), until)
    return np.where(paths < 0, -1, found)


def last_of_all(shard: Shard, until: int, states: tuple[Property, ...] | None = None) -> tuple[Int64, Int64]:
    """Of each path that has one, the last event up to the moment: (path numbers, events), int64[m] each.

    states: see last_until.
    """
    marks = None if states is None else shard.view(Marks, states)
    if marks:
        return marks.last_of_all(until)
    ts, starts = shard.ts(), shard.paths()[1]
    return np.flatnonzero(ts[starts[:-1]] <= until), kernels.last_of_all(ts <= until, shard.view(path_ends))
