"""What SQLite can still read of a damaged file: its schema, the rows of its tables, and their copies in a new file.

A page that is damaged hides the rows on it, and from a scan all that follow. So a scan that fails is taken up again
behind the damage, by seeking rows with larger and larger ids, and where there are none, from the end backwards. Rows
that a damaged inner page hides are looked for on all pages of the file (pages.py).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from ..errors import DatabaseError, OperationalError
from ..model.quoting import quote
from ..model.tokens import module_of
from ..store.shadow_tables import SHADOWS
from .pages import PageFault, PageRow, Pages, Value

_PATIENCE = 1000
"""How often a scan is taken up again behind a damaged page."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that could not be saved: where it was, why, and, if known, how many events of which objects."""

    place: str
    reason: str
    objects: tuple[int, int] | None = None
    events: int | None = None

    def __str__(self) -> str:
        details = []
        if self.objects is not None:
            details.append(f"objects {self.objects[0]} to {self.objects[1]}")
        if self.events is not None:
            details.append("1 event" if self.events == 1 else f"{self.events:,} events")
        shown = f" ({', '.join(details)})" if details else ""
        return f"{self.place}{shown}: {self.reason}"


@dataclass(slots=True)
class RepairReport:
    """What was saved, events by sky table and rows by ordinary table, and what was lost."""

    events: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """A row of sqlite_schema."""

    type: str
    name: str
    table: str
    sql: str | None


class DamagedFile:
    """A damaged file."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self.sqlite = sqlite
        self.strays = _Strays(sqlite)
        self.unread: list[str] = []
        found = self.rows("sqlite_schema", ("type", "name", "tbl_name", "sql"), "rowid", self.unread.append)
        self.schema = [SchemaRow(*row) for row in found if all(isinstance(text, str) for text in row[:3])]
        self.names = {entry.name for entry in self.schema if entry.type == "table"}
        self.skies = self._skies()

    def _skies(self) -> list[str]:
        """The sky tables: those that say so, and those of which only shadow tables are left."""
        named = [e.name for e in self.schema if self._module(e) == "sky"]
        for name in sorted(self.names):
            table = name.removesuffix("_meta")
            if table != name and table not in self.names and self.names.issuperset(f"{table}_{s}" for s in SHADOWS):
                named.append(table)
        return named

    @staticmethod
    def _module(entry: SchemaRow) -> str | None:
        module = module_of(entry.sql) if isinstance(entry.sql, str) else ""
        return module if module == "sky" or module.startswith("sky_") else None

    def sql(self, name: str) -> str | None:
        """What made a table."""
        return next((e.sql for e in self.schema if e.type == "table" and e.name == name), None)

    def ordinary(self, entry: SchemaRow) -> bool:
        """Whether an entry is neither a sky table nor a part of one, nor SQLite's own."""
        shadows = {f"{table}_{suffix}" for table in self.skies for suffix in SHADOWS}
        own = entry.name.startswith("sqlite_") or self._module(entry) is not None
        return entry.sql is not None and not own and entry.table not in shadows

    def rows(
        self, table: str, columns: Sequence[str], key: str, lose: Callable[[str], None]
    ) -> Iterator[tuple[Any, ...]]:
        """The readable rows of a table, in order of its key (columns, with commas; an integer rowid if it is one).

        lose: is told why others are not.
        """
        shown = ", ".join(map(quote, columns))
        yield from _Scan(self.sqlite, f"SELECT {key}, {shown} FROM main.{quote(table)}", len(columns), key, lose)


