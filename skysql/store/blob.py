"""What every blob is made of: a header with a checksum, vectors of numbers, and properties. format.py draws them.

    seal         puts the header before the parts of a body, which put, put_bytes, put_property and put_list append
    BlobReader   reads the same back: unpack, vector, property, and finish at the end

A reader trusts nothing: the checksum comes first, no byte is read outside of the blob, and no array is made larger
than a blob of that size can hold. A fault is a FormatError that says what is wrong; where it is, the caller knows.

Not here: which parts a blob of each type has, and what they must be to each other (format.py).

pcodec (https://github.com/pcodec/pcodec, "pco: better compression for numerical sequences", arXiv 2502.06112) is the
one codec: `python -m bench.codecs` prints why.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone

from ..arrays.batch import Sparse
from ..model.dtypes import Array, Bool, Int32
from ..model.kinds import BOOLEAN, KINDS, TEXT, Kind

VERSION: Final = 4
"""The version of the format that is written, and the newest that is read."""

MAX_COUNT: Final = (1 << 31) - 1
"""Events, or objects, a blob has at the most: a position is an int32."""

PATHS, TIMESTAMPS, SPARSE, BATCH, CASTS, TEXTS, HASHES, CHUNK, CHANGES = 1, 2, 3, 4, 5, 6, 7, 8, 9
"""The types of blobs."""

CHUNKS_SINCE: Final = 3
"""The version that chunks of texts came with."""

_MAGIC = b"sky"
_SINCE = {CASTS: 2, TEXTS: CHUNKS_SINCE, HASHES: CHUNKS_SINCE, CHUNK: CHUNKS_SINCE, CHANGES: 4}
_KINDS_SINCE = 4  # kinds from 5 on

_RAW, _PCO, _ZLIB = 0, 1, 2
_EVERY, _NULLS = 1, 2

_HEADER = struct.Struct("<3sBIBI")
BEGINNING: Final = _HEADER.size + 1
"""The bytes at the beginning of a property of a block that tell its type: see `code_of`."""

_CHECKED_FROM = 8
_PROPERTY = struct.Struct("<BBI")
_VECTOR = struct.Struct("<BI")

_INT32, _UINT8 = np.dtype(np.int32), np.dtype(np.uint8)
_SIZES = {letter: struct.calcsize(f"<{letter}") for letter in "BIidq"}

SMALL: Final = 128
"""A vector of fewer numbers is raw: to compress it would take longer than it is worth, for a commit of few events."""

_CHUNK_NUMBERS, _CHUNK_BYTES = 1 << 18, 8
"""pcodec packs numbers in chunks of at most 2^18. A chunk takes more than 8 bytes even if all its numbers are equal."""

MOST_BYTES: Final = 1 << 30
"""A vector takes no more memory than this: equal numbers are packed so well that a short blob could claim any."""

_TEXT_LEVEL = 3
"""Of zlib: level 6 makes texts 6 % smaller, and takes twice the time."""

_MOST_INFLATED = 1 << 26
"""zlib packs zeros a thousandfold: a stream may not claim to hold more bytes than this."""

TIMES: Final = ChunkConfig(8, delta_spec=DeltaSpec.try_consecutive(1))
_PLACES = ChunkConfig(8, delta_spec=DeltaSpec.try_consecutive(1), mode_spec=ModeSpec.classic())
VALUES: Final = ChunkConfig(8, enable_8_bit=True)
ASCENDING: Final = ChunkConfig(4, delta_spec=DeltaSpec.try_consecutive(1))
LOG: Final = ChunkConfig(4, enable_8_bit=True)  # the log is soon rewritten as blocks: time counts more than size

_EVERY_EVENT = np.arange(1 << 18, dtype=np.int32)
_EVERY_EVENT.flags.writeable = False


class FormatError(ValueError):
    """Bytes that are not a blob of this format; the message says what is wrong with them, not where they lie."""


class NewerVersionError(FormatError):
    """A blob of a format version that this release does not read."""


# writing: parts[0] is where the header comes


def seal(type: int, count: int, parts: list[bytes], since: int = 1) -> bytes:
    """The blob of these parts. since: the version of what is in it, if that is newer than such blobs are."""
    if count > MAX_COUNT:
        raise ValueError(f"{count} is more than the {MAX_COUNT} that a blob takes")
    version = max(since, _SINCE.get(type, 1))
    header = _HEADER.pack(_MAGIC, version, 0, type, count)
    parts[0] = header[_CHECKED_FROM:]
    body = b"".join(parts)
    return _HEADER.pack(_MAGIC, version, zlib.crc32(body), type, count)[:_CHECKED_FROM] + body


def put_property(parts: list[bytes], sparse: Sparse, kind: Kind, events: int, config: Any) -> None:
    """A property of that kind over `events` events."""
    count = len(sparse.positions)
    values = np.ascontiguousarray(sparse.values, kind.dtype)
    if len(values) != count or count > events:
        raise ValueError(f"{len(values)} values at {count} positions of {events} events")
    nulls = sparse.valid is not None and not sparse.valid.all()
    flags = (_EVERY if count == events else 0) | (_NULLS if nulls else 0)
    parts.append(_PROPERTY.pack(kind.code, flags, count))
    if count < events:
        put(parts, np.ascontiguousarray(sparse.positions, _INT32), _PLACES)
    if nulls:
        assert sparse.valid is not None
        put(parts, sparse.valid.astype(_UINT8), config)
        values = values[sparse.valid]
    put(parts, values, config)


def put(parts: list[bytes], numbers: Array, config: Any) -> None:
    """A vector, as small as pcodec makes it with that configuration; None: as it is."""
    codec, payload = _RAW, b""
    if numbers.nbytes > MOST_BYTES:
        raise ValueError(f"{len(numbers)} events of one object are more than a blob takes")
    if len(numbers) >= SMALL and config is not None:
        codec, payload = _PCO, standalone.simple_compress(numbers, config)
    if codec == _RAW or len(payload) >= numbers.nbytes or len(numbers) > _most_numbers(len(payload)):
        codec, payload = _RAW, _little_endian(numbers).tobytes()
    parts.append(_VECTOR.pack(codec, len(payload)))
    parts.append(payload)


def raw(letter: str, numbers: list[Any]) -> bytes:
    """A vector that is not compressed; letter: struct's for the type of its numbers."""
    count = len(numbers)
    return struct.pack(f"<BI{count}{letter}", _RAW, count * _SIZES[letter], *numbers)


