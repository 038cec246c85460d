"""skysql itself, as the benchmark uses it: its public API and its command line, nothing else."""

from __future__ import annotations

import csv
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .events import Events, Orders
from .measure import Rows, version
from .questions import AS_OF, BY_ACTION, BY_PLAN, BY_PLAN_COUNTRY, ORDERS, PATH, PLANS_AS_OF
from .report import Statement

SCHEMA = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, country TEXT STATE, amount REAL)"
INSERT = "INSERT INTO users(object_id, timestamp, action, plan, country, amount) VALUES (?, ?, ?, ?, ?, ?)"

STATEMENTS = (
    Statement(BY_PLAN, "", "SELECT plan, count(*), sum(amount) FROM users WHERE action = 'purchase' GROUP BY plan"),
    Statement(BY_PLAN_COUNTRY, "", "SELECT plan, country, count(*), sum(amount) FROM users "
              "WHERE action = 'purchase' GROUP BY plan, country"),
    Statement(BY_ACTION, "", "SELECT action, count(*) FROM users GROUP BY action"),
    Statement(PLANS_AS_OF, "", f"SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '{AS_OF}' "
              "GROUP BY plan"),
    Statement(ORDERS, "", "SELECT s.plan, s.country, count(*) FROM orders o JOIN users_objects s "
              "ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY 1, 2"),
    Statement(PATH, "", "SELECT ts, action, plan, country, amount FROM users WHERE object_id = ? ORDER BY ts"),
)  # fmt: skip
"""For the state at the time of the action."""

_LAUNCHER = """
import os, sys, time
begin = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - begin, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Starts a program and measures it. A process that is forked from a large one is told the large one's peak memory."""


class Skysql:
    """A skysql file."""

    name = "skysql"

    def __init__(self, directory: str) -> None:
        import skysql

        self.path = os.path.join(directory, "skysql.db")
        self._directory = directory
        self._connection = skysql.connect(self.path)

    def version(self) -> str:
        """Name and version of the engine."""
        import skysql

        return f"skysql {getattr(skysql, '__version__', None) or version('skysql')}"

    def load(self, events: Events) -> None:
        """Take events in any order. `load_seconds`: until all is compacted, and in the file, not a write-ahead log."""
        connection = self._connection
        connection.execute(SCHEMA)
        connection.commit()
        columns = events.columns()
        begin = time.perf_counter()
        stored = connection.append("users", columns)
        connection.commit()
        self.append_seconds = time.perf_counter() - begin
        connection.compact()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.load_seconds = time.perf_counter() - begin
        assert stored == len(events), f"append stored {stored} of {len(events)} events"
        self.bytes_an_event = os.path.getsize(self.path) / len(events)

    def add_state(self) -> None:
        """Nothing: it is there."""

    def add_orders(self, orders: Orders) -> None:
        """Make the table of orders."""
        connection = self._connection
        connection.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER, created_at INTEGER)")
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders.rows())
        connection.commit()

    def ask(self, sql: str, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        rows: Rows = self._connection.execute(sql, () if object_id is None else (object_id,)).fetchall()
        return rows

    def rewriting(self, seen: int = 200, new: int = 20) -> tuple[float, float]:
        """(seconds for a statement seen before, for a new one): medians, of the worst of the statements."""
        prepare = self._connection.engine.prepare
        slowest_seen = slowest_new = 0.0
        for statement in STATEMENTS:
            prepare(statement.sql)
            slowest_seen = max(slowest_seen, _median_of(prepare, [statement.sql] * seen))
            variants = [f"{statement.sql} LIMIT {10**6 + number}" for number in range(new)]
            slowest_new = max(slowest_new, _median_of(prepare, variants))
        return slowest_seen, slowest_new

    def fresh(self, repeats: int = 5) -> tuple[float, float, Rows]:
        """(median seconds, peak bytes, rows of BY_PLAN) of `skysql query` in processes of their own."""
        import skysql

        home = str(Path(skysql.__file__).parent.parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])}
        query = [sys.executable, "-m", "skysql", "query", self.path, STATEMENTS[0].sql, "--format", "csv"]
        times, peaks, output = [], [], ""
        for _ in range(repeats + 1):
            done = subprocess.run(
                [sys.executable, "-c", _LAUNCHER, *query], capture_output=True, text=True, env=environment, check=False
            )
            assert done.returncode == 0, f"skysql query failed: {done.stderr}"
            seconds, peak = done.stderr.split()[-2:]
            times.append(float(seconds))
            peaks.append(int(peak))
            output = done.stdout
        lines = list(csv.reader(io.StringIO(output)))[1:]
        rows = [(plan or None, int(count), float(amount)) for plan, count, amount in lines]
        return statistics.median(times[1:]), max(peaks), rows

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Inserts:
    """Events a second by INSERT."""

    many_integers: float
    many_texts: float
    single: float


def inserts(directory: str, events: Events, many: int, single: int) -> Inserts:
    """INSERT into new files: `many` by one executemany (integer, then text timestamps), `single` with a commit each."""
    import skysql

    rows = list(events.take(slice(0, many)).rows())
    texts = np.datetime_as_string(events.ts[:many].astype("M8[us]")).tolist()
    with_texts = [(row[0], text, *row[2:]) for row, text in zip(rows, texts, strict=True)]
    many_integers = _executemany(os.path.join(directory, "integers.db"), rows)
    many_texts = _executemany(os.path.join(directory, "texts.db"), with_texts)
    connection = skysql.connect(os.path.join(directory, "single.db"))
    connection.execute("PRAGMA synchronous = NORMAL").fetchall()
    connection.execute(SCHEMA)
    connection.commit()
    single = min(single, len(with_texts))
    begin = time.perf_counter()
    for row in with_texts[:single]:
        connection.execute(INSERT, row)
        connection.commit()
    seconds = time.perf_counter() - begin
    _assert_stored(connection, single)
    connection.close()
    return Inserts(many_integers, many_texts, single / seconds)


def _executemany(path: str, rows: Sequence[tuple[Any, ...]]) -> float:
    import skysql

    connection = skysql.connect(path)
    connection.execute("PRAGMA synchronous = NORMAL").fetchall()
    connection.execute(SCHEMA)
    connection.commit()
    begin = time.perf_counter()
    connection.executemany(INSERT, rows)
    connection.commit()
    seconds = time.perf_counter() - begin
    _assert_stored(connection, len(rows))
    connection.close()
    return len(rows) / seconds


def _assert_stored(connection: Any, count: int) -> None:
    found = connection.execute("SELECT count(*) FROM users").fetchall()[0][0]
    assert found == count, f"{found} events are stored, {count} were inserted"


def _median_of(prepare: Any, statements: Sequence[str]) -> float:
    times = []
    for sql in statements:
        begin = time.perf_counter()
        prepare(sql)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
