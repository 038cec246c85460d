"""The user's functions, aggregates and collations as SQLite calls them, with the errors that sqlite3 has.

An exception of theirs is an OperationalError, of which it is the cause. Of an aggregate, nothing is made before its
first row: without rows it is NULL.

Sources: CPython 3.11 Modules/_sqlite/connection.c, whose behaviour the tests compare with.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ..errors import DataError, OperationalError
from .parameters import contiguous

_reported = False
"""Whether exceptions in callbacks are shown as they happen; see enable_callback_tracebacks."""


def enable_callback_tracebacks(enable: bool, /) -> None:
    """Whether exceptions of functions, authorizers, and what else SQLite calls are given to sys.unraisablehook."""
    global _reported
    _reported = bool(enable)


def report(error: BaseException, callback: Any) -> None:
    """Give an exception to sys.unraisablehook, if that is wanted; Python's own would take none that is made here."""
    if not _reported:
        return
    if sys.unraisablehook is sys.__unraisablehook__:
        print(f"Exception ignored in: {callback!r}", file=sys.stderr)
        traceback.print_exception(error)
        return
    told: Any = SimpleNamespace(
        exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, err_msg=None, object=callback
    )
    sys.unraisablehook(told)


def _raised(error: Exception, callback: Any, message: str) -> Exception:
    report(error, callback)
    if isinstance(error, MemoryError):
        return error
    if isinstance(error, OverflowError):
        return DataError("string or blob too big")
    return OperationalError(message)


def function(func: Callable[..., Any]) -> Callable[..., Any]:
    """A scalar function."""

    def call(*values: Any) -> Any:
        try:
            return _result(func(*values))
        except Exception as error:
            raise _raised(error, func, "user-defined function raised exception") from error

    return call


def _result(value: Any) -> Any:
    """What SQLite takes; raises TypeError for anything else."""
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError for half of a surrogate pair
    if value is None or isinstance(value, str | float | bytes):
        return value
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return value
    return bytes(contiguous(value))


class _Group:
    """One group of an aggregate: an instance of the user's class, made by its first row."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def step(self, *values: Any) -> None:
        if self._made is None:
            self._made = self._call("__init__", self._make)
        self._called("step", *values)

    def inverse(self, *values: Any) -> None:
        self._called("inverse", *values)

    def value(self) -> Any:
        return None if self._made is None else self._called("value")

    def finalize(self) -> Any:
        return None if self._made is None else self._called("finalize")

    def _called(self, name: str, *values: Any) -> Any:
        method = getattr(self._made, name, None)
        if method is None:
            error = AttributeError(f"{type(self._made).__name__!r} object has no attribute {name!r}")
            raise _raised(error, self._make, f"user-defined aggregate's {name!r} method not defined") from error
        return self._call(name, lambda: _result(method(*values)) if name in ("value", "finalize") else method(*values))

    def _call(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            raise _raised(error, self._make, f"user-defined aggregate's {name!r} method raised error") from error


class _Window(_Group):
    """One window; an exception of finalize(), of which SQLite does not ask the value, is nobody's."""

    def finalize(self) -> Any:
        try:
            return super().finalize()
        except OperationalError:
            return None


def groups(make: Callable[[], Any]) -> Callable[[], _Group]:
    """What makes the groups of an aggregate."""
    return lambda: _Group(make)


def windows(make: Callable[[], Any]) -> Callable[[], _Group]:
    """What makes the windows of a window function."""
    return lambda: _Window(make)


def collation(compare: Callable[[str, str], int]) -> Callable[[str, str], int]:
    """A collation, of which the sign counts. An exception stops the statement: sqlite3 would find the texts equal."""

    def compared(left: str, right: str) -> int:
        try:
            found = compare(left, right)
            return (found > 0) - (found < 0)
        except Exception as error:
            raise _raised(error, compare, "user-defined collation raised exception") from error

    return compared
