"""Golden scripts: for each statement the plan, what SQLite gets in its place, and the rows.

    pytest tests/sql/test_golden.py                       the files are as they would be written now
    SKYSQL_TEST_WRITE=1 pytest tests/sql/test_golden.py   write them anew; then read the difference

That the rows are right does not rest on the files: plain SQLite answers the same statement, or a formulation of it
without anything of skysql's, on ordinary tables of the naive model's rows. Where a case names a statement that means
the same, that gives the same rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import skysql
from tests.world.scripts import (
    GOLDEN,
    UNCHANGED,
    Case,
    answer,
    ask,
    ask_plain,
    every_case,
    params,
    plain,
    read,
    renumbered,
    sky,
    tree,
    write,
)

FILES = sorted(GOLDEN.glob("*.sql"))


@pytest.fixture(scope="module")
def world() -> Iterator[skysql.Connection]:
    connection = sky()
    yield connection
    assert connection.check() == []
    connection.close()


@pytest.fixture(scope="module")
def ordinary() -> Iterator[apsw.Connection]:
    connection = plain()
    yield connection
    connection.close()


def regenerate(connection: skysql.Connection, case: Case) -> None:
    """Write the sections that follow from the statement."""
    prepared = connection.engine.prepare(case.sql)
    found = answer(connection, case)
    case.sections["plan"] = "" if prepared.plan is None else str(prepared.plan)
    case.sections["sql"] = UNCHANGED if prepared.sql == case.sql else renumbered(prepared.sql)
    case.sections["rows"] = tree(found) if case.explains else str(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(world: skysql.Connection, path: Path) -> None:
    head, cases = read(path)
    for case in cases:
        regenerate(world, case)
    text = write(head, cases)
    if os.environ.get("SKYSQL_TEST_WRITE"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8").split("\n") == text.split("\n")


@pytest.mark.parametrize("case", params())
def test_plain_sqlite_agrees(world: skysql.Connection, ordinary: apsw.Connection, case: Case) -> None:
    found = answer(world, case)
    expected = ask_plain(ordinary, case.sections.get("plain", case.sql), case.parameters)
    if found.error or expected.error:
        assert found.error and expected.error
        return
    if "plain" not in case.sections:
        assert found.names == expected.names
    assert found.typed() == (expected if case.ordered else expected.sorted()).typed()


@pytest.mark.parametrize("case", params("same"))
def test_same_rows(world: skysql.Connection, case: Case) -> None:
    expected = ask(world, case.sections["same"], case.parameters)
    assert answer(world, case).typed() == (expected if case.ordered else expected.sorted()).typed()


def test_files_are_in_order() -> None:
    """Each file begins by saying what it is about, and no case is there twice."""
    statements = [(case.sql, case.sections.get("parameters")) for case in every_case()]
    assert len(statements) == len(set(statements))
    for path in FILES:
        assert read(path)[0].startswith("# ")
