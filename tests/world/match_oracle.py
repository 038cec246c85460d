"""MATCH_RECOGNIZE in the naive way: every way through a pattern, one after the other, and every value from scratch.

A match at a row is the first of the ways that the pattern allows, in its order of preference, whose conditions hold.
The text is read by skysql's own parser, which has tests of its own; what it means is said here once more, with lists
and for-loops, and SQLite evaluates expressions over an ordinary table of the input's rows. Exponential time is fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import apsw

from skysql.match.clause import Clause, ClauseParser, RowsPerMatch, Target
from skysql.match.expressions import Expression, Fold, Leaf, MatchNumber, Navigation, RowExpression
from skysql.match.lexer import TokenReader
from skysql.match.pattern import (
    Alternation,
    Anchor,
    Concatenation,
    Excluded,
    Node,
    Permutation,
    Quantified,
    Variable,
)
from skysql.model import timestamps
from skysql.model.tokens import tokenize
from skysql.sql.match.clauses import item_of, places

AGGREGATES = frozenset({"count", "sum", "total", "avg", "min", "max", "group_concat", "json_group_array", "median"})

Way = tuple[tuple[str, bool], ...]  # of each row from the first: its variable, and whether it is excluded


@dataclass(frozen=True)
class Match:
    start: int
    way: Way
    number: int


class Oracle:
    """One clause over one input, in a connection of its own."""

    def __init__(self, sqlite: apsw.Connection, item: str, clause: str, alias: str | None) -> None:
        self.sqlite = sqlite
        sqlite.execute("DROP TABLE IF EXISTS temp.given; DROP TABLE IF EXISTS temp.sorted")
        sqlite.execute(f"CREATE TEMP TABLE given AS SELECT * FROM {item}")
        self.columns = [row[1] for row in sqlite.execute("PRAGMA temp.table_info(given)")]
        folded = {name.lower(): name for name in self.columns}
        tokens = tokenize(clause)
        reader = TokenReader(clause, tokens, 0, len(tokens), "MATCH_RECOGNIZE")
        self.clause: Clause = ClauseParser(
            reader, lambda name: folded.get(name.lower()), tuple(self.columns), AGGREGATES, alias
        ).parse()
        terms = [key.text for key in self.clause.partition] + [f"{k.text} {k.tail}" for k in self.clause.order]
        order = f"ORDER BY {', '.join(terms)}" if terms else ""
        sqlite.execute(f"CREATE TEMP TABLE sorted AS SELECT * FROM given {order}")
        self.conditions = dict(self.clause.conditions)

    # the output

    def names(self) -> list[str]:
        return [name for name, _ in self._outputs()]

    def rows(self) -> list[tuple[Any, ...]]:
        found = []
        for low, high in self._partitions():
            self.low, self.high = low, high
            found += self._partition()
        return found

    def _outputs(self) -> list[tuple[str, Any]]:
        clause = self.clause
        keys = [(key.column or key.text, key.text) for key in clause.partition]
        measures = [(measure.name, measure.expression) for measure in clause.measures]
        if clause.rows is RowsPerMatch.ONE:
            return [*keys, *measures]
        for key in clause.order:
            if key.column and key.column not in [name for name, _ in keys]:
                keys.append((key.column, key.text))
        rest = [(name, f'"{name}"') for name in self.columns if name not in [key for key, _ in keys]]
        return [*keys, *measures, *rest]

    def _partitions(self) -> list[tuple[int, int]]:
        rows = [row for (row,) in self.sqlite.execute("SELECT rowid FROM temp.sorted ORDER BY rowid")]
        edges = []
        for row in rows:
            same = row > 1 and all(
                self.sqlite.execute(
                    f"SELECT (SELECT {key.text} FROM temp.sorted WHERE rowid = ?)"
                    f" IS (SELECT {key.text} FROM temp.sorted WHERE rowid = ?)",
                    (row - 1, row),
                ).fetchall()[0][0]
                for key in self.clause.partition
            )
            if not same:
                edges.append(row)
        return list(zip(edges, [*edges[1:], len(rows) + 1], strict=True))

    def _partition(self) -> list[tuple[Any, ...]]:
        mode, found, matched = self.clause.rows, [], set()
        row, number = self.low, 1
        while row < self.high:
            way = next(self._ways(self.clause.pattern, row, (), row, number, False), None)
            if way is None:
                if mode is RowsPerMatch.UNMATCHED and row not in matched:
                    found.append(self._output(None, row))
                row += 1
                continue
            match = Match(row, way, number)
            number += 1
            matched |= set(range(row, row + max(len(way), 1)))
            if mode is RowsPerMatch.ONE:
                found.append(self._output(match, row + len(way) - 1, row))
            elif way:
                shown = [row + at for at, (_, excluded) in enumerate(way) if not excluded]
                found += [self._output(match, at) for at in shown]
            elif mode is not RowsPerMatch.OMIT_EMPTY:
                found.append(self._output(match, row - 1, row))
            row = self._next(match)
        return found

    def _output(self, match: Match | None, at: int, shown: int | None = None) -> tuple[Any, ...]:
        values = []
        for _, what in self._outputs():
            if isinstance(what, str):
                values.append(self._row(what, at if shown is None else shown))
            else:
                values.append(None if match is None else self._evaluate(what, match, at))
        return tuple(values)

    def _next(self, match: Match) -> int:
        skip = self.clause.skip
        if not match.way or skip.target is Target.NEXT:
            return match.start + 1
        if skip.target is Target.PAST_LAST:
            return match.start + len(match.way)
        places = self._members(match, skip.variable, len(match.way))
        if not places:
            raise LookupError("the variable to skip to is not in the match")
        place = places[0] if skip.target is Target.FIRST else places[-1]
        if place == match.start:
            raise LookupError("skipping to the first row")
        return place

    # matching

    def _ways(self, node: Node, at: int, way: Way, start: int, number: int, out: bool) -> Iterator[Way]:  # noqa: C901
        """The ways through a node from row `at` on, the preferred ones first."""
        match node:
            case Variable(name):
                longer = (*way, (name, out))
                if at < self.high and self._within(start, at) and self._met(name, Match(start, longer, number), at):
                    yield longer
            case Concatenation(()):
                yield way
            case Concatenation((first, *rest)):
                for longer in self._ways(first, at, way, start, number, out):
                    there = start + len(longer)
                    yield from self._ways(Concatenation(tuple(rest)), there, longer, start, number, out)
            case Alternation(items):
                for item in items:
                    yield from self._ways(item, at, way, start, number, out)
            case Permutation(items):
                for order in permutations(items):
                    yield from self._ways(Concatenation(order), at, way, start, number, out)
            case Excluded(item):
                yield from self._ways(item, at, way, start, number, True)
            case Anchor(first):
                if at == (self.low if first else self.high):
                    yield way
            case Quantified():
                yield from self._repeated(node, 0, at, way, start, number, out)

    def _repeated(
        self, node: Quantified, count: int, at: int, way: Way, start: int, number: int, out: bool
    ) -> Iterator[Way]:
        def more() -> Iterator[Way]:
            if node.high is not None and count >= node.high:
                return
            for longer in self._ways(node.item, at, way, start, number, out):
                if longer == way and count + 1 >= node.low:  # empty, and enough: it is the last
                    yield longer
                    continue
                there = start + len(longer)
                yield from self._repeated(node, count + 1, there, longer, start, number, out)

        if node.reluctant and count >= node.low:
            yield way
        yield from more()
        if not node.reluctant and count >= node.low:
            yield way

    def _within(self, start: int, at: int) -> bool:
        if self.clause.within is None:
            return True
        first, last = (self._row(self.clause.order[0].text, row) for row in (start, at))
        if first is None or last is None:
            return False
        return timestamps.parse(last) - timestamps.parse(first) <= self.clause.within

    def _met(self, variable: str, match: Match, at: int) -> bool:
        condition = self.conditions.get(variable)
        if condition is None:
            return True
        value = self._evaluate(condition, match, at, "CASE WHEN {} THEN 1 ELSE 0 END")
        return bool(value)

    # values

    def _row(self, text: str, row: int) -> Any:
        found = self.sqlite.execute(f"SELECT {text} FROM temp.sorted WHERE rowid = ?", (row,)).fetchall()
        return found[0][0] if found else None

    def _members(self, match: Match, variable: str | None, until: int) -> list[int]:
        """The rows that are mapped to the variable, among the first `until` of the match."""
        members = self.clause.members(variable)
        return [match.start + at for at, (name, _) in enumerate(match.way[:until]) if name in members]

    def _evaluate(self, expression: Expression, match: Match, at: int, form: str = "{}") -> Any:
        text = expression.render(lambda leaf: self._leaf(leaf, match, at), lambda constant: constant)
        return self.sqlite.execute(f"SELECT {form.format(text)}").fetchall()[0][0]

    def _leaf(self, leaf: Leaf, match: Match, at: int) -> str:
        """SQL that gives the value, and has the affinity of the column."""
        if isinstance(leaf, MatchNumber):
            return str(match.number)
        until = len(match.way) if leaf.final else at - match.start + 1
        rows = self._members(match, leaf.variable, until)
        if isinstance(leaf, Fold):
            return self._fold(leaf, match, rows)
        row = self._navigated(leaf, rows)
        if leaf.row.classifier:
            inside = row is not None and 0 <= row - match.start < len(match.way)
            return self._name(match, row) if inside else "NULL"
        return f"(SELECT {leaf.row.text} FROM temp.sorted WHERE rowid = {row if row is not None else 0})"

    def _name(self, match: Match, row: int | None) -> str:
        assert row is not None
        return "'" + match.way[row - match.start][0].replace("'", "''") + "'"

    def _navigated(self, leaf: Navigation, rows: list[int]) -> int | None:
        if len(rows) <= leaf.offset:
            return None
        row = (rows[leaf.offset] if leaf.first else rows[-1 - leaf.offset]) + leaf.shift
        return row if self.low <= row < self.high else None

    def _fold(self, leaf: Fold, match: Match, rows: list[int]) -> str:
        pieces = []
        for piece in leaf.call:
            if isinstance(piece, RowExpression):
                pieces.append("label" if piece.classifier else str(match.number) if piece.number else piece.text)
            else:
                pieces.append(piece)
        listed = ", ".join(f"({row}, {self._name(match, row)})" for row in rows)
        source = f"(SELECT column1 AS place, column2 AS label FROM (VALUES {listed}))" if rows else None
        if source is None:
            return f"(SELECT {''.join(pieces)} FROM (SELECT *, '' AS label FROM temp.sorted WHERE 0))"
        joined = f"SELECT sorted.*, label FROM {source} CROSS JOIN temp.sorted ON sorted.rowid = place ORDER BY place"
        return f"(SELECT {''.join(pieces)} FROM ({joined}))"


def recognise(sqlite: apsw.Connection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """(names, rows) of `SELECT * FROM item MATCH_RECOGNIZE (clause)`, whose item may be such a statement too."""
    tokens = tokenize(sql)
    (place,) = places(sql, tokens)
    item = item_of(sql, tokens, place.first, place.keyword)
    text = item.text
    if "MATCH_RECOGNIZE" in text:
        names, rows = recognise(sqlite, text[1:-1])
        sqlite.execute("DROP TABLE IF EXISTS temp.inner_rows")
        sqlite.execute(f"CREATE TEMP TABLE inner_rows({', '.join(names)})")
        sqlite.executemany(f"INSERT INTO inner_rows VALUES ({', '.join('?' * len(names))})", rows)
        text = "inner_rows"
    clause = sql[tokens[place.keyword + 2].start : tokens[place.close - 1].end]
    oracle = Oracle(sqlite, text, clause, item.alias)
    return list(place.names) or oracle.names(), oracle.rows()
