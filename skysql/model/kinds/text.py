"""TEXT: stored as codes of the table's dictionary of the property. Code 0 is NULL, others count from 1."""

from __future__ import annotations

import numpy as np

from ..dtypes import Array, Bool
from ..values import text
from .kind import Kind


class Text(Kind):
    """What a dictionary knows the texts of."""

    code = 1
    dtype = np.dtype(np.uint32)
    letter = "I"
    arrow = "string"
    expected = "TEXT takes text and numbers; convert it first"

    def parse(self, value: object) -> str | None:
        """The text; a number as SQLite writes it."""
        return text(value)

    def numbers(self, values: Array, valid: Bool | None) -> tuple[Array, Bool | None, Bool | None]:
        """Is not asked for: numbers become texts one by one."""
        raise NotImplementedError


    def widens_to(self, kind: Kind) -> bool:
        """It is the widest."""
        return False


TEXT = Text("TEXT")
