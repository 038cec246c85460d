"""Functions over a path: over many runs at once, and as aggregates of SQL, against paths_oracle.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

import skysql
from skysql.engine.path_functions import is_true
from skysql.functions import FUNCTIONS, links
from tests.conftest import Connect
from tests.world import paths_oracle as oracle
from tests.world.runs import COMBINATIONS, Rows, met, paths, run, time

# window_funnel


@pytest.mark.parametrize("modes", COMBINATIONS, ids="+".join)
def test_funnels(modes: tuple[str, ...]) -> None:
    for seed in range(40):
        rng = random.Random(seed)
        steps = rng.randint(1, 5)
        made = paths(rng, rng.choice([1, 5, 100]), rng.choice([4, 8, 14]), steps)
        window = rng.choice([0, 1, 3, 10, 1000])
        expected = [oracle.window_funnel(path, window, set(modes), steps) for path in made]
        assert run("window_funnel", [window, *modes, time, *met(steps)], made) == expected, f"seed {seed}"


def test_the_order_of_events_of_one_time_is_nothing_to_funnels_and_retention() -> None:
    """But where `ordered` says that it may be something."""
    for seed, modes in enumerate(COMBINATIONS * 10):
        rng = random.Random(seed)
        made = [[row for row in path if row[0] is not None] for path in paths(rng, 40, 12, 3)]
        other = [rng.sample(path, len(path)) for path in made]
        for name, arguments in (("window_funnel", [rng.randint(0, 9), *modes, time, *met(3)]), ("retention", met(3))):
            if FUNCTIONS[name].ordered([argument for argument in arguments if not callable(argument)]):
                continue
            assert run(name, arguments, made) == run(name, arguments, other), f"seed {seed}"


@pytest.mark.parametrize("modes", [(), ("strict_once",), ("strict_order", "strict_deduplication")], ids="+".join)
def test_one_huge_path_and_many_tiny_ones(modes: tuple[str, ...]) -> None:
    for seed, lengths in enumerate([[30_000], [1] * 3000 + [0, 2, 5000, 0, 1]]):
        rng = random.Random(seed)
        made: list[Rows] = [
            [(at, [rng.random() < share for share in (0.01, 0.2, 0.002, 0.3)]) for at in range(length)]
            for length in lengths
        ]
        expected = [oracle.window_funnel(path, 40, set(modes), 4) for path in made]
        assert run("window_funnel", [40, *modes, time, *met(4)], made) == expected


def test_a_funnel_of_events_that_count_once_is_not_exponential() -> None:
    """A thousand events at one moment that meet every one of 32 conditions, but only 31 events come at the next."""
    everything: list[bool | None] = [True] * 32
    path: Rows = [(0, everything)] * 1000
    assert run(
        "window_funnel", [10, "strict_once", time, *met(32)], [path, path[:20], path[:20] + [(5, everything)]]
    ) == [
        32,
        20,
        21,
    ]
    assert run("window_funnel", [10, "strict_once", "strict_deduplication", time, *met(32)], [path]) == [2]


def rows(text: str) -> Rows:
    """'A1 AB2 -3': an event of conditions 1 at time 1, of 1 and 2 at time 2, of none at 3."""
    return [(int(word.lstrip("ABCD-")), [letter in word for letter in "ABCD"]) for word in text.split()]


FUNNELS = [
    # (events, modes, window, level)
    ("", "", 10, 0),
    ("B1 C2 D3", "", 10, 0),
    ("A0 B5 C10", "", 10, 3),
    ("A0 B5 C11", "", 10, 2),
    ("A0 B0", "", 0, 2),
    ("A0 B5 A6 C11 B12 C16", "", 10, 3),  # the later start has time left
    ("B1 A1", "", 10, 2),  # at one time, in the order of the steps
    ("AB1", "", 10, 2),
    ("AB1", "strict_once", 10, 1),
    ("AB1 AB1", "strict_once", 10, 2),
    ("AB1", "strict_increase", 10, 1),
    ("A1 A2 B2", "strict_increase", 10, 1),  # only the last A is looked at
    ("A1 A2 B2", "strict_increase strict_once", 10, 2),
    ("A1 B2 B3 C4", "strict_deduplication", 10, 2),
    ("A1 A2 B3 C4", "strict_deduplication", 10, 3),  # the first step may come again
    ("A1 B2 -3 C4", "strict_order", 10, 2),
    ("-1 A1 B2 C3", "strict_order", 10, 3),
    ("A1 C2 B3", "strict_order", 10, 1),
    ("A1 C2 B3 C4", "strict_order allow_reentry", 10, 3),
    ("A1 B2 A3 C4", "strict_order", 10, 3),
]


@pytest.mark.parametrize(("events", "modes", "window", "level"), FUNNELS)
def test_corners_of_funnels(events: str, modes: str, window: int, level: int) -> None:
    path = rows(events)
    assert oracle.window_funnel(path, window, set(modes.split()), 4) == level
    assert run("window_funnel", [window, *modes.split(), time, *met(4)], [path]) == [level]


# sequences

PATTERNS = [
    "(?1)", ".", "(?1)(?2)", "(?1).*(?2)", "(?2).(?1)", "(?1)..*(?2)", "(?1).*(?1).*(?1)", "(?1)(?2)(?3).*(?1)",
    ".(?2).", "(?1)(?t<=3)(?2)", "(?1).*(?t<=3)(?2)", "(?1)(?t<=3).*(?2)", "(?1)(?t<2).(?2)", "(?1)(?t>=2)(?2)",
    "(?1)(?t>2)(?2)(?t<4)(?3)", "(?1)(?t==2)(?2)", "(?1)(?t!=2)(?2)", "(?1)(?t!=0)(?t!=1)(?t<5)(?2)",
    "(?1)(?t>=1)(?t<=2)(?2)(?3)", "(?1)(?t>5)(?t<3)(?2)", ".*(?3)(?2).*", "(?1)(?t==0)(?1)(?t==0)(?1)",
    "(?1)(?t!=1)(?2)(?t!=1)(?3)(?t!=1)(?1)", "(?1).*(?2)(?3).*(?1)(?t<9)(?2)",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_sequences(pattern: str) -> None:
    for seed in range(40):
        rng = random.Random(seed)
        made = paths(rng, rng.choice([1, 10, 150]), rng.choice([4, 8, 12]), 3)
        for name in ("sequence_match", "sequence_count", "sequence_match_events"):
            expected = [getattr(oracle, name)(path, pattern) for path in made]
            assert run(name, [pattern, time, *met(3)], made) == expected, f"{name}, seed {seed}"


@pytest.mark.parametrize("pattern", ["(?1).*(?2)", "(?1)(?t<=3)(?2).*(?3)", "(?1).*(?1)", "(?1)(?2)"])
def test_sequences_in_one_huge_path_and_many_tiny_ones(pattern: str) -> None:
    rng = random.Random(7)
    made = [[(at, [rng.random() < 0.3 for _ in range(3)]) for at in range(n)] for n in [3000, 0, *[2] * 2000, 500, 1]]
    expected = [oracle.sequence_count(path, pattern) for path in made]
    assert run("sequence_count", [pattern, time, *met(3)], made) == expected


@pytest.mark.parametrize(
    "pattern", [".*".join(["(?1)"] * 200) + ".*(?2)", "(?1)(?t>=0)" * 25 + "(?2)", "." * 30 + "(?2)"]
)
def test_a_pattern_on_which_backtracking_explodes(pattern: str) -> None:
    path: Rows = [(at, [True, False]) for at in range(20_000)]
    assert run("sequence_match", [pattern, time, *met(2)], [path]) == [0]
    assert run("sequence_count", [pattern, time, *met(2)], [path]) == [0]
    assert run("sequence_count", [pattern, time, *met(2)], [[*path, (20_000, [False, True])]]) == [1]


REFUSED = [
    ("(?1)x", "does not parse at character 5: (?1) HERE>> x"),
    ("(?1)(?", "does not parse at character 5: (?1) HERE>> (?"),
    ("(?1)(?t=5)(?2)", "does not parse at character 5: (?1) HERE>> (?t=5)(?2)"),
    ("(?1)(?3)", "asks for condition 3 at character 5: (?1) HERE>> (?3) (there are 2 conditions"),
    ("(?0)", "asks for condition 0 at character 1"),
    ("", "has no event in it"),
    (".*", "has no event in it"),
    ("(?t<5)(?1)", "has a time without an event before it at character 1"),
    ("(?1).*(?t<5).*", "has a time without an event after it at character 7: (?1).* HERE>> (?t<5).*"),
    ("(?1)(?t<'5 apples')(?2)", "has a time that is no duration at character 9: (?1)(?t< HERE>> '5 apples')(?2)"),
]


@pytest.mark.parametrize(("pattern", "message"), REFUSED)
def test_a_pattern_that_does_not_parse(connect: Connect, pattern: str, message: str) -> None:
    with pytest.raises(skysql.ProgrammingError) as error:
        connect().execute("SELECT sequence_match(?, 1, 1, 0)", (pattern,)).fetchall()
    assert message in str(error.value)


# the others


def test_retention() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        conditions = rng.choice([1, 3, 32])
        made = paths(rng, rng.choice([1, 50]), 6, conditions)
        known = [[(0, row) for _, row in path] for path in made]
        expected = [oracle.retention([row for _, row in path], conditions) for path in known]
        assert run("retention", met(conditions), known) == expected, f"seed {seed}"


@pytest.mark.parametrize(
    ("direction", "base"),
    [("forward", b) for b in ("head", "first_match", "last_match")]
    + [("backward", b) for b in ("tail", "first_match", "last_match")],
)
def test_next_nodes(direction: str, base: str) -> None:
    for seed in range(60):
        rng = random.Random(seed)
        conditions = rng.randint(base.endswith("match"), 3)
        words = rng.choice([["a", "b", 1, None], [1, 2, 3, None], [4, 5]])
        made = [
            [(at, rng.choice(words), rng.choice([True, False, None, True]), one) for at, one in path]
            for path in paths(rng, rng.choice([1, 60]), 7, max(conditions, 1))
        ]
        expected = [oracle.sequence_next_node(path, direction, base, conditions) for path in made]
        arguments = [direction, base, time, lambda row: row[1], lambda row: row[2], *met(conditions)]
        assert run("sequence_next_node", arguments, made) == expected, f"seed {seed}"


@pytest.mark.parametrize(("direction", "base"), [("forward", "head"), ("forward", "first_match"), ("backward", "tail")])
def test_next_nodes_behind_many_conditions(direction: str, base: str) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        conditions = rng.randint(33, 64)
        made = [
            [(at, at, True, [rng.random() < 0.995 for _ in range(conditions)]) for at in range(rng.randint(30, 70))]
            for _ in range(rng.choice([1, 20]))
        ]
        expected = [oracle.sequence_next_node(path, direction, base, conditions) for path in made]  # type: ignore[arg-type]
        arguments = [direction, base, time, lambda row: row[1], lambda row: row[2], *met(conditions)]
        assert run("sequence_next_node", arguments, made) == expected, f"seed {seed}"


def states(rng: random.Random, count: int) -> list[list[tuple[int | None, Any]]]:
    values = rng.choice([["free", "pro", None], [1, 1.0, "1", 2.5], [1, 2, None], [1, 2**60], ['é"x', None]])
    times = [None, *range(0, 100_000_000, rng.choice([1_000_000, 7_300_001, 30_000_000]))]
    return [[(rng.choice(times), rng.choice(values)) for _ in range(rng.randint(0, 7))] for _ in range(count)]


def test_states_over_time() -> None:
    for seed in range(80):
        rng = random.Random(seed)
        made = states(rng, rng.choice([1, 40]))
        end = rng.choice([None, 0, 50_000_000, 10**15])
        last = [] if end is None else [end]
        for value in ("free", None, 1, "1"):
            expected: Any = [oracle.duration_in(path, value, end) for path in made]
            assert run("duration_in", [lambda row: row[1], value, time, *last], made) == expected, f"seed {seed}"
        expected = [oracle.state_timeline(path, end) for path in made]
        assert run("state_timeline", [lambda row: row[1], time, *last], made) == expected, f"seed {seed}"


def test_durations_between_the_ends_of_time() -> None:
    end = (1 << 62) - 1
    for seed in range(40):
        rng = random.Random(seed)
        times = [-end, 1 - end, -(1 << 61), -1, 0, 7, 1 << 61, end - 1, end]
        made = [[(rng.choice(times), rng.choice("ab")) for _ in range(rng.randint(0, 5))] for _ in range(20)]
        last: list[int] = rng.choice([[], [0], [10**15], [-(10**15)]])
        expected = [oracle.duration_in(path, "a", *(last or [None])) for path in made]  # type: ignore[arg-type]
        found = run("duration_in", [lambda row: row[1], "a", time, *last], made)
        assert found == [each if each is None else pytest.approx(each, rel=4e-16) for each in expected], f"seed {seed}"


def test_path_strings() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        words = rng.choice([["a", "b", None], ["a", 1, "1", 1.0, b"b"], [1, 2, None], [None]])
        made = [[(at, rng.choice(words)) for at in range(rng.randint(0, 7))] for _ in range(rng.choice([1, 40]))]
        separator, collapse = rng.choice([" > ", "", ","]), rng.random() < 0.5
        expected = [oracle.path_string(path, separator, collapse, False) for path in made]
        assert run("path_string", [lambda row: row[1], separator, int(collapse)], made) == expected, f"seed {seed}"


# as aggregates of SQL


@pytest.fixture
def table(connect: Connect) -> tuple[Any, list[tuple[Any, ...]]]:
    """An ordinary table of paths g with rows in order of arrival n, and its rows; and `sky`, with those of a time."""
    db = connect()
    rng = random.Random(11)
    rows = []
    for g in range(1, 120):
        for n, (at, conditions) in enumerate(paths(rng, 1, 10, 3)[0]):
            rows.append((g, n, at, *conditions, rng.choice(["a", "b", "c", None])))
    db.execute("CREATE TABLE t(g, n, ts, c1, c2, c3, v, PRIMARY KEY(g, n)) WITHOUT ROWID")
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute("CREATE VIRTUAL TABLE sky USING sky(c1 BOOLEAN, c2 BOOLEAN, c3 BOOLEAN, v TEXT STATE)")
    db.execute(
        "INSERT INTO sky(object_id, timestamp, action, c1, c2, c3, v) "
        "SELECT g, ts, 'x', c1, c2, c3, coalesce(v, 'b') FROM t WHERE ts IS NOT NULL"
    )
    return db, rows


CALLS: list[tuple[str, Callable[[list[Any]], Any]]] = [
    ("window_funnel(4, ts, c1, c2, c3)", lambda r: oracle.window_funnel(timed(r), 4, set(), 3)),
    (
        "window_funnel(4, 'strict_order', 'strict_once', ts, c1, c2)",
        lambda r: oracle.window_funnel(timed(r, 2), 4, {"strict_order", "strict_once"}, 2),
    ),
    ("sequence_match('(?1).*(?2)', ts, c1, c2)", lambda r: oracle.sequence_match(timed(r, 2), "(?1).*(?2)")),
    (
        "sequence_count('(?1)(?t<=3)(?2)', ts, c1, c2, c3)",
        lambda r: oracle.sequence_count(timed(r), "(?1)(?t<=3)(?2)"),
    ),
    ("sequence_match_events('(?1)(?3)', ts, c1, c2, c3)", lambda r: oracle.sequence_match_events(timed(r), "(?1)(?3)")),
    ("retention(c1, c2, c3)", lambda r: oracle.retention([list(row[3:6]) for row in r], 3)),
    (
        "sequence_next_node('forward', 'first_match', ts, v, 1, c1)",
        lambda r: oracle.sequence_next_node([(x[2], x[6], True, [x[3]]) for x in r], "forward", "first_match", 1),
    ),
    ("duration_in(v, 'a', ts, 100)", lambda r: oracle.duration_in([(row[2], row[6]) for row in r], "a", 100)),
    ("state_timeline(v, ts)", lambda r: oracle.state_timeline([(row[2], row[6]) for row in r], None)),
    ("path_string(v, '-', 0, ts)", lambda r: oracle.path_string([(row[2], row[6]) for row in r], "-", False, True)),
    ("path_string(v)", lambda r: oracle.path_string([(row[2], row[6]) for row in r], " > ", False, False)),
]


def timed(rows: list[Any], conditions: int = 3) -> Rows:
    return [(row[2], list(row[3 : 3 + conditions])) for row in rows]


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=[call for call, _ in CALLS])
def test_aggregates_of_ordinary_tables(table: Any, call: str, expected: Callable[[list[Any]], Any]) -> None:
    db, rows = table
    groups: dict[int, list[Any]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    found = db.execute(f"SELECT g, {call} FROM t GROUP BY g").fetchall()
    answers = {g: expected(group) for g, group in groups.items()}
    if "ts" in call:  # a path none of whose rows has a time is as one without rows
        nothing = FUNCTIONS[call.split("(")[0]].nothing
        answers = {g: answer if any(r[2] is not None for r in groups[g]) else nothing for g, answer in answers.items()}
    assert dict(found) == answers


@pytest.mark.parametrize("call", [call for call, _ in CALLS if "path_string(v)" not in call])
def test_a_sky_table_has_the_answers_of_an_ordinary_one(table: Any, call: str) -> None:
    db, _ = table
    db.execute("CREATE TABLE plain AS SELECT object_id, ts, timestamp, c1, c2, c3, v FROM sky")
    of_texts = call.replace("ts,", "timestamp,").replace("ts)", "timestamp)")
    of_texts = of_texts.replace("window_funnel(4", "window_funnel('4 us'").replace("?t<=3", "?t<=''3 us''")
    for text in (call, of_texts):
        ordinary = db.execute(f"SELECT object_id, {text} FROM plain GROUP BY object_id ORDER BY 1").fetchall()
        assert db.execute(f"SELECT object_id, {text} FROM sky GROUP BY object_id ORDER BY 1").fetchall() == ordinary


def test_without_rows(connect: Connect) -> None:
    row = (
        connect()
        .execute(
            """SELECT window_funnel(9, ts, c), sequence_match('.', ts, c), sequence_count('.', ts, c),
            sequence_match_events('.', ts, c), retention(c, c), sequence_next_node('forward', 'head', ts, c, c),
            duration_in(c, 1, ts), state_timeline(c, ts), path_string(c) FROM (SELECT 1 AS ts, 1 AS c) WHERE ts = 2"""
        )
        .fetchone()
    )
    assert row == (0, 0, 0, "[]", None, None, None, "[]", None)
    for (name, function), value in zip(FUNCTIONS.items(), row, strict=True):
        assert function.nothing == value, name


def test_times_and_windows_may_be_texts(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE TABLE t(ts, a)")
    db.executemany(
        "INSERT INTO t VALUES (?, ?)", [("2026-01-08T00:00Z", "b"), ("2026-01-01", "a"), ("2026-01-08 12:00", "c")]
    )
    call = "SELECT window_funnel(?, ts, a = 'a', a = 'b', a = 'c') FROM t"
    assert db.execute(call, ("7 days",)).fetchone() == (2,)
    assert db.execute(call, ("7 days 12 hours",)).fetchone() == (3,)
    assert db.execute(call, ("604800000000 us",)).fetchone() == (2,)
    assert db.execute(call, (0,)).fetchone() == db.execute(call, ("0 seconds",)).fetchone() == (1,)
    count = "SELECT sequence_count('(?1)(?t<=''1 week'')(?2)', ts, a = 'a', a = ?) FROM t"
    assert db.execute(count, ("b",)).fetchone() == (1,)
    assert db.execute(count, ("c",)).fetchone() == (0,)


@pytest.mark.parametrize("source", ["sky", "plain"])
def test_a_window_needs_a_unit_where_times_are_timestamps(connect: Connect, source: str) -> None:
    """86400 would be 86 milliseconds of a day; where times are integers, it is in their unit."""
    db = connect()
    db.execute("CREATE VIRTUAL TABLE sky USING sky(n INTEGER)")
    db.execute("INSERT INTO sky(object_id, ts, action, n) VALUES (1, 0, 'a', 0), (1, 3600000000, 'b', 3600)")
    db.execute("CREATE TABLE plain AS SELECT object_id, ts, timestamp, action, n FROM sky")

    def asked(call: str) -> Any:
        return db.execute(f"SELECT {call} FROM {source} GROUP BY object_id").fetchone()[0]

    with pytest.raises(skysql.ProgrammingError, match="'86400 seconds', or '86400 microseconds'"):
        asked("window_funnel(86400, timestamp, action = 'a', action = 'b')")
    with pytest.raises(skysql.ProgrammingError, match="'5 seconds'.*, or .*'5 microseconds'"):
        asked("sequence_match('(?1)(?t>5)(?2)', timestamp, action = 'a', action = 'b')")
    assert asked("window_funnel('1 day', timestamp, action = 'a', action = 'b')") == 2
    assert asked("window_funnel('86400 us', timestamp, action = 'a', action = 'b')") == 1
    assert asked("window_funnel(86400, ts, action = 'a', action = 'b')") == 1
    assert asked("window_funnel(86400, n, action = 'a', action = 'b')") == 2
    assert asked("window_funnel('0 seconds', timestamp, action = 'a', action IN ('a', 'b'))") == 2
    assert asked("sequence_match('(?1)(?t<=''0 seconds'')(?2)', timestamp, action = 'a', action = 'b')") == 0


@pytest.mark.parametrize("pushdown", [True, False])
def test_times_at_the_ends_of_what_there_is(connect: Connect, pushdown: bool) -> None:
    """Times lie between -2^62 and 2^62; no difference of two leaves 64 bits, and no window is too short for it."""
    db = connect(pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE sky USING sky(n INTEGER)")
    end = (1 << 62) - 1
    rows = [(1, 0, "a", -end), (1, 1, "b", end)]
    db.executemany("INSERT INTO sky(object_id, ts, action, n) VALUES (?, ?, ?, ?)", rows)
    met = "n, action = 'a', action = 'b'"
    calls = {
        "duration_in(action, 'a', n)": (2 * end) / 1e6,
        f"window_funnel(100, {met})": 1,
        f"window_funnel({1 << 62}, {met})": 1,
        f"window_funnel({2 * end - 1}, {met})": 1,
        f"window_funnel({2 * end}, {met})": 2,
        f"sequence_match('(?1).*(?2)', {met})": 1,
        f"sequence_count('(?1).*(?2)', {met})": 1,
        f"sequence_count('(?1)(?t<={1 << 62})(?2)', {met})": 0,
        f"sequence_count('(?1)(?t>={2 * end})(?2)', {met})": 1,
        f"sequence_match('(?1)(?t>{2 * end})(?2)', {met})": 0,
        f"sequence_match('(?1)(?t>{'9' * 5000})(?2)', {met})": 0,
        f"sequence_match('(?1)(?t<{'9' * 5000})(?2)', {met})": 1,
    }
    for call, expected in calls.items():
        assert db.execute(f"SELECT {call} FROM sky GROUP BY object_id").fetchone()[0] == expected, call[:60]
    for beyond in (1 << 62, -1 << 62):
        db.execute("UPDATE sky SET n = ? WHERE ts = 1", (beyond,))
        with pytest.raises(skysql.DataError, match=r"is no time .*between -2\^62 and 2\^62"):
            db.execute("SELECT duration_in(action, 'a', n) FROM sky GROUP BY object_id").fetchall()


def test_sequence_next_node_takes_64_conditions(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE TABLE t(i)")
    db.executemany("INSERT INTO t VALUES (?)", [(at,) for at in range(1, 71)])
    met = [f"i = {at}" for at in range(1, 66)]
    asked = "SELECT sequence_next_node('forward', 'head', i, i, 1, {}) FROM t"
    assert db.execute(asked.format(", ".join(met[:64]))).fetchone() == (65,)
    with pytest.raises(skysql.ProgrammingError, match="with 65 conditions, and it takes 64 at the most"):
        db.execute(asked.format(", ".join(met)))


def test_truth_is_sqlite_s(connect: Connect) -> None:
    values = [
        None,
        0,
        1,
        -1,
        0.0,
        0.5,
        "",
        "0",
        "1",
        "abc",
        "1x",
        " 2",
        "-0.0",
        "0x10",
        ".5",
        "1e-400",
        "+3",
        b"",
        b"1",
        b"0",
    ]
    for value in [*values, float("inf"), "9e999", "٣"]:
        truth = connect().execute("SELECT CASE WHEN ? THEN 1 ELSE 0 END", (value,)).fetchone()[0]
        assert is_true(value) == truth, repr(value)


BAD_CALLS = [
    ("window_funnel(10)", skysql.ProgrammingError, "with 1 argument, which is too few"),
    ("window_funnel(10, 'strict_order', ts)", skysql.ProgrammingError, "with 3 arguments, which is too few"),
    (f"window_funnel(10, ts{', 1' * 33})", skysql.ProgrammingError, "33 conditions, and it takes 32"),
    ("window_funnel('7 dags', ts, 1)", skysql.ProgrammingError, "the window cannot be '7 dags'"),
    ("window_funnel(-1, ts, 1)", skysql.ProgrammingError, "the window cannot be -1"),
    ("window_funnel('10', ts, 1)", skysql.ProgrammingError, "the window cannot be '10'"),
    ("window_funnel(NULL, ts, 1)", skysql.ProgrammingError, "the window cannot be None"),
    ("window_funnel(ts, ts, 1)", skysql.ProgrammingError, "argument 1 has to be a constant"),
    ("window_funnel(10, 'strict_oder', ts, 1)", skysql.ProgrammingError, "did you mean 'strict_order'?"),
    ("window_funnel(10, 'strict', ts, 1)", skysql.ProgrammingError, "write 'strict_deduplication'"),
    ("window_funnel(10, 'allow_reentry', ts, 1)", skysql.ProgrammingError, "add 'strict_order'"),
    ("window_funnel(10, ts + 0.5, 1)", skysql.DataError, "1.5 is no time"),
    ("window_funnel(10, x'00', 1)", skysql.DataError, "is no time"),
    ("window_funnel(10, ts * 9223372036854775807, 1)", skysql.DataError, "9223372036854775807 is no time"),
    ("sequence_count(1, ts, 1)", skysql.ProgrammingError, "the pattern has to be a text"),
    (f"sequence_count('.', ts{', 1' * 33})", skysql.ProgrammingError, "33 conditions"),
    ("retention()", skysql.ProgrammingError, "needs a condition at least"),
    (f"retention(1{', 1' * 32})", skysql.ProgrammingError, "33 conditions"),
    ("sequence_next_node('foward', 'head', ts, 1, 1)", skysql.ProgrammingError, "did you mean 'forward'?"),
    (
        "sequence_next_node('forward', 'tail', ts, 1, 1)",
        skysql.ProgrammingError,
        "one of head, first_match, last_match",
    ),
    ("sequence_next_node('forward', 'last_match', ts, 1, 1)", skysql.ProgrammingError, "needs a condition after"),
    ("duration_in(1, ts, ts)", skysql.ProgrammingError, "argument 2 has to be a constant"),
    ("duration_in(1, 1, ts, 'soon')", skysql.DataError, "'soon' is not a timestamp"),
    ("state_timeline(x'00', ts)", skysql.DataError, "a BLOB cannot be written as JSON"),
    ("state_timeline(1, ts, ts, 1)", skysql.ProgrammingError, "with 4 arguments, which is too many"),
    ("path_string(1, 2)", skysql.ProgrammingError, "the separator has to be a text"),
    ("path_string(1, ',', 2)", skysql.ProgrammingError, "collapse is 0 or 1"),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD_CALLS, ids=[call[:60] for call, _, _ in BAD_CALLS])
def test_bad_calls(connect: Connect, call: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        connect().execute(f"SELECT {call} FROM (SELECT 1 AS ts UNION ALL SELECT 2)").fetchall()
    assert message in str(error.value)


def test_a_long_pattern_is_not_tried_at_each_of_its_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    matches = links.matches

    def counted(starts: Any, ts: Any, candidates: Any, *rest: Any) -> Any:
        tried.append(len(candidates))
        return matches(starts, ts, candidates, *rest)

    monkeypatch.setattr(links, "matches", counted)
    db = skysql.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE e USING sky(n INTEGER)")
    events = [(at, ts) for at in (1, 2) for ts in range(at * 2)]
    db.executemany("INSERT INTO e(object_id, ts, action) VALUES (?, ?, 'view')", events)
    ask = "SELECT sequence_match_events(?, ts, action = 'view') FROM e GROUP BY object_id ORDER BY object_id"
    assert db.execute(ask, ["(?1)" * 500]).fetchall() == [("[0,1]",), ("[0,1,2,3]",)]
    assert len(tried) < 60
    assert db.execute(ask, ["(?1)." + "(?1)" * 2 + "." * 500]).fetchall() == [("[0]",), ("[0,2,3]",)]
    db.close()
