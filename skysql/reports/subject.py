"""The table that a report is about: its snapshot, and which of its events meet a condition.

Conditions are written as the name of an action, or as SQL over the columns of an event. All of one report share their
constants, so they are all made before the first of them is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import apsw
import numpy as np

from ..arrays.compiled import ByPath
from ..arrays.masks import CODES, Met
from ..arrays.vectors import Coded, Vector
from ..errors import ProgrammingError, instead, near
from ..lazily import cached_property
from ..model.companions import EVENTS
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION
from ..model.values import shown
from ..plan.path_scan import And, Expr, columns, conjuncts
from ..scan.evaluation import Evaluation, Evaluator
from ..scan.rows import ActionRows, EventRows
from ..sql.catalog import Catalog, CatalogEntry
from ..sql.conditions import Conditions
from ..store.shard import Shard
from ..store.snapshot import Snapshot
from .options import loads


@dataclass(frozen=True, slots=True)
class Condition:
    """What events have to be: of one of these actions (codes; None for any event), and whatever `rest` says.

    text: as it was written.
    """

    text: str
    actions: Expr | tuple[int, ...] | None = None
    rest: Expr | None = None


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

    def __init__(self, snapshot: Snapshot, conditions: Conditions, evaluator: Evaluator) -> None:
        self.snapshot = snapshot
        self.table = snapshot.table
        self.dictionary = snapshot.store.dictionary
        self._conditions = conditions
        self._evaluator = evaluator
        self._codes: dict[Condition, tuple[int, ...]] = {}

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

    # conditions

    def action(self, name: str, what: str) -> Condition:
        """Events of this action; raises ProgrammingError if there are others but none of it."""
        code = self.dictionary.code(ACTION.id, name)
        if code is None and len(self.actions) > 1:
            known = near(name, (action for action in self.actions if action is not None))
            raise ProgrammingError(f"{what}: no event of {self.table.name!r} has the action {name!r}", known)
        return Condition(name, () if code is None else (code,))

    def where(self, text: str, what: str) -> Condition:
        """Events at which this SQL is true."""
        parts = conjuncts(self._conditions.expression(text, what))
        by_action = [part for part in parts if [c.name.lower() for c in columns(part)] == [ACTION.name]]
        rest = [part for part in parts if part not in by_action]
        return Condition(text, _together(by_action), _together(rest))

    def expression(self, text: str, what: str) -> Expr:
        """SQL over an event, for its value."""
        return self._conditions.expression(text, what)

    def named(self, value: object, what: str) -> Condition | None:
        """A condition where an action is expected: its name, or {"when": SQL}, as JSON too; None for any event."""
        if isinstance(value, str) and value.lstrip()[:1] == "{":
            try:
                value = loads(value)
            except ValueError as error:
                raise ProgrammingError(f"{what} is not JSON: {error}", f"it reads {shown(value)}") from None
        if isinstance(value, str):
            return self.action(value, what)
        return None if value is None else self.given(value, what)

    def given(self, value: object, what: str) -> Condition:
        """A condition as {"action": name} or {"when": SQL}."""
        if isinstance(value, Mapping) and len(value) == 1:
            if isinstance(name := value.get("action"), str):
                return self.action(name, what)
            if isinstance(text := value.get("when"), str):
                return self.where(text, what)
        raise ProgrammingError(f"{what}: {value!r} is not a condition", 'write {"action": name}, or {"when": SQL}')

    # events

    @cached_property
    def evaluation(self) -> Evaluation:
        """Evaluates the expressions; no more of them can be made from now on."""
        return Evaluation(self.table, self._evaluator, self._conditions.values(self._evaluator))

    def positions(self, shard: Shard, condition: Condition | None) -> Int64:
        """The events of a shard that meet a condition (None: all), ascending: int64[m]."""
        return self._positions(shard, condition).astype(np.int64)

    def _positions(self, shard: Shard, condition: Condition | None) -> Array:
        """The same, int32[m]."""
        if condition is None or (condition.actions is None and condition.rest is None):
            return np.arange(len(shard), dtype=np.int32)
        rows = EventRows(shard, self.table, self.dictionary)
        if condition.actions is not None:
            rows = self._of_actions(shard, condition)
        if condition.rest is not None and len(rows):
            true, _ = self.evaluation.truth(condition.rest, rows)
            rows = rows.keep(true)
        assert rows.positions is not None
        return rows.positions.astype(np.int32, copy=False)

    def met(self, shard: Shard, condition: Condition) -> Met:
        """The same, of all events; by the codes of actions where it asks for nothing else."""
        largest = len(self.actions) - 1
        if condition.actions is None or condition.rest is not None or largest >= CODES:
            return Met(self.positions(shard, condition))
        truth = np.zeros(CODES, bool)
        truth[list(self._action_codes(condition))] = True
        return Met(lambda: self.positions(shard, condition), shard.codes(ACTION, largest), truth)

    def occurrences(self, shard: Shard, condition: Condition | None) -> Occurrences:
        """The same events with their paths and times; those of one action lie side by side in the shard's index."""
        positions = self._positions(shard, condition)
        code = _only_action(condition)
        if code is not None:
            largest = len(self.actions) - 1
            paths, ts = shard.paths_by_code(ACTION, largest)
            piece = shard.piece(ACTION, largest, code)
            return Occurrences(positions, paths[piece], ts[piece])
        if len(positions) == len(shard):
            return Occurrences(positions, shard.path_numbers(), shard.ts())
        return Occurrences(positions, shard.path_numbers().take(positions), shard.ts().take(positions))

    def by_path(self, shard: Shard, condition: Condition | None) -> ByPath:
        """The same events, and where those of each path begin."""
        code = _only_action(condition)
        if code is None:
            found = self.occurrences(shard, condition)
            starts = np.searchsorted(found.positions, shard.paths()[1]).astype(np.int32)
            return ByPath(found.positions, starts, found.ts)
        largest = len(self.actions) - 1
        piece, order = shard.piece(ACTION, largest, code), shard.by_code(ACTION, largest)[0]
        ts = shard.paths_by_code(ACTION, largest)[1]
        return ByPath(order[piece], shard.starts_of_code(ACTION, largest, code), ts[piece])

    def vector(self, shard: Shard, expr: Expr, positions: Array) -> Vector:
        """An expression at these events, which need not be in order, and may be the same ones."""
        return self.evaluation.vector(expr, EventRows(shard, self.table, self.dictionary, positions))

    def _of_actions(self, shard: Shard, condition: Condition) -> EventRows:
        largest = len(self.actions) - 1
        order, _ = shard.by_code(ACTION, largest)
        pieces = [shard.piece(ACTION, largest, code) for code in self._action_codes(condition)]
        if len(pieces) == 1:
            return EventRows(shard, self.table, self.dictionary, order[pieces[0]], part=pieces[0])
        positions = np.sort(np.concatenate([order[:0], *(order[piece] for piece in pieces)]))
        return EventRows(shard, self.table, self.dictionary, positions)

    def _action_codes(self, condition: Condition) -> tuple[int, ...]:
        if condition.actions is None or isinstance(condition.actions, tuple):
            return condition.actions or ()
        if condition not in self._codes:
            true, _ = self.evaluation.truth(condition.actions, ActionRows(self.dictionary))
            self._codes[condition] = tuple(np.flatnonzero(true).tolist())
        return self._codes[condition]


