"""Changes of a schema: their grammar, and what a table is after one of them. Pure.

    ADD name TYPE [STATE]            a property that no event has a value of yet
    RENAME name TO new
    DROP name
    ALTER name TO STATE              each value becomes a change at its event, and holds from there on
    ALTER name TO ATTRIBUTE          each change becomes a value of its event alone
    ALTER name TYPE type             wider: BOOLEAN to INTEGER, either of them to REAL or DECIMAL(p,s), DECIMAL to one
                                     of more digits or to REAL, anything to TEXT

A word COLUMN may stand before the name, and names are quoted as in SQL. Nothing here looks at events: store/alter.py
checks whether they allow the change, and makes it.

State and attribute are two readings of one list of (event, value), so turning one into the other changes nothing that
is stored, and a property that is turned back is what it was: changes to NULL read as no value in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..errors import ProgrammingError, near
from .companions import RESERVED
from .kinds import KINDS, Kind, Kinds
from .table import Property, Table, check_table
from .tokens import Token, joined_types, tokenize

MAX_ID = (1 << 16) - 4
"""The last property id: stored columns have numbers of 16 bits, of which three are other columns' than properties'."""

_FORMS = (
    "write ADD name TYPE [STATE], RENAME name TO new, DROP name, ALTER name TO STATE, ALTER name TO ATTRIBUTE,"
    " or ALTER name TYPE type"
)


@dataclass(frozen=True, slots=True)
class Add:
    """A new property."""

    name: str
    kind: Kind
    state: bool


@dataclass(frozen=True, slots=True)
class Rename:
    """Another name."""

    name: str
    new: str


@dataclass(frozen=True, slots=True)
class Drop:
    """A property goes, with its values."""

    name: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A state property becomes an attribute, or the other way round."""

    name: str
    state: bool


@dataclass(frozen=True, slots=True)
class Widen:
    """Another type, which holds all values of the one before."""

    name: str
    kind: Kind


Alteration: TypeAlias = Add | Rename | Drop | Turn | Widen


# the grammar


def parse(text: str, kinds: Kinds = KINDS) -> Alteration:
    """Raises ProgrammingError if the text is none of the forms. kinds: that it may name."""
    tokens = _tokens(text)
    found = None
    if len(tokens) > 1 and tokens[1].word == "COLUMN":
        found = _parse(tokens[:1] + tokens[2:], kinds)  # if that is a name, what is left is no form
    found = found or _parse(tokens, kinds)
    if found is None:
        raise ProgrammingError(f"cannot read {text.strip()!r} as a change of a table", _FORMS)
    return found


def _tokens(text: str) -> list[Token]:
    found = joined_types(tokenize(text))
    for token in found:
        if not token.is_name or not token.name:
            raise ProgrammingError(f"cannot read {text.strip()!r} from {text[token.start :].strip()!r} on", _FORMS)
    return found


def _parse(tokens: Sequence[Token], kinds: Kinds) -> Alteration | None:
    if len(tokens) < 2:
        return None
    name, words = tokens[1].name, [token.word for token in tokens]
    match [words[0], *words[2:]]:
        case ["ADD", type]:
            return Add(name, _kind(type, kinds), False)
        case ["ADD", type, "STATE"]:
            return Add(name, _kind(type, kinds), True)
        case ["ADD", _, "OBJECT"]:
            raise ProgrammingError("an OBJECT column cannot be added", "it is given when the table is created")
        case ["RENAME", "TO", _]:
            return Rename(name, tokens[3].name)
        case ["DROP"]:
            return Drop(name)
        case ["ALTER", "TO", "STATE" | "ATTRIBUTE" as kind]:
            return Turn(name, kind == "STATE")
        case ["ALTER", "TYPE", type]:
            return Widen(name, _kind(type, kinds))
    return None


def _kind(word: str, kinds: Kinds) -> Kind:
    kind = kinds.find(word)
    if kind is None:
        raise ProgrammingError(f"there is no type {word}", f"types are {kinds}")
    return kind


# what a table becomes


def altered(table: Table, alteration: Alteration, stamp: int) -> Table:
    """The table after that; raises ProgrammingError naming what cannot be."""
    match alteration:
        case Add(name, kind, state):
            properties = [*table.properties, Property(table.next_id, name, kind, state)]
        case Drop():
            dropped = find(table, alteration.name)
            properties = [p for p in table.properties if p is not dropped]
        case _:
            old = find(table, alteration.name)
            properties = [_changed(table, p, alteration) if p is old else p for p in table.properties]
    next_id = table.next_id
    if isinstance(alteration, Add):
        _check_new(table, alteration.name, None)
        next_id += 1
        if next_id > MAX_ID:
            raise ProgrammingError(
                f"{table.name!r} has had {table.next_id - 1} properties, and can take no other",
                "skysql export it, and import that into a new table",
            )
    result = replace(table, properties=tuple(properties), stamp=stamp, next_id=next_id)
    check_table(result)
    return result


def find(table: Table, name: str) -> Property:
    """The property of that name, which is to be altered."""
    property = table.find(name)
    if property is not None:
        return property
    folded = name.lower()
    if folded in (table.object_name.lower(), (table.key_name or "").lower()):
        raise ProgrammingError(f"{name!r} is the OBJECT of {table.name!r}", "only properties can be altered")
    if folded in RESERVED:
        raise ProgrammingError(f"{name!r} is a column that every sky table has", "only properties can be altered")
    raise ProgrammingError(f"{table.name!r} has no property {name!r}", near(name, (p.name for p in table.properties)))


def _check_new(table: Table, name: str, property: Property | None) -> None:
    """A name for a property (None: for a new one)."""
    taken = [table.object_name, *([table.key_name] if table.key_name else [])]
    taken += [p.name for p in table.properties if p is not property]
    if name.lower() in [each.lower() for each in taken] and name.lower() not in RESERVED:
        raise ProgrammingError(f"{table.name!r} has a column {name!r} already", "choose another name")


def _changed(table: Table, property: Property, alteration: Rename | Turn | Widen) -> Property:
    match alteration:
        case Rename(_, new):
            _check_new(table, new, property)
            return property._replace(name=new)
        case Turn(_, state):
            if property.state == state:
                raise ProgrammingError(
                    f"{property.name!r} is {'a state property' if state else 'an attribute'} already"
                )
            return property._replace(state=state)
        case Widen(_, kind):
            if property.kind is kind:
                raise ProgrammingError(f"{property.name!r} is {kind} already")
            if not property.kind.widens_to(kind):
                raise ProgrammingError(
                    f"{property.name!r} is {property.kind}, which {kind} does not hold",
                    "a type can only be widened: BOOLEAN to INTEGER, both to REAL or DECIMAL, DECIMAL to one of"
                    " more digits or to REAL, anything to TEXT;"
                    " for another one, ADD a property and UPDATE it",
                )
            return property._replace(kind=kind, was=(*property.was, property.kind))
