"""A property with many texts: whatever is done, it is as if they were few; and what is special about chunks of them."""

import csv
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import skysql
from skysql.cli import main
from skysql.repair.repair import repair
from skysql.scan import by_sqlite, result
from skysql.store import chunks, compact, dictionary, texts
from skysql.store.cache import Cache
from skysql.store.texts import ChunkTexts, TextChunk
from tests.conftest import Connect, close, damage

TABLE = "CREATE VIRTUAL TABLE visits USING sky(page TEXT, place TEXT STATE, amount REAL)"
INSERT = "INSERT INTO visits(object_id, ts, action, page, place, amount) VALUES (?, ?, ?, ?, ?, ?)"
APPENDED = ("object_id", "ts", "action", "page", "place", "amount")

QUESTIONS = [
    "SELECT object_id, ts, action, page, place, amount FROM visits ORDER BY object_id, ts",
    "SELECT count(*) FROM visits WHERE page = 'page 7'",
    "SELECT count(*) FROM visits WHERE page <> 'page 7'",
    "SELECT count(*) FROM visits WHERE page IS NOT 'nowhere'",
    "SELECT ts FROM visits WHERE page IN ('page 3', 'page 30', 'nowhere', '') ORDER BY ts",
    "SELECT ts FROM visits WHERE page IN (SELECT 'page ' || value FROM json_each('[1, 2, 3, 40]')) ORDER BY ts",
    "SELECT ts FROM visits WHERE page IN (SELECT value FROM json_each('[17, 18, null]')) ORDER BY ts",
    "SELECT ts FROM visits WHERE page IN (17, '18', 'page 4', NULL) ORDER BY ts",
    "SELECT count(DISTINCT page), count(DISTINCT place), count(page) FROM visits",
    "SELECT page, count(*), sum(amount) FROM visits GROUP BY page",
    "SELECT page, place, count(*) FROM visits GROUP BY page, place",
    "SELECT page, count(*) FROM visits GROUP BY page ORDER BY 2 DESC, 1 LIMIT 3",
    "SELECT action, count(DISTINCT page), min(page), max(place) FROM visits GROUP BY action ORDER BY 1",
    "SELECT min(page), max(page), min(place) FROM visits WHERE page > 'page 2'",
    "SELECT object_id, max(page), count(*) FROM visits GROUP BY object_id",
    "SELECT count(*) FROM visits WHERE page LIKE '%7' OR place LIKE '%1_'",
    "SELECT upper(page), length(page), count(*) FROM visits GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT sum(length(page)), sum(page), total(page || '1') FROM visits",
    "SELECT page < place, count(*) FROM visits GROUP BY 1 ORDER BY 1",
    "SELECT substr(page, -1), count(DISTINCT page), max(page) FROM visits GROUP BY 1 ORDER BY 1",
    "SELECT group_concat(page) FROM visits WHERE object_id = 2 AND ts % 3 = 1",
    "SELECT object_id, ts, lag(page) OVER (PARTITION BY object_id ORDER BY ts) FROM visits WHERE place IS NOT NULL"
    " ORDER BY 1, 2",
]


@pytest.fixture(params=[1, 8])
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """Texts per chunk; other limits are low as well."""
    monkeypatch.setattr(chunks, "SIZE", request.param)
    monkeypatch.setattr(dictionary, "_PIECE", 20)
    monkeypatch.setattr(by_sqlite, "_PIECE", 10)
    monkeypatch.setattr(result, "_MOST_GROUPS", 10)
    monkeypatch.setattr(texts, "_FEW", 3)
    monkeypatch.setattr(texts, "_SOUGHT", request.param)
    monkeypatch.setattr(compact, "FOLD_EVENTS", 100)
    return int(request.param)


TEXTS = ["", "naïve", "日本", "日本 🙂", "17", "18.0", "a", "a b", "PAGE 7"]


