"""What is read from outside, given mutations of a small corpus: bytes, JSON, table definitions, and SQL.

    python tests/fuzz.py blobs [--seconds 60] [--seed 1]     also: changes, arguments, statements, pages
    python tests/fuzz.py blobs --input FILE                  one input, as tests/guided.py writes it

A target takes bytes and returns, or raises what is a fault. Here the mutations are random, and promises/test_fuzz.py
runs a few of each; tests/guided.py has them guided by the code that they reach.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import apsw
import numpy as np

import skysql
from skysql.arrays.batch import Batch, Sparse
from skysql.model.dtypes import Array
from skysql.model.kinds import KINDS, TEXT, Kind, decimal
from skysql.model.table import parse_arguments
from skysql.repair.pages import PageFault, Pages
from skysql.store import format as fmt
from skysql.store.blob import FormatError
from skysql.write.event_values import parse_changes

CORPUS = Path(__file__).parent / "data" / "corpus"


# targets


def blobs(data: bytes) -> None:
    """The decoders: of bytes with the right checksum a FormatError, or arrays that encode and decode as themselves."""
    kind = _EVERY_KIND[data[9] % len(_EVERY_KIND)] if len(data) > 9 else TEXT
    forged = data[:4] + struct.pack("<I", zlib.crc32(data[8:])) + data[8:]
    for blob in (data, forged):
        count = _count(blob)
        for decode, encode in (
            (fmt.decode_paths, lambda found: fmt.encode_paths(*found)),
            (partial(_sparse, kind), partial(fmt.encode_sparse, kind=kind, events=count)),
            (lambda b: fmt.decode_timestamps(b, np.array([0, _count(b)])),
             lambda found: fmt.encode_timestamps(found, np.array([0, len(found)]))),
            (fmt.decode_hashes, fmt.encode_hashes),
            (_texts, lambda found: fmt.encode_texts([None if text is None else text.encode() for text in found])),
            (lambda b: np.array(fmt.decode_chunk(b)), lambda found: fmt.encode_chunk(*found.tolist())),
            (_typed_batch, lambda found: fmt.encode_batch(found[0], found[1])),
            (_typed_casts, lambda found: fmt.encode_casts(*found)),
            (lambda b: fmt.decode_positions(b, _count(b)), partial(fmt.encode_positions, events=count)),
        ):  # fmt: skip
            try:
                found = decode(blob)
            except FormatError:
                continue
            assert _lists(decode(encode(found))) == _lists(found)


def _sparse(kind: Kind, blob: bytes) -> Sparse:
    return fmt.decode_sparse(blob, kind, _count(blob))


def _texts(blob: bytes) -> list[str | None]:
    data, starts, known = fmt.decode_texts(blob)
    return [data[a:b].decode() if there else None for a, b, there in zip(starts, starts[1:], known, strict=False)]


def _count(blob: bytes) -> int:
    return min(int.from_bytes(blob[9:13], "little"), 1 << 20)


_EVERY_KIND = (*KINDS, decimal(9, 2), decimal(18, 0))


def _typed_batch(blob: bytes) -> tuple[Batch, dict[int, Kind]]:
    batch, kinds = fmt.decode_typed_batch(blob)
    if any(len(each) != len(batch) for each in (batch.objects, batch.ts)):
        raise AssertionError("a batch of uneven columns")
    return batch, kinds


def _typed_casts(blob: bytes) -> tuple[Array, Array, Kind]:
    values, codes = fmt.decode_casts(blob)
    kind = KINDS.of_code(bytes(blob)[13])
    assert kind is not None
    return values, codes, kind


def _lists(found: Any) -> Any:
    """Arrays as lists; NaN is equal to itself there."""
    if isinstance(found, Batch):
        return [_lists(found.objects), _lists(found.ts), {id: _lists(s) for id, s in found.properties.items()}]
    if isinstance(found, Sparse):
        return [_lists(found.positions), _lists(found.values), found.valid is None or found.valid.tolist()]
    if isinstance(found, list | dict | Kind):
        return found
    if isinstance(found, tuple):
        return [_lists(each) for each in found]
    return repr(found.tolist())


TABLE = parse_arguments(
    "users", ["plan TEXT STATE", "seats INTEGER STATE", "rate REAL STATE", "vip BOOLEAN STATE", "a TEXT",
              "due TIMESTAMP STATE", "price DECIMAL(9,2) STATE"]
)


PRICE = TABLE.properties[-1]


def changes(data: bytes) -> None:
    """The JSON of `changes`: refused with an error of skysql's, or values that read as the same."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        found = parse_changes(TABLE, text)
    except skysql.Error:
        return
    properties = {p.id: p for p in TABLE.properties}
    values = {
        properties[id].name: float(Decimal(value).scaleb(-2)) if value is not None and id == PRICE.id else value
        for id, value in found.items()
    }
    again = json.dumps(values).replace("Infinity", "9e999")
    assert "9e999" in again or parse_changes(TABLE, again) == found


