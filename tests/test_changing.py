"""Changing what is there: DELETE, UPDATE, and INSERT OR ..., against lists of events."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Connect
from oracle import Event, Oracle, Property, Schema
from walk import Walk

import skysql

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


@pytest.mark.parametrize("schema", [SCHEMA, KEYED], ids=["by id", "by key"])
@pytest.mark.parametrize("seed", range(5))
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


# OR ..., as plain SQLite has it on a table whose key is (object, time)


@pytest.mark.parametrize("transaction", [False, True], ids=["autocommit", "in a transaction"])
@pytest.mark.parametrize("word", ["ABORT", "FAIL", "ROLLBACK", "IGNORE", "REPLACE"])
@pytest.mark.parametrize("verb", ["INSERT", "UPDATE"])
def test_or_clauses_as_of_a_plain_table(connect: Connect, verb: str, word: str, transaction: bool) -> None:
    """What breaks a constraint is an event without action and change, as a plain table's NOT NULL would be."""
    sky, plain = connect(isolation_level=None), connect(isolation_level=None)
    sky.execute("CREATE VIRTUAL TABLE t USING sky(amount INTEGER)")
    plain.execute("CREATE TABLE t(object_id, ts, action NOT NULL, amount)")
    found = []
    for db in (sky, plain):
        db.execute("CREATE TABLE other(x)")
        db.execute("INSERT INTO t(object_id, ts, action, amount) VALUES (1, 1, 'a', 1), (1, 2, 'b', 2), (1, 3, 'c', 3)")
        if transaction:
            db.execute("BEGIN")
        db.execute("INSERT INTO other VALUES (1)")
        db.execute("INSERT INTO t(object_id, ts, action) VALUES (2, 9, 'before')")
        sql = {
            "INSERT": f"INSERT OR {word} INTO t(object_id, ts, action) VALUES (5, 1, 'x'), (5, 2, NULL), (5, 3, 'z')",
            "UPDATE": f"UPDATE OR {word} t SET action = nullif(action, 'b'), amount = 7 WHERE object_id = 1",
        }[verb]
        try:
            outcome: Any = db.execute(sql).rowcount
        except skysql.IntegrityError:
            outcome = "refused"
        counted = db.execute("SELECT changes()").fetchall() if outcome != "refused" else None
        found.append((outcome, counted, db.in_transaction))
        if db.in_transaction:
            db.execute("INSERT INTO t(object_id, ts, action) VALUES (2, 10, 'after')")
            db.execute("COMMIT")
        found[-1] += (
            db.execute("SELECT object_id, ts, action, amount FROM t ORDER BY object_id, ts").fetchall(),
            db.execute("SELECT * FROM other").fetchall(),
        )
    if word == "REPLACE":  # of a NULL, which SQLite makes ABORT
        assert found[0][0] == found[1][0] == "refused"
    assert found[0] == found[1]


@pytest.mark.parametrize("word", ["IGNORE", "REPLACE"])
def test_duplicates_as_of_a_plain_table(connect: Connect, word: str) -> None:
    """With the events of one place being alike, OR IGNORE and OR REPLACE do as with a primary key."""
    rng = random.Random(word)
    sky, plain = connect(isolation_level=None), connect(isolation_level=None)
    sky.execute("CREATE VIRTUAL TABLE t USING sky(amount INTEGER)")
    plain.execute("CREATE TABLE t(object_id, ts, action, amount, PRIMARY KEY(object_id, ts))")
    for step in range(60):
        place = [(rng.randint(1, 3), rng.randint(1, 6)) for _ in range(rng.randint(1, 4))]
        rows = [(o, ts, "a", step if word == "REPLACE" else o * ts) for o, ts in place]
        insert = f"INSERT OR {word} INTO t(object_id, ts, action, amount) VALUES "
        sql, counts, found = insert + "(?, ?, 'a', ?)", [], []
        for db in (sky, plain):
            one = [db.execute(sql, (o, ts, amount)).rowcount for o, ts, _, amount in rows[:1]]
            many = db.executemany(sql, [(o, ts, amount) for o, ts, _, amount in rows]).rowcount
            values = ", ".join(f"({o}, {ts}, 'a', {amount})" for o, ts, _, amount in reversed(rows))
            whole = db.execute(insert + values).rowcount
            counts.append((one, many, whole, db.execute("SELECT changes()").fetchall(), db.total_changes))
            if step % 10 == 0:
                db.execute("DELETE FROM t WHERE object_id = 2")
            found.append(db.execute("SELECT object_id, ts, action, amount FROM t ORDER BY 1, 2").fetchall())
        assert counts[0] == counts[1]
        assert found[0] == found[1]
        if step % 20 == 19:
            sky.compact()


