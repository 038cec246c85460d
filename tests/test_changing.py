"""Changing what is there: DELETE, UPDATE, and INSERT OR ..., against lists of events."""

import random
from collections.abc import Callable
from dataclasses import replace
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
