"""Random schemas and random histories: what the statements are asked about.

A `Script` is what was done to a sky table, in order: its events in batches, how each was written, and what happened
after it (a compaction, or nothing; the last batch may stay uncommitted). It is plain data, so that a shrinker can take
events out of it. Ordinary tables stand beside: customers (one row an object, not for all), tags (several an object),
and orders (object, moment).
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from typing import Any

from tests.world.expressions import DAY, Column, World, literal
from tests.world.oracle import Event, Property, Schema, Value, quote, timestamp

NAMES = {"TEXT": ["plan", "country", "url", "Grade"], "INTEGER": ["seats", "score"], "REAL": ["amount", "paid"],
         "BOOLEAN": ["vip"], "TIMESTAMP": ["due", "seen"], "DECIMAL(9,2)": ["price", "net"]}  # fmt: skip
NASTY = ["order", "Group", "my col", 'a"b', "a'b", "naïve", "x.y", "select", "count", "1st", "true", "[in", "a,b",
         "a)b"]  # fmt: skip
TEXTS = [
    ("free", "pro", "Pro", "basic", "pro "),
    ("DE", "us", "US", "fr", ""),
    ("12", "012", "12.0", "1e2", "abc", "12abc", "-3", " 7"),
    ("naïve", "Ä", "ä", "it's", "50%", "a_b", "日本", "🙂", 'say "x"', "line\nbreak"),
    ("2026-01-01", "2026-01", "NULL", "true", "0x10"),
    tuple(f"/page/{i}" for i in range(60)),
]
ACTIONS = ("purchase", "sign up", "click", "Click", "view", "", "it's")
INTEGERS = (0, 1, 2, 3, 5, 7, 12, -1, -4, 100, 1000)
HUGE_INTEGERS = (2**40, 2**53 + 1, 2**31, 2**61, 12)
QUARTERS = (0.25, 0.5, 1.0, 9.5, 19.75, -3.25, 0.0, 100.0, 12.0)
CENTS = (0.1, 0.29, 4.35, 19.99, -0.7, -0.01, 1234567.89, -9999999.99, 0.0, 12.0)
DECIMALS = (0.1, 0.2, 0.3, 19.99, 4.35, -0.7)
APART = (0.7310585786300049, -1.6180339887498949, 27.18281828459045, -3.141592653589793, 173.20508075688772,
         -0.5772156649015329)  # fmt: skip
"""Values of both signs, some thousand of which never nearly cancel out."""
HUGE_REALS = (1e300, 1e15, 9.0e18, 1e-300, 0.5)
FIRST = 1_767_225_600_000_000  # 2026-01-01


@dataclass
class Write:
    """Events that are written together. how: insert, many, append, or single (a transaction each)."""

    events: list[Event]
    how: str
    compact: bool = False


@dataclass
class Script:
    """Everything that a database is made from; `open`: the last write stays uncommitted."""

    schema: Schema
    writes: list[Write]
    ordinary: dict[str, list[tuple[Value, ...]]]
    moments: list[int]
    views: list[str] = field(default_factory=list)
    open: bool = False

    @property
    def events(self) -> list[Event]:
        """All events in order of arrival."""
        return [event for write in self.writes for event in write.events]


@dataclass
class Pools:
    """The values that each property takes."""

    columns: dict[str, Column]


def random_schema(rng: random.Random) -> tuple[Schema, Pools]:
    """A schema of 1 to 7 properties, and what they hold."""
    nasty = rng.random() < 0.3
    properties, columns = [], {}
    names = {kind: rng.sample(some, len(some)) for kind, some in NAMES.items()}
    odd = rng.sample(NASTY, len(NASTY))
    for _ in range(rng.randint(1, 7)):
        kind = rng.choice(["TEXT", "TEXT", "TEXT", "INTEGER", "REAL", "REAL", "BOOLEAN", "TIMESTAMP", "DECIMAL(9,2)"])
        name = odd.pop() if nasty and rng.random() < 0.5 else names[kind].pop() if names[kind] else None
        if name is None:
            continue
        properties.append(Property(name, kind, rng.random() < 0.6))
        columns[name] = random_column(rng, name, kind)
    table = rng.choice(["users", "users", "users", "users", "e v", "Order"]) if nasty else "users"
    key = rng.random()
    if key < 0.25:
        schema = Schema(table, tuple(properties), key_name="my tail" if nasty and key < 0.1 else "tail")
    else:
        schema = Schema(table, tuple(properties), object_name="user" if key < 0.4 else "object_id")
    return schema, Pools(columns)


def random_column(rng: random.Random, name: str, kind: str) -> Column:
    """A property's column: its kind for the statements, and its values."""
    huge = rng.random() < 0.12
    if kind == "TEXT":
        return Column(quote(name), "T", rng.choice(TEXTS), name=name)
    if kind == "BOOLEAN":
        return Column(quote(name), "I", (0, 1), name=name)
    if kind == "TIMESTAMP":
        return Column(quote(name), "D", tuple(map(timestamp, random_times(rng, 8))), name=name)
    if kind.startswith("DECIMAL"):
        pool = rng.choice([QUARTERS, CENTS])
        return Column(quote(name), "R", pool, pool is QUARTERS, name, decimal=True)
    if kind == "INTEGER":
        return Column(quote(name), "H" if huge else "I", HUGE_INTEGERS if huge else INTEGERS, name=name)
    if huge:
        return Column(quote(name), "H", HUGE_REALS, False, name)
    pool = rng.choice([QUARTERS, QUARTERS, DECIMALS, APART])
    return Column(quote(name), "R", pool, pool is QUARTERS, name, pool is APART)


