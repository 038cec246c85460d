"""PEP 249, and sqlite3's habits: most tests run on both modules, and must find the same."""

import datetime
import gc
import pickle
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from copy import copy as shallow
from copy import deepcopy

import apsw
import numpy as np
import pytest

import skysql
from skysql import errors
from skysql.dbapi import cursor as cursors
from skysql.dbapi import parameters
from skysql.engine import sqlite_errors, statements

pytestmark = pytest.mark.filterwarnings(  # of sqlite3 since Python 3.12, which adapts dates all the same
    "ignore:The default .* (adapter|converter) is deprecated:DeprecationWarning"
)

MODULES = [pytest.param(sqlite3, id="sqlite3"), pytest.param(skysql, id="skysql")]


@pytest.fixture(params=MODULES)
def module(request, monkeypatch):
    opened, connect = [], sqlite3.connect

    def recorded(*arguments, **options):
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", recorded)
    yield request.param
    for connection in opened:  # skysql's are closed after every test
        connection.close()


@pytest.fixture
def connection(module):
    connection = module.connect(":memory:")
    connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL)")
    yield connection
    connection.close()


@pytest.fixture
def sky():
    connection = skysql.connect(":memory:")
    yield connection
    connection.close()


def fill(connection, count=3):
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, f"b{i}", i / 2) for i in range(1, count + 1)])
    connection.commit()


# the module


def test_globals():
    assert (skysql.apilevel, skysql.threadsafety, skysql.paramstyle) == ("2.0", 3, "qmark")
    assert all(hasattr(skysql, name) for name in skysql.__all__)
    assert len(set(skysql.__all__)) == len(skysql.__all__)


def test_tree_of_errors():
    for name in """InterfaceError DatabaseError DataError OperationalError IntegrityError InternalError
    ProgrammingError NotSupportedError""".split():
        ours, theirs = getattr(skysql, name), getattr(sqlite3, name)
        assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in theirs.__mro__]
        assert getattr(skysql.Connection, name) is ours
    assert issubclass(skysql.CorruptError, skysql.DatabaseError)


def test_every_error_of_apsw_has_its_place():
    """A new release of apsw shows here with what it adds."""
    unplaced = {
        name
        for name, value in vars(apsw).items()
        if isinstance(value, type) and issubclass(value, apsw.Error) and value not in sqlite_errors._CLASSES
    }
    assert unplaced <= {
        *("Error", "AuthError", "FormatError", "NotADBError"),  # DatabaseError, as in sqlite3
        *("ExecTraceAbort", "NoLFSError", "VFSFileClosedError", "AsyncRejectedError"),  # not to be met
    }


def test_constructors():
    assert skysql.Date(2026, 1, 2) == datetime.date(2026, 1, 2)
    for name in "DateFromTicks", "TimeFromTicks", "TimestampFromTicks":
        assert getattr(skysql, name)(1_700_000_000) == getattr(sqlite3, name)(1_700_000_000)
    assert bytes(skysql.Binary(b"x")) == b"x"


def test_type_objects():
    declared = ["TEXT", "VARCHAR(10)", "BLOB", "INTEGER", "REAL", "BOOLEAN", "TIMESTAMP", "date"]
    found = {
        name: [d for d in declared if getattr(skysql, name) == d]
        for name in ("STRING", "BINARY", "NUMBER", "DATETIME", "ROWID")
    }
    assert found == {
        "STRING": ["TEXT", "VARCHAR(10)"],
        "BINARY": ["BLOB"],
        "NUMBER": ["INTEGER", "REAL", "BOOLEAN"],
        "DATETIME": ["TIMESTAMP", "date"],
        "ROWID": [],
    }
    assert skysql.STRING != None  # noqa: E711
    assert skysql.STRING == skysql.STRING and skysql.STRING != skysql.NUMBER


# transactions


@pytest.mark.parametrize(
    ("sql", "begins"),
    [
        ("INSERT INTO t(b) VALUES ('x')", True),
        ("  -- a remark\n /* and ; another */ insert into t(b) values ('x')", True),
        ("UPDATE t SET b = 'y'", True),
        ("DELETE FROM t", True),
        ("REPLACE INTO t(b) VALUES ('x')", True),
        ("SELECT * FROM t", False),
        ("SELECT 'INSERT INTO t'", False),
        ("CREATE TABLE u(a)", False),
        ("EXPLAIN INSERT INTO t(b) VALUES ('x')", False),
        ("WITH x AS (SELECT 1) SELECT * FROM x", False),
        ("PRAGMA user_version = 3", False),
        ("", False),
        ("-- nothing", False),
        ("VALUES (1)", False),
    ],
)
def test_implicit_begin(connection, sql, begins):
    connection.execute(sql).fetchall()
    assert connection.in_transaction is begins


@pytest.mark.parametrize(
    ("sql", "verb"),
    [
        ("WITH x(a) AS (SELECT 1) INSERT INTO t(b) SELECT a FROM x", "INSERT"),
        ("with recursive x as materialized (select 1), replace as (select ')insert') delete from t", "DELETE"),
        ("WITH x AS (SELECT 1) /* ( */ SELECT replace('a', 'a', 'b')", "SELECT"),
        ("WITH [)] AS (VALUES (1)) UPDATE t SET b = 1", "UPDATE"),
        ("select 1", "SELECT"),
        ("(select 1)", "?"),
        ("with", "WITH"),
        ("with x as (select", "WITH"),
        ("/* open", ""),
        (" ;; insert into t values (1)", "INSERT"),
    ],
)
def test_verb(sql, verb):
    assert statements.analyse(sql).verb == verb


