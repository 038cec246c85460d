"""How many rows the statements of a connection changed, as the user is to see it.

SQLite counts the rows that it gives to virtual tables. It counts rows that `INSERT OR IGNORE` drops, as a virtual table
cannot tell SQLite of them; and it counts the rows that virtual tables write to their own shadow tables. Neither should
show: `changes()` and `total_changes()` of SQL, and rowcount, have to be those of an ordinary table.
"""

from __future__ import annotations

import apsw


class Own:
    """Around the writing of shadow tables. A class, as each commit pays for it: a generator takes twice the time."""

    __slots__ = ("_changes", "_counts", "_total")

    def __init__(self, counts: Counts, total: int, changes: int) -> None:
        self._counts = counts
        self._total = total
        self._changes = changes

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._counts.cover(self._total, self._changes)


class Counts:
    """What SQLite counts, without what it should not."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self._sqlite = sqlite
        self._start = -1  # SQLite's total when the last statement that dropped rows began
        self._dropped = 0  # how many it dropped,
        self._dropped_before = 0  # and how many all before it
        self._own = 0  # rows of shadow tables
        self._covered: tuple[int, int, int] | None = None  # total and changes after those, and changes before

    def drop(self) -> None:
        """The statement under way has dropped a row that SQLite counts."""
        total = self._sqlite.total_changes()
        if total != self._start:
            self._dropped_before += self._dropped
            self._start, self._dropped = total, 0
        self._dropped += 1

    def undo(self) -> None:
        """The statement under way has failed."""
        if self._sqlite.total_changes() == self._start:
            self._dropped = 0

    def begin(self) -> None:
        """A statement that writes begins."""
        if self._covered is not None and self._covered[1] == 0:
            self._covered = None  # or it could not be told from what is counted if the statement finds no row

    def own(self) -> Own:
        """Around statements that write shadow tables."""
        return Own(self, self._sqlite.total_changes(), self.changes())

    def cover(self, total: int, changes: int) -> None:
        """Since there were these, only shadow tables were written."""
        after = self._sqlite.total_changes()
        self._own += after - total
        if total == self._start:
            self._start = after
        self._covered = after, self._sqlite.changes(), changes

    def changes(self) -> int:
        """How many rows the last INSERT, UPDATE or DELETE changed."""
        changes, total = self._sqlite.changes(), self._sqlite.total_changes()
        if self._covered is not None and self._covered[:2] == (total, changes):
            return self._covered[2]
        return changes - self._dropped if total - changes == self._start else changes

    def total(self) -> int:
        """How many rows were changed since the connection was opened."""
        counted = self._sqlite.total_changes() != self._start
        return self._sqlite.total_changes() - self._own - self._dropped_before - (self._dropped if counted else 0)
