"""`Manifest.changed_since`: which objects commits have changed since another manifest was, or that it is not known."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.store import history
from skysql.store.manifest import Manifest
from tests.conftest import USERS, Connect

SEEDS = int(os.environ.get("SKYSQL_TEST_CHANGES", "6"))


def manifest(db: skysql.Connection) -> Manifest:
    """What the table consists of, as this connection sees it now."""
    found: Manifest = db.engine.snapshot("main", "users").manifest
    return found


def since(db: skysql.Connection, other: Manifest) -> list[int] | None:
    found = manifest(db).changed_since(other)
    return None if found is None else found.tolist()


def insert(db: skysql.Connection, objects: Iterable[int], ts: int = 0) -> None:
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (?, ?, 'a')", [(id, ts) for id in objects])


@pytest.fixture
def db(connect: Connect, path: str) -> skysql.Connection:
    db = connect(path, isolation_level=None)
    db.execute(USERS)
    return db


def test_commits_of_the_log(db: skysql.Connection) -> None:
    empty = manifest(db)
    insert(db, [1, 2])
    first = manifest(db)
    insert(db, [2, 3])
    assert (since(db, empty), since(db, first), since(db, manifest(db))) == ([1, 2, 3], [2, 3], [])
    assert [each.version for each in (empty, first, manifest(db))] == [0, 2, 4]


def test_a_compaction_changes_no_object(db: skysql.Connection) -> None:
    insert(db, [1, 2])
    before = manifest(db)
    insert(db, [3])
    db.compact()
    assert since(db, before) == [3]
    after = manifest(db)
    db.compact()
    assert since(db, after) == []


@pytest.mark.parametrize("folded", [False, True])
def test_what_is_deleted_or_changed(db: skysql.Connection, folded: bool) -> None:
    insert(db, range(1, 6))
    if folded:
        db.compact()
    before = manifest(db)
    db.execute("DELETE FROM users WHERE object_id = 2")
    db.execute("UPDATE users SET object_id = 9 WHERE object_id = 4")
    assert since(db, before) == [2, 4, 9]
    db.execute("DELETE FROM users")
    db.compact()
    assert since(db, before) == [1, 2, 3, 4, 5, 9]


def test_a_commit_of_many_events(db: skysql.Connection) -> None:
    insert(db, [1, 500_000])
    before = manifest(db)
    objects = np.arange(2, 140_000)
    db.append("users", {"object_id": objects, "ts": objects, "action": np.full(len(objects), "b")}, time_unit="us")
    assert np.array_equal(manifest(db).changed_since(before), objects)


def test_what_was_rolled_back_is_of_another_history(db: skysql.Connection) -> None:
    insert(db, [1])
    before = manifest(db)
    db.execute("BEGIN")
    insert(db, [2])
    within = manifest(db)
    assert since(db, before) == [2]
    db.execute("ROLLBACK")
    insert(db, [3])
    assert (since(db, within), since(db, before)) == (None, [3])
    db.compact()
    assert (since(db, within), since(db, before)) == (None, [3])


def test_a_vacuum_leaves_no_name_of_what_was_deleted(db: skysql.Connection, path: str) -> None:
    gone = 0x1122334455667788
    db.execute("PRAGMA journal_mode = DELETE").fetchall()
    insert(db, [1, gone])
    before = manifest(db)
    db.execute("DELETE FROM users WHERE object_id = ?", (gone,))
    db.compact()
    assert since(db, before) == [gone]
    db.compact(vacuum=True)
    assert since(db, before) is None
    with open(path, "rb") as file:
        content = file.read()
    assert gone.to_bytes(8, "little") not in content and gone.to_bytes(8, "big") not in content


def test_alterations(db: skysql.Connection) -> None:
    insert(db, [1])
    before = manifest(db)
    db.execute("SELECT sky_alter('users', 'ADD city TEXT')")
    db.execute("SELECT sky_alter('users', 'RENAME plan TO tier')")
    assert since(db, before) == []  # every event reads as it did
    db.execute("SELECT sky_alter('users', 'ALTER seats TYPE REAL')")
    assert since(db, before) is None
    before = manifest(db)
    insert(db, [7])
    assert since(db, before) == [7]


def test_a_manifest_that_has_passed_tells_nothing(db: skysql.Connection) -> None:
    before, insert_first = manifest(db), insert(db, [1])
    assert insert_first is None
    passed = manifest(db)
    insert(db, [2])
    assert passed.changed_since(before) is None


def test_a_table_of_an_older_version_knows_what_is_in_its_log(connect: Connect, path: str) -> None:
    shutil.copy("tests/data/version3.db", path)
    db = connect(path, isolation_level=None)

    def now() -> Manifest:
        found: Manifest = db.engine.snapshot("main", "shop").manifest
        return found

    before = now()
    db.execute("INSERT INTO shop(object_id, ts, action) VALUES (700, 0, 'a')")
    found = now().changed_since(before)
    assert found is not None and found.tolist() == [700]
    db.compact("shop")
    assert now().changed_since(before) is None
    assert db.execute("SELECT value FROM shop_meta WHERE key = 'format'").fetchall() == [(3,)]
    db.execute("SELECT sky_alter('shop', 'ADD city TEXT')")
    before = now()
    db.execute("DELETE FROM shop WHERE object_id = 700")
    db.compact("shop")
    found = now().changed_since(before)
    assert found is not None and found.tolist() == [700]


@pytest.mark.parametrize("batches", [1, 3])
def test_the_last_commits_are_known(
    db: skysql.Connection, monkeypatch: pytest.MonkeyPatch, small: None, batches: int
) -> None:
    monkeypatch.setattr(history, "KEPT", 10)
    seen = [manifest(db)]
    for turn in range(60):
        db.execute("BEGIN")
        for batch in range(batches):
            insert(db, [turn * 3 + batch + 1])
            if turn % 4 == 0:
                db.execute("DELETE FROM users WHERE object_id = ?", (turn,))
            db.execute("SELECT count(*) FROM users").fetchall()  # what waits is written
        db.execute("COMMIT")
        seen.append(manifest(db))
        assert all(since(db, each) is not None for each in seen[-11:])
    assert since(db, seen[0]) is None
    assert since(db, seen[-3]) == sorted({58 * 3 + batch + 1 for batch in range(batches)} |
                                         {59 * 3 + batch + 1 for batch in range(batches)})  # fmt: skip
    records = db.execute("SELECT count(*) FROM users_column WHERE id < -(1 << 61)").fetchall()[0][0]
    assert records <= 12


def test_a_damaged_record_is_found(connect: Connect, path: str) -> None:
    db = skysql.connect(path, isolation_level=None)
    db.execute(USERS)
    before = manifest(db)
    insert(db, [1])
    db.compact()
    ((data,),) = db.execute("SELECT data FROM users_column WHERE id < -(1 << 61)").fetchall()
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        db.execute("UPDATE users_column SET data = ? WHERE id < -(1 << 61)", (damaged,))
        with pytest.raises(skysql.CorruptError, match="record of changes"):
            since(db, before)
        assert any("record of changes" in fault for fault in db.check())
    db.execute("UPDATE users_column SET data = ? WHERE id < -(1 << 61)", (data,))
    assert (since(db, before), db.check()) == ([1], [])
    db.execute("DELETE FROM users_column WHERE id < -(1 << 61)")
    assert (since(db, before), db.check()) == (None, [])
    db.close()


# random histories


@dataclass
class State:
    """A moment of a history: what the table held, what the commits since its parent may have changed."""

    parent: State | None
    content: dict[int, list[Any]]
    touched: set[int]
    anew: bool = False
    manifest: Manifest | None = None
    path: str = ""


@dataclass
class Histories:
    """One file, two connections, and all that was ever seen of it."""

    connect: Connect
    path: str
    r: random.Random
    dbs: list[skysql.Connection] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    copies: list[State] = field(default_factory=list)
    columns: int = 0
    now: State = field(default_factory=lambda: State(None, {}, set()))

    def open(self) -> None:
        self.dbs = [self.connect(self.path, isolation_level=None) for _ in range(2)]

    def content(self) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for row in self.dbs[0].execute("SELECT * FROM users"):
            found.setdefault(row[0], []).append([value for value in row[1:] if value is not None])
        return found

    def see(self, touched: set[int], anew: bool = False) -> None:
        """Compare with all that was seen before; then this has been seen, too."""
        self.now = State(self.now, self.content(), touched, anew)
        self.now.manifest = manifest(self.r.choice(self.dbs))
        expected: dict[Any, set[int]] = {}
        state, changed = self.now, set[int]()
        while True:
            assert state.manifest is not None
            expected.setdefault(state.manifest.stamp, set(changed))
            if state.parent is None or state.anew:
                break
            changed |= state.touched
            state = state.parent
        db = self.r.choice(self.dbs)
        latest = manifest(db)
        for other in [*self.states, self.now]:
            assert other.manifest is not None
            found, known = latest.changed_since(other.manifest), expected.get(other.manifest.stamp)
            assert (None if found is None else set(found.tolist())) == known
            if known is not None:
                ids = self.now.content.keys() | other.content.keys()
                assert {id for id in ids if self.now.content.get(id) != other.content.get(id)} <= known
        self.states.append(self.now)

    def write(self, db: skysql.Connection) -> set[int]:
        """One statement; the objects that it changes."""
        ids = sorted({self.r.randint(1, 30) for _ in range(self.r.randint(1, 6))})
        some = ", ".join(map(str, ids))
        match self.r.choice(["insert", "insert", "insert", "delete", "update", "replace", "move"]):
            case "delete":
                there = {row[0] for row in db.execute(f"SELECT object_id FROM users WHERE object_id IN ({some})")}
                db.execute(f"DELETE FROM users WHERE object_id IN ({some})")
                return there
            case "update":
                there = {row[0] for row in db.execute(f"SELECT object_id FROM users WHERE object_id IN ({some})")}
                db.execute(f"UPDATE users SET action = action || '+' WHERE object_id IN ({some})")
                return there
            case "move":
                there = {row[0] for row in db.execute(f"SELECT object_id FROM users WHERE object_id IN ({some})")}
                db.execute(f"UPDATE users SET object_id = object_id + 40 WHERE object_id IN ({some})")
                return there | {id + 40 for id in there}
            case verb:
                sql = "INSERT OR REPLACE" if verb == "replace" else "INSERT"
                rows = [(id, self.r.randint(0, 3), self.r.choice("abc")) for id in ids]
                db.executemany(f"{sql} INTO users(object_id, ts, action) VALUES (?, ?, ?)", rows)
                return set(ids)

    def transact(self) -> None:
        """Some statements, some of which are rolled back."""
        db, touched = self.r.choice(self.dbs), set[int]()
        db.execute("BEGIN")
        for _ in range(self.r.randint(1, 4)):
            db.execute("SAVEPOINT inner")
            changed = self.write(db)
            if self.r.random() < 0.3:
                db.execute("ROLLBACK TO inner")
            else:
                touched |= changed
            db.execute("RELEASE inner")
        if self.r.random() < 0.3:
            within = manifest(db)
            db.execute("ROLLBACK")
            self.see(set())
            if touched:
                assert manifest(db).changed_since(within) is None
        else:
            db.execute("COMMIT")
            self.see(touched)

    def alter(self) -> None:
        db, old = self.r.choice(self.dbs), self.columns
        self.columns += 1
        kind = self.r.choice(["ADD", "RENAME", "DROP"])
        if kind == "ADD" or old == 0:
            db.execute("SELECT sky_alter('users', ?)", (f"ADD c{self.columns} TEXT",))
            return self.see(set())
        named = [row[1] for row in db.execute("PRAGMA table_info(users)") if row[1].startswith("c")]
        if not named:
            return None
        if kind == "RENAME":
            db.execute("SELECT sky_alter('users', ?)", (f"RENAME {named[0]} TO c{self.columns}",))
            return self.see(set())
        db.execute("SELECT sky_alter('users', ?)", (f"DROP {named[0]}",))
        return self.see(set(), anew=True)

    def copy(self) -> None:
        """Keep a backup of what is now."""
        self.now.path = f"{self.path}.{len(self.states)}"
        target = skysql.connect(self.now.path)
        self.dbs[0].backup(target)
        target.close()
        self.copies.append(self.now)

    def restore(self) -> None:
        """Go back to a backup, and go on from there."""
        if not self.copies:
            return
        self.now = self.r.choice(self.copies)
        if self.r.random() < 0.5:
            kept = skysql.connect(self.now.path)
            kept.backup(self.dbs[0])
            kept.close()
        else:
            for db in self.dbs:
                db.close()
            for suffix in ("-wal", "-shm"):
                if os.path.exists(self.path + suffix):
                    os.remove(self.path + suffix)
            shutil.copy(self.now.path, self.path)
            self.open()
        self.see(set())

    def step(self) -> None:
        db = self.r.choice(self.dbs)
        match self.r.choices(["write", "transact", "compact", "vacuum", "alter", "copy", "restore"],
                             [60, 30, 6, 1, 3, 4, 4])[0]:  # fmt: skip
            case "write":
                self.see(self.write(db))
            case "transact":
                self.transact()
            case "compact":
                db.compact()
                self.see(set())
            case "vacuum":
                db.compact(vacuum=True)
                self.see(set(), anew=True)
            case "alter":
                self.alter()
            case "copy":
                self.copy()
            case "restore":
                self.restore()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_histories(connect: Connect, path: str, small: None, seed: int) -> None:
    world = Histories(connect, path, random.Random(seed))
    world.open()
    world.dbs[0].execute(USERS)
    world.see(set(), anew=True)
    for _ in range(90):
        world.step()
    assert world.dbs[0].check() == []
