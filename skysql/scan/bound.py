"""A plan, bound to its table: all that is the same each time that it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..lazily import cached_property
from ..model.companions import EVENT_COUNT, LAST_TIMESTAMP, TIMESTAMP, TS
from ..model.table import Property, Table
from ..model.values import Value
from ..plan.path_scan import (
    Aggregate,
    Column,
    Compare,
    Expr,
    Groups,
    PathScan,
    SqlAggregate,
    aggregate_sql,
    columns,
    conjuncts,
)
from ..plan.sources import column_type, object_names
from .actions import EventCondition, is_on_action
from .aggregates import NO_AGGREGATES, AggregateFunction, AggregateFunctions, BySqlite, Distinct, OverPath
from .by_sqlite import Evaluator
from .layouts import layout_of


class BoundScan:
    """A plan's conditions split, its aggregates found, its layout chosen. Does not change; any thread may run it.

    on_object: conditions on the object alone. on_rows: all others, the cheapest first. on_action: of these, those on
    the action alone, as a condition; beside_action: the others. on_time: those that compare the time with a constant.
    by_object: whether no group has rows of two shards, since the object is among the keys.
    """

    def __init__(self, plan: PathScan, table: Table, known: AggregateFunctions = NO_AGGREGATES) -> None:
        self.plan = plan
        self.table = table
        self._known = known
        names = object_names(plan.source, table)
        self.by_object = any(isinstance(key, Column) and key.name.lower() in names for key in plan.keys)
        self.inner = BoundScan(plan.source.scan, table, known) if isinstance(plan.source, Groups) else None
        parts = conjuncts(plan.where)
        self.on_object = [p for p in parts if self.inner is None and _reads(p) and _reads(p) <= names]
        self.on_rows = sorted((part for part in parts if part not in self.on_object), key=_cost)
        self.beside_action = [part for part in self.on_rows if not is_on_action(part)]
        actions = [part for part in self.on_rows if is_on_action(part)]
        self.on_action = EventCondition.of(actions) if actions else None
        self.on_time = [part for part in self.on_rows if isinstance(part, Compare) and _is_of_time(part)]

    @cached_property
    def layout(self) -> tuple[list[Property], list[Property | None]] | None:
        """See layout_of."""
        return layout_of(self.plan, self.table)

    @cached_property
    def functions(self) -> list[AggregateFunction[Any] | None]:
        """What computes each aggregate; None for SQLite and functions over a path."""
        found = [self._known[a.function] if isinstance(a, Aggregate) else None for a in self.plan.aggregates]
        distinct = [isinstance(aggregate, Aggregate) and aggregate.distinct for aggregate in self.plan.aggregates]
        return [Distinct(of) if of and only else of for of, only in zip(found, distinct, strict=True)]

    @cached_property
    def states_read(self) -> tuple[Property, ...] | None:
        """The state properties that the plan reads; None if it reads what differs from event to event."""
        plan = self.plan
        names = {name for expr in (plan.where, *plan.keys, *plan.aggregates) for name in _reads(expr)}
        of_rows = not (plan.grouped or plan.keys)  # which others read then
        if of_rows or names & {LAST_TIMESTAMP.name, EVENT_COUNT.name}:
            return None
        return tuple(property for property in self.table.states if property.name.lower() in names)

    def aggregates(self, evaluator: Evaluator, parameters: Sequence[Value]) -> list[AggregateFunction[Any]]:
        """What computes each aggregate, with SQLite to help."""

        def by_sqlite(aggregate: SqlAggregate) -> BySqlite:
            types = [(c.label, column_type(self.plan.source, self.table, c.name)) for c in aggregate.columns]
            asked = aggregate.text, types
            return BySqlite(len(types), lambda data, groups: evaluator.aggregates(*asked, data, groups, parameters))

        return [
            function or (by_sqlite(aggregate) if isinstance(aggregate, SqlAggregate) else OverPath())
            for function, aggregate in zip(self.functions, self.plan.aggregates, strict=True)
        ]

    def by_sqlite(self, place: int) -> BoundScan:
        """The plan with one aggregate left to SQLite."""
        plan, aggregate = self.plan, self.plan.aggregates[place]
        assert isinstance(aggregate, Aggregate)
        named = replace(aggregate, function=self._known[aggregate.function].by_sqlite)
        left = SqlAggregate(aggregate_sql(named), columns(aggregate))
        aggregates = (*plan.aggregates[:place], left, *plan.aggregates[place + 1 :])
        return BoundScan(replace(plan, aggregates=aggregates), self.table, self._known)


def _reads(expr: Any) -> set[str]:
    return {column.name.lower() for column in columns(expr)}


def _cost(part: Expr) -> int:
    """Conditions on the action first, by the index; then those that arrays evaluate; then those that SQLite does."""
    return 0 if is_on_action(part) else 1 if isinstance(part, Compare) else 2


def _is_of_time(part: Compare) -> bool:
    """Whether it compares the time with what is no column."""
    named = isinstance(part.left, Column) and part.left.name.lower() in (TIMESTAMP.name, TS.name)
    return named and not columns(part.right)
