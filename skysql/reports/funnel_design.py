"""A funnel as it was asked for: what the arguments of sky_funnel say, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ProgrammingError
from ..plan.path_scan import Expr
from ..plan.tree import Tree, leaves
from .asked import Asked, Condition
from .design import branch, expression, lasting, within_times
from .options import Options, duration
from .steps import Step, parse_steps

_OPTIONS = ("order", "step_within", "exclude", "entry", "from", "to", "hold", "session", "count", "by")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events that must not lie between the steps after ... before (numbered from 1)."""

    condition: Condition
    after: int
    before: int

    def __str__(self) -> str:
        return f"{self.condition} between steps {self.after} and {self.before}"


@dataclass(frozen=True, slots=True)
class FunnelDesign:
    """A funnel as it was asked for. Durations and moments are microseconds, None for no limit."""

    steps: tuple[Step, ...]
    within: int | None
    order: str
    entry: str
    count: str
    exclusions: tuple[Exclusion, ...]
    begin: int | None
    end: int | None
    hold: tuple[Expr, ...]
    session: int | None
    by: Expr | None

    @property
    def required(self) -> list[int]:
        """The places of the steps that are not optional."""
        return [at for at, step in enumerate(self.steps) if not step.optional]

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        return [
            Tree("steps", leaves(f"{at}. {step}" for at, step in enumerate(self.steps, 1))),
            *branch("order", self.order),
            *branch("within", lasting(self.within)),
            *(tree for exclusion in self.exclusions for tree in branch("exclude", exclusion)),
            *(tree for expr in self.hold for tree in branch("hold", expression(expr))),
            *branch("entry", self.entry),
            *within_times(self.begin, self.end),
            *branch("session", lasting(self.session)),
            *branch("count", self.count),
            *branch("by", expression(self.by)),
        ]


@dataclass(frozen=True, slots=True)
class FunnelObjectsDesign:
    """Whom to list: those of a step, by its place from 0, or those who were lost before it."""

    funnel: FunnelDesign
    step: int
    dropped: bool

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        return [*self.funnel.branches(), Tree(f"{'lost before' if self.dropped else 'of'} step {self.step + 1}")]


def parse_design(asked: Asked) -> FunnelDesign:
    """Read the arguments of a funnel. Raises ProgrammingError."""
    arguments = asked.arguments
    options = Options(asked.report, arguments["options"], _OPTIONS)
    steps = parse_steps(asked, arguments["steps"], asked.what("steps"))
    given = arguments["within"]
    hold = [_expression(asked, options, "hold", text) for text in options.list("hold")]
    design = FunnelDesign(
        steps=tuple(_with_within(steps, options.duration("step_within", 0))),
        within=None if given is None else duration(given, asked.what("within"), 0),
        order=options.choice("order", ("ordered", "strict", "any")),
        entry=options.choice("entry", ("best", "first")),
        count=options.choice("count", ("objects", "sessions", "totals")),
        exclusions=tuple(_exclusion(asked, options, given, len(steps)) for given in options.list("exclude")),
        begin=options.moment("from"),
        end=options.moment("to"),
        hold=tuple(hold),
        session=options.duration("session"),
        by=None if options.get("by") is None else _expression(asked, options, "by", options.get("by")),
    )
    _check(design, options)
    return design


def _with_within(steps: Sequence[Step], within: int | None) -> list[Step]:
    return [
        step if at == 0 or step.within is not None else replace(step, within=within) for at, step in enumerate(steps)
    ]


def _expression(asked: Asked, options: Options, key: str, text: Any) -> Expr:
    if not isinstance(text, str):
        raise options.refuse(key, "a property, or SQL over an event")
    return asked.expression(text, options.what(key))


def _exclusion(asked: Asked, options: Options, given: Any, steps: int) -> Exclusion:
    what, after, before = options.what("exclude"), 1, steps
    if isinstance(given, dict):
        given = dict(given)
        after, before = given.pop("after", 1), given.pop("before", steps)
    if not (isinstance(after, int) and isinstance(before, int) and 1 <= after < before <= steps):
        raise ProgrammingError(
            f'{what}: "after" and "before" are steps from 1 to {steps}, and not {after!r} and {before!r}'
        )
    condition = asked.action(given, what) if isinstance(given, str) else asked.given(given, what)
    return Exclusion(condition, after, before)


def _check(design: FunnelDesign, options: Options) -> None:
    """Refuse options that do not go together."""
    if design.order != "ordered" and any(step.optional for step in design.steps):
        raise ProgrammingError(f'{options.report}: optional steps take {{"order": "ordered"}}')
    if design.order == "any":
        if any(step.within is not None for step in design.steps):
            raise ProgrammingError(f'{options.report}: a time between steps takes an order, and "order" is "any"')
        if any(e.before - e.after != len(design.steps) - 1 for e in design.exclusions):
            raise ProgrammingError(f'{options.report}: "after" and "before" take an order, and "order" is "any"')
    if design.count == "sessions" and design.session is None:
        raise ProgrammingError(
            f'{options.report}: to count sessions, "session" has to say where they end', '{"session": "30 minutes"}'
        )
