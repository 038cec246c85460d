"""sky_timeline: when each object was in which state.

    sky_timeline(table, property, options)        a row a state of an object, in order

    SELECT object_id, since, until, seconds / 86400 AS days FROM sky_timeline('users', 'plan') WHERE state = 'pro'

- `property` is one, or any SQL expression over an event; what it says at an event holds until the next. Before an
  object's first event nothing is known, and there is no row. Events of one state in a row are one row. NULL is
  a state like any other.
- The last state of an object lasts until its last event, where it may begin; or with {"until": moment} until then, and
  what is after that does not count.
- Of several events with one timestamp the last in the path says what the state is; the others have lasted no time.

`since` and `until` are timestamps, `seconds` lies between them. The rows are what the function state_timeline has in
its array (functions/timeline.py). WHERE on `object_id` reads only that object's path.
"""

from __future__ import annotations

import numpy as np

from .. import kernels, timestamps
from ..columns import Int64
from ..errors import ProgrammingError, instead
from ..functions.timeline import state_changes
from ..functions.values import distinct
from ..interruption import looking
from ..plan import Expr, Value
from ..segment import Segment
from .options import Options
from .relation import Call, Column, Columns, segments


class Timeline:
    """sky_timeline."""

    name = "sky_timeline"
    arguments = ("table", "property", "options")
    columns = (
        Column("object_id", "INTEGER"),
        Column("object_key", "TEXT"),
        Column("state"),
        Column("since", "TIMESTAMP"),
        Column("until", "TIMESTAMP"),
        Column("seconds", "REAL"),
    )
    hidden: tuple[Column, ...] = ()
    takes = frozenset({"object_id"})
    order = ("object_id", "since")

    def rows(self, call: Call) -> Columns:
        """A row a state of an object."""
        text = call.arguments["property"]
        if not isinstance(text, str):
            hint = f"SELECT * FROM {self.name}('users', 'plan')"
            raise ProgrammingError(f"{call.what('property')} is SQL over an event, {instead(text)}", hint)
        state = call.subject.expression(text, call.what("property"))
        end = Options(call.report, call.arguments["options"], ("until",)).moment("until")
        found: dict[str, list[Value]] = {column.name: [] for column in self.columns}
        for segment in looking(segments(call)):
            for name, values in _rows(call, segment, state, end).items():
                found[name] += values
        return dict(found)


def _rows(call: Call, segment: Segment, state: Expr, end: int | None) -> Columns:
    """The rows of a segment."""
    ts, (objects, starts) = segment.ts(), segment.paths()
    vector = call.subject.vector(segment, state, np.arange(len(ts)))
    rows = state_changes(starts, ts, distinct(vector).codes, end)
    paths = kernels.groups_of(rows, starts)
    until: Int64 = ts[starts[paths + 1] - 1] if end is None else np.full(len(rows), end)
    followed = np.flatnonzero(paths[1:] == paths[:-1])
    until[followed] = ts[rows[followed + 1]]
    keyed = call.subject.table.key_name is not None
    return {
        "object_id": objects[paths].tolist(),
        "object_key": call.subject.dictionary.keys(objects[paths]) if keyed else [None] * len(rows),
        "state": vector.take(rows).tolist(),
        "since": timestamps.format_array(ts[rows]),
        "until": timestamps.format_array(until),
        "seconds": ((until - ts[rows]) / 1_000_000).tolist(),
    }
