"""sky_stickiness: in how many different days (weeks, ...) objects do something.

    sky_stickiness(table, action, unit, options)        a row a number of periods

- `periods` is a number of calendar units (UTC; weeks begin on Monday), `objects` how many objects were active in
  exactly that number of them, `share` their share of all that were active. Every number from 1 to the largest has a
  row.
- Active is an object in a unit with an event of the action: its name, {"when": SQL}, or NULL for any event.
- Options: "from", "to": only events with from <= timestamp < to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import OperationalError
from ..interruption import looking
from ..model.dtypes import Int64
from ..plan.tree import Tree
from ..store.shard import Shard
from .asked import Asked, Condition
from .design import branch, events, within_times
from .options import Options
from .periods import MOST_PERIODS, Unit, last_of_each, parse_unit
from .report import Call, Columns, Declared
from .subject import Subject


@dataclass(frozen=True, slots=True)
class StickinessDesign:
    """A stickiness as it was asked for: of the events from begin to end, in microseconds (None: no bound)."""

    active: Condition | None
    unit: Unit
    begin: int | None
    end: int | None

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        active = branch("active", events(self.active))
        return [*active, *branch("unit", self.unit), *within_times(self.begin, self.end)]


class Stickiness:
    """sky_stickiness."""

    name = "sky_stickiness"
    arguments = ("table", "action", "unit", "options")
    columns = (Declared("periods", "INTEGER"), Declared("objects", "INTEGER"), Declared("share", "REAL"))
    hidden: tuple[Declared, ...] = ()
    takes: frozenset[str] = frozenset()
    order = ("periods",)

    def design(self, asked: Asked) -> StickinessDesign:
        """What is asked."""
        options = Options(asked.report, asked.arguments["options"], ("from", "to"))
        condition = asked.named(asked.arguments["action"], asked.what("action"))
        unit = parse_unit(asked.arguments["unit"], asked.what("unit"))
        return StickinessDesign(condition, unit, options.moment("from"), options.moment("to"))

    def rows(self, call: Call[StickinessDesign]) -> Iterator[Columns]:
        """A row a number of periods."""
        parts = [
            partial(call.subject, shard, call.design)
            for shard in looking(call.subject.snapshot.shards())
        ]
        size = max(map(len, parts), default=1)
        if size - 1 > MOST_PERIODS:
            raise OperationalError(
                f"{self.name}: an object was active in {size - 1:,} periods, and {MOST_PERIODS:,} are the most",
                "take longer periods, or fewer events by \"from\" and \"to\"",
            )
        objects = sum((np.pad(part, (0, size - len(part))) for part in parts), np.zeros(size, np.int64))[1:]
        total = int(objects.sum())
        yield {
            "periods": list(range(1, size)),
            "objects": objects.tolist(),
            "share": [count / total for count in objects.tolist()],
        }


def partial(subject: Subject, shard: Shard, design: StickinessDesign) -> Int64:
    """How many objects of a shard were active in 0, 1, 2, ... periods; those of 0 are not counted."""
    found = subject.occurrences(shard, design.active)
    if design.begin is not None:
        found = found.take(found.ts >= design.begin)
    if design.end is not None:
        found = found.take(found.ts < design.end)
    active = np.bincount(found.paths[last_of_each(found.paths, design.unit.numbers(found.ts))], minlength=1)
    return np.bincount(active[active > 0], minlength=1)
