"""The rows of a scan, shard by shard: objects first, then the action, then everything else.

Conditions on the object alone find shards and paths without looking at events. Those on the action find events by the
shard's index. The other conditions are evaluated at the rows that remain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..arrays import kernels
from ..interruption import looking, patiently
from ..lazily import cached_property
from ..model.dtypes import Array, Int64
from ..plan.path_scan import (
    Changes,
    Column,
    Compare,
    Duration,
    Events,
    Expr,
    InSet,
    Literal,
    Objects,
    Or,
    Pairs,
    Parameter,
    Sessions,
)
from ..store.shard import Shard
from ..store.snapshot import Snapshot
from ..store.views import path_numbers
from .actions import ActionIndex
from .bound import BoundScan
from .changes import ChangeRows
from .evaluation import Evaluation
from .pairs import ObjectMoments, is_query, read_pairs
from .rows import EventRows, Idle, ObjectRows, Rows, SessionRows

_ALWAYS = -(1 << 63), (1 << 63) - 1
"""The first and the last time that there can be."""


class Selection:
    """What a bound scan selects of a snapshot."""

    def __init__(self, bound: BoundScan, snapshot: Snapshot, evaluation: Evaluation, actions: ActionIndex) -> None:
        self._bound = bound
        self._snapshot = snapshot
        self._evaluation = evaluation
        self._actions = actions
        self._table = snapshot.table
        self._dictionary = snapshot.store.dictionary

    def rows(self, only: Shard | None) -> Iterator[Rows]:
        """The rows that meet the predicate, of all shards or of one."""
        source = self._bound.plan.source
        if isinstance(source, Pairs):
            yield from self._pair_rows(source, only)
            return
        for shard, objects in looking(self._shards(only)):
            rows = self._shard_rows(shard, objects)
            if rows is not None and len(rows):
                yield rows

    # which objects

    def _shards(self, only: Shard | None) -> Iterator[tuple[Shard, Int64 | None]]:
        """The shards that matter, each with the objects that matter, ascending; None for all of them."""
        wanted = self._object_set() if self._bound.on_object else None
        if only is not None:
            return iter([(only, wanted)] if len(only.paths()[0]) else [])
        if wanted is not None:
            return iter(self._snapshot.shards_of(wanted))
        return ((shard, None) for shard in self._snapshot.shards())

    def _object_set(self) -> Int64 | None:
        """The only objects that can meet the predicate, ascending; None if any can."""
        found: Int64 | None = None
        for part in self._bound.on_object:
            here = self._objects_of(part)
            if here is not None:
                found = here if found is None else np.intersect1d(found, here)
        return found

    def _objects_of(self, part: Expr) -> Int64 | None:
        """The objects among which are all that meet a condition on the object, ascending; None for all."""
        match part:
            case Compare("=", Column(name), Literal() | Parameter() as right):
                value = self._evaluation.scalar(right)
                if name.lower() == self._table.object_name.lower():
                    return np.array([value], np.int64) if isinstance(value, int) else None
                return self._objects_called([str(value)]) if isinstance(value, int | str) else None
            case InSet(Column(name), set) if name.lower() == self._table.object_name.lower():
                return self._evaluation.sets.numbers(set).numbers
            case InSet(_, set):
                texts = self._evaluation.sets.texts(set)
                return None if texts.numbers else self._objects_called(list(texts.texts))
            case Or(items):
                each = [self._objects_of(item) for item in items]
                known = [objects for objects in each if objects is not None]
                return kernels.distinct(np.concatenate(known)) if len(known) == len(each) else None
        return None

    def _objects_called(self, keys: list[str]) -> Int64:
        """The objects that have these keys, ascending."""
        objects = kernels.distinct(self._dictionary.known_objects(keys))
        return objects[objects > 0]

    # which rows

    def _shard_rows(self, shard: Shard, objects: Int64 | None) -> Rows | None:
        source = self._bound.plan.source
        duration = source.idle if isinstance(source, Events | Sessions) else None
        idle = None if duration is None else self._idle(duration)
        if duration is not None and idle is None:
            return None
        every = EventRows(shard, self._table, self._dictionary, idle=idle)
        paths = self._chosen_paths(every, objects) if self._bound.on_object else None
        if paths is not None and len(paths) == 0:
            return None
        if isinstance(source, Sessions):
            return self._evaluation.filtered(SessionRows.of(every, paths, idle), self._bound.on_rows)
        if isinstance(source, Changes):
            return self._evaluation.filtered(ChangeRows.of(every, paths), self._bound.on_rows)
        if isinstance(source, Objects):
            moment = source.as_of
            until = None if moment is None else self._evaluation.scalar(moment)
            if moment is not None and until is None:
                return None
            assert until is None or isinstance(until, int)
            rows = ObjectRows.as_of(every, paths, until, self._bound.states_read)
            return self._evaluation.filtered(rows, self._bound.on_rows)
        return self._event_rows(every, paths)

    def _idle(self, duration: Duration) -> Idle | None:
        us = self._evaluation.scalar(duration)
        assert us is None or isinstance(us, int)
        return None if us is None else Idle(us, self._evaluation.scalar(duration.operand))

    def _chosen_paths(self, every: EventRows, objects: Int64 | None) -> Array:
        """The paths that the conditions on the object alone leave."""
        ids, starts = every.shard.paths()
        paths = np.arange(len(ids))
        if objects is not None:
            paths = np.minimum(np.searchsorted(ids, objects), len(ids) - 1)
            paths = paths[ids[paths] == objects]
        rows: Rows = ObjectRows(every.shard, self._table, self._dictionary, paths, starts[paths])
        rows = self._evaluation.filtered(rows, self._bound.on_object)
        assert isinstance(rows, ObjectRows)
        return rows.paths

    def _event_rows(self, every: EventRows, paths: Array | None) -> Rows:
        bound, shard = self._bound, every.shard
        if paths is not None:
            _, starts = shard.paths()
            few = len(paths) * 8 < len(starts)
            if few:
                every = replace(every, positions=kernels.positions_of(starts, paths))
                return self._evaluation.filtered(every, bound.on_rows) if bound.on_rows else every
        (low, high), parts = self._period if bound.on_time else (_ALWAYS, bound.beside_action)
        first, last = shard.time_range() if bound.on_time else _ALWAYS
        if low > last or high < first:
            return replace(every, positions=np.zeros(0, np.int64))
        if bound.on_action is not None:
            every = self._actions.of_actions(every, bound.on_action)
        if paths is not None:
            member = np.zeros(len(shard.paths()[0]), bool)
            member[paths] = True
            numbers = shard.view(path_numbers)
            every = every.keep(member[numbers if every.positions is None else numbers[every.positions]])
        if low > first or high < last:
            ts = shard.ts() if every.positions is None else shard.ts()[every.positions]
            every = every.keep((ts >= low) & (ts <= high))
        return self._evaluation.filtered(every, parts) if parts else every

    @cached_property
    def _period(self) -> tuple[tuple[int, int], list[Expr]]:
        """(the first and the last time that an event can have, what else it has to meet besides its action)."""
        (low, high), others = _ALWAYS, []
        for part in self._bound.on_time:
            moment = self._evaluation.scalar(part.right)  # type: ignore[arg-type]  # it is what _is_of_time takes
            if not isinstance(moment, int):
                others.append(part)
                continue
            if part.op in (">", ">=", "="):
                low = max(low, moment + (part.op == ">"))
            if part.op in ("<", "<=", "="):
                high = min(high, moment - (part.op == "<"))
        return (low, high), [*others, *self._bound.beside_time]

    def _pair_rows(self, source: Pairs, only: Shard | None) -> Iterator[Rows]:
        for shard, pairs in looking(self._pairs(source).by_shard(self._snapshot.shards())):
            if only is not None and shard is not only:
                continue
            every = EventRows(shard, self._table, self._dictionary)
            rows = ObjectRows.of_pairs(every, pairs, self._bound.states_read)
            kept = self._evaluation.filtered(rows, [*self._bound.on_object, *self._bound.on_rows])
            if isinstance(kept, ObjectRows) and kept.numbers is not None:
                # in the order of the other table, which then goes through the pairs once
                kept = kept.take(patiently(np.argsort, kept.numbers))
            if len(kept):
                yield kept

    def _pairs(self, source: Pairs) -> ObjectMoments:
        text = self._evaluation.parameters[source.rows.number - 1]
        assert isinstance(text, str)
        if not is_query(text):
            return read_pairs(text.split("\n"), self._dictionary if source.by_key else None)
        if source.by_key:  # which keys are known may change
            return read_pairs(self._evaluation.evaluator.row(text), self._dictionary)
        return self._evaluation.evaluator.cached(text, read_pairs)
