"""Functions over a path see the events in the order of the path, whatever way the statement reads them.

    SKYSQL_TEST_SEED=17 SKYSQL_TEST_STATEMENTS=10000 pytest tests/sql/test_path_order.py     others, and more

What they give is compared with the naive oracle's, of the events that a condition of Python's chooses.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import pytest

import skysql
from skysql.store import compact
from tests.conftest import Connect
from tests.world import paths_oracle as oracle

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "400"))
PER_DATABASE = 50


class Event(NamedTuple):
    """One of the world's; in lists in the order of arrival."""

    object: int
    ts: int
    action: str
    a: int
    b: int


def fill(db: skysql.Connection, rng: random.Random) -> list[Event]:
    """Events of few times, which tie and arrive late, in several blocks and a log; ordinary tables beside them."""
    db.execute("CREATE VIRTUAL TABLE users USING sky(a INTEGER, b INTEGER)")
    db.execute("CREATE TABLE c(id INTEGER PRIMARY KEY, since INTEGER)")
    db.execute("INSERT INTO c VALUES (1, 0), (2, 3), (3, 1), (4, 0), (9, 0)")
    events: list[Event] = []
    for _ in range(rng.choice([1, 2, 4])):
        more = [
            Event(rng.randint(1, 4), rng.randint(0, 5), rng.choice("uvwxyz"), rng.randint(0, 2), rng.randint(0, 2))
            for _ in range(rng.choice([3, 10, 40]))
        ]
        db.executemany("INSERT INTO users(object_id, ts, action, a, b) VALUES (?, ?, ?, ?, ?)", more)
        db.commit()
        events += more
        if rng.random() < 0.5:
            with mock.patch.object(compact, "SHARD_EVENTS", 8):
                db.compact()
    db.create_function("f", 1, lambda value: value)
    return events


CONDITIONS: list[tuple[str, Callable[[Event], bool]]] = [
    ("1", lambda e: True),
    ("{0}a = 0 OR {0}b = 1", lambda e: e.a == 0 or e.b == 1),
    ("{0}ts = 4 OR {0}ts = 1", lambda e: e.ts in (1, 4)),
    ("{0}action = 'y' OR {0}ts = 2 OR {0}a = 1", lambda e: e.action == "y" or e.ts == 2 or e.a == 1),
    ("{0}ts IN (5, 2, 3)", lambda e: e.ts in (2, 3, 5)),
    ("{0}object_id IN (4, 1, 2) AND {0}b < 2", lambda e: e.object in (1, 2, 4) and e.b < 2),
    ("{0}action IN ('u', 'z', 'w')", lambda e: e.action in "uzw"),
    ("f({0}a) = 0 OR {0}object_id = 2", lambda e: e.a == 0 or e.object == 2),
    ("{0}timestamp >= '1970-01-01 00:00:00.000002' OR {0}action = 'x'", lambda e: e.ts >= 2 or e.action == "x"),
]
SOURCES = {
    "the table": "users e WHERE {}",
    "its end": "users e JOIN c ON c.id = e.object_id WHERE ({})",
    "an inner loop": "c CROSS JOIN users e ON e.object_id = c.id AND ({})",
    "an outer join": "c LEFT JOIN users e ON e.object_id = c.id AND ({})",
    "a right join": "users e RIGHT JOIN c ON e.object_id = c.id AND ({})",
    "parentheses": "(users e JOIN c ON c.id = e.object_id) JOIN c d ON d.id = c.id WHERE ({})",
    "a subquery": "(SELECT *, ts FROM users WHERE {}) e",
    "a subquery in a join": "c JOIN (SELECT object_id, action, ts, a, b FROM users WHERE {}) e ON e.object_id = c.id",
    "a subquery turned round": "(SELECT * , ts FROM users WHERE {} ORDER BY object_id DESC, ts DESC) e",
    "a subquery in another": "(SELECT * FROM (SELECT *, ts AS ts FROM users u) WHERE {} LIMIT -1) e JOIN c ON id = e.object_id",  # noqa: E501
    "a subquery that is cut outside": "(SELECT *, ts FROM users) e WHERE {}",
    "halves": "(SELECT object_id, action, ts, a, b FROM users WHERE ({0}) AND b > 0 UNION ALL "
    "SELECT object_id, action, ts, a, b FROM users WHERE ({0}) AND b <= 0) e",
    "halves, one by its star": "(SELECT * FROM (SELECT object_id, action, ts, a, b, timestamp FROM users) WHERE ({0})"
    " AND b > 0 UNION ALL SELECT object_id, action, ts, a, b, timestamp FROM users WHERE ({0}) AND b <= 0) e",
    "a CTE": "cte e",
    "a CTE of a star": "starred e",
    "a CTE in a join": "renamed e JOIN c ON c.id = e.object_id",
    "a view": "seen e",
    "a view in a join": "named e JOIN c ON c.id = e.object_id",
}
FUNCTIONS: list[tuple[str, Callable[[list[Event]], Any]]] = [
    ("path_string(e.action)", lambda es: oracle.path_string([(e.ts, e.action) for e in es], " > ", False, False)),
    ("path_string(f(e.action), '')", lambda es: oracle.path_string([(e.ts, e.action) for e in es], "", False, False)),
    ("path_string(f(e.a), '', 1)", lambda es: oracle.path_string([(e.ts, str(e.a)) for e in es], "", True, False)),
    ("path_string(e.action, '-', 0, e.ts)", lambda es: oracle.path_string([(e.ts, e.action) for e in es], "-", False, True)),  # noqa: E501
    ("sequence_match_events('(?1)(?2)', e.ts, e.a = 1, f(e.b) = 1)",
     lambda es: oracle.sequence_match_events([(e.ts, [e.a == 1, e.b == 1]) for e in es], "(?1)(?2)")),
    ("sequence_count('(?1).(?2)', e.ts, e.a = 0, f(e.b) = 2)",
     lambda es: oracle.sequence_count([(e.ts, [e.a == 0, e.b == 2]) for e in es], "(?1).(?2)")),
    ("window_funnel(3, 'strict_order', e.ts, f(e.a) = 0, e.b = 1, e.a = 2)",
     lambda es: oracle.window_funnel([(e.ts, [e.a == 0, e.b == 1, e.a == 2]) for e in es], 3, {"strict_order"}, 3)),
    ("sequence_next_node('forward', 'head', e.ts, f(e.action), e.b >= 0)",
     lambda es: oracle.sequence_next_node([(e.ts, e.action, True, []) for e in es], "forward", "head", 0)),
]  # fmt: skip


