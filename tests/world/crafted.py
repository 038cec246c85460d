"""Files that were crafted: any value of any shadow table is another, and every checksum is right.

    python tests/world/crafted.py [--seed 1] [--first 0] [--count 100]

What such a file is asked, and whatever is written to it, has an answer or is refused with a CorruptError; within so
little time and memory, for a file of some kilobytes. Of a file in which check() finds no fault nothing is refused.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sqlite3
import struct
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import skysql
from skysql.model.dtypes import Array
from skysql.model.kinds import KINDS, Kind
from skysql.repair.repair import repair
from skysql.store import chunks, compact, snapshot
from skysql.store.blob import VALUES, BlobReader, FormatError, put

MEMORY = 2 << 30
SECONDS = 6.0

READS = [
    "SELECT *, ts, changes FROM users",
    "SELECT * FROM users_objects",
    "SELECT * FROM users_objects FOR SYSTEM_TIME AS OF 500",
    "SELECT plan, seats, count(*), sum(amount), max(timestamp) FROM users GROUP BY plan, seats",
    "SELECT * FROM users_changes WHERE property = 'plan'",
    "SELECT * FROM users WHERE name = 'object 3'",
    "SELECT count(*) FROM users WHERE plan = 'pro' OR action = 'b'",
    "SELECT count(*), avg(amount), sum(seats) FROM users",
    "SELECT object_id, session, count(*) FROM users('1 millisecond') GROUP BY object_id, session",
    "SELECT url, count(*) FROM users WHERE action = 'a' GROUP BY url ORDER BY url",
    "SELECT vip, count(DISTINCT name) FROM users GROUP BY vip",
    "SELECT * FROM sky_funnel('users', '[{\"action\": \"a\"}, {\"action\": \"b\"}]', '1 day')",
]
WRITES = [
    "INSERT INTO users(name, ts, action, plan, url) VALUES ('object 3', 5, 'a', 'new', 'also new')",
    "INSERT OR IGNORE INTO users(name, ts, action) VALUES ('object 1', 5, 'a'), ('someone', 7, 'c')",
    "UPDATE users SET amount = 1 WHERE ts % 3 = 0",
    "DELETE FROM users WHERE name = 'object 4'",
    "DELETE FROM users WHERE action = 'b' AND ts % 2",
]


# a file


def base() -> bytes:
    """A file with blocks of two runs, a log, lists of deleted events, chunks of texts, casts, and statistics."""
    small: Any = {"SHARD_EVENTS": 64}
    with (
        tempfile.TemporaryDirectory() as directory,
        mock.patch.multiple(compact, **small),
        mock.patch.multiple(snapshot, **small),
        mock.patch.object(chunks, "SIZE", 8),
    ):
        path = str(Path(directory) / "base.db")
        db = skysql.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("CREATE VIRTUAL TABLE users USING sky(name TEXT OBJECT, plan TEXT STATE, seats INTEGER STATE,"
                   " amount REAL, vip BOOLEAN, url TEXT, size INTEGER)")  # fmt: skip
        r = random.Random(0)
        insert = "INSERT INTO users(name, ts, action, plan, seats, amount, vip, url, size) VALUES (?,?,?,?,?,?,?,?,?)"
        for turn, events in enumerate((240, 150, 20, 3, 1)):
            rows = [
                (f"object {r.randint(1, 12)}", r.randint(0, 1000), r.choice("abc"), r.choice(["free", "pro", None]),
                 r.choice([None, r.randint(1, 9)]), r.randint(0, 99) / 4, r.choice([None, 0, 1]),
                 r.choice([None, f"/{r.randint(1, 30)}"]), r.choice([None, 5, 6]))
                for _ in range(events)
            ]  # fmt: skip
            db.executemany(insert, rows) if turn == 4 else _together(db, insert, rows)
            if turn == 0:
                db.compact()
                db.execute("SELECT sky_alter('users', 'ALTER size TYPE TEXT')")
            elif turn == 1:
                db.engine.relation("main", "users").store.fold()
        db.execute("DELETE FROM users WHERE ts % 16 = 3")
        assert db.check() == []
        db.close()
        return Path(path).read_bytes()


def _together(db: skysql.Connection, insert: str, rows: list[Any]) -> None:
    db.execute("BEGIN")
    db.executemany(insert, rows)
    db.execute("COMMIT")


# the parts of a blob


@dataclass
class Field:
    """A number, and struct's letter for it."""

    letter: str
    value: int


