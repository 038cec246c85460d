"""Sums of REAL values: pairs of float64 against rational numbers, and scans against SQLite, bit for bit."""

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from unittest import mock

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skysql
from skysql.arrays import compiled, sums
from skysql.store import snapshot
from tests.conftest import Connect

PRICES = [round(random.Random(12).uniform(0.01, 100), 2) for _ in range(20_000)]

both = pytest.mark.parametrize("loops", [compiled._loops, None], ids=["loops", "arrays"])

finite = st.floats(allow_nan=False, allow_infinity=False)
magnitudes = st.integers(-60, 60).map(lambda power: 2.0**power)
values = st.lists(
    st.builds(lambda x, scale: x * scale, st.floats(-1, 1), magnitudes)
    | st.integers(-10_000, 10_000).map(lambda cents: cents / 100)
    | st.just(-0.0)
    | finite.filter(lambda x: abs(x) < 1e300),
    max_size=200,
)


def within(high: float, low: float, added: list[float]) -> bool:
    """What README.md promises of a sum, and that it was rounded last."""
    true, size = sum(map(Fraction, added)), sum(abs(Fraction(x)) for x in added)
    return abs(Fraction(high) + Fraction(low) - true) <= len(added) * size / 2**104 and high + low == high


@both
@settings(deadline=None)  # rational numbers take their time
@given(values, st.sampled_from([1, 3, 256, 300]), st.sampled_from(["u1", "u2", "u4", "i8"]), st.booleans())
def test_of_groups(loops: Any, added: list[float], size: int, dtype: str, known: bool) -> None:
    groups = np.array([k * k % min(size, 256) for k in range(len(added))], dtype)
    data = np.array(added, np.float64)
    with mock.patch.object(compiled, "_loops", loops):
        count = np.bincount(groups, minlength=size) if known else None
        high, low = sums.by_group(groups, data, size, sums.magnitudes(data) if known else None, count)
    for group in range(size):
        assert within(high[group], low[group], data[groups == group].tolist())


@both
@settings(deadline=None)  # rational numbers take their time
@given(values, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=9), st.booleans())
def test_of_ranges(loops: Any, added: list[float], edges: list[tuple[int, int]], known: bool) -> None:
    data = np.array(added, np.float64)
    lows, highs = np.minimum(np.array(edges, np.int64).reshape(-1, 2), len(added)).T
    with mock.patch.object(compiled, "_loops", loops):
        high, low = sums.by_range(data, lows, highs, sums.magnitudes(data) if known else None)
    for at, (first, last) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        assert within(high[at], low[at], added[first:last])


@both
def test_of_many(loops: Any) -> None:
    """More than are added before a pair is; with loops that take eight, four or one at a time."""
    rng = np.random.default_rng(3)
    for scale in (1, 1e4, 1e9):
        data = np.round(rng.gamma(2, 30, 50_001), 2) + rng.choice([0.01, scale], 50_001)
        groups = rng.integers(0, 5, len(data)).astype(np.uint8)
        with mock.patch.object(compiled, "_loops", loops):
            high, low = sums.by_group(groups, data, 5)
            (total,), (rest,) = sums.by_range(data, np.array([1]), np.array([len(data)]))
        assert within(total, rest, data[1:].tolist())
        assert all(within(high[g], low[g], data[groups == g].tolist()) for g in range(5))


@both
@pytest.mark.parametrize("seed", range(12))
def test_magnitudes_that_change_on_the_way(loops: Any, seed: int) -> None:
    """They are known of some values at a time: what is found of those must not be taken to hold of the next."""
    rng = random.Random(seed)
    draw = np.random.default_rng(seed)
    parts = [
        draw.normal(0, 1, rng.choice([1, 5, 64, 255, 256, 257, 700]))
        * rng.choice([0.0, 1, 1, 1, 1e-12, 1e15, 10.0 ** rng.randint(-30, 30), 1e-200, 2.0**900])
        for _ in range(rng.choice([3, 12, 30]))
    ]
    data = np.concatenate(parts)
    if rng.random() < 0.5:
        data = np.append(data, -data[rng.randrange(300) :])
    size = rng.choice([2, 5, 256])
    groups = draw.integers(0, size, len(data)).astype(np.uint8)
    known = sums.magnitudes(data) if rng.random() < 0.2 else None
    with mock.patch.object(compiled, "_loops", loops):
        high, low = sums.by_group(groups, data, size, known)
    assert all(within(high[g], low[g], data[groups == g].tolist()) for g in range(size))


