"""The aggregates that scans compute, as SQLite's own: for ordinary tables, and for what no scan answers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import apsw

from ..scan.aggregates import AggregateFunction
from . import waiting_errors


@cache
def _built_in() -> frozenset[tuple[str, int]]:
    """The names and numbers of arguments of the aggregates that this SQLite is built with."""
    sqlite = apsw.Connection(":memory:")
    listed = sqlite.execute("SELECT name, narg FROM pragma_function_list WHERE builtin AND type <> 's'")
    found = frozenset((str(name).lower(), int(str(arguments))) for name, arguments in listed)
    sqlite.close()
    return found


def register(sqlite: apsw.Connection, aggregates: Iterable[AggregateFunction[Any]]) -> frozenset[str]:
    """Give the connection those that its SQLite does not have, as aggregates and window functions: their names."""
    given = set()
    for aggregate in aggregates:
        if aggregate.plain() is None:
            continue
        for name in aggregate.called:
            if (name, aggregate.arguments) not in _built_in():
                waiting_errors.create_window(sqlite, name, aggregate.plain, aggregate.arguments, apsw.SQLITE_INNOCUOUS)
                given.add(name)
    return frozenset(given)
