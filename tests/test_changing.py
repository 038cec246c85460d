"""Changing what is there: DELETE, UPDATE, and INSERT OR ..., against lists of events."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Connect
from oracle import Event, Oracle, Property, Schema

import skysql
from skysql import compact, store

SCHEMA = Schema(
    "users",
    (
        Property("plan", "TEXT", True),
        Property("amount", "REAL", False),
        Property("seats", "INTEGER", True),
        Property("url", "TEXT", False),
    ),
)
KEYED = replace(SCHEMA, key_name="name")
PLANS, ACTIONS, URLS = ["free", "pro", "team"], ["a", "b", "c"], ["/", "/x"]

Test = Callable[[Event, dict[str, Any]], bool]
Where = tuple[str, Test]


class Model:
    """The events of one table in order of arrival, and the statements that change them, by for-loops."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.events: list[Event] = []
        self.ids: dict[str, int] = {}

    def oracle(self) -> Oracle:
        return Oracle(self.schema, self.events, self.ids)

    def insert(self, event: Event, conflict: str) -> None:
        if conflict == "IGNORE" and event in self.events:
            return
        if conflict == "REPLACE":
            self.events = [e for e in self.events if (e.object, e.ts) != (event.object, event.ts)]
        if isinstance(event.object, str):
            self.ids.setdefault(event.object, len(self.ids) + 1)
        self.events.append(event)

    def chosen(self, test: Test) -> list[int]:
        """The places of the events that meet a condition, in path order."""
        oracle, found = self.oracle(), []
        places = {id(event): at for at, event in enumerate(self.events)}
        for _, path in oracle.paths():
            for event, state in zip(path, oracle.replay(path), strict=True):
                if test(event, state):
                    found.append(places[id(event)])
        return found

    def delete(self, test: Test) -> int:
        gone = set(self.chosen(test))
        self.events = [event for at, event in enumerate(self.events) if at not in gone]
        return len(gone)

    def update(self, test: Test, change: Callable[[Event], Event]) -> int:
        chosen, moved = self.chosen(test), []
        for at in chosen:
            before, self.events[at] = self.events[at], change(self.events[at])
            if (before.object, before.ts) != (self.events[at].object, self.events[at].ts):
                moved.append(at)
        late = [self.events[at] for at in moved]
        self.events = [event for at, event in enumerate(self.events) if at not in moved] + late
        return len(chosen)


