"""The compiled loops: that there are any, and their threads. What they answer is tested beside their twins."""

import ctypes
import os
import random
import shutil
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from skysql import InternalError
from skysql.arrays import compiled
from skysql.arrays.masks import Masks, Met
from tests.conftest import Connect

FUNNEL = """
    SELECT level, count(*) FROM (
        SELECT window_funnel('1 hour', ts, action = 'a', action = 'b', action = 'c') AS level
        FROM events GROUP BY object_id) GROUP BY level"""

PROGRAM = f'''
import os, skysql
from skysql.arrays import compiled

def ask():
    db = skysql.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE events USING sky(plan TEXT STATE)")
    db.execute("INSERT INTO events(object_id, timestamp, action) VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'b')")
    return db.execute("""{FUNNEL}""").fetchall()
'''

needs_loops = pytest.mark.skipif(not compiled.available(), reason="the loops were not compiled")


def run(program: str, **environment: str) -> None:
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **environment}, check=True)


@pytest.mark.skipif(shutil.which("cc") is None, reason="without a C compiler an installation has none")
def test_an_installation_compiles_them() -> None:
    assert compiled.available()


def test_they_can_be_done_without() -> None:
    run(PROGRAM + "assert not compiled.available() and ask() == [(0, 1), (2, 1)]", SKYSQL_PURE="1")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_process_has_threads_of_its_own() -> None:
    run(
        PROGRAM + "assert ask() == [(0, 1), (2, 1)]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(ask() != [(0, 1), (2, 1)])\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_rows(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(compiled, "THREADS", threads)
    monkeypatch.setattr(compiled, "_jobs", compiled._Jobs())
    db, rng, n = connect(), random.Random(threads), 600_000  # events of several shards
    db.execute("CREATE VIRTUAL TABLE events USING sky(plan TEXT STATE)")
    times = np.arange(n) * rng.randint(60, 900) * 1_000_000
    actions = [rng.choice("abcd") for _ in range(n)]
    db.append("events", {"object_id": np.arange(n) // 6 + 1, "timestamp": times, "action": actions}, time_unit="us")
    by_loops = db.execute(FUNNEL).fetchall()
    monkeypatch.setattr(compiled, "_loops", None)
    assert db.execute(FUNNEL).fetchall() == by_loops
    assert sum(count for _, count in by_loops) == n // 6


@needs_loops
def test_they_run_beside_one_another() -> None:
    rng, n = np.random.default_rng(1), 200_000
    ts, starts = np.arange(n), np.append(np.arange(0, n, 50), n)
    masks = Masks.of([Met(np.flatnonzero(rng.random(n) < 0.3)) for _ in range(3)], n)
    answers: list[list[int]] = []

    def ask() -> None:
        answers.append(compiled.funnel(masks, ts, starts, 3, 40, 0).result().tolist())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all(answer == answers[0] for answer in answers)


BROKEN = """
import numpy as np
from skysql import InternalError
from skysql.arrays import compiled
from skysql.arrays.masks import Masks

ones, few = np.ones(3, np.int64), np.zeros(2, np.uint8)
masks = Masks(np.zeros(3, np.uint8), np.zeros(256, np.uint32), None)
wide = Masks(None, None, np.full(3, 1 << 9, np.uint32))
far = np.array([0, 1 << 40, 3])
for call in (
    lambda: compiled.funnel(masks, ones, far, 2, 9, 0).result(),
    lambda: compiled.funnel(masks, ones, np.array([-9, 3]), 2, 9, 0).result(),
    lambda: compiled.funnel(masks, ones, np.array([0, 4]), 2, 9, 0).result(),
    lambda: compiled.funnel(wide, ones, np.array([0, 3]), 2, 9, 0).result(),
    lambda: compiled.funnel(masks, ones[:2], np.array([0, 2]), 2, 9, 0).result(),
    lambda: compiled.matches(masks, ones, far, np.ones(2, np.uint32), np.zeros(2, bool), ones[:2]).result(),
    lambda: compiled.last_marks(ones, np.array([0, 3]), 3, (0, 9), np.array([7]), ones[:1]),
    lambda: compiled.last_marks(ones, np.array([0, 1 << 40]), 3, (0, 9), np.array([0]), ones[:1]),
    lambda: compiled.last_marks(ones, np.array([0, 3]), 99, (0, 9), np.array([0]), ones[:1]),
    lambda: compiled.few_sums(few + 9, np.ones(2), 3, 1.0, 1.0),
    lambda: compiled.few_sums(few, np.ones(3), 3, 1.0, 1.0),
    lambda: compiled.few_sums(few, np.ones(2), 300, 1.0, 1.0),
    lambda: compiled.many_sums(np.array([0, -1]), np.ones(2), 3, 2, 1.0, 1.0),
    lambda: compiled.many_sums(np.array([0, 1 << 40]), np.ones(2), 3, 2, 0.0, 0.0),
    lambda: compiled.range_sums(np.ones(2), np.array([-5]), np.array([1]), 1.0, 1.0),
    lambda: compiled.range_sums(np.ones(2), np.array([0]), np.array([1 << 40]), 1.0, 1.0),
):
    try:
        call()
    except InternalError:
        continue
    raise SystemExit("nothing was said")
"""


@needs_loops
def test_what_does_not_fit_is_refused_with_and_without_asserts() -> None:
    run(BROKEN)
    run(BROKEN, PYTHONOPTIMIZE="1")


# any job at all

_JOBS = {0: "bIIqqnnnb", 1: "bIIqqIbqq", 2: "iiqiiqnninnnnnqnnqqq", 3: "qqnnnqqq"}
"""By loop what its words are: arrays by the letter of their elements, each an address and a length, and numbers (n)."""

_DTYPES = {"b": np.uint8, "I": np.uint32, "i": np.int32, "q": np.int64}
_NUMBERS = (0, 1, 2, 3, -1, 5, 32, 33, 1 << 60, -(1 << 60), 1 << 62, -(1 << 63), (1 << 63) - 1)


@pytest.mark.skipif(not compiled.available(), reason="there are no compiled loops")
def test_no_job_reads_or_writes_beyond_its_arrays() -> None:
    """Arrays of random lengths and contents, from malloc: tests/sanitized.py sees whoever leaves them."""
    loops, c, rng = compiled._loops, ctypes.CDLL(None), random.Random(5)
    assert loops is not None
    c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
    for _ in range(1500):
        loop, length, groups = rng.randrange(len(_JOBS)), rng.choice([0, 1, 3, 70, 300]), rng.randint(0, 4)
        words, held = [loop], []
        for letter in _JOBS[loop]:
            if letter == "n":
                words.append(rng.choice([*_NUMBERS, rng.randint(-9, 40)]))
                continue
            array = _random_array(rng, _DTYPES[letter], rng.choice([length, groups, groups + 1, 256, 0, 1]), length)
            address = c.malloc(max(array.nbytes, 1))
            ctypes.memmove(address, array.ctypes.data, array.nbytes)
            held.append(address)
            words += [address, len(array)]
        job = np.array(words, np.int64)
        loops.skysql_run(ctypes.c_void_p(job.ctypes.data), ctypes.c_int64(len(job)), ctypes.c_int64(len(job)))
        for address in held:
            c.free(address)


def _random_array(rng: random.Random, dtype: Any, size: int, length: int) -> Any:
    limits = np.iinfo(dtype)
    most = max(length, 1) if limits.max > 255 else 3
    values = [
        min(max(rng.choice(_NUMBERS), limits.min), limits.max) if rng.random() < 0.1 else rng.randint(0, most)
        for _ in range(size)
    ]
    return np.array(sorted(values) if rng.random() < 0.7 else values, dtype)


@needs_loops
def test_no_sum_reads_or_writes_beyond_its_arrays() -> None:
    """Whatever groups, ranges and magnitudes are said to be: sums, or a refusal."""
    rng, refused = random.Random(6), 0
    for _ in range(1500):
        n, size = rng.choice([0, 1, 2, 7, 8, 9, 64, 300]), rng.choice([0, 1, 2, 5, 255, 256, 257, 1000])
        values = np.array([rng.choice([0.0, -0.0, 1.5, -1e308, 5e-324, np.inf, np.nan, rng.gauss(0, 1)])
                           for _ in range(n)])  # fmt: skip
        least, most = (rng.choice([0.0, 1.0, -1.0, 1e-300, 1e300, np.inf, np.nan]) for _ in "ab")
        dtype = rng.choice([np.uint8, np.uint16, np.uint32, np.int32, np.int64])
        groups = _random_array(rng, dtype, n, max(size - 1, 1))
        lows, highs = (_random_array(rng, np.int64, size, n) for _ in "ab")
        fullest = rng.choice([*_NUMBERS, n, n // 2])
        for call in (
            lambda: compiled.few_sums(groups.astype(np.uint8), values, size, least, most),  # noqa: B023
            lambda: compiled.many_sums(groups, values, size, fullest, least, most),  # noqa: B023
            lambda: compiled.range_sums(values, lows, highs, least, most),  # noqa: B023
        ):
            try:
                high, low = call()
                assert len(high) == len(low) == size
            except InternalError:
                refused += 1
    assert 0 < refused < 4500
