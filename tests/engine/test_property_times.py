"""TIMESTAMP as the kind of a property: written, compared, bucketed and exported as the time of an event is."""

import datetime
import json
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
from tests.conftest import Connect

ROWS = [
    (1, "2026-01-01", "order", "2026-02-01T10:00Z", None),
    (1, "2026-01-02", "pay", None, "2026-02-01 10:00:00"),
    (2, "2026-01-01", "order", "2026-02-03 23:59:59.999999", None),
    (2, "2026-01-05", "pay", None, "2026-02-05T01:00+01:00"),
    (3, "2026-01-06", "order", None, None),
]


@pytest.fixture(params=[True, False], ids=["pushdown", "plain"])
def db(connect: Connect, request: Any) -> skysql.Connection:
    """Some orders, in blocks and in the log."""
    db = connect(pushdown=request.param, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE orders USING sky(due TIMESTAMP STATE, paid TIMESTAMP)")
    insert = "INSERT INTO orders(object_id, timestamp, action, due, paid) VALUES (?, ?, ?, ?, ?)"
    db.executemany(insert, ROWS[:3])
    db.compact()
    db.executemany(insert, ROWS[3:])
    return db


def test_it_reads_in_the_form_of_times(db: skysql.Connection) -> None:
    assert db.execute("SELECT object_id, due, paid FROM orders").fetchall() == [
        (1, "2026-02-01 10:00:00.000000", None),
        (1, "2026-02-01 10:00:00.000000", "2026-02-01 10:00:00.000000"),
        (2, "2026-02-03 23:59:59.999999", None),
        (2, "2026-02-03 23:59:59.999999", "2026-02-05 00:00:00.000000"),
        (3, None, None),
    ]
    assert json.loads(db.execute("SELECT changes FROM orders").fetchone()[0]) == {"due": "2026-02-01 10:00:00.000000"}
    assert db.execute("SELECT new_value FROM orders_changes WHERE object_id = 2").fetchall() == [
        ("2026-02-03 23:59:59.999999",)
    ]


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("SELECT count(*) FROM orders WHERE due = '2026-02-01T10:00'", [(2,)]),
        ("SELECT count(*) FROM orders WHERE due >= '2026-02-03'", [(2,)]),
        ("SELECT count(*) FROM orders WHERE '2026-02-04' > due AND action = 'pay'", [(2,)]),
        ("SELECT count(*) FROM orders WHERE due IN ('2026-02-01T10:00Z', '2026-02-02')", [(2,)]),
        ("SELECT count(*) FROM orders WHERE due BETWEEN '2026-02-01T10:00' AND '2026-02-01T10:00'", [(2,)]),
        ("SELECT count(*) FROM orders WHERE paid IS NULL", [(3,)]),
        ("SELECT count(*) FROM orders WHERE paid > due", [(1,)]),
        ("SELECT count(*) FROM orders WHERE paid = due", [(1,)]),
        ("SELECT count(*) FROM orders WHERE due > timestamp", [(4,)]),
        ("SELECT date(due), count(*) FROM orders GROUP BY 1", [(None, 1), ("2026-02-01", 2), ("2026-02-03", 2)]),
        ("SELECT strftime('%Y-%m', due) m, count(*) FROM orders WHERE due NOTNULL GROUP BY m", [("2026-02", 4)]),
        ("SELECT strftime('%H', due), count(*) FROM orders GROUP BY 1", [(None, 1), ("10", 2), ("23", 2)]),
        ("SELECT min(due), max(paid) FROM orders", [("2026-02-01 10:00:00.000000", "2026-02-05 00:00:00.000000")]),
        ("SELECT max(due, '2026-02-02') FROM orders WHERE object_id = 1 LIMIT 1", [("2026-02-02 00:00:00.000000",)]),
        ("SELECT due, count(*) FROM orders GROUP BY 1 ORDER BY due DESC LIMIT 1", [("2026-02-03 23:59:59.999999", 2)]),
        ("SELECT object_id FROM orders ORDER BY paid DESC, object_id LIMIT 2", [(2,), (1,)]),
        ("SELECT count(DISTINCT due) FROM orders", [(2,)]),
        ("SELECT object_id FROM orders_objects WHERE due < '2026-02-02'", [(1,)]),
        ("SELECT due FROM orders_objects('2026-01-01T12:00') WHERE object_id = 1", [("2026-02-01 10:00:00.000000",)]),
        ("SELECT count(*) FROM (SELECT due AS d FROM orders) WHERE d = '2026-02-01T10:00'", [(2,)]),
        ("SELECT objects FROM sky_funnel('orders', '[{\"when\": \"due < ''2026-02-02''\"}, {\"action\": \"pay\"}]',"
         " '30 days')", [(1,), (1,)]),
    ],
)  # fmt: skip
def test_it_is_compared_and_bucketed_as_times_are(db: skysql.Connection, sql: str, expected: list[Any]) -> None:
    assert db.execute(sql).fetchall() == expected


