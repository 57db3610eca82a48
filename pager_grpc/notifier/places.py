"""A bound on what one provider is asked at the same time, so that a slow one holds up nobody but its own."""

import asyncio

USUAL_PLACES = 20
"""Mail servers allow a client about 50 sessions at a time."""


class Places:
    """``count`` places; whoever comes later waits in turn, and not longer than they can."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self.count = count
        self.taken = 0

    async def take(self, within_seconds: float) -> bool:
        """Whether there was a place in time; it must be given back."""
        if not self._free.locked():
            await self._free.acquire()
        else:
            try:
                async with asyncio.timeout(within_seconds):
                    await self._free.acquire()
            except TimeoutError:
                return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """Lets the next one in."""
        self.taken -= 1
        self._free.release()
