"""Many texts: those of one property, in chunks that are read on demand.

    StoredTexts    code -> text, a sequence
    StoredCodes    text -> code, a mapping

Codes 1 ... are those of the chunks, one after the other, and then those of the rows. The texts of rows are in memory;
those of chunks are read when asked for, and cached as long as there is room. A code is looked up in one chunk. A text
is looked up by its hash, in the hashes of all chunks; texts of the same hash are compared. For many look-ups there is
an index of the hashes in memory, of 8 bytes a text.

A caller with many codes asks for all of them at once (`take`, `find`), so that a chunk is read once. Nothing here
changes, except that rows are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, overload

import numpy as np
import numpy.typing as npt

from ..arrays.vectors import Texts
from ..interruption import looking, patiently
from ..model.dtypes import Array, Bool, Int64
from .format import hash_of

_FEW = 32
"""At most this many codes are looked up one by one."""

_SOUGHT = 64
"""After this many searches in the hashes of all chunks, an index of them is made."""

_CACHED = 1 << 10


@dataclass(frozen=True, slots=True)
class TextChunk:
    """The texts of the codes first ... last; left: how many were not cleared. The stamp tells its bytes."""

    first: int
    last: int
    left: int
    stamp: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ChunkTexts:
    """The texts of a chunk: UTF-8, where each begins int32[n+1], and which were not cleared bool[n]."""

    data: bytes
    starts: Array
    known: Bool

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return len(self.data) + self.starts.nbytes + self.known.nbytes + 200

    def encoded(self, place: int) -> bytes:
        """The UTF-8 of a text that was not cleared."""
        return self.data[self.starts[place] : self.starts[place + 1]]

    def every(self) -> list[str | None]:
        """All of them; None for what was cleared."""
        edges = self.starts.tolist()
        if self.data.isascii():
            text = self.data.decode()
            found: list[str | None] = [text[a:b] for a, b in pairwise(edges)]
        else:
            found = [self.data[a:b].decode() for a, b in pairwise(edges)]
        for place in np.flatnonzero(~self.known).tolist():
            found[place] = None
        return found

    def some(self, places: Array) -> list[str | None]:
        """Those at these places."""
        if len(places) * 2 > len(self.known):
            every = self.every()
            return [every[place] for place in places.tolist()]
        edges = zip(self.starts[places].tolist(), self.starts[places + 1].tolist(), strict=True)
        found: list[str | None] = [self.data[a:b].decode() for a, b in edges]
        for at in np.flatnonzero(~self.known[places]).tolist():
            found[at] = None
        return found


class Shelf(Protocol):
    """Where the chunks of a table are."""

    def texts(self, property_id: int, chunk: TextChunk) -> ChunkTexts:
        """The texts of a chunk; raises CorruptError."""
        ...

    def hashes(self, property_id: int, chunk: TextChunk) -> Array:
        """The hash of each text of a chunk, uint32[n], 0 of one that was cleared; raises CorruptError."""
        ...


_AT_A_TIME = 7
"""Bytes that are compared together: with how many are left, in one number."""

_LEFT = np.uint64(0xFF)


def byte_ranks(data: bytearray, starts: Int64, sizes: Int64) -> Int64:
    """The rank of each text in the order of their bytes: int64[n]; some bytes are appended to data.

    By a few bytes at a time of those that are alike so far: their rank is that of the first of them.
    """
    data += bytes(8)
    eight = np.ndarray(len(data) - 7, ">u8", data, strides=(1,))
    ranks = np.zeros(len(starts), np.int64)
    alike, depth = np.arange(len(starts)), 0
    while len(alike) > 1:
        left = np.minimum(sizes[alike] - depth, _AT_A_TIME + 1)  # one more than are compared: it goes on
        keys = eight[starts[alike] + depth].astype(np.uint64)
        unused = 8 * (8 - np.minimum(left, _AT_A_TIME)).astype(np.uint64)
        keys >>= unused
        keys <<= unused
        keys |= left.astype(np.uint64)
        del left, unused
        depth += _AT_A_TIME
        if keys.min() == keys.max() and keys[0] & _LEFT > _AT_A_TIME:
            continue
        before = ranks[alike]
        together = before[0] == before[-1] == before.max()
        order = patiently(np.argsort, keys) if together else patiently(np.lexsort, (keys, before))
        alike, keys, before = alike[order], keys[order], before[order]
        del order
        first = np.ones(len(alike), bool)  # of those that were alike
        first[1:] = before[1:] != before[:-1]
        begin = _places(first)
        first[1:] |= keys[1:] != keys[:-1]  # and are still
        ranks[alike] = before + (_places(first) - begin)
        single = first & np.append(first[1:], True)
        alike = alike[~single & (keys & _LEFT > _AT_A_TIME)]  # what is alike and ends is twice the same
    return ranks


def _places(first: Bool) -> Int64:
    """Where the last one up to each place is that is true: int64[n]; the first one is."""
    places = np.flatnonzero(first)
    return np.repeat(places, np.diff(np.append(places, len(first))))


class StoredTexts(Texts):
    """The texts by code; None for 0, which is NULL, and for texts that were cleared.

    rows: those after the chunks, the first of which is at 1.
    """

    def __init__(self, shelf: Shelf, property_id: int, chunks: Sequence[TextChunk], rows: list[str | None]) -> None:
        self.shelf = shelf
        self.property_id = property_id
        self.chunks = tuple(chunks)
        self.base = self.chunks[-1].last
        self.firsts = np.array([chunk.first for chunk in self.chunks], np.int64)
        self._rows = rows
        self._last: tuple[TextChunk, ChunkTexts] | None = None  # read, in case that the cache has no room for any
        self._backwards = False  # the next way: what was read last may still be cached

    def __len__(self) -> int:
        return self.base + len(self._rows)

    @overload
    def __getitem__(self, code: int) -> str | None: ...
    @overload
    def __getitem__(self, code: slice) -> list[str | None]: ...
    def __getitem__(self, code: int | slice) -> str | None | list[str | None]:
        if isinstance(code, slice):
            return self.take(np.arange(*code.indices(len(self))))
        if code < 0:
            code += len(self)
        if code > self.base:
            return self._rows[code - self.base]
        if code <= 0:
            if code < 0:
                raise IndexError(code)
            return None
        chunk = self.chunks[int(np.searchsorted(self.firsts, code, "right")) - 1]
        texts, place = self.of(chunk), code - chunk.first
        return texts.encoded(place).decode() if texts.known[place] else None

    def __iter__(self) -> Iterator[str | None]:
        yield None
        for chunk in looking(self.chunks):
            yield from self.of(chunk).every()
        yield from self._rows[1:]

    def of(self, chunk: TextChunk) -> ChunkTexts:
        """The texts of a chunk."""
        last = self._last
        if last is None or last[0] is not chunk:
            last = self._last = chunk, self.shelf.texts(self.property_id, chunk)
        return last[1]

    def take(self, codes: Array) -> list[str | None]:
        """The texts of these codes."""
        if len(codes) <= _FEW:
            return [self[code] for code in codes.tolist()]
        used, places = patiently(np.unique, codes, return_inverse=True)
        used, found = used.astype(np.int64), np.empty(len(used), object)  # None for code 0
        edges = np.searchsorted(used, [*self.firsts, self.base + 1]).tolist()
        parts = [part for part in zip(self.chunks, edges, edges[1:], strict=False) if part[2] > part[1]]
        for chunk, low, high in looking(parts[::-1] if self._backwards else parts):
            found[low:high] = self.of(chunk).some(used[low:high] - chunk.first)
        self._backwards = not self._backwards
        found[edges[-1] :] = [self._rows[at] for at in (used[edges[-1] :] - self.base).tolist()]
        return found[places].tolist()  # type: ignore[no-any-return]

    def ranks(self, codes: Array) -> Int64:
        """Numbers that sort as the texts of these codes do, which are distinct and ascending: int64[n]."""
        codes = codes.astype(np.int64)
        null = int(len(codes) > 0 and codes[0] == 0)  # is before all others
        data, starts, sizes = bytearray(), [codes[:0]], [codes[:0]]
        edges = np.searchsorted(codes, [*self.firsts, self.base + 1]).tolist()
        for chunk, low, high in looking(zip(self.chunks, edges, edges[1:], strict=False)):
            if high > low:
                places, texts = codes[low:high] - chunk.first, self.of(chunk)
                begin, end = texts.starts[places].astype(np.int64), texts.starts[places + 1].astype(np.int64)
                sizes.append(end - begin)
                if len(places) * 4 > len(chunk):
                    starts.append(begin + len(data))
                    data += texts.data
                else:
                    starts.append(np.cumsum(sizes[-1]) - sizes[-1] + len(data))
                    data += b"".join([texts.data[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)])
        rows = [(self._rows[at] or "").encode() for at in (codes[edges[-1] :] - self.base).tolist()]
        sizes.append(np.fromiter(map(len, rows), np.int64, len(rows)))
        starts.append(np.cumsum(sizes[-1]) - sizes[-1] + len(data))
        data += b"".join(rows)
        ranks = np.zeros(len(codes), np.int64)
        ranks[null:] = byte_ranks(data, np.concatenate(starts), np.concatenate(sizes)) + 1
        return ranks

    def cleared(self) -> Bool:
        """Which codes have no text, NULL's aside: bool[n]."""
        cleared = np.zeros(len(self), bool)
        for chunk in self.chunks:
            if chunk.left < len(chunk):
                cleared[chunk.first : chunk.last + 1] = self.shelf.hashes(self.property_id, chunk) == 0
        for place, text in enumerate(self._rows[1:], self.base + 1):
            cleared[place] = text is None
        return cleared


