"""Funnels over the events of many groups at once: how many steps in a row each group takes. Imports numpy only.

A chain of k steps is k events, the i-th of which meets the i-th condition, in order, all within the window. Of the
chains that end at an event only the one that begins last matters, as it has the most time left; and that begin is
monotone along a group. So an event needs to be tried with one chain only, the last before it. And a chain needs to be
tried with one event only, the first after it: whatever can follow a later event can follow the first one, too.

    events, in order of time     A  A  B  B  A  B
    chains of one step (A)       1  2        3
    events of the next step (B)        a  b     c
    pairs that are tried: 2a, 3c. Not 1a, as 2 begins later than 1; not 2b, as a comes before b.

Those are the pairs of a chain and an event with no other chain and no other event between them: arrays that shrink from
step to step.

Order. An event that meets a condition is an *entry* (time, step), one for each condition that it meets, and an event
that meets none is an entry of step 0. Entries are taken in that order, whatever the order of events at the same time;
of events with equal entries, the first to arrive comes first.

A compiled loop over the events (loops.c) says the same, and faster. reports/funnel_chains.py has a table of which
funnel runs when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import compiled, kernels
from ..arrays.masks import Masks, Met
from ..arrays.pending import Pending
from ..interruption import looking
from ..model.dtypes import Array, Bool, Int64
from .funnel_moments import Rules, level_once

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class _Chains:
    """Chains of one number of steps: int64[m] each.

    rows:  the events at which they end, ascending, each once.
    begun: the events with which they began.
    """

    rows: Int64
    begun: Int64
    ranks: kernels.Ranks  # of the rows


@dataclass(frozen=True, slots=True)
class _Reached:
    """The groups that take some step, ascending, and the rows at which they do; several for a group, or the first."""

    groups: Int64
    rows: Int64

    def first(self) -> _Reached:
        """Each group once."""
        new = np.flatnonzero(kernels.changes(self.groups))
        return _Reached(self.groups[new], self.rows[new])


def levels(starts: Int64, ts: Int64, conditions: Sequence[Met], rules: Rules) -> Pending[Array]:
    """The most steps that each group takes: uint8[g].

    starts: int64[g+1]. ts: int64[n], non-decreasing within a group. conditions: over the n events.
    """
    if compiled.available() and rules.window < compiled.LIMIT:
        modes = sum(bit for mode, bit in compiled.MODES.items() if getattr(rules, mode, False))
        levels = compiled.funnel(Masks.of(conditions, len(ts)), ts, starts, len(conditions), rules.window, modes)

        def finish(level: Array) -> Array:
            crowded = np.flatnonzero(level == compiled.CROWDED).tolist() if rules.once else []
            return _with_crowded(level, crowded, starts, ts, conditions, rules)

        return levels.then(finish)
    level, crowded = _by_arrays(starts, ts, [met.rows for met in conditions], rules)
    return Pending(lambda: _with_crowded(level, crowded, starts, ts, conditions, rules))


def _with_crowded(
    level: Array, crowded: list[int], starts: Int64, ts: Int64, conditions: Sequence[Met], rules: Rules
) -> Array:
    """The levels, with those of crowded groups (see _Order)."""
    for group in looking(crowded):
        low, high = int(starts[group]), int(starts[group + 1])
        masks = _masks(low, high, [met.rows for met in conditions])
        level[group] = level_once(ts[low:high], masks, len(conditions), rules)
    return level


def _by_arrays(starts: Int64, ts: Int64, conditions: Sequence[Int64], rules: Rules) -> tuple[Array, list[int]]:
    """(levels, the groups that are crowded), without a loop over events."""
    order = _Order(starts, ts, conditions, rules)
    groups = kernels.GroupStarts(starts)
    chains = _Chains(conditions[0], conditions[0], kernels.Ranks(conditions[0], len(ts)))
    reached = [_first_reached(chains, starts)]
    for rows in looking(conditions[1:]):
        if len(chains.rows) == 0:
            break
        chains = _next_step(chains, rows, ts, order, rules)
        of = groups.of(chains.rows)
        inside = np.flatnonzero(chains.begun >= starts[of])
        chains = _chosen(chains, inside)
        reached.append(_Reached(of[inside], chains.rows))
    if rules.order or rules.deduplication:
        reached = _unstopped(starts, order, conditions, [step.first() for step in reached], rules)
    level = np.zeros(len(starts) - 1, np.uint8)
    for number, step in enumerate(reached, 1):
        level[step.groups] = number
    return level, sorted(set(groups.of(order.crowded).tolist()))


def _first_reached(chains: _Chains, starts: Int64) -> _Reached:
    bounds = chains.ranks.below(starts)
    groups = np.flatnonzero(bounds[1:] > bounds[:-1])
    return _Reached(groups, chains.rows[bounds[groups]])


def _chosen(chains: _Chains, which: Int64) -> _Chains:
    rows = chains.rows[which]
    return _Chains(rows, chains.begun[which], kernels.Ranks(rows, chains.ranks.n))


def _next_step(chains: _Chains, rows: Int64, ts: Int64, order: _Order, rules: Rules) -> _Chains:
    """Chains one step longer, each by one of the rows. Groups are not looked at: a row may be in another one."""
    every = rules.increase and not rules.once  # whether each row goes on with the last chain, and not only the first
    if every:
        rows = rows[np.searchsorted(rows, order.first(chains.rows[:1])[0]) :]  # before it there is no chain
        at, of = chains.ranks.below(order.until(rows)) - 1, np.arange(len(rows))
    else:
        ranks = kernels.Ranks(rows, len(ts))
        at, of = kernels.nearest(chains.ranks, ranks, lambda: order.after(chains.rows), lambda: order.until(rows))
    found = _Chains(rows[of], chains.begun[at], chains.ranks)
    times = ts[found.rows]
    good = times - ts[found.begun] <= rules.window
    if every:
        good &= ts[chains.rows[at]] < times
    return _chosen(found, np.flatnonzero(good))


class _Order:
    """Which rows may follow which in a chain, and which come at the same time.

    Where an event counts once (strict_once), an event that meets several conditions cannot follow itself:

    alone:   such events that share their time with no other event of any condition. Another row has to follow them.
    crowded: the other such events. Their groups are left to funnel_moments.
    """

    def __init__(self, starts: Int64, ts: Int64, conditions: Sequence[Int64], rules: Rules) -> None:
        firsts, lasts = kernels.tie_runs(ts, starts)
        self._first = kernels.first_of_runs(firsts, lasts, len(ts)) if len(firsts) else None
        self._last = kernels.last_of_runs(firsts, lasts, len(ts)) if len(firsts) else None
        self._later = rules.once and rules.increase
        self._alone: Bool | None = None
        self.crowded = firsts[:0]
        if rules.once and not rules.increase:
            self._alone, self.crowded = _repeats(self._first, self._last, len(ts), conditions)

    def first(self, rows: Int64) -> Int64:
        """The first row of the same time and group."""
        return rows if self._first is None else self._first[rows]

    def last(self, rows: Int64) -> Int64:
        """The last row of the same time and group."""
        return rows if self._last is None else self._last[rows]

    def after(self, rows: Int64) -> Int64:
        """The row from which on others may go on with a chain that ends at the row."""
        if self._later:
            return self.last(rows) + 1
        return self.first(rows) if self._alone is None else np.where(self._alone[rows], rows + 1, self.first(rows))

    def until(self, rows: Int64) -> Int64:
        """The row before which a chain has to end that goes on with the row."""
        if self._later:
            return self.first(rows)
        until = self.last(rows) + 1
        return until if self._alone is None else np.where(self._alone[rows], rows, until)


# stops


def _unstopped(
    starts: Int64, order: _Order, conditions: Sequence[Int64], firsts: Sequence[_Reached], rules: Rules
) -> list[_Reached]:
    """The steps that groups take before the entry that stops their funnel.

    Until then a funnel goes on as if there were no stop; so a step counts if its first event comes before the stop.
    """
    stops = _Stops(starts, order)
    begin = firsts[0]
    if rules.order:
        strangers = np.ones(int(starts[-1]), bool)
        for rows in conditions:
            strangers[rows] = False
        others = np.flatnonzero(strangers)
        stops.add(np.searchsorted(others, order.last(begin.rows), side="right"), others, begin.groups, 0)
    if rules.order and not rules.reentry:
        for step, rows in enumerate(conditions[2:], 3):
            before = np.full(len(starts) - 1, _NEVER)
            for first in firsts[step - 2 : step - 1]:
                before[first.groups] = order.first(first.rows)
            at = np.searchsorted(rows, order.first(begin.rows))
            stops.add(at, rows, begin.groups, step, before=before)
    if rules.deduplication:
        for step, (rows, first) in enumerate(zip(conditions[1:], firsts[1:], strict=False), 2):
            stops.add(np.searchsorted(rows, first.rows, side="right"), rows, first.groups, step, repeats=1)
    return [stops.before(first, step) for step, first in enumerate(firsts, 1)]


class _Stops:
    """The entry that stops the funnel of each group.

    Keys stand for entries in their order; a repetition gets the key between that of its step and the next.
    """

    def __init__(self, starts: Int64, order: _Order) -> None:
        self._starts = starts
        self._order = order
        self._keys = np.full(len(starts) - 1, _NEVER)

    def _key(self, rows: Int64, step: int) -> Int64:
        return (self._order.first(rows) * 64 + step) * 2

    def add(
        self, at: Int64, rows: Int64, groups: Int64, step: int, repeats: int = 0, before: Int64 | None = None
    ) -> None:
        """These groups stop at rows[at] at the latest, if that is in the group, and before a row."""
        inside = np.flatnonzero(at < len(rows))
        found, groups = rows[at[inside]], groups[inside]
        good = found < self._starts[groups + 1]
        if before is not None:
            good &= found < before[groups]
        keys, groups = self._key(found[good], step) + repeats, groups[good]
        self._keys[groups] = np.minimum(self._keys[groups], keys)

    def before(self, reached: _Reached, step: int) -> _Reached:
        """The groups whose first event of the step comes before their stop."""
        good = self._key(reached.rows, step) < self._keys[reached.groups]
        return _Reached(reached.groups[good], reached.rows[good])


# events that meet two conditions, when an event counts once


def _repeats(first: Int64 | None, last: Int64 | None, n: int, conditions: Sequence[Int64]) -> tuple[Bool | None, Int64]:
    """The events that meet several conditions: bool[n] of those that share their time with no other event of any (None
    if there are none at all), and the rows of the others. first, last: of the events at each event's time.
    """
    counts = np.zeros(n, np.uint8)
    for rows in conditions:
        counts[rows] += 1
    alone = counts > 1
    rows = np.flatnonzero(alone)
    if len(rows) == 0:
        return None, rows
    if first is None or last is None:
        return alone, rows[:0]
    until = np.cumsum(counts > 0)
    crowded = rows[until[last[rows]] - until[first[rows]] + (counts[first[rows]] > 0) > 1]
    alone[crowded] = False
    return alone, crowded


def _masks(low: int, high: int, conditions: Sequence[Int64]) -> Int64:
    """For each row of low ... high-1 the conditions that it meets, as bits."""
    masks = np.zeros(high - low, np.int64)
    for bit, rows in enumerate(conditions):
        inside = rows[np.searchsorted(rows, low) : np.searchsorted(rows, high)]
        masks[inside - low] |= 1 << bit
    return masks
