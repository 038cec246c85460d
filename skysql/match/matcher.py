"""The general matcher: depth first through a program in its order of preference, never twice through the same state.

A state is (row, position) and whatever the conditions know of the rows before: nothing, if they look at their own rows
only; else the values of `History`. From one state the rest goes the same way however it was reached, so a state that
has failed is not tried again, neither from this row nor from a later one. That makes the time at most proportional to
rows x positions x histories, and patterns like (A+)+ B, on which backtracking takes exponential time, are nothing
special. Sources: R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (the bit-state matcher).

A match is a list of positions, one a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from itertools import islice
from typing import Any, Protocol

from ..errors import OperationalError
from ..interruption import look
from .program import Program

_CHECKED = 256
"""Steps of an attempt between two looks at whether it was interrupted. With conditions that look back, every step."""

MOST_STATES, MOST_BACK = 1 << 24, 1 << 21
"""States that one attempt may see: without conditions that look back, and with them, where states are larger."""

_CACHED = 1 << 22
"""Failed states that are cached; with more, all are dropped."""

_AT_ONCE = 1 << 16
"""Failed states that are cached between two looks."""

State = tuple[Any, ...]


class History(Protocol):
    """What conditions know of a match so far."""

    def enter(self, low: int, high: int) -> None:
        """Go on with the rows low ... high-1, which are a partition."""
        ...

    def begin(self, row: int, number: int) -> State:
        """Before the first row of match `number`."""
        ...

    def advance(self, state: State, position: int, row: int) -> State | None:
        """After mapping the row to a position; None if its condition is not met."""
        ...


class Matcher:
    """Finds matches of one program, partition by partition."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._stride = program.accept + 2
        self._follow = [tuple(reversed(targets)) for targets in program.follow]
        self._failed: set[Any] = set()
        self.begin({}, 0, 0, None)

    def begin(
        self, masks: Mapping[str, bytes | None], low: int, high: int, limit: Callable[[int], int] | None
    ) -> None:
        """Go on with the rows low ... high-1, which are a partition.

        masks: for each variable, by row, whether the part of its condition that looks at its own row is met.
        limit: for each row, where a match that begins there has to end (WITHIN); None for the partition's end.
        """
        self.masks = [masks.get(name) for name in self.program.variables]
        self.low = low
        self.high = high
        self.limit = limit
        self._failed.clear()

    def match(self, start: int, history: History | None, number: int) -> list[int] | None:
        """The positions of the match that begins at a row: [] if it is empty, None if there is no match."""
        look()
        end = self.high if self.limit is None else min(self.high, self.limit(start))
        if history is None:
            return self._plain(start, end)
        return self._with_history(start, end, history, number)

    def _plain(self, start: int, end: int) -> list[int] | None:
        program, stride, follow, masks = self.program, self._stride, self._follow, self.masks
        accept, low, high, failed = program.accept, self.low, self.high, self._failed
        if self.limit is not None:
            failed = set()  # another start has another end
        first = program.first_of_all if start == low else program.first
        seen: dict[int, int] = {}  # state -> the state before it
        jobs = [start * stride + target for target in reversed(first)]
        before = [-1] * len(jobs)
        turns = 0
        while jobs:
            turns += 1
            if turns % _CHECKED == 0:
                look()
                _bound(seen, MOST_STATES)
            job, parent = jobs.pop(), before.pop()
            if job in seen or job in failed:
                continue
            row, position = divmod(job, stride)
            if position >= accept:
                if position == accept or row == high:
                    found = self._trace(parent, seen)
                    self._settle(seen, found, start)
                    return found
                continue
            seen[job] = parent
            mask = masks[position]
            if row < end and (mask is None or mask[row]):
                targets = follow[position]
                base = (row + 1) * stride
                jobs += [base + target for target in targets]
                before += [job] * len(targets)
        if self.limit is None:
            self._cache_failed(seen)
        return None

    def _cache_failed(self, states: Iterable[Any]) -> None:
        """Note that no match is reached from these states."""
        states = iter(states)
        while some := list(islice(states, _AT_ONCE)):
            look()
            if len(self._failed) > _CACHED:
                self._failed.clear()
            self._failed.update(some)

    def _trace(self, parent: int, seen: dict[int, int]) -> list[int]:
        positions = []
        while parent >= 0:
            positions.append(parent % self._stride)
            parent = seen[parent]
        positions.reverse()
        return positions

    def _settle(self, seen: dict[int, int], found: list[int], start: int) -> None:
        """A match was found: the states that were seen and are not on its way have failed."""
        if self.limit is None and len(seen) > len(found):
            for row, position in enumerate(found, start):
                del seen[row * self._stride + position]
            self._cache_failed(seen)

    def _with_history(self, start: int, end: int, history: History, number: int) -> list[int] | None:
        program, follow, masks, failed = self.program, self._follow, self.masks, self._failed
        accept, low, high = program.accept, self.low, self.high
        first = program.first_of_all if start == low else program.first
        begun = history.begin(start, number)
        seen: dict[Any, Any] = {}
        jobs: list[Any] = [(start, target, end, begun) for target in reversed(first)]
        before: list[Any] = [None] * len(jobs)
        while jobs:
            look()
            _bound(seen, MOST_BACK)
            job, parent = jobs.pop(), before.pop()
            if job in seen or job in failed:
                continue
            row, position, _, state = job
            if position >= accept:
                if position == accept or row == high:
                    return self._settled(parent, seen)
                continue
            seen[job] = parent
            mask = masks[position]
            if row < end and (mask is None or mask[row]):
                after = history.advance(state, position, row)
                if after is not None:
                    targets = follow[position]
                    jobs += [(row + 1, target, end, after) for target in targets]
                    before += [job] * len(targets)
        self._cache_failed(seen)
        return None

    def _settled(self, parent: Any, seen: dict[Any, Any]) -> list[int]:
        way = []
        while parent is not None:
            way.append(parent)
            parent = seen[parent]
        for job in way:
            del seen[job]
        self._cache_failed(seen)
        return [job[1] for job in reversed(way)]


def _bound(seen: Sized, most: int) -> None:
    if len(seen) > most:
        raise OperationalError(
            f"the search for a match takes more than {most:,} states",
            "bound it by WITHIN, by numbers in braces, or by conditions that look back less",
        )
