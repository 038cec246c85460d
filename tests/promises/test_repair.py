"""repair(): what is readable of a damaged file is in the new one, and what is not is told."""

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skysql
from skysql.cli import main
from skysql.repair.repair import repair
from skysql.repair.salvage import RepairReport
from skysql.store import chunks, compact
from tests.conftest import Connect
from tests.world.broken import Broken

HISTORIES = int(os.environ.get("SKYSQL_TEST_REPAIRS", "12"))
SEED = int(os.environ.get("SKYSQL_TEST_SEED", "1"))

QUESTIONS = {
    "users": "SELECT *, changes FROM users",
    "planes": "SELECT object_id, tail, timestamp, action, status FROM planes",
    "plain": "SELECT * FROM plain",
    "pairs": "SELECT * FROM pairs",
    "others": "SELECT (SELECT max(seq) FROM sqlite_sequence), (SELECT count(*) FROM big),"
    " (SELECT max(rowid) FROM bare), (SELECT sum(x > 'row 5') FROM plain)",
    "notes": "SELECT body FROM notes WHERE notes MATCH 'hello'",
}
ALL = dict.fromkeys(QUESTIONS, "same")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """A file with tables of all kinds, and what its tables answer."""
    path = str(tmp_path_factory.mktemp("repair") / "good.db")
    db = skysql.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    db.execute("CREATE TABLE plain(id INTEGER PRIMARY KEY, x TEXT)")
    db.executemany("INSERT INTO plain VALUES (?, ?)", [(3 * i, f"row {i}") for i in range(2000)])
    db.execute("CREATE INDEX by_x ON plain(x)")
    db.execute("CREATE VIEW big AS SELECT x FROM plain WHERE id > 3000")
    db.execute("CREATE TABLE pairs(a TEXT, b INTEGER, PRIMARY KEY(b, a)) WITHOUT ROWID")
    db.executemany("INSERT INTO pairs VALUES (?, ?)", [(f"k{i}", i % 7) for i in range(300)])
    db.execute("CREATE TABLE numbered(id INTEGER PRIMARY KEY AUTOINCREMENT, z)")
    db.execute("INSERT INTO numbered(z) VALUES (5), (6)")
    db.execute("CREATE TABLE bare(y)")
    db.execute("INSERT INTO bare(rowid, y) VALUES (77, 1)")
    db.execute("CREATE VIRTUAL TABLE notes USING fts5(body)")
    db.execute("INSERT INTO notes VALUES ('hello world')")
    db.execute("CREATE TRIGGER hands_off AFTER INSERT ON plain BEGIN DELETE FROM plain; END")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL, url TEXT)")
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, status TEXT STATE)")
    insert = "INSERT INTO users(object_id, ts, action, plan, seats, amount, url) VALUES (?, ?, ?, ?, ?, ?, ?)"
    rows = [(i % 50 + 1, i, "abc"[i % 3], ["free", None, "pro"][i % 3], i % 9 or None, i / 4, f"/{i % 20}")
            for i in range(3000)]  # fmt: skip
    db.executemany(insert, rows)
    db.execute("COMMIT")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "SHARD_EVENTS", 200)
        db.compact()
    db.execute("SELECT sky_alter('users', 'ALTER seats TYPE TEXT')")
    for i in range(0, 40, 10):
        db.executemany(insert, rows[i : i + 10])
    db.executemany("INSERT INTO planes(tail, ts, action, status) VALUES (?, ?, 'fly', ?)",
                   [(f"N{i % 5}", i, ["ok", "broken"][i % 2]) for i in range(30)])  # fmt: skip
    db.execute("DELETE FROM users WHERE object_id = 8")
    db.execute("DELETE FROM planes WHERE tail = 'N2'")
    right = {name: db.execute(sql).fetchall() for name, sql in QUESTIONS.items()}
    db.close()
    return path, right


