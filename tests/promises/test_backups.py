"""Copies of a database: SQLite's backup, VACUUM INTO, the files of one in use; and what may stand in a schema."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skysql
from tests.conftest import Connect

QUESTIONS = [
    "SELECT *, ts, changes FROM users",
    "SELECT * FROM users_objects",
    "SELECT * FROM users_changes",
    "SELECT action, plan, count(*), sum(amount) FROM users GROUP BY action, plan ORDER BY 1, 2",
    "SELECT * FROM orders",
]


def answers(db: skysql.Connection) -> list[Any]:
    assert db.check() == []
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return [db.execute(sql).fetchall() for sql in QUESTIONS]


def fill(db: skysql.Connection) -> None:
    """Blocks, a log, and deleted events of both."""
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER)")
    for turn in range(2):
        rows = [(i % 7 + 1, i, f"a{i % 3}", ["free", "pro", None][i % 3], i / 4) for i in range(turn, 200 + turn)]
        db.executemany("INSERT INTO users(object_id, ts, action, plan, amount) VALUES (?, ?, ?, ?, ?)", rows)
        if turn == 0:
            db.compact()
    db.execute("DELETE FROM users WHERE object_id = 3 OR ts = 7")
    db.execute("UPDATE users SET plan = 'team' WHERE ts BETWEEN 50 AND 53")
    db.execute("INSERT INTO orders VALUES (1, 2)")


def backup(db: skysql.Connection, connect: Connect, _: str, to: str) -> None:
    target = connect(to)
    db.backup(target)
    target.close()


def vacuum_into(db: skysql.Connection, _connect: Connect, _: str, to: str) -> None:
    db.execute("VACUUM INTO ?", (to,))


def copy(_db: skysql.Connection, _connect: Connect, path: str, to: str) -> None:
    assert Path(f"{path}-wal").stat().st_size > 0
    shutil.copy(path, to)
    shutil.copy(f"{path}-wal", f"{to}-wal")


@pytest.mark.parametrize("way", [backup, vacuum_into, copy])
def test_a_copy_is_the_same_database(
    connect: Connect, path: str, tmp_path: Path, way: Callable[[skysql.Connection, Connect, str, str], None]
) -> None:
    db = connect(path, isolation_level=None)
    fill(db)
    expected = answers(db)
    to = str(tmp_path / "copy.db")
    way(db, connect, path, to)
    db.execute("DELETE FROM users")  # of this one, not of its copy
    restored = connect(to, isolation_level=None)
    assert answers(restored) == expected
    restored.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1000, 'later')")
    restored.compact(vacuum=True)
    assert restored.execute("SELECT count(*) FROM users").fetchone() == (len(expected[0]) + 1,)
    restored.execute("DELETE FROM users WHERE action = 'later'")
    assert answers(restored) == expected
    assert db.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_backup_goes_back_over_what_was_written_since(connect: Connect, path: str, tmp_path: Path) -> None:
    db = connect(path, isolation_level=None)
    fill(db)
    expected = answers(db)
    kept = connect(str(tmp_path / "kept.db"))
    db.backup(kept)
    db.execute("UPDATE users SET plan = 'wrong', action = 'wrong'")
    db.compact(vacuum=True)
    kept.backup(db)
    assert answers(db) == expected


@pytest.mark.parametrize("pages", [-1, 1])
def test_a_backup_into_a_file_that_was_moved_says_so(
    connect: Connect, path: str, tmp_path: Path, pages: int
) -> None:
    db, target = connect(path), connect(str(tmp_path / "copy.db"))
    target.execute("PRAGMA journal_mode = DELETE")  # in WAL mode SQLite goes on in the file that it has open
    target.execute("CREATE TABLE t(x)")
    target.commit()
    (tmp_path / "copy.db").rename(tmp_path / "moved.db")
    told = r"the file of the database was moved, removed or replaced since .* \(open it anew, where it is now\)"
    with pytest.raises(skysql.OperationalError, match=told):
        db.backup(target, pages=pages)
    with pytest.raises(skysql.OperationalError, match=told):
        target.execute("INSERT INTO t VALUES (1)")


def test_a_copy_amid_a_transaction_has_what_was_committed(connect: Connect, path: str, tmp_path: Path) -> None:
    db = connect(path, isolation_level=None)
    fill(db)
    expected = answers(db)
    db.execute("BEGIN")
    db.execute("DELETE FROM users WHERE object_id = 1")
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 5, 'not yet')")
    assert len(answers(db)[0]) < len(expected[0])
    to = str(tmp_path / "copy.db")
    copy(db, connect, path, to)
    assert answers(connect(to)) == expected
    other = connect(path)
    target = connect(str(tmp_path / "backup.db"))
    other.backup(target)
    assert answers(target) == expected
    db.execute("COMMIT")


# schemas that are not to be trusted, and names that are odd


def test_sky_tables_do_not_need_a_trusted_schema(connect: Connect, path: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute("PRAGMA trusted_schema = OFF")
    fill(db)
    db.execute("CREATE VIEW v AS SELECT plan, count(*) AS n FROM users WHERE timestamp > '1970-01-01' GROUP BY plan")
    db.execute("CREATE VIEW w AS SELECT * FROM users_objects('1970-01-01T00:00:00.000099Z')")
    db.execute("CREATE TRIGGER t AFTER INSERT ON orders BEGIN"
               " INSERT INTO users(object_id, ts, action) VALUES (new.who, new.id, 'order');"
               " DELETE FROM users WHERE object_id = new.who AND action = 'a0';"
               " UPDATE users SET amount = 1 WHERE object_id = new.who AND action = 'order'; END")  # fmt: skip
    db.execute("INSERT INTO orders VALUES (500, 2)")
    assert db.execute("SELECT ts, amount FROM users WHERE action = 'order'").fetchall() == [(500, 1.0)]
    assert db.execute("SELECT count(*) FROM users WHERE object_id = 2 AND action = 'a0'").fetchall() == [(0,)]
    plain = connect(path, pushdown=False)
    plain.execute("PRAGMA trusted_schema = OFF")
    assert len(db.execute("SELECT * FROM w").fetchall()) == 6
    assert sorted(db.execute("SELECT * FROM v"), key=str) == sorted(plain.execute("SELECT * FROM v"), key=str)


NAMES = [
    'say "x"', "it's", "a;b -- c", "x'); DROP TABLE orders; --", "[b]", "`t`", "日本 🙂", "select", "a.b", "%s {0}",
    "\\",
    "x" * 3000, "a\nb", " ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_never_read_as_sql(connect: Connect, path: str, name: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    db = connect(path, isolation_level=None)
    db.execute("CREATE TABLE orders(id)")
    table, objects = quoted(name), quoted(f"{name}_objects")
    db.execute(f"CREATE VIRTUAL TABLE {table} USING sky(plan TEXT STATE, amount REAL)")
    db.execute(f"INSERT INTO {table}(object_id, ts, action, plan) VALUES (1, 1, ?, ?), (2, 1, 'b', 'y')", (name, name))
    db.compact()
    db.execute(f"UPDATE {table} SET amount = 2 WHERE action = ?", (name,))
    db.execute(f"DELETE FROM {table} WHERE object_id = 2")
    assert db.execute(f"SELECT action, plan, amount FROM {table}").fetchall() == [(name, name, 2.0)]
    assert db.execute(f"SELECT plan, count(*) FROM {table} GROUP BY plan").fetchall() == [(name, 1)]
    assert db.execute(f"SELECT plan FROM {objects}").fetchall() == [(name,)]
    assert [info.name for info in db.info()] == [name]
    other = connect(path, isolation_level=None)
    assert other.check() == []
    other.compact(vacuum=True)
    assert other.execute(f"SELECT action FROM {table}").fetchall() == [(name,)]
    db.execute(f"ALTER TABLE {table} RENAME TO plain")
    assert db.execute("SELECT action, plan FROM plain").fetchall() == [(name, name)]
    db.execute("DROP TABLE plain")
    assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("orders",)]
