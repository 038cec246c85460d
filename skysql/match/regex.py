"""Patterns as regular expressions: rows are bytes, and Python's `re` finds the matches.

A row's byte says which of the conditions it meets; a variable is the class of the bytes that meet its own. A separator
stands before each partition and after the last, so that no match crosses one. The preferences of `re` are the
standard's: alternatives from the left, greedy quantifiers, reluctant ones.

Not every pattern can be given to `re`, which tries every way: `bound` is how many steps it may take, and is infinite
where repetitions of a repetition, or of choices that begin alike, make ways multiply. Then, and for the few things that
`re` sees differently (repetitions of what may be empty, many permutations), the general matcher has to do it.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

from ..lazily import cached_property
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
    walk,
)
from .program import Program

SEPARATOR = 0xFF
"""The byte that belongs to no variable."""

MOST_CLASSES = 254

_SEPARATOR = re.escape(bytes([SEPARATOR]))
_MOST_PERMUTED = 4
_MOST_POSITIONS = 400

Classes = Mapping[str, frozenset[int]]
"""For each variable the bytes that it may be mapped to, of those that occur."""


def expressible(pattern: Node) -> bool:
    """Whether `re` has the same idea of the pattern."""
    for node in walk(pattern):
        if isinstance(node, Quantified) and (node.high is None or node.high > 1) and nullable(node.item):
            return False
        if isinstance(node, Quantified) and nullable(node.item) and node.high == 1 and node.low == 0:
            return False
        if isinstance(node, Permutation) and len(node.items) > _MOST_PERMUTED:
            return False
    return True


def flat(pattern: Node) -> bool:
    """Whether each variable is matched in at most one run of rows, so that a group can capture it."""
    match pattern:
        case Quantified(Variable()):
            return True
        case Quantified(item, _, high):
            return high == 1 and flat(item)
        case Permutation():
            return False
    return all(map(flat, children(pattern)))


@dataclass(frozen=True)
class Regex:
    """A pattern for rows of known classes.

    capturing: whether each variable is a group, as rows do not tell their variable by their byte; else all is one.
    """

    pattern: Node
    program: Program
    classes: Classes
    capturing: bool

    @cached_property
    def compiled(self) -> re.Pattern[bytes]:
        """For `re`."""
        text = self._emit(self.pattern)
        return re.compile(text if self.capturing else b"(%s)" % text, re.DOTALL)

    @cached_property
    def all_groups(self) -> bool:
        """Whether every group takes part in every match."""
        optional = (Alternation, Quantified)
        found = (n for n in walk(self.pattern) if isinstance(n, optional))
        return not self.capturing or all(isinstance(n, Quantified) and isinstance(n.item, Variable) for n in found)

    @cached_property
    def groups(self) -> list[tuple[str, bool]]:
        """The variable, and whether it is excluded, of each group, if variables are groups."""
        found: list[tuple[str, bool]] = []

        def visit(node: Node, excluded: bool) -> None:
            if isinstance(node, Variable):
                found.append((node.name, excluded))
            for child in children(node):
                visit(child, excluded or isinstance(node, Excluded))

        if self.capturing:
            visit(self.pattern, False)
        return found

    def _emit(self, node: Node) -> bytes:
        match node:
            case Variable(name):
                return self._group(_class(self.classes[name]))
            case Concatenation(items):
                texts = [(isinstance(item, Alternation), self._emit(item)) for item in items]
                return b"".join(b"(?:%s)" % text if choice else text for choice, text in texts)
            case Alternation(items):
                return b"|".join(map(self._emit, items))
            case Permutation(items):
                return b"(?:%s)" % b"|".join(self._emit(Concatenation(order)) for order in permutations(items))
            case Excluded(item):
                return b"(?:%s)" % self._emit(item)
            case Anchor(start):
                return b"(?<=%s)" % _SEPARATOR if start else b"(?=%s)" % _SEPARATOR
            case Quantified(Variable(name), low, high, reluctant):
                return self._group(_class(self.classes[name]) + _quantifier(low, high, reluctant))
            case Quantified(item, low, high, reluctant):
                return b"(?:%s)" % self._emit(item) + _quantifier(low, high, reluctant)

    def _group(self, text: bytes) -> bytes:
        return b"(%s)" % text if self.capturing else text

    # how long it may take

    @cached_property
    def deterministic(self) -> bool:
        """Whether a row's byte always decides which way to go."""
        program = self.program
        if program.accept > _MOST_POSITIONS:
            return False
        for targets in (program.first, program.first_of_all, *program.follow):
            taken: set[int] = set()
            for target in targets:
                if target < program.accept:
                    own = self.classes[program.variables[target]]
                    if taken & own:
                        return False
                    taken |= own
        return True

    @cached_property
    def apart(self) -> bool:
        """Whether no row but the first of a match can be its first: then attempts do not overlap."""
        program = self.program
        firsts = {target for target in program.first_of_all if target < program.accept}
        later = {target for targets in program.follow for target in targets if target < program.accept}
        begin: frozenset[int] = frozenset().union(*(self.classes[program.variables[p]] for p in firsts))
        return not any(begin & self.classes[program.variables[p]] for p in later)

    def bound(self, length: int) -> float:
        """The most steps that it takes to search a partition with `length` rows."""
        if length == 0:
            return 0.0
        if self.deterministic:
            return length * (2.0 if self.apart else self._run(length))
        attempt = self._attempt(self.pattern, 1.0, frozenset(), length)
        return length * attempt

    def longest(self, length: int, steps: int) -> int:
        """The largest partition, of at most `length` rows, that cannot take more steps than that."""
        if self.bound(length) <= steps:
            return length
        return bisect_right(range(length + 1), steps, key=lambda rows: int(min(self.bound(rows), 1e18))) - 1

    def _run(self, length: int) -> float:
        """The most rows that one attempt looks at."""
        unbounded = any(isinstance(node, Quantified) and node.high is None for node in walk(self.pattern))
        return float(length if unbounded else min(length, self.program.accept + 1))

    def _attempt(self, node: Node, rest: float, after: frozenset[int], length: int) -> float:
        """Steps of one attempt at the node, if one at what follows takes `rest` and can begin with bytes in `after`."""
        match node:
            case Variable() | Anchor():
                return 1 + rest
            case Concatenation(items):
                for item in reversed(items):
                    rest = self._attempt(item, rest, after, length)
                    after = self._begins(item) | (after if nullable(item) else frozenset())
                return rest
            case Alternation(items):
                return 1 + sum(self._attempt(item, rest, after, length) for item in items)
            case Permutation(items):
                return math.factorial(len(items)) * self._attempt(Concatenation(items), rest, after, length)
            case Excluded(item):
                return self._attempt(item, rest, after, length)
            case Quantified(Variable(name), low, high):
                times = length if high is None else min(high, length)
                stops = times - low + 1 if self.classes[name] & after or not after else 1
                return times + max(stops, 1) * rest
            case Quantified(item, low, high) if high == 1:
                return self._attempt(item, rest, after, length) + (rest if low == 0 else 0)
        return math.inf

    def _begins(self, node: Node) -> frozenset[int]:
        match node:
            case Variable(name):
                return self.classes[name]
            case Concatenation(items):
                found: frozenset[int] = frozenset()
                for item in items:
                    found |= self._begins(item)
                    if not nullable(item):
                        break
                return found
        return frozenset().union(*map(self._begins, children(node)))


def _class(found: frozenset[int]) -> bytes:
    if not found:
        return rb"[^\x00-\xff]"
    if len(found) == 1:
        return re.escape(bytes(found))
    return b"[%s]" % b"".join(b"\\x%02x" % byte for byte in sorted(found))


def _quantifier(low: int, high: int | None, reluctant: bool) -> bytes:
    if (low, high) == (0, 1):
        text = b"?"
    elif high is None:
        text = {0: b"*", 1: b"+"}.get(low, b"{%d,}" % low)
    else:
        text = b"{%d,%d}" % (low, high)
    return text + b"?" * reluctant
