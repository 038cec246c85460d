"""The bytes of a log batch and of a block's columns. Pure functions; the only place where bytes are laid out.

Every blob is a header and sections, all little-endian:

     0      3 4      5      6     8            12          16
    +--------+------+------+-----+------------+-----------+----------- - -
    | "SKY"  | type | ver. | sections | events | CRC-32    | sections
    +--------+------+------+-----+------------+-----------+----------- - -
      3 bytes  u8     u8 0   u16   u32          u32

    type      'P' paths, 'T' timestamps, 'S' a property, 'B' a log batch
    version   1; a reader refuses larger ones (byte 5 is 0)
    CRC-32    of all other bytes of the blob: the 12 before it, and those after it

    section:
     0       1       2     4          8          12
    +-------+-------+-----+----------+----------+---------- - -
    | codec | dtype | tag | count    | length   | payload
    +-------+-------+-----+----------+----------+---------- - -
      u8      u8      u16   u32        u32        `length` bytes

    codec     0 raw, the array's own bytes; 1 pcodec; 2 bits, least significant first; 3 the numbers 0 ... count-1,
              without payload; 4 ascending numbers by pcodec, as gaps
    dtype     0 uint8, 1 uint16, 2 uint32, 3 int64, 4 float64, 5 bool, 6 int32
    tag       in a batch, the property's id, and 0xFFFF and 0xFFFE for objects and timestamps; else 0

    paths       object ids (ascending, codec 4) and path lengths
    timestamps  the gaps between neighbours, the first from 0; they are negative only where a path begins
    property    positions, values, and, where some are NULL, which are not
    batch       objects, timestamps, and for each property the three sections of a property

Worked example: a batch of one event, object 1 at microsecond 2, whose action has code 3, is these 84 bytes:

    53 4b 59 42 01 00 04 00 01 00 00 00 9d ab 38 27               SKY B, version 1, 4 sections, 1 event, CRC
    00 03 ff ff 01 00 00 00 08 00 00 00 01 00 00 00 00 00 00 00   objects: raw int64
    00 03 fe ff 01 00 00 00 08 00 00 00 02 00 00 00 00 00 00 00   timestamps: raw int64
    03 06 00 00 01 00 00 00 00 00 00 00                           property 0: at all events
    00 02 00 00 01 00 00 00 04 00 00 00 03 00 00 00               its values: raw uint32

A reader must not depend on which codec a writer chose for a section, nor on the dtype in which codes or lengths were
stored, nor on sections being of any minimal size. It may depend on the order of sections.

Short arrays are stored raw: a commit of one event takes a few microseconds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pcodec import ChunkConfig, standalone

from .columns import DTYPES, Array, Batch, Int64, Sparse
from .schema import Kind

VERSION = 1

_HEADER = struct.Struct("<3sBBBHI")
_CRC = struct.Struct("<I")
_SECTION = struct.Struct("<BBHII")
_START = _HEADER.size + _CRC.size

_RAW, _PCODEC, _BITS, _ALL, _ASCENDING = range(5)
_DTYPES = [np.dtype(name) for name in ("u1", "<u2", "<u4", "<i8", "<f8", "?", "<i4")]
_NUMBERS = {dtype: number for number, dtype in enumerate(_DTYPES)}
_BY_CHAR = {dtype.char: number for number, dtype in enumerate(_DTYPES)} | {np.dtype("q").char: 3, np.dtype("l").char: 3}

_OBJECTS, _TIMESTAMPS = 0xFFFF, 0xFFFE
_SHORT = 64
_MOST = 1 << 31
_CONFIG = ChunkConfig(compression_level=4)
_ANY = b"PTSB"


class FormatError(ValueError):
    """Bytes that are not what a writer of this format wrote; the text says how. The store says where."""


class NewerVersionError(FormatError):
    """Bytes of a version that this reader does not know."""


# sections


class _Writer:
    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._sections = 0

    def add(self, codec: int, dtype: int, tag: int, count: int, payload: bytes) -> None:
        self._pieces += (_SECTION.pack(codec, dtype, tag, count, len(payload)), payload)
        self._sections += 1

    def array(self, array: Array, tag: int = 0) -> None:
        """Whatever is smaller: raw or compressed."""
        number = _BY_CHAR[array.dtype.char]
        if len(array) >= _SHORT:
            packed = _pack(array)
            if len(packed) < array.nbytes:
                self.add(_PCODEC, number, tag, len(array), packed)
                return
        self.add(_RAW, number, tag, len(array), array.tobytes())

    def ascending(self, array: Array, tag: int = 0) -> None:
        """Ascending numbers, which compress as gaps."""
        if len(array) < _SHORT:
            self.add(_RAW, _BY_CHAR[array.dtype.char], tag, len(array), array.tobytes())
            return
        gaps = np.diff(array, prepend=array.dtype.type(0))
        self.add(_ASCENDING, _BY_CHAR[array.dtype.char], tag, len(array), _pack(gaps))

    def sparse(self, sparse: Sparse, events: int, tag: int = 0) -> None:
        count = len(sparse.positions)
        if count == events:
            self.add(_ALL, 6, tag, count, b"")
        else:
            self.ascending(sparse.positions, tag)
        values = sparse.values
        if values.dtype.kind == "u" and values.dtype.itemsize > 1 and count >= _SHORT:
            smallest = np.min_scalar_type(int(values.max(initial=0)))
            values = values.astype(np.uint16 if smallest == np.uint8 else smallest)
        self.array(values, tag)
        valid = sparse.valid
        if valid is not None:
            self.add(_BITS, 5, tag, count, np.packbits(valid, bitorder="little").tobytes())

    def finish(self, type: bytes, events: int) -> bytes:
        head = _HEADER.pack(b"SKY", type[0], VERSION, 0, self._sections, events)
        body = b"".join(self._pieces)
        return b"".join((head, _CRC.pack(zlib.crc32(body, zlib.crc32(head))), body))


def _pack(array: Array) -> bytes:
    if array.dtype == np.uint8:
        array = array.astype(np.uint16)
    return standalone.simple_compress(np.ascontiguousarray(array), _CONFIG)  # type: ignore[no-any-return]


class _Reader:
    """The sections of a blob, in order, after its checksum was found right."""

    def __init__(self, data: Any, type: bytes) -> None:
        self._data = memoryview(data).cast("B")
        if len(self._data) < _START:
            raise FormatError(f"{len(self._data)} bytes are too few")
        magic, kind, version, zero, self.left, self.events = _HEADER.unpack_from(self._data)
        if magic != b"SKY" or kind not in _ANY:
            raise FormatError("it does not begin as skysql's data does")
        if version > VERSION:
            raise NewerVersionError(f"it is of format version {version}, this reader knows up to {VERSION}")
        (crc,) = _CRC.unpack_from(self._data, _HEADER.size)
        head, body = self._data[: _HEADER.size], self._data[_START:]
        if zlib.crc32(body, zlib.crc32(head)) != crc:
            raise FormatError("its checksum is wrong: bytes have changed since they were written")
        if kind != type[0] or zero != 0 or version == 0:
            raise FormatError(f"it is of type {chr(kind)!r}, where {chr(type[0])!r} was expected")
        self._at = _START

    def tag(self) -> int:
        """The next section's tag, or -1 after the last."""
        if self.left == 0:
            return -1
        self._need(_SECTION.size)
        return _SECTION.unpack_from(self._data, self._at)[2]  # type: ignore[no-any-return]

    def codec(self) -> int:
        """The next section's codec, or -1 after the last."""
        if self.left == 0:
            return -1
        self._need(_SECTION.size)
        return self._data[self._at]

    def _need(self, size: int) -> None:
        if self._at + size > len(self._data):
            raise FormatError("it ends within a section")

    def array(self, kinds: str) -> Array:
        """The next section, whose dtype must be of one of these kinds."""
        if self.left == 0:
            raise FormatError("a section is missing")
        self._need(_SECTION.size)
        codec, number, _, count, length = _SECTION.unpack_from(self._data, self._at)
        self._at += _SECTION.size
        self._need(length)
        payload = self._data[self._at : self._at + length]
        self._at += length
        self.left -= 1
        if number >= len(_DTYPES) or _DTYPES[number].kind not in kinds or count > _MOST:
            raise FormatError("a section is of an impossible type or length")
        return _decode(codec, _DTYPES[number], count, payload)

    def end(self) -> None:
        if self.left or self._at != len(self._data):
            raise FormatError("there is more than was expected")


