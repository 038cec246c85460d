"""Every question is a plan in JSON: path scans, recognitions, reports. What comes back is equal, and gives its rows.

Two databases have the same events. In one of them each plan is written as JSON, read back, and run as that.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import skysql
from skysql.engine import published
from skysql.engine.prepared import Plan
from skysql.match.recognition import MATCHES, Recognition
from skysql.plan.path_scan import Column, Compare, Literal, Parameter, PathScan
from skysql.reports import ReportPlan, ReportQuestion, report
from skysql.sql.rewriter import Rewritten, rewrite
from tests.conftest import Connect
from tests.world import histories, match_worlds
from tests.world.databases import Databases
from tests.world.oracle import Event
from tests.world.scripts import ask, every_case, sky
from tests.world.statements import Generator
from tests.world.worlds import random_script

MET: set[type] = set()


def back(plan: Any) -> Any:
    """The plan, after it was text."""
    (text,) = Plan([plan]).to_json()
    (again,) = Plan.from_json([text]).scans
    assert again == plan and str(again) == str(plan)
    assert Plan([again]).to_json() == [text]
    MET.add(type(again))
    return again


@pytest.fixture
def travelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are run from what they are as JSON."""
    monkeypatch.setattr(published, "rewrite", travelled)


def travelled(*arguments: Any) -> Rewritten:
    found = rewrite(*arguments)
    return replace(found, reads=tuple(replace(call, plan=back(call.plan)) for call in found.reads))


@pytest.fixture(scope="module")
def asked_here() -> Iterator[dict[str, Any]]:
    """The answers to the golden statements, of plans that never were JSON."""
    connection = sky()
    yield {case.sql: ask(connection, case.sql, case.parameters) for case in every_case()}
    connection.close()


def test_golden_statements(asked_here: dict[str, Any], travelling: None) -> None:
    connection = sky()
    for case in every_case():
        if not case.explains:
            assert ask(connection, case.sql, case.parameters) == asked_here[case.sql], case.sql
    assert PathScan in MET
    connection.close()


@pytest.mark.parametrize("seed", range(12))
def test_random_statements(travelling: None, seed: int) -> None:
    """Plain SQLite gives the same rows, on ordinary tables."""
    rng = random.Random(seed)
    script, world = random_script(rng, 20)
    with Databases(script) as databases:
        for _ in range(15):
            statement = Generator(rng, world).statement()
            assert databases.difference(statement) is None, statement.text


# recognitions


