"""Tables that grow: what a commit may merge, and that merges which take many commits lose nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

import skysql
from skysql.store import compact, snapshot
from tests.conftest import Connect

SMALL = {"FOLD_EVENTS": 64, "SHARD_EVENTS": 64, "STEP": 640}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, blocks and steps of a few events, so that a short history has many of each."""
    for name, value in SMALL.items():
        monkeypatch.setattr(compact, name, value)


def feed(
    db: skysql.Connection, rng: random.Random, arrived: list[tuple[Any, ...]], objects: int, first: int = 1
) -> None:
    """One commit of a few dozen events, some of them late, some at one time."""
    batch = []
    for _ in range(rng.randint(30, 90)):
        ts = len(arrived) // 3 - rng.choice([0, 0, 0, 40])
        object = rng.randint(first, first + objects - 1)
        batch.append((object, ts, rng.choice("abc"), rng.choice([None, None, "free", "pro"])))
        arrived.append(batch[-1])
    db.executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, ?, ?)", batch)
    db.commit()


def in_order(arrived: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """(object, ts, action, plan at the time), events at one time in order of arrival."""
    plans: dict[int, Any] = {}
    rows = []
    for object, ts, action, plan in sorted(arrived, key=lambda event: event[:2]):
        plans[object] = plan or plans.get(object)
        rows.append((object, ts, action, plans[object]))
    return rows


def blocks(db: skysql.Connection) -> dict[int, tuple[int, int]]:
    """Of each block by its stamp: (run, events)."""
    return {stamp: (run, n) for stamp, run, n in db.execute("SELECT stamp, run, events FROM users_block")}


@pytest.mark.parametrize("seed", range(2))
def test_a_long_feed_keeps_all_events_in_few_runs(connect: Connect, small: None, path: str, seed: int) -> None:
    rng, db = random.Random(seed), connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    arrived: list[tuple[Any, ...]] = []
    longest = begun = 0
    for commit in range(160):
        before = blocks(db)
        feed(db, rng, arrived, objects=40 if seed % 2 else 400)
        after = blocks(db)
        longest = max(longest, sum(n for stamp, (_, n) in after.items() if stamp not in before))
        begun += bool(db.execute("SELECT 1 FROM users_meta WHERE key = 'merging'").fetchall())
        if commit % 20 == 19:
            assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)
            assert db.check() == []
            with skysql.connect(path) as other:  # which has cached nothing
                assert other.execute("SELECT plan, count(*) FROM users GROUP BY 1").fetchall() == db.execute(
                    "SELECT plan, count(*) FROM users GROUP BY 1"
                ).fetchall()
            other.close()
    assert begun > 10  # merges that took more than one commit
    assert longest < 3 * SMALL["STEP"] < len(arrived) / 4
    assert len({run for run, _ in blocks(db).values()}) <= 16


def test_steps_are_as_small_where_ids_are_large(connect: Connect, small: None) -> None:
    """Ids of 62 bits that lie close together: no float tells them apart."""
    rng, db = random.Random(5), connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    arrived: list[tuple[Any, ...]] = []
    longest = 0
    for _ in range(120):
        before = blocks(db)
        feed(db, rng, arrived, objects=300, first=2**62)
        longest = max(longest, sum(n for stamp, (_, n) in blocks(db).items() if stamp not in before))
    assert longest < 3 * SMALL["STEP"] < len(arrived) / 3
    assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)


def test_a_merge_under_way_is_gone_on_with_by_another_connection(connect: Connect, small: None, path: str) -> None:
    rng, db = random.Random(1), connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    arrived: list[tuple[Any, ...]] = []
    while not db.execute("SELECT 1 FROM users_meta WHERE key = 'merging'").fetchall():
        feed(db, rng, arrived, objects=300)
    db.close()
    db = connect(path)
    for _ in range(30):
        feed(db, rng, arrived, objects=300)
    assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)


def test_a_compaction_ends_a_merge_that_is_under_way(connect: Connect, small: None) -> None:
    rng, db = random.Random(2), connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    arrived: list[tuple[Any, ...]] = []
    while not db.execute("SELECT 1 FROM users_meta WHERE key = 'merging'").fetchall():
        feed(db, rng, arrived, objects=300)
    db.execute("DELETE FROM users WHERE object_id < 20")
    db.commit()
    db.compact()
    arrived = [event for event in arrived if event[0] >= 20]
    assert len({run for run, _ in blocks(db).values()}) == 1
    assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)
    for _ in range(40):
        feed(db, rng, arrived, objects=300)
    assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)


def test_a_merge_under_way_is_rolled_back_with_its_transaction(connect: Connect, small: None) -> None:
    rng, db = random.Random(3), connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    arrived: list[tuple[Any, ...]] = []
    for _ in range(60):
        feed(db, rng, arrived, objects=300)
        kept = len(arrived)
        db.executemany("INSERT INTO users(object_id, ts, action) VALUES (?, ?, 'x')", [(n, 5) for n in range(1, 200)])
        assert db.execute("SELECT count(*) FROM users").fetchone() == (kept + 199,)
        db.rollback()
    assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)


@pytest.mark.parametrize(
    "sizes, chosen",
    [
        ([], None),
        ([100, 100, 100], None),
        ([100, 100, 100, 100], (0, 4)),
        ([400, 400, 100, 100, 100, 100], (2, 6)),
        ([400, 400, 400, 100, 100, 100, 100], (0, 7)),  # the four become one of four again
        ([5_000, 100, 120, 90, 110], (1, 5)),
        ([100, 120, 90, 110, 5_000], (0, 4)),
        ([100, 120, 5_000, 90, 110], None),
        ([5_000, 10, 5_000, 5_000, 5_000], (0, 5)),
    ],
)
def test_which_runs_are_merged(sizes: list[int], chosen: tuple[int, int] | None) -> None:
    assert compact.alike(sizes) == chosen


def test_which_runs_are_merged_meanwhile() -> None:
    assert compact.alike([400, 400, 400, 100, 100, 100, 100], 1000) == (3, 7)
    assert compact.alike([100] * 12, 1000) == (2, 12)
    assert compact.alike([100] * 12, 350) is None


def test_objects_that_are_new_in_each_batch_do_not_end_up_in_one_shard(
    connect: Connect, small: None, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(snapshot, "SHARD_EVENTS", SMALL["SHARD_EVENTS"])
    rng, db = random.Random(3), connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    arrived: list[tuple[Any, ...]] = []
    largest = 0
    for commit in range(60):
        feed(db, rng, arrived, 20, first=1 if commit < 12 else commit * 20)
        table = db.engine.relation("main", "users").store.snapshot()
        largest = max(largest, *(len(shard) for shard in table.shards()))
    assert largest <= 5 * SMALL["SHARD_EVENTS"]
    assert db.execute("SELECT object_id, ts, action, plan FROM users").fetchall() == in_order(arrived)
    assert db.check() == []
