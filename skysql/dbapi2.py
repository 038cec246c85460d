"""`import skysql.dbapi2`, as programs write that have `sqlite3.dbapi2`: the names of skysql."""

from typing import Any

import skysql


def __getattr__(name: str) -> Any:
    return getattr(skysql, name)


def __dir__() -> list[str]:
    return dir(skysql)
