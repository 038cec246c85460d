"""Rewriting: the parts of a statement that a path scan can answer become reads of its result.

    rewrite("SELECT plan, count(*) FROM users GROUP BY plan", catalog)
        -> SELECT "users"."key 1" AS "plan", ... FROM temp."sky ... here 1" AS "users"
           with the plan of `here 1`, which the engine publishes before the statement runs

A statement and a catalogue always give the same: only the catalogue is asked, and nothing is published here. A
statement that touches no sky table, or that sqlglot cannot parse, goes to SQLite byte for byte. The statements of a
trigger are parsed one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlglot import exp

from ..errors import Error
from ..match.recognition import Recognition
from ..model.tokens import tokenize
from ..model.values import Value
from ..plan.path_scan import PathScan
from .calls import is_ambiguous
from .catalog import Catalog, Refused
from .constants import literal
from .decimals import with_exact_sums
from .dialect import SqlText, parse, span
from .edits import Edit, EditedStatement, NotPushable, Rule, applied, difference
from .lists import inserts_literals
from .lower import asof_joins, check_calls, check_unread, lower_asof, lower_ignore_nulls
from .match.matching import WORD, StoredMatches, replace_matches
from .match.recognise import Context
from .path_order import Places, calls_paths, clause_of, strictly, without_views
from .reads import Call, Reads
from .rules.grouped import push_aggregate
from .rules.joins import push_below_join
from .rules.moments import pair_rows
from .rules.selected import push_rows
from .times import lower_system_time, normalize_times, normalize_trigger

RULES: tuple[Rule, ...] = (push_aggregate, push_below_join, pair_rows, push_rows)
"""The rules that an engine has unless it is given others (engine/registries.py).

Tried on each select, innermost first; the first that does not raise NotPushable has rewritten it.
"""

Statement: TypeAlias = str | SqlText
"""A text, or one that is parsed already: with the place of each token and node in the client's text."""

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
    """The text for SQLite, and how it comes from the statement's; what it asks, and the results that it reads."""

    sql: str
    edits: tuple[Edit, ...] = ()
    scans: tuple[PathScan | Recognition, ...] = ()
    reads: tuple[Call, ...] = ()
    calls: tuple[TableFunction, ...] = ()  # of reports


def rewrite(
    statement: Statement, catalog: Catalog, rules: Sequence[Rule] = RULES, pushdown: bool = True
) -> Rewritten:
    """The statement as SQLite is to get it."""
    return _Rewriting(catalog, rules, pushdown, Reads(catalog.mark)).rewrite(statement)


def stored_matches(catalog: Catalog, rules: Sequence[Rule] = RULES, pushdown: bool = True) -> StoredMatches:
    """The recognitions that the views of a catalogue read."""
    return StoredMatches(catalog, _Rewriting(catalog, rules, pushdown, Reads(catalog.mark)).context)


def _text_of(statement: Statement) -> str:
    return statement if isinstance(statement, str) else statement.text


