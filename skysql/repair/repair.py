"""repair(): every event and row of a damaged file that can still be read, in a new file; and what was lost.

    skysql repair DB NEWFILE

Nothing that the file says of itself is taken for granted. A block is read by its columns, whatever its row says of
them, and also without a row; a property that cannot be read is lost in its block only, a batch of the log by itself,
and with a chunk of texts the values that are one of them.

An event is saved if its object, its time, and an action or a change are left of it. A table whose definition is lost is
read by the text of its CREATE VIRTUAL TABLE. What was deleted stays deleted, unless the list of it is lost.

Besides store/shadow_tables.py the only module that names shadow tables, as a damaged table cannot be opened as one.
It reads the old file by SQLite alone (salvage.py) and writes the new one as any other. Object ids and keys stay what
they were.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

import apsw
import numpy as np

from ..arrays.batch import Batch, Sparse, no_values, take
from ..arrays.replay import known
from ..engine.engine import Engine
from ..errors import DatabaseError, OperationalError
from ..model.dtypes import Array, Int64
from ..model.kinds import TEXT
from ..model.quoting import quote
from ..model.table import ACTION, Property, Table
from ..model.timestamps import MAX_US, MIN_US
from ..store import chunks
from ..store import format as fmt
from ..store.blob import MAX_COUNT, VERSION, FormatError
from ..store.cache import Cache
from ..store.log import MOST_LOGGED
from ..store.manifest import COLUMN_BITS, DELETED, FIRST_PROPERTY, PATHS, TIMESTAMPS
from ..store.retyped import decode, widen
from ..store.shadow_tables import ShadowTables, computed, is_chunk, rowid
from ..store.snapshot import END
from ..store.store import Store
from ..store.texts import ChunkTexts
from . import salvage as rescue
from .pages import PageRow, Value
from .salvage import DamagedFile, Loss, RepairReport

V = TypeVar("V")

_CACHE = 64 << 20

_LAST_BLOCK = 1 << 46
"""Blocks have smaller numbers."""

_LAST_KEYED = (1 << 62) - 1
"""The last id that an object with a key has."""


def repair(path: str, target: str) -> RepairReport:
    """Save what is readable; raises OperationalError if the new file is there already, or the old one is none.

    After any other error the new file stays, with what was saved until then.
    """
    try:
        target.encode()
    except UnicodeEncodeError:  # SQLite takes no other names
        raise OperationalError(f"cannot make {target!r}", "give it a name that is UTF-8") from None
    if os.path.exists(target):
        raise _there_already(target)
    source = rescue.open_source(path)
    try:
        _make(target)
        engine = Engine(target)
    except BaseException:
        source.sqlite.close()
        raise
    report = RepairReport()
    try:
        rescue.copy_settings(source, engine.sqlite)
        rescue.copy_tables(source, engine.sqlite, report)
        for name in source.skies:
            _Repair(source, engine, name, report).run()
        rescue.copy_rest(source, engine.sqlite, report)
        faults = engine.check()
        report.losses += [Loss(fault, "found in the new file") for fault in faults]
    except BaseException as error:
        error.add_note(f"what was saved until then is in {target!r}")
        raise
    finally:
        engine.close()
        source.sqlite.close()
    return report


def _make(path: str) -> None:
    """An empty file of that name, which nobody else has made."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as error:
        raise OperationalError(f"cannot make {path!r}: {error.strerror}", "name a file that can be made") from None


def _there_already(path: str) -> OperationalError:
    return OperationalError(f"{path!r} is there already", "name a file that is not")


@dataclass(slots=True)
class _Block:
    """What the row of a block says, if there is one."""

    id: int
    run: int
    objects: tuple[int, int] | None = None
    events: int | None = None
    deleted: bool = False


@dataclass(slots=True)
class _Texts:
    """Texts by code of one property, the codes of chunks of them, and how many values were found to have no text."""

    by_code: dict[int, str] = field(default_factory=dict)
    chunks: list[tuple[int, int]] = field(default_factory=list)  # first and last, ascending
    missing: int = 0


def _is_blob(data: Value) -> bool:
    """Whether that is a blob as it was written."""
    if not isinstance(data, bytes) or data[:3] != b"sky":
        return False
    return zlib.crc32(data[8:]) == int.from_bytes(data[4:8], "little")


