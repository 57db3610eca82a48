"""``make simulate SEEDS=2000`` (the first 2000), ``SEEDS=100-200`` or ``SEEDS=17,23``: runs them on all cores.

A seed that fails is shrunk and told; then the exit code is 1.
"""

import argparse
import gc
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Iterable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

from simulation import disk
from simulation.composition import silence
from simulation.history import write
from simulation.planted import PLANTED
from simulation.shrinking import shrunk
from simulation.telling import told
from simulation.world import run

_RUNS_BEFORE_COLLECTING = 10


def seeds_of(text: str) -> list[int]:
    """``20``: the first 20; ``5-7``: 5, 6, 7; ``17,`` or ``17,23-25``: just these."""
    if text.isdigit():
        return list(range(int(text)))
    seeds: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def prepare() -> None:
    """What a process does once before its runs."""
    silence()
    # The ends of coroutines that died with their process: nobody waits for them.
    sys.unraisablehook = lambda _: None
    warnings.simplefilter("ignore", RuntimeWarning)
    disk.folder()
    gc.collect()
    gc.freeze()
    gc.disable()


def failed(seeds: Iterable[int]) -> list[int]:
    """Those of ``seeds`` that break a promise."""
    found = []
    for number, seed in enumerate(seeds):
        if run(seed).violations:
            found.append(seed)
        if number % _RUNS_BEFORE_COLLECTING == 0:
            gc.collect()  # between runs, where what a dead process left behind can hurt nobody
    return found


def _in_a_process(seeds: list[int]) -> tuple[int, list[int]]:
    return len(seeds), failed(seeds)


def _explain(seed: int, shrink_seconds: float, folder: Path | None) -> None:
    outcome = run(seed)
    small, spared = shrunk(outcome, shrink_seconds) if outcome.violations else (outcome, frozenset())
    _say(told(small))
    _say(f"without {len(spared)} of its faults and calls; alone: make simulate SEEDS={seed},\n")
    if folder is not None:
        write(outcome.history, folder / f"seed-{seed}.jsonl")


def _digests(seeds: list[int]) -> int:
    prepare()
    for seed in seeds:
        outcome = run(seed)
        _say(f"{seed} {sha256(repr(outcome).encode()).hexdigest()}")
    disk.remove_folder()
    return 0


def _say(line: str, end: str = "\n") -> None:
    print(line, end=end, flush=True)  # noqa: T201 - a program


def _run_all(seeds: list[int], workers: int) -> list[int]:
    """The failing ones, with a line of progress on a terminal."""
    chunks = [seeds[start : start + 20] for start in range(0, len(seeds), 20)]
    began, done, bad = time.monotonic(), 0, []
    with multiprocessing.get_context("fork").Pool(workers, initializer=_new_place) as pool:
        for count, found in pool.imap_unordered(_in_a_process, chunks):
            done, bad = done + count, bad + found
            passed = time.monotonic() - began
            failed_ones = ": " + ", ".join(map(str, sorted(bad))) if bad else ""
            line = f"{done} of {len(seeds)} seeds in {passed:.0f} s, {len(bad)} failed{failed_ones}"
            _say(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n")
        pool.map(_leave, range(workers), chunksize=1)
    _say("")
    return sorted(bad)


def _new_place() -> None:
    disk.folder.cache_clear()  # inherited, and each process needs its own
    prepare()


def _leave(_: int) -> None:
    disk.remove_folder()


def main() -> int:
    """Exit code 0 if no seed fails."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("seeds", type=seeds_of)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shrink-seconds", type=float, default=60.0)
    parser.add_argument("--histories", type=Path, default=None, help="folder for the histories of failing seeds")
    parser.add_argument("--plant", choices=PLANTED, default=None, help="a bug that must be found")
    parser.add_argument("--digest", action="store_true", help="only print what identifies each history")
    arguments = parser.parse_args()
    with PLANTED[arguments.plant]() if arguments.plant else nullcontext():
        return _digests(arguments.seeds) if arguments.digest else _check(arguments)


def _check(arguments: argparse.Namespace) -> int:
    bad = _run_all(arguments.seeds, arguments.workers)
    if bad:
        prepare()
        for seed in bad[:3]:
            _explain(seed, arguments.shrink_seconds, arguments.histories)
        _say(f"failed: SEEDS={','.join(map(str, bad))},")
        disk.remove_folder()
    return 1 if bad else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of strings must have the same order in every run
        command = [sys.executable, "-m", "simulation", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {"PYTHONHASHSEED": "0"})  # noqa: S606 - itself
    sys.exit(main())
