"""Random ASOF JOINs: each gives what for-loops over lists find, or is refused.

    SKYSQL_TEST_SEED=17 SKYSQL_TEST_STATEMENTS=10000 pytest tests/sql/test_asof.py     others, and more

Rows of the right side are tried from the last to the first (or, of the next one, from the first): by time, then in the
order of arrival. The first of a row's object that meets all conditions is the one it is joined with.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

import skysql
from tests.world.oracle import timestamp

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "300"))
PER_DATABASE = 60


class Row(NamedTuple):
    """Of either side; in lists in the order of arrival. Only ordinary tables have rows without an object or a time."""

    k: int | None
    t: int | None
    v: str | None
    n: int | None


NOTHING = Row(None, None, None, None)
Truth = bool | None
Meets = Callable[[Row, Row], Truth]


@dataclass(frozen=True)
class Side:
    """What is joined: its text, the names of the columns of Row, and which rows it has."""

    sql: str
    names: tuple[str, str, str, str] = ("k", "t", "v", "n")
    has: Callable[[Row], Truth] = lambda row: True
    cte: str = ""
    stamps: bool = False
    sky: bool = False


EVENTS = ("object_id", "ts", "v", "n")
STAMPED = ("object_id", "timestamp", "v", "n")
LEFTS = [
    Side("q"), Side("(SELECT * FROM q WHERE 1)"), Side("d", cte="d AS MATERIALIZED (SELECT * FROM q)"),
    Side("(SELECT object_id AS k, ts, v, n FROM ae)", ("k", *EVENTS[1:]), sky=True),
    Side("d", EVENTS, cte="d AS (SELECT *, ts FROM ae)", sky=True),
    Side("ae", EVENTS, sky=True), Side("ae", STAMPED, stamps=True, sky=True), Side("ae", EVENTS, sky=True),
]  # fmt: skip
RIGHTS = [
    Side("p"), Side("main.p"), Side("keyed"), Side("named"), Side("of_p"),
    Side("ze", EVENTS, sky=True), Side("ze", STAMPED, stamps=True, sky=True), Side("stamped", STAMPED, stamps=True),
    Side("of_keyed", ("k", "t", "w", "n"), lambda r: _less(r.n, 3)),
    Side("of_ze", ("who", "at", "v", "n"), stamps=True, sky=True), Side("(SELECT k, t, v, n FROM named)"),
    Side("(SELECT * FROM keyed WHERE n < 2 OR v = 'c')", has=lambda r: _or(_less(r.n, 2), _is(r.v, "c"))),
    Side("(SELECT object_id AS k, ts AS t, v, n FROM ze y WHERE y.n < 3)", has=lambda r: _less(r.n, 3), sky=True),
    Side("c", cte="c AS (SELECT n, v, t, k FROM p)"),
    Side("c", has=lambda r: _not(_is(r.v, "b")),
         cte="c AS (SELECT k, t, v AS v, n FROM keyed WHERE v <> 'b' ORDER BY n)"),
]  # fmt: skip


def _is(a: Any, b: Any) -> Truth:
    return None if a is None or b is None else a == b


def _less(a: Any, b: Any) -> Truth:
    return None if a is None or b is None else a < b


def _not(a: Truth) -> Truth:
    return None if a is None else not a


def _or(*parts: Truth) -> Truth:
    return True if True in parts else None if None in parts else False


def _and(*parts: Truth) -> Truth:
    return _not(_or(*map(_not, parts)))


@pytest.fixture(scope="module", params=range(-(-STATEMENTS // PER_DATABASE)))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(random.Random(f"{SEED}/asof/{request.param}"))
    yield made
    for db in made.sides:
        assert db.check() == []
        db.close()


class World:
    """The same rows in tables of all kinds, for a connection with pushdown and one without."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.asking = self._rows(rng.randint(1, 12), rng.random() < 0.5)
        self.prices = self._rows(rng.randint(1, 40), rng.random() < 0.5)
        self.sides = [skysql.connect(":memory:", pushdown=pushdown) for pushdown in (True, False)]
        forms = [rng.choice([str, lambda s: s.replace(" ", "T"), lambda s: s + "Z"]) for _ in self.prices]
        for db in self.sides:
            self._fill(db, forms)

    def _rows(self, count: int, whole: bool) -> list[Row]:
        r = self.rng
        odd = [] if whole else [None]
        return [
            Row(r.choice([1, 2, 3, *odd]), r.choice([*range(1, 8), *odd]), r.choice(["a", "b", "c", "a", None]),
                r.choice([0, 1, 2, 3, None]))
            for _ in range(count)
        ]  # fmt: skip

    def _fill(self, db: skysql.Connection, forms: list[Callable[[str], str]]) -> None:
        db.execute("CREATE TABLE q(k INTEGER, t INTEGER, v TEXT, n INTEGER)")
        db.executemany("INSERT INTO q VALUES (?, ?, ?, ?)", self.asking)
        db.execute("CREATE TABLE p(k INTEGER, t INTEGER, v TEXT, n INTEGER)")
        db.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", self.prices)
        db.execute("CREATE TABLE keyed(k, t, v, n, no, PRIMARY KEY(no)) WITHOUT ROWID")
        db.execute("CREATE TABLE named(rowid TEXT, k, t, v, n)")
        db.execute("CREATE TABLE stamped(object_id INTEGER, timestamp TEXT, v, n)")
        for number, (row, form) in enumerate(zip(self.prices, forms, strict=True)):
            db.execute("INSERT INTO keyed VALUES (?, ?, ?, ?, ?)", (*row, number))
            db.execute("INSERT INTO named VALUES ('x', ?, ?, ?, ?)", row)
            at = None if row.t is None else form(timestamp(row.t))
            db.execute("INSERT INTO stamped VALUES (?, ?, ?, ?)", (row.k, at, row.v, row.n))
        for name, rows in (("ae", self.asking), ("ze", self.prices)):
            db.execute(f"CREATE VIRTUAL TABLE {name} USING sky(v TEXT, n INTEGER)")
            events = [row for row in rows if row.k is not None and row.t is not None]
            db.executemany(f"INSERT INTO {name}(object_id, ts, v, n, action) VALUES (?, ?, ?, ?, 'a')", events)
        db.execute("CREATE VIEW of_p AS SELECT * FROM p")
        db.execute("CREATE VIEW of_keyed AS SELECT k, t, v AS w, n FROM keyed WHERE n < 3")
        db.execute("CREATE VIEW of_ze AS SELECT object_id AS who, timestamp AS at, v, n FROM ze")
        db.commit()

    def pairs(self, one: Join) -> list[tuple[Row, Row]]:
        """The rows of a join."""
        prices = self.rows(one.right, self.prices)
        found = [(row, one.find(row, prices)) for row in self.rows(one.left, self.asking)]
        return [(row, other or NOTHING) for row, other in found if other is not None or one.outer]

    def rows(self, side: Side, rows: list[Row]) -> list[Row]:
        """What the side has of them, in its order."""
        return [row for row in rows if side.has(row) and (not side.sky or None not in row[:2])]


