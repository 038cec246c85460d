"""The arguments of path functions: what may be written, and what is said of anything else."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from .. import timestamps
from ..affinity import shown
from ..errors import DataError, ProgrammingError
from ..plan import Value
from .protocol import NotConstant, Role

MAX_CONDITIONS = 32

LIMIT = 1 << 62
"""Times and spans keep within this, so that differences of times fit 64 bits."""


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


def conditions(name: str, count: int, least: int = 1) -> tuple[Role, ...]:
    """The roles of that many conditions."""
    if count > MAX_CONDITIONS:
        raise ProgrammingError(f"{name}() with {count} conditions, and it takes {MAX_CONDITIONS} at the most")
    if count < least:
        raise ProgrammingError(f"{name}() needs a condition at least", "one for each step: what an event has to meet")
    return (Role.CONDITION,) * count


def span(name: str, what: str, value: Value | NotConstant) -> int:
    """A length of time >= 0: a whole number in the unit of the times, or the text of a duration, as microseconds."""
    value = constant(name, what, value)
    hint = "write a whole number in the unit of the times, or a duration like '7 days'"
    if isinstance(value, str) and not value.strip().replace(".", "").isdigit():
        try:
            return timestamps.duration(value)
        except DataError:
            pass
    elif isinstance(value, (int, float)) and value >= 0 and value == value // 1:
        return int(min(value, LIMIT))
    raise ProgrammingError(f"{name}(): {what} cannot be {shown(value)}", hint)


def moment(name: str, value: Value) -> int:
    """A time: a whole number as it is, a text as a timestamp; raises DataError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and -LIMIT <= value <= LIMIT:
        return value
    if isinstance(value, str):
        return timestamps.parse(value)
    raise DataError(f"{name}(): {shown(value)} is no time", "times are timestamps, or whole numbers within 2^62")
