"""Which file a database is, as the system tells of the one that was opened; nothing that is in it is believed.

A file that is opened gets a random token, its lineage, which connections share that find the same device and inode, and
the size and times that it had: no program can set the time of the last change (ctime) as it likes. While one of them is
open, what is in the -wal file does not count: so commits leave the lineage as it is, and only a checkpoint makes later
connections begin anew, as does a program that overwrites the file. When the last has closed it, its journals count,
too; and a file that changed just before it was closed, which could change again within one tick of that clock, is a new
one.
A file that another database is copied over by `backup()` is a new one, too, for all who have it open.

Where the system does not tell (in memory, temporary, other file systems) each connection is by itself.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import threading
import time
import weakref
from dataclasses import dataclass, field

import apsw

_TICK = 50_000_000
"""Nanoseconds in which a file may change twice without its times telling; clocks tick each 1 to 10 ms."""

_MOST = 1024
"""Files that are cached after they were closed."""

Seen = tuple[tuple[int, ...] | None, ...]


@dataclass(slots=True)
class _Lineage:
    token: int
    seen: Seen  # what the file was when it was opened first, or closed last
    opened: int = 0  # how many connections have it open, those included that opened it as another one
    files: weakref.WeakSet[OpenFile] = field(default_factory=weakref.WeakSet)  # as these connections have it


_lock = threading.RLock()  # as a finalizer may run at any moment, also while it is held. Protects:
_lineages: dict[tuple[int, int], _Lineage] = {}


class OpenFile:
    """A database of a connection. token: what no other file has, and this one only until it is replaced."""

    def __init__(self, sqlite: apsw.Connection, database: str) -> None:
        path = sqlite.db_filename(database)
        place = _place(sqlite, database, path) if path else None
        with _lock:
            found, seen = (None, ()) if place is None else (_lineages.get(place), _seen(path))
            if found is None:
                found = _Lineage(secrets.randbits(63), seen)
            elif not (found.seen[0] == seen[0] if found.opened else found.seen == seen):
                found.token, found.seen = secrets.randbits(63), seen
            found.opened += 1
            found.files.add(self)
            self.token, self._lineage = found.token, found
            self._leave = None
            if place is not None:
                _lineages[place] = found
                self._leave = weakref.finalize(self, _close, place, found, path)

    @property
    def alone(self) -> bool:
        """Whether no other connection can have it, now or later."""
        return self._leave is None

    def replace(self) -> None:
        """Another database was copied over it."""
        with _lock:
            lineage = self._lineage
            before = {lineage.token, *(file.token for file in lineage.files)}
            tokens = {token: secrets.randbits(63) for token in before}
            lineage.token = tokens[lineage.token]
            for file in lineage.files:
                file.token = tokens[file.token]

    def close(self) -> None:
        """The connection is closed."""
        if self._leave is not None:
            self._leave()


def _close(place: tuple[int, int], lineage: _Lineage, path: str) -> None:
    with _lock:
        lineage.opened -= 1
        if lineage.opened or _lineages.get(place) is not lineage:
            return
        seen = _seen(path)
        settled = time.time_ns() - _TICK
        if seen[0] is None or seen[0][:2] != place or any(each and each[-1] > settled for each in seen):
            del _lineages[place]
            return
        lineage.seen = seen
        closed = [each for each, other in _lineages.items() if not other.opened]
        for each in closed[:-_MOST]:
            del _lineages[each]


def _place(sqlite: apsw.Connection, database: str, path: str) -> tuple[int, int] | None:
    """Device and inode of the file that is open, or None where they are not known."""
    before = _stat(path)
    moved = ctypes.c_int(1)
    try:
        told = sqlite.file_control(database, apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(moved))
    except apsw.Error:
        return None
    if not told or moved.value or before is None or before != _stat(path):
        return None
    return (before[0], before[1]) if before[1] else None


def _seen(path: str) -> Seen:
    """What the file is and its journals are; an empty journal, which opening a file creates, does not count."""
    journals = (_stat(f"{path}-{journal}") for journal in ("wal", "journal"))
    return _stat(path), *(each if each and each[2] else None for each in journals)


def _stat(path: str) -> tuple[int, ...] | None:
    """Device, inode, size, and the times of the last write and the last change of a file, if there is one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _forget_threads() -> None:
    """A child process has none of its parent's."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
