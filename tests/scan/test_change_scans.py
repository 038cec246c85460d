"""Scans of changes, and aggregates of another table's columns in a join with events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import skysql
from tests.world.sides import Sides


@pytest.fixture(scope="module", params=["ids", "keys"])
def sides(request: pytest.FixtureRequest) -> Iterator[Sides]:
    made = Sides(["N1", "12", "3", "3.0"] if request.param == "keys" else ())
    yield made
    made.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT property, count(*), count(new_value), count(DISTINCT new_value) FROM users_changes"
        " GROUP BY 1 ORDER BY 1",
        "SELECT new_value, count(*) FROM users_changes GROUP BY 1 ORDER BY 1",
        "SELECT object_id, count(*), max(new_value), min(old_value) FROM users_changes GROUP BY 1 ORDER BY 1",
        "SELECT old_value, new_value, count(DISTINCT object_id) FROM users_changes WHERE property IN ('plan', 'vip')"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT sum(new_value), total(old_value), avg(new_value), count(DISTINCT new_value) FROM users_changes",
        "SELECT sum(new_value), typeof(sum(new_value)) FROM users_changes WHERE property = 'seats'",
        "SELECT strftime('%Y-%m', timestamp) AS month, count(*) FROM users_changes GROUP BY month ORDER BY 1",
        "SELECT count(*), sum(new_value = 1), sum(new_value = '1'), sum(new_value > old_value) FROM users_changes",
        "SELECT typeof(new_value), typeof(old_value), count(*) FROM users_changes GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT DISTINCT property FROM users_changes WHERE new_value IS NOT NULL ORDER BY 1",
        "SELECT group_concat(new_value), min(ts) FROM users_changes WHERE property = 'plan' AND object_id < 3",
        "SELECT max(new_value) FILTER (WHERE property = 'seats') FROM users_changes",
        "SELECT new_value IN (1, 'pro'), count(*) FROM users_changes GROUP BY 1 ORDER BY 1",
        "SELECT n, count(*) FROM (SELECT object_id, count(*) AS n FROM users_changes GROUP BY object_id) GROUP BY n",
        "WITH q AS (SELECT object_id, new_value AS v FROM users_changes WHERE property = 'plan')"
        " SELECT v, count(*) FROM q GROUP BY v ORDER BY 1",
        "SELECT c.segment, h.property, count(*) FROM users_changes h JOIN customers c ON c.id = h.object_id"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT h.new_value, count(*) FROM users_changes h JOIN customers c ON c.id = h.object_id"
        " WHERE c.segment = 'gold' AND h.property = 'plan' GROUP BY 1 ORDER BY 1",
        "SELECT u.action, count(*) FROM users u JOIN users_changes c ON c.object_id = u.object_id"
        " AND c.timestamp = u.timestamp WHERE c.property = 'plan' GROUP BY 1 ORDER BY 1",
        "SELECT count(*) FROM users_changes WHERE object_id IN (SELECT id FROM customers WHERE segment = 'gold')",
        "SELECT object_id, property, old_value, new_value, ts FROM users_changes WHERE property LIKE 'p%'",
        "SELECT new_value, row_number() OVER (PARTITION BY object_id ORDER BY ts) FROM users_changes"
        " WHERE property <> 'vip' AND property <> 'seats'",
        "SELECT old_value, new_value FROM users_changes WHERE new_value <> 'free'"
        " ORDER BY object_id, timestamp, property",
    ],
)
def test_changes(sides: Sides, sql: str) -> None:
    assert sides.same(sql) != [] and "sky_scan" in sides.rewritten(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT *, ts FROM users_changes WHERE property = 'plan'",
        "SELECT * FROM users_changes WHERE object_id = 1",
        "SELECT new_value, rowid > 0 FROM users_changes WHERE property = 'plan'",
        "SELECT timestamp FROM users_changes WHERE timestamp >= '2026-01-05T00:00Z' AND property NOT LIKE 's%'",
    ],
)
def test_rows_of_changes(sides: Sides, sql: str) -> None:
    assert sides.same(sql, plain=False) != []


@pytest.mark.parametrize("what", ["users WHERE url LIKE '/%'", "users_changes WHERE property LIKE 'p%'",
                                  "users_changes WHERE new_value <> 'free'", "users WHERE amount + 1 > 2"])  # fmt: skip
@pytest.mark.parametrize("side", ["", "LEFT"])
def test_the_latest_of_some_rows(sides: Sides, what: str, side: str) -> None:
    """Which row is the latest is decided by the numbers of rows, whoever finds them."""
    for left in ("users", "(SELECT * FROM users WHERE action LIKE 'b%')"):
        join = f"ASOF {side} JOIN (SELECT * FROM {what}) z ON z.object_id = u.object_id AND z.timestamp <= u.timestamp"
        assert sides.same(f"SELECT * FROM {left} u {join}", plain=False) != []
        sides.same(f"SELECT u.plan, count(*), max(z.timestamp) FROM {left} u {join} GROUP BY 1", plain=False)


# what events are joined with


@pytest.mark.parametrize("function", ["sum", "total", "avg", "count", "min", "max", "count(DISTINCT", "sum(DISTINCT"])
@pytest.mark.parametrize(
    "x", ["c.score", "c.seats", "c.segment", "c.score + c.seats", "c.seats * 1.5", "c.score || ''",
          "CASE WHEN c.score > 1 THEN c.seats END", "1 + c.id"],
)  # fmt: skip
def test_aggregates_of_the_other_table(sides: Sides, function: str, x: str) -> None:
    call = f"{function}{' ' if '(' in function else '('}{x})"
    for only in ("", " FILTER (WHERE c.segment = 'gold')", " FILTER (WHERE c.id < 3)"):
        for keys in ("c.segment", "u.plan", "u.action, c.id"):
            for where in ("", "WHERE u.url LIKE '/%'"):
                join = f"FROM users u JOIN customers c ON c.id = u.object_id {where} GROUP BY {keys}"
                sides.same(f"SELECT {keys}, {call}{only}, count(*), sum(u.amount) {join}")
    sides.same(
        f"SELECT u.plan, {call} FROM users u LEFT JOIN customers c ON c.id = u.object_id AND c.id < 3 GROUP BY 1"
    )


def test_a_scan_counts_what_the_other_table_is_repeated_by(sides: Sides) -> None:
    for function in ("sum", "total", "avg", "count"):
        sql = f"SELECT u.plan, {function}(c.score) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY 1"
        assert "sky_scan" in sides.rewritten(sql)


def test_sums_of_any_values() -> None:
    sides = Sides()
    for side in (sides.pushed, sides.by_row, sides.plain):
        side.execute("CREATE TABLE odd(id INTEGER, x)")
        values = [
            (1, "12"),
            (1, " 7 "),
            (1, None),
            (2, "1e2"),
            (2, "12abc"),
            (3, b"31"),
            (3, 1e300),
            (3, -1e300),
            (4, "abc"),
        ]
        side.executemany("INSERT INTO odd VALUES (?, ?)", values)
    sums = "sum(o.x), typeof(sum(o.x)), total(o.x), count(o.x), avg(o.x)"
    for keys in ("o.id", "o.id, o.x", "u.plan"):
        sides.same(f"SELECT {keys}, {sums} FROM users u JOIN odd o ON o.id = u.object_id GROUP BY {keys}")
    for side in (sides.pushed, sides.by_row, sides.plain):
        side.execute("INSERT INTO odd VALUES (1, 9223372036854775807), (2, 9e999)")
    overflow = "SELECT u.plan, sum(o.x) FROM users u JOIN odd o ON o.id = u.object_id WHERE o.id = 1 GROUP BY o.id"
    for db in (sides.pushed, sides.by_row):
        with pytest.raises(skysql.OperationalError, match="integer overflow"):
            db.execute(overflow.replace("u.plan, ", "")).fetchall()
    sides.same("SELECT sum(o.x) FROM users u JOIN odd o ON o.id = u.object_id WHERE o.id = 2 GROUP BY o.id")
    sides.close()
