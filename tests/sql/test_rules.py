"""What a rule of rewriting must look at: every call, every clause, and the parentheses of every part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

import apsw
import pytest
from sqlglot import exp

import skysql
from skysql.sql.dialect import parse
from skysql.sql.edits import EditedStatement, NotPushable, all_of
from skysql.sql.rewriter import RULES
from tests.world.sides import Sides, typed


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


# calls


@pytest.mark.parametrize(
    "item",
    [
        "max(seats, 2) AND 1",
        "min(seats, 2) OR 0",
        "max(plan, 'm') COLLATE NOCASE",
        "min('[1]', '[2]') -> 0",
        "min('[1]', '[2]') ->> 0",
        "max(seats, 2) + 1",
        "max(seats, 2) IN (2, 7)",
        "max(seats, 2) BETWEEN 2 AND 3",
        "max(seats, 2) IS NULL",
        "(max(seats, 2)) AND (min(seats, 2))",
        "NOT max(seats, 2)",
        "max(seats, 2)",
    ],
)
def test_extremes_of_two_arguments_are_no_aggregates(sides: Sides, item: str) -> None:
    sides.same(f"SELECT {item} FROM users")
    sides.same(f"SELECT seats, plan, {item} FROM users GROUP BY seats, plan")
    sides.same(f"SELECT {item}, count(*) FROM users GROUP BY {item}")
    sides.same(f"SELECT seats, plan FROM users GROUP BY seats, plan HAVING {item}")
    sides.same(f"SELECT count(*) FROM (SELECT {item} AS x FROM users GROUP BY object_id, seats, plan) WHERE x IS NOT 1")
    sides.same(f"SELECT count(*) FROM users WHERE {item}")


@pytest.mark.parametrize(
    "x",
    [
        *("seats + -9223372036854775808", "-9223372036854775808 - seats", "seats + -(9223372036854775808)"),
        *("seats + - -9223372036854775808", "seats + -9223372036854775809", "seats % -0_9223372036854775808"),
        *("seats - - 9223372036854775807", "seats * -9223372036854775808.0", "-9223372036854775808 / seats"),
    ],
)
def test_the_least_integer_is_an_integer(sides: Sides, x: str) -> None:
    """It is written as the negative of a number that is none."""
    sides.same(f"SELECT {x}, typeof({x}), count(*) FROM users GROUP BY 1")
    sides.same(f"SELECT typeof(max({x})), count(*) FROM users WHERE ({x}) > -9223372036854775808")


@pytest.mark.parametrize(
    "having",
    [
        "count(*) > 1 AND sum(seats) > 3",
        "count(*) > 1 OR max(seats) > 3 AND min(seats) < 9",
        "max(seats, 3) > 3 AND count(*) > 0",
        "max(seats) AND max(seats, 3)",
        "max(plan) COLLATE NOCASE > 'FREE'",
        "max(seats) FILTER (WHERE amount > 2) > 1 AND count(*) > 1",
    ],
)
def test_conditions_on_groups_are_pushed(sides: Sides, having: str) -> None:
    select = f"SELECT plan, seats, count(*) FROM users GROUP BY plan, seats HAVING {having}"
    sides.same(select)
    assert "FROM users" not in sides.rewritten(select)


def test_what_is_called_twice_alike_chooses_pairs(sides: Sides) -> None:
    join = "SELECT c.id, o.plan FROM customers c JOIN users_objects o ON o.object_id = c.id AND o.as_of = '2026-01-03'"
    for condition in ("max(c.score, 1) > 1 AND c.segment COLLATE NOCASE = 'GOLD'", "CAST(c.score AS TEXT) > '1'"):
        assert "users_objects" not in sides.rewritten(f"{join} AND {condition}")
        sides.same(f"{join} AND {condition}", plain=False)
    sides.same(f"{join} AND max(c.score, 1) AND random() IS NOT NULL", plain=False)


# names


@pytest.mark.parametrize(
    "select",
    [
        "SELECT 'u'.plan, count(*) FROM users u GROUP BY 1",
        "SELECT 'u'.'plan', count(*) FROM users AS 'u' GROUP BY 'u'.'plan'",
        "SELECT count(*) FROM users u WHERE plan = 'u'.url OR 'u'.seats > 2",
        "SELECT 'x'.p, count(*) FROM (SELECT plan AS 'p' FROM users) AS 'x' GROUP BY x.'p'",
        "SELECT c.id, (SELECT count(*) FROM users u WHERE 'u'.object_id = 'c'.id) FROM customers c",
        "SELECT main.'users'.plan, 'main'.users.'seats', 'plan' FROM 'main'.'users'",
    ],
)
def test_a_text_beside_a_dot_is_a_name(sides: Sides, select: str) -> None:
    sides.same(select)


# order


@pytest.mark.parametrize(
    "groups",
    [
        "SELECT object_id AS o, action AS a FROM users GROUP BY object_id, action",
        "SELECT object_id AS o, action AS a FROM users GROUP BY action, object_id",
        "SELECT object_id AS o, url AS a, ts FROM users GROUP BY ts, url, object_id",
        "SELECT object_id AS o, count(*) AS a FROM users('1 day') GROUP BY session, object_id",
        "SELECT object_id AS o, count(*) AS a FROM users('1 day') GROUP BY object_id, session",
        "SELECT object_id AS o, max(plan) AS a FROM users GROUP BY object_id",
    ],
)
@pytest.mark.parametrize("by", ["o", "o % 2", "1"])
def test_groups_come_in_the_order_in_which_sqlite_sorts_them(sides: Sides, groups: str, by: str) -> None:
    plain = "(" not in groups.split("FROM")[1]  # ordinary tables have no sessions
    sides.same(f"SELECT {by} AS g, group_concat(a), json_group_array(o) FROM ({groups}) GROUP BY g", plain=plain)


# collations


@pytest.mark.parametrize(
    "select",
    [
        "SELECT p, count(*) FROM ({}) GROUP BY p ORDER BY 1",
        "SELECT DISTINCT p FROM ({}) ORDER BY 1",
        "SELECT max(p), min(p), count(DISTINCT p) FROM ({})",
        "WITH z AS ({}) SELECT count(*) FROM z WHERE p IN ('BUY', 'VIEW')",
        "SELECT p, n FROM ({}) ORDER BY p, n LIMIT 2",
    ],
)
@pytest.mark.parametrize(
    "inner",
    [
        "SELECT iif(amount > 3, upper(action), action) COLLATE NOCASE AS p, seats AS n FROM users",
        "SELECT trim(iif(amount > 3, upper(action), action) COLLATE NOCASE) AS p, seats AS n FROM users",
        "SELECT max(iif(vip, upper(action), action) COLLATE NOCASE) AS p, url AS n FROM users GROUP BY 2, object_id",
        "SELECT iif(seats > 1, upper(action), action) COLLATE NOCASE AS p, 1 AS n FROM users GROUP BY 1, object_id",
    ],
)
def test_a_collation_goes_with_a_column_of_a_subquery(sides: Sides, select: str, inner: str) -> None:
    sides.same(select.format(inner))


def test_a_collation_goes_with_an_aggregate(sides: Sides) -> None:
    terms = "max(plan COLLATE NOCASE)", "max(upper(plan) COLLATE NOCASE)", "min(trim(plan COLLATE NOCASE))"
    for term in terms:
        sides.same(f"SELECT url, {term} FROM users GROUP BY url ORDER BY 2 DESC, 1 LIMIT 3")
        sides.same(f"SELECT url FROM users GROUP BY url HAVING {term} = 'Pro'")
        sides.same(f"SELECT {term} = 'PRO', count(DISTINCT plan COLLATE NOCASE) FROM users")


# clauses

ORDER = "with select distinct items from_ joins where group having windows order limit".split()
"""The places of a select's text; "items" is what it shows."""

