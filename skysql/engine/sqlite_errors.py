"""SQLite's errors as those of skysql.errors, with its own message, `sqlite_errorcode` and `sqlite_errorname`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import apsw

from .. import errors
from ..errors import ProgrammingError, TooLargeError

_CLASSES: dict[type[apsw.Error], type[errors.DatabaseError]] = (
    {
        getattr(apsw, name): errors.OperationalError
        for name in """SQLError AbortError BusyError LockedError PermissionsError ReadOnlyError InterruptError IOError
        FullError CantOpenError ProtocolError EmptyError SchemaChangeError NoMemError ExtensionLoadingError""".split()
    }
    | {
        getattr(apsw, name): errors.ProgrammingError
        for name in """MisuseError BindingsError ThreadingViolationError ForkingViolationError InvalidContextError
        ConnectionClosedError CursorClosedError ConnectionNotClosedError IncompleteExecutionError
        ExecutionCompleteError""".split()
    }
    | {
        apsw.ConstraintError: errors.IntegrityError,
        apsw.MismatchError: errors.DataError,
        apsw.TooBigError: errors.DataError,
        apsw.RangeError: errors.DataError,
        apsw.CorruptError: errors.CorruptError,
        apsw.InternalError: errors.InternalError,
        apsw.NotFoundError: errors.InternalError,
        apsw.NoFTS5Error: errors.NotSupportedError,
        apsw.VFSNotImplementedError: errors.NotSupportedError,
    }
)


_HINTS: dict[int | None, str] = {
    apsw.SQLITE_BUSY: "another connection has it; `timeout` says how long to wait",
    apsw.SQLITE_BUSY_SNAPSHOT: "others have written since this transaction first read: roll back, and BEGIN IMMEDIATE",
}
_MOVED = "the file of the database was moved, removed or replaced since it was opened", "open it anew, where it is now"

_SAID = [
    (
        re.compile("^(virtual tables may not be altered|cannot (drop|rename) columns? (from|of) virtual table)"),
        "a sky table is: SELECT sky_alter('users', 'ADD age INTEGER STATE')",
    ),
    (re.compile("SQL statements in progress"), "let the statement that writes end first, or close its cursor"),
]
"""Hints by what SQLite says."""


def translate(error: apsw.Error, message: str | None = None, hint: str | None = None) -> errors.DatabaseError:
    """The same error in the tree of PEP 249; DatabaseError itself for what fits nowhere else (not a database)."""
    message = re.sub(r"  Current offset is \d+$", "", message or str(error)).replace(".  ", ". ")
    code = getattr(error, "extendedresult", None)
    if code == apsw.SQLITE_READONLY_DBMOVED:
        message, hint = _MOVED
    hint = next((other for pattern, other in _SAID if pattern.search(message)), hint or _HINTS.get(code))
    translated = _CLASSES.get(type(error), errors.DatabaseError)(message, hint)
    if code is not None:
        names = apsw.mapping_extended_result_codes if code > 0xFF else apsw.mapping_result_codes
        vars(translated).update(sqlite_errorcode=code, sqlite_errorname=names.get(code))
    return translated


def unbound(error: KeyError | OverflowError, parameters: Any) -> Exception:
    """The parameter that is missing or too large, or the error of somebody else's function as it is."""
    named = isinstance(parameters, Mapping)
    if isinstance(error, KeyError):
        name = error.args[0] if error.args else None
        if named and isinstance(name, str) and name not in parameters:
            return ProgrammingError(f"You did not supply a value for binding parameter :{name}.")
        return error
    for name, value in parameters.items() if named else enumerate(parameters, 1):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            what = f":{name}" if named else name
            return TooLargeError(
                f"parameter {what} is {value}, which 64 bits do not hold", "an object id, for one, is at most 2**63 - 1"
            )
    return error
