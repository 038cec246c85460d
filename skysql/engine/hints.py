"""What to do about what SQLite refuses: which name was perhaps meant, of a column, a table or a function."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

import apsw

from ..model.companions import AS_OF, hidden
from ..reports import Report
from ..sql.catalog import CatalogEntry
from .schema import Schema

_UNKNOWN = re.compile(
    r"no such column: (?:(?P<qualifier>.*)\.)?(?P<column>[^.]+)$|table \S+ has no column named (?P<given>.+)$"
    r"|no such table: (?:main\.)?(?P<table>.+)$|no such function: (?P<function>.+)$|no such module: (?P<module>.+)$"
)
_FIXED = {
    'near "SYSTEM_TIME"': "FOR SYSTEM_TIME AS OF follows the objects of a sky table, like users_objects",
    "virtual tables may not be indexed": "a sky table needs no index",
}


def hint_for(
    message: str, sql: str, catalog: Schema, sqlite: apsw.Connection, reports: Sequence[Report]
) -> str | None:
    """A hint for an error of SQLite's, if there is anything to say."""
    for text, hint in _FIXED.items():
        if message.startswith(text):
            return hint
    found = _UNKNOWN.match(message)
    if found is None or not catalog.tables():
        return None
    if found["module"]:
        return "write USING sky(...)"
    if found["table"]:
        names = [*(entry.name for entry in catalog.every()), *(report.name for report in reports)]
        return _close(found["table"], names)
    if found["function"]:
        known = [str(name) for (name,) in sqlite.execute("SELECT DISTINCT name FROM temp.pragma_function_list")]
        return _close(found["function"], known)
    return _of_column((found["column"] or found["given"]).strip('"'), found["qualifier"], sql, catalog, reports)


def _of_column(
    name: str, qualifier: str | None, sql: str, catalog: Schema, reports: Sequence[Report]
) -> str | None:
    """The nearest column of the tables that the statement mentions, or the table that has one of this name."""
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    mentioned = [entry for entry in catalog.every() if entry.name.lower() in words]
    names = [column for entry in mentioned for column in _columns(entry, catalog)]
    names += [column.name for report in reports if report.name in words for column in report.columns]
    if qualifier and name.lower() in map(str.lower, names) and name.lower() != AS_OF.name:
        there = re.search(rf"\b{re.escape(qualifier)}\b(?!\s*\.)", sql, re.IGNORECASE)  # not before a column
        return None if there else f"is there a table called {qualifier} in FROM?"
    close = _close(name, names)
    if close is not None:
        return close
    tables = [entry.table.name for entry in mentioned if entry.table is not None]
    if name.lower() == AS_OF.name and tables:
        return f"{AS_OF.name} is a column of {tables[0]}_objects"
    return None


def _columns(entry: CatalogEntry, catalog: Schema) -> list[str]:
    return [*catalog.columns(entry), *hidden(entry.kind)]


def _close(name: str, names: Iterable[str]) -> str | None:
    known = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), known, 1, 0.7)
    return f"did you mean {known[close[0]]!r}?" if close and known[close[0]].lower() != name.lower() else None