def condition(rng: random.Random, left: Side, right: Side, depth: int = 2) -> tuple[str, Meets]:
    """A condition on a row of either side, with NULL where that comes out."""
    if depth and rng.random() < 0.6:
        (one, meets), (other, too) = (condition(rng, left, right, depth - 1) for _ in "ab")
        return rng.choice([
            (f"{one} OR {other}", lambda a, z: _or(meets(a, z), too(a, z))),
            (f"({one} OR {other})", lambda a, z: _or(meets(a, z), too(a, z))),
            (f"({one}) AND ({other})", lambda a, z: _and(meets(a, z), too(a, z))),
            (f"NOT ({one})", lambda a, z: _not(meets(a, z))),
            (f"CASE WHEN {one} THEN 1 ELSE 0 END", lambda a, z: bool(meets(a, z))),
        ])  # fmt: skip
    value, letter = rng.randint(0, 3), rng.choice("abc")
    return rng.choice([
        (f"z.{right.names[2]} = '{letter}'", lambda a, z: _is(z.v, letter)),
        (f"z.{right.names[2]} <> a.{left.names[2]}", lambda a, z: _not(_is(z.v, a.v))),
        (f"z.{right.names[3]} IN ({value}, 2)", lambda a, z: None if z.n is None else z.n in (value, 2)),
        (f"a.{left.names[3]} < {value}", lambda a, z: _less(a.n, value)),
        (f"z.{right.names[3]} IS NULL", lambda a, z: z.n is None),
        (f"{value} = (SELECT {value} WHERE z.{right.names[2]} > 'a')", lambda a, z: _less("a", z.v) or None),
    ])  # fmt: skip


