"""Plans: JSON and back, and decomposition by object. The plans are those of all golden statements.

A scan over some objects gives a partial, and partials merge, whatever the split: that is what several processes, a live
query and other machines rest on. And no plan changes an answer: without pushdown, row by row, the rows are the same.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.plan import path_scan as plans
from skysql.plan.json import SCANS
from skysql.plan.path_scan import Column, Literal, PathScan, Sql
from skysql.plan.sources import object_names
from skysql.scan.aggregates import AggregateFunctions, Inexact
from skysql.scan.bound import BoundScan
from skysql.scan.partials import Partial
from skysql.scan.rows import Rows
from skysql.scan.scan import Scan
from tests.world.scripts import Case, answer, ask, every_case, params, sky

INTEGERS = (0, -1, 2**63 - 1, -(2**63))
REALS = (0.0, 2.5, 1e300, float("inf"), float("-inf"))
OTHERS = (None, "", "it's", "日本\x00", b"", b"\x00\xff")
NO_PLANS = ("", "null", "{}", "[]", "1", '{"node": "Column", "name": "a"}', '{"node": "Nothing"}')


@pytest.fixture(scope="module")
def world() -> Iterator[skysql.Connection]:
    connection = sky()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def by_row() -> Iterator[skysql.Connection]:
    connection = sky(pushdown=False)
    yield connection
    connection.close()


def scans(connection: skysql.Connection) -> list[PathScan]:
    """Every path scan of every golden statement."""
    prepared = [connection.engine.prepare(case.sql).plan for case in every_case()]
    found = (scan for plan in prepared if plan is not None for scan in plan.scans if isinstance(scan, PathScan))
    return list(dict.fromkeys(found))


# JSON


def test_every_plan_comes_back_from_json(world: skysql.Connection) -> None:
    found = scans(world)
    assert len(found) > 120
    for plan in found:
        text = SCANS.to_json(plan)
        again = SCANS.from_json(text)
        assert again == plan
        assert str(again) == str(plan)
        assert hash(again) == hash(plan)
        assert SCANS.to_json(again) == text


def test_plans_of_one_meaning_are_equal(world: skysql.Connection) -> None:
    """However a question is spelt, its plan is one and the same."""
    column = "SELECT u.plan, count(*) FROM users AS u WHERE u.action = 'purchase' GROUP BY 1"
    spelt = "select Plan, COUNT( * ) from main.users where 'purchase' = action group by PLAN"
    one, other = (world.engine.prepare(sql).plan for sql in (column, spelt))
    assert one is not None and other is not None
    assert str(one).lower() == str(other).lower()


def test_every_node_is_met(world: skysql.Connection) -> None:
    """The golden statements use every kind of node that there is."""
    met = {name for plan in scans(world) for name in nodes(json.loads(SCANS.to_json(plan)))}
    assert met == set(SCANS.classes)


def nodes(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["node"]] if "node" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)


@pytest.mark.parametrize("value", (*INTEGERS, *REALS, *OTHERS), ids=repr)
def test_literals_come_back_as_they_were(value: plans.Value) -> None:
    plan = PathScan("main", "users", plans.Events(), None, (Literal(value),))
    (again,) = SCANS.from_json(SCANS.to_json(plan)).keys
    assert isinstance(again, Literal)
    assert (type(again.value), again.value) == (type(value), value)


@pytest.mark.parametrize("text", NO_PLANS)
def test_other_json_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError):
        SCANS.from_json(text)


def test_a_text_over_columns_is_an_expression_of_its_labels() -> None:
    late = Column("plan", through_ties=True)
    plan = PathScan("aux", "order", plans.Events(), None, (Sql('upper("plan through ties")', (late,)), late))
    assert str(plan) == 'PATH SCAN aux."order"\n└─ group by upper("plan through ties"), "plan through ties"'
    assert plans.columns(plan.keys[0]) == (late,)


# Decomposition by object


def objects_of(scan: Scan, rows: Rows) -> list[int]:
    """The object of each row, or a number for its key."""
    names = object_names(scan.plan.source, scan.snapshot.table)
    name = scan.snapshot.table.object_name if scan.snapshot.table.object_name in names else min(names)
    found = rows.vector(Column(name)).tolist()
    return [value if isinstance(value, int) else zlib.crc32(str(value).encode()) for value in found]


Split = Callable[[int], int]


def partials(scan: Scan, parts: int, part_of: Split) -> list[Partial]:
    """A partial for each part of each shard that has rows, in an order that means nothing."""
    found = []
    for rows in scan.rows():
        numbers = np.array([part_of(object) for object in objects_of(scan, rows)])
        found += [scan.partial(rows.keep(numbers == part)) for part in range(parts) if (numbers == part).any()]
    return found


def run(scan: Scan, combine: Callable[[Scan], Partial]) -> Iterator[list[list[Any]]]:
    """Like Scan.run, with another way to come to one partial."""
    while True:
        try:
            return scan.finish(combine(scan))
        except Inexact as inexact:
            scan.leave(inexact)


def grouped(world: skysql.Connection, monkeypatch: pytest.MonkeyPatch) -> list[tuple[PathScan, Sequence[Any]]]:
    """Every plan with groups, and the parameters that its statement gives it."""
    found: dict[PathScan, Sequence[Any]] = {}
    with monkeypatch.context() as patch:
        original = Scan.run

        def spy(scan: Scan) -> Iterator[list[list[Any]]]:
            found.setdefault(scan.plan, scan.evaluation.parameters)
            return original(scan)

        patch.setattr(Scan, "run", spy)
        for case in every_case():
            if not case.explains:
                ask(world, case.sql, case.parameters)
    return list(found.items())


def sorted_rows(pieces: Iterator[list[list[Any]]]) -> list[str]:
    return sorted(repr(row) for columns in pieces for row in zip(*columns, strict=True))


SPLITS: dict[str, tuple[int, Split]] = {
    "one object a part": (10, lambda object: object % 9 if object < 10 else 9),
    "odd and even": (2, lambda object: object % 2),
    "most in one": (2, lambda object: int(object > 5)),
    "at random": (3, lambda object: random.Random(object).randrange(3)),
}


@pytest.mark.parametrize("split", SPLITS)
def test_any_split_by_object_gives_the_same(
    world: skysql.Connection, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    """All partials at once, in another order, and two by two, as a tree."""
    count, part_of = SPLITS[split]
    for plan, parameters in grouped(world, monkeypatch):
        snapshot = world.engine.snapshot(plan.database, plan.table)

        def scan(plan: PathScan = plan, parameters: Sequence[Any] = parameters, snapshot: Any = snapshot) -> Scan:
            bound = BoundScan(plan, snapshot.table, AggregateFunctions())
            return Scan(bound, snapshot, world.engine.evaluator, parameters)

        try:
            expected = sorted_rows(scan().run())
        except skysql.Error:  # integer overflow
            continue
        if "group_concat" not in str(plan):  # the only one for which the order of objects counts
            for combine in (at_once, backwards, two_by_two):
                found = sorted_rows(run(scan(), lambda s, c=combine: c(s, partials(s, count, part_of))))  # type: ignore[misc]
                assert found == expected, (split, combine.__name__, str(plan))


def at_once(scan: Scan, parts: list[Partial]) -> Partial:
    return scan.merge(parts, False)


def backwards(scan: Scan, parts: list[Partial]) -> Partial:
    return scan.merge(parts[::-1], False)


def two_by_two(scan: Scan, parts: list[Partial]) -> Partial:
    while len(parts) > 1:
        parts = [scan.merge(parts[at : at + 2], False) for at in range(0, len(parts), 2)]
    return scan.merge(parts, False)


def test_the_same_from_log_blocks_and_both(world: skysql.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the events lie, in several blocks and a log, or in one block, the result of every plan is the same."""
    one = sky()
    one.compact()
    assert [info.log_events for info in one.info()] == [0, 0]
    assert sum(info.log_events for info in world.info()) > 0
    for plan, parameters in grouped(world, monkeypatch):
        results = []
        for connection in (world, one):
            snapshot = connection.engine.snapshot(plan.database, plan.table)
            try:
                bound = BoundScan(plan, snapshot.table, AggregateFunctions())
                results.append(sorted_rows(Scan(bound, snapshot, connection.engine.evaluator, parameters).run()))
            except skysql.Error as error:
                results.append([str(error)])
        assert results[0] == results[1], str(plan)
    one.close()


# Without pushdown


@pytest.mark.parametrize("case", params())
def test_row_by_row_the_rows_are_the_same(world: skysql.Connection, by_row: skysql.Connection, case: Case) -> None:
    if "ties" in case.sections:
        pytest.skip(case.sections["ties"])
    assert by_row.engine.prepare(case.sql).plan is None
    found, expected = answer(by_row, case), answer(world, case)
    assert (found.names, found.typed(), bool(found.error)) == (expected.names, expected.typed(), bool(expected.error))
