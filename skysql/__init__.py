"""SQL on behaviour: connect() to a file of sky tables as one does with sqlite3.

Life of a query
1. dbapi/      Cursor.execute binds parameters, and hands the statement to a session of engine/. The session has it
               planned, begins a transaction if one is due, and runs it.
2. sql/        finds what a path scan can answer, makes a plan of it (plan/path_scan), and puts the read of a result in
               its place; a MATCH_RECOGNIZE becomes a Recognition (match/). engine/published publishes each result under
               a name that nothing else can have.
3. relations/  is what SQLite reads there: the result runs its plan over a snapshot of the store when it is asked for.
               The table-valued functions of reports/ are read in the same way.
4. scan/       runs the plan shard by shard: arrays/replay fills states forward, arrays/kernels reduces, functions/ look
               at whole paths. Each shard gives a partial; the partials merge into the result.
5. vtab/       hands the result to SQLite as batches of columns; what was not rewritten reads the sky tables themselves.
6. SQLite      does the rest: joins with ordinary tables, HAVING, ORDER BY. dbapi/ hands out its rows.

Life of an event
1. write/      checks the row of an INSERT, or the arrays of Connection.append: object, time, action, values. It buffers
               rows until the transaction commits, a savepoint begins, or the table is read.
2. store/      format encodes the events as one batch, with a checksum. log writes the batch as a row of a shadow table;
               all SQL on those is in shadow_tables. Once the log is long, compact merges log and blocks into blocks of
               whole paths, one blob a column: it takes a manifest (what the table consists of, at one version) and
               gives an edit of it. A snapshot shows log and blocks of a manifest as shards of whole paths; the cache
               has what was decoded of them.
"""

# ruff: noqa: F403, F405
import sys
from importlib import import_module
from typing import TYPE_CHECKING

# fmt: off
__all__ = [
    "BINARY", "Binary", "Blob", "Connection", "CorruptError", "Cursor", "DATETIME", "DataError", "DatabaseError",
    "Date", "DateFromTicks", "Error", "IntegrityError", "InterfaceError", "InternalError", "LEGACY_TRANSACTION_CONTROL",
    "NUMBER", "NotSupportedError", "NullCharacterError", "OperationalError", "OutOfMemoryError", "PARSE_COLNAMES",
    "PARSE_DECLTYPES", "PrepareProtocol", "ProgrammingError", "ROWID", "Row", "STRING", "Time", "TimeFromTicks",
    "Timestamp", "TimestampFromTicks", "TooLargeError", "UnencodableError", "Warning", "adapt", "adapters", "apilevel",
    "complete_statement", "connect", "converters", "enable_callback_tracebacks", "paramstyle", "register_adapter",
    "register_converter", "sqlite_version", "sqlite_version_info", "threadsafety", "version", "version_info",
]
# fmt: on

if TYPE_CHECKING:  # all that these define, of which the package has what __all__ names
    from .dbapi.connection import *
    from .dbapi.cursor import *
    from .dbapi.functions import *
    from .dbapi.open_blob import *
    from .dbapi.parameters import *
    from .dbapi.row import *
    from .dbapi.sqlite import *
    from .errors import *
else:

    def __getattr__(name):
        """Import everything with the first name that is asked for: before that, a command can end at Ctrl-C."""
        if name in ("dbapi", "dbapi2", "errors"):
            return import_module(f"{__name__}.{name}")
        if name.startswith("SQLITE_"):
            from .dbapi import sqlite

            if (value := sqlite.constant(name)) is not None:
                return value
        if name in ("OptimizedUnicode", "enable_shared_cache") and sys.version_info < (3, 12):
            from .dbapi import sqlite

            return sqlite.deprecated(name)
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import errors
        from .dbapi import connection, cursor, functions, open_blob, parameters, row, sqlite

        for module in (connection, cursor, errors, functions, open_blob, parameters, row, sqlite):
            globals().update({name: vars(module)[name] for name in __all__ if name in vars(module)})
        return globals()[name]

    def __dir__():
        from .dbapi import sqlite

        old = ["OptimizedUnicode", "enable_shared_cache"] if sys.version_info < (3, 12) else []
        return sorted([*__all__, "dbapi2", *sqlite.constants(), *old])