def put_bytes(parts: list[bytes], data: bytes) -> None:
    """A vector of uint8, as small as zlib makes it."""
    codec, payload = _RAW, data
    if len(data) <= _MOST_INFLATED and len(packed := zlib.compress(data, _TEXT_LEVEL)) < len(data):
        codec, payload = _ZLIB, packed
    parts += [_VECTOR.pack(codec, len(payload)), payload]


def put_list(parts: list[bytes], kind: Kind, positions: list[int], values: list[Any], events: int) -> None:
    """The bytes of put_property for the same as lists, with None for NULL, where no vector would be compressed."""
    count = len(positions)
    nulls = kind is not TEXT and None in values
    flags = (_EVERY if count == events else 0) | (_NULLS if nulls else 0)
    parts.append(_PROPERTY.pack(kind.code, flags, count))
    if count < events:
        parts.append(raw("i", positions))
    if nulls:
        parts.append(raw("B", [value is not None for value in values]))
        values = [value for value in values if value is not None]
    parts.append(raw(kind.letter, values))


def _little_endian(numbers: Array) -> Array:
    return numbers if sys.byteorder == "little" else numbers.byteswap()


def size_of_raw(count: int, dtype: np.dtype[Any]) -> int:
    """The bytes of a blob that is one vector of `count` numbers, not compressed."""
    return _HEADER.size + _VECTOR.size + count * dtype.itemsize


OfCode: TypeAlias = Callable[[int], Kind | None]
"""Tells the kind of a number in stored bytes, if there is one."""


