"""Which codec for which column: bytes and speeds on the seeded web shop, and what skysql.format makes of it.

    python -m bench.codecs --events 4e6

One core. A line is one codec on one column of all blocks (2^18 events each); `bytes` is of the column, divided by all
events; `encode` and `decode` are millions of the column's numbers a second, the best of several runs, checksums not
included; the last table is skysql.format end to end, per event, checksums included. Every codec must give back what it
was given. blosc2 is measured if it is installed; its zstd stands for zstd too, which Python has not before 3.14.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import platform
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone

from bench.events import Events, generate
from skysql.arrays.batch import Sparse
from skysql.model.kinds import REAL, TEXT
from skysql.store import format as fmt

Array = npt.NDArray[Any]
Result = TypeVar("Result")

BLOCK_EVENTS = 1 << 18
RUNS = 3


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to bytes and back; `decode` is given the bytes and the dtype of what was encoded."""

    name: str
    encode: Callable[[Array], bytes]
    decode: Callable[[bytes, np.dtype[Any]], Array]


def main() -> None:
    """Measure the codecs."""
    parser = argparse.ArgumentParser(prog="python -m bench.codecs", description=main.__doc__)
    parser.add_argument("--events", type=float, default=4e6)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    events = generate(int(arguments.events), arguments.seed)
    versions = {"Python": platform.python_version(), "numpy": np.__version__}
    versions |= {name: importlib.metadata.version(name) for name in ("pcodec", "blosc2") if _installed(name)}
    print(f"{len(events):,} events, seed {arguments.seed}; " + ", ".join(" ".join(v) for v in versions.items()))
    blocks = list(_blocks(events))
    for title, vectors, codecs in _questions(events, blocks):
        print(f"\n{title}\n  {'codec':34}{'bytes':>9}{'encode':>9}{'decode':>9}")
        for codec in codecs:
            size, encode, decode = _measure(codec, vectors)
            count = sum(map(len, vectors)) / 1e6
            print(f"  {codec.name:34}{size / len(events):9.4f}{count / encode:9.0f}{count / decode:9.0f}")
    _whole(events, blocks)


def _installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


# the codecs


def _raw() -> Codec:
    return Codec("raw", lambda a: a.tobytes(), lambda b, dtype: np.frombuffer(b, dtype).copy())


def _pco(name: str, level: int, *, delta: int | None = None, classic: bool = False) -> Codec:
    """pcodec at that level; delta: differences of that order (0 none, None it chooses); classic: no modes tried."""
    deltas = {None: DeltaSpec.auto, 0: DeltaSpec.no_op}.get(delta, lambda: DeltaSpec.try_consecutive(delta))
    mode = ModeSpec.classic() if classic else ModeSpec.auto()
    config = ChunkConfig(level, delta_spec=deltas(), mode_spec=mode, enable_8_bit=True)
    return Codec(
        f"{name} {level}",
        lambda a: standalone.simple_compress(a, config),
        lambda b, dtype: standalone.simple_decompress(b),
    )


def _zlib(level: int) -> Codec:
    return Codec(
        f"zlib {level}",
        lambda a: zlib.compress(a.tobytes(), level),
        lambda b, dtype: np.frombuffer(zlib.decompress(b), dtype),
    )


def _nibbles(name: str, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes]) -> Codec:
    """Two codes below 16 a byte, an even number of them with a last 0 if need be; then bytes to bytes."""

    def encode(a: Array) -> bytes:
        even = np.append(a, np.zeros(len(a) % 2, np.uint8))
        return bytes([len(a) % 2]) + pack((even[::2] << 4 | even[1::2]).tobytes())

    def decode(b: bytes, dtype: np.dtype[Any]) -> Array:
        packed = np.frombuffer(unpack(b[1:]), np.uint8)
        out = np.empty(2 * len(packed), dtype)
        out[::2], out[1::2] = packed >> 4, packed & 15
        return out[: len(out) - b[0]]

    return Codec(name, encode, decode)


