"""The matches of a chunk: by regular expression where that is safe, else by the general matcher.

Both need, for each variable, where its condition is met as far as it looks at its own row and at neighbours that stand
still (PREV, NEXT). For `re` that is all there may be; then each row is a byte that says which conditions it meets. A
partition that `re` might spend too long on, by the bound of `regex.Expression`, goes to the general matcher.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from re import Match

import numpy as np

from ..arrays import kernels
from ..errors import DataError, OperationalError
from ..interruption import look, looking
from ..lazily import cached_property
from ..model.dtypes import Array, Bool, Int64
from .clause import Clause, RowsPerMatch, Target
from .matcher import History, Matcher
from .measures import Matches
from .pattern import nullable
from .program import Program
from .regex import MOST_CLASSES, SEPARATOR, Regex, flat

_STEPS = 16_000_000
"""The most steps that `re` may take at a time, by the bound, at 10 ns each: nothing interrupts it meanwhile.

A partition that may take more goes to the general matcher.
"""

_AT_ONCE, _LONGEST = 1 << 16, 1 << 21
"""Rows that `re` searches between two looks: of several partitions, and of one."""

MOST_ROWS = 1 << 26
"""The most rows of all matches of a chunk. With SKIP TO NEXT ROW matches overlap, and a row counts in each."""

_BITS = 7
_MOST_CONDITIONS = 62

ABSENT = 1 << 62
"""The time of a row without one, if it is sorted after those that have one; -ABSENT if it is sorted before them."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where a condition is met: table[codes], or the table itself, if there are no codes. table: bool."""

    table: Bool
    codes: Array | None = None

    def mask(self) -> Bool:
        """For each row, bool[n]."""
        return self.table if self.codes is None else self.table[self.codes]


@dataclass(frozen=True, slots=True)
class Needs:
    """Which facts about matches are asked for."""

    labels: bool
    excluded: bool

    @property
    def any(self) -> bool:
        """Whether it matters how rows are mapped."""
        return self.labels or self.excluded


@dataclass
class Partitions:
    """The rows of a chunk, as a search sees them.

    truths: for each variable the rows at which its condition is met, as far as a row tells by itself; None for all.
    starts: where the partitions begin, and n: int64[k+1]. times: microseconds of each row, for WITHIN.
    history: evaluates conditions that look at earlier rows; None if no condition does.
    """

    truths: Mapping[str, Truth | None]
    starts: Int64
    times: Sequence[int] | None
    history: History | None
    _anywhere: dict[frozenset[str], bytes | None] = field(default_factory=dict)

    @cached_property
    def masks(self) -> dict[str, Bool | None]:
        """For each variable where it may be, bool[n]."""
        return {name: None if truth is None else truth.mask() for name, truth in self.truths.items()}

    @cached_property
    def mask_bytes(self) -> dict[str, bytes | None]:
        """The masks as the matcher reads them."""
        return {name: None if mask is None else mask.tobytes() for name, mask in self.masks.items()}

    def anywhere(self, names: frozenset[str]) -> bytes | None:
        """The rows at which one of the variables may be; None for all rows."""
        if names not in self._anywhere:
            masks = [self.masks[name] for name in names]
            known = [mask for mask in masks if mask is not None]
            together = np.logical_or.reduce(known) if len(known) == len(masks) else None
            self._anywhere[names] = None if together is None else together.tobytes()
        return self._anywhere[names]

    @cached_property
    def ranges(self) -> list[tuple[int, int]]:
        """The first row of each partition, and that after its last."""
        starts = self.starts.tolist()
        return list(zip(starts[:-1], starts[1:], strict=True))