def test_it_is_a_time_in_path_functions_and_patterns(db: skysql.Connection) -> None:
    pattern = ("SELECT * FROM orders MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp"
               " MEASURES FIRST(a.due) AS due, LAST(b.paid) AS paid PATTERN (a b)"
               " DEFINE a AS a.due < '2026-02-01T12:00', b AS b.paid >= a.due)")  # fmt: skip
    assert db.execute(pattern).fetchall() == [(1, "2026-02-01 10:00:00.000000", "2026-02-01 10:00:00.000000")]
    assert db.execute(
        "SELECT object_id, window_funnel('30 days', timestamp, due < '2026-02-02', paid >= '2026-02-01T10:00')"
        " FROM orders GROUP BY object_id"
    ).fetchall() == [(1, 2), (2, 0), (3, 0)]


def test_parameters(db: skysql.Connection) -> None:
    for given in (datetime.datetime(2026, 2, 1, 10), np.datetime64("2026-02-01T10"), "2026-02-01T10:00"):
        assert db.execute("SELECT count(*) FROM orders WHERE due = ?", (given,)).fetchone() == (2,)
    db.execute("UPDATE orders SET paid = ? WHERE object_id = 3", (datetime.date(2026, 3, 1),))
    assert db.execute("SELECT paid FROM orders WHERE object_id = 3").fetchone() == ("2026-03-01 00:00:00.000000",)


@pytest.mark.parametrize(
    "value, reason",
    [
        ("'2026-01-01 00:00:00.0000001'", "kept to the microsecond"),
        ("1.5", "whole microseconds"),
        ("20260101.25", "whole microseconds"),
        ("'soon'", "write it as"),
        ("'2026'", "write it as"),
        ("9e17", "years 1 to 9999"),
        ("x'00'", "write it as"),
    ],
)
def test_it_refuses_what_the_time_refuses(db: skysql.Connection, value: str, reason: str) -> None:
    said = []
    for columns in (f"'2026-01-01', {value}", f"{value}, NULL"):
        with pytest.raises(skysql.DataError) as error:
            db.execute(f"INSERT INTO orders(object_id, action, timestamp, paid) VALUES (1, 'a', {columns})")
        said.append(str(error.value).replace("orders.paid", "orders.timestamp"))
    assert reason in said[0] and said[0] == said[1]


def columns(made: str) -> Any:
    """A frame of three rows with a time, or none, each."""
    texts = ["2026-02-01T10:00:00.000001", None, "2026-02-03"]
    moments = [None if text is None else datetime.datetime.fromisoformat(text) for text in texts]
    rest: dict[str, Any] = {"object_id": [7, 8, 9], "timestamp": ["2026-01-01"] * 3, "action": ["a"] * 3}
    match made:
        case "texts":
            return rest | {"due": texts}
        case "datetimes":
            return rest | {"due": moments}
        case "mixed":
            return rest | {"due": [texts[0], None, moments[2]]}
        case "numpy":
            return rest | {"due": np.array(texts, "M8[us]")}
        case "integers":
            return rest | {"due": [1769940000000001, None, 1770076800000000]}
        case "pandas":
            return pandas.DataFrame(rest | {"due": pandas.to_datetime(pandas.Series(moments))})
        case "polars":
            return polars.DataFrame(rest | {"due": moments})
    return pyarrow.table(rest | {"due": pyarrow.array(moments, pyarrow.timestamp("us"))})


