"""The state at the time of the action in the SQL of DuckDB, ClickHouse and SQLite: the best ways that we found.

Tried, and no faster: DuckDB's window function instead of the ASOF JOIN (ten times as slow), one ASOF JOIN with the
state table instead of two with the changes (five times), an ASOF JOIN of all events that is filtered after it (seven
times); ClickHouse's full_sorting_merge (twice as slow) and parallel_hash.
ClickHouse needs join_use_nulls, or objects without a plan get the first one of the enum.
"""

from __future__ import annotations

from .engines import ClickHouse, latest, plan_asof
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
)
from .report import Statement


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


def _two_asof(source: str, key: str, at: str, *, columns: str, more: str = "") -> str:
    """SELECT of plan and country at (key, at) of each row of source, as ClickHouse has it."""
    return (
        f"SELECT f.plan, d.country, {columns} FROM ({plan_asof(source, key, at, more)}) f ASOF LEFT JOIN "
        f"country_changes d ON d.object_id = f.object_id AND f.ts >= d.ts GROUP BY 1, 2{ClickHouse.ASOF_SETTINGS}"
    )


_BOUGHT = "WHERE action = 'purchase'"
_PURCHASES = f"(SELECT object_id, ts, amount FROM events {_BOUGHT})"
_PATH = "SELECT ts, action, plan, country, amount FROM state WHERE object_id = {object} ORDER BY ts"

DUCKDB = (
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

CLICKHOUSE = (
    Statement(BY_PLAN, ASOF, _asof(_PURCHASES, "object_id", "ts", country=False,
                                   columns="c.plan, count(), sum(amount)") + ClickHouse.ASOF_SETTINGS),
    Statement(BY_PLAN, STATE, f"SELECT plan, count(), sum(amount) FROM state {_BOUGHT} GROUP BY plan"),
    Statement(BY_PLAN_COUNTRY, ASOF, _two_asof(_PURCHASES, "object_id", "ts", more="amount, ",
                                               columns="count(), sum(f.amount)")),
    Statement(BY_PLAN_COUNTRY, STATE, "SELECT plan, country, count(), sum(amount) FROM state "
              f"{_BOUGHT} GROUP BY plan, country", counts=False),
    Statement(BY_ACTION, SCAN, "SELECT action, count() FROM events GROUP BY action"),
    Statement(PLANS_AS_OF, ARG_MAX, "SELECT plan, count() FROM (SELECT object_id, argMax(plan, ts) AS plan "
              f"FROM events WHERE ts <= {AS_OF_US} GROUP BY object_id) GROUP BY plan "
              "SETTINGS optimize_aggregation_in_order = 1"),
    Statement(ORDERS, ASOF, _two_asof("orders", "customer_id", "created_at", columns="count()")),
    Statement(PATH, STATE, _PATH),
)  # fmt: skip

SQLITE = (
    Statement(BY_PLAN, "subquery", f"SELECT {latest('plan', 'e.object_id', 'e.ts')}, count(*), sum(amount) "
              f"FROM events e {_BOUGHT} GROUP BY 1"),
    Statement(BY_PLAN, STATE, f"SELECT plan, count(*), sum(amount) FROM state {_BOUGHT} GROUP BY plan"),
    Statement(BY_PLAN_COUNTRY, "subquery", f"SELECT {latest('plan', 'e.object_id', 'e.ts')}, "
              f"{latest('country', 'e.object_id', 'e.ts')}, count(*), sum(amount) FROM events e {_BOUGHT} "
              "GROUP BY 1, 2"),
    Statement(BY_ACTION, SCAN, "SELECT action, count(*) FROM events GROUP BY action"),
    Statement(PLANS_AS_OF, "subquery", f"SELECT {latest('plan', 'o.object_id', str(AS_OF_US))}, count(*) FROM "
              f"(SELECT DISTINCT object_id FROM events WHERE ts <= {AS_OF_US}) o GROUP BY 1"),
    Statement(ORDERS, "subquery", f"SELECT {latest('plan', 'o.customer_id', 'o.created_at')}, "
              f"{latest('country', 'o.customer_id', 'o.created_at')}, count(*) FROM orders o GROUP BY 1, 2"),
    Statement(PATH, STATE, _PATH.format(object="?")),
)  # fmt: skip
