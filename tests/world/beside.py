"""A writer that keeps the books even, and readers that look whether they are: for threads and processes side by side.

Each commit adds pairs of events whose amounts cancel out, and writes the number of all events into an ordinary table.
So in any snapshot the amounts add up to nothing, there are as many events as the ordinary table says, and as many of
one sign as of the other, however the question is put.
"""

from __future__ import annotations

import random
from typing import Any

import skysql

PLANS = ["free", "pro", "team", None]


def create(db: skysql.Connection) -> None:
    """The tables."""
    db.execute("CREATE VIRTUAL TABLE users USING sky(who INTEGER OBJECT, plan TEXT STATE, amount REAL, n INTEGER)")
    db.execute("CREATE TABLE books(events INTEGER)")
    db.execute("INSERT INTO books VALUES (0)")


def insert(db: skysql.Connection, r: random.Random, number: int, pairs: int = 30) -> int:
    """One commit, or part of one, of pairs of events; returns how many events."""
    rows = []
    for at in range(pairs):
        amount, n = r.randint(1, 40) / 4, number * 1000 + at
        for sign, action in ((1, "in"), (-1, "out")):
            rows.append((r.randint(1, 20), r.randint(0, 10**6), action, r.choice(PLANS), sign * amount, n))
    within = db.in_transaction
    db.execute("SAVEPOINT pairs" if within else "BEGIN IMMEDIATE")
    try:
        db.executemany("INSERT INTO users(who, ts, action, plan, amount, n) VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("UPDATE books SET events = events + ?", (len(rows),))
        db.execute("RELEASE pairs" if within else "COMMIT")
    except BaseException:
        if not within:
            db.rollback()
        raise
    return len(rows)


def commit(db: skysql.Connection, r: random.Random, number: int) -> None:
    """Pairs come, others go and others change."""
    db.execute("BEGIN IMMEDIATE")
    insert(db, r, number)
    if r.random() < 0.4:
        gone = db.execute("DELETE FROM users WHERE n % 50 = ?", (r.randint(0, 29),)).rowcount
        db.execute("UPDATE books SET events = events - ?", (gone,))
    if r.random() < 0.4:
        db.execute("UPDATE users SET amount = amount * 2, plan = 'new' WHERE n % 50 = ?", (r.randint(0, 29),))
    db.execute("COMMIT")


def question(db: skysql.Connection, r: random.Random) -> None:
    """Ask something of which the answer is known, in one statement or in a transaction."""
    r.choice(_QUESTIONS)(db)


def _one_statement(db: skysql.Connection) -> None:
    sql = "SELECT count(*), sum(amount), (SELECT events FROM books) FROM users"
    ((count, total, told),) = db.execute(sql).fetchall()
    assert (count, total) == (told, 0), (count, total, told)


def _two_scans(db: skysql.Connection) -> None:
    sql = ("SELECT (SELECT count(*) FROM users WHERE action = 'in'), (SELECT count(*) FROM users WHERE amount < 0),"
           " (SELECT sum(events) FROM users_objects), events FROM books")  # fmt: skip
    ((come, gone, all, told),) = db.execute(sql).fetchall()
    assert come == gone and come + gone == all == told, (come, gone, all, told)


def _rows(db: skysql.Connection) -> None:
    rows = db.execute("SELECT who, ts, amount FROM users").fetchall()
    assert sum(row[2] for row in rows) == 0
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)


def _groups(db: skysql.Connection) -> None:
    rows = db.execute("SELECT plan, count(*), sum(amount) FROM users GROUP BY plan").fetchall()
    assert sum(row[2] for row in rows) == 0 and sum(row[1] for row in rows) % 2 == 0, rows


def _transaction(db: skysql.Connection) -> None:
    db.execute("BEGIN")
    try:
        for ask in (_one_statement, _two_scans, _groups):
            ask(db)
        counts = [db.execute("SELECT count(*) FROM users").fetchall() for _ in range(2)]
        assert counts[0] == counts[1] == db.execute("SELECT events FROM books").fetchall()
    finally:
        db.execute("COMMIT")


def _path(db: skysql.Connection) -> None:
    sql = "SELECT count(*), (SELECT events FROM users_objects WHERE who = 7) FROM users WHERE who = 7"
    ((count, told),) = db.execute(sql).fetchall()
    assert count == (told or 0), (count, told)


_QUESTIONS = [_one_statement, _two_scans, _rows, _groups, _transaction, _path]


def read(path: str, seed: int, stop: Any, told: Any) -> None:
    """Ask until told to stop; then tell (what was wrong or None, how often was asked)."""
    r, asked, problem = random.Random(seed), 0, None
    db = skysql.connect(path, isolation_level=None)
    try:
        while not stop.is_set() or not asked:
            question(db, r)
            asked += 1
    except BaseException as error:  # whatever it is, the one who waits has to be told
        problem = f"{type(error).__name__}: {error}"
    db.close()
    told.put((problem, asked))
