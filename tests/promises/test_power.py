"""The power is cut: what was synced is there, what was not is dropped or torn, and the file is good.

SQLite's promise, which sky tables share as they lie in its pages: with synchronous FULL in WAL mode, and with EXTRA in
DELETE mode, nothing that was acknowledged is lost. With NORMAL in WAL mode, the last transactions may be. With FULL in
DELETE mode the last one may be, as the removal of its journal is not synced.
"""

import os
import random
from pathlib import Path

import pytest

from tests.conftest import Connect
from tests.world import deeds
from tests.world.disk import Disk, Done, power_cut

CUTS = int(os.environ.get("SKYSQL_TEST_CUTS", "40"))
DEEDS = 24

LOST = {("WAL", "FULL"): 0, ("WAL", "NORMAL"): DEEDS, ("DELETE", "EXTRA"): 0, ("DELETE", "FULL"): 1}
"""How many of the last deeds that were acknowledged may be lost."""


def trace(connect: Connect, journal: str, synchronous: str, seed: int, keyed: bool) -> list[Done]:
    """What deeds do to a disk, with a mark where each is acknowledged."""
    disk = Disk(f"power_{journal}_{synchronous}_{seed}")
    db = connect(disk.uri, isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")  # SQLite has a WAL without shared memory then
    assert db.execute(f"PRAGMA journal_mode = {journal}").fetchall() == [(journal.lower(),)]
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA wal_autocheckpoint = 30")
    db.execute("BEGIN")
    deeds.create(db, keyed)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(1, DEEDS + 1):
        deeds.do(db, deeds.deed(seed, number), keyed)
        disk.log.append(Done("acknowledged", number))
    db.close()
    return disk.log


@pytest.mark.parametrize(("journal", "synchronous"), LOST)
def test_a_power_cut_loses_no_more_than_is_promised(
    connect: Connect, tmp_path: Path, journal: str, synchronous: str
) -> None:
    for seed in range(2):
        log = trace(connect, journal, synchronous, seed, keyed=seed % 2 == 1)
        begin = log.index(Done("acknowledged", 1)) + 1
        states = deeds.states(seed, DEEDS)
        r = random.Random(seed)
        for cut in range(CUTS // 2):
            upto = r.randint(begin, len(log))
            done = max(entry.file for entry in log[:upto] if entry.kind == "acknowledged")
            directory = tmp_path / f"{seed} {cut}"
            directory.mkdir()
            for name, content in power_cut(log, upto, r).items():
                (directory / name.lstrip("/")).write_bytes(content)
            where = f"seed {seed}, cut {cut} after {upto} of {len(log)}, {done} acknowledged"
            earliest = max(done - LOST[journal, synchronous], 0)
            look(connect, directory / "events.db", seed, states[: done + 2], earliest, where)


def look(connect: Connect, path: Path, seed: int, states: list[deeds.Events], earliest: int, where: str) -> None:
    """Whether the file is good, and holds what it should after some deed from the earliest on."""
    keyed = seed % 2 == 1
    db = connect(str(path), isolation_level=None, cache_size="64MB")
    assert db.check() == [], where
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], where
    events, told = deeds.read(db, keyed), deeds.ledger(db)
    found = [at for at in range(earliest, len(states)) if states[at] == events and deeds.numbers(seed, at) == told]
    assert found, where
    db.execute("DELETE FROM users")
    db.compact()
    assert db.check() == [], where
    db.close()
