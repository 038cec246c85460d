"""var_samp(x), var_pop(x), stddev_samp(x) or stddev(x), and stddev_pop(x), as in PostgreSQL.

Of one value the sample's are NULL and the population's 0; of none all are NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from .exact_statistic import ExactStatistic, quotient, root


class _Variance(ExactStatistic):
    """The mean square of deviations from the mean, or its root; of a sample of n, by n - 1."""

    sample: ClassVar[bool]
    deviation: ClassVar[bool] = False

    def of(self, n: int, sums: Sequence[int], products: Sequence[int], units: Sequence[int]) -> float | None:
        """(n * sum of squares - square of the sum) / n / (n or n - 1)."""
        below = n * (n - self.sample)
        if not below:
            return None
        return (root if self.deviation else quotient)(n * products[0] - sums[0] ** 2, below, 2 * units[0])


class VarianceOfSample(_Variance):
    """var_samp(x)."""

    name = by_sqlite = "var_samp"
    called = ("var_samp",)
    sample = True


class VarianceOfPopulation(_Variance):
    """var_pop(x)."""

    name = by_sqlite = "var_pop"
    called = ("var_pop",)
    sample = False


class DeviationOfSample(_Variance):
    """stddev_samp(x)."""

    name = by_sqlite = "stddev_samp"
    called = ("stddev_samp", "stddev")
    sample = True
    deviation = True


class DeviationOfPopulation(_Variance):
    """stddev_pop(x)."""

    name = by_sqlite = "stddev_pop"
    called = ("stddev_pop",)
    sample = False
    deviation = True
