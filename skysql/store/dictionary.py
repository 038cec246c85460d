"""Texts as numbers: the codes of TEXT properties and actions, and the ids of TEXT object keys, of one table.

Codes count from 1 in each property, in order of first arrival; 0 is NULL. They are only ever added. So what is in
memory stays right as long as the row of its last code is still the one that was written. The row's stamp tells, even
where a rollback took the row away and the code was given anew.

The texts of a property are rows, and all in memory, as long as they are few. When they are more, the oldest become
chunks (chunks.py), which are read when needed; the last ones are rows still.

Texts that no event has any more are cleared, and such keys deleted, on request. Their codes and ids are not given
again: a code stays as a row, or a place in a chunk, without text; and the last id as a row without key. The dictionary
then has another stamp, and what is in memory is read anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays.vectors import Coded
from ..errors import CorruptError, changed_under_reader
from ..interruption import look, looking, pieces
from ..model.alteration import MAX_ID
from ..model.dtypes import Array, Bool, Int64
from .blob import CHUNKS_SINCE, FormatError
from .chunks import Chunks, cut, full
from .format import decode_chunk
from .manifest import new_stamp
from .shadow_tables import ShadowTables
from .texts import StoredCodes, StoredTexts, TextChunk

_PIECE = 1 << 18
"""Texts that are given codes at a time; meanwhile they are in memory."""

_LEAST_BYTES = 4
"""Bytes in memory of a text in a chunk: those of its hash."""

_KEYS = -1
"""Stands for the keys where properties are meant."""


class _Texts:
    """One property's texts in memory: which chunks there are, and all the texts that come after them.

    `values` and `codes` tell of all. `rows[0]` is the last code of the chunks; without any, it is NULL.
    """

    __slots__ = ("base", "characters", "chunks", "codes", "row_codes", "rows", "stamp", "values")

    def __init__(
        self, shelf: Chunks | None = None, property_id: int = 0, chunks: Sequence[TextChunk] = (), before: Any = None
    ) -> None:
        """before: the same of fewer chunks."""
        self.chunks = chunks
        self.base = chunks[-1].last if chunks else 0
        self.stamp = chunks[-1].stamp if chunks else 0  # of the row of the last code
        self.characters = 0  # of the rows
        self.rows: list[str | None] = [None]
        self.row_codes: dict[str, int] = {}
        self.values: Sequence[str | None] = self.rows
        self.codes: Mapping[str, int] = self.row_codes
        if shelf is not None and chunks:
            index = before.codes.index if before is not None and isinstance(before.codes, StoredCodes) else None
            texts = StoredTexts(shelf, property_id, chunks, self.rows)
            self.values, self.codes = texts, StoredCodes(texts, self.row_codes, index and index.copy())

    @property
    def largest(self) -> int:
        """The last code."""
        return self.base + len(self.rows) - 1

    @property
    def full(self) -> bool:
        """Whether there are more rows than there should be."""
        return full(len(self.rows) - 1, self.characters)

    def add(self, text: str | None) -> None:
        """One more text; None for one that was cleared."""
        if text is not None:
            self.row_codes[text] = self.base + len(self.rows)
            self.characters += len(text)
        self.rows.append(text)

    def extend(self, texts: list[str]) -> None:
        """More texts, distinct and new."""
        self.row_codes.update(zip(texts, range(self.largest + 1, self.largest + 1 + len(texts)), strict=True))
        self.characters += sum(map(len, texts))
        self.rows += texts


class Dictionary:
    """The dictionary of one table, read when needed and added to inside the writer's transaction."""

    def __init__(self, tables: ShadowTables, chunks: Chunks) -> None:
        self._tables = tables
        self._chunks = chunks
        self._stamp: int | None = None  # drawn when texts were last cleared: 'dictionary' in `meta`
        self._texts: dict[int, _Texts] = {}
        self._keys: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._key_stamp: tuple[int, int] | None = None
        self._fresh: set[int] = set()  # properties whose cached texts are complete since the last refresh()
        self._ended = False  # whether only cached texts can still be read

    def refresh(self) -> None:
        """The table may have changed: look again before the next answer."""
        self._refuse_more()
        self._fresh.clear()
        stamp = self._tables.meta("dictionary").get("dictionary")
        if stamp != self._stamp:
            self._forget(stamp)

    def end(self) -> None:
        """A transaction that may have added texts and keys was rolled back: from now on only tell what is cached."""
        self._ended = True

    def _refuse_more(self) -> None:
        if self._ended:
            raise changed_under_reader(f"the dictionary of {self._tables.name!r} was")

    def _forget(self, stamp: Any) -> None:
        self._texts.clear()
        self._keys.clear()
        self._ids.clear()
        self._key_stamp = None
        self._fresh.clear()
        self._stamp = stamp

    def _load(self, property_id: int) -> _Texts:
        texts = self._texts.get(property_id)
        if texts is not None and property_id in self._fresh:
            return texts
        self._refuse_more()
        if texts is None or not self._is_current(property_id, texts):
            texts = _Texts()
        texts = self._texts[property_id] = self._read(property_id, texts)
        self._fresh.add(property_id)
        return texts

    def _is_current(self, property_id: int, texts: _Texts) -> bool:
        """Whether what is cached of a property is still right: its last chunk, the row after that, and the last row."""
        base, largest = texts.base, texts.largest
        rows = self._tables.text_stamps(property_id, (base, base + 1, largest))
        if largest == 0 or rows.get(largest, (None, False))[0] != texts.stamp:
            return False
        if texts.chunks and rows.get(base) != (texts.chunks[-1].stamp, True):
            return False
        return largest == base or not rows.get(base + 1, (None, True))[1]

    def _read(self, property_id: int, cached: _Texts) -> _Texts:
        """What is cached, and what was added since."""
        texts, chunks, largest = cached, list(cached.chunks), cached.largest
        for value, stamp, code in self._tables.texts(property_id, largest):
            if isinstance(value, bytes) and isinstance(code, int) and len(texts.rows) == 1:
                chunks.append(self._chunks.chunk(property_id, largest + 1, code, value, stamp))
                largest = code
                continue
            if len(chunks) > len(texts.chunks):
                texts = _Texts(self._chunks, property_id, chunks, cached)
            if code != texts.largest + 1 or not _is_text(value):
                where = f"property {property_id}, code {code}"
                raise self._corrupt(f"{where}: codes are missing before it, or it is no text")
            texts.add(value)
            texts.stamp = stamp
        if len({chunk.stamp for chunk in chunks}) < len(chunks):
            raise self._corrupt(f"property {property_id}: there are two chunks of texts of one stamp")
        return texts if len(chunks) == len(texts.chunks) else _Texts(self._chunks, property_id, chunks, cached)

    def _corrupt(self, what: str, suffix: str = "value") -> CorruptError:
        return CorruptError(f"{self._tables.name}_{suffix}: {what}")

    def values(self, property_id: int) -> Sequence[str | None]:
        """The texts by code; values[0] is None. Not to be changed."""
        texts = self._texts[property_id] if property_id in self._fresh else self._load(property_id)
        return texts.values

    def texts(self, property_id: int) -> tuple[Sequence[str | None], Mapping[str, int]]:
        """(`values`, the code of each text)."""
        texts = self._texts[property_id] if property_id in self._fresh else self._load(property_id)
        return texts.values, texts.codes

    def coded(self, property_id: int, codes: Array) -> Coded:
        """The texts of these codes of the property."""
        texts = self._texts[property_id] if property_id in self._fresh else self._load(property_id)
        return Coded(codes, texts.values, texts.codes)

    def largest(self, property_id: int) -> int:
        """The largest code; nothing is read but that."""
        if property_id in self._fresh:
            return self._texts[property_id].largest
        self._refuse_more()
        found = self._tables.largest_code(property_id)
        if not isinstance(found, int) or not 0 <= found <= self._tables.file_size() // _LEAST_BYTES:
            raise self._corrupt(f"property {property_id}: there is no code {found!r}")
        return found

    def code(self, property_id: int, text: str) -> int | None:
        """The code of a text, or None if no event ever had it."""
        return self._load(property_id).codes.get(text)

    def codes(self, property_id: int, texts: Sequence[str] | Array) -> npt.NDArray[np.uint32]:
        """One code a text; texts that are new are given one. `refresh` must have been called in this transaction."""
        if len(texts) <= _PIECE:
            return self._codes(property_id, texts)
        return np.concatenate([self._codes(property_id, texts[piece]) for piece in pieces(len(texts), _PIECE)])

    def _codes(self, property_id: int, texts: Sequence[str] | Array) -> npt.NDArray[np.uint32]:
        cached = self._load(property_id)
        first, rows = cached.largest + 1, cached.row_codes
        other = [text for text in dict.fromkeys(texts) if text not in rows]
        stored: dict[str, int] = {}
        if other and isinstance(cached.codes, StoredCodes):
            found = cached.codes.find_stored(other)
            stored = {other[at]: int(found[at]) for at in np.flatnonzero(found).tolist()}
            other = [text for text in other if text not in stored]
        look()
        if other:
            cached.extend(list(map(str, other)))
            cached.stamp = new_stamp()
            if cached.full:
                self._fold(property_id, cached, first)
            else:
                self._insert(property_id, cached, first)
        code_of = rows.__getitem__ if not stored else lambda text: stored.get(text) or rows[text]
        return np.fromiter(map(code_of, texts), np.uint32, len(texts))

    def _insert(self, property_id: int, texts: _Texts, first: int) -> None:
        """Write the rows from that code on."""
        self._tables.insert_texts(
            [
                (property_id, code, texts.rows[code - texts.base], texts.stamp)
                for code in range(first, texts.largest + 1)
            ]
        )

    # chunks

    def fold(self) -> bool:
        """Make chunks of rows that are too many, as older files may have them; whether there were any."""
        folded = False
        for property_id in self.properties():
            texts = self._load(property_id)
            if texts.full:
                self._fold(property_id, texts, texts.largest + 1)
                folded = True
        return folded

    def _fold(self, property_id: int, texts: _Texts, first: int) -> None:
        """Make chunks of the oldest rows, until few are left; those from code `first` on are not written yet.

        Readers keep the old list.
        """
        chunks, at, left = list(texts.chunks), 1, texts.characters
        while full(len(texts.rows) - at, left):
            look()
            begin, at = at, cut(texts.rows, at)
            left -= sum(len(text or "") for text in texts.rows[begin:at])
            code, end = texts.base + begin, texts.base + at
            if code < first:
                self._tables.delete_texts(property_id, code, end)
            chunks.append(self._chunks.write(property_id, code, texts.rows[begin:at]))
        folded = _Texts(self._chunks, property_id, chunks, texts)
        for text in texts.rows[at:]:
            folded.add(text)
        if len(folded.rows) > 1:
            folded.stamp = texts.stamp
            self._insert(property_id, folded, max(first, folded.base + 1))
        self._tables.raise_version(CHUNKS_SINCE)
        self._texts[property_id] = folded

    # dropping

    @property
    def may_hold_unused(self) -> bool:
        """Whether there may be texts or keys that no event has."""
        return bool(self._tables.meta("unused"))

    def note_unused(self) -> None:
        """There may be texts or keys that no event has."""
        self._tables.put_meta("unused", 1)

    def drop(self, codes: Mapping[int, Int64], objects: Int64 | None) -> None:
        """Clear texts, by property id and code; delete keys but those of these objects (ascending; None: all stay)."""
        for property_id, each in codes.items():
            texts = self._load(property_id)
            self._tables.clear_texts(property_id, each[each > texts.base].tolist())
            for chunk in texts.chunks:
                self._drop_stored(property_id, chunk, each[(each >= chunk.first) & (each <= chunk.last)] - chunk.first)
        if objects is not None:
            self._drop_keys(objects)
        stamp = new_stamp()
        self._tables.delete_meta("unused")
        self._tables.put_meta("dictionary", stamp)
        self._forget(stamp)

    def _drop_stored(self, property_id: int, chunk: TextChunk, places: Int64) -> None:
        """Write a chunk anew without the texts at these places, some of which may have been cleared before."""
        if len(places) and self._chunks.hashes(property_id, chunk)[places].any():
            texts = self._chunks.texts(property_id, chunk).every()
            for place in places.tolist():
                texts[place] = None
            self._chunks.write(property_id, chunk.first, texts)

    def _drop_keys(self, objects: Int64) -> None:
        ids = np.array(self._tables.keyed_objects(), np.int64)
        unused = np.setdiff1d(ids, objects).tolist()
        if unused and unused[-1] == ids[-1]:
            self._tables.clear_key(unused.pop())
        self._tables.delete_keys(unused)

    # keys of TEXT objects

    def objects(self, keys: Sequence[str]) -> Int64:
        """The object id of each key; keys that are new are given one."""
        self._load_keys()
        cached = self._keys
        new = [key for key in dict.fromkeys(keys) if key not in cached]
        if new:
            stamp = new_stamp()
            last = self._key_stamp[0] if self._key_stamp else 0
            if last + len(new) >= 1 << 62:
                raise self._corrupt(f"object {last} has an id that none is given", "key")
            rows = [(id, str(key), stamp) for id, key in enumerate(new, last + 1)]
            self._tables.insert_keys(looking(rows))
            self._add_keys(rows)
        return np.fromiter(map(cached.__getitem__, keys), np.int64, len(keys))

    def restore_keys(self, keys: Mapping[int, str]) -> None:
        """Give objects the keys that they once had; no object has that key, and no key that object."""
        stamp = new_stamp()
        rows = [(id, key, stamp) for id, key in sorted(keys.items())]
        self._tables.insert_keys(rows)
        self.refresh()
        self._key_stamp = None

    def object(self, key: str) -> int | None:
        """The object id of a key, or None."""
        self._load_keys()
        return self._keys.get(key)

    def known_objects(self, keys: Sequence[str]) -> Int64:
        """The object id of each key; 0, which is no object's, for keys that are not known."""
        self._load_keys()
        return np.fromiter((self._keys.get(key, 0) for key in keys), np.int64, len(keys))

    def keys(self, objects: Int64) -> list[str]:
        """The key of each object."""
        self._load_keys()
        found = [self._ids.get(object) for object in objects.tolist()]
        if None in found:
            raise self._corrupt(f"object {objects[found.index(None)]} has no key", "key")
        return found  # type: ignore[return-value]

    def has_key(self, object: int) -> bool:
        """Whether the object has a key."""
        self._load_keys()
        return self._ids.get(object) is not None

    def properties(self) -> list[int]:
        """The ids of the properties that it has texts of."""
        return [self._property(id) for id in self._tables.text_properties()]

    def _property(self, id: Any) -> int:
        """The id; raises CorruptError if no property can have it."""
        if type(id) is not int or not 0 <= id <= MAX_ID:
            raise self._corrupt(f"there is no property {id!r}")
        return id

    def chunks(self) -> set[tuple[int, int]]:
        """Property id and last code of all chunks of texts."""
        return {(self._property(id), code) for id, code in self._tables.text_chunks()}

    def counts(self) -> dict[int, int]:
        """How many distinct texts there are, by property id; those that no event has any more go when compacted."""
        found: dict[int, int] = {}
        for property_id, data, count in self._tables.text_counts():
            try:
                more = count if data is None else decode_chunk(data)[1] * count
            except FormatError as error:
                raise self._corrupt(f"property {property_id}, a chunk of texts: {error}") from None
            found[self._property(property_id)] = found.get(property_id, 0) + more
        return found

    def any_keys(self) -> bool:
        """Whether objects have keys."""
        return self._tables.any_keys()

    # looking after it

    def cleared(self, property_id: int) -> Bool:
        """Which codes of a property have no text any more: bool[n], False for NULL."""
        texts = self._load(property_id)
        if isinstance(texts.values, StoredTexts):
            return texts.values.cleared()
        cleared = np.fromiter((text is None for text in texts.rows), bool, len(texts.rows))
        cleared[0] = False
        return cleared

    def faults(self, property_id: int) -> Iterator[str]:
        """What is wrong with the texts of a property; raises CorruptError for what cannot be read."""
        texts = self._load(property_id)
        rows = [text for text in texts.rows if text is not None]
        if len(texts.row_codes) < len(rows):
            yield "a text is there twice"
        if isinstance(texts.codes, StoredCodes):
            yield from texts.codes.faults(rows)
        if self._tables.stray_codes(property_id):
            yield "codes are missing"

    def _add_keys(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for id, key, stamp in rows:
            if not (_is_text(key) and 0 < id < 1 << 62):
                raise self._corrupt(f"object {id}: its key is no text, or its id none that is given", "key")
            if key is not None:
                self._keys[key] = id
            self._ids[id] = key
            self._key_stamp = id, stamp

    def _load_keys(self) -> None:
        if _KEYS in self._fresh:
            return
        self._refuse_more()
        if self._key_stamp is not None:
            id, stamp = self._key_stamp
            if self._tables.key_stamp(id) != stamp:
                self._keys.clear()
                self._ids.clear()
                self._key_stamp = None
        self._add_keys(self._tables.keys(self._key_stamp[0] + 1) if self._key_stamp else self._tables.keys())
        self._fresh.add(_KEYS)


def _is_text(value: object) -> bool:
    """Whether a row may hold it; NULL stands for what was cleared."""
    return value is None or isinstance(value, str)
