"""Attributes that are made when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

V = TypeVar("V")


class cached_property(Generic[V]):  # noqa: N801  (named as Python's)
    """functools.cached_property without its lock: one of all instances, before Python 3.12, which a child process that
    is forked while a thread makes any attribute would find locked for ever. Two threads may make an attribute twice."""

    def __init__(self, make: Callable[[Any], V]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[V]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> V: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> cached_property[V] | V:
        if instance is None:
            return self
        made = self._make(instance)
        instance.__dict__[self._name] = made  # where it is found from now on
        return made
