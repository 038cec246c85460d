"""Which plans are answered by the layouts of shards: see shard.Layout."""

from __future__ import annotations

from typing import TypeAlias

from ..model.kinds import TEXT
from ..model.table import Property, Table
from ..plan.path_scan import Aggregate, Column, Events, Expr, PathScan

Measure: TypeAlias = tuple[Aggregate, Property | None]
"""An aggregate, and the property that it is of; None for the rows themselves."""


def layout_of(plan: PathScan, table: Table) -> tuple[list[Property], list[Measure]] | None:
    """The states that the plan groups events by and what it measures, if they are what shards lay out: see Layout."""
    keys = [_plain(key, table) for key in plan.keys]
    states = [key for key in keys if key is not None and key.state and key.kind is TEXT]
    measures: list[Measure] = []
    for aggregate in plan.aggregates:
        if not isinstance(aggregate, Aggregate) or aggregate.distinct or aggregate.filter is not None:
            return None
        property = None if aggregate.argument is None else _plain(aggregate.argument, table)
        if aggregate.argument is not None and (property is None or property.kind is TEXT):
            return None
        measures.append((aggregate, property))
    if not isinstance(plan.source, Events) or not keys or len(states) < len(keys):
        return None
    return states, measures


def _plain(expr: Expr, table: Table) -> Property | None:
    """The property that the expression simply reads, if it does."""
    return table.find(expr.name) if isinstance(expr, Column) and expr == Column(expr.name) else None
