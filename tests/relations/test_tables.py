"""Sky tables as tables: made, listed, renamed, dropped, reopened, attached, copied, and seen by others."""

import sqlite3
from pathlib import Path

import pytest

import skysql
from tests.conftest import Connect, close

USERS = "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL, vip BOOLEAN)"
EVENTS = [
    (1, "2026-01-01 00:00:00.000000", "sign up", "free", None, None, None),
    (1, "2026-01-02 00:00:00.000000", "buy", "pro", 3, 9.5, 1),
    (2, "2026-01-01 12:00:00.000000", "sign up", "free", None, None, 0),
]
OBJECTS = [
    (1, "2026-01-01 00:00:00.000000", "2026-01-02 00:00:00.000000", 2, "pro", 3),
    (2, "2026-01-01 12:00:00.000000", "2026-01-01 12:00:00.000000", 1, "free", None),
]
CHANGES = [
    (1, "2026-01-01 00:00:00.000000", "plan", None, "free"),
    (1, "2026-01-02 00:00:00.000000", "plan", "free", "pro"),
    (1, "2026-01-02 00:00:00.000000", "seats", None, 3),
    (2, "2026-01-01 12:00:00.000000", "plan", None, "free"),
]


def fill(db: skysql.Connection, table: str = "users") -> None:
    """Make the table and insert EVENTS; committed."""
    db.execute(USERS.replace("users", table, 1))
    db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?)", EVENTS)
    db.commit()


def holds(db: skysql.Connection, table: str = "users") -> bool:
    """Whether the table and its companions answer as EVENTS do, row by row and pushed down."""
    quote = "" if not table.endswith('"') else '"'
    name = table.removesuffix('"')
    assert db.execute(f"SELECT * FROM {table}").fetchall() == EVENTS
    assert db.execute(f"SELECT * FROM {name}_objects{quote}").fetchall() == OBJECTS
    assert db.execute(f"SELECT * FROM {name}_changes{quote}").fetchall() == CHANGES
    counts = db.execute(f"SELECT plan, count(*), sum(amount) FROM {table} GROUP BY plan").fetchall()
    assert counts == [("free", 2, None), ("pro", 1, 9.5)]
    return True


def names(db: skysql.Connection, database: str = "main") -> set[str]:
    """What tables there are."""
    return {name for (name,) in db.execute(f"SELECT name FROM {database}.sqlite_schema WHERE type = 'table'")}


# columns


def test_columns(connect: Connect) -> None:
    db = connect()
    db.execute(USERS)

    def columns(table: str) -> list[tuple[str, str, int]]:
        return [(row[1], row[2], row[6]) for row in db.execute(f"PRAGMA table_xinfo({table})")]

    assert columns("users") == [
        *[("object_id", "INTEGER", 0), ("timestamp", "TIMESTAMP", 0), ("action", "TEXT", 0)],
        *[("plan", "TEXT", 0), ("seats", "INTEGER", 0), ("amount", "REAL", 0), ("vip", "BOOLEAN", 0)],
        *[("idle", "", 1), ("ts", "INTEGER", 1), ("changes", "TEXT", 1)],
        *[("session", "INTEGER", 1), ("session_event", "INTEGER", 1)],
    ]
    assert columns("users_sessions") == [
        *[("object_id", "INTEGER", 0), ("session", "INTEGER", 0), ("first_timestamp", "TIMESTAMP", 0)],
        *[("last_timestamp", "TIMESTAMP", 0), ("duration", "REAL", 0), ("events", "INTEGER", 0)],
        *[("first_action", "TEXT", 0), ("last_action", "TEXT", 0), ("plan", "TEXT", 0), ("seats", "INTEGER", 0)],
        ("idle", "", 1),
    ]
    assert columns("users_objects") == [
        *[("object_id", "INTEGER", 0), ("first_timestamp", "TIMESTAMP", 0), ("last_timestamp", "TIMESTAMP", 0)],
        *[("events", "INTEGER", 0), ("plan", "TEXT", 0), ("seats", "INTEGER", 0), ("as_of", "TIMESTAMP", 1)],
    ]
    assert columns("users_changes") == [
        *[("object_id", "INTEGER", 0), ("timestamp", "TIMESTAMP", 0), ("property", "TEXT", 0)],
        *[("old_value", "", 0), ("new_value", "", 0), ("ts", "INTEGER", 1)],
    ]


