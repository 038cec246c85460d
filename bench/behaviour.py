"""State at the time of the action: skysql beside DuckDB, ClickHouse and SQLite, in one run.

    python -m bench.behaviour [--events 20e6] [--engines skysql,DuckDB] [--results FILE]

Each engine takes the same unsorted events (bench/events.py) into a file of its own, and is asked the same questions
(bench/questions.py) warm; every answer is asserted equal to numpy's. A time is the median of five runs from the text of
the statement to its rows in Python. SQLite's tables hold the first 2 million events only. One object's path is asked
for 25 objects in turn, so that no answer comes out of a memory of answers.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass

import numpy as np

from . import peers, subject, trial
from .engines import Engine
from .events import Events, Orders, first_objects, generate, generate_orders
from .measure import Elsewhere, Rows
from .questions import BY_PLAN, PATH, QUESTIONS, TARGETS, answers, assert_equal, naive
from .report import Figure, Results, Statement
from .subject import Skysql, inserts

STATEMENTS = {
    "skysql": subject.STATEMENTS, "DuckDB": peers.DUCKDB, "ClickHouse": peers.CLICKHOUSE, "SQLite": peers.SQLITE,
}  # fmt: skip
SQLITE_EVENTS = 2_000_000
EVENTS_AN_ORDER = 20
PATHS = 26


@dataclass(slots=True)
class Workload:
    """Events in path order and shuffled, orders, the objects whose paths are asked, and the right answers."""

    events: Events
    arrived: Events
    orders: Orders
    paths: list[int]
    expected: dict[str, list[Rows]]

    @classmethod
    def make(cls, events: Events) -> Workload:
        """The workload on these events, of which a part is checked with loops."""
        orders = generate_orders(events, max(1, len(events) // EVENTS_AN_ORDER))
        chosen = np.random.default_rng(4).choice(np.unique(events.objects), PATHS)
        part = first_objects(events, 20_000)
        assert_equal(answers(part, generate_orders(part, 1), [1])[BY_PLAN][0], naive(part), "numpy")
        paths = chosen.tolist()
        return cls(events, events.shuffled(), orders, paths, answers(events, orders, paths))


def main() -> None:
    """Run the benchmark."""
    arguments = trial.parse("bench.behaviour", __doc__ or "", STATEMENTS, QUESTIONS)
    trial.say(f"making {arguments.events:,} events")
    workload = small = Workload.make(generate(arguments.events))
    if "SQLite" in arguments.engines and arguments.events > SQLITE_EVENTS:
        small = Workload.make(first_objects(workload.events, SQLITE_EVENTS))
    results = Results(
        "bench.behaviour",
        "state at the time of the action",
        f"{arguments.events:,} events of {len(np.unique(workload.events.objects)):,} objects, "
        f"{len(workload.orders.ids):,} orders (SQLite: {len(small.events):,} events)",
        TARGETS,
    )
    elsewhere = Elsewhere()
    for name in arguments.engines:
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            asked = small if name == "SQLite" else workload
            measure(trial.ENGINES[name](directory), asked, arguments.questions, results)
            if name == "skysql":
                results.figures += _insert_figures(directory, workload)
    trial.conclude(results, elsewhere, arguments.results)


def measure(engine: Engine, workload: Workload, questions: list[str], results: Results) -> None:
    """Load, ask, compare, and close."""
    trial.load(engine, workload.arrived, results)
    engine.add_state()
    engine.add_orders(workload.orders)
    statements = [statement for statement in STATEMENTS[engine.name] if statement.question in questions]
    trial.measure(engine, statements, lambda statement: ask(engine, statement, workload), results)
    if isinstance(engine, Skysql):
        results.figures += _skysql_figures(engine, workload)
    engine.close()


def ask(engine: Engine, statement: Statement, workload: Workload) -> float:
    """Median seconds of a statement, whose every answer is compared."""
    expected = workload.expected[statement.question]
    if statement.question != PATH:
        return trial.ask(engine, statement, expected[0])
    times = []
    for object_id, right in zip(workload.paths, expected, strict=True):
        begin = time.perf_counter()
        rows = engine.ask(statement.sql, object_id)
        times.append(time.perf_counter() - begin)
        assert_equal(rows, right, engine.name)
        assert [row[0] for row in rows] == [row[0] for row in right], f"{engine.name}: not in path order"
    return statistics.median(times[1:])


def _skysql_figures(engine: Skysql, workload: Workload) -> list[Figure]:
    count = len(workload.events)
    seen, new = engine.rewriting()
    seconds, peak, rows = engine.fresh()
    assert_equal(rows, workload.expected[BY_PLAN][0], "skysql query")
    return [
        Figure("size of the whole file, compacted", engine.bytes_an_event, "bytes an event", at_most=5.0),
        Figure("append of unsorted events to durable", count / engine.append_seconds, "events/s", digits=0),
        Figure("append of unsorted events to durable and compacted", count / engine.load_seconds, "events/s",
               at_least=2e6, digits=0),
        Figure("fresh process to first answer by `skysql query`", seconds, "s", at_most=1.5),
        Figure("peak memory of that process", peak / 1e9, "GB", at_most=1.0),
        Figure("rewriter, statement seen before", seen * 1e6, "µs", at_most=50, digits=1),
        Figure("rewriter, new statement", new * 1e3, "ms", at_most=5),
    ]  # fmt: skip


def _insert_figures(directory: str, workload: Workload) -> list[Figure]:
    rates = inserts(directory, workload.arrived, 300_000, 20_000)
    return [
        Figure("INSERT by executemany, integer timestamps", rates.many_integers, "events/s", at_least=150e3, digits=0),
        Figure("INSERT by executemany, text timestamps", rates.many_texts, "events/s", at_least=150e3, digits=0),
        Figure("single-event commits, synchronous=NORMAL", rates.single, "events/s", at_least=10e3, digits=0),
    ]


if __name__ == "__main__":
    main()
