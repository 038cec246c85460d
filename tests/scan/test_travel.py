"""Partials that come from another process, for shards or any other split by object, merge to the same result."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.arrays.vectors import Coded, Numbers
from skysql.errors import DataError, NotSupportedError
from skysql.plan.json import SCANS
from skysql.plan.path_scan import PathScan
from skysql.relations import results
from skysql.scan import travel
from skysql.scan.aggregates import AggregateFunctions, Inexact
from skysql.scan.bound import BoundScan
from skysql.scan.partials import Partial
from skysql.scan.scan import Scan
from skysql.store import compact, snapshot
from tests.world.partial_worker import SHARD_EVENTS

QUESTIONS = {
    "counts and sums": "SELECT plan, count(*), count(amount), sum(amount), total(n), avg(amount), sum(n) FROM users "
    "GROUP BY plan",
    "extremes": "SELECT plan, min(amount), max(note), min(timestamp), max(who), min(n) FROM users GROUP BY plan",
    "distinct": "SELECT count(DISTINCT plan), count(DISTINCT note), count(DISTINCT who), count(DISTINCT n % 3) "
    "FROM users",
    "by key": "SELECT who, count(*), sum(amount) FROM users GROUP BY who",
    "by key and state": "SELECT who, plan, action, median(amount), mode(note) FROM users GROUP BY who, plan, action",
    "by time": "SELECT date(timestamp), timestamp > '2024-01-03', count(*) FROM users GROUP BY 1, 2",
    "statistics": "SELECT note, stddev(amount), var_pop(n), corr(amount, n), percentile_cont(amount, 0.3), mode(n), "
    "mode(timestamp), median(n) FROM users GROUP BY note",
    "by SQLite": "SELECT plan, sum(amount || ''), group_concat(DISTINCT 'x'), count(DISTINCT amount || '') FROM users "
    "GROUP BY plan",
    "in the order of rows": "SELECT plan, group_concat(action), json_group_array(amount), group_concat(who || note) "
    "FROM users GROUP BY plan",
    "in the order of groups": "SELECT level, group_concat(who) FROM (SELECT who, window_funnel('2 days', ts, "
    "action = 'view', action = 'buy') AS level FROM users GROUP BY who) GROUP BY level",
    "more than 64 bits": "SELECT plan, avg(n * 3000000000000000), var_samp(n * 3000000000000000) FROM users "
    "GROUP BY plan",
    "over paths": "SELECT who, window_funnel('2 days', ts, action = 'view', action = 'buy'), path_string(action) "
    "FROM users GROUP BY who",
    "sessions": "SELECT plan, count(*), sum(duration), max(events) FROM users_sessions('6 hours') GROUP BY plan",
    "objects": "SELECT plan, count(*), max(last_timestamp) FROM users_objects GROUP BY plan",
    "changes": "SELECT property, new_value, count(*) FROM users_changes GROUP BY 1, 2",
    "groups of groups": "SELECT level, count(*), stddev(much) FROM (SELECT who, window_funnel('2 days', ts, "
    "action = 'view', action = 'buy') AS level, sum(amount) AS much FROM users GROUP BY who) GROUP BY level",
    "filters": "SELECT plan, count(*) FILTER (WHERE amount > 3), median(amount) FILTER (WHERE action = 'buy') "
    "FROM users WHERE n < 900 AND action <> 'view' GROUP BY plan",
    "no rows": "SELECT plan, count(*), sum(amount), mode(n) FROM users WHERE action = 'nothing' GROUP BY plan",
    "no rows and no keys": "SELECT count(*), sum(amount), total(n), min(note), mode(n), stddev(n) FROM users "
    "WHERE n > 5000",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[skysql.Connection]:
    """A file with several shards, and a log that nobody has compacted."""
    patch = pytest.MonkeyPatch()
    for module in (compact, snapshot):
        patch.setattr(module, "SHARD_EVENTS", SHARD_EVENTS)
    path = tmp_path_factory.mktemp("travel") / "events.db"
    db = skysql.connect(path)
    columns = "who TEXT OBJECT, plan TEXT STATE, amount REAL, n INTEGER, note TEXT"
    db.execute(f"CREATE VIRTUAL TABLE users USING sky({columns})")
    rng = random.Random(7)
    for piece in range(4):
        db.executemany(
            "INSERT INTO users(who, timestamp, action, plan, amount, n, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(f"user {rng.randrange(60)}", f"2024-01-0{rng.randint(1, 6)} 1{rng.randrange(10)}:00"),
                    *(rng.choice(["view", "buy", "leave"]), rng.choice([None, "free", "pro", "é" * 3])),
                    *(rng.choice([None, rng.uniform(-9, 9), 0.1]), rng.choice([None, rng.randrange(1000)])),
                    rng.choice([None, "", "a", "b", f"note {rng.randrange(30)}"]),
                )
                for _ in range(250)
            ],
        )
        db.commit()
        if piece < 3:
            db.compact()
    assert len(db.engine.snapshot("main", "users").shards()) > 4
    yield db
    db.close()
    patch.undo()


class Worker:
    """The other process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.world.partial_worker"]
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def messages(self, question: dict[str, Any]) -> list[bytes]:
        answer = self.ask(question)
        if "inexact" in answer:
            raise Inexact.at(Inexact(), answer["inexact"])
        return [b64decode(message) for message in answer["messages"]]

    def end(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    one = Worker()
    yield one
    one.end()


def asked(db: skysql.Connection, sql: str) -> tuple[PathScan, list[Any]]:
    """The only path scan of a statement, and its parameters."""
    found: list[tuple[PathScan, list[Any]]] = []
    with pytest.MonkeyPatch.context() as patch:

        def spy(bound: BoundScan, snapshot: Any, evaluator: Any, parameters: Any) -> Scan:
            found.append((bound.plan, list(parameters)))
            return Scan(bound, snapshot, evaluator, parameters)

        patch.setattr(results, "Scan", spy)
        db.execute(sql).fetchall()
    return found[0]


def rows(pieces: Iterator[list[list[Any]]]) -> list[str]:
    return [repr(row) for columns in pieces for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("seed, parts", [(0, 1), (1, 2), (2, 7), (3, 30)])
@pytest.mark.parametrize("sql", QUESTIONS.values(), ids=QUESTIONS)
def test_any_split_through_another_process(
    filled: skysql.Connection, worker: Worker, sql: str, seed: int, parts: int
) -> None:
    plan, parameters = asked(filled, sql)
    taken, evaluator = filled.engine.snapshot("main", "users"), filled.engine.evaluator
    bound = BoundScan(plan, taken.table, AggregateFunctions())
    expected = rows(Scan(bound, taken, evaluator, parameters).run())
    rng = random.Random(seed)
    path = filled.execute("PRAGMA database_list").fetchone()[2]
    for _ in range(5):
        plan = SCANS.to_json(bound.plan)
        question = {"path": path, "plan": plan, "parameters": parameters, "seed": seed, "parts": parts}
        try:
            messages = worker.messages(question)
            rng.shuffle(messages)
            while len(messages) > 3:  # some there, some here, in any order and grouping
                few = [messages.pop(rng.randrange(len(messages))) for _ in range(rng.randint(2, 3))]
                if rng.random() < 0.3:
                    messages += worker.messages(question | {"merge": [b64encode(each).decode() for each in few]})
                else:
                    messages.append(travel.merge(bound, few, evaluator, parameters))
            found = rows(travel.finish(bound, messages, evaluator, parameters))
            break
        except Inexact as inexact:
            bound = bound.by_sqlite(inexact.place)
    assert found == expected


def test_a_message_holds_no_view_of_a_dictionary(filled: skysql.Connection) -> None:
    """It can be read with nothing but the plan, when the file is closed."""
    plan, parameters = asked(filled, QUESTIONS["by key and state"])
    taken = filled.engine.snapshot("main", "users")
    bound = BoundScan(plan, taken.table, AggregateFunctions())
    shard = taken.shards()[0]
    message = travel.partial(bound, taken, shard, filled.engine.evaluator, parameters)
    partial = travel.unpack(message, bound.aggregates(filled.engine.evaluator, parameters))
    assert partial.groups > 10
    for key in partial.keys:
        assert isinstance(key, Numbers | Coded)
        assert key.render is None if isinstance(key, Numbers) else type(key.values) is list and key.index is None
    assert travel.pack(partial) == message


def test_other_bytes_are_no_partial(filled: skysql.Connection) -> None:
    plan, parameters = asked(filled, QUESTIONS["counts and sums"])
    taken, evaluator = filled.engine.snapshot("main", "users"), filled.engine.evaluator
    bound = BoundScan(plan, taken.table, AggregateFunctions())
    message = travel.partial(bound, taken, taken.shards()[0], evaluator, parameters)
    other, _ = asked(filled, QUESTIONS["extremes"])
    theirs = BoundScan(other, taken.table, AggregateFunctions())
    rng = random.Random(3)
    places = [0, 9, 13, 17, len(message) - 1, *(rng.randrange(len(message)) for _ in range(40))]
    damaged = [message[:at] + bytes([message[at] ^ 1 << rng.randrange(8)]) + message[at + 1 :] for at in places]
    for bad in (b"", b"SKYPART1", message[:40], message[:-8], message + bytes(8), *damaged):
        with pytest.raises(DataError, match="bytes are no partial of this plan"):
            list(travel.finish(bound, [bad], evaluator, parameters))
    with pytest.raises(DataError):
        travel.finish(theirs, [message], evaluator, parameters)


@dataclass(frozen=True)
class Kept:
    """The state of an aggregate that skysql does not have."""

    held: Any


@pytest.mark.parametrize(
    "state, what",
    [
        ([1, 2], "an aggregate's state is a list, which is no dataclass"),
        (Kept({1, 2}), "Kept.held holds a set"),
        (Kept([1, {"a": 2}]), "Kept.held holds a dict"),
        (Kept(np.array(["a", None], object)), "Kept.held holds an array of object"),
        (Kept(np.array([1], "M8[us]")), r"Kept.held holds an array of datetime64\[us\]"),
        (Kept(np.int64(1)), "Kept.held holds a int64"),
    ],
)
def test_a_state_that_no_message_holds_is_refused(state: Any, what: str) -> None:
    with pytest.raises(NotSupportedError, match=f"{what}: it cannot leave the process") as caught:
        travel.pack(Partial(1, [], [state]))
    assert str(caught.value.hint).startswith("make the state a dataclass of arrays of numbers")
