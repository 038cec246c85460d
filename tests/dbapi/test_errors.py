"""Bad input: an error of PEP 249's tree that says what and where, nothing written, and a connection that goes on."""

import datetime
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.repair.repair import repair
from tests.conftest import ROW, USERS, Connect, close, damage


@pytest.fixture
def db(connect: Connect) -> skysql.Connection:
    db = connect(isolation_level=None)
    db.execute(USERS)
    db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", ROW)
    return db


def refused(db: skysql.Connection, error: type[Exception], match: str, write: Callable[[], Any]) -> None:
    """Alone and in a transaction: the error comes, nothing is written, and the connection goes on."""
    for begin in (False, True):
        if begin:
            db.execute("BEGIN")
        with pytest.raises(error, match=match) as caught:
            write()
        assert isinstance(caught.value, skysql.Error)
        assert db.execute("SELECT * FROM users").fetchall() == [ROW]
        assert db.in_transaction == begin
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (2, 1, 'after')")
    assert db.execute("SELECT count(*) FROM users WHERE action = 'after'").fetchall() == [(1,)]
    db.execute("ROLLBACK")
    assert db.check() == []


def both(db: skysql.Connection, error: type[Exception], match: str, event: dict[str, Any]) -> None:
    """The event is refused as an INSERT, and as the second of an append, of which nothing is written either."""
    names = ", ".join(event)
    sql = f"INSERT INTO users({names}) VALUES ({', '.join('?' * len(event))})"

    def append() -> None:
        good = {"object_id": 7, "ts": 1, "timestamp": 1, "action": "good", "changes": None, "plan": "good plan"}
        db.append("users", {name: [good.get(name, value), value] for name, value in event.items()})

    refused(db, error, match, lambda: db.execute(sql, list(event.values())))
    refused(db, error, match, append)


# events


@pytest.mark.parametrize("value", [0, -1, -(2**63), 1.5, 9.3e18, float("inf"), "x", "", "1.5", "0", b"1"])
def test_object_ids(db: skysql.Connection, value: Any) -> None:
    both(db, skysql.DataError, "users.object_id.*object id", {"object_id": value, "ts": 1, "action": "a"})


def test_an_object_id_of_2_to_the_63(db: skysql.Connection) -> None:
    refused(
        db,
        skysql.DataError,
        r"users.object_id: 9.22\S* is not an object id",
        lambda: db.execute("INSERT INTO users(object_id, ts, action) VALUES (9223372036854775808, 1, 'a')"),
    )
    for ids in ([2**63], np.array([2**63], np.uint64), [str(2**63)]):
        refused(
            db,
            skysql.DataError,
            "users.object_id: row 0: '?9223372036854775808'? is not an object id",
            lambda ids=ids: db.append("users", {"object_id": ids, "ts": [1], "action": ["a"]}, time_unit="us"),
        )


def test_an_object_id_of_2_to_the_63_as_parameter(db: skysql.Connection) -> None:
    insert = "INSERT INTO users(object_id, ts, action) VALUES ({}, 1, 'a')"
    writes: list[tuple[str, Callable[[], Any]]] = [
        ("1", lambda: db.execute(insert.format("?"), (2**63,))),
        (":who", lambda: db.execute(insert.format(":who"), {"who": 2**63})),
        ("1", lambda: db.executemany(insert.format("?"), iter([(2**63,)]))),
    ]
    for name, write in writes:
        refused(db, skysql.DataError, f"parameter {name} is 9223372036854775808.*object id", write)


def test_no_object(db: skysql.Connection) -> None:
    both(db, skysql.IntegrityError, "users.object_id.*needs an object", {"object_id": None, "ts": 1, "action": "a"})
    refused(
        db,
        skysql.IntegrityError,
        "users.object_id.*needs an object",
        lambda: db.execute("INSERT INTO users(ts, action) VALUES (1, 'a')"),
    )
    refused(
        db,
        skysql.ProgrammingError,
        "needs a column 'object_id'",
        lambda: db.append("users", {"ts": [1], "action": ["a"]}, time_unit="us"),
    )


def test_no_key(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT)")
    for value in (None, b"N1"):
        with pytest.raises(skysql.DatabaseError, match="planes.tail"):
            db.execute("INSERT INTO planes(tail, ts, action) VALUES (?, 1, 'a')", (value,))
    with pytest.raises(skysql.ProgrammingError, match="give tail"):
        db.append("planes", {"object_id": [1], "ts": [1], "action": ["a"]}, time_unit="us")
    assert db.execute("SELECT * FROM planes").fetchall() == []


