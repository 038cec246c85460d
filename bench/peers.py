"""DuckDB, ClickHouse (chdb) and SQLite, each with its best way to ask the questions that we found.

All tables lie on disk in each peer's own format, sorted by (object_id, ts), texts as enums, with all cores, warm.
Beside the events each peer keeps a table of each property's changes, which is what its ASOF JOIN reads, and a table
where the state was written onto every event. The making of those is not counted against it.

Tried, and no faster: DuckDB's window function instead of the ASOF JOIN (ten times as slow), one ASOF JOIN with the
state table instead of two with the changes (five times), an ASOF JOIN of all events that is filtered after it (seven
times); ClickHouse's full_sorting_merge (twice as slow) and parallel_hash.
ClickHouse needs join_use_nulls, or objects without a plan get the first one of the enum.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from .events import ACTIONS, COUNTRIES, PLANS, Events, Orders
from .questions import (
    ARG_MAX,
    AS_OF_US,
    ASOF,
    BY_ACTION,
    BY_PLAN,
    BY_PLAN_COUNTRY,
    ORDERS,
    PATH,
    PLANS_AS_OF,
    RANGES,
    SCAN,
    STATE,
    Rows,
    Statement,
)

MEMORY_GB = 8


class Peer(Protocol):
    """What is measured beside skysql."""

    name: str
    statements: Sequence[Statement]
    bytes_an_event: float  # of the table of events alone
    load_seconds: float  # unsorted events to a sorted, durable table of events

    def version(self) -> str:
        """Name and version of the engine."""

    def load(self, events: Events, orders: Orders) -> None:
        """Take events in any order, make the tables."""

    def ask(self, statement: Statement, object_id: int | None = None) -> Rows:
        """The rows, end to end."""

    def close(self) -> None:
        """Let go of memory and files."""


def _asof(source: str, key: str, at: str, *, country: bool, columns: str) -> str:
    """SELECT of state at (key, at) of each row of source, as DuckDB has it."""
    sql = f"SELECT {columns} FROM {source} e ASOF LEFT JOIN plan_changes c ON c.object_id = e.{key} AND e.{at} >= c.ts"
    if country:
        sql += f" ASOF LEFT JOIN country_changes d ON d.object_id = e.{key} AND e.{at} >= d.ts"
    return sql + (" GROUP BY 1, 2" if country else " GROUP BY 1")


def _ranges(source: str, key: str, at: str, *, country: bool, columns: str, where: str = "") -> str:
    """The same by a join with ranges of validity."""
    joins = f"LEFT JOIN plan_ranges c ON c.object_id = e.{key} AND e.{at} >= c.since AND e.{at} < c.till"
    if country:
        joins += f" LEFT JOIN country_ranges d ON d.object_id = e.{key} AND e.{at} >= d.since AND e.{at} < d.till"
    return f"SELECT {columns} FROM {source} e {joins} {where} GROUP BY {'1, 2' if country else '1'}"


_BOUGHT = "WHERE action = 'purchase'"
_PURCHASES = f"(SELECT object_id, ts, amount FROM events {_BOUGHT})"
_PATH = "SELECT ts, action, plan, country, amount FROM state WHERE object_id = {object} ORDER BY ts"


class DuckDB:
    """A DuckDB file."""

    name = "DuckDB"
    statements = (
        Statement(BY_PLAN, ASOF, _asof(_PURCHASES, "object_id", "ts", country=False,
                                       columns="c.plan, count(*), sum(amount)")),
        Statement(BY_PLAN, RANGES, _ranges("events", "object_id", "ts", country=False, where=_BOUGHT,
                                           columns="c.plan, count(*), sum(amount)"), counts=False),
        Statement(BY_PLAN, STATE, f"SELECT plan, count(*), sum(amount) FROM state {_BOUGHT} GROUP BY plan"),
        Statement(BY_PLAN_COUNTRY, ASOF, _asof(_PURCHASES, "object_id", "ts", country=True,
                                               columns="c.plan, d.country, count(*), sum(amount)")),
        Statement(BY_PLAN_COUNTRY, RANGES, _ranges("events", "object_id", "ts", country=True, where=_BOUGHT,
                                                   columns="c.plan, d.country, count(*), sum(amount)"), counts=False),
        Statement(BY_PLAN_COUNTRY, STATE, "SELECT plan, country, count(*), sum(amount) FROM state "
                  f"{_BOUGHT} GROUP BY plan, country", counts=False),
        Statement(BY_ACTION, SCAN, "SELECT action, count(*) FROM events GROUP BY action"),
        Statement(PLANS_AS_OF, ARG_MAX, "SELECT plan, count(*) FROM (SELECT object_id, arg_max(plan, ts) AS plan "
                  f"FROM events WHERE ts <= {AS_OF_US} GROUP BY object_id) GROUP BY plan"),
        Statement(PLANS_AS_OF, ARG_MAX + " of the changes", "SELECT plan, count(*) FROM "
                  f"(SELECT DISTINCT object_id FROM events WHERE ts <= {AS_OF_US}) LEFT JOIN (SELECT object_id, "
                  f"arg_max(plan, ts) AS plan FROM plan_changes WHERE ts <= {AS_OF_US} GROUP BY object_id) "
                  "USING (object_id) GROUP BY plan"),
        Statement(PLANS_AS_OF, RANGES, "SELECT plan, count(*) FROM "
                  f"(SELECT DISTINCT object_id FROM events WHERE ts <= {AS_OF_US}) LEFT JOIN (SELECT object_id, plan "
                  f"FROM plan_ranges WHERE since <= {AS_OF_US} AND till > {AS_OF_US}) USING (object_id) GROUP BY plan",
                  counts=False),
        Statement(ORDERS, ASOF, _asof("orders", "customer_id", "created_at", country=True,
                                      columns="c.plan, d.country, count(*)")),
        Statement(ORDERS, RANGES, _ranges("orders", "customer_id", "created_at", country=True,
                                          columns="c.plan, d.country, count(*)"), counts=False),
        Statement(PATH, STATE, _PATH.format(object="?")),
    )  # fmt: skip

    def __init__(self, directory: str) -> None:
        import duckdb

        self._path = os.path.join(directory, "duckdb.db")
        self._connection = duckdb.connect(self._path)
        self._connection.execute(f"SET memory_limit = '{MEMORY_GB}GB'")

    def version(self) -> str:
        """Name and version of the engine."""
        import duckdb

        return f"DuckDB {duckdb.__version__}"

    def load(self, events: Events, orders: Orders) -> None:
        """Take events in any order, make the tables."""
        import pandas

        execute = self._connection.execute
        self._connection.register("arrived", pandas.DataFrame(events.columns(), copy=False))
        self._connection.register("ordered", pandas.DataFrame(orders.columns(), copy=False))
        begin = time.perf_counter()
        execute(
            "CREATE TABLE events AS SELECT object_id, timestamp AS ts, action, plan, country, amount FROM arrived "
            "ORDER BY object_id, ts"
        )
        execute("CHECKPOINT")
        self.load_seconds = time.perf_counter() - begin
        self.bytes_an_event = os.path.getsize(self._path) / len(events)
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
        execute("CREATE TABLE orders AS SELECT * FROM ordered")
        execute("CHECKPOINT")
        self._connection.unregister("arrived")
        self._connection.unregister("ordered")

    def ask(self, statement: Statement, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        return self._connection.execute(statement.sql, [] if object_id is None else [object_id]).fetchall()

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()


def _enum(names: Sequence[str] | dict[str, float]) -> str:
    return "Enum8(" + ", ".join(f"'{name}' = {number}" for number, name in enumerate(names, 1)) + ")"


class ClickHouse:
    """MergeTree tables of a chdb session."""

    name = "ClickHouse"
    _DERIVED = (
        "SELECT e.{key} AS object_id, e.{at} AS ts, {more}c.plan AS plan FROM {source} e "
        "ASOF LEFT JOIN plan_changes c ON c.object_id = e.{key} AND e.{at} >= c.ts"
    )
    _SETTINGS = " SETTINGS join_use_nulls = 1, join_algorithm = 'hash'"
    _TWO = (
        "SELECT f.plan, d.country, {columns} FROM ({derived}) f "
        "ASOF LEFT JOIN country_changes d ON d.object_id = f.object_id AND f.ts >= d.ts GROUP BY 1, 2"
    )
    statements = (
        Statement(BY_PLAN, ASOF, _asof(_PURCHASES, "object_id", "ts", country=False,
                                       columns="c.plan, count(), sum(amount)") + _SETTINGS),
        Statement(BY_PLAN, STATE, f"SELECT plan, count(), sum(amount) FROM state {_BOUGHT} GROUP BY plan"),
        Statement(BY_PLAN_COUNTRY, ASOF, _TWO.format(
            columns="count(), sum(f.amount)",
            derived=_DERIVED.format(key="object_id", at="ts", more="amount, ", source=_PURCHASES)) + _SETTINGS),
        Statement(BY_PLAN_COUNTRY, STATE, "SELECT plan, country, count(), sum(amount) FROM state "
                  f"{_BOUGHT} GROUP BY plan, country", counts=False),
        Statement(BY_ACTION, SCAN, "SELECT action, count() FROM events GROUP BY action"),
        Statement(PLANS_AS_OF, ARG_MAX, "SELECT plan, count() FROM (SELECT object_id, argMax(plan, ts) AS plan "
                  f"FROM events WHERE ts <= {AS_OF_US} GROUP BY object_id) GROUP BY plan "
                  "SETTINGS optimize_aggregation_in_order = 1"),
        Statement(ORDERS, ASOF, _TWO.format(
            columns="count()",
            derived=_DERIVED.format(key="customer_id", at="created_at", more="", source="orders")) + _SETTINGS),
        Statement(PATH, STATE, _PATH),
    )  # fmt: skip
    _EVENTS = (
        f"object_id Int64, ts Int64, action {_enum(ACTIONS)}, plan Nullable({_enum(PLANS)}), "
        f"country Nullable({_enum(COUNTRIES)}), amount Nullable(Float64)"
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

    def load(self, events: Events, orders: Orders) -> None:
        """Take events in any order, make the tables. The Parquet files that they come in by are not timed."""
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
        self.bytes_an_event = self._rows(size)[0][0] / len(events)
        for name, names in (("plan", PLANS), ("country", COUNTRIES)):
            self._create(f"{name}_changes", f"object_id Int64, ts Int64, {name} {_enum(names)}", "object_id, ts")
            self._derive(f"{name}_changes", f"SELECT object_id, ts, {name} FROM events WHERE {name} IS NOT NULL")
        self._create("state", self._EVENTS, "object_id, ts")
        derived = self._DERIVED.format(key="object_id", at="ts", more="action, amount, ", source="events")
        self._derive(
            "state",
            f"SELECT f.object_id, f.ts, f.action, f.plan, d.country, f.amount FROM ({derived}) f "
            f"ASOF LEFT JOIN country_changes d ON d.object_id = f.object_id AND f.ts >= d.ts{self._SETTINGS}",
        )
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

    def _rows(self, sql: str) -> Rows:
        answer = json.loads(self._session.query(sql, "JSONCompact").bytes())
        reals = [number for number, column in enumerate(answer["meta"]) if "Float64" in column["type"]]
        for row in answer["data"]:
            for number in reals:  # 32.0 is written as 32
                row[number] = None if row[number] is None else float(row[number])
        return [tuple(row) for row in answer["data"]]

    def ask(self, statement: Statement, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        return self._rows(statement.sql if object_id is None else statement.sql.format(object=object_id))

    def close(self) -> None:
        """Let go of memory and files."""
        self._session.close()


def _latest(name: str, of: str, at: str) -> str:
    return (
        f"(SELECT {name} FROM {name}_changes c WHERE c.object_id = {of} AND c.ts <= {at} ORDER BY c.ts DESC LIMIT 1) "
        f"AS {name}"
    )


class SQLite:
    """Ordinary tables clustered by (object_id, ts), with a covering index for the purchases."""

    name = "SQLite"
    statements = (
        Statement(BY_PLAN, "subquery", f"SELECT {_latest('plan', 'e.object_id', 'e.ts')}, count(*), sum(amount) "
                  f"FROM events e {_BOUGHT} GROUP BY 1"),
        Statement(BY_PLAN, STATE, f"SELECT plan, count(*), sum(amount) FROM state {_BOUGHT} GROUP BY plan"),
        Statement(BY_PLAN_COUNTRY, "subquery", f"SELECT {_latest('plan', 'e.object_id', 'e.ts')}, "
                  f"{_latest('country', 'e.object_id', 'e.ts')}, count(*), sum(amount) FROM events e {_BOUGHT} "
                  "GROUP BY 1, 2"),
        Statement(BY_ACTION, SCAN, "SELECT action, count(*) FROM events GROUP BY action"),
        Statement(PLANS_AS_OF, "subquery", f"SELECT {_latest('plan', 'o.object_id', str(AS_OF_US))}, count(*) FROM "
                  f"(SELECT DISTINCT object_id FROM events WHERE ts <= {AS_OF_US}) o GROUP BY 1"),
        Statement(ORDERS, "subquery", f"SELECT {_latest('plan', 'o.customer_id', 'o.created_at')}, "
                  f"{_latest('country', 'o.customer_id', 'o.created_at')}, count(*) FROM orders o GROUP BY 1, 2"),
        Statement(PATH, STATE, _PATH.format(object="?")),
    )  # fmt: skip

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "sqlite.db")
        self._connection = sqlite3.connect(self._path)
        self._connection.execute("PRAGMA cache_size = -1000000")

    def version(self) -> str:
        """Name and version of the engine."""
        return f"SQLite {sqlite3.sqlite_version}"

    def load(self, events: Events, orders: Orders) -> None:
        """Take events in any order, make the tables."""
        execute = self._connection.execute
        columns = (
            "object_id INTEGER, ts INTEGER, action TEXT, plan TEXT, country TEXT, amount REAL, "
            "PRIMARY KEY (object_id, ts)"
        )
        begin = time.perf_counter()
        execute(f"CREATE TABLE events ({columns}) WITHOUT ROWID")
        rows: Iterator[Any] = iter(sorted(events.rows()))
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
        execute("CREATE INDEX events_action ON events(action, object_id, ts, amount)")
        self._connection.commit()
        self.load_seconds = time.perf_counter() - begin
        self.bytes_an_event = os.path.getsize(self._path) / len(events)
        for name in ("plan", "country"):
            execute(
                f"CREATE TABLE {name}_changes(object_id INTEGER, ts INTEGER, {name} TEXT, PRIMARY KEY (object_id, ts)) "
                "WITHOUT ROWID"
            )
            execute(f"INSERT INTO {name}_changes SELECT object_id, ts, {name} FROM events WHERE {name} IS NOT NULL")
        execute(f"CREATE TABLE state ({columns}) WITHOUT ROWID")
        execute(
            f"INSERT INTO state SELECT object_id, ts, action, {_latest('plan', 'e.object_id', 'e.ts')}, "
            f"{_latest('country', 'e.object_id', 'e.ts')}, amount FROM events e"
        )
        execute("CREATE INDEX state_action ON state(action, plan, amount)")
        execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER, created_at INTEGER)")
        self._connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders.rows())
        execute("ANALYZE")
        self._connection.commit()

    def ask(self, statement: Statement, object_id: int | None = None) -> Rows:
        """The rows, end to end."""
        return self._connection.execute(statement.sql, () if object_id is None else (object_id,)).fetchall()

    def close(self) -> None:
        """Let go of memory and files."""
        self._connection.close()
