"""Retention, flows, lifecycles, stickiness: equal to naive references on random paths, and cases worked out by hand.

SKYSQL_TEST_REPORTS=1000 pytest tests/reports/test_reports.py     more random paths
"""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.reports import retention, stickiness
from tests.conftest import Connect
from tests.world import reports_oracle as naive
from tests.world.histories import BY, DAY, HOUR, SEEDS, START, load, named, random_condition, random_events, write

UNITS = ("hour", "day", "week", "month", "quarter", "year", 3 * DAY, 90 * 60_000_000)


def random_action(rng: random.Random, actions: list[str]) -> tuple[Any, naive.Condition]:
    """An argument that names an action, and the same as a function."""
    if rng.random() < 0.2:
        return None, lambda _: True
    given, condition = random_condition(rng, actions)
    given = named(given)
    return given if isinstance(given, str) else json.dumps(given), condition


def random_retention(rng: random.Random, actions: list[str], unit: int) -> tuple[list[Any], naive.Retention]:
    """The arguments of sky_retention after the table, and the same for the reference."""
    first, is_first = random_action(rng, actions)
    again, is_again = random_action(rng, actions)
    asked = rng.choice(UNITS)
    rolling = rng.random() < 0.4 and asked not in ("month", "quarter", "year")
    brackets = tuple(sorted(rng.sample(range(12), 4))) if rng.random() < 0.25 else None
    by = rng.choice([None, None, *BY])
    cohort = None if by else rng.choice([None, None, "all", "day", "month"])
    right = naive.Retention(
        is_first,
        is_again,
        asked,
        periods=rng.choice([0, 3, 12]),
        rolling=rolling,
        on_or_after=brackets is None and rng.random() < 0.3,
        brackets=brackets,
        cohort=cohort,
        by=BY[by] if by else None,
        begin=START + 3 * unit if rng.random() < 0.15 else None,
        end=START + 9 * unit if rng.random() < 0.15 else None,
        until=START + 20 * unit if rng.random() < 0.15 else None,
    )
    options = {
        "rolling": rolling, "on_or_after": right.on_or_after, "brackets": brackets, "cohort": cohort, "by": by,
        "from": right.begin, "to": right.end, "until": right.until,
    }  # fmt: skip
    written = asked / 1e6 if isinstance(asked, int) else asked
    return [first, again, written, None if right.periods == 12 else right.periods, json.dumps(options)], right


def random_flow(rng: random.Random, actions: list[str], unit: int) -> tuple[str, naive.Flow]:
    """The options of sky_flow, and the same for the reference."""
    given, condition = random_condition(rng, actions)
    way = rng.choice([None, "from", "from", "to", "to"])
    asked = naive.Flow(
        condition if way else None,
        way == "to",
        session=rng.choice([None, None, unit, 3 * unit]),
        every=rng.random() < 0.4,
        depth=rng.choice([1, 2, 3, 5]),
        collapse=rng.random() < 0.3,
        top=rng.choice([None, None, 1, 2]),
    )
    options = {
        "session": None if asked.session is None else asked.session / 1e6, "depth": asked.depth, "top": asked.top,
        "starts": "every" if asked.every else "first", "collapse": asked.collapse,
    }  # fmt: skip
    return json.dumps(options | ({way: named(given)} if way else {})), asked