@pytest.mark.parametrize(
    "value",
    [None, "", "x", "2026", "2026-13-01", "2026-02-30", "2026-01-01 25:00", "0000-01-01", "10000-01-01",
     "2026-01-01 00:00:00.0000001", "12:00", b"2026-01-01", 1.5, float("inf"), -62135596800000001, 253402300800000000],
)  # fmt: skip
def test_timestamps(db: skysql.Connection, value: Any) -> None:
    for name in ("timestamp", "ts"):
        if (name, value) == ("ts", None):
            continue  # timestamp is NULL then
        both(db, skysql.DataError, r"users\.(timestamp|ts).*timestamp", {"object_id": 1, name: value, "action": "a"})


def test_no_timestamp(db: skysql.Connection) -> None:
    refused(
        db,
        skysql.DataError,
        "timestamp cannot be NULL",
        lambda: db.execute("INSERT INTO users(object_id, action) VALUES (1, 'a')"),
    )
    refused(
        db,
        skysql.ProgrammingError,
        "needs a column 'timestamp'",
        lambda: db.append("users", {"object_id": [1], "action": ["a"]}, time_unit="us"),
    )
    both(db, skysql.DatabaseError, "timestamp.*ts", {"object_id": 1, "timestamp": 1, "ts": 1, "action": "a"})


@pytest.mark.parametrize(
    "value", ["0001-01-01", "1969-12-31 23:59:59.999999", "9999-12-31T23:59:59.999999Z", -62135596800000000, 0,
              253402300799999999])  # fmt: skip
def test_all_years_from_1_to_9999_are_good(db: skysql.Connection, value: Any) -> None:
    db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (3, ?, 'a')", (value,))
    db.append("users", {"object_id": [3], "timestamp": [value], "action": ["a"]}, time_unit="us")
    first, second = db.execute("SELECT timestamp FROM users WHERE object_id = 3").fetchall()
    assert first == second and len(first[0]) == 26
    at = db.execute("SELECT count(*) FROM users WHERE timestamp = ?", first).fetchall()
    assert at == [(2,)]


@pytest.mark.parametrize("event", [{}, {"amount": 1.5}, {"amount": 1.5, "vip": 1}, {"changes": "{}"}, {"plan": None}])
def test_neither_action_nor_change(db: skysql.Connection, event: dict[str, Any]) -> None:
    both(db, skysql.IntegrityError, "users.*needs an action or a change", {"object_id": 1, "ts": 1, **event})


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [("seats", "abc", "'abc' cannot be stored as INTEGER"), ("seats", 1.5, "1.5 cannot be stored as INTEGER"),
     ("seats", "", "'' cannot be stored as INTEGER"), ("seats", 2.0**63, "cannot be stored as INTEGER"),
     ("amount", "1,5", "'1,5' cannot be stored as REAL"), ("amount", 2**53 + 1, "cannot be stored as REAL"),
     ("seats", "1e9999999999999999999", "cannot be stored as INTEGER"),
     ("seats", "1e-9999999999999999999", "cannot be stored as INTEGER"),
     ("vip", "6e9999999999999999999", "cannot be stored as BOOLEAN"),
     ("vip", 2, "2 cannot be stored as BOOLEAN"), ("vip", "yes", "'yes' cannot be stored as BOOLEAN"),
     ("plan", b"x", "b'x' cannot be stored as TEXT"), ("action", b"x", "b'x' cannot be stored as TEXT")],
)  # fmt: skip
def test_values_of_another_type(db: skysql.Connection, name: str, value: Any, what: str) -> None:
    both(db, skysql.DataError, rf"users\.{name}.*{what}", {"object_id": 1, "ts": 1, "plan": "new", name: value})


def test_zeros_with_any_exponent(db: skysql.Connection) -> None:
    for zero in ("0e9999999999999999999", "-0.00E-9999999999999999999"):
        db.execute("INSERT INTO users(object_id, ts, action, seats) VALUES (7, 1, 'a', ?)", (zero,))
        changes = [f'{{"seats": "{zero}"}}']
        db.append("users", {"object_id": [7], "ts": [1], "action": ["a"], "changes": changes}, time_unit="us")
    assert db.execute("SELECT seats FROM users WHERE object_id = 7").fetchall() == [(0,)] * 4


