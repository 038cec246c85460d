"""Rows and columns of any make to validated batches of events.

    RowBuffer           rows of INSERT, one at a time; a row that is refused leaves no trace
    columns_to_batch    columns, or a whole frame: numpy, lists, pandas, polars, pyarrow (none of them imported here)

Values are converted as SQLite's affinities do where nothing is lost, and refused where something would be: '12' is the
INTEGER 12, '12.5' is none. None, NaN, NaT and pandas.NA are NULL, which is "no value" for an attribute and "no change"
for a state property. Bytes are refused everywhere; truth values are 1 and 0, except as TEXT.

Not here: whether a change changes anything (a value equal to the current one is a change all the same), order
(a batch is in order of arrival), and bytes. Texts get their codes last, when nothing can be refused any more.

How columns run: whatever comes is read as an array with a mask, as codes into a few values, or as a plain list; then
each distinct value is converted once. No loop in Python goes over the rows but those that fill dictionaries.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from . import timestamps
from .columns import DTYPES, Array, Batch, Bool, Int64, Sparse
from .errors import DataError, Error, IntegrityError, ProgrammingError
from .schema import ACTION, Kind, Property, Table
from .timestamps import is_null

MAX_EVENTS = 2**31 - 1
"""Events of one batch: their numbers are int32."""

_MIN, _MAX = -(2**63), 2**63 - 1

_NUMBER = re.compile(r"[ \t\n\r\f\v]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[ \t\n\r\f\v]*", re.ASCII)


class Dictionary(Protocol):
    """Texts of one table as numbers; texts that are new get new ones."""

    def codes(self, property_id: int, texts: Sequence[str] | Array) -> npt.NDArray[np.uint32]:
        """One code a text, from 1."""
        ...

    def objects(self, keys: Sequence[str]) -> Int64:
        """The object id of each TEXT key."""
        ...


# one value


def _integer(value: object) -> int | None:
    """The value as a 64-bit integer, or None if it is not one without loss."""
    if isinstance(value, (float, np.floating)):
        value = int(value) if float(value).is_integer() else None
    elif isinstance(value, (str, Decimal)):
        value = _integer_of_text(str(value))
    if isinstance(value, (int, np.integer, np.bool_)) and _MIN <= int(value) <= _MAX:
        return int(value)
    return None


def _integer_of_text(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = Decimal(match[1])
    if number.adjusted() > 20 or number != number.to_integral_value():  # 1e999999999 is not to be written out
        return None
    return int(number)


def _real(value: object) -> float | None:
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, (int, np.integer, np.bool_)):
        real = float(value) if abs(int(value)) < 2**1023 else 0.0
        return real if real == int(value) else None
    if isinstance(value, (str, Decimal)):
        match = _NUMBER.fullmatch(str(value))
        if match is not None and abs(real := float(match[1])) != float("inf"):
            return real
    return None


def _boolean(value: object) -> int | None:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return int(value.strip().lower() == "true")
    number = _integer(value)
    return number if number in (0, 1) else None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:  # half of a surrogate pair
                return None
        return value if type(value) is str else str(value)
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer, Decimal)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return _text_of_real(float(value)) if value == value else None
    return None


def _text_of_real(value: float) -> str:
    """As SQLite writes it: with a point; 15 digits if they suffice (its 17th digit may be another)."""
    if abs(value) == float("inf"):
        return "Inf" if value > 0 else "-Inf"
    text = f"{value + 0.0:.15g}"
    if float(text) != value or 1e15 <= abs(value) < 1e17:  # exponents begin with 1e17
        text = f"{value:.17g}"
    digits, e, exponent = text.partition("e")
    return digits + ("" if "." in digits else ".0") + e + exponent


_CONVERT: dict[Kind, Callable[[object], Any]] = {
    Kind.INTEGER: _integer,
    Kind.REAL: _real,
    Kind.BOOLEAN: _boolean,
    Kind.TEXT: _text,
}

_EXPECTED = {
    Kind.INTEGER: "an INTEGER is a whole number of 64 bits, or text of one",
    Kind.REAL: "a REAL is a number that 64 bits of floating point hold, or text of one",
    Kind.BOOLEAN: "a BOOLEAN is 0, 1, true or false",
    Kind.TEXT: "TEXT takes text and numbers; convert it first",
}


def _shown(value: object) -> str:
    shown = repr(value.item() if isinstance(value, np.generic) else value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _convert(table: Table, name: str, kind: Kind, value: object) -> Any:
    """The value as the kind has it, None for NULL. DataError names table and column."""
    result = _CONVERT[kind](value)
    if result is None:
        if not is_null(value):
            raise DataError(f"{table.name}.{name}: {_shown(value)} cannot be stored as {kind}", _EXPECTED[kind])
    elif result != result:
        return None
    return result


def _object(table: Table, value: object) -> int | str:
    """The object's id, or its TEXT key."""
    name = table.key_name or table.object_name
    if is_null(value):
        raise IntegrityError(f"{table.name}.{name}: an event needs an object", f"give {name} a value")
    if table.key_name is not None:
        key: str = _convert(table, table.key_name, Kind.TEXT, value)
        return key
    id = _integer(value)
    if id is None or id <= 0 or isinstance(value, (bool, np.bool_)):
        raise DataError(
            f"{table.name}.{name}: {_shown(value)} is not an object id",
            "object ids are whole numbers from 1 to 9223372036854775807",
        )
    return id


