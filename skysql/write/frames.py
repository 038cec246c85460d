"""Columns of any library: as an array with a mask, as codes into a few values, or as a plain list.

    named    a mapping, or a frame of pandas, polars, pyarrow or numpy -> names and columns
    read     one column of any make -> Plain, Coded or list
    typed    a list whose values are alike -> Plain or Coded

None of the libraries is imported here: the module that a column's type comes from tells its library. The code of NULL
is that of a None among the values. Only loops that fill dictionaries go over the rows in Python.

Not here: what a value may be (model/values.py), and what becomes of the columns (columns.py).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import Any

import numpy as np

from ..errors import ProgrammingError
from ..interruption import patiently, pieces, types_of
from ..model.dtypes import Array, Bool
from ..model.timestamps import is_null


@dataclass(frozen=True, slots=True)
class Plain:
    """values: numbers or datetime64 [n]; valid: bool[n], False for NULL, or None (NaN and NaT are NULL as well)."""

    values: Array
    valid: Bool | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """codes: int[n], indexes of values; any values, None for NULL."""

    codes: Array
    values: list[Any]

    def __len__(self) -> int:
        return len(self.codes)


Column = Plain | CodedColumn | list[Any]


def named(columns: Any) -> list[tuple[Any, Any]]:
    """Names and columns of a mapping or a frame."""
    if isinstance(columns, Mapping):
        return list(columns.items())
    if hasattr(columns, "iloc") and hasattr(columns, "columns"):  # pandas
        return [(name, columns.iloc[:, i]) for i, name in enumerate(columns.columns)]
    if hasattr(columns, "get_columns"):  # polars
        return [(column.name, column) for column in columns.get_columns()]
    if hasattr(columns, "column_names") and hasattr(columns, "column"):  # pyarrow
        return [(name, columns.column(i)) for i, name in enumerate(columns.column_names)]
    if isinstance(columns, np.ndarray) and columns.dtype.names:
        return [(name, columns[name]) for name in columns.dtype.names]
    raise ProgrammingError(
        f"columns are a {type(columns).__name__}",
        "give a mapping of names to columns, or a frame of pandas, polars or pyarrow",
    )


def read(column: Any) -> Column:
    """A column of any library. TypeError for what is none."""
    library = type(column).__module__.partition(".")[0]
    if library == "pandas":
        return _read_pandas(column)
    if library == "polars":
        return patiently(_read_polars, column)
    if library == "pyarrow":
        return patiently(_read_arrow, column)
    if isinstance(column, (str, bytes, bytearray, memoryview, Mapping, set, frozenset)) or not hasattr(
        column, "__iter__"
    ):
        raise TypeError(f"{type(column).__name__} is no column")
    if isinstance(column, np.ma.MaskedArray):
        return _mask(_read_numpy(np.asarray(column.data)), ~np.ma.getmaskarray(column))
    if isinstance(column, np.ndarray) or hasattr(column, "__array__"):
        return _read_numpy(np.asarray(column))
    return list(column)


def _mask(column: Column, valid: Bool) -> Column:
    if isinstance(column, Plain):
        return Plain(column.values, valid if column.valid is None else valid & column.valid)
    if isinstance(column, CodedColumn):
        return CodedColumn(np.where(valid, column.codes, len(column.values)), [*column.values, None])
    return [value if known else None for value, known in zip(column, valid.tolist(), strict=True)]


def _read_numpy(array: Array) -> Column:
    if array.ndim != 1:
        raise TypeError(f"an array of {array.ndim} dimensions is no column")
    if array.dtype.kind in "biufM":
        return Plain(array)
    if array.dtype.kind in "UT":
        return encode(array)
    if array.dtype.kind in "OSV":
        return _listed(array)  # of bytes, too: they are refused one by one
    raise TypeError(f"an array of {array.dtype} is no column")


def _listed(array: Array) -> list[Any]:
    values: list[Any] = []
    for piece in pieces(len(array)):
        values += array[piece].tolist()
    return values


_ROWS = 1 << 14


class _Codes(dict[Any, int]):
    """Codes by value; a value that is new gets the next one."""

    def __missing__(self, value: Any) -> int:
        code = self[value] = len(self)
        return code


def encode(values: Sequence[Any] | Array) -> CodedColumn:
    """Codes of hashable values, in order of arrival; by blocks, so that the strings of an array stay in the cache."""
    codes = np.empty(len(values), np.int32)
    known = _Codes()
    for piece in pieces(len(values), _ROWS):
        block = values[piece]
        texts = block.tolist() if isinstance(block, np.ndarray) else block
        codes[piece] = np.fromiter(map(known.__getitem__, texts), np.int32, len(texts))
    return CodedColumn(codes, list(known))


def _read_pandas(series: Any) -> Column:
    if getattr(series, "ndim", 0) != 1:
        raise TypeError(f"{type(series).__name__} is no column")
    if type(series).__name__ != "Series":  # an Index, a Categorical, another array
        series = sys.modules["pandas"].Series(series)
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        return CodedColumn(series.cat.codes.to_numpy(), [*dtype.categories.tolist(), None])  # NULL is code -1, the last
    if getattr(dtype, "tz", None) is not None:
        return Plain(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    if hasattr(dtype, "pyarrow_dtype"):
        return _read_arrow(series.array.__arrow_array__())
    if hasattr(dtype, "numpy_dtype"):  # Int64, Float64, boolean
        return Plain(series.to_numpy(dtype=dtype.numpy_dtype, na_value=0), series.notna().to_numpy())
    if not isinstance(dtype, np.dtype) or dtype.kind == "O":
        values: list[Any] = []
        for piece in pieces(len(series)):
            part = series.iloc[piece]
            cells: Array = np.where(part.notna().to_numpy(), part.to_numpy(object), np.array(None, object))
            values += cells.tolist()
        return encode(values) if types_of(values) <= {str, NoneType} else values
    return _read_numpy(series.to_numpy())


def _read_polars(series: Any) -> Column:
    dtype = str(series.dtype)
    kind = dtype.partition("(")[0]
    if kind in ("String", "Utf8", "Categorical", "Enum"):
        if kind in ("String", "Utf8"):
            series = series.cast(sys.modules["polars"].Categorical)
        distinct = series.unique().drop_nulls()
        physical = distinct.to_physical().to_numpy().astype(np.int64)
        to_code = np.zeros(int(physical.max(initial=0)) + 1, np.int32)
        to_code[physical] = np.arange(len(physical))
        codes = to_code[series.to_physical().fill_null(0).to_numpy()]
        return _mask(CodedColumn(codes, distinct.to_list()), series.is_not_null().to_numpy())
    valid = series.is_not_null().to_numpy() if series.null_count() else None
    if kind == "Datetime":  # with or without a zone, the number below is UTC
        unit = series.dtype.time_unit
        return Plain(series.to_physical().fill_null(0).to_numpy().view(f"M8[{unit}]"), valid)
    if kind == "Date":
        return Plain(series.to_physical().fill_null(0).to_numpy().astype(np.int64).view("M8[D]"), valid)
    if kind == "Boolean":
        return Plain(series.fill_null(False).to_numpy(), valid)
    if kind.startswith(("Int", "UInt", "Float")) and "128" not in kind:
        return Plain(series.fill_null(0).to_numpy(), valid)
    return [value for piece in pieces(len(series)) for value in series[piece].to_list()]


def _read_arrow(array: Any) -> Column:
    kind = str(array.type)
    if kind in ("string", "large_string", "string_view"):
        if kind == "string_view":
            array = array.cast("string")
        array = array.dictionary_encode()
        kind = str(array.type)
    if kind.startswith("dictionary"):
        if hasattr(array, "chunks"):
            array = array.unify_dictionaries()
        chunks = getattr(array, "chunks", [array])
        codes = [chunk.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
        values = chunks[0].dictionary.to_pylist() if chunks else []
        return CodedColumn(
            np.concatenate([np.empty(0, np.int64), *codes]), [*values, None]
        )  # NULL is code -1, the last
    valid = np.asarray(array.is_valid()) if array.null_count else None
    if kind.startswith("timestamp") or kind.startswith("date32"):
        unit = "D" if kind.startswith("date32") else array.type.unit
        numbers = array.cast("int32").cast("int64") if unit == "D" else array.cast("int64")
        return Plain(np.asarray(numbers.fill_null(0)).view(f"M8[{unit}]"), valid)
    if kind == "bool":
        return Plain(np.asarray(array.fill_null(False)), valid)
    if kind.startswith(("int", "uint", "float", "double", "half")):
        return Plain(np.asarray(array.fill_null(0) if valid is not None else array), valid)
    return [value for piece in pieces(len(array)) for value in array[piece].to_pylist()]


_TYPES: dict[type, Any] = {int: np.int64, float: np.float64, bool: np.bool_}


def typed(column: Column) -> Column:
    """A list as an array or as codes, if its values are alike; as it is, if a code could not tell 1 from True."""
    if not isinstance(column, list):
        return column
    kinds = types_of(column)
    nulls = NoneType in kinds
    kinds.discard(NoneType)
    if not kinds:
        return Plain(np.zeros(len(column)), np.zeros(len(column), bool))
    if len(kinds) == 1 and kinds <= _TYPES.keys():
        try:
            return _numbers(column, _TYPES[kinds.pop()], nulls)
        except OverflowError:
            return column
    if kinds <= {str, float} or kinds <= {str, int} or kinds == {Decimal}:
        return encode(column)
    return column


def _numbers(column: list[Any], type_: Any, nulls: bool) -> Plain:
    values, valid = np.empty(len(column), type_), np.ones(len(column), bool) if nulls else None
    for piece in pieces(len(column)):
        block = column[piece]
        values[piece] = [value or 0 for value in block] if nulls else block
        if valid is not None:
            valid[piece] = [value is not None for value in block]
    return Plain(values, valid)


def present(column: Plain | list[Any]) -> tuple[Array | list[Any], Bool]:
    """(the values that are not NULL, bool[n] where they are)."""
    if isinstance(column, list):
        known = np.fromiter((not is_null(value) for value in column), bool, len(column))
        return [value for value in column if not is_null(value)], known
    known = np.ones(len(column), bool) if column.valid is None else column.valid
    if column.values.dtype.kind == "f":
        known = known & ~np.isnan(column.values)
    elif column.values.dtype.kind == "M":
        known = known & ~np.isnat(column.values)
    return column.values[known], known


def coded(column: Plain) -> CodedColumn:
    """The same column as codes into its distinct values, ascending."""
    distinct, codes = patiently(np.unique, column.values, return_inverse=True)
    values = list(distinct) if column.values.dtype.kind == "M" else distinct.tolist()
    if column.valid is None:
        return CodedColumn(codes, values)
    return CodedColumn(np.where(column.valid, codes, len(values)), [*values, None])


def used(codes: Array, n: int) -> Array:
    """The codes that occur, ascending."""
    seen = np.zeros(n, bool)
    for piece in pieces(len(codes), 1 << 20):
        seen[codes[piece]] = True
    return np.flatnonzero(seen)
