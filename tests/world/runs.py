"""Random paths for the functions over a path, and a function over many of them at once, in every way that there is."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any
from unittest import mock

import numpy as np

from skysql.arrays import compiled
from skysql.arrays.masks import Met
from skysql.arrays.vectors import Coded, Numbers, Vector
from skysql.functions import FUNCTIONS, Role, Runs, awaited
from tests.world import paths_oracle as oracle

MODES = ["strict_deduplication", "strict_order", "strict_increase", "strict_once", "allow_reentry"]
COMBINATIONS = [
    modes
    for count in range(len(MODES) + 1)
    for modes in combinations(MODES, count)
    if "allow_reentry" not in modes or "strict_order" in modes
]

Rows = list[tuple[int | None, list[bool | None]]]


def paths(rng: random.Random, count: int, longest: int, conditions: int) -> list[Rows]:
    """Paths whose times tie often, and that arrive in another order; conditions are rare or frequent, of the same
    events or of different ones, and NULL at times.
    """
    span = rng.choice([2, 6, 20, 200])
    shares = [rng.choice([0.03, 0.2, 0.4, 0.8]) for _ in range(conditions)]
    apart = rng.random() < 0.5
    made = []
    for _ in range(count):
        path: Rows = []
        for _ in range(rng.randint(0, longest)):
            met: list[bool | None] = [rng.random() < share for share in shares]
            if apart:
                one = rng.randrange(conditions + 1)
                met = [at == one for at in range(conditions)]
            elif rng.random() < 0.1:
                met[rng.randrange(conditions)] = None
            path.append((rng.randint(0, span) if rng.random() < 0.97 else None, met))
        made.append(path)
    return made


def run(name: str, arguments: Sequence[Any], runs: Sequence[Sequence[tuple[Any, ...]]]) -> list[Any]:
    """A function over many runs at once. An argument that is a function makes the argument's value of each row.

    By arrays; and by compiled loops too, with conditions that are known by rows, and by codes: all say the same.
    """
    rows = [row for path in runs for row in oracle.in_order(list(path))]
    starts = np.cumsum([0, *(len(oracle.in_order(list(path))) for path in runs)])
    function = FUNCTIONS[name]
    first = [argument(rows[0]) if callable(argument) and rows else argument for argument in arguments]
    roles = function.roles(first)
    columns = [[argument(row) for row in rows] if callable(argument) else argument for argument in arguments]
    met = [column for role, column in zip(roles, columns, strict=True) if role is Role.CONDITION]
    combinations = list(zip(*met, strict=True)) if met else []
    codes = {combination: code for code, combination in enumerate(dict.fromkeys(combinations))}
    by_code = np.array([codes[combination] for combination in combinations], np.uint8) if len(codes) <= 256 else None
    answers = []
    for loops, coded in ((None, None), (compiled._loops, None), (compiled._loops, by_code)):
        given: list[Any] = []
        for role, column in zip(roles, columns, strict=True):
            match role:
                case Role.CONSTANT:
                    given.append(column)
                case Role.TIME:
                    given.append(np.array(column, np.int64))
                case Role.CONDITION:
                    given.append(_met(column, coded))
                case Role.VALUE:
                    given.append(values(column))
        with mock.patch.object(compiled, "_loops", loops):
            answers.append(awaited(function.run(Runs(starts), given)).tolist())
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


def _met(column: list[bool | None], codes: Any) -> Met:
    true = np.array([value is True for value in column], bool)
    if codes is None:
        return Met(np.flatnonzero(true))
    truth = np.zeros(256, bool)
    truth[codes] = true
    return Met(np.flatnonzero(true), codes, truth)


def values(column: list[Any]) -> Vector:
    """Integers as numbers, as a scan has them; what else there is by codes."""
    if {type(value) for value in column} <= {int, type(None)} and column:
        known = np.array([value is not None for value in column])
        return Numbers(np.array([value or 0 for value in column], np.int64), None if known.all() else known)
    return Coded(np.arange(len(column)), column)


def time(row: Any) -> Any:
    return row[0]


def meets(condition: int) -> Callable[[Any], Any]:
    return lambda row: row[-1][condition]


def met(conditions: int) -> list[Callable[[Any], Any]]:
    return [meets(condition) for condition in range(conditions)]
