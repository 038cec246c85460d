"""A long list of literals after IN gives what a short one gives, and is one node for the parser."""

import random
from collections.abc import Iterator

import pytest

import skysql
from skysql.sql.dialect import parse
from skysql.sql.lists import SHORTEST
from tests.world.sides import Sides

LITERALS = ["1", "2", "-3", "+3", "- 1", "007", "2.5", ".5", "1.", "1e2", "9223372036854775808", "NULL", "null", "'1'",
            "-9223372036854775808", "'pro'", "'it''s'", "''", "'3.0'", "'/Shop/É'", "'a, b)'", "'IN (1)'", "'--'",
            "0x3", "0XfFfFfFfFfFfFfFfF", "0x007", "x'33'", "X''", "x'70726f'", "'?'",
            "'/* 7'", "'*/'", "' 3'"]  # fmt: skip
COMMENTED = ["/* IN (1, '7' */ 1", "2 -- 'it''s, 7)\n", "/**/ - 3 /* ? */", "-- 100\n 'pro'", "NULL/* */"]
PARAMETERS = [None, 1, "1", 2.0, "pro", b"pro", "3", 3, -3, 9.5, "9.5", 1 << 62, "it's", "2026-01-02T00:00Z", "?"]
MOMENTS = ["'2026-01-01'", "'2026-01-02T00:00Z'", "'2026-01-01 05:00'", "1767225600000000", "'2026-02-01T02:00+02:00'"]
FORMS = [
    "SELECT count(*) FROM users WHERE {x} {no} IN ({list})",
    "SELECT object_id, count(*), {x} {no} IN ({list}) FROM users GROUP BY object_id, 3",
    "SELECT object_id FROM users GROUP BY object_id HAVING max({x}) {no} IN ({list}) AND count(*) NOT IN ({list})",
    "WITH q AS (SELECT * FROM users WHERE NOT ({x} {no} IN ({list}) OR seats = 3)) SELECT count(*) FROM q",
    "SELECT u.object_id FROM users u JOIN customers c ON c.id = u.object_id AND {x} {no} IN ({list})",
    'SELECT /* IN ( */ (object_id IN ({list})) {no} IN ({list}) AS "IN (" FROM users -- IN (1',
]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


