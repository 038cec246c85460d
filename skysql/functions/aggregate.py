"""Path functions as aggregates of SQLite's: rows of one group of any table in, the function's value out.

The rows of a group are kept until its end, sorted by time, and given to the function as one run. Rows of one time, and
all rows if there is no time among the arguments, stay in the order in which they come, which ORDER BY in the call gives
them. Rows without a time (NULL) are left out.

*Strict* functions stand where the rows may be events and nobody has ordered them. Sorted rows of one time might then be
in another order than they have in the path: that is an error, and so is a call without a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import apsw
import numpy as np

from ..affinity import shown
from ..columns import Int64
from ..errors import Error, ProgrammingError
from ..masks import Met
from ..plan import Value
from ..vectors import Coded
from . import FUNCTIONS, TIMESTAMPS, PathFunction, Role, Runs, awaited
from .arguments import moment

_NUMBER = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)


STRICT = "sky_in_order_"
"""What the names of strict functions begin with."""


def register(sqlite: apsw.Connection) -> None:
    """Make every path function callable on the connection, and its strict form."""
    for name, function in FUNCTIONS.items():
        for called, strict in ((name, False), (STRICT + name, True)):
            sqlite.create_aggregate_function(called, _factory(function, strict), flags=apsw.SQLITE_INNOCUOUS)


def _factory(function: PathFunction, strict: bool) -> Callable[[], Aggregate]:
    return lambda: Aggregate(function, strict)


class Aggregate:
    """One group of one call: SQLite calls step() for each row, and final() at the end."""

    def __init__(self, function: PathFunction, strict: bool) -> None:
        self._function = function
        self._strict = strict
        self._error: Exception | None = None  # SQLite goes on after an error in step(), and is told of it in final()
        self._roles: tuple[Role, ...] = ()
        self._rows: list[tuple[Value, ...]] = []

    def step(self, *values: Value) -> None:
        """Another row of the group; the first one tells what the arguments are."""
        if not self._rows:
            self._begin(values)
        self._rows.append(values)

    def _begin(self, values: tuple[Value, ...]) -> None:
        try:
            self._roles = self._function.roles(values)
            if self._strict and Role.TIME not in self._roles:
                raise _unordered(self._function.name)
        except Error as error:
            self._error = error

    def _check_timestamps(self, times: Sequence[Value]) -> None:
        """Raise ProgrammingError if the times are timestamps and the call cannot be right where they are."""
        if not any(isinstance(value, str) for value in times):
            return
        told = zip(self._rows[0], self._roles, strict=True)
        self._function.roles([TIMESTAMPS if role is Role.TIME else value for value, role in told])

    def final(self) -> Value:
        """The value of the group."""
        if self._error is not None:
            raise self._error
        columns = list(zip(*self._rows, strict=True))
        rows = np.arange(len(self._rows))  # in order of time
        ts = rows
        for column, role in zip(columns, self._roles, strict=False):
            if role is Role.TIME:
                self._check_timestamps(column)
                rows, ts = self._sorted(column)
        if len(rows) == 0:
            return self._function.nothing
        arguments: list[Any] = []
        for number, (role, column) in enumerate(zip(self._roles, columns, strict=True), 1):
            match role:
                case Role.CONSTANT:
                    arguments.append(_constant(self._function.name, number, column))
                case Role.TIME:
                    arguments.append(ts)
                case Role.CONDITION:
                    met = np.fromiter(map(is_true, column), bool, len(column))[rows]
                    arguments.append(Met(np.flatnonzero(met)))
                case Role.VALUE:
                    arguments.append(Coded(rows, column))
        return awaited(self._function.run(Runs(np.array([0, len(rows)])), arguments)).tolist()[0]


    def _sorted(self, times: Sequence[Value]) -> tuple[Int64, Int64]:
        rows, ts = _in_order(self._function.name, times)
        if self._strict and (np.diff(rows) < 0).any() and (np.diff(ts) == 0).any():
            raise _unordered(self._function.name)
        return rows, ts


def _constant(name: str, number: int, column: Sequence[Value]) -> Value:
    other = next((value for value in column if value != column[0]), column[0])
    if other != column[0]:
        found = f"it is {shown(column[0])} in one row and {shown(other)} in another"
        raise ProgrammingError(f"{name}(): argument {number} has to be a constant", found)
    return column[0]


def _unordered(name: str) -> ProgrammingError:
    hint = f"say which, at the end of the call: {name}(... ORDER BY ts)"
    return ProgrammingError(f"{name}() cannot tell the order in which rows come here from that of a path", hint)


def _in_order(name: str, column: Sequence[Value]) -> tuple[Int64, Int64]:
    """(the rows that have a time, in order of it; these times)."""
    known = [row for row, value in enumerate(column) if value is not None]
    times = [moment(name, column[row]) for row in known]
    ts = np.array(times, np.int64)
    order = np.argsort(ts, kind="stable")
    return np.array(known, np.int64)[order], ts[order]


def is_true(value: Value) -> bool:
    """Whether SQLite takes the value for true: a number but 0, or text that begins with one; not NULL."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        match = _NUMBER.match(value)
        return match is not None and float(match[1]) != 0
    return bool(value)