class BlobReader:
    """A checked blob, and how far it has been read."""

    __slots__ = ("_at", "_data", "_of_code", "_since", "_version", "count")

    def __init__(self, data: Any, type: int, of_code: OfCode | None = None) -> None:
        """of_code: the kinds of an engine's own. Those of skysql are the format's, whatever kinds an engine has."""
        try:
            view = self._data = memoryview(data).cast("B")
        except TypeError:
            raise FormatError(f"{data.__class__.__name__}, not bytes") from None
        if len(view) < _HEADER.size:
            raise FormatError(f"{len(view)} bytes, fewer than a header")
        magic, version, crc, found, count = _HEADER.unpack_from(view)
        if magic != _MAGIC:
            raise FormatError(f"begins with {magic.hex()}, not with the magic bytes {_MAGIC.hex()}")
        if version > VERSION:
            raise NewerVersionError(f"of format version {version}; versions up to {VERSION} are read")
        self._version, self._since = version, _SINCE.get(found, 1)
        if version != self._since and (version != _KINDS_SINCE or found not in (SPARSE, BATCH, CASTS)):
            raise FormatError(f"of format version {version}, which has no such blobs")
        if zlib.crc32(view[_CHECKED_FROM:]) != crc:
            raise FormatError("the checksum is wrong")
        if found != type:
            raise FormatError(f"of type {found}, not {type}")
        if count > MAX_COUNT:
            raise FormatError(f"{count} is more than the {MAX_COUNT} that a blob takes")
        self.count: int = count
        self._at = _HEADER.size
        self._of_code = of_code

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        """The next fields."""
        at = self._at
        self._at = at + layout.size
        if self._at > len(self._data):
            raise FormatError("ends too early")
        return layout.unpack_from(self._data, at)

    def vector(self, count: int, dtype: np.dtype[Any]) -> Array:
        """The next vector, of `count` numbers."""
        codec, size = self.unpack(_VECTOR)
        payload = self._data[self._at : self._at + size]
        self._at += size
        if len(payload) != size:
            raise FormatError("ends too early")
        if codec == _PCO:
            return _decompress(payload, count, dtype)
        if codec == _ZLIB and dtype == _UINT8:
            return _inflate(payload, count)
        if codec != _RAW:
            raise FormatError(f"the unknown codec {codec}")
        if size != count * dtype.itemsize:
            raise FormatError(f"{size} bytes for {count} numbers of {dtype}")
        return _little_endian(np.frombuffer(payload, dtype)).copy()

    def kind(self, code: int) -> Kind | None:
        """The kind of that number, if the version of the blob has it."""
        found = KINDS.of_code(code) or (self._of_code and self._of_code(code))
        if found is None or found.since > self._version:
            return None
        self._since = max(self._since, found.since)
        return found

    def property(self, most: int) -> tuple[Kind, Sparse]:
        """The next property; at most `most` events have a value."""
        code, flags, count = self.unpack(_PROPERTY)
        if count > most:
            raise FormatError(f"{count} values of {most} events")
        kind = self.kind(code)
        if kind is None or flags & ~(_EVERY | _NULLS):
            raise FormatError(f"a property of the unknown type {code} and flags {flags}")
        positions = self._positions(count, bool(flags & _EVERY))
        if not flags & _NULLS:
            return kind, Sparse(positions, self._values(count, kind))
        valid: Bool = self._values(count, BOOLEAN).view(np.bool_)
        values = np.zeros(count, kind.dtype)
        values[valid] = self._values(int(np.count_nonzero(valid)), kind)
        return kind, Sparse(positions, values, valid)

    def _positions(self, count: int, every: bool) -> Int32:
        if every:
            if count != self.count:
                raise FormatError(f"{count} values for each of {self.count} events")
            _fits(count, _INT32)
            return every_event(count)
        positions = self.vector(count, _INT32)
        if count and not (positions[0] >= 0 and positions[-1] < self.count and np.all(positions[1:] > positions[:-1])):
            raise FormatError(f"positions are not increasing and below {self.count}")
        return positions

    def _values(self, count: int, kind: Kind) -> Array:
        values = self.vector(count, kind.dtype)
        fault = kind.fault(values)
        if fault is not None:
            raise FormatError(fault)
        return values

    def finish(self) -> None:
        """Raise FormatError if anything is left, or the version is newer than what was read."""
        if self._version != self._since:
            raise FormatError(f"of format version {self._version}, and nothing in it is")
        if self._at != len(self._data):
            raise FormatError(f"{len(self._data) - self._at} bytes too many")


def code_of(beginning: bytes) -> int | None:
    """The number of a property's kind, of the first bytes of encode_sparse's; None if these are too few."""
    return beginning[_HEADER.size] if len(beginning) > _HEADER.size else None


def every_event(events: int) -> Int32:
    """0, 1, ... events-1 as int32: a read-only view of a shared array unless there are more than its 2^18."""
    if events <= len(_EVERY_EVENT):
        return _EVERY_EVENT[:events]
    return np.arange(events, dtype=np.int32)


def _fits(count: int, dtype: np.dtype[Any]) -> None:
    if count * dtype.itemsize > MOST_BYTES:
        raise FormatError(f"{count} numbers are more than a vector has")


def _most_numbers(size: int) -> int:
    """How many numbers that many bytes of pcodec's may hold."""
    return size // _CHUNK_BYTES * _CHUNK_NUMBERS


def _decompress(payload: memoryview, count: int, dtype: np.dtype[Any]) -> Array:
    if count > _most_numbers(len(payload)):
        raise FormatError(f"{len(payload)} bytes cannot hold {count} numbers")
    _fits(count, dtype)
    numbers = np.empty(count, dtype)
    try:
        progress = standalone.simple_decompress_into(bytes(payload), numbers)
    except (RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"a vector does not decompress: {error}") from None
    if progress.n_processed != count or not progress.finished:
        raise FormatError(f"a vector does not hold {count} numbers")
    return numbers


def _inflate(payload: memoryview, count: int) -> Array:
    """uint8[count] of a zlib stream."""
    if count > _MOST_INFLATED:
        raise FormatError(f"{count} bytes are more than a zlib stream has")
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(payload, count + 1)
    except zlib.error as error:
        raise FormatError(f"a vector does not decompress: {error}") from None
    if len(found) != count or not stream.eof or stream.unused_data:
        raise FormatError(f"a vector does not hold {count} numbers")
    return np.frombuffer(found, _UINT8)
