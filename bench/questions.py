"""The questions that skysql and its peers are asked, and the numpy answers that each must give.

A peer may have several ways to ask one question. Its `Statement` names the way; the target is held against the fastest
of the ways that count. The answers here are plain numpy over the whole workload, written to be seen to be right; they
share no code with skysql.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .events import ACTIONS, COUNTRIES, PLANS, Events, Orders
from .measure import Rows
from .report import Target

Array = npt.NDArray[Any]

AS_OF = "2025-07-01"
AS_OF_US = 1_751_328_000_000_000
PURCHASE = list(ACTIONS).index("purchase")

BY_PLAN = "purchases, count and sum by plan at the time"
BY_PLAN_COUNTRY = "purchases by plan and country at the time"
BY_ACTION = "count by action"
PLANS_AS_OF = "plan of every object as of T"
ORDERS = "point-in-time join, two properties"
PATH = "one object's path"
QUESTIONS = {
    "by_plan": BY_PLAN, "by_plan_country": BY_PLAN_COUNTRY, "by_action": BY_ACTION, "plans_as_of": PLANS_AS_OF,
    "orders": ORDERS, "path": PATH,
}  # fmt: skip
"""By the names that the command line has for them."""

ASOF, STATE, ARG_MAX, SCAN, RANGES = "ASOF JOIN", "state on every event", "arg_max", "scan", "join of ranges"

TARGETS = (
    Target(BY_PLAN, ASOF, 25, ("DuckDB", "ClickHouse")),
    Target(BY_PLAN, STATE, 3),
    Target(BY_PLAN_COUNTRY, ASOF, 25),
    Target(BY_ACTION, SCAN, 2),
    Target(PLANS_AS_OF, ARG_MAX, 3),
    Target(ORDERS, ASOF, 5),
    Target(PATH, STATE, 1),
)


def answers(events: Events, orders: Orders, paths: Sequence[int]) -> dict[str, list[Rows]]:
    """By question the expected rows, one list of rows for each time it is asked; events are in path order."""
    plan, country = state(events.objects, events.plan), state(events.objects, events.country)
    bought = np.flatnonzero(events.action == PURCHASE)
    amount = events.amount[bought]
    known = events.ts <= AS_OF_US
    last = np.flatnonzero(known & np.append((np.diff(events.objects) != 0) | ~known[1:], True))
    at = _last_at(events, orders)
    return {
        BY_PLAN: [_grouped((PLANS, plan[bought]), amount=amount)],
        BY_PLAN_COUNTRY: [_grouped((PLANS, plan[bought]), (COUNTRIES, country[bought]), amount=amount)],
        BY_ACTION: [_grouped((ACTIONS, events.action))],
        PLANS_AS_OF: [_grouped((PLANS, plan[last]))],
        ORDERS: [_grouped((PLANS, plan[at]), (COUNTRIES, country[at]))],
        PATH: [_path(events, plan, country, object_id) for object_id in paths],
    }


def state(objects: Array, changes: Array) -> Array:
    """The code in force at each event, -1 for none: changes carried on to the end of the path."""
    n = len(objects)
    first = np.append(True, objects[1:] != objects[:-1])
    source = np.maximum.accumulate(np.where(first | (changes >= 0), np.arange(n), 0))
    return changes[source]


def _last_at(events: Events, orders: Orders) -> Array:
    """For each order the index of its customer's last event not after it."""
    base = int(events.ts.min())
    span = max(int(events.ts.max()), int(orders.created.max())) - base + 1
    if int(events.objects[-1]) * span < 1 << 63:
        keys = events.objects * span + (events.ts - base)
        return np.searchsorted(keys, orders.customers * span + (orders.created - base), side="right") - 1
    starts = np.searchsorted(events.objects, orders.customers)
    ends = np.searchsorted(events.objects, orders.customers, side="right")
    spans = zip(starts.tolist(), ends.tolist(), orders.created.tolist(), strict=True)
    return np.array([low + np.searchsorted(events.ts[low:high], until, "right") - 1 for low, high, until in spans])


def _grouped(*keys: tuple[Any, Array], amount: Array | None = None) -> Rows:
    """(key values..., count[, sum of amount]) for each combination of codes; -1 is None."""
    combined = np.zeros(len(keys[0][1]), np.int64)
    for names, codes in keys:
        combined = combined * (len(names) + 1) + (codes.astype(np.int64) + 1)
    counts = np.bincount(combined)
    sums = None if amount is None else np.bincount(combined, weights=amount)
    rows: Rows = []
    for number in np.flatnonzero(counts).tolist():
        row: list[Any] = [int(counts[number])] if sums is None else [int(counts[number]), float(sums[number])]
        rest = number
        for names, _ in reversed(keys):
            rest, code = divmod(rest, len(names) + 1)
            row.insert(0, list(names)[code - 1] if code else None)
        rows.append(tuple(row))
    return rows


def _path(events: Events, plan: Array, country: Array, object_id: int) -> Rows:
    low, high = np.searchsorted(events.objects, [object_id, object_id + 1]).tolist()
    return [row[1:] for row in replace(events, plan=plan, country=country).take(slice(low, high)).rows()]


def naive(events: Events) -> Rows:
    """BY_PLAN once more, with a loop: what `answers` is itself compared with, on a part of the events."""
    plans: dict[int, str] = {}
    counts: dict[str | None, int] = {}
    sums: dict[str | None, float] = {}
    for object_id, _, action, plan, _, amount in events.rows():
        if plan is not None:
            plans[object_id] = plan
        if action == "purchase":
            now = plans.get(object_id)
            counts[now] = counts.get(now, 0) + 1
            sums[now] = sums.get(now, 0.0) + (amount or 0.0)
    return [(plan, count, sums[plan]) for plan, count in counts.items()]


def assert_equal(found: Sequence[Sequence[Any]], expected: Sequence[Sequence[Any]], what: str) -> None:
    """The same rows in any order; REAL within 1e-9 relative."""
    left, right = _sorted(found), _sorted(expected)
    assert len(left) == len(right), f"{what}: {len(left)} rows, expected {len(right)}"
    for row, other in zip(left, right, strict=True):
        same = len(row) == len(other) and all(map(_equal, row, other))
        assert same, f"{what}: {row}, expected {other}"


def _sorted(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, rows), key=lambda row: [(value is not None, value or 0, "") if not isinstance(value, str)
                                                     else (True, 0, value) for value in row])  # fmt: skip


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return type(left) is type(right) and bool(left == right)
