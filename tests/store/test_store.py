"""What a store must do, whatever keeps what it stores: one class of tests, passed by SQLite's tables and by a dict."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import apsw
import numpy as np
import pytest

from skysql.arrays.batch import Batch, Sparse
from skysql.model.table import ACTION, parse_arguments
from skysql.store.cache import Cache
from skysql.store.cleanup import clean_up
from skysql.store.shadow_tables import ShadowTables
from skysql.store.store import Store
from tests.world.memory_tables import MemoryTables

TABLE = parse_arguments("users", ["plan TEXT STATE", "amount REAL"])


class StoreContract:
    """Each test has an empty table."""

    store: Store

    def begin(self) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def add(self, *events: tuple[int, int, str]) -> None:
        """Commit (object, time, action) as one batch."""
        with self.begin():
            codes = self.store.begin_batch().codes(ACTION.id, [action for _, _, action in events])
            objects, ts = (np.array(each, np.int64) for each in zip(*[event[:2] for event in events], strict=True))
            places = np.arange(len(events), dtype=np.int32)
            self.store.append(Batch(objects, ts, {ACTION.id: Sparse(places, codes)}))

    def delete(self, *places: int) -> None:
        """Delete events by their places in path order."""
        snapshot = self.store.snapshot()
        (shard,) = snapshot.shards()
        with self.begin():
            self.store.dictionary.note_unused()
            self.store.delete(np.sort(snapshot.numbers(shard, np.array(places))))

    def rows(self) -> list[tuple[int, int, str]]:
        found = []
        for shard in self.store.snapshot().shards():
            texts = self.store.dictionary.values(ACTION.id)
            actions = [texts[code] for code in shard.sparse(ACTION).values.tolist()]
            ids, starts = shard.paths()
            objects = np.repeat(ids, np.diff(starts)).tolist()
            found += list(zip(objects, shard.ts().tolist(), actions, strict=True))
        return found

    def clean_up(self, forget: bool = False) -> None:
        with self.begin():
            clean_up(self.store, forget=forget)

    def test_append_and_read_back(self) -> None:
        self.add((2, 5, "b"), (1, 7, "a"))
        self.add((1, 3, "b"))
        assert self.rows() == [(1, 3, "b"), (1, 7, "a"), (2, 5, "b")]

    @pytest.mark.parametrize("folded", [False, True])
    def test_delete_and_compact(self, folded: bool) -> None:
        self.add(*[(object, 0, f"a{object}") for object in range(1, 11)])
        if folded:
            self.clean_up()
        self.delete(0, 4)
        left = [(object, 0, f"a{object}") for object in range(1, 11) if object not in (1, 5)]
        assert self.rows() == left
        self.clean_up()
        assert self.rows() == left
        assert self.store.manifest().log == () and self.store.manifest().blocks[0].deleted is None
        assert self.store.dictionary.code(ACTION.id, "a5") is None
        self.add((5, 0, "a5"))
        assert (5, 0, "a5") in self.rows()

    def test_versions_and_what_changed(self) -> None:
        seen = [self.store.manifest()]
        for object in (3, 4, 5):
            self.add((object, 0, "a"))
            seen.append(self.store.manifest())
        self.clean_up()
        self.delete(0)
        versions = [each.version for each in [*seen, self.store.manifest()]]
        assert versions[:4] == [0, 1, 2, 3] and versions[4] > 3
        found = [self.store.manifest().changed_since(each) for each in seen]
        assert [None if each is None else each.tolist() for each in found] == [[3, 4, 5], [3, 4, 5], [3, 5], [3]]
        self.clean_up(forget=True)
        assert self.store.manifest().changed_since(seen[-1]) is None

    def test_rollback(self) -> None:
        self.add((1, 0, "a"))
        before = self.store.manifest()
        with pytest.raises(ZeroDivisionError), self.begin():
            self.store.append(self.batch_of(self.store.begin_batch().codes(ACTION.id, ["gone"])))
            within = self.store.manifest()
            raise ZeroDivisionError
        self.store.rolled_back()
        assert self.rows() == [(1, 0, "a")] and self.store.manifest() == before
        self.add((2, 0, "new"))
        assert self.rows() == [(1, 0, "a"), (2, 0, "new")]
        assert self.store.manifest().changed_since(within) is None

    @staticmethod
    def batch_of(codes: Any) -> Batch:
        one = np.ones(1, np.int64)
        return Batch(one, one, {ACTION.id: Sparse(np.zeros(1, np.int32), codes)})


class TestShadowTables(StoreContract):
    @pytest.fixture(autouse=True)
    def make(self) -> Any:
        self.sqlite = apsw.Connection(":memory:")
        tables = ShadowTables(self.sqlite, "main", "users")
        self.store = Store.create(tables, TABLE, Cache(1 << 20))
        yield
        self.sqlite.close()

    def begin(self) -> AbstractContextManager[Any]:
        return self.sqlite


class TestMemory(StoreContract):
    @pytest.fixture(autouse=True)
    def make(self) -> None:
        self.tables = MemoryTables("users")
        self.store = Store.create(self.tables, TABLE, Cache(1 << 20))  # type: ignore[arg-type]

    def begin(self) -> AbstractContextManager[Any]:
        return self.tables.transaction()
