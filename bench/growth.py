"""How a table grows: many small batches of overlapping objects, and tables of unusual shapes.

    python -m bench.growth [--events 100e6] [--batches 1000] [--shapes feed,import,busy,single,actions,texts,wide]

`feed` appends the workload of bench/events.py in order of time, as it would arrive: every batch holds events of many
objects. It tells what is written altogether, the longest commit, and how long questions take before and after a
compaction, which must have the same answers; and what memory all questions take with a cache of 512 MB. `import` is the
same workload as a file of CSV, by `skysql import`: how fast, and in what memory. The other shapes are a fifth as large
(`--events`):

    busy      one object has all the events
    single    every object has one event
    actions   5,000 distinct actions
    texts     an attribute with a distinct text for every fourth event; also what a new process takes for its first
              answers, of time and of memory, with a cache of 512 MB
    wide      200 properties, of which a question reads two
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .events import ACTIONS, PLANS, YEAR_START, Events, generate
from .measure import Elsewhere, Rows, machine, median, peak_bytes, version
from .report import Figure, Results, write
from .subject import SCHEMA

QUESTIONS = {
    "purchases by plan": "SELECT plan, count(*), sum(amount) FROM users WHERE action = 'purchase' GROUP BY plan",
    "count by action": "SELECT action, count(*) FROM users GROUP BY action",
    "plans as of July": "SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2025-07-01' GROUP BY plan",
    "sessions by plan": "SELECT plan, count(*), avg(duration) FROM users_sessions('30 minutes') GROUP BY plan",
    "funnel": "SELECT level, count(*) FROM (SELECT window_funnel('7 days', ts, action = 'view product', "
    "action = 'add to cart', action = 'purchase') AS level FROM users GROUP BY object_id) GROUP BY level",
}


def written_bytes() -> int:
    """What this process has given to write(2) so far, where the system tells."""
    try:
        with open("/proc/self/io") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))
    except OSError:
        return 0


FIGURES: list[Figure] = []


def tell(title: str, value: float, unit: str, at_most: float | None = None, digits: int = 1) -> None:
    """Print a figure, and keep it for the page of results."""
    figure = Figure(title, value, unit, at_most=at_most, digits=digits)
    FIGURES.append(figure)
    print(f"{title:<56} {value:>14,.{digits}f} {unit:<16} {figure.target():<10} {figure.verdict()}", flush=True)


def ask(connection: Any) -> dict[str, tuple[float, Rows]]:
    """(median seconds, rows) of each question."""
    return {name: median(lambda sql=sql: connection.execute(sql).fetchall()) for name, sql in QUESTIONS.items()}


def feed(directory: str, events: int, batches: int) -> None:
    import skysql

    path = os.path.join(directory, "feed.db")
    arriving = generate(events)
    arriving = arriving.take(np.argsort(arriving.ts, kind="stable"))
    connection = skysql.connect(path)
    connection.execute(SCHEMA)
    connection.commit()
    before, stalls, begin = written_bytes(), [], time.perf_counter()
    for part in _parts(arriving, batches):
        columns = part.columns()
        since = time.perf_counter()
        connection.append("users", columns)
        connection.commit()
        stalls.append(time.perf_counter() - since)
    seconds = time.perf_counter() - begin
    written = written_bytes() - before
    del arriving
    pending = ask(connection)
    since = time.perf_counter()
    connection.compact()
    compacting = time.perf_counter() - since
    connection.execute("VACUUM")
    size = os.path.getsize(path)
    tell("feed, in commits", events / seconds, "events/s", digits=0)
    tell("feed, median commit", statistics.median(stalls), "s", digits=3)
    tell("feed, longest commit", max(stalls), "s", at_most=2, digits=2)
    tell("feed, size when compacted", size / events, "bytes an event", digits=2)
    tell("feed, written altogether, of that size", written / size, "x", at_most=12)
    tell("feed, full compaction at the end", compacting, "s")
    compacted = ask(connection)
    for name, (took, rows) in pending.items():
        assert _close(rows, compacted[name][1]), name
        tell(f"{name}, compacted", compacted[name][0] * 1e3, "ms")
        tell(f"{name}, with everything pending, of that", took / compacted[name][0], "x", at_most=3)
    connection.close()
    peak, _ = _alone([sys.executable, "-m", "bench.growth", "--ask", path])
    tell("peak memory of all questions, cache_size=512MB", peak / 1e9, "GB", at_most=2, digits=2)


def imported(directory: str, events: int) -> None:
    import skysql

    source, path = os.path.join(directory, "events.csv"), os.path.join(directory, "imported.db")
    actions = _write_csv(source, events)
    wanted = ["--object", "object_id", "--time", "timestamp", "--time-unit", "us", "--action", "action"]
    wanted += ["--state", "plan", "--state", "country", "--attribute", "amount:REAL"]
    peak, seconds = _alone([sys.executable, "-m", "skysql", "import", path, "users", source, *wanted])
    with skysql.connect(path) as connection:
        assert connection.execute(QUESTIONS["count by action"]).fetchall() == actions
    tell("import of a file, with two state columns", events / seconds, "rows/s", digits=0)
    tell("import of a file, size as it is left", os.path.getsize(path) / events, "bytes an event", digits=2)
    tell("import of a file, peak memory", peak / 1e9, "GB", at_most=2, digits=2)


def _write_csv(path: str, events: int) -> Rows:
    """Write the workload by object; returns the number of events of each action."""
    import pyarrow
    from pyarrow import csv

    workload = generate(events)
    for at, part in enumerate(_parts(workload, max(events // 1_000_000, 1))):
        table = pyarrow.table({name: pyarrow.array(v, from_pandas=True) for name, v in part.columns().items()})
        with open(path, "ab" if at else "wb") as file:
            csv.write_csv(table, file, csv.WriteOptions(include_header=at == 0))
    counts = np.bincount(workload.action, minlength=len(ACTIONS)).tolist()
    return sorted(zip(ACTIONS, counts, strict=True))


_SPAWN = """
import resource, subprocess, sys, time
begin = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds = time.perf_counter() - begin
unit = 1 if sys.platform == 'darwin' else 1024
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit, seconds)
"""


def _alone(command: list[str]) -> tuple[float, float]:
    """(peak bytes, seconds) of a command; by a small process, as a child is told the peak of the one it comes from."""
    done = subprocess.run([sys.executable, "-c", _SPAWN, *command], check=True, stdout=subprocess.PIPE, text=True)
    peak, seconds = done.stdout.split()
    return float(peak), float(seconds)


def ask_alone(path: str, sql: str | None) -> None:
    """A question, or every one of the other benchmarks, in this process, with a small cache."""
    import skysql

    from .paths import SKYSQL
    from .subject import STATEMENTS

    connection = skysql.connect(path, cache_size="512MB")
    for asked in [sql] if sql else [s.sql for s in (*STATEMENTS, *SKYSQL) if "orders" not in s.sql]:
        connection.execute(asked, (1,) if asked.endswith("ORDER BY ts") else ()).fetchall()


def _parts(events: Events, batches: int) -> Iterator[Events]:
    edges = np.linspace(0, len(events), batches + 1).astype(int).tolist()
    for low, high in zip(edges, edges[1:], strict=False):
        yield events.take(slice(low, high))


def _close(a: Rows, b: Rows) -> bool:
    return len(a) == len(b) and all(
        x == y or (isinstance(x, float) and abs(x - y) <= 1e-9 * abs(x))
        for left, right in zip(sorted(a, key=repr), sorted(b, key=repr), strict=True)
        for x, y in zip(left, right, strict=True)
    )


# unusual shapes


def _shape(
    directory: str, name: str, schema: str, columns: dict[str, Any], questions: dict[str, tuple[str, Rows | None]]
) -> None:
    import skysql

    path = os.path.join(directory, f"{name}.db")
    connection = skysql.connect(path)
    connection.execute(f"CREATE VIRTUAL TABLE t USING sky({schema})")
    since = time.perf_counter()
    events = connection.append("t", columns)
    connection.commit()
    connection.compact()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    tell(f"{name}: append and compaction", events / (time.perf_counter() - since), "events/s", digits=0)
    tell(f"{name}: size", os.path.getsize(path) / events, "bytes an event", digits=2)
    for what, (sql, expected) in questions.items():
        took, rows = median(lambda sql=sql: connection.execute(sql).fetchall())
        assert expected is None or rows == expected, (what, rows[:3])
        tell(f"{name}: {what}", took * 1e3, "ms")
    connection.close()


def busy(directory: str, n: int) -> None:
    rng = np.random.default_rng(1)
    action, plan = rng.integers(0, 12, n), rng.choice(4, n)
    columns = {
        "object_id": np.ones(n, np.int64),
        "timestamp": YEAR_START + np.sort(rng.integers(0, 10**13, n)),
        "action": _category(action, list(ACTIONS)),
        "plan": _category(np.where(rng.random(n) < 0.03, plan, -1), list(PLANS)),
    }
    counts = [(name, int(np.sum(action == at))) for at, name in sorted(enumerate(ACTIONS), key=lambda pair: pair[1])]
    _shape(directory, "busy", "plan TEXT STATE", columns, {
        "count by action": ("SELECT action, count(*) FROM t GROUP BY action", counts),
        "count by plan": ("SELECT plan, count(*) FROM t GROUP BY plan", None),
        "last ten events": ("SELECT ts, action FROM t WHERE object_id = 1 ORDER BY ts DESC LIMIT 10", None),
        "sessions": ("SELECT count(*), avg(events) FROM t_sessions('1 minute')", None),
    })  # fmt: skip


def single(directory: str, n: int) -> None:
    rng = np.random.default_rng(1)
    columns = {
        "object_id": rng.permutation(n) + 1,
        "timestamp": YEAR_START + np.arange(n) * 1000,
        "action": _category(rng.integers(0, 12, n), list(ACTIONS)),
        "plan": _category(rng.choice(4, n), list(PLANS)),
    }
    _shape(directory, "single", "plan TEXT STATE", columns, {
        "count of objects": ("SELECT count(*) FROM t_objects", [(n,)]),
        "count by plan": ("SELECT plan, count(*) FROM t GROUP BY plan", None),
        "one object": (f"SELECT object_id FROM t WHERE object_id = {n // 2}", [(n // 2,)]),
        "funnel": ("SELECT max(l) FROM (SELECT window_funnel(10, ts, action = 'search', action = 'share') AS l "
                   "FROM t GROUP BY object_id)", [(1,)]),
    })  # fmt: skip


def actions(directory: str, n: int) -> None:
    rng = np.random.default_rng(1)
    names = [f"action {at}" for at in range(5000)]
    action = rng.integers(0, len(names), n)
    columns = {
        "object_id": rng.integers(1, n // 40 + 2, n),
        "timestamp": YEAR_START + np.arange(n) * 1000,
        "action": _category(action, names),
        "plan": _category(np.where(rng.random(n) < 0.03, rng.choice(4, n), -1), list(PLANS)),
    }
    of_one = [(int(np.sum(action == 7)),)]
    _shape(directory, "actions", "plan TEXT STATE", columns, {
        "count of one": ("SELECT count(*) FROM t WHERE action = 'action 7'", of_one),
        "groups": ("SELECT count(*) FROM (SELECT action, plan, count(*) FROM t GROUP BY action, plan)", None),
        "funnel": ("SELECT max(l) FROM (SELECT window_funnel('1 day', ts, action = 'action 1', action LIKE '%2') AS l "
                   "FROM t GROUP BY object_id)", [(2,)]),
    })  # fmt: skip


def texts(directory: str, n: int) -> None:
    rng = np.random.default_rng(1)
    pages = np.char.add("https://shop.example/item/", rng.permutation(n // 4).astype(str)).tolist()
    page: list[str | None] = [None] * n
    page[::4] = pages[: len(page[::4])] + [None] * (len(page[::4]) - len(pages))
    columns = {
        "object_id": rng.integers(1, n // 40 + 2, n),
        "timestamp": YEAR_START + np.arange(n) * 1000,
        "action": _category(rng.integers(0, 12, n), list(ACTIONS)),
        "page": page,
    }
    questions: dict[str, tuple[str, Rows | None]] = {
        "count distinct": ("SELECT count(DISTINCT page) FROM t", [(len(pages),)]),
        "one page": (f"SELECT count(*) FROM t WHERE page = '{pages[5]}'", [(1,)]),
        "pages like": ("SELECT count(*) FROM t WHERE page LIKE '%77'", [(sum(p.endswith("77") for p in pages),)]),
        "top pages": ("SELECT page, count(*) FROM t GROUP BY page ORDER BY 2 DESC LIMIT 3", None),
        "count by action": ("SELECT action, count(*) FROM t GROUP BY action", None),
    }
    _shape(directory, "texts", "page TEXT", columns, questions)
    path = os.path.join(directory, "texts.db")
    tell("texts: size, by its texts", os.path.getsize(path) / len(pages), "bytes a text", digits=2)
    for what, (sql, _) in questions.items():
        peak, seconds = _alone([sys.executable, "-m", "bench.growth", "--ask", path, "--sql", sql])
        tell(f"texts: {what}, in a new process", seconds, "s", digits=2)
        tell(f"texts: {what}, its peak memory", peak / 1e9, "GB", digits=2)


def wide(directory: str, n: int) -> None:
    rng = np.random.default_rng(1)
    names = [f"p{at}" for at in range(200)]
    columns: dict[str, Any] = {
        "object_id": rng.integers(1, n // 40 + 2, n),
        "timestamp": YEAR_START + np.arange(n) * 1000,
        "action": _category(rng.integers(0, 12, n), list(ACTIONS)),
    }
    for name in names:
        values = np.full(n, np.nan)
        some = rng.integers(0, n, n // 50)
        values[some] = rng.integers(0, 10, len(some))
        columns[name] = values
    _shape(directory, "wide", ", ".join(f"{name} REAL STATE" for name in names), columns, {
        "two of 200": ("SELECT p7, count(p100) FROM t WHERE action = 'purchase' GROUP BY p7", None),
    })  # fmt: skip


def _category(codes: Any, names: list[str]) -> Any:
    import pandas

    return pandas.Categorical.from_codes(codes, names)


SHAPES: dict[str, Callable[[str, int], None]] = {
    "busy": busy, "single": single, "actions": actions, "texts": texts, "wide": wide,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, default=100e6)
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--shapes", default=",".join(("feed", "import", *SHAPES)), help="which, with commas")
    parser.add_argument("--results", help="the page of results to write to")
    parser.add_argument("--ask", help="only ask all questions of this file, and tell the peak of memory")
    parser.add_argument("--sql", help="or only this question")
    parser.add_argument("--directory", help="where the files are kept meanwhile; a temporary one by default")
    arguments = parser.parse_args()
    if arguments.ask:
        ask_alone(arguments.ask, arguments.sql)
        return
    print(machine())
    elsewhere = Elsewhere()
    events = int(arguments.events)
    for shape in arguments.shapes.split(","):
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            if shape == "feed":
                feed(directory, events, arguments.batches)
            elif shape == "import":
                imported(directory, events)
            else:
                SHAPES[shape](directory, events // 5 if shape != "wide" else events // 50)
    results = Results(
        "bench.growth",
        "growth",
        f"{events:,} events in {arguments.batches:,} commits; other shapes a fifth as large",
        (),
        busy_elsewhere=elsewhere.cores(),
        peak_bytes=peak_bytes(),
        versions=[f"skysql {version('skysql')}"],
        figures=FIGURES,
    )
    if arguments.results:
        write(Path(arguments.results), results)


if __name__ == "__main__":
    main()