@pytest.mark.parametrize("seed", range(SEEDS))
def test_reports_equal_the_references(connect: Connect, loops: None, seed: int) -> None:
    rng = random.Random(seed)
    db = connect(isolation_level=None)
    unit = rng.choice([1_000_000, HOUR, DAY, 9 * DAY])
    events = random_events(rng, rng.randint(1, 12), rng.choice([3, 8, 14, 20]), unit)
    paths = load(db, rng, events)
    actions = sorted({event.action for event in events if event.action is not None}) or ["a"]
    for _ in range(12):
        call, retention = random_retention(rng, actions, unit)
        rows = db.execute("SELECT * FROM sky_retention('users', ?, ?, ?, ?, ?)", call).fetchall()
        assert rows == naive.retention(paths, retention), call
        options, flow = random_flow(rng, actions, unit)
        rows = db.execute("SELECT * FROM sky_flow('users', ?)", [options]).fetchall()
        assert len(rows) == len(set(rows)) and set(rows) == naive.flow(paths, flow), options
        given, condition = random_action(rng, actions)
        period = rng.choice(UNITS)
        written = period / 1e6 if isinstance(period, int) else period
        begin, end = rng.choice([(None, None), (START + 5 * unit, None), (START, START + 12 * unit)])
        options = json.dumps({"from": begin, "to": end})
        rows = db.execute("SELECT * FROM sky_stickiness('users', ?, ?, ?)", [given, written, options]).fetchall()
        assert rows == naive.stickiness(paths, condition, period, begin, end), (given, written, options)
        until = rng.choice([None, START + 12 * unit])
        bound = json.dumps({"until": until})
        state = rng.choice(["plan", "seats", "plan = 'pro'", "item"])
        rows = db.execute("SELECT * FROM sky_timeline('users', ?, ?)", [state, bound]).fetchall()
        assert [(*row[:1], *row[2:5]) for row in rows] == timelines(db, state, until), (state, bound)
        if max(e.ts for e in events) - START > 500 * (period if isinstance(period, int) else HOUR):
            continue
        active = None if given is None else given if given[0] == "{" else json.dumps({"action": given})
        rows = db.execute("SELECT * FROM sky_lifecycle('users', ?, ?)", [written, active]).fetchall()
        assert rows == naive.lifecycle(paths, condition, period), (written, active)


def timelines(db: skysql.Connection, state: str, until: int | None) -> list[tuple[Any, ...]]:
    """The rows by the function that has them as arrays."""
    arrays = db.execute(f"SELECT object_id, state_timeline({state}, ts, ?) FROM users GROUP BY object_id", [until])
    return [(id, e["state"], e["start"], e["end"]) for id, array in arrays.fetchall() for e in json.loads(array)]


# by hand


@pytest.fixture
def db(connect: Connect) -> skysql.Connection:
    return connect(isolation_level=None)


def rows_of(db: skysql.Connection, call: str) -> list[Any]:
    return db.execute(f"SELECT * FROM {call}").fetchall()


def test_retention_by_calendar_and_rolling(db: skysql.Connection) -> None:
    write(db, "a0 b70 b80", "a0 b1 b190", "a80")  # Thursday, 1 January; hour 96 is Monday
    weekly = rows_of(db, "sky_retention('users', 'a', 'b', 'week', 2)")
    assert weekly == [("2025-12-29", 3, 0, 2, 2 / 3), ("2025-12-29", 3, 1, 1, 1 / 3)]
    daily = rows_of(db, "sky_retention('users', 'a', 'b', 'day', 3, '{\"to\": \"2026-01-02\"}')")
    assert daily == [("2026-01-01", 2, p, n, n / 2) for p, n in enumerate([1, 0, 1, 1])]
    rolling = rows_of(db, "sky_retention('users', 'a', 'b', '70 hours', 2, '{\"rolling\": true, \"cohort\": \"all\"}')")
    assert rolling == [(None, 3, 0, 1, 1 / 3), (None, 3, 1, 1, 1 / 3), (None, 3, 2, 1, 1 / 3)]


def test_retention_on_or_after_and_in_brackets(db: skysql.Connection) -> None:
    write(db, "a0 b25 b100", "a0 b50", "a0")
    options = '{"on_or_after": true}'
    shown = db.execute(
        "SELECT period, objects FROM sky_retention('users', 'a', 'b', 'day', 9, ?)", [options]
    ).fetchall()
    assert shown == [(0, 2), (1, 2), (2, 2), (3, 1), (4, 1)]  # the table's last event is on day 4
    options = '{"brackets": [0, 1, 3, 8]}'
    shown = db.execute(
        "SELECT period, objects FROM sky_retention('users', 'a', 'b', 'day', 9, ?)", [options]
    ).fetchall()
    assert shown == [(0, 0), (1, 2), (3, 1)]


def test_a_return_comes_after_the_birth(db: skysql.Connection) -> None:
    write(db, "b0 a0 b0", "b0 a0", "a0 a0")
    assert rows_of(db, "sky_retention('users', 'a', 'b', 'day', 0)") == [("2026-01-01", 3, 0, 1, 1 / 3)]
    assert rows_of(db, "sky_retention('users', 'a', 'a', 'day', 0)") == [("2026-01-01", 3, 0, 1, 1 / 3)]
    assert rows_of(db, "sky_retention('users', NULL, NULL, 'day', 0)") == [("2026-01-01", 3, 0, 3, 1.0)]


