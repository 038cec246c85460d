"""Makes the frozen file of the current format version, and what it has to answer: run once a version, by hand.

    python tests/data/freeze.py

A file that is there already is never written again: a released version's files are what they were.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import skysql
from skysql.store import chunks
from skysql.store.blob import VERSION

HERE = Path(__file__).parent

QUESTIONS = [
    "SELECT *, ts, changes FROM shop",
    "SELECT * FROM shop_objects",
    "SELECT * FROM shop_objects('2026-01-02')",
    "SELECT * FROM shop_changes",
    "SELECT * FROM shop_sessions('1 hour')",
    "SELECT action, plan, count(*), sum(amount), max(seats) FROM shop GROUP BY action, plan ORDER BY action, plan",
    "SELECT *, ts, changes FROM \"it's a fleet\"",
    "SELECT * FROM \"it's a fleet_objects\"",
    "SELECT * FROM \"it's a fleet_changes\"",
    "SELECT name, sql FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%' ORDER BY name",
    "SELECT * FROM ordinary",
    "SELECT *, ts, changes FROM altered",
    "SELECT * FROM altered_objects",
    "SELECT number, count(*), sum(size) FROM altered GROUP BY number",
    "SELECT *, ts FROM visits",
    "SELECT count(*) FROM visits WHERE page = 'page 30'",
    "SELECT page, count(*) FROM visits WHERE page LIKE '%3%' GROUP BY page ORDER BY page",
    "SELECT *, ts, changes FROM orders",
    "SELECT * FROM orders_objects",
    "SELECT date(due), count(*), min(paid), sum(price), sum(net), max(paid) FROM orders GROUP BY date(due)",
    "SELECT count(*) FROM orders WHERE due < '2026-01-03' AND price > 0.5",
    "SELECT fee, was_paid, typeof(rate) FROM orders WHERE fee IS NOT NULL",
]


def build(path: str) -> None:
    """A small database with something of everything: blocks, a log, deleted events of both, all kinds, odd texts."""
    db = skysql.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = 1024")
    db.execute("PRAGMA journal_mode = DELETE").fetchall()
    db.execute("CREATE TABLE ordinary(id INTEGER PRIMARY KEY, x)")
    db.execute("INSERT INTO ordinary VALUES (1, 'one'), (2, NULL)")
    db.execute("CREATE VIRTUAL TABLE shop USING sky(plan TEXT STATE, seats INTEGER STATE, vip BOOLEAN STATE,"
               " rate REAL STATE, amount REAL, note TEXT, count INTEGER, seen BOOLEAN)")  # fmt: skip
    db.execute("CREATE VIRTUAL TABLE \"it's a fleet\""
               " USING sky(\"tail number\" TEXT OBJECT, airport TEXT STATE, delay INTEGER)")  # fmt: skip
    insert = ("INSERT INTO shop(object_id, ts, action, plan, amount, note, count, seen, changes)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")  # fmt: skip
    start = 1767225600_000000
    for turn in range(3):
        for i in range(70):
            ts = start + (i * 7919 % 500) * 600_000_000 + turn
            changes = {0: '{"seats": 3, "vip": true}', 1: '{"rate": 0.25}', 2: '{"seats": null}'}.get(i % 9)
            note = ["", "naïve", "日本 🙂", "it's \"quoted\"", None][i % 5]
            db.execute(insert, (i % 11 + 1, ts, f"action {i % 4}", ["free", "pro", None][i % 3], i / 8, note,
                                [None, 2**63 - 1, -(2**63), i][i % 4], [None, 0, 1][i % 3], changes))  # fmt: skip
        if turn < 2:
            db.compact()
    db.execute("INSERT INTO shop(object_id, ts, action, amount)"
               " VALUES (9223372036854775807, -62135596800000000, 'first', 1e308)")  # fmt: skip
    db.execute("DELETE FROM shop WHERE object_id = 4")
    db.execute("UPDATE shop SET note = 'changed' WHERE object_id = 5 AND action = 'action 1'")
    insert = "INSERT INTO \"it's a fleet\"(\"tail number\", ts, action, airport, delay) VALUES (?, ?, 'arrive', ?, ?)"
    for i in range(12):
        db.execute(insert, (f"N{i % 4}", start + i, "JFK LAX ORD".split()[i % 3], i - 5))  # fmt: skip
        if i == 6:
            db.execute("DELETE FROM \"it's a fleet\" WHERE \"tail number\" = 'N1'")
            db.compact("it's a fleet")
    build_altered(db, start)
    build_visits(db, start)
    build_orders(db, start)
    assert db.check() == []
    db.execute("VACUUM")
    db.close()


def build_altered(db: skysql.Connection, start: int) -> None:
    """A table of which blocks and a log were written before each of several alterations."""
    db.execute("CREATE VIRTUAL TABLE altered USING sky(number INTEGER STATE, rate REAL, vip BOOLEAN, size INTEGER,"
               " gone TEXT STATE, kept TEXT STATE)")  # fmt: skip
    insert = ("INSERT INTO altered(object_id, ts, action, number, rate, vip, size, kept, gone)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")  # fmt: skip
    changes = ["ALTER number TYPE TEXT", "ALTER rate TYPE TEXT", "ALTER vip TYPE INTEGER", "ALTER size TYPE REAL",
               "DROP gone", "ALTER kept TO ATTRIBUTE", "ALTER rate TO STATE", "RENAME rate TO price",
               "ADD new TEXT"]  # fmt: skip
    for turn in range(2):
        for i in range(40):
            db.execute(insert, (i % 5 + 1, start + i * 31 % 40 * 1000 + turn, f"a{i % 3}", i % 7 - 3, i / 8, i % 2, i,
                                ["x", None, "y"][i % 3], "secret"))  # fmt: skip
        if turn == 0:
            db.compact("altered")
    for change in changes:
        db.execute("SELECT sky_alter('altered', ?)", (change,))
    db.execute("INSERT INTO altered(object_id, ts, action, number, price, vip, size, kept, new)"
               " VALUES (1, ?, 'after', 'many', 'much', 7, 0.5, 'z', 'n')", (start,))  # fmt: skip


def build_visits(db: skysql.Connection, start: int) -> None:
    """A table with many texts of a property, in chunks, some of which were dropped; and some that came later."""
    size, chunks.SIZE = chunks.SIZE, 8
    db.execute("CREATE VIRTUAL TABLE visits USING sky(page TEXT, place TEXT STATE)")
    insert = "INSERT INTO visits(object_id, ts, action, page, place) VALUES (?, ?, ?, ?, ?)"
    for i in range(60):
        page = ["", "naïve", "日本 🙂"][i // 8] if i % 8 == 0 and i < 24 else f"page {i % 40}"
        db.execute(insert, (i % 7 + 1, start + i, "view", page, [f"place {i}", None][i % 2]))
        if i == 50:
            db.execute("DELETE FROM visits WHERE object_id = 3")
            db.compact("visits")
    assert db.execute("SELECT count(*) FROM visits_column WHERE id < 0 AND id > -(1 << 61)").fetchone() == (16,)
    chunks.SIZE = size


def build_orders(db: skysql.Connection, start: int) -> None:
    """A table of the kinds that came with version 4, of which blocks and a log were written before it was altered."""
    db.execute("CREATE VIRTUAL TABLE orders USING sky(due TIMESTAMP STATE, paid TIMESTAMP, was_paid TIMESTAMP STATE,"
               " price DECIMAL(9,2), net DECIMAL(18,4) STATE, rate DECIMAL(4,2), fee BOOLEAN STATE)")  # fmt: skip
    insert = ("INSERT INTO orders(object_id, ts, action, due, paid, was_paid, price, net, rate, fee)"
              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")  # fmt: skip
    day = 86_400_000_000
    for turn in range(2):
        for i in range(60):
            due = [None, start + i % 4 * day, "0001-01-01", "9999-12-31 23:59:59.999999"][i % 4]
            net = [None, "123456789012.3456", f"-{i}.0001", "0.1"][i % 4]
            paid = None if i % 5 == 0 else start + i * 1_000_001
            db.execute(insert, (i % 7 + 1, start + i * 31 % 60 * 1000 + turn, f"a{i % 3}", due, paid, paid,
                                f"{i}.{i % 100:02d}", net, i / 4, i % 2))  # fmt: skip
        if turn == 0:
            db.compact("orders")
    for change in ("ALTER price TYPE DECIMAL(12,3)", "ALTER was_paid TYPE TEXT", "ALTER rate TYPE REAL",
                   "ALTER fee TYPE INTEGER", "ALTER fee TYPE DECIMAL(3,1)"):  # fmt: skip
        db.execute("SELECT sky_alter('orders', ?)", (change,))
    db.execute("INSERT INTO orders(object_id, ts, action, price, was_paid, rate, fee)"
               " VALUES (1, ?, 'after', 0.125, 'never', 1e99, 0.5)", (start,))  # fmt: skip


def answers(db: skysql.Connection) -> list[Any]:
    """The rows of each question."""
    return [[question, db.execute(question).fetchall()] for question in QUESTIONS]


def main() -> None:
    """Write version<n>.db and version<n>.json, unless they are there."""
    file = HERE / f"version{VERSION}.db"
    if file.exists():
        raise SystemExit(f"{file} is there already")
    build(str(file))
    db = skysql.connect(str(file), read_only=True)
    file.with_suffix(".json").write_text(json.dumps(answers(db), ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    main()