def _moment(table: Table, name: str, value: object) -> int:
    try:
        return timestamps.parse(value)
    except DataError as error:
        raise DataError(f"{table.name}.{name}: {error.args[0]}", error.hint) from None


def _no_content(table: Table) -> IntegrityError:
    states = ", ".join(p.name for p in table.states[:5])
    return IntegrityError(
        f"{table.name}: an event needs an action or a change of state, and this one has neither",
        f"give action a value{', or one of ' + states if states else ''}",
    )


def _at(row: int, error: Error) -> Error:
    """The error with the row in its message, after the column."""
    where, _, what = error.args[0].partition(": ")
    return type(error)(f"{where}: row {row}: {what}", error.hint)


def near(name: str, names: Iterable[str]) -> str:
    """A hint: the name that was perhaps meant, or all that there are."""
    known = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), known, 1)
    return f"did you mean {known[close[0]]!r}?" if close else f"there are {', '.join(known.values()) or 'none'}"


# the JSON of `changes`


def parse_changes(table: Table, text: object) -> dict[int, Any]:
    """Property id -> value (None for a change to NULL) of a JSON object, or of a mapping, of state properties."""
    where = f"{table.name}.changes"
    hint = 'write it as {"property": value, ...}, with null for a change to NULL'
    try:
        pairs = text
        if isinstance(text, str):
            pairs = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {_shown(text)} is not JSON: {error}", hint) from None
    if isinstance(pairs, Mapping):
        pairs = _Pairs(pairs.items())
    if not isinstance(pairs, _Pairs):
        raise DataError(f"{where}: {_shown(text)} is not a JSON object", hint)
    changes: dict[int, Any] = {}
    for name, value in pairs:
        property = table.find(name) if isinstance(name, str) else None
        if property is None or not property.state:
            problem = "no property" if property is None else "an attribute, not a state property,"
            raise ProgrammingError(
                f"{where}: {name!r} is {problem} of {table.name!r}", near(str(name), (p.name for p in table.states))
            )
        converted = None if value is None else _convert(table, property.name, property.kind, value)
        _same(table, property, changes, converted)
        changes[property.id] = converted
    return changes


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, with names that stand twice."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _same(table: Table, property: Property, changes: Mapping[int, Any], value: object) -> None:
    if property.id in changes and changes[property.id] != value:
        raise DataError(
            f"{table.name}.{property.name}: the event changes it to {_shown(value)} and to"
            f" {_shown(changes[property.id])}",
            "give each state property one value an event",
        )


# rows