def _huffman(data: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(data) + packer.flush()


def _blosc(level: int, *, bits: bool, lz4: bool = False) -> list[Codec]:
    """blosc2 with one thread, or nothing if it is not there; bits: its bitshuffle, else its byte shuffle."""
    if not _installed("blosc2"):
        return []
    import blosc2

    options = {
        "clevel": level, "codec": blosc2.Codec.LZ4 if lz4 else blosc2.Codec.ZSTD, "nthreads": 1, "filters_meta": [0],
        "filters": [blosc2.Filter.BITSHUFFLE if bits else blosc2.Filter.SHUFFLE],
    }  # fmt: skip
    return [
        Codec(
            f"blosc2 {'bit' if bits else 'byte'}shuffle {'lz4' if lz4 else 'zstd'} {level}",
            lambda a: blosc2.compress2(a, typesize=a.itemsize, **options),
            lambda b, dtype: np.frombuffer(blosc2.decompress2(b, nthreads=1), dtype),
        )
    ]


# the columns


def _blocks(events: Events) -> Iterator[tuple[slice, Array, Array]]:
    """(range of events, objects, starts) of blocks of whole paths."""
    objects, starts = np.unique(events.objects, return_index=True)
    starts = np.append(starts, len(events))
    first = 0
    while first < len(objects):
        last = int(np.searchsorted(starts, starts[first] + BLOCK_EVENTS, side="right")) - 1
        last = max(last, first + 1)
        low, high = int(starts[first]), int(starts[last])
        yield slice(low, high), objects[first:last], starts[first : last + 1] - low
        first = last


def _questions(events: Events, blocks: list[Any]) -> Iterator[tuple[str, list[Array], list[Codec]]]:
    """(column, its vector of each block, the codecs to try)."""
    ts = [events.ts[cut] for cut, _, _ in blocks]
    some = [_zlib(1), *_blosc(1, bits=True), *_blosc(5, bits=True)]
    gaps = [np.diff(one, prepend=one[:1]) for one in ts]
    pcos = [_pco("pco, no delta, classic", level, delta=0, classic=True) for level in (0, 2, 4, 8)]
    yield "timestamps as gaps, int64 (a running sum still to do)", gaps, [_raw(), *pcos, *some]
    pcos = [_pco("pco, first differences", level, delta=1) for level in (2, 4, 6, 8)]
    yield "timestamps, int64", ts, pcos
    seconds = [one // 1_000_000 * 1_000_000 for one in ts]
    classic = _pco("pco, first differences, classic", 8, delta=1, classic=True)
    yield "timestamps of whole seconds, int64", seconds, [_pco("pco, first differences", 8, delta=1), classic]

    actions = [_sparse(events, "action", cut).values for cut, _, _ in blocks]
    pcos = [_pco("pco", level) for level in (1, 4, 8)] + [_pco("pco, no delta, classic", 8, delta=0, classic=True)]
    packed = [
        _nibbles("nibbles", bytes, bytes),
        _nibbles("nibbles, zlib 1", lambda b: zlib.compress(b, 1), zlib.decompress),
        _nibbles("nibbles, zlib Huffman only", _huffman, zlib.decompress),
    ]
    yield "action codes, uint32", actions, [_raw(), *pcos, *some]
    narrow = [_pco("pco", 8), *packed, _zlib(1), _zlib(6), *_blosc(1, bits=True), *_blosc(1, bits=True, lz4=True)]
    yield "action codes, uint8", [one.astype(np.uint8) for one in actions], narrow

    for name in ("amount", "plan", "country"):
        sparse = [_sparse(events, name, cut) for cut, _, _ in blocks]
        places = [_pco("pco, first differences, classic", level, delta=1, classic=True) for level in (4, 8)]
        yield f"{name}: positions, int32", [one.positions for one in sparse], [*places, _pco("pco", 8), *some]
        dtype = sparse[0].values.dtype
        yield f"{name}: values, {dtype}", [one.values for one in sparse], [_pco("pco", 4), _pco("pco", 8), *some]


_KINDS = {"action": TEXT, "plan": TEXT, "country": TEXT, "amount": REAL}


def _sparse(events: Events, name: str, cut: slice) -> Sparse:
    column = getattr(events, name)[cut]
    positions = np.flatnonzero(~np.isnan(column) if name == "amount" else column >= 0).astype(np.int32)
    values = column[positions]
    return Sparse(positions, values if name == "amount" else values.astype(np.uint32) + np.uint32(1))


# the measuring


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    best = float("inf")
    for _ in range(RUNS):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return best, result


def _measure(codec: Codec, vectors: list[Array]) -> tuple[int, float, float]:
    """(bytes, seconds to encode, seconds to decode), block by block."""
    encoded: list[bytes] = []
    encode = decode = 0.0
    for vector in vectors:
        took, data = _timed(lambda vector=vector: codec.encode(vector))
        encode += took
        took, back = _timed(lambda data=data, vector=vector: codec.decode(data, vector.dtype))
        decode += took
        assert np.array_equal(back, vector), f"{codec.name} lost something"
        encoded.append(data)
    return sum(map(len, encoded)), encode, decode


def _whole(events: Events, blocks: list[Any]) -> None:
    """Print what skysql.format makes of each column, and of an event."""
    print(f"\nskysql.format, per event\n  {'column':34}{'bytes':>9}{'encode':>9}{'decode':>9}")
    sums = np.zeros(3)
    for name in ("paths", "timestamps", *_KINDS):
        size, encode, decode = np.sum([_format(events, name, *block) for block in blocks], axis=0)
        sums += size, encode, decode
        print(_line(name, events, size, encode, decode))
    print(_line("whole event", events, *sums))


def _line(name: str, events: Events, size: float, encode: float, decode: float) -> str:
    millions = len(events) / 1e6
    return f"  {name:34}{size / len(events):9.4f}{millions / encode:9.0f}{millions / decode:9.0f}"


def _format(events: Events, name: str, cut: slice, objects: Array, starts: Array) -> tuple[int, float, float]:
    """(bytes, seconds to encode, seconds to decode) of one column of one block."""
    if name == "paths":
        encode, data = _timed(lambda: fmt.encode_paths(objects, starts))
        decode, _ = _timed(lambda: fmt.decode_paths(data))
    elif name == "timestamps":
        encode, data = _timed(lambda: fmt.encode_timestamps(events.ts[cut], starts))
        decode, _ = _timed(lambda: fmt.decode_timestamps(data, starts))
    else:
        sparse, kind, count = _sparse(events, name, cut), _KINDS[name], cut.stop - cut.start
        encode, data = _timed(lambda: fmt.encode_sparse(sparse, kind, count))
        decode, _ = _timed(lambda: fmt.decode_sparse(data, kind, count))
    return len(data), encode, decode


if __name__ == "__main__":
    main()
