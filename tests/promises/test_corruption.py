"""Bytes that are not what was written: an error that names the place, or no difference; never anything else.

SKYSQL_TEST_DAMAGES=2000 pytest tests/promises/test_corruption.py
"""

import os
import random
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import skysql
from skysql.arrays.batch import Sparse
from skysql.store import chunks
from skysql.store import format as fmt
from tests.conftest import Connect

DAMAGES = int(os.environ.get("SKYSQL_TEST_DAMAGES", "200"))
SEED = int(os.environ.get("SKYSQL_TEST_SEED", "1"))
CORPUS = Path(__file__).parents[1] / "data" / "corpus"

READS = [
    "SELECT *, ts, changes FROM users",
    "SELECT * FROM users_objects",
    "SELECT plan, seats, count(*), sum(amount), max(timestamp) FROM users GROUP BY plan, seats ORDER BY 1, 2",
    "SELECT * FROM users_changes WHERE property = 'plan'",
    "SELECT * FROM users WHERE name = 'object 3'",
    "SELECT count(*) FROM users WHERE plan = 'pro' OR action = 'b'",
]


def stored(connect: Connect, path: str) -> list[Any]:
    """A file with several blocks, some with deleted events, and a log with some; what its reads give."""
    db = connect(path, isolation_level=None)
    db.execute(
        "CREATE VIRTUAL TABLE users USING sky(name TEXT OBJECT, plan TEXT STATE, seats INTEGER STATE, amount REAL)"
    )
    r = random.Random(0)
    insert = "INSERT INTO users(name, ts, action, plan, seats, amount) VALUES (?, ?, ?, ?, ?, ?)"
    for turn in range(3):
        rows = [
            (f"object {r.randint(1, 40)}", r.randint(0, 10**9), r.choice("abc"), r.choice(["free", "pro", None]),
             r.choice([None, r.randint(1, 9)]), r.randint(0, 99) / 4)
            for _ in range((600, 200, 30)[turn])
        ]  # fmt: skip
        db.executemany(insert, rows)
        if turn < 2:
            db.compact()
    db.execute("DELETE FROM users WHERE ts % 20 = 0")
    right = [db.execute(sql).fetchall() for sql in READS]
    assert db.execute("SELECT count(*) FROM users_column WHERE id & 65535 = 65535").fetchone()[0] >= 2
    db.close()
    return right


def damaged(r: random.Random, data: bytes) -> bytes:
    """A flipped bit or some, bytes of another kind, a piece cut off, out or in."""
    changed = bytearray(data)
    at = r.randrange(len(changed)) if changed else 0
    match r.randrange(6):
        case 0 | 1:
            changed[at] ^= 1 << r.randrange(8)
        case 2:
            del changed[at:]
        case 3:
            del changed[at : at + r.randint(1, 16)]
        case 4:
            changed[at : at + r.randint(1, 16)] = r.randbytes(r.randint(1, 16))
        case _:
            changed[at:at] = r.randbytes(r.randint(1, 8))
    return bytes(changed)


def outcome(db: skysql.Connection, sql: str) -> Any:
    """The rows, or the error's message."""
    try:
        return db.execute(sql).fetchall()
    except skysql.CorruptError as error:
        return str(error)


