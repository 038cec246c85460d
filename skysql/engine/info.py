"""What the tables of a connection hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model.quoting import name_key
from ..model.table import Table
from ..relations.tables import EventsRelation
from ..store.snapshot import distinct


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What is told of a table. Times are microseconds, sizes bytes."""

    database: str
    name: str
    table: Table
    events: int
    objects: int
    first_ts: int | None
    last_ts: int | None
    log_events: int
    log_bytes: int
    bytes: int
    blocks: int
    distinct: Mapping[str, int | None]
    """About how many distinct values the action and each property have; None: not known before the next compact().

    Exact for TEXT. As statistics: values that were deleted may be counted until they are compacted away.
    """

    def is_called(self, name: str) -> bool:
        """Whether that is its name, alone or after its database's."""
        return name_key(name) in (name_key(self.name), name_key(f"{self.database}.{self.name}"))


def info_of(relation: EventsRelation) -> TableInfo:
    """What a table holds, with what waits to be written."""
    store, snapshot = relation.store, relation.writer.snapshot()
    ranges = [(row.first_ts, row.last_ts) for row in snapshot.blocks if row.events]
    if snapshot.log_events:
        ranges.append(snapshot.log_block().time_range)
    size, log = store.tables.stored_bytes()
    return TableInfo(
        store.database,
        store.table.name,
        store.table,
        events=snapshot.events,
        objects=snapshot.objects(),
        first_ts=min((low for low, _ in ranges), default=None),
        last_ts=max((high for _, high in ranges), default=None),
        log_events=sum(row.events for row in snapshot.log),
        log_bytes=log,
        bytes=size,
        blocks=len(snapshot.blocks),
        distinct=distinct(snapshot),
    )
