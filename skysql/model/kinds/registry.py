"""Kinds: those that a definition may name, and that stored bytes may be of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from .boolean import BOOLEAN
from .decimal import DECIMALS
from .integer import INTEGER
from .kind import Kind
from .real import REAL
from .text import TEXT
from .timestamp import TIMESTAMP


class Family(Protocol):
    """Kinds that are told apart by numbers: DECIMAL(10,2)."""

    word: str
    """How a definition names one of them."""

    def find(self, type: str) -> Kind | None:
        """The kind of that name in a definition; None if there is none. Raises ProgrammingError."""
        ...

    def of_code(self, code: int) -> Kind | None:
        """The kind that the format gives that number."""
        ...


class Kinds:
    """Kinds by name and by code. Constant after construction."""

    def __init__(
        self, kinds: Iterable[Kind], synonyms: Mapping[str, str] | None = None, families: Sequence[Family] = ()
    ) -> None:
        """synonyms: other words for them, in capitals, and what each stands for."""
        self._by_name = {kind.name: kind for kind in kinds}
        self._by_code = {kind.code: kind for kind in self._by_name.values()}
        self._synonyms = dict(synonyms or {})
        self._families = tuple(families)

    def find(self, type: str) -> Kind | None:
        """The kind of that name in a definition, in any case. Raises ProgrammingError for DECIMAL(40,2)."""
        word = type.upper()
        found = self._by_name.get(self._synonyms.get(word, word))
        return found or next(filter(None, (family.find(type) for family in self._families)), None)

    def of_code(self, code: int) -> Kind | None:
        """The kind of that number in stored bytes."""
        found = self._by_code.get(code)
        return found or next(filter(None, (family.of_code(code) for family in self._families)), None)

    @property
    def names(self) -> list[str]:
        """What there is, for people."""
        return [*self._by_name, *(family.word for family in self._families)]

    def __iter__(self) -> Iterator[Kind]:
        """Those that are of no family."""
        return iter(self._by_name.values())

    def __str__(self) -> str:
        *names, last = self.names
        return f"{', '.join(names)} and {last}"


KINDS = Kinds(
    (TEXT, INTEGER, REAL, BOOLEAN, TIMESTAMP), {"INT": "INTEGER", "DOUBLE": "REAL", "BOOL": "BOOLEAN"}, (DECIMALS,)
)
"""The kinds of skysql."""
