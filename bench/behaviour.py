"""State at the time of the action: skysql beside DuckDB, ClickHouse and SQLite, in one run.

    python -m bench.behaviour [--events 20e6] [--engines skysql,DuckDB] [--results FILE]

Each engine takes the same unsorted events (bench/events.py) into a file of its own, and is asked the same questions
(bench/questions.py) warm; every answer is asserted equal to numpy's. A time is the median of five runs from the text of
the statement to its rows in Python. SQLite's tables hold the first 2 million events only. One object's path is asked
for 25 objects in turn, so that no answer comes out of a memory of answers.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .events import Events, Orders, first_objects, generate, generate_orders
from .measure import NEEDED, Elsewhere, machine, median, require
from .peers import ClickHouse, DuckDB, Peer, SQLite
from .questions import (
    BY_PLAN,
    PATH,
    QUESTIONS,
    TARGETS,
    Rows,
    Statement,
    Target,
    answers,
    assert_equal,
    naive,
)
from .subject import Skysql, inserts

ENGINES: dict[str, Any] = {"skysql": Skysql, "DuckDB": DuckDB, "ClickHouse": ClickHouse, "SQLite": SQLite}
SQLITE_EVENTS = 2_000_000
EVENTS_AN_ORDER = 20
PATHS = 26
BUSY = ": THE RATIOS ARE NOT TO BE TRUSTED, peers that use every core lost more by it"


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


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured of skysql that is no question; the target is a bound from above or below, if there is one."""

    title: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    digits: int = 2

    def target(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:,g}"
        return "" if self.at_least is None else f">= {self.at_least:,g}"

    def verdict(self) -> str:
        """'ok', 'MISSED', or '' without a target."""
        if self.at_most is None and self.at_least is None:
            return ""
        good = self.value <= self.at_most if self.at_most is not None else self.value >= (self.at_least or 0)
        return "ok" if good else "MISSED"


@dataclass(slots=True)
class Results:
    """All that was measured."""

    events: int
    orders: int
    objects: int
    sqlite_events: int
    busy_elsewhere: float = 0.0  # cores that other programs kept busy
    versions: list[str] = field(default_factory=list)
    times: dict[tuple[str, str, str], float] = field(default_factory=dict)  # question, engine, way -> seconds
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def fastest(self, target: Target) -> tuple[float, str] | None:
        """(seconds, whose) of the peers' fastest statement that the target compares with."""
        found = [
            (self.times[target.question, name, statement.way], f"{name}, {statement.way}")
            for name, statement in self.statements
            if name in target.peers
            and statement.question == target.question
            and statement.counts
            and statement.way.startswith(target.way)
        ]
        return min(found, default=None)


