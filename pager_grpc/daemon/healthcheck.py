"""`pagerd health`: what a container's health check asks."""

import asyncio
import sys
from collections.abc import Sequence

from pager_grpc.daemon.configuration import listen_addresses, reached_at, tls_of
from pager_grpc.daemon.rooms import Room
from pager_grpc.daemon.serving import health_of

_UNREACHABLE = "UNREACHABLE"


async def report(rooms: Sequence[Room] | None, timeout_seconds: float) -> int:
    """Prints the health of ``rooms`` and returns the exit code; without ``rooms``, of those that listen here.

    Raises:
        ConfigurationFault: there are certificates and they cannot be used.
    """
    addresses = listen_addresses()
    asked = list(rooms or Room)
    answers = await asyncio.gather(
        *(health_of(reached_at(addresses[room]), timeout_seconds, room=room, tls=tls_of(room)) for room in asked)
    )
    found = {
        room: answer
        for room, answer in zip(asked, answers, strict=True)
        if rooms or answer or await _somebody_listens(reached_at(addresses[room]))
    }
    for room, answer in found.items():
        sys.stdout.write(f"{room}: {answer or _UNREACHABLE}\n")
    if not found:
        sys.stdout.write("no service listens here\n")
    return 0 if found and all(answer == "SERVING" for answer in found.values()) else 1


async def _somebody_listens(target: str) -> bool:
    """A process that hangs answers nothing, and its machine still takes connections for it."""
    host, _, port = target.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except OSError:
        return False
    writer.close()
    return True
