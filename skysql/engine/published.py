"""What statements of one connection read: published under names that nothing else can have, and taken back.

    SELECT ... FROM temp."sky 5f0c5c1e7f0b4d0e9f5d3a1b2c4d6e8f 7" AS "users"

No CTE and no table of another schema has a name that begins with `temp.`, and the digits are drawn for each connection,
so that no file can hold them. A statement of the user's that has them is refused: it would read what another one left,
or put something in its place. Nobody is shown the name: not in the names of columns, in plans or in errors.

The rewriter numbers what a statement reads (`here 1`, `here 2`), and each gets a number of its own. Statements are
cached, and their results readable for as long. What views recognise has the name that the view's text gives it.
Modules of SQLite's that we read ourselves (`temp.carray`) are named likewise: a file may have a table of that name.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING

import apsw

import vtab
from vtab.protocols import Relation

from ..errors import ProgrammingError
from ..match.recognition import EventSource, QuerySource, Recognition
from ..model.values import Value
from ..plan.path_scan import PathScan
from ..relations.matches import MatchRelation
from ..relations.results import result_of
from ..scan.by_sqlite import Evaluator
from ..sql.catalog import Refused
from ..sql.match.matching import WORD, StoredMatches
from ..sql.reads import Call, MatchCall, ScanCall
from ..sql.rewriter import Rewritten, rewrite, stored_matches
from ..store.snapshot import Snapshot
from .prepared import Plan, Prepared
from .registries import Registries
from .schema import Schema

if TYPE_CHECKING:
    from .connected_tables import ConnectedTables

_CACHED = 512

_HERE = re.compile(r"sky ([0-9a-f]{32}) here (\d+)")
_NAME = re.compile(r'(?:temp\.)?"?(sky ([0-9a-f]{32}) \d+)"?', re.IGNORECASE)
"""Names of results, of any connection: with its mark."""


class Results:
    """The names of one connection's results, and what people see in their place."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self._sqlite = sqlite
        self.mark = token_hex(16)
        self._made = 0
        self._labels: dict[str, str] = {}

    def fresh(self) -> str:
        """A name that was never used."""
        self._made += 1
        return f"sky {self.mark} {self._made}"

    def own(self) -> Callable[[str], str]:
        """Gives texts that read results of one rewritten statement names that were never used in their place."""
        first = self._made

        def named(found: re.Match[str]) -> str:
            if found[1] != self.mark:
                return found[0]
            number = first + int(found[2])
            self._made = max(self._made, number)
            return f"sky {self.mark} {number}"

        return lambda text: _HERE.sub(named, text) if self.mark in text else text

    def publish(self, name: str, relation: Relation, label: str) -> None:
        """Let statements read the relation, which people see as `label`."""
        vtab.publish(self._sqlite, name, relation)
        self._labels[name] = label

    def retract(self, name: str) -> None:
        """Undo `publish`."""
        vtab.retract(self._sqlite, name)
        self._labels.pop(name, None)

    def named_in(self, text: str) -> bool:
        """Whether a text has the name of a result."""
        return self.mark in text.lower()

    def check(self, text: str) -> None:
        """Refuse a statement of the user's that names a result."""
        if self.mark in text.lower():
            raise ProgrammingError(
                "a statement cannot read what was found for another one, nor use its name",
                "ask anew, or keep the rows with CREATE TABLE ... AS SELECT ...",
            )

    def shown(self, text: str) -> str:
        """The text without names of results, for people."""
        if not self.named_in(text):
            return text

        def label(found: re.Match[str]) -> str:
            own = found[2].lower() == self.mark
            return self._labels.get(found[1].lower(), "a result") if own else found[0]

        return _NAME.sub(label, text)


