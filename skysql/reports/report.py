"""A report as a virtual table: SELECT * FROM sky_funnel('users', 'sign up > purchase', '7 days', '{...}').

Columns: those of the report, and a hidden one for each argument, in the order in which a call gives them. A trailing
argument may be left out; a plan of SQLite's in which a given one is not known yet is refused.

What WHERE may push into a report is what it says in `takes`: a moment is compared exactly, anything else is a hint, for
a report that can leave out early what SQLite would drop anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from vtab import Declared, RowBatch
from vtab.protocols import Constraint

from ..errors import Error
from ..interruption import looking
from ..model import timestamps
from ..model.dtypes import Bool, Int64
from ..model.values import Value
from ..store.shard import Shard
from .asked import Asked
from .design import Design
from .question import ReportPlan, ReportQuestion, Written, shown
from .subject import Subject, Subjects

D = TypeVar("D")
V = TypeVar("V")

Columns = dict[str, Sequence[Value]]
"""Rows by the names of their columns, all of one length."""

_COMPARE = {"=": np.equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


_CACHED_ROWS = 10_000
"""The most rows of a result that is cached."""

_PLANS = 64
"""Plans that are cached, of each report."""

MOST_ROWS = 1 << 14
"""The most rows that a report hands out together."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A constraint on a column of the report: op is = < <= > or >=."""

    column: str
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class Call(Generic[D]):
    """A report that is run: its design, the columns that are read, and limits on them."""

    report: str
    subject: Subject
    design: D
    columns: frozenset[str]
    limits: tuple[Limit, ...] = ()

    def within(self, column: str, ts: Int64) -> Bool | None:
        """Which moments meet the limits on a column of times; None if there is no limit on it."""
        kept: Bool | None = None
        for limit in self.limits:
            if limit.column != column:
                continue
            moment = _moment(limit.value)
            here = np.zeros(len(ts), bool) if moment is None else _COMPARE[limit.op](ts, moment)
            kept = here if kept is None else kept & here
        return kept

    def equal(self, column: str) -> str | None:
        """The text that a column has to be equal to, if WHERE says so."""
        found = [limit.value for limit in self.limits if limit.column == column and limit.op == "="]
        texts = [value for value in found if isinstance(value, str)]
        return texts[0] if texts else None


def _moment(value: Value) -> int | None:
    return None if value is None else timestamps.parse(value)


def shards(call: Call[Any]) -> Iterator[Shard]:
    """All shards, or those of the one object that WHERE asks for."""
    snapshot = call.subject.snapshot
    for limit in call.limits:
        if limit.column == "object_id" and limit.op == "=" and isinstance(limit.value, int):
            return looking(shard for shard, _ in snapshot.shards_of(np.array([limit.value], np.int64)))
    return looking(snapshot.shards())


class Report(Protocol):
    """One kind of report; has no state."""

    @property
    def name(self) -> str:
        """As SQL calls it."""
        ...

    @property
    def columns(self) -> Sequence[Declared]:
        """The columns of its rows."""
        ...

    @property
    def hidden(self) -> Sequence[Declared]:
        """Columns that are there for WHERE only."""
        ...

    @property
    def arguments(self) -> Sequence[str]:
        """The names of its arguments; the first is always the table."""
        ...

    @property
    def takes(self) -> frozenset[str]:
        """The columns on which it takes limits."""
        ...

    @property
    def order(self) -> Sequence[str]:
        """The columns by which its rows are sorted."""
        ...

    def design(self, asked: Asked) -> Design | None:
        """What the arguments ask for, None if that is but the table; raises ProgrammingError."""
        ...

    def rows(self, call: Call[Any]) -> Iterator[Columns]:
        """The rows in their order, some at a time: at least the columns that were asked for."""
        ...


