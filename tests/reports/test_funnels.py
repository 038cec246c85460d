"""Funnels: equal to the naive reference on random paths, and each option by a case worked out by hand.

SKYSQL_TEST_REPORTS=1000 pytest tests/reports/test_funnels.py     more random paths
"""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

import skysql
from tests.conftest import Connect
from tests.world import reports_oracle as naive
from tests.world.histories import (
    BY,
    DAY,
    HOUR,
    SEEDS,
    START,
    keyed,
    load,
    named,
    random_condition,
    random_events,
    write,
)
from tests.world.oracle import timestamp


def random_steps(
    rng: random.Random, actions: list[str], order: str, unit: int, within: int | None
) -> tuple[list[Any], list[naive.Step]]:
    written, steps = [], []
    optional = rng.choice([0.0, 0.0, 0.4]) if order == "ordered" else 0.0
    for at in range(rng.randint(2, 5)):
        given, condition = random_condition(rng, actions)
        own, may_miss = within, False
        if at and order != "any" and rng.random() < 0.1:
            own = rng.choice([unit, 5 * unit])
            given = {"within": own / 1e6, **keyed(given)}
        if at and rng.random() < optional:
            may_miss, given = True, {"optional": True, **keyed(given)}
        written.append(given)
        steps.append(naive.Step(condition, None if at == 0 else own, may_miss))
    return written, steps


def random_exclusions(
    rng: random.Random, actions: list[str], order: str, steps: int
) -> tuple[list[Any], list[naive.Exclusion]]:
    written, exclusions = [], []
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        given, condition = random_condition(rng, actions)
        after, before = 1, steps
        if order != "any" and rng.random() < 0.6:
            after = rng.randint(1, steps - 1)
            before = rng.randint(after + 1, steps)
            given = {"after": after, "before": before, **keyed(given)}
        written.append(given if isinstance(given, dict) and len(given) > 1 else named(given))
        exclusions.append(naive.Exclusion(condition, after, before))
    return written, exclusions


def random_funnel(rng: random.Random, actions: list[str], unit: int) -> tuple[list[Any], naive.Funnel]:
    """The arguments of sky_funnel after the table, and the same for the reference."""

    def sometimes(*values: Any) -> Any:
        return rng.choice(values) if rng.random() < 0.2 else None

    order = rng.choice(["ordered", "ordered", "ordered", "strict", "any"])
    count = rng.choice(["objects", "objects", "sessions", "totals"])
    step_within = sometimes(2 * unit, 3 * unit) if order != "any" else None
    written, steps = random_steps(rng, actions, order, unit, step_within)
    excluded, exclusions = random_exclusions(rng, actions, order, len(steps))
    asked = naive.Funnel(
        steps,
        within=rng.choice([None, unit, 3 * unit, 5 * unit, 9 * unit, 15 * unit]),
        order=order,
        entry=rng.choice(["best", "best", "first"]),
        count=count,
        exclusions=tuple(exclusions),
        begin=sometimes(START, START + 10 * unit),
        end=sometimes(START + 10 * unit, START + 30 * unit),
        hold=sometimes(("item",), ("plan",), ("plan", "item")) or (),
        session=rng.choice([unit, 3 * unit, 9 * unit]) if count == "sessions" else sometimes(2 * unit, 5 * unit),
        by=BY[by] if (by := rng.choice(list(BY))) else BY[None],
    )
    options = {
        "order": order, "entry": asked.entry, "count": count, "from": asked.begin, "to": asked.end, "by": by,
        "session": None if asked.session is None else asked.session / 1e6,
        "step_within": None if step_within is None else step_within / 1e6,
        "hold": asked.hold[0] if len(asked.hold) == 1 else list(asked.hold),
        "exclude": excluded[0] if len(excluded) == 1 else excluded,
    }  # fmt: skip
    return [json.dumps(written), None if asked.within is None else asked.within / 1e6, json.dumps(options)], asked


TIMES = range(5, 11)


def same(column: int, a: Any, b: Any) -> bool:
    """Means add seconds in another order, and percentiles lie between two: their last bits may differ."""
    if column in TIMES and isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-14)
    return bool(a == b and type(a) is type(b))