def arguments(data: bytes) -> None:
    """The arguments of USING sky(...): refused with a ProgrammingError, or a table whose own text means the same."""
    texts = data.decode("utf-8", "replace").split(",")
    try:
        table = parse_arguments("t", texts)
    except skysql.ProgrammingError:
        return
    assert parse_arguments("t", table.arguments()) == table


PATIENCE = 1.0
"""Seconds for the answer to a statement."""


class Pair:
    """A sky table and an ordinary one of the same rows; the latter also in another order."""

    def __init__(self) -> None:
        self.end = 0.0
        self.sky = skysql.connect(":memory:", isolation_level=None)
        self.sky.execute(
            "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, seats INTEGER STATE, amount REAL, url TEXT)"
        )
        self.plain = [apsw.Connection(":memory:") for _ in range(2)]
        r = random.Random(0)
        insert = "INSERT INTO users(object_id, ts, action, plan, seats, amount, url) VALUES (?, ?, ?, ?, ?, ?, ?)"
        rows = [
            (r.randint(1, 6), r.randint(0, 10**6), r.choice(["a", "b", None]), r.choice(["free", "pro"]),
             r.choice([None, 1, 2]), r.choice([None, 1.5, 2.0]), r.choice([None, "/", "/x"]))
            for _ in range(60)
        ]  # fmt: skip
        self.sky.executemany(insert, rows)
        found = self.sky.execute("SELECT *, ts FROM users").fetchall()
        columns = "object_id INTEGER, timestamp TIMESTAMP, action TEXT, plan TEXT, seats INTEGER, amount REAL, url TEXT"
        for plain in self.plain:
            plain.execute(f"CREATE TABLE users({columns})")
            plain.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", [row[:-1] for row in found])
            r.shuffle(found)
        for db in (self.sky, *self.plain):
            db.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, who INTEGER, item TEXT)")
            db.execute("INSERT INTO orders VALUES (1, 1, 'x'), (2, 3, 'y'), (3, 9, 'x')")
        for sqlite in (self.sky.sqlite, *self.plain):
            sqlite.set_progress_handler(lambda: time.monotonic() > self.end, 1000)

    def answers(self, sql: str) -> list[Any]:
        """Rows as a sorted list, or None for an error: of the sky table, the ordinary one, and the one shuffled.

        Of a statement that goes on for too long, nobody has an answer.
        """
        found: list[Any] = []
        for db in (self.sky, *self.plain):
            self.end = time.monotonic() + PATIENCE
            try:
                found.append(sorted(map(_shown, db.execute(sql).fetchall())))
            except (skysql.Error, apsw.Error, ValueError):  # of apsw, for a NUL
                found.append(None)
            if time.monotonic() > self.end:
                return [None, None, None]
        return found


def _shown(row: tuple[Any, ...]) -> str:
    return repr(tuple(float(f"{v:.9g}") if isinstance(v, float) else v for v in row))


_DIFFERENT = re.compile(
    r"""timestamp | rowid | random | sqlite_ | pragma | attach | vacuum | load_extension | session | changes | explain
        | returning | users_ | savepoint | begin | commit | rollback | create | drop | insert | update | delete | alter
        | replace | analyze | match | users\s*\( | \b(?: ts | oid | idle )\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""A statement with one of these may differ, or change something."""

_pair: list[Pair] = []


def statements(data: bytes) -> None:
    """SQL: the same rows as of an ordinary table, or refused as there."""
    sql = data.decode("utf-8", "replace")
    if _DIFFERENT.search(sql):
        return
    if not _pair:
        _pair.append(Pair())
    sky, plain, shuffled = _pair[0].answers(sql)
    if plain != shuffled:
        assert (sky is None) == (plain is None), sql  # of which row it tells is not defined
        return
    assert sky == plain, f"{sql!r}\n{str(sky)[:500]}\n{str(plain)[:500]}"


def pages(data: bytes) -> None:
    """The pages of a file: rows, or none; and no more of them than the file has bytes."""
    try:
        file = Pages(data)
    except PageFault:
        return
    reached, _ = file.reached(1)
    for page in (*reached, *file.orphans(reached)):
        rows = list(file.rows(page))
        assert len(rows) <= file.size
        for row in rows:
            values = file.values(row)
            assert values is None or len(values) == len(row.types)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "blobs": blobs, "changes": changes, "arguments": arguments, "statements": statements,
    "pages": pages,
}  # fmt: skip

BINARY = ("blobs", "pages")
"""Those that read no text."""


# corpus and mutations


