"""The aggregates that scans compute, as SQLite's own: for ordinary tables, and for what no scan answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from ..scan.aggregates import AggregateFunction
from . import waiting_errors


def register(sqlite: apsw.Connection, aggregates: Iterable[AggregateFunction[Any]]) -> frozenset[str]:
    """Give the connection those that its SQLite does not have, as aggregates and window functions: their names."""
    listed = sqlite.execute("SELECT name, narg FROM temp.pragma_function_list WHERE type <> 's'")
    there = {(name.lower(), arguments) for name, arguments in listed}
    given = set()
    for aggregate in aggregates:
        if aggregate.plain() is None:
            continue
        for name in aggregate.called:
            if (name, aggregate.arguments) not in there:
                waiting_errors.create_window(sqlite, name, aggregate.plain, aggregate.arguments, apsw.SQLITE_INNOCUOUS)
                given.add(name)
    return frozenset(given)
