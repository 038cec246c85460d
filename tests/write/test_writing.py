"""Writing: INSERT in its forms, transactions and savepoints, bulk appends, compaction."""

import datetime
import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import apsw
import numpy as np
import pytest

import skysql
from skysql.store import blob, compact
from skysql.store.compact import FOLD_BATCHES, FOLD_EVENTS
from tests.conftest import Connect, close
from tests.world.oracle import Event, Oracle, Property, Schema

USERS = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL)"
INSERT = "INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, ?, ?)"
ALL = "SELECT object_id, ts, action, plan FROM users"


@pytest.fixture
def db(connect: Connect) -> skysql.Connection:
    """A table without events, on a connection that commits each statement by itself."""
    db = connect(isolation_level=None)
    db.execute(USERS)
    db.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER)")
    return db


def rows(db: skysql.Connection, sql: str = ALL) -> list[Any]:
    return db.execute(sql).fetchall()


# INSERT


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("INSERT INTO users VALUES (1, '2026-01-01', 'a', 'free', 2, 1.5)", ()),
        ("INSERT INTO main.users VALUES (?, ?, ?, ?, ?, ?)", (1, "2026-01-01", "a", "free", 2, 1.5)),
        ("INSERT INTO users(plan, action, amount, seats, ts, object_id) VALUES ('free', 'a', 1.5, 2, :t, 1)",
         {"t": 1767225600000000}),
        ("INSERT INTO users(object_id, timestamp, action, amount, changes) VALUES (1, 1767225600000000, 'a', '1.5', ?)",
         ('{"plan": "free", "seats": 2}',)),
        ("INSERT INTO users(object_id, timestamp, action, amount, plan, changes)"
         " VALUES ('1', '2026-01-01T01:00+01:00', 'a', 1.5, 'free', '{\"seats\": \"2\", \"PLAN\": \"free\"}')", ()),
        ("INSERT INTO users SELECT 1, '2026-01-01T00:00:00Z', 'a', 'free', 2, 1.5", ()),
        ("WITH w(a) AS (SELECT 'a') INSERT INTO users SELECT 1, '2026-01-01', a, 'free', 2.0, 1.5 FROM w", ()),
        ("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", (1, datetime.date(2026, 1, 1), "a", "free", 2, 1.5)),
        ("INSERT OR ABORT INTO users VALUES (1, '2026-01-01', 'a', 'free', 2, 1.5)", ()),
        ("INSERT OR FAIL INTO users VALUES (1, '2026-01-01', 'a', 'free', 2, 1.5) RETURNING object_id", ()),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The default date adapter:DeprecationWarning")
def test_forms_of_insert(db: skysql.Connection, sql: str, parameters: Any) -> None:
    db.execute(sql, parameters).fetchall()
    assert rows(db, "SELECT * FROM users") == [(1, "2026-01-01 00:00:00.000000", "a", "free", 2, 1.5)]
    assert rows(db, "SELECT ts, changes FROM users") == [(1767225600000000, '{"plan":"free","seats":2}')]


def test_executemany(db: skysql.Connection) -> None:
    cursor = db.executemany(INSERT, ((i % 7 + 1, i, "a", None) for i in range(1000)))
    assert cursor.rowcount == 1000
    db.executemany(
        "INSERT INTO users(object_id, ts, action) VALUES (:o, :t, 'b')", [{"o": 9, "t": 1}, {"o": 9, "t": 2}]
    )
    assert rows(db, "SELECT count(*), max(ts) FROM users") == [(1002, 999)]


def test_insert_select_of_the_table_itself(db: skysql.Connection) -> None:
    db.executemany(INSERT, [(1, 1, "a", "x"), (1, 2, "b", None)])
    db.execute("INSERT INTO users(object_id, ts, action, plan) SELECT object_id + 1, ts, action, plan FROM users")
    db.execute("INSERT INTO users(object_id, ts, action) SELECT object_id, 9, 'seen ' || plan FROM users_objects")
    assert rows(db) == [
        *[(1, 1, "a", "x"), (1, 2, "b", "x"), (1, 9, "seen x", "x")],
        *[(2, 1, "a", "x"), (2, 2, "b", "x"), (2, 9, "seen x", "x")],
    ]


def test_text_keys_are_inserted_by_key(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, airport TEXT STATE)")
    db.execute("INSERT INTO planes(tail, ts, airport) VALUES ('N1', 1, 'JFK'), (12, 1, 'LAX'), ('N1', 2, 'SFO')")
    db.append("planes", {"tail": ["12", "N3"], "ts": [5, 5], "airport": ["ORD", "ORD"]}, time_unit="us")
    assert rows(db, "SELECT tail, airport FROM planes ORDER BY tail, ts") == [
        ("12", "LAX"), ("12", "ORD"), ("N1", "JFK"), ("N1", "SFO"), ("N3", "ORD")
    ]  # fmt: skip
    with pytest.raises(skysql.DataError, match="object_id.*tail"):
        db.execute("INSERT INTO planes(object_id, ts, action) VALUES (1, 1, 'a')")


# changes


def test_null_is_no_change_and_changes_set_null(db: skysql.Connection) -> None:
    db.execute("INSERT INTO users(object_id, ts, plan, seats) VALUES (1, 1, 'pro', 3)")
    db.execute("INSERT INTO users(object_id, ts, action, plan, seats) VALUES (1, 2, 'a', NULL, NULL)")
    db.execute("""INSERT INTO users(object_id, ts, changes) VALUES (1, 3, '{"plan": null}')""")
    db.execute("""INSERT INTO users(object_id, ts, plan, changes) VALUES (1, 4, 'free', '{"seats": null}')""")
    assert rows(db, "SELECT ts, plan, seats, changes FROM users") == [
        (1, "pro", 3, '{"plan":"pro","seats":3}'),
        (2, "pro", 3, None),
        (3, None, 3, '{"plan":null}'),
        (4, "free", None, '{"plan":"free","seats":null}'),
    ]
    assert rows(db, "SELECT ts, property, old_value, new_value FROM users_changes WHERE ts > 1") == [
        (3, "plan", "pro", None), (4, "plan", None, "free"), (4, "seats", 3, None)
    ]  # fmt: skip
    assert rows(db, "SELECT plan, count(*) FROM users GROUP BY plan") == [(None, 1), ("free", 1), ("pro", 2)]