def test_begin_after_with(sky):
    """sqlite3 overlooks this one."""
    sky.execute("CREATE TABLE t(a)")
    sky.execute("WITH x(a) AS (SELECT 1) INSERT INTO t SELECT a FROM x")
    assert sky.in_transaction
    sky.rollback()
    assert sky.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_commit_and_rollback(connection):
    connection.execute("INSERT INTO t(b) VALUES ('x')")
    connection.rollback()
    connection.rollback()
    assert connection.execute("SELECT * FROM t").fetchall() == []
    connection.execute("INSERT INTO t(b) VALUES ('x')")
    connection.commit()
    connection.commit()
    connection.rollback()
    assert connection.execute("SELECT b FROM t").fetchall() == [("x",)]


def test_a_statement_that_cannot_be_prepared_begins_nothing(module, connection):
    for sql in "INSERT INTO nowhere VALUES (1)", "INSERT INTO t VALUES (1)", "INSERT INTO t(b) VALUES (":
        with pytest.raises(module.OperationalError):
            connection.execute(sql)
        with pytest.raises(module.OperationalError):
            connection.executemany(sql, [()])
        assert not connection.in_transaction


def test_a_statement_that_fails_leaves_the_transaction_open(module, connection):
    fill(connection)
    with pytest.raises(module.IntegrityError):
        connection.execute("INSERT INTO t(b) VALUES ('b1')")
    assert connection.in_transaction
    connection.rollback()
    with pytest.raises(module.IntegrityError):
        connection.executemany("INSERT INTO t(b) VALUES (?)", [("x",), ("y",), ("b1",), ("z",)])
    assert connection.in_transaction
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (5,)


def test_context_manager(module, connection):
    with connection as entered:
        assert entered is connection
        connection.execute("INSERT INTO t(b) VALUES ('kept')")
    assert not connection.in_transaction
    with pytest.raises(ZeroDivisionError), connection:
        connection.execute("INSERT INTO t(b) VALUES ('lost')")
        raise ZeroDivisionError
    assert connection.execute("SELECT b FROM t").fetchall() == [("kept",)]


def test_context_manager_rolls_back_a_commit_that_fails(module):
    connection = module.connect(":memory:")
    connection.executescript(
        "PRAGMA foreign_keys = on; CREATE TABLE p(a PRIMARY KEY);"
        "CREATE TABLE c(a REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED);"
    )
    with pytest.raises(module.IntegrityError), connection:
        connection.execute("INSERT INTO c VALUES (1)")
    assert not connection.in_transaction
    assert connection.execute("SELECT * FROM c").fetchall() == []
    connection.close()


def test_isolation_level(module, tmp_path):
    one = module.connect(tmp_path / "x.db", isolation_level="IMMEDIATE", timeout=0.01)
    two = module.connect(str(tmp_path / "x.db"), isolation_level="exclusive", timeout=0.01)
    two.isolation_level = "exclusive"
    assert two.isolation_level == "EXCLUSIVE"
    one.execute("CREATE TABLE t(a)")
    one.execute("DELETE FROM t")
    with pytest.raises(module.OperationalError, match="locked") as caught:
        two.execute("DELETE FROM t")
    assert caught.value.sqlite_errorname == "SQLITE_BUSY"
    assert not two.in_transaction
    one.rollback()
    two.isolation_level = None
    two.execute("INSERT INTO t VALUES (1)")
    assert not two.in_transaction
    two.execute("BEGIN")
    two.isolation_level = None  # commits
    assert not two.in_transaction and two.isolation_level is None
    for bad, kind in ("NEVER", ValueError), (5, TypeError):
        with pytest.raises(kind):
            two.isolation_level = bad
        with pytest.raises(kind):
            module.connect(":memory:", isolation_level=bad)
    one.close()
    two.close()


def test_savepoints(connection):
    connection.execute("INSERT INTO t(b) VALUES ('x')")
    connection.execute("SAVEPOINT s")
    connection.execute("INSERT INTO t(b) VALUES ('y')")
    connection.execute("ROLLBACK TO s")
    connection.commit()
    assert connection.execute("SELECT b FROM t").fetchall() == [("x",)]


# statements and parameters


def test_executescript(module, connection):
    connection.execute("INSERT INTO t(b) VALUES ('before')")
    cursor = connection.executescript(
        """
        -- ; not one
        CREATE TABLE log(x); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.b); SELECT 1; END;
        INSERT INTO t(b) VALUES ('a;b'), ("c;"), ([b]);; /* ; */ SELECT 1; SELECT b FROM t
        """.replace("([b])", "('d')")
    )
    assert isinstance(cursor, module.Cursor)
    assert not connection.in_transaction
    assert connection.execute("SELECT x FROM log").fetchall() == [("a;b",), ("c;",), ("d",)]
    with pytest.raises(module.OperationalError, match='near "selec"'):
        connection.executescript("DELETE FROM log; selec")
    assert connection.execute("SELECT * FROM log").fetchall() == []
    with pytest.raises(TypeError):
        connection.executescript(b"SELECT 1")


def test_statements():
    script = "a 'x;' \"y;\" `z;` [w;] -- ;\n /* ; */;b - c / d;;\n; -- end\n;e"
    assert list(statements.statements(script)) == [script[: script.index(";b") + 1], "b - c / d;", "e"]
    trigger = "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;"
    assert list(statements.statements(trigger + trigger)) == [trigger, trigger]
    assert list(statements.statements("a 'open; ")) == ["a 'open; "]
    assert list(statements.statements("")) == list(statements.statements("/* open ;")) == []


