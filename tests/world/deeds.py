"""Deeds: transactions that can be told apart, each done to a database and to a dictionary of events.

A deed follows from a seed and its number alone. So the number of acknowledged deeds tells what a file has to hold:
everything up to the last of them, and perhaps all of the next one.
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
from skysql.cli.main import main

Events = dict[int, "Event"]

TABLE = "CREATE VIRTUAL TABLE users USING sky({object}, plan TEXT STATE, amount REAL, n INTEGER, x INTEGER)"
OBJECTS = {False: "who INTEGER OBJECT", True: "who TEXT OBJECT"}
PLANS = ["free", "pro", "team", None]


@dataclass(frozen=True)
class Event:
    """An event as it reads; `changes` is JSON. `who` is a number, and as a text the key of a keyed table's object.

    n and x are of no two events the same, so that it makes no difference whether they are states or attributes.
    """

    n: int
    who: int
    ts: int
    action: str
    amount: float
    changes: str | None
    x: int | None = None


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
KINDS += ["replace", "compact", "compact", "anew", "rename", "turn", "widen", "vacuum", "import"]


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
            r.choice([None, number * 1000 + i]),
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
    """The events after no deed, one deed, two deeds, ..."""
    found: list[Events] = [{}]
    for number in range(1, deeds + 1):
        found.append(after(found[-1], deed(seed, number)))
    return found


def after(events: Events, deed: Deed) -> Events:
    """The events after a deed."""
    come = {event.n: event for event in deed.events}
    match deed.kind:
        case "compact" | "vacuum" | "rename" | "turn" | "widen":
            return events
        case "anew":
            return {n: replace(event, x=None) for n, event in events.items()}
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


PROPERTIES = ("amount", "n", "x")


def names(db: skysql.Connection) -> dict[str, str]:
    """What the columns are called now: what they were called at first, and what they were last renamed to."""
    found = db.execute("SELECT name FROM pragma_table_info('users')").fetchall()
    return {name.partition("_")[0]: name for (name,) in found}


def _rows(db: skysql.Connection, events: tuple[Event, ...], keyed: bool) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns to write, and the rows."""
    called = names(db)
    columns = ["who", "ts", "action", "changes", *(called[name] for name in PROPERTIES)]
    return columns, [
        (
            f"object {event.who}" if keyed else event.who,
            event.ts,
            event.action,
            event.changes and event.changes.replace('"plan"', f'"{called["plan"]}"'),
            *(getattr(event, name) for name in PROPERTIES),
        )
        for event in events
    ]


