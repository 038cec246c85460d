"""The arguments of path functions: what may be written, and what is said of anything else."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import DataError, ProgrammingError
from ..model import timestamps
from ..model.values import Value, shown
from .function import TIMESTAMPS, VARIES, NotConstant, Role

MAX_CONDITIONS = 32

LIMIT = (1 << 62) - 1
"""Times keep within this, so that differences of times fit 64 bits."""

LONGEST = (1 << 63) - 1
"""A span that is longer than the time between any two times."""


def expect(name: str, arguments: Sequence[Value | NotConstant], least: int, most: int | None, usage: str) -> None:
    """Raise ProgrammingError unless there are as many arguments as the function takes."""
    if len(arguments) < least or (most is not None and len(arguments) > most):
        count = f"{len(arguments)} argument{'s' * (len(arguments) != 1)}"
        few = "few" if len(arguments) < least else "many"
        raise ProgrammingError(f"{name}() with {count}, which is too {few}", usage)


def constant(name: str, what: str, value: Value | NotConstant) -> Value:
    """The value; ProgrammingError if it differs from row to row."""
    if isinstance(value, NotConstant):
        raise ProgrammingError(f"{name}(): {what} has to be a constant", "it is one for all rows of all groups")
    return value


def text(name: str, what: str, value: Value | NotConstant) -> str:
    """A constant text."""
    value = constant(name, what, value)
    if not isinstance(value, str):
        raise ProgrammingError(f"{name}(): {what} has to be a text, and {shown(value)} is none")
    return value


def choice(name: str, what: str, value: Value | NotConstant, choices: Sequence[str]) -> str:
    """A constant text that is one of the choices."""
    chosen = text(name, what, value)
    if chosen not in choices:
        near = get_close_matches(chosen, choices, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(choices)}"
        raise ProgrammingError(f"{name}(): {what} cannot be {shown(chosen)}", hint)
    return chosen


def conditions(name: str, count: int, least: int = 1, most: int = MAX_CONDITIONS) -> tuple[Role, ...]:
    """The roles of that many conditions."""
    if count > most:
        raise ProgrammingError(f"{name}() with {count} conditions, and it takes {most} at the most")
    if count < least:
        raise ProgrammingError(f"{name}() needs a condition at least", "one for each step: what an event has to meet")
    return (Role.CONDITION,) * count


def span(name: str, what: str, value: Value | NotConstant, times: Value | NotConstant = VARIES) -> int:
    """A length of time >= 0: a whole number in the unit of the times, or the text of a duration, as microseconds.

    times: the argument, where a number other than 0 is refused if the times are timestamps: of which unit would it be?
    """
    value = constant(name, what, value)
    hint = "write a whole number in the unit of the times, or a duration like '7 days'"
    if isinstance(value, str) and not value.strip().replace(".", "").isdigit():
        try:
            return timestamps.duration(value, 0)
        except DataError:
            pass
    elif isinstance(value, (int, float)) and value >= 0 and value == value // 1:
        number = int(min(value, LONGEST))
        if number and are_timestamps(times):
            hint = f"write '{number} seconds', or '{number} microseconds'"
            raise ProgrammingError(f"{name}(): {what} has no unit, and the times are timestamps: {shown(value)}", hint)
        return number
    raise ProgrammingError(f"{name}(): {what} cannot be {shown(value)}", hint)


def are_timestamps(times: Value | NotConstant) -> bool:
    """Whether times are known to be timestamps."""
    return times is TIMESTAMPS or isinstance(times, str)


def moment(name: str, value: Value) -> int:
    """A time: a whole number as it is, a text as a timestamp; raises DataError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and -LIMIT <= value <= LIMIT:
        return value
    if isinstance(value, str):
        return timestamps.parse(value)
    hint = "times are timestamps, or whole numbers between -2^62 and 2^62"
    raise DataError(f"{name}(): {shown(value)} is no time", hint)
