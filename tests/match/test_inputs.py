"""MATCH_RECOGNIZE over random subqueries: what a scan answers of them and what SQLite reads row by row match alike.

    SKYSQL_TEST_SEED=17 SKYSQL_TEST_STATEMENTS=10000 pytest tests/match/test_inputs.py     others, and more
"""

from __future__ import annotations

import os
import random

import pytest

from tests.world.answers import same_bag
from tests.world.databases import SIZES, Databases
from tests.world.expressions import Statement
from tests.world.statements import Generator
from tests.world.worlds import random_script

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "300"))
PER_DATABASE = 50


def recognition(generator: Generator) -> str:
    """Rows of a subquery or CTE, each with how many after it are no smaller."""
    make = generator.rng.choice([generator.grouped, generator.rows, generator.by_object])
    inner = make(generator.source(), nested=True)
    names = [item.alias for item in inner.items if item.exact and item.kind != "A" and item.alias]
    if not names:
        return ""
    order, name = ", ".join(names), generator.name()
    partition = f"PARTITION BY {names[0]} " if generator.chance(0.5) else ""
    first = names[-1]
    clause = (
        f"MATCH_RECOGNIZE ({partition}ORDER BY {order} MEASURES count(*) AS n, FIRST({first}) AS f"
        f" {generator.rng.choice(['ONE ROW', 'ONE ROW', 'ALL ROWS'])} PER MATCH"
        f" PATTERN (A B*) DEFINE B AS {first} >= PREV({first}))"
    )
    shown = generator.rng.choice(["n, f", "count(*), sum(n)"])
    if generator.chance(0.5):
        return f"WITH {name} AS ({inner.sql}) SELECT {shown} FROM {name} {clause}"
    return f"SELECT {shown} FROM ({inner.sql}) {clause}"


@pytest.mark.parametrize("number", range(-(-STATEMENTS // PER_DATABASE)))
def test_inputs_that_scans_answer(number: int) -> None:
    print(f"SKYSQL_TEST_SEED={SEED}")
    rng = random.Random(f"{SEED}/inputs/{number}")
    script, world = random_script(rng, rng.choice(SIZES))
    with Databases(script) as databases:
        answered = 0
        for _ in range(PER_DATABASE):
            generator = Generator(rng, world)
            text = recognition(generator)
            if not text:
                continue
            sql, parameters = Statement(text, generator.parameters, generator.style, False).sky()
            pushed, by_row = databases.pushed.ask(sql, parameters), databases.by_row.ask(sql, parameters)
            both = f"{sql}\n{parameters}\n{pushed.error}\n{by_row.error}"
            assert (pushed.error is None) == (by_row.error is None), both
            if pushed.error is None:
                assert same_bag(pushed.rows, by_row.rows), f"{sql}\n{parameters}"
                answered += 1
    assert answered > PER_DATABASE // 3
