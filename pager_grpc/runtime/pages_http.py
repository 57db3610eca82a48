"""A few read-only pages over HTTP: metrics, calendars.

On the event loop, not in a thread of a library's server: nothing outlives the room, and a stuck room gives no answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from pager_grpc.runtime.config import ConfigurationFault

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

log = structlog.get_logger()

_PATIENCE_SECONDS = 5.0
_MAX_HEAD_BYTES = 8 * 1024
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """What a path leads to."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class NoPage:
    """Nothing is there; ``hint`` says where something is. ``status`` is that of HTTP."""

    hint: str
    status: str = "404 Not Found"


Pages = Callable[[str], Awaitable[Page | NoPage]]
"""Takes a path, as it came, without its query."""


@asynccontextmanager
async def serving_pages(pages: Pages, listen: str, what: str, tls: "Tls | None" = None) -> AsyncIterator[int]:
    """Serves ``what`` at ``listen`` (host:port; port 0 takes any) while it is entered and yields the port.

    Over HTTPS with ``tls``.

    Raises:
        ConfigurationFault: the address cannot be opened.
    """
    endpoint = _Endpoint(pages, what)
    host, _, port = listen.rpartition(":")
    try:
        server = await asyncio.start_server(
            endpoint.take, host.strip("[]"), int(port), limit=_MAX_HEAD_BYTES, **_secured(tls)
        )
    except (OSError, UnicodeError) as error:
        fault = f"{listen}: {what} cannot be served there; is another process listening there? ({error})"
        raise ConfigurationFault([fault]) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await endpoint.leave()
        await server.wait_closed()


def _secured(tls: "Tls | None") -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "ssl": tls.pages_context(),
        "ssl_handshake_timeout": _PATIENCE_SECONDS,
        "ssl_shutdown_timeout": _PATIENCE_SECONDS,
    }


class _Endpoint:
    """One answer a connection; whoever dawdles is hung up on."""

    def __init__(self, pages: Pages, what: str) -> None:
        self._pages = pages
        self._what = what
        self._answering: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected."""
        task = asyncio.create_task(self._answer(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def leave(self) -> None:
        """Hangs up on everybody."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                writer.write(await self._response_to(await reader.readuntil(b"\r\n\r\n")))
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("page_unfinished", what=self._what, error=type(error).__name__)
        except Exception:
            log.exception("page_failed", what=self._what)
        finally:
            writer.transport.abort()

    async def _response_to(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        page = await self._pages(path.decode("ascii", "replace"))
        if isinstance(page, NoPage):
            return _response(page.status, f"{page.hint}\n".encode(), PLAIN)
        if method != b"GET":
            return _response("405 Method Not Allowed", b"Only GET.\n", f"{PLAIN}\r\nAllow: GET")
        return _response("200 OK", page.body, page.content_type)


def _response(status: str, body: bytes, content_type: str) -> bytes:
    headers = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body
