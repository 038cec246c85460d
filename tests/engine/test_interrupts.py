"""Everything long looks at whether it was interrupted, stops there, and leaves all as it was.

That it looks often enough, at the sizes of the benchmarks, is what bench/interrupts.py measures. Here an interrupt
comes at the n-th look, whichever that is, so that no test depends on time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skysql
from skysql import interruption
from skysql.cli import main
from skysql.functions import FUNCTIONS
from skysql.interruption import Interruption
from skysql.reports import REPORTS
from tests.conftest import Connect

EVENTS = 1 << 17
ACTIONS = np.array(["sign up", "view", "buy", None], object)

_CONDITIONS = "action = 'sign up', action = 'view', action = 'buy'"

CALLS = {
    "window_funnel": f"window_funnel('7 days', 'strict_once', ts, {_CONDITIONS}, amount > 3)",
    "sequence_match": f"sequence_match('(?1)(?t<=''1 hour'')(?2).*(?3)', ts, {_CONDITIONS})",
    "sequence_count": f"sequence_count('(?1).*(?2)', ts, {_CONDITIONS})",
    "sequence_match_events": f"sequence_match_events('(?1).*(?2)', ts, {_CONDITIONS})",
    "retention": f"retention({_CONDITIONS})",
    "sequence_next_node": f"sequence_next_node('forward', 'head', ts, action, plan = 'pro', {_CONDITIONS})",
    "duration_in": "duration_in(plan, 'pro', ts)",
    "state_timeline": "state_timeline(plan, ts)",
    "path_string": "path_string(action)",
}
"""A call of each path function."""

ASKED = {
    "sky_funnel": "('{}', 'sign up > view > buy', '7 days', '{{\"by\": \"plan\"}}')",
    "sky_funnel_objects": "('{}', 'sign up > buy', '7 days', NULL, 2, 0)",
    "sky_retention": "('{}', 'sign up', 'buy', 'month', 5)",
    "sky_flow": "('{}', '{{\"from\": \"view\"}}')",
    "sky_lifecycle": "('{}', 'day')",
    "sky_stickiness": "('{}', 'view', 'day')",
    "sky_timeline": "('{}', 'plan')",
}
"""A call of each report."""

SCANS = {
    "groups": "SELECT plan, count(*), sum(amount) FROM {} WHERE action = 'buy' GROUP BY plan",
    "many groups": "SELECT ts, amount, count(*) FROM {} GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 5",
    "distinct": "SELECT count(DISTINCT amount), count(DISTINCT ts) FROM {}",
    "statistics": "SELECT object_id, stddev(amount), corr(amount, ts), median(amount), mode(plan) FROM {} GROUP BY 1",
    "objects": "SELECT plan, count(*) FROM {}_objects FOR SYSTEM_TIME AS OF '2026-01-15' GROUP BY plan",
    "changes": "SELECT new_value, count(*) FROM {}_changes GROUP BY 1",
    "sessions": "SELECT plan, count(*), avg(duration) FROM {}_sessions('30 minutes') GROUP BY plan",
    "rows": "SELECT * FROM {} WHERE amount > 5 ORDER BY amount, ts, object_id LIMIT 5",
    "SQLite's": "SELECT printf('%s', plan), count(*) FROM {} GROUP BY 1",
    "point in time": "SELECT s.plan, count(*) FROM orders o JOIN {}_objects s ON s.object_id = o.o AND s.as_of = o.at"
    " GROUP BY 1",
    "regular pattern": "SELECT count(*) FROM {} MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp"
    " PATTERN (A B+ C) DEFINE A AS action = 'sign up', B AS action = 'view', C AS action = 'buy')",
    "general pattern": "SELECT count(*) FROM {} MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp"
    " PATTERN (A B+ C) DEFINE B AS amount > A.amount, C AS amount < LAST(B.amount))",
}

STATEMENTS = (
    SCANS
    | {name: f"SELECT object_id, {call} FROM {{}} GROUP BY object_id" for name, call in CALLS.items()}
    | {f"{name} of rows": f"SELECT {call} FROM (SELECT *, ts FROM {{}} LIMIT 5000)" for name, call in CALLS.items()}
    | {name: f"SELECT * FROM {name}{call}" for name, call in ASKED.items()}
)


def columns(objects: int, size: int = EVENTS) -> dict[str, Any]:
    """Arrays for append(): objects with events of all kinds."""
    rng = np.random.default_rng(7)
    return {
        "object_id": np.sort(rng.integers(1, objects + 1, size)),
        "timestamp": np.datetime64("2026-01-01", "us") + np.sort(rng.integers(0, 40 * 86_400, size)) * 1_000_000,
        "action": ACTIONS[rng.integers(0, 3, size)],
        "plan": np.array(["free", "pro", None], object)[rng.integers(0, 3, size)],
        "amount": rng.integers(0, 1000, size) / 4,
    }


@pytest.fixture(scope="module")
def db() -> Iterator[skysql.Connection]:
    """`many` has many short paths, `one` a single long one."""
    db = skysql.connect(":memory:")
    for name, objects in (("many", 5000), ("one", 1)):
        db.execute(f"CREATE VIRTUAL TABLE {name} USING sky(plan TEXT STATE, amount REAL)")
        db.append(name, columns(objects))
    db.execute("CREATE TABLE orders AS SELECT object_id AS o, timestamp AS at FROM many WHERE action = 'buy'")
    db.commit()
    yield db
    db.close()


class Looks:
    """How often a connection was looked at whether it is to stop, and at which look it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen, self.at = 0, 0
        self.instead: Exception | None = None
        looks = self

        def stopped(_: Interruption) -> bool:
            looks.seen += 1
            if looks.seen == looks.at and looks.instead is not None:
                raise looks.instead
            return looks.seen == looks.at

        looked = property(stopped, lambda *_: None)
        monkeypatch.setattr(Interruption, "stopped", looked, raising=False)
        monkeypatch.setattr(interruption, "_GLANCE", None)  # no looks that are as many as a wait is long

    def count(self, run: Callable[[], Any]) -> Any:
        """What run() gives; `seen` is how often it looked."""
        self.seen, self.at = 0, 0
        return run()

    def stop(self, at: int, run: Callable[[], Any]) -> None:
        """Interrupt run() at that look."""
        self.seen, self.at = 0, at
        with pytest.raises(skysql.OperationalError, match="^interrupted$") as raised:
            run()
        assert raised.value.sqlite_errorcode == 9  # type: ignore[attr-defined]

    def fail(self, at: int, error: Exception, message: str, run: Callable[[], Any]) -> None:
        """Let run() raise an error at that look, which is told as one of ours."""
        self.seen, self.at, self.instead = 0, at, error
        try:
            with pytest.raises(skysql.OperationalError, match=message):
                run()
        finally:
            self.instead = None


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def test_every_function_and_report_is_walked_over() -> None:
    assert set(CALLS) == set(FUNCTIONS)
    assert set(ASKED) == {report.name for report in REPORTS}


