"""The shadow tables of a sky table: all SQL of the store. Nothing else names one but repair/, of damaged files.

    <table>_meta    key, value: 'format' (the version), 'schema' (JSON), 'stamp' (of the set of runs), 'gone' (the
                    stamp of the list of events deleted from the log, if there are any), 'unused' (1 if texts or keys
                    may be left of deleted events), 'dictionary' (a number drawn whenever these were cleared),
                    'altered' (1 if there may be values of former types, or of properties that were dropped),
                    'merging' (first << 31 | last of the runs whose merge is under way, if one is),
                    'distinct' and 'distinct <id>' (statistics.py), 'lineage' and 'version' (history.py)
    <table>_value   the texts of TEXT properties and actions, by (property, code), or where there is a chunk of them
    <table>_key     the keys of a TEXT OBJECT, by object id
    <table>_log     a row a commit: events in order of arrival, as one encoded batch
    <table>_block   a row a block: its run, the range of its objects and times, how many of each; 'gone', the stamp of
                    the list of events deleted from it, if there are any, which the ranges and counts leave out
    <table>_column  a row a column of a block: rowid = block << 16 | column; column 0 holds the paths, 1 the
                    timestamps, 2 + id the property of that id, 65535 the positions of the events that were deleted.
                    Block 0 is the log, which has the last of these only (the places of its events in order of arrival)
                    and, for a property that became TEXT, the casts of what it held before. Rowids below 0 are those of
                    chunks of texts (chunks.py); below -2^61 of records (history.py): -2^62 + (version << 16 | 65535)

A method returns what a row holds, unchecked: a file may have been made by anyone, and the caller checks it. A shadow
table may even be a view, which `inspect` refuses, or hold a text that is no UTF-8, which raises CorruptError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import apsw
import numpy as np

from ..errors import CorruptError
from ..model.dtypes import Array
from ..model.quoting import name_key, quote
from .manifest import COLUMN_BITS, DELETED, FIRST_PROPERTY, PATHS, TIMESTAMPS, BlockRow, LogRow, Stamp

SHADOWS = {
    "meta": "(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "value": "(property INTEGER, code INTEGER, value TEXT, stamp INTEGER, PRIMARY KEY(property, code)) WITHOUT ROWID",
    "key": "(id INTEGER PRIMARY KEY, key TEXT UNIQUE, stamp INTEGER)",
    "log": "(id INTEGER PRIMARY KEY, stamp INTEGER, events INTEGER, data BLOB)",
    "block": "(id INTEGER PRIMARY KEY, stamp INTEGER, run INTEGER, first_object INTEGER, last_object INTEGER,"
    " first_ts INTEGER, last_ts INTEGER, objects INTEGER, events INTEGER, gone INTEGER)",
    "column": "(id INTEGER PRIMARY KEY, data BLOB)",
}
"""The suffixes of the shadow tables' names, and their columns."""

_BLOCK = "stamp, run, first_object, last_object, first_ts, last_ts, objects, events, gone"
_LEAST = -(1 << 63)
_RECORDS, _AFTER_RECORDS = -(1 << 62), -(1 << 61)

_COMPUTED = re.compile(r"\b(as|check|default|generated|references)\b")


def computed(sql: str) -> bool:
    """Whether a table has more than stored columns, such as computed ones: reading it may then take any time."""
    return bool(_COMPUTED.search(sql.partition("(")[2].lower()))


def rowid(block: int, column: int) -> int:
    """Where a column of a block is."""
    return block << COLUMN_BITS | column


def is_chunk(rowid: int) -> bool:
    """Whether that is where something of a chunk of texts is."""
    return _AFTER_RECORDS < rowid < 0