class Published:
    """The rewritten statements of one connection, and the results that they read."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        results: Results,
        tables: ConnectedTables,
        evaluator: Evaluator,
        registries: Registries,
        plan: Callable[[Rewritten], Plan | None],
    ) -> None:
        self.catalog = Schema(sqlite, results.mark, tables, self.lent, registries)
        self._rules = registries.rules
        self._plan = plan
        self._sqlite = sqlite
        self._results = results
        self._evaluator = evaluator
        self._snapshot = tables.snapshot
        self._cache: OrderedDict[tuple[str, bool, bool], Prepared] = OrderedDict()
        self._stored: StoredMatches | None = None
        self._viewed = 0

    def refresh(self, pushdown: bool) -> None:
        """Look at the schemas again if they have changed. What views match is published anew."""
        generation = self.catalog.refresh()
        if generation != self._viewed:
            self._match_views(generation, pushdown)

    def _match_views(self, generation: int, pushdown: bool) -> None:
        self._viewed = generation
        before = self._stored.calls if self._stored is not None else {}
        self._stored = stored_matches(self.catalog, self._rules, pushdown)
        for call in self._stored.calls.values():
            self._publish(call.name, call, pushdown)
        for name in before.keys() - self._stored.calls.keys():
            self._retract(name)

    def prepare(self, text: str, pushdown: bool, ours: bool = False) -> Prepared:
        """The statement as SQLite is to get it, with everything published that it reads.

        ours: whether it is the input of a recognition, which may read the result of another one.
        """
        generation = self.catalog.refresh()
        if generation != self._viewed:
            self._match_views(generation, pushdown)
        key = text, pushdown, ours
        cached = self._cache.get(key)
        if cached is not None and cached.generation == generation:
            self._cache.move_to_end(key)
            return cached
        if not ours:
            self._results.check(text)
        assert self._stored is not None
        self._stored.check(text)
        try:
            rewritten = rewrite(text, self.catalog, self._rules, pushdown)
        except Refused as refused:
            raise refused.error from None
        plan = self._plan(rewritten)
        if cached is not None:
            self._forget(cached)
        sql, names = self._publish_all(rewritten.sql, rewritten.reads, pushdown)
        prepared = self._cache[key] = Prepared(sql, plan, names, generation)
        if len(self._cache) > _CACHED:
            self._forget(self._cache.popitem(last=False)[1])
        return prepared

    def _forget(self, readable: Prepared) -> None:
        for name in readable.names:
            self._retract(name)

    # one result

    def _publish_all(self, sql: str, reads: Sequence[Call], pushdown: bool) -> tuple[str, tuple[str, ...]]:
        """(the text, which reads these results under names of their own; those names)."""
        own = self._results.own()
        sql, calls = own(sql), [_renamed(call, own) for call in reads]
        for call in calls:
            self._publish(call.name, call, pushdown)
        return sql, tuple(call.name for call in calls)

    def _publish(self, name: str, call: Call, pushdown: bool) -> None:
        if isinstance(call, ScanCall):
            relation = result_of(call, self._evaluator, self._as_now(call.plan), self.catalog.by_scan)
            self._results.publish(name, relation, call.plan.table)
        else:
            self._results.publish(name, self._match(call.plan, pushdown), WORD)
            self.catalog.published[name] = call

    def _retract(self, name: str) -> None:
        self._results.retract(name)
        self.catalog.published.pop(name, None)

    def _match(self, plan: Recognition, pushdown: bool) -> MatchRelation:
        def query(text: str, bindings: dict[str, Value]) -> Iterator[tuple[Value, ...]]:
            return self._sqlite.cursor().execute(self.prepare(text, pushdown, ours=True).sql, bindings or None)

        scanned = plan.source.scan if isinstance(plan.source, EventSource) else None
        snapshots = self._snapshot if scanned is None else self._as_now(scanned)
        return MatchRelation(plan, self._evaluator, snapshots, query)

    def _as_now(self, plan: PathScan) -> Callable[[str, str], Snapshot]:
        """Snapshots of the table of a scan, as long as it is what it is now; then AlteredError."""
        entry = self.catalog.find(plan.database, plan.table)
        return partial(self._snapshot, altered=0 if entry is None or entry.table is None else entry.table.stamp)

    @contextmanager
    def lent(self, text: str, reads: Sequence[Call]) -> Iterator[str]:
        """The text as SQLite can compile it, for as long as it does so. What views recognise stays published."""
        for call in reads:
            if self._results.mark not in call.name and self.catalog.published.get(call.name) != call:
                self._publish(call.name, call, True)
        sql, names = self._publish_all(text, [call for call in reads if self._results.mark in call.name], True)
        try:
            yield sql
        finally:
            for name in names:
                self._retract(name)


def _renamed(call: Call, own: Callable[[str], str]) -> Call:
    """The call under its own name; the input of a recognition may be a query that reads another one."""
    if isinstance(call, MatchCall) and isinstance(source := call.plan.source, QuerySource):
        source = replace(source, sql=own(source.sql))
        return replace(call, name=own(call.name), plan=replace(call.plan, source=source))
    return replace(call, name=own(call.name))


__all__ = ["Published", "Results"]
