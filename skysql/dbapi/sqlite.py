"""What sqlite3 says of SQLite itself: its version, its constants, and whether a text is a whole statement."""

from __future__ import annotations

import warnings
from typing import Any

import apsw

sqlite_version: str = apsw.sqlite_lib_version()
sqlite_version_info: tuple[int, ...] = tuple(map(int, sqlite_version.split(".")))

version = "2.6.0"
version_info = (2, 6, 0)
"""Those of the module that sqlite3 came from, which programs may still ask for."""

LEGACY_TRANSACTION_CONTROL = -1
"""Connection.autocommit is so by default: isolation_level says when transactions begin."""


def complete_statement(statement: str) -> bool:
    """Whether the text ends a statement: by a semicolon that stands in no string, comment or trigger."""
    return apsw.complete(statement)


def deprecated(name: str) -> Any:
    """What sqlite3 had until Python 3.12, with a warning."""
    warnings.warn(f"sqlite3.{name} is deprecated, and is not there from Python 3.12 on", DeprecationWarning, 3)
    return str if name == "OptimizedUnicode" else enable_shared_cache


def enable_shared_cache(do_enable: bool, /) -> None:
    """Changes nothing: file:...?cache=shared says so of a database."""
    warnings.warn("enable_shared_cache() changes nothing", DeprecationWarning, 2)


def constant(name: str) -> int | None:
    """SQLITE_... by its name; None if there is none."""
    value = getattr(apsw, name, None)
    return value if isinstance(value, int) else None


def constants() -> list[str]:
    """The names of all that are numbers."""
    return [name for name, value in vars(apsw).items() if name.startswith("SQLITE_") and isinstance(value, int)]