class World:
    """A file, two connections to it, and the model; every step happens to all of them."""

    def __init__(self, connect: Connect, path: str, seed: int, schema: Schema) -> None:
        self.random = random.Random(seed)
        self.connect, self.path = connect, path
        self.schema = schema
        self.model = Model(schema)
        self.committed: tuple[list[Event], dict[str, int]] = [], {}
        self.savepoints: list[tuple[list[Event], dict[str, int]]] = []
        self.db = connect(path, isolation_level=None)
        self.db.execute(schema.ddl())
        self.other = connect(path, isolation_level=None)

    # random parts

    def object(self) -> Any:
        number = self.random.randint(1, 5)
        return f"o{number}" if self.schema.key_name else number

    def ts(self) -> int:
        return self.random.randint(-1, 6)

    def event(self) -> Event:
        r = self.random
        attributes: dict[str, Any] = {"amount": float(r.randint(0, 3))} if r.random() < 0.4 else {}
        attributes |= {"url": r.choice(URLS)} if r.random() < 0.3 else {}
        changes = self.changes() if r.random() < 0.5 else {}
        return Event(self.object(), self.ts(), r.choice(ACTIONS), attributes, changes)

    def changes(self) -> dict[str, Any]:
        r = self.random
        changes: dict[str, Any] = {"plan": r.choice([*PLANS, None])} if r.random() < 0.7 else {}
        return changes | ({"seats": r.choice([1, 2, None])} if r.random() < 0.4 else {})

    def where(self) -> Where:
        r, name = self.random, self.schema.key_name or self.schema.object_name
        object, low, high, action, plan = self.object(), self.ts(), self.ts(), r.choice(ACTIONS), r.choice(PLANS)
        iso = f"'1970-01-01T00:00:00.{max(low, 0):06}Z'"
        return r.choice(
            [
                (f"{name} = '{object}'" if self.schema.key_name else f"{name} = {object}",
                 lambda e, _: e.object == object),
                (f"ts BETWEEN {low} AND {high}", lambda e, _: low <= e.ts <= high),
                (f"timestamp >= {iso} AND action = '{action}'",
                 lambda e, _: e.ts >= max(low, 0) and e.action == action),
                (f"plan = '{plan}'", lambda _, state: state["plan"] == plan),
                (f"{name} = '{object}' AND ts = {low}", lambda e, _: e.object == object and e.ts == low),
                (f"amount > 1 OR action = '{action}'",
                 lambda e, _: e.attributes.get("amount", 0.0) > 1 or e.action == action),
            ]
        )  # fmt: skip

    # steps

    def insert(self) -> None:
        conflict = self.random.choice(["ABORT", "ABORT", "IGNORE", "REPLACE"])
        rows = [self.event() for _ in range(self.random.randint(1, 12))]
        if self.model.events and conflict == "IGNORE":
            rows += self.random.choices(self.model.events, k=2)
        name = self.schema.key_name or "object_id"
        sql = f"INSERT OR {conflict} INTO users({name}, ts, action, amount, url, changes) VALUES (?, ?, ?, ?, ?, ?)"
        values = [(e.object, e.ts, e.action, e.attributes.get("amount"), e.attributes.get("url"), to_json(e.changes))
                  for e in rows]  # fmt: skip
        if self.random.random() < 0.5:
            more = ", (?, ?, ?, ?, ?, ?)" * (len(rows) - 1)
            self.db.execute(sql + more, [value for row in values for value in row])
        else:
            self.db.executemany(sql, values)
        for event in rows:
            self.model.insert(event, conflict)

    def delete(self) -> None:
        sql, test = self.where()
        assert self.db.execute(f"DELETE FROM users WHERE {sql}").rowcount == self.model.delete(test)

    def delete_all(self) -> None:
        if self.random.random() < 0.2:
            assert self.db.execute("DELETE FROM users").rowcount == self.model.delete(lambda *_: True)

    def update(self) -> None:
        sql, test = self.where()
        r, ts, object, plan = self.random, self.ts(), self.object(), self.random.choice([*PLANS, None])
        name, changes = self.schema.key_name or "object_id", self.changes()

        def with_url(event: Event) -> Event:
            return replace(event, attributes={**event.attributes, "url": "/new"})

        def without_amount(event: Event) -> Event:
            return replace(event, attributes={k: v for k, v in event.attributes.items() if k != "amount"})

        choices: list[tuple[str, Any, Callable[[Event], Event]]] = [
            ("action = action || ?", "!", lambda e: replace(e, action=f"{e.action}!"[:3])),
            ("url = ?", "/new", with_url),
            ("amount = ?", None, without_amount),
            ("ts = ts + ?", 2, lambda e: replace(e, ts=e.ts + 2)),
            ("timestamp = ?", ts, lambda e: replace(e, ts=ts)),
            ("plan = ?", plan, lambda e: replace(e, changes={**e.changes, "plan": plan})),
            ("changes = ?", to_json(changes), lambda e: replace(e, changes=changes)),
            (f"{name} = ?", object, lambda e: replace(e, object=object)),
        ]
        assignment, value, change = r.choice(choices)
        assignment = assignment.replace("action || ?", "substr(action || ?, 1, 3)")
        changed = self.db.execute(f"UPDATE users SET {assignment} WHERE {sql}", (value,)).rowcount
        assert changed == self.model.update(test, change)
        for event in self.model.events:
            if isinstance(event.object, str):
                self.model.ids.setdefault(event.object, len(self.model.ids) + 1)

    def state(self) -> tuple[list[Event], dict[str, int]]:
        return list(self.model.events), dict(self.model.ids)

    def back(self, state: tuple[list[Event], dict[str, int]]) -> None:
        self.model.events, self.model.ids = list(state[0]), dict(state[1])

    def begin(self) -> None:
        if not self.db.in_transaction:
            self.db.execute("BEGIN")

    def end(self) -> None:
        if self.db.in_transaction:
            if self.random.random() < 0.7:
                self.db.execute("COMMIT")
            else:
                self.db.execute("ROLLBACK")
                self.back(self.committed)
            self.savepoints.clear()

    def savepoint(self) -> None:
        if self.db.in_transaction:
            self.savepoints.append(self.state())
            self.db.execute(f"SAVEPOINT s{len(self.savepoints)}")

    def release(self) -> None:
        if self.savepoints:
            level = self.random.randint(1, len(self.savepoints))
            if self.random.random() < 0.6:
                self.db.execute(f"ROLLBACK TO s{level}")
                self.back(self.savepoints[level - 1])
                del self.savepoints[level:]
            else:
                self.db.execute(f"RELEASE s{level}")
                del self.savepoints[level - 1 :]

    def compact(self) -> None:
        self.db.compact()

    def reopen(self) -> None:
        if not self.db.in_transaction:
            self.db.close()
            self.db = self.connect(self.path, isolation_level=None)

    def step(self) -> None:
        steps = [self.insert, self.insert, self.delete, self.update, self.update]
        rare = [self.begin, self.end, self.savepoint, self.release, self.compact, self.reopen, self.delete_all]
        self.random.choice(steps * 2 + rare)()
        if not self.db.in_transaction:
            self.committed = self.state()
        if self.random.random() < 0.7:
            same(self.db, self.model.oracle())
            same(self.other, Oracle(self.schema, *self.committed))


