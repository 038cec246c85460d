"""Columns that no table has, and the names that they have in plans and in SQL: told and read here.

    KeyOf(1)        key 1             a key of the groups that a scan reads
    ValueOf(2)      value 2           an aggregate of them
    RowOf(3, -1)    row 3 moved -1    a column of the rows of a recognition; here of the row before
    LeafOf(0)       leaf 1            what a measure or a condition is made of
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class KeyOf:
    """A key of groups, from 1."""

    number: int

    @property
    def name(self) -> str:
        """The name of the column."""
        return f"key {self.number}"


@dataclass(frozen=True, slots=True)
class ValueOf:
    """An aggregate of groups, from 1."""

    number: int

    @property
    def name(self) -> str:
        """The name of the column."""
        return f"value {self.number}"


@dataclass(frozen=True, slots=True)
class RowOf:
    """A column of a recognition's rows, by its number; at the row that is `moved` rows further in its partition."""

    number: int
    moved: int = 0

    @property
    def name(self) -> str:
        """The name of the column."""
        return f"row {self.number}" + f" moved {self.moved}" * (self.moved != 0)


@dataclass(frozen=True, slots=True)
class LeafOf:
    """A leaf, by its place from 0; in names it counts from 1."""

    place: int

    @property
    def name(self) -> str:
        """The name of the column."""
        return f"leaf {self.place + 1}"


Label: TypeAlias = KeyOf | ValueOf | RowOf | LeafOf

_LABEL = re.compile(r"(key|value|row|leaf) (\d+)(?: moved (-?\d+))?")


def label_of(name: str) -> Label | None:
    """What the name of a column stands for; None of a column of a table."""
    match = _LABEL.fullmatch(name)
    if match is None:
        return None
    kind, number, moved = match[1], int(match[2]), int(match[3] or 0)
    if kind == "row":
        return RowOf(number, moved)
    if match[3] is not None:
        return None
    return LeafOf(number - 1) if kind == "leaf" else KeyOf(number) if kind == "key" else ValueOf(number)