def test_types_have_synonyms_and_comments_are_read(connect: Connect) -> None:
    db = connect()
    db.execute("""
        create virtual table users using SKY(
          a int state,    -- holds, until it changes
          b Double,       /* belongs to one event */
          c bool State, "D d" text
        )""")
    types = [(row[1], row[2]) for row in db.execute("PRAGMA table_info(users)")][3:]
    assert types == [("a", "INTEGER"), ("b", "REAL"), ("c", "BOOLEAN"), ("D d", "TEXT")]


@pytest.mark.parametrize("arguments", ["", "()"])
def test_a_table_without_properties(connect: Connect, arguments: str) -> None:
    db = connect()
    db.execute(f"CREATE VIRTUAL TABLE clicks USING sky{arguments}")
    db.execute("INSERT INTO clicks VALUES (1, '2026-01-01', 'click')")
    assert db.execute("SELECT * FROM clicks").fetchall() == [(1, "2026-01-01 00:00:00.000000", "click")]
    assert db.execute("SELECT * FROM clicks_changes").fetchall() == []


def test_a_thousand_properties(connect: Connect) -> None:
    db = connect()
    db.execute(f"CREATE VIRTUAL TABLE wide USING sky({', '.join(f'p{i} INTEGER STATE' for i in range(1000))})")
    db.execute("INSERT INTO wide(object_id, ts, p0, p70, p999) VALUES (1, 1, 5, 6, 7)")
    assert db.execute("SELECT p0, p1, p70, p999 FROM wide").fetchall() == [(5, None, 6, 7)]
    assert db.execute("SELECT property FROM wide_changes").fetchall() == [("p0",), ("p70",), ("p999",)]


def test_text_keys(connect: Connect, path: str) -> None:
    db = connect(path)
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, airport TEXT STATE)")
    keys = ["N2", "n2", "", "it's", "日本", "N2"]
    rows = [(key, i, "JFK") for i, key in enumerate(keys)]
    db.executemany("INSERT INTO planes(tail, ts, airport) VALUES (?, ?, ?)", rows)
    db.commit()
    ids = dict(db.execute("SELECT tail, object_id FROM planes_objects").fetchall())
    assert sorted(ids) == sorted(set(keys)) and len(set(ids.values())) == 5 and min(ids.values()) > 0
    close(db)
    again = connect(path)
    again.execute("INSERT INTO planes(tail, ts, action) VALUES ('N2', 9, 'land'), ('new', 9, 'land')")
    found = dict(again.execute("SELECT tail, object_id FROM planes").fetchall())
    assert {key: found[key] for key in ids} == ids
    assert found["new"] not in ids.values()
    assert again.execute("SELECT ts FROM planes WHERE tail = 'N2' ORDER BY ts").fetchall() == [(0,), (5,), (9,)]