def test_a_long_script_is_looked_at_once(monkeypatch):
    script = "INSERT INTO t VALUES ('it''s; long', 1);\n" * 20_000 + "SELECT '" + "-" * 1_000_000
    complete, looked_at = apsw.complete, []
    monkeypatch.setattr(apsw, "complete", lambda piece: looked_at.append(len(piece)) or complete(piece))
    assert sum(1 for _ in statements.statements(script)) == 20_001
    assert 20_000 <= sum(looked_at) <= len(script)


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT ?, ?", (1, "x")),
        ("SELECT ?, ?", [1, None]),
        ("SELECT ?, ?", "ab"),
        ("SELECT ?2, ?1", (1, 2)),
        ("SELECT :a, @b, $c", {"a": 1, "b": 2.5, "c": b"x", "unused": 1}),
        ("SELECT :a, :a", {"a": True}),
        ("SELECT ?", (bytearray(b"x"),)),
        ("SELECT ?", (memoryview(b"x"),)),
        ("SELECT ?", (2**63 - 1,)),
        ("SELECT ?", (datetime.date(2026, 1, 2),)),
        ("SELECT ?", range(1)),
        ("SELECT 1", {}),
        # and what is refused
        ("SELECT ?", ()),
        ("SELECT ?, ?", (1,)),
        ("SELECT ?, ?", (1, 2, 3)),
        ("SELECT 1", (1,)),
        ("SELECT :a, :b", {"a": 1}),
        ("SELECT ?", {"a": 1}),
        ("SELECT ?", {1}),
        ("SELECT ?", (x for x in (1,))),
        ("SELECT ?", 5),
        ("SELECT ?", None),
        ("SELECT ?", (object(),)),
        ("SELECT ?", (1j,)),
        ("SELECT 1; SELECT 2", ()),
        ("SELECT \0", ()),
        ("SELEC", ()),
        ("SELECT * FROM nowhere", ()),
        ("SELECT nothing", ()),
        (5, ()),
        (b"SELECT 1", ()),
    ],
)
@pytest.mark.filterwarnings("ignore:Binding . .*is a named parameter:DeprecationWarning")  # 3.12, of ?2
def test_parameters(sql, parameters):
    found = []
    for module in sqlite3, skysql:
        connection = module.connect(":memory:")
        try:
            found.append(connection.execute(sql, parameters).fetchall())
        except Exception as error:
            found.append((type(error).__name__, isinstance(error, module.Error) and str(error).split(" (")[0]))
        connection.close()
    if found[1][0] == "ProgrammingError":  # its words may be others
        found = [each[:1] for each in found]
    assert found[0] == found[1]


def test_an_integer_of_more_than_64_bits(sky):
    """PEP 249's DataError, and OverflowError, as sqlite3 has it."""
    for value in (2**63, -(2**63) - 1):
        for kind in (skysql.DataError, OverflowError):
            with pytest.raises(kind, match=f"parameter 2 is {value}"):
                sky.execute("SELECT ?, ?", (1, value))
    sky.create_function("overflow", 0, lambda: (1).to_bytes(0, "big"))
    with pytest.raises(skysql.DataError, match="string or blob too big") as raised:
        sky.execute("SELECT overflow(), ?", (1,))
    assert isinstance(raised.value.__cause__, OverflowError)


def test_parameters_that_python_code_makes(sky):
    noon = datetime.datetime(2026, 1, 2, 12)
    east = datetime.timezone(datetime.timedelta(hours=2))
    for value, bound in [
        (noon, "2026-01-02 12:00:00"),
        (noon.replace(year=1, microsecond=7), "0001-01-02 12:00:00.000007"),
        (noon.replace(tzinfo=east), "2026-01-02 12:00:00+02:00"),
        (datetime.time(1, 2), "01:02:00"),
        (np.int64(-5), -5),
        (np.uint8(5), 5),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.bool_(True), 1),
        (True, 1),
        (np.str_("x"), "x"),
        (np.datetime64("2026-01-02T12:00:00.123456000"), "2026-01-02 12:00:00.123456"),
        (np.datetime64("2026-01-02"), "2026-01-02 00:00:00"),
        (np.datetime64("NaT", "us"), None),
        (float("nan"), None),
    ]:
        ((found,),) = sky.execute("SELECT ?", (value,)).fetchall()
        assert found == bound and type(found) is type(bound)
        ((found,),) = sky.execute("SELECT :x", {"x": value}).fetchall()
        assert found == bound
    for value in np.complex64(1), np.timedelta64(1, "s"), {}, set():
        with pytest.raises(skysql.ProgrammingError, match="Error binding parameter 2: type .* is not supported"):
            sky.execute("SELECT ?, ?", (1, value))


def test_pandas_timestamps(sky):
    pandas = pytest.importorskip("pandas")
    when = pandas.Timestamp("2026-01-02 12:00:00.123456000", tz="Europe/Berlin")
    assert sky.execute("SELECT ?, ?", (when, pandas.NaT)).fetchall() == [("2026-01-02 12:00:00.123456+01:00", None)]


def test_adapters_and_converters(module, monkeypatch):
    monkeypatch.setattr(parameters, "adapters", parameters.adapters.copy())
    monkeypatch.setattr(parameters, "converters", parameters.converters.copy())
    monkeypatch.setattr(cursors, "converters", parameters.converters)

    class Point:
        def __init__(self, x):
            self.x = x

        def __conform__(self, protocol):
            return f"by itself {self.x}"

    connection = module.connect(":memory:", detect_types=module.PARSE_DECLTYPES | module.PARSE_COLNAMES)
    connection.execute("CREATE TABLE p(a point, d DATE, n PRICE(10))")
    assert connection.execute("SELECT ?", (Point(1),)).fetchall() == [("by itself 1",)]
    module.register_adapter(Point, lambda point: f"{point.x}")
    module.register_converter("point", lambda data: Point(int(data)))
    module.register_converter("price", lambda data: data + b"$")
    connection.execute("INSERT INTO p VALUES (?, ?, ?)", (Point(7), datetime.date(2026, 1, 2), 12))
    cursor = connection.execute("SELECT a, d, n, NULL AS e, n AS 'x [point]', 5 AS five FROM p")
    ((a, d, n, e, x, five),) = cursor.fetchall()
    assert (a.x, d, n, e, x.x, five) == (7, datetime.date(2026, 1, 2), b"12$", None, 12, 5)
    assert [column[0] for column in cursor.description] == ["a", "d", "n", "e", "x", "five"]
    connection.close()


