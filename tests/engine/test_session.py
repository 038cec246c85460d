"""What every front of a session does alike: each subclass of `SessionContract` is one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import skysql

from .line_protocol import LineClient

USERS = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)"
INSERT = "INSERT INTO users(object_id, ts, action, amount) VALUES (?, ?, ?, ?)"
ALL = "SELECT object_id, ts, action, amount FROM users"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

Open = Callable[[], Any]


class DbapiRows:
    """A cursor of the DB-API under the names of the contract."""

    def __init__(self, cursor: skysql.Cursor) -> None:
        self.cursor = cursor
        self.columns = [column[:2] for column in cursor.description or ()]
        self.lastrowid = cursor.lastrowid
        self.close = cursor.close

    @property
    def rowcount(self) -> int:
        return self.cursor.rowcount

    def take(self, size: int = 0) -> list[Any]:
        return self.cursor.fetchmany(size)


class DbapiFront:
    """A connection of the DB-API under the names of the contract."""

    def __init__(self, path: str) -> None:
        self.db = db = skysql.connect(path)
        self.script = lambda text: db.executescript(text) and None
        self.commit, self.rollback, self.interrupt, self.close = db.commit, db.rollback, db.interrupt, db.close

    def run(self, sql: str, parameters: Any = ()) -> DbapiRows:
        return DbapiRows(self.db.execute(sql, parameters))

    def run_many(self, sql: str, rows: Any) -> int:
        return self.db.executemany(sql, rows).rowcount

    @property
    def in_transaction(self) -> bool:
        return self.db.in_transaction

    @property
    def total_changes(self) -> int:
        return self.db.total_changes

    def define(self, name: str, sql: str) -> None:
        def called(*given: Any) -> Any:
            cursor = self.db.execute(sql, given)
            rows = cursor.fetchall()
            return rows[0][0] if rows else cursor.rowcount

        self.db.create_function(name, -1, called)


class SessionContract:
    """A front that `open` makes. Each works on a file of its own session; `other` is a second one on the same file."""

    front: Callable[[str], Any]

    @pytest.fixture
    def open(self, tmp_path: Path) -> Iterator[Open]:
        opened: list[Any] = []

        def open() -> Any:
            opened.append(type(self).front(str(tmp_path / "events.db")))
            return opened[-1]

        yield open
        for front in reversed(opened):
            front.close()

    @pytest.fixture
    def front_(self, open: Open) -> Any:
        """A front on a file with a sky table, and an ordinary one."""
        front = open()
        front.run(USERS)
        front.run("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER)")
        return front

    # run

    def test_rows_and_columns(self, front_: Any) -> None:
        found = front_.run("SELECT 1 AS one, 'é' || ? AS text, ?, NULL, x'00ff'", ["x", 2.5])
        assert [name for name, _ in found.columns] == ["one", "text", "?", "NULL", "x'00ff'"]
        assert found.take() == [(1, "éx", 2.5, None, b"\x00\xff")] and found.take() == []
        assert front_.run("SELECT plan, amount FROM users").columns == [("plan", "TEXT"), ("amount", "REAL")]
        assert front_.run("SELECT :a + :b", {"a": 1, "b": 2}).take() == [(3,)]
        nothing = front_.run("  -- nothing\n")
        assert list(nothing.columns) == [] and nothing.take() == []

    def test_rows_are_taken_some_at_a_time(self, front_: Any) -> None:
        found = front_.run("SELECT value FROM json_each('[1, 2, 3, 4, 5]')")
        assert [found.take(2), found.take(1), found.take(7), found.take(1)] == [[(1,), (2,)], [(3,)], [(4,), (5,)], []]

    def test_a_result_that_is_closed_holds_nothing(self, front_: Any) -> None:
        front_.run_many(INSERT, [(at, at, "a", None) for at in range(1, 9)])
        front_.commit()
        half_read = front_.run("SELECT * FROM users JOIN orders ON 1 = 1 UNION ALL SELECT *, 1, 1 FROM users")
        assert len(half_read.take(2)) == 2
        half_read.close()
        front_.run("DROP TABLE orders")

    @pytest.mark.parametrize(
        ("sql", "parameters", "error", "message", "hint"),
        [
            ("SELECT ?", [], "ProgrammingError", "Incorrect number of bindings", None),
            ("SELECT :a", {"b": 1}, "ProgrammingError", "You did not supply a value for binding parameter :a", None),
            ("SELECT ?", [1 << 63], "TooLargeError", "which 64 bits do not hold", "an object id, for one"),
            ("SELECT 1; SELECT 2", [], "ProgrammingError", "only execute one statement", "executescript"),
            ("SELEC 1", [], "OperationalError", 'near "SELEC": syntax error', None),
            ("SELECT ammount FROM users", [], "OperationalError", "no such column: ammount", "did you mean 'amount'"),
            ("SELECT * FROM user", [], "OperationalError", "no such table: user", "did you mean 'users'"),
            ("SELECT funel(1) FROM users", [], "OperationalError", "no such function: funel", None),
            ("INSERT INTO orders VALUES (1, 1), (1, 2)", [], "IntegrityError", "UNIQUE constraint failed", None),
            (INSERT, [None, 1, "a", None], "IntegrityError", "object", None),
            (INSERT, ["x", 1, "a", None], "DataError", "object", None),
        ],
    )
    def test_errors(
        self, front_: Any, sql: str, parameters: Any, error: str, message: str, hint: str | None
    ) -> None:
        """Each is of the class that PEP 249 has for it, and says what to do where that is known."""
        front_.run("INSERT INTO orders VALUES (7, 7)")
        with pytest.raises(getattr(skysql, error), match=".*") as raised:
            front_.run(sql, parameters)
        assert type(raised.value).__name__ == error and message in str(raised.value)
        assert hint is None or hint in (raised.value.hint or "")
        assert front_.in_transaction and front_.run("SELECT * FROM orders").take() == [(7, 7)]

    def test_what_is_pushed_down_and_what_is_not_answer_alike(self, front_: Any) -> None:
        front_.run_many(INSERT, [(1, 1, "a", 1.5), (1, 2, "b", 2.5), (2, 1, "a", None)])
        for sql in (
            "SELECT action, count(*), sum(amount) FROM users GROUP BY action",
            "SELECT action, count(*), sum(amount + 0 * random()) FROM users GROUP BY action",
        ):
            assert front_.run(sql).take() == [("a", 2, 1.5), ("b", 1, 2.5)]
        assert front_.run("SELECT count(*) FROM users WHERE object_id = ?", [1]).take() == [(2,)]

    # what was changed

    def test_rowcount_and_lastrowid(self, front_: Any) -> None:
        asked = [
            ("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a'), (1, 2, 'a')", 2),
            ("INSERT OR IGNORE INTO users(object_id, ts, action) VALUES (1, 1, 'a'), (2, 1, 'a')", 1),
            ("UPDATE users SET amount = 1 WHERE object_id = 1", 2),
            ("UPDATE users SET amount = 1 WHERE object_id = 9", 0),
            ("DELETE FROM users WHERE object_id = 1", 2),
            ("INSERT INTO orders(who) VALUES (1), (2), (3)", 3),
            ("CREATE TABLE more(x)", -1),
        ]
        for sql, count in asked:
            assert front_.run(sql).rowcount == count, sql
        found = front_.run("SELECT * FROM orders")
        assert found.take() == [(1, 1), (2, 2), (3, 3)] and found.rowcount == -1 and found.lastrowid == 3
        assert front_.total_changes == 2 + 1 + 2 + 2 + 3
        returned = front_.run("INSERT INTO orders(who) VALUES (4), (5) RETURNING id")
        assert returned.take() == [(4,), (5,)] and returned.rowcount == 2

    def test_many(self, front_: Any) -> None:
        assert front_.run_many(INSERT, [(at, at, "a", at / 2) for at in range(1, 6)]) == 5
        assert front_.run_many("DELETE FROM users WHERE object_id < ?", [(3,), (5,)]) == 4
        assert front_.run_many("INSERT INTO orders VALUES (:id, :who)", [{"id": 3, "who": 4}]) == 1
        assert front_.run(ALL).take() == [(5, 5, "a", 2.5)]
        with pytest.raises(skysql.IntegrityError):
            front_.run_many(INSERT, [(6, 6, "a", None), (None, 7, "a", None), (8, 8, "a", None)])
        assert front_.run(ALL).take() == [(5, 5, "a", 2.5), (6, 6, "a", None)]
        assert front_.run_many(INSERT, []) == 0

    def test_script(self, front_: Any) -> None:
        front_.run(INSERT, [1, 1, "a", None])
        front_.script("INSERT INTO orders VALUES (1, 1); SELECT 1; BEGIN; INSERT INTO orders VALUES (2, 2); ROLLBACK;")
        assert not front_.in_transaction
        assert front_.run("SELECT * FROM orders").take() == [(1, 1)] and len(front_.run(ALL).take()) == 1

    # transactions

    @pytest.mark.parametrize("sql", ["SELECT * FROM users", "CREATE TABLE more(x)", "INSERT INTO nowhere VALUES (1)"])
    def test_what_begins_no_transaction(self, front_: Any, sql: str) -> None:
        if "nowhere" in sql:
            with pytest.raises(skysql.OperationalError):
                front_.run(sql)
        else:
            front_.run(sql).take()
        assert not front_.in_transaction

    @pytest.mark.parametrize("sql", [INSERT.replace("?, ?, ?, ?", "1, 1, 'a', 1"), "INSERT INTO orders VALUES (1, 1)",
                                     "UPDATE users SET amount = 1", "DELETE FROM orders"])  # fmt: skip
    def test_a_write_begins_a_transaction(self, front_: Any, open: Open, sql: str) -> None:
        table, other = sql.split()[2 if sql[0] in "ID" else 1].split("(")[0], open()
        front_.run(sql)
        assert front_.in_transaction and other.run(f"SELECT count(*) FROM {table}").take() == [(0,)]
        with pytest.raises(skysql.OperationalError, match="open transaction|within a transaction"):
            front_.run("BEGIN")
        front_.rollback()
        front_.rollback()
        assert not front_.in_transaction and front_.run(f"SELECT count(*) FROM {table}").take() == [(0,)]
        front_.run(sql)
        front_.commit()
        front_.commit()
        assert other.run(f"SELECT count(*) FROM {table}").take() == [(int("INSERT" in sql),)]

    def test_savepoints(self, front_: Any) -> None:
        front_.run("BEGIN")
        front_.run(INSERT, [1, 1, "a", None])
        front_.run("SAVEPOINT s")
        front_.run(INSERT, [2, 2, "b", None])
        front_.run("UPDATE users SET action = 'c' WHERE object_id = 1")
        assert front_.run(ALL).take() == [(1, 1, "c", None), (2, 2, "b", None)]
        front_.run("ROLLBACK TO s")
        assert front_.run(ALL).take() == [(1, 1, "a", None)]
        front_.run(INSERT, [3, 3, "d", None])
        front_.run("RELEASE s")
        front_.run("COMMIT")
        assert front_.run(ALL).take() == [(1, 1, "a", None), (3, 3, "d", None)]

    @pytest.mark.parametrize("transaction", [False, True])
    def test_a_statement_that_fails_leaves_nothing(self, front_: Any, transaction: bool) -> None:
        if transaction:
            front_.run(INSERT, [9, 9, "b", None])
        with pytest.raises(skysql.OperationalError, match="integer overflow"):
            front_.run(
                "INSERT INTO users(object_id, ts, action) SELECT value, abs(iif(value < 3, value, 1 << 63)), 'a'"
                " FROM json_each('[1, 2, 3]')"
            )
        assert front_.in_transaction
        front_.commit()
        assert front_.run(ALL).take() == ([(9, 9, "b", None)] if transaction else [])

    # other sessions

    def test_another_session_alters_the_table(self, front_: Any, open: Open) -> None:
        """Each statement is planned for the table as it is when it runs."""
        other, sql = open(), "SELECT action, count(*) FROM users WHERE amount > 1 GROUP BY action"
        front_.run(INSERT, [1, 1, "a", 2.5])
        front_.commit()
        for name in ("price", "amount"):
            assert front_.run(sql).take() == other.run(sql).take() == [("a", 1)]
            now = "price" if name == "price" else "amount"
            was = "amount" if name == "price" else "price"
            other.run(f"SELECT sky_alter('users', 'RENAME {was} TO {now}')").take()
            if name == "price":
                with pytest.raises(skysql.OperationalError, match="no such column: amount"):
                    front_.run(sql)
                assert front_.run(sql.replace("amount", "price")).take() == [("a", 1)]
                sql = sql.replace("amount", "price")
            else:
                sql = sql.replace("price", "amount")
        assert front_.run(sql).take() == other.run(sql).take() == [("a", 1)]

    def test_a_session_alters_its_own_table_and_rolls_that_back(self, front_: Any) -> None:
        front_.run(INSERT, [1, 1, "a", 2.5])
        sql = "SELECT action, sum({}) FROM users GROUP BY action"
        front_.run("SELECT sky_alter('users', 'RENAME amount TO price')").take()
        assert front_.run(sql.format("price")).take() == [("a", 2.5)]
        front_.rollback()
        front_.run(INSERT, [1, 1, "a", 1.5])
        assert front_.run(sql.format("amount")).take() == [("a", 1.5)]
        with pytest.raises(skysql.OperationalError, match="no such column: price"):
            front_.run(sql.format("price"))

    def test_another_session_drops_the_table_and_makes_it_anew(self, front_: Any, open: Open) -> None:
        other, sql = open(), "SELECT plan, count(*) FROM users GROUP BY plan"
        assert front_.run(sql).take() == []
        other.run("DROP TABLE users")
        with pytest.raises(skysql.OperationalError, match="no such table: users"):
            front_.run(sql)
        other.run("CREATE VIRTUAL TABLE users USING sky(plan INTEGER STATE)")
        other.run("INSERT INTO users(object_id, ts, plan) VALUES (1, 1, 3)")
        other.commit()
        assert front_.run(sql).take() == [(3, 1)]

    # statements within statements

    def test_a_function_s_statements_are_its_own(self, front_: Any) -> None:
        front_.define("ask", "INSERT INTO users(object_id, ts, action) VALUES (?, 100, 'within')")
        outer = "INSERT INTO users(object_id, ts, action) SELECT value, ask(value), 'outer' FROM json_each('[1, 2]')"
        assert front_.run(outer).rowcount == 2
        found = front_.run("SELECT object_id, ts, action FROM users").take()
        assert found == [(1, 1, "outer"), (1, 100, "within"), (2, 1, "outer"), (2, 100, "within")]

    @pytest.mark.parametrize("transaction", [False, True])
    def test_what_a_function_s_statements_wrote_goes_with_the_statement(self, front_: Any, transaction: bool) -> None:
        front_.define("ask", "INSERT INTO users(object_id, ts, action) VALUES (?, 100, 'within')")
        if transaction:
            front_.run(INSERT, [9, 9, "before", None])
        with pytest.raises(skysql.OperationalError, match="integer overflow"):
            front_.run(
                "INSERT INTO users(object_id, ts, action)"
                " SELECT value, abs(iif(ask(value) < value, value, 1 << 63)), 'outer' FROM json_each('[2, 1]')"
            )
        front_.commit()
        assert front_.run(ALL).take() == ([(9, 9, "before", None)] if transaction else [])

    def test_a_function_that_fails_takes_back_its_own_only(self, front_: Any) -> None:
        two = "SELECT ?, value, 'x' FROM json_each('[1, \"no\"]')"
        front_.define("ask", f"INSERT INTO users(object_id, ts, action) {two}")
        with pytest.raises((skysql.DataError, skysql.OperationalError), match="not a timestamp|function raised"):
            front_.run("INSERT INTO users(object_id, ts, action) SELECT value, ask(value), 'a' FROM json_each('[1]')")
        front_.commit()
        assert front_.run(ALL).take() == []

    @pytest.mark.parametrize("change", ["DELETE FROM users", "UPDATE users SET action = 'z'"])
    def test_a_function_that_writes_what_a_statement_changes(self, front_: Any, change: str) -> None:
        front_.run_many(INSERT, [(1, 1, "a", None), (2, 1, "a", None)])
        front_.commit()
        front_.define("ask", "DELETE FROM users WHERE object_id = ?")
        with pytest.raises(skysql.OperationalError, match="written by a function in the statement that changes it"):
            front_.run(f"{change} WHERE object_id = 1 AND ask(object_id) = 1")
        front_.rollback()
        assert front_.run(ALL).take() == [(1, 1, "a", None), (2, 1, "a", None)]

    def test_a_function_that_rolls_back_takes_the_statement_along(self, front_: Any) -> None:
        front_.define("ask", "ROLLBACK")
        front_.run(INSERT, [9, 9, "before", None])
        with pytest.raises(skysql.OperationalError, match="^abort due to ROLLBACK"):
            front_.run("INSERT INTO users(object_id, ts, action) SELECT value, ask(), 'a' FROM json_each('[1]')")
        assert not front_.in_transaction and front_.run(ALL).take() == []

    # interrupts

    def test_an_interrupt_stops_the_statement_under_way(self, front_: Any) -> None:
        front_.interrupt()  # of none: without effect
        front_.run(INSERT, [1, 1, "a", None])
        raised: list[BaseException] = []

        def run() -> None:
            with pytest.raises(skysql.OperationalError, match="interrupted") as error:
                front_.run(ENDLESS)
            raised.append(error.value)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            front_.interrupt()
            thread.join(0.01)
        assert len(raised) == 1 and front_.in_transaction
        assert front_.run("SELECT count(*) FROM users").take() == [(1,)]


class TestDbapi(SessionContract):
    front = DbapiFront


class TestLineProtocol(SessionContract):
    front = LineClient
