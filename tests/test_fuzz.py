"""A short run of tests/fuzz.py, which runs longer by itself."""

import os

import fuzz
import pytest

SECONDS = float(os.environ.get("SKYSQL_TEST_FUZZ_SECONDS", "1.5"))
SEED = int(os.environ.get("SKYSQL_TEST_SEED", "1"))


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_mutations_of_a_corpus(target: str) -> None:
    assert fuzz.loop(target, SEED, SECONDS) > len(fuzz.corpus(target))