def test_a_converter_is_that_of_the_name_or_of_the_type_and_is_given_no_empty_text(module, monkeypatch):
    monkeypatch.setattr(parameters, "converters", parameters.converters.copy())
    monkeypatch.setattr(cursors, "converters", parameters.converters)
    module.register_converter("word", lambda data: data + b"!")
    connection = module.connect(":memory:", detect_types=module.PARSE_DECLTYPES | module.PARSE_COLNAMES)
    connection.execute("CREATE TABLE p(a word, d DATE)")
    connection.execute("INSERT INTO p VALUES ('x', '')")
    cursor = connection.execute("SELECT d, a 'a [unknown]', 1 'n [a[word]', 2 'm[word]', 3 '[word]' FROM p")
    assert [column[0] for column in cursor.description] == ["d", "a", "n", "m", ""]
    assert cursor.fetchall() == [(None, b"x!", b"1!", b"2!", b"3!")]
    connection.close()


def test_executemany(module, connection):
    cursor = connection.cursor()
    assert cursor.executemany("INSERT INTO t(a, b) VALUES (?, ?)", ((i, f"x{i}") for i in range(1, 5))) is cursor
    assert (cursor.rowcount, cursor.lastrowid) == (4, None)
    cursor.executemany("UPDATE t SET c = :c WHERE a > :a", [{"a": 0, "c": 1}, {"a": 2, "c": 2.5}])
    assert (cursor.rowcount, cursor.fetchall(), cursor.description) == (6, [], None)
    assert cursor.executemany("DELETE FROM t WHERE a = ?", []).rowcount == 0
    assert connection.in_transaction
    for wrong in "SELECT ?", "VALUES (?)":
        with pytest.raises(module.ProgrammingError):
            cursor.executemany(wrong, [(1,)])
    for wrong in [5], [{1}], [(1, 2)], [()], [(1,), ("x", 2)]:
        with pytest.raises(module.ProgrammingError):
            cursor.executemany("INSERT INTO t(b) VALUES (?)", wrong)
    with pytest.raises(TypeError):
        cursor.executemany("INSERT INTO t(b) VALUES (?)", 5)
    if module is skysql:  # sqlite3 says that the rowcount is 0, and in Python 3.13 that this is misuse
        assert cursor.executemany("INSERT INTO t(b) VALUES (?) RETURNING a", [("y",), ("z",)]).rowcount == 2
    connection.commit()  # nothing is left running


def test_executemany_with_an_iterator_that_raises(connection):
    def rows():
        yield (1,)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        connection.executemany("INSERT INTO t(a) VALUES (?)", rows())
    assert connection.in_transaction
    connection.execute("INSERT INTO t(a) VALUES (2)")
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_executemany_without_rows_begins_nothing(sky):
    sky.execute("CREATE TABLE t(a)")
    sky.executemany("INSERT INTO t VALUES (?)", [])
    assert not sky.in_transaction


def test_recursive_use(connection):
    """Rows of one cursor feed another of the same connection."""
    fill(connection)
    connection.execute("CREATE TABLE u(a, b, c)")
    connection.executemany("INSERT INTO u VALUES (?, ?, ?)", connection.execute("SELECT * FROM t"))
    assert connection.execute("SELECT count(*) FROM u").fetchone() == (3,)


# results


def test_rowcount_and_lastrowid(connection):
    cursor = connection.cursor()
    found = [(cursor.rowcount, cursor.lastrowid)]
    for sql in [
        "INSERT INTO t(b) VALUES ('x')",
        "INSERT INTO t(b) VALUES ('y'), ('z')",
        "SELECT * FROM t",
        "UPDATE t SET c = 1 WHERE a > 1",
        "UPDATE t SET c = 1 WHERE a > 100",
        "REPLACE INTO t VALUES (7, 'x', 0)",
        "CREATE TABLE u(a)",
        "CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO u VALUES (1), (2); END",
        "DELETE FROM t",
        "",
    ]:
        cursor.execute(sql).fetchall()
        found.append((cursor.rowcount, cursor.lastrowid))
    assert found == [
        *[(-1, None), (1, 1), (2, 3), (-1, 3), (2, 3), (0, 3), (1, 7), (-1, 7), (-1, 7), (3, 7), (-1, 7)],
    ]
    assert connection.total_changes == 15


def test_returning(connection):
    cursor = connection.execute("INSERT INTO t(b) VALUES ('x'), ('y') RETURNING a, b")
    assert (cursor.rowcount, cursor.fetchone()) == (0, (1, "x"))
    assert (cursor.fetchone(), cursor.rowcount, cursor.fetchone()) == ((2, "y"), 2, None)
    connection.commit()
    assert connection.execute("DELETE FROM t RETURNING a").fetchall() == [(1,), (2,)]
    cursor = connection.execute("INSERT INTO t(b) VALUES ('z') RETURNING a")
    assert (cursor.fetchone(), cursor.rowcount) == ((1,), 1)
    connection.commit()


