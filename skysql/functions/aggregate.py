"""Path functions as aggregates of SQLite's: rows of one group of any table in, the function's value out.

The rows of a group are kept until its end, sorted by time, and given to the function as one run. Without a time among
the arguments they stay in the order in which they come. Rows without a time (NULL) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import apsw
import numpy as np

from ..affinity import shown
from ..columns import Int64
from ..errors import ProgrammingError
from ..masks import Met
from ..plan import Value
from ..vectors import Coded
from . import FUNCTIONS, PathFunction, Role, Runs, awaited
from .arguments import moment

_NUMBER = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)


def register(sqlite: apsw.Connection) -> None:
    """Make every path function callable on the connection."""
    for name, function in FUNCTIONS.items():
        sqlite.create_aggregate_function(name, _factory(function), flags=apsw.SQLITE_INNOCUOUS)


def _factory(function: PathFunction) -> Callable[[], Aggregate]:
    return lambda: Aggregate(function)


class Aggregate:
    """One group of one call: SQLite calls step() for each row, and final() at the end."""

    def __init__(self, function: PathFunction) -> None:
        self._function = function
        self._roles: tuple[Role, ...] = ()
        self._rows: list[tuple[Value, ...]] = []

    def step(self, *values: Value) -> None:
        """Another row of the group; the first one tells what the arguments are."""
        if not self._rows:
            self._roles = self._function.roles(values)
        self._rows.append(values)

    def final(self) -> Value:
        """The value of the group."""
        columns = list(zip(*self._rows, strict=True))
        rows = np.arange(len(self._rows))  # in order of time
        ts = rows
        for column, role in zip(columns, self._roles, strict=False):
            if role is Role.TIME:
                rows, ts = _in_order(self._function.name, column)
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


def _constant(name: str, number: int, column: Sequence[Value]) -> Value:
    other = next((value for value in column if value != column[0]), column[0])
    if other != column[0]:
        found = f"it is {shown(column[0])} in one row and {shown(other)} in another"
        raise ProgrammingError(f"{name}(): argument {number} has to be a constant", found)
    return column[0]


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
