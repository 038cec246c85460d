"""Names in several databases: tables and views called alike in main, an attached database and temp, quoted or not."""

import os
import random
from collections import Counter

import apsw
import pytest

import skysql
from tests.world.sides import typed

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
WORLDS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "1200")) // 100

PROPERTIES = "plan TEXT STATE, seats INTEGER STATE, amount REAL"
COMPANIONS = ("users_objects", "users_changes")
VIEWS = {
    "v": "SELECT * FROM users WHERE seats IS NULL OR seats > 1",
    "odd view": "SELECT object_id, action, plan, amount FROM users",
    "over": "SELECT * FROM v WHERE plan IS NOT NULL",
    "customers_view": "SELECT c.id AS object_id, c.name AS plan FROM customers c",
}


class World:
    """A sky table with pushdown, one without, and ordinary tables; each in main and in an attached database."""

    def __init__(self, rng: random.Random) -> None:
        self.sides = [skysql.connect(":memory:"), skysql.connect(":memory:", pushdown=False)]
        self.plain = apsw.Connection(":memory:")
        for side in (*self.sides, self.plain):
            side.execute("ATTACH ':memory:' AS far")
        views = [name for name in VIEWS if rng.random() < 0.9]
        for database in ("main", "far"):
            self._fill(rng, database)
            for name in views if rng.random() < 0.8 else ["v"]:
                if name != "over" or "v" in views:
                    self.everywhere(f'CREATE VIEW {database}."{name}" AS {VIEWS[name]}')
        if rng.random() < 0.5:
            name, database = rng.choice(["v", "tv"]), rng.choice(["far", "main"])
            self.everywhere(f"CREATE TEMP VIEW {name} AS SELECT * FROM {database}.users")
        if rng.random() < 0.3:
            self.everywhere("CREATE TEMP TABLE customers(id INTEGER, name TEXT)")
        for db in self.sides:
            db.commit()

    def _fill(self, rng: random.Random, database: str) -> None:
        rows = [
            (rng.randint(1, 5), f"2026-01-{rng.randint(1, 28):02}", rng.choice("abc"),
             rng.choice(["pro", "free", None]), rng.choice([None, 1, 2, 7]), rng.choice([None, 0.5, 2.0, 10.25]))
            for _ in range(rng.randint(3, 25))
        ]  # fmt: skip
        rows = list({(row[0], row[1]): row for row in rows}.values())
        for db in self.sides:
            db.execute(f"CREATE VIRTUAL TABLE {database}.users USING sky({PROPERTIES})")
            columns = "object_id, timestamp, action, plan, seats, amount"
            db.executemany(f"INSERT INTO {database}.users({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
            db.commit()
        by_row = self.sides[1]
        for name in ("users", *COMPANIONS):
            info = by_row.execute(f"SELECT name, type FROM pragma_table_info('{name}', '{database}')").fetchall()
            content = by_row.execute(f"SELECT * FROM {database}.{name}").fetchall()
            self.plain.execute(f"CREATE TABLE {database}.{name}({', '.join(' '.join(column) for column in info)})")
            self.plain.executemany(f"INSERT INTO {database}.{name} VALUES ({', '.join('?' * len(info))})", content)
        for side in (*self.sides, self.plain):
            side.execute(f"CREATE TABLE {database}.customers(id INTEGER PRIMARY KEY, name TEXT)")
            named = [(1, database), (2, "pro"), (4, "free")]
            side.executemany(f"INSERT INTO {database}.customers VALUES (?, ?)", named)

    def everywhere(self, sql: str) -> None:
        """Run a statement on all sides."""
        for side in (*self.sides, self.plain):
            side.execute(sql)

    def same(self, sql: str) -> bool:
        """Whether there are rows; all sides have to give the same, or each an error."""
        found: list[Counter[object] | None] = []
        for side in (*self.sides, self.plain):
            try:
                found.append(Counter(typed(side.execute(sql).fetchall())))
            except (skysql.Error, apsw.Error):
                found.append(None)
        assert found[0] == found[1] == found[2], sql
        return bool(found[0])

    def close(self) -> None:
        """Close all sides."""
        for db in self.sides:
            assert db.check() == []
            db.close()
        self.plain.close()


def quoted(rng: random.Random, name: str) -> str:
    """A name as one may write it."""
    if " " not in name and rng.random() < 0.5:
        return rng.choice([name, name.upper(), name.capitalize()])
    return rng.choice(['"{}"', "[{}]", "`{}`"]).format(name)


def item(rng: random.Random, names: tuple[str, ...] = ("users", *COMPANIONS, *VIEWS, "tv")) -> str:
    """Something that a FROM reads."""
    database = rng.choice(["", "", "", "main", "far", "far", "temp"])
    return (quoted(rng, database) + "." if database else "") + quoted(rng, rng.choice(names))


def statement(rng: random.Random) -> str:
    """A question of one of many forms, about tables of any of the databases."""
    x, y = item(rng), item(rng)
    events, customers = item(rng, ("users", "users", "v", "odd view", "over")), item(rng, ("customers",))
    alias = quoted(rng, rng.choice(["u", "users", "v", "odd name"]))
    return rng.choice([
        f"SELECT plan, count(*) FROM {x} GROUP BY plan",
        f"SELECT {alias}.plan, count(*), count(DISTINCT object_id) FROM {x} AS {alias} GROUP BY 1",
        f"SELECT action, sum(amount), max(plan) FROM {events} GROUP BY action",
        f"SELECT action, plan, count(*) FROM {events} WHERE amount > 1 OR plan = 'pro' GROUP BY action, plan",
        f"SELECT * FROM {x} WHERE plan = 'pro'",
        f"SELECT count(*) FROM {x} WHERE object_id IN (SELECT object_id FROM {y})",
        f"SELECT object_id, (SELECT count(*) FROM {y} AS q WHERE q.object_id = {alias}.object_id) FROM {x} AS {alias}",
        f"SELECT a.plan, count(*) FROM {x} AS a JOIN {y} AS b ON a.object_id = b.object_id GROUP BY a.plan",
        f"SELECT c.name, count(*) FROM {events} u JOIN {customers} c ON c.id = u.object_id GROUP BY c.name",
        f"SELECT n, count(*) FROM (SELECT object_id, count(*) AS n FROM {x} GROUP BY object_id) GROUP BY n",
        f"WITH {quoted(rng, rng.choice(['w', 'users', 'v', 'over']))} AS (SELECT plan, object_id FROM {y})"
        f" SELECT plan, count(*) FROM {x} GROUP BY plan",
        f"SELECT plan FROM {x} UNION SELECT plan FROM {y}",
        f"SELECT object_id FROM {x} EXCEPT SELECT object_id FROM {y}",
        f"SELECT count(*) FROM {x} AS a WHERE EXISTS (SELECT 1 FROM {y} AS b WHERE b.plan = a.plan)",
    ])  # fmt: skip


@pytest.mark.parametrize("number", range(WORLDS))
def test_names_mean_what_sqlite_says(number: int) -> None:
    rng = random.Random(f"{SEED} {number}")
    world = World(rng)
    assert sum(world.same(statement(rng)) for _ in range(100)) > 10
    world.close()
