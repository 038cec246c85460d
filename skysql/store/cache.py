"""A least-recently-used cache under one budget of bytes, shared by the connections of a process.

Keys begin with stamps: random numbers given to stored rows when they are written, and never given twice. So what is
found under a key is right for any reader, whatever has been committed or rolled back since; nothing is ever
invalidated, it only grows old. But a file may be a forgery with another's stamps: so each file has a token of its own,
by what the system says of it as it was opened (lineage.py), never by what is in it.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np

from ..errors import ProgrammingError
from .lineage import OpenFile

V = TypeVar("V")

Owner: TypeAlias = tuple[int, str]
"""Whose values they are: the token of a file, and the name of a table."""

_ARRAY = 96
"""About how many bytes an array takes beside its numbers."""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Kept(Protocol):
    """What knows how much memory it takes, as arrays do."""

    @property
    def nbytes(self) -> int:
        """Bytes."""
        ...


def size(value: object) -> int:
    """Bytes of a cached value, which has `nbytes`, or is a tuple of such values, a number or None."""
    if value is None or isinstance(value, int | float):
        return 32
    if isinstance(value, tuple):
        return 64 + sum(map(size, value))
    return cast(Kept, value).nbytes + (_ARRAY if isinstance(value, np.ndarray) else 0)


class File(Protocol):
    """Whose values they are. token: what no other file has, and this one only until it is replaced."""

    token: int


class _NoFile:
    token = 0


class Cache:
    """Values by key, with their sizes in bytes, the whole within `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.used = 0
        self._lock = threading.Lock()  # protects `used` and `_entries`; never locked while a value is made
        self._entries: OrderedDict[tuple[Owner, Hashable], tuple[Any, int]] = OrderedDict()
        self._whole: Cache | None = None  # of which this is a part
        self._file: File = _NoFile
        self._table = ""
        _caches.add(self)

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value under `key`, made if it is not there. Two threads may make the same value; one is cached."""
        place = (self._file.token, self._table), key
        with self._lock:
            entry = self._entries.get(place)
            if entry is not None:
                self._entries.move_to_end(place)
                return entry[0]  # type: ignore[no-any-return]
        value = make()
        self.keep(key, value)
        return value

    def find(self, key: Hashable) -> Any:
        """The value under `key`, or None."""
        place = (self._file.token, self._table), key
        with self._lock:
            entry = self._entries.get(place)
            if entry is None:
                return None
            self._entries.move_to_end(place)
            return entry[0]

    def keep(self, key: Hashable, value: object) -> None:
        """Cache a value, unless there is one or it is too large."""
        bytes, whole = size(value), self._whole or self
        if bytes > whole.budget:
            return
        place = (self._file.token, self._table), key
        with self._lock:
            if place in self._entries:
                return
            self._entries[place] = value, bytes
            whole.used += bytes
            while whole.used > whole.budget:
                _, (_, oldest) = self._entries.popitem(last=False)
                whole.used -= oldest

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.used = 0

    def forget_file(self, file: int) -> None:
        """Forget what is cached of all tables of a file."""
        self._forget(lambda owner: owner[0] == file)

    def _forget(self, of: Callable[[Owner], bool]) -> None:
        whole = self._whole or self
        with self._lock:
            for place in [place for place in self._entries if of(place[0])]:
                whole.used -= self._entries.pop(place)[1]


class TableCache(Cache):
    """The values of one table of one file, within the budget of the whole."""

    def __init__(self, whole: Cache, file: OpenFile, table: str) -> None:
        self._whole, self._lock, self._entries = whole, whole._lock, whole._entries
        self._file, self._table = file, table

    def clear(self) -> None:
        """Forget what is cached of this part."""
        of = self._file.token, self._table
        self._forget(lambda owner: owner == of)


_caches: weakref.WeakSet[Cache] = weakref.WeakSet()
_locked: list[Cache] = []


def _hold() -> None:
    """A child process gets unlocked caches: the threads that locked them are its parent's."""
    for cache in list(_caches):
        cache._lock.acquire()
        _locked.append(cache)


def _let_go() -> None:
    while _locked:
        _locked.pop()._lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_let_go)


def parse_size(size: int | str) -> int:
    """Bytes of '512MB', '2g', 1000000, ...; raises ProgrammingError."""
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*", str(size), re.IGNORECASE)
    if match is None:
        raise ProgrammingError(f"{size!r} is no cache size", "write a number of bytes, or '512MB'")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _quarter_of_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    except (ValueError, OSError, AttributeError):
        return 1 << 30


SHARED = Cache(_quarter_of_memory())
"""The cache of every connection that is not given a size of its own."""
