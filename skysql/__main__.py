"""`python -m skysql`, and the command `skysql`."""

import os
import signal
import sys
from importlib import import_module
from typing import Any


def main() -> int:
    """Run a command; returns the exit status."""
    if sys.argv[1:] == ["--version"]:  # which the rest would make wait
        print(import_module("skysql.cli.version").told())
        return 0
    alone = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # it may be ignored
    if alone:
        signal.signal(signal.SIGINT, _leave)
    cli = import_module("skysql.cli.main")
    import_module("skysql.dbapi.connection")  # which takes half a second
    try:
        if alone:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status: int = cli.main()
        return status
    except KeyboardInterrupt:
        return 130


def _leave(number: int, frame: Any) -> None:
    """End at Ctrl-C before anything has begun: an exception might be lost in the middle of an import."""
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
