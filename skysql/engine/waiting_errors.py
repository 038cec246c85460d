"""Aggregates written in Python, as SQLite calls them: apsw's form of them, with errors that wait for the group's end.

SQLite goes on with the next row after a step that has failed, and the row may come from a virtual table in Python,
which cannot run while an exception is on its way. So a step that fails is the last that is made of its group, and its
exception is raised where SQLite asks for the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import apsw


class _Deferring:
    """An aggregate, and what went wrong with it, if anything did."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._error: BaseException | None = None
        self._aggregate = self._tried(make)

    def _tried(self, call: Callable[..., Any], *values: Any) -> Any:
        if self._error is None:
            try:
                return call(*values)
            except BaseException as error:  # KeyboardInterrupt, too: it is raised at the end of the group
                self._error = error
        return None

    def step(self, *values: Any) -> None:
        self._tried(lambda: self._aggregate.step(*values))

    def inverse(self, *values: Any) -> None:
        self._tried(lambda: self._aggregate.inverse(*values))

    def value(self) -> Any:
        if self._error is not None:
            self._raise()
        return self._aggregate.value()

    def finalize(self) -> Any:
        if self._error is not None:
            self._raise()
        return self._aggregate.finalize()

    def _raise(self) -> NoReturn:
        error, self._error = self._error, None
        assert error is not None
        try:
            raise error
        finally:
            del error  # a traceback holds its frames, and they would hold it


def create(sqlite: apsw.Connection, name: str, make: Callable[[], Any] | None, arguments: int, flags: int = 0) -> None:
    """Make an aggregate of what `make` gives for each group: step(*values) and finalize(); None removes it."""
    methods = _Deferring.step, _Deferring.finalize
    start = None if make is None else lambda: (_Deferring(make), *methods)
    sqlite.create_aggregate_function(name, start, arguments, flags=flags)


def create_window(
    sqlite: apsw.Connection, name: str, make: Callable[[], Any] | None, arguments: int, flags: int = 0
) -> None:
    """Make a window function of what `make` gives, which has inverse(*values) and value(), too; None removes it."""
    methods: Any = _Deferring.step, _Deferring.finalize, _Deferring.value, _Deferring.inverse
    start = None if make is None else lambda: (_Deferring(make), *methods)
    sqlite.create_window_function(name, start, arguments, flags=flags)
