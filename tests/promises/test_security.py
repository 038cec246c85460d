"""Names, statements and files of whoever wishes ill: nothing runs that should not, and nothing takes for ever."""

import json
import os
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import skysql
from skysql.arrays.batch import Batch, Sparse
from skysql.model.kinds import REAL, TEXT
from skysql.store import chunks
from skysql.store import format as fmt
from skysql.store.blob import MAX_COUNT, every_event
from tests.conftest import Connect

# shadow tables


def defended(db: skysql.Connection) -> skysql.Connection:
    db.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    return db


def test_shadow_tables_are_protected_in_defensive_mode(connect: Connect, path: str) -> None:
    db = defended(connect(path, isolation_level=None))
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'free')")
    for table in ("meta", "value", "key", "log", "block", "column"):
        for sql in (f"DELETE FROM users_{table}", f"DROP TABLE users_{table}",
                    f"INSERT INTO users_{table} DEFAULT VALUES",
                    f"CREATE TRIGGER t AFTER INSERT ON users_{table} BEGIN SELECT 1; END",
                    f"ALTER TABLE users_{table} RENAME TO other"):  # fmt: skip
            with pytest.raises(skysql.OperationalError):
                db.execute(sql)
    assert db.execute("SELECT plan FROM users").fetchall() == [("free",)]


def test_everything_works_in_defensive_mode(connect: Connect, path: str) -> None:
    db = defended(connect(path, isolation_level=None))
    db.execute("CREATE VIRTUAL TABLE users USING sky(name TEXT OBJECT, plan TEXT STATE)")
    db.execute("INSERT INTO users(name, ts, action, plan) VALUES ('x', 1, 'a', 'free')")
    db.append("users", {"name": ["x", "y"], "ts": [2, 3], "action": ["b", "c"]}, time_unit="us")
    db.execute("BEGIN")
    db.append("users", {"name": ["z"], "ts": [2], "action": ["b"]}, time_unit="us")
    db.execute("UPDATE users SET plan = 'pro' WHERE name = 'y'")
    db.execute("DELETE FROM users WHERE name = 'z'")
    db.execute("COMMIT")
    db.compact()
    db.compact(vacuum=True)
    assert db.execute("SELECT name, action, plan FROM users").fetchall() == [
        ("x", "a", "free"), ("x", "b", "free"), ("y", "c", "pro"),
    ]  # fmt: skip
    db.execute("ALTER TABLE users RENAME TO people")
    db.execute("DROP TABLE people")
    assert db.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1
    assert db.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(0,)]


# schemas that are not to be trusted


@pytest.mark.parametrize("flags", [0, apsw.SQLITE_DIRECTONLY, apsw.SQLITE_INNOCUOUS])
@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_view_may_call(connect: Connect, flags: int, trusted: bool) -> None:
    """As SQLite has it, whether or not the view is seen through."""
    db, called = connect(isolation_level=None), []

    def evil(value: Any) -> Any:
        called.append(value)
        return value

    db.sqlite.create_scalar_function("evil", evil, 1, deterministic=True, flags=flags)
    db.engine.functions_changed("evil")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'p'), (2, 2, 'b', 'q')")
    db.execute("CREATE VIEW v AS SELECT plan, action, \"EVIL\"(plan) AS e FROM users WHERE evil/**/(plan) <> 'z'")
    db.execute("CREATE VIEW w AS SELECT plan FROM v")
    db.execute(f"PRAGMA trusted_schema = {trusted}")
    allowed = flags == apsw.SQLITE_INNOCUOUS or (trusted and flags == 0)
    for sql in ("SELECT plan, count(*) FROM v GROUP BY plan", "SELECT e, count(*) FROM v GROUP BY e",
                "SELECT plan, count(*) FROM w GROUP BY plan", "SELECT * FROM v"):  # fmt: skip
        if allowed:
            assert len(db.execute(sql).fetchall()) == 2
        else:
            with pytest.raises(skysql.OperationalError, match="(?i)unsafe use of evil"):
                db.execute(sql)
    assert bool(called) == allowed
    called.clear()
    assert db.execute("SELECT evil(plan), count(*) FROM users GROUP BY 1").fetchall() == [("p", 1), ("q", 1)]
    assert called


