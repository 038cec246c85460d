"""DECIMAL(p, s): stored without rounding, read as the nearest REAL, and summed exactly."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

import skysql
from skysql.cli.main import main
from skysql.engine.evaluator import SQLiteEvaluator
from tests.conftest import Connect


@pytest.fixture(params=[True, False], ids=["pushdown", "plain"])
def db(connect: Connect, request: Any) -> skysql.Connection:
    """An empty table of sales."""
    db = connect(pushdown=request.param, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE sales USING sky(amount DECIMAL(9, 2), rate decimal(18,4) STATE, n NUMERIC(5))")
    return db


def put(db: skysql.Connection, *amounts: object) -> None:
    """A sale of each amount."""
    insert = "INSERT INTO sales(object_id, ts, action, amount) VALUES (?, ?, 'sale', ?)"
    db.executemany(insert, [(at % 3 + 1, at, amount) for at, amount in enumerate(amounts)])


TAKEN: list[tuple[Any, float]] = [
    ("12.30", 12.3), (" 7 ", 7.0), ("1e3", 1000.0), ("1.500", 1.5), (12.3, 12.3), (0.29, 0.29), (5, 5.0),
    (Decimal("-0.10"), -0.1), (Decimal("9999999.99"), 9999999.99), (np.float64(4.35), 4.35), (True, 1.0), (-0.0, 0.0),
]  # fmt: skip
REFUSED: list[Any] = ["1.005", 1.005, 0.1 + 0.2, 10**7, Decimal("0.001"), "12,30", "", b"1", float("inf"), "nan"]


@pytest.mark.parametrize("value, shown", TAKEN)
def test_what_is_taken(db: skysql.Connection, value: Any, shown: float) -> None:
    put(db, value)
    assert db.execute("SELECT amount, typeof(amount) FROM sales").fetchall() == [(shown, "real")]
    db.append("sales", {"object_id": [9], "ts": [10**15], "action": ["a"], "amount": [value]})
    assert db.execute("SELECT amount FROM sales WHERE object_id = 9").fetchall() == [(shown,)]


@pytest.mark.parametrize("value", REFUSED)
def test_what_is_refused(db: skysql.Connection, value: Any) -> None:
    with pytest.raises(skysql.DataError, match=r"sales\.amount: .*cannot be stored as DECIMAL\(9,2\)") as error:
        put(db, value)
    assert error.value.hint == "it is a number of at most 9 digits, 2 of them after the point"
    for column in ([1.5, value], [None, value]):
        with pytest.raises(skysql.DataError, match=r"sales\.amount: row 1: .*DECIMAL\(9,2\)"):
            db.append("sales", {"object_id": [1, 1], "ts": [10**15] * 2, "action": ["a"] * 2, "amount": column})


def columns(made: str) -> Any:
    """A frame of three rows with an amount, or none, each."""
    amounts = [Decimal("12.30"), None, Decimal("-0.01")]
    floats = [12.3, None, -0.01]
    rest: dict[str, Any] = {"object_id": [1, 2, 3], "ts": [10**15] * 3, "action": ["a"] * 3}
    match made:
        case "decimals":
            return rest | {"amount": amounts}
        case "mixed":
            return rest | {"amount": ["12.3", None, Decimal("-0.01")]}
        case "numpy":
            return rest | {"amount": np.array([12.3, np.nan, -0.01])}
        case "pandas":
            return pandas.DataFrame(rest | {"amount": pandas.Series(amounts, dtype=object)})
        case "pandas floats":
            return pandas.DataFrame(rest | {"amount": floats})
        case "polars":
            return polars.DataFrame(rest | {"amount": amounts})
    return pyarrow.table(rest | {"amount": pyarrow.array(amounts, pyarrow.decimal128(12, 4))})


@pytest.mark.parametrize("made", ["decimals", "mixed", "numpy", "pandas", "pandas floats", "polars", "arrow"])
def test_append(db: skysql.Connection, made: str) -> None:
    db.append("sales", columns(made))
    assert db.execute("SELECT amount FROM sales ORDER BY object_id").fetchall() == [(12.3,), (None,), (-0.01,)]


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("SELECT sum(amount) FROM sales", [(110.29,)]),
        ("SELECT total(amount), avg(amount) FROM sales WHERE amount = 0.1", [(0.3, 0.1)]),
        ("SELECT sum(amount) FILTER (WHERE amount < 1), count(amount) FROM sales", [(0.3, 5)]),
        ("SELECT sum(DISTINCT amount) FROM sales WHERE amount < 1", [(0.1,)]),
        ("SELECT amount FROM sales WHERE amount > 9.99 ORDER BY amount", [(10.0,), (99.99,)]),
        ("SELECT amount FROM sales WHERE amount > '9.99' ORDER BY amount DESC", [(99.99,), (10.0,)]),
        ("SELECT count(*) FROM sales WHERE amount = 0.1", [(3,)]),
        ("SELECT count(*) FROM sales WHERE amount IN (0.1, 10, '99.99')", [(5,)]),
        ("SELECT count(*) FROM sales WHERE amount BETWEEN 0.1 AND 10", [(4,)]),
        ("SELECT amount, count(*) FROM sales WHERE amount < 10 GROUP BY amount", [(0.1, 3)]),
        ("SELECT min(amount), max(amount) FROM sales", [(0.1, 99.99)]),
        ("SELECT sum(x) FROM (SELECT amount AS x FROM sales WHERE amount < 1)", [(0.3,)]),
        ("SELECT sum(s) FROM (SELECT object_id, sum(amount) AS s FROM sales WHERE amount < 1 GROUP BY 1)", [(0.3,)]),
        ("SELECT sum(amount) OVER (ORDER BY ts) FROM sales WHERE amount < 1", [(0.1,), (0.2,), (0.3,)]),
        ("SELECT sum(CASE WHEN amount < 1 THEN amount END) FROM sales", [(0.3,)]),
        ("SELECT sum(amount ORDER BY ts), avg(DISTINCT amount ORDER BY amount DESC) FROM sales WHERE amount < 1",
         [(0.3, 0.1)]),
        ("SELECT sum(amount), sum(sum(amount)) OVER (ORDER BY object_id), avg(sum(amount)) OVER () FROM sales"
         " WHERE amount < 1 GROUP BY object_id", [(0.2, 0.2, 0.15), (0.1, 0.3, 0.15)]),
        ("SELECT sum((SELECT sum(amount) FROM sales WHERE amount < 1)) FROM sales WHERE amount > 1", [(0.6,)]),
        ("SELECT sum(s.amount) FROM sales s JOIN sales_objects o ON o.object_id = s.object_id WHERE s.amount < 1",
         [(0.3,)]),
        ("SELECT object_id FROM sales GROUP BY object_id HAVING sum(amount) = 0.2 ORDER BY sum(amount)", [(1,)]),
    ],
)  # fmt: skip
def test_in_sql(db: skysql.Connection, sql: str, expected: list[Any]) -> None:
    put(db, "0.1", 10, 0.1, Decimal("0.1"), 99.99, None)
    assert db.execute(sql).fetchall() == expected


VIEWS = (
    "CREATE VIEW small AS SELECT object_id, amount AS x FROM sales WHERE amount < 1",
    "CREATE VIEW every AS SELECT sum(amount) AS s, avg(amount) FROM sales WHERE amount < 1",
    "CREATE VIEW by_object(who, much) AS SELECT object_id, total(x) FROM small GROUP BY object_id",
    "CREATE VIEW nested AS WITH t AS (SELECT * FROM by_object) SELECT sum(much) AS s, count(*) AS n FROM t",
    "CREATE TEMP VIEW passing AS SELECT sum(amount) AS s FROM sales WHERE amount < 1",
    "CREATE VIEW other AS SELECT sum(amount * 3) AS s FROM sales WHERE amount < 1",
)


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("SELECT s FROM every", [(0.6,)]),
        ("SELECT * FROM every AS e", [(0.6, 0.1)]),
        ('SELECT "avg(amount)" FROM main.every', [(0.1,)]),
        ("SELECT sum(x), avg(x) FROM small", [(0.6, 0.1)]),
        ("SELECT who, much FROM by_object ORDER BY who", [(1, 0.3), (2, 0.3)]),
        ("SELECT who FROM by_object WHERE much = 0.3 ORDER BY who", [(1,), (2,)]),
        ("SELECT s, n FROM nested", [(0.6, 2)]),
        ("SELECT sum(s) FROM (SELECT s FROM nested UNION ALL SELECT s FROM every)", [(1.2,)]),
        ("SELECT b.much FROM small s JOIN by_object b ON b.who = s.object_id GROUP BY b.who", [(0.3,), (0.3,)]),
        ("SELECT 1 WHERE 0.6 IN (SELECT s FROM every) AND 0.6 IN nested", "sub-select returns 2 columns"),
        ("SELECT 1 WHERE 0.6 IN passing", [(1,)]),
        ("SELECT s FROM passing", [(0.6,)]),
        ("SELECT main.every.s > 0.59 FROM main.every", [(1,)]),
        ("SELECT round(s, 9) FROM other", [(1.8,)]),
    ],
)
def test_sums_in_views_are_exact(db: skysql.Connection, sql: str, expected: Any) -> None:
    """A view has the text that it was made with; a column that is altered has its new scale in it."""
    db.executemany(
        "INSERT INTO sales(object_id, ts, action, amount) VALUES (?, ?, 'sale', ?)",
        [(object, at, "0.10") for object in (1, 2) for at in range(3)],
    )
    for view in VIEWS:
        db.execute(view)
    for change in ("ALTER amount TYPE DECIMAL(12, 4)", "ALTER n TYPE DECIMAL(9, 2)"):
        if isinstance(expected, str):
            with pytest.raises(skysql.OperationalError, match=expected):
                db.execute(sql)
        else:
            assert db.execute(sql).fetchall() == expected
        db.execute("SELECT sky_alter('sales', ?)", (change,))
    kept = "SELECT sql FROM sqlite_schema WHERE name = 'every'"
    assert db.execute(kept).fetchone() == (VIEWS[1],)


MEASURES = [
    ("sum(A.amount)", [0.3, 3.3]),
    ("avg(A.amount)", [0.15, 1.65]),
    ("total(amount) + count(*)", [2.3, 5.3]),
    ("SUM ( DISTINCT A.amount )", [0.3, 3.3]),
    ("avg(DISTINCT amount)", [0.15, 1.65]),
    ("sum(amount ORDER BY ts)", [0.3, 3.3]),
    ("sum(A.amount) FILTER (WHERE A.amount > 0.1)", [0.2, 3.3]),
    ("avg(amount) FILTER (WHERE amount < 0)", [None, None]),
    ("FINAL sum(A.amount) / RUNNING sum(A.amount)", [1.0, 1.0]),
    ("sum(amount || '')", [0.1 + 0.2, 1.1 + 2.2]),  # of another number: of REALs, as SQLite adds them
]
INPUTS = ["sales", "(SELECT object_id, ts, amount FROM sales WHERE ts > 0)", "(SELECT * FROM v LIMIT 9)"]


@pytest.mark.parametrize("source", INPUTS)
@pytest.mark.parametrize("measure, expected", MEASURES)
def test_sums_of_matches_are_exact(
    db: skysql.Connection, measure: str, expected: list[float | None], source: str
) -> None:
    """And those in conditions: 1.1 and 2.2 are not more than 3.3."""
    rows = [(1, 1, "0.1"), (1, 2, "0.2"), (2, 1, "1.1"), (2, 2, "2.2"), (2, 3, "0.01")]
    db.executemany("INSERT INTO sales(object_id, ts, action, amount) VALUES (?, ?, 'sale', ?)", rows)
    db.execute("CREATE VIEW v AS SELECT object_id, ts, amount FROM sales")
    sql = f"""SELECT m FROM {source} MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY ts
        MEASURES {measure} AS m PATTERN (^ A+) DEFINE A AS sum(A.amount) <= 3.3)"""
    assert [repr(row[0]) for row in db.execute(sql)] == [repr(value) for value in expected]


def test_names_of_sums_are_as_they_were_written(db: skysql.Connection) -> None:
    description = db.execute("SELECT sum(amount), avg( amount ) FROM sales GROUP BY object_id").description
    assert [column[0] for column in description] == ["sum(amount)", "avg( amount )"]


@pytest.mark.parametrize(
    "name, expected",
    [("sum", (5, 0.5, 1.5)), ("avg", (1.5, 5, 1.5)), ("total", (1.5, 0.5, 5)), ("count", (1.5, 0.5, 1.5)),
     ("round", (1.5, 0.5, 1.5))],
)  # fmt: skip
def test_functions_of_the_users_own_get_the_values(db: skysql.Connection, name: str, expected: tuple[Any, ...]) -> None:
    class Fives:
        def step(self, value: Any) -> None:
            assert value == 0.5

        def finalize(self) -> int:
            return 5

    put(db, "0.5", "0.5", "0.5")
    if name == "round":
        db.create_function("round", 1, lambda value: 5)
    else:
        db.create_aggregate(name, 1, Fives)
    assert db.execute("SELECT sum(amount), avg(amount), total(amount) FROM sales").fetchone() == expected


def test_sums_are_exact(connect: Connect) -> None:
    rng = random.Random(7)
    for scale in (0, 1, 2, 5, 9):
        amounts = [Decimal(rng.randrange(-(10**9), 10**12)).scaleb(-scale) for _ in range(500)]
        for pushdown in (True, False):
            db = connect(pushdown=pushdown, isolation_level=None)
            db.execute(f"CREATE VIRTUAL TABLE t USING sky(x DECIMAL(12,{scale}) STATE)")
            times = range(10**15, 10**15 + 500)
            db.append("t", {"object_id": [at % 7 + 1 for at in range(500)], "ts": times, "x": amounts})
            assert db.execute("SELECT sum(x) FROM t").fetchone() == (float(sum(amounts)),)
            for who, found in db.execute("SELECT object_id, sum(x) FROM t GROUP BY object_id"):
                assert found == float(sum(amounts[who - 1 :: 7]))


def test_a_scan_computes_the_units_that_it_adds(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """By arrays: SQLite is not asked for any of them."""
    db = connect(isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE t USING sky(x DECIMAL(9,2))")
    events = {"object_id": [1, 2, 2], "ts": [1, 2, 3], "action": ["a"] * 3, "x": ["0.10", "0.20", None]}
    db.append("t", events, time_unit="us")
    monkeypatch.setattr(SQLiteEvaluator, "values", None)
    monkeypatch.setattr(SQLiteEvaluator, "aggregates", None)
    assert db.execute("SELECT sum(x), avg(x), total(x) FROM t WHERE action = 'a'").fetchall() == [(0.3, 0.15, 0.3)]
    assert db.execute("SELECT object_id, sum(x) FROM t GROUP BY object_id").fetchall() == [(1, 0.1), (2, 0.2)]


class Thousand:
    """An aggregate of the user's."""

    def step(self, value: float) -> None:
        """A row."""

    def finalize(self) -> int:
        """The same always."""
        return 1000


