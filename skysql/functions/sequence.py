"""sequence_match, sequence_count, sequence_match_events: whether, how often and when a pattern occurs in a path.

    sequence_match(pattern, ts, cond1, cond2, ...)           1 or 0
    sequence_count(pattern, ts, cond1, cond2, ...)           a number
    sequence_match_events(pattern, ts, cond1, cond2, ...)    a JSON array of times, as numbers

    SELECT object_id, sequence_count('(?1)(?t<=''1 hour'')(?2)', ts, action = 'search', action = 'purchase')
    FROM users GROUP BY object_id

`pattern` is one for all rows, and is described in sequence_pattern.py; `(?1)` is an event that meets cond1. `ts` orders
the events: timestamps (a TEXT or integers, as microseconds), or integers in any unit. A number in `(?t<=3600)` is in
that unit, as the window of window_funnel is, and is refused where the times are texts; a duration in quotes is in
microseconds. There are up to 32 conditions.

Only events that meet a condition count, also one that the pattern does not mention: `.` is one of these, and
`(?1)(?2)` are two of these with none between them. A condition that is NULL is not met. Events at the same time come in
the order of the path (of arrival). One event that meets several conditions may be any of them, but only one at a time.
Rows without a time (NULL) are left out.

The first match is that whose first event comes first; of those, that whose second event comes first; and so on.

    match     is there a match?
    count     matches that do not overlap: each is the first one after the last event of the match before it.
              A '.*' takes as few events as possible.
    events    the times of the (?N) of the first match. If there is none, those of the first match of as much of the
              pattern's beginning as matches at all, up to a (?N): [] if not even its first one does.

Without rows: 0, 0 and [].

As in ClickHouse (sequenceMatch, ...), except:
- `.*(?t<=5)` bounds the time from the event before the `.*`; there it bounds nothing, as it is measured from the event
  after. `(?t<=5).*` bounds the time to the event after the `.*`; there to any event between.
- Several times in a row hold together, and there is `!=`; both are errors there. A time at the beginning or end of a
  pattern is an error; so is a pattern without an event.
- The order of events at the same time is defined.
- A row in which some condition is NULL counts for the conditions that are true; there it is left out.
- There is no limit to the effort, and no need of one: it grows with the events times the length of the pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.masks import Met
from ..arrays.vectors import Coded, Numbers, Vector
from ..interruption import pieces
from ..model.dtypes import Int64
from ..model.values import Value
from . import arguments as check
from . import links
from .function import NotConstant, Result, Role, Runs
from .sequence_pattern import Pattern, parse


class _Sequence:
    """The part that the three functions share; each says what it makes of the matches."""

    name = ""
    nothing: Value = 0

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Always."""
        return True

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """pattern, ts, conditions."""
        check.expect(self.name, arguments, 3, None, f"write {self.name}(pattern, ts, condition, ...)")
        conditions = check.conditions(self.name, len(arguments) - 2)
        text = check.text(self.name, "the pattern", arguments[0])
        parse(self.name, text, len(conditions), check.are_timestamps(arguments[1]))
        return Role.CONSTANT, Role.TIME, *conditions

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Result:
        """The value of each group."""
        text, ts, *conditions = arguments
        return self._of(parse(self.name, text, len(conditions)), runs.starts, ts, conditions)

    def _of(self, pattern: Pattern, starts: Int64, ts: Int64, conditions: Sequence[Met]) -> Result:
        raise NotImplementedError


def _counting(
    pattern: Pattern, starts: Int64, ts: Int64, conditions: Sequence[Met]
) -> tuple[Int64, Int64, list[Int64]]:
    """(starts, ts, the rows of each condition), without events that meet none if they would be in the way."""
    rows = [met.rows for met in conditions]
    return links.conditions_only(starts, ts, rows) if pattern.counts_others else (starts, ts, rows)


class SequenceMatch(_Sequence):
    """Whether the pattern occurs."""

    name = "sequence_match"

    def _of(self, pattern: Pattern, starts: Int64, ts: Int64, conditions: Sequence[Met]) -> Vector:
        starts, ts, rows = _counting(pattern, starts, ts, conditions)
        found = links.matches(starts, ts, links.candidates(pattern.events, ts, rows), pattern.gaps, latest=True)
        matched = np.zeros(len(starts) - 1, np.int64)
        matched[found.groups] = 1
        return Numbers(matched)


class SequenceCount(_Sequence):
    """How often the pattern occurs."""

    name = "sequence_count"

    def _of(self, pattern: Pattern, starts: Int64, ts: Int64, conditions: Sequence[Met]) -> Result:
        return links.count(starts, ts, conditions, pattern.events, pattern.gaps).then(Numbers)


class SequenceMatchEvents(_Sequence):
    """When the pattern occurs first."""

    name = "sequence_match_events"
    nothing: Value = "[]"

    def _of(self, pattern: Pattern, starts: Int64, ts: Int64, conditions: Sequence[Met]) -> Vector:
        starts, ts, rows = _counting(pattern, starts, ts, conditions)
        texts = ["[]"] * (len(starts) - 1)
        left = np.ones(len(texts), bool)  # groups without a match so far
        length = len(pattern.events)

        def matches(length: int) -> links.LinkedMatches:
            part = pattern.prefix(length)
            every = links.candidates(part.events, ts, rows)
            candidates = [may_be[left[kernels.groups_of(may_be, starts)]] for may_be in every]
            return links.matches(starts, ts, candidates, part.gaps)

        while (longest := _longest(length, matches)) is not None:
            length, found = longest
            if length == len(pattern.events) or pattern.events[length - 1] is not None:
                first = np.flatnonzero(kernels.changes(found.groups))
                groups = found.groups[first]
                named = [at for at, event in enumerate(pattern.events[:length]) if event is not None]
                events = ts[found.events(first)[named]]
                for piece in pieces(len(groups)):
                    for group, times in zip(groups[piece].tolist(), events[:, piece].T.tolist(), strict=True):
                        texts[group] = f"[{','.join(map(str, times))}]"
                left[groups] = False
            length -= 1
            while length and pattern.events[length - 1] is None:
                length -= 1
        return Coded(np.arange(len(texts)), texts)


def _longest(length: int, matches: Callable[[int], links.LinkedMatches]) -> tuple[int, links.LinkedMatches] | None:
    """The longest beginning of a pattern (of at most `length` events) that matches, and its matches; None if none does.

    A match of the pattern begins with a match of each beginning of it, so the length is found by halving.
    """
    best = None
    least, over = 0, length + 1
    middle = length
    while over - least > 1:
        found = matches(middle)
        if len(found.groups):
            least, best = middle, (middle, found)
        else:
            over = middle
        middle = (least + over) // 2
    return best
