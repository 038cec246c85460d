"""What a benchmark found: times, figures and targets, as tables on the screen or as a part of RESULTS.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from .measure import machine

SUBJECT = "skysql"
_BUSY = ": THE RATIOS ARE NOT TO BE TRUSTED, peers that use every core lost more by it"


@dataclass(frozen=True, slots=True)
class Statement:
    """One way to ask a question.

    way:    what is particular about it; '' if there is nothing to tell.
    sql:    with a ? or {object} where the question is about one object.
    counts: whether a target may compare with it; else it is told for information.
    answer: which of the question's answers it has to give, if there are several.
    """

    question: str
    way: str
    sql: str
    counts: bool = True
    answer: str = ""

    @property
    def expected(self) -> str:
        """The key of the rows that it has to give."""
        return self.answer or self.question


@dataclass(frozen=True, slots=True)
class Target:
    """skysql's statement of one way is to be `factor` times as fast as the fastest of these peers' statements.

    way: how those begin; '' is any.
    """

    question: str
    way: str
    factor: float
    peers: tuple[str, ...] = ("DuckDB",)
    ours: str = ""

    def compares(self, engine: str, statement: Statement) -> bool:
        """Whether it is held against this statement of a peer."""
        return (
            engine in self.peers
            and statement.question == self.question
            and statement.counts
            and statement.way.startswith(self.way)
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured of skysql that is no time of a question; the target is a bound from above or below, if any."""

    title: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    digits: int = 2

    def target(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:,g}"
        return "" if self.at_least is None else f">= {self.at_least:,g}"

    def verdict(self) -> str:
        """'ok', 'MISSED', or '' without a target."""
        if self.at_most is None and self.at_least is None:
            return ""
        good = self.value <= self.at_most if self.at_most is not None else self.value >= (self.at_least or 0)
        return "ok" if good else "MISSED"


@dataclass(slots=True)
class Results:
    """All that was measured in one run.

    program:  python -m what. subject: what was asked about, in words; then `workload`: of how much of it.
    targets:  those that the run is held against. failures: what could not be asked, or was answered wrongly.
    """

    program: str
    subject: str
    workload: str
    targets: Sequence[Target]
    busy_elsewhere: float = 0.0  # cores that other programs kept busy
    peak_bytes: int = 0
    versions: list[str] = field(default_factory=list)
    times: dict[tuple[str, str, str], float] = field(default_factory=dict)  # question, engine, way -> seconds
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def fastest(self, target: Target) -> tuple[float, str] | None:
        """(seconds, whose) of the peers' fastest statement that the target compares with."""
        found = [
            (self.times[target.question, engine, statement.way], f"{engine}, {statement.way}")
            for engine, statement in self.statements
            if target.compares(engine, statement)
        ]
        return min(found, default=None)


def report(results: Results, *, markdown: bool) -> str:
    """All tables as text, or as a part of RESULTS.md."""
    parts = [
        f"# {results.subject}\n" if markdown else "",
        _head(results),
        _table(("question", "skysql", "fastest peer", "", "as fast", "target", ""), _target_rows(results), markdown),
        _table(("skysql, and the loading of its peers", "", "", "target", ""), _figure_rows(results), markdown),
        _table(("question", "engine", "way", "ms", "not a target's"), _time_rows(results), markdown),
    ]
    if results.failures:
        parts.append("FAILED\n\n" + "".join(f"- {failure}\n" for failure in results.failures))
    if markdown and results.statements:
        parts.append("## Statements\n\n```sql\n" + "\n\n".join(_statement_lines(results)) + "\n```\n")
    return "\n".join(filter(None, parts)) if markdown else "\n".join(parts)


def write(path: Path, results: Results) -> None:
    """Make the report a part of a page, in place of the one that is there about the same subject, or at its end."""
    page = path.read_text() if path.exists() else ""
    begins = f"# {results.subject}\n"
    parts = re.split(r"^(?=# )", page, flags=re.MULTILINE)
    places = [at for at, part in enumerate(parts) if part.startswith(begins)] or [len(parts)]
    parts[places[0] : places[0] + 1] = [report(results, markdown=True)]
    path.write_text("\n".join(part.strip("\n") + "\n" for part in parts if part.strip()))


def _head(results: Results) -> str:
    busy = f"{results.busy_elsewhere:.2f} cores busy meanwhile{_BUSY if results.busy_elsewhere > 0.1 else ''}"
    times = "Milliseconds, median, end to end, warm. " if results.statements else ""
    return (
        f"{results.workload}; {', '.join(results.versions)}.\n{machine()}. {date.today()}.\n"
        f"{times}Made by `python -m {results.program}`, which took "
        f"{results.peak_bytes / 1e9:.1f} GB at the most. Other programs kept {busy}.\n"
    )


def _target_rows(results: Results) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for target in results.targets:
        ours, fastest = results.times.get((target.question, SUBJECT, target.ours)), results.fastest(target)
        ratio = fastest[0] / ours if ours and fastest else None
        rows.append((
            target.question + (f", by {target.ours}" if target.ours else ""),
            f"{ours * 1e3:,.2f}" if ours else "-",
            f"{fastest[0] * 1e3:,.2f}" if fastest else "-",
            fastest[1] if fastest else "-",
            f"{ratio:,.1f} x" if ratio else "-",
            f">= {target.factor:g} x",
            "-" if ratio is None else "ok" if ratio >= target.factor else "MISSED",
        ))  # fmt: skip
    return rows


def _figure_rows(results: Results) -> list[tuple[str, ...]]:
    return [
        (figure.title, f"{figure.value:,.{figure.digits}f}", figure.unit, figure.target(), figure.verdict())
        for figure in results.figures
    ]


def _time_rows(results: Results) -> list[tuple[str, ...]]:
    def told(engine: str, statement: Statement) -> bool:
        return engine != SUBJECT and not any(target.compares(engine, statement) for target in results.targets)

    questions = dict.fromkeys(statement.question for _, statement in results.statements)
    return [
        (question, engine, statement.way, f"{results.times[question, engine, statement.way] * 1e3:,.2f}",
         "x" if told(engine, statement) else "")
        for question in questions
        for engine, statement in results.statements
        if statement.question == question
    ]  # fmt: skip


def _statement_lines(results: Results) -> list[str]:
    return [f"-- {engine}: {statement.question}, {statement.way or 'as it is'}\n{statement.sql};"
            for engine, statement in results.statements]  # fmt: skip


def _table(titles: tuple[str, ...], rows: list[tuple[str, ...]], markdown: bool) -> str:
    if not rows:
        return ""
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in (titles, ("---",) * len(titles), *rows)]
        return "\n".join(lines) + "\n"
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in (titles, *rows)) + "\n"
