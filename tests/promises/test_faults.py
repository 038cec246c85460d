"""Every call to the operating system fails in turn: an error of the right class, undone, and the file and the
connection good afterwards."""

import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import apsw
import pytest

import skysql
from skysql.store import compact
from tests.conftest import Connect
from tests.world import deeds
from tests.world.disk import Disk

EVERY = int(os.environ.get("SKYSQL_TEST_FAULTS_EVERY", "0"))
"""Every so-many-th call of a kind fails; 0: about as many as make `SHOTS` runs."""

SHOTS = 6
SEED, DEEDS = 19187, 12  # of eleven kinds

ERRORS: dict[str, Callable[[], Any]] = {
    "IOERR": lambda: apsw.IOError("disk I/O error"),
    "FULL": lambda: apsw.FullError("database or disk is full"),
    "NOMEM": lambda: apsw.exception_for(apsw.SQLITE_IOERR_NOMEM),
    "short": lambda: 2048,
    "CANTOPEN": lambda: apsw.CantOpenError("unable to open database file"),
}
CASES = [("write", "IOERR"), ("write", "FULL"), ("write", "NOMEM"), ("sync", "IOERR"), ("read", "IOERR"),
         ("read", "NOMEM"), ("open", "CANTOPEN"), ("open", "IOERR"), ("truncate", "IOERR"),
         ("remove", "IOERR")]  # fmt: skip


class Trap:
    """A fault at one call of a kind, or at all from that one on while it is `lasting`."""

    def __init__(self, kind: str, at: int, error: str, lasting: bool) -> None:
        self.kind, self.at, self.error, self.lasting = kind, at, error, lasting
        self.calls = 0
        self.sprung = False

    def __call__(self, kind: str, _name: str) -> BaseException | int | None:
        if kind != self.kind:
            return None
        self.calls += 1
        if self.calls == self.at or (self.lasting and self.calls > self.at):
            self.sprung = True
            return ERRORS[self.error]()
        return None


def scenario(connect: Connect, disk: Disk, journal: str, trap: Trap) -> None:
    """Deeds, one after the other; one that fails leaves nothing or all of itself, and is done again when it can be."""
    keyed = journal == "DELETE"
    states = deeds.states(SEED, DEEDS)
    try:
        db = opened(disk, journal, trap if journal == "DELETE" else None)
    except skysql.Error as error:
        assert isinstance(error, skysql.OperationalError), repr(error)
        disk.fault = lambda kind, name: None
        db = opened(disk, journal, None)
    for number in range(1, DEEDS + 1):
        deed = deeds.deed(SEED, number)
        disk.fault = trap
        try:
            deeds.do(db, deed, keyed)
            if number % 3 == 0:
                deeds.read(db, keyed)
        except skysql.Error as error:
            assert trap.sprung, error
            assert isinstance(error, skysql.OperationalError), repr(error)
            disk.fault = lambda kind, name: None
            db.rollback()
            assert not db.in_transaction
            if deeds.read(db, keyed) != states[number]:
                assert deeds.read(db, keyed) == states[number - 1]
                deeds.do(db, deed, keyed)
        disk.fault = lambda kind, name: None
        assert deeds.read(db, keyed) == states[number]
    assert db.check() == []
    close(db)
    again = opened(disk, journal, None)
    assert again.check() == []
    assert again.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert deeds.read(again, keyed) == states[-1]
    close(again)


def close(db: skysql.Connection) -> None:
    """A file in WAL mode could not be opened again: there is no shared memory on this disk."""
    assert db.execute("PRAGMA journal_mode = DELETE").fetchall() == [("delete",)]
    db.close()


def opened(disk: Disk, journal: str, trap: Trap | None) -> skysql.Connection:
    if trap is not None:
        disk.fault = trap
    db = skysql.connect(disk.uri, isolation_level=None, cache_size="64MB")
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        assert db.execute(f"PRAGMA journal_mode = {journal}").fetchall() == [(journal.lower(),)]
        db.execute("PRAGMA cache_size = 8")  # pages: so that files are read and written amid transactions
        db.execute("PRAGMA wal_autocheckpoint = 20")
    except BaseException:
        disk.fault = lambda kind, name: None
        db.close()
        raise
    return db


