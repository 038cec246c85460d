"""What alterations leave behind in the shadow tables until the table is compacted.

Values of the types that a property had before, and all that is of properties that were dropped.
"""

from __future__ import annotations

from ..model.table import ACTION, Property
from . import format as fmt
from .blob import BEGINNING, code_of
from .blocks import StoredBlock, read_property_back
from .chunks import PROPERTY_BITS
from .manifest import FIRST_PROPERTY, BlockRow
from .shadow_tables import rowid
from .store import Store


def may_be_left(store: Store) -> bool:
    """Whether there may be anything of that."""
    return bool(store.tables.meta("altered"))


def drop(store: Store) -> None:
    """Rewrite values of former types, and delete those of dropped properties. The log must be empty."""
    for row in store.snapshot().blocks:
        for property in store.table.properties:
            if property.was and _is_former(store, row, property):
                block = StoredBlock(store.reader, row)
                sparse, events = block.sparse(property), block.events
                data = fmt.encode_sparse(sparse, property.kind, events)
                store.tables.put([(rowid(row.id, FIRST_PROPERTY + property.id), data)])
                read_property_back(store.reader, row.id, property, sparse, events)
    store.tables.delete_properties([p.id for p in (ACTION, *store.table.properties)], PROPERTY_BITS)
    store.tables.delete_meta("altered")


def _is_former(store: Store, row: BlockRow, property: Property) -> bool:
    beginning = store.tables.read_beginning(rowid(row.id, FIRST_PROPERTY + property.id), BEGINNING)
    return beginning is not None and code_of(beginning) != property.kind.code
