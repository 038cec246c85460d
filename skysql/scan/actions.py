"""Which events of a shard meet a condition, by the shard's index of events by action.

The part of a condition that reads the action alone is decided once for each action. The rest is evaluated at the events
of the actions that meet that part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays.masks import CODES, Met
from ..lazily import cached_property
from ..model.dtypes import Array, Bool, Int64
from ..model.table import ACTION
from ..plan.path_scan import And, Column, Compare, Expr, Literal, Parameter, columns
from ..store.by_code import ByCode
from ..store.dictionary import Dictionary
from ..store.views import codes_at
from .evaluation import Evaluation
from .rows import ActionRows, EventRows, Rows

_FEW = 16
"""If less than one in this many events is chosen, sorting them is faster than marking them among all."""


@dataclass(frozen=True, slots=True, eq=False)
class EventCondition:
    """What events have to be: of one of these actions (as an expression or as codes; None for any), and all of `rest`.

    Equal to itself alone, as 1 equals 1.0.
    """

    actions: Expr | tuple[int, ...] | None = None
    rest: tuple[Expr, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Expr]) -> EventCondition:
        """All of the parts of a predicate."""
        actions = [part for part in parts if is_on_action(part)]
        rest = tuple(part for part in parts if not is_on_action(part))
        return cls((actions[0] if len(actions) == 1 else And(tuple(actions))) if actions else None, rest)

    def only_action(self) -> int | None:
        """The code of the action that is all that is asked for."""
        codes = None if self.rest else self.actions
        return codes[0] if isinstance(codes, tuple) and len(codes) == 1 else None


def is_on_action(expr: Expr) -> bool:
    """Whether an expression reads the action and nothing else."""
    return [column.name.lower() for column in columns(expr)] == [ACTION.name]


class ActionIndex:
    """The actions of a dictionary, as conditions ask for them."""

    def __init__(self, dictionary: Dictionary, evaluation: Evaluation) -> None:
        self._dictionary = dictionary
        self._evaluation = evaluation
        self._codes: dict[EventCondition, tuple[int, ...]] = {}
        self._truths: dict[EventCondition, Bool] = {}

    @cached_property
    def largest(self) -> int:
        """The largest code of an action."""
        return len(self._dictionary.values(ACTION.id)) - 1

    def codes(self, condition: EventCondition) -> tuple[int, ...]:
        """The codes of the actions that a condition asks for; it has to ask for some."""
        if isinstance(condition.actions, tuple):
            return condition.actions
        codes = self._codes.get(condition)
        if codes is None:
            assert condition.actions is not None
            codes = self._codes[condition] = self._found(condition.actions)
        return codes

    def _found(self, actions: Expr) -> tuple[int, ...]:
        if isinstance(actions, Compare) and actions.op == "=" and isinstance(actions.right, Literal | Parameter):
            text = self._evaluation.scalar(actions.right)
            if isinstance(text, str) and actions.left == Column(ACTION.name):
                code = self._dictionary.code(ACTION.id, text)
                return () if code is None else (code,)
        truth, _ = self._evaluation.truth(actions, ActionRows(self._dictionary))
        return tuple(np.flatnonzero(truth).tolist())

    def events(self, every: EventRows, condition: EventCondition) -> EventRows:
        """The events of a shard that meet a condition."""
        rows: Rows = every if condition.actions is None else self.of_actions(every, condition)
        rows = self._evaluation.filtered(rows, condition.rest)
        assert isinstance(rows, EventRows)
        return rows

    def positions(self, every: EventRows, condition: EventCondition) -> Array:
        """Where they are, ascending: int[m]."""
        positions = self.events(every, condition).positions
        return np.arange(len(every), dtype=np.int32) if positions is None else positions

    def met(self, every: EventRows, condition: EventCondition) -> Met:
        """Which they are; by the codes of actions where the condition asks for nothing else."""

        def rows() -> Int64:
            return self.positions(every, condition).astype(np.int64)

        if condition.actions is None or condition.rest or self.largest >= CODES:
            return Met(rows())
        truth = self._truths.get(condition)
        if truth is None:
            truth = self._truths[condition] = np.zeros(CODES, bool)
            truth[list(self.codes(condition))] = True
        return Met(rows, codes_at(every.shard, ACTION, self.largest), truth)

    def of_actions(self, every: EventRows, condition: EventCondition) -> EventRows:
        """The events of the actions that a condition asks for; those of one lie side by side in the index."""
        index = every.shard.view(ByCode, ACTION, self.largest)
        order, pieces = index.order, [index.piece(code) for code in self.codes(condition)]
        pieces = [piece for piece in pieces if piece.start < piece.stop]
        if len(pieces) == 1:
            return EventRows(every.shard, every.table, every.dictionary, order[pieces[0]], every.idle, pieces[0])
        return replace(every, positions=_ascending(order, pieces))


def _ascending(order: Array, pieces: Sequence[slice]) -> Array:
    """The places in these pieces of the index, in order."""
    if sum(piece.stop - piece.start for piece in pieces) * _FEW < len(order):
        return np.sort(np.concatenate([order[:0], *(order[piece] for piece in pieces)]))
    mask = np.zeros(len(order), bool)
    for piece in pieces:
        mask[order[piece]] = True
    return np.flatnonzero(mask)