@pytest.mark.parametrize(
    ("changes", "error", "what"),
    [
        ("{", skysql.DataError, "is not JSON"),
        ("", skysql.DataError, "is not JSON"),
        ('{"seats": NaN}', skysql.DataError, "NaN is not JSON"),
        ("[]", skysql.DataError, "is not a JSON object"),
        ("null", skysql.DataError, "is not a JSON object"),
        ("[" * 100_000, skysql.DataError, "is not JSON"),
        ('{"seats": "abc"}', skysql.DataError, "'abc' cannot be stored as INTEGER"),
        ('{"plan": ["pro"]}', skysql.DataError, "cannot be stored as TEXT"),
        ('{"plan": "a", "Plan": "b"}', skysql.DataError, "changes it to 'b' and to 'a'"),
        ('{"paln": "pro"}', skysql.ProgrammingError, "'paln' is no property.*did you mean 'plan'"),
        ('{"amount": 1.5}', skysql.ProgrammingError, "'amount' is an attribute"),
        ('{"action": "a"}', skysql.ProgrammingError, "'action' is no property"),
    ],
)
def test_bad_json(db: skysql.Connection, changes: str, error: type[Exception], what: str) -> None:
    both(
        db, error, rf"users\.(changes|plan|seats).*{what}", {"object_id": 1, "ts": 1, "action": "a", "changes": changes}
    )


def test_a_column_and_changes_that_contradict(db: skysql.Connection) -> None:
    event = {"object_id": 1, "ts": 1, "plan": "pro", "changes": '{"plan": "basic"}'}
    both(db, skysql.DataError, "users.plan.*changes it to 'basic' and to 'pro'", event)


def test_unknown_properties(db: skysql.Connection) -> None:
    refused(
        db,
        skysql.OperationalError,
        "users has no column named plann",
        lambda: db.execute("INSERT INTO users(object_id, ts, plann) VALUES (1, 1, 'x')"),
    )
    refused(db, skysql.OperationalError, "no such column: plann", lambda: db.execute("SELECT plann FROM users"))
    refused(
        db,
        skysql.OperationalError,
        "no such column: plann",
        lambda: db.execute("SELECT plann, count(*) FROM users GROUP BY plann"),
    )
    refused(
        db,
        skysql.ProgrammingError,
        "no column 'plann'.*did you mean 'plan'",
        lambda: db.append("users", {"object_id": [1], "ts": [1], "plann": ["x"]}, time_unit="us"),
    )


def test_arrays_of_different_lengths(db: skysql.Connection) -> None:
    refused(
        db,
        skysql.DataError,
        "users.plan has 1 values, and timestamp has 2.*one length",
        lambda: db.append("users", {"object_id": [1, 2], "ts": [1, 2], "plan": ["x"]}, time_unit="us"),
    )
    refused(
        db,
        skysql.DataError,
        "users.object_id has 3 values, and timestamp has 2",
        lambda: db.append("users", {"object_id": np.arange(1, 4), "ts": np.arange(2), "plan": ["x", "y"]}),
    )


@pytest.mark.parametrize("columns", [None, 5, "text", [1, 2], {"object_id": 1, "ts": 1, "action": "a"},
                                     {"object_id": [1], "ts": [1], "action": np.zeros((1, 1))}])  # fmt: skip
def test_what_are_no_columns(db: skysql.Connection, columns: Any) -> None:
    refused(db, skysql.DatabaseError, "column", lambda: db.append("users", columns, time_unit="us"))


def test_unknown_tables(db: skysql.Connection) -> None:
    db.execute("CREATE TABLE ordinary(x)")
    for name in ("user", "ordinary", "users_objects", "other.users", ""):
        for call in (
            lambda name=name: db.append(name, {}, time_unit="us"),
            lambda name=name: db.compact(name),
            lambda name=name: db.check(name),
        ):
            refused(db, skysql.ProgrammingError, f"no sky table '{name}'.*users", call)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM users WHERE timestamp > 'never'",
        "SELECT count(*) FROM users WHERE timestamp BETWEEN '2026-01-01' AND '2026-02-30'",
        "SELECT * FROM users_objects WHERE as_of = 'never'",
        "SELECT * FROM users_objects('never')",
        "SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF 'never' GROUP BY plan",
    ],
)
@pytest.mark.parametrize("pushdown", [True, False])
def test_times_in_questions(connect: Connect, sql: str, pushdown: bool) -> None:
    db = connect(pushdown=pushdown)
    db.execute(USERS)
    db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", ROW)
    with pytest.raises(skysql.DataError, match="'(never|2026-02-30)' is not a timestamp"):
        db.execute(sql).fetchall()
    assert db.execute("SELECT * FROM users").fetchall() == [ROW]


