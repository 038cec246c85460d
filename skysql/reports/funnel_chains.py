"""A funnel over the paths of one shard: from a design to the chains that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Vector, compact_codes, joined
from ..interruption import looking, patiently
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION
from ..store.shard import Shard
from . import chains
from .chains import NONE, Chains, Course, Link, StepRanks, Stop
from .funnel_design import FunnelDesign
from .report import Call
from .subject import may_equal

NEVER = int(np.iinfo(np.int64).min)
"""The time of a step that was not done."""


@dataclass(slots=True)
class Counted:
    """The u chains that count in one shard: a partial of a funnel.

    objects:  int64[u]. sessions: int64[u], numbers from 1 within the path, or None.
    segments: their values, or None without "by".
    times:    int64[u] for each step, NEVER where it was not done.
    """

    objects: Int64
    sessions: Int64 | None
    segments: Vector | None
    times: list[Int64]

    def keep(self, mask: Bool | None) -> Counted:
        """Those where the mask is true; None for all."""
        return self if mask is None or mask.all() else self.take(np.flatnonzero(mask))

    def take(self, rows: Int64) -> Counted:
        """These of them."""
        return Counted(
            self.objects[rows],
            None if self.sessions is None else self.sessions[rows],
            None if self.segments is None else self.segments.take(rows),
            [ts[rows] for ts in looking(self.times)],
        )


def merge(parts: Sequence[Counted], steps: int) -> Counted:
    """Partials of different objects as one."""
    if not parts:
        return Counted(np.zeros(0, np.int64), None, None, [np.zeros(0, np.int64)] * steps)
    sessions = [part.sessions for part in parts if part.sessions is not None]
    segments = [part.segments for part in parts if part.segments is not None]
    return Counted(
        np.concatenate([part.objects for part in parts]),
        np.concatenate(sessions) if sessions else None,
        joined(segments) if segments else None,
        [np.concatenate([part.times[at] for part in parts]) for at in range(steps)],
    )


class Walk:
    """A funnel over one shard."""

    def __init__(self, design: FunnelDesign, call: Call, shard: Shard) -> None:
        self.design = design
        self.call = call
        self.shard = shard
        self.subject = call.subject
        self.ts = shard.ts()
        self.paths = shard.path_numbers()

    def counted(self) -> Counted:
        """The partial of the shard."""
        design = self.design
        self.found = [self.subject.occurrences(self.shard, step.condition) for step in design.steps]
        positions = [found.positions.astype(np.int64) for found in self.found]
        self.sessions = self._session_numbers()
        self.groups = self.paths if self.sessions is None else self.sessions
        self.units = self.sessions if design.count == "sessions" and self.sessions is not None else self.paths
        course = self._course(positions)
        entries = self._entries(positions[0] if design.order != "any" else _union(positions))
        index = _index(course.places, len(self.ts))
        found = self._chains(course, _indexes(index, entries), [_indexes(index, step) for step in positions])
        found = self._chosen(course, found)
        return self._read([course.place(events) for events in found.events])

    def _session_numbers(self) -> Array | None:
        """The number of each event's session, counted through the shard."""
        if self.design.session is None:
            return None
        starts = self.shard.session_starts(self.design.session)
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    # entries

    def _entries(self, entries: Int64) -> Int64:
        """The events at which a chain may begin."""
        design = self.design
        if design.begin is not None:
            entries = entries[self.ts.take(entries) >= design.begin]
        if design.end is not None:
            entries = entries[self.ts.take(entries) < design.end]
        if self.held is not None:
            entries = entries[self.held.take(entries) != NONE]
        if design.entry == "first" and design.count != "totals":
            entries = entries[chains.firsts(self.units.take(entries))]
        return self._limited(entries)

    def _limited(self, entries: Int64) -> Int64:
        """Without those of units none of whose entries meets what WHERE asks of segment and entry."""
        good = self.call.within("entry", self.ts.take(entries))
        segment = self.call.equal("segment")
        if segment is not None and self.design.by is not None:
            equal = may_equal(self.subject.vector(self.shard, self.design.by, entries), segment)
            good = equal if good is None else good & equal
        if good is None:
            return entries
        units = self.units.take(entries)
        member = np.zeros(int(self.units[-1]) + 1, bool)
        member[units[good]] = True
        return entries[member.take(units)]

    # the course

    def _course(self, positions: Sequence[Int64]) -> Course:
        """What the steps are looked for in."""
        self.held: Array | None = None
        if self.design.order == "strict":
            acts = self.shard.codes(ACTION, len(self.subject.actions) - 1) != 0
            for step in positions:
                acts[step] = True
            places = np.flatnonzero(acts)
        elif self.design.hold:
            places = _union(positions)
        else:
            return Course(self.ts, self.groups)
        groups = self.groups.take(places)
        if self.design.hold:
            values = self._held(places)
            self.held = np.full(len(self.ts), NONE, np.int64)
            self.held[places] = values
            if self.design.order != "strict":
                order = patiently(np.lexsort, (places, self.held.take(places), self.groups.take(places)))
                places = places[order]
            groups = self._refined(places)
        return Course(self.ts.take(places), groups, places)

    def _held(self, places: Int64) -> Int64:
        """A number for each event, equal where the held values are; NONE where one of them is NULL."""
        numbers = np.zeros(len(places), np.int64)
        known = np.ones(len(places), bool)
        for expr in self.design.hold:
            vector = self.subject.vector(self.shard, expr, places)
            here = vector.known()
            known &= True if here is None else here
            codes, bound = compact_codes(vector)
            numbers = patiently(np.unique, numbers * bound + codes, return_inverse=True)[1].astype(np.int64)
        return np.where(known, numbers, NONE)

    def _refined(self, places: Int64) -> Array:
        """Groups by path (or session) and held value."""
        assert self.held is not None
        values = self.held.take(places)
        bound = int(values.max(initial=0)) + 2
        numbers = self.groups.take(places).astype(np.int64) * bound + values + 1
        if self.design.order == "strict":
            return numbers
        refined: Array = np.cumsum(np.concatenate(([False], numbers[1:] != numbers[:-1])))
        return refined[: len(numbers)]

    # chains

    def _chains(self, course: Course, entries: Int64, steps: list[Int64]) -> Chains:
        """The chains among which is that of each unit."""
        design, links = self.design, self._links()
        later = [steps[at] for at in design.required[1:]]
        between = [links[at] for at in design.required[1:]]
        if design.order == "strict":
            return chains.consecutive(course, entries, later, design.within, between)
        if design.order == "any":
            return chains.in_any_order(course, entries, steps, design.within, links[1].barrier)
        if design.count == "totals":
            found = chains.from_each(course, entries, later, design.within, between)
        elif (design.entry == "first" or design.within is None) and all(link.free for link in between):
            entries = entries[chains.firsts(course.groups.take(entries))]  # no later start gets further
            found = chains.from_each(course, entries, later, design.within, between)
        else:
            stops = [self._stop(course, at, steps[at]) for at in design.required]
            if len(entries) != len(stops[0]):
                stops[0] = course.stop(entries)
            found = chains.furthest(course, stops, design.within, [Link(), *between], tells_events(self.call, design))
        return self._with_optional(course, steps, links, found)

    def _stop(self, course: Course, at: int, events: Int64) -> Stop:
        """The events of a step."""
        if course.places is not None or self.sessions is not None:
            return course.stop(events)
        return Stop(events, self.found[at].paths, self.found[at].ts)

    def _links(self) -> list[Link]:
        """The link between each step and the one before; of a required step, since the last that was required."""
        design, links, before = self.design, [Link()], 0
        excluded = [self.subject.positions(self.shard, e.condition) for e in design.exclusions]
        for at in range(1, len(design.steps)):
            here = [
                positions
                for exclusion, positions in zip(design.exclusions, excluded, strict=True)
                if exclusion.after - 1 < at and before < exclusion.before - 1
            ]
            links.append(Link(design.steps[at].within, StepRanks(_union(here), len(self.ts)) if here else None))
            before = before if design.steps[at].optional else at
        return links

    def _with_optional(self, course: Course, steps: list[Int64], links: list[Link], found: Chains) -> Chains:
        """The chains with their optional steps, where there are any."""
        design = self.design
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
                event = self._between(course, events[0], last, after, steps[at], links[at])
                events[at] = np.where(before == NONE, NONE, event)
            last = np.where(events[at] == NONE, last, events[at])
        return Chains(events, found.depth)

    def _between(self, course: Course, first: Int64, last: Int64, after: Int64, step: Int64, link: Link) -> Int64:
        """The next event of an optional step after `last`, if it is in time; and before `after`, which may be NONE."""
        found, event = chains.next_of(course, last, step)
        found &= course.allows(last, event, link) & ((after == NONE) | (event < after))
        if self.design.within is not None:
            found &= course.ts.take(event) - course.ts.take(first) <= self.design.within
        return np.where(found, event, NONE)

    def _chosen(self, course: Course, found: Chains) -> Chains:
        """One chain a unit, unless each counts."""
        if self.design.count == "totals":
            return found
        places = course.place(found.events[0])
        chosen = chains.choose(self.units.take(places), found.depth, places)
        return found if len(chosen) == len(places) else found.take(chosen)

    # reading

    def _read(self, events: list[Int64]) -> Counted:
        """What is told of the chains with these events."""
        design, entries = self.design, events[0]
        objects, starts = self.shard.paths()
        paths = self.paths.take(entries)
        sessions = None
        if self.sessions is not None:
            sessions = self.sessions.take(entries) - self.sessions.take(starts[paths]) + 1
        by = None if design.by is None else self.subject.vector(self.shard, design.by, entries)
        times = [self.ts.take(entries), *(np.where(e == NONE, NEVER, self.ts.take(e)) for e in looking(events[1:]))]
        counted = Counted(objects[paths], sessions, by, times)
        segment = self.call.equal("segment")
        if segment is not None and by is not None:
            counted = counted.keep(may_equal(by, segment))
        return counted.keep(self.call.within("entry", counted.times[0]))


def tells_events(call: Call, design: FunnelDesign) -> bool:
    """Whether it matters which events the chains are of; else only how long they are."""
    told = {"segment", "step", "name", "objects", "of_first", "of_previous"}
    return bool(call.columns - told or call.limits or design.by is not None or len(design.required) < len(design.steps))


def _union(positions: Sequence[Int64]) -> Int64:
    """All of these positions, ascending, each once."""
    return kernels.distinct(np.concatenate(positions)) if len(positions) > 1 else positions[0]


def _index(places: Int64 | None, size: int) -> Int64 | None:
    """Where each event stands in the course; NONE for those that are not in it."""
    if places is None:
        return None
    index = np.full(size, NONE, np.int64)
    index[places] = np.arange(len(places))
    return index


def _indexes(index: Int64 | None, positions: Int64) -> Int64:
    """Events as ascending indexes of the course."""
    if index is None:
        return positions
    found = index.take(positions)
    return patiently(np.sort, found[found != NONE])
