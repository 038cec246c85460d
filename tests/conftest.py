"""Fixtures of all tests: connections that are looked over when a test ends."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, settings

import skysql
from skysql.arrays import compiled
from skysql.store import compact, snapshot
from tests.tiers import CASES, LONG

settings.register_profile(  # how long a test takes depends on what else the machine does
    "default", print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

Connect = Callable[..., skysql.Connection]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are quick: see tests/tiers.py."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("peer") is None:
            module, _, test = item.nodeid.rpartition("/")[2].partition(".py::")
            cases.setdefault(f"{module}::{test.partition('[')[0]}", []).append(item)
    for name, some in cases.items():
        few = min(LONG.get(name, CASES), len(some))
        for at in range(few):  # from all over them
            some[at * len(some) // few].add_marker("quick")




@pytest.fixture
def connect() -> Iterator[Connect]:
    """skysql.connect; each connection is closed when the test ends, and nothing may be wrong with its tables then."""
    opened: list[skysql.Connection] = []

    def connect(path: Any = ":memory:", **options: Any) -> skysql.Connection:
        opened.append(skysql.connect(path, **options))
        return opened[-1]

    yield connect
    for db in opened:
        close(db)


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """What a test opens is closed after it: a process has room for few modules with shadow tables."""
    before = apsw.connections()
    yield
    for sqlite in apsw.connections():
        if not any(sqlite is each for each in before):
            sqlite.close(True)


@pytest.fixture(params=["loops", "arrays"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that asks for it runs with the compiled loops, and with the operations of numpy in their place."""
    if request.param == "arrays":
        monkeypatch.setattr(compiled, "_loops", None)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database file that is not there yet."""
    return str(tmp_path / "events.db")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few events make many batches, blocks, runs and shards."""
    monkeypatch.setattr(compact, "FOLD_BATCHES", 6)
    monkeypatch.setattr(compact, "FOLD_EVENTS", 24)
    monkeypatch.setattr(compact, "SHARD_EVENTS", 16)
    monkeypatch.setattr(snapshot, "SHARD_EVENTS", 16)


def close(db: skysql.Connection) -> None:
    """Close, unless that has been done; with check()."""
    try:
        db.rollback()
    except skysql.ProgrammingError:  # is closed
        return
    assert db.check() == []
    db.close()


USERS = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL, vip BOOLEAN)"
ROW = (1, "2026-01-01 00:00:00.000000", "a", "free", 1, 1.5, 1)


def damage(path: str, *scripts: str) -> None:
    """Change shadow tables, as nobody should."""
    plain = sqlite3.connect(path)
    with plain:
        for sql in scripts:
            plain.executescript(sql)
    plain.close()


@pytest.fixture
def stored(connect: Connect, path: str) -> str:
    """A file with a block, a log, and an ordinary table."""
    db = connect(path)
    db.execute(USERS)
    db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", ROW)
    db.execute("CREATE TABLE ordinary(x)")
    db.execute("INSERT INTO ordinary VALUES (1)")
    db.commit()
    db.compact()
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')")
    db.commit()
    close(db)
    return path
