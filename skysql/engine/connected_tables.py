"""Where the tables of a connection come from: `vtab.Tables`, and the relations that statements read by their names.

A definition is read when SQLite connects to a table, and again when the schema has another number: not for each
statement. A scan has its snapshot first and looks at the number then, in the transaction that the snapshot holds open.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from ..errors import AlteredError, ProgrammingError
from ..model.companions import COMPANIONS
from ..model.kinds import Kinds
from ..model.quoting import name_key, quote
from ..model.table import Table, parse_arguments
from ..relations.tables import ChangesRelation, EventsRelation, ObjectsRelation, SessionsRelation
from ..scan.by_sqlite import Evaluator
from ..store.cache import Cache, TableCache
from ..store.lineage import OpenFile
from ..store.shadow_tables import SHADOWS, ShadowTables
from ..store.snapshot import Snapshot
from ..store.store import Store
from ..write.counts import Counts
from ..write.statement import UnderWay
from ..write.writer import Writer
from .versions import SchemaVersions

_COMPANIONS: dict[str, type[ObjectsRelation] | type[SessionsRelation] | type[ChangesRelation]] = {
    made.kind: made for made in (ObjectsRelation, SessionsRelation, ChangesRelation)
}


class ConnectedTables:
    """The tables of a connection, by the names of databases and tables."""

    companions = COMPANIONS

    def __init__(
        self,
        sqlite: apsw.Connection,
        cache: Cache,
        evaluator: Evaluator,
        under_way: UnderWay,
        counts: Counts,
        kinds: Kinds,
    ) -> None:
        self._kinds = kinds
        self.versions = SchemaVersions(sqlite)
        self.relations: dict[tuple[str, str], EventsRelation] = {}
        self._read: dict[tuple[str, str], tuple[int, bool]] = {}  # the schema's number then; whether uncommitted
        self._files: dict[str, OpenFile] = {}
        self._sqlite = sqlite
        self._cache = cache
        self._evaluator = evaluator
        self._under_way = under_way
        self._counts = counts

    # for SQLite

    def create(self, database: str, name: str, arguments: Sequence[str]) -> EventsRelation:
        """Make a new table."""
        table = parse_arguments(name, arguments, self._kinds)
        for suffix in (*SHADOWS, *self.companions):
            taken = self._sqlite.execute(
                f"SELECT count(*) FROM {quote(database)}.sqlite_schema WHERE name = ? COLLATE NOCASE",
                (f"{name}_{suffix}",),
            ).fetchall()[0][0]
            if taken:
                raise ProgrammingError(f"there is a table {name}_{suffix} already", f"{name} needs that name")
        with self._counts.own():
            store = Store.create(self._tables(database, name), table, self._part(database, name))
        return self._adopt(store)

    def connect(self, database: str, name: str) -> EventsRelation:
        """Open an existing table."""
        return self.relation(database, name, inspect=True)

    def companion(self, database: str, name: str, suffix: str) -> ObjectsRelation | SessionsRelation | ChangesRelation:
        """A companion of the table."""
        return _COMPANIONS[suffix](self.relation(database, name).writer, self._evaluator)

    def shadow(self, suffix: str) -> bool:
        """Whether that is a shadow table's suffix."""
        return suffix in SHADOWS

    # for the engine

    def relation(self, database: str, name: str, *, inspect: bool = False) -> EventsRelation:
        """The table of that name as it is defined now. inspect: whether to look its shadow tables over, too."""
        key = database, name_key(name)
        cached, number = self.relations.get(key), self.versions.read(database)
        if cached is None or inspect:
            self._tables(database, name).inspect()
        elif self._is_read(key, number):
            return cached
        store = Store.open(self._tables(database, name), self._part(database, name), self._kinds)
        if cached is None or cached.store.table != store.table:
            cached = self._adopt(store)
        self._read[key] = number, self._sqlite.in_transaction
        return cached

    def _is_read(self, key: tuple[str, str], number: int) -> bool:
        """Whether a definition was read at this number of the schema, which no rollback can have given out anew."""
        read, uncommitted = self._read.get(key, (-1, False))
        return read == number and (not uncommitted or self._sqlite.in_transaction)

    def table(self, database: str, name: str) -> Table:
        """The definition of a table."""
        return self.relation(database, name, inspect=True).store.table

    def snapshot(self, database: str, name: str, *, altered: int | None = None) -> Snapshot:
        """The table's events as the statement under way sees them.

        altered: the stamp that the table has to have since it was last altered; raises AlteredError.
        """
        key = database, name_key(name)
        cached, read = self.relations.get(key), self._read.get(key)
        found = None
        if cached is not None and read is not None:
            found = cached.writer.snapshot()
            if read != (self.versions.current(database), self._sqlite.in_transaction and read[1]):
                found = None
        if found is None:
            found = self.relation(database, name).writer.snapshot()
        if altered not in (None, found.table.stamp):
            raise AlteredError(f"table {name!r} was altered while the statement was prepared", "run it again")
        return found

    def _adopt(self, store: Store) -> EventsRelation:
        """Know a table by its name from now on."""
        writer = Writer(store, self._under_way, self._counts)
        relation = EventsRelation(writer, self._evaluator, self.forget)
        key = store.database, name_key(store.table.name)
        self.relations[key] = relation
        self._read.pop(key, None)
        return relation

    def forget(self, relation: EventsRelation) -> None:
        """The table was dropped, or has another name."""
        relation.store.cache.clear()
        for key, each in list(self.relations.items()):
            if each is relation:
                del self.relations[key]

    def altered(self, relation: EventsRelation) -> None:
        """The table has another definition, and this relation takes no events any more."""
        relation.writer.altered = True
        key = relation.store.database, name_key(relation.store.table.name)
        if self.relations.get(key) is relation:
            del self.relations[key]

    def undo(self) -> None:
        """The statement under way has failed, which apsw does not tell of while an exception is on its way."""
        writing = self._sqlite.txn_state() == apsw.SQLITE_TXN_WRITE  # also of a statement around it, without BEGIN
        for relation in self.relations.values():
            relation.store.rolled_back()
            if not writing:
                relation.writer.forget()

    def rolls_back(self) -> None:
        """SQLite rolls a transaction back."""
        self._under_way.roll_back_around()
        self._distrust()

    def _distrust(self) -> None:
        """A schema may have a number from now on that it has had with other tables."""
        self.versions.forget()
        self._read.clear()

    def rolled_back(self) -> None:
        """A statement, a savepoint or a transaction was."""
        self._distrust()
        for relation in self.relations.values():
            relation.store.rolled_back()

    def _tables(self, database: str, name: str) -> ShadowTables:
        """The shadow tables of a table, as they are or will be."""
        return ShadowTables(self._sqlite, database, name)

    # files

    def _part(self, database: str, name: str) -> TableCache:
        """The part of the cache that is of one table."""
        return TableCache(self._cache, self._file(database), name_key(name))

    def _file(self, database: str) -> OpenFile:
        file = self._files.get(database)
        if file is None:
            file = self._files[database] = OpenFile(self._sqlite, database)
        return file

    def replaced(self, database: str = "main") -> None:
        """Another database was copied over this one."""
        self._file(database).replace()
        self._distrust()

    def detached(self) -> None:
        """A database was: another file may get its name."""
        names = set(self._sqlite.db_names())
        for database in [each for each in self._files if each not in names]:
            self._leave(self._files.pop(database))
            for key in [key for key in self.relations if key[0] == database]:
                del self.relations[key]
        self._distrust()

    def close(self) -> None:
        """The connection is closed."""
        for file in self._files.values():
            self._leave(file)

    def _leave(self, file: OpenFile) -> None:
        """Let go of a database; nobody will ask again for what is cached of one in memory."""
        file.close()
        if file.alone:
            self._cache.forget_file(file.token)
