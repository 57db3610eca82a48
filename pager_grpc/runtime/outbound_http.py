"""HTTP to a URL that somebody configured: it goes where it may, is short, and does not last.

A name is resolved once for each request, every address is judged, and the connection goes to a judged address: what the
name says a moment later changes nothing. Redirects are not followed and nothing is decompressed.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import httpx

from pager_grpc.runtime.outbound_addresses import Address, Destinations, literal_address

MOST_SECONDS = 5.0
MOST_BYTES = 64 * 1024
"""Of the body of an answer, as it comes over the wire."""

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]


class OutboundRefused(httpx.ConnectError):
    """The URL leads where this process must not go. Nothing has left."""


def outbound_client(
    destinations: Destinations,
    *,
    seconds: float = MOST_SECONDS,
    tls: ssl.SSLContext | None = None,
    connections: int = 10,
    socket_options: Sequence[Any] = (),
    auth: tuple[str, str] | None = None,
    resolve: Resolver | None = None,
) -> httpx.AsyncClient:
    """A client for one host: connections to it are kept for a second.

    ``seconds`` bound a whole exchange. A request fails with httpx's own errors: :class:`OutboundRefused`, or a
    ``ReadError`` if the answer has over 64 KiB.
    """
    plain = httpx.AsyncHTTPTransport(
        verify=tls or ssl.create_default_context(),
        trust_env=False,
        # Servers drop idle connections at will, and a request lost in such a one is a needless doubt.
        limits=httpx.Limits(max_connections=connections, keepalive_expiry=1.0),
        socket_options=list(socket_options),
    )
    return httpx.AsyncClient(
        auth=auth,
        transport=_JudgedTransport(plain, destinations, seconds, resolve or _resolved_by_system),
        follow_redirects=False,  # one could lead credentials and a phone number anywhere
        trust_env=False,
        # httpx leaks the socket of a TLS handshake that is cancelled, and closes that of one that times out.
        timeout=httpx.Timeout(seconds, connect=0.45 * seconds),
        headers={"Accept-Encoding": "identity", "User-Agent": "hexagonal-pager"},
    )


class _JudgedTransport(httpx.AsyncBaseTransport):
    def __init__(
        self, plain: httpx.AsyncBaseTransport, destinations: Destinations, seconds: float, resolve: Resolver
    ) -> None:
        self._plain = plain
        self._destinations = destinations
        self._seconds = seconds
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        end = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(end) as bound:
                response = await self._sent(request, await self._judged(request))
        except TimeoutError as error:
            if bound.expired():
                raise httpx.ReadTimeout("no answer in time", request=request) from error
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - an async transport's is
        response.stream = _BoundedStream(response.stream, end)
        # Without this header httpx hands the bytes on as they come: a bomb stays small.
        response.headers.pop("Content-Encoding", None)
        return response

    async def _judged(self, request: httpx.Request) -> list[Address]:
        """The addresses of the request's host that may be called; one at least."""
        url = request.url
        literal = literal_address(url.host)
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = [literal] if literal else await self._resolve(url.host, port)
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        refusals = {address: self._destinations.refusal(address, url.scheme) for address in found}
        if allowed := [address for address, refusal in refusals.items() if not refusal]:
            return allowed
        raise OutboundRefused("; ".join(refusals.values()) or "the name has no address", request=request)

    async def _sent(self, request: httpx.Request, addresses: Sequence[Address]) -> httpx.Response:
        """The answer of the first address that can be connected to."""
        *first, last = addresses
        for address in first:
            try:
                return await self._plain.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing has left
        return await self._plain.handle_async_request(_pinned(request, last))

    async def aclose(self) -> None:
        await self._plain.aclose()


def _pinned(request: httpx.Request, address: Address) -> httpx.Request:
    """The same request to one address; host header and certificate are those of the name."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, end: float) -> None:
        self._stream = stream
        self._end = end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        chunks = aiter(self._stream)
        while True:
            try:
                async with asyncio.timeout_at(self._end):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise httpx.ReadTimeout("the answer does not end in time") from error
            size += len(chunk)
            if size > MOST_BYTES:
                raise httpx.ReadError(f"the answer has over {MOST_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _resolved_by_system(host: str, port: int) -> list[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port)
    texts = dict.fromkeys(str(where[0]).partition("%")[0] for *_, where in found)
    return [address for text in texts if (address := literal_address(text))]
