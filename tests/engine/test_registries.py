"""An engine knows what its registries list, everywhere; and another one in the same process does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from sqlglot import exp

import skysql
from skysql.arrays.vectors import Numbers
from skysql.engine import engine
from skysql.engine.registries import Registries
from skysql.functions import FUNCTIONS, Role, Runs
from skysql.model.kinds import INTEGER, KINDS, TEXT, Kinds
from skysql.plan.path_scan import Column
from skysql.reports import REPORTS
from skysql.reports.asked import Asked
from skysql.reports.report import Call, Columns, Declared
from skysql.scan.aggregates import AGGREGATES, AggregateFunction, Given, Merging
from skysql.scan.aggregates.extremes import Max, Min
from skysql.sql.idioms import IDIOMS
from skysql.sql.rewriter import RULES
from skysql.transfer.formats import Format
from skysql.transfer.save import save
from tests.conftest import Connect
from tests.world.celsius import CELSIUS, Celsius

ROWS = [
    *((1, 0, "sign up", "free"), (1, 10, "view", None), (1, 40, "buy", "pro")),
    *((2, 5, "sign up", "free"), (2, 6, "view", None)),
]


class Span:
    """seen_for(ts): microseconds between the first and the last row."""

    name = "seen_for"
    nothing = None

    def ordered(self, _arguments: Sequence[Any]) -> bool:
        return False

    def roles(self, _arguments: Sequence[Any]) -> tuple[Role, ...]:
        return (Role.TIME,)

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Numbers:
        (ts,) = arguments
        return Numbers(np.array([ts[low:high].max() - ts[low:high].min() for low, high in pairs(runs)], np.int64))


class Last:
    """last_of(x): the last of the values; a function that tells rows of one time apart."""

    name = "last_of"
    nothing = None

    def ordered(self, _arguments: Sequence[Any]) -> bool:
        return True

    def roles(self, _arguments: Sequence[Any]) -> tuple[Role, ...]:
        return (Role.VALUE,)

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Any:
        return arguments[0].take(runs.starts[1:] - 1)


def pairs(runs: Runs) -> zip[tuple[int, int]]:
    return zip(runs.starts[:-1].tolist(), runs.starts[1:].tolist(), strict=True)


class Spread(AggregateFunction[Any]):
    """spread(x): the largest value less the smallest, as SQLite computes it."""

    name = by_sqlite = "spread"
    called = ("spread",)

    def __init__(self) -> None:
        self.ends = Max(), Min()

    def plain(self) -> Any:
        return SpreadCall()

    def begin(self, given: Given) -> Any:
        return Ends(given.count(), [end.begin(given) for end in self.ends])

    def nothing(self, size: int) -> Any:
        return Ends(np.zeros(size, np.int64), [end.nothing(size) for end in self.ends])

    def merge(self, parts: Sequence[Any], merging: Merging) -> Any:
        ends = [end.merge([part.ends[at] for part in parts], merging) for at, end in enumerate(self.ends)]
        return Ends(merging.counts(parts)[1], ends)

    def finish(self, state: Any) -> Any:
        most, least = (end.finish(one) for end, one in zip(self.ends, state.ends, strict=True))
        return replace(most, data=most.data - least.data)


@dataclass(frozen=True)
class Ends:
    count: Any
    ends: list[Any]

    def take(self, used: Any, size: int) -> Any:
        return Ends(self.count[used], [end.take(used, size) for end in self.ends])


class SpreadCall:
    def __init__(self) -> None:
        self.values: list[Any] = []

    def step(self, value: Any) -> None:
        self.values += [value] if value is not None else []

    def inverse(self, value: Any) -> None:
        self.values.remove(value)

    def value(self) -> Any:
        return max(self.values) - min(self.values) if self.values else None

    finalize = value


class Sizes:
    """path_sizes(table): how many objects have how many events."""

    name = "path_sizes"
    arguments = ("table",)
    columns = (Declared("events", "INTEGER"), Declared("objects", "INTEGER"))
    hidden: tuple[Declared, ...] = ()
    takes: frozenset[str] = frozenset()
    order = ("events",)

    def design(self, _asked: Asked) -> None:
        """Nothing but the table."""

    def rows(self, call: Call[None]) -> Iterator[Columns]:
        sizes = [np.diff(shard.paths()[1]) for shard in call.subject.snapshot.shards()]
        events, objects = np.unique(np.concatenate(sizes), return_counts=True)
        yield {"events": events.tolist(), "objects": objects.tolist()}


def expected(scope: Any, node: exp.Expression) -> Column | None:
    """likely(column) and unlikely(column) are the column: they only tell SQLite's planner something."""
    if isinstance(node, exp.Anonymous) and node.name.lower() in ("likely", "unlikely"):
        found = scope.find(node.expressions[0]) if isinstance(node.expressions[0], exp.Column) else None
        return found if isinstance(found, Column) else None
    return None


