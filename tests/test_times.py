"""A time stays one through every expression that hands it on: however the other side is spelled, the rows are the same.

`{t}` in a form is a moment. Each form is asked with the moment in its canonical spelling of ordinary tables, and in
every other spelling, as a literal and as a parameter, of the sky tables with and without pushdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sides import Sides

from skysql import timestamps

MOMENT = "2026-01-02 00:00:00.000000"
SPELLINGS: list[Any] = [
    MOMENT, "2026-01-02T00:00:00Z", "2026-01-02", "2026-01-02T00:00", "2026-01-02 01:30:00+01:30",
    "2026-01-01T22:00:00.000-02:00", 1767312000_000000,
]  # fmt: skip

VALUES = [
    # comparisons of the column itself
    "SELECT count(*) FROM users WHERE timestamp {op} {t}",
    "SELECT count(*) FROM users WHERE {t} {op} timestamp",
    "SELECT count(*) FROM users WHERE timestamp {op} +{t}",
    "SELECT count(*) FROM users u WHERE +u.timestamp {op} {t} AND u.amount > 0",
    "SELECT count(*) FROM users WHERE (timestamp) {op} ({t}) OR url = '/b'",
    "SELECT count(*) FROM users WHERE timestamp COLLATE NOCASE {op} {t}",
    "SELECT count(*), sum(timestamp {op} {t}) FROM users",
    "SELECT action, count(*) FILTER (WHERE timestamp {op} {t}) FROM users GROUP BY action",
    "SELECT timestamp {op} {t} FROM users",
    "SELECT timestamp {op} {t}, count(*) FROM users GROUP BY 1",
    # functions that return an argument
    "SELECT object_id FROM users GROUP BY object_id HAVING max(timestamp) {op} {t}",
    "SELECT object_id FROM users GROUP BY object_id HAVING min(timestamp) {op} {t} AND count(*) > 1",
    "SELECT object_id, max(timestamp) AS m FROM users GROUP BY object_id HAVING m {op} {t}",
    "SELECT max(DISTINCT timestamp) {op} {t} FROM users",
    "SELECT max(timestamp) FILTER (WHERE action = 'buy') {op} {t} FROM users GROUP BY object_id",
    "SELECT count(*) FROM users WHERE coalesce(timestamp, NULL) {op} {t}",
    "SELECT count(*) FROM users WHERE ifnull(NULL, timestamp) {op} {t}",
    "SELECT count(*) FROM users WHERE nullif(timestamp, '1999-01-01') {op} {t}",
    "SELECT count(*) FROM users WHERE iif(amount > 3, timestamp, NULL) {op} {t}",
    "SELECT count(*) FROM users WHERE if(amount > 3, timestamp) {op} {t}",
    "SELECT count(*) FROM users WHERE CASE WHEN amount > 3 THEN timestamp END {op} {t}",
    "SELECT count(*) FROM users WHERE CASE plan WHEN 'pro' THEN timestamp ELSE NULL END {op} {t}",
    "SELECT count(*) FROM users WHERE likely(timestamp) {op} {t}",
    "SELECT count(*) FROM users WHERE unlikely(likelihood(timestamp, 0.5)) {op} {t}",
    "SELECT count(*) FROM users WHERE max(timestamp, '2026-01-01T12:00Z') {op} {t}",
    "SELECT count(*) FROM users WHERE timestamp {op} max({t}, timestamp)",
    "SELECT count(*) FROM users WHERE min(timestamp, {t}) = timestamp",
    "SELECT count(*) FROM users WHERE nullif(timestamp, {t}) IS NULL",
    "SELECT CASE timestamp WHEN {t} THEN 'then' ELSE 'not' END FROM users",
    "SELECT count(*) FROM users WHERE CASE {t} WHEN timestamp THEN 1 END",
    # beside what may be no time
    "SELECT count(*) FROM users WHERE coalesce(NULL, timestamp, '9999-12-31') {op} {t}",
    "SELECT count(*) FROM users WHERE CASE WHEN amount > 3 THEN timestamp ELSE '2026-01-02T00:00Z' END {op} {t}",
    "SELECT count(*) FROM users WHERE iif(amount > 3, timestamp, url) {op} {t}",
    # windows
    "SELECT count(*) FROM (SELECT lead(timestamp) OVER (ORDER BY ts, object_id) AS n FROM users) WHERE n {op} {t}",
    "SELECT count(*) FROM (SELECT lag(timestamp, 1, '2026-01-02T00:00Z') OVER (ORDER BY ts) AS n FROM users)"
    " WHERE n {op} {t}",
    "SELECT count(*) FROM (SELECT first_value(timestamp) OVER w AS n FROM users"
    " WINDOW w AS (PARTITION BY object_id ORDER BY ts)) WHERE n {op} {t}",
    "SELECT last_value(timestamp) OVER (ORDER BY ts) {op} {t} FROM users",
    "SELECT nth_value(timestamp, 2) OVER (ORDER BY ts) {op} {t} FROM users",
    "SELECT max(timestamp) OVER (PARTITION BY object_id) {op} {t} FROM users",
    # names
    "SELECT count(*) FROM (SELECT timestamp AS a FROM users) WHERE a {op} {t}",
    "SELECT count(*) FROM (SELECT object_id, max(timestamp) AS m FROM users GROUP BY object_id) WHERE m {op} {t}",
    'SELECT count(*) FROM (SELECT max(timestamp) FROM users GROUP BY object_id) WHERE "max(timestamp)" {op} {t}',
    "WITH w AS (SELECT coalesce(timestamp, NULL) AS a FROM users) SELECT count(*) FROM w WHERE a {op} {t}",
    "WITH w(b) AS (SELECT max(timestamp) FROM users GROUP BY object_id) SELECT count(*) FROM w x WHERE x.b {op} {t}",
    "WITH w AS (SELECT * FROM users), v AS (SELECT * FROM w) SELECT count(*) FROM v WHERE timestamp {op} {t}",
    "WITH RECURSIVE r(n, a) AS (SELECT 1, min(timestamp) FROM users UNION ALL SELECT n + 1, a FROM r"
    " WHERE n < 3 AND a {op} {t}) SELECT count(*) FROM r WHERE a {op} {t}",
    "SELECT amount AS a, timestamp AS b FROM users WHERE b {op} {t}",
    "SELECT count(*) FROM plain_view WHERE began {op} {t}",
    "SELECT count(*) FROM nested_view WHERE b {op} {t}",
    "SELECT max(b) {op} {t} FROM nested_view GROUP BY who",
    # subqueries and compounds
    "SELECT (SELECT max(timestamp) FROM users) {op} {t}",
    "SELECT c.id FROM customers c WHERE (SELECT min(timestamp) FROM users WHERE object_id = c.id) {op} {t}",
    "SELECT count(*) FROM (SELECT timestamp FROM users UNION SELECT first_timestamp FROM users_objects)"
    " WHERE timestamp {op} {t}",
    "SELECT count(*) FROM (SELECT timestamp AS a FROM users EXCEPT SELECT min(timestamp) FROM users) WHERE a {op} {t}",
    "SELECT timestamp FROM users EXCEPT SELECT {t}",
    "SELECT object_id, timestamp FROM users INTERSECT SELECT 1, {t}",
    "SELECT object_id, timestamp FROM users INTERSECT VALUES (1, {t}), (2, {t})",
    "SELECT count(*) FROM users WHERE timestamp IN (SELECT {t})",
    "SELECT count(*) FROM users WHERE timestamp IN (VALUES ({t}), ('2026-01-06T00:00Z'))",
    "SELECT count(*) FROM users WHERE timestamp NOT IN (SELECT {t} UNION ALL SELECT min(timestamp) FROM users)",
    "SELECT {t} IN (SELECT timestamp FROM users), {t} IN (SELECT max(timestamp) FROM users)",
    "SELECT count(*) FROM users WHERE timestamp IN ({t}, '2026-01-06')",
    "SELECT count(*) FROM users WHERE {t} IN (timestamp)",
    "SELECT count(*) FROM users WHERE max(timestamp, timestamp) IN ({t})",
    # row values
    "SELECT count(*) FROM users WHERE (object_id, timestamp) = (1, {t})",
    "SELECT count(*) FROM users WHERE (object_id, timestamp) {op} (1, {t})",
    "SELECT count(*) FROM users WHERE (1, {t}) = (object_id, timestamp)",
    "SELECT count(*) FROM users WHERE (object_id, timestamp) IN (VALUES (1, {t}), (2, {t}))",
    "SELECT count(*) FROM users WHERE (object_id, timestamp) IN (SELECT 1, {t})",
    "SELECT count(*) FROM users WHERE (object_id, timestamp) = (SELECT 1, {t})",
    "SELECT count(*) FROM users WHERE (timestamp, object_id) BETWEEN ('2026-01-01T12:00', 1) AND ({t}, 2)",
    # predicates
    "SELECT count(*) FROM users WHERE timestamp BETWEEN {t} AND '2026-01-05'",
    "SELECT count(*) FROM users WHERE {t} BETWEEN timestamp AND '2026-01-05'",
    "SELECT object_id FROM users_objects WHERE {t} BETWEEN first_timestamp AND last_timestamp",
    "SELECT count(*) FROM users WHERE NOT coalesce(timestamp, NULL) BETWEEN '2026-01-01T00:00Z' AND {t}",
    "SELECT count(*) FROM users WHERE timestamp IS {t}",
    "SELECT count(*) FROM users WHERE likely(timestamp) IS NOT {t}",
    "SELECT count(*) FROM users WHERE timestamp IS NOT DISTINCT FROM {t}",
    "SELECT count(*) FROM users WHERE NOT (coalesce(timestamp, NULL) {op} {t})",
    # companions, and the number of the moment
    "SELECT object_id FROM users_objects WHERE last_timestamp {op} {t} AND events > 1",
    "SELECT count(*) FROM users_changes WHERE coalesce(timestamp, NULL) {op} {t}",
    "SELECT max(first_timestamp) {op} {t} FROM users_objects GROUP BY plan",
]

TABLES = [
    # times in ordinary tables, as texts of any form
    "SELECT count(*) FROM users u JOIN notes n ON n.at {op} u.timestamp",
    "SELECT count(*) FROM users u JOIN notes n ON n.object_id = u.object_id AND coalesce(u.timestamp, NULL) = n.at",
    "SELECT count(*) FROM users u JOIN notes n USING (object_id) WHERE u.timestamp {op} n.at",
    "SELECT u.object_id, n.note FROM users u JOIN stamped n USING (object_id, timestamp)",
    "SELECT n.note FROM stamped n JOIN users u USING (object_id, timestamp)",
    "SELECT note FROM stamped NATURAL JOIN users",
    "SELECT note FROM notes WHERE at IN (SELECT timestamp FROM users)",
    "SELECT note FROM notes WHERE at NOT IN (SELECT max(timestamp) FROM users GROUP BY object_id)",
    "SELECT note FROM notes WHERE (object_id, at) IN (SELECT object_id, timestamp FROM users)",
    "SELECT note FROM notes WHERE at {op} (SELECT max(timestamp) FROM users WHERE object_id = 1)",
    "SELECT note FROM notes n WHERE EXISTS (SELECT 1 FROM users WHERE coalesce(timestamp, NULL) = n.at)",
    "SELECT count(*) FROM users WHERE timestamp IN (SELECT at FROM notes)",
    "SELECT count(*) FROM users WHERE timestamp IN (SELECT DISTINCT at FROM notes WHERE at IS NOT NULL)",
    "SELECT count(*) FROM users WHERE (object_id, timestamp) IN (SELECT object_id, at FROM notes)",
    "SELECT count(*) FROM users WHERE timestamp IN only_times",
    "SELECT timestamp FROM users EXCEPT SELECT at FROM notes",
    "SELECT at FROM notes INTERSECT SELECT timestamp FROM users",
    "SELECT object_id, timestamp FROM users INTERSECT SELECT * FROM pairs",
    "SELECT * FROM pairs EXCEPT SELECT object_id, timestamp FROM users",
    "SELECT note FROM notes WHERE max(at, (SELECT min(timestamp) FROM users)) {op} at",
    "SELECT count(*) FROM users u, notes n WHERE n.at BETWEEN u.timestamp AND u.timestamp",
    "SELECT count(*) FROM users u LEFT JOIN notes n ON n.object_id = u.object_id"
    " WHERE coalesce(n.at, u.timestamp) {op} '2026-01-02T00:00:00Z'",
    "SELECT count(*) FROM (SELECT at FROM notes UNION ALL SELECT timestamp FROM users) WHERE at {op} '2026-01-02'",
]

NOTES = [(1, "2026-01-02T00:00:00Z", "a"), (2, "2026-01-05", "b"), (3, "2026-02-01T02:00+02:00", "c"),
         (4, None, "d"), (9, "2026-01-02 00:00", "e"), (1, "2030-01-01", "f")]  # fmt: skip


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    """The small world, with texts of times in ordinary tables: canonical ones in the plain database."""
    made = Sides()
    for db in (made.pushed, made.by_row, made.plain):
        db.execute("CREATE VIEW plain_view AS SELECT object_id AS who, timestamp AS began, amount FROM users")
        grouped = "SELECT who, max(began) FROM plain_view WHERE amount > 0 GROUP BY 1"
        db.execute(f"CREATE VIEW nested_view(who, b) AS {grouped}")
        db.execute("CREATE TABLE notes(object_id INTEGER, at TEXT, note TEXT)")
        db.execute("CREATE TABLE stamped(object_id INTEGER, note TEXT, timestamp)")
        rows = NOTES if db is not made.plain else [(a, canonical_form(at), note) for a, at, note in NOTES]
        db.executemany("INSERT INTO notes VALUES (?, ?, ?)", rows)
        db.execute("INSERT INTO stamped SELECT object_id, note, at FROM notes")
        db.execute("CREATE TABLE only_times AS SELECT at FROM notes")
        db.execute("CREATE TABLE pairs AS SELECT object_id, at FROM notes")
    for side in (made.pushed, made.by_row):
        side.commit()
    yield made
    made.close()


def canonical_form(at: str | None) -> str | None:
    """The canonical spelling."""
    return None if at is None else timestamps.format(timestamps.parse(at))


def in_canonical(sql: str) -> str:
    """The statement with each written moment in its canonical spelling."""
    return re.sub(r"'(\d{4}-\d\d-\d\d[^']*)'", lambda found: f"'{canonical_form(found[1])}'", sql)


def written(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("form", VALUES)
def test_a_time_is_the_same_in_every_spelling(sides: Sides, form: str) -> None:
    for op in ("=", "<", ">=", "<>") if "{op}" in form else ("",):
        canonical = in_canonical(form.format(op=op, t=written(MOMENT)))
        for spelling in SPELLINGS:
            sides.same(form.format(op=op, t=written(spelling)), plain=canonical)
            asked = form.format(op=op, t="?1")
            sky = [db.execute(asked, (spelling,)).fetchall() for db in (sides.pushed, sides.by_row)]
            expected = sorted(sides.plain.execute(canonical).fetchall(), key=repr)
            assert [sorted(rows, key=repr) for rows in sky] == [expected, expected], (asked, spelling)


@pytest.mark.parametrize("form", TABLES)
def test_texts_of_ordinary_tables_are_compared_as_times(sides: Sides, form: str) -> None:
    for op in ("=", "<", ">=", "<>") if "{op}" in form else ("",):
        sides.same(form.format(op=op), plain=in_canonical(form.format(op=op)))
