"""What the rewriter has to know: which names are sky tables, companions or views, and which functions there are.

A catalogue is data, and a few questions about texts and tables, which are seldom asked. engine/schema.py reads the data
from a connection and has SQLite answer the questions. The rewriter needs no more than this protocol.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlglot import exp

from ..functions import PathFunction
from ..model.companions import EVENTS
from ..model.kinds import KINDS, DecimalKind, Kinds
from ..model.quoting import name_key
from ..model.table import Table
from ..scan.aggregates import AggregateFunctions
from .reads import Call, MatchCall

Idiom: TypeAlias = Callable[[Any, exp.Expression], Any]
"""A form that SQL has for state: given a Scope and a node, the Expr or KnownCount that the node means, or None."""

ROWIDS = ("rowid", "_rowid_", "oid")

_DESCRIBED = 256
"""Queries whose columns are cached, at the most."""

_WINDOW_ONLY = frozenset(
    """row_number rank dense_rank percent_rank cume_dist ntile lead lag first_value last_value nth_value
    sky_last_value""".split()
)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A name in a database: kind is 'events', 'objects', 'sessions', 'changes', 'view' or 'table'."""

    kind: str
    database: str
    name: str
    table: Table | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """A function: type is 's', 'a' or 'w', as SQLite tells of scalars, aggregates and window functions.

    pure: it gives the same again. ours: it is not SQLite's own. safe: views may call it.
    """

    name: str
    type: str
    pure: bool
    ours: bool
    safe: bool


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of a query: its declared type, and the column of a table that it is, with that one's collation.

    collation: None where it is no table's column, or its table says nothing of collations.
    """

    name: str
    type: str
    database: str | None = None
    table: str | None = None
    origin: str | None = None
    collation: str | None = None


class Refused(Exception):
    """SQLite does not compile a text. offset: the byte of the text that its error is about, or -1."""

    def __init__(self, error: Exception, offset: int = -1) -> None:
        super().__init__(str(error))
        self.error = error
        self.offset = offset


class Catalog(ABC):
    """What is known of one connection, and what it was given to know: functions, aggregates, reports, idioms.

    It changes only between statements. mark: stands in the names of results.
    """

    def __init__(
        self,
        mark: str,
        functions: Iterable[PathFunction],
        reports: Iterable[str],
        idioms: Sequence[Idiom],
        by_scan: AggregateFunctions,
        kinds: Kinds = KINDS,
    ) -> None:
        self.mark = mark
        self.kinds = kinds  # that the columns of sky tables may be of
        self.by_scan = by_scan  # the aggregates that scans compute
        self.given: set[str] = set()  # those of them that SQLite was given; without names given to other functions
        self.path_functions = {function.name: function for function in functions}  # but names given to other functions
        self.reports = frozenset(reports)
        self.idioms = tuple(idioms)
        self.published: dict[str, MatchCall] = {}  # by their names: the recognitions that can be read now
        self.words: frozenset[str] = frozenset()
        self.named_as_booleans = False  # whether a sky table has a column called true or false
        self.has_decimals = False  # whether a sky table has a column of decimals
        self.aggregates: frozenset[str] = frozenset()
        self.pure: frozenset[str] = frozenset()
        self.own: frozenset[str] = frozenset()  # functions that are not SQLite's, though they may have its names
        self.ambiguous: frozenset[str] = frozenset()  # aggregates of whose name the user has a function of one row
        self._entries: dict[str, dict[str, CatalogEntry]] = {}
        self._databases: list[str] = []
        self._every_aggregate: frozenset[str] | None = None
        self._described: dict[str, list[OutputColumn]] = {}

    # questions

    @abstractmethod
    def every_function(self) -> Iterable[FunctionEntry]:
        """Every function, once for each of its forms."""

    @abstractmethod
    def fields(self, database: str | None, name: str) -> list[tuple[str, str, bool]]:
        """(name, declared type, whether `*` leaves it out) of each column of a table, view or function of tables."""

    @abstractmethod
    def columns(self, entry: CatalogEntry) -> list[str]:
        """The names of the columns that `*` shows of a table."""

    @abstractmethod
    def keys(self, entry: CatalogEntry) -> list[tuple[str, int]]:
        """All columns of a table, and the place of each in the primary key; 0 of others."""

    @abstractmethod
    def has_rowids(self, entry: CatalogEntry) -> bool:
        """Whether the rows of a table have rowids."""

    @abstractmethod
    def check(self, text: str, reads: Sequence[Call] = ()) -> None:
        """Raise Refused if SQLite does not compile a text, in which these results are read."""

    @abstractmethod
    def describe(self, text: str, reads: Sequence[Call], parameters: int) -> list[OutputColumn]:
        """The columns of a query with the parameters :p1, :p2, ...; raises Refused."""

    def query_columns(self, text: str, describe: Callable[[], list[OutputColumn]]) -> list[OutputColumn]:
        """The columns of a query of a statement, cached until the catalogue changes."""
        if self.mark in text:  # which reads a result of this statement alone
            return describe()
        if text not in self._described:
            if len(self._described) >= _DESCRIBED:
                self._described.clear()
            self._described[text] = describe()
        return self._described[text]

    # names

    def know(self, databases: Sequence[str], entries: Mapping[str, Iterable[CatalogEntry]]) -> None:
        """These are the tables and views of the databases from now on."""
        self._every_aggregate = None
        self._described = {}
        self._databases = sorted(databases, key=lambda name: name != "temp")
        self._entries = {name: {name_key(e.name): e for e in entries.get(name, ())} for name in databases}
        every = [entry for entries in self._entries.values() for entry in entries.values()]
        names = {p.name.lower() for entry in every if entry.table is not None for p in entry.table.properties}
        every_kind = (p.kind for entry in every if entry.table is not None for p in entry.table.properties)
        self.has_decimals = any(isinstance(kind, DecimalKind) for kind in every_kind)
        self.named_as_booleans = not names.isdisjoint({"true", "false"})
        self.words = frozenset(entry.name.lower() for entry in every if entry.kind not in ("view", "table"))
        if self.words:
            unsafe = self._know_functions(list(self.every_function()))
            for name in databases:
                self._close_views(name, self.ambiguous if name == "temp" else self.ambiguous | unsafe)
            self.words |= {view.name.lower() for view in self.views()}
            self.words |= {word.replace(mark, 2 * mark) for word in self.words for mark in "\"'`" if mark in word}

    def _know_functions(self, functions: Sequence[FunctionEntry]) -> frozenset[str]:
        """These are all functions; and those that views must not call."""
        pure = {f.name for f in functions if f.type == "s" and f.pure}
        impure = {f.name for f in functions if f.type == "s" and not f.pure}
        self.aggregates = frozenset(f.name for f in functions if f.type != "s") - _WINDOW_ONLY
        self.pure = frozenset(pure - impure) | {"cast"}
        self.own = frozenset(f.name for f in functions if f.ours)
        self.ambiguous = self.aggregates & {f.name for f in functions if f.ours and f.type == "s"}
        return frozenset(f.name for f in functions if not f.safe)

    def every_aggregate(self) -> frozenset[str]:
        """The aggregates; without sky tables, too."""
        if self._every_aggregate is None:
            found = frozenset(f.name for f in self.every_function() if f.type != "s")
            self._every_aggregate = found - (_WINDOW_ONLY - {"sky_last_value"})
        return self._every_aggregate

    def _close_views(self, database: str, unsafe: frozenset[str]) -> None:
        """Take views for tables, of which nothing is known, if they may call one of these functions.

        unsafe: ambiguous ones, and, but in temp, those that SQLite will not let a view call. Out of a view, the call
        would be one of the statement's own, which SQLite allows.
        """
        odd = [name for name in unsafe if not name.isidentifier()]
        entries = self._entries[database]
        for name, entry in entries.items():
            if entry.kind == "view" and unsafe:
                text = (entry.sql or "").lower()
                if not unsafe.isdisjoint(re.findall(r"\w+", text)) or any(each in text for each in odd):
                    entries[name] = CatalogEntry("table", database, entry.name, None, entry.sql)

    def _all(self) -> list[CatalogEntry]:
        return [entry for entries in self._entries.values() for entry in entries.values()]

    def views(self) -> list[CatalogEntry]:
        """Every view."""
        return [entry for entry in self._all() if entry.kind == "view"]

    def find(self, database: str | None, name: str) -> CatalogEntry | None:
        """What a name means in FROM; SQLite looks into temp, then main, then the attached ones."""
        for candidate in self._databases:
            if database is None or name_key(candidate) == name_key(database):
                entry = self._entries[candidate].get(name_key(name))
                if entry is not None:
                    return entry
        return None

    def every(self) -> list[CatalogEntry]:
        """Every table and view, but the tables that sky tables keep their data in."""
        entries = self._all()
        ours = tuple(name_key(f"{entry.name}_") for entry in entries if entry.kind == EVENTS)
        return [e for e in entries if e.kind != "table" or not name_key(e.name).startswith(ours or "\0")]

    def rowid(self, entry: CatalogEntry) -> str:
        """A name of a table's rowid that no column has; "" if it has no rowid, or no name is left for it."""
        taken = {name.lower() for name, _ in self.keys(entry)}
        names = [name for name in ROWIDS if name not in taken]
        return names[0] if names and self.has_rowids(entry) else ""

    def row_key(self, entry: CatalogEntry) -> list[str]:
        """The columns that tell a table's rows apart: a name of its rowid, or its primary key; [] without either."""
        rowid = self.rowid(entry)
        key = sorted((place, name) for name, place in self.keys(entry) if place)
        return [rowid] if rowid else [name for _, name in key]


__all__ = ["ROWIDS", "Catalog", "CatalogEntry", "FunctionEntry", "Idiom", "OutputColumn", "Refused"]