def test_an_integer_key_renames_object_id(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE VIRTUAL TABLE orders USING sky(number INTEGER OBJECT, status TEXT STATE)")
    db.execute("INSERT INTO orders(number, ts, status) VALUES (7, 1, 'paid')")
    assert db.execute("SELECT number FROM orders").fetchall() == [(7,)]
    assert db.execute("SELECT number, status FROM orders_objects").fetchall() == [(7, "paid")]
    assert db.execute("SELECT number, new_value FROM orders_changes").fetchall() == [(7, "paid")]
    with pytest.raises(skysql.OperationalError, match="object_id"):
        db.execute("SELECT object_id FROM orders")


NASTY = ["e v", "Order", "select", 'a"b', "a'b", "a`b", "naïve", "日本", "🙂", "1st", "[in", "in]", "a,b", "a)b", "\t",
         "%like_", "--", 'x"; DROP TABLE t; --', " lead", "sky_x", "x" * 200]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_nasty_names(connect: Connect, name: str) -> None:
    """As the name of the table, of its key and of a property."""
    db = connect()

    def quoted(suffix: str = "") -> str:
        return '"' + (name + suffix).replace('"', '""') + '"'

    table = quoted()
    db.execute(f"CREATE VIRTUAL TABLE {table} USING sky({table} TEXT OBJECT, {quoted(' p')} TEXT STATE)")
    db.execute(f"INSERT INTO {table}({table}, ts, {quoted(' p')}) VALUES ('k', 1, 'v')")
    db.append(name, {name: ["l"], "ts": [2], name + " p": ["w"]}, time_unit="us")
    db.compact(name)
    both = [("k", "v"), ("l", "w")]
    assert db.execute(f"SELECT {table}, {quoted(' p')} FROM {table}").fetchall() == both
    assert db.execute(f"SELECT {table}, {quoted(' p')} FROM {quoted('_objects')}").fetchall() == both
    changes = db.execute(f"SELECT {table}, property, new_value FROM {quoted('_changes')}").fetchall()
    assert changes == [("k", name + " p", "v"), ("l", name + " p", "w")]
    assert db.execute(f"SELECT {quoted(' p')}, count(*) FROM {table} GROUP BY 1").fetchall() == [("v", 1), ("w", 1)]
    for mark in "\"'`":
        read = mark + name.replace(mark, mark * 2) + mark
        found = db.execute(f"SELECT ts FROM {read} WHERE timestamp || '' >= '' AND +timestamp > '1970-01-01T00:00:00Z'")
        assert found.fetchall() == [(1,), (2,)]
        found = db.execute(f"SELECT ts FROM {read} WHERE timestamp || '' >= '' AND +timestamp < '1970-01-01T00:00:01Z'")
        assert found.fetchall() == [(1,), (2,)]
    assert db.check(name) == []
    db.execute(f"ALTER TABLE {table} RENAME TO plain")
    assert db.execute(f"SELECT {table} FROM plain_objects").fetchall() == [("k",), ("l",)]
    db.execute(f"ALTER TABLE plain RENAME TO {table}")
    db.execute(f"DROP TABLE {table}")
    assert names(db) == set()


def test_a_name_with_a_dot(connect: Connect) -> None:
    db = connect()
    db.execute('CREATE VIRTUAL TABLE "x.y" USING sky(p TEXT)')
    assert db.append("x.y", {"object_id": [1], "ts": [1], "action": ["a"]}, time_unit="us") == 1
    assert db.append("main.x.y", {"object_id": [1], "ts": [1], "action": ["a"]}, time_unit="us") == 1


def test_names_without_regard_to_case(connect: Connect) -> None:
    db = connect()
    fill(db, "Users")
    assert db.execute("SELECT PLAN FROM USERS_OBJECTS").fetchall() == [("pro",), ("free",)]
    assert db.append("uSERS", {"OBJECT_ID": [2], "Timestamp": ["2026-01-03"], "PLAN": ["pro"]}) == 1
    assert db.execute("SELECT Plan, COUNT(*) FROM users GROUP BY plan").fetchall() == [("free", 2), ("pro", 2)]


# companions


def test_companions_are_listed(connect: Connect) -> None:
    db = connect()
    db.execute(USERS)
    kinds = dict(db.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'").fetchall())
    assert {kinds.pop(name) for name in ("users", "users_objects", "users_sessions", "users_changes")} == {"virtual"}
    kinds.pop("sqlite_schema")
    assert set(kinds.values()) == {"shadow"}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO users_objects(object_id) VALUES (1)",
        "UPDATE users_objects SET plan = 'pro'",
        "DELETE FROM users_objects",
        "INSERT INTO users_changes(object_id) VALUES (1)",
        "UPDATE users_changes SET new_value = 'pro'",
        "DELETE FROM users_changes",
        "DROP TABLE users_objects",
        "DROP TABLE users_changes",
        "DELETE FROM users_sessions",
        "DROP TABLE users_sessions",
        "ALTER TABLE users_objects RENAME TO mine",
        "ALTER TABLE users_changes RENAME TO people_changes",
        "CREATE VIRTUAL TABLE mine USING sky_objects(users)",
        "CREATE VIRTUAL TABLE mine_objects USING sky_objects(users)",
    ],
)
def test_companions_are_read_only_and_not_made_or_dropped_alone(connect: Connect, sql: str) -> None:
    db = connect()
    fill(db)
    with pytest.raises(skysql.DatabaseError, match=r"users|mine"):
        db.execute(sql)
    db.rollback()
    assert holds(db)


