"""The replies of a mail server, in their order, while several are on their way (RFC 2920).

aiosmtplib's own protocol keeps one reply and drops what else arrives.
"""

import asyncio
from collections import deque
from functools import lru_cache

from aiosmtplib import SMTPResponse

NO_CODE = -1
"""The code of a reply that begins with none."""
_MOST_BYTES = 64 * 1024


class SmtpReplies(asyncio.Protocol):
    """``heard`` are replies that nobody has looked at yet; ``lost`` once the server has gone or talks without end."""

    def __init__(self) -> None:
        self.heard: deque[SMTPResponse] = deque()
        self.lost = False
        self._rest = b""
        self._lines: list[bytes] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, count: int) -> None:
        """Returns when ``count`` replies are heard, or the connection is lost."""
        self._wanted = count
        if len(self.heard) < count and not self.lost:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def data_received(self, data: bytes) -> None:
        """Takes lines together to replies."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.append(line)
            if line[3:4] != b"-":
                self.heard.append(_reply_of(*self._lines))
                self._lines = []
        if len(self._rest) + sum(map(len, self._lines)) > _MOST_BYTES:
            self.lost = True
        self._wake()

    def eof_received(self) -> None:
        """Nothing more comes; the transport closes."""
        self.lost = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self.lost = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (self.lost or len(self.heard) >= self._wanted):
            waiter.set_result(None)


# A server says the same to every MAIL, RCPT and DATA.
@lru_cache(maxsize=64)
def _reply_of(*lines: bytes) -> SMTPResponse:
    code = int(lines[-1][:3]) if lines[-1][:3].isdigit() else NO_CODE
    said = b"\n".join(line if code == NO_CODE else line[4:].strip() for line in lines)
    return SMTPResponse(code, said.decode("utf-8", "replace"))