def _decode(codec: int, dtype: np.dtype[Any], count: int, payload: memoryview) -> Array:
    if codec == _RAW:
        if len(payload) != count * dtype.itemsize:
            raise FormatError("a section is not as long as it says")
        return np.frombuffer(payload, dtype)
    if codec == _ALL:
        return np.arange(count, dtype=dtype)
    if codec == _BITS:
        if len(payload) != (count + 7) // 8:
            raise FormatError("a section is not as long as it says")
        return np.unpackbits(np.frombuffer(payload, np.uint8), count=count, bitorder="little").view(bool)
    if codec not in (_PCODEC, _ASCENDING) or dtype.kind == "b":
        raise FormatError(f"codec {codec} is unknown")
    packed = np.dtype(np.uint16) if dtype == np.uint8 else dtype
    array = np.empty(count, packed)
    _unpack(payload, array)
    if codec == _ASCENDING:
        np.cumsum(array, out=array)
    return array.astype(dtype, copy=False)


def _unpack(payload: memoryview, into: Array) -> None:
    try:
        progress = standalone.simple_decompress_into(bytes(payload), into)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the codec is no Exception
        raise FormatError(f"a section cannot be decompressed: {error}") from None
    if progress.n_processed != len(into) or not progress.finished:
        raise FormatError("a section is not as long as it says")


