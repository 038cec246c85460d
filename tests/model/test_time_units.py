"""Numbers as times: what they count, and when that is asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import skysql
from skysql.model.time_units import UNITS, times
from skysql.model.timestamps import MAX_US, MIN_US

SECONDS = 1_467_331_200  # 2016-07-01
TEXT = "2016-07-01 00:00:00.000000"
QUESTION = (
    r"^users\.ts: 1467331200 may be 1970-01-01 00:24:27.331200 \(us\), 1970-01-17 23:35:31.200000 \(ms\),"
    r" 2016-07-01 00:00:00.000000 \(s\): all numbers are as small \(say what they count: time_unit='us', 'ms' or 's'\)$"
)
MAKES: list[Callable[[list[Any]], Any]] = [
    list, tuple, np.array, pd.Series, pl.Series, pa.array, lambda v: pa.chunked_array([v]),
    lambda v: np.array(v, object), lambda v: np.ma.MaskedArray(v), lambda v: np.array(v, float),
    lambda v: list(map(str, v)), lambda v: np.array(list(map(str, v))), lambda v: pd.Series(list(map(str, v))),
    lambda v: pl.Series(list(map(str, v))), lambda v: pa.array(list(map(str, v))),
    lambda v: pd.Series(list(map(str, v)), dtype="category"), lambda v: [f" {n} " for n in v],
    lambda v: [np.int64(n) for n in v], lambda v: list(map(Decimal, v)), lambda v: pa.array(list(map(Decimal, v))),
]  # fmt: skip


@pytest.fixture
def db() -> Any:
    connection = skysql.connect(":memory:", isolation_level=None)
    connection.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    yield connection
    connection.close()


def stored(db: skysql.Connection, column: Any, unit: str | None = None) -> list[str]:
    n = len(column)
    db.append("users", {"object_id": [1] * n, "ts": column, "action": ["a"] * n}, time_unit=unit)
    return [text for (text,) in db.execute("SELECT timestamp FROM users")]


@pytest.mark.parametrize("make", MAKES)
def test_numbers_without_a_unit_are_asked_about(db: skysql.Connection, make: Callable[[list[Any]], Any]) -> None:
    with pytest.raises(skysql.DataError, match=QUESTION):
        stored(db, make([SECONDS - 5, SECONDS, 70_000]))
    assert stored(db, make([SECONDS]), "s") == [TEXT]


@pytest.mark.parametrize("make", MAKES)
def test_a_unit_that_is_given_is_believed(db: skysql.Connection, make: Callable[[list[Any]], Any]) -> None:
    assert stored(db, make([5, 0]), "us") == ["1970-01-01 00:00:00.000000", "1970-01-01 00:00:00.000005"]
    assert stored(db, make([1_467_331_200_123]), "ms")[-1] == "2016-07-01 00:00:00.123000"


@pytest.mark.parametrize(
    "column", [[0], [0, 0], [-SECONDS], [10**14 - 1], [1 - 10**14], ["2026-01-01", 5], [str(SECONDS), "2026-01-01"],
               [datetime(2026, 1, 1), SECONDS]]
)  # fmt: skip
def test_all_numbers_near_1970_are_asked_about(db: skysql.Connection, column: list[Any]) -> None:
    with pytest.raises(skysql.DataError, match="say what they count: time_unit="):
        stored(db, column)


@pytest.mark.parametrize("make", [list, np.array, pd.Series, lambda v: pd.Series(v, dtype="category"),
                                  lambda v: list(map(str, v)), lambda v: np.array(v, object)])  # fmt: skip
def test_numbers_with_a_fraction_ask_for_a_unit(db: skysql.Connection, make: Callable[[list[Any]], Any]) -> None:
    with pytest.raises(skysql.DataError, match="whole microseconds since 1970; .*, say what: time_unit='us', 'ms'"):
        stored(db, make([SECONDS, SECONDS + 0.5]))
    assert stored(db, make([SECONDS + 0.5]), "s") == [TEXT.replace(".0", ".5")]
    with pytest.raises(skysql.DataError, match=r"is not a timestamp \(numbers count whole microseconds since 1970\)$"):
        db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (1, 1467331200.5, 'a')")


@pytest.mark.parametrize(
    "column", [[], [10**14], [-(10**14)], [0, 10**14], ["1970-01-01", "1969-12-31T23:00Z"], [datetime(1970, 1, 1)],
               np.array([0, 5], "M8[s]"), pd.Series(np.array([0, 5], "M8[ms]")), [datetime(1970, 1, 1, tzinfo=UTC)],
               ["1970-01-01", 10**14, 5]]
)  # fmt: skip
def test_what_is_clear_is_not_asked_about(db: skysql.Connection, column: Any) -> None:
    assert len(stored(db, column)) == len(column)


def test_dates_in_a_column_with_a_unit_are_what_they_say(db: skysql.Connection) -> None:
    assert stored(db, [TEXT, SECONDS, str(SECONDS), datetime(2016, 7, 1)], "s") == [TEXT] * 4
    assert stored(db, np.array(["2016-07-01"], "M8[D]"), "ms") == [TEXT] * 5


@pytest.mark.parametrize(
    "value", [0.5, "0.0000001", "1e-7", SECONDS + 2**-22, "1e999999999", 10**12, -(10**12), "1_0", "٣", float("inf"),
              float("nan"), True, None, 2**63]
)  # fmt: skip
def test_what_is_finer_or_further_is_refused_in_any_unit(db: skysql.Connection, value: Any) -> None:
    unit = "us" if value == 0.5 else "s"
    for column in ([value], [0, value], [0, value, "2026-01-01"]):
        with pytest.raises(skysql.DataError, match=r"^users\.ts: (row \d: )?.*(is not a timestamp|cannot be NULL)"):
            stored(db, column, unit)
    if isinstance(value, float):
        with pytest.raises(skysql.DataError, match=r"^users\.ts: row 1: "):
            stored(db, np.array([0, value]), unit)


def test_an_unknown_unit(db: skysql.Connection) -> None:
    with pytest.raises(skysql.ProgrammingError, match=r"no time unit 'ns' \(give 'us', 'ms' or 's'\)"):
        stored(db, [1], "ns")


def test_a_later_batch_is_judged_by_itself(db: skysql.Connection) -> None:
    stored(db, [10**15])
    with pytest.raises(skysql.DataError, match="say what they count"):
        stored(db, [SECONDS])
    assert len(stored(db, [SECONDS], "us")) == 2


@pytest.mark.parametrize("seed", range(4))
def test_columns_agree_with_exact_arithmetic(seed: int) -> None:
    """Random numbers of each unit, by numpy and one by one; what has a fraction of a microsecond is refused."""
    rng = random.Random(seed)
    for _ in range(200):
        unit, factor = rng.choice(list(UNITS.items()))
        us = rng.choice([rng.randrange(MIN_US, MAX_US), rng.randrange(2 * 10**15), rng.randrange(-99, 99)])
        number = us / factor if rng.random() < 0.7 else us // factor
        exact = Fraction(repr(number)) * factor
        wanted = int(exact) if exact.denominator == 1 and MIN_US <= exact <= MAX_US else None
        exactly = [Decimal(repr(number))]
        for column in (np.array([number]), np.array([number], object), [number], [str(number)], exactly):
            try:
                found = int(times(column, unit)[0])
            except skysql.DataError:
                found = None
            assert found == wanted, (column, unit)
