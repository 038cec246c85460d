"""Mean, median and percentiles of durations by group: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..interruption import patiently
from ..model.dtypes import Array, Int64

_SECOND = 1e6

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """Seconds, by group; NaN for a group without values."""

    median: Reals
    mean: Reals
    p90: Reals


def summarize(groups: Array, values: Int64, size: int) -> Summary:
    """Of values: int64[n], microseconds; groups: int[n], below size.

    A percentile that falls between two values lies between them in proportion, as in a spreadsheet's PERCENTILE.
    """
    counts = np.bincount(groups, minlength=size)
    ordered = _ordered(groups, values, size)
    begins = np.cumsum(counts) - counts
    with np.errstate(invalid="ignore"):
        mean = np.bincount(groups, values / _SECOND, size) / counts
    return Summary(_quantile(ordered, begins, counts, 0.5), mean, _quantile(ordered, begins, counts, 0.9))


def _ordered(groups: Array, values: Int64, size: int) -> Int64:
    """The values by group, and ascending in each."""
    low = int(values.min(initial=0))
    span = int(values.max(initial=0)) - low + 1
    if size * span >= 1 << 62:
        order: Int64 = patiently(np.lexsort, (values, groups))
        return values[order]
    keys = values - low
    if size > 1:
        keys += groups * np.int64(span)
    patiently(np.ndarray.sort, keys)
    return (keys % span if size > 1 else keys) + low


def _quantile(ordered: Int64, begins: Int64, counts: Int64, share: float) -> Reals:
    result = np.full(len(counts), np.nan)
    some = np.flatnonzero(counts)
    exact = (counts[some] - 1) * share
    lower = exact.astype(np.int64)
    upper = np.minimum(lower + 1, counts[some] - 1)
    low, high = ordered[begins[some] + lower], ordered[begins[some] + upper]
    result[some] = (low + (high - low) * (exact - lower)) / _SECOND
    return result
