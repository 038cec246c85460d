"""Path scans: plan x snapshot -> partials -> result.

    select      the rows of a segment that meet the predicate: objects first, then the action, then everything else
    partial     their groups and accumulators; a pure function of (plan, segment, parameters)
    merge       partials into one; segments never share an object, but do share groups
    finish      accumulators into values, groups in SQLite's order of their keys

Whatever numpy cannot compute exactly as SQLite would is handed to SQLite with only the rows and columns that are left:
a `SqlAggregate`, or an aggregate whose sum leaves int64 (`Inexact`): then the scan starts again with that one as SQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import kernels, timestamps
from .columns import Array, Int64
from .dictionary import Dictionary
from .evaluate import Evaluation, Evaluator, declared_type, json_numbers
from .plan import (
    Aggregate,
    And,
    Column,
    Compare,
    Expr,
    InSet,
    Literal,
    Objects,
    Pairs,
    Parameter,
    PathScan,
    SqlAggregate,
    Value,
    aggregate_sql,
    columns,
    conjuncts,
)
from .rows import EventRows, ObjectRows, Rows
from .schema import ACTION
from .segment import Segment
from .store import Snapshot
from .vectors import Coded, Numbers, Vector, compact_codes, sort_ranks, value_ranks


class Inexact(Exception):
    """An aggregate, by its place in the plan, left the range in which arrays give SQLite's answer."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


@dataclass(slots=True)
class Accumulator:
    """One aggregate over g groups.

    count: int64[g], the values that are not NULL. state: [g] or None: the sum, or the extreme value.
    pairs: for DISTINCT, (group, value): the distinct values of each group. rows: for SQL, the rows themselves.
    """

    count: Int64
    state: Vector | None = None
    pairs: tuple[Array, Vector] | None = None
    rows: tuple[Array, list[list[Value]]] | None = None

    def take(self, used: Int64, size: int) -> Accumulator:
        """Of so many groups only those that are used, numbered anew."""
        if len(used) == size:
            return self
        places = np.zeros(size, np.int64)
        places[used] = np.arange(len(used))
        return Accumulator(
            self.count[used],
            None if self.state is None else self.state.take(used),
            None if self.pairs is None else (places[self.pairs[0]], self.pairs[1]),
            None if self.rows is None else (places[self.rows[0]], self.rows[1]),
        )


@dataclass(slots=True)
class Partial:
    """Groups of some rows: a vector a key, and an accumulator an aggregate; `groups` is how many."""

    groups: int
    keys: list[Vector]
    accumulators: list[Accumulator]


_FEW_GROUPS = 1 << 12
"""So many groups are accumulated whether they occur or not, which saves numbering those that do."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows dealt into groups: a number below `size` for each row, the rows of each, and which groups have any."""

    numbers: Array
    size: int
    counts: Int64
    used: Int64

    def keys(self, keys: list[Vector]) -> list[Vector]:
        """The keys' values in each used group."""
        if not keys:
            return []
        if len(keys) == 1 and isinstance(keys[0], Coded) and self.size == len(keys[0].values):
            return [Coded(self.used, keys[0].values)]
        one_of_each = np.zeros(self.size, np.int64)
        if self.size > _FEW_GROUPS or len(self.numbers) < 4 * self.size:
            one_of_each[self.numbers] = np.arange(len(self.numbers))
        else:
            one_of_each[self.used] = kernels.first_of_each(self.numbers, self.used)
        return [key.take(one_of_each[self.used]) for key in keys]


def group(keys: list[Vector], rows: int) -> Groups:
    """The groups of rows by their keys."""
    if not keys:
        return Groups(np.zeros(rows, np.uint8), 1, np.array([rows], np.int64), np.zeros(1, np.int64))
    numbers, bound = kernels.factorize([compact_codes(key) for key in keys])
    if bound <= _FEW_GROUPS:
        counts = kernels.group_count(numbers, bound)
        return Groups(numbers, bound, counts, np.flatnonzero(counts))
    used, numbers = kernels.group_numbers(numbers, bound)
    size = len(used)
    return Groups(numbers, size, kernels.group_count(numbers, size), np.arange(size))


