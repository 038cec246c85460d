"""sky_lifecycle: how many objects are new, stay, come back and go, period by period.

    sky_lifecycle(table, unit, options)        a row a period

- `period` is a calendar unit (UTC; weeks begin on Monday), called by its first day; every one has a row, from the first
  in which anyone was active to that of the table's last event.
- Active is an object in a period with any event; with {"action": name} or {"when": SQL} with such an event.
- `new`: active for the first time. `returning`: active, and so in the period before. `resurrecting`: active again after
  at least one period without. `dormant`: not active, but in the period before; who stays away is dormant once.

So the active ones of a period are new + returning + resurrecting, and the dormant ones those of the period before less
the returning. WHERE on `period` is about the rows: who is new does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ProgrammingError
from ..interruption import looking
from ..model.dtypes import Bool, Int64
from ..plan.tree import Tree
from ..store.shard import Shard
from .asked import Asked, Condition
from .design import branch, events
from .options import Options
from .periods import Unit, check_number, last_of_each, parse_unit
from .report import Call, Columns, Declared
from .subject import Subject

_STATES = ("new", "returning", "resurrecting", "dormant")


@dataclass(frozen=True, slots=True)
class LifecycleDesign:
    """A life cycle as it was asked for. active: the events that make an object active; None for all."""

    unit: Unit
    active: Condition | None

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        return [*branch("unit", self.unit), *branch("active", events(self.active))]


@dataclass(frozen=True, slots=True)
class LifecycleCounts:
    """A partial. first: the number of the period that the columns of counts, int64[4, periods], begin with."""

    first: int
    counts: Int64


class Lifecycle:
    """sky_lifecycle."""

    name = "sky_lifecycle"
    arguments = ("table", "unit", "options")
    columns = (Declared("period", "TEXT"), *(Declared(state, "INTEGER") for state in _STATES))
    hidden: tuple[Declared, ...] = ()
    takes: frozenset[str] = frozenset()
    order = ("period",)

    def design(self, asked: Asked) -> LifecycleDesign:
        """What is asked."""
        options = Options(asked.report, asked.arguments["options"], ("action", "when"))
        unit = parse_unit(asked.arguments["unit"], asked.what("unit"))
        return LifecycleDesign(unit, _condition(asked, options))

    def rows(self, call: Call[LifecycleDesign]) -> Iterator[Columns]:
        """A row a period."""
        unit, condition = call.design.unit, call.design.active
        last = call.subject.last_moment()
        parts = []
        for shard in looking(call.subject.snapshot.shards()):
            part = partial(call.subject, shard, condition, unit)
            if part is not None:
                parts.append(part)
        if not parts or last is None:
            return
        first = min(part.first for part in parts)
        total = np.zeros((len(_STATES), check_number(call.report, unit, first, unit.number(last))), np.int64)
        for part in parts:
            at = part.first - first
            width = min(part.counts.shape[1], total.shape[1] - at)  # dormant after the last is not known yet
            total[:, at : at + width] += part.counts[:, :width]
        columns: Columns = dict(zip(_STATES, total.tolist(), strict=True))
        yield {"period": [unit.label(first + at) for at in looking(range(total.shape[1]))]} | columns


def _condition(asked: Asked, options: Options) -> Condition | None:
    if not options.given:
        return None
    if len(options.given) > 1:
        raise ProgrammingError(f'{options.report} takes "action" or "when", not both')
    return asked.given(options.given, f"the options of {options.report}")


def partial(subject: Subject, shard: Shard, condition: Condition | None, unit: Unit) -> LifecycleCounts | None:
    """The counts of a shard; None if nobody was active."""
    found = subject.occurrences(shard, condition)
    if len(found.ts) == 0:
        return None
    periods = unit.numbers(found.ts)
    active = last_of_each(found.paths, periods)
    periods, paths = periods[active], found.paths[active]
    first = int(periods.min())
    check_number(Lifecycle.name, unit, first, int(periods.max()))
    periods -= first
    same = paths[1:] == paths[:-1]
    next_ = periods[1:] == periods[:-1] + 1
    new = np.concatenate(([True], ~same))
    leaves = np.concatenate((~(same & next_), [True]))
    size = int(periods.max()) + 2

    def count(mask: Bool, after: int = 0) -> Int64:
        return np.bincount(periods[mask] + after, minlength=size)

    returning = np.concatenate(([False], same & next_))
    resurrecting = np.concatenate(([False], same & ~next_))
    return LifecycleCounts(first, np.array([count(new), count(returning), count(resurrecting), count(leaves, 1)]))
