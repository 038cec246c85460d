"""Kinds of value: what every kind keeps to, and that what parses a definition is told which kinds there are."""

import pickle
import struct
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import skysql
from skysql.arrays.batch import Sparse
from skysql.errors import NotSupportedError, ProgrammingError
from skysql.model import alteration
from skysql.model.kinds import BOOLEAN, INTEGER, KINDS, REAL, TEXT, TIMESTAMP, Kind, Kinds, decimal
from skysql.model.table import parse_arguments
from skysql.model.timestamps import MAX_US
from skysql.store import definition
from skysql.store import format as fmt
from skysql.store.blob import BEGINNING, FormatError, code_of

GIVEN: dict[Kind, list[Any]] = {
    TEXT: ["a", "", 12, 1.5],
    INTEGER: [0, -1, "12", 3.0, 2**63 - 1],
    REAL: [0.5, "1e3", 7, float("inf")],
    BOOLEAN: [True, 0, "false", 1],
    TIMESTAMP: ["2026-01-01", "2026-01-01T10:11:12.123456Z", datetime(2026, 1, 1), np.datetime64("2026-01-01"), 0],
    decimal(9, 2): ["12.30", 12.3, Decimal("-0.1"), 7, "1e3", "1.500", 9999999.99, 0],
    decimal(18, 4): [Decimal("12345678901234.5678"), "0.0001", -1],
    decimal(3, 0): [999, "12.0", False],
}
REFUSED: dict[Kind, list[Any]] = {
    TEXT: [b"a", True],
    INTEGER: [1.5, "x", 2**63, b"1"],
    REAL: ["x", 2**53 + 1],
    BOOLEAN: [2, "yes"],
    TIMESTAMP: ["soon", "2026-01-01 00:00:00.1234567", 1.5, MAX_US + 1, True, 2026.5, "2026"],
    decimal(9, 2): ["1.005", 1.005, 10**7, "x", Decimal("Infinity"), float("inf"), b"1", "1e999999999", 0.1 + 0.2],
    decimal(18, 4): ["1e15", Decimal("0.00001")],
    decimal(3, 0): [1000, 0.5],
}
NUMBERS: list[Any] = [0, 1, 2, -5, 0.5, 0.29, 1.005, 1234567.89, 1e300, 2.0**53, 2.0**63, float("inf"), float("nan")]


@pytest.mark.parametrize("kind", list(GIVEN), ids=str)
class TestEveryKind:
    """The contract of `Kind`, which each of them keeps."""

    def test_its_name_and_its_number_tell_it(self, kind: Kind) -> None:
        assert KINDS.find(kind.name) is KINDS.find(kind.name.lower()) is kind
        found = KINDS.of_code(kind.code)
        assert found is not None and found.code == kind.code and found.dtype == kind.dtype

    def test_there_is_one_of_each(self, kind: Kind) -> None:
        assert pickle.loads(pickle.dumps(kind)) is kind

    def test_its_letter_is_of_its_dtype(self, kind: Kind) -> None:
        assert np.frombuffer(struct.pack(f"<{kind.letter}", 1), kind.dtype.newbyteorder("<")).tolist() == [1]

    def test_what_it_takes_reads_as_it_is_shown(self, kind: Kind) -> None:
        for value in GIVEN[kind]:
            stored = kind.parse(value)
            assert stored is not None
            if kind is not TEXT:
                (shown,) = kind.shown(np.array([stored], kind.dtype))
                assert kind.longer or kind.parse(shown) == stored, value
                (text,) = kind.texts(np.array([stored], kind.dtype))
                assert kind.parse(text) == stored, value
                assert kind.parse(kind.restored(np.array([stored], kind.dtype))[0]) == stored, value

    def test_what_it_does_not_take_is_told(self, kind: Kind) -> None:
        for value in REFUSED[kind]:
            assert kind.parse(value) is None
            what, hint = kind.refusal(value)
            assert what and hint
        for null in (None, float("nan")):
            found = kind.parse(null)
            assert found is None or found != found

    def test_arrays_of_numbers_are_taken_as_numbers_one_by_one(self, kind: Kind) -> None:
        if kind is TEXT:
            pytest.skip("numbers become texts one by one")
        for values in (np.array(NUMBERS), np.array([0, 1, 9, 2**62]), np.array([0, 2**63], np.uint64)):
            numbers, valid, bad = kind.numbers(values, None)
            assert numbers.dtype == kind.dtype
            for at, value in enumerate(values.tolist()):
                one = kind.parse(value)
                null = value != value
                assert (valid is None or bool(valid[at])) is not null
                if not null:
                    assert (bad is not None and bool(bad[at])) is (one is None), value
                    assert one is None or numbers[at] == one

    def test_bytes_of_it_tell_its_type(self, kind: Kind) -> None:
        sparse = Sparse(np.arange(2, dtype=np.int32), np.array([1, 0], kind.dtype))
        blob = fmt.encode_sparse(sparse, kind, 2)
        assert code_of(blob[: BEGINNING]) == kind.code
        for other in GIVEN:
            if other.code != kind.code:
                with pytest.raises(FormatError, match="type"):
                    fmt.decode_sparse(blob, other, 2)
                found, read = fmt.decode_typed(blob, (other, kind), 2)
                assert found is kind and read.values.tolist() == [1, 0]

    def test_it_widens_without_loss_or_tells_where(self, kind: Kind) -> None:
        for other in GIVEN:
            if other is kind or other is TEXT or not kind.widens_to(other):
                continue
            stored = [kind.parse(value) for value in GIVEN[kind]]
            values = np.array(stored, kind.dtype)
            widened, bad = kind.widened(values, other)
            assert widened.dtype == other.dtype
            for at, (before, after) in enumerate(zip(kind.shown(values), other.shown(widened), strict=True)):
                assert before == after or (bad is not None and bool(bad[at]))


def test_a_definition_is_read_with_the_kinds_that_it_is_told() -> None:
    few = Kinds((TEXT, INTEGER), {"WORD": "TEXT"})
    table = parse_arguments("t", ["a WORD STATE", "b INTEGER"], few)
    assert [p.kind for p in table.properties] == [TEXT, INTEGER]
    assert definition.load("t", definition.dump(table), few) == table
    with pytest.raises(ProgrammingError, match="unknown type REAL") as error:
        parse_arguments("t", ["a REAL"], few)
    assert error.value.hint == "types are TEXT and INTEGER"
    with pytest.raises(ProgrammingError, match="no type REAL"):
        alteration.parse("ADD a REAL", few)
    with pytest.raises(NotSupportedError, match="table 't' has a column of the type REAL, .* none of TEXT and INTEGER"):
        definition.load("t", definition.dump(parse_arguments("t", ["a REAL"])), few)


def test_types_are_named_when_one_is_unknown() -> None:
    db = skysql.connect(":memory:")
    with pytest.raises(ProgrammingError) as error:
        db.execute("CREATE VIRTUAL TABLE t USING sky(a VARCHAR)")
    assert str(KINDS) in str(error.value)
    db.close()
