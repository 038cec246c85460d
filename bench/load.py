"""A writer at a steady rate in small commits, and readers beside it: is every read whole, and how long does it take?

    python -m bench.load [--seconds 60] [--rate 20000] [--commit 100] [--readers 8] [--pause 0.25] [--directory DIR]
                         [--results FILE]

Each commit adds as many events of one sign as of the other, whose amounts cancel out, and writes the number of all
events into an ordinary table, with synchronous FULL. So each answer can be checked by itself: in any snapshot the
amounts add up to nothing, and the events are as many as the ordinary table says. A read that finds otherwise, or any
error anywhere, is a failure of the run. Readers are processes, each asking mixed questions one after the other.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import skysql

from .measure import Elsewhere, peak_bytes, require, version
from .report import Figure, Results, report, write

OBJECTS = 50_000
ACTIONS = ("in", "out")
PLANS = ("free", "pro", "team")
_BOOKS = "(SELECT events FROM books)"


def even(rows: list[Any]) -> bool:
    """Whether the amounts add up to nothing, and the events are as many as the books say."""
    ((count, total, told),) = rows
    return bool(count == told and total == 0)


def balanced(rows: list[Any]) -> bool:
    """Whether groups of (anything, events, amount) make up the same."""
    return sum(row[1] for row in rows) % 2 == 0 and sum(row[2] for row in rows) == 0


def halves(rows: list[Any]) -> bool:
    """Whether as many went as came, and both together are all."""
    ((come, gone, told),) = rows
    return bool(come == gone and come + gone == told)


def path(rows: list[Any]) -> bool:
    """Whether the object has as many events as its path."""
    return not rows or rows[0][0] == rows[0][1]


QUESTIONS: dict[str, tuple[str, Callable[[list[Any]], bool]]] = {
    "count and sum": (f"SELECT count(*), sum(amount), {_BOOKS} FROM users", even),
    "by plan at the time": ("SELECT plan, count(*), sum(amount) FROM users GROUP BY plan", balanced),
    "actions of two kinds": (
        "SELECT (SELECT count(*) FROM users WHERE action = 'in'), (SELECT count(*) FROM users WHERE amount < 0),"
        f" {_BOOKS}", halves),
    "one object": (
        "SELECT events, (SELECT count(*) FROM users WHERE object_id = ?1) FROM users_objects WHERE object_id = ?1",
        path),
}  # fmt: skip
"""A statement by its name, with a check of its rows."""

_COLUMNS = "plan TEXT STATE, amount REAL"


class Writer:
    """Makes commits, one every so often."""

    def __init__(self, file: str, commit: int) -> None:
        self.db = skysql.connect(file, isolation_level=None, timeout=60)
        self.db.execute(f"CREATE VIRTUAL TABLE users USING sky({_COLUMNS})")
        self.db.execute("CREATE TABLE books(events INTEGER)")
        self.db.execute("INSERT INTO books VALUES (0)")
        self.pairs = commit // 2
        self.rng = np.random.default_rng(0)
        self.now = 1_767_225_600_000_000
        self.written = 0
        self.times: list[float] = []

    def commit(self) -> None:
        """Write one commit, and note how long it took."""
        begin, rng, n = time.perf_counter(), self.rng, 2 * self.pairs
        amounts = rng.integers(1, 400, self.pairs) / 4
        plans = np.array([*PLANS, None], object)[np.minimum(rng.integers(0, 60, n), len(PLANS))]
        self.now += 1_000_000
        columns = {
            "object_id": rng.integers(1, OBJECTS + 1, n),
            "ts": self.now + rng.integers(-3_600_000_000, 0, n),
            "action": [ACTIONS[0]] * self.pairs + [ACTIONS[1]] * self.pairs,
            "amount": np.concatenate((amounts, -amounts)),
            "plan": plans.tolist(),
        }
        self.db.execute("BEGIN IMMEDIATE")
        self.db.append("users", columns)
        self.db.execute("UPDATE books SET events = events + ?", (n,))
        self.db.execute("COMMIT")
        self.written += n
        self.times.append(time.perf_counter() - begin)


def read(file: str, number: int, pause: float, stop: Any, told: Any) -> None:
    """Ask until told to stop; then tell (times by question, errors)."""
    rng = np.random.default_rng(number)
    times: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    errors: list[str] = []
    db = skysql.connect(file, isolation_level=None)
    while not stop.is_set():
        name = str(rng.choice(list(QUESTIONS)))
        sql, right = QUESTIONS[name]
        begin = time.perf_counter()
        try:
            rows = db.execute(sql, (int(rng.integers(1, OBJECTS)),) if "?1" in sql else ()).fetchall()
            if not right(rows):
                errors.append(f"{name}: {rows[:4]}")
        except Exception as error:
            errors.append(f"{name}: {type(error).__name__}: {error}")
        times[name].append(time.perf_counter() - begin)
        stop.wait(pause * 2 * rng.random())
    db.close()
    told.put((times, errors))


def run(file: str, options: argparse.Namespace) -> Results:
    """The whole."""
    elsewhere = Elsewhere()
    writer = Writer(file, options.commit)
    for _ in range(20):
        writer.commit()
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    readers = [context.Process(target=read, args=(file, n, options.pause, stop, told)) for n in range(options.readers)]
    for reader in readers:
        reader.start()
    writer.written, writer.times = 0, []
    log, wal = keep_writing(writer, file, options)
    stop.set()
    found = [told.get(timeout=120) for _ in readers]
    for reader in readers:
        reader.join()
    errors = [error for _, each in found for error in each] + writer.db.check()
    writer.db.close()
    figures = [
        Figure("events written", writer.written / options.seconds, "events/s", digits=0),
        Figure("questions answered", sum(len(t) for times, _ in found for t in times.values()), "", digits=0),
        Figure("errors, among them answers that are not whole", len(errors), "", at_most=0, digits=0),
        Figure("events in the log, at the most", log, "", digits=0),
        Figure("-wal file, at the most", wal / 1e6, "MB", digits=1),
        *percentiles("commit", writer.times),
    ]
    for name in QUESTIONS:
        figures += percentiles(name, [seconds for times, _ in found for seconds in times[name]])
    return Results(
        "bench.load",
        "load",
        f"One process writes {options.rate:,.0f} events/s in commits of {options.commit} for {options.seconds:.0f} s, "
        f"{options.readers} others read",
        (),
        busy_elsewhere=elsewhere.cores(),
        peak_bytes=peak_bytes(),
        versions=[f"skysql {version('skysql')}"],
        figures=figures,
        failures=errors[:10],
    )


def keep_writing(writer: Writer, file: str, options: argparse.Namespace) -> tuple[int, int]:
    """Write at the rate until the time is over; the most events in the log, and bytes in the -wal file, seen."""
    begin, log, wal, looked = time.perf_counter(), 0, 0, 0.0
    while (elapsed := time.perf_counter() - begin) < options.seconds:
        if writer.written >= elapsed * options.rate:
            time.sleep(0.001)
            continue
        writer.commit()
        if elapsed - looked > 0.5:
            looked = elapsed
            sql = "SELECT coalesce(sum(events), 0) FROM users_log"
            log = max(log, writer.db.execute(sql).fetchone()[0])
            wal = max(wal, os.path.getsize(f"{file}-wal"))
    return log, wal


def percentiles(name: str, seconds: list[float]) -> list[Figure]:
    """How long something took."""
    found = np.percentile(seconds or [np.nan], [50, 95, 99, 100]) * 1e3
    what = ("median", "95th percentile", "99th percentile", "longest")
    return [Figure(f"{name}, {which}", value, "ms", digits=1) for which, value in zip(what, found, strict=True)]


def main() -> None:
    """The command."""
    require("skysql")
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20_000, help="events a second")
    parser.add_argument("--commit", type=int, default=100, help="events a commit")
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between a reader's questions, on average")
    parser.add_argument("--directory", help="where the file is kept meanwhile; a temporary one by default")
    parser.add_argument("--results", help="the page of results to write to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        results = run(str(Path(directory) / "load.db"), options)
    print(report(results, markdown=False))
    if options.results:
        write(Path(options.results), results)
    if results.failures:
        sys.exit(f"bench: {results.failures[0]}")


if __name__ == "__main__":
    main()
