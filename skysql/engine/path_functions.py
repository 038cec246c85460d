"""Path functions as aggregates of SQLite's: rows of one group of any table in, the function's value out.

The rows of a group are collected, sorted by time at its end, and given to the function as one run. Rows of one time,
and all rows if there is no time among the arguments, stay in the order in which they come, which ORDER BY in the call
gives them. Rows without a time (NULL) are left out.

*Strict* functions stand where the rows come of a sky table and nobody has ordered them. Those of one time have no order
then, also if they come sorted: two of them are an error, and so is a call without a time.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import apsw
import numpy as np

from ..arrays.masks import Met
from ..arrays.vectors import Coded
from ..errors import ProgrammingError
from ..functions import STRICT, TIMESTAMPS, PathFunction, Role, Runs, awaited
from ..functions.arguments import moment
from ..interruption import patiently
from ..model.dtypes import Int64
from ..model.values import Value, shown
from . import waiting_errors

_NUMBER = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)


def register(sqlite: apsw.Connection, functions: Iterable[PathFunction]) -> None:
    """Make path functions callable on the connection, and their strict forms."""
    for function in functions:
        for called, strict in ((function.name, False), (STRICT + function.name, True)):
            waiting_errors.create(sqlite, called, partial(GroupCall, function, strict), -1, apsw.SQLITE_INNOCUOUS)


class GroupCall:
    """One group of one call. Values are collected by argument, in the form that the role of the argument asks for."""

    def __init__(self, function: PathFunction, strict: bool) -> None:
        self._function = function
        self._strict = strict
        self._roles: tuple[Role, ...] = ()
        self._arguments: list[Any] = []
        self._add: list[Callable[[Value], object]] = []  # takes what a row says of each argument
        self._time: int | None = None  # which argument is the time
        self._timestamps = False  # whether any of the times is a text
        self._first: tuple[Value, ...] = ()
        self._rows = 0

    def step(self, *values: Value) -> None:
        """Another row of the group; the first one tells what the arguments are. One without a time does not count."""
        if not self._roles:
            self._begin(values)
        if self._time is not None and values[self._time] is None:
            return
        for add, value in zip(self._add, values, strict=True):
            add(value)
        self._rows += 1

    def _begin(self, values: tuple[Value, ...]) -> None:
        self._first = values
        self._roles = self._function.roles(values)
        self._strict = self._strict and self._function.ordered(values)
        self._time = self._roles.index(Role.TIME) if Role.TIME in self._roles else None
        if self._strict and self._time is None:
            raise _unordered(self._function.name)
        for number, (role, value) in enumerate(zip(self._roles, values, strict=True), 1):
            collected, add = self._collecting(role, number, value)
            self._arguments.append(collected)
            self._add.append(add)

    def _collecting(self, role: Role, number: int, first: Value) -> tuple[Any, Callable[[Value], object]]:
        """(what is collected of an argument, what adds a row's value to it)."""
        name = self._function.name
        match role:
            case Role.CONSTANT:
                return first, partial(_check_constant, name, number, first)
            case Role.TIME:
                times = array("q")
                return times, lambda value: self._add_time(times, value)
            case Role.CONDITION:
                met = bytearray()
                return met, lambda value: met.append(is_true(value))
            case Role.VALUE:
                column: list[Value] = []
                return column, column.append

    def _add_time(self, times: array[int], value: Value) -> None:
        if isinstance(value, str) and not self._timestamps:  # what a call may be depends on it
            told = zip(self._first, self._roles, strict=True)
            self._function.roles([TIMESTAMPS if role is Role.TIME else value for value, role in told])
            self._timestamps = True
        times.append(moment(self._function.name, value))

    def finalize(self) -> Value:
        """The value of the group."""
        if not self._rows:
            return self._function.nothing
        order = self._order()
        arguments: list[Any] = []
        for role, collected in zip(self._roles, self._arguments, strict=True):
            match role:
                case Role.CONSTANT:
                    arguments.append(collected)
                case Role.TIME:
                    arguments.append(np.frombuffer(collected, np.int64)[order])
                case Role.CONDITION:
                    arguments.append(Met(np.flatnonzero(np.frombuffer(collected, bool)[order])))
                case Role.VALUE:
                    arguments.append(Coded(order, collected))
        return awaited(self._function.run(Runs(np.array([0, self._rows])), arguments)).tolist()[0]

    def _order(self) -> Int64:
        """The rows by time; rows of one time as they came."""
        if self._time is None:
            return np.arange(self._rows)
        ts = np.frombuffer(self._arguments[self._time], np.int64)
        order: Int64 = patiently(np.argsort, ts, kind="stable")
        if self._strict and (np.diff(ts[order]) == 0).any():
            raise _unordered(self._function.name)
        return order


def _check_constant(name: str, number: int, first: Value, value: Value) -> None:
    if value != first:
        found = f"it is {shown(first)} in one row and {shown(value)} in another"
        raise ProgrammingError(f"{name}(): argument {number} has to be a constant", found)


def _unordered(name: str) -> ProgrammingError:
    hint = f"say which, at the end of the call: {name}(... ORDER BY ts), or by other columns"
    return ProgrammingError(f"{name}() is given rows of a sky table that have no order here", hint)


def is_true(value: Value) -> bool:
    """Whether SQLite takes the value for true: a number but 0, or text that begins with one; not NULL."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        match = _NUMBER.match(value)
        return match is not None and float(match[1]) != 0
    return bool(value)
