"""What a rule of rewriting must look at: every call, every clause, and the parentheses of every part."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sides import Sides


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


# calls


@pytest.mark.parametrize(
    "item",
    [
        "max(seats, 2) AND 1",
        "min(seats, 2) OR 0",
        "max(plan, 'm') COLLATE NOCASE",
        "min('[1]', '[2]') -> 0",
        "min('[1]', '[2]') ->> 0",
        "max(seats, 2) + 1",
        "max(seats, 2) IN (2, 7)",
        "max(seats, 2) BETWEEN 2 AND 3",
        "max(seats, 2) IS NULL",
        "(max(seats, 2)) AND (min(seats, 2))",
        "NOT max(seats, 2)",
        "max(seats, 2)",
    ],
)
def test_extremes_of_two_arguments_are_no_aggregates(sides: Sides, item: str) -> None:
    sides.same(f"SELECT {item} FROM users")
    sides.same(f"SELECT seats, plan, {item} FROM users GROUP BY seats, plan")
    sides.same(f"SELECT {item}, count(*) FROM users GROUP BY {item}")
    sides.same(f"SELECT seats, plan FROM users GROUP BY seats, plan HAVING {item}")
    sides.same(f"SELECT count(*) FROM (SELECT {item} AS x FROM users GROUP BY object_id, seats, plan) WHERE x IS NOT 1")
    sides.same(f"SELECT count(*) FROM users WHERE {item}")


@pytest.mark.parametrize(
    "having",
    [
        "count(*) > 1 AND sum(seats) > 3",
        "count(*) > 1 OR max(seats) > 3 AND min(seats) < 9",
        "max(seats, 3) > 3 AND count(*) > 0",
        "max(seats) AND max(seats, 3)",
        "max(plan) COLLATE NOCASE > 'FREE'",
        "max(seats) FILTER (WHERE amount > 2) > 1 AND count(*) > 1",
    ],
)
def test_conditions_on_groups_are_pushed(sides: Sides, having: str) -> None:
    select = f"SELECT plan, seats, count(*) FROM users GROUP BY plan, seats HAVING {having}"
    sides.same(select)
    assert "users" not in sides.rewritten(select)


def test_what_is_called_twice_alike_chooses_pairs(sides: Sides) -> None:
    join = "SELECT c.id, o.plan FROM customers c JOIN users_objects o ON o.object_id = c.id AND o.as_of = '2026-01-03'"
    for condition in ("max(c.score, 1) > 1 AND c.segment COLLATE NOCASE = 'GOLD'", "CAST(c.score AS TEXT) > '1'"):
        assert "users_objects" not in sides.rewritten(f"{join} AND {condition}")
        sides.same(f"{join} AND {condition}", plain=False)
    sides.same(f"{join} AND max(c.score, 1) AND random() IS NOT NULL", plain=False)
