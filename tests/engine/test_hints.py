"""What is said of mistakes in statements: what is wrong, and what was perhaps meant."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

import skysql


@pytest.fixture(scope="module")
def db() -> Iterator[skysql.Connection]:
    db = skysql.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, country TEXT STATE, amount REAL)")
    db.execute("CREATE VIRTUAL TABLE flights USING sky(tail TEXT OBJECT, plan TEXT STATE)")
    db.execute("CREATE TABLE customers(id INTEGER PRIMARY KEY, segment TEXT)")
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'sign up', 'pro'), (1, 2, 'buy', NULL)")
    db.commit()
    yield db
    db.close()


FUNNEL = "SELECT * FROM sky_funnel"

MISTAKES = {
    # names
    "SELECT plann FROM users": "no such column: plann (did you mean 'plan'?)",
    "SELECT u.plann, count(*) FROM users u GROUP BY 1": "no such column: u.plann (did you mean 'plan'?)",
    "SELECT count(*) FROM users WHERE cuntry = 'DE'": "no such column: cuntry (did you mean 'country'?)",
    "SELECT sesion FROM users('1 hour')": "no such column: sesion (did you mean 'session'?)",
    "SELECT c.segmnt FROM customers c JOIN users u ON u.object_id = c.id": "(did you mean 'segment'?)",
    "SELECT old_valu FROM users_changes": "(did you mean 'old_value'?)",
    "SELECT tails FROM flights": "(did you mean 'tail'?)",
    "SELECT u.plan FROM users": "no such column: u.plan (is there a table called u in FROM?)",
    "SELECT u.plan FROM users u JOIN customers c ON u.object_id = c.object_id": "no such column: c.object_id",
    "SELECT * FROM users o WHERE o.as_of = '2026-01-01'": "(as_of is a column of users_objects)",
    "SELECT qwertz FROM users": "no such column: qwertz",
    "SELECT * FROM user": "no such table: user (did you mean 'users'?)",
    "SELECT * FROM users_object": "(did you mean 'users_objects'?)",
    "SELECT * FROM custmers": "(did you mean 'customers'?)",
    "SELECT * FROM sky_funel('users', 'sign up > buy')": "(did you mean 'sky_funnel'?)",
    "SELECT stp FROM sky_funnel('users', 'sign up > buy')": "no such column: stp (did you mean 'step'?)",
    "SELECT object_id, window_funel('1 day', ts, 1) FROM users GROUP BY 1": "(did you mean 'window_funnel'?)",
    "SELECT uper(plan) FROM users": "no such function: uper (did you mean 'upper'?)",
    "SELECT nosuch(plan) FROM users": "no such function: nosuch",
    "INSERT INTO users(object_id, ts, action, plann) VALUES (1, 1, 'x', 'y')": "(did you mean 'plan'?)",
    "INSERT INTO users(object_id, ts, changes) VALUES (1, 1, '{\"plann\": 1}')": "(did you mean 'plan'?)",
    "INSERT INTO users(object_id, ts, changes) VALUES (1, 1, '{\"amount\": 1}')":
        "(an attribute is given as a column of its own)",
    "CREATE VIRTUAL TABLE t USING skye(plan TEXT)": "no such module: skye (write USING sky(...))",
    # arguments
    "SELECT * FROM users('1 day', 5)": "users() takes one argument, and this call has 2 (write users('30 minutes'))",
    "SELECT * FROM users_sessions('1 day', '2 days') s": "users_sessions() takes one argument, and this call has 2",
    "SELECT * FROM users_objects('2026-01-01', 5)": "too many arguments on users_objects() - max 1",
    "SELECT * FROM users('30 minuts')": "'30 minuts' is not a duration (write a number of seconds, or a text like",
    "SELECT * FROM users_sessions('-5 minutes')": "'-5 minutes' is not a duration",
    "SELECT * FROM users_objects FOR SYSTEM_TIME AS OF '2026-13-01'": "is not a timestamp (there is no such day)",
    "SELECT * FROM users WHERE timestamp > 'last week'": "'last week' is not a timestamp (write it as '2026",
    "SELECT * FROM users FOR SYSTEM_TIME AS OF '2026-01-01'": "(FOR SYSTEM_TIME AS OF follows the objects of a sky",
    "SELECT plan FROM users_objects FOR SYSTEM_TIME AS OF": "(FOR SYSTEM_TIME AS OF follows the objects of a sky",
    "SELECT plan FROM users_objects FOR SYSTEM_TIME ALL": "(FOR SYSTEM_TIME AS OF follows the objects of a sky",
    "SELECT count(*) FROM users_objects FOR SYSTEM_TIME BETWEEN '2026-01-01' AND '2026-01-02'":
        "(FOR SYSTEM_TIME AS OF follows the objects of a sky",
    f"{FUNNEL}()": "its first argument is the name of a sky table, and is missing (SELECT * FROM sky_funnel('users'",
    f"{FUNNEL}('users')": "'steps' of sky_funnel is a text, and is missing (write 'sign up > purchase'",
    f"{FUNNEL}('users', 'sign up > bye')": "no event of 'users' has the action 'bye' (did you mean 'buy'?)",
    f"{FUNNEL}('users_objects', 'sign up > buy')": "(it belongs to 'users', which is what a report takes)",
    f"{FUNNEL}('user', 'sign up > buy')": "there is no sky table 'user' (did you mean 'users'?)",
    f"{FUNNEL}('users', 'sign up > buy', '7 dys')": "'within' of sky_funnel: '7 dys' is not a duration",
    f"{FUNNEL}('users', 'sign up > buy', '7 days', '{{\"bye\": 1}}')": "has no option 'bye' (did you mean 'by'?)",
    f"{FUNNEL}('users', 'sign up > buy', '7 days', '{{\"by\": \"plann\"}}')": "(did you mean 'plan'?)",
    f"{FUNNEL}('users', 'sign up > buy', '7 days', '{{}}', 5)":
        "sky_funnel() takes 4 arguments, and this call has 5 (write sky_funnel(table, steps, within, options))",
    "SELECT * FROM sky_retention('users', 'sign up', 'buy')": "is a unit of time, and is missing (hour, day, week",
    "SELECT * FROM sky_retention('users', 'sign up', 'buy', 'fortnight')": "is a unit of time, and not 'fortnight'",
    # what there is not
    "ALTER TABLE users ADD COLUMN x TEXT": "SELECT sky_alter(",
    "CREATE INDEX i ON users(plan)": "(a sky table needs no index)",
    "UPDATE users_objects SET plan = 'x'": "users_objects can only be read: it shows the events of users",
    "DROP TABLE users_sessions": "users_sessions belongs to users, and is dropped with it",
}  # fmt: skip


@pytest.mark.parametrize("sql", MISTAKES)
def test_mistakes(db: skysql.Connection, sql: str) -> None:
    for pushdown in (True, False):
        db.engine.pushdown = pushdown
        with pytest.raises(skysql.DatabaseError, match=re.escape(MISTAKES[sql])) as raised:
            db.execute(sql).fetchall()
        if "(" not in MISTAKES[sql] and "no such" in MISTAKES[sql]:
            assert raised.value.hint is None, "nothing is near"
        db.rollback()
    db.engine.pushdown = True


def test_a_script_and_many_statements_have_hints(db: skysql.Connection) -> None:
    with pytest.raises(skysql.OperationalError, match="did you mean 'users'"):
        db.executescript("SELECT 1; SELECT * FROM user;")
    with pytest.raises(skysql.OperationalError, match="did you mean 'plan'"):
        db.executemany("INSERT INTO users(object_id, ts, action, plann) VALUES (?, 1, 'x', 'y')", [(1,), (2,)])
    db.rollback()


def test_hints_name_no_table_that_is_not_to_be_read(db: skysql.Connection) -> None:
    for name in ("users_log", "users_lo", "users_bloc"):
        try:
            db.execute(f"SELECT * FROM {name}x").fetchall()
        except skysql.OperationalError as error:
            assert "users_log" not in (error.hint or "") and "users_block" not in (error.hint or "")


def test_what_is_left_to_sqlite_warns_nobody(db: skysql.Connection, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        db.execute("CREATE VIRTUAL TABLE users_search USING fts5(url)")
        db.execute("DROP TABLE users_search")
    assert caplog.records == []
