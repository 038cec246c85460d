"""sky_flow: what objects do next, or did before, as the edges of a Sankey diagram.

    sky_flow(table, options)        a row a step and pair of actions

- A *flow* is a run of events that have an action, one after the other in a path; events without one are passed over. It
  goes forward "from" an action, or backward from the action "to" (each the name of one, or {"when": SQL}); without
  either, forward from a path's first action.
- An object has one flow, from (or to) the first such event of its path; with "session": "30 minutes" each session has
  one, and flows end where sessions do; with "starts": "every", each such event.
- `step` counts from 1 to "depth" (3 if left out): `source` is done, then `target`, at once after it. Backward it counts
  from -1, the edge into "to", to -depth. Where a path (or session) ends, the target is '(end)', and where a flow comes
  backward to its beginning, the source is '(start)'; the flow stops there.
- "collapse": true takes an action that is repeated at once as one.
- "top": N names the N actions that most flows have at each step; the others are '(other)', as source and as target.
- `flows` is how many flows have the edge, `objects` how many objects these are of.

Rows are sorted by step, then by flows, most first, then by source and target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import kernels
from ..errors import ProgrammingError
from ..interruption import looking, patiently, pieces
from ..model.dtypes import Array, Int64
from ..model.table import ACTION
from ..plan.tree import Tree
from ..store.shard import Shard
from ..store.views import code_counts, codes_at, path_numbers, session_starts
from .asked import Asked, Condition
from .chains import firsts
from .design import branch, lasting
from .options import Options
from .report import MOST_ROWS, Call, Columns, Declared
from .subject import Subject

_OPTIONS = ("from", "to", "session", "starts", "depth", "collapse", "top")
_DEPTH = 32
_MARKED = 1 << 22
"""Pairs of an object and an edge that are marked in a table; more of them are sorted."""

_COUNTED = 1 << 16
"""Edges that are counted in a table; if there may be more, they are sorted."""

END = 0
"""The code that stands for the end of a path; no action has code 0."""


@dataclass(frozen=True, slots=True)
class FlowDesign:
    """Flows as they were asked for."""

    anchor: Condition | None
    backward: bool
    session: int | None
    every: bool
    depth: int
    collapse: bool
    top: int | None

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        anchor = "a path's first action" if self.anchor is None else str(self.anchor)
        return [
            *branch("to" if self.backward else "from", anchor),
            *branch("session", lasting(self.session)),
            *branch("starts", "every" if self.every else "first"),
            *branch("depth", self.depth),
            *branch("collapse", self.collapse),
            *branch("top", self.top),
        ]


def parse_design(asked: Asked) -> FlowDesign:
    """Read the options. Raises ProgrammingError."""
    options = Options(asked.report, asked.arguments["options"], _OPTIONS)
    given = [key for key in ("from", "to") if options.get(key) is not None]
    if len(given) == 2:
        raise ProgrammingError(f'{asked.report}: flows go forward "from" an action or backward from "to", not both')
    every = options.choice("starts", ("first", "every")) == "every"
    return FlowDesign(
        anchor=asked.named(options.get(given[0]), options.what(given[0])) if given else None,
        backward=given == ["to"],
        session=options.duration("session"),
        every=every,
        depth=options.count("depth", 3, _DEPTH),
        collapse=options.flag("collapse"),
        top=None if options.get("top") is None else options.count("top", 1, 1 << 31),
    )


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of one step: a partial. pairs: int64[e], source * size + target; how many have each: int64[e]."""

    pairs: Int64
    flows: Int64
    objects: Int64


