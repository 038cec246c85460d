"""Timestamps: every form that is read, what is refused and how it says so, arrays against single values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skysql
from skysql.errors import DataError
from skysql.model import timestamps
from skysql.model.timestamps import MAX_US, MIN_US, duration, format_array, parse, parse_array

DAY = 86_400_000_000
NEW_YEAR = 1_767_225_600_000_000  # 2026-01-01
TEN = NEW_YEAR + (10 * 3600 + 11 * 60 + 12) * 1_000_000  # 10:11:12 of that day

FORMS = [
    ("2026-01-01", NEW_YEAR),
    ("  2026-01-01  ", NEW_YEAR),
    ("2026-01-01T10:11", TEN - 12_000_000),
    ("2026-01-01 10:11:12", TEN),
    ("2026-01-01T10:11:12Z", TEN),
    ("2026-01-01t10:11:12z", TEN),
    ("2026-01-01 10:11:12 UTC", TEN),
    ("2026-01-01   10:11:12", TEN),
    ("2026-01-01 10:11:12.1", TEN + 100_000),
    ("2026-01-01 10:11:12,123", TEN + 123_000),
    ("2026-01-01T10:11:12.000Z", TEN),
    ("2026-01-01 10:11:12.123456", TEN + 123_456),
    ("2026-01-01 10:11:12.123456000Z", TEN + 123_456),
    ("2026-01-01T10:11:12+02:00", TEN - 7_200_000_000),
    ("2026-01-01T10:11:12.5-0330", TEN + 500_000 + 12_600_000_000),
    ("2026-01-01 10:11:12 +02", TEN - 7_200_000_000),
    ("2026-01-01T10:11-02:00", TEN - 12_000_000 + 7_200_000_000),
    ("20260101T101112Z", TEN),
    ("2025-12-31 24:00:00", NEW_YEAR),
    ("2024-02-29", 1_709_164_800_000_000),
    ("1969-12-31 23:59:59.999999", -1),
    ("0001-01-01", MIN_US),
    ("9999-12-31 23:59:59.999999", MAX_US),
    (str(TEN), TEN),
    ("-1000000", -1_000_000),
    (0, 0),
    (TEN, TEN),
    (float(TEN), TEN),
    (np.int32(5), 5),
    (np.float64(1.7e15), 1_700_000_000_000_000),
    (datetime(2026, 1, 1, 10, 11, 12), TEN),
    (datetime(2026, 1, 1, 10, 11, 12, tzinfo=UTC), TEN),
    (datetime(2026, 1, 1, 10, 11, 12, tzinfo=timezone(timedelta(hours=2))), TEN - 7_200_000_000),
    (date(2026, 1, 1), NEW_YEAR),
    (np.datetime64("2026-01-01T10:11:12"), TEN),
    (np.datetime64("2026-01-01"), NEW_YEAR),
    (np.datetime64("2026-01-01T10:11:12.123456000", "ns"), TEN + 123_456),
]

REFUSED = [
    None,
    float("nan"),
    float("inf"),
    1.5,
    True,
    b"2026-01-01",
    "",
    "yesterday",
    "2026",
    "2026-01",
    "20260101",
    "20260101101112",
    "2026-1-1",
    "2026-02-29",
    "2026-13-01",
    "0000-01-01",
    "2026-01-01 24:00:01",
    "2026-01-01 10:60",
    "2026-01-01 10:11:60",
    "2026-01-01 10",
    "2026-01-01x10:11:12",
    "2026-01-01 10:11:12.1234567",
    "2026-01-01T101112.12345678",
    "2026-01-01 10:11:12+24:00",
    "2026-01-01 10:11:12+02:60",
    "2026-01-01+02:00",
    "2026-01-01Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "٢٠٢٦-01-01",
    "2026-W01-1",
    MIN_US - 1,
    MAX_US + 1,
    1e30,
    str(MAX_US + 1),
    np.datetime64("NaT", "us"),
    np.datetime64("10000-01-01"),
    np.datetime64("2026-01-01T10:11:12.123456789"),
    (2026, 1, 1),
]


@pytest.mark.parametrize(("value", "us"), FORMS)
def test_forms(value: object, us: int) -> None:
    assert parse(value) == us
    assert type(parse(value)) is int
    assert parse_array([value]).tolist() == [us]
    assert parse_array([value] * 40).tolist() == [us] * 40
    assert parse_array([*["2026-01-01"] * 10, value, None or 5]).tolist() == [NEW_YEAR] * 10 + [us, 5]


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_refused(value: object) -> None:
    with pytest.raises(DataError):
        parse(value)
    with pytest.raises(DataError, match="^row 20: "):
        parse_array(["2026-01-01"] * 20 + [value])
    with pytest.raises(DataError, match="^row 20: "):
        parse_array([*["2026-01-01"] * 20, value, *["2026-01-01"] * 20])
    if isinstance(value, str):
        with pytest.raises(DataError, match="^row 0: "):
            parse_array([value] * 20)


def test_messages_say_what_to_do() -> None:
    with pytest.raises(DataError, match="cannot be NULL"):
        parse(None)
    with pytest.raises(DataError, match=r"'soon' is not a timestamp \(write it as"):
        parse("soon")
    with pytest.raises(DataError, match="round it"):
        parse("2026-01-01 00:00:00.0000001")
    with pytest.raises(DataError, match="no such day"):
        parse("2026-02-30")
    with pytest.raises(DataError) as caught:
        parse("x" * 10_000)
    assert len(str(caught.value)) < 300


def test_integer_arrays_are_not_copied() -> None:
    ts = np.array([3, -1, 2])
    assert parse_array(ts) is ts or np.shares_memory(parse_array(ts), ts)
    assert parse_array(ts[::2]).tolist() == [3, 2]
    assert parse_array(np.array([1, 2], np.uint8)).dtype == np.int64
    assert parse_array(np.array([], np.float64)).tolist() == []
    assert parse_array([]).dtype == np.int64
    for bad in (np.array([0, MAX_US + 1]), np.array([0, MIN_US - 1]), np.array([0, 2**64 - 1], np.uint64)):
        with pytest.raises(DataError, match="row 1: .*years 1 to 9999"):
            parse_array(bad)
    with pytest.raises(DataError, match="row 1: "):
        parse_array([0, 2**70])


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "25s"])
def test_datetime64_units(unit: str) -> None:
    array = np.array(["1970-03-05T05:06:07", "1969-11-30"], "M8[us]").astype(f"M8[{unit}]")
    wanted = array.astype("M8[us]").astype(np.int64).tolist()
    assert parse_array(array).tolist() == wanted
    assert parse_array(array[::-1]).tolist() == wanted[::-1]
    assert parse_array(array.astype(array.dtype.newbyteorder(">"))).tolist() == wanted


def test_datetime64_refused() -> None:
    with pytest.raises(DataError, match="row 1: a timestamp cannot be NULL"):
        parse_array(np.array(["2026-01-01", "NaT"], "M8[D]"))
    with pytest.raises(DataError, match="row 0: '10000-01-01' .*years"):
        parse_array(np.array(["10000-01-01"], "M8[D]"))
    with pytest.raises(DataError, match="row 0: .*years"):
        parse_array(np.array([2**62], "M8[D]"))
    with pytest.raises(DataError, match="row 1: .*round it"):
        parse_array(np.array([1000, 1001], "M8[ns]"))


def test_other_arrays() -> None:
    assert parse_array(np.array([1.0, 2.0])).tolist() == [1, 2]
    assert parse_array(np.array(["2026-01-01", "2026-01-01 10:11:12"])).tolist() == [NEW_YEAR, TEN]
    assert parse_array(np.array(["2026-01-01", 7], object)).tolist() == [NEW_YEAR, 7]
    with pytest.raises(DataError, match="row 1: "):
        parse_array(np.array([1.0, 2.5]))
    with pytest.raises(DataError, match="row 1: .*NULL"):
        parse_array(np.array([1.0, np.nan]))
    for bad in (np.array([True]), np.array([b"2026-01-01"]), np.zeros((2, 2)), np.array([1j])):
        with pytest.raises(DataError):
            parse_array(bad)


def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    assert parse(pd.Timestamp("2026-01-01T10:11:12+02:00")) == TEN - 7_200_000_000
    assert parse_array([pd.Timestamp("2026-01-01"), "2026-01-01"]).tolist() == [NEW_YEAR] * 2
    for bad in (pd.NaT, pd.NA):
        with pytest.raises(DataError, match="cannot be NULL"):
            parse(bad)
    with pytest.raises(DataError, match="round it"):
        parse(pd.Timestamp(1))


@given(st.lists(st.integers(MIN_US, MAX_US), max_size=40))
def test_round_trip(moments: list[int]) -> None:
    texts = format_array(np.array(moments, np.int64))
    assert texts == [timestamps.format(us) for us in moments]
    assert all(len(text) == 26 for text in texts)
    assert parse_array(texts).tolist() == moments == [parse(text) for text in texts]
    assert parse_array([text.replace(" ", "T") + "Z" for text in texts]).tolist() == moments


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),
            st.sampled_from([10, 16, 19, 21, 23, 26]),
            st.sampled_from([" ", "T"]),
            st.sampled_from(["", "Z", "+00:00", "-05:30", "+0200", "+14"]),
        ),
        max_size=60,
    )
)
def test_arrays_agree_with_single_values(rows: list[tuple[datetime, int, str, str]]) -> None:
    texts = [
        moment.isoformat(separator, "microseconds")[:length] + (zone if length > 10 else "")
        for moment, length, separator, zone in rows
    ]
    assert parse_array(texts).tolist() == [parse(text) for text in texts]
    for text in texts:
        if not text.endswith(("+0200", "+14")):
            moment = datetime.fromisoformat(text.replace(".", ".", 1))
            delta = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
            assert parse(text) == delta // timedelta(microseconds=1)


@given(st.text("0123456789-:. TZ+W", min_size=10, max_size=27))
def test_what_an_array_takes_a_value_takes(text: str) -> None:
    try:
        us = parse(text)
    except DataError:
        with pytest.raises(DataError):
            parse_array([text] * 20)
    else:
        assert parse_array([text] * 20).tolist() == [us] * 20


def test_format() -> None:
    assert timestamps.format(0) == "1970-01-01 00:00:00.000000"
    assert timestamps.format(MIN_US) == "0001-01-01 00:00:00.000000"
    assert timestamps.format(MAX_US) == "9999-12-31 23:59:59.999999"
    wide = np.array([MIN_US, -1, 0, TEN, MAX_US])
    assert format_array(wide) == [timestamps.format(int(us)) for us in wide]
    many = np.tile(wide, 20_000)  # several blocks, and days too far apart to be numbered
    assert format_array(many) == format_array(wide) * 20_000
    assert format_array(np.array([], np.int64)) == []
    for bad in (MAX_US + 1, MIN_US - 1, 2**63 - 1):
        with pytest.raises(DataError):
            timestamps.format(bad)
        with pytest.raises(DataError):
            format_array(np.array([0, 0, 0, 0, bad]))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30 minutes", 1800),
        ("1 minute", 60),
        ("7 days", 7 * 86400),
        ("1 hour 30 minutes", 5400),
        ("1h30m", 5400),
        ("1 hour, 30 min", 5400),
        (" 90s ", 90),
        ("1.5 Hours", 5400),
        ("2 weeks", 14 * 86400),
        ("250 ms", 0.25),
        ("1 µs", 1e-6),
        ("1800", 1800),
        ("0.5", 0.5),
        (90, 90),
        (0.25, 0.25),
        (np.int64(3), 3),
        (timedelta(hours=1), 3600),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    assert duration(value) == round(seconds * 1_000_000)


@pytest.mark.parametrize(
    "value",
    [None, True, -1, "", "-5 minutes", "soon", "30 fortnights", "1 month", "minutes", "1 2", "5 minutes ago",
     float("nan"), float("inf"), 1e300, 10**30, "1e3", "99999999 weeks", b"30 minutes"],
)  # fmt: skip
def test_durations_refused(value: object) -> None:
    for least in (0, 1):
        with pytest.raises(DataError, match="not a duration .*'30 minutes'"):
            duration(value, least)


@pytest.mark.parametrize("value", [0, "0 s", "0 seconds", "0", 1e-9, timedelta(0)])
def test_no_time_at_all_is_a_duration_where_it_may_be(value: object) -> None:
    assert duration(value, 0) == 0
    with pytest.raises(DataError, match="is no time at all .*a microsecond or more"):
        duration(value)


# aware moments at the ends of the calendar, and the same rule for parameters


EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))


@pytest.mark.parametrize("value", [datetime.min.replace(tzinfo=EAST), datetime.max.replace(tzinfo=WEST)])
def test_aware_moments_beyond_the_calendar(value: datetime) -> None:
    db = skysql.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    for use in (
        lambda: parse(value),
        lambda: parse_array([value] * 9),
        lambda: db.append("users", {"object_id": [1], "ts": [value], "action": ["a"]}),
        lambda: db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (1, ?, 'a')", (value,)),
        lambda: db.execute("SELECT * FROM users WHERE timestamp < :at", {"at": value}),
    ):
        with pytest.raises(DataError, match="years 1 to 9999"):
            use()
    for inside in (datetime.min.replace(tzinfo=WEST), datetime.max.replace(tzinfo=EAST)):
        assert db.execute("SELECT ?", (inside,)).fetchone() == (inside.isoformat(" "),)
    db.close()


@pytest.mark.parametrize(
    "value", [np.datetime64("2026-01-01T00:00:00.000001002"), pd.Timestamp("2026-01-01 00:00:00.000001002"),
              pd.Timestamp("2026-01-01 00:00:00.000001002", tz="Europe/Berlin"), np.datetime64("10000-01-01"),
              np.datetime64(1, "ps"), np.datetime64("-0001-01-01T00", "h")]
)  # fmt: skip
def test_parameters_are_not_cut(value: Any) -> None:
    db = skysql.connect(":memory:", isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    for sql in (
        "INSERT INTO users(object_id, timestamp, action) VALUES (1, ?, 'a')",
        "SELECT * FROM users WHERE timestamp >= ?",
    ):
        with pytest.raises(DataError, match=r"is not a timestamp"):
            db.execute(sql, (value,)).fetchall()
    assert db.execute("SELECT ?, ?", (np.datetime64("NaT", "us"), pd.NaT)).fetchone() == (None, None)
    whole = [np.datetime64("2026-01-01T00:00:00.000001000", "ns"), pd.Timestamp("2026-01-01 01:00:00.000001+0100")]
    found = ("2026-01-01 00:00:00.000001", "2026-01-01 01:00:00.000001+01:00")
    assert db.execute("SELECT ?, ?", whole).fetchone() == found
    db.close()


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-(1 << 54), 1 << 54)))
def test_seconds(us: list[int]) -> None:
    """The nearest float64 each, also of more than 2^53 microseconds, which are 285 years."""
    assert timestamps.seconds(np.array(us, np.int64)).tolist() == [each / 1_000_000 for each in us]
