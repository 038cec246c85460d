"""sky_funnel and sky_funnel_objects: how many objects go through some steps, how fast, and which ones.

    sky_funnel(table, steps, within, options)                             a row a segment and step
    sky_funnel_objects(table, steps, within, options, step, dropped)      a row for each that such a row counts

What counts as what:
- A *chain* is events of one path, later and later in it, one for each step from the first on; the last of them lies at
  most `within` after the first (inclusive; without it there is no limit). Events with one timestamp are in path order,
  as everywhere. One event can do one step only, though it may satisfy several. A condition that is NULL is not true.
- Each object counts with one chain, and so in all steps up to that chain's last: with its longest chain, from whatever
  start ("entry": "best"), or with the longest from its first event in the start range ("entry": "first"). Of several as
  long the earliest counts, each of whose events is the earliest possible: there is always one.
- "from", "to": entries are events with from <= timestamp < to; later steps may come after it.
- "order": "strict" lets nothing happen in between: the next step is the very next event of the path that has an action
  or satisfies a step. "any" takes the steps in any order: the chain begins with any of them, and row k counts those who
  did at least k different ones; one event does all the steps that it satisfies. Of several as long, that counts which
  begins first.
- "step_within", or "within" of a step: at most so long after the step before.
- "exclude": no such event (an action, or {"when": SQL}; or several) between two steps, or only between the steps
  "after" and "before". What happens at the very event of a step is not between.
- "hold": chains are of events at which a property (or several) has the same value; NULL is no value.
- A step with "optional" may be missing. The other steps count as if it were not there; it counts for who did the step
  before it that is not optional, if there is an event of it after that and before the next that is not, or, where there
  is none, in time.
- "session": a chain lies within one session. "count": "sessions" counts each session that has an entry, "totals" each
  entry: every event of the first step (with "any": of any step) with a chain of its own.
- "by": an SQL expression, of which the value at the chain's first event is the segment, whatever it becomes later.

Times are in seconds: since the step before (`previous_...`), optional steps that are missing left out, and since the
first (`first_...`). WHERE on `segment` and on the hidden `entry`, the time of the chain's first event, means the chains
that count: to restrict which events are entries, use "from" and "to".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import compact_codes, sort_ranks
from ..errors import ProgrammingError
from ..interruption import looking, pieces
from ..model import timestamps
from ..model.dtypes import Array, Int64
from ..model.values import Value
from .asked import Asked
from .funnel_chains import NEVER, Counted, count_shard, merge
from .funnel_depths import counts
from .funnel_design import FunnelDesign, FunnelObjectsDesign, parse_design
from .quantiles import Reals, summarize
from .report import MOST_ROWS, Call, Columns, Declared, shards

_TIMES = ("previous_median", "previous_mean", "previous_p90", "first_median", "first_mean", "first_p90")


def count(call: Call[Any], design: FunnelDesign) -> Counted:
    """The chains that count, in all shards."""
    return merge([count_shard(design, call, shard) for shard in shards(call)], len(design.steps))


class Funnel:
    """sky_funnel."""

    name = "sky_funnel"
    arguments = ("table", "steps", "within", "options")
    columns = (
        Declared("segment"),
        Declared("step", "INTEGER"),
        Declared("name", "TEXT"),
        Declared("objects", "INTEGER"),
        Declared("of_first", "REAL"),
        Declared("of_previous", "REAL"),
        *(Declared(name, "REAL") for name in _TIMES),
    )
    hidden = (Declared("entry", "TIMESTAMP", hidden=True),)
    takes = frozenset({"segment", "entry"})
    order = ("segment", "step")

    def design(self, asked: Asked) -> FunnelDesign:
        """What is asked."""
        return parse_design(asked)

    def rows(self, call: Call[FunnelDesign]) -> Iterator[Columns]:
        """A row a segment and step; without "by", one segment, NULL."""
        design = call.design
        depths = counts(call, design, shards(call))
        if depths is not None:
            yield self._told(design, [None], depths[:, np.newaxis])
            return
        counted = count(call, design)
        cut = _Cut.of(design, counted)
        done, first = _counts(design, counted, cut), _first_entries(counted, cut)
        times = _times(counted, cut) if call.columns & set(_TIMES) else None
        for piece in pieces(len(cut.values), max(MOST_ROWS // len(design.steps), 1)):
            columns = self._told(design, cut.values[piece], done[:, piece])
            columns["entry"] = [entry for entry in _moments(first[piece]) for _ in design.steps]
            if times is not None:
                columns |= zip(_TIMES, _listed(times[:, :, piece]), strict=True)
            yield columns

    @staticmethod
    def _told(design: FunnelDesign, segments: list[Value], counts: Int64) -> dict[str, Sequence[Value]]:
        """What follows from the counts: int64[steps, segments]."""
        steps, size = len(design.steps), len(segments)
        names = [step.name for step in design.steps]
        if design.order == "any":
            names = [f"{at} of {steps}" for at in range(1, steps + 1)]
        return {
            "segment": [value for value in segments for _ in range(steps)],
            "step": list(range(1, steps + 1)) * size,
            "name": names * size,
            "objects": counts.T.ravel().tolist(),
            "of_first": _shares(counts, counts[[0] * steps]),
            "of_previous": _shares(counts, counts[_previous(design)]),
        }


@dataclass(frozen=True, slots=True)
class _Cut:
    """Chains by segment: a number for each, int[u], and the segments' values in SQLite's order."""

    numbers: Array
    values: list[Value]

    @classmethod
    def of(cls, design: FunnelDesign, counted: Counted) -> _Cut:
        segments = counted.segments
        if segments is None:
            return cls(np.zeros(len(counted.objects), np.int64), [None] if design.by is None else [])
        used, numbers = kernels.group_numbers(*compact_codes(segments))
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[numbers] = np.arange(len(numbers))
        values = segments.take(one_of_each)
        order = np.argsort(sort_ranks(values))
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return cls(ranks[numbers], values.take(order).tolist())


def _previous(design: FunnelDesign) -> list[int]:
    """For each step the one that its share is of: the last before it that is not optional."""
    before, found = 0, []
    for at, step in enumerate(design.steps):
        found.append(before)
        before = before if step.optional else at
    return found


def _counts(design: FunnelDesign, counted: Counted, cut: _Cut) -> Int64:
    """Chains a step and segment: int64[steps, segments]."""
    done = (cut.numbers[ts != NEVER] for ts in looking(counted.times))
    return np.array([np.bincount(numbers, minlength=len(cut.values)) for numbers in done], np.int64)


def _shares(counts: Int64, of: Int64) -> list[Value]:
    """By segment and step; NULL of nothing."""
    pairs = zip(counts.T.ravel().tolist(), of.T.ravel().tolist(), strict=True)
    return [part / whole if whole else None for part, whole in pairs]


def _first_entries(counted: Counted, cut: _Cut) -> Int64:
    """The earliest entry of each segment; NEVER of one without any: int64[segments]."""
    first = np.full(len(cut.values), np.iinfo(np.int64).max)
    np.minimum.at(first, cut.numbers, counted.times[0])
    some = np.bincount(cut.numbers, minlength=len(cut.values))
    return np.where(some, first, NEVER)


def _times(counted: Counted, cut: _Cut) -> Reals:
    """_TIMES by step and segment; NaN for the first step, and where nobody got to."""
    steps, size = len(counted.times), len(cut.values)
    every = np.full((len(_TIMES), steps, size), np.nan)
    previous = first = counted.times[0]
    for at, ts in looking(enumerate(counted.times[1:], 1)):
        done = ts != NEVER
        numbers = cut.numbers[done]
        for row, since in ((0, previous), (3, first)):
            summary = summarize(numbers, ts[done] - since[done], size)
            every[row : row + 3, at] = summary.median, summary.mean, summary.p90
        previous = np.where(done, ts, previous)
    return every


def _listed(times: Reals) -> list[list[Value]]:
    """The columns of _TIMES, by segment and step; NULL for NaN."""
    listed = (values.T.ravel().tolist() for values in times)
    return [[None if value != value else value for value in values] for values in listed]


class FunnelObjects:
    """sky_funnel_objects."""

    name = "sky_funnel_objects"
    arguments = ("table", "steps", "within", "options", "step", "dropped")
    columns = (
        Declared("object_id", "INTEGER"),
        Declared("object_key", "TEXT"),
        Declared("segment"),
        Declared("session", "INTEGER"),
        Declared("entry", "TIMESTAMP"),
        Declared("reached", "TIMESTAMP"),
        Declared("last_step", "INTEGER"),
    )
    hidden: tuple[Declared, ...] = ()
    takes = frozenset({"object_id", "segment", "entry"})
    order: tuple[str, ...] = ()

    def design(self, asked: Asked) -> FunnelObjectsDesign:
        """What is asked."""
        design = parse_design(asked)
        return FunnelObjectsDesign(design, *_step(asked, design))

    def rows(self, call: Call[FunnelObjectsDesign]) -> Iterator[Columns]:
        """A row for each chain that counts in the step; with `dropped`, in the step before but not in it."""
        design, at, dropped = call.design.funnel, call.design.step, call.design.dropped
        counted = count(call, design)
        done = counted.times[at] != NEVER
        if dropped:
            done = ~done & (counted.times[_previous(design)[at]] != NEVER)
        rows = np.flatnonzero(done)
        for piece in pieces(len(rows), MOST_ROWS):
            yield self._told(call, counted.take(rows[piece]), at)

    @staticmethod
    def _told(call: Call[Any], counted: Counted, at: int) -> Columns:
        key = call.subject.table.key_name
        nothing = [None] * len(counted.objects)
        return {
            "object_id": counted.objects.tolist(),
            "object_key": nothing if key is None else call.subject.dictionary.keys(counted.objects),
            "segment": nothing if counted.segments is None else counted.segments.tolist(),
            "session": nothing if counted.sessions is None else counted.sessions.tolist(),
            "entry": timestamps.format_array(counted.times[0]),
            "reached": _moments(counted.times[at]),
            "last_step": _last_steps(counted.times).tolist(),
        }


def _step(asked: Asked, design: FunnelDesign) -> tuple[int, bool]:
    """Which step is asked for, counted from 0, and whether those who were lost before it."""
    step, dropped = asked.arguments["step"], asked.arguments["dropped"]
    step, dropped = 1 if step is None else step, 0 if dropped is None else dropped
    if not isinstance(step, int) or not 1 <= step <= len(design.steps):
        raise ProgrammingError(f"{asked.what('step')} is a number from 1 to {len(design.steps)}, and not {step!r}")
    if dropped not in (0, 1):
        raise ProgrammingError(f"{asked.what('dropped')} is 0 or 1, and not {dropped!r}")
    if dropped and step == 1:
        raise ProgrammingError(f"{asked.report}: nobody is lost before the first step", "ask for step 2 or later")
    return step - 1, bool(dropped)


def _moments(ts: Int64) -> list[Value]:
    """The texts of moments; NULL for NEVER."""
    known, values = ts != NEVER, np.full(len(ts), None, object)
    values[known] = timestamps.format_array(ts[known])
    return values.tolist()


def _last_steps(times: Sequence[Int64]) -> Int64:
    last = np.ones(len(times[0]), np.int64)
    for step, ts in enumerate(times[1:], 2):
        last[ts != NEVER] = step
    return last