@dataclass
class Join:
    """One ASOF JOIN: its text, and the row of the right side that goes with one of the left."""

    left: Side
    right: Side
    outer: bool
    text: str
    meets: Meets
    last: bool

    def find(self, row: Row, among: list[Row]) -> Row | None:
        """By trying them all, in the order in which they are wanted."""
        some = sorted((each for each in among if each.t is not None), key=lambda each: each.t or 0)
        return next((each for each in (reversed(some) if self.last else some) if self.meets(row, each)), None)


def join(rng: random.Random, left: Side, right: Side) -> Join:
    """Random words, with the conditions in any order."""
    outer = rng.random() < 0.5
    words = rng.choice(["LEFT JOIN", "LEFT OUTER JOIN", "left join"] if outer else ["JOIN", "INNER JOIN"])
    head = f"ASOF {words} {right.sql} {rng.choice(['', 'AS '])}z"
    last, strict = rng.random() < 0.8, rng.random() < 0.3
    if left.names[:2] == right.names[:2] and rng.random() < 0.25:
        using = f"{head} USING ({left.names[0]}, {left.names[1]})"
        return Join(left, right, outer, using, lambda a, z: _and(_is(a.k, z.k), _not(_less(a.t, z.t))), True)
    mine, other = f"a.{left.names[1]}", f"z.{right.names[1]}"
    sign = (">" if last else "<") + "=" * (not strict)
    mirrored = sign.translate(str.maketrans("<>", "><"))
    parts: list[tuple[str, Meets]] = [
        (f"a.{left.names[0]} = z.{right.names[0]}", lambda a, z: _is(a.k, z.k)),
        (rng.choice([f"{mine} {sign} {other}", f"{other} {mirrored} {mine}", f"({mine}) {sign} {other}"]),
         lambda a, z: _less(*((z.t, a.t) if last else (a.t, z.t))) if strict
         else _not(_less(*((a.t, z.t) if last else (z.t, a.t))))),
    ]  # fmt: skip
    parts += [condition(rng, left, right) for _ in range(rng.choice([0, 1, 1, 2]))]
    rng.shuffle(parts)
    text = " AND ".join(f"({sql})" if " OR " in sql or rng.random() < 0.2 else sql for sql, _ in parts)
    return Join(left, right, outer, f"{head} ON {text}", lambda a, z: _and(*(meets(a, z) for _, meets in parts)), last)


def statement(rng: random.Random, world: World) -> tuple[str, list[tuple[Any, ...]]]:
    """A SELECT with a join, and its rows."""
    left = rng.choice(LEFTS)
    right = rng.choice([side for side in RIGHTS if side.stamps == left.stamps])
    one = join(rng, left, right)
    pairs = world.pairs(one)
    where = ""
    if rng.random() < 0.4:
        text, meets = condition(rng, left, right)
        where, pairs = f" WHERE ({text})", [pair for pair in pairs if meets(*pair)]
    source = f"{left.sql} {rng.choice(['', 'AS '])}a {one.text}"
    form = rng.choice([of_rows, of_rows, of_groups, within, beside, of_two, exists])
    sql, rows = form(world, one, source, where, pairs)
    return f"WITH {', '.join(filter(None, (left.cte, right.cte)))} {sql}" if left.cte or right.cte else sql, rows


