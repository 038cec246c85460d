"""Functions over a path against ClickHouse's own, over thousands of random paths; and where they are meant to differ.

Marked `peer`, and skipped without chdb (the extra [bench]).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Connect
from tests.world.runs import COMBINATIONS, Rows, met, paths, run, time

chdb = pytest.importorskip("chdb")

pytestmark = pytest.mark.peer

PATHS = 2000
SETTINGS = "SETTINGS allow_experimental_funnel_functions = 1, max_threads = 1, input_format_parallel_parsing = 0"


class ClickHouse:
    """Paths with conditions c1, c2, ..., a value v and a base condition b, as a table of ClickHouse's."""

    def __init__(self, file: Path, made: list[Rows], seed: int, conditions: int) -> None:
        rng = random.Random(seed)
        self.rows = [
            [(at, rng.choice(["x", "y", "z", None]), rng.random() < 0.7, met) for at, met in path] for path in made
        ]
        with file.open("w") as lines:
            for group, path in enumerate(self.rows):
                for at, value, base, conditions_met in path:
                    numbers = map(str, (group, at, int(base), *map(int, conditions_met)))
                    lines.write("\t".join([*numbers, "\\N" if value is None else value]) + "\n")
        columns = [f"c{number} UInt8" for number in range(1, conditions + 1)]
        structure = ", ".join(["g UInt32", "ts UInt64", "b UInt8", *columns, "v Nullable(String)"])
        self.source = f"file('{file}', 'TSV', '{structure}')"

    def answers(self, *calls: str) -> list[list[Any]]:
        """For each call its value for each path that has rows."""
        text = f"SELECT {', '.join(calls)} FROM {self.source} GROUP BY g ORDER BY g {SETTINGS}"
        rows = [json.loads(line) for line in str(chdb.query(text, "JSONCompactEachRow")).splitlines()]
        return [list(column) for column in zip(*rows, strict=True)]


