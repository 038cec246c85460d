"""SQLite as the evaluator of a scan: columns in, values out, on the user's own connection.

So functions and collations that the user has registered are there. The columns are read through a published relation
with the declared types of the originals, as those decide affinities.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apsw

from vtab import RowBatch
from vtab.protocols import Constraint, Declared, Fault

from ..functions import PathFunction
from ..model.quoting import quote
from ..model.values import Value
from ..scan.by_sqlite import K, Typed
from ..sql.reads import reference
from ..store.cache import Cache
from .published import Results

OVERFLOW = "integer overflow"
"""What SQLite says of a sum of integers that leaves 64 bits."""


class _Feed:
    """A relation that yields the columns that lie ready."""

    order: Sequence[frozenset[int]] = ()
    indexed: frozenset[int] = frozenset()

    def __init__(self, columns: Sequence[Declared]) -> None:
        self.columns = columns
        self.data: Sequence[Sequence[Value]] = ()
        self.length = 0

    def exact(self, _column: int, _op: str) -> None:
        return None

    def cheap(self, _column: int) -> bool:
        return False

    def estimate(self, _constraints: object) -> int:
        return 1000

    def explain(self, _constraints: object, _values: object) -> str:
        return ""

    def scan(self, _columns: frozenset[int], _constraints: Sequence[Constraint]) -> Iterator[RowBatch]:
        yield RowBatch(dict(enumerate(self.data)), range(self.length))


class SQLiteEvaluator:
    """Implements `evaluate.Evaluator` on a connection."""

    def __init__(
        self, sqlite: apsw.Connection, results: Results, cache: Cache, functions: Iterable[PathFunction]
    ) -> None:
        self.functions = {function.name: function for function in functions}
        self._sqlite = sqlite
        self._results = results
        self._cache = cache
        self._stamp = secrets.randbits(63)  # of what this connection has cached
        self._feeds: dict[tuple[Typed, ...], tuple[str, _Feed]] = {}

    def _feed(self, names: Sequence[Typed], data: Sequence[Sequence[Value]], length: int) -> str:
        """What to select from."""
        key = tuple(names)
        if key not in self._feeds:
            name, feed = self._results.fresh(), _Feed([Declared(label, type or "") for label, type in key])
            self._results.publish(name, feed, "values")
            self._feeds[key] = _without_affinity(reference(name), key), feed
        source, feed = self._feeds[key]
        feed.data, feed.length = data, length
        return source

    def values(
        self, text: str, names: Sequence[Typed], data: Sequence[Sequence[Value]], parameters: Sequence[Value]
    ) -> list[Value]:
        """The expression for each row; without columns, its one value."""
        if not names:
            return [self._run(f"SELECT {text}", parameters)[0][0]]
        texts = _bound(names, data)
        if texts is not None:
            source = f"(SELECT CAST(value AS TEXT) AS {quote(names[0][0])} FROM temp.carray(:texts))"
            return [value for (value,) in self._run(f"SELECT {text} FROM {source}", parameters, {"texts": texts})]
        feed = self._feed(names, data, len(data[0]))
        return [value for (value,) in self._run(f"SELECT {text} FROM {feed}", parameters)]

    def value(self, text: str, bindings: Mapping[str, Value], parameters: Sequence[Value]) -> Value:
        """An expression without columns, with parameters of its own beside those of the scan."""
        bound = {**bindings, **{f"p{at}": value for at, value in enumerate(parameters, 1)}}
        rows: list[tuple[Value, ...]] = self._sqlite.cursor().execute(f"SELECT {text}", bound or None).fetchall()
        return rows[0][0]

    def aggregates(
        self,
        text: str,
        names: Sequence[Typed],
        data: Sequence[Sequence[Value]],
        groups: Sequence[int],
        parameters: Sequence[Value],
    ) -> dict[int, Any]:
        """The aggregate by group; a Fault for an integer sum beyond 64 bits. With no rows, {0: its value for none}."""
        feed = self._feed([("the group", "INTEGER"), *names], [groups, *data], len(groups))
        query = f'SELECT "the group", {text} FROM {feed} GROUP BY 1' if len(groups) else f"SELECT 0, {text} FROM {feed}"
        try:
            return {group: value for group, value in self._run(query, parameters)}  # type: ignore[misc]
        except apsw.SQLError as error:
            if str(error) != OVERFLOW:
                raise
        low, high = min(groups), max(groups)
        if low == high:
            return {low: Fault(OVERFLOW)}
        middle = (low + high) // 2
        found: dict[int, Any] = {}
        for half in (range(low, middle + 1), range(middle + 1, high + 1)):
            at = [place for place, group in enumerate(groups) if group in half]
            parts = [[values[place] for place in at] for values in data]
            found |= self.aggregates(text, names, parts, [groups[place] for place in at], parameters) if at else {}
        return found

    def row(self, query: str) -> tuple[Value, ...]:
        """The first row of a query without parameters."""
        return self._run(query, ())[0]

    def cached(self, query: str, make: Callable[[tuple[Value, ...]], K]) -> K:
        """make(row(query)), out of the cache if nothing was written to the main database since it was made."""
        version = self._main_version()
        key = self._stamp, version, query
        found: K | None = None if version is None else self._cache.find(key)
        if found is None:
            found = make(self.row(query))
            if version is not None and version == self._main_version():
                self._cache.keep(key, found)
        return found

    def _main_version(self) -> int | None:
        """A number that changes with each commit to main, by any connection; None where that is not enough.

        It is not enough while this connection has written and not committed; nor in a database without a file, whose
        content can be replaced as a whole (deserialize).
        """
        self._sqlite.execute("PRAGMA main.schema_version").fetchall()  # a read, to see what others have committed
        if self._sqlite.txn_state("main") == apsw.SQLITE_TXN_WRITE or not self._sqlite.db_filename("main"):
            return None
        return self._sqlite.data_version("main")

    def functions_changed(self) -> None:
        """Functions or collations have changed: results that were cached do not hold any more."""
        self._stamp = secrets.randbits(63)

    def _run(
        self, text: str, parameters: Sequence[Value], more: Mapping[str, Any] | None = None
    ) -> list[tuple[Value, ...]]:
        bindings: dict[str, Any] = {f"p{at}": value for at, value in enumerate(parameters, 1)} | dict(more or {})
        return self._sqlite.cursor().execute(text, bindings or None).fetchall()


_MANY = 64
"""A column of at least this many texts is given to SQLite as an array, which takes a third of the time."""


def _bound(names: Sequence[Typed], data: Sequence[Sequence[Value]]) -> Any:
    """A single column of texts as carray takes it; None for other columns, for texts with a NUL, and without carray."""
    if len(names) != 1 or names[0][1] != "TEXT" or len(data[0]) < _MANY or not hasattr(apsw, "carray"):
        return None
    if set(map(type, data[0])) != {str}:
        return None
    try:
        return apsw.carray(tuple(data[0]))
    except ValueError:
        return None


def _without_affinity(name: str, columns: Sequence[Typed]) -> str:
    """The relation of that name, or a select of it in which columns without a type are expressions."""
    if all(type is not None for _, type in columns):
        return name
    texts = [quote(label) if type is not None else f"+{quote(label)} AS {quote(label)}" for label, type in columns]
    return f"(SELECT {', '.join(texts)} FROM {name})"
