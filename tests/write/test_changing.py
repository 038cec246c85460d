"""Changing what is there: DELETE, UPDATE, and INSERT OR ..., against lists of events."""

import random
from typing import Any

import pytest

import skysql
from tests.conftest import Connect
from tests.world.changes import (
    KEYED,
    SCHEMA,
    World,
    same,
)
from tests.world.oracle import Schema


@pytest.mark.parametrize("schema", [SCHEMA, KEYED], ids=["by id", "by key"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.usefixtures("small")
def test_all_writes_against_lists(connect: Connect, path: str, seed: int, schema: Schema) -> None:
    world = World(connect, path, seed, schema)
    for _ in range(80):
        world.step()
    same(world.db, world.model.oracle())


# erasure


def test_dropping_texts_is_rolled_back_with_the_rest(connect: Connect, path: str) -> None:
    db = connect(path, isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a'), (1, 2, 'b'), (1, 3, 'c')")
    for _ in range(2):
        db.execute("BEGIN")
        db.execute("DELETE FROM users WHERE action = 'b'")
        db.compact()
        db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 4, 'd'), (1, 5, 'b')")
        assert [a for (a,) in db.execute("SELECT action FROM users")] == ["a", "c", "d", "b"]
        db.execute("ROLLBACK")
        assert [a for (a,) in db.execute("SELECT action FROM users")] == ["a", "b", "c"]
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 6, 'e'), (1, 7, 'b')")
    assert db.execute("SELECT action, count(*) FROM users GROUP BY action").fetchall() == [
        ("a", 1), ("b", 2), ("c", 1), ("e", 1)
    ]  # fmt: skip


def test_a_vacuum_needs_to_be_alone(connect: Connect, path: str) -> None:
    db, other = connect(path, isolation_level=None), connect(path, isolation_level=None, timeout=0)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action) VALUES (1, 1, 'a')")
    db.execute("BEGIN")
    with pytest.raises(skysql.OperationalError, match="within a transaction"):
        db.compact(vacuum=True)
    db.execute("COMMIT")
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM users").fetchall() == [(1,)]
    db.execute("DELETE FROM users")
    with pytest.raises(skysql.OperationalError, match="-wal"):
        db.compact(vacuum=True)
    other.execute("COMMIT")
    db.compact(vacuum=True)


# OR ..., as plain SQLite has it on a table whose key is (object, time)


@pytest.mark.parametrize("transaction", [False, True], ids=["autocommit", "in a transaction"])
@pytest.mark.parametrize("word", ["ABORT", "FAIL", "ROLLBACK", "IGNORE", "REPLACE"])
@pytest.mark.parametrize("verb", ["INSERT", "UPDATE"])
def test_or_clauses_as_of_a_plain_table(connect: Connect, verb: str, word: str, transaction: bool) -> None:
    """What breaks a constraint is an event without action and change, as a plain table's NOT NULL would be."""
    sky, plain = connect(isolation_level=None), connect(isolation_level=None)
    sky.execute("CREATE VIRTUAL TABLE t USING sky(amount INTEGER)")
    plain.execute("CREATE TABLE t(object_id, ts, action NOT NULL, amount)")
    found = []
    for db in (sky, plain):
        db.execute("CREATE TABLE other(x)")
        db.execute("INSERT INTO t(object_id, ts, action, amount) VALUES (1, 1, 'a', 1), (1, 2, 'b', 2), (1, 3, 'c', 3)")
        if transaction:
            db.execute("BEGIN")
        db.execute("INSERT INTO other VALUES (1)")
        db.execute("INSERT INTO t(object_id, ts, action) VALUES (2, 9, 'before')")
        sql = {
            "INSERT": f"INSERT OR {word} INTO t(object_id, ts, action) VALUES (5, 1, 'x'), (5, 2, NULL), (5, 3, 'z')",
            "UPDATE": f"UPDATE OR {word} t SET action = nullif(action, 'b'), amount = 7 WHERE object_id = 1",
        }[verb]
        try:
            outcome: Any = db.execute(sql).rowcount
        except skysql.IntegrityError:
            outcome = "refused"
        counted = db.execute("SELECT changes()").fetchall() if outcome != "refused" else None
        found.append((outcome, counted, db.in_transaction))
        if db.in_transaction:
            db.execute("INSERT INTO t(object_id, ts, action) VALUES (2, 10, 'after')")
            db.execute("COMMIT")
        found[-1] += (
            db.execute("SELECT object_id, ts, action, amount FROM t ORDER BY object_id, ts").fetchall(),
            db.execute("SELECT * FROM other").fetchall(),
        )
    if word == "REPLACE":  # of a NULL, which SQLite makes ABORT
        assert found[0][0] == found[1][0] == "refused"
    assert found[0] == found[1]