def statement(rng: random.Random, events: list[Event], db: skysql.Connection) -> tuple[str, dict[int, tuple[Any, ...]]]:
    """A statement, and what it gives by object."""
    text, meets = rng.choice(CONDITIONS)
    name = rng.choice(list(SOURCES))
    source = SOURCES[name]
    condition = text.format("" if name.startswith(("a subquery", "halves")) else "e.")
    rows = f"SELECT * FROM users WHERE {text.format('')}"
    columns = "object_id, ts, action, a, b"
    before = ""
    if "CTE" in name:
        chosen = f"SELECT {columns} FROM users WHERE {text.format('')}"
        before = f"WITH renamed(object_id, ts, action, a, b) AS ({chosen}), cte AS ({chosen}), "
        before += f"starred(object_id, ts, action, a, b) AS (SELECT * FROM ({chosen})) "
    if "view" in name:
        for drop in ("seen", "named"):
            db.execute(f"DROP VIEW IF EXISTS {drop}")
        db.execute(f"CREATE VIEW seen AS {rows.replace('*', columns)}")
        db.execute(f"CREATE VIEW named(object_id, ts, action, a, b) AS {rows.replace('*', columns)}")
    calls = rng.sample(FUNCTIONS, rng.randint(1, 3))
    kept = rng.choice([None, None, 1, 2])
    filter = "" if kept is None else f" FILTER (WHERE e.b < {kept})"
    key = "id" if "outer" in name or "right" in name else "e.object_id"
    items = ", ".join(call + filter for call, _ in calls)
    having = rng.choice(["", "", f" HAVING {calls[0][0]} IS NOT NULL"]) if key != "id" else ""
    order = rng.choice(["", f" ORDER BY {key}", f" ORDER BY {key} DESC", f" ORDER BY {calls[0][0]} DESC"])
    sql = f"{before}SELECT {key}, {items} FROM {source.format(condition)} GROUP BY {key}{having}{order}"
    path = sorted((e for e in events if meets(e)), key=lambda e: e.ts)
    expected = {}
    for object in {e.object for e in path} | ({1, 2, 3, 4, 9} if key == "id" else set()):
        own = [e for e in path if e.object == object]
        if not own and key == "id":
            continue  # a row without an event, of which a function has its own idea
        own = [e for e in own if kept is None or e.b < kept]
        nothing = {"path": None, "sequence_m": "[]", "sequence_n": None}
        expected[object] = tuple(
            expect(own) if own else next((v for k, v in nothing.items() if call.startswith(k)), 0)
            for call, expect in calls
        )
    return sql, expected


