"""What the reports mean, by lists and for-loops: nothing here is fast, and nothing is shared with skysql.

A path is a list of `Happening`s in path order: by timestamp, and of equal timestamps by arrival. A condition is a
function of a happening that is True, False or None (NULL, which is not true).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from oracle import Oracle, Value

Condition = Callable[["Happening"], bool | None]


@dataclass(frozen=True)
class Happening:
    """An event with what it reads: its own attributes, and the state after it. `place` counts from 0 in its path."""

    object: int
    place: int
    ts: int
    action: str | None
    values: dict[str, Value] = field(hash=False, compare=False)


Path = list[Happening]


def paths_of(oracle: Oracle) -> list[Path]:
    """The paths of a table, by object."""
    paths = []
    for object_id, events in oracle.paths():
        states = oracle.replay(events)
        paths.append(
            [
                Happening(object_id, place, event.ts, event.action, {**event.attributes, **state})
                for place, (event, state) in enumerate(zip(events, states, strict=True))
            ]
        )
    return paths


def sessions_of(path: Path, idle: int | None) -> list[int]:
    """The session of each happening, from 1: a gap of `idle` or more begins another."""
    sessions, number = [], 1
    for before, now in pairwise([path[0], *path]):
        if idle is not None and now.ts - before.ts >= idle:
            number += 1
        sessions.append(number)
    return sessions


# funnels


@dataclass(frozen=True)
class Step:
    """A step of a funnel; durations are microseconds."""

    condition: Condition
    within: int | None = None
    optional: bool = False


@dataclass(frozen=True)
class Exclusion:
    """Not between the steps after ... before, numbered from 1."""

    condition: Condition
    after: int
    before: int


@dataclass(frozen=True)
class Funnel:
    """A funnel as sky_funnel takes it."""

    steps: list[Step]
    within: int | None = None
    order: str = "ordered"
    entry: str = "best"
    count: str = "objects"
    exclusions: tuple[Exclusion, ...] = ()
    begin: int | None = None
    end: int | None = None
    hold: tuple[str, ...] = ()
    session: int | None = None
    by: Callable[[Happening], Value] = lambda _: None


@dataclass(frozen=True)
class Counted:
    """A chain that counts: the happening at each step, None where it was not done."""

    object: int
    session: int
    segment: Value
    events: tuple[Happening | None, ...]


def funnel(paths: list[Path], asked: Funnel) -> list[Counted]:
    """The chains that count.

    A chain takes one event for each step that is not optional, from the first step on as far as it gets. Its events
    are later and later in the path, also where timestamps are equal; one event is used once. All lie in one session,
    and read the same values, none NULL, of the held properties. The last is at most `within` after the first, and each
    at most its step's `within` after the one before; both are inclusive. Between two steps, in the path, lies no event
    that is excluded between these.
    Which chains: all that begin at an entry ("best"), or those from the first entry ("first"), of an object (or of a
    session, if these are counted; or of each entry). The longest counts; of several the one that begins first, with
    each event the earliest possible. (That there is such a one is asserted.)
    """
    counted = []
    for path in paths:
        sessions = sessions_of(path, asked.session)
        entries = [happening for happening in path if is_entry(asked, happening)]
        for unit in units(asked, sessions, entries):
            if asked.order == "any":
                found = max((any_order(path, sessions, asked, e) for e in unit), key=lambda c: (len(c), -c[0].place))
            else:
                every = [chain for entry in unit for chain in chains(path, sessions, asked, entry)]
                found = min(every, key=lambda c: (-len(c), [e.place for e in c]))
                rivals = [c for c in every if len(c) == len(found) and alike(asked, sessions, c[0], found[0])]
                assert all(e.place <= o.place for c in rivals for e, o in zip(found, c, strict=True))
            events = with_optional(path, sessions, asked, found)
            entry = events[0]
            assert entry is not None
            counted.append(Counted(entry.object, sessions[entry.place], asked.by(entry), events))
    return counted


def alike(asked: Funnel, sessions: list[int], one: Happening, other: Happening) -> bool:
    """Whether chains that begin with these are of one session and hold the same values."""
    return sessions[one.place] == sessions[other.place] and held(asked, one) == held(asked, other)


def is_entry(asked: Funnel, happening: Happening) -> bool:
    """Whether a chain may begin here: at the first step (with "any", at any), in the start range, with held values."""
    steps = asked.steps if asked.order == "any" else asked.steps[:1]
    return (
        any(step.condition(happening) for step in steps)
        and (asked.begin is None or happening.ts >= asked.begin)
        and (asked.end is None or happening.ts < asked.end)
        and None not in held(asked, happening)
    )


def held(asked: Funnel, happening: Happening) -> list[Value]:
    return [happening.values.get(name) for name in asked.hold]


def units(asked: Funnel, sessions: list[int], entries: Path) -> list[Path]:
    """The entries of each that is counted, none without any."""
    if asked.count == "totals":
        return [[entry] for entry in entries]
    by_unit: dict[int, Path] = {}
    for entry in entries:
        by_unit.setdefault(sessions[entry.place] if asked.count == "sessions" else 0, []).append(entry)
    return [some[:1] if asked.entry == "first" else some for some in by_unit.values()]


def chains(path: Path, sessions: list[int], asked: Funnel, entry: Happening) -> Iterator[Path]:
    """Every chain from this entry, of every length."""
    required = [at for at, step in enumerate(asked.steps) if not step.optional]
    acting = [h for h in path if h.action is not None or any(step.condition(h) for step in asked.steps)]

    def grow(chain: Path) -> Iterator[Path]:
        yield chain
        if len(chain) == len(required):
            return
        before, at = required[len(chain) - 1], required[len(chain)]
        for event in path[chain[-1].place + 1 :]:
            if (
                asked.steps[at].condition(event)
                and may_follow(path, sessions, asked, chain[-1], event, before, at)
                and (asked.within is None or event.ts - entry.ts <= asked.within)
                and (asked.order != "strict" or acting.index(event) == acting.index(chain[-1]) + 1)
            ):
                yield from grow([*chain, event])

    yield from grow([entry])


def may_follow(
    path: Path, sessions: list[int], asked: Funnel, last: Happening, event: Happening, before: int, at: int
) -> bool:
    """Whether this event may be that of step `at` after that of step `before`; the time since the entry aside."""
    step = asked.steps[at]
    excluded = [e.condition for e in asked.exclusions if e.after - 1 < at and before < e.before - 1]
    between = path[last.place + 1 : event.place]
    return (
        sessions[event.place] == sessions[last.place]
        and held(asked, event) == held(asked, last)
        and (step.within is None or event.ts - last.ts <= step.within)
        and not any(condition(happening) for condition in excluded for happening in between)
    )


def with_optional(path: Path, sessions: list[int], asked: Funnel, chain: Path) -> tuple[Happening | None, ...]:
    """The chain with its optional steps, each at the first event that can be its, after the step before."""
    if asked.order == "any":
        return (*chain, *[None] * (len(asked.steps) - len(chain)))
    required = [at for at, step in enumerate(asked.steps) if not step.optional]
    events: list[Happening | None] = [None] * len(asked.steps)
    for at, event in zip(required, chain, strict=False):
        events[at] = event
    last, before = chain[0], 0
    for at, step in enumerate(asked.steps):
        if not step.optional:
            last, before = events[at] or last, at
            continue
        end = next((e.place for e in events[at:] if e is not None), len(path))
        for event in path[last.place + 1 : end]:
            in_time = asked.within is None or event.ts - chain[0].ts <= asked.within
            if step.condition(event) and in_time and may_follow(path, sessions, asked, last, event, before, at):
                events[at] = last = event
                break
    return tuple(events)


def any_order(path: Path, sessions: list[int], asked: Funnel, entry: Happening) -> Path:
    """The first event of each step from this entry on, in time and not after an excluded event, by place."""
    found = []
    for step in asked.steps:
        for event in path[entry.place :]:
            if (
                step.condition(event)
                and sessions[event.place] == sessions[entry.place]
                and held(asked, event) == held(asked, entry)
            ):
                between = path[entry.place + 1 : event.place]
                excluded = any(e.condition(happening) for e in asked.exclusions for happening in between)
                if not excluded and (asked.within is None or event.ts - entry.ts <= asked.within):
                    found.append(event)
                break
    return sorted(found, key=lambda event: event.place)


@dataclass(frozen=True)
class FunnelRow:
    """A row of sky_funnel, without the step's name."""

    segment: Value
    step: int
    objects: int
    of_first: float | None
    of_previous: float | None
    times: tuple[float | None, ...]  # median, mean, 90th percentile since the step before; the same since the first