class Visits:
    """The same events in a sky table and in an ordinary one of another database."""

    def __init__(self, db: skysql.Connection, r: random.Random) -> None:
        self.db, self.random, self.ts = db, r, 0
        self.plain = apsw.Connection(":memory:")
        self.plain.execute("CREATE TABLE visits(object_id INTEGER, ts INTEGER, action TEXT, page TEXT, place TEXT,"
                           " amount REAL)")  # fmt: skip

    def rows(self, count: int) -> list[tuple[Any, ...]]:
        """Events, without a place: a state would have to be followed."""
        r, found = self.random, []
        for _ in range(count):
            self.ts += 1
            page = r.choice([None, f"page {r.randrange(60)}", f"page {r.randrange(60)}", r.choice(TEXTS)])
            found.append((r.randint(1, 9), self.ts, r.choice("abc"), page, f"place {self.ts}", r.randint(0, 9) / 4))
        return found

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        way = self.random.randrange(3)
        if way == 0:
            columns = dict(zip(APPENDED, map(list, zip(*rows, strict=True)), strict=True))
            self.db.append("visits", columns, time_unit="us")
        elif way == 1:
            self.db.executemany(INSERT, rows)
        else:
            for row in rows:
                self.db.execute(INSERT, row)
        self.plain.executemany("INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?)", rows)

    def both(self, sql: str) -> None:
        self.db.execute(sql)
        self.plain.execute(sql)

    def agree(self, db: skysql.Connection | None = None) -> None:
        for sql in QUESTIONS:
            right = self.plain.execute(sql).fetchall()
            assert (db or self.db).execute(sql).fetchall() == right, sql


@pytest.mark.parametrize("cache_size", ["64MB", 0])
@pytest.mark.parametrize("seed", range(3))
def test_as_many_texts_as_few(connect: Connect, path: str, size: int, seed: int, cache_size: Any) -> None:
    """Every way to write, transactions and savepoints that end either way, compaction, another connection."""
    db = connect(path, isolation_level=None, cache_size=cache_size)
    other = connect(path, isolation_level=None, cache_size=cache_size, pushdown=seed % 2 == 0)
    db.execute(TABLE)
    visits, r = Visits(db, random.Random(seed)), random.Random(seed)
    for turn in range(8):
        visits.write(visits.rows(r.randint(1, 40)))
        way = r.randrange(5)
        if way < 2:
            visits.both("BEGIN")
            visits.write(visits.rows(r.randint(1, 30)))
            visits.both("SAVEPOINT s")
            visits.write(visits.rows(r.randint(1, 30)))
            if r.random() < 0.7:
                visits.agree()
            visits.both(r.choice(["ROLLBACK TO s", "RELEASE s"]))
            visits.write(visits.rows(r.randint(1, 30)))
            visits.both(r.choice(["ROLLBACK", "COMMIT"]))
        elif way == 2:
            visits.both(f"DELETE FROM visits WHERE object_id = {r.randint(1, 9)}")
            db.compact(vacuum=r.random() < 0.5)
        elif way == 3:
            visits.db = other if visits.db is db else db
        if turn % 2:
            visits.agree()
    visits.agree(db)
    visits.agree(other)
    assert db.execute("SELECT count(*) FROM visits_column WHERE id < 0 AND id > -(1 << 61)").fetchone()[0] >= 60 // size


def stored(connect: Connect, path: str, rows: int = 40) -> skysql.Connection:
    """A table of many pages, half of them in chunks of 8 or so, and an open connection."""
    db = connect(path, isolation_level=None)
    db.execute(TABLE)
    db.executemany(INSERT, [(i % 5 + 1, i, "view", f"page {i}", None, i) for i in range(rows)])
    return db


def chunked(db: skysql.Connection, table: str = "visits") -> int:
    """How many chunks there are."""
    found: int = db.execute(f"SELECT count(*) / 2 FROM {table}_column WHERE id < 0 AND id > -(1 << 61)").fetchone()[0]
    return found


