"""Prometheus Alertmanager (Debian's prometheus-alertmanager): what an alert costs that is kept in memory only."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench.processes import Child, child, free_port, ran

PROGRAM = "prometheus-alertmanager"
ALERTS = "/api/v2/alerts"
_PATIENCE_SECONDS = 20.0
# The load is taken and told to nobody; a probe goes out at once, where the default would gather for 30 seconds.
_CONFIGURATION = """
route:
  receiver: nobody
  group_by: [alertname]
  group_wait: 1h
  routes:
    - receiver: webhook
      matchers: ['alertname="probe"']
      group_by: ['...']
      group_wait: 0s
receivers:
  - name: nobody
  - name: webhook
    webhook_configs:
      - url: http://127.0.0.1:{webhook}/
        send_resolved: false
"""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running one; ``port`` takes alerts."""

    child: Child
    port: int


def is_installed() -> bool:
    """Whether there is anything to measure."""
    return shutil.which(PROGRAM) is not None


def version() -> str:
    """As it says itself."""
    return ran(PROGRAM, "--version").partition("\n")[0] if is_installed() else "not installed"


@asynccontextmanager
async def running_alertmanager(folder: Path, webhook: int) -> AsyncIterator[Alertmanager]:
    """Alone, without a cluster; it tells the port ``webhook`` of probes."""
    configuration, port = folder / "alertmanager.yml", free_port()
    configuration.write_text(_CONFIGURATION.format(webhook=webhook))
    command = (
        PROGRAM,
        f"--config.file={configuration}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    with child(*command, folder=folder, name="alertmanager") as process:
        await _until_listening(port)
        yield Alertmanager(process, port)


def posts(name: str, instances: Sequence[str], size: int) -> list[bytes]:
    """Bodies of POSTs of ``size`` alerts each, about as long as our alerts."""
    alerts = [
        {
            "labels": {"alertname": name, "instance": instance, "severity": "critical"},
            "annotations": {"summary": "p99 latency of checkout is above two seconds for five minutes in eu-west-1"},
        }
        for instance in instances
    ]
    return [json.dumps(alerts[first : first + size]).encode() for first in range(0, len(alerts), size)]


class Webhook:
    """Hears of probes: ``heard`` holds when (monotonic seconds)."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[float] = asyncio.Queue()
        self._left: set[asyncio.Future[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left.add(left)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                self.heard.put_nowait(monotonic())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            left.set_result(None)

    async def until_left(self) -> None:
        """Returns once every connection has ended."""
        await asyncio.gather(*self._left)


@asynccontextmanager
async def listening_webhook() -> AsyncIterator[tuple[Webhook, int]]:
    """A webhook and its port."""
    webhook = Webhook()
    server = await asyncio.start_server(webhook.serve, "127.0.0.1", 0)
    try:
        yield webhook, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await webhook.until_left()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
