"""CPython's tests of sqlite3, run with skysql in its place, or with sqlite3 itself.

    python tests/world/stand_in.py skysql test_dbapi test_types ...

Prints, as JSON, how many tests ran, the name of each that failed with its traceback, and those that were skipped.
"""

import faulthandler
import importlib
import io
import json
import sys
import unittest
import warnings

import skysql
import skysql.dbapi2

SECONDS = 120
"""After which a test hangs."""


def main(stand_in: str, *modules: str) -> None:
    warnings.simplefilter("ignore")
    if stand_in == "skysql":
        sys.modules.update({"sqlite3": skysql, "sqlite3.dbapi2": skysql.dbapi2})
    suite = unittest.TestSuite()
    for module in modules:
        tests = importlib.import_module(f"test.test_sqlite3.{module}")
        suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(tests))
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    told = sys.stderr
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
    sys.stderr = told
    failed = [(_name(test), traceback.strip()) for test, traceback in result.failures + result.errors]
    failed += [(_name(test), "passes, and is not expected to") for test in result.unexpectedSuccesses]
    skipped = [_name(test) for test, _ in result.skipped]
    print(json.dumps({"ran": result.testsRun, "failed": failed, "skipped": skipped}))


def _name(test: unittest.TestCase) -> str:
    """Without what tells the parts of a test apart."""
    return test.id().removeprefix("test.test_sqlite3.").split(" (")[0].split(" [")[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
