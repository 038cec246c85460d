"""Patterns of events in many groups at once, by links from each event to the next. Imports numpy only.

A pattern is a row of wanted events with gaps between them. From its end backwards, each event that may be the j-th is
linked to the first event after it that may be the (j+1)-th and from which the pattern can be finished; an event without
such a link is none. So following the links from the first event that has one gives the first match (of all matches the
one whose events come first, the first event deciding before the second), and nothing is ever tried in vain: the cost is
that of one merge for each event of the pattern, whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import compiled, kernels
from ..arrays.masks import Masks, Met
from ..arrays.pending import Pending
from ..interruption import look, looking
from ..model.dtypes import Int64

_FEW = 64
"""Groups are walked one by one when this many are left: an array operation would cost more than that."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between an event of the pattern and the next: nothing if adjacent, else any events.

    least, most: of the time between the two, both included. unequal: times that it must not be.
    """

    adjacent: bool = True
    least: int = 0
    most: int = (1 << 63) - 1
    unequal: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkedMatches:
    """From every event with which a match begins the first match, m in all.

    groups: int64[m], the group of each.
    rows:   for each event of the pattern the rows of the events that are this one, ascending; int64[m] for the first.
    to:     for each event of the pattern but the last, where in the next `rows` each one's next event is.
    """

    groups: Int64
    rows: tuple[Int64, ...]
    to: tuple[Int64, ...]

    def events(self, which: Int64) -> Int64:
        """The rows of the events of some of the matches: int64[p, len(which)]."""
        found = [self.rows[0][which]]
        for rows, to in zip(self.rows[1:], self.to, strict=True):
            which = to[which]
            found.append(rows[which])
        return np.array(found)

    def lasts(self) -> Int64:
        """The row of the last event of each match."""
        which = np.arange(len(self.groups))
        for to in self.to:
            which = to[which]
        return self.rows[-1][which]


def conditions_only(starts: Int64, ts: Int64, conditions: Sequence[Int64]) -> tuple[Int64, Int64, list[Int64]]:
    """(starts, ts, conditions) without the events that meet no condition."""
    marks = np.zeros(len(ts), bool)
    for rows in conditions:
        marks[rows] = True
    events = np.flatnonzero(marks)
    ranks = kernels.Ranks(events, len(ts))
    return ranks.below(starts), ts[events], [ranks.below(rows) for rows in conditions]


def matches(
    starts: Int64, ts: Int64, candidates: Sequence[Int64], gaps: Sequence[Gap], latest: bool = False
) -> LinkedMatches:
    """The matches of a pattern of p wanted events with p-1 gaps between them.

    starts: int64[g+1]. ts: int64[n], non-decreasing within a group. candidates: the rows that may be each event, int64,
    ascending. latest: of the matches that differ in their first event only, that with the last of them will do.
    """
    of = kernels.GroupStarts(starts)
    found: list[Int64] = [candidates[-1]]
    links: list[Int64] = []
    groups: Int64 | None = None
    for left, rows, gap in looking(zip(range(len(gaps))[::-1], candidates[-2::-1], gaps[::-1], strict=True)):
        groups, linked, to = _links(starts, of, ts, rows, found[-1], gap, latest and left == 0)
        found.append(rows[linked])
        links.append(to)
    return LinkedMatches(of.of(found[-1]) if groups is None else groups, tuple(found[::-1]), tuple(links[::-1]))


def _links(
    starts: Int64, of: kernels.GroupStarts, ts: Int64, rows: Int64, later: Int64, gap: Gap, latest: bool
) -> tuple[Int64, Int64, Int64]:
    """The links from rows to the rows of `later` that may follow them: (group, index in rows, index in later).

    Each row has one to the first; or, if the latest will do, each of `later` has one from the last.
    """
    ranks = kernels.Ranks(later, len(ts))
    if latest and not (gap.adjacent or gap.least > 0 or gap.unequal):
        linked, to = kernels.nearest(kernels.Ranks(rows, len(ts)), ranks, lambda: rows + 1, lambda: later)
    else:
        to = ranks.below(rows + 1)
        if gap.least > 0 or gap.unequal:
            groups = kernels.groups_of(rows, starts)
            until = np.append(ts[later], 0)
            to = _allowed(to, groups, ts[rows], until, ranks.below(starts), gap)
        linked = np.flatnonzero(to < len(later))
        to = to[linked]
    look()
    source, target = rows[linked], later[to]
    look()
    good = np.flatnonzero(target == source + 1 if gap.adjacent else ts[target] - ts[source] <= gap.most)
    look()
    groups = of.of(source[good])
    inside = target[good] < starts[groups + 1]
    good = good[inside]
    return groups[inside], linked[good], to[good]


def _allowed(at: Int64, groups: Int64, since: Int64, until: Int64, bounds: Int64, gap: Gap) -> Int64:
    """The first index not before `at` at which the gap is neither too short nor of a refused length.

    until: the times that `at` counts, those of group g from bounds[g] on, and one more. An index beyond
    the group means that there is none.
    """

    def first_from(groups: Int64, moments: Int64) -> Int64:
        last = kernels.last_until(until, bounds, groups, moments - 1)
        return np.where(last < 0, bounds[groups], last + 1)

    if gap.least > 0:
        sooner = np.minimum(since, int(np.iinfo(np.int64).max) - gap.least)  # the sum stays within 64 bits
        at = np.maximum(at, first_from(groups, sooner + gap.least))
    for _ in gap.unequal:  # each refused length is met once at the most, as times only grow
        refused = np.flatnonzero((at < bounds[groups + 1]) & np.isin(until[at] - since, gap.unequal))
        at[refused] = first_from(groups[refused], until[at[refused]] + 1)
    return at


def count(
    starts: Int64, ts: Int64, conditions: Sequence[Met], events: Sequence[int | None], gaps: Sequence[Gap]
) -> Pending[Int64]:
    """How many matches each group has, each sought after the end of the one before: int64[g].

    Only the n events that meet a condition count. events: the condition that each event of the pattern has to meet, or
    None for any of them.
    """
    plain = len(events) <= compiled.STEPS and all(gap.least <= 0 <= gap.most and not gap.unequal for gap in gaps)
    if compiled.available() and plain:
        every = (1 << 32) - 1
        wanted = np.array([every if event is None else 1 << event for event in events], np.uint32)
        adjacent = np.array([False, *(gap.adjacent for gap in gaps)])
        most = np.array([0, *(gap.most for gap in gaps)], np.int64)
        return compiled.matches(Masks.of(conditions, len(ts)), ts, starts, wanted, adjacent, most)
    rows = [met.rows for met in conditions]
    if None in events or any(gap.adjacent for gap in gaps):
        starts, ts, rows = conditions_only(starts, ts, rows)
    found = matches(starts, ts, candidates(events, ts, rows), gaps, latest=True)
    counts = _count_apart(starts, found.groups, found.rows[0], found.lasts())
    return Pending.known(counts)


def candidates(events: Sequence[int | None], ts: Int64, conditions: Sequence[Int64]) -> list[Int64]:
    """The rows that may be each event of the pattern."""
    every = np.arange(len(ts)) if None in events else ts[:0]
    return [every if event is None else conditions[event] for event in events]


def _count_apart(starts: Int64, groups: Int64, first: Int64, last: Int64) -> Int64:
    """How many matches each group has, if each is sought after the end of the one before: int64[g].

    groups, first, last: of each match, with the rows of its first and last event; first ascends.
    """
    new = kernels.changes(last)
    size = len(starts) - 1
    if (new[1:] <= (first[1:] > last[:-1])).all():  # they overlap only with those that end with them
        return np.bincount(groups[new], minlength=size).astype(np.int64, copy=False)
    follow = np.searchsorted(first, last, side="right")
    counts = np.zeros(size, np.int64)
    bounds = np.searchsorted(first, starts)
    active = np.flatnonzero(bounds[1:] > bounds[:-1])
    at, ends = bounds[active], bounds[active + 1]
    while len(active) > _FEW:
        look()
        counts[active] += 1
        at = follow[at]
        left = np.flatnonzero(at < ends)
        active, at, ends = active[left], at[left], ends[left]
    for group, low, high in zip(active.tolist(), at.tolist(), ends.tolist(), strict=True):
        counts[group] += _walk(follow[low:high] - low)
    return counts


def _walk(follow: Int64) -> int:
    """The steps from the first element until the links leave the array."""
    links = follow.tolist()
    at = steps = 0
    while at < len(links):
        at = links[at]
        steps += 1
    return steps
