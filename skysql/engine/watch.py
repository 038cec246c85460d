"""Who watches the statements of a session: an authorizer, a trace. They see what the user wrote, on the user's tables.

A statement that is planned is another text by the time it runs, and reads tables that it does not name. So the text
that was written is prepared first, for them to see. If an authorizer has a column read as NULL, which a plan could not,
it is that text which runs.

What SQLite cannot prepare as it is written (FOR SYSTEM_TIME AS OF, MATCH_RECOGNIZE, ASOF JOIN) is asked about as it is
planned, without the results that stand for sky tables; and of each sky table that it names, all columns, as the reports
are about theirs. No column of these can be hidden, so that what would be is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import apsw

from ..errors import DatabaseError
from ..model.quoting import quote

Authorizer: TypeAlias = Callable[[int, str | None, str | None, str | None, str | None], int]
Trace: TypeAlias = Callable[[str, bool], object]
"""Is told a text, and whether its parameters are in it, which may be too long."""

Asked: TypeAlias = tuple[Any, ...]


class Watch:
    """Shows statements to them.

    hidden: what the authorizer has said to read as NULL in the statement that SQLite prepares next, or prepares anew
    when it begins to run, as the schema has changed.
    """

    def __init__(self, sqlite: apsw.Connection, named_in: Callable[[str], bool]) -> None:
        """named_in: whether a text has the name of a result."""
        self.trace: Trace | None = None
        self.hidden: frozenset[Asked] = frozenset()
        self._authorizer: Authorizer | None = None
        self._sqlite = sqlite
        self._named_in = named_in
        self._answers: dict[Asked, int] | None = None  # while the authorizer is asked

    @property
    def authorizer(self) -> Authorizer | None:
        """Who is asked what a statement may do."""
        return self._authorizer

    @authorizer.setter
    def authorizer(self, authorizer: Authorizer | None) -> None:
        self._authorizer = authorizer
        # It stays while nothing is asked: to change it has SQLite prepare every statement anew.
        self._sqlite.authorizer = None if authorizer is None else self._asked

    def ask(self, sql: str) -> bool:
        """Ask what a statement may do. False if SQLite cannot prepare it; raises DatabaseError if it may not run."""
        self.hidden = frozenset()
        if self._authorizer is None or not self._prepare(sql):  # which also connects tables, of which nobody is told
            return self._authorizer is None
        answers: dict[Asked, int] = {}
        self._answers = answers
        try:
            self._prepare(sql)
        except apsw.AuthError as error:
            raise DatabaseError(str(error).removeprefix("AuthError: ")) from None
        finally:
            self._answers = None
        self.hidden = frozenset(what for what, answer in answers.items() if answer == apsw.SQLITE_IGNORE)
        return True

    def ask_planned(self, text: str, tables: Iterable[tuple[str, str]]) -> None:
        """The same of a statement as it is planned, and of all columns of the tables (database, name) that it names."""
        self.ask(text)
        hidden = self.hidden
        for database, name in tables:
            self.ask(f"SELECT * FROM {quote(database)}.{quote(name)}")
            if self.hidden:
                raise DatabaseError(f"access to a column of {name} is prohibited")
        self.hidden = hidden

    def tell(self, sql: str, parameters: Any, planned: bool) -> None:
        """Tell of a statement that is about to run. planned: whether another text runs in its place."""
        if self.trace is None:
            return
        expanded: list[str | None] = []
        if self._prepare(sql, parameters, expanded) or planned:
            text = expanded[0] if expanded else sql  # what SQLite cannot prepare is told as it is written
            self.trace(sql if text is None else text, text is not None)

    def by_itself(self, text: str) -> None:
        """Ask and tell of a statement that the session runs by itself."""
        self.ask(text)
        if self.trace is not None:
            self.trace(text, True)

    def _asked(self, action: int, *names: Any) -> int:
        what, answers = (action, *names), self._answers
        if answers is None or self._authorizer is None:
            return apsw.SQLITE_IGNORE if what in self.hidden else apsw.SQLITE_OK
        if any(isinstance(name, str) and self._named_in(name) for name in names):
            return apsw.SQLITE_OK
        answer = answers[what] = self._authorizer(action, *names)
        return answer

    def _prepare(self, sql: str, parameters: Any = None, expanded: list[str | None] | None = None) -> bool:
        """Prepare a statement without running it; whether SQLite could."""
        cursor = self._sqlite.cursor()

        def stop(cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
            if expanded is not None:
                try:
                    expanded.append(cursor.expanded_sql)
                except (MemoryError, apsw.NoMemError):  # it is longer than SQLITE_LIMIT_LENGTH
                    expanded.append(None)
            return False

        cursor.exec_trace = stop
        try:
            cursor.execute(sql, parameters, can_cache=False)
        except (apsw.ExecTraceAbort, apsw.BindingsError):
            return True
        except apsw.AuthError:
            raise
        except (apsw.Error, KeyError, OverflowError, TypeError):
            return False  # so will the statement, and says why
        finally:
            cursor.exec_trace = None
            cursor.close(True)
        return True  # there was nothing to run