def sort_key(value: Any) -> tuple[int, Any]:
    return (0, 0) if value is None else (1, value) if isinstance(value, int | float) else (2, value)


def check_funnel(
    db: skysql.Connection, rng: random.Random, paths: list[naive.Path], call: list[Any], asked: naive.Funnel
) -> None:
    counted = naive.funnel(paths, asked)
    segments = sorted({c.segment for c in counted}, key=sort_key)
    if asked.by is BY[None]:
        segments = [None]
    expected = naive.funnel_rows(counted, asked, segments)
    rows = db.execute(
        "SELECT segment, step, objects, of_first, of_previous, previous_median, previous_mean, previous_p90,"
        " first_median, first_mean, first_p90 FROM sky_funnel('users', ?, ?, ?)",
        call,
    ).fetchall()
    assert len(rows) == len(expected), call
    counts = db.execute("SELECT segment, step, objects FROM sky_funnel('users', ?, ?, ?)", call).fetchall()
    assert counts == [row[:3] for row in rows], call  # where nothing else is asked for, nothing else is found out
    for row, right in zip(rows, expected, strict=True):
        flat = (right.segment, right.step, right.objects, right.of_first, right.of_previous, *right.times)
        assert all(map(same, range(len(row)), row, flat)), (call, row, flat)
    for step, dropped in [(1, 0), *rng.sample([(s, d) for s in range(2, len(asked.steps) + 1) for d in (0, 1)], 1)]:
        listed = db.execute(
            "SELECT object_id, session, segment, entry, reached, last_step"
            " FROM sky_funnel_objects('users', ?, ?, ?, ?, ?)",
            [*call, step, dropped],
        ).fetchall()
        right = listed_naively(counted, asked, step, dropped)
        assert sorted(listed, key=repr) == sorted(right, key=repr), (call, step, dropped)


def listed_naively(counted: list[naive.Counted], asked: naive.Funnel, step: int, dropped: int) -> list[Any]:
    before = max((at for at in range(step - 1) if not asked.steps[at].optional), default=0)
    listed = []
    for c in counted:
        event = c.events[step - 1]
        if (event is None and c.events[before] is not None) if dropped else event is not None:
            entry = c.events[0]
            assert entry is not None
            last = max(at for at, e in enumerate(c.events, 1) if e is not None)
            session = None if asked.session is None else c.session
            reached = None if event is None else timestamp(event.ts)
            listed.append((c.object, session, c.segment, timestamp(entry.ts), reached, last))
    return listed


@pytest.mark.parametrize("seed", range(SEEDS))
def test_funnels_equal_the_reference(connect: Connect, loops: None, seed: int) -> None:
    rng = random.Random(seed)
    db = connect(isolation_level=None)
    unit = rng.choice([1_000_000, HOUR, DAY])
    events = random_events(rng, rng.randint(1, 10), rng.choice([3, 8, 14, 20]), unit)
    paths = load(db, rng, events)
    actions = sorted({event.action for event in events if event.action is not None}) or ["a"]
    for _ in range(20):
        call, asked = random_funnel(rng, actions, unit)
        check_funnel(db, rng, paths, call, asked)


# by hand


@pytest.fixture
def db(connect: Connect) -> skysql.Connection:
    return connect(isolation_level=None)


def counts(db: skysql.Connection, steps: str, within: Any = None, **options: Any) -> list[int]:
    """The objects of each step; and that listing them finds as many."""
    call = [steps, within, json.dumps({key.rstrip("_"): value for key, value in options.items()})]
    rows = db.execute("SELECT step, sum(objects) FROM sky_funnel('users', ?, ?, ?) GROUP BY step", call).fetchall()
    for step, objects in rows:
        listed = "SELECT count(*) FROM sky_funnel_objects('users', ?, ?, ?, ?)"
        assert db.execute(listed, [*call, step]).fetchall() == [(objects,)]
    return [objects for _, objects in rows]


