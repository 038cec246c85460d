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
import numpy.typing as npt

from .. import kernels

Int64 = npt.NDArray[np.int64]

_FEW = 64
"""Groups that are walked one by one: with fewer, an array operation costs more than it does at once."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between an event of the pattern and the next: nothing if adjacent, else any events.

    least, most: of the time between the two, both included. unequal: times that it must not be.
    """

    adjacent: bool = True
    least: int = 0
    most: int = 1 << 62
    unequal: tuple[int, ...] = ()


def conditions_only(starts: Int64, ts: Int64, conditions: Sequence[Int64]) -> tuple[Int64, Int64, list[Int64]]:
    """(starts, ts, conditions) without the events that meet no condition."""
    marks = np.zeros(len(ts), bool)
    for rows in conditions:
        marks[rows] = True
    events = np.flatnonzero(marks)
    ranks = kernels.Ranks(events, len(ts))
    return ranks.below(starts), ts[events], [ranks.below(rows) for rows in conditions]


def matches(starts: Int64, ts: Int64, candidates: Sequence[Int64], gaps: Sequence[Gap]) -> Int64:
    """From every event with which a match begins the first match: int64[p, m], the rows of its events.

    The first events of the m matches ascend. p is the number of wanted events, with p-1 gaps between them.
    starts: int64[g+1]. ts: int64[n], non-decreasing within a group. candidates: the rows that may be each event, int64,
    ascending.
    """
    found = candidates[-1][None]
    for rows, gap in zip(candidates[-2::-1], gaps[::-1], strict=True):
        linked, to = _links(starts, ts, rows, found[0], gap)
        found = np.vstack((rows[linked], found[:, to]))
    return found


def _links(starts: Int64, ts: Int64, rows: Int64, later: Int64, gap: Gap) -> tuple[Int64, Int64]:
    """(the indexes of rows which one of `later` follows after the gap; the index in `later` of the first that does)."""
    lengths = np.diff(kernels.bounds_of(rows, starts))
    ends = np.repeat(starts[1:], lengths)
    at = kernels.Ranks(later, len(ts)).below(rows + 1)
    targets = np.append(later, len(ts))  # the last stands for none
    if gap.adjacent:
        linked = np.flatnonzero((targets[at] == rows + 1) & (rows + 1 < ends))
        return linked, at[linked]
    since, until = ts[rows], np.append(ts[later], 0)
    if gap.least > 0 or gap.unequal:
        groups = np.repeat(np.arange(len(lengths)), lengths)
        at = _allowed(at, groups, since, until, kernels.bounds_of(later, starts), gap)
    good = until[at] - since <= gap.most
    good &= targets[at] < ends
    linked = np.flatnonzero(good)
    return linked, at[linked]


def _allowed(at: Int64, groups: Int64, since: Int64, until: Int64, bounds: Int64, gap: Gap) -> Int64:
    """The first index not before `at` at which the gap is neither too short nor of a refused length.

    until: the times that at counts, those of group g from bounds[g] on. What is beyond a group stands for none.
    """

    def first_from(groups: Int64, moments: Int64) -> Int64:
        last = kernels.last_until(until, bounds, groups, moments - 1)
        return np.where(last < 0, bounds[groups], last + 1)

    if gap.least > 0:
        at = np.maximum(at, first_from(groups, since + gap.least))
    for _ in gap.unequal:  # each comes up once at the most, as what comes after is later
        refused = np.flatnonzero((at < bounds[groups + 1]) & np.isin(until[at] - since, gap.unequal))
        at[refused] = first_from(groups[refused], until[at[refused]] + 1)
    return at


def first_of_each(starts: Int64, found: Int64) -> tuple[Int64, Int64]:
    """(the groups that have a match, ascending; the rows of the first match of each, int64[p, groups])."""
    bounds = kernels.bounds_of(found[0], starts)
    groups = np.flatnonzero(bounds[1:] > bounds[:-1])
    return groups, found[:, bounds[groups]]


def count_apart(starts: Int64, first: Int64, last: Int64) -> Int64:
    """How many matches each group has, if each is sought after the end of the one before: int64[g].

    first, last: the rows of the first and last event of each match, first ascending.
    """
    bounds = kernels.bounds_of(first, starts)
    new = np.ones(len(first), bool)
    np.not_equal(last[1:], last[:-1], out=new[1:])
    if (first[1:] > last[:-1])[new[1:]].all():  # they overlap only with those that end with them
        count = np.append(0, np.cumsum(new))
        return np.diff(count[bounds])
    follow = np.searchsorted(first, last, side="right")
    counts = np.zeros(len(starts) - 1, np.int64)
    active = np.flatnonzero(bounds[1:] > bounds[:-1])
    at, ends = bounds[active], bounds[active + 1]
    while len(active) > _FEW:
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
