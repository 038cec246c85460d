"""How soon does everything long stop when it is interrupted?

    python -m bench.interrupts [--events 20e6] [--tries 5] [--only TEXT] [--directory DIR]

Two tables of the same events: as they are (bench/events.py), and as the one path of a single object, which is the
longest piece of work that nothing cuts. Each work is let run whole once, for its time; then it is interrupted at
`tries` moments of that time, from another thread, and the longest time from there to its error is printed. One that
was over before it was interrupted tells nothing, and is tried again earlier.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import skysql

from .events import ACTIONS, COUNTRIES, PLANS, Events, generate

SOON = 0.2
"""Seconds within which everything has to stop."""

_STEPS = "action = 'view product', action = 'add to cart', action = 'purchase'"
_COLUMNS = "plan TEXT STATE, country TEXT STATE, amount REAL"
_MATCH = "PARTITION BY object_id ORDER BY timestamp MEASURES {} PATTERN ({}) DEFINE {}"

STATEMENTS = {
    "count by action": "SELECT action, count(*) FROM {} GROUP BY action",
    "sum by plan": "SELECT plan, count(*), sum(amount) FROM {} WHERE action = 'purchase' GROUP BY plan",
    "by plan and country": "SELECT plan, country, avg(amount) FROM {} GROUP BY 1, 2",
    "by timestamp": "SELECT timestamp, count(*) FROM {} GROUP BY timestamp ORDER BY 2 DESC LIMIT 3",
    "by day": "SELECT date(timestamp), count(*) FROM {} GROUP BY 1",
    "by amount": "SELECT amount, count(*) FROM {} GROUP BY amount",
    "by object": "SELECT object_id, count(*), max(ts) FROM {} GROUP BY object_id",
    "distinct": "SELECT count(DISTINCT ts), count(DISTINCT amount) FROM {}",
    "distinct rows": "SELECT DISTINCT object_id, ts FROM {}",
    "as of": "SELECT plan, count(*) FROM {}_objects FOR SYSTEM_TIME AS OF '2025-07-01' GROUP BY plan",
    "changes": "SELECT property, old_value, new_value, count(*) FROM {}_changes GROUP BY 1, 2, 3",
    "sessions": "SELECT plan, count(*), avg(duration) FROM {}_sessions('30 minutes') GROUP BY plan",
    "in sessions": "SELECT session, count(*) FROM {}('30 minutes') GROUP BY session",
    "filter": "SELECT count(*) FROM {} WHERE amount > 5 AND plan LIKE '%r%' OR ts % 7 = 3",
    "rows": "SELECT * FROM {}",
    "rows with ORDER BY": "SELECT * FROM {} ORDER BY amount DESC LIMIT 10",
    "user's SQL": "SELECT plan || action, count(*) FROM {} GROUP BY 1 HAVING count(*) > 1",
    "group_concat": "SELECT object_id % 1000, length(group_concat(action)) FROM {} GROUP BY 1",
    "window": "SELECT max(n) FROM (SELECT row_number() OVER (PARTITION BY object_id ORDER BY ts) n FROM {})",
    "window_funnel": f"SELECT object_id, window_funnel('7 days', ts, {_STEPS}) FROM {{}} GROUP BY object_id",
    "window_funnel, once": (
        "SELECT object_id, window_funnel('7 days', 'strict_once', ts, action = 'search', action LIKE '%a%', plan = 'pro')"
        " FROM {} GROUP BY object_id"),
    "window_funnel over rows": f"SELECT window_funnel('7 days', ts, {_STEPS}) FROM {{}}",
    "sequence_count": f"SELECT sum(n) FROM (SELECT sequence_count('(?1).*(?2)(?3)', ts, {_STEPS}) n FROM {{}} GROUP BY object_id)",
    "sequence_match": f"SELECT sum(n) FROM (SELECT sequence_match('(?1)(?t<=3600)(?2).*(?3)', ts, {_STEPS}) n FROM {{}} GROUP BY object_id)",
    "sequence_match_events": f"SELECT object_id, sequence_match_events('(?1).*(?2).*(?3)', ts, {_STEPS}) FROM {{}} GROUP BY object_id",
    "retention": f"SELECT object_id, retention({_STEPS}) FROM {{}} GROUP BY object_id",
    "sequence_next_node": (
        f"SELECT object_id, sequence_next_node('forward', 'head', ts, action, plan = 'pro', {_STEPS}) FROM {{}}"
        " GROUP BY object_id"),
    "duration_in": "SELECT sum(d) FROM (SELECT duration_in(plan, 'free', ts) d FROM {} GROUP BY object_id)",
    "state_timeline": "SELECT object_id, state_timeline(plan, ts) FROM {} GROUP BY object_id",
    "path_string": "SELECT object_id, path_string(action) FROM {} GROUP BY object_id",
    "sky_funnel": "SELECT * FROM sky_funnel('{}', 'view product > add to cart > purchase', '7 days', '{{\"by\": \"plan\"}}')",
    "sky_funnel, any order": "SELECT * FROM sky_funnel('{}', 'view product > add to cart > purchase', '7 days', '{{\"order\": \"any\"}}')",
    "sky_funnel, totals": "SELECT * FROM sky_funnel('{}', 'view product > add to cart > purchase', '7 days', '{{\"count\": \"totals\"}}')",
    "sky_funnel_objects": "SELECT * FROM sky_funnel_objects('{}', 'view product > purchase', '7 days', NULL, 2, 0)",
    "sky_retention": "SELECT * FROM sky_retention('{}', 'sign in', 'purchase', 'week', 12)",
    "sky_retention, months": "SELECT * FROM sky_retention('{}', 'sign in', 'purchase', 'month', 12)",
    "sky_flow": "SELECT * FROM sky_flow('{}', '{{\"from\": \"search\", \"depth\": 4}}')",
    "sky_lifecycle": "SELECT * FROM sky_lifecycle('{}', 'week')",
    "sky_lifecycle, seconds": "SELECT count(*) FROM sky_lifecycle('{}', '10 seconds')",
    "sky_stickiness": "SELECT * FROM sky_stickiness('{}', 'search', 'week')",
    "sky_timeline": "SELECT count(*), max(seconds) FROM sky_timeline('{}', 'plan')",
    "match by regex": "SELECT count(*) FROM {} MATCH_RECOGNIZE (" + _MATCH.format(
        "count(*) AS n", "A B+ C", "A AS action = 'search', B AS action = 'view product', C AS action = 'add to cart'") + ")",
    "match in general": "SELECT count(*) FROM {} MATCH_RECOGNIZE (" + _MATCH.format(
        "count(*) AS n", "A B+ C", "B AS amount > A.ts OR ts > PREV(ts) + 1000, C AS C.ts > FIRST(B.ts) + 60000000") + ")",
}  # fmt: skip
"""With {} for the table."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something long: its name, and what it does with a connection."""

    name: str
    run: Callable[[skysql.Connection], object]


