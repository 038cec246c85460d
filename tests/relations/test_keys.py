"""Conditions on objects, by id and by TEXT key: which rows they leave, and that only those paths are read."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest

import skysql
from skysql.store.shard import Shard
from tests.conftest import Connect
from tests.world.sides import Sides

CONDITIONS = [
    "= 'N1'", "= 'n1'", "= 12", "= 3.0", "= 12.0", "= '12'", "<> 'N1'", "= NULL", "IN ('N1', '3')", "IN ('N1', NULL)",
    "IN (?)", "IN (?, ?, 'x')", "NOT IN ('N1')", "NOT IN ('N1', NULL)", "NOT IN (NULL)", "IN ()",
    "IN (12, 'N1', 3.5)", "IN (12.0)", "IN (x'4e31', '12')", "IN (SELECT 'N' || id FROM customers)",
    "IN (SELECT x FROM k)", "IN (SELECT t FROM k)", "IN (SELECT n FROM k)", "NOT IN (SELECT n FROM k)",
    "NOT IN (SELECT n FROM k WHERE n)", "IN (SELECT b FROM k)", "IN (SELECT b FROM k WHERE b IS NOT NULL)",
    "IN (SELECT cast(id + 9 AS INTEGER) FROM customers)", "IN (SELECT id + 9 FROM customers)",
    "IN (SELECT id + 9.0 FROM customers)", "IN (SELECT r * 4 FROM k)", "LIKE 'n%'",
    "IN (SELECT cast(n * 4 AS TEXT) FROM k)", "IN (VALUES (12), ('N1'))",
    "IN (SELECT n + 0.1 FROM k UNION SELECT 'N1')", "= 'N1' OR tail IN ('N2', '12')", "= 'N1' OR url = '12'",
    "= 'N1' AND object_id = 1", "IN ('N1') = (url LIKE '/%')",
]  # fmt: skip


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides(["N1", "12", "3", "3.0"])
    yield made
    made.close()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_on_keys(sides: Sides, condition: str) -> None:
    values = ["N1", 12][: condition.count("?")]
    for where in (f"tail {condition}", f"NOT (tail {condition})", f"(tail {condition}) IS NOT 1 AND amount > 0"):
        sides.same(f"SELECT count(*), sum(amount), max(url) FROM users WHERE {where}", values)
        sides.same(f"SELECT tail, url, plan FROM users WHERE {where}", values)
        sides.same(f"SELECT tail, count(*) FROM users WHERE {where} GROUP BY 1 ORDER BY 1", values)
        objects = where.replace("url", "plan").replace("amount", "events")
        sides.same(f"SELECT tail, plan FROM users_objects WHERE {objects}", values)
    sides.same(f"SELECT plan, sum(tail {condition}) FROM users GROUP BY plan ORDER BY 1", values)
    if "url" not in condition and "object_id" not in condition:
        inner = "SELECT tail, count(*) AS n FROM users GROUP BY tail"
        sides.same(f"SELECT n, count(*) FROM ({inner}) WHERE tail {condition} GROUP BY 1 ORDER BY 1", values)


@pytest.mark.parametrize("of", ["plan", "url", "action", "seats", "vip", "object_id", "ts", "amount"])
def test_any_column_in_a_subquery(sides: Sides, of: str) -> None:
    listed = ["t FROM k", "n FROM k WHERE n", "r FROM k", "b FROM k", "x FROM k", f"{of} FROM users WHERE ts % 2"]
    listed += ["n + 0 FROM k WHERE n", "x FROM k WHERE x IS NOT NULL", "x || '' FROM k", "seats FROM customers"]
    for text in listed:
        for no in ("", "NOT "):
            sides.same(f"SELECT count(*), count(DISTINCT tail), max(ts) FROM users WHERE {of} {no}IN (SELECT {text})")
            sides.same(f"SELECT tail, ts FROM users WHERE {of} {no}IN (SELECT {text})")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x.t, u.url FROM k x JOIN users u ON u.tail = x.t",
        "SELECT x.n, u.url FROM k x JOIN users u ON u.tail = x.n",
        "SELECT x.x, count(*), sum(u.seats) FROM k x JOIN users u ON u.tail = x.x WHERE x.n IS NOT NULL GROUP BY 1",
        "SELECT x.t, count(*) FROM users u JOIN k x ON x.t = u.tail AND x.t LIKE '%3%' GROUP BY x.t ORDER BY 1",
        "SELECT c.segment, count(*), sum(u.seats) FROM users u JOIN customers c ON c.id = u.object_id"
        " WHERE c.segment > 'h' AND u.plan IS NOT NULL GROUP BY 1 ORDER BY 1",
        "SELECT c.segment, count(*) FROM users u, customers c WHERE c.id = u.object_id AND c.score > 1 GROUP BY 1",
        "SELECT c.segment, count(*) FROM users u LEFT JOIN customers c ON c.id = u.object_id AND c.score > 1"
        " GROUP BY 1 ORDER BY 1",
        "SELECT c.segment, count(*) FROM users u LEFT JOIN customers c ON c.id = u.object_id WHERE c.score > 1"
        " OR c.score IS NULL GROUP BY 1 ORDER BY 1",
        "SELECT x.n, count(*) FROM users u JOIN k x ON x.n = u.object_id WHERE x.r BETWEEN 1 AND 2.5 GROUP BY 1",
        "SELECT x.t, count(*) FROM users u JOIN k x ON x.t = u.object_id WHERE x.r > 0 GROUP BY 1 ORDER BY 1",
        "SELECT a.tail, count(*) FROM (SELECT tail, url FROM users WHERE url LIKE '%2') a JOIN k ON k.t = a.tail"
        " GROUP BY 1 ORDER BY 1",
    ],
)
def test_joins_on_objects(sides: Sides, sql: str) -> None:
    assert sides.same(sql) != []


def reads(db: skysql.Connection, sql: str) -> set[int]:
    """The first objects of the shards whose times are read to answer a statement: how much of the table it is."""
    found = set()
    inherited = Shard.ts

    def ts(shard: Shard) -> object:
        found.add(shard.first_object)
        return inherited(shard)

    with mock.patch.object(Shard, "ts", ts):
        db.execute(sql).fetchall()
    return found


def test_only_the_paths_asked_for_are_read(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE f USING sky(tail TEXT OBJECT, url TEXT)")
    with mock.patch("skysql.store.compact.SHARD_EVENTS", 200):
        who = [f"N{at % 500}" for at in range(5000)]
        db.append("f", {"tail": who, "timestamp": list(range(5000)), "action": ["a"] * 5000}, time_unit="us")
        db.compact()
    db.execute("CREATE TABLE planes(tail TEXT PRIMARY KEY, maker TEXT)")
    db.executemany("INSERT INTO planes VALUES (?, ?)", [(f"N{at}", f"m{at % 100}") for at in range(500)])
    db.commit()
    everything = reads(db, "SELECT max(ts) FROM f")
    assert len(everything) > 10
    for sql in (
        "SELECT count(*), max(ts) FROM f WHERE tail = 'N7'",
        "SELECT count(*), max(ts) FROM f WHERE tail IN ('N7', 'N8')",
        "SELECT ts FROM f WHERE tail IN (SELECT tail FROM planes WHERE maker = 'm7')",
        "SELECT ts, url FROM f WHERE tail IN ('N7', 'N8') AND action LIKE 'a%'",
        "SELECT count(*), max(ts) FROM f WHERE tail = 'N7' OR tail = 'N9'",
        "SELECT p.maker, f.ts FROM planes p JOIN f ON f.tail = p.tail WHERE p.maker = 'm7'",
        "SELECT p.maker, count(*), sum(f.ts) FROM planes p JOIN f ON f.tail = p.tail WHERE p.maker = 'm7' GROUP BY 1",
        "SELECT ts FROM f WHERE object_id IN (SELECT id FROM (SELECT 7 AS id))",
    ):
        assert db.execute(sql).fetchall() != [] and len(reads(db, sql)) <= 5, sql
