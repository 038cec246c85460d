"""total(x): the sum as a REAL."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...arrays.vectors import Numbers
from .aggregate import OverJoin
from .sum import Adding, Sums, shown


def total_of_parts(part: Callable[[str], str]) -> str:
    """SQL for the sum of all as a REAL, from those of parts."""
    return f"sky_partial_total({part('total')}, {part('rest')})"


def repeated_total(value: str, times: str, only: str) -> str:
    """SQL for the sum as a REAL, if each row counts `times` times."""
    return f"sky_repeated_total({value}, {times}){only}"


class Total(Adding):
    """total(x): 0.0 of none."""

    name = by_sqlite = "total"
    called = ("total",)
    over_join = OverJoin(lambda part, _: total_of_parts(part), repeated_total)

    def finish(self, state: Sums) -> Numbers:
        """The sums."""
        return shown(np.where(state.count > 0, state.data, 0.0), np.ones(len(state.count), bool))
