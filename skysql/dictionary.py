"""Texts as numbers: the codes of TEXT properties and actions, and the ids of TEXT object keys, of one table.

Codes count from 1 in each property, in order of first arrival; 0 is NULL. They are only ever added, so what is in
memory stays right as long as the row of its last code is still the one that was written: which its stamp tells, even
where a rollback took the row away and the code was given anew.

Texts and keys that no event has any more are dropped on request. Their codes and ids are not given again: a code stays
as a row without text, and so does the last id. What is in memory is then of another `epoch`, and read anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt

from .columns import Array, Int64
from .errors import CorruptError
from .vectors import Coded

_KEYS = -1
"""Stands for the keys where properties are meant."""


class _Texts:
    """One property's texts in memory. `values[0]` is None, for NULL."""

    __slots__ = ("codes", "stamp", "values")

    def __init__(self) -> None:
        self.values: list[str | None] = [None]
        self.codes: dict[str, int] = {}
        self.stamp = 0

    def add(self, text: str | None) -> None:
        if text is not None:
            self.codes[text] = len(self.values)
        self.values.append(text)


class Dictionary:
    """The dictionary of one table, read when needed and added to inside the writer's transaction."""

    def __init__(self, sqlite: apsw.Connection, value_table: str, key_table: str, meta_table: str) -> None:
        self._sqlite = sqlite
        self._value = value_table
        self._key = key_table
        self._meta = meta_table
        self._epoch: int | None = None  # what `meta` says under 'dictionary' since texts were last dropped
        self._texts: dict[int, _Texts] = {}
        self._keys: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._key_stamp: tuple[int, int] | None = None
        self._fresh: set[int] = set()  # what is known to be complete since the last refresh()

    def refresh(self) -> None:
        """The table may have changed: look again before the next answer."""
        self._fresh.clear()
        found = self._sqlite.execute(f"SELECT value FROM {self._meta} WHERE key = 'dictionary'").fetchall()
        epoch: Any = found[0][0] if found else None
        if epoch != self._epoch:
            self._forget(epoch)

    def _forget(self, epoch: int) -> None:
        self._texts.clear()
        self._keys.clear()
        self._ids.clear()
        self._key_stamp = None
        self._fresh.clear()
        self._epoch = epoch

    def _load(self, property_id: int) -> _Texts:
        texts = self._texts.setdefault(property_id, _Texts())
        if property_id in self._fresh:
            return texts
        found = self._from(property_id, len(texts.values) - 1)
        if len(texts.values) > 1:
            if not found or found[0][1] != texts.stamp:
                texts = self._texts[property_id] = _Texts()
                found = self._from(property_id, 1)
            else:
                del found[0]
        for text, stamp, code in found:
            if code != len(texts.values) or not _is_text(text):
                where = f"{self._value}: property {property_id}, code {code}"
                raise CorruptError(f"{where}: codes are missing before it, or it is no text")
            texts.add(text)
            texts.stamp = stamp
        self._fresh.add(property_id)
        return texts

    def _from(self, property_id: int, code: int) -> list[Any]:
        """(text, stamp, code) of this code and all later ones."""
        return self._sqlite.execute(
            f"SELECT value, stamp, code FROM {self._value} WHERE property = ? AND code >= ? ORDER BY code",
            (property_id, code),
        ).fetchall()

    def values(self, property_id: int) -> list[str | None]:
        """The texts by code; values[0] is None. Not to be changed."""
        return self._load(property_id).values

    def coded(self, property_id: int, codes: Array) -> Coded:
        """The texts of these codes of the property."""
        texts = self._load(property_id)
        return Coded(codes, texts.values, texts.codes)

    def largest(self, property_id: int) -> int:
        """The largest code; nothing is read but that."""
        if property_id in self._fresh:
            return len(self._texts[property_id].values) - 1
        sql = f"SELECT coalesce(max(code), 0) FROM {self._value} WHERE property = ?"
        found: Any = self._sqlite.execute(sql, (property_id,)).fetchall()[0][0]
        return found if isinstance(found, int) else 0

    def code(self, property_id: int, text: str) -> int | None:
        """The code of a text, or None if no event ever had it."""
        return self._load(property_id).codes.get(text)

    def codes(self, property_id: int, texts: Sequence[str] | Array) -> npt.NDArray[np.uint32]:
        """One code a text; texts that are new are given one. `refresh` must have been called in this transaction."""
        known = self._load(property_id)
        first = len(known.values)
        codes = known.codes
        for text in texts if len(texts) < 64 else set(texts):
            if text not in codes:
                known.add(str(text))
        if len(known.values) > first:
            known.stamp = secrets.randbits(63)
            self._sqlite.executemany(
                f"INSERT INTO {self._value} VALUES(?, ?, ?, ?)",
                [(property_id, code, known.values[code], known.stamp) for code in range(first, len(known.values))],
            )
        return np.fromiter(map(codes.__getitem__, texts), np.uint32, len(texts))

    # dropping

    @property
    def may_hold_unused(self) -> bool:
        """Whether there may be texts or keys that no event has."""
        return bool(self._sqlite.execute(f"SELECT 1 FROM {self._meta} WHERE key = 'unused'").fetchall())

    def note_unused(self) -> None:
        """There may be texts or keys that no event has."""
        self._sqlite.execute(f"INSERT OR IGNORE INTO {self._meta} VALUES('unused', 1)")

    def drop(self, codes: Mapping[int, Int64], objects: Int64 | None) -> None:
        """Drop texts, by property id and code, and all keys but those of these objects (ascending; None: drop none)."""
        for property_id, each in codes.items():
            self._sqlite.executemany(
                f"UPDATE {self._value} SET value = NULL WHERE property = ? AND code = ?",
                [(property_id, code) for code in each.tolist()],
            )
        if objects is not None:
            self._drop_keys(objects)
        epoch = secrets.randbits(63)
        self._sqlite.execute(f"DELETE FROM {self._meta} WHERE key = 'unused'")
        self._sqlite.execute(f"INSERT OR REPLACE INTO {self._meta} VALUES('dictionary', ?)", (epoch,))
        self._forget(epoch)

    def _drop_keys(self, objects: Int64) -> None:
        ids = np.array([id for (id,) in self._sqlite.execute(f"SELECT id FROM {self._key} ORDER BY id")], np.int64)
        gone = np.setdiff1d(ids, objects).tolist()
        if gone and gone[-1] == ids[-1]:
            self._sqlite.execute(f"UPDATE {self._key} SET key = NULL WHERE id = ?", (gone.pop(),))
        self._sqlite.executemany(f"DELETE FROM {self._key} WHERE id = ?", [(id,) for id in gone])

    # keys of TEXT objects

    def objects(self, keys: Sequence[str]) -> Int64:
        """The object id of each key; keys that are new are given one."""
        self._load_keys()
        known = self._keys
        new = [key for key in dict.fromkeys(keys) if key not in known]
        if new:
            stamp = secrets.randbits(63)
            last = self._key_stamp[0] if self._key_stamp else 0
            rows = [(id, str(key), stamp) for id, key in enumerate(new, last + 1)]
            self._sqlite.executemany(f"INSERT INTO {self._key} VALUES(?, ?, ?)", rows)
            self._add_keys(rows)
        return np.fromiter(map(known.__getitem__, keys), np.int64, len(keys))

    def restore_keys(self, keys: Mapping[int, str]) -> None:
        """Give objects the keys that they once had; neither may be known."""
        stamp = secrets.randbits(63)
        rows = [(id, key, stamp) for id, key in sorted(keys.items())]
        self._sqlite.executemany(f"INSERT INTO {self._key} VALUES(?, ?, ?)", rows)
        self.refresh()
        self._key_stamp = None

    def object(self, key: str) -> int | None:
        """The object id of a key, or None."""
        self._load_keys()
        return self._keys.get(key)

    def known_objects(self, keys: Sequence[str]) -> Int64:
        """The object id of each key; 0, which is no object's, for keys that are not known."""
        self._load_keys()
        return np.fromiter((self._keys.get(key, 0) for key in keys), np.int64, len(keys))

    def keys(self, objects: Int64) -> list[str]:
        """The key of each object."""
        self._load_keys()
        try:
            return list(map(self._ids.__getitem__, objects.tolist()))
        except KeyError as error:
            raise CorruptError(f"{self._key}: object {error.args[0]} has no key") from None

    def has_key(self, object: int) -> bool:
        """Whether the object has a key."""
        self._load_keys()
        return self._ids.get(object) is not None

    def properties(self) -> list[int]:
        """The ids of the properties that it has texts of."""
        return [id for (id,) in self._sqlite.execute(f"SELECT DISTINCT property FROM {self._value}")]

    def counts(self) -> dict[int, int]:
        """How many distinct texts there are, by property id; those that no event has any more go when compacted."""
        return dict(self._sqlite.execute(f"SELECT property, count(value) FROM {self._value} GROUP BY property"))

    def any_keys(self) -> bool:
        """Whether objects have keys."""
        return bool(self._sqlite.execute(f"SELECT 1 FROM {self._key} LIMIT 1").fetchall())

    def is_gapless(self, property_id: int) -> bool:
        """Whether the codes of a property are 1, 2, 3, ..."""
        sql = f"SELECT count(*), coalesce(max(code), 0), coalesce(min(code), 1) FROM {self._value} WHERE property = ?"
        ((count, largest, least),) = self._sqlite.execute(sql, (property_id,)).fetchall()
        return bool(count == largest and least == 1)

    def _add_keys(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for id, key, stamp in rows:
            if not (_is_text(key) and 0 < id < 1 << 62):
                raise CorruptError(f"{self._key}: object {id}: its key is no text, or its id none that is given")
            if key is not None:
                self._keys[key] = id
            self._ids[id] = key
            self._key_stamp = id, stamp

    def _load_keys(self) -> None:
        if _KEYS in self._fresh:
            return
        if self._key_stamp is not None:
            id, stamp = self._key_stamp
            if self._sqlite.execute(f"SELECT stamp FROM {self._key} WHERE id = ?", (id,)).fetchall() != [(stamp,)]:
                self._keys.clear()
                self._ids.clear()
                self._key_stamp = None
        last = self._key_stamp[0] if self._key_stamp else 0
        self._add_keys(
            self._sqlite.execute(f"SELECT id, key, stamp FROM {self._key} WHERE id > ? ORDER BY id", (last,)).fetchall()
        )
        self._fresh.add(_KEYS)


def _is_text(value: object) -> bool:
    """Whether a row may hold it; NULL stands for what was dropped."""
    return value is None or isinstance(value, str)
