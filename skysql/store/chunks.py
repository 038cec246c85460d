"""The chunks of texts of one table, as they are stored: most of a dictionary, where a property has many texts.

A chunk is three blobs (format.py). Its texts and their hashes are in <table>_column, under rowids below 0, which no
block has. The third is in <table>_value, as the row of the chunk's last code, and says that there is a chunk; its other
codes have no rows. The stamp of that row is the chunk's: it identifies the bytes, also in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ..errors import CorruptError, InternalError, OperationalError
from ..interruption import looking
from ..model.dtypes import Array
from . import format as fmt
from .blob import FormatError
from .cache import Cache
from .manifest import new_stamp
from .shadow_tables import ShadowTables
from .texts import ChunkTexts, TextChunk

V = TypeVar("V")

SIZE = 1 << 14
"""Texts per chunk. Reading one text decodes its whole chunk (0.5 MB, 3 ms); larger chunks compress no better."""

CHARACTERS = 1 << 23
"""Characters per chunk, however few texts have them."""

TEXTS, HASHES = 0, 1

PROPERTY_BITS = 33
"""The bits of a rowid that are the last code and the part."""


def rowid(property_id: int, last: int, part: int) -> int:
    """The rowid of a blob (TEXTS or HASHES) of the chunk with that last code."""
    return -((property_id << 32 | last) << 1 | part)


def place(rowid: int) -> tuple[int, int, int]:
    """(property id, last code, part) of `rowid`'s."""
    return -rowid >> PROPERTY_BITS, (-rowid >> 1) & 0xFFFFFFFF, -rowid & 1


def full(texts: int, characters: int) -> bool:
    """Whether this many texts in rows are more than there should be."""
    return texts > SIZE or characters > CHARACTERS


def cut(texts: Sequence[str | None], at: int) -> int:
    """Where a chunk ends that begins there."""
    characters, end = 0, min(at + SIZE, len(texts))
    for place in range(at, end):
        characters += len(texts[place] or "")
        if characters > CHARACTERS:
            return place + 1
    return end


class Chunks:
    """Reads chunks through the cache, and writes them inside the writer's transaction. Implements `texts.Shelf`.

    corrupt: makes the error that tells of a property and a fault.
    """

    def __init__(self, tables: ShadowTables, cache: Cache, corrupt: Callable[[int, str], CorruptError]) -> None:
        self._tables = tables
        self._cache = cache
        self._corrupt = corrupt

    def texts(self, property_id: int, chunk: TextChunk) -> ChunkTexts:
        """The texts of a chunk; raises CorruptError, or OperationalError if it was rolled back."""

        def decode(data: Array) -> ChunkTexts:
            joined, starts, known = fmt.decode_texts(data)
            return ChunkTexts(joined, starts.astype(np.int32), known)

        def make() -> ChunkTexts:
            found = self._decoded(property_id, chunk, TEXTS, decode, lambda texts: texts.known)
            return found

        return self._cache.get((chunk.stamp, "texts"), make)

    def hashes(self, property_id: int, chunk: TextChunk) -> Array:
        """The hash of each text of a chunk, uint32[n], 0 of one that was cleared; raises as `texts` does."""

        def make() -> Array:
            return self._decoded(property_id, chunk, HASHES, fmt.decode_hashes, lambda hashes: hashes != 0)

        return self._cache.get((chunk.stamp, "hashes"), make)

    def _decoded(
        self, property_id: int, chunk: TextChunk, part: int, decode: Callable[[Array], V], known: Callable[[V], Array]
    ) -> V:
        if self._tables.text_stamps(property_id, (chunk.last,)).get(chunk.last, (None,))[0] != chunk.stamp:
            raise OperationalError(
                "texts were changed under a statement that reads them",
                "fetch all rows of a statement before a transaction that it saw is rolled back",
            )
        data = self._tables.read(rowid(property_id, chunk.last, part))
        try:
            if data is None:
                raise FormatError("they are missing")
            found = decode(data)
            there = known(found)
            if len(there) != len(chunk) or np.count_nonzero(there) != chunk.left:
                raise FormatError("there are more or fewer than their row says")
            return found
        except FormatError as error:
            what = "the hashes of the texts" if part == HASHES else "the texts"
            raise self._corrupt(property_id, f"{what} {chunk.first} to {chunk.last}: {error}") from None

    def chunk(self, property_id: int, first: int, code: int, data: bytes, stamp: int) -> TextChunk:
        """The chunk that a row tells of, if it begins there; raises CorruptError."""
        try:
            count, left = fmt.decode_chunk(data)
            if type(stamp) is not int or not 0 < code < 1 << 32:
                raise FormatError("its row does not hold numbers that there can be")
        except FormatError as error:
            raise self._corrupt(property_id, f"the chunk of texts up to {code}: {error}") from None
        if self._tables.size(rowid(property_id, code, HASHES)) != fmt.size_of_hashes(count):
            raise self._corrupt(property_id, f"the hashes of the texts {first} to {code}: they are missing, or others")
        if code - count + 1 != first:
            raise self._corrupt(property_id, f"texts {first} to {code - count}: they are missing, or there twice")
        return TextChunk(first, code, left, stamp)

    def write(self, property_id: int, first: int, texts: Sequence[str | None]) -> TextChunk:
        """Store a chunk of the texts from that code on, which have no rows; None for those that were cleared."""
        encoded = [None if text is None else text.encode() for text in looking(texts)]
        hashes = np.fromiter((0 if text is None else fmt.hash_of(text) for text in encoded), np.uint32, len(encoded))
        left = int(np.count_nonzero(hashes))
        chunk = TextChunk(first, first + len(texts) - 1, left, new_stamp())
        self._tables.put(
            [
                (rowid(property_id, chunk.last, TEXTS), fmt.encode_texts(encoded)),
                (rowid(property_id, chunk.last, HASHES), fmt.encode_hashes(hashes)),
            ]
        )
        self._tables.put_chunk(property_id, chunk.last, fmt.encode_chunk(len(chunk), left), chunk.stamp)
        self._read_back(property_id, chunk, texts)
        return chunk

    def _read_back(self, property_id: int, chunk: TextChunk, texts: Sequence[str | None]) -> None:
        """Raise InternalError unless a chunk reads as what was written: the rows that it was made of are deleted."""
        joined, starts, known = fmt.decode_texts(self._tables.read(rowid(property_id, chunk.last, TEXTS)))
        if ChunkTexts(joined, starts.astype(np.int32), known).every() != list(texts):
            raise InternalError(
                f"property {property_id}, texts {chunk.first} to {chunk.last} do not read as they were written",
                "nothing was changed; please report this with the versions of zlib and numpy",
            )