def random_objects(rng: random.Random, schema: Schema, count: int) -> list[Any]:
    """Ids, small and huge ones, or TEXT keys."""
    if schema.key_name is not None:
        odd = ["N1", "n1", "12", "0012", "", "é", "it's"]
        return [odd[i] if i < len(odd) and rng.random() < 0.3 else f"N{i + 100}" for i in range(count)]
    ids = list(range(1, count + 1))
    if rng.random() < 0.3:
        ids = [o if rng.random() < 0.5 else rng.choice([2**63 - 1 - o, 2**32 + o, 10_000 + o]) for o in ids]
    return ids


def random_times(rng: random.Random, count: int) -> list[int]:
    """Moments to choose from: few, so that some are equal; at midnight, just before it, and far away."""
    times = [FIRST + rng.randrange(90 * DAY) for _ in range(count)]
    for i in range(0, count, 3):
        times[i] = times[i] // DAY * DAY + rng.choice([0, 0, -1, -400, 3_600_000_000, DAY // 2])
    for i in range(1, count, 4):
        times[i] = times[i] // 1_000_000 * 1_000_000 + rng.choice([0, 500_000, 999_999, 999_500, 1_000])
    if rng.random() < 0.3:
        times += [-1, -5 * 365 * DAY, -62_135_596_800_000_000, 253_402_300_799_999_999]
    return times