class _Strays:
    """Rows on pages that no tree leads to any more, as an inner page is damaged. What is in a -wal file is not seen."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self.sqlite = sqlite
        self.pages: Pages | None = None
        self.damaged: set[str] = set()  # the tables whose trees are
        self._leaves: list[int] | None = None

    def of(self, table: str, others: Callable[[str], bool]) -> Iterator[tuple[PageRow, tuple[Value, ...]]]:
        """The rows that may be the table's; none if they may as well be those of a damaged one of the others."""
        leaves = self._orphans()
        if self.pages is None or table not in self.damaged or any(map(others, self.damaged - {table})):
            return
        for leaf in leaves:
            for row in self.pages.rows(leaf):
                values = self.pages.values(row)
                if values is not None:
                    yield row, values

    def _orphans(self) -> list[int]:
        if self._leaves is None:
            self._leaves = []
            try:
                self._look()
            except (apsw.Error, PageFault, OSError, ValueError):
                self.pages = None
        return self._leaves

    def _look(self) -> None:
        path = self.sqlite.filename
        if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
            return
        with open(path, "rb") as file:
            self.pages = Pages(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        reached, _ = self.pages.reached(1)
        for name, root in self.sqlite.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").fetchall():
            found, sound = self.pages.reached(int(str(root)))
            reached |= found
            if not sound:
                self.damaged.add(str(name))
        self._leaves = list(self.pages.orphans(reached))


class _Scan:
    """Rows in order of a key that stands first in each; those behind a damaged page as well."""

    def __init__(
        self, sqlite: apsw.Connection, select: str, columns: int, key: str, lose: Callable[[str], None]
    ) -> None:
        self.sqlite = sqlite
        self.select = select
        self.columns = columns  # how many follow the key
        self.key = key
        self.width = key.count(",") + 1
        self.lose = lose

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        at: Any = None  # the key of the last row
        for _ in range(_PATIENCE):
            try:
                for row in self._after(at):
                    self._ascends(at, row)
                    at = row[: self.width]
                    yield row[self.width :]
                return
            except UnicodeDecodeError:
                found = self._mended(at)
                self.lose(f"the row after {at[-1] if at else 'none'}: a text is no UTF-8, and is mended")
            except apsw.Error as error:
                self.lose(f"rows {f'after {at[-1]} ' if at else ''}cannot be read: {_reason(error)}")
                found = self._seek(at)
            if found is None:
                break
            yield found[self.width :]
            at = found[: self.width]
        yield from self._backwards(at)

    def _ascends(self, at: Any, row: tuple[Any, ...]) -> None:
        """A damaged tree may lead back to where a scan has been."""
        key = row[: self.width]
        if at is not None and all(isinstance(part, int) for part in (*at, *key)) and key <= at:
            raise apsw.CorruptError("rows are out of order")

    def _after(self, at: Any, larger: int = 0) -> Iterator[tuple[Any, ...]]:
        return iter(self.sqlite.execute(*self._query(at, larger)))

    def _query(self, at: Any, larger: int = 0) -> tuple[str, tuple[Any, ...]]:
        if at is None:
            return f"{self.select} ORDER BY {self.key}", ()
        places = ", ".join("?" * self.width)
        last = at[-1] + larger if larger else at[-1]
        return f"{self.select} WHERE ({self.key}) > ({places}) ORDER BY {self.key}", (*at[:-1], last)

    def _mended(self, at: Any) -> tuple[Any, ...] | None:
        """The next row, whose texts are no UTF-8, with texts that are; None if there is none."""
        names = [f"c{place}" for place in range(self.width + self.columns)]
        shown = ", ".join(f"iif(typeof({c}) = 'text', CAST({c} AS BLOB), {c}), typeof({c}) = 'text'" for c in names)
        query, given = self._query(at)
        try:
            rows: Any = self.sqlite.execute(
                f"WITH r({', '.join(names)}) AS ({query} LIMIT 1) SELECT {shown} FROM r", given
            ).fetchall()
        except apsw.Error:
            return None
        for row in rows:
            pairs = zip(row[::2], row[1::2], strict=True)
            found = tuple(value.decode("utf-8", "replace") if text else value for value, text in pairs)
            if found[: self.width] != at:
                return found
        return None

    def _seek(self, at: Any) -> tuple[Any, ...] | None:
        """The first row that can be read behind the damage, as far as integer keys lead there."""
        start = (0,) if at is None else at
        if self.width > 1 or not isinstance(start[-1], int):
            return None
        for power in range(48):
            try:
                found = next(self._after(start, 1 << power), None)
                if found is not None:
                    self._ascends(start, found)
                return found
            except (apsw.Error, UnicodeDecodeError, OverflowError):
                continue
        return None

    def _backwards(self, at: Any) -> list[tuple[Any, ...]]:
        """The rows at the end, up to the damage, in order."""
        found: list[tuple[Any, ...]] = []
        order = ", ".join(f"{part} DESC" for part in self.key.split(","))
        try:
            last: Any = None
            for row in self.sqlite.execute(f"{self.select} ORDER BY {order}"):
                key = row[: self.width]
                if key == at or (last is not None and key >= last):
                    break
                found.append(row[self.width :])
                last = key
        except (apsw.Error, TypeError, UnicodeDecodeError):
            pass
        return found[::-1]


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def open_source(path: str) -> DamagedFile:
    """The file, to be read only. Raises OperationalError or DatabaseError if nothing of it can be."""
    if not os.path.exists(path):
        raise OperationalError(f"there is no database {path!r}")
    try:
        sqlite = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    except UnicodeEncodeError:
        raise OperationalError(f"cannot open {path!r}", "give it a name that is UTF-8") from None
    sqlite.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)  # a schema that is damaged in part is read in part
    source = DamagedFile(sqlite)
    if source.unread and not source.schema:
        sqlite.close()
        raise DatabaseError(f"nothing of {path!r} can be read: {source.unread[0]}", "is it a database?")
    return source


