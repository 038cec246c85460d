"""The interactive shell: apsw's, with every statement rewritten before SQLite sees it.

Dot commands (`.help`) are apsw's own. Input that is not typed at a terminal stops at the first error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw.shell

from .errors import Error
from .statements import statements

if TYPE_CHECKING:
    from .dbapi import Connection

_INTRO = """\
skysql on SQLite {sqlite}. Sky tables: {tables}.
Statements end with a semicolon; .help lists commands, .quit leaves.
"""


def run(db: Connection) -> int:
    """Read statements from standard input until it ends; returns the exit status."""
    shell = _Shell(db)
    shell.prompt, shell.moreprompt = "skysql> ", "   ...> "
    shell.history_file = "~/.skysql_history"
    shell.bail = not shell.interactive
    try:
        shell.cmdloop(_intro(db))  # type: ignore[no-untyped-call]
    except SystemExit as left:
        return int(left.code or 0)
    except (apsw.Error, Error, apsw.shell.Shell.Error):
        return 1  # the shell has said why
    return 0


def _intro(db: Connection) -> str:
    tables = ", ".join(info.name for info in db.info()) or "none yet"
    return _INTRO.format(sqlite=apsw.sqlite_lib_version(), tables=tables)


class _Shell(apsw.shell.Shell):
    """apsw's shell on a connection with sky tables."""

    def __init__(self, db: Connection) -> None:
        self._engine = db.engine
        super().__init__(db=db.sqlite)

    def process_sql(self, sql: str, bindings: Any = None, internal: bool = False, summary: Any = None) -> None:
        """Run statements; those that were typed are rewritten first."""
        if internal or self.db is not self._engine.sqlite:  # .open has gone elsewhere
            super().process_sql(sql, bindings, internal, summary)
            return
        for statement in statements(sql):
            super().process_sql(self._engine.prepare(statement).sql, bindings, internal, summary)
