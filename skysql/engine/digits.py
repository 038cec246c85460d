"""What events hold of numbers with more digits than SQL shows, for a copy of a table that is to be the same.

A DECIMAL of more than 15 digits reads as the nearest REAL (model/kinds/decimal.py), from which it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..model.table import Property
from ..store.snapshot import Snapshot


def digits(snapshot: Snapshot) -> dict[str, Iterator[str | None]]:
    """Of each such property what every event itself holds, in path order: a text, None for NULL and for nothing."""
    return {property.name: _texts(snapshot, property) for property in snapshot.table.properties if property.kind.longer}


def _texts(snapshot: Snapshot, property: Property) -> Iterator[str | None]:
    for shard in snapshot.shards():
        sparse = shard.sparse(property)
        valid = np.ones(len(sparse.positions), bool) if sparse.valid is None else sparse.valid
        held = dict(zip(sparse.positions[valid].tolist(), property.kind.texts(sparse.values[valid]), strict=True))
        yield from map(held.get, range(len(shard)))


__all__ = ["digits"]