@pytest.mark.parametrize("size", [chunks.SIZE, 1])
def test_damaged_blobs(connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """In each of the two tables that hold blobs; and if all texts but the last are in chunks."""
    monkeypatch.setattr(chunks, "SIZE", size)
    right = stored(connect, path)
    plain = apsw.Connection(path)  # not of the sqlite3 module: two SQLites in one process do not see each other's locks
    plain.execute("PRAGMA synchronous = OFF")
    blobs = [
        (table, *row)
        for table in ("column", "log")
        for row in plain.execute(f"SELECT id, data FROM users_{table} WHERE id > -(1 << 61)")  # records: test_changes
    ]
    r, found = random.Random(SEED), 0
    for turn in range(DAMAGES):
        table, id, data = r.choice(blobs)
        changed = damaged(r, data)
        if changed == data:
            continue
        plain.execute(f"UPDATE users_{table} SET data = ? WHERE id = ?", (changed, id))
        db = skysql.connect(path, cache_size="8MB", isolation_level=None, pushdown=turn % 2 == 0)
        answers = [outcome(db, sql) for sql in READS]
        where = f"seed {SEED}, turn {turn}, users_{table} {id}"
        for answer, expected in zip(answers, right, strict=True):
            assert answer == expected or isinstance(answer, str), where
            if isinstance(answer, str):
                place = "log" if table == "log" or id >> 16 == 0 else f"block {id >> 16}, column"
                place = "the texts 1 to 1: |the texts 2 to 2: |the hashes of the texts " if id < 0 else place
                assert "'users'" in answer and re.search(place, answer), where
        hashes = id < 0 and chunks.place(id)[-1] == chunks.HASHES  # not all of them are read
        assert hashes or any(isinstance(answer, str) for answer in answers), where
        if turn % 10 == 0 or hashes:
            assert db.check() != [], where
        found += 1
        db.close()
        plain.execute(f"UPDATE users_{table} SET data = ? WHERE id = ?", (data, id))
    plain.close()
    assert found > DAMAGES * 0.9
    assert connect(path, cache_size="8MB").check() == []


# what is not a blob is not covered by checksums: it must do no harm, whatever it is

VALUES = [None, 0, -1, 1, 2, 2**31, 2**40, 2**63 - 1, -(2**63), 1.5, 1e300, "", "x", "9" * 50, b"", b"\x80\x04\x95",
          "é" * 9, "{}", "[" * 5000, '{"a": ' * 2000, "null", "\0", b"x" * 5000]  # fmt: skip


def damage(r: random.Random, path: str) -> str:
    """Change a field, or remove a row, or add one; returns what was done."""
    plain = sqlite3.connect(path)
    plain.execute("PRAGMA synchronous = OFF")
    table = "users_" + r.choice(["meta", "value", "key", "log", "block", "block", "column"])
    fields = [row[1] for row in plain.execute(f"PRAGMA table_info({table})")]
    rows = plain.execute(f"SELECT * FROM {table}").fetchall()
    row, field = r.choice(rows), r.choice(fields)
    place = " AND ".join(f"{name} IS ?" for name in fields)
    value = r.choice([*VALUES, *(other[fields.index(field)] for other in rows[:3])])
    way = r.random()
    if way < 0.75:
        done, given = f"UPDATE OR REPLACE {table} SET {field} = ? WHERE {place}", (value, *row)
    elif way < 0.85:
        done, given = f"DELETE FROM {table} WHERE {place}", row
    else:
        row = tuple(value if name == field else old for name, old in zip(fields, row, strict=True))
        done, given = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row
    try:
        with plain:
            plain.execute(done, given)
    except sqlite3.IntegrityError:
        done = "nothing"
    plain.close()
    return f"{done} {str(given)[:300]}"


WRITES: list[Callable[[skysql.Connection], Any]] = [
    lambda db: db.execute("INSERT INTO users(name, ts, action, plan) VALUES ('object 3', 5, 'a', 'new')"),
    lambda db: db.execute("UPDATE users SET amount = 1 WHERE ts % 3 = 0"),
    lambda db: db.execute("DELETE FROM users WHERE action = 'b'"),
    lambda db: db.compact(),
    lambda db: db.info(),
    lambda db: db.execute("PRAGMA integrity_check").fetchall(),
]


@pytest.mark.parametrize("size", [chunks.SIZE, 1])
def test_damaged_rows(connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Any field of any shadow table is replaced by anything: an error of skysql's, or an answer, without delay."""
    monkeypatch.setattr(chunks, "SIZE", size)
    stored(connect, path)
    db = connect(path)
    assert db.execute("PRAGMA journal_mode = DELETE").fetchall() == [("delete",)]
    db.close()
    good, r, errors = Path(path).read_bytes(), random.Random(SEED), 0
    for turn in range(DAMAGES // 2):
        Path(path).write_bytes(good)
        where = f"seed {SEED}, turn {turn}: {damage(r, path)}"
        db = skysql.connect(path, cache_size="8MB", isolation_level=None, pushdown=turn % 2 == 0)
        db.execute("PRAGMA synchronous = OFF")
        try:
            for ask in [
                *(lambda db, sql=sql: db.execute(sql).fetchall() for sql in READS),
                lambda db: db.check(),
                *WRITES,
            ]:
                try:
                    ask(db)
                except skysql.DatabaseError:
                    errors += 1
        except BaseException as error:
            error.add_note(where)
            raise
        finally:
            db.close()
    assert errors > DAMAGES / 4


# what compaction writes


@pytest.mark.parametrize("name", ["encode_paths", "encode_timestamps", "encode_sparse", "encode_texts"])
def test_compaction_reads_what_it_wrote_before_it_drops_what_it_was_made_of(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Bytes that are sound, with the right checksum, and of something else."""
    db, asked = connect(isolation_level=None), "SELECT object_id, ts, action, plan FROM users"
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    monkeypatch.setattr(chunks, "SIZE", 50)
    insert = "INSERT INTO users(object_id, ts, action, plan, amount) VALUES (?, ?, ?, ?, 1.5)"
    db.execute("BEGIN")
    db.executemany(insert, [(i % 7 + 1, i, "ab"[i % 2], f"p{i % 40}") for i in range(300)])
    db.execute("COMMIT")
    before, encode = db.execute(asked).fetchall(), getattr(fmt, name)

    def wrong(values: Any, *rest: Any) -> bytes:
        match values:
            case Sparse():
                return encode(Sparse(values.positions, np.roll(values.values, 1), values.valid), *rest)
            case list():
                return encode([*values[1:], values[0]], *rest)
        return encode(values + 1, *rest)

    if name == "encode_texts":
        monkeypatch.setattr(chunks, "SIZE", 5)
    monkeypatch.setattr(fmt, name, wrong)
    with pytest.raises(skysql.InternalError, match=r"not read as (it|they) .* written.*nothing was changed"):
        db.compact()
    monkeypatch.undo()
    assert db.execute(asked).fetchall() == before and db.info()[0].log_events == 300
    db.compact()
    assert db.execute(asked).fetchall() == before
