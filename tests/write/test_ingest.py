"""Rows and columns to batches: affinities, refusals and their messages, and that every way in gives the same batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysql.arrays.batch import Batch
from skysql.errors import DataError, IntegrityError, ProgrammingError
from skysql.model.dtypes import Array, Int64
from skysql.model.kinds import TEXT
from skysql.model.table import Table, parse_arguments
from skysql.write.columns import columns_to_batch
from skysql.write.row_buffer import RowBuffer

USERS = parse_arguments(
    "users", ["plan TEXT STATE", "level INTEGER STATE", "vip BOOLEAN STATE", "amount REAL", "url TEXT", "n INTEGER"]
)
PLANES = parse_arguments("planes", ["tailnum TEXT OBJECT", "airport TEXT STATE", '"object" TEXT'])
NAMES = [p.name for p in USERS.properties]


class Memory:
    """A dictionary in memory that notes whether it was asked."""

    def __init__(self) -> None:
        self.texts: dict[int, list[str]] = {}

    def codes(self, property_id: int, texts: Sequence[str] | Array) -> Any:
        known = self.texts.setdefault(property_id, [])
        assert all(type(text) is str for text in texts)
        known += [text for text in dict.fromkeys(texts) if text not in known]
        return np.array([known.index(text) + 1 for text in texts], np.uint32)

    def objects(self, keys: Sequence[str]) -> Int64:
        return self.codes(-1, keys).astype(np.int64)  # type: ignore[no-any-return]


def events(table: Table, batch: Batch, memory: Memory) -> list[tuple[Any, ...]]:
    """The batch as rows: object, ts, action, then per property its value, 'absent' if the event has none."""
    n = len(batch)
    assert batch.objects.dtype == batch.ts.dtype == np.int64 and len(batch.objects) == len(batch.ts) == n
    objects = batch.objects.tolist()
    if table.key_name is not None:
        objects = [memory.texts[-1][id - 1] for id in objects]
    columns: list[list[Any]] = [objects, batch.ts.tolist()]
    kinds = {0: TEXT} | {p.id: p.kind for p in table.properties}
    for id, kind in kinds.items():
        values: list[Any] = ["absent"] * n
        sparse = batch.properties.get(id)
        if sparse is not None:
            assert len(sparse.positions) == len(sparse.values) > 0
            assert sparse.positions.dtype == np.int32 and sparse.values.dtype == kind.dtype
            assert (np.diff(sparse.positions) > 0).all()
            for i, position in enumerate(sparse.positions.tolist()):
                value = sparse.values[i].item()
                if kind is TEXT:
                    value = memory.texts[id][value - 1] if value else None
                elif sparse.valid is not None and not sparse.valid[i]:
                    value = None
                assert value == value
                values[position] = value
        columns.append(values)
    return list(zip(*columns, strict=True))


def insert(table: Table, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The events of rows (object, timestamp, action, values, changes)."""
    buffer, memory = RowBuffer(table), Memory()
    for row in rows:
        buffer.add(*row)
    assert len(buffer) == len(rows)
    batch = buffer.take(memory).batch({0: TEXT} | {p.id: p.kind for p in table.properties})
    assert len(buffer) == 0
    return events(table, batch, memory)


def append(table: Table, columns: Any) -> list[tuple[Any, ...]]:
    memory = Memory()
    return events(table, columns_to_batch(table, columns, memory, "us"), memory)


