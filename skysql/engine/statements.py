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
from ..model.tokens import after_blank, to_semicolon, tokens

_IN = re.compile(r"(?<![a-z_])in(?![a-z_0-9])")
"""IN as a word. A number may stand right before it, as in `?1in users`."""

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "PRAGMA", ""})
_AFTER_WITH = _WRITES | {"SELECT", "VALUES"}


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon; pieces with nothing but comments are left out."""
    start = end = 0
    while (end := to_semicolon(script, end)) >= 0:
        piece = script[start:end]
        if apsw.complete(piece):  # not within the body of a trigger
            start = end
            if after_blank(piece) < len(piece):
                yield piece
    if after_blank(script, start) < len(script):
        yield script[start:]


class SplitText(NamedTuple):
    """What is to be known of a statement before it runs.

    verb: its first word, or that after its CTEs, in capitals. text: without what stands behind its semicolon.
    """

    verb: str
    writes: bool  # whether it begins a transaction
    reads: bool  # whether it may read a table: INSERT ... VALUES does not, nor does SELECT 1
    text: str


@lru_cache(1024)
def analyse(sql: str) -> SplitText:
    """Raises ProgrammingError if there are several statements."""
    if "\0" in sql:
        raise ProgrammingError("the query contains a null character")
    if ";" in sql:
        found = list(islice(statements(sql), 2))
        if len(found) > 1:
            raise ProgrammingError("You can only execute one statement at a time.", "executescript() takes several")
        sql = found[0] if found else ""
    verb = _verb(sql)
    return SplitText(verb, verb in _WRITES, _reads(verb, sql.lower()), sql)


def _reads(verb: str, folded: str) -> bool:
    """Whether a statement may read a table. A SELECT does so by FROM, or by `x IN table`."""
    if verb in ("SELECT", "VALUES"):
        return "from" in folded or _IN.search(folded) is not None
    return verb not in ("INSERT", "REPLACE", "") or "select" in folded


def _verb(sql: str) -> str:
    read = tokens(sql, after_blank(sql))
    first = next(read, None)
    verb = "" if first is None else first.word or "?"
    if verb != "WITH":
        return verb
    depth, before = 0, ""
    for token in read:
        if depth == 0 and before == ")" and token.word in _AFTER_WITH:
            return token.word
        depth += (token.text == "(") - (token.text == ")")
        before = token.text
    return verb
