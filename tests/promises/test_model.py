"""Whatever is done to a table in whatever order, it is as lists of events say.

    SKYSQL_TEST_EXAMPLES=500 pytest tests/promises/test_model.py

Hypothesis chooses the steps: every way to write, transactions, savepoints, alterations, compaction, reopening,
two connections that take turns, and one that tries while the other has the file; cursors are left half-read meanwhile.
After each of them both connections read what they should, by row and by column, and check() finds nothing. A failure is
shrunk to the steps that it takes.
"""

import os
import random
import tempfile
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import skysql
from skysql.store import chunks
from tests.world.changes import KEYED, SCHEMA, World, same, to_json
from tests.world.oracle import Oracle

EXAMPLES = int(os.environ.get("SKYSQL_TEST_EXAMPLES", "30"))
ALTERATIONS = [("RENAME plan TO p", "RENAME p TO plan"), ("ADD more TEXT STATE", "DROP more"),
               ("ALTER amount TO STATE", "ALTER amount TO ATTRIBUTE"),
               ("ALTER url TO STATE", "ALTER url TO ATTRIBUTE")]  # fmt: skip
RANDOMS = st.randoms(use_true_random=False)


class Table(RuleBasedStateMachine):
    """A file, two connections, and the model."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.opened: list[skysql.Connection] = []
        self.world: World = None  # type: ignore[assignment]

    def connect(self, path: str, **options: Any) -> skysql.Connection:
        self.opened.append(skysql.connect(path, timeout=0, **options))
        self.opened[-1].execute("PRAGMA synchronous = OFF")
        return self.opened[-1]

    @initialize(keyed=st.booleans(), seed=st.integers(0, 99))
    def start(self, keyed: bool, seed: int) -> None:
        path = os.path.join(self.directory.name, "events.db")
        self.world = World(self.connect, path, seed, KEYED if keyed else SCHEMA)

    def do(self, r: random.Random, step: str) -> None:
        self.world.random = r
        getattr(self.world, step)()
        self.world.settle()
        self.world.note_rows()

    def within(self) -> bool:
        return self.world is not None and self.world.db.in_transaction

    @rule(r=RANDOMS, step=st.sampled_from(["insert", "insert", "delete", "delete_all", "update", "update"]))
    def write(self, r: random.Random, step: str) -> None:
        self.do(r, step)

    @rule(r=RANDOMS, step=st.sampled_from(["begin", "end", "savepoint", "savepoint", "release"]))
    def bracket(self, r: random.Random, step: str) -> None:
        self.do(r, step)

    @rule(r=RANDOMS, step=st.sampled_from(["open", "read_on", "read_on"]))
    def read(self, r: random.Random, step: str) -> None:
        self.do(r, step)

    @rule(r=RANDOMS, step=st.sampled_from(["compact", "reopen"]))
    def rearrange(self, r: random.Random, step: str) -> None:
        self.do(r, step)

    @rule(r=RANDOMS, size=st.integers(0, 20))
    def append(self, r: random.Random, size: int) -> None:
        world = self.world
        world.random = r
        events = [world.event() for _ in range(size)]
        name = world.schema.key_name or "object_id"
        columns = {
            name: [e.object for e in events],
            "ts": [e.ts for e in events],
            "action": [e.action for e in events],
            "amount": [e.attributes.get("amount") for e in events],
            "url": [e.attributes.get("url") for e in events],
            "changes": [to_json(e.changes) for e in events],
        }
        assert world.db.append("users", columns, time_unit="us") == size
        for event in events:
            world.model.insert(event, "ABORT")
        self.world.settle()
        self.world.note_rows()

    @rule(there_and_back=st.sampled_from(ALTERATIONS))
    def alter(self, there_and_back: tuple[str, str]) -> None:
        """What is stored stays as it was; what reads and caches it begins anew. (test_alter.py stays where it goes.)"""
        self.world.close_half_read()
        for change in there_and_back:
            self.world.db.execute("SELECT sky_alter('users', ?)", (change,))
        self.world.settle()

    @rule(r=RANDOMS)
    def refused(self, r: random.Random) -> None:
        """A statement that fails at its last row leaves nothing of itself."""
        world = self.world
        world.random = r
        event, name = world.event(), world.schema.key_name or "object_id"
        good = (event.object, event.ts, event.action)
        sql = f"INSERT INTO users({name}, ts, action) VALUES (?, ?, ?), (?, ?, ?)"
        with pytest.raises(skysql.DatabaseError):
            world.db.execute(sql, (*good, event.object, event.ts, None))

    @precondition(lambda self: not self.within())
    @rule()
    def take_turns(self) -> None:
        self.world.take_turns()

    @precondition(lambda self: self.within())
    @rule(r=RANDOMS)
    def meanwhile(self, r: random.Random) -> None:
        """The other connection cannot write once the first has."""
        world = self.world
        world.random = r
        name = world.schema.key_name or "object_id"
        if world.db.sqlite.txn_state("main") != apsw.SQLITE_TXN_WRITE:
            return
        with pytest.raises(skysql.OperationalError, match="locked"):
            world.other.execute(f"INSERT INTO users({name}, ts, action) VALUES (?, 1, 'a')", (world.object(),))

    @invariant()
    def both_read_what_they_should(self) -> None:
        if self.world is not None:
            same(self.world.db, self.world.model.oracle())
            same(self.world.other, Oracle(self.world.schema, *self.world.committed[:2]))

    def teardown(self) -> None:
        for db in self.opened:
            db.close()
        self.directory.cleanup()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [chunks.SIZE, 2])
def test_any_order_of_steps(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """And so it is if texts that are more than two become chunks."""
    monkeypatch.setattr(chunks, "SIZE", size)
    run_state_machine_as_test(
        Table,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
