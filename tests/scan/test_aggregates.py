"""What every aggregate of a scan keeps to: begin, runs, merge and finish tell of the same values, in whatever parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysql.arrays.vectors import Coded, Numbers, Vector
from skysql.scan import travel
from skysql.scan.aggregates import AGGREGATES, AggregateFunction, Distinct, Given, Inexact, Merging
from skysql.scan.partials import Partial

COUNT = next(aggregate for aggregate in AGGREGATES if aggregate.name == "count")

Column = tuple[list[int], list[Any]]
"""The group of each value, and the values."""

GROUPS = 4


def columns(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Column]:
    rows = st.lists(st.tuples(st.integers(0, GROUPS - 1), values), max_size=30)
    return rows.map(lambda found: ([group for group, _ in found], [value for _, value in found]))


def vector(values: Sequence[Any], dtype: Any) -> Vector:
    if dtype is not str:
        return Numbers(np.array(values, dtype))
    texts = sorted(set(values))
    return Coded(np.array([texts.index(value) for value in values], np.int64), texts)


class AggregateContract:
    """Of one aggregate; `dtype` is that of its values."""

    aggregate: AggregateFunction[Any]
    dtype: Any

    def begun(self, groups: Sequence[int], values: Sequence[Any], size: int = GROUPS) -> Any:
        return self.begun_of(groups, vector(values, self.dtype), size)

    def begun_of(self, groups: Sequence[int], made: Vector, size: int = GROUPS) -> Any:
        aggregate = self.aggregate
        others = (made,) * (aggregate.arguments - aggregate.constants - 1)
        numbers = np.array(groups, np.int64)
        return aggregate.begin(Given(made, numbers, size, None, None, others, (0.3,) * aggregate.constants))

    def shown(self, state: Any) -> list[str]:
        return list(map(repr, self.aggregate.finish(state).tolist()))

    def whole(self, column: Column) -> list[str]:
        return self.shown(self.begun(*column))

    def check_states(self, column: Column) -> None:
        """A state is a dataclass of the class that the aggregate tells, with a count."""
        state = self.begun(*column)
        assert type(state) is self.aggregate.state and is_dataclass(state)
        assert "count" in {field.name for field in fields(state)}
        assert len(state.count) == GROUPS

    def check_nothing(self) -> None:
        """What has no values is what a group without values shows."""
        assert self.shown(self.aggregate.nothing(3)) == self.shown(self.begun([], [], 3))

    def check_splits(self, column: Column, parts: list[int], order: list[int]) -> None:
        """Values in any parts, merged in any order, all at once or two by two."""
        groups, values = column
        split = [[at for at in range(len(groups)) if parts[at] == part] for part in order]
        states = [self.begun([groups[at] for at in part], [values[at] for at in part]) for part in split]
        states.append(self.aggregate.nothing(GROUPS))
        expected = self.whole(column)
        assert self.shown(self.merged(states)) == expected
        while len(states) > 1:
            states = [self.merged(states[:2]), *states[2:]]
        assert self.shown(states[0]) == expected

    def merged(self, states: list[Any]) -> Any:
        bases = [GROUPS * at for at in range(len(states))]
        return self.aggregate.merge(states, Merging(np.tile(np.arange(GROUPS), len(states)), bases, GROUPS))

    def check_takes(self, column: Column) -> None:
        """Of all groups those that have values, numbered anew."""
        used, whole = sorted(set(column[0])), self.whole(column)
        taken = self.begun(*column).take(np.array(used, np.int64), GROUPS)
        assert self.shown(taken) == [whole[group] for group in used]

    def check_codes(self, column: Column) -> None:
        """Equal values may have several codes, as the results of a function have."""
        made = Coded(np.arange(len(column[1])), column[1])
        assert self.shown(self.begun_of(column[0], made)) == self.whole(column)

    def check_runs(self, column: Column) -> None:
        """Numbers that lie group by group."""
        if self.dtype is str or self.aggregate.constants or self.aggregate.arguments > 1:
            return
        groups, values = column
        order = np.argsort(groups, kind="stable")
        starts = np.searchsorted(np.array(groups, np.int64)[order], np.arange(GROUPS + 1))
        state = self.aggregate.runs(np.array(values, self.dtype)[order], starts, None)
        assert self.shown(state) == self.whole(column)

    def check_travels(self, column: Column) -> None:
        """A state as bytes is the same state."""
        state = self.begun(*column)
        message = travel.pack(Partial(GROUPS, [], [state]))
        (again,) = travel.unpack(message, [self.aggregate]).states
        assert self.shown(again) == self.shown(state)


def contract(made: AggregateFunction[Any], kind: Any) -> AggregateContract:
    one = AggregateContract()
    one.aggregate, one.dtype = made, kind
    return one


EVERY = (*AGGREGATES, Distinct(COUNT))
NUMBERS = {
    np.int64: st.integers(-(2**40), 2**40) | st.integers(-2, 2),
    np.float64: st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6) | st.sampled_from([0.0, 0.1, -2.5]),
}


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("aggregate", EVERY, ids=lambda aggregate: aggregate.name)
@settings(max_examples=12)
@given(st.data())
def test_numbers(aggregate: AggregateFunction[Any], dtype: Any, data: st.DataObject) -> None:
    column = data.draw(columns(NUMBERS[dtype]))
    keep(contract(aggregate, dtype), column, data)


@pytest.mark.parametrize("aggregate", EVERY, ids=lambda aggregate: aggregate.name)
@settings(max_examples=12)
@given(st.data())
def test_texts(aggregate: AggregateFunction[Any], data: st.DataObject) -> None:
    column = data.draw(columns(st.sampled_from(["", "a", "b", "é", "1"])))
    try:
        keep(contract(aggregate, str), column, data)
    except Inexact:
        assert column[1] and aggregate.name not in ("count", "min", "max", "mode", "distinct")


def keep(one: AggregateContract, column: Column, data: st.DataObject) -> None:
    one.check_states(column)
    one.check_nothing()
    parts = data.draw(st.lists(st.integers(0, 3), min_size=len(column[0]), max_size=len(column[0])))
    one.check_splits(column, parts, data.draw(st.permutations(range(4))))
    one.check_takes(column)
    one.check_codes(column)
    one.check_runs(column)
    one.check_travels(column)


def test_names_are_told_once() -> None:
    names = [name for aggregate in AGGREGATES for name in aggregate.called]
    assert len(names) == len(set(names)) and all(name == name.lower() for name in names)
    assert len({aggregate.name for aggregate in AGGREGATES}) == len(AGGREGATES)
