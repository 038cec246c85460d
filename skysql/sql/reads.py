"""The results that a statement reads: what a rewritten statement says of each, and the names that it reads them by.

    SELECT ... FROM temp."sky 5f0c5c1e7f0b4d0e9f5d3a1b2c4d6e8f here 1" AS "users"

The digits are the catalogue's mark. The rewriter numbers the results of a statement from 1, so a text is always
rewritten to the same text; engine/published.py gives each result a name of its own when it publishes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..match.recognition import Recognition
from ..model.quoting import quote
from ..plan.path_scan import PathScan


@dataclass(frozen=True, slots=True)
class ScanCall:
    """A scan to be read: the plan, the names and types of its result's columns, how many arguments it takes.

    hidden: how many of the last columns `*` does not show. order: the columns by which the rows are in order, at each
    place those that sort alike.
    """

    name: str
    plan: PathScan
    columns: tuple[tuple[str, str], ...]
    arguments: int
    hidden: int = 0
    order: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class MatchCall:
    """A recognition to be read. times: the columns that hold timestamps, in lower case."""

    name: str
    plan: Recognition
    times: frozenset[str]


Call: TypeAlias = ScanCall | MatchCall


class Reads:
    """The results that one statement reads, as far as it is rewritten; those of texts inside it that are looked at."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._calls: dict[str, Call] = {}
        self._made = 0

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls.values())

    def fresh(self) -> str:
        """A name for another one."""
        self._made += 1
        return f"sky {self.mark} here {self._made}"

    def add(self, call: Call) -> None:
        """Know what stands behind a name."""
        self._calls[call.name] = call

    def find(self, name: str) -> MatchCall | None:
        """The recognition that is read by this name."""
        call = self._calls.get(name.lower())
        return call if isinstance(call, MatchCall) else None

    def inside(self, text: str) -> tuple[Call, ...]:
        """Those that a text reads, and those of views, which a text can read without their names."""
        return tuple(c for name, c in self._calls.items() if self.mark not in name or f'"{name}"' in text)


def reference(name: str) -> str:
    """The text that reads a result."""
    return f'temp."{name}"'


def aliased(read: str, alias: str = "") -> str:
    """A read under the alias that the statement has for what it stands for, or another: plans show it."""
    return f"{read} AS {quote(alias or 'path scan')}"


__all__ = ["Call", "MatchCall", "Reads", "ScanCall", "aliased", "reference"]
