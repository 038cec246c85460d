"""The bytes of a block's columns and of a log batch: the only place where bytes are laid out. Pure functions.

All integers are little-endian. A blob is a header and one body:

    offset  size
    0       3     magic    "sky"
    3       1     version  the first that has such blobs: 2 for casts, 3 for types 6 to 8, 4 for 9, 1 for all others;
                           4 if there is a property of a kind from 5 on in it
    4       4     crc      CRC-32 (IEEE 802.3, as zlib's) of every byte from offset 8 to the end
    8       1     type     1 paths, 2 timestamps, 3 sparse, 4 batch, 5 casts, 6 texts, 7 hashes, 8 chunk, 9 changes
    9       4     count    of objects in paths and changes, of values in casts, of codes in types 6 to 8, else of events
    13      ...   body

    paths      := vector int64[count] objects, vector uint32[count] events of each object
    timestamps := vector int64[count], microseconds since 1970-01-01 UTC
    sparse     := property
    batch      := uint16 properties, vector int64[count] objects, vector int64[count] timestamps,
                  then for each property: uint16 id, property
    casts      := uint8 kind, vector kind[count] values, strictly increasing, vector uint32[count] codes, not 0

    texts      := vector uint32[count] sizes, uint64 bytes, vector uint8[bytes] the texts of a chunk's codes, UTF-8,
                  one after the other; a size is one more than the text has bytes, or 0 if the text was dropped
    hashes     := vector uint32[count], the CRC-32 of each text's bytes, 1 in place of 0; 0 if the text was dropped
    chunk      := uint32 left, how many of the texts were not dropped
    changes    := int64 before, int64 after, uint32 batches, vector int64[batches] stamps,
                  vector int64[count] objects, strictly increasing, vector uint32[count] last, at most `batches`

    property   := uint8 kind     1 TEXT, 2 INTEGER, 3 REAL, 4 BOOLEAN, 5 TIMESTAMP, 16 + s DECIMAL of s digits
                  uint8 flags    1 EVERY: every event has a value, no positions follow; 2 NULLS: `known` follows
                  uint32 m       how many events have a value
                  vector int32[m] positions    unless EVERY; strictly increasing, below the header's count
                  vector uint8[m] known        if NULLS; 0 where the value is NULL, else 1
                  vector kind[m or, if NULLS, the ones in known] values
                                 TEXT uint32 (codes; 0 is NULL), INTEGER int64, REAL float64, BOOLEAN uint8 (0 or 1),
                                 TIMESTAMP int64 (microseconds), DECIMAL int64 (units of 10 ** -s)

    vector     := uint8 codec    0 raw: the numbers as they are; 1 pco: a standalone pcodec file of them;
                                 2 zlib: a zlib stream of them, of texts only, and of 2^26 bytes at the most
                  uint32 size    of the payload in bytes
                  payload        the length and type of its numbers are known from where it stands

A reader must not depend on: which vectors are pco and which raw; pcodec's modes, levels, delta encodings, pages and
chunks; whether EVERY is used when all events have a value; the order of the properties of a batch; two encodings of
the same arrays being the same bytes. Values under a NULL are not kept: they read as 0.

Version 2 came with the alteration of tables. A property may then be of a type that it had before, in sparse and in
batch; casts tell the code of the text that each of its values became, when it was made TEXT. All else is as of version
1, whose blobs are read and written on.

Version 3 came with chunks of texts: where a property has many, most of its dictionary is kept as such (chunks.py). The
texts of a chunk and their hashes are blobs of their own, as most questions read one of them; and that there is a chunk,
a small blob says in the place of its last text.

Version 4 came with records of which objects the last commits changed (history.py), and with the kinds TIMESTAMP and
DECIMAL.

A worked example, 45 bytes: the property `plan` TEXT STATE in a block of 5 events, changed to the text of code 2 at
event 1 and to NULL at event 4; encode_sparse(Sparse(positions=[1, 4], values=[2, 0]), TEXT, 5).

    73 6b 79 01 d9 49 7b de 03 05 00 00 00               sky, version 1, crc, sparse, 5 events
    01 00 02 00 00 00                                    TEXT, no flags, 2 events have a value
    00 08 00 00 00 01 00 00 00 04 00 00 00               raw, 8 bytes: positions 1, 4
    00 08 00 00 00 02 00 00 00 00 00 00 00               raw, 8 bytes: codes 2, 0

A decoder trusts nothing: the checksum comes first, no byte is read outside of the blob, and no array is made larger
than a blob of that size can hold. A fault is a FormatError that says what is wrong; where it is, the caller knows.
What this module is not: it opens no file and keeps no state; it does not check the order of objects or timestamps in
a batch, or the texts behind codes, which are the writer's promise.

pcodec (https://github.com/pcodec/pcodec, "pco: better compression for numerical sequences", arXiv 2502.06112) is the
one codec: `python -m bench.codecs` prints why.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone

from ..arrays.batch import Batch, Lists, Sparse
from ..model.dtypes import Array, Bool, Int32, Int64
from ..model.kinds import BOOLEAN, KINDS, TEXT, Kind

VERSION: Final = 4
"""The version of the format that is written, and the newest that is read."""

MAX_COUNT: Final = (1 << 31) - 1
"""Events, or objects, a blob has at the most: a position is an int32."""

BLOCK_EVENTS: Final = 1 << 18
"""Events of a block, unless it is of one path alone."""

BATCH_EVENTS: Final = 1 << 17
"""Events of a batch: more are blocks at once."""

_MAGIC = b"sky"
_PATHS, _TIMESTAMPS, _SPARSE, _BATCH, _CASTS, _TEXTS, _HASHES, _CHUNK, _CHANGES = 1, 2, 3, 4, 5, 6, 7, 8, 9
_SINCE = {_CASTS: 2, _TEXTS: 3, _HASHES: 3, _CHUNK: 3, _CHANGES: 4}
CHUNKS_SINCE: Final = 3
"""The version that chunks of texts came with."""

_KINDS_SINCE = 4  # kinds from 5 on

_RAW, _PCO, _ZLIB = 0, 1, 2
_EVERY, _NULLS = 1, 2

_HEADER = struct.Struct("<3sBIBI")
BEGINNING: Final = _HEADER.size + 1
"""The bytes at the beginning of a property of a block that tell its type: see `code_of`."""

_CHECKED_FROM = 8
_PROPERTY = struct.Struct("<BBI")
_VECTOR = struct.Struct("<BI")
_CHAIN = struct.Struct("<qqI")
_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")
_U16 = struct.Struct("<H")
_U8 = struct.Struct("<B")

_INT64, _INT32, _UINT32, _UINT8 = (np.dtype(t) for t in (np.int64, np.int32, np.uint32, np.uint8))
_SIZES = {letter: struct.calcsize(f"<{letter}") for letter in "BIidq"}

_SMALL = 128
"""A vector of fewer numbers is raw: to compress it would take longer than it is worth, for a commit of few events."""

_CHUNK_NUMBERS, _CHUNK_BYTES = 1 << 18, 8
"""pcodec packs so many numbers as one chunk, of more bytes than these even if all are equal: no vector holds more."""

MOST_BYTES: Final = 1 << 30
"""A vector takes no more memory than this: equal numbers are packed so well that a short blob could claim any."""

_TEXT_LEVEL = 3
"""Of zlib: level 6 makes texts 6 % smaller, and takes twice the time."""

_MOST_INFLATED = 1 << 26
"""Zeros are packed a thousandfold: who claims more than this has to bring it."""

_TIMES = ChunkConfig(8, delta_spec=DeltaSpec.try_consecutive(1))
_PLACES = ChunkConfig(8, delta_spec=DeltaSpec.try_consecutive(1), mode_spec=ModeSpec.classic())
_VALUES = ChunkConfig(8, enable_8_bit=True)
_ASCENDING = ChunkConfig(4, delta_spec=DeltaSpec.try_consecutive(1))
_LOG = ChunkConfig(4, enable_8_bit=True)  # the log is soon rewritten as blocks: time counts more than size

_EVERY_EVENT = np.arange(1 << 18, dtype=np.int32)
_EVERY_EVENT.flags.writeable = False


class FormatError(ValueError):
    """Bytes that are not a blob of this format; the message says what is wrong with them, not where they lie."""


class NewerVersionError(FormatError):
    """A blob of a format version that this release does not read."""


def encode_paths(objects: Int64, starts: Int64) -> bytes:
    """The paths of a block.

    objects: int64[k], strictly increasing, from 1. starts: int64[k+1], strictly increasing from 0: the path of
    objects[i] is the events starts[i] ... starts[i+1] - 1. Raises ValueError if they are too many.
    """
    if int(starts[-1]) > most_events(len(objects)):
        raise ValueError(f"{int(starts[-1])} events of {len(objects)} objects are more than a block has")
    parts = [b""]
    _put(parts, np.ascontiguousarray(objects, _INT64), _VALUES)
    _put(parts, np.diff(starts).astype(_UINT32), _VALUES)
    return _seal(_PATHS, len(objects), parts)


def decode_paths(data: Any) -> tuple[Int64, Int64]:
    """(objects int64[k], starts int64[k+1]) of encode_paths, owned by the caller; raises FormatError."""
    reader = _Reader(data, _PATHS)
    if reader.count > BLOCK_EVENTS:
        raise FormatError(f"{reader.count} paths, more than a block has events")
    objects = reader.vector(reader.count, _INT64)
    lengths = reader.vector(reader.count, _UINT32)
    reader.finish()
    starts = np.zeros(reader.count + 1, _INT64)
    np.cumsum(lengths, out=starts[1:])
    if reader.count and not (objects[0] >= 1 and np.all(objects[1:] > objects[:-1])):
        raise FormatError("object ids are not positive and increasing")
    if starts[-1] > most_events(reader.count) or not np.all(lengths):
        raise FormatError("a path is empty, or the paths are too long")
    return objects, starts


def most_events(paths: int) -> int:
    """The most events that a block with this many paths may have."""
    return MOST_BYTES // _INT64.itemsize if paths == 1 else BLOCK_EVENTS


def encode_timestamps(ts: Int64, starts: Int64) -> bytes:
    """The timestamps of a block: ts int64[n], microseconds UTC, non-decreasing within a path of starts int64[k+1].

    pcodec stores the gap between each two; a path's first one reaches back to the end of the path before it, which
    costs nothing over storing it apart and lets one running sum decode them all.
    """
    if len(ts) != int(starts[-1]):
        raise ValueError(f"{len(ts)} timestamps for paths of {int(starts[-1])} events")
    parts = [b""]
    _put(parts, np.ascontiguousarray(ts, _INT64), _TIMES)
    return _seal(_TIMESTAMPS, len(ts), parts)


def decode_timestamps(data: Any, starts: Int64) -> Int64:
    """int64[n] of encode_timestamps, owned by the caller; raises FormatError, also if n is not that of `starts`."""
    reader = _Reader(data, _TIMESTAMPS)
    if reader.count != int(starts[-1]):
        raise FormatError(f"{reader.count} timestamps for paths of {int(starts[-1])} events")
    ts = reader.vector(reader.count, _INT64)
    reader.finish()
    return ts


def encode_sparse(sparse: Sparse, kind: Kind, events: int) -> bytes:
    """A property of that kind in a block of so many events."""
    parts = [b""]
    _put_property(parts, sparse, kind, events, _VALUES)
    return _seal(_SPARSE, events, parts, kind.since)


def decode_sparse(data: Any, kind: Kind, events: int, most: int | None = None) -> Sparse:
    """The property of encode_sparse; raises FormatError, also if it has another kind or number of events.

    most: so many events may have a value, if not all.
    If every event has a value, the positions may be a read-only array that all such properties share.
    """
    return decode_typed(data, (kind,), events, most)[1]


def decode_typed(data: Any, kinds: Sequence[Kind], events: int, most: int | None = None) -> tuple[Kind, Sparse]:
    """The same of a property that may be of any of these kinds, the first of which is expected; and which it is of."""
    reader = _Reader(data, _SPARSE)
    if reader.count != events:
        raise FormatError(f"a property over {reader.count} events in a block of {events}")
    found, sparse = reader.property(events if most is None else most)
    kind = next((kind for kind in kinds if kind.code == found.code), None)
    if kind is None:
        raise FormatError(f"a property of type {found} where {kinds[0]} was expected")
    reader.finish()
    return kind, sparse


def code_of(beginning: bytes) -> int | None:
    """The number of a property's kind, of the first bytes of encode_sparse's; None if these are too few."""
    return beginning[_HEADER.size] if len(beginning) > _HEADER.size else None


def encode_casts(values: Array, codes: Array, kind: Kind) -> bytes:
    """The code of the text that each value has become; values: distinct and ascending, of that kind."""
    parts = [b"", bytes([kind.code])]
    _put(parts, np.ascontiguousarray(values, kind.dtype), _VALUES)
    _put(parts, np.ascontiguousarray(codes, _UINT32), _VALUES)
    return _seal(_CASTS, len(values), parts, kind.since)


def decode_casts(data: Any) -> tuple[Array, Array]:
    """(values, codes) of encode_casts, owned by the caller; raises FormatError."""
    reader = _Reader(data, _CASTS)
    (code,) = reader.unpack(_U8)
    kind = reader.kind(code)
    if kind is None or kind is TEXT:
        raise FormatError(f"casts from the impossible type {code}")
    values = reader.vector(reader.count, kind.dtype)
    codes = reader.vector(reader.count, _UINT32)
    reader.finish()
    if not np.all(values[1:] > values[:-1]) or not np.all(codes):
        raise FormatError("values are not increasing, or a code is 0")
    return values, codes


def encode_texts(texts: Sequence[bytes | None]) -> bytes:
    """The texts of a chunk, in UTF-8; None for one that was dropped. Raises ValueError if they are too long."""
    sizes = np.fromiter((0 if text is None else len(text) + 1 for text in texts), np.int64, len(texts))
    joined = b"".join(filter(None, texts))
    if len(joined) > MOST_BYTES:
        raise ValueError(f"{len(joined)} bytes of texts are more than a blob takes")
    parts = [b""]
    _put(parts, sizes.astype(_UINT32), _VALUES)
    parts.append(_U64.pack(len(joined)))
    codec, payload = _RAW, joined
    if len(joined) <= _MOST_INFLATED and len(packed := zlib.compress(joined, _TEXT_LEVEL)) < len(joined):
        codec, payload = _ZLIB, packed
    parts += [_VECTOR.pack(codec, len(payload)), payload]
    return _seal(_TEXTS, len(texts), parts)


def decode_texts(data: Any) -> tuple[bytes, Int64, Bool]:
    """(the texts' bytes, where each begins int64[n+1], which were not dropped bool[n]); raises FormatError.

    Each text is UTF-8.
    """
    reader = _Reader(data, _TEXTS)
    sizes = reader.vector(reader.count, _UINT32)
    (size,) = reader.unpack(_U64)
    if size > MOST_BYTES:
        raise FormatError(f"{size} bytes are more than a vector has")
    joined = reader.vector(size, _UINT8).tobytes()
    reader.finish()
    known = sizes > 0
    starts = np.zeros(reader.count + 1, _INT64)
    np.cumsum(sizes.astype(_INT64) - known, out=starts[1:])
    if int(starts[-1]) != size:
        raise FormatError(f"texts of {int(starts[-1])} bytes, and {size} bytes")
    try:
        joined.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"the texts are no UTF-8: {error}") from None
    inside = np.frombuffer(joined, _UINT8)[starts[:-1][starts[:-1] < size]]
    if np.any(inside & 0xC0 == 0x80):
        raise FormatError("a text begins inside of a character")
    return joined, starts, known


def encode_hashes(hashes: Array) -> bytes:
    """The hashes of a chunk's texts: uint32[n], see `hash_of`; 0 where the text was dropped."""
    parts = [b""]
    _put(parts, np.ascontiguousarray(hashes, _UINT32), None)
    return _seal(_HASHES, len(hashes), parts)


def decode_hashes(data: Any) -> Array:
    """uint32[n] of encode_hashes, owned by the caller; raises FormatError."""
    reader = _Reader(data, _HASHES)
    hashes = reader.vector(reader.count, _UINT32)
    reader.finish()
    return hashes


def size_of_hashes(count: int) -> int:
    """How many bytes encode_hashes makes of so many: a reader may believe in no more texts than have a hash."""
    return _HEADER.size + _VECTOR.size + count * _UINT32.itemsize


def hash_of(text: bytes) -> int:
    """The hash of a text by its UTF-8, which is not 0."""
    return zlib.crc32(text) or 1


def encode_chunk(count: int, left: int) -> bytes:
    """That there is a chunk of so many codes, and how many of its texts were not dropped."""
    return _seal(_CHUNK, count, [b"", _U32.pack(left)])


def decode_chunk(data: Any) -> tuple[int, int]:
    """(count, left) of encode_chunk; raises FormatError."""
    reader = _Reader(data, _CHUNK)
    (left,) = reader.unpack(_U32)
    reader.finish()
    if left > reader.count or not reader.count:
        raise FormatError(f"{left} texts of {reader.count} codes")
    return reader.count, left


@dataclass(frozen=True, slots=True, eq=False)
class ChangedObjects:
    """A record of what changed between two stamps of the set of runs: see history.py.

    batches: int64[b], the stamps of batches that were in the log before and are not after. objects: int64[n],
    ascending. last: uint32[n], the place of the last of the batches that changed the object, or b if it was another.
    """

    before: int
    after: int
    batches: Int64
    objects: Int64
    last: Array


def encode_changes(changes: ChangedObjects) -> bytes:
    """A record of changes."""
    parts = [b"", _CHAIN.pack(changes.before, changes.after, len(changes.batches))]
    _put(parts, np.ascontiguousarray(changes.batches, _INT64), None)
    _put(parts, np.ascontiguousarray(changes.objects, _INT64), _ASCENDING)
    _put(parts, np.ascontiguousarray(changes.last, _UINT32), _LOG)
    return _seal(_CHANGES, len(changes.objects), parts)


def decode_changes(data: Any) -> ChangedObjects:
    """The record of encode_changes, its arrays owned by the caller; raises FormatError."""
    reader = _Reader(data, _CHANGES)
    before, after, batches = reader.unpack(_CHAIN)
    stamps = reader.vector(batches, _INT64)
    objects, last = reader.vector(reader.count, _INT64), reader.vector(reader.count, _UINT32)
    reader.finish()
    if not np.all(objects[1:] > objects[:-1]) or (len(objects) and objects[0] < 1) or last.max(initial=0) > batches:
        raise FormatError("objects do not increase from 1 on, or were changed by a batch that is none")
    return ChangedObjects(before, after, stamps, objects, last)


def encode_positions(positions: Int64, events: int) -> bytes:
    """Positions of events, ascending, in a block of so many: a property that has the value 1 there."""
    return encode_sparse(Sparse(positions.astype(np.int32), np.ones(len(positions), np.uint8)), BOOLEAN, events)


def decode_positions(data: Any, events: int, most: int | None = None) -> Int64:
    """The positions of encode_positions, which are some, and no more than `most`; raises FormatError."""
    positions = decode_sparse(data, BOOLEAN, events, most=most).positions
    if not len(positions):
        raise FormatError("no events are listed")
    return positions.astype(np.int64)


def encode_batch(batch: Batch | Lists, kinds: Mapping[int, Kind]) -> bytes:
    """Events in order of arrival; kinds: property id -> kind, of at least the batch's properties.

    Raises ValueError if they are too many.
    """
    if len(batch) > BATCH_EVENTS:
        raise ValueError(f"{len(batch)} events are more than a batch has")
    if isinstance(batch, Lists):
        if len(batch) < _SMALL:
            return _encode_lists(batch, kinds)
        batch = batch.batch(kinds)
    parts = [b"", _U16.pack(len(batch.properties))]
    _put(parts, np.ascontiguousarray(batch.objects, _INT64), _LOG)
    _put(parts, np.ascontiguousarray(batch.ts, _INT64), _LOG)
    for id, sparse in batch.properties.items():
        parts.append(_U16.pack(id))
        _put_property(parts, sparse, kinds[id], len(batch), _LOG)
    return _seal(_BATCH, len(batch), parts, _since(batch.properties, kinds))


def _since(properties: Iterable[int], kinds: Mapping[int, Kind]) -> int:
    """The first version that has all of these."""
    return max((kinds[id].since for id in properties), default=1)


def _encode_lists(batch: Lists, kinds: Mapping[int, Kind]) -> bytes:
    """The bytes of the same events as arrays, none of which would be compressed."""
    n = len(batch)
    parts = [b"", _U16.pack(len(batch.properties)), _raw("q", batch.objects), _raw("q", batch.ts)]
    for id, (positions, values) in batch.properties.items():
        kind, count = kinds[id], len(positions)
        nulls = kind is not TEXT and None in values
        flags = (_EVERY if count == n else 0) | (_NULLS if nulls else 0)
        parts.append(_U16.pack(id) + _PROPERTY.pack(kind.code, flags, count))
        if count < n:
            parts.append(_raw("i", positions))
        if nulls:
            parts.append(_raw("B", [value is not None for value in values]))
            values = [value for value in values if value is not None]
        parts.append(_raw(kind.letter, values))
    return _seal(_BATCH, n, parts, _since(batch.properties, kinds))


def decode_batch(data: Any) -> Batch:
    """The batch of encode_batch, its arrays owned by the caller but for positions as in decode_sparse.

    Raises FormatError.
    """
    return decode_typed_batch(data)[0]


def decode_typed_batch(data: Any) -> tuple[Batch, dict[int, Kind]]:
    """The same, and the kind of each of its properties."""
    reader = _Reader(data, _BATCH)
    if reader.count > BATCH_EVENTS:
        raise FormatError(f"{reader.count} events, more than a batch has")
    (count,) = reader.unpack(_U16)
    objects = reader.vector(reader.count, _INT64)
    ts = reader.vector(reader.count, _INT64)
    properties: dict[int, Sparse] = {}
    kinds: dict[int, Kind] = {}
    for _ in range(count):
        (id,) = reader.unpack(_U16)
        if id in properties:
            raise FormatError(f"property {id} is there twice")
        kinds[id], properties[id] = reader.property(reader.count)
    reader.finish()
    return Batch(objects, ts, properties), kinds


# writing: parts[0] is where the header comes


def _seal(type: int, count: int, parts: list[bytes], since: int = 1) -> bytes:
    """since: the version of what is in it, if that is newer than such blobs are."""
    if count > MAX_COUNT:
        raise ValueError(f"{count} is more than the {MAX_COUNT} that a blob takes")
    version = max(since, _SINCE.get(type, 1))
    header = _HEADER.pack(_MAGIC, version, 0, type, count)
    parts[0] = header[_CHECKED_FROM:]
    body = b"".join(parts)
    return _HEADER.pack(_MAGIC, version, zlib.crc32(body), type, count)[:_CHECKED_FROM] + body


def _put_property(parts: list[bytes], sparse: Sparse, kind: Kind, events: int, config: Any) -> None:
    count = len(sparse.positions)
    values = np.ascontiguousarray(sparse.values, kind.dtype)
    if len(values) != count or count > events:
        raise ValueError(f"{len(values)} values at {count} positions of {events} events")
    nulls = sparse.valid is not None and not sparse.valid.all()
    flags = (_EVERY if count == events else 0) | (_NULLS if nulls else 0)
    parts.append(_PROPERTY.pack(kind.code, flags, count))
    if count < events:
        _put(parts, np.ascontiguousarray(sparse.positions, _INT32), _PLACES)
    if nulls:
        assert sparse.valid is not None
        _put(parts, sparse.valid.astype(_UINT8), config)
        values = values[sparse.valid]
    _put(parts, values, config)


def _put(parts: list[bytes], numbers: Array, config: Any) -> None:
    codec, payload = _RAW, b""
    if numbers.nbytes > MOST_BYTES:
        raise ValueError(f"{len(numbers)} events of one object are more than a blob takes")
    if len(numbers) >= _SMALL and config is not None:
        codec, payload = _PCO, standalone.simple_compress(numbers, config)
    if codec == _RAW or len(payload) >= numbers.nbytes or len(numbers) > _most_numbers(len(payload)):
        codec, payload = _RAW, _little_endian(numbers).tobytes()
    parts.append(_VECTOR.pack(codec, len(payload)))
    parts.append(payload)


def _raw(letter: str, numbers: list[Any]) -> bytes:
    """A vector that is not compressed; letter: struct's for the type of its numbers."""
    count = len(numbers)
    return struct.pack(f"<BI{count}{letter}", _RAW, count * _SIZES[letter], *numbers)


def _little_endian(numbers: Array) -> Array:
    return numbers if sys.byteorder == "little" else numbers.byteswap()


class _Reader:
    """A checked blob, and how far it has been read."""

    __slots__ = ("_at", "_data", "_since", "_version", "count")

    def __init__(self, data: Any, type: int) -> None:
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
        if version != self._since and (version != _KINDS_SINCE or found not in (_SPARSE, _BATCH, _CASTS)):
            raise FormatError(f"of format version {version}, which has no such blobs")
        if zlib.crc32(view[_CHECKED_FROM:]) != crc:
            raise FormatError("the checksum is wrong")
        if found != type:
            raise FormatError(f"of type {found}, not {type}")
        if count > MAX_COUNT:
            raise FormatError(f"{count} is more than the {MAX_COUNT} that a blob takes")
        self.count: int = count
        self._at = _HEADER.size

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        """The next fields."""
        at = self._at
        self._at = at + layout.size
        if self._at > len(self._data):
            raise FormatError("ends too early")
        return layout.unpack_from(self._data, at)

    def vector(self, count: int, dtype: np.dtype[Any]) -> Array:
        """The next vector, of so many numbers."""
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
        found = KINDS.of_code(code)
        if found is None or found.since > self._version:
            return None
        self._since = max(self._since, found.since)
        return found

    def property(self, most: int) -> tuple[Kind, Sparse]:
        """The next property; so many events may have a value."""
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