def test_fetching(connection):
    fill(connection, 7)
    cursor = connection.cursor()
    assert (cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall(), list(cursor)) == (None, [], [], [])
    assert cursor.execute("SELECT a FROM t") is cursor
    assert iter(cursor) is cursor
    assert (next(cursor), cursor.fetchone(), cursor.fetchmany()) == ((1,), (2,), [(3,)])
    cursor.arraysize = 2
    assert (cursor.fetchmany(), cursor.fetchmany(size=1), cursor.fetchall()) == ([(4,), (5,)], [(6,)], [(7,)])
    assert (cursor.fetchone(), cursor.fetchmany(5), cursor.fetchall()) == (None, [], [])
    for size, count in (0, 7), (-1, 7), (7, 7), (100, 7):
        assert len(cursor.execute("SELECT a FROM t").fetchmany(size)) == count
        assert cursor.fetchone() is None
    cursor.execute("SELECT a FROM t")
    cursor.execute("SELECT b FROM t WHERE a = 1")
    assert cursor.fetchall() == [("b1",)]
    cursor.setinputsizes([1])
    cursor.setoutputsize(1)


def test_a_cursor_at_its_last_row_holds_nothing(connection):
    """No snapshot, and no lock on the table, even while the cursor lives."""
    fill(connection)
    cursor = connection.execute("SELECT count(*) FROM t")
    assert cursor.fetchone() == (3,)
    connection.execute("DROP TABLE t")


def test_a_cursor_that_is_forgotten_holds_nothing(connection):
    fill(connection)
    gc.disable()
    try:
        connection.execute("SELECT * FROM t").fetchone()
        connection.execute("DROP TABLE t")
    finally:
        gc.enable()


def test_an_error_in_a_later_row(module, connection):
    fill(connection)
    cursor = connection.execute("SELECT CASE a WHEN 3 THEN abs(-9223372036854775807 - 1) ELSE a END FROM t")
    assert cursor.fetchone() == (1,)
    with pytest.raises(module.OperationalError, match="integer overflow"):
        cursor.fetchall()
    assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, b AS bee, c, a + 1, NULL, count(*) OVER () FROM t",
        "SELECT * FROM t WHERE a > 100",
        "SELECT a, a FROM t",
        "INSERT INTO t(b) VALUES ('x') RETURNING a, 5",
        "INSERT INTO t(b) VALUES ('x')",
        "CREATE TABLE u(a)",
        "PRAGMA user_version",
        "BEGIN",
        "",
    ],
)
def test_names_in_description(sql):
    found = []
    for module in sqlite3, skysql:
        connection = module.connect(":memory:")
        connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL)")
        fill(connection)
        cursor = connection.execute(sql)
        before = cursor.description and [column[0] for column in cursor.description]
        cursor.fetchall()
        assert before == (cursor.description and [column[0] for column in cursor.description])
        found.append(before)
        connection.close()
    assert found[0] == found[1]


def test_declared_types_in_description(sky):
    sky.execute("CREATE TABLE t(a INTEGER, b VARCHAR(10), c)")
    wanted = ("a", "INTEGER"), ("B", "VARCHAR(10)"), ("c", None), ("a + 1", None)
    for _ in range(2):  # without rows, and with some
        cursor = sky.execute("SELECT a, b AS B, c, a + 1 FROM t")
        assert cursor.description == tuple((*each, None, None, None, None, None) for each in wanted)
        sky.execute("INSERT INTO t VALUES (1, 2, 3)")


def test_description_after_a_change_of_the_schema(connection):
    """The statement is in the cache with the columns that it had."""
    for sql in "SELECT * FROM t", "SELECT * FROM t WHERE a = ?":
        for rows in range(2):
            parameters = (1,) if "?" in sql else ()
            before = connection.execute(sql, parameters)
            assert before.description is not None
            connection.execute(f"ALTER TABLE t ADD COLUMN x{len(before.description)}")
            after = connection.execute(sql, parameters)
            after.fetchall()
            assert len(after.description) == len(before.description) + 1
            if not rows:
                connection.execute("INSERT OR IGNORE INTO t(a) VALUES (1)")


def test_description_of_a_table_that_is_gone(sky):
    sky.execute("CREATE TABLE t(a INTEGER)")
    cursor = sky.execute("SELECT * FROM t")
    sky.execute("DROP TABLE t")
    assert [column[0] for column in cursor.description] == ["a"]


def test_row(module, connection):
    connection.row_factory = module.Row
    fill(connection, 2)
    cursor = connection.execute("SELECT a, b AS Bee, c, c AS bee FROM t")
    one, two = cursor.fetchall()
    assert (one[0], one[-1], one["a"], one["A"], one["bee"], one["BEE"]) == (1, 0.5, 1, 1, "b1", "b1")
    assert (one[1:3], len(one), list(one), tuple(one)) == (("b1", 0.5), 4, [1, "b1", 0.5, 0.5], (1, "b1", 0.5, 0.5))
    assert one.keys() == ["a", "Bee", "c", "bee"]
    assert dict(two) == {"a": 2, "Bee": "b2", "c": 1.0, "bee": "b2"}
    for key in "x", 4, -5:
        with pytest.raises(IndexError):
            one[key]
    with pytest.raises((IndexError, TypeError)):
        one[1.5]
    again = connection.execute("SELECT a, b AS Bee, c, c AS bee FROM t").fetchone()
    other = connection.execute("SELECT a, b, c, c AS bee FROM t").fetchone()
    assert one == again and hash(one) == hash(again) and one != two and one != other
    assert one != (1, "b1", 0.5, 0.5)
    assert module.Row(cursor, (1, 2, 3, 4))["c"] == 3


def test_a_name_is_that_of_the_first_column_so_called(module, connection):
    connection.row_factory = module.Row
    assert connection.execute("SELECT 1 AS x, 2 AS x").fetchone()["x"] == 1


