"""Trees as text: how plans of every kind print, in EXPLAIN QUERY PLAN and in golden files.

    REPORT sky_funnel OF users
    ├─ steps
    │  ├─ 1. sign up
    │  └─ 2. purchase
    └─ by plan
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tree:
    """A line, and what hangs on it."""

    text: str
    branches: tuple[Tree, ...] = ()

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def leaves(texts: Iterable[str]) -> tuple[Tree, ...]:
    """A branch a text."""
    return tuple(map(Tree, texts))


def _lines(tree: Tree) -> Iterator[str]:
    yield tree.text
    for at, branch in enumerate(tree.branches, 1):
        last = at == len(tree.branches)
        first, *rest = _lines(branch)
        yield f"{'└─' if last else '├─'} {first}"
        yield from (f"{'  ' if last else '│ '} {line}" for line in rest)
