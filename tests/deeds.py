"""Deeds: transactions that can be told apart, each done to a database and to a dictionary of events.

A deed follows from a seed and its number alone. So whoever knows how many were acknowledged knows what a file has to
hold: everything up to that deed, and perhaps all of the next one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import skysql
from skysql.cli import main

Events = dict[int, "Event"]

TABLE = "CREATE VIRTUAL TABLE users USING sky({object}, plan TEXT STATE, amount REAL, n INTEGER)"
OBJECTS = {False: "who INTEGER OBJECT", True: "who TEXT OBJECT"}
PLANS = ["free", "pro", "team", None]


@dataclass(frozen=True)
class Event:
    """An event as it reads; `changes` is JSON. `who` is a number, and as a text the key of a keyed table's object."""

    n: int
    who: int
    ts: int
    action: str
    amount: float
    changes: str | None


@dataclass(frozen=True)
class Deed:
    """What happens in one transaction: events that come, a number that chooses others, and a word of its own."""

    kind: str
    number: int
    events: tuple[Event, ...]
    chosen: int
    word: str

    @property
    def whole(self) -> bool:
        """Whether the deed is all that is in its transaction, so that the ledger does not tell of it."""
        return self.kind in ("vacuum", "import")


KINDS = ["insert"] * 4 + ["many"] * 3 + ["append"] * 3 + ["delete", "update", "move", "savepoint"] * 2
KINDS += ["replace", "compact", "compact", "alter", "alter", "vacuum", "import"]


def deed(seed: int, number: int) -> Deed:
    """The deed of that number; numbers count from 1."""
    r = random.Random(f"{seed}/{number}")
    kind = r.choice(KINDS)
    most = {"insert": 4, "many": 60, "append": 400, "import": 40}.get(kind, 3)
    word = f"word {number} of {r.random()}"
    places = r.sample(range(30 * 40), r.randint(1, most))
    events = tuple(
        Event(
            number * 1000 + i,
            place % 30 + 1,
            place // 30 * 1000,
            r.choice(["buy", "sell", word]),
            r.randint(0, 100) / 4,
            r.choice([None, _to(r.choice([*PLANS, word]))]),
        )
        for i, place in enumerate(places)
    )
    return Deed(kind, number, events, r.randint(0, 9), word)


def _to(plan: str | None) -> str:
    return json.dumps({"plan": plan}, separators=(",", ":"))


def create(db: skysql.Connection, keyed: bool) -> None:
    """The tables that deeds are done to. `ledger` is an ordinary one, which is written in the same transactions."""
    db.execute(TABLE.format(object=OBJECTS[keyed]))
    db.execute("CREATE TABLE ledger(number INTEGER PRIMARY KEY)")


# on the model


def states(seed: int, deeds: int) -> list[Events]:
    """The events after each of so many deeds, from none on."""
    found: list[Events] = [{}]
    for number in range(1, deeds + 1):
        found.append(after(found[-1], deed(seed, number)))
    return found


def after(events: Events, deed: Deed) -> Events:
    """The events after a deed."""
    come = {event.n: event for event in deed.events}
    match deed.kind:
        case "compact" | "vacuum" | "alter":
            return events
        case "delete":
            return {n: event for n, event in events.items() if event.who % 10 != deed.chosen}
        case "update":
            return {n: _changed(event, deed) if n % 10 == deed.chosen else event for n, event in events.items()}
        case "move":
            return {n: replace(e, ts=e.ts + 1_000) if n % 10 == deed.chosen else e for n, e in events.items()}
        case "savepoint":
            return {n: event for n, event in events.items() if n % 10 != deed.chosen} | come
        case "replace":
            places = {(event.who, event.ts) for event in come.values()}
            return {n: event for n, event in events.items() if (event.who, event.ts) not in places} | come
    return events | come


def _changed(event: Event, deed: Deed) -> Event:
    return replace(event, action=deed.word, amount=event.amount + 1, changes=_to(deed.word))


# on a database


def do(db: skysql.Connection, deed: Deed, keyed: bool, scratch: Path | None = None) -> None:
    """Do the deed in a transaction, which is committed. `scratch`: where a file to import may lie."""
    if deed.kind == "vacuum":
        db.compact(vacuum=True)
        return
    if deed.kind == "import" and scratch is not None:
        _import(db, deed, keyed, scratch)
        return
    db.execute("BEGIN IMMEDIATE")
    _DOING.get(deed.kind, _many)(db, deed, keyed)
    if not deed.whole:
        db.execute("INSERT INTO ledger VALUES (?)", (deed.number,))
    db.execute("COMMIT")


NAMES = ["who", "ts", "action", "amount", "n", "changes"]
INSERT = f"INSERT INTO users({', '.join(NAMES)}) VALUES (?, ?, ?, ?, ?, ?)"