class _Values:
    """The values of one property, as rows bring them. A None among them is a change to NULL."""

    __slots__ = ("convert", "positions", "property", "state", "values")

    def __init__(self, property: Property) -> None:
        self.property = property
        self.state = property.state
        self.convert = _CONVERT[property.kind]
        self.positions: list[int] = []
        self.values: list[Any] = []

    def sparse(self, dictionary: Dictionary) -> Sparse:
        kind, values, n = self.property.kind, self.values, len(self.values)
        positions = np.array(self.positions, np.int32)
        present = np.ones(n, bool) if None not in values else np.array([value is not None for value in values])
        array = np.zeros(n, DTYPES[kind])
        if kind is Kind.TEXT:
            if present.any():
                array[present] = dictionary.codes(self.property.id, [value for value in values if value is not None])
            return Sparse(positions, array)
        array[present] = [value for value in values if value is not None]
        return Sparse(positions, array, None if present.all() else present)


class RowBuffer:
    """Events of INSERT in order of arrival, until they become a batch. Not to be shared between threads."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._keyed = table.key_name is not None
        self.clear()

    def __len__(self) -> int:
        return len(self._ts)

    def clear(self) -> None:
        """Forget all rows."""
        self._objects: list[Any] = []
        self._ts: list[int] = []
        self._action = _Values(ACTION)
        self._columns = [_Values(property) for property in self._table.properties]
        self._by_id = {column.property.id: column for column in self._columns}

    def add(
        self, object_value: object, ts_value: object, action: object, values: Sequence[object], changes: object = None
    ) -> int | str:
        """Take one event; returns its object's id, or its key where the table has one.

        values: one for each property, in order of declaration. Raises DataError, IntegrityError or (for a name in
        `changes`) ProgrammingError, and then has taken nothing.
        """
        table = self._table
        if type(object_value) is not int or object_value <= 0 or object_value > _MAX or self._keyed:
            object_value = _object(table, object_value)
        us = _moment(table, "timestamp", ts_value)
        found = []
        changed = False
        for column, value in zip(self._columns, values, strict=True):
            if value is not None:
                converted = column.convert(value)
                if converted is None or converted != converted:
                    _convert(table, column.property.name, column.property.kind, value)  # raises if it is no NULL
                else:
                    found.append((column, converted))
                    changed = changed or column.state
        if changes is not None:
            changed = self._merge(found, parse_changes(table, changes)) or changed
        if action is not None and (type(action) is not str or not action.isascii()):
            action = _convert(table, "action", Kind.TEXT, action)
        if action is not None:
            found.append((self._action, action))
        elif not changed:
            raise _no_content(table)
        position = len(self._ts)
        self._objects.append(object_value)
        self._ts.append(us)
        for column, value in found:
            column.positions.append(position)
            column.values.append(value)
        return object_value

    def _merge(self, found: list[tuple[_Values, Any]], changes: dict[int, Any]) -> bool:
        """Add to what the columns brought; whether there are changes."""
        given = {column.property.id: value for column, value in found}
        for id, value in changes.items():
            _same(self._table, self._by_id[id].property, given, value)
            if id not in given:
                found.append((self._by_id[id], value))
        return bool(changes)

    def take(self, dictionary: Dictionary) -> Batch:
        """The rows as a batch; the buffer is empty then. If the dictionary raises, it is as it was."""
        objects = dictionary.objects(self._objects) if self._keyed else np.array(self._objects, np.int64)
        properties = {
            column.property.id: column.sparse(dictionary)
            for column in (self._action, *self._columns)
            if column.positions
        }
        batch = Batch(objects, np.array(self._ts, np.int64), properties)
        self.clear()
        return batch


# columns: whatever comes, as an array with a mask, as codes, or as a list


@dataclass(frozen=True, slots=True)
class _Plain:
    """values: numbers or datetime64 [n]; valid: bool[n], False for NULL, or None (NaN and NaT are NULL as well)."""

    values: Array
    valid: Bool | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class _Coded:
    """codes: int[n], indexes of values; any values, None for NULL."""

    codes: Array
    values: list[Any]

    def __len__(self) -> int:
        return len(self.codes)


_Column = _Plain | _Coded | list[Any]


def _named(columns: Any) -> list[tuple[Any, Any]]:
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


def _read(column: Any) -> _Column:
    """A column of any library. TypeError for what is none."""
    library = type(column).__module__.partition(".")[0]
    if library == "pandas":
        return _read_pandas(column)
    if library == "polars":
        return _read_polars(column)
    if library == "pyarrow":
        return _read_arrow(column)
    if isinstance(column, (str, bytes, bytearray, memoryview, Mapping, set, frozenset)) or not hasattr(
        column, "__iter__"
    ):
        raise TypeError(f"{type(column).__name__} is no column")
    if isinstance(column, np.ma.MaskedArray):
        return _mask(_read_numpy(np.asarray(column.data)), ~np.ma.getmaskarray(column))
    if isinstance(column, np.ndarray) or hasattr(column, "__array__"):
        return _read_numpy(np.asarray(column))
    return list(column)


def _mask(column: _Column, valid: Bool) -> _Column:
    if isinstance(column, _Plain):
        return _Plain(column.values, valid if column.valid is None else valid & column.valid)
    if isinstance(column, _Coded):
        return _Coded(np.where(valid, column.codes, len(column.values)), [*column.values, None])
    return [value if known else None for value, known in zip(column, valid.tolist(), strict=True)]


def _read_numpy(array: Array) -> _Column:
    if array.ndim != 1:
        raise TypeError(f"an array of {array.ndim} dimensions is no column")
    if array.dtype.kind in "biufM":
        return _Plain(array)
    if array.dtype.kind in "UT":
        return _encode(array)
    if array.dtype.kind in "OSV":
        return array.tolist()  # type: ignore[no-any-return]  # of bytes, too: they are refused one by one
    raise TypeError(f"an array of {array.dtype} is no column")


_ROWS = 1 << 14


class _Codes(dict[Any, int]):
    """Codes by value; a value that is new gets the next one."""

    def __missing__(self, value: Any) -> int:
        code = self[value] = len(self)
        return code


def _encode(values: Sequence[Any] | Array) -> _Coded:
    """Codes of hashable values, in order of arrival; by blocks, so that the strings of an array stay in the cache."""
    codes = np.empty(len(values), np.int32)
    known = _Codes()
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS]
        texts = block.tolist() if isinstance(block, np.ndarray) else block
        codes[start : start + len(texts)] = np.fromiter(map(known.__getitem__, texts), np.int32, len(texts))
    return _Coded(codes, list(known))


def _read_pandas(series: Any) -> _Column:
    if getattr(series, "ndim", 0) != 1:
        raise TypeError(f"{type(series).__name__} is no column")
    if type(series).__name__ != "Series":  # an Index, a Categorical, another array
        series = sys.modules["pandas"].Series(series)
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        return _Coded(series.cat.codes.to_numpy(), [*dtype.categories.tolist(), None])  # NULL is code -1, the last
    if getattr(dtype, "tz", None) is not None:
        return _Plain(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    if hasattr(dtype, "pyarrow_dtype"):
        return _read_arrow(series.array.__arrow_array__())
    if hasattr(dtype, "numpy_dtype"):  # Int64, Float64, boolean
        return _Plain(series.to_numpy(dtype=dtype.numpy_dtype, na_value=0), series.notna().to_numpy())
    if not isinstance(dtype, np.dtype) or dtype.kind == "O":
        codes, values = series.factorize()  # NULL is code -1, the last
        if all(type(value) is str for value in values):
            return _Coded(codes, [*values, None])
        return series.tolist()  # type: ignore[no-any-return]
    return _read_numpy(series.to_numpy())


def _read_polars(series: Any) -> _Column:
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
        return _mask(_Coded(codes, distinct.to_list()), series.is_not_null().to_numpy())
    valid = series.is_not_null().to_numpy() if series.null_count() else None
    if kind == "Datetime":  # with or without a zone, the number below is UTC
        unit = series.dtype.time_unit
        return _Plain(series.to_physical().fill_null(0).to_numpy().view(f"M8[{unit}]"), valid)
    if kind == "Date":
        return _Plain(series.to_physical().fill_null(0).to_numpy().astype(np.int64).view("M8[D]"), valid)
    if kind == "Boolean":
        return _Plain(series.fill_null(False).to_numpy(), valid)
    if kind.startswith(("Int", "UInt", "Float")) and "128" not in kind:
        return _Plain(series.fill_null(0).to_numpy(), valid)
    return series.to_list()  # type: ignore[no-any-return]


def _read_arrow(array: Any) -> _Column:
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
        return _Coded(np.concatenate([np.empty(0, np.int64), *codes]), [*values, None])  # NULL is code -1, the last
    valid = np.asarray(array.is_valid()) if array.null_count else None
    if kind.startswith("timestamp") or kind.startswith("date32"):
        unit = "D" if kind.startswith("date32") else array.type.unit
        numbers = array.cast("int32").cast("int64") if unit == "D" else array.cast("int64")
        return _Plain(np.asarray(numbers.fill_null(0)).view(f"M8[{unit}]"), valid)
    if kind == "bool":
        return _Plain(np.asarray(array.fill_null(False)), valid)
    if kind.startswith(("int", "uint", "float", "double", "half")):
        return _Plain(np.asarray(array.fill_null(0) if valid is not None else array), valid)
    return array.to_pylist()  # type: ignore[no-any-return]


_TYPES: dict[type, Any] = {int: np.int64, float: np.float64, bool: np.bool_}


def _typed(column: _Column) -> _Column:
    """A list as an array or as codes, if its values are alike; as it is, if a code could not tell 1 from True."""
    if not isinstance(column, list):
        return column
    kinds = set(map(type, column))
    nulls = type(None) in kinds
    kinds.discard(type(None))
    if not kinds:
        return _Plain(np.zeros(len(column)), np.zeros(len(column), bool))
    if len(kinds) == 1 and kinds <= _TYPES.keys():
        valid = np.fromiter((value is not None for value in column), bool, len(column)) if nulls else None
        try:
            return _Plain(np.array([value or 0 for value in column] if nulls else column, _TYPES[kinds.pop()]), valid)
        except OverflowError:
            return column
    if kinds <= {str, float} or kinds <= {str, int} or kinds == {Decimal}:
        return _encode(column)
    return column


def _plain_to_coded(column: _Plain) -> _Coded:
    distinct, codes = np.unique(column.values, return_inverse=True)
    values = list(distinct) if column.values.dtype.kind == "M" else distinct.tolist()
    if column.valid is None:
        return _Coded(codes, values)
    return _Coded(np.where(column.valid, codes, len(values)), [*values, None])


def _each(column: _Coded, convert: Callable[[Any], Any]) -> list[Any]:
    """Each value that occurs, converted; None for the others. An error tells the first row that has the value."""
    n = len(column.values)
    converted: list[Any] = [None] * n
    bad = np.zeros(n, bool)
    for code in _used(column.codes, n).tolist():
        try:
            converted[code] = convert(column.values[code])
        except Error:
            bad[code] = True
    if bad.any():
        row = int(np.argmax(bad[column.codes]))
        try:
            convert(column.values[column.codes[row]])
        except Error as error:
            raise _at(row, error) from None
    return converted


def _each_row(column: Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
    converted = []
    for row, value in enumerate(column):
        try:
            converted.append(convert(value))
        except Error as error:
            raise _at(row, error) from None
    return converted


def _used(codes: Array, n: int) -> Array:
    """The codes that occur, ascending."""
    seen = np.zeros(n, bool)
    seen[codes] = True
    return np.flatnonzero(seen)


def _numbers(kind: Kind, column: _Plain) -> tuple[Array, Bool | None, Bool | None]:
    """Numbers as the kind has them, where they are not NULL (None: nowhere), and where that loses something."""
    values, valid = column.values, column.valid
    bad: Bool | None = None
    of = values.dtype.kind
    if of == "f" and (null := np.isnan(values)).any():
        valid = ~null if valid is None else valid & ~null
    if valid is not None:
        values = np.where(valid, values, values.dtype.type(0))
    match kind:
        case Kind.REAL:
            result = values.astype(np.float64, copy=False)
            if of in "iu" and len(values) and (int(values.max()) > 2**53 or int(values.min()) < -(2**53)):
                top = 2.0**63 if of == "i" else 2.0**64
                bad = (result >= top) | (np.where(result >= top, 0, result).astype(values.dtype) != values)
        case Kind.BOOLEAN:
            bad = None if of == "b" else (values != 0) & (values != 1)
            result = (values != 0).view(np.uint8)
        case _:
            if of == "f":
                bad = (np.floor(values) != values) | (values >= 2.0**63) | (values < -(2.0**63))
                values = np.where(bad, 0, values)
            elif values.dtype == np.uint64:
                bad = values > _MAX
            result = values.astype(np.int64, copy=False)
    return result, valid, bad


# columns to a batch


@dataclass(frozen=True, slots=True)
class _Found:
    """A Sparse whose texts have no codes yet: if `texts` is not None, values are indexes of it."""

    property: Property
    positions: Array
    values: Array
    valid: Bool | None = None
    texts: list[str | None] | None = None

    def value(self, i: int) -> Any:
        """The i-th value, None for NULL."""
        if self.texts is not None:
            return self.texts[self.values[i]]
        return self.values[i].item() if self.valid is None or self.valid[i] else None

    def sparse(self, dictionary: Dictionary) -> Sparse:
        """With codes for texts."""
        positions = self.positions.astype(np.int32, copy=False)
        if self.texts is None:
            valid = None if self.valid is None or self.valid.all() else self.valid
            return Sparse(positions, self.values, valid)
        codes = np.zeros(len(self.texts), np.uint32)
        used = [i for i in _used(self.values, len(self.texts)).tolist() if self.texts[i] is not None]
        if used:
            codes[used] = dictionary.codes(self.property.id, [str(self.texts[i]) for i in used])
        return Sparse(positions, codes[self.values])


_OBJECT = "\0object"  # the object's role among columns; no property can be called so
_COLUMNS_HINT = "give an array, a list, or a column of pandas, polars or pyarrow"


class _Builder:
    """Makes one batch of one table's columns."""

    def __init__(self, table: Table, columns: Any) -> None:
        self.table = table
        given = self._roles(_named(columns))
        self.moments = self._timestamps(*given.pop("timestamp"))
        self.n = len(self.moments)
        name, column = given.pop(_OBJECT)
        self.objects, self.keys = self._objects(self._column(name, column))
        changes = given.pop("changes", None)
        self.found: dict[int, _Found] = {}
        for property in (ACTION, *table.properties):
            if property.name in given:
                name, column = given[property.name]
                found = self._property(property, self._column(name, column))
                if len(found.positions):
                    self.found[property.id] = found
        if changes is not None:
            self._changes(self._column(*changes))
        self._check_content()

    def batch(self, dictionary: Dictionary) -> Batch:
        """The events, with codes and ids for texts."""
        objects = self.objects
        if self.keys is not None:
            ids = np.zeros(len(self.keys), np.int64)
            used = _used(objects, len(self.keys)).tolist()
            if used:
                ids[used] = dictionary.objects([self.keys[i] for i in used])
            objects = ids[objects]
        properties = {id: found.sparse(dictionary) for id, found in self.found.items()}
        return Batch(objects, self.moments, properties)

    def _roles(self, named: Sequence[tuple[Any, Any]]) -> dict[str, tuple[str, Any]]:
        """Roles (_OBJECT, 'timestamp', 'changes', properties by name) -> the column's own name, and the column."""
        table = self.table
        names = {p.name.lower(): p.name for p in (ACTION, *table.properties)}
        names |= {"timestamp": "timestamp", "ts": "timestamp", "changes": "changes"}
        if table.key_name is None:
            names |= {"object_id": _OBJECT, table.object_name.lower(): _OBJECT}
        else:
            names[table.key_name.lower()] = _OBJECT
        roles: dict[str, tuple[str, Any]] = {}
        for name, column in named:
            role = names.get(str(name).lower())
            if role is None:
                known = [table.key_name or table.object_name, "timestamp", *(p.name for p in table.properties)]
                hint = near(str(name), [*known, "action", "changes"])
                if str(name).lower() == "object_id":
                    hint = f"ids are assigned; give {table.key_name}"
                raise ProgrammingError(f"{table.name!r} has no column {name!r}", hint)
            if role in roles:
                raise ProgrammingError(f"{table.name!r} is given {roles[role][0]!r} and {name!r}", "give one of them")
            roles[role] = str(name), column
        for role, name in ((_OBJECT, table.key_name or table.object_name), ("timestamp", "timestamp")):
            if role not in roles:
                given = ", ".join(str(name) for name, _ in named) or "none"
                raise ProgrammingError(f"{table.name!r} needs a column {name!r} in every append", f"given: {given}")
        return roles

    def _column(self, name: str, column: Any) -> _Column:
        try:
            result = _read(column)
        except TypeError as error:
            raise DataError(f"{self.table.name}.{name}: {error}", _COLUMNS_HINT) from None
        if len(result) != self.n:
            raise DataError(
                f"{self.table.name}.{name} has {len(result)} values, and timestamp has {self.n}",
                "all columns must have one length",
            )
        return result

    def _timestamps(self, name: str, column: Any) -> Int64:
        try:
            if not isinstance(column, np.ndarray) or isinstance(column, np.ma.MaskedArray):
                column = _read(column)
            if isinstance(column, _Coded):
                return self._timestamps_of_codes(name, column)
            if isinstance(column, _Plain):
                if column.valid is not None and not column.valid.all():
                    timestamps.parse_array([0] * int(np.argmin(column.valid)) + [None])  # raises
                column = column.values
            return timestamps.parse_array(column)
        except (DataError, TypeError) as error:
            where = f"{self.table.name}.{name}: "
            hint = getattr(error, "hint", _COLUMNS_HINT)
            raise DataError(where + error.args[0].removeprefix(where), hint) from None

    def _timestamps_of_codes(self, name: str, column: _Coded) -> Int64:
        used = _used(column.codes, len(column.values))
        us = np.zeros(len(column.values), np.int64)
        try:
            us[used] = timestamps.parse_array([column.values[code] for code in used.tolist()])
        except DataError:
            _each(column, lambda value: _moment(self.table, name, value))  # raises, and knows the row
        return us[column.codes]

    def _objects(self, column: _Column) -> tuple[Array, list[str] | None]:
        """Ids and None, or indexes of keys and the keys."""

        def convert(value: object) -> int | str:
            return _object(self.table, value)

        column = _typed(column)
        keyed = self.table.key_name is not None
        if isinstance(column, _Plain):
            if not keyed and column.values.dtype.kind in "iuf":
                ids, valid, bad = _numbers(Kind.INTEGER, column)
                wrong = (ids <= 0) | (False if bad is None else bad) | (False if valid is None else ~valid)
                if wrong.any():
                    row = int(np.argmax(wrong))
                    null = valid is not None and not valid[row]
                    _each_row([1] * row + [None if null else column.values[row].item()], convert)  # raises
                return ids, None
            column = _plain_to_coded(column)
        if isinstance(column, list):
            column = _encode(_each_row(column, convert))
        objects = _each(column, convert)
        if keyed:
            return column.codes, objects
        return np.array([id or 0 for id in objects], np.int64)[column.codes], None

    def _property(self, property: Property, column: _Column) -> _Found:
        """What one column says of a property: its values where they are not NULL."""

        def convert(value: object) -> Any:
            return _convert(self.table, property.name, property.kind, value)

        column = _typed(column)
        if isinstance(column, list):
            column = _typed(_each_row(column, convert))
            assert not isinstance(column, list)
        if isinstance(column, _Plain) and (property.kind is Kind.TEXT or column.values.dtype.kind == "M"):
            column = _plain_to_coded(column)
        if isinstance(column, _Coded):
            values = _each(column, convert)
            present = np.fromiter((value is not None for value in values), bool, len(values))[column.codes]
            if present.all():
                return _found_of(property, np.arange(self.n, dtype=np.int32), column.codes, values)
            positions = np.flatnonzero(present)
            return _found_of(property, positions, column.codes[positions], values)
        numbers, valid, bad = _numbers(property.kind, column)
        if bad is not None and bad.any():
            row = int(np.argmax(bad))
            _each_row([None] * row + [column.values[row].item()], convert)  # raises
        if valid is None:
            return _Found(property, np.arange(self.n, dtype=np.int32), numbers)
        positions = np.flatnonzero(valid)
        return _Found(property, positions, numbers[positions])

    def _changes(self, column: _Column) -> None:
        """Add the changes that come as JSON."""

        def convert(value: object) -> dict[int, Any]:
            return {} if is_null(value) else parse_changes(self.table, value)

        column = _typed(column)
        if isinstance(column, _Plain):
            column = _plain_to_coded(column)
        if isinstance(column, list):  # of mappings
            column = _Coded(np.arange(len(column)), column)
        parsed = [changes or {} for changes in _each(column, convert)]
        n = len(parsed)
        for property in self.table.states:
            has = np.fromiter((property.id in changes for changes in parsed), bool, n)
            positions = np.flatnonzero(has[column.codes])
            if len(positions):
                values = [changes.get(property.id) for changes in parsed]
                found = _found_of(property, positions, column.codes[positions], values)
                before = self.found.get(property.id)
                self.found[property.id] = found if before is None else self._join(before, found)

    def _join(self, column: _Found, changes: _Found) -> _Found:
        """Both as one; where both change a property, they must agree."""
        _, at, of = np.intersect1d(column.positions, changes.positions, assume_unique=True, return_indices=True)
        for i, j in zip(at.tolist(), of.tolist(), strict=True):
            try:
                _same(self.table, column.property, {column.property.id: column.value(i)}, changes.value(j))
            except DataError as error:
                raise _at(int(column.positions[i]), error) from None
        rest = np.delete(np.arange(len(changes.positions)), of)
        positions = np.concatenate([column.positions, changes.positions[rest]])
        order = np.argsort(positions, kind="stable")
        more = changes.values[rest]
        if column.texts is not None and changes.texts is not None:
            base = len(column.texts)  # codes may be written from the end
            values = np.concatenate([column.values % base, more % len(changes.texts) + base])
            return replace(column, positions=positions[order], values=values[order], texts=column.texts + changes.texts)
        valid = np.concatenate([
            np.ones(len(found.positions), bool)[rows] if found.valid is None else found.valid[rows]
            for found, rows in ((column, np.arange(len(column.positions))), (changes, rest))
        ])  # fmt: skip
        values = np.concatenate([column.values, more])
        return replace(column, positions=positions[order], values=values[order], valid=valid[order])

    def _check_content(self) -> None:
        parts = [found.positions for found in self.found.values() if found.property.state or found.property is ACTION]
        if any(len(positions) == self.n for positions in parts) or not self.n:
            return
        content = np.zeros(self.n, bool)
        for positions in parts:
            content[positions] = True
        if not content.all():
            raise _at(int(np.argmin(content)), _no_content(self.table))


def _found_of(property: Property, positions: Array, codes: Array, values: list[Any]) -> _Found:
    """Values by code; None among them is a change to NULL."""
    if property.kind is Kind.TEXT:
        return _Found(property, positions, codes, None, values)
    valid = np.fromiter((value is not None for value in values), bool, len(values))[codes]
    known = np.array([0 if value is None else value for value in values], DTYPES[property.kind])
    return _Found(property, positions, known[codes], None if valid.all() else valid)


def columns_to_batch(table: Table, columns: Any, dictionary: Dictionary) -> Batch:
    """Events of columns, in their order: what Connection.append stores.

    columns: names to columns of one length, or a frame. Names: the object's (object_id, or as the table calls it),
    timestamp or ts, action, properties, changes; the first two are required. int64 and float64 arrays are taken as they
    are, not copied. Raises ProgrammingError for names, DataError and IntegrityError for values, with the row counted
    from 0; the dictionary has then not been touched.
    """
    return _Builder(table, columns).batch(dictionary)
