"""The house: tests in a folder a room and in tiers; rooms with faces, and names with one meaning."""

from __future__ import annotations

import ast
import graphlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import skysql
from skysql.store.shadow_tables import SHADOWS
from tests.tiers import LONG

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests").rglob("test_*.py"))
ROOMS = {path.parent.name for path in (ROOT / "skysql").glob("*/__init__.py")}
FOLDERS = ROOMS | {"virtual_tables"}  # of vtab/, whose name a command of this folder would find in its place


def functions(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_a_folder_a_room() -> None:
    """Every test lies in that of a room, or with the promises; and every file has a name of its own."""
    folders = {file.parent.name for file in FILES} - {"tests"}
    assert folders <= FOLDERS | {"promises"}
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
    assert rooms >= FOLDERS


# rooms


FACE = re.compile(r"^Others take: (.*?)\.$", re.MULTILINE | re.DOTALL)

PAST_A_FACE = {
    # repair/ cannot open a damaged table as one, and so reads the bytes of its rows itself
    ("repair", "store.blob"),  # how many values one may have, and the error of one that cannot be read
    ("repair", "store.format"),  # the events of a block, a column at a time, and of a batch of the log
    ("repair", "store.manifest"),  # which row has which column of a block
    ("repair", "store.log"),  # how many events a log may have: batches beyond that are not sound
    ("repair", "store.chunks"),  # the chunks of a property's texts
    ("repair", "store.texts"),  # the text of a code in them
    ("repair", "store.retyped"),  # values of a block that were written as another type
}
"""Who takes what a room keeps to itself."""

PATH = Path(skysql.__file__).parent


def modules(package: Path) -> list[Path]:
    return sorted(path for path in package.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))


def face(room: str) -> set[str]:
    """The modules of a room that others may import from, as its docstring says; and what is named in the room's own."""
    found = FACE.search(ast.get_docstring(ast.parse((PATH / room / "__init__.py").read_text())) or "")
    names = found[1].replace("\n", " ").split(",") if found else []
    return {name.strip() for name in names} - {"what is named here"}


def there(module: Path) -> bool:
    return module.is_dir() or module.with_suffix(".py").exists()


def taken(file: Path) -> Iterator[tuple[str, str, str]]:
    """What a module imports of other rooms, typing-only imports included: (own room, the module, the name)."""
    own = file.relative_to(PATH.parent).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = own[: len(own) - node.level + 1] if node.level else ()
        parts = (*base, *(node.module or "").split("."))
        for name in node.names:
            path = [part for part in (*parts, name.name) if part]
            if path[0] != "skysql" or len(path) < 3 or path[1] not in ROOMS or path[1] == (*own, "")[1]:
                continue
            depth = 2
            while depth < len(path) and there(PATH.joinpath(*path[1 : depth + 1])):
                depth += 1
            yield (*own, "")[1], ".".join(path[1:depth]), ".".join(path[depth:])


@pytest.fixture(scope="module")
def everything_taken() -> list[tuple[str, str, str]]:
    return [each for file in PATH.rglob("*.py") for each in taken(file)]


def test_what_is_listed_as_past_a_face_is_taken(everything_taken: list[tuple[str, str, str]]) -> None:
    assert {(who, module) for who, module, _ in everything_taken} >= PAST_A_FACE


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_nobody_imports_past_a_face(room: str, everything_taken: list[tuple[str, str, str]]) -> None:
    """And what a face shows is there, and taken by somebody."""
    asked = [(who, module, name) for who, module, name in everything_taken if module.partition(".")[0] == room]
    used = {module.partition(".")[2] for who, module, _ in asked if (who, module) not in PAST_A_FACE} - {""}
    assert used <= face(room)
    assert not [each for each in asked if each[2].startswith("_")]
    assert face(room) <= used | ({"main"} if room == "cli" else set())  # __main__.py imports it when it has to


def imported(file: Path, known: set[str]) -> set[str]:
    """The modules that one imports, typing-only imports included."""
    own = file.relative_to(PATH.parent).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            above = own[: len(own) - node.level + 1] if node.level else ()
            base = ".".join((*above, *filter(None, [node.module])))
            found |= {f"{base}.{name.name}" if f"{base}.{name.name}" in known else base for name in node.names}
    return found & known


def test_no_modules_import_each_other() -> None:
    """However far apart: of any two, one can be read without the other."""
    files = {
        ".".join(path.relative_to(PATH.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for root in (PATH, PATH.parent / "vtab")
        for path in root.rglob("*.py")
    }
    known = set(files)
    graphlib.TopologicalSorter({name: imported(path, known) - {name} for name, path in files.items()}).prepare()


def test_a_room_says_what_may_be_taken_from_it() -> None:
    for room in ROOMS:
        text = ast.get_docstring(ast.parse((PATH / room / "__init__.py").read_text())) or ""
        assert FACE.search(text), room
        assert "Not here:" in text, room
        assert len(text.splitlines()) <= 16, room


def test_no_two_modules_of_one_name() -> None:
    names = Counter(path.name for root in (PATH, PATH.parent / "vtab") for path in modules(root))
    assert not [name for name, count in names.items() if count > 1]


def test_no_two_public_classes_of_one_name() -> None:
    names = Counter(
        node.name
        for root in (PATH, PATH.parent / "vtab")
        for path in modules(root)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert not [name for name, count in names.items() if count > 1]


# words


OTHER_WORDS = {
    **dict.fromkeys(("gone", "dead", "erase", "erased", "retired"), "deleted"),
    **dict.fromkeys(("memo", "memos", "remember", "remembered"), "cached"),
}
"""Words that no name has: there is another one for what they mean."""


def named(file: Path) -> Iterator[str]:
    """What a module calls things: modules, classes, functions, arguments, attributes and variables."""
    for node in ast.walk(ast.parse(file.read_text())):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


@pytest.mark.parametrize("root", [PATH, PATH.parent / "vtab"], ids=lambda root: root.name)
def test_one_word_a_concept(root: Path) -> None:
    for file in root.rglob("*.py"):
        words = {word for name in set(named(file)) for word in name.lower().split("_")}
        assert not words & set(OTHER_WORDS), file
        assert not re.search(r'(#|""")\s*So many\b', file.read_text()), file


# SQL on shadow tables


_SUFFIX = f"_({'|'.join(SHADOWS)})"
SHADOW = re.compile(rf"\b(from|into|update|join|table)\s+\S*{_SUFFIX}\b|\}}{_SUFFIX}['\"]$", re.IGNORECASE)
"""A statement with a shadow table, or the name of one that is put together."""

BESIDES_THE_STORE = {
    "repair/repair.py",  # what is left of a damaged file is read row by row, past what damage there is (salvage.py)
    "repair/salvage.py",
    "engine/connected_tables.py",  # whether a name that a new table needs is taken
    "engine/engine.py",  # which names are a table's own
}
"""Who else names shadow tables."""


def strings(nodes: list[ast.AST]) -> Iterator[str]:
    """The texts of a module but for docstrings, those with placeholders as they are written."""
    within = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    within |= {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in within:
            yield node.value


def test_all_sql_on_shadow_tables_is_in_one_module() -> None:
    for file in modules(PATH):
        name = file.relative_to(PATH).as_posix()
        if name == "store/shadow_tables.py":
            continue
        nodes = list(ast.walk(ast.parse(file.read_text())))
        assert not [text for text in strings(nodes) if SHADOW.search(text)], name
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert ("SHADOWS" in names) <= (name in BESIDES_THE_STORE), name
        if name.startswith("store/"):
            asked = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            assert not asked & {"execute", "executemany", "blob_open"}, name
