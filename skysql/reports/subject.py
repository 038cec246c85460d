"""The table that a report is about: its snapshot, and which of its events meet a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import apsw
import numpy as np

from ..arrays.compiled import ByPath
from ..arrays.masks import Met
from ..arrays.vectors import Coded, Vector
from ..errors import ProgrammingError, instead, near
from ..lazily import cached_property
from ..model.companions import EVENTS
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION
from ..plan.path_scan import Events, Expr, conjuncts
from ..plan.sources import column_type
from ..scan.actions import ActionIndex, EventCondition
from ..scan.by_sqlite import Evaluator
from ..scan.evaluation import Evaluation
from ..scan.rows import EventRows
from ..sql.catalog import Catalog, CatalogEntry
from ..sql.conditions import Conditions
from ..store.by_code import ByCode, PathsByCode, starts_of_code
from ..store.shard import Shard
from ..store.snapshot import Snapshot
from ..store.views import path_numbers
from .asked import Condition
from .question import ReportPlan


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Some events of a shard: positions int32[m], ascending; path numbers int32[m]; ts int64[m]."""

    positions: Array
    paths: Array
    ts: Int64

    def take(self, chosen: Array) -> Occurrences:
        """These of the events."""
        return Occurrences(self.positions[chosen], self.paths[chosen], self.ts[chosen])


class Subject:
    """One table at one moment, as a report looks at it."""

    def __init__(self, snapshot: Snapshot, parameters: Sequence[str], evaluator: Evaluator) -> None:
        self.snapshot = snapshot
        self.table = snapshot.table
        self.dictionary = snapshot.store.dictionary
        self._parameters = parameters
        self._evaluator = evaluator
        self._found: dict[Condition, EventCondition] = {}

    def time_range(self) -> tuple[int, int] | None:
        """Bounds of the timestamps; None without events."""
        ranges = [shard.time_range() for shard in self.snapshot.shards()]
        return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None

    def last_moment(self) -> int | None:
        """The timestamp of the table's last event."""
        return None if (range := self.time_range()) is None else range[1]

    @property
    def actions(self) -> Sequence[str | None]:
        """The actions by code; the first is None."""
        return self.dictionary.values(ACTION.id)

    # events

    @cached_property
    def evaluation(self) -> Evaluation:
        """Evaluates the expressions of the report."""
        values = [self._evaluator.values(text, (), ((),), ())[0] for text in self._parameters]
        return Evaluation(self._evaluator, values, partial(column_type, Events(), self.table))

    def find(self, conditions: Iterable[Condition]) -> None:
        """Look the actions of conditions up; raises ProgrammingError if there are others but not one of these."""
        for condition in conditions:
            self._found[condition] = self._find(condition)

    def _find(self, condition: Condition) -> EventCondition:
        if condition.action is None:
            return EventCondition.of(conjuncts(condition.where))
        code = self.dictionary.code(ACTION.id, condition.action)
        if code is None and len(self.actions) > 1:
            known = near(condition.action, (action for action in self.actions if action is not None))
            message = f"{condition.what}: no event of {self.table.name!r} has the action {condition.action!r}"
            raise ProgrammingError(message, known)
        return EventCondition(() if code is None else (code,))

    def positions(self, shard: Shard, condition: Condition | None) -> Int64:
        """The events of a shard that meet a condition (None: all), ascending: int64[m]."""
        return self._positions(shard, condition).astype(np.int64)

    @cached_property
    def _index(self) -> ActionIndex:
        return ActionIndex(self.dictionary, self.evaluation)

    def _every(self, shard: Shard) -> EventRows:
        return EventRows(shard, self.table, self.dictionary)

    def _positions(self, shard: Shard, condition: Condition | None) -> Array:
        """The same, int32[m]."""
        if condition is None:
            return np.arange(len(shard), dtype=np.int32)
        return self._index.positions(self._every(shard), self._found[condition]).astype(np.int32, copy=False)

    def met(self, shard: Shard, condition: Condition) -> Met:
        """The events of a shard that meet a condition; by the codes of actions, if it asks for actions only."""
        return self._index.met(self._every(shard), self._found[condition])

    def occurrences(self, shard: Shard, condition: Condition | None) -> Occurrences:
        """The same events with their paths and times; those of one action lie side by side in the shard's index."""
        positions = self._positions(shard, condition)
        code = self._only_action(condition)
        if code is not None:
            largest = self._index.largest
            by_code = shard.view(PathsByCode, ACTION, largest)
            piece = shard.view(ByCode, ACTION, largest).piece(code)
            return Occurrences(positions, by_code.paths[piece], by_code.ts[piece])
        if len(positions) == len(shard):
            return Occurrences(positions, shard.view(path_numbers), shard.ts())
        return Occurrences(positions, shard.view(path_numbers).take(positions), shard.ts().take(positions))

    def by_path(self, shard: Shard, condition: Condition | None) -> ByPath:
        """The same events, and where those of each path begin."""
        code = self._only_action(condition)
        if code is None:
            found = self.occurrences(shard, condition)
            starts = np.searchsorted(found.positions, shard.paths()[1]).astype(np.int32)
            return ByPath(found.positions, starts, found.ts)
        largest = len(self.actions) - 1
        index = shard.view(ByCode, ACTION, largest)
        piece = index.piece(code)
        ts = shard.view(PathsByCode, ACTION, largest).ts
        return ByPath(index.order[piece], shard.view(starts_of_code, ACTION, largest, code), ts[piece])

    def _only_action(self, condition: Condition | None) -> int | None:
        """The code of the action that is all that a condition asks for."""
        return None if condition is None else self._found[condition].only_action()

    def vector(self, shard: Shard, expr: Expr, positions: Array) -> Vector:
        """An expression at these events, which need not be in order, and may be the same ones."""
        return self.evaluation.vector(expr, EventRows(shard, self.table, self.dictionary, positions))


