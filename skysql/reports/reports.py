"""The reports of a connection: which there are, what a call of one asks, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import apsw

import vtab

from ..errors import Error, ProgrammingError
from ..scan.by_sqlite import Evaluator
from ..sql.catalog import Catalog
from ..store.snapshot import Snapshot
from .asked import Condition
from .flow import Flow, FlowDesign
from .funnel import Funnel, FunnelObjects
from .funnel_design import Exclusion, FunnelDesign, FunnelObjectsDesign
from .lifecycle import Lifecycle, LifecycleDesign
from .periods import Unit
from .question import Argument, ReportPlan, ReportQuestion, Written
from .report import Columns, Report, ReportRelation
from .retention import RetentionDesign, SkyRetention
from .steps import Step
from .stickiness import Stickiness, StickinessDesign
from .subject import Subjects
from .timeline import Timeline, TimelineDesign

REPORTS: tuple[Report, ...] = (Funnel(), FunnelObjects(), SkyRetention(), Flow(), Lifecycle(), Stickiness(), Timeline())
"""The reports that an engine has unless it is given others (engine/registries.py); a connection has them as tables."""


DESIGNS = (
    *(FunnelDesign, FunnelObjectsDesign, Step, Exclusion, RetentionDesign, FlowDesign, LifecycleDesign),
    *(StickinessDesign, TimelineDesign, Condition, Unit, Written),
)
"""What the plans of these reports are made of, besides expressions: for plan/json."""


class Reports:
    """The reports of one connection."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        catalog: Catalog,
        refresh: Callable[[], int],
        evaluator: Evaluator,
        snapshot: Callable[[str, str], Snapshot],
        reports: Sequence[Report],
    ) -> None:
        self._subjects = subjects = Subjects(sqlite, catalog, refresh, evaluator, snapshot)
        self._reports = {report.name: report for report in reports}
        self.written: Sequence[ReportPlan | ReportQuestion] = ()  # the calls of the statement that is compiled next
        self._relations = {
            name: ReportRelation(report, subjects, lambda: self.written) for name, report in self._reports.items()
        }
        for name, relation in self._relations.items():
            vtab.publish(sqlite, name, relation)

    def plan(self, name: str, arguments: Sequence[Argument]) -> ReportPlan | ReportQuestion | None:
        """What a call by that name asks, or what is written while that cannot be told; None if it is no report."""
        report = self._reports.get(name.lower())
        if report is None:
            return None
        if len(arguments) > len(report.arguments):
            usage = f"{report.name}({', '.join(report.arguments)})"
            raise ProgrammingError(
                f"{report.name}() takes {len(report.arguments)} arguments, and this call has {len(arguments)}",
                f"write {usage}",
            )
        named = zip(report.arguments, arguments, strict=False)
        given = tuple((key, value) for key, value in named if value is not None)
        values = [(key, value) for key, value in given if not isinstance(value, Written)]
        if len(values) == len(given):
            with suppress(Error):  # the run raises it
                return self._relations[report.name].plan(dict.fromkeys(report.arguments) | dict(values))
        return ReportQuestion(report.name, given)

    def columns(self, name: str) -> list[str]:
        """The columns of a report's rows."""
        return self._relations[name].shown

    def rows(self, plan: ReportPlan) -> Iterator[Columns]:
        """The rows of a plan, all columns, some rows at a time."""
        relation = self._relations[plan.question.report]
        return relation.run(plan, self._subjects.subject(plan), frozenset(relation.shown))

    def forget(self) -> None:
        """A statement begins: drop the results that were cached for the one before."""
        for relation in self._relations.values():
            relation.cached = None

