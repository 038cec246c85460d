"""The columns of sky tables and companions are told once, and everything that knows them agrees."""

import ast
from pathlib import Path

import pytest

import skysql
from skysql.model.companions import COLUMNS, EVENTS, RESERVED, RESERVED_STATES, fixed
from skysql.model.table import parse_arguments
from skysql.plan.path_scan import Changes, Column, Events, Groups, Objects, Pairs, Parameter, PathScan, Sessions
from skysql.plan.sources import NO_TABLE, column_type, columns_of, kind_of, object_names

SKY = Path(skysql.__file__).parent
SOURCES = {"events": Events(), "objects": Objects(), "sessions": Sessions(), "changes": Changes()}
ARGUMENTS = ["who TEXT OBJECT", "Plan TEXT STATE", "paid BOOLEAN STATE", "amount REAL", "n INTEGER"]
TABLE = parse_arguments("users", ARGUMENTS)


@pytest.fixture
def db():
    db = skysql.connect(":memory:")
    db.execute(f"CREATE VIRTUAL TABLE users USING sky({', '.join(ARGUMENTS)})")
    db.execute("INSERT INTO users(who, timestamp, action, plan, amount) VALUES ('a', '2024-01-01', 'buy', 'pro', 2.5)")
    yield db
    db.close()


@pytest.mark.parametrize("kind", COLUMNS)
def test_virtual_tables_declare_them(db, kind):
    name = "users" if kind == EVENTS else f"users_{kind}"
    declared = db.execute(f"SELECT name, type, hidden = 1 FROM pragma_table_xinfo('{name}')").fetchall()
    assert declared == [(c.name, c.type, c.hidden) for c in columns_of(kind, TABLE)]


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_one_can_be_read_by_a_scan_and_by_sqlite(db, kind):
    name = "users" if kind == EVENTS else f"users_{kind}"
    listed = ", ".join(f'"{c.name}"' for c in columns_of(kind, TABLE) if not c.argument)
    slow = skysql.connect(":memory:", pushdown=False)
    db.commit()
    db.backup(slow)
    for query in (f"SELECT {listed} FROM {name}", f"SELECT {listed}, count(*) FROM {name} GROUP BY {listed}"):
        assert db.execute(query).fetchall() == slow.execute(query).fetchall() != []
    slow.close()


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_scan_knows_their_types_in_any_case(kind):
    assert kind_of(SOURCES[kind]) == kind
    for column in columns_of(kind, TABLE):
        assert column_type(SOURCES[kind], TABLE, column.name.upper()) == column.type


def test_groups_have_the_types_of_their_keys():
    keys = (Column("who"), Column("plan"), Column("session"))
    groups = Groups(PathScan("main", "users", Sessions(), None, keys))
    assert [column_type(groups, TABLE, name) for name in ("key 1", "key 3", "value 1")] == ["TEXT", "INTEGER", None]
    assert object_names(groups, TABLE) == {"key 1"}
    assert kind_of(groups) == "sessions"


def test_pairs_are_objects_with_the_number_of_their_row():
    pairs = Pairs(Parameter(1))
    assert column_type(pairs, TABLE, "row") == "INTEGER"
    assert column_type(pairs, TABLE, "as_of") == "TIMESTAMP"


def test_labels_of_no_table_have_no_type_and_name_no_object():
    assert column_type(Events(), NO_TABLE, "timestamp") is None
    assert object_names(Events(), NO_TABLE) == frozenset()


def test_no_property_can_be_called_so(db):
    for name in sorted(RESERVED):
        with pytest.raises(skysql.ProgrammingError):
            db.execute(f'CREATE VIRTUAL TABLE t USING sky("{name}" TEXT)')
    for name in sorted(RESERVED_STATES):
        with pytest.raises(skysql.ProgrammingError):
            db.execute(f'CREATE VIRTUAL TABLE t USING sky("{name}" TEXT STATE)')
        db.execute(f'CREATE VIRTUAL TABLE "t {name}" USING sky("{name}" TEXT)')


def test_their_names_are_spelled_in_one_module():
    """Those of one word may mean other things elsewhere: an option of a report, a column of a file."""
    names = {column.name for kind in COLUMNS for column in fixed(kind) if "_" in column.name} | {"idle"}
    spelled = {
        (path.relative_to(SKY).as_posix(), node.value)
        for path in SKY.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert {path for path, _ in spelled} == {"model/companions.py"}