class Scan:
    """One run of a plan over a snapshot."""

    def __init__(self, plan: PathScan, snapshot: Snapshot, evaluator: Evaluator, parameters: Sequence[Value]) -> None:
        self.plan = plan
        self.snapshot = snapshot
        self.table = snapshot.table
        self.dictionary = snapshot.store.dictionary
        self.evaluator = evaluator
        self.parameters = parameters
        self.evaluation = Evaluation(self.table, evaluator, parameters)
        object_name = self.table.object_name.lower()
        parts = conjuncts(plan.where)
        self._object_parts = [p for p in parts if [c.name.lower() for c in columns(p)] == [object_name]]
        self._action_codes: list[int] | None = None  # what the conditions on the action leave; the same in all segments
        self._row_parts = sorted((p for p in parts if p not in self._object_parts), key=self._cost)

    @staticmethod
    def _cost(part: Expr) -> int:
        """The action first, whose events are known by position; then what arrays do; then what takes SQLite."""
        if [c.name.lower() for c in columns(part)] == ["action"]:
            return 0
        return 1 if isinstance(part, Compare) else 2

    # rows

    def rows(self) -> Iterator[Rows]:
        """The rows that meet the predicate, segment by segment."""
        if isinstance(self.plan.source, Pairs):
            yield from self._pair_rows(self.plan.source)
            return
        wanted = self._object_set()
        if wanted is None:
            chosen_segments: Iterator[tuple[Segment, Int64 | None]] = ((s, None) for s in self.snapshot.segments())
        else:
            chosen_segments = iter(self.snapshot.segments_of(wanted))
        for segment, objects in chosen_segments:
            rows = self._segment_rows(segment, objects)
            if rows is not None and len(rows):
                yield rows

    def _object_set(self) -> Int64 | None:
        """The only objects that can meet the predicate, ascending; None if any can."""
        found: Int64 | None = None
        for part in self._object_parts:
            match part:
                case Compare("=", Column(), Literal() | Parameter() as right):
                    value = self.evaluation.scalar(right)
                    if not isinstance(value, int):
                        continue
                    here = np.array([value], np.int64)
                case InSet(_, numbers):
                    here, _ = self.evaluation.number_set(numbers)
                case _:
                    continue
            found = here if found is None else np.intersect1d(found, here)
        return found

    def _segment_rows(self, segment: Segment, objects: Int64 | None) -> Rows | None:
        every = EventRows(segment, self.table, self.dictionary)
        paths = self._chosen_paths(every, objects)
        if paths is not None and len(paths) == 0:
            return None
        if isinstance(self.plan.source, Objects):
            moment = self.plan.source.as_of
            until = None if moment is None else self.evaluation.scalar(moment)
            if moment is not None and until is None:
                return None
            assert until is None or isinstance(until, int)
            return self._filter(ObjectRows.as_of(every, paths, until), self._row_parts)
        return self._event_rows(every, paths)

    def _chosen_paths(self, every: EventRows, objects: Int64 | None) -> Array | None:
        """The paths that the conditions on the object alone leave; None for all."""
        if not self._object_parts:
            return None
        ids, starts = every.segment.paths()
        paths = np.arange(len(ids))
        if objects is not None:
            paths = np.minimum(np.searchsorted(ids, objects), len(ids) - 1)
            paths = paths[ids[paths] == objects]
        rows: Rows = ObjectRows(every.segment, self.table, self.dictionary, paths, starts[paths])
        rows = self._filter(rows, self._object_parts)
        assert isinstance(rows, ObjectRows)
        return rows.paths

    def _event_rows(self, every: EventRows, paths: Array | None) -> Rows:
        parts = list(self._row_parts)
        segment = every.segment
        if paths is not None:
            _, starts = segment.paths()
            few = len(paths) * 8 < len(starts)
            if few:
                every = replace(every, positions=kernels.positions_of(starts, paths))
                return self._filter(every, parts)
        if not self._in_time(segment, parts):
            return replace(every, positions=np.zeros(0, np.int64))
        actions = [p for p in parts if self._cost(p) == 0]
        if actions:
            parts = [p for p in parts if p not in actions]
            every = self._of_actions(every, actions)
        if paths is not None:
            member = np.zeros(len(segment.paths()[0]), bool)
            member[paths] = True
            numbers = segment.path_numbers()
            every = every.keep(member[numbers if every.positions is None else numbers[every.positions]])
        return self._filter(every, parts)

    def _in_time(self, segment: Segment, parts: Sequence[Expr]) -> bool:
        """Whether comparisons with the time leave anything of the segment."""
        low, high = segment.time_range()
        for part in parts:
            if not (isinstance(part, Compare) and isinstance(part.left, Column)):
                continue
            if part.left.name.lower() not in ("timestamp", "ts") or columns(part.right):
                continue
            moment = self.evaluation.scalar(part.right)  # type: ignore[arg-type]
            if not isinstance(moment, int):
                continue
            if (part.op in ("<", "<=", "=") and low > moment) or (part.op in (">", ">=", "=") and high < moment):
                return False
        return True

    def _of_actions(self, every: EventRows, parts: list[Expr]) -> EventRows:
        """The events whose action meets these conditions, by the index of events by action."""
        values = self.dictionary.values(ACTION.id)
        order, edges = every.segment.by_code(ACTION, len(values) - 1)
        if self._action_codes is None:
            truth, _ = self.evaluation.truth(_together(parts), _ActionRows(values))
            self._action_codes = np.flatnonzero(truth).tolist()
        slices = [slice(int(edges[code]), int(edges[code + 1])) for code in self._action_codes]
        slices = [piece for piece in slices if piece.start < piece.stop]
        if not slices:
            return replace(every, positions=order[:0])
        if len(slices) == 1:
            return replace(every, positions=order[slices[0]], part=slices[0])
        mask = np.zeros(len(order), bool)
        for piece in slices:
            mask[order[piece]] = True
        return replace(every, positions=np.flatnonzero(mask))

    def _filter(self, rows: Rows, parts: Sequence[Expr]) -> Rows:
        for part in parts:
            if len(rows) == 0:
                break
            true, _ = self.evaluation.truth(part, rows)
            if not true.all():
                rows = rows.keep(true)
        return rows

    def _pair_rows(self, source: Pairs) -> Iterator[Rows]:
        text = self.parameters[source.rows.number - 1]
        assert isinstance(text, str)
        numbers, objects, moments = read_pairs(text, self.dictionary if source.by_key else None)
        segments = self.snapshot.segments()
        if len(objects) == 0 or not segments:
            return
        firsts = np.array([segment.first_object for segment in segments])
        homes = np.maximum(np.searchsorted(firsts, objects, side="right") - 1, 0)
        homes = homes.astype(np.min_scalar_type(len(segments)))
        dealt = np.argsort(homes, kind="stable")  # a radix sort, for up to 65,536 segments
        edges = np.concatenate(([0], np.cumsum(np.bincount(homes, minlength=len(segments))))).tolist()
        for segment, low, high in zip(segments, edges[:-1], edges[1:], strict=True):
            if low == high:
                continue
            chosen = dealt[low:high]
            every = EventRows(segment, self.table, self.dictionary)
            rows = ObjectRows.of_pairs(every, objects[chosen], moments[chosen], numbers[chosen])
            kept = self._filter(rows, [*self._object_parts, *self._row_parts])
            if len(kept):
                yield kept

    # groups

    def run(self) -> list[list[Value]]:
        """The result: a list a column of the output."""
        while True:
            try:
                partials = [self.partial(rows) for rows in self.rows()]
                return self.finish(merge(partials, self.plan))
            except Inexact as inexact:
                self.plan = with_sql(self.plan, inexact.place)

    def partial(self, rows: Rows) -> Partial:
        """The groups of these rows."""
        plan = self.plan
        keys = [self.evaluation.vector(key, rows) for key in plan.keys]
        groups = self._known_groups(keys, rows) or group(keys, len(rows))
        accumulators = [self._accumulate(place, a, rows, groups) for place, a in enumerate(plan.aggregates)]
        return Partial(len(groups.used), groups.keys(keys), [a.take(groups.used, groups.size) for a in accumulators])

    def _known_groups(self, keys: list[Vector], rows: Rows) -> Groups | None:
        """The groups of all events of a segment by one TEXT property, whose sizes the segment knows."""
        if len(keys) != 1 or not isinstance(rows, EventRows) or rows.positions is not None:
            return None
        (key,), (vector,) = self.plan.keys, keys
        if not isinstance(key, Column) or key != Column(key.name) or not isinstance(vector, Coded):
            return None
        property = ACTION if key.name == ACTION.name else self.table.find(key.name)
        if property is None or len(vector.values) > _FEW_GROUPS:
            return None
        counts = rows.segment.code_counts(property, len(vector.values) - 1)
        return Groups(vector.codes, len(counts), counts, np.flatnonzero(counts))

    def _accumulate(
        self, place: int, aggregate: Aggregate | SqlAggregate, rows: Rows, groups: Groups
    ) -> Accumulator:
        numbers, size = groups.numbers, groups.size
        if isinstance(aggregate, SqlAggregate):
            data = [rows.vector(column).tolist() for column in aggregate.columns]
            return Accumulator(groups.counts, rows=(numbers, data))
        count: Int64 | None = groups.counts
        if aggregate.filter is not None:
            true, _ = self.evaluation.truth(aggregate.filter, rows)
            rows, numbers, count = rows.keep(true), numbers[true], None
        if aggregate.argument is None:
            return Accumulator(kernels.group_count(numbers, size) if count is None else count)
        values = self.evaluation.vector(aggregate.argument, rows)
        known = values.known()
        if known is not None and not known.all():
            chosen = np.flatnonzero(known)
            values, numbers, count = values.take(chosen), numbers[chosen], None
        if isinstance(values, Numbers):
            values = replace(values, mask=None)
        return accumulate(place, aggregate, values, numbers, size, count)

    def finish(self, partial: Partial) -> list[list[Value]]:
        """Keys and aggregates as lists of values, in SQLite's order of the keys."""
        plan = self.plan
        results = [self._finished(partial, place) for place in range(len(plan.aggregates))]
        for place, column in self._by_sqlite(partial):
            results[place] = column
        if not plan.keys:
            return results
        order = np.lexsort([sort_ranks(key) for key in reversed(partial.keys)])
        listed = [key.take(order).tolist() for key in partial.keys]
        at = order.tolist()
        return [*listed, *([column[i] for i in at] for column in results)]

    def _finished(self, partial: Partial, place: int) -> list[Value]:
        aggregate, accumulator = self.plan.aggregates[place], partial.accumulators[place]
        if isinstance(aggregate, SqlAggregate):
            return []
        return finished(aggregate, accumulator)

    def _by_sqlite(self, partial: Partial) -> Iterator[tuple[int, list[Value]]]:
        """The aggregates that SQLite computes: (place in the plan, values)."""
        for place, aggregate in enumerate(self.plan.aggregates):
            if not isinstance(aggregate, SqlAggregate):
                continue
            accumulator = partial.accumulators[place]
            groups, data = accumulator.rows or (np.zeros(0, np.int64), [[] for _ in aggregate.columns])
            types = [(c.label, declared_type(self.table, c.name)) for c in aggregate.columns]
            found = self.evaluator.aggregates([aggregate.text], types, data, groups.tolist(), self.parameters)
            by_group = {row[0]: row[1] for row in found}
            missing: Value = None
            if len(by_group) < partial.groups:
                empty = self.evaluator.aggregates([aggregate.text], types, [[] for _ in data], (), self.parameters)
                missing = empty[0][1] if empty else None
            yield place, [by_group.get(group, missing) for group in range(partial.groups)]

    def batches(self, wanted: Sequence[int]) -> Iterator[tuple[int, list[list[Value]]]]:
        """Rows as they are, for a plan that is not grouped: (how many, a list for each of the wanted keys)."""
        for rows in self.rows():
            yield len(rows), [self.evaluation.vector(self.plan.keys[at], rows).tolist() for at in wanted]


