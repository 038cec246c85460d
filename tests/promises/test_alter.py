"""Altering a table: random alterations among writes against lists, and what is refused."""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw
import pytest

import skysql
from tests.conftest import Connect
from tests.world.oracle import Event, Oracle, Property, Schema, quote
from tests.world.walk import Walk

SEEDS = int(os.environ.get("SKYSQL_TEST_ALTERATIONS", "3"))
START = Schema("users", (Property("plan", "TEXT", True), Property("seats", "INTEGER", True),
                         Property("vip", "BOOLEAN", True), Property("amount", "REAL", False),
                         Property("count", "INTEGER", False)))  # fmt: skip
VALUES = {"TEXT": ["free", "pro", "", "12"], "INTEGER": [0, 1, -2, 3, 40], "REAL": [0.5, 1.0, -3.25, 1e20, 0.1],
          "BOOLEAN": [0, 1]}  # fmt: skip
TEXTS = {0.5: "0.5", 1.0: "1.0", -3.25: "-3.25", 1e20: "1.0e+20", 0.1: "0.1"}
WIDER = {"BOOLEAN": ["INTEGER", "REAL", "TEXT"], "INTEGER": ["REAL", "TEXT"], "REAL": ["TEXT"], "TEXT": []}
NAMES = ["age", "city", "my col", "x.y", 'a"b', "Größe", "to", "column"]