@pytest.mark.parametrize("transaction", [False, True], ids=["autocommit", "in a transaction"])
@pytest.mark.parametrize("word", ["ABORT", "FAIL", "ROLLBACK", "IGNORE", "REPLACE"])
@pytest.mark.parametrize("breaks", ["its own table", "another", "RAISE"])
def test_what_a_trigger_wrote_before_a_constraint_broke(
    connect: Connect, breaks: str, word: str, transaction: bool
) -> None:
    """It stays or goes with the rest of the statement, in every table."""
    found, raised = [], {"IGNORE": "IGNORE", "REPLACE": "FAIL, 'no'"}.get(word, f"{word}, 'no'")
    for sky in (True, False):
        db = connect(isolation_level=None)
        for table in "tu":
            columns = "object_id, ts, action NOT NULL"
            db.execute(f"CREATE {'VIRTUAL ' * sky}TABLE {table}{' USING sky()' if sky else f'({columns})'}")
            db.execute(f"INSERT INTO {table}(object_id, ts, action) VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 1, 'a')")
        db.execute("CREATE TABLE orders(id UNIQUE)")
        db.execute("INSERT INTO orders VALUES (3)")
        then = {
            "its own table": "SELECT 1",
            "another": "INSERT INTO u(object_id, ts, action) VALUES (new.id, 2, nullif('t', iif(new.id = 2, 't', 0)))",
            "RAISE": f"SELECT RAISE({raised}) WHERE new.id = 2",
        }[breaks]
        db.execute(
            "CREATE TRIGGER g BEFORE INSERT ON orders BEGIN"
            " INSERT INTO t(object_id, ts, action) VALUES (new.id, 2, 't');"
            f" DELETE FROM t WHERE object_id = new.id AND ts = 1; {then}; END"
        )
        if transaction:
            db.execute("BEGIN")
        db.execute("INSERT INTO t(object_id, ts, action) VALUES (9, 9, 'before')")
        try:
            outcome: Any = db.execute(f"INSERT OR {word} INTO orders VALUES (1), (2), (3), (4)").rowcount
        except skysql.IntegrityError:
            outcome = "refused"
        found.append([outcome, db.in_transaction])
        if db.in_transaction:
            db.execute("COMMIT")
        for table in "tu":
            found[-1].append(db.execute(f"SELECT object_id, ts, action FROM {table} ORDER BY 1, 2").fetchall())
        found[-1].append(db.execute("SELECT id FROM orders ORDER BY 1").fetchall())
    assert found[0] == found[1]


@pytest.mark.parametrize("word", ["IGNORE", "REPLACE"])
def test_duplicates_as_of_a_plain_table(connect: Connect, word: str) -> None:
    """With the events of one place being alike, OR IGNORE and OR REPLACE do as with a primary key."""
    rng = random.Random(word)
    sky, plain = connect(isolation_level=None), connect(isolation_level=None)
    sky.execute("CREATE VIRTUAL TABLE t USING sky(amount INTEGER)")
    plain.execute("CREATE TABLE t(object_id, ts, action, amount, PRIMARY KEY(object_id, ts))")
    for step in range(60):
        place = [(rng.randint(1, 3), rng.randint(1, 6)) for _ in range(rng.randint(1, 4))]
        rows = [(o, ts, "a", step if word == "REPLACE" else o * ts) for o, ts in place]
        insert = f"INSERT OR {word} INTO t(object_id, ts, action, amount) VALUES "
        sql, counts, found = insert + "(?, ?, 'a', ?)", [], []
        for db in (sky, plain):
            one = [db.execute(sql, (o, ts, amount)).rowcount for o, ts, _, amount in rows[:1]]
            many = db.executemany(sql, [(o, ts, amount) for o, ts, _, amount in rows]).rowcount
            values = ", ".join(f"({o}, {ts}, 'a', {amount})" for o, ts, _, amount in reversed(rows))
            whole = db.execute(insert + values).rowcount
            counts.append((one, many, whole, db.execute("SELECT changes()").fetchall(), db.total_changes))
            if step % 10 == 0:
                db.execute("DELETE FROM t WHERE object_id = 2")
            found.append(db.execute("SELECT object_id, ts, action, amount FROM t ORDER BY 1, 2").fetchall())
        assert counts[0] == counts[1]
        assert found[0] == found[1]
        if step % 20 == 19:
            sky.compact()


