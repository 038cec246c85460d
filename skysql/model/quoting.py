"""Names and values as SQL text."""

from __future__ import annotations

import re
import string
from functools import lru_cache

from .values import Value

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    """ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE CROSS CURRENT_DATE
    CURRENT_TIME CURRENT_TIMESTAMP DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE ESCAPE EXISTS FOREIGN FROM FULL GROUP
    HAVING IN INDEX INNER INSERT INTERSECT INTO IS ISNULL JOIN LEFT LIMIT NATURAL NOT NOTHING NOTNULL NULL ON OR ORDER
    OUTER PRIMARY REFERENCES RETURNING RIGHT SELECT SET TABLE THEN TO TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN
    WHERE TRUE FALSE END FILTER OVER WINDOW MATERIALIZED EXCEPT OFFSET LIKE GLOB REGEXP MATCH CAST RAISE""".split()
)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def quote(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def unquote(text: str) -> str:
    """The name that is written in quotes of any kind that SQLite takes."""
    mark = text[-1]
    return text[1:-1] if mark == "]" else text[1:-1].replace(mark * 2, mark)


def identifier(name: str) -> str:
    """The name as SQL, quoted where that is needed."""
    return name if _SIMPLE.fullmatch(name) and name.upper() not in _RESERVED else quote(name)


@lru_cache(1 << 12)
def name_key(name: str) -> str:
    """The name of a table as SQLite tells tables apart: without regard to the case of ASCII letters, and no others'."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def literal(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def value_literal(value: Value) -> str:
    """Any value as an SQL literal."""
    match value:
        case None:
            return "NULL"
        case str():
            return literal(value)
        case bytes():
            return f"x'{value.hex()}'"
        case float() if value in (float("inf"), float("-inf")):
            return "9e999" if value > 0 else "-9e999"
        case _:
            return repr(value)
