"""A connection as an object: its attributes, its subclasses, and what it copies itself to."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import skysql

# attributes and subclasses


@pytest.mark.parametrize("module", [sqlite3, skysql], ids=lambda module: module.__name__)
def test_unknown_attributes_are_refused(module: ModuleType) -> None:
    connection = module.connect(":memory:")
    for each, name in ((connection, "isolation"), (connection.cursor(), "row_factry"), (connection, "total_changes")):
        with pytest.raises(AttributeError):
            setattr(each, name, 1)

    class Own(module.Connection):  # type: ignore[name-defined]
        pass

    own = module.connect(":memory:", factory=Own)
    own.note = 1
    assert own.note == 1
    own.close()
    connection.close()


@pytest.mark.parametrize("module", [sqlite3, skysql], ids=lambda module: module.__name__)
def test_subclasses(module: ModuleType) -> None:
    class Own(module.Connection):  # type: ignore[name-defined]
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            self.made = 0

        def cursor(self, *given: Any) -> Any:
            self.made += 1
            return super().cursor(*given)

    own = module.connect(":memory:", factory=Own)
    assert own.execute("SELECT 1").fetchall() == [(1,)]  # the shortcuts do not ask for it
    assert own.cursor().execute("SELECT 1").fetchall() == [(1,)]
    assert own.made == 1
    own.close()


# copies


def test_backup_into_a_connection_of_sqlite3s_goes_on_by_pages(tmp_path: Path) -> None:
    db = skysql.connect(tmp_path / "a.db")
    db.execute("CREATE TABLE notes (id, secret)")
    db.executemany("INSERT INTO notes VALUES (?, ?)", [(at, "x" * 900) for at in range(50)])
    db.commit()
    steps: list[int] = []
    target = sqlite3.connect(":memory:")
    db.backup(target, pages=3, progress=lambda _, left, __: steps.append(left), sleep=0)
    assert len(steps) > 3
    assert steps[-1] == 0
    assert target.execute("SELECT count(*) FROM notes").fetchall() == [(50,)]
    target.close()
