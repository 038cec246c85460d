"""Deleted is deleted: after a vacuum, no byte of it is in the database."""

from pathlib import Path

import pytest

from tests.conftest import Connect
from tests.world.changes import SCHEMA


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
