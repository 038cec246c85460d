"""The bytes of a block's columns and of a log batch, a blob each. Pure functions, which lay them out by blob.py's.

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
                  one after the other; a size is one more than the text has bytes, or 0 if the text was cleared
    hashes     := vector uint32[count], the CRC-32 of each text's bytes, 1 in place of 0; 0 if the text was cleared
    chunk      := uint32 left, how many of the texts were not cleared
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
the same arrays being the same bytes. Values under a NULL are not stored: they read as 0.

Version 2 came with the alteration of tables. A property may then be of a type that it had before, in sparse and in
batch; casts tell the code of the text that each of its values became, when it was made TEXT. Everything else is as in
version 1, whose blobs are still read and written.

Version 3 came with chunks of texts: where a property has many, most of its dictionary is stored as chunks (chunks.py).
The texts of a chunk and their hashes are blobs of their own, as most questions read one of them. A small blob, in the
place of the chunk's last text, says that there is a chunk.

Version 4 came with records of which objects the last commits changed (history.py), and with the kinds TIMESTAMP and
DECIMAL.

A worked example, 45 bytes: the property `plan` TEXT STATE in a block of 5 events, changed to the text of code 2 at
event 1 and to NULL at event 4; encode_sparse(Sparse(positions=[1, 4], values=[2, 0]), TEXT, 5).

    73 6b 79 01 d9 49 7b de 03 05 00 00 00               sky, version 1, crc, sparse, 5 events
    01 00 02 00 00 00                                    TEXT, no flags, 2 events have a value
    00 08 00 00 00 01 00 00 00 04 00 00 00               raw, 8 bytes: positions 1, 4
    00 08 00 00 00 02 00 00 00 00 00 00 00               raw, 8 bytes: codes 2, 0

What this module is not: it opens no file and keeps no state; it does not check the order of objects or timestamps in
a batch, or the texts behind codes, which are the writer's promise.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..arrays.batch import Batch, Lists, Sparse
from ..model.dtypes import Array, Bool, Int64
from ..model.kinds import BOOLEAN, TEXT, Kind
from . import blob
from .blob import BlobReader, FormatError, OfCode, put, put_property, seal

BLOCK_EVENTS: Final = 1 << 18
"""Events of a block, unless it is of one path alone."""

BATCH_EVENTS: Final = 1 << 17
"""Events of a batch: more are blocks at once."""

_CHAIN = struct.Struct("<qqI")
_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")
_U16 = struct.Struct("<H")
_U8 = struct.Struct("<B")

_INT64, _UINT32, _UINT8 = (np.dtype(t) for t in (np.int64, np.uint32, np.uint8))


def encode_paths(objects: Int64, starts: Int64) -> bytes:
    """The paths of a block.

    objects: int64[k], strictly increasing, from 1. starts: int64[k+1], strictly increasing from 0: the path of
    objects[i] is the events starts[i] ... starts[i+1] - 1. Raises ValueError if they are too many.
    """
    if int(starts[-1]) > most_events(len(objects)):
        raise ValueError(f"{int(starts[-1])} events of {len(objects)} objects are more than a block has")
    parts = [b""]
    put(parts, np.ascontiguousarray(objects, _INT64), blob.VALUES)
    put(parts, np.diff(starts).astype(_UINT32), blob.VALUES)
    return seal(blob.PATHS, len(objects), parts)


def decode_paths(data: Any) -> tuple[Int64, Int64]:
    """(objects int64[k], starts int64[k+1]) of encode_paths, owned by the caller; raises FormatError."""
    reader = BlobReader(data, blob.PATHS)
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
    return blob.MOST_BYTES // _INT64.itemsize if paths == 1 else BLOCK_EVENTS


def encode_timestamps(ts: Int64, starts: Int64) -> bytes:
    """The timestamps of a block: ts int64[n], microseconds UTC, non-decreasing within a path of starts int64[k+1].

    pcodec stores the gap between each two; a path's first one reaches back to the end of the path before it, which
    costs nothing over storing it apart and lets one running sum decode them all.
    """
    if len(ts) != int(starts[-1]):
        raise ValueError(f"{len(ts)} timestamps for paths of {int(starts[-1])} events")
    parts = [b""]
    put(parts, np.ascontiguousarray(ts, _INT64), blob.TIMES)
    return seal(blob.TIMESTAMPS, len(ts), parts)


def decode_timestamps(data: Any, starts: Int64) -> Int64:
    """int64[n] of encode_timestamps, owned by the caller; raises FormatError, also if n is not that of `starts`."""
    reader = BlobReader(data, blob.TIMESTAMPS)
    if reader.count != int(starts[-1]):
        raise FormatError(f"{reader.count} timestamps for paths of {int(starts[-1])} events")
    ts = reader.vector(reader.count, _INT64)
    reader.finish()
    return ts


def encode_sparse(sparse: Sparse, kind: Kind, events: int) -> bytes:
    """A property of that kind in a block of `events` events."""
    parts = [b""]
    put_property(parts, sparse, kind, events, blob.VALUES)
    return seal(blob.SPARSE, events, parts, kind.since)


def decode_sparse(data: Any, kind: Kind, events: int, most: int | None = None) -> Sparse:
    """The property of encode_sparse; raises FormatError, also if it has another kind or number of events.

    most: how many events may have a value, at the most, if not all have one.
    If every event has a value, the positions may be a read-only array that all such properties share.
    """
    return decode_typed(data, (kind,), events, most)[1]


def decode_typed(data: Any, kinds: Sequence[Kind], events: int, most: int | None = None) -> tuple[Kind, Sparse]:
    """The same of a property that may be of any of these kinds, the first of which is expected; and which it is of."""
    reader = BlobReader(data, blob.SPARSE, lambda code: next((kind for kind in kinds if kind.code == code), None))
    if reader.count != events:
        raise FormatError(f"a property over {reader.count} events in a block of {events}")
    found, sparse = reader.property(events if most is None else most)
    kind = next((kind for kind in kinds if kind.code == found.code), None)
    if kind is None:
        raise FormatError(f"a property of type {found} where {kinds[0]} was expected")
    reader.finish()
    return kind, sparse


def encode_casts(values: Array, codes: Array, kind: Kind) -> bytes:
    """The code of the text that each value has become; values: distinct and ascending, of that kind."""
    parts = [b"", bytes([kind.code])]
    put(parts, np.ascontiguousarray(values, kind.dtype), blob.VALUES)
    put(parts, np.ascontiguousarray(codes, _UINT32), blob.VALUES)
    return seal(blob.CASTS, len(values), parts, kind.since)


def decode_casts(data: Any, of_code: OfCode | None = None) -> tuple[Array, Array]:
    """(values, codes) of encode_casts, owned by the caller; raises FormatError. of_code: kinds that skysql lacks."""
    reader = BlobReader(data, blob.CASTS, of_code)
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
    """The texts of a chunk, in UTF-8; None for one that was cleared. Raises ValueError if they are too long."""
    sizes = np.fromiter((0 if text is None else len(text) + 1 for text in texts), np.int64, len(texts))
    joined = b"".join(filter(None, texts))
    if len(joined) > blob.MOST_BYTES:
        raise ValueError(f"{len(joined)} bytes of texts are more than a blob takes")
    parts = [b""]
    put(parts, sizes.astype(_UINT32), blob.VALUES)
    parts.append(_U64.pack(len(joined)))
    blob.put_bytes(parts, joined)
    return seal(blob.TEXTS, len(texts), parts)


def decode_texts(data: Any) -> tuple[bytes, Int64, Bool]:
    """(the texts' bytes, where each begins int64[n+1], which were not cleared bool[n]); raises FormatError.

    Each text is UTF-8.
    """
    reader = BlobReader(data, blob.TEXTS)
    sizes = reader.vector(reader.count, _UINT32)
    (size,) = reader.unpack(_U64)
    if size > blob.MOST_BYTES:
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
    """The hashes of a chunk's texts: uint32[n], see `hash_of`; 0 where the text was cleared."""
    parts = [b""]
    put(parts, np.ascontiguousarray(hashes, _UINT32), None)
    return seal(blob.HASHES, len(hashes), parts)


def decode_hashes(data: Any) -> Array:
    """uint32[n] of encode_hashes, owned by the caller; raises FormatError."""
    reader = BlobReader(data, blob.HASHES)
    hashes = reader.vector(reader.count, _UINT32)
    reader.finish()
    return hashes


def size_of_hashes(count: int) -> int:
    """How many bytes encode_hashes makes of `count` hashes: a reader believes in no more texts than have a hash."""
    return blob.size_of_raw(count, _UINT32)


def hash_of(text: bytes) -> int:
    """The hash of a text by its UTF-8, which is not 0."""
    return zlib.crc32(text) or 1


def encode_chunk(count: int, left: int) -> bytes:
    """That there is a chunk of `count` codes, and how many of its texts were not cleared."""
    return seal(blob.CHUNK, count, [b"", _U32.pack(left)])


def decode_chunk(data: Any) -> tuple[int, int]:
    """(count, left) of encode_chunk; raises FormatError."""
    reader = BlobReader(data, blob.CHUNK)
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
    put(parts, np.ascontiguousarray(changes.batches, _INT64), None)
    put(parts, np.ascontiguousarray(changes.objects, _INT64), blob.ASCENDING)
    put(parts, np.ascontiguousarray(changes.last, _UINT32), blob.LOG)
    return seal(blob.CHANGES, len(changes.objects), parts)


def decode_changes(data: Any) -> ChangedObjects:
    """The record of encode_changes, its arrays owned by the caller; raises FormatError."""
    reader = BlobReader(data, blob.CHANGES)
    before, after, batches = reader.unpack(_CHAIN)
    stamps = reader.vector(batches, _INT64)
    objects, last = reader.vector(reader.count, _INT64), reader.vector(reader.count, _UINT32)
    reader.finish()
    if not np.all(objects[1:] > objects[:-1]) or (len(objects) and objects[0] < 1) or last.max(initial=0) > batches:
        raise FormatError("objects do not increase from 1 on, or were changed by a batch that is none")
    return ChangedObjects(before, after, stamps, objects, last)


def encode_positions(positions: Int64, events: int) -> bytes:
    """Positions of events, ascending, in a block of `events`: stored as a property that has the value 1 there."""
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
        if len(batch) < blob.SMALL:
            return _encode_lists(batch, kinds)
        batch = batch.batch(kinds)
    parts = [b"", _U16.pack(len(batch.properties))]
    put(parts, np.ascontiguousarray(batch.objects, _INT64), blob.LOG)
    put(parts, np.ascontiguousarray(batch.ts, _INT64), blob.LOG)
    for id, sparse in batch.properties.items():
        parts.append(_U16.pack(id))
        put_property(parts, sparse, kinds[id], len(batch), blob.LOG)
    return seal(blob.BATCH, len(batch), parts, _since(batch.properties, kinds))


def _since(properties: Iterable[int], kinds: Mapping[int, Kind]) -> int:
    """The first version that has all of these."""
    return max((kinds[id].since for id in properties), default=1)


def _encode_lists(batch: Lists, kinds: Mapping[int, Kind]) -> bytes:
    """The bytes of the same events as arrays, none of which would be compressed."""
    n = len(batch)
    parts = [b"", _U16.pack(len(batch.properties)), blob.raw("q", batch.objects), blob.raw("q", batch.ts)]
    for id, (positions, values) in batch.properties.items():
        parts.append(_U16.pack(id))
        blob.put_list(parts, kinds[id], positions, values, n)
    return seal(blob.BATCH, n, parts, _since(batch.properties, kinds))


def decode_batch(data: Any) -> Batch:
    """The batch of encode_batch, its arrays owned by the caller but for positions as in decode_sparse.

    Raises FormatError.
    """
    return decode_typed_batch(data)[0]


def decode_typed_batch(data: Any, of_code: OfCode | None = None) -> tuple[Batch, dict[int, Kind]]:
    """The same, and the kind of each of its properties. of_code: kinds that skysql lacks."""
    reader = BlobReader(data, blob.BATCH, of_code)
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


