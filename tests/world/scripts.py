"""Golden scripts: how the files in golden/ are read and written, and the small world that their statements ask about.

    # what the file is about, in lines that begin with #

    ## what the case is about
    SELECT plan, count(*) FROM users GROUP BY plan
    --- parameters                          JSON; written by hand, like the next three, any of which may be missing
    --- plain                               the statement for plain SQLite, if the first one cannot run there
    --- same                                a statement for the sky table with the same rows
    --- ties                                why SQLite, row by row, may choose another of the rows that compare equal
    --- plan                                the path scans; these three are written by the tests
    --- sql                                 what SQLite gets
    --- rows                                names and rows as SQL literals; sorted, unless the statement orders them

The world is at once a sky table in several commits, partly compacted, into small blocks, and ordinary tables of the
rows of the naive model (oracle.py), which is where plain SQLite looks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import apsw
import pytest

import skysql
from skysql.engine import path_functions
from skysql.functions import FUNCTIONS
from skysql.store import compact
from tests.world.oracle import Event, Oracle, Property, Schema, timestamp
from tests.world.oracle_sessions import load_sessions

GOLDEN = Path(__file__).parents[1] / "golden"
UNCHANGED = "(as it is)"
_WRITTEN_BY_HAND = ("parameters", "plain", "same", "ties")
_WRITTEN_BY_TESTS = ("plan", "sql", "rows")


# Files


@dataclass
class Case:
    """One statement of a file; `sections` holds the text under each `---`."""

    file: str
    title: str
    sql: str
    sections: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        texts = [f"## {self.title}\n{self.sql}"]
        for name in (*_WRITTEN_BY_HAND, *_WRITTEN_BY_TESTS):
            if name in self.sections:
                texts.append(f"--- {name}\n{self.sections[name]}".rstrip("\n"))
        return "\n".join(texts)

    @property
    def parameters(self) -> Any:
        return json.loads(self.sections.get("parameters", "[]"))

    @property
    def explains(self) -> bool:
        return self.sql.upper().startswith("EXPLAIN")

    @property
    def ordered(self) -> bool:
        """Whether the statement orders its rows: ORDER BY outside of all parentheses."""
        text, inner = self.sql, ""
        while text != inner:
            text, inner = re.sub(r"\([^()]*\)", "", text), text
        return "ORDER BY" in text.upper()


def read(path: Path) -> tuple[str, list[Case]]:
    """(the lines on top, the cases) of a file."""
    head, *texts = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cases = []
    for text in texts:
        first, *rest = re.split(r"^--- (\w+)\n", text, flags=re.MULTILINE)
        title, _, sql = first.partition("\n")
        sections = {name: body.strip("\n") for name, body in zip(rest[::2], rest[1::2], strict=True)}
        assert set(sections) <= {*_WRITTEN_BY_HAND, *_WRITTEN_BY_TESTS}, (path.name, title)
        cases.append(Case(path.stem, title, sql.strip("\n"), sections))
    return head.rstrip("\n"), cases


def write(head: str, cases: list[Case]) -> str:
    """The text of a file."""
    return "\n\n".join([head, *map(str, cases)]) + "\n"


def every_case() -> list[Case]:
    """The cases of all files."""
    return [case for path in sorted(GOLDEN.glob("*.sql")) for case in read(path)[1]]


# Answers


@dataclass(frozen=True)
class Answer:
    """What a statement gave: names and rows, or an error."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""

    def sorted(self) -> Answer:
        return replace(self, rows=tuple(sorted(self.rows, key=lambda row: [_order(value) for value in row])))

    def __str__(self) -> str:
        if self.error:
            return f"error: {self.error}"
        return "\n".join([" | ".join(self.names), *(" | ".join(map(_literal, row)) for row in self.rows)])

    def typed(self) -> tuple[tuple[Any, ...], ...]:
        """The rows such that 1 and 1.0 differ."""
        return tuple(tuple((type(value), value) for value in row) for row in self.rows)


def _order(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    return (1, value) if isinstance(value, int | float) else (2, value) if isinstance(value, str) else (3, value)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)


