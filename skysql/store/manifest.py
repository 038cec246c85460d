"""What a table consists of at one moment, and what changes that.

    BlockRow, LogRow    a block, a batch of the log, without what they hold
    Manifest            all of them
    ManifestEdit        what a commit, or a step of compaction, makes of it; `Store.apply` carries it out

A *run* is a set of blocks whose objects do not overlap; runs are numbered by age. The log is younger than any run.
While the set of runs keeps its stamp, the log is only added to at its end, and texts and keys only along with a batch.
A block's columns are never changed: what is deleted is listed, until the block is rewritten or merged (compact.py).

Stamps: every row that holds data carries a random number drawn when it was written. Row ids may be given again after a
rollback; a stamp is not. So (stamp, ...) identifies bytes for ever, and everything cached goes by it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from itertools import groupby
from typing import Protocol, TypeAlias

import numpy as np

from ..arrays.kernels import distinct
from ..model.alteration import MAX_ID
from ..model.dtypes import Int64
from ..model.timestamps import MAX_US, MIN_US
from .blob import MAX_COUNT
from .format import most_events

PATHS, TIMESTAMPS, FIRST_PROPERTY = 0, 1, 2
DELETED = FIRST_PROPERTY + MAX_ID + 1
"""The numbers of a block's columns. A property's is FIRST_PROPERTY + its id."""

COLUMN_BITS = DELETED.bit_length()
"""Of the number of a column in a rowid."""

Stamp: TypeAlias = tuple[int, int | None, int | None]
"""Identifies a table's content: the stamp of its runs, and id and stamp of the last row of its log."""


def new_stamp() -> int:
    """A number that was never given before."""
    return secrets.randbits(63)


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A row of <table>_block. What it tells of objects, times and counts leaves out deleted events.

    deleted: the stamp of the list of deleted events, or None if there are none.
    """

    id: int
    stamp: int
    run: int
    first_object: int
    last_object: int
    first_ts: int
    last_ts: int
    objects: int
    events: int
    deleted: int | None = None

    def fault(self) -> str | None:
        """Why there can be no such row, if there cannot: a file may hold anything."""
        values = astuple(self)[:-1]
        if not all(type(value) is int for value in values) or not (self.deleted is None or type(self.deleted) is int):
            return "its row does not hold numbers"
        if not (0 < self.id < 1 << 46 and 0 <= self.run < 1 << 31):
            return "its row has a number that there cannot be"
        if not 0 < self.first_object <= self.last_object:
            return "its row tells of no objects that there can be"
        if not MIN_US <= self.first_ts <= self.last_ts <= MAX_US:
            return "its row tells of no times that there can be"
        if not 0 <= self.objects <= self.events <= most_events(self.objects) or (self.events and not self.objects):
            return "its row tells of no counts that there can be"
        return None


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of <table>_log, without its data."""

    id: int
    stamp: int
    events: int

    def fault(self) -> str | None:
        """Why there can be no such row, if there cannot."""
        if not all(type(value) is int for value in (self.id, self.stamp, self.events)):
            return "its row does not hold numbers"
        if 0 < self.id < 1 << 62 and 0 < self.events <= MAX_COUNT:
            return None
        return "its row tells of a number or a count that there cannot be"


class Changed(Protocol):
    """What tells of changes; history.py implements it."""

    def changed(self, since: Manifest, until: Manifest) -> Int64 | None:
        """As `Manifest.changed_since`."""