@pytest.mark.parametrize("table", ["many", "one"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_stops(db: skysql.Connection, looks: Looks, name: str, table: str) -> None:
    sql = STATEMENTS[name].format(table)

    def run() -> list[Any]:
        return db.execute(sql).fetchall()

    found = looks.count(run)
    assert looks.count(run) == found  # as often as any time from now on: what is cached is not read again
    seen = looks.seen
    assert seen
    for at in sorted({1, seen // 3 + 1, seen // 2 + 1, seen}):
        looks.stop(at, run)
    assert looks.count(run) == found


@pytest.mark.parametrize("work", ["append", "compact", "delete", "alter"])
def test_a_write_stops_and_leaves_nothing(connect: Connect, small: None, looks: Looks, work: str) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    for _ in range(4):
        db.append("users", columns(50, 400))
    db.execute("DELETE FROM users WHERE amount > 200")
    db.commit()
    works: dict[str, Callable[[], Any]] = {
        "append": lambda: db.append("users", columns(50, 400)),
        "compact": db.compact,
        "delete": lambda: db.execute("DELETE FROM users WHERE plan = 'pro'"),
        "alter": lambda: db.execute("SELECT sky_alter('users', 'ALTER amount TYPE TEXT')").fetchall(),
    }
    before = db.execute("SELECT * FROM users").fetchall()

    def run() -> None:
        db.execute("SAVEPOINT s")
        try:
            works[work]()
        finally:
            db.execute("ROLLBACK TO s")
            db.execute("RELEASE s")

    looks.count(run)
    seen = looks.seen
    assert seen
    for at in sorted({1, seen // 2 + 1, seen}):
        looks.stop(at, run)
        assert looks.count(lambda: db.execute("SELECT * FROM users").fetchall()) == before
    assert db.check() == []


def _made(make: str, size: int) -> Any:
    """Columns of that make, with more texts than stay in rows."""
    given: dict[str, Any] = columns(50, size) | {"note": np.array([f"n{at % 20_000}" for at in range(size)], object)}
    times = given["timestamp"].astype("M8[us]")
    match make:
        case "lists":
            return {name: column.tolist() for name, column in given.items()}
        case "texts of times":
            return given | {"timestamp": np.datetime_as_string(times).tolist()}
        case "moments":
            return given | {"timestamp": times.tolist()}
        case "pandas":
            return pytest.importorskip("pandas").DataFrame(given)
        case "polars":
            return pytest.importorskip("polars").DataFrame({name: column.tolist() for name, column in given.items()})
        case "pyarrow":
            return pytest.importorskip("pyarrow").table({name: column.tolist() for name, column in given.items()})
    return given


@pytest.mark.parametrize("make", ["arrays", "lists", "texts of times", "moments", "pandas", "polars", "pyarrow"])
def test_an_append_of_columns_of_any_make_stops_and_leaves_nothing(connect: Connect, looks: Looks, make: str) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL, note TEXT)")
    db.append("users", columns(50, 400))
    db.commit()
    given = _made(make, 100_000)

    def run() -> None:
        db.execute("SAVEPOINT s")
        try:
            db.append("users", given)
        finally:
            db.execute("ROLLBACK TO s")
            db.execute("RELEASE s")

    looks.count(run)
    seen = looks.seen
    for at in sorted({1, *range(seen // 9 + 1, seen, seen // 9 + 1), seen}):
        looks.stop(at, run)
        assert looks.count(lambda: db.execute("SELECT count(*), count(note) FROM users").fetchall()) == [(400, 0)]
    db.append("users", given)
    assert db.execute("SELECT count(*), count(DISTINCT note) FROM users").fetchall() == [(100_400, 20_000)]
    assert db.check() == []


EXHAUSTED = [(MemoryError("Unable to allocate 2.3 TiB"), "^out of memory: Unable to allocate 2.3 TiB"),
             (RuntimeError("can't start new thread"), "^can't start new thread .* threads")]  # fmt: skip


@pytest.mark.parametrize(("error", "message"), EXHAUSTED)
@pytest.mark.parametrize("name", STATEMENTS)
def test_no_more_memory_or_threads_for_a_statement(
    db: skysql.Connection, looks: Looks, name: str, error: Exception, message: str
) -> None:
    def run() -> list[Any]:
        return db.execute(STATEMENTS[name].format("many")).fetchall()

    found = looks.count(run)
    for at in (1, looks.seen // 2 + 1):
        looks.fail(at, error, message, run)
    assert looks.count(run) == found


@pytest.mark.parametrize(("error", "message"), EXHAUSTED)
def test_no_more_memory_or_threads_for_a_write(looks: Looks, error: Exception, message: str) -> None:
    db = skysql.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    db.append("users", columns(50, 400))
    db.commit()
    for run in (lambda: db.append("users", columns(50, 400)), db.compact, lambda: db.execute("DELETE FROM users")):
        looks.fail(1, error, message, run)
        db.rollback()
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(400,)]
    db.close()


@pytest.mark.parametrize(("error", "message"), EXHAUSTED)
def test_no_more_memory_or_threads_for_an_import(
    tmp_path: Path, looks: Looks, capsys: pytest.CaptureFixture[str], error: Exception, message: str
) -> None:
    (tmp_path / "events.csv").write_text("object_id,timestamp,action\n1,2026-01-01,view\n")
    given = ["--object", "object_id", "--time", "timestamp", "--action", "action"]
    looks.seen, looks.at, looks.instead = 0, 1, error
    assert main.main(["import", str(tmp_path / "x.db"), "users", str(tmp_path / "events.csv"), *given]) == 1
    told = capsys.readouterr().err
    assert message[1:14] in told and len(told.splitlines()) <= 2


def test_an_import_stops_and_stores_nothing(tmp_path: Path, looks: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    file, rows = tmp_path / "events.csv", 5000
    lines = [f"{at % 7 + 1},2026-01-01 00:{at // 60 % 60:02}:{at % 60:02},view" for at in range(rows)]
    file.write_text("\n".join(["object_id,timestamp,action", *lines]) + "\n")

    def load(name: str) -> int:
        given = ["--object", "object_id", "--time", "timestamp", "--action", "action"]
        return main.main(["import", str(tmp_path / name), "users", str(file), *given])

    assert looks.count(lambda: load("whole.db")) == 0
    for at in sorted({1, looks.seen // 2 + 1, looks.seen}):
        looks.seen, looks.at = 0, at
        assert load(f"{at}.db") == 1
        assert "interrupted" in capsys.readouterr().err
        stored = skysql.connect(tmp_path / f"{at}.db").execute("SELECT name FROM sqlite_schema").fetchall()
        assert looks.at and stored == []


@pytest.mark.parametrize("many", ["executemany", "executescript"])
def test_many_statements_stop(connect: Connect, looks: Looks, many: str) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(amount REAL)")
    db.execute("CREATE TABLE plain(a)")
    for sql in ("INSERT INTO plain VALUES (?)", "INSERT INTO users(object_id, timestamp, action) VALUES (1, ?, 'buy')"):

        def run(sql: str = sql) -> None:
            if many == "executemany":
                db.executemany(sql, [(at,) for at in range(10)])
            else:
                db.executescript(";".join(sql.replace("?", str(at)) for at in range(10)))

        looks.count(run)
        assert looks.seen >= 10
        for at in (1, 5, 10):
            looks.stop(at, run)
        db.rollback()
        looks.count(run)


def test_interrupts_are_about_one_connection_and_one_use_of_it(connect: Connect) -> None:
    one, other = connect(), connect()
    one.interrupt()  # nothing is running: no effect
    assert one.execute("SELECT 1").fetchall() == [(1,)]

    def ask() -> int:
        one.interrupt()
        return other.execute("SELECT 5").fetchall()[0][0]

    other.create_function("five", 0, ask)  # within a use of `other`, and of `one` by nobody
    assert other.execute("SELECT five()").fetchall() == [(5,)]


def test_a_long_sort_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_LONG", 4)
    begun, go_on = threading.Event(), threading.Event()
    use = Interruption()

    def sort(_: Any) -> None:
        begun.set()
        go_on.wait()

    def stop() -> None:
        begun.wait()
        use.stop()

    use.enter()
    thread = threading.Thread(target=stop)
    thread.start()
    try:
        with pytest.raises(skysql.OperationalError, match="interrupted"):
            interruption.patiently(sort, np.zeros(5))
    finally:
        go_on.set()
        use.leave()
        thread.join()
    assert interruption.patiently(np.sort, np.array([3, 1, 2, 5, 4])).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("make", ["pandas", "polars", "pyarrow"])
def test_what_a_thread_of_its_own_reads_is_stored(connect: Connect, make: str) -> None:
    db, size = connect(), 270_000
    for table, columns_ in (("users", _made(make, size)), ("right", _made("arrays", size))):
        db.execute(f'CREATE VIRTUAL TABLE "{table}" USING sky(plan TEXT STATE, amount REAL, note TEXT)')
        assert db.append(table, columns_) == size
    values = "count(*), sum(amount), count(DISTINCT note), min(ts)"
    asked = f"SELECT plan, action, {values} FROM {{}} GROUP BY 1, 2 ORDER BY 1, 2"
    right = db.execute(asked.format('"right"')).fetchall()
    assert len(right) > 1 and db.execute(asked.format("users")).fetchall() == right
