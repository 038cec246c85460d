"""What a path function is: its arguments, the rows it gets, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias

from ..arrays.pending import Pending
from ..arrays.vectors import Vector
from ..model.dtypes import Int64
from ..model.values import Value


class Role(Enum):
    """What an argument is to its function, and so the form in which the function gets it.

    CONSTANT    the value; one for all rows
    TIME        int64[n], without NULLs: microseconds, or whatever unit the argument counts in; between ±2^62
    CONDITION   a Met over the n rows: where the predicate is true
    VALUE       a Vector over the n rows
    """

    CONSTANT = "constant"
    TIME = "time"
    CONDITION = "condition"
    VALUE = "value"


class NotConstant:
    """Stands for an argument whose value differs from row to row."""


VARIES = NotConstant()

TIMESTAMPS = NotConstant()
"""Stands for times that are timestamps, and so have a unit."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows in g groups: those of group i are starts[i] ... starts[i+1]-1, in order of time.

    starts: int64[g+1], from 0 to n; a group may be empty.
    """

    starts: Int64

    @property
    def rows(self) -> int:
        """n."""
        return int(self.starts[-1])

    def __len__(self) -> int:
        return len(self.starts) - 1


Result: TypeAlias = Vector | Pending[Vector]
"""A value for each group, which other threads may still be working out."""


def awaited(result: Result) -> Vector:
    """The values themselves."""
    return result.result() if isinstance(result, Pending) else result


class PathFunction(Protocol):
    """An aggregate over the events of a path."""

    @property
    def name(self) -> str:
        """As SQL calls it, in lower case."""
        ...

    @property
    def nothing(self) -> Value:
        """What a group without rows gives."""
        ...

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Whether the value of such a call depends on the order of rows that no time among the arguments tells."""
        ...

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """The role of each argument; raises ProgrammingError or DataError for a call that cannot be right.

        Arguments that do not vary are given by value; rows of SQLite's are, too, when the first of them arrives. Asked
        again with TIMESTAMPS as soon as times turn out to be that.
        """
        ...

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Result:
        """The value of each group [g]; arguments in the forms of their roles. Raises ProgrammingError or DataError."""
        ...
