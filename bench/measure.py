"""Times, and what they were measured on."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any

Rows = list[tuple[Any, ...]]
"""An answer."""

REPEATS = 5

NEEDED = {
    "skysql": ("skysql", "pandas"),
    "DuckDB": ("duckdb", "pandas"),
    "ClickHouse": ("chdb", "pandas", "pyarrow"),
    "SQLite": (),
}
"""The modules that each engine's side of the benchmark imports."""


def require(*modules: str) -> None:
    """Import these now, or end the program with a hint."""
    for name in modules:
        try:
            import_module(name)
        except ImportError as error:
            sys.exit(f"bench: {name} cannot be imported ({error}); install the peers: pip install -e '.[bench]'")


def median(run: Callable[[], Rows], repeats: int = REPEATS) -> tuple[float, Rows]:
    """(median seconds of some runs after a first one that does not count, the rows)."""
    rows = run()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        rows = run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times), rows


def machine() -> str:
    """Processor, cores, memory, system and Python in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory; "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, numpy {version('numpy')}"
    )


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Elsewhere:
    """How busy the machine was with other programs: what they take, peers that use every core miss most."""

    def __init__(self) -> None:
        self._begin, self._since = self._read(), time.perf_counter()

    @staticmethod
    def _read() -> tuple[float, float]:
        """(seconds that all processors worked, seconds of them for us and the processes we waited for)."""
        try:
            with open("/proc/stat") as lines:
                ticks = [int(word) for word in lines.readline().split()[1:9]]
        except OSError:  # no Linux
            return 0.0, 0.0
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK"), sum(os.times()[:4])

    def cores(self) -> float:
        """Cores that others kept busy, on average, since this was made."""
        seconds = time.perf_counter() - self._since
        (all_before, ours_before), (all_now, ours_now) = self._begin, self._read()
        return max(0.0, (all_now - all_before) - (ours_now - ours_before)) / seconds


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def version(distribution: str) -> str:
    """The version of an installed distribution, or 'not installed'."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