class Search:
    """Finds the matches of one clause, chunk by chunk."""

    def __init__(self, clause: Clause, program: Program, needs: Needs, by_regex: bool) -> None:
        self.clause = clause
        self.program = program
        self.needs = needs
        self.by_regex = by_regex
        self.names = clause.variables
        self._kinds = list(zip(program.variables, program.excluded, strict=True))
        self._nullable = nullable(clause.pattern)
        ends = program.accept  # what is no position
        self._first = frozenset(program.variables[target] for target in program.first_of_all if target < ends)
        self._flat = flat(clause.pattern)
        self._expressions: dict[tuple[tuple[int, int], ...], Regex] = {}
        self._matcher = Matcher(program)
        self._skipped_to = clause.members(clause.skip.variable)

    def find(self, chunk: Partitions) -> Matches:
        """The matches, in order."""
        encoded = self._encode(chunk) if self.by_regex and chunk.history is None else None
        if encoded is not None and self.needs.any and not self._by_row(encoded[1].classes):
            encoded = encoded if encoded[1].capturing else None
        found = _Found(self.needs.any or self.clause.rows is not RowsPerMatch.ONE)
        if encoded is None:
            self._general(found, chunk, 0, len(chunk.ranges))
            return self._matches(found, chunk.starts, None)
        code, expression = encoded
        self._regular(found, chunk, _Text(code, chunk.starts), expression)
        return self._matches(found, chunk.starts, None if expression.capturing else encoded)

    # rows as bytes

    def _encode(self, chunk: Partitions) -> tuple[Array, Regex] | None:
        """(a byte a row, the pattern for these bytes); None if there are too many combinations of conditions."""
        bits = {name: at for at, name in enumerate(name for name, truth in chunk.truths.items() if truth is not None)}
        if len(bits) > _MOST_CONDITIONS:
            return None
        code, met = _combined(chunk, bits)
        if len(met) > MOST_CLASSES:
            return None
        if code.dtype == np.uint8:
            key = tuple((number, number) for number in met.tolist())
        else:
            code, key = np.searchsorted(met, code).astype(np.uint8), tuple(enumerate(met.tolist()))
        if key not in self._expressions:
            self._expressions[key] = self._expression(key, bits)
        return code, self._expressions[key]

    def _expression(self, key: tuple[tuple[int, int], ...], bits: Mapping[str, int]) -> Regex:
        """The pattern for rows of these (byte, the bits of the conditions that it stands for)."""
        classes = {
            name: frozenset(byte for byte, met in key if name not in bits or met >> bits[name] & 1)
            for name in self.names
        }
        capturing = self.needs.any and self._flat and not self._by_row(classes)
        return Regex(self.clause.pattern, self.program, classes, capturing)

    def _by_row(self, classes: Mapping[str, frozenset[int]]) -> bool:
        """Whether a row's byte tells which variable it is mapped to, and whether that is inside {- -}."""
        if self.needs.excluded and len(set(self._kinds)) > len(self.names):
            return False
        return sum(map(len, classes.values())) == len(frozenset().union(*classes.values()))

    # by regular expression

    def _regular(self, found: _Found, chunk: Partitions, text: _Text, expression: Regex) -> None:
        lengths = np.diff(chunk.starts)
        most = expression.longest(min(int(lengths.max(initial=0)), _LONGEST), _STEPS)
        longest = int(lengths[lengths <= most].max(initial=1))
        rows = min(_AT_ONCE, int(_STEPS * longest / expression.bound(longest)))  # longer paths take more steps a row
        for first, last in _stretches(chunk.starts, lengths, most, rows):
            look()
            if lengths[first] > most:
                self._general(found, chunk, first, last)
                continue
            at, end = text.before(first), text.before(last) + 1
            if self.clause.skip.target is Target.PAST_LAST and not self._nullable and chunk.times is None:
                starts, sizes = _split(expression, text.data[at:end])
                starts += at
            else:
                starts, sizes = _registers(expression, self._stepping(expression, text, at, end, chunk))
            found.count(int(sizes.sum()))
            positions = None
            if expression.capturing:
                kinds = [self._kinds.index(kind) for kind in expression.groups]
                positions = np.repeat(np.tile(np.array(kinds, np.int32), len(starts)), sizes.ravel())
            found.add(text.rows(starts), sizes.sum(axis=1), positions)

    def _stepping(self, expression: Regex, text: _Text, at: int, end: int, chunk: Partitions) -> Iterator[Match[bytes]]:
        """The matches between two separators, where they may overlap, be empty, or have to end within some time."""
        data, search, match = text.data, expression.compiled.search, expression.compiled.match
        past_last = self.clause.skip.target is Target.PAST_LAST
        while at < end and (found := search(data, at, end)) is not None:
            look()
            start = found.start()
            at = start + 1
            if start == end or data[start] == SEPARATOR:  # empty, where no row is
                continue
            if chunk.times is not None:
                partition, row = text.place(start)
                high = chunk.ranges[partition][1]
                limit = self._limit(chunk.times, row, high)
                found = match(data, start, limit + partition + 1 + (limit == high))  # $ looks at the separator
                if found is None:
                    continue
            yield found
            if past_last:
                at = max(at, found.end())

    # by the general matcher

    def _general(self, found: _Found, chunk: Partitions, first: int, last: int) -> None:
        """The matches of some partitions."""
        candidates = None if self._nullable else chunk.anywhere(self._first)
        history = chunk.history
        starts: list[int] = []
        lengths: list[int] = []
        positions: list[int] = []
        for low, high in looking(chunk.ranges[first:last]):
            limit = None if chunk.times is None else partial(self._limit, chunk.times, high=high)
            self._matcher.begin(chunk.mask_bytes, low, high, limit)
            if history is not None:
                history.enter(low, high)
            row, number = low, 1
            while row < high:
                if candidates is not None:
                    row = candidates.find(1, row, high)
                    if row < 0:
                        break
                match = self._matcher.match(row, history, number)
                if match is None:
                    row += 1
                    continue
                found.count(len(match))
                starts.append(row)
                lengths.append(len(match))
                if self.needs.any:
                    positions += match
                number += 1
                row = self._next_row(row, match)
        found.add(np.array(starts, np.int64), np.array(lengths, np.int64), np.array(positions, np.int32))

    def _limit(self, times: Sequence[int], row: int, high: int) -> int:
        """The first row that comes too late for a match that begins at `row`."""
        assert self.clause.within is not None
        first = times[row]
        return row if abs(first) == ABSENT else bisect_right(times, first + self.clause.within, row, high)

    def _next_row(self, row: int, match: list[int]) -> int:
        skip = self.clause.skip
        if not match or skip.target is Target.NEXT:
            return row + 1
        if skip.target is Target.PAST_LAST:
            return row + len(match)
        places = [at for at, position in enumerate(match) if self.program.variables[position] in self._skipped_to]
        if not places:
            raise DataError(
                f"AFTER MATCH SKIP {skip.target.value} {skip.variable}: no row of a match is mapped to it",
                "skip to a variable that is in every match, or PAST LAST ROW",
            )
        place = places[0] if skip.target is Target.FIRST else places[-1]
        if place == 0:
            raise DataError(
                f"AFTER MATCH SKIP {skip.target.value} {skip.variable}: that is the first row of the match, "
                "which would be found again for ever",
                "use TO NEXT ROW or PAST LAST ROW",
            )
        return row + place

    # together

    def _matches(self, found: _Found, starts: Int64, by_row: tuple[Array, Regex] | None) -> Matches:
        firsts = np.concatenate([*found.starts, np.zeros(0, np.int64)])
        lengths = np.concatenate([*found.lengths, np.zeros(0, np.int64)])
        partitions = np.searchsorted(starts, firsts, side="right") - 1
        numbers = np.arange(1, len(firsts) + 1) - np.searchsorted(partitions, partitions)
        if not self.needs.any:
            return Matches(firsts, lengths, numbers)
        if by_row is None:
            positions = np.concatenate([*found.positions, np.zeros(0, np.int32)])
            return Matches(firsts, lengths, numbers, positions, self._kinds)
        code, expression = by_row
        kinds: list[tuple[str | None, bool]] = [(None, False)] * 256
        for name, own in expression.classes.items():
            for byte in own:
                kinds[byte] = name, (name, True) in self._kinds
        return Matches(firsts, lengths, numbers, code, kinds, True)


