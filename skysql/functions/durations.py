"""duration_in and state_timeline: how long, and when, a path was in a state.

    duration_in(property, value, ts[, end])    seconds, a REAL
    state_timeline(property, ts[, end])        a JSON array of {"state": ..., "start": ..., "end": ...}, in order

    SELECT object_id, duration_in(plan, 'pro', ts, '2026-07-01') / 86400 AS days FROM users GROUP BY object_id
    SELECT t.object_id, s.value ->> 'state', s.value ->> 'start', s.value ->> 'end'
    FROM (SELECT object_id, state_timeline(plan, ts) AS states FROM users GROUP BY object_id) t, json_each(t.states) s

As rows, of all objects of a table: sky_timeline (reports/timeline.py).

An event says what the property is from its time on, until the next event. Before the first event nothing is known, and
that time counts for no state. The last state lasts until `end` if that is given, and else until the last event: so
without `end` the last event adds nothing. What is after `end` does not count: neither the rest of a state that lasts
longer, nor events at `end` or later.

`ts` and `end` are timestamps: texts, or integers of microseconds. `value` and `end` are one for all rows; `end` may be
NULL, as if it were not given. Rows without a time (NULL) are left out.

NULL is a state as any other: duration_in(plan, NULL, ts) is the time without a plan. Values are compared without
conversions: 1 is 1.0 and not '1', texts byte for byte. Of several events at the same time the last (in the order of the
path) says what the state is; the others have lasted no time, and are not in the timeline.

In the timeline, events of one state in a row are one entry, and its times are texts. Without `end` the last entry ends
at the last event, and may begin there.

duration_in of a state that never was is 0.0; without rows it is NULL. state_timeline without rows, or with none before
`end`, is '[]'. As in Timescale (state_agg) otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Numbers, Vector
from ..errors import DataError
from ..interruption import look, looking, pieces
from ..model import timestamps
from ..model.dtypes import Array, Int64
from ..model.values import Value
from . import arguments as check
from .equality import distinct, is_value
from .function import NotConstant, Role, Runs


def _end(name: str, arguments: Sequence[Value | NotConstant]) -> int | None:
    """The end among the last arguments of a call."""
    value = check.constant(name, "the end", arguments[0]) if arguments else None
    return None if value is None else timestamps.parse(value)


class DurationIn:
    """The time for which a property had a value."""

    name = "duration_in"
    nothing: Value = None

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Always."""
        return True

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """property, value, ts, end."""
        check.expect(self.name, arguments, 3, 4, f"write {self.name}(property, value, ts[, end])")
        check.constant(self.name, "the value", arguments[1])
        _end(self.name, arguments[3:])
        return (Role.VALUE, Role.CONSTANT, Role.TIME, Role.CONSTANT)[: len(arguments)]

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Vector:
        """Seconds of each group."""
        property, value, ts, *rest = arguments
        end = _end(self.name, rest)
        until = _until(runs.starts, ts, end)
        look()
        lasted = until - (ts if end is None else np.minimum(ts, end))
        lasted *= is_value(property, value)
        look()
        total = np.zeros(len(lasted) + 1, np.int64)
        np.cumsum(lasted, out=total[1:])
        look()
        sums = total[runs.starts[1:]] - total[runs.starts[:-1]]
        return Numbers(timestamps.seconds(sums), runs.starts[1:] > runs.starts[:-1])


def _until(starts: Int64, ts: Int64, end: int | None) -> Int64:
    """When each event's state ends."""
    until = np.append(ts[1:], ts[-1:])
    last = starts[1:][starts[1:] > starts[:-1]] - 1
    until[last] = ts[last] if end is None else end
    return until if end is None else np.minimum(until, end)


class StateTimeline:
    """The states of a path with their times."""

    name = "state_timeline"
    nothing: Value = "[]"

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Always."""
        return True

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """property, ts, end."""
        check.expect(self.name, arguments, 2, 3, f"write {self.name}(property, ts[, end])")
        _end(self.name, arguments[2:])
        return (Role.VALUE, Role.TIME, Role.CONSTANT)[: len(arguments)]

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Vector:
        """The JSON array of each group."""
        property, ts, *rest = arguments
        end = _end(self.name, rest)
        rows = state_changes(runs.starts, ts, distinct(property).codes, end)
        until = ends_of(rows, runs.starts, ts, end)
        entries: list[str] = []
        for piece in pieces(len(rows)):
            here = rows[piece]
            states = map(_json, property.take(here).tolist())
            begins, ends = timestamps.format_array(ts[here]), timestamps.format_array(until[piece])
            entries += [
                f'{{"state":{state},"start":"{begin}","end":"{end}"}}'
                for state, begin, end in zip(states, begins, ends, strict=True)
            ]
        bounds = np.searchsorted(rows, runs.starts).tolist()
        arrays = [f"[{','.join(entries[low:high])}]" for low, high in looking(pairwise(bounds))]
        return Coded(np.arange(len(runs)), arrays)


def ends_of(rows: Int64, starts: Int64, ts: Int64, end: int | None) -> Int64:
    """When the states end that begin with these events; `rows` are what state_changes gives."""
    groups = kernels.groups_of(rows, starts)
    until = np.empty(len(rows), np.int64)
    for piece in pieces(len(rows)):
        here = groups[piece]
        until[piece] = ts[starts[here + 1] - 1] if end is None else end
        following = groups[piece.start + 1 : piece.stop + 1]
        followed = np.flatnonzero(following == here[: len(following)]) + piece.start
        until[followed] = ts[rows[followed + 1]]
    return until


def state_changes(starts: Int64, ts: Int64, codes: Array, end: int | None) -> Int64:
    """The events before `end` with which a state begins: the last one of a time, if it changes the state."""
    ties = kernels.tie_ends(ts, starts)
    kept = np.ones(len(ts), bool)
    for piece in pieces(len(ts)):
        if ties is not None:
            kept[piece] = ties[piece] == np.arange(piece.start, piece.stop)
        if end is not None:
            kept[piece] &= ts[piece] < end
    rows = np.flatnonzero(kept)
    groups = kernels.groups_of(rows, starts)
    new = np.ones(len(rows), bool)
    for piece in pieces(len(rows)):
        low = max(piece.start - 1, 0)
        states, here = codes[rows[low : piece.stop]], groups[low : piece.stop]
        new[low + 1 : piece.stop] = (states[1:] != states[:-1]) | (here[1:] != here[:-1])
    look()
    return rows[new]


def _json(value: Value) -> str:
    if isinstance(value, bytes):
        raise DataError("state_timeline(): a BLOB cannot be written as JSON", "use hex(...) as the property")
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "9e999" if value > 0 else "-9e999"
    return json.dumps(value, ensure_ascii=False)
