"""Functions over a path inside a scan: the rows of a shard put side by side by group, arguments in their forms.

What a function gets here is what SQLite would hand it row by row (engine/path_functions.py), for all groups at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.masks import Met
from ..arrays.vectors import Numbers
from ..functions import TIMESTAMPS, VARIES, NotConstant, PathFunction, Result, Role, Runs
from ..functions.arguments import LIMIT, moment
from ..interruption import patiently
from ..model import timestamps
from ..model.companions import TIMESTAMP, TS
from ..model.dtypes import Array, Bool, Int64
from ..model.values import Value
from ..plan.path_scan import Column, Expr, PathAggregate, columns, conjuncts
from .actions import ActionIndex, EventCondition
from .evaluation import Evaluation
from .groups import Grouping
from .rows import EventRows, Rows


@dataclass(frozen=True, slots=True)
class _Call:
    """A function, its arguments that are constant, the roles of all, those that are times, and each as a condition."""

    function: PathFunction
    constants: list[Value | NotConstant]
    roles: tuple[Role, ...]
    times: list[Expr]
    conditions: list[EventCondition]

    def check_timestamps(self) -> None:
        """Raise ProgrammingError if that cannot be right where the times are timestamps."""
        told = zip(self.constants, self.roles, strict=True)
        self.function.roles([TIMESTAMPS if role is Role.TIME else constant for constant, role in told])


class PathAggregates:
    """The path functions of one scan."""

    def __init__(self, evaluation: Evaluation, actions: ActionIndex) -> None:
        self._evaluation = evaluation
        self._actions = actions
        self._calls: dict[int, _Call] = {}  # by the place of the aggregate in the plan

    def result(self, place: int, aggregate: PathAggregate, rows: Rows, groups: Grouping) -> Result:
        """The function's value for each group [groups.size]."""
        call = self._call(place, aggregate)
        if aggregate.filter is not None:
            rows, groups = _kept(rows, groups, self._evaluation.truth(aggregate.filter, rows)[0])
        rows, groups = self._in_order(call, rows, groups)
        arguments = [
            constant if role is Role.CONSTANT else self._argument(call, at, argument, rows)
            for at, (argument, role, constant) in enumerate(
                zip(aggregate.arguments, call.roles, call.constants, strict=True)
            )
        ]
        return call.function.run(Runs(groups.starts()), arguments)

    def _call(self, place: int, aggregate: PathAggregate) -> _Call:
        """What is the same for all shards."""
        if place not in self._calls:
            function = self._evaluation.evaluator.functions[aggregate.function]
            constants = [VARIES if columns(a) else self._evaluation.constant(a) for a in aggregate.arguments]
            roles = function.roles(constants)
            times = [a for a, role in zip(aggregate.arguments, roles, strict=True) if role is Role.TIME]
            conditions = [EventCondition.of(conjuncts(argument)) for argument in aggregate.arguments]
            self._calls[place] = _Call(function, constants, roles, times, conditions)
        return self._calls[place]

    def _in_order(self, call: _Call, rows: Rows, groups: Grouping) -> tuple[Rows, Grouping]:
        """The rows whose times are known, group by group, each in order of time and then as they were."""
        order, times = groups.order(), call.times
        if times and not _in_path_order(times[0], rows):
            moments, known = self._times(call, times[0], rows)
            if known is not None and not known.all():
                rows, groups = _kept(rows, groups, known)
                return self._in_order(call, rows, groups)
            if not _ascending(moments if order is None else moments[order], groups.starts()):
                order = patiently(np.lexsort, (moments, groups.numbers))
        if order is None:
            return rows, groups
        return rows.take(order), replace(groups, numbers=groups.numbers[order], runs=groups.starts())

    def _times(self, call: _Call, expr: Expr, rows: Rows) -> tuple[Int64, Bool | None]:
        """(int64[n], where they are known), each as the function takes a time."""
        vector = self._evaluation.vector(expr, rows)
        if isinstance(vector, Numbers) and vector.render == timestamps.format_array:
            call.check_timestamps()
        if _in_path_order(expr, rows) and isinstance(vector, Numbers):
            return vector.data, None  # timestamps of a table's are within the limit
        if isinstance(vector, Numbers) and vector.data.dtype == np.int64:
            data = vector.data if vector.mask is None else np.where(vector.mask, vector.data, 0)
            within = data.min(initial=0) >= -LIMIT and data.max(initial=0) <= LIMIT
            if within and vector.render in (None, timestamps.format_array):
                return data, vector.mask
        values = vector.tolist()
        known = np.fromiter((value is not None for value in values), bool, len(values))
        meant: dict[Value, int] = {None: 0}
        meant |= {value: moment(call.function.name, value) for value in set(values) if value is not None}
        if any(isinstance(value, str) for value in meant):
            call.check_timestamps()
        return np.fromiter(map(meant.__getitem__, values), np.int64, len(values)), known

    def _argument(self, call: _Call, at: int, expr: Expr, rows: Rows) -> Any:
        role = call.roles[at]
        if role is Role.TIME:
            return self._times(call, expr, rows)[0]
        if role is Role.VALUE:
            return self._evaluation.vector(expr, rows)
        if isinstance(rows, EventRows) and rows.positions is None:
            return self._actions.met(rows, call.conditions[at])
        return Met(np.flatnonzero(self._evaluation.truth(expr, rows)[0]))


def _kept(rows: Rows, groups: Grouping, mask: Bool) -> tuple[Rows, Grouping]:
    index = np.flatnonzero(mask)
    if len(index) == len(mask):
        return rows, groups
    numbers = groups.numbers[index]
    counts = kernels.group_count(numbers, groups.size)
    kept = Grouping(numbers, groups.size, counts, groups.used)
    return rows.take(index), kept if groups.runs is None else replace(kept, runs=kept.starts())


def _in_path_order(time: Expr, rows: Rows) -> bool:
    """Whether the rows are known to lie in order of the time, all of which are known."""
    return isinstance(rows, EventRows) and time in (Column(TS.name), Column(TIMESTAMP.name))


def _ascending(times: Array, starts: Int64) -> bool:
    """Whether the times of each group ascend."""
    falls = times[1:] < times[:-1]
    begins = np.zeros(len(times) + 1, bool)
    begins[starts] = True
    return not bool((falls & ~begins[1:-1]).any())
