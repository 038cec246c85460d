"""A walk: random steps on a file with two connections, in and out of transactions, beside a model of what is in it."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import Any

from tests.conftest import Connect


class Walk(ABC):
    """One connection takes the steps, the other reads what is committed; the model goes back with a transaction."""

    def __init__(self, connect: Connect, path: str, seed: int, ddl: str) -> None:
        self.random = random.Random(seed)
        self.connect, self.path = connect, path
        self.committed = self.state()
        self.savepoints: list[Any] = []
        self.db = connect(path, isolation_level=None)
        self.db.execute(ddl)
        self.other = connect(path, isolation_level=None)

    @abstractmethod
    def state(self) -> Any:
        """What the model holds, as a copy."""

    @abstractmethod
    def back(self, state: Any) -> None:
        """Have the model hold that."""

    def settle(self) -> None:
        """What is there outside of a transaction is committed."""
        if not self.db.in_transaction:
            self.committed = self.state()

    # steps

    def begin(self) -> None:
        if not self.db.in_transaction:
            self.db.execute("BEGIN")

    def end(self) -> None:
        if self.db.in_transaction:
            if self.random.random() < 0.7:
                self.db.execute("COMMIT")
            else:
                self.db.execute("ROLLBACK")
                self.back(self.committed)
            self.savepoints.clear()

    def savepoint(self) -> None:
        if self.db.in_transaction:
            self.savepoints.append(self.state())
            self.db.execute(f"SAVEPOINT s{len(self.savepoints)}")

    def release(self) -> None:
        if self.savepoints:
            level = self.random.randint(1, len(self.savepoints))
            if self.random.random() < 0.6:
                self.db.execute(f"ROLLBACK TO s{level}")
                self.back(self.savepoints[level - 1])
                del self.savepoints[level:]
            else:
                self.db.execute(f"RELEASE s{level}")
                del self.savepoints[level - 1 :]

    def reopen(self) -> None:
        if not self.db.in_transaction:
            self.db.close()
            self.db = self.connect(self.path, isolation_level=None)
