"""What is to be done for one MATCH_RECOGNIZE: frozen, and printed by EXPLAIN QUERY PLAN.

Expressions are those of skysql.plan. Their columns are called by labels:

    row 3              a row column: an expression over one row of the input (`Recognition.rows`)
    row 3 moved -1     the same of the row before
    leaf 2             the second leaf of the condition or measure that the expression belongs to
    anything else      a column of the sky table
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..lazily import cached_property
from ..plan.json import SCANS
from ..plan.path_scan import Expr, PathScan, conjuncts, sql
from ..plan.tree import Tree, leaves
from .clause import Clause, Key, Measure, RowsPerMatch, Skip, Target
from .expressions import Constant, Expression, Fold, Leaf, MatchNumber, Navigation, RowExpression
from .pattern import Alternation, Anchor, Concatenation, Excluded, Permutation, Quantified, Variable, show
from .program import Program, compile_pattern


@dataclass(frozen=True, slots=True)
class Test:
    """What of a condition looks at more than its own row: SQL over its leaves; expr if arrays could evaluate it too."""

    text: str
    leaves: tuple[Leaf, ...]
    expr: Expr | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """Both parts have to be met. own: over row columns, moved or not, or the sky table's; None for nothing."""

    own: Expr | None
    test: Test | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the result: a row column (by number) of the row that is shown, or a measure."""

    name: str
    type: str
    row: int | None = None
    measure: Expr | None = None
    leaves: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class EventSource:
    """The rows are events that a path scan selects, partitioned by paths.

    expressions: of the row columns. keys: those that cut paths into partitions. object: that of the object's id, which
    the table calls `object_name`.
    """

    scan: PathScan
    expressions: tuple[Expr, ...]
    keys: tuple[int, ...]
    object: int | None
    object_name: str


@dataclass(frozen=True, slots=True)
class QuerySource:
    """The rows are those of a query, in some order. keys: the row columns that tell partitions apart."""

    sql: str
    order: str
    keys: tuple[int, ...]


@dataclass(frozen=True)
class Recognition:
    """input: as it was written. rows, types: the row columns and their declared types. definitions: by variable.

    time: the row column of the first ORDER BY, for WITHIN. by_regex: whether `re` may be used at all. parameters: how
    many come with the scan.
    """

    input: str
    clause: Clause
    source: EventSource | QuerySource
    rows: tuple[RowExpression, ...]
    types: tuple[str, ...]
    definitions: tuple[tuple[str, Definition], ...]
    outputs: tuple[Output, ...]
    time: int | None
    by_regex: bool
    parameters: int

    @cached_property
    def program(self) -> Program:
        """The pattern, as matchers follow it."""
        return compile_pattern(self.clause.pattern)

    def compiled(self) -> Recognition:
        """Itself, with its program; raises NotSupportedError if the pattern is too large for one."""
        _ = self.program
        return self

    @cached_property
    def numbers(self) -> Mapping[RowExpression, int]:
        """The number of each row column."""
        return {row: number for number, row in enumerate(self.rows)}

    @cached_property
    def conditions(self) -> Mapping[str, Definition]:
        """The definitions by variable."""
        return dict(self.definitions)

    def __str__(self) -> str:
        return str(self.tree())

    def tree(self, conditions: Sequence[str] = ()) -> Tree:
        """The plan as a tree. conditions: by which partitions are left out."""
        return Tree(f"MATCH RECOGNIZE {_line(self.input)}", leaves([*conditions, *self._lines()]))

    def _lines(self) -> list[str]:
        clause = self.clause
        lines = ["read events by path scan" if isinstance(self.source, EventSource) else "read rows by query"]
        if isinstance(self.source, EventSource):
            lines += [f"where {sql(part)}" for part in conjuncts(self.source.scan.where)]
        if clause.partition:
            lines.append(f"partition by {', '.join(map(_key, clause.partition))}")
        if clause.order:
            lines.append(f"order by {', '.join(map(_key, clause.order))}")
        within = "" if clause.within is None else f" within {clause.within / 1e6:g} seconds"
        how = "regular expression" if self.by_regex else "the general matcher"
        lines.append(f"pattern {show(clause.pattern)}{within} by {how}")
        lines += [f"define {name} as {_line(expression.text)}" for name, expression in clause.conditions]
        lines += [f"measure {measure.name} as {_line(measure.expression.text)}" for measure in clause.measures]
        variable = f" {clause.skip.variable}" * (clause.skip.target in (Target.FIRST, Target.LAST))
        lines.append(f"{clause.rows.value.lower()}, then skip {clause.skip.target.value.lower()}{variable}")
        return lines


MATCHES = SCANS.with_more(
    (Recognition,),
    (
        *(EventSource, QuerySource, Definition, Test, Output, Clause, Key, Measure, Skip, RowsPerMatch, Target),
        *(Expression, RowExpression, Navigation, Fold, MatchNumber, Constant),
        *(Variable, Concatenation, Alternation, Permutation, Quantified, Excluded, Anchor),
    ),
)
"""What recognitions are made of, as JSON."""

def _line(text: str) -> str:
    return " ".join(text.split())


def _key(key: Key) -> str:
    return f"{key.text} {key.tail}".strip()
