"""The cache: its budget, its order, and that what it holds is never stale."""

import os
import random
import shutil
import signal
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import skysql
from skysql.lazily import cached_property
from skysql.store import format as fmt
from skysql.store.cache import SHARED, Cache, parse_size
from tests.conftest import Connect, damage

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
FILES = int(os.environ.get("SKYSQL_TEST_FILES", "3"))


@dataclass
class Sized:
    """A value that tells how many bytes it has."""

    key: object
    nbytes: int


def keep(cache: Cache, key: object, size: int, made: list[object] | None = None) -> object:
    """Ask for a value of `size` bytes that knows its key, and return the value."""

    def make() -> Sized:
        if made is not None:
            made.append(key)
        return Sized(key, size)

    return cache.get(key, make).key


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
        cache.get("a", lambda: 1 // 0)
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


# one cache for files that must not be taken for each other


QUESTIONS = ["SELECT action, count(*) FROM users GROUP BY action", "SELECT object_id, ts, action, n FROM users"]


def answers(db: skysql.Connection, name: str = "users") -> list[Any]:
    return [db.execute(sql.replace("users", name)).fetchall() for sql in QUESTIONS]


@pytest.fixture
def forged(path: str, tmp_path: Path) -> tuple[str, str]:
    """Two files with the same stamps in them: a sound one, and a copy whose block holds what that of another holds."""
    copy, other = str(tmp_path / "copy.db"), str(tmp_path / "other.db")
    for file, sign in ((path, 1), (other, -1)):
        db = skysql.connect(file)
        db.execute("PRAGMA journal_mode = DELETE").fetchall()
        db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
        db.append("users", {"object_id": [1, 2], "ts": [1, 2], "action": ["a", "b"][::sign], "n": [sign, sign]},
                  time_unit="us")  # fmt: skip
        db.commit()
        db.compact()
        db.close()
    shutil.copy(path, copy)
    columns, values = (f"INSERT OR REPLACE INTO users_{t} SELECT {c} FROM o.users_{t}"
                       for t, c in (("column", "*"), ("value", "property, code, value, stamp")))  # fmt: skip
    damage(copy, f"ATTACH '{other}' AS o; {columns}; {values};".replace("; INSERT OR REPLACE INTO users_value", "; --"))
    return path, copy


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("kept_open", [False, True])
def test_a_forged_copy_changes_nothing_of_another_file(forged: tuple[str, str], first: int, kept_open: bool) -> None:
    truth = [answers(skysql.connect(file, cache_size="1MB")) for file in forged]
    assert truth[0] != truth[1]
    opened = []
    for at in (first, 1 - first, first):
        opened.append(skysql.connect(forged[at]))
        assert answers(opened[-1]) == truth[at]
        if not kept_open:
            opened[-1].close()


@pytest.mark.parametrize("kept_open", [False, True])
@pytest.mark.parametrize("how", ["in place", "renamed", "deleted first"])
def test_a_file_that_is_another_by_now(forged: tuple[str, str], tmp_path: Path, how: str, kept_open: bool) -> None:
    path, copy = forged
    truth = [answers(skysql.connect(file, cache_size="1MB")) for file in forged]
    shutil.copy(path, tmp_path / "saved")
    for source, expected in [(copy, truth[1]), (str(tmp_path / "saved"), truth[0]), (copy, truth[1])]:
        before = skysql.connect(path)
        answers(before)
        if not kept_open:
            before.close()
        if how == "deleted first":
            os.unlink(path)
        if how == "renamed":
            shutil.copy(source, tmp_path / "new")
            os.replace(tmp_path / "new", path)
        else:
            shutil.copyfile(source, path)
        db = skysql.connect(path)
        assert answers(db) == expected
        db.close()
        before.close()


def test_attached_files_of_one_name(forged: tuple[str, str]) -> None:
    truth = [answers(skysql.connect(file, cache_size="1MB")) for file in forged]
    db = skysql.connect(":memory:", isolation_level=None)
    for at in (0, 1, 0):
        db.execute("ATTACH ? AS far", (forged[at],))
        assert answers(db, "far.users") == truth[at]
        db.execute("DETACH far")
    db.close()


@pytest.mark.parametrize("kept_open", [False, True])
@pytest.mark.parametrize("name", ["path", "symlink", "hardlink"])
def test_one_file_is_decoded_once(
    forged: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_open: bool, name: str
) -> None:
    """For all connections at a time, and for later ones if it has not changed since."""
    path, again = forged[0], str(tmp_path / name)
    os.link(path, again) if name == "hardlink" else os.symlink(path, again)
    monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() + 10**9)  # long after it was written
    first = skysql.connect(path)
    expected = answers(first)
    if not kept_open:
        first.close()
    monkeypatch.setattr(fmt, "decode_sparse", lambda *_: pytest.fail("decoded again"))
    second = skysql.connect(again if name != "path" else path)
    assert answers(second) == expected
    second.close()
    first.close()


