"""The arguments of a relation that a rewritten statement reads: each a hidden column of it, which `=` gives a value.

SQLite takes only the first 16 constraints of a virtual table at its word, and compares further ones once more with the
rows' own columns. More arguments than that come as one: a text that `sky_arguments` makes of them, here and in SQL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vtab.source import Column

from .plan import Value

_TRUSTED = 16
_AT_ONCE = 100
"""SQLite's functions take 127 arguments at the least."""


def argument_columns(count: int, taken: Sequence[str] = ()) -> list[Column]:
    """The columns for so many arguments, beside others with the names that are taken."""
    prefix = "argument "
    while any(name.lower().startswith(prefix) for name in taken):
        prefix += "of "
    return [Column(f"{prefix}{at}", "", True, True) for at in range(1, 2 if count > _TRUSTED else count + 1)]


def call_of(name: str, texts: Sequence[str]) -> str:
    """The text that reads the relation with these expressions as arguments."""
    if not texts:
        return name
    if len(texts) <= _TRUSTED:
        return f"{name}({', '.join(texts)})"
    groups = [", ".join(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
    return f"{name}({' || char(10) || '.join(f'sky_arguments({group})' for group in groups)})"


def values_of(given: Sequence[Value], count: int) -> list[Value]:
    """The values of so many arguments, from those of their columns."""
    if count <= _TRUSTED:
        return list(given)
    (text,) = given
    assert isinstance(text, str)
    return [value for line in text.split("\n") for value in json.loads(line, object_hook=_bytes)]


def sky_arguments(*values: Value) -> str:
    """The values as one text without line breaks."""
    return json.dumps(values, default=lambda value: {"hex": value.hex()})


def _bytes(found: dict[str, Any]) -> bytes:
    return bytes.fromhex(found["hex"])