def test_changes_read_as_they_are_written(db: skysql.Connection) -> None:
    texts = ["it's", 'say "x"', "line\nbreak", "日本", "🙂", "", "\\", "null", "\x01"]
    for i, text in enumerate(texts):
        db.execute("INSERT INTO users(object_id, ts, changes) VALUES (1, ?, ?)", (i, json.dumps({"plan": text})))
    assert rows(db, "SELECT plan FROM users") == [(text,) for text in texts]
    assert [json.loads(text) for (text,) in rows(db, "SELECT changes FROM users")] == [{"plan": t} for t in texts]
    db.execute("INSERT INTO users(object_id, timestamp, action, amount, changes)"
               " SELECT object_id + 1, timestamp, action, amount, changes FROM users")  # fmt: skip
    assert rows(db, "SELECT plan FROM users WHERE object_id = 2") == [(text,) for text in texts]


def test_changes_to_infinity_are_json(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, rate REAL STATE)")
    changes = '{"plan":"Infinity","rate":9e999}'
    db.execute("INSERT INTO users(object_id, ts, changes) VALUES (1, 1, ?)", (changes,))
    db.execute("INSERT INTO users(object_id, ts, rate) VALUES (1, 2, -9e999)")
    rows = db.execute("SELECT plan, rate, changes, json_valid(changes) FROM users").fetchall()
    assert rows == [("Infinity", float("inf"), changes, 1), ("Infinity", float("-inf"), '{"rate":-9e999}', 1)]
    again = connect(isolation_level=None)
    again.executescript("".join(db.iterdump()))
    assert again.execute("SELECT plan, rate, changes, json_valid(changes) FROM users").fetchall() == rows


def test_values_at_the_ends_of_their_ranges(db: skysql.Connection) -> None:
    values = [-(2**63), 2**63 - 1, 0, 2**53 + 1]
    reals = [1.7976931348623157e308, -5e-324, -0.0, float("inf")]
    for i, (seats, amount) in enumerate(zip(values, reals, strict=True)):
        db.execute("INSERT INTO users(object_id, ts, seats, amount) VALUES (?, ?, ?, ?)", (2**63 - 1, i, seats, amount))
    for _ in range(2):
        assert rows(db, "SELECT seats, amount FROM users") == list(zip(values, reals, strict=True))
        assert rows(db, "SELECT object_id, seats FROM users_objects") == [(2**63 - 1, 2**53 + 1)]
        db.compact()


# late events and equal timestamps


def test_late_events_read_as_if_they_had_come_in_order(db: skysql.Connection) -> None:
    db.execute(INSERT, (1, 10, "a", "free"))
    db.execute(INSERT, (1, 30, "c", "pro"))
    db.compact()
    db.execute(INSERT, (1, 20, "b", None))
    assert rows(db) == [(1, 10, "a", "free"), (1, 20, "b", "free"), (1, 30, "c", "pro")]
    db.execute(INSERT, (1, 15, "late", "basic"))
    assert rows(db) == [(1, 10, "a", "free"), (1, 15, "late", "basic"), (1, 20, "b", "basic"), (1, 30, "c", "pro")]
    assert rows(db, "SELECT plan FROM users_objects(20)") == [("basic",)]
    assert rows(db, "SELECT old_value, new_value FROM users_changes") == [
        (None, "free"), ("free", "basic"), ("basic", "pro")
    ]  # fmt: skip


def test_events_of_one_moment_keep_their_order(db: skysql.Connection) -> None:
    """Over log, blocks, and the ways in which they came."""
    for i in range(0, 40, 4):
        db.execute(INSERT, (1, 5, f"{i}", f"p{i}"))
        db.executemany(INSERT, [(1, 5, f"{i + 1}", None), (1, 5, f"{i + 2}", f"p{i + 2}")])
        db.append("users", {"object_id": [1, 2], "ts": [5, 5], "action": [f"{i + 3}", "other"]}, time_unit="us")
        if i % 12 == 0:
            db.compact()
    expected = [(f"{i}", f"p{i if i % 4 in (0, 2) else i - 1}") for i in range(40)]
    assert rows(db, "SELECT action, plan FROM users WHERE object_id = 1") == expected
    db.compact()
    assert rows(db, "SELECT action, plan FROM users WHERE object_id = 1") == expected
    assert rows(db, "SELECT plan FROM users_objects WHERE object_id = 1") == [("p38",)]


# transactions


def test_a_transaction_with_an_ordinary_table(db: skysql.Connection) -> None:
    for end, n in (("ROLLBACK", 0), ("COMMIT", 1)):
        db.execute("BEGIN")
        db.execute(INSERT, (1, 1, "a", "x"))
        db.execute("INSERT INTO orders VALUES (1, 1)")
        assert rows(db) == [(1, 1, "a", "x")]
        assert rows(db, "SELECT plan, count(*) FROM users JOIN orders ON who = object_id GROUP BY plan") == [("x", 1)]
        db.execute(end)
        assert len(rows(db)) == len(rows(db, "SELECT * FROM orders")) == n


def test_nested_savepoints_with_an_ordinary_table(db: skysql.Connection) -> None:
    def write(i: int) -> None:
        db.execute(INSERT, (1, i, "a", f"p{i}"))
        db.execute("INSERT INTO orders VALUES (?, 1)", (i,))

    def written() -> list[int]:
        assert rows(db, "SELECT ts, plan FROM users") == [(i, f"p{i}") for (i,) in rows(db, "SELECT id FROM orders")]
        return [i for (i,) in rows(db, "SELECT ts FROM users")]

    db.execute("BEGIN")
    write(1)
    db.execute("SAVEPOINT one")
    write(2)
    db.execute("SAVEPOINT two")
    write(3)
    assert written() == [1, 2, 3]
    db.execute("ROLLBACK TO two")
    write(4)
    db.execute("SAVEPOINT three")
    write(5)
    db.execute("RELEASE two")
    assert written() == [1, 2, 4, 5]
    db.execute("ROLLBACK TO one")
    write(6)
    assert written() == [1, 6]
    db.execute("RELEASE one")
    db.execute("COMMIT")
    assert written() == [1, 6]
    db.execute("SAVEPOINT outermost")
    write(7)
    db.execute("ROLLBACK TO outermost")
    write(8)
    db.execute("RELEASE outermost")
    assert written() == [1, 6, 8]


def test_what_is_written_is_read_at_once(db: skysql.Connection) -> None:
    db.execute("BEGIN")
    for i in range(1, 30):
        db.execute(INSERT, (1, i, "a", f"p{i % 3}"))
        assert rows(db, "SELECT count(*), max(ts) FROM users") == [(i, i)]
        assert rows(db, "SELECT plan FROM users_objects") == [(f"p{i % 3}",)]
        assert rows(db, "SELECT count(*) FROM users_changes") == [(i,)]
        assert rows(db, f"SELECT action FROM users WHERE plan = 'p{i % 3}' AND ts = {i}") == [("a",)]
    assert db.info()[0].events == 29
    db.execute("COMMIT")