def widened(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "TEXT":
        return TEXTS[value] if value in TEXTS and isinstance(value, float) else str(value)
    return float(value) if kind == "REAL" else int(value)


@dataclass
class Row:
    """An event; values: what it says of properties, None for a change to NULL, also of what is an attribute by now."""

    object: Any
    ts: int
    action: str | None
    values: dict[str, Any]


State = tuple[Schema, list[Row]]


class World(Walk):
    """A file, two connections to it, and lists; every step happens to all of them."""

    def __init__(self, connect: Connect, path: str, seed: int, keyed: bool) -> None:
        self.schema = replace(START, key_name="name") if keyed else START
        self.rows: list[Row] = []
        super().__init__(connect, path, seed, self.schema.ddl())
        self.who = self.schema.key_name or "object_id"

    def state(self) -> State:
        return self.schema, [replace(row, values=dict(row.values)) for row in self.rows]

    def back(self, state: State) -> None:
        self.schema, rows = state
        self.rows = [replace(row, values=dict(row.values)) for row in rows]

    @staticmethod
    def oracle(state: State, db: skysql.Connection) -> Oracle:
        schema, rows = state
        states = {p.name for p in schema.states}
        events = [
            Event(row.object, row.ts, row.action,
                  {n: v for n, v in row.values.items() if n not in states and v is not None},
                  {p.name: row.values[p.name] for p in schema.states if p.name in row.values})
            for row in rows
        ]  # fmt: skip
        ids = None
        if schema.key_name is not None:
            ids = dict(db.execute("SELECT name, object_id FROM users_objects").fetchall())
        return Oracle(schema, events, ids)

    # writes

    def row(self) -> Row:
        r = self.random
        values: dict[str, Any] = {}
        for p in self.schema.properties:
            if r.random() < 0.4:
                values[p.name] = None if p.state and r.random() < 0.2 else r.choice(VALUES[p.kind])
        changes = any(p.name in values for p in self.schema.states)
        action = None if changes and r.random() < 0.15 else r.choice("abc")
        object = r.randint(1, 5)
        return Row(f"o{object}" if self.schema.key_name else object, r.randint(0, 6), action, values)

    def insert(self) -> None:
        rows = [self.row() for _ in range(self.random.randint(1, 10))]
        attributes = [p.name for p in self.schema.properties if not p.state]
        states = [p.name for p in self.schema.states]
        names = [self.who, "ts", "action", *attributes, "changes"]
        values = []
        for row in rows:
            changes = {n: row.values[n] for n in states if n in row.values}
            values.append([row.object, row.ts, row.action, *map(row.values.get, attributes),
                           json.dumps(changes) if changes else None])  # fmt: skip
        if self.random.random() < 0.3:
            columns = dict(zip(names, map(list, zip(*values, strict=True)), strict=True))
            columns["timestamp"] = columns.pop("ts")
            self.db.append("users", columns, time_unit="us")
        else:
            marks = ", ".join("?" * len(names))
            self.db.executemany(f"INSERT INTO users({', '.join(map(quote, names))}) VALUES ({marks})", values)
        self.rows += rows

    def delete(self) -> None:
        object, low = self.row().object, self.random.randint(0, 6)
        self.db.execute(f"DELETE FROM users WHERE {self.who} = ? AND ts >= ?", (object, low))
        self.rows = [row for row in self.rows if not (row.object == object and row.ts >= low)]

    def update(self) -> None:
        """An UPDATE of a property at the events of an action."""
        if not self.schema.properties:
            return
        property, action = self.random.choice(self.schema.properties), self.random.choice("abc")
        value = None if self.random.random() < 0.2 else self.random.choice(VALUES[property.kind])
        self.db.execute(f"UPDATE users SET {quote(property.name)} = ? WHERE action = ?", (value, action))
        states = {p.name for p in self.schema.states}
        for row in self.rows:
            if row.action == action:
                row.values = {n: v for n, v in row.values.items() if n in states or v is not None}
                row.values.pop(property.name, None)
                if value is not None or property.state:
                    row.values[property.name] = value

    # alterations

    def alter(self) -> None:
        step = self.random.choice([self.add, self.rename, self.drop, self.turn, self.turn, self.widen])
        if step == self.add or self.schema.properties:
            step()

    def make(self, change: str, refused: bool = False) -> bool:
        if refused:
            with pytest.raises(skysql.IntegrityError, match="action"):
                self.db.execute("SELECT sky_alter('users', ?)", (change,))
            return False
        ((done,),) = self.db.execute("SELECT sky_alter('users', ?)", (change,)).fetchall()
        assert "users" in done
        return True

    def free_name(self) -> str:
        taken = [p.name for p in self.schema.properties]
        return self.random.choice([name for name in [*NAMES, *[f"p{i}" for i in range(99)]] if name not in taken])

    def change(self, old: Property, new: Property | None) -> None:
        properties = [new if p is old else p for p in self.schema.properties]
        self.schema = replace(self.schema, properties=tuple(p for p in properties if p is not None))

    def add(self) -> None:
        new = Property(self.free_name(), self.random.choice(list(VALUES)), self.random.random() < 0.5)
        self.make(f"ADD {quote(new.name)} {new.kind}{' STATE' if new.state else ''}")
        self.schema = replace(self.schema, properties=(*self.schema.properties, new))

    def rename(self) -> None:
        old = self.random.choice(self.schema.properties)
        new = replace(old, name=self.free_name())
        self.make(f"RENAME COLUMN {quote(old.name)} TO {quote(new.name)}")
        self.change(old, new)
        for row in self.rows:
            row.values = {new.name if n == old.name else n: v for n, v in row.values.items()}

    def bare(self, old: Property) -> list[Row]:
        """The events that record nothing but changes of a property."""
        others = [p.name for p in self.schema.states if p is not old]
        return [row for row in self.rows if row.action is None and not any(n in row.values for n in others)]

    def drop(self) -> None:
        old = self.random.choice(self.schema.properties)
        attributes = [p.name for p in self.schema.properties if not p.state]
        bare = self.bare(old) if old.state else []
        kept = any(row.values.get(name) is not None for row in bare for name in attributes)
        if self.make(f"DROP {quote(old.name)}", kept):
            self.change(old, None)
            self.rows = [row for row in self.rows if not any(row is each for each in bare)]
            for row in self.rows:
                row.values.pop(old.name, None)

    def turn(self) -> None:
        old = self.random.choice(self.schema.properties)
        refused = old.state and bool(self.bare(old))
        if self.make(f"ALTER {quote(old.name)} TO {'ATTRIBUTE' if old.state else 'STATE'}", refused):
            self.change(old, replace(old, state=not old.state))

    def widen(self) -> None:
        old = self.random.choice(self.schema.properties)
        if not WIDER[old.kind]:
            return
        new = replace(old, kind=self.random.choice(WIDER[old.kind]))
        self.make(f"ALTER {quote(old.name)} TYPE {new.kind}")
        self.change(old, new)
        for row in self.rows:
            if old.name in row.values:
                row.values[old.name] = widened(row.values[old.name], new.kind)

    # steps

    def compact(self) -> None:
        self.db.compact()

    def step(self) -> None:
        writes = [self.insert, self.insert, self.insert, self.delete, self.update, self.alter, self.alter, self.alter]
        rare = [self.begin, self.end, self.savepoint, self.release, self.compact, self.reopen]
        self.random.choice(writes + rare)()
        self.settle()
        if self.random.random() < 0.6:
            self.same(self.db, self.state())
            self.same(self.other, self.committed)

    def same(self, db: skysql.Connection, state: State) -> None:
        """The database answers as the lists do, by row and by column, and nothing is wrong with it."""
        oracle = self.oracle(state, db)
        assert db.execute("SELECT *, ts, changes FROM users").fetchall() == oracle.event_rows()
        assert db.execute("SELECT * FROM users_objects").fetchall() == oracle.object_rows()
        assert db.execute("SELECT * FROM users_changes").fetchall() == oracle.change_rows()
        names = [name for name, _ in oracle.event_columns()]
        for p in self.random.sample(oracle.schema.properties, min(2, len(oracle.schema.properties))):
            counted: dict[Any, int] = {}
            for row in oracle.event_rows():
                value = row[names.index(p.name)]
                counted[value] = counted.get(value, 0) + 1
            cursor = db.execute(f"SELECT {quote(p.name)}, count(*) FROM users GROUP BY {quote(p.name)}")
            assert dict(cursor.fetchall()) == counted and cursor.plan is not None
        ((sql,),) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'users'").fetchall()
        for p in oracle.schema.properties:
            assert f"{quote(p.name)} {p.kind}{' STATE' if p.state else ''}" in sql or sql == START.ddl(), sql
        assert db.check() == []


@pytest.mark.parametrize("keyed", [False, True], ids=["by id", "by key"])
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.usefixtures("small")
def test_alterations_among_writes_against_lists(connect: Connect, path: str, seed: int, keyed: bool) -> None:
    world = World(connect, path, seed, keyed)
    for _ in range(80):
        world.step()
    world.same(world.db, world.state())


# one thing at a time


SHOP = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL, count INTEGER)"
INSERT = "INSERT INTO users(object_id, ts, action, plan, seats, amount, count) VALUES (?, ?, ?, ?, ?, ?, ?)"