_NO_OBJECTS: Int64 = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A table at one moment.

    blocks: the oldest run first, by object. log: in order of arrival. deleted: the stamp of the list of events deleted
    from the log, or None. dictionary: a number drawn whenever texts or keys were cleared, None if none ever was.
    merging: the first and the last of the runs whose merge is under way, if one is. lineage: a number drawn for the
    history that it is a moment of, None in a file of a version that tells of none. counted: the version at which the
    set of runs got its stamp, and how many batches the log had then.
    """

    stamp: Stamp
    blocks: tuple[BlockRow, ...] = ()
    log: tuple[LogRow, ...] = ()
    deleted: int | None = None
    dictionary: int | None = None
    merging: tuple[int, int] | None = None
    lineage: int | None = None
    counted: tuple[int, int] = (0, 0)
    history: Changed | None = field(default=None, repr=False, compare=False)

    @property
    def version(self) -> int:
        """An upper bound of the commits since the lineage began; it never goes back within a lineage."""
        version, batches = self.counted
        return version + sum(row.stamp & 1 for row in self.log[batches:])

    def changed_since(self, other: Manifest) -> Int64 | None:
        """The objects whose events commits have changed since the other manifest was: int64[n], ascending.

        None where that is not known, and the caller has to begin anew. That is so if the other is more than 1,024
        commits old, is of another history of the file, or is of before a `compact --vacuum` or an alteration that makes
        events read otherwise; and if this one is not what the current transaction sees.
        """
        return None if self.history is None else self.history.changed(other, self)

    @property
    def logged(self) -> int:
        """How many events were put into the log."""
        return sum(row.events for row in self.log)

    @property
    def last_run(self) -> int:
        """The number of the youngest run, 0 if there is none."""
        return max((row.run for row in self.blocks), default=0)

    def runs(self) -> list[tuple[int, list[BlockRow]]]:
        """(number, blocks) of each run, the oldest first."""
        return [(run, list(blocks)) for run, blocks in groupby(self.blocks, key=lambda row: row.run)]

    def has_list(self, stamp: int) -> bool:
        """Whether that is the stamp of one of its lists of deleted events."""
        return stamp == self.deleted or any(row.deleted == stamp for row in self.blocks)

    def edited(self, edit: ManifestEdit, stamp: int) -> Manifest:
        """What it is after the edit. stamp: of the set of runs that then is."""
        rows = {row.id: row for row in self.blocks} | {row.id: row for row in edit.added}
        for id in edit.removed:
            del rows[id]
        rows |= {deletion.row.id: deletion.row for deletion in edit.deleted}
        rows |= {id: replace(rows[id], run=run) for id, run in edit.moved}
        log, deleted = ((), None) if edit.log_cleared else (self.log, self.deleted)
        if edit.log_deleted is not None:
            deleted = edit.log_deleted.stamp
        return replace(
            self,
            stamp=(stamp, *((log[-1].id, log[-1].stamp) if log else (None, None))),
            blocks=tuple(sorted(rows.values(), key=lambda row: (row.run, row.first_object))),
            log=log,
            deleted=deleted,
            merging=edit.merging if edit.merging is not None else None if edit.merged else self.merging,
        )


@dataclass(frozen=True, slots=True, eq=False)
class DeletedList:
    """The list of events that are deleted from a block, or from the log: int64[m], ascending; and its stamp."""

    stamp: int
    places: Int64


@dataclass(frozen=True, slots=True, eq=False)
class Deletion:
    """Events are deleted from a block: the row that it has then, and all that are listed."""

    row: BlockRow
    listed: DeletedList


@dataclass(frozen=True, slots=True, eq=False)
class ManifestEdit:
    """What changes a manifest: blocks that come (their columns are written already), go, or lose events.

    moved: (block, the run that it is of from now on). log_cleared: what is in the log is in blocks now, or deleted.
    merging: the runs whose merge begins; merged: the merge that was under way is done. changed: the objects whose
    events are others after it, int64[n], ascending; all else only lies in other places.
    """

    added: tuple[BlockRow, ...] = ()
    removed: tuple[int, ...] = ()
    moved: tuple[tuple[int, int], ...] = ()
    deleted: tuple[Deletion, ...] = ()
    log_cleared: bool = False
    log_deleted: DeletedList | None = None
    merging: tuple[int, int] | None = None
    merged: bool = False
    changed: Int64 = field(default_factory=lambda: _NO_OBJECTS)


def joined(edits: Iterable[ManifestEdit]) -> ManifestEdit:
    """Edits of different blocks as one."""
    each = list(edits)
    return ManifestEdit(
        added=tuple(row for edit in each for row in edit.added),
        removed=tuple(id for edit in each for id in edit.removed),
        moved=tuple(move for edit in each for move in edit.moved),
        deleted=tuple(deletion for edit in each for deletion in edit.deleted),
        log_cleared=any(edit.log_cleared for edit in each),
        log_deleted=next((edit.log_deleted for edit in each if edit.log_deleted is not None), None),
        merging=next((edit.merging for edit in each if edit.merging is not None), None),
        merged=any(edit.merged for edit in each),
        changed=_union([edit.changed for edit in each if len(edit.changed)]),
    )


def _union(objects: list[Int64]) -> Int64:
    """The union of these, each ascending: ascending, each once."""
    return objects[0] if len(objects) == 1 else distinct(np.concatenate([_NO_OBJECTS, *objects]))