SELECTS = {
    "groups": {"items": "plan, count(*) AS n", "from_": "FROM users", "group": "GROUP BY plan"},
    "distinct rows": {"distinct": "DISTINCT", "items": "plan, seats", "from_": "FROM users"},
    "below a join": {
        "items": "c.segment AS plan, count(*) AS n, sum(u.seats) AS seats",
        "from_": "FROM users u JOIN customers c ON c.id = u.object_id",
        "group": "GROUP BY c.segment",
    },
    "rows": {"items": "object_id, seats, plan", "from_": "FROM users", "where": "WHERE url LIKE '/%' OR amount > 3"},
    "rows of pairs": {
        "items": "c.id, c.seats, o.plan",
        "from_": "FROM customers c JOIN users_objects o ON o.object_id = c.id AND o.as_of = '2026-01-03'",
    },
    "groups of pairs": {
        "items": "o.plan AS plan, count(*) AS n",
        "from_": "FROM customers c JOIN users_objects o ON o.object_id = c.id AND o.as_of = '2026-01-03'",
        "group": "GROUP BY o.plan",
    },
}
CLAUSES = {
    "with_": [("with", "WITH z AS (SELECT 1)"), ("with", "WITH users(plan, seats) AS (SELECT 1, 2)")],
    "distinct": [("distinct", "DISTINCT"), ("distinct", "ALL")],
    "expressions": [("items", "count(*)"), ("items", "1"), ("items", "max(seats, 1), plan")],
    "from_": [("from_", "")],
    "joins": [("joins", "JOIN k ON k.n = 3"), ("joins", ", k"), ("joins", "LEFT JOIN k ON 0")],
    "where": [("where", "WHERE plan IS NOT NULL OR plan = 'x'"), ("where", "WHERE 0")],
    "group": [("group", "GROUP BY plan, seats"), ("group", "GROUP BY 1")],
    "having": [("having", "HAVING count(*) > 1"), ("having", "HAVING 0")],
    "windows": [("windows", "WINDOW w AS (ORDER BY plan)")],
    "order": [("order", "ORDER BY 1, 2"), ("order", "ORDER BY plan DESC, 1, 2")],
    "limit": [("limit", "LIMIT 0"), ("limit", "LIMIT -1"), ("order", "ORDER BY 1, 2 LIMIT 1")],
    "offset": [("limit", "LIMIT -1 OFFSET 99"), ("order", "ORDER BY 1, 2 LIMIT 9 OFFSET 1"), ("limit", "LIMIT 99, 2")],
}
WITHIN = [
    "SELECT {what} FROM ({inner})",
    "WITH x AS ({inner}) SELECT {what} FROM x",
    "SELECT plan, {what} FROM ({inner}) GROUP BY plan",
    "SELECT count(*) FROM users WHERE (SELECT {what} FROM ({inner})) > 1",
]
GROUPED_WITHIN = [
    {"items": "seats, plan", "from_": "FROM users"},
    {"items": "seats, plan", "from_": "FROM users", "group": "GROUP BY object_id, seats, plan"},
    {"items": "object_id, seats, plan", "from_": "FROM users", "group": "GROUP BY object_id, seats, plan"},
    {"items": "count(*) AS seats, max(plan) AS plan", "from_": "FROM users", "group": "GROUP BY object_id"},
]


