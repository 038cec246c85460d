"""Which of the algorithms of chains.py finds the chains of a funnel: a table, and what each is given.

    order     count     free    algorithm
    strict    any       any     consecutive     the very next event of the course
    any       any       any     in_any_order    of each entry, whatever step comes first
    ordered   totals    any     from_each       of each entry, as each counts
    ordered   others    yes     from_first      of the first entry of each group: no later one gets further
    ordered   others    no      furthest        of each group, all entries at once

*Free* is a funnel whose only limit is `within`, counted from an entry that is fixed, or none at all: no step is bound
to the one before, and no event is excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..model.dtypes import Int64
from . import chains
from .chains import NONE, Chains, Course, Link, Stop
from .funnel_design import FunnelDesign


@dataclass(frozen=True, slots=True)
class FunnelSearch:
    """What chains are looked for in one shard. Events are indexes of the course, ascending.

    entries: those at which a chain may begin.
    steps:   the events of each step, the optional ones among them.
    links:   between each step and the one before; of a required step, since the last that was required.
    stop:    gives the events of a step, by its number, with their groups and times.
    exactly: whether it matters which events the chains are of; else only how long they are.
    """

    design: FunnelDesign
    course: Course
    entries: Int64
    steps: Sequence[Int64]
    links: Sequence[Link]
    stop: Callable[[int], Stop]
    exactly: bool

    @property
    def later(self) -> list[Int64]:
        """The events of the required steps after the first."""
        return [self.steps[at] for at in self.design.required[1:]]

    @property
    def between(self) -> list[Link]:
        """The links before the required steps after the first."""
        return [self.links[at] for at in self.design.required[1:]]

    @property
    def free(self) -> bool:
        """Whether no later entry of a group gets further than its first."""
        fixed = self.design.entry == "first" or self.design.within is None
        return fixed and all(link.free for link in self.between)


def _consecutive(search: FunnelSearch) -> Chains:
    return chains.consecutive(search.course, search.entries, search.later, search.design.within, search.between)


def _in_any_order(search: FunnelSearch) -> Chains:
    barrier = search.links[1].barrier  # the same before each step
    return chains.in_any_order(search.course, search.entries, search.steps, search.design.within, barrier)


def _from_each(search: FunnelSearch, entries: Int64 | None = None) -> Chains:
    entries = search.entries if entries is None else entries
    return chains.from_each(search.course, entries, search.later, search.design.within, search.between)


def _from_first(search: FunnelSearch) -> Chains:
    return _from_each(search, search.entries[chains.firsts(search.course.groups.take(search.entries))])


def _furthest(search: FunnelSearch) -> Chains:
    stops = [search.stop(at) for at in search.design.required]
    if len(search.entries) != len(stops[0]):
        stops[0] = search.course.stop(search.entries)
    links = [Link(), *search.between]
    return chains.furthest(search.course, stops, search.design.within, links, search.exactly)


Algorithm = Callable[[FunnelSearch], Chains]

_ALGORITHMS: tuple[tuple[str, str | None, bool | None, Algorithm], ...] = (
    ("strict", None, None, _consecutive),
    ("any", None, None, _in_any_order),
    ("ordered", "totals", None, _from_each),
    ("ordered", None, True, _from_first),
    ("ordered", None, False, _furthest),
)
"""(order, count, free, algorithm); None stands for any. The first row that fits counts."""


def find_chains(search: FunnelSearch) -> Chains:
    """Chains with all their steps, among which is that of each unit."""
    asked = search.design.order, search.design.count, search.free
    for *pattern, algorithm in _ALGORITHMS:
        if all(wanted in (None, found) for wanted, found in zip(pattern, asked, strict=True)):
            return _with_optional(search, algorithm(search))
    raise AssertionError(asked)


# optional steps


def _with_optional(search: FunnelSearch, found: Chains) -> Chains:
    """The chains of the required steps with their optional steps, where there are any."""
    design, steps = search.design, search.steps
    if len(design.required) == len(steps):
        return found
    nothing = np.full(len(found.depth), NONE, np.int64)
    events = [nothing] * len(steps)
    for at, place in enumerate(design.required):
        events[place] = found.events[at]
    last, before = events[0], events[0]  # the step before, and the last before it that is not optional
    for at in range(1, len(steps)):
        if not design.steps[at].optional:
            before = events[at]
        else:
            after = next((events[place] for place in design.required if place > at), nothing)
            events[at] = np.where(before == NONE, NONE, _between(search, events[0], last, after, at))
        last = np.where(events[at] == NONE, last, events[at])
    return Chains(events, found.depth)


def _between(search: FunnelSearch, first: Int64, last: Int64, after: Int64, at: int) -> Int64:
    """The next event of an optional step after `last`, if it is in time; and before `after`, which may be NONE."""
    course, within = search.course, search.design.within
    found, event = chains.next_of(course, last, search.steps[at])
    found &= course.allows(last, event, search.links[at]) & ((after == NONE) | (event < after))
    if within is not None:
        found &= course.ts.take(event) - course.ts.take(first) <= within
    return np.where(found, event, NONE)


__all__ = ["FunnelSearch", "find_chains"]
