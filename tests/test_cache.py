"""The cache: its budget, its order, and that what it holds is never stale."""

import threading
from typing import Any

import pytest
from conftest import Connect
from hypothesis import given
from hypothesis import strategies as st

import skysql
from skysql.cache import Cache, parse_size


def keep(cache: Cache, key: object, size: int, made: list[object] | None = None) -> Any:
    """Ask for a value that is its own key."""

    def make() -> object:
        if made is not None:
            made.append(key)
        return key

    return cache.get(key, make, lambda _: size)


def test_a_value_is_made_once() -> None:
    cache, made = Cache(100), []
    for _ in range(3):
        assert keep(cache, "a", 10, made) == "a"
    assert (made, cache.used) == (["a"], 10)


def test_the_least_recently_used_goes_first() -> None:
    cache, made = Cache(30), []
    for key in "abc":
        keep(cache, key, 10)
    keep(cache, "a", 10)
    keep(cache, "d", 10)  # b goes
    for key in "acdb":
        keep(cache, key, 10, made)
    assert made == ["b"]


def test_what_is_larger_than_the_budget_is_not_kept() -> None:
    cache, made = Cache(10), []
    keep(cache, "small", 5)
    assert keep(cache, "large", 11, made) == keep(cache, "large", 11, made) == "large"
    assert (made, cache.used) == (["large", "large"], 5)
    keep(cache, "small", 5, made)
    assert made == ["large", "large"]


def test_a_maker_that_fails_leaves_nothing() -> None:
    cache = Cache(10)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0, lambda _: 1)
    assert cache.used == 0
    assert keep(cache, "a", 1) == "a"


def test_clear() -> None:
    cache, made = Cache(10), []
    keep(cache, "a", 5)
    cache.clear()
    keep(cache, "a", 5, made)
    assert (made, cache.used) == (["a"], 5)


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=60), st.integers(0, 40))
def test_against_a_list(requests: list[tuple[int, bool]], budget: int) -> None:
    """The model: keys from the least to the most recently used; key k takes k bytes."""
    cache = Cache(budget)
    model: list[int] = []
    for key, clear in requests:
        if clear and key == 0:
            cache.clear()
            model = []
        made: list[object] = []
        assert keep(cache, key, key, made) == key
        assert bool(made) == (key not in model)
        if key in model:
            model.remove(key)
        if key <= budget:
            model.append(key)
        while sum(model) > budget:
            model.pop(0)
        assert cache.used == sum(model) <= budget


def test_threads() -> None:
    """Whatever they do at once, each gets its value, and the books are right in the end."""
    cache, wrong = Cache(500), []

    def work(seed: int) -> None:
        for i in range(3000):
            key = (i * seed) % 97
            if keep(cache, key, key) != key:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (5, 7, 11, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = sum(size for _, size in cache._entries.values())
    assert not wrong and cache.used == held <= 500


# sizes


@pytest.mark.parametrize(
    ("size", "bytes"),
    [(0, 0), (1000, 1000), ("1000", 1000), ("1k", 1024), ("1 KB", 1024), ("512MB", 512 << 20), ("2g", 2 << 30),
     ("0.5 GiB", 1 << 29), (" 3 m ", 3 << 20)],
)  # fmt: skip
def test_parse_size(size: int | str, bytes: int) -> None:
    assert parse_size(size) == bytes


@pytest.mark.parametrize("size", [-1, "-1", "", "lots", "1 TB", "1e3", True, None])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(skysql.ProgrammingError, match="cache size"):
        parse_size(size)


# behind connections


@pytest.mark.parametrize("size", [0, 5000, "1MB", None])
def test_answers_do_not_depend_on_the_size(connect: Connect, path: str, size: int | str | None) -> None:
    """Reads, writes of this connection and of another, and rollbacks, in turn."""
    db, other = connect(path, cache_size=size, isolation_level=None), connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE)")
    n = 0
    for i in range(40):
        writer = (db, other)[i % 2]
        if writer is db:
            db.execute("BEGIN")
        sql = "INSERT INTO users(object_id, ts, action, plan, seats) VALUES (?, ?, 'a', ?, ?)"
        writer.execute(sql, (i % 3 + 1, 100 - i, f"p{i % 7}", i))
        counts = "SELECT count(*), count(DISTINCT plan), max(seats) FROM users"
        assert writer.execute(counts).fetchall()[0][0] == n + 1
        if i % 5 == 0:
            writer.rollback()
        else:
            writer.commit()
            n += 1
        if i % 11 == 0:
            db.compact()
        assert db.execute("SELECT count(*) FROM users").fetchall() == [(n,)]
        assert db.execute("SELECT * FROM users").fetchall() == other.execute("SELECT * FROM users").fetchall()
        states = "SELECT plan, seats, count(*) FROM users GROUP BY plan, seats"
        assert db.execute(states).fetchall() == other.execute(states).fetchall()


def test_a_size_that_is_none(path: str) -> None:
    with pytest.raises(skysql.ProgrammingError, match="'lots'.*'512MB'"):
        skysql.connect(path, cache_size="lots")
