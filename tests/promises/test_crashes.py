"""A process that is killed while it writes: what was acknowledged is there, and of the rest all of a commit or none."""

import multiprocessing
import os
import random
import time

import pytest

from tests.conftest import Connect
from tests.world import crash_writer, deeds

KILLS = int(os.environ.get("SKYSQL_TEST_KILLS", "40"))
FILES = 4


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Where to start processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.world.crash_writer", "skysql.engine.engine", "skysql.transfer.load"])
    return context


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("seed", range(FILES // 2))
def test_a_killed_writer_loses_nothing_that_was_acknowledged(
    connect: Connect, path: str, processes: multiprocessing.context.ForkServerContext, seed: int, keyed: bool
) -> None:
    """Killed again and again on one file, at random moments; each time the next goes on with what it finds."""
    r = random.Random(seed)
    db = connect(path, isolation_level=None)
    deeds.create(db, keyed)
    db.close()
    done, acknowledged = 0, 0
    for _ in range(-(-KILLS // FILES)):
        acknowledged = _killed(processes, path, seed, done + 1, keyed, r)
        db = connect(path, isolation_level=None, cache_size="64MB")
        assert db.check() == []
        events, states = deeds.read(db, keyed), deeds.states(seed, acknowledged + 1)
        found = [at for at in (acknowledged, acknowledged + 1) if events == states[at]]
        assert found, f"seed {seed}: {acknowledged} acknowledged"
        told = [at for at in found if deeds.ledger(db) == deeds.numbers(seed, at)]
        assert told, f"seed {seed}: {acknowledged} acknowledged, and the ordinary table tells otherwise"
        done = told[-1]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()


def _killed(
    processes: multiprocessing.context.ForkServerContext,
    path: str,
    seed: int,
    first: int,
    keyed: bool,
    r: random.Random,
) -> int:
    """Run a writer and kill it; the number of the last deed that it reported."""
    receiving, sending = processes.Pipe(duplex=False)
    writer = processes.Process(target=crash_writer.write, args=(path, seed, first, keyed, sending))
    writer.start()
    sending.close()
    last = first - 1
    for _ in range(r.randint(0, 4)):  # let it come so far
        last = int.from_bytes(receiving.recv_bytes())
    time.sleep(r.random() * 0.02)  # the kill comes at any moment of the next deeds; whichever, all is told below
    writer.kill()
    writer.join()
    while receiving.poll():
        try:
            last = int.from_bytes(receiving.recv_bytes())
        except EOFError:
            break
    receiving.close()
    assert writer.exitcode == -9, "the writer failed by itself"
    writer.close()
    return last