def one(name: str, value: object) -> Any:
    """What becomes of a property's value, by INSERT; the same by column, alone and among others, or an error."""
    at = NAMES.index(name)
    values = [None] * len(NAMES)
    values[at] = value  # type: ignore[call-overload]
    ((*_, first),) = [insert(USERS, [(1, 0, "a", values, None)])[0][3 + at : 4 + at]]
    for column in ([value], [value, None], [None, value, value], [value, *[str(value)] * (type(value) is int)]):
        n = len(column)
        rows = append(USERS, {"object_id": [1] * n, "ts": [0] * n, "action": ["a"] * n, name: column})
        got = rows[column.index(value) if value == value and value is not None else 0][3 + at]
        assert got == first and type(got) is type(first)
    return first


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("n", 12, 12),
        ("n", "12", 12),
        ("n", " 12 ", 12),
        ("n", "+12.0", 12),
        ("n", "1e2", 100),
        ("n", 12.0, 12),
        ("n", True, 1),
        ("n", Decimal("12.0"), 12),
        ("n", 2**63 - 1, 2**63 - 1),
        ("n", str(-(2**63)), -(2**63)),
        ("n", "9007199254740993.0", 2**53 + 1),
        ("n", np.int16(3), 3),
        ("vip", 1, 1),
        ("vip", False, 0),
        ("vip", "true", 1),
        ("vip", " FALSE", 0),
        ("vip", "1", 1),
        ("vip", 0.0, 0),
        ("amount", 9.5, 9.5),
        ("amount", 9, 9.0),
        ("amount", "9.5", 9.5),
        ("amount", " .5e1 ", 5.0),
        ("amount", 2**53, 2.0**53),
        ("amount", 2**60, 2.0**60),
        ("amount", float("inf"), float("inf")),
        ("amount", "0.1", 0.1),
        ("amount", float("nan"), "absent"),
        ("amount", None, "absent"),
        ("url", "x", "x"),
        ("url", "", ""),
        ("url", "a\0é漢😀", "a\0é漢😀"),
        ("url", 12, "12"),
        ("url", 2**70, str(2**70)),
        ("url", 9.0, "9.0"),
        ("url", 0.1, "0.1"),
        ("url", -0.0, "0.0"),
        ("url", 1e20, "1.0e+20"),
        ("url", 1e16, "10000000000000000.0"),
        ("url", 1.5e-7, "1.5e-07"),
        ("url", float("-inf"), "-Inf"),
        ("url", 0.30000000000000004, "0.30000000000000004"),
        ("url", float("nan"), "absent"),
        ("url", Decimal("1.50"), "1.50"),
        ("plan", "pro", "pro"),
        ("level", "3", 3),
        ("level", None, "absent"),
    ],
)
def test_affinity(name: str, value: object, stored: object) -> None:
    got = one(name, value)
    assert got == stored and type(got) is type(stored)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("n", v)
            for v in ("abc", "", "12.5", "0x10", "1_000", "١", 12.5, 2**63, -(2**63) - 1, "9223372036854775808")
        ),
        *(("n", v) for v in (float("inf"), "1e999999999", "nan", "inf", "true", b"12", [1], datetime(2026, 1, 1))),
        *(("vip", v) for v in (2, -1, "2", "yes", "", 0.5, b"1")),
        *(("amount", v) for v in ("abc", "", "1e400", "inf", "nan", 2**53 + 1, 2**63 - 1, 2**2000, b"1", (1,))),
        *(("url", v) for v in (b"x", True, np.bool_(True), ["x"], "\ud800", datetime(2026, 1, 1))),
    ],
    ids=repr,
)
def test_values_refused(name: str, value: object) -> None:
    buffer = RowBuffer(USERS)
    values = [value if n == name else None for n in NAMES]
    with pytest.raises(DataError, match=rf"^users\.{name}: .* cannot be stored as "):
        buffer.add(1, 0, "a", values, None)
    assert len(buffer) == 0
    for column in ([None, value], [None, value, None], ["1", value], [1, value]):
        n = len(column)
        memory = Memory()
        with pytest.raises(DataError, match=rf"^users\.{name}: row 1: .* cannot be stored as "):
            columns_to_batch(
                USERS, {"object_id": [1] * n, "ts": [0] * n, "action": ["a"] * n, name: column}, memory
            )  # fmt: skip
        assert not memory.texts


def test_numpy_values_refused() -> None:
    base = {"object_id": [1, 1], "ts": [0, 0], "action": ["a", "a"]}
    for name, column in {
        "n": [np.array([1, 1.5]), np.array([1, 2**63], np.uint64), np.array([1, 2.0**63]), np.array([1, np.inf])],
        "vip": [np.array([1, 2]), np.array([0, 0.5])],
        "amount": [np.array([1, 2**53 + 1]), np.array([1, 2**64 - 1], np.uint64), np.array([1, 2**63 - 1])],
        "url": [np.array([b"", b"x"])[1:].repeat(2)],
    }.items():
        for array in column:
            with pytest.raises(DataError, match=rf"^users\.{name}: row [01]: .* cannot be stored as "):
                append(USERS, base | {name: array})
    for array in (np.array([True, False]), np.array(["2026-01-01"] * 2, "M8[D]")):
        with pytest.raises(DataError, match=r"^users\.url: row 0: "):
            append(USERS, base | {"url": array})
    with pytest.raises(DataError, match=r"^users\.n: row 0: "):
        append(USERS, base | {"n": np.array(["2026-01-01"] * 2, "M8[D]")})
    for array in (np.zeros((2, 2)), np.array([1j, 2])):
        with pytest.raises(DataError, match=r"^users\.n: .*no column"):
            append(USERS, base | {"n": array})


