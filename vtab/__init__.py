"""Columnar relations as SQLite virtual tables, through apsw.

Knows nothing of skysql: whatever implements the protocols of `vtab.protocols` can stand behind these tables.

    protocols.py    the protocols, and the batches of columns that pass through them
    cached_rows.py  rows that a cursor caches, to look them up
    relation.py     a readable relation as a virtual table: xBestIndex, and a cursor over batches
    events.py       the `sky` module: a writable relation with shadow tables, companions and transactions
"""

from .events import register
from .protocols import Constraint, Declared, Relation, RowBatch, RowWriter, Tables, WritableRelation
from .relation import publish, retract

__all__ = [
    "RowBatch",
    "Declared",
    "Constraint",
    "Relation",
    "RowWriter",
    "Tables",
    "WritableRelation",
    "publish",
    "register",
    "retract",
]
