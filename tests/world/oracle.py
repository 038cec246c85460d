"""What a sky table means, by lists and for-loops: the naive model that everything else is compared with.

It is not fast, checks nothing, and shares no code with skysql: only the meaning of the words of the model.
An object's path is its events ordered by timestamp, then by arrival. A state property reads, at an event, as after
all changes up to and including that event; as of T, as after all events with timestamp <= T. An attribute belongs to
its one event. Every change that an event records is a row of `<table>_changes`, also one to the value already held.

`load()` writes what the model holds into ordinary SQLite tables, which then answer any statement as a sky table must.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Value = int | float | str | None
Row = tuple[Value, ...]


@dataclass(frozen=True)
class Property:
    """A column of `USING sky(...)`; kind is TEXT, INTEGER, REAL, BOOLEAN, TIMESTAMP or a DECIMAL."""

    name: str
    kind: str
    state: bool


@dataclass(frozen=True)
class Schema:
    """A sky table. `object_name` is the column of the id, `key_name` that of the TEXT key, if objects have one."""

    name: str
    properties: tuple[Property, ...]
    object_name: str = "object_id"
    key_name: str | None = None

    @property
    def states(self) -> list[Property]:
        """The state properties."""
        return [p for p in self.properties if p.state]

    def ddl(self) -> str:
        """The statement that makes the sky table."""
        columns = [f"{quote(p.name)} {p.kind}{' STATE' if p.state else ''}" for p in self.properties]
        if self.key_name is not None:
            columns.insert(0, f"{quote(self.key_name)} TEXT OBJECT")
        elif self.object_name != "object_id":
            columns.insert(0, f"{quote(self.object_name)} INTEGER OBJECT")
        return f"CREATE VIRTUAL TABLE {quote(self.name)} USING sky({', '.join(columns)})"


@dataclass(frozen=True)
class Event:
    """One event in order of arrival; `object` is the id, or the key. `attributes` holds no NULLs, `changes` may."""

    object: int | str
    ts: int
    action: str | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    changes: dict[str, Value] = field(default_factory=dict)


class Oracle:
    """Events of one table; `ids` gives the id of each TEXT key (default: 1, 2, ... in order of arrival)."""

    def __init__(self, schema: Schema, events: list[Event], ids: dict[str, int] | None = None) -> None:
        self.schema = schema
        self.events = events
        self.ids = dict(ids or {})
        self.keys: dict[int, Value] = {}
        for event in events:
            if isinstance(event.object, str):
                self.ids.setdefault(event.object, len(self.ids) + 1)
            self.keys[self.object_id(event)] = event.object

    def object_id(self, event: Event) -> int:
        """The id of the event's object."""
        return self.ids[event.object] if isinstance(event.object, str) else event.object

    def paths(self, until: int | None = None) -> list[tuple[int, list[Event]]]:
        """Every object, in order of id, with its events up to `until`, in path order."""
        paths: dict[int, list[Event]] = {}
        for event in self.events:
            if until is None or event.ts <= until:
                paths.setdefault(self.object_id(event), []).append(event)
        return [(o, sorted(paths[o], key=lambda e: e.ts)) for o in sorted(paths)]  # sorted() keeps order of arrival

    def replay(self, path: list[Event]) -> list[dict[str, Value]]:
        """The state at every event of a path: one value for each state property."""
        state: dict[str, Value] = {p.name: None for p in self.schema.states}
        states = []
        for event in path:
            for name, value in event.changes.items():
                state[name] = value
            states.append(dict(state))
        return states

    def _first(self, object_id: int) -> Row:
        return (object_id,) if self.schema.key_name is None else (object_id, self.keys[object_id])

    def event_rows(self) -> list[Row]:
        """object_id [, key], timestamp, action, every property, ts, changes."""
        rows = []
        for object_id, path in self.paths():
            for event, state in zip(path, self.replay(path), strict=True):
                values = [state[p.name] if p.state else event.attributes.get(p.name) for p in self.schema.properties]
                own = {p.name: event.changes[p.name] for p in self.schema.states if p.name in event.changes}
                changes = json.dumps(own, ensure_ascii=False, separators=(",", ":")) if own else None
                rows.append(
                    self._first(object_id) + (timestamp(event.ts), event.action, *values, event.ts, changes)
                )
        return rows

    def object_rows(self, as_of: int | None = None) -> list[Row]:
        """object_id [, key], first_timestamp, last_timestamp, events, every state property: now, or as of then."""
        rows = []
        for object_id, path in self.paths(as_of):
            state = self.replay(path)[-1]
            span = (timestamp(path[0].ts), timestamp(path[-1].ts), len(path))
            rows.append(self._first(object_id) + span + tuple(state[p.name] for p in self.schema.states))
        return rows

    def change_rows(self) -> list[Row]:
        """object_id [, key], timestamp, property, old_value, new_value."""
        rows = []
        for object_id, path in self.paths():
            before: dict[str, Value] = {p.name: None for p in self.schema.states}
            for event, state in zip(path, self.replay(path), strict=True):
                for p in self.schema.states:
                    if p.name in event.changes:
                        change = (timestamp(event.ts), p.name, before[p.name], state[p.name])
                        rows.append(self._first(object_id) + change)
                before = state
        return rows

    def event_columns(self) -> list[tuple[str, str]]:
        """Name and declared type of the columns of `event_rows`."""
        middle = [("timestamp", "TIMESTAMP"), ("action", "TEXT"), *((p.name, p.kind) for p in self.schema.properties)]
        return [*self._object_columns(), *middle, ("ts", "INTEGER"), ("changes", "TEXT")]

    def object_columns(self) -> list[tuple[str, str]]:
        """Name and declared type of the columns of `object_rows`."""
        span = [("first_timestamp", "TIMESTAMP"), ("last_timestamp", "TIMESTAMP"), ("events", "INTEGER")]
        return [*self._object_columns(), *span, *((p.name, p.kind) for p in self.schema.states)]

    def change_columns(self) -> list[tuple[str, str]]:
        """Name and declared type of the columns of `change_rows`."""
        change = [("timestamp", "TIMESTAMP"), ("property", "TEXT"), ("old_value", ""), ("new_value", "")]
        return [*self._object_columns(), *change]

    def _object_columns(self) -> list[tuple[str, str]]:
        first = [(self.schema.object_name, "INTEGER")]
        return first if self.schema.key_name is None else [*first, (self.schema.key_name, "TEXT")]

    def load(self, sqlite: Any, moments: list[int]) -> None:
        """Write ordinary tables: the events, `<t>_objects`, `<t>_changes`; `<t>_objects_at_<i>` as of moments[i];
        and `<t>_objects_as_of`, all of the latter in one with the column `as_of`.
        """
        name = self.schema.name
        write(sqlite, name, self.event_columns(), self.event_rows())
        write(sqlite, f"{name}_objects", self.object_columns(), self.object_rows())
        write(sqlite, f"{name}_changes", self.change_columns(), self.change_rows())
        every: list[Row] = []
        for i, moment in enumerate(moments):
            rows = self.object_rows(moment)
            write(sqlite, f"{name}_objects_at_{i}", self.object_columns(), rows)
            every += [(timestamp(moment), *row) for row in rows]
        write(sqlite, f"{name}_objects_as_of", [("as_of", "TIMESTAMP"), *self.object_columns()], every)


def write(sqlite: Any, name: str, columns: list[tuple[str, str]], rows: list[Row]) -> None:
    """Make an ordinary table of these rows, in this order."""
    kinds = [(c, "REAL" if kind.startswith("DECIMAL") else kind) for c, kind in columns]  # as which it reads
    sqlite.execute(f"CREATE TABLE {quote(name)}({', '.join(f'{quote(c)} {kind}' for c, kind in kinds)})")
    sqlite.executemany(f"INSERT INTO {quote(name)} VALUES ({', '.join('?' * len(columns))})", rows)


def quote(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def moment(us: int) -> datetime:
    """The moment, of microseconds since 1970."""
    return datetime(1970, 1, 1) + timedelta(microseconds=us)


def timestamp(us: int) -> str:
    """The text that a timestamp reads as: always 26 characters."""
    return moment(us).isoformat(" ", "microseconds")