def start(connect: Connect, name: str, journal: str) -> tuple[Disk, dict[str, bytes]]:
    """A disk with the tables on it."""
    disk = Disk(name)
    db = opened(disk, journal, None)
    deeds.create(db, journal == "DELETE")
    close(db)
    return disk, disk.files()


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
@pytest.mark.parametrize(("kind", "error"), CASES)
def test_a_call_that_fails(connect: Connect, journal: str, kind: str, error: str) -> None:
    disk, files = start(connect, f"fault_{journal}_{kind}_{error}", journal)
    count = Trap(kind, 0, error, False)
    scenario(connect, disk, journal, count)
    step = EVERY or max(count.calls // SHOTS, 1)
    for turn, at in enumerate(range(1 + step // 2, count.calls + 1, step)):
        for lasting in [False, True] if EVERY else [turn % 2 == 1]:
            disk.put(files)
            trap = Trap(kind, at, error, lasting)
            try:
                scenario(connect, disk, journal, trap)
            except BaseException as problem:
                problem.add_note(f"{kind} {at} of {count.calls}, lasting: {lasting}")
                raise


@pytest.mark.parametrize("kind", ["write", "read", "sync"])
def test_an_alteration_that_fails_leaves_a_table_to_write_to(connect: Connect, kind: str) -> None:
    """At every call of the kind: the one of before, or that of after."""
    disk, files = start(connect, f"altering_{kind}", "DELETE")
    failed = 0
    for at in range(1, 1000):
        disk.put(files)
        db = opened(disk, "DELETE", None)
        deeds.do(db, deeds.deed(SEED, 2), True)
        disk.fault = trap = Trap(kind, at, "IOERR", False)
        try:
            db.execute("SELECT sky_alter('users', 'ALTER x TO STATE')")
        except skysql.OperationalError:
            failed += 1
        disk.fault = lambda kind, name: None
        deeds.do(db, deeds.deed(SEED, 3), True)
        assert db.execute("SELECT count(x) > 0 FROM users").fetchall() == [(1,)]
        assert db.check() == []
        db.close()
        if not trap.sprung:
            break
    assert failed > 0


READS = {
    "events": "SELECT object_id, x FROM users",
    "events, the last first": "SELECT x FROM users ORDER BY object_id DESC, ts DESC",
    "rows": "SELECT object_id, x FROM users WHERE x > 1 OR note = 'a'",
    "groups": "SELECT note, count(*), sum(x) FROM users GROUP BY note",
    "groups of groups": "SELECT n, count(*), max(s) FROM (SELECT object_id, count(*) AS n, sum(x) AS s FROM users "
    "GROUP BY object_id) GROUP BY n",
    "objects": "SELECT * FROM users_objects",
    "sessions": "SELECT * FROM users_sessions('1 day')",
    "changes": "SELECT * FROM users_changes",
    "matches": "SELECT * FROM users MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES sum(x) AS n "
    "PATTERN (A+) DEFINE A AS x > 0)",
    "a report": "SELECT * FROM sky_funnel('users', '[{\"when\": \"x > 1\"}, {\"when\": \"note > 0\"}]', '1 day')",
}


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("sql", READS.values(), ids=READS)
def test_a_scan_that_fails_is_under_way_no_more(sql: str, pushdown: bool) -> None:
    """Also while the error is looked at: the table can be altered then."""
    disk, size = Disk(f"under way {pushdown} {sql}"), 2000
    db = skysql.connect(disk.uri, isolation_level=None, cache_size=0, pushdown=pushdown)
    db.execute("PRAGMA cache_size = 4")
    db.execute("CREATE VIRTUAL TABLE users USING sky(x INTEGER, note TEXT, state INTEGER STATE)")
    made = [[at % 40 + 1 for at in range(size)], list(range(size)), [f"text {at}" for at in range(size)]]
    columns = dict(zip(("object_id", "ts", "note"), made, strict=True))
    db.append("users", columns | {"action": ["a"] * size, "x": made[1], "state": made[1]}, time_unit="us")
    with mock.patch.object(compact, "SHARD_EVENTS", 256):
        db.compact()
    expected, failed = db.execute(sql).fetchall(), 0
    for at in range(1, 1000):
        disk.fault = trap = Trap("read", at, "IOERR", False)
        try:
            assert db.execute(sql).fetchall() == expected
        except skysql.OperationalError:
            failed += 1
            disk.fault = lambda kind, name: None
            for change in ("RENAME x TO y", "RENAME y TO x"):
                db.execute("SELECT sky_alter('users', ?)", (change,))
        disk.fault = lambda kind, name: None
        if not trap.sprung:
            break
    assert failed > 1
    assert db.check() == []
    db.close()


@pytest.mark.parametrize("lasting", [False, True])
def test_a_read_that_is_short(connect: Connect, lasting: bool) -> None:
    """SQLite takes the bytes that are missing for zeros: then the answer is an error, or right."""
    disk, _ = start(connect, f"short_{lasting}", "DELETE")
    db, states = opened(disk, "DELETE", None), deeds.states(SEED, DEEDS)
    for number in range(1, DEEDS + 1):
        deeds.do(db, deeds.deed(SEED, number), True)
    db.close()
    count = Trap("read", 0, "short", False)
    assert shown(disk, count) == states[-1]
    errors = 0
    for at in range(1, count.calls + 1, EVERY or 2):
        try:
            assert shown(disk, Trap("read", at, "short", lasting)) == states[-1], f"read {at} of {count.calls}"
        except skysql.DatabaseError:
            errors += 1
        assert shown(disk, count) == states[-1]
    assert errors > 0


def shown(disk: Disk, trap: Trap) -> deeds.Events:
    """What a new connection reads, with a cache of its own."""
    disk.fault = trap
    db = skysql.connect(disk.uri, isolation_level=None, cache_size="64MB")
    try:
        return deeds.read(db, True)
    finally:
        disk.fault = lambda kind, name: None
        db.close()