Pairs = list[tuple[Row, Row]]
Asked = tuple[str, list[tuple[Any, ...]]]


def of_rows(_world: World, one: Join, source: str, where: str, pairs: Pairs) -> Asked:
    a, z = one.left.names, one.right.names
    columns = f"a.{a[0]}, a.{a[3]}, z.{z[2]}, z.{z[3]}"
    return f"SELECT {columns} FROM {source}{where}", [(a.k, a.n, z.v, z.n) for a, z in pairs]


def of_groups(_world: World, one: Join, source: str, where: str, pairs: Pairs) -> Asked:
    value = f"z.{one.right.names[2]}"
    counts = Counter(z.v for _, z in pairs)
    return f"SELECT {value}, count(*) FROM {source}{where} GROUP BY {value}", list(counts.items())


def within(world: World, one: Join, source: str, where: str, pairs: Pairs) -> Asked:
    sql, rows = of_rows(world, one, source, where, pairs)
    return f"SELECT * FROM ({sql} ORDER BY 1) LIMIT -1", rows


def beside(world: World, one: Join, source: str, where: str, pairs: Pairs) -> Asked:
    sql, rows = of_rows(world, one, f"{source} JOIN (SELECT 1 AS x UNION ALL SELECT 2) y", where, pairs)
    return sql, rows * 2


def of_two(world: World, one: Join, source: str, where: str, pairs: Pairs) -> Asked:
    """A second join behind the first."""
    other = world.rng.choice([side for side in RIGHTS if side.stamps == one.left.stamps and not side.cte])
    second = join(world.rng, one.left, other)
    text = re.sub(r"\bz(?=\.| ON| USING)", "y", second.text)
    prices = world.rows(other, world.prices)
    found = [(pair, second.find(pair[0], prices)) for pair in pairs]
    rows = [(a.n, z.v, (y or NOTHING).n) for (a, z), y in found if y is not None or second.outer]
    columns = f"a.{one.left.names[3]}, z.{one.right.names[2]}, y.{other.names[3]}"
    return f"SELECT {columns} FROM {source} {text}{where}", rows


def exists(_world: World, one: Join, source: str, where: str, pairs: Pairs) -> Asked:
    inner = f"SELECT 1 FROM {source} WHERE z.{one.right.names[3]} = o.x{where.replace(' WHERE', ' AND', 1)}"
    sql = f"SELECT x FROM (SELECT 1 AS x UNION SELECT 2) o WHERE EXISTS ({inner})"
    return sql, [(x,) for x in (1, 2) if any(z.n == x for _, z in pairs)]


def bag(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def test_random_joins(world: World) -> None:
    print(f"SKYSQL_TEST_SEED={SEED}")
    for _ in range(PER_DATABASE):
        sql, expected = statement(world.rng, world)
        for db in world.sides:
            rows = db.execute(sql).fetchall()
            assert bag(rows) == bag(expected), f"{sql}\n{db.engine.prepare(sql).sql}"


SOME = ["(SELECT DISTINCT k, t, v FROM p)", "(SELECT k, t, v FROM p LIMIT 3)", "(SELECT k, t, max(v) AS v FROM p)",
        "(SELECT k, t, v FROM p GROUP BY k, t)", "(SELECT k, t, v FROM p UNION SELECT k, t, v FROM named)",
        "(SELECT k, t, v FROM p JOIN (SELECT 1))", "(VALUES (1, 2, 'a'))", "(SELECT k, t, v FROM (SELECT * FROM p))",
        "(SELECT k, t, v, row_number() OVER () FROM p)", "json_each('[1]')"]  # fmt: skip


@pytest.mark.parametrize("right", SOME)
def test_what_has_no_rows_of_its_own_is_refused(right: str) -> None:
    for db in World(random.Random(1)).sides:
        for left in ("q", "ae"):
            for words in ("ASOF JOIN", "ASOF LEFT JOIN"):
                with pytest.raises(skysql.NotSupportedError):
                    db.execute(f"SELECT * FROM {left} a {words} {right} z ON z.k = a.n AND z.t <= a.n")
        db.close()
