"""The functions that every connection has.

They do no harm: views and triggers may call them where no schema is trusted. Only sky_alter() is for statements alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import apsw

from ..functions import PathFunction
from ..model import timestamps
from ..sql.hidden_arguments import sky_arguments
from ..write.counts import Counts
from . import path_functions, repeated, waiting_errors
from .sky_alter import Altering, alter


def register(engine: Altering, counts: Counts, functions: Iterable[PathFunction]) -> None:
    """Make them callable on the engine's connection."""
    sqlite, flags = engine.sqlite, apsw.SQLITE_INNOCUOUS
    scalar: Any = sqlite.create_scalar_function  # apsw's stub wants functions of any arguments
    scalar("sky_timestamp", timestamps.normal, 1, deterministic=True, flags=flags)
    scalar("sky_timestamp", timestamps.normal, 2, deterministic=True, flags=flags)
    scalar("sky_arguments", sky_arguments, -1, deterministic=True, flags=flags)
    scalar("changes", counts.changes, 0, flags=flags)
    scalar("total_changes", counts.total, 0, flags=flags)
    scalar("sky_alter", partial(alter, engine), 2, flags=apsw.SQLITE_DIRECTONLY)
    waiting_errors.create_window(sqlite, "sky_last_value", _LastKnown, 1, flags)
    repeated.register(sqlite)
    path_functions.register(sqlite, functions)


class _LastKnown:
    """sky_last_value(x) OVER (...): the last value in the frame that is not NULL, which IGNORE NULLS stands for."""

    def __init__(self) -> None:
        self.frame: list[Any] = []

    def step(self, value: Any) -> None:
        """A row enters the frame."""
        self.frame.append(value)

    def inverse(self, *_: Any) -> None:
        """The first row leaves the frame."""
        self.frame.pop(0)

    def value(self) -> Any:
        """The answer for the current frame."""
        return next((value for value in reversed(self.frame) if value is not None), None)

    finalize = value