@pytest.mark.parametrize("value", [42, 42.0, "42", " 42.0 ", np.int32(42), np.uint64(42), Decimal(42)])
def test_object_ids(value: object) -> None:
    assert insert(USERS, [(value, 0, "a", [None] * 6, None)])[0][0] == 42
    assert RowBuffer(USERS).add(value, 0, "a", [None] * 6) == 42
    for column in ([value], [value, "42"], np.array([value]), np.array([value], object)):
        rows = append(USERS, {"object_id": column, "ts": [0] * len(column), "action": ["a"] * len(column)})
        assert {row[0] for row in rows} == {42}


@pytest.mark.parametrize("value", [0, -1, 2**63, 1.5, 1e30, "abc", "0", "", b"1", True, [1], datetime(2026, 1, 1)])
def test_object_ids_refused(value: object) -> None:
    with pytest.raises(DataError, match=r"^users\.object_id: .* is not an object id \(.*from 1 to"):
        RowBuffer(USERS).add(value, 0, "a", [None] * 6)
    for column in ([1, value], [1, value, None], ["1", value]):
        with pytest.raises(DataError, match=r"^users\.object_id: row 1: .* is not an object id"):
            append(USERS, {"object_id": column, "ts": [0] * len(column), "action": ["a"] * len(column)})


@pytest.mark.parametrize("value", [None, float("nan")])
def test_no_object(value: object) -> None:
    for table in (USERS, PLANES):
        name = table.key_name or "object_id"
        with pytest.raises(IntegrityError, match=rf"^{table.name}\.{name}: an event needs an object"):
            RowBuffer(table).add(value, 0, "a", [None] * len(table.properties))
        for column in ([1, value], ["1", value], np.array([1.0, np.nan]), np.ma.array([1, 2], mask=[False, True])):
            with pytest.raises(IntegrityError, match=rf"^{table.name}\.{name}: row 1: an event needs"):
                append(table, {name: column, "ts": [0, 0], "action": ["a", "a"]})


def test_numpy_ids_refused() -> None:
    for ids in (np.array([1, 0]), np.array([1, -5], np.int8), np.array([1, 2**63], np.uint64), np.array([1, 1.5])):
        with pytest.raises(DataError, match="row 1: .* is not an object id"):
            append(USERS, {"object_id": ids, "ts": [0, 0], "action": ["a", "a"]})
    with pytest.raises(DataError, match="row 0: .* is not an object id"):
        append(USERS, {"object_id": np.array([True, True]), "ts": [0, 0], "action": ["a", "a"]})


def test_text_keys() -> None:
    rows: list[tuple[Any, ...]] = [("N1", 0, "a", [None, None], None), (12, 1, None, ["JFK", "o"], None)]
    assert insert(PLANES, rows) == [("N1", 0, "a", "absent", "absent"), ("12", 1, "absent", "JFK", "o")]
    columns = {"tailnum": ["N1", 12], "ts": [0, 1], "action": ["a", None], "airport": [None, "JFK"]}
    assert append(PLANES, columns | {"object": [None, "o"]}) == insert(PLANES, rows)
    assert RowBuffer(PLANES).add("N1", 0, "a", [None, None]) == "N1"
    assert append(PLANES, {"TAILNUM": np.array([7, 8, 7]), "ts": [0] * 3, "action": ["a"] * 3})[2][0] == "7"
    with pytest.raises(DataError, match=r"^planes\.tailnum: b'N1' cannot be stored as TEXT"):
        RowBuffer(PLANES).add(b"N1", 0, "a", [None, None])
    with pytest.raises(ProgrammingError, match="no column 'object_id' .*give tailnum"):
        append(PLANES, {"object_id": [1], "ts": [0], "action": ["a"]})


