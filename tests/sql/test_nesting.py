"""Selects within selects, each with any clauses: DISTINCT, GROUP BY, HAVING, windows, ORDER BY, LIMIT, OFFSET, and
correlated subqueries.

    SKYSQL_TEST_SEED=17 SKYSQL_TEST_STATEMENTS=10000 pytest tests/sql/test_nesting.py     others, and more

With pushdown, without, and in plain SQLite the rows are the same. An order that a LIMIT cuts, or that a window goes by,
is by all columns, so that rows which tie are equal.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import apsw
import pytest

import skysql
from tests.world.sides import typed

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "800"))
PER_DATABASE = 100

BASE = {"object_id": "I", "action": "T", "plan": "T", "n": "I", "x": "R", "session": "I", "changes": "T"}
OBJECTS = {"object_id": "I", "events": "I", "plan": "T"}
CHANGES = {"object_id": "I", "property": "T", "new_value": "T"}
TABLES = [("users", BASE), ("users", BASE), ("users", BASE), ("users_objects", OBJECTS), ("users_changes", CHANGES)]


class Level:
    """A select: its text, and the names and kinds of its columns. Made of one within, or of a table.

    busy: how likely each clause is.
    """

    def __init__(self, rng: random.Random, depth: int, busy: float) -> None:
        self.rng = rng
        self.busy = busy
        self.ctes: list[str] = []
        source, self.scope = self._source(depth)
        grouped = rng.random() < 0.6
        names = [*self.scope, *["object_id"] * 2 * ("object_id" in self.scope)]
        keys = list(dict.fromkeys(rng.sample(names, rng.randint(0, min(3, len(names)))))) if grouped else []
        where = f" WHERE {self._condition(self.scope)}" if rng.random() < busy else ""
        terms = self._aggregates(keys) if grouped else self._values()
        if rng.random() < busy / 2:
            terms.append((self._window(keys, grouped), "I"))
        if rng.random() < busy / 3 and (keys or not grouped):
            terms.append((self._correlated(keys or list(self.scope)), "I"))
        rng.shuffle(terms)
        self.columns, shown = self._named(terms)
        distinct = "DISTINCT " * (rng.random() < 0.3)
        by = f" GROUP BY {', '.join(keys)}" * bool(keys)
        having = f" HAVING {self._having(keys)}" if grouped and rng.random() < busy else ""
        self.sql = f"SELECT {distinct}{shown} FROM {source}{where}{by}{having}{self._order()}"

    def _source(self, depth: int) -> tuple[str, dict[str, str]]:
        if depth == 0:
            return self.rng.choice(TABLES)
        inner = Level(self.rng, depth - 1, self.busy)
        self.ctes += inner.ctes
        name = f"s{len(self.ctes)}_{depth}"
        if self.rng.random() < self.busy:
            self.ctes.append(f"{name} AS {self.rng.choice(['', '', 'MATERIALIZED '])}({inner.sql})")
            return name, inner.columns
        if self.rng.random() < 0.1 and not inner.sql.rpartition(")")[2].count(" ORDER BY "):
            return f"({inner.sql} UNION {self.rng.choice(['', 'ALL '])}{inner.sql}) {name}", inner.columns
        return f"({inner.sql}) {self.rng.choice([name, ''])}", inner.columns

    def _values(self) -> list[tuple[str, str]]:
        """Columns, and a few expressions of some."""
        names = self.rng.sample(list(self.scope), self.rng.randint(1, min(4, len(self.scope))))
        made = {"I": ["{0} + 1", "{0} % 2", "{0}", "coalesce({0}, 0)"], "R": ["{0} * 2", "{0}", "abs({0})"],
                "T": ["upper({0})", "{0}", "{0}", "{0} || 'a'"]}  # fmt: skip
        return [
            (self.rng.choice(made[kind]).format(name) if self.rng.random() < 0.3 else name, kind)
            for name in names for kind in [self.scope[name]]
        ]  # fmt: skip

    def _aggregate(self) -> tuple[str, str]:
        name = self.rng.choice(list(self.scope))
        kind = self.scope[name]
        wide = self.rng.choice(["sum", "min", "max", "count", "sum", "count(DISTINCT"]) if kind in "IR" else (
            self.rng.choice(["min", "max", "count", "count(DISTINCT"]))  # fmt: skip
        call = f"{wide}{' ' if '(' in wide else '('}{name})"
        return self.rng.choice([("count(*)", "I"), (call, "I" if wide.startswith("count") else kind)])

    def _aggregates(self, keys: list[str]) -> list[tuple[str, str]]:
        """Keys, not always all, and aggregates."""
        some = [key for key in keys if self.rng.random() < 0.7]
        found = [(key, self.scope[key]) for key in some]
        return found + [self._aggregate() for _ in range(self.rng.randint(0 if found else 1, 2))]

    def _window(self, keys: list[str], grouped: bool) -> str:
        """One whose order is total, or that needs none."""
        names = keys if grouped else list(self.scope)
        every = ", ".join(names) or "1"
        part = self.rng.choice(names) if names else "1"
        value = "count(*)" if grouped else part
        return self.rng.choice([
            f"rank() OVER (ORDER BY {value} DESC)", f"count(*) OVER (PARTITION BY {part})", "count(*) OVER ()",
            f"row_number() OVER (PARTITION BY {part} ORDER BY {every})", f"dense_rank() OVER (ORDER BY {every})",
            f"max(length({value})) OVER (ORDER BY {every})",
        ])  # fmt: skip

    def _correlated(self, names: list[str]) -> str:
        """A subquery that reads one of the columns, or its own of the same name."""
        name = self.rng.choice(names)
        meets = f"q.plan = {name}" if self.scope[name] == "T" else f"q.n < {name}"
        return self.rng.choice([
            f"(SELECT count(*) FROM users q WHERE {meets})", f"(SELECT sum(q.n) FROM users q WHERE {meets})",
            f"EXISTS (SELECT 1 FROM users q WHERE {meets})", f"(SELECT max(object_id + length({name})) FROM users q)",
            f"(SELECT count(*) FROM users_objects q, (SELECT n AS m FROM users) w WHERE m < length({name}))",
        ])  # fmt: skip

    def _named(self, terms: list[tuple[str, str]]) -> tuple[dict[str, str], str]:
        """The columns by the names that they get, which may be names of other ones within."""
        columns: dict[str, str] = {}
        shown = []
        for at, (sql, kind) in enumerate(terms):
            keeps = sql.isidentifier() and self.rng.random() < 0.7
            name = sql if keeps else self.rng.choice([f"c{at}", "n", "plan", "k"])
            name = name if name not in columns else f"d{at}"
            columns[name] = kind
            shown.append(sql if name == sql else f"{sql} AS {name}")
        return columns, ", ".join(shown)

    def _condition(self, scope: dict[str, str]) -> str:
        name = self.rng.choice(list(scope))
        value, other = {"I": ("1", "'3'"), "R": ("0.5", "1.25"), "T": ("'pro'", "'b'")}[scope[name]]
        forms = ["{0} > {1}", "{0} = {1}", "{0} IS NOT NULL", "{0} <> {1}", "({0} IS NULL OR {0} >= {1})",
                 "{0} IN ({1}, {2})", "{0} NOT IN ({1}, {2})", "{0} IN (SELECT {1})", "{0} < {2}"]  # fmt: skip
        return self.rng.choice(forms).format(name, value, other)

    def _having(self, keys: list[str]) -> str:
        one = self.rng.choice(["count(*) > 1", "count(*) >= 1", "count(*) < 4", f"{self._aggregate()[0]} IS NOT NULL"])
        if keys and self.rng.random() < 0.4:
            return f"{one} {self.rng.choice(['AND', 'OR'])} {self._condition({key: self.scope[key] for key in keys})}"
        return one

    def _order(self) -> str:
        """By all columns, and a limit; or nothing."""
        if self.rng.random() > self.busy:
            return ""
        places = self.rng.sample(range(1, len(self.columns) + 1), len(self.columns))
        order = f" ORDER BY {', '.join(str(place) + self.rng.choice(['', '', ' DESC']) for place in places)}"
        if self.rng.random() < 0.6:
            order += f" LIMIT {self.rng.choice([0, 1, 2, 5, 100, -1])}"
            order += f" OFFSET {self.rng.randint(0, 4)}" if self.rng.random() < 0.4 else ""
        return order


def statement(rng: random.Random) -> str:
    """A random one."""
    level = Level(rng, rng.choice([1, 1, 2, 3]), rng.choice([0.05, 0.1, 0.3, 0.6]))
    head = f"WITH {', '.join(level.ctes)} " if level.ctes else ""
    return head + level.sql


class World:
    """The same events in sky tables, with pushdown and without, and in ordinary tables."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.sky = [skysql.connect(":memory:", pushdown=pushdown) for pushdown in (True, False)]
        self.plain = apsw.Connection(":memory:")
        events = [
            (rng.randint(1, 6), rng.randrange(50), rng.choice("ab"), rng.choice([None, None, "free", "pro"]),
             rng.choice([None, 0, 1, 1, 2]), rng.choice([None, 0.5, 1.25, -2.0]))
            for _ in range(rng.choice([1, 5, 30, 80]))
        ]  # fmt: skip
        for db in self.sky:
            db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, n INTEGER, x REAL)")
            db.executemany("INSERT INTO users(object_id, ts, action, plan, n, x) VALUES (?, ?, ?, ?, ?, ?)", events)
            db.commit()
        for table, columns in dict(TABLES).items():
            kinds = {"I": "INTEGER", "R": "REAL", "T": "TEXT"}
            types = ", ".join(f"{name} {'' if name == 'new_value' else kinds[kind]}" for name, kind in columns.items())
            self.plain.execute(f"CREATE TABLE {table}({types})")
            rows = self.sky[1].execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            self.plain.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)