@dataclass(frozen=True, slots=True)
class _Rewriting:
    """The rewriting of one statement and of texts inside it, with one numbering of their results."""

    catalog: Catalog
    rules: Sequence[Rule]
    pushdown: bool
    reads: Reads

    def rewrite(self, statement: Statement) -> Rewritten:
        """The statement as SQLite is to get it."""
        text = _text_of(statement)
        try:
            if WORD not in text.lower():
                return self._push(statement, self.pushdown)
            without, matches, calls = replace_matches(text, self.context)
            pushed = self._push(without, self.pushdown)
        except RecursionError:  # too deep for this, though perhaps not for SQLite
            return Rewritten(text)
        edits = difference(text, pushed.sql)
        return replace(pushed, edits=edits, scans=(*matches, *pushed.scans), reads=(*calls, *pushed.reads))

    def context(self, text: str) -> Context:
        """What a text with MATCH_RECOGNIZE is rewritten to."""
        return Context(
            self.catalog, self.reads, lambda inner: self.rewrite(inner).sql, text, tokenize(text), self.pushdown
        )

    def _push(self, statement: Statement, pushdown: bool) -> Rewritten:
        """The statement without MATCH_RECOGNIZE."""
        text = _text_of(statement)
        if not self._is_ours(text) or inserts_literals(text):
            return Rewritten(text)
        explain = _EXPLAIN.match(text) if isinstance(statement, str) else None
        prefix = explain[0] if explain else ""
        parsed = parse(text[len(prefix) :]) if isinstance(statement, str) else statement
        if parsed is None:
            check_unread(text)
            return _whole(text, strictly(normalize_trigger(text, self.catalog), self.catalog.path_functions))
        stored = isinstance(parsed.tree, exp.Create) and str(parsed.tree.args.get("kind")).upper() != "TABLE"
        unfolded = None if stored else self._unfolded(parsed)
        if unfolded is not None:
            pushed = self._push(prefix + unfolded, pushdown)
            return replace(pushed, edits=difference(text, pushed.sql))
        return self._edited(parsed, prefix, pushdown, stored)

    def _unfolded(self, parsed: SqlText) -> str | None:
        """The text that the statement stands for, if it is to be said otherwise before all else."""
        for said in (without_views, with_exact_sums):
            text = said(EditedStatement(parsed, self.catalog, reads=self.reads))
            if text is not None:
                return text
        return None

    def _is_ours(self, text: str) -> bool:
        """Whether a text may be about a sky table, or have a join that SQLite lacks."""
        words, folded = self.catalog.words, text.lower()
        known = (*words, *self.catalog.reports)
        named = words and (any(word in folded for word in known) or self.catalog.mark in folded or _CALL.search(text))
        return bool(named) or _ASOF.search(text) is not None

    def _edited(self, parsed: SqlText, prefix: str, pushdown: bool, stored: bool) -> Rewritten:
        """The statement, once it is parsed. stored: it defines a view, and its text is stored."""
        statement, lowered = self._lowered(parsed, pushdown and not stored, stored)
        called = _calls(parsed, self.catalog.reports)
        if not statement.changed:
            return Rewritten(prefix + parsed.text, calls=called)
        statement.keep_names()
        calls = tuple(statement.calls_read())
        if calls and (statement.loses_parameters() or self._is_refused(parsed, lowered)):
            return self._edited(parsed, prefix, False, stored)
        edits = statement.edits()
        sql, moved = applied(parsed.text, edits), tuple(edit.moved(len(prefix)) for edit in edits)
        return Rewritten(prefix + sql, moved, tuple(call.plan for call in calls), calls, called)

    def _lowered(self, parsed: SqlText, pushdown: bool, stored: bool) -> tuple[EditedStatement, bool]:
        """The statement with its edits, and whether it had to be said otherwise."""
        untouched: frozenset[tuple[int, int]] = frozenset()  # the selects that no rule may rewrite, by `clause_of`
        rules = self.rules if pushdown else ()
        paths = not stored and calls_paths(parsed.text, self.catalog.path_functions)
        while True:
            statement = EditedStatement(parsed, self.catalog, reads=self.reads)
            lowered, missing = _edit(statement, () if is_ambiguous(statement) else rules, untouched, paths)
            if not missing:
                return statement, lowered
            untouched |= missing

    def _is_refused(self, parsed: SqlText, lowered: bool) -> bool:
        """Whether SQLite does not compile the statement as it is without scans, which may leave out what is wrong."""
        try:
            sql = self._edited(parsed, "", False, False).sql if lowered else parsed.text
        except Error:  # what only a scan can answer
            return False
        try:
            self.catalog.check(sql, self.reads.inside(sql))
        except Refused:
            return True
        return False


def _whole(text: str, sql: str) -> Rewritten:
    return Rewritten(sql, difference(text, sql))


def _edit(
    statement: EditedStatement, rules: Sequence[Rule], untouched: frozenset[tuple[int, int]], paths: bool
) -> tuple[bool, set[tuple[int, int]]]:
    """Edit the statement: (whether it had to be said otherwise, the selects that have to stay as they are)."""
    check_calls(statement)
    lower_ignore_nulls(statement)
    lower_system_time(statement)
    normalize_times(statement)
    asof = asof_joins(statement)
    lowered = statement.changed or bool(asof)
    chosen: set[int] = set()
    places = Places(statement, chosen)
    for select in reversed(list(statement.parsed.tree.find_all(exp.Select, bfs=True))):
        applied = apply_rules(statement, select, rules) if rules and clause_of(select) not in untouched else None
        if applied is not None and applied.keeps_rows:
            chosen.add(id(select))
        if paths:
            places.order(select)
        lower_asof(statement, asof, select)
    lower_asof(statement, asof, None)
    return lowered, places.missing()


def _calls(parsed: SqlText, reports: frozenset[str]) -> tuple[TableFunction, ...]:
    """The calls of reports that the statement reads."""
    found = []
    for table in parsed.tree.find_all(exp.Table):
        if isinstance(table.this, exp.Anonymous) and table.this.name.lower() in reports:
            arguments = []
            for node in table.this.expressions:
                value, where = literal(node), span(node)
                text = parsed.slice(*where) if where is not None else "?"
                arguments.append((None, text) if value is None else (value.value, ""))
            found.append(TableFunction(table.this.name, tuple(arguments)))
    return tuple(found)


def apply_rules(statement: EditedStatement, select: exp.Select, rules: Sequence[Rule]) -> Rule | None:
    """Rewrite one select by the first rule that can, and say which."""
    if statement.catalog.named_as_booleans and select.find(exp.Boolean) is not None:
        return None  # SQLite takes TRUE for the column of that name, where there is one
    if id(select) in statement.conversions(statement.parsed.tree).selects:
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


__all__ = ["RULES", "Rewritten", "Statement", "TableFunction", "apply_rules", "rewrite", "stored_matches"]