Parts = list["Field | Array"]


class Parser:
    """A blob, taken apart."""

    def __init__(self, blob: bytes) -> None:
        self.type = blob[8]
        self._reader: Any = BlobReader(blob, self.type)
        self.parts: Parts = [Field("I", self._reader.count)]
        {
            1: self._paths, 2: self._times, 3: self._property, 4: self._batch, 5: self._casts, 6: self._texts,
            7: self._hashes, 8: self._chunk,
        }[self.type]()  # fmt: skip
        self._reader.finish()

    def _field(self, letter: str) -> int:
        (value,) = self._reader.unpack(struct.Struct(f"<{letter}"))
        self.parts.append(Field(letter, value))
        return int(value)

    def _vector(self, dtype: Any, count: int | None = None) -> Array:
        found: Array = self._reader.vector(self._reader.count if count is None else count, np.dtype(dtype))
        self.parts.append(found)
        return found

    def _paths(self) -> None:
        self._vector(np.int64)
        self._vector(np.uint32)

    def _times(self) -> None:
        self._vector(np.int64)

    def _property(self) -> None:
        kind, flags, count = _kind(self._field("B")), self._field("B"), self._field("I")
        if not flags & 1:
            self._vector(np.int32, count)
        if flags & 2:
            count = int(np.count_nonzero(self._vector(np.uint8, count)))
        self._vector(kind.dtype, count)

    def _batch(self) -> None:
        properties = self._field("H")
        self._vector(np.int64)
        self._vector(np.int64)
        for _ in range(properties):
            self._field("H")
            self._property()

    def _casts(self) -> None:
        self._vector(_kind(self._field("B")).dtype)
        self._vector(np.uint32)

    def _texts(self) -> None:
        self._vector(np.uint32)
        self._vector(np.uint8, self._field("Q"))

    def _hashes(self) -> None:
        self._vector(np.uint32)

    def _chunk(self) -> None:
        self._field("I")


def _kind(code: int) -> Kind:
    found = KINDS.of_code(code)
    if found is None:  # of a blob that was changed before
        raise FormatError(f"kind {code}")
    return found


def seal(r: random.Random, type: int, parts: Parts, version: int) -> bytes:
    """The bytes of these parts, with the right checksum; what can be packed is, or not."""
    found: list[bytes] = []
    for part in parts:
        if isinstance(part, Field):
            size = struct.calcsize(part.letter)
            found.append((part.value % (1 << 8 * size)).to_bytes(size, "little"))
        else:
            put(found, part, r.choice([VALUES, VALUES, None]))
    body = bytes([type]) + b"".join(found)
    return b"sky" + bytes([version]) + zlib.crc32(body).to_bytes(4, "little") + body


NUMBERS = [0, 1, 2, 3, 64, 127, 255, 256, 65535, 2**16, 2**17, 2**18, 2**20, 2**27, 2**31 - 1, 2**31, 2**32 - 1, 2**40,
           2**53, 2**61, 2**62, 2**63 - 1, -1, -2, -(2**31), -(2**63), 253_402_300_799_999_999, 253_402_300_800_000_000,
           -62_135_596_800_000_001]  # fmt: skip
REALS = [0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, 1.5, 1e19]


