"""A full compaction: one run and no log, and nothing left of what was deleted or dropped, or is of a former type."""

from __future__ import annotations

import numpy as np

from ..arrays import kernels
from ..arrays.replay import known
from ..model.kinds import TEXT
from ..model.table import ACTION
from . import compact, leftovers
from .manifest import ManifestEdit
from .store import Store

_NOTHING = ManifestEdit()


def clean_up(store: Store, *, forget: bool = False) -> None:
    """Leave nothing but what the table holds. While a scan of the connection is under way, only the log is folded.

    forget: also what tells which objects were changed, and so names those that are not there any more.
    """
    if store.manifest().log:
        store.fold()
    if not store.busy:
        _compact(store)
    if forget:
        store.forget_history()


def _compact(store: Store) -> None:
    merged = compact.merge_all(store.manifest(), store)
    if merged is not None:
        store.apply(merged)
    for edit in compact.rewrite_listed(store.manifest(), store):
        store.apply(edit)
    if leftovers.may_be_left(store):
        leftovers.drop(store)
    if store.dictionary.may_hold_unused or not store.statistics.complete:
        _count(store)
    if store.dictionary.may_hold_unused:
        _drop_unused(store)
    if store.begin_batch().fold():
        store.apply(_NOTHING)
    else:
        store.drop_batch()


def _count(store: Store) -> None:
    """Make the statistics those of the values that are left."""
    store.statistics.restart()
    for row in store.manifest().blocks:
        for property in store.table.properties:
            if property.kind is not TEXT:
                sparse = store.block(row).sparse(property)
                store.statistics.add(property.id, property.kind.read(sparse.values[known(sparse)]))


def _drop_unused(store: Store) -> None:
    """Clear the texts and delete the keys that no event has any more."""
    blocks = [store.block(row) for row in store.manifest().blocks]
    codes = {}
    for property in (ACTION, *store.table.properties):
        if property.kind is TEXT:
            used = np.zeros(len(store.dictionary.values(property.id)), bool)
            for block in blocks:
                used[block.sparse(property).values] = True
            codes[property.id] = np.flatnonzero(~used[1:]) + 1
    objects = kernels.distinct(np.concatenate([np.zeros(0, np.int64), *(block.paths()[0] for block in blocks)]))
    store.dictionary.drop(codes, objects if store.table.key_name is not None else None)
    store.apply(_NOTHING)