def test_a_cursor_reads_on_while_the_table_is_written(db: skysql.Connection) -> None:
    db.executemany(INSERT, [(i, 1, "a", "x") for i in range(1, 2001)])
    cursor = db.execute(ALL)
    first = cursor.fetchmany(10)
    db.execute(INSERT, (5000, 1, "b", "y"))
    db.compact()
    assert first + cursor.fetchall()[:1990] == [(i, 1, "a", "x") for i in range(1, 2001)]
    assert rows(db, "SELECT count(*) FROM users") == [(2001,)]


def test_implicit_transactions(connect: Connect, path: str) -> None:
    db = connect(path)
    db.execute(USERS)
    with db:
        db.execute(INSERT, (1, 1, "a", "x"))
    with pytest.raises(ZeroDivisionError), db:
        db.execute(INSERT, (1, 2, "b", "y"))
        assert len(rows(db)) == 2
        raise ZeroDivisionError
    db.execute(INSERT, (1, 3, "c", "z"))
    db.close()
    assert rows(connect(path)) == [(1, 1, "a", "x")]


def test_a_trigger_writes_in_its_statement(db: skysql.Connection) -> None:
    db.execute("CREATE TRIGGER t AFTER INSERT ON orders BEGIN"
               " INSERT INTO users(object_id, ts, action) VALUES (new.who, new.id, 'order'); END")  # fmt: skip
    db.execute("BEGIN")
    db.execute("INSERT INTO orders VALUES (1, 7), (2, 7)")
    with pytest.raises(skysql.IntegrityError, match="UNIQUE"):
        db.execute("INSERT INTO orders VALUES (3, 8), (2, 8)")
    db.execute("COMMIT")
    assert rows(db, "SELECT object_id, ts FROM users") == [(7, 1), (7, 2)]


# statements that fail


BAD = [
    pytest.param("INSERT INTO users(object_id, ts, action) VALUES (5, 1, 'a'), (5, 2, 'b'), (0, 3, 'c')", id="values"),
    pytest.param("INSERT OR ABORT INTO users(object_id, ts, action) VALUES (5, 1, 'a'), (5, 2, NULL)", id="abort"),
    pytest.param("INSERT INTO users(object_id, ts, action) SELECT id, 1, 'a' FROM numbers ORDER BY -id", id="select"),
    pytest.param("INSERT INTO users(object_id, ts, action) SELECT 5, abs(x), 'a' FROM extremes", id="sqlite"),
]  # fmt: skip
PYTHON = [
    pytest.param("INSERT INTO users(object_id, ts, action) SELECT 5, refuse(id), 'a' FROM numbers ORDER BY id DESC",
                 id="function"),
    pytest.param("INSERT INTO users(object_id, ts, action) SELECT 5, 1, 'a' FROM numbers JOIN users_objects"
                 " ON as_of = iif(id, '2026-01-01', 'never') ORDER BY id DESC", id="scan"),
]  # fmt: skip


def spoil(db: skysql.Connection) -> None:
    """What the statements in BAD need to fail in their third row."""

    def refuse(value: int) -> int:
        return value // value

    db.create_function("refuse", 1, refuse)
    db.execute("CREATE TABLE numbers(id INTEGER PRIMARY KEY)")
    db.execute("INSERT INTO numbers VALUES (0), (5), (6)")
    db.execute("CREATE TABLE extremes(x)")
    db.execute("INSERT INTO extremes VALUES (1), (2), (-9223372036854775808)")


@pytest.mark.parametrize("sql", [*BAD, *PYTHON])
def test_a_statement_that_fails_leaves_nothing(db: skysql.Connection, sql: str) -> None:
    spoil(db)
    db.execute(INSERT, (1, 1, "before", "x"))
    with pytest.raises((skysql.Error, ZeroDivisionError)):
        db.execute(sql)
    db.execute(INSERT, (1, 2, "after", None))
    assert rows(db) == [(1, 1, "before", "x"), (1, 2, "after", "x")]


@pytest.mark.parametrize(
    "sql",
    [*BAD, *PYTHON],
)
@pytest.mark.parametrize("after", ["insert", "insert many", "read", "commit", "savepoint", "append"])
def test_a_statement_that_fails_leaves_nothing_in_a_transaction(db: skysql.Connection, sql: str, after: str) -> None:
    """What the transaction wrote before and writes after it stays."""
    spoil(db)
    db.execute("BEGIN")
    db.execute(INSERT, (1, 1, "before", "x"))
    with pytest.raises((skysql.Error, ZeroDivisionError)):
        db.execute(sql)
    assert db.in_transaction
    expected = [(1, 1, "before", "x")]
    if after in ("insert", "savepoint"):
        if after == "savepoint":
            db.execute("SAVEPOINT s")
        db.execute(INSERT, (1, 2, "after", None))
        expected.append((1, 2, "after", "x"))
    elif after == "insert many":
        db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 2, 'after'), (1, 3, 'later')")
        expected += [(1, 2, "after", "x"), (1, 3, "later", "x")]
    elif after == "append":
        db.append("users", {"object_id": [1], "ts": [2], "action": ["after"]}, time_unit="us")
        expected.append((1, 2, "after", "x"))
    elif after == "read":
        assert rows(db) == expected
    db.execute("COMMIT")
    assert rows(db) == expected


def test_executemany_stops_at_the_row_that_is_refused(connect: Connect) -> None:
    """As with sqlite3: what came before it is in the transaction."""
    db = connect()
    db.execute(USERS)
    with pytest.raises(skysql.DataError):
        db.executemany(INSERT, [(1, 1, "a", None), (1, 2, "b", None), (1, "never", "c", None), (1, 4, "d", None)])
    assert rows(db, "SELECT action FROM users") == [("a",), ("b",)]
    db.rollback()
    assert rows(db) == []


# bulk


