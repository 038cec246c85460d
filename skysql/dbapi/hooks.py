"""Authorizers, traces and progress handlers of the user's: what they answer, and what becomes of their exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from ..engine.watch import Authorizer, Trace
from ..errors import DataError
from .functions import report


def authorizer(callback: Callable[..., Any]) -> Authorizer:
    """One that denies what it fails to answer."""

    def ask(*what: Any) -> int:
        try:
            answer = callback(*what)
        except Exception as error:
            report(error, callback)
            return apsw.SQLITE_DENY
        known = isinstance(answer, int) and answer in (apsw.SQLITE_OK, apsw.SQLITE_DENY, apsw.SQLITE_IGNORE)
        return answer if known else apsw.SQLITE_DENY

    return ask


def trace(callback: Callable[[str], Any]) -> Trace:
    """One whose exceptions stop nothing."""

    def tell(text: str, whole: bool) -> None:
        if not whole:
            report(DataError("Expanded SQL string exceeds the maximum string length"), callback)
        try:
            callback(text)
        except Exception as error:
            report(error, callback)

    return tell


def progress(callback: Callable[[], Any]) -> Callable[[], bool]:
    """One whose exceptions stop the statement."""

    def ask() -> bool:
        try:
            return bool(callback())
        except Exception as error:
            report(error, callback)
            return True

    return ask
