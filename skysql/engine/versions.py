"""Which schema each database of a connection has, by the number that SQLite gives a schema with each change."""

from __future__ import annotations

from typing import Any

import apsw

from ..model.quoting import quote


class SchemaVersions:
    """The numbers of the schemas, and what was committed to each database when its number was read."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self._sqlite = sqlite
        self._seen: dict[str, tuple[int, int]] = {}  # database -> its data_version, and the number
        self._texts: dict[str, str] = {}

    def numbers(self) -> dict[str, int]:
        """The number of the schema of each database, as it is now; without temp where nothing was ever put into it."""
        names = self._sqlite.db_names()
        try:
            self._sqlite.data_version("temp")
        except apsw.SQLError:
            names.remove("temp")
        return {name: self.read(name) for name in names}

    def read(self, database: str) -> int:
        """The number of a database's schema, as it is now."""
        text = self._texts.get(database)
        if text is None:
            text = self._texts[database] = f"PRAGMA {quote(database)}.schema_version"
        found: Any = self._sqlite.execute(text).fetchall()
        number: int = found[0][0]
        self._seen[database] = self._sqlite.data_version(database), number
        return number

    def current(self, database: str) -> int:
        """The same in a transaction that has read the database: what nobody has committed since is not read again."""
        seen = self._seen.get(database)
        if seen is not None and seen[0] == self._sqlite.data_version(database):
            return seen[1]
        return self.read(database)

    def forget(self) -> None:
        """A rollback gives numbers out anew."""
        self._seen.clear()
