"""Who watches the statements of a session: an authorizer, a trace. They see what the user wrote, on the user's tables.

A statement that is planned is another text by the time it runs, and reads tables that it does not name. So the text
that was written is prepared first, for them to see. If an authorizer has a column read as NULL, which a plan could not,
it is that text which runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import apsw

from ..errors import DatabaseError

Authorizer: TypeAlias = Callable[[int, str | None, str | None, str | None, str | None], int]
Trace: TypeAlias = Callable[[str, bool], object]
"""Is told a text, and whether its parameters are in it, which may be too long."""


class Watch:
    """Shows statements to them."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self.trace: Trace | None = None
        self._authorizer: Authorizer | None = None
        self._sqlite = sqlite
        self._asks = False  # SQLite's authorizer stays: to change it has SQLite prepare every statement anew
        self._ignores = False

    @property
    def authorizer(self) -> Authorizer | None:
        """Who is asked what a statement may do."""
        return self._authorizer

    @authorizer.setter
    def authorizer(self, authorizer: Authorizer | None) -> None:
        self._authorizer = authorizer
        self._sqlite.authorizer = None if authorizer is None else self._asked

    def shown(self, sql: str, parameters: Any) -> bool:
        """Show a statement that is about to run; whether it has to run as it is. DatabaseError if it may not run."""
        expanded: list[str | None] = []
        self._ignores = False
        try:
            self._prepare(sql, parameters, expanded)  # which also connects tables, of which nobody is told
            if self.authorizer is not None:
                self._asks = True
                self._prepare(sql, parameters, [])
        except apsw.AuthError as error:
            raise DatabaseError(str(error).removeprefix("AuthError: ")) from None
        except (apsw.Error, KeyError, OverflowError, TypeError):
            return False  # so will the statement, and says why
        finally:
            self._asks = False
        if self.trace is not None and expanded:
            self.trace(expanded[0] or sql, expanded[0] is not None)
        return self._ignores

    def tell(self, text: str) -> None:
        """Of a statement that the session runs by itself."""
        if self.trace is not None:
            self.trace(text, True)

    def hold(self) -> None:
        """From here on, until the statement that runs as it is has been prepared, the authorizer is asked."""
        self._asks = True

    def release(self) -> None:
        """It has been prepared, or could not be."""
        self._asks = False

    def _asked(self, action: int, *names: Any) -> int:
        if not self._asks or self._authorizer is None:
            return apsw.SQLITE_OK
        answer = self._authorizer(action, *names)
        self._ignores |= answer == apsw.SQLITE_IGNORE
        return answer

    def _prepare(self, sql: str, parameters: Any, expanded: list[str | None]) -> None:
        """Prepare a statement without running it."""
        cursor = self._sqlite.cursor()

        def stop(cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
            try:
                expanded.append(cursor.expanded_sql)
            except (MemoryError, apsw.NoMemError):  # it is longer than SQLITE_LIMIT_LENGTH
                expanded.append(None)
            return False

        cursor.exec_trace = stop
        try:
            cursor.execute(sql, parameters, can_cache=False)
        except apsw.ExecTraceAbort:
            pass
        finally:
            cursor.exec_trace = None
            cursor.close(True)