def test_renamed_object() -> None:
    table = parse_arguments("orders", ["order_id INTEGER OBJECT", "a REAL"])
    for name in ("order_id", "ORDER_ID", "object_id"):
        assert append(table, {name: [5], "ts": [1], "action": ["x"]})[0][0] == 5
    with pytest.raises(ProgrammingError, match="give one of them"):
        append(table, {"order_id": [5], "object_id": [5], "ts": [1], "action": ["x"]})


def test_changes() -> None:
    none = [None] * 6
    assert insert(USERS, [(1, 0, None, none, '{"PLAN": "pro", "level": null, "vip": true}')])[0][3:6] == (
        ("pro", None, 1)
    )
    assert insert(USERS, [(1, 0, None, ["pro", *none[1:]], '{"plan": "pro"}')])[0][3] == "pro"
    assert insert(USERS, [(1, 0, "a", none, "{}")])[0][3:] == ("absent",) * 6
    columns = {"object_id": [1] * 5, "ts": [0] * 5, "plan": ["free", None, None, "x", None]}
    changes = ['{"level": 3}', '{"plan": null}', '{"plan": "pro", "vip": "false"}', '{"plan": "x"}', '{"plan": "pro"}']
    wanted = [("free", 3, "absent"), (None, "absent", "absent"), ("pro", "absent", 0), ("x", *["absent"] * 2)]
    for column in (changes, [json.loads(text) for text in changes], np.array(changes)):
        assert [row[3:6] for row in append(USERS, columns | {"changes": column})] == [
            *wanted,
            ("pro", "absent", "absent"),
        ]
    level = {"object_id": [1] * 3, "ts": [0] * 3, "level": [1, None, 3], "changes": [None, '{"level":null}', None]}
    assert [row[4] for row in append(USERS, level)] == [1, None, 3]


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ('{"plan": 1', DataError, r"users\.changes: .* is not JSON"),
        ("", DataError, "is not JSON"),
        ('{"amount": NaN}', DataError, "is not JSON"),
        ("[" * 100_000, DataError, "is not JSON"),
        ("null", DataError, "is not a JSON object"),
        ("[1]", DataError, "is not a JSON object"),
        ('"plan"', DataError, "is not a JSON object"),
        ('{"plna": "x"}', ProgrammingError, r"'plna' is no property of 'users' \(did you mean 'plan'\?\)"),
        ('{"zzzz": "x"}', ProgrammingError, r"there are plan, level, vip\)"),
        ('{"amount": 1}', ProgrammingError, "'amount' is an attribute"),
        ('{"action": "x"}', ProgrammingError, "'action' is no property"),
        ('{"level": "x"}', DataError, r"^users\.level: .*cannot be stored as INTEGER"),
        ('{"plan": {"a": 1}}', DataError, "cannot be stored as TEXT"),
        ('{"plan": true}', DataError, "cannot be stored as TEXT"),
        ('{"plan": "a", "plan": "b"}', DataError, "changes it to 'b' and to 'a'"),
        ('{"plan": "a", "PLAN": null}', DataError, "changes it to None and to 'a'"),
    ],
)
def test_changes_refused(text: str, error: type[Exception], match: str) -> None:
    buffer = RowBuffer(USERS)
    with pytest.raises(error, match=match):
        buffer.add(1, 0, "a", [None] * 6, text)
    assert len(buffer) == 0
    with pytest.raises(error, match="row 1: "):
        append(USERS, {"object_id": [1, 1], "ts": [0, 0], "action": ["a", "a"], "changes": ["{}", text]})


def test_changes_against_columns() -> None:
    with pytest.raises(DataError, match=r"users\.plan: the event changes it to 'b' and to 'a'"):
        RowBuffer(USERS).add(1, 0, "a", ["a", *[None] * 5], '{"plan": "b"}')
    with pytest.raises(DataError, match=r"users\.plan: row 1: the event changes it"):
        append(USERS, {"object_id": [1, 1], "ts": [0, 0], "plan": ["x", "a"], "changes": [None, '{"plan": null}']})