@pytest.fixture(params=range(-(-STATEMENTS // PER_DATABASE)))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(random.Random(f"{SEED}/nesting/{request.param}"))
    yield made
    for db in made.sky:
        assert db.check() == []
        db.close()
    made.plain.close()


def test_nested_selects(world: World) -> None:
    print(f"SKYSQL_TEST_SEED={SEED}")
    for _ in range(PER_DATABASE):
        sql = statement(world.rng)
        expected = typed(world.plain.execute(sql).fetchall())
        for db in world.sky:
            rows = typed(db.execute(sql).fetchall())
            if " ORDER BY " in sql.rpartition(")")[2]:
                assert rows == expected, f"{sql}\n{db.engine.prepare(sql).sql}"
            assert sorted(rows, key=repr) == sorted(expected, key=repr), f"{sql}\n{db.engine.prepare(sql).sql}"


INNER = "(SELECT object_id AS o, n AS b FROM users)"


@pytest.mark.parametrize("sql", [
    f"SELECT o FROM {INNER} GROUP BY o HAVING EXISTS (SELECT 1 FROM users q WHERE q.n < o)",
    f"SELECT o, (SELECT max(q.n) FROM users q WHERE q.n < max(b)) FROM {INNER} GROUP BY o",
    f"SELECT o, (SELECT sum(q.n + o) FROM users q) FROM {INNER} GROUP BY o",
    f"SELECT count(*) FROM {INNER} WHERE b > (SELECT min(q.n) FROM users q WHERE q.n <= o)",
    f"SELECT count(*) FROM {INNER} WHERE b IN (SELECT q.n FROM users q WHERE q.n <= o)",
    f"SELECT o, (SELECT count(*) FROM t WHERE 'o, b' = made OR id <= o) FROM {INNER} GROUP BY o",
])  # fmt: skip
def test_a_subquery_reads_a_name_that_only_the_outer_select_has(sql: str) -> None:
    events = [(1, 1, "a", 1), (1, 2, "a", 2), (2, 1, "a", 0), (2, 4, "b", 3)]
    plain, found = apsw.Connection(":memory:"), []
    plain.execute("CREATE TABLE users(object_id INTEGER, ts INTEGER, action TEXT, n INTEGER)")
    for db in (plain, *(skysql.connect(":memory:", pushdown=pushdown) for pushdown in (True, False))):
        if db is not plain:
            db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
        db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, made TEXT)")
        db.execute("INSERT INTO t(id) VALUES (1), (2)")
        db.executemany("INSERT INTO users(object_id, ts, action, n) VALUES (?, ?, ?, ?)", events)
        found.append(sorted(db.execute(sql).fetchall()))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("value", [
    "path_string(action)", "state_timeline(plan, ts)", "max(changes)",
    "sequence_match_events('(?1)(?2)', ts, action = 'a', plan = 'p')",
])  # fmt: skip
def test_equal_texts_that_are_computed_group_by_group_are_one_value(value: str) -> None:
    events = [(object, ts, "a", "pq"[(object + ts) % 2]) for object in range(1, 9) for ts in (1, 2, 3)]
    inner = f"SELECT object_id % 3 AS third, {value} AS x FROM users GROUP BY object_id"
    found = []
    for pushdown in (True, False):
        db = skysql.connect(":memory:", pushdown=pushdown)
        db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
        db.executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, ?, ?)", events)
        db.commit()
        asked = f"SELECT count(DISTINCT x), mode(x), count(x) FROM ({inner})"
        found.append([db.execute(asked).fetchall(), db.execute(f"{asked} GROUP BY third").fetchall()])
    assert found[0] == found[1]
    assert found[0][0][0][0] <= 2