@pytest.mark.parametrize("seed", range(25))
def test_random_recognitions(connect: Connect, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    rows = [(p, i * 1_000_000, c, x, y) for p, i, c, x, y in match_worlds.rows(rng)]
    here, there = connect(), connect()
    for db in (here, there):
        db.execute("CREATE TABLE t(p INTEGER, i INTEGER, c TEXT, x INTEGER, y REAL)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
        db.execute("CREATE VIRTUAL TABLE events USING sky(x INTEGER, y REAL, kept TEXT STATE)")
        db.executemany("INSERT INTO events(object_id, ts, action, x, y, kept) VALUES (?, ?, ?, ?, ?, 'k')", rows)
    items = ("t", "(SELECT object_id AS p, ts AS i, action AS c, x, y FROM events)")
    clauses = [match_worlds.Generator(rng, back=rng.random() < 0.5, unions=seed % 3 == 0).clause() for _ in range(4)]
    statements = [f"SELECT * FROM {item} MATCH_RECOGNIZE ({clause})" for item in items for clause in clauses]
    expected = [ask(here, sql) for sql in statements]
    with monkeypatch.context() as patched:
        patched.setattr(published, "rewrite", travelled)
        assert [ask(there, sql) for sql in statements] == expected
    assert Recognition in MET


def test_other_json_is_no_recognition() -> None:
    for text in ('{"node": "Variable", "name": "A"}', '{"node": "Recognition"}', '{"node": "Recognition", "rows": 1}'):
        with pytest.raises(ValueError):
            MATCHES.from_json(text)


# reports


def random_condition(rng: random.Random, actions: list[str]) -> Any:
    what = ["plan = 'pro'", "seats > 1 AND action = 'a'", "item = 1", "action IN ('a', 'b')", "upper(plan) = 'FREE'",
            "ts > (SELECT min(ts) FROM users) OR seats IS NULL", "timestamp > '2026-01-02'"]  # fmt: skip
    return {"action": rng.choice(actions)} if rng.random() < 0.5 else {"when": rng.choice(what)}


def random_call(rng: random.Random, actions: list[str]) -> tuple[str, list[Any]]:
    """A report, and its arguments after the table."""

    def some(**options: Any) -> str:
        return json.dumps({key: value for key, value in options.items() if rng.random() < 0.4})

    condition, by = random_condition(rng, actions), rng.choice(["plan", "seats + 1", "lower(action)"])
    unit = rng.choice(["day", "week", "month", 3600])
    steps: list[Any] = [random_condition(rng, actions) for _ in range(rng.choice([2, 2, 3, 4]))]
    steps = [step | ({"within": "2 days"} if at and rng.random() < 0.3 else {}) for at, step in enumerate(steps)]
    within = rng.choice([None, "3 days", 7200])
    funnel = [json.dumps(steps), within, some(by=by, exclude=condition, hold=["plan"], entry="first", session="9 days")]
    kind = rng.choice(["funnel", "objects", "retention", "flow", "lifecycle", "stickiness", "timeline"])
    return {
        "funnel": ("sky_funnel", funnel),
        "objects": ("sky_funnel_objects", [*funnel, 2, rng.choice([0, 1])]),
        "retention": (
            "sky_retention",
            [json.dumps(condition), rng.choice([None, actions[0]]), unit, 5, some(by=by, on_or_after=True)],
        ),
        "flow": ("sky_flow", [some(**{"from": condition, "depth": 2, "collapse": True, "top": 1})]),
        "lifecycle": ("sky_lifecycle", [unit, rng.choice([None, json.dumps(condition)])]),
        "stickiness": ("sky_stickiness", [json.dumps(condition), unit, some(to="2026-02-01")]),
        "timeline": ("sky_timeline", [by, some(until="2026-01-09")]),
    }[kind]


@pytest.mark.parametrize("seed", range(20))
def test_random_reports(connect: Connect, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """As a statement in which every plan was JSON; and by the engine, from the plan alone."""
    rng = random.Random(seed)
    here, there = connect(isolation_level=None), connect(isolation_level=None)
    events: list[Event] = histories.random_events(rng, 6, 8, histories.DAY)
    for db in (here, there):
        histories.load(db, random.Random(seed), events)
    actions = sorted({event.action for event in events if event.action is not None})
    calls = [random_call(rng, actions) for _ in range(12)]
    texts = [f"SELECT * FROM {name}('users', {', '.join('?' * len(given))})" for name, given in calls]
    expected = [ask(here, sql, given) for sql, (_, given) in zip(texts, calls, strict=True)]
    read = report.ReportRelation._read
    with monkeypatch.context() as patched:
        patched.setattr(report.ReportRelation, "_read", lambda self, asked: back(read(self, asked)))
        assert [ask(there, sql, given) for sql, (_, given) in zip(texts, calls, strict=True)] == expected
        for (name, given), answer in zip(calls, expected, strict=True):
            assert answer.error or by_plan(there, name, given) == list(answer.rows), (name, given)
    assert ReportPlan in MET


def by_plan(db: skysql.Connection, name: str, given: list[Any]) -> list[Any]:
    """The rows that the engine has of a plan that it is given."""
    plan = db.engine._reports.plan(name, ["users", *given])
    assert isinstance(plan, ReportPlan)
    rows: list[Any] = []
    for columns in db.engine._reports.rows(back(plan)):
        names = db.engine._reports.columns(name)
        rows += zip(*(columns[column] for column in names), strict=True)
    return rows


def test_conditions_of_reports_are_expressions(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("INSERT INTO users(object_id, ts, action, amount) VALUES (1, 1, 'a', 2)")
    steps = """["amount > 1", {"when": "ts > (SELECT count(*) - 9 FROM sqlite_schema)"}]"""
    (plan,) = db.execute(f"SELECT * FROM sky_funnel('users', '{steps}', '7 days')").plan.scans  # type: ignore[attr-defined]
    assert isinstance(plan, ReportPlan)
    first, second = plan.conditions()
    assert first.where == Compare(">", Column("amount"), Literal(1))
    assert second.where == Compare(">", Column("ts"), Parameter(1))
    assert plan.parameters == ("(SELECT count(*) - 9 FROM sqlite_schema)",)
    assert plan.design.within == 7 * 86_400_000_000
    assert back(plan) == plan


def test_what_cannot_be_read_yet_is_a_question(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    cursor = db.execute("SELECT * FROM sky_lifecycle('users', ?)", ["day"])
    (question,) = cursor.plan.scans  # type: ignore[attr-defined]
    assert isinstance(question, ReportQuestion)
    assert back(question) == question


def test_a_report_is_read_once(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the plan that is shown, for EXPLAIN QUERY PLAN, and however often it is run."""
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')")
    reads = []
    read = report.ReportRelation._read
    monkeypatch.setattr(report.ReportRelation, "_read", lambda self, asked: reads.append(1) or read(self, asked))  # type: ignore[func-returns-value]
    for _ in range(3):
        db.execute("SELECT * FROM sky_funnel('users', 'a > a')").fetchall()
        db.execute("EXPLAIN QUERY PLAN SELECT * FROM sky_funnel('users', 'a > a')").fetchall()
        db.execute("SELECT * FROM sky_funnel('users', ?)", ["a > a"]).fetchall()
    assert len(reads) == 1


def test_the_plan_of_a_report_prints_the_design(connect: Connect) -> None:
    """As its conditions are understood, not as they are spelt; NULL is told from what is not known yet."""
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    spelt = """["ACTION =  ''a''", "action = ''b''"]', 60""", """[{"action": "a"}, "(action) = ''b''"]', '1 minute'"""
    one, other = (explained(db, f"SELECT * FROM sky_funnel('users', '{given})") for given in spelt)
    assert one.lower() == other.lower() and "├─ within 1 minute" in one
    null, unknown = (f"SELECT * FROM sky_retention('users', 'a', {given}, 'day')" for given in ("NULL", "?"))
    for _ in range(2):
        assert "again any event" in explained(db, null)
        assert "again any event" not in explained(db, unknown, [None])


def explained(db: skysql.Connection, sql: str, parameters: Any = ()) -> str:
    """What EXPLAIN QUERY PLAN says, which Cursor.plan says as well of what is no parameter."""
    (row,) = db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
    text: str = row[3].partition(":")[2]
    assert parameters or text == str(db.execute(f"EXPLAIN QUERY PLAN {sql}").plan)
    return text