def other_array(r: random.Random, array: Array) -> Array:
    """Other numbers of the same type: some changed, or more or fewer of them, or very many equal ones."""
    values: list[Any] = REALS if array.dtype == np.float64 else NUMBERS
    with np.errstate(all="ignore"):
        some = np.array([r.choice(values) for _ in range(r.randint(1, 3))]).astype(array.dtype)
    changed = array.copy()
    match r.randrange(9):
        case 0 | 1 | 2 if len(array):
            changed[[r.randrange(len(array)) for _ in some]] = some
        case 3 if len(array):
            changed[r.randrange(len(array))] = changed[r.randrange(len(array))]
        case 4 if len(array) and array.dtype != np.float64:
            changed[r.randrange(len(array))] += array.dtype.type(1)
        case 5:
            changed = array[: r.randint(0, len(array))]
        case 6:
            changed = np.concatenate((array, some))
        case 7:
            changed = array[::-1]
        case _:
            changed = np.full(1 << r.choice([17, 18, 19, 20, 22, 24]), some[0], array.dtype)
    return np.ascontiguousarray(changed)


def other_blob(r: random.Random, blob: bytes) -> bytes:
    """The blob with a part or some that are others."""
    try:
        parser = Parser(blob)
    except (FormatError, ValueError, KeyError, struct.error):
        return blob[: r.randint(0, len(blob))]
    type, parts = parser.type, parser.parts
    for _ in range(r.choice([1, 1, 2, 3])):
        at = r.randrange(len(parts))
        part = parts[at]
        if isinstance(part, Field):
            parts[at] = Field(part.letter, r.choice([*NUMBERS, part.value + 1, part.value - 1]))
        else:
            parts[at] = other_array(r, part)
            if r.random() < 0.6:  # as many as are told of
                for told in parts[:at]:
                    if isinstance(told, Field) and told.value == len(part):
                        told.value = len(parts[at])
    if r.random() < 0.05:
        type = r.randint(1, 9)
    return seal(r, type, parts, blob[3] if r.random() < 0.97 else r.randint(0, 5))


# the rows

TABLES = ["meta", "value", "key", "log", "log", "block", "block", "block", "column", "column", "column", "column"]
OTHERS: list[Any] = [None, "", "x", "é" * 9, "1", "\0", "{}", b"", b"x", 1.5, 1e300, *NUMBERS]


def craft(r: random.Random, path: str) -> str:
    """Change some values, or remove a row, or add one like another; says what was done."""
    plain = sqlite3.connect(path)
    plain.text_factory = bytes
    plain.execute("PRAGMA synchronous = OFF")
    done = [change(r, plain) for _ in range(r.choice([1, 1, 1, 2, 3]))]
    plain.commit()
    plain.close()
    return "; ".join(done)


def change(r: random.Random, plain: sqlite3.Connection) -> str:
    """One of these; what was done."""
    table = "users_" + r.choice(TABLES)
    fields = [row[1].decode() for row in plain.execute(f"PRAGMA table_info({table})")]
    shown = ", ".join(f"{field}, typeof({field})" for field in fields)
    rows = [
        [
            value.decode("utf-8", "replace") if kind == b"text" else value
            for value, kind in zip(row[::2], row[1::2], strict=True)
        ]
        for row in plain.execute(f"SELECT {shown} FROM {table}").fetchall()
    ]
    if not rows:
        return "nothing"
    row, at = r.choice(rows), r.randrange(len(fields))
    if table in ("users_column", "users_log") and r.random() < 0.85:
        at = fields.index("data")
    value = row[at]
    if isinstance(value, bytes) and value[:3] == b"sky" and r.random() < 0.9:
        new: Any = other_blob(r, value) if r.random() < 0.9 else r.choice(rows)[at]
    elif isinstance(value, int) and r.random() < 0.4:
        new = value + r.choice([-2, -1, 1, 2, 10, 1 << 16, 1 << 31])
    else:
        new = r.choice([*OTHERS, *(other[at] for other in rows)])
    if isinstance(new, int) and not -(2**63) <= new < 2**63:
        new = 2**63 - 1
    holder = "CAST(x'80ff41' AS TEXT)" if not isinstance(value, bytes) and r.random() < 0.06 else "?"
    given = [] if holder != "?" else [new]
    place = " AND ".join(f"{field} IS ?" for field in fields)
    way = r.random()
    if way < 0.8:
        sql, given = f"UPDATE OR REPLACE {table} SET {fields[at]} = {holder} WHERE {place}", [*given, *row]
    elif way < 0.9:
        sql, given = f"DELETE FROM {table} WHERE {place}", row
    else:
        row = [new if i == at else old for i, old in enumerate(row)]
        if "id" in fields and r.random() < 0.7:
            row[fields.index("id")] = max(other[fields.index("id")] or 0 for other in rows) + 1
        sql, given = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row
    try:
        plain.execute(sql, given)
    except (sqlite3.Error, OverflowError):
        return "nothing"
    return f"{sql} {str(given)[:80]}"


