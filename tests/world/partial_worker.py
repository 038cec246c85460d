"""A process that computes partials: a line of JSON in, a line of JSON out.

{"path", "database", "plan", "parameters", "seed", "parts"} -> {"messages": [base64, ...]}, a message for each shard and
part of the objects, which are dealt out at random; or {"inexact": place}. {"merge": [base64, ...], "plan", ...} ->
{"messages": [one]}.
"""

import json
import random
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import numpy as np

import skysql
from skysql.plan.json import SCANS
from skysql.plan.path_scan import Column, PathScan
from skysql.plan.sources import object_names
from skysql.scan import travel
from skysql.scan.aggregates import AggregateFunctions, Inexact
from skysql.scan.bound import BoundScan
from skysql.scan.scan import Scan
from skysql.store import compact
from skysql.store import snapshot as snapshots

SHARD_EVENTS = 128
"""So that few events make several shards."""


class Worker:
    def __init__(self) -> None:
        self.connections: dict[str, skysql.Connection] = {}

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        db = self.connections.setdefault(asked["path"], skysql.connect(asked["path"]))
        plan, parameters = SCANS.from_json(asked["plan"]), asked["parameters"]
        snapshot = db.engine.snapshot(plan.database, plan.table)
        bound = BoundScan(plan, snapshot.table, AggregateFunctions())
        try:
            if "merge" in asked:
                given = [b64decode(message) for message in asked["merge"]]
                found = [travel.merge(bound, given, db.engine.evaluator, parameters)]
            elif asked["parts"] == 1:
                shards = snapshot.shards()
                found = [travel.partial(bound, snapshot, s, db.engine.evaluator, parameters) for s in shards]
            else:
                found = list(self._parts(db, bound, plan, parameters, random.Random(asked["seed"]), asked["parts"]))
        except Inexact as inexact:
            return {"inexact": inexact.place}
        return {"messages": [b64encode(message).decode() for message in found]}

    def _parts(
        self, db: skysql.Connection, bound: BoundScan, plan: PathScan, parameters: list[Any], rng: random.Random, n: int
    ) -> Iterator[bytes]:
        """A message for each part of the objects of each shard."""
        snapshot = db.engine.snapshot(plan.database, plan.table)
        names = object_names(plan.source, snapshot.table)
        name = snapshot.table.object_name if snapshot.table.object_name in names else min(names)
        part_of: dict[Any, int] = {}
        scan = Scan(bound, snapshot, db.engine.evaluator, parameters)
        for shard in snapshot.shards():
            for rows in scan.rows(shard):
                objects = rows.vector(Column(name)).tolist()
                parts = np.array([part_of.setdefault(object, rng.randrange(n)) for object in objects])
                for part in set(parts.tolist()):
                    yield travel.pack(scan.partial(rows.keep(parts == part)))


if __name__ == "__main__":
    compact.SHARD_EVENTS = snapshots.SHARD_EVENTS = SHARD_EVENTS
    worker = Worker()
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), flush=True)
    for connection in worker.connections.values():
        connection.close()
