"""corr(y, x): Pearson's correlation, as in PostgreSQL: of the rows where neither is NULL; NULL if one is constant."""

from __future__ import annotations

from collections.abc import Sequence

from .exact_statistic import ExactStatistic, root


class Correlation(ExactStatistic):
    """corr(y, x)."""

    name = by_sqlite = "corr"
    called = ("corr",)
    arguments = 2

    def of(self, n: int, sums: Sequence[int], products: Sequence[int], units: Sequence[int]) -> float | None:
        """The covariance by the root of the product of the variances; units cancel out."""
        y, x = sums
        yy, yx, xx = products
        both, below = n * yx - y * x, (n * yy - y * y) * (n * xx - x * x)
        if not below:
            return None
        found = root(both * both, below)
        return found if both >= 0 else -found
