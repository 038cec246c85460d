"""Questions about the order of events, and the numpy answers that skysql and its peers must give.

The answers are plain numpy over the whole workload, written to be seen to be right; on a part of the events they are
compared with the loops of path_loops.py. They share no code with skysql.

Each event of the workload has one action, and no two events of an object share a timestamp. So none of the corners in
which the engines' semantics differ (events that meet two conditions, or at one time) comes into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .events import ACTIONS, DAY, PLANS, SECOND, Events
from .measure import Rows
from .questions import state

Array = npt.NDArray[Any]
Int64 = npt.NDArray[np.int64]

NAMES = tuple(ACTIONS)
IDLE = 1800 * SECOND
WITHIN = 7 * DAY
HOUR = 3600 * SECOND
WEEK = 7 * DAY
MONDAY = 4 * DAY
PERIODS = 12
DEPTH = 4

STEPS = ("view product", "add to cart", "purchase")
ALL_STEPS = (
    *STEPS, "open mail", "sign in", "search", "view category", "remove from cart", "begin checkout", "write review",
    "share", "contact support",
)  # fmt: skip
"""Of the funnel of 12: it begins like that of 3, so that as many go as far."""
TIMED = ("add to cart", "purchase")
COHORT, AGAIN = "sign in", "purchase"
PATTERN = ("search", "view product", "add to cart")
SOURCE = "search"
END = "(end)"

SESSIONS = "30-minute sessions, number and mean length by plan"
FUNNEL = "3-step funnel within 7 days"
LONG_FUNNEL = "12-step funnel within 7 days"
SEQUENCE = "sequence_count, two steps within an hour"
RETENTION = "weekly retention, 12 periods"
MATCH = "MATCH_RECOGNIZE A B+ C"
FLOW = "next actions, depth 4"
QUESTIONS = {
    "sessions": SESSIONS, "funnel": FUNNEL, "long_funnel": LONG_FUNNEL, "sequence": SEQUENCE, "retention": RETENTION,
    "match": MATCH, "flow": FLOW,
}  # fmt: skip
"""By the names that the command line has for them."""

LEVELS, STEP_ROWS, TIMES = "levels", "steps", "times"
"""What a funnel may be asked for: objects by the steps they took; by step, those who took it; and all of sky_funnel."""


def answers(events: Events) -> dict[str, Rows]:
    """The expected rows by question, and by question and what a funnel is asked for; events are in path order."""
    return {
        SESSIONS: _sessions(events),
        **_funnel(events, FUNNEL, STEPS),
        **_funnel(events, LONG_FUNNEL, ALL_STEPS),
        SEQUENCE: _sequence(events),
        RETENTION: _retention(events),
        MATCH: _match(events),
        FLOW: _flow(events),
    }


def _at(events: Events, action: str) -> Int64:
    """Where the events of an action are."""
    return np.flatnonzero(events.action == NAMES.index(action))


def _begins(events: Events) -> Int64:
    """Where paths begin."""
    return np.flatnonzero(np.append(True, events.objects[1:] != events.objects[:-1]))


def _sessions(events: Events) -> Rows:
    """(plan, number, mean seconds)."""
    gap = np.diff(events.ts, prepend=events.ts[0]) >= IDLE
    gap[_begins(events)] = True
    first = np.flatnonzero(gap)
    last = np.append(first[1:], len(events)) - 1
    seconds = (events.ts[last] - events.ts[first]) / SECOND
    plan = state(events.objects, events.plan)[first]
    return [
        (None if code < 0 else list(PLANS)[code], int(np.sum(plan == code)), float(seconds[plan == code].mean()))
        for code in np.unique(plan).tolist()
    ]


# funnels: a chain is an event of each step, in order, the last one at most WITHIN after the first


def _funnel(events: Events, question: str, steps: Sequence[str]) -> dict[str, Rows]:
    chains = list(_chains(events, steps))
    reached = [len(np.unique(events.objects[ends])) for ends in chains]
    exactly = -np.diff([len(_begins(events)), *reached, 0])
    return {
        question + LEVELS: [(level, count) for level, count in enumerate(exactly.tolist()) if count],
        question + STEP_ROWS: list(zip(range(1, len(steps) + 1), steps, reached, strict=True)),
        question + TIMES: _with_times(events, steps, chains),
    }


def _chains(events: Events, steps: Sequence[str]) -> Iterator[Int64]:
    """For each step the events at which a chain ends there. `starts`: the latest start of a chain that does."""
    ends = _at(events, steps[0])
    starts = events.ts[ends]
    yield ends
    for step in steps[1:]:
        here = _at(events, step)
        before = np.searchsorted(ends, here) - 1
        here, before = here[before >= 0], before[before >= 0]
        good = (events.objects[ends[before]] == events.objects[here]) & (events.ts[here] - starts[before] <= WITHIN)
        ends, starts = here[good], starts[before[good]]
        yield ends


def _with_times(events: Events, steps: Sequence[str], chains: Sequence[Int64]) -> Rows:
    """All columns of sky_funnel. Each object counts with its longest chain; of those, with the earliest events."""
    ids = np.unique(events.objects[chains[0]])
    level, end = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    for number, ends in enumerate(chains, 1):
        objects, firsts = np.unique(events.objects[ends], return_index=True)
        who = np.searchsorted(ids, objects)
        level[who], end[who] = number, ends[firsts]
    at = entry = _entries(events, steps[0], end)
    rows: Rows = [(None, 1, steps[0], len(ids), 1.0, 1.0, *[None] * 6)]
    for number, step in enumerate(steps[1:], 2):
        goes_on = level >= number
        level, entry, before = level[goes_on], entry[goes_on], at[goes_on]
        here = _at(events, step)
        at = here[np.searchsorted(here, before, side="right")]
        times = [_summary((events.ts[at] - events.ts[since]) / SECOND) for since in (before, entry)]
        share = len(at) / len(goes_on) if len(goes_on) else None
        rows.append((None, number, step, len(at), len(at) / len(ids), share, *times[0], *times[1]))
    return rows


def _entries(events: Events, step: str, end: Int64) -> Int64:
    """For each end of a chain the first event of the first step from which it is in time."""
    here = _at(events, step)
    objects = events.objects[here]
    at = np.searchsorted(objects, events.objects[end])  # the first of the path
    while len(late := np.flatnonzero(events.ts[end] - events.ts[here[at]] > WITHIN)):
        at[late] += 1
    return here[at]


def _summary(seconds: Array) -> tuple[float | None, ...]:
    """Median, mean, 90th percentile."""
    if not len(seconds):
        return None, None, None
    return float(np.median(seconds)), float(np.mean(seconds)), float(np.percentile(seconds, 90))


def _sequence(events: Events) -> Rows:
    """How often the second event follows the first within an hour, with none of either between them."""
    here = np.flatnonzero(np.isin(events.action, [NAMES.index(name) for name in TIMED]))
    first = events.action[here] == NAMES.index(TIMED[0])
    same = events.objects[here][1:] == events.objects[here][:-1]
    return [(int(np.sum(first[:-1] & ~first[1:] & same & (np.diff(events.ts[here]) <= HOUR))),)]


def _retention(events: Events) -> Rows:
    """(cohort, period, objects): a week's newcomers, by how many weeks later they came again; the same week is 0."""
    week = (events.ts - MONDAY) // WEEK
    ids, firsts = np.unique(events.objects[_at(events, COHORT)], return_index=True)
    entry = _at(events, COHORT)[firsts]
    again = _at(events, AGAIN)
    who = np.searchsorted(ids, events.objects[again])
    known = (who < len(ids)) & (ids[np.minimum(who, len(ids) - 1)] == events.objects[again])
    again, who = again[known], who[known]
    period = week[again] - week[entry][who]
    good = (again > entry[who]) & (period <= PERIODS)
    width = PERIODS + 1
    met = np.unique(who[good] * width + period[good])
    first_week = int(week.min())
    counts = np.bincount((week[entry][met // width] - first_week) * width + met % width)
    return [
        (_monday(first_week + cell // width), cell % width, int(counts[cell]))
        for cell in np.flatnonzero(counts).tolist()
    ]


def _monday(week: int) -> str:
    return str(np.datetime64((MONDAY + week * WEEK) // DAY, "D"))


def _match(events: Events) -> Rows:
    """(matches, B in them): runs of B that an A precedes and a C follows, next to it and in the same path."""
    a, b, c = (events.action == NAMES.index(name) for name in PATTERN)
    follows = np.append(False, events.objects[1:] == events.objects[:-1])  # on an event of the same path
    run = np.append(b & ~(follows & np.append(False, b[:-1])), True)  # where a run of B begins, and the end
    begins = np.flatnonzero(run)[:-1]
    rest = np.flatnonzero(np.append(~b | ~follows, True))  # where none goes on
    ends = rest[np.searchsorted(rest, begins, side="right")]
    inner = (begins > 0) & (ends < len(events))
    begins, ends = begins[inner], ends[inner]
    good = a[begins - 1] & follows[begins] & c[ends] & follows[ends]
    return [(int(np.sum(good)), int(np.sum((ends - begins)[good])))]


def _flow(events: Events) -> Rows:
    """(step, source, target, objects): what follows the first event of an action, and what follows that, ..."""
    here = _at(events, SOURCE)
    _, firsts = np.unique(events.objects[here], return_index=True)
    at, names = here[firsts], (*NAMES, END)
    last = np.append(events.objects[1:] != events.objects[:-1], True)
    following = np.where(last, len(NAMES), np.append(events.action[1:], 0))
    rows: Rows = []
    for step in range(1, DEPTH + 1):
        counts = np.bincount(events.action[at].astype(np.int64) * len(names) + following[at])
        rows += [(step, names[edge // len(names)], names[edge % len(names)], int(counts[edge]))
                 for edge in np.flatnonzero(counts).tolist()]  # fmt: skip
        at = at[~last[at]] + 1
    return rows
