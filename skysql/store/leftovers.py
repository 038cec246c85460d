"""What alterations leave behind in the shadow tables until the table is compacted.

Values of the types that a property had before, and all that is of properties that were dropped. Besides store.py and
repair/repair.py the only module that names shadow tables.
"""

from __future__ import annotations

import apsw

from ..model.table import ACTION, Property, Table
from . import definition
from . import format as fmt
from .blocks import FIRST_PROPERTY, GONE, PATHS, TIMESTAMPS, BlockRow, StoredBlock, read_property_back
from .chunks import PROPERTY_BITS as CHUNK_BITS
from .store import Store


def define(store: Store, table: Table) -> None:
    """Write down what the table is from now on. The store is of no use after that."""
    rows = [("format", fmt.VERSION), ("schema", definition.dump(table)), ("altered", 1)]
    store.sqlite.executemany(f"INSERT OR REPLACE INTO {store.shadow('meta')} VALUES(?, ?)", rows)
    store.touch()


def may_be_left(store: Store) -> bool:
    """Whether there may be anything of that."""
    return bool(store.sqlite.execute(f"SELECT 1 FROM {store.shadow('meta')} WHERE key = 'altered'").fetchall())


def drop(store: Store) -> None:
    """Write what is of a former type anew, and drop what is of dropped properties. The log must be empty."""
    for row in store.snapshot().blocks:
        for property in store.table.properties:
            if property.was and _is_former(store, row, property):
                block = StoredBlock(store, row)
                sparse, events = block.sparse(property), block.events
                store.put_column(
                    row.id, FIRST_PROPERTY + property.id, fmt.encode_sparse(sparse, property.kind, events)
                )
                read_property_back(store, row.id, property, sparse, events)
    ids = [p.id for p in (ACTION, *store.table.properties)]
    kept = ", ".join(map(str, (PATHS, TIMESTAMPS, GONE, *(FIRST_PROPERTY + id for id in ids))))
    listed, counted = ", ".join(map(str, ids)), ", ".join(f"'distinct {id}'" for id in ids)
    for sql in (
        f"DELETE FROM {store.shadow('column')} WHERE id >= 0 AND (id & {GONE} NOT IN ({kept}) OR id < {GONE})",
        f"DELETE FROM {store.shadow('column')} WHERE id < 0 AND -id >> {CHUNK_BITS} NOT IN ({listed})",
        f"DELETE FROM {store.shadow('value')} WHERE property NOT IN ({listed})",
        f"DELETE FROM {store.shadow('meta')} WHERE key LIKE 'distinct %' AND key NOT IN ({counted})",
        f"DELETE FROM {store.shadow('meta')} WHERE key = 'altered'",
    ):
        store.sqlite.execute(sql)


def _is_former(store: Store, row: BlockRow, property: Property) -> bool:
    rowid = row.id << 16 | FIRST_PROPERTY + property.id
    try:
        blob = store.sqlite.blob_open(store.database, f"{store.table.name}_column", "data", rowid, False)
    except apsw.SQLError:
        return False
    try:
        return fmt.code_of(blob.read(fmt.BEGINNING)) != property.kind.code
    finally:
        blob.close()
