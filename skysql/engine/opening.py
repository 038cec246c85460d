"""Opening SQLite's connection to a file."""

from __future__ import annotations

import os

import apsw

from ..errors import OperationalError
from .sqlite_errors import translate


def open_file(path: str, read_only: bool, timeout: float) -> apsw.Connection:
    """A connection to the file, made if it is not there. timeout: seconds to wait for the lock of another one."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    if path.startswith("file:"):
        flags |= apsw.SQLITE_OPEN_URI
    try:
        sqlite = apsw.Connection(os.fspath(path), flags=flags)
    except UnicodeEncodeError:  # SQLite takes no other names
        raise OperationalError(f"unable to open database file {path!r}", "give it a name that is UTF-8") from None
    except apsw.CantOpenError as error:
        said = f"unable to open database file {path!r}"
        raise translate(error, said, "does its directory exist, and may you read it?") from None
    sqlite.set_busy_timeout(int(timeout * 1000))
    return sqlite


def prefer_wal(sqlite: apsw.Connection) -> None:
    """A new file lets readers and a writer work side by side."""
    if sqlite.execute("PRAGMA page_count").fetchall() == [(0,)]:
        sqlite.execute("PRAGMA journal_mode = WAL").fetchall()
