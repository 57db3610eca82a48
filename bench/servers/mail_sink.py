"""The mail server at the other end: `python -m bench.servers.mail_sink LOG`.

Takes everything and appends a line for each e-mail when it is complete: monotonic nanoseconds, recipient, Message-ID,
and how many pages its subject says that it carries. All processes of a machine share that clock.
"""

import asyncio
import os
import re
import sys
import time

from bench.servers.empty_call import tell_port
from pager_grpc.runtime.signals import until_signalled

_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(\S+)")
# A bundle says it, a page does not. A long subject may begin in the next line.
_PAGES = re.compile(rb"(?im)^subject:\s+\[[a-z]+\]\s+(\d+)\s+pages:")
_RECIPIENT = re.compile(rb"<([^>]*)>")
_END = b"\r\n.\r\n"


class MailSession(asyncio.Protocol):
    """One SMTP session: as much as a client needs that hands in one e-mail after the other."""

    def __init__(self, log: int) -> None:
        self._log = log
        self._buffer = b""
        self._recipient = b""
        self._in_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a server's connections are
        self._transport = transport
        transport.write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        """Answers every line that is complete, and the content as a whole; what came together is answered together."""
        self._buffer += data
        replies = []
        while found := self._next():
            replies.append(self._reply_to(found))
        self._transport.write(b"".join(replies))

    def _next(self) -> bytes:
        found, end, rest = self._buffer.partition(_END if self._in_content else b"\r\n")
        if not end:
            return b""
        self._buffer = rest
        return found + end

    def _reply_to(self, said: bytes) -> bytes:
        verb = said[:4].upper()
        if self._in_content:
            self._keep(said)
            self._in_content = False
        elif verb == b"DATA":
            self._in_content = True
            return b"354 go on\r\n"
        elif verb == b"EHLO":
            return b"250-bench\r\n250 PIPELINING\r\n"
        elif verb == b"QUIT":
            self._transport.close()
            return b""
        elif verb == b"RCPT" and (recipient := _RECIPIENT.search(said)):
            self._recipient = recipient[1]
        return b"250 OK\r\n"

    def _keep(self, content: bytes) -> None:
        named = _MESSAGE_ID.search(content)
        facts = (self._recipient, named[1] if named else b"-", pages_in(content))
        os.write(self._log, b"%d %s %s %d\n" % (time.monotonic_ns(), *facts))


def pages_in(content: bytes) -> int:
    """How many pages an e-mail of the product carries, by its subject."""
    found = _PAGES.search(content.partition(b"\r\n\r\n")[0])
    return int(found[1]) if found else 1


async def main(path: str) -> None:
    """Serves until SIGTERM."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    server = await asyncio.get_running_loop().create_server(lambda: MailSession(log), "127.0.0.1", 0)
    tell_port(server.sockets[0].getsockname()[1])
    await until_signalled()
    server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
