"""path_string: the actions of a path, in order, as one text.

    path_string(action[, separator[, collapse[, ts]]])    as 'search > view product > purchase'

    SELECT path_string(action, ' > ', 1), count(*) FROM users('30 minutes') GROUP BY object_id, session

`separator` (' > ') stands between two actions. With `collapse` (0) true, an action that repeats the one before it is
left out: of a a b a it makes a b a. Both are one for all rows.

The action may be any value, which is written as SQLite writes it as text; a BLOB is read as UTF-8. An event whose
action is NULL is left out, and separates nothing: the actions before and after it are neighbours. Without any action,
and without rows, it is NULL.

The actions come in the order in which the rows come: of a sky table, in the order of the path. Of an ordinary table,
whose rows have no order, give a time by which they are sorted (rows without one are left out, rows of the same time
stay in the order in which they come); or write path_string(action, ' > ' ORDER BY ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays.vectors import Coded, Vector
from ..errors import ProgrammingError
from ..interruption import looking, pieces
from ..model.kinds import TEXT
from ..model.values import Value
from . import arguments as check
from .equality import distinct
from .function import NotConstant, Role, Runs

_AT_ONCE = 1 << 16
"""Words that are joined between two looks at whether the work was interrupted."""


class PathString:
    """Values in order, joined."""

    name = "path_string"
    nothing: Value = None

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Always."""
        return True

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """action, separator, collapse, ts."""
        check.expect(self.name, arguments, 1, 4, f"write {self.name}(action[, separator[, collapse[, ts]]])")
        if len(arguments) > 1:
            check.text(self.name, "the separator", arguments[1])
        if len(arguments) > 2 and check.constant(self.name, "collapse", arguments[2]) not in (0, 1):
            raise ProgrammingError(f"{self.name}(): collapse is 0 or 1", "1 leaves out what repeats")
        return (Role.VALUE, Role.CONSTANT, Role.CONSTANT, Role.TIME)[: len(arguments)]

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Vector:
        """The text of each group."""
        separator = arguments[1] if len(arguments) > 1 else " > "
        values = arguments[0].narrowed() if isinstance(arguments[0], Coded) else distinct(arguments[0])
        texts = [_text(value) for value in values.values]
        numbers = {text: number for number, text in reversed(list(enumerate(texts)))}  # 1 and '1' read the same
        named = np.fromiter((-1 if text is None else numbers[text] for text in texts), np.int64, len(texts))
        actions = named[values.codes]
        rows = np.flatnonzero(actions >= 0)
        bounds = np.searchsorted(rows, runs.starts)
        actions = actions[rows]
        if len(arguments) > 2 and arguments[2]:
            kept = np.flatnonzero(np.diff(actions, prepend=-1) | np.isin(np.arange(len(rows)), bounds))
            bounds, actions = np.searchsorted(kept, bounds), actions[kept]
        words: list[str] = []
        for piece in pieces(len(actions)):
            words += [texts[number] or "" for number in actions[piece].tolist()]
        edges = pairwise(bounds.tolist())
        return Coded(
            np.arange(len(runs)),
            [_joined(words, low, high, separator) if high > low else None for low, high in looking(edges)],
        )


def _joined(words: list[str], low: int, high: int, separator: str) -> str:
    if high - low <= _AT_ONCE:
        return separator.join(words[low:high])
    return separator.join([separator.join(words[low + piece.start : low + piece.stop]) for piece in pieces(high - low)])


def _text(value: Value) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(TEXT.parse(value))