# drop and rename


def test_drop_takes_everything_along(connect: Connect) -> None:
    db = connect()
    db.execute("CREATE TABLE users_notes(x)")
    fill(db)
    db.execute("DROP TABLE users")
    assert names(db) == {"users_notes"}
    with pytest.raises(skysql.OperationalError, match="no such table: users_objects"):
        db.execute("SELECT * FROM users_objects")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan INTEGER)")
    assert db.execute("SELECT * FROM users").fetchall() == []
    db.execute("INSERT INTO users VALUES (5, 0, 'a', 6)")
    assert db.execute("SELECT object_id, plan FROM users").fetchall() == [(5, 6)]


def test_create_and_drop_are_rolled_back(connect: Connect) -> None:
    db = connect()
    fill(db)
    db.execute("BEGIN")
    db.execute("DROP TABLE users")
    db.execute("CREATE VIRTUAL TABLE users USING sky(other TEXT)")
    db.execute("CREATE VIRTUAL TABLE more USING sky(other TEXT STATE)")
    db.execute("INSERT INTO more(object_id, ts, other) VALUES (1, 1, 'x')")
    assert db.execute("SELECT new_value FROM more_changes").fetchall() == [("x",)]
    db.rollback()
    assert holds(db)
    assert not any(name.startswith("more") for name in names(db))


def test_create_if_not_exists_leaves_a_table_alone(connect: Connect) -> None:
    db = connect()
    fill(db)
    db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS users USING sky(x TEXT)")
    assert holds(db)


@pytest.mark.parametrize("new", ["people", '"the people"'])
def test_rename(connect: Connect, path: str, new: str) -> None:
    db = connect(path)
    fill(db)
    db.compact()
    db.execute("CREATE VIEW v AS SELECT count(*) AS n FROM users")
    db.execute(f"ALTER TABLE users RENAME TO {new}")
    assert holds(db, new)
    assert db.execute("SELECT n FROM v").fetchall() == [(3,)]
    assert not any(name.startswith("users") for name in names(db))
    close(db)
    assert holds(connect(path), new)


def test_rename_of_what_is_not_committed_yet(connect: Connect) -> None:
    db = connect()
    db.execute(USERS)
    db.execute("BEGIN")
    db.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", EVENTS)
    db.execute("ALTER TABLE users RENAME TO people")
    assert holds(db, "people")
    db.execute("INSERT INTO people(object_id, ts, action) VALUES (1, 1, 'a')")
    db.rollback()
    assert db.execute("SELECT * FROM users").fetchall() == []


@pytest.mark.parametrize("taken", ["people", "people_log", "people_objects", "People_Column"])
def test_names_that_are_taken(connect: Connect, taken: str) -> None:
    """By whatever a new table, or a new name of a table, needs; nothing is left half done."""
    db = connect()
    fill(db)
    db.execute(f"CREATE TABLE {taken}(x)")
    before = names(db)
    for sql in ("CREATE VIRTUAL TABLE people USING sky(p TEXT)", "ALTER TABLE users RENAME TO people"):
        with pytest.raises(skysql.DatabaseError, match=f"(?i){taken}"):
            db.execute(sql)
        assert names(db) == before
        assert holds(db)


# together with others


def test_several_tables_in_a_file(connect: Connect, path: str) -> None:
    db = connect(path)
    fill(db)
    fill(db, "people")
    db.execute("CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT)")
    db.execute("INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob')")
    db.execute("INSERT INTO people(object_id, ts, action) VALUES (2, 1, 'late')")
    db.commit()
    close(db)
    again = connect(path)
    assert holds(again)
    sql = "SELECT name, count(*) FROM customers JOIN {} ON id = object_id GROUP BY name"
    assert again.execute(sql.format("users")).fetchall() == [("Ann", 2), ("Bob", 1)]
    assert again.execute(sql.format("people")).fetchall() == [("Ann", 2), ("Bob", 2)]
    assert [(i.database, i.name, i.events, i.objects) for i in again.info()] == [
        ("main", "users", 3, 2),
        ("main", "people", 4, 2),
    ]
    again.execute("DROP TABLE people")
    assert holds(again)


