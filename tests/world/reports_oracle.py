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

from tests.world.oracle import Oracle, Value

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
        if events[before_required(asked, at)] is None:
            continue
        end = next((e.place for e in events[at:] if e is not None), len(path))
        for event in path[last.place + 1 : end]:
            in_time = asked.within is None or event.ts - chain[0].ts <= asked.within
            if step.condition(event) and in_time and may_follow(path, sessions, asked, last, event, before, at):
                events[at] = last = event
                break
    return tuple(events)


def before_required(asked: Funnel, at: int) -> int:
    """The last step before this one that is not optional."""
    return max(step for step in range(at) if not asked.steps[step].optional)


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


# periods


def period(unit: str | int, ts: int) -> int:
    """The number of the calendar unit in which a moment lies; of a duration in microseconds, from 1970-01-05."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=ts)
    if isinstance(unit, int):
        return (ts - 4 * 86_400_000_000) // unit
    months = (moment.year - 1970) * 12 + moment.month - 1
    day = (moment.date() - date(1970, 1, 5)).days
    return {
        "hour": day * 24 + moment.hour, "day": day, "week": day // 7, "month": months, "quarter": months // 3,
        "year": months // 12,
    }[unit]  # fmt: skip


def label(unit: str | int, ts: int) -> str:
    """The first day of that unit, and the hour of hours."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=ts)
    if isinstance(unit, int):
        moment = datetime(1970, 1, 5) + period(unit, ts) * timedelta(microseconds=unit)
        return str(moment.date()) if unit % 86_400_000_000 == 0 else str(moment)
    if unit == "hour":
        return f"{moment.date()} {moment.hour:02d}:00:00"
    day = moment.date()
    first = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year": day.replace(month=1, day=1),
    }
    return str(first[unit])


# retention


@dataclass(frozen=True)
class Retention:
    """As sky_retention takes it; `cohort` is a unit, 'all', or None for that of the periods; `by` goes before it."""

    first: Condition
    again: Condition
    unit: str | int
    periods: int = 12
    rolling: bool = False
    on_or_after: bool = False
    brackets: tuple[int, ...] | None = None
    cohort: str | None = None
    by: Callable[[Happening], Value] | None = None
    begin: int | None = None
    end: int | None = None
    until: int | None = None


def fixed_length(unit: str | int) -> int:
    """Microseconds; 0 for months and more."""
    if isinstance(unit, int):
        return unit
    return {"hour": 3600, "day": 86_400, "week": 604_800}.get(unit, 0) * 1_000_000


def cohort_of(birth: Happening, asked: Retention) -> Value:
    if asked.by is not None:
        return asked.by(birth)
    return None if asked.cohort == "all" else label(asked.cohort or asked.unit, birth.ts)