def test_ignore_looks_at_every_value(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    insert = "INSERT OR IGNORE INTO users(object_id, ts, action, amount, plan, changes) VALUES (1, 1, ?, ?, ?, ?)"
    rows: list[tuple[Any, ...]] = [
        ("a", None, None, None), ("b", None, None, None), ("a", 1.0, None, None), ("a", 2.0, None, None),
        ("a", None, "free", None), ("a", None, None, '{"plan": null}'), (None, None, "free", None),
        ("a", None, "free", '{"seats": 1}'), ("a", None, None, '{"seats": null}'),
    ]  # fmt: skip
    for _ in range(2):
        assert db.executemany(insert, rows).rowcount == (0 if _ else len(rows))
        db.compact()
    assert db.execute(insert, ("a", 1, None, None)).rowcount == 0  # 1 is 1.0 in a REAL
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(len(rows),)]


# rows that are given, and those that are not


def test_update_from_changes_what_it_sets_only(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'free'), (1, 2, 'b', NULL)")
    db.execute("CREATE TABLE news(who, amount, plan)")
    db.execute("INSERT INTO news VALUES (1, 5.0, 'pro')")
    db.execute("UPDATE users SET amount = news.amount FROM news WHERE who = object_id AND ts = 2")
    assert db.execute("SELECT ts, amount, changes FROM users").fetchall() == [
        (1, None, '{"plan":"free"}'), (2, 5.0, None)
    ]  # fmt: skip
    db.execute("UPDATE users SET plan = news.plan, ts = ts + 10 FROM news WHERE who = object_id AND action = 'b'")
    db.execute("UPDATE users SET timestamp = '1970-01-01 00:00:01' FROM news WHERE who = object_id AND action = 'a'")
    assert db.execute("SELECT ts, action, plan, changes FROM users").fetchall() == [
        (12, "b", "pro", '{"plan":"pro"}'), (1000000, "a", "free", '{"plan":"free"}')
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("UPDATE users SET session = 2", skysql.DataError, "computed"),
        ("UPDATE users SET idle = '1 day'", skysql.DataError, "computed"),
        ("UPDATE users SET seats = 'many'", skysql.DataError, "users.seats"),
        ("UPDATE users SET timestamp = 'soon'", skysql.DataError, "timestamp"),
        ("UPDATE users SET object_id = -1", skysql.DataError, "object id"),
        ("UPDATE users SET object_id = NULL", skysql.IntegrityError, "object"),
        ("UPDATE users SET action = NULL, changes = NULL", skysql.IntegrityError, "neither"),
        ("UPDATE users SET changes = '{\"url\": 1}'", skysql.ProgrammingError, "attribute"),
        ("UPDATE users SET rowid = 7", skysql.DataError, "rowids"),
        ("DELETE FROM users RETURNING action", skysql.OperationalError, "RETURNING"),
        ("UPDATE users SET action = 'b' RETURNING action", skysql.OperationalError, "RETURNING"),
    ],
)
def test_what_is_refused_changes_nothing(connect: Connect, sql: str, error: type[Exception], words: str) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'a', 'free'), (2, 2, 'b', 'pro')")
    before = db.execute("SELECT *, changes FROM users").fetchall()
    with pytest.raises(error, match=words):
        db.execute(sql)
    assert db.execute("SELECT *, changes FROM users").fetchall() == before


