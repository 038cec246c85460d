"""Kinds: those that a definition may name, and that stored bytes may be of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from ...errors import ProgrammingError
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


OWN_CODES = range(64, 256)
"""The codes of kinds that skysql does not have. Those below are given out by its format, for all time."""


class Kinds:
    """Kinds by name and by code, no two alike in either. Constant after construction."""

    def __init__(
        self, kinds: Iterable[Kind], synonyms: Mapping[str, str] | None = None, families: Sequence[Family] = ()
    ) -> None:
        """synonyms: other words for them, in capitals, and what each stands for."""
        self._by_name: dict[str, Kind] = {}
        self._by_code: dict[int, Kind] = {}
        self._synonyms = dict(synonyms or {})
        self._families = tuple(families)
        for kind in kinds:
            self._add(kind)

    def _add(self, kind: Kind) -> None:
        if kind.name != kind.name.upper():
            hint = f"call it {kind.name.upper()!r}"
            raise ProgrammingError(f"kinds have names in capitals, and not {kind.name!r}", hint)
        if self.find(kind.name) is not None:
            raise ProgrammingError(f"two kinds are called {kind.name!r}", "give one of them another name")
        other = self.of_code(kind.code)
        if other is not None:
            raise ProgrammingError(f"{other} and {kind.name} have one code", "give one of them another")
        self._by_name[kind.name] = self._by_code[kind.code] = kind

    def with_more(self, *kinds: Kind) -> Kinds:
        """These, and kinds of an engine's own. Raises ProgrammingError for a code that is not of `OWN_CODES`."""
        for kind in kinds:
            if kind.code not in OWN_CODES:
                hint = f"codes from {OWN_CODES.start} to {OWN_CODES.stop - 1} are for kinds of an engine's own"
                raise ProgrammingError(f"{kind.name} has the code {kind.code}, which is the format's", hint)
        return Kinds((*self._by_name.values(), *kinds), self._synonyms, self._families)

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
"""The kinds of skysql, which an engine has unless it is given others (engine/registries.py)."""