def test_append_in_transactions(db: skysql.Connection) -> None:
    def append(ts: int) -> None:
        columns = {"object_id": [1, 2], "ts": [ts, ts], "plan": [f"p{ts}", f"q{ts}"]}
        assert db.append("users", columns, time_unit="us") == 2

    append(1)
    assert not db.in_transaction
    db.execute("BEGIN")
    db.execute(INSERT, (1, 2, "a", None))
    append(3)
    db.execute("SAVEPOINT s")
    append(4)
    assert rows(db, "SELECT ts FROM users WHERE object_id = 1") == [(1,), (2,), (3,), (4,)]
    db.execute("ROLLBACK TO s")
    with pytest.raises(skysql.DataError):
        db.append("users", {"object_id": [1, -1], "ts": [5, 5], "plan": ["new", "new"]}, time_unit="us")
    assert rows(db, "SELECT ts, plan FROM users WHERE object_id = 1") == [(1, "p1"), (2, "p1"), (3, "p3")]
    db.execute("COMMIT")
    assert rows(db, "SELECT count(*) FROM users") == [(5,)]
    db.execute("BEGIN")
    append(9)
    db.execute("ROLLBACK")
    assert rows(db, "SELECT count(*) FROM users") == [(5,)]


def test_append_of_nothing(db: skysql.Connection) -> None:
    assert db.append("users", {"object_id": [], "ts": []}, time_unit="us") == 0
    assert rows(db) == []


def test_append_of_more_than_a_log_takes(db: skysql.Connection) -> None:
    n = FOLD_EVENTS + 1000
    rng = np.random.default_rng(5)
    columns = {
        "object_id": rng.integers(1, 5000, n),
        "timestamp": rng.integers(0, 10**12, n),
        "action": rng.choice(["a", "b", "c"], n),
    }
    assert db.append("users", columns, time_unit="us") == n
    assert db.append("users", columns, time_unit="us") == n
    assert db.info()[0].log_events == 0
    actions, counts = np.unique(columns["action"], return_counts=True)
    expected = [(str(action), 2 * int(count)) for action, count in zip(actions, counts, strict=True)]
    assert rows(db, "SELECT action, count(*) FROM users GROUP BY action") == expected
    order = np.lexsort((columns["timestamp"], columns["object_id"]))
    path = columns["timestamp"][order][columns["object_id"][order] == 7].repeat(2).tolist()
    assert [ts for (ts,) in rows(db, "SELECT ts FROM users WHERE object_id = 7")] == path


def test_an_object_of_very_many_equal_events(db: skysql.Connection) -> None:
    """Which take a few hundred bytes: a reader must believe in as many as were written."""
    n = 1_400_000
    one = np.ones(n, np.int64)
    at = 1_767_225_600_000_000
    db.append("users", {"object_id": one, "ts": one * at, "action": np.full(n, "a"), "seats": one, "amount": one / 2})
    for _ in range(2):
        totals = rows(db, "SELECT action, count(*), sum(seats), sum(amount) FROM users GROUP BY action")
        assert totals == [("a", n, n, n / 2)]
        assert db.check() == []
        db.append("users", {"object_id": [1], "ts": [at], "action": ["a"]})
        db.execute("DELETE FROM users WHERE amount IS NULL")
        db.compact()


# dictionaries


def test_codes_are_given_anew_after_a_rollback(connect: Connect, path: str) -> None:
    """To other texts: whatever is remembered of the old ones must not be taken for the new ones."""
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(who TEXT OBJECT, plan TEXT STATE, url TEXT)")
    insert = "INSERT INTO users(who, ts, action, plan, url) VALUES (?, 1, ?, ?, ?)"
    db.execute(insert, ("ann", "a", "free", "/"))

    def answers(db: skysql.Connection) -> list[Any]:
        return [
            rows(db, sql)
            for sql in (
                "SELECT who, action, plan, url FROM users ORDER BY who",
                "SELECT plan, count(*) FROM users WHERE plan LIKE 'new%' GROUP BY plan",
                "SELECT action, count(*) FROM users GROUP BY action",
                "SELECT who FROM users_objects WHERE who >= 'b'",
                "SELECT count(*) FROM users WHERE url = '/gone' OR who = 'gone' OR action = 'gone' OR plan = 'gone'",
            )
        ]

    before = answers(db)
    for how in ("ROLLBACK", "ROLLBACK TO s"):
        db.execute("BEGIN")
        db.execute("SAVEPOINT s")
        db.execute(insert, ("gone", "gone", "gone", "/gone"))
        db.execute(insert, ("new gone", "gone too", "new gone", "/gone/too"))
        assert answers(db)[4] == [(1,)]
        db.execute(how)
        assert answers(db) == before
        if how != "ROLLBACK":
            db.execute("COMMIT")
    (other if rows(other) else db).execute(insert, ("new", "b", "new plan", "/new"))
    expected = [
        [("ann", "a", "free", "/"), ("new", "b", "new plan", "/new")],
        [("new plan", 1)],
        [("a", 1), ("b", 1)],
        [("new",)],
        [(0,)],
    ]
    assert answers(db) == answers(other) == expected
    db.execute(insert, ("gone", "gone", "gone", "/gone"))
    assert answers(other)[4] == [(1,)]