def test_trust_may_be_withdrawn(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.create_function("evil", 1, lambda value: value, deterministic=True)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("CREATE VIEW v AS SELECT plan FROM users WHERE evil(plan) > ''")
    sql = "SELECT plan, count(*) FROM v GROUP BY plan"
    db.execute(sql)
    db.execute("PRAGMA trusted_schema = OFF")
    with pytest.raises(skysql.OperationalError, match="(?i)unsafe use of evil"):
        db.execute(sql)
    db.execute("PRAGMA trusted_schema = ON")
    db.execute(sql)


# names and statements


def test_names_of_ten_thousand_characters(connect: Connect, path: str) -> None:
    name = "n'\"; DROP TABLE orders; -- " + "é" * 10_000
    quoted = '"' + name.replace('"', '""') + '"'
    db = connect(path, isolation_level=None)
    db.execute("CREATE TABLE orders(id)")
    db.execute(f"CREATE VIRTUAL TABLE {quoted} USING sky({quoted} TEXT STATE, amount REAL)")
    db.execute(f"INSERT INTO {quoted}(object_id, ts, action, {quoted}) VALUES (1, 1, ?, ?)", (name, name))
    for _ in range(2):
        counts = f"SELECT action, {quoted}, count(*) FROM {quoted} GROUP BY 1, 2"
        assert db.execute(counts).fetchall() == [(name, name, 1)]
        assert json.loads(db.execute(f"SELECT changes FROM {quoted}").fetchone()[0]) == {name: name}
        db.compact(name)
    with pytest.raises(skysql.ProgrammingError) as caught:
        db.compact(name + "!")
    assert len(str(caught.value)) < 50_000
    with pytest.raises(skysql.DataError) as caught:
        db.execute(f"INSERT INTO {quoted}(object_id, ts, action) VALUES (?, 1, 'a')", ("x" * 10**6,))
    assert len(str(caught.value)) < 50_000
    db.execute(f"DROP TABLE {quoted}")
    assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("orders",)]


@pytest.mark.parametrize("size", [300, 700, 10_000])
def test_statements_that_are_deep_or_long(connect: Connect, size: int) -> None:
    """They run, or are refused as SQLite refuses them."""
    db, plain = connect(isolation_level=None), apsw.Connection(":memory:")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("INSERT INTO users(object_id, ts, action, amount) VALUES (1, 1, 'a', 2)")
    plain.execute("CREATE TABLE users(amount REAL)")
    plain.execute("INSERT INTO users VALUES (2)")
    for sql in (
        f"SELECT {'(' * size}1{')' * size} FROM users",
        f"SELECT count(*) FROM users WHERE {' AND '.join(['amount > 1'] * size)}",
        f"SELECT count(*) FROM users WHERE {'NOT ' * size}amount",
        f"SELECT count(*) FROM {'(SELECT * FROM ' * size}users{')' * size}",
        f"SELECT {' + '.join(['amount'] * size)} FROM users",
        f"SELECT count(*) FROM users WHERE amount IN ({', '.join(map(str, range(size)))})",
        f"SELECT json_valid('{'[' * size}{']' * size}'), count(*) FROM users",
        f"SELECT count(*) FROM users WHERE object_id = 1 -- {'x' * size * 30}",
    ):
        answers: list[Any] = []
        for each in (db, plain):
            try:
                answers.append(each.execute(sql.replace("object_id", "amount - 1")).fetchall())
            except (skysql.OperationalError, apsw.SQLError):
                answers.append(None)
        assert answers[0] == answers[1], sql[:60]
    plain.close()


# files


def crafted(connect: Connect, path: str, *statements: tuple[str, Any]) -> None:
    """A file with a block and a log, then changed."""
    db = connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'p')")
    db.compact()
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (2, 1, 'a', 'p')")
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    plain = sqlite3.connect(path)
    with plain:
        for sql, parameters in statements:
            plain.execute(sql, parameters)
    plain.close()


def schema(**changes: Any) -> str:
    made = {"object": "object_id", "key": None,
            "properties": [{"id": 1, "name": "plan", "kind": "TEXT", "state": True}]}  # fmt: skip
    return json.dumps(made | changes)


PLAN = {"id": 1, "name": "plan", "kind": "TEXT", "state": True}
SCHEMAS = [
    "", "null", "[]", "0", "{}", "[" * 100_000, '{"a":' * 100_000, "\x80\x04\x95", "cos\nsystem\n(S'true'\ntR.",
    schema(properties={}), schema(properties=[[]]), schema(properties=None), schema(properties=[PLAN, PLAN]),
    schema(properties=[PLAN | {"id": 10**30}]), schema(properties=[PLAN | {"id": -1}]),
    schema(properties=[PLAN | {"id": 65535}]), schema(properties=[PLAN | {"kind": "a BLOB"}]),
    schema(properties=[PLAN | {"name": "object_id"}]), schema(properties=[PLAN | {"name": "a\0b"}]),
    schema(properties=[PLAN | {"id": i, "name": f"p{i}"} for i in range(1, 5000)]), schema(object="plan"),
    '{"object": "o", "key": null, "properties": [{"id": ' + "9" * 10_000 + "}]}",
]  # fmt: skip
"""Definitions that no table has."""