# what it is asked


REFUSED = (skysql.DataError, skysql.IntegrityError)
"""What a write may end in: of events that say nothing, as what they said is lost."""


class Fault(AssertionError):
    """Something else than an answer or a CorruptError."""


def attempt(what: str, ask: Callable[[], Any], allowed: tuple[type[Exception], ...] = ()) -> Any:
    """The answer, or the CorruptError."""
    begun = time.process_time()
    try:
        found = ask()
    except BaseException as error:
        right = isinstance(error, (skysql.CorruptError, skysql.NotSupportedError, *allowed))
        if not right and str(error) != "integer overflow":  # as a sum of integers may be, in any file
            error.add_note(f"in {what}")
            raise
        found = type(error)(str(error))  # the error itself would keep all that was at hand when it was raised
    took = time.process_time() - begun
    if took > SECONDS:
        raise Fault(f"{took:.1f} seconds for {what}: {str(found)[:200]}")
    return found


def examine(path: str, turn: int) -> None:
    """Ask for everything; raises what must not be."""
    target = f"{path}.new"
    saved = attempt("repair", lambda: repair(path, target))
    if not isinstance(saved, Exception):
        bad = [str(loss) for loss in saved.losses if "found in the new file" in str(loss)]
        if bad:
            raise Fault(f"repair saved what check() refuses: {bad}")
    db = skysql.connect(path, cache_size="8MB", isolation_level=None, pushdown=turn % 3 != 0)
    try:
        db.execute("PRAGMA synchronous = OFF")
        faults = attempt("check", db.check)
        reads = _reads(db)
        refused = {sql: answer for sql, answer in reads.items() if isinstance(answer, skysql.CorruptError)}
        if faults == [] and refused:
            raise Fault(f"check() finds nothing, and there is {refused}")
        attempt("info", db.info)
        for sql in WRITES:
            answer = attempt(sql, lambda sql=sql: db.execute(sql).fetchall(), REFUSED)  # type: ignore[misc]
            if "constraint" in str(answer):
                raise Fault(f"{answer} for {sql}")
        attempt("compact", db.compact)
        again = attempt("check after compaction", db.check)
        if faults == [] and again:
            raise Fault(f"check() finds nothing, and after compaction {again}")
        _reads(db)
    finally:
        db.close()


def _reads(db: skysql.Connection) -> dict[str, Any]:
    found = {}
    for sql in READS:
        allowed = (skysql.ProgrammingError,) if "funnel" in sql else ()  # an action that the file knows nothing of
        found[sql] = attempt(sql, lambda sql=sql: db.execute(sql).fetchall(), allowed)  # type: ignore[misc]
    return found


def run(seed: int, first: int, count: int, keep_going: bool = False) -> int:
    """Craft and examine files; returns how many were at fault (0, unless it is to go on)."""
    good, faults = base(), 0
    with tempfile.TemporaryDirectory() as directory:
        for turn in range(first, first + count):
            path = str(Path(directory) / f"{turn}.db")
            Path(path).write_bytes(good)
            done = craft(random.Random(seed * 1_000_003 + turn), path)
            try:
                examine(path, turn)
            except Exception as error:
                error.add_note(f"seed {seed}, turn {turn}: {done}")
                if not keep_going:
                    raise
                faults += 1
                traceback.print_exception(error)
            for file in Path(directory).iterdir():
                file.unlink()
    return faults


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--all", action="store_true", help="go on after a fault")
    options = parser.parse_args()
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which takes terabytes of addresses for itself
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if run(options.seed, options.first, options.count, options.all):
        raise SystemExit(1)
    print(f"{options.count} files")


if __name__ == "__main__":
    main()
