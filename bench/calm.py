"""Waiting until the processes of one measurement have nothing left to do, so that the next finds them at rest."""

import asyncio

from bench.processes import cpu_seconds

_LOOK_SECONDS = 0.5
_MOST_BUSY = 0.1
_PATIENCE_SECONDS = 120.0


async def until_calm(*pids: int) -> None:
    """Returns once the processes together use less than a tenth of a core for half a second.

    Raises:
        TimeoutError: they do not come to rest within two minutes.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        busy = 1.0
        while busy > _MOST_BUSY:
            before = cpu_seconds(*pids)
            await asyncio.sleep(_LOOK_SECONDS)
            busy = (cpu_seconds(*pids) - before) / _LOOK_SECONDS
