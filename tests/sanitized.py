"""Runs tests with the compiled loops under AddressSanitizer and UBSan: python tests/sanitized.py [arguments of pytest].

A copy of the packages and tests is made, in which gcc builds the loops anew; a bad access or an overflow ends the run.
Without arguments: the tests of the loops and of what calls them, and those that craft and damage files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["-O1", "-g", "-std=c99", "-ffp-contract=off", "-fno-omit-frame-pointer", "-shared", "-fPIC",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]  # fmt: skip
NAMES = ("compiled", "kernels", "sums", "functions", "funnels", "reports", "layouts", "pairs", "match",
         "corruption", "security", "crafted", "fuzz")  # fmt: skip
TESTS = [str(next((ROOT / "tests").rglob(f"test_{name}.py")).relative_to(ROOT)) for name in NAMES]


def build(packages: Path) -> None:
    """Put sanitized loops in the place of the compiled ones."""
    for old in (packages / "skysql").glob("_loops*"):
        old.unlink()
    made = packages / "skysql" / f"_loops{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(["gcc", *FLAGS, *map(str, sorted((packages / "skysql").glob("*.c"))), "-o", str(made)], check=True)


def library(name: str) -> str:
    """Where gcc has a run-time library."""
    asked = ["gcc", f"-print-file-name={name}"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def main(arguments: list[str]) -> int:
    """The exit code of pytest."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in ("skysql", "vtab", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "CHANGELOG.md"):
            shutil.copy(ROOT / name, copy / name)
        build(copy)
        environment = {
            **os.environ,
            "PYTHONPATH": str(copy),
            "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        }
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", *(arguments or TESTS)]
        return subprocess.run(command, cwd=copy, env=environment).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
