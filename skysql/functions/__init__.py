"""Functions over a path: SQL aggregates that look at the order of events, for many paths at once.

A path function is given *runs*: rows of events that lie side by side, cut into groups (the events of an object, or of a
session), each in order of time. It returns one value a group. A path scan calls it with the runs of a whole shard;
SQLite calls it, through `engine/path_functions.py`, with the rows of one group of any table. So both give the
same answers.

    window_funnel.py   window_funnel             conditions_met.py   retention
    sequence.py        sequence_match, ...       next_node.py        sequence_next_node
    durations.py       duration_in, ...          path_string.py      path_string

Each says at its head what its functions mean, to the last corner. FUNCTIONS are those that an engine has unless it is
given others (engine/registries.py): the rewriter finds them, scans run them, and SQLite has them as aggregates.

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

_ALL: tuple[PathFunction, ...] = (
    WindowFunnel(),
    SequenceMatch(),
    SequenceCount(),
    SequenceMatchEvents(),
    Retention(),
    SequenceNextNode(),
    DurationIn(),
    StateTimeline(),
    PathString(),
)

FUNCTIONS: dict[str, PathFunction] = {function.name: function for function in _ALL}
"""By name."""

STRICT = "sky_in_order_"
"""What the names of their strict forms begin with, which refuse rows that come out of order."""

# fmt: off
__all__ = ["FUNCTIONS", "STRICT", "TIMESTAMPS", "VARIES", "NotConstant", "PathFunction", "Result", "Role", "Runs",
           "awaited"]
