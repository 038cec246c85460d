"""Membership in a JSON array that comes as a parameter: `x IN (SELECT value FROM json_each(:p1))`, once a value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Numbers, Vector, compact_codes
from ..model.dtypes import Array, Bool
from ..model.values import Value
from ..plan.path_scan import Parameter
from ..store.texts import StoredCodes
from .by_sqlite import Evaluator, in_pieces


@dataclass(frozen=True, slots=True)
class NumberSet:
    """What integers are looked up in: int64[n], ascending; null, empty: see TextSet."""

    numbers: Array
    null: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class TextSet:
    """What texts are looked up in: texts; numbers, as which texts may count, as a JSON array or "".

    null: whether NULL is among the elements. empty: whether there are no elements of any kind.
    """

    texts: frozenset[str]
    numbers: str
    null: bool
    empty: bool


class Sets:
    """The JSON arrays among the parameters of one scan, and what has been found out about them."""

    def __init__(self, evaluator: Evaluator, parameters: Sequence[Value]) -> None:
        self._evaluator = evaluator
        self._parameters = parameters
        self._numbers: dict[int, NumberSet] = {}
        self._texts: dict[int, TextSet] = {}
        self._members: dict[int, tuple[Sequence[Value], Bool]] = {}  # which codes of a vector's texts are in a set

    def numbers(self, set: Parameter) -> NumberSet:
        """The elements of a JSON array that an integer may be equal to."""
        if set.number not in self._numbers:
            text = self._parameters[set.number - 1]
            numbers, null = json_numbers(text)
            self._numbers[set.number] = NumberSet(kernels.distinct(numbers), null, text == "[]")
        return self._numbers[set.number]

    def texts(self, set: Parameter) -> TextSet:
        """The elements of a JSON array that a text may be equal to."""
        if set.number not in self._texts:
            text = self._parameters[set.number - 1]
            assert isinstance(text, str)
            items = json.loads(text)
            numbers = [item for item in items if isinstance(item, int | float)]
            texts = frozenset(item for item in items if isinstance(item, str))
            self._texts[set.number] = TextSet(texts, json.dumps(numbers) if numbers else "", None in items, not items)
        return self._texts[set.number]

    def among(self, vector: Vector, set: Parameter) -> Numbers:
        """Which of the values are elements of a JSON array; NULL where that is not known."""
        known = vector.known()
        if isinstance(vector, Numbers) and vector.render is None:
            numbers = self.numbers(set)
            found, null, empty = np.isin(vector.data, numbers.numbers), numbers.null, numbers.empty
        else:
            texts = self.texts(set)
            found, null, empty = self._among_texts(vector, texts, set.number), texts.null, texts.empty
        if known is not None:
            found = found & known
        if null:
            return Numbers(found, found)
        return Numbers(found, None if empty else known)

    def _among_texts(self, vector: Vector, set: TextSet, number: int) -> Bool:
        """Which of the texts are in the set, which is the parameter of that number; each is looked up once."""
        if isinstance(vector, Coded):
            if vector.index is None:
                return self._among_values(vector.values, set)[vector.codes]
            known = self._members.get(number)
            if known is None or known[0] is not vector.values or len(known[1]) != len(vector.values):
                known = self._members[number] = vector.values, self._codes_of(vector, set)
            return known[1][vector.codes]
        used, places = kernels.group_numbers(*compact_codes(vector))
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[places] = np.arange(len(vector))
        return self._among_values(vector.take(one_of_each).tolist(), set)[places]

    def _codes_of(self, vector: Coded, set: TextSet) -> Bool:
        """Which codes stand for a text of the set: bool[values]."""
        found, index = np.zeros(len(vector.values), bool), vector.index
        if set.numbers:
            for codes, texts in in_pieces(vector, np.arange(len(found))):
                found[codes] = self._among_values(texts, set)
        elif isinstance(index, StoredCodes):
            found[index.find(list(set.texts))] = True
        elif index is not None:
            found[[index[text] for text in set.texts if text in index]] = True
        found[0] = False
        return found

    def _among_values(self, values: Sequence[Value], set: TextSet) -> Bool:
        """Which of the values are in the set."""
        found = np.fromiter((value in set.texts for value in values), bool, len(values))
        if set.numbers:
            text = "x IN (SELECT CAST(value AS NUMERIC) FROM temp.json_each(:p1))"
            same = self._evaluator.values(text, (("x", "TEXT"),), (values,), (set.numbers,))
            found |= np.fromiter((value == 1 for value in same), bool, len(values))
        return found


def json_numbers(text: Value) -> tuple[Array, bool]:
    """The integers in a JSON array, and whether NULL is in it; a list in it stands for what equals no integer.

    Numbers alone, which is what an array of ids holds, are parsed by numpy: 20 million a second.
    """
    assert isinstance(text, str)
    inside = text[1:-1]
    if not inside:
        return np.zeros(0, np.int64), False
    if "n" not in inside and "[" not in inside:
        return np.fromstring(inside, np.int64, sep=","), False
    items = json.loads(text)
    return np.array([item for item in items if isinstance(item, int)], np.int64), None in items
