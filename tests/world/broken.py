"""Files of which inner pages are destroyed: their trees lead nowhere."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import skysql
from skysql.repair.pages import Pages
from skysql.repair.repair import repair
from tests.conftest import Connect

INNER = (2, 5)


class Broken:
    """A file of small pages with a sky table and others, of which inner pages are destroyed."""

    def __init__(self, connect: Connect, path: str) -> None:
        self.path, self.connect = path, connect
        db = connect(path, isolation_level=None)
        db.executescript("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
        for name in ("users", "others"):
            db.execute(f"CREATE VIRTUAL TABLE {name} USING sky(name TEXT OBJECT, plan TEXT STATE, amount REAL)")
        db.execute("CREATE TABLE plain(x INTEGER PRIMARY KEY, y TEXT, z INTEGER)")
        db.executemany("INSERT INTO plain VALUES (?, ?, ?)", [(i, f"text {i}", i) for i in range(2000)])
        r = random.Random(1)
        for turn in range(12):
            for name in ("users", "others"):
                rows = [
                    (f"o{r.randrange(400)}", i, r.choice("abc"), f"plan {r.randrange(400)}", r.random())
                    for i in range(300)
                ]
                db.executemany(f"INSERT INTO {name}(name, ts, action, plan, amount) VALUES (?, ?, ?, ?, ?)", rows)
                if turn % 3 == 1:
                    db.engine.relation("main", name).store.fold()
            if turn == 6:
                db.execute("DELETE FROM users WHERE ts % 3 = 0")
                db.compact("users")  # what was there before lies on free pages
        self.right = self.rows(db)
        db.close()
        self.content = Path(path).read_bytes()
        with sqlite3.connect(path) as plain:
            self.roots = dict(plain.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").fetchall())
        plain.close()

    @staticmethod
    def rows(db: skysql.Connection, name: str = "users") -> list[Any]:
        return db.execute(f"SELECT name, ts, action, plan, amount FROM {name} ORDER BY 1, 2, 5").fetchall()

    def destroy(self, *tables: str) -> int:
        """Overwrite the inner pages of these tables; how many."""
        content, pages = bytearray(self.content), Pages(self.content)
        inner = [page for name in tables for page in pages.reached(self.roots[name])[0]
                 if self.content[(page - 1) * pages.size] in INNER]  # fmt: skip
        for page in inner:
            content[(page - 1) * pages.size : page * pages.size] = b"\xa5" * pages.size
        Path(self.path).write_bytes(content)
        return len(inner)

    def repaired(self) -> tuple[list[Any], list[str]]:
        """The rows of the new file, and what was lost."""
        target = f"{self.path}.new"
        report = repair(self.path, target)
        return self.rows(self.connect(target)), [str(loss) for loss in report.losses]
