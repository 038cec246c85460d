"""The options of a report: a JSON object, of which every key must be known and every value of the right kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import DataError, ProgrammingError, near
from ..model import timestamps
from ..model.values import Value, shown

T = TypeVar("T")


class Options:
    """What was given; each method reads one key, and raises ProgrammingError if its value is not of that kind.

    A key that is left out, or null, reads as None, or as the default.
    """

    def __init__(self, report: str, text: Value, known: Sequence[str]) -> None:
        self.report = report
        self.given: dict[str, Any] = {} if text is None else _parse(report, text)
        for key in self.given:
            if key not in known:
                raise ProgrammingError(f"{report} has no option {key!r}", near(key, known))

    def what(self, key: str) -> str:
        """How errors call a key."""
        return f"option {key!r} of {self.report}"

    def refuse(self, key: str, expected: str) -> ProgrammingError:
        """The error that the value of a key is something else."""
        return ProgrammingError(f"{self.what(key)} is {expected}, and not {json.dumps(self.given[key])}")

    def get(self, key: str) -> Any:
        """Any value, or None."""
        return self.given.get(key)

    def flag(self, key: str) -> bool:
        """true or false."""
        value = self.given.get(key)
        if not (value is None or isinstance(value, bool)):
            raise self.refuse(key, "true or false")
        return bool(value)

    def text(self, key: str) -> str | None:
        """A text."""
        value = self.given.get(key)
        if not (value is None or isinstance(value, str)):
            raise self.refuse(key, "a text")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of some words; the first by default."""
        value = self.given.get(key)
        if value is None:
            return choices[0]
        if value not in choices:
            raise self.refuse(key, " or ".join(f'"{choice}"' for choice in choices))
        return str(value)

    def count(self, key: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        value = self.given.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.refuse(key, f"a number from 1 to {most}")
        return value

    def duration(self, key: str, least: int = 1) -> int | None:
        """Microseconds, `least` or more."""
        return None if self.given.get(key) is None else duration(self.given[key], self.what(key), least)

    def moment(self, key: str) -> int | None:
        """A timestamp, in microseconds."""
        return self._parsed(key, timestamps.parse)

    def _parsed(self, key: str, parse: Callable[[object], T]) -> T | None:
        value = self.given.get(key)
        if value is None:
            return None
        try:
            return parse(value)
        except DataError as error:
            raise ProgrammingError(f"{self.what(key)}: {error.args[0]}", error.hint) from None

    def list(self, key: str) -> list[Any]:
        """A list; anything else stands for a list of itself."""
        value = self.given.get(key)
        if value is None:
            return []
        return list(value) if isinstance(value, list) else [value]


def duration(value: object, what: str, least: int = 1) -> int:
    """Microseconds, `least` or more; the error says what it was meant for."""
    try:
        return timestamps.duration(value, least)
    except DataError as error:
        raise ProgrammingError(f"{what}: {error.args[0]}", error.hint) from None


def loads(text: str) -> Any:
    """What JSON says; ValueError if it is none, or none that Python reads."""
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError as error:
        raise ValueError(f"{error.object[error.start]!r} is half of a pair, and stands in no text") from None
    return found


def _parse(report: str, text: Value) -> dict[str, Any]:
    try:
        given = loads(text) if isinstance(text, str) else None
    except ValueError as error:
        raise ProgrammingError(f"the options of {report} are not JSON: {error}", f"they read {shown(text)}") from None
    if not isinstance(given, dict):
        raise ProgrammingError(
            f"the options of {report} are a JSON object, and not {text!r}", """write '{"name": value, ...}'"""
        )
    return given
