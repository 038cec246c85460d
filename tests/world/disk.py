"""A disk in memory, as SQLite sees it, whose power can be cut and whose every call can be made to fail.

    disk = Disk("name")                     skysql.connect(disk.uri) opens its one database
    disk.log                                what was done to files, in order
    power_cut(log, upto, random)            what may be left of the files if the power goes after `upto` of these

What a power cut may do, of what was written since a file was last synced: each sector of each write was written, was
not, or was written to some point of it; each truncation happened or not. A file's own bytes are safe once it is synced.
Names are made and removed in order, some of the last of them not yet; they are safe after a removal that syncs the
directory, and after the first sync of a journal, which does that too (as SQLite's unix VFS has it).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import apsw

SECTOR = 512


@dataclass(frozen=True)
class Done:
    """One change: `file` is a number that no other file has, whatever it is called."""

    kind: str  # create, remove, write, truncate, sync, or a mark of the test's
    file: int = 0
    name: str = ""
    offset: int = 0
    data: bytes = b""
    safe: bool = False  # of create: a journal, whose first sync syncs the directory; of remove: syncs the directory


Fault = Callable[[str, str], BaseException | int | None]
"""Asked before each call, by its kind and the file's name: an exception to raise, or how many bytes fewer to read."""


class Disk(apsw.VFS):
    """The VFS. Not for several connections at once: locks are granted to everyone."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.uri = f"file:/events.db?vfs={name}"
        self.log: list[Done] = []
        self.fault: Fault = lambda kind, name: None
        self.contents: dict[int, bytearray] = {}
        self.names: dict[str, int] = {}

    def put(self, files: dict[str, bytes]) -> None:
        """Let these be the files."""
        self.names = {name: at for at, name in enumerate(files, 1)}
        self.contents = {at: bytearray(files[name]) for name, at in self.names.items()}

    def files(self) -> dict[str, bytes]:
        """The files as they are."""
        return {name: bytes(self.contents[file]) for name, file in self.names.items()}

    def ask(self, kind: str, name: str) -> int:
        """Let the call fail if it is to."""
        found = self.fault(kind, name)
        if isinstance(found, BaseException):
            raise found
        return found or 0

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name

    def xAccess(self, name: str, _flags: int) -> bool:  # noqa: N802
        self.ask("access", name)
        return name in self.names

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        self.ask("remove", name)
        if name in self.names:
            self.log.append(Done("remove", name=name, safe=bool(sync)))
            del self.names[name]

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:  # noqa: N802
        text = None if name is None else name if isinstance(name, str) else name.filename()
        self.ask("open", text or "")
        flags[1] = flags[0]
        if text is None or text not in self.names:
            file = len(self.contents) + 1
            self.contents[file] = bytearray()
            if text is not None:
                journal = bool(flags[0] & (apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL))
                self.log.append(Done("create", file, text, safe=journal))
                self.names[text] = file
        else:
            file = self.names[text]
        return DiskFile(self, text or "", file)


class DiskFile:
    """An open file, as apsw wants it."""

    def __init__(self, disk: Disk, name: str, file: int) -> None:
        self.disk, self.name, self.file = disk, name, file

    @property
    def bytes(self) -> bytearray:
        return self.disk.contents[self.file]

    def _did(self, kind: str, offset: int = 0, data: Any = b"") -> None:
        if self.name:
            self.disk.log.append(Done(kind, self.file, self.name, offset, bytes(data)))

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        short = self.disk.ask("read", self.name)
        return bytes(self.bytes[offset : offset + max(amount - short, 0)])

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self.disk.ask("write", self.name)
        self._did("write", offset, data)
        write(self.bytes, offset, data)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self.disk.ask("truncate", self.name)
        self._did("truncate", size)
        del self.bytes[size:]

    def xSync(self, _flags: int) -> None:  # noqa: N802
        self.disk.ask("sync", self.name)
        self._did("sync")

    def xFileSize(self) -> int:  # noqa: N802
        return len(self.bytes)

    def xLock(self, _level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, _level: int) -> None:  # noqa: N802
        pass

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xFileControl(self, _op: int, _pointer: int) -> bool:  # noqa: N802
        return False

    def xClose(self) -> None:  # noqa: N802
        pass


def write(content: bytearray, offset: int, data: Any) -> None:
    """Overwrite, or extend; what is skipped is zero."""
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


# power cuts


@dataclass
class _Kept:
    """What is safe of a file, and what was done to it since."""

    content: bytearray = field(default_factory=bytearray)
    waiting: list[Done] = field(default_factory=list)
    journal: bool = False

    def left(self, r: random.Random) -> bytes:
        """What a power cut may leave."""
        content, odds = bytearray(self.content), r.choice([0.0, 0.5, 0.9, 1.0])
        for done in self.waiting:
            if done.kind == "truncate":
                if r.random() < odds:
                    del content[done.offset :]
                continue
            for at in range(0, len(done.data), SECTOR):
                if r.random() < odds:
                    sector = done.data[at : at + SECTOR]
                    if r.random() < 0.1:
                        sector = sector[: r.randrange(len(sector))]
                    write(content, done.offset + at, sector)
        return bytes(content)


def power_cut(log: list[Done], upto: int, r: random.Random) -> dict[str, bytes]:
    """The files that may be left if the power is cut after the first `upto` entries of the log."""
    files: dict[int, _Kept] = {}
    names: dict[str, int] = {}
    renaming: list[Done] = []  # names made and removed that are not safe yet
    for done in log[:upto]:
        if done.kind == "create":
            files[done.file] = _Kept(journal=done.safe)
            renaming.append(done)
        elif done.kind == "remove":
            renaming.append(done)
            if done.safe:
                _rename(names, renaming)
        elif done.kind in ("write", "truncate"):
            files[done.file].waiting.append(done)
        elif done.kind == "sync":
            _sync(files[done.file])
            if files[done.file].journal:
                files[done.file].journal = False
                _rename(names, renaming)
    _rename(names, renaming[: r.randint(0, len(renaming))])
    return {name: files[file].left(r) for name, file in names.items()}


def _rename(names: dict[str, int], renaming: list[Done]) -> None:
    for done in renaming:
        if done.kind == "create":
            names[done.name] = done.file
        else:
            names.pop(done.name, None)
    renaming.clear()


def _sync(kept: _Kept) -> None:
    for done in kept.waiting:
        if done.kind == "truncate":
            del kept.content[done.offset :]
        else:
            write(kept.content, done.offset, done.data)
    kept.waiting.clear()
