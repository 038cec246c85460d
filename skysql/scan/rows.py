"""The rows of a scan within one shard, and the columns that they have.

    EventRows     a row an event: the table itself
    ObjectRows    a row an object, at the last event of its path that counts: `users_objects`, now or as of a moment,
                  or for each of many (object, moment) pairs
    SessionRows   a row a session: `users_sessions`
    GroupRows     a row a group of another scan
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Numbers, Vector
from ..errors import InternalError
from ..model import timestamps
from ..model.companions import (
    AS_OF,
    DURATION,
    EVENT_COUNT,
    FIRST_ACTION,
    FIRST_TIMESTAMP,
    IDLE,
    LAST_ACTION,
    LAST_TIMESTAMP,
    OWN_CHANGES,
    SESSION,
    SESSION_EVENT,
    SESSION_OF_EVENT,
    TIMESTAMP,
    TS,
)
from ..model.dtypes import Array, Bool, Int64
from ..model.kinds import TEXT, Kind
from ..model.table import ACTION, Property, Table
from ..model.values import Value
from ..plan.path_scan import Column
from ..plan.sources import ROW
from ..store.by_code import codes_by_code
from ..store.dictionary import Dictionary
from ..store.marks import last_of_all, last_until
from ..store.shard import Shard
from ..store.views import (
    ObjectPlaces,
    SessionNumbers,
    TieEnds,
    codes_at,
    event_sessions,
    numbers_at,
    path_numbers,
    session_codes,
    session_durations,
    session_starts,
    value_slots,
)
from .pairs import ObjectMoments


class Readable(Protocol):
    """Rows as an evaluation reads them."""

    def __len__(self) -> int: ...

    def vector(self, column: Column) -> Vector:
        """A column's values."""
        ...


class Rows(Readable, Protocol):
    """Some rows of a shard."""

    def keep(self, mask: Bool) -> Self:
        """The rows where the mask is true."""
        ...

    def take(self, index: Array) -> Self:
        """The rows at these places, in this order."""
        ...


@dataclass(frozen=True, slots=True)
class Idle:
    """The gap that ends a session, in microseconds, and as it was asked for. None in its place: paths are not cut."""

    us: int
    asked: Value


ENDLESS = 1 << 62
"""A gap that no path has, so that each is one session."""


def idle_us(idle: Idle | None) -> int:
    """The gap in microseconds."""
    return ENDLESS if idle is None else idle.us


def _asked(idle: Idle | None, rows: int) -> Coded:
    return Coded(np.zeros(rows, np.uint8), [None if idle is None else idle.asked])


def _moments(ts: Int64) -> Numbers:
    return Numbers(ts, None, timestamps.format_array)


def object_vector(shard: Shard, dictionary: Dictionary, table: Table, name: str, paths: Array) -> Numbers | None:
    """The object's id or key, of these paths, if `name` (in lower case) is one of these."""
    objects, _ = shard.paths()
    numbering = paths, len(objects)
    if name == table.object_name.lower():
        return Numbers(objects[paths], numbering=numbering)
    if table.key_name is not None and name == table.key_name.lower():
        return Numbers(objects[paths], None, dictionary.keys, False, numbering)
    return None


def property_vector(
    shard: Shard, dictionary: Dictionary, property: Property, column: Column, positions: Array | None
) -> Vector:
    """A property at these events (None for all)."""
    if column.through_ties:
        ends = shard.view(TieEnds).ends
        if ends is not None:
            positions = ends if positions is None else ends[positions]
    if column.ever:
        slots = shard.view(value_slots, property)
        return Numbers((slots if positions is None else slots[positions]) != 0)
    if property.kind is TEXT:
        texts, index = dictionary.texts(property.id)
        codes = codes_at(shard, property, len(texts) - 1, ignore_nulls=column.ignore_nulls)
        return Coded(codes if positions is None else codes[positions], texts, index)
    stored, mask = numbers_at(shard, property, positions, ignore_nulls=column.ignore_nulls)
    return Numbers(property.kind.read(stored), mask, property.kind.render)


def _numbers(kind: Kind, stored: Array, mask: Bool | None) -> Numbers:
    """Stored numbers of a kind, as a scan reads them."""
    return Numbers(kind.read(stored), mask, kind.render)


