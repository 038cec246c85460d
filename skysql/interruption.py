"""Whether the work that a thread does for a connection is to stop. Every loop of ours that may be long asks.

    with guard: ...            each use of a connection, by its thread: from here on look() is about that connection
    connection.interrupt()     by any other thread
    look()                     in a loop, at least every 2^16 rows or millisecond: raises if it is to stop
    patiently(np.sort, keys)   one call of numpy's, of many rows, that cannot be cut

SQLite's flag alone does not do, as SQLite clears it when none of its statements runs, which is often so while append()
or compact() does. Imports nothing but errors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future
from itertools import islice
from typing import ParamSpec, TypeVar

import numpy as np

from .errors import OperationalError

P = ParamSpec("P")
T = TypeVar("T")

_LONG = 1 << 18
"""With more elements than this, a call of numpy's may take longer than a user waits after Ctrl-C."""

_PIECE = 1 << 16
"""Elements that are worked through between two looks."""

_GLANCE = 0.02
"""Seconds between two looks while such a call is waited for."""


class Interrupted(OperationalError):
    """The work was interrupted. Has the code that SQLite gives to its own."""

    sqlite_errorcode = 9
    sqlite_errorname = "SQLITE_INTERRUPT"

    def __init__(self) -> None:
        super().__init__("interrupted")


class Interruption:
    """Of one connection. The thread that uses it enters and leaves; others call stop().

    stopped: whether the work that goes on is to stop when it next looks, or to ask the handler of its progress.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._told = False  # whether by stop()
        self._progress: Callable[[], object] | None = None
        self._depth = 0  # these two are touched by the thread that uses the connection only
        self._outer: Interruption | None = None

    def enter(self) -> None:
        """The thread begins to use the connection, or does so within such a use."""
        if not self._depth:
            self._told, self.stopped = False, self._progress is not None
            self._outer, _here.interruption = _here.interruption, self
        self._depth += 1

    def leave(self) -> None:
        """The use that was entered last is over."""
        self._depth -= 1
        if not self._depth:
            _here.interruption, self._outer = self._outer, None

    def stop(self) -> None:
        """Stop the work that goes on, if any."""
        self._told = self.stopped = True

    def check(self) -> None:
        """Raise Interrupted if it is to stop."""
        if self.stopped:
            self.answer()

    def answer(self) -> None:
        """Raise Interrupted, but if it is the handler's to say, and it says no."""
        if self._told or self._progress is None or self._progress():
            raise Interrupted

    def ask(self, progress: Callable[[], object] | None) -> None:
        """Have a handler asked at each look, from the next use on; what it answers is whether to stop."""
        self._progress, self.stopped = progress, False


class _Here(threading.local):
    """By thread: the connection that it uses."""

    interruption: Interruption | None = None


_here = _Here()


def look() -> None:
    """Raise Interrupted if this thread is to stop what it does."""
    here = _here.interruption
    if here is not None and here.stopped:
        here.answer()


def looking(items: Iterable[T]) -> Iterator[T]:
    """The same items, with a look before each."""
    for item in items:
        here = _here.interruption  # look() itself would be a call for each of a few
        if here is not None and here.stopped:
            here.answer()
        yield item


def patiently(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """function(*arguments), which touches nothing but the arrays that it is given, or sequences of them.

    A long one runs in a thread of its own.
    """
    several = [each for one in arguments for each in (one if isinstance(one, list | tuple) else (one,))]
    sizes = [each.size if isinstance(each, np.ndarray) else len(each) for each in several if isinstance(each, Sized)]
    if _here.interruption is None or max(sizes, default=0) < _LONG:
        return function(*arguments, **options)
    made: Future[T] = Future()

    def run() -> None:
        try:
            made.set_result(function(*arguments, **options))
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=run, name="skysql-patience", daemon=True).start()
    return outcome(made)


def outcome(made: Future[T]) -> T:
    """The result of another thread. If this one is interrupted, the other goes on to its end, and nobody reads it."""
    while True:
        try:
            return made.result(_GLANCE)
        except TimeoutError:
            if made.done():
                return made.result()
            look()


def pieces(size: int, most: int = _PIECE) -> Iterator[slice]:
    """0 ... size-1 in slices of 2^16 at the most, or of `most`, with a look before each."""
    for low in range(0, size, most):
        look()
        yield slice(low, min(low + most, size))


def types_of(values: Sequence[object]) -> set[type]:
    """The types that there are among them."""
    types: set[type] = set()
    rest = iter(values)
    for piece in pieces(len(values)):
        types.update(map(type, islice(rest, piece.stop - piece.start)))
    return types
