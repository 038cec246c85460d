"""Reading shadow tables, which a file may have made otherwise, and whose texts may be none: it may hold any bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import apsw

from ..errors import CorruptError
from ..model.table import name_key, quote

SHADOWS = ("meta", "value", "key", "log", "block", "column")

_COMPUTED = re.compile(r"\b(as|check|default|generated|references)\b")


def computed(sql: str) -> bool:
    """Whether a table was made with more than columns to be stored: what it reads as may take any time."""
    return bool(_COMPUTED.search(sql.partition("(")[2].lower()))


def inspect(sqlite: apsw.Connection, database: str, name: str) -> None:
    """Raise CorruptError unless the shadow tables are what `create` made: a file may have views in their place."""
    names = [name_key(f"{name}_{suffix}") for suffix in SHADOWS]
    found: list[Any] = sqlite.execute(
        f"SELECT type, lower(name), rootpage, coalesce(sql, '') FROM {quote(database)}.sqlite_schema"
        f" WHERE lower(tbl_name) IN ({', '.join('?' * len(names))})",
        names,
    ).fetchall()
    for type, made, page, sql in found:
        plain = type == "table" and page and not computed(sql)
        if not (plain or (type == "index" and not sql)):
            raise CorruptError(f"table {name!r}: {type} {made} is not one that it was made with")
    missing = set(names) - {made for type, made, _, _ in found if type == "table"}
    if missing:
        raise CorruptError(f"table {name!r}: there is no table {min(missing)}")


def rows(sqlite: apsw.Connection, table: str, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """What a SELECT from a shadow table finds; raises CorruptError where a text is no UTF-8."""
    try:
        return sqlite.execute(sql, parameters).fetchall()
    except UnicodeDecodeError as error:
        raise CorruptError(
            f"{table}: a text is no UTF-8: {error}", "restore the file from a backup; `skysql check` lists every fault"
        ) from None


def file_size(sqlite: apsw.Connection, database: str) -> int:
    """Bytes of a database, as the current transaction sees it."""
    pages, size = (sqlite.execute(f"PRAGMA {quote(database)}.page_{each}").fetchall() for each in ("count", "size"))
    return int(str(pages[0][0])) * int(str(size[0][0]))
