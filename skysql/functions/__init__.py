"""Functions over a path: SQL aggregates that look at the order of events, for many paths at once.

A function gets *runs*: the rows of many groups, side by side and in order of time. It returns one value a group. A path
scan passes the runs of a whole shard; SQLite passes the rows of one group of any table (engine/path_functions). So both
give the same answers. Each module says at its head what its functions mean, to the last corner.

Not here: which functions a connection has. FUNCTIONS are those of an engine that is given no others.

Others take: what is named here, arguments, durations, equality.
"""

from __future__ import annotations

from .conditions_met import Retention
from .durations import DurationIn, StateTimeline
from .function import TIMESTAMPS, VARIES, NotConstant, PathFunction, Result, Role, Runs, awaited
from .next_node import SequenceNextNode
from .path_string import PathString
from .sequence import SequenceCount, SequenceMatch, SequenceMatchEvents
from .window_funnel import WindowFunnel

_OURS: tuple[PathFunction, ...] = (
    *(WindowFunnel(), SequenceMatch(), SequenceCount(), SequenceMatchEvents(), Retention(), SequenceNextNode()),
    *(DurationIn(), StateTimeline(), PathString()),
)

FUNCTIONS: dict[str, PathFunction] = {function.name: function for function in _OURS}
"""By name."""

STRICT = "sky_in_order_"
"""What the names of their strict forms begin with, which refuse rows that come out of order."""

# fmt: off
__all__ = ["FUNCTIONS", "STRICT", "TIMESTAMPS", "VARIES", "NotConstant", "PathFunction", "Result", "Role", "Runs",
           "awaited"]