def test_row_factory(connection):
    fill(connection, 4)
    connection.row_factory = lambda cursor, row: {d[0]: v for d, v in zip(cursor.description, row, strict=True)}
    cursor = connection.execute("SELECT a FROM t")
    assert cursor.fetchone() == {"a": 1}
    assert next(cursor) == {"a": 2}
    assert cursor.fetchmany(1) == [{"a": 3}]
    cursor.row_factory = lambda cursor, row: None
    assert list(cursor) == [None]
    connection.row_factory = None
    assert connection.execute("SELECT a FROM t").fetchone() == (1,)


def test_cursor_factory(module, connection):
    class Special(module.Cursor):
        pass

    assert isinstance(connection.cursor(Special), Special)
    assert connection.cursor(factory=Special).execute("SELECT 1").fetchone() == (1,)
    assert module.Cursor(connection).connection is connection


def test_connection_factory(module):
    class Special(module.Connection):
        pass

    connection = module.connect(":memory:", factory=Special, check_same_thread=False, cached_statements=5)
    assert isinstance(connection, Special)
    connection.close()


# errors


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM nowhere",
        "SELEC",
        "INSERT INTO t(b) VALUES ('b1')",
        "INSERT INTO t(a) VALUES (1)",
        "CREATE TABLE t(a)",
        "ROLLBACK",
        "COMMIT",
        "SELECT abs(-9223372036854775807 - 1)",
        "SELECT zeroblob(3000000000)",
        "ATTACH '/nowhere/at/all' AS x",
    ],
)
def test_errors(sql):
    found = []
    for module in sqlite3, skysql:
        connection = module.connect(":memory:")
        connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL)")
        fill(connection)
        with pytest.raises(module.Error) as caught:
            connection.execute(sql).fetchall()
        error = caught.value
        found.append((type(error).__name__, str(error), error.sqlite_errorcode, error.sqlite_errorname))
        connection.close()
    assert found[0] == found[1]


def test_a_file_that_is_no_database(module, tmp_path):
    (tmp_path / "x").write_bytes(b"no database, but long enough to be one" * 100)
    with pytest.raises(module.DatabaseError) as caught:
        module.connect(tmp_path / "x").execute("SELECT * FROM sqlite_schema")
    assert type(caught.value) is module.DatabaseError


def test_read_only(tmp_path):
    with pytest.raises(skysql.OperationalError):
        skysql.connect(tmp_path / "x", read_only=True)
    skysql.connect(tmp_path / "x").executescript("CREATE TABLE t(a)")
    connection = skysql.connect(tmp_path / "x", read_only=True)
    with pytest.raises(skysql.OperationalError, match="readonly"):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    with pytest.raises(skysql.OperationalError):
        skysql.connect(tmp_path / "nowhere" / "x")


def test_uri(module, tmp_path):
    path = tmp_path / "x.db"
    module.connect(path).executescript("CREATE TABLE t(a)")
    connection = module.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(module.OperationalError, match="readonly"):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (apsw.MismatchError("m"), errors.DataError),
        (apsw.RangeError("m"), errors.DataError),
        (apsw.CorruptError("m"), errors.CorruptError),
        (apsw.FullError("m"), errors.OperationalError),
        (apsw.IOError("m"), errors.OperationalError),
        (apsw.MisuseError("m"), errors.ProgrammingError),
        (apsw.NotADBError("m"), errors.DatabaseError),
    ],
)
def test_translation(error, kind):
    translated = sqlite_errors.translate(error)
    assert type(translated) is kind and str(translated) == "m"


def test_errors_from_below_are_kept(sky):
    def fail():
        raise errors.CorruptError("table 'users', block 1, column 'plan': bad", "restore it")

    sky.create_function("fail", 0, fail)
    with pytest.raises(errors.OperationalError, match="user-defined function raised exception") as raised:
        sky.execute("SELECT fail()")
    assert isinstance(raised.value.__cause__, errors.CorruptError) and "restore it" in str(raised.value.__cause__)
    sky.create_function("fail", 0, {}.__getitem__)
    with pytest.raises(errors.OperationalError) as raised:
        sky.execute("SELECT fail()", {})
    assert isinstance(raised.value.__cause__, TypeError)


def test_an_error_shows_no_traceback_of_apsw(sky):
    with pytest.raises(skysql.OperationalError) as caught:
        sky.execute("SELEC")
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None


def test_closed(module, connection):
    cursor = connection.execute("SELECT 1")
    cursor.close()
    cursor.close()
    for call in cursor.fetchone, cursor.fetchall, cursor.fetchmany, cursor.__next__, lambda: cursor.execute("SELECT 1"):
        with pytest.raises(module.ProgrammingError, match="closed cursor"):
            call()
    with pytest.raises(module.ProgrammingError):
        cursor.executemany("DELETE FROM t", [()])
    cursor = connection.execute("SELECT 1")
    connection.execute("INSERT INTO t(b) VALUES ('x')")
    connection.close()
    connection.close()
    for call in [
        connection.commit,
        connection.rollback,
        connection.cursor,
        connection.__enter__,
        connection.interrupt,
        cursor.fetchone,
        cursor.fetchall,
        cursor.close,
        lambda: connection.execute("SELECT 1"),
        lambda: connection.executescript("SELECT 1"),
        lambda: cursor.execute("SELECT 1"),
        lambda: connection.in_transaction,
        lambda: connection.total_changes,
        lambda: connection.create_function("f", 0, int),
    ]:
        with pytest.raises(module.ProgrammingError, match="closed database"):
            call()


def test_close_rolls_back(module, tmp_path):
    connection = module.connect(tmp_path / "x")
    connection.execute("CREATE TABLE t(a)")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    connection = module.connect(tmp_path / "x")
    assert connection.execute("SELECT * FROM t").fetchall() == []
    connection.close()


