"""Do the tests bite? Plants one bug at a time in a copy of the code; a test must notice each.

Usage: python scripts/mutants.py [--only WORD] [--workers 2] [--json FILE]

The bugs stand in tests/mutants.toml: a file, the text that is there, the text of the bug, and who must notice.
Exit code 1 if a bug survives, or if its text is no longer found.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".prometheus*", ".git", ".*_cache", ".hypothesis", "__pycache__", "var", "*.egg-info"
)
_FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
_TESTS_FAILED = 1


@dataclass(frozen=True)
class Verdict:
    """What became of one planted bug; ``caught_by`` is a test, or empty."""

    name: str
    promise: str
    caught_by: str
    fault: str
    seconds: float


def main() -> int:
    """Plants every bug and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="bugs whose name holds this word")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the verdicts there")
    options = parser.parse_args()
    planted = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text())["mutant"]
    chosen = [mutant for mutant in planted if options.only in mutant["name"]]
    with ThreadPoolExecutor(options.workers) as pool:
        verdicts = list(pool.map(_judged_aloud, chosen))
    if options.json:
        options.json.write_text(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    caught = sum(bool(verdict.caught_by) for verdict in verdicts)
    sys.stdout.write(f"\n{caught} of {len(verdicts)} planted bugs were caught\n")
    return 0 if caught == len(verdicts) > 0 else 1


def _judged_aloud(mutant: dict[str, Any]) -> Verdict:
    verdict = judged(mutant)
    said = verdict.caught_by or f"SURVIVED {verdict.fault}"
    sys.stdout.write(f"{verdict.promise:<8} {verdict.name:<58} {verdict.seconds:5.0f} s  {said}\n")
    sys.stdout.flush()
    return verdict


def judged(mutant: dict[str, Any]) -> Verdict:
    """Plants one bug in a copy and runs its tests."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pager-mutant-") as folder:
        copy = Path(folder) / "pager"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        caught_by, fault = "", _plant(copy / mutant["file"], mutant["old"], mutant["new"])
        if not fault:
            caught_by, fault = _caught(copy, mutant["tests"])
    return Verdict(mutant["name"], mutant["promise"], caught_by, fault, time.monotonic() - begun)


def _plant(path: Path, old: str, new: str) -> str:
    """The fault that keeps the bug from being planted, or nothing."""
    code = path.read_text()
    if code.count(old) != 1:
        return f"its text is found {code.count(old)} times in {path.name}"
    path.write_text(code.replace(old, new))
    return ""


def _caught(copy: Path, tests: list[str]) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    failed = _FAILED.search(run.stdout)
    if run.returncode == _TESTS_FAILED and failed:
        return failed.group(1), ""
    return "", f"(pytest exit {run.returncode}) {run.stdout[-300:]}"


if __name__ == "__main__":
    sys.exit(main())