@dataclass(frozen=True, slots=True)
class EventRows:
    """Events of a shard: positions int[m] ascending, or None for all of them.

    idle: what cuts paths into sessions.
    part: if the positions are those of one action, where they stand in the index of events by action.
    """

    shard: Shard
    table: Table
    dictionary: Dictionary
    positions: Array | None = None
    idle: Idle | None = None
    part: slice | None = None

    def __len__(self) -> int:
        return len(self.shard) if self.positions is None else len(self.positions)

    def _by_code(self, property: Property) -> Coded:
        """A TEXT state at the events of one action, of which the shard has the codes side by side."""
        largest, actions = (len(self.dictionary.values(id)) - 1 for id in (property.id, ACTION.id))
        codes = self.shard.view(codes_by_code, ACTION, actions, property, largest)
        return self.dictionary.coded(property.id, codes[self.part])

    def keep(self, mask: Bool) -> EventRows:
        """The rows where the mask is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: Array) -> EventRows:
        """The rows at these places, in this order."""
        positions = index if self.positions is None else self.positions[index]
        return EventRows(self.shard, self.table, self.dictionary, positions, self.idle)

    def _at(self, every: Array) -> Array:
        return every if self.positions is None else every[self.positions]

    def vector(self, column: Column) -> Vector:
        """A column's values."""
        name = column.name.lower()
        property = ACTION if name == ACTION.name else self.table.find(name)
        if property is not None:
            by_code = self.part is not None and property.state and property.kind is TEXT
            if by_code and column == Column(column.name):
                return self._by_code(property)
            return property_vector(self.shard, self.dictionary, property, column, self.positions)
        if name == TIMESTAMP.name:
            return _moments(self._at(self.shard.ts()))
        if name == TS.name:
            return Numbers(self._at(self.shard.ts()))
        if name == OWN_CHANGES.name:
            return changes_vector(self)
        if name in (SESSION_OF_EVENT.name, SESSION_EVENT.name, IDLE.name):
            return self._session(name)
        object = object_vector(self.shard, self.dictionary, self.table, name, self._at(self.shard.view(path_numbers)))
        if object is not None:
            return object
        raise InternalError(f"{self.table.name!r} has no column {column.name!r}")

    def _session(self, name: str) -> Vector:
        """The session's number within the path, the event's within the session, or what cuts them."""
        if name == IDLE.name:
            return _asked(self.idle, len(self))
        shard, us = self.shard, idle_us(self.idle)
        sessions = self._at(shard.view(event_sessions, us))
        if name == SESSION_OF_EVENT.name:
            return Numbers(shard.view(SessionNumbers, us).numbers[sessions].astype(np.int64))
        positions = np.arange(len(shard)) if self.positions is None else self.positions
        return Numbers(positions - shard.view(session_starts, us)[sessions] + 1)


def changes_vector(rows: EventRows) -> Coded:
    """The JSON of each event's own changes, NULL for none."""
    shard, n = rows.shard, len(rows.shard)
    chosen = np.ones(n, bool) if rows.positions is None else np.zeros(n, bool)
    if rows.positions is not None:
        chosen[rows.positions] = True
    found: dict[int, dict[str, Any]] = {}
    for property in rows.table.states:
        sparse = shard.sparse(property)
        here = np.flatnonzero(chosen[sparse.positions])
        if property.kind is TEXT:
            values: list[Any] = Coded(sparse.values[here], rows.dictionary.values(property.id)).tolist()
        else:
            mask = None if sparse.valid is None else sparse.valid[here]
            values = list(_numbers(property.kind, sparse.values[here], mask).tolist())
            if property.kind.longer:
                texts = property.kind.texts(sparse.values[here])
                values = [None if value is None else _Digits(text) for value, text in zip(values, texts, strict=True)]
        for position, value in zip(sparse.positions[here].tolist(), values, strict=True):
            found.setdefault(position, {})[property.name] = value
    written: list[str | None] = [None]
    longer = any(property.kind.longer for property in rows.table.states)
    codes = np.zeros(n, np.int64)
    for position, changes in found.items():
        codes[position] = len(written)
        text = json.dumps(changes, ensure_ascii=False, separators=(",", ":"))
        if (longer or "Infinity" in text) and any(map(_odd, changes.values())):
            each = (_json(value) for value in changes.values())
            names = (json.dumps(name, ensure_ascii=False) for name in changes)
            text = "{" + ",".join(f"{name}:{value}" for name, value in zip(names, each, strict=True)) + "}"
        written.append(text)
    return Coded(codes if rows.positions is None else codes[rows.positions], written)