def long(elements: list[str]) -> str:
    """The same list, with each element many times."""
    return " ,\n ".join(elements * (SHORTEST // len(elements) + 1))


@pytest.mark.parametrize("form", FORMS)
def test_a_long_list_gives_what_sqlite_gives(sides: Sides, form: str) -> None:
    r = random.Random(form)
    for column in ("object_id", "plan", "amount", "url", "action", "vip"):
        for kind in (LITERALS, LITERALS + COMMENTED, ["1", "2", "007"], ["0x3", "7"], ["'pro'", "'3'", "'it''s'"]):
            chosen = r.sample(kind, r.randint(1, min(5, len(kind))))
            sides.same(form.format(x=f"users.{column}" if " u " not in form else f"u.{column}",
                                   no=r.choice(["", "NOT"]), list=long(chosen)))  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x", ["object_id", "plan", "seats", "amount", "url", "vip"])
def test_parameters_of_a_long_list_have_their_numbers(sides: Sides, form: str, x: str) -> None:
    r = random.Random(f"{form} {x}")
    for written in ("?", "?, '?'", "?, 7 /* ? */, 'pro'", "?, x'70726f'"):
        elements, one = [], form.count("{list}")
        while len(elements) < 1001:
            elements.append(written)
        values = [r.choice(PARAMETERS) for _ in range(one * len(elements))]
        sql = form.format(x=x if " u " not in form else f"u.{x}", no=r.choice(["", "NOT"]), list=", ".join(elements))
        sides.same(f"WITH p(a) AS (SELECT ?) {sql.replace('WITH', ',')}\n LIMIT (SELECT ? + 7)", [8, *values, 1])


def test_parameters_of_a_long_list_beside_a_time_are_times(sides: Sides) -> None:
    sql = "SELECT object_id, count(*) FROM users WHERE timestamp IN ({}) AND object_id > ? GROUP BY object_id"
    given = ["2026-01-01T00:00Z", "2026-01-02", "2026-01-01T06:00+01:00"]
    short = sides.same(sql.format("?, ?, ?"), [*given, 0], plain=False)
    assert short and sides.same(sql.format(", ".join("?" * 1500)), [*given * 500, 0], plain=False) == short


@pytest.mark.parametrize("insert", ["INSERT", "REPLACE", "insert or ignore"])
def test_many_rows_are_inserted_as_few_are(insert: str) -> None:
    found = []
    for size in (1, 400):
        db = skysql.connect(":memory:")
        db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
        rows = [
            "(1, '2026-01-01', 'it''s, (1)', ?, 0x10)",
            "(2, /* ) */ '2026-01-02T02:00+02:00', ?, NULL, -1.5)",
        ] * 200
        values = ["pro", "buy"] * 200
        for at in range(0, 400, size):
            text = f'{insert} INTO main.users(object_id, timestamp, action, "plan", amount) VALUES '
            db.execute(f"{text}{', '.join(rows[at : at + size])};", values[at : at + size])
        found.append(db.execute("SELECT * FROM users").fetchall())
        db.close()
    assert found[0] == found[1] and found[0]


@pytest.mark.parametrize("form", FORMS[:5])
@pytest.mark.parametrize("x", ["timestamp", "coalesce(timestamp, '2026-01-01')"])
def test_a_long_list_beside_a_time_is_of_times(sides: Sides, form: str, x: str) -> None:
    for chosen in (MOMENTS, MOMENTS[:2], [*MOMENTS[1:3], "NULL"]):
        for no in ("", "NOT"):
            short = form.format(x=x, no=no, list=", ".join(chosen))
            folded = form.format(x=x, no=no, list=long(chosen))
            assert sides.same(folded, plain=False) == sides.same(short, plain=False)


def test_integers_of_any_spelling_in_a_long_list_are_moments(sides: Sides) -> None:
    spelled = "-5, - 5, +7, 0x10, 0xfffffffffffffffb, -0"
    plain = "'1969-12-31 23:59:59.999995', '1970-01-01 00:00:00.000007', '1970-01-01 00:00:00.000016', '1970-01-01'"
    for moment in ("-5", "7", "16", "0", "5"):
        for db in (sides.pushed, sides.by_row):
            sql = f"SELECT sky_timestamp({moment}) IN ({{}})"
            assert db.execute(sql.format(long([spelled]))).fetchall() == db.execute(sql.format(plain)).fetchall()


def test_what_is_no_time_is_an_error_in_a_long_list(sides: Sides) -> None:
    for db in (sides.pushed, sides.by_row):
        with pytest.raises(Exception, match="soon"):
            db.execute(f"SELECT count(*) FROM users WHERE timestamp IN ({long(MOMENTS)}, 'soon')").fetchall()


def test_a_list_in_a_view_and_a_check(sides: Sides) -> None:
    for db in (sides.pushed, sides.by_row, sides.plain):
        db.execute(f"CREATE VIEW listed AS SELECT * FROM users WHERE plan IN ({long(LITERALS)})")
        db.execute(f"CREATE TABLE checked(users CHECK (users IN ({long(['1', '2'])})))")
        db.execute("INSERT INTO checked VALUES (2)")
    sides.same("SELECT object_id, count(*) FROM listed GROUP BY object_id")


def test_a_list_of_a_hundred_thousand_is_a_few_nodes(sides: Sides) -> None:
    numbers = ", ".join(map(str, range(100_000)))
    for sql in (f"SELECT count(*) FROM users WHERE seats IN ({numbers}, 7) AND plan <> 'x'",):
        source = parse(sql)
        assert source is not None
        assert len(source.tokens) < 100 and sum(1 for _ in source.tree.walk()) < 100
        assert source.slice(0, len(source.tokens)) == sql
        sides.same(sql)


def test_a_statement_of_more_characters_is_rewritten_if_they_are_of_a_list(sides: Sides) -> None:
    sql = f"SELECT count(*) FROM users WHERE seats IN ({', '.join(map(str, range(200_000)))})"
    assert len(sql) > 1_000_000 and sides.rewritten(sql) != sql
    sides.same(sql)