# definitions


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ("plan BLOB", "'plan'.*unknown type BLOB.*TEXT, INTEGER, REAL, BOOLEAN, TIMESTAMP and DECIMAL"),
        ("plan", "'plan'.*no type"),
        ("plan STATE", "'plan'.*unknown type STATE"),
        ("plan TEXT STATEE", "plan TEXT STATEE"),
        ("plan TEXT NOT NULL", "plan TEXT NOT NULL"),
        ("plan VARCHAR(10)", "VARCHAR"),
        ("a TEXT, b TEXT, A REAL", "two columns called 'A'"),
        ("key TEXT OBJECT, key TEXT", "two columns called 'key'"),
        ("a TEXT OBJECT, b INTEGER OBJECT", "two OBJECT"),
        ("a REAL OBJECT", "a REAL OBJECT"),
        ("a TEXT STATE OBJECT", "a TEXT STATE OBJECT"),
        *[(f"{name} TEXT", f"(?i){name}.*every sky table has") for name in (
            "object_id", "timestamp", "ACTION", "ts", "changes", "idle", "session", "session_event", "as_of", "events",
            "first_timestamp", "last_timestamp", "rowid", "property", "old_value", "new_value")],
        (", ".join(f"p{i} TEXT" for i in range(1001)), "1001 properties"),
    ],
)  # fmt: skip
def test_bad_columns(db: skysql.Connection, columns: str, what: str) -> None:
    before = db.execute("SELECT * FROM sqlite_schema").fetchall()
    with pytest.raises(skysql.ProgrammingError, match=what):
        db.execute(f"CREATE VIRTUAL TABLE bad USING sky({columns})")
    assert db.execute("SELECT * FROM sqlite_schema").fetchall() == before
    db.execute("CREATE VIRTUAL TABLE bad USING sky(good TEXT)")


def test_two_bad_definitions_in_a_transaction(db: skysql.Connection) -> None:
    db.execute("BEGIN")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (2, 1, 'a')")
    for _ in range(2):
        with pytest.raises(skysql.ProgrammingError):
            db.execute("CREATE VIRTUAL TABLE bad USING sky(plan BLOB)")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (2, 2, 'b')")


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("ALTER TABLE users ADD COLUMN x TEXT", "virtual tables may not be altered"),
        ("ALTER TABLE users DROP COLUMN plan", "virtual table"),
        ("CREATE INDEX i ON users(plan)", "virtual tables may not be indexed"),
        ("CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END", "triggers on virtual tables"),
        ("CREATE VIRTUAL TABLE bad USING skyy(plan TEXT)", "no such module: skyy"),
        ("CREATE VIRTUAL TABLE users USING sky(plan TEXT)", "users already exists"),
        ("DROP TABLE user", "no such table: user"),
    ],
)
def test_what_tables_cannot_do(db: skysql.Connection, sql: str, what: str) -> None:
    refused(db, skysql.OperationalError, what, lambda: db.execute(sql))


JOIN = "SELECT count(*) FROM users u {} JOIN {} s ON s.object_id = u.object_id{}"
ASOF = "this ASOF JOIN is not supported: .*write a ASOF JOIN b"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        (JOIN.format("ASOF RIGHT", "users", " AND u.ts >= s.ts"), "RIGHT JOIN keeps rows"),
        (JOIN.format("LEFT ASOF", "users", " AND u.ts >= s.ts"), "ASOF comes first, before LEFT"),
        (JOIN.format("ASOF", "users", ""), "no column of s is compared by >=, >, <= or <, as the times are"),
        ("SELECT count(*) FROM users u ASOF JOIN users s MATCH_CONDITION (u.ts >= s.ts) ON s.object_id = u.object_id",
         "it has no MATCH_CONDITION, for what compares the times stands in ON .*a.time >= b.time"),
        (JOIN.format("ASOF", "users", " AND u.ts >= s.ts AND s.timestamp < u.timestamp"), "more than one comparison"),
        (JOIN.format("ASOF", "(SELECT object_id, max(ts) AS ts FROM users)", " AND u.ts >= s.ts"), ASOF),
        (JOIN.format("ASOF", "(SELECT DISTINCT object_id, ts FROM users)", " AND u.ts >= s.ts"), ASOF),
        (JOIN.format("ASOF", "users_objects('2026-01-01')", " AND u.ts >= s.ts"), ASOF),
        ("SELECT first_value(plan IGNORE NULLS) OVER () FROM users", "first_value.*last_value is what takes"),
    ],
)
def test_what_the_dialect_does_not_say(db: skysql.Connection, sql: str, what: str) -> None:
    refused(db, skysql.NotSupportedError, what, lambda: db.execute(sql))


