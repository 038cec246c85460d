"""Rows that an import cannot hold in memory, in a sky table of their own that nobody sees.

SQLite keeps it in a temporary file, which it removes by itself: connect("") opens one. Texts are codes of the
import's own dictionary, and so integers here; everything else is stored as in any table, and comes back by path as that
of any table does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..arrays.batch import Batch, Sparse, concatenate
from ..model.dtypes import Bool
from ..model.kinds import INTEGER, TEXT
from ..model.table import ACTION, Property, Table
from ..store.shard import Shard
from ..store.views import event_objects

if TYPE_CHECKING:
    from ..store.store import Store

_NAME = "held"
_CACHE = "256 MB"  # a block of each of some runs, which lie beside one another


class Spill:
    """Batches in, the same rows by object out; those of one object in order of time, and of arrival."""

    def __init__(self, table: Table) -> None:
        from ..dbapi.connection import connect  # which imports what imports this

        self._properties = (ACTION, *table.properties)
        self._db = connect("", cache_size=_CACHE)
        self._db.sqlite.execute("PRAGMA journal_mode = OFF").fetchall()  # nobody needs its content later
        columns = [f"p{p.id} {INTEGER if p.kind is TEXT else p.kind} STATE" for p in self._properties]
        self._db.execute(f"CREATE VIRTUAL TABLE {_NAME} USING sky({', '.join(columns)}, literal BOOLEAN)")

    def close(self) -> None:
        """Remove the file."""
        self._db.close()

    @property
    def _store(self) -> Store:
        return self._db.engine.relation("main", _NAME).store

    def _columns(self) -> Iterator[tuple[Property, Property]]:
        """Each property, and the property that holds its values in the file."""
        for property in self._properties:
            held = self._store.table.find(f"p{property.id}")
            assert held is not None
            yield property, held

    def add(self, batch: Batch, literal: Bool) -> None:
        """Store rows; literal: bool[n]."""
        flag = self._store.table.find("literal")
        assert flag is not None
        places = np.flatnonzero(literal).astype(np.int32)
        properties = {flag.id: Sparse(places, np.ones(len(places), np.uint8))} if len(places) else {}
        for property, held in self._columns():
            sparse = batch.properties.get(property.id)
            if sparse is not None and property.kind is TEXT:
                sparse = Sparse(sparse.positions, sparse.values.astype(np.int64), sparse.values != 0)
            if sparse is not None:
                properties[held.id] = sparse
        with self._db.engine.transaction():
            self._store.append(Batch(batch.objects, batch.ts, properties))

    def paths(self, rows: int) -> Iterator[tuple[Batch, Bool]]:
        """All rows, about `rows` at a time and always whole paths: (rows, literal)."""
        waiting: list[tuple[Batch, Bool]] = []
        for shard in self._store.snapshot().shards():
            waiting.append(self._read(shard))
            if sum(len(batch) for batch, _ in waiting) >= rows:
                yield _joined(waiting)
                waiting = []
        if waiting:
            yield _joined(waiting)

    def _read(self, shard: Shard) -> tuple[Batch, Bool]:
        flag = self._store.table.find("literal")
        assert flag is not None
        literal = np.zeros(len(shard), bool)
        literal[shard.sparse(flag).positions] = True
        properties = {}
        for property, held in self._columns():
            sparse = shard.sparse(held)
            if not len(sparse.positions):
                continue
            if property.kind is TEXT:
                codes = sparse.values if sparse.valid is None else np.where(sparse.valid, sparse.values, 0)
                sparse = Sparse(sparse.positions, codes.astype(np.uint32))
            properties[property.id] = sparse
        return Batch(shard.view(event_objects), shard.ts(), properties), literal


def _joined(parts: list[tuple[Batch, Bool]]) -> tuple[Batch, Bool]:
    return concatenate([batch for batch, _ in parts]), np.concatenate([literal for _, literal in parts])