def written(parts: dict[str, str]) -> str:
    """A select of these parts."""
    return " ".join(part for place in ORDER if (part := {"select": "SELECT", **parts}.get(place)))


def added(parts: dict[str, str]) -> list[str]:
    """The select with each clause that SQLite knows."""
    return [written(parts | {place: text}) for texts in CLAUSES.values() for place, text in texts]


def ask_all(sides: Sides, statement: str, plain: bool) -> None:
    """The same answer on all sides, or a fault on all."""
    answers = []
    for side in (sides.pushed, sides.by_row, *[sides.plain] * plain):
        try:
            answers.append(Counter(typed(side.execute(statement).fetchall())))
        except (skysql.Error, apsw.Error):
            answers.append(None)
    assert all(answer == answers[0] for answer in answers), f"{statement}\n{answers}"


def test_every_clause_is_known() -> None:
    known = {*CLAUSES, *UNKNOWN}
    assert known == set(exp.Select.arg_types), "CLAUSES say how SQLite writes them; UNKNOWN, that it does not"


@pytest.mark.parametrize("name", SELECTS)
def test_every_clause_beside_what_a_rule_rewrites(sides: Sides, name: str) -> None:
    for statement in added(SELECTS[name]):
        ask_all(sides, statement, "pairs" not in name)


@pytest.mark.parametrize("parts", GROUPED_WITHIN, ids=str)
@pytest.mark.parametrize("around", WITHIN)
def test_every_clause_within_what_a_rule_rewrites(sides: Sides, parts: dict[str, str], around: str) -> None:
    for what in ("count(*)", "sum(seats)"):
        for inner in added(parts):
            ask_all(sides, around.format(what=what, inner=inner), True)