def to_json(changes: dict[str, Any]) -> str | None:
    import json

    return json.dumps(changes) if changes else None


def same(db: skysql.Connection, oracle: Oracle) -> None:
    """The database answers as the oracle does, by row and by column, and nothing is wrong with it."""
    assert db.execute("SELECT *, ts, changes FROM users").fetchall() == oracle.event_rows()
    assert db.execute("SELECT * FROM users_objects").fetchall() == oracle.object_rows()
    assert db.execute("SELECT * FROM users_changes").fetchall() == oracle.change_rows()
    events = oracle.event_rows()
    names = [name for name, _ in oracle.event_columns()]
    plan, action = names.index("plan"), names.index("action")
    counted: dict[Any, int] = {}
    for row in events:
        counted[row[action], row[plan]] = counted.get((row[action], row[plan]), 0) + 1
    grouped = db.execute("SELECT action, plan, count(*) FROM users GROUP BY action, plan").fetchall()
    assert {(a, p): n for a, p, n in grouped} == counted
    assert db.check() == []


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few events make many batches, blocks, runs and segments."""
    monkeypatch.setattr(compact, "FOLD_BATCHES", 6)
    monkeypatch.setattr(compact, "FOLD_EVENTS", 24)
    monkeypatch.setattr(compact, "SEGMENT_EVENTS", 16)
    monkeypatch.setattr(store, "SEGMENT_EVENTS", 16)


@pytest.mark.parametrize("schema", [SCHEMA, KEYED], ids=["by id", "by key"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.usefixtures("small")
def test_all_writes_against_lists(connect: Connect, path: str, seed: int, schema: Schema) -> None:
    world = World(connect, path, seed, schema)
    for _ in range(80):
        world.step()
    same(world.db, world.model.oracle())


# erasure


def contents(path: str) -> bytes:
    """Every byte of the database: the file, and what goes with it."""
    return b"".join(p.read_bytes() for p in Path(path).parent.iterdir())


def held(path: str, *texts: str) -> list[str]:
    """Which of the texts are somewhere in the database."""
    found = contents(path)
    return [text for text in texts if text.encode() in found]


ERASED = "anna@example.org", "a secret plan", "https://example.org/anna", "confession"


@pytest.mark.parametrize("where", ["log", "block", "both"])
def test_what_is_deleted_is_not_in_the_file_after_a_vacuum(connect: Connect, path: str, where: str) -> None:
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE people USING sky(email TEXT OBJECT, plan TEXT STATE, url TEXT)")
    row = "INSERT INTO people(email, ts, action, plan, url) VALUES (?, ?, ?, ?, ?)"
    for turn in range(2):
        who, plan, url, action = ERASED
        rows = [(f"other{i % 50}", i, "view", "free", f"/page/{i % 7}") for i in range(500)]
        db.executemany(row, [*rows, (who, turn, action, plan, url), *rows])
        if where == "block" or (where == "both" and turn == 0):
            db.compact()
    assert held(path, *ERASED) == list(ERASED)
    assert len(other.execute("SELECT * FROM people WHERE email = ?", (ERASED[0],)).fetchall()) == 2
    db.execute("DELETE FROM people WHERE email = ?", (ERASED[0],))
    kept = db.execute("SELECT * FROM people").fetchall()
    db.compact(vacuum=True)
    assert held(path, *ERASED, "other7", "/page/3") == ["other7", "/page/3"]
    for each in (db, other):
        assert each.execute("SELECT * FROM people").fetchall() == kept
        assert each.check() == []
    other.execute(row, (*ERASED[:1], 5, "view", ERASED[1], "/page/1"))  # the other connection knew their codes
    db.execute(row, ("new", 5, ERASED[3], "free", ERASED[2]))
    came = "SELECT email, action, plan, url FROM people WHERE email IN (?, 'new') ORDER BY email"
    for each in (db, other, connect(path)):
        assert each.execute(came, ERASED[:1]).fetchall() == [
            (ERASED[0], "view", ERASED[1], "/page/1"), ("new", ERASED[3], "free", ERASED[2])
        ]  # fmt: skip
        assert each.execute("SELECT count(*) FROM people WHERE plan = 'a secret plan'").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET url = 'other' WHERE url = 'a secret'",
        "UPDATE users SET url = NULL WHERE object_id = 2",
        "INSERT OR REPLACE INTO users(object_id, ts, action) VALUES (2, 7, 'b')",
        "DELETE FROM users WHERE ts BETWEEN 5 AND 9",
        "DELETE FROM users",
    ],
)
@pytest.mark.parametrize("compacted", [False, True])
def test_values_that_nothing_uses_go(connect: Connect, path: str, sql: str, compacted: bool) -> None:
    db = connect(path, isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action, url) VALUES (1, 1, 'a', 'kept'), (2, 7, 'b', 'a secret')")
    if compacted:
        db.compact()
    db.execute(sql)
    before = db.execute("SELECT *, ts FROM users").fetchall()
    db.compact(vacuum=True)
    assert held(path, "a secret") == []
    assert db.execute("SELECT *, ts FROM users").fetchall() == before


def test_a_replaced_row_of_the_same_statement_leaves_nothing(connect: Connect, path: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT OR REPLACE INTO users(object_id, ts, action) VALUES (1, 1, 'a secret'), (1, 1, 'b')")
    db.compact(vacuum=True)
    assert held(path, "a secret") == []


def test_dropping_texts_is_rolled_back_with_the_rest(connect: Connect, path: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a'), (1, 2, 'b'), (1, 3, 'c')")
    for _ in range(2):
        db.execute("BEGIN")
        db.execute("DELETE FROM users WHERE action = 'b'")
        db.compact()
        db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 4, 'd'), (1, 5, 'b')")
        assert [a for (a,) in db.execute("SELECT action FROM users")] == ["a", "c", "d", "b"]
        db.execute("ROLLBACK")
        assert [a for (a,) in db.execute("SELECT action FROM users")] == ["a", "b", "c"]
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 6, 'e'), (1, 7, 'b')")
    assert db.execute("SELECT action, count(*) FROM users GROUP BY action").fetchall() == [
        ("a", 1), ("b", 2), ("c", 1), ("e", 1)
    ]  # fmt: skip


def test_a_vacuum_needs_to_be_alone(connect: Connect, path: str) -> None:
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None, timeout=0)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')")
    db.execute("BEGIN")
    with pytest.raises(skysql.OperationalError, match="within a transaction"):
        db.compact(vacuum=True)
    db.execute("COMMIT")
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM users").fetchall() == [(1,)]
    db.execute("DELETE FROM users")
    with pytest.raises(skysql.OperationalError, match="-wal"):
        db.compact(vacuum=True)
    other.execute("COMMIT")
    db.compact(vacuum=True)
