"""avg(x): the sum by the count."""

from __future__ import annotations

import numpy as np

from ...arrays.vectors import Numbers
from .aggregate import OverJoin
from .count import repeated_count
from .sum import Adding, Sums, shown
from .total import repeated_total, total_of_parts


class Average(Adding):
    """avg(x): a REAL, NULL of none."""

    name = by_sqlite = "avg"
    called = ("avg",)
    over_join = OverJoin(  # by total(), of integers too: their sum may be none
        lambda part, _: f"({total_of_parts(part)} / sum({part('count')}))",
        lambda *call: f"({repeated_total(*call)} / {repeated_count(*call)})",
    )

    def finish(self, state: Sums) -> Numbers:
        """The averages."""
        return shown(state.data / np.maximum(state.count, 1), state.count > 0)
