"""What sessions mean, by lists and for-loops: the naive model (oracle.py) of paths that are cut where nothing happened.

A session starts at the first event of a path, and at every event whose gap to the one before it is at least the idle
time. Without an idle time a path is one session. A session's state is that at its first event.
"""

from __future__ import annotations

from typing import Any

from tests.world.oracle import Event, Oracle, Row, timestamp, write

IDLES: dict[str, int | None] = {"30 minutes": 1_800_000_000, "1 day": 86_400_000_000, "0.000002": 2}
"""Idle times as they are written, and in microseconds."""


def sessions(path: list[Event], idle: int | None) -> list[list[Event]]:
    """The path, cut."""
    found: list[list[Event]] = []
    for i, event in enumerate(path):
        if i == 0 or (idle is not None and event.ts - path[i - 1].ts >= idle):
            found.append([])
        found[-1].append(event)
    return found


def event_numbers(oracle: Oracle, idle: int | None) -> list[Row]:
    """session, session_event of every event, in the order of `Oracle.event_rows`."""
    return [
        (number, place)
        for _, path in oracle.paths()
        for number, session in enumerate(sessions(path, idle), 1)
        for place in range(1, len(session) + 1)
    ]


def session_rows(oracle: Oracle, idle: int | None) -> list[Row]:
    """object_id [, key], session, first and last timestamp, duration, events, first and last action, the states."""
    rows = []
    for object_id, path in oracle.paths():
        states, at = oracle.replay(path), 0
        key = () if oracle.schema.key_name is None else (oracle.keys[object_id],)
        for number, events in enumerate(sessions(path, idle), 1):
            first, last, state = events[0], events[-1], states[at]
            at += len(events)
            span = timestamp(first.ts), timestamp(last.ts), (last.ts - first.ts) / 1_000_000, len(events)
            values = (state[p.name] for p in oracle.schema.states)
            rows.append((object_id, *key, number, *span, first.action, last.action, *values))
    return rows


def session_columns(oracle: Oracle) -> list[tuple[str, str]]:
    """Name and declared type of the columns of `session_rows`."""
    who = [(oracle.schema.object_name, "INTEGER")]
    who += [] if oracle.schema.key_name is None else [(oracle.schema.key_name, "TEXT")]
    span = [("session", "INTEGER"), ("first_timestamp", "TIMESTAMP"), ("last_timestamp", "TIMESTAMP")]
    span += [("duration", "REAL"), ("events", "INTEGER"), ("first_action", "TEXT"), ("last_action", "TEXT")]
    return [*who, *span, *((p.name, p.kind) for p in oracle.schema.states)]


def load_sessions(oracle: Oracle, sqlite: Any) -> None:
    """Write `<t>_idle_<i>`, the events with their sessions, and `<t>_sessions_<i>`, for each of IDLES; and
    `<t>_sessions`, each path as one.
    """
    name = oracle.schema.name
    for i, idle in enumerate(IDLES.values()):
        columns = [*oracle.event_columns(), ("session", "INTEGER"), ("session_event", "INTEGER")]
        numbers = event_numbers(oracle, idle)
        rows = [(*row, *more) for row, more in zip(oracle.event_rows(), numbers, strict=True)]
        write(sqlite, f"{name}_idle_{i}", columns, rows)
        write(sqlite, f"{name}_sessions_{i}", session_columns(oracle), session_rows(oracle, idle))
    write(sqlite, f"{name}_sessions", session_columns(oracle), session_rows(oracle, None))
