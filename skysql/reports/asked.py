"""The conditions of a report, from texts to plan expressions.

    {"when": "amount > 10"}  ->  Condition("amount > 10", where=Compare(">", Column("amount"), Literal(10)))
    "sign up"                ->  Condition("sign up", action="sign up")

A condition is the name of an action, or SQL over the columns of an event. Whether there is such an action, only the
table's events tell, when the report is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ProgrammingError
from ..model.quoting import literal
from ..model.values import Value, shown
from ..plan.path_scan import Expr, Or, Sql, conjuncts
from ..plan.path_scan import shown as shown_expression
from ..sql.conditions import Conditions
from .options import loads


@dataclass(frozen=True, slots=True)
class Condition:
    """What events have to meet: they are of an action, or an expression is true of them.

    text: as it was written. what: how errors call it.
    """

    text: str
    what: str
    action: str | None = None
    where: Expr | None = None

    def __str__(self) -> str:
        """As SQL over an event."""
        if self.where is None:
            return f"action = {literal(self.action or '')}"
        parts = conjuncts(self.where)
        several = len(parts) > 1
        return " AND ".join(
            f"({shown_expression(part)})" if several and isinstance(part, Or | Sql) else shown_expression(part)
            for part in parts
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked: its arguments by name (None if left out), and what reads the conditions in them."""

    report: str
    arguments: Mapping[str, Value]
    conditions: Conditions

    def what(self, argument: str) -> str:
        """How errors call an argument."""
        return f"{argument!r} of {self.report}"

    def expression(self, text: str, what: str) -> Expr:
        """SQL over an event, for its value."""
        return self.conditions.expression(text, what)

    def action(self, name: str, what: str) -> Condition:
        """Events of this action."""
        return Condition(name, what, action=name)

    def where(self, text: str, what: str) -> Condition:
        """Events at which this SQL is true."""
        return Condition(text, what, where=self.expression(text, what))

    def named(self, value: object, what: str) -> Condition | None:
        """A condition where an action is expected: its name, or {"when": SQL}, as JSON too; None for any event."""
        if isinstance(value, str) and value.lstrip()[:1] == "{":
            try:
                value = loads(value)
            except ValueError as error:
                raise ProgrammingError(f"{what} is not JSON: {error}", f"it reads {shown(value)}") from None
        if isinstance(value, str):
            return self.action(value, what)
        return None if value is None else self.given(value, what)

    def given(self, value: object, what: str) -> Condition:
        """A condition as {"action": name} or {"when": SQL}."""
        if isinstance(value, Mapping) and len(value) == 1:
            if isinstance(name := value.get("action"), str):
                return self.action(name, what)
            if isinstance(text := value.get("when"), str):
                return self.where(text, what)
        raise ProgrammingError(f"{what}: {value!r} is not a condition", 'write {"action": name}, or {"when": SQL}')


__all__ = ["Asked", "Condition"]
