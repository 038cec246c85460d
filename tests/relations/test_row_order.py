"""Rows that nobody orders come in the order of paths, whoever finds them: a scan, or SQLite row by row.

Aggregates that tell an order tell that one. But for an OR of which SQLite looks up each side by itself, one after the
other, as it does in any table.

    SKYSQL_TEST_SEED=17 SKYSQL_TEST_STATEMENTS=10000 pytest tests/relations/test_row_order.py     others, and more
"""

from __future__ import annotations

import operator
import os
import random
from collections.abc import Callable

import pytest

from tests.world.answers import same_bag
from tests.world.databases import SIZES, Databases
from tests.world.expressions import Statement
from tests.world.statements import Generator
from tests.world.worlds import random_script

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "500"))
PER_DATABASE = 50


def rows(generator: Generator) -> str:
    """Rows as they are, which nobody orders; "" if somebody does."""
    text = generator.rows(generator.source()).sql.replace("SELECT DISTINCT", "SELECT")
    return "" if " ORDER BY " in text else text


def told(generator: Generator) -> str:
    """A grouped select of what tells the order of its rows."""
    source = generator.at_orders() if generator.chance(0.3) else generator.source()
    where = generator.where(source)
    key, value, other = (generator.rng.choice([c.sql for c in source.columns if c.kind != "A"]) for _ in range(3))
    shown = f"{key}, group_concat({value}), json_group_array({other})"
    return f"SELECT {shown} FROM {source.sql}{where}{f' GROUP BY {key}' if generator.chance(0.8) else ''}"


@pytest.mark.parametrize("make", [rows, told])
@pytest.mark.parametrize("number", range(-(-STATEMENTS // PER_DATABASE)))
def test_the_order_of_paths(number: int, make: Callable[[Generator], str]) -> None:
    print(f"SKYSQL_TEST_SEED={SEED}")
    rng = random.Random(f"{SEED}/{make.__name__}/{number}")
    script, world = random_script(rng, rng.choice(SIZES))
    with Databases(script) as databases:
        scans = 0
        for _ in range(PER_DATABASE):
            generator = Generator(rng, world)
            text = make(generator)
            if not text:
                continue
            sql, parameters = Statement(text, generator.parameters, generator.style, False).sky()
            pushed, by_row = databases.pushed.ask(sql, parameters), databases.by_row.ask(sql, parameters)
            plan = databases.by_row.ask(f"EXPLAIN QUERY PLAN {sql}", parameters).rows
            by_sides = any("MULTI-INDEX OR" in row[-1] for row in plan)
            if pushed.error is None and not (by_sides and make is told):
                rewritten = databases.pushed.rewritten(sql)
                same = same_bag if by_sides else operator.eq
                assert same(pushed.rows, by_row.rows), f"{sql}\n{parameters}\n{rewritten}"
                scans += "FROM sky_scan" in rewritten
    assert scans > 0
