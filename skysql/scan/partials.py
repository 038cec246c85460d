"""What is known of some rows of a grouped scan, and of all of them together.

A partial is some groups with their keys and, of each aggregate, a state. Partials of different objects merge into one,
in any order; of equal keys (1 and 1.0), the first one's value is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import kernels
from ..arrays.vectors import Coded, Vector, compact_codes, joined, with_equal_codes
from ..interruption import looking
from .aggregates import AggregateFunction, Inexact, Merging, State


@dataclass(frozen=True, slots=True)
class Partial:
    """Groups of some rows: a vector a key, and a state an aggregate; `groups` is how many."""

    groups: int
    keys: list[Vector]
    states: list[State]


def merge(
    partials: Sequence[Partial], keys: int, aggregates: Sequence[AggregateFunction[Any]], disjoint: bool
) -> Partial:
    """Partials of different objects, with `keys` keys, as one. disjoint: whether no two have a group in common."""
    if not partials:
        size = 0 if keys else 1
        nothing = [aggregate.nothing(size) for aggregate in aggregates]
        return Partial(size, [Coded(np.zeros(0, np.int64), [None]) for _ in range(keys)], nothing)
    computed = [key for key in partials[0].keys if isinstance(key, Coded) and key.index is None]
    if len(partials) == 1 and all(with_equal_codes(key) is key for key in computed):
        return partials[0]
    merged, merging = _merged_keys(partials, keys, disjoint)
    states: list[State] = []
    for place, aggregate in looking(enumerate(aggregates)):
        try:
            states.append(aggregate.merge([partial.states[place] for partial in partials], merging))
        except Inexact as inexact:
            raise inexact.at(place) from None
    return Partial(merging.size, merged, states)


def _merged_keys(partials: Sequence[Partial], keys: int, disjoint: bool) -> tuple[list[Vector], Merging]:
    merged = [joined([partial.keys[at] for partial in partials]) for at in range(keys)]
    total = sum(partial.groups for partial in partials)
    if disjoint:
        size, places = total, np.arange(total)
    elif keys:
        numbers, bound = kernels.factorize([compact_codes(key) for key in merged])
        used, places = kernels.group_numbers(numbers, bound)
        size = len(used)
        first = kernels.first_of_each(places, size)
        merged = [key.take(first) for key in looking(merged)]
    else:
        size, places = 1, np.zeros(total, np.int64)
    bases = np.concatenate(([0], np.cumsum([partial.groups for partial in partials]))).tolist()
    return merged, Merging(places, bases, size)
