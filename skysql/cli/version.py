"""What `skysql --version` says: which version this is, and which parts are compiled. Loads nothing of the rest."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from contextlib import suppress
from importlib.metadata import version


def told() -> str:
    """One line."""
    return f"skysql {version('skysql')}, {_loops()}"


def _loops() -> str:
    if os.environ.get("SKYSQL_PURE"):
        return "compiled loops: turned off by SKYSQL_PURE"
    found = importlib.util.find_spec("skysql._loops")
    if found is not None and found.origin is not None:
        with suppress(OSError):  # made for another machine
            ctypes.CDLL(found.origin)
            return "compiled loops: yes"
    return "compiled loops: missing (install a wheel, or with a C compiler)"