@pytest.fixture
def shop(connect: Connect, path: str) -> skysql.Connection:
    """Two overlapping runs and a log."""
    db = connect(path, isolation_level=None)
    db.execute(SHOP)
    rows = [(i % 7 + 1, i, "abc"[i % 3], ["free", None, "pro"][i % 3], [None, i][i % 2], i / 4, i) for i in range(60)]
    for part in (rows[:40], rows[40:50], rows[50:]):
        db.executemany(INSERT, part)
        if part is not rows[50:]:
            db.engine.relation("main", "users").store.fold()
    return db


def alter(db: skysql.Connection, change: str) -> str:
    ((done,),) = db.execute("SELECT sky_alter('users', ?)", (change,)).fetchall()
    return str(done)


def test_what_was_done_is_told(shop: skysql.Connection) -> None:
    assert alter(shop, "ADD age INTEGER STATE") == "age INTEGER STATE added to users"
    assert alter(shop, "rename column age to years") == "age of users renamed to years"
    assert alter(shop, "ALTER years TO ATTRIBUTE") == "years of users is an attribute now"
    assert alter(shop, "ALTER years TO STATE") == "years of users is a state property now"
    assert alter(shop, 'ALTER COLUMN "years" TYPE TEXT') == "years of users is TEXT now"
    assert alter(shop, "DROP years") == "years dropped from users"
    assert shop.execute("SELECT sky_alter('main.users', 'ADD age INT')").fetchall() == [("age INTEGER added to users",)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("", "cannot read"),
        ("frobnicate it", "cannot read 'frobnicate it' as a change"),
        ("ADD x", "cannot read"),
        ("ADD x TEXT; DROP plan", "from '; DROP plan' on"),
        ("ADD x BLOB", "no type BLOB .*TEXT, INTEGER, REAL, BOOLEAN, TIMESTAMP and DECIMAL"),
        ("ADD x TEXT OBJECT", "OBJECT column cannot be added"),
        ("ADD Plan TEXT", "has a column 'Plan' already"),
        ("ADD object_id TEXT", "every sky table has"),
        ("ADD ts TEXT", "every sky table has"),
        ("ADD duration REAL STATE", "column of users_sessions"),
        ("RENAME plan TO seats", "has a column 'seats' already"),
        ("RENAME plan TO session", "every sky table has"),
        ("RENAME plam TO x", "no property 'plam' .*did you mean 'plan'"),
        ("RENAME object_id TO x", "is the OBJECT of 'users'"),
        ("DROP timestamp", "every sky table has"),
        ("DROP object_id", "is the OBJECT"),
        ("ALTER plan TO STATE", "state property already"),
        ("ALTER amount TO ATTRIBUTE", "an attribute already"),
        ("ALTER plan TYPE INTEGER", "is TEXT, which INTEGER does not hold"),
        ("ALTER amount TYPE INTEGER", "is REAL, which INTEGER does not hold"),
        ("ALTER plan TYPE TEXT", "is TEXT already"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(shop: skysql.Connection, change: str, message: str) -> None:
    before = shop.execute("SELECT * FROM users").fetchall()
    with pytest.raises(skysql.ProgrammingError, match=message):
        alter(shop, change)
    assert shop.execute("SELECT * FROM users").fetchall() == before
    assert shop.execute("SELECT sql FROM sqlite_schema WHERE name = 'users'").fetchall() == [(SHOP,)]


def test_unknown_tables_are_refused(shop: skysql.Connection) -> None:
    for table, message in (("user", "did you mean 'users'"), ("users_objects", "no sky table"), (None, "both texts")):
        with pytest.raises(skysql.ProgrammingError, match=message):
            shop.execute("SELECT sky_alter(?, 'DROP plan')", (table,))
    for change in ("ADD COLUMN x INTEGER", "DROP COLUMN plan", "RENAME COLUMN plan TO x"):
        with pytest.raises(skysql.OperationalError, match="virtual table.*sky_alter"):
            shop.execute(f"ALTER TABLE users {change}")


def test_open_connections_and_prepared_statements_see_it(shop: skysql.Connection, connect: Connect, path: str) -> None:
    other, reader = connect(path, isolation_level=None), connect(path, isolation_level=None)
    questions = ["SELECT * FROM users WHERE object_id = 1", "SELECT seats, count(*) FROM users GROUP BY seats",
                 "SELECT * FROM users_objects"]  # fmt: skip
    before = [other.execute(sql).fetchall() for sql in questions]
    reader.execute("BEGIN")
    assert [reader.execute(sql).fetchall() for sql in questions] == before
    alter(shop, "ALTER seats TYPE TEXT")
    alter(shop, "ADD city TEXT STATE")
    after = [shop.execute(sql).fetchall() for sql in questions]
    assert after != before
    assert [other.execute(sql).fetchall() for sql in questions] == after
    assert [reader.execute(sql).fetchall() for sql in questions] == before
    reader.execute("COMMIT")
    assert [reader.execute(sql).fetchall() for sql in questions] == after
    other.execute("INSERT INTO users(object_id, ts, city) VALUES (1, 0, 'Rome')")
    assert shop.execute("SELECT city FROM users_objects WHERE object_id = 1").fetchall() == [("Rome",)]


def test_what_was_cached_before_is_not_taken_for_what_it_is_now(shop: skysql.Connection) -> None:
    shop.execute("DELETE FROM users WHERE ts >= 50")  # no log: shards of two runs
    sql = "SELECT {0}, count(*) FROM users GROUP BY {0} ORDER BY {0}"
    numbers = shop.execute(sql.format("seats")).fetchall()
    shop.execute("BEGIN")
    alter(shop, "ALTER seats TYPE TEXT")
    texts = [(None if n is None else str(n), count) for n, count in numbers]
    assert sorted(shop.execute(sql.format("seats")).fetchall(), key=str) == sorted(texts, key=str)
    alter(shop, "ADD x INTEGER STATE")
    shop.execute("INSERT INTO users(object_id, ts, x) VALUES (1, 1000, 7)")
    assert shop.execute("SELECT x, count(*) FROM users GROUP BY x").fetchall() == [(None, 50), (7, 1)]
    shop.execute("ROLLBACK")
    assert shop.execute(sql.format("seats")).fetchall() == numbers
    shop.execute("INSERT INTO users(object_id, ts, seats) VALUES (1, 1000, -5)")  # other codes than before
    alter(shop, "ALTER seats TYPE TEXT")
    alter(shop, "ADD x TEXT")
    assert sorted(shop.execute(sql.format("seats")).fetchall(), key=str) == sorted([*texts, ("-5", 1)], key=str)
    assert shop.execute("SELECT x, count(*) FROM users GROUP BY x").fetchall() == [(None, 51)]


ALTERED_MEANWHILE = {
    "groups": "SELECT seats, count(*) FROM users GROUP BY seats",
    "rows": "SELECT object_id, ts, seats FROM users WHERE seats LIKE '%1%'",
    "joined": "SELECT n, (SELECT sum(seats) FROM users WHERE object_id = n) FROM numbers",
    "matched": """SELECT object_id, s FROM users MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp
                  MEASURES sum(A.seats) AS s PATTERN (A+) DEFINE A AS seats > 0)""",
    "as of": "SELECT n, o.seats FROM numbers JOIN users_objects o ON o.object_id = n AND o.as_of = '2100-01-01'",
    "asof": "SELECT n, seats FROM numbers ASOF JOIN users USING (object_id, ts)",
}


class Meanwhile:
    """A connection beside which another one gives `seats` and `count` each other's name, whenever it has planned."""

    def __init__(self, connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.db, self.other = connect(path, **options), connect(path, isolation_level=None)
        self.db.executescript("CREATE TABLE numbers(n INTEGER, object_id INTEGER, ts INTEGER); CREATE TABLE copy(n, x);"
                              "INSERT INTO numbers VALUES (1, 1, 1000), (2, 2, 1000), (3, 3, 1000);")  # fmt: skip
        self.times, self.planned = 0, 0
        self.prepare = self.db.engine.prepare
        monkeypatch.setattr(self.db.engine, "prepare", self.plan)

    def plan(self, sql: str) -> Any:
        prepared = self.prepare(sql)
        self.planned += 1
        if self.planned <= self.times:
            for change in ("RENAME seats TO x", "RENAME count TO seats", "RENAME x TO count"):
                alter(self.other, change)
        return prepared

    def during(self, times: int) -> skysql.Connection:
        """The connection; its next `times` plans are outdated."""
        self.times, self.planned = times, 0
        return self.db


@pytest.mark.parametrize("times", [1, 2, 3, 9])
@pytest.mark.parametrize("sql", ALTERED_MEANWHILE.values(), ids=ALTERED_MEANWHILE)
def test_a_statement_is_planned_anew_when_a_table_is_altered_meanwhile(
    shop: skysql.Connection, connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, sql: str, times: int
) -> None:
    shop.execute("UPDATE users SET count = object_id * 10")
    alter(shop, "ALTER count TO STATE")
    meanwhile = Meanwhile(connect, path, monkeypatch)
    rows = meanwhile.during(times).execute(sql).fetchall()
    assert rows == meanwhile.other.execute(sql).fetchall() != []
    meanwhile.db.execute("BEGIN")
    rows = meanwhile.during(times).execute(sql).fetchall()
    assert rows == meanwhile.during(0).execute(sql).fetchall() != []


def test_writes_are_planned_anew_and_write_once(
    shop: skysql.Connection, connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.execute("UPDATE users SET count = object_id * 10")
    groups = "SELECT seats, count(*) FROM users WHERE object_id <> {} GROUP BY seats"
    for isolation_level, most in (("DEFERRED", 1), (None, 2)):  # a transaction that has begun to write keeps others out
        meanwhile = Meanwhile(connect, path, monkeypatch, isolation_level=isolation_level)
        db, expected = meanwhile.db, []
        for times in range(1, most + 1):
            db = meanwhile.during(times)
            assert db.execute(f"INSERT INTO copy {groups.format(0)}").rowcount > 1
            db.commit()
            expected += meanwhile.other.execute(groups.format(0)).fetchall()
            db = meanwhile.during(times)
            db.executemany(f"INSERT INTO copy {groups.format('?')}", [(1,), (2,)])
            db.commit()
            expected += [row for o in (1, 2) for row in meanwhile.other.execute(groups.format(o)).fetchall()]
            meanwhile.during(times).executescript(f"INSERT INTO copy {groups.format(0)}; SELECT 1")
            expected += meanwhile.other.execute(groups.format(0)).fetchall()
            assert sorted(db.execute("SELECT * FROM copy"), key=str) == sorted(expected, key=str)
        shop.execute("DROP TABLE copy")
        shop.execute("DROP TABLE numbers")


@pytest.mark.parametrize("change", ["CREATE TABLE other(x)", "CREATE TEMP TABLE other(x)", "DROP TABLE copied"])
def test_many_statements_are_planned_anew_from_where_they_are(shop: skysql.Connection, change: str) -> None:
    shop.executescript("CREATE TABLE copy(n, x); CREATE TABLE copied(n)")
    insert = "INSERT INTO copy SELECT ?, count(*) FROM users"

    def parameters() -> Iterator[tuple[int]]:
        yield from [(1,), (2,)]
        shop.execute(change)
        shop.execute(insert, (3,))
        yield from [(4,), (5,)]

    assert shop.executemany(insert, parameters()).rowcount == 4
    assert shop.execute("SELECT n FROM copy ORDER BY 1").fetchall() == [(1,), (2,), (3,), (4,), (5,)]


def test_a_statement_is_not_planned_for_ever(
    shop: skysql.Connection, connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = Meanwhile(connect, path, monkeypatch)
    db = meanwhile.during(1000)
    with pytest.raises(skysql.OperationalError, match="'users' was altered .*run it again"):
        db.execute("SELECT seats, count(*) FROM users GROUP BY seats")
    with pytest.raises(skysql.OperationalError, match="no such column: never"):
        meanwhile.during(0).execute("SELECT never, count(*) FROM users GROUP BY seats")


def test_savepoints_that_are_rolled_back_leave_the_schema_of_before(shop: skysql.Connection) -> None:
    shop.execute("BEGIN")
    for name in ("x", "y"):  # SQLite gives both schemas one number
        shop.execute("SAVEPOINT one")
        alter(shop, f"ADD {name} INTEGER STATE")
        assert shop.execute(f"SELECT {name}, count(*) FROM users GROUP BY 1").fetchall() == [(None, 60)]
        shop.execute("ROLLBACK TO one")
        with pytest.raises(skysql.OperationalError, match="no such column"):
            shop.execute(f"SELECT {name}, count(*) FROM users GROUP BY 1")
    shop.execute("SAVEPOINT one")
    alter(shop, "RENAME plan TO x")
    assert len(shop.execute("SELECT x, count(*) FROM users GROUP BY 1").fetchall()) == 3
    shop.execute("ROLLBACK TO one")
    shop.execute("CREATE TABLE other(y)")
    with pytest.raises(skysql.OperationalError, match="no such column"):
        shop.execute("SELECT x, count(*) FROM users GROUP BY 1")
    shop.execute("COMMIT")


def test_changes_to_null_come_back_with_the_state(shop: skysql.Connection) -> None:
    shop.execute("INSERT INTO users(object_id, ts, action, changes) VALUES (1, 100, 'x', '{\"plan\": null}')")
    shop.execute("UPDATE users SET action = 'x' WHERE action IS NULL")
    before = shop.execute("SELECT *, changes FROM users").fetchall()
    alter(shop, "ALTER plan TO ATTRIBUTE")
    shop.execute("INSERT OR IGNORE INTO users(object_id, ts, action) VALUES (1, 100, 'x')")
    assert shop.execute("SELECT count(*), count(plan) FROM users").fetchall() == [(61, 40)]
    shop.compact()
    alter(shop, "ALTER plan TO STATE")
    assert shop.execute("SELECT *, changes FROM users").fetchall() == before


def test_events_that_would_record_nothing(shop: skysql.Connection) -> None:
    shop.execute("INSERT INTO users(object_id, ts, plan) VALUES (1, 100, 'team')")
    with pytest.raises(skysql.IntegrityError, match="1 event of 'users' would have neither .*UPDATE"):
        alter(shop, "ALTER plan TO ATTRIBUTE")
    shop.execute("INSERT INTO users(object_id, ts, plan, amount) VALUES (1, 101, 'team', 9)")
    with pytest.raises(skysql.IntegrityError, match="have attributes"):
        alter(shop, "DROP plan")
    shop.execute("UPDATE users SET action = 'changed' WHERE ts = 101")
    assert alter(shop, "DROP plan") == "plan dropped from users, and 1 event that recorded nothing else"
    assert shop.execute("SELECT count(*), max(ts) FROM users").fetchall() == [(61, 101)]
    assert shop.check() == []


def test_integers_that_are_not_exactly_reals_are_kept(shop: skysql.Connection) -> None:
    shop.execute("INSERT INTO users(object_id, ts, action, count) VALUES (1, 100, 'x', ?)", (2**53 + 1,))
    with pytest.raises(skysql.DataError, match="9007199254740993 is not exactly a REAL"):
        alter(shop, "ALTER count TYPE REAL")
    shop.execute("UPDATE users SET count = ? WHERE ts = 100", (2**62,))
    alter(shop, "ALTER count TYPE REAL")
    assert shop.execute("SELECT count FROM users WHERE ts >= 59 ORDER BY ts").fetchall() == [(59.0,), (2.0**62,)]


@pytest.mark.parametrize("how", ["log", "block", "both"])
def test_widening_to_text_gives_what_cast_gives(connect: Connect, how: str) -> None:
    rng = random.Random(how)
    reals = [rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300) for _ in range(300)]
    reals += [0.0, -0.0, 1e15, 1e16, 1e17, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf")]
    integers = [rng.randint(-(2**63), 2**63 - 1) >> rng.randint(0, 63) for _ in reals]
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(r REAL, i INTEGER STATE, b BOOLEAN STATE, chain INTEGER)")
    db.execute("CREATE TABLE plain(ts, r REAL, i INTEGER, b INTEGER, chain REAL)")
    rows = [(ts, r, i, ts % 2, ts - 100) for ts, (r, i) in enumerate(zip(reals, integers, strict=True))]
    for at, part in enumerate((rows[:150], rows[150:])):
        db.executemany("INSERT INTO users(object_id, action, ts, r, i, b, chain) VALUES (1, 'a', ?, ?, ?, ?, ?)", part)
        db.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?)", part)
        if how == "block" or (how == "both" and at == 0):
            db.compact()
    alter(db, "ALTER chain TYPE REAL")
    for name in ("r", "i", "b", "chain"):
        alter(db, f"ALTER {name} TYPE TEXT")
    expected = db.execute("SELECT CAST(r AS TEXT), CAST(i AS TEXT), CAST(b AS TEXT), CAST(chain AS TEXT) FROM plain"
                          " ORDER BY ts").fetchall()  # fmt: skip
    assert db.execute("SELECT r, i, b, chain FROM users").fetchall() == expected
    db.compact()
    assert db.execute("SELECT r, i, b, chain FROM users").fetchall() == expected


def test_bytes_of_what_was_dropped_or_cast_go_with_the_next_vacuum(connect: Connect, path: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(secret TEXT STATE, note TEXT, rate REAL)")
    rows = [(1, ts, "a", "a secret plan", "confession", 3.25) for ts in range(300)]
    db.executemany("INSERT INTO users(object_id, ts, action, secret, note, rate) VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.compact()
    db.execute("INSERT INTO users(object_id, ts, action, note, rate) VALUES (2, 1, 'a', 'confession', 7771.25)")
    alter(db, "ALTER rate TYPE TEXT")
    db.execute("DELETE FROM users WHERE object_id = 2")
    for name in ("secret", "note"):
        alter(db, f"DROP {name}")
    db.compact(vacuum=True)
    contents = b"".join(p.read_bytes() for p in Path(path).parent.iterdir())
    assert [text for text in (b"a secret plan", b"confession", b"7771.25") if text in contents] == []
    assert b"3.25" in contents
    assert db.execute("SELECT rate, count(*) FROM users GROUP BY 1").fetchall() == [("3.25", 300)]
    assert db.execute("SELECT count(*) FROM users_column WHERE id BETWEEN 0 AND 65535").fetchall() == [(0,)]


# around it


def test_views_and_triggers_that_need_a_column_keep_it(shop: skysql.Connection) -> None:
    shop.execute("CREATE TABLE notes(x)")
    shop.execute("CREATE TABLE cities(age, object_id)")
    shop.execute("CREATE VIEW broken AS SELECT x FROM nowhere")  # before as after
    shop.execute('CREATE VIEW plans AS SELECT "plan" FROM users_objects')
    shop.execute("CREATE VIEW joined AS SELECT age FROM users JOIN cities USING(object_id)")
    shop.execute("CREATE TRIGGER noted AFTER UPDATE OF x ON notes BEGIN"
                 " INSERT INTO users(object_id, ts, action, seats) VALUES (1, 1, 'noted', new.x); END")  # fmt: skip
    for change, what in (("RENAME plan TO p", "view plans .*no such column"), ("DROP seats", "trigger noted"),
                         ("ADD age TEXT", "view joined .*ambiguous")):  # fmt: skip
        with pytest.raises(skysql.ProgrammingError, match=f"{what}.*make it anew"):
            alter(shop, change)
    alter(shop, "RENAME amount TO price")
    shop.execute("DROP VIEW plans")
    alter(shop, "RENAME plan TO p")
    assert shop.execute("SELECT DISTINCT p FROM users_objects ORDER BY 1").fetchall() == [("free",), ("pro",)]


def test_in_attached_databases_in_temp_and_in_defensive_mode(shop: skysql.Connection, tmp_path: Any) -> None:
    shop.execute("ATTACH ? AS more", (str(tmp_path / "more.db"),))
    for database in ("more", "temp"):
        shop.execute(f"CREATE VIRTUAL TABLE {database}.things USING sky(size INTEGER)")
        shop.execute(f"INSERT INTO {database}.things(object_id, ts, action, size) VALUES (1, 1, 'a', 5)")
    shop.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    for database in ("more", "temp"):
        shop.execute("SELECT sky_alter(?, 'ALTER size TYPE TEXT')", (f"{database}.things",))
        assert shop.execute(f"SELECT size FROM {database}.things").fetchall() == [("5",)]
        schema = "sqlite_temp_schema" if database == "temp" else f"{database}.sqlite_schema"
        assert "TEXT" in str(shop.execute(f"SELECT sql FROM {schema} WHERE name = 'things'").fetchall())
    assert shop.sqlite.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1)
    assert not shop.sqlite.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, -1)


@pytest.mark.parametrize("where", ["define", "reread"])
def test_an_error_in_its_midst_leaves_the_table_as_it_was(
    shop: skysql.Connection, connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    places = {"define": "skysql.store.store.Store.define", "reread": "skysql.engine.sky_alter.write_definition"}
    before = shop.execute("SELECT * FROM users").fetchall()

    def fail(*_: Any, **__: Any) -> None:
        raise skysql.OperationalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(places[where], fail)
        with pytest.raises(skysql.OperationalError, match="disk full"):
            alter(shop, "ALTER seats TYPE TEXT")
    for db in (shop, connect(path)):
        assert db.execute("SELECT * FROM users").fetchall() == before
        assert db.execute("SELECT sql FROM sqlite_schema WHERE name = 'users'").fetchall() == [(SHOP,)]
    alter(shop, "DROP seats")


def test_it_waits_for_no_statement_that_reads(shop: skysql.Connection, connect: Connect, path: str) -> None:
    rows = shop.execute("SELECT * FROM users")
    with pytest.raises(skysql.OperationalError, match="under way"):
        alter(shop, "DROP seats")
    rows.close()
    alter(shop, "DROP seats")
    with pytest.raises(skysql.OperationalError, match="readonly|read-only|attempt to write"):
        alter(connect(path, read_only=True), "DROP plan")
    with pytest.raises(skysql.OperationalError):
        shop.execute("INSERT INTO users(object_id, ts, action) SELECT 1, 1, sky_alter('users', 'DROP plan')")
    assert shop.execute("SELECT count(plan) FROM users").fetchone() != (0,)


def test_events_that_wait_are_written_first(shop: skysql.Connection) -> None:
    shop.execute("BEGIN")
    shop.execute("INSERT INTO users(object_id, ts, action, seats) VALUES (1, 100, 'x', 77)")
    alter(shop, "ALTER seats TYPE TEXT")
    shop.execute("INSERT INTO users(object_id, ts, action, seats) VALUES (1, 101, 'x', 'many')")
    shop.execute("COMMIT")
    assert shop.execute("SELECT seats FROM users WHERE ts >= 100").fetchall() == [("77",), ("many",)]


def test_a_dump_makes_the_altered_table(shop: skysql.Connection, connect: Connect) -> None:
    for change in ("ALTER seats TYPE TEXT", "RENAME amount TO price", "ADD x TEXT", "ALTER count TO STATE"):
        alter(shop, change)
    copy = connect(isolation_level=None)
    copy.executescript("".join(shop.iterdump()))
    question = "SELECT *, changes FROM users"
    assert copy.execute(question).fetchall() == shop.execute(question).fetchall()
