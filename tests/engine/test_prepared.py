"""What a statement costs that was run before: calls of Python's functions and statements of SQLite's, by count."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import skysql
import vtab
from skysql.store import compact, snapshot
from tests.conftest import Connect

OURS = tuple(str(Path(package.__file__ or "").parent) for package in (skysql, vtab))


@pytest.fixture(scope="module")
def db() -> Iterator[skysql.Connection]:
    """A table of one block, and nothing in its log."""
    db, rng, size = skysql.connect(":memory:"), np.random.default_rng(1), 5000
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    columns = {
        "object_id": rng.integers(1, 500, size),
        "timestamp": 1_700_000_000_000_000 + np.arange(size) * 1_000_000,
        "action": rng.choice(["view", "buy"], size),
        "plan": rng.choice(["free", "pro"], size),
        "amount": rng.integers(0, 100, size) / 4,
    }
    db.append("users", columns)
    db.compact()
    db.execute("CREATE TABLE plans AS SELECT 'free' AS plan, 0 AS price UNION ALL SELECT 'pro', 10")
    db.commit()
    yield db
    db.close()


def again(db: skysql.Connection, sql: str, parameters: Any = ()) -> tuple[int, list[str]]:
    """What it costs to run a statement another time: (calls of our functions, SQLite's statements besides its own).

    Without those of which SQLite makes three and more for each row that it takes: Next, Eof, and Column for each value.
    A comprehension is no call, as it is none from Python 3.12 on.
    """
    frames: set[FrameType] = set()  # a generator that goes on is not called once more
    statements: list[str] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS) and frame.f_code.co_name not in NOT_COUNTED:
            frames.add(frame)

    for _ in range(2):
        db.execute(sql, parameters).fetchall()
    db.sqlite.trace_v2(1, lambda traced: statements.append(traced["sql"]))
    db.execute(sql, parameters).fetchall()
    db.sqlite.trace_v2(0, None)
    cursor = db.cursor()
    gc.collect()
    gc.disable()  # what others have left would be closed meanwhile
    sys.setprofile(called)
    try:
        cursor.execute(sql, parameters).fetchall()
    finally:
        sys.setprofile(None)
        gc.enable()
    return len(frames), [text for text in statements if "FROM temp." not in text and text != sql]


NOT_COUNTED = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "Next", "Eof", "Column")


GROUPED = [
    ("SELECT count(*) FROM users", ()),
    ("SELECT count(*) FROM users WHERE action = 'buy'", ()),
    ("SELECT plan, count(*) FROM users WHERE action = 'buy' GROUP BY plan", ()),
    ("SELECT plan, count(*) FROM users GROUP BY plan", ()),
    ("SELECT count(*) FROM users WHERE amount > ?", (3,)),
    ("SELECT plan, count(*), sum(amount) FROM users GROUP BY plan", ()),
    ("SELECT plan, action, count(*) FROM users GROUP BY plan, action", ()),
    ("SELECT plan, count(*) FROM users WHERE timestamp >= ? GROUP BY plan", ("2023-11-14 22:30",)),
    ("SELECT count(*) FROM users WHERE timestamp >= ? AND action = 'buy'", ("2023-11-14 22:30",)),
    ("SELECT sum(amount * 2) FROM users", ()),
    ("SELECT count(*), avg(events) FROM users_sessions('1 day')", ()),
    ("SELECT plan, count(*) FROM users_objects GROUP BY plan", ()),
    ("SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF ? GROUP BY plan", ("2023-11-14 22:30",)),
    ("SELECT plan, count(*) FROM users GROUP BY plan HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 1", ()),
    ("SELECT object_id, count(*) FROM users WHERE object_id = ? GROUP BY 1", (5,)),
]

SCANS = [
    *GROUPED,
    ("SELECT plan, action, count(*) FROM users WHERE timestamp >= ? GROUP BY plan, action", ("2023-11-14 22:30",)),
    # the rest of the join is looked up in what the scan has found
    ("SELECT p.price, count(*) FROM users u JOIN plans p ON p.plan = u.plan GROUP BY p.price", ()),
    # SQLite computes the days, from rows that it asks for
    ("SELECT date(timestamp), count(*) FROM users GROUP BY 1", ()),
    # the state of one object at the time of another's event
    (
        "SELECT s.plan, count(*) FROM users u JOIN users_objects s ON s.object_id = u.object_id"
        " AND s.as_of = u.timestamp WHERE u.action = 'buy' GROUP BY 1",
        (),
    ),
]


@pytest.mark.parametrize(("sql", "parameters"), SCANS)
def test_a_path_scan_again(db: skysql.Connection, sql: str, parameters: Any) -> None:
    """Is another schema there, is anything else in the table: no more is asked."""
    made, statements = again(db, sql, parameters)
    assert db.execute(sql, parameters).plan is not None
    assert len(statements) <= 2, statements
    assert made <= 150


def test_a_report_again(db: skysql.Connection) -> None:
    """Beside what a scan asks, whether its arguments still mean the same, and what it is to be cached by."""
    made, statements = again(db, "SELECT step, objects FROM sky_funnel('users', 'view > buy', '1 day')")
    assert len(statements) <= 3, statements
    assert made <= 150


def test_a_shard_more(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The more shards there are, the more calls, but few each."""
    for module in (compact, snapshot):
        monkeypatch.setattr(module, "SHARD_EVENTS", 1024)
    counts = []
    for shards in (2, 3):
        db, numbers = connect(), np.arange(1, shards * 1024 + 1)
        db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
        columns = {"object_id": numbers, "ts": numbers, "action": ["view"] * len(numbers), "n": numbers}
        db.append("users", columns, time_unit="us")
        db.compact()
        assert len(db.engine.snapshot("main", "users").shards()) == shards
        counts.append(again(db, "SELECT action, count(*) FROM users GROUP BY action")[0])
    assert counts[1] - counts[0] <= 25


def test_what_reads_no_table_again(db: skysql.Connection) -> None:
    made, statements = again(db, "SELECT 1")
    assert statements == [] and made <= 35


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ?1 IN numbers",
        "SELECT ?1in numbers",
        "SELECT ?1 in(SELECT x FROM numbers)",
        "SELECT ?1 IN users_sessions('1 day')",
        "VALUES (?1 IN numbers)",
    ],
)
def test_what_reads_a_table_without_from(connect: Connect, sql: str) -> None:
    """A table may have been made by another connection just now."""
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT)")
    db.execute("CREATE TABLE numbers AS SELECT 1 AS x")
    if "sessions" in sql:
        with pytest.raises(skysql.OperationalError, match="row value misused|sub-select returns"):
            db.execute(sql, (1,))
    else:
        assert db.execute(sql, (1,)).fetchall() == [(1,)]


