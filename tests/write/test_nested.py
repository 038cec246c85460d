"""Random statements with triggers, OR clauses, savepoints and functions that run statements, as on plain tables."""

from __future__ import annotations

import random
from typing import Any

import pytest

import skysql
from tests.conftest import Connect

TRIGGERS = """
CREATE TABLE orders(id INTEGER UNIQUE CHECK(id <> 13), kind);
CREATE TRIGGER ordered AFTER INSERT ON orders WHEN new.kind = 'insert' BEGIN
    INSERT INTO users(object_id, ts, action) VALUES (new.id + 1, 5, 'ordered');
END;
CREATE TRIGGER moved AFTER INSERT ON orders WHEN new.kind = 'move' BEGIN
    DELETE FROM users WHERE object_id = new.id;
    INSERT INTO others(object_id, ts, action) VALUES (nullif(new.id, 7), 6, 'moved');
END;
CREATE TRIGGER dropped BEFORE DELETE ON orders BEGIN
    INSERT INTO others(object_id, ts, action) VALUES (old.id, 7, 'dropped');
    SELECT RAISE(FAIL, 'fail') WHERE old.id = 4;
    SELECT RAISE(ABORT, 'abort') WHERE old.id = 5;
    SELECT RAISE(IGNORE) WHERE old.id = 6;
    SELECT RAISE(ROLLBACK, 'rollback') WHERE old.id = 9;
END;
"""

REFUSED = "written by a function", "SQL statements in progress", "abort due to ROLLBACK", "changed under a statement"
"""What a sky table does not do within a statement, and a plain one does."""


class Side:
    """A connection with two tables of events, sky or plain, and functions that run statements."""

    def __init__(self, connect: Connect, sky: bool, pushdown: bool) -> None:
        self.db = db = connect(isolation_level=None, pushdown=pushdown)
        columns = "object_id NOT NULL, ts, action NOT NULL, amount INTEGER"
        for table in ("users", "others"):
            made = "USING sky(amount INTEGER)" if sky else f"({columns})"
            db.execute(f"CREATE {'VIRTUAL' if sky else ''} TABLE {table} {made}")
        db.executescript(TRIGGERS)
        db.create_function("note", 1, self.note)
        db.create_function("order_two", 1, self.order_two)
        db.create_function("seen", 1, self.seen)

    def note(self, value: int) -> int:
        self.db.execute("INSERT INTO others(object_id, ts, action) VALUES (?, 8, 'noted')", (value,))
        return value

    def order_two(self, value: int) -> int:
        with pytest.raises(skysql.IntegrityError):
            self.db.execute("INSERT OR FAIL INTO orders VALUES (?, 'insert'), (13, 'insert')", (value,))
        return value

    def seen(self, value: int) -> int:
        found: int = self.db.execute("SELECT count(*) + 1 FROM users WHERE object_id <= ?", (value,)).fetchall()[0][0]
        return found

    def run(self, sql: str) -> tuple[Any, str]:
        """(the rows, or the class of the error, and its text)."""
        try:
            cursor = self.db.execute(sql)
            return (cursor.rowcount, cursor.fetchall()), ""
        except skysql.Error as error:
            return type(error), str(error)

    def state(self) -> list[Any]:
        events = [
            self.db.execute(f"SELECT object_id, ts, action, amount FROM {table} ORDER BY 1, 2, 3, 4").fetchall()
            for table in ("users", "others")
        ]
        return [self.db.in_transaction, *events, self.db.execute("SELECT * FROM orders ORDER BY id").fetchall()]


def statement(rng: random.Random) -> str:
    ids = [rng.randint(1, 9) for _ in range(3)]
    clause = rng.choice(["", "", " OR FAIL", " OR ABORT", " OR ROLLBACK"])
    called = rng.choice(["value", "note(value)", "order_two(value)", "seen(value)"])
    orders = ", ".join(f"({id}, '{rng.choice(['insert', 'move', 'none'])}')" for id in ids)
    return rng.choice(
        [
            f"INSERT{clause} INTO orders VALUES {orders}",
            f"DELETE FROM orders WHERE id >= {ids[0]}",
            f"INSERT{clause} INTO users(object_id, ts, action)"
            f" SELECT {called}, 1, nullif('a', iif(value = 8, 'a', '')) FROM json_each('{ids}')",
            f"DELETE FROM users WHERE object_id = {ids[0]}",
            f"UPDATE{clause} users SET amount = {called.replace('value', 'object_id')} WHERE object_id = {ids[0]}",
            "SELECT action, count(*), sum(amount) FROM users GROUP BY action",
            *("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "SAVEPOINT b", "RELEASE a", "ROLLBACK TO a"),
        ]
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_statements_within_statements(connect: Connect, seed: int) -> None:
    rng = random.Random(seed)
    sides = [Side(connect, True, True), Side(connect, True, False), Side(connect, False, True)]
    for _ in range(40):
        sql = statement(rng)
        outcomes = [side.run(sql) for side in sides]
        if any(refused in outcome[1] for outcome in outcomes for refused in REFUSED):
            break
        assert outcomes[0][0] == outcomes[1][0] == outcomes[2][0], sql
        states = [side.state() for side in sides]
        assert states[0] == states[1] == states[2], sql
