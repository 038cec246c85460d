"""SQL text, as far as a driver has to read it: where a statement ends, and which verb it has.

What it is not: a parser. Strings, quoted names and comments are skipped, parentheses counted, and that is all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import apsw

from ..errors import ProgrammingError

_NEXT_SEMICOLON = re.compile(
    r"""(?: [^;'"`\[/-] | '[^']*'? | "[^"]*"? | `[^`]*`? | \[[^\]]*\]? | --[^\n]* | /\*.*?(?:\*/|\Z) | [/-] )*+ ;""",
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(
    r"""(?: \s | --[^\n]* | /\*.*?(?:\*/|\Z) )*+
        (?: (?P<word>[^\W\d][\w$]*) | '[^']*'? | "[^"]*"? | `[^`]*`? | \[[^\]]*\]? | [\w.]+ | . )""",
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"(?: \s | ; | --[^\n]* | /\*.*?(?:\*/|\Z) )*+", re.VERBOSE | re.DOTALL)

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "PRAGMA", ""})
_AFTER_WITH = _WRITES | {"SELECT", "VALUES"}


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon; pieces with nothing but comments are left out."""
    start = end = 0
    while match := _NEXT_SEMICOLON.match(script, end):
        end = match.end()
        piece = script[start:end]
        if apsw.complete(piece):  # not within the body of a trigger
            start = end
            if not _BLANK.fullmatch(piece):
                yield piece
    if not _BLANK.fullmatch(script, start):
        yield script[start:]


class SplitText(NamedTuple):
    """What is to be known of a statement before it runs. verb: its first word, or that after its CTEs, in capitals."""

    verb: str
    writes: bool  # whether it begins a transaction
    reads: bool  # whether it may read a table: INSERT ... VALUES does not


@lru_cache(1024)
def analyse(sql: str) -> SplitText:
    """Raises ProgrammingError if there are several statements."""
    if "\0" in sql:
        raise ProgrammingError("the query contains a null character")
    if ";" in sql and len(list(islice(statements(sql), 2))) > 1:
        raise ProgrammingError("You can only execute one statement at a time.", "executescript() takes several")
    blank = _BLANK.match(sql)
    verb = _verb(sql, blank.end() if blank else 0)
    reads = verb not in ("INSERT", "REPLACE", "") or "select" in sql.lower()
    return SplitText(verb, verb in _WRITES, reads)


def _verb(sql: str, start: int) -> str:
    first = _TOKEN.match(sql, start)
    verb = (first["word"] or "?").upper() if first else ""
    if first is None or verb != "WITH":
        return verb
    depth, before = 0, ""
    for token in _TOKEN.finditer(sql, first.end()):
        text = token[0].strip()
        word = (token["word"] or "").upper()
        if depth == 0 and before == ")" and word in _AFTER_WITH:
            return word
        depth += (text == "(") - (text == ")")
        before = text[-1:]
    return verb
