"""Statistics: how many events, objects and distinct values there are, by what is kept of them."""

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.store import compact, snapshot, statistics
from tests.conftest import Connect

TABLE = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL, vip BOOLEAN)"
COUNTS = ("SELECT count(*), count(DISTINCT object_id), min(ts), max(ts), count(DISTINCT action), count(DISTINCT plan),"
          " count(DISTINCT seats), count(DISTINCT amount), count(DISTINCT vip) FROM users")  # fmt: skip


def told(db: skysql.Connection) -> tuple[Any, ...]:
    (info,) = db.info()
    return (info.events, info.objects, info.first_ts, info.last_ts, *info.distinct.values())


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_the_events(
    connect: Connect, path: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "FOLD_BATCHES", 5)
    monkeypatch.setattr(compact, "SHARD_EVENTS", 50)
    monkeypatch.setattr(snapshot, "SHARD_EVENTS", 50)
    rng = random.Random(seed)
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    db.execute(TABLE)
    assert told(db) == (0, 0, None, None, 0, 0, 0, 0, 0)
    for _ in range(30):
        rows = [(rng.randint(1, 30), rng.randint(0, 9999), rng.choice("abc"), rng.choice("xyz"), rng.randint(0, 9),
                 rng.randint(0, 9) / 4, rng.choice([0, 1, None])) for _ in range(rng.randint(1, 20))]  # fmt: skip
        db.execute("BEGIN")
        columns = "object_id, ts, action, plan, seats, amount, vip"
        db.executemany(f"INSERT INTO users({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        db.execute(rng.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
        if rng.random() < 0.1:
            db.compact()
        assert told(db) == told(other) == db.execute(COUNTS).fetchone()
    db.execute("DELETE FROM users WHERE amount > 1 OR seats = 3 OR plan = 'x'")
    events = db.execute(COUNTS).fetchone()
    assert told(db)[:2] == events[:2]
    db.compact()
    assert told(db) == told(other) == events


def test_they_are_kept_through_alterations(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(TABLE)
    insert = "INSERT INTO users(object_id, ts, action, seats, amount) VALUES (?, ?, 'a', ?, ?)"
    db.executemany(insert, [(1, i, i % 40, i % 30) for i in range(200)])
    db.compact()
    for change in ("ALTER seats TYPE REAL", "RENAME amount TO price", "ALTER vip TYPE TEXT", "ADD new INTEGER"):
        db.execute("SELECT sky_alter('users', ?)", (change,))
    db.executemany(insert.replace("amount", "price"), [(1, i, i % 45, i % 30) for i in range(200)])
    distinct = dict(db.info()[0].distinct)
    assert abs(distinct.pop("seats") - 45) <= 2  # type: ignore[operator]
    assert distinct == {"action": 1, "plan": 0, "price": 30, "vip": 0, "new": 0}
    db.execute("SELECT sky_alter('users', 'ALTER seats TYPE TEXT')")
    assert db.info()[0].distinct["seats"] == 45


def test_tables_that_are_older_than_they_are(connect: Connect, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[1] / "data" / "version1.db", tmp_path / "old.db")
    db = connect(str(tmp_path / "old.db"), isolation_level=None)
    shop = next(info for info in db.info() if info.name == "shop")
    assert shop.distinct["amount"] is None and shop.distinct["plan"] == 2
    db.compact()
    shop = next(info for info in db.info() if info.name == "shop")
    expected = db.execute("SELECT count(DISTINCT amount), count(DISTINCT seats) FROM shop").fetchone()
    assert abs(shop.distinct["amount"] - expected[0]) <= 3 and shop.distinct["seats"] == expected[1]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM users_meta WHERE key = 'distinct 3'", "statistics of 'amount': values of block 1 were"),
        ("UPDATE users_meta SET value = 'many' WHERE key = 'distinct 2'", "statistics of 'seats': they are unreadable"),
        ("UPDATE users_meta SET value = zeroblob(1024) WHERE key = 'distinct 2'", "statistics of 'seats': values of"),
    ],
)
def test_check_compares_them(connect: Connect, path: str, change: str, fault: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute(TABLE)
    db.execute("INSERT INTO users(object_id, ts, action, seats, amount) VALUES (1, 1, 'a', 5, 0.5)")
    db.compact()
    db.close()
    plain = sqlite3.connect(path)
    with plain:
        plain.execute(change)
    plain.close()
    db = skysql.connect(path)
    assert any(fault in text for text in db.check())
    db.info()
    db.close()


@pytest.mark.parametrize("count", [0, 1, 2, 30, 1_000, 5_000, 200_000])
def test_estimates(count: int) -> None:
    values = np.random.default_rng(count).permutation(count) * 0.25
    found = statistics.estimate(statistics.registers(values))
    assert abs(found - count) <= (0 if count <= 30 else count * 0.12)
    halves = [statistics.registers(np.repeat(part, 2)) for part in (values[: count // 2], values[count // 3 :])]
    assert statistics.estimate(statistics.merge(*halves)) == found
    assert np.array_equal(statistics.registers(np.arange(9)), statistics.registers(np.arange(9.0)))