def test_a_funnel_tells_objects_shares_and_seconds(db: skysql.Connection) -> None:
    write(db, "a0 b1 c3", "a0 b2", "a0", "b0 c1")
    assert db.execute("SELECT * FROM sky_funnel('users', 'a > b > c', '1 day')").fetchall() == [
        (None, 1, "a", 3, 1.0, 1.0, None, None, None, None, None, None),
        (None, 2, "b", 2, 2 / 3, 2 / 3, 5400.0, 5400.0, 6840.0, 5400.0, 5400.0, 6840.0),
        (None, 3, "c", 1, 1 / 3, 1 / 2, 7200.0, 7200.0, 7200.0, 10800.0, 10800.0, 10800.0),
    ]


def test_the_window_is_inclusive_and_counts_from_the_first_step(db: skysql.Connection) -> None:
    write(db, "a0 b1 c2")
    assert counts(db, "a > b > c", 7200) == [1, 1, 1]
    assert counts(db, "a > b > c", 7199.999999) == [1, 1, 0]
    assert counts(db, "a > b > c", 3599) == [1, 0, 0]
    assert counts(db, "a > b > c") == [1, 1, 1]


def test_events_of_one_timestamp_are_in_order_of_arrival(db: skysql.Connection) -> None:
    write(db, "a0 b0", "b0 a0")
    assert counts(db, "a > b", 1) == [2, 1]


def test_one_event_does_one_step(db: skysql.Connection) -> None:
    write(db, "a0", "a0 a1", "a0 a1 a2")
    assert counts(db, "a > a > a") == [3, 2, 1]
    assert counts(db, """["action = 'a'", "action IN ('a', 'b')"]""") == [3, 2]


def test_null_is_not_true(db: skysql.Connection) -> None:
    write(db, "a0 b=1@1", "a0 b1", "a0 pro1")
    assert counts(db, """["action = 'a'", "item <> 2"]""") == [3, 1]
    assert counts(db, """["action = 'a'", "NOT item = 2"]""") == [3, 1]


def test_the_best_start_counts_or_the_first(db: skysql.Connection) -> None:
    write(db, "a0 a10 b11 c12")
    assert counts(db, "a > b > c", "2 hours") == [1, 1, 1]
    assert counts(db, "a > b > c", "2 hours", entry="first") == [1, 0, 0]


def test_of_several_as_long_the_earliest_chain_counts(db: skysql.Connection) -> None:
    write(db, "a0 b1 a2 b3 c4 b5 c6")
    (row,) = db.execute("SELECT entry, reached FROM sky_funnel_objects('users', 'a > b > c', NULL, NULL, 3)")
    assert row == (timestamp(START), timestamp(START + 4 * HOUR))
    times = "SELECT previous_mean / 3600, first_mean / 3600 FROM sky_funnel('users', 'a > b > c', '5 hours')"
    assert db.execute(times).fetchall() == [(None, None), (1.0, 1.0), (3.0, 4.0)]
    times = times.replace("'5 hours'", "'2 hours'")
    assert db.execute(times).fetchall() == [(None, None), (1.0, 1.0), (1.0, 2.0)]  # a2 b3 c4


def test_strict_order_lets_nothing_happen_in_between(db: skysql.Connection) -> None:
    write(db, "a0 b1 c2", "a0 d1 b2 c3", "a0 pro1 b2 c3", "a0 a1 b2 c3", "a0 b1 b2 c3")
    assert counts(db, "a > b > c", order="strict") == [5, 4, 3]
    upgrade = """[{"action": "a"}, {"when": "changes IS NOT NULL"}, {"action": "b"}]"""
    assert counts(db, upgrade, order="strict") == [5, 1, 1]


def test_any_order_counts_how_many_steps_were_done(db: skysql.Connection) -> None:
    write(db, "c0 a1 b2", "b0 a1", "c0", "d0", "a0 b30 c31")
    assert counts(db, "a > b > c", "1 day", order="any") == [4, 3, 1]
    names = db.execute("SELECT name FROM sky_funnel('users', 'a > b > c', 60, '{\"order\": \"any\"}')").fetchall()
    assert names == [("1 of 3",), ("2 of 3",), ("3 of 3",)]


def test_a_time_limit_between_steps(db: skysql.Connection) -> None:
    write(db, "a0 b2 c3", "a0 b1 c3", "a0 b0.5 b1 c2")
    assert counts(db, "a > b > c", step_within="1 hour") == [3, 2, 1]
    own = """[{"action": "a"}, {"action": "b"}, {"action": "c", "within": "1 hour"}]"""
    assert counts(db, own) == [3, 3, 2]


