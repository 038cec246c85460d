"""The interactive shell: apsw's, with every statement rewritten before SQLite sees it.

Dot commands (`.help`) are apsw's own. Input that is not typed at a terminal stops at the first error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import apsw.shell

from ..engine.statements import statements
from ..errors import Error
from ..transfer.terminal import bare, visible

if TYPE_CHECKING:
    from ..dbapi.connection import Connection

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


def _visibly(mode: str) -> Callable[[Any, bool, Sequence[Any]], None]:
    """The shell's output of a line in that mode, for values that a terminal may obey."""
    output: Callable[..., None] = getattr(apsw.shell.Shell, f"output_{mode}")

    @wraps(output)
    def shown(self: _Shell, header: bool, line: Sequence[Any]) -> None:
        output(self, header, self._shown(line))

    return shown


class _Shell(apsw.shell.Shell):
    """apsw's shell on a connection with sky tables."""

    def __init__(self, db: Connection) -> None:
        self._engine = db.engine
        super().__init__(stdout=bare(sys.stdout), stderr=bare(sys.stderr), db=db.sqlite)

    def process_sql(self, sql: str, bindings: Any = None, internal: bool = False, summary: Any = None) -> None:
        """Run statements; those that were typed are rewritten first."""
        if internal or self.db is not self._engine.sqlite:  # .open has gone elsewhere
            super().process_sql(sql, bindings, internal, summary)
            return
        for statement in statements(sql):
            super().process_sql(self._engine.prepare(statement).sql, bindings, internal, summary)

    # Texts on a terminal. The modes that are not here, json and python, escape them anyway.

    output_column, output_csv, output_html, output_insert, output_line, output_list, output_tcl = map(
        _visibly, ("column", "csv", "html", "insert", "line", "list", "tcl")
    )

    def output_box(self, column_names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Outputs using line drawing and auto sizing columns."""
        super().output_box(self._shown(column_names), map(self._shown, rows))  # type: ignore[no-untyped-call]

    output_box.all_at_once = True  # type: ignore[attr-defined]

    def _shown(self, line: Sequence[Any]) -> list[Any]:
        """The values as they are to be written."""
        if not self.stdout.isatty():
            return list(line)
        return [visible(value) if isinstance(value, str) else value for value in line]

    def write(self, dest: Any, text: str) -> None:
        """Write text, in which nobody is shown the name of a result."""
        super().write(dest, self._engine.shown(text))  # type: ignore[no-untyped-call]

    def handle_exception(self) -> None:
        """Say what went wrong, unless the reader of our output has closed it."""
        if isinstance(sys.exception(), BrokenPipeError):
            raise
        super().handle_exception()  # type: ignore[no-untyped-call]

    def write_error(self, text: str) -> None:
        """Say what went wrong."""
        super().write_error(visible(text) if self.stderr.isatty() else text)  # type: ignore[no-untyped-call]