def may_equal(vector: Vector, text: str) -> Bool:
    """Where a value may be equal to a text in SQLite's eyes: not where it is another text."""
    if isinstance(vector, Coded):
        vector = vector.narrowed()
        may = np.fromiter((not isinstance(v, str) or v == text for v in vector.values), bool, len(vector.values))
        return may[vector.codes]
    return np.ones(len(vector), bool)


class Subjects:
    """The sky tables of one connection, by the names that reports are given."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        catalog: Catalog,
        refresh: Callable[[], int],
        evaluator: Evaluator,
        snapshot: Callable[[str, str], Snapshot],
    ) -> None:
        self._sqlite = sqlite
        self._catalog = catalog
        self._refresh = refresh
        self._evaluator = evaluator
        self._snapshot = snapshot

    def entry(self, name: object, report: str) -> CatalogEntry:
        """The table called `name` or `database.name`; raises ProgrammingError if there is none."""
        if not isinstance(name, str):
            raise ProgrammingError(
                f"{report}: its first argument is the name of a sky table, {instead(name)}",
                f"SELECT * FROM {report}('users', ...)",
            )
        entry = self._find(name)
        if entry is None:
            raise ProgrammingError(f"{report}: there is no sky table {name!r}", self._meant(name))
        return entry

    def conditions(self, entry: CatalogEntry) -> Conditions:
        """Reads conditions on the events of a table."""
        return Conditions(self._catalog, entry)

    def subject(self, plan: ReportPlan) -> Subject:
        """The table of a plan, as it is now."""
        return Subject(self._snapshot(plan.database, plan.table), plan.parameters, self._evaluator)

    def _meant(self, name: str) -> str:
        companion = self._catalog.find(None, name)
        if companion is not None and companion.table is not None:
            return f"it belongs to {companion.table.name!r}, which is what a report takes"
        return near(name, [entry.name for entry in self._catalog.every() if entry.kind == "events"])

    def moment(self) -> object:
        """A value that differs as soon as any row may have changed that a condition can read."""
        return self._sqlite.data_version(), self._sqlite.total_changes()

    def generation(self) -> int:
        """A number that is another whenever names may mean something else."""
        return self._refresh()

    def _find(self, name: str) -> CatalogEntry | None:
        database, dot, table = name.partition(".")
        for candidate in ((None, name), (database, table) if dot else (None, name)):
            entry = self._catalog.find(*candidate)
            if entry is not None and entry.kind == EVENTS:
                return entry
        return None
