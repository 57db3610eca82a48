"""How long a caller still waits."""

import asyncio
from datetime import timedelta


class Patience:
    """``seconds`` from now on, by the monotonic clock: an attempt may outlive its call.

    The time that a request has left begins when it arrives; after a connection that hung, that is long after its
    caller gave up, and word of this comes right behind it: then :meth:`end` is called.
    """

    def __init__(self, seconds: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._ends = self._clock() + seconds

    def left(self) -> timedelta:
        """Asked again when it matters."""
        return timedelta(seconds=self._ends - self._clock())

    def end(self) -> None:
        """The caller has gone."""
        self._ends = self._clock()
