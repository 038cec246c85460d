"""One script done to three databases: with pushdown, without, and plain SQLite on the rows of the naive model."""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import replace
from itertools import groupby
from typing import Any

import apsw

from skysql import Error
from skysql.engine import path_functions
from skysql.functions import FUNCTIONS
from tests.world import statistics_oracle
from tests.world.alterations import Altered, altered
from tests.world.answers import Answer, Difference, different
from tests.world.expressions import Statement
from tests.world.oracle import Event, Oracle, Schema, quote
from tests.world.oracle_sessions import load_sessions
from tests.world.scripts import renumbered
from tests.world.worlds import Script, Write, insert, ordinary_ddl, table_of

SIZES = (1, 6, 30, 100, 150, 150, 300, 300, 1000)


class Plain:
    """Plain SQLite with ordinary tables that hold the naive model's rows."""

    def __init__(self, script: Script, ids: dict[str, int] | None = None) -> None:
        self.oracle = Oracle(script.schema, script.events, ids)
        self.sqlite = apsw.Connection(":memory:")
        path_functions.register(self.sqlite, FUNCTIONS.values())
        statistics_oracle.register(self.sqlite)
        self.names: tuple[str, ...] = ()
        with self.sqlite:
            for sql in ordinary_ddl(random.Random(0), script, sky=False):
                self.sqlite.execute(sql)
            self.oracle.load(self.sqlite, script.moments)
            load_sessions(self.oracle, self.sqlite)
            for view in script.views:
                self.sqlite.execute(Statement(view, [], "?", False).plain()[0])
        self.sqlite.exec_trace = self._trace

    def shuffle(self) -> None:
        """Store the rows of every table in another order."""
        for (table,) in self.sqlite.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            rows = self.sqlite.execute(f"SELECT * FROM {quote(table)}").fetchall()
            random.Random(0).shuffle(rows)
            self.sqlite.execute(f"DELETE FROM {quote(table)}")
            marks = ", ".join("?" * len(rows[0])) if rows else ""
            self.sqlite.executemany(f"INSERT INTO {quote(table)} VALUES ({marks})", rows)

    def _trace(self, cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
        self.names = tuple(name for name, _ in cursor.get_description())
        return True

    def ask(self, sql: str, parameters: Any = ()) -> Answer:
        try:
            rows = self.sqlite.execute(sql, parameters).fetchall()
        except (apsw.Error, Error) as error:  # the latter of functions over a path
            return Answer(error=f"{type(error).__name__}: {error}")
        return Answer(self.names, tuple(rows))

    def close(self) -> None:
        self.sqlite.close()


class Sky:
    """A skysql connection to which a script was done."""

    def __init__(self, script: Script, pushdown: bool, path: str) -> None:
        import skysql

        self.script = script
        self.rng = random.Random(len(script.events))
        self.connection = skysql.connect(path, pushdown=pushdown)
        self.altered: Altered | None = altered(self.rng, script) if self.rng.random() < 0.4 else None
        schema = script.schema if self.altered is None else self.altered.initial
        for sql in [schema.ddl(), *ordinary_ddl(self.rng, script, sky=True)]:
            self.connection.execute(sql)
        self._make_views()
        self.connection.commit()
        for number, write in enumerate(script.writes):
            if self.altered is not None and self.altered.at == number:
                for change in self.altered.changes:
                    self.connection.execute("SELECT sky_alter(?, ?)", (script.schema.name, change))
                self.altered = None
                self._make_views()
            self._write(write)
            if number + 1 < len(script.writes) or not script.open:
                self.connection.commit()
            if write.compact:
                self.connection.compact(script.schema.name)
        if path != ":memory:":
            self.connection.close()
            self.connection = skysql.connect(path, pushdown=pushdown)

    def _make_views(self) -> None:
        for view in self.script.views if self.altered is None else ():
            self.connection.execute(Statement(view, [], "?", False).sky()[0])

    def _write(self, write: Write) -> None:
        schema, rng = self.script.schema, self.rng
        last = write is self.script.writes[-1]
        if self.altered is not None:
            schema, write = self.altered.initial, replace(write, events=list(map(self.altered.event, write.events)))
        if rng.random() < 0.3:
            self._undone(write.events, schema)
        if write.how == "append" and write.events:
            columns = table_of(rng, schema, write.events)
            assert self.connection.append(schema.name, columns, time_unit="us") == len(write.events)
            return
        rows = [insert(rng, schema, event) for event in write.events]
        if write.how == "many":
            for sql, group in groupby(rows, key=lambda row: row[0]):
                self.connection.executemany(sql, [values for _, values in group])
            return
        for sql, values in rows:
            self.connection.execute(sql, values)
            if write.how == "single" and not last:
                self.connection.commit()

    def _undone(self, events: list[Event], schema: Schema) -> None:
        """Events that are rolled back: to a savepoint, or with the whole transaction."""
        whole = self.rng.random() < 0.5
        self.connection.execute("BEGIN" if whole else "SAVEPOINT undone")
        for event in events[:3]:
            self.connection.execute(*insert(self.rng, schema, replace(event, ts=0)))
        for sql in ["ROLLBACK"] if whole else ["ROLLBACK TO undone", "RELEASE undone"]:
            self.connection.execute(sql)

    def ids(self) -> dict[str, int] | None:
        """The id of each TEXT key."""
        if (key := self.script.schema.key_name) is None:
            return None
        table = quote(self.script.schema.name)
        return dict(self.connection.execute(f"SELECT DISTINCT {quote(key)}, object_id FROM {table}").fetchall())

    def ask(self, sql: str, parameters: Any = ()) -> Answer:
        cursor = self.connection.cursor()
        try:
            rows = cursor.execute(sql, parameters).fetchall()
        except Exception as error:
            return Answer(error=f"{type(error).__name__}: {error}")
        return Answer(tuple(column[0] for column in cursor.description), tuple(rows))

    def rewritten(self, sql: str) -> str:
        """What SQLite gets in its place."""
        try:
            return renumbered(self.connection.engine.prepare(sql).sql)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def close(self) -> None:
        self.connection.close()


class Databases:
    """One script done to three databases: with pushdown, without, and plain SQLite."""

    def __init__(self, script: Script, on_disk: bool = False) -> None:
        self.directory = tempfile.TemporaryDirectory() if on_disk and not script.open else None
        paths = [os.path.join(self.directory.name, f"{i}.db") if self.directory else ":memory:" for i in range(2)]
        self.pushed = Sky(script, True, paths[0])
        self.by_row = Sky(script, False, paths[1])
        ids = self.by_row.ids()
        assert ids == self.pushed.ids()
        assert ids is None or len(set(ids.values())) == len(ids) == len({e.object for e in script.events})
        self.plain = Plain(script, ids)

    def answers(self, statement: Statement) -> dict[str, Answer]:
        """Every side's answer, by name."""
        sides = {"pushdown": self.pushed, "row by row": self.by_row}
        answers = {name: side.ask(*statement.sky()) for name, side in sides.items()}
        return answers | {"plain SQLite": self.plain.ask(*statement.plain())}

    def difference(self, statement: Statement) -> Difference | None:
        """How the answers differ, or None."""
        answers = self.answers(statement)
        right = answers.pop("plain SQLite")
        kinds = {name: different(answer, right, statement.ordered) for name, answer in answers.items()}
        wrong = [name for name, kind in kinds.items() if kind is not None]
        return Difference(str(kinds[wrong[0]]), " and ".join(wrong)) if wrong else None

    def __enter__(self) -> Databases:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        faults = [] if kind else self.pushed.connection.check() + self.by_row.connection.check()
        for side in (self.pushed, self.by_row, self.plain):
            side.close()
        if self.directory is not None:
            self.directory.cleanup()
        assert faults == []
