"""What every use of a connection is wrapped in: one thread at a time, only while it is open, errors of ours."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType

import apsw

from .. import errors
from ..errors import ProgrammingError
from ..interruption import Interruption
from .sqlite_errors import translate


class Guard:
    """Around each use of a connection: `with guard: ...`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held while SQLite, the engine, or the state of a result is touched
        self.closed = False
        self.process = os.getpid()  # that has opened it
        self.abandoned = False  # whether the process was forked while another thread held the lock
        _guards.add(self)
        self.interruption = Interruption()

    def __enter__(self) -> None:
        self.lock.acquire()
        if self.closed:
            self.lock.release()
            raise ProgrammingError("Cannot operate on a closed database.")
        if self.abandoned:
            self.lock.release()
            raise ProgrammingError(
                "another thread used this connection when the process was forked", "open one in the child process"
            )
        self.interruption.enter()

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.interruption.leave()
        self.lock.release()
        if error is not None:
            _raise_ours(error)


def _raise_ours(error: BaseException) -> None:
    """Raise what stands for an error of SQLite's, of apsw's or of the system's; nothing for others."""
    if isinstance(error, errors.Error):
        return
    if isinstance(error, apsw.Error):
        raise _ours(error) from None
    if isinstance(error, SystemError) and error.__cause__ is not None:  # SQLite went on while it was on its way
        raise _taken_cause(error).with_traceback(None)
    if isinstance(error, UnicodeDecodeError):  # of a text of SQLite's, which takes any bytes for one
        found = error.object[max(error.start - 20, 0) : error.end + 20]
        hint = "CAST(... AS BLOB) reads it as it is"
        raise errors.OperationalError(f"Could not decode to UTF-8 a text with {found!r}", hint) from error
    if isinstance(error, UnicodeEncodeError):
        said = f"{error.object[error.start]!r} stands in no text"
        raise errors.UnencodableError(said, "it is half of a pair", error) from None
    if errors.is_exhaustion(error):
        raise errors.exhausted(error) from error


def _ours(error: apsw.Error) -> errors.Error:
    """What stands for an error of apsw's; of a broken constraint, it is what the table raised."""
    cause = error.__cause__
    return _taken_cause(error) if isinstance(cause, errors.Error) else translate(error)  # type: ignore[return-value]


def _taken_cause(error: BaseException) -> BaseException:
    """Its cause, which is raised in its place: if it kept that, each would have the other, and the user's frames."""
    cause, error.__cause__ = error.__cause__, None
    assert cause is not None
    return cause


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _abandon() -> None:
    """A child process has none of its parent's threads, and a statement that one of them was at never ends."""
    for guard in list(_guards):
        if guard.lock.acquire(blocking=False):
            guard.lock.release()
        else:
            guard.lock, guard.abandoned = threading.RLock(), True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon)
