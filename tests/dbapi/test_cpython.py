"""A program moves over from sqlite3 by changing its import: CPython's own tests of it do, but for those in a table."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import skysql
from tests.world import stand_in

THREADS = "any thread may use a connection", "did not raise ProgrammingError|Cannot operate on a closed database"
WORDS = "the message says the same in other words, and what to do", "does not match|not found in"
BASE = "an object whose __init__ was not called, or is called again", "ProgrammingError not raised|does not match"
RECURSION = "a cursor may be used while it takes its parameters", "ProgrammingError not raised"
DEPRECATED = "what sqlite3 deprecates is no worse here", "DeprecationWarning not triggered"
NAMES = "SQLite is given names of files as texts, which are UTF-8", "give it a name that is UTF-8"

EXEMPT = {
    "test_dbapi.ThreadTests.test_check_connection_thread": (THREADS, (3, 11)),
    "test_dbapi.ThreadTests.test_check_cursor_thread": (THREADS, (3, 11)),
    "test_dbapi.ConnectionTests.test_connection_limits": (WORDS, (3, 11)),
    "test_dbapi.ExtensionTests.test_cursor_executescript_too_large_script": (WORDS, (3, 11)),
    "test_regression.RegressionTests.test_error_msg_decode_error": (WORDS, (3, 11)),
    "test_regression.RegressionTests.test_large_sql": (WORDS, (3, 11)),
    "test_userfunctions.FunctionTests.test_param_surrogates": (WORDS, (3, 11)),
    "test_userfunctions.FunctionTests.test_too_large_int": (WORDS, (3, 11)),
    "test_dbapi.ConnectionTests.test_connection_bad_reinit": (BASE, (3, 11)),
    "test_dbapi.ModuleTests.test_disallow_instantiation": (BASE, (3, 11)),
    "test_dbapi.UninitialisedConnectionTests.test_uninit_operations": (BASE, (3, 11)),
    "test_regression.RecursiveUseOfCursors.test_recursive_cursor_close": (RECURSION, (3, 11)),
    "test_regression.RecursiveUseOfCursors.test_recursive_cursor_init": (RECURSION, (3, 11)),
    "test_regression.RecursiveUseOfCursors.test_recursive_cursor_iter": (RECURSION, (3, 11)),
    "test_dbapi.OpenTests.test_open_with_undecodable_path": (NAMES, (3, 11)),
    "test_dbapi.CursorTests.test_execute_named_param_and_sequence": (DEPRECATED, (3, 12)),
    "test_dbapi.ModuleTests.test_deprecated_version": (DEPRECATED, (3, 12)),
    "test_regression.RegressionTests.test_convert_timestamp_microsecond_padding": (DEPRECATED, (3, 12)),
    "test_regression.RegressionTests.test_type_map_usage": (DEPRECATED, (3, 12)),
    "test_types.DateTimeTests.test_date_time_sub_seconds": (DEPRECATED, (3, 12)),
    "test_types.DateTimeTests.test_date_time_sub_seconds_floating_point": (DEPRECATED, (3, 12)),
    "test_types.DateTimeTests.test_sql_timestamp": (DEPRECATED, (3, 12)),
    "test_types.DateTimeTests.test_sqlite_date": (DEPRECATED, (3, 12)),
    "test_types.DateTimeTests.test_sqlite_timestamp": (DEPRECATED, (3, 12)),
    "test_dbapi.ConnectionTests.test_connect_positional_arguments": (DEPRECATED, (3, 13)),
    "test_factory.ConnectionFactoryTests.test_connection_factory_as_positional_arg": (DEPRECATED, (3, 13)),
    "test_hooks.ProgressTests.test_progress_handler_keyword_args": (DEPRECATED, (3, 13)),
    "test_hooks.TraceCallbackTests.test_trace_keyword_args": (DEPRECATED, (3, 13)),
    "test_userfunctions.AggregateTests.test_agg_keyword_args": (DEPRECATED, (3, 13)),
    "test_userfunctions.AuthorizerIllegalTypeTests.test_authorizer_keyword_args": (DEPRECATED, (3, 13)),
    "test_userfunctions.AuthorizerLargeIntegerTests.test_authorizer_keyword_args": (DEPRECATED, (3, 13)),
    "test_userfunctions.AuthorizerRaiseExceptionTests.test_authorizer_keyword_args": (DEPRECATED, (3, 13)),
    "test_userfunctions.AuthorizerTests.test_authorizer_keyword_args": (DEPRECATED, (3, 13)),
    "test_userfunctions.FunctionTests.test_func_keyword_args": (DEPRECATED, (3, 13)),
}
"""Why a test fails, with a pattern for the last line of how, and from which version of Python on."""

LEFT_OUT = {"test_cli"}
"""What is about `python -m sqlite3`: `skysql shell` is another shell."""

MODULES = [
    ["test_dbapi"],
    ["test_types", "test_factory"],
    ["test_hooks", "test_regression"],
    ["test_transactions", "test_userfunctions"],
    ["test_dump", "test_backup"],
]


def _has_tests() -> bool:
    """Whether this Python came with its tests: a distribution's may have none."""
    try:
        return find_spec("test.test_sqlite3") is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.skipif(not _has_tests(), reason="this Python has no tests of its own")
@pytest.mark.parametrize("modules", MODULES, ids=" ".join)
def test_of_sqlite3(modules: list[str], tmp_path: Path) -> None:
    """Each passes but for those of the table, and those do not."""
    ours, theirs = (_run(module, modules, tmp_path) for module in ("skysql", "sqlite3"))
    exempt = {
        name: pattern
        for name, ((_, pattern), since) in EXEMPT.items()
        if sys.version_info >= since and name.split(".")[0] in modules
    }
    assert (ours["ran"], ours["skipped"]) == (theirs["ran"], theirs["skipped"]) and ours["ran"] > 15
    alike = theirs["failed"]  # in this environment, whatever is tested
    unlike = [(name, how) for name, how in ours["failed"] if [name, how] not in alike]
    assert [(name, how) for name, how in unlike if not _is(exempt.get(name), how)] == []
    assert set(exempt) <= {name for name, _ in ours["failed"]}, "these pass"


def _is(pattern: str | None, how: str) -> bool:
    return pattern is not None and re.search(pattern, how.splitlines()[-1]) is not None


def _run(module: str, modules: list[str], where: Path) -> Any:
    command = [sys.executable, stand_in.__file__, module, *modules]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=where, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not _has_tests(), reason="this Python has no tests of its own")
def test_no_module_is_left_out() -> None:
    found = {each.name for each in pkgutil.iter_modules(importlib.import_module("test.test_sqlite3").__path__)}
    asked = {module for modules in MODULES for module in modules}
    assert {name for name in found if name.startswith("test_")} - LEFT_OUT == asked


def test_the_table_is_short() -> None:
    assert len(EXEMPT) <= 60


def test_nothing_is_missing() -> None:
    """What sqlite3 has, and its objects."""
    theirs, ours = (_objects(module) for module in (sqlite3, skysql))
    for one, other in zip(theirs, ours, strict=True):
        missing = {name for name in set(dir(one)) - set(dir(other)) if not name.startswith("_")}
        assert missing - {"collections", "datetime", "time"} == set(), one  # modules that sqlite3 imports


def _objects(module: Any) -> list[Any]:
    connection = module.connect(":memory:")
    cursor = connection.execute("SELECT 1")
    connection.close()
    return [module, connection, cursor, module.Row, module.Blob]
