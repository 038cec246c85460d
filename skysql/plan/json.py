"""Plans as JSON, and back: what is asked, for another process, another machine, or later.

    {"node": "PathScan", "database": "main", "table": "users", "source": {"node": "Events", "idle": null}, ...}

A node is an object with its class's name and its fields, in full. A plan that comes back is equal to the one that went,
with 1 and 1.0 told apart. Rooms above add the nodes that their own plans are made of: see `Nodes.with_more`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any

from .path_scan import (
    Aggregate,
    And,
    Arithmetic,
    Changes,
    Column,
    Compare,
    Duration,
    Events,
    Groups,
    InSet,
    Literal,
    Moment,
    Not,
    Objects,
    Or,
    Pairs,
    Parameter,
    PathAggregate,
    PathScan,
    Rounded,
    Sessions,
    Sql,
    SqlAggregate,
)


class Nodes:
    """The classes that plans are made of: frozen dataclasses and enumerations, no two of one name.

    plans: those of them that are plans by themselves.
    """

    def __init__(self, plans: Iterable[type], classes: Iterable[type]) -> None:
        self.plans = tuple(plans)
        self.classes = {cls.__name__: cls for cls in (*self.plans, *classes)}

    def with_more(self, plans: Iterable[type], classes: Iterable[type]) -> Nodes:
        """These, too."""
        return Nodes((*self.plans, *plans), (*self.classes.values(), *classes))

    def to_json(self, plan: Any) -> str:
        """The plan as JSON text."""
        return json.dumps(self._dumped(plan), ensure_ascii=False)

    def from_json(self, text: str) -> Any:
        """The plan that `to_json` wrote; raises ValueError for anything else."""
        try:
            plan = self._loaded(json.loads(text))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"this JSON is no plan: {error}") from None
        if not isinstance(plan, self.plans):
            raise ValueError("this JSON is no plan")
        return plan

    def _dumped(self, value: Any) -> Any:
        name = type(value).__name__
        if self.classes.get(name) is type(value):
            if isinstance(value, Enum):
                return {"node": name, "value": value.value}
            assert is_dataclass(value)
            return {"node": name} | {f.name: self._dumped(getattr(value, f.name)) for f in fields(value)}
        if isinstance(value, tuple):
            return [self._dumped(item) for item in value]
        if isinstance(value, bytes):
            return {"blob": value.hex()}
        if isinstance(value, float) and not isfinite(value):
            return {"real": repr(value)}
        if value is None or isinstance(value, str | int | float):
            return value
        raise TypeError(f"no part of a plan: {value!r}")

    def _loaded(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(map(self._loaded, value))
        if not isinstance(value, dict):
            return value
        if "blob" in value:
            return bytes.fromhex(value["blob"])
        if "real" in value:
            return float(value["real"])
        cls = self.classes[value["node"]]
        return cls(**{name: self._loaded(item) for name, item in value.items() if name != "node"})


SCANS = Nodes(
    (PathScan,),
    (
        *(Column, Literal, Parameter, Moment, Duration, Compare, InSet, Arithmetic, Rounded, And, Or, Not, Sql),
        *(Aggregate, PathAggregate, SqlAggregate, Events, Objects, Sessions, Changes, Pairs, Groups),
    ),
)
"""What path scans are made of."""

__all__ = ["SCANS", "Nodes"]
