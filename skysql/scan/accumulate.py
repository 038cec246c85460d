"""The rows of a shard -> a partial: their groups, and the states of the aggregates.

A partial is a pure function of (plan, shard, parameters). Some groupings the shard has as views already: all its events
by object, by session or by one property, and the events of one action by few states.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, TypeVarTuple

import numpy as np

from ..arrays import kernels
from ..arrays.pending import Pending
from ..arrays.sums import Magnitudes
from ..arrays.vectors import Coded, Numbers, Vector, joined
from ..functions import awaited
from ..lazily import cached_property
from ..model.companions import DURATION
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION, Property, Table
from ..plan.path_scan import Aggregate, Column, Expr, Groups, PathAggregate, SqlAggregate
from ..store.by_code import LaidOut, Layout, Piece
from ..store.dictionary import Dictionary
from ..store.views import (
    code_counts,
    duration_magnitudes,
    event_sessions,
    magnitudes,
    path_lengths,
    path_numbers,
    session_lengths,
    session_starts,
)
from .actions import ActionIndex
from .aggregates import AggregateFunction, Given, Inexact, State
from .bound import BoundScan
from .evaluation import Evaluation
from .groups import FEW, Grouping, group
from .partials import Partial
from .paths import PathAggregates
from .rows import EventRows, ObjectRows, Rows, SessionRows, idle_us

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_NOTHING = Numbers(np.zeros(0, np.int64))
"""The values where an aggregate has no argument."""


class Accumulation:
    """The groups of one run of a bound scan; `aggregates` are those of its plan, in order."""

    def __init__(
        self,
        bound: BoundScan,
        aggregates: list[AggregateFunction[Any]],
        evaluation: Evaluation,
        actions: ActionIndex,
        dictionary: Dictionary,
    ) -> None:
        self._bound = bound
        self._plan = bound.plan
        self._table: Table = bound.table
        self._aggregates = aggregates
        self._evaluation = evaluation
        self._actions = actions
        self._dictionary = dictionary

    @cached_property
    def _paths(self) -> PathAggregates:
        return PathAggregates(self._evaluation, self._actions)

    def begin(self, rows: Rows) -> Pending[Partial]:
        """The partial of the rows. Raises Inexact, and so may its result()."""
        if isinstance(rows, EventRows) and rows.part is not None and self._bound.layout is not None:
            read = self._read_off(rows, *self._bound.layout)
            if read is not None:
                return Pending.known(read)
        bound = self._bound
        if bound.by_path and isinstance(rows, EventRows) and rows.positions is None:
            groups = self._runs(rows)
            starts = groups.starts()[:-1]
            first_of_each: Rows = rows.take(starts)
            if len(self._plan.keys) == 1:  # the object: a path has it once, its events each
                every = kernels.upto(len(starts))
                first_of_each = ObjectRows(rows.shard, self._table, self._dictionary, every, starts)
            keys = [self._key(key, self._evaluation.vector(key, first_of_each)) for key in self._plan.keys]
        else:
            keys = [self._evaluation.vector(key, rows) for key in self._plan.keys]
            if bound.by_object:
                keys = [self._key(key, vector) for key, vector in zip(self._plan.keys, keys, strict=True)]
            groups = (self._known_groups(keys[0], rows) if bound.by_text else None) or group(keys, len(rows))
            keys = groups.keys(keys)
        begun = self._states(self._state, rows, groups)

        def finish() -> Partial:
            used, size = groups.used, groups.size
            states = [one.result() if isinstance(one, Pending) else one for one in begun]
            return Partial(len(used), keys, [state.take(used, size) for state in states])

        return Pending(finish)

    def _states(self, state: Callable[[int, *Ts], T], *arguments: *Ts) -> list[T]:
        """Of each aggregate, by its place, the state."""
        place, states = 0, []
        try:
            for place in range(len(self._aggregates)):
                states.append(state(place, *arguments))
        except Inexact as inexact:
            raise inexact.at(place) from None
        return states

    def _read_off(self, rows: EventRows, states: list[Property], measures: list[Property | None]) -> Partial | None:
        """The groups of all events of an action by few states, as the shard lays them out; None of others."""
        values = [self._dictionary.values(state.id) for state in states]
        if rows.part is None or math.prod(map(len, values)) > FEW:
            return None
        shard, actions = rows.shard, self._actions.largest
        by = tuple((state, len(texts) - 1) for state, texts in zip(states, values, strict=True))
        piece = Piece(ACTION, actions, rows.part.start, rows.part.stop, by)
        layout = shard.view(Layout, piece)
        told = zip(states, layout.codes, strict=True)
        keys: list[Vector] = [self._dictionary.coded(state.id, codes) for state, codes in told]

        def state(place: int) -> State:
            property = measures[place]
            runs: tuple[Array, Int64, Magnitudes | None] = layout.positions, layout.starts, None
            if property is not None:
                laid_out = shard.view(LaidOut, piece, property)
                runs = laid_out.values, laid_out.starts, laid_out.magnitudes
            found: State = self._aggregates[place].runs(*runs)
            return found

        return Partial(len(layout.starts) - 1, keys, self._states(state))

    def _runs(self, rows: EventRows) -> Grouping:
        """All events of a shard by object, or by object and session: as they lie."""
        shard, us, more = rows.shard, idle_us(rows.idle), len(self._plan.keys) > 1
        starts = shard.view(session_starts, us) if more else shard.paths()[1]
        numbers = shard.view(event_sessions, us) if more else shard.view(path_numbers)
        lengths = shard.view(session_lengths, us) if more else shard.view(path_lengths)
        return Grouping(numbers, len(lengths), lengths, kernels.upto(len(lengths)), starts)

    def _key(self, key: Expr, vector: Vector) -> Vector:
        """A key's values, equal ones under equal codes, as no merge follows that finds them."""
        if not isinstance(vector, Coded):
            return vector
        texts = isinstance(key, Column) and not isinstance(self._plan.source, Groups) and self._table.find(key.name)
        return vector if texts else joined([vector])

    def _known_groups(self, key: Vector, rows: Rows) -> Grouping | None:
        """The groups of all events of a shard by one TEXT property, whose sizes the shard knows; None of others."""
        assert isinstance(key, Coded) and self._bound.by_text is not None
        if not isinstance(rows, EventRows) or rows.positions is not None or len(key.values) > FEW:
            return None
        counts = rows.shard.view(code_counts, self._bound.by_text, len(key.values) - 1)
        return Grouping(key.codes, len(counts), counts, np.flatnonzero(counts))

    def _state(self, place: int, rows: Rows, groups: Grouping) -> State | Pending[State]:
        """The state of an aggregate; a function over a path may have begun it in other threads."""
        aggregate, function = self._plan.aggregates[place], self._aggregates[place]
        if isinstance(aggregate, PathAggregate):
            result = self._paths.result(place, aggregate, rows, groups)

            def state() -> State:
                begun: State = function.begin(Given(awaited(result), groups.numbers, groups.size, groups.counts))
                return begun

            return Pending(state)
        found: State = function.begin(self._given(place, aggregate, rows, groups))
        return found

    def _given(self, place: int, aggregate: Aggregate | SqlAggregate, rows: Rows, groups: Grouping) -> Given:
        """What an aggregate is of."""
        numbers, size = groups.numbers, groups.size
        if isinstance(aggregate, SqlAggregate):
            read = tuple(rows.vector(column) for column in (*aggregate.columns, self._bound.object))
            return Given(_NOTHING, numbers, size, groups.counts, others=read)
        counts: Int64 | None = groups.counts
        if aggregate.filter is not None:
            true, _ = self._evaluation.truth(aggregate.filter, rows)
            rows, numbers, counts = rows.keep(true), numbers[true], None
        if aggregate.argument is None:
            return Given(_NOTHING, numbers, size, counts)
        plain = len(aggregate.more) - self._aggregates[place].constants
        constants = tuple(self._evaluation.constant(expr) for expr in aggregate.more[plain:])
        values, *others = [self._evaluation.vector(e, rows) for e in (aggregate.argument, *aggregate.more[:plain])]
        known = _known(values, *others) if others else values.known()
        if known is not None and not known.all():
            chosen = np.flatnonzero(known)
            values, numbers, counts = values.take(chosen), numbers[chosen], None
            others = [other.take(chosen) for other in others]
        if isinstance(values, Numbers) and values.mask is not None:
            values = replace(values, mask=None)
        known_magnitudes = self._magnitudes(place, aggregate, rows)
        return Given(values, numbers, size, counts, known_magnitudes, tuple(others), constants)

    def _magnitudes(self, place: int, aggregate: Aggregate, rows: Rows) -> Magnitudes | None:
        """The bounds of the magnitudes of a property's values, or of sessions' durations, from the shard."""
        real, argument = self._bound.reals[place], aggregate.argument
        if real is not None and isinstance(rows, EventRows | ObjectRows):
            return rows.shard.view(magnitudes, real)
        if isinstance(rows, SessionRows) and isinstance(argument, Column) and argument.name.lower() == DURATION.name:
            return rows.shard.view(duration_magnitudes, idle_us(rows.idle))
        return None


def _known(*vectors: Vector) -> Bool | None:
    """Where none of them is NULL; None for everywhere."""
    masks = [mask for vector in vectors if (mask := vector.known()) is not None]
    return masks[0] if len(masks) == 1 else np.logical_and.reduce(masks) if masks else None
