"""What a store keeps, in a dict: a second implementation of `ShadowTables`, for tests of what any of them must do."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from skysql.store.manifest import DELETED, FIRST_PROPERTY, BlockRow, LogRow
from skysql.store.shadow_tables import rowid


class MemoryTables:
    """As ShadowTables, of no file."""

    def __init__(self, name: str) -> None:
        self.database, self.name, self.commits = "main", name, 0
        self.kept: dict[str, dict[Any, Any]] = {each: {} for each in "meta log blocks rows records texts keys".split()}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before = copy.deepcopy(self.kept)
        try:
            yield
            self.commits += 1
        except BaseException:
            self.kept = before
            raise

    # meta

    def create(self, meta: Mapping[str, Any]) -> None:
        self.kept["meta"].update(meta)

    def meta(self, *keys: str) -> dict[str, Any]:
        return {key: self.kept["meta"][key] for key in keys if key in self.kept["meta"]}

    def put_meta(self, key: str, value: Any) -> None:
        self.kept["meta"][key] = value

    def delete_meta(self, key: str) -> None:
        self.kept["meta"].pop(key, None)

    def raise_version(self, version: int) -> None:
        self.kept["meta"]["format"] = max(self.kept["meta"]["format"], version)

    def delete_registers(self, kept: Iterable[int] = ()) -> None:
        for key in [key for key in self.kept["meta"] if key[:9] == "distinct " and int(key[9:]) not in set(kept)]:
            del self.kept["meta"][key]

    def stamp(self) -> Any:
        last = max(self.kept["log"], default=None)
        return self.kept["meta"]["stamp"], last, None if last is None else self.kept["log"][last][0]

    def file_size(self) -> int:
        return 1 << 40

    # log and blocks

    def append(self, stamp: int, events: int, data: bytes) -> int:
        id = max(self.kept["log"], default=0) + 1
        self.kept["log"][id] = stamp, events, data
        return id

    def log_rows(self, since: int = 0) -> list[LogRow]:
        return [LogRow(id, *row[:2]) for id, row in self.kept["log"].items() if id >= since]

    def log_data(self, first: int, last: int) -> list[tuple[int, bytes]]:
        return [(id, row[2]) for id, row in self.kept["log"].items() if first <= id <= last]

    def log_events(self) -> int:
        return sum(row[1] for row in self.kept["log"].values())

    def delete_log(self) -> None:
        self.kept["log"].clear()

    def block_rows(self) -> list[BlockRow]:
        return sorted(self.kept["blocks"].values(), key=lambda row: (row.run, row.first_object))

    def block_stamps(self, block: int) -> tuple[int, int | None] | None:
        row = self.kept["blocks"].get(block)
        return None if row is None else (row.stamp, row.deleted)

    def next_block(self) -> int:
        return max([0, *self.kept["blocks"], *(id >> 16 for id in self.kept["rows"])]) + 1

    def insert_block(self, row: BlockRow) -> None:
        self.kept["blocks"][row.id] = row

    update_block = insert_block

    def move_block(self, block: int, run: int) -> None:
        self.kept["blocks"][block] = replace(self.kept["blocks"][block], run=run)

    def delete_block(self, block: int) -> None:
        del self.kept["blocks"][block]
        for id in [id for id in self.kept["rows"] if id >> 16 == block]:
            del self.kept["rows"][id]

    # bytes

    def read(self, id: int) -> Any:
        return np.frombuffer(self.kept["rows"][id], np.uint8) if id in self.kept["rows"] else None

    def read_beginning(self, id: int, size: int) -> bytes | None:
        return self.kept["rows"][id][:size] if id in self.kept["rows"] else None

    def size(self, id: int) -> int | None:
        return len(self.kept["rows"][id]) if id in self.kept["rows"] else None

    def put(self, rows: Iterable[tuple[int, bytes]]) -> None:
        self.kept["rows"].update(rows)

    def delete(self, id: int) -> None:
        self.kept["rows"].pop(id, None)

    def delete_properties(self, kept: Sequence[int], chunk_bits: int) -> None:
        columns = {0, 1, DELETED, *(FIRST_PROPERTY + id for id in kept)}
        for id in list(self.kept["rows"]):
            stray = -id >> chunk_bits not in kept if id < 0 else id & DELETED not in columns or id < rowid(0, DELETED)
            if stray:
                del self.kept["rows"][id]
        for key in [key for key in self.kept["texts"] if key[0] not in kept]:
            del self.kept["texts"][key]

    def record_versions(self) -> list[int]:
        return sorted(self.kept["records"])

    def read_record(self, version: int) -> bytes | None:
        return self.kept["records"].get(version)

    def put_record(self, version: int, data: bytes) -> None:
        self.kept["records"][version] = data

    def delete_records(self, last: int = 1 << 44) -> None:
        for version in [version for version in self.kept["records"] if version <= last]:
            del self.kept["records"][version]

    # texts and keys

    def texts(self, property: int, after: int) -> list[Any]:
        rows = sorted(self.kept["texts"].items())
        return [(*row, code) for (id, code), row in rows if id == property and code > after]

    def text_stamps(self, property: int, codes: Sequence[int]) -> dict[int, tuple[int, bool]]:
        found = {code: self.kept["texts"][property, code] for code in codes if (property, code) in self.kept["texts"]}
        return {code: (stamp, isinstance(text, bytes)) for code, (text, stamp) in found.items()}

    def largest_code(self, property: int) -> int:
        return max((code for id, code in self.kept["texts"] if id == property), default=0)

    def insert_texts(self, rows: Iterable[tuple[int, int, str | None, int]]) -> None:
        self.kept["texts"].update({(id, code): (text, stamp) for id, code, text, stamp in rows})

    def put_chunk(self, property: int, code: int, data: bytes, stamp: int) -> None:
        self.kept["texts"][property, code] = data, stamp

    def delete_texts(self, property: int, first: int, end: int) -> None:
        for code in range(first, end):
            self.kept["texts"].pop((property, code), None)

    def clear_texts(self, property: int, codes: Iterable[int]) -> None:
        for code in codes:
            self.kept["texts"][property, code] = None, self.kept["texts"][property, code][1]

    def text_properties(self) -> list[int]:
        return sorted({id for id, _ in self.kept["texts"]})

    def keys(self, after: int = 0) -> list[Any]:
        return [(id, *row) for id, row in sorted(self.kept["keys"].items()) if id > after]

    def key_stamp(self, object: int) -> int | None:
        return self.kept["keys"][object][1] if object in self.kept["keys"] else None

    def insert_keys(self, rows: Iterable[tuple[int, str, int]]) -> None:
        self.kept["keys"].update({id: (key, stamp) for id, key, stamp in rows})

    def keyed_objects(self) -> list[int]:
        return sorted(self.kept["keys"])

    def clear_key(self, object: int) -> None:
        self.kept["keys"][object] = None, self.kept["keys"][object][1]

    def delete_keys(self, objects: Iterable[int]) -> None:
        for id in objects:
            del self.kept["keys"][id]