def test_excluded_events_do_not_lie_between(db: skysql.Connection) -> None:
    write(db, "a0 b1 c2", "a0 x1 b2 c3", "a0 b1 x2 c3", "a0 b1 x2 b3 c4", "x0 a1 b2 c3 x4", "a0 b1 x2 a3 b4 c5")
    x = {"action": "x"}
    assert counts(db, "a > b > c", exclude=x) == [6, 5, 3]
    assert counts(db, "a > b > c", exclude=[{**x, "after": 2, "before": 3}]) == [6, 6, 5]
    assert counts(db, "a > b > c", exclude={"when": "action = 'x' AND 1 = 0"}) == [6, 6, 6]
    assert counts(db, "a > b > c", exclude="x") == [6, 5, 3]


def test_what_happens_at_a_step_is_not_between(db: skysql.Connection) -> None:
    write(db, "a0 b=1@1 c2")
    assert counts(db, "a > b > c", exclude={"when": "item = 1"}) == [1, 1, 1]


def test_holding_a_property_constant(db: skysql.Connection) -> None:
    write(db, "a=1@0 b=2@1 b=1@2", "a=1@0 a=2@1 b=2@2", "a=1@0 b=2@1", "a0 b1", "a=1@0 b1")
    assert counts(db, "a > b", hold="item") == [4, 2]
    assert counts(db, "a > b", hold="item", entry="first") == [4, 1]
    write(db, "a:free0 pro1 b2", "a:free0 b1", "a0 b1")
    assert counts(db, "a > b", hold=["plan"]) == [2, 1]


def test_optional_steps_do_not_change_the_others(db: skysql.Connection) -> None:
    write(db, "a0 b1 c2", "a0 c1", "a0 c1 b2", "a0 b1", "b0 a1 c2")
    steps = """[{"action": "a"}, {"action": "b", "optional": true}, {"action": "c"}]"""
    assert counts(db, steps) == [5, 2, 4]
    assert counts(db, "a > c") == [5, 4]
    shares = db.execute("SELECT of_previous FROM sky_funnel('users', ?)", [steps]).fetchall()
    assert shares == [(1.0,), (2 / 5,), (4 / 5,)]  # of those at a
    dropped = "SELECT object_id FROM sky_funnel_objects('users', ?, NULL, NULL, ?, 1)"
    assert db.execute(dropped, [steps, 2]).fetchall() == [(2,), (3,), (5,)]
    assert db.execute(dropped, [steps, 3]).fetchall() == [(4,)]


def test_an_optional_step_at_the_end_is_for_who_did_the_one_before(db: skysql.Connection) -> None:
    write(db, "a0 b1 c2", "a0 c1", "a0 c1 b2", "a0 c3 b4 c5")
    steps = """[{"action": "a"}, {"action": "b"}, {"action": "c", "optional": true}]"""
    assert counts(db, steps) == [4, 3, 2]
    shares = db.execute("SELECT of_previous FROM sky_funnel('users', ?)", [steps]).fetchall()
    assert shares == [(1.0,), (3 / 4,), (2 / 3,)]
    further = """[{"action": "a"}, {"action": "b"}, {"action": "c", "optional": true}, {"when": "0"}]"""
    assert counts(db, further) == [4, 3, 2, 0]


def test_no_time_at_all_is_a_duration(db: skysql.Connection) -> None:
    write(db, "a0 b0", "a0 b1")
    assert counts(db, "a > b", "0 seconds") == [2, 1]
    assert counts(db, """[{"action": "a"}, {"action": "b", "within": 0}]""") == [2, 1]
    assert counts(db, "a > b", step_within="0 seconds") == [2, 1]


def test_sessions_and_every_entry(db: skysql.Connection) -> None:
    write(db, "a0 b1 a10 a11 b12", "a0 b10")
    assert counts(db, "a > b") == [2, 2]
    assert counts(db, "a > b", session="5 hours") == [2, 1]
    assert counts(db, "a > b", session="5 hours", count="sessions") == [3, 2]
    assert counts(db, "a > b", count="totals") == [4, 4]
    assert counts(db, "a > b", "1 hour", count="totals") == [4, 2]
    listed = "SELECT object_id, session FROM sky_funnel_objects('users', 'a > b', NULL, ?, 2)"
    given = '{"session": "5 hours", "count": "sessions"}'
    assert db.execute(listed, [given]).fetchall() == [(1, 1), (1, 2)]


