"""The results that statements of one connection read: published under names that nothing else can have.

    SELECT ... FROM temp."sky 5f0c5c1e7f0b4d0e9f5d3a1b2c4d6e8f 7" AS "users"

No CTE and no table of another schema has a name that begins with `temp.`, and the digits are drawn for each connection,
so that no file can hold them. A statement of the user's that has them is refused: it would read what another one left,
or put something in its place. Nobody is shown the name: not in the names of columns, in plans or in errors.

Modules of SQLite's that we read ourselves (`temp.carray`) are named likewise: a file may have a table of that name.
"""

from __future__ import annotations

import re
from secrets import token_hex

import apsw

from vtab import publish, retract
from vtab.source import Relation

from ..errors import ProgrammingError
from ..model.table import quote


class Results:
    """The names of one connection's results, and what people see in their place."""

    def __init__(self, sqlite: apsw.Connection) -> None:
        self._sqlite = sqlite
        self._digits = token_hex(16)
        self._name = re.compile(rf'(?:temp\.)?"?(sky {self._digits} \d+)"?', re.IGNORECASE)
        self._made = 0
        self._labels: dict[str, str] = {}

    def fresh(self) -> str:
        """A name that was never used."""
        self._made += 1
        return f"sky {self._digits} {self._made}"

    def publish(self, name: str, relation: Relation, label: str) -> None:
        """Let statements read the relation, which people see as `label`."""
        publish(self._sqlite, name, relation)
        self._labels[name] = label

    def retract(self, name: str) -> None:
        """Undo `publish`."""
        retract(self._sqlite, name)
        self._labels.pop(name, None)

    def named_in(self, text: str) -> bool:
        """Whether a text has the name of a result."""
        return self._digits in text.lower()

    def check(self, text: str) -> None:
        """Refuse a statement of the user's that names a result."""
        if self.named_in(text):
            raise ProgrammingError(
                "a statement cannot read what was found for another one, nor use its name",
                "ask anew, or keep the rows with CREATE TABLE ... AS SELECT ...",
            )

    def shown(self, text: str) -> str:
        """The text without names of results, for people."""
        if not self.named_in(text):
            return text
        return self._name.sub(lambda found: self._labels.get(found[1].lower(), "a result"), text)


def reference(name: str) -> str:
    """The text that reads a result."""
    return f'temp."{name}"'


def aliased(read: str, alias: str = "") -> str:
    """A read under the alias that the statement has for what it stands for, or another: plans show it."""
    return f"{read} AS {quote(alias or 'path scan')}"


__all__ = ["Results", "aliased", "reference"]