@pytest.mark.parametrize("text", SCHEMAS, ids=range(len(SCHEMAS)))
def test_a_crafted_definition(connect: Connect, path: str, text: str) -> None:
    crafted(connect, path, ("UPDATE users_meta SET value = ? WHERE key = 'schema'", (text,)))
    db = skysql.connect(path)
    for ask in (lambda: db.execute("SELECT * FROM users"), db.info, lambda: db.execute("SELECT count(*) FROM users")):
        with pytest.raises(skysql.CorruptError, match="users_meta"):
            ask()
    assert db.check() != []
    db.close()


def bomb(count: int) -> bytes:
    """A column that claims many equal numbers, in few bytes, if they are there at all."""
    blob = fmt.encode_sparse(Sparse(np.arange(200, dtype=np.int32), np.zeros(200)), REAL, 200)
    body = blob[8:9] + count.to_bytes(4, "little") + blob[13:15] + count.to_bytes(4, "little") + blob[19:]
    return b"sky\x01" + zlib.crc32(body).to_bytes(4, "little") + body


def log_bomb() -> bytes:
    """As many events as a batch has, all of them the same."""
    one = np.ones(fmt.BATCH_EVENTS, np.int64)
    action = Sparse(every_event(fmt.BATCH_EVENTS), one.astype(np.uint32))
    return fmt.encode_batch(Batch(one, one, {0: action}), {0: TEXT})


def long_texts(count: int) -> bytes:
    """A blob of texts, the first of which has 2^30 - 1 bytes: zeros, which zlib packs into a megabyte."""
    sizes = np.array([1 << 30, *[1] * (count - 1)], np.uint32).tobytes()
    packer = zlib.compressobj(9, wbits=-15)
    zeros = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)  # may stand any number of times
    adler = ((1 << 30) % 65521) << 16 | 1
    packed = b"\x78\xda" + 64 * zeros + packer.flush() + adler.to_bytes(4, "big")
    body = b"\x06" + count.to_bytes(4, "little") + b"\0" + len(sizes).to_bytes(4, "little") + sizes
    body += ((1 << 30) - 1).to_bytes(8, "little") + b"\x02" + len(packed).to_bytes(4, "little") + packed
    return b"sky\x03" + zlib.crc32(body).to_bytes(4, "little") + body


