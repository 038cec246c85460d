"""Many at once: readers beside a writer, writers in turn, threads with a connection each, and one cache for all."""

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import skysql
from skysql.store import format as fmt
from skysql.store.cache import SHARED
from tests.conftest import Connect
from tests.world import beside

COMMITS = int(os.environ.get("SKYSQL_TEST_COMMITS", "60"))


def filled(connect: Connect, path: str) -> skysql.Connection:
    """Blocks and a log, of 300 events in pairs."""
    db = connect(path, isolation_level=None)
    beside.create(db)
    r = random.Random(0)
    for number in range(5):
        beside.commit(db, r, number)
        if number == 3:
            db.compact()
    return db


# readers beside a writer


def test_readers_beside_a_writer_see_whole_commits(connect: Connect, path: str) -> None:
    """Threads and processes; the writer inserts, deletes, updates and compacts, and keeps the books even."""
    db = filled(connect, path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.world.beside", "skysql.engine.engine"])
    stop, wrong, r = context.Event(), context.Queue(), random.Random(1)
    readers: list[Any] = [threading.Thread(target=beside.read, args=(path, n, stop, wrong)) for n in range(3)]
    readers += [context.Process(target=beside.read, args=(path, n, stop, wrong)) for n in range(3, 5)]
    for reader in readers:
        reader.start()
    for number in range(100, 100 + COMMITS):
        beside.commit(db, r, number)
        if number % 10 == 9:
            db.compact()
    stop.set()
    told = [wrong.get() for _ in readers]
    for reader in readers:
        reader.join()
    assert [(problem, n > 0) for problem, n in told] == [(None, True)] * len(readers)


def test_a_statement_sees_one_snapshot(connect: Connect, path: str) -> None:
    """Another connection commits, and compacts, in the midst of it."""
    db, other = filled(connect, path), connect(path, isolation_level=None)
    db.create_function("poke", 0, poking(other))
    before = db.execute("SELECT count(*) FROM users").fetchone()
    twice = "SELECT (SELECT count(*) FROM users{0}), poke(), (SELECT count(*) FROM users WHERE n >= 0), poke()"
    for idle in ("", "('1 day')"):
        first, _, second, _ = db.execute(twice.format(idle)).fetchone()
        assert (first,) == (second,) == before
        now = db.execute("SELECT count(*) FROM users").fetchone()
        assert now != before
        before = now


def poking(db: skysql.Connection) -> Callable[[], int]:
    """A function that changes the table, by another connection; it does so ten times at the most."""
    numbers = iter(range(1000, 1010))

    def poke() -> int:
        number = next(numbers, None)
        if number is not None:
            beside.commit(db, random.Random(3), number)
            db.compact()
        return 0

    return poke


def test_a_statement_sees_one_snapshot_of_an_attached_database(connect: Connect, path: str) -> None:
    filled(connect, path)
    other, db = connect(path, isolation_level=None), connect(isolation_level=None)
    db.execute("ATTACH ? AS far", (path,))
    db.create_function("poke", 0, poking(other))
    sql = "SELECT (SELECT count(*) FROM far.users), poke(), (SELECT count(*) FROM far.users WHERE n >= 0)"
    for _ in range(3):
        first, _, second = db.execute(sql).fetchone()
        assert first == second


def test_a_transaction_sees_one_snapshot(connect: Connect, path: str) -> None:
    db, other = filled(connect, path), connect(path, isolation_level=None)
    questions = [
        "SELECT count(*), sum(amount) FROM users",
        "SELECT plan, count(*) FROM users GROUP BY plan ORDER BY plan",
        "SELECT * FROM users_objects",
        "SELECT * FROM users",
        "SELECT events FROM books",
    ]
    db.execute("BEGIN")
    before = [db.execute(sql).fetchall() for sql in questions]
    for number in range(1000, 1010):
        beside.commit(other, random.Random(number), number)
        if number % 3 == 0:
            other.compact()
        assert [db.execute(sql).fetchall() for sql in questions] == before
    db.execute("COMMIT")
    assert [db.execute(sql).fetchall() for sql in questions] == [other.execute(sql).fetchall() for sql in questions]


def test_a_long_read_blocks_nobody(connect: Connect, path: str) -> None:
    """Neither a write nor a compaction; and it reads on as if there were none."""
    db, other = filled(connect, path), connect(path, isolation_level=None, timeout=0)
    expected = db.execute("SELECT * FROM users").fetchall()
    cursor = db.execute("SELECT * FROM users")
    rows = [cursor.fetchone()]
    for number in range(1000, 1005):
        beside.commit(other, random.Random(number), number)
        other.compact()
        other.execute("DELETE FROM users WHERE n % 7 = 0")
        rows.append(cursor.fetchone())
    assert rows + cursor.fetchall() == expected


# writers


def test_a_second_writer_waits_and_then_fails(connect: Connect, path: str) -> None:
    first, second = filled(connect, path), connect(path, isolation_level=None, timeout=0.2)
    first.execute("BEGIN IMMEDIATE")
    beside.insert(first, random.Random(1), 1000)
    writes = [
        lambda: beside.insert(second, random.Random(1), 1001),
        lambda: second.append("users", {"who": [1], "ts": [1], "action": ["a"]}, time_unit="us"),
        lambda: second.compact(),
        lambda: second.execute("DELETE FROM users WHERE who = 1"),
    ]
    for write in writes:
        start = time.monotonic()
        with pytest.raises(skysql.OperationalError, match="locked") as caught:
            write()
        assert time.monotonic() - start > 0.15  # however slow the machine is, it is not less
        assert caught.value.hint and "timeout" in caught.value.hint
        assert not second.in_transaction
    before = second.execute("SELECT count(*) FROM users").fetchone()[0]
    first.execute("COMMIT")
    beside.insert(second, random.Random(1), 1001)
    assert second.execute("SELECT count(*) FROM users").fetchone()[0] > before


def test_a_second_writer_waits_until_the_first_is_done(connect: Connect, path: str) -> None:
    first, second = filled(connect, path), connect(path, isolation_level=None, timeout=20)
    first.execute("BEGIN IMMEDIATE")
    count = first.execute("SELECT count(*) FROM users").fetchone()[0]
    commit = threading.Timer(0.2, first.execute, ["COMMIT"])  # which may as well come before the other has begun
    commit.start()
    second.execute("INSERT INTO users(who, ts, action) VALUES (1, 1, 'late')")
    commit.join()
    assert second.execute("SELECT count(*) FROM users").fetchone()[0] == count + 1


def test_a_reader_that_turns_writer_too_late_is_told(connect: Connect, path: str) -> None:
    """Its snapshot is of the past: it has to roll back, as with any table of SQLite's."""
    first, second = filled(connect, path), connect(path, isolation_level=None)
    first.execute("BEGIN")
    first.execute("SELECT count(*) FROM users").fetchall()
    beside.insert(second, random.Random(1), 1000)
    with pytest.raises(skysql.OperationalError, match="locked.*BEGIN IMMEDIATE"):
        first.execute("INSERT INTO users(who, ts, action) VALUES (1, 1, 'late')")
        first.execute("COMMIT")
    first.rollback()
    first.execute("INSERT INTO users(who, ts, action) VALUES (1, 1, 'late')")
    assert first.execute("SELECT count(*) FROM users WHERE action = 'late'").fetchall() == [(1,)]


def test_a_pool_of_threads(connect: Connect, path: str) -> None:
    """Each thread has a connection; each task moves an amount from one object to another, or reads."""
    db = filled(connect, path)
    before = db.execute("SELECT count(*) FROM users").fetchone()[0]
    local, opened = threading.local(), []

    def connection() -> skysql.Connection:
        if not hasattr(local, "db"):
            local.db = skysql.connect(path, timeout=30, isolation_level=None)
            opened.append(local.db)
        return local.db

    def task(number: int) -> int:
        db = connection()
        if number % 2:
            beside.question(db, random.Random(number))
            return 0
        return beside.insert(db, random.Random(number), 1000 + number)

    with ThreadPoolExecutor(6) as pool:
        written = sum(pool.map(task, range(120)))
    assert db.execute("SELECT count(*), sum(amount) FROM users").fetchall() == [(before + written, 0.0)]
    for each in opened:
        each.close()


def test_threads_that_share_one_connection(connect: Connect, path: str) -> None:
    db = filled(connect, path)
    before = db.execute("SELECT count(*) FROM users").fetchone()[0]

    def task(number: int) -> None:
        db.execute("INSERT INTO users(who, ts, action) VALUES (?, ?, 'a')", (number % 5 + 1, number))
        db.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(task, range(60)))
    assert db.execute("SELECT count(*) FROM users").fetchone()[0] == before + 60