def read_pairs(text: str, dictionary: Dictionary | None) -> tuple[Int64, Int64, Int64]:
    """(row numbers, objects, moments) of the JSON arrays of `Pairs`, without the pairs that have a NULL.

    Integers alone are parsed by numpy; texts (times, keys by the dictionary) and others by Python.
    """
    parts = text.split(";") if text.count(";") == 2 else []
    if len(parts) == 3 and not any(c in part for part in parts for c in '".eEnN'):
        rows, objects, moments = (json_numbers(part)[0] for part in parts)
        return rows if len(parts[0]) > 2 else np.arange(len(objects)), objects, moments
    decoder, lists, at = json.JSONDecoder(), [], 0
    for _ in range(3):
        found, at = decoder.raw_decode(text, at)
        lists.append(found)
        at += 1
    if not lists[0]:
        lists[0] = list(range(len(lists[1])))
    whole = [row for row in zip(*lists, strict=True) if row[1] is not None and row[2] is not None]
    numbers = np.array([row[0] for row in whole], np.int64)
    times = timestamps.parse_array([row[2] for row in whole]) if whole else np.zeros(0, np.int64)
    if dictionary is not None:
        return numbers, dictionary.known_objects([str(row[1]) for row in whole]), times
    return numbers, np.array([_same_integer(row[1]) for row in whole], np.int64), times