def test_what_was_kept_of_a_dropped_table_goes(connect: Connect, path: str) -> None:
    SHARED.clear()
    db = connect(path, isolation_level=None)
    for _ in range(3):
        db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
        db.append("users", {"object_id": [1], "ts": [1], "action": ["a"], "n": [1]}, time_unit="us")
        db.compact()
        answers(db)
        assert SHARED.used > 0
        db.execute("ALTER TABLE users RENAME TO others")
        assert SHARED.used == 0
        answers(db, "others")
        db.execute("DROP TABLE others")
        assert SHARED.used == 0 and not db.engine.tables.relations


def test_what_was_kept_of_a_database_in_memory_goes_with_it(connect: Connect, path: str) -> None:
    """And nothing else does: a file may be opened again."""
    SHARED.clear()
    db = connect(path, isolation_level=None)
    for name in ("main", "far"):
        db.execute("ATTACH ':memory:' AS far")
        db.execute(f"CREATE VIRTUAL TABLE {name}.users USING sky(n INTEGER)")
        db.append(f"{name}.users", {"object_id": [1], "ts": [1], "action": ["a"], "n": [1]}, time_unit="us")
        before = SHARED.used
        answers(db, f"{name}.users")
        assert SHARED.used > before
        db.execute("DETACH far")
        assert SHARED.used == before or name == "main"
    own = connect()
    own.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    own.append("users", {"object_id": [1], "ts": [1], "action": ["a"], "n": [1]}, time_unit="us")
    answers(own)
    assert SHARED.used > before
    own.close()
    assert SHARED.used == before > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_fork_while_threads_read(connect: Connect, path: str) -> None:
    """The child has the cache, whoever was at it; a connection that another thread used is refused, not waited for."""
    db, used, stop = connect(path), connect(path), threading.Event()
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    db.append("users", {"object_id": [1], "ts": [1], "action": ["a"], "n": [1]}, time_unit="us")
    db.commit()

    def work() -> None:
        while not stop.is_set():
            keep(SHARED, "key", 1)

    threads = [threading.Thread(target=work) for _ in range(2)]
    entered, leave = threading.Event(), threading.Event()

    def wait() -> int:
        entered.set()
        leave.wait()
        return 1

    used.create_function("wait", 0, wait)
    threads.append(threading.Thread(target=lambda: used.execute("SELECT wait()").fetchall()))
    for thread in threads:
        thread.start()
    entered.wait()
    statuses = []
    for _ in range(20):
        child = os.fork()
        if not child:
            signal.alarm(600)  # or a child that waits for ever would be waited for
            try:
                own = skysql.connect(path)
                assert answers(own) and answers(db)
                with pytest.raises(skysql.ProgrammingError, match="another thread used this connection"):
                    used.execute("SELECT 1")
                os._exit(0)
            finally:
                os._exit(1)
        statuses.append(os.waitpid(child, 0)[1])
    stop.set()
    leave.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_child_makes_what_a_thread_was_at_when_it_was_forked() -> None:
    entered, leave, parent = threading.Event(), threading.Event(), os.getpid()

    class Slow:
        @cached_property
        def value(self) -> int:
            if os.getpid() == parent:
                entered.set()
                leave.wait()
            return 1

    thread = threading.Thread(target=lambda: Slow().value)
    thread.start()
    entered.wait()
    child = os.fork()
    if not child:
        signal.alarm(600)
        os._exit(Slow().value - 1)
    status = os.waitpid(child, 0)[1]
    leave.set()
    thread.join()
    assert status == 0


