"""Aggregates that a scan computes itself, one a file.

`AggregateFunction` is what each of them is: how it begins, merges and ends, what SQL calls it and what it is over a
join. `AggregateFunctions` finds them by name; AGGREGATES are those that an engine has unless it is given others
(engine/registries.py). `Distinct`, `BySqlite` and `OverPath` are those that a plan asks for in other ways than by name.

Not here: which values of which rows they get (scan/aggregate.py), and their form for SQLite (engine/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .aggregate import AggregateFunction, Given, Inexact, Merging, OverJoin, State
from .average import Average
from .correlation import Correlation
from .count import Count
from .distinct import Distinct
from .extremes import Max, Min
from .left_to_sqlite import BySqlite
from .mode import Mode
from .over_path import OverPath
from .percentile import ContinuousPercentile, DiscretePercentile, Median, Percentile
from .sum import Rest, Sum
from .total import Total
from .variance import DeviationOfPopulation, DeviationOfSample, VarianceOfPopulation, VarianceOfSample

AGGREGATES: tuple[AggregateFunction[Any], ...] = (
    *(Count(), Sum(), Rest(), Total(), Average(), Min(), Max()),
    *(VarianceOfSample(), VarianceOfPopulation(), DeviationOfSample(), DeviationOfPopulation(), Correlation()),
    *(Median(), Percentile(), ContinuousPercentile(), DiscretePercentile(), Mode()),
)


class AggregateFunctions:
    """Aggregates by name."""

    def __init__(self, every: Sequence[AggregateFunction[Any]] = AGGREGATES) -> None:
        self._by_name = {aggregate.name: aggregate for aggregate in every}
        self._called = {name: aggregate for aggregate in every for name in aggregate.called}

    def __iter__(self) -> Iterator[AggregateFunction[Any]]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> AggregateFunction[Any]:
        """The aggregate that plans call by this name."""
        return self._by_name[name]

    def called(self, name: str) -> AggregateFunction[Any] | None:
        """The aggregate that SQL calls by this name, in lower case."""
        return self._called.get(name)


NO_AGGREGATES = AggregateFunctions(())
"""For scans of rows as they are."""

# fmt: off
__all__ = ["AGGREGATES", "NO_AGGREGATES", "AggregateFunction", "BySqlite", "Distinct", "Given", "Inexact", "Merging",
           "OverJoin", "OverPath", "AggregateFunctions", "State"]
