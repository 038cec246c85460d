"""What a sky table is made of: its object key and its properties, and the arguments of `USING sky(...)`.

    CREATE VIRTUAL TABLE users USING sky(tailnum TEXT OBJECT, plan TEXT STATE, amount REAL)

Every property has an id that never changes, so that its name and type can (alteration.py). Id 0 is the action, which is
stored like an attribute of type TEXT. Pure: knows neither SQLite's API nor how things are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import ProgrammingError
from .companions import ACTION_NAME, OBJECT_ID, RESERVED, RESERVED_STATES
from .kinds import INTEGER, KINDS, TEXT, Kind, Kinds
from .quoting import quote
from .tokens import TokenKind, joined_types, tokenize, tokens

ACTION_ID = 0
"""The property id of the action."""

MAX_PROPERTIES = 1000
"""SQLite's vtabs take 2,000 columns; the companions need some of them."""


class Property(NamedTuple):
    """A state property (`state`: its value holds until changed) or an attribute (it belongs to one event).

    was: the types that it had before, oldest first; values that were written then are stored as such still.
    """

    id: int
    name: str
    kind: Kind
    state: bool
    was: tuple[Kind, ...] = ()


ACTION = Property(ACTION_ID, ACTION_NAME.name, TEXT, False)

@dataclass(frozen=True, slots=True)
class Table:
    """A sky table's definition. `object_name` is the id column; `key_name` the TEXT key's column, if it has one.

    stamp: a number that was drawn when the table was last altered, 0 if it never was; what was read under another
    definition is known by it. next_id: the id of the next property that is added, which no property ever had. kinds:
    those of the engine that has the table.
    """

    name: str
    object_name: str
    key_name: str | None
    properties: tuple[Property, ...]
    stamp: int = 0
    next_id: int = 1
    kinds: Kinds = field(default=KINDS, compare=False, repr=False)

    def find(self, name: str) -> Property | None:
        """The property of that name (SQLite compares names without regard to ASCII case), or None."""
        folded = name.lower()
        for property in self.properties:
            if property.name.lower() == folded:
                return property
        return None

    @property
    def states(self) -> tuple[Property, ...]:
        """The state properties, in order of declaration."""
        return tuple(p for p in self.properties if p.state)

    def arguments(self) -> list[str]:
        """The arguments of `USING sky(...)` that make this table."""
        first = []
        if self.key_name is not None:
            first = [f"{quote(self.key_name)} TEXT OBJECT"]
        elif self.object_name != OBJECT_ID:
            first = [f"{quote(self.object_name)} INTEGER OBJECT"]
        return first + [f"{quote(p.name)} {p.kind}{' STATE' if p.state else ''}" for p in self.properties]


def parse_arguments(name: str, arguments: Sequence[str], kinds: Kinds = KINDS) -> Table:
    """The table that `USING sky(arguments)` declares; ids are given in order of declaration, from 1.

    kinds: of which its properties may be.

    Raises ProgrammingError naming the argument at fault.
    """
    object_name, key_name, seen_object = OBJECT_ID, None, False
    properties: list[Property] = []
    for argument in arguments:
        if not tokenize(argument) and len(arguments) == 1:
            break
        column, words = _split(argument)
        kind = kinds.find(words[0]) if words else None
        if kind is None:
            raise ProgrammingError(
                f"column {column!r} of {name!r} has {'the unknown type ' + words[0] if words else 'no type'}",
                f"types are {kinds}",
            )
        match words[1:]:
            case []:
                properties.append(Property(len(properties) + 1, column, kind, False))
            case ["STATE"]:
                properties.append(Property(len(properties) + 1, column, kind, True))
            case ["OBJECT"] if seen_object:
                raise ProgrammingError(f"{name!r} has two OBJECT columns", "a table has one kind of object")
            case ["OBJECT"] if kind in (TEXT, INTEGER):
                seen_object = True
                if kind is TEXT:
                    key_name = column
                else:
                    object_name = column
            case _:
                raise ProgrammingError(
                    f"cannot read {argument.strip()!r} in the columns of {name!r}",
                    "write NAME TYPE [STATE], or NAME TEXT|INTEGER OBJECT",
                )
    table = Table(name, object_name, key_name, tuple(properties), next_id=len(properties) + 1, kinds=kinds)
    check_table(table)
    return table


def arguments_of(sql: str) -> list[str]:
    """The arguments in the text of a CREATE VIRTUAL TABLE, as SQLite hands them to the module; [] if it has none."""
    found: list[str] = []
    depth = start = 0
    for token in tokens(sql):
        opens, closes, parts = (token.text == mark for mark in "(),")
        if depth == 1 and (closes or parts):
            found.append(sql[start : token.start])
        if (depth == 0 and opens) or (depth == 1 and parts):
            start = token.end
        depth += opens - closes
    return found if len(found) > 1 or any(map(tokenize, found)) else []


def _split(argument: str) -> tuple[str, list[str]]:
    """(the name, the words after it in capitals) of a column."""
    found = joined_types(tokenize(argument))
    named = bool(found) and found[0].is_name and found[0].name
    if not named or any(token.kind not in (TokenKind.WORD, TokenKind.NUMBER) for token in found[1:]):
        raise ProgrammingError(f"cannot read {argument.strip()!r} as a column", "write NAME TYPE [STATE]")
    return found[0].name, [token.text.upper() for token in found[1:]]


def check_table(table: Table) -> None:
    """Raise ProgrammingError if there are too many properties, or their names cannot be."""
    if len(table.properties) > MAX_PROPERTIES:
        raise ProgrammingError(
            f"{table.name!r} has {len(table.properties)} properties, more than {MAX_PROPERTIES}"
        )
    check_names(
        table.name,
        [n for n in (table.object_name, table.key_name) if n and n != OBJECT_ID]
        + [p.name for p in table.properties],
    )
    for name in (p.name for p in table.states if p.name.lower() in RESERVED_STATES):
        raise ProgrammingError(f"{name!r} is a column of {table.name}_sessions", "call the state property otherwise")


def check_names(table: str, names: Iterable[str]) -> None:
    """Raise ProgrammingError if a name is reserved, holds a NUL, or stands twice (without regard to case)."""
    seen: set[str] = set()
    for name in names:
        folded = name.lower()
        if folded in RESERVED:
            raise ProgrammingError(f"{name!r} is a name that every sky table has", "call the column otherwise")
        if folded in seen:
            raise ProgrammingError(f"{table!r} has two columns called {name!r}")
        if "\0" in name:
            raise ProgrammingError(f"a column name of {table!r} holds a NUL character")
        seen.add(folded)
