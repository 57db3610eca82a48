"""A deadline for calls that named none, or a later one; a stream is ended before its connection is cut."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from pager_domain.errors import DeadlineImposed
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall


class OneTimer:
    """Gives up tasks that are under way for more than ``seconds``, by one timer for all of them.

    All have the same time, so they end in the order in which they began. A timer of asyncio for each, that nearly
    always is called off, cost a call 5 µs and more (docs/decisions/0033).
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._is_set = False

    def begin(self) -> "asyncio.Task[Any]":
        """The time of this task begins; when it is over, the task is cancelled, unless it has ended before."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a call is a task
        self._ends[task] = end = loop.time() + self._seconds
        if not self._is_set:
            self._set(loop, end)
        return task

    def has_ended(self, task: "asyncio.Task[Any]") -> bool:
        """Whether the time of ``task`` was over before :meth:`end`."""
        return task not in self._ends

    def end(self, task: "asyncio.Task[Any]") -> None:
        """``task`` needs no more time."""
        self._ends.pop(task, None)

    def _set(self, loop: asyncio.AbstractEventLoop, end: float) -> None:
        self._is_set = True
        loop.call_at(end, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_set = False
        for task, end in list(self._ends.items()):
            if end > loop.time():
                self._set(loop, end)
                return
            del self._ends[task]
            task.cancel()


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
        timer = OneTimer(seconds)

        async def in_time(request: Any, context: Context) -> Any:
            remaining = context.time_remaining()
            if remaining is not None and remaining <= seconds:
                return await call(request, context)  # gRPC ends it by itself
            task = timer.begin()
            try:
                return await call(request, context)
            except asyncio.CancelledError as error:
                if timer.has_ended(task) and not task.uncancel():  # nobody else cancelled it
                    raise DeadlineImposed(seconds) from error
                raise
            finally:
                timer.end(task)

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
