"""A session: the statements that one front runs on one connection, and their transactions.

    with session.guard:                             each use of a session and of its results, a thread at a time
        result = session.run(sql, parameters)       plan, begin the transaction that is due, run up to the first row
        rows = result.take_all()

Invariants
- What SQLite raises leaves the guard as an error of skysql.errors, with a hint where there is something to do; what
  virtual tables and user functions raise leaves as it is.
- BEGIN runs between the preparation of a statement and its first step, so that one that cannot be prepared opens no
  transaction.
- A statement that fails leaves nothing of itself in sky tables, whose events wait in memory, out of SQLite's sight.
- A plan is of the schema that the statement runs on: one that another connection outdates meanwhile is made anew.
- A result is one row ahead of its reader: after its last row no statement is left running, which would hold a
  read snapshot open and stop DROP TABLE and COMMIT.

Not here: values of Python's that SQLite has no type for, factories of rows, and other things of PEP 249 (dbapi/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import apsw

from .. import errors
from ..interruption import looking
from .guard import Guard
from .sqlite_errors import translate, unbound
from .statements import READS, SplitText, analyse, statements

if TYPE_CHECKING:
    from ..write.statement import Statement
    from .engine import Engine
    from .prepared import Plan
    from .watch import Watch

V = TypeVar("V")

Row: TypeAlias = tuple[Any, ...]
Bindings: TypeAlias = Sequence[Any] | Mapping[str, Any]
Run: TypeAlias = Callable[[str, Bindings], None]

_NOTHING: frozenset[Any] = frozenset()

_PLANS = 10
"""How often a statement is planned at the most, while others alter what it reads."""


class Session:
    """Statements of one connection, which has no other session.

    isolation_level: "", "DEFERRED", "IMMEDIATE" or "EXCLUSIVE": how the first INSERT, UPDATE, DELETE or REPLACE begins
    a transaction; None: none does.
    autocommit: None: isolation_level says when transactions begin. True: never by itself. False: one is always open.
    watch: who is shown each statement before it runs, if anybody is.
    """

    def __init__(self, engine: Engine, guard: Guard) -> None:
        self.engine = engine
        self.guard = guard
        self.isolation_level: str | None = ""
        self.autocommit: bool | None = None
        self.watch: Watch | None = None
        self._sqlite = engine.sqlite

    @classmethod
    def open(cls, path: str, **options: Any) -> Self:
        """A session on a file; options: Engine's."""
        from .engine import Engine  # late: it loads all the rest, which `import skysql` alone can do without

        guard = Guard()
        with guard:
            return cls(Engine(path, **options), guard)

    # statements

    def run(self, sql: str, parameters: Bindings = (), result: Result | None = None) -> Result:
        """Run one statement, which may be empty, with a sequence of values for ? or a mapping for :name.

        result: one of this session that is of no more use, to be used again; it is the one that is returned.
        """
        result = Result(self) if result is None else result
        analysed = result._begin(sql)
        text = self._run(analysed, result, result._first, parameters)
        result._ran(text, parameters)
        return result

    def run_many(self, sql: str, rows: Iterable[Bindings], result: Result | None = None) -> Result:
        """Run a statement once for each set of parameters. Rows that it gives are dropped; rowcount is that of all."""
        result = Result(self) if result is None else result
        analysed, rest, given = result._begin(sql), iter(rows), _Given()
        first: list[Bindings] = [] if self.watch is None else list(islice(rest, 1))
        rest = chain(first, rest)

        def run(text: str, _: Bindings) -> None:
            nonlocal rest
            try:
                result._all(text, self._counted(rest, result, given, analysed.text))
            finally:
                rest, given.under_way = chain(given.under_way, rest), []  # for the next attempt, if there is one

        try:
            self._run(analysed, result, run, first[0] if first else None)
        except OverflowError as error:
            raise unbound(error, given.parameters) from None
        finally:
            result._writes = False
        return result

    def run_script(self, script: str) -> None:
        """Commit, then run the statements one after the other, dropping their rows."""
        if self.autocommit is None:
            self.commit()
        result = Result(self)
        for sql in looking(statements(script)):
            analysed = result._begin(sql)
            self._run(analysed, result, result._drain, (), begins=False)

    def _run(
        self, analysed: SplitText, result: Result, run: Run, parameters: Bindings | None, *, begins: bool = True
    ) -> str:
        """Plan a statement and run SQLite's text, which is returned; both anew if a table was altered in between."""
        sql = analysed.text
        for left in reversed(range(_PLANS)):
            text = sql
            try:
                if analysed.reads:
                    prepared = self.engine.prepare(sql)
                    text, result.plan = prepared.sql, prepared.plan
                result._start.begin = self._due() if analysed.writes and begins else ""
                if self.watch is not None:
                    text = self._watched(self.watch, result, sql, text, parameters)
                self._attempt(analysed, sql, result, run, text, () if parameters is None else parameters)
                break
            except (errors.OperationalError, apsw.SchemaChangeError) as error:
                if not left or not self._is_outdated(error, analysed, sql, text):
                    raise
        if analysed.verb == "DETACH":
            self.engine.tables.detached()
        elif analysed.verb == "ROLLBACK":
            self.engine.rolled_back()
        return text

    def _watched(self, watch: Watch, result: Result, sql: str, text: str, parameters: Bindings | None) -> str:
        """Show a statement to those who watch, after the BEGIN that it runs first; the text to run.

        parameters: None of a statement that is not going to run, as executemany() got none.
        """
        asked = watch.ask(sql)
        hidden = watch.hidden
        reports = result.plan is not None and result.plan.reports
        if watch.authorizer is not None and (reports or (not asked and text != sql)):
            watch.ask_planned(text, self.engine.tables_in(sql, parameters))
            hidden = watch.hidden = hidden | watch.hidden
        if result._start.begin:
            watch.by_itself(result._start.begin)
        if parameters is not None:
            watch.tell(sql, parameters, text != sql)
        watch.hidden = result._hidden = hidden
        if not hidden or not asked:
            return text
        result.plan = None
        return sql

    def _due(self) -> str:
        """The BEGIN that a statement that writes has to run first, or ""."""
        none = self.isolation_level is None or self.autocommit is not None
        return "" if none or self._sqlite.in_transaction else f"BEGIN {self.isolation_level}"

    def _attempt(
        self, analysed: SplitText, sql: str, result: Result, run: Run, text: str, parameters: Bindings
    ) -> None:
        """Run a statement. If it fails, what it has asked of sky tables goes, too; and its error gets a hint."""
        under_way = self.engine.under_way
        statement = result._statement = under_way.begin()
        try:
            if analysed.writes:
                self.engine.counts.begin()
            run(text, parameters)
            if analysed.writes:
                statement.check()
        except BaseException as error:
            self._failed(analysed, error)
            if isinstance(error, apsw.SQLError) and error.__cause__ is None:
                message = self.engine.shown(str(error))
                raise translate(error, message, self.engine.hint(message, sql)) from None
            raise
        finally:
            under_way.end(statement)

    def _failed(self, analysed: SplitText, error: BaseException) -> None:
        if analysed.writes:
            self.engine.undo(told=isinstance(error, apsw.ConstraintError))
        elif analysed.verb not in READS:
            self.engine.reread()

    def _is_outdated(self, error: Exception, analysed: SplitText, sql: str, text: str) -> bool:
        """Whether a statement has failed for a plan that would be another by now."""
        if isinstance(error, errors.AlteredError | apsw.SchemaChangeError):
            return True
        named = analysed.reads and text != sql and str(error).startswith("no such ")
        return named and self.engine.prepare(sql).sql != text

    def _counted(self, rows: Iterable[Bindings], result: Result, given: _Given, sql: str) -> Iterator[Bindings]:
        """The parameters, adding up how many rows each changed; total_changes would count what triggers did too."""
        changes, statement = self.engine.counts.changes, self.engine.under_way.innermost
        interruption = self.guard.interruption
        for row in rows:
            interruption.check()
            if self.watch is not None:
                if given.parameters != ():  # the first was told of with the statement
                    self.watch.tell(sql, row, True)
                self.watch.hidden = result._hidden  # not that of a statement which a function has run
            given.parameters, given.under_way = row, [row]
            yield row
            given.under_way = []
            if result._writes:
                result.rowcount += changes()
                statement.again()

    # transactions

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._sqlite.in_transaction

    @property
    def total_changes(self) -> int:
        """Rows changed since the connection was opened, those of a sky table's own storage not among them."""
        return self.engine.counts.total()

    def control(self, autocommit: bool | None) -> None:
        """Change what begins transactions; one that is open is committed where none is to be, one begun where it is."""
        self.autocommit = autocommit
        if autocommit and self._sqlite.in_transaction:
            self._by_itself("COMMIT")
        self.begin()

    def commit(self) -> None:
        """Make the open transaction durable, if there is one."""
        if self._sqlite.in_transaction and self.autocommit is not True:
            self._by_itself("COMMIT")
        self.begin()

    def begin(self) -> None:
        """Begin a transaction, if one is to be open always."""
        if self.autocommit is False and not self._sqlite.in_transaction:
            self._by_itself("BEGIN")

    def _by_itself(self, text: str) -> None:
        if self.watch is not None:
            self.watch.by_itself(text)
        self._sqlite.execute(text)

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        if self._sqlite.in_transaction and self.autocommit is not True:
            self._by_itself("ROLLBACK")
            self.engine.rolled_back()
        self.begin()

    def interrupt(self) -> None:
        """Stop what another thread is running: it raises OperationalError there. Not within the guard: it has that."""
        if self.guard.closed:
            raise errors.ProgrammingError("Cannot operate on a closed database.")
        self.guard.interruption.stop()
        self._sqlite.interrupt()

    def close(self) -> None:
        """Close the connection, undoing an open transaction; may be called again, and without the guard."""
        with self.guard.lock:
            if not self.guard.closed:
                with self.guard:
                    if self.autocommit is False and self._sqlite.in_transaction:
                        self._by_itself("ROLLBACK")
                    self.engine.close()
                self.guard.closed = True


