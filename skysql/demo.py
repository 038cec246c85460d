"""A web shop to try skysql on: a seeded million events, and six questions about them.

    shop       sky table: customers sign up, visit, search, buy and return; they change plans and move house
    customers  ordinary table: a row a customer, with a segment
    tickets    ordinary table: a row a support ticket, with its customer and when it was opened

Made up, but with something to find: dearer plans buy more, and prices rose in September.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .columns import Array, Int64

if TYPE_CHECKING:
    from .dbapi import Connection

EVENTS = 1_000_000
CUSTOMERS = 40_000
TICKETS = 20_000
SEED = 2012

_START = np.datetime64("2025-01-01", "us").astype(np.int64)
_YEAR = 365 * 86_400 * 1_000_000
_SEPTEMBER = np.datetime64("2025-09-01", "us").astype(np.int64)
_ACTIONS = np.array(["visit", "search", "add to basket", "purchase", "return", None, "sign up"], object)
_CHANCES = [0.52, 0.2, 0.14, 0.1, 0.02, 0.02]
_PLANS = np.array([None, "free", "plus", "pro"], object)
_PLAN_CHANCES = [0.4, 0.35, 0.25]
_COUNTRIES = np.array([None, "DE", "FR", "US", "JP", "BR"], object)
_COUNTRY_CHANCES = [0.3, 0.2, 0.3, 0.1, 0.1]
_PURCHASE, _RETURN, _MOVE, _SIGN_UP = 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Question:
    """A question, why it is a hard one elsewhere, and its SQL."""

    title: str
    comment: str
    sql: str


QUESTIONS = (
    Question(
        "What did each plan earn?",
        "By the plan that the customer had when buying, not by today's. A state property reads as it was at the event.",
        """\
SELECT plan, count(*) AS purchases, round(sum(amount), 2) AS revenue
FROM shop WHERE action = 'purchase'
GROUP BY plan ORDER BY revenue DESC""",
    ),
    Question(
        "How did the revenue from pro customers living in Germany go, month by month?",
        "Two properties as they were at each purchase, and a time bucket.",
        """\
SELECT strftime('%Y-%m', timestamp) AS month, count(*) AS purchases, round(avg(amount), 2) AS average
FROM shop WHERE action = 'purchase' AND plan = 'pro' AND country = 'DE'
GROUP BY month ORDER BY month""",
    ),
    Question(
        "How many customers were on each plan at midsummer?",
        "Every customer as of a moment in the past.",
        """\
SELECT plan, count(*) AS customers
FROM shop_objects FOR SYSTEM_TIME AS OF '2025-07-01'
GROUP BY plan ORDER BY customers DESC""",
    ),
    Question(
        "Which changes of plan are the most common?",
        "Every change, with the value before it.",
        """\
SELECT old_value, new_value, count(*) AS changes
FROM shop_changes WHERE property = 'plan' AND old_value IS NOT NULL
GROUP BY old_value, new_value ORDER BY changes DESC""",
    ),
    Question(
        "On which plan were customers when they asked for help?",
        "An ordinary table joined with the customers as of each ticket: a point-in-time join.",
        """\
SELECT c.plan, count(*) AS tickets
FROM tickets t JOIN shop_objects c ON c.object_id = t.customer_id AND c.as_of = t.opened_at
GROUP BY c.plan ORDER BY tickets DESC""",
    ),
    Question(
        "What do companies and private customers return, by the plan at the time?",
        "Events joined with an ordinary table, grouped by columns of both.",
        """\
SELECT c.segment, s.plan, count(*) AS returns, round(sum(s.amount), 2) AS refunded
FROM shop s JOIN customers c ON c.id = s.object_id
WHERE s.action = 'return'
GROUP BY c.segment, s.plan ORDER BY refunded DESC""",
    ),
)


def build(db: Connection, events: int = EVENTS, seed: int = SEED) -> None:
    """Make the three tables, in one transaction."""
    rng = np.random.default_rng(seed)
    columns = shop_events(rng, events)
    customers = max(int(columns["object_id"].max()), 1)
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE VIRTUAL TABLE shop USING sky(plan TEXT STATE, country TEXT STATE, amount REAL)")
        db.append("shop", columns)
        db.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, segment TEXT)")
        segments = np.array(["private", "company"], object)[(rng.random(customers) < 0.3).astype(int)]
        db.executemany("INSERT INTO customers VALUES (?, ?)", enumerate(segments.tolist(), 1))
        db.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer_id INTEGER, opened_at TEXT)")
        asked = rng.integers(1, customers + 1, TICKETS).tolist()
        seconds = rng.integers(0, 365 * 86_400, TICKETS).astype("timedelta64[s]")
        opened = np.datetime_as_string(np.datetime64("2025-01-01", "s") + seconds).tolist()
        db.executemany("INSERT INTO tickets (customer_id, opened_at) VALUES (?, ?)", zip(asked, opened, strict=True))
        db.commit()
    except BaseException:
        db.rollback()
        raise


def shop_events(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """The shop's events, in order of time, as columns to append; the first of each customer is a sign up."""
    customers = (CUSTOMERS * n // EVENTS or 1) * rng.random(n) ** 2  # a few customers do much
    objects = customers.astype(np.int64) + 1
    ts = _START + np.sort(rng.integers(0, _YEAR, n))
    order = np.lexsort((ts, objects))
    first = np.ones(n, bool)
    first[1:] = objects[order][1:] != objects[order][:-1]
    action = rng.choice(len(_CHANCES), n, p=_CHANCES)
    action[order[first]] = _SIGN_UP
    plan, country = _moves(rng, action)
    held = np.empty(n, np.int64)
    held[order] = _at_the_time(plan[order])
    lost = (action == _PURCHASE) & (rng.random(n) > np.array([0, 0.5, 0.8, 1.0])[held])
    action[lost] = 0
    return {
        "object_id": objects,
        "timestamp": ts,
        "action": _ACTIONS[action],
        "plan": _PLANS[plan],
        "country": _COUNTRIES[country],
        "amount": _amounts(rng, action, ts, held),
    }


def _moves(rng: np.random.Generator, action: Int64) -> tuple[Int64, Int64]:
    """The new plan and country of each event, 0 for no change. Everybody starts on the free plan."""
    n = len(action)
    plan = np.where(action == _MOVE, 1 + rng.choice(3, n, p=_PLAN_CHANCES), 0)
    plan[action == _SIGN_UP] = 1
    country = np.where((action == _MOVE) & (rng.random(n) < 0.2) | (action == _SIGN_UP), 1, 0)
    return plan, country * (1 + rng.choice(5, n, p=_COUNTRY_CHANCES))


def _at_the_time(changes: Int64) -> Int64:
    """The last change at or before each event, of events in path order whose paths begin with one."""
    return np.asarray(changes[np.maximum.accumulate(np.where(changes > 0, np.arange(len(changes)), 0))])


def _amounts(rng: np.random.Generator, action: Int64, ts: Int64, plan: Int64) -> Array:
    """What was bought or returned for, in cents' precision; NaN for the other events."""
    paid = rng.lognormal(3.2, 0.7, len(action)) * np.array([1, 1, 1.3, 1.8])[plan] * np.where(ts >= _SEPTEMBER, 1.1, 1)
    return np.where((action == _PURCHASE) | (action == _RETURN), np.round(paid, 2), np.nan)
