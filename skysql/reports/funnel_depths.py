"""How far each path gets through the steps of a funnel of which nothing else is asked: by a compiled loop.

The chains are those of funnel_chains.py, and so are the counts; which events they are of is not found out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arrays import compiled
from ..arrays.masks import Masks
from ..arrays.pending import Pending
from ..model.dtypes import Array, Int64
from ..store.shard import Shard
from .funnel_chains import tells_events
from .funnel_design import FunnelDesign
from .report import Call


def counts(call: Call[Any], design: FunnelDesign, shards: Iterable[Shard]) -> Int64 | None:
    """How many objects do at least 1, 2, ... steps: int64[steps]; None if only funnel_chains can tell."""
    if not compiled.available() or tells_events(call, design) or not _plain(design):
        return None
    exactly = np.zeros(len(design.steps) + 1, np.int64)
    for levels in compiled.ahead(_levels(call, design, shard) for shard in shards):
        exactly += np.bincount(levels.result(), minlength=len(exactly))
    return exactly[:0:-1].cumsum()[::-1]


def _plain(design: FunnelDesign) -> bool:
    """Whether each object counts with its longest chain, and nothing but `within` as a whole limits its steps."""
    return (
        (design.order, design.count, design.session) == ("ordered", "objects", None)
        and (design.entry == "best" or design.within is None)
        and not (design.exclusions or design.hold)
        and design.begin is design.end is None
        and all(step.within is None for step in design.steps)
        and (design.within or 0) < compiled.LIMIT
        and len(design.steps) <= compiled.STEPS
    )


def _levels(call: Call[Any], design: FunnelDesign, shard: Shard) -> Pending[Array]:
    met = [call.subject.met(shard, step.condition) for step in design.steps]
    within = compiled.LIMIT - 1 if design.within is None else design.within
    masks = Masks.of(met, len(shard))
    return compiled.funnel(masks, shard.ts(), shard.paths()[1], len(met), within, compiled.MODES["path"])
