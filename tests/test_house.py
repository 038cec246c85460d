"""The house that the tests are in: a folder a room, and tiers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.tiers import LONG

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests").rglob("test_*.py"))
ROOMS = {path.parent.name for path in (ROOT / "skysql").glob("*/__init__.py")} | {"vtab"}


def functions(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_a_folder_a_room() -> None:
    """Every test lies in that of a room, or with the promises; and every file has a name of its own."""
    folders = {file.parent.name for file in FILES} - {"tests"}
    assert folders <= ROOMS | {"promises"}
    assert [file.name for file in FILES if file.parent.name == "tests"] == ["test_house.py"]
    assert len({file.name for file in FILES}) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_test_takes_nothing_from_another_ones_module(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        assert not [name for name in names if name.rpartition(".")[2].startswith("test_")]


def test_what_is_no_quick_test_is_there() -> None:
    there = {f"{file.stem}::{name}" for file in FILES for name in functions(file)}
    assert set(LONG) <= there


def test_every_room_has_quick_tests() -> None:
    rooms = {file.parent.name for file in FILES for name in functions(file)
             if name.startswith("test_") and LONG.get(f"{file.stem}::{name}", 1)}  # fmt: skip
    assert rooms >= ROOMS
