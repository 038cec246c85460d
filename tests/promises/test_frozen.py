"""Files of every format version that was ever released are read, and written on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import skysql
from skysql.store.blob import VERSION
from tests.conftest import Connect

DATA = Path(__file__).parents[1] / "data"
FILES = sorted(DATA.glob("version*.db"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def frozen(request: Any, tmp_path: Path) -> tuple[str, list[Any]]:
    """A copy of a frozen file, and its questions with the answers."""
    copy = str(tmp_path / "copy.db")
    shutil.copy(request.param, copy)
    return copy, json.loads(request.param.with_suffix(".json").read_text())


def test_the_current_version_is_frozen() -> None:
    assert DATA / f"version{VERSION}.db" in FILES


@pytest.mark.parametrize("pushdown", [True, False])
def test_its_answers_are_what_they_were(connect: Connect, frozen: tuple[str, list[Any]], pushdown: bool) -> None:
    path, questions = frozen
    db = connect(path, pushdown=pushdown, read_only=True)
    for sql, expected in questions:
        assert [list(row) for row in db.execute(sql)] == expected, sql
    assert db.check() == []


def test_it_is_written_on(connect: Connect, frozen: tuple[str, list[Any]]) -> None:
    path, questions = frozen
    db = connect(path, isolation_level=None)
    db.execute("INSERT INTO shop(object_id, ts, action, plan) VALUES (500, 0, 'action 1', 'new')")
    db.execute("DELETE FROM shop WHERE object_id = 500")
    db.compact(vacuum=True)
    for sql, expected in questions:
        assert [list(row) for row in db.execute(sql)] == expected, sql


def test_it_is_altered(connect: Connect, frozen: tuple[str, list[Any]]) -> None:
    path, questions = frozen
    db = connect(path, isolation_level=None)
    question = "SELECT plan, CAST(seats AS TEXT), CAST(rate AS TEXT), amount, CAST(count AS TEXT), note, seen FROM shop"
    expected = db.execute(question).fetchall()
    for change in ("RENAME plan TO tier", "ALTER seats TYPE TEXT", "ALTER rate TYPE TEXT", "ALTER count TYPE TEXT",
                   "DROP vip", "ADD city TEXT STATE"):  # fmt: skip
        db.execute("SELECT sky_alter('shop', ?)", (change,))
    for _ in range(2):
        assert db.execute("SELECT tier, seats, rate, amount, count, note, seen FROM shop").fetchall() == expected
        assert db.check() == []
        db.compact()


def test_a_newer_version_is_refused(connect: Connect, frozen: tuple[str, list[Any]]) -> None:
    path, _ = frozen
    db = connect(path, isolation_level=None)
    db.execute("UPDATE shop_meta SET value = ? WHERE key = 'format'", (VERSION + 1,))
    db.close()
    newer = skysql.connect(path)
    with pytest.raises(skysql.NotSupportedError, match=f"version {VERSION + 1}"):
        newer.execute("SELECT * FROM shop")
    newer.close()
