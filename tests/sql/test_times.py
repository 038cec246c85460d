"""A time stays one through every expression that hands it on: however the other side is spelled, the rows are the same.

`{t}` in a form is a moment. Each form is asked with the moment in its canonical spelling of ordinary tables, and in
every other spelling, as a literal and as a parameter, of the sky tables with and without pushdown.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import apsw
import pytest

import skysql
from skysql.model import timestamps
from skysql.sql.dialect import parse
from skysql.sql.edits import EditedStatement
from tests.world.sides import Sides

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "300"))
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
    "SELECT count(*) FROM users WHERE iif(amount > 9, timestamp, amount > 2, timestamp, NULL) {op} {t}",
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


# forms within forms

GIVEN = ["t", "coalesce(t, {m})", "ifnull({m}, t)", "nullif(t, {m})", "iif(a > 3, t, {m})", "max(t, {m})",
         "min({m}, t)", "CASE WHEN a > 3 THEN t ELSE {m} END", "CASE t WHEN {m} THEN t ELSE {m} END", "likely(+t)",
         "(t)", "(SELECT max(timestamp) FROM users)",
         "coalesce((SELECT min(timestamp) FROM users WHERE object_id = o), {m})",
         "max(t) OVER (PARTITION BY o)", "first_value(t) OVER (PARTITION BY o ORDER BY t)", "t COLLATE BINARY",
         "last_value(t) OVER (PARTITION BY o ORDER BY a, t)", "lag(t, 1, {m}) OVER (PARTITION BY o ORDER BY t, a)",
         "nth_value(t, 2) OVER (PARTITION BY o ORDER BY t, a)", "min(t) OVER (ORDER BY o)"]  # fmt: skip
WITHIN = ["SELECT {e} AS t, o, a FROM ({s})", "SELECT {e} AS t, o, a FROM ({s}) WHERE {c}",
          "WITH w AS ({s}) SELECT {e} AS t, o, a FROM w",
          "SELECT max(t) AS t, o, max(a) AS a FROM ({s}) GROUP BY o", "SELECT * FROM ({s}) WHERE {c}",
          "SELECT min(t) AS t, o, sum(a) AS a FROM ({s}) GROUP BY o HAVING max(t) >= {m}",
          "SELECT t, o, a FROM (SELECT {e} AS t, o, a FROM ({s}) ORDER BY o LIMIT -1)",
          "SELECT t, o, a FROM ({s}) EXCEPT SELECT {m}, 1, 9.5",
          "SELECT * FROM ({s}) UNION ALL SELECT timestamp, object_id, 1.5 FROM users"]  # fmt: skip
CONDITIONS = ["t {op} {m}", "{m} {op} t", "t IN ({m}, {n})", "t BETWEEN {m} AND {n}", "{m} NOT IN (t, {n})", "t IS {m}",
              "t IN (SELECT timestamp FROM users WHERE timestamp {op} {m})", "(o, t) {op} (2, {m})",
              "t IN (VALUES ({m}), ({n}))",
              "{m} IN (SELECT t)", "coalesce(t, {n}) {op} {m}", "CASE WHEN t {op} {m} THEN 1 END"]  # fmt: skip
DAYS = [f"2026-01-0{day} 00:00:00.000000" for day in range(1, 7)] + ["2026-02-01 00:00:00.500000"]


def spelled(rng: random.Random) -> str:
    """A moment near those of the events, in any spelling."""
    moment = rng.choice(DAYS)
    forms = [moment, moment.replace(" ", "T"), moment + "Z", moment[:23].replace(" ", "T") + "+00:00"]
    return f"'{rng.choice([*forms, moment[:10]] if moment[11:].strip(':.0') == '' else forms)}'"


def composed(rng: random.Random) -> str:
    """A question about a time that came through several forms."""
    def filled(form: str, **more: str) -> str:
        while "{m}" in form or "{n}" in form:
            form = re.sub(r"\{[mn]\}", lambda _: spelled(rng), form, count=1)
        return form.format(op=rng.choice(["=", "<", ">=", "<>", ">"]), **more)

    sql = rng.choice(["SELECT timestamp AS t, object_id AS o, amount AS a FROM users",
                      "SELECT began AS t, who AS o, amount AS a FROM plain_view",
                      "SELECT b AS t, who AS o, who * 1.5 AS a FROM nested_view",
                      "SELECT first_timestamp AS t, object_id AS o, events * 1.0 AS a FROM users_objects"])  # fmt: skip
    for _ in range(rng.randint(1, 3)):
        sql = filled(rng.choice(WITHIN), s=sql, e=filled(rng.choice(GIVEN)), c=filled(rng.choice(CONDITIONS)))
    shown = rng.choice(["o, a", "count(*)", "o, " + filled(rng.choice(CONDITIONS))])
    return f"SELECT {shown} FROM ({sql}) WHERE {filled(rng.choice(CONDITIONS))}"


@pytest.mark.parametrize("number", range(-(-STATEMENTS // 50)))
def test_forms_within_forms(sides: Sides, number: int) -> None:
    rng = random.Random(f"{SEED}/times/{number}")
    for _ in range(50):
        sql = composed(rng)
        sides.same(sql, plain=in_canonical(sql))


@pytest.mark.parametrize(
    "among",
    ["'2026-01-05', '2026-01-02 00:00', '2026-01-03'", "SELECT timestamp FROM users", "SELECT at FROM notes"],
)
@pytest.mark.parametrize("source", ["users", "users_changes", "(SELECT * FROM users WHERE amount % 2)"])
def test_among_times_rows_are_in_the_order_of_paths(sides: Sides, source: str, among: str) -> None:
    """SQLite would ask for one moment after the other."""
    rows = sides.same(f"SELECT object_id, timestamp FROM {source} WHERE timestamp IN ({among})", plain=False)
    assert rows == sorted(rows)


# SQLite's functions

PROBES = [b"\x80\xff", "text", 2**40, 2.5]
FILLS = ["1", "0", "0.5", "x'ffffff'"]


def calls(db: apsw.Connection) -> Iterator[tuple[str, int]]:
    """Every function that can be called by its name, and with how many arguments."""
    for name, count in db.execute("SELECT DISTINCT name, narg FROM pragma_function_list"):
        if re.fullmatch(r"\w+", str(name)) and name not in ("load_extension", "sqlite_log"):
            for arguments in [count] if int(str(count)) >= 0 else [1, 2, 3, 4]:
                yield str(name), int(str(arguments))


def call(name: str, arguments: Sequence[str], window: bool) -> str:
    return f"{name}({', '.join(arguments)}){' OVER (ORDER BY 1)' * window}"


def value_of(db: apsw.Connection, sql: str, parameters: Sequence[Any]) -> Any:
    try:
        return db.execute(f"SELECT {sql}", parameters).fetchall()[0][0]
    except (apsw.Error, skysql.Error, MemoryError, TypeError, ValueError):
        return None


def returned(db: apsw.Connection, name: str, count: int) -> set[tuple[int, bool]]:
    """The arguments that the function can give back as they are, whatever their type; and whether by a window."""
    found = set()
    for place, window in product(range(count), (False, True)):
        for rest in product(FILLS, repeat=count - 1):
            sql = call(name, [*rest[:place], "?", *rest[place:]], window)
            given = ((probe, value_of(db, sql, (probe,))) for probe in PROBES)
            if all(type(value) is type(probe) and value == probe for probe, value in given):
                found.add((place, window))
                break
    return found


def test_every_function_that_returns_an_argument_hands_a_time_on(sides: Sides) -> None:
    """What makes a text or a number of what it is given is none: it cannot give back a blob, or an integer."""
    handing, plain = set(), apsw.Connection(":memory:")
    for name, count in {*calls(plain), *calls(sides.pushed.engine.sqlite)}:
        for place, window in returned(sides.pushed.engine.sqlite, name, count):
            handing.add(name)
            arguments = ["NULL" if at != place else "timestamp" for at in range(count)]
            source = parse(f"SELECT {call(name, arguments, window)} FROM users")
            assert source is not None, call(name, arguments, window)
            types = EditedStatement(source, sides.pushed.engine._catalog).types
            assert types.kind(source.tree.expressions[0]).timely, (name, arguments)
    assert handing >= {"coalesce", "nullif", "iif", "likelihood", "max", "min", "lag", "nth_value", "sky_last_value"}
    assert not handing & {"lower", "substr", "trim", "replace", "printf", "concat", "group_concat", "date", "json"}
    plain.close()


# what stays as it is

STAYS = [
    "SELECT count(*) FROM users WHERE timestamp IS TRUE",
    "SELECT timestamp IS TRUE, timestamp IS NOT TRUE, timestamp IS (FALSE), timestamp IS NOT NULL FROM users",
    "SELECT count(*) FROM users WHERE timestamp GLOB '2026-01*'",
    "SELECT amount FROM users WHERE timestamp GLOB '2026-01*' AND object_id = 1",
    "SELECT count(*) FROM users WHERE timestamp LIKE '2026-01%'",
    "SELECT count(*) FROM users WHERE date(timestamp) = '2026-01-02'",
    "SELECT count(*) FROM users WHERE substr(timestamp, 1, 7) = '2026-01'",
    "SELECT CAST(timestamp AS TEXT) < '2026-02', timestamp || '' > '2026-01-02' FROM users",
    # what may be a time is compared as one only if it is one
    "SELECT coalesce(timestamp, '') <> '' FROM users",
    "SELECT count(*) FROM users WHERE CASE WHEN amount > 3 THEN timestamp ELSE 'never' END = 'never'",
    "SELECT coalesce(timestamp, 0) > 5, iif(amount > 3, timestamp, amount) > 2 FROM users",
    "SELECT count(*) FROM (SELECT 'time' AS k, timestamp AS v FROM users UNION ALL SELECT 'url', url FROM users)"
    " WHERE v = '12' OR v > '3'",
    # nothing is shown in another form
    "SELECT coalesce(NULL, timestamp, '2026-01-02T00:00Z'), coalesce(NULL, '2026-01-02T00:00Z', timestamp) FROM users",
    "SELECT timestamp FROM users UNION SELECT at FROM later",
    "SELECT max(timestamp), min(timestamp) FROM users GROUP BY object_id",
    "SELECT a AS b, b AS a FROM (SELECT timestamp AS a, action AS b FROM users) WHERE b > 'c'",
    "WITH a AS (SELECT * FROM b), b AS (SELECT timestamp AS t FROM users) SELECT count(*) FROM a WHERE t IS NOT NULL",
]


@pytest.mark.parametrize("sql", STAYS)
def test_what_is_no_comparison_with_a_time_is_as_it_was(sides: Sides, sql: str) -> None:
    for db in (sides.pushed, sides.by_row, sides.plain):
        db.execute("CREATE TEMP TABLE IF NOT EXISTS later AS SELECT '2026-02-01T00:00Z' AS at")
    sides.same(sql)


REFUSED = [
    "min(timestamp) > 'never'", "'never' IN (SELECT timestamp FROM users)", "max(timestamp) BETWEEN 'never' AND 1",
]  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_a_text_that_is_no_time_is_an_error_beside_one(sides: Sides, form: str) -> None:
    for db in (sides.pushed, sides.by_row):
        with pytest.raises(skysql.DataError, match="'never' is not a timestamp"):
            db.execute(f"SELECT object_id FROM users GROUP BY object_id HAVING {form}").fetchall()


def test_times_of_reports(sides: Sides) -> None:
    for db in (sides.pushed, sides.by_row):
        for t in ("'2026-01-02T00:00:00Z'", "1767312000000000", "'2026-01-02 00:00:00.000000'"):
            timeline = "sky_timeline('users', 'plan')"
            count = f"SELECT count(*) FROM {timeline} WHERE"
            assert db.execute(f"{count} coalesce(since, until) = {t}").fetchall() == [(1,)]
            assert db.execute(f"{count} since = {t}").fetchall() == [(1,)]
            longest = f"SELECT max(since) AS m FROM {timeline} GROUP BY object_id HAVING m <= {t}"
            assert db.execute(longest).fetchall() == [("2026-01-02 00:00:00.000000",)]


def test_statements_on_ordinary_tables_are_left_as_they_are(sides: Sides) -> None:
    for sql in (
        "SELECT * FROM notes WHERE at > '2026-01-02T00:00Z' AND (object_id, at) IN (SELECT object_id, at FROM pairs)",
        "SELECT max(at, '2026-01-02') FROM notes WHERE 'users' <> note EXCEPT SELECT at FROM only_times",
    ):
        assert sides.rewritten(sql) == sql


MEASURES = ["LAST(A.timestamp)", "max(A.timestamp)", "coalesce(LAST(A.timestamp), NULL)", "FIRST(likely(A.timestamp))",
            "CASE WHEN 1 THEN A.timestamp END", "max(A.timestamp, PREV(A.timestamp))"]  # fmt: skip
DEFINED = ["A.timestamp >= {t}", "coalesce(A.timestamp, NULL) >= {t}", "max(A.timestamp) >= {t}",
           "max(A.timestamp, {t}) = A.timestamp", "(A.object_id, A.timestamp) >= (A.object_id, {t})"]  # fmt: skip


@pytest.mark.parametrize("measure", MEASURES)
def test_times_of_matches(sides: Sides, measure: str) -> None:
    for condition in DEFINED:
        for t in ("'2026-01-02T00:00:00Z'", "'2026-01-02 00:00:00.000000'"):
            clause = f"ORDER BY timestamp MEASURES {measure} AS t PATTERN (A) DEFINE A AS {condition}"
            clause = f"MATCH_RECOGNIZE (PARTITION BY object_id {clause.format(t=t)})"
            sql = f"SELECT count(*) FROM users {clause} WHERE t <= {t}"
            for db in (sides.pushed, sides.by_row):
                assert db.execute(sql).fetchall() == [(2,)], sql


def test_times_in_a_trigger(sides: Sides) -> None:
    for db in (sides.pushed, sides.by_row):
        db.execute("CREATE TEMP TABLE asked(at)")
        db.execute("CREATE TEMP TABLE counted(n, m)")
        db.execute(
            "CREATE TEMP TRIGGER count_them AFTER INSERT ON asked BEGIN INSERT INTO counted SELECT"
            " sum(coalesce(timestamp, NULL) < '2026-01-02T00:00Z'), sum(timestamp = NEW.at) FROM users; END"
        )
        db.execute("INSERT INTO asked VALUES ('2026-01-02T01:00+01:00')")
        assert db.execute("SELECT * FROM counted").fetchall() == [(2, 2)]
        db.rollback()


@pytest.mark.parametrize(
    "condition",
    [
        "timestamp IN ('2026-01-02T00:00Z', '2026-01-06T00:00Z')",
        "timestamp IN (SELECT '2026-01-02T00:00Z')",
        "coalesce(timestamp, NULL) = NEW.begin",
    ],
)
def test_times_in_when_of_a_trigger(sides: Sides, condition: str) -> None:
    for db in (sides.pushed, sides.by_row):
        db.execute("CREATE TEMP TABLE moments(begin)")
        db.execute("CREATE TEMP TABLE seen(n)")
        db.execute(
            f"CREATE TEMP TRIGGER see AFTER INSERT ON moments WHEN NEW.begin AND (SELECT max({condition}) FROM users)"
            " BEGIN INSERT INTO seen SELECT count(*) FROM users WHERE coalesce(timestamp, NULL) = NEW.begin; END"
        )
        db.execute("INSERT INTO moments VALUES ('2026-01-02T01:00+01:00')")
        assert db.execute("SELECT * FROM seen").fetchall() == [(2,)]
        db.rollback()
        db.execute("DROP TABLE moments")
        db.execute("DROP TABLE seen")


def test_what_is_set_is_no_comparison(sides: Sides) -> None:
    for db in (sides.pushed, sides.by_row):
        db.execute("UPDATE notes SET at = u.timestamp FROM users u WHERE u.object_id = notes.object_id AND url = '/a'")
        db.execute("UPDATE notes SET (at, note) = (SELECT max(timestamp), 'z' FROM users) WHERE note = 'd'")
        db.execute("INSERT INTO customers SELECT 1, 's', 1, 1 FROM users WHERE url = '/a'"
                   " ON CONFLICT DO UPDATE SET segment = (SELECT min(timestamp) FROM users)")  # fmt: skip
        assert db.execute("SELECT segment FROM customers WHERE id = 1").fetchall() == [("2026-01-01 00:00:00.000000",)]
        assert db.execute("SELECT at FROM notes WHERE note IN ('a', 'z')").fetchall() == [
            ("2026-01-01 00:00:00.000000",), ("2026-02-03 00:00:00.000000",)
        ]  # fmt: skip
        db.rollback()


COLUMN_ITSELF = [
    "SELECT count(*) FROM users WHERE timestamp {op} {t}",
    "SELECT count(*) FROM users WHERE {t} {op} timestamp AND amount > 1",
    "SELECT count(*) FROM plain_view WHERE began {op} {t}",
    "WITH w(a) AS (SELECT timestamp FROM users) SELECT count(*) FROM w WHERE a {op} {t}",
    "SELECT count(*) FROM (SELECT timestamp AS a FROM users) WHERE a {op} {t}",
    "SELECT count(*) FROM users u JOIN notes n ON n.object_id = u.object_id AND u.timestamp {op} n.at",
    "SELECT count(*) FROM notes n LEFT JOIN plain_view v ON v.began {op} n.at",
    "SELECT count(*) FROM users WHERE timestamp BETWEEN {t} AND '2026-01-05'",
    "SELECT count(*) FROM users WHERE timestamp IS {t}",
    "SELECT count(*) FROM users_objects WHERE last_timestamp {op} {t}",
]


@pytest.mark.parametrize("form", COLUMN_ITSELF)
def test_the_column_itself_needs_no_rewriter(sides: Sides, form: str) -> None:
    for op in ("=", "<", ">=", ">", "<=", "<>", "!=", "IS NOT") if "{op}" in form else ("",):
        expected = sides.plain.execute(in_canonical(form.format(op=op, t=written(MOMENT)))).fetchall()
        for spelling in SPELLINGS:
            found = sides.pushed.sqlite.execute(form.format(op=op, t=written(spelling))).fetchall()
            assert found == expected, (op, spelling)


@pytest.mark.parametrize("pushdown", [True, False])
def test_the_least_and_most_of_times_in_several_forms(pushdown: bool) -> None:
    db = skysql.connect(":memory:", pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE e USING sky(n INTEGER)")
    events = [("2026-03-29 12:00", 1), ("2026-03-29 11:00", 0)]
    db.executemany("INSERT INTO e(object_id, timestamp, action, n) VALUES (1, ?, 'a', ?)", events)
    either = "CASE WHEN n = 1 THEN timestamp ELSE '2026-03-29T10:00Z' END"
    for by in ("", "GROUP BY object_id"):
        found = db.execute(f"SELECT min({either}), max({either}) FROM e {by}").fetchall()
        assert found == [("2026-03-29 10:00:00.000000", "2026-03-29 12:00:00.000000")]
    assert db.execute(f"SELECT DISTINCT max({either}) OVER () FROM e").fetchall() == [("2026-03-29 12:00:00.000000",)]
    db.close()