def test_no_content() -> None:
    for values in ([None] * 6, [None, None, None, 9.5, "x", 1]):
        with pytest.raises(IntegrityError, match="needs an action or a change of state.*or one of plan, level, vip"):
            RowBuffer(USERS).add(1, 0, None, values, "{}")
    columns = {"object_id": [1, 1], "ts": [0, 0], "action": ["a", None], "amount": [1, 2]}
    with pytest.raises(IntegrityError, match="^users: row 1: an event needs an action"):
        append(USERS, columns)
    assert append(USERS, columns | {"level": [None, 3]})[1][4] == 3
    assert insert(USERS, [(1, 0, "", [None] * 6, None)])[0][2] == ""


def test_timestamps() -> None:
    day = "2026-01-01 00:00:00"
    us = 1_767_225_600_000_000
    none: list[Any] = [None] * 6
    assert insert(USERS, [(1, day, "a", none, None), (1, us, "a", none, None)])[1][1] == us
    base = {"object_id": [1, 2], "action": ["a", "b"]}
    for column in ([day, us], np.array([day] * 2), np.array([day] * 2, "M8[s]"), (day, datetime(2026, 1, 1))):
        assert [row[1] for row in append(USERS, base | {"timestamp": column})] == [us, us]
    with pytest.raises(DataError, match=r"^users\.timestamp: 'soon' is not a timestamp"):
        RowBuffer(USERS).add(1, "soon", "a", none)
    with pytest.raises(DataError, match=r"^users\.timestamp: row 1: 'soon' is not a timestamp"):
        append(USERS, base | {"timestamp": [day, "soon"]})
    masked = np.ma.array([1, 2], mask=[False, True])
    for column in ([day, None], np.array([day, "NaT"], "M8[s]"), masked):
        with pytest.raises(DataError, match=r"^users\.ts: row 1: .*NULL"):
            append(USERS, base | {"ts": column})


def test_names_and_lengths() -> None:
    base = {"object_id": [1, 2], "ts": [0, 0], "action": ["a", "b"]}
    for columns, message in [
        (base | {"amuont": [1, 2]}, r"'users' has no column 'amuont' \(did you mean 'amount'\?\)"),
        (base | {"session": [1, 2]}, "no column 'session'"),
        (base | {3: [1, 2]}, "no column 3"),
        (base | {"timestamp": [0, 0]}, "is given 'ts' and 'timestamp'"),
        (base | {"ACTION": ["a", "b"]}, "is given 'action' and 'ACTION'"),
        ({"object_id": [1], "action": ["a"]}, r"needs a column 'timestamp'.*given: object_id, action"),
        ({"ts": [1], "action": ["a"]}, "needs a column 'object_id'"),
        ({}, "needs a column"),
        ([1, 2], "columns are a list.*mapping"),
    ]:
        with pytest.raises(ProgrammingError, match=message):
            append(USERS, columns)
    with pytest.raises(DataError, match=r"users\.amount has 3 values, and timestamp has 2"):
        append(USERS, base | {"amount": [1, 2, 3]})
    for column in ("ab", b"ab", 5, None, {"a": 1, "b": 2}, {1, 2}):
        with pytest.raises(DataError, match=r"users\.amount: .* is no column .*give an array"):
            append(USERS, base | {"amount": column})
        with pytest.raises(DataError, match="is no column"):
            append(USERS, base | {"ts": column})


def test_no_events() -> None:
    memory = Memory()
    for empty in ([], np.array([]), np.array([], np.int64)):
        batch = columns_to_batch(USERS, {"object_id": empty, "ts": empty, "action": empty, "plan": empty}, memory)
        assert len(batch) == 0 and not batch.properties and batch.objects.dtype == batch.ts.dtype == np.int64
    assert len(columns_to_batch(PLANES, {"tailnum": [], "ts": []}, memory)) == 0


def test_arrays_are_not_copied() -> None:
    ids, ts, amounts = np.array([2, 1]), np.array([0, 0]), np.array([1.0, 2.0])
    columns = {"object_id": ids, "ts": ts, "action": ["a", "b"], "amount": amounts}
    batch = columns_to_batch(USERS, columns, Memory(), "us")
    assert np.shares_memory(batch.objects, ids) and np.shares_memory(batch.ts, ts)
    assert np.shares_memory(batch.properties[4].values, amounts)


