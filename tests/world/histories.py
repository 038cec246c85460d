"""Histories that the reports are tested on: random ones, and ones written down in a word an event."""

from __future__ import annotations

import json
import os
import random
import re
from typing import Any

import skysql
from tests.world import reports_oracle as naive
from tests.world.oracle import Event, Oracle, Property, Schema

SEEDS = int(os.environ.get("SKYSQL_TEST_REPORTS", "20"))
DAY = 86_400_000_000
HOUR = 3_600_000_000
START = 1_767_225_600_000_000  # 2026-01-01, a Thursday
SCHEMA = Schema(
    "users",
    (Property("plan", "TEXT", True), Property("seats", "INTEGER", True), Property("item", "INTEGER", False),
     Property("due", "TIMESTAMP", True), Property("price", "DECIMAL(9,2)", False)),
)  # fmt: skip
DUES = ("2026-01-02 00:00:00.000000", "2026-01-02 00:00:00.500000", None)
ACTIONS = ("a", "b", "c", "d", "e")


def random_events(rng: random.Random, objects: int, most: int, unit: int) -> list[Event]:
    """Events in order of arrival: late ones, equal timestamps, changes to NULL, events without an action."""
    events = []
    gaps = rng.choice([(0, 0, 1, 2), (0, 1, 1, 3), (0, 1, 5)])
    actions = ACTIONS[: rng.choice([2, 3, 3, 5])]
    for o in range(1, objects + 1):
        ts = START + rng.randint(0, 5) * unit
        for _ in range(rng.randint(1, most)):
            ts += rng.choice(gaps) * unit
            action = rng.choice(actions) if rng.random() < 0.9 else None
            changes: dict[str, Any] = {}
            if action is None or rng.random() < 0.15:
                changes["plan"] = rng.choice(["free", "pro", None])
            if rng.random() < 0.2:
                changes["seats"] = rng.choice([1, 2, 3, None])
            if rng.random() < 0.15:
                changes["due"] = rng.choice(DUES)
            attributes = {"item": rng.choice([1, 2])} if rng.random() < 0.8 else {}
            if rng.random() < 0.5:
                attributes["price"] = rng.choice([0.1, 0.29, 19.99, -4.35])
            events.append(Event(o, ts, action, attributes, changes))
    rng.shuffle(events) if rng.random() < 0.5 else None
    return events


def load(db: skysql.Connection, rng: random.Random, events: list[Event]) -> list[naive.Path]:
    """A table of these events, in several commits; the paths as the references see them.

    It may have been another one at first, and have been altered after a few of the commits.
    """
    db.execute("DROP TABLE IF EXISTS users")
    commits, at = [], 0
    while at < len(events):
        to = rng.randint(at + 1, len(events))
        commits.append(events[at:to])
        at = to
    former = rng.randint(0, len(commits)) if rng.random() < 0.4 else 0
    narrow = all(event.changes.get("seats") in (None, 1) for commit in commits[:former] for event in commit)
    ddl = f"gone TEXT, level TEXT STATE, seats {'BOOLEAN' if narrow else 'INTEGER'} STATE, item INTEGER STATE,"
    ddl += " due TIMESTAMP STATE, price DECIMAL(7,2)"
    db.execute(f"CREATE VIRTUAL TABLE users USING sky({ddl})" if former else SCHEMA.ddl())
    for number, commit in enumerate(commits, 1):
        _append(db, commit, {"plan": "level"} if number <= former else {})
        if number == former:
            for change in ("DROP gone", "RENAME level TO plan", "ALTER item TO ATTRIBUTE",
                           "ALTER price TYPE DECIMAL(9,2)", "ALTER seats TYPE INTEGER"):  # fmt: skip
                if narrow or not change.endswith("INTEGER"):
                    db.execute("SELECT sky_alter('users', ?)", (change,))
        if rng.random() < 0.3:
            db.compact()
    return naive.paths_of(Oracle(SCHEMA, events))


def _append(db: skysql.Connection, events: list[Event], called: dict[str, str]) -> None:
    """One commit of these events; called: the names of properties that have another one."""
    columns = {
        "object_id": [e.object for e in events],
        "timestamp": [e.ts for e in events],
        "action": [e.action for e in events],
        "item": [e.attributes.get("item") for e in events],
        "price": [e.attributes.get("price") for e in events],
        "changes": [
            json.dumps({called.get(n, n): v for n, v in e.changes.items()}) if e.changes else None for e in events
        ],
    }
    if called:
        columns["gone"] = ["x"] * len(events)
    db.append("users", columns, time_unit="us")


def random_condition(rng: random.Random, actions: list[str]) -> tuple[Any, naive.Condition]:
    """A condition as an option has it, and as a function."""
    action = rng.choice(actions)
    kind = rng.randrange(14)
    if kind < 8:
        return {"action": action}, lambda h: h.action == action
    if kind == 8:
        return f"action IN ('{action}', 'a')", lambda h: None if h.action is None else h.action in (action, "a")
    if kind == 9:
        return {
            "when": f"action = '{action}' AND plan = 'pro'"
        }, lambda h: h.action == action and h.values["plan"] == "pro"
    if kind == 10:
        return "seats > 1", lambda h: None if h.values["seats"] is None else h.values["seats"] > 1
    if kind == 11:
        return "price >= 0.29", lambda h: None if h.values.get("price") is None else h.values["price"] >= 0.29
    if kind == 12:
        return f"due > '{DUES[0]}'", lambda h: None if h.values["due"] is None else h.values["due"] > str(DUES[0])
    return f"action = '{action}' AND NOT item = 2", lambda h: h.action == action and h.values.get("item") == 1


BY = {
    None: lambda _: None,
    "plan": lambda h: h.values["plan"],
    "seats": lambda h: h.values["seats"],
    "due": lambda h: h.values["due"],
    "price": lambda h: h.values.get("price"),
    "coalesce(plan, 'none') || action": lambda h: None if h.action is None else (h.values["plan"] or "none") + h.action,
}


def keyed(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {"when": given}


def named(given: Any) -> Any:
    """A condition where the name of an action stands as plain text."""
    return keyed(given).get("action", keyed(given))


def write(db: skysql.Connection, *paths: str) -> None:
    """A table of objects 1, 2, ..., each a path like 'a0 b1.5 pro2 -3': what happens at which hour, in this order.

    A letter is an action; 'free', 'pro' and 'null' set the plan; both together as 'a:pro0'; 'a=7' has item 7.
    """
    db.execute("DROP TABLE IF EXISTS users")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, item INTEGER)")
    rows = []
    for object_id, path in enumerate(paths, 1):
        for word in path.split():
            match = re.fullmatch(r"([a-z]?)(?:=(\d+))?:?(free|pro|null)?@?(\d[\d.]*)", word)
            assert match, word
            action, item, plan, hour = match.groups()
            changes = json.dumps({"plan": None if plan == "null" else plan}) if plan else None
            rows.append((object_id, START + round(float(hour) * HOUR), action or None, item, changes))
    db.executemany("INSERT INTO users(object_id, ts, action, item, changes) VALUES (?, ?, ?, ?, ?)", rows)
