"""stddev, variance, corr, percentiles and mode: by a scan, by SQLite and in rational arithmetic, to the last bit."""

import random
from collections.abc import Sequence
from typing import Any

import apsw
import pytest

import skysql
from skysql.scan.aggregates import AGGREGATES
from tests.conftest import Connect
from tests.world.statistics_oracle import STATISTICS, corr

Rows = list[tuple[Any, ...]]

COLUMNS = ("amount", "n", "near")
"""REALs of many magnitudes, INTEGERs up to 2^63, REALs that differ little."""


def world(seed: int, rows: int = 400) -> Rows:
    """object, time, plan, amount, n, near"""
    rng = random.Random(seed)

    def amount() -> float | None:
        return rng.choice([None, 0.0, -2.5, rng.uniform(-1, 1) * 10.0 ** rng.randint(-8, 8), rng.choice([19.99, 0.1])])

    def whole() -> int | None:
        return rng.choice([None, rng.randint(-3, 3), rng.randint(-3, 3), 2**63 - 1, -(2**63), rng.randint(0, 2**40)])

    return [
        (
            *(rng.randint(1, 25), 1_700_000_000_000_000 + at * 1_000_000, "buy"),
            rng.choice(["free", "pro", None, "one"]),
            *(amount(), whole(), rng.choice([None, 1e9 + rng.random()])),
        )
        for at in range(rows)
    ]


@pytest.fixture(params=["pushed", "plain SQLite"])
def filled(request: pytest.FixtureRequest, connect: Connect) -> tuple[skysql.Connection, Rows]:
    """A table of which some is in blocks and some in the log, and its rows; the plan is the state at each event."""
    db = connect(pushdown=request.param == "pushed")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT, amount REAL, n INTEGER, near REAL)")
    rows = world(1)
    insert = "INSERT INTO users(object_id, ts, action, plan, amount, n, near) VALUES (?, ?, ?, ?, ?, ?, ?)"
    db.executemany(insert, rows[:300])
    db.commit()
    db.compact()
    db.executemany(insert, rows[300:])
    db.commit()
    return db, rows


def by_plan(rows: Rows) -> dict[Any, Rows]:
    found: dict[Any, Rows] = {}
    for row in rows:
        found.setdefault(row[3], []).append(row)
    return found


def bits(value: Any) -> Any:
    return (type(value), value.hex() if isinstance(value, float) else value)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("call", STATISTICS)
def test_the_reference_agrees(filled: tuple[skysql.Connection, Rows], call: str, column: str) -> None:
    db, rows = filled
    at = 4 + COLUMNS.index(column)
    found = db.execute(f"SELECT plan, {call.replace('x', column, 1)} FROM users GROUP BY plan").fetchall()
    assert {plan for plan, _ in found} == {"free", "pro", "one", None}
    for plan, value in found:
        expected = STATISTICS[call]([row[at] for row in by_plan(rows)[plan] if row[at] is not None])
        assert bits(value) == bits(expected), (plan, value, expected)


@pytest.mark.parametrize("y, x", [("amount", "n"), ("near", "amount"), ("n", "n"), ("near", "near")])
def test_the_reference_agrees_on_correlations(filled: tuple[skysql.Connection, Rows], y: str, x: str) -> None:
    db, rows = filled
    places = [4 + COLUMNS.index(name) for name in (y, x)]
    for plan, value in db.execute(f"SELECT plan, corr({y}, {x}) FROM users GROUP BY plan").fetchall():
        expected = corr([(row[places[0]], row[places[1]]) for row in by_plan(rows)[plan]])
        assert bits(value) == bits(expected)


@pytest.mark.parametrize("call", STATISTICS)
def test_without_keys_filtered_and_distinct(filled: tuple[skysql.Connection, Rows], call: str) -> None:
    db, rows = filled
    known = [row[4] for row in rows if row[4] is not None]
    asked = call.replace("x", "amount", 1)
    reference = STATISTICS[call]
    assert bits(db.execute(f"SELECT {asked} FROM users").fetchone()[0]) == bits(reference(known))
    assert db.execute(f"SELECT {asked} FROM users WHERE action = 'nothing'").fetchone() == (None,)
    positive = db.execute(f"SELECT {asked} FILTER (WHERE amount > 0) FROM users").fetchone()[0]
    assert bits(positive) == bits(reference([value for value in known if value > 0]))
    if "," not in asked:  # SQLite takes DISTINCT of one argument
        distinct = asked.replace("(", "(DISTINCT ", 1)
        assert bits(db.execute(f"SELECT {distinct} FROM users").fetchone()[0]) == bits(reference(sorted(set(known))))