@pytest.fixture(scope="module", params=["together", "apart"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """(ClickHouse, paths): of three conditions, without NULLs; with events at the same time, or without."""
    rng = random.Random(request.param)
    made: list[Rows] = []
    while len(made) < PATHS:
        for path in paths(rng, 20, 10, 3):
            known = [(at, [bool(one) for one in conditions]) for at, conditions in path if at is not None]
            if request.param == "apart":
                times = rng.sample(range(60), len(known))
                known = [(at, conditions) for at, (_, conditions) in zip(times, known, strict=True)]
            if known:
                made.append(known)  # type: ignore[arg-type]
    file = tmp_path_factory.mktemp("peer") / "paths.tsv"
    yield ClickHouse(file, made, 1, 3), made, request.param


def test_window_funnel(world: Any) -> None:
    peer, made, _ = world
    questions = [(modes, window, steps) for modes in COMBINATIONS for window, steps in ((0, 2), (2, 3), (9, 3), (5, 1))]
    calls = [
        f"windowFunnel({', '.join([str(window), *map(repr, modes)])})(ts{''.join(f', c{i + 1}' for i in range(steps))})"
        for modes, window, steps in questions
    ]
    for call, (modes, window, steps), expected in zip(calls, questions, peer.answers(*calls), strict=True):
        assert run("window_funnel", [window, *modes, time, *met(steps)], made) == expected, call


PATTERNS = [
    "(?1)", ".", "(?1)(?2)", "(?1).*(?2)", "(?2).(?1)", "(?1)..*(?2)", "(?1).*(?1).*(?1)", "(?1)(?2)(?3).*(?1)",
    ".(?2).", "(?1)(?t<=3)(?2)", "(?1)(?t<2).(?2)", "(?1)(?t>=2)(?2)", "(?1)(?t>2)(?2)(?t<4)(?3)", "(?1)(?t==2)(?2)",
    ".*(?3)(?2).*", "(?1)(?t==0)(?1)(?t==0)(?1)", "(?1).*(?2)(?3).*(?1)(?t<9)(?2)", "(?1)(?t>=4)(?2)(?3)",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("sequence_match", "sequenceMatch"),
        ("sequence_count", "sequenceCount"),
        ("sequence_match_events", "sequenceMatchEvents"),
    ],
)
def test_sequences(world: Any, name: str, theirs: str) -> None:
    peer, made, _ = world
    answers = peer.answers(*(f"{theirs}('{pattern}')(ts, c1, c2, c3)" for pattern in PATTERNS))
    for pattern, expected in zip(PATTERNS, answers, strict=True):
        found = run(name, [pattern, time, *met(3)], made)
        if name == "sequence_match_events":
            found = [json.loads(times) for times in found]
            expected = [[int(at) for at in times] for times in expected]
        assert found == list(map(type(found[0]), expected)), pattern


def test_retention(world: Any) -> None:
    peer, made, _ = world
    for order in ([0, 1, 2], [2, 0], [1, 2, 0]):
        (expected,) = peer.answers(f"retention({', '.join(f'c{at + 1}' for at in order)})")
        found = run("retention", [met(3)[at] for at in order], made)
        assert [json.loads(text) for text in found] == expected


def test_sequence_next_node(world: Any) -> None:
    peer, _, kind = world
    if kind == "together":
        pytest.skip("there events at the same time are sorted by value")
    questions = [
        (direction, base, conditions)
        for direction, bases in (("forward", ["head"]), ("backward", ["tail"]))
        for base in [*bases, "first_match", "last_match"]
        for conditions in range(base.endswith("match"), 4)
    ]
    calls = [
        f"sequenceNextNode('{direction}', '{base}')(ts, v, b{''.join(f', c{i + 1}' for i in range(conditions))})"
        for direction, base, conditions in questions
    ]
    for call, question, expected in zip(calls, questions, peer.answers(*calls), strict=True):
        direction, base, conditions = question
        value: list[Callable[[Any], Any]] = [lambda row: row[1], lambda row: row[2]]
        found = run("sequence_next_node", [direction, base, time, *value, *met(conditions)], peer.rows)
        assert found == expected, call


# where they are meant to differ: (why, rows of (ts, v, c1, c2, c3), our call, our answer, their call, their answer)

ROWS_WITH_NULL = [(1, "x", 1, None, 0), (2, "y", None, 1, 0)]
BACKTRACKING = [*((at, "x", 1, 0, 0) for at in range(400)), (9999, "x", 0, 1, 0)]

DISAGREEMENTS = [
    (
        "a row in which a condition is NULL is not as if it were not there: NULL is not true, and that is all",
        ROWS_WITH_NULL,
        ("window_funnel(10, ts, c1, c2)", 2),
        ("windowFunnel(10)(ts, c1, c2)", None),
    ),
    (
        "the same",
        ROWS_WITH_NULL,
        ("sequence_count('(?1)(?2)', ts, c1, c2)", 1),
        ("sequenceCount('(?1)(?2)')(ts, c1, c2)", None),
    ),
    ("the same", ROWS_WITH_NULL, ("retention(c1, c2)", "[1,1]"), ("retention(c1, c2)", [0, 0])),
    (
        "a time after .* is from the event before the .*, not from the event that comes next, which is no bound at all",
        [(0, "x", 1, 0, 0), (100, "y", 0, 1, 0)],
        ("sequence_match('(?1).*(?t<=5)(?2)', ts, c1, c2)", 0),
        ("sequenceMatch('(?1).*(?t<=5)(?2)')(ts, c1, c2)", 1),
    ),
    (
        "and a time before .* is to the event after the .*, not to any between",
        [(0, "x", 1, 0, 0), (1, "y", 0, 0, 1), (100, "z", 0, 1, 0)],
        ("sequence_match('(?1)(?t<=5).*(?2)', ts, c1, c2, c3)", 0),
        ("sequenceMatch('(?1)(?t<=5).*(?2)')(ts, c1, c2, c3)", 1),
    ),
    (
        "several times hold together",
        [(0, "x", 1, 0, 0), (3, "y", 0, 1, 0)],
        ("sequence_match('(?1)(?t>=2)(?t<5)(?2)', ts, c1, c2)", 1),
        ("sequenceMatch('(?1)(?t>=2)(?t<5)(?2)')(ts, c1, c2)", "BAD_ARGUMENTS"),
    ),
    (
        "there is !=",
        [(0, "x", 1, 0, 0), (3, "y", 0, 1, 0)],
        ("sequence_match('(?1)(?t!=2)(?2)', ts, c1, c2)", 1),
        ("sequenceMatch('(?1)(?t!=2)(?2)')(ts, c1, c2)", "SYNTAX_ERROR"),
    ),
    (
        "no pattern is too difficult",
        BACKTRACKING,
        ("sequence_match('(?1)(?t<=999)(?1)(?t<=999)(?1)(?t<=5)(?2)', ts, c1, c2)", 0),
        ("sequenceMatch('(?1)(?t<=999)(?1)(?t<=999)(?1)(?t<=5)(?2)')(ts, c1, c2)", "TOO_SLOW"),
    ),
    (
        "events at the same time are in the order of the path, not of their values",
        [(0, "z", 1, 0, 0), (0, "b", 0, 0, 0), (0, "a", 0, 0, 0)],
        ("sequence_next_node('forward', 'head', ts, v, 1, c1)", "b"),
        ("sequenceNextNode('forward', 'head')(ts, assumeNotNull(v), 1, c1)", None),
    ),
    ("without rows there is nothing to say", [], ("retention(c1, c2)", None), ("retention(c1, c2)", [0, 0])),
]


@pytest.mark.parametrize(
    ("why", "rows", "ours", "theirs"), DISAGREEMENTS, ids=[ours[0] for _, _, ours, _ in DISAGREEMENTS]
)
def test_intended_disagreements(
    connect: Connect, tmp_path: Path, why: str, rows: list[Any], ours: tuple[str, Any], theirs: tuple[str, Any]
) -> None:
    db = connect()
    db.execute("CREATE TABLE t(ts, v, c1, c2, c3)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    assert db.execute(f"SELECT {ours[0]} FROM t").fetchone()[0] == ours[1], why
    file = tmp_path / "rows.tsv"
    file.write_text("".join("\t".join("\\N" if x is None else str(x) for x in row) + "\n" for row in rows))
    kind = "Nullable(UInt8)" if rows is ROWS_WITH_NULL else "UInt8"
    structure = f"ts UInt64, v Nullable(String), c1 {kind}, c2 {kind}, c3 {kind}"
    try:
        text = str(
            chdb.query(f"SELECT {theirs[0]} FROM file('{file}', 'TSV', '{structure}') {SETTINGS}", "JSONCompactEachRow")
        )
    except RuntimeError as error:
        assert theirs[1] in str(error)
    else:
        assert json.loads(text)[0] == theirs[1]