# functions


def test_functions(module, connection):
    connection.create_function("twice", 1, lambda x: x * 2, deterministic=True)
    connection.create_function("many", -1, lambda *x: len(x))
    assert connection.execute("SELECT twice(4), many(), many(1, 2)").fetchone() == (8, 0, 2)
    connection.create_function("twice", 1, None)
    with pytest.raises(module.OperationalError):
        connection.execute("SELECT twice(4)")


class Longest:
    def __init__(self):
        self.texts = []

    def step(self, text):
        self.texts.append(text)

    def inverse(self, text):
        self.texts.remove(text)

    def value(self):
        return max(self.texts, key=len, default=None)

    finalize = value


def test_aggregates(module, connection):
    fill(connection, 10)
    connection.create_aggregate("longest", 1, Longest)
    assert connection.execute("SELECT longest(b) FROM t").fetchall() == [("b10",)]
    assert connection.execute("SELECT longest(b) FROM t WHERE 0").fetchall() == [(None,)]
    assert len(connection.execute("SELECT longest(b) FROM t GROUP BY a % 3").fetchall()) == 3
    connection.create_window_function("longest", 1, Longest)
    sql = "SELECT longest(b) OVER (ORDER BY a DESC ROWS 1 PRECEDING) FROM t LIMIT 3"
    assert connection.execute(sql).fetchall() == [("b10",), ("b10",), ("b9",)]
    connection.create_window_function("longest", 1, None)
    with pytest.raises(module.OperationalError):
        connection.execute("SELECT longest(b) FROM t")


def test_collation(connection):
    connection.executemany("INSERT INTO t(b) VALUES (?)", [("a",), ("c",), ("b",)])
    connection.create_collation("backwards", lambda a, b: (a < b) - (a > b))
    assert connection.execute("SELECT b FROM t ORDER BY b COLLATE backwards").fetchall() == [("c",), ("b",), ("a",)]


# threads


