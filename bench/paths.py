"""The order of events: skysql beside DuckDB and ClickHouse, in one run.

    python -m bench.paths [--events 20e6] [--engines skysql,DuckDB] [--questions sessions,funnel] [--results FILE]

Each engine takes the same unsorted events (bench/events.py) into a file of its own, and is asked the same questions
(bench/path_questions.py) warm; every answer is asserted equal to numpy's, and numpy's, on a part of the events, to that
of loops (bench/path_loops.py). A time is the median of five runs from the text of the statement to its rows in Python.
"""

from __future__ import annotations

import tempfile

import numpy as np

from . import path_loops, path_peers, trial
from .engines import Engine
from .events import Events, first_objects, generate
from .measure import Elsewhere, Rows
from .path_peers import WINDOW_FUNNEL
from .path_questions import (
    AGAIN,
    ALL_STEPS,
    COHORT,
    DEPTH,
    FLOW,
    FUNNEL,
    HOUR,
    LEVELS,
    LONG_FUNNEL,
    MATCH,
    PATTERN,
    PERIODS,
    QUESTIONS,
    RETENTION,
    SEQUENCE,
    SESSIONS,
    SOURCE,
    STEP_ROWS,
    STEPS,
    TIMED,
    TIMES,
    answers,
)
from .questions import assert_equal
from .report import SUBJECT, Figure, Results, Statement, Target

BY_FUNCTION, BY_REPORT = "window_funnel", "sky_funnel"


def _by_function(question: str, steps: tuple[str, ...]) -> Statement:
    conditions = ", ".join(f"action = '{step}'" for step in steps)
    return Statement(
        question,
        BY_FUNCTION,
        f"SELECT level, count(*) FROM (SELECT object_id, window_funnel('7 days', ts, {conditions}) AS level "
        "FROM users GROUP BY object_id) GROUP BY level",
        answer=question + LEVELS,
    )


def _by_report(question: str, steps: tuple[str, ...], columns: str, way: str, answer: str) -> Statement:
    sql = f"SELECT {columns} FROM sky_funnel('users', '{' > '.join(steps)}', '7 days')"
    return Statement(question, way, sql, answer=question + answer)


SKYSQL = (
    Statement(SESSIONS, "", "SELECT plan, count(*), avg(duration) FROM users_sessions('30 minutes') GROUP BY plan"),
    _by_function(FUNNEL, STEPS),
    _by_report(FUNNEL, STEPS, "step, name, objects", BY_REPORT, STEP_ROWS),
    _by_report(FUNNEL, STEPS, "*", f"{BY_REPORT} with all times", TIMES),
    _by_function(LONG_FUNNEL, ALL_STEPS),
    _by_report(LONG_FUNNEL, ALL_STEPS, "step, name, objects", BY_REPORT, STEP_ROWS),
    Statement(SEQUENCE, "", f"SELECT sum(n) FROM (SELECT object_id, sequence_count('(?1)(?t<={HOUR})(?2)', ts, "
              f"action = '{TIMED[0]}', action = '{TIMED[1]}') AS n FROM users GROUP BY object_id)"),
    Statement(RETENTION, "", "SELECT cohort, period, objects FROM sky_retention("
              f"'users', '{COHORT}', '{AGAIN}', 'week', {PERIODS}) WHERE objects > 0"),
    Statement(MATCH, "", "SELECT count(*), sum(n) FROM users MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY ts "
              "MEASURES count(B.*) AS n ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B+ C) DEFINE "
              f"A AS action = '{PATTERN[0]}', B AS action = '{PATTERN[1]}', C AS action = '{PATTERN[2]}')"),
    Statement(FLOW, "", "SELECT step, source, target, objects FROM sky_flow("
              f"""'users', '{{"from": "{SOURCE}", "depth": {DEPTH}}}')"""),
)  # fmt: skip

STATEMENTS = {"skysql": SKYSQL, "DuckDB": path_peers.DUCKDB, "ClickHouse": path_peers.CLICKHOUSE}

_BOTH = ("DuckDB", "ClickHouse")
TARGETS = (
    Target(SESSIONS, "", 40, _BOTH),
    Target(FUNNEL, WINDOW_FUNNEL, 12, ("ClickHouse",), BY_FUNCTION),
    Target(FUNNEL, WINDOW_FUNNEL, 12, ("ClickHouse",), BY_REPORT),
    Target(SEQUENCE, "", 10, ("ClickHouse",)),
    Target(RETENTION, "", 10, _BOTH),
    Target(FLOW, "", 10),
)


def main() -> None:
    """Run the benchmark."""
    arguments = trial.parse("bench.paths", __doc__ or "", STATEMENTS, QUESTIONS)
    trial.say(f"making {arguments.events:,} events")
    events = generate(arguments.events)
    expected, arrived = _checked_answers(events), events.shuffled()
    results = Results(
        "bench.paths",
        "the order of events",
        f"{len(events):,} events of {len(np.unique(events.objects)):,} objects",
        TARGETS,
    )
    del events
    elsewhere = Elsewhere()
    for name in arguments.engines:
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            measure(trial.ENGINES[name](directory), arrived, expected, arguments.questions, results)
    results.figures[:0] = _figures(results, len(arrived))
    trial.conclude(results, elsewhere, arguments.results)


def measure(engine: Engine, arrived: Events, expected: dict[str, Rows], questions: list[str], results: Results) -> None:
    """Load, ask, compare, and close."""
    trial.load(engine, arrived, results)
    engine.add_state()
    statements = [statement for statement in STATEMENTS[engine.name] if statement.question in questions]
    trial.measure(engine, statements, lambda s: trial.ask(engine, s, expected[s.expected]), results)
    engine.close()


def _checked_answers(events: Events) -> dict[str, Rows]:
    """The right answers; those on a part of the events are equal to the answers of loops."""
    part = first_objects(events, 20_000)
    found = answers(part)
    for question, rows in path_loops.answers(part).items():
        assert_equal(found[question], rows, f"numpy, {question}")
    return answers(events)


def _figures(results: Results, count: int) -> list[Figure]:
    """What is compared with skysql itself, or with no peer."""
    figures = []
    for way in (BY_FUNCTION, BY_REPORT):
        short, long = (results.times.get((question, SUBJECT, way)) for question in (FUNNEL, LONG_FUNNEL))
        if short and long:
            figures.append(Figure(f"12 steps beside 3 steps, by {way}", long / short, "x", at_most=2.5))
    if seconds := results.times.get((MATCH, SUBJECT, "")):
        figures.append(Figure(MATCH, count / seconds, "events/s", at_least=30e6, digits=0))
    return figures


if __name__ == "__main__":
    main()
