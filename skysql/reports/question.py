"""What a report is asked, as a tree: what EXPLAIN QUERY PLAN and Cursor.plan show of it.

    REPORT sky_funnel OF users
    ├─ steps
    │  ├─ 1. sign up
    │  └─ 2. purchase
    ├─ within 7 days
    └─ by plan

An argument is a value, or `Written` where only its text is known, as of a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ProgrammingError
from ..model.values import Value
from .options import loads
from .steps import step_names


@dataclass(frozen=True, slots=True)
class Written:
    """An argument as the statement has it."""

    text: str

    def __str__(self) -> str:
        return self.text


Argument: TypeAlias = "Value | Written"


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """A call: the report, its arguments by name as far as they are given, and what WHERE limits it to."""

    report: str
    arguments: Mapping[str, Argument]
    limits: tuple[str, ...] = ()

    def __str__(self) -> str:
        table = self.arguments.get("table")
        head = f"REPORT {self.report}" + ("" if table is None else f" OF {shown(table)}")
        branches = [branch for name, value in self.arguments.items() for branch in _branches(name, value)]
        return "\n".join([head, *_tree([*branches, *((f"where {limit}", []) for limit in self.limits)])])


def shown(value: Argument) -> str:
    """An argument as people read it."""
    return repr(value) if isinstance(value, bytes) else str(value)


_Branch: TypeAlias = tuple[str, list[str]]


def _branches(name: str, value: Argument) -> list[_Branch]:
    """The branches of one argument, each with its leaves."""
    if name == "table" or value is None:
        return []
    if name == "steps" and isinstance(value, str):
        return [("steps", [f"{at}. {step}" for at, step in enumerate(_steps(value), 1)])]
    if name == "options" and isinstance(value, str):
        return _options(value)
    return [(f"{name} {shown(value)}", [])]


def _steps(text: str) -> list[str]:
    try:
        return step_names(text)
    except ProgrammingError:  # which whoever runs it is told
        return [text]


def _options(text: str) -> list[_Branch]:
    try:
        given = loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return [(f"options {text}", [])]
    return [(f"{key} {_option(value)}", []) for key, value in given.items()]


def _option(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tree(branches: list[_Branch]) -> list[str]:
    lines = []
    for at, (head, leaves) in enumerate(branches, 1):
        last = at == len(branches)
        lines.append(f"{'└─' if last else '├─'} {head}")
        for number, leaf in enumerate(leaves, 1):
            lines.append(f"{'  ' if last else '│ '} {'└─' if number == len(leaves) else '├─'} {leaf}")
    return lines
