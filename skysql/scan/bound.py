"""A plan, bound to its table: all that is the same each time that it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..lazily import cached_property
from ..model.companions import EVENT_COUNT, LAST_TIMESTAMP, SESSION_OF_EVENT, TIMESTAMP, TS
from ..model.kinds import REAL, TEXT
from ..model.table import ACTION, Property, Table
from ..model.values import Value
from ..plan.path_scan import (
    Aggregate,
    Column,
    Compare,
    Events,
    Expr,
    Groups,
    Literal,
    Moment,
    Parameter,
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
    the action alone, as a condition; beside_action: the others. on_time: of these, those that compare the time with a
    moment; beside_time: all others.
    by_object: whether no group has rows of two shards, since the object is among the keys. by_path: whether the keys
    are the object, or object and session, by which all events of a shard lie side by side. by_text: the TEXT property
    that is the only key.
    """

    def __init__(self, plan: PathScan, table: Table, known: AggregateFunctions = NO_AGGREGATES) -> None:
        self.plan = plan
        self.table = table
        self._known = known
        self._types: dict[str, str | None] = {}
        names = object_names(plan.source, table)
        self.by_object = any(isinstance(key, Column) and key.name.lower() in names for key in plan.keys)
        self.inner = BoundScan(plan.source.scan, table, known) if isinstance(plan.source, Groups) else None
        self.by_path = _is_by_path(plan, names)
        self.by_text = _text_key(plan, table)
        parts = conjuncts(plan.where)
        self.on_object = [p for p in parts if self.inner is None and _reads(p) and _reads(p) <= names]
        self.on_rows = sorted((part for part in parts if part not in self.on_object), key=_cost)
        self.beside_action = [part for part in self.on_rows if not is_on_action(part)]
        actions = [part for part in self.on_rows if is_on_action(part)]
        self.on_action = EventCondition.of(actions) if actions else None
        self.on_time = [part for part in self.beside_action if isinstance(part, Compare) and _is_of_time(part)]
        self.beside_time = [part for part in self.beside_action if part not in self.on_time]

    def type_of(self, name: str) -> str | None:
        """The type of a column of the plan's source; None if it has no affinity."""
        if name not in self._types:
            self._types[name] = column_type(self.plan.source, self.table, name)
        return self._types[name]

    @cached_property
    def layout(self) -> tuple[list[Property], list[Property | None]] | None:
        """See layout_of."""
        return layout_of(self.plan, self.table)

    @cached_property
    def object(self) -> Column:
        """The column that tells the object of each row, as a number."""
        names, name = object_names(self.plan.source, self.table), self.table.object_name.lower()
        return Column(name if name in names else min(names))

    @cached_property
    def functions(self) -> list[AggregateFunction[Any] | None]:
        """What computes each aggregate; None for SQLite and functions over a path."""
        found = [self._known[a.function] if isinstance(a, Aggregate) else None for a in self.plan.aggregates]
        distinct = [isinstance(aggregate, Aggregate) and aggregate.distinct for aggregate in self.plan.aggregates]
        return [Distinct(of) if of and only else of for of, only in zip(found, distinct, strict=True)]

    @cached_property
    def reals(self) -> list[Property | None]:
        """The REAL property that each aggregate is of, if that is all that it is of."""
        read = [aggregate.argument if isinstance(aggregate, Aggregate) else None for aggregate in self.plan.aggregates]
        found = [self.table.find(each.name) if isinstance(each, Column) else None for each in read]
        return [property if property is not None and property.kind is REAL else None for property in found]

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
            types = [(c.label, self.type_of(c.name)) for c in aggregate.columns]
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


def _is_by_path(plan: PathScan, names: frozenset[str]) -> bool:
    first, *more = [key.name.lower() if isinstance(key, Column) else "" for key in plan.keys] or [""]
    return isinstance(plan.source, Events) and first in names and more in ([], [SESSION_OF_EVENT.name])


def _text_key(plan: PathScan, table: Table) -> Property | None:
    key = plan.keys[0] if len(plan.keys) == 1 else None
    if not isinstance(key, Column) or key != Column(key.name) or not isinstance(plan.source, Events):
        return None
    property = ACTION if key.name == ACTION.name else table.find(key.name)
    return property if property is not None and property.kind is TEXT else None


def _reads(expr: Any) -> set[str]:
    return {column.name.lower() for column in columns(expr)}


def _cost(part: Expr) -> int:
    """Conditions on the action first, by the index; then those that arrays evaluate; then those that SQLite does."""
    return 0 if is_on_action(part) else 1 if isinstance(part, Compare) else 2


def _is_of_time(part: Compare) -> bool:
    """Whether it says from when on or until when events are, if its right side is an integer."""
    if not isinstance(part.left, Column) or part.op not in ("<", "<=", "=", ">=", ">"):
        return False
    name, right = part.left.name.lower(), part.right
    return isinstance(right, Moment if name == TIMESTAMP.name else Literal | Parameter) and name in _TIMES


_TIMES = (TIMESTAMP.name, TS.name)