@dataclass(slots=True)
class _Found:
    """Matches of some partitions, in order. positions: of the program, for the rows of one match after the other."""

    kept: bool  # whether each row of a match takes memory
    rows: int = 0
    starts: list[Int64] = field(default_factory=list)
    lengths: list[Int64] = field(default_factory=list)
    positions: list[Array] = field(default_factory=list)

    def count(self, rows: int) -> None:
        """Announce matches with `rows` rows; raises OperationalError if that is too many."""
        self.rows += rows if self.kept else 0
        if self.rows > MOST_ROWS:
            raise OperationalError(
                f"the matches of some partitions hold more than {MOST_ROWS:,} rows",
                "with AFTER MATCH SKIP PAST LAST ROW they do not overlap, and WITHIN makes them shorter",
            )

    def add(self, starts: Int64, lengths: Int64, positions: Array | None) -> None:
        """Add matches that were announced."""
        self.starts.append(starts)
        self.lengths.append(lengths)
        if positions is not None:
            self.positions.append(positions)


class _Text:
    """The rows of a chunk as bytes, with separators: one before each partition, and one at the end."""

    def __init__(self, code: Array, starts: Int64) -> None:
        n, partitions = len(code), len(starts) - 1
        self._separators = starts + np.arange(partitions + 1)
        everything = np.full(n + partitions + 1, SEPARATOR, np.uint8)
        rows = np.ones(len(everything), bool)
        rows[self._separators] = False
        everything[rows] = code
        self.data = everything.tobytes()

    def before(self, partition: int) -> int:
        """The place of the separator before a partition."""
        return int(self._separators[partition])

    def rows(self, places: Int64) -> Int64:
        """The rows at these places."""
        return places - np.searchsorted(self._separators, places)

    @cached_property
    def _listed(self) -> list[int]:
        listed: list[int] = self._separators.tolist()
        return listed

    def place(self, at: int) -> tuple[int, int]:
        """(partition, row) of a place."""
        partition = bisect_left(self._listed, at) - 1
        return partition, at - partition - 1


