"""A statement with comments, spaces and semicolons around it is one statement, as for sqlite3."""

import sqlite3

import pytest

import skysql

AROUND = ["{};", "{}; -- note", "{};\n/* note */\n", "{} -- note", "/* note */ {} /* ; */ ;", "-- note\n{}"]


@pytest.fixture(params=[sqlite3, skysql], ids=lambda module: module.__name__)
def db(request):
    connection = request.param.connect(":memory:")
    connection.execute("CREATE TABLE t (x)")
    yield connection
    connection.close()


@pytest.mark.parametrize("around", AROUND)
def test_first_dml_begins_one_transaction(db, around):
    db.execute(around.format("INSERT INTO t VALUES (1)"))
    assert db.in_transaction
    db.executemany(around.format("INSERT INTO t VALUES (?)"), [(2,), (3,)])
    db.commit()
    assert db.execute("SELECT x FROM t").fetchall() == [(1,), (2,), (3,)]


@pytest.mark.parametrize("around", AROUND)
def test_cursor_is_not_blocked_afterwards(db, around):
    cursor = db.cursor()
    assert cursor.execute(around.format("SELECT 1")).fetchall() == [(1,)]
    assert cursor.execute(around.format("SELECT 2")).fetchone() == (2,)
    assert len(cursor.description) == 1


@pytest.mark.parametrize("sql", ["", ";", "-- note", " /* note */ ; ;"])
def test_nothing_is_a_statement(db, sql):
    assert db.execute(sql).fetchall() == []


def test_several_semicolons():  # sqlite3 takes the second one for another statement
    db = skysql.connect(":memory:")
    assert db.execute(";;SELECT 1;; -- note\n;").fetchall() == [(1,)]
    db.close()


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1; -- note\nSELECT 2", "SELECT 1;; /* */ x"])
def test_two_are_refused(db, sql):
    with pytest.raises(db.ProgrammingError, match="one statement at a time"):
        db.execute(sql)


@pytest.mark.parametrize("around", AROUND)
def test_sky_tables(around):
    db = skysql.connect(":memory:")
    db.execute(around.format("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)"))
    insert = "INSERT INTO users (object_id, timestamp, action, plan) VALUES (?, '2024-01-01', 'x', 'p')"
    db.execute(around.format(insert), (1,))
    db.executemany(around.format(insert), [(2,), (3,)])
    db.commit()
    assert db.execute(around.format("SELECT plan, count(*) FROM users GROUP BY plan")).fetchall() == [("p", 3)]
    db.close()
