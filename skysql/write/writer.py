"""What the statements of a transaction have asked of one table and is not stored yet.

    insert, delete, update    take one row of a statement; one that is refused leaves no trace
    flush                     puts all of it into the store

Deleted and changed events are known by their numbers in the snapshot that the statement scanned. SQLite ends that scan
before it hands over the first row, and every later scan, savepoint and commit flushes first, so all numbers that wait
here are of one snapshot, the current one.

`INSERT OR IGNORE` has to say of each row whether it is dropped, so it looks for the event here and in the store.
`INSERT OR REPLACE` only notes that a row replaces: the replaced events are found at the flush, for all rows at once.
An UPDATE is a deletion and an insertion, of the event with all that it holds; see store/numbered.py for the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw
import numpy as np

from ..arrays.batch import Batch, concatenate, take
from ..errors import DataError, IntegrityError, OperationalError
from ..model.companions import EVENTS, IDLE, OWN_CHANGES, SESSION_EVENT, SESSION_OF_EVENT, TIMESTAMP, TS
from ..model.table import ACTION, Table
from ..plan.path_scan import Column
from ..plan.sources import columns_of
from ..scan.rows import EventRows
from ..store import numbered
from ..store.manifest import Stamp
from ..store.snapshot import Snapshot
from ..store.store import Store
from .counts import Counts
from .event_values import ParsedChanges, parse_changes, stored_value
from .row_buffer import RowBuffer
from .statement import UnderWay

_LOOKING = frozenset({apsw.SQLITE_IGNORE, apsw.SQLITE_REPLACE})
"""Conflicts that ask what is there already."""

_SESSION = (IDLE, SESSION_OF_EVENT, SESSION_EVENT)
_LEAVE_OUT = f"leave out {IDLE.name}, {SESSION_OF_EVENT.name} and {SESSION_EVENT.name}"

UNCHANGED = apsw.no_change
"""Stands for a column that an UPDATE leaves as it is."""


class RowLayout:
    """Where the columns of a table of events stand in a row."""

    def __init__(self, table: Table) -> None:
        self.names = [column.name for column in columns_of(EVENTS, table)]
        at = {name: place for place, name in enumerate(self.names)}
        self.keyed = table.key_name is not None
        self.object = at[table.key_name or table.object_name]
        self.timestamp, self.action = at[TIMESTAMP.name], at[ACTION.name]
        self.first = self.action + 1  # of the properties
        self.idle, self.ts, self.changes = at[IDLE.name], at[TS.name], at[OWN_CHANGES.name]
        self.computed = self.idle, at[SESSION_OF_EVENT.name], at[SESSION_EVENT.name]
        self.states = tuple((at, p) for at, p in enumerate(table.properties, self.first) if p.state)
        self.longer = tuple(
            (at, p) for at, p in enumerate(table.properties, self.first) if p.kind.longer and not p.state
        )

    def spared(self) -> frozenset[int]:
        """The columns of which an UPDATE that does not change them gives no value."""
        return frozenset([*(at for at, _ in self.states), self.timestamp, *self.computed, *range(self.object)])


class Writer:
    """Implements `vtab.RowWriter`: collects the changes to one table. Not to be shared between threads."""

    constraint_errors = (IntegrityError,)

    def __init__(self, store: Store, under_way: UnderWay, counts: Counts) -> None:
        self.store = store
        self.columns = RowLayout(store.table)
        self.spared = self.columns.spared()
        self.altered = False  # whether the table has been altered since
        self._under_way = under_way
        self._counts = counts
        self._numbered: Stamp | None = None  # what the numbers of these events are numbers in
        self._inserted = RowBuffer(store.table)
        self._changed = RowBuffer(store.table)
        self._changed_rows: list[int] = []
        self._deleted: list[int] = []
        self._replacing: list[int] = []  # which of the inserted rows replace others
        self._places: dict[tuple[Any, int], list[int]] = {}  # rows by object and time, of the first inserted ones;
        self._placed = 0  # how many of the inserted ones
        self._taken = 0  # how many events were inserted, ever

    def __bool__(self) -> bool:
        return bool(self._inserted or self._deleted or self._changed_rows)

    def snapshot(self) -> Snapshot:
        """The events as the statement under way sees them, with those that wait here; read once for all its scans.

        What it has written since shows in SQLite's count of changes; what was taken back, in that of rollbacks.
        """
        if self._inserted or self._deleted or self._changed_rows:
            self.flush()
        store, under_way = self.store, self._under_way
        statement = under_way.innermost
        if statement.outer is None:  # nobody says when it ends
            return store.snapshot()
        now = store.tables.sqlite.total_changes(), under_way.rollbacks
        seen = statement.snapshots.get(self)
        if seen is None or seen[0] != now:
            seen = statement.snapshots[self] = now, store.snapshot()
        return seen[1]

    def scanned(self, snapshot: Snapshot) -> None:
        """A scan of the statement under way numbers events as they are in this snapshot."""
        self._under_way.innermost.scanned[self] = snapshot.stamp

    # rows

    def insert(self, values: Sequence[Any], conflict: int) -> int:
        """Take one event, or drop it; returns a number for it."""
        statement, looking = self._under_way.innermost, conflict in _LOOKING
        statement.check()
        if looking and (self._deleted or self._changed_rows):  # of a statement before: they are not to be found now
            self.flush()
        if self not in statement.inserted:
            statement.inserted[self], statement.wrote = len(self._inserted), True
        if looking and conflict == apsw.SQLITE_IGNORE:
            if not self._insert_new(values):
                return self.store.tables.sqlite.last_insert_rowid()
        else:
            self._add(values)
            if looking:
                self._replacing.append(len(self._inserted) - 1)
        self._taken += 1
        return self._taken

    def _insert_new(self, values: Sequence[Any]) -> bool:
        row = len(self._inserted)
        try:
            self._add(values)
        except IntegrityError:
            self._counts.drop()
            return False
        if self._is_there(row):
            self._inserted.truncate(row)
            self._counts.drop()
            return False
        return True

    def _add(self, values: Sequence[Any]) -> None:
        columns = self.columns
        timestamp, ts = values[columns.timestamp], values[columns.ts]
        for at in columns.computed:
            if values[at] is not None:
                raise DataError("sessions are computed, not inserted", _LEAVE_OUT)
        if ts is not None:
            if timestamp is not None:
                raise DataError("both timestamp and ts are given", "give one of them")
            timestamp = ts
        if columns.keyed and values[1] is None and values[0] is not None:
            raise self._assigned("inserted")
        self._inserted.add(
            values[columns.object],
            timestamp,
            values[columns.action],
            values[columns.first : columns.idle],
            values[columns.changes],
        )

    def _assigned(self, done: str) -> DataError:
        table = self.store.table
        return DataError(
            f"{table.object_name} of {table.name!r} is assigned, not {done}", f"give {table.key_name}"
        )

    def delete(self, row: int) -> None:
        """Take the number of an event that goes."""
        self._number()
        self._deleted.append(row)

    def _number(self) -> None:
        """An event comes by the number that a scan of the statement under way gave it."""
        statement = self._under_way.innermost
        statement.check()
        if self._deleted or self._changed_rows:
            own = statement.changes.get(self)
            if own:
                return
            if own is False:  # of one within it: that may be the same event
                raise self._written()
        self._numbered = self._scan().stamp
        statement.changes[self] = statement.wrote = True

    def _scan(self) -> Snapshot:
        """What the statement under way has scanned last, which is the table as it still is."""
        snapshot = self.store.snapshot()
        if self._under_way.innermost.scanned.get(self) != snapshot.stamp:
            raise self._written()
        return snapshot

    def _written(self) -> OperationalError:
        return OperationalError(
            f"table {self.store.table.name!r} was written by a function in the statement that changes it",
            "call the function in a statement of its own",
        )

    def update(self, row: int, values: Sequence[Any], conflict: int) -> None:
        """Take the number of an event that changes, and its values: UNCHANGED for those of `Columns.spared`.

        A state property that is given is a change at this event; `changes` are its other changes.
        """
        columns = self.columns
        if values[columns.idle] is not UNCHANGED:
            values = self._differences(row, values)
        if any(values[at] is not UNCHANGED for at in columns.computed):
            raise DataError("sessions are computed, not written", _LEAVE_OUT)
        if columns.keyed and values[0] is not UNCHANGED:
            raise self._assigned("written")
        given = values[columns.timestamp]
        properties = list(values[columns.first : columns.idle])
        for at, _ in columns.states:
            properties[at - columns.first] = None
        for at, value in self._as_stored(row, values):
            properties[at - columns.first] = value
        try:
            self._changed.add(
                values[columns.object],
                values[columns.ts] if given is UNCHANGED else given,
                values[columns.action],
                properties,
                self._changes(values),
            )
        except IntegrityError:
            if conflict != apsw.SQLITE_IGNORE:
                raise
            self._counts.drop()
            return
        self._number()
        self._changed_rows.append(row)

    def _as_stored(self, row: int, values: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Attributes that read as before and are stored with more digits than they are read with."""
        if not self.columns.longer:
            return
        ((shard, _, positions),) = numbered.by_shard(self._scan(), np.array([row], np.int64))
        held = numbered.read(shard, positions, self.store.table).properties
        for at, property in self.columns.longer:
            sparse = held.get(property.id)
            if sparse is not None and property.kind.shown(sparse.values) == [values[at]]:
                yield at, property.kind.restored(sparse.values)[0]

    def _changes(self, values: Sequence[Any]) -> ParsedChanges | None:
        """All changes of an event, in order of declaration."""
        table, text = self.store.table, values[self.columns.changes]
        changes = ParsedChanges() if text is None else parse_changes(table, text)
        for at, property in self.columns.states:
            if values[at] is not UNCHANGED:
                changes[property.id] = stored_value(table, property.name, property.kind, values[at])
        return ParsedChanges((p.id, changes[p.id]) for _, p in self.columns.states if p.id in changes) or None

    def _differences(self, row: int, values: Sequence[Any]) -> list[Any]:
        """UNCHANGED for what is as it was: for UPDATE ... FROM, SQLite does not tell what is set."""
        was, changed = _columns_of(self._scan(), row), list(values)
        names = [name.lower() for name in self.columns.names]
        for at in self.spared:
            if names[at] in was and was[names[at]] == values[at]:
                changed[at] = UNCHANGED
        return changed

    # what is there already

    def _is_there(self, row: int) -> bool:
        """Whether the last inserted row is an event that also waits here, or is in the store."""
        for at in range(self._placed, row):
            self._places.setdefault(self._inserted.place(at), []).append(at)
        self._placed = row
        place = self._inserted.place(row)
        same = self._places.get(place, [])
        replaced = max((at for at in same if at in self._replacing), default=-1)
        found = self._inserted.values(row)
        if any(self._inserted.values(at) == found for at in same if at >= replaced):
            return True
        if replaced >= 0:
            return False
        snapshot = self.store.snapshot()
        object = self.store.dictionary.object(place[0]) if self.columns.keyed else place[0]
        if object is None:
            return False
        return any(values == found for values in numbered.same_place(snapshot, object, place[1]))

    # as a whole

    def flush(self) -> None:
        """Put everything into the store."""
        if not self:
            return
        store = self.store
        if self.altered:
            raise OperationalError(
                f"table {store.table.name!r} was altered in the statement that writes it", "alter it in one of its own"
            )
        sqlite = store.tables.sqlite
        rowid = sqlite.last_insert_rowid()
        with self._counts.own():
            if self._deleted or self._changed_rows or self._replacing:
                self._apply()
            else:
                store.append(self._inserted.take(store.begin_batch()))
        self.forget()
        sqlite.set_last_insert_rowid(rowid)

    def flush_all(self) -> None:
        """Put everything into the store, and what waits for other tables into theirs."""
        self._under_way.store()
        self.flush()

    def _apply(self) -> None:
        """Delete what goes, then add what comes."""
        store, snapshot = self.store, self.store.snapshot()
        if (self._deleted or self._changed_rows) and self._numbered != snapshot.stamp:
            raise self._written()
        dictionary = store.begin_batch()
        going = numbered.distinct(np.array(self._deleted, np.int64))
        inserted, replaced = self._surviving(self._inserted.take(dictionary).batch(store.kinds))
        if self._changed_rows:
            changed = self._changed.take(dictionary).batch(store.kinds)
            going, changed = numbered.rewritten(snapshot, np.array(self._changed_rows, np.int64), changed, going)
            inserted = concatenate([changed, inserted])
        if replaced:
            objects, ts = (np.array(each, np.int64) for each in zip(*replaced, strict=True))
            going = numbered.distinct(np.concatenate((going, numbered.events_at(snapshot, objects, ts))))
        dictionary.note_unused()
        if len(going):
            store.delete(going)
        if len(inserted):
            store.append(inserted)

    def _surviving(self, inserted: Batch) -> tuple[Batch, list[tuple[int, int]]]:
        """The inserted rows that no later one replaces, and the places at which rows replace."""
        last = {(int(inserted.objects[row]), int(inserted.ts[row])): row for row in self._replacing}
        if not last:
            return inserted, []
        places = zip(inserted.objects.tolist(), inserted.ts.tolist(), strict=True)
        kept = [row for row, place in enumerate(places) if row >= last.get(place, 0)]
        return take(inserted, np.array(kept, np.int64)), list(last)

    def forget(self) -> None:
        """Drop everything."""
        self._under_way.stored(self)
        self.drop_changes()
        self._inserted.clear()
        self._forget_places()

    def drop_inserted(self, rows: int) -> None:
        """Drop the inserted rows after the first `rows`."""
        self._inserted.truncate(rows)
        self._forget_places()

    def drop_changes(self) -> None:
        """Drop the deletions and the changes."""
        self._changed.clear()
        self._changed_rows.clear()
        self._deleted.clear()

    def _forget_places(self) -> None:
        self._replacing = [row for row in self._replacing if row < len(self._inserted)]
        self._places.clear()
        self._placed = 0


def _columns_of(snapshot: Snapshot, number: int) -> dict[str, Any]:
    """What one event reads as: column name in lower case -> value, of the states, the time, and the session."""
    ((shard, _, positions),) = numbered.by_shard(snapshot, np.array([number], np.int64))
    rows = EventRows(shard, snapshot.table, snapshot.store.dictionary, positions)
    names = [*(column.name for column in (TIMESTAMP, *_SESSION)), snapshot.table.object_name.lower()]
    names += [p.name.lower() for p in snapshot.table.states]
    return {name: rows.vector(Column(name)).tolist()[0] for name in names}
