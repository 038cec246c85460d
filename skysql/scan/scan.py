"""Path scans: plan x snapshot -> partials -> result.

    select      the rows of a shard that meet the predicate: objects first, then the action, then everything else
    partial     their groups and accumulators; a pure function of (plan, shard, parameters)
    merge       partials into one; shards never share an object, but do share groups
    finish      accumulators into values, groups in SQLite's order of their keys

Whatever numpy cannot compute exactly as SQLite would is handed to SQLite with only the rows and columns that are left:
a `SqlAggregate`, or an aggregate whose sum leaves int64 (`Inexact`): then the scan starts again with that one as SQL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from vtab.source import read

from ..arrays import compiled, kernels
from ..arrays.masks import CODES, Met
from ..arrays.sums import Magnitudes
from ..arrays.vectors import Coded, Numbers, Vector, joined, sort_ranks
from ..functions import awaited
from ..interruption import look, looking, patiently
from ..lazily import cached_property
from ..model.companions import DURATION, EVENT_COUNT, LAST_TIMESTAMP, SESSION_OF_EVENT, TIMESTAMP, TS
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION, Property
from ..model.values import Value
from ..plan.path_scan import (
    Aggregate,
    And,
    AnyAggregate,
    Changes,
    Column,
    Compare,
    Duration,
    Events,
    Expr,
    Groups,
    InSet,
    Literal,
    Objects,
    Or,
    Pairs,
    Parameter,
    PathAggregate,
    PathScan,
    Sessions,
    SqlAggregate,
    aggregate_sql,
    columns,
    conjuncts,
)
from ..plan.sources import column_type, object_names
from ..store.shard import Shard
from ..store.snapshot import Snapshot
from .aggregates import (
    NO_AGGREGATES,
    AggregateFunction,
    AggregateFunctions,
    BySqlite,
    Distinct,
    Given,
    Inexact,
    OverPath,
    State,
)
from .changes import ChangeRows
from .evaluation import Evaluation, Evaluator
from .groups import FEW, Grouping, group
from .layouts import layout_of
from .pairs import ObjectMoments, is_query, read_pairs
from .partials import Partial, merge
from .paths import PathAggregates
from .rows import ActionRows, EventRows, GroupRows, Idle, ObjectRows, Rows, SessionRows, idle_us

_FIRST_ROWS = 256
_MOST_ROWS = 1 << 16
"""So many rows are handed out at once."""

T = TypeVar("T")

_NOTHING = Numbers(np.zeros(0, np.int64))
"""The values where an aggregate has no argument."""

_MOST_GROUPS = 1 << 19
"""And so many groups: their texts, which are in no order, take all chunks of the dictionary each time."""


class Scan:
    """One run of a plan over a snapshot."""

    def __init__(
        self,
        plan: PathScan,
        snapshot: Snapshot,
        evaluator: Evaluator,
        parameters: Sequence[Value],
        registry: AggregateFunctions = NO_AGGREGATES,
    ) -> None:
        self.snapshot = snapshot
        self.table = snapshot.table
        self.registry = registry
        self.ask(plan)
        self.dictionary = snapshot.store.dictionary
        self.evaluator = evaluator
        self.parameters = parameters
        self.evaluation = Evaluation(self.table, evaluator, parameters, plan.source)
        names = frozenset() if isinstance(plan.source, Groups) else object_names(plan.source, self.table)
        parts = conjuncts(plan.where)
        self._object_parts = [p for p in parts if {c.name.lower() for c in columns(p)} <= names and columns(p)]
        # what is the same for all shards, by the identities of conditions, as 1 equals 1.0
        self._conditions: dict[int, tuple[list[Expr], list[Expr]]] = {}  # of path functions: on the action, others
        self._action_codes: dict[tuple[int, ...], list[int]] = {}  # that meet them
        self._truths: dict[int, Bool] = {}  # which do, where they are on the action only
        self._paths = PathAggregates(self.evaluation, self._among)
        self._row_parts = sorted((p for p in parts if p not in self._object_parts), key=self._cost)
        self._action_parts = [p for p in self._row_parts if self._cost(p) == 0]
        self._time_parts = [p for p in self._row_parts if isinstance(p, Compare) and _is_of_time(p)]

    def ask(self, plan: PathScan) -> None:
        """Go on with this plan, which differs in its aggregates alone."""
        self.plan = plan
        self.aggregates = [self._aggregate(aggregate) for aggregate in plan.aggregates]
        self._layout = layout_of(plan, self.table)

    def _aggregate(self, aggregate: AnyAggregate) -> AggregateFunction[Any]:
        match aggregate:
            case PathAggregate():
                return OverPath()
            case SqlAggregate(text, columns):
                return BySqlite(len(columns), lambda data, groups: self._by_sqlite(text, columns, data, groups))
            case Aggregate(name, _, distinct):
                return Distinct(self.registry[name]) if distinct else self.registry[name]

    def _by_sqlite(
        self, text: str, columns: Sequence[Column], data: list[list[Value]], groups: list[int]
    ) -> dict[int, Value]:
        types = [(column.label, column_type(self.plan.source, self.table, column.name)) for column in columns]
        return self.evaluator.aggregates(text, types, data, groups, self.parameters)

    @staticmethod
    def _cost(part: Expr) -> int:
        """The action first, whose events are known by position; then what arrays do; then what takes SQLite."""
        if [c.name.lower() for c in columns(part)] == [ACTION.name]:
            return 0
        return 1 if isinstance(part, Compare) else 2

    # rows

    def rows(self) -> Iterator[Rows]:
        """The rows that meet the predicate, shard by shard."""
        with self.snapshot.store.reading(self.snapshot):
            yield from self._rows()

    def _rows(self) -> Iterator[Rows]:
        if isinstance(self.plan.source, Pairs):
            yield from self._pair_rows(self.plan.source)
            return
        if isinstance(self.plan.source, Groups):
            yield from self._group_rows(self.plan.source)
            return
        wanted = self._object_set()
        if wanted is None:
            chosen_shards: Iterator[tuple[Shard, Int64 | None]] = ((s, None) for s in self.snapshot.shards())
        else:
            chosen_shards = iter(self.snapshot.shards_of(wanted))
        for shard, objects in looking(chosen_shards):
            rows = self._shard_rows(shard, objects)
            if rows is not None and len(rows):
                yield rows

    def _object_set(self) -> Int64 | None:
        """The only objects that can meet the predicate, ascending; None if any can."""
        found: Int64 | None = None
        for part in self._object_parts:
            here = self._objects_of(part)
            if here is not None:
                found = here if found is None else np.intersect1d(found, here)
        return found

    def _objects_of(self, part: Expr) -> Int64 | None:
        """The objects among which are all that meet a condition on the object, ascending; None for all."""
        match part:
            case Compare("=", Column(name), Literal() | Parameter() as right):
                value = self.evaluation.scalar(right)
                if name.lower() == self.table.object_name.lower():
                    return np.array([value], np.int64) if isinstance(value, int) else None
                return self._objects_called([str(value)]) if isinstance(value, int | str) else None
            case InSet(Column(name), set) if name.lower() == self.table.object_name.lower():
                return self.evaluation.number_set(set).numbers
            case InSet(_, set):
                texts = self.evaluation.text_set(set)
                return None if texts.numbers else self._objects_called(list(texts.texts))
            case Or(items):
                each = [self._objects_of(item) for item in items]
                known = [objects for objects in each if objects is not None]
                return kernels.distinct(np.concatenate(known)) if len(known) == len(each) else None
        return None

    def _objects_called(self, keys: list[str]) -> Int64:
        """The objects that have these keys, ascending."""
        objects = kernels.distinct(self.dictionary.known_objects(keys))
        return objects[objects > 0]

    def _shard_rows(self, shard: Shard, objects: Int64 | None) -> Rows | None:
        source = self.plan.source
        duration = source.idle if isinstance(source, Events | Sessions) else None
        idle = None if duration is None else self._idle(duration)
        if duration is not None and idle is None:
            return None
        every = EventRows(shard, self.table, self.dictionary, idle=idle)
        paths = self._chosen_paths(every, objects)
        if paths is not None and len(paths) == 0:
            return None
        if isinstance(source, Sessions):
            return self._filter(SessionRows.of(every, paths, idle), self._row_parts)
        if isinstance(source, Changes):
            return self._filter(ChangeRows.of(every, paths), self._row_parts)
        if isinstance(source, Objects):
            moment = source.as_of
            until = None if moment is None else self.evaluation.scalar(moment)
            if moment is not None and until is None:
                return None
            assert until is None or isinstance(until, int)
            return self._filter(ObjectRows.as_of(every, paths, until, self._states_read), self._row_parts)
        return self._event_rows(every, paths)

    def _idle(self, duration: Duration) -> Idle | None:
        us = self.evaluation.scalar(duration)
        assert us is None or isinstance(us, int)
        return None if us is None else Idle(us, self.evaluation.scalar(duration.operand))

    def _group_rows(self, source: Groups) -> Iterator[Rows]:
        """The groups of another scan; as none of them has events of two shards, they are final."""
        scan = Scan(source.scan, self.snapshot, self.evaluator, self.parameters, self.registry)
        by_value = [part for part in self._row_parts if any(c.name[:5] == "value" for c in columns(part))]
        by_key = [part for part in self._row_parts if part not in by_value]
        for partial in scan.final_partials():
            faulty = [place for place, a in enumerate(scan.plan.aggregates, 1) if isinstance(a, SqlAggregate)]
            vectors = {f"key {at}": key for at, key in enumerate(partial.keys, 1)}
            vectors |= {f"value {at}": value for at, value in enumerate(scan.values(partial), 1)}
            found = self._filter(GroupRows(vectors, partial.groups), by_key)
            for place in faulty:  # SQLite, too, computes no group that a condition on its keys leaves out
                for value in found.vector(Column(f"value {place}")).tolist():
                    read(value)
            found = self._filter(found, by_value)
            if len(found):
                yield found

    def _chosen_paths(self, every: EventRows, objects: Int64 | None) -> Array | None:
        """The paths that the conditions on the object alone leave; None for all."""
        if not self._object_parts:
            return None
        ids, starts = every.shard.paths()
        paths = np.arange(len(ids))
        if objects is not None:
            paths = np.minimum(np.searchsorted(ids, objects), len(ids) - 1)
            paths = paths[ids[paths] == objects]
        rows: Rows = ObjectRows(every.shard, self.table, self.dictionary, paths, starts[paths])
        rows = self._filter(rows, self._object_parts)
        assert isinstance(rows, ObjectRows)
        return rows.paths

    def _event_rows(self, every: EventRows, paths: Array | None) -> Rows:
        parts = self._row_parts
        shard = every.shard
        if paths is not None:
            _, starts = shard.paths()
            few = len(paths) * 8 < len(starts)
            if few:
                every = replace(every, positions=kernels.positions_of(starts, paths))
                return self._filter(every, parts)
        if not self._in_time(shard):
            return replace(every, positions=np.zeros(0, np.int64))
        if self._action_parts:
            parts = parts[len(self._action_parts) :]  # they come first
            every = self._of_actions(every, self._action_parts)
        if paths is not None:
            member = np.zeros(len(shard.paths()[0]), bool)
            member[paths] = True
            numbers = shard.path_numbers()
            every = every.keep(member[numbers if every.positions is None else numbers[every.positions]])
        return self._filter(every, parts)

    def _in_time(self, shard: Shard) -> bool:
        """Whether comparisons with the time leave anything of the shard."""
        if not self._time_parts:
            return True
        low, high = shard.time_range()
        for part in self._time_parts:
            moment = self.evaluation.scalar(part.right)  # type: ignore[arg-type]
            if not isinstance(moment, int):
                continue
            if (part.op in ("<", "<=", "=") and low > moment) or (part.op in (">", ">=", "=") and high < moment):
                return False
        return True

    def _among(self, rows: Rows, condition: Expr) -> Met:
        """Which of some rows meet a condition; of all events of a shard, by the index of events by action."""
        if not isinstance(rows, EventRows) or rows.positions is not None:
            return Met(np.flatnonzero(self.evaluation.truth(condition, rows)[0]))
        if id(condition) not in self._conditions:
            parts = conjuncts(condition)
            actions = [p for p in parts if self._cost(p) == 0]
            self._conditions[id(condition)] = actions, [p for p in parts if p not in actions]
        actions, others = self._conditions[id(condition)]
        if others or self._largest_action >= CODES:
            return Met(self._positions(rows, actions, others))
        truth = self._truths.get(id(condition))
        if truth is None:
            truth = self._truths[id(condition)] = np.zeros(CODES, bool)
            truth[self._codes_of(actions)] = True
        return Met(lambda: self._positions(rows, actions, []), rows.shard.codes(ACTION, self._largest_action), truth)

    @cached_property
    def _largest_action(self) -> int:
        return len(self.dictionary.values(ACTION.id)) - 1

    def _positions(self, every: EventRows, actions: list[Expr], parts: list[Expr]) -> Int64:
        """The places of those of all events of a shard that meet conditions, ascending."""
        rows: Rows = self._of_actions(every, actions) if actions else every
        rows = self._filter(rows, parts)
        assert isinstance(rows, EventRows)
        return np.arange(len(every)) if rows.positions is None else rows.positions.astype(np.int64)

    def _of_actions(self, every: EventRows, parts: list[Expr]) -> EventRows:
        """The events whose action meets these conditions, by the index of events by action."""
        order, edges = every.shard.by_code(ACTION, self._largest_action)
        slices = [slice(int(edges[code]), int(edges[code + 1])) for code in self._codes_of(parts)]
        slices = [piece for piece in slices if piece.start < piece.stop]
        if not slices:
            return replace(every, positions=order[:0])
        if len(slices) == 1:
            return EventRows(every.shard, every.table, every.dictionary, order[slices[0]], every.idle, slices[0])
        mask = np.zeros(len(order), bool)
        for piece in slices:
            mask[order[piece]] = True
        return replace(every, positions=np.flatnonzero(mask))

    def _codes_of(self, parts: list[Expr]) -> list[int]:
        """The codes of the actions that meet these conditions."""
        key = tuple(map(id, parts))
        codes = self._action_codes.get(key)
        if codes is None:
            truth, _ = self.evaluation.truth(_together(parts), ActionRows(self.dictionary))
            codes = self._action_codes[key] = np.flatnonzero(truth).tolist()
        return codes

    def _filter(self, rows: Rows, parts: Sequence[Expr]) -> Rows:
        for part in looking(parts):
            if len(rows) == 0:
                break
            true, _ = self.evaluation.truth(part, rows)
            if not true.all():
                rows = rows.keep(true)
        return rows

    def _pair_rows(self, source: Pairs) -> Iterator[Rows]:
        for shard, pairs in looking(self._pairs(source).by_shard(self.snapshot.shards())):
            every = EventRows(shard, self.table, self.dictionary)
            rows = ObjectRows.of_pairs(every, pairs, self._states_read)
            kept = self._filter(rows, [*self._object_parts, *self._row_parts])
            if isinstance(kept, ObjectRows) and kept.numbers is not None:
                # in the order of the other table, where whoever looks them up goes through it once
                kept = kept.take(patiently(np.argsort, kept.numbers))
            if len(kept):
                yield kept

    def _pairs(self, source: Pairs) -> ObjectMoments:
        text = self.parameters[source.rows.number - 1]
        assert isinstance(text, str)
        if not is_query(text):
            return read_pairs(text.split("\n"), self.dictionary if source.by_key else None)
        if source.by_key:  # which keys are known may change
            return read_pairs(self.evaluator.row(text), self.dictionary)
        return self.evaluator.kept(text, read_pairs)

    @cached_property
    def _states_read(self) -> tuple[Property, ...] | None:
        """The state properties that the plan reads; None if it reads what differs from event to event."""
        plan = self.plan
        names = {c.name.lower() for expr in (plan.where, *plan.keys, *plan.aggregates) for c in columns(expr)}
        of_rows = not (plan.grouped or plan.keys)  # others read the rows then
        if of_rows or names & {LAST_TIMESTAMP.name, EVENT_COUNT.name}:
            return None
        return tuple(property for property in self.table.states if property.name.lower() in names)

    # groups

    def run(self) -> Iterator[list[list[Value]]]:
        """The result, some groups at a time if they are very many: a list a column of the output."""
        while True:
            try:
                partials = [finish() for finish in compiled.ahead(map(self._begin, self.rows()))]
                return self.finish(self.merge(partials, self._by_object))
            except Inexact as inexact:
                self.ask(with_sql(self.plan, inexact.place, self.registry))

    @cached_property
    def _by_object(self) -> bool:
        """Whether the keys hold the object, so that no group has rows of two shards."""
        held = object_names(self.plan.source, self.table)
        return any(isinstance(key, Column) and key.name.lower() in held for key in self.plan.keys)

    def merge(self, partials: Sequence[Partial], disjoint: bool) -> Partial:
        """Partials of different objects as one. disjoint: whether no two have a group in common."""
        return merge(partials, len(self.plan.keys), self.aggregates, disjoint)

    def partial(self, rows: Rows) -> Partial:
        """The groups of these rows."""
        return self._begin(rows)()

    def _begin(self, rows: Rows) -> Callable[[], Partial]:
        """What waits for `partial`."""
        if self._layout is not None and isinstance(rows, EventRows):
            read = self._read_off(rows, *self._layout)
            if read is not None:
                return lambda: read
        groups = self._runs(rows)
        if groups is not None:
            assert isinstance(rows, EventRows)
            starts = groups.starts()[:-1]
            first_of_each: Rows = rows.take(starts)
            if len(self.plan.keys) == 1:  # the object, which is told faster of paths than of events
                every = kernels.upto(len(starts))
                first_of_each = ObjectRows(rows.shard, self.table, self.dictionary, every, starts)
            keys = [self._key(key, first_of_each) for key in self.plan.keys]
        else:
            keys = [self._key(key, rows) for key in self.plan.keys]
            groups = self._known_groups(keys, rows) or group(keys, len(rows))
            keys = groups.keys(keys)
        begun = self._states(lambda place: self._state(place, rows, groups))

        def finish() -> Partial:
            used, size = groups.used, groups.size
            return Partial(len(used), keys, [(one() if callable(one) else one).take(used, size) for one in begun])

        return finish

    def _states(self, state: Callable[[int], T]) -> list[T]:
        """Of each aggregate, by its place, the state."""
        place, states = 0, []
        try:
            for place in range(len(self.aggregates)):
                states.append(state(place))
        except Inexact as inexact:
            raise inexact.at(place) from None
        return states

    def _read_off(self, rows: EventRows, states: list[Property], measures: list[Property | None]) -> Partial | None:
        """The groups of all events of an action by few states, as the shard lays them out; None of others."""
        values = [self.dictionary.values(state.id) for state in states]
        if rows.part is None or math.prod(map(len, values)) > FEW:
            return None
        shard, actions = rows.shard, self._largest_action
        by = [(state, len(texts) - 1) for state, texts in zip(states, values, strict=True)]
        layout = shard.layout(ACTION, actions, rows.part, by)
        keys: list[Vector] = [self.dictionary.coded(s.id, codes) for s, codes in zip(states, layout.codes, strict=True)]

        def state(place: int) -> State:
            property = measures[place]
            laid_out = (layout.positions, layout.starts, None) if property is None else shard.laid_out(layout, property)
            found: State = self.aggregates[place].runs(*laid_out)
            return found

        return Partial(len(layout.starts) - 1, keys, self._states(state))

    def _runs(self, rows: Rows) -> Grouping | None:
        """All events of a shard, if they are grouped by object, or by object and session: as they lie."""
        if not isinstance(rows, EventRows) or rows.positions is not None:
            return None
        first, *more = [key.name.lower() if isinstance(key, Column) else "" for key in self.plan.keys] or [""]
        if first not in object_names(self.plan.source, self.table) or more not in ([], [SESSION_OF_EVENT.name]):
            return None
        shard, us = rows.shard, idle_us(rows.idle)
        starts = shard.session_starts(us) if more else shard.paths()[1]
        numbers = shard.sessions(us) if more else shard.path_numbers()
        lengths = shard.lengths(us if more else None)
        return Grouping(numbers, len(lengths), lengths, kernels.upto(len(lengths)), starts)

    def _key(self, key: Expr, rows: Rows) -> Vector:
        """A key's values; equal ones have equal codes where no merge comes to see to it."""
        vector = self.evaluation.vector(key, rows)
        if not self._by_object or not isinstance(vector, Coded):
            return vector
        texts = isinstance(key, Column) and not isinstance(self.plan.source, Groups) and self.table.find(key.name)
        return vector if texts else joined([vector])

    def final_partials(self) -> Iterator[Partial]:
        """`partial` of all rows, where no groups have any of two shards; what arrays cannot compute is SQL then."""
        for rows, plan, finish in compiled.ahead((rows, self.plan, self._begun(rows)) for rows in self.rows()):
            yield self._final(rows, finish if plan is self.plan else None)

    def _begun(self, rows: Rows) -> Callable[[], Partial] | None:
        try:
            return self._begin(rows)
        except Inexact as inexact:
            self.ask(with_sql(self.plan, inexact.place, self.registry))
            return None

    def _final(self, rows: Rows, finish: Callable[[], Partial] | None) -> Partial:
        """The partial that was begun, or was begun for another plan."""
        while finish is None:
            finish = self._begun(rows)
        return finish()

    def _known_groups(self, keys: list[Vector], rows: Rows) -> Grouping | None:
        """The groups of all events of a shard by one TEXT property, whose sizes the shard knows."""
        if len(keys) != 1 or not isinstance(rows, EventRows) or rows.positions is not None:
            return None
        (key,), (vector,) = self.plan.keys, keys
        if not isinstance(key, Column) or key != Column(key.name) or not isinstance(vector, Coded):
            return None
        property = ACTION if key.name == ACTION.name else self.table.find(key.name)
        if property is None or len(vector.values) > FEW:
            return None
        counts = rows.shard.code_counts(property, len(vector.values) - 1)
        return Grouping(vector.codes, len(counts), counts, np.flatnonzero(counts))

    def _state(self, place: int, rows: Rows, groups: Grouping) -> State | Callable[[], State]:
        """The state of an aggregate; or, if it is worked out in another thread, what waits for it."""
        aggregate, function = self.plan.aggregates[place], self.aggregates[place]
        if isinstance(aggregate, PathAggregate):
            result = self._paths.result(aggregate, rows, groups)

            def state() -> State:
                begun: State = function.begin(Given(awaited(result), groups.numbers, groups.size, groups.counts))
                return begun

            return state
        begun: State = function.begin(self._given(aggregate, rows, groups))
        return begun

    def _given(self, aggregate: Aggregate | SqlAggregate, rows: Rows, groups: Grouping) -> Given:
        """What an aggregate is of."""
        numbers, size = groups.numbers, groups.size
        if isinstance(aggregate, SqlAggregate):
            read = tuple(rows.vector(column) for column in aggregate.columns)
            return Given(_NOTHING, numbers, size, groups.counts, others=read)
        counts: Int64 | None = groups.counts
        if aggregate.filter is not None:
            true, _ = self.evaluation.truth(aggregate.filter, rows)
            rows, numbers, counts = rows.keep(true), numbers[true], None
        if aggregate.argument is None:
            return Given(_NOTHING, numbers, size, counts)
        values = self.evaluation.vector(aggregate.argument, rows)
        known = values.known()
        if known is not None and not known.all():
            chosen = np.flatnonzero(known)
            values, numbers, counts = values.take(chosen), numbers[chosen], None
        if isinstance(values, Numbers) and values.mask is not None:
            values = replace(values, mask=None)
        return Given(values, numbers, size, counts, self._magnitudes(aggregate, rows))

    def _magnitudes(self, aggregate: Aggregate, rows: Rows) -> Magnitudes | None:
        """Between which magnitudes the values of a property lie, or the durations of sessions: the shard knows."""
        argument = aggregate.argument
        if isinstance(rows, SessionRows) and isinstance(argument, Column) and argument.name.lower() == DURATION.name:
            return rows.shard.duration_magnitudes(idle_us(rows.idle))
        if not isinstance(argument, Column) or not isinstance(rows, EventRows | ObjectRows):
            return None
        property = self.table.find(argument.name)
        return None if property is None else rows.shard.magnitudes(property)

    def values(self, partial: Partial) -> list[Vector]:
        """The aggregates of a partial, a vector each; in that of one which SQLite computes there may be a Fault."""
        return [one.finish(state) for one, state in zip(self.aggregates, partial.states, strict=True)]

    def finish(self, partial: Partial) -> Iterator[list[list[Value]]]:
        """Keys and aggregates as lists of values, in SQLite's order of the keys, some groups at a time."""
        results = self.values(partial)
        if not self.plan.keys:
            return iter([[result.tolist() for result in results]])
        order = patiently(np.lexsort, [sort_ranks(key) for key in reversed(partial.keys)])
        return self._in_order([*partial.keys, *results], order)

    def _in_order(self, vectors: list[Vector], order: Array) -> Iterator[list[list[Value]]]:
        with self.snapshot.store.reading(self.snapshot):
            for low in looking(range(0, max(len(order), 1), _MOST_GROUPS)):
                yield [vector.take(order[low : low + _MOST_GROUPS]).tolist() for vector in vectors]

    def numbers(self, rows: Rows) -> list[int] | None:
        """The rowids that rows have in the tables themselves; None of rows that are in none."""
        numbers: Int64 | None = None
        match rows:
            case EventRows():
                positions = np.arange(len(rows)) if rows.positions is None else rows.positions
                numbers = self.snapshot.numbers(rows.shard, positions)
            case SessionRows():
                numbers = self.snapshot.numbers(rows.shard, rows.firsts())
            case ChangeRows():
                numbers = self.snapshot.numbers(rows.shard, rows.positions) * len(self.table.states) + rows.states
            case ObjectRows(numbers=None):
                numbers = rows.shard.paths()[0][rows.paths]
        return None if numbers is None else numbers.tolist()

    def batches(self, wanted: Sequence[int]) -> Iterator[tuple[Rows, list[list[Value]]]]:
        """Rows as they are, for a plan that is not grouped: (the rows, a list for each of the wanted keys)."""
        most = _FIRST_ROWS
        for rows in self.rows():
            low = 0
            while low < len(rows):  # few at first, so that who wants few pays for few
                look()
                piece = rows.take(np.arange(low, min(low + most, len(rows))))
                values = [self.evaluation.vector(self.plan.keys[at], piece).tolist() for at in wanted]
                yield piece, values
                low, most = low + most, min(most * 4, _MOST_ROWS)


def _is_of_time(part: Compare) -> bool:
    """Whether it compares the time with what is no column."""
    named = isinstance(part.left, Column) and part.left.name.lower() in (TIMESTAMP.name, TS.name)
    return named and not columns(part.right)


def _together(parts: list[Expr]) -> Expr:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def with_sql(plan: PathScan, place: int, registry: AggregateFunctions) -> PathScan:
    """The plan with one aggregate left to SQLite."""
    aggregate = plan.aggregates[place]
    assert isinstance(aggregate, Aggregate)
    named = replace(aggregate, function=registry[aggregate.function].by_sqlite)
    by_sql = SqlAggregate(aggregate_sql(named), columns(aggregate))
    return replace(plan, aggregates=(*plan.aggregates[:place], by_sql, *plan.aggregates[place + 1 :]))