def test_retention_of_cohorts_by_state(db: skysql.Connection) -> None:
    write(db, "a:free0 pro1 b30", "a:pro0", "a0 b26")
    options = '{"by": "plan"}'
    shown = db.execute("SELECT * FROM sky_retention('users', 'a', 'b', 'day', 1, ?)", [options]).fetchall()
    assert shown == [
        (None, 1, 0, 0, 0.0), (None, 1, 1, 1, 1.0), ("free", 1, 0, 0, 0.0), ("free", 1, 1, 1, 1.0),
        ("pro", 1, 0, 0, 0.0), ("pro", 1, 1, 0, 0.0),
    ]  # fmt: skip
    where = "SELECT cohort, objects FROM sky_retention('users', 'a', 'b', 'day', 1, ?) WHERE cohort = 'free'"
    assert db.execute(where, [options]).fetchall() == [("free", 0), ("free", 1)]


def test_where_on_cohorts_is_pushed_down_and_means_the_same(db: skysql.Connection) -> None:
    write(db, "a0", "a30", "a30 b31", "a60")
    report = "SELECT cohort, size, objects FROM sky_retention('users', 'a', 'b', 'day', 0)"
    every = db.execute(report).fetchall()
    for where in (
        "cohort = '2026-01-02'",
        "cohort > '2026-01-01' AND cohort < '2026-01-03'",
        "cohort >= '2026-01-02 '",
    ):
        expected = db.execute(f"SELECT * FROM ({report}) WHERE {where.replace('cohort', '+cohort')}").fetchall()
        assert db.execute(f"{report} WHERE {where}").fetchall() == expected != every, where
    (plan,) = db.execute(f"EXPLAIN QUERY PLAN {report} WHERE cohort > '2026-01-01'")
    assert plan[3].endswith("└─ where cohort > 2026-01-01")


def test_a_plan_shows_what_a_report_is_asked(db: skysql.Connection) -> None:
    write(db, "a0 b1")
    second = {"action": "b", "within": "1 day", "optional": True}
    steps = json.dumps(["action = 'a'", second, {"when": "1", "name": "any"}])
    options = json.dumps({"by": "plan", "hold": ["plan"]})
    sql = f"SELECT *, (SELECT count(*) FROM users) FROM sky_funnel('users', ?, '7 days', '{options}') f"
    assert str(db.execute(sql, [steps]).plan).split("\n") == [
        "PATH SCAN users", "└─ compute count(*)",
        "REPORT sky_funnel OF users", "├─ steps ?", "├─ within 7 days", "├─ by plan", '└─ hold ["plan"]',
    ]  # fmt: skip
    written = sql.replace("?", "'" + steps.replace("'", "''") + "'")
    tree = [
        *("REPORT sky_funnel OF users", "├─ steps", "│  ├─ 1. action = 'a'"),
        *("│  ├─ 2. action = 'b', within 1 day, optional", "│  └─ 3. 1 AS any", "├─ order ordered"),
        *("├─ within 7 days", "├─ hold plan", "├─ entry best", "├─ count objects", "└─ by plan"),
    ]
    for shown in (str(db.execute(written).plan), str(db.execute(f"EXPLAIN QUERY PLAN {written}").fetchall()[0][3])):
        assert "\n".join(tree) in shown
    plans = {
        "sky_flow(?)": "REPORT sky_flow OF ?",
        "sky_lifecycle('users', :unit)": "REPORT sky_lifecycle OF users\n└─ unit :unit",
        "sky_lifecycle('users', 'day')": "REPORT sky_lifecycle OF users\n├─ unit day\n└─ active any event",
        "sky_stickiness('users', 'a', 'day')": "REPORT sky_stickiness OF users\n├─ active action = 'a'\n└─ unit day",
    }
    for call, plan in plans.items():
        given = {"unit": "day"} if ":" in call else ["users"] * ("?" in call)
        assert str(db.execute(f"SELECT count(*) FROM {call}", given).plan) == plan
    with pytest.raises(skysql.ProgrammingError, match="steps"):  # a plan is no place to complain
        db.execute("SELECT * FROM sky_funnel('users', 'a >')")