CALLS = ("stddev(amount)", "var_pop(n)", "median(near)", "percentile_cont(n, 0.3)", "mode(plan)", "corr(amount, near)")


@pytest.mark.parametrize("call", CALLS)
def test_a_scan_answers_by_object_by_state_and_over_groups(connect: Connect, call: str) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL, n INTEGER, near REAL)")
    insert = "INSERT INTO users(object_id, ts, action, plan, amount, n, near) VALUES (?, ?, ?, ?, ?, ?, ?)"
    db.executemany(insert, world(2))
    db.commit()
    plain = connect(pushdown=False)
    plain.execute("CREATE TABLE users AS SELECT 1 AS object_id, 1 AS ts, 'a' AS action, 'p' AS plan, 1.0 AS amount, "
                  "1 AS n, 1.0 AS near WHERE 0")  # fmt: skip
    shown = db.execute("SELECT object_id, ts, action, plan, amount, n, near FROM users").fetchall()
    plain.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", shown)
    for text in (
        f"SELECT object_id, {call} FROM users GROUP BY object_id ORDER BY 1",
        f"SELECT plan, {call} FROM users WHERE action = 'buy' GROUP BY plan ORDER BY 1",
        f"SELECT {call} FROM (SELECT object_id, plan, max(amount) AS amount, sum(n % 10) AS n, min(near) AS near "
        "FROM users GROUP BY object_id, plan)",
        f"SELECT c.k, {call} FROM users u JOIN (SELECT 1 AS k UNION ALL SELECT 2) c ON u.object_id > c.k GROUP BY 1",
    ):
        found, expected = (each.execute(text).fetchall() for each in (db, plain))
        assert [list(map(bits, row)) for row in found] == [list(map(bits, row)) for row in expected]