@pytest.mark.parametrize("made", ["texts", "datetimes", "mixed", "numpy", "integers", "pandas", "polars", "arrow"])
def test_append(db: skysql.Connection, made: str) -> None:
    db.append("orders", columns(made))
    assert db.execute("SELECT due FROM orders WHERE object_id > 6 ORDER BY object_id").fetchall() == [
        ("2026-02-01 10:00:00.000001",), (None,), ("2026-02-03 00:00:00.000000",)
    ]  # fmt: skip


def test_append_of_numbers_that_may_count_anything_asks_for_a_unit(db: skysql.Connection) -> None:
    rest = {"object_id": [7, 8], "timestamp": ["2026-01-01"] * 2, "action": ["a"] * 2}
    with pytest.raises(skysql.DataError, match=r"orders\.due: .*may be") as error:
        db.append("orders", rest | {"due": [None, 1769940000]})
    assert "time_unit" in (error.value.hint or "")
    with pytest.raises(skysql.DataError, match=r"orders\.due: row 1: '2026-02-30'"):
        db.append("orders", rest | {"due": [None, "2026-02-30"]})
    db.append("orders", rest | {"due": [None, 1769940000]}, time_unit="s")
    assert db.execute("SELECT due FROM orders WHERE object_id = 8").fetchone() == ("2026-02-01 10:00:00.000000",)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_it_is_exported_as_a_time_and_comes_back(tmp_path: Path, format: str) -> None:
    source, file = str(tmp_path / "a.db"), str(tmp_path / f"a.{format}")
    db = skysql.connect(source, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE orders USING sky(due TIMESTAMP STATE, paid TIMESTAMP, price DECIMAL(9,2))")
    db.executemany("INSERT INTO orders(object_id, timestamp, action, due, paid) VALUES (?, ?, ?, ?, ?)", ROWS)
    db.execute("UPDATE orders SET price = 12.34 WHERE object_id = 2")
    expected = db.execute("SELECT * FROM orders").fetchall()
    db.close()
    assert main(["export", source, "orders", file]) == 0
    if format == "parquet":
        schema = pyarrow.parquet.read_schema(file)
        assert schema.field("due").type == pyarrow.timestamp("us", "UTC")
        assert schema.field("price").type == pyarrow.decimal128(9, 2)
    words = ["--object", "object_id", "--time", "timestamp", "--action", "action", "--state", "due:TIMESTAMP",
             "--attribute", "paid:timestamp", "--attribute", "price:DECIMAL(9,2)"]  # fmt: skip
    assert main(["import", str(tmp_path / "b.db"), "orders", file, *words]) == 0
    db = skysql.connect(str(tmp_path / "b.db"))
    assert db.execute("SELECT * FROM orders").fetchall() == expected
    assert db.check() == []
    db.close()


def test_altering(db: skysql.Connection) -> None:
    shown = db.execute("SELECT due, paid FROM orders").fetchall()
    for changes in (["ADD seen TIMESTAMP STATE"], ["ALTER due TO ATTRIBUTE", "ALTER due TO STATE"],
                    ["ALTER paid TYPE TEXT"]):  # fmt: skip
        for change in changes:
            db.execute("SELECT sky_alter('orders', ?)", (change,))
        assert db.execute("SELECT due, paid FROM orders").fetchall() == shown
        assert db.check() == []
    with pytest.raises(skysql.ProgrammingError, match="TIMESTAMP, which INTEGER does not hold"):
        db.execute("SELECT sky_alter('orders', 'ALTER due TYPE INTEGER')")
    db.execute("INSERT INTO orders(object_id, timestamp, paid, seen) VALUES (4, 0, 'never', '2026-01-01')")
    db.compact()
    assert db.execute("SELECT paid, seen FROM orders WHERE object_id = 4").fetchone() == (
        "never", "2026-01-01 00:00:00.000000"
    )  # fmt: skip