@pytest.mark.parametrize("name", ["sum", "avg", "count", "round"])
def test_functions_of_the_users_are_theirs(db: skysql.Connection, name: str) -> None:
    put(db, 1.1, 2.2)
    if name == "round":
        db.create_function(name, 1, lambda value: 7)
    else:
        db.create_aggregate(name, 1, Thousand)
    found = db.execute("SELECT sum(amount), avg(amount) FROM sales").fetchone()
    assert found == tuple(1000 if name == each else pytest.approx(of) for each, of in (("sum", 3.3), ("avg", 1.65)))


def test_a_sum_beyond_64_bits_is_an_error_as_of_integers(connect: Connect) -> None:
    for pushdown in (True, False):
        db = connect(pushdown=pushdown, isolation_level=None)
        db.execute("CREATE VIRTUAL TABLE t USING sky(x DECIMAL(18,2))")
        rest = {"object_id": [1] * 10, "ts": range(10**15, 10**15 + 10), "action": ["a"] * 10}
        db.append("t", rest | {"x": ["9999999999999999"] * 10})
        with pytest.raises(skysql.OperationalError, match="integer overflow"):
            db.execute("SELECT sum(x) FROM t").fetchall()


def test_more_digits_than_a_real_has_stay_what_they_are(db: skysql.Connection) -> None:
    db.execute("CREATE VIRTUAL TABLE t USING sky(x DECIMAL(18,4), s DECIMAL(18,4) STATE, note TEXT)")
    given = ["12345678901234.5678", "-99999999999999.9999", "0.0001"]
    for at, text in enumerate(given):
        db.execute("INSERT INTO t(object_id, ts, action, x, s) VALUES (1, ?, 'a', ?, ?)", (at, text, Decimal(text)))
    db.execute("UPDATE t SET note = 'changed'")
    db.execute("UPDATE t SET action = 'b' WHERE ts = 2")
    db.compact()
    assert db.execute("SELECT x FROM t").fetchall() == [(float(text),) for text in given]
    with pytest.raises(skysql.DataError, match=r"t\.x: -99999999999999\.9999 is not exactly a REAL"):
        db.execute("SELECT sky_alter('t', 'ALTER x TYPE REAL')")
    db.execute("SELECT sky_alter('t', 'ALTER x TYPE TEXT')")
    db.execute("SELECT sky_alter('t', 'ALTER s TYPE TEXT')")
    assert db.execute("SELECT x, s FROM t").fetchall() == [(text, text) for text in given]


