"""A funnel in which an event counts once, where events at one time meet several conditions. Imports numpy only.

At one moment a chain may take several steps, each by another event: steps i ... k are possible if each can be given an
event of its own, which is a matching of steps with events. So a group goes by moments, and a moment by its steps, and
never by the chains, of which there may be exponentially many.

Source: the matching is Kuhn's (augmenting paths); a step fits if and only if one is found for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rules:
    """The window, and what the modes of a funnel ask for."""

    window: int
    deduplication: bool = False
    order: bool = False
    increase: bool = False
    once: bool = False
    reentry: bool = False


@dataclass(slots=True)
class _Moment:
    """The events of one moment: holders[k] are those that meet condition k+1, in order of arrival.

    A step never needs more than one event more than there are steps, so no more than that are looked at.
    """

    time: int
    holders: list[list[int]]

    def begun(self, step: int, event: int | None, before: Sequence[int | None], window: int) -> int | None:
        """When the chain of so many steps that begins last, and ends at this moment (with that event), has begun.

        before[k] is the same for k steps that end before this moment. The more steps are taken now the better: as many
        as can be given events of their own, from the last backwards.
        """
        taken = {self.holders[step - 1][0] if event is None else event: step}  # event -> its step
        now = step - 1
        while now and self._give(now, taken, set() if event is None else {event}):
            now -= 1
        begun = before[now] if now else self.time
        return begun if begun is not None and self.time - begun <= window else None

    def _give(self, step: int, taken: dict[int, int], tried: set[int]) -> bool:
        """Give the step an event that was not tried, if need be by giving another event to the step that has it."""
        for event in self.holders[step - 1]:
            if event in tried:
                continue
            tried.add(event)
            owner = taken.get(event)
            if owner is None or self._give(owner, taken, tried):
                taken[event] = step
                return True
        return False


@dataclass(slots=True)
class _Funnel:
    """One group's funnel on its way."""

    steps: int
    rules: Rules
    level: int = 0
    begun: list[int | None] = field(default_factory=list)

    def take(self, moment: _Moment) -> bool:
        """Go through a moment; False if the funnel stops there."""
        before = self.begun.copy()
        for step in range(1, self.steps + 1):
            if moment.holders[step - 1] and not self._step(moment, step, before):
                return False
        return self.level < self.steps

    def _step(self, moment: _Moment, step: int, before: list[int | None]) -> bool:
        if step == 1:
            self._reach(1, moment.time)
            return True
        for event in moment.holders[step - 1] if self.rules.deduplication else [None]:
            if self.rules.deduplication and self.level >= step:
                return False
            if self.level < step - 1:
                return not self.rules.order or not self.level or self.rules.reentry
            begun = moment.begun(step, event, before, self.rules.window)
            if begun is not None:
                self._reach(step, begun)
        return True

    def _reach(self, step: int, begun: int) -> None:
        self.level = max(self.level, step)
        self.begun[step] = begun


def level_once(ts: Int64, masks: Sequence[int], steps: int, rules: Rules) -> int:
    """The most steps that a group takes if an event counts once.

    ts: int64[n], non-decreasing. masks: for each event, the conditions that it meets, as bits.
    """
    funnel = _Funnel(steps, rules, begun=[None] * (steps + 1))
    for moment, strangers in _moments(ts, masks, steps):
        if rules.order and strangers and funnel.level or not funnel.take(moment):
            break
    return funnel.level


def _moments(ts: Int64, masks: Sequence[int], steps: int) -> Iterator[tuple[_Moment, bool]]:
    """Each moment, and whether an event of it meets no condition."""
    for time, events in groupby(enumerate(ts.tolist()), key=lambda event: event[1]):
        moment = _Moment(time, [[] for _ in range(steps)])
        strangers = False
        for row, _ in events:
            strangers |= not masks[row]
            for step, holders in enumerate(moment.holders):
                if masks[row] >> step & 1 and len(holders) <= steps:
                    holders.append(row)
        yield moment, strangers
