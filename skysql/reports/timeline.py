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
its array (functions/durations.py). WHERE on `object_id` reads only that object's path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import kernels
from ..errors import ProgrammingError, instead
from ..functions.durations import ends_of, state_changes
from ..functions.equality import distinct
from ..interruption import pieces
from ..model import timestamps
from ..plan.path_scan import Expr
from ..plan.tree import Tree
from ..store.shard import Shard
from .asked import Asked
from .design import branch, expression
from .options import Options
from .report import MOST_ROWS, Call, Columns, Declared, shards


@dataclass(frozen=True, slots=True)
class TimelineDesign:
    """A timeline as it was asked for: of which states, and until when, in microseconds; None: to each last event."""

    state: Expr
    until: int | None

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        until = None if self.until is None else timestamps.format(self.until)
        return [*branch("state", expression(self.state)), *branch("until", until)]


class Timeline:
    """sky_timeline."""

    name = "sky_timeline"
    arguments = ("table", "property", "options")
    columns = (
        Declared("object_id", "INTEGER"),
        Declared("object_key", "TEXT"),
        Declared("state"),
        Declared("since", "TIMESTAMP"),
        Declared("until", "TIMESTAMP"),
        Declared("seconds", "REAL"),
    )
    hidden: tuple[Declared, ...] = ()
    takes = frozenset({"object_id"})
    order = ("object_id", "since")

    def design(self, asked: Asked) -> TimelineDesign:
        """What is asked."""
        text = asked.arguments["property"]
        if not isinstance(text, str):
            hint = f"SELECT * FROM {self.name}('users', 'plan')"
            raise ProgrammingError(f"{asked.what('property')} is SQL over an event, {instead(text)}", hint)
        state = asked.expression(text, asked.what("property"))
        return TimelineDesign(state, Options(asked.report, asked.arguments["options"], ("until",)).moment("until"))

    def rows(self, call: Call[TimelineDesign]) -> Iterator[Columns]:
        """A row a state of an object."""
        for shard in shards(call):
            yield from _rows(call, shard, call.design.state, call.design.until)


def _rows(call: Call[TimelineDesign], shard: Shard, state: Expr, end: int | None) -> Iterator[Columns]:
    """The rows of a shard."""
    ts, (objects, starts) = shard.ts(), shard.paths()
    vector = call.subject.vector(shard, state, np.arange(len(ts)))
    rows = state_changes(starts, ts, distinct(vector).codes, end)
    paths, until = kernels.groups_of(rows, starts), ends_of(rows, starts, ts, end)
    keyed = call.subject.table.key_name is not None
    for piece in pieces(len(rows), MOST_ROWS):
        here, ids, ends = rows[piece], objects[paths[piece]], until[piece]
        yield {
            "object_id": ids.tolist(),
            "object_key": call.subject.dictionary.keys(ids) if keyed else [None] * len(here),
            "state": vector.take(here).tolist(),
            "since": timestamps.format_array(ts[here]),
            "until": timestamps.format_array(ends),
            "seconds": timestamps.seconds(ends - ts[here]).tolist(),
        }
