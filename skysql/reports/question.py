"""What a report is asked, as a tree: what EXPLAIN QUERY PLAN and Cursor.plan show of it.

    REPORT sky_funnel OF users
    ├─ steps
    │  ├─ 1. action = 'sign up'
    │  └─ 2. action = 'purchase'
    ├─ order ordered
    ├─ within 7 days
    └─ by plan

Of a call whose arguments are all known, the design is shown, with conditions as expressions; of any other, the
arguments as they are written.

An argument is a value, or `Written` where only its text is known, as of a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeAlias

from ..errors import ProgrammingError
from ..model.values import Value
from ..plan.path_scan import table_name
from ..plan.tree import Tree, leaves
from .asked import Condition
from .design import Design
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
class ReportQuestion:
    """A call as it is written: the report, its arguments as far as they are given, and what WHERE limits it to."""

    report: str
    arguments: tuple[tuple[str, Argument], ...]
    limits: tuple[str, ...] = ()

    def __str__(self) -> str:
        table = dict(self.arguments).get("table")
        head = f"REPORT {self.report}" + ("" if table is None else f" OF {shown(table)}")
        branches = [branch for name, value in self.arguments for branch in _branches(name, value)]
        return str(Tree(head, (*branches, *_limits(self.limits))))

    def limited(self, limits: Sequence[str]) -> ReportQuestion:
        """The same under these limits."""
        return replace(self, limits=tuple(limits))

    def may_be(self, report: str, given: Mapping[str, Value]) -> bool:
        """Whether it may be a call with these arguments, None for one that is NULL or not known yet."""
        own = dict(self.arguments)
        names = own.keys() | given.keys() if report == self.report else ()
        return report == self.report and all(_may_be(own.get(name), given.get(name)) for name in names)


def _may_be(written: Argument, value: Value) -> bool:
    """Whether an argument as it is written may be what SQLite tells of it."""
    return isinstance(written, Written) or value is None or (type(written), written) == (type(value), value)


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """A call as it is run. design: what the report makes of the arguments, with conditions as expressions.

    parameters: SQL without columns, each the value of one of the parameters :p1, :p2, ... of those expressions.
    """

    question: ReportQuestion
    database: str
    table: str
    design: Design | None
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"REPORT {self.question.report} OF {table_name(self.database, self.table)}"
        branches = [] if self.design is None else self.design.branches()
        given = leaves(f"with :p{at} as {text}" for at, text in enumerate(self.parameters, 1))
        return str(Tree(head, (*branches, *given, *_limits(self.question.limits))))

    def limited(self, limits: Sequence[str]) -> ReportPlan:
        """The same under these limits."""
        return replace(self, question=self.question.limited(limits))

    def may_be(self, report: str, given: Mapping[str, Value]) -> bool:
        """As of ReportQuestion."""
        return self.question.may_be(report, given)

    def conditions(self) -> Iterator[Condition]:
        """The conditions on events in the design."""
        waiting: list[Any] = [self.design]
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, Condition):
                yield node
            elif isinstance(node, tuple):
                waiting[:0] = node
            elif is_dataclass(node):
                waiting[:0] = [getattr(node, field.name) for field in fields(node)]


def _limits(limits: Sequence[str]) -> tuple[Tree, ...]:
    return leaves(f"where {limit}" for limit in limits)


def shown(value: Argument) -> str:
    """An argument as people read it."""
    return repr(value) if isinstance(value, bytes) else str(value)


def _branches(name: str, value: Argument) -> list[Tree]:
    """The branches of one argument."""
    if name == "table" or value is None:
        return []
    if name == "steps" and isinstance(value, str):
        return [Tree("steps", leaves(f"{at}. {step}" for at, step in enumerate(_steps(value), 1)))]
    if name == "options" and isinstance(value, str):
        return _options(value)
    return [Tree(f"{name} {shown(value)}")]


def _steps(text: str) -> list[str]:
    try:
        return step_names(text)
    except ProgrammingError:  # the error is raised when the statement runs
        return [text]


def _options(text: str) -> list[Tree]:
    try:
        given = loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return [Tree(f"options {text}")]
    return [Tree(f"{key} {_option(value)}") for key, value in given.items()]


def _option(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
