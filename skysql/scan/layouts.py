"""Which plans are answered by the layouts of shards: see by_code.Layout."""

from __future__ import annotations

from ..model.kinds import TEXT
from ..model.table import Property, Table
from ..plan.path_scan import Aggregate, Column, Events, Expr, PathScan


def layout_of(plan: PathScan, table: Table) -> tuple[list[Property], list[Property | None]] | None:
    """The states that the plan groups events by and what its aggregates are of, if they are what shards lay out.

    None in the place of a property stands for the rows themselves. See shard.Layout.
    """
    keys = [_plain(key, table) for key in plan.keys]
    states = [key for key in keys if key is not None and key.state and key.kind is TEXT]
    measures: list[Property | None] = []
    for aggregate in plan.aggregates:
        if not isinstance(aggregate, Aggregate) or aggregate.distinct or aggregate.filter is not None or aggregate.more:
            return None
        property = None if aggregate.argument is None else _plain(aggregate.argument, table)
        if aggregate.argument is not None and (property is None or property.kind is TEXT or property.kind.temporal):
            return None
        measures.append(property)
    if not isinstance(plan.source, Events) or not keys or len(states) < len(keys):
        return None
    return states, measures


def _plain(expr: Expr, table: Table) -> Property | None:
    """The property that the expression simply reads, if it does."""
    return table.find(expr.name) if isinstance(expr, Column) and expr == Column(expr.name) else None
