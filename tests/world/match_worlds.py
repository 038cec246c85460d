"""Random inputs and clauses for MATCH_RECOGNIZE: short partitions of few letters and small numbers, patterns of every
kind of node, conditions that look at their own row, at neighbours, and back.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

VARIABLES = "ABCD"

Rows = list[tuple[int, int, str | None, int | None, float | None]]  # p, i, c, x, y


def rows(rng: random.Random, most: int = 9) -> Rows:
    """Partitions 1, 2, ... of rows at ascending i, some of them equal."""
    found: Rows = []
    letters = rng.choice(["ab", "abc", "aab", "abcd"])
    for p in range(1, rng.randrange(2, 5)):
        i = 0
        for _ in range(rng.randrange(1, most)):
            i += rng.choice([0, 1, 1, 1, 2, 5])
            c = None if rng.random() < 0.05 else rng.choice(letters)
            x = None if rng.random() < 0.15 else rng.randrange(-1, 4)
            y = None if rng.random() < 0.3 else rng.choice([0.5, 1.0, 1.25, -2.0])
            found.append((p, i, c, x, y) if c or x is not None or y is not None else (p, i, "a", x, y))
    return found


@dataclass
class Generator:
    """Random clauses, by one source of randomness. `back`: whether conditions may look back."""

    rng: random.Random
    back: bool
    unions: bool = False

    def pick(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    # patterns

    def pattern(self, depth: int = 3) -> str:
        kind = self.rng.random()
        if depth == 0 or kind < 0.25:
            return self.pick(*VARIABLES[: self.pick(2, 3, 3, 4)])
        if kind < 0.55:
            return " ".join(self._factor(depth - 1) for _ in range(self.rng.randrange(2, 4)))
        if kind < 0.7:
            return " | ".join(self.pattern(depth - 1) for _ in range(2))
        if kind < 0.75:
            return f"PERMUTE({', '.join(self.pattern(depth - 2 if depth > 1 else 0) for _ in range(self.pick(2, 3)))})"
        return self._factor(depth)

    def _factor(self, depth: int) -> str:
        kind = self.rng.random()
        if kind < 0.03:
            return "()" + self.pick("", "", "*", "{2}")
        if kind < 0.06:
            return self.pick("^", "$", "^", "$", "^*", "$?", "$A", "B$", "B$*")
        if kind < 0.12:
            return self._nullable()
        primary = self.pick(*VARIABLES[:3]) if kind < 0.6 or depth <= 0 else f"({self.pattern(depth - 1)})"
        if self.rng.random() < 0.15:
            primary = self.pick(f"{{- {primary} -}}", f"{{-{primary}-}}", f"{{- {{- {primary} -}} -}}")
        if self.rng.random() < 0.55:
            primary += self.pick("", "", "", " ") + self._quantifier()
        return primary

    def _quantifier(self) -> str:
        more = "{2}", "{1,2}", "{,2}", "{2,}", "{0,2}?", "{1,}?", "{,}", "{2,3}"
        return self.pick("*", "+", "?", "*?", "+?", "??", *more)

    def _nullable(self) -> str:
        """A repetition of what may be empty, some of it preferably so."""
        item = self.pick("A??", "A*?", "B?", "A? B??", "() | A", "A | ()", "A | () | B", "(A??)*", "(B*?){,2}", "A*?|B")
        return f"({item}){self._quantifier()}"

    def _spaced(self, pattern: str) -> str:
        """The same with less or more between its parts, where that makes no other tokens."""
        if self.rng.random() < 0.2:
            pattern = re.sub(r" ?([|(){},]) ?", r"\1", pattern)
        return pattern.replace(" ", self.pick(" ", " ", "\n", "  ", " /* ) */ ", " -- (\n"))

    # conditions

    def condition(self, variable: str) -> str:
        options = ["own", "own", "own", "near"] + ["back", "back"] * self.back
        first = self._part(variable, self.pick(*options))
        if self.rng.random() < 0.3:
            return f"{first} {self.pick('AND', 'AND', 'OR')} {self._part(variable, self.pick(*options))}"
        return first

    def _part(self, v: str, kind: str) -> str:
        q = self.pick("", "", f"{v}.")
        other = self.pick(*self.known)
        if kind == "own":
            letters = self.pick("'a'", "'b'", "'c'", "'a', 'b'", "'b', 'c'")
            return self.pick(
                f"{q}c IN ({letters})", f"{q}c = 'a'", f"{q}c = 'b'", f"{q}x > {self.pick(0, 1)}", f"{q}x IS NULL",
                f"{q}y < 1.1", f"{q}c <> 'b'", f"NOT {q}x = 1", f"coalesce({q}x, 0) + {q}y > 1", "1 = 1",
                f"{q}c BETWEEN 'a' AND 'b'", f"length({q}c) = {q}x", f"{q}x = {q}y", f"LAST({q}x + 1) > 2",
            )  # fmt: skip
        if kind == "near":
            return self.pick(
                f"{q}x > PREV({q}x)", f"{q}x >= NEXT({q}x)", f"PREV({q}c) = 'a'", f"NEXT({q}c, 2) <> {q}c",
                f"PREV({q}x, 2) IS NULL", f"PREV(coalesce({q}x, 0)) = 1", f"PREV(LAST({q}y), 1) < 1.1",
                f"{q}c = PREV({q}c, 0)", f"NEXT({q}i) - {q}i <= 1",
            )  # fmt: skip
        return self.pick(
            f"{q}x > {other}.x", f"{q}x >= FIRST({other}.x)", f"{q}x <> LAST({other}.x, 1)", "count(*) <= 3",
            f"count({other}.*) < 3", f"sum({other}.x) < 4", f"coalesce(sum({q}x), 0) < 4", f"avg({other}.y) < 1",
            f"max({other}.x) > min(x)", f"MATCH_NUMBER() < {self.pick(2, 3)}", "PREV(CLASSIFIER()) = 'A'",
            f"LAST(CLASSIFIER(), 1) IS NOT '{v}'", f"CLASSIFIER() = '{v}'", f"FIRST({q}c) = 'a'",
            f"count(DISTINCT {other}.c) < 2", f"group_concat({q}c, '') NOT LIKE '%ab'", f"NEXT({other}.x) = 1",
            f"PREV(FIRST({other}.x, 1), 2) IS NULL", f"total({q}y) < 2.6", f"PREV(CLASSIFIER({other})) IS NULL",
            f"count({other}.x) = count({other}.*)", "FIRST(CLASSIFIER()) = 'A'", "sum(MATCH_NUMBER()) < 4",
            f"LAST(lower(CLASSIFIER()) || c, 1) IS NOT '{v.lower()}a'", f"count(*) FILTER (WHERE {other}.x > 0) < 2",
        )  # fmt: skip

    # measures

    def measure(self) -> str:
        v = self.pick("", "", *(f"{name}." for name in self.known))
        column = self.pick("c", "x", "y", "i")
        semantics = self.pick("", "", "RUNNING ", "FINAL ")
        return self.pick(
            f"{v}{column}", f"{semantics}FIRST({v}{column})", f"{semantics}LAST({v}{column}, {self.pick(1, 2)})",
            f"PREV({v}{column})", f"NEXT({semantics}LAST({v}{column}), 2)", f"PREV(FIRST({v}{column}, 1), 1)",
            "CLASSIFIER()", f"LAST(CLASSIFIER({self.pick(*self.known)}))", "PREV(CLASSIFIER())", "MATCH_NUMBER()",
            f"{semantics}count(*)", f"{semantics}count({self.pick(*self.known)}.*)", f"{semantics}sum({v}x)",
            f"{semantics}min({v}{column})", f"{semantics}max({v}{column})", f"{semantics}avg({v}x)",
            f"{semantics}sum({v}y)", f"{semantics}count({v}y)", f"{semantics}total({v}x)",
            f"{semantics}group_concat({v}c, '')", f"{semantics}group_concat(CLASSIFIER(), '')",
            f"{semantics}count(DISTINCT {v}c)", f"LAST({v}x) - FIRST({v}x) + 0.5", f"coalesce({v}c, '') || count(*)",
            f"CASE WHEN {v}x > FIRST({v}x) THEN 'up' ELSE CLASSIFIER() END", f"{semantics}sum({v}x * 2 + {v}y)",
            f"NEXT({v}i, 1) - PREV({v}i, 1)", "7", f"{semantics}sum(MATCH_NUMBER())",
            f"{semantics}max({v}x + MATCH_NUMBER())",
            f"{semantics}sum({v}x) FILTER (WHERE {v}c = 'a' OR MATCH_NUMBER() > 1)",
            f"LAST(lower(CLASSIFIER()), {self.pick(0, 1)})", "PREV(CLASSIFIER() || coalesce(c, '-'))",
            f"{semantics}count(*) FILTER (WHERE {v}x > 1)", "FIRST(coalesce(CLASSIFIER(), '-'), 1)",
            f"LAST(x, {1 << 63})",
        )  # fmt: skip

    def clause(self) -> str:
        pattern = self.pattern()
        pattern = self._spaced(pattern)
        used = [name for name in VARIABLES if name in pattern.replace("PERMUTE", "")] or ["A"]
        if used == ["A"] and "A" not in pattern.replace("PERMUTE", ""):
            pattern = f"A {pattern}"
        subset = ""
        self.known = list(used)
        if len(used) > 1 and self.rng.random() < 0.3:
            subset = f"SUBSET U = ({', '.join(self.rng.sample(used, 2))})"
            self.known.append("U")
        every = "ALL ROWS PER MATCH"
        rows = self.pick("", *["ONE ROW PER MATCH"] * 3, every, f"{every} OMIT EMPTY MATCHES",
                         f"{every} SHOW EMPTY MATCHES", f"{every} WITH UNMATCHED ROWS")  # fmt: skip
        if "UNMATCHED" in rows and "{-" in pattern:
            rows = "ALL ROWS PER MATCH"
        skip = self.pick("", "", "", "AFTER MATCH SKIP PAST LAST ROW", "AFTER MATCH SKIP TO NEXT ROW",
                         f"AFTER MATCH SKIP TO {self.pick('FIRST ', 'LAST ', '')}{self.pick(*self.known)}")  # fmt: skip
        measures = ", ".join(f"{self.measure()} AS m{at}" for at in range(self.rng.randrange(1, 5)))
        defined = [name for name in used if self.rng.random() < 0.85]
        define = ", ".join(f"{name} AS {self.condition(name)}" for name in defined)
        within = f"WITHIN INTERVAL '{self.pick(1, 2, 4)}' SECOND" if self.rng.random() < 0.12 else ""
        return (
            f"PARTITION BY p ORDER BY i MEASURES {measures} {rows} {skip} PATTERN ({pattern}) {within} {subset}"
            + (f" DEFINE {define}" if define else "")
        )
