"""The process that is killed: it does deeds to a file, and reports each that was acknowledged."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

import skysql
from tests.world import deeds


def write(path: str, seed: int, first: int, keyed: bool, acknowledged: Connection) -> None:
    """Do the deeds from `first` on, until killed."""
    db = skysql.connect(path, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 20")  # so that a kill may come amid one
    for number in range(first, 1000):
        deeds.do(db, deeds.deed(seed, number), keyed, Path(path).parent)
        acknowledged.send_bytes(number.to_bytes(4))
