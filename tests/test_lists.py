"""A long list of literals after IN gives what a short one gives, and is one node for the parser."""

import random
from collections.abc import Iterator

import pytest
from sides import Sides

from skysql.rewrite.dialect import parse
from skysql.rewrite.lists import SHORTEST

LITERALS = ["1", "2", "-3", "+3", "- 1", "007", "2.5", ".5", "1.", "1e2", "9223372036854775808", "NULL", "null", "'1'",
            "'pro'", "'it''s'", "''", "'3.0'", "'/Shop/É'", "'a, b)'", "'IN (1)'", "'--'"]  # fmt: skip
MOMENTS = ["'2026-01-01'", "'2026-01-02T00:00Z'", "'2026-01-01 05:00'", "1767225600000000", "'2026-02-01T02:00+02:00'"]
FORMS = [
    "SELECT count(*) FROM users WHERE {x} {no} IN ({list})",
    "SELECT object_id, count(*), {x} {no} IN ({list}) FROM users GROUP BY object_id, 3",
    "SELECT object_id FROM users GROUP BY object_id HAVING max({x}) {no} IN ({list}) AND count(*) NOT IN ({list})",
    "WITH q AS (SELECT * FROM users WHERE NOT ({x} {no} IN ({list}) OR seats = 3)) SELECT count(*) FROM q",
    "SELECT u.object_id FROM users u JOIN customers c ON c.id = u.object_id AND {x} {no} IN ({list})",
    "SELECT /* IN ( */ (object_id IN ({list})) {no} IN ({list}) AS \"IN (\" FROM users -- IN (1",
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
        for kind in (LITERALS, ["1", "2", "007"], ["'pro'", "'3'", "'it''s'"]):
            chosen = r.sample(kind, r.randint(1, min(5, len(kind))))
            sides.same(form.format(x=f"users.{column}" if " u " not in form else f"u.{column}",
                                   no=r.choice(["", "NOT"]), list=long(chosen)))  # fmt: skip


@pytest.mark.parametrize("form", FORMS[:5])
@pytest.mark.parametrize("x", ["timestamp", "coalesce(timestamp, '2026-01-01')"])
def test_a_long_list_beside_a_time_is_of_times(sides: Sides, form: str, x: str) -> None:
    for chosen in (MOMENTS, MOMENTS[:2], [*MOMENTS[1:3], "NULL"]):
        for no in ("", "NOT"):
            short = form.format(x=x, no=no, list=", ".join(chosen))
            folded = form.format(x=x, no=no, list=long(chosen))
            assert sides.same(folded, plain=False) == sides.same(short, plain=False)


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