@dataclass(slots=True)
class HashIndex:
    """The hashes of the codes up to one, sorted: uint64[n], hash << 32 | code, in runs of falling sizes."""

    runs: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    upto: int = 0

    def copy(self) -> HashIndex:
        """One that can be added to apart."""
        return HashIndex(list(self.runs), self.upto)

    def cover(self, texts: StoredTexts) -> None:
        """Add the chunks that are new since."""
        keys = [np.zeros(0, np.uint64)]
        for chunk in looking(texts.chunks):
            if chunk.first > self.upto:
                hashes = texts.shelf.hashes(texts.property_id, chunk)
                codes = np.arange(chunk.first, chunk.last + 1, dtype=np.uint64)
                keys.append((hashes.astype(np.uint64) << np.uint64(32) | codes)[hashes != 0])
                self.upto = chunk.last
        if len(keys) > 1:
            self.runs.append(patiently(np.sort, np.concatenate(keys)))
        while len(self.runs) > 1 and len(self.runs[-2]) < 2 * len(self.runs[-1]):
            self.runs[-2:] = [patiently(np.sort, np.concatenate(self.runs[-2:]))]

    def candidates(self, hashes: Array) -> tuple[Int64, Int64]:
        """(place among these hashes, code) wherever a hash is the same."""
        order = patiently(np.argsort, hashes)
        low = hashes[order].astype(np.uint64) << np.uint64(32)
        high = low | np.uint64(0xFFFFFFFF)
        places, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for run in self.runs:
            begin, end = np.searchsorted(run, low), np.searchsorted(run, high, "right")
            some = np.flatnonzero(end > begin)
            counts = (end - begin)[some]
            at = np.repeat(begin[some] - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
            places.append(np.repeat(order[some], counts))
            codes.append((run[at] & np.uint64(0xFFFFFFFF)).astype(np.int64))
        return np.concatenate(places), np.concatenate(codes)

    def repeated(self) -> Int64:
        """The codes of which others have the same hash; those of one hash side by side: int64[m]."""
        keys = patiently(np.sort, np.concatenate([np.zeros(0, np.uint64), *self.runs]))
        same = (keys[1:] >> np.uint64(32)) == (keys[:-1] >> np.uint64(32))
        either = np.zeros(len(keys), bool)
        either[1:] |= same
        either[:-1] |= same
        return (keys[either] & np.uint64(0xFFFFFFFF)).astype(np.int64)


class StoredCodes(Mapping[str, int]):
    """The code of each text; rows: of those after the chunks."""

    def __init__(self, texts: StoredTexts, rows: dict[str, int], index: HashIndex | None = None) -> None:
        self.texts = texts
        self._rows = rows
        self.index = index
        self._sought = 0
        self._found: dict[str, int] = {}  # in the chunks, which do not change, lately; 0 for what is not

    def __len__(self) -> int:
        return sum(chunk.left for chunk in self.texts.chunks) + len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return (text for text in self.texts if text is not None)

    def __getitem__(self, text: str) -> int:
        code = self._rows.get(text)
        if code is None:
            code = self._found.get(text)
        if code is None:
            if len(self._found) >= _CACHED:
                self._found.clear()
            code = self._found[text] = int(self.find_stored([text])[0])
        if not code:
            raise KeyError(text)
        return code

    def find(self, texts: Sequence[str]) -> npt.NDArray[np.uint32]:
        """The code of each text, 0 of those that have none: uint32[n]."""
        codes = np.fromiter((self._rows.get(text, 0) for text in texts), np.uint32, len(texts))
        rest = np.flatnonzero(codes == 0)
        codes[rest] = self.find_stored([texts[at] for at in rest.tolist()])
        return codes

    def find_stored(self, texts: Sequence[str]) -> npt.NDArray[np.uint32]:
        """The same in the chunks alone."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]  # half a pair is in no text
        hashes = np.fromiter(map(hash_of, looking(encoded)), np.uint32, len(encoded))
        codes = np.zeros(len(texts), np.uint32)
        places, candidates = self._candidates(hashes)
        order = patiently(np.argsort, candidates, kind="stable")
        places, candidates = places[order], candidates[order]
        edges = np.searchsorted(candidates, [*self.texts.firsts, self.texts.base + 1]).tolist()
        for chunk, low, high in looking(zip(self.texts.chunks, edges, edges[1:], strict=False)):
            if high > low:
                stored = self.texts.of(chunk)
                for place, code in zip(places[low:high].tolist(), candidates[low:high].tolist(), strict=True):
                    if stored.encoded(code - chunk.first) == encoded[place]:
                        codes[place] = code
        return codes

    def _candidates(self, hashes: Array) -> tuple[Int64, Int64]:
        self._sought += len(hashes)
        if self.index is None and self._sought > _SOUGHT:
            self.index = HashIndex()
        if self.index is not None:
            self.index.cover(self.texts)
            return self.index.candidates(hashes)
        places, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for chunk in looking(self.texts.chunks):
            stored = self.texts.shelf.hashes(self.texts.property_id, chunk)
            for place, hash in enumerate(hashes):
                here = np.flatnonzero(stored == hash)
                if len(here):
                    places.append(np.full(len(here), place, np.int64))
                    codes.append(here + chunk.first)
        return np.concatenate(places), np.concatenate(codes)

    def faults(self, rows: Sequence[str]) -> Iterator[str]:
        """What is wrong with the chunks, beside these rows; all of them are read."""
        for chunk in self.texts.chunks:
            stored, hashes = self.texts.of(chunk), self.texts.shelf.hashes(self.texts.property_id, chunk)
            right = (hash_of(stored.encoded(place)) for place in np.flatnonzero(stored.known).tolist())
            if hashes[stored.known].tolist() != list(right):
                yield f"texts {chunk.first} to {chunk.last}: a hash is another text's"
        index = HashIndex()
        index.cover(self.texts)
        again = [text for text in self.texts.take(index.repeated()) if text is not None]
        if len(set(again)) < len(again) or np.any(self.find_stored(rows)):
            yield "a text is there twice"
