"""The documentation is true: every block of the README runs and shows what really comes out; nothing is left out.

`python tests/promises/test_docs.py` writes the results into the README anew.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import runpy
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import skysql
from skysql.cli import main
from skysql.engine.statements import statements

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(?P<kind>\w+)(?P<argument>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
TIMES = re.compile(r"in [\d.]+ s \([\d,]+ rows/s\)")


class Runner:
    """Runs blocks in order, in the current directory; a `text` block becomes what the block before it printed."""

    def __init__(self) -> None:
        self.db = skysql.connect(":memory:")
        self.names: dict[str, object] = {}
        self.printed = ""

    def block(self, match: re.Match[str]) -> str:
        kind, argument, body = match["kind"], match["argument"], match["body"]
        run: Callable[[str, str], str] | None = getattr(self, f"run_{kind}", None)
        new = body if run is None else run(body, argument.strip())
        return f"```{kind}{argument}\n{new}```"

    def run_sql(self, body: str, _argument: str) -> str:
        *before, last = statements(body)
        for statement in before:
            self.db.execute(statement)
        cursor, out = self.db.execute(last), io.StringIO()
        if cursor.description:
            main.print_rows(cursor, [column[0] for column in cursor.description], "table", out)
        self.db.commit()
        self.printed = out.getvalue()
        return body

    def run_text(self, _body: str, _argument: str) -> str:
        return self.printed

    def run_csv(self, body: str, argument: str) -> str:
        Path(argument).write_text(body)
        return body

    def run_console(self, body: str, _argument: str) -> str:
        out = io.StringIO()
        for command in re.findall(r"^\$ skysql (.*)$", body, re.MULTILINE):
            out.write(f"$ skysql {command}\n")
            with contextlib.redirect_stdout(out):
                assert main.main(shlex.split(command)) == 0, command
        return TIMES.sub("in 0.1 s (60 rows/s)", out.getvalue())

    def run_python(self, body: str, _argument: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(body, str(README), "exec"), self.names)
        self.printed = out.getvalue()
        return body


def executed(text: str) -> str:
    runner = Runner()
    try:
        return BLOCK.sub(runner.block, text)
    finally:
        runner.db.close()


def test_readme_shows_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = README.read_text()
    assert executed(text) == text


def commands() -> list[str]:
    (action,) = [a for a in main._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return list(action.choices)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`skysql {command} " in README.read_text()


@pytest.mark.parametrize("option", ["--object", "--time", "--time-unit", "--action", "--action-name", "--state",
                                    "--attribute", "--on-error", "--format", "--timing", "--explain"])  # fmt: skip
def test_every_option_is_in_the_readme(option: str) -> None:
    assert f"{option} " in README.read_text() or f"`{option}`" in README.read_text()


@pytest.mark.parametrize("name", skysql.__all__)
def test_every_public_name_is_in_the_readme(name: str) -> None:
    assert re.search(rf"`{name}\b", README.read_text())


def test_sources_that_the_readme_names_are_there() -> None:
    reading = README.read_text().split("## Reading the source")[1].split("\n## ")[0]
    for name in re.findall(r"`([\w/.]+(?:\.py|/|/run))`", reading):
        assert (ROOT / name).exists() or (ROOT / "skysql" / name).exists(), name


def test_every_room_has_a_line_in_the_tree_of_the_readme() -> None:
    reading = README.read_text().split("## Reading the source")[1].split("\n## ")[0]
    rooms = {path.parent.name for path in (ROOT / "skysql").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^  (\w+)/ .*$", reading.split("vtab/")[0], re.MULTILINE))
    modules = {path.name for path in (ROOT / "skysql").glob("*.py")} - {"__init__.py", "__main__.py"}
    assert modules <= set(re.findall(r"\w+\.py", reading))


def test_the_picture_of_the_layers_is_that_of_the_contract() -> None:
    made = runpy.run_path(str(ROOT / ".ci" / "layers"))["picture"]()
    assert (ROOT / "docs" / "layers.svg").read_text() == made, "run .ci/layers"
    (layers,) = (each for each in contracts() if each["type"] == "layers")
    rooms = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    assert rooms == {path.stem for path in (ROOT / "skysql").glob("[a-z]*") if path.is_dir() or path.suffix == ".py"}
    assert all(f">{room}</text>" in made for room in rooms)


def contracts() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_tests_that_the_readme_names_are_there() -> None:
    promises = README.read_text().split("## What is promised")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promises)
    assert len(named) >= 18
    for file, name in named:
        assert file.startswith("tests/promises/"), file
        assert f"\ndef {name}(" in (ROOT / file).read_text(), name
    for variable in re.findall(r"`(SKYSQL_TEST_\w+)", promises):
        assert any(f'"{variable}"' in test.read_text() for test in (ROOT / "tests").rglob("test_*.py")), variable


def test_ci_runs_the_readme_s_test_command() -> None:
    (pattern,) = re.findall(r"grep -m 1 '([^']*)' README.md", (ROOT / ".ci" / "run").read_text())
    assert len(re.findall(pattern, README.read_text(), re.MULTILINE)) == 1


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        README.write_text(executed(README.read_text()))
