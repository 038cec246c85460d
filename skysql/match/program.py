"""A pattern as positions: the places of its variables, and what may come after each, in order of preference.

The pattern is first a graph of steps that consume nothing (choices, anchors, the ends of repetitions); then, for the
start and for each position, that graph is walked depth first to the positions that can come next. This is Glushkov's
automaton with its edges in the pattern's order of preference, so that a matcher has nothing but rows to think of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import NamedTuple

from ..errors import NotSupportedError
from .pattern import (
    Alternation,
    Anchor,
    Concatenation,
    Excluded,
    Node,
    Permutation,
    Quantified,
    Variable,
    children,
    nullable,
    rigid,
    show,
)

_MOST_STEPS = 200_000
_MOST_EDGES = 4_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """p positions, numbered from 0; the target p is the end of the pattern, p+1 its end at the end of the partition.

    variables: the name at each position. excluded: whether it is inside {- -}.
    first:     the targets at a row, and `first_of_all` at the first row of a partition, preferred ones first.
    follow:    for each position the targets at the row after it.
    """

    variables: tuple[str, ...]
    excluded: tuple[bool, ...]
    first: tuple[int, ...]
    first_of_all: tuple[int, ...]
    follow: tuple[tuple[int, ...], ...]

    @property
    def accept(self) -> int:
        """The target p."""
        return len(self.variables)


@dataclass(slots=True)
class _Step:
    """kind: position, choice, mark, check, start, end or accept. next: where it leads, in order of preference.

    A check leads to the first of its two steps if a row was consumed since its mark, else to the second: an empty
    repetition is the last.
    """

    kind: str
    next: tuple[int, ...] = ()
    number: int = 0  # of a position, or the mark that a check belongs to


class _Walk(NamedTuple):
    """Where a walk without rows has come, the marks it has passed, and whether it has to be the partition's end."""

    step: int
    marks: frozenset[int] = frozenset()
    at_end: bool = False


class _Graph:
    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self.variables: list[str] = []
        self.excluded: list[bool] = []

    def add(self, kind: str, *next: int, number: int = 0) -> int:
        self.steps.append(_Step(kind, next, number))
        return len(self.steps) - 1

    def build(self, node: Node, then: int, excluded: bool = False) -> int:
        """The step where the node begins, if it goes on at step `then`."""
        match node:
            case Variable(name):
                self.variables.append(name)
                self.excluded.append(excluded)
                return self.add("position", then, number=len(self.variables) - 1)
            case Concatenation(items):
                for item in reversed(items):
                    then = self.build(item, then, excluded)
                return then
            case Alternation(items):
                return self.add("choice", *[self.build(item, then, excluded) for item in items])
            case Permutation(items):
                return self._permutation(items, then, excluded)
            case Quantified():
                return self._quantified(node, then, excluded)
            case Excluded(item):
                return self.build(item, then, True)
            case Anchor(start):
                return self.add("start" if start else "end", then)

    def _permutation(self, items: tuple[Node, ...], then: int, excluded: bool) -> int:
        """All orders; if each item has one way only, one step for each set of items that were matched, so 2^n."""
        if not all(map(rigid, items)):
            orders = [self.build(Concatenation(order), then, excluded) for order in permutations(items)]
            return self.add("choice", *orders)
        every = (1 << len(items)) - 1
        states = {every: then}
        for done in range(every - 1, -1, -1):
            choices = [
                self.build(item, states[done | 1 << at], excluded)
                for at, item in enumerate(items)
                if not done >> at & 1
            ]
            states[done] = choices[0] if len(choices) == 1 else self.add("choice", *choices)
        return states[0]

    def _quantified(self, node: Quantified, then: int, excluded: bool) -> int:
        item, low, high = node.item, node.low, node.high
        may_be_empty = nullable(item)

        def once(back: int) -> int:
            """A repetition that leads to `back`, or to `then` if it is empty."""
            if not may_be_empty or back == then:
                return self.build(item, back, excluded)
            mark = self.add("mark")
            check = self.add("check", back, then, number=mark)
            self.steps[mark].next = (self.build(item, check, excluded),)
            return mark

        def choose(more: int) -> tuple[int, int]:
            return (then, more) if node.reluctant else (more, then)

        entry = then
        if high is None:
            entry = self.add("choice")
            self.steps[entry].next = choose(once(entry))
        else:
            for _ in range(high - low):
                entry = self.add("choice", *choose(once(entry)))
        for repetition in range(low, 0, -1):
            entry = once(entry) if repetition == low else self.build(item, entry, excluded)
        return entry

    def targets(self, entry: int, at_start: bool) -> tuple[int, ...]:
        """The positions and ends that the step leads to without consuming a row."""
        found: dict[int, None] = {}
        seen: set[_Walk] = set()
        stack = [_Walk(entry)]
        while stack:
            walk = stack.pop()
            if walk in seen:
                continue
            seen.add(walk)
            step = self.steps[walk.step]
            if step.kind == "position":
                if not walk.at_end:
                    found[step.number] = None
            elif step.kind == "accept":
                found[len(self.variables) + walk.at_end] = None
            elif step.kind != "start" or at_start:
                stack += reversed(self._after(walk))
        return tuple(found)

    def _after(self, walk: _Walk) -> list[_Walk]:
        """Where a walk goes on, in order of preference."""
        step, marks = self.steps[walk.step], walk.marks
        if step.kind == "check":
            empty = step.number in marks
            return [_Walk(step.next[empty], marks - {step.number}, walk.at_end)]
        if step.kind == "mark":
            marks |= {walk.step}
        return [_Walk(next, marks, walk.at_end or step.kind == "end") for next in step.next]


def _size(node: Node) -> int:
    """The approximate number of steps of a node."""
    match node:
        case Permutation(items):
            shared = all(map(rigid, items))
            return sum(map(_size, items)) * (2 ** (len(items) - 1) if shared else factorial(len(items)))
        case Quantified(item, low, high):
            return (_size(item) + 1) * (low + 1 if high is None else high)
    return 1 + sum(map(_size, children(node)))


def compile_pattern(pattern: Node) -> Program:
    """The program of a pattern; raises NotSupportedError if it is too large."""
    if _size(pattern) > _MOST_STEPS:
        raise NotSupportedError(
            f"the pattern stands for more than {_MOST_STEPS:,} steps", "are the numbers in braces meant?"
        )
    graph = _Graph()
    entry = graph.build(pattern, graph.add("accept"))
    steps = [step for step in graph.steps if step.kind == "position"]
    steps.sort(key=lambda step: step.number)
    follow, edges = [], 0
    for step in steps:
        follow.append(graph.targets(step.next[0], False))
        edges += len(follow[-1])
        if edges > _MOST_EDGES:
            raise NotSupportedError(f"the pattern {show(pattern)[:60]} has too many optional parts in a row")
    first, first_of_all = (graph.targets(entry, at_start) for at_start in (False, True))
    return Program(tuple(graph.variables), tuple(graph.excluded), first, first_of_all, tuple(follow))
