"""A funnel over the paths of one shard: from a design to the chains that count.

    units     what the events belong to: paths, sessions
    course    the events among which the steps are looked for
    entries   the events at which a chain may begin
    chains    found by an algorithm of chains.py, which funnel_search.py picks
    choice    of the chains of a unit, the one that counts

Which funnel runs

    asked                           runs                        on
    window_funnel                   loops.c, funnel             all groups, event by event, if it is compiled and fits
                                    functions/funnel_levels     all groups, by arrays, if not
    window_funnel, strict_once      functions/funnel_moments    single groups: those of which several events at one
                                                                time meet several conditions
    sky_funnel, how many only       reports/funnel_depths       all paths, by loops.c, funnel, if it is compiled and the
                                                                funnel is plain
    any other, sky_funnel_objects   reports/chains              all paths, by arrays

The functions and the reports do not share more than the loop, as they mean different things: to window_funnel events at
one time come in the order of the conditions that they meet, and one event may be several steps; to sky_funnel they come
in path order, and one event is one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Vector, compact_codes, joined
from ..interruption import looking, patiently
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION
from ..store.shard import Shard
from ..store.views import codes_at, path_numbers, session_starts
from .chains import NONE, Chains, Course, Link, StepRanks, Stop, choose, firsts
from .funnel_design import FunnelDesign
from .funnel_search import FunnelSearch, find_chains
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


@dataclass(frozen=True, slots=True)
class Units:
    """What each event of a shard belongs to: int[n], non-decreasing.

    paths:    its path.
    sessions: its session, counted through the shard; None where paths are not cut.
    groups:   what a chain has to stay in: the session, or the path.
    units:    what counts with one chain: the session, or the path.
    """

    paths: Array
    sessions: Array | None
    groups: Array
    units: Array

    @classmethod
    def of(cls, design: FunnelDesign, shard: Shard) -> Units:
        """Those of a funnel."""
        paths = shard.view(path_numbers)
        if design.session is None:
            return cls(paths, None, paths, paths)
        starts = shard.view(session_starts, design.session)
        sessions = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        return cls(paths, sessions, sessions, sessions if design.count == "sessions" else paths)


def count_shard(design: FunnelDesign, call: Call[Any], shard: Shard) -> Counted:
    """The chains that count in one shard."""
    found = [call.subject.occurrences(shard, step.condition) for step in design.steps]
    steps = [each.positions.astype(np.int64) for each in found]
    units = Units.of(design, shard)
    places = _places(design, call, shard, steps)
    held = None if places is None or not design.hold else _held(design, call, shard, places)
    course = _course(design, shard.ts(), units.groups, places, held)
    entries = _entries(design, call, shard, units, held, steps[0] if design.order != "any" else _union(steps))
    index = _index(course.places, len(shard))
    indexes = [_indexes(index, step) for step in steps]

    def stop(at: int) -> Stop:
        by_path = course.places is None and units.sessions is None
        return Stop(steps[at], found[at].paths, found[at].ts) if by_path else course.stop(indexes[at])

    links, exactly = _links(design, call, shard), tells_events(call, design)
    search = FunnelSearch(design, course, _indexes(index, entries), indexes, links, stop, exactly)
    chosen = _chosen(design, course, units, find_chains(search))
    return _read(design, call, shard, units, [course.place(events) for events in chosen.events])


# the course


def _places(design: FunnelDesign, call: Call[Any], shard: Shard, steps: Sequence[Int64]) -> Int64 | None:
    """The events among which steps are looked for, ascending; None for all."""
    if design.order == "strict":
        acts: Bool = codes_at(shard, ACTION, len(call.subject.actions) - 1) != 0
        for step in steps:
            acts[step] = True
        return np.flatnonzero(acts)
    return _union(steps) if design.hold else None


def _held(design: FunnelDesign, call: Call[Any], shard: Shard, places: Int64) -> Int64:
    """A number for each event of the shard, equal where the held values are; NONE where one is NULL, and elsewhere."""
    numbers = np.zeros(len(places), np.int64)
    known = np.ones(len(places), bool)
    for expr in design.hold:
        vector = call.subject.vector(shard, expr, places)
        here = vector.known()
        known &= True if here is None else here
        codes, bound = compact_codes(vector)
        numbers = patiently(np.unique, numbers * bound + codes, return_inverse=True)[1].astype(np.int64)
    held = np.full(len(shard), NONE, np.int64)
    held[places] = np.where(known, numbers, NONE)
    return held


def _course(design: FunnelDesign, ts: Int64, groups: Array, places: Int64 | None, held: Int64 | None) -> Course:
    """These events in groups, which held values split."""
    if places is None:
        return Course(ts, groups)
    if held is None:
        return Course(ts.take(places), groups.take(places), places)
    in_path_order = design.order == "strict"  # and then the parts of a group need not lie side by side
    if not in_path_order:
        places = places[patiently(np.lexsort, (places, held.take(places), groups.take(places)))]
    values = held.take(places)
    split = groups.take(places).astype(np.int64) * (int(values.max(initial=0)) + 2) + values + 1
    return Course(ts.take(places), split if in_path_order else _ascending(split), places)


def _ascending(numbers: Int64) -> Int64:
    """Numbers from 0 for runs of equal ones."""
    changes: Int64 = np.cumsum(np.concatenate(([False], numbers[1:] != numbers[:-1])))
    return changes[: len(numbers)]


# entries


def _entries(
    design: FunnelDesign, call: Call[Any], shard: Shard, units: Units, held: Int64 | None, entries: Int64
) -> Int64:
    """Those of the events at which a chain may begin."""
    ts = shard.ts()
    if design.begin is not None:
        entries = entries[ts.take(entries) >= design.begin]
    if design.end is not None:
        entries = entries[ts.take(entries) < design.end]
    if held is not None:
        entries = entries[held.take(entries) != NONE]
    if design.entry == "first" and design.count != "totals":
        entries = entries[firsts(units.units.take(entries))]
    return _limited(design, call, shard, units.units, entries)


def _limited(design: FunnelDesign, call: Call[Any], shard: Shard, units: Array, entries: Int64) -> Int64:
    """Without those of units none of whose entries meets what WHERE asks of segment and entry."""
    good = call.within("entry", shard.ts().take(entries))
    segment = call.equal("segment")
    if segment is not None and design.by is not None:
        equal = may_equal(call.subject.vector(shard, design.by, entries), segment)
        good = equal if good is None else good & equal
    if good is None:
        return entries
    of = units.take(entries)
    member = np.zeros(int(units[-1]) + 1, bool)
    member[of[good]] = True
    return entries[member.take(of)]


# chains


def _links(design: FunnelDesign, call: Call[Any], shard: Shard) -> list[Link]:
    """The link between each step and the one before; of a required step, since the last that was required."""
    links, before = [Link()], 0
    excluded = [call.subject.positions(shard, exclusion.condition) for exclusion in design.exclusions]
    for at in range(1, len(design.steps)):
        here = [
            positions
            for exclusion, positions in zip(design.exclusions, excluded, strict=True)
            if exclusion.after - 1 < at and before < exclusion.before - 1
        ]
        links.append(Link(design.steps[at].within, StepRanks(_union(here), len(shard)) if here else None))
        before = before if design.steps[at].optional else at
    return links


def _chosen(design: FunnelDesign, course: Course, units: Units, found: Chains) -> Chains:
    """One chain a unit, unless each counts."""
    if design.count == "totals":
        return found
    places = course.place(found.events[0])
    chosen = choose(units.units.take(places), found.depth, places)
    return found if len(chosen) == len(places) else found.take(chosen)


def _read(design: FunnelDesign, call: Call[Any], shard: Shard, units: Units, events: list[Int64]) -> Counted:
    """What is told of the chains with these events."""
    entries, ts = events[0], shard.ts()
    objects, starts = shard.paths()
    paths = units.paths.take(entries)
    sessions = None
    if units.sessions is not None:
        sessions = units.sessions.take(entries) - units.sessions.take(starts[paths]) + 1
    by = None if design.by is None else call.subject.vector(shard, design.by, entries)
    times = [ts.take(entries), *(np.where(e == NONE, NEVER, ts.take(e)) for e in looking(events[1:]))]
    found = Counted(objects[paths], sessions, by, times)
    segment = call.equal("segment")
    if segment is not None and by is not None:
        found = found.keep(may_equal(by, segment))
    return found.keep(call.within("entry", found.times[0]))


def tells_events(call: Call[Any], design: FunnelDesign) -> bool:
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
