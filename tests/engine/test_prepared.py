"""What a statement costs that was run before: calls of Python's functions and statements of SQLite's, by count."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import skysql
import vtab
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
    yield db
    db.close()


def again(db: skysql.Connection, sql: str, parameters: Any = ()) -> tuple[int, list[str]]:
    """What it costs to run a statement another time: (calls of our functions, SQLite's statements besides its own).

    A comprehension is no call, as it is none from Python 3.12 on.
    """
    frames: set[FrameType] = set()  # a generator that goes on is not called once more
    statements: list[str] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS) and frame.f_code.co_name not in COMPREHENSIONS:
            frames.add(frame)

    for _ in range(2):
        db.execute(sql, parameters).fetchall()
    db.sqlite.trace_v2(1, lambda traced: statements.append(traced["sql"]))
    db.execute(sql, parameters).fetchall()
    db.sqlite.trace_v2(0, None)
    cursor = db.cursor()
    sys.setprofile(called)
    try:
        cursor.execute(sql, parameters).fetchall()
    finally:
        sys.setprofile(None)
    own = "FROM temp." if "FROM" in sql else sql
    return len(frames), [text for text in statements if own not in text]


COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


@pytest.mark.parametrize(
    ("sql", "parameters", "calls"),
    [
        ("SELECT count(*) FROM users", (), 150),
        ("SELECT count(*) FROM users WHERE action = 'buy'", (), 150),
        ("SELECT plan, count(*) FROM users WHERE action = 'buy' GROUP BY plan", (), 175),
        ("SELECT plan, count(*) FROM users GROUP BY plan", (), 180),
        ("SELECT count(*) FROM users WHERE amount > ?", (3,), 170),
        ("SELECT plan, count(*), sum(amount) FROM users GROUP BY plan", (), 245),
    ],
)
def test_a_path_scan_again(db: skysql.Connection, sql: str, parameters: Any, calls: int) -> None:
    """Is another schema there, is anything else in the table: no more is asked."""
    made, statements = again(db, sql, parameters)
    assert len(statements) <= 2, statements
    assert made <= calls


def test_what_reads_no_table_again(db: skysql.Connection) -> None:
    made, statements = again(db, "SELECT 1")
    assert statements == [] and made <= 40


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
