"""Tests of values by SQLite: what is left of a condition once the leaves have been looked up.

A test is a statement whose parameters are the leaves. A leaf that is a column keeps its affinity and collation by a
CAST that changes nothing; a value that it would change (text in a numeric column, say) takes the long way, through a
relation whose columns are declared so. Outcomes are cached by values. Simple tests are done without SQLite: native.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..model.tokens import TokenKind, replace_tokens
from ..model.values import Value
from ..plan.labels import LeafOf
from ..scan.by_sqlite import Evaluator
from .native import Unsure, function_of, truth
from .recognition import Test

_CACHED = 1 << 18

_NATURAL: dict[str, frozenset[type]] = {
    "NUMERIC": frozenset({int, float, type(None)}),
    "TEXT": frozenset({str, type(None)}),
}


def affinity(declared: str) -> str:
    """NUMERIC, TEXT or '' for none, of a declared type, by SQLite's rules; which numeric one makes no difference."""
    name = declared.upper()
    if "INT" in name:
        return "NUMERIC"
    if any(word in name for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    return "" if not name.strip() or "BLOB" in name else "NUMERIC"


class Judge:
    """Makes tests for one run."""

    def __init__(self, evaluator: Evaluator, parameters: Sequence[Value]) -> None:
        self._evaluator = evaluator
        self._parameters = parameters
        self._tests: dict[Test, Callable[[tuple[Value, ...]], bool]] = {}

    def test(self, test: Test, types: Sequence[str]) -> Callable[[tuple[Value, ...]], bool]:
        """Whether the values of its leaves, whose columns have these declared types, meet the test."""
        if test not in self._tests:
            self._tests[test] = self._make(test, types)
        return self._tests[test]

    def _make(self, test: Test, types: Sequence[str]) -> Callable[[tuple[Value, ...]], bool]:
        names = [LeafOf(at).name for at in range(len(types))]
        casts = {name: _cast(f"v{at}", type) for at, (name, type) in enumerate(zip(names, types, strict=True))}
        natural = [_natural(type) for type in types]
        short = replace_tokens(test.text, lambda t: casts.get(t.name) if t.kind is TokenKind.QUOTED else None)
        form = "CASE WHEN {0} THEN 1 ELSE 0 END"
        known: dict[Any, bool] = {}

        def ask(values: tuple[Value, ...], kinds: tuple[type, ...]) -> bool:
            if all(kind in allowed for kind, allowed in zip(kinds, natural, strict=True) if allowed is not None):
                bound = {f"v{at}": value for at, value in enumerate(values)}
                return bool(self._evaluator.value(form.format(short), bound, self._parameters))
            columns = list(zip(names, types, strict=True))
            data = [[value] for value in values]
            return bool(self._evaluator.values(form.format(test.text), columns, data, self._parameters)[0])

        def decide(values: tuple[Value, ...]) -> bool:
            kinds = tuple(map(type, values))
            key = values, kinds
            found = known.get(key)
            if found is None:
                if len(known) >= _CACHED:
                    known.clear()
                found = known[key] = ask(values, kinds)
            return found

        native = None if test.expr is None else function_of(test.expr, [_as_is(t) for t in types], self._parameters)
        if native is None:
            return decide

        def simple(values: tuple[Value, ...]) -> bool:
            try:
                return truth(native(values)) is True
            except Unsure:
                return decide(values)

        return simple


def _as_is(type: str) -> bool:
    """Whether texts of a column with this type are compared with texts as they are."""
    return "COLLATE" not in type.upper() and affinity(type) != "NUMERIC"


def _cast(parameter: str, type: str) -> str:
    words = type.split()
    collation = ""
    if len(words) > 2 and words[-2].upper() == "COLLATE":
        collation = f" COLLATE {words[-1]}"
    to = affinity(type.split(" COLLATE ")[0])
    return (f"CAST(:{parameter} AS {to})" if to else f":{parameter}") + collation


def _natural(type: str) -> frozenset[type] | None:
    """The types of values that a CAST to the affinity of the column does not change; None if it changes none."""
    return _NATURAL.get(affinity(type.split(" COLLATE ")[0]))