def _same_integer(value: Any) -> int:
    """The integer that equals a value under INTEGER affinity, or 0, which is no object's."""
    try:
        number = int(value) if isinstance(value, int | str) else int(value) if float(value).is_integer() else 0
    except ValueError:
        try:
            number = int(float(value)) if float(value).is_integer() else 0
        except (ValueError, OverflowError):
            return 0
    return number if 0 < number < 1 << 63 else 0


class _ActionRows:
    """A row an action: the dictionary itself, so that a condition is decided once for each."""

    def __init__(self, values: Sequence[Value]) -> None:
        self._vector = Coded(np.arange(len(values)), values)

    def __len__(self) -> int:
        return len(self._vector)

    def vector(self, column: Column) -> Vector:
        return self._vector

    def keep(self, mask: Any) -> Rows:
        raise NotImplementedError


def _together(parts: list[Expr]) -> Expr:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def with_sql(plan: PathScan, place: int) -> PathScan:
    """The plan with one aggregate left to SQLite."""
    aggregate = plan.aggregates[place]
    by_sql = SqlAggregate(aggregate_sql(aggregate), columns(aggregate))
    return replace(plan, aggregates=(*plan.aggregates[:place], by_sql, *plan.aggregates[place + 1 :]))


def accumulate(
    place: int, aggregate: Aggregate, values: Vector, groups: Array, size: int, count: Int64 | None = None
) -> Accumulator:
    """An accumulator of values that are not NULL, one for each element of groups; count[size], if it is known."""
    if count is None:
        count = kernels.group_count(groups, size)
    if aggregate.distinct:
        numbers, bound = kernels.factorize([(groups, size), compact_codes(values)])
        used, places = kernels.group_numbers(numbers, bound)
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(groups))
        return Accumulator(count, pairs=(groups[one_of_each], values.take(one_of_each)))
    if aggregate.function == "count":
        return Accumulator(count)
    if aggregate.function in ("min", "max"):
        return Accumulator(count, _extreme(place, values, groups, size, aggregate.function == "max"))
    if isinstance(values, Coded):
        values = _as_numbers(place, values)
    if values.render is not None:
        raise Inexact(place)
    return Accumulator(count, Numbers(_sum(place, values.data, groups, size)))


