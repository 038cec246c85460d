"""Files of rows, a chunk of columns at a time: CSV, TSV and JSON lines (each also gzipped), and Parquet.

What a row means is the importer's and the exporter's affair; here a file is named columns of cells. A cell is None
where the file has nothing: an empty cell, a missing key, a null. Cells of CSV and TSV are texts; those of JSON lines
and Parquet have the file's types, with nested values as JSON text. Parquet needs pyarrow, which is never imported for
the others.

Invariants: the columns of a chunk have one length, that of `lines`; a line that cannot be read is in `faults` and in
no column; bytes that are not UTF-8 are a fault of their line only.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Protocol, TextIO, cast

from ..errors import DataError, NotSupportedError, OperationalError, ProgrammingError
from ..model.dtypes import Array
from .terminal import shown_on

CHUNK = 100_000
"""Rows of a chunk: enough for work by the column to pay, few enough for some tens of MB."""

PIECE = 2_000
"""Rows of CSV that are split at once: few enough to be turned into columns while the cache still holds them."""

csv.field_size_limit(1 << 30)

Cells = list[Any] | Array


class Format(StrEnum):
    """The formats, by the suffix of a file's name."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {".csv": Format.CSV, ".tsv": Format.TSV, ".tab": Format.TSV, ".jsonl": Format.JSONL,
             ".ndjson": Format.JSONL, ".json": Format.JSONL, ".parquet": Format.PARQUET}  # fmt: skip