FILES: dict[str, list[tuple[str, Any]]] = {
    "huge counts of a block": [("UPDATE users_block SET events = 2147483647, objects = 2147483647", ())],
    "huge counts of the log": [("UPDATE users_log SET events = 2147483647", ())],
    "huge numbers": [("UPDATE users_block SET id = 9223372036854775807, run = 9223372036854775807", ())],
    "a column that claims much": [("UPDATE users_column SET data = ?", (bomb(2**31 - 1),))],
    "a list of deleted events that claims much": [
        ("INSERT INTO users_column VALUES (65535, ?)", (bomb(2**31 - 1),)),
        ("INSERT INTO users_meta VALUES ('gone', 1)", ()),
    ],
    "texts that are no UTF-8": [("UPDATE users_value SET value = CAST(x'61ff41' AS TEXT)", ())],
    "numbers that are texts, and no UTF-8": [("UPDATE users_block SET last_ts = CAST(x'ff' AS TEXT)", ())],
    "a definition that is no UTF-8": [("UPDATE users_meta SET value = CAST(x'ff' AS TEXT) WHERE key = 'schema'", ())],
    "an empty list of deleted events": [
        ("INSERT INTO users_column VALUES (?, ?)", (1 << 16 | 65535, fmt.encode_positions(np.zeros(0, np.int64), 1))),
        ("UPDATE users_block SET gone = 5", ()),
    ],
    "an empty list of events deleted from the log": [
        ("INSERT INTO users_column VALUES (?, ?)",
         (65535, fmt.encode_positions(np.zeros(0, np.int64), MAX_COUNT))),
        ("INSERT INTO users_meta VALUES ('gone', 5)", ()),
    ],
    "two blocks of one stamp": [
        ("INSERT INTO users_block SELECT 2, stamp, run + 1, 1, 1, 1, 1, 1, 1, NULL FROM users_block", ()),
        ("INSERT INTO users_column SELECT id + 65536, data FROM users_column WHERE id > 65535", ()),
    ],
    "two blocks of one run that overlap": [
        ("INSERT INTO users_block SELECT 2, 1, run, 1, 1, 1, 1, 1, 1, NULL FROM users_block", ()),
        ("INSERT INTO users_column SELECT id + 65536, data FROM users_column WHERE id > 65535", ()),
    ],
    "a chunk of texts of a property that is no number": [
        ("INSERT INTO users_value VALUES ('x', 1, ?, 1)", (fmt.encode_chunk(1, 1),)),
    ],
    "a huge code": [("INSERT INTO users_value VALUES (1, 4000000000, 'x', 1)", ())],
    "huge ids": [("UPDATE users_log SET id = 4611686018427387903", ()), ("UPDATE users_block SET run = 1 << 31", ())],
    "columns of a block that does not exist": [
        ("INSERT INTO users_column SELECT id + 65536, data FROM users_column WHERE id > 65535", ()),
    ],
    "a log that is a bomb": [
        ("INSERT INTO users_log WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
         " SELECT i, i, 131072, ? FROM n", (log_bomb(),)),
    ],
    "a chunk of texts that claims many": [
        ("INSERT OR REPLACE INTO users_value VALUES (1, ?, ?, 1)", (2**31 - 1, fmt.encode_chunk(2**31 - 1, 0))),
        ("DELETE FROM users_value WHERE property = 1 AND code < 100", ()),
        ("INSERT INTO users_column VALUES (?, ?)", (chunks.rowid(1, 2**31 - 1, chunks.HASHES), bomb(2**31 - 1))),
    ],
    "a chunk of texts that claims long ones": [
        ("DELETE FROM users_value WHERE property = 1", ()),
        ("INSERT INTO users_value VALUES (1, 3, ?, 1)", (fmt.encode_chunk(3, 3),)),
        ("INSERT INTO users_column VALUES (?, ?)", (chunks.rowid(1, 3, chunks.TEXTS), long_texts(3))),
        ("INSERT INTO users_column VALUES (?, ?)",
         (chunks.rowid(1, 3, chunks.HASHES), fmt.encode_hashes(np.ones(3, np.uint32)))),
    ],
    "a table that is an endless view": [
        ("DROP TABLE users_log", ()),
        ("CREATE VIEW users_log AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
         " SELECT i AS id, 1 AS stamp, 1 AS events, zeroblob(1000) AS data FROM n", ()),
    ],
    "a definition that is an endless view": [
        ("DROP TABLE users_meta", ()),
        ("CREATE VIEW users_meta AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
         " SELECT 'schema' AS key, '{}' AS value FROM n", ()),
    ],
    "a column that is computed": [
        ("DROP TABLE users_value", ()),
        ("CREATE TABLE users_value(property, code, stamp, value AS (printf('%.*c', 100000000, 'x')))", ()),
        ("INSERT INTO users_value VALUES (0, 1, 1), (1, 1, 1)", ()),
    ],
    "texts that are pickles": [("UPDATE users_value SET value = ?", (b"cposix\nsystem\n(S'touch pwned'\ntR.",))],
}  # fmt: skip

_LOOK = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which takes terabytes of addresses for itself
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
import skysql
from skysql.repair.repair import repair
db = skysql.connect(sys.argv[1], isolation_level=None, cache_size="64MB")
for sql in ("SELECT * FROM users", "SELECT plan, count(*) FROM users GROUP BY plan", "SELECT * FROM users_objects",
            "SELECT sum(amount) FROM users", "INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')",
            "DELETE FROM users", "PRAGMA integrity_check"):
    try:
        print(str(db.execute(sql).fetchall())[:200])
    except skysql.DatabaseError as error:
        print(str(error)[:200])
try:
    print(db.check())
    db.compact()
except skysql.DatabaseError as error:
    print(str(error)[:200])
db.close()
print([str(loss)[:200] for loss in repair(sys.argv[1], sys.argv[1] + ".new").losses])
os.unlink(sys.argv[1] + ".new")
"""


@pytest.mark.parametrize("name", FILES)
def test_a_crafted_file(connect: Connect, path: str, name: str) -> None:
    """In a process with little memory and few seconds of a processor: errors of skysql's, or answers."""
    crafted(connect, path, *FILES[name])
    command, directory = [sys.executable, "-c", _LOOK, path], Path(path).parent
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(name in done.stdout for name in ("'users'", "users_", "main.users")), done.stdout
    assert sorted(each.name for each in directory.iterdir()) == ["events.db"]