def _as_numbers(place: int, values: Coded) -> Numbers:
    """Computed values of one numeric type; `values` may hold some that no element has."""
    used = np.flatnonzero(np.bincount(values.codes, minlength=len(values.values)))
    types = {type(values.values[code]) for code in used.tolist()}
    if len(used) and types not in ({int}, {float}):
        raise Inexact(place)
    dtype = np.float64 if types == {float} else np.int64
    lookup = np.zeros(len(values.values), dtype)
    lookup[used] = [values.values[code] for code in used.tolist()]  # type: ignore[assignment]
    return Numbers(lookup[values.codes])


def _sum(place: int, data: Array, groups: Array, size: int) -> Array:
    if data.dtype == bool:
        data = data.view(np.uint8)
    if data.dtype.kind != "f":
        largest = max(int(data.max(initial=0)), -int(data.min(initial=0)))
        if largest * len(data) >= 1 << 62:
            raise Inexact(place)
    if size == 1:
        total = data.sum(dtype=np.float64 if data.dtype.kind == "f" else np.int64)
        return np.array([total])
    return kernels.group_sum(groups, data, size)


def _extreme(place: int, values: Vector, groups: Array, size: int, largest: bool) -> Vector:
    if isinstance(values, Coded):
        if len(values) == 0:
            return Coded(np.zeros(size, np.int64), [None])
        ranks = value_ranks(values.values)
        by_rank = np.zeros(int(ranks.max(initial=0)) + 1, np.int64)
        by_rank[ranks] = np.arange(len(ranks))
        best = kernels.group_extreme(groups, ranks[values.codes], size, largest)
        return Coded(by_rank[np.clip(best, 0, len(by_rank) - 1)], values.values)
    if values.render is not None and not values.ordered:
        raise Inexact(place)
    data = values.data.view(np.uint8) if values.data.dtype == bool else values.data
    return replace(values, data=kernels.group_extreme(groups, data, size, largest))