def test_flows_forward_and_backward(db: skysql.Connection) -> None:
    write(db, "a0 b1 pro2 c3", "a0 b1", "c0 a1 b2")
    assert rows_of(db, 'sky_flow(\'users\', \'{"from": "a", "depth": 2}\')') == [
        (1, "a", "b", 3, 3),
        (2, "b", "(end)", 2, 2),
        (2, "b", "c", 1, 1),
    ]
    assert rows_of(db, 'sky_flow(\'users\', \'{"to": "b", "depth": 2}\')') == [
        (-2, "(start)", "a", 2, 2),
        (-2, "c", "a", 1, 1),
        (-1, "a", "b", 3, 3),
    ]
    assert rows_of(db, "sky_flow('users')")[0] == (1, "a", "b", 2, 2)


def test_flows_within_sessions_of_every_start_and_of_the_top(db: skysql.Connection) -> None:
    write(db, "a0 b1 a10 a11 c12", "a0 d1")
    options = '{"from": "a", "session": "5 hours", "depth": 1}'
    assert db.execute("SELECT * FROM sky_flow('users', ?)", [options]).fetchall() == [
        (1, "a", "a", 1, 1),
        (1, "a", "b", 1, 1),
        (1, "a", "d", 1, 1),
    ]
    options = '{"from": "a", "starts": "every", "depth": 1, "top": 1}'
    assert db.execute("SELECT * FROM sky_flow('users', ?)", [options]).fetchall() == [
        (1, "a", "(other)", 2, 3),
        (1, "a", "a", 1, 1),
    ]
    options = '{"from": "a", "starts": "every", "depth": 1, "collapse": true}'
    assert db.execute("SELECT target, flows FROM sky_flow('users', ?)", [options]).fetchall() == [
        ("b", 1), ("c", 1), ("d", 1)
    ]  # fmt: skip


@pytest.mark.parametrize("unit", ["hour", "1 second", "1 us"])
def test_a_lifecycle_of_too_many_periods_is_refused(db: skysql.Connection, unit: str) -> None:
    """One event long before the others makes more periods than anybody reads; with longer ones it is answered."""
    write(db, "a0", "b1")
    db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (9, '0001-01-01', 'a')")
    with pytest.raises(skysql.OperationalError, match=r"periods from 0001-01-01.* to 2026-.*262,144 are the most"):
        rows_of(db, f"sky_lifecycle('users', '{unit}')")
    assert len(rows_of(db, "sky_lifecycle('users', 'year')")) == 2026


def test_brackets_of_too_many_periods_are_refused(db: skysql.Connection) -> None:
    write(db, "a0 b1")
    for most in (1 << 20, 10**12, 10**30):
        with pytest.raises(skysql.OperationalError, match="'brackets' of sky_retention: .* 262,144 are the most"):
            rows_of(db, f"sky_retention('users', 'a', 'b', 'day', NULL, '{{\"brackets\": [0, {most}]}}')")


