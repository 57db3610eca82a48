"""A call that named no deadline, or a distant one, is given up all the same; a stream ends before it is cut."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from pager_domain.errors import DeadlineImposed
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall


class ImposedDeadlines(RpcLayer):
    """Every unary call ends within ``seconds``, or those that ``longer`` names for its method; a stream in ``stream``.

    What is in a batch by then is committed all the same: the caller hears that it may or may not be stored. A stream
    ends with OK between two messages: all that was read of it is answered, and whoever called begins another one.
    """

    def __init__(self, seconds: float, stream: float, longer: Mapping[str, float] | None = None) -> None:
        self._seconds = seconds
        self._stream_seconds = stream
        self._longer = longer or {}

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, given up in time.

        Raises:
            DeadlineImposed: it was.
        """
        seconds = max(self._seconds, self._longer.get(method, 0))

        async def in_time(request: Any, context: Context) -> Any:
            remaining = context.time_remaining()
            if remaining is not None and remaining <= seconds:
                return await call(request, context)  # gRPC ends it by itself
            try:
                async with asyncio.timeout(seconds) as bound:
                    return await call(request, context)
            except TimeoutError as error:
                if bound.expired():
                    raise DeadlineImposed(seconds) from error
                raise

        return in_time

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, which hears no more requests, or whose answers end, in time."""

        async def in_time(request: Any, context: Context) -> AsyncIterator[Any]:
            end = asyncio.get_running_loop().time() + self._stream_seconds
            if hasattr(request, "__aiter__"):
                async with aclosing(call(_until(end, request), context)) as responses:  # type: ignore[type-var]  # a generator
                    async for response in responses:
                        yield response
                return
            async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # the same
                async for response in responses:
                    yield response
                    if asyncio.get_running_loop().time() > end:
                        return

        return in_time


async def _until(end: float, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    while True:
        try:
            async with asyncio.timeout_at(end):
                request = await anext(requests)
        except (TimeoutError, StopAsyncIteration):
            return
        yield request
