"""Partials that travel: to other processes, and into files.

    message = travel.partial(bound, snapshot, shard, evaluator, parameters)      anywhere that the shard can be read
    columns = travel.finish(bound, [message, ...], evaluator, parameters)        anywhere else

`merge` makes one message of several. They may be merged anywhere, in any order and grouping, to the same result. Rows
that SQLite is to add up, as for group_concat(), have their object with them, and so come to their order again. Only of
two values that are equal, as 1 and 1.0 or 0.0 and -0.0, it may be either that is shown.
What arrays cannot compute raises Inexact, there or here: begin again with `bound.by_sqlite(place)`.

A message holds everything that it needs, and no view of a dictionary or a connection: texts are the texts themselves,
each once.

    0   8 bytes     b"SKYPART1"
    8   uint32      CRC-32 of all that follows, little-endian, as all numbers are
    12  uint32      n, the length of the header
    16  n bytes     JSON: {"groups": ..., "keys": [...], "states": [{field: ..., ...}, ...]}, padded by spaces
    .   arrays      one after another, each on a multiple of 8 bytes

In the header an array is {"array": dtype, "shape": [...]}, in the order of the arrays; a list of values
{"values": [...]}; a value that JSON does not have {"blob": hex} or {"real": repr}; a vector {"codes": array,
"values": ...} or {"numbers": array, "known": array, "times": true}; an exact sum {"digits": array, "base": ...}.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ..arrays.exact_sums import ExactSums
from ..arrays.vectors import Coded, Numbers, Vector
from ..errors import DataError, NotSupportedError
from ..interruption import looking
from ..model import timestamps
from ..model.dtypes import Array
from ..model.values import Value
from ..store.shard import Shard
from ..store.snapshot import Snapshot
from . import partials, result
from .aggregates import AggregateFunction
from .bound import BoundScan
from .by_sqlite import Evaluator
from .partials import Partial
from .scan import Scan

_MAGIC = b"SKYPART1"
_HEAD = struct.Struct("<8sII")
_CHECKED_FROM = 12
_ALIGNED = 8
_NUMBERS = frozenset("buif")  # kinds of dtype


def partial(
    bound: BoundScan, snapshot: Snapshot, shard: Shard, evaluator: Evaluator, parameters: Sequence[Value]
) -> bytes:
    """The message of one shard of a snapshot. Raises Inexact."""
    scan = Scan(bound, snapshot, evaluator, parameters)
    found = [scan.partial(rows) for rows in scan.rows(shard)]
    return pack(scan.merge(found, bound.by_object))


def merge(
    bound: BoundScan, messages: Sequence[bytes], evaluator: Evaluator, parameters: Sequence[Value]
) -> bytes:
    """One message of several, of which no two have an object in common. Raises Inexact."""
    return pack(_merged(bound, messages, bound.aggregates(evaluator, parameters)))


def finish(
    bound: BoundScan, messages: Sequence[bytes], evaluator: Evaluator, parameters: Sequence[Value]
) -> Iterator[list[list[Value]]]:
    """The result of all of these, some groups at a time: a list a column of the output. Raises Inexact."""
    aggregates = bound.aggregates(evaluator, parameters)
    merged = _merged(bound, messages, aggregates)
    values = [one.finish(state) for one, state in zip(aggregates, merged.states, strict=True)]
    return result.of_groups(nullcontext(), merged.keys, values)


def _merged(bound: BoundScan, messages: Sequence[bytes], aggregates: list[AggregateFunction[Any]]) -> Partial:
    found = [unpack(message, aggregates) for message in looking(messages)]
    return partials.merge([each for each in found if each.groups], len(bound.plan.keys), aggregates, bound.by_object)


# bytes


def pack(partial: Partial) -> bytes:
    """A partial as a message. Raises NotSupportedError for a state of what no message holds."""
    arrays: list[Array] = []
    header = {
        "groups": partial.groups,
        "keys": [_told(key, arrays) for key in partial.keys],
        "states": [_fields(state, arrays) for state in partial.states],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(_HEAD.size + len(text)) % _ALIGNED)
    pieces = [struct.pack("<I", len(text)), text]
    for array in arrays:
        data = array.tobytes()
        pieces += [data, bytes(-len(data) % _ALIGNED)]
    checked = b"".join(pieces)
    return struct.pack("<8sI", _MAGIC, zlib.crc32(checked)) + checked


def unpack(message: bytes, aggregates: Sequence[AggregateFunction[Any]]) -> Partial:
    """The partial of a message, for these aggregates. Raises DataError for what `pack` did not make of such."""
    try:
        magic, crc, length = _HEAD.unpack_from(message)
        if magic != _MAGIC:
            raise ValueError("its first bytes are others")
        if zlib.crc32(memoryview(message)[_CHECKED_FROM:]) != crc:
            raise ValueError("the checksum is wrong")
        header = json.loads(message[_HEAD.size : _HEAD.size + length])
        reader = _Arrays(message, _HEAD.size + length)
        keys = [reader.read(key) for key in header["keys"]]
        told = zip(aggregates, header["states"], strict=True)
        states = [one.state(**{name: reader.read(field) for name, field in state.items()}) for one, state in told]
        return Partial(header["groups"], keys, states)
    except (ValueError, TypeError, KeyError, LookupError, AttributeError, struct.error) as error:
        raise DataError(f"{len(message)} bytes are no partial of this plan: {error}") from None


def _fields(state: Any, arrays: list[Array]) -> dict[str, Any]:
    if not is_dataclass(state) or isinstance(state, type):
        raise _cannot_travel(f"an aggregate's state is a {type(state).__name__}, which is no dataclass")
    told = {}
    for field in fields(state):
        try:
            told[field.name] = _told(getattr(state, field.name), arrays)
        except TypeError as error:
            raise _cannot_travel(f"an aggregate's {type(state).__name__}.{field.name} holds {error}") from None
    return told


def _cannot_travel(what: str) -> NotSupportedError:
    return NotSupportedError(
        f"{what}: it cannot leave the process",
        "make the state a dataclass of arrays of numbers, vectors, ExactSums, lists of these, and values that SQL has",
    )


def _told(part: Any, arrays: list[Array]) -> Any:
    """A part of a partial as JSON; its arrays are put with the others."""
    match part:
        case np.ndarray() if part.dtype.kind in _NUMBERS:
            arrays.append(np.ascontiguousarray(part.astype(part.dtype.newbyteorder("<"), copy=False)))
            return {"array": arrays[-1].dtype.str, "shape": list(part.shape)}
        case Numbers() | Coded():
            return _told_vector(part, arrays)
        case ExactSums(digits, base):
            return {"digits": _told(digits, arrays), "base": base}
        case list() if part and isinstance(part[0], list | ExactSums):
            return [_told(each, arrays) for each in part]
        case list():
            return {"values": [_told(each, arrays) for each in part]}
        case bytes():
            return {"blob": part.hex()}
        case float() if not np.isfinite(part):
            return {"real": repr(part)}
        case None | str() | int() | float():
            return part
    raise TypeError(f"an array of {part.dtype}" if isinstance(part, np.ndarray) else f"a {type(part).__name__}")


def _told_vector(vector: Vector, arrays: list[Array]) -> Any:
    if isinstance(vector, Numbers) and vector.render is None:
        return {"numbers": _told(vector.data, arrays), "known": _told(vector.mask, arrays), "times": False}
    if isinstance(vector, Numbers) and vector.render is timestamps.format_array:
        return {"numbers": _told(vector.data, arrays), "known": _told(vector.mask, arrays), "times": True}
    if isinstance(vector, Numbers):
        used, codes = np.unique(vector.data, return_inverse=True)
        values = Numbers(used, None, vector.render).tolist()
        if vector.mask is not None:
            codes, values = np.where(vector.mask, codes, len(values)), [*values, None]
    else:
        used, codes = np.unique(vector.codes, return_inverse=True)
        values = Coded(used, vector.values).tolist()
    return {"codes": _told(codes, arrays), "values": _told(list(values), arrays)}


class _Arrays:
    """The arrays of a message, from one place on."""

    def __init__(self, message: bytes, at: int) -> None:
        self._message = message
        self._at = at

    def read(self, told: Any) -> Any:
        """What `_told` told."""
        match told:
            case {"array": str(dtype), "shape": list(shape)}:
                return self._array(np.dtype(dtype), shape)
            case {"codes": codes, "values": values}:
                return Coded(self.read(codes), self.read(values))
            case {"numbers": data, "known": known, "times": times}:
                return Numbers(self.read(data), self.read(known), timestamps.format_array if times else None)
            case {"digits": digits, "base": base}:
                return ExactSums(self.read(digits), base)
            case {"values": list(values)}:
                return [self.read(value) for value in values]
            case {"blob": str(text)}:
                return bytes.fromhex(text)
            case {"real": str(text)}:
                return float(text)
            case list():
                return [self.read(each) for each in told]
        return told

    def _array(self, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
        if dtype.kind not in _NUMBERS:
            raise ValueError(f"an array of {dtype}")
        count = int(np.prod(shape, dtype=np.int64))
        found = np.frombuffer(self._message, dtype, count, self._at).reshape(shape).astype(dtype.newbyteorder("="))
        self._at += found.nbytes + -found.nbytes % _ALIGNED
        return found
