"""Rewriting needs a catalogue and nothing else: one that is written by hand gives what an engine's gives.

There is no connection here but the one that is compared with. What the catalogue is asked, this file says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

import skysql
from skysql.functions import FUNCTIONS
from skysql.match.recognition import Recognition
from skysql.model.table import Table, parse_arguments
from skysql.reports import REPORTS
from skysql.scan.aggregates import AGGREGATES as SCANNED
from skysql.scan.aggregates import AggregateFunctions
from skysql.sql.catalog import Catalog, CatalogEntry, FunctionEntry, OutputColumn, Refused
from skysql.sql.dialect import parse
from skysql.sql.edits import applied, difference
from skysql.sql.idioms import IDIOMS
from skysql.sql.reads import Call, MatchCall, ScanCall
from skysql.sql.rewriter import rewrite, stored_matches
from tests.world.scripts import VIEWS, Case, every_case, renumbered, sky

USERS = "plan TEXT STATE, country TEXT STATE, seats INTEGER STATE, amount REAL, items INTEGER, url TEXT"
PLANES = "tailnum TEXT OBJECT, status TEXT STATE, delay INTEGER, fare DECIMAL(9,2)"
ORDINARY = {
    "customers": {"id": "INTEGER", "name": "TEXT", "segment": "TEXT"},
    "tags": {"user": "INTEGER", "tag": "TEXT"},
    "orders": {"id": "INTEGER", "customer_id": "INTEGER", "created_at": "TEXT", "total": "INTEGER"},
    "flights": {"tailnum": "TEXT", "at": "TEXT", "flight": "INTEGER"},
}
BY_SCAN = AggregateFunctions(SCANNED)
AGGREGATES = """count sum total avg min max group_concat string_agg json_group_array json_group_object median
    percentile""".split()
WINDOWS = "row_number rank dense_rank lag lead first_value last_value nth_value ntile".split()
PURE = """abs coalesce ifnull nullif iif if instr length lower upper ltrim rtrim trim replace round substr substring
    typeof unicode char hex quote printf format like glob sign ceil floor json json_extract json_each json_array
    date time datetime julianday strftime unixepoch timediff max min likely unlikely concat concat_ws octet_length
    sky_timestamp sky_arguments""".split()
IMPURE = "random randomblob changes total_changes last_insert_rowid".split()


def columns_of(kind: str, table: Table) -> list[tuple[str, str, bool]]:
    """The columns of a sky table or a companion, as its reference page lists them."""
    key = [(table.object_name, "INTEGER", False)]
    key += [(table.key_name, "TEXT", False)] if table.key_name else []
    states = [(p.name, p.kind.name, False) for p in table.states]
    every = [(p.name, p.kind.name, False) for p in table.properties]
    hidden = [("session", "INTEGER", True), ("session_event", "INTEGER", True), ("idle", "", True)]
    moment, ts = ("timestamp", "TIMESTAMP", False), ("ts", "INTEGER", True)
    first, last = ("first_timestamp", "TIMESTAMP", False), ("last_timestamp", "TIMESTAMP", False)
    return {
        "events": [*key, moment, ("action", "TEXT", False), *every, ts, ("changes", "", True), *hidden],
        "objects": [*key, first, last, ("events", "INTEGER", False), *states, ("as_of", "TIMESTAMP", True)],
        "sessions": [*key, ("session", "INTEGER", False), first, last, *states, ("idle", "", True)],
        "changes": [*key, moment, ("property", "TEXT", False), ("old_value", "", False), ("new_value", "", False), ts],
    }[kind]


class ByHand(Catalog):
    """A catalogue without a connection. refused: texts that SQLite would not compile; described: columns of queries."""

    def __init__(self, tables: dict[str, str], views: dict[str, str]) -> None:
        super().__init__("0" * 32, FUNCTIONS.values(), (report.name for report in REPORTS), IDIOMS, BY_SCAN)
        self.refused: set[str] = set()
        self.described: dict[str, list[OutputColumn]] = {}
        entries = []
        for name, arguments in tables.items():
            table = parse_arguments(name, arguments.split(", "))
            entries.append(CatalogEntry("events", "main", name, table))
            entries += [CatalogEntry(k, "main", f"{name}_{k}", table) for k in ("objects", "sessions", "changes")]
        for name, columns in ORDINARY.items():
            listed = ", ".join(f"{column} {type}" for column, type in columns.items())
            entries.append(CatalogEntry("table", "main", name, None, f"CREATE TABLE {name}({listed})"))
        for name, sql in views.items():
            entries.append(CatalogEntry("view", "main", name, None, f"CREATE VIEW {name} AS {sql}"))
        self.know(["main", "temp"], {"main": entries})

    def every_function(self) -> Iterator[FunctionEntry]:
        for name in (*AGGREGATES, *FUNCTIONS):
            yield FunctionEntry(name, "a", False, name in FUNCTIONS, True)
        for name in (*WINDOWS, "sky_last_value"):
            yield FunctionEntry(name, "w", False, name.startswith("sky_"), True)
        for name in (*PURE, *IMPURE):
            ours = name.startswith("sky_") or name in ("changes", "total_changes")
            yield FunctionEntry(name, "s", name in PURE, ours, name not in ("load_extension",))

    def fields(self, database: str | None, name: str) -> list[tuple[str, str, bool]]:
        entry = self.find(database, name)
        if entry is not None and entry.table is not None:
            return columns_of(entry.kind, entry.table)
        report = next((report for report in REPORTS if report.name == name.lower()), None)
        if report is not None:
            return [(column.name, column.type, column.hidden) for column in (*report.columns, *report.hidden)]
        return [(column, type, False) for column, type in ORDINARY.get(name.lower(), {}).items()]

    def columns(self, entry: CatalogEntry) -> list[str]:
        return [name for name, _, hidden in self.fields(entry.database, entry.name) if not hidden]

    def keys(self, entry: CatalogEntry) -> list[tuple[str, int]]:
        key = entry.name in ("customers", "orders")
        return [(name, int(key and name == "id")) for name, _, _ in self.fields(entry.database, entry.name)]

    def has_rowids(self, entry: CatalogEntry) -> bool:
        return True

    def check(self, text: str, reads: Sequence[Call] = ()) -> None:
        if text in self.refused:
            raise Refused(ValueError("no"))

    def describe(self, text: str, reads: Sequence[Call], parameters: int) -> list[OutputColumn]:
        return self.described[text]


@pytest.fixture(scope="module")
def by_hand() -> ByHand:
    catalog = ByHand({"users": USERS, "planes": PLANES}, VIEWS)
    catalog.refused = {case.sql for case in every_case() if case.sections.get("rows", "").startswith("error: no such")}
    return catalog


@pytest.fixture(scope="module")
def world() -> Iterator[skysql.Connection]:
    connection = sky()
    yield connection
    connection.close()


CASES = [pytest.param(case, id=f"{case.file}: {case.title}") for case in every_case()]


@pytest.mark.parametrize("case", CASES)
def test_without_a_connection_all_is_the_same(world: skysql.Connection, by_hand: ByHand, case: Case) -> None:
    prepared, rewritten = world.engine.prepare(case.sql), rewrite(case.sql, by_hand)
    assert renumbered(rewritten.sql) == renumbered(prepared.sql)
    plans = () if prepared.plan is None else prepared.plan.scans
    assert rewritten.scans == tuple(plan for plan in plans if "REPORT" not in str(plan))
    assert applied(case.sql, rewritten.edits) == rewritten.sql
    assert all(call.name in rewritten.sql for call in rewritten.reads)
    assert tuple(call.plan for call in rewritten.reads if isinstance(call, ScanCall)) == rewritten.scans


@pytest.mark.parametrize("case", CASES)
def test_a_parsed_statement_and_its_text_are_alike(by_hand: ByHand, case: Case) -> None:
    """And so is the same statement twice, whatever was rewritten in between."""
    source = parse(case.sql)
    assert rewrite(case.sql, by_hand) == rewrite(case.sql, by_hand)
    if source is not None and not case.explains:
        assert rewrite(source, by_hand) == rewrite(case.sql, by_hand)


def test_positions_are_those_of_the_text_that_the_client_sent(by_hand: ByHand) -> None:
    text = "/* who? */  SELECT u.plan, count(*)   FROM users u WHERE u.plan <> ? GROUP BY 1 -- by plan"
    source = parse(text)
    assert source is not None
    rewritten = rewrite(source, by_hand)
    assert rewritten.reads and rewritten.sql.startswith("/* who? */  SELECT ")
    assert [text[e.start : e.end] for e in rewritten.edits if e.start < e.end] == [
        *("u.plan", "count(*)", "FROM users u WHERE u.plan <> ? GROUP BY 1"),
    ]
    assert applied(text, rewritten.edits) == rewritten.sql


COLUMNS = [("object_id", "INTEGER"), ("timestamp", "TIMESTAMP"), ("action", "TEXT"), ("plan", "TEXT"), ("url", "TEXT")]
DESCRIBED = [OutputColumn(name, type, "main", "users", name, "BINARY") for name, type in COLUMNS]
MATCHED = """users MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp
    MEASURES FIRST(A.timestamp) AS began, count(*) AS n PATTERN (A+ B) DEFINE A AS plan = 'pro', B AS B.url > A.url)"""


def matching() -> ByHand:
    catalog = ByHand({"users": USERS}, {})
    catalog.described = {"SELECT * FROM users": DESCRIBED}
    return catalog


def test_matches_are_rewritten_without_a_connection(world: skysql.Connection) -> None:
    sql = f"SELECT date(began), n FROM {MATCHED} WHERE began >= '2026-01-05T12:00' AND n > ?"
    prepared, rewritten = world.engine.prepare(sql), rewrite(sql, matching())
    assert renumbered(rewritten.sql) == renumbered(prepared.sql)
    assert "'2026-01-05 12:00:00.000000'" in rewritten.sql
    assert prepared.plan is not None and list(map(str, rewritten.scans)) == list(map(str, prepared.plan.scans))
    (call,) = rewritten.reads
    assert isinstance(call, MatchCall) and call.times == {"began"}
    assert isinstance(call.plan, Recognition)
    assert applied(sql, rewritten.edits) == rewritten.sql
    assert rewrite(sql, matching()) == rewritten


def test_what_views_match_is_told_by_the_catalogue() -> None:
    catalog = matching()
    sql = rewrite(f"CREATE VIEW matched AS SELECT * FROM {MATCHED}", catalog).sql
    again = ByHand({"users": USERS}, {"matched": sql.removeprefix("CREATE VIEW matched AS ")})
    again.described = catalog.described
    (call,) = stored_matches(again).calls.values()
    assert call.name in sql and call.plan.parameters == 1
    assert list(stored_matches(ByHand({"users": USERS}, VIEWS)).calls) == []


@pytest.mark.parametrize("seed", range(50))
def test_edits_make_one_text_of_another(seed: int) -> None:
    rng = random.Random(seed)
    before, after = ("".join(rng.choices("ab", k=rng.randrange(6))) for _ in range(2))
    edits = difference(before, after)
    assert applied(before, edits) == after
    assert (edits == ()) == (before == after)
