"""What is promised of files holds for TIMESTAMP and DECIMAL as well: check, repair, backup, erasure, older releases."""

import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest

import skysql
from skysql.repair.repair import repair
from skysql.store import blob, store
from tests.conftest import Connect

QUESTION = "SELECT object_id, timestamp, action, due, price, fee FROM users"
REST = "SELECT object_id, timestamp, action FROM users"
INSERT = "INSERT INTO users(object_id, ts, action, due, price, fee) VALUES (?, ?, 'a', ?, ?, ?)"
RARE = 987_654_321_98


def fill(path: str, connect: Connect) -> list[Any]:
    """Blocks, a log, and deleted events of both; the rows."""
    db = connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(due TIMESTAMP STATE, price DECIMAL(9,2), fee DECIMAL(18,3) STATE)")
    for turn in range(2):
        rows = [
            (i % 7 + 1, i, [None, f"2026-01-{i % 28 + 1:02} 10:00:00.5"][i % 3 == 0], f"{i}.{i % 100:02}",
             [None, f"{i}.125"][i % 5 == 0])
            for i in range(turn, 300 + turn)
        ]  # fmt: skip
        db.execute("BEGIN")
        db.executemany(INSERT, rows)
        db.execute("COMMIT")
        if turn == 0:
            db.compact()
    db.execute("DELETE FROM users WHERE object_id = 3 OR ts = 7")
    rows = db.execute(QUESTION).fetchall()
    assert db.check() == []
    db.close()
    return rows


def damage(path: str, column: int) -> None:
    """Another byte amid what the blocks have of that property."""
    plain = sqlite3.connect(path)
    where = f"FROM users_column WHERE id > 65536 AND id & 65535 = {column + 2}"
    for id, data in plain.execute(f"SELECT id, data {where}").fetchall():
        changed = data[:20] + bytes([data[20] ^ 1]) + data[21:]
        plain.execute("UPDATE users_column SET data = ? WHERE id = ?", (changed, id))
    plain.commit()
    plain.close()


def test_an_undamaged_file_comes_back(connect: Connect, path: str, tmp_path: Path) -> None:
    rows, target = fill(path, connect), str(tmp_path / "new.db")
    assert not repair(path, target).losses
    db = connect(target)
    assert db.execute(QUESTION).fetchall() == rows and db.check() == []


@pytest.mark.parametrize("name", ["due", "price", "fee"])
def test_a_damaged_column_is_found_and_all_else_saved(connect: Connect, path: str, tmp_path: Path, name: str) -> None:
    rows = fill(path, connect)
    db = connect(path, isolation_level=None)
    rest = db.execute(REST).fetchall()
    column = {p.name: p.id for p in db.engine.relation("main", "users").store.table.properties}[name]
    db.close()
    damage(path, column)
    db = connect(path, isolation_level=None)
    assert [fault for fault in db.check() if name in str(fault)]
    with pytest.raises(skysql.DatabaseError, match=f"column '{name}'"):
        db.execute(f"SELECT count({name}) FROM users").fetchall()
    assert db.execute(REST).fetchall() == rest
    db.close()
    target = str(tmp_path / "new.db")
    assert any(name in str(loss) for loss in repair(path, target).losses)
    saved = connect(target)
    assert saved.execute(REST).fetchall() == rest and saved.check() == []
    at = 3 + ["due", "price", "fee"].index(name)
    found = saved.execute(QUESTION).fetchall()
    assert [row[:at] + row[at + 1 :] for row in found] == [row[:at] + row[at + 1 :] for row in rows]


def test_a_copy_is_the_same(connect: Connect, path: str, tmp_path: Path) -> None:
    rows = fill(path, connect)
    db, target = connect(path, isolation_level=None), connect(str(tmp_path / "backup.db"))
    db.backup(target)
    db.execute("VACUUM INTO ?", (str(tmp_path / "vacuumed.db"),))
    vacuumed = connect(str(tmp_path / "vacuumed.db"))
    for copy in (target, vacuumed):
        assert copy.execute(QUESTION).fetchall() == rows and copy.check() == []


@pytest.mark.parametrize("compacted", [True, False])
def test_what_is_deleted_is_not_in_the_file_after_a_vacuum(connect: Connect, path: str, compacted: bool) -> None:
    fill(path, connect)
    db = connect(path, isolation_level=None)
    moment = 1_777_777_777_123_457
    db.execute("INSERT INTO users(object_id, ts, action, due, fee) VALUES (9, 5, 'a', ?, ?)", (moment, f"{RARE}.125"))
    traces = [struct.pack("<q", value) for value in (moment, RARE * 1000 + 125)]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert all(trace in Path(path).read_bytes() for trace in traces)
    if compacted:
        db.compact()
    db.execute("DELETE FROM users WHERE object_id = 9")
    db.compact(vacuum=True)
    db.close()
    assert not any(trace in Path(path).read_bytes() for trace in traces)


def test_a_release_that_knows_version_3_refuses_a_file_of_version_4(
    connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what every release checks: the version in <table>_meta, and the one in each blob."""
    rows = fill(path, connect)
    with monkeypatch.context() as older:
        older.setattr(store, "VERSION", 3)
        older.setattr(blob, "VERSION", 3)
        db = connect(path, isolation_level=None)
        with pytest.raises(skysql.NotSupportedError, match="'users' is of format version 4; this skysql reads up to 3"):
            db.execute("SELECT count(*) FROM users")
        with pytest.raises(skysql.NotSupportedError, match="version 4"):
            db.execute(INSERT, (1, 1, None, None, None))
        db.close()
    assert connect(path).execute(QUESTION).fetchall() == rows
