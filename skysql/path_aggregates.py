"""Functions over a path inside a scan: the rows of a segment put side by side by group, arguments in their forms.

What a function gets here is what SQLite would hand it row by row (functions/aggregate.py), for all groups at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import kernels
from .columns import Array, Bool, Int64
from .errors import ProgrammingError
from .evaluate import Evaluation
from .functions import FUNCTIONS, VARIES, Role, Runs
from .groups import Grouping
from .plan import Expr, PathAggregate, columns
from .rows import EventRows, Rows
from .vectors import Coded, Numbers, Vector


class PathAggregates:
    """The path functions of one scan. `among` finds the events of a whole segment that meet a condition."""

    def __init__(self, evaluation: Evaluation, among: Callable[[EventRows, Expr], Array]) -> None:
        self._evaluation = evaluation
        self._among = among

    def vector(self, aggregate: PathAggregate, rows: Rows, groups: Grouping) -> Vector:
        """The function's value for each group [groups.size]."""
        function = FUNCTIONS[aggregate.function]
        constants = [VARIES if columns(a) else self._evaluation.constant(a) for a in aggregate.arguments]
        roles = function.roles(constants)
        if aggregate.filter is not None:
            rows, groups = _kept(rows, groups, self._evaluation.truth(aggregate.filter, rows)[0])
        times = [a for a, role in zip(aggregate.arguments, roles, strict=True) if role is Role.TIME]
        rows, groups = self._in_order(times, rows, groups)
        given = zip(aggregate.arguments, roles, constants, strict=True)
        arguments = [value if role is Role.CONSTANT else self._argument(a, role, rows) for a, role, value in given]
        return function.run(Runs(groups.starts()), arguments)

    def _in_order(self, times: list[Expr], rows: Rows, groups: Grouping) -> tuple[Rows, Grouping]:
        """The rows whose times are known, group by group, each in order of time and then as they were."""
        order = groups.order()
        if times:
            moments, known = self._times(times[0], rows)
            if known is not None and not known.all():
                rows, groups = _kept(rows, groups, known)
                return self._in_order(times, rows, groups)
            if not _ascending(moments if order is None else moments[order], groups.starts()):
                order = np.lexsort((moments, groups.numbers))
        if order is None:
            return rows, groups
        return rows.take(order), Grouping(groups.numbers[order], groups.size, groups.counts, groups.used, True)

    def _times(self, expr: Expr, rows: Rows) -> tuple[Array, Bool | None]:
        vector = self._evaluation.vector(expr, rows)
        if isinstance(vector, Coded):
            vector = moments_of(vector)
        return vector.data, vector.mask

    def _argument(self, expr: Expr, role: Role, rows: Rows) -> Any:
        if role is Role.TIME:
            return self._times(expr, rows)[0]
        if role is Role.VALUE:
            return self._evaluation.vector(expr, rows)
        if isinstance(rows, EventRows) and rows.positions is None:
            return self._among(rows, expr)
        return np.flatnonzero(self._evaluation.truth(expr, rows)[0])


def moments_of(vector: Coded) -> Numbers:
    """Times as texts, or as numbers of several types, in microseconds; raises ProgrammingError or DataError."""
    from . import timestamps

    moments = np.zeros(len(vector.values), np.int64)
    known = np.zeros(len(vector.values), bool)
    for code in np.unique(vector.codes).tolist():
        value = vector.values[code]
        if value is not None:
            if isinstance(value, bytes):
                raise ProgrammingError("a BLOB is no time", "give ts, timestamp, or a number")
            moments[code], known[code] = timestamps.parse(value), True
    return Numbers(moments[vector.codes], known[vector.codes])


def _kept(rows: Rows, groups: Grouping, mask: Bool) -> tuple[Rows, Grouping]:
    index = np.flatnonzero(mask)
    if len(index) == len(mask):
        return rows, groups
    numbers = groups.numbers[index]
    counts = kernels.group_count(numbers, groups.size)
    return rows.take(index), Grouping(numbers, groups.size, counts, groups.used, groups.runs)


def _ascending(times: Array, starts: Int64) -> bool:
    """Whether the times of each group ascend."""
    falls = np.flatnonzero(times[1:] < times[:-1]) + 1
    return len(falls) == 0 or bool(np.isin(falls, starts).all())