class _Digits(str):
    """A number with more digits than a float has."""


def _odd(value: Any) -> bool:
    return type(value) is _Digits or value in _INFINITE


def _json(value: Any) -> str:
    return value if type(value) is _Digits else _INFINITE.get(value) or json.dumps(value, ensure_ascii=False)


_INFINITE = {float("inf"): "9e999", float("-inf"): "-9e999"}
"""JSON has no infinity; these are read as one."""


@dataclass(frozen=True, slots=True)
class ObjectRows:
    """Objects at an event of theirs: path numbers, the events' positions, the moments asked for (None for now).

    paths, positions: int64[m]. moments: int64[m] or one int. numbers: which of the pairs each row answers, int64[m].
    """

    shard: Shard
    table: Table
    dictionary: Dictionary
    paths: Int64
    positions: Int64
    moments: Int64 | int | None = None
    numbers: Int64 | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @classmethod
    def as_of(
        cls, rows: EventRows, chosen: Array | None, moment: int | None, states: tuple[Property, ...] | None
    ) -> ObjectRows:
        """All objects, or those of the chosen paths, that have an event by the moment. states: see `of_pairs`."""
        shard = rows.shard
        _, starts = shard.paths()
        every = np.arange(len(starts) - 1) if chosen is None else np.asarray(chosen, np.int64)
        if moment is None:
            return cls(shard, rows.table, rows.dictionary, every, starts[every + 1] - 1)
        low, high = shard.time_range()
        if moment < low:
            return cls(shard, rows.table, rows.dictionary, every[:0], every[:0], moment)
        if moment >= high:
            return cls(shard, rows.table, rows.dictionary, every, starts[every + 1] - 1, moment)
        if chosen is None:
            paths, positions = last_of_all(shard, moment, states)
            return cls(shard, rows.table, rows.dictionary, paths, positions, moment)
        positions = kernels.last_until(shard.ts(), starts, every, np.full(len(every), moment))
        present = positions >= 0
        return cls(shard, rows.table, rows.dictionary, every[present], positions[present], moment)

    @classmethod
    def of_pairs(cls, rows: EventRows, pairs: ObjectMoments, states: tuple[Property, ...] | None) -> ObjectRows:
        """Each pair's object at its moment, if the object is in the shard and has an event by then.

        If only these states of it are read, its event may be an earlier one: see marks.last_until.
        """
        shard = rows.shard
        paths = shard.view(ObjectPlaces).find(shard, pairs.objects)
        positions = last_until(shard, paths, pairs.moments, states)
        found = cls(shard, rows.table, rows.dictionary, paths, positions, pairs.moments, pairs.numbers)
        return found if positions.min() >= 0 else found.keep(positions >= 0)

    def keep(self, mask: Bool) -> ObjectRows:
        """The rows where the mask is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: Array) -> ObjectRows:
        """The rows at these places, in this order."""

        def cut(every: Any) -> Any:
            return every[index] if isinstance(every, np.ndarray) else every

        return ObjectRows(
            self.shard,
            *(self.table, self.dictionary),
            *map(cut, (self.paths, self.positions, self.moments, self.numbers)),
        )

    def vector(self, column: Column) -> Vector:
        """A column's values."""
        name = column.name.lower()
        property = self.table.find(name)
        if property is not None and property.state:
            return property_vector(self.shard, self.dictionary, property, column, self.positions)
        if name == FIRST_TIMESTAMP.name:
            return _moments(self.shard.ts()[self._firsts()])
        if name == LAST_TIMESTAMP.name:
            return _moments(self.shard.ts()[self.positions])
        if name == EVENT_COUNT.name:
            return Numbers(self.positions - self._firsts() + 1)
        if name == AS_OF.name:
            if self.moments is None:
                return Coded(np.zeros(len(self), np.uint8), [None])
            return _moments(np.broadcast_to(np.asarray(self.moments, np.int64), (len(self),)))
        if name == ROW.name and self.numbers is not None:
            return Numbers(self.numbers)
        object = object_vector(self.shard, self.dictionary, self.table, name, self.paths)
        if object is not None:
            return object
        raise InternalError(f"{self.table.name}_objects has no column {column.name!r}")

    def _firsts(self) -> Int64:
        """The position of each object's first event."""
        return self.shard.paths()[1][self.paths]


