"""A least-recently-used cache under one budget of bytes, shared by the connections of a process.

Keys begin with stamps: random numbers given to stored rows when they are written, and never given twice. So what is
found under a key is right for whoever asks with it, whatever has been committed or rolled back since; nothing is ever
invalidated, it only grows old.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from .errors import ProgrammingError

V = TypeVar("V")

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Cache:
    """Values by key, with their sizes in bytes, the whole within `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.used = 0
        self._lock = threading.Lock()  # protects `used` and `_entries`; never held while a value is made
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V], size: Callable[[V], int]) -> V:
        """The value under `key`, made if it is not there. Two threads may make the same value; one is kept."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry[0]  # type: ignore[no-any-return]
        value = make()
        self.keep(key, value, size(value))
        return value

    def find(self, key: Hashable) -> Any:
        """The value under `key`, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def keep(self, key: Hashable, value: object, size: int) -> None:
        """Keep a value of so many bytes, unless there is one or it is too large."""
        if size > self.budget:
            return
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = value, size
            self.used += size
            while self.used > self.budget:
                _, (_, oldest) = self._entries.popitem(last=False)
                self.used -= oldest

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.used = 0


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