def format_of(path: str) -> Format:
    """The format that the file's suffix names (`.gz` aside); CSV for standard input and output."""
    if path == "-":
        return Format.CSV
    suffixes = [s.lower() for s in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    found = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None:
        hint = f"give --format: {', '.join(Format)}"
        raise ProgrammingError(f"cannot tell the format of {path!r} from its name", hint)
    return found


@dataclass(frozen=True, slots=True)
class CellFault:
    """A line that cannot be imported, and why. Lines count from 1; of a Parquet file, they are its rows."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CellChunk:
    """Some rows of a file, by the column; `lines[i]` is where row i begins."""

    columns: dict[str, Cells]
    lines: Sequence[int]
    faults: list[CellFault] = field(default_factory=list)


class FileReader(Protocol):
    """A file open for reading. `typed`: cells have types of their own; `open_ended`: columns may yet appear."""

    names: list[str]
    typed: bool
    open_ended: bool

    def chunks(self, wanted: Sequence[str]) -> Iterator[CellChunk]:
        """The rows, of which only the columns `wanted` are kept."""
        ...


class Input:
    """A file's bytes, unpacked, and how far they have been read. Use as a context manager."""

    def __init__(self, path: str, format: Format | None = None) -> None:
        self.path = path
        self.format = format or format_of(path)
        self._raw: BinaryIO = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115
        self._text: TextIO | None = None
        self._reader: FileReader | None = None
        self._size = 0 if path == "-" else os.fstat(self._raw.fileno()).st_size

    def reader(self) -> FileReader:
        """The file's rows, to be read once. Raises DataError when there is no header, or it is not of this format."""
        self._reader = self._reader or self._opened()
        return self._reader

    def _opened(self) -> FileReader:
        if self.format is Format.PARQUET:
            return _Parquet(self._raw, self.path)
        text = self._unpacked()
        if self.format is Format.JSONL:
            return _JsonLines(text)
        return _Delimited(text, "\t" if self.format is Format.TSV else ",")

    def _unpacked(self) -> TextIO:
        peeked = self._raw.peek(2)[:2] if isinstance(self._raw, io.BufferedReader) else b""
        packed = io.BufferedReader(gzip.GzipFile(fileobj=self._raw), 1 << 20) if peeked == b"\x1f\x8b" else self._raw
        self._text = io.TextIOWrapper(packed, "utf-8-sig", errors="surrogateescape", newline="")
        return self._text

    def fraction(self) -> float | None:
        """How much of the file has been read, 0 to 1; None when its size is not known."""
        return self._raw.tell() / self._size if self._size else None

    def __enter__(self) -> Input:
        """The source itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file; what a broken gzip file raises becomes an OperationalError."""
        if self.path != "-":
            if self._text is not None:
                self._text.close()
            self._raw.close()
        elif isinstance(self._text, io.TextIOWrapper):
            self._text.detach()
        if isinstance(error, EOFError | gzip.BadGzipFile | gzip.zlib.error):  # type: ignore[attr-defined]
            raise OperationalError(f"{self.path!r} is a broken gzip file: {error}") from error


class _Delimited:
    """CSV (RFC 4180) and TSV: one row of names, then rows of as many cells. Blank lines are passed over."""

    typed = False
    open_ended = False

    def __init__(self, text: TextIO, delimiter: str) -> None:
        # Strict: a line with a stray quote is a fault. Otherwise it would be read as other cells than were written.
        self._rows = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            self.names = next(self._rows, [])
        except csv.Error as error:
            raise DataError(f"cannot read the header, line 1: {error}") from None
        if not self.names:
            raise DataError("the file is empty", "its first line must name the columns")
        if not _encodable("".join(self.names)):
            raise DataError("the header, line 1, is not UTF-8 text", "convert the file to UTF-8")
        if len(set(self.names)) < len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            raise DataError(f"the header names {twice!r} twice")

    def chunks(self, wanted: Sequence[str]) -> Iterator[CellChunk]:
        """The rows, of which only the columns `wanted` are kept."""
        places = [(name, self.names.index(name)) for name in wanted]
        more = True
        while more:
            columns: dict[str, Cells] = {name: [] for name in wanted}
            lines: list[int] = []
            faults: list[CellFault] = []
            while more and len(lines) < CHUNK:
                rows, starts, more = self._read(faults)
                if set(map(len, rows)) - {len(self.names)}:
                    rows, starts = self._even(rows, starts, faults)
                lines += starts
                cells = list(zip(*rows)) if rows else [()] * len(self.names)  # noqa: B905
                for name, place in places:
                    piece = cells[place]
                    columns[name] += [c or None for c in piece] if "" in piece else piece  # type: ignore[operator]
            yield _chunk(columns, lines, faults)

    def _read(self, faults: list[CellFault]) -> tuple[list[list[str]], list[int], bool]:
        """Some rows, the lines on which they begin, and whether there may be more."""
        rows: list[list[str]] = []
        lines: list[int] = []
        source = self._rows
        start = source.line_num + 1
        while True:
            try:
                for row in source:
                    rows.append(row)
                    lines.append(start)
                    start = source.line_num + 1
                    if len(rows) >= PIECE:
                        return rows, lines, True
                return rows, lines, False
            except csv.Error as error:
                faults.append(CellFault(start, f"cannot be split into cells: {error}"))
                start = source.line_num + 1

    def _even(
        self, rows: list[list[str]], lines: list[int], faults: list[CellFault]
    ) -> tuple[list[list[str]], list[int]]:
        width = len(self.names)
        for row, line in zip(rows, lines, strict=True):
            if row and len(row) != width:
                faults.append(CellFault(line, f"has {len(row)} cells, but the header names {width} columns"))
        even = [i for i, row in enumerate(rows) if len(row) == width]
        return [rows[i] for i in even], [lines[i] for i in even]


class _JsonLines:
    """One JSON object a line; its keys are the columns. A key that no line of the first chunk has may come later."""

    typed = True
    open_ended = True

    def __init__(self, text: TextIO) -> None:
        self._lines = enumerate(text, 1)
        self._first = self._read()
        self.names = list(dict.fromkeys(key for row in self._first[0] for key in row))

    def chunks(self, wanted: Sequence[str]) -> Iterator[CellChunk]:
        """The rows, of which only the columns `wanted` are kept."""
        rows, lines, faults = self._first
        self._first = ([], [], [])
        while rows or faults:
            yield _chunk({name: _flat([row.get(name) for row in rows]) for name in wanted}, lines, faults)
            self.names = list(dict.fromkeys([*self.names, *(key for row in rows for key in row)]))
            rows, lines, faults = self._read()

    def _read(self) -> tuple[list[dict[str, Any]], list[int], list[CellFault]]:
        rows: list[dict[str, Any]] = []
        lines: list[int] = []
        faults: list[CellFault] = []
        decode = json.JSONDecoder(parse_float=_number).decode
        for line, text in self._lines:
            try:
                row = decode(text)
            except (ValueError, RecursionError) as error:
                if text.strip():
                    faults.append(CellFault(line, f"is not JSON: {error}"))
                continue
            if not isinstance(row, dict):
                faults.append(CellFault(line, "is not a JSON object"))
                continue
            rows.append(row)
            lines.append(line)
            if len(rows) >= CHUNK:
                break
        return rows, lines, faults


class _Parquet:
    """An Apache Parquet file, through pyarrow."""

    typed = True
    open_ended = False

    def __init__(self, raw: BinaryIO, path: str) -> None:
        pyarrow = _pyarrow()
        from pyarrow import parquet

        try:
            self._file = parquet.ParquetFile(io.BytesIO(raw.read()) if path == "-" else raw)
        except pyarrow.lib.ArrowException as error:
            raise DataError(f"{path!r} is not a Parquet file: {error}") from None
        self.names: list[str] = list(self._file.schema_arrow.names)

    def chunks(self, wanted: Sequence[str]) -> Iterator[CellChunk]:
        """The rows, of which only the columns `wanted` are kept."""
        first = 1
        for batch in self._file.iter_batches(CHUNK, columns=list(wanted)):
            lines = range(first, first + batch.num_rows)
            first += batch.num_rows
            yield _chunk({name: _arrow_cells(batch.column(name)) for name in wanted}, lines, [])


def _arrow_cells(column: Any) -> Cells:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return cast(Array, column.to_numpy(zero_copy_only=False))
    if pa.types.is_decimal(column.type) and column.type.scale <= 0:
        return [None if cell is None else int(cell) for cell in column.to_pylist()]
    return _flat(column.to_pylist())


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise NotSupportedError("Parquet files need pyarrow", "pip install pyarrow") from None
    return pyarrow


def is_beyond(number: str) -> bool:
    """Whether the text of a number is further than doubles reach; `9e999`, as export writes infinity, is infinity."""
    return math.isinf(float(number)) and number.lstrip("-") != "9e999"


def _number(text: str) -> float | str:
    """A number of JSON that has a fraction or an exponent; one beyond doubles as it is written, as CSV has it."""
    number = float(text)
    return text if number - number and is_beyond(text) else number  # NaN of infinity


def _flat(cells: list[Any]) -> list[Any]:
    """The cells, those that hold a list or a mapping as JSON text."""
    if not {dict, list} & set(map(type, cells)):
        return cells
    return [_nested(c) if isinstance(c, dict | list) else c for c in cells]


def _nested(value: Any) -> str:
    """As JSON, in which infinity is 9e999."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _INFINITY.sub(lambda found: "9e999" if found[1] else found[0], text) if "Infinity" in text else text


_INFINITY = re.compile(r'"(?:[^"\\]|\\.)*"|(Infinity)')
"""Or a text, in which the word may stand."""


def _chunk(columns: dict[str, Cells], lines: Sequence[int], faults: list[CellFault]) -> CellChunk:
    """The chunk without the rows that hold texts which are not Unicode; those become faults."""
    broken = sorted({row for cells in columns.values() if isinstance(cells, list) for row in _not_unicode(cells)})
    if not broken:
        return CellChunk(columns, lines, faults)
    faults = faults + [CellFault(lines[row], "is not UTF-8 text") for row in broken]
    kept = sorted(set(range(len(lines))) - set(broken))
    return CellChunk({n: take(c, kept) for n, c in columns.items()}, [lines[i] for i in kept], faults)


def _not_unicode(cells: list[Any]) -> list[int]:
    try:
        texts = "".join(filter(None, cells))
    except TypeError:
        texts = "".join([c for c in cells if isinstance(c, str)])
    if texts.isascii() or _encodable(texts):
        return []
    return [row for row, cell in enumerate(cells) if isinstance(cell, str) and not _encodable(cell)]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def take(cells: Cells, rows: Sequence[int]) -> Cells:
    """Those rows of a column."""
    return [cells[i] for i in rows] if isinstance(cells, list) else cells[list(rows)]


class Csv:
    """Rows as CSV that is read as the same texts: one with a bare carriage return is quoted, too, unlike by `csv`."""

    def __init__(self, out: TextIO, delimiter: str = ",") -> None:
        self._out = out
        self._rows = io.StringIO()
        self._plain = csv.writer(self._rows, delimiter=delimiter, lineterminator="\n")
        self._quoted = csv.writer(self._rows, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append the rows."""
        self._plain.writerows(rows)
        if "\r" in self._rows.getvalue():
            self._restart()
            for row in rows:
                returns = any(isinstance(cell, str) and "\r" in cell for cell in row)
                (self._quoted if returns else self._plain).writerow(row)
        self._out.write(self._rows.getvalue())
        self._restart()

    def _restart(self) -> None:
        self._rows.seek(0)
        self._rows.truncate()


_DATABASES = b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"
"""The first bytes of databases, and of their -wal."""


def _check_replaceable(place: str, path: str) -> None:
    """Raise for a file that is not to be written, or that holds a database: maybe the very one that is exported."""
    with open(place, "ab"):
        pass
    with open(place, "rb") as file:
        if file.read(16).startswith(_DATABASES):
            raise ProgrammingError(f"{path!r} is a database", "name another file, or remove this one before")


def _open_anew(path: str) -> tuple[BinaryIO, str | None, str]:
    """(file, its name for now, its name when it is complete) of an ordinary file; a pipe or a terminal as it is, (file,
    None, path). What links lead to is meant. Raises ProgrammingError for what is no file."""
    place = os.path.realpath(path)
    try:
        there = os.stat(path)
        mode, links, made = there.st_mode, there.st_nlink, stat.S_IMODE(there.st_mode)
    except FileNotFoundError:
        mode, links, made = stat.S_IFREG, 1, None
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return open(path, "wb"), None, path
    if not stat.S_ISREG(mode):
        raise ProgrammingError(f"{path!r} is no file", "name a file, a new one or one to replace")
    if made is not None:
        _check_replaceable(place, path)
    if links > 1:
        return open(place, "wb"), None, path  # its other names stay names of it
    part = f"{place}.{secrets.token_hex(4)}.part"
    try:
        raw = open(part, "xb")
    except OSError as error:
        error.filename = path
        raise
    if made is not None:
        os.chmod(part, made)
    return raw, part, place


class FileWriter:
    """Writes rows to a file that appears under its name only when complete. Use as a context manager.

    A file that was there is then replaced, also behind a symbolic link, and keeps its permissions. Pipes, terminals and
    files with several names are written to as they are, and devices and directories are refused.

    types: one Arrow type a column ('int64', 'string', 'timestamp', 'decimal128(10, 2)'), which only Parquet needs.
    """

    def __init__(self, path: str, format: Format, names: Sequence[str], types: Sequence[str]) -> None:
        self._path, self._format, self._names = path, format, list(names)
        if format is Format.PARQUET:
            _pyarrow()
        self._raw: IO[bytes] = sys.stdout.buffer
        self._part: str | None = None
        if path != "-":
            self._raw, self._part, self._path = _open_anew(path)
        packed = cast(IO[bytes], gzip.GzipFile("", "wb", 6, self._raw, 0)) if path.endswith(".gz") else None
        self._packed = packed
        self._open(packed or self._raw, types)

    def _open(self, raw: IO[bytes], types: Sequence[str]) -> None:
        if self._format is Format.PARQUET:
            import pyarrow as pa
            from pyarrow import parquet

            fields = [(n, _arrow_type(t)) for n, t in zip(self._names, types, strict=True)]
            self._schema = pa.schema(fields)
            self._parquet = parquet.ParquetWriter(raw, self._schema)
            return
        self._text = shown_on(io.TextIOWrapper(raw, "utf-8", newline=""))
        self._csv = Csv(self._text, "\t" if self._format is Format.TSV else ",")
        if self._format is not Format.JSONL:
            self._csv.write([self._names])

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append the rows."""
        match self._format:
            case Format.PARQUET:
                import pyarrow as pa

                columns = list(zip(*rows))  # noqa: B905
                arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
                self._parquet.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
            case Format.JSONL:
                self._text.writelines(self._json(row) for row in rows)
            case _:
                self._csv.write([_infinite(row) for row in rows])

    def _json(self, row: Sequence[Any]) -> str:
        return json_object({n: v for n, v in zip(self._names, row, strict=True) if v is not None}) + "\n"

    def __enter__(self) -> FileWriter:
        """The writer itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Finish the file, or remove what there is of it after an error."""
        if self._format is Format.PARQUET:
            self._parquet.close()
        else:
            self._text.flush()
            cast(io.TextIOWrapper, self._text).detach()
        if self._packed:
            self._packed.close()
        if self._path == "-":
            self._raw.flush()
            return
        self._raw.close()
        if self._part is None:
            return
        if kind is None:
            os.replace(self._part, self._path)
        else:
            os.unlink(self._part)  # this writer has made it, under a name of its own


def _arrow_type(name: str) -> Any:
    """The type of a name of pyarrow's, which may have numbers behind it: decimal128(10, 2)."""
    import pyarrow as pa

    if name == "timestamp":
        return pa.timestamp("us", "UTC")
    made, _, numbers = name.rstrip(")").partition("(")
    return getattr(pa, made)(*map(int, filter(None, numbers.split(","))))


def json_object(cells: Mapping[str, Any]) -> str:
    """The cells as JSON, in which infinity is 9e999: JSON has none, and this number is read as one."""
    if not any(isinstance(v, float) and math.isinf(v) for v in cells.values()):
        return json.dumps(cells, ensure_ascii=False)
    texts = _infinite([json.dumps(v, ensure_ascii=False) if v not in _INFINITE else v for v in cells.values()])
    return "{" + ", ".join(f"{json.dumps(n)}: {t}" for n, t in zip(cells, texts, strict=True)) + "}"


_INFINITE = (math.inf, -math.inf)


def _infinite(row: Sequence[Any]) -> Sequence[Any]:
    """Infinities as the number that SQLite reads as one, for JSON and CSV have none."""
    if math.inf not in row and -math.inf not in row:
        return row
    return [(("9e999" if v > 0 else "-9e999") if isinstance(v, float) and math.isinf(v) else v) for v in row]