def test_the_start_range_is_about_entries(db: skysql.Connection) -> None:
    write(db, "a0 b1 a5 b9", "a5 b6", "a9 b10")
    inside = {"from_": "2026-01-01T05:00", "to": "2026-01-01 09:00:00Z"}
    assert counts(db, "a > b", **inside) == [2, 2]
    assert counts(db, "a > b", "2 hours", **inside) == [2, 1]
    assert counts(db, "a > b", "2 hours", entry="first", **inside) == [2, 1]


def test_a_segment_is_the_state_at_the_entry_and_stays(db: skysql.Connection) -> None:
    write(db, "free0 a1 pro2 b3", "a0 pro1 b2", "a0 pro1 a2 b3", "a:pro0")
    funnel = "SELECT segment, step, objects FROM sky_funnel('users', 'a > b', '1 hour', '{\"by\": \"plan\"}')"
    assert db.execute(funnel).fetchall() == [
        (None, 1, 1), (None, 2, 0), ("free", 1, 1), ("free", 2, 0), ("pro", 1, 2), ("pro", 2, 1)
    ]  # fmt: skip
    by_hour = """{"by": "strftime('%H', timestamp)"}"""
    assert db.execute("SELECT DISTINCT segment FROM sky_funnel('users', 'a > b', 60, ?)", [by_hour]).fetchall() == [
        ("00",),
        ("01",),
    ]


def test_where_on_segment_and_entry_is_about_the_chains_that_count(db: skysql.Connection) -> None:
    write(db, "a:free0 b1", "a:pro0 a:free5 b6", "a:pro5 b7", "a:null3")
    by = '{"by": "plan"}'
    funnel = "SELECT segment, step, objects FROM sky_funnel('users', 'a > b', '2 hours', ?)"
    for where in ("segment = 'pro'", "segment IN ('pro', 'x')", "segment IS 'pro'", "+segment = 'pro'"):
        assert db.execute(f"{funnel} WHERE {where}", [by]).fetchall() == [("pro", 1, 1), ("pro", 2, 1)], where
    assert db.execute(f"{funnel} WHERE segment IS NULL", [by]).fetchall() == [(None, 1, 1), (None, 2, 0)]
    late = f"{funnel} WHERE entry >= '2026-01-01T05:00' AND entry < 1767330000000000"
    assert db.execute(late, [by]).fetchall() == [("free", 1, 1), ("free", 2, 1), ("pro", 1, 1), ("pro", 2, 1)]
    listed = "SELECT object_id FROM sky_funnel_objects('users', 'a > b', '2 hours', ?, 2)"
    assert db.execute(f"{listed} WHERE entry > '2026-01-01'", [by]).fetchall() == [(2,), (3,)]
    assert db.execute(f"{listed} WHERE object_id = 3 AND segment = 'pro'", [by]).fetchall() == [(3,)]


def test_what_where_asks_is_pushed_into_a_report(db: skysql.Connection) -> None:
    write(db, "a0 b1")
    (row,) = db.execute("EXPLAIN QUERY PLAN SELECT * FROM sky_funnel('users', 'a > b') WHERE entry > 0 AND segment = 1")
    moment = "1970-01-01 00:00:00.000000"
    tree = row[3].partition(":")[2].split("\n")
    assert tree[:4] == ["REPORT sky_funnel OF users", "├─ steps", "│  ├─ 1. action = 'a'", "│  └─ 2. action = 'b'"]
    assert tree[-2:] == [f"├─ where entry > {moment}", "└─ where segment = 1"]


