"""The order of rows: what SQLite need not sort, forwards and backwards, and how objects are compared."""

from __future__ import annotations

import random
from typing import Any

import pytest

import skysql
from tests.conftest import Connect


@pytest.fixture
def both(connect: Connect) -> skysql.Connection:
    """A sky table and an ordinary one of the same rows, in several blocks and a log."""
    db, rng = connect(), random.Random(1)
    db.execute("CREATE VIRTUAL TABLE t USING sky(x INTEGER)")
    db.execute("CREATE TABLE o(object_id INTEGER, ts INTEGER, action TEXT, x INTEGER)")
    rows = [(rng.choice([1, 1, 1, 5, 12]), ts, rng.choice("ab"), ts % 7) for ts in rng.sample(range(10_000), 900)]
    for at in range(0, 900, 300):
        for table in "to":
            sql = f"INSERT INTO {table}(object_id, ts, action, x) VALUES (?, ?, ?, ?)"
            db.executemany(sql, rows[at : at + 300])
        db.commit()
        if at == 300:
            db.compact()
    return db


ORDERS = [
    ("WHERE object_id = 1 ORDER BY ts", True),
    ("WHERE object_id = 1 ORDER BY ts DESC", True),
    ("WHERE object_id = 1 ORDER BY object_id DESC, ts DESC LIMIT 7", True),
    ("WHERE object_id = 1 AND action = 'b' ORDER BY ts DESC LIMIT 5", True),
    ("WHERE object_id = 5 AND ts < 5000 ORDER BY ts DESC LIMIT 5 OFFSET 3", True),
    ("ORDER BY object_id, ts", True),
    ("ORDER BY object_id DESC, ts DESC", True),
    ("ORDER BY object_id DESC LIMIT 1", False),
    ("ORDER BY object_id, ts DESC", False),
    ("ORDER BY ts DESC LIMIT 9", False),
    ("WHERE object_id = 1 ORDER BY x, ts DESC", False),
    ("WHERE object_id IN (1, 12) ORDER BY ts DESC LIMIT 9", False),
]


@pytest.mark.parametrize("rest, unsorted", ORDERS)
def test_orders_are_those_of_an_ordinary_table(both: skysql.Connection, rest: str, unsorted: bool) -> None:
    whole = "LIMIT 1" not in rest  # of which there are several that could be it
    found, expected = (
        both.execute(f"SELECT {'object_id, ts, action, x' if whole else 'object_id'} FROM {table} {rest}").fetchall()
        for table in "to"
    )
    assert found == expected
    steps = [row[3] for row in both.execute(f"EXPLAIN QUERY PLAN SELECT object_id, ts, x FROM t {rest}").fetchall()]
    assert ("USE TEMP B-TREE FOR ORDER BY" not in steps and "LAST TERM" not in str(steps)) == unsorted


OBJECTS: list[Any] = [
    "5", " 5 ", "5.0", "5e0", "+5", "5x", "0x5", "", "5\n", "-5", 5.0, 5.5, 1e300, b"5", None, 2**63 - 1, "1e999",
]  # fmt: skip


@pytest.mark.parametrize("value", OBJECTS, ids=repr)
def test_objects_are_compared_as_numbers(both: skysql.Connection, value: Any) -> None:
    for what in ("count(*), min(ts) FROM {} WHERE object_id = ?", "ts FROM {} WHERE object_id = ? ORDER BY ts"):
        found, expected = (both.execute(f"SELECT {what.format(table)}", [value]).fetchall() for table in "to")
        assert found == expected


def test_the_last_events_while_some_are_not_committed(both: skysql.Connection) -> None:
    both.execute("INSERT INTO t(object_id, ts, action) VALUES (5, 20000, 'late')")
    last = "SELECT ts, action FROM t WHERE object_id = 5 ORDER BY ts DESC LIMIT 1"
    assert both.execute(last).fetchall() == [(20000, "late")]
    both.execute("DELETE FROM t WHERE object_id = 5 AND ts = 20000")
    assert both.execute(last).fetchall() == both.execute(last.replace("FROM t", "FROM o")).fetchall()
