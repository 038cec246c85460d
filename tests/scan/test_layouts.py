"""Aggregates of one action's events by the state they are in, which shards keep laid out by group."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import skysql
from skysql.store import compact, snapshot
from tests.conftest import Connect

TABLE = """CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, place TEXT STATE, seats INTEGER STATE,
    amount REAL, n INTEGER, yes BOOLEAN, url TEXT)"""
INSERT = "INSERT INTO users(object_id, ts, action, changes, amount, n, yes, url) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
MEASURES = [
    f"{function}({column})"
    for function in ("count", "sum", "total", "avg", "min", "max")
    for column in ("amount", "n", "yes", "seats")
]


def row(rng: random.Random, large: bool) -> tuple[Any, ...]:
    choices: dict[str, list[Any]] = {"plan": ["a", "b", "c"], "place": [None, "x", "y"], "seats": [None, 1, 7]}
    changes = {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.3}
    return (
        *(rng.randint(1, 30), rng.randint(0, 50), rng.choice(["buy", "buy", "look", "leave"]), json.dumps(changes)),
        rng.choice([None, rng.randint(0, 99) / 4]),
        rng.choice([None, rng.randint(-9, 9), *([2**62, -(2**62)] if large else [])]),
        *(rng.choice([None, 0, 1]), rng.choice([None, "u", "v"])),
    )


def close(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and bool(found == expected)


@pytest.mark.parametrize("seed", range(8))
def test_against_row_by_row(connect: Connect, path: str, monkeypatch: Any, seed: int) -> None:
    """Several shards, values that are missing everywhere, a log on top, and sums that leave 64 bits."""
    rng = random.Random(seed)
    for module in (compact, snapshot):
        monkeypatch.setattr(module, "SHARD_EVENTS", 60)
    db, plain = connect(path, isolation_level=None), connect(path, isolation_level=None, pushdown=False)
    db.execute(TABLE)
    db.executemany(INSERT, [row(rng, large=False) for _ in range(300)])
    db.compact()
    for large in (False, seed % 2 == 0):
        db.executemany(INSERT, [row(rng, large) for _ in range(60)])
        for _ in range(8):
            by = ", ".join(rng.sample(["plan", "place", "seats"][: rng.choice([2, 2, 3])], rng.randint(1, 2)))
            some = [m for m in rng.sample(MEASURES, 4) if not (large and m in ("sum(n)", "avg(n)", "total(n)"))]
            where = rng.choice(["action = 'buy'", "action = 'leave'", "action = 'gone'", "action LIKE 'L%'"])
            compare(db, plain, f"SELECT {by}, count(*), {', '.join(some)} FROM users WHERE {where} GROUP BY {by}")


def compare(db: skysql.Connection, plain: skysql.Connection, sql: str) -> None:
    found, expected = db.execute(sql).fetchall(), plain.execute(sql).fetchall()
    assert len(found) == len(expected), sql
    for one, other in zip(found, expected, strict=True):
        assert all(close(a, b) for a, b in zip(one, other, strict=True)), (sql, one, other)


def test_sums_out_of_range(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(TABLE)
    db.executemany(INSERT, [(1, i, "buy", '{"plan": "a"}', None, 2**62, None, None) for i in range(2)])
    sql = "SELECT plan, {} FROM users WHERE action = 'buy' GROUP BY plan"
    assert db.execute(sql.format("total(n)")).fetchall() == [("a", 2.0**63)]
    with pytest.raises(skysql.Error, match="integer overflow"):
        db.execute(sql.format("sum(n)")).fetchall()
