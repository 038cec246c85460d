"""What a session gets for the text of a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..match.recognition import MATCHES, Recognition
from ..plan.path_scan import PathScan
from ..reports import DESIGNS, ReportPlan, ReportQuestion

_QUESTIONS = MATCHES.with_more((ReportPlan, ReportQuestion), DESIGNS)


class Plan:
    """The path scans and reports of one statement; prints as their trees."""

    def __init__(self, scans: Sequence[PathScan | Recognition | ReportPlan | ReportQuestion]) -> None:
        self.scans = tuple(scans)
        self.reports = tuple(scan for scan in self.scans if isinstance(scan, ReportPlan | ReportQuestion))

    def to_json(self) -> list[str]:
        """Each of them as JSON text, with its conditions as expressions."""
        return list(map(_QUESTIONS.to_json, self.scans))

    @classmethod
    def from_json(cls, texts: Sequence[str]) -> Plan:
        """The plan that `to_json` wrote; raises ValueError for anything else."""
        return cls(list(map(_QUESTIONS.from_json, texts)))

    def __str__(self) -> str:
        return "\n".join(map(str, self.scans))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as SQLite gets it, and what is pushed down of it, if anything is.

    names: of the results that it reads, which can be read as long as this is cached; generation: of the catalogue then.
    """

    sql: str
    plan: Plan | None
    names: tuple[str, ...] = ()
    generation: int = 0
