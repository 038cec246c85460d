"""A value that other threads may still be working out: what loops of loops.c give, and all that is made of it.

As a Future of concurrent.futures; but asking for the result first hands a job to a thread, if none has taken it yet
(compiled.py). `then` says what becomes of the value, in the thread that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Pending(Generic[T]):
    """A value on its way. Asked for once."""

    __slots__ = ("result",)

    def __init__(self, result: Callable[[], T]) -> None:
        self.result = result
        """Waits for the value."""

    def then(self, make: Callable[[T], U]) -> Pending[U]:
        """What `make` makes of the value."""
        return Pending(lambda: make(self.result()))

    @classmethod
    def known(cls, value: T) -> Pending[T]:
        """A value that nobody has to wait for."""
        return cls(lambda: value)


__all__ = ["Pending"]
