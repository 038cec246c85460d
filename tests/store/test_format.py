"""skysql.store.format and blob: everything comes back as it was; of no blob comes nothing but a FormatError."""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysql.arrays.batch import Batch, Lists, Sparse
from skysql.model.kinds import BOOLEAN, INTEGER, REAL, TEXT, TIMESTAMP, Kind, decimal
from skysql.model.timestamps import MAX_US, MIN_US
from skysql.store import blob as blobs
from skysql.store import format as fmt
from skysql.store.blob import MAX_COUNT, VERSION, FormatError, NewerVersionError, every_event

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    TEXT: st.integers(0, 2**32 - 1),
    INTEGER: INT64,
    REAL: st.floats(allow_nan=False),
    BOOLEAN: st.integers(0, 1),
    TIMESTAMP: st.integers(MIN_US, MAX_US),
    decimal(10, 2): st.integers(-(10**10) + 1, 10**10 - 1),
    decimal(18, 18): st.integers(-(10**18) + 1, 10**18 - 1),
}


@st.composite
def sparses(draw: Any, kind: Kind, events: int) -> Sparse:
    """A property over `events` events: few values, or a value for every event; a few values repeated, with noise."""
    if draw(st.booleans()):
        positions = np.arange(events, dtype=np.int32)
    else:
        share = draw(st.floats(0, 1))
        seed = draw(st.integers(0, 1000))
        positions = np.flatnonzero(np.random.default_rng(seed).random(events) < share).astype(np.int32)
    some = draw(st.lists(VALUES[kind], min_size=1, max_size=20))
    values = np.resize(np.array(some, kind.dtype), len(positions))
    valid = None
    if kind is not TEXT and draw(st.booleans()):
        pattern = draw(st.lists(st.booleans(), min_size=1, max_size=9))
        valid = np.resize(np.array(pattern, bool), len(positions))
    return Sparse(positions, values, valid)


def assert_same(found: Sparse, sparse: Sparse, kind: Kind) -> None:
    """Equal to the bit, where it is not NULL; and all-valid is None."""
    assert found.positions.dtype == np.int32
    assert np.array_equal(found.positions, sparse.positions)
    assert found.values.dtype == kind.dtype
    valid = np.ones(len(sparse.positions), bool) if sparse.valid is None else sparse.valid
    assert found.values[valid].tobytes() == sparse.values[valid].tobytes()
    assert not found.values[~valid].any()
    if valid.all():
        assert found.valid is None
    else:
        assert found.valid is not None and found.valid.dtype == np.bool_
        assert np.array_equal(found.valid, valid)


def assert_same_batch(found: Batch, batch: Batch, kinds: dict[int, Kind]) -> None:
    assert len(found) == len(batch)
    assert np.array_equal(found.objects, batch.objects) and np.array_equal(found.ts, batch.ts)
    assert list(found.properties) == list(batch.properties)
    for id, sparse in batch.properties.items():
        assert_same(found.properties[id], sparse, kinds[id])


# there and back


@given(st.data(), st.sampled_from(list(VALUES)), st.sampled_from([0, 1, 2, 127, 128, 700, 5000]))
def test_sparse(data: st.DataObject, kind: Kind, events: int) -> None:
    sparse = data.draw(sparses(kind, events))
    blob = fmt.encode_sparse(sparse, kind, events)
    for buffer in (blob, memoryview(blob), bytearray(blob), np.frombuffer(blob, np.uint8)):
        assert_same(fmt.decode_sparse(buffer, kind, events), sparse, kind)


@given(
    st.sets(st.integers(1, 2**63 - 1), max_size=300),
    st.lists(st.integers(1, 10**6), min_size=1),
)
def test_paths(ids: set[int], lengths: list[int]) -> None:
    objects = np.array(sorted(ids), np.int64)
    most = fmt.BLOCK_EVENTS // len(ids) if len(ids) > 1 else 10**6
    starts = np.append(0, np.cumsum(np.minimum(np.resize(lengths, len(objects)), most))).astype(np.int64)
    found = fmt.decode_paths(fmt.encode_paths(objects, starts))
    assert [one.dtype for one in found] == [np.int64, np.int64]
    assert np.array_equal(found[0], objects) and np.array_equal(found[1], starts)


