"""A funnel in which an event counts once, where events at one time meet several conditions.

At one moment a chain may take several steps, each by another event: steps i ... k are possible if each can be given an
event of its own, which is a matching of steps with events. So a group goes by moments, and a moment by its steps, and
never by the chains, of which there may be exponentially many.

Source: the matching is Kuhn's (augmenting paths); a step fits if and only if one is found for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..interruption import looking, pieces
from ..model.dtypes import Int64

_MOST = 32
"""The most steps of a funnel."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The window, and what the modes of a funnel ask for."""

    window: int
    deduplication: bool = False
    order: bool = False
    increase: bool = False
    once: bool = False
    reentry: bool = False


class _Moment:
    """The events of one moment, each by the conditions that it meets (step k: the bit k-1), in order of arrival."""

    __slots__ = ("time", "masks", "met", "_holders")

    def __init__(self, time: int) -> None:
        self.time = time
        self.masks: list[int] = []
        self.met = 0  # the conditions that any of them meets
        self._holders: dict[int, list[int]] = {}

    def holders(self, step: int) -> list[int]:
        """The events that meet the step's condition: at most one more than there can be steps."""
        found = self._holders.get(step)
        if found is None:
            found = [event for event, mask in enumerate(self.masks) if mask >> step - 1 & 1][: _MOST + 1]
            self._holders[step] = found
        return found

    def begun(self, step: int, event: int | None, before: Sequence[int | None], window: int) -> int | None:
        """When a chain of `step` steps began that ends at this moment, with that event: the latest such time.

        before[k] is the same for k steps that end before this moment. The more steps are taken now, the later the chain
        began: so steps are given events of their own, from the last backwards, as long as there are any.
        """
        now = step - 1
        if len(self.masks) > 1:
            taken = {self.holders(step)[0] if event is None else event: step}  # event -> its step
            while now and self._give(now, taken, set() if event is None else {event}):
                now -= 1
        begun = before[now] if now else self.time
        return begun if begun is not None and self.time - begun <= window else None

    def _give(self, step: int, taken: dict[int, int], tried: set[int]) -> bool:
        """Give the step an event that was not tried, if need be by giving another event to the step that has it."""
        for event in self.holders(step):
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
    level: int
    begun: list[int | None]

    def take(self, moment: _Moment) -> bool:
        """Go through a moment; False if the funnel stops there."""
        before = self.begun.copy()
        for step in range(1, self.steps + 1):
            if moment.met >> step - 1 & 1 and not self._step(moment, step, before):
                return False
        return self.level < self.steps

    def _step(self, moment: _Moment, step: int, before: list[int | None]) -> bool:
        if step == 1:
            self._reach(1, moment.time)
            return True
        for event in moment.holders(step) if self.rules.deduplication else (None,):
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


def level_once(ts: Int64, masks: Int64, steps: int, rules: Rules) -> int:
    """The most steps that a group takes if an event counts once.

    ts: int64[n], non-decreasing. masks: int64[n], the conditions that each event meets, as bits.
    """
    funnel = _Funnel(steps, rules, 0, [None] * (steps + 1))
    if not rules.order:
        ts, masks = ts[masks != 0], masks[masks != 0]
    for moment in _moments(ts, masks):
        if rules.order and funnel.level and 0 in moment.masks or not funnel.take(moment):
            break
    return funnel.level


def _moments(ts: Int64, masks: Int64) -> Iterator[_Moment]:
    moment: _Moment | None = None
    for piece in pieces(len(ts)):
        for time, mask in looking(zip(ts[piece].tolist(), masks[piece].tolist(), strict=True)):
            if moment is None or moment.time != time:
                if moment is not None:
                    yield moment
                moment = _Moment(time)
            moment.masks.append(mask)
            moment.met |= mask
    if moment is not None:
        yield moment
