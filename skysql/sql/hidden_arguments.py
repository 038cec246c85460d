"""The arguments of a relation that a rewritten statement reads: each a hidden column of it, which `=` gives a value.

SQLite believes a virtual table that it applied the first 16 constraints; further ones SQLite compares once more with
the rows' own columns. So rows show the values that were given. None is NULL, which equals nothing: a blob stands for
it. Tables have 2,000 columns at the most, so more than a few arguments become one text, made by `sky_arguments`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vtab.protocols import Declared

from ..model.values import Value

_SEPARATE = 16
_AT_ONCE = 100
"""SQLite's functions take 127 arguments at the least."""

_NULL = b"sky\0null"


def argument_columns(count: int, taken: Sequence[str] = ()) -> list[Declared]:
    """The columns for `count` arguments, beside others that have the names `taken`."""
    prefix = "argument "
    while any(name.lower().startswith(prefix) for name in taken):
        prefix += "of "
    return [Declared(f"{prefix}{at}", "", True, True) for at in range(1, 2 if count > _SEPARATE else count + 1)]


def call_of(name: str, texts: Sequence[str]) -> str:
    """The text that reads the relation with these expressions as arguments."""
    if not texts:
        return name
    if len(texts) <= _SEPARATE:
        return f"{name}({', '.join(map(_not_null, texts))})"
    groups = [", ".join(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
    return f"{name}({' || char(10) || '.join(f'sky_arguments({group})' for group in groups)})"


def _not_null(text: str) -> str:
    """The expression, with a blob for NULL. Literals, and the arrays that lists become, are never NULL."""
    return text if text[0] == "'" or text.startswith("(WITH q(x)") else f"ifnull({text}, x'{_NULL.hex()}')"


def values_of(given: Sequence[Value], count: int) -> list[Value]:
    """The values of `count` arguments, from those of their columns."""
    if count <= _SEPARATE:
        return [None if value == _NULL else value for value in given]
    (text,) = given
    assert isinstance(text, str)
    return [value for line in text.split("\n") for value in json.loads(line, object_hook=_bytes)]


def sky_arguments(*values: Value) -> str:
    """The values as one text without line breaks."""
    return json.dumps(values, default=lambda value: {"hex": value.hex()})


def _bytes(found: dict[str, Any]) -> bytes:
    return bytes.fromhex(found["hex"])