def test_triggers_and_views_of_the_user(connect: Connect) -> None:
    db = connect()
    fill(db)
    db.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER, total REAL)")
    db.execute(
        "CREATE TRIGGER ordered AFTER INSERT ON orders BEGIN"
        " INSERT INTO users(object_id, ts, action, amount) VALUES (new.who, new.id, 'order', new.total); END"
    )
    db.execute("INSERT INTO orders VALUES (1, 1, 5.0), (2, 3, 6.0)")
    db.execute("CREATE VIEW sales AS SELECT plan, sum(amount) AS total FROM users GROUP BY plan")
    assert db.execute("SELECT * FROM sales").fetchall() == [(None, 11.0), ("free", None), ("pro", 9.5)]
    with pytest.raises(skysql.DataError, match="object_id"):
        db.execute("INSERT INTO orders VALUES (3, 2, 7.0), (4, -1, 8.0)")
    assert db.execute("SELECT count(*) FROM orders").fetchall() == [(2,)]
    assert db.execute("SELECT count(*) FROM users WHERE action = 'order'").fetchall() == [(2,)]


def test_attached_files(connect: Connect, tmp_path: Path) -> None:
    db = connect(str(tmp_path / "a.db"))
    db.execute("ATTACH ? AS other", (str(tmp_path / "b.db"),))
    db.execute("CREATE VIRTUAL TABLE users USING sky(size TEXT STATE)")
    fill(db, "other.users")
    fill(db, "other.people")
    assert holds(db, "other.users")
    assert holds(db, "people")
    assert db.execute("SELECT count(*) FROM users").fetchall() == [(0,)]
    assert db.append("users", {"object_id": [9], "ts": [1], "size": ["XL"]}, time_unit="us") == 1
    assert db.append("other.people", {"object_id": [9], "ts": [1], "plan": ["pro"]}, time_unit="us") == 1
    db.compact()
    assert db.execute("SELECT object_id, size FROM main.users").fetchall() == [(9, "XL")]
    assert holds(db, "other.users")
    assert db.execute("SELECT count(*) FROM other.people_objects").fetchall() == [(3,)]
    assert {(i.database, i.name, i.events) for i in db.info()} == {
        ("main", "users", 1), ("other", "users", 3), ("other", "people", 4)
    }  # fmt: skip
    assert db.check() == db.check("other.users") == []
    db.execute("DETACH other")
    with pytest.raises(skysql.OperationalError, match="no such table"):
        db.execute("SELECT * FROM people")
    db.execute('ATTACH ? AS "another one"', (str(tmp_path / "b.db"),))
    assert holds(db, '"another one".users')
    assert holds(connect(str(tmp_path / "b.db")))


