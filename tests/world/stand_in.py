"""CPython's tests of sqlite3, run with skysql in its place.

    python tests/world/stand_in.py test_dbapi test_types ...

Prints, as JSON, how many tests ran, and the name of each that failed with the last line of why.
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


def main(modules: list[str]) -> None:
    warnings.simplefilter("ignore")
    sys.modules.update({"sqlite3": skysql, "sqlite3.dbapi2": skysql.dbapi2})
    suite = unittest.TestSuite()
    for module in modules:
        tests = importlib.import_module(f"test.test_sqlite3.{module}")
        suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(tests))
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    told = sys.stderr
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
    sys.stderr = told
    failed = {}
    for test, traceback in result.failures + result.errors:
        name = test.id().removeprefix("test.test_sqlite3.").split(" (")[0].split(" [")[0]
        failed[name] = traceback.strip().splitlines()[-1]
    print(json.dumps({"ran": result.testsRun, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1:])
