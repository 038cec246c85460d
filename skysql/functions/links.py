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


def matches(
    starts: Int64, ts: Int64, candidates: Sequence[Int64], gaps: Sequence[Gap], latest: bool = False
) -> tuple[Int64, Int64]:
    """From every event with which a match begins the first match: (its group: int64[m]; its p rows: int64[p, m]).

    The first events of the matches ascend. p is the number of wanted events, with p-1 gaps between them.
    starts: int64[g+1]. ts: int64[n], non-decreasing within a group. candidates: the rows that may be each event, int64,
    ascending. latest: of the matches that differ in their first event only, that with the last of them will do.
    """
    of = kernels.Groups(starts)
    found = candidates[-1][None]
    groups = None
    for left, rows, gap in zip(range(len(gaps))[::-1], candidates[-2::-1], gaps[::-1], strict=True):
        groups, linked, to = _links(starts, of, ts, rows, found[0], gap, latest and left == 0)
        found = np.vstack((rows[linked], found[:, to]))
    return of.of(found[0]) if groups is None else groups, found


def _links(
    starts: Int64, of: kernels.Groups, ts: Int64, rows: Int64, later: Int64, gap: Gap, latest: bool
) -> tuple[Int64, Int64, Int64]:
    """The links from rows to those of `later` that follow after the gap: (group, index in rows, index in later).

    Each row has one to the first; or, if the latest will do, each of `later` has one from the last.
    """
    ranks = kernels.Ranks(later, len(ts))
    if latest and not (gap.adjacent or gap.least > 0 or gap.unequal):
        linked, to = kernels.nearest(kernels.Ranks(rows, len(ts)), ranks, rows + 1, later - 1)
    else:
        to = ranks.below(rows + 1)
        if gap.least > 0 or gap.unequal:
            groups = kernels.groups_of(rows, starts)
            until = np.append(ts[later], 0)
            to = _allowed(to, groups, ts[rows], until, ranks.below(starts), gap)
        linked = np.flatnonzero(to < len(later))
        to = to[linked]
    rows, later = rows[linked], later[to]
    good = np.flatnonzero(later == rows + 1 if gap.adjacent else ts[later] - ts[rows] <= gap.most)
    groups = of.of(rows[good])
    inside = np.flatnonzero(later[good] < starts[groups + 1])
    good = good[inside]
    return groups[inside], linked[good], to[good]


def _allowed(at: Int64, groups: Int64, since: Int64, until: Int64, bounds: Int64, gap: Gap) -> Int64:
    """The first index not before `at` at which the gap is neither too short nor of a refused length.

    until: the times that `at` counts, those of group g from bounds[g] on, and one more. What is not in the group stands
    for none.
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


def count_apart(starts: Int64, groups: Int64, first: Int64, last: Int64) -> Int64:
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
