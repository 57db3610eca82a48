"""How a process is asked to end."""

import asyncio
import signal
from collections.abc import Callable

import structlog

from pager_grpc.runtime.supervision import Doorbell

log = structlog.get_logger()


async def until_signalled() -> None:
    """Returns when the process is asked to end (SIGTERM, or Ctrl-C)."""
    asked = Doorbell()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _once(asked, number))
    await asked.wait(float("inf"))


def _once(asked: Doorbell, number: signal.Signals) -> Callable[[], None]:
    def ring() -> None:
        log.info("stopping", signal=number.name)
        asked.ring()

    return ring