@pytest.mark.parametrize("pushdown", [False, True])
def test_a_statement_has_one_snapshot(db: skysql.Connection, pushdown: bool) -> None:
    """All its scans of a table share it, also those that begin when its rows are taken."""
    sql = (
        "SELECT (SELECT count(*) FROM users WHERE plan = 'pro'), n.value, (SELECT count(*) FROM users u WHERE"
        " u.object_id = n.value) FROM json_each('[1, 2, 3]') n, (SELECT count(*) AS c FROM users WHERE action = 'buy')"
    )
    db.engine.pushdown = pushdown
    try:
        _, statements = again(db, sql)
    finally:
        db.engine.pushdown = True
    assert len([text for text in statements if "users_meta" in text]) == 1, statements


def test_a_statement_sees_what_it_has_written(connect: Connect) -> None:
    """What a function of a statement writes is seen by the scans of that statement that begin after it."""
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT)")
    insert = "INSERT INTO users(object_id, ts, action) VALUES (?, 1, 'a')"
    db.create_function("put", 1, lambda object: db.execute(insert, (object,)).rowcount)
    db.execute("BEGIN")
    sql = "SELECT put(value), (SELECT count(*) FROM users WHERE object_id <= value) FROM json_each('[1, 2, 3]')"
    assert db.execute(sql).fetchall() == [(1, 1), (1, 2), (1, 3)]
    db.create_function("back", 0, lambda: db.execute("ROLLBACK TO s").rowcount)
    db.execute("SAVEPOINT s")
    db.execute(insert, (4,))
    sql = "SELECT count(*) FROM users UNION ALL SELECT back() UNION ALL SELECT count(*) FROM users"
    assert db.execute(sql).fetchall() == [(4,), (-1,), (3,)]
