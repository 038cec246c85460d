"""Answers of statements, and whether two are the same.

Rows are a multiset unless the statement orders them; an error must be an error everywhere.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a statement gave: column names and rows, or an error."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str | None = None

    def __str__(self) -> str:
        if self.error is not None:
            return f"error: {self.error}"
        shown = "".join(f"\n      {row!r}" for row in self.rows[:8])
        more = f"\n      ... {len(self.rows)} rows" if len(self.rows) > 8 else ""
        return f"{list(self.names)}{shown}{more}"


@dataclass(frozen=True)
class Difference:
    """That two answers are not one: what differs, and between which."""

    kind: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind}, {self.where}"


def different(answer: Answer, right: Answer, ordered: bool) -> str | None:
    """What differs between the answers, or None."""
    if answer.error is not None or right.error is not None:
        if answer.error is not None and right.error is not None:
            return None
        return f"error {answer.error}" if answer.error is not None else f"no error where SQLite says {right.error}"
    if answer.names != right.names:
        return "column names"
    if len(answer.rows) != len(right.rows):
        return "number of rows"
    if ordered:
        agree = all(map(same_row, answer.rows, right.rows))
        if not agree:
            return "order of rows" if same_bag(answer.rows, right.rows) else "rows"
        return None
    return None if same_bag(answer.rows, right.rows) else "rows"


def same_row(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Whether all values are the same."""
    return all(map(same_value, a, b))


def same_value(a: Any, b: Any) -> bool:
    """Whether type and value are the same, bit for bit."""
    return type(a) is type(b) and bool(a == b)


def same_bag(a: tuple[tuple[Any, ...], ...], b: tuple[tuple[Any, ...], ...]) -> bool:
    """Whether the rows are the same in some order."""
    left, right = (Counter(tuple((type(v).__name__, v) for v in row) for row in rows) for rows in (a, b))
    rest = [tuple(v for _, v in row) for row in (right - left).elements()]
    for row in (left - right).elements():
        found = next((i for i, other in enumerate(rest) if same_row(tuple(v for _, v in row), other)), None)
        if found is None:
            return False
        rest.pop(found)
    return not rest