def arrays(events: Events) -> dict[str, object]:
    """The columns as append() takes them."""
    names = {"action": (tuple(ACTIONS), events.action), "plan": (tuple(PLANS), events.plan),
             "country": (tuple(COUNTRIES), events.country)}  # fmt: skip
    columns: dict[str, object] = {"object_id": events.objects, "timestamp": events.ts.astype("M8[us]")}
    for name, (values, codes) in names.items():
        columns[name] = np.array([*values, None], object)[codes]
    return columns | {"amount": events.amount}


def works(events: Events) -> Iterator[Work]:
    """Everything that is timed. append() and compact() are rolled back."""
    columns = arrays(events)
    for table in ("users", "one"):
        yield Work(f"compact of {table}", lambda db, table=table: _undone(db, lambda: db.compact(table)))
        for name, text in STATEMENTS.items():
            yield Work(f"{name}, {table}", partial(_drained, text=text.format(table)))
    yield Work("append", lambda db: _undone(db, lambda: db.append("users", columns)))
    yield Work("delete", lambda db: _undone(db, lambda: db.execute("DELETE FROM users WHERE action = 'search'")))
    yield Work("update", lambda db: _undone(db, lambda: db.execute("UPDATE users SET amount = 1 WHERE plan = 'pro'")))


def _undone(db: skysql.Connection, run: Callable[[], object]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        run()
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _drained(db: skysql.Connection, text: str) -> None:
    cursor = db.execute(text)
    while cursor.fetchmany(1000):
        pass


def fill(file: Path, events: Events) -> None:
    """Make both tables."""
    db = skysql.connect(str(file))
    for table, data in (("users", events), ("one", replace(events, objects=np.ones_like(events.objects)))):
        db.execute(f"CREATE VIRTUAL TABLE {table} USING sky({_COLUMNS})")
        db.append(table, arrays(data))
        db.compact(table)
        db.commit()
    db.close()


def slowest(db: skysql.Connection, work: Work, tries: int, where: bool) -> tuple[float, float]:
    """(seconds that it takes, the longest from an interrupt to its error)."""
    began = time.perf_counter()
    _stopped(db, work, 60, where)
    whole = time.perf_counter() - began
    worst, after = 0.0, whole
    for at in range(tries):
        took = _stopped(db, work, after * (at + 0.5) / tries, where)
        worst = max(worst, took or 0)
        after *= 1 if took is not None else 0.7
    return whole, worst


def _stopped(db: skysql.Connection, work: Work, after: float, where: bool = False) -> float | None:
    """Seconds from an interrupt, so much after its beginning, to its error; None if it was over before."""
    moment: list[float] = []
    over = threading.Event()

    def interrupt() -> None:
        moment.append(time.perf_counter())
        db.interrupt()
        if where:
            _tell(over)

    timer = threading.Timer(after, interrupt)
    timer.start()
    try:
        work.run(db)
        timer.cancel()
        return None
    except skysql.OperationalError as error:
        if "interrupt" not in str(error):
            raise
        return time.perf_counter() - moment[0]
    finally:
        over.set()
        timer.cancel()
        timer.join()


def _tell(over: threading.Event) -> None:
    """Print where the main thread is, as long as it goes on."""
    while not over.wait(0.1):
        frame: Any = sys._current_frames()[threading.main_thread().ident or 0]
        stack = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_stack(frame)]
        print("      ", " < ".join(stack[:-7:-1]))


def main() -> None:
    """Print a line for each work, the slowest to stop last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--events", type=float, default=20e6)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--only", default="", help="works with this in their name")
    parser.add_argument("--where", action="store_true", help="print where it is while it goes on")
    parser.add_argument("--directory", help="where the file is made, or was")
    asked = parser.parse_args()
    directory = Path(asked.directory or tempfile.mkdtemp())
    file, events = directory / "interrupts.db", generate(int(asked.events))
    if not file.exists():
        fill(file, events)
    db, late = skysql.connect(str(file)), []
    for work in works(events):
        if asked.only not in work.name:
            continue
        try:
            whole, worst = slowest(db, work, asked.tries, asked.where)
        except skysql.Error as error:
            print(f"{work.name:45} {type(error).__name__}: {str(error)[:200]}", flush=True)
            continue
        print(f"{work.name:45} {whole:8.2f} s   stops within {worst * 1e3:8.1f} ms", flush=True)
        late += [(worst, work.name)] if worst > SOON else []
    print("\nlate:", *(f"{worst:.2f} s {name}" for worst, name in sorted(late)), sep="\n  ")
    if not asked.directory:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
