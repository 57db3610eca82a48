"""The simulation as a command, in a process of its own: what dead nodes leave behind concerns no other test."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def simulate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs ``python -m simulation`` on one core; with the same seeds it does the same on every machine."""
    paths = os.pathsep.join([str(_ROOT / "tests"), str(_ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "simulation", *arguments, "--workers", "1"],
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