class ReportRelation:
    """Implements `vtab.Relation`."""

    def __init__(
        self, report: Report, subjects: Subjects, written: Callable[[], Sequence[ReportPlan | ReportQuestion]]
    ) -> None:
        """written: the calls of reports in the statement that SQLite compiles, which tells NULL and unknown alike."""
        self._report = report
        self._subjects = subjects
        self._written = written
        arguments = [Declared(name, "", True, True) for name in report.arguments]
        self.columns = [*report.columns, *arguments, *report.hidden]
        self._arguments = range(len(report.columns), len(report.columns) + len(arguments))
        self.cached: tuple[object, list[Columns]] | None = None  # what was asked last, and its rows if they are few
        self._plans: OrderedDict[object, ReportPlan] = OrderedDict()
        self.indexed: frozenset[int] = frozenset()
        names = [column.name for column in report.columns]
        self.order = [frozenset({names.index(name)}) for name in report.order]

    @property
    def shown(self) -> list[str]:
        """The names of the columns of its rows."""
        return [column.name for column in self._report.columns]

    def exact(self, column: int, op: str) -> bool | None:
        """Arguments are given by `=`; moments are compared exactly, for their texts would not compare as such."""
        declared = self.columns[column]
        if column in self._arguments:
            return True if op == "=" else None
        if op not in _COMPARE or declared.name not in self._report.takes:
            return None
        return declared.type == "TIMESTAMP"

    def cheap(self, column: int) -> bool:
        """A report for each of several values does not pay."""
        return False

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """A report has few rows; one that lists objects, many."""
        return 100 if "objects" in {column.name for column in self._report.columns} else 10_000

    def explain(self, constraints: Sequence[tuple[int, str]], values: Sequence[Value]) -> str:
        """What is asked of it, as a tree."""
        asked = list(zip(constraints, values, strict=True))
        limits = [
            f"{self.columns[at].name} {op} {'?' if value is None else shown(value)}"
            for (at, op), value in asked
            if at not in self._arguments
        ]
        given = {self.columns[at].name: value for (at, _), value in asked if at in self._arguments}
        return str(self._question(given).limited(limits))

    def _question(self, given: Mapping[str, Value]) -> ReportPlan | ReportQuestion:
        """What a call asks of which these arguments are given; None for one that is NULL, or not known yet."""
        if None not in given.values():
            with suppress(Error):  # which is raised when it is run
                return self.plan({**dict.fromkeys(self._report.arguments), **given})
        written = [call for call in self._written() if call.may_be(self._report.name, given)]
        if len(set(written)) == 1:
            return written[0]
        arguments = ((name, given[name]) for name in self._report.arguments if name in given)
        unknown = Written("?")
        return ReportQuestion(self._report.name, tuple((n, unknown if v is None else v) for n, v in arguments))

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The rows of the report."""
        arguments: dict[str, Value] = dict.fromkeys(self._report.arguments)
        limits = []
        for constraint in constraints:
            column, value = self.columns[constraint.column].name, constraint.value
            if constraint.column not in self._arguments:
                limits.append(Limit(column, constraint.op, value))
            elif value is not None:
                if arguments[column] not in (None, value):
                    return  # no value is equal to both
                arguments[column] = value
        wanted = frozenset(self.columns[at].name for at in columns if at not in self._arguments)
        for found in self._rows(arguments, wanted, tuple(limits)):
            length = _length(found)
            given = {name: [value] * length for name, value in arguments.items()}  # as SQLite may compare it
            yield RowBatch({at: (found | given)[self.columns[at].name] for at in columns}, range(length))

    def plan(self, arguments: Mapping[str, Value]) -> ReportPlan:
        """What a call with these arguments asks (None: left out), read once; raises ProgrammingError."""
        return self._plan(arguments, self._subjects.generation())

    def _plan(self, arguments: Mapping[str, Value], generation: int) -> ReportPlan:
        key = generation, *((type(value), value) for value in arguments.values())
        return _from_cache(self._plans, key, lambda: self._read(arguments))

    def _read(self, arguments: Mapping[str, Value]) -> ReportPlan:
        name = self._report.name
        entry = self._subjects.entry(arguments[self._report.arguments[0]], name)
        asked = Asked(name, arguments, self._subjects.conditions(entry))
        design = self._report.design(asked)
        given = tuple((name, value) for name, value in arguments.items() if value is not None)
        parameters = asked.conditions.parameters
        return ReportPlan(ReportQuestion(name, given), entry.database, entry.name, design, parameters)

    def _rows(
        self, arguments: Mapping[str, Value], wanted: frozenset[str], limits: tuple[Limit, ...]
    ) -> Iterator[Columns]:
        """The rows of a call. A short result is cached, as a join asks for it once for each row of another table."""
        generation = self._subjects.generation()
        plan = self._plan(arguments, generation)
        subject = self._subjects.subject(plan)
        now = generation, self._subjects.moment(), subject.snapshot.stamp
        asked = tuple(arguments.values()), wanted, limits, now
        if self.cached is not None and self.cached[0] == asked:
            yield from self.cached[1]
            return
        self.cached = None
        cached: list[Columns] = []
        rows = 0
        for found in self.run(plan, subject, wanted, limits):
            rows += _length(found)
            cached = [*cached, found] if rows <= _CACHED_ROWS else []
            yield found
        if rows <= _CACHED_ROWS:
            self.cached = asked, cached

    def run(
        self, plan: ReportPlan, subject: Subject, wanted: frozenset[str], limits: tuple[Limit, ...] = ()
    ) -> Iterator[Columns]:
        """The rows of a plan: the wanted columns, and others or not."""
        with subject.snapshot.store.reader.reading(subject.snapshot.manifest):  # until the last row is handed out
            subject.find(plan.conditions())
            yield from self._report.rows(Call(self._report.name, subject, plan.design, wanted, limits))


def _from_cache(cache: OrderedDict[object, V], key: object, make: Callable[[], V]) -> V:
    """What was made for the key before, or what is made now."""
    if key not in cache:
        cache[key] = make()
        if len(cache) > _PLANS:
            cache.popitem(last=False)
    return cache[key]


def _length(found: Columns) -> int:
    return len(next(iter(found.values())))


__all__ = ["MOST_ROWS", "Call", "Declared", "Columns", "Limit", "Report", "ReportRelation", "shards"]
