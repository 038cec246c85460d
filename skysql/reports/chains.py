"""How paths run through steps: arrays in, arrays out. Imports numpy and kernels only.

A *course* is m events in groups: paths, sessions, or the events of a path that share a value. Events of a group lie
side by side, in path order. A *chain* of k steps is events e1 < e2 < ... < ek of one group, each among the events of
its step, with

    ts(ei) - ts(e1) <= within                                     for every i
    ts(ei) - ts(ei-1) <= links[i].within                          for every i > 1
    none of the events of links[i].barrier lies between ei-1 and ei

Two facts make one pass enough. Forwards: of all chains of k steps that end at e, the one that goes through the last
event before e that ends a chain of k-1 steps has the latest start, and the nearest neighbour; if any chain meets the
conditions, that one does. Backwards: of two chains of k steps in a group, the earlier event at each step makes a chain
again; so there is *the earliest chain*, none of whose events could be earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..arrays import kernels
from ..interruption import look, looking, patiently
from ..model.dtypes import Array, Bool, Int64

NONE = -1
"""Stands for the event of a step that a chain does not have."""

_LOWER = (np.uint64(1) << np.arange(64, dtype=np.uint64)) - np.uint64(1)
"""At index n, a word whose n lowest bits are set."""


class StepRanks:
    """How many of some places lie below any place: a bit a place, and how many bits are set before each 64 of them.

    positions: int64[p], distinct, below `size`. Takes 4 ns a question, where a binary search takes 25.
    """

    def __init__(self, positions: Int64, size: int) -> None:
        marked = np.zeros((size >> 6) + 1 << 6, bool)
        marked[positions] = True
        self._words: npt.NDArray[np.uint64] = np.packbits(marked, bitorder="little").view(np.uint64)
        counts = np.bitwise_count(self._words)
        self._before = np.zeros(len(counts), np.int64)
        np.cumsum(counts[:-1], out=self._before[1:])

    def below(self, places: Int64) -> Int64:
        """For each place, 0 ... size, the number of positions smaller than it: int64[len(places)]."""
        at = places >> 6
        lower = _LOWER.take(places & 63)
        lower &= self._words.take(at)
        lower_bits: Int64 = self._before.take(at) + np.bitwise_count(lower)
        return lower_bits


def below(positions: Int64, places: Int64, size: int) -> Int64:
    """The number of positions smaller than each place; positions ascending, below `size`."""
    if len(places) * 64 < size:
        return np.searchsorted(positions, places).astype(np.int64, copy=False)
    return StepRanks(positions, size).below(places)


@dataclass(frozen=True, slots=True)
class Link:
    """What two neighbouring steps have to keep: the time between them, in microseconds, and events not between them.

    barrier: ranks of places, in path order.
    """

    within: int | None = None
    barrier: StepRanks | None = None

    @property
    def free(self) -> bool:
        """Whether any later event may follow."""
        return self.within is None and self.barrier is None


@dataclass(frozen=True, slots=True)
class Stop:
    """The events of a course that are of one step: ascending indexes int64[s], their groups int[s] and ts int64[s]."""

    events: Int64
    groups: Array
    ts: Int64

    def __len__(self) -> int:
        return len(self.events)

    def take(self, chosen: Int64) -> Stop:
        """These of the events, by their places among them."""
        return Stop(self.events.take(chosen), self.groups.take(chosen), self.ts.take(chosen))


@dataclass(frozen=True, slots=True)
class Course:
    """m events in groups.

    ts:     int64[m], non-decreasing within a group.
    groups: int[m], non-decreasing.
    places: int64[m], where each event lies in path order, ascending within a group; None if that is its index.
    """

    ts: Int64
    groups: Array
    places: Int64 | None = None

    def __len__(self) -> int:
        return len(self.ts)

    def stop(self, events: Int64) -> Stop:
        """These events as those of a step."""
        return Stop(events, self.groups.take(events), self.ts.take(events))

    def place(self, events: Int64) -> Int64:
        """Where these events lie in path order; NONE stays."""
        if self.places is None:
            return events
        return np.where(events == NONE, NONE, self.places.take(events))

    def allows(self, before: Int64, after: Int64, link: Link) -> Bool:
        """Where the events `after` may follow those `before` as the next step: bool[len(after)]."""
        allowed = np.ones(len(after), bool)
        if link.within is not None:
            allowed = self.ts.take(after) - self.ts.take(before) <= link.within
        if link.barrier is not None:
            before, after = self.place(before), self.place(after)
            allowed &= link.barrier.below(before + 1) == link.barrier.below(after)
        return allowed


@dataclass(slots=True)
class Chains:
    """c chains: the event at each step, int64[c], NONE from where the chain ends; and how many steps it has: int64[c].

    The chains are in order of their groups.
    """

    events: list[Int64]
    depth: Int64

    def take(self, chosen: Array) -> Chains:
        """These chains."""
        return Chains([events[chosen] for events in self.events], self.depth[chosen])


def firsts(numbers: Array) -> Int64:
    """The index of the first of each run of equal numbers."""
    if len(numbers) == 0:
        return np.zeros(0, np.int64)
    changes = np.flatnonzero(numbers[1:] != numbers[:-1])
    first = np.zeros(len(changes) + 1, np.int64)
    np.add(changes, 1, out=first[1:])
    return first


# in order, the best start


@dataclass(frozen=True, slots=True)
class _Reached:
    """Events that end a chain of k steps: their indexes, groups, and the latest start of such a chain (its ts).

    first: where each group begins among them.
    """

    events: Int64
    groups: Array
    origins: Int64
    first: Int64

    @classmethod
    def of(cls, events: Int64, groups: Array, origins: Int64) -> _Reached:
        return cls(events, groups, origins, firsts(groups))


def furthest(
    course: Course, steps: Sequence[Stop], within: int | None, links: Sequence[Link], exact: bool = True
) -> Chains:
    """Of each group that has an event of the first step, the earliest of its longest chains.

    links[i] is between steps i-1 and i; links[0] is not looked at. With exact=False only the number of steps is right,
    which is enough to count: any events stand for them.
    """
    reached = [_Reached.of(steps[0].events, steps[0].groups, steps[0].ts)]
    size = int(course.groups[-1]) + 1 if len(course) else 0
    for step, link in looking(zip(steps[1:], links[1:], strict=True)):
        reached.append(_advance(course, reached[-1], step, within, link))
    depth, end = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for k, there in enumerate(reached, 1):
        groups = there.groups.take(there.first)
        depth[groups] = k
        end[groups] = there.events.take(there.first)
    first = reached[0].first
    if not exact:
        depth, end = (values.take(steps[0].groups.take(first)) for values in (depth, end))
        return Chains([np.where(depth > at, end, NONE) for at in range(len(steps))], depth)
    if all(link.free for link in links[1:]):
        return _earliest(course, steps[0], first, [step.events for step in steps], within, depth, end)
    useful = _useful(course, reached, links, depth, end)
    stop = course.stop(useful[0])
    return _earliest(course, stop, firsts(stop.groups), useful, within, depth, end)


def _advance(course: Course, reached: _Reached, step: Stop, within: int | None, link: Link) -> _Reached:
    """The events of the next step that end a chain."""
    before = reached.events
    if len(before) == 0:
        return reached
    if len(reached.first) * 4 < int(course.groups[-1]):  # few groups are left: look at no others
        alive = np.zeros(int(course.groups[-1]) + 1, bool)
        alive[reached.groups.take(reached.first)] = True
        step = step.take(np.flatnonzero(alive.take(step.groups)))
    cut = int(np.searchsorted(step.events, before[0], "right"))
    step = Stop(step.events[cut:], step.groups[cut:], step.ts[cut:])
    at = below(before, step.events, len(course)) - 1
    valid = reached.groups.take(at) == step.groups
    if within is not None:
        valid &= step.ts - reached.origins.take(at) <= within
    if not link.free:
        valid &= course.allows(before.take(at), step.events, link)
    chosen = np.flatnonzero(valid)
    origins = reached.origins.take(at.take(chosen))
    return _Reached.of(step.events.take(chosen), step.groups.take(chosen), origins)


def _useful(
    course: Course, reached: Sequence[_Reached], links: Sequence[Link], depth: Int64, end: Int64
) -> list[Int64]:
    """The events of each step that lie on a longest chain of their group."""
    kept: list[Int64] = []
    for k in range(len(reached), 0, -1):
        there = reached[k - 1]
        useful = (depth.take(there.groups) == k) & (end.take(there.groups) == there.events)
        if kept:
            found, following = next_of(course, there.events, kept[0])
            useful |= found & course.allows(there.events, following, links[k])
        kept.insert(0, there.events[useful])
    return kept


def _earliest(
    course: Course,
    starts: Stop,
    first: Int64,
    steps: Sequence[Int64],
    within: int | None,
    depth: Int64,
    end: Int64,
) -> Chains:
    """The earliest chains to the ends that were found. All events of `steps` lead there, but perhaps too late.

    first: where each group begins among the starts.
    """
    groups = starts.groups.take(first)
    depth, end = depth.take(groups), end.take(groups)
    low = first.copy()
    if within is not None:
        until = course.ts.take(end) - within - 1
        late = np.flatnonzero(starts.ts.take(first) <= until)
        low[late] = kernels.last_until(starts.ts, np.append(first, len(starts)), late, until.take(late)) + 1
    chain = [starts.events.take(low)]
    for k, step in looking(enumerate(steps[1:], 2)):
        events = np.where(depth == k, end, NONE)
        further = np.flatnonzero(depth > k)
        if len(further):
            events[further] = step.take(below(step, chain[-1][further] + 1, len(course)))
        chain.append(events)
    return Chains(chain, depth)


# in order, a chain for each start


def from_each(
    course: Course, starts: Int64, steps: Sequence[Int64], within: int | None, links: Sequence[Link]
) -> Chains:
    """Of each start, the earliest of the longest chains that begin there. steps: those after the first."""
    if all(link.free for link in links):
        return _greedy(course, starts, steps, within)
    chain = [starts, *(np.full(len(starts), NONE, np.int64) for _ in steps)]
    depth = np.ones(len(starts), np.int64)
    open_ = np.arange(len(starts))  # the starts whose chain is not known yet
    for last in looking(range(len(steps), 0, -1)):
        useful, arrivals = _leading(course, steps[:last], links)
        for at, events in enumerate(_through(course, starts[open_], useful, arrivals, within, links[0]), 1):
            chain[at][open_] = events
        complete = chain[last][open_] != NONE
        depth[open_[complete]] = last + 1
        open_ = open_[~complete]
    return Chains(chain, depth)


def _greedy(course: Course, starts: Int64, steps: Sequence[Int64], within: int | None) -> Chains:
    """Where only the time since the start matters, the next event of each step is as good as any."""
    chain = [starts]
    depth = np.ones(len(starts), np.int64)
    alive = np.arange(len(starts))
    for step in looking(steps):
        events = np.full(len(starts), NONE, np.int64)
        found, following = next_of(course, chain[-1][alive], step)
        look()
        if within is not None:
            found &= course.ts.take(following) - course.ts.take(starts[alive]) <= within
        look()
        alive = alive[found]
        events[alive] = following[found]
        depth[alive] += 1
        chain.append(events)
    return Chains(chain, depth)


def next_of(course: Course, events: Int64, step: Int64, skip: int = 1) -> tuple[Bool, Int64]:
    """The next event of the step after each event (with skip 0, or at it), and where there is one in its group."""
    if len(step) == 0:
        return np.zeros(len(events), bool), events
    at = below(step, events + skip, len(course))
    look()
    following = step.take(np.minimum(at, len(step) - 1))
    look()
    return (at < len(step)) & (course.groups.take(following) == course.groups.take(events)), following


def _leading(course: Course, steps: Sequence[Int64], links: Sequence[Link]) -> tuple[list[Int64], Int64]:
    """For each step the events from which links lead to the last step; and for each event of the first, when the
    earliest of its chains gets there.
    """
    kept, arrivals = [steps[-1]], course.ts.take(steps[-1])
    for at in range(len(steps) - 2, -1, -1):
        found, following = next_of(course, steps[at], kept[0])
        found &= course.allows(steps[at], following, links[at + 1])
        arrivals = arrivals.take(below(kept[0], following[found], len(course)))
        kept.insert(0, steps[at][found])
    return kept, arrivals


def _through(
    course: Course, starts: Int64, steps: Sequence[Int64], arrivals: Int64, within: int | None, link: Link
) -> list[Int64]:
    """The events of the steps in the earliest chain from each start to the last step; NONE where there is none."""
    found, following = next_of(course, starts, steps[0])
    found &= course.allows(starts, following, link)
    if within is not None and len(arrivals):
        places = below(steps[0], following, len(course))
        found &= arrivals.take(np.minimum(places, len(arrivals) - 1)) - course.ts.take(starts) <= within
    chain = [np.where(found, following, NONE)]
    for step in steps[1:]:
        events = np.full(len(starts), NONE, np.int64)
        events[found] = next_of(course, chain[-1][found], step)[1]
        chain.append(events)
    return chain


# other orders


def consecutive(
    course: Course, starts: Int64, steps: Sequence[Int64], within: int | None, links: Sequence[Link]
) -> Chains:
    """Of each start, the chain of events that follow one another directly. Groups need not lie side by side."""
    chain = [starts]
    depth = np.ones(len(starts), np.int64)
    alive = np.arange(len(starts))
    for step, link in looking(zip(steps, links, strict=True)):
        of_step = np.zeros(len(course) + 1, bool)
        of_step[step] = True
        events = np.full(len(starts), NONE, np.int64)
        here = chain[-1][alive]
        alive = alive[of_step.take(here + 1)]
        here = chain[-1][alive]
        valid = (course.groups.take(here + 1) == course.groups.take(here)) & course.allows(here, here + 1, link)
        if within is not None:
            valid &= course.ts.take(here + 1) - course.ts.take(starts[alive]) <= within
        alive = alive[valid]
        events[alive] = here[valid] + 1
        depth[alive] += 1
        chain.append(events)
    return Chains(chain, depth)


def in_any_order(
    course: Course, starts: Int64, steps: Sequence[Int64], within: int | None, barrier: StepRanks | None
) -> Chains:
    """Of each start, the first event of each step from there on, earliest first; the start does its own step."""
    unreached = len(course)
    done = np.full((len(steps), len(starts)), unreached, np.int64)
    for row, step in looking(zip(done, steps, strict=True)):
        found, following = next_of(course, starts, step, 0)
        look()
        if within is not None:
            found &= course.ts.take(following) - course.ts.take(starts) <= within
        look()
        found &= (following == starts) | course.allows(starts, following, Link(None, barrier))
        row[found] = following[found]
    look()
    depth = np.count_nonzero(done != unreached, axis=0)
    patiently(np.ndarray.sort, done, axis=0)
    return Chains(list(np.where(done == unreached, NONE, done)), depth)


# choosing


def choose(units: Array, depth: Int64, places: Int64) -> Int64:
    """Of each unit the chain with the most steps, and of those the first by place: int64, ascending.

    units: int[c], non-decreasing.
    """
    runs = firsts(units)
    if len(runs) == len(units):
        return runs
    lengths = np.diff(np.append(runs, len(units)))
    look()
    longest = np.flatnonzero(depth == np.repeat(np.maximum.reduceat(depth, runs), lengths))
    look()
    runs = firsts(units[longest])
    lengths = np.diff(np.append(runs, len(longest)))
    look()
    chosen: Int64 = longest[places[longest] == np.repeat(np.minimum.reduceat(places[longest], runs), lengths)]
    return chosen