def test_ignore_looks_at_every_value(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    insert = "INSERT OR IGNORE INTO users(object_id, ts, action, amount, plan, changes) VALUES (1, 1, ?, ?, ?, ?)"
    rows: list[tuple[Any, ...]] = [
        ("a", None, None, None), ("b", None, None, None), ("a", 1.0, None, None), ("a", 2.0, None, None),
        ("a", None, "free", None), ("a", None, None, '{"plan": null}'), (None, None, "free", None),
        ("a", None, "free", '{"seats": 1}'), ("a", None, None, '{"seats": null}'),
    ]  # fmt: skip
    for _ in range(2):
        assert db.executemany(insert, rows).rowcount == (0 if _ else len(rows))
        db.compact()
    assert db.execute(insert, ("a", 1, None, None)).rowcount == 0  # 1 is 1.0 in a REAL
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(len(rows),)]


# rows that are given, and those that are not


def test_update_from_changes_what_it_sets_only(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'free'), (1, 2, 'b', NULL)")
    db.execute("CREATE TABLE news(who, amount, plan)")
    db.execute("INSERT INTO news VALUES (1, 5.0, 'pro')")
    db.execute("UPDATE users SET amount = news.amount FROM news WHERE who = object_id AND ts = 2")
    assert db.execute("SELECT ts, amount, changes FROM users").fetchall() == [
        (1, None, '{"plan":"free"}'), (2, 5.0, None)
    ]  # fmt: skip
    db.execute("UPDATE users SET plan = news.plan, ts = ts + 10 FROM news WHERE who = object_id AND action = 'b'")
    db.execute("UPDATE users SET timestamp = '1970-01-01 00:00:01' FROM news WHERE who = object_id AND action = 'a'")
    assert db.execute("SELECT ts, action, plan, changes FROM users").fetchall() == [
        (12, "b", "pro", '{"plan":"pro"}'), (1000000, "a", "free", '{"plan":"free"}')
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("UPDATE users SET session = 2", skysql.DataError, "computed"),
        ("UPDATE users SET idle = '1 day'", skysql.DataError, "computed"),
        ("UPDATE users SET seats = 'many'", skysql.DataError, "users.seats"),
        ("UPDATE users SET timestamp = 'soon'", skysql.DataError, "timestamp"),
        ("UPDATE users SET object_id = -1", skysql.DataError, "object id"),
        ("UPDATE users SET object_id = NULL", skysql.IntegrityError, "object"),
        ("UPDATE users SET action = NULL, changes = NULL", skysql.IntegrityError, "neither"),
        ("UPDATE users SET changes = '{\"url\": 1}'", skysql.ProgrammingError, "attribute"),
        ("UPDATE users SET rowid = 7", skysql.DataError, "rowids"),
        ("DELETE FROM users RETURNING action", skysql.OperationalError, "RETURNING"),
        ("UPDATE users SET action = 'b' RETURNING action", skysql.OperationalError, "RETURNING"),
    ],
)
def test_what_is_refused_changes_nothing(connect: Connect, sql: str, error: type[Exception], words: str) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'free'), (2, 2, 'b', 'pro')")
    before = db.execute("SELECT *, changes FROM users").fetchall()
    with pytest.raises(error, match=words):
        db.execute(sql)
    assert db.execute("SELECT *, changes FROM users").fetchall() == before


