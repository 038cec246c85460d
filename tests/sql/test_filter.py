"""Selects of rows whose conditions a scan decides: the same rows in the same order, with the same names and types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Connect
from tests.world.sides import Sides

CONDITIONS = [
    "url LIKE '/shop/%'",
    "url LIKE '/SHOP%' OR amount > 50",
    "NOT (plan = 'free')",
    "CASE WHEN plan = 'pro' THEN amount > 3 ELSE seats = 1 END",
    "lower(url) = '/a' OR vip",
    "plan <> 'free' AND amount IS NOT NULL",
    "url IN ('/a', '/b', '12', 3)",
    "url NOT GLOB '/*'",
    "amount + seats > 5 OR url || plan = '12pro'",
    "changes IS NOT NULL",
    "json_extract(changes, '$.plan') = 'pro'",
    "ts % 2 = 0 AND plan NOTNULL",
    "date(timestamp) = '2026-01-02' OR url = '3'",
    "seats",
    "url",
    "session_event = 2 OR session IS NULL",
    "plan IS NULL OR plan IS NOT 'pro'",
    "amount > (SELECT avg(amount) FROM users) OR url LIKE '/a'",
    "url LIKE '/%' AND amount > (SELECT avg(amount) FROM users)",
    "url LIKE '/%' AND EXISTS (SELECT 1 FROM customers c WHERE c.id = users.object_id)",
    "url LIKE '/%' AND random() IS NOT NULL",
    "object_id IN (SELECT id FROM customers WHERE segment LIKE 'g%') AND url LIKE '/%'",
]
ITEMS = [
    "object_id, amount",
    "ts, changes, session, session_event, plan",
    "count(*) OVER (PARTITION BY plan) AS n, plan, ts",
    "plan, row_number() OVER (ORDER BY ts, url, amount)",
    "upper(url) AS url, ts AS plan, PLAN",
    "1",
    "(SELECT segment FROM customers WHERE id = users.object_id), OBJECT_ID, users.Url",
]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(sides: Sides, condition: str) -> None:
    for items in ITEMS:
        for tail in ("", " ORDER BY object_id, timestamp, session_event", " ORDER BY amount DESC, ts LIMIT 3 OFFSET 1"):
            sides.same(f"SELECT {items} FROM users WHERE {condition}{tail}", plain="LIMIT" not in tail)
    for items in ("*", "*, ts", "users.*, users.session", "*, *"):
        sides.same(f"SELECT {items} FROM users WHERE {condition}", plain=False)
    sides.same(f"SELECT count(*), max(url), typeof(min(ts)) FROM users WHERE {condition}")
    sides.same(f"SELECT upper(plan) COLLATE NOCASE, count(*) FROM users WHERE {condition} GROUP BY 1 ORDER BY 1")
    sides.same(f"SELECT DISTINCT plan, vip FROM users WHERE {condition} ORDER BY 1, 2")


def test_a_scan_decides(sides: Sides) -> None:
    """What is evaluated row by row has to be left to the scan; what a virtual table is told, not."""
    scanned = [sides.rewritten(f"SELECT plan, ts FROM users WHERE {condition}") for condition in CONDITIONS]
    assert all("sky_scan" in text for text in scanned)
    for told in (
        "plan = 'pro'",
        "amount > 3 AND url = ?",
        "object_id = 3 AND url LIKE 'x'",
        "1",
    ):
        assert "sky_scan" not in sides.rewritten(f"SELECT plan, ts FROM users WHERE {told}")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT plan, x FROM (SELECT plan, url AS x FROM users WHERE url LIKE '/%') WHERE x LIKE '%o%'",
        "WITH q AS (SELECT plan, ts, url FROM users WHERE NOT url = '/a')"
        " SELECT a.plan, b.ts FROM q a JOIN q b USING (url)",
        "WITH q(a, b) AS (SELECT Plan, lower(url) FROM users)"
        " SELECT *, typeof(b) FROM q WHERE b LIKE '/%' AND a <> 'x'",
        "SELECT * FROM (SELECT cast(seats AS TEXT) AS s, amount * 1 AS m, url FROM users) WHERE s LIKE '3' OR s = 7",
        "SELECT * FROM (SELECT count(*) OVER () AS n, url FROM users WHERE url LIKE '/%') WHERE url GLOB '*s*'",
        "SELECT c.segment, u.url FROM customers c"
        " JOIN (SELECT * FROM users WHERE url LIKE '/%') u ON u.object_id = c.id",
        "SELECT c.segment, u.url FROM customers c LEFT JOIN (SELECT * FROM users WHERE url LIKE '/s%') u"
        " ON u.object_id = c.id WHERE c.id IN (1, 3)",
        "SELECT id FROM customers WHERE id IN (SELECT object_id FROM users WHERE url LIKE '/shop%' AND NOT vip IS 1)",
        "SELECT id, (SELECT max(ts) FROM users WHERE object_id = c.id AND url LIKE '/%') FROM customers c",
        "SELECT id FROM customers c WHERE EXISTS"
        " (SELECT 1 FROM users u WHERE u.object_id = c.id AND u.url LIKE '%hop%')",
        "SELECT url FROM users WHERE url LIKE '/%' UNION ALL SELECT plan FROM users WHERE plan LIKE 'p%'",
        "SELECT url FROM users WHERE url LIKE '/%' EXCEPT SELECT url FROM users WHERE amount + 1 > 5",
        "SELECT plan, events FROM users_objects WHERE plan LIKE 'p%' OR events % 2 = 0",
        "SELECT o.* FROM users_objects o WHERE lower(plan) IN ('pro', 'basic') ORDER BY object_id DESC",
        "SELECT u.object_id, u.url FROM users u WHERE +u.object_id = 1 AND u.url LIKE '%1'",
    ],
)  # fmt: skip
def test_in_any_place(sides: Sides, sql: str) -> None:
    sides.same(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT *, session, session_event FROM users('1 hour') WHERE url LIKE '/%'",
        "SELECT plan, session FROM users WHERE idle = '1 hour' AND url LIKE '/%'",
        "SELECT * FROM users_sessions('1 hour') WHERE first_action LIKE 's%' OR duration > 1.5",
        "SELECT *, as_of FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-03' WHERE plan LIKE 'p%'",
        "SELECT o.plan FROM users_objects o WHERE o.as_of = '2026-01-03' AND NOT o.plan IS 'free'",
        "SELECT u.*, s.* FROM users u ASOF JOIN users s USING (object_id, timestamp) WHERE u.url LIKE '/%'",
        "SELECT *, u.ts FROM users u ASOF JOIN users_changes c ON c.object_id = u.object_id"
        " AND c.timestamp <= u.timestamp AND c.property = 'plan' WHERE u.action NOT LIKE 's%'",
        "SELECT u.url, s.plan, s.vip AS v FROM users u JOIN users_objects s ON s.object_id = u.object_id"
        " AND s.as_of = u.timestamp WHERE u.url LIKE '/%' ORDER BY v, s.plan, u.url",
        "SELECT upper(c.new_value) AS new_value, c.new_value FROM users u ASOF LEFT JOIN users_changes c ON"
        " c.object_id = u.object_id AND c.timestamp <= u.timestamp AND c.property = 'plan' ORDER BY new_value, u.ts",
        "SELECT url, (SELECT s.plan FROM users s WHERE s.object_id = u.object_id AND s.timestamp <= u.timestamp"
        " ORDER BY s.timestamp DESC LIMIT 1) FROM users u WHERE url LIKE '/%' AND url <> '/shop/1'",
        "SELECT rowid > 0, url FROM users WHERE url LIKE '/%'",
    ],
)
def test_what_only_sky_tables_have(sides: Sides, sql: str) -> None:
    assert sides.same(sql, plain=False) != []


def test_hidden_columns_beside_arguments(sides: Sides) -> None:
    """What stands in parentheses is given to hidden columns in their order."""
    rows = sides.same("SELECT ts, plan, changes FROM users WHERE url LIKE ? OR plan = ?", ["/shop/%", "basic"])
    assert [row[1] for row in rows] == ["free", "free", "basic", "pro"]


def test_views(sides: Sides) -> None:
    for side in (sides.pushed, sides.by_row, sides.plain):
        side.execute("CREATE VIEW shop AS SELECT Object_ID, amount + 0 AS a, url FROM users WHERE url LIKE '/%'")
        side.execute("CREATE VIEW latest AS SELECT url, amount FROM users WHERE amount ORDER BY amount DESC")
    for sql in (
        "SELECT * FROM shop WHERE a > 5 OR url GLOB '*a'",
        "SELECT OBJECT_ID, typeof(a) FROM shop WHERE NOT a IS 9.5",
        "SELECT s.*, a = '9.5' FROM shop s WHERE url LIKE '%shop%'",
    ):
        sides.same(sql)
    assert sides.same("SELECT amount FROM latest WHERE url LIKE '/%'") == [(100.0,), (9.5,), (3.0,)]
    for side in (sides.pushed, sides.by_row, sides.plain):
        side.execute("DROP VIEW shop")
        side.execute("DROP VIEW latest")


def test_rows_that_are_read_while_their_table_is_written(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(url TEXT)")
    db.executemany("INSERT INTO users VALUES (?, 0, 'a', ?)", [(at, f"/{at % 7}") for at in range(1, 99)])
    db.execute("INSERT INTO users SELECT object_id, ts + 1, action, url FROM users WHERE url LIKE '/1%'")
    db.execute("DELETE FROM users WHERE object_id IN (SELECT object_id FROM users WHERE url LIKE '/2%')")
    db.execute("UPDATE users SET url = '/x' WHERE url LIKE '/3%'")
    found = db.execute("SELECT url, count(*) FROM users GROUP BY 1").fetchall()
    assert found == [("/0", 14), ("/1", 28), ("/4", 14), ("/5", 14), ("/6", 14), ("/x", 14)]
    db.execute("CREATE TABLE t AS SELECT object_id, ts, url FROM users WHERE NOT url = '/1'")
    assert db.execute("SELECT name, type FROM pragma_table_info('t')").fetchall() == [
        ("object_id", "INT"), ("ts", "INT"), ("url", "TEXT")]  # fmt: skip


def test_rows_come_as_they_are_fetched(sides: Sides) -> None:
    cursor = sides.pushed.execute("SELECT url FROM users WHERE url LIKE '/%'")
    assert cursor.fetchone() == ("/a",) and len(cursor.fetchall()) == 4


def test_a_parameter_of_a_column_that_nobody_reads_stays(sides: Sides) -> None:
    for unread in ("abs(random()) + ?2", "max(?2, likely(timestamp))"):
        sql = f"SELECT a, ?1 FROM (SELECT seats + 1 AS a, {unread} AS b FROM users) WHERE a + 1 > 2"
        assert len(sides.same(sql, (5, "2026-01-01"))) == 7
