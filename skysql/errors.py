"""The one tree of errors: PEP 249's names, and CorruptError for stored bytes that are not what was written.

A message says what was expected, what was found and where; `hint`, when there is one, says what to do.
On the command line both are printed on one line.
"""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Iterable

_SHOWN = 20  # names in a hint, at the most


class Warning(builtins.Warning):
    """Something was done that may surprise (PEP 249)."""


class Error(Exception):
    """The root of every error that skysql raises; `hint` says what to do about it, or is None."""

    def __init__(self, message: str = "", hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.hint})" if self.hint else message


class InterfaceError(Error):
    """The interface was misused, not the database: a closed cursor, for one."""


class DatabaseError(Error):
    """The database could not do what was asked."""


class DataError(DatabaseError):
    """A value that cannot be stored: out of range, of the wrong type, unparsable."""


class TooLargeError(DataError, OverflowError):
    """An integer of more than 64 bits; also the error that the standard library's sqlite3 has for it."""


class UnencodableError(DataError, UnicodeEncodeError):
    """A text with half of a surrogate pair; also the error that the standard library's sqlite3 has for it."""

    def __init__(self, message: str, hint: str | None, cause: UnicodeEncodeError) -> None:
        UnicodeEncodeError.__init__(self, *cause.args)
        self.hint = hint
        self._message = message

    def __str__(self) -> str:
        return f"{self._message} ({self.hint})" if self.hint else self._message


class OperationalError(DatabaseError):
    """The surroundings failed: a lock, a full disk, an unreadable file, an interrupt."""


class OutOfMemoryError(OperationalError, MemoryError):
    """There is not enough memory; also the error that the standard library's sqlite3 has for it."""


class AlteredError(OperationalError):
    """A table was altered between the planning of a statement and its run, so that it has to be planned anew."""


class IntegrityError(DatabaseError):
    """A constraint would be broken: an event without an object, or with nothing in it."""


class InternalError(DatabaseError):
    """The database is in a state that it should not be in."""


class ProgrammingError(DatabaseError):
    """The statement or the call is wrong: a syntax error, an unknown table or property."""


class NullCharacterError(ProgrammingError, ValueError):
    """A script with a null character; also the error that the standard library's sqlite3 has for it."""


class NotSupportedError(DatabaseError):
    """The statement is right, but is not something that can be done here."""


class CorruptError(DatabaseError):
    """Stored bytes are not those that were written; the message names the table, block and column."""


def is_exhaustion(error: BaseException) -> bool:
    """Whether there was no more memory, stack or thread, for which Python has no class of error."""
    no_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return isinstance(error, MemoryError | RecursionError) or no_thread


def exhausted(error: BaseException) -> OperationalError:
    """What is said when there is no more memory, stack or thread for what was asked."""
    if isinstance(error, RecursionError):
        return OperationalError("what was asked is nested too deeply", "write it in several steps")
    if isinstance(error, MemoryError):
        return OutOfMemoryError(f"out of memory{f': {error}' if str(error) else ''}", "ask for less at a time")
    return OperationalError(str(error), "the system has as many threads as it allows")


def instead(value: object) -> str:
    """The end of a message that says what was expected."""
    if value is None:
        return "and is missing"
    found = repr(value)
    return f"and not {found if len(found) <= 60 else found[:57] + '...'}"


def changed_under_reader(what: str) -> OperationalError:
    """The error of a scan that misses something that it has seen before. what: the thing, with 'was' or 'were'."""
    return OperationalError(
        f"{what} changed under a statement that reads it",
        "fetch all rows of a statement before a transaction that it saw is rolled back",
    )


def near(name: str, names: Iterable[str]) -> str:
    """A hint: the name that was probably meant, or the names that there are."""
    known = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), known, 1)
    if close:
        return f"did you mean {known[close[0]]!r}?"
    listed = list(known.values())
    return f"there are {', '.join(listed[:_SHOWN]) or 'none'}{' and others' if len(listed) > _SHOWN else ''}"