def main() -> None:
    """Run the benchmark."""
    arguments = _arguments()
    chosen = arguments.engines.split(",")
    require("numpy", *itertools.chain.from_iterable(NEEDED[name] for name in chosen))
    if "skysql" in chosen:
        require("skysql")
    count = int(arguments.events)
    _say(f"making {count:,} events")
    workload = Workload.make(generate(count))
    small = workload
    if "SQLite" in chosen and count > SQLITE_EVENTS:
        small = Workload.make(first_objects(workload.events, SQLITE_EVENTS))
    results = Results(count, len(workload.orders.ids), len(np.unique(workload.events.objects)), len(small.events))
    begin, elsewhere = time.perf_counter(), Elsewhere()
    for name in chosen:
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            measure(ENGINES[name](directory), small if name == "SQLite" else workload, results)
            if name == "skysql":
                results.figures += _insert_figures(directory, workload)
    results.busy_elsewhere = elsewhere.cores(time.perf_counter() - begin)
    print()
    print(report(results, markdown=False))
    if arguments.results:
        Path(arguments.results).write_text(report(results, markdown=True))
        _say(f"written: {arguments.results}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.behaviour", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=float, default=20e6)
    parser.add_argument("--engines", default=",".join(ENGINES), help="which, with commas; all by default")
    parser.add_argument("--directory", help="where the engines' files are kept meanwhile; a temporary one by default")
    parser.add_argument(
        "--results", default=str(Path(__file__).with_name("RESULTS.md")), help="the file to write, '' for none"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.engines.split(",")) - set(ENGINES):
        parser.error(f"no such engine: {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    if arguments.events < 1000:
        parser.error("at least 1000 events")
    return arguments


def measure(engine: Peer, workload: Workload, results: Results) -> None:
    """Load, ask, compare, and close."""
    _say(f"{engine.version()}: loading")
    results.versions.append(engine.version())
    engine.load(workload.arrived, workload.orders)
    _say(
        f"  {engine.load_seconds:.1f} s, {len(workload.events) / engine.load_seconds / 1e6:.2f} M events/s, "
        f"{engine.bytes_an_event:.2f} bytes an event"
    )
    for statement in engine.statements:
        seconds = ask(engine, statement, workload)
        results.times[statement.question, engine.name, statement.way] = seconds
        results.statements.append((engine.name, statement))
        _say(f"  {seconds * 1e3:9.2f} ms  {statement.question} {f'({statement.way})' if statement.way else ''}")
    if isinstance(engine, Skysql):
        results.figures += _skysql_figures(engine, workload)
    else:
        results.figures += [
            Figure(f"{engine.name}: table of events", engine.bytes_an_event, "bytes an event"),
            Figure(f"{engine.name}: unsorted events to a sorted table", len(workload.events) / engine.load_seconds,
                   "events/s", digits=0),
        ]  # fmt: skip
    engine.close()


def ask(engine: Peer, statement: Statement, workload: Workload) -> float:
    """Median seconds of a statement, whose every answer is compared."""
    what = f"{engine.name}, {statement.question} ({statement.way})"
    expected = workload.expected[statement.question]
    if statement.question != PATH:
        seconds, rows = median(lambda: engine.ask(statement))
        assert_equal(rows, expected[0], what)
        return seconds
    times = []
    for object_id, right in zip(workload.paths, expected, strict=True):
        begin = time.perf_counter()
        rows = engine.ask(statement, object_id)
        times.append(time.perf_counter() - begin)
        assert_equal(rows, right, what)
        assert [row[0] for row in rows] == [row[0] for row in right], f"{what}: not in path order"
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


def report(results: Results, *, markdown: bool) -> str:
    """All tables as text, or as the RESULTS.md page."""
    head = "# state at the time of the action\n\n" if markdown else ""
    parts = [
        f"{head}{results.events:,} events of {results.objects:,} objects, {results.orders:,} orders (SQLite: "
        f"{results.sqlite_events:,} events); {', '.join(results.versions)}.\n{machine()}. {date.today()}.\n"
        "Milliseconds, median, end to end, warm. Made by `python -m bench.behaviour`. Other programs kept "
        f"{results.busy_elsewhere:.2f} cores busy meanwhile{BUSY if results.busy_elsewhere > 0.1 else ''}.\n",
        _table(("question", "skysql", "fastest peer", "", "as fast", "target", ""), _target_rows(results), markdown),
        _table(("skysql, and the loading of its peers", "", "", "target", ""), _figure_rows(results), markdown),
        _table(("question", "engine", "way", "ms", "not a target's"), _time_rows(results), markdown),
    ]
    if markdown:
        parts.append("## Statements\n\n```sql\n" + "\n\n".join(_statement_lines(results)) + "\n```\n")
    return "\n".join(parts)


def _target_rows(results: Results) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for target in TARGETS:
        ours, fastest = results.times.get((target.question, "skysql", "")), results.fastest(target)
        ratio = fastest[0] / ours if ours and fastest else None
        rows.append((
            target.question,
            f"{ours * 1e3:,.2f}" if ours else "-",
            f"{fastest[0] * 1e3:,.2f}" if fastest else "-",
            fastest[1] if fastest else "-",
            f"{ratio:,.1f} x" if ratio else "-",
            f">= {target.factor:g} x",
            "-" if ratio is None else "ok" if ratio >= target.factor else "MISSED",
        ))  # fmt: skip
    return rows


def _figure_rows(results: Results) -> list[tuple[str, ...]]:
    return [
        (figure.title, f"{figure.value:,.{figure.digits}f}", figure.unit, figure.target(), figure.verdict())
        for figure in results.figures
    ]


def _time_rows(results: Results) -> list[tuple[str, ...]]:
    return [
        (question, name, statement.way, f"{results.times[question, name, statement.way] * 1e3:,.2f}",
         "" if statement.counts and name != "SQLite" else "x")
        for question in QUESTIONS
        for name, statement in results.statements
        if statement.question == question
    ]  # fmt: skip


def _statement_lines(results: Results) -> list[str]:
    return [f"-- {name}: {statement.question}, {statement.way or 'as it is'}\n{statement.sql};"
            for name, statement in results.statements]  # fmt: skip


def _table(titles: tuple[str, ...], rows: list[tuple[str, ...]], markdown: bool) -> str:
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in (titles, ("---",) * len(titles), *rows)]
        return "\n".join(lines) + "\n"
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in (titles, *rows)) + "\n"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