def returns_of(path: Path, birth: Happening, asked: Retention) -> list[int]:
    """The period of each return."""
    returns = [h for h in path[birth.place + 1 :] if asked.again(h)]
    if asked.rolling:
        return [(h.ts - birth.ts) // fixed_length(asked.unit) for h in returns]
    return [period(asked.unit, h.ts) - period(asked.unit, birth.ts) for h in returns]


def retention(paths: list[Path], asked: Retention) -> list[tuple[Value, int, int, int, float]]:
    """Cohort, size, period, objects, share.

    An object is born at its first event that is `first`; if that is not in the range, it is left out. It returns with
    each later event of its path that is `again`, which may have the same timestamp. A period is begun for a cohort if
    it is for the one born first in it.
    """
    length = fixed_length(asked.unit)
    cohorts: dict[Value, list[tuple[Happening, list[int]]]] = {}
    for path in paths:
        births = [h for h in path if asked.first(h)]
        if births and (asked.begin is None or births[0].ts >= asked.begin):
            if asked.end is None or births[0].ts < asked.end:
                returns = returns_of(path, births[0], asked)
                cohorts.setdefault(cohort_of(births[0], asked), []).append((births[0], returns))
    last = max(h.ts for path in paths for h in path) if asked.until is None else asked.until
    edges = list(range(asked.periods + 2)) if asked.brackets is None else list(asked.brackets)
    rows = []
    for key in sorted(cohorts, key=lambda value: (value is not None, value)):
        members = cohorts[key]
        born = min(birth.ts for birth, _ in members)
        for low, high in pairwise(edges):
            begun = (
                born + low * length <= last
                if asked.rolling
                else period(asked.unit, born) + low <= period(asked.unit, last)
            )
            if begun:
                objects = sum(
                    any(low <= p and (asked.on_or_after or p < high) for p in returns) for _, returns in members
                )
                rows.append((key, len(members), low, objects, objects / len(members)))
    return rows


# flows


@dataclass(frozen=True)
class Flow:
    """As sky_flow takes it; `anchor` is "from", or "to" if it goes backward; None for the first action."""

    anchor: Condition | None = None
    backward: bool = False
    session: int | None = None
    every: bool = False
    depth: int = 3
    collapse: bool = False
    top: int | None = None


def flow(paths: list[Path], asked: Flow) -> set[tuple[int, str, str, int, int]]:
    """Step, source, target, objects, flows.

    The events without an action are left out of each path, or session; then, with `collapse`, each run of one action
    becomes one, which is an anchor if any of the run is. `top` counts the flows that have an action at a step (as the
    anchor, at step 0), of equally many the first by name; it never hides where a path ends.
    """
    flows: list[tuple[int, list[str]]] = []
    for path in paths:
        sessions = sessions_of(path, asked.session)
        for number in sorted(set(sessions)):
            acts = [h for h in path if h.action is not None and sessions[h.place] == number]
            flows += [(path[0].object, names) for names in flows_of(acts, asked)]
    names_at: list[dict[str, int]] = [{} for _ in range(asked.depth + 1)]
    for _, names in flows:
        for at, name in enumerate(names):
            if name not in ("(end)", "(start)"):
                names_at[at][name] = names_at[at].get(name, 0) + 1
    kept = [sorted(some, key=lambda name: (-some[name], name))[: asked.top] for some in names_at]
    edges: dict[tuple[int, str, str], list[int]] = {}
    for object_id, names in flows:
        called = [
            name if name in kept[at] or name in ("(end)", "(start)") else "(other)" for at, name in enumerate(names)
        ]
        for step, (near, far) in enumerate(pairwise(called), 1):
            key = (-step, far, near) if asked.backward else (step, near, far)
            edges.setdefault(key, []).append(object_id)
    return {(*key, len(set(objects)), len(objects)) for key, objects in edges.items()}


def flows_of(acts: Path, asked: Flow) -> list[list[str]]:
    """The flows of one path or session: the names of their actions, from the anchor on."""
    groups: list[Path] = []
    for h in acts:
        if asked.collapse and groups and groups[-1][0].action == h.action:
            groups[-1].append(h)
        else:
            groups.append([h])
    if asked.anchor is None:
        anchors = list(range(len(groups)))
    else:
        anchors = [at for at, group in enumerate(groups) if any(asked.anchor(h) for h in group)]
    flows = []
    for anchor in anchors if asked.every else anchors[:1]:
        names = [str(group[0].action) for group in groups]
        names = names[anchor::-1] if asked.backward else names[anchor:]
        flows.append([*names, "(start)" if asked.backward else "(end)"][: asked.depth + 1])
    return flows


# lifecycle and stickiness


def lifecycle(paths: list[Path], condition: Condition, unit: str | int) -> list[tuple[str, int, int, int, int]]:
    """Period, new, returning, resurrecting, dormant; from the first period with activity to that of the last event."""
    active = [{period(unit, h.ts) for h in path if condition(h)} for path in paths]
    active = [periods for periods in active if periods]
    if not active:
        return []
    first = min(h.ts for path in paths for h in path if condition(h))
    last = max(h.ts for path in paths for h in path)
    rows = []
    for number, text in periods_between(unit, first, last).items():
        new = sum(number == min(periods) for periods in active)
        returning = sum({number, number - 1} <= periods for periods in active)
        here = sum(number in periods for periods in active)
        dormant = sum(number - 1 in periods and number not in periods for periods in active)
        rows.append((text, new, returning, here - new - returning, dormant))
    return rows


def periods_between(unit: str | int, first: int, last: int) -> dict[int, str]:
    """The periods from that of one moment to that of another, and their labels."""
    step = unit if isinstance(unit, int) else 3_600_000_000 if unit == "hour" else 86_400_000_000
    moments = [*range(first, last, step), last]
    return {period(unit, ts): label(unit, ts) for ts in moments}


def stickiness(
    paths: list[Path], condition: Condition, unit: str | int, begin: int | None, end: int | None
) -> list[tuple[int, int, float]]:
    """Periods, objects, share."""
    active = []
    for path in paths:
        here = [h for h in path if (begin is None or h.ts >= begin) and (end is None or h.ts < end) and condition(h)]
        if here:
            active.append(len({period(unit, h.ts) for h in here}))
    counts = [(n, active.count(n)) for n in range(1, max(active, default=0) + 1)]
    return [(n, count, count / len(active)) for n, count in counts]