MORE = Registries(
    functions=(*FUNCTIONS.values(), Span(), Last()), reports=(*REPORTS, Sizes()), idioms=(*IDIOMS, expected)
)


@pytest.fixture
def connect_with(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Callable[..., skysql.Connection]:
    """A connection with the events whose engine has these registries."""

    def made(registries: Registries | None, path: Any = ":memory:", **options: Any) -> skysql.Connection:
        with monkeypatch.context() as patched:
            patched.setattr(engine, "Engine", partial(engine.Engine, registries=registries))
            db = connect(path, **options)
        if db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'users'").fetchone() == (0,):
            db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
            db.executemany("INSERT INTO users(object_id, ts, action, plan) VALUES (?, ?, ?, ?)", ROWS)
            db.commit()
        return db

    return made


def plan_of(db: skysql.Connection, sql: str) -> str:
    cursor = db.execute(sql)
    cursor.fetchall()
    return str(cursor.plan or "")


# aggregates


def test_an_aggregate_of_the_engines_own(connect_with: Callable[..., skysql.Connection]) -> None:
    """By a scan, and by SQLite of ordinary tables; another engine does not know it."""
    db = connect_with(Registries(aggregates=(*AGGREGATES, Spread())))
    assert db.execute("SELECT spread(ts) FROM users").fetchall() == [(40,)]
    assert "compute spread(ts)" in plan_of(db, "SELECT plan, spread(ts) FROM users GROUP BY plan")
    assert db.execute("SELECT spread(column1) FROM (VALUES (5), (2), (NULL))").fetchall() == [(3,)]
    with pytest.raises(skysql.OperationalError, match="no such function: spread"):
        connect_with(None).execute("SELECT spread(ts) FROM users")


# functions over a path

BY_OBJECT = "SELECT object_id, seen_for(ts) FROM users GROUP BY object_id ORDER BY 1"


def test_a_function_of_the_engines_own(connect_with: Callable[..., skysql.Connection]) -> None:
    db = connect_with(MORE)
    assert db.execute(BY_OBJECT).fetchall() == [(1, 40), (2, 1)]
    assert "seen_for(ts)" in plan_of(db, BY_OBJECT)
    assert any("seen_for(ts)" in row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {BY_OBJECT}"))
    over_sessions = "SELECT object_id, session, seen_for(ts) FROM users('15 minutes') GROUP BY object_id, session"
    assert db.execute(over_sessions).fetchall() == [(1, 1, 40), (2, 1, 1)]
    inside = "SELECT max(n) FROM (SELECT object_id, seen_for(ts) AS n FROM users GROUP BY object_id)"
    assert db.execute(inside).fetchall() == [(40,)]
    assert "seen_for(ts)" in plan_of(db, inside)


def test_it_is_an_aggregate_of_sqlites_as_well(connect_with: Callable[..., skysql.Connection]) -> None:
    db = connect_with(MORE, pushdown=False)
    assert db.execute(BY_OBJECT).fetchall() == [(1, 40), (2, 1)]
    assert plan_of(db, BY_OBJECT) == ""
    db.execute("CREATE TABLE t(g, ts)")
    db.executemany("INSERT INTO t VALUES (?, ?)", [("a", 7), ("b", 1), ("a", 3)])
    assert db.execute("SELECT g, seen_for(ts) FROM t GROUP BY g").fetchall() == [("a", 4), ("b", 0)]


def test_one_that_tells_the_order_is_given_the_paths(connect_with: Callable[..., skysql.Connection]) -> None:
    for pushdown in (True, False):
        db = connect_with(MORE, pushdown=pushdown)
        db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO t VALUES (?)", [(2,), (1,)])
        joined = "SELECT last_of(u.action) FROM users u JOIN t ON t.id = u.object_id GROUP BY t.id ORDER BY t.id"
        assert db.execute(joined).fetchall() == [("buy",), ("view",)]
        asked = "SELECT last_of(action) FROM users"
        db.execute(f"CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t WHERE id = ({asked}); END")
        with pytest.raises(skysql.ProgrammingError, match="no order"):
            db.execute("INSERT INTO t VALUES (3)")


def test_a_function_of_the_users_takes_its_name(connect_with: Callable[..., skysql.Connection]) -> None:
    class Nine:
        def step(self, *_: Any) -> None: ...
        def finalize(self) -> int:
            return 9

    db = connect_with(MORE)
    db.create_aggregate("seen_for", 1, Nine)
    assert db.execute(BY_OBJECT).fetchall() == [(1, 9), (2, 9)]


def test_hints_name_it(connect_with: Callable[..., skysql.Connection]) -> None:
    with pytest.raises(skysql.OperationalError, match="seen_for"):
        connect_with(MORE).execute("SELECT seen_fr(ts) FROM users")


# reports


@pytest.mark.parametrize("pushdown", [True, False])
def test_a_report_of_the_engines_own(connect_with: Callable[..., skysql.Connection], pushdown: bool) -> None:
    db = connect_with(MORE, pushdown=pushdown)
    sql = "SELECT events, objects FROM path_sizes('users') ORDER BY events"
    assert db.execute(sql).fetchall() == [(2, 1), (3, 1)]
    assert plan_of(db, sql) == "REPORT path_sizes OF users"
    assert any("REPORT path_sizes" in row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}"))
    with pytest.raises(skysql.ProgrammingError, match=r"path_sizes\(\) takes 1 arguments"):
        db.execute("SELECT * FROM path_sizes('users', 2)")
    with pytest.raises(skysql.OperationalError, match="did you mean 'path_sizes'"):
        db.execute("SELECT * FROM path_size('users')")
    with pytest.raises(skysql.OperationalError, match="did you mean 'objects'"):
        db.execute("SELECT objcts FROM path_sizes('users')")


# idioms and rules


def test_an_idiom_of_the_engines_own(connect_with: Callable[..., skysql.Connection]) -> None:
    db, other = connect_with(MORE), connect_with(None)
    for sql in (
        "SELECT action, count(*) FROM users WHERE likely(plan) = 'free' GROUP BY action ORDER BY 1",
        "SELECT unlikely(plan), count(*) FROM users GROUP BY 1 ORDER BY 1",
        "SELECT max(n) FROM (SELECT object_id, likely(plan), count(*) AS n FROM users GROUP BY 1, 2)",
    ):
        assert db.execute(sql).fetchall() == other.execute(sql).fetchall()
        assert "likely" not in plan_of(db, sql) and "SCAN" in plan_of(db, sql)
        assert "likely" in plan_of(other, sql)


def test_an_engine_without_rules_leaves_all_to_sqlite(connect_with: Callable[..., skysql.Connection]) -> None:
    rules = [rule for rule in RULES if not rule.keeps_rows]
    none, few, all_of_them = (connect_with(Registries(rules=tuple(some))) for some in ((), rules, RULES))
    grouped = "SELECT action, count(*) FROM users GROUP BY action ORDER BY 1"
    chosen = "SELECT object_id FROM users WHERE action LIKE 'b%' OR plan = 'free'"
    for sql in (grouped, chosen):
        assert none.execute(sql).fetchall() == few.execute(sql).fetchall() == all_of_them.execute(sql).fetchall()
    assert [bool(plan_of(db, grouped)) for db in (none, few, all_of_them)] == [False, True, True]
    assert [bool(plan_of(db, chosen)) for db in (none, few, all_of_them)] == [False, False, True]


# kinds of value

WARM = Registries(kinds=KINDS.with_more(CELSIUS))
MEASURED: list[tuple[Any, ...]] = [
    *((1, 0, "measure", 20.5, 19), (1, 10, "measure", "-0.25", None), (2, 5, "measure", 36.6, 21.0)),
    *((2, 6, "rest", None, None), (3, 7, "measure", -273.15, 18)),
]


@pytest.fixture(params=[True, False], ids=["pushdown", "plain"])
def warm(connect_with: Callable[..., skysql.Connection], path: str, request: Any) -> skysql.Connection:
    """A file with temperatures, a kind of the engine's own: in a block, and in the log."""
    db = connect_with(WARM, path, pushdown=request.param)
    db.execute("CREATE VIRTUAL TABLE rooms USING sky(t CELSIUS, wanted celsius STATE)")
    insert = "INSERT INTO rooms(object_id, ts, action, t, wanted) VALUES (?, ?, ?, ?, ?)"
    db.executemany(insert, MEASURED[:3])
    db.commit()
    db.compact()
    db.executemany(insert, MEASURED[3:])
    db.commit()
    return db


def test_a_kind_of_the_engines_own_is_stored_and_compared(
    warm: skysql.Connection, connect_with: Callable[..., skysql.Connection], path: str
) -> None:
    for db in (warm, connect_with(WARM, path)):
        assert db.execute("SELECT t, wanted FROM rooms ORDER BY object_id, ts").fetchall() == [
            (20.5, 19.0), (-0.25, 19.0), (36.6, 21.0), (None, 21.0), (-273.15, 18.0)
        ]  # fmt: skip
        assert db.execute("SELECT t FROM rooms WHERE t > 20 ORDER BY t").fetchall() == [(20.5,), (36.6,)]
        assert db.execute("SELECT count(*) FROM rooms WHERE t = 36.6 AND wanted < '21.5'").fetchall() == [(1,)]
        by_state = "SELECT wanted, count(*), max(t) FROM rooms GROUP BY wanted ORDER BY 1"
        assert db.execute(by_state).fetchall() == [(18.0, 1, -273.15), (19.0, 2, 20.5), (21.0, 2, 36.6)]
        assert db.check() == []
    (declared,) = (row for row in warm.execute("PRAGMA table_info(rooms)") if row[1] == "t")
    assert declared[2] == "CELSIUS"
    with pytest.raises(skysql.DataError, match=r"rooms\.t: .* cannot be stored as CELSIUS") as caught:
        warm.execute("INSERT INTO rooms(object_id, ts, t) VALUES (1, 99, 0.001)")
    assert caught.value.hint == CELSIUS.expected


def test_a_kind_of_the_engines_own_is_altered_and_appended(warm: skysql.Connection) -> None:
    warm.append("rooms", {"object_id": [9, 9], "ts": [1, 2], "action": ["a", "b"], "t": [1.25, None]}, time_unit="us")
    warm.execute("SELECT sky_alter('rooms', 'ADD outside CELSIUS')")
    warm.execute("UPDATE rooms SET outside = 5.5 WHERE object_id = 9 AND ts = 1")
    warm.execute("SELECT sky_alter('rooms', 'ALTER t TYPE TEXT')")
    warm.execute("SELECT sky_alter('rooms', 'DROP wanted')")
    for _ in range(2):
        found = warm.execute("SELECT t, outside FROM rooms WHERE object_id IN (1, 9) ORDER BY object_id, ts").fetchall()
        assert found == [("20.5", None), ("-0.25", None), ("1.25", 5.5), (None, None)]
        assert warm.check() == []
        warm.commit()
        warm.compact()


def test_a_kind_of_the_engines_own_is_exported(warm: skysql.Connection, tmp_path: Path) -> None:
    for format, name in ((Format.CSV, "rooms.csv"), (Format.PARQUET, "rooms.parquet")):
        assert save(warm, "rooms", str(tmp_path / name), format, lambda _: None).events == len(MEASURED)
    lines = (tmp_path / "rooms.csv").read_text().splitlines()
    assert lines[1].split(",")[3:5] == ["19.0", "20.5"]
    table = pyarrow.parquet.read_table(tmp_path / "rooms.parquet")
    assert table["t"].to_pylist() == [20.5, -0.25, 36.6, None, -273.15]
    copied = "CREATE VIRTUAL TABLE copied USING sky(t CELSIUS, wanted CELSIUS STATE)"
    warm.execute(copied)
    warm.append("copied", table)
    columns = "object_id, ts, action, t, wanted, changes"
    one, other = (warm.execute(f"SELECT {columns} FROM {name}").fetchall() for name in ("rooms", "copied"))
    assert one == other


def test_an_engine_without_the_kind_refuses_the_table(
    warm: skysql.Connection, connect_with: Callable[..., skysql.Connection], path: str
) -> None:
    other = connect_with(None, path)
    for sql in ("SELECT * FROM rooms", "SELECT count(*) FROM rooms_objects", "INSERT INTO rooms(ts) VALUES (1)"):
        with pytest.raises(skysql.NotSupportedError, match="table 'rooms' has a column of the type CELSIUS.*DECIMAL"):
            other.execute(sql)
    assert other.execute("SELECT count(*) FROM users").fetchall() == [(5,)]
    with pytest.raises(skysql.ProgrammingError, match="unknown type CELSIUS"):
        other.execute("CREATE VIRTUAL TABLE more USING sky(t CELSIUS)")
    with pytest.raises(skysql.ProgrammingError, match="there is no type CELSIUS"):
        other.execute("SELECT sky_alter('users', 'ADD t CELSIUS')")
    other.close()


def test_an_engine_may_have_fewer_kinds(connect_with: Callable[..., skysql.Connection], path: str) -> None:
    """What is stored of the others is read all the same, as their codes are the format's."""
    db = connect_with(None, path)
    db.execute("SELECT sky_alter('users', 'ADD seen TIMESTAMP')")
    db.execute("UPDATE users SET seen = '2026-01-01' WHERE object_id = 1")
    db.execute("SELECT sky_alter('users', 'DROP seen')")
    db.commit()
    few = connect_with(Registries(kinds=Kinds((TEXT, INTEGER))), path)
    assert few.execute("SELECT plan, count(*) FROM users GROUP BY plan").fetchall() == [("free", 4), ("pro", 1)]
    with pytest.raises(skysql.ProgrammingError, match="unknown type REAL"):
        few.execute("CREATE VIRTUAL TABLE more USING sky(x REAL)")


def test_kinds_that_are_alike_are_refused() -> None:
    class Other(Celsius):
        code = 65

    for made, fault in (
        (lambda: KINDS.with_more(CELSIUS, Celsius("CELSIUS")), "two kinds are called 'CELSIUS'"),
        (lambda: KINDS.with_more(Other("INT")), "two kinds are called 'INT'"),
        (lambda: KINDS.with_more(CELSIUS, Celsius("KELVIN")), "CELSIUS and KELVIN have one code"),
        (lambda: KINDS.with_more(Other("Kelvin")), "names in capitals"),
        (lambda: KINDS.with_more(INTEGER), "INTEGER has the code 2, which is the format's"),
    ):
        with pytest.raises(skysql.ProgrammingError, match=fault):
            made()


# others


def test_another_connection_does_not_know_them(connect_with: Callable[..., skysql.Connection], path: str) -> None:
    db, other = connect_with(MORE, path), connect_with(None, path)
    for sql, fault in (
        (BY_OBJECT, "no such function: seen_for"),
        ("SELECT * FROM path_sizes('users')", "no such table: path_sizes"),
    ):
        db.execute(sql).fetchall()
        with pytest.raises(skysql.OperationalError, match=fault) as caught:
            other.execute(sql)
        assert "did you mean" not in str(caught.value)
        db.execute(sql).fetchall()


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(skysql.ProgrammingError, match="two functions over a path are called 'last_of'"):
        Registries(functions=(Last(), Last()))
    with pytest.raises(skysql.ProgrammingError, match="two reports are called 'path_sizes'"):
        Registries(reports=(Sizes(), *REPORTS, Sizes()))
    capital = Last()
    capital.name = "Last_of"
    with pytest.raises(skysql.ProgrammingError, match="lower case"):
        Registries(functions=(capital,))