@pytest.mark.parametrize("number", range(-(-STATEMENTS // PER_DATABASE)))
def test_random_statements(connect: Connect, number: int) -> None:
    print(f"SKYSQL_TEST_SEED={SEED}")
    rng = random.Random(f"{SEED}/{number}")
    db = connect()
    events = fill(db, rng)
    for _ in range(PER_DATABASE):
        sql, expected = statement(rng, events, db)
        for pushdown in (True, False):
            db.engine.pushdown = pushdown
            found = {row[0]: row[1:] for row in db.execute(sql).fetchall()}
            assert {o: v for o, v in found.items() if o in expected} == expected, (sql, db.engine.prepare(sql).sql)


KEYS = ["", "session", "ts", "timestamp", "a", "action", "ts, action", "session, b", "session, ts"]
RUNS = {"", "session", "ts", "timestamp", "session, ts"}
GROUPED = {
    "a subquery": "{} g",
    "a join": "c JOIN {} g ON g.object_id = c.id",
    "the end of a join": "{} g JOIN c ON g.object_id = c.id JOIN users_objects o ON o.object_id = g.object_id",
    "another subquery": "(SELECT * FROM {} h) g",
    "a CTE": "cte g",
    "a CTE in a join": "cte g JOIN c ON c.id = g.object_id",
    "a view": "grouped g",
}


class Group(NamedTuple):
    """Some of an object's events. `place` is that of their keys."""

    object: int
    place: tuple[Any, ...]
    x: int
    t: int


def grouped(rng: random.Random, events: list[Event]) -> tuple[str, str, list[Group]]:
    """A subquery that groups events; "runs", "" for no order, or the user's: its rows, in the order that they have."""
    text, meets = rng.choice(CONDITIONS)
    keys, order = rng.choice(KEYS), rng.choice(["", "", " ORDER BY x DESC, t", " ORDER BY t DESC, x"])
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for object in {e.object for e in events}:
        session, last = 1, None
        for e in sorted((e for e in events if e.object == object), key=lambda e: e.ts):
            session, last = session + (last is not None and e.ts - last >= 2), e.ts
            named = {"session": session, "ts": e.ts, "timestamp": e.ts, "a": e.a, "action": e.action, "b": e.b}
            if meets(e):
                groups.setdefault((object, *(named[key] for key in keys.split(", ") if key)), []).append(e)
    rows = [Group(k[0], k[1:], len(es) * 100 + sum(e.a for e in es), es[0].ts) for k, es in groups.items()]
    rows.sort(key=lambda g: (-g.x, g.t) if "x DESC" in order else (-g.t, g.x) if order else g.place)
    shown = ", ".join(filter(None, ["object_id", keys]))
    sql = f"SELECT {shown}, count(*) * 100 + sum(a) AS x, min(ts) AS t FROM users('2 microseconds')"
    return f"{sql} WHERE {text.format('')} GROUP BY {shown}{order}", order or ("runs" if keys in RUNS else ""), rows


@pytest.mark.parametrize("number", range(-(-STATEMENTS // PER_DATABASE)))
def test_groups_are_in_order_or_refused(connect: Connect, number: int) -> None:
    """Objects, sessions and moments as they lie in the path; others as their subquery says, or by time."""
    rng = random.Random(f"{SEED}/groups {number}")
    db = connect()
    events = fill(db, rng)
    for _ in range(PER_DATABASE):
        sql, order, rows = grouped(rng, events)
        source = rng.choice(list(GROUPED.values()))
        db.execute("DROP VIEW IF EXISTS grouped")
        db.execute(f"CREATE VIEW grouped AS {sql}")
        timed = rng.random() < 0.4
        call = f"path_string({rng.choice(['g.x', 'f(g.x)'])}, '-'{', 0, g.t' if timed else ''})"
        turned = rng.choice(["", " ORDER BY g.object_id DESC"])
        asked = f"WITH cte AS ({sql}) SELECT g.object_id, {call} FROM {source.format(f'({sql})')}"
        asked += f" GROUP BY g.object_id{turned}"
        ties = any(a is not b and (a.object, a.t) == (b.object, b.t) for a in rows for b in rows)
        path = sorted(rows, key=lambda g: g.t) if timed else rows
        expected = {g.object: "-".join(str(h.x) for h in path if h.object == g.object) for g in rows}
        for pushdown in (True, False):
            db.engine.pushdown = pushdown
            if rows and not order and (ties or not timed):
                with pytest.raises(skysql.ProgrammingError, match="ORDER BY"):
                    db.execute(asked).fetchall()
            else:
                assert dict(db.execute(asked).fetchall()) == expected, (asked, db.engine.prepare(asked).sql)


@pytest.fixture
def db(connect: Connect) -> Iterator[skysql.Connection]:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(a INTEGER, b INTEGER)")
    rows = [(o, t // 2, "xyzuvw"[t], t % 3, t % 2) for o in (1, 2) for t in range(6)]
    db.executemany("INSERT INTO users(object_id, ts, action, a, b) VALUES (?, ?, ?, ?, ?)", rows)
    db.execute("CREATE TABLE c(id INTEGER PRIMARY KEY)")
    db.execute("INSERT INTO c VALUES (1), (2)")
    db.execute("CREATE VIRTUAL TABLE late USING sky(a INTEGER)")
    db.execute("INSERT INTO late(object_id, ts, action) SELECT object_id, ts, upper(action) FROM users WHERE b = 1")
    db.execute("CREATE TABLE plain AS SELECT object_id, ts, action, a, b FROM users ORDER BY action")
    db.create_function("f", 1, lambda value: value)
    return db


WHOLE = "x > y > z > u > v > w"
CASES = [
    ("SELECT e.object_id, path_string(e.action) FROM users e JOIN c ON c.id = e.object_id"
     " GROUP BY e.object_id ORDER BY e.object_id DESC", [(2, WHOLE), (1, WHOLE)]),
    ("SELECT path_string(f(action)) FROM users WHERE ts = 2 OR ts = 0 GROUP BY object_id", [("x > y > v > w",)] * 2),
    ("SELECT path_string(f(action)) FROM (SELECT * FROM users ORDER BY object_id DESC, ts DESC) GROUP BY object_id",
     [(WHOLE,)] * 2),
    ("SELECT path_string(DISTINCT f(a)) FROM users WHERE ts = 2 OR ts = 0 GROUP BY object_id", [("0 > 1 > 2",)] * 2),
    ("SELECT path_string(e.action) FROM users e JOIN users o ON o.ts = 5 - e.ts OR o.action = 'x' AND e.action <> ''"
     " WHERE o.object_id = e.object_id GROUP BY e.object_id", [(WHOLE,)] * 2),
    ("SELECT path_string(f(action) ORDER BY ts DESC, action) FROM users GROUP BY object_id",
     [("v > w > u > z > x > y",)] * 2),
    ("SELECT path_string(action ORDER BY action DESC) FROM users GROUP BY object_id", [("z > y > x > w > v > u",)] * 2),
    ("SELECT id, (SELECT path_string(action) FROM users WHERE object_id = c.id AND (a = 0 OR b = 1)) FROM c",
     [(1, "x > y > u > w"), (2, "x > y > u > w")]),
    ("SELECT DISTINCT object_id FROM users WHERE object_id IN (SELECT object_id FROM users WHERE a = 0 OR b = 1"
     " GROUP BY object_id HAVING path_string(f(action)) = 'x > y > u > w')", [(1,), (2,)]),
    ("SELECT path_string(f(action)) FROM (SELECT object_id, action, a, b FROM users) WHERE a = 0 OR b = 1"
     " GROUP BY object_id", [("x > y > u > w",)] * 2),
    ("SELECT path_string(f(e.action)) FROM (VALUES (2), (1)) v JOIN users e ON e.object_id = v.column1"
     " WHERE a = 0 OR b = 1 GROUP BY e.object_id", [("x > y > u > w",)] * 2),
    ("SELECT (SELECT path_string(users.action)) FROM users WHERE a = 0 OR b = 1 GROUP BY object_id",
     [("x > y > u > w",)] * 2),
    ("SELECT (SELECT path_string(action) FROM c LIMIT 1) FROM users WHERE a = 0 OR b = 1 GROUP BY object_id",
     [("x > y > u > w",)] * 2),
    ("SELECT path_string(action) FROM plain GROUP BY object_id", [("u > v > w > x > y > z",)] * 2),
    ("SELECT path_string(action, ' > ', 0, ts) FROM plain GROUP BY object_id", [("x > y > u > z > v > w",)] * 2),
    ("SELECT path_string(action ORDER BY action DESC) FROM plain WHERE object_id = 1", [("z > y > x > w > v > u",)]),
    ("SELECT path_string(f(action)) FROM (SELECT object_id, action, rank() OVER (ORDER BY ts DESC) FROM users)"
     " GROUP BY object_id", [(WHOLE,)] * 2),
    ("WITH g(o, s, n) AS (SELECT object_id, ts AS s, count(*) + ts FROM users WHERE a = 1 OR b = 1 GROUP BY 1, s)"
     " SELECT path_string(f(n)) FROM g JOIN c ON c.id = o GROUP BY o", [("1 > 2 > 4",)] * 2),
    ("SELECT path_string(f(e.action)) FROM users e JOIN (SELECT a, count(*) AS n FROM users GROUP BY a) g USING (a)"
     " GROUP BY object_id", [(WHOLE,)] * 2),
    ("SELECT path_string(n ORDER BY n) FROM (SELECT a, count(*) + a AS n FROM users GROUP BY a)", [("4 > 5 > 6",)]),
    ("SELECT path_string(f(n)) FROM (SELECT count(*) AS n FROM users)", [("12",)]),
    ("SELECT path_string(f(object_id + 10)) FROM users_objects", [("11 > 12",)]),
    ("SELECT retention(f(n) = 4, a = 1) FROM (SELECT a, count(*) AS n FROM users GROUP BY a)", [("[1,1]",)]),
    ("SELECT window_funnel(9, f(n), a = 2, a = 1) FROM (SELECT a, count(*) AS n FROM users GROUP BY a)", [(2,)]),
    ("SELECT path_string(f(action)) FROM (SELECT object_id, ts, action FROM users WHERE b = 1 UNION ALL"
     " SELECT object_id, ts, action FROM late) GROUP BY object_id", [("y > Y > u > U > w > W",)] * 2),
]  # fmt: skip


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("sql, rows", CASES)
def test_orders(db: skysql.Connection, sql: str, rows: list[Any], pushdown: bool) -> None:
    """Of events the path's, or the one that the call asks for; of ordinary rows that in which they come."""
    db.engine.pushdown = pushdown
    assert db.execute(sql).fetchall() == rows


MATCHES = "MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES A.action AS one, LAST(action) AS other"


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("source, key", [
    ("{} m WHERE one IN ('z', 'x', 'v')", "object_id"),
    ("{} m JOIN c ON c.id = m.object_id WHERE one <> 'q' OR other = 'q'", "c.id"),
    ("c LEFT JOIN {} m ON c.id = m.object_id", "c.id"),
    ("(SELECT object_id, one, other FROM {} m WHERE one = 'z' OR other = 'y' OR other > 'v')", "object_id"),
    ("(SELECT * FROM {} m) JOIN c ON c.id = object_id", "object_id"),
    ("(SELECT * FROM {} m UNION ALL SELECT * FROM {} n WHERE n.one = 'q')", "object_id"),
    ("seen", "object_id"),
    ("seen JOIN c ON c.id = object_id", "c.id"),
])  # fmt: skip
def test_rows_of_matches_are_in_their_order(db: skysql.Connection, source: str, key: str, pushdown: bool) -> None:
    """Which is that of the objects, and of the matches of each."""
    db.engine.pushdown = pushdown
    matches = f"users {MATCHES} PATTERN (A B) DEFINE B AS f(ts) >= 0)"  # of two rows, one after the other
    db.execute(f"CREATE VIEW seen AS SELECT * FROM {matches} m")
    calls = "path_string(one || f(other)), path_string(f(other) ORDER BY other)"
    found = db.execute(f"SELECT {key}, {calls} FROM {source.format(matches, matches)} GROUP BY 1 ORDER BY 1 DESC")
    assert found.fetchall() == [(object, "xy > zu > vw", "u > w > y") for object in (2, 1)]


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("source", [
    "SELECT DISTINCT object_id, ts, action FROM users",
    "SELECT object_id, ts, action FROM users UNION SELECT object_id, ts, action FROM late",
    "SELECT object_id, ts, action FROM users EXCEPT SELECT 1, 2, 'x'",
    "SELECT object_id, ts, action FROM users UNION ALL SELECT object_id, ts, action FROM plain",
    "SELECT object_id, ts, action FROM users WHERE a = 0 OR b = 1 GROUP BY object_id, ts, action",
    "SELECT object_id, min(ts) AS ts, action FROM (SELECT *, ts FROM users) GROUP BY object_id, action",
    "SELECT * FROM (SELECT object_id, ts, action FROM users GROUP BY object_id, action, ts)",
    "SELECT u.object_id, ts, action FROM users u JOIN c ON c.id = u.object_id GROUP BY u.object_id, ts, action",
])  # fmt: skip
def test_rows_without_an_order_are_refused(db: skysql.Connection, source: str, pushdown: bool) -> None:
    """Unless their subquery gives them one, or their times tell it."""
    db.engine.pushdown = pushdown
    for call in ("path_string(action)", "path_string(f(action))", "path_string(action, ' > ', 0, ts)",
                 "sequence_count('(?1)(?2)', ts, f(action) = 'x', action = 'y')"):  # fmt: skip
        with pytest.raises(skysql.ProgrammingError, match=r"no order here.*ORDER BY ts"):
            db.execute(f"SELECT {call} FROM ({source}) GROUP BY object_id").fetchall()
    inside = f"SELECT path_string(action) FROM ({source} ORDER BY ts, action) GROUP BY object_id"
    called = f"SELECT path_string(action ORDER BY ts, action) FROM ({source}) GROUP BY object_id"
    ordered = db.execute(inside).fetchall()
    assert len(ordered) == 2 and ordered == db.execute(called).fetchall()
    funnel = f"SELECT window_funnel(9, ts, f(action) = 'x', action = 'y') FROM ({source}) GROUP BY object_id"
    assert db.execute(funnel).fetchall()[1] == (2,)
    odd = f"SELECT path_string(action, ' > ', 0, ts) FROM ({source}) WHERE action IN ('y', 'u', 'w') GROUP BY object_id"
    assert "UNION ALL" in source or db.execute(odd).fetchall() == [("y > u > w",)] * 2


def test_names_stay(db: skysql.Connection) -> None:
    sql = "SELECT path_string(f(action)), object_id AS o FROM users GROUP BY 2"
    assert [column[0] for column in db.execute(sql).description or ()] == ["path_string(f(action))", "o"]
    db.execute("CREATE VIEW v AS SELECT object_id, path_string(f(action)) FROM users WHERE a = 0 OR b = 1 GROUP BY 1")
    cursor = db.execute("SELECT * FROM v ORDER BY object_id DESC")
    assert [column[0] for column in cursor.description or ()] == ["object_id", "path_string(f(action))"]
    assert cursor.fetchall() == [(2, "x > y > u > w"), (1, "x > y > u > w")]


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("call", ["path_string(f(action))", "path_string(f(action), ' > ', 0, ts)",
                                  "path_string(f(action) ORDER BY ts, action)"])  # fmt: skip
@pytest.mark.parametrize("rows", [
    "(SELECT object_id, ts, action FROM users WHERE ts = 2 OR ts = 0)",
    "(SELECT * FROM (SELECT object_id, ts, action FROM users WHERE ts = 2 OR ts = 0)) e",
    "(SELECT *, 1 AS [`] FROM (SELECT ts, object_id, action FROM users WHERE ts IN (2, 0))) JOIN c ON object_id=id",
    "(SELECT * FROM (SELECT object_id, ts, action FROM users WHERE ts = 0) UNION ALL"
    " SELECT object_id, ts, action FROM users WHERE ts = 2)",
])  # fmt: skip
def test_a_star_shows_no_more_than_there_is(db: skysql.Connection, rows: str, call: str, pushdown: bool) -> None:
    """Whatever is handed on beside the columns that it shows."""
    db.engine.pushdown = pushdown
    found = db.execute(f"SELECT *, {call} FROM {rows} GROUP BY object_id")
    shown = [column[0] for column in found.description or ()]
    assert shown == [column[0] for column in db.execute(f"SELECT *, {call} FROM {rows}").description or ()]
    assert shown[:-1] == [column[0] for column in db.execute(f"SELECT * FROM {rows}").description or ()]
    assert {row[-1] for row in found} == {"x > y > v > w"}


def test_columns_of_one_name_hand_no_places_on(db: skysql.Connection) -> None:
    """A star shows both, and nothing could be written in its place."""
    twice = "(SELECT * FROM (SELECT object_id, action, action FROM users WHERE ts = 2 OR ts = 0))"
    with pytest.raises(skysql.ProgrammingError, match="ORDER BY ts"):
        db.execute(f"SELECT path_string(f(action)) FROM {twice} GROUP BY object_id")


@pytest.mark.parametrize("pushdown", [True, False])
def test_a_view_of_named_columns_over_a_view(db: skysql.Connection, pushdown: bool) -> None:
    db.engine.pushdown = pushdown
    db.execute("CREATE VIEW few AS SELECT object_id, action FROM users WHERE a = 0 OR b = 1")
    db.execute("CREATE VIEW paths(o, p) AS SELECT object_id, path_string(action) FROM few JOIN c ON id = object_id"
               " GROUP BY object_id")  # fmt: skip
    assert db.execute("SELECT o, p FROM paths").fetchall() == [(1, "x > y > u > w"), (2, "x > y > u > w")]
    db.execute('CREATE VIEW "as" AS SELECT path_string(action) FROM few GROUP BY object_id')
    assert db.execute('SELECT * FROM "as"').fetchall() == [("x > y > u > w",)] * 2


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("sql", [
    "SELECT p FROM (v)",
    "SELECT p FROM (c JOIN (v) ON id = o)",
    "SELECT 'x > y > u > w' FROM c WHERE (id, 'x > y > u > w') IN v",
    "SELECT 'x > y > u > w' FROM c WHERE ('x > y > u > w', 1) IN (SELECT p, 1 FROM main.v)",
    "SELECT (SELECT p FROM 'v' WHERE o = id) FROM c",
    "SELECT p FROM of_another",
    "SELECT p FROM [in \"quotes\"] WHERE f(1)",
    "WITH my AS (SELECT 1), \"few\" AS (SELECT 2) SELECT path_string(f(action)) FROM mine GROUP BY object_id",
])  # fmt: skip
def test_a_view_is_seen_wherever_it_is_read(db: skysql.Connection, sql: str, pushdown: bool) -> None:
    """In parentheses, after IN, and under a name that has to be quoted."""
    db.engine.pushdown = pushdown
    of_users = "FROM users WHERE a = 0 OR b = 1"
    db.execute(f"CREATE VIEW v AS SELECT object_id AS o, path_string(f(action)) AS p {of_users} GROUP BY 1")
    db.execute('CREATE VIEW "in ""quotes""" AS SELECT * FROM v')
    db.execute('CREATE VIEW of_another AS SELECT * FROM "in ""quotes"""')
    db.execute(f'CREATE VIEW "my few" AS SELECT object_id, action {of_users}')
    db.execute("CREATE VIEW mine AS SELECT * FROM [my few]")
    cursor = db.execute(sql)
    assert cursor.fetchall() == [("x > y > u > w",)] * 2
    shown = sql.removeprefix("SELECT ").partition(" FROM c")[0]
    assert (cursor.description or ())[0][0] in ("p", "path_string(f(action))", shown)


def test_an_aggregate_of_the_users_is_called_where_nothing_can_be_read(db: skysql.Connection) -> None:
    """Under the name that it has, which was that of a function over a path."""

    class Rows:
        rows = 0

        def step(self, _: object) -> None:
            self.rows += 1

        def finalize(self) -> int:
            return self.rows

    db.create_aggregate("path_string", 1, Rows)
    db.execute("CREATE TRIGGER t AFTER INSERT ON c BEGIN UPDATE plain SET a = (SELECT path_string(b) FROM users); END")
    db.execute("INSERT INTO c VALUES (7)")
    assert db.execute("SELECT DISTINCT a FROM plain").fetchall() == [(12,)]


def test_where_the_order_is_lost(db: skysql.Connection) -> None:
    """A name of the view's means something else where it is read; a trigger, which no scan answers."""
    db.execute("CREATE VIEW v AS SELECT object_id, path_string(action) AS p FROM users WHERE a = 0 OR b = 1 GROUP BY 1")
    assert db.execute("SELECT p FROM v").fetchall() == [("x > y > u > w",)] * 2
    with pytest.raises(skysql.NotSupportedError, match="'users' has two meanings"):
        db.execute("WITH users AS (SELECT 1) SELECT * FROM v")
    trigger = "CREATE TRIGGER {} AFTER INSERT ON c BEGIN INSERT INTO plain(action) SELECT {} FROM users WHERE a = 0 OR b = 1 GROUP BY object_id; END"  # noqa: E501
    db.execute(trigger.format("ordered", "path_string(action ORDER BY ts, action)"))
    db.execute("INSERT INTO c VALUES (7)")
    assert db.execute("SELECT action FROM plain WHERE ts IS NULL").fetchall() == [("x > y > u > w",)] * 2
    db.execute(trigger.format("unordered", "path_string(action)"))
    with pytest.raises(skysql.ProgrammingError, match="ORDER BY ts"):
        db.execute("INSERT INTO c VALUES (8)")
    db.execute("DROP TRIGGER unordered")
    with pytest.raises(skysql.NotSupportedError, match="cannot read view 'v'.*ORDER BY ts"):
        db.execute("CREATE TRIGGER views AFTER INSERT ON c BEGIN INSERT INTO plain(action) SELECT p FROM v; END")
    either = trigger.format("timed", "path_string(action, '', 0, ts)").replace("a = 0 OR b = 1", "(ts = 0 OR ts = 1)")
    db.execute(either)
    with pytest.raises(skysql.ProgrammingError, match="ORDER BY ts"):
        db.execute("INSERT INTO c VALUES (9)")


def test_without_the_rewriter_a_call_says_its_order(db: skysql.Connection) -> None:
    """Which SQLite itself obeys, whatever way it reads the rows."""
    for where, path in (("a = 0 OR b = 1", "x > y > u > w"), ("ts = 2 OR ts = 0", "x > y > v > w")):
        sql = f"SELECT path_string(action ORDER BY ts, rowid) FROM users WHERE {where} GROUP BY object_id"
        assert db.sqlite.execute(f"{sql} ORDER BY object_id DESC").fetchall() == [(path,)] * 2


@pytest.mark.parametrize("call", ["window_funnel('x', ts, a)", "path_string(action, 1)"])
def test_a_wrong_call_without_groups(db: skysql.Connection, call: str) -> None:
    db.engine.pushdown = False
    for table in ("users", "plain"):
        with pytest.raises(skysql.ProgrammingError):
            db.execute(f"SELECT {call} FROM {table}").fetchall()


@pytest.mark.parametrize("rest, sorts", [("object_id DESC, ts DESC", False), ("object_id DESC", True)])
def test_a_descending_order_is_by_object_and_time(db: skysql.Connection, rest: str, sorts: bool) -> None:
    steps = str(db.execute(f"EXPLAIN QUERY PLAN SELECT object_id, action FROM users ORDER BY {rest}").fetchall())
    assert ("TEMP B-TREE" in steps) == sorts
    grouped = f"SELECT object_id, ts, group_concat(action) FROM users GROUP BY object_id, ts ORDER BY {rest}"
    db.engine.pushdown = False
    assert db.execute(grouped).fetchall()[0][2] in ("v,w", "x,y")


def test_events_of_one_time_are_not_turned_round(connect: Connect) -> None:
    """Read from the end, they come in the order of arrival, as SQLite's own sorting leaves them."""
    rng = random.Random(3)
    db = connect()
    events = fill(db, rng)
    for where, meets in CONDITIONS[:1] + [("ts < 4", lambda e: e.ts < 4), ("object_id = 1", lambda e: e.object == 1)]:
        expected = sorted(filter(meets, events), key=lambda e: (-e.object, -e.ts))
        found = db.execute(f"SELECT object_id, ts, action, a, b FROM users WHERE {where} ORDER BY 1 DESC, 2 DESC")
        assert found.fetchall() == expected
