"""Designs: what a report makes of its arguments, and how the parts of one read in EXPLAIN QUERY PLAN.

    ├─ steps
    │  ├─ 1. action = 'sign up'
    │  └─ 2. amount > 10, within 1 day
    ├─ within 7 days

A part that was left out and limits nothing is not shown; one that has a default is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model import timestamps
from ..plan.path_scan import Expr, shown
from ..plan.tree import Tree
from .asked import Condition


class Design(Protocol):
    """A frozen dataclass of what plans are made of, so that it travels as JSON."""

    def branches(self) -> Sequence[Tree]:
        """What is shown of it, under the name of the report and its table."""
        ...


def branch(name: str, part: object) -> list[Tree]:
    """A part with its name; of None, nothing; of a truth value, the name alone if it is true."""
    if part is None or part is False:
        return []
    return [Tree(name if part is True else f"{name} {part}")]


def events(condition: Condition | None) -> str:
    """The events that meet a condition."""
    return "any event" if condition is None else str(condition)


def expression(expr: Expr | None) -> str | None:
    """SQL over an event."""
    return None if expr is None else shown(expr)


def lasting(us: int | None) -> str | None:
    """A length of time."""
    return None if us is None else timestamps.format_duration(us)


def within_times(begin: int | None, end: int | None) -> list[Tree]:
    """The moments from one, and before another."""
    moments = [None if us is None else timestamps.format(us) for us in (begin, end)]
    return [*branch("from", moments[0]), *branch("to", moments[1])]


__all__ = ["Design", "branch", "events", "expression", "lasting", "within_times"]
