"""The `sky` module: a writable table of events with its companions, and their parts in SQLite's transactions.

    CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)

makes users, its shadow tables, and one companion a suffix (users_objects USING sky_objects(users), ...).
xCreate, xDestroy and xRename run nested statements on the same connection, as FTS5 does, so that all of it is one
transaction with the statement that caused it.

Transactions: the relation buffers changes. xSync (the commit) and xSavepoint flush the buffer into shadow tables, so
that from then on SQLite's own rollback covers it; xRollback and xRollbackTo discard what was buffered since. apsw does
not call xRollbackTo while a Python exception propagates. So a row that is refused flushes all tables: the statement's
earlier changes are then undone with it, since the statement's savepoint had flushed what came before the statement. No
table is told of other exceptions in a statement: the caller who runs it must tell the tables to discard its changes.

Conflicts: an error of the relation for a broken constraint becomes SQLITE_CONSTRAINT, and SQLite keeps the rows before
it (OR FAIL), or undoes the statement (OR ABORT) or the transaction (OR ROLLBACK). The relation does OR IGNORE and OR
REPLACE itself, as an exception would end the statement: a row that it ignores is, for SQLite, one that was inserted.

SQLite collects the rowids of a DELETE, and the rows of an UPDATE, before it changes the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from .protocols import Tables, Value, WritableRelation
from .relation import RelationCursor, RelationTable, declaration

VERSION = 4
"""iVersion: xSavepoint, xRelease, xRollbackTo (2), xShadowName (3), xIntegrity (4)."""

PLAIN_VERSION = 2
"""iVersion once 33 modules of the process have an xShadowName: apsw has room for no more. Shadow tables are then not
listed as such, nor protected in defensive mode, and PRAGMA integrity_check does not look into tables of events."""


def register(connection: apsw.Connection, tables: Tables) -> None:
    """Make the modules `sky` and `sky_<companion>` known to the connection."""
    dropping: set[tuple[str, str]] = set()
    events = EventsModule(tables, dropping)
    # Ignored types: apsw's stub has a ShadowName in every module, and wants each argument to be a tuple.
    try:
        connection.create_module("sky", events, use_bestindex_object=True, use_no_change=True, iVersion=VERSION)  # type: ignore[arg-type]
    except Exception as error:  # apsw has no class for it
        if "xShadowName" not in str(error):
            raise
        connection.create_module("sky", events, use_bestindex_object=True, use_no_change=True, iVersion=PLAIN_VERSION)  # type: ignore[arg-type]
    for suffix in tables.companions:
        companion = CompanionModule(tables, suffix, dropping)
        connection.create_module(f"sky_{suffix}", companion, use_bestindex_object=True, iVersion=1)  # type: ignore[arg-type]


class EventsModule:
    """Makes and opens tables of events."""

    def __init__(self, tables: Tables, dropping: set[tuple[str, str]]) -> None:
        self.tables = tables
        self.dropping = dropping  # companions of a table that is being dropped or renamed: others cannot be dropped

    def Create(  # noqa: N802
        self, connection: apsw.Connection, _module: str, database: str, name: str, *arguments: str
    ) -> tuple[str, EventsTable]:
        """CREATE VIRTUAL TABLE."""
        relation = self.tables.create(database, name, arguments)
        table = EventsTable(self, connection, database, name, relation)
        table.make_companions()
        _configure(connection)
        return declaration(relation.columns), table

    def Connect(  # noqa: N802
        self, connection: apsw.Connection, _module: str, database: str, name: str, *_: str
    ) -> tuple[str, EventsTable]:
        """The first use of a table that exists."""
        relation = self.tables.connect(database, name)
        _configure(connection)
        return declaration(relation.columns), EventsTable(self, connection, database, name, relation)

    def ShadowName(self, suffix: str) -> bool:  # noqa: N802
        """Whether SQLite has to protect `<table>_<suffix>` from writes by others."""
        return self.tables.shadow(suffix)


class ConstraintError(apsw.ConstraintError):
    """What SQLite is told of a row that breaks a constraint; the relation's own error is its cause."""


class EventsCursor(RelationCursor):
    """A cursor that may be an UPDATE's."""

    table: EventsTable

    def ColumnNoChange(self, number: int) -> Any:  # noqa: N802
        """A value that an UPDATE does not change; `no_change` if the writer does not need it."""
        return apsw.no_change if number in self.table.relation.writer.spared else self.Column(number)