def random_script(rng: random.Random, size: int) -> tuple[Script, World]:
    """A schema, some `size` events, and the ordinary tables; and the world that statements are made for."""
    schema, pools = random_schema(rng)
    objects = random_objects(rng, schema, max(1, min(40, size // rng.choice([2, 6, 15]))))
    times = random_times(rng, max(4, size // rng.choice([1, 1, 3])))
    lively = objects[:-1] if rng.random() < 0.3 and len(objects) > 1 else objects  # one path may be a single event
    giant = rng.choice(objects) if rng.random() < 0.3 else None
    events = []
    for _ in range(size):
        who = giant if giant is not None and rng.random() < 0.8 else rng.choice(lively)
        events.append(random_event(rng, schema, pools, who, rng.choice(times)))
    if lively is not objects:
        events.append(random_event(rng, schema, pools, objects[-1], rng.choice(times)))
    if rng.random() < 0.5:
        events.sort(key=lambda e: e.ts)
    writes, rest = [], events
    for _ in range(rng.choice([1, 2, 3, 6])):
        cut = rng.randint(1, len(rest)) if rest else 0
        how = rng.choice(["insert", "many", "many", "append", "append", "single"])
        writes.append(Write(rest[:cut], how, rng.random() < 0.3))
        rest = rest[cut:]
    writes.append(Write(rest, "many", False))
    if rng.random() < 0.3:
        _come_late(rng, schema, writes)
    ids = list(range(1, len(objects) + 1)) if schema.key_name is not None else objects
    ordinary, moments = random_ordinary(rng, ids, times)
    script = Script(schema, writes, ordinary, moments, open=rng.random() < 0.3)
    return script, random_world(script, pools, ids, times)


def _come_late(rng: random.Random, schema: Schema, writes: list[Write]) -> None:
    """The last properties are in no event of the first writes."""
    late = {p.name for p in schema.properties[rng.randrange(len(schema.properties)) :]}
    for write in writes[: rng.randint(1, len(writes))]:
        for at, event in enumerate(write.events):
            attributes = {n: v for n, v in event.attributes.items() if n not in late}
            changes = {n: v for n, v in event.changes.items() if n not in late}
            action = event.action if event.action is not None or changes else "view"
            write.events[at] = replace(event, action=action, attributes=attributes, changes=changes)


def random_event(rng: random.Random, schema: Schema, pools: Pools, who: int | str, ts: int) -> Event:
    """An action, a change, or both; with attributes at times."""
    changes: dict[str, Value] = {}
    attributes: dict[str, Value] = {}
    chance = rng.choice([0.05, 0.3])
    for p in schema.properties:
        value = rng.choice(pools.columns[p.name].pool)
        if p.state and rng.random() < chance:
            changes[p.name] = None if rng.random() < 0.15 else value
        elif not p.state and rng.random() < 0.5:
            attributes[p.name] = value
    action = rng.choice(ACTIONS) if not changes or rng.random() < 0.6 else None
    return Event(who, ts, action, attributes, changes)


def random_ordinary(
    rng: random.Random, ids: list[int], times: list[int]
) -> tuple[dict[str, list[tuple[Value, ...]]], list[int]]:
    """The rows of customers, tags and orders, and the moments of the orders."""
    others = [o for o in ids if rng.random() < 0.7] + [999_999]
    segments = ["gold", "silver", "Gold", "", None]
    scores = [0.5, 1.25, 10.0, -3.0, None]
    customers: list[tuple[Value, ...]] = [(o, rng.choice(segments), rng.choice(scores)) for o in others]
    tags: list[tuple[Value, ...]] = [
        (rng.choice([*ids, None]), rng.choice(["a", "b", "B", "12", None])) for _ in range(30)
    ]
    moments = [rng.choice(times) + rng.choice([0, 0, 1, -1, DAY]) for _ in range(5)]
    moments = [min(max(m, -62_135_596_800_000_000), 253_402_300_799_999_999) for m in moments]
    orders: list[tuple[Value, ...]] = [
        (i + 1, rng.choice([*ids, 999_999, None]), rng.choice(moments), rng.choice([1.5, 20.0, 7.25, None]))
        for i in range(25)
    ]
    return {"customers": customers, "tags": tags, "orders": orders}, sorted(set(moments))


def random_world(script: Script, pools: Pools, ids: list[int], times: list[int]) -> World:
    """The columns of the events and the companions, as the statements know them."""
    schema = script.schema
    who = [Column(quote(schema.object_name), "O", tuple(ids), name=schema.object_name)]
    if schema.key_name is not None:
        keys = tuple(sorted({str(e.object) for e in script.events})) or ("N1",)
        who.append(Column(quote(schema.key_name), "T", keys, name=schema.key_name))

    def column(name: str, kind: str, pool: tuple[Value, ...] = ()) -> Column:
        return Column(quote(name), kind, pool, name=name)

    properties = [pools.columns[p.name] for p in schema.properties]
    states = [pools.columns[p.name] for p in schema.states]
    events = [*who, column("timestamp", "D"), column("action", "T", ACTIONS), *properties,
              column("ts", "S", tuple(times)), column("changes", "J")]  # fmt: skip
    objects = [*who, column("first_timestamp", "D"), column("last_timestamp", "D"),
               column("events", "I", (0, 1, 2, 5)), *states]  # fmt: skip
    anything = tuple(value for c in states for value in c.pool) or ("pro",)
    names = tuple(p.name for p in schema.states) or ("plan",)
    changes = [*who, column("timestamp", "D"), column("property", "T", names),
               column("old_value", "A", anything), column("new_value", "A", anything)]  # fmt: skip
    numbers = [column("session", "I", (1, 2, 3)), column("session_event", "I", (1, 2, 3))]
    sessions = [*who, numbers[0], column("first_timestamp", "D"), column("last_timestamp", "D"),
                Column("duration", "R", (0.0, 60.0, 3600.0), False, "duration"), column("events", "I", (1, 2, 5)),
                column("first_action", "T", ACTIONS), column("last_action", "T", ACTIONS), *states]  # fmt: skip
    kinds = {"idle": (*events, *numbers), "sessions": tuple(sessions)}
    return World(schema, tuple(events), tuple(objects), tuple(changes), kinds, times, script.moments)


def event_form(rng: random.Random, us: int) -> Value:
    """A moment as it may be written."""
    text = timestamp(us)
    return rng.choice([us, text, text.replace(" ", "T"), text + "Z"])


def ordinary_ddl(rng: random.Random, script: Script, sky: bool) -> list[str]:
    """The statements that make the ordinary tables; moments of orders in any form for the sky side."""
    statements = [
        "CREATE TABLE customers(id INTEGER PRIMARY KEY, segment TEXT, score REAL)",
        "CREATE TABLE tags(object INTEGER, tag TEXT)",
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER, created_at TEXT, total REAL)",
    ]
    for name, rows in script.ordinary.items():
        for row in rows:
            if name == "orders":
                us = row[2]
                assert isinstance(us, int)
                moment = timestamp(us)
                form = rng.choice([moment, moment.replace(" ", "T"), moment + "Z"]) if sky else moment
                row = (*row[:2], form, *row[3:])
            statements.append(f"INSERT INTO {name} VALUES ({', '.join(map(literal, row))})")
    return statements


def insert(rng: random.Random, schema: Schema, event: Event) -> tuple[str, list[Value]]:
    """One INSERT of the event, its changes as columns or as JSON."""
    row = columns_of(rng, schema, event)
    names = ", ".join(map(quote, row))
    return f"INSERT INTO {quote(schema.name)}({names}) VALUES ({', '.join('?' * len(row))})", list(row.values())


def columns_of(rng: random.Random, schema: Schema, event: Event) -> dict[str, Value]:
    """The event as column -> value."""
    when = event_form(rng, event.ts)
    row: dict[str, Value] = {schema.key_name or schema.object_name: event.object}
    row["ts" if isinstance(when, int) and rng.random() < 0.5 else "timestamp"] = when
    if event.action is not None:
        row["action"] = event.action
    row |= {n: _form(rng, schema, n, v) for n, v in event.attributes.items()}
    written = {n: v for n, v in event.changes.items() if v is None or rng.random() < 0.3}
    row |= {n: _form(rng, schema, n, v) for n, v in event.changes.items() if n not in written}
    if written:
        row["changes"] = json.dumps(written)
    return row


def _form(rng: random.Random, schema: Schema, name: str, value: Value) -> Value:
    """A property's value as it may be written."""
    kind = next(p.kind for p in schema.properties if p.name == name)
    if kind == "TIMESTAMP" and isinstance(value, str):
        return rng.choice([value, value.replace(" ", "T"), value + "Z"])
    if kind.startswith("DECIMAL") and isinstance(value, float):
        return rng.choice([value, f"{value:.2f}"])
    return value


def table_of(rng: random.Random, schema: Schema, events: list[Event]) -> dict[str, list[Value]]:
    """The events as column -> values, for a bulk append."""
    rows = [columns_of(rng, schema, event) for event in events]
    for row, event in zip(rows, events, strict=True):
        row.pop("ts", None)
        row["timestamp"] = event.ts
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}
