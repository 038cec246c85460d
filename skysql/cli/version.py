"""What `skysql --version` says: which version this is, and which parts are compiled. Loads nothing of the rest."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version


def told() -> str:
    """One line."""
    return f"skysql {version('skysql')}, {_loops()}"


def _loops() -> str:
    if os.environ.get("SKYSQL_PURE"):
        return "compiled loops: turned off by SKYSQL_PURE"
    if importlib.util.find_spec("skysql._loops") is not None:
        return "compiled loops: yes"
    return "compiled loops: missing (install a wheel, or with a C compiler)"
