"""As much HTTP/1.1 as POSTing many bodies over a few connections needs."""

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic


class NotOk(Exception):
    """A status that is not 200."""


async def post_all(port: int, path: str, bodies: Sequence[bytes], connections: int) -> float:
    """Bodies a second to 127.0.0.1, each connection one after the other, up to the last answer.

    Raises:
        NotOk: an answer was not 200.
    """
    requests = iter([_request(path, body) for body in bodies])
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    try:
        begun = monotonic()
        await asyncio.gather(*(_post(reader, writer, requests) for reader, writer in opened))
        return len(bodies) / (monotonic() - begun)
    finally:
        for _, writer in opened:
            writer.close()


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: Iterator[bytes]) -> None:
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise NotOk(head.partition(b"\r\n")[0].decode())
        if length := _content_length(head):
            await reader.readexactly(length)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body
