"""SQL on behaviour: connect() to a file of sky tables as one does with sqlite3.

Life of a query
1. dbapi/      Cursor.execute binds parameters; a session of engine/ has the statement planned, begins a transaction if
               one is due, and runs it.
2. sql/        finds what a path scan can answer, makes a plan of it, and puts the read of a result in its place;
               engine/published publishes that result under a name that nothing else can have.
3. relations/  is what SQLite reads there: the result runs the plan over a snapshot of the store when it is asked for.
4. scan/       runs it block by block: arrays/replay fills states forward, arrays/kernels reduce, functions/ see paths.
5. vtab/       hands the result to SQLite as batches of columns; what was not rewritten reads the sky tables themselves.
6. SQLite      does the rest: joins with ordinary tables, HAVING, ORDER BY. dbapi/ hands out its rows.

Life of an event
1. write/      validates the row of an INSERT, or the arrays of Connection.append: object, time, action, values; and
               keeps what is written until the transaction commits, a savepoint begins, or the table is read.
2. store/      format encodes the events as one batch, checksummed; log writes it as a row of a shadow table, and all
               SQL on those is in shadow_tables. compact merges log and blocks into blocks of whole paths, one blob a
               column, once the log is long: it takes a manifest (what there is, at one version) and gives an edit.
               A snapshot shows log and blocks of a manifest as one; the cache has what was decoded of them.
"""

# ruff: noqa: F403, F405
from importlib import import_module
from typing import TYPE_CHECKING

# fmt: off
__all__ = [
    "BINARY", "Binary", "Connection", "CorruptError", "Cursor", "DATETIME", "DataError", "DatabaseError", "Date",
    "DateFromTicks", "Error", "IntegrityError", "InterfaceError", "InternalError", "NUMBER", "NotSupportedError",
    "OperationalError", "PARSE_COLNAMES", "PARSE_DECLTYPES", "ProgrammingError", "ROWID", "Row", "STRING", "Time",
    "TimeFromTicks", "Timestamp", "TimestampFromTicks", "Warning", "apilevel", "connect", "paramstyle",
    "register_adapter", "register_converter", "threadsafety",
]
# fmt: on

if TYPE_CHECKING:  # all that these define, of which the package has what __all__ names
    from .dbapi.connection import *
    from .dbapi.cursor import *
    from .dbapi.parameters import *
    from .errors import *
else:

    def __getattr__(name):
        """Import everything with the first name that is asked for: before that, a command can end at Ctrl-C."""
        if name in ("dbapi", "errors"):
            return import_module(f"{__name__}.{name}")
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import errors
        from .dbapi import connection, cursor, parameters

        for module in (connection, cursor, errors, parameters):
            globals().update({name: vars(module)[name] for name in __all__ if name in vars(module)})
        return globals()[name]

    def __dir__():
        return sorted(__all__)
