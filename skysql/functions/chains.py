"""Funnels over the events of many groups at once: how many steps in a row each group takes. Imports numpy only.

A chain of k steps is k events, the i-th of which meets the i-th condition, in order, all within the window. Of the
chains that end at an event only the one that begins last matters, as it has the most time left; and that begin is
monotone along a group. So each step is one look from every event that meets its condition to the last event before it
at which a chain of one step less ends: arrays that shrink from step to step.

Order. An event that meets a condition is an *entry* (time, step), one for each condition that it meets, and an event
that meets none is an entry of step 0. Entries are taken in that order, whatever the order of events at the same time;
of events with equal entries, the first to arrive comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import kernels
from .moments import Rules, level_once

Array = npt.NDArray[Any]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class _Chains:
    """The events at which a chain of some steps ends: int64[m] each, rows ascending.

    ends:  the row with which the event's group ends, itself not in it.
    begun: the time of the chain's first event.
    """

    rows: Int64
    ends: Int64
    begun: Int64
    ranks: kernels.Ranks  # of the rows

    def take(self, which: Array) -> _Chains:
        """Some of the chains."""
        return _chains(self.rows[which], self.ends[which], self.begun[which], self.ranks.n)


def _chains(rows: Int64, ends: Int64, begun: Int64, n: int) -> _Chains:
    return _Chains(rows, ends, begun, kernels.Ranks(rows, n))


def levels(starts: Int64, ts: Int64, conditions: Sequence[Int64], rules: Rules) -> Int64:
    """The most steps that each group takes: int64[g].

    starts: int64[g+1]. ts: int64[n], non-decreasing within a group. conditions: int64[m] each, ascending rows.
    """
    ties = kernels.tie_ends(ts, starts)
    alone, crowded = _repeats(len(ts), ties, conditions) if rules.once and not rules.increase else (None, None)
    reached: list[_Chains] = []
    chains = _first_step(starts, ts, conditions[0])
    while len(chains.rows):
        reached.append(chains)
        if len(reached) == len(conditions):
            break
        rows = conditions[len(reached)]
        chains = _next_step(chains, rows, _looks_back_to(rows, ties, alone, rules), ts, rules)
    if reached and (rules.order or rules.deduplication):
        firsts = [_first_of_each(chains) for chains in reached]
        level = _stopped(starts, len(ts), ties, conditions, firsts, rules)
    else:
        level = _last_reached(starts, reached)
    if crowded is not None:
        for group in np.unique(kernels.groups_of(crowded, starts)).tolist():
            low, high = int(starts[group]), int(starts[group + 1])
            level[group] = level_once(ts[low:high], _masks(low, high, conditions), len(conditions), rules)
    return level


def _first_step(starts: Int64, ts: Int64, rows: Int64) -> _Chains:
    ranks = kernels.Ranks(rows, len(ts))
    ends = np.repeat(starts[1:], np.diff(ranks.below(starts)))
    return _Chains(rows, ends, ts[rows], ranks)


def _looks_back_to(rows: Int64, ties: Int64 | None, alone: Bool | None, rules: Rules) -> Int64:
    """The last row at which a chain may end with which each of the rows goes on; ascending."""
    if rules.once and rules.increase:  # before all events of the same time
        return rows - 1 if ties is None else np.searchsorted(ties, ties[rows]) - 1
    until = rows if ties is None else ties[rows]
    return until if alone is None else np.where(alone[rows], rows - 1, until)


def _next_step(chains: _Chains, rows: Int64, until: Int64, ts: Int64, rules: Rules) -> _Chains:
    """The chains that go on with one of the rows."""
    if len(chains.rows) * 4 < len(rows):  # for each chain, the rows until the next chain
        ranks = kernels.Ranks(rows, len(ts))
        high = ranks.below(chains.ends)
        low = ranks.below(chains.rows) if until is rows else np.searchsorted(until, chains.rows)
        np.minimum(high[:-1], low[1:], out=high[:-1])
        at, of = kernels.ranges(low, high)
        rows = rows[of]
    else:  # for each row, the last chain
        skipped = int(np.searchsorted(until, chains.rows[0]))
        rows, until = rows[skipped:], until[skipped:]
        at = chains.ranks.below(until + 1) - 1
    ends, begun, times = chains.ends[at], chains.begun[at], ts[rows]
    good = times - begun <= rules.window
    good &= rows < ends
    if rules.increase and not rules.once:
        good &= ts[chains.rows[at]] < times
    kept = np.flatnonzero(good)
    return _chains(rows[kept], ends[kept], begun[kept], len(ts))


def _last_reached(starts: Int64, reached: Sequence[_Chains]) -> Int64:
    level = np.zeros(int(starts[-1]) + 1, np.int8)  # of the group that ends at a row
    for step, chains in enumerate(reached, 1):
        level[chains.ends] = step
    return np.where(starts[1:] > starts[:-1], level[starts[1:]], 0).astype(np.int64)


# stops


def _first_of_each(chains: _Chains) -> _Chains:
    """The first chain of each group that has any."""
    return chains.take(np.flatnonzero(np.diff(chains.ends, prepend=-1)))


def _stopped(
    starts: Int64, n: int, ties: Int64 | None, conditions: Sequence[Int64], firsts: Sequence[_Chains], rules: Rules
) -> Int64:
    """The steps that each group takes before the entry that stops its funnel; firsts are without regard to that.

    What is before the stop is as if there were none, so the steps taken are those first taken before it.
    """
    stops = _Stops(n, ties)
    begin = firsts[0]
    if rules.order:
        strangers = np.ones(n, bool)
        for rows in conditions:
            strangers[rows] = False
        others = np.flatnonzero(strangers)
        stops.add(np.searchsorted(others, stops.moments(begin.rows), side="right"), others, begin, 0)
    if rules.order and not rules.reentry:
        for step, rows in enumerate(conditions[2:], 3):
            before = np.full(n + 1, _NEVER)
            for first in firsts[step - 2 : step - 1]:
                before[first.ends] = stops.moments(first.rows)
            at = np.searchsorted(stops.moments(rows), stops.moments(begin.rows))
            stops.add(at, rows, begin, step, before=before)
    if rules.deduplication:
        for step, (rows, first) in enumerate(zip(conditions[1:], firsts[1:], strict=False), 2):
            stops.add(np.searchsorted(rows, first.rows, side="right"), rows, first, step, repeats=1)
    return _last_reached(starts, [stops.before(first, step) for step, first in enumerate(firsts, 1)])


class _Stops:
    """The entry that stops each group's funnel, by the row with which the group ends.

    Keys stand for entries in their order; a repetition gets the key between that of its step and the next.
    """

    def __init__(self, n: int, ties: Int64 | None) -> None:
        self._ties = ties
        self._keys = np.full(n + 1, _NEVER)

    def moments(self, rows: Int64) -> Int64:
        """A number for each row: one for all events of a group at one time, and ascending with time."""
        return rows if self._ties is None else self._ties[rows]

    def _key(self, moments: Int64, step: int) -> Int64:
        return (moments * 64 + step) * 2

    def add(
        self, at: Int64, rows: Int64, of: _Chains, step: int, repeats: int = 0, before: Int64 | None = None
    ) -> None:
        """The groups of these chains stop at rows[at] at the latest, if that is in the group, and before a moment."""
        inside = np.flatnonzero(at < len(rows))
        found, ends = rows[at[inside]], of.ends[inside]
        good = found < ends
        if before is not None:
            good &= self.moments(found) < before[ends]
        keys, ends = self._key(self.moments(found[good]), step) + repeats, ends[good]
        self._keys[ends] = np.minimum(self._keys[ends], keys)

    def before(self, chains: _Chains, step: int) -> _Chains:
        """Those of the chains (of one event a group) that come before the group's stop."""
        return chains.take(np.flatnonzero(self._key(self.moments(chains.rows), step) < self._keys[chains.ends]))


# events that meet two conditions, when an event counts once


def _repeats(n: int, ties: Int64 | None, conditions: Sequence[Int64]) -> tuple[Bool | None, Int64 | None]:
    """The events that meet several conditions: bool[n] of those which no event with a condition shares its time with,
    and the rows of the others; None for none.
    """
    counts = np.zeros(n, np.uint8)
    for rows in conditions:
        counts[rows] += 1
    alone = counts > 1
    if not alone.any():
        return None, None
    if ties is None:
        return alone, None
    rows = np.flatnonzero(alone)
    until = np.cumsum(counts > 0)
    first = np.searchsorted(ties, ties[rows])
    crowded = rows[until[ties[rows]] - until[first] + (counts[first] > 0) > 1]
    alone[crowded] = False
    return alone, crowded if len(crowded) else None


def _masks(low: int, high: int, conditions: Sequence[Int64]) -> list[int]:
    """For each row of low ... high-1 the conditions that it meets, as bits."""
    masks = np.zeros(high - low, np.int64)
    for bit, rows in enumerate(conditions):
        inside = rows[np.searchsorted(rows, low) : np.searchsorted(rows, high)]
        masks[inside - low] |= 1 << bit
    return masks.tolist()
