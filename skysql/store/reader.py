"""Reads what the rows of a manifest stand for: blocks and batches, each by its number and checked by its stamp.

A row that is missing, or was replaced by another, is an OperationalError: what it stood for was compacted away or
rolled back. While a scan of this connection is under way, lists of deleted events that the connection replaces stay in
memory for the scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from ..arrays.batch import Batch
from ..errors import CorruptError, changed_under_reader
from ..interruption import look
from ..lazily import cached_property
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT, Kind
from ..model.table import ACTION, Property, Table
from ..model.timestamps import MAX_US, MIN_US
from . import format as fmt
from .blob import MAX_COUNT, FormatError
from .blocks import StoredBlock, Surviving
from .cache import Cache
from .dictionary import Dictionary
from .manifest import DELETED, FIRST_PROPERTY, BlockRow, LogRow, Manifest
from .retyped import Casts, widen
from .shadow_tables import ShadowTables, rowid

Row = TypeVar("Row", BlockRow, LogRow)


class StoreReader:
    """Implements `blocks.Reader`, and reads batches and casts. dictionary: gives the current one."""

    def __init__(self, tables: ShadowTables, table: Table, cache: Cache, dictionary: Dictionary) -> None:
        self.tables = tables
        self.table = table
        self.cache = cache
        self.dictionary = dictionary
        self._scanned: list[Manifest] = []  # by the scans that are under way
        self._replaced: dict[int, Int64] = {}  # lists of deleted events that they may need, by stamp

    @cached_property
    def kinds(self) -> dict[int, Kind]:
        """Property id -> kind, the action's included."""
        return {p.id: p.kind for p in (ACTION, *self.table.properties)}

    # faults

    def corrupt(self, what: str) -> CorruptError:
        """The error that names the table."""
        return CorruptError(
            f"table {self.table.name!r}, {what}", "restore the file from a backup; `skysql check` lists every fault"
        )

    def sound(self, what: str, rows: list[Row]) -> list[Row]:
        """The rows; raises CorruptError if there can be no such."""
        for row in rows:
            fault = row.fault()
            if fault is not None:
                raise self.corrupt(f"{what} {row.id}: {fault}")
        return rows

    # blocks

    def block(self, row: BlockRow) -> StoredBlock | Surviving:
        """The block of that row, as it reads."""
        block = StoredBlock(self, row)
        return block if row.deleted is None else Surviving(block, block.deleted, row.deleted, self.cache)

    def read_column(self, row: BlockRow, column: int) -> Array | None:
        """The bytes of a column, uint8[size], or None if there is none."""
        look()
        stamps = self.tables.block_stamps(row.id)
        if stamps is None or stamps[0] != row.stamp or (column == DELETED and stamps[1] != row.deleted):
            raise changed_under_reader(f"table {self.table.name!r} was")
        return self.read_back(row.id, column)

    def read_back(self, block: int, column: int) -> Array | None:
        """The bytes under these numbers, whatever the block's row says; None if there are none."""
        return self.tables.read(rowid(block, column))

    def largest_code(self, property: Property) -> int:
        """The largest code that the dictionary has for a property."""
        return self.dictionary.largest(property.id)

    def casts(self, property: Property) -> Casts:
        """The codes of the texts that a property's values became when it was made TEXT."""
        key = self.table.stamp, "casts", property.id
        return self.cache.get(key, lambda: self._read_casts(property))

    def _read_casts(self, property: Property) -> Casts:
        data = self.read_back(0, FIRST_PROPERTY + property.id)
        try:
            if data is None:
                raise FormatError("they are missing")
            return Casts(*fmt.decode_casts(data, self.table.kinds.of_code))
        except FormatError as error:
            raise self.corrupt(f"column {property.name!r}, casts to TEXT: {error}") from None

    # batches of the log

    def batches(self, rows: Sequence[LogRow]) -> Iterator[Batch]:
        """What is in these rows of the log, which follow each other."""
        found = self.tables.log_data(rows[0].id, rows[-1].id)
        for row, (id, data) in zip(rows, found, strict=True):
            try:
                batch = self._as_defined(*fmt.decode_typed_batch(data, self.table.kinds.of_code))
            except FormatError as error:
                raise self.corrupt(f"log batch {id}: {error}") from None
            fault = self._fault(batch) if len(batch) == row.events else f"{len(batch)} events, not {row.events}"
            if fault is not None:
                raise self.corrupt(f"log batch {id}: {fault}")
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

    def log_list(self, manifest: Manifest) -> Int64:
        """Which events of a manifest's log were deleted, by order of arrival: int64[m], ascending."""
        return self.cache.get((manifest.deleted, "deleted"), lambda: self._read_log_list(manifest))

    def _read_log_list(self, manifest: Manifest) -> Int64:
        replaced = self.replaced(manifest.deleted)
        if replaced is not None:
            return replaced
        if self.tables.meta("gone") != {"gone": manifest.deleted}:
            raise changed_under_reader(f"table {self.table.name!r} was")
        data = self.read_back(0, DELETED)
        try:
            if data is None:
                raise FormatError("it is missing")
            deleted = fmt.decode_positions(data, MAX_COUNT)
            if len(deleted) and int(deleted[-1]) >= manifest.logged:
                raise FormatError("it is of a longer log")
        except FormatError as error:
            raise self.corrupt(f"log, column 'gone': {error}") from None
        return deleted

    # scans under way

    @contextmanager
    def reading(self, manifest: Manifest) -> Iterator[None]:
        """Around a scan: until it ends, this connection deletes nothing that it reads, or leaves it in memory."""
        self._scanned.append(manifest)
        try:
            yield
        finally:
            self._scanned.remove(manifest)
            if not self._scanned:
                self._replaced.clear()

    @property
    def busy(self) -> bool:
        """Whether a scan of this connection is under way, so that blocks have to stay."""
        return bool(self._scanned)

    def keep(self, stamp: int, deleted: Callable[[], Int64]) -> None:
        """A list of deleted events is about to be replaced."""
        if any(manifest.has_list(stamp) for manifest in self._scanned):
            self._replaced[stamp] = deleted()

    def replaced(self, stamp: int | None) -> Int64 | None:
        """A list of deleted events that is not stored any more, if a scan under way may need it."""
        return None if stamp is None else self._replaced.get(stamp)