class Patient:
    """A damaged copy, and what became of it."""

    def __init__(self, good: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
        self.path, self.target = str(tmp_path / "damaged.db"), str(tmp_path / "new.db")
        self.right = good[1]
        shutil.copy(good[0], self.path)

    def sql(self, *statements: str) -> "Patient":
        plain = sqlite3.connect(self.path)
        for statement in statements:
            plain.execute(statement)
        plain.commit()
        plain.close()
        return self

    def bytes(self, change: Callable[[bytearray], bytes | bytearray]) -> "Patient":
        content = bytearray(Path(self.path).read_bytes())
        Path(self.path).write_bytes(change(content))
        return self

    def repaired(self) -> tuple[RepairReport, dict[str, Any]]:
        """The report, and of each question 'same', or its rows."""
        report = repair(self.path, self.target)
        db = skysql.connect(self.target)
        found: dict[str, Any] = {}
        for name, sql in QUESTIONS.items():
            rows = db.execute(sql).fetchall()
            found[name] = "same" if rows == self.right[name] else rows
        assert db.check() == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
        return report, found


@pytest.fixture
def patient(good: tuple[str, dict[str, Any]], tmp_path: Path) -> Patient:
    return Patient(good, tmp_path)


def test_nothing_is_lost_of_a_good_file(patient: Patient) -> None:
    report, found = patient.repaired()
    assert (found, report.losses) == (ALL, [])
    assert report.events == {"users": len(patient.right["users"]), "planes": 24}
    assert report.rows["plain"] == 2000


COLUMN = "(SELECT min(id) FROM users_block) << 16 | {}"


@pytest.mark.parametrize("column", [0, 1])
def test_a_block_without_its_paths_or_times_is_lost_alone(patient: Patient, column: int) -> None:
    patient.sql(f"UPDATE users_column SET data = zeroblob(20) WHERE id = ({COLUMN.format(column)})")
    report, found = patient.repaired()
    (loss,) = report.losses
    assert loss.objects is not None and loss.events is not None
    low, high = loss.objects
    gone = [row for row in patient.right["users"] if low <= row[0] <= high]
    kept = [row for row in patient.right["users"] if not low <= row[0] <= high]
    late = len(gone) - loss.events  # of these objects, in the log
    assert [row for row in found["users"] if not low <= row[0] <= high] == kept
    assert len(found["users"]) == len(kept) + late
    assert f"block 1 (objects {low} to {high}, {loss.events} events): begins with 000000" in str(loss)


def test_a_property_is_lost_in_its_block_alone(patient: Patient) -> None:
    patient.sql(f"UPDATE users_column SET data = substr(data, 1, 30) WHERE id = ({COLUMN.format(5)})")
    report, found = patient.repaired()
    (loss,) = report.losses
    assert "users, block 1, column 'amount'" in str(loss) and "checksum" in str(loss)
    without = [tuple(None if at == 5 else value for at, value in enumerate(row)) for row in found["users"]]
    expected = [tuple(None if at == 5 else value for at, value in enumerate(row)) for row in patient.right["users"]]
    assert without == expected
    assert sum(row[5] is None for row in found["users"]) > 0


@pytest.mark.parametrize(
    ("statement", "losses", "kept"),
    [
        ("DROP TABLE users_block", "users_block: the table is missing", "users"),
        ("DELETE FROM users_block WHERE id = 1", "row of block 1: it is missing; its events are saved", "users"),
        ("UPDATE users_block SET events = 99, first_object = 3, objects = 0, first_ts = 5", "", "users"),
        ("UPDATE users_meta SET value = '{' WHERE key = 'schema'", "definition: .*taken from its CREATE", "planes"),
        ("DROP TABLE planes_meta", "planes_meta: the table is missing", "planes"),
        ("DELETE FROM planes_meta", "planes, definition", "planes"),
        ("DROP TABLE users_column", "block 1 .*: it is missing", "planes"),
        ("DROP TABLE users_value", "users_value: the table is missing", "planes"),
        ("DROP TABLE planes_log", "planes_log: the table is missing", "users"),
        ("UPDATE planes_log SET data = zeroblob(4)", "log batch 1 .*: 4 bytes", "users"),
        ("UPDATE planes_key SET key = NULL", "column 'tail': objects have lost their key, and got another: 4", "users"),
        ("UPDATE users_column SET data = x'00' WHERE id = 65535", "log, list of deleted.*they are back", "planes"),
        ("DELETE FROM users_column WHERE id < 65535", "column 'seats'.*casts to TEXT: they are missing", "planes"),
        ("UPDATE users_meta SET value = 99 WHERE key = 'format'", "format version 99 is newer", "planes"),
    ],
)  # fmt: skip
def test_other_tables_and_all_that_is_readable_are_kept(
    patient: Patient, statement: str, losses: str, kept: str
) -> None:
    patient.sql(statement)
    report, found = patient_or_less(patient)
    assert found.get(kept) == found["plain"] == found["pairs"] == found["others"] == "same"
    assert bool(report.losses) == bool(losses)
    assert not losses or any(re.search(losses, str(loss)) for loss in report.losses), report.losses


def patient_or_less(patient: Patient) -> tuple[RepairReport, dict[str, Any]]:
    """Repaired; of a table that could not be saved at all, nothing is asked."""
    report = repair(patient.path, patient.target)
    db = skysql.connect(patient.target)
    found: dict[str, Any] = {}
    for name, sql in QUESTIONS.items():
        if name in report.events or name in ("plain", "pairs", "others"):  # what is left of fts5 is its own affair
            rows = db.execute(sql).fetchall()
            found[name] = "same" if rows == patient.right[name] else rows
    assert db.check() == []
    db.close()
    return report, found


def test_texts_that_are_lost_leave_their_events(patient: Patient) -> None:
    patient.sql("DELETE FROM users_value WHERE property = 1 AND value = 'free'")
    report, found = patient.repaired()
    assert [str(loss).split(":")[0] for loss in report.losses] == ["users, column 'plan'"]
    assert len(found["users"]) == len(patient.right["users"])
    patient.sql("DELETE FROM users_value WHERE property = 0 AND value = 'a'")
    os.unlink(patient.target)
    report, found = patient.repaired()
    assert any("neither an action nor a change is left" in str(loss) for loss in report.losses)
    lost = sum(loss.events or 0 for loss in report.losses)
    assert 0 < lost == len(patient.right["users"]) - len(found["users"])


def test_tables_that_the_schema_does_not_know_any_more(patient: Patient) -> None:
    patient.sql("PRAGMA writable_schema = ON", "DELETE FROM sqlite_schema WHERE name IN ('users', 'users_objects')")
    report, found = patient.repaired()
    assert (found, report.losses) == (ALL, [])


def test_pages_that_are_destroyed(patient: Patient) -> None:
    """Each page in turn: what is saved is right, and what is not is told."""
    pages = os.path.getsize(patient.path) // 4096
    content = Path(patient.path).read_bytes()
    wholes = 0
    for page in range(1, pages, 7):
        damaged = bytearray(content)
        damaged[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
        Path(patient.path).write_bytes(damaged)
        report, found = patient_or_less(patient)
        wholes += all(answer == "same" for answer in found.values())
        assert report.losses or all(answer == "same" for answer in found.values()), page
        if found["plain"] != "same":
            assert set(found["plain"]) < set(patient.right["plain"])
            assert any("table plain" in str(loss) for loss in report.losses)
        for file in Path(patient.path).parent.glob("new.db*"):
            file.unlink()
    assert wholes > pages // 70


@pytest.mark.parametrize("part", [0.97, 0.8, 0.5])
def test_truncated_files(patient: Patient, part: float) -> None:
    patient.bytes(lambda content: content[: int(len(content) * part) + 77])
    report, found = patient_or_less(patient)
    assert report.losses
    assert found["plain"] == "same"
    if part > 0.9:
        assert len(found["users"]) > 2500


def test_files_of_which_nothing_is_left(patient: Patient, tmp_path: Path) -> None:
    with pytest.raises(skysql.OperationalError, match="there already"):
        repair(patient.path, patient.path)
    with pytest.raises(skysql.OperationalError, match="no database"):
        repair(str(tmp_path / "nothing.db"), patient.target)
    patient.bytes(lambda content: bytes(4096) + content[4096:])
    with pytest.raises(skysql.DatabaseError, match="nothing of .* can be read.*not a database"):
        repair(patient.path, patient.target)
    assert not os.path.exists(patient.target)


def test_the_command(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["repair", patient.path, patient.target]) == 0
    out = capsys.readouterr().out
    assert "planes: 24 events saved\n" in out and "plain: 2,000 rows saved\n" in out and "nothing was lost" in out
    os.unlink(patient.target)
    patient.sql("UPDATE planes_log SET data = zeroblob(4) WHERE id = 1")
    assert main.main(["repair", patient.path, patient.target]) == 1
    told = capsys.readouterr()
    assert "lost: planes, log batch 1 (1 event): 4 bytes, fewer than a header\n" in told.out
    assert "not all could be saved (1 losses)" in told.err


# any file


EVENTS = "SELECT *, ts, changes FROM users"


class History:
    """A file of random deeds. Each event has a time of its own, by which it is known whether it was deleted."""

    def __init__(self, r: random.Random, path: str) -> None:
        self.r, self.ts, self.keyed = r, 0, r.random() < 0.5
        self.db = skysql.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("PRAGMA journal_mode = DELETE")
        who = "name TEXT OBJECT" if self.keyed else "name INTEGER OBJECT"
        self.db.execute(f"CREATE VIRTUAL TABLE users USING sky({who}, plan TEXT STATE, seats INTEGER STATE,"
                        " amount REAL, size INTEGER)")  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compact, "SHARD_EVENTS", r.choice([16, 50, 1 << 18]))
            patch.setattr(chunks, "SIZE", r.choice([4, chunks.SIZE]))
            for _ in range(r.randint(4, 14)):
                r.choice([self.insert, self.insert, self.insert, self.delete, self.update, self.compact, self.alter])()
            if r.random() < 0.5:  # events that are listed as deleted beside their blocks
                self.compact()
                self.delete()
        self.rows = self.db.execute(EVENTS).fetchall()
        assert self.db.check() == []
        self.db.close()

    def insert(self) -> None:
        rows = []
        for _ in range(self.r.choice([1, 5, 40, 120])):
            self.ts += 1
            who, plan, seats = self.r.randint(1, 9), self.r.choice(["free", "pro", None]), self.r.choice([None, 1, 2])
            size, amount = self.r.choice([None, 5, 6]), self.r.choice([None, self.ts / 4])
            rows.append((f"o{who}" if self.keyed else who, self.ts, f"a{self.ts % 11}", plan, seats, amount, size))
        self.r.shuffle(rows)
        self.db.execute("BEGIN")
        columns = "name, ts, action, plan, seats, amount, size"
        self.db.executemany(f"INSERT INTO users({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self.db.execute("COMMIT")

    def delete(self) -> None:
        some, at = self.r.choice([2, 9, 20, 30]), self.r.randint(0, 30)
        what = self.r.choice(["ts % ? = ?", "ts % ? = ?", "name = (SELECT name FROM users WHERE ts > ? + ?)"])
        self.db.execute(f"DELETE FROM users WHERE {what}", (some, at % some))

    def update(self) -> None:
        what = self.r.choice(["plan = 'team'", "amount = NULL", "seats = NULL", "action = 'other'"])
        self.db.execute(f"UPDATE users SET {what} WHERE ts % 13 = 1")

    def compact(self) -> None:
        self.db.compact()

    def alter(self) -> None:
        change = self.r.choice(["ALTER size TYPE TEXT", "ALTER amount TO STATE", "ALTER seats TO ATTRIBUTE"])
        try:
            self.db.execute("SELECT sky_alter('users', ?)", (change,))
        except skysql.ProgrammingError:  # it is so already
            pass


def saved(path: str, target: str) -> tuple[RepairReport, list[Any]]:
    """What repair saves of a file, in which check() finds nothing."""
    report = repair(path, target)
    db = skysql.connect(target)
    assert db.check() == []
    rows = db.execute(EVENTS).fetchall() if "users" in report.events else []
    db.close()
    return report, rows


def test_what_was_deleted_of_a_block_stays_deleted(tmp_path: Path) -> None:
    db = skysql.connect(str(tmp_path / "a.db"), isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO users(object_id, ts, action) VALUES (?, ?, 'a')", [(i % 5 + 1, i) for i in range(100)])
    db.execute("COMMIT")
    db.compact()
    db.execute("DELETE FROM users WHERE ts < 3")
    right = db.execute(EVENTS).fetchall()
    db.close()
    report, rows = saved(str(tmp_path / "a.db"), str(tmp_path / "b.db"))
    assert (len(rows), rows, report.losses) == (97, right, [])


@pytest.mark.parametrize("turn", range(HISTORIES))
def test_an_undamaged_file_comes_back_as_it_was(tmp_path: Path, turn: int) -> None:
    history = History(random.Random(SEED * 1000 + turn), str(tmp_path / "a.db"))
    report, rows = saved(str(tmp_path / "a.db"), str(tmp_path / "b.db"))
    assert report.losses == []
    assert rows == history.rows
    assert report.events == {"users": len(rows)}


@pytest.mark.parametrize("turn", range(HISTORIES))
def test_nothing_comes_back_of_a_damaged_file_that_it_did_not_hold(tmp_path: Path, turn: int) -> None:
    """What was deleted does so only if it is told; and what is lost is told."""
    r = random.Random(SEED * 1000 + turn)
    path, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    history = History(r, path)
    living, content = {row[-2]: row for row in history.rows}, Path(path).read_bytes()
    for _ in range(6):
        Path(path).write_bytes(content)
        done = damage(r, path)
        try:
            report, rows = saved(path, target)
        except skysql.DatabaseError as error:  # not even the schema
            assert "page" in done and "nothing of" in str(error), done
            continue
        finally:
            for file in tmp_path.glob("b.db*"):
                file.unlink()
        told = " ".join(map(str, report.losses))
        if " back" in told:
            continue
        kept = [row for row in rows if row[-2] in living]
        assert kept == rows, (done, told)
        assert len({row[-2] for row in kept}) == len(kept), done
        silent = done.startswith("DELETE")  # of what is not there nobody knows
        for row in kept:
            was = living[row[-2]]
            assert told or silent or row == was, (done, row, was)
            assert row[0] == was[0] or "key" in told, (done, row, was)
            assert row[2] in (was[2], None), (done, row, was)
        assert told or silent or len(kept) == len(living), done


def damage(r: random.Random, path: str) -> str:
    """Rows that are gone, blobs that are others, or a page; what was done."""
    if r.random() < 0.3:
        data = bytearray(Path(path).read_bytes())
        page = r.randrange(1, len(data) // 4096)
        data[page * 4096 : (page + 1) * 4096] = r.randbytes(4096)
        Path(path).write_bytes(data)
        return f"page {page}"
    plain = sqlite3.connect(path)
    plain.text_factory = bytes
    table = "users_" + r.choice(["meta", "value", "key", "log", "log", "block", "column", "column", "column"])
    keys = "id" if table not in ("users_meta", "users_value") else "key" if table == "users_meta" else "property, code"
    found = plain.execute(f"SELECT {keys} FROM {table}").fetchall()
    done = "nothing"
    if found:
        key = r.choice(found)
        place = " AND ".join(f"{name} = ?" for name in keys.split(", "))
        change = f"DELETE FROM {table}"
        if table in ("users_log", "users_column") and r.random() < 0.5:
            change = f"UPDATE {table} SET data = substr(data, 1, 20) || x'07' || substr(data, 22)"
        done = f"{change} WHERE {place} {key}"
        plain.execute(f"{change} WHERE {place}", [part.decode() if isinstance(part, bytes) else part for part in key])
    plain.commit()
    plain.close()
    return done


# pages that nothing leads to


@pytest.mark.parametrize("suffix", ["column", "log", "key"])
def test_rows_that_no_page_leads_to_are_saved(connect: Connect, path: str, suffix: str) -> None:
    broken = Broken(connect, path)
    assert broken.destroy(f"users_{suffix}") > 0
    rows, losses = broken.repaired()
    assert rows == broken.right
    assert any(f"users_{suffix}: rows cannot be read" in loss for loss in losses)
    assert any("were found on pages that nothing leads to" in loss for loss in losses)