@cache
def corpus(target: str) -> list[bytes]:
    """The entries of a target: lines; in hexadecimal what is binary, and, behind `0x`, what is no line of text."""
    lines = (CORPUS / f"{target}.txt").read_text().split("\n")[:-1]
    return [_entry(line if target not in BINARY else "0x" + line) for line in lines]


def _entry(line: str) -> bytes:
    return bytes.fromhex(line[2:]) if line.startswith("0x") else line.encode()


def keep(target: str, entries: list[bytes]) -> None:
    """Write the entries of a target."""
    lines = [entry.hex() if target in BINARY else _line(entry) for entry in entries]
    (CORPUS / f"{target}.txt").write_text("".join(f"{line}\n" for line in lines))


def _line(entry: bytes) -> str:
    text = entry.decode("utf-8", "replace")
    plain = text.encode() == entry and text.isprintable() and not text.startswith("0x")
    return text if plain else f"0x{entry.hex()}"


VOCABULARY = """
    SELECT DISTINCT ALL FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET AS ON USING JOIN LEFT CROSS NATURAL UNION EXCEPT
    INTERSECT WITH RECURSIVE VALUES CASE WHEN THEN ELSE END AND OR NOT IN IS NULL LIKE GLOB ESCAPE BETWEEN EXISTS CAST
    COLLATE NOCASE FILTER OVER PARTITION ROWS RANGE PRECEDING FOLLOWING UNBOUNDED NULLS FIRST LAST ASC DESC TRUE FALSE
    TEXT INTEGER REAL users orders u o object_id action plan seats amount url id who item x
    count sum avg min max total group_concat json_group_array abs round upper lower length substr coalesce nullif iif
    typeof quote instr hex rank row_number lag last_value first_value ntile date strftime
    0 1 2 -1 1.5 1e3 0x1F 9223372036854775807 'a' 'pro' 'free' '/' '1' '' x'00' NULL "plan" [seats] `url`
    ( ) , . ; * + - / % || = == <> < <= > >= & | ~ << -> ->> -- /* */ ? ?1 :x @x $x
""".split()  # noqa: SIM905


def mutations(target: str, seed: int) -> Iterator[bytes]:
    """Without end: the entries of the corpus, then mutations of them."""
    r = random.Random(seed)
    yield from corpus(target)
    while True:
        yield mutation(target, r, r.choice(corpus(target)))


def mutation(target: str, r: random.Random, entry: bytes) -> bytes:
    """The entry with bytes, or words, changed, removed, repeated or taken from one of the corpus."""
    cut = _words if target == "statements" or (target not in BINARY and r.random() < 0.5) else _bytes
    return b"".join(_mutated(r, cut(entry), cut(r.choice(corpus(target))), cut is _bytes))


def _bytes(entry: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in entry]


def _words(entry: bytes) -> list[bytes]:
    words: list[bytes] = []
    for byte in _bytes(entry):
        if words and byte.isalnum() and words[-1][-1:].isalnum():
            words[-1] += byte
        else:
            words.append(byte)
    return words


def _mutated(r: random.Random, parts: list[bytes], other: list[bytes], raw: bool) -> list[bytes]:
    for _ in range(r.choice([1, 1, 2, 4])):
        at, size = r.randrange(len(parts) + 1), r.choice([1, 1, 2, 5])
        match r.randrange(5):
            case 0:
                del parts[at : at + size]
            case 1:
                parts[at:at] = parts[at : at + size]
            case 2:
                begin = r.randrange(len(other) + 1)
                parts[at : at + size] = other[begin : begin + size]
            case 3 if raw and at < len(parts):
                parts[at] = r.choice([b"\0", b"\xff", r.randbytes(1), bytes([parts[at][0] ^ 1 << r.randrange(8)])])
            case 3 if not raw:
                parts[at : at + r.randrange(2)] = [b" ", r.choice(VOCABULARY).encode(), b" "]
            case _:
                begin = r.randrange(len(parts) + 1)
                parts[at:at] = parts[begin : begin + size]
    return parts


def loop(target: str, seed: int, seconds: float) -> int:
    """The corpus, and random mutations for so long; how many. A fault is raised with the bytes that cause it."""
    end, done = time.monotonic() + seconds, 0
    for data in mutations(target, seed):
        try:
            TARGETS[target](data)
        except BaseException as error:
            error.add_note(f"{target}, seed {seed}, mutation {done}: {data!r}")
            raise
        done += 1
        if done > len(corpus(target)) and time.monotonic() > end:
            break
    return done


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=Path)
    options = parser.parse_args()
    if options.input is not None:
        TARGETS[options.target](options.input.read_bytes())
    else:
        print(f"{loop(options.target, options.seed, options.seconds)} mutations without a fault")


if __name__ == "__main__":
    main()
