"""`make fuzz`: atheris on each target for a bounded time. ``--keep`` writes what it found into the corpus.

A target that fails ends the run with the input in ``--findings``; it belongs into the corpus with the mending.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
_MOST_BYTES = 512
_MOST_NEW = 20


def main() -> int:
    """The exit code: 1 if a target failed."""
    given = _arguments()
    failed = [name for name in given.targets if not _fuzzed(name, given.minutes, given.findings, keep=given.keep)]
    _say(f"failed: {', '.join(failed)}" if failed else f"{len(given.targets)} targets, nothing found")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help="all if none is named")
    parser.add_argument("--minutes", type=float, default=1.0, help="for all targets together")
    parser.add_argument("--keep", action="store_true", help="write new inputs into the corpus")
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz"), help="where inputs go that fail")
    given = parser.parse_args()
    if unknown := {*given.targets} - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    given.minutes /= max(len(given.targets), 1)
    return given


def _fuzzed(name: str, minutes: float, findings: Path, *, keep: bool) -> bool:
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as found:
        bounds = [f"-max_total_time={max(int(minutes * 60), 1)}", f"-max_len={_MOST_BYTES}", "-timeout=10"]
        options = [*bounds, f"-artifact_prefix={findings.resolve()}/{name}-", "-rss_limit_mb=1024"]
        folders = [found, str(CORPUS / name)]
        command = [sys.executable, "-m", "fuzz.child", name, *options, *folders]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        new = sorted(Path(found).iterdir(), key=lambda file: file.stat().st_size)
        _say(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}, {len(new)} new inputs")
        if done.returncode:
            _say("\n".join(done.stderr.splitlines()[-40:]))
        if keep:
            for file in new[:_MOST_NEW]:
                shutil.copyfile(file, CORPUS / name / f"{file.name[:16]}.bin")
    return done.returncode == 0


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
