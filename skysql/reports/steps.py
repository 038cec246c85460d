"""The steps of a funnel, as they are written.

sign up > purchase > refund                 actions; a name with > or " in it stands in "double quotes"
["action = 'purchase' AND amount > 10",     JSON: SQL over an event,
 {"action": "purchase"},                    an action,
 {"when": "plan = 'pro'", "name": "upgrade", "within": "1 day", "optional": true}]
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ProgrammingError, instead, near
from ..model.quoting import identifier
from ..model.values import Value
from .asked import Asked, Condition
from .design import lasting
from .options import duration, loads

_NAME = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^>"]*))\s*')
_KEYS = ("action", "when", "name", "within", "optional")
_HINT = "write 'sign up > purchase', or a JSON array of SQL conditions"


@dataclass(frozen=True, slots=True)
class Step:
    """name: how the report calls it; within: microseconds since the step before, at the most."""

    name: str
    condition: Condition
    within: int | None = None
    optional: bool = False

    def __str__(self) -> str:
        name = "" if self.name == self.condition.text else f" AS {identifier(self.name)}"
        within = "" if self.within is None else f", within {lasting(self.within)}"
        return f"{self.condition}{name}{within}{', optional' * self.optional}"


def parse_steps(asked: Asked, text: Value, what: str) -> list[Step]:
    """The steps, two at the least. Raises ProgrammingError that says where they cannot be read."""
    if not isinstance(text, str):
        raise ProgrammingError(f"{what} is a text, {instead(text)}", _HINT)
    if text.lstrip()[:1] == "[":
        steps = [_step(asked, given, f"{what}, step {at}") for at, given in enumerate(_array(text, what), 1)]
    else:
        steps = [Step(name, asked.action(name, what)) for name in _names(text, what)]
    if len(steps) < 2:
        raise ProgrammingError(f"{what} has two steps or more, and this has {len(steps)}: {text!r}", _HINT)
    if steps[0].optional or steps[0].within is not None:
        raise ProgrammingError(
            f'{what}: the first step has neither "optional" nor "within"', "it is where a funnel begins"
        )
    return steps


def step_names(text: str) -> list[str]:
    """How each step is called, of what parse_steps takes; raises ProgrammingError where it cannot be read."""
    if text.lstrip()[:1] != "[":
        return list(_names(text, "steps"))
    names = []
    for given in _array(text, "steps"):
        step = given if isinstance(given, dict) else {"when": given}
        more = [f"within {step['within']}"] if "within" in step else []
        more += ["optional"] if step.get("optional") is True else []
        name = next((str(step[key]) for key in ("name", "when", "action") if key in step), "")
        names.append(", ".join([name, *more]))
    return names


def _names(text: str, what: str) -> Iterator[str]:
    at = 0
    while True:
        match = _NAME.match(text, at)
        assert match is not None
        quoted = match["quoted"]
        name = match["plain"].strip() if quoted is None else quoted.replace('""', '"')
        if not name and quoted is None:
            raise _unreadable(text, match.end(), "the name of an action", what)
        yield name
        at = match.end()
        if at == len(text):
            return
        if text[at] != ">":
            raise _unreadable(text, at, "'>' or the end", what)
        at += 1


def _unreadable(text: str, at: int, expected: str, what: str) -> ProgrammingError:
    found = f"{text[at:]!r}" if at < len(text) else "the end"
    return ProgrammingError(
        f"{what}: expected {expected} at character {at + 1} of {text!r}, after {text[:at]!r}, and found {found}", _HINT
    )


def _array(text: str, what: str) -> list[Any]:
    try:
        return loads(text)  # type: ignore[no-any-return]
    except json.JSONDecodeError as error:
        raise ProgrammingError(
            f"{what} is not JSON: {error.msg} at character {error.pos + 1}, after {text[: error.pos]!r}", _HINT
        ) from None
    except ValueError as error:  # nested too deeply, or a number of thousands of digits
        raise ProgrammingError(f"{what} is not JSON that can be read: {error}", _HINT) from None


def _step(asked: Asked, given: Any, what: str) -> Step:
    if isinstance(given, str):
        return Step(given, asked.where(given, what))
    if not isinstance(given, dict):
        raise ProgrammingError(f"{what}: {given!r} is not a step", _HINT)
    for key in given:
        if key not in _KEYS:
            raise ProgrammingError(f"{what} has no key {key!r}", near(key, _KEYS))
    condition = asked.given({key: given[key] for key in ("action", "when") if key in given}, what)
    optional, name = given.get("optional", False), given.get("name", condition.text)
    if not isinstance(optional, bool):
        raise ProgrammingError(f'{what}: "optional" is true or false, and not {optional!r}')
    within = None if given.get("within") is None else duration(given["within"], f'{what}, "within"', 0)
    return Step(str(name), condition, within, optional)