@pytest.mark.parametrize(
    "select",
    [
        "SELECT plan, count(*) FROM users GROUP BY plan",
        "SELECT plan, count(*) FROM users WHERE true GROUP BY plan HAVING count(*) > 1",
        "SELECT plan, seats FROM users WHERE seats > 2",
        "SELECT 'x', 2 UNION SELECT plan, max(seats) FROM users GROUP BY plan",
    ],
)
def test_an_upsert_of_what_a_scan_gives(sides: Sides, select: str) -> None:
    for side in (sides.pushed, sides.by_row, sides.plain):
        side.execute("DROP TABLE IF EXISTS upserted")
        side.execute("CREATE TABLE upserted(plan PRIMARY KEY, n)")
        for _ in range(2):
            side.execute(f"INSERT INTO upserted {select} ON CONFLICT(plan) DO UPDATE SET n = n + excluded.n")
    assert sides.same("SELECT * FROM upserted ORDER BY plan")


UNKNOWN = """cluster connect distribute exclude for_ format hint into kind laterals locks match operation_modifiers
    options pivots prewhere qualify sample settings sort""".split()
"""The clauses of other databases."""


@pytest.mark.parametrize("clause", UNKNOWN)
def test_clauses_that_sqlite_lacks_are_no_rules_business(clause: str) -> None:
    for parts in SELECTS.values():
        source = parse(written(parts))
        assert source is not None and isinstance(source.tree, exp.Select)
        source.tree.set(clause, exp.true())
        for rule in RULES:
            with pytest.raises(NotPushable, match=clause):
                rule(cast(EditedStatement, None), source.tree)  # which is not even looked at


# types and conversions


NUMERALS = ["1_0", "nan", "inf", "1e400", "-1e400", "1", " 2 ", "2.0", "3.", "3e0", "\u0663", "\xa01", "0x1", "", "7\0"]
NUMBERS = [1.0, 2.5, 9e999, -9e999, 2.0**63, 9.3e18, None, b"3", 3]


@pytest.mark.parametrize("column", ["object_id", "seats", "vip", "ts", "amount", "url"])
@pytest.mark.parametrize("no", ["", "NOT "])
def test_what_is_in_a_list_is_what_sqlite_converts(sides: Sides, column: str, no: str) -> None:
    for some in (NUMERALS, NUMBERS, [*NUMERALS[5:8], 7], *([each] for each in (*NUMERALS, *NUMBERS))):
        marks = ", ".join("?" * len(some))
        sides.same(f"SELECT count(*) FROM users WHERE {column} {no}IN ({marks})", some)
        sides.same(f"SELECT count(*) FROM users WHERE {column} {no}IN (VALUES ({marks.replace(', ', '), (')}))", some)
        written = ", ".join(literal(each) for each in some if not isinstance(each, bytes))
        sides.same(f"SELECT count(*) FROM users WHERE {column} {no}IN ({written})")


def literal(value: object) -> str:
    return str(skysql.connect(":memory:").execute("SELECT quote(?)", (value,)).fetchone()[0])


@pytest.fixture(scope="module")
def mixed() -> Iterator[Sides]:
    """Values of which some are 1 and others 1.0, in many groups, and texts that are numbers, reals or neither."""
    made = Sides()
    insert = "INSERT INTO m(object_id, ts, action, n, r, t) VALUES (?, ?, 'a', ?, ?, ?)"
    texts = ["0", "1", "2", "1.5", "x", "", None]
    rows = [
        (1 + at % 5, at, at * 7 % 4 if at % 3 else None, float(at * 5 % 4) if at % 4 else None, texts[at % 7])
        for at in range(400)
    ]
    for side in (made.pushed, made.by_row):
        side.execute("CREATE VIRTUAL TABLE m USING sky(n INTEGER, r REAL, t TEXT)")
        side.executemany(insert, rows)
        side.commit()
        side.compact("m")
        side.executemany(insert, [(9, 1, None, 1.0, "x"), (9, 2, 1, None, "1")])
        side.commit()
    made._copy("m", ["ts"])
    yield made
    made.close()


