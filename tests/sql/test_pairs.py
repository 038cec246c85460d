"""Point-in-time joins: the pairs that they ask for, and whether what is remembered of a table is what it holds."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skysql
from skysql.arrays import compiled
from skysql.arrays.batch import Batch
from skysql.scan.pairs import ObjectMoments, read_pairs
from skysql.store.blocks import MemoryBlock
from skysql.store.cache import Cache
from skysql.store.marks import last_until
from skysql.store.shard import Part, Shard
from skysql.store.views import ObjectPlaces
from tests.conftest import Connect

JOIN = "FROM orders o JOIN users_objects s ON s.object_id = o.who AND s.as_of = o.at"
PLANS = f"SELECT s.plan, count(*) {JOIN} GROUP BY 1"
ROWS = f"SELECT o.id, s.plan, s.events {JOIN}"

SMALL = st.integers(1, 6)
TIMES = st.integers(0, 20) | st.sampled_from([-(10**16), 10**17])
EVENTS = [(who, at, f"p{who * at % 3}" if at % 4 else None) for who in range(1, 6) for at in range(who, 20, who)]


def plan_of(who: Any, at: Any) -> tuple[str | None, int] | None:
    """The plan as of then and how many events there were, by a loop; None if there was none."""
    plan, events = None, 0
    for object, ts, change in EVENTS:
        if object == who and at is not None and ts <= at:
            plan, events = change or plan, events + 1
    return (plan, events) if events else None


# reading them


@given(st.lists(st.tuples(SMALL | st.none(), TIMES | st.none())), st.booleans())
def test_read_pairs(pairs: list[tuple[int | None, int | None]], numbered: bool) -> None:
    def json(values: Any) -> str:
        return "[" + ",".join("null" if value is None else str(value) for value in values) + "]"

    numbers = json(range(len(pairs))) if numbered else ""
    found = read_pairs([numbers, json(who for who, _ in pairs), json(at for _, at in pairs)])
    whole = [(who, at, row) for row, (who, at) in enumerate(pairs) if who is not None and at is not None]
    whole.sort(key=lambda pair: pair[0])
    assert list(zip(found.objects.tolist(), found.moments.tolist(), strict=True)) == [pair[:2] for pair in whole]
    assert (None if found.numbers is None else found.numbers.tolist()) == ([p[2] for p in whole] if numbered else None)


def test_read_pairs_of_other_types() -> None:
    found = read_pairs(["[1,2,3,4]", '["2",1.0,"x",1.5]', '["1970-01-01T00:00:01Z",5,6.0,"7000000"]'])
    assert found.objects.tolist() == [0, 0, 1, 2] and found.moments.tolist() == [6, 7000000, 5, 1000000]
    assert found.numbers is not None and found.numbers.tolist() == [3, 4, 2, 1]


# finding them


@pytest.mark.parametrize("loops", [compiled._loops, None], ids=["loops", "arrays"])
@given(
    st.lists(st.tuples(SMALL, TIMES), min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 7), TIMES), min_size=1, max_size=20),
    st.booleans(),
)
def test_last_until_of_a_shard(
    loops: Any, events: list[tuple[int, int]], asked: list[tuple[int, int]], far: bool
) -> None:
    """`far`: some moments are too far apart for keys of 63 bits."""
    with mock.patch.object(compiled, "_loops", loops):
        check_last_until(sorted(events), asked, far)


def check_last_until(events: list[tuple[int, int]], asked: list[tuple[int, int]], far: bool) -> None:
    if far:
        events = sorted([*events, (1, 0), (1, 2**62), (2, 0)])
    objects, ts = np.array(events, np.int64).T
    block = MemoryBlock.sort("b", Batch(objects.copy(), ts.copy(), {}))
    shard = Shard(0, (Part(block, 0, len(set(objects.tolist())), True),), Cache(1 << 20))
    pairs = ObjectMoments.sort(*np.array(asked, np.int64).T.copy(), None)
    paths = shard.view(ObjectPlaces).find(shard, pairs.objects)
    expected = [
        max((i for i, (who, ts) in enumerate(events) if who == object and ts <= moment), default=-1)
        for object, moment in sorted(asked, key=lambda pair: pair[0])
    ]
    assert last_until(shard, paths, pairs.moments).tolist() == expected
    begins = [next((i for i, e in enumerate(events) if at >= 0 and e[0] == events[at][0]), -1) for at in expected]
    assert last_until(shard, paths, pairs.moments, ()).tolist() == (expected if far else begins)


# remembering them


class Orders:
    """A table of orders, and what it must hold: how it was at each savepoint."""

    def __init__(self, db: skysql.Connection, rng: random.Random) -> None:
        self.db, self.rng = db, rng
        self.rows: dict[int, tuple[Any, Any]] = {}
        self.before: list[dict[int, tuple[Any, Any]]] = []
        self.indexed = False

    def step(self) -> None:
        names = ["insert"] * 3 + ["update", "delete", "clear", "begin", "savepoint", "back", "end", "end", "index"]
        getattr(self, self.rng.choice(names))()

    def insert(self) -> None:
        rng, id = self.rng, max(self.rows, default=0) + 1
        row = rng.choice([None, rng.randint(0, 7), rng.randint(1, 5)]), rng.choice([None, rng.randint(0, 25)])
        self.db.execute("INSERT INTO orders VALUES (?, ?, ?)", (id, *row))
        self.rows[id] = row

    def update(self) -> None:
        at = self.rng.randint(0, 25)
        self.db.execute("UPDATE orders SET at = ? WHERE id % 2", (at,))
        self.rows |= {id: (who, at) for id, (who, _) in self.rows.items() if id % 2}

    def delete(self) -> None:
        if self.rows:
            id = self.rng.choice(list(self.rows))
            self.db.execute("DELETE FROM orders WHERE id = ?", (id,))
            del self.rows[id]

    def clear(self) -> None:
        if self.rng.random() < 0.3:
            self.db.execute("DELETE FROM orders")
            self.rows = {}

    def index(self) -> None:
        made = "CREATE INDEX IF NOT EXISTS by_at ON orders(at)"
        self.db.execute("DROP INDEX IF EXISTS by_at" if self.indexed else made)
        self.indexed = not self.indexed

    def begin(self) -> None:
        if not self.before:
            self.db.execute(self.rng.choice(["BEGIN", "BEGIN IMMEDIATE"]))
            self.before = [dict(self.rows)]

    def savepoint(self) -> None:
        if self.before:
            self.db.execute(f"SAVEPOINT s{len(self.before)}")
            self.before.append(dict(self.rows))

    def back(self) -> None:
        if len(self.before) > 1:
            self.db.execute(f"ROLLBACK TO s{len(self.before) - 1}")
            self.rows = dict(self.before[-1])

    def end(self) -> None:
        if self.before:
            if self.rng.random() < 0.5:
                self.rows = self.before[0]
                self.db.execute("ROLLBACK")
            else:
                self.db.execute("COMMIT")
            self.before = []

    def compare(self, db: skysql.Connection) -> None:
        found = {id: plan_of(*row) for id, row in self.rows.items()}
        expected = [(id, *state) for id, state in sorted(found.items()) if state is not None]
        assert sorted(db.execute(ROWS).fetchall()) == expected
        assert dict(db.execute(PLANS).fetchall()) == Counter(plan for _, plan, _ in expected)


@pytest.mark.parametrize("seed", range(20))
def test_a_table_that_changes(connect: Connect, path: str, seed: int) -> None:
    """By two connections in turn, in and out of transactions, with every answer that of a loop."""
    rng = random.Random(seed)
    where = path if seed % 5 else ":memory:"
    dbs = [connect(where, isolation_level=None) for _ in range(2 if seed % 5 else 1)]
    for db in dbs:
        db.execute("PRAGMA synchronous = OFF")
    dbs[0].execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    dbs[0].executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, 'a', ?)", EVENTS)
    dbs[0].execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER, at INTEGER)")
    orders = Orders(dbs[0], rng)
    for _ in range(60):
        if not orders.before:
            orders.db = rng.choice(dbs)
        orders.step()
        for db in (orders.db,) if orders.before else dbs:
            orders.compare(db)
            orders.compare(db)


def test_tables_of_one_name(connect: Connect, path: str, tmp_path: Any) -> None:
    """Attached, temporary, and one after the other under one name."""
    db = connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, 'a', ?)", EVENTS)

    def plans(table: str) -> dict[Any, int]:
        return dict(db.execute(PLANS.replace("FROM orders", f"FROM {table}")).fetchall())

    def make(table: str, *rows: tuple[int, int]) -> dict[Any, int]:
        db.execute(f"CREATE TABLE {table}(id INTEGER PRIMARY KEY, who INTEGER, at INTEGER)")
        db.executemany(f"INSERT INTO {table}(who, at) VALUES (?, ?)", rows)
        return dict(Counter(state[0] for row in rows if (state := plan_of(*row))))

    first = make("orders", (1, 5), (2, 9))
    assert plans("orders") == plans("main.orders") == first
    for at, rows in enumerate([[(3, 4)], [(4, 17), (5, 16)]]):
        db.execute("ATTACH ? AS x", (str(tmp_path / f"{at}.db"),))
        expected = make("x.orders", *rows)
        assert plans("x.orders") == expected
        db.execute("DETACH x")
    second = make("temp.orders", (5, 12))
    assert plans("orders") == second and plans("main.orders") == first
    db.execute("DROP TABLE temp.orders")
    assert plans("orders") == first
    db.execute("DROP TABLE orders")
    assert make("orders", (4, 8)) == plans("orders")


def test_collations_that_change(connect: Connect, path: str) -> None:
    """Of what a function says, nothing is remembered beyond its registration."""
    db = connect(path, isolation_level=None)
    db.create_collation("mine", lambda a, b: (a > b) - (a < b))
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, 'a', ?)", EVENTS)
    db.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER, at INTEGER, kind TEXT COLLATE mine)")
    db.executemany("INSERT INTO orders(who, at, kind) VALUES (?, ?, ?)", [(1, 5, "a"), (2, 9, "b")])
    sql = PLANS.replace("GROUP BY", "WHERE o.kind = 'A' GROUP BY")
    assert db.execute(sql).fetchall() == []
    db.create_collation("mine", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    assert sum(count for _, count in db.execute(sql).fetchall()) == 1
    db.create_function("later", 1, lambda at: at - 100)
    moved = PLANS.replace("= o.at", "= later(o.at)")
    assert db.execute(moved).fetchall() == []
    db.create_function("later", 1, lambda at: at)
    assert sum(count for _, count in db.execute(moved).fetchall()) == 2


def test_parameters_and_other_tables(connect: Connect, path: str) -> None:
    """Moments that depend on more than the table itself."""
    db = connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, 'a', ?)", EVENTS)
    db.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER, at INTEGER)")
    db.executemany("INSERT INTO orders(who, at) VALUES (?, ?)", [(1, 5), (2, 9)])
    db.execute("CREATE TABLE delays(days INTEGER)")
    db.execute("INSERT INTO delays VALUES (1)")
    for delay in (0, 3, 8):
        expected = dict(Counter(plan_of(*row)[0] for row in [(1, 5 + delay), (2, 9 + delay)]))  # type: ignore[index]
        named = PLANS.replace("= o.at", "= o.at + :delay")
        assert dict(db.execute(named, {"delay": delay}).fetchall()) == expected
        db.execute("UPDATE delays SET days = ?", (delay,))
        other = PLANS.replace("= o.at", "= o.at + (SELECT days FROM delays)")
        assert dict(db.execute(other).fetchall()) == expected
    outer = "SELECT w.column1, (SELECT count(*) FROM orders o JOIN users_objects s ON s.object_id = o.who"
    outer += " AND s.as_of = w.column1) FROM (VALUES (0), (1), (2)) w"
    assert db.execute(outer).fetchall() == [(0, 0), (1, 1), (2, 2)]
