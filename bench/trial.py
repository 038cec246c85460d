"""One run of a benchmark: each engine takes the same events, is asked the same questions, is compared, and timed."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from .engines import ClickHouse, DuckDB, Engine, SQLite
from .events import Events
from .measure import NEEDED, Elsewhere, Rows, median, peak_bytes, require
from .questions import assert_equal
from .report import SUBJECT, Figure, Results, Statement, report, write
from .subject import Skysql

ENGINES: Mapping[str, Callable[[str], Engine]] = {
    "skysql": Skysql, "DuckDB": DuckDB, "ClickHouse": ClickHouse, "SQLite": SQLite,
}  # fmt: skip


def parse(program: str, about: str, engines: Collection[str], questions: Mapping[str, str]) -> argparse.Namespace:
    """The arguments of a benchmark: events, engines, questions, directory, results.

    questions: what they ask by the names that the command line has for them. Imports what the engines need.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about.partition("\n")[0])
    parser.add_argument("--events", type=float, default=20e6)
    parser.add_argument("--engines", default=",".join(engines), help="which, with commas; all by default")
    parser.add_argument("--questions", default=",".join(questions), help=f"which, with commas: {', '.join(questions)}")
    parser.add_argument("--directory", help="where the engines' files are kept meanwhile; a temporary one by default")
    parser.add_argument("--results", help="the page to write to; by default RESULTS.md, if all is asked of all engines")
    arguments = parser.parse_args()
    if arguments.events < 1000:
        parser.error("at least 1000 events")
    for name, known in (("engines", engines), ("questions", questions)):
        chosen = getattr(arguments, name).split(",")
        if unknown := set(chosen) - set(known):
            parser.error(f"no such {name[:-1]}: {', '.join(unknown)}; there are {', '.join(known)}")
        setattr(arguments, name, chosen)
    if arguments.results is None:
        whole = (arguments.engines, arguments.questions) == (list(engines), list(questions))
        arguments.results = str(Path(__file__).with_name("RESULTS.md")) if whole else ""
    arguments.events, arguments.questions = int(arguments.events), [questions[name] for name in arguments.questions]
    require("numpy", *itertools.chain.from_iterable(NEEDED[name] for name in arguments.engines))
    return arguments


def load(engine: Engine, events: Events, results: Results) -> None:
    """Give the engine the events, in whatever order they come."""
    say(f"{engine.version()}: loading")
    results.versions.append(engine.version())
    engine.load(events)
    rate = len(events) / engine.load_seconds
    say(f"  {engine.load_seconds:.1f} s, {rate / 1e6:.2f} M events/s, {engine.bytes_an_event:.2f} bytes an event")
    if engine.name != SUBJECT:
        results.figures += [
            Figure(f"{engine.name}: table of events", engine.bytes_an_event, "bytes an event"),
            Figure(f"{engine.name}: unsorted events to a sorted table", rate, "events/s", digits=0),
        ]


def measure(
    engine: Engine, statements: Sequence[Statement], ask: Callable[[Statement], float], results: Results
) -> None:
    """Ask an engine everything. What it cannot answer, or answers wrongly, is a failure of the run, not its end."""
    for statement in statements:
        what = f"{statement.question} ({statement.way})" if statement.way else statement.question
        try:
            seconds = ask(statement)
        except Exception as error:
            results.failures.append(f"{engine.name}, {what}: {type(error).__name__}: {error}")
            say(f"     FAILED    {what}: {str(error)[:300]}")
            continue
        results.times[statement.question, engine.name, statement.way] = seconds
        results.statements.append((engine.name, statement))
        say(f"  {seconds * 1e3:9.2f} ms  {what}")


def ask(engine: Engine, statement: Statement, expected: Rows) -> float:
    """Median seconds of a statement, of which the answer is compared."""
    seconds, rows = median(lambda: engine.ask(statement.sql))
    assert_equal(rows, expected, engine.name)
    return seconds


def conclude(results: Results, elsewhere: Elsewhere, page: str) -> None:
    """Print the report, and make it a part of the page; a run with failures is not written down, and ends in error."""
    results.busy_elsewhere = elsewhere.cores()
    results.peak_bytes = peak_bytes()
    print()
    print(report(results, markdown=False))
    if results.failures:
        sys.exit(f"bench: {len(results.failures)} of the statements failed")
    if page:
        write(Path(page), results)
        say(f"written: {page}")


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)
