"""A key that goes with each call of a channel."""

from collections.abc import Callable
from typing import Any

import grpc
from grpc.aio import ClientCallDetails, ClientInterceptor, Metadata


class _ShowingKey:
    def __init__(self, key: str) -> None:
        self._shown = ("authorization", f"Bearer {key}")

    async def _shows(self, continuation: Callable[..., Any], details: ClientCallDetails, request: Any) -> Any:
        metadata = Metadata(*(details.metadata or ()), self._shown)
        return await continuation(details._replace(metadata=metadata), request)  # type: ignore[attr-defined]  # a namedtuple, which its types do not tell


class _OnUnaryCalls(_ShowingKey, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._shows(continuation, client_call_details, request)


class _OnStreams(_ShowingKey, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await self._shows(continuation, client_call_details, request_iterator)


def showing(key: str) -> list[ClientInterceptor]:
    """For a channel of unary calls and of streams both ways, which is how services call each other."""
    return [_OnUnaryCalls(key), _OnStreams(key)]