def test_few_texts_are_rows_and_more_are_chunks(connect: Connect, path: str) -> None:
    db = stored(connect, path)
    assert chunked(db) == 0
    many = [f"page {i}" for i in range(chunks.SIZE + 10)]
    columns = {"object_id": np.ones(len(many), int), "ts": range(len(many)), "action": ["a"] * len(many), "page": many}
    db.append("visits", columns, time_unit="us")
    assert chunked(db) == 1
    assert db.execute("SELECT count(*) FROM visits_value WHERE property = 1").fetchone() == (11,)
    assert db.execute("SELECT count(DISTINCT page) FROM visits").fetchone() == (len(many),)
    assert db.execute("SELECT count(*) FROM visits WHERE page = 'page 5'").fetchone() == (2,)
    (info,) = db.info()
    assert info.distinct["page"] == len(many)


def test_long_texts_make_chunks_of_few(connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHARACTERS", 1000)
    db = connect(path, isolation_level=None)
    db.execute(TABLE)
    long = [f"{i} " * 100 for i in range(20)] + ["x" * 5000]
    for ts, text in enumerate(long):
        db.execute(INSERT, (1, ts, "a", text, None, 1))
    assert 4 <= chunked(db) <= 12
    assert [page for (page,) in db.execute("SELECT page FROM visits ORDER BY ts")] == long
    assert db.execute("SELECT ts FROM visits WHERE page = ?", (long[3],)).fetchall() == [(3,)]


@pytest.mark.usefixtures("size")
def test_a_text_in_a_chunk_is_not_stored_again(connect: Connect, path: str) -> None:
    db = stored(connect, path)
    before = db.execute("SELECT count(*), max(code) FROM visits_value WHERE property = 1").fetchall()
    for _ in range(2):
        db.executemany(INSERT, [(7, i, "again", f"page {i}", None, 0) for i in range(40)])
        db.append("visits", {"object_id": [8] * 40, "ts": range(40), "action": ["a"] * 40,
                             "page": [f"page {i}" for i in range(40)]}, time_unit="us")  # fmt: skip
    assert db.execute("SELECT count(*), max(code) FROM visits_value WHERE property = 1").fetchall() == before
    assert db.execute("SELECT count(*) FROM visits WHERE page = 'page 3'").fetchone() == (5,)


@pytest.mark.usefixtures("size")
def test_texts_of_one_hash_are_told_apart(connect: Connect, path: str) -> None:
    """CRC-32 is the same of plumless and buckeroo."""
    db = connect(path, isolation_level=None)
    db.execute(TABLE)
    others = [f"page {i}" for i in range(20)]
    for ts, page in enumerate(["plumless", *others, "buckeroo", "plumless", *map(str, range(20))]):
        db.execute(INSERT, (1, ts, "a", page, None, 0))
    for page, times in (("plumless", [0, 22]), ("buckeroo", [21])):
        assert [ts for (ts,) in db.execute("SELECT ts FROM visits WHERE page = ?", (page,))] == times
    assert db.execute("SELECT count(DISTINCT page) FROM visits").fetchone() == (42,)
    assert db.check() == []


# transactions


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("end", ["ROLLBACK", "ROLLBACK TO s"])
def test_a_chunk_that_is_rolled_back_is_forgotten(connect: Connect, path: str, end: str) -> None:
    db = stored(connect, path)
    question = "SELECT group_concat(page) FROM (SELECT page FROM visits ORDER BY ts)"
    before, count = db.execute(question).fetchall(), chunked(db)
    for turn in range(3):
        db.execute("BEGIN")
        db.execute("SAVEPOINT s")
        db.executemany(INSERT, [(1, 1000 + i, "new", f"{turn} {i}", None, 0) for i in range(30)])
        if turn != 1:
            assert db.execute(question).fetchall() != before
            assert chunked(db) > count
        db.execute(end)
        assert db.execute(question).fetchall() == before
        assert db.execute("SELECT count(*) FROM visits WHERE page = '1 3'").fetchone() == (0,)
        if db.in_transaction:
            db.execute("COMMIT")
    assert chunked(db) == count


@pytest.mark.usefixtures("size")
def test_a_statement_that_fails_leaves_no_chunk(connect: Connect, path: str) -> None:
    db = stored(connect, path)
    question, count = "SELECT count(DISTINCT page), max(page) FROM visits", chunked(db)
    before = db.execute(question).fetchall()
    values = ", ".join(f"(1, {i}, 'a', 'new {i}')" for i in range(30))
    for sql in (f"INSERT INTO visits(object_id, ts, action, page) VALUES {values}, (1, 1, NULL, NULL)",):
        with pytest.raises(skysql.DatabaseError):
            db.execute(sql)
        assert db.execute(question).fetchall() == before
        assert chunked(db) == count
    db.execute(INSERT, (1, 99, "a", "new 3", None, 0))
    assert db.execute("SELECT count(*) FROM visits WHERE page LIKE 'new%'").fetchone() == (1,)


@pytest.mark.usefixtures("size")
def test_who_reads_goes_on_while_chunks_are_made(connect: Connect, path: str) -> None:
    """By the same connection, and by another, which sees what it saw when it began."""
    db, other = stored(connect, path), connect(path, isolation_level=None)
    reading = other.execute("SELECT page FROM visits ORDER BY ts")
    first = reading.fetchone()
    own = db.execute("SELECT page FROM visits WHERE ts < 40 AND length(page) > 0")
    assert own.fetchone() is not None
    for turn in range(5):
        db.executemany(INSERT, [(2, 100 + i, "new", f"{turn} {i}", None, 0) for i in range(20)])
    assert len(own.fetchall()) == 39
    assert [first, *reading.fetchall()] == [(f"page {i}",) for i in range(40)]
    assert other.execute("SELECT count(DISTINCT page) FROM visits").fetchone() == (140,)


@pytest.mark.usefixtures("size")
def test_two_connections_add_in_turn(connect: Connect, path: str) -> None:
    each = [stored(connect, path, 3), connect(path, isolation_level=None), connect(path, isolation_level=None)]
    for i in range(60):
        each[i % 2].execute(INSERT, (1, 100 + i, "a", f"new {i // 3}", None, 0))
        if i % 7 == 0:
            assert each[2].execute("SELECT count(*) FROM visits WHERE page = 'new 0'").fetchone() == (min(i + 1, 3),)
    for db in each:
        assert db.execute("SELECT count(DISTINCT page) FROM visits").fetchone() == (23,)


# elsewhere


@pytest.mark.usefixtures("size")
def test_chunks_go_where_the_table_goes(connect: Connect, path: str, tmp_path: Path) -> None:
    db = stored(connect, path)
    right = db.execute("SELECT page, count(*) FROM visits GROUP BY page").fetchall()
    db.execute("ALTER TABLE visits RENAME TO calls")
    assert db.execute("SELECT page, count(*) FROM calls GROUP BY page").fetchall() == right
    copy, backup = str(tmp_path / "copy.db"), str(tmp_path / "backup.db")
    db.execute("VACUUM INTO ?", (copy,))
    target = connect(backup)
    db.backup(target)
    other = connect(":memory:", isolation_level=None)
    other.execute("ATTACH ? AS there", (copy,))
    for one, table in ((target, "calls"), (other, "there.calls")):
        assert one.execute(f"SELECT page, count(*) FROM {table} GROUP BY page").fetchall() == right
        assert one.execute(f"SELECT count(*) FROM {table} WHERE page = 'page 3'").fetchone() == (1,)
    other.execute("INSERT INTO there.calls(object_id, ts, action, page) VALUES (1, 1, 'a', 'page 3'), (1, 1, 'a', 'q')")
    assert other.execute("SELECT count(DISTINCT page) FROM there.calls").fetchone() == (41,)
    db.execute("DROP TABLE calls")
    assert db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


@pytest.mark.usefixtures("size")
def test_alterations(connect: Connect, path: str) -> None:
    db = stored(connect, path)
    for change in ("ALTER page TO STATE", "RENAME page TO url", "ALTER amount TYPE TEXT", "ALTER url TO ATTRIBUTE"):
        db.execute("SELECT sky_alter('visits', ?)", (change,))
        for _ in range(2):
            assert db.check() == []
            db.compact()
    assert db.execute("SELECT url, amount FROM visits WHERE amount = '17.0'").fetchall() == [("page 17", "17.0")]
    count = chunked(db)
    db.execute("SELECT sky_alter('visits', 'DROP url')")
    db.compact()
    assert 0 < chunked(db) < count


@pytest.mark.usefixtures("size")
def test_an_export_has_all_texts(connect: Connect, path: str, tmp_path: Path) -> None:
    right = stored(connect, path).execute("SELECT page FROM visits").fetchall()
    assert main.main(["export", path, "visits", str(tmp_path / "visits.csv")]) == 0
    with open(tmp_path / "visits.csv", newline="") as lines:
        assert [(row["page"],) for row in csv.DictReader(lines)] == right


# erasure


def held(path: str, text: str) -> bool:
    """Whether a text is anywhere in the file, as it is or in a chunk."""
    if text.encode() in Path(path).read_bytes():
        return True
    plain = apsw.Connection(path)
    blobs = [data for (data,) in plain.execute("SELECT data FROM visits_column WHERE id < 0 AND id % 2 = 0")]
    plain.close()
    return any(text.encode() in chunks.fmt.decode_texts(blob)[0] for blob in blobs)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM visits WHERE object_id = 3",
        "UPDATE visits SET page = NULL WHERE ts % 5 = 2",
        "UPDATE visits SET page = 'other' WHERE page LIKE '%2' OR page LIKE '%7'",
    ],
)
def test_a_text_that_nothing_uses_goes(connect: Connect, path: str, sql: str) -> None:
    db = stored(connect, path)
    db.compact()
    assert held(path, "page 12") or db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.execute(sql)
    before = db.execute("SELECT page, ts FROM visits").fetchall()
    db.compact(vacuum=True)
    assert not any(held(path, f"page {i}") for i in (12, 17, 22, 27, 32, 37))
    assert db.execute("SELECT page, ts FROM visits").fetchall() == before
    assert db.execute("SELECT count(*) FROM visits WHERE page = 'page 12'").fetchone() == (0,)
    db.execute(INSERT, (3, 12, "back", "page 12", None, 0))
    assert db.execute("SELECT ts FROM visits WHERE page = 'page 12'").fetchall() == [(12,)]
    assert db.execute("SELECT count(*) FROM visits WHERE page = ''").fetchone() == (0,)


