"""Statements under way, and what each has asked of the writers of tables and is not stored yet.

A statement that fails takes back what it has asked for, and nothing else. A function that it calls may run statements
of its own: what these ask for becomes part of the statement around them when they end, and fails with it.

    INSERT INTO users SELECT ask(value), ...        outer: 2 rows of its own wait in the writer of users,
      ask(3) runs INSERT INTO users VALUES (...)    within: it began to insert when 2 rows waited;
      which ends                                    its row is the outer one's from now on,
      and then ask() fails                          which drops all three, down to what waited before its first
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from ..errors import OperationalError

if TYPE_CHECKING:
    from ..store.manifest import Stamp
    from ..store.snapshot import Snapshot


class Undoing(Protocol):
    """A writer, as far as statements take back what they have asked of it."""

    def flush(self) -> None:
        """Store what waits."""

    def drop_inserted(self, rows: int) -> None:
        """Forget the inserted rows but the first `rows`."""

    def drop_changes(self) -> None:
        """Forget the deletions and changes that wait."""


class Statement:
    """One statement under way.

    outer:     the statement whose function runs it, or that of nobody (see `UnderWay`).
    inserted:  how many rows waited in a writer before the first that this statement inserted.
    changes:   writers in which deletions and changes wait that it has asked for; False: it, or statements within it.
    scanned:   what a scan of it has numbered events in, last.
    snapshots: of the tables that it reads, each with the counts at which it is what the statement sees.
    wrote:     whether it has asked for anything, stored by now or not.
    lost:      whether the transaction that it writes in was rolled back.
    """

    __slots__ = ("changes", "inserted", "lost", "outer", "scanned", "snapshots", "wrote")

    def __init__(self, outer: Statement | None) -> None:
        self.outer = outer
        self.inserted: dict[Undoing, int] = {}
        self.changes: dict[Undoing, bool] = {}
        self.scanned: dict[Undoing, Stamp] = {}
        self.snapshots: dict[Undoing, tuple[tuple[int, int], Snapshot]] = {}
        self.wrote = self.lost = False

    def check(self) -> None:
        """Raise OperationalError if it has lost what it has written so far."""
        if self.lost:
            raise OperationalError("abort due to ROLLBACK", "a function that it calls has rolled the transaction back")

    def again(self) -> None:
        """It has ended, and begins again with other parameters."""
        self.check()
        if self.inserted or self.changes:
            self.hand_over()
        self.scanned.clear()
        self.snapshots.clear()
        self.wrote = False

    def take_back(self) -> None:
        """It has failed: what it has asked for and is not stored yet is dropped."""
        for writer, rows in self.inserted.items():
            writer.drop_inserted(rows)
        for writer in self.changes:
            writer.drop_changes()
        self.inserted.clear()
        self.changes.clear()

    def hand_over(self) -> None:
        """It has ended: what it has asked for is part of the statement around it, if there is one."""
        outer = self.outer
        if outer is not None and outer.outer is not None:
            for writer, rows in self.inserted.items():
                outer.inserted.setdefault(writer, rows)
            outer.changes.update(dict.fromkeys(self.changes, False))
        self.inserted.clear()
        self.changes.clear()


class UnderWay:
    """The statements of a connection that are under way.

    innermost: the one that runs now. If there is none, it is that of nobody: statements that run on SQLite's connection
    itself, as the shell's do. rollbacks: a count of everything that may have taken something back.
    """

    __slots__ = ("innermost", "rollbacks")

    def __init__(self) -> None:
        self.innermost = Statement(None)
        self.rollbacks = 0

    def begin(self) -> Statement:
        """A statement begins, within those that are under way."""
        self.innermost = statement = Statement(self.innermost)
        return statement

    def resume(self, statement: Statement) -> None:
        """A statement that has begun goes on, within those that are under way now."""
        statement.outer, self.innermost = self.innermost, statement

    def end(self, statement: Statement) -> None:
        """It ends or rests, and the one around it goes on."""
        outer = statement.outer
        assert outer is not None
        self.innermost = outer
        if statement.inserted or statement.changes:
            statement.hand_over()

    def __iter__(self) -> Iterator[Statement]:
        """The innermost first; not that of nobody."""
        statement = self.innermost
        while statement.outer is not None:
            yield statement
            statement = statement.outer

    def store(self) -> None:
        """Have stored what they have asked for, in all tables, so that SQLite undoes or keeps it with all the rest."""
        statement: Statement | None = self.innermost
        while statement is not None:
            for writer in [*statement.inserted, *statement.changes]:
                writer.flush()
            statement = statement.outer

    def stored(self, writer: Undoing) -> None:
        """Nothing waits in the writer any more: it is stored, or was taken back."""
        self.rollbacks += 1
        statement: Statement | None = self.innermost
        while statement is not None:
            statement.inserted.pop(writer, None)
            statement.changes.pop(writer, None)
            statement = statement.outer

    def take_back(self) -> None:
        """The innermost has failed."""
        self.rollbacks += 1
        self.innermost.take_back()

    def roll_back(self) -> None:
        """The innermost statement rolls back: what it and those around it have written is lost."""
        self.rollbacks += 1
        for statement in self:
            statement.lost = True

    def roll_back_around(self) -> None:
        """SQLite rolls back what those around the innermost have written, and its own.

        If that has written nothing yet, it may be to begin it anew, as when the schema has changed.
        """
        self.rollbacks += 1
        for statement in self:
            statement.lost = statement.lost or statement.wrote or statement is not self.innermost