class ShadowTables:
    """The shadow tables of the table of that name. Methods that write need a transaction of the caller's."""

    def __init__(self, sqlite: apsw.Connection, database: str, name: str) -> None:
        self.sqlite = sqlite
        self.database = database
        self.name = name
        meta, value, key, log, block, column = (quote(f"{name}_{suffix}") for suffix in SHADOWS)
        schema = quote(database)
        self._meta, self._value, self._key = f"{schema}.{meta}", f"{schema}.{value}", f"{schema}.{key}"
        self._log, self._block, self._column = f"{schema}.{log}", f"{schema}.{block}", f"{schema}.{column}"
        self._stamp_sql = (
            f"SELECT (SELECT value FROM {self._meta} WHERE key = 'stamp'), (SELECT max(id) FROM {self._log}),"
            f" (SELECT stamp FROM {self._log} ORDER BY id DESC LIMIT 1)"
        )
        self._append_sql = f"INSERT INTO {self._log}(stamp, events, data) VALUES(?, ?, ?)"

    def _rows(self, suffix: str, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """What a SELECT from a shadow table finds; raises CorruptError where a text is no UTF-8."""
        try:
            return self.sqlite.execute(sql, parameters).fetchall()
        except UnicodeDecodeError as error:
            raise CorruptError(
                f"{self.name}_{suffix}: a text is no UTF-8: {error}",
                "restore the file from a backup; `skysql check` lists every fault",
            ) from None

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.sqlite.execute(sql, parameters)

    def _run_each(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self.sqlite.executemany(sql, rows)

    # as such

    @property
    def commits(self) -> int:
        """A number that each commit to the file changes, and nothing else does.

        Not told by a commit hook: apsw takes one for failed where an exception is on its way, as after OR FAIL.
        """
        return self.sqlite.data_version(self.database)

    def create(self, meta: Mapping[str, Any]) -> None:
        """Make them, with these entries of `meta`."""
        for suffix, columns in SHADOWS.items():
            self._run(f"CREATE TABLE {quote(self.database)}.{quote(f'{self.name}_{suffix}')}{columns}")
        self._run_each(f"INSERT INTO {self._meta} VALUES(?, ?)", meta.items())

    def inspect(self) -> None:
        """Raise CorruptError unless they are what `create` made: a file may have views in their place."""
        names = [name_key(f"{self.name}_{suffix}") for suffix in SHADOWS]
        found: list[Any] = self.sqlite.execute(
            f"SELECT type, lower(name), rootpage, coalesce(sql, '') FROM {quote(self.database)}.sqlite_schema"
            f" WHERE lower(tbl_name) IN ({', '.join('?' * len(names))})",
            names,
        ).fetchall()
        for type, made, page, sql in found:
            plain = type == "table" and page and not computed(sql)
            if not (plain or (type == "index" and not sql)):
                raise CorruptError(f"table {self.name!r}: {type} {made} is not one that it was made with")
        missing = set(names) - {made for type, made, _, _ in found if type == "table"}
        if missing:
            raise CorruptError(f"table {self.name!r}: there is no table {min(missing)}")

    def rename(self, name: str) -> None:
        """Rename them, as the table gets that name."""
        for suffix in SHADOWS:
            old = f"{quote(self.database)}.{quote(f'{self.name}_{suffix}')}"
            self._run(f"ALTER TABLE {old} RENAME TO {quote(f'{name}_{suffix}')}")

    def destroy(self) -> None:
        """Drop them."""
        for suffix in SHADOWS:
            self._run(f"DROP TABLE {quote(self.database)}.{quote(f'{self.name}_{suffix}')}")

    def schema(self) -> dict[str, str]:
        """The CREATE of each table of the database, by name."""
        rows: list[Any] = self.sqlite.execute(
            f"SELECT name, sql FROM {quote(self.database)}.sqlite_schema WHERE type = 'table'"
        ).fetchall()
        return {name: str(sql) for name, sql in rows}

    def file_size(self) -> int:
        """Bytes of the database, as the current transaction sees it."""
        schema = quote(self.database)
        pages, size = (self.sqlite.execute(f"PRAGMA {schema}.page_{each}").fetchall() for each in ("count", "size"))
        return int(str(pages[0][0])) * int(str(size[0][0]))

    def stored_bytes(self) -> tuple[int, int]:
        """(bytes of all content, bytes of the log)."""
        ((log,),) = self._rows("log", f"SELECT coalesce(sum(length(data)), 0) FROM {self._log}")
        ((rest,),) = self._rows(
            "column",
            f"SELECT (SELECT coalesce(sum(length(data)), 0) FROM {self._column})"
            f" + (SELECT coalesce(sum(length(value) + 12), 0) FROM {self._value})"
            f" + (SELECT coalesce(sum(2 * length(key) + 12), 0) FROM {self._key})",
        )
        return rest + log, log

    def as_texts(self, values: Iterable[float | str]) -> list[str]:
        """Numbers as SQLite writes them."""
        found = self.sqlite.executemany("SELECT CAST(? AS TEXT)", ((value,) for value in values))
        return [str(text) for (text,) in found]

    # meta

    def meta(self, *keys: str) -> dict[str, Any]:
        """The entries of these keys, as far as there are any."""
        sql = f"SELECT key, value FROM {self._meta} WHERE key IN ({', '.join('?' * len(keys))})"
        return dict(self._rows("meta", sql, keys))

    def put_meta(self, key: str, value: int | str | bytes) -> None:
        """Make or change an entry."""
        self._run(f"INSERT OR REPLACE INTO {self._meta} VALUES(?, ?)", (key, value))

    def delete_meta(self, key: str) -> None:
        """Delete an entry, if it is there."""
        self._run(f"DELETE FROM {self._meta} WHERE key = ?", (key,))

    def raise_version(self, version: int) -> None:
        """The file is of that version from now on, unless it is of a newer one."""
        self._run(f"UPDATE {self._meta} SET value = ? WHERE key = 'format' AND value < ?", (version, version))

    def delete_registers(self, remaining: Iterable[int] = ()) -> None:
        """Delete the registers of properties (statistics.py), but for those of these ids."""
        named = ", ".join(f"'distinct {id}'" for id in remaining)
        self._run(f"DELETE FROM {self._meta} WHERE key LIKE 'distinct %' AND key NOT IN ({named})")

    def stamp(self) -> Stamp:
        """What identifies the content; the first is not a number if the file is damaged."""
        return self._rows("meta", self._stamp_sql)[0]  # type: ignore[no-any-return]

    # log

    def append(self, stamp: int, events: int, data: bytes) -> int:
        """Add a batch to the log; returns its number."""
        self._run(self._append_sql, (stamp, events, data))
        return self.sqlite.last_insert_rowid()

    def log_rows(self, since: int = _LEAST) -> list[LogRow]:
        """The batches of the log from that number on."""
        sql = f"SELECT id, stamp, events FROM {self._log} WHERE id >= ? ORDER BY id"
        return [LogRow(*row) for row in self._rows("log", sql, (since,))]

    def log_data(self, first: int, last: int) -> list[tuple[int, Any]]:
        """(number, bytes) of the batches of the log from one number to another."""
        sql = f"SELECT id, data FROM {self._log} WHERE id BETWEEN ? AND ? ORDER BY id"
        return self._rows("log", sql, (first, last))

    def log_events(self) -> int:
        """How many events the log holds."""
        return int(self._rows("log", f"SELECT total(events) FROM {self._log}")[0][0])

    def delete_log(self) -> None:
        """Delete all batches of the log."""
        self._run(f"DELETE FROM {self._log}")

    # blocks

    def block_rows(self) -> list[BlockRow]:
        """All blocks, the oldest run first, by object."""
        sql = f"SELECT id, {_BLOCK} FROM {self._block} ORDER BY run, first_object"
        return [BlockRow(*row) for row in self._rows("block", sql)]

    def block_stamps(self, block: int) -> tuple[int, int | None] | None:
        """The stamp of a block and that of its list of deleted events, or None if there is no such block."""
        found = self._rows("block", f"SELECT stamp, gone FROM {self._block} WHERE id = ?", (block,))
        return found[0] if found else None

    def next_block(self) -> int:
        """A number that no block has, nor any column."""
        sql = f"SELECT (SELECT max(id) FROM {self._block}), (SELECT max(id) >> {COLUMN_BITS} FROM {self._column})"
        ((block, column),) = self._rows("block", sql)
        return int(max(0, block or 0, column or 0)) + 1

    def insert_block(self, row: BlockRow) -> None:
        """A new block."""
        self._run(f"INSERT INTO {self._block} VALUES({', '.join('?' * 10)})", astuple(row))

    def update_block(self, row: BlockRow) -> None:
        """The block of that number has another row."""
        columns = ", ".join(f"{column} = ?" for column in _BLOCK.split(", "))
        self._run(f"UPDATE {self._block} SET {columns} WHERE id = ?", (*astuple(row)[1:], row.id))

    def move_block(self, block: int, run: int) -> None:
        """Make a block part of another run."""
        self._run(f"UPDATE {self._block} SET run = ? WHERE id = ?", (run, block))

    def delete_block(self, block: int) -> None:
        """Delete a block and its columns."""
        columns = rowid(block, 0), rowid(block + 1, 0) - 1
        self._run(f"DELETE FROM {self._column} WHERE id BETWEEN ? AND ?", columns)
        self._run(f"DELETE FROM {self._block} WHERE id = ?", (block,))

    # columns, and all else that has a rowid in <table>_column

    def read(self, rowid: int) -> Array | None:
        """The bytes of a row, uint8[size], or None if there is none."""
        try:
            blob = self.sqlite.blob_open(self.database, f"{self.name}_column", "data", rowid, False)
        except (apsw.SQLError, OverflowError):
            return None
        with blob:
            data = np.empty(blob.length(), np.uint8)
            blob.read_into(data.data)
        return data

    def read_beginning(self, rowid: int, size: int) -> bytes | None:
        """The first `size` bytes of a row, or None if there is none."""
        try:
            blob = self.sqlite.blob_open(self.database, f"{self.name}_column", "data", rowid, False)
        except apsw.SQLError:
            return None
        beginning = blob.read(size)
        blob.close()
        return beginning

    def size(self, rowid: int) -> int | None:
        """How many bytes a row has, or None if there is none."""
        found = self._rows("column", f"SELECT length(data) FROM {self._column} WHERE id = ?", (rowid,))
        return found[0][0] if found else None

    def put(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Store rows, in place of those that are there."""
        self._run_each(f"INSERT OR REPLACE INTO {self._column} VALUES(?, ?)", rows)

    def delete(self, rowid: int) -> None:
        """Delete a row, if it is there."""
        self._run(f"DELETE FROM {self._column} WHERE id = ?", (rowid,))

    def column_blocks(self) -> list[int]:
        """The blocks that have columns, besides the log."""
        return self._ids(f"SELECT DISTINCT id >> {COLUMN_BITS} FROM {self._column} WHERE id > {DELETED}")

    def column_properties(self) -> list[int]:
        """The ids of the properties that have columns."""
        return self._ids(
            f"SELECT DISTINCT (id & {DELETED}) - {FIRST_PROPERTY} FROM {self._column}"
            f" WHERE id >= 0 AND id & {DELETED} NOT IN ({PATHS}, {TIMESTAMPS}, {DELETED})"
        )

    def lists_of_deleted(self) -> list[int]:
        """The blocks, or 0 for the log, of which events are listed as deleted."""
        sql = f"SELECT id >> {COLUMN_BITS} FROM {self._column} WHERE id >= 0 AND id & {DELETED} = {DELETED}"
        return self._ids(sql)

    def chunk_rows(self) -> list[int]:
        """The rowids of everything that is stored of chunks of texts."""
        return self._ids(f"SELECT id FROM {self._column} WHERE id < 0 AND id > {_AFTER_RECORDS}")

    def _ids(self, sql: str) -> list[int]:
        return [id for (id,) in self._rows("column", sql)]

    def delete_properties(self, remaining: Sequence[int], chunk_bits: int) -> None:
        """Delete columns, casts and texts of all properties but those of these ids. chunk_bits: see chunks.rowid."""
        columns = ", ".join(map(str, (PATHS, TIMESTAMPS, DELETED, *(FIRST_PROPERTY + id for id in remaining))))
        ids = ", ".join(map(str, remaining))
        self._run(f"DELETE FROM {self._column} WHERE id >= 0 AND (id & {DELETED} NOT IN ({columns}) OR id < {DELETED})")
        chunks = f"id < 0 AND id > {_AFTER_RECORDS}"
        self._run(f"DELETE FROM {self._column} WHERE {chunks} AND -id >> {chunk_bits} NOT IN ({ids})")
        self._run(f"DELETE FROM {self._value} WHERE property NOT IN ({ids})")
        self.delete_registers(remaining)

    # records of changes

    def record_versions(self) -> list[int]:
        """The versions that there are records of, ascending."""
        version = f"(id - ({_RECORDS})) >> {COLUMN_BITS}"
        return self._ids(f"SELECT {version} FROM {self._column} WHERE id < {_AFTER_RECORDS} ORDER BY id")

    def read_record(self, version: int) -> Array | None:
        """The bytes of the record that leads to a version, or None if there is none."""
        return self.read(_RECORDS + rowid(version, DELETED))

    def put_record(self, version: int, data: bytes) -> None:
        """Store a record, in place of the one of that version if there is one."""
        self.put([(_RECORDS + rowid(version, DELETED), data)])

    def delete_records(self, last: int = (1 << 44) - 1) -> None:
        """Delete the records of the versions up to that one."""
        self._run(f"DELETE FROM {self._column} WHERE id BETWEEN ? AND ?", (_LEAST, _RECORDS + rowid(last, DELETED)))

    # texts

    def texts(self, property: int, after: int) -> list[Any]:
        """(text, or bytes that tell of a chunk, stamp, code) of a property's codes after that one."""
        sql = f"SELECT value, stamp, code FROM {self._value} WHERE property = ? AND code > ? ORDER BY code"
        return self._rows("value", sql, (property, after))

    def text_stamps(self, property: int, codes: Sequence[int]) -> dict[Any, tuple[Any, bool]]:
        """(stamp, whether it is a chunk) of each of these codes that has a row."""
        sql = (
            f"SELECT code, stamp, typeof(value) = 'blob' FROM {self._value}"
            f" WHERE property = ? AND code IN ({', '.join('?' * len(codes))})"
        )
        return {code: (stamp, bool(chunk)) for code, stamp, chunk in self._rows("value", sql, (property, *codes))}

    def largest_code(self, property: int) -> Any:
        """The largest code of a property, 0 if there is none."""
        sql = f"SELECT coalesce(max(code), 0) FROM {self._value} WHERE property = ?"
        return self._rows("value", sql, (property,))[0][0]

    def insert_texts(self, rows: Iterable[tuple[int, int, str | None, int]]) -> None:
        """(property, code, text, stamp) of new codes; None for a text that was cleared."""
        self._run_each(f"INSERT INTO {self._value} VALUES(?, ?, ?, ?)", rows)

    def put_chunk(self, property: int, code: int, data: bytes, stamp: int) -> None:
        """Note that there is a chunk of texts up to that code, in place of the row that is there."""
        self._run(f"INSERT OR REPLACE INTO {self._value} VALUES(?, ?, ?, ?)", (property, code, data, stamp))

    def delete_texts(self, property: int, first: int, end: int) -> None:
        """Delete the rows of the codes first ... end-1."""
        self._run(f"DELETE FROM {self._value} WHERE property = ? AND code >= ? AND code < ?", (property, first, end))

    def clear_texts(self, property: int, codes: Iterable[int]) -> None:
        """Leave the rows of these codes without text."""
        sql = f"UPDATE {self._value} SET value = NULL WHERE property = ? AND code = ?"
        self._run_each(sql, ((property, code) for code in codes))

    def text_properties(self) -> list[Any]:
        """The ids of the properties that have texts."""
        return [id for (id,) in self._rows("value", f"SELECT DISTINCT property FROM {self._value}")]

    def text_chunks(self) -> list[Any]:
        """(property id, last code) of all chunks that rows tell of."""
        return self._rows("value", f"SELECT property, code FROM {self._value} WHERE typeof(value) = 'blob'")

    def text_counts(self) -> list[Any]:
        """(property id, None, how many texts are rows) and (property id, what tells of a chunk, how many rows do)."""
        chunk = "CASE typeof(value) WHEN 'blob' THEN value END"
        sql = f"SELECT property, {chunk}, count(value) FROM {self._value} GROUP BY property, {chunk}"
        return self._rows("value", sql)

    def stray_codes(self, property: int) -> int:
        """How many rows of a property have no code that there can be."""
        sql = f"SELECT count(*) FROM {self._value} WHERE property = ? AND NOT (typeof(code) = 'integer' AND code > 0)"
        return int(self._rows("value", sql, (property,))[0][0])

    # keys

    def keys(self, first: int = _LEAST) -> list[Any]:
        """(object id, key, stamp) of the objects from that one on."""
        return self._rows("key", f"SELECT id, key, stamp FROM {self._key} WHERE id >= ? ORDER BY id", (first,))

    def key_stamp(self, object: int) -> Any:
        """The stamp of an object's key, or None if it has none."""
        found = self._rows("key", f"SELECT stamp FROM {self._key} WHERE id = ?", (object,))
        return found[0][0] if found else None

    def insert_keys(self, rows: Iterable[tuple[int, str, int]]) -> None:
        """(object id, key, stamp) of new objects."""
        self._run_each(f"INSERT INTO {self._key} VALUES(?, ?, ?)", rows)

    def keyed_objects(self) -> list[int]:
        """The ids of all objects that have a key, ascending."""
        return [id for (id,) in self._rows("key", f"SELECT id FROM {self._key} ORDER BY id")]

    def clear_key(self, object: int) -> None:
        """Leave an object's row without key."""
        self._run(f"UPDATE {self._key} SET key = NULL WHERE id = ?", (object,))

    def delete_keys(self, objects: Iterable[int]) -> None:
        """Delete the rows of these objects."""
        self._run_each(f"DELETE FROM {self._key} WHERE id = ?", ((id,) for id in objects))

    def any_keys(self) -> bool:
        """Whether objects have keys."""
        return bool(self._rows("key", f"SELECT 1 FROM {self._key} LIMIT 1"))