@pytest.mark.parametrize("x", ["coalesce(n, r)", "coalesce(r, n)", "iif(ts % 2, n, r)", "ifnull(n, 1.0)"])
@pytest.mark.parametrize("key", ["object_id", "t", "n", "object_id, t"])
def test_of_equal_numbers_the_first_is_shown(mixed: Sides, x: str, key: str) -> None:
    mixed.same(f"SELECT DISTINCT {x} FROM m ORDER BY 1")
    mixed.same(f"SELECT {x}, count(*) FROM m GROUP BY 1")
    mixed.same(f"SELECT {key}, {x} AS x, count(*) FROM m GROUP BY {key}, x")
    mixed.same(f"SELECT {key}, max({x}), min({x}), count(DISTINCT {x}), sum(DISTINCT {x}) FROM m GROUP BY {key}")
    mixed.same(f"SELECT max({x}), min({x}) FROM m WHERE coalesce(n, r) > 0")
    mixed.same(f"SELECT x, count(*) FROM (SELECT object_id, max({x}) AS x FROM m GROUP BY object_id) GROUP BY x")
    mixed.same(f"SELECT DISTINCT x FROM (SELECT object_id, {x} AS x, sum(n) FROM m GROUP BY object_id, x) ORDER BY 1")


@pytest.mark.parametrize("key", ["object_id", "object_id, t", "t", "n", "t, n", "object_id, t, n", "ts"])
def test_a_sum_has_its_type_from_its_own_group(mixed: Sides, key: str) -> None:
    for x in ("t", "coalesce(n, r)", "t + 0", "CASE WHEN object_id < 3 THEN n ELSE r END"):
        mixed.same(f"SELECT {key}, sum({x}), total({x}), avg({x}) FROM m GROUP BY {key}")
        mixed.same(f"SELECT {key}, sum({x}) FILTER (WHERE ts > 100), sum(DISTINCT {x}) FROM m GROUP BY {key}")


@pytest.mark.parametrize(
    "condition", ["plan IN ('pro', 'basic')", "plan NOT IN ('free')", "plan IN (SELECT 'pro')",
                  "plan <> 'pro' AND n = 1", "min(n) > 0 AND object_id <> 1", "n IN (1, '2')"],
)  # fmt: skip
@pytest.mark.parametrize("keys", ["plan, object_id, n", "n, plan, object_id", "object_id, n, plan"])
def test_a_condition_on_groups_of_groups_is_on_their_own_keys(sides: Sides, keys: str, condition: str) -> None:
    for within in ("object_id, plan", "plan, action, object_id"):
        groups = f"SELECT object_id, plan, count(*) AS n FROM users GROUP BY {within}"
        groups = f"SELECT object_id, plan, n, count(*) AS c FROM ({groups}) GROUP BY {keys} HAVING {condition}"
        sides.same(f"SELECT object_id, count(*), max(plan), sum(c) FROM ({groups}) GROUP BY object_id")


# ASOF JOIN


@pytest.fixture(scope="module")
def timed() -> Iterator[Sides]:
    """Prices over time, in tables with all kinds of keys, and moments to ask about, as events and as rows."""
    made = Sides()
    prices = [(k, t, v) for k in (1, 2, 3) for t, v in ((1, "a"), (3, "b"), (3, "c"), (6, "d"))]
    for side in (made.pushed, made.by_row, made.plain):
        side.execute("CREATE TABLE p(k INTEGER, t INTEGER, v TEXT)")
        side.executemany("INSERT INTO p VALUES (?, ?, ?)", prices)
        side.execute("CREATE TABLE q(k INTEGER, t INTEGER)")
        side.executemany("INSERT INTO q VALUES (?, ?)", [(k, t) for k in (1, 2, 4) for t in (0, 1, 2, 3, 5, 9)])
        side.execute("CREATE TABLE keyed(k INTEGER, t INTEGER, v TEXT, PRIMARY KEY(k, t, v)) WITHOUT ROWID")
        side.execute("CREATE TABLE named(rowid TEXT, k INTEGER, t INTEGER, v TEXT)")
        side.execute("INSERT INTO keyed SELECT * FROM p")
        side.execute("INSERT INTO named SELECT 'x', * FROM p")
    for side in (made.pushed, made.by_row):
        side.execute("CREATE VIRTUAL TABLE e USING sky(v TEXT)")
        side.execute("INSERT INTO e(object_id, ts, action) SELECT k, t, 'ask' FROM q")
        side.execute("CREATE VIRTUAL TABLE es USING sky(v TEXT)")
        side.execute("INSERT INTO es(object_id, ts, action, v) SELECT k, t, 'price', v FROM p ORDER BY 1, 2, 3")
        side.commit()
    yield made
    made.close()