def funnel_rows(counted: list[Counted], asked: Funnel, segments: list[Value]) -> list[FunnelRow]:
    """The rows, for these segments in this order.

    A share of the previous step is of the last one before that is not optional; a time since the previous step is
    since the last one before that the chain has.
    """
    rows = []
    for segment in segments:
        here = [c.events for c in counted if c.segment == segment]
        counts = [sum(events[at] is not None for events in here) for at in range(len(asked.steps))]
        before = 0
        for at, step in enumerate(asked.steps):
            previous, first = [], []
            for events in here:
                event = events[at]
                if at and event is not None:
                    previous.append((event.ts - [e.ts for e in events[:at] if e is not None][-1]) / 1e6)
                    first.append((event.ts - events[0].ts) / 1e6)  # type: ignore[union-attr]
            shares = [counts[at] / of if of else None for of in (counts[0], counts[before])]
            times = (*summary(previous), *summary(first))
            rows.append(FunnelRow(segment, at + 1, counts[at], shares[0], shares[1], times))
            before = before if step.optional else at
    return rows


def summary(values: list[float]) -> tuple[float | None, ...]:
    """Median, mean and 90th percentile, in proportion between two values."""
    if not values:
        return None, None, None
    ordered = sorted(values)

    def quantile(share: float) -> float:
        exact = (len(ordered) - 1) * share
        low, high = ordered[math.floor(exact)], ordered[math.ceil(exact)]
        return low + (high - low) * (exact - math.floor(exact))

    return quantile(0.5), sum(values) / len(values), quantile(0.9)


_ = (date, datetime, timedelta)
