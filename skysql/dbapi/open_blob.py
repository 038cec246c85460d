"""A BLOB of an ordinary table that is read and written in place.

Sources: CPython 3.11 Modules/_sqlite/blob.c, whose behaviour the tests compare with.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import apsw

from ..errors import ProgrammingError
from .parameters import contiguous

if TYPE_CHECKING:
    from ..engine.guard import Guard


class Opened(Protocol):
    """What a BLOB is opened on: a connection."""

    guard: Guard
    sqlite: apsw.Connection


class Blob:
    """What Connection.blobopen() gives: a file of fixed size, and a sequence of bytes. A cell that changes ends it."""

    __slots__ = ("__weakref__", "_at", "_blob", "_connection", "_guard", "_length")

    def __init__(self, blob: apsw.Blob, connection: Opened) -> None:
        self._blob: apsw.Blob | None = blob
        self._connection = connection  # which is open for as long as this is
        self._guard = connection.guard
        self._length = blob.length()
        self._at = 0

    def __reduce__(self) -> str:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def _opened(self) -> apsw.Blob:
        if self._blob is None:
            raise ProgrammingError("Cannot operate on a closed blob.")
        return self._blob

    def close(self) -> None:
        """Close it; may be called again."""
        with self._guard:
            if self._blob is not None:
                self._blob.close(True)  # what a write failed with was said there
                self._blob = None

    def read(self, length: int = -1, /) -> bytes:
        """The next bytes: `length`, or all that are left."""
        with self._guard:
            self._opened()
            left = max(0, self._length - self._at)
            length = left if length < 0 or length > left else length
            found = self._bytes(self._at, length)
            self._at += length
            return found

    def write(self, data: Any, /) -> None:
        """Write over the next bytes; ValueError beyond the end, as its size does not change."""
        with self._guard:
            self._opened()
            data = contiguous(data)
            if len(data) > self._length - self._at:
                raise ValueError("data longer than blob")
            self._put(self._at, data)
            self._at += len(data)

    def seek(self, offset: int, origin: int = os.SEEK_SET, /) -> None:
        """Go to an offset from the beginning, from here or from the end; ValueError if it is outside."""
        with self._guard:
            self._opened()
            if not -(1 << 31) <= offset < 1 << 31:
                raise OverflowError("seek offset results in overflow")
            bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}
            if origin not in bases:
                raise ValueError("'origin' should be os.SEEK_SET, os.SEEK_CUR, or os.SEEK_END")
            at = bases[origin] + offset
            if at >= 1 << 31:
                raise OverflowError("seek offset results in overflow")
            if not 0 <= at <= self._length:
                raise ValueError("offset out of blob range")
            self._at = at

    def tell(self) -> int:
        """The offset of the next byte."""
        with self._guard:
            self._opened()
            return self._at

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._opened()
        self.close()

    def __len__(self) -> int:
        with self._guard:
            self._opened()
            return self._length

    def __bool__(self) -> bool:
        return len(self) > 0

    def __getitem__(self, key: int | slice, /) -> int | bytes:
        with self._guard:
            self._opened()
            if isinstance(key, slice):
                start, stop, step = key.indices(self._length)
                if step == 1:
                    return self._bytes(start, max(0, stop - start))
                return self._bytes(0, self._length)[key]
            return self._bytes(self._index(key), 1)[0]

    def __setitem__(self, key: int | slice, value: Any, /) -> None:
        with self._guard:
            self._opened()
            if isinstance(key, slice):
                self._set_slice(key, value)
                return
            at = self._index(key)
            if not isinstance(value, int):
                raise TypeError(f"{type(value).__name__!r} object cannot be interpreted as an integer")
            if not 0 <= value < 256:
                raise ValueError("byte must be in range(0, 256)")
            self._put(at, bytes([value]))

    def __delitem__(self, key: int | slice, /) -> None:
        what = "slice" if isinstance(key, slice) else "item"
        raise TypeError(f"Blob doesn't support {what} deletion")

    def __iter__(self) -> Any:
        raise TypeError(f"{type(self).__name__!r} object is not iterable")

    def __contains__(self, _item: object, /) -> bool:
        raise TypeError(f"argument of type {type(self).__name__!r} is not iterable")

    def _set_slice(self, key: slice, value: Any) -> None:
        start, stop, step = key.indices(self._length)
        places = range(start, stop, step)
        data = contiguous(value)
        if len(data) != len(places):
            raise IndexError("Blob slice assignment is wrong size")
        if step == 1:
            self._put(start, data)
        elif places:
            changed = bytearray(self._bytes(0, self._length))
            changed[key] = data
            self._put(0, changed)

    def _index(self, key: Any) -> int:
        if not hasattr(type(key), "__index__"):
            raise TypeError("Blob indices must be integers")
        at = int(key.__index__())
        if not -(1 << 63) <= at < 1 << 63:
            raise IndexError("cannot fit 'int' into an index-sized integer")
        at += self._length if at < 0 else 0
        if not 0 <= at < self._length:
            raise IndexError("Blob index out of range")
        return at

    def _bytes(self, at: int, length: int) -> bytes:
        blob = self._opened()
        if length == 0:
            return b""
        blob.seek(at)
        return blob.read(length)

    def _put(self, at: int, data: Any) -> None:
        blob = self._opened()
        if len(data):
            blob.seek(at)
            blob.write(data)


def open_blob(connection: Opened, name: str, table: str, column: str, row: int, readonly: bool) -> Blob:
    """The cell of that row; OperationalError if there is none, or none that can be opened so."""
    try:
        return Blob(connection.sqlite.blob_open(name, table, column, row, not readonly), connection)
    except OverflowError:
        raise OverflowError("Python int too large to convert to SQLite INTEGER") from None
