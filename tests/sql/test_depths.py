"""Statements as deep or as long as SQLite allows, or more: an answer, or the error that SQLite has for them."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

import skysql
from tests.world.sides import Sides

FORMS = {
    "parentheses": lambda n: f"SELECT count(*) FROM users WHERE {'(' * n}amount > 2{')' * n}",
    "and": lambda n: f"SELECT count(*) FROM users WHERE {' AND '.join(['amount > 2'] * n)}",
    "or": lambda n: f"SELECT count(*) FROM users WHERE {' OR '.join(f'amount > {at}' for at in range(n))}",
    "texts": lambda n: f"SELECT {' || '.join(['plan'] * n)} FROM users",
    "sums": lambda n: f"SELECT sum({' + '.join(['amount'] * n)}) FROM users",
    "not": lambda n: f"SELECT count(*) FROM users WHERE {'NOT ' * n}amount > 2",
    "minus": lambda n: f"SELECT count(*) FROM users WHERE {'- ' * n}amount > 2",
    "calls": lambda n: f"SELECT count(*) FROM users WHERE {'abs(' * n}amount{')' * n} > 2",
    "subqueries": lambda n: f"SELECT count(*) FROM {'(SELECT * FROM ' * n}users{')' * n}",
    "branches": lambda n: (
        "SELECT CASE "
        + " ".join(f"WHEN amount > {at} THEN {at}" for at in range(n // 4))
        + " END, count(*) FROM users GROUP BY 1"
    ),
    "compound": lambda n: " UNION ALL ".join(["SELECT plan, count(*) FROM users GROUP BY plan"] * (n // 12)),
}


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


@pytest.mark.parametrize("depth", [150, 900, 1000, 8000])
@pytest.mark.parametrize("form", FORMS)
def test_a_deep_statement_is_answered_or_refused_as_by_sqlite(sides: Sides, form: str, depth: int) -> None:
    sql = FORMS[form](depth)
    try:
        sides.plain.execute(sql).fetchall()
    except apsw.SQLError as error:
        for db in (sides.pushed, sides.by_row):
            with pytest.raises(skysql.OperationalError) as raised:
                db.execute(sql).fetchall()
            assert str(raised.value).startswith(str(error))
    else:
        sides.same(sql)


def test_one_collation_in_a_compound_of_many(sides: Sides) -> None:
    sql = " UNION ALL ".join(["SELECT plan, count(*) FROM users GROUP BY plan"] * 20)
    assert sides.rewritten(sql) != sql
    sides.same(f"{sql} UNION SELECT 'PRO' COLLATE NOCASE, 1")
