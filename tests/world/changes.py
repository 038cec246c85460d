"""A world whose events are inserted, deleted and updated at random, beside a model of lists and for-loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import skysql
from tests.conftest import Connect
from tests.world.oracle import Event, Oracle, Property, Schema
from tests.world.walk import Walk

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
State = tuple[list[Event], dict[str, int], int]


class Model:
    """The events of one table in order of arrival, and the statements that change them, by for-loops."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.events: list[Event] = []
        self.ids: dict[str, int] = {}
        self.last = 0

    def state(self) -> State:
        return list(self.events), dict(self.ids), self.last

    def back(self, state: State) -> None:
        self.events, self.ids, self.last = list(state[0]), dict(state[1]), state[2]

    def oracle(self) -> Oracle:
        return Oracle(self.schema, self.events, self.ids)

    def insert(self, event: Event, conflict: str) -> None:
        if conflict == "IGNORE" and event in self.events:
            return
        if conflict == "REPLACE":
            self.events = [e for e in self.events if (e.object, e.ts) != (event.object, event.ts)]
        self.events.append(event)
        self.number(event)

    def number(self, event: Event) -> None:
        """Give the event's key an id, if it has none: one that no key had before."""
        if isinstance(event.object, str) and event.object not in self.ids:
            self.last += 1
            self.ids[event.object] = self.last

    def compact(self) -> None:
        """Keys without events lose their ids."""
        used = {event.object for event in self.events}
        self.ids = {key: id for key, id in self.ids.items() if key in used}

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


HALF_READ = {
    "SELECT *, ts, changes FROM users": Oracle.event_rows,
    "SELECT *, ts, changes FROM users ORDER BY object_id DESC, ts DESC": Oracle.event_rows,
    "SELECT u.*, u.ts, u.changes FROM json_each('[1, 2, 3, 4, 5]') j CROSS JOIN users u ON u.object_id = j.value":
        Oracle.event_rows,
    "SELECT * FROM users_objects": Oracle.object_rows,
    "SELECT * FROM users_changes": Oracle.change_rows,
}  # fmt: skip


class World(Walk):
    """A file, two connections to it, and the model; every step happens to all of them.

    Cursors are left half-read: each of their rows was there at some moment since they were opened. Small caches make
    them read again what has been changed under them.
    """

    def __init__(self, connect: Connect, path: str, seed: int, schema: Schema) -> None:
        self.schema = schema
        self.model = Model(schema)
        self.known: list[Event] = []  # events that were inserted lately, and may have been deleted since
        self.undone = False  # whether anything was rolled back since the cursors were opened
        self.half_read: list[tuple[skysql.Cursor, str, set[Any]]] = []  # and the rows that it may give
        size = [None, 0, 3000][seed % 3]
        super().__init__(lambda *args, **options: connect(*args, cache_size=size, **options), path, seed, schema.ddl())

    def state(self) -> State:
        return self.model.state()

    def back(self, state: State) -> None:
        self.model.back(state)
        self.undone = bool(self.half_read)

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
        if self.known and conflict == "IGNORE" and self.random.random() < 0.5:
            rows = self.random.choices(self.known, k=self.random.randint(1, 2))
        self.known = [*self.known, *rows][-6:]
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
            self.model.number(event)

    def compact(self) -> None:
        busy = self.db.engine.relation("main", "users").store.busy
        self.db.compact()
        if not busy:  # or it leaves the texts and keys that cursors may have to read
            self.model.compact()

    def take_turns(self) -> None:
        if not self.db.in_transaction:
            self.close_half_read()
            self.db, self.other = self.other, self.db

    def reopen(self) -> None:
        self.close_half_read()
        super().reopen()

    # cursors that are open meanwhile

    def open(self) -> None:
        """Open one, and read some of its rows."""
        sql = self.random.choice(list(HALF_READ))
        self.undone = self.undone and bool(self.half_read)
        self.half_read.append((self.db.execute(sql), sql, set()))
        self.note_rows()
        self.read_on()

    def note_rows(self) -> None:
        """What is there now may be read from now on."""
        oracle = self.model.oracle() if self.half_read else None
        for _, sql, there in self.half_read:
            there.update(HALF_READ[sql](oracle))  # type: ignore[operator]

    def read_on(self) -> None:
        """Some more rows, or the rest."""
        for cursor, _, there in list(self.half_read):
            most = self.random.choice([1, 5, 1000])
            try:
                rows = cursor.fetchmany(most)
            except skysql.OperationalError as error:  # of what was rolled back
                assert "changed under a statement" in str(error) and self.undone
                rows, most = [], 1000
            assert set(rows) <= there
            if most == 1000:
                self.half_read = [each for each in self.half_read if each[0] is not cursor]
                cursor.close()

    def close_half_read(self) -> None:
        for cursor, _, _ in self.half_read:
            cursor.close()
        self.half_read.clear()

    def step(self) -> None:
        steps = [self.insert, self.insert, self.delete, self.update, self.update, self.open, self.read_on]
        rare = [self.begin, self.end, self.savepoint, self.release, self.compact, self.reopen, self.delete_all]
        self.random.choice(steps * 2 + rare + [self.take_turns])()
        self.settle()
        self.note_rows()
        if self.random.random() < 0.7:
            same(self.db, self.model.oracle())
            same(self.other, Oracle(self.schema, *self.committed[:2]))


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