def tree(answer: Answer) -> str:
    """The rows of EXPLAIN QUERY PLAN as SQLite's shell draws them, without numbers that count what was asked before."""
    lines, depths = [], {0: 0}
    for node, parent, _, detail in answer.rows:
        depths[node] = depths[parent] + 1
        lines += ["   " * depths[parent] + line for line in re.sub(r" INDEX \d+:", " INDEX n:", detail).split("\n")]
    return "\n".join(lines)


def renumbered(sql: str) -> str:
    """The text with a short name for each scan, counted from 1."""
    name = re.compile(r'temp\."sky [0-9a-f]{32} (?:here )?(\d+)"')
    numbers = sorted({int(number) for number in name.findall(sql)})
    return name.sub(lambda match: f"sky_scan_{numbers.index(int(match[1])) + 1}", sql)


def ask(connection: skysql.Connection, sql: str, parameters: Any = ()) -> Answer:
    """What a sky table answers."""
    cursor = connection.cursor()
    try:
        rows = cursor.execute(sql, parameters).fetchall()
    except skysql.Error as error:
        return Answer(error=str(error))
    return Answer(tuple(column[0] for column in cursor.description), tuple(rows))


def ask_plain(sqlite: apsw.Connection, sql: str, parameters: Any = ()) -> Answer:
    """What plain SQLite answers."""
    names: list[str] = []

    def trace(cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        names[:] = [name for name, _ in cursor.get_description()]
        return True

    sqlite.exec_trace = trace
    try:
        rows = sqlite.execute(sql, parameters).fetchall()
    except apsw.Error as error:
        return Answer(error=str(error))
    return Answer(tuple(names), tuple(rows))


# The world


def us(text: str) -> int:
    """Microseconds since 1970 of an ISO text."""
    delta = datetime.fromisoformat(text) - datetime(1970, 1, 1)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def event(object: int | str, at: str, action: str | None = None, /, **values: Any) -> Event:
    """An event of either table; of the values, those of state properties are changes."""
    states = {p.name for schema in (USERS, PLANES) for p in schema.states}
    attributes = {name: value for name, value in values.items() if name not in states}
    return Event(object, us(at), action, attributes, {n: v for n, v in values.items() if n in states})


def _properties(text: str) -> tuple[Property, ...]:
    words = [part.split() for part in text.split(", ")]
    return tuple(Property(part[0], part[1], "STATE" in part) for part in words)


USERS = Schema(
    "users",
    _properties("plan TEXT STATE, country TEXT STATE, seats INTEGER STATE, amount REAL, items INTEGER, url TEXT"),
)
PLANES = Schema("planes", _properties("status TEXT STATE, delay INTEGER, fare DECIMAL(9,2)"), key_name="tailnum")

COMPACTED = [
    [
        event(1, "2026-01-01 09:00:00", "sign up", plan="free", country="de"),
        event(2, "2026-01-02 10:00:00", "sign up", plan="free", country="fr", seats=1),
        event(3, "2026-01-02 11:00:00", "sign up", country="de"),
        event(1, "2026-01-05 12:00:00", "purchase", amount=9.5, items=1, url="/a"),
        event(1, "2026-01-05 12:00:00", plan="pro", seats=5),  # a tie: after the purchase of the same microsecond
        event(2, "2026-01-10", "purchase", amount=20.0, items=2, url="/b"),
        event(1, "2026-01-15 08:30:00", "purchase", amount=5.25, items=1),
    ],
    [
        event(2, "2026-02-01", plan="pro", country=None),  # a change to NULL
        event(2, "2026-02-03 10:11:12.000001", "purchase", amount=9.5, url="/a"),
        event(3, "2026-02-03 17:00:00", "purchase", items=3),
        event(3, "2026-02-04", plan="free"),
        event(3, "2026-02-04 00:00:00.000001", "purchase", amount=1.25, items=1, url="/A"),
        event(4, "2026-02-05 06:00:00", "visit", url="/b"),  # an object that never has a state
        event(1, "2026-02-07", plan=None),
        event(1, "2026-02-08 20:00:00", "purchase", amount=3.0, items=-2),
        event(7, "2026-02-10", "visit", url="/%_x"),
        event(7, "2026-02-10 12:00:00", "sign up", plan="Free", country="DE", seats=-1),
        event(7, "2026-02-11 12:00:00", "purchase", amount=0.5, items=9_007_199_254_740_993),
    ],
]
LOGGED = [
    [
        event(2, "2026-01-10", plan="basic"),  # late, and a tie with what arrived before it
        event(3, "2026-01-20", "purchase", amount=7.75, items=1, url="/a"),  # late
        event(5, "2025-12-31 23:59:59.999999", "sign up", plan="pro", country="", seats=2),
        event(5, "2026-01-15 08:30:00", "purchase", amount=-4.0, items=1),
    ],
    [
        event(9_007_199_254_740_993, "2026-03-01", "visit", url="/b"),
        event(6, "2026-03-01", "sign up", plan="pro"),
        event(6, "2026-03-01", "purchase", amount=2.5, items=0, url=""),  # ties; what follows is as old
        event(6, "2026-03-01", plan="basic", country="fr"),
        event(6, "2026-03-02", "purchase", amount=2.5, items=1, plan="pro"),  # an action and a change in one
        event(5, "2026-01-10 15:00:00", country="fr"),  # late
    ],
]
FLOWN = [
    event("N1", "2026-01-01", status="new"),
    event("N2", "2026-01-01", status="new"),
    event("N1", "2026-01-03 10:00:00", "flight", delay=5, fare=19.99),
    event("N1", "2026-01-04", status="repair"),
    event("N1", "2026-01-05 10:00:00", "flight", delay=-3, fare=0.1),
    event("n1", "2026-01-06", "flight", delay=60, fare=0.2),
]

CUSTOMERS = [(1, "Ann", "a"), (2, "Bob", "b"), (3, "Cyd", "a"), (5, "Eve", None), (8, "Hal", "b")]
TAGS = [(1, "x"), (1, "y"), (2, "x"), (3, "z"), (3, "x"), (8, "x"), (None, "x")]
ORDERS = [  # id, customer_id, created_at as people write it, total, the same moment
    (1, 1, "2026-01-01", 10, "2026-01-01 00:00:00"),
    (2, 1, "2026-01-05T12:00:00Z", 20, "2026-01-05 12:00:00"),
    (3, 1, "2026-01-05 12:59:59.999999+01:00", 30, "2026-01-05 11:59:59.999999"),
    (4, 2, "2026-01-10", 40, "2026-01-10 00:00:00"),
    (5, 2, "2026-02-01T00:00", 50, "2026-02-01 00:00:00"),
    (6, 3, "2027-01-01 00:00:00", 60, "2027-01-01 00:00:00"),
    (7, 8, "2026-02-01", 70, "2026-02-01 00:00:00"),
    (8, None, "2026-02-01", 80, "2026-02-01 00:00:00"),
    (9, 1, None, 90, None),
    (10, 2, "2026-01-31 23:59:59.999999", 100, "2026-01-31 23:59:59.999999"),
]
FLIGHTS = [("N1", "2026-01-03 10:00:00", 1), ("N1", "2026-01-05 10:00:00", 2), ("n1", "2026-01-05 10:00:00", 3),
           ("N2", "2026-02-01 00:00:00", 4), ("N9", "2026-02-01 00:00:00", 5), (None, "2026-02-01 00:00:00", 6)]  # fmt: skip  # noqa: E501
VIEWS = {
    "purchases": "SELECT object_id AS customer, timestamp AS at, plan, amount FROM users WHERE action = 'purchase'",
    "by_plan": "SELECT plan, count(*) AS n FROM users GROUP BY plan",
    "pro_purchases": "SELECT customer, amount FROM purchases WHERE plan = 'pro'",
}


def _ordinary(sqlite: Any, created: int) -> None:
    """The ordinary tables; `created` is where in ORDERS the moment stands."""
    sqlite.execute("CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT, segment TEXT)")
    sqlite.execute("CREATE TABLE tags(user INTEGER, tag TEXT)")
    sqlite.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER, created_at TEXT, total INTEGER)")
    sqlite.execute("CREATE TABLE flights(tailnum TEXT, at TEXT, flight INTEGER)")
    sqlite.executemany("INSERT INTO customers VALUES (?, ?, ?)", CUSTOMERS)
    sqlite.executemany("INSERT INTO tags VALUES (?, ?)", TAGS)
    orders = [(row[0], row[1], row[created] and _full(row[created], created), row[3]) for row in ORDERS]
    sqlite.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", orders)
    flights = [(row[0], _full(row[1], created), row[2]) for row in FLIGHTS]
    sqlite.executemany("INSERT INTO flights VALUES (?, ?, ?)", flights)
    for name, select in VIEWS.items():
        sqlite.execute(f"CREATE VIEW {name} AS {select}")