def test_a_failing_dictionary_leaves_the_rows() -> None:
    class Full(Memory):
        def codes(self, property_id: int, texts: Sequence[str] | Array) -> Any:
            raise OSError("full")

    buffer = RowBuffer(USERS)
    buffer.add(1, 0, "a", [None] * 6)
    with pytest.raises(OSError, match="full"):
        buffer.take(Full())
    assert len(buffer) == 1 and len(buffer.take(Memory())) == 1
    buffer.add(1, 0, "a", [None] * 6)
    buffer.clear()
    assert len(buffer) == 0


def test_only_used_texts_get_codes() -> None:
    pd = pytest.importorskip("pandas")
    memory = Memory()
    plan = pd.Categorical(["b", None, "b"], categories=["a", "b", "c"])
    columns_to_batch(USERS, {"object_id": [1] * 3, "ts": [0] * 3, "action": ["x"] * 3, "plan": plan}, memory, "us")
    assert memory.texts == {0: ["x"], 1: ["b"]}


# every make of column gives the same events

START = datetime(2026, 1, 1)
PLAIN: dict[str, list[Any]] = {
    "object_id": [5, 2, 5, 9],
    "timestamp": [START + timedelta(microseconds=i * 1_000_001) for i in range(4)],
    "action": ["buy", None, "", "é"],
    "plan": ["free", "pro", None, "free"],
    "level": [None, 3, None, -4],
    "vip": [True, None, False, None],
    "amount": [1.5, None, None, 0.1],
    "url": [None, None, None, None],
    "n": [1, 2, 3, 2**62],
}
EXPECTED = append(USERS, PLAIN)


def test_lists() -> None:
    none: list[Any] = []
    rows = [(o, t, a, v, None) for o, t, a, *v in zip(*PLAIN.values(), strict=True)]
    assert insert(USERS, rows) == EXPECTED != none
    assert append(USERS, {name: tuple(column) for name, column in PLAIN.items()}) == EXPECTED
    assert append(USERS, {name: iter(column) for name, column in PLAIN.items()}) == EXPECTED
    for type in (object, None):
        arrays = {name: np.array(column, type) for name, column in PLAIN.items()}
        assert append(USERS, arrays) == EXPECTED


def test_numpy() -> None:
    strings = np.dtypes.StringDType(na_object=None)
    texts = {name: np.array(PLAIN[name], strings) for name in ("action", "plan")}
    assert append(USERS, PLAIN | texts) == EXPECTED
    masked = np.ma.array(["buy", "?", "", "é"], mask=[False, True, False, False])
    assert append(USERS, PLAIN | {"action": masked}) == EXPECTED
    floats = {"level": np.array([np.nan, 3, np.nan, -4], np.float32), "vip": np.array([1.0, np.nan, 0.0, np.nan])}
    assert append(USERS, PLAIN | floats) == EXPECTED
    structured = np.array([(1, 5, "a"), (2, 6, "b")], [("object_id", "i4"), ("ts", "i8"), ("action", "U3")])
    assert [row[:3] for row in append(USERS, structured)] == [(1, 5, "a"), (2, 6, "b")]


def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(PLAIN)
    assert append(USERS, frame) == EXPECTED
    assert append(USERS, frame.set_index("n", drop=False)) == EXPECTED
    assert append(USERS, frame.convert_dtypes()) == EXPECTED
    assert append(USERS, frame.astype({"plan": "category", "level": "Int64", "action": object})) == EXPECTED
    assert append(USERS, frame.assign(level=frame.level.astype("category"))) == EXPECTED
    zoned = frame.timestamp.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    assert append(USERS, frame.assign(timestamp=zoned)) == EXPECTED
    assert append(USERS, dict(frame.items()) | {"object_id": pd.Index(PLAIN["object_id"])}) == EXPECTED
    assert append(USERS, frame.assign(timestamp=frame.timestamp.astype(str))) == EXPECTED
    with pytest.raises(DataError, match="row 1: .*NULL"):
        append(USERS, frame.assign(timestamp=frame.timestamp.where(frame.n != 2)))
    with pytest.raises(ProgrammingError, match="is given 'n' and 'n'"):
        append(USERS, pd.concat([frame, frame[["n"]]], axis=1))