def test_the_id_of_a_keyed_object_is_not_written(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(KEYED.ddl())
    db.execute("INSERT INTO users(name, ts, action) VALUES ('n1', 1, 'a')")
    with pytest.raises(skysql.DataError, match="assigned"):
        db.execute("UPDATE users SET object_id = 2")
    db.execute("UPDATE users SET name = 'n2'")
    assert db.execute("SELECT name, action FROM users").fetchall() == [("n2", "a")]


# a statement and what it reads


def test_a_statement_does_not_see_what_it_changes(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (1, ?, 'a')", [(ts,) for ts in range(100)])
    db.execute("UPDATE users SET ts = ts + 1")
    assert db.execute("SELECT min(ts), max(ts), count(*) FROM users").fetchall() == [(1, 100, 100)]
    db.execute("UPDATE users SET amount = (SELECT count(*) FROM users WHERE amount IS NULL)")
    assert db.execute("SELECT DISTINCT amount FROM users").fetchall() == [(100.0,)]
    db.execute("DELETE FROM users WHERE ts > (SELECT avg(ts) FROM users)")
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(50,)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("compacted", [False, True])
def test_a_cursor_reads_on_while_what_it_reads_is_deleted(connect: Connect, compacted: bool) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (?, ?, 'a')", [(i, i) for i in range(1, 701)])
    if compacted:
        db.compact()
    read = []
    for object, ts in db.execute("SELECT object_id, ts FROM users WHERE action = 'a'"):
        read.append(object)
        db.execute("DELETE FROM users WHERE object_id = ? AND ts = ?", (object, ts))
    assert read == list(range(1, 701))
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(0,)]


@pytest.mark.parametrize("order", ["", "ORDER BY object_id DESC, ts DESC"])
@pytest.mark.parametrize("compacted", [False, True], ids=["log", "block"])
@pytest.mark.parametrize("change", ["delete", "append", "compact", "delete and compact", "update"])
def test_a_half_read_cursor_without_a_cache(connect: Connect, change: str, compacted: bool, order: str) -> None:
    """It reads on in the snapshot that it has begun with, though the lists of what was deleted are replaced."""
    db = connect(cache_size=0, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    numbers = range(1000)
    columns = {"object_id": [n % 50 + 1 for n in numbers], "ts": list(numbers), "action": [f"a{n}" for n in numbers]}
    db.append("users", {**columns, "n": list(numbers)}, time_unit="us")
    if compacted:
        db.compact()
    db.execute("DELETE FROM users WHERE n % 11 = 3")
    sql = f"SELECT object_id, ts, action, n FROM users {order}"
    before = db.execute(sql).fetchall()
    cursor = db.execute(sql)
    found = cursor.fetchmany(300)
    if "delete" in change:
        db.execute("DELETE FROM users WHERE n % 7 = 1")
    if change == "append":
        db.append("users", {"object_id": [3, 49], "ts": [1, 2], "action": ["b", "c"]}, time_unit="us")
    if "compact" in change:
        db.compact()
    if change == "update":
        db.execute("UPDATE users SET n = -n WHERE n % 7 = 1")
    assert found + cursor.fetchall() == before


def test_a_half_read_cursor_keeps_its_texts_in_a_rollback(connect: Connect) -> None:
    """Codes are given again to other texts: rows that are gone show theirs, or are refused."""
    db = connect(cache_size=0, isolation_level=None)
    db.execute(SCHEMA.ddl())
    row = "INSERT INTO users(object_id, ts, action, plan) VALUES (?, 1, ?, ?)"
    db.execute("BEGIN")
    db.executemany(row, [(n, f"a{n}", f"p{n}") for n in range(1, 1001)])
    cursor = db.execute("SELECT object_id, action, plan FROM users")
    db.execute("ROLLBACK")
    db.executemany(row, [(n, f"b{n}", f"q{n}") for n in range(1, 1001)])
    db.execute("SELECT count(*) FROM users WHERE plan = action").fetchall()
    try:
        assert [row for row in cursor.fetchall() if row != (row[0], f"a{row[0]}", f"p{row[0]}")] == []
    except skysql.OperationalError as error:
        assert "changed under a statement" in str(error)