@pytest.mark.parametrize("count", [0, 1, 100, 1000, 300_000])
@pytest.mark.parametrize("unit", [1, 1_000_000])
def test_timestamps(count: int, unit: int) -> None:
    rng = np.random.default_rng(count)
    ts = np.sort(rng.integers(-(10**16), 10**16, count)) // unit * unit
    ts[count // 3 :] = np.sort(np.roll(ts, 7)[count // 3 :])
    starts = np.array([0, count // 3, count] if count >= 3 else [0, count][: 1 + bool(count)], np.int64)
    found = fmt.decode_timestamps(fmt.encode_timestamps(ts, starts), starts)
    assert found.dtype == np.int64 and found.flags.writeable and np.array_equal(found, ts)


def test_timestamps_at_the_ends_of_their_range() -> None:
    ts = np.array([-(2**63), 2**63 - 1] * 300, np.int64)
    starts = np.arange(601, dtype=np.int64)
    assert np.array_equal(fmt.decode_timestamps(fmt.encode_timestamps(ts, starts), starts), ts)


@settings(max_examples=50)
@given(st.data(), st.sampled_from([0, 1, 2, 200, 3000]))
def test_batch(data: st.DataObject, events: int) -> None:
    kinds = data.draw(st.dictionaries(st.integers(0, 65535), st.sampled_from(list(VALUES)), max_size=5))
    rng = np.random.default_rng(events)
    objects, ts = rng.integers(1, 2**63 - 1, events), rng.integers(-(10**16), 10**16, events)
    properties = {id: data.draw(sparses(kind, events)) for id, kind in kinds.items()}
    batch = Batch(objects, ts, properties)
    assert_same_batch(fmt.decode_batch(fmt.encode_batch(batch, kinds)), batch, kinds)


@given(
    st.data(),
    st.dictionaries(st.integers(0, 65535), st.sampled_from(list(VALUES)), max_size=4),
    st.one_of(st.integers(0, 5), st.sampled_from([127, 128, 200])),
)
def test_lists_are_encoded_as_arrays_are(data: st.DataObject, kinds: dict[int, Kind], events: int) -> None:
    properties = {}
    for id, kind in kinds.items():
        sparse = data.draw(sparses(kind, events))
        valid = itertools.repeat(True) if sparse.valid is None else sparse.valid.tolist()
        values = [value if known else None for value, known in zip(sparse.values.tolist(), valid, strict=False)]
        properties[id] = (sparse.positions.tolist(), values)
    lists = Lists([2**63 - 1 - at for at in range(events)], [at - 2 for at in range(events)], properties)
    blob = fmt.encode_batch(lists, kinds)
    assert blob == fmt.encode_batch(lists.batch(kinds), kinds)
    assert_same_batch(fmt.decode_batch(blob), lists.batch(kinds), kinds)


def test_positions_of_all_events_cost_nothing() -> None:
    def size(events: int) -> int:
        same = Sparse(np.arange(events, dtype=np.int32), np.ones(events, np.uint32))
        return len(fmt.encode_sparse(same, TEXT, events))

    assert size(1 << 18) < 100
    assert size(300) < 100


def test_more_events_than_the_shared_positions() -> None:
    events = (1 << 18) + 1
    sparse = Sparse(np.arange(events, dtype=np.int32), np.ones(events, np.uint8))
    assert_same(fmt.decode_sparse(fmt.encode_sparse(sparse, BOOLEAN, events), BOOLEAN, events),
                sparse, BOOLEAN)  # fmt: skip
    assert not every_event(5).flags.writeable


def test_values_that_do_not_shrink_are_stored_raw() -> None:
    noise = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 1000)
    starts = np.arange(1001, dtype=np.int64)
    assert len(fmt.encode_timestamps(noise, starts)) == 13 + 5 + 8000


def test_what_cannot_be_encoded() -> None:
    one = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="2 values at 1 positions of 3 events"):
        fmt.encode_sparse(Sparse(one, np.zeros(2)), REAL, 3)
    with pytest.raises(ValueError, match="1 values at 1 positions of 0 events"):
        fmt.encode_sparse(Sparse(one, np.zeros(1)), REAL, 0)
    with pytest.raises(ValueError, match="3 timestamps for paths of 2 events"):
        fmt.encode_timestamps(np.zeros(3, np.int64), np.array([0, 2]))
    with pytest.raises(ValueError, match="262145 events of 2 objects are more than a block has"):
        fmt.encode_paths(np.array([1, 2]), np.array([0, 1, fmt.BLOCK_EVENTS + 1]))
    many = np.zeros(fmt.BATCH_EVENTS + 1, np.int64)
    with pytest.raises(ValueError, match="131073 events are more than a batch has"):
        fmt.encode_batch(Batch(many, many, {}), {})


@pytest.mark.parametrize("power", range(17, 23))
@pytest.mark.parametrize("kind", list(VALUES), ids=str)
def test_as_many_equal_values_as_a_path_has_read_back(kind: Kind, power: int) -> None:
    """A reader believes in as many numbers as a writer packs into so few bytes."""
    for events in ((1 << power) - 1, 1 << power, (1 << power) + 1):
        for value in (0, 1):
            every = Sparse(every_event(events), np.full(events, value, kind.dtype))
            some = Sparse(every_event(events - 1), every.values[1:])
            nulls = Sparse(every.positions, every.values, np.zeros(events, bool)) if kind is not TEXT else every
            for sparse in (every, some, nulls):
                assert_same(fmt.decode_sparse(fmt.encode_sparse(sparse, kind, events), kind, events), sparse, kind)


@pytest.mark.parametrize("power", range(17, 23))
def test_as_many_times_and_deleted_events_as_a_path_has_read_back(power: int) -> None:
    for events in ((1 << power) - 1, 1 << power, (1 << power) + 1):
        starts = np.array([0, events])
        assert np.array_equal(fmt.decode_paths(fmt.encode_paths(np.array([7]), starts))[1], starts)
        for ts in (np.zeros(events, np.int64), np.arange(events)):
            assert np.array_equal(fmt.decode_timestamps(fmt.encode_timestamps(ts, starts), starts), ts)
        for most in (events, MAX_COUNT):
            deleted = np.arange(1, events)
            assert np.array_equal(fmt.decode_positions(fmt.encode_positions(deleted, most), most), deleted)


def test_numbers_that_a_reader_would_not_believe_in_are_stored_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever pcodec comes to do: nothing is written that is not read."""
    monkeypatch.setattr(blobs, "_CHUNK_NUMBERS", 100)
    sparse = Sparse(every_event(5000), np.ones(5000, np.int64))
    blob = fmt.encode_sparse(sparse, INTEGER, 5000)
    assert len(blob) > 40_000
    assert_same(fmt.decode_sparse(blob, INTEGER, 5000), sparse, INTEGER)


# bytes that stay


def test_the_worked_example() -> None:
    """The bytes in the docstring are those that are written, and are read."""
    assert fmt.__doc__ is not None
    lines = re.findall(r"^    ((?:[0-9a-f]{2} ){6,}) +\S", fmt.__doc__, re.MULTILINE)
    blob = bytes.fromhex("".join(lines))
    sparse = Sparse(np.array([1, 4], np.int32), np.array([2, 0], np.uint32))
    assert len(blob) == 45
    assert fmt.encode_sparse(sparse, TEXT, 5).hex(" ") == blob.hex(" ")
    assert_same(fmt.decode_sparse(blob, TEXT, 5), sparse, TEXT)


FROZEN_TIMESTAMPS = """
    736b7901fe2c1fe3022c010000014700000070636f210300084b0401042b010001703839000000001081020080ceffffffffffff3f807f00
    0000000000002000020000d04303000000000050ce98ca23000000969696306200
"""
FROZEN_BATCH = """
    736b79010b364fa604580200000200012400000070636f210300099604010457020010010180000000000000004000010000000000008000
    013700000070636f21030009960401045702000124f4000000000010010180000000000000004000040000ad17000000000000f65ad07b63
    080000000000010158020000011800000070636f210300099604010157020000100038000000000000030003022c010000011c0000007063
    6f210300084b0401032b01001001010001000040000000008000013a00000070636f210300084b04010a2b01000010000008b66ddbb66ddb
    b66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb66ddbb60d00011c00000070636f2103000732040106c7000000100000
    00000000001801060000
"""


def frozen_batch() -> Batch:
    """The events of FROZEN_BATCH."""
    n = np.arange(600)
    amounts = Sparse(np.arange(0, 600, 2, dtype=np.int32), np.full(300, 9.5), n[:300] % 3 > 0)
    return Batch(n + 1, n * 1_000_000, {0: Sparse(n.astype(np.int32), np.full(600, 7, np.uint32)), 3: amounts})


def test_compressed_bytes_of_version_1_are_read() -> None:
    starts = np.array([0, 100, 300], np.int64)
    ts = np.concatenate((np.arange(100), np.arange(200))) * 60_000_000
    assert np.array_equal(fmt.decode_timestamps(bytes.fromhex(FROZEN_TIMESTAMPS), starts), ts)
    batch, found = frozen_batch(), fmt.decode_batch(bytes.fromhex(FROZEN_BATCH))
    assert np.array_equal(found.objects, batch.objects) and np.array_equal(found.ts, batch.ts)
    assert_same(found.properties[0], batch.properties[0], TEXT)
    assert_same(found.properties[3], batch.properties[3], REAL)


# bytes that are wrong


def flat(value: Any) -> list[Any]:
    """A decoded value as nested lists, to compare and to be sure that all of it can be read."""
    match value:
        case np.ndarray():
            return [str(value.dtype), value.tobytes()]
        case Sparse():
            return [flat(value.positions), flat(value.values), None if value.valid is None else flat(value.valid)]
        case Batch():
            return [flat(value.objects), flat(value.ts), [(id, flat(s)) for id, s in value.properties.items()]]
    return [flat(one) for one in value]


def small_blobs() -> list[tuple[str, bytes, Callable[[Any], Any]]]:
    """(name, blob, decoder) of every type, raw and compressed, with and without flags."""
    rng = np.random.default_rng(1)
    blobs: list[tuple[str, bytes, Callable[[Any], Any]]] = []
    for n in (1, 3, 150):
        starts = np.arange(n + 1) * 2
        ts = np.cumsum(rng.integers(0, 10**9, 2 * n))
        blobs.append((f"paths {n}", fmt.encode_paths(np.arange(n) * 7 + 1, starts), fmt.decode_paths))
        decode: Callable[[Any], Any] = lambda data, starts=starts: fmt.decode_timestamps(data, starts)  # noqa: E731
        blobs.append((f"timestamps {n}", fmt.encode_timestamps(ts, starts), decode))
        for kind in VALUES:
            nulls = None if kind is TEXT else np.arange(n) % 3 > 0
            sparse = Sparse((np.arange(n) * 3 + 1).astype(np.int32), (np.arange(n) % 2).astype(kind.dtype), nulls)
            decode = lambda data, kind=kind, n=n: fmt.decode_sparse(data, kind, 3 * n)  # noqa: E731
            blobs.append((f"{kind} {n}", fmt.encode_sparse(sparse, kind, 3 * n), decode))
    kinds = {0: TEXT, 3: REAL}
    one = frozen_batch()
    first = {0: Sparse(np.zeros(1, np.int32), np.ones(1, np.uint32))}
    blobs.append(("batch 600", fmt.encode_batch(one, kinds), fmt.decode_batch))
    blobs.append(("batch 1", fmt.encode_batch(Batch(one.objects[:1], one.ts[:1], first), kinds), fmt.decode_batch))
    return blobs


BLOBS = pytest.mark.parametrize(("blob", "decode"), [pytest.param(b, d, id=name) for name, b, d in small_blobs()])


@BLOBS
def test_every_flipped_byte_is_an_error(blob: bytes, decode: Callable[[Any], Any]) -> None:
    flat(decode(blob))
    for at in range(len(blob)):
        for flip in (0x01, 0x80, 0xFF):
            bad = bytearray(blob)
            bad[at] ^= flip
            with pytest.raises(FormatError):
                decode(bad)


@BLOBS
def test_every_cut_is_an_error(blob: bytes, decode: Callable[[Any], Any]) -> None:
    for size in range(len(blob)):
        with pytest.raises(FormatError):
            decode(blob[:size])
    with pytest.raises(FormatError):
        decode(blob + b"\0")


def forge(blob: bytes | bytearray) -> bytes:
    """The blob with the checksum put right."""
    return bytes(blob[:4]) + struct.pack("<I", zlib.crc32(blob[8:])) + bytes(blob[8:])


@BLOBS
def test_forged_bytes_give_an_error_or_arrays(blob: bytes, decode: Callable[[Any], Any]) -> None:
    """With the checksum put right, other bytes may be other values, but nothing worse."""
    rng = np.random.default_rng(len(blob))
    for at in range(8, len(blob)):
        for value in {0, 255, blob[at] ^ 1, *rng.integers(0, 256, 3).tolist()}:
            bad = bytearray(blob)
            bad[at] = value
            for forged in (forge(bad), forge(bad[: rng.integers(13, len(bad) + 1)])):
                try:
                    flat(decode(forged))
                except FormatError:
                    pass


@given(st.binary(max_size=200), st.integers(1, 4))
def test_arbitrary_bytes(body: bytes, type: int) -> None:
    starts = np.array([0, 3])
    for blob in (body, forge(b"sky\x01\0\0\0\0" + bytes([type]) + struct.pack("<I", 3) + body)):
        for decode in (
            fmt.decode_paths,
            fmt.decode_batch,
            lambda data: fmt.decode_timestamps(data, starts),
            lambda data: fmt.decode_sparse(data, REAL, 3),
        ):
            try:
                flat(decode(blob))
            except FormatError:
                pass


def test_a_count_that_the_payload_cannot_hold_allocates_nothing() -> None:
    """A blob of 36 bytes that claims 2^31 - 1 objects: 16 GB, were it believed."""
    body = struct.pack("<BI", 1, MAX_COUNT) + struct.pack("<BI", 1, 13) + bytes(13)
    with pytest.raises(FormatError, match="2147483647 paths, more than a block has events"):
        fmt.decode_paths(forge(b"sky\x01\0\0\0\0" + body))
    times = struct.pack("<BI", 2, MAX_COUNT) + struct.pack("<BI", 1, 13) + bytes(13)
    with pytest.raises(FormatError, match="13 bytes cannot hold 2147483647 numbers"):
        fmt.decode_timestamps(forge(b"sky\x01\0\0\0\0" + times), np.array([0, MAX_COUNT]))


def property_blob(kind: int, flags: int, count: int, rest: bytes, events: int = 5) -> bytes:
    """A sparse blob with a right checksum."""
    head = struct.pack("<BI", 3, events) + struct.pack("<BBI", kind, flags, count)
    return forge(b"sky\x01\0\0\0\0" + head + rest)


def raw(*numbers: int, code: str = "i") -> bytes:
    """A raw vector."""
    payload = struct.pack(f"<{len(numbers)}{code}", *numbers)
    return struct.pack("<BI", 0, len(payload)) + payload


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (property_blob(1, 0, 2, raw(1, 1) + raw(1, 1)), "not increasing and below 5"),
        (property_blob(1, 0, 2, raw(2, 1) + raw(1, 1)), "not increasing and below 5"),
        (property_blob(1, 0, 2, raw(-1, 1) + raw(1, 1)), "not increasing and below 5"),
        (property_blob(1, 0, 2, raw(1, 5) + raw(1, 1)), "not increasing and below 5"),
        (property_blob(1, 1, 2, raw(1, 1)), "2 values for each of 5 events"),
        (property_blob(4, 0, 1, raw(1) + raw(2, code="B")), "neither 0 nor 1"),
        (property_blob(2, 2, 1, raw(1) + raw(7, code="B") + raw(1, code="q")), "neither 0 nor 1"),
        (property_blob(9, 0, 1, raw(1) + raw(1)), "unknown type 9"),
        (property_blob(1, 4, 1, raw(1) + raw(1)), "flags 4"),
        (property_blob(1, 0, 1, raw(1) + raw(1, 2)), "8 bytes for 1 numbers of uint32"),
        (property_blob(1, 0, 1, raw(1) + raw(1) + b"x"), "1 bytes too many"),
        (property_blob(1, 0, 1, raw(1) + struct.pack("<BI", 7, 0)), "unknown codec 7"),
        (property_blob(2, 0, 1, raw(1) + raw(1, code="q")), "type INTEGER where TEXT was expected"),
        (property_blob(1, 0, 1, raw(1) + raw(1), events=6), "over 6 events in a block of 5"),
        (b"sky\x01", "fewer than a header"),
        (b"fts" + bytes(20), "not with the magic bytes"),
        (b"sky\0" + bytes(20), "format version 0, which has no such blobs"),
        (b"sky\x01" + bytes(20), "checksum"),
        (fmt.encode_paths(np.array([1]), np.array([0, 1])), "of type 1, not 3"),
    ],
)
def test_the_message_says_what_is_wrong(blob: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        fmt.decode_sparse(blob, TEXT, 5)


@pytest.mark.parametrize("kind", [INTEGER, REAL, BOOLEAN])
@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_casts_read_back(kind: Kind, count: int) -> None:
    values = np.unique(np.random.default_rng(count).integers(0, 1 << 40, count)).astype(kind.dtype)
    values = np.unique(values & 1 if kind is BOOLEAN else values)
    codes = np.arange(1, len(values) + 1)
    blob = fmt.encode_casts(values, codes, kind)
    found = fmt.decode_casts(blob)
    assert blob[3] == 2 and found[0].dtype == kind.dtype
    assert np.array_equal(found[0], values) and np.array_equal(found[1], codes)
    for at in range(len(blob)):
        torn = bytearray(blob)
        torn[at] ^= 1 << at % 8
        if at % 7 == 0 or count < 10:
            with pytest.raises(FormatError):
                fmt.decode_casts(torn)
            with pytest.raises(FormatError):
                fmt.decode_casts(blob[:at])


@pytest.mark.parametrize(
    ("values", "codes", "kind"), [([2, 1], [1, 2], 2), ([1, 1], [1, 2], 2), ([1, 2], [0, 1], 2), ([1, 2], [1, 2], 1)]
)
def test_casts_that_are_none(values: list[int], codes: list[int], kind: int) -> None:
    body = struct.pack("<BI", 5, 2) + bytes([kind]) + raw(*values, code="q") + raw(*codes, code="I")
    with pytest.raises(FormatError, match="not increasing|impossible type"):
        fmt.decode_casts(forge(b"sky\x02\0\0\0\0" + body))


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_texts_and_their_hashes_read_back(count: int) -> None:
    words = [[f"text {i}", "", "naïve", "日本 🙂", None][i % 5] for i in range(count)]
    encoded = [None if word is None else word.encode() for word in words]
    data, starts, known = fmt.decode_texts(fmt.encode_texts(encoded))
    pieces = [data[a:b] for a, b in itertools.pairwise(starts.tolist())]
    assert [piece if there else None for piece, there in zip(pieces, known, strict=True)] == encoded
    hashes = np.array([0 if word is None else fmt.hash_of(word) for word in encoded], np.uint32)
    assert np.array_equal(fmt.decode_hashes(fmt.encode_hashes(hashes)), hashes)
    assert np.array_equal(hashes == 0, ~known)
    assert count == 0 or fmt.decode_chunk(fmt.encode_chunk(count, 1)) == (count, 1)
    decoders: list[tuple[bytes, Callable[[Any], Any]]] = [
        (fmt.encode_texts(encoded), fmt.decode_texts),
        (fmt.encode_hashes(hashes), fmt.decode_hashes),
        (fmt.encode_chunk(count, 0), fmt.decode_chunk),
    ]
    for blob, decode in decoders:
        assert blob[3] == 3
        for at in range(0, len(blob), 1 if count < 10 else 37):
            torn = bytearray(blob)
            torn[at] ^= 1 << at % 8
            for bad in (torn, blob[:at]):
                with pytest.raises(FormatError):
                    decode(bad)


@pytest.mark.parametrize(
    ("sizes", "size", "texts", "fault"),
    [
        ([2, 2], 3, b"abc", "texts of 2 bytes, and 3 bytes"),
        ([3], 2, b"\xc3\x28", "no UTF-8"),
        ([2, 2], 2, "é".encode(), "begins inside of a character"),
        ([2], 1 << 40, b"a", "more than a vector has"),
        ([2], 1, b"ab", "2 bytes for 1 numbers"),
    ],
)
def test_texts_that_are_none(sizes: list[int], size: int, texts: bytes, fault: str) -> None:
    body = struct.pack("<BI", 6, len(sizes)) + raw(*sizes, code="I") + struct.pack("<Q", size)
    with pytest.raises(FormatError, match=fault):
        fmt.decode_texts(forge(b"sky\x03\0\0\0\0" + body + raw(*texts, code="B")))


def test_texts_are_no_more_than_they_say() -> None:
    for packed in (zlib.compress(bytes(1 << 20)), zlib.compress(b""), zlib.compress(b"ab") + b"c", b"no"):
        body = struct.pack("<BI", 6, 1) + raw(3, code="I") + struct.pack("<QBI", 2, 2, len(packed)) + packed
        with pytest.raises(FormatError, match="does not"):
            fmt.decode_texts(forge(b"sky\x03\0\0\0\0" + body))


def test_a_newer_version_is_told_apart() -> None:
    blob = bytearray(fmt.encode_paths(np.array([1]), np.array([0, 1])))
    blob[3] = VERSION + 1
    message = f"version {VERSION + 1}; versions up to {VERSION} are read"
    with pytest.raises(NewerVersionError, match=message):
        fmt.decode_paths(blob)


@pytest.mark.parametrize(
    ("objects", "lengths"), [([0, 1], [1, 1]), ([2, 2], [1, 1]), ([3, 2], [1, 1]), ([1, 2], [0, 1])]
)
def test_paths_that_are_none(objects: list[int], lengths: list[int]) -> None:
    body = struct.pack("<BI", 1, 2) + raw(*objects, code="q") + raw(*lengths, code="I")
    with pytest.raises(FormatError, match="positive and increasing|empty"):
        fmt.decode_paths(forge(b"sky\x01\0\0\0\0" + body))


def test_timestamps_of_another_block() -> None:
    blob = fmt.encode_timestamps(np.zeros(3, np.int64), np.array([0, 3]))
    with pytest.raises(FormatError, match="3 timestamps for paths of 4 events"):
        fmt.decode_timestamps(blob, np.array([0, 4]))


def test_a_property_that_is_there_twice() -> None:
    once = struct.pack("<H", 1) + struct.pack("<BBI", 4, 1, 1) + raw(1, code="B")
    body = struct.pack("<BI", 4, 1) + struct.pack("<H", 2) + raw(1, code="q") + raw(1, code="q") + once + once
    with pytest.raises(FormatError, match="property 1 is there twice"):
        fmt.decode_batch(forge(b"sky\x01\0\0\0\0" + body))


def test_a_blob_is_of_the_version_that_its_type_came_with() -> None:
    hashes = fmt.encode_hashes(np.array([1], np.uint32))
    for version in (1, 2):
        with pytest.raises(FormatError, match=f"format version {version}, which has no such blobs"):
            fmt.decode_hashes(hashes[:3] + bytes([version]) + hashes[4:])
