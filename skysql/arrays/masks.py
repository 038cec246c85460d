"""What each of many rows meets of several conditions, as bits. Imports numpy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..lazily import cached_property
from ..model.dtypes import Array, Bool, Int64

CODES = 256
"""Rows may be known by codes of one byte."""


class Met:
    """The rows, of n, that meet a condition: known by their places, and perhaps by codes that the rows have anyway.

    rows:  int64[m], ascending; or what gives them.
    codes: uint8[n]; truth: bool[CODES], whether rows of each code meet it. None if no codes tell.
    """

    def __init__(
        self, rows: Int64 | Callable[[], Int64], codes: Array | None = None, truth: Bool | None = None
    ) -> None:
        self._rows = rows
        self.codes = codes
        self.truth = truth

    @cached_property
    def rows(self) -> Int64:
        """int64[m], ascending."""
        return self._rows() if callable(self._rows) else self._rows


_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Masks:
    """Bit k for condition k: as codes uint8[n] and a table uint32[CODES] of masks by code, or as wide uint32[n]."""

    codes: Array | None
    table: Array | None
    wide: Array | None

    @classmethod
    def of(cls, conditions: Sequence[Met], n: int) -> Masks:
        """The masks of 1 ... 32 conditions over the same n rows."""
        codes = conditions[0].codes
        if codes is not None and all(met.codes is codes for met in conditions):
            table: Array = _BITS[: len(conditions)] @ np.array([met.truth for met in conditions])
            return cls(codes, table, None)
        few = len(conditions) <= 8
        masks: Array = np.zeros(n, np.uint8 if few else np.uint32)
        for bit, met in enumerate(conditions):
            masks[met.rows] |= 1 << bit
        return cls(masks, np.arange(CODES, dtype=np.uint32), None) if few else cls(None, None, masks)