class _Reading:
    """Flows over shards. Actions are codes; `size` of them, END and the code for all others among them."""

    def __init__(self, design: FlowDesign, subject: Subject) -> None:
        self.design = design
        self.subject = subject
        self.other = len(subject.actions)
        self.size = self.other + 1
        self.labels = np.tile(np.arange(self.size), (design.depth + 1, 1))  # what a code is called at each step

    def partial(self, shard: Shard) -> list[Edges]:
        """The edges of a shard, step by step."""
        return [
            self._count(self.labels[at].take(near), self.labels[at + 1].take(far), paths, shard)
            for at, (near, far, paths) in enumerate(self._steps(shard))
        ]

    def _steps(self, shard: Shard) -> Iterator[tuple[Array, Array, Array]]:
        """Step by step, the flows that reach it: their action before it, their action after it, and their path."""
        codes, groups, anchors, paths = self._flows(shard)
        direction = -1 if self.design.backward else 1
        at = anchors
        for _ in range(self.design.depth):
            following = at + direction
            inside = (following >= 0) & (following < len(codes))
            following = np.where(inside, following, at)
            inside &= groups.take(following) == groups.take(at)
            yield codes.take(at), np.where(inside, codes.take(following), END), paths
            at, paths = following[inside], paths[inside]

    def _flows(self, shard: Shard) -> tuple[Array, Array, Int64, Array]:
        """The actions of all paths one after the other: codes, groups within which flows stay; where flows begin, and
        of which paths they are.
        """
        design, largest = self.design, len(self.subject.actions) - 1
        codes, groups, paths = codes_at(shard, ACTION, largest), self._groups(shard), shard.view(path_numbers)
        acts = None if shard.view(code_counts, ACTION, largest)[0] == 0 else np.flatnonzero(codes)
        if acts is not None:
            codes, groups, paths = codes[acts], groups[acts], paths[acts]
        if design.anchor is None:
            anchors = np.arange(len(codes)) if design.every else firsts(groups)
        else:
            anchors = self.subject.positions(shard, design.anchor)
            if acts is not None:
                places = np.searchsorted(acts, anchors)
                here = places < len(acts)
                places[here] = np.where(acts[places[here]] == anchors[here], places[here], -1)
                anchors = places[here & (places >= 0)]
        if design.collapse:
            new = np.ones(len(codes), bool)
            new[1:] = (codes[1:] != codes[:-1]) | (groups[1:] != groups[:-1])
            kept = np.flatnonzero(new)
            anchors = kernels.distinct(np.cumsum(new)[anchors] - 1)
            codes, groups, paths = codes[kept], groups[kept], paths[kept]
        if not design.every:
            anchors = anchors[firsts(groups.take(anchors))]
        return codes, groups, anchors, paths.take(anchors)

    def _groups(self, shard: Shard) -> Array:
        if self.design.session is None:
            return shard.view(path_numbers)
        starts = shard.view(session_starts, self.design.session)
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    def _count(self, near: Array, far: Array, paths: Array, shard: Shard) -> Edges:
        source, target = (far, near) if self.design.backward else (near, far)
        pairs, places, flows = _tally(source.astype(np.int64) * self.size + target, self.size * self.size)
        if self.design.session is None and not self.design.every:
            return Edges(pairs, flows, flows)
        objects, n = len(shard.paths()[0]), len(pairs)
        if objects * n <= _MARKED:
            marked = np.zeros((objects, n), bool)
            marked[paths, places] = True
            return Edges(pairs, flows, np.add.reduce(marked, axis=0, dtype=np.int64))
        one_of_each = kernels.distinct(paths.astype(np.int64) * n + places)
        return Edges(pairs, flows, np.bincount(one_of_each % n, minlength=n))

    def name_others(self, steps: Sequence[Edges], top: int) -> None:
        """From now on, call all but the `top` actions of each step by the code for others."""
        for at in range(self.design.depth + 1):
            edges = steps[max(at - 1, 0)]
            of_source = (at == 0) != self.design.backward
            codes = edges.pairs // self.size if of_source else edges.pairs % self.size
            flows = np.bincount(codes, edges.flows, self.size).astype(np.int64)
            names = self.subject.actions
            ranked = sorted(range(1, self.other), key=lambda code: (-flows[code], str(names[code])))
            self.labels[at, ranked[top:]] = self.other


def _tally(numbers: Int64, bound: int) -> tuple[Int64, Array, Int64]:
    """(the numbers that occur, ascending; the place of each element's among them; how often each occurs)."""
    if bound > _COUNTED:
        return patiently(np.unique, numbers, return_inverse=True, return_counts=True)
    counts = np.bincount(numbers, minlength=bound)
    used = np.flatnonzero(counts)
    places = np.zeros(bound, np.int64)
    places[used] = np.arange(len(used))
    return used, places.take(numbers), counts[used]


def merge(parts: Sequence[list[Edges]], depth: int) -> list[Edges]:
    """Partials of different objects as one."""
    merged = []
    for at in range(depth):
        here = [part[at] for part in parts]
        pairs, places = patiently(np.unique, np.concatenate([edges.pairs for edges in here]), return_inverse=True)
        flows, objects = (
            np.bincount(places, np.concatenate(counts), len(pairs)).astype(np.int64)
            for counts in ([edges.flows for edges in here], [edges.objects for edges in here])
        )
        merged.append(Edges(pairs, flows, objects))
    return merged


class Flow:
    """sky_flow."""

    name = "sky_flow"
    arguments = ("table", "options")
    columns = (
        Declared("step", "INTEGER"),
        Declared("source", "TEXT"),
        Declared("target", "TEXT"),
        Declared("objects", "INTEGER"),
        Declared("flows", "INTEGER"),
    )
    hidden: tuple[Declared, ...] = ()
    takes: frozenset[str] = frozenset()
    order = ("step",)

    def design(self, asked: Asked) -> FlowDesign:
        """What is asked."""
        return parse_design(asked)

    def rows(self, call: Call[FlowDesign]) -> Iterator[Columns]:
        """A row a step and edge."""
        design = call.design
        reading = _Reading(design, call.subject)
        shards = call.subject.snapshot.shards()
        if not shards:
            return
        steps = merge([reading.partial(shard) for shard in looking(shards)], design.depth)
        if design.top is not None:
            reading.name_others(steps, design.top)
            steps = merge([reading.partial(shard) for shard in looking(shards)], design.depth)
        names = [*call.subject.actions, "(other)"]
        names[END] = "(start)" if design.backward else "(end)"
        ranks = np.empty(len(names), np.int64)
        ranks[sorted(range(len(names)), key=lambda code: str(names[code]))] = np.arange(len(names))
        numbered = [(-at if design.backward else at, edges) for at, edges in enumerate(steps, 1)]
        for step, edges in sorted(numbered, key=lambda pair: pair[0]):
            sources, targets = divmod(edges.pairs, reading.size)
            order = patiently(np.lexsort, (ranks[targets], ranks[sources], -edges.flows))
            for piece in pieces(len(order), MOST_ROWS):
                here = order[piece]
                yield {
                    "step": [step] * len(here),
                    "source": [names[code] for code in sources[here].tolist()],
                    "target": [names[code] for code in targets[here].tolist()],
                    "objects": edges.objects[here].tolist(),
                    "flows": edges.flows[here].tolist(),
                }