# one cache


def test_what_one_connection_decoded_serves_the_others(
    connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = filled(connect, path)
    db.compact()
    decoded: list[str] = []
    for name in ("decode_paths", "decode_timestamps", "decode_sparse"):
        original = getattr(fmt, name)
        monkeypatch.setattr(fmt, name, lambda *a, f=original, n=name: (decoded.append(n), f(*a))[1])
    sql = "SELECT plan, count(*), sum(amount), max(timestamp) FROM users GROUP BY plan"
    answer = db.execute(sql).fetchall()
    assert decoded
    decoded.clear()
    answers = []

    def ask() -> None:
        other = skysql.connect(path)
        answers.append(other.execute(sql).fetchall())
        other.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answer] * 3 and decoded == []
    alone = connect(path, cache_size="1 MB")
    assert alone.execute(sql).fetchall() == answer and decoded


def test_the_cache_of_all_is_bounded(connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SHARED.clear()
    monkeypatch.setattr(SHARED, "budget", 20_000)
    db, other = filled(connect, path), connect(path, isolation_level=None)
    for number in range(1000, 1030):
        beside.commit(db, random.Random(number), number)
        beside.question(other, random.Random(number))
        assert SHARED.used <= 20_000
    assert SHARED.used > 0
    assert sum(size for _, size in SHARED._entries.values()) == SHARED.used
