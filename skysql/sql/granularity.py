"""The interval within which an expression of a timestamp cannot change: a day for `date(timestamp)`.

So it is evaluated once for each such interval, rather than for each timestamp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from ..plan.path_scan import Sql
from .dialect import Token, TokenType, span

if TYPE_CHECKING:
    from .names import Names

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_UNITS = {"Y": _DAY, "m": _DAY, "d": _DAY, "e": _DAY, "j": _DAY, "w": _DAY, "u": _DAY, "W": _DAY, "U": _DAY,
          "V": _DAY, "G": _DAY, "g": _DAY, "F": _DAY, "H": 3600 * _SECOND, "I": 3600 * _SECOND, "k": 3600 * _SECOND,
          "l": 3600 * _SECOND, "p": 3600 * _SECOND, "P": 3600 * _SECOND, "M": 60 * _SECOND, "R": 60 * _SECOND,
          "S": _SECOND, "T": _SECOND, "s": _SECOND, "%": _DAY}  # fmt: skip
_FUNCTIONS = {"date": _DAY, "time": _SECOND, "datetime": _SECOND, "unixepoch": _SECOND}
_PREFIXES = {4: _DAY, 7: _DAY, 10: _DAY, 13: 3600 * _SECOND, 16: 60 * _SECOND, 19: _SECOND}
_MODIFIER = re.compile(
    r"start of (?:month|year|day)|weekday \d|[+-]?\d+ (?:day|month|year)s?|(?P<hours>[+-]?\d+ hours?)"
    r"|(?P<minutes>[+-]?\d+ minutes?)|subsec(?P<fraction>)|utc(?P<fraction2>)|localtime(?P<fraction3>)",
    re.IGNORECASE,
)


def granularity_of(names: Names, node: exp.Expression) -> int:
    """See plan.Sql: over how many microseconds a text over `timestamp` alone cannot change; 0 if not known."""
    found = []
    for column in node.find_all(exp.Column):
        meant = names.find(column)
        found.append(meant.granularity if isinstance(meant, Sql) else _of_call(names.parsed.tokens, column))
    return 0 if not found or 0 in found else min(found)


def _of_call(tokens: list[Token], column: exp.Column) -> int:
    at = span(column)
    if at is None:
        return 0
    opening = at[1] - (3 if column.table else 1) - 1
    close = at[1]
    while close < len(tokens) and tokens[close].token_type is not TokenType.R_PAREN:
        if tokens[close].token_type is TokenType.L_PAREN:
            return 0
        close += 1
    if close == len(tokens) or opening < 1:
        return 0
    rest = tokens[at[1] : close]
    texts = [t.text for t in rest if t.token_type is not TokenType.COMMA]
    if tokens[opening].token_type is TokenType.COMMA and tokens[opening - 1].token_type is TokenType.STRING:
        name, form = tokens[opening - 3].text.lower(), tokens[opening - 1].text
        units = [_UNITS.get(letter, 0) for letter in re.findall(r"%(.)", form)]
        if name != "strftime" or tokens[opening - 2].token_type is not TokenType.L_PAREN or 0 in units:
            return 0
        return min([*units, _DAY, *map(_modifier, texts)])
    if tokens[opening].token_type is not TokenType.L_PAREN:
        return 0
    name = tokens[opening - 1].text.lower()
    if name in ("substr", "substring"):
        return _PREFIXES.get(int(texts[1]), 0) if len(texts) == 2 and texts[0] == "1" and texts[1].isdigit() else 0
    return min([_FUNCTIONS.get(name, 0), *map(_modifier, texts)])


def _modifier(text: str) -> int:
    """The interval over which a date modifier keeps what it is given."""
    match = _MODIFIER.fullmatch(text.strip())
    if match is None or any(match[name] is not None for name in ("fraction", "fraction2", "fraction3")):
        return 0
    if match["hours"]:
        return 3600 * _SECOND
    return 60 * _SECOND if match["minutes"] else _DAY
