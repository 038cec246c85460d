"""Bad input: an error of the PEP 249 tree that says what was found and where, and nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest
from conftest import Connect

import skysql

GOOD: dict[str, Any] = dict.fromkeys(("plan", "changes", "n")) | {
    "object_id": 1,
    "timestamp": "2026-01-01",
    "action": "x",
}

ROWS = {
    "object zero": ({"object_id": 0}, "object_id"),
    "object negative": ({"object_id": -5}, "object_id"),
    "object fractional": ({"object_id": 1.5}, "object_id"),
    "object too large": ({"object_id": 2.0**63}, "object_id"),
    "object NULL": ({"object_id": None}, "object_id"),
    "object text": ({"object_id": "bob"}, "object_id"),
    "timestamp NULL": ({"timestamp": None}, "timestamp"),
    "timestamp unparsable": ({"timestamp": "yesterday"}, "yesterday"),
    "timestamp of year 0": ({"timestamp": "0000-01-01"}, "0000-01-01"),
    "neither action nor change": ({"action": None}, "action"),
    "an attribute alone": ({"action": None, "n": 3}, "action"),
    "text into INTEGER": ({"n": "abc"}, "abc"),
    "fraction into INTEGER": ({"n": 1.5}, "1.5"),
    "changes no JSON": ({"changes": "{"}, "changes"),
    "changes no object": ({"changes": "[1]"}, "changes"),
    "changes of an unknown property": ({"changes": '{"plam": 1}'}, "plam"),
    "changes of an attribute": ({"changes": '{"n": 1}'}, "n"),
}

COLUMNS = {
    "unknown type": ("a BLOB", "BLOB"),
    "no type": ("a", "a"),
    "duplicate": ("a TEXT, A REAL", "A"),
    "reserved": ("timestamp TEXT", "timestamp"),
    "two objects": ("a TEXT OBJECT, b TEXT OBJECT", "OBJECT"),
    "object of a wrong type": ("a REAL OBJECT", "OBJECT"),
    "unknown word": ("a TEXT STATES", "STATES"),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(connect: Connect, name: str) -> None:
    """A row that cannot be an event is refused, and so is the same row among columns."""
    changed, word = ROWS[name]
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, n INTEGER)")
    row = GOOD | changed
    with pytest.raises((skysql.DataError, skysql.IntegrityError, skysql.ProgrammingError)) as error:
        db.execute(
            "INSERT INTO users(object_id, timestamp, action, plan, changes, n)"
            " VALUES (:object_id, :timestamp, :action, :plan, :changes, :n)",
            row,
        )
    assert word in str(error.value)
    with pytest.raises((skysql.DataError, skysql.IntegrityError, skysql.ProgrammingError)) as error:
        db.append("users", {name: [GOOD[name], value] for name, value in row.items()})
    assert word in str(error.value)
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(0,)]
    db.execute("INSERT INTO users(object_id, timestamp, action, n) VALUES (1, '1969-07-20', 'land', '12')")
    assert db.execute("SELECT n, ts < 0 FROM users").fetchall() == [(12, 1)]


@pytest.mark.parametrize("name", COLUMNS)
def test_column_lists(connect: Connect, name: str) -> None:
    """A column list that cannot be is refused, and no table of any kind is left."""
    arguments, word = COLUMNS[name]
    db = connect()
    with pytest.raises(skysql.ProgrammingError, match=word):
        db.execute(f"CREATE VIRTUAL TABLE users USING sky({arguments})")
    assert db.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(0,)]


def test_columns_of_append(connect: Connect) -> None:
    """Lengths that differ, and names that are not there."""
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    with pytest.raises(skysql.Error, match="length|rows|values"):
        db.append("users", {"object_id": [1, 2], "timestamp": [1_700_000_000_000_000], "action": ["a", "b"]})
    with pytest.raises(skysql.ProgrammingError, match="plann"):
        db.append("users", {"object_id": [1], "timestamp": [1_700_000_000_000_000], "plann": ["a"]})
    with pytest.raises(skysql.ProgrammingError, match="people"):
        db.append("people", {})


def test_what_is_not_there_yet_is_refused(connect: Connect) -> None:
    """A path is only ever added to; nothing is half done."""
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    insert = "INTO users(object_id, timestamp, action) VALUES (1, '2026-01-01', 'x')"
    db.execute(f"INSERT {insert}")
    for statement in ("DELETE FROM users", "UPDATE users SET action = 'y'", f"INSERT OR IGNORE {insert}"):
        with pytest.raises(skysql.Error, match="users"):
            db.execute(statement)
    assert db.execute("SELECT action FROM users").fetchall() == [("x",)]


def test_files(connect: Connect, tmp_path: Path) -> None:
    """A file that is no database, one that is not to be written, one of the future, a directory that is not there."""
    (tmp_path / "text").write_text("this is no database" * 100)
    with pytest.raises(skysql.DatabaseError):
        skysql.connect(str(tmp_path / "text")).execute("SELECT 1 FROM sqlite_schema")
    with pytest.raises(skysql.OperationalError, match="cannot open"):
        skysql.connect(str(tmp_path / "no" / "where"))
    path = made(connect, tmp_path)
    db = skysql.connect(path, read_only=True)
    with pytest.raises(skysql.OperationalError):
        db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (1, 1e15, 'x')")
    db.close()
    change(path, "UPDATE users_meta SET value = ? WHERE key = ?", (99, "format"))
    db = skysql.connect(path)
    with pytest.raises(skysql.NotSupportedError, match="99"):
        db.execute("SELECT count(*) FROM users")
    db.close()


def made(connect: Connect, tmp_path: Path, compacted: bool = True) -> str:
    """A file with a table of 600 events."""
    path = str(tmp_path / "events.db")
    db = connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, n INTEGER)")
    ids = [i % 20 + 1 for i in range(600)]
    ts = [1_700_000_000_000_000 + 1000 * i for i in range(600)]
    plans = ["free" if i % 3 else None for i in range(600)]
    db.append("users", {"object_id": ids, "timestamp": ts, "action": ["x"] * 600, "plan": plans, "n": ts})
    if compacted:
        db.compact()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


def change(path: str, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """Run a statement on the file as SQLite without skysql does."""
    plain = apsw.Connection(path)
    found = plain.execute(statement, values).fetchall()
    plain.close()
    return found


@pytest.mark.parametrize("compacted", [True, False])
def test_a_flipped_byte_is_found(connect: Connect, tmp_path: Path, compacted: bool) -> None:
    """In any column of a block, or in the log: an error that names the place, never a wrong answer."""
    path = made(connect, tmp_path, compacted)
    table = "users_column" if compacted else "users_log"
    blobs = change(path, f"SELECT id, data FROM {table}")
    read = "SELECT count(*), sum(n), min(timestamp), max(plan), max(action), count(DISTINCT object_id) FROM users"
    for id, data in blobs:
        for at in {0, 5, len(data) // 2, len(data) - 1}:
            broken = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
            change(path, f"UPDATE {table} SET data = ? WHERE id = ?", (broken, id))
            db = skysql.connect(path, cache_size=0)
            with pytest.raises(skysql.CorruptError, match="users.*(block 1, column|log batch 1)"):
                db.execute(read).fetchall()
            assert len(db.check()) >= 1
            db.close()
        change(path, f"UPDATE {table} SET data = ? WHERE id = ?", (data, id))
    assert connect(path).check() == []
