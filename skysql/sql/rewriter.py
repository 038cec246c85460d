"""Rewriting: the parts of a statement that a path scan can answer become reads of its result.

A statement that touches no sky table, or that sqlglot cannot parse, is handed to
SQLite byte for byte; of a trigger, its statements are parsed one by one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw
from sqlglot import exp

from ..errors import Error
from ..match.recognition import Recognition
from ..model.values import Value
from ..plan.path_scan import PathScan
from ..relations.results import result_of
from ..scan.evaluation import Evaluator
from ..store.snapshot import Snapshot
from .catalog import Catalog
from .dialect import SqlText, parse, span
from .edits import EditedStatement, NotPushable, Rule
from .lists import inserts_literals
from .lower import asof_joins, check_calls, check_unread, lower_asof, lower_ignore_nulls
from .match.matching import WORD, Matching
from .path_order import Places, calls_paths, clause_of, strictly, without_views
from .rules.grouped import push_aggregate
from .rules.joins import push_below_join
from .rules.moments import pair_rows
from .rules.selected import push_rows
from .scope import literal
from .times import lower_system_time, normalize_times, normalize_trigger

RULES: tuple[Rule, ...] = (push_aggregate, push_below_join, pair_rows, push_rows)
"""The rules that an engine has unless it is given others (engine/registries.py).

Tried on each select, innermost first; the first that does not raise NotPushable has rewritten it.
"""

_CACHED = 512
_CALL = re.compile(r"\bsky_\w+\s*\(", re.IGNORECASE)
_ASOF = re.compile(r"\bASOF\s", re.IGNORECASE)
_EXPLAIN = re.compile(r"\s*EXPLAIN(\s+QUERY\s+PLAN)?\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A table-valued function, and its arguments: values, or the text of what is none."""

    name: str
    arguments: tuple[tuple[Value, str], ...]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The text for SQLite, and the scans that it reads."""

    sql: str
    scans: tuple[PathScan | Recognition, ...] = ()
    names: tuple[str, ...] = ()
    calls: tuple[TableFunction, ...] = ()  # of reports


class Rewriter:
    """Rewrites statements for one connection, and publishes the scans that they read."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        catalog: Catalog,
        evaluator: Evaluator,
        snapshot: Callable[[str, str], Snapshot],
        rules: Sequence[Rule],
    ) -> None:
        self._rules = rules
        self._sqlite = sqlite
        self._catalog = catalog
        self._evaluator = evaluator
        self._snapshot = snapshot
        self._cache: OrderedDict[tuple[str, bool], tuple[int, Rewritten]] = OrderedDict()
        self._matching = Matching(sqlite, catalog, evaluator, snapshot, lambda *call: self.rewrite(*call).sql)
        self._viewed = 0

    def refresh(self, pushdown: bool) -> int:
        """Look at the schemas again if they have changed: their generation. What views match is published anew."""
        generation = self._catalog.refresh()
        if generation != self._viewed:
            self._viewed = generation
            self._matching.publish_stored(pushdown)
        return generation

    def rewrite(self, text: str, pushdown: bool) -> Rewritten:
        """The statement as SQLite is to get it."""
        generation = self.refresh(pushdown)
        self._matching.check(text)
        key = text, pushdown
        known = self._cache.get(key)
        if known is not None and known[0] == generation:
            self._cache.move_to_end(key)
            return known[1]
        try:
            rewritten = self._rewrite(text, pushdown)
        except RecursionError:  # too deep for this, though perhaps not for SQLite
            rewritten = Rewritten(text)
        if known is not None:
            self._forget(known[1])
        self._cache[key] = generation, rewritten
        if len(self._cache) > _CACHED:
            _, (_, oldest) = self._cache.popitem(last=False)
            self._forget(oldest)
        return rewritten

    def _forget(self, rewritten: Rewritten) -> None:
        for name in rewritten.names:
            self._catalog.results.retract(name)
            self._catalog.result_times.pop(name, None)

    def _rewrite(self, text: str, pushdown: bool) -> Rewritten:
        if WORD not in text.lower():
            return self._push(text, pushdown)
        text, matches, names = self._matching.replace(text, pushdown)
        pushed = self._push(text, pushdown)
        return Rewritten(pushed.sql, (*matches, *pushed.scans), (*names, *pushed.names), pushed.calls)

    def _push(self, text: str, pushdown: bool, kept: frozenset[tuple[int, int]] = frozenset()) -> Rewritten:
        """The statement without MATCH_RECOGNIZE. kept: the selects that no rule may rewrite, by `clause_of`."""
        words, results = self._catalog.words, self._catalog.results
        folded, known = text.lower(), (*words, *self._catalog.reports)
        named = words and (any(word in folded for word in known) or results.named_in(text) or _CALL.search(text))
        if not named and _ASOF.search(text) is None:
            return Rewritten(text)
        if inserts_literals(text):
            return Rewritten(text)
        explain = _EXPLAIN.match(text)
        prefix = explain[0] if explain else ""
        source = parse(text[len(prefix) :])
        if source is None:
            check_unread(text)
            return Rewritten(strictly(normalize_trigger(text, self._catalog), self._catalog.path_functions))
        statement = EditedStatement(source, self._catalog)
        stored = isinstance(source.tree, exp.Create) and str(source.tree.args.get("kind")).upper() != "TABLE"
        unfolded = None if stored else without_views(statement)
        if unfolded is not None:
            return self._push(prefix + unfolded, pushdown)
        rules = self._rules if pushdown and not stored else ()
        paths = not stored and calls_paths(text, self._catalog.path_functions)
        lowered, missing = _edit(statement, rules, kept, paths)
        if missing:
            return self._push(text, pushdown, kept | missing)
        called = _calls(source, self._catalog.reports)
        if not statement.changed:
            return Rewritten(text, calls=called)
        statement.keep_names()
        calls = statement.calls_read()
        if calls and (statement.loses_parameters() or self._is_refused(text[len(prefix) :], lowered)):
            return self._push(text, False)
        for call in calls:
            snapshots = self._catalog.as_now(call.plan, self._snapshot)
            relation = result_of(call, self._evaluator, snapshots, self._catalog.by_scan)
            results.publish(call.name, relation, call.plan.table)
        plans, names = tuple(call.plan for call in calls), tuple(call.name for call in calls)
        return Rewritten(prefix + statement.text(), plans, names, called)

    def _is_refused(self, text: str, lowered: bool) -> bool:
        """Whether SQLite does not compile the statement as it is without scans, which may leave out what is wrong."""
        try:
            sql = self._push(text, False).sql if lowered else text
        except Error:  # what only a scan can answer
            return False
        cursor = self._sqlite.cursor()
        cursor.exec_trace = lambda *_: False  # nothing is run
        try:
            cursor.execute(sql, can_cache=False)
        except (apsw.ExecTraceAbort, apsw.BindingsError):
            return False
        except apsw.SQLError:
            return True
        return False