@pytest.mark.parametrize("pushdown", [True, False])
def test_a_view_reads_the_tables_of_its_own_file(connect: Connect, pushdown: bool) -> None:
    """Whatever is called so in another, in temp, or in the statement. A view in temp reads the first."""
    db = connect()
    db.engine.pushdown = pushdown
    db.execute("ATTACH ':memory:' AS far")
    for n, where in enumerate(("main", "far"), 1):
        db.execute(f"CREATE VIRTUAL TABLE {where}.users USING sky(plan TEXT STATE, n INTEGER)")
        row = (5, f"2026-01-0{n}", where, n)
        db.execute(f"INSERT INTO {where}.users(object_id, timestamp, plan, n) VALUES (?, ?, ?, ?)", row)
        db.execute(f"CREATE VIEW {where}.of_{where} AS SELECT *, timestamp AS t FROM users")
        db.execute(f"CREATE VIEW {where}.deeper_{where} AS SELECT * FROM of_{where} WHERE n + 0 > 0")
        until = "v.object_id = u.object_id AND v.ts <= u.ts"
        latest = f"SELECT v.plan FROM users v WHERE {until} ORDER BY v.ts DESC LIMIT 1"
        db.execute(f"CREATE VIEW {where}.latest_{where} AS SELECT n, ({latest}) AS plan FROM users u")
        db.execute(f"CREATE VIEW {where}.then_{where} AS SELECT * FROM users_objects('2026-02-01')")
        db.execute(f"CREATE VIEW {where}.cut_{where} AS SELECT *, session AS s FROM users('1 day')")
    db.execute("CREATE TEMP VIEW of_first AS SELECT * FROM users")
    assert db.execute("SELECT plan, count(*) FROM of_first GROUP BY plan").fetchall() == [("main", 1)]
    for shadow in ("SELECT 1", "CREATE TEMP TABLE users(object_id, timestamp, plan, n)"):
        db.execute(shadow)
        for n, where in enumerate(("main", "far"), 1):
            for view in ("of", "deeper", "latest", "then", "cut"):
                grouped = f"SELECT plan, count(*) FROM {view}_{where} GROUP BY plan"
                assert db.execute(grouped).fetchall() == [(where, 1)], view
                chosen = f"WITH users AS (SELECT 2) SELECT plan FROM {view}_{where} WHERE plan LIKE '%a%' OR plan IS 3"
                assert db.execute(chosen).fetchall() == [(where,)], view
            assert db.execute(f"SELECT n FROM of_{where} WHERE +t = '2026-01-0{n}'").fetchall() == [(n,)]
            joined = f"FROM far.users e ASOF JOIN of_{where} v ON v.object_id = e.object_id AND e.timestamp >= v.t"
            assert db.execute(f"SELECT v.plan {joined}").fetchall() == [(where,)]
            assert db.execute(f"WITH users AS (SELECT 2) SELECT v.plan {joined}").fetchall() == [(where,)]


def test_one_transaction_over_two_files(connect: Connect, tmp_path: Path) -> None:
    db = connect(str(tmp_path / "a.db"))
    db.execute("ATTACH ? AS other", (str(tmp_path / "b.db"),))
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("CREATE VIRTUAL TABLE other.users USING sky(plan TEXT STATE)")
    counts = "SELECT (SELECT count(*) FROM main.users), (SELECT count(*) FROM other.users)"
    for end, n in ((db.rollback, 0), (db.commit, 1)):
        db.execute("INSERT INTO main.users(object_id, ts, plan) VALUES (1, 1, 'a')")
        db.execute("INSERT INTO other.users(object_id, ts, plan) VALUES (1, 1, 'b')")
        assert db.execute(counts).fetchall() == [(1, 1)]
        end()
        assert db.execute(counts).fetchall() == [(n, n)]


def test_the_same_file_twice(connect: Connect, path: str) -> None:
    db = connect(path)
    fill(db)
    db.execute("ATTACH ? AS again", (path,))
    assert holds(db, "again.users")
    sql = "SELECT count(*) FROM users u JOIN again.users v USING (object_id, timestamp)"
    assert db.execute(sql).fetchall() == [(3,)]


def test_temporary_tables(connect: Connect, path: str) -> None:
    db = connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(other TEXT)")
    fill(db, "temp.users")
    assert holds(db)  # temp comes first
    assert db.execute("SELECT * FROM main.users").fetchall() == []
    db.execute("DROP TABLE temp.users")
    assert db.execute("SELECT * FROM users").fetchall() == []
    assert connect(path).execute("SELECT * FROM users").fetchall() == []


def test_reopened(connect: Connect, path: str) -> None:
    db = connect(path)
    fill(db)
    close(db)
    db = connect(path)
    assert holds(db)
    db.compact()
    close(db)
    assert holds(connect(path, read_only=True))
    assert holds(connect(f"file:{path}?mode=ro"))


# other connections