def test_the_id_of_a_keyed_object_is_not_written(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(KEYED.ddl())
    db.execute("INSERT INTO users(name, ts, action) VALUES ('n1', 1, 'a')")
    with pytest.raises(skysql.DataError, match="assigned"):
        db.execute("UPDATE users SET object_id = 2")
    db.execute("UPDATE users SET name = 'n2'")
    assert db.execute("SELECT name, action FROM users").fetchall() == [("n2", "a")]


# a statement and what it reads


def test_a_statement_does_not_see_what_it_changes(connect: Connect) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (1, ?, 'a')", [(ts,) for ts in range(100)])
    db.execute("UPDATE users SET ts = ts + 1")
    assert db.execute("SELECT min(ts), max(ts), count(*) FROM users").fetchall() == [(1, 100, 100)]
    db.execute("UPDATE users SET amount = (SELECT count(*) FROM users WHERE amount IS NULL)")
    assert db.execute("SELECT DISTINCT amount FROM users").fetchall() == [(100.0,)]
    db.execute("DELETE FROM users WHERE ts > (SELECT avg(ts) FROM users)")
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(50,)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("compacted", [False, True])
def test_a_cursor_reads_on_while_what_it_reads_is_deleted(connect: Connect, compacted: bool) -> None:
    db = connect(isolation_level=None)
    db.execute(SCHEMA.ddl())
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (?, ?, 'a')", [(i, i) for i in range(1, 701)])
    if compacted:
        db.compact()
    read = []
    for object, ts in db.execute("SELECT object_id, ts FROM users WHERE action = 'a'"):
        read.append(object)
        db.execute("DELETE FROM users WHERE object_id = ? AND ts = ?", (object, ts))
    assert read == list(range(1, 701))
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(0,)]


@pytest.mark.parametrize("order", ["", "ORDER BY object_id DESC, ts DESC"])
@pytest.mark.parametrize("compacted", [False, True], ids=["log", "block"])
@pytest.mark.parametrize("change", ["delete", "append", "compact", "delete and compact", "update"])
def test_a_half_read_cursor_without_a_cache(connect: Connect, change: str, compacted: bool, order: str) -> None:
    """It reads on in the snapshot that it has begun with, though the lists of what was deleted are replaced."""
    db = connect(cache_size=0, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    numbers = range(1000)
    columns = {"object_id": [n % 50 + 1 for n in numbers], "ts": list(numbers), "action": [f"a{n}" for n in numbers]}
    db.append("users", {**columns, "n": list(numbers)}, time_unit="us")
    if compacted:
        db.compact()
    db.execute("DELETE FROM users WHERE n % 11 = 3")
    sql = f"SELECT object_id, ts, action, n FROM users {order}"
    before = db.execute(sql).fetchall()
    cursor = db.execute(sql)
    found = cursor.fetchmany(300)
    if "delete" in change:
        db.execute("DELETE FROM users WHERE n % 7 = 1")
    if change == "append":
        db.append("users", {"object_id": [3, 49], "ts": [1, 2], "action": ["b", "c"]}, time_unit="us")
    if "compact" in change:
        db.compact()
    if change == "update":
        db.execute("UPDATE users SET n = -n WHERE n % 7 = 1")
    assert found + cursor.fetchall() == before


def test_a_half_read_cursor_keeps_its_texts_in_a_rollback(connect: Connect) -> None:
    """Codes are given again to other texts: rows that are gone show theirs, or are refused."""
    db = connect(cache_size=0, isolation_level=None)
    db.execute(SCHEMA.ddl())
    row = "INSERT INTO users(object_id, ts, action, plan) VALUES (?, 1, ?, ?)"
    db.execute("BEGIN")
    db.executemany(row, [(n, f"a{n}", f"p{n}") for n in range(1, 1001)])
    cursor = db.execute("SELECT object_id, action, plan FROM users")
    db.execute("ROLLBACK")
    db.executemany(row, [(n, f"b{n}", f"q{n}") for n in range(1, 1001)])
    db.execute("SELECT count(*) FROM users WHERE plan = action").fetchall()
    try:
        assert [row for row in cursor.fetchall() if row != (row[0], f"a{row[0]}", f"p{row[0]}")] == []
    except skysql.OperationalError as error:
        assert "changed under a statement" in str(error)
