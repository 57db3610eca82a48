"""`pagerd` as a real process."""

import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROOMS = ("pager", "policy", "notifier")
PAGERD = (sys.executable, "-m", "pager_grpc.pagerd")
LAST_LINE = "Ctrl-C stops everything; nothing is forgotten.\n"


class Daemon:
    """A `pagerd` process and what it wrote."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], folder: Path) -> None:
        self._errors = folder / "stderr"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*PAGERD, *arguments],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def until_ready(self) -> str:
        """Waits for the whole greeting and returns it."""
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line == LAST_LINE:
                return "".join(lines)
        raise AssertionError(self.errors())

    def children(self) -> dict[str, int]:
        """The process ids of the children started last, by room."""
        started = re.findall(r'"child": "(\w+)", "pid": (\d+)', self.errors())
        return {room: int(pid) for room, pid in started}

    def errors(self) -> str:
        """What is on stderr until now."""
        return self._errors.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks the process to end and returns the exit code."""
        self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Waits for the end and returns the exit code."""
        self.process.communicate(timeout=60)
        return self.process.returncode


def pagerd(
    environment: dict[str, str], folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command of `pagerd` to its end."""
    return subprocess.run(
        [*PAGERD, *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