def _stray_column(rowid: int | None, values: tuple[Value, ...]) -> tuple[Any, ...] | None:
    good = rowid is not None and len(values) == 2 and values[0] is None and _is_blob(values[1])
    return (rowid,) if good else None


def _stray_log(rowid: int | None, values: tuple[Value, ...]) -> tuple[Any, ...] | None:
    good = rowid is not None and len(values) == 4 and values[0] is None and _is_blob(values[3])
    return (rowid, values[2], values[3]) if good else None


def _stray_block(rowid: int | None, values: tuple[Value, ...]) -> tuple[Any, ...] | None:
    good = rowid is not None and len(values) == 10 and values[0] is None
    good = good and all(isinstance(value, int) for value in values[1:9]) and isinstance(values[9], int | None)
    return (rowid, values[2], values[3], values[4], values[8], values[9]) if good else None


def _stray_value(rowid: int | None, values: tuple[Value, ...]) -> tuple[Any, ...] | None:
    good = rowid is None and len(values) == 4 and isinstance(values[2], str | bytes)
    return values[:3] if good and all(isinstance(values[at], int) for at in (0, 1, 3)) else None


def _stray_key(rowid: int | None, values: tuple[Value, ...]) -> tuple[Any, ...] | None:
    good = rowid is not None and [type(value) for value in values] == [type(None), str, int]
    return (rowid, values[1]) if good else None


_STRAYS: dict[str, Callable[[int | None, tuple[Value, ...]], tuple[Any, ...] | None]] = {
    "column": _stray_column,
    "log": _stray_log,
    "block": _stray_block,
    "value": _stray_value,
    "key": _stray_key,
}
"""What a row of a shadow table is, of its rowid and values as they are stored; None: another table's."""


