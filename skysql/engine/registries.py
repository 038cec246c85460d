"""What an engine knows besides SQL: functions, aggregates, reports, idioms, kinds of value, and the rewriter's rules.

    Engine("app.db", registries=Registries(functions=(*FUNCTIONS.values(), Steps())))

An engine made with one more of any of them has it everywhere: as an aggregate of SQLite's, in path scans, in hints, in
EXPLAIN. Two engines of one process need not have the same. No room reads a list of its own: each is given this one's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ProgrammingError
from ..functions import FUNCTIONS, PathFunction
from ..model.kinds import KINDS, Kinds
from ..reports import REPORTS, Report
from ..scan.aggregates import AGGREGATES, AggregateFunction
from ..sql.catalog import Idiom
from ..sql.edits import Rule
from ..sql.idioms import IDIOMS
from ..sql.rewriter import RULES


@dataclass(frozen=True, slots=True)
class Registries:
    """The lists of one engine. Raises ProgrammingError if two functions, or two reports, have one name."""

    functions: tuple[PathFunction, ...] = tuple(FUNCTIONS.values())
    aggregates: tuple[AggregateFunction[Any], ...] = AGGREGATES
    reports: tuple[Report, ...] = REPORTS
    idioms: tuple[Idiom, ...] = IDIOMS
    rules: tuple[Rule, ...] = RULES
    kinds: Kinds = KINDS

    def __post_init__(self) -> None:
        _check_names("functions over a path", (function.name for function in self.functions))
        _check_names("aggregates", (name for aggregate in self.aggregates for name in aggregate.called))
        _check_names("reports", (report.name for report in self.reports))


def _check_names(what: str, names: Iterable[str]) -> None:
    """Raise ProgrammingError for a name that is not in lower case, or is there twice."""
    seen: set[str] = set()
    for name in names:
        if name != name.lower():
            raise ProgrammingError(f"{what} have names in lower case, and not {name!r}", f"call it {name.lower()!r}")
        if name in seen:
            raise ProgrammingError(f"two {what} are called {name!r}", "give one of them another name")
        seen.add(name)


__all__ = ["Registries"]
