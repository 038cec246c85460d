"""A connection as an object: its attributes, its subclasses, and what it copies itself to."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import skysql

# attributes and subclasses


@pytest.mark.parametrize("module", [sqlite3, skysql], ids=lambda module: module.__name__)
def test_unknown_attributes_are_refused(module: ModuleType) -> None:
    connection = module.connect(":memory:")
    for each, name in ((connection, "isolation"), (connection.cursor(), "row_factry"), (connection, "total_changes")):
        with pytest.raises(AttributeError):
            setattr(each, name, 1)

    class Own(module.Connection):  # type: ignore[name-defined]
        pass

    own = module.connect(":memory:", factory=Own)
    own.note = 1
    assert own.note == 1
    own.close()
    connection.close()


@pytest.mark.parametrize("module", [sqlite3, skysql], ids=lambda module: module.__name__)
def test_subclasses(module: ModuleType) -> None:
    class Own(module.Connection):  # type: ignore[name-defined]
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            self.made = 0

        def cursor(self, *given: Any) -> Any:
            self.made += 1
            return super().cursor(*given)

    own = module.connect(":memory:", factory=Own)
    assert own.execute("SELECT 1").fetchall() == [(1,)]  # the shortcuts do not ask for it
    assert own.cursor().execute("SELECT 1").fetchall() == [(1,)]
    assert own.made == 1
    own.close()


# copies


def test_backup_into_a_connection_of_sqlite3s_goes_on_by_pages(tmp_path: Path) -> None:
    db = skysql.connect(tmp_path / "a.db")
    db.execute("CREATE TABLE notes (id, secret)")
    db.executemany("INSERT INTO notes VALUES (?, ?)", [(at, "x" * 900) for at in range(50)])
    db.commit()
    steps: list[int] = []
    target = sqlite3.connect(":memory:")
    db.backup(target, pages=3, progress=lambda _, left, __: steps.append(left), sleep=0)
    assert len(steps) > 3
    assert steps[-1] == 0
    assert target.execute("SELECT count(*) FROM notes").fetchall() == [(50,)]
    target.close()


def _sky(path: Path) -> skysql.Connection:
    db = skysql.connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("INSERT INTO users (object_id, timestamp, action, plan) VALUES (1, '2024-01-01', 'a', 'pro')")
    db.commit()
    return db


PLANS = "SELECT plan, count(*) FROM {}users GROUP BY plan"


@pytest.mark.parametrize("module", [sqlite3, skysql], ids=lambda module: module.__name__)
def test_bytes_of_a_file_can_be_put_in_memory(module: ModuleType, tmp_path: Path) -> None:
    db = module.connect(tmp_path / "a.db")
    db.execute("CREATE TABLE t (x)")
    db.execute("INSERT INTO t VALUES (1)")
    db.commit()
    for other in (sqlite3, skysql):
        copy = other.connect(":memory:")
        copy.deserialize(db.serialize())
        copy.execute("INSERT INTO t VALUES (2)")
        assert copy.execute("SELECT x FROM t").fetchall() == [(1,), (2,)]
        copy.close()
    db.close()


def test_bytes_of_a_file_that_has_a_write_ahead_log(tmp_path: Path) -> None:
    db = _sky(tmp_path / "a.db")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    copy = skysql.connect(":memory:")
    copy.deserialize((tmp_path / "a.db").read_bytes())
    assert copy.execute(PLANS.format("")).fetchall() == [("pro", 1)]


def test_bytes_have_what_the_open_transaction_has_written(tmp_path: Path) -> None:
    db = _sky(tmp_path / "a.db")
    db.execute("INSERT INTO users (object_id, timestamp, action, plan) VALUES (2, '2024-01-01', 'a', 'pro')")
    copy = skysql.connect(":memory:")
    copy.deserialize(db.serialize())
    assert copy.execute(PLANS.format("")).fetchall() == [("pro", 2)]
    db.rollback()
    assert db.execute(PLANS.format("")).fetchall() == [("pro", 1)]


def test_an_attached_database_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    db = _sky(tmp_path / "a.db")
    other = skysql.connect(":memory:")
    other.execute("ATTACH ':memory:' AS o")
    for expected in ([("pro", 1)], [("free", 1), ("pro", 1)]):
        other.deserialize(db.serialize(), name="o")
        assert other.execute(PLANS.format("o.")).fetchall() == expected
        db.execute("INSERT INTO users (object_id, timestamp, action, plan) VALUES (2, '2024-01-01', 'a', 'free')")


def test_a_blob_keeps_its_connection() -> None:  # as of sqlite3
    def opened() -> Any:
        db = skysql.connect(":memory:")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (x'010203')")
        db.commit()
        return db.blobopen("t", "x", 1)

    with opened() as blob:
        assert blob.read() == b"\1\2\3"
