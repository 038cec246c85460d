"""retention: which conditions a path met, if it met the first.

    retention(cond1, cond2, ...)    a JSON array, as '[1,0,1]'

    SELECT retention(timestamp < '2026-01-02', timestamp >= '2026-01-02' AND timestamp < '2026-01-03')
    FROM users GROUP BY object_id

The first element is 1 if an event meets cond1. The i-th is 1 if, besides, an event meets the i-th condition: the same
event or another, before or after. So where the first is 0, all are. A condition that is NULL is not met. There are up
to 32 conditions. Without rows it is NULL.

As in ClickHouse (retention), except: a row in which some condition is NULL counts for the conditions that are true,
while there it is left out; one condition is enough; and without rows it is NULL, not zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Vector
from ..model.values import Value
from . import arguments as check
from .function import NotConstant, Role, Runs


class Retention:
    """Which conditions were met, if the first was."""

    name = "retention"
    nothing: Value = None

    def ordered(self, arguments: Sequence[Value | NotConstant]) -> bool:
        """Never."""
        return False

    def roles(self, arguments: Sequence[Value | NotConstant]) -> tuple[Role, ...]:
        """Conditions."""
        return check.conditions(self.name, len(arguments))

    def run(self, runs: Runs, arguments: Sequence[Any]) -> Vector:
        """The array of each group."""
        met = np.zeros(len(runs), np.int64)  # bits
        for bit, condition in enumerate(arguments):
            met[kernels.groups_of(condition.rows, runs.starts)] |= 1 << bit
        met[met & 1 == 0] = 0
        met[runs.starts[1:] == runs.starts[:-1]] = -1
        used, codes = np.unique(met, return_inverse=True)
        return Coded(codes, [_array(bits, len(arguments)) for bits in used.tolist()])


def _array(bits: int, conditions: int) -> str | None:
    return None if bits < 0 else f"[{','.join(str(bits >> bit & 1) for bit in range(conditions))}]"