def test_a_checkpoint_makes_later_connections_begin_anew_once(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = skysql.connect(path)
    db.execute("CREATE VIRTUAL TABLE users USING sky(n INTEGER)")
    db.append("users", {"object_id": [1], "ts": [1], "action": ["a"], "n": [1]}, time_unit="us")
    db.commit()
    db.compact()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    first = skysql.connect(path)
    expected = answers(first)
    first.close()
    monkeypatch.setattr(fmt, "decode_sparse", lambda *_: pytest.fail("decoded again"))
    second = skysql.connect(path)
    assert answers(second) == expected
    second.close()
    db.close()


# files that are copied, replaced and overwritten in any way


class Files:
    """Names of files, and connections: `files` and `opened` tell which of the forged contents each has."""

    def __init__(self, rng: random.Random, directory: Path, forged: tuple[str, str], wal: bool) -> None:
        self.rng, self.wal = rng, wal
        self.sources = forged
        self.truth = [answers(skysql.connect(file, cache_size="1MB")) for file in forged]
        self.names = [str(directory / f"{name}.db") for name in "abc"]
        self.files: dict[str, list[int]] = {}  # name -> [content], a list for each inode
        self.opened: list[tuple[skysql.Connection, list[int]]] = []

    def step(self, steps: list[str]) -> None:
        """Something happens, and then every connection answers as its file does."""
        name, other = self.rng.sample(self.names, 2)
        getattr(self, self.rng.choice(steps))(name, other)
        for db, (content,) in self.opened:
            assert answers(db) == self.truth[content]

    def busy(self, name: str) -> bool:
        return any(held is self.files.get(name) for _, held in self.opened)

    def open(self, name: str, _: str) -> None:
        if name in self.files:
            db = skysql.connect(name)
            if self.wal and not self.busy(name):
                db.execute("PRAGMA journal_mode = WAL").fetchall()
            self.opened.append((db, self.files[name]))

    def close(self, _: str, __: str) -> None:
        if self.opened:
            self.opened.pop(self.rng.randrange(len(self.opened)))[0].close()

    def come(self, name: str, _: str) -> None:
        """A copy of one of the two, with its times, under the name: another file."""
        if name not in self.files or not (self.wal and self.busy(name)):
            content = self.rng.randrange(2)
            shutil.copy2(self.sources[content], f"{name}-new")
            os.replace(f"{name}-new", name)
            self.files[name] = [content]

    def overwrite(self, name: str, _: str) -> None:
        """The file itself, as its bytes are copied over it."""
        if name in self.files and not self.busy(name):
            self.files[name][0] = self.rng.randrange(2)
            shutil.copy2(self.sources[self.files[name][0]], name)

    def rename(self, name: str, other: str) -> None:
        if name in self.files and not self.busy(name) and not (self.wal and self.busy(other)):
            os.replace(name, other)
            self.files[other] = self.files.pop(name)

    def vacuum(self, _: str, name: str) -> None:
        if self.opened and not (self.wal and self.busy(name)):
            db, (content,) = self.rng.choice(self.opened)
            db.execute("VACUUM INTO ?", (f"{name}-new",))
            os.replace(f"{name}-new", name)
            self.files[name] = [content]

    def memory(self, _: str, __: str) -> None:
        """A copy in what has no name."""
        db, content = skysql.connect(self.rng.choice([":memory:", ""])), self.rng.randrange(2)
        with closing(skysql.connect(self.sources[content])) as source:
            source.backup(db)
        self.opened.append((db, [content]))

    def backup(self, _: str, __: str) -> None:
        """Over a file that is open, by whoever has it open."""
        if len(self.opened) > 1:
            (db, held), (target, other) = self.rng.sample(self.opened, 2)
            moved = target.sqlite.db_filename("main") and all(other is not file for file in self.files.values())
            if held is not other and not moved:
                db.backup(target)
                other[0] = held[0]

    def attach(self, name: str, other: str) -> None:
        with closing(skysql.connect(":memory:", isolation_level=None)) as db:
            for file in (name, other, name):
                if file in self.files:
                    db.execute("ATTACH ? AS far", (file,))
                    assert answers(db, "far.users") == self.truth[self.files[file][0]]
                    db.execute("DETACH far")


STEPS = ["open", "open", "close", "come", "rename", "vacuum", "memory", "backup", "backup", "attach"]


@pytest.mark.parametrize("wal", [False, True], ids=["journal", "wal"])
@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("number", range(FILES))
def test_each_connection_answers_as_its_own_file_does(
    forged: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: bool, wal: bool, number: int
) -> None:
    """settled: what is kept of a file that nobody has open is used, as if it had been closed long ago."""
    if settled:
        monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() + 10**9)
    files = Files(random.Random(f"{SEED}/files/{number}"), tmp_path, forged, wal)
    for _ in range(60):
        files.step([step for step in [*STEPS, "overwrite"] if not settled or step != "overwrite"])
    for db, _ in files.opened:
        db.close()
