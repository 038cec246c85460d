"""The definition of a table as JSON: how it is stored in the table's meta."""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import NotSupportedError
from ..model.kinds import KINDS, Kind, Kinds
from ..model.table import Property, Table, check_table
from .manifest import DELETED, FIRST_PROPERTY

_WORD = re.compile(r"[A-Z][A-Z0-9_]*")


def dump(table: Table) -> str:
    """As text."""
    return json.dumps(
        {
            "object": table.object_name,
            "key": table.key_name,
            "properties": [_dumped(property) for property in table.properties],
            "stamp": table.stamp,
            "next": table.next_id,
        },
        ensure_ascii=False,
    )


def _dumped(property: Property) -> dict[str, Any]:
    was = [kind.name for kind in property.was]
    return {"id": property.id, "name": property.name, "kind": property.kind.name, "state": property.state, "was": was}


def load(name: str, text: str, kinds: Kinds = KINDS) -> Table:
    """The table of that name. kinds: that there are.

    Raises KeyError, TypeError or ValueError for what cannot be, NotSupportedError for a kind that is none of these.
    """
    value = json.loads(text)
    if not isinstance(value["properties"], list):
        raise ValueError("its properties are no list")

    def kind(type: object) -> Kind:
        found = kinds.find(type) if isinstance(type, str) else None
        if isinstance(type, str) and found is None and _WORD.fullmatch(type):
            raise NotSupportedError(
                f"table {name!r} has a column of the type {type}, which is none of {kinds}",
                "open it by an engine whose registries have that kind, or by a newer skysql",
            )
        if found is None or found.name != type:
            raise ValueError(f"there is no type {type!r}")
        return found

    properties = tuple(
        Property(int(p["id"]), str(p["name"]), kind(p["kind"]), bool(p["state"]), tuple(map(kind, p.get("was", ()))))
        for p in value["properties"]
    )
    last = max((p.id for p in properties), default=0)
    stamp, next_id = int(value.get("stamp", 0)), int(value.get("next", last + 1))
    key = None if value["key"] is None else str(value["key"])
    table = Table(name, str(value["object"]), key, properties, stamp, max(next_id, last + 1), kinds)
    ids = {property.id for property in properties}
    if len(ids) < len(properties) or not all(0 < id < DELETED - FIRST_PROPERTY for id in ids):
        raise ValueError("the ids of its properties are not distinct, or out of range")
    check_table(table)
    return table
