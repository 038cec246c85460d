"""Kinds of value: what the values of a property are, a file each.

    kind        Kind: the record of one, and what is common to all
    registry    Kinds: those that definitions and stored bytes may name; KINDS are those of skysql
    text, integer, real, boolean, timestamp, decimal

What parses a definition or an alteration takes a `Kinds`; everything else asks a property's kind. TEXT is told apart by
rooms that know dictionaries, as its values are stored as codes of one. Take the names in `__all__` from here.
"""

from .boolean import BOOLEAN
from .decimal import DecimalKind, decimal
from .integer import INTEGER
from .kind import Kind, without_nulls
from .real import REAL
from .registry import KINDS, Kinds
from .text import TEXT
from .timestamp import TIMESTAMP

__all__ = ["BOOLEAN", "INTEGER", "KINDS", "REAL", "TEXT", "TIMESTAMP", "DecimalKind", "Kind", "Kinds", "decimal",
           "without_nulls"]