def test_reports_nest_join_and_feed_aggregates(db: skysql.Connection) -> None:
    write(db, "a0 b1", "a0 b9", "a0")
    db.execute("CREATE TABLE limits(hours INTEGER)")
    db.execute("INSERT INTO limits VALUES (1), (24)")
    joined = "SELECT hours, objects FROM limits, sky_funnel('users', 'a > b', hours * 3600) WHERE step = 2 ORDER BY 1"
    assert db.execute(joined).fetchall() == [(1, 1), (24, 2)]
    assert db.execute(joined.replace("FROM limits, ", "FROM limits LEFT JOIN ")).fetchall() == [(1, 1), (24, 2)]
    lost = """
        WITH f AS (SELECT step, objects FROM sky_funnel('main.users', 'a > b')),
             lost AS (SELECT object_id FROM sky_funnel_objects('users', 'a > b', NULL, NULL, 2, 1))
        SELECT (SELECT max(objects) - min(objects) FROM f), count(*), sum(events)
        FROM lost JOIN users_objects USING (object_id)"""
    assert db.execute(lost).fetchall() == [(1, 1, 1)]
    db.execute("CREATE VIEW activation AS SELECT step, objects FROM sky_funnel('users', 'a > b')")
    assert db.execute("SELECT objects FROM activation").fetchall() == [(3,), (2,)]


def test_a_report_sees_what_its_transaction_has_written(db: skysql.Connection) -> None:
    write(db, "a0 b1")
    db.execute("BEGIN")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (2, 5, 'a')")
    assert counts(db, "a > b") == [2, 1]
    db.execute("ROLLBACK")
    assert counts(db, "a > b") == [1, 1]


def test_conditions_may_ask_ordinary_tables_and_times(db: skysql.Connection) -> None:
    write(db, "a0 b1", "a0 b2")
    db.execute("CREATE TABLE vip(id INTEGER)")
    db.execute("INSERT INTO vip VALUES (2)")
    assert counts(db, """["action = 'a'", "action = 'b' AND object_id IN (SELECT id FROM vip)"]""") == [2, 1]
    assert counts(db, """["action = 'a'", "timestamp >= '2026-01-01T02:00Z'"]""") == [2, 1]
    db.execute("INSERT INTO vip VALUES (1)")
    assert counts(db, """["action = 'a'", "action = 'b' AND object_id IN (SELECT id FROM vip)"]""") == [2, 2]


def test_objects_known_by_a_text(db: skysql.Connection) -> None:
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT)")
    db.executemany(
        "INSERT INTO planes(tail, ts, action) VALUES (?, ?, ?)", [("N1", 1, "a"), ("N2", 1, "a"), ("N2", 2, "b")]
    )
    listed = "SELECT object_key FROM sky_funnel_objects('planes', 'a > b', NULL, NULL, 2)"
    assert db.execute(listed).fetchall() == [("N2",)]
    assert db.execute(f"{listed} WHERE object_id = 1").fetchall() == []


def test_no_events(db: skysql.Connection) -> None:
    write(db)
    assert db.execute("SELECT segment, step, objects, of_first FROM sky_funnel('users', 'a > b')").fetchall() == [
        (None, 1, 0, None),
        (None, 2, 0, None),
    ]
    assert db.execute("SELECT * FROM sky_funnel('users', 'a > b', NULL, '{\"by\": \"plan\"}')").fetchall() == []
    write(db, "b0")
    assert counts(db, """["action = 'b' AND item = 1", "1"]""") == [0, 0]