def test_altering(db: skysql.Connection) -> None:
    put(db, "1.25", "-7", None)
    db.execute("SELECT sky_alter('sales', 'ADD whole INTEGER')")
    db.execute("UPDATE sales SET whole = 12")
    db.compact()
    put(db, "0.5")
    shown = [(1.25, 12), (0.5, None), (-7.0, 12), (None, 12)]
    for change in ("ALTER amount TYPE DECIMAL(12,3)", "ALTER whole TYPE DECIMAL(4,1)", "ALTER amount TYPE REAL"):
        db.execute("SELECT sky_alter('sales', ?)", (change,))
        assert db.execute("SELECT amount, whole FROM sales ORDER BY object_id, ts").fetchall() == shown
        assert db.check() == []
    assert db.execute("SELECT sum(whole) FROM sales").fetchone() == (36.0,)
    for change, reason in [
        ("ALTER whole TYPE INTEGER", r"DECIMAL\(4,1\), which INTEGER does not hold"),
        ("ALTER whole TYPE DECIMAL(4,2)", r"which DECIMAL\(4,2\) does not hold"),
        ("ADD x DECIMAL(19,2)", "no type DECIMAL"),
        ("ADD x DECIMAL(2,3)", "no type DECIMAL"),
    ]:
        with pytest.raises(skysql.ProgrammingError, match=reason):
            db.execute("SELECT sky_alter('sales', ?)", (change,))
    db.execute("SELECT sky_alter('sales', 'ADD big INTEGER')")
    db.execute("UPDATE sales SET big = 123")
    with pytest.raises(skysql.DataError, match=r"sales\.big: 123 is not exactly a DECIMAL\(3,1\)"):
        db.execute("SELECT sky_alter('sales', 'ALTER big TYPE DECIMAL(3,1)')")