def test_others_see_what_is_committed(connect: Connect, path: str) -> None:
    one, two = connect(path), connect(path)
    fill(one)
    assert holds(two)
    sql = "SELECT action, count(*) FROM users GROUP BY action"
    one.execute("INSERT INTO users(object_id, ts, action) VALUES (3, 1, 'new')")
    assert two.execute(sql).fetchall() == [("buy", 1), ("sign up", 2)]
    one.commit()
    assert two.execute(sql).fetchall() == [("buy", 1), ("new", 1), ("sign up", 2)]
    two.execute("INSERT INTO users(object_id, ts, action) VALUES (3, 2, 'newer')")
    two.commit()
    one.compact()
    assert one.execute(sql).fetchall() == two.execute(sql).fetchall()
    assert ("newer", 1) in two.execute(sql).fetchall()


def test_a_reader_keeps_its_snapshot(connect: Connect, path: str) -> None:
    one, two = connect(path), connect(path)
    fill(one)
    two.execute("BEGIN")
    assert holds(two)
    one.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (1, 1, 'new', 'basic')")
    one.commit()
    one.compact()
    assert holds(two)
    two.commit()
    assert two.execute("SELECT count(*) FROM users WHERE plan = 'basic'").fetchall() == [(1,)]


def test_others_see_changes_of_the_schema(connect: Connect, path: str) -> None:
    one, two = connect(path), connect(path)
    fill(one)
    assert holds(two)
    one.execute("ALTER TABLE users RENAME TO people")
    assert holds(two, "people")
    with pytest.raises(skysql.OperationalError, match="no such table"):
        two.execute("SELECT plan, count(*) FROM users GROUP BY plan")
    one.execute("DROP TABLE people")
    one.execute("CREATE VIRTUAL TABLE people USING sky(plan INTEGER STATE, x TEXT)")
    one.execute("INSERT INTO people(object_id, ts, plan) VALUES (1, 1, 12)")
    one.commit()
    assert two.execute("SELECT plan, x FROM people").fetchall() == [(12, None)]
    assert two.execute("SELECT plan, count(*) FROM people GROUP BY plan").fetchall() == [(12, 1)]
    two.append("people", {"object_id": [2], "ts": [1], "x": ["y"], "plan": [13]}, time_unit="us")
    assert one.execute("SELECT plan, x FROM people_objects o JOIN people USING (object_id, plan)").fetchall() == [
        (12, None),
        (13, "y"),
    ]


def test_a_writer_waits_for_another(connect: Connect, path: str) -> None:
    one, two = connect(path), connect(path, timeout=0)
    fill(one)
    one.execute("INSERT INTO users(object_id, ts, action) VALUES (3, 1, 'new')")
    for write in (
        lambda: two.execute("INSERT INTO users(object_id, ts, action) VALUES (4, 1, 'other')"),
        lambda: two.append("users", {"object_id": [4], "ts": [1], "action": ["other"]}, time_unit="us"),
        lambda: two.compact(),
    ):
        with pytest.raises(skysql.OperationalError, match="locked"):
            write()
            two.commit()
        two.rollback()
    one.commit()
    assert two.append("users", {"object_id": [4], "ts": [1], "action": ["other"]}, time_unit="us") == 1
    assert one.execute("SELECT count(*) FROM users").fetchall() == [(5,)]


def test_fifty_connections(connect: Connect, path: str) -> None:
    many = [connect(path) for _ in range(50)]
    fill(many[-1])
    for db in many:
        assert holds(db)
    many[49].execute("BEGIN")
    many[49].execute("INSERT INTO users(object_id, ts, action) VALUES (3, 1, 'a')")
    many[49].execute("SAVEPOINT s")
    many[49].execute("INSERT INTO users(object_id, ts, action) VALUES (3, 2, 'b')")
    many[49].execute("ROLLBACK TO s")
    many[49].commit()
    assert many[0].execute("SELECT action FROM users WHERE object_id = 3").fetchall() == [("a",)]
    many[48].execute("ALTER TABLE users RENAME TO people")
    many[47].execute("DROP TABLE people")
    assert names(many[0]) == set()


def test_a_dump_of_the_fiftieth_connection(connect: Connect, path: str) -> None:
    many = [connect(path) for _ in range(50)]
    fill(many[0])
    assert list(many[49].iterdump()) == list(many[0].iterdump())