def _row(event: Event, keyed: bool) -> tuple[Any, ...]:
    who = f"object {event.who}" if keyed else event.who
    return who, event.ts, event.action, event.amount, event.n, event.changes


def _insert(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    for event in deed.events:
        db.execute(INSERT, _row(event, keyed))


def _many(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    db.executemany(INSERT, [_row(event, keyed) for event in deed.events])


def _append(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    columns = zip(*(_row(event, keyed) for event in deed.events), strict=True)
    db.append("users", dict(zip(NAMES, map(list, columns), strict=True)))


def _delete(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    who = "CAST(substr(who, 8) AS INTEGER)" if keyed else "who"
    db.execute(f"DELETE FROM users WHERE {who} % 10 = ?", (deed.chosen,))


def _update(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    sql = "UPDATE users SET action = ?, plan = ?, amount = amount + 1 WHERE n % 10 = ?"
    db.execute(sql, (deed.word, deed.word, deed.chosen))


def _move(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    db.execute("UPDATE users SET ts = ts + 1000 WHERE n % 10 = ?", (deed.chosen,))


def _savepoint(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    db.execute("SAVEPOINT a")
    _update(db, deed, keyed)
    db.execute("SAVEPOINT b")
    _delete(db, deed, keyed)
    db.execute("ROLLBACK TO a")
    db.execute("DELETE FROM users WHERE n % 10 = ?", (deed.chosen,))
    db.execute("RELEASE a")
    _many(db, deed, keyed)


def _replace(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    db.executemany(INSERT.replace("INSERT", "INSERT OR REPLACE"), [_row(event, keyed) for event in deed.events])


def _compact(db: skysql.Connection, _deed: Deed, _keyed: bool) -> None:
    db.compact()


def _alter(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    """A property comes, and the one that came last goes; of neither has any event a value."""
    columns = db.execute("SELECT name FROM pragma_table_info('users') WHERE name GLOB 'x*'").fetchall()
    for change in [f"ADD x{deed.number} INTEGER STATE", *(f"DROP {name}" for (name,) in columns)]:
        db.execute("SELECT sky_alter('users', ?)", (change,))


_DOING: dict[str, Callable[[skysql.Connection, Deed, bool], None]] = {
    "insert": _insert,
    "append": _append,
    "delete": _delete,
    "update": _update,
    "move": _move,
    "savepoint": _savepoint,
    "replace": _replace,
    "compact": _compact,
    "alter": _alter,
}


def _import(db: skysql.Connection, deed: Deed, keyed: bool, scratch: Path) -> None:
    """As `skysql import` does, of JSON lines."""
    file = scratch / "events.jsonl"
    with file.open("w") as lines:
        for event in deed.events:
            json.dump(dict(zip(NAMES, _row(event, keyed), strict=True)), lines)
            lines.write("\n")
    path = db.sqlite.filename
    with redirect_stdout(StringIO()):
        assert main(["import", path, "users", str(file), "--object", "who", "--time", "ts", "--action", "action"]) == 0


# what is there


def read(db: skysql.Connection, keyed: bool) -> Events:
    """The events of the table; in path order, told twice in the same way, and nothing amiss."""
    rows = db.execute("SELECT n, who, ts, action, amount, changes, plan, object_id FROM users" if keyed else
                      "SELECT n, who, ts, action, amount, changes, plan, who FROM users").fetchall()  # fmt: skip
    assert [(row[7], row[2]) for row in rows] == sorted((row[7], row[2]) for row in rows)
    _states(rows)
    sums = {}
    for row in rows:
        count, total = sums.get(row[3], (0, 0.0))
        sums[row[3]] = count + 1, total + row[4]
    counted = db.execute("SELECT action, count(*), sum(amount) FROM users GROUP BY action ORDER BY action").fetchall()
    assert counted == [(action, *sums[action]) for action in sorted(sums)]
    return {row[0]: Event(row[0], int(row[1].removeprefix("object ")) if keyed else row[1], *row[2:6]) for row in rows}


def _states(rows: list[Any]) -> None:
    """Whether `plan` is what the changes so far lead to."""
    before, plan = None, None
    for row in rows:
        plan = plan if row[7] == before else None
        plan = json.loads(row[5])["plan"] if row[5] else plan
        assert row[6] == plan
        before = row[7]


def ledger(db: skysql.Connection) -> list[int]:
    """The numbers in the ordinary table."""
    return [number for (number,) in db.execute("SELECT number FROM ledger ORDER BY number")]


def numbers(seed: int, deeds: int) -> list[int]:
    """The numbers that it should hold after so many."""
    return [number for number in range(1, deeds + 1) if not deed(seed, number).whole]