def test_parameters(db: skysql.Connection) -> None:
    put(db, "12.30", "0.1")
    for given in (Decimal("12.30"), 12.3, "12.3", np.float64(12.3)):
        assert db.execute("SELECT count(*) FROM sales WHERE amount = ?", (given,)).fetchone() == (1,)
    assert db.execute("SELECT ?, ?, ?", (Decimal("7.00"), Decimal("0.10"), Decimal("NaN"))).fetchone() == (7, 0.1, None)
    assert db.execute("SELECT ?", (Decimal("12345678901234567.89"),)).fetchone() == ("12345678901234567.89",)


def test_in_reports_patterns_and_path_functions(db: skysql.Connection) -> None:
    put(db, "0.1", 10, 99.99, "5.5", "20", "0.2")
    assert db.execute("SELECT objects FROM sky_funnel('sales', ?, '1 day')",
                      ('[{"when": "amount < 11"}, {"when": "amount > 5"}]',)).fetchall() == [(3,), (2,)]  # fmt: skip
    pattern = ("SELECT object_id, x FROM sales MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY ts"
               " MEASURES LAST(b.amount) - FIRST(a.amount) AS x PATTERN (a b)"
               " DEFINE b AS b.amount > a.amount)")  # fmt: skip
    assert db.execute(pattern).fetchall() == [(1, 5.4), (2, 10.0)]
    assert db.execute("SELECT object_id, window_funnel('1 day', ts, amount < 11, amount >= 5.5) FROM sales"
                      " GROUP BY object_id").fetchall() == [(1, 2), (2, 2), (3, 1)]  # fmt: skip


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_import_and_export(tmp_path: Path, format: str) -> None:
    source, file = str(tmp_path / "a.db"), str(tmp_path / f"a.{format}")
    db = skysql.connect(source, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE t USING sky(price DECIMAL(9,2) STATE, net DECIMAL(15,5))")
    insert = "INSERT INTO t(object_id, ts, action, price, net) VALUES (?, ?, 'a', ?, ?)"
    db.executemany(insert, [(1, 0, "12.30", "1234567890.12345"), (1, 1, None, "0.00001"), (2, 0, "0", None)])
    expected = db.execute("SELECT *, changes FROM t").fetchall()
    db.close()
    assert main(["export", source, "t", file]) == 0
    if format == "parquet":
        assert pyarrow.parquet.read_table(file).column("price").to_pylist() == [Decimal("12.30"), None, Decimal(0)]
    words = ["--object", "object_id", "--time", "timestamp", "--action", "action", "--state", "price:DECIMAL(9,2)",
             "--attribute", "net:decimal(15, 5)"]  # fmt: skip
    assert main(["import", str(tmp_path / "b.db"), "t", file, *words]) == 0
    db = skysql.connect(str(tmp_path / "b.db"))
    assert db.execute("SELECT *, changes FROM t").fetchall() == expected
    assert db.check() == []
    db.close()


LONG = [("999999999999999999", "0.0000000000000001"), ("-999999999999999998", "-99.9999999999999999"), ("5", None)]
"""Of more digits than a REAL has; 5 is not."""


def long_decimals(path: str) -> skysql.Connection:
    """A table of them, as a state and as an attribute."""
    db = skysql.connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE t USING sky(x DECIMAL(18) STATE, y DECIMAL(18,16))")
    db.executemany("INSERT INTO t(object_id, ts, action, x, y) VALUES (?, 1, 'a', ?, ?)",
                   [(at, *long) for at, long in enumerate(LONG, 1)])  # fmt: skip
    return db


def with_all_digits(db: skysql.Connection) -> list[Any]:
    """What is stored: the table is altered for it."""
    for name in "xy":
        db.execute(f"SELECT sky_alter('t', 'ALTER {name} TYPE TEXT')")
    return db.execute("SELECT x, y FROM t").fetchall()


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_all_digits_are_exported(tmp_path: Path, format: str) -> None:
    file = str(tmp_path / f"a.{format}")
    long_decimals(str(tmp_path / "a.db")).close()
    assert main(["export", str(tmp_path / "a.db"), "t", file]) == 0
    words = ["--object", "object_id", "--time", "timestamp", "--action", "action", "--state", "x:DECIMAL(18)",
             "--attribute", "y:DECIMAL(18,16)"]  # fmt: skip
    assert main(["import", str(tmp_path / "b.db"), "t", file, *words]) == 0
    db = skysql.connect(str(tmp_path / "b.db"))
    assert with_all_digits(db) == LONG
    db.close()


def test_all_digits_are_dumped(tmp_path: Path, connect: Connect) -> None:
    db, copy = long_decimals(str(tmp_path / "a.db")), connect()
    copy.executescript("".join(db.iterdump()))
    db.close()
    assert with_all_digits(copy) == LONG


def test_an_import_compares_all_digits_with_what_is_stored(tmp_path: Path) -> None:
    long_decimals(str(tmp_path / "a.db")).close()
    (tmp_path / "a.csv").write_text(f"o,t,x\n1,2030-01-01,{LONG[0][0]}\n2,2030-01-01,-999999999999999999\n")
    words = ["--object", "o", "--time", "t", "--state", "x"]
    assert main(["import", str(tmp_path / "a.db"), "t", str(tmp_path / "a.csv"), *words]) == 0
    db = skysql.connect(str(tmp_path / "a.db"))
    assert db.execute("SELECT object_id, changes FROM t WHERE timestamp > '2029-01-01'").fetchall() == [
        (2, '{"x":-999999999999999999}')
    ]
    db.close()
