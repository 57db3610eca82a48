"""Processes that are measured: started, looked at from outside through /proc, stopped."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.folders import ROOT

_TICK = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 30.0
_SETTINGS = ("PAGER", "POLICY_", "NOTIFIER_")


class Child:
    """A running process; its output goes to ``log``."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """For whoever reads /proc."""
        return self._process.pid

    def first_line(self) -> Any:
        """What the process tells, as JSON in the first line of its output, once it serves.

        Raises:
            RuntimeError: it ended instead; with the end of its log.
        """
        assert self._process.stdout is not None  # noqa: S101 - whoever asks has piped it
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} did not start:\n{self._log.read_text()[-2000:]}")
        return json.loads(line)

    def stop(self) -> None:
        """Asks politely, and makes sure."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def child(
    *command: str, folder: Path, name: str, environment: Mapping[str, str] | None = None, piped: bool = False
) -> Iterator[Child]:
    """Runs ``command`` in ``folder`` while it is entered; only ``environment`` configures rooms."""
    log = folder / f"{name}.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_clean_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else sink,
            stderr=sink,
        )
    running = Child(process, log)
    try:
        yield running
    finally:
        running.stop()


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module of this project."""
    return (sys.executable, "-m", module, *arguments)


def ran(*command: str) -> str:
    """What ``command`` wrote, once it has ended well.

    Raises:
        RuntimeError: it did not; with the end of what it complained about.
    """
    ended = subprocess.run(
        command, env=_clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {ended.returncode}: {ended.stderr[-1000:]}")
    return ended.stdout


def cpu_seconds(*pids: int) -> float:
    """Processor time that these processes have used so far, in steps of 10 ms."""
    return sum(_cpu_ticks(pid) for pid in pids) / _TICK


def resident_mib(pid: int) -> float:
    """Memory of a process that is in RAM now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def children_of(pid: int) -> list[int]:
    """The processes that ``pid`` started and that still run."""
    stats = (path.parent.name for path in Path("/proc").glob("[0-9]*/stat"))
    return [int(name) for name in stats if _field(int(name), 1) == str(pid)]


def all_below(*pids: int) -> set[int]:
    """The processes that these started, and those that they started, and so on, as far as they still run."""
    names = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat")]
    parent_of = {pid: int(_field(pid, 1)) for pid in names}
    found, new = set[int](), set(pids)
    while new := {pid for pid, parent in parent_of.items() if parent in new} - found:
        found |= new
    return found


def cpu_seconds_with_ended(pids: Iterable[int]) -> float:
    """Processor time of these processes so far, and of their children that have ended."""
    return sum(int(_field(pid, number)) for pid in pids for number in range(11, 15)) / _TICK


def free_port() -> int:
    """A port of the loopback interface on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """One for each name, all different."""
    probes = {name: socket.socket() for name in names}
    try:
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in probes.items()}
    finally:
        for probe in probes.values():
            probe.close()


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return kept | {"PYTHONPATH": str(ROOT)}


def _cpu_ticks(pid: int) -> int:
    return int(_field(pid, 11)) + int(_field(pid, 12))


def _field(pid: int, number: int) -> str:
    """A field of /proc/PID/stat, counted from 0 after the name of the program; "0" if the process has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "0"
    return fields[number]