@dataclass(frozen=True)
class SessionRows:
    """Sessions of a shard: their places in `session_starts`, int[m] ascending, or None for all."""

    shard: Shard
    table: Table
    dictionary: Dictionary
    idle: Idle | None
    sessions: Array | None = None

    @classmethod
    def of(cls, rows: EventRows, paths: Array | None, idle: Idle | None) -> SessionRows:
        """All sessions, or those of the chosen paths, ascending."""
        sessions = None
        if paths is not None:
            begins, starts = rows.shard.view(session_starts, idle_us(idle)), rows.shard.paths()[1]
            sessions = kernels.positions_of(np.searchsorted(begins, starts), paths)
        return cls(rows.shard, rows.table, rows.dictionary, idle, sessions)

    def __len__(self) -> int:
        return len(self._begins) - 1 if self.sessions is None else len(self.sessions)

    @cached_property
    def _begins(self) -> Int64:
        return self.shard.view(session_starts, idle_us(self.idle))

    def _at(self, every: Array) -> Array:
        return every if self.sessions is None else every[self.sessions]

    def firsts(self) -> Array:
        """The positions of the sessions' first events."""
        return self._at(self._begins[:-1])

    def keep(self, mask: Bool) -> SessionRows:
        """The rows where the mask is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: Array) -> SessionRows:
        """The rows at these places, in this order."""
        sessions = index if self.sessions is None else self.sessions[index]
        return SessionRows(self.shard, self.table, self.dictionary, self.idle, sessions)

    def _state(self, property: Property, column: Column) -> Vector:
        """A state at the first event of each session."""
        if property.kind is TEXT and column == Column(column.name):
            largest = len(self.dictionary.values(property.id)) - 1
            codes = self.shard.view(session_codes, idle_us(self.idle), property, largest)
            return self.dictionary.coded(property.id, self._at(codes))
        return property_vector(self.shard, self.dictionary, property, column, self._at(self._begins[:-1]))

    def vector(self, column: Column) -> Vector:
        """A column's values; the state is that at the session's first event."""
        name = column.name.lower()
        if name == DURATION.name:
            return Numbers(self._at(self.shard.view(session_durations, idle_us(self.idle))))
        property = self.table.find(name)
        if property is not None and property.state:
            return self._state(property, column)
        first = self.firsts()
        last = self._at(self._begins[1:]) - 1
        match name:
            case FIRST_TIMESTAMP.name:
                return _moments(self.shard.ts()[first])
            case LAST_TIMESTAMP.name:
                return _moments(self.shard.ts()[last])
            case EVENT_COUNT.name:
                return Numbers(last - first + 1)
            case FIRST_ACTION.name | LAST_ACTION.name:
                at = first if name == FIRST_ACTION.name else last
                return property_vector(self.shard, self.dictionary, ACTION, Column(ACTION.name), at)
            case SESSION.name:
                return Numbers(self._at(self.shard.view(SessionNumbers, idle_us(self.idle)).numbers).astype(np.int64))
            case IDLE.name:
                return _asked(self.idle, len(self))
        paths = self._at(self.shard.view(SessionNumbers, idle_us(self.idle)).paths)
        object = object_vector(self.shard, self.dictionary, self.table, name, paths)
        if object is None:
            raise InternalError(f"{self.table.name}_sessions has no column {column.name!r}")
        return object


@dataclass(frozen=True, slots=True)
class GroupRows:
    """Groups of a scan, as rows of another: their keys' and aggregates' values, and which of them (None for all)."""

    vectors: dict[str, Vector]
    groups: int
    chosen: Array | None = None

    def __len__(self) -> int:
        return self.groups if self.chosen is None else len(self.chosen)

    def keep(self, mask: Bool) -> GroupRows:
        """The rows where the mask is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: Array) -> GroupRows:
        """The rows at these places, in this order."""
        chosen = index if self.chosen is None else self.chosen[index]
        return GroupRows(self.vectors, self.groups, chosen)

    def vector(self, column: Column) -> Vector:
        """A key, or an aggregate."""
        vector = self.vectors[column.name]
        return vector if self.chosen is None else vector.take(self.chosen)


class ActionRows:
    """A row an action: the dictionary itself, so that a condition is decided once for each action."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._vector = dictionary.coded(ACTION.id, np.arange(dictionary.largest(ACTION.id) + 1))

    def __len__(self) -> int:
        return len(self._vector)

    def vector(self, _column: Column) -> Vector:
        """The actions."""
        return self._vector