def test_a_scan_computes_them(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("INSERT INTO users(object_id, ts, action, amount) VALUES (1, 1, 'buy', 2.5)")
    calls = ["stddev_samp(amount)", "var_pop(amount)", "median(amount)", "mode(plan)", "corr(amount, ts)",
             "percentile(amount, 20)", "percentile_disc(amount, :p1) FILTER (WHERE amount > 1)"]  # fmt: skip
    cursor = db.execute(f"SELECT {', '.join(calls).replace(':p1', '?')} FROM users", (0.5,))
    assert cursor.fetchall() == [(None, 0.0, 2.5, None, None, 2.5, 2.5)]
    assert str(cursor.plan) == f"PATH SCAN users\n└─ compute {', '.join(calls)}"


MODES: list[tuple[tuple[Any, ...], Any]] = [
    ((), None),
    ((None,), None),
    ((1.0, 1), 1),
    ((2, 1.0, 1), 1),
    (("b", "a", b"a", "a", b"a"), "a"),
    ((0.5, None, 0.5, 3), 0.5),
]


@pytest.mark.parametrize("values, expected", MODES, ids=repr)
def test_mode_of_anything(connect: Connect, values: Sequence[Any], expected: Any) -> None:
    db = connect()
    db.execute("CREATE TABLE t (x)")
    for order in (list(values), list(values)[::-1]):
        db.execute("DELETE FROM t")
        db.executemany("INSERT INTO t VALUES (?)", [(value,) for value in order])
        assert bits(db.execute("SELECT mode(x) FROM t").fetchone()[0]) == bits(expected)


def test_computed_values_of_mixed_types(connect: Connect) -> None:
    """1 and 1.0 are one value, in whatever order and in whichever shard they are met; of these the integer is shown."""
    answers = []
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
        rows = [(object, object, "a", object % 3) for object in range(1, 40)]
        db.executemany("INSERT INTO users(object_id, ts, action, n) VALUES (?, ?, ?, ?)", rows)
        mixed = "CASE WHEN n = 1 THEN 1 WHEN n = 2 THEN 1.0 ELSE NULL END"
        calls = f"mode({mixed}), stddev({mixed}), median({mixed}), var_pop(CASE n WHEN 1 THEN 1 ELSE 2.5 END)"
        answers.append(db.execute(f"SELECT {calls} FROM users").fetchone())
    assert [list(map(bits, answer)) for answer in answers][0] == list(map(bits, answers[1]))
    assert bits(answers[0][0]) == (int, 1)


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize(
    "inner, mode, distinct",
    [("stddev(n)", 2.8284271247461903, 2), ("path_string(action, '>', 1)", "b", 2), ("mode(action)", "b", 2)],
)
def test_of_groups_whose_values_are_computed(
    connect: Connect, inner: str, mode: Any, distinct: int, pushdown: bool
) -> None:
    db = connect(pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    rows = [(1, "a", 1), (1, "a", 1), *((id, "b", n) for id in (2, 3) for n in (1, 5)), (4, "b", None)]
    db.executemany("INSERT INTO users(object_id, ts, action, n) VALUES (?, 1, ?, ?)", rows)
    question = f"SELECT mode(v), count(DISTINCT v) FROM (SELECT {inner} AS v FROM users GROUP BY object_id)"
    assert db.execute(question).fetchall() == [(mode, distinct)]


# what they refuse


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize(
    "call, says",
    [
        ("median(plan)", "input to median() is not numeric"),
        ("percentile_cont(amount, 1.5)", "the fraction argument to percentile_cont() is not between 0.0 and 1.0"),
        ("percentile(amount, -1)", "the fraction argument to percentile() is not between 0.0 and 100.0"),
        ("percentile_disc(amount, amount / 10)", "the fraction argument to percentile_disc() is not the same for all"),
        ("median(amount * 9e999)", "Inf input to median()"),
        ("stddev(plan)", "stddev_samp() is of numbers, and one of its values is 'pro'"),
        ("corr(amount, plan)", "corr() is of numbers, and one of its values is 'pro'"),
    ],
)
def test_errors(connect: Connect, call: str, says: str, pushdown: bool) -> None:
    db = connect(pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT, amount REAL)")
    rows = [(1, 1, "buy", "pro", 2.5), (2, 2, "buy", "pro", 7.5)]
    db.executemany("INSERT INTO users(object_id, ts, action, plan, amount) VALUES (?, ?, ?, ?, ?)", rows)
    with pytest.raises(skysql.Error) as caught:
        db.execute(f"SELECT {call} FROM users").fetchall()
    assert says in str(caught.value)


def test_an_infinite_value_makes_a_deviation_null(connect: Connect) -> None:
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        db.execute("CREATE VIRTUAL TABLE users USING sky(amount REAL)")
        rows = [(1, 1, "a", 1.0), (2, 2, "a", float("inf")), (3, 3, "b", 1e200), (4, 4, "b", -1e200)]
        db.executemany("INSERT INTO users(object_id, ts, action, amount) VALUES (?, ?, ?, ?)", rows)
        found = db.execute("SELECT action, stddev(amount), stddev_pop(amount), var_pop(amount) FROM users GROUP BY 1")
        assert found.fetchall() == [("a", None, None, None), ("b", 1.4142135623730951e200, 1e200, float("inf"))]


# as SQLite's


NAMES = ("median", "percentile", "percentile_disc", "percentile_cont")
PERCENTILES = [aggregate for aggregate in AGGREGATES if aggregate.name in NAMES]


@pytest.mark.parametrize("aggregate", PERCENTILES, ids=lambda aggregate: aggregate.name)
@pytest.mark.parametrize("seed", range(20))
def test_the_form_for_an_older_sqlite_is_sqlites(aggregate: Any, seed: int) -> None:
    """Where SQLite was built without percentile.c, connections have another that gives the same, as a window too."""
    db = apsw.Connection(":memory:")
    if not list(db.execute("SELECT 1 FROM pragma_function_list WHERE name = 'median'")):
        pytest.skip("this SQLite has no percentile.c")
    rng = random.Random(seed)
    rows = [(at, rng.choice([None, rng.randint(-5, 5), rng.uniform(-1e3, 1e3)])) for at in range(30)]
    more = "" if aggregate.name == "median" else f", {rng.random()}"
    db.execute("CREATE TABLE t (at, x)")
    db.executemany("INSERT INTO t VALUES (?, ?)", rows)
    methods = [lambda one, *values: one.step(*values), lambda one: one.finalize(), lambda one: one.value(),
               lambda one, *values: one.inverse(*values)]  # fmt: skip
    db.create_window_function("ours", lambda: (aggregate.plain(), *methods), -1)  # type: ignore[arg-type,return-value]
    for over in ("", "OVER (ORDER BY at ROWS 4 PRECEDING)", "OVER (PARTITION BY at % 3)"):
        texts = [f"SELECT {name}(x{more}) {over} FROM t" for name in (aggregate.name, "ours")]
        theirs, ours = (list(db.execute(text)) for text in texts)
        assert list(map(repr, ours)) == list(map(repr, theirs))


@pytest.mark.parametrize("call", STATISTICS)
def test_over_windows(connect: Connect, call: str) -> None:
    db = connect()
    db.execute("CREATE TABLE t (at, x)")
    values = [row[4] for row in world(3, 60)]
    db.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
    found = db.execute(f"SELECT {call} OVER (ORDER BY at ROWS 6 PRECEDING) FROM t ORDER BY at").fetchall()
    for at, (value,) in enumerate(found):
        known = [each for each in values[max(0, at - 6) : at + 1] if each is not None]
        assert bits(value) == bits(STATISTICS[call](known))


def test_a_function_of_the_users_own_is_theirs(connect: Connect) -> None:
    class Last:
        def __init__(self) -> None:
            self.value: Any = None

        def step(self, value: Any) -> None:
            self.value = value

        def finalize(self) -> Any:
            return self.value

    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    db.executemany("INSERT INTO users(object_id, ts, action, n) VALUES (1, ?, 'a', ?)", [(1, 7), (2, 9)])
    text = "SELECT stddev_pop(n), median(n), mode(n) FROM users"
    assert db.execute(text).fetchone() == (1.0, 8.0, 7)
    db.create_aggregate("stddev_pop", 1, Last)
    db.create_aggregate("median", 1, Last)
    assert db.execute(text).fetchone() == (9, 9, 7)


@pytest.mark.parametrize("name", ["median", "sum", "count", "min", "stddev", "group_concat"])
@pytest.mark.parametrize("kind", ["", "TEMP"])
def test_a_function_of_one_row_by_an_aggregates_name_is_of_one_row(connect: Connect, name: str, kind: str) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    db.executemany("INSERT INTO users(object_id, ts, action, n) VALUES (1, ?, 'a', ?)", [(1, 7), (2, 9)])
    db.create_function(name, 1, lambda value: -value)
    db.execute(f"CREATE {kind} VIEW v AS SELECT {name}(n) AS x FROM users")
    assert db.execute(f"SELECT {name}(n) FROM users").fetchall() == [(-7,), (-9,)]
    assert db.execute(f"WITH w AS (SELECT {name}(n) AS x FROM users) SELECT total(x) FROM w").fetchall() == [(-16,)]
    assert db.execute("SELECT total(x), typeof(x) FROM v GROUP BY x").fetchall() == [(-9, "integer"), (-7, "integer")]
    assert db.execute(f"SELECT action, {name}(n) FROM users GROUP BY action").fetchall() in ([("a", -7)], [("a", -9)])


@pytest.mark.peer
def test_duckdb_agrees(connect: Connect) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = world(4)
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT, amount REAL, n INTEGER, near REAL)")
    insert = "INSERT INTO users(object_id, ts, action, plan, amount, n, near) VALUES (?, ?, ?, ?, ?, ?, ?)"
    db.executemany(insert, rows)
    peer = duckdb.connect()
    peer.execute("CREATE TABLE users (object_id BIGINT, ts BIGINT, action VARCHAR, plan VARCHAR, amount DOUBLE, "
                 "n BIGINT, near DOUBLE)")  # fmt: skip
    peer.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    for mine, theirs, tolerance in [
        *((f"{name}(amount)", f"{name}(amount)", 1e-9) for name in ("stddev", "stddev_pop", "var_samp", "var_pop")),
        ("corr(amount, ts)", "corr(amount, ts)", 1e-6),
        ("median(amount)", "median(amount)", 1e-12),
        ("percentile_cont(amount, 0.3)", "quantile_cont(amount, 0.3)", 1e-12),
    ]:
        ours = db.execute(f"SELECT plan, {mine} FROM users GROUP BY plan ORDER BY plan").fetchall()
        others = peer.execute(f"SELECT plan, {theirs} FROM users GROUP BY plan ORDER BY plan NULLS FIRST").fetchall()
        assert [plan for plan, _ in ours] == [plan for plan, _ in others]
        assert [value for _, value in ours] == pytest.approx([value for _, value in others], rel=tolerance)
    peer.close()
