"""Patterns of events as text: '(?1).*(?t<=3600)(?2)' to the wanted events and the gaps between them.

    pattern := item...                 at least one event
    item    := '(?' number ')'         an event that meets the condition of that number, from 1
             | '.'                     any one event
             | '.*'                    any number of events, none too
             | '(?t' op time ')'       a bound on the time from the event before it to the event after it, between which
                                       any number of events may lie; several bounds in a row hold together
    op      := '<' | '<=' | '==' | '!=' | '>' | '>='
    time    := digits                  in the unit of the times
             | quoted duration         '1 hour', in microseconds

A pattern may match anywhere in a path, so a '.*' at its beginning or end says nothing. A bound has to stand between two
events; which side of a '.*' it stands on makes no difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from ..errors import ProgrammingError
from .arguments import LONGEST, span
from .links import Gap

_ITEM = re.compile(
    r"""\(\?(?P<event>\d+)\) | (?P<star>\.\*) | (?P<any>\.)
    | \(\?t(?P<op><=|>=|==|!=|<|>)(?:(?P<number>\d+)|'(?P<duration>[^']*)')\)""",
    re.VERBOSE | re.ASCII,
)
_HINT = "a pattern is made of (?1), (?2), ... for events, . for any event, .* for any events, and (?t<=3600) for times"


@dataclass(frozen=True, slots=True)
class Pattern:
    """events: for each wanted event the index of its condition, from 0, or None for any. gaps: between them."""

    events: tuple[int | None, ...]
    gaps: tuple[Gap, ...]

    @property
    def counts_others(self) -> bool:
        """Whether it matters which events there are beside those wanted."""
        return None in self.events or any(gap.adjacent for gap in self.gaps)

    def prefix(self, events: int) -> Pattern:
        """The pattern of its first events."""
        return Pattern(self.events[:events], self.gaps[: events - 1])


@lru_cache(256)  # as it is asked for each shard
def parse(name: str, text: str, conditions: int, timestamps: bool = False) -> Pattern:
    """The pattern of a call of the function `name`. ProgrammingError for what is none, with the place marked.

    timestamps: whether the times are that, so that a time in the pattern needs a unit.
    """
    events: list[int | None] = []
    gaps: list[Gap] = []
    gap, at, timed = Gap(), 0, 0
    while at < len(text):
        item = _ITEM.match(text, at)
        if item is None:
            raise _error(name, text, at, "does not parse", _HINT)
        if item["op"]:
            if not events:
                raise _error(name, text, at, "has a time without an event before it", "it bounds the time between two")
            gap, timed = _bounded(gap, item["op"], _time(name, text, item, timestamps)), at
        elif item["star"]:
            gap = replace(gap, adjacent=False)
        else:
            if events:
                gaps.append(gap)
            events.append(_condition(name, text, item, conditions))
            gap = Gap()
        at = item.end()
    if not events:
        raise _error(name, text, at, "has no event in it", _HINT)
    if gap != replace(Gap(), adjacent=gap.adjacent):
        raise _error(name, text, timed, "has a time without an event after it", "it bounds the time between two")
    return Pattern(tuple(events), tuple(gaps))


def _condition(name: str, text: str, item: re.Match[str], conditions: int) -> int | None:
    if item["any"]:
        return None
    number = _whole(item["event"])
    if not 1 <= number <= conditions:
        there = f"there {'is' if conditions == 1 else 'are'} {conditions} condition{'s' * (conditions != 1)}"
        raise _error(name, text, item.start(), f"asks for condition {number}", f"{there}, counted from 1")
    return number - 1


def _time(name: str, text: str, item: re.Match[str], timestamps: bool) -> int:
    if item["number"]:
        digits = item["number"].lstrip("0")
        if digits and timestamps:
            op = item["op"]
            hint = f"write (?t{op}'{digits} seconds'), or (?t{op}'{digits} microseconds')"
            raise _error(name, text, item.start(), "has a time without a unit, and the times are timestamps,", hint)
        return min(_whole(digits or "0"), LONGEST)
    try:
        return span(name, "a time", item["duration"])
    except ProgrammingError as error:
        place = item.start("duration") - 1
        raise _error(name, text, place, "has a time that is no duration", "write one like '1 hour'") from error


def _whole(digits: str) -> int:
    """The number. One of more than 30 digits is cut to 30: too large, either way."""
    return int(digits[:30])


def _bounded(gap: Gap, op: str, time: int) -> Gap:
    """The gap with one more bound."""
    gap = replace(gap, adjacent=False)
    match op:
        case "!=":
            return replace(gap, unequal=(*gap.unequal, time))
        case "<" | "<=":
            return replace(gap, most=min(gap.most, time - (op == "<")))
        case ">" | ">=":
            return replace(gap, least=max(gap.least, min(time + (op == ">"), LONGEST)))
    return replace(gap, least=max(gap.least, time), most=min(gap.most, time))


def _error(name: str, text: str, at: int, what: str, hint: str) -> ProgrammingError:
    marked = f"{text[:at]} HERE>> {text[at:]}".strip()
    return ProgrammingError(f"{name}(): the pattern {what} at character {at + 1}: {marked}", hint)