FAULTS = [
    ("'usrs', 'a > b'", "there is no sky table 'usrs' .did you mean 'users'"),
    ("'users_objects', 'a > b'", "there is no sky table 'users_objects'"),
    ("3, 'a > b'", "first argument is the name of a sky table, and not 3"),
    ("'users', 'a > purchas'", "no event of 'users' has the action 'purchas' .did you mean 'purchase'"),
    ("'users', 'a'", "two steps or more, and this has 1"),
    ("'users', 'a > '", "expected the name of an action at character 5 of 'a > ', after 'a > ', and found the end"),
    ("'users', 'a > \"b\" c'", "expected '>' or the end at character 9"),
    ("'users', '[1'", "'steps' of sky_funnel is not JSON: .* at character 3"),
    ("'users', '[1, 2]'", "step 1: 1 is not a step"),
    ("'users', '[\"item = 1\", {\"whn\": \"x\"}]'", "step 2 has no key 'whn' .did you mean 'when'"),
    ("'users', '[\"item = 1\", \"item >> = 3\"]'", "step 2 cannot be read: near .* at character 9: 'item >> '"),
    ("'users', '[\"item = 1\", \"itm = 3\"]'", "no such column: itm.*did you mean 'item'"),
    ("'users', '[\"item = 1\", \"item > \"]'", "step 2 cannot be read: it ends too early"),
    ("'users', '[\"item = 1\", \"item = [\"]'", "step 2 cannot be read: unrecognized token: \"\\[\", at character 8"),
    ("'users', '[\"item = 1\", \" \"]'", "step 2 is empty"),
    ("'users', '[\"item = 1\", \"count(*) > 1\"]'", "step 2 cannot be decided event by event: .*aggregate"),
    ("'users', '[\"item = 1\", \"random() > 1\"]'", "random.. is not a pure function"),
    ("'users', '[\"item = 1\", \"item = ?\"]'", "step 2 has a parameter"),
    ("'users', '[\"item = 1\", \"1) FROM users; DROP TABLE users --\"]'", "step 2 is not one SQL expression"),
    ("'users', '[\"item = 1\", \"1; DROP TABLE users\"]'", "step 2 cannot be read: near \";\""),
    ("'users', '[{\"action\": \"a\", \"optional\": true}, \"1\"]'", "the first step has neither"),
    ("'users', '[\"1\", {\"action\": \"a\", \"optional\": 1}]'", "\"optional\" is true or false"),
    ("'users', '[\"1\", {\"action\": \"a\", \"within\": \"soon\"}]'", "\"within\": 'soon' is not a duration"),
    ("'users', 'a > b', 'next week'", "'within' of sky_funnel: 'next week' is not a duration"),
    ("'users', 'a > b', -1", "'within' of sky_funnel: -1 is not a duration"),
    ("'users', 'a > b', NULL, '{'", "options of sky_funnel are not JSON"),
    ("'users', 'a > b', NULL, '[]'", "options of sky_funnel are a JSON object"),
    ("'users', 'a > b', NULL, '{\"entri\": 1}'", "sky_funnel has no option 'entri' .did you mean 'entry'"),
    ("'users', 'a > b', NULL, '{\"entry\": \"last\"}'", "option 'entry' of sky_funnel is \"best\" or \"first\""),
    ("'users', 'a > b', NULL, '{\"by\": 1}'", "option 'by' of sky_funnel is a property"),
    ("'users', 'a > b', NULL, '{\"by\": \"plam\"}'", "option 'by'.*did you mean 'plan'"),
    ("'users', 'a > b', NULL, '{\"from\": \"2026-13-01\"}'", "option 'from' .*: '2026-13-01' is not a timestamp"),
    ("'users', 'a > b', NULL, '{\"session\": \"x\"}'", "option 'session' of sky_funnel: 'x' is not a duration"),
    ("'users', 'a > b', NULL, '{\"count\": \"sessions\"}'", "to count sessions, \"session\""),
    ("'users', 'a > b', NULL, '{\"exclude\": {\"action\": \"a\", \"after\": 2}}'", "\"after\" and .* are steps"),
    ("'users', 'a > b', NULL, '{\"order\": \"any\", \"step_within\": 1}'", "a time between steps takes an order"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), FAULTS)
def test_what_a_funnel_cannot_read(db: skysql.Connection, arguments: str, message: str) -> None:
    write(db, "a0 b1", "a0")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (9, 1, 'purchase')")
    with pytest.raises(skysql.ProgrammingError, match=message):
        db.execute(f"SELECT * FROM sky_funnel({arguments})").fetchall()
    assert counts(db, "a > b") == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("3", "'step' of sky_funnel_objects is a number from 1 to 2, and not 3"),
        ("1, 1", "nobody is lost before the first step"),
        ("2, 2", "'dropped' of sky_funnel_objects is 0 or 1"),
    ],
)
def test_objects_of_no_step(db: skysql.Connection, arguments: str, message: str) -> None:
    write(db, "a0 b1")
    with pytest.raises(skysql.ProgrammingError, match=message):
        db.execute(f"SELECT * FROM sky_funnel_objects('users', 'a > b', NULL, NULL, {arguments})").fetchall()
