"""A program that moves over from sqlite3, where sky tables, or what lies under them, could be seen."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Any

import apsw
import pytest

import skysql
from tests.conftest import Connect

NOON = datetime.datetime(2026, 1, 2, 12)
EAST = NOON.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


@pytest.fixture
def db(connect: Connect) -> skysql.Connection:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, due TIMESTAMP, amount REAL)")
    db.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, note TEXT, secret TEXT)")
    db.executemany(
        "INSERT INTO users(object_id, timestamp, action, plan, due, amount) VALUES (?, ?, ?, ?, ?, ?)",
        [(1, NOON, "a", "free", NOON, 1.5), (2, EAST, "b", "pro", EAST, 2.5)],
    )
    db.execute("INSERT INTO notes VALUES (1, 'x', 's')")
    db.commit()
    return db


# moments


def test_moments_that_sqlite3_wrote_are_found(tmp_path: Path) -> None:
    path = str(tmp_path / "moved.db")
    table = "CREATE TABLE visits(at TIMESTAMP UNIQUE)"
    for module in (sqlite3, skysql):
        db: Any = module.connect(path)
        db.execute(table.replace("TABLE", "TABLE IF NOT EXISTS"))
        if module is sqlite3:
            db.execute("INSERT INTO visits VALUES ('2026-01-02 12:00:00'), ('2026-01-02 12:00:00+02:00')")
        else:
            for moment in (NOON, EAST):
                assert db.execute("SELECT count(*) FROM visits WHERE at = ?", (moment,)).fetchall() == [(1,)]
                with pytest.raises(skysql.IntegrityError, match="UNIQUE"):
                    db.execute("INSERT INTO visits VALUES (?)", (moment,))
            assert db.execute("DELETE FROM visits WHERE at = ?", (EAST,)).rowcount == 1
        db.commit()
        db.close()


@pytest.mark.parametrize("pushdown", [True, False])
def test_moments_as_parameters_on_a_sky_table(db: skysql.Connection, pushdown: bool) -> None:
    """With an offset they are the moment that they say."""
    db.engine.pushdown = pushdown
    east = EAST.astimezone(datetime.UTC).replace(tzinfo=None)
    assert db.execute("SELECT timestamp FROM users ORDER BY object_id").fetchall() == [
        ("2026-01-02 12:00:00.000000",), ("2026-01-02 10:00:00.000000",)
    ]  # fmt: skip
    for sql, parameters, rows in [
        ("SELECT object_id FROM users WHERE timestamp = ?", (EAST,), [2]),
        ("SELECT object_id FROM users WHERE timestamp = ?", (east,), [2]),
        ("SELECT object_id FROM users WHERE due IN (?, ?) ORDER BY 1", (NOON, east), [1, 2]),
        ("SELECT object_id FROM users WHERE timestamp BETWEEN ? AND ?", (NOON, NOON), [1]),
        ("SELECT count(*) FROM users WHERE timestamp < ?", (NOON,), [1]),
        ("SELECT object_id FROM users_objects FOR SYSTEM_TIME AS OF ?", (east,), [2]),
        ("SELECT count(*) FROM users WHERE timestamp >= :at", {"at": datetime.date(2026, 1, 2)}, [2]),
    ]:
        assert [row[0] for row in db.execute(sql, parameters)] == rows, sql
    assert db.execute("DELETE FROM users WHERE timestamp = ?", (EAST,)).rowcount == 1


# who watches

QUERIES = [
    "SELECT plan, count(*) FROM users WHERE timestamp > '2026-01-01' GROUP BY plan",
    "SELECT u.plan FROM users u JOIN notes n ON n.id = u.object_id",
    "SELECT object_id FROM users_objects('2026-01-03')",
    "INSERT INTO users(object_id, ts, action) VALUES (3, 3, 'c')",
    "DELETE FROM users WHERE object_id = 1",
    "SELECT step, objects FROM sky_funnel('users', 'a > b', '1 day')",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_what_is_watched_is_the_statement_as_it_is_written(db: skysql.Connection, sql: str) -> None:
    asked: list[tuple[Any, ...]] = []
    traced: list[str] = []

    def ask(*what: Any) -> int:
        asked.append(what)
        return apsw.SQLITE_OK

    expected = db.execute(sql).fetchall()
    db.rollback()
    db.set_authorizer(ask)
    db.set_trace_callback(traced.append)
    assert db.execute(sql).fetchall() == expected
    named = {name for what in asked for name in what[1:3] if isinstance(name, str)}
    assert not [name for name in named if name.startswith(("users_", "sky ")) and name != "users_objects"], named
    assert ("users" in named) or ("users_objects" in named) or ("sky_funnel" in named)
    assert traced == [*(["BEGIN "] if sql[0] in "ID" else []), sql]
    db.set_trace_callback(None)
    db.set_authorizer(None)
    asked.clear()
    db.execute("SELECT count(*) FROM users")
    assert asked == []


def test_an_authorizer_that_denies_or_hides_a_column(db: skysql.Connection) -> None:
    def hide(action: int, table: str | None, column: str | None, *_: Any) -> int:
        if action != apsw.SQLITE_READ:
            return apsw.SQLITE_OK
        return {"plan": apsw.SQLITE_IGNORE, "secret": apsw.SQLITE_DENY}.get(column or "", apsw.SQLITE_OK)

    db.set_authorizer(hide)
    for _ in range(2):  # the second time it is in a cache
        assert db.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall() == [(None, 2)]
        with pytest.raises(skysql.DatabaseError, match="access to notes.secret is prohibited"):
            db.execute("SELECT secret FROM notes")
        with pytest.raises(skysql.DatabaseError, match="prohibited"):
            db.executemany("UPDATE notes SET note = secret WHERE id = ?", [(1,)])
    db.set_authorizer(None)
    assert db.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall() == [("free", 1), ("pro", 1)]


def test_a_progress_handler_stops_a_statement(db: skysql.Connection) -> None:
    db.set_progress_handler(lambda: 1, 10)
    with pytest.raises(skysql.OperationalError, match="interrupted"):
        db.execute("WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT 99999) SELECT sum(x) FROM n")
    db.set_progress_handler(None, 10)
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(2,)]


# values


def test_a_text_factory_is_given_texts_of_sky_tables(db: skysql.Connection) -> None:
    sql = "SELECT plan, count(*) FROM users GROUP BY plan"
    db.text_factory = bytes
    assert db.execute(sql).fetchall() == [(b"free", 1), (b"pro", 1)]
    db.text_factory = lambda data: data.decode().upper()
    assert list(db.execute(sql)) == [("FREE", 1), ("PRO", 1)]
    db.text_factory = str
    assert db.execute(sql).fetchone() == ("free", 1)


def test_functions_of_the_users_on_sky_tables(db: skysql.Connection) -> None:
    class Never:
        def step(self, value: object) -> None:
            raise ZeroDivisionError("by none")

        def finalize(self) -> int:
            return 7

    db.create_aggregate("never", 1, Never)
    assert db.execute("SELECT never(plan) FROM users WHERE object_id > 99").fetchall() == [(None,)]
    with pytest.raises(skysql.OperationalError, match="aggregate's 'step' method raised error") as raised:
        db.execute("SELECT never(plan) FROM users").fetchall()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_copies_for_sqlite3(db: skysql.Connection) -> None:
    """Its SQLite is another one, which knows of no sky tables."""
    other = sqlite3.connect(":memory:")
    db.backup(other)
    assert other.execute("SELECT note FROM notes").fetchall() == [("x",)]
    other.close()
    bytes_ = db.serialize()
    again = skysql.connect(":memory:")
    again.deserialize(bytes_)
    assert again.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall() == [("free", 1), ("pro", 1)]
    again.close()


def test_a_transaction_that_is_always_open(db: skysql.Connection) -> None:
    db.autocommit = False
    assert db.in_transaction
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (7, 1, 'a')")
    db.rollback()
    assert db.in_transaction and db.execute("SELECT count(*) FROM users").fetchall() == [(2,)]
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (7, 1, 'a')")
    db.autocommit = True
    assert not db.in_transaction and db.execute("SELECT count(*) FROM users").fetchall() == [(3,)]
    db.autocommit = skysql.LEGACY_TRANSACTION_CONTROL
    db.execute("DELETE FROM users")
    assert db.in_transaction


def test_a_dump_has_what_a_pattern_names_and_restores_a_table_of_words(db: skysql.Connection) -> None:
    db.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    db.execute("INSERT INTO words VALUES ('one two'), ('three')")
    db.commit()
    assert not [line for line in db.iterdump(filter="notes%") if "users" in line or "words" in line]
    again = skysql.connect(":memory:")
    again.executescript("\n".join(db.iterdump()))
    again.commit()
    copy = skysql.connect(":memory:")
    copy.deserialize(again.serialize())
    assert copy.execute("SELECT text FROM words WHERE words MATCH 'two'").fetchall() == [("one two",)]
    assert copy.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall() == [("free", 1), ("pro", 1)]
    for each in (again, copy):
        each.close()
