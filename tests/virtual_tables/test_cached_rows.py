"""Joins that ask a virtual table again and again: their rows are cached and looked up, and are the same rows."""

import itertools
import random
from typing import Any

import pytest

import skysql
from tests.conftest import Connect
from vtab.cached_rows import CachedRows

VALUES: list[Any] = [None, 0, 1, 1.0, 1.5, 2**53, float(2**53), 2**53 + 1, -1, "1", "1.0", "a", "A", "", b"1", b""]
TABLE = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL)"


@pytest.mark.parametrize("seed", range(40))
def test_rows_are_found_by_value_and_others_may_be(seed: int) -> None:
    rng = random.Random(seed)
    kinds = [rng.sample(VALUES, rng.randint(1, 4)) for _ in range(3)]
    rows = [tuple(rng.choice(values) for values in kinds) for _ in range(rng.randint(0, 30))]
    columns = rng.sample(range(3), rng.randint(0, 3))
    cached = CachedRows(rows, columns)
    for wanted in itertools.product(VALUES[:12], repeat=len(columns)):
        found = list(cached.find(wanted))
        pairs = list(zip(columns, wanted, strict=True))
        equal = [row for row in rows if all(row[c] == v and v is not None for c, v in pairs)]
        assert [row for row in found if row in equal] == equal
        assert [row for row in rows if row in found] == found


@pytest.fixture(scope="module")
def answers() -> Any:
    """The rows of a statement with pushdown, which must be those row by row."""
    connections = [skysql.connect(":memory:", pushdown=pushdown) for pushdown in (True, False)]
    for db in connections:
        rng = random.Random(3)
        db.execute(TABLE)
        who = [rng.choice([*range(1, 60), 2**62 + 1]) for _ in range(400)]
        db.append("users", {
            "object_id": who, "ts": [rng.randrange(10**6) for _ in who], "action": [rng.choice("abc") for _ in who],
            "plan": [rng.choice(["1", "2", "x", None]) for _ in who], "seats": [rng.choice([1, 2, None]) for _ in who],
            "amount": [rng.choice([1.0, 2.5]) for _ in who],
        }, time_unit="us")  # fmt: skip
        db.execute("CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT, any, plan TEXT COLLATE NOCASE)")
        for i in range(1, 80):
            anything = (i % 3, str(i % 3), float(i % 3), None)[i % 4]
            db.execute("INSERT INTO names VALUES (?, ?, ?, ?)", (i, str(i % 3), anything, "X"))

    def ask(sql: str, parameters: Any = ()) -> list[Any]:
        found, expected = (sorted(db.execute(sql, parameters).fetchall(), key=repr) for db in connections)
        assert found == expected
        return found

    yield ask
    for db in connections:
        db.close()


BY_OBJECT = """
WITH a AS (SELECT object_id, count(*) AS n, sum(amount) AS s, max(seats) AS seats, min(plan) AS plan FROM users
           WHERE action = 'a' GROUP BY object_id),
     b AS (SELECT object_id, count(*) AS n, max(plan) AS plan FROM users GROUP BY object_id) """

STATEMENTS = [
    BY_OBJECT + "SELECT * FROM a JOIN b USING (object_id)",
    BY_OBJECT + "SELECT * FROM b LEFT JOIN a ON a.object_id = b.object_id AND a.n < b.n - 2",
    BY_OBJECT + "SELECT * FROM a, b WHERE CAST(a.seats AS INTEGER) = b.plan",  # 1 and '1'
    BY_OBJECT + "SELECT * FROM a, b WHERE a.n = b.n AND a.plan = b.plan",
    BY_OBJECT + "SELECT a.object_id, (SELECT n FROM b WHERE b.object_id = a.object_id) FROM a",
    BY_OBJECT + "SELECT object_id FROM b WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.object_id = b.object_id)",
    BY_OBJECT + "SELECT count(*) FROM a x JOIN a y ON x.s > y.s JOIN b ON b.n = x.n",
    BY_OBJECT + "SELECT n.id, b.n FROM names n LEFT JOIN b ON b.object_id = n.id",
    BY_OBJECT + "SELECT n.id, b.n FROM names n LEFT JOIN b ON b.plan = n.\"any\"",
    BY_OBJECT + "SELECT n.id, b.n FROM names n LEFT JOIN b ON b.plan = n.text",
    BY_OBJECT + "SELECT n.id, b.n FROM names n LEFT JOIN b ON n.plan = b.plan",  # under NOCASE
    BY_OBJECT + "SELECT n.id, b.n FROM names n LEFT JOIN b ON b.object_id + 0 = n.text",
    "SELECT n.id, o.plan, o.events FROM names n LEFT JOIN users_objects o ON o.object_id = n.id",
    "SELECT n.id, o.plan FROM names n LEFT JOIN users_objects o ON o.object_id = n.text AND o.as_of = 500000",
    "SELECT n.id, o.plan FROM names n LEFT JOIN users_objects o ON o.object_id = n.id AND o.as_of = n.id * 10000",
    "SELECT n.id, s.session FROM names n LEFT JOIN users_sessions('0.1 s') s ON s.object_id = n.id AND s.plan = 'x'",
    "SELECT n.id FROM names n WHERE id IN (SELECT object_id FROM users_objects WHERE object_id IN (n.id, n.id + 1))",
]  # fmt: skip


@pytest.mark.parametrize("sql", STATEMENTS)
def test_joins_that_look_rows_up(answers: Any, sql: str) -> None:
    assert answers(sql)


def test_what_is_cached_is_of_one_run(connect: Connect) -> None:
    """The next run of the same statement sees what was written since."""
    db = connect(isolation_level=None)
    db.execute(TABLE)
    db.execute("CREATE TABLE ids(id)")
    db.executemany("INSERT INTO ids VALUES (?)", [(i,) for i in range(1, 101)])
    for many in range(1, 4):
        db.executemany("INSERT INTO users(object_id, ts, action) VALUES (?, 1, 'a')", [(i,) for i in range(1, 101)])
        assert db.execute("SELECT sum(o.events) FROM ids LEFT JOIN users_objects o ON object_id = id").fetchall() == [
            (100 * many,)
        ]