@pytest.mark.usefixtures("size")
def test_dropping_texts_is_rolled_back_with_the_rest(connect: Connect, path: str) -> None:
    db = stored(connect, path)
    before = db.execute("SELECT * FROM visits").fetchall()
    for _ in range(2):
        db.execute("BEGIN")
        db.execute("DELETE FROM visits WHERE ts < 30")
        db.compact()
        db.execute(INSERT, (1, 3, "a", "page 3", None, 0))
        assert [page for (page,) in db.execute("SELECT page FROM visits ORDER BY ts")] == [
            f"page {i}" for i in (3, *range(30, 40))
        ]
        db.execute("ROLLBACK")
        assert db.execute("SELECT * FROM visits").fetchall() == before


def test_a_file_of_before_gets_chunks_when_it_is_compacted(
    connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, other = stored(connect, path), connect(path, isolation_level=None)
    db.execute("UPDATE visits_meta SET value = 2 WHERE key = 'format'")
    assert other.execute("SELECT count(*) FROM visits").fetchone() == (40,)
    other.execute(INSERT, (9, 9, "a", "page 40", None, 0))
    monkeypatch.setattr(chunks, "SIZE", 8)
    db.compact()
    assert chunked(db) == 5 and chunks.SIZE == 8
    assert db.execute("SELECT value FROM visits_meta WHERE key = 'format'").fetchone() == (3,)
    for one in (other, db):
        one.executemany(INSERT, [(9, i, "b", f"page {i + 30}", None, 0) for i in range(30)])
        assert one.execute("SELECT count(DISTINCT page), count(*) FROM visits WHERE page LIKE '%1'").fetchone()[0] == 6
    assert db.execute("SELECT count(DISTINCT page) FROM visits").fetchone() == (60,)


# damage


FAULTS = [
    ("UPDATE visits_column SET data = zeroblob(20) WHERE id = {texts}", "column 'page', the texts 1 to 8: "),
    ("DELETE FROM visits_column WHERE id = {texts}", "column 'page', the texts 1 to 8: they are missing"),
    ("UPDATE visits_column SET data = zeroblob(20) WHERE id = {hashes}",
     "column 'page', the hashes of the texts 1 to 8: "),
    ("UPDATE visits_column SET data = (SELECT data FROM visits_column WHERE id = {other}) WHERE id = {hashes}",
     "a hash is another text's"),
    ("UPDATE visits_value SET value = x'00' WHERE property = 1 AND code = 8", "the chunk of texts up to 8: "),
    ("DELETE FROM visits_value WHERE property = 1 AND code = 8", "texts 1 to 8: they are missing, or there twice"),
    ("INSERT INTO visits_value VALUES (1, 7, 'x', 1)", "codes are missing before it, or it is no text"),
    ("INSERT INTO visits_value VALUES (1, 41, 'page 3', 1)", "dictionary of 'page': a text is there twice"),
    ("UPDATE visits_value SET value = (SELECT value FROM visits_value WHERE property = 1 AND code = 8)"
     " WHERE property = 1 AND code = 40", "property 1, code 40: codes are missing before it, or it is no text"),
    ("INSERT INTO visits_column SELECT id - (5 << 34), data FROM visits_column WHERE id = {texts}",
     "a chunk of texts that no row tells of"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "fault"), FAULTS)
def test_damage_is_told(
    connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, sql: str, fault: str
) -> None:
    monkeypatch.setattr(chunks, "SIZE", 8)
    close(stored(connect, path))
    places = {"texts": chunks.rowid(1, 8, chunks.TEXTS), "hashes": chunks.rowid(1, 8, chunks.HASHES),
              "other": chunks.rowid(1, 16, chunks.HASHES)}  # fmt: skip
    damage(path, sql.format(**places))
    db = skysql.connect(path, cache_size="8MB")
    faults = db.check()
    assert any(fault in text for text in faults), faults
    for question in QUESTIONS[:3]:
        try:
            db.execute(question).fetchall()
        except skysql.CorruptError as error:
            assert re.search("'visits'|visits_value", str(error))
    db.close()


def test_repair_saves_what_is_readable(
    connect: Connect, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "SIZE", 8)
    db = stored(connect, path)
    question = "SELECT object_id, ts, action, page FROM visits ORDER BY ts"
    right = db.execute(question).fetchall()
    close(db)
    cases: list[tuple[str, str | None, Callable[[int], bool]]] = [
        ("SELECT 1", None, lambda ts: False),
        (f"UPDATE visits_column SET data = zeroblob(30) WHERE id = {chunks.rowid(1, 16, chunks.TEXTS)}",
         "visits, column 'page', texts 9 to 16: ", lambda ts: 8 <= ts < 16),
        (f"DELETE FROM visits_column WHERE id = {chunks.rowid(1, 16, chunks.TEXTS)}",
         "visits, column 'page', texts 9 to 16: they are missing", lambda ts: 8 <= ts < 16),
        (f"DELETE FROM visits_column WHERE id = {chunks.rowid(1, 16, chunks.HASHES)}", None, lambda ts: False),
        ("DELETE FROM visits_value WHERE property = 1 AND code <= 32", None, lambda ts: False),
        ("DELETE FROM visits_value WHERE property = 1 AND code > 32",
         "visits, column 'page': values have lost their text: 8", lambda ts: ts >= 32),
    ]  # fmt: skip
    for case, (sql, loss, lost) in enumerate(cases):
        damaged, target = str(tmp_path / f"damaged {case}.db"), str(tmp_path / f"new {case}.db")
        shutil.copy(path, damaged)
        damage(damaged, sql)
        report = repair(damaged, target)
        told = [str(each) for each in report.losses]
        assert any(each.startswith(loss) for each in told) if loss else told == [], (sql, told)
        found = connect(target).execute(question).fetchall()
        assert found == [(*row[:3], None if lost(row[1]) else row[3]) for row in right], sql


# the parts


def test_ranks_are_those_of_the_bytes() -> None:
    r = random.Random(1)
    for turn in range(200):
        parts = r.sample(["", "a", "b", "\0", "é", "日", "longer than eight", "longer than ten"], 4)
        chosen = {"".join(r.choice(parts) for _ in range(r.randrange(6))) for _ in range(r.randrange(30))}
        words = [text.encode() for text in chosen]
        sizes = np.array([len(word) for word in words], np.int64)
        starts = np.cumsum(sizes) - sizes
        ranks = texts.byte_ranks(bytearray(b"".join(words)), starts, sizes)
        assert [words[at] for at in np.argsort(ranks)] == sorted(words), turn
        assert sorted(ranks.tolist()) == list(range(len(words)))
        doubled = np.tile(starts, 2), np.tile(sizes, 2)  # as of a file that was tampered with
        twice = texts.byte_ranks(bytearray(b"".join(words)), *doubled)
        assert np.array_equal(twice, np.tile(2 * ranks, 2))


class Memory:
    """Chunks that are in memory only; it counts what is read."""

    def __init__(self, size: int, every: list[str | None]) -> None:
        self.every, self.read = every, 0
        self.chunks = [
            TextChunk(at + 1, at + size, sum(text is not None for text in every[at : at + size]), at)
            for at in range(0, len(every) - size + 1, size)
        ]

    def texts(self, _: int, chunk: TextChunk) -> ChunkTexts:
        self.read += 1
        encoded = [None if text is None else text.encode() for text in self.every[chunk.first - 1 : chunk.last]]
        data, starts, known = chunks.fmt.decode_texts(chunks.fmt.encode_texts(encoded))
        return ChunkTexts(data, starts, known)

    def hashes(self, _: int, chunk: TextChunk) -> Any:
        found = self.every[chunk.first - 1 : chunk.last]
        return np.array([0 if text is None else chunks.fmt.hash_of(text.encode()) for text in found], np.uint32)


@pytest.mark.parametrize("seed", range(5))
def test_a_sequence_and_a_mapping(seed: int) -> None:
    r = random.Random(seed)
    every: list[str | None] = [r.choice([f"text {i}", f"text {i}", f"téxt {i}", None]) for i in range(100)]
    every[17] = ""
    size = r.choice([1, 7, 50])
    shelf = Memory(size, every)
    rows: list[str | None] = [None, *every[len(shelf.chunks) * size :]]
    values = texts.StoredTexts(shelf, 5, shelf.chunks, rows)
    base = values.base
    codes = texts.StoredCodes(values, {text: base + at for at, text in enumerate(rows) if text is not None})
    right = [None, *every]
    assert list(values) == right and len(values) == 101 and values[3:9] == right[3:9] and values[-1] == right[-1]
    with pytest.raises(IndexError):
        values[101]
    for count in (0, 3, 40, 300):
        some = np.array([r.randrange(101) for _ in range(count)], np.uint32)
        assert values.take(some) == [right[code] for code in some.tolist()]
    assert values.cleared().tolist() == [code > 0 and text is None for code, text in enumerate(right)]
    expected = {text: code for code, text in enumerate(right) if text is not None}
    for _ in range(2):
        assert dict(codes) == expected and len(codes) == len(expected)
        assert all(codes.get(text) == expected.get(text) for text in ("text 0", "", "no"))
        asked = [*expected, "text", "no", "\ud800"]
        assert codes.find(asked).tolist() == [expected.get(text, 0) for text in asked]
    known = np.array(sorted(expected.values()))
    ranks = values.ranks(np.append(0, known))
    assert [right[code] for code in np.append(0, known)[np.argsort(ranks)].tolist()] == [None, *sorted(expected)]
    before = shelf.read
    codes.get("text that is nowhere")
    assert shelf.read == before


def test_nothing_of_the_chunks_stays_in_memory_but_in_the_cache(
    connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "SIZE", 8)
    close(stored(connect, path, 400))
    db = connect(path)
    used: list[int] = []
    original = Cache.keep

    def keep(cache: Cache, key: Any, value: Any) -> None:
        if isinstance(value, ChunkTexts):
            used.append(len(value.known))
        original(cache, key, value)

    monkeypatch.setattr(Cache, "keep", keep)
    assert db.execute("SELECT count(*) FROM visits WHERE page = 'nowhere'").fetchone() == (0,)
    assert db.execute("SELECT count(DISTINCT page), count(*) FROM visits").fetchone() == (400, 400)
    assert db.execute("SELECT action, count(*) FROM visits WHERE ts > 3 GROUP BY action").fetchall() == [("view", 396)]
    assert used == []
    assert db.execute("SELECT count(*) FROM visits WHERE page = 'page 300'").fetchone() == (1,)
    few = db.execute("SELECT page FROM visits WHERE object_id = 1 AND ts < 10").fetchall()
    assert few == [("page 0",), ("page 5",)]
    assert used == [8, 8]


def test_a_text_with_a_nul_is_evaluated_like_others(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite takes arrays of texts without NUL only."""
    monkeypatch.setattr(chunks, "SIZE", 8)
    db = connect(isolation_level=None)
    db.execute(TABLE)
    pages = [f"page {i}" for i in range(100)]
    columns = {"object_id": [1] * 101, "ts": range(101), "action": ["a"] * 101, "page": [*pages, "a\0b"]}
    db.append("visits", columns, time_unit="us")
    assert db.execute("SELECT count(*) FROM visits WHERE hex(page) LIKE '%62'").fetchone() == (1,)
    assert db.execute("SELECT count(*) FROM visits WHERE upper(page) = 'PAGE 7'").fetchone() == (1,)


def test_results_that_are_many_are_cached_in_part(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """More distinct results of an expression than are cached, whether a text or a number is read."""
    monkeypatch.setattr(by_sqlite, "_CACHED", 16)
    monkeypatch.setattr(compact, "SHARD_EVENTS", 32)
    db = connect(isolation_level=None)
    db.execute(TABLE)
    db.executemany(INSERT, [(i % 50 + 1, i, "a", f"page {i % 70}", None, i) for i in range(1, 300)])
    db.compact()
    for computed, groups in (("upper(page)", 70), ("amount || 'x'", 299)):
        of = f"SELECT count(*) FROM (SELECT {computed}, count(*) FROM visits GROUP BY 1)"
        assert db.execute(of).fetchone() == (groups,)
    assert db.execute("SELECT count(*) FROM visits WHERE page || amount LIKE '%.0'").fetchone() == (299,)
