"""The questions of path_questions.py once more, with loops over lists: what the numpy answers are compared with.

A path is the list of an object's events in order: (microseconds, action, plan at it).
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from .events import Events
from .measure import Rows
from .path_questions import (
    AGAIN,
    ALL_STEPS,
    COHORT,
    DEPTH,
    END,
    FLOW,
    FUNNEL,
    HOUR,
    IDLE,
    LEVELS,
    LONG_FUNNEL,
    MATCH,
    PATTERN,
    PERIODS,
    RETENTION,
    SEQUENCE,
    SESSIONS,
    SOURCE,
    STEP_ROWS,
    STEPS,
    TIMED,
    WITHIN,
)

Event = tuple[int, str, str | None]
Path = list[Event]


def answers(events: Events) -> dict[str, Rows]:
    """The expected rows, of few events; without the times of funnels."""
    paths = list(_paths(events))
    return {
        SESSIONS: _sessions(paths),
        **_funnel(paths, FUNNEL, STEPS),
        **_funnel(paths, LONG_FUNNEL, ALL_STEPS),
        SEQUENCE: [(sum(map(_count_timed, paths)),)],
        RETENTION: _retention(paths),
        MATCH: _match(paths),
        FLOW: _flow(paths),
    }


def _paths(events: Events) -> Iterator[Path]:
    for _, rows in groupby(events.rows(), key=lambda row: row[0]):
        path: Path = []
        plan = None
        for _, ts, action, change, _, _ in rows:
            plan = change or plan
            path.append((ts, action, plan))
        yield path


def _sessions(paths: Sequence[Path]) -> Rows:
    found: dict[str | None, list[float]] = {}
    for path in paths:
        begin = path[0]
        for event, following in pairwise([*path, None]):
            assert event is not None
            if following is None or following[0] - event[0] >= IDLE:
                found.setdefault(begin[2], []).append((event[0] - begin[0]) / 1e6)
                begin = following or begin
    return [(plan, len(lengths), statistics.fmean(lengths)) for plan, lengths in found.items()]


def _funnel(paths: Sequence[Path], question: str, steps: Sequence[str]) -> dict[str, Rows]:
    levels = [_level(path, steps) for path in paths]
    return {
        question + LEVELS: list(Counter(levels).items()),
        question + STEP_ROWS: [
            (number, step, sum(level >= number for level in levels)) for number, step in enumerate(steps, 1)
        ],
    }


def _level(path: Path, steps: Sequence[str]) -> int:
    """From each event of the first step on: as many steps as can be taken in time, each as soon as possible."""
    best = 0
    for at, (begin, action, _) in enumerate(path):
        level = 0
        if action == steps[0]:
            for ts, name, _ in path[at:]:
                if level < len(steps) and name == steps[level] and ts - begin <= WITHIN:
                    level += 1
        best = max(best, level)
    return best


def _count_timed(path: Path) -> int:
    """Of each first event the next second one, if in time; then from there on."""
    count = after = 0
    for at, (ts, action, _) in enumerate(path):
        if action == TIMED[0] and at >= after:
            end = next((end for end in range(at, len(path)) if path[end][1] == TIMED[1]), None)
            if end is not None and path[end][0] - ts <= HOUR:
                count, after = count + 1, end
    return count


def _retention(paths: Sequence[Path]) -> Rows:
    found: Counter[tuple[str, int]] = Counter()
    for path in paths:
        entry = next((ts for ts, action, _ in path if action == COHORT), None)
        if entry is not None:
            cohort = _monday(entry)
            weeks = {(_monday(ts) - cohort).days // 7 for ts, action, _ in path if action == AGAIN and ts > entry}
            found.update((str(cohort.date()), week) for week in weeks if week <= PERIODS)
    return [(*cell, count) for cell, count in found.items()]


def _monday(ts: int) -> datetime:
    day = datetime.fromtimestamp(ts // 1_000_000, UTC).replace(hour=0, minute=0, second=0)
    return day - timedelta(days=day.weekday())


def _match(paths: Sequence[Path]) -> Rows:
    letters = dict(zip(PATTERN, "ABC", strict=True))
    texts = ["".join(letters.get(action, "-") for _, action, _ in path) for path in paths]
    found = [match for text in texts for match in re.findall("AB+C", text)]
    return [(len(found), sum(len(match) - 2 for match in found))]


def _flow(paths: Sequence[Path]) -> Rows:
    found: Counter[tuple[int, str, str]] = Counter()
    for path in paths:
        actions = [action for _, action, _ in path]
        if SOURCE in actions:
            begin = actions.index(SOURCE)
            edges = pairwise([*actions[begin:], END][: DEPTH + 1])
            found.update((step, *edge) for step, edge in enumerate(edges, 1))
    return [(*edge, count) for edge, count in found.items()]