# columns of a block


def encode_paths(objects: Int64, starts: Int64) -> bytes:
    """objects: int64[k] ascending; starts: int64[k+1], ascending from 0."""
    writer = _Writer()
    writer.ascending(objects)
    lengths = np.diff(starts)
    dtype: Any = np.uint32 if int(lengths.max(initial=0)) > 0xFFFF else np.uint16
    writer.array(lengths.astype(dtype))
    return writer.finish(b"P", int(starts[-1]))


def decode_paths(data: Any) -> tuple[Int64, Int64]:
    """(objects int64[k], starts int64[k+1]); raises FormatError."""
    reader = _Reader(data, b"P")
    objects, lengths = reader.array("i").astype(np.int64, copy=False), reader.array("u")
    reader.end()
    if len(objects) != len(lengths) or len(objects) == 0:
        raise FormatError("there are not as many paths as objects")
    if int(objects[0]) < 1 or bool((objects[1:] <= objects[:-1]).any()) or int(lengths.min()) < 1:
        raise FormatError("its objects do not ascend, or a path is empty")
    starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    if int(starts[-1]) != reader.events:
        raise FormatError("its paths do not have the events that it says")
    return objects, starts


def encode_timestamps(ts: Int64, starts: Int64) -> bytes:
    """ts: int64[n], non-decreasing within each path; starts: int64[k+1]."""
    writer = _Writer()
    writer.array(np.diff(ts, prepend=np.int64(0)))
    return writer.finish(b"T", len(ts))


def decode_timestamps(data: Any, starts: Int64) -> Int64:
    """int64[n]; raises FormatError."""
    reader = _Reader(data, b"T")
    gaps = reader.array("i")
    reader.end()
    if reader.events != int(starts[-1]) or len(gaps) != reader.events or gaps.itemsize != 8:
        raise FormatError("it has not as many timestamps as its block has events")
    ts = np.cumsum(gaps)
    back = ts[1:] < ts[:-1]
    if np.count_nonzero(back) != np.count_nonzero(back[starts[1:-1] - 1]):
        raise FormatError("time goes back within a path")
    return ts


def encode_sparse(sparse: Sparse, kind: Kind, events: int) -> bytes:
    """A property of a block of so many events."""
    writer = _Writer()
    writer.sparse(sparse, events)
    return writer.finish(b"S", events)


def decode_sparse(data: Any, kind: Kind, events: int) -> Sparse:
    """The property; raises FormatError."""
    reader = _Reader(data, b"S")
    if reader.events != events:
        raise FormatError("it is not for as many events as its block has")
    sparse = _sparse(reader, kind, events, 0)
    reader.end()
    return sparse


def _sparse(reader: _Reader, kind: Kind | None, events: int, tag: int) -> Sparse:
    positions = reader.array("i").astype(np.int32, copy=False)
    values = reader.array("uif")
    valid = reader.array("b") if reader.codec() == _BITS and reader.tag() == tag else None
    if kind is None:
        dtype = values.dtype
    else:
        dtype = DTYPES[kind]
        if (dtype.kind == "u") != (values.dtype.kind == "u") or (dtype.kind == "f") != (values.dtype.kind == "f"):
            raise FormatError(f"its values are not {kind}")
    if len(positions) != len(values) or (valid is not None and len(valid) != len(values)):
        raise FormatError("there are not as many values as positions")
    if len(positions):
        ascending = bool((positions[1:] > positions[:-1]).all())
        if not ascending or int(positions[0]) < 0 or int(positions[-1]) >= events:
            raise FormatError("its positions do not ascend within the events")
    return Sparse(positions, values.astype(dtype, copy=False), valid)


# log batches


def encode_batch(batch: Batch, kinds: Mapping[int, Kind]) -> bytes:
    """Events in order of arrival, with the kinds of their properties."""
    writer, events = _Writer(), len(batch.objects)
    writer.array(batch.objects, _OBJECTS)
    writer.array(batch.ts, _TIMESTAMPS)
    for id, sparse in batch.properties.items():
        writer.sparse(sparse, events, id)
    return writer.finish(b"B", events)


def decode_batch(data: Any, kinds: Mapping[int, Kind] | None = None) -> Batch:
    """The events; raises FormatError. `kinds` gives the dtypes of properties, whose stored ones may be narrower."""
    reader = _Reader(data, b"B")
    objects, ts = reader.array("i"), reader.array("i")
    if len(objects) != reader.events or len(ts) != reader.events or objects.itemsize != 8 or ts.itemsize != 8:
        raise FormatError("it does not have the events that it says")
    properties = {}
    while (id := reader.tag()) >= 0:
        kind = None if kinds is None else kinds.get(id)
        properties[id] = _sparse(reader, kind, reader.events, id)
    reader.end()
    return Batch(objects, ts, properties)