def merge(partials: list[Partial], plan: PathScan) -> Partial:
    """Partials of different objects as one."""
    if not partials:
        size = 0 if plan.keys else 1
        nothing = [Accumulator(np.zeros(size, np.int64)) for _ in plan.aggregates]
        return Partial(size, [Coded(np.zeros(0, np.int64), [None]) for _ in plan.keys], nothing)
    if len(partials) == 1 and not any(isinstance(key, Coded) for key in partials[0].keys):
        return partials[0]
    keys = [joined([partial.keys[i] for partial in partials]) for i in range(len(plan.keys))]
    total = sum(partial.groups for partial in partials)
    if keys:
        numbers, bound = kernels.factorize([compact_codes(key) for key in keys])
        used, places = kernels.group_numbers(numbers, bound)
        size = len(used)
        one_of_each = np.zeros(size, np.int64)
        one_of_each[places[::-1]] = np.arange(total)[::-1]
        keys = [key.take(one_of_each) for key in keys]
    else:
        size, places = 1, np.zeros(total, np.int64)
    bases = np.concatenate(([0], np.cumsum([partial.groups for partial in partials]))).tolist()
    merged = [
        _merge_one(place, aggregate, [p.accumulators[place] for p in partials], bases, places, size)
        for place, aggregate in enumerate(plan.aggregates)
    ]
    return Partial(size, keys, merged)


