"""What the functions over a path mean, by lists and for-loops: the naive semantics that all else is compared with.

A path is a list of rows in the order of arrival; every function here takes one path. A time is an int or None, a
condition True, False or None. It is not fast (some of it takes exponential time), checks nothing, and shares no code
with skysql.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.world.oracle import timestamp

Conditions = list[bool | None]
Rows = list[tuple[int | None, Conditions]]


def in_order(rows: list[Any]) -> list[Any]:
    """The rows that have a time, by time; those of one time in order of arrival."""
    return sorted((row for row in rows if row[0] is not None), key=lambda row: row[0])


# window_funnel


@dataclass(frozen=True)
class Chain:
    """The first steps of a funnel: when it began, when it took its last step, and by which events."""

    begun: int
    last: int
    events: tuple[int, ...]


def window_funnel(rows: Rows, window: int, modes: set[str], steps: int) -> int:
    """Entries in order of (time, step), an event without a condition being one of step 0. Every event that goes on with
    a chain makes a new one, and the old one stays.
    """
    entries = []
    for event, (time, conditions) in enumerate(in_order(rows)):
        met = [step for step, condition in enumerate(conditions, 1) if condition]
        entries += [(time, step, event) for step in met or [0]]
    chains: list[list[Chain]] = [[] for _ in range(steps + 1)]
    for time, step, event in sorted(entries):
        if stops(chains, step, modes):
            break
        if step == 1:
            chains[1].append(Chain(time, time, (event,)))
        elif step:
            # only the last chain goes on, except where each has to be tried: whose events are different from this one
            for chain in list(chains[step - 1] if "strict_once" in modes else chains[step - 1][-1:]):
                late = time - chain.begun > window
                same = "strict_increase" in modes and chain.last == time
                twice = "strict_once" in modes and event in chain.events
                if not (late or same or twice):
                    chains[step].append(Chain(chain.begun, time, (*chain.events, event)))
        if chains[steps]:
            break
    return max((step for step in range(1, steps + 1) if chains[step]), default=0)


def stops(chains: list[list[Chain]], step: int, modes: set[str]) -> bool:
    """Whether the funnel ends before this entry."""
    if "strict_deduplication" in modes and step > 1 and chains[step]:
        return True
    if "strict_order" not in modes or not chains[1]:
        return False
    return step == 0 or (step > 1 and not chains[step - 1] and "allow_reentry" not in modes)


# sequence_match, sequence_count, sequence_match_events

Gap = tuple[bool, list[tuple[str, int]]]  # adjacent, bounds of the time

HOLDS = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def parse(pattern: str) -> tuple[list[int], list[Gap]]:
    """The wanted events (the number of a condition, or 0 for any), and before each of them a gap."""
    events: list[int] = []
    gaps: list[Gap] = []
    gap: Gap = (True, [])
    for op, time, number, dots in re.findall(r"\(\?(?:t([<>=!]+)(\d+)|(\d+))\)|(\.\*|\.)", pattern):
        if op:
            gap = (False, [*gap[1], (op, int(time))])
        elif dots == ".*":
            gap = (False, gap[1])
        else:
            events.append(int(number or 0))
            gaps.append(gap)
            gap = (True, [])
    return events, gaps


def find(rows: Rows, events: list[int], gaps: list[Gap], begin: int) -> list[int] | None:
    """The indexes of the first match from `begin` on: every combination is tried, the first event varying slowest."""

    def extend(chosen: list[int]) -> list[int] | None:
        if len(chosen) == len(events):
            return chosen
        wanted, (adjacent, bounds) = events[len(chosen)], gaps[len(chosen)]
        after = chosen[-1] + 1 if chosen else begin
        for at in range(after, len(rows)):
            if adjacent and chosen and at > after:
                break
            elapsed = rows[at][0] - rows[chosen[-1]][0] if chosen else 0
            if (not wanted or rows[at][1][wanted - 1]) and all(HOLDS[op](elapsed, time) for op, time in bounds):
                found = extend([*chosen, at])
                if found:
                    return found
        return None

    return extend([])


def events_only(rows: Rows) -> Rows:
    """In order, without the events that meet no condition."""
    return [row for row in in_order(rows) if any(row[1])]


def sequence_match(rows: Rows, pattern: str) -> int:
    """Whether there is a match."""
    return int(find(events_only(rows), *parse(pattern), 0) is not None)


def sequence_count(rows: Rows, pattern: str) -> int:
    """One match after the other."""
    rows = events_only(rows)
    count = begin = 0
    while found := find(rows, *parse(pattern), begin):
        count += 1
        begin = found[-1] + 1
    return count


def sequence_match_events(rows: Rows, pattern: str) -> str:
    """Of the pattern, or of as much of its beginning as matches, up to an event with a condition."""
    rows = events_only(rows)
    events, gaps = parse(pattern)
    for length in range(len(events), 0, -1):
        if events[length - 1] or length == len(events):
            found = find(rows, events[:length], gaps[:length], 0)
            if found:
                named = [rows[at][0] for at, event in zip(found, events, strict=False) if event]
                return json.dumps(named, separators=(",", ":"))
    return "[]"


# the others


def retention(rows: list[Conditions], conditions: int) -> str | None:
    """Is there an event for each, and one for the first?"""
    if not rows:
        return None
    met = [any(row[i] for row in rows) for i in range(conditions)]
    return json.dumps([int(met[0] and one) for one in met], separators=(",", ":"))


def sequence_next_node(
    rows: list[tuple[int | None, Any, bool | None, Conditions]], direction: str, base: str, conditions: int
) -> Any:
    """Walk from the base, an event for each condition, and see where that leads."""
    path = [row for row in in_order(rows) if row[1] is not None]
    bases = [at for at, (_, _, can, met) in enumerate(path) if can and (not base.endswith("match") or met[0])]
    if base in ("head", "tail"):
        bases = [at for at in bases if at == (0 if base == "head" else len(path) - 1)]
    if not bases:
        return None
    at = bases[-1] if base == "last_match" else bases[0]
    for condition in range(conditions):
        if not 0 <= at < len(path) or not path[at][3][condition]:
            return None
        at += 1 if direction == "forward" else -1
    return path[at][1] if 0 <= at < len(path) else None


def periods(rows: list[tuple[int | None, Any]], end: int | None) -> list[tuple[Any, int, int]]:
    """(state, from, until) of every event."""
    path = in_order(rows)
    result = []
    for at, (time, state) in enumerate(path):
        until = path[at + 1][0] if at + 1 < len(path) else time if end is None else end
        result.append((state, time, until) if end is None else (state, min(time, end), min(until, end)))
    return result


def duration_in(rows: list[tuple[int | None, Any]], value: Any, end: int | None) -> float | None:
    """The sum of the periods."""
    found = periods(rows, end)
    return sum(until - time for state, time, until in found if state == value) / 1_000_000 if found else None


def state_timeline(rows: list[tuple[int | None, Any]], end: int | None) -> str:
    """The periods, those of one state in a row as one."""
    found = periods(rows, end)
    last = len(found) - 1 if end is None else None
    kept = [period for at, period in enumerate(found) if period[1] < period[2] or at == last]
    merged: list[list[Any]] = []
    for state, time, until in kept:
        if merged and merged[-1][0] == state:
            merged[-1][2] = until
        else:
            merged.append([state, time, until])
    return json.dumps(
        [{"state": s, "start": timestamp(a), "end": timestamp(b)} for s, a, b in merged],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def path_string(rows: list[tuple[int | None, Any]], separator: str, collapse: bool, timed: bool) -> str | None:
    """Known actions, joined."""
    known = [action for _, action in (in_order(rows) if timed else rows) if action is not None]
    actions = [action.decode() if isinstance(action, bytes) else str(action) for action in known]
    if collapse:
        actions = [action for at, action in enumerate(actions) if not at or action != actions[at - 1]]
    return separator.join(actions) if actions else None
