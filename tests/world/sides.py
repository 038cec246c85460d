"""One small world on three sides: a sky table with pushdown, one without, and ordinary tables of the same rows.

What a statement gives has to be the same on all: names, values with their types, and, on the two sky tables, the order
of the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import apsw

import skysql
from tests.world.scripts import renumbered

PROPERTIES = "plan TEXT STATE, seats INTEGER STATE, vip BOOLEAN STATE, amount REAL, url TEXT"
NAMES = "timestamp, action, plan, seats, vip, amount, url"
EVENTS = [
    (1, "2026-01-01", "sign up", "free", None, 0, None, "/a"),
    (1, "2026-01-02", "buy", None, 3, None, 9.5, "/shop/1"),
    (1, "2026-01-02", "buy", "pro", None, 1, 2.5, None),
    (2, "2026-01-01 05:00", "sign up", "free", 1, None, None, "/b"),
    (2, "2026-01-05", "buy", None, None, None, 100.0, "/shop/2"),
    (2, "2026-01-06", None, "basic", None, None, None, None),
    (3, "2026-02-01", "view", "pro", 7, 1, None, "12"),
    (3, "2026-02-01 00:00:00.5", "view", None, 3, None, 3.0, "/Shop/É"),
    (4, "2026-02-03", "it's", None, None, None, -1.25, "3"),
]
CUSTOMERS = [(1, "gold", 0.5, 3), (2, "silver", 1.25, None), (3, None, 10.0, 1), (9, "gold", None, 7)]
VALUES = [1, 2, 3, "1", "2", "3", "9.5", 9.5, "x", None, "3.0", 7, "7", 100, "pro", b"3"]
HIDDEN = {"users": ["ts", "changes", "session", "session_event"], "users_changes": ["ts"], "users_objects": []}


class Sides:
    """The three of them. `keys`: those of the objects 1 to 4, if they are given by a TEXT key."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self.pushed, self.by_row = skysql.connect(":memory:"), skysql.connect(":memory:", pushdown=False)
        self.plain = apsw.Connection(":memory:")
        who = "tail" if keys else "object_id"
        for db in (self.pushed, self.by_row):
            db.execute(f"CREATE VIRTUAL TABLE users USING sky({'tail TEXT OBJECT, ' * bool(keys)}{PROPERTIES})")
            rows = [(keys[event[0] - 1] if keys else event[0], *event[1:]) for event in EVENTS]
            db.executemany(f"INSERT INTO users({who}, {NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.commit()
        for table, hidden in HIDDEN.items():
            self._copy(table, hidden)
        for side in (self.pushed, self.by_row, self.plain):
            side.execute("CREATE TABLE customers(id INTEGER PRIMARY KEY, segment TEXT, score REAL, seats INTEGER)")
            side.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", CUSTOMERS)
            side.execute("CREATE TABLE k(t TEXT, n INTEGER, r REAL, b BLOB, x)")
            side.executemany("INSERT INTO k VALUES (?1, ?1, ?1, ?1, ?1)", [(value,) for value in VALUES])
        for db in (self.pushed, self.by_row):
            db.commit()

    def _copy(self, table: str, hidden: list[str]) -> None:
        """An ordinary table of the rows, with columns for what is hidden."""
        columns = self.by_row.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall()
        columns += [(name, "TEXT" if name == "changes" else "INTEGER") for name in hidden]
        rows = self.by_row.execute(f"SELECT {', '.join(name for name, _ in columns)} FROM {table}").fetchall()
        self.plain.execute(f"CREATE TABLE {table}({', '.join(' '.join(column) for column in columns)})")
        self.plain.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)

    def close(self) -> None:
        """Close all, with check()."""
        for db in (self.pushed, self.by_row):
            assert db.check() == []
            db.close()
        self.plain.close()

    def rewritten(self, sql: str) -> str:
        """What SQLite gets for the statement."""
        return renumbered(self.pushed.engine.prepare(sql).sql)

    def same(self, sql: str, parameters: Sequence[Any] = (), plain: bool | str = True) -> list[tuple[Any, ...]]:
        """The rows, once all sides have given them; plain: what the ordinary tables are asked, or whether they are."""
        cursors = [db.execute(sql, parameters) for db in (self.pushed, self.by_row)]
        names = [[column[0] for column in cursor.description] for cursor in cursors]
        rows, by_row = [cursor.fetchall() for cursor in cursors]
        assert names[0] == names[1] and typed(rows) == typed(by_row), f"{sql}\n{self.rewritten(sql)}"
        if plain:
            expected = self.plain.execute(plain if isinstance(plain, str) else sql, parameters).fetchall()
            assert Counter(typed(rows)) == Counter(typed(expected)), f"{sql}\n{self.rewritten(sql)}"
        return rows


def typed(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The rows, with the type of each value."""
    return [tuple((type(value).__name__, value) for value in row) for row in rows]