def _merge_one(
    place: int,
    aggregate: Aggregate | SqlAggregate,
    parts: list[Accumulator],
    bases: list[int],
    places: Array,
    size: int,
) -> Accumulator:
    counts = np.concatenate([part.count for part in parts])
    count = kernels.group_sum(places, counts, size)
    if isinstance(aggregate, SqlAggregate):
        present = [(part.rows, base) for part, base in zip(parts, bases, strict=False) if part.rows is not None]
        groups = np.concatenate([places[rows[0].astype(np.int64) + base] for rows, base in present])
        data = [[v for rows, _ in present for v in rows[1][i]] for i in range(len(aggregate.columns))]
        return Accumulator(count, rows=(groups, data))
    if aggregate.distinct:
        pairs = [(part.pairs, base) for part, base in zip(parts, bases, strict=False) if part.pairs is not None]
        groups = np.concatenate([places[pair[0].astype(np.int64) + base] for pair, base in pairs])
        return accumulate(place, aggregate, joined([pair[1] for pair, _ in pairs]), groups, size)
    if aggregate.function == "count" or aggregate.argument is None:
        return Accumulator(count)
    states = joined([part.state for part in parts if part.state is not None])
    some = np.flatnonzero(counts)
    if aggregate.function in ("min", "max"):
        state = _extreme(place, states.take(some), places[some], size, aggregate.function == "max")
    else:
        assert isinstance(states, Numbers)
        state = Numbers(_sum(place, states.data[some], places[some], size))
    return Accumulator(count, state)


def joined(vectors: Sequence[Vector]) -> Vector:
    """Vectors after one another, with equal values under equal codes."""
    first = vectors[0]
    if isinstance(first, Numbers) and all(isinstance(vector, Numbers) for vector in vectors):
        numbers: list[Any] = list(vectors)
        dtypes = {vector.data.dtype.kind == "f" for vector in numbers}
        if len(dtypes) == 1:
            masks = None
            if any(vector.mask is not None for vector in numbers):
                masks = np.concatenate(
                    [np.ones(len(v), bool) if v.mask is None else v.mask for v in numbers]
                )
            return replace(first, data=np.concatenate([vector.data for vector in numbers]), mask=masks)
    registry: dict[tuple[bool, Value], int] = {}
    values: list[Value] = []
    codes = []
    seen: dict[int, Array] = {}
    for vector in vectors:
        if not isinstance(vector, Coded):
            vector = Coded(np.arange(len(vector)), vector.tolist())
        lookup = seen.get(id(vector.values)) if isinstance(first, Coded) else None
        if lookup is None or len(lookup) != len(vector.values):
            lookup = np.zeros(len(vector.values), np.int64)
            for code, value in enumerate(vector.values):
                key = isinstance(value, bytes), value
                at = registry.get(key)
                if at is None:
                    at = registry[key] = len(values)
                    values.append(value)
                lookup[code] = at
            seen[id(vector.values)] = lookup
        codes.append(lookup[vector.codes])
    return Coded(np.concatenate(codes), values)


def finished(aggregate: Aggregate, accumulator: Accumulator) -> list[Value]:
    """The values of an aggregate, one a group."""
    count = accumulator.count
    if aggregate.function == "count":
        if aggregate.distinct and accumulator.pairs is not None:
            return np.bincount(accumulator.pairs[0], minlength=len(count)).tolist()  # type: ignore[no-any-return]
        return [0] * len(count) if aggregate.distinct else count.tolist()
    state = accumulator.state
    if state is None:
        return [0.0 if aggregate.function == "total" else None] * len(count)
    if aggregate.function in ("min", "max"):
        some = np.flatnonzero(count)
        values = np.full(len(count), None, object)
        values[some] = state.take(some).tolist()
        return values.tolist()
    assert isinstance(state, Numbers)
    if aggregate.function == "sum":
        return [_number(v) if n else None for v, n in zip(state.data.tolist(), count.tolist(), strict=True)]
    if aggregate.function == "total":
        return [_number(float(v)) if n else 0.0 for v, n in zip(state.data.tolist(), count.tolist(), strict=True)]
    return [_number(v / n) if n else None for v, n in zip(state.data.tolist(), count.tolist(), strict=True)]


def _number(value: Value) -> Value:
    """NaN is NULL in SQLite."""
    return None if value != value else value
