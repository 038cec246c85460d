"""tests/fuzz.py, guided by the code that its inputs reach: with atheris, which the extra [fuzz] installs.

    python tests/guided.py [TARGET ...] [--seconds 60] [--seed 1] [--jobs 2] [--keep]

Each target (default: all of tests/fuzz.py) runs for --seconds in a process of its own, --jobs of them at a time. It
begins with the stored corpus. What is found is shown, with a file of the input, and the exit status is 1 then. With
--keep, small inputs that reach new code join the corpus.
"""

from __future__ import annotations

import argparse
import random
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import fuzz  # by a process of its own instrumented, see guide()

LONGEST = 400
"""Bytes of an input that is kept."""

PATIENCE = 60
"""Seconds that one input may take."""


# one target, in a process of its own


def guide(target: str, directory: Path, options: list[str]) -> None:
    """Feed the target what reaches new code, as libFuzzer does; never returns."""
    import atheris

    with atheris.instrument_imports(include=["skysql", "vtab"]):
        import fuzz

        if target == "statements":  # the others need little, and this takes a while
            import skysql.engine.engine  # noqa: F401

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        r = random.Random(seed)
        if r.random() < 0.5:
            return atheris.Mutate(data, most)  # type: ignore[no-any-return]
        return fuzz.mutation(target, r, data)[:most]

    again = " ".join(map(shlex.quote, [sys.executable, *sys.argv[:4]]))  # by which libFuzzer runs parts of a merge
    atheris.Setup([again, str(directory), *options], fuzz.TARGETS[target], custom_mutator=mutate)
    atheris.Fuzz()


# all of them


def run(target: str, seconds: int, seed: int, keep: bool) -> str | None:
    """Fuzz a target; what was found, for people, or None."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "corpus"
        _write(directory, fuzz.corpus(target))
        found = Path(tempfile.gettempdir()) / f"skysql-{target}-"
        child = _child(target, directory, f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={found}")
        lines = child.stderr.splitlines()
        if child.returncode != 0:
            shown = [line for line in lines if not line.startswith(("#", "INFO"))]
            again = f"run it again: python tests/fuzz.py {target} --input FILE"
            return "\n".join([f"{target}, seed {seed}: exit {child.returncode}", child.stdout, *shown[-60:], again])
        done = next((line for line in reversed(lines) if "DONE" in line), "").replace("\t", " ")
        print(f"{target}: nothing found in {time.monotonic() - begun:.0f} s. {done}", flush=True)
        if keep:
            _keep(target, directory, Path(name))
    return None


def _child(target: str, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, target, "--child", str(directory), f"-timeout={PATIENCE}", *options]
    return subprocess.run(command, capture_output=True, text=True, errors="backslashreplace")


def at_random(target: str, seconds: int, seed: int) -> str | None:
    """As run(), where there is no atheris."""
    command = [sys.executable, fuzz.__file__, target, f"--seconds={seconds}", f"--seed={seed}"]
    child = subprocess.run(command, capture_output=True, text=True, errors="backslashreplace")
    print(f"{target}: {child.stdout}", end="", flush=True)
    return child.stderr if child.returncode != 0 else None


def _write(directory: Path, entries: list[bytes]) -> None:
    directory.mkdir()
    for at, entry in enumerate(entries):
        (directory / str(at)).write_bytes(entry)


def _keep(target: str, directory: Path, scratch: Path) -> None:
    """Add what reaches more than the kept corpus to it, of the small inputs the smallest."""
    entries, kept = fuzz.corpus(target), scratch / "kept"
    _write(kept, entries)
    for file in directory.iterdir():
        if file.stat().st_size > LONGEST:
            file.unlink()
    merged = _child(target, kept, str(directory), "-merge=1")
    assert merged.returncode == 0, merged.stderr[-3000:]
    come = sorted({file.read_bytes() for file in kept.iterdir()} - set(entries))
    fuzz.keep(target, entries + come)
    print(f"{target}: {len(come)} inputs kept, beside {len(entries)}", flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(fuzz.TARGETS)}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--keep", action="store_true", help="add to the corpus what reaches more than it")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(fuzz.TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    guided = find_spec("atheris") is not None
    print(f"seed {options.seed}{'' if guided else ', without atheris'}", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = [
            pool.submit(run, name, options.seconds, options.seed, options.keep)
            if guided
            else pool.submit(at_random, name, options.seconds, options.seed)
            for name in options.targets or fuzz.TARGETS
        ]
        faults = [fault for fault in (each.result() for each in runs) if fault is not None]
    print(*faults, sep="\n\n", file=sys.stderr)
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    if sys.argv[2:3] == ["--child"]:
        guide(sys.argv[1], Path(sys.argv[3]), sys.argv[4:])
    else:
        import fuzz

        main()
