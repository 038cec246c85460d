"""sequence_next_node: the value of the event that follows a given row of events.

    sequence_next_node(direction, base, ts, value, base_condition, cond1, cond2, ...)    a value, or NULL

    SELECT sequence_next_node('forward', 'first_match', ts, action, 1, action = 'search', action = 'view product')
    FROM users GROUP BY object_id                     -- what came after the first search, if a view followed at once

`direction` is 'forward' (the event after) or 'backward' (the event before). `base` says where to begin, and is one of

    'head'           the first event (forward only)
    'tail'           the last event (backward only)
    'first_match'    the first event that meets base_condition and cond1
    'last_match'     the last event that meets base_condition and cond1

The events from there on, in that direction and without a gap, have to meet cond1, cond2, ...; with 'head' and 'tail'
the first of them has to meet base_condition, too. The answer is the value of the next event, and NULL if there is none
or a condition is not met: only this one place is tried. Without cond1 (which is for 'head' and 'tail') it is the value
of the event itself.

Events whose value is NULL are left out, as are rows without a time (NULL): they neither follow nor come between. A
condition that is NULL is not met. Events at the same time come in the order of the path (of arrival). Without rows it
is NULL. There are up to 64 conditions.

As in ClickHouse (sequenceNextNode), except: the value may be of any type; events at the same time are in the order of
the path, while there they are sorted by value; and a row in which some condition is NULL counts for the conditions that
are true, while there it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Vector
from ..errors import ProgrammingError
from ..interruption import looking
from ..model.dtypes import Bool, Int64
from ..model.values import Value
from . import arguments as check
from .function import NotConstant, Role, Runs

_MOST_CONDITIONS = 64

_BASES = {"forward": ("head", "first_match", "last_match"), "backward": ("tail", "first_match", "last_match")}


class SequenceNextNode:
    """The value after, or before, a row of events."""

    name = "sequence_next_node"
    nothing: Value = None

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Always."""
        return True

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """direction, base, ts, value, base condition, conditions."""
        usage = f"write {self.name}(direction, base, ts, value, base_condition, condition, ...)"
        check.expect(self.name, arguments, 5, None, usage)
        direction = check.choice(self.name, "the direction", arguments[0], list(_BASES))
        base = check.choice(self.name, f"the base of {direction}", arguments[1], _BASES[direction])
        if base.endswith("match") and len(arguments) == 5:
            raise ProgrammingError(f"{self.name}(): {base!r} needs a condition after the base condition", usage)
        conditions = check.conditions(self.name, len(arguments) - 5, least=0, most=_MOST_CONDITIONS)
        return Role.CONSTANT, Role.CONSTANT, Role.TIME, Role.VALUE, Role.CONDITION, *conditions

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Vector:
        """The value of each group."""
        direction, base, _, value, base_condition, *conditions = arguments
        known = value.known()
        events = np.arange(runs.rows) if known is None else np.flatnonzero(known)
        ranks = kernels.Ranks(events, runs.rows)
        starts = ranks.below(runs.starts)
        met = [_marks(condition.rows, runs.rows)[events] for condition in looking((base_condition, *conditions))]
        at, good = _bases(starts, base, met)
        step = 1 if direction == "forward" else -1
        for marks in looking(met[1:]):
            good &= (starts[:-1] <= at) & (at < starts[1:])
            good[good] = marks[at[good]]
            at += step
        good &= (starts[:-1] <= at) & (at < starts[1:])
        return _values(value, events, at, good)


def _marks(rows: Int64, n: int) -> Bool:
    marks = np.zeros(n, bool)
    marks[rows] = True
    return marks


def _bases(starts: Int64, base: str, met: Sequence[Bool]) -> tuple[Int64, Bool]:
    """The event of each group with which to begin, and whether there is one."""
    if base in ("head", "tail"):
        at = starts[:-1].copy() if base == "head" else starts[1:] - 1
        good = starts[1:] > starts[:-1]
        good[good] = met[0][at[good]]
        return at, good
    rows = np.flatnonzero(met[0] & met[1])
    bounds = np.searchsorted(rows, starts)
    good = bounds[1:] > bounds[:-1]
    at = np.zeros(len(good), np.int64)
    at[good] = rows[(bounds[:-1] if base == "first_match" else bounds[1:] - 1)[good]]
    return at, good


def _values(value: Vector, events: Int64, at: Int64, good: Bool) -> Vector:
    """The values of the events; NULL where `good` is false."""
    if not good.any():
        return Coded(np.zeros(len(at), np.uint8), [None])
    rows = np.full(len(at), events[0])
    rows[good] = events[at[good]]
    found = value.take(rows)
    if isinstance(found, Coded):
        return found.or_null(good)
    return replace(found, mask=good)
