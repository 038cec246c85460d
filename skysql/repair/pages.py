"""The pages of a damaged SQLite file, where a tree no longer leads to them: pure functions of bytes.

Format: https://www.sqlite.org/fileformat2.html, of which this reads

    file header     16 page size (1: 65536), 20 bytes reserved in each page, 32 first page of the freelist, 56 encoding
    b-tree page     0 type, 3 cells, 8 right child of an inner page; from 8 or 12 on, where each cell begins
    types           2 inner and 10 leaf of an index or a table WITHOUT ROWID, 5 inner and 13 leaf of a table
    cell            inner: uint32 child; leaf: varint payload size, for a table varint rowid; payload, overflow page
    record          varint header size, varint type of each value; the values

Page 1 begins with the file header, and its b-tree page at 100. All integers are big-endian.

A leaf is *orphaned* if no tree leads to it and it is not free: what is on free pages was deleted, and stays so. Nothing
here raises an error for what the bytes are: what is no page, cell or record is none.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"SQLite format 3\0"
_INNER, _LEAVES = (2, 5), (10, 13)
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_UTF8 = 1

Value = None | int | float | str | bytes


class PageFault(ValueError):
    """These bytes are not what they should be."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """A row of a leaf. rowid: None WITHOUT ROWID. types: of its values. local: where its payload begins, of `size`."""

    page: int
    rowid: int | None
    types: tuple[int, ...]
    local: int
    size: int


class Pages:
    """A whole file; data: bytes, or a map of it. Raises Fault if it has no header of a file of UTF-8."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self.data = data
        if data[:16] != MAGIC or len(data) < 100:
            raise PageFault("no header")
        (size,) = struct.unpack_from(">H", data, 16)
        self.size = 65536 if size == 1 else size
        if self.size < 512 or self.size & (self.size - 1) or data[56:60] != _UTF8.to_bytes(4):
            raise PageFault("no page size, or another encoding")
        self.usable = self.size - data[20]
        self.count = len(data) // self.size

    # which pages

    def _u32(self, at: int) -> int:
        found: int = struct.unpack_from(">I", self.data, at)[0]
        return found

    def _head(self, page: int) -> int:
        """Where the b-tree page begins."""
        return 100 if page == 1 else (page - 1) * self.size

    def _pointers(self, page: int) -> list[int]:
        """Where the cells of a b-tree page begin; raises Fault if it is none."""
        head, start = self._head(page), (page - 1) * self.size
        kind = self.data[head]
        (cells,) = struct.unpack_from(">H", self.data, head + 3)
        first = head + (12 if kind in _INNER else 8)
        if kind not in (*_INNER, *_LEAVES) or first + 2 * cells > start + self.usable:
            raise PageFault("no page of a tree")
        found = [start + at for at in struct.unpack_from(f">{cells}H", self.data, first)]
        if any(not first + 2 * cells <= at < start + self.usable - 3 for at in found):
            raise PageFault("a cell outside of its page")
        return found

    def reached(self, root: int) -> tuple[set[int], bool]:
        """The pages of a tree, and whether all of it is sound."""
        found: set[int] = set()
        sound, waiting = True, [root]
        while waiting:
            page = waiting.pop()
            if not 1 <= page <= self.count or page in found:
                sound = False
                continue
            try:
                pointers = self._pointers(page)
            except PageFault:
                sound = False
                continue
            found.add(page)
            if self.data[self._head(page)] in _INNER:
                waiting += [self._u32(at) for at in (*pointers, self._head(page) + 8)]
        return found, sound

    def free(self) -> set[int]:
        """The pages of the freelist; raises Fault if it is damaged."""
        found: set[int] = set()
        trunk = self._u32(32)
        while trunk:
            at = (trunk - 1) * self.size
            if trunk in found or not 1 < trunk <= self.count:
                raise PageFault("the freelist is damaged")
            leaves = self._u32(at + 4)
            if leaves > self.usable // 4 - 2:
                raise PageFault("the freelist is damaged")
            found |= {trunk, *struct.unpack_from(f">{leaves}I", self.data, at + 8)}
            trunk = self._u32(at)
        return found

    def orphans(self, known: set[int]) -> Iterator[int]:
        """The leaves that are neither among these nor free; none if it cannot be told what is free."""
        try:
            known = known | self.free()
        except PageFault:
            return
        for page in range(2, self.count + 1):
            if page not in known and self.data[self._head(page)] in _LEAVES:
                yield page

    # what is on them

    def rows(self, page: int) -> Iterator[PageRow]:
        """The rows of a leaf, as far as they are some."""
        try:
            pointers = self._pointers(page)
        except PageFault:
            return
        table = self.data[self._head(page)] == 13
        for at in pointers:
            try:
                size, at = self._varint(at)
                rowid, at = self._varint(at) if table else (None, at)
                header, after = self._varint(at)
                types, end = [], at + header
                if not 0 < header <= min(size, self._local(size, table)) or end > page * self.size:
                    continue
                while after < end:
                    type, after = self._varint(after)
                    types.append(type)
            except (PageFault, IndexError):
                continue
            if rowid is not None and rowid >= 1 << 63:
                rowid -= 1 << 64
            if header + sum(map(_width, types)) == size and after == end:
                yield PageRow(page, rowid, tuple(types), at, size)

    def values(self, row: PageRow) -> tuple[Value, ...] | None:
        """The values of a row; None if it cannot be read to its end."""
        try:
            payload = self._payload(row)
            at, _ = self._header(payload)
            found: list[Value] = []
            for type in row.types:
                found.append(_value(type, payload[at : at + _width(type)]))
                at += _width(type)
            return tuple(found)
        except (PageFault, UnicodeDecodeError, struct.error):
            return None

    @staticmethod
    def _header(payload: bytes) -> tuple[int, int]:
        value = at = 0
        while at < 9:
            value = value << 7 | payload[at] & 0x7F
            at += 1
            if payload[at - 1] < 0x80:
                break
        return value, at

    def _varint(self, at: int) -> tuple[int, int]:
        """The number at a place, and the place after it."""
        value = 0
        for _ in range(8):
            byte = self.data[at]
            at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, at
        return value << 8 | self.data[at], at + 1

    def _local(self, size: int, table: bool) -> int:
        """How many bytes of a payload are on the leaf itself."""
        most = self.usable - 35 if table else (self.usable - 12) * 64 // 255 - 23
        if size <= most:
            return size
        least = (self.usable - 12) * 32 // 255 - 23
        kept = least + (size - least) % (self.usable - 4)
        return kept if kept <= most else least

    def _payload(self, row: PageRow) -> bytes:
        local = self._local(row.size, row.rowid is not None)
        if row.local + local > row.page * self.size or row.size > len(self.data):
            raise PageFault("a payload outside of its page")
        parts, left = [bytes(self.data[row.local : row.local + local])], row.size - local
        next = self._u32(row.local + local) if left else 0
        while left > 0:
            if not 1 < next <= self.count:
                raise PageFault("an overflow page that is none")
            at = (next - 1) * self.size
            part = min(left, self.usable - 4)
            parts.append(bytes(self.data[at + 4 : at + 4 + part]))
            next, left = self._u32(at), left - part
        return b"".join(parts)


def _width(type: int) -> int:
    return _INTEGERS.get(type, 8 if type == 7 else 0) if type < 12 else (type - 12) // 2


def _value(type: int, data: bytes) -> Value:
    if type in _INTEGERS:
        return int.from_bytes(data, signed=True)
    if type == 7:
        return float(struct.unpack(">d", data)[0])
    if type >= 12:
        return data.decode() if type % 2 else data
    return {8: 0, 9: 1}.get(type)