class _Repair:
    """One sky table, from the old file into the new one."""

    def __init__(self, source: DamagedFile, engine: Engine, name: str, report: RepairReport) -> None:
        self.source = source
        self.engine = engine
        self.name = name
        self.report = report
        self.texts: dict[int, _Texts] = {}
        self.keys: dict[int, str] = {}
        self.strays: dict[int, PageRow] = {}  # those that only their pages lead to, by rowid
        self.made_up = 0  # keys
        self.log_listed = False  # whether events of the log were deleted, or may have been

    def lose(
        self, place: str, reason: object, objects: tuple[int, int] | None = None, events: int | None = None
    ) -> None:
        """Note what was lost."""
        text = str(reason.args[0]) if isinstance(reason, Exception) and reason.args else str(reason)
        self.report.losses.append(Loss(f"{self.name}, {place}", text, objects, events))

    def run(self) -> None:
        """Save the table."""
        table = self._definition()
        if table is None:
            return
        self.table = table
        self.old = Store(ShadowTables(self.source.sqlite, "main", self.name), table, Cache(_CACHE))
        self.columns = [id for (id,) in self._rows("column", ("id",), "id")]
        self._read_texts()
        with self.engine.transaction():
            self.new = self.engine.relation("main", self.name).store
            ids = [p.id for p in self.new.table.properties]
            self.ids = dict(zip([p.id for p in table.properties], ids, strict=True)) | {ACTION.id: ACTION.id}
            saved = 0
            if table.key_name is not None:
                self.new.dictionary.restore_keys(self.keys)
            for batch in self._batches():
                saved += len(batch)
                if len(batch):
                    self.new.append(batch)
        self.report.events[self.name] = saved
        for property in (ACTION, *table.properties):
            missing = self.texts[property.id].missing if property.id in self.texts else 0
            if missing:
                self.lose(f"column {property.name!r}", f"values have lost their text: {missing:,}")
        if self.made_up:
            self.lose(f"column {table.key_name!r}", f"objects have lost their key, and got another: {self.made_up:,}")

    # what the table is

    def _definition(self) -> Table | None:
        """The old table's definition, having made the new one by it."""
        found = dict(self._rows("meta", ("key", "value"), "key"))
        self.log_listed = "gone" in found or "stamp" not in found
        try:
            if isinstance(found.get("format"), int) and found["format"] > VERSION:
                self.lose("all of it", f"its format version {found['format']} is newer than this skysql")
                return None
            table = Store.definition(self.name, found)
            self.engine.sqlite.execute(
                f"CREATE VIRTUAL TABLE {quote(self.name)} USING sky({', '.join(table.arguments())})"
            )
            return table
        except (DatabaseError, apsw.Error) as error:
            reason: Exception = error
        sql = self.source.sql(self.name)
        try:
            if sql is None:
                raise OperationalError("its CREATE VIRTUAL TABLE is lost as well")
            self.engine.sqlite.execute(sql)
        except (DatabaseError, apsw.Error) as error:
            self.lose("all of it", f"{reason.args[0]}; {error.args[0]}")
            return None
        self.lose("definition", f"{reason.args[0]}; taken from its CREATE VIRTUAL TABLE")
        return self.engine.relation("main", self.name).store.table

    def _rows(self, suffix: str, columns: tuple[str, ...], key: str) -> Iterator[tuple[Any, ...]]:
        """The readable rows of a shadow table."""
        name = f"{self.name}_{suffix}"
        if name not in self.source.names:
            self.lose(name, "the table is missing")
            return
        if computed(self.source.sql(name) or ""):
            self.lose(name, "it is not as it was made")
            return
        width, failed, seen = key.count(",") + 1, [], set()

        def lose(reason: str) -> None:
            failed.append(reason)
            self.lose(name, reason)

        for row in self.source.rows(name, columns, key, lose):
            seen.add(row[:width])
            yield row
        strays = [row for row in self._strays(suffix) if row[:width] not in seen] if failed else []
        if strays:
            self.lose(name, f"{len(strays):,} rows of it were found on pages that nothing leads to, and are saved")
        yield from (row[: len(columns)] for row in strays)

    def _strays(self, suffix: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a shadow table whose pages are there, while those that led to them are damaged."""
        if suffix not in _STRAYS:
            return
        own = {f"{self.name}_{suffix}" for suffix in _STRAYS}

        def alike(table: str) -> bool:
            return table.endswith(f"_{suffix}") or (suffix not in ("log", "column") and table not in own)

        for row, values in self.source.strays.of(f"{self.name}_{suffix}", alike):
            found = _STRAYS[suffix](row.rowid, values)
            if found is not None:
                if suffix == "column":
                    self.strays[found[0]] = row
                yield found

    def _read_texts(self) -> None:
        told: dict[tuple[int, int], bytes] = {}  # of chunks, by property and last code
        for id, code, text in self._rows("value", ("property", "code", "value"), "property, code"):
            if isinstance(id, int) and isinstance(code, int):
                if isinstance(text, str):
                    self.texts.setdefault(id, _Texts()).by_code[code] = text
                elif isinstance(text, bytes):
                    told[id, code] = text
        self._read_chunks(told)
        if self.table.key_name is not None:
            seen = set()
            for id, key in self._rows("key", ("id", "key"), "id"):
                if isinstance(key, str) and 0 < id <= _LAST_KEYED and key not in seen:
                    self.keys[id] = key
                    seen.add(key)

    def _read_chunks(self, told: dict[tuple[int, int], bytes]) -> None:
        """Find the chunks of texts: those that rows tell of, and those of which only the texts are left."""
        found = {chunks.place(id) for id in self.columns if is_chunk(id)}
        left = {(id, last) for id, last, part in found if part == chunks.TEXTS}
        names = {p.id: p.name for p in (ACTION, *self.table.properties)}
        for id, last in sorted(left | told.keys()):
            first = last
            try:
                if (id, last) in told:
                    first = last - fmt.decode_chunk(told[id, last])[0] + 1
                first = last - len(self._chunk(id, last)) + 1
                if first < 1:
                    raise FormatError("they are more than there are codes")
                self.texts.setdefault(id, _Texts()).chunks.append((first, last))
            except _FAULTS as error:
                if id in names:
                    place = f"texts {first} to {last}" if 0 < first < last else f"texts up to {last}"
                    self.lose(f"column {names[id]!r}, {place}", error)

    def _chunk(self, id: int, last: int) -> list[str | None]:
        """The texts of a chunk; raises FormatError or DatabaseError."""

        def read() -> ChunkTexts:
            data = self._row(chunks.rowid(id, last, chunks.TEXTS))
            if data is None:
                raise FormatError("they are missing")
            return ChunkTexts(*fmt.decode_texts(data))

        return self.old.cache.get((id, last), read).every()

    def _texts_of(self, id: int, codes: Array) -> list[str | None]:
        """The texts of codes, ascending; None for those that are lost, or were dropped."""
        texts = self.texts.setdefault(id, _Texts())
        found = [texts.by_code.get(code) for code in codes.tolist()]
        for first, last in texts.chunks:
            low, high = np.searchsorted(codes, [first, last + 1]).tolist()
            if high > low:
                stored = self._chunk(id, last)
                found[low:high] = [
                    stored[code - first] if text is None else text
                    for text, code in zip(found[low:high], codes[low:high].tolist(), strict=True)
                ]
        return found

    # events

    def _batches(self) -> Iterator[Batch]:
        """All events that are left, in order of arrival as far as it matters."""
        for block in self._blocks():
            batch = self._block(block)
            if batch is not None:
                yield self._complete(f"block {block.id}", batch)
        yield from self._log()

    def _blocks(self) -> list[_Block]:
        names = ("id", "run", "first_object", "last_object", "events", "gone")
        blocks = {}
        for row in self._rows("block", names, "id"):
            if all(isinstance(value, int) for value in row[:5]) and 0 < row[0] < _LAST_BLOCK:
                id, run, first, last, events, deleted = row
                blocks[id] = _Block(id, run, (first, last), events, deleted is not None)
        columns = set(self.columns)
        for id in (id >> COLUMN_BITS for id in self.columns):
            if id > 0 and id not in blocks:
                blocks[id] = _Block(id, 0)
                back = "" if rowid(id, DELETED) in columns else ", and what may have been deleted of them is back"
                self.lose(f"row of block {id}", f"it is missing; its events are saved{back}")
        return sorted(blocks.values(), key=lambda block: (block.run, block.id))

    def _row(self, rowid: int) -> Array | None:
        """The bytes of a row of <table>_column, wherever it is; None if there are none."""
        stray = self.strays.get(rowid)
        if stray is None or self.source.strays.pages is None:
            return self.old.tables.read(rowid)
        values = self.source.strays.pages.values(stray)
        return None if values is None else np.frombuffer(cast(bytes, values[1]), np.uint8)

    def _read(self, block: int, column: int, decode: Callable[[Array], V], absent: V | None = None) -> V:
        """A column; raises DatabaseError, FormatError or apsw's Error."""
        data = self._row(rowid(block, column))
        if data is None:
            if absent is not None:
                return absent
            raise FormatError("it is missing")
        return decode(data)

    def _block(self, block: _Block) -> Batch | None:
        where = f"block {block.id}"
        try:
            objects, starts = self._read(block.id, PATHS, fmt.decode_paths)
            ts = self._read(block.id, TIMESTAMPS, lambda data: fmt.decode_timestamps(data, starts))
        except _FAULTS as error:
            self.lose(where, error, block.objects, block.events)
            return None
        events = len(ts)
        batch = Batch(np.repeat(objects, np.diff(starts)), ts, {})
        for property in (ACTION, *self.table.properties):
            try:
                sparse = self._read(
                    block.id,
                    FIRST_PROPERTY + property.id,
                    lambda data, p=property: decode(  # type: ignore[misc]
                        data, p, events, lambda: self.old.reader.casts(p)
                    ),
                    no_values(property.kind),
                )
                self._take(batch, property, sparse)
            except _FAULTS as error:
                self.lose(f"{where}, column {property.name!r}", error, (int(objects[0]), int(objects[-1])))
        return take(batch, np.setdiff1d(np.arange(events), self._deleted(block.id, block.deleted, events)))

    def _deleted(self, block: int, listed: bool, events: int) -> Int64:
        """The events of a block, or of the log (0), that were deleted."""
        nothing = np.zeros(0, np.int64)
        try:
            bound = events if block else MAX_COUNT
            found = self._read(block, DELETED, lambda data: fmt.decode_positions(data, bound, events), nothing)
            if listed and not len(found):
                raise FormatError("it is missing")
            if len(found) and int(found[-1]) >= events:
                raise FormatError("it is of other events")
            return found
        except _FAULTS as error:
            where = f"block {block}" if block else "log"
            self.lose(f"{where}, list of deleted events", f"{error.args[0]}; they are back")
            return nothing

    def _take(self, batch: Batch, property: Property, sparse: Sparse) -> None:
        """Put a property of the old table into a batch of the new one."""
        if not len(sparse.positions):
            return
        if property.kind is TEXT:
            sparse = self._recoded(property, sparse)
        if not property.state and not (present := known(sparse)).all():
            sparse = Sparse(sparse.positions[present], sparse.values[present])
        if len(sparse.positions):
            batch.properties[self.ids[property.id]] = sparse

    def _recoded(self, property: Property, sparse: Sparse) -> Sparse:
        """With the codes of the new table, and without values whose texts are lost; of an attribute, without NULLs."""
        used = np.unique(sparse.values)
        found, texts = self._texts_of(property.id, used), self.texts[property.id]
        there = np.array([text is not None for text in found])
        new = np.zeros(len(used), np.uint32)
        new[there] = self.new.begin_batch().codes(self.ids[property.id], [text for text in found if text is not None])
        codes, nulls = new[np.searchsorted(used, sparse.values)], sparse.values == 0
        texts.missing += int(np.count_nonzero((codes == 0) & ~nulls))
        kept = (codes != 0) | nulls if property.state else codes != 0
        return Sparse(sparse.positions[kept], codes[kept])

    def _log(self) -> Iterator[Batch]:
        """Its batches. Deleted events are listed by their places in all of it, which are not known behind a gap."""
        rows = sorted(self._rows("log", ("id", "events", "data"), "id"), key=lambda row: row[0])
        listed, last, total = self._deleted(0, self.log_listed, MOST_LOGGED), 0, 0
        first: int | None = 0  # of the events of the next batch
        for id, events, data in rows:
            if id != last + 1:
                self.lose(f"log batches {last + 1} to {id - 1}", "they are missing")
                first = None
            batch = self._log_batch(id, events, data)
            count = events if batch is None else len(batch)
            if batch is not None:
                total += count
                if total > MOST_LOGGED:
                    self.lose(f"log batches from {id} on", f"a log has no more than {MOST_LOGGED} events")
                    return
                deleted = listed[:0] if first is None else listed - first
                yield self._complete(f"log batch {id}", take(batch, np.setdiff1d(np.arange(count), deleted)))
            last, first = id, first + count if first is not None and isinstance(count, int) else None
        if len(listed) and first is None:
            self.lose("log", "what was deleted of it behind a batch that is missing may be back")

    def _log_batch(self, id: int, events: Any, data: Any) -> Batch | None:
        where = f"log batch {id}"
        try:
            if not isinstance(data, bytes):
                raise FormatError("it is no blob")
            found, kinds = fmt.decode_typed_batch(data)
        except FormatError as error:
            self.lose(where, error, None, events if isinstance(events, int) else None)
            return None
        batch = Batch(found.objects, found.ts, {})
        for property in (ACTION, *self.table.properties):
            if property.id in found.properties:
                try:
                    sparse, casts = found.properties[property.id], partial(self.old.reader.casts, property)
                    self._take(batch, property, widen(kinds[property.id], sparse, property, casts))
                except _FAULTS as error:
                    self.lose(f"{where}, column {property.name!r}", error)
        return batch

    def _complete(self, where: str, batch: Batch) -> Batch:
        """The events that can be and still say something, of objects that have a key if they need one."""
        content = np.zeros(len(batch), bool)
        for property in (ACTION, *self.table.states):
            if self.ids[property.id] in batch.properties:
                content[batch.properties[self.ids[property.id]].positions] = True
        ids = (batch.objects > 0) & (batch.objects <= (_LAST_KEYED if self.table.key_name is not None else END - 1))
        times = (batch.ts >= MIN_US) & (batch.ts <= MAX_US)
        for kept, reason in (
            (ids, "their object is none that there can be"),
            (~ids | times, "their times are not between the years 1 and 9999"),
            (~ids | ~times | content, "neither an action nor a change is left of them"),
        ):
            lost = batch.objects[~kept]
            if len(lost):
                self.lose(where, reason, (int(lost.min()), int(lost.max())), len(lost))
        kept = ids & times & content
        if not kept.all():
            batch = take(batch, np.flatnonzero(kept))
        if self.table.key_name is not None:
            self._give_keys(np.unique(batch.objects))
        return batch

    def _give_keys(self, objects: Int64) -> None:
        taken = set(self.keys.values())
        for object in [object for object in objects.tolist() if object not in self.keys]:
            key = f"object {object}"
            while key in taken:
                key += "?"
            self.keys[object] = key
            taken.add(key)
            self.new.dictionary.restore_keys({object: key})
            self.made_up += 1


_FAULTS = (FormatError, DatabaseError, apsw.Error)