def _combined(chunk: Partitions, bits: Mapping[str, int]) -> tuple[Array, Array]:
    """(a number a row whose bits are the conditions that it meets, the numbers that can occur, ascending)."""
    dtype = np.uint8 if len(bits) <= _BITS else np.int64
    tables: dict[int, tuple[Array, Array | int]] = {}  # arrays of codes by their identity
    total: Array | None = None
    for name, bit in bits.items():
        truth = chunk.truths[name]
        assert truth is not None
        shifted = np.left_shift(truth.table, bit, dtype=dtype)
        if truth.codes is None:
            total = shifted if total is None else total | shifted
        else:
            codes, table = tables.get(id(truth.codes), (truth.codes, 0))
            tables[id(truth.codes)] = codes, shifted | table
    looked_up = [(codes, np.asarray(table)) for codes, table in tables.values()]
    if total is None and len(looked_up) == 1:
        ((codes, table),) = looked_up
        return table[codes], np.unique(table)
    if total is None:
        total = np.zeros(int(chunk.starts[-1]), dtype)
    for codes, table in looked_up:
        total = total | table[codes]
    return total, np.flatnonzero(np.bincount(total)) if dtype is np.uint8 else kernels.distinct(total)


def _split(expression: Regex, text: bytes) -> tuple[Int64, Int64]:
    """(where matches begin [m], the lengths of their groups [m, g]), from the pieces between matches and groups.

    Groups follow one another and cover all of a match, so lengths say it all. That needs no Match objects, which cost
    more than the search.
    """
    width = expression.compiled.groups + 1
    pieces = expression.compiled.split(text)
    look()
    lengths = map(len, pieces) if expression.all_groups else (0 if piece is None else len(piece) for piece in pieces)
    sizes = np.fromiter(lengths, np.int64, len(pieces))
    starts = np.cumsum(sizes)[:-1:width]
    return starts, sizes[:-1].reshape(-1, width)[:, 1:]


def _registers(expression: Regex, matches: Iterator[Match[bytes]]) -> tuple[Int64, Int64]:
    """The same of Match objects."""
    edges = chain.from_iterable(chain.from_iterable(match.regs for match in matches))
    spans = np.fromiter(edges, np.int64).reshape(-1, expression.compiled.groups + 1, 2)
    return spans[:, 0, 0], spans[:, 1:, 1] - spans[:, 1:, 0]


def _stretches(starts: Int64, lengths: Int64, most: int, rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of partitions: neighbours that have `rows` rows together, and alone each that is longer than `most`."""
    first, k = 0, len(lengths)
    for long in [*np.flatnonzero(lengths > most).tolist(), k]:
        while first < long:
            last = int(np.searchsorted(starts, starts[first] + rows, side="right")) - 1
            last = min(max(last, first + 1), long)
            yield first, last
            first = last
        if long < k:
            yield long, long + 1
            first = long + 1