def test_threads_take_turns(sky):
    sky.execute("CREATE TABLE t(a)")
    failures = []

    def work(number):
        try:
            for i in range(50):
                sky.execute("INSERT INTO t VALUES (?)", (number * 1000 + i,))
                assert sky.execute("SELECT count(*) FROM t WHERE a = ?", (number * 1000 + i,)).fetchall() == [(1,)]
                sum(1 for _ in sky.execute("SELECT a FROM t"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    sky.commit()
    assert sky.execute("SELECT count(*) FROM t").fetchone() == (200,)


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT begun() UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def test_interrupt(module):
    connection, begun = module.connect(":memory:", check_same_thread=False), threading.Event()
    connection.create_function("begun", 0, lambda: begun.set() or 1)
    stop = threading.Thread(target=lambda: (begun.wait(), connection.interrupt()))
    stop.start()
    with pytest.raises(module.OperationalError, match="interrupted"):
        connection.execute(ENDLESS).fetchall()
    stop.join()
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()


# copies


def test_backup(module, connection):
    fill(connection, 1000)
    target = module.connect(":memory:")
    steps = []
    connection.backup(target, pages=2, progress=lambda *step: steps.append(step))
    assert target.execute("SELECT count(*), max(b) FROM t").fetchone() == (1000, "b999")
    assert len(steps) > 2 and steps[-1][:2] == (sqlite3.SQLITE_DONE, 0) and steps[0][0] == sqlite3.SQLITE_OK
    with pytest.raises(ValueError):
        connection.backup(connection)
    target.close()


def test_nothing_that_is_open_is_copied(module, connection):
    fill(connection, 1)
    connection.execute("INSERT INTO t(b) VALUES (x'00')")
    (row,) = connection.execute("SELECT max(rowid) FROM t").fetchone()
    for opened in connection, connection.cursor(), connection.blobopen("t", "b", row, readonly=True):
        for duplicate in shallow, deepcopy, pickle.dumps:
            with pytest.raises(TypeError, match="cannot pickle"):
                duplicate(opened)
    assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_database_without_bytes_is_not_serialized(module, connection):
    with pytest.raises(module.OperationalError, match="unable to serialize 'temp'"):
        connection.serialize(name="temp")


def test_a_dump_ends_with_its_connection(module, connection):
    fill(connection, 2)
    lines = connection.iterdump()
    while not next(lines).startswith("INSERT"):
        pass
    connection.close()
    with pytest.raises(module.ProgrammingError, match="Cannot operate on a closed database"):
        next(lines)


def test_iterdump(module, connection):
    fill(connection, 2)
    connection.executescript(
        """
        INSERT INTO t VALUES (9, 'it''s "q" ; ', NULL);
        CREATE TABLE "odd "" name"("a b" INTEGER PRIMARY KEY AUTOINCREMENT, x BLOB, y AS (x) STORED);
        INSERT INTO "odd "" name"(x) VALUES (x'00ff'), (1e300), (0.1);
        CREATE INDEX i ON t(c); CREATE VIEW v AS SELECT a FROM t;
        CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END;
        """
    )
    copy = module.connect(":memory:")
    copy.executescript("\n".join(connection.iterdump()))
    for sql in [
        "SELECT * FROM t",
        'SELECT "a b", x FROM "odd "" name"',
        "SELECT * FROM v",
        "SELECT * FROM sqlite_sequence",
        "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2",
    ]:
        assert copy.execute(sql).fetchall() == connection.execute(sql).fetchall()
    copy.close()


# sky tables


def make_users(connection):
    connection.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, vip BOOLEAN STATE, amount REAL)")
    connection.executemany(
        "INSERT INTO users(object_id, timestamp, action, plan, amount) VALUES (?, ?, ?, ?, ?)",
        [
            (1, "2026-01-01", "sign up", "free", None),
            (1, datetime.datetime(2026, 1, 2), "purchase", None, 9.5),
            (np.int64(2), "2026-01-01", "sign up", "pro", None),
        ],
    )
    connection.execute(
        "INSERT INTO users(object_id, timestamp, changes) VALUES (2, '2026-01-03', ?)", ('{"plan":null,"vip":true}',)
    )


EVERYTHING = "SELECT object_id, timestamp, action, plan, vip, amount, changes FROM users ORDER BY object_id, ts"


def test_a_sky_table_in_transactions(sky):
    make_users(sky)
    assert sky.in_transaction
    sky.rollback()
    assert sky.execute("SELECT count(*) FROM users").fetchall() == [(0,)]
    sky.execute("DROP TABLE users")
    sky.commit()
    make_users(sky)
    sky.commit()
    assert sky.execute("SELECT object_id, plan FROM users_objects").fetchall() == [(1, "free"), (2, None)]
    with sky:
        assert sky.append("users", {"object_id": [3], "ts": [0], "action": ["x"]}, time_unit="us") == 1
    sky.compact()
    assert sky.check() == []
    assert [(info.name, info.events) for info in sky.info()] == [("users", 5)]


def test_rowcount_on_a_sky_table(sky):
    """What the table writes into its own storage does not count."""
    sky.isolation_level = None
    sky.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    insert = "INSERT INTO users(object_id, timestamp, action, plan) VALUES (?, '2026-01-01', ?, 'free')"
    assert sky.execute(insert, (1, "a")).rowcount == 1
    assert sky.executemany(insert, [(2, "b"), (3, "c")]).rowcount == 2
    sky.execute("BEGIN")
    assert sky.executemany(insert, [(4, "d"), (5, "e"), (6, "f")]).rowcount == 3
    sky.execute("COMMIT")


def test_plan_and_declared_types(sky):
    make_users(sky)
    sql = "SELECT plan, count(*) FROM users WHERE action = ? GROUP BY plan"
    cursor = sky.execute(sql, ("purchase",))
    assert "users" in str(cursor.plan)
    assert cursor.fetchall() == [("free", 1)]
    assert [column[:2] for column in cursor.description] == [("plan", "TEXT"), ("count(*)", None)]
    assert cursor.execute("SELECT 1").plan is None
    types = [column[1] for column in cursor.execute("SELECT * FROM users").description]
    assert types == ["INTEGER", "TIMESTAMP", "TEXT", "TEXT", "BOOLEAN", "REAL"]
    assert skysql.DATETIME == types[1]


def test_errors_of_sky_tables(sky):
    make_users(sky)
    sky.commit()
    with pytest.raises(skysql.Error) as caught:
        sky.execute("INSERT INTO users(object_id, timestamp, action) VALUES (0, '2026-01-01', 'x')")
    assert isinstance(caught.value, skysql.DataError | skysql.IntegrityError)
    with pytest.raises(skysql.ProgrammingError, match="unknown type"):
        sky.execute("CREATE VIRTUAL TABLE v USING sky(plan THING)")
    assert sky.execute("SELECT count(*) FROM users").fetchall() == [(4,)]


def test_sky_tables_in_copies(sky):
    make_users(sky)
    sky.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, x INTEGER)")
    sky.execute("INSERT INTO planes(tail, timestamp, action, x) VALUES ('N1''', '2026-01-01', 'fly', 5)")
    sky.commit()
    target = skysql.connect(":memory:")
    sky.backup(target)
    dumped = skysql.connect(":memory:")
    script = "\n".join(sky.iterdump())
    dumped.executescript(script)
    assert "users_log" not in script and "users_objects" not in script
    for copy in target, dumped:
        assert copy.execute(EVERYTHING).fetchall() == sky.execute(EVERYTHING).fetchall()
        assert copy.execute("SELECT tail, x FROM planes").fetchall() == [("N1'", 5)]
        assert copy.check() == []
        copy.close()


@pytest.mark.parametrize("name", ["errors", "dbapi.connection", "dbapi.cursor", "dbapi.parameters"])
def test_modules_of_what_the_package_names_are_there_from_the_start(name: str) -> None:
    asked = f"import skysql; skysql.{name}; assert skysql.errors.Error is skysql.Error"
    subprocess.run([sys.executable, "-c", asked], check=True)


def test_what_rows_and_cursors_refuse(module):
    connection = module.connect(":memory:")
    connection.row_factory = module.Row
    cursor = connection.execute("SELECT 1 AS a, 2")
    row = cursor.fetchone()
    assert isinstance(row, Sequence) and list(reversed(row)) == [2, 1] and 2 in row
    assert not hasattr(row, "index") and not hasattr(row, "count")
    for made in (shallow, deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            made(row)
    with pytest.raises(AttributeError):
        cursor.connection = connection
    with pytest.raises(TypeError):
        cursor.arraysize = "x"
    cursor.arraysize = 2
    assert len(cursor.execute("VALUES (1), (2), (3)").fetchmany()) == 2
    connection.close()


def test_what_a_converter_is_given(module, monkeypatch):
    monkeypatch.setattr(cursors, "converters", {"BYTES": bytes})
    monkeypatch.setitem(sqlite3.converters, "BYTES", bytes)
    connection = module.connect(":memory:", detect_types=module.PARSE_DECLTYPES)
    connection.execute("CREATE TABLE t(a BYTES)")
    values = ["", b"", "x", b"y", 5, 0.1, 1e300, 1e16, None]
    connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    found = [value for (value,) in connection.execute("SELECT a FROM t")]
    assert found == [None, None, b"x", b"y", b"5", b"0.1", b"1.0e+300", b"10000000000000000", None]
    connection.close()