class _Given:
    """The parameters that one of many statements was given last; under_way: the same, as long as it has not ended."""

    __slots__ = ("parameters", "under_way")

    def __init__(self) -> None:
        self.parameters: Bindings = ()
        self.under_way: list[Bindings] = []


class _Start:
    """apsw calls it between the preparation of a statement and its first step.

    It refers to no Result: a cycle would keep a statement that was not read to its end, and with it a read
    transaction, alive until the garbage collector comes by.
    """

    __slots__ = ("begin", "columns", "once", "sqlite")

    def __init__(self, sqlite: apsw.Connection) -> None:
        self.sqlite = sqlite
        self.begin = ""  # the BEGIN to run first, if any
        self.once = False  # whether to be called for the first of many only
        self.columns: tuple[tuple[Any, ...], ...] = ()  # name, declared type, and more that PEP 249 has for each

    def __call__(self, cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        self.columns = cursor.description or ()  # not get_description(): apsw keeps what that gives, and it may change
        if self.once:
            cursor.exec_trace = None
        if self.begin:
            self.sqlite.execute(self.begin)
        return True


class Result:
    """The rows of a statement: an iterator, with what else there is to say of it.

    rowcount:   how many rows it changed; -1 of a statement that changes none. Final when the last row was taken.
    lastrowid:  the rowid of the row that was inserted last, by this statement or one before; None before the first.
    plan:       what of it was pushed down, or None.
    """

    def __init__(self, session: Session) -> None:
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.plan: Plan | None = None
        self._session = session
        self._ahead: Row | None = None  # the next row to hand out; None at the end
        self._statement: Statement | None = None  # that it is of, as long as there are rows to come
        self._writes = False  # whether rowcount is to be set when the statement ends
        self._columns: tuple[tuple[Any, ...], ...] = ()  # as those of _Start
        self._rerun: tuple[str, Any] | None = None  # of a result without rows: see _describe_anew
        self._hidden: frozenset[Any] = _NOTHING  # what an authorizer has said to read as NULL
        sqlite = session._sqlite
        self._raw = sqlite.cursor()
        self._raw.exec_trace = self._start = _Start(sqlite)

    # rows

    def __iter__(self) -> Result:
        return self

    def __next__(self) -> Row:
        row = self.take()
        if row is None:
            raise StopIteration
        return row

    def take(self) -> Row | None:
        """The next row, or None."""
        row = self._ahead
        if row is not None:
            self._ahead = None
            self._take(self._stepped(next, self._raw, None))
        return row

    def take_some(self, size: int) -> list[Row]:
        """The next rows: at least one, and at most `size`."""
        first, self._ahead = self._ahead, None
        if first is None:
            return []
        rows = [first, *self._stepped(list, islice(self._raw, size - 1))]
        self._take(self._stepped(next, self._raw, None))
        return rows

    def take_all(self) -> list[Row]:
        """The rows that are left."""
        first, self._ahead = self._ahead, None
        if first is None:
            return []
        rows: list[Row] = self._stepped(self._raw.fetchall)
        rows.insert(0, first)
        self._take(None)
        return rows

    def close(self) -> None:
        """Let go of the statement and the rows that are left."""
        self._ahead = self._statement = None
        self._raw.close(True)

    def forget(self) -> None:
        """Hand out none of the rows that are left, and tell nothing of the statement."""
        self._ahead = self.plan = self._rerun = self._statement = None
        self._hidden = _NOTHING
        self._columns = self._start.columns = ()
        self._writes, self.rowcount = False, -1

    @property
    def columns(self) -> tuple[tuple[str, str | None], ...]:
        """(name, declared type or None) of each column; () of a statement without rows."""
        if self._rerun is not None:
            self._describe_anew(*self._rerun)
            self._rerun = None
        shown = self._session.engine.shown
        return tuple((shown(column[0]), column[1]) for column in self._columns)

    def _describe_anew(self, text: str, parameters: Bindings) -> None:
        """Prepare a statement that gave no rows again, without running it.

        SQLite has by now forgotten its columns, and those that _Start saw are from before SQLite noticed a change of
        the schema, if apsw found the statement in its cache.
        """
        sqlite = self._session._sqlite
        start = _Start(sqlite)
        try:
            with self._session.guard:
                cursor = sqlite.cursor()
                cursor.exec_trace = lambda *call: not start(*call)  # False: do not run it
                cursor.execute(text, parameters, can_cache=False)
        except errors.Error:
            self._columns = start.columns or self._columns

    # for the session

    def _begin(self, sql: str) -> SplitText:
        """Forget the statement before, and look at the new one."""
        self.forget()
        analysed = analyse(sql)
        self._raw.row_trace = _explained(self._session.engine) if analysed.verb == "EXPLAIN" else None
        self._writes = analysed.writes
        self.rowcount = 0 if analysed.writes else -1
        return analysed

    def _first(self, text: str, parameters: Bindings) -> None:
        """Run SQLite's text up to the first row."""
        try:
            self._raw.execute(text, parameters, can_cache=not self._hidden)
        except (KeyError, OverflowError) as error:
            raise unbound(error, parameters) from None
        self._take(next(self._raw, None))

    def _all(self, text: str, rows: Iterable[Bindings]) -> None:
        """Run SQLite's text once for each set of parameters, dropping its rows."""
        self._start.once, self._raw.exec_trace = True, self._start
        try:
            for _ in self._raw.executemany(text, rows, can_cache=not self._hidden):
                pass
        finally:
            self._start.once, self._raw.exec_trace = False, self._start

    def _drain(self, text: str, _: Bindings) -> None:
        """Run SQLite's text, dropping its rows."""
        for _ in self._raw.execute(text, can_cache=not self._hidden):
            pass

    def _ran(self, text: str, parameters: Bindings) -> None:
        """It has run up to the first row."""
        self._columns = self._start.columns
        if self._columns:
            if self._ahead is not None:
                self._columns = self._raw.get_description()  # the schema may have changed since it was prepared
            else:
                self._rerun = text, parameters
        self.lastrowid = self._session._sqlite.last_insert_rowid()

    def _take(self, row: Row | None) -> None:
        self._ahead = row
        if row is None:
            self._statement = None
            if self._writes:
                self.rowcount = self._session.engine.counts.changes()
                self._writes = False

    def _stepped(self, step: Callable[..., V], *arguments: Any) -> V:
        """Take rows. If a function asks for them, they are not part of the statement that it is called in."""
        under_way, statement = self._session.engine.under_way, self._statement
        if statement is None or (under_way.innermost.outer is None and not statement.snapshots):
            return step(*arguments)
        under_way.resume(statement)
        try:
            return step(*arguments)
        finally:
            under_way.end(statement)


def _explained(engine: Engine) -> Callable[[apsw.Cursor, Row], Row]:
    """What apsw calls for each row of EXPLAIN; it refers to no Result either."""
    return lambda _, row: tuple(engine.shown(value) if isinstance(value, str) else value for value in row)


__all__ = ["Bindings", "Result", "Row", "Session"]
