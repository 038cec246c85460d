"""window_funnel: how many steps of a funnel a path takes within a window of time.

    window_funnel(window, [mode, ...,] ts, cond1, cond2, ...)    0 ... the number of conditions

    SELECT level, count(*) FROM (
        SELECT window_funnel('7 days', ts, action = 'search', action = 'add to cart', action = 'purchase') AS level
        FROM users GROUP BY object_id)
    GROUP BY level

`window` and the modes are one for all rows. `ts` orders the events: timestamps (a TEXT or integers, as microseconds),
or integers in any unit. A window that is a number is in that unit (not in seconds), and is refused where the times are
texts; a duration such as '7 days' is in microseconds. There are up to 32 conditions, any predicates.

A chain of k steps is k events, the first of which meets cond1, the next cond2, ..., in order of time, the last at most
`window` after the first (`window` itself is within; a window of 0 is one moment). Other events may lie between. The
answer is the length of the longest chain.

- Events at the same time are taken in the order of the conditions that they meet, however they arrived: they may all
  be of one chain.
- One event that meets several conditions is an event of each of these steps. So with cond1 and cond2 the same, one
  event is two steps; strict_once says that it is not.
- A condition that is NULL is not met. Rows without a time (NULL) are left out.
- An event that meets cond1 begins a chain anew; those begun before go on, and the last begun has the most time left.

The modes can be combined at will:

    strict_once           The events of a chain are different events.
    strict_increase       The events of a chain have different times. Of several events of a step before, only the last
                          is looked at: if it has the very time of the next step's event, an earlier one does not count.
                          Together with strict_once, it does.
    strict_deduplication  The funnel stops at a repetition: an event of a step (but the first) that was taken before.
                          What was taken until then is the answer. Of A B B C it is 2.
    strict_order          The funnel stops, once cond1 was met, at an event that meets no condition, and at an event of
                          a step whose step before was not taken yet. Of A B D C it is 2 if D is no step, and of A C B
                          it is 1. An event of a step that was taken already does not stop it, nor does one beyond the
                          window. At the same time, events that meet no condition come first.
    allow_reentry         With strict_order only: an event of a step whose step before was not taken yet is passed over.

Without rows it is 0.

As in ClickHouse (windowFunnel), except:
- A row in which some condition is NULL counts for the conditions that are true, and is without a condition if none is;
  there it is left out.
- Times may be negative, or text; a window may be a duration.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from ..arrays.vectors import Numbers
from ..errors import DataError, ProgrammingError
from ..model import timestamps
from ..model.values import Value
from . import arguments as check
from .function import NotConstant, Result, Role, Runs
from .funnel_levels import levels
from .funnel_moments import Rules

_MODES = {
    "strict_deduplication": "deduplication",
    "strict_order": "order",
    "strict_increase": "increase",
    "strict_once": "once",
    "allow_reentry": "reentry",
}
_USAGE = "write window_funnel(window, [mode, ...,] ts, condition, ...)"


class WindowFunnel:
    """The most steps in a row within a window."""

    name = "window_funnel"
    nothing: Value = 0

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Whether an event may be taken in the place of another one of its time, which then ends the funnel."""
        modes = {argument for argument in arguments if isinstance(argument, str)}
        return {"strict_deduplication", "strict_once"} <= modes and "strict_increase" not in modes

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """window, modes, ts, conditions."""
        check.expect(self.name, arguments, 3, None, _USAGE)
        modes = self._modes(arguments[1:])
        if "allow_reentry" in modes and "strict_order" not in modes:
            raise ProgrammingError(f"{self.name}(): allow_reentry goes with strict_order only", "add 'strict_order'")
        check.expect(self.name, arguments, len(modes) + 3, None, _USAGE)
        check.span(self.name, "the window", arguments[0], arguments[len(modes) + 1])
        conditions = check.conditions(self.name, len(arguments) - len(modes) - 2)
        return (Role.CONSTANT,) * (1 + len(modes)) + (Role.TIME,) + conditions

    def _modes(self, arguments: Sequence[Value | NotConstant]) -> list[str]:
        """The modes at the beginning of the arguments: texts until the first that is a time, or varies."""
        modes: list[str] = []
        for argument in arguments:
            if not isinstance(argument, str) or _is_time(argument):
                break
            if argument == "strict":
                raise ProgrammingError(f"{self.name}(): there is no mode 'strict'", "write 'strict_deduplication'")
            modes.append(check.choice(self.name, "a mode", argument, list(_MODES)))
        return modes

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Result:
        """The level of each group."""
        modes = list(takewhile(lambda argument: isinstance(argument, str), arguments[1:]))
        window = check.span(self.name, "the window", arguments[0])
        ts, *conditions = arguments[1 + len(modes) :]
        rules = Rules(window, **{_MODES[mode]: True for mode in modes})
        return levels(runs.starts, ts, conditions, rules).then(Numbers)


def _is_time(text: str) -> bool:
    try:
        timestamps.parse(text)
    except DataError:
        return False
    return True
