"""A sky table and its companions: which columns each has, in order, of which type, and what they mean.

    events     object_id [key] timestamp action <properties>                     | idle ts changes session session_event
    objects    object_id [key] first_timestamp last_timestamp events <states>    | as_of
    sessions   object_id [key] session first_timestamp last_timestamp duration events first_action last_action
               <states>                                                          | idle
    changes    object_id [key] timestamp property old_value new_value            | ts

The columns after the bar are hidden: `*` leaves them out. A table's own names (of its object and its properties) are
filled in by plan/sources.py. What reads or makes a column names it by its record here, not by its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class ColumnRole(Enum):
    """What a column is to a statement."""

    OBJECT = auto()  # the object's id
    KEY = auto()  # the object's TEXT key
    TIME = auto()  # when the event was: both as text and as microseconds
    ARGUMENT = auto()  # what a table is called with, as in users_objects('2024-01-01'), or compared with
    PROPERTY = auto()  # a property of the table, or the action
    DERIVED = auto()  # computed of the others


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a sky table or a companion.

    type: as declared, from which the affinity follows; "" of values of any type.
    """

    name: str
    type: str
    role: ColumnRole = ColumnRole.DERIVED
    hidden: bool = False

    @property
    def argument(self) -> bool:
        """Whether it is an argument, which only `=` can give."""
        return self.role is ColumnRole.ARGUMENT


class OfTable(Enum):
    """Stands for columns that each table calls in its own way."""

    OBJECT = auto()  # its id, and its key if it has one
    PROPERTIES = auto()
    STATES = auto()


TIMESTAMP = SourceColumn("timestamp", "TIMESTAMP", ColumnRole.TIME)
ACTION_NAME = SourceColumn("action", "TEXT", ColumnRole.PROPERTY)
IDLE = SourceColumn("idle", "", ColumnRole.ARGUMENT, hidden=True)
TS = SourceColumn("ts", "INTEGER", ColumnRole.TIME, hidden=True)
OWN_CHANGES = SourceColumn("changes", "TEXT", hidden=True)
SESSION_OF_EVENT = SourceColumn("session", "INTEGER", hidden=True)
SESSION_EVENT = SourceColumn("session_event", "INTEGER", hidden=True)

FIRST_TIMESTAMP = SourceColumn("first_timestamp", "TIMESTAMP")
LAST_TIMESTAMP = SourceColumn("last_timestamp", "TIMESTAMP")
EVENT_COUNT = SourceColumn("events", "INTEGER")
AS_OF = SourceColumn("as_of", "TIMESTAMP", ColumnRole.ARGUMENT, hidden=True)

SESSION = SourceColumn("session", "INTEGER")
DURATION = SourceColumn("duration", "REAL")
FIRST_ACTION = SourceColumn("first_action", "TEXT")
LAST_ACTION = SourceColumn("last_action", "TEXT")

CHANGED_PROPERTY = SourceColumn("property", "TEXT")
OLD_VALUE = SourceColumn("old_value", "")
NEW_VALUE = SourceColumn("new_value", "")

EVENTS, OBJECTS, SESSIONS, CHANGES = "events", "objects", "sessions", "changes"

COMPANIONS = (OBJECTS, SESSIONS, CHANGES)
"""The kinds of a table's companions, which are the ends of their names."""

COLUMNS: dict[str, tuple[SourceColumn | OfTable, ...]] = {
    EVENTS: (
        *(OfTable.OBJECT, TIMESTAMP, ACTION_NAME, OfTable.PROPERTIES),
        *(IDLE, TS, OWN_CHANGES, SESSION_OF_EVENT, SESSION_EVENT),  # the first hidden one is what `table(...)` is given
    ),
    OBJECTS: (OfTable.OBJECT, FIRST_TIMESTAMP, LAST_TIMESTAMP, EVENT_COUNT, OfTable.STATES, AS_OF),
    SESSIONS: (
        *(OfTable.OBJECT, SESSION, FIRST_TIMESTAMP, LAST_TIMESTAMP, DURATION, EVENT_COUNT),
        *(FIRST_ACTION, LAST_ACTION, OfTable.STATES, IDLE),
    ),
    CHANGES: (OfTable.OBJECT, TIMESTAMP, CHANGED_PROPERTY, OLD_VALUE, NEW_VALUE, TS),
}

ORDER: dict[str, tuple[SourceColumn, ...]] = {
    EVENTS: (TIMESTAMP, TS),
    OBJECTS: (),
    SESSIONS: (SESSION, FIRST_TIMESTAMP),
    CHANGES: (TIMESTAMP, TS),
}
"""The columns by each of which the rows of one object are in order."""

OBJECT_ID = "object_id"
"""What a table's ids are called that have no name of their own."""

_ROWID = frozenset({"rowid", "oid", "_rowid_"})


def fixed(kind: str) -> tuple[SourceColumn, ...]:
    """The columns that every table of a kind has by the same name."""
    return tuple(column for column in COLUMNS[kind] if isinstance(column, SourceColumn))


def hidden(kind: str) -> tuple[str, ...]:
    """The names of the columns that `*` leaves out; () of what is no sky table."""
    return tuple(column.name for column in fixed(kind) if column.hidden) if kind in COLUMNS else ()


RESERVED_STATES = frozenset({DURATION.name, FIRST_ACTION.name, LAST_ACTION.name})
"""Names that a state property may not take, though an attribute may: columns of the companion that lists sessions."""

RESERVED = (
    frozenset(column.name for kind in COLUMNS for column in fixed(kind)) - RESERVED_STATES | _ROWID | {OBJECT_ID}
)
"""Names that a property may not take: the columns that every sky table and its companions have."""