# ordinary tables


def copy_settings(source: DamagedFile, target: apsw.Connection) -> None:
    """The encoding and the numbers that a program gives to its files."""
    for pragma in ("encoding", "user_version", "application_id"):
        try:
            ((value,),) = source.sqlite.execute(f"PRAGMA {pragma}").fetchall()
            target.execute(f"PRAGMA {pragma} = {quote(str(value)) if isinstance(value, str) else value}").fetchall()
        except apsw.Error:  # then it is the default's
            continue


def copy_tables(source: DamagedFile, target: apsw.Connection, report: RepairReport) -> None:
    """Ordinary tables with their rows, and virtual ones of other modules, of which SQLite has to know."""
    report.losses += [Loss("sqlite_schema", reason) for reason in source.unread]
    entries = [entry for entry in source.schema if entry.type == "table" and source.ordinary(entry)]
    virtual = [entry for entry in entries if str(entry.sql)[:14].upper() == "CREATE VIRTUAL"]
    for entry in sorted(entries, key=lambda entry: entry not in virtual):  # they make tables of their own
        try:
            if not _exists(target, entry.name):
                target.execute(str(entry.sql))
            if entry not in virtual:
                report.rows[entry.name] = _copy_rows(source, target, entry.name, report)
        except apsw.Error as error:
            report.losses.append(Loss(f"table {entry.name}", _reason(error)))
    if "sqlite_sequence" in source.names and _exists(target, "sqlite_sequence"):
        _copy_rows(source, target, "sqlite_sequence", report)


def copy_rest(source: DamagedFile, target: apsw.Connection, report: RepairReport) -> None:
    """Indexes, views and triggers."""
    for kind in ("index", "view", "trigger"):
        for entry in source.schema:
            if entry.type == kind and source.ordinary(entry):
                try:
                    target.execute(str(entry.sql))
                except apsw.Error as error:
                    report.losses.append(Loss(f"{kind} {entry.name}", _reason(error)))


def _exists(target: apsw.Connection, name: str) -> bool:
    return bool(target.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)).fetchall())


def _copy_rows(source: DamagedFile, target: apsw.Connection, name: str, report: RepairReport) -> int:
    """Copy what is readable; returns how many rows."""
    columns: list[str] = []
    keys: dict[int, str] = {}
    for column, key in target.execute("SELECT name, pk FROM temp.pragma_table_xinfo(?) WHERE hidden = 0", (name,)):
        columns.append(str(column))
        if key:
            keys[int(str(key))] = str(column)
    listed = "SELECT wr FROM temp.pragma_table_list(?) WHERE schema = 'main'"
    ((without_rowid,),) = target.execute(listed, (name,)).fetchall()
    taken = {column.lower() for column in columns}
    rowid = None if without_rowid else next((n for n in ("rowid", "_rowid_", "oid") if n not in taken), None)
    key = rowid or ", ".join(quote(keys[at]) for at in sorted(keys)) or "1"
    written = columns if rowid is None else [rowid, *columns]
    names = ", ".join(column if column == rowid else quote(column) for column in written)
    insert = f"INSERT OR REPLACE INTO {quote(name)}({names}) VALUES ({', '.join('?' * len(written))})"
    target.execute(f"BEGIN; DELETE FROM {quote(name)}")
    count = 0
    select = f"SELECT {key}, {names} FROM main.{quote(name)}"

    def lose(reason: str) -> None:
        report.losses.append(Loss(f"table {name}", reason))

    for row in _Scan(source.sqlite, select, len(written), key, lose):
        try:
            target.execute(insert, row)
            count += 1
        except apsw.Error as error:
            report.losses.append(Loss(f"table {name}", f"a row was refused: {_reason(error)}"))
    target.execute("COMMIT")
    return count
