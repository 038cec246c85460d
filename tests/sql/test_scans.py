"""What scans in the place of parts of a statement must not change: rows, names, types and affinities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import skysql
from tests.world.sides import Sides


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


# arguments


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40, 100, 101, 130])
def test_any_number_of_arguments(sides: Sides, count: int) -> None:
    values: list[Any] = [None, 9.5, "x'\n,", 1 << 62, b"\x00{", "/b", 1e308, "/shop/1"]
    values = [values[at % len(values)] if at >= count - 8 else at for at in range(count)]
    either = " OR ".join(["url = ?"] * count)
    rows = sides.same(f"SELECT count(*), sum(amount) FROM users WHERE {either}", values)
    assert (rows[0][0] > 0) == (count > 1)
    sides.same(f"SELECT plan, count(*) FROM users WHERE url IN ({', '.join('?' * count)}) GROUP BY 1", values)
    differ = " + ".join(f"(amount IS NOT ?{at + 1})" for at in range(count))
    sides.same(f"SELECT max({differ}), group_concat(DISTINCT typeof(?{count})) FROM users", values)


def test_many_subqueries_as_arguments(sides: Sides) -> None:
    part = "amount > ? OR ts < (SELECT {at} FROM k) OR object_id = (SELECT id FROM customers WHERE id = {at})"
    either = " OR ".join(part.format(at=at) for at in range(20))
    rows = sides.same(f"SELECT object_id, count(*) FROM users WHERE {either} GROUP BY 1", [99] * 20)
    assert rows == [(1, 3), (2, 3), (3, 2)]


def test_many_arguments_of_a_match(sides: Sides) -> None:
    same = " AND ".join(["A.action <> ?"] * 30)
    path = "PARTITION BY object_id ORDER BY timestamp MEASURES count(*) AS n PATTERN (A+) DEFINE A AS"
    sql = f"SELECT object_id, n FROM users MATCH_RECOGNIZE ({path} {same})"
    assert sides.same(sql, ["buy"] * 30, plain=False) != []


# the moment of objects, and the gap of sessions


@pytest.mark.parametrize(
    "condition",
    [
        "o.as_of = '2026-01-03' OR o.plan = 'x'",
        "o.as_of = '2026-01-03' OR o.as_of = '2026-01-01'",
        "(o.as_of = '2026-01-03' OR o.plan = 'pro') AND o.as_of = '2026-01-03T00:00Z'",
        "o.as_of IN ('2026-01-03', '2026-01-01')",
        "NOT o.as_of = '2026-01-03'",
        "o.as_of <> '2026-01-03'",
        "o.as_of IS NULL",
        "o.as_of = '2026-01-03' AND o.plan = 'free'",
    ],
)
def test_a_moment_in_any_condition(sides: Sides, condition: str) -> None:
    sides.same(f"SELECT count(*), max(plan) FROM users_objects o WHERE {condition}", plain=False)
    sides.same(f"SELECT plan, events FROM users_objects o WHERE {condition}", plain=False)


@pytest.mark.parametrize(
    "condition", ["idle = '1 hour' OR plan = 'free'", "idle = '1 hour'", "idle IS NULL", "NOT idle = '1 hour'"]
)
def test_a_gap_in_any_condition(sides: Sides, condition: str) -> None:
    sides.same(f"SELECT count(*), max(session) FROM users WHERE {condition}", plain=False)
    sides.same(f"SELECT count(*), max(session) FROM users_sessions WHERE {condition}", plain=False)


# lists


@pytest.mark.parametrize("of", ["object_id", "url", "seats", "amount", "ts", "plan"])
@pytest.mark.parametrize(
    "listed",
    [
        "x'01', 2, '/a', 9.5",
        "SELECT x'01' UNION ALL SELECT 2 UNION ALL SELECT '/a'",  # a blob that is JSON: true
        "SELECT x'0b' UNION ALL SELECT x'313131' UNION ALL SELECT 9.5",
        "SELECT json('true') UNION ALL SELECT json('[3]') UNION ALL SELECT 'pro'",
        "SELECT json('1')",
        "SELECT x FROM k",
        "SELECT b FROM k WHERE x IS NOT NULL",
        "SELECT n FROM k WHERE n",
        "SELECT NULL",
        "SELECT 1 WHERE 0",
    ],
)
def test_any_value_in_a_list(sides: Sides, of: str, listed: str) -> None:
    for no in ("", "NOT "):
        sides.same(f"SELECT count(*), min(object_id), max(url) FROM users WHERE {of} {no}IN ({listed})")
        sides.same(f"SELECT object_id, url FROM users WHERE {of} {no}IN ({listed})")


# USING


def test_a_star_of_its_own_shows_what_using_merged(sides: Sides) -> None:
    rows = sides.same("SELECT s.* FROM users u ASOF JOIN users s USING (object_id, timestamp)", plain=False)
    assert rows[0] == (1, "2026-01-01 00:00:00.000000", "sign up", "free", None, 0, None, "/a")
    rows = sides.same("SELECT * FROM users u ASOF JOIN users s USING (object_id, timestamp)", plain=False)
    assert len(rows[0]) == 8 + 6
    for more in ("u.*, s.*", "s.*, count(*) OVER ()", "s.*, s.new_value"):
        sides.same(f"SELECT {more} FROM users u ASOF JOIN users_changes c USING (object_id, timestamp)"
                   .replace("s.", "c."), plain=False)  # fmt: skip


# affinities

COMPARISONS = [
    "x = '3'", "x = 3", "x = cast('3' AS TEXT)", "x < 'a'", "x BETWEEN '1' AND '7'", "x IN ('3', '7', 100)",
    "x IN (SELECT t FROM k)", "x IN (SELECT x FROM k)", "x = y", "y > x", "x = y || ''", "x IS '3'",
    "CASE x WHEN '3' THEN 'hit' WHEN 1 THEN 'one' END", "max(x, '5')", "x LIKE '3%'",
]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "grouped"),
    [
        *((text, False) for text in ("count(*)", "min(plan)", "max(amount)", "sum(seats)", "avg(seats)", "max(url)",
                                     "cast(max(seats) AS TEXT)", "cast(count(*) AS REAL)", "max(seats) || ''",
                                     "min(seats) FILTER (WHERE seats > 1)", "max(coalesce(seats, amount))",
                                     "coalesce(max(seats), '3')", "group_concat(url)")),
        *((text, True) for text in ("seats", "cast(seats AS TEXT)", "cast(url AS INTEGER)", "seats + 0", "+plan",
                                    "(plan)", "action COLLATE NOCASE", "cast(plan AS BLOB)", "vip", "lower(url)")),
    ],
)  # fmt: skip
def test_affinities_of_what_a_subquery_gives(sides: Sides, x: str, grouped: bool) -> None:
    for y in ("plan", "object_id", "cast(seats AS TEXT)"):
        keys = f"object_id, {y}{f', {x}' if grouped else ''}"
        inner = f"SELECT object_id, {y} AS y, {x} AS x FROM users GROUP BY {keys}"
        for condition in COMPARISONS:
            sides.same(f"SELECT sum({condition}), count({condition}) FROM ({inner})")
            sides.same(f"WITH q AS ({inner}) SELECT typeof(x), count(*) FROM q WHERE {condition} GROUP BY 1 ORDER BY 1")
        texts = ", ".join(COMPARISONS)
        sides.same(f"SELECT typeof(x), x, {texts} FROM ({inner}) ORDER BY object_id, x, y")
    for of in "tnrbx":
        sides.same(f"SELECT count(*) FROM k JOIN ({inner}) q ON q.x = k.{of}")
        sides.same(f"SELECT count(*) FROM k WHERE k.{of} IN (SELECT x FROM ({inner}))")


@pytest.mark.parametrize("count", [1, 2, 14, 15, 16, 17])
@pytest.mark.parametrize("more", [0, 3, 20])
def test_arguments_beside_conditions_of_each_row(sides: Sides, count: int, more: int) -> None:
    """Arguments are not compared with rows, whatever else SQLite says of the rows, and be they NULL."""
    values = [None, *"bcdefghijklmnopq"][:count]
    listed = " OR ".join(["u.url LIKE '/%'", *(f"u.url LIKE ?{at + 1}" for at in range(count))])
    limits = "".join(f" AND u.amount > c.id - {at}" for at in range(more))
    inner = f"SELECT total(u.amount) FROM users u WHERE u.object_id = c.id AND ({listed}){limits}"
    rows = sides.same(f"SELECT c.id, ({inner}) FROM customers c ORDER BY c.id", values)
    assert rows[0][1] == 9.5 and "sky_scan" in sides.rewritten(f"SELECT c.id, ({inner}) FROM customers c")


@pytest.mark.parametrize("aggregate", ["group_concat(url)", "json_group_array(seats)", "string_agg(plan, ' > ')"])
@pytest.mark.parametrize("rest", ["", " WHERE plan IS NOT NULL", " GROUP BY plan", " GROUP BY object_id"])
def test_aggregates_of_a_subquery_in_its_order(sides: Sides, aggregate: str, rest: str) -> None:
    for order in ("url DESC, seats", "amount, url, seats", "-object_id, url, seats"):
        for of in (f"SELECT * FROM users ORDER BY {order}", f"SELECT * FROM users WHERE seats > 0 ORDER BY {order}"):
            sides.same(f"SELECT {aggregate}, count(*) FROM ({of}){rest}")
            sides.same(f"WITH q AS ({of}) SELECT {aggregate} FROM q{rest}")
    grouped = "SELECT object_id, plan, min(url) AS url, max(seats) AS seats FROM users GROUP BY 1, 2 ORDER BY 3, 4"
    sides.same(f"SELECT {aggregate} FROM ({grouped}){rest}")


# what sqlglot sees otherwise than SQLite


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT plan, +count(*), - +sum(amount) FROM users GROUP BY plan",
        "SELECT plan, + +max(seats) FILTER (WHERE +seats > 1) FROM users GROUP BY plan HAVING +count(*) > 1",
        "SELECT plan FROM users GROUP BY plan ORDER BY +sum(seats)",
        *(f"SELECT count(*) FROM users WHERE {x} {y}"
          for x in ("seats", "+seats", "+ +seats", "+(seats)", "(+(seats))", "+cast(seats AS TEXT)", "+abs(seats)")
          for y in ("= '3'", "IN ('3', 1)", "BETWEEN '1' AND '5'", "= 3", "IS '3'", "NOT IN (3)")),
        "SELECT count(*) FROM (SELECT + +seats AS s FROM users GROUP BY + +seats) WHERE s = '3'",
        "SELECT +seats, seats, (+plan), + +plan FROM users GROUP BY seats, plan",
        "SELECT plan, count(*) FROM users GROUP BY +plan ORDER BY +1",
        *(f"SELECT {x}, plan, total(amount) FROM customers JOIN users ON id = object_id GROUP BY {y}, plan"
          for x in ("segment", "+segment") for y in ("segment", "+segment", "1")),
        "SELECT count(*) 'a' FROM users WHERE action IN ('buy')",
        "SELECT 'a' 'b', count(*) FROM users",
        " ; ;WITH p AS (SELECT plan FROM users WHERE action = 'buy') SELECT plan, count(*) FROM p GROUP BY 1",
    ],
)  # fmt: skip
def test_signs_texts_and_semicolons(sides: Sides, sql: str) -> None:
    sides.same(sql)


def test_two_texts_are_not_one(sides: Sides) -> None:
    for condition in ("action IN ('bu' 'y')", "plan = 'p' 'ro'"):
        with pytest.raises(skysql.OperationalError, match="syntax error"):
            sides.same(f"SELECT count(*) FROM users WHERE {condition}")


def test_a_sign_before_ignore_nulls(sides: Sides) -> None:
    last = "last_value(seats) IGNORE NULLS OVER (PARTITION BY object_id ORDER BY ts)"
    assert sides.same(f"SELECT +{last} FROM users", plain=False) == sides.same(f"SELECT {last} FROM users", plain=False)