# copies


def test_integrity_check(connect: Connect, path: str) -> None:
    db = connect(path)
    fill(db)
    db.compact()
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    db.execute("UPDATE users_block SET first_object = 7")
    (fault,) = db.execute("PRAGMA integrity_check").fetchone()
    assert "users" in fault and "block 1" in fault
    db.rollback()


def test_vacuum(connect: Connect, tmp_path: Path) -> None:
    db = connect(str(tmp_path / "a.db"))
    fill(db)
    db.execute("VACUUM")
    assert holds(db)
    copy = str(tmp_path / "copy.db")
    db.execute("VACUUM INTO ?", (copy,))
    db.execute("DROP TABLE users")
    other = connect(copy)
    assert holds(other)
    other.execute("INSERT INTO users(object_id, ts, action) VALUES (3, 2, 'b')")
    assert other.execute("SELECT count(*) FROM users").fetchall() == [(4,)]


def test_copies_go_their_own_ways(connect: Connect, tmp_path: Path) -> None:
    """A copy has the same blocks, and then others: what is cached of one must not show in the other."""
    one = connect(str(tmp_path / "a.db"))
    fill(one)
    one.compact()
    two = connect(str(tmp_path / "b.db"))
    one.backup(two)
    assert holds(one) and holds(two)
    for db, plan in ((one, "gold"), (two, "silver")):
        db.execute("INSERT INTO users(object_id, ts, action, plan) VALUES (3, 1, 'up', ?)", (plan,))
        db.commit()
    sql = "SELECT plan, count(*) FROM users WHERE action = 'up' GROUP BY plan"
    assert one.execute(sql).fetchall() == [("gold", 1)]
    assert two.execute(sql).fetchall() == [("silver", 1)]
    one.compact()
    two.compact()
    assert one.execute(sql).fetchall() == [("gold", 1)]
    assert two.execute(sql).fetchall() == [("silver", 1)]


def test_backup_by_the_standard_library(connect: Connect, tmp_path: Path) -> None:
    """Which knows nothing of sky tables: a file is a file."""
    db = connect(str(tmp_path / "a.db"))
    fill(db)
    source, target = sqlite3.connect(tmp_path / "a.db"), sqlite3.connect(tmp_path / "b.db")
    with source, target:
        source.backup(target)
    source.close()
    target.close()
    assert holds(connect(str(tmp_path / "b.db")))


def test_names_differ_in_the_case_of_other_letters_than_ascii(connect: Connect, tmp_path: Path) -> None:
    """As in SQLite, which tells "Ü" from "ü"."""
    db = connect(tmp_path / "names.db")
    for table, x in (("Übung", 2), ("übung", 1)):
        db.execute(f"CREATE VIRTUAL TABLE {table} USING sky(x INTEGER)")
        for ts in range(x):
            db.execute(f"INSERT INTO {table}(object_id, ts, action, x) VALUES (?, ?, 'a', ?)", (x, ts, x))
    db.commit()
    for _ in range(2):
        for table, x in (("Übung", 2), ("übung", 1), ("üBUNG", 1)):
            assert db.execute(f"SELECT x, count(*) FROM {table} GROUP BY x").fetchall() == [(x, x)]
            assert db.execute(f"SELECT x FROM {table} WHERE abs(x)").fetchall() == [(x,)] * x
            assert db.execute("SELECT objects FROM sky_stickiness(?, 'a', 'day')", (table,)).fetchall() == [(1,)]
            counted = db.execute(f"WITH Übung AS (SELECT x FROM übung) SELECT count(*) FROM {table}").fetchall()
            assert counted == [(1,)]
        assert db.check() == []
        db.compact()
        db.close()
        db = connect(tmp_path / "names.db")
    db.execute("SELECT sky_alter('Übung', 'ADD y TEXT')")
    db.execute("ALTER TABLE Übung RENAME TO Ärzte")
    db.execute("DROP TABLE übung")
    assert db.execute("SELECT y, count(*) FROM Ärzte GROUP BY y").fetchall() == [(None, 2)]
