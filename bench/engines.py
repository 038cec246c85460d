"""DuckDB, ClickHouse (chdb) and SQLite, as the benchmarks use them: tables of the same events, ready to be asked.

All tables lie on disk in each peer's own format, sorted by (object_id, ts), texts as enums, with all cores, warm.
Beside the events each peer keeps a table of each property's changes, which is what its ASOF JOIN reads, and a table
where the state was written onto every event. The making of those is not counted against it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from .events import ACTIONS, COUNTRIES, PLANS, Events, Orders
from .measure import Rows

MEMORY_GB = 8


class Engine(Protocol):
    """What is measured: skysql, or one of its peers."""

    name: str
    bytes_an_event: float  # of the table of events alone
    load_seconds: float  # unsorted events to a sorted, durable table of events

    def version(self) -> str:
        """Name and version of the engine."""

    def load(self, events: Events) -> None:
        """Take events in any order, make the table of them."""

    def add_state(self) -> None:
        """Make the tables of changes, and of events with the state on each."""

    def add_orders(self, orders: Orders) -> None:
        """Make the table of orders."""

    def ask(self, sql: str, object_id: int | None = None) -> Rows:
        """The rows, end to end."""

    def close(self) -> None:
        """Let go of memory and files."""


class DuckDB:
    """A DuckDB file."""

    name = "DuckDB"

    def __init__(self, directory: str) -> None:
        import duckdb

        self._path = os.path.join(directory, "duckdb.db")
        self._connection = duckdb.connect(self._path)
        self._connection.execute(f"SET memory_limit = '{MEMORY_GB}GB'")

    def version(self) -> str:
        """Name and version of the engine."""
        import duckdb

        return f"DuckDB {duckdb.__version__}"

    def load(self, events: Events) -> None:
        """Take events in any order, make the table of them."""
        import pandas

        execute = self._connection.execute
        self._connection.register("arrived", pandas.DataFrame(events.columns(), copy=False))
        begin = time.perf_counter()
        execute(
            "CREATE TABLE events AS SELECT object_id, timestamp AS ts, action, plan, country, amount FROM arrived "
            "ORDER BY object_id, ts"
        )
        execute("CHECKPOINT")
        self.load_seconds = time.perf_counter() - begin
        self.bytes_an_event = os.path.getsize(self._path) / len(events)
        self._connection.unregister("arrived")

    def add_state(self) -> None:
        """Make the tables of changes, also as ranges of validity, and of events with the state on each."""
        execute = self._connection.execute
        for name in ("plan", "country"):
            execute(
                f"CREATE TABLE {name}_changes AS SELECT object_id, ts, {name} FROM events WHERE {name} IS NOT NULL "
                "ORDER BY object_id, ts"
            )
            execute(
                f"CREATE TABLE {name}_ranges AS SELECT object_id, ts AS since, lead(ts, 1, {2**63 - 1}) "
                f"OVER (PARTITION BY object_id ORDER BY ts) AS till, {name} FROM {name}_changes ORDER BY object_id, ts"
            )
        execute(
            "CREATE TABLE state AS SELECT object_id, ts, action, last_value(plan IGNORE NULLS) OVER w AS plan, "
            "last_value(country IGNORE NULLS) OVER w AS country, amount FROM events "
            "WINDOW w AS (PARTITION BY object_id ORDER BY ts) ORDER BY object_id, ts"
        )
        execute("CHECKPOINT")

    def add_orders(self, orders: Orders) -> None:
        """Make the table of orders."""
        import pandas

        self._connection.register("ordered", pandas.DataFrame(orders.columns(), copy=False))
        self._connection.execute("CREATE TABLE orders AS SELECT * FROM ordered")
        self._connection.execute("CHECKPOINT")
        self._connection.unregister("ordered")

    def ask(self, sql: str, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        return self._connection.execute(sql, [] if object_id is None else [object_id]).fetchall()

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()


def _enum(names: Sequence[str] | dict[str, float]) -> str:
    return "Enum8(" + ", ".join(f"'{name}' = {number}" for number, name in enumerate(names, 1)) + ")"


def plan_asof(source: str, key: str, at: str, more: str = "") -> str:
    """SELECT of object_id, ts, more, and the plan at (key, at) of each row of source, as ClickHouse has it."""
    return (
        f"SELECT e.{key} AS object_id, e.{at} AS ts, {more}c.plan AS plan FROM {source} e "
        f"ASOF LEFT JOIN plan_changes c ON c.object_id = e.{key} AND e.{at} >= c.ts"
    )


class ClickHouse:
    """MergeTree tables of a chdb session."""

    name = "ClickHouse"
    ACTION, PLAN, COUNTRY = _enum(ACTIONS), _enum(PLANS), _enum(COUNTRIES)
    ASOF_SETTINGS = " SETTINGS join_use_nulls = 1, join_algorithm = 'hash'"
    _EVENTS = (
        f"object_id Int64, ts Int64, action {ACTION}, plan Nullable({PLAN}), country Nullable({COUNTRY}), "
        "amount Nullable(Float64)"
    )
    _PART = 4_000_000

    def __init__(self, directory: str) -> None:
        from chdb import session

        self._directory = directory
        self._session = session.Session(os.path.join(directory, "clickhouse"))
        self._session.query(f"SET max_memory_usage = {MEMORY_GB * 10**9}")

    def version(self) -> str:
        """Name and version of the engine."""
        import chdb

        return f"ClickHouse {chdb.engine_version} (chdb {chdb.__version__})"

    def load(self, events: Events) -> None:
        """Take events in any order, make the table of them. The Parquet files that they come in by are not timed."""
        import pandas

        self._create("events", self._EVENTS, "object_id, ts")
        self.load_seconds = 0.0
        for at in range(0, len(events), self._PART):
            frame = pandas.DataFrame(events.take(slice(at, at + self._PART)).columns(), copy=False)
            self.load_seconds += self._insert("events", frame.rename(columns={"timestamp": "ts"}))
        begin = time.perf_counter()
        self._session.query("OPTIMIZE TABLE events FINAL")
        self.load_seconds += time.perf_counter() - begin
        size = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'"
        self.bytes_an_event = self.ask(size)[0][0] / len(events)

    def add_state(self) -> None:
        """Make the tables of changes, and of events with the state on each."""
        for name, enum in (("plan", self.PLAN), ("country", self.COUNTRY)):
            self._create(f"{name}_changes", f"object_id Int64, ts Int64, {name} {enum}", "object_id, ts")
            self._derive(f"{name}_changes", f"SELECT object_id, ts, {name} FROM events WHERE {name} IS NOT NULL")
        self._create("state", self._EVENTS, "object_id, ts")
        self._derive(
            "state",
            "SELECT f.object_id, f.ts, f.action, f.plan, d.country, f.amount FROM "
            f"({plan_asof('events', 'object_id', 'ts', 'action, amount, ')}) f ASOF LEFT JOIN country_changes d "
            f"ON d.object_id = f.object_id AND f.ts >= d.ts{self.ASOF_SETTINGS}",
        )

    def add_orders(self, orders: Orders) -> None:
        """Make the table of orders."""
        import pandas

        self._create("orders", "id Int64, customer_id Int64, created_at Int64", "id")
        self._insert("orders", pandas.DataFrame(orders.columns(), copy=False))

    def _create(self, table: str, columns: str, order: str) -> None:
        self._session.query(f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY ({order})")

    def _derive(self, table: str, sql: str) -> None:
        self._session.query(f"INSERT INTO {table} {sql}")
        self._session.query(f"OPTIMIZE TABLE {table} FINAL")

    def _insert(self, table: str, frame: Any) -> float:
        path = os.path.join(self._directory, "part.parquet")
        frame.to_parquet(path, index=False)
        begin = time.perf_counter()
        columns = ", ".join(frame.columns)
        self._session.query(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM file('{path}', Parquet)")
        seconds = time.perf_counter() - begin
        os.unlink(path)
        return seconds

    def ask(self, sql: str, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        if object_id is not None:
            sql = sql.format(object=object_id)
        answer = json.loads(self._session.query(sql, "JSONCompact").bytes())
        reals = [number for number, column in enumerate(answer["meta"]) if "Float64" in column["type"]]
        for row in answer["data"]:
            for number in reals:  # 32.0 is written as 32
                row[number] = None if row[number] is None else float(row[number])
        return [tuple(row) for row in answer["data"]]

    def close(self) -> None:
        """Let go of memory and files."""
        self._session.close()


def latest(name: str, of: str, at: str) -> str:
    """The value of a property of an object as of a moment, as SQLite has it."""
    return (
        f"(SELECT {name} FROM {name}_changes c WHERE c.object_id = {of} AND c.ts <= {at} ORDER BY c.ts DESC LIMIT 1) "
        f"AS {name}"
    )


class SQLite:
    """Ordinary tables clustered by (object_id, ts), with a covering index for the purchases."""

    name = "SQLite"
    _COLUMNS = (
        "object_id INTEGER, ts INTEGER, action TEXT, plan TEXT, country TEXT, amount REAL, PRIMARY KEY (object_id, ts)"
    )

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "sqlite.db")
        self._connection = sqlite3.connect(self._path)
        self._connection.execute("PRAGMA cache_size = -1000000")

    def version(self) -> str:
        """Name and version of the engine."""
        return f"SQLite {sqlite3.sqlite_version}"

    def load(self, events: Events) -> None:
        """Take events in any order, make the table of them."""
        execute = self._connection.execute
        begin = time.perf_counter()
        execute(f"CREATE TABLE events ({self._COLUMNS}) WITHOUT ROWID")
        rows: Iterator[Any] = iter(sorted(events.rows()))
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
        execute("CREATE INDEX events_action ON events(action, object_id, ts, amount)")
        self._connection.commit()
        self.load_seconds = time.perf_counter() - begin
        self.bytes_an_event = os.path.getsize(self._path) / len(events)

    def add_state(self) -> None:
        """Make the tables of changes, and of events with the state on each."""
        execute = self._connection.execute
        for name in ("plan", "country"):
            execute(
                f"CREATE TABLE {name}_changes(object_id INTEGER, ts INTEGER, {name} TEXT, PRIMARY KEY (object_id, ts)) "
                "WITHOUT ROWID"
            )
            execute(f"INSERT INTO {name}_changes SELECT object_id, ts, {name} FROM events WHERE {name} IS NOT NULL")
        execute(f"CREATE TABLE state ({self._COLUMNS}) WITHOUT ROWID")
        execute(
            f"INSERT INTO state SELECT object_id, ts, action, {latest('plan', 'e.object_id', 'e.ts')}, "
            f"{latest('country', 'e.object_id', 'e.ts')}, amount FROM events e"
        )
        execute("CREATE INDEX state_action ON state(action, plan, amount)")
        execute("ANALYZE")
        self._connection.commit()

    def add_orders(self, orders: Orders) -> None:
        """Make the table of orders."""
        self._connection.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER, created_at INTEGER)")
        self._connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders.rows())
        self._connection.execute("ANALYZE")
        self._connection.commit()

    def ask(self, sql: str, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        return self._connection.execute(sql, () if object_id is None else (object_id,)).fetchall()

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()