def test_two_connections_add_texts_in_turn(connect: Connect, path: str) -> None:
    dbs = [connect(path, isolation_level=None) for _ in range(3)]
    dbs[0].execute("CREATE VIRTUAL TABLE users USING sky(who TEXT OBJECT, plan TEXT STATE)")
    for i in range(60):
        db = dbs[i % 3]
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO users(who, ts, plan) VALUES (?, ?, ?)", (f"w{i // 2}", i, f"p{i // 4}"))
        db.execute("ROLLBACK" if i % 5 == 4 else "COMMIT")
        if i % 20 == 19:
            dbs[(i + 1) % 3].compact()
    kept = [i for i in range(60) if i % 5 != 4]
    for db in dbs:
        assert rows(db, "SELECT who, ts, plan FROM users ORDER BY ts") == [
            (f"w{i // 2}", i, f"p{i // 4}") for i in kept
        ]
        assert rows(db, "SELECT count(DISTINCT who), count(DISTINCT plan) FROM users") == [(30, 15)]


# compaction


def test_many_small_commits_are_folded(connect: Connect, path: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute(USERS)
    n = 2 * FOLD_BATCHES + 300
    for i in range(n):
        db.execute(INSERT, (i * 7919 % 100 + 1, n - i, "a", f"p{i % 5}"))
    (info,) = db.info()
    assert info.events == n and 0 < info.log_events < FOLD_BATCHES and info.blocks > 0
    expected = sorted((i * 7919 % 100 + 1, n - i, "a", f"p{i % 5}") for i in range(n))
    assert rows(db) == expected
    assert rows(connect(path)) == expected
    assert sum(count for _, count in rows(db, "SELECT plan, count(*) FROM users GROUP BY plan")) == n


def test_a_log_of_many_events_is_folded(db: skysql.Connection) -> None:
    n, size = 2 * FOLD_EVENTS, 10_000
    for start in range(0, n, size):
        ids = np.arange(start, start + size) % 1000 + 1
        columns = {"object_id": ids, "ts": np.arange(start, start + size), "action": ["a"] * size}
        db.append("users", columns, time_unit="us")
        (info,) = db.info()
        assert info.log_events <= FOLD_EVENTS + size and info.blocks < 8
    assert rows(db, "SELECT count(*), min(ts), max(ts), count(DISTINCT object_id) FROM users")[0][1:] == (
        0, info.last_ts, 1000
    )  # fmt: skip
    assert info.events == -(-n // size) * size
    assert [ts for (ts,) in rows(db, "SELECT ts FROM users WHERE object_id = 1")] == list(range(0, info.events, 1000))


def test_compact_on_request(db: skysql.Connection) -> None:
    db.execute("CREATE VIRTUAL TABLE others USING sky(x TEXT)")
    db.execute("INSERT INTO others VALUES (1, 1, 'a', 'x')")
    for i in range(20):
        db.execute(INSERT, (i % 3 + 1, 100 - i, "a", f"p{i}"))
    before = rows(db), rows(db, "SELECT * FROM users_objects"), rows(db, "SELECT * FROM users_changes")
    db.compact("users")
    logs = {info.name: (info.log_events, info.blocks) for info in db.info()}
    assert logs == {"users": (0, 1), "others": (1, 0)}
    db.compact("main.others")
    db.compact()
    assert {(info.log_events, info.blocks) for info in db.info()} == {(0, 1)}
    assert (rows(db), rows(db, "SELECT * FROM users_objects"), rows(db, "SELECT * FROM users_changes")) == before
    with pytest.raises(skysql.ProgrammingError, match="'nope'"):
        db.compact("nope")


def test_a_path_of_too_many_events_is_refused(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever would put them into one block is told, and what was there stays."""
    monkeypatch.setattr(blob, "MOST_BYTES", 8 * 500)
    monkeypatch.setattr(compact, "FOLD_EVENTS", 300)
    monkeypatch.setattr(compact, "SHARD_EVENTS", 100)
    monkeypatch.setattr(compact, "ALIKE", 2)
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(amount REAL)")
    events = {"object_id": [7] * 290, "ts": list(range(290)), "action": ["a"] * 290}
    db.append("users", events, time_unit="us")
    with pytest.raises(skysql.DataError, match="'users': object 7 has 580 events, more than the 500"):
        db.append("users", events, time_unit="us")
    db.execute("BEGIN")
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (7, ?, 'a')", [(i,) for i in range(300)])
    with pytest.raises(skysql.DataError, match="object 7"):
        db.execute("COMMIT")
    assert not db.in_transaction
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(290,)]
    db.compact()
    assert db.check() == []


def test_compact_of_an_empty_table(db: skysql.Connection) -> None:
    db.compact()
    assert rows(db) == rows(db, "SELECT * FROM users_objects") == []


def test_compact_in_a_transaction_is_rolled_back(db: skysql.Connection) -> None:
    for i in range(5):
        db.execute(INSERT, (i % 2 + 1, i, "a", f"p{i}"))
    before = rows(db)
    db.execute("BEGIN")
    db.execute(INSERT, (9, 1, "b", "new"))
    db.compact()
    assert db.info()[0].log_events == 0 and len(rows(db)) == 6
    db.execute("ROLLBACK")
    assert db.info()[0].log_events == 5
    assert rows(db) == before
    db.execute(INSERT, (9, 1, "c", "newer"))
    db.compact()
    assert rows(db) == [*before, (9, 1, "c", "newer")]


def test_compact_merges_what_overlaps(db: skysql.Connection) -> None:
    """Several blocks, some touched by late events and some not."""
    n = 600_000
    ts = np.arange(n, dtype=np.int64)
    db.append("users", {"object_id": ts // 100 + 1, "ts": ts, "seats": ts % 7}, time_unit="us")
    db.compact()
    assert db.info()[0].blocks >= 2
    db.append("users", {"object_id": [1, 3000, 10**9], "ts": [5, 5, 5], "seats": [70, 70, 70]}, time_unit="us")
    counts = "SELECT seats, count(*) FROM users GROUP BY seats"
    expected = [(i, len(range(i, n, 7))) for i in range(7)] + [(70, 3)]
    assert rows(db, counts) == expected
    db.compact()
    (info,) = db.info()
    assert (info.log_events, info.events, info.objects) == (0, n + 3, 6001)
    assert rows(db, counts) == expected
    assert rows(db, "SELECT ts, seats FROM users WHERE object_id = 1 AND ts BETWEEN 4 AND 6") == [
        (4, 4), (5, 5), (5, 70), (6, 6)
    ]  # fmt: skip


# what is not there yet


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users_objects SET plan = 'pro'",
        "DELETE FROM users_changes",
        "INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'b') ON CONFLICT DO NOTHING",
    ],
)
def test_what_is_not_supported_is_refused(db: skysql.Connection, sql: str) -> None:
    db.execute(INSERT, (1, 1, "a", "x"))
    with pytest.raises((skysql.NotSupportedError, skysql.OperationalError), match="users"):
        db.execute(sql)
    assert rows(db) == [(1, 1, "a", "x")]


# everything at once


class Model:
    """A database, and what it must hold: lists of events and of orders, and how long they were at each savepoint."""

    def __init__(self, db: skysql.Connection, keyed: bool, rng: random.Random) -> None:
        self.db, self.rng = db, rng
        properties = (
            Property("plan", "TEXT", True),
            Property("seats", "INTEGER", True),
            Property("url", "TEXT", False),
        )
        self.schema = Schema("users", properties, key_name="who" if keyed else None)
        self.events: list[Event] = []
        self.orders = 0
        self.savepoints: list[tuple[int, int]] = []
        self.texts = 0
        db.execute(self.schema.ddl())
        db.execute("CREATE TABLE orders(id INTEGER)")

    def event(self) -> Event:
        rng = self.rng
        who = rng.randint(1, 8)
        changes: dict[str, Any] = {}
        self.texts += 1
        if rng.random() < 0.5:
            changes["plan"] = rng.choice([None, "free", "pro", f"plan {self.texts}"])
        if rng.random() < 0.2:
            changes["seats"] = rng.choice([None, 1, 2])
        attributes = {"url": f"/{self.texts}"} if rng.random() < 0.4 else {}
        action = rng.choice(["a", "b", f"action {self.texts}"]) if not changes or rng.random() < 0.5 else None
        key = f"w{who if rng.random() < 0.8 else self.texts}"
        return Event(key if self.schema.key_name else who, rng.randint(0, 30), action, attributes, changes)

    def row(self, event: Event) -> tuple[Any, ...]:
        changes = json.dumps(event.changes) if event.changes else None
        return event.object, event.ts, event.action, event.attributes.get("url"), changes

    def step(self) -> None:
        """One random statement."""
        getattr(self, self.rng.choice(["insert"] * 4 + ["many", "append", "order", "order", "begin", "savepoint",
                                       "savepoint", "rollback_to", "release", "commit", "rollback", "refused",
                                       "raising", "raising_later", "compact"]))()  # fmt: skip

    def insert(self) -> None:
        self.write([self.event()])

    def many(self) -> None:
        self.write([self.event() for _ in range(self.rng.randint(2, 5))])

    def write(self, events: list[Event], bad: bool = False) -> None:
        values = [self.row(event) for event in events] + [(0, 0, None, None, None)] * bad
        names = f"{self.schema.key_name or 'object_id'}, ts, action, url, changes"
        marks = ", ".join(["(?, ?, ?, ?, ?)"] * len(values))
        self.db.execute(f"INSERT INTO users({names}) VALUES {marks}", [v for row in values for v in row])
        self.events += events

    def refused(self) -> None:
        with pytest.raises(skysql.IntegrityError if self.schema.key_name else skysql.DataError):
            self.write([self.event() for _ in range(self.rng.randint(0, 3))], bad=True)

    def raising(self) -> None:
        """A function of the user's raises, for the last row."""
        values = [v for _ in range(self.rng.randint(0, 3)) for v in self.row(self.event())]
        rows = ["(?, ?, ?, ?, ?)"] * (len(values) // 5) + ["(1, refuse(0), 'a', NULL, NULL)"]
        names = f"{self.schema.key_name or 'object_id'}, ts, action, url, changes"
        with pytest.raises(skysql.OperationalError, match="function raised"):
            self.db.execute(f"INSERT INTO users({names}) VALUES {', '.join(rows)}", values)

    def raising_later(self) -> None:
        """The same in the last of several executions, of which each inserts two rows; those before it stay."""
        events = [self.event() for _ in range(2 * self.rng.randint(1, 3))]
        rows = [(*self.row(a), *self.row(b), 1) for a, b in zip(events[::2], events[1::2], strict=True)]
        rows[-1] = (*rows[-1][:-1], 0)
        names = f"{self.schema.key_name or 'object_id'}, ts, action, url, changes"
        two = f"INSERT INTO users({names}) VALUES (?1, ?2, ?3, ?4, ?5), (?6, ?7 * refuse(?11), ?8, ?9, ?10)"
        with pytest.raises(skysql.OperationalError, match="function raised"):
            self.db.executemany(two, iter(rows))
        self.events += events[:-2]

    def append(self) -> None:
        events = [self.event() for _ in range(self.rng.randint(1, 20))]
        names = (self.schema.key_name or "object_id", "ts", "action", "url", "changes")
        columns = zip(*map(self.row, events), strict=True)
        assert self.db.append("users", dict(zip(names, map(list, columns), strict=True)), time_unit="us") == len(events)
        self.events += events

    def order(self) -> None:
        self.orders += 1
        self.db.execute("INSERT INTO orders VALUES (1)")

    def begin(self) -> None:
        if not self.savepoints:
            self.savepoints.append((len(self.events), self.orders))
            self.db.execute("BEGIN")

    def savepoint(self) -> None:
        if self.savepoints:
            self.db.execute(f"SAVEPOINT s{len(self.savepoints)}")
            self.savepoints.append((len(self.events), self.orders))

    def rollback_to(self) -> None:
        if len(self.savepoints) > 1:
            level = self.rng.randrange(1, len(self.savepoints))
            self.db.execute(f"ROLLBACK TO s{level}")
            self.undo(level)
            self.savepoints = self.savepoints[: level + 1]

    def release(self) -> None:
        if len(self.savepoints) > 1:
            level = self.rng.randrange(1, len(self.savepoints))
            self.db.execute(f"RELEASE s{level}")
            self.savepoints = self.savepoints[:level]

    def commit(self) -> None:
        if self.savepoints:
            self.db.execute("COMMIT")
            self.savepoints = []

    def rollback(self) -> None:
        if self.savepoints:
            self.db.execute("ROLLBACK")
            self.undo(0)
            self.savepoints = []

    def undo(self, level: int) -> None:
        events, self.orders = self.savepoints[level]
        del self.events[events:]

    def compact(self) -> None:
        self.db.compact()

    def compare(self, db: skysql.Connection) -> None:
        """Everything that can be read is as the oracle has it."""
        ids = dict(rows(db, "SELECT who, object_id FROM users_objects")) if self.schema.key_name else {}
        oracle = Oracle(self.schema, self.events, ids)
        assert rows(db, "SELECT *, ts, changes FROM users") == oracle.event_rows()
        assert rows(db, "SELECT * FROM users_objects") == oracle.object_rows()
        assert rows(db, "SELECT * FROM users_objects(15)") == oracle.object_rows(15)
        assert rows(db, "SELECT * FROM users_changes") == oracle.change_rows()
        plans = [row[-5] for row in oracle.event_rows()]
        assert dict(rows(db, "SELECT plan, count(*) FROM users GROUP BY plan")) == {p: plans.count(p) for p in plans}
        assert rows(db, "SELECT count(*) FROM orders") == [(self.orders,)]


@pytest.mark.parametrize("keyed", [False, True], ids=["ids", "keys"])
@pytest.mark.parametrize("seed", range(20))
def test_random_writing(connect: Connect, path: str, seed: int, keyed: bool) -> None:
    """By two connections in turn."""
    rng = random.Random(f"{seed} {keyed}")
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    for each in (db, other):
        each.execute("PRAGMA synchronous = OFF")
        each.create_function("refuse", 1, lambda value: value // value)
    model = Model(db, keyed, rng)
    for _ in range(60):
        if not model.savepoints:
            model.db = rng.choice([db, db, other])
        model.step()
        if rng.random() < 0.3:
            model.compare(model.db)
        if not model.savepoints and rng.random() < 0.2:
            model.compare(rng.choice([db, other]))
    model.commit()
    assert db.check() == []
    model.compare(other)
    close(db)
    model.compare(connect(path))


def test_the_log_is_an_ordinary_part_of_the_file(connect: Connect, path: str) -> None:
    """A commit is durable without skysql's doing: another SQLite finds shadow tables that are whole."""
    db = connect(path)
    db.execute(USERS)
    db.execute(INSERT, (1, 1, "a", "x"))
    db.commit()
    plain = sqlite3.connect(path)
    assert plain.execute("SELECT sum(events) FROM users_log").fetchall() == [(1,)]
    plain.close()


def test_a_statement_that_finds_no_row_changes_none_after_a_compaction(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE events USING sky(n INTEGER)")
    db.execute("CREATE TABLE other(x)")
    db.execute("INSERT INTO events(object_id, ts, action) VALUES (1, 1, 'a')")
    db.compact()
    db.execute("INSERT INTO other VALUES (1), (2), (3)")
    db.compact()
    assert db.execute("SELECT changes()").fetchall() == [(3,)]
    assert db.execute("DELETE FROM other WHERE x > 7").rowcount == 0
    assert db.execute("SELECT changes()").fetchall() == [(0,)]


# INSERT OR IGNORE looks at the table as it is now


IGNORE = "INSERT OR IGNORE INTO users(object_id, ts, action) VALUES (?, 1, 'a')"


def test_ignore_takes_what_another_connection_has_deleted(connect: Connect, path: str) -> None:
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    db.execute(USERS)
    assert [db.execute(IGNORE, (1,)).rowcount for _ in range(2)] == [1, 0]
    other.execute("DELETE FROM users")
    assert [db.execute(IGNORE, (1,)).rowcount for _ in range(2)] == [1, 0]
    assert rows(db) == [(1, 1, "a", None)]


@pytest.mark.parametrize("how", ["insert", "append", "compact"])
@pytest.mark.parametrize("size", [None, 0])
def test_ignore_drops_what_has_come_since(connect: Connect, path: str, how: str, size: int | None) -> None:
    db, other = connect(path, isolation_level=None, cache_size=size), connect(path, isolation_level=None)
    db.execute(USERS)
    assert [db.execute(IGNORE, (1,)).rowcount for _ in range(2)] == [1, 0]
    if how == "append":
        db.append("users", {"object_id": [2], "ts": [1], "action": ["a"]}, time_unit="us")
    else:
        other.execute(IGNORE, (2,))
    if how == "compact":
        other.compact()
    assert [db.execute(IGNORE, (who,)).rowcount for who in (2, 1)] == [0, 0]
    assert rows(db) == [(1, 1, "a", None), (2, 1, "a", None)]


def test_ignore_knows_the_keys_that_have_come_since(connect: Connect, path: str) -> None:
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(who TEXT OBJECT, plan TEXT STATE)")
    insert = "INSERT OR IGNORE INTO users(who, ts, action) VALUES (?, 1, 'a')"
    assert [db.execute(insert, ("x",)).rowcount for _ in range(2)] == [1, 0]
    assert other.execute(insert, ("y",)).rowcount == 1
    assert db.execute(insert, ("y",)).rowcount == 0


# statements within statements


@pytest.mark.parametrize("within", ["INSERT INTO orders(who) VALUES (1)", "SELECT count(*) FROM orders",
                                    "SELECT count(*) FROM users", INSERT.replace("?, ?, ?, ?", "7, 7, 'x', NULL")])
@pytest.mark.parametrize("transaction", [False, True])
def test_a_statement_that_fails_leaves_nothing_whatever_its_functions_run(
    db: skysql.Connection, within: str, transaction: bool
) -> None:  # fmt: skip
    def ask(value: int) -> int:
        db.execute(within).fetchall()
        return 6 // (3 - value)

    db.create_function("ask", 1, ask)
    if transaction:
        db.execute("BEGIN")
        db.execute(INSERT, (9, 9, "b", None))
    with pytest.raises(skysql.OperationalError, match="function raised"):
        db.execute("INSERT INTO users(object_id, ts, action) SELECT ask(value), value, 'a' FROM json_each('[1, 2, 3]')")
    if transaction:
        db.execute("COMMIT")
    assert rows(db) == ([(9, 9, "b", None)] if transaction else [])


@pytest.mark.parametrize(
    ("within", "left"),
    [
        ("INSERT INTO nowhere VALUES (1)", []),
        ("INSERT INTO orders VALUES (5, 7), (5, 8)", []),
        ("INSERT OR FAIL INTO orders VALUES (5, 7), (5, 8)", [(7, 5, "ordered", None)]),
        ("INSERT OR FAIL INTO users(object_id, ts, action) VALUES (7, 5, 'x'), (7, 6, NULL)", [(7, 5, "x", None)] * 3),
    ],
)
@pytest.mark.parametrize("transaction", [False, True])
def test_a_statement_goes_on_when_its_function_catches_an_error(
    db: skysql.Connection, within: str, left: list[tuple[Any, ...]], transaction: bool
) -> None:
    db.execute("CREATE TRIGGER ordering AFTER INSERT ON orders BEGIN"
               " INSERT INTO users(object_id, ts, action) VALUES (new.who, new.id, 'ordered'); END")  # fmt: skip

    def ask(value: int) -> int:
        with pytest.raises(skysql.Error):
            db.execute(within)
        return value

    db.create_function("ask", 1, ask)
    if transaction:
        db.execute("BEGIN")
    db.execute("INSERT INTO users(object_id, ts, action) SELECT ask(value), 1, 'a' FROM json_each('[1, 2, 3]')")
    assert rows(db) == [*((value, 1, "a", None) for value in (1, 2, 3)), *left]


OUTER = {
    "INSERT INTO users(object_id, ts, action) SELECT value, ask(value), 'b' FROM json_each('[1, 2, 3]')":
        [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "a"), (3, "b")],
    "INSERT INTO orders(who) SELECT ask(value) FROM json_each('[1, 2, 3]')":
        [(1, "a"), (2, "a"), (3, "a"), ("order", 1), ("order", 2), ("order", 3)],
    "UPDATE users SET action = 'c' WHERE ask(object_id) > 0": [(1, "c"), (2, "c"), (3, "c")],
    "DELETE FROM users WHERE ask(object_id) > 0": [],
}  # fmt: skip
"""What statements leave of the events (1, 'a'), (2, 'a'), (3, 'a'). ask() gives its argument."""


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("inner", ["ROLLBACK", "rollback", "append", "compact", "alter"])
@pytest.mark.parametrize("transaction", [False, True])
def test_a_statement_is_done_whole_or_not_at_all_whatever_its_functions_end(
    db: skysql.Connection, outer: str, inner: str, transaction: bool
) -> None:
    """What a function rolls back takes the statement along; what cannot be done within one is refused beforehand."""
    db.append("users", {"object_id": [1, 2, 3], "ts": [1] * 3, "action": ["a"] * 3}, time_unit="us")
    acts: dict[str, Callable[[], object]] = {
        "append": lambda: db.append("users", {"object_id": [9], "ts": [9], "action": ["x"]}, time_unit="us"),
        "compact": db.compact,
        "alter": lambda: db.execute("SELECT sky_alter('users', 'ADD added TEXT')"),
        "rollback": db.rollback,
        "ROLLBACK": lambda: db.execute("ROLLBACK"),
    }
    refused = []

    def ask(object: int) -> int:
        if object == 2:
            if inner.lower() == "rollback" and not transaction:
                db.execute("BEGIN")
            try:
                acts[inner]()
            except skysql.OperationalError as error:
                refused.append(str(error))
        return object

    db.create_function("ask", 1, ask)
    if transaction:
        db.execute("BEGIN")
    if inner.lower() == "rollback":
        with pytest.raises(skysql.OperationalError, match="^abort due to ROLLBACK"):
            db.execute(outer)
    else:
        db.execute(outer)
        assert len(refused) == 1 and "close its cursor" in refused[0]
    found = rows(db, "SELECT object_id, action FROM users") + rows(db, "SELECT 'order', who FROM orders")
    assert found == ([(1, "a"), (2, "a"), (3, "a")] if inner.lower() == "rollback" else OUTER[outer])
    assert db.in_transaction == (transaction and inner.lower() != "rollback")


@pytest.mark.parametrize("sql", ["INSERT INTO orders(who) VALUES (1)", INSERT.replace("?, ?, ?, ?", "1, 1, 'a', NULL")])
def test_a_statement_that_sqlite_begins_anew_is_not_rolled_back(connect: Connect, path: str, sql: str) -> None:
    """SQLite finds that another connection has changed the schema when it has the lock already."""
    one, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    one.execute(USERS)
    one.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER)")
    for number in range(3):
        one.execute(sql)
        other.execute(f"CREATE TABLE t{number}(x)")
        one.execute(sql)
        other.execute("SELECT sky_alter('users', ?)", (f"ADD p{number} TEXT",))
        one.executemany(sql, [(), ()])
    table = "orders" if "orders" in sql else "users"
    assert rows(other, f"SELECT count(*) FROM {table}") == [(12,)]


@pytest.mark.parametrize("by", ["the connection", "SQLite's"])
@pytest.mark.parametrize("transaction", [False, True])
def test_a_transaction_that_a_function_loses_by_a_conflict_takes_the_statement_along(
    db: skysql.Connection, by: str, transaction: bool
) -> None:
    db.execute("INSERT INTO orders VALUES (1, 1)")

    def ask(value: int) -> int:
        with suppress(skysql.IntegrityError, apsw.ConstraintError):
            run: Any = db.execute if by == "the connection" else db.sqlite.execute
            run("INSERT OR ROLLBACK INTO orders VALUES (1, 1)" if value == 2 else "SELECT 1")
        return value

    db.create_function("ask", 1, ask)
    if transaction:
        db.execute("BEGIN")
    with pytest.raises(skysql.OperationalError, match="^abort due to ROLLBACK"):
        db.execute("INSERT INTO users(object_id, ts, action) SELECT value, ask(value), 'b' FROM json_each('[1, 2, 3]')")
    assert rows(db) == []


def test_what_a_half_read_statement_wrote_is_not_rolled_back(db: skysql.Connection) -> None:
    open = db.execute("INSERT INTO orders(who) VALUES (1), (2), (3) RETURNING who")
    with pytest.raises(skysql.OperationalError, match="a statement that writes is under way .*close its cursor"):
        db.append("users", {"object_id": [9], "ts": [9], "action": ["x"]}, time_unit="us")
    assert open.fetchall() == [(1,), (2,), (3,)]
    assert rows(db, "SELECT who FROM orders") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("outer", ["DELETE FROM users", "UPDATE users SET action = 'z'"])
@pytest.mark.parametrize("inner", ["DELETE FROM users", "UPDATE users SET ts = 5"])
@pytest.mark.parametrize("transaction", [False, True])
def test_a_function_that_changes_the_event_that_a_statement_changes(
    db: skysql.Connection, outer: str, inner: str, transaction: bool
) -> None:
    """Nothing reads the table in between. What was deleted does not come back, and what is to go does not stay."""
    db.append("users", {"object_id": [1, 2], "ts": [1] * 2, "action": ["a"] * 2}, time_unit="us")
    db.create_function("ask", 0, lambda: db.execute(f"{inner} WHERE object_id = 1").rowcount)
    if transaction:
        db.execute("BEGIN")
    with pytest.raises(skysql.OperationalError, match="written by a function in the statement that changes it"):
        db.execute(f"{outer} WHERE object_id = 1 AND ask() = 1")
    assert rows(db) == [(1, 1, "a", None), (2, 1, "a", None)]


@pytest.mark.parametrize("change", ["DELETE FROM users", "UPDATE users SET action = 'z'",
                                    "UPDATE users SET seats = x FROM (SELECT 5 AS x)"])  # fmt: skip
@pytest.mark.parametrize("again", ["SELECT *, session FROM users", "SELECT rowid FROM users('1 day')", "FETCH"])
def test_a_function_that_writes_and_reads_what_a_statement_changes(
    db: skysql.Connection, change: str, again: str
) -> None:
    """The events that were found are changed, or none: never those that have their places by now."""
    db.append("users", {"object_id": [1, 2, 3, 4], "ts": [1] * 4, "action": ["a"] * 4}, time_unit="us")
    open = db.execute("SELECT u.rowid FROM json_each('[1, 2, 3, 4]') j CROSS JOIN users u ON u.object_id = j.value")

    def ask(object: int) -> bool:
        if object == 2:
            db.execute(INSERT, (1, 0, "new", None))
            open.fetchmany(2) if again == "FETCH" else db.execute(again).fetchall()
        return object == 3

    db.create_function("ask", 1, ask)
    before = rows(db)
    db.execute("BEGIN")
    with pytest.raises(skysql.OperationalError, match="written by a function in the statement that changes it"):
        db.execute(f"{change} WHERE ask(object_id)")
    open.close()
    db.execute("ROLLBACK")
    assert rows(db) == before