@both
@pytest.mark.parametrize("scale", [1, 1e4, 1e9])
@pytest.mark.parametrize("known", [True, False])
def test_of_many_groups(loops: Any, scale: float, known: bool) -> None:
    """Of which each has few values, however many there are of all, and some are 0."""
    rng = np.random.default_rng(4)
    data = np.round(rng.gamma(2, 30, 9_001), 2) * rng.choice([0, 0.01, scale], 9_001)
    groups = np.sort(rng.integers(0, 400, len(data)))
    count = np.bincount(groups, minlength=400)
    with mock.patch.object(compiled, "_loops", loops):
        high, low = sums.by_group(groups, data, 400, sums.magnitudes(data) if known else None, count)
    assert all(within(high[g], low[g], data[groups == g].tolist()) for g in range(400))


@pytest.mark.parametrize("zeros", [0, 1])
def test_magnitudes(zeros: int) -> None:
    assert sums.magnitudes(np.array([-0.0] * zeros + [-3.5, 0.25, 2.0])) == (0.25, 3.5)
    assert sums.magnitudes(np.zeros(zeros)) == (1.0, 1.0)


@both
@pytest.mark.parametrize("infinite", [[math.inf], [-math.inf], [math.inf, -math.inf]])
def test_infinities(loops: Any, infinite: list[float]) -> None:
    data, expected = np.array([1.5, 2.5, *infinite]), sum(infinite)
    with mock.patch.object(compiled, "_loops", loops):
        found = sums.by_group(np.array([0, 1, *[1] * len(infinite)], np.uint8), data, 2).high
        ranges = sums.by_range(data, np.array([0, 1]), np.array([1, len(data)])).high
    for high in (found, ranges):
        assert high[0] == 1.5 and (high[1] == expected or (np.isnan(high[1]) and math.isnan(expected)))


@both
def test_what_leaves_the_range(loops: Any) -> None:
    with mock.patch.object(compiled, "_loops", loops), pytest.raises(sums.Overflow):
        sums.by_group(np.zeros(3, np.uint8), np.array([1.7e308, 1.7e308, -1.7e308]), 1)


def condition(added: list[float]) -> float:
    """sum|x| / |sum|."""
    total = math.fsum(added)
    return math.fsum(map(abs, added)) / abs(total) if total else math.inf


def drawn(rng: random.Random) -> list[float]:
    n = rng.choice([1, 2, 3, 10, 100, 1000])
    draw = rng.choice([
        lambda: round(rng.uniform(0.01, 1000), 2),
        lambda: round(rng.uniform(-1000, 1000), 2),
        lambda: rng.gauss(0, 1),
        lambda: rng.lognormvariate(0, 8),
        lambda: rng.gauss(0, 1) * 10 ** rng.randint(-8, 8),
        lambda: rng.randint(-(2**53), 2**53) * 0.25,
    ])  # fmt: skip
    return [draw() for _ in range(n)]


@pytest.fixture
def sqlite() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()


@both
def test_is_what_sqlite_shows(sqlite: apsw.Connection, loops: Any) -> None:
    """In any order, where the sum is no tiny part of what was added."""
    rng = random.Random(7)
    for _ in range(300):
        added = drawn(rng)
        if condition(added) > 1e10:
            continue
        sqlite.execute("CREATE TABLE t(x REAL)")
        sqlite.executemany("INSERT INTO t VALUES (?)", [(x,) for x in added])
        ((expected,),) = sqlite.execute("SELECT sum(x) FROM t").fetchall()
        sqlite.execute("DROP TABLE t")
        rng.shuffle(added)
        with mock.patch.object(compiled, "_loops", loops):
            high, _ = sums.by_group(np.zeros(len(added), np.uint8), np.array(added), 1)
        assert high[0] == expected == math.fsum(added)


TABLE = "CREATE VIRTUAL TABLE e USING sky(x REAL, y REAL STATE, plan TEXT STATE)"