def test_pandas_arrow_types() -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    assert append(USERS, pd.DataFrame(PLAIN).convert_dtypes(dtype_backend="pyarrow")) == EXPECTED


def test_polars() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(PLAIN)
    assert append(USERS, frame) == EXPECTED
    assert append(USERS, frame.with_columns(pl.col("plan", "action").cast(pl.Categorical))) == EXPECTED
    assert append(USERS, frame.with_columns(pl.col("plan").cast(pl.Enum(["x", "pro", "free"])))) == EXPECTED
    assert append(USERS, frame.with_columns(pl.col("timestamp").dt.replace_time_zone("UTC"))) == EXPECTED
    assert append(USERS, frame.with_columns(pl.col("timestamp").cast(pl.Datetime("ns")))) == EXPECTED
    assert append(USERS, pl.concat([frame[:2], frame[2:]], rechunk=False)) == EXPECTED
    assert append(USERS, {name: frame[name] for name in frame.columns}) == EXPECTED
    dates = append(USERS, frame.with_columns(pl.col("timestamp").dt.date()))
    assert dates[3][1] == EXPECTED[0][1]
    with pytest.raises(DataError, match="row 1: .*NULL"):
        append(USERS, frame.with_columns(pl.when(pl.col("n") != 2).then(pl.col("timestamp"))))
    with pytest.raises(ProgrammingError, match="LazyFrame"):
        append(USERS, frame.lazy())


def test_pyarrow() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(PLAIN)
    assert append(USERS, table) == EXPECTED
    assert append(USERS, table.to_batches()[0]) == EXPECTED
    assert append(USERS, {name: table[name] for name in table.column_names}) == EXPECTED
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert append(USERS, chunked) == EXPECTED
    plans = pa.chunked_array(
        [pa.array(["free", "pro"]).dictionary_encode(), pa.array([None, "free"]).dictionary_encode()]
    )
    for column in (plans, plans.combine_chunks(), chunked["plan"].cast("large_string"), chunked["plan"]):
        assert append(USERS, {name: table[name] for name in table.column_names} | {"plan": column}) == EXPECTED
    for type in (pa.timestamp("ns"), pa.timestamp("us", "UTC")):
        moments = table["timestamp"].cast(type)
        assert append(USERS, {name: table[name] for name in table.column_names} | {"timestamp": moments}) == EXPECTED
    days = append(USERS, {n: table[n] for n in table.column_names} | {"timestamp": table["timestamp"].cast("date32")})
    assert days[3][1] == EXPECTED[0][1]
    with pytest.raises(DataError, match="row 1: .*NULL"):
        append(USERS, PLAIN | {"timestamp": pa.array([1, None, 3, 4])})


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.integers(-2, 3),
    st.floats(),
    st.sampled_from(["", "1", " 2 ", "1.0", "1e2", "true", "False", "x", "é", "-0", ".5", "1e400"]),
)


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 2**63) | st.integers(1, 3),
            st.integers(-5, 5) | st.just("2026-01-01"),
            st.none() | st.text(max_size=2),
            st.lists(scalars, min_size=6, max_size=6),
            st.none() | st.sampled_from(["{}", '{"plan":null}', '{"plan":"x","level":1}', '{"vip":true,"level":null}']),
        ),
        max_size=6,
    )
)
def test_columns_take_what_rows_take(rows: list[tuple[Any, ...]]) -> None:
    taken: list[tuple[Any, ...]] = []
    for row in rows:  # each alone first
        columns = dict(zip(["object_id", "ts", "action", *NAMES, "changes"], [*row[:3], *row[3], row[4]], strict=True))
        try:
            wanted = insert(USERS, [row])
        except (DataError, IntegrityError):
            with pytest.raises((DataError, IntegrityError)):
                append(USERS, {name: [value] for name, value in columns.items()})
        else:
            assert append(USERS, {name: [value] for name, value in columns.items()}) == wanted
            taken.append(row)
    flat = [[*row[:3], *row[3], row[4]] for row in taken]
    names = ["object_id", "ts", "action", *NAMES, "changes"]
    wanted = insert(USERS, taken)
    assert append(USERS, {name: [row[i] for row in flat] for i, name in enumerate(names)}) == wanted
