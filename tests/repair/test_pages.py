"""Pages of SQLite files: what is on them, against SQLite; and repairs of files whose trees lead nowhere."""

from __future__ import annotations

import random
import sqlite3
import struct
from pathlib import Path

import pytest

from skysql.repair.pages import PageFault, Pages
from tests.conftest import Connect
from tests.world.broken import Broken


def make(path: str, size: int, sql: str) -> sqlite3.Connection:
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute(f"PRAGMA page_size = {size}")
    plain.execute("PRAGMA synchronous = OFF")
    plain.execute(sql)
    return plain


@pytest.mark.parametrize("size", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("rowid", ["", " WITHOUT ROWID"])
def test_rows_are_those_of_sqlite(path: str, size: int, rowid: str) -> None:
    r = random.Random(size)
    plain = make(path, size, f"CREATE TABLE t(k INTEGER PRIMARY KEY, a, b, c){rowid}")
    values = [
        None,
        0,
        1,
        -1,
        127,
        -129,
        1 << 20,
        -(1 << 30),
        1 << 45,
        -(1 << 62),
        0.5,
        -1e300,
        "",
        "é" * 40,
        b"",
        b"x" * 600,
    ]
    rows = [(r.choice([1, -1]) * r.randrange(1 << r.randrange(1, 62)), *r.choices(values, k=3)) for _ in range(300)]
    rows += [(-5, None, "long" * 5000, bytes(3000)), ((1 << 63) - 1, 1, 2, b"y" * 70_000)]
    plain.execute("BEGIN")
    plain.executemany("INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)", rows)
    plain.execute("COMMIT")
    expected = plain.execute("SELECT * FROM t").fetchall()
    ((root,),) = plain.execute("SELECT rootpage FROM sqlite_schema WHERE name = 't'").fetchall()
    plain.close()
    pages = Pages(Path(path).read_bytes())
    reached, sound = pages.reached(root)
    assert sound and not list(pages.orphans(reached | {1}))
    found = {}
    for page in reached:
        for row in pages.rows(page):
            got = pages.values(row)
            assert got is not None
            found[got[0] if row.rowid is None else row.rowid] = got[1:]
    right = {row[0]: row[1:] for row in expected}
    assert found.items() <= right.items()
    assert rowid or found == right  # of a table WITHOUT ROWID, inner pages have rows as well
    assert len(found) > len(right) // 2


def test_what_is_no_file() -> None:
    for data in (b"", b"SQLite format 3\0", bytes(4096), b"SQLite format 3\0" + bytes(1000)):
        with pytest.raises(PageFault):
            Pages(data)


# repair


@pytest.fixture
def broken(connect: Connect, path: str) -> Broken:
    return Broken(connect, path)


def test_texts_that_no_page_leads_to_are_saved(broken: Broken) -> None:
    """But those on the inner pages themselves."""
    assert broken.destroy("users_value") > 0
    rows, losses = broken.repaired()
    right = {row[:3] + row[4:] for row in broken.right}
    assert {row[:3] + row[4:] for row in rows} <= right and len(rows) > len(broken.right) * 0.9
    assert len(set(rows) & set(broken.right)) > len(broken.right) * 0.9
    assert any("values have lost their text" in loss for loss in losses)


@pytest.mark.parametrize("suffix", ["column", "key", "value"])
def test_nothing_is_taken_from_another_table(broken: Broken, suffix: str) -> None:
    broken.destroy(f"users_{suffix}", f"others_{suffix}", "plain")
    rows, losses = broken.repaired()
    named = {(row[1], row[2], row[4]) for row in broken.right}  # keys and texts may be lost
    assert {(row[1], row[2], row[4]) for row in rows} <= named
    assert not any("nothing leads to" in loss for loss in losses)
    assert any(f"users_{suffix}" in loss for loss in losses)


def test_a_freelist_that_is_damaged_tells_nothing(broken: Broken) -> None:
    """Then what is on a page may have been deleted."""
    broken.content = broken.content[:32] + struct.pack(">I", 1 << 30) + broken.content[36:]
    broken.destroy("users_column")
    rows, _ = broken.repaired()
    assert set(rows) < set(broken.right)