LEFTS = [("q", "k", "t"), ("e", "object_id", "ts")]
RIGHTS = [("p", "k", "t"), ("keyed", "k", "t"), ("named", "k", "t"), ("(SELECT k, t, v FROM keyed)", "k", "t"),
          ("(SELECT * FROM named)", "k", "t"), ("es", "object_id", "ts"), ("main.p", "k", "t")]  # fmt: skip
CONDITIONS = ["1", "z.v = 'a' OR z.v = 'c'", "(z.v = 'a' OR z.v = 'c')", "z.v <> 'c' OR a.{t} > 5", "NOT z.v = 'd'",
              "z.v = 'a' AND 1 OR z.v = 'b'", "(SELECT count(*) FROM p z WHERE z.v = 'a') = 3"]  # fmt: skip


@pytest.mark.parametrize("left", LEFTS, ids=str)
@pytest.mark.parametrize("right", RIGHTS, ids=str)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_asof_joins_the_latest_row_that_meets_all_conditions(
    timed: Sides, left: tuple[str, str, str], right: tuple[str, str, str], condition: str
) -> None:
    (a, ak, at), (z, zk, zt) = left, right
    condition = f"({condition.format(t=at)})" if " AND 1 OR" not in condition else condition.format(t=at)
    on = f"z.{zk} = a.{ak} AND z.{zt} <= a.{at} AND {condition if condition[0] == '(' else f'({condition})'}"
    latest = (
        "(SELECT z.v FROM p z WHERE z.k = a.k AND z.t <= a.t AND ({}) ORDER BY z.t DESC, z.v DESC LIMIT 1)"
    ).format(condition.format(t="t").replace(f"a.{at}", "a.t"))
    expected = f"SELECT a.k, a.t, {latest} AS v FROM q a"
    timed.same(f"SELECT a.{ak}, a.{at}, z.v FROM {a} a ASOF LEFT JOIN {z} z ON {on}", plain=expected)
    only = f"SELECT * FROM ({expected}) WHERE v IS NOT NULL"
    timed.same(f"SELECT a.{ak}, a.{at}, z.v FROM {a} a ASOF JOIN {z} AS z ON {on}", plain=only)
    timed.same(f"SELECT v, count(*) FROM {a} a ASOF JOIN {z} z ON {on} GROUP BY z.v".replace("SELECT v", "SELECT z.v"),
               plain=f"SELECT v, count(*) FROM ({only}) GROUP BY v")  # fmt: skip


@pytest.mark.parametrize("words", "SEMI ANTI CROSS RIGHT FULL NATURAL OUTER".split())
@pytest.mark.parametrize("left", ["q", "e", "users"])
@pytest.mark.parametrize("right", ["p", "users_changes"])
def test_asof_joins_that_are_none_are_refused(timed: Sides, words: str, left: str, right: str) -> None:
    for rest in ("USING (k, t)", "ON z.k = a.k AND z.t <= a.t", "ON z.object_id = a.object_id AND z.ts <= a.ts", ""):
        for side in (timed.pushed, timed.by_row):
            with pytest.raises(skysql.NotSupportedError, match="ASOF JOIN"):
                side.execute(f"SELECT count(*) FROM {left} a ASOF {words} JOIN {right} z {rest}")


def test_a_table_called_asof_is_one(timed: Sides) -> None:
    timed.same("SELECT asof.k, p.v FROM q asof JOIN p ON p.k = asof.k")
    timed.same("SELECT count(*) FROM q AS \"ASOF\" JOIN p USING (k)")


def test_asof_using_of_ordinary_tables(timed: Sides) -> None:
    latest = "(SELECT v FROM p WHERE p.k = q.k AND p.t <= q.t ORDER BY p.t DESC, v DESC LIMIT 1)"
    for right in ("p", "keyed", "(SELECT k, t, v FROM named)"):
        timed.same(f"SELECT * FROM q ASOF LEFT JOIN {right} z USING (k, t)", plain=f"SELECT k, t, {latest} AS v FROM q")


@pytest.mark.parametrize("conditions", [["a OR b", "c"], ["1"], ["a = 'x) OR (y'", "NOT b"], []])
def test_conditions_keep_their_parentheses(conditions: list[str]) -> None:
    source = parse(f"SELECT 1 WHERE {all_of(conditions)}")
    assert source is not None
    parts = source.tree.args["where"].this.flatten() if len(conditions) > 1 else [source.tree.args["where"].this]
    assert [part.unnest().sql("sqlite") for part in parts] == [*conditions] or not conditions