def _insert(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    for event in deed.events:
        columns, (row,) = _rows(db, (event,), keyed)
        db.execute(f"INSERT INTO users({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", row)


def _many(db: skysql.Connection, deed: Deed, keyed: bool, verb: str = "INSERT") -> None:
    columns, rows = _rows(db, deed.events, keyed)
    db.executemany(f"{verb} INTO users({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)


def _append(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    columns, rows = _rows(db, deed.events, keyed)
    db.append("users", dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)), time_unit="us")


def _delete(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    who = "CAST(substr(who, 8) AS INTEGER)" if keyed else "who"
    db.execute(f"DELETE FROM users WHERE {who} % 10 = ?", (deed.chosen,))


def _update(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    plan, amount, n = (names(db)[name] for name in ("plan", "amount", "n"))
    sql = f"UPDATE users SET action = ?, {plan} = ?, {amount} = {amount} + 1 WHERE {n} % 10 = ?"
    db.execute(sql, (deed.word, deed.word, deed.chosen))


def _move(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    db.execute(f"UPDATE users SET ts = ts + 1000 WHERE {names(db)['n']} % 10 = ?", (deed.chosen,))


def _savepoint(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    db.execute("SAVEPOINT a")
    _update(db, deed, keyed)
    db.execute("SAVEPOINT b")
    _delete(db, deed, keyed)
    db.execute("ROLLBACK TO a")
    db.execute(f"DELETE FROM users WHERE {names(db)['n']} % 10 = ?", (deed.chosen,))
    db.execute("RELEASE a")
    _many(db, deed, keyed)


def _replace(db: skysql.Connection, deed: Deed, keyed: bool) -> None:
    _many(db, deed, keyed, "INSERT OR REPLACE")


def _compact(db: skysql.Connection, _deed: Deed, _keyed: bool) -> None:
    db.compact()


def _alter(db: skysql.Connection, *changes: str) -> None:
    for change in changes:
        db.execute("SELECT sky_alter('users', ?)", (change,))


def _anew(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    """A property comes, and the one before it goes with its values."""
    state = " STATE" if deed.chosen % 2 else ""
    _alter(db, f"ADD x_{deed.number} INTEGER{state}", f"DROP {names(db)['x']}")


def _rename(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    name = ("plan", *PROPERTIES)[deed.chosen % 4]
    _alter(db, f"RENAME {names(db)[name]} TO {name}_{deed.number}")


def _turn(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    """An attribute becomes a state, or the other way round; of `plan`, which is changed to NULL as well, both."""
    name = names(db)[("plan", "n", "x")[deed.chosen % 3]]
    to = ["ATTRIBUTE", "STATE"] if name in states_of(db) else ["STATE"]
    _alter(db, *(f"ALTER {name} TO {each}" for each in (to if name.startswith("plan") else to[:1])))


WIDER = {"INTEGER": "REAL", "REAL": "TEXT"}


def _widen(db: skysql.Connection, deed: Deed, _keyed: bool) -> None:
    """Numbers take a wider type, until they are texts."""
    name = names(db)[PROPERTIES[deed.chosen % 3]]
    ((kind,),) = db.execute("SELECT type FROM pragma_table_info('users') WHERE name = ?", (name,))
    if kind in WIDER:
        _alter(db, f"ALTER {name} TYPE {WIDER[kind]}")


def states_of(db: skysql.Connection) -> set[str]:
    """The names of the state properties."""
    return {column[0] for column in db.execute("SELECT * FROM users_objects LIMIT 0").description or ()}


_DOING: dict[str, Callable[[skysql.Connection, Deed, bool], None]] = {
    "insert": _insert,
    "append": _append,
    "delete": _delete,
    "update": _update,
    "move": _move,
    "savepoint": _savepoint,
    "replace": _replace,
    "compact": _compact,
    "anew": _anew,
    "rename": _rename,
    "turn": _turn,
    "widen": _widen,
}


def _import(db: skysql.Connection, deed: Deed, keyed: bool, scratch: Path) -> None:
    """As `skysql import` does, of JSON lines."""
    file = scratch / "events.jsonl"
    columns, rows = _rows(db, deed.events, keyed)
    with file.open("w") as lines:
        for row in rows:
            json.dump(dict(zip(columns, row, strict=True)), lines)
            lines.write("\n")
    path = db.sqlite.filename
    with redirect_stdout(StringIO()):
        wanted = ["--object", "who", "--time", "ts", "--time-unit", "us", "--action", "action"]
        assert main(["import", path, "users", str(file), *wanted]) == 0


# what is there


def read(db: skysql.Connection, keyed: bool) -> Events:
    """The events of the table; in path order, told twice in the same way, and nothing amiss."""
    called, states = names(db), states_of(db)
    plan, amount, *others = (called[name] for name in ("plan", *PROPERTIES))
    shown = ", ".join([f"{plan} AS plan", amount, *others])
    found = db.execute(f"SELECT {'object_id' if keyed else 'who'}, who, ts, action, changes, {shown} FROM users")
    rows = found.fetchall()
    assert [row[:3:2] for row in rows] == sorted(row[:3:2] for row in rows)
    events, sums = [], {}
    for _, who, ts, action, text, _, paid, *values in rows:
        changes = json.loads(text or "{}")
        own = [changes.get(name) if name in states else v for name, v in zip(others, values, strict=True)]
        n, x = (None if value is None else int(float(value)) for value in own)
        assert n is not None
        told = _to(changes[plan]) if plan in changes else None
        events.append(Event(n, int(str(who).removeprefix("object ")), ts, action, float(paid), told, x))
        count, total = sums.get(action, (0, 0.0))
        sums[action] = count + 1, total + float(paid)
    _states([(row[0], event.changes, row[5]) for row, event in zip(rows, events, strict=True)])
    counted = db.execute(f"SELECT action, count(*), sum({amount}) FROM users GROUP BY 1 ORDER BY 1").fetchall()
    assert counted == [(action, *sums[action]) for action in sorted(sums)]
    return {event.n: event for event in events}


def _states(rows: list[tuple[Any, str | None, str | None]]) -> None:
    """Whether `plan` is what the changes so far lead to; rows: the object, its changes, and `plan`."""
    before, plan = None, None
    for object, changes, read in rows:
        plan = plan if object == before else None
        plan = json.loads(changes)["plan"] if changes else plan
        assert read == plan
        before = object


def ledger(db: skysql.Connection) -> list[int]:
    """The numbers in the ordinary table."""
    return [number for (number,) in db.execute("SELECT number FROM ledger ORDER BY number")]


def numbers(seed: int, deeds: int) -> list[int]:
    """The numbers that it should hold after these deeds."""
    return [number for number in range(1, deeds + 1) if not deed(seed, number).whole]
