"""A connection that nobody has any more is closed at once: its files, its locks, and what it has not committed."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import skysql

FILES = Path("/proc/self/fd")

WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
connection.execute("BEGIN IMMEDIATE")
"""
"""Another process takes the write lock: SQLite's own library would not ask the system for it twice in this one."""

EVENT = "INSERT INTO users (object_id, timestamp, action, plan) VALUES (7, '2024-01-01', 'x', 'p')"


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "a.db")
    db = skysql.connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute(EVENT)
    db.execute("CREATE TABLE t (x UNIQUE)")
    db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(10)])
    db.commit()
    db.close()
    return path


def fail(_: object) -> None:
    raise ZeroDivisionError


class Failing:
    def step(self, _: object) -> None:
        raise ZeroDivisionError

    def finalize(self) -> int:
        return 1


class Sum:
    def __init__(self) -> None:
        self.sum = 0

    def step(self, value: int) -> None:
        self.sum += value

    def finalize(self) -> int:
        return self.sum


def ordinary(db: Any) -> None:
    db.execute("SELECT 1").fetchall()


def sky_table(db: Any) -> None:
    db.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall()
    db.execute("SELECT path_string(action) FROM users GROUP BY object_id").fetchall()
    db.info()


def transaction(db: Any) -> None:
    db.execute("INSERT INTO t VALUES (11)")


def events_in_memory(db: Any) -> None:
    db.execute(EVENT.replace("01-01", "01-02"))


def cursor_left_open(db: Any) -> None:
    db.execute(EVENT.replace("01-01", "01-02"))
    cursor = db.execute("SELECT * FROM t")
    cursor.fetchone()
    next(db.execute("SELECT * FROM users"))


def functions(db: Any) -> None:
    db.create_function("f", 1, lambda value: value)
    db.create_aggregate("s", 1, Sum)
    db.create_collation("c", lambda a, b: (a > b) - (a < b))
    db.execute("SELECT f(x), s(x) FROM t GROUP BY x ORDER BY x COLLATE c").fetchall()
    db.execute("SELECT s(object_id) FROM users").fetchall()
    db.execute("BEGIN IMMEDIATE")


def altered(db: Any) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute("SELECT sky_alter('users', 'ADD age INTEGER')").fetchall()
    db.execute("SELECT age FROM users").fetchone()


def dump(db: Any) -> None:
    db.execute("BEGIN IMMEDIATE")
    next(db.iterdump())


def rows(db: Any) -> None:
    db.row_factory = skysql.Row
    db.execute("BEGIN IMMEDIATE")
    db.execute("SELECT * FROM users").fetchone()


USES = [ordinary, sky_table, transaction, events_in_memory, cursor_left_open, functions, altered, dump, rows]

ERRORS = [
    "SELECT * FROM nope",
    "SELEC",
    "SELECT x FROM users",
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t VALUES (:missing)",
    "INSERT INTO users (object_id, timestamp, action) VALUES ('a', 1, 'x')",
    "INSERT INTO users (object_id, timestamp, action) VALUES (NULL, NULL, NULL)",
    "INSERT INTO users (object_id, timestamp, action) SELECT x, 'when', 'x' FROM t",
    "UPDATE users SET object_id = 'a'",
    "SELECT sky_alter('users', 'nope')",
    "SELECT * FROM funnel('users', 'x')",
    "SELECT fail(x) FROM t",
    "SELECT fail(plan) FROM users",
    "SELECT failing(x) FROM t",
    "SELECT failing(plan) FROM users",
    "SELECT sum(x) OVER (ORDER BY x), failing(x) FROM t",
]


def assert_free(path: str, before: int) -> None:
    if FILES.exists():
        assert len(list(FILES.iterdir())) == before
    subprocess.run([sys.executable, "-c", WRITE, path], check=True)


def open_files() -> int:
    return len(list(FILES.iterdir())) if FILES.exists() else 0


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_connection_that_goes_out_of_scope_is_closed_at_once(path: str, use: Callable[[Any], None]) -> None:
    def lose() -> None:
        use(skysql.connect(path))

    before = open_files()
    for _ in range(5):
        lose()
    assert_free(path, before)


@pytest.mark.parametrize("sql", ERRORS)
def test_connection_is_closed_when_the_traceback_that_has_it_is_let_go(path: str, sql: str) -> None:
    def lose() -> None:
        db = skysql.connect(path)
        db.create_function("fail", 1, fail)
        db.create_aggregate("failing", 1, Failing)
        db.execute("BEGIN IMMEDIATE")
        db.execute(sql).fetchall()

    before = open_files()
    for _ in range(5):
        with pytest.raises(Exception) as caught:
            lose()
        assert caught.traceback
        del caught
    assert_free(path, before)


def test_what_was_not_committed_is_rolled_back(path: str) -> None:
    db = skysql.connect(path)
    db.execute(EVENT.replace("01-01", "01-02"))
    db.execute("INSERT INTO t VALUES (11)")
    del db
    db = skysql.connect(path)
    assert db.execute("SELECT count(*) FROM users").fetchone() == (1,)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (10,)
    db.close()


def test_cursor_keeps_its_connection(path: str) -> None:
    cursor = skysql.connect(path).execute("SELECT x FROM t")
    assert len(cursor.fetchall()) == 10


@pytest.mark.skipif(sys.version_info < (3, 13), reason="sqlite3 warns from Python 3.13 on")
def test_unclosed_connection_is_warned_of_as_by_sqlite3(path: str) -> None:
    with pytest.warns(ResourceWarning, match="unclosed database in"):
        sqlite3.connect(path)
        gc.collect()  # it is in a cycle with its cache of statements
    with pytest.warns(ResourceWarning, match="unclosed database in"):
        skysql.connect(path)
    skysql.connect(path).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_childs_end_is_none_of_its_parents_transaction(tmp_path: Path) -> None:
    """In a rollback journal, to close the connection would undo in the file what the parent is about to commit."""
    script = """
import os, sys
import skysql
db = skysql.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = DELETE")
db.execute("CREATE TABLE t(x)")
db.execute("PRAGMA cache_size = 5")
db.execute("BEGIN IMMEDIATE")
db.executemany("INSERT INTO t VALUES (randomblob(?))", [(1000,)] * 500)  # more than is held in memory
child = os.fork()
if not child:
    del db
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
db.execute("COMMIT")
assert db.execute("SELECT count(*), min(length(x)) FROM t").fetchall() == [(500, 1000)]
assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
"""
    command = [sys.executable, "-c", script, str(tmp_path / "a.db")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
