"""Sky tables as relations for virtual tables: the events, the objects and the changes of one table, row by row.

A constraint of SQLite's becomes a conjunct of a plan, and a scan of that plan selects the rows; so what is read row by
row and what is aggregated meet the same code. These relations are also the reference that rewritten statements must
equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

import numpy as np

from vtab.protocols import Constraint, RowBatch
from vtab.protocols import Declared as Declared

from ..model import timestamps
from ..model.companions import (
    CHANGED_PROPERTY,
    CHANGES,
    EVENTS,
    NEW_VALUE,
    OBJECTS,
    OLD_VALUE,
    ORDER,
    OWN_CHANGES,
    SESSIONS,
)
from ..model.table import Table
from ..model.values import Value, integer
from ..plan.path_scan import (
    And,
    Changes,
    Column,
    Compare,
    Duration,
    Events,
    Expr,
    Literal,
    Moment,
    Objects,
    PathScan,
    Sessions,
)
from ..plan.sources import columns_of, object_columns
from ..scan.bound import BoundScan
from ..scan.by_sqlite import Evaluator
from ..scan.result import in_pieces
from ..scan.rows import EventRows, Rows
from ..scan.scan import Scan
from ..store.check import check
from ..store.views import path_numbers
from ..write.writer import Writer

_COMPUTED = frozenset(column.name for column in (OWN_CHANGES, OLD_VALUE, NEW_VALUE))
"""Columns on which conditions are left to SQLite."""



def _declared(kind: str, table: Table) -> list[Declared]:
    """The columns of a sky table or a companion, as SQLite is told of them."""
    return [
        Declared(column.name, column.type, hidden=column.hidden, required=column.argument)
        for column in columns_of(kind, table)
    ]


class TableRelation:
    """What the relations of one table have in common."""

    kind: str

    def __init__(self, writer: Writer, evaluator: Evaluator) -> None:
        """writer: that of the table, as what waits in it is read, too."""
        self.writer = writer
        self.store = store = writer.store
        self.evaluator = evaluator
        self.columns = columns = _declared(self.kind, store.table)
        self.indexed: frozenset[int] = frozenset()
        self._objects = range(len(object_columns(store.table)))
        names = [column.name.lower() for column in columns]
        within = frozenset(names.index(column.name) for column in ORDER[self.kind])
        self.order = [frozenset({0}), *([within] if within else [])]

    def exact(self, column: int, op: str) -> bool | None:
        """Objects and times are found exactly; all else is compared once more by SQLite, as affinity may matter."""
        declared = self.columns[column]
        if declared.name in _COMPUTED:
            return None
        if declared.required:  # an argument, which only `=` can give
            return True if op == "=" else None
        if declared.type == "TIMESTAMP" or (column == 0 and op == "=" and declared.type == "INTEGER"):
            return True
        return False if op in ("=", "<", "<=", ">", ">=") else None

    def cheap(self, column: int) -> bool:
        """Paths are found by their object."""
        return column == 0

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """A point is a path; anything else a share of all."""
        if any(column in self._objects and op == "=" for column, op in constraints):
            return 40
        return max(100, 1_000_000 >> min(len(constraints) * 2, 12))

    def explain(self, constraints: Sequence[tuple[int, str]], values: Sequence[Value]) -> str:
        """The constraints, for people."""
        shown = " AND ".join(f"{self.columns[column].name} {op} ?" for column, op in constraints)
        return f"PATHS{' WHERE ' if shown else ''}{shown}"

    def _existing(self, columns: frozenset[int]) -> list[int]:
        """Those of the columns that there are: for UPDATE, SQLite asks for all 64."""
        return [at for at in columns if at < len(self.columns)]

    def _predicate(self, constraints: Sequence[Constraint]) -> Expr | None:
        parts = []
        for constraint in constraints:
            part = self._part(self.columns[constraint.column], constraint)
            if part is not None:
                parts.append(part)
        return And(tuple(parts)) if parts else None

    @staticmethod
    def _part(declared: Declared, constraint: Constraint) -> Expr | None:
        column = Column(declared.name)
        if constraint.column == 0 and constraint.op == "=" and declared.type == "INTEGER":
            id = integer(constraint.value)  # a column of integers is compared with a text as a number
            return Compare("=", column, Literal(0 if id is None else id))  # no object has the id 0
        if declared.type == "TIMESTAMP":
            return Compare(constraint.op.upper(), column, Moment(Literal(constraint.value)))
        if not _alike(declared.type, constraint.value):
            return None
        return Compare(constraint.op.upper(), column, Literal(constraint.value))

    def _argument(
        self, constraints: Sequence[Constraint], parse: Callable[[Value], int]
    ) -> tuple[Value, list[Constraint], bool]:
        """(the argument's value, or NULL without one; the other constraints; whether there can be no rows)."""
        asked = [c.value for c in constraints if self.columns[c.column].required]
        given = [value for value in asked if value is not None]  # for OR, SQLite gives the argument and a NULL
        nothing = len({parse(value) for value in given}) > 1 or (bool(asked) and not given)
        return given[0] if given else None, [c for c in constraints if not self.columns[c.column].required], nothing

    def _scan(self, source: Events | Objects | Sessions | Changes, where: Expr | None) -> Scan:
        plan = PathScan(self.store.database, self.store.table.name, source, where, (), grouped=False)
        snapshot = self.writer.snapshot()
        return Scan(BoundScan(plan, snapshot.table), snapshot, self.evaluator, ())


def _alike(type: str, value: object) -> bool:
    """Whether comparing a column of this type with the value takes no conversion."""
    return isinstance(value, str) if type == "TEXT" else isinstance(value, int | float)


class EventsRelation(TableRelation):
    """<table>: a row an event, and the place where events are written."""

    kind = EVENTS

    def __init__(self, writer: Writer, evaluator: Evaluator, dropped: Callable[[EventsRelation], None]) -> None:
        """dropped: is told when there is no table of this name any more."""
        super().__init__(writer, evaluator)
        self._dropped = dropped

    # reading

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The events that meet the constraints, in path order."""
        return self._events(columns, constraints, backwards=False)

    def scan_backwards(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The same, the last event first; events of one object and time stay in the order of arrival."""
        return self._events(columns, constraints, backwards=True)

    def _events(
        self, columns: frozenset[int], constraints: Sequence[Constraint], *, backwards: bool
    ) -> Iterator[RowBatch]:
        idle, rest, nothing = self._argument(constraints, timestamps.duration)
        if nothing:
            return
        scan = self._scan(Events(_duration(idle)), self._predicate(rest))
        self.writer.scanned(scan.snapshot)
        with self.store.reader.reading(scan.snapshot.manifest):  # until the last row: backwards, the scan ends before
            yield from self._batches(columns, scan, backwards=backwards)

    def _batches(self, columns: frozenset[int], scan: Scan, *, backwards: bool) -> Iterator[RowBatch]:
        turned = (self._turned(rows) for rows in reversed(list(scan.rows()))) if backwards else None
        for piece, read in in_pieces(turned or scan.rows(), lambda rows: _WhenRead(rows, self.columns)):
            values: Mapping[int, Sequence[Value]] = read
            if max(columns, default=0) < len(self.columns):
                values = {at: read[at] for at in columns}
            yield RowBatch(values, scan.numbers(piece) or ())

    @staticmethod
    def _turned(rows: Rows) -> EventRows:
        """The events of a shard by object and time, descending."""
        assert isinstance(rows, EventRows)
        at = slice(None) if rows.positions is None else rows.positions
        paths, ts = rows.shard.view(path_numbers)[at], rows.shard.ts()[at]
        begins = np.flatnonzero(np.append(True, (paths[1:] != paths[:-1]) | (ts[1:] != ts[:-1])))
        ends = np.append(begins[1:], len(rows))
        sizes = (ends - begins)[::-1]
        shift = begins[::-1] - np.append(0, np.cumsum(sizes)[:-1])
        return rows.take(np.arange(len(rows)) + np.repeat(shift, sizes))

    # the table itself

    def rename(self, name: str) -> None:
        """Rename the shadow tables."""
        self.store.tables.rename(name)
        self._dropped(self)

    def destroy(self) -> None:
        """Drop the shadow tables."""
        self.store.tables.destroy()
        self._dropped(self)

    def check(self) -> list[str]:
        """Every fault in what is stored."""
        return check(self.store)


class _WhenRead(Mapping[int, Sequence[Value]]):
    """The columns of some rows, each made when it is first asked for."""

    def __init__(self, rows: Rows, columns: Sequence[Declared]) -> None:
        self._rows = rows
        self._columns = columns
        self._made: dict[int, Sequence[Value]] = {}

    def __getitem__(self, at: int) -> Sequence[Value]:
        if at not in self._made:
            self._made[at] = self._rows.vector(Column(self._columns[at].name)).tolist()
        return self._made[at]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __len__(self) -> int:
        return len(self._columns)


def _duration(idle: Value) -> Duration | None:
    return None if idle is None else Duration(Literal(idle))


class ObjectsRelation(TableRelation):
    """<table>_objects: a row an object, now or as of a moment."""

    kind = OBJECTS

    def __init__(self, writer: Writer, evaluator: Evaluator) -> None:
        super().__init__(writer, evaluator)
        self.indexed = frozenset(self._objects)
        self._as_of = len(self.columns) - 1

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The objects that meet the constraints."""
        moment, rest, nothing = self._argument(constraints, timestamps.parse)
        if nothing:
            return
        as_of, where = None if moment is None else Moment(Literal(moment)), self._predicate(rest)
        with closing(self._scan(Objects(as_of), where).rows()) as every:
            for rows in every:
                ids = rows.vector(Column(self.columns[0].name)).tolist()
                values: dict[int, Sequence[Value]] = {
                    at: rows.vector(Column(self.columns[at].name)).tolist()
                    for at in self._existing(columns)
                    if at != self._as_of
                }
                values[self._as_of] = [moment] * len(ids)  # as it was asked: SQLite may compare it
                yield RowBatch(values, ids)  # type: ignore[arg-type]


class SessionsRelation(TableRelation):
    """<table>_sessions: a row a session."""

    kind = SESSIONS

    def __init__(self, writer: Writer, evaluator: Evaluator) -> None:
        super().__init__(writer, evaluator)
        self.indexed = frozenset(self._objects)

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The sessions that meet the constraints, in path order."""
        idle, rest, nothing = self._argument(constraints, timestamps.duration)
        if nothing:
            return
        scan = self._scan(Sessions(_duration(idle)), self._predicate(rest))
        with closing(scan.rows()) as every:
            for rows in every:
                values = {at: rows.vector(Column(self.columns[at].name)).tolist() for at in self._existing(columns)}
                yield RowBatch(values, scan.numbers(rows) or ())


class ChangesRelation(TableRelation):
    """<table>_changes: a row a changed property of an event."""

    kind = CHANGES

    def exact(self, column: int, op: str) -> bool | None:
        """The property's name is filtered by SQLite."""
        return None if self.columns[column].name == CHANGED_PROPERTY.name else super().exact(column, op)

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The changes, in path order; those of one event in order of declaration."""
        scan = self._scan(Changes(), self._predicate(constraints))
        with closing(scan.rows()) as every:
            for rows in every:
                values = {at: rows.vector(Column(self.columns[at].name)).tolist() for at in self._existing(columns)}
                yield RowBatch(values, scan.numbers(rows) or ())
