"""One table's store: its manifest, and what changes that.

tables     its shadow tables, all of their SQL     reader    what the rows of a manifest stand for
log        where a commit of few events goes       dictionary, statistics

append, delete       write a commit                       apply    the only place that carries out a ManifestEdit
manifest, snapshot   the table as the transaction sees it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..arrays.batch import Batch, Lists, Sparse
from ..arrays.replay import known
from ..errors import CorruptError, DataError, NotSupportedError, ProgrammingError
from ..interruption import looking
from ..model.dtypes import Int64
from ..model.kinds import KINDS, TEXT, Kind, Kinds
from ..model.table import ACTION, Property, Table
from . import compact, definition
from . import format as fmt
from .blob import MAX_COUNT, VERSION
from .blocks import MemoryBlock, StoredBlock, Surviving, read_back
from .cache import Cache
from .chunks import Chunks
from .dictionary import Dictionary
from .history import CommitHistory
from .log import Log
from .manifest import DELETED, FIRST_PROPERTY, PATHS, TIMESTAMPS, BlockRow, Manifest, ManifestEdit, Stamp, new_stamp
from .reader import StoreReader
from .retyped import Casts
from .shadow_tables import ShadowTables, rowid
from .shard import Part
from .snapshot import Snapshot
from .statistics import StoredStatistics


class Store:
    """One sky table's store. What writes does so inside a transaction of the caller's."""

    def __init__(self, tables: ShadowTables, table: Table, cache: Cache) -> None:
        self.tables = tables
        self.table = table
        self.cache = cache
        self.dictionary = self._open_dictionary()
        self.statistics = StoredStatistics(tables)
        self.reader = StoreReader(tables, table, cache, self.dictionary)
        self.log = Log(tables, self.reader)
        self.history = CommitHistory(tables, self.reader, self.log)
        self._snapshot: Snapshot | None = None
        self._current: Stamp | None = None  # the table's, when the dictionary in memory was last right
        self._writing: Stamp | None = None  # where a batch was begun

    def _open_dictionary(self) -> Dictionary:
        return Dictionary(self.tables, Chunks(self.tables, self.cache, self._corrupt_texts))

    def _corrupt_texts(self, property_id: int, what: str) -> CorruptError:
        found = [p.name for p in (ACTION, *self.table.properties) if p.id == property_id]
        return self.reader.corrupt(f"column {found[0]!r}, {what}" if found else f"property {property_id}, {what}")

    @classmethod
    def create(cls, tables: ShadowTables, table: Table, cache: Cache) -> Store:
        """Make the shadow tables of a new, empty table."""
        entries = {"stamp": new_stamp(), "distinct": 1, "lineage": new_stamp(), "version": 0}
        tables.create({"format": VERSION, "schema": definition.dump(table), **entries})
        return cls(tables, table, cache)

    @classmethod
    def open(cls, tables: ShadowTables, cache: Cache, kinds: Kinds = KINDS) -> Store:
        """Open a table; raises CorruptError or NotSupportedError if its definition is unreadable."""
        name, values = tables.name, tables.meta("format", "schema")
        version = values.get("format")
        if isinstance(version, int) and version > VERSION:
            raise NotSupportedError(
                f"table {name!r} is of format version {version}; this skysql reads up to {VERSION}",
                "upgrade skysql",
            )
        return cls(tables, cls.definition(name, values, kinds), cache)

    @staticmethod
    def definition(name: str, values: Mapping[Any, Any], kinds: Kinds = KINDS) -> Table:
        """What <name>_meta says of the table; raises CorruptError, NotSupportedError for another kind."""
        try:
            if not isinstance(version := values.get("format"), int) or version < 1:
                raise ValueError(f"there is no format version {version!r}")
            return definition.load(name, values["schema"], kinds)
        except (KeyError, TypeError, ValueError, RecursionError, OverflowError, ProgrammingError) as error:
            raise CorruptError(f"table {name!r}: its definition in {name}_meta is unreadable: {error}") from None

    @property
    def database(self) -> str:
        """The name of the database that it is in."""
        return self.tables.database

    @property
    def kinds(self) -> dict[int, Kind]:
        """Property id -> kind, the action's included."""
        return self.reader.kinds

    # reading

    def snapshot(self) -> Snapshot:
        """The table as the current transaction sees it."""
        stamp = self.tables.stamp()
        if not isinstance(stamp[0], int):
            raise self.reader.corrupt(f"{self.table.name}_meta: there is no stamp")
        if self._snapshot is None or self._snapshot.stamp != stamp:
            self._snapshot = Snapshot(self, self._read_manifest(stamp))
        if stamp != self._current:
            self.dictionary.refresh()
            self._current = None if stamp == self._writing else stamp  # an open batch may add codes
        return self._snapshot

    def manifest(self) -> Manifest:
        """The table's manifest, as the current transaction sees it."""
        return self.snapshot().manifest

    def _read_manifest(self, stamp: Stamp) -> Manifest:
        if self._snapshot is not None and self._snapshot.stamp[0] == stamp[0]:
            before = self._snapshot.manifest
            return replace(before, stamp=stamp, log=self.log.rows(before.log))
        meta = self.tables.meta("gone", "dictionary", "merging", "lineage", "version")
        deleted, merging = meta.get("gone"), meta.get("merging")
        if deleted is not None and type(deleted) is not int:
            raise self.reader.corrupt(f"{self.table.name}_meta: the stamp of the list of deleted events is no number")
        if merging is not None and not (isinstance(merging, int) and 0 <= merging < 1 << 62):
            raise self.reader.corrupt(f"{self.table.name}_meta: there are no runs {merging!r} to merge")
        return Manifest(
            stamp,
            self._block_rows(),
            self.log.rows(()),
            deleted,
            meta.get("dictionary"),
            None if merging is None else divmod(merging, 1 << 31),
            *self.history.place(meta.get("lineage"), meta.get("version")),
            self.history,
        )

    def _block_rows(self) -> tuple[BlockRow, ...]:
        rows = self.reader.sound("block", self.tables.block_rows())
        for a, b in pairwise(rows):
            if a.run == b.run and b.first_object <= a.last_object:
                raise self.reader.corrupt(f"blocks {a.id} and {b.id} of run {a.run} overlap")
        stamps = [row.stamp for row in rows] + [row.deleted for row in rows if row.deleted is not None]
        if len(set(stamps)) < len(stamps):
            raise self.reader.corrupt("blocks: there are two of one stamp, or two lists of deleted events")
        return tuple(rows)

    @property
    def busy(self) -> bool:
        """Whether a scan of this connection is under way, so that blocks have to stay."""
        return self.reader.busy

    def rolled_back(self) -> None:
        """SQLite rolled something back, so codes may be given to other texts now.

        Scans under way keep their dictionary, and cannot read more of it.
        """
        if self.busy:
            self.dictionary.end()
            self.dictionary = self.reader.dictionary = self._open_dictionary()
            self._current = self._writing = None

    # what compaction reads and writes: implements `compact.Blocks`

    def block(self, row: BlockRow) -> StoredBlock | Surviving:
        """The block of that row, as it reads."""
        return self.reader.block(row)

    def log_block(self, manifest: Manifest) -> MemoryBlock | Surviving:
        """The log in path order."""
        return self.log.block(manifest)

    def log_list(self, manifest: Manifest) -> Int64:
        """Which events of the log were deleted, by order of arrival: int64[m], ascending."""
        return self.reader.log_list(manifest)

    def write(self, run: int, block: Any, first: int, last: int) -> BlockRow:
        """Store the columns of a block of the paths first ... last-1 of a Block or Shard; returns the row for it."""
        objects, starts = block.paths()
        low, high = int(starts[first]), int(starts[last])
        if high - low > fmt.most_events(1):  # a block of many events is one path
            raise DataError(
                f"table {self.table.name!r}: object {int(objects[first])} has {high - low} events,"
                f" more than the {fmt.most_events(1)} of a path",
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
                    self.statistics.add(property.id, property.kind.read(sparse.values[known(sparse)]))
        id = self.tables.next_block()
        row = BlockRow(
            *(id, new_stamp(), run, int(paths[0][0]), int(paths[0][-1])),
            *(int(ts.min()), int(ts.max()), len(paths[0]), len(ts)),
        )
        self.reader.sound("block", [row])
        self.tables.put([(rowid(id, column), data) for column, data in columns])
        read_back(self.reader, id, paths, ts, values)
        return row

    # writing

    def begin_batch(self) -> Dictionary:
        """The dictionary as the current transaction has it, to make the batch with that is appended next.

        Nothing is looked up anew if our own batch was the last change: texts are only ever added together with a batch.
        """
        stamp = self.tables.stamp()
        if stamp != self._current:
            self.dictionary.refresh()
        self._current, self._writing = None, stamp  # what the dictionary gets now may be rolled back alone
        return self.dictionary

    def drop_batch(self) -> None:
        """Nothing came of the batch that was begun."""
        self._current, self._writing = self._writing, None

    def append(self, batch: Batch | Lists) -> None:
        """Store one commit's events: in the log, or, if they are many, as a run at once; then tidy up if it is time."""
        events = len(batch)
        if events >= compact.FOLD_EVENTS:
            self.fold(batch.batch(self.kinds) if isinstance(batch, Lists) else batch)
            return
        row = self.log.append(batch, self.history.stamp())
        if self._writing is not None:
            self._current, self._writing = (self._writing[0], row.id, row.stamp), None
        look = row.id % 64 == 0 or events > compact.FOLD_EVENTS // 64
        if row.id >= compact.FOLD_BATCHES or (look and self.log.events() >= compact.FOLD_EVENTS):
            self.fold()

    def fold(self, batch: Batch | None = None) -> None:
        """Make a run of the log, and one of the batch if it is given, and merge runs that have come to be alike."""
        manifest = self.manifest()
        if manifest.log or batch is not None:
            manifest = self.apply(compact.fold(manifest, self, batch))
        if self.busy:
            return
        for step in (compact.merge_alike, compact.go_on):
            edit = step(manifest, self)
            if edit is not None:
                manifest = self.apply(edit)

    def delete(self, numbers: Int64) -> None:
        """Delete events, given by their numbers in the current snapshot, ascending."""
        self.apply(compact.delete(self.manifest(), self, numbers, keep=self.busy))

    def apply(self, edit: ManifestEdit) -> Manifest:
        """Carry out an edit; the current transaction must see the manifest that it was made for.

        Returns the manifest that is there then. Nothing else writes rows of blocks, or gives the set of runs a stamp.
        """
        before, tables, stamp = self.manifest(), self.tables, new_stamp()
        changes = self.history.changes(before, edit, stamp)
        for row in edit.added:
            tables.insert_block(row)
        for id, run in edit.moved:
            tables.move_block(id, run)
        for deletion in edit.deleted:
            self._list_deleted(before, deletion.row, deletion.listed.places)
        for id in edit.removed:
            tables.delete_block(id)
        self._edit_log(before, edit)
        if edit.merging is not None:
            tables.put_meta("merging", edit.merging[0] << 31 | edit.merging[1])
        elif edit.merged:
            tables.delete_meta("merging")
        tables.put_meta("stamp", stamp)
        after = before.edited(edit, stamp)
        after = replace(after, counted=self.history.record(before, changes, len(after.log)))
        self._snapshot = Snapshot(self, after)
        return after

    def _list_deleted(self, before: Manifest, row: BlockRow, places: Int64) -> None:
        """Write the list of what is deleted from a block, and the row that it has then."""
        was = next(each for each in before.blocks if each.id == row.id)
        block = StoredBlock(self.reader, was)
        if was.deleted is not None:
            self.reader.keep(was.deleted, block.deleted)
        self.tables.put([(rowid(row.id, DELETED), fmt.encode_positions(places, block.events))])
        self.tables.update_block(row)
        self.cache.get((row.deleted, "deleted"), lambda: places)

    def _edit_log(self, before: Manifest, edit: ManifestEdit) -> None:
        """Clear the log, or list what is deleted from it."""
        listed, stamp = edit.log_deleted, before.deleted
        if stamp is not None and (edit.log_cleared or listed is not None):
            self.reader.keep(stamp, lambda: self.reader.log_list(before))
        if edit.log_cleared:
            self.log.clear()
            if stamp is not None:
                self.tables.delete(rowid(0, DELETED))
                self.tables.delete_meta("gone")
        elif listed is not None:
            self.tables.put([(rowid(0, DELETED), fmt.encode_positions(listed.places, MAX_COUNT))])
            self.tables.put_meta("gone", listed.stamp)
            self.cache.get((listed.stamp, "deleted"), lambda: listed.places)

    # another definition

    def define(self, table: Table, *, alike: bool) -> None:
        """Store another definition of the table. This store is of no use after that. alike: events read as before."""
        self.tables.put_meta("format", VERSION)
        self.tables.put_meta("schema", definition.dump(table))
        self.tables.put_meta("altered", 1)
        if alike and self.manifest().lineage is not None:
            self.apply(ManifestEdit())
        else:
            self.forget_history()

    def forget_history(self) -> None:
        """Begin another lineage: nothing tells any more which objects were changed before."""
        self.history.forget()
        self._snapshot = None  # it is of the lineage that ends
        self.apply(ManifestEdit())

    def write_casts(self, property: Property, casts: Casts) -> None:
        """Store the texts that the values of a property become."""
        data = fmt.encode_casts(casts.values, casts.codes, property.kind)
        self.tables.put([(rowid(0, FIRST_PROPERTY + property.id), data)])
