"""A least-recently-used cache under one budget of bytes, shared by the connections of a process.

Keys begin with stamps: random numbers given to stored rows when they are written, and never given twice. So what is
found under a key is right for any reader, whatever has been committed or rolled back since; nothing is ever
invalidated, it only grows old. But a file may be a forgery with another's stamps: so each file has a `Part` of its own,
by what the system says of it as it was opened (lineage.py), never by what is in it.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from ..errors import ProgrammingError
from .lineage import OpenFile

V = TypeVar("V")

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


class Cache:
    """Values by key, with their sizes in bytes, the whole within `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.used = 0
        self._lock = threading.Lock()  # protects `used` and `_entries`; never locked while a value is made
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        _caches.add(self)

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value under `key`, made if it is not there. Two threads may make the same value; one is cached."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry[0]  # type: ignore[no-any-return]
        value = make()
        self.keep(key, value)
        return value

    def find(self, key: Hashable) -> Any:
        """The value under `key`, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def keep(self, key: Hashable, value: object) -> None:
        """Cache a value, unless there is one or it is too large."""
        bytes = size(value)
        if bytes > self.budget:
            return
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = value, bytes
            self.used += bytes
            while self.used > self.budget:
                _, (_, oldest) = self._entries.popitem(last=False)
                self.used -= oldest

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.used = 0

    def forget(self, part: Hashable) -> None:
        """Forget what is cached of a part."""
        self._forget(lambda name: name == part)

    def forget_file(self, file: Hashable) -> None:
        """Forget what is cached of all tables of a file."""
        self._forget(lambda name: isinstance(name, tuple) and name[:1] == (file,))

    def _forget(self, of: Callable[[Any], bool]) -> None:
        with self._lock:
            for key in [key for key in self._entries if isinstance(key, tuple) and of(key[0])]:
                self.used -= self._entries.pop(key)[1]


class TableCache(Cache):
    """The values of one table of one file, within the budget of the whole."""

    def __init__(self, whole: Cache, file: OpenFile, table: str) -> None:
        self._whole = whole
        self._file = file
        self._table = table

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """As the method of Cache."""
        return self._whole.get(((self._file.token, self._table), key), make)

    def find(self, key: Hashable) -> Any:
        """As the method of Cache."""
        return self._whole.find(((self._file.token, self._table), key))

    def keep(self, key: Hashable, value: object) -> None:
        """As the method of Cache."""
        self._whole.keep(((self._file.token, self._table), key), value)

    def clear(self) -> None:
        """Forget what is cached of this part."""
        self._whole.forget((self._file.token, self._table))


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