def filled(connect: Connect, path: str, reals: list[float]) -> skysql.Connection:
    db = connect(path, isolation_level=None)
    db.execute(TABLE)
    rng = random.Random(1)
    rows = [(rng.randint(1, 900), at, "buy", x, rng.choice([None, x]), rng.choice("ab")) for at, x in enumerate(reals)]
    db.execute("BEGIN")
    db.executemany("INSERT INTO e(object_id, ts, action, x, y, plan) VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.execute("COMMIT")
    return db


def test_prices_add_up(connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over many shards, merged."""
    monkeypatch.setattr(snapshot, "SHARD_EVENTS", 1000)
    db = filled(connect, path, PRICES)
    exact = math.fsum(PRICES)
    assert exact == round(exact, 2)
    assert db.execute("SELECT sum(x), total(x), avg(x) FROM e").fetchall() == [(exact, exact, exact / len(PRICES))]
    assert db.execute("SELECT sum(x) FROM e HAVING sum(x) = round(sum(x), 2)").fetchall() == [(exact,)]


QUESTIONS = [
    "SELECT sum(x), total(x), avg(x) FROM e",
    "SELECT plan, sum(x), avg(x), sum(y) FROM e WHERE action = 'buy' GROUP BY plan",
    "SELECT object_id, sum(x), total(y) FROM e GROUP BY object_id",
    "SELECT object_id % 7, sum(x * 3 - 1), avg(x) FILTER (WHERE x > 50) FROM e GROUP BY 1",
    "SELECT avg(s), sum(s) FROM (SELECT sum(x) AS s FROM e GROUP BY object_id HAVING sum(x) > 100.01)",
    "SELECT plan, sum(CASE WHEN x > 50 THEN 1 ELSE x END) FROM e GROUP BY plan ORDER BY sum(x)",
    "SELECT sum(x) FROM e ORDER BY sum(x) DESC",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_scan_shows_what_sqlite_does(
    connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(snapshot, "SHARD_EVENTS", 500)
    db = filled(connect, path, PRICES[:5000])
    plain = connect(path, isolation_level=None, pushdown=False)
    assert sorted(db.execute(question).fetchall()) == sorted(plain.execute(question).fetchall())


def test_a_sum_that_leaves_the_range_is_infinite(connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SQLite has it, without a warning, and in its own group only."""
    db = filled(connect, path, [1.5e308, 1.5e308, 2.5])
    assert db.execute("SELECT sum(x), total(x), avg(x) FROM e").fetchall() == [(math.inf,) * 3]
    assert db.execute("SELECT x > 3, sum(x) FROM e GROUP BY 1").fetchall() == [(0, 2.5), (1, math.inf)]
    db.execute("INSERT INTO e(object_id, ts, action, x) VALUES (1, 9, 'buy', -9e999)")
    assert db.execute("SELECT sum(x) FROM e WHERE x < 3").fetchall() == [(-math.inf,)]
    db.execute("INSERT INTO e(object_id, ts, action, x) VALUES (1, 9, 'buy', 9e999)")
    assert db.execute("SELECT sum(x), avg(x), count(x) FROM e").fetchall() == [(None, None, 5)]


JOINED = ["sum(e.x), total(e.x), avg(e.x)", "sum(c.w), total(c.w), avg(c.w)", "sum(e.x * 2), sum(e.n), avg(e.n)",
          "sum(e.x) FILTER (WHERE e.x < 0), total(e.x) FILTER (WHERE e.x < 0), avg(e.x) FILTER (WHERE e.x < 0)",
          "sum(CASE WHEN e.x > 50 THEN 1 ELSE e.x END), sum(e.plan)",
          "sum(CASE WHEN e.x > 50 THEN 1 ELSE e.x END), total(iif(e.x > 50, 1, e.x)), avg(ifnull(e.x, 1))"]  # fmt: skip


@pytest.mark.parametrize("items", JOINED)
def test_a_join_adds_parts_that_nothing_was_lost_of(connect: Connect, path: str, items: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE e USING sky(x REAL, n INTEGER, plan TEXT STATE)")
    db.execute("CREATE TABLE c(id INTEGER PRIMARY KEY, segment TEXT, w REAL)")
    rng = random.Random(5)
    rows = [(rng.randint(1, 300), at, "buy", rng.choice([None, x, x]), rng.randint(0, 9)) for at, x in
            enumerate(PRICES[:4000])]  # fmt: skip
    db.execute("BEGIN")
    db.executemany("INSERT INTO e(object_id, ts, action, x, n) VALUES (?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT INTO c VALUES (?, ?, ?)", [(i, rng.choice("st"), x) for i, x in enumerate(PRICES[:300], 1)])
    db.execute("COMMIT")
    plain = connect(path, isolation_level=None, pushdown=False)
    question = f"SELECT c.segment, {items} FROM e JOIN c ON c.id = e.object_id GROUP BY c.segment"
    assert db.execute(question).fetchall() == plain.execute(question).fetchall()


@pytest.mark.parametrize("objects", [(1, 1, 1), (1, 1, 2), (1, 2, 2), (1, 2, 3)])
@pytest.mark.parametrize("pushdown", [True, False])
def test_what_is_too_small_for_a_sum_decides_nothing(
    connect: Connect, pushdown: bool, objects: tuple[int, ...]
) -> None:
    """Halfway between two doubles is the even one, whether 1e-300 was added or not, as in SQLite's own sums."""
    db = connect(pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE e USING sky(x REAL)")
    db.execute("CREATE TABLE c(id INTEGER)")
    events = zip(objects, (5000000000000002.0, 0.5, 1e-300), strict=True)
    db.executemany("INSERT INTO e(object_id, ts, action, x) VALUES (?, 1, 'a', ?)", list(events))
    db.executemany("INSERT INTO c VALUES (?)", [(1,), (2,), (3,)])
    for source in ("e", "e JOIN c ON id = object_id"):
        question = f"SELECT sum(x), total(x) FROM {source}"
        assert db.execute(question).fetchall() == [(5000000000000002.0,) * 2]


@pytest.mark.parametrize("pushdown", [True, False])
def test_a_join_adds_infinite_and_huge_values(connect: Connect, pushdown: bool) -> None:
    """inf and -inf make no number, within an object or of several; 1e308 twice leaves the range."""
    db = connect(pushdown=pushdown, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE e USING sky(x REAL)")
    db.execute("CREATE TABLE c(id INTEGER, w REAL)")
    events = [(1, math.inf), (1, -math.inf), (2, math.inf), (2, 1.0), (3, -math.inf), (4, None), (5, 1e308), (5, 1e308)]
    insert = "INSERT INTO e(object_id, ts, action, x) VALUES (?, ?, 'a', ?)"
    db.executemany(insert, [(id, at, x) for at, (id, x) in enumerate(events)])
    db.executemany("INSERT INTO c VALUES (?, ?)", [(1, 1.0), (2, 1e308), (3, -1e308), (4, 2.0), (5, -1e308)])
    items = "sum(x), total(x), avg(x), sum(w), total(w), avg(w)"
    by_object = db.execute(f"SELECT id, {items} FROM e JOIN c ON id = object_id GROUP BY id").fetchall()
    inf = math.inf
    assert by_object == [
        (1, None, None, None, 2.0, 2.0, 1.0),
        (2, inf, inf, inf, inf, inf, inf),
        (3, -inf, -inf, -inf, -1e308, -1e308, -1e308),
        (4, None, 0.0, None, 2.0, 2.0, 2.0),
        (5, inf, inf, inf, -inf, -inf, -inf),
    ]
    for ids, expected in (("1", None), ("1, 2", None), ("2, 3", None), ("2, 4", inf)):
        question = f"SELECT sum(x), total(x), avg(x) FROM e JOIN c ON id = object_id WHERE id IN ({ids})"
        assert db.execute(question).fetchall() == [(expected,) * 3]


@pytest.mark.parametrize("argument", ["u.t", "coalesce(u.x, u.t)", "coalesce(u.x, 1)"])
def test_of_parts_that_sqlite_adds(connect: Connect, argument: str) -> None:
    """Sums by object of texts, or of integers among reals, in a join by which they are added up again."""
    db = connect()
    db.execute("CREATE VIRTUAL TABLE events USING sky(t TEXT, x REAL)")
    db.execute("CREATE TABLE plain (object_id, timestamp, t, x)")
    db.execute("CREATE TABLE owners (id INTEGER PRIMARY KEY, s TEXT)")
    rng = random.Random(3)
    for at in range(6_000):
        texts = ["a", "1", str(round(rng.uniform(0, 100), 2)), None]
        row = rng.randint(1, 700), at, rng.choice(texts), rng.choice([None, round(rng.uniform(0, 100), 2)])
        db.execute("INSERT INTO events (object_id, timestamp, action, t, x) VALUES (?, ?, 'a', ?, ?)", row)
        db.execute("INSERT INTO plain VALUES (?, ?, ?, ?)", row)
    db.executemany("INSERT INTO owners VALUES (?, ?)", [(id, f"{id % 31}") for id in range(1, 701)])
    for function in ("sum", "total", "avg"):
        asked = f"SELECT s, {function}({argument}) FROM {{}} u JOIN owners ON id = u.object_id GROUP BY s ORDER BY s"
        assert db.execute(asked.format("events")).fetchall() == db.execute(asked.format("plain")).fetchall()