def _edit(
    statement: EditedStatement, rules: Sequence[Rule], kept: frozenset[tuple[int, int]], paths: bool
) -> tuple[bool, set[tuple[int, int]]]:
    """Edit the statement: (whether it had to be said otherwise, the selects that have to be kept as they are)."""
    check_calls(statement)
    lower_ignore_nulls(statement)
    lower_system_time(statement)
    normalize_times(statement)
    asof = asof_joins(statement)
    lowered = statement.changed or bool(asof)
    chosen: set[int] = set()
    places = Places(statement, chosen)
    for select in reversed(list(statement.source.tree.find_all(exp.Select, bfs=True))):
        applied = apply_rules(statement, select, rules) if rules and clause_of(select) not in kept else None
        if applied is not None and applied.keeps_rows:
            chosen.add(id(select))
        if paths:
            places.order(select)
        lower_asof(statement, asof, select)
    lower_asof(statement, asof, None)
    return lowered, places.missing()


def _calls(source: SqlText, reports: frozenset[str]) -> tuple[TableFunction, ...]:
    """The calls of reports that the statement reads."""
    found = []
    for table in source.tree.find_all(exp.Table):
        if isinstance(table.this, exp.Anonymous) and table.this.name.lower() in reports:
            arguments = []
            for node in table.this.expressions:
                value, where = literal(node), span(node)
                text = source.slice(*where) if where is not None else "?"
                arguments.append((None, text) if value is None else (value.value, ""))
            found.append(TableFunction(table.this.name, tuple(arguments)))
    return tuple(found)


def apply_rules(statement: EditedStatement, select: exp.Select, rules: Sequence[Rule]) -> Rule | None:
    """Rewrite one select by the first rule that can, and say which."""
    if statement.catalog.named_as_booleans and select.find(exp.Boolean) is not None:
        return None  # SQLite takes TRUE for the column of that name, where there is one
    if id(select) in statement.conversions(statement.source.tree).selects:
        return None  # its columns are not as they are written
    if _collates(select):
        return None  # a column of a result has a collation, and so would keep others of the compound from having theirs
    for rule in rules:
        try:
            rule(statement, select)
        except NotPushable:
            continue
        return rule
    return None


def _collates(select: exp.Select) -> bool:
    """Whether the select is part of a compound with a collation anywhere in it."""
    compound: exp.Expr | None = select.find_ancestor(exp.SetOperation)
    while compound is not None and isinstance(compound.parent, exp.SetOperation):
        compound = compound.parent
    if compound is None:
        return False
    if "collates" not in compound.meta:  # of several hundred selects each asks
        compound.meta["collates"] = compound.find(exp.Collate) is not None
    return bool(compound.meta["collates"])


__all__ = ["Catalog", "Rewriter", "Rewritten", "TableFunction"]