def _only_action(condition: Condition | None) -> int | None:
    """The code of the action that is all that a condition asks for."""
    codes = None if condition is None or condition.rest is not None else condition.actions
    return codes[0] if isinstance(codes, tuple) and len(codes) == 1 else None


def _together(parts: Sequence[Expr]) -> Expr | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return And(tuple(parts))


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
        evaluator: Evaluator,
        snapshot: Callable[[str, str], Snapshot],
    ) -> None:
        self._sqlite = sqlite
        self._catalog = catalog
        self._evaluator = evaluator
        self._snapshot = snapshot

    def open(self, name: object, report: str) -> Subject:
        """The table called `name` or `database.name`; raises ProgrammingError if there is none."""
        if not isinstance(name, str):
            raise ProgrammingError(
                f"{report}: its first argument is the name of a sky table, {instead(name)}",
                f"SELECT * FROM {report}('users', ...)",
            )
        entry = self._find(name)
        if entry is None:
            raise ProgrammingError(f"{report}: there is no sky table {name!r}", self._meant(name))
        conditions = Conditions(self._sqlite, self._catalog, entry)
        return Subject(self._snapshot(entry.database, entry.name), conditions, self._evaluator)

    def _meant(self, name: str) -> str:
        companion = self._catalog.find(None, name)
        if companion is not None and companion.table is not None:
            return f"it belongs to {companion.table.name!r}, which is what a report takes"
        return near(name, [table for _, table in self._catalog.tables()])

    def moment(self) -> object:
        """Something that changes whenever anything may have changed that a condition can read."""
        version = self._sqlite.execute("PRAGMA data_version").fetchall()
        return version, self._sqlite.total_changes(), self._catalog.refresh()

    def _find(self, name: str) -> CatalogEntry | None:
        self._catalog.refresh()
        database, dot, table = name.partition(".")
        for candidate in ((None, name), (database, table) if dot else (None, name)):
            entry = self._catalog.find(*candidate)
            if entry is not None and entry.kind == EVENTS:
                return entry
        return None
