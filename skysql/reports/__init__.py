"""Reports: table-valued functions for the questions that everyone asks of paths.

    SELECT * FROM sky_funnel('users', 'sign up > purchase', '7 days', '{"by": "plan"}')

    report.py     a report as a virtual table: arguments, and what WHERE may push into it
    subject.py    the table that a report is about, and the events that meet its conditions
    options.py    the JSON of the last argument
    steps.py      the steps of a funnel, as they are written
    chains.py     how paths run through steps; numpy only
    funnel_design.py, funnel_chains.py, funnel_search.py, funnel_depths.py   a funnel: as it was asked for, its chains
                  in one shard, the algorithm that finds them, and a short cut where it is enough to count
    question.py   what a report is asked, as a tree
    periods.py    days, weeks, months: calendar periods of moments; numpy only
    quantiles.py  means and percentiles by group; numpy only
    funnel.py, retention.py, flow.py, lifecycle.py, stickiness.py   the reports

Each is one pass over whole paths: a *partial* of every shard, by arrays, and the rows from all partials. No path lies
in two shards, so that partials of different objects, wherever they were made, give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import apsw

import vtab

from ..errors import ProgrammingError
from ..scan.by_sqlite import Evaluator
from ..sql.catalog import Catalog
from ..store.snapshot import Snapshot
from .flow import Flow
from .funnel import Funnel, FunnelObjects
from .lifecycle import Lifecycle
from .question import Argument, ReportPlan, Written
from .report import Report, ReportRelation
from .retention import SkyRetention
from .stickiness import Stickiness
from .subject import Subjects
from .timeline import Timeline

REPORTS: tuple[Report, ...] = (Funnel(), FunnelObjects(), SkyRetention(), Flow(), Lifecycle(), Stickiness(), Timeline())
"""The reports that an engine has unless it is given others (engine/registries.py); a connection has them as tables."""


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
        subjects = Subjects(sqlite, catalog, refresh, evaluator, snapshot)
        self._reports = {report.name: report for report in reports}
        self._relations = {name: ReportRelation(report, subjects) for name, report in self._reports.items()}
        for name, relation in self._relations.items():
            vtab.publish(sqlite, name, relation)

    def plan(self, name: str, arguments: Sequence[Argument]) -> ReportPlan | None:
        """What a call by that name asks; None if that is no report."""
        report = self._reports.get(name.lower())
        if report is None:
            return None
        if len(arguments) > len(report.arguments):
            usage = f"{report.name}({', '.join(report.arguments)})"
            raise ProgrammingError(
                f"{report.name}() takes {len(report.arguments)} arguments, and this call has {len(arguments)}",
                f"write {usage}",
            )
        given = zip(report.arguments, arguments, strict=False)
        return ReportPlan(report.name, {key: value for key, value in given if value is not None})

    def forget(self) -> None:
        """A statement begins: drop the results that were cached for the one before."""
        for relation in self._relations.values():
            relation.cached = None


__all__ = ["REPORTS", "Report", "ReportPlan", "Reports", "Written"]
