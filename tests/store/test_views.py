"""Views of shards: made once, kept by what they are made of, and free of the connection that read them."""

import gc

import numpy as np
import pytest

import skysql
from skysql.arrays.batch import Batch, Sparse
from skysql.model.kinds import REAL, TEXT
from skysql.model.table import ACTION, Property
from skysql.store import by_code, marks, views
from skysql.store.blocks import MemoryBlock
from skysql.store.cache import Cache, size
from skysql.store.shard import Part, Paths, Shard

PLAN, AMOUNT = Property(1, "plan", TEXT, True), Property(2, "amount", REAL, False)
IDLE = 5
PIECE = by_code.Piece(ACTION, 3, 0, 2, ((PLAN, 2),))

VIEWS = [
    *((of, ()) for of in (Paths, views.path_numbers, views.path_lengths, views.path_ends, views.event_objects)),
    *((of, ()) for of in (views.ObjectPlaces, views.TieEnds)),
    *((of, (IDLE,)) for of in (views.session_starts, views.session_lengths, views.SessionNumbers)),
    *((of, (IDLE,)) for of in (views.session_durations, views.duration_magnitudes, views.event_sessions)),
    *((views.session_codes, (IDLE, PLAN, 2)), (views.code_counts, (PLAN, 2)), (views.value_slots, (AMOUNT,))),
    *((of, (ACTION, 3)) for of in (by_code.ByCode, by_code.PathsByCode)),
    *((by_code.starts_of_code, (ACTION, 3, 1)), (by_code.codes_by_code, (ACTION, 3, PLAN, 2))),
    *((by_code.Layout, (PIECE,)), (by_code.LaidOut, (PIECE, AMOUNT))),
    *((marks.Marks, (None,)), (marks.Marks, ((PLAN,),))),
]


def shard(cache: Cache, *stamps: object) -> Shard:
    """Objects 1, 2 and 3 with a few events each; in as many parts as there are stamps."""
    objects = np.array([1, 1, 1, 2, 2, 3], np.int64)
    ts = np.array([0, 3, 20, 1, 1, 9], np.int64)
    events = np.arange(6, dtype=np.int32)
    properties = {
        0: Sparse(events, np.array([1, 2, 1, 3, 1, 2], np.uint32)),
        1: Sparse(events[[0, 3, 5]], np.array([1, 2, 1], np.uint32)),
        2: Sparse(events[[0, 2]], np.array([1.5, 2.5])),
    }
    parts = []
    for at, stamp in enumerate(stamps):
        mine = np.flatnonzero(objects % len(stamps) == at)
        own = {}
        for id, sparse in properties.items():
            here = np.isin(sparse.positions, mine)
            places = np.searchsorted(mine, sparse.positions[here]).astype(np.int32)
            own[id] = Sparse(places, sparse.values[here])
        block = MemoryBlock.sort(stamp, Batch(objects[mine], ts[mine], own))
        parts.append(Part(block, 0, len(set(objects[mine].tolist())), True))
    return Shard(0, tuple(parts), cache)


def content(view: object) -> list[object]:
    """The arrays and numbers of a view, as lists."""
    if isinstance(view, np.ndarray):
        return [view.tolist()]
    if isinstance(view, tuple):
        return [item for each in view for item in content(each)]
    names = getattr(view, "__slots__", ())
    return [item for name in names if name != "order" for item in content(getattr(view, name))] or [view]


@pytest.mark.parametrize(("of", "arguments"), VIEWS, ids=lambda each: getattr(each, "__name__", None))
def test_a_view_is_made_once_and_is_the_same_of_any_number_of_parts(of, arguments):
    cache = Cache(1 << 20)
    made = shard(cache, "a").view(of, *arguments)
    assert shard(cache, "a").view(of, *arguments) is made
    in_parts = shard(cache, "b", "c")
    assert in_parts.view(of, *arguments) is not made
    if of is not by_code.ByCode:  # the order of parts is not content
        assert content(in_parts.view(of, *arguments)) == content(made)


@pytest.mark.parametrize(("of", "arguments"), VIEWS, ids=lambda each: getattr(each, "__name__", None))
def test_a_view_holds_numbers_and_tells_how_many_bytes(of, arguments):
    view = shard(Cache(1 << 20), "a").view(of, *arguments)
    seen, waiting = set(), [view]
    while waiting:
        each = waiting.pop()
        assert not isinstance(each, Shard | Part | MemoryBlock | Cache)
        if id(each) not in seen and not isinstance(each, type):
            seen.add(id(each))
            waiting += [] if isinstance(each, np.ndarray) else gc.get_referents(each)
    assert size(view) > 0


def test_what_is_larger_than_the_budget_is_made_anew():
    cache = Cache(100)
    one = shard(cache, "a")
    first, second = (one.view(views.event_objects) for _ in range(2))
    assert first is not second
    assert cache.used <= cache.budget


def test_connections_share_views_of_one_file(tmp_path):
    path = tmp_path / "t.sky"
    first = skysql.connect(path)
    first.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    first.execute("INSERT INTO users(object_id, timestamp, action, plan) VALUES (1, '2024-01-01', 'a', 'pro')")
    first.commit()
    query = "SELECT plan, count(*) FROM users GROUP BY plan"
    assert first.execute(query).fetchall() == [("pro", 1)]
    first.close()
    second = skysql.connect(path)
    assert second.execute(query).fetchall() == [("pro", 1)]
    second.close()
