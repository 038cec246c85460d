"""The shadow tables: the only module that names one, but for shadows.py, leftovers.py and repair/repair.py.

    <table>_meta    key, value: 'format' (the version), 'schema' (JSON), 'stamp' (of the set of runs), 'gone' (the
                    stamp of the list of events deleted from the log, if there are any), 'unused' (1 if texts or keys
                    may be left of events that are gone), 'dictionary' (a number drawn whenever such were dropped),
                    'altered' (1 if there may be values of former types, or of properties that were dropped),
                    'merging' (first << 31 | last of the runs whose merge is under way, if one is),
                    'distinct' and 'distinct <id>' (statistics.py)
    <table>_value   the texts of TEXT properties and actions, by (property, code), or where there is a chunk of them
    <table>_key     the keys of a TEXT OBJECT, by object id
    <table>_log     a row a commit: events in order of arrival, as one encoded batch
    <table>_block   a row a block: its run, the range of its objects and times, how many of each; 'gone', the stamp of
                    the list of events deleted from it, if there are any, which the ranges and counts leave out
    <table>_column  a row a column of a block: rowid = block << 16 | column; column 0 holds the paths, 1 the
                    timestamps, 2 + id the property of that id, 65535 the positions of the events that were deleted.
                    Block 0 is the log, which has the last of these only (the places of its events in order of arrival)
                    and, for a property that became TEXT, the casts of what it held before. Rowids below 0 are those of
                    chunks of texts (chunks.py)

A *run* is a set of blocks whose objects do not overlap; runs are numbered by age. The log is younger than any run.
While the set of runs keeps its stamp, the log is only added to at its end, and texts and keys only along with a batch.
A block's columns are never changed: what is deleted is listed, until the block is rewritten or merged (compact.py).

Stamps: every row that holds data carries a random number drawn when it was written. Row ids may be given again after a
rollback; a stamp is not. So (stamp, ...) identifies bytes for ever, and everything cached goes by it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import apsw
import numpy as np

from ..arrays.batch import EMPTY, Batch, Lists, Sparse, concatenate, joined
from ..arrays.replay import known
from ..errors import CorruptError, DataError, NotSupportedError, ProgrammingError, changed_under_reader
from ..interruption import look, looking
from ..lazily import cached_property
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT, Kind
from ..model.table import ACTION, Property, Table, quote
from ..model.timestamps import MAX_US, MIN_US
from . import definition, shadows
from . import format as fmt
from .blocks import FIRST_PROPERTY, GONE, PATHS, TIMESTAMPS, BlockRow, MemoryBlock, StoredBlock, Without, read_back
from .cache import Cache, size
from .chunks import Chunks
from .dictionary import Dictionary
from .retyped import Casts, widen
from .shadows import SHADOWS
from .shard import Part
from .snapshot import LogRow, Snapshot, Stamp
from .statistics import Kept

Row = TypeVar("Row", BlockRow, LogRow)

_COLUMN_BITS = 16

MOST_LOGGED = 4 * fmt.BATCH_EVENTS
"""Events that a log has, at the most: it is folded before (compact.py)."""

_LEAST = -(1 << 63)

_RECENT, _SMALL = 2048, 64
"""Small batches are remembered as written, so many at most: a log of single events costs more to read than to hold."""


def new_stamp() -> int:
    """A number that was never given before."""
    return secrets.randbits(63)


class Store:
    """One sky table's shadow tables."""

    def __init__(self, sqlite: apsw.Connection, database: str, table: Table, cache: Cache) -> None:
        self.sqlite = sqlite
        self.database = database
        self.table = table
        self.cache = cache
        self.dictionary = self._open_dictionary()
        self.statistics = Kept(sqlite, self.shadow("meta"))
        self._snapshot: Snapshot | None = None
        self._log: tuple[tuple[LogRow, ...], Batch] = (), EMPTY  # what was read of the log last
        self._sorted: tuple[tuple[LogRow, ...], Int64 | None] = (), None  # and how what was sorted of it is in order
        self._recent: dict[int, Lists] = {}  # batches of the log by stamp, as they were when they were written
        self._known: Stamp | None = None  # where the dictionary in memory is known to be the table's
        self._writing: Stamp | None = None  # where a batch was begun
        self._readers: list[Snapshot] = []  # of the scans that are under way
        self._replaced: dict[int, Int64] = {}  # lists of deleted events that they may need, by stamp

    def _open_dictionary(self) -> Dictionary:
        sqlite, shadow = self.sqlite, self.shadow
        chunks = Chunks(sqlite, shadow("value"), shadow("column"), self.cache, self.read_row, self._corrupt_texts)
        tables = shadow("value"), shadow("key"), shadow("meta")
        return Dictionary(sqlite, *tables, chunks, lambda: shadows.file_size(sqlite, self.database))

    # the shadow tables as such

    def shadow(self, suffix: str) -> str:
        """The quoted name of a shadow table."""
        return f"{quote(self.database)}.{quote(f'{self.table.name}_{suffix}')}"

    @classmethod
    def create(cls, sqlite: apsw.Connection, database: str, table: Table, cache: Cache) -> Store:
        """Make the shadow tables of a new, empty table."""
        store = cls(sqlite, database, table, cache)
        for suffix, columns in {
            "meta": "(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
            "value": "(property INTEGER, code INTEGER, value TEXT, stamp INTEGER, PRIMARY KEY(property, code))"
            " WITHOUT ROWID",
            "key": "(id INTEGER PRIMARY KEY, key TEXT UNIQUE, stamp INTEGER)",
            "log": "(id INTEGER PRIMARY KEY, stamp INTEGER, events INTEGER, data BLOB)",
            "block": "(id INTEGER PRIMARY KEY, stamp INTEGER, run INTEGER, first_object INTEGER, last_object INTEGER,"
            " first_ts INTEGER, last_ts INTEGER, objects INTEGER, events INTEGER, gone INTEGER)",
            "column": "(id INTEGER PRIMARY KEY, data BLOB)",
        }.items():
            sqlite.execute(f"CREATE TABLE {store.shadow(suffix)}{columns}")
        sqlite.executemany(
            f"INSERT INTO {store.shadow('meta')} VALUES(?, ?)",
            [("format", fmt.VERSION), ("schema", definition.dump(table)), ("stamp", new_stamp()), ("distinct", 1)],
        )
        return store

    inspect = staticmethod(shadows.inspect)

    @classmethod
    def open(cls, sqlite: apsw.Connection, database: str, name: str, cache: Cache) -> Store:
        """Open the table of that name; raises CorruptError or NotSupportedError if its definition is unreadable."""
        meta = f"{quote(database)}.{quote(name + '_meta')}"
        sql = f"SELECT key, value FROM {meta} WHERE key IN ('format', 'schema')"
        values: dict[Any, Any] = dict(shadows.rows(sqlite, meta, sql))
        version = values.get("format")
        if isinstance(version, int) and version > fmt.VERSION:
            raise NotSupportedError(
                f"table {name!r} is of format version {version}; this skysql reads up to {fmt.VERSION}",
                "upgrade skysql",
            )
        return cls(sqlite, database, cls.definition(name, values), cache)

    @staticmethod
    def definition(name: str, values: Mapping[Any, Any]) -> Table:
        """What <name>_meta says of the table; raises CorruptError."""
        try:
            if not isinstance(version := values.get("format"), int) or version < 1:
                raise ValueError(f"there is no format version {version!r}")
            return definition.load(name, values["schema"])
        except (KeyError, TypeError, ValueError, RecursionError, OverflowError, ProgrammingError) as error:
            raise CorruptError(f"table {name!r}: its definition in {name}_meta is unreadable: {error}") from None

    def rename(self, name: str) -> None:
        """Rename the shadow tables."""
        for suffix in SHADOWS:
            self.sqlite.execute(f"ALTER TABLE {self.shadow(suffix)} RENAME TO {quote(f'{name}_{suffix}')}")

    def destroy(self) -> None:
        """Drop the shadow tables."""
        for suffix in SHADOWS:
            self.sqlite.execute(f"DROP TABLE {self.shadow(suffix)}")

    @cached_property
    def kinds(self) -> dict[int, Kind]:
        """Property id -> kind, the action's included."""
        return {p.id: p.kind for p in (ACTION, *self.table.properties)}

    # reading

    def snapshot(self) -> Snapshot:
        """The table as the current transaction sees it."""
        stamp = self._stamp()
        if not isinstance(stamp[0], int):
            raise self._corrupt(f"{self.table.name}_meta: there is no stamp")
        if self._snapshot is None or self._snapshot.stamp != stamp:
            self._snapshot = Snapshot(self, stamp, self._block_rows(stamp), self._log_rows(stamp), self._gone(stamp))
        if stamp != self._known:
            self.dictionary.refresh()
            self._known = None if stamp == self._writing else stamp  # of a batch that was begun the stamp tells nothing
        return self._snapshot

    def _block_rows(self, stamp: Stamp) -> Sequence[BlockRow]:
        if self._snapshot is not None and self._snapshot.stamp[0] == stamp[0]:
            return self._snapshot.blocks
        names = "id, stamp, run, first_object, last_object, first_ts, last_ts, objects, events, gone"
        sql = f"SELECT {names} FROM {self.shadow('block')} ORDER BY run, first_object"
        rows = self._sound("block", [BlockRow(*row) for row in self._read("block", sql)])
        for a, b in pairwise(rows):
            if a.run == b.run and b.first_object <= a.last_object:
                raise self._corrupt(f"blocks {a.id} and {b.id} of run {a.run} overlap")
        stamps = [row.stamp for row in rows] + [row.gone for row in rows if row.gone is not None]
        if len(set(stamps)) < len(stamps):
            raise self._corrupt("blocks: there are two of one stamp, or two lists of deleted events")
        return rows

    def _log_rows(self, stamp: Stamp) -> Sequence[LogRow]:
        """The log: what is known of it, if it has only been added to since, and the rows after that."""
        known: tuple[LogRow, ...] = ()
        if self._snapshot is not None and self._snapshot.stamp[0] == stamp[0]:
            known = self._snapshot.log
        sql = f"SELECT id, stamp, events FROM {self.shadow('log')} WHERE id >= ? ORDER BY id"
        rows = [LogRow(*row) for row in self._read("log", sql, (known[-1].id if known else _LEAST,))]
        if known and rows and rows[0] == known[-1]:
            return known + tuple(self._sound("log batch", rows[1:]))
        if known:
            rows = [LogRow(*row) for row in self._read("log", sql, (_LEAST,))]
        rows = self._sound("log batch", rows)
        if sum(row.events for row in rows) > MOST_LOGGED:
            raise self._corrupt(f"log: its rows tell of more than the {MOST_LOGGED} events that a log has")
        return rows

    def _read(self, suffix: str, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of a shadow table."""
        return shadows.rows(self.sqlite, f"{self.table.name}_{suffix}", sql, parameters)

    def _sound(self, what: str, rows: list[Row]) -> list[Row]:
        """The rows; raises CorruptError if there can be no such."""
        for row in rows:
            fault = row.fault()
            if fault is not None:
                raise self._corrupt(f"{what} {row.id}: {fault}")
        return rows

    def _corrupt(self, what: str) -> CorruptError:
        return CorruptError(
            f"table {self.table.name!r}, {what}", "restore the file from a backup; `skysql check` lists every fault"
        )

    def _corrupt_texts(self, property_id: int, what: str) -> CorruptError:
        found = [p.name for p in (ACTION, *self.table.properties) if p.id == property_id]
        return self._corrupt(f"column {found[0]!r}, {what}" if found else f"property {property_id}, {what}")

    def _gone(self, stamp: Stamp) -> int | None:
        if self._snapshot is not None and self._snapshot.stamp[0] == stamp[0]:
            return self._snapshot.gone
        return self._read_gone_stamp()

    def _read_gone_stamp(self) -> int | None:
        found = self._read("meta", f"SELECT value FROM {self.shadow('meta')} WHERE key = 'gone'")
        if found and type(found[0][0]) is not int:
            raise self._corrupt(f"{self.table.name}_meta: the stamp of the list of deleted events is no number")
        return found[0][0] if found else None

    def _stamp(self) -> Stamp:
        return self._read("meta", self._stamp_sql)[0]  # type: ignore[no-any-return]

    @cached_property
    def _stamp_sql(self) -> str:
        meta, log = self.shadow("meta"), self.shadow("log")
        return (
            f"SELECT (SELECT value FROM {meta} WHERE key = 'stamp'), (SELECT max(id) FROM {log}),"
            f" (SELECT stamp FROM {log} ORDER BY id DESC LIMIT 1)"
        )

    @contextmanager
    def reading(self, snapshot: Snapshot) -> Iterator[None]:
        """Around a scan: what it reads is not removed by this connection until it ends, or kept for it."""
        self._readers.append(snapshot)
        try:
            yield
        finally:
            self._readers.remove(snapshot)
            if not self._readers:
                self._replaced.clear()

    @property
    def busy(self) -> bool:
        """Whether a scan of this connection is under way, so that blocks have to stay."""
        return bool(self._readers)

    def _keep_for_readers(self, stamp: int, gone: Callable[[], Int64]) -> None:
        """A list of deleted events is about to be replaced."""
        if any(snapshot.has_list(stamp) for snapshot in self._readers):
            self._replaced[stamp] = gone()

    def replaced(self, stamp: int | None) -> Int64 | None:
        """A list of deleted events that is not stored any more, if a scan under way may need it."""
        return None if stamp is None else self._replaced.get(stamp)

    def rolled_back(self) -> None:
        """Something was: codes may be given to other texts now, so scans under way keep the dictionary that they know.

        What they have not read of it they cannot have any more.
        """
        if self._readers:
            self.dictionary.end()
            self.dictionary = self._open_dictionary()
            self._known = self._writing = None

    def block(self, row: BlockRow) -> StoredBlock | Without:
        """The block of that row, as it reads."""
        block = StoredBlock(self, row)
        return block if row.gone is None else Without(block, block.gone, row.gone, self.cache)

    def read_column(self, row: BlockRow, column: int) -> Array | None:
        """The bytes of a column, uint8[size], or None if there is none."""
        look()
        sql = f"SELECT stamp, gone FROM {self.shadow('block')} WHERE id = ?"
        found = self._read("block", sql, (row.id,))
        if not found or found[0][0] != row.stamp or (column == GONE and found[0][1] != row.gone):
            raise changed_under_reader(f"table {self.table.name!r} was")
        return self.read_blob(row.id, column)

    def read_blob(self, block: int, column: int) -> Array | None:
        """The bytes under these numbers, whatever is known of the block; None if there are none."""
        return self.read_row(block << _COLUMN_BITS | column)

    def read_row(self, rowid: int) -> Array | None:
        """The bytes of a row of <table>_column; None if there are none."""
        try:
            blob = self.sqlite.blob_open(self.database, f"{self.table.name}_column", "data", rowid, False)
        except (apsw.SQLError, OverflowError):
            return None
        with blob:
            data = np.empty(blob.length(), np.uint8)
            blob.read_into(data.data)
        return data

    def log_events(self) -> int:
        """How many events the log holds."""
        return int(self._read("log", f"SELECT total(events) FROM {self.shadow('log')}")[0][0])

    def read_log(self, rows: Sequence[LogRow]) -> Batch:
        """These rows of the log as one batch. What was read of them last time is not read again."""
        known, batch = self._log
        if not known or tuple(rows[: len(known)]) != known:
            known, batch = (), EMPTY
        new = rows[len(known) :]
        if new:
            batch = concatenate([batch, *self._batches(new)])
            self._log = tuple(rows), batch
        return batch

    def _batches(self, rows: Sequence[LogRow]) -> Iterator[Batch]:
        """What is in these rows, which follow each other; what this connection wrote lately needs no decoding."""
        recent = [self._recent[row.stamp] for row in rows if row.stamp in self._recent]
        if len(recent) == len(rows):
            yield joined(recent).batch(self.kinds)
            return
        sql = f"SELECT id, data FROM {self.shadow('log')} WHERE id BETWEEN ? AND ? ORDER BY id"
        found = self._read("log", sql, (rows[0].id, rows[-1].id))
        for row, (id, data) in zip(rows, found, strict=True):
            try:
                batch = self._as_defined(*fmt.decode_typed_batch(data))
            except fmt.FormatError as error:
                raise self._corrupt(f"log batch {id}: {error}") from None
            fault = self._fault(batch) if len(batch) == row.events else f"{len(batch)} events, not {row.events}"
            if fault is not None:
                raise self._corrupt(f"log batch {id}: {fault}")
            yield batch

    def _fault(self, batch: Batch) -> str | None:
        """Why there can be no such batch, if there cannot."""
        if not len(batch):
            return "it is empty"
        if int(batch.objects.min()) < 1:
            return "an object id is not positive"
        if not MIN_US <= int(batch.ts.min()) <= int(batch.ts.max()) <= MAX_US:
            return "its times are not between the years 1 and 9999"
        for id, sparse in batch.properties.items():
            largest = int(sparse.values.max(initial=0)) if self.kinds.get(id) is TEXT else 0
            if largest and largest > self.dictionary.largest(id):
                return f"property {id}: code {largest} is not in the dictionary"
        return None

    def _as_defined(self, batch: Batch, kinds: Mapping[int, Kind]) -> Batch:
        """A batch that may have been written before the table was altered; kinds: of what is in it."""
        present = [p for p in (ACTION, *self.table.properties) if p.id in batch.properties]
        widened = {p.id: widen(kinds[p.id], batch.properties[p.id], p, partial(self.casts, p)) for p in present}
        others = {} if self.table.stamp else batch.properties  # of no property, which is for `check` to tell
        return Batch(batch.objects, batch.ts, {**others, **widened})

    def log_block(self, snapshot: Snapshot) -> MemoryBlock | Without:
        """The log of a snapshot in path order."""
        rows, gone = snapshot.log, snapshot.gone
        stamps = tuple(row.stamp for row in rows) if len(rows) < 8 else (rows[0].stamp, rows[-1].stamp, len(rows))
        key = "log", self.table.stamp, stamps
        block = self.cache.get(key, lambda: self._sort_log(key, rows), lambda block: block.nbytes)
        if gone is None:
            return block

        def places() -> Int64:
            return self.cache.get(
                (block.stamp, gone, "gone"), lambda: block.places(self.gone_from_log(snapshot)), size
            )

        return Without(block, places, gone, self.cache)

    def _sort_log(self, stamp: object, rows: tuple[LogRow, ...]) -> MemoryBlock:
        known, order = self._sorted
        block = MemoryBlock.sort(stamp, self.read_log(rows), order if rows[: len(known)] == known else None)
        self._sorted = rows, block.order
        return block

    def gone_from_log(self, snapshot: Snapshot) -> Int64:
        """Which events of a snapshot's log were deleted, by order of arrival: int64[m], ascending."""
        return self.cache.get((snapshot.gone, "gone"), lambda: self._read_gone(snapshot), size)

    def _read_gone(self, snapshot: Snapshot) -> Int64:
        replaced = self.replaced(snapshot.gone)
        if replaced is not None:
            return replaced
        if self._read_gone_stamp() != snapshot.gone:
            raise changed_under_reader(f"table {self.table.name!r} was")
        data = self.read_blob(0, GONE)
        try:
            if data is None:
                raise fmt.FormatError("it is missing")
            gone = fmt.decode_positions(data, fmt.MAX_COUNT)
            if len(gone) and int(gone[-1]) >= sum(row.events for row in snapshot.log):
                raise fmt.FormatError("it is of a longer log")
        except fmt.FormatError as error:
            raise self._corrupt(f"log, column 'gone': {error}") from None
        return gone

    # writing; always inside a transaction of the caller's

    def begin_batch(self) -> Dictionary:
        """The dictionary as the current transaction has it, to make the batch with that is appended next.

        Nothing is looked up anew if our own batch was the last change: texts are only ever added together with a batch.
        """
        stamp = self._stamp()
        if stamp != self._known:
            self.dictionary.refresh()
        self._known, self._writing = None, stamp  # what the dictionary gets now may be rolled back alone
        return self.dictionary

    def drop_batch(self) -> None:
        """Nothing came of the batch that was begun."""
        self._known, self._writing = self._writing, None

    def append_log(self, batch: Batch | Lists) -> int:
        """Add one batch to the log; returns how many batches the log now has."""
        stamp, events = new_stamp(), len(batch)
        self.sqlite.execute(self._append_sql, (stamp, events, fmt.encode_batch(batch, self.kinds)))
        id = self.sqlite.last_insert_rowid()
        self._sound("log batch", [LogRow(id, stamp, events)])
        if self._writing is not None:
            self._known, self._writing = (self._writing[0], id, stamp), None
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        if events <= _SMALL and isinstance(batch, Lists):
            self._recent[stamp] = batch
        return id

    @cached_property
    def _append_sql(self) -> str:
        return f"INSERT INTO {self.shadow('log')}(stamp, events, data) VALUES(?, ?, ?)"

    def write_block(self, run: int, block: Any, first: int, last: int) -> None:
        """Store the paths first ... last-1 of a block in memory (a Shard, a MemoryBlock) as a block of a run."""
        objects, starts = block.paths()
        low, high = int(starts[first]), int(starts[last])
        if high - low > fmt.MOST_BYTES // 8:  # a block of many events is one path
            raise DataError(
                f"table {self.table.name!r}: object {int(objects[first])} has {high - low} events,"
                f" more than the {fmt.MOST_BYTES // 8} of a path",
                "delete some of its events, or spread them over several objects",
            )
        ts, paths = block.ts()[low:high], (objects[first:last], starts[first : last + 1] - low)
        columns = [(PATHS, fmt.encode_paths(*paths)), (TIMESTAMPS, fmt.encode_timestamps(ts, paths[1]))]
        whole = first == 0 and last == len(objects)
        values: dict[Property, Sparse] = {}
        for property in looking((ACTION, *self.table.properties)):
            sparse = Part(block, first, last, whole).sparse(property)
            if len(sparse.positions):
                values[property] = sparse
                columns.append((FIRST_PROPERTY + property.id, fmt.encode_sparse(sparse, property.kind, high - low)))
                if property.kind is not TEXT:
                    self.statistics.add(property.id, sparse.values[known(sparse)])
        id = self._insert_block(run, paths, ts, columns)
        read_back(self, id, paths, ts, values)

    def _insert_block(
        self, run: int, paths: tuple[Int64, Int64], ts: Int64, columns: Sequence[tuple[int, bytes]]
    ) -> int:
        """Write the rows of a block; returns its number."""
        block, column = self.shadow("block"), self.shadow("column")
        last = f"(SELECT max(id) FROM {block}), (SELECT max(id) FROM {column}) >> {_COLUMN_BITS}"
        id: Any = self.sqlite.execute(f"SELECT max(0, coalesce(max({last}), 0)) + 1").fetchall()[0][0]
        row = BlockRow(
            *(id, new_stamp(), run, int(paths[0][0]), int(paths[0][-1])),
            *(int(ts.min()), int(ts.max()), len(paths[0]), len(ts)),
        )
        self._sound("block", [row])
        self.sqlite.executemany(
            f"INSERT INTO {column} VALUES(?, ?)", [(id << _COLUMN_BITS | number, data) for number, data in columns]
        )
        self.sqlite.execute(f"INSERT INTO {block} VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(row))
        return int(id)

    def move_block(self, block: int, run: int) -> None:
        """Make a block part of another run."""
        self.sqlite.execute(f"UPDATE {self.shadow('block')} SET run = ? WHERE id = ?", (run, block))

    def remove_blocks(self, blocks: Sequence[int]) -> None:
        """Drop blocks and their columns."""
        for id in blocks:
            self.sqlite.execute(
                f"DELETE FROM {self.shadow('column')} WHERE id BETWEEN ? AND ?",
                (id << _COLUMN_BITS, (id + 1 << _COLUMN_BITS) - 1),
            )
            self.sqlite.execute(f"DELETE FROM {self.shadow('block')} WHERE id = ?", (id,))

    def clear_log(self, snapshot: Snapshot) -> None:
        """Drop what is in the log."""
        self.sqlite.execute(f"DELETE FROM {self.shadow('log')}")
        if snapshot.gone is not None:
            self._keep_for_readers(snapshot.gone, lambda: self.gone_from_log(snapshot))
            self.sqlite.execute(f"DELETE FROM {self.shadow('column')} WHERE id = ?", (GONE,))
            self.sqlite.execute(f"DELETE FROM {self.shadow('meta')} WHERE key = 'gone'")
        self._log = (), EMPTY

    def delete_from_log(self, snapshot: Snapshot, arrivals: Int64) -> None:
        """List these events of the log as deleted, given by order of arrival."""
        if snapshot.gone is not None:
            self._keep_for_readers(snapshot.gone, lambda: self.gone_from_log(snapshot))
            arrivals = np.sort(np.concatenate((self.gone_from_log(snapshot), arrivals)))
        stamp = new_stamp()
        self.put_column(0, GONE, fmt.encode_positions(arrivals, fmt.MAX_COUNT))
        self.sqlite.execute(f"INSERT OR REPLACE INTO {self.shadow('meta')} VALUES('gone', ?)", (stamp,))
        self.cache.get((stamp, "gone"), lambda: arrivals, size)

    def delete_from_block(self, block: StoredBlock, positions: Int64) -> BlockRow:
        """List these events of a block as deleted, given by their positions in it; returns the row that it has now."""
        row, stamp = block.row, new_stamp()
        if row.gone is not None:
            self._keep_for_readers(row.gone, block.gone)
        gone = positions if row.gone is None else np.sort(np.concatenate((block.gone(), positions)))
        left = Without(block, lambda: gone, stamp, self.cache)
        objects, starts = left.paths()
        if len(objects):
            row = replace(row, first_object=int(objects[0]), last_object=int(objects[-1]))
            lost = block.ts()[positions]
            if int(lost.min()) == row.first_ts or int(lost.max()) == row.last_ts:
                row = replace(row, first_ts=int(left.ts().min()), last_ts=int(left.ts().max()))
        row = replace(row, objects=len(objects), events=int(starts[-1]), gone=stamp)
        self.put_column(row.id, GONE, fmt.encode_positions(gone, block.events))
        self.sqlite.execute(
            f"UPDATE {self.shadow('block')} SET first_object = ?, last_object = ?, first_ts = ?, last_ts = ?,"
            " objects = ?, events = ?, gone = ? WHERE id = ?",
            (row.first_object, row.last_object, row.first_ts, row.last_ts, row.objects, row.events, stamp, row.id),
        )
        self.cache.get((stamp, "gone"), lambda: gone, size)
        return row

    def put_column(self, block: int, column: int, data: bytes) -> None:
        """Store the bytes of a column, in place of those that are there."""
        self.sqlite.execute(
            f"INSERT OR REPLACE INTO {self.shadow('column')} VALUES(?, ?)", (block << _COLUMN_BITS | column, data)
        )

    def merging(self) -> tuple[int, int] | None:
        """The first and the last of the runs whose merge is under way."""
        found = self._read("meta", f"SELECT value FROM {self.shadow('meta')} WHERE key = 'merging'")
        if not found:
            return None
        if not isinstance(found[0][0], int) or not 0 <= found[0][0] < 1 << 62:
            raise self._corrupt(f"{self.table.name}_meta: there are no runs {found[0][0]!r} to merge")
        return divmod(found[0][0], 1 << 31)

    def set_merging(self, runs: tuple[int, int] | None) -> None:
        """Say which runs are being merged."""
        meta = self.shadow("meta")
        if runs is None:
            self.sqlite.execute(f"DELETE FROM {meta} WHERE key = 'merging'")
        else:
            self.sqlite.execute(f"INSERT OR REPLACE INTO {meta} VALUES('merging', ?)", (runs[0] << 31 | runs[1],))

    def touch(self) -> None:
        """Give the set of runs a new stamp, as whoever changes it must."""
        self.sqlite.execute(f"UPDATE {self.shadow('meta')} SET value = ? WHERE key = 'stamp'", (new_stamp(),))

    # another definition

    def casts(self, property: Property) -> Casts:
        """The codes of the texts that a property's values became when it was made TEXT."""
        key = self.table.stamp, "casts", property.id
        return self.cache.get(key, lambda: self._read_casts(property), lambda casts: casts.nbytes)

    def _read_casts(self, property: Property) -> Casts:
        data = self.read_blob(0, FIRST_PROPERTY + property.id)
        try:
            if data is None:
                raise fmt.FormatError("they are missing")
            return Casts(*fmt.decode_casts(data))
        except fmt.FormatError as error:
            raise self._corrupt(f"column {property.name!r}, casts to TEXT: {error}") from None

    def write_casts(self, property: Property, casts: Casts) -> None:
        """Store the texts that the values of a property become."""
        self.put_column(0, FIRST_PROPERTY + property.id, fmt.encode_casts(casts.values, casts.codes, property.kind))

    # looking after it

    def column_blocks(self) -> list[int]:
        """The blocks that have columns, besides the log."""
        found = self.sqlite.execute(
            f"SELECT DISTINCT id >> {_COLUMN_BITS} FROM {self.shadow('column')} WHERE id > {GONE}"
        )
        return [id for (id,) in found]

    def chunk_rows(self) -> list[int]:
        """The rowids of all that is stored of chunks of texts."""
        return [id for (id,) in self.sqlite.execute(f"SELECT id FROM {self.shadow('column')} WHERE id < 0")]

    def column_properties(self) -> list[int]:
        """The ids of the properties that have columns."""
        found = self.sqlite.execute(
            f"SELECT DISTINCT (id & {GONE}) - {FIRST_PROPERTY} FROM {self.shadow('column')}"
            f" WHERE id >= 0 AND id & {GONE} NOT IN ({PATHS}, {TIMESTAMPS}, {GONE})"
        )
        return [id for (id,) in found]

    def lists_of_deleted(self) -> list[int]:
        """The blocks, or 0 for the log, of which events are listed as deleted."""
        column = self.shadow("column")
        found = self.sqlite.execute(f"SELECT id >> {_COLUMN_BITS} FROM {column} WHERE id >= 0 AND id & {GONE} = {GONE}")
        return [id for (id,) in found]

    def stored_bytes(self) -> tuple[int, int]:
        """(bytes of all the shadow tables' content, bytes of the log)."""
        sizes = f"SELECT coalesce(sum(length(data)), 0) FROM {self.shadow('log')}"
        log: Any = self.sqlite.execute(sizes).fetchall()[0][0]
        rest: Any = self.sqlite.execute(
            f"SELECT (SELECT coalesce(sum(length(data)), 0) FROM {self.shadow('column')})"
            f" + (SELECT coalesce(sum(length(value) + 12), 0) FROM {self.shadow('value')})"
            f" + (SELECT coalesce(sum(2 * length(key) + 12), 0) FROM {self.shadow('key')})"
        ).fetchall()[0][0]
        return rest + log, log