def _full(text: str, created: int) -> str:
    """As people write it, or in the one form that sorts."""
    return text if created == 2 else timestamp(us(text))


def sky(*, pushdown: bool = True, path: str = ":memory:") -> skysql.Connection:
    """The world on a sky table."""
    connection = skysql.connect(path, pushdown=pushdown)
    connection.execute(USERS.ddl())
    connection.execute(PLANES.ddl())
    connection.commit()
    with mock.patch.object(compact, "SHARD_EVENTS", 6):
        for events in COMPACTED:
            _insert(connection, USERS, events)
            connection.compact("users")
    for number, events in enumerate(LOGGED):
        _insert(connection, USERS, events, bulk=number == 1)
    _insert(connection, PLANES, FLOWN)
    _ordinary(connection, 2)
    connection.commit()
    return connection


def _insert(connection: skysql.Connection, schema: Schema, events: list[Event], bulk: bool = False) -> None:
    object_name = schema.key_name or schema.object_name
    attributes = [p.name for p in schema.properties if not p.state]
    names = [object_name, "timestamp", "action", *attributes, "changes"]
    rows = [
        (e.object, timestamp(e.ts), e.action, *map(e.attributes.get, attributes), json.dumps(e.changes) if e.changes else None)  # noqa: E501
        for e in events
    ]  # fmt: skip
    if bulk:
        connection.append(schema.name, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    else:
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO {schema.name}({', '.join(names)}) VALUES ({marks})", rows)
    connection.commit()


def plain() -> apsw.Connection:
    """The world in plain SQLite: users, users_objects, users_changes, users_objects_as_of for every
    moment there is, users_idle_0 and users_sessions_0 and so on.
    """
    sqlite = apsw.Connection(":memory:")
    path_functions.register(sqlite, FUNCTIONS.values())
    events = [e for batch in (*COMPACTED, *LOGGED) for e in batch]
    moments = {e.ts for e in (*events, *FLOWN)} | {us(row[4]) for row in ORDERS if row[4] is not None}
    moments |= {us(row[1]) for row in FLIGHTS} | {us("2026-01-15"), us("2026-02-08 20:00:00")}
    for oracle in (Oracle(USERS, events), Oracle(PLANES, FLOWN)):
        oracle.load(sqlite, sorted(moments))
        load_sessions(oracle, sqlite)
    for name in [row[0] for row in sqlite.execute("SELECT name FROM sqlite_schema WHERE name GLOB '*_at_[0-9]*'")]:
        sqlite.execute(f"DROP TABLE {name}")
    _ordinary(sqlite, 4)
    return sqlite


def params(*sections: str) -> list[Any]:
    """The cases that have these sections."""
    found = [case for case in every_case() if not case.explains and case.sections.keys() >= {*sections}]
    return [pytest.param(case, id=f"{case.file}: {case.title}") for case in found]


def answer(connection: skysql.Connection, case: Case) -> Answer:
    found = ask(connection, case.sql, case.parameters)
    return found if case.ordered or case.explains else found.sorted()
