"""A web shop to try skysql on: a seeded million events, and ten questions about them.

    shop       sky table: customers sign up, visit, search, buy and return; they change plans and move house
    customers  ordinary table: a row a customer, with a segment
    tickets    ordinary table: a row a support ticket, with its customer and when it was opened

Made up, but with something to find: dearer plans buy more, and prices rose in September.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.dtypes import Array, Bool, Int64

if TYPE_CHECKING:
    from ..dbapi.connection import Connection

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
_COUNTRIES = np.array([None, "DE", "FR", "US", "JP", "BR"], object)
_COUNTRY_CHANCES = [0.4, 0.2, 0.2, 0.1, 0.1]
_PURCHASE, _RETURN, _SWITCH, _SIGN_UP = 3, 4, 5, 6


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
    Question(
        "How long do customers stay, by the plan they come with?",
        "Sessions: paths cut where nothing happened for a week, with the state at their beginning.",
        """\
SELECT plan, count(*) AS sessions, round(avg(events), 2) AS events, round(avg(duration) / 86400, 1) AS days
FROM shop_sessions('7 days')
GROUP BY plan ORDER BY sessions DESC""",
    ),
    Question(
        "How many get from a search to a purchase within a week, and how fast?",
        "A funnel; the segment is the plan at its first step.",
        """\
SELECT segment AS plan, name, objects, round(of_first, 3) AS of_first, round(first_median / 3600, 1) AS median_hours
FROM sky_funnel('shop', 'search > add to basket > purchase', '7 days', '{"by": "plan"}')""",
    ),
    Question(
        "Who comes back to buy in the months after signing up?",
        "Retention by calendar month.",
        """\
SELECT cohort, size, period, objects, round(share, 3) AS share
FROM sky_retention('shop', 'sign up', 'purchase', 'month', 3)
WHERE cohort < '2025-04' ORDER BY cohort, period""",
    ),
    Question(
        "How often is something looked at again and again, and then bought?",
        "MATCH_RECOGNIZE: a pattern of events within each path.",
        """\
SELECT visits, count(*) AS matches
FROM shop MATCH_RECOGNIZE (
  PARTITION BY object_id ORDER BY timestamp
  MEASURES count(V.*) AS visits
  PATTERN (V{3,} B P)
  DEFINE V AS action = 'visit', B AS action = 'add to basket', P AS action = 'purchase')
GROUP BY visits ORDER BY visits LIMIT 5""",
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
    customers = CUSTOMERS * n // EVENTS or 1
    objects = (customers * rng.random(n) ** 2).astype(np.int64) + 1  # a few customers do much
    ts = _START + rng.integers(0, _YEAR, n)
    path_order = np.lexsort((ts, objects))
    objects, ts = objects[path_order], ts[path_order]
    first = np.ones(n, bool)
    first[1:] = objects[1:] != objects[:-1]
    action = rng.choice(len(_CHANCES), n, p=_CHANCES)
    action[first] = _SIGN_UP
    switch = action == _SWITCH
    plan = 1 + _walk(first, np.where(switch, rng.choice([1, 2], n, p=[0.7, 0.3]), 0)) % 3
    moved = switch & (rng.random(n) < 0.2)
    country = 1 + _walk(first, np.where(moved | first, rng.choice(5, n, p=_COUNTRY_CHANCES) + moved, 0)) % 5
    action[(action == _PURCHASE) & (rng.random(n) > np.array([0, 0.5, 0.8, 1.0])[plan])] = 0  # only looked
    amount = _amounts(rng, action, ts, plan)
    by_time = np.argsort(ts, kind="stable")
    return {
        "object_id": objects[by_time],
        "timestamp": ts[by_time],
        "action": _ACTIONS[action][by_time],
        "plan": _PLANS[np.where(switch | first, plan, 0)][by_time],
        "country": _COUNTRIES[np.where(moved | first, country, 0)][by_time],
        "amount": amount[by_time],
    }


def _walk(first: Bool, steps: Int64) -> Int64:
    """The sum of the steps so far in each path: what a property that moves on by steps has come to."""
    total = np.cumsum(steps)
    starts = np.flatnonzero(first)
    return np.asarray(total - np.repeat(total[starts] - steps[starts], np.diff(np.append(starts, len(steps)))))


def _amounts(rng: np.random.Generator, action: Int64, ts: Int64, plan: Int64) -> Array:
    """What was bought or returned for, in cents' precision; NaN for the other events."""
    paid = rng.lognormal(3.2, 0.7, len(action)) * np.array([1, 1, 1.3, 1.8])[plan] * np.where(ts >= _SEPTEMBER, 1.1, 1)
    return np.where((action == _PURCHASE) | (action == _RETURN), np.round(paid, 2), np.nan)