class EventsTable(RelationTable):
    """A table of events: what RelationTable reads, and writes."""

    relation: WritableRelation

    def __init__(
        self,
        module: EventsModule,
        connection: apsw.Connection,
        database: str,
        name: str,
        relation: WritableRelation,
    ) -> None:
        super().__init__(relation)
        self.module = module
        self.connection = connection
        self.database = database
        self.name = name

    def make_companions(self) -> None:
        """Create the companion tables."""
        for suffix in self.module.tables.companions:
            self.connection.execute(
                f"CREATE VIRTUAL TABLE {_name(self.database)}.{_name(f'{self.name}_{suffix}')}"
                f" USING sky_{suffix}({_name(self.name)})"
            )

    def _drop_companions(self) -> None:
        for suffix in self.module.tables.companions:
            key = self.database, f"{self.name}_{suffix}"
            self.module.dropping.add(key)
            try:
                self.connection.execute(f"DROP TABLE {_name(key[0])}.{_name(key[1])}")
            finally:
                self.module.dropping.discard(key)

    def Destroy(self) -> None:  # noqa: N802
        """DROP TABLE."""
        self.relation.writer.forget()
        self._drop_companions()
        self.relation.destroy()

    def Rename(self, name: str) -> None:  # noqa: N802
        """ALTER TABLE ... RENAME TO; a companion names its table in its own text, so it is made anew."""
        self.relation.writer.flush()
        self._drop_companions()
        self.relation.rename(name)
        self.name = name
        self.make_companions()

    def Open(self) -> EventsCursor:  # noqa: N802
        """A cursor."""
        return EventsCursor(self)

    def UpdateInsertRow(self, _rowid: int | None, values: Sequence[Value]) -> int:  # noqa: N802
        """INSERT."""
        try:
            return self.relation.writer.insert(values, self.connection.vtab_on_conflict())
        except Exception as error:
            if self._stored_for(error):
                raise ConstraintError(str(error)) from error
            raise

    def UpdateDeleteRow(self, rowid: int) -> None:  # noqa: N802
        """DELETE."""
        self.relation.writer.delete(rowid)

    def UpdateChangeRow(self, row: int, new: int, values: Sequence[Any]) -> None:  # noqa: N802
        """UPDATE."""
        if new != row:
            raise apsw.MismatchError(f"the rowids of {self.name} are given, and cannot be updated")
        try:
            self.relation.writer.update(row, values, self.connection.vtab_on_conflict())
        except Exception as error:
            if self._stored_for(error):
                raise ConstraintError(str(error)) from error
            raise

    def _stored_for(self, error: Exception) -> bool:
        """A row is refused: the changes before it are stored, where SQLite can undo them. Whether for a constraint.

        Who calls it raises: a frame that has an error and raises what has that error would hold both for long.
        """
        self.relation.writer.flush_all()
        return isinstance(error, self.relation.writer.constraint_errors)

    def Begin(self) -> None:  # noqa: N802
        """The table's first write in a transaction."""

    def Sync(self) -> None:  # noqa: N802
        """The transaction is about to commit; an error here rolls it back."""
        self.relation.writer.flush()

    def Commit(self) -> None:  # noqa: N802
        """The transaction is durable."""

    def Rollback(self) -> None:  # noqa: N802
        """The transaction never was."""
        self.relation.writer.forget()

    def Savepoint(self, _level: int) -> None:  # noqa: N802
        """A savepoint begins: what is buffered belongs before it."""
        self.relation.writer.flush()

    def Release(self, _level: int) -> None:  # noqa: N802
        """A savepoint ends; its writes now belong to the one around it."""

    def RollbackTo(self, _level: int) -> None:  # noqa: N802
        """Writes since the savepoint never were."""
        self.relation.writer.forget()

    def Integrity(self, schema: str, name: str, _quick: int) -> str | None:  # noqa: N802
        """PRAGMA integrity_check."""
        faults = self.relation.check()
        return "\n".join(f"{schema}.{name}: {fault}" for fault in faults) or None


class CompanionModule:
    """Opens the companions of one suffix."""

    def __init__(self, tables: Tables, suffix: str, dropping: set[tuple[str, str]]) -> None:
        self.tables = tables
        self.suffix = suffix
        self.dropping = dropping

    def Connect(  # noqa: N802
        self, connection: apsw.Connection, _module: str, database: str, name: str, *arguments: Any
    ) -> tuple[str, CompanionTable]:
        """Both CREATE and first use; only the events table's own CREATE gets the name right."""
        parent = name.removesuffix(f"_{self.suffix}")
        if parent == name or len(arguments) != 1 or _unquoted(arguments[0]) != parent:
            raise apsw.SQLError(f"{name} is not a table to create: it comes with USING sky(...)")
        connection.vtab_config(apsw.SQLITE_VTAB_INNOCUOUS)
        relation = self.tables.companion(database, parent, self.suffix)
        return declaration(relation.columns), CompanionTable(self, database, name, relation)

    Create = Connect


class CompanionTable(RelationTable):
    """A companion: read only, and dropped only with its table."""

    def __init__(self, module: CompanionModule, database: str, name: str, relation: Any) -> None:
        super().__init__(relation)
        self.module = module
        self.database = database
        self.name = name

    def Open(self) -> RelationCursor:  # noqa: N802
        """A cursor."""
        return RelationCursor(self)

    def Destroy(self) -> None:  # noqa: N802
        """DROP TABLE, by the table it belongs to only."""
        if (self.database, self.name) not in self.module.dropping:
            parent = self.name.removesuffix(f"_{self.module.suffix}")
            raise apsw.SQLError(f"{self.name} belongs to {parent}, and is dropped with it")

    def Rename(self, _name: str) -> None:  # noqa: N802
        """ALTER TABLE ... RENAME TO, which only the table it belongs to may do."""
        raise apsw.SQLError(f"{self.name} is renamed with the table that it belongs to")

    def UpdateInsertRow(self, *_: object) -> int:  # noqa: N802
        """INSERT, and the other changes."""
        parent = self.name.removesuffix(f"_{self.module.suffix}")
        raise apsw.ReadOnlyError(f"{self.name} can only be read: it shows the events of {parent}")

    UpdateDeleteRow = UpdateChangeRow = UpdateInsertRow


def _configure(connection: apsw.Connection) -> None:
    """Conflicts are SQLite's to resolve; and views and triggers may use the table where no schema is trusted."""
    connection.vtab_config(apsw.SQLITE_VTAB_CONSTRAINT_SUPPORT, 1)
    connection.vtab_config(apsw.SQLITE_VTAB_INNOCUOUS)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[:1] == '"' else name
