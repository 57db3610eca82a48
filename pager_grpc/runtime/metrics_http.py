"""``/metrics`` over HTTP, in the text format that Prometheus reads.

On the event loop, not with the server of prometheus_client: that one answers each scraper in a thread that nobody can
end, and would answer for a room whose loop is stuck. Here nothing outlives the room, and a stuck room gives no answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from pager_grpc.runtime.config import ConfigurationFault

log = structlog.get_logger()

_PATIENCE_SECONDS = 5.0
_MAX_HEAD_BYTES = 8 * 1024
_PLAIN = "text/plain; charset=utf-8"


@asynccontextmanager
async def serving_metrics(registry: CollectorRegistry, listen: str) -> AsyncIterator[int]:
    """Serves at ``listen`` (host:port; port 0 takes any) while it is entered and yields the port.

    Raises:
        ConfigurationFault: the address cannot be opened.
    """
    endpoint = _Endpoint(registry)
    host, _, port = listen.rpartition(":")
    try:
        server = await asyncio.start_server(endpoint.take, host.strip("[]"), int(port), limit=_MAX_HEAD_BYTES)
    except (OSError, UnicodeError) as error:
        fault = f"{listen}: metrics cannot be served there; is another process listening there? ({error})"
        raise ConfigurationFault([fault]) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await endpoint.leave()
        await server.wait_closed()


class _Endpoint:
    """One answer a connection; whoever dawdles is hung up on."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
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
                writer.write(self._response_to(await reader.readuntil(b"\r\n\r\n")))
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("scrape_unfinished", error=type(error).__name__)
        except Exception:
            log.exception("scrape_failed")
        finally:
            writer.transport.abort()

    def _response_to(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != b"/metrics":
            return _response("404 Not Found", b"The metrics are at /metrics.\n", _PLAIN)
        if method != b"GET":
            return _response("405 Method Not Allowed", b"Only GET.\n", f"{_PLAIN}\r\nAllow: GET")
        return _response("200 OK", generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)


def _response(status: str, body: bytes, content_type: str) -> bytes:
    headers = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body
