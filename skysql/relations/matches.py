"""The result of MATCH_RECOGNIZE as a relation: its output columns, and a required column for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from vtab import RowBatch
from vtab.protocols import Constraint
from vtab.protocols import Declared as Declared

from ..match.inputs import EventChunk, RowChunk, path_starts, query_chunks
from ..match.recognition import EventSource, QuerySource, Recognition
from ..match.run import Run
from ..model.values import Value
from ..plan.labels import RowOf
from ..plan.path_scan import And, Column, Compare, Literal, conjuncts
from ..plan.sources import NO_TABLE
from ..scan.bound import BoundScan
from ..scan.by_sqlite import Evaluator
from ..scan.rows import EventRows
from ..scan.scan import Scan
from ..sql.hidden_arguments import argument_columns, values_of
from ..store.snapshot import Snapshot

Query = Callable[[str, dict[str, Value]], Iterator[tuple[Value, ...]]]


class MatchRelation:
    """Implements `vtab.Relation`."""

    order: Sequence[frozenset[int]] = ()
    indexed: frozenset[int] = frozenset()

    def __init__(
        self,
        plan: Recognition,
        evaluator: Evaluator,
        snapshot: Callable[[str, str], Snapshot],
        query: Query,
    ) -> None:
        self.plan = plan
        self._evaluator = evaluator
        self._snapshot = snapshot
        self._query = query
        self._width = max(len(plan.outputs), 1)
        self.columns = [Declared(output.name, output.type) for output in plan.outputs]
        if not self.columns:
            self.columns.append(Declared("nothing"))
        self.columns += argument_columns(plan.parameters)

    def exact(self, column: int, op: str) -> bool | None:
        """Parameters are given by `=`; an equality with a partition column leaves out the other partitions."""
        if op != "=":
            return None
        if column >= self._width:
            return True
        return False if self._is_key(column) else None

    def _is_key(self, column: int) -> bool:
        """Whether the column tells partitions apart; in a scan, only the object does so before rows are read."""
        row = self.plan.outputs[column].row if column < len(self.plan.outputs) else None
        source = self.plan.source
        if row is None:
            return False
        return row in source.keys if isinstance(source, QuerySource) else row == source.object

    def cheap(self, _column: int) -> bool:
        """A scan for each of several values does not pay."""
        return False

    def estimate(self, constraints: Sequence[tuple[int, str]]) -> int:
        """Large, so that a join does not ask again for each row of something else."""
        return 1000 if any(column < self._width for column, _ in constraints) else 1_000_000

    def explain(self, constraints: Sequence[tuple[int, str]], values: Sequence[Value]) -> str:
        """The plan, and which partitions are left out."""
        keys = [self.columns[column].name for column, _ in constraints if column < self._width]
        return str(self.plan.tree([f"only where {key} = ?" for key in keys]))

    def scan(self, columns: frozenset[int], constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        """The rows of all matches."""
        given = {c.column: c.value for c in constraints}
        arguments = [given[at] for at in range(self._width, len(self.columns))]
        parameters = values_of(arguments, self.plan.parameters)
        filters = {self.plan.outputs[at].row: value for at, value in given.items() if at < self._width}
        wanted = sorted(at for at in columns if at < len(self.plan.outputs))
        source, table = self.plan.source, NO_TABLE
        if isinstance(source, EventSource):
            snapshot = self._snapshot(source.scan.database, source.scan.table)
            chunks, table = self._event_chunks(source, snapshot, parameters, filters), snapshot.table
        else:
            chunks = self._query_chunks(source, parameters, filters)
        run = Run(self.plan, table, self._evaluator, parameters, wanted)
        base = 0
        with closing(chunks):
            for length, values in run.batches(chunks):
                asked: dict[int, Sequence[Value]] = {at: [given[at]] * length for at in given if at >= self._width}
                yield RowBatch(asked | dict(values), range(base, base + length))
                base += length

    def _query_chunks(
        self, source: QuerySource, parameters: Sequence[Value], filters: Mapping[int | None, Value]
    ) -> Generator[RowChunk]:
        conditions = " AND ".join(f'"{RowOf(row or 0).name}" = :f{row}' for row in filters)
        text = f"SELECT * FROM ({source.sql}){f' WHERE {conditions}' if filters else ''}{source.order}"
        bindings = {f"p{at}": value for at, value in enumerate(parameters, 1)}
        bindings |= {f"f{row}": value for row, value in filters.items()}
        return query_chunks(self._query(text, bindings), source.keys)

    def _event_chunks(
        self,
        source: EventSource,
        snapshot: Snapshot,
        parameters: Sequence[Value],
        filters: Mapping[int | None, Value],
    ) -> Generator[RowChunk]:
        plan = source.scan
        for value in filters.values():
            if isinstance(value, int):
                only = Compare("=", Column(source.object_name), Literal(value))
                plan = replace(plan, where=And((*conjuncts(plan.where), only)))
        scan = Scan(BoundScan(plan, snapshot.table), snapshot, self._evaluator, parameters)
        with closing(scan.rows()) as every:
            for events in every:
                assert isinstance(events, EventRows)
                others = [scan.evaluation.vector(source.expressions[key], events) for key in source.keys]
                yield EventChunk(events, scan.evaluation, source.expressions, path_starts(events, others))
