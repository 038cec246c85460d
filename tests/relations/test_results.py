"""What statements read in the place of path scans is theirs alone: nothing has its name, and nobody sees it."""

from __future__ import annotations

import re

import apsw
import pytest

import skysql
from tests.conftest import Connect
from tests.world.scripts import Case, ask, every_case, sky

MATCH = """SELECT object_id, n FROM users MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp
    MEASURES count(*) AS n PATTERN (A+) DEFINE A AS plan IS NOT NULL)"""
GROUPED = "SELECT plan, count(*) FROM users GROUP BY plan"
ROWS = "SELECT object_id, url FROM users WHERE url LIKE '/s%' OR amount > 5"
NAME = re.compile("sky [0-9a-f]{32}", re.IGNORECASE)


@pytest.fixture
def db(connect: Connect) -> skysql.Connection:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, url TEXT, amount REAL)")
    rows = [(1, 1, "a", "free", "/s", 1.0), (1, 2, "b", None, "/x", 9.0), (2, 1, "a", "pro", None, 2.0)]
    db.executemany("INSERT INTO users(object_id, ts, action, plan, url, amount) VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.commit()
    return db


def modules(db: skysql.Connection) -> list[str]:
    return [name for (name,) in db.sqlite.execute("SELECT name FROM temp.pragma_module_list")]  # type: ignore[misc]


def test_tables_and_ctes_of_any_name_shadow_nothing(db: skysql.Connection) -> None:
    for number in range(12):
        for name in ("sky_scan", "sky_match", "sky_values"):
            db.execute(f"CREATE TABLE {name}_{number}(plan, \"key 1\" DEFAULT 'planted', \"value 1\", object_id, n)")
            db.execute(f"INSERT INTO {name}_{number}(n) VALUES (0)")
    with_ = "WITH sky_scan_0 AS (SELECT 7), sky_scan_1 AS (SELECT 8), sky_match_1 AS (SELECT 9) "
    for before in ("", with_):
        assert db.execute(before + GROUPED).fetchall() == [("free", 2), ("pro", 1)]
        assert db.execute(before + ROWS).fetchall() == [(1, "/s"), (1, "/x")]
        assert db.execute(before + MATCH).fetchall() == [(1, 2), (2, 1)]
        assert db.execute(before + "SELECT upper(url || 1) FROM users WHERE url GLOB '/S*' OR upper(url) = '/S'").fetchall() == [("/S1",)]  # noqa: E501


def test_a_file_with_tables_called_like_modules(db: skysql.Connection) -> None:
    pragmas = ("pragma_function_list", "pragma_table_info", "pragma_table_list", "pragma_table_xinfo")
    for name in ("carray", "json_each", *pragmas):
        db.sqlite.execute(f"CREATE VIRTUAL TABLE {name} USING fts5(value, name, type, flags, builtin)")
        db.sqlite.execute(f"INSERT INTO {name}(value, name, type) VALUES ('planted', 'count', 's')")
    insert = "INSERT INTO users(object_id, ts, action, url) VALUES (?, 5, 'c', ?)"
    db.executemany(insert, [(at, f"/t{at % 100}") for at in range(10, 310)])
    assert db.execute(GROUPED).fetchall() == [(None, 300), ("free", 2), ("pro", 1)]
    assert db.execute("SELECT count(*) FROM users WHERE url LIKE '/t9%'").fetchall() == [(33,)]
    assert db.execute("SELECT count(*) FROM users WHERE object_id IN ('1', '2.0', 3)").fetchall() == [(3,)]
    first = "SELECT count(*) FROM users WHERE coalesce(timestamp, 1) = '1970-01-01T00:00:00.000005Z'"
    assert db.execute(first).fetchall() == [(db.execute("SELECT count(*) FROM users WHERE ts = 5").fetchone()[0],)]


@pytest.mark.parametrize("form", ['temp."{}"', '"{}"', "temp.[{}]", "`{}`", "'{}'", "main.\"{}\""])
def test_a_statement_cannot_name_a_result(db: skysql.Connection, form: str) -> None:
    """Not one of another statement, whatever way it is written, and no new thing of that name either."""
    db.execute(GROUPED).fetchall()
    names = [name for name in modules(db) if NAME.match(name)]
    assert names
    for name in (names[0], names[0].upper()):
        read = form.format(name)
        for sql in (
            f"SELECT * FROM {read}",
            f"SELECT * FROM {read}(1) AS users",
            f"WITH {read} AS (SELECT 1) {GROUPED}",
            f"CREATE TEMP VIEW v AS SELECT * FROM {read}",
            f"CREATE TABLE {read}(a)",
            f"CREATE TEMP TRIGGER t AFTER INSERT ON users BEGIN SELECT * FROM {read}; END",
            f"EXPLAIN QUERY PLAN SELECT * FROM {read}",
            f"PRAGMA table_info({read})",
        ):
            with pytest.raises(skysql.DatabaseError) as error:
                db.execute(sql)
            assert not NAME.search(str(error.value))
        with pytest.raises(skysql.ProgrammingError):
            db.executescript(f"SELECT * FROM {read}")


def test_each_connection_has_names_of_its_own(connect: Connect) -> None:
    digits = set()
    for _ in range(3):
        db = connect()
        db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
        db.execute(GROUPED).fetchall()
        digits |= {found[0] for found in map(NAME.match, modules(db)) if found}
    assert len(digits) == 3


@pytest.mark.parametrize("short, full", [(1, 0), (0, 1), (0, 0)])
def test_names_are_shown_to_nobody(db: skysql.Connection, short: int, full: int) -> None:
    db.execute(f"PRAGMA short_column_names = {short}")
    db.execute(f"PRAGMA full_column_names = {full}")
    for sql in (GROUPED, ROWS, ROWS.replace("object_id, url", "*"), f"SELECT * FROM ({ROWS})", MATCH.replace("object_id, n", "*")):  # noqa: E501
        names = [column[0] for column in db.execute(sql).description or ()]
        explained = [db.execute(f"{verb} {sql}").fetchall() for verb in ("EXPLAIN", "EXPLAIN QUERY PLAN")]
        assert names and all(explained)
        assert not NAME.search(str((names, explained)))


def test_errors_show_no_names(db: skysql.Connection) -> None:
    db.engine.prepare(GROUPED)
    for name in modules(db):
        if NAME.match(name):
            db.sqlite.create_module(name, None)
    with pytest.raises(skysql.OperationalError) as error:
        db.execute(GROUPED)
    assert "no such table" in str(error.value) and not NAME.search(str(error.value))


def test_a_view_reads_no_table_in_the_place_of_its_matches(db: skysql.Connection) -> None:
    """A view keeps its MATCH_RECOGNIZE under a name that is made of the text."""
    db.execute(f"CREATE VIEW matched AS {MATCH}")
    db.execute("CREATE VIEW twice AS SELECT * FROM matched")
    (name,) = [name for name in modules(db) if name.startswith("sky_match_")]
    db.execute(f"CREATE TABLE {name}(object_id, n)")
    for view in ("matched", "twice"):
        with pytest.raises(skysql.ProgrammingError, match="a table has that name"):
            db.execute(f"SELECT * FROM {view}")
    assert db.execute(GROUPED).fetchall() == [("free", 2), ("pro", 1)]
    db.execute(f"DROP TABLE {name}")
    assert db.execute("SELECT * FROM twice").fetchall() == [(1, 2), (2, 1)]


def test_a_view_with_another_text_under_the_name_of_its_matches(db: skysql.Connection) -> None:
    """A file cannot have one view read what another one says."""
    db.execute(f"CREATE VIEW matched AS {MATCH}")
    ((sql,),) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'matched'").fetchall()
    db.execute(sql.replace("VIEW matched", "VIEW other").replace("A AS plan IS NOT NULL", "A AS action = ''a''"))
    assert db.execute("SELECT * FROM matched").fetchall() == [(1, 2), (2, 1)]


@pytest.fixture(scope="module")
def world() -> skysql.Connection:
    return sky()


def test_every_statement_beside_tables_of_those_names(world: skysql.Connection) -> None:
    """The golden statements, once more after main has a table for each name that was published."""
    cases: list[Case] = [case for case in every_case() if not case.explains]
    before = [ask(world, case.sql, case.parameters) for case in cases]
    names = [name for name in modules(world) if NAME.match(name)]
    assert len(names) > 100
    for name in names:
        world.sqlite.execute(f'CREATE TABLE main."{name}"("key 1", "value 1")')
    world.engine.functions_changed()  # and plan anew
    assert [ask(world, case.sql, case.parameters) for case in cases] == before
    with pytest.raises(apsw.SQLError):
        world.sqlite.execute(f'CREATE VIEW v AS SELECT * FROM temp."{names[0]}"')
    world.close()