@pytest.mark.parametrize("unit", ["day", "month"])
def test_a_retention_of_too_many_cohorts_and_periods_is_refused(
    db: skysql.Connection, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    """Those that can be shown count: periods after the last event take nothing."""
    monkeypatch.setattr(retention, "MOST_COUNTS", 12)
    write(db, "a0 b800", "a1 b800", "a2", "a3")
    call = "sky_retention('users', 'a', 'b', '{}', {}, '{{\"by\": \"object_id\"}}')"
    assert len(rows_of(db, call.format(unit, 2 if unit == "day" else 9999))) == (12 if unit == "day" else 8)
    db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (9, '2030-01-01', 'b')")
    with pytest.raises(skysql.OperationalError, match=r"4 cohorts of 4 periods are 16 rows, and 12 are the most"):
        rows_of(db, call.format(unit, 3))


def test_partials_of_a_retention_are_merged_when_they_are_many(
    db: skysql.Connection, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(db, *("a0 b30 b80" for _ in range(200)))
    db.compact()
    call = "sky_retention('users', 'a', 'b', 'day', 3)"
    found = rows_of(db, call)
    assert found[1][3] == 200
    monkeypatch.setattr(retention, "MOST_COUNTS", 4)
    assert rows_of(db, call) == found


def test_returns_on_or_after_by_months_take_no_row_a_period(db: skysql.Connection) -> None:
    """Who came back in a period came back on or after each one before."""
    write(db, "a0 b70", "a0 b2000", "a0")
    call = "sky_retention('users', 'a', 'b', 'month', {}, '{{\"on_or_after\": true, \"until\": \"2030-01-01\"}}')"
    few, many = (rows_of(db, call.format(periods)) for periods in (2, 9999))
    assert [row[3] for row in few] == [2, 1, 1]
    assert many[:3] == few and len(many) == 49 and many[3][3] == 0


@pytest.mark.parametrize("unit", ["1 second", "week"])
def test_a_stickiness_of_too_many_periods_is_refused(
    db: skysql.Connection, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    monkeypatch.setattr(stickiness, "MOST_PERIODS", 3)
    write(db, "a0 a1 a2 a3 a200", "a0")
    call = f"sky_stickiness('users', 'a', '{unit}')"
    if unit == "week":
        assert rows_of(db, call) == [(1, 1, 0.5), (2, 1, 0.5)]
        return
    with pytest.raises(skysql.OperationalError, match="active in 5 periods, and 3 are the most.*take longer periods"):
        rows_of(db, call)


def test_a_lifecycle(db: skysql.Connection) -> None:
    write(db, "a0 a1 a25 a80", "a30", "a0 b73")
    assert rows_of(db, "sky_lifecycle('users', 'day')") == [
        ("2026-01-01", 2, 0, 0, 0),
        ("2026-01-02", 1, 1, 0, 1),
        ("2026-01-03", 0, 0, 0, 2),
        ("2026-01-04", 0, 0, 2, 0),
    ]
    only = rows_of(db, "sky_lifecycle('users', 'day', '{\"action\": \"b\"}') WHERE period >= '2026-01-04'")
    assert only == [("2026-01-04", 1, 0, 0, 0)]


def test_stickiness(db: skysql.Connection) -> None:
    write(db, "a0 a1 a25", "a0 a1", "b0", "a0 a24 a49")
    assert rows_of(db, "sky_stickiness('users', 'a', 'day')") == [(1, 1, 1 / 3), (2, 1, 1 / 3), (3, 1, 1 / 3)]
    since = rows_of(db, "sky_stickiness('users', NULL, 'day', '{\"from\": \"2026-01-02\"}')")
    assert since == [(1, 1, 0.5), (2, 1, 0.5)]


def test_rows_of_a_timeline_are_handed_out_in_pieces(connect: Connect) -> None:
    db, size = connect(), 1 << 17
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    at = np.arange(size)
    moments, plans = np.datetime64("2026-01-01", "us") + at, np.array(["free", "pro"], object)[at % 2]
    db.append("users", {"object_id": at // 4 + 1, "timestamp": moments, "plan": plans})
    db.commit()
    db.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall()  # which reads them
    tracemalloc.start()
    try:
        rows = sum(1 for _ in db.execute("SELECT * FROM sky_timeline('users', 'plan')"))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == size and most < 200 * size


def test_a_timeline(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, airport TEXT STATE, seats INTEGER)")
    for tail, ts, action, airport in [
        ("A", "2026-01-01", "land", "BER"),
        ("A", "2026-01-02", "wash", None),
        ("A", "2026-01-03", "land", "OSL"),
        ("B", "2026-01-02", "build", None),
    ]:
        changes = None if airport is None else json.dumps({"airport": airport})
        event = tail, ts, action, changes
        db.execute("INSERT INTO planes(tail, timestamp, action, changes) VALUES (?, ?, ?, ?)", event)
    rows = "SELECT object_key, state, since, until, seconds / 86400 FROM sky_timeline('planes', 'airport'"
    assert db.execute(f"{rows})").fetchall() == [
        ("A", "BER", "2026-01-01 00:00:00.000000", "2026-01-03 00:00:00.000000", 2.0),
        ("A", "OSL", "2026-01-03 00:00:00.000000", "2026-01-03 00:00:00.000000", 0.0),
        ("B", None, "2026-01-02 00:00:00.000000", "2026-01-02 00:00:00.000000", 0.0),
    ]
    june = db.execute(f"{rows}, '{{\"until\": \"2026-01-05\"}}') WHERE object_id = 1 AND state = 'OSL'").fetchall()
    assert june == [("A", "OSL", "2026-01-03 00:00:00.000000", "2026-01-05 00:00:00.000000", 2.0)]
    days = "SELECT state, sum(seconds) / 86400 FROM sky_timeline('planes', 'airport') GROUP BY state ORDER BY 2 DESC"
    assert db.execute(days).fetchall()[0] == ("BER", 2.0)


@pytest.mark.parametrize(
    "call",
    [
        "sky_retention('users', NULL, NULL, 'day')",
        "sky_flow('users')",
        "sky_lifecycle('users', 'day')",
        "sky_timeline('users', 'plan')",
        "sky_stickiness('users', NULL, 'day')",
        "sky_stickiness('users', 'no such action', 'day')",
    ],
)
def test_other_reports_on_a_table_without_events(db: skysql.Connection, call: str) -> None:
    write(db)
    assert rows_of(db, call) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("sky_retention('usrs', 'a', 'b', 'day')", "there is no sky table 'usrs' .did you mean 'users'"),
        (
            "sky_retention('users', 'purchas', 'b', 'day')",
            "'first' of sky_retention: no event .*did you mean 'purchase'",
        ),
        ("sky_retention('users', 'a', '{\"when\": \"itm = 1\"}', 'day')", "'again' of .*no such column: itm"),
        ("sky_retention('users', 'a', '{\"if\": 1}', 'day')", "'again' of sky_retention: .* is not a condition"),
        ("sky_retention('users', 'a', '{\"if\"', 'day')", "'again' of sky_retention is not JSON"),
        (
            "sky_retention('users', 'a', 'b', 'fortnight')",
            "'unit' of sky_retention is a unit of time, and not 'fortnight'",
        ),
        ("sky_retention('users', 'a', 'b', 'day', -1)", "'periods' of sky_retention is a number from 0"),
        (
            "sky_retention('users', 'a', 'b', 'month', 1, '{\"rolling\": true}')",
            "rolling periods are all of one length",
        ),
        (
            "sky_retention('users', 'a', 'b', 'day', 1, '{\"roling\": true}')",
            "no option 'roling' .did you mean 'rolling'",
        ),
        (
            "sky_retention('users', 'a', 'b', 'day', 1, '{\"rolling\": 1}')",
            "option 'rolling' .* is true or false, and not 1",
        ),
        ("sky_retention('users', 'a', 'b', 'day', 1, '{\"brackets\": [3, 1]}')", "option 'brackets' .* ascending"),
        ("sky_retention('users', 'a', 'b', 'day', 1, '{\"by\": \"plan\", \"cohort\": \"day\"}')", "not by both"),
        ("sky_flow('users', '{\"from\": \"x\"}')", "option 'from' of sky_flow: no event of 'users' has the action 'x'"),
        ('sky_flow(\'users\', \'{"from": "a", "to": "b"}\')', "not both"),
        ("sky_flow('users', '{\"depth\": 0}')", "option 'depth' of sky_flow is a number from 1 to 32, and not 0"),
        ("sky_flow('users', '{\"top\": \"all\"}')", "option 'top' of sky_flow is a number"),
        ("sky_timeline('users')", "'property' of sky_timeline is SQL over an event, and is missing"),
        ("sky_timeline('users', 'plann')", "plann"),
        ("sky_timeline('users', 'plan', '{\"end\": 1}')", "sky_timeline has no option 'end'"),
        ("sky_lifecycle('users')", "'unit' of sky_lifecycle is a unit of time, and is missing"),
        ('sky_lifecycle(\'users\', \'day\', \'{"action": "a", "when": "1"}\')', "not both"),
        ("sky_stickiness('users', 'a', '0 days')", "'unit' of sky_stickiness is a unit of time"),
    ],
)
def test_what_other_reports_cannot_read(db: skysql.Connection, call: str, message: str) -> None:
    write(db, "a0 b1")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (9, 1, 'purchase')")
    with pytest.raises(skysql.ProgrammingError, match=message):
        rows_of(db, call)
