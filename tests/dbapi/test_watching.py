"""Authorizers, traces and progress: they see all that the user wrote, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import skysql

OK, DENY, IGNORE, READ, INSERT = (
    sqlite3.SQLITE_OK,
    sqlite3.SQLITE_DENY,
    sqlite3.SQLITE_IGNORE,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_INSERT,
)

Seen = list[tuple[Any, ...]]


@pytest.fixture(params=[sqlite3, skysql], ids=lambda module: module.__name__)
def plain(request: pytest.FixtureRequest) -> Iterator[Any]:
    connection = request.param.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    connection.execute("INSERT INTO t VALUES (1, 2)")
    connection.commit()
    yield connection
    connection.close()


@pytest.fixture
def db() -> Any:
    connection = skysql.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    event = "INSERT INTO users (object_id, timestamp, action, plan) VALUES (?, ?, ?, 'pro')"
    connection.executemany(event, [(1, "2024-01-01", "a"), (1, "2024-01-02", "b"), (2, "2024-01-01", "a")])
    connection.execute("CREATE TABLE notes (id, secret)")
    connection.execute("INSERT INTO notes VALUES (1, 'x')")
    connection.commit()
    return connection


def answering(answer: int, *columns: str) -> Callable[..., int]:
    """An authorizer that answers so when one of these columns is read."""
    return lambda action, _table, column, *_: answer if action == READ and column in columns else OK


# what SQLite cannot prepare as it is written

AS_OF = "SELECT object_id, plan FROM users_objects FOR SYSTEM_TIME AS OF '2024-02-01'"
JOINED = f"SELECT n.secret, u.object_id FROM notes n, ({AS_OF}) u"
MATCH = """SELECT * FROM users MATCH_RECOGNIZE (
    PARTITION BY object_id ORDER BY timestamp MEASURES A.plan AS p PATTERN (A) DEFINE A AS action = 'a')"""
REPORT = """SELECT * FROM sky_funnel('users', 'a > b', '1 day', '{"by": "plan"}')"""
ORDINARY = "SELECT plan, count(*) FROM users GROUP BY plan"

SKY = [AS_OF, JOINED, MATCH, REPORT, ORDINARY]


@pytest.mark.parametrize("sql", SKY)
def test_denied_columns_cannot_be_read_in_any_syntax(db: Any, sql: str) -> None:
    assert db.execute(sql).fetchall()
    db.set_authorizer(answering(DENY, "plan"))
    for _ in range(2):  # it is planned by then
        with pytest.raises(skysql.DatabaseError, match="prohibited"):
            db.execute(sql)
    db.set_authorizer(None)
    assert db.execute(sql).fetchall()


@pytest.mark.parametrize("sql", SKY)
def test_hidden_columns_are_null_or_denied(db: Any, sql: str) -> None:
    db.set_authorizer(answering(IGNORE, "plan"))
    if sql is ORDINARY:
        assert db.execute(sql).fetchall() == [(None, 3)]
        return
    with pytest.raises(skysql.DatabaseError, match="prohibited"):
        db.execute(sql)


def test_ordinary_tables_in_such_a_statement_are_asked_about(db: Any) -> None:
    db.set_authorizer(answering(DENY, "secret"))
    with pytest.raises(skysql.DatabaseError, match=r"notes\.secret is prohibited"):
        db.execute(JOINED)
    db.set_authorizer(answering(IGNORE, "secret"))
    assert db.execute(JOINED).fetchall() == [(None, 1), (None, 2)]


def test_table_that_a_report_is_about_may_be_bound(db: Any) -> None:
    db.set_authorizer(answering(DENY, "plan"))
    with pytest.raises(skysql.DatabaseError, match="prohibited"):
        db.execute(REPORT.replace("'users'", "?"), ("users",))


@pytest.mark.parametrize("sql", SKY)
def test_nobody_sees_shadow_tables_or_results(db: Any, sql: str) -> None:
    seen: Seen = []
    traced: list[str] = []
    db.set_trace_callback(traced.append)
    db.set_authorizer(lambda *what: [OK, seen.append(what)][0])
    db.execute(sql).fetchall()
    db.executescript(f"CREATE TABLE kept AS {sql}; INSERT INTO kept {sql};")
    assert traced == [sql, f"CREATE TABLE kept AS {sql};", f" INSERT INTO kept {sql};"]
    names = {name for what in seen for name in what[1:] if isinstance(name, str)}
    known = {"users", "users_objects", "users_sessions", "users_changes"}
    assert not [name for name in names if name.startswith(("users_", "sky ")) and name not in known]


# what sqlite3 shows, too


def test_transactions_are_asked_about_and_told_of(plain: Any) -> None:
    seen: Seen = []
    traced: list[str] = []
    plain.set_authorizer(lambda *what: [OK, seen.append(what)][0])
    plain.set_trace_callback(traced.append)
    plain.execute("INSERT INTO t VALUES (?, 4)", (3,))
    plain.commit()
    plain.execute("DELETE FROM t")
    plain.rollback()
    assert [what[:2] for what in seen if what[0] == sqlite3.SQLITE_TRANSACTION] == [
        (sqlite3.SQLITE_TRANSACTION, name) for name in ("BEGIN", "COMMIT", "BEGIN", "ROLLBACK")
    ]
    assert traced == ["BEGIN ", "INSERT INTO t VALUES (3, 4)", "COMMIT", "BEGIN ", "DELETE FROM t", "ROLLBACK"]


def test_transaction_that_is_denied(plain: Any) -> None:
    plain.set_authorizer(lambda action, *_: DENY if action == sqlite3.SQLITE_TRANSACTION else OK)
    with pytest.raises(plain.DatabaseError, match="not authorized"):
        plain.execute("INSERT INTO t VALUES (3, 4)")
    plain.set_authorizer(None)
    assert not plain.in_transaction
    assert plain.execute("SELECT * FROM t").fetchall() == [(1, 2)]


@pytest.mark.parametrize("rows", [[], [(1,)], [(1,), (2,)]])
def test_executemany_is_asked_about_whatever_its_rows(plain: Any, rows: list[tuple[int]]) -> None:
    plain.set_authorizer(lambda action, *_: DENY if action == INSERT else OK)
    with pytest.raises(plain.DatabaseError, match="not authorized"):
        plain.executemany("INSERT INTO t VALUES (?, 1)", rows)


def test_columns_that_are_not_to_be_updated_stay(plain: Any) -> None:
    plain.set_authorizer(lambda action, _, column, *__: IGNORE if (action, column) == (23, "a") else OK)
    plain.executemany("UPDATE t SET a = ?, b = ?", [(5, 5), (6, 6), (7, 7)])
    assert plain.execute("SELECT * FROM t").fetchall() == [(1, 7)]
    plain.executescript("UPDATE t SET a = 8, b = 8")
    assert plain.execute("SELECT * FROM t").fetchall() == [(1, 8)]


def test_trace_of_many_rows_and_of_scripts(plain: Any) -> None:
    traced: list[str] = []
    plain.set_trace_callback(traced.append)
    plain.executemany("INSERT INTO t VALUES (:a, 'x')", [{"a": 1}, {"a": None}])
    plain.executescript("INSERT INTO t VALUES (1, 2); DELETE FROM t;")
    assert [text if text == "BEGIN " else text.strip(" ;") for text in traced] == [
        "BEGIN ",
        "INSERT INTO t VALUES (1, 'x')",
        "INSERT INTO t VALUES (NULL, 'x')",
        "COMMIT",
        "INSERT INTO t VALUES (1, 2)",
        "DELETE FROM t",
    ]


@pytest.mark.parametrize("module", [sqlite3, skysql], ids=lambda module: module.__name__)
def test_statement_that_fails_is_not_told_of(module: ModuleType) -> None:
    connection = module.connect(":memory:")
    traced: list[str] = []
    connection.set_trace_callback(traced.append)
    with pytest.raises(module.Error):
        connection.execute("SELECT * FROM nowhere")
    assert traced == []
    connection.close()


# progress


def test_progress_handler_is_called_in_scans(db: Any) -> None:
    calls = []
    db.set_progress_handler(lambda: calls.append(0), 1 << 30)  # more steps than SQLite makes
    assert db.execute(ORDINARY).fetchall() == [("pro", 3)]
    assert calls
    db.set_progress_handler(lambda: 1, 1 << 30)
    for _ in range(2):
        with pytest.raises(skysql.OperationalError, match="^interrupted$"):
            db.execute(ORDINARY)
    db.set_progress_handler(None, 0)
    assert db.execute(ORDINARY).fetchall() == [("pro", 3)]


def test_progress_handler_that_raises_stops_a_scan(db: Any) -> None:
    db.set_progress_handler(lambda: 1 / 0, 1 << 30)
    with pytest.raises(skysql.OperationalError, match="^interrupted$"):
        db.execute(ORDINARY)
