"""Kinds: those that a definition may name, and that stored bytes may be of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .boolean import BOOLEAN
from .integer import INTEGER
from .kind import Kind
from .real import REAL
from .text import TEXT


class Kinds:
    """Kinds by name and by code. Constant after construction."""

    def __init__(self, kinds: Iterable[Kind], synonyms: Mapping[str, str]) -> None:
        """synonyms: other words for them, in capitals, and what each stands for."""
        self._by_name = {kind.name: kind for kind in kinds}
        self._by_code = {kind.code: kind for kind in self._by_name.values()}
        self._synonyms = dict(synonyms)

    def find(self, type: str) -> Kind | None:
        """The kind that a definition calls so, in any case."""
        word = type.upper()
        return self._by_name.get(self._synonyms.get(word, word))

    def of_code(self, code: int) -> Kind | None:
        """The kind of that number in stored bytes."""
        return self._by_code.get(code)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_name.values())

    def __str__(self) -> str:
        *names, last = self._by_name
        return f"{', '.join(names)} and {last}"


KINDS = Kinds((TEXT, INTEGER, REAL, BOOLEAN), {"INT": "INTEGER", "DOUBLE": "REAL", "BOOL": "BOOLEAN"})
"""The kinds of skysql."""
