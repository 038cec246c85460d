"""A short run of tests/fuzz.py; tests/guided.py runs longer."""

import os
from pathlib import Path

import pytest

from tests import fuzz

SECONDS = float(os.environ.get("SKYSQL_TEST_FUZZ_SECONDS", "1.5"))
SEED = int(os.environ.get("SKYSQL_TEST_SEED", "1"))


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_mutations_of_a_corpus(target: str) -> None:
    assert fuzz.loop(target, SEED, SECONDS) > len(fuzz.corpus(target))


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_what_is_kept_is_read_again(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "CORPUS", tmp_path)
    entries = [b"", b"SELECT 1", "é\u2028".encode(), b"\xff\0", b"a\nb", b"a\r", b"0x", b"0x00", b" "]
    fuzz.keep(target, entries)
    assert fuzz.corpus.__wrapped__(target) == entries