# files


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    for name, content in {"text": b"This is no database. " * 500, "gzip": b"\x1f\x8b" + os.urandom(5000)}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(skysql.DatabaseError, match="not a database"):
            skysql.connect(tmp_path / name).execute("SELECT * FROM users")
        assert (tmp_path / name).read_bytes() == content


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for target, options in ((tmp_path, {}), (tmp_path / "no" / "such", {}), (tmp_path / "none", {"read_only": True})):
        with pytest.raises(skysql.OperationalError, match=str(target)):
            skysql.connect(target, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_a_new_database(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    connect(tmp_path / "empty").execute(USERS)


def test_read_only(connect: Connect, path: str) -> None:
    db = connect(path)
    db.execute(USERS)
    db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", ROW)
    db.commit()
    close(db)
    db = connect(path, read_only=True)
    for write in (
        lambda: db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')"),
        lambda: db.append("users", {"object_id": [1], "ts": [1], "action": ["a"]}, time_unit="us"),
        lambda: db.compact(),
        lambda: db.execute("DROP TABLE users"),
        lambda: db.execute("ALTER TABLE users RENAME TO people"),
        lambda: db.execute("CREATE VIRTUAL TABLE more USING sky(x TEXT)"),
    ):
        with pytest.raises(skysql.OperationalError, match="readonly"):
            write()
            db.commit()
        db.rollback()
        assert db.execute("SELECT * FROM users").fetchall() == [ROW]


QUESTIONS = ["SELECT * FROM users", "SELECT plan, count(*) FROM users GROUP BY plan", "SELECT * FROM users_objects",
             "SELECT * FROM users_changes", "INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')"]  # fmt: skip


@pytest.mark.parametrize("sql", QUESTIONS)
def test_a_newer_format(stored: str, sql: str) -> None:
    damage(stored, "UPDATE users_meta SET value = 99 WHERE key = 'format'")
    db = skysql.connect(stored)
    with pytest.raises(skysql.NotSupportedError, match="'users'.*version 99.*reads up to 4.*upgrade"):
        db.execute(sql).fetchall()
    db.close()


@pytest.mark.parametrize("change", ["UPDATE users_meta SET value = '{}' WHERE key = 'schema'",
                                    "UPDATE users_meta SET value = x'00' WHERE key = 'schema'",
                                    "DELETE FROM users_meta"])  # fmt: skip
def test_an_unreadable_definition(stored: str, change: str) -> None:
    damage(stored, change)
    for sql in QUESTIONS:
        db = skysql.connect(stored)
        with pytest.raises(skysql.CorruptError, match="'users'.*users_meta"):
            db.execute(sql).fetchall()
        db.close()


def test_an_unreadable_table_is_in_nobodys_way(stored: str) -> None:
    damage(stored, "UPDATE users_meta SET value = 99 WHERE key = 'format'")
    db = skysql.connect(stored)
    assert db.execute("SELECT * FROM ordinary").fetchall() == [(1,)]
    db.execute("CREATE VIRTUAL TABLE good USING sky(x TEXT)")
    assert db.execute("SELECT x, count(*) FROM good GROUP BY x").fetchall() == []
    db.close()


# bytes


class Damaged:
    """Copies of a file, each with one byte of one blob changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.copy = path + ".copy"
        plain = sqlite3.connect(path)
        self.blobs = [
            *[("users_column", *row) for row in plain.execute("SELECT id, data FROM users_column WHERE id > 0")],
            *[("users_log", *row) for row in plain.execute("SELECT id, data FROM users_log")],
        ]
        plain.close()

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        """(table, rowid, place of the byte), the copy being damaged there."""
        shutil.copy(self.path, self.copy)
        plain = sqlite3.connect(self.copy, isolation_level=None)
        plain.execute("PRAGMA journal_mode = OFF")
        plain.execute("PRAGMA synchronous = OFF")
        for table, id, data in self.blobs:
            for at in range(len(data)):
                flipped = bytearray(data)
                flipped[at] ^= 1 << at % 8
                plain.execute(f"UPDATE {table} SET data = ? WHERE id = ?", (bytes(flipped), id))
                yield table, id, at
            plain.execute(f"UPDATE {table} SET data = ? WHERE id = ?", (data, id))
        plain.close()


COLUMNS = ["paths", "timestamp", "action", "plan", "seats", "amount", "vip"]
READS = ["SELECT * FROM users", "SELECT * FROM users_objects", "SELECT * FROM users_changes",
         "SELECT plan, seats, vip, count(*), sum(amount), max(ts) FROM users GROUP BY action, plan, seats, vip",
         "SELECT action, count(*) FROM users GROUP BY action", "SELECT * FROM users_objects('2026-01-02')",
         "SELECT seats FROM users WHERE plan = 'free'"]  # fmt: skip


def test_every_flipped_byte_is_found(connect: Connect, tmp_path: Path) -> None:
    """In every blob: an answer is the right one or an error that says where, and check() finds it."""
    path = str(tmp_path / "a.db")
    db = connect(path)
    db.execute(USERS)
    db.execute("PRAGMA journal_mode = DELETE")
    events = [(i % 5 + 1, datetime.datetime(2026, 1, 1, i), "ab"[i % 2], "free" if i % 3 else None, i, i / 2, i % 2)
              for i in range(20)]  # fmt: skip
    insert = "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)"
    db.executemany(insert, [(e[0], e[1].isoformat(), *e[2:]) for e in events[:15]])
    db.commit()
    db.compact()
    db.executemany(insert, [(e[0], e[1].isoformat(), *e[2:]) for e in events[15:]])
    db.commit()
    right = [db.execute(sql).fetchall() for sql in READS]
    close(db)
    damaged = Damaged(path)
    assert len(damaged.blobs) == len(COLUMNS) + 1
    reader: skysql.Connection | None = None
    for table, id, at in damaged:
        if reader is None or table == "users_log":  # of which a connection keeps what it has read
            reader = connect(damaged.copy, cache_size=0, pushdown=table != "users_log")
        where = "log batch 1" if table == "users_log" else f"block {id >> 16}, column '{COLUMNS[id & 0xFFFF]}'"
        questions = READS if at % 8 == 0 and table != "users_log" else READS[:1]
        found = [outcome(reader, sql) for sql in questions]
        assert any(isinstance(answer, str) for answer in found), (where, at)
        for answer, expected in zip(found, right, strict=False):
            if isinstance(answer, str):
                assert "'users'" in answer and where in answer, (where, at)
            else:
                assert answer == expected, (where, at)
        (fault,) = reader.check()
        assert where in fault and "users" in fault
    healed = connect(damaged.copy, cache_size=0)
    assert [outcome(healed, sql) for sql in READS] == right


def outcome(db: skysql.Connection, sql: str) -> Any:
    """The rows, or the message of a CorruptError."""
    try:
        return db.execute(sql).fetchall()
    except skysql.CorruptError as error:
        return str(error)


def test_check_reads_the_file_and_not_what_is_cached(connect: Connect, stored: str) -> None:
    db = skysql.connect(stored)
    answers = [db.execute(sql).fetchall() for sql in READS]
    blobs = "UPDATE users_column SET data = zeroblob(length(data)) WHERE id > 0"
    damage(stored, blobs, "UPDATE users_log SET data = zeroblob(9)")
    assert [db.execute(sql).fetchall() for sql in READS] == answers
    faults = db.check()
    assert len(faults) == len(COLUMNS)  # every one of them, but times cannot be read without the paths
    assert all(any(f"column '{name}'" in fault for fault in faults) for name in COLUMNS if name != "timestamp")
    faults = [line for (text,) in db.execute("PRAGMA integrity_check") for line in text.splitlines()]
    assert len(faults) == len(COLUMNS)
    db.close()


def test_a_damaged_table_does_not_hurt_others(connect: Connect, stored: str) -> None:
    db = connect(stored)
    db.execute("CREATE VIRTUAL TABLE others USING sky(x TEXT STATE)")
    db.execute("INSERT INTO others(object_id, ts, x) VALUES (1, 1, 'x')")
    db.commit()
    db.compact("others")
    close(db)
    damage(stored, "UPDATE users_column SET data = zeroblob(50)")
    db = skysql.connect(stored, cache_size=0)
    with pytest.raises(skysql.CorruptError, match="'users', block 1"):
        db.compact()
    assert not db.in_transaction
    assert db.check("others") == []
    assert db.execute("SELECT x FROM others").fetchall() == [("x",)]
    assert db.execute("SELECT * FROM ordinary").fetchall() == [(1,)]
    db.execute("DROP TABLE users")
    db.commit()
    assert db.check() == []
    db.close()


SUMS = "SELECT object_id, sum(n) AS s, count(*) AS k FROM u GROUP BY object_id"
JOIN = "SELECT c.segment, sum(u.n) FROM u JOIN c ON c.id = u.object_id GROUP BY c.segment"


@pytest.mark.parametrize(
    ("sql", "rows", "overflows"),
    [
        (JOIN, [("a", 11)], False),
        (f"SELECT 'z', 1 UNION ALL {JOIN}", [("z", 1), ("a", 11)], False),
        (JOIN.replace("JOIN c", "LEFT JOIN c"), [], True),
        ("SELECT sum(u.n) FROM u JOIN c ON u.object_id >= c.id", [], True),
        (SUMS, [], True),
        (f"SELECT object_id, s FROM ({SUMS} LIMIT 1)", [(1, 11)], False),
        (f"SELECT max(s) FROM ({SUMS}) WHERE object_id = 1", [(11,)], False),
        (f"SELECT max(s) FROM ({SUMS}) WHERE k = 1", [], True),
        (f"{SUMS} HAVING k = 1", [], True),
    ],
)
def test_a_sum_that_overflows_is_an_error_where_sqlite_comes_to_it(
    connect: Connect, sql: str, rows: list[tuple[object, ...]], overflows: bool
) -> None:
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS u USING sky(n INTEGER)")
        db.execute("CREATE TABLE IF NOT EXISTS c(id INTEGER PRIMARY KEY, segment TEXT)")
        db.execute("INSERT OR IGNORE INTO c VALUES (1, 'a')")
        events = [(1, 1, 5), (1, 2, 6), (2, 1, 2**62), (2, 2, 2**62), (3, 1, 7)]
        db.execute("DELETE FROM u")
        db.executemany("INSERT INTO u(object_id, ts, action, n) VALUES (?, ?, 'x', ?)", events)
        found: list[object] = []
        with pytest.raises(skysql.OperationalError, match="integer overflow") if overflows else nullcontext():
            for row in db.execute(sql):
                found.append(row)
        assert found == rows
        db.close()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_block_whose_times_are_others_than_its_row_says_is_corrupt(
    connect: Connect, path: str, deleted: bool
) -> None:
    db = connect(path)
    db.execute("CREATE VIRTUAL TABLE u USING sky(n INTEGER)")
    events = [(object, object * 10**12, "x") for object in range(1, 40)]
    db.executemany("INSERT INTO u(object_id, ts, action) VALUES (?, ?, ?)", events)
    db.compact()
    if deleted:
        db.execute("DELETE FROM u WHERE object_id = 20")
    db.commit()
    db.close()
    damage(path, "UPDATE u_block SET first_ts = 20000000000001, last_ts = 20000000000002")
    db = connect(path, cache_size=0)
    for sql in ("SELECT * FROM sky_retention('u', 'x', 'x', '1 second', 3)", "SELECT max(ts) FROM u"):
        with pytest.raises(skysql.CorruptError, match="'u', block 1.*its times are not those of the block"):
            db.execute(sql).fetchall()
    assert ["its times are not those of the block" in fault for fault in db.check()] == [True]
    db.close()


DIGITS = "9" * 5000
NESTED = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT * FROM sky_funnel('users', '{NESTED}', '1 day')",
        f"SELECT * FROM sky_funnel('users', 'sign up > purchase', '1 day', '{NESTED}')",
        f"SELECT * FROM sky_retention('users', '{{\"when\": {NESTED}}}', 'purchase', 'week', 3)",
        f"SELECT * FROM sky_retention('users', 'sign up', 'purchase', 'week', 3, '{{\"brackets\": [{DIGITS}]}}')",
        f"SELECT * FROM sky_funnel('users', '[{DIGITS}]', '1 day')",
        f"SELECT * FROM sky_funnel('users', 'sign up > purchase', '{DIGITS} days')",
        f"SELECT * FROM sky_lifecycle('users', '{DIGITS} days')",
        f"SELECT * FROM users('{DIGITS} days')",
        f"SELECT window_funnel('{DIGITS} days', ts, action = 'a') FROM users GROUP BY object_id",
        f"SELECT sequence_match('(?{DIGITS})', ts, action = 'a') FROM users GROUP BY object_id",
        f"SELECT * FROM users WHERE timestamp = {DIGITS}",
        f"SELECT * FROM users WHERE object_id = ?{DIGITS}",
    ],
)  # fmt: skip
def test_numbers_of_thousands_of_digits_and_deep_json_are_errors_of_ours(connect: Connect, sql: str) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (1, '2026-01-01', 'sign up')")
    with pytest.raises(skysql.Error):
        db.execute(sql).fetchall()


def test_numbers_of_thousands_of_digits_compare_as_the_reals_they_are(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(amount REAL)")
    db.execute("INSERT INTO users(object_id, timestamp, action, amount) VALUES (1, '2026-01-01', 'a', 1)")
    for column in ("ts", "amount", "object_id"):
        assert db.execute(f"SELECT count(*) FROM users WHERE {column} < {DIGITS}").fetchall() == [(1,)]
    assert db.execute(f"SELECT sequence_match('(?1)(?t<={DIGITS})(?1)', ts, action = 'a') FROM users").fetchall() == [
        (0,)
    ]


@pytest.mark.parametrize(
    "error", [MemoryError("of 3 TiB"), RecursionError("x"), RuntimeError("can't start new thread")]
)
def test_what_the_system_has_no_more_of_is_an_operational_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(amount REAL)")
    db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (1, '2026-01-01', 'a')")
    with monkeypatch.context() as patched:
        patched.setattr("skysql.scan.accumulate.group", fail)
        with pytest.raises(skysql.OperationalError) as raised:
            db.execute("SELECT action || 'x', count(*) FROM users GROUP BY 1").fetchall()
    assert raised.value.hint
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(1,)]


def test_an_aggregate_of_the_users_that_fails_says_so_over_a_sky_table(connect: Connect) -> None:
    class Failing:
        def step(self, value: object) -> None:
            raise ValueError(f"cannot take {value}")

        def inverse(self, value: object) -> None: ...

        def value(self) -> int:
            return 1

        finalize = value

    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(amount REAL)")
    db.executemany("INSERT INTO users(object_id, timestamp, action) VALUES (?, '2026-01-01', 'a')", [(1,), (2,), (3,)])
    db.create_aggregate("failing", 1, Failing)
    db.create_window_function("failing_here", 1, Failing)
    for sql in ("SELECT failing(action) FROM users", "SELECT failing_here(action) OVER () FROM users"):
        with pytest.raises(skysql.OperationalError, match="aggregate's 'step' method raised error") as raised:
            db.execute(sql).fetchall()
        assert str(raised.value.__cause__) == "cannot take a"


def test_a_text_that_is_no_utf_8_is_an_error_of_ours(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE TABLE t(x)")
    db.execute("INSERT INTO t VALUES (CAST(x'61ff62' AS TEXT))")
    with pytest.raises(skysql.OperationalError, match="Could not decode to UTF-8"):
        db.execute("SELECT x FROM t").fetchall()
    assert db.execute("SELECT CAST(x AS BLOB) FROM t").fetchall() == [(b"a\xffb",)]


@pytest.mark.parametrize(
    "sql, parameters",
    [
        ("SELECT '\ud800'", ()),
        ("SELECT ?", ("\udcff",)),
        ("INSERT INTO users(object_id, ts, action) VALUES (1, 1, ?)", ("\ud800",)),
        ("SELECT * FROM sky_timeline('users', ?)", ("\ud800",)),
        ("""SELECT * FROM sky_funnel('users', '["\\ud800", "x"]', '1 day')""", ()),
        ("""SELECT * FROM sky_funnel('users', 'x > y', '1 day', '{"by": "\\ud800"}')""", ()),
    ],
)
@pytest.mark.parametrize("pushdown", [True, False])
def test_half_of_a_surrogate_pair_is_an_error_of_ours(
    connect: Connect, sql: str, parameters: tuple[str, ...], pushdown: bool
) -> None:
    db = connect(pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    with pytest.raises(skysql.Error, match=r"\\ud[8c]"):
        db.execute(sql, parameters).fetchall()
    with pytest.raises(skysql.Error, match=r"\\ud[8c]"):
        db.executemany("INSERT INTO users(object_id, ts, action) VALUES (1, 1, ?)", [("\udcff",)])


def test_names_of_files_that_are_not_utf_8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db")
    Path(path).touch()
    for opened in (lambda: skysql.connect(path), lambda: repair(path, str(tmp_path / "new.db"))):
        with pytest.raises(skysql.OperationalError, match="(unable to|cannot) open"):
            opened()
