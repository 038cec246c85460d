"""A short run of tests/world/crafted.py: files whose checksums are right, and nothing else need be.

SKYSQL_TEST_CRAFTED=2000 pytest tests/promises/test_crafted.py
"""

import os
import subprocess
import sys

import pytest

from tests.world import crafted

FILES = int(os.environ.get("SKYSQL_TEST_CRAFTED", "48"))
SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
AT_A_TIME = max(24, FILES // 20)


@pytest.mark.parametrize("first", range(0, FILES, AT_A_TIME))
def test_crafted_files(first: int) -> None:
    """In a process with little memory, as what it is about is what a file can do to one."""
    command = [sys.executable, crafted.__file__, "--seed", SEED, "--first", str(first), "--count", str(AT_A_TIME)]
    done = subprocess.run(command, capture_output=True, text=True, errors="backslashreplace")
    assert done.returncode == 0, done.stderr[-6000:]
